//! Cross-CPU calls and quiescence as a state machine; knows no Linux.
//!
//! Unlink, one grace period, free: that is how everything a probe may hold is taken away. [`quiescence`] is the grace
//! period: it learns that every CPU has left the probe it was in, from counters alone, without an interrupt.
//!
//! [`mesh`] is for what must run *on* another CPU: a call that ends whatever the two CPUs are doing, and says so when the
//! other one does not answer.
//!
//! Both are checked by trying every interleaving of small cases (`make loom`) and by racing them natively and in a guest.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod counters;
pub mod ipi;
pub mod mesh;
#[cfg(all(test, loom))]
mod model;
mod pending;
pub mod quiescence;
mod row;
mod slot;
mod sync;

pub use counters::Stats;
pub use ipi::{Budget, Ipi};
pub use mesh::{Call, Function, Mesh, Refused, Report, Served};
pub use pending::MAX_CPUS;
pub use quiescence::{Counter, Inside, synchronize};
