//! The device nodes, and what each answers (contract 1.1).
//!
//! | node | here |
//! |---|---|
//! | dtrace | a consumer for each open file: the engine's ioctls |
//! | dtrace_helper | what processes bring to be traced by: the engine's ioctls |
//! | fasttrap | open; its ioctls say that there is no such provider yet |
//! | fbt | accepts the symbol lines of the original's boot protocol, which this driver does not need |
//! | dtrace_ctl | memory of other processes, for who may trace them ([`crate::ctl`]) |
//! | systrace, sdt, instr, dtrace_profile | open only |
//!
//! Every value that comes from a caller is checked here or in the engine; user memory is only reached by the kernel's
//! copying functions. Process context throughout.

use crate::ffi::{self, host_node};
use crate::{ctl, driver, security};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use dtrace_abi::ioctl;
use dtrace_engine::errno::Errno;
use dtrace_engine::mem::try_filled;
use dtrace_engine::{Consumer, Model};

/// The nodes' names and modes, by number. Who may do what is decided at open, not by the mode (contract 1.3).
const NODES: [(host_node, &core::ffi::CStr, u16); ffi::HOST_NODES as usize] = [
    (ffi::HOST_NODE_DTRACE, c"dtrace", 0o666),
    (ffi::HOST_NODE_HELPER, c"dtrace_helper", 0o666),
    (ffi::HOST_NODE_FASTTRAP, c"fasttrap", 0o666),
    (ffi::HOST_NODE_FBT, c"fbt", 0o666),
    (ffi::HOST_NODE_SYSTRACE, c"systrace", 0o600),
    (ffi::HOST_NODE_CTL, c"dtrace_ctl", 0o666),
    (ffi::HOST_NODE_PROFILE, c"dtrace_profile", 0o600),
    (ffi::HOST_NODE_SDT, c"sdt", 0o600),
    (ffi::HOST_NODE_INSTR, c"instr", 0o600),
];

/// The longest text that is taken from one write().
const WRITE_MAX: usize = 64 * 1024;

/// All nodes are there: they can be opened. The kernel does not wait for open files when the module fails to load.
static READY: AtomicBool = AtomicBool::new(false);

/// Makes all nodes, or none.
pub(crate) fn add() -> Result<(), i32> {
    for (made, &(node, name, mode)) in NODES.iter().enumerate() {
        // SAFETY: process context; the name is a literal.
        let error = unsafe { ffi::host_node_add(node, name.as_ptr(), mode) };
        if error != 0 {
            remove_first(made);
            return Err(error);
        }
    }
    READY.store(true, Ordering::Release);
    Ok(())
}

/// Removes all nodes.
pub(crate) fn remove() {
    remove_first(NODES.len());
}

fn remove_first(count: usize) {
    for &(node, _, _) in NODES.iter().take(count).rev() {
        // SAFETY: process context; the node was added.
        unsafe { ffi::host_node_remove(node) }
    }
}

/// What a handler returns to user space.
type Answer = Result<i64, Errno>;

fn code(answer: Answer) -> i64 {
    answer.unwrap_or_else(|error| -i64::from(error as i32))
}

/// A node is opened. ENODEV while not all of them are there.
#[unsafe(no_mangle)]
extern "C" fn rs_open(node: host_node, slot: *mut u64) -> i32 {
    if !READY.load(Ordering::Acquire) {
        return -(Errno::ENODEV as i32);
    }
    if node != ffi::HOST_NODE_DTRACE {
        return 0;
    }
    match security::credentials().and_then(|cred| driver::engine().open(cred)) {
        Ok(consumer) => {
            // SAFETY: the shim passes the open file's word.
            unsafe { *slot = consumer.into_raw() };
            0
        }
        Err(error) => -(error as i32),
    }
}

/// The last reference to an open file is gone, for whatever reason: its consumer's probes are removed before this returns.
#[unsafe(no_mangle)]
extern "C" fn rs_release(node: host_node, slot: u64) {
    if node == ffi::HOST_NODE_DTRACE {
        driver::engine().close(Consumer::from_raw(slot));
    }
}

