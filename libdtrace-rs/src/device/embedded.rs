//! The engine in this process: what `dtrace` uses on a machine without the driver.

use std::ffi::c_void;

use super::Device;
use crate::error::{Error, Result};

/// What `DTRACE_DEV` calls it.
pub const NAME: &str = "embedded";

/// The engine of this process as one consumer sees it.
#[derive(Debug)]
struct Embedded(dtrace_user::Device);

/// Opens the engine of this process.
pub fn open() -> Result<Box<dyn Device>> {
    match dtrace_user::Device::open() {
        Ok(device) => Ok(Box::new(Embedded(device))),
        Err(errno) => Err(Error::Sys(errno.code())),
    }
}

impl Device for Embedded {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> std::result::Result<i32, i32> {
        // SAFETY: both promise the same of the argument: it is what the command takes.
        match unsafe { self.0.ioctl(command, argument) } {
            Ok(result) => Ok(result),
            Err(errno) => Err(errno.code()),
        }
    }

    fn name(&self) -> &str {
        NAME
    }
}
