//! What the `syscall` provider of any host says: its stability, and what its return probes are given (contract 4.1).

use dtrace_abi::{Attribute, PAttr, class, stability};

/// The largest errno that a system call returns as `-errno`.
const MAX_ERRNO: i64 = 4095;

/// The manual's stability table (Dynamic Tracing Guide, chapter on the syscall provider).
pub const STABILITY: PAttr = PAttr {
    provider: Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON),
    module: Attribute::new(stability::PRIVATE, stability::PRIVATE, class::UNKNOWN),
    function: Attribute::new(stability::UNSTABLE, stability::UNSTABLE, class::ISA),
    name: Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON),
    args: Attribute::new(stability::UNSTABLE, stability::UNSTABLE, class::ISA),
};

/// arg0 to arg2 of a return probe: -1 for a failure or else the result, the result as it is, its high half.
#[must_use]
pub const fn returned(result: i64) -> [u64; 3] {
    let shown = if result < 0 { -1 } else { result };
    [shown.cast_unsigned(), result.cast_unsigned(), result.cast_unsigned() >> 32]
}

/// `errno` while a call returns with this result: 0 for a success.
#[must_use]
pub const fn errno(result: i64) -> i32 {
    if -MAX_ERRNO <= result && result < 0 { -result as i32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_returns_minus_one_and_the_raw_result() {
        assert_eq!(returned(-2), [u64::MAX, (-2i64).cast_unsigned(), 0xffff_ffff]);
    }

    #[test]
    fn a_success_returns_the_result_and_its_high_half() {
        assert_eq!(returned(0x1_0000_0007), [0x1_0000_0007, 0x1_0000_0007, 1]);
    }

    #[test]
    fn only_what_the_kernel_uses_for_errors_is_an_errno() {
        assert_eq!([0, 7, -1, -2, -4095, -4096, i64::MIN].map(errno), [0, 0, 1, 2, 4095, 0, 0]);
    }
}
