//! Helpers: what processes bring so that they can be traced better (contract 3 "Helpers", 6.8).
//!
//! A process opens `/dev/dtrace_helper` and hands in an image. In it are, in any number,
//!
//! * **clauses for user stacks** ([`annotator`]): for every frame of a `jstack()` of this process they may say what it is;
//!   a language runtime names its own functions that way ([`annotate`]);
//! * **descriptions of providers** ([`meta`]): the probes that a program has built in. The meta provider, once there is one,
//!   makes providers `NAME<pid>` of them.
//!
//! Each image is a *generation*, by whose number its process may take it back. It goes by itself when the process ends or
//! runs another program; a forked child has copies of its own.
//!
//! # Who reads what
//!
//! Probe context finds a process by its key and walks its annotators ([`process`]). The control path owns all of that
//! ([`registry`]), and frees it a grace period after it was unlinked. The image itself is kept: a meta provider that registers
//! later, and forked children, are served from it.
//!
//! # Trust
//!
//! Anybody may open the device. What an image can do is bounded: it is loaded as untrusted ([`crate::dof`]), its code is
//! verified to touch nothing but its process and itself, a process has 32 clauses and 32 providers and a megabyte of images,
//! a user has 64 of all that is made of them, and the time of all helpers in one stack is limited.

mod annotate;
mod annotator;
mod chain;
mod forks;
mod meta;
mod process;
mod registry;

pub(crate) use annotate::Surroundings;
pub(crate) use forks::Forks;
pub use meta::{HelperProcess, MetaProvider};
pub(crate) use process::Processes;
pub(crate) use registry::Registry;
