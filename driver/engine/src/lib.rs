//! What fires a probe and keeps the books; knows no Linux.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod errno;
pub mod glob;
pub mod mem;
