//! No device: programs can be compiled and images made of them, nothing can be enabled (`DTRACE_O_NODEV`).

use std::ffi::c_void;

use dtrace_abi::{Conf, Plain, dif, ioctl};

use super::Device;

/// What is in the place of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoDevice;

impl Device for NoDevice {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        if command != ioctl::CONF {
            return Err(libc::EBADF);
        }
        let conf = Conf {
            difversion: dif::VERSION,
            difintregs: dif::DIR_NREGS as u32,
            diftupregs: dif::DTR_NREGS as u32,
            ..Conf::zeroed()
        };
        // SAFETY: the argument of CONF is a Conf, by the trait's contract.
        unsafe { argument.cast::<Conf>().write(conf) };
        Ok(0)
    }

    fn name(&self) -> &str {
        "none"
    }
}
