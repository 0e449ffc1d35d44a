//! libdtrace for C: the functions, data and structures that the original's clients know (contract 6.4).
//!
//! This crate forwards and decides nothing: each function turns C's arguments into Rust's, calls the library, and turns
//! what comes back into C's. A crate of its own, because its names are C's: no Rust program has to carry them, and what
//! is asked of C's pointers is said in one place. `include/dtrace.h` is generated from here.
//!
//! # What every function asks of its caller
//!
//! Pointers are those that C programs pass: a handle is one of `dtrace_open` that is not closed yet, and is used by one
//! thread at a time; a string ends with a NUL; a structure to be filled may be written to; a callback has the type that
//! the header says. A null handle is an error and not a fault. The functions are `unsafe` for these reasons and no other,
//! so the section on safety is here, once. What points into the handle lives as long as the handle.
//!
//! # What they promise
//!
//! * No panic crosses into C: [`entry`] turns one into the function's error value, with ENOTRECOVERABLE as `dtrace_errno`.
//! * A callback may use the handle that calls it, to look things up, print or stop. What would change what the caller is
//!   walking over (compiling, enabling, starting) fails with EBUSY.
#![expect(clippy::missing_safety_doc, reason = "what every function asks of its caller is said once, above")]

pub mod aggregate;
mod argument;
pub mod callback;
pub mod constant;
pub mod consume;
pub mod describe;
mod descriptor;
pub mod dof;
mod entry;
pub mod error;
pub mod format;
pub mod handle;
pub mod handler;
mod kept;
pub mod libproc;
pub mod name;
pub mod object;
pub mod open;
pub mod option;
pub mod probe;
pub mod process;
pub mod program;
pub mod statement;
mod stream;
pub mod structure;
pub mod symbol;
pub mod types;
mod vector;
