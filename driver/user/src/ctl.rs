//! The control device: what /dev/dtrace_ctl is on a machine with the driver, in this process.
//!
//! Memory is moved through `/proc/PID/mem`, so the kernel says who may look at whom.

use dtrace_abi::{CtlMem, Plain, ioctl as command};
use dtrace_engine::errno::Errno;
use std::ffi::c_void;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use crate::memory::Memory;

/// An open control device. It holds nothing.
#[derive(Clone, Copy, Debug)]
pub struct ControlDevice(());

impl ControlDevice {
    /// Opens the device, which always succeeds.
    #[must_use]
    pub fn open() -> ControlDevice {
        ControlDevice(())
    }

    /// An ioctl of /dev/dtrace_ctl (contract 2.1): the number of bytes that were moved, which may be fewer than asked for.
    ///
    /// EINVAL for an unknown command or a length below 1, ESRCH, EPERM, EFAULT where nothing could be moved.
    ///
    /// # Safety
    ///
    /// `argument` is the address of a [`CtlMem`], or a bad one (then it is EFAULT). Where bytes are moved to this process,
    /// they go where nothing relies on what is there.
    pub unsafe fn ioctl(&self, which: u32, argument: *mut c_void) -> Result<i32, Errno> {
        let write = match which {
            command::CTL_RDMEM => false,
            command::CTL_WRMEM => true,
            _ => return Err(Errno::EINVAL),
        };
        let mut mem = CtlMem::zeroed();
        Memory::own().read(argument as u64, mem.as_bytes_mut())?;
        let len = usize::try_from(mem.len).ok().filter(|&len| len > 0).ok_or(Errno::EINVAL)?;
        if mem.pid <= 0 {
            return Err(Errno::ESRCH);
        }
        let file = OpenOptions::new()
            .read(!write)
            .write(write)
            .open(format!("/proc/{}/mem", mem.pid))
            .map_err(|error| refusal(&error))?;
        let fd = file.as_raw_fd();
        // SAFETY: the descriptor is open; the kernel checks the addresses, and the caller answers for what lies where.
        let moved = unsafe {
            match write {
                false => libc::pread64(fd, mem.dst as *mut c_void, len, mem.src.cast_signed()),
                true => libc::pwrite64(fd, mem.src as *const c_void, len, mem.dst.cast_signed()),
            }
        };
        i32::try_from(moved).ok().filter(|&moved| moved >= 0).ok_or(Errno::EFAULT)
    }
}

/// Why a process's memory cannot be opened.
fn refusal(error: &io::Error) -> Errno {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ESRCH) => Errno::ESRCH,
        Some(libc::ENOMEM | libc::EMFILE | libc::ENFILE) => Errno::ENOMEM,
        _ => Errno::EPERM,
    }
}
