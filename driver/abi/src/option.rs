//! The options of a consumer state (contract 2.5). Rates are intervals in nanoseconds.

/// The number of an option.
pub type OptId = u32;
/// The value of an option.
pub type OptVal = i64;

/// Bytes of a principal buffer.
pub const BUFSIZE: u32 = 0;
/// What happens when a principal buffer is full ([`BUFPOLICY_RING`] and so on).
pub const BUFPOLICY: u32 = 1;
/// Bytes for dynamic variables.
pub const DYNVARSIZE: u32 = 2;
/// Bytes of an aggregation buffer.
pub const AGGSIZE: u32 = 3;
/// Bytes of a speculation buffer.
pub const SPECSIZE: u32 = 4;
/// Number of speculations.
pub const NSPEC: u32 = 5;
/// Bytes of a string.
pub const STRSIZE: u32 = 6;
/// How often dynamic variables and speculations are cleaned.
pub const CLEANRATE: u32 = 7;
/// The one CPU to trace on, or -1.
pub const CPU: u32 = 8;
/// Whether a buffer may become smaller when memory is short ([`BUFRESIZE_AUTO`] and so on).
pub const BUFRESIZE: u32 = 9;
/// Take over the anonymous state.
pub const GRABANON: u32 = 10;
/// Indent by entry and return.
pub const FLOWINDENT: u32 = 11;
/// Print what is asked for and no more.
pub const QUIET: u32 = 12;
/// Frames of a kernel stack.
pub const STACKFRAMES: u32 = 13;
/// Frames of a user stack.
pub const USTACKFRAMES: u32 = 14;
/// How often aggregations are read.
pub const AGGRATE: u32 = 15;
/// How often buffers are switched.
pub const SWITCHRATE: u32 = 16;
/// How often the status is read.
pub const STATUSRATE: u32 = 17;
/// Whether destructive actions are allowed.
pub const DESTRUCTIVE: u32 = 18;
/// Columns before a stack frame.
pub const STACKINDENT: u32 = 19;
/// Print memory as bytes, always.
pub const RAWBYTES: u32 = 20;
/// Frames of a `jstack`.
pub const JSTACKFRAMES: u32 = 21;
/// Bytes for the strings of a `jstack`.
pub const JSTACKSTRSIZE: u32 = 22;
/// Sort aggregations by key.
pub const AGGSORTKEY: u32 = 23;
/// Sort aggregations downwards.
pub const AGGSORTREV: u32 = 24;
/// Which of several aggregations to sort by.
pub const AGGSORTPOS: u32 = 25;
/// Which key to sort by.
pub const AGGSORTKEYPOS: u32 = 26;
/// Print stacks with symbols (the Linux port's own).
pub const STACKSYMBOLS: u32 = 27;
/// Number of options.
pub const MAX: u32 = 28;

/// The value of an option that nobody has set.
pub const UNSET: i64 = -2;

/// The oldest records make room for the newest.
pub const BUFPOLICY_RING: i64 = 0;
/// Tracing ends on a CPU when its buffer is full.
pub const BUFPOLICY_FILL: i64 = 1;
/// Two buffers a CPU, read in turn.
pub const BUFPOLICY_SWITCH: i64 = 2;

/// Smaller buffers are taken when memory is short.
pub const BUFRESIZE_AUTO: i64 = 0;
/// Not enough memory is an error.
pub const BUFRESIZE_MANUAL: i64 = 1;

/// The options of a fresh consumer state, by number.
pub const DEFAULTS: [OptVal; MAX as usize] = {
    let mut options = [UNSET; MAX as usize];
    options[BUFPOLICY as usize] = BUFPOLICY_SWITCH;
    options[BUFRESIZE as usize] = BUFRESIZE_AUTO;
    options[NSPEC as usize] = 1;
    options[SPECSIZE as usize] = 32 * 1024;
    options[CPU as usize] = crate::buffer::CPUALL;
    options[STRSIZE as usize] = 256;
    options[STACKFRAMES as usize] = 20;
    options[USTACKFRAMES as usize] = 20;
    options[CLEANRATE as usize] = 9_900_990;
    options[AGGRATE as usize] = 1_000_000_000;
    options[SWITCHRATE as usize] = 1_000_000_000;
    options[STATUSRATE as usize] = 1_000_000_000;
    options[JSTACKFRAMES as usize] = 50;
    options[JSTACKSTRSIZE as usize] = 512;
    options
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_unset_but_for_those_that_the_contract_names() {
        let set = DEFAULTS.iter().filter(|&&value| value != UNSET).count();
        assert_eq!(set, 14);
        assert_eq!(DEFAULTS[CPU as usize], -1);
        assert_eq!(DEFAULTS[BUFSIZE as usize], UNSET);
    }
}
