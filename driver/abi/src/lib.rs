//! The DTrace ABI of dtrace4linux as repr(C) types and constants.
#![no_std]
