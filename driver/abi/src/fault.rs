//! What can go wrong in a clause (contract 2.5): the fault code of dtrace:::ERROR.

/// Something else.
pub const UNKNOWN: u32 = 0;
/// A bad address.
pub const BADADDR: u32 = 1;
/// A misaligned address.
pub const BADALIGN: u32 = 2;
/// An illegal operation.
pub const ILLOP: u32 = 3;
/// A division by zero.
pub const DIVZERO: u32 = 4;
/// No scratch memory left.
pub const NOSCRATCH: u32 = 5;
/// Kernel memory without the privilege.
pub const KPRIV: u32 = 6;
/// User memory without the privilege.
pub const UPRIV: u32 = 7;
/// The tuple stack is full.
pub const TUPOFLOW: u32 = 8;
/// A bad stack.
pub const BADSTACK: u32 = 9;
/// The first of the codes that the library has for itself.
pub const LIBRARY: u32 = 1000;
