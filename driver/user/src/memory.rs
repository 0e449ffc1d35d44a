//! Memory that may not be there: reads and writes that fail in place of faulting.
//!
//! Everything goes through process_vm_readv and process_vm_writev, for the traced process and for this one alike: the
//! kernel checks the addresses, so an address that a D program made up costs an error and nothing else.

use dtrace_engine::BadAddress;

/// Which process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pid: libc::pid_t,
}

impl Memory {
    /// The memory of a process.
    pub(crate) fn of(pid: u32) -> Self {
        Memory { pid: pid.cast_signed() }
    }

    /// This process's own.
    pub(crate) fn own() -> Self {
        Memory::of(std::process::id())
    }

    /// Fills all of `dst`, or says that it cannot.
    pub(crate) fn read(self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        if dst.is_empty() {
            return Ok(());
        }
        let local = libc::iovec { iov_base: dst.as_mut_ptr().cast(), iov_len: dst.len() };
        let remote = libc::iovec { iov_base: addr as *mut libc::c_void, iov_len: dst.len() };
        // SAFETY: the local vector is a live slice; the remote one is only an address, which the kernel checks.
        let got = unsafe { libc::process_vm_readv(self.pid, &raw const local, 1, &raw const remote, 1, 0) };
        if usize::try_from(got) == Ok(dst.len()) { Ok(()) } else { Err(BadAddress) }
    }

    /// Writes all of `src`, or says that it could not (some of it may then have been written).
    ///
    /// # Safety
    ///
    /// With this process's own memory: nothing that Rust relies on lies there. (Another process's memory is not ours.)
    pub(crate) unsafe fn write(self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        if src.is_empty() {
            return Ok(());
        }
        let local = libc::iovec { iov_base: src.as_ptr().cast_mut().cast(), iov_len: src.len() };
        let remote = libc::iovec { iov_base: addr as *mut libc::c_void, iov_len: src.len() };
        // SAFETY: the local vector is a live slice, which is only read; the remote one is checked by the kernel, and the
        // caller answers for what lies there.
        let put = unsafe { libc::process_vm_writev(self.pid, &raw const local, 1, &raw const remote, 1, 0) };
        if usize::try_from(put) == Ok(src.len()) { Ok(()) } else { Err(BadAddress) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_is_read_as_it_is() {
        let text = *b"sixteen bytes ok";
        let mut copy = [0u8; 16];
        assert_eq!(Memory::own().read(text.as_ptr() as u64, &mut copy), Ok(()));
        assert_eq!(copy, text);
    }

    #[test]
    fn an_address_that_is_not_there_is_an_error() {
        let mut copy = [0u8; 8];
        for addr in [0, 8, 0xdead_0000_0000_0000, 0xffff_8880_0000_0000, u64::MAX - 3] {
            assert_eq!(Memory::own().read(addr, &mut copy), Err(BadAddress), "{addr:#x}");
        }
    }
}
