//! The registers of an interrupted or trapped thread: `PtRegs` is the kernel's `struct pt_regs`. What D calls them, the engine
//! knows.

#[cfg_attr(target_arch = "x86", path = "regs/x86.rs")]
#[cfg_attr(not(target_arch = "x86"), path = "regs/x86_64.rs")]
mod arch;

pub(crate) use arch::PtRegs;

/// What a provider of ours hands to the engine as a firing's register frame.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// What a system call that returns here returns to its caller; None where nothing returns.
    pub(crate) result: Option<i64>,
    /// Where the kernel was interrupted; None where the provider's hook was called.
    pub(crate) interrupted: Option<u64>,
}
