//! dtracedrv: the Linux host of the engine.
//!
//! The engine (`dtrace-engine`) fires probes and keeps the books; this crate gives it a machine (`host`), providers
//! (`syscall`, `profile`), the lives of processes (`process`), device nodes (`device`, `ctl`) and /proc files (`proc`).
//! Compiled once, for a bare x86-64, it depends on no kernel; whatever knows a kernel structure is C, in `driver/shim`,
//! behind the functions of `ffi`. On the host it is only checked and unit-tested: nothing there calls the shim.
//!
//! # Life
//!
//! `rs_init` makes the engine, registers the providers, then the /proc files, begins anonymous tracing if there is any, then
//! makes the nodes, so that whoever can open a node finds everything there. `rs_exit` takes them away in reverse; the kernel calls
//! it only when no node is open, so no consumer exists but an anonymous state that nobody has claimed ([`anonymous`]).

#![no_std]

extern crate alloc;

mod anonymous;
mod control;
#[cfg(feature = "torture")]
mod crowd;
mod ctl;
mod device;
mod driver;
#[allow(
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "made by bindgen from driver/shim/host.h"
)]
mod ffi;
mod handler;
mod host;
mod inflight;
mod lock;
mod log;
mod memory;
mod path;
mod place;
mod predicate;
mod proc;
mod process;
mod profile;
mod regs;
mod security;
mod signal;
mod syscall;
#[cfg(feature = "torture")]
mod torture;
mod tracepoint;
mod vtime;
mod xcall;

use driver::fire;
