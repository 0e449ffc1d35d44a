//! What fires a probe and keeps the books; knows no Linux.
//!
//! The engine is the framework of DTrace as a library. A [`Host`] gives it a machine: CPUs, clocks, the current thread,
//! memory that may be read without faulting. [`Provider`]s give it probes and fire them. Consumers come through ioctls
//! and bring programs (DOF), which are verified once and then run on every firing.
//!
//! It is `no_std`, takes memory only through [`mem`], and only in process context: nothing allocates, blocks or takes a
//! lock while a probe fires.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod aggregation;
mod anchor;
mod anonymous;
mod arrival;
mod brief;
pub mod buffer;
mod builtin;
mod clause;
mod control;
mod cpu;
pub mod difo;
pub mod dof;
pub mod dynvar;
mod ecb;
mod enabling;
pub mod errno;
pub mod exchange;
mod fire;
pub mod frames;
pub mod glob;
mod guise;
mod helper;
pub mod host;
mod housekeeping;
pub mod interp;
pub mod interval;
mod ioctl;
mod keyed;
pub mod mem;
#[cfg(feature = "mock")]
pub mod mock;
mod option;
pub mod probe;
pub mod provider;
pub mod registers;
pub mod scratch;
mod session;
mod speculation;
mod state;
pub mod syscall;
mod tuple;
pub mod variable;
pub mod verify;

pub use anonymous::{Anonymous, AnonymousError, SAVED_MAX};
pub use control::{Consumer, Dtrace};
pub use helper::{HelperProcess, MetaProvider};
pub use host::{BadAddress, Firing, Host};
pub use ioctl::Model;
pub use probe::{Probe, ProbeId};
pub use provider::{Description, Privileges, Provider, ProviderId, ProviderInfo, Registrar};
pub use session::Cred;
