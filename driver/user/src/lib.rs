//! The engine hosted in an ordinary process.
//!
//! What it is for: `dtrace` on a machine without the driver (the embedded default), tests, fuzzing and benches. It is the same
//! engine with the same ioctls; a [`Device`] is what an open /dev/dtrace is with the driver, a [`HelperDevice`] what
//! /dev/dtrace_helper is, a [`ControlDevice`] what /dev/dtrace_ctl is. The providers are `dtrace`,
//! `profile` (`profile-N`, `tick-N`) and `syscall`, which sees the processes that were created or grabbed as a [`Tracee`],
//! and their descendants, by ptrace.
//!
//! What it is not: it sees no other process and nothing of the kernel, and stopping at system calls costs microseconds.

mod anonymous;
mod ctl;
mod current;
mod device;
mod helper;
mod hook;
mod host;
mod maps;
mod memory;
mod profile;
mod slot;
mod syscall;
mod tracer;

pub use anonymous::SAVED_MAX;
pub use ctl::ControlDevice;
pub use device::Device;
pub use helper::HelperDevice;
pub use host::Process;
pub use maps::noted_maps;
pub use slot::{Entered, bind};
pub use tracer::{Exit, Tracee};
