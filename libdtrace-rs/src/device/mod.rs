//! The device: what answers the ioctls of `/dev/dtrace` (contract 2.1).
//!
//! A [`Device`] is one consumer: an open file of the driver ([`kernel`]), or the engine hosted in this process
//! ([`embedded`]). Both take the same requests at the same raw level, which is also where `dtrace_vopen`'s vector fits.
//! Everybody else uses [`Requests`], which is safe: it gives each request the structure that belongs to it.
//!
//! Which one is opened: `DTRACE_DEV` names a device file, or `embedded` for the engine in this process. Without it the
//! driver is tried, and if there is none on the machine, the embedded engine takes its place (DESIGN, decision 11).
//! A device that is there but may not be opened is an error, never a reason to fall back: the user asked for the
//! kernel and must hear why he does not get it.

pub mod embedded;
pub mod kernel;
pub mod none;
mod request;

use std::ffi::{OsStr, c_void};

use crate::error::{Code, Error, Result};

pub use none::NoDevice;
pub use request::{AggregationDesc, EnabledProbe, Requests, Snapshot, pattern};

/// What answers the requests of one consumer. Dropping it closes it, and so disables its probes.
pub trait Device {
    /// A request (contract 2.1): its result, or the errno.
    ///
    /// # Safety
    ///
    /// `argument` is what `command` takes: null where that is allowed, else the address of a structure of the command's
    /// type that may be written to, whose own pointers point at memory that may be written to.
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> std::result::Result<i32, i32>;

    /// What it is called, for people.
    fn name(&self) -> &str;

    /// The file descriptor of the device, if it has one (`dtrace_ctlfd`).
    fn descriptor(&self) -> Option<i32> {
        None
    }

    /// One more than the greatest number of a CPU, where that is not this machine's.
    fn cpus(&self) -> Option<u32> {
        None
    }

    /// Whether there is a CPU of this number, below the greatest.
    fn has_cpu(&self, _cpu: u32) -> bool {
        true
    }
}

/// Opens the device that the environment asks for.
pub fn open() -> Result<Box<dyn Device>> {
    match std::env::var_os("DTRACE_DEV") {
        Some(name) if name == OsStr::new(embedded::NAME) => embedded::open(),
        Some(path) => kernel::open(path.as_ref()),
        None => match kernel::open(kernel::PATH.as_ref()) {
            Err(Error::Lib(Code::NoEntry)) => embedded::open(),
            other => other,
        },
    }
}
