//! The driver, through its device files.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::Path;

use super::Device;
use crate::error::{Code, Error, Result};

/// The driver's device file.
pub const PATH: &str = "/dev/dtrace";

/// An open `/dev/dtrace`.
#[derive(Debug)]
pub struct Kernel {
    file: File,
    name: String,
}

/// Opens the driver's device. The errors have the library's own words (contract 0).
pub fn open(path: &Path) -> Result<Box<dyn Device>> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Box::new(Kernel { file, name: path.display().to_string() })),
        Err(error) => Err(match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Code::NoEntry.into(),
            Some(libc::EBUSY) => Code::Busy.into(),
            Some(libc::EACCES) => Code::Access.into(),
            Some(errno) => Error::Sys(errno),
            None => Code::NoEntry.into(),
        }),
    }
}

impl Device for Kernel {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> std::result::Result<i32, i32> {
        loop {
            // SAFETY: the descriptor is open as long as the file; the argument is what the caller promises.
            let result = unsafe { libc::ioctl(self.file.as_raw_fd(), command as _, argument) };
            if result >= 0 {
                return Ok(result);
            }
            match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => {}
                errno => return Err(errno.unwrap_or(libc::EIO)),
            }
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn descriptor(&self) -> Option<i32> {
        Some(self.file.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_and_a_forbidden_one_have_words_of_their_own() {
        let missing = open(Path::new("/nonexistent/dtrace")).err().unwrap();
        assert_eq!(missing, Error::Lib(Code::NoEntry));
        assert_eq!(missing.to_string(), "DTrace device not available on system");
    }

    #[test]
    fn a_file_that_is_no_device_answers_with_its_errno() {
        let device = open(Path::new("/dev/null")).unwrap();
        // SAFETY: the request takes a structure of 48 bytes.
        let answer = unsafe { device.ioctl(dtrace_abi::ioctl::CONF, [0u64; 6].as_mut_ptr().cast()) };
        assert_eq!(answer, Err(libc::ENOTTY));
        assert!(device.descriptor().is_some());
    }
}
