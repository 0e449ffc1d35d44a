//! The engine hosted in an ordinary process.
//!
//! What it is for: `dtrace` on a machine without the driver (the embedded default), tests, fuzzing and benches. It is the same
//! engine with the same ioctls; a [`Device`] is what an open /dev/dtrace is with the driver. The providers are `dtrace`,
//! `profile` (`profile-N`, `tick-N`) and `syscall`, which sees the processes that were created or grabbed as a [`Tracee`],
//! and their descendants, by ptrace.
//!
//! What it is not: it sees no other process and nothing of the kernel, and stopping at system calls costs microseconds.

mod current;
mod device;
mod hook;
mod host;
mod memory;
mod profile;
mod slot;
mod syscall;
mod tracer;

pub use device::Device;
pub use host::Process;
pub use slot::{Entered, bind};
pub use tracer::{Exit, Tracee};
