//! The current thread, as D's built-in variables mean it.
//!
//! A firing from a traced process's system call is about that process: the tracer's thread says so by [`Traced::during`].
//! Any other firing (BEGIN, a timer, a test) is about the thread that fires.
//!
//! What costs a file of /proc is read when a D program asks for it, and not kept: an id or a name may change between two
//! system calls.

use dtrace_engine::registers::UserRegisters;
use std::cell::Cell;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::ptr;

/// A traced thread in a system call stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traced {
    /// Process id.
    pub(crate) pid: u32,
    /// Thread id.
    pub(crate) tid: u32,
    /// Identity for thread-local variables.
    pub(crate) key: u64,
    /// The result of the call that returns, None at entry.
    pub(crate) result: Option<i64>,
}

thread_local! {
    static CURRENT: Cell<Option<Traced>> = const { Cell::new(None) };
}

impl Traced {
    /// Runs `f` with this thread as the current one.
    pub(crate) fn during<T>(self, f: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self));
        let result = f();
        CURRENT.set(before);
        result
    }

    /// The traced thread that the firing on this thread is about, if it is about one.
    pub(crate) fn current() -> Option<Traced> {
        CURRENT.get()
    }

    /// The thread's registers in user mode. Only its tracer may ask, and only the tracer's thread has a current `Traced`.
    pub(crate) fn registers(self) -> Option<UserRegisters> {
        // SAFETY: the structure is plain integers, for which zero is a value.
        let mut regs: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: PTRACE_GETREGS writes one user_regs_struct to the address it is given.
        let got = unsafe {
            libc::ptrace(
                libc::PTRACE_GETREGS,
                self.tid.cast_signed(),
                ptr::null_mut::<libc::c_void>(),
                &raw mut regs,
            )
        };
        (got == 0).then_some(UserRegisters {
            r15: regs.r15,
            r14: regs.r14,
            r13: regs.r13,
            r12: regs.r12,
            r11: regs.r11,
            r10: regs.r10,
            r9: regs.r9,
            r8: regs.r8,
            di: regs.rdi,
            si: regs.rsi,
            bp: regs.rbp,
            bx: regs.rbx,
            dx: regs.rdx,
            cx: regs.rcx,
            ax: regs.rax,
            trapno: 0,
            err: regs.orig_rax,
            ip: regs.rip,
            cs: regs.cs,
            flags: regs.eflags,
            sp: regs.rsp,
            ss: regs.ss,
            fs: regs.fs,
            gs: regs.gs,
            es: regs.es,
            ds: regs.ds,
            fs_base: regs.fs_base,
            gs_base: regs.gs_base,
        })
    }
}

/// An identity for thread-local variables: the thread's id over its start time, so that an id which is used again is another
/// thread.
pub(crate) fn thread_key(tid: u32) -> u64 {
    u64::from(tid) << 42 | (start_time(tid) & ((1 << 42) - 1))
}

/// When a thread began, in clock ticks since boot; 0 if it is gone.
fn start_time(tid: u32) -> u64 {
    // The command name, in parentheses, may hold blanks: fields are counted from behind it. Start time is field 22.
    let Ok(stat) = fs::read_to_string(format!("/proc/{tid}/stat")) else { return 0 };
    let Some((_, rest)) = stat.rsplit_once(')') else { return 0 };
    rest.split_ascii_whitespace().nth(19).and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// The command name of a thread, without the newline.
pub(crate) fn comm(tid: u32) -> Vec<u8> {
    let mut name = fs::read(format!("/proc/{tid}/comm")).unwrap_or_default();
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    name
}

/// The path of an open descriptor of a thread.
pub(crate) fn descriptor(tid: u32, number: u32) -> Option<Vec<u8>> {
    let path = fs::read_link(format!("/proc/{tid}/fd/{number}")).ok()?;
    Some(path.into_os_string().into_vec())
}

/// What `/proc/TID/status` says in the line `Field:`, first number.
pub(crate) fn status(tid: u32, field: &str) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Nanoseconds of CPU that a thread has had.
pub(crate) fn runtime(tid: u32) -> u64 {
    fs::read_to_string(format!("/proc/{tid}/schedstat"))
        .ok()
        .and_then(|text| text.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_thread_is_found_in_proc() {
        // SAFETY: no preconditions.
        let tid = unsafe { libc::gettid() }.cast_unsigned();
        assert_eq!(status(tid, "Pid"), Some(tid));
        assert_eq!(status(tid, "Tgid"), Some(std::process::id()));
        assert!(start_time(tid) > 0);
        assert!(!comm(tid).is_empty());
    }

    #[test]
    fn a_thread_that_is_gone_has_nothing() {
        assert_eq!(status(u32::MAX, "Pid"), None);
        assert_eq!(start_time(u32::MAX), 0);
    }
}
