//! The kinds of actions (contract 2.5), and the packing of their arguments. The high byte is the class.

/// The kind of an action as a record carries it.
pub type ActKind = u16;

/// No action: an ECB that only says that it fired.
pub const NONE: u32 = 0;
/// Record the value of a DIF expression.
pub const DIFEXPR: u32 = 1;
/// Stop tracing.
pub const EXIT: u32 = 2;
/// Record the arguments of a `printf`.
pub const PRINTF: u32 = 3;
/// Print an aggregation.
pub const PRINTA: u32 = 4;
/// An action that the consumer's library carries out.
pub const LIBACT: u32 = 5;
/// Record memory of a constant size.
pub const TRACEMEM: u32 = 6;
/// The size of the memory to show, for the record before.
pub const TRACEMEM_DYNSIZE: u32 = 7;

/// Class of the actions on the current process.
pub const PROC: u32 = 0x100;
/// Record the user stack.
pub const USTACK: u32 = PROC + 1;
/// Record the user stack with helper strings.
pub const JSTACK: u32 = PROC + 2;
/// Record a user address to be shown as a symbol.
pub const USYM: u32 = PROC + 3;
/// Record a user address to be shown as its module.
pub const UMOD: u32 = PROC + 4;
/// Record a user address to be shown as symbol and offset.
pub const UADDR: u32 = PROC + 5;

/// Class of the actions that change the current process.
pub const PROC_DESTRUCTIVE: u32 = 0x200;
/// Stop the process.
pub const STOP: u32 = PROC_DESTRUCTIVE + 1;
/// Send the process a signal.
pub const RAISE: u32 = PROC_DESTRUCTIVE + 2;
/// Run a shell command in the consumer.
pub const SYSTEM: u32 = PROC_DESTRUCTIVE + 3;
/// Send the consumer's output elsewhere.
pub const FREOPEN: u32 = PROC_DESTRUCTIVE + 4;

/// Class of the actions that control processes; it has none.
pub const PROC_CONTROL: u32 = 0x300;

/// Class of the actions on the kernel.
pub const KERNEL: u32 = 0x400;
/// Record the kernel stack.
pub const STACK: u32 = KERNEL + 1;
/// Record a kernel address to be shown as a symbol.
pub const SYM: u32 = KERNEL + 2;
/// Record a kernel address to be shown as its module.
pub const MOD: u32 = KERNEL + 3;
/// An experiment of the Linux port: an eight byte record.
pub const TEST1: u32 = KERNEL + 0x80;
/// An experiment of the Linux port: an eight byte record.
pub const TEST2: u32 = KERNEL + 0x81;

/// Class of the actions that change the kernel.
pub const KERNEL_DESTRUCTIVE: u32 = 0x500;
/// Enter the kernel debugger.
pub const BREAKPOINT: u32 = KERNEL_DESTRUCTIVE + 1;
/// Panic.
pub const PANIC: u32 = KERNEL_DESTRUCTIVE + 2;
/// Spin for some time.
pub const CHILL: u32 = KERNEL_DESTRUCTIVE + 3;

/// Class of the actions on speculations.
pub const SPECULATIVE: u32 = 0x600;
/// Record the rest of the clause into a speculation.
pub const SPECULATE: u32 = SPECULATIVE + 1;
/// Copy a speculation into the principal buffer.
pub const COMMIT: u32 = SPECULATIVE + 2;
/// Throw a speculation away.
pub const DISCARD: u32 = SPECULATIVE + 3;

/// Class of the aggregations ([`crate::agg`]).
pub const AGGREGATION: u32 = 0x700;

/// The bits of a kind that are its class.
pub const CLASS_MASK: u32 = 0xff00;

/// The bits of a stack action's argument that are the number of frames; the string size stands above them.
pub const USTACK_NFRAMES_MASK: u64 = 0xffff_ffff;

/// The class of a kind.
#[must_use]
pub const fn class(kind: u32) -> u32 {
    kind & CLASS_MASK
}

/// Whether a kind changes what it traces, so that the `destructive` option must allow it.
#[must_use]
pub const fn is_destructive(kind: u32) -> bool {
    class(kind) == PROC_DESTRUCTIVE || class(kind) == KERNEL_DESTRUCTIVE
}

/// Whether a kind is an aggregation.
#[must_use]
pub const fn is_aggregation(kind: u32) -> bool {
    class(kind) == AGGREGATION
}

/// Whether a kind is about speculations.
#[must_use]
pub const fn is_speculative(kind: u32) -> bool {
    class(kind) == SPECULATIVE
}

/// Whether the consumer formats the record of this kind, together with those that follow it.
#[must_use]
pub const fn is_printf_like(kind: u32) -> bool {
    matches!(kind, PRINTF | PRINTA | SYSTEM | FREOPEN)
}

/// The argument of [`USTACK`] and [`JSTACK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UstackArg {
    /// The frames to record.
    pub nframes: u32,
    /// Bytes for the strings of helpers.
    pub strsize: u32,
}

impl UstackArg {
    /// The argument as one word.
    #[must_use]
    pub const fn pack(self) -> u64 {
        (self.strsize as u64) << 32 | self.nframes as u64
    }

    /// The argument in a word.
    #[must_use]
    pub const fn unpack(arg: u64) -> Self {
        Self { nframes: (arg & USTACK_NFRAMES_MASK) as u32, strsize: (arg >> 32) as u32 }
    }

    /// Bytes of the record: the process id, the frames, and the strings rounded up to a word (contract 2.6).
    #[must_use]
    pub const fn record_size(self) -> u64 {
        (self.nframes as u64 + 1) * 8 + (self.strsize as u64).next_multiple_of(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agg;

    #[test]
    fn the_class_is_the_high_byte() {
        assert_eq!(class(UADDR), PROC);
        assert_eq!((TEST1, TEST2, CHILL, FREOPEN), (0x480, 0x481, 0x503, 0x204));
        assert!(is_destructive(RAISE) && is_destructive(PANIC) && !is_destructive(STACK));
        assert!(is_aggregation(agg::LLQUANTIZE) && !is_aggregation(DISCARD));
        assert!(is_speculative(COMMIT));
    }

    #[test]
    fn a_stack_argument_has_frames_below_and_string_size_above() {
        let arg = UstackArg { nframes: 50, strsize: 513 };
        assert_eq!(arg.pack(), 0x201_0000_0032);
        assert_eq!(UstackArg::unpack(arg.pack()), arg);
        assert_eq!(arg.record_size(), 51 * 8 + 520);
    }
}
