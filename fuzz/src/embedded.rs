//! The engine of this process, as libdtrace's device: probe descriptions are matched against real probes.

use std::ffi::c_void;

use dtrace_rs::device::Device;
use dtrace_rs::handle::Handle;

struct Embedded(dtrace_user::Device);

impl Device for Embedded {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        // SAFETY: the contract is the same.
        unsafe { self.0.ioctl(command, argument) }.map_err(|errno| errno as i32)
    }

    fn name(&self) -> &str {
        "embedded"
    }
}

/// A handle on it.
///
/// # Panics
/// Where the engine takes no more consumers.
#[must_use]
pub fn handle() -> Handle {
    let device = dtrace_user::Device::open().expect("a device");
    Handle::with_device(Box::new(Embedded(device))).expect("a handle")
}
