//! The helper device: what /dev/dtrace_helper is on a machine with the driver, in this process.

use crate::device::engine;
use dtrace_engine::Model;
use dtrace_engine::errno::Errno;
use std::ffi::c_void;

/// An open helper device. It holds nothing: what is brought belongs to this process, not to whoever opened the device.
#[derive(Clone, Copy, Debug)]
pub struct HelperDevice(());

impl HelperDevice {
    /// Opens the device of this process, which always succeeds.
    #[must_use]
    pub fn open() -> HelperDevice {
        HelperDevice(())
    }

    /// An ioctl of /dev/dtrace_helper (contract 2.1): its result, or the error number.
    ///
    /// # Safety
    ///
    /// `argument` is what the command takes: an address, which may be bad (then it is EFAULT), or a number.
    pub unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, Errno> {
        engine().helper_ioctl(Model::Lp64, command, argument as u64)
    }
}
