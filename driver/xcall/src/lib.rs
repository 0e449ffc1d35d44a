//! Cross-CPU calls and quiescence as a state machine; knows no Linux.
//!
//! Unlink, one grace period, free: that is how everything a probe may hold is taken away. [`quiescence`] is the grace
//! period: it learns that every CPU has left the probe it was in, from counters alone, without an interrupt.
#![no_std]

pub mod quiescence;

pub use quiescence::{Counter, Inside, synchronize};
