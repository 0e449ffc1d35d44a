//! DIF, the code that runs in the kernel when a probe fires: its assembler and its listing.
//!
//! The instruction set itself (opcodes, the bits of an instruction) is the ABI's ([`dtrace_abi::dif`]); here are the
//! pieces a compiler needs to make a [`Difo`](crate::program::Difo) and to show one.

mod asm;
mod listing;

pub use asm::{Assembler, Label, R0, Reg};
pub use listing::{listing, listings, subroutine_name};
