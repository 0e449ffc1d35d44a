//! `/dev/dtrace_ctl`: memory of other processes, for the library that controls them (contract 2.1, 2.2).
//!
//! Two checks, both of which must pass. By DTrace's rules (contract 1.3, real ids): root may ask; with `priv_proc` one may ask
//! about any process, with `priv_user` or `priv_kernel` about one's own. And by the kernel's: the request is carried out
//! through `/proc/PID/mem`, opened with the rights of the caller, so that whoever the kernel keeps from tracing a process
//! (other users, what is not dumpable, security modules) is kept from it here, too. The node adds no right that the caller
//! did not have.
//!
//! What is found under that path is up to whoever mounted it: in a mount namespace of his own the caller can put any file
//! there. So the file is asked for nothing that `pread()` and `pwrite()` would not ask it for ([`checked`]).
//!
//! Rejected: `access_process_vm` behind checks of our own. The kernel's function for the check (`ptrace_may_access`) is not for
//! modules, and what modules may call of it is not all of it. The original checks nothing.
//!
//! Process context.

use crate::{ffi, security};
use core::ffi::CStr;
use core::fmt::{self, Write};
use dtrace_abi::ctl::CtlMem32;
use dtrace_abi::{CtlMem, Plain, ioctl as command};
use dtrace_engine::errno::Errno;
use dtrace_engine::{Model, Privileges};

/// An ioctl: the number of bytes that were moved, which may be fewer than asked for.
///
/// EINVAL for an unknown command or a length below 1, ESRCH, EPERM, EFAULT where nothing could be moved.
pub(crate) fn ioctl(model: Model, which: u32, arg: u64) -> Result<i64, Errno> {
    let write = match which {
        command::CTL_RDMEM => false,
        command::CTL_WRMEM => true,
        _ => return Err(Errno::EINVAL),
    };
    let mem = match model {
        Model::Lp64 => read::<CtlMem>(arg)?,
        Model::Ilp32 => read::<CtlMem32>(arg)?.into(),
    };
    let len = usize::try_from(mem.len).ok().filter(|&len| len > 0).ok_or(Errno::EINVAL)?;
    let pid = u32::try_from(mem.pid).ok().filter(|&pid| pid > 0).ok_or(Errno::ESRCH)?;
    // Who has no privilege at all is not told whether there is such a process.
    let cred = security::credentials().map_err(|_| Errno::EPERM)?;
    let file = Memory::open(pid, write)?;
    // SAFETY: the file is open.
    if !may(cred.privileges, unsafe { ffi::host_file_owner(file.0) } == cred.uid) {
        return Err(Errno::EPERM);
    }
    let at = if write { mem.dst } else { mem.src };
    let len = checked(at, len)?;
    // SAFETY: the file is open, for the access that is asked for, and offset and length were checked; the caller's memory is
    // checked by the shim.
    let moved = unsafe {
        match write {
            false => ffi::host_file_read(file.0, at, mem.dst, len),
            true => ffi::host_file_write(file.0, at, mem.src, len),
        }
    };
    if moved < 0 { Err(Errno::EFAULT) } else { Ok(moved) }
}

/// The most that one call moves, and the kernel's own limit: a file never sees a larger length.
const MOVE_MAX: usize = 0x7fff_f000;

/// How many of `len` bytes to ask a file for, from `at` on. EFAULT where the kernel would not even ask: files are not made for
/// offsets beyond the last, and there is no memory there.
fn checked(at: u64, len: usize) -> Result<usize, Errno> {
    let len = len.min(MOVE_MAX);
    let end = i64::try_from(at).ok().and_then(|at| at.checked_add_unsigned(len as u64));
    end.map(|_| len).ok_or(Errno::EFAULT)
}

/// Whether these privileges are enough for a process that is the caller's own, or another's.
fn may(privileges: Privileges, own: bool) -> bool {
    let about_own = Privileges::USER.with(Privileges::KERNEL);
    privileges.has(Privileges::ALL) || privileges.has(Privileges::PROC) || (own && privileges.any(about_own))
}

fn read<T: Plain>(arg: u64) -> Result<T, Errno> {
    let mut value = T::zeroed();
    let bytes = value.as_bytes_mut();
    // SAFETY: process context; the destination is a live buffer of that length.
    match unsafe { ffi::host_copy_from_user(bytes.as_mut_ptr().cast(), arg, bytes.len()) } {
        0 => Ok(value),
        _ => Err(Errno::EFAULT),
    }
}

/// The memory of a process, open.
struct Memory(*mut ffi::host_file);

impl Memory {
    fn open(pid: u32, write: bool) -> Result<Memory, Errno> {
        const ENOENT: i32 = -(Errno::ENOENT as i32);
        const ESRCH: i32 = -(Errno::ESRCH as i32);
        const ENOMEM: i32 = -(Errno::ENOMEM as i32);
        let path = Path::of(pid);
        let mut error = 0;
        // SAFETY: process context; the path is a C string, and the address is of a live word.
        let file = unsafe { ffi::host_file_open(path.text().as_ptr(), write, &raw mut error) };
        match error {
            0 => Ok(Memory(file)),
            ENOENT | ESRCH => Err(Errno::ESRCH),
            ENOMEM => Err(Errno::ENOMEM),
            _ => Err(Errno::EPERM),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the file is open, and not used any more.
        unsafe { ffi::host_file_close(self.0) }
    }
}

/// `/proc/PID/mem`
struct Path {
    text: [u8; 32],
    len: usize,
}

impl Path {
    fn of(pid: u32) -> Path {
        let mut path = Path { text: [0; 32], len: 0 };
        // There is room: a number has ten digits at most.
        let _ = write!(path, "/proc/{pid}/mem");
        path
    }

    fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or(c"")
    }
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // The last byte stays NUL.
        let last = self.text.len() - 1;
        let room = self.text.get_mut(self.len..last).and_then(|room| room.get_mut(..text.len()));
        room.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_the_process_s_memory() {
        assert_eq!(Path::of(1).text(), c"/proc/1/mem");
        assert_eq!(Path::of(u32::MAX).text(), c"/proc/4294967295/mem");
    }

    #[test]
    fn a_file_is_asked_for_nothing_beyond_the_last_offset() {
        let last = i64::MAX as u64;
        assert_eq!(checked(0x1000, 16), Ok(16));
        assert_eq!(checked(0, i32::MAX as usize), Ok(MOVE_MAX));
        assert_eq!(checked(last - 16, 16), Ok(16));
        for at in [last - 15, last + 1, 0u64.wrapping_sub(4096), u64::MAX] {
            assert_eq!(checked(at, 16), Err(Errno::EFAULT), "{at:#x}");
        }
    }

    #[test]
    fn privileges_are_for_any_process_or_for_one_s_own() {
        assert!(may(Privileges::ALL, false) && may(Privileges::PROC, false));
        assert!(may(Privileges::USER, true) && may(Privileges::KERNEL, true));
        for privileges in [Privileges::USER, Privileges::KERNEL, Privileges::OWNER, Privileges::NONE] {
            assert!(!may(privileges, false), "{privileges:?}");
        }
        assert!(!may(Privileges::OWNER, true));
    }
}