/// An ioctl on a node, by a 64-bit or (`compat`) a 32-bit caller.
#[unsafe(no_mangle)]
extern "C" fn rs_ioctl(node: host_node, slot: u64, command: u32, arg: u64, compat: bool) -> i64 {
    let model = if compat { Model::Ilp32 } else { Model::Lp64 };
    code(match node {
        ffi::HOST_NODE_DTRACE => {
            driver::engine().ioctl_of(model, &Consumer::from_raw(slot), command, arg).map(i64::from)
        }
        ffi::HOST_NODE_HELPER => driver::engine().helper_ioctl(model, command, arg).map(i64::from),
        ffi::HOST_NODE_FASTTRAP => fasttrap(command),
        ffi::HOST_NODE_CTL => ctl::ioctl(model, command, arg),
        _ => Err(Errno::ENOTTY),
    })
}

/// The pid provider does not exist yet: no tracepoint can be made, and none is active.
fn fasttrap(command: u32) -> Answer {
    match command {
        ioctl::FASTTRAP_MAKEPROBE => Err(Errno::EAGAIN),
        ioctl::FASTTRAP_GETINSTR => Err(Errno::ENOENT),
        _ => Err(Errno::EINVAL),
    }
}

/// A node is read: there is nothing to read but, on fbt, the names of the original's boot protocol.
#[unsafe(no_mangle)]
extern "C" fn rs_read(node: host_node, _slot: u64, _buffer: u64, _len: usize, _offset: *mut i64) -> i64 {
    match node {
        ffi::HOST_NODE_DTRACE | ffi::HOST_NODE_FBT => 0,
        _ => code(Err(Errno::EIO)),
    }
}

/// A node is written: security rules to dtrace (by root; from others they are swallowed, contract 1.3), symbol lines to fbt.
#[unsafe(no_mangle)]
extern "C" fn rs_write(node: host_node, slot: u64, buffer: u64, len: usize) -> i64 {
    code(match node {
        ffi::HOST_NODE_DTRACE => rules(slot, buffer, len),
        ffi::HOST_NODE_FBT => symbols(buffer, len),
        ffi::HOST_NODE_PROFILE => Ok(len as i64),
        _ => Err(Errno::EIO),
    })
}

/// The text of a write.
fn written(buffer: u64, len: usize) -> Result<Vec<u8>, Errno> {
    if len > WRITE_MAX {
        return Err(Errno::E2BIG);
    }
    let mut bytes = try_filled(len, 0u8)?;
    // SAFETY: process context; the destination is a live buffer of that length.
    match unsafe { ffi::host_copy_from_user(bytes.as_mut_ptr().cast(), buffer, len) } {
        0 => Ok(bytes),
        _ => Err(Errno::EFAULT),
    }
}

/// Both the writer and whoever opened the node must be root: what a program of root's prints to a descriptor that somebody
/// else has given to it is no rule.
fn rules(slot: u64, buffer: u64, len: usize) -> Answer {
    let bytes = written(buffer, len)?;
    if security::is_root() && driver::engine().is_privileged(&Consumer::from_raw(slot)) {
        security::write(core::str::from_utf8(&bytes).map_err(|_| Errno::EINVAL)?)?;
    }
    Ok(len as i64)
}

/// `<hex address> <type letter> <name>\n` for each symbol: checked and passed over (contract 6.7).
fn symbols(buffer: u64, len: usize) -> Answer {
    let bytes = written(buffer, len)?;
    let text = core::str::from_utf8(&bytes).map_err(|_| Errno::EIO)?;
    if !text.ends_with('\n') || !text.lines().all(is_symbol) {
        return Err(Errno::EIO);
    }
    Ok(len as i64)
}

fn is_symbol(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let (address, kind, name) = (words.next(), words.next(), words.next());
    address.is_some_and(|a| u64::from_str_radix(a.trim_start_matches("0x"), 16).is_ok())
        && kind.is_some_and(|k| k.len() == 1)
        && name.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_protocol_s_lines_are_symbols() {
        assert!(is_symbol("1 T END_SYMS") && is_symbol("ffffffff81000000 T access_process_vm"));
    }

    #[test]
    fn anything_else_is_not() {
        for line in ["", "END_SYMS", "xyz T name", "1 TT name", "1 T"] {
            assert!(!is_symbol(line), "{line}");
        }
    }
}
