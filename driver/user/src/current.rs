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

use dtrace_engine::host::EXECNAME_SIZE;

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

/// No CPU.
pub(crate) const NONE: usize = usize::MAX;

/// What a thread of ours has for itself, in one place, so that a firing looks for it once.
#[derive(Debug)]
pub(crate) struct Here {
    /// The CPU slot it has if it is in a probe (`slot`), or [`NONE`].
    pub(crate) slot: Cell<usize>,
    /// The CPU it stands for if it was bound to one, or [`NONE`].
    pub(crate) bound: Cell<usize>,
    /// A predicate that is false for the current thread, or 0.
    known_false: Cell<u64>,
    /// The traced thread that is the current one.
    traced: Cell<Option<Traced>>,
    /// The thread's own id, identity and name, once they have been asked for.
    tid: Cell<u32>,
    key: Cell<u64>,
    name: Cell<Option<[u8; EXECNAME_SIZE]>>,
}

thread_local! {
    static HERE: Here = const {
        Here {
            slot: Cell::new(NONE),
            bound: Cell::new(NONE),
            known_false: Cell::new(0),
            traced: Cell::new(None),
            tid: Cell::new(0),
            key: Cell::new(0),
            name: Cell::new(None),
        }
    };
}

impl Here {
    #[inline]
    pub(crate) fn with<R>(f: impl FnOnce(&Here) -> R) -> R {
        HERE.with(f)
    }

    /// The number of the CPU the thread is on or stands for.
    #[inline]
    pub(crate) fn cpu(&self) -> usize {
        match self.bound.get() {
            // SAFETY: no preconditions. -1 (no such call) becomes CPU 0.
            NONE => usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0),
            cpu => cpu,
        }
    }

    /// Whether the predicate is known to be false for the current thread.
    #[inline]
    pub(crate) fn is_known_false(&self, predicate: u64) -> bool {
        self.known_false.get() == predicate
    }

    /// Remembers the predicate for the current thread.
    #[inline]
    pub(crate) fn note_false(&self, predicate: u64) {
        self.known_false.set(predicate);
    }

    /// The id of the current thread.
    #[inline]
    pub(crate) fn tid(&self) -> u32 {
        self.traced.get().map_or_else(|| self.own_tid(), |traced| traced.tid)
    }

    fn own_tid(&self) -> u32 {
        if self.tid.get() == 0 {
            // SAFETY: no preconditions.
            self.tid.set(unsafe { libc::gettid() }.cast_unsigned());
        }
        self.tid.get()
    }

    /// The identity of the current thread.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        match self.traced.get() {
            Some(traced) => traced.key,
            None => match self.key.get() {
                0 => self.find_key(),
                key => key,
            },
        }
    }

    #[cold]
    fn find_key(&self) -> u64 {
        self.key.set(thread_key(self.own_tid()));
        self.key.get()
    }

    /// The command name of the current thread, filled up with NULs.
    #[inline]
    pub(crate) fn name(&self) -> [u8; EXECNAME_SIZE] {
        match self.name.get() {
            Some(name) if self.traced.get().is_none() => name,
            _ => self.find_name(),
        }
    }

    #[cold]
    fn find_name(&self) -> [u8; EXECNAME_SIZE] {
        match self.traced.get() {
            Some(traced) => padded(&comm(traced.tid)),
            None => {
                let name = padded(&comm(self.own_tid()));
                self.name.set(Some(name));
                name
            }
        }
    }
}

/// A name cut to 15 bytes and filled up with NULs.
fn padded(name: &[u8]) -> [u8; EXECNAME_SIZE] {
    let mut out = [0; EXECNAME_SIZE];
    for (to, from) in out.iter_mut().zip(name.iter().take(EXECNAME_SIZE - 1)) {
        *to = *from;
    }
    out
}

impl Traced {
    /// Runs `f` with this thread as the current one. What is known of predicates is another thread's, before and after.
    pub(crate) fn during<T>(self, f: impl FnOnce() -> T) -> T {
        let (before, known) =
            Here::with(|here| (here.traced.replace(Some(self)), here.known_false.replace(0)));
        let result = f();
        Here::with(|here| {
            here.traced.set(before);
            here.known_false.set(known);
        });
        result
    }

    /// The traced thread that the firing on this thread is about, if it is about one.
    #[inline]
    pub(crate) fn current() -> Option<Traced> {
        Here::with(|here| here.traced.get())
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
        (got == 0).then(|| named(&regs))
    }
}

/// What ptrace calls the registers.
#[cfg(target_pointer_width = "64")]
fn named(regs: &libc::user_regs_struct) -> UserRegisters {
    UserRegisters {
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
    }
}

/// What ptrace calls the registers.
#[cfg(target_pointer_width = "32")]
fn named(regs: &libc::user_regs_struct) -> UserRegisters {
    let word = |register: libc::c_long| u64::from(register.cast_unsigned());
    UserRegisters {
        di: word(regs.edi),
        si: word(regs.esi),
        bp: word(regs.ebp),
        bx: word(regs.ebx),
        dx: word(regs.edx),
        cx: word(regs.ecx),
        ax: word(regs.eax),
        err: word(regs.orig_eax),
        ip: word(regs.eip),
        cs: word(regs.xcs),
        flags: word(regs.eflags),
        sp: word(regs.esp),
        ss: word(regs.xss),
        fs: word(regs.xfs),
        gs: word(regs.xgs),
        es: word(regs.xes),
        ds: word(regs.xds),
        ..UserRegisters::default()
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

/// The arguments of a process, each with its NUL; of this one if it is not said which.
pub(crate) fn arguments(pid: Option<u32>) -> Vec<u8> {
    let path = pid.map_or("/proc/self/cmdline".to_owned(), |pid| format!("/proc/{pid}/cmdline"));
    fs::read(path).unwrap_or_default()
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
    fn a_predicate_is_known_for_the_thread_it_was_false_for_and_no_other() {
        let traced = |tid| Traced { pid: tid, tid, key: u64::from(tid), result: None };
        let known = |predicate| Here::with(|here| here.is_known_false(predicate));
        let note = |predicate| Here::with(|here| here.note_false(predicate));
        note(7);
        assert!(known(7) && !known(8));
        traced(1).during(|| {
            assert!(!known(7));
            note(8);
            assert!(known(8));
        });
        assert!(known(7) && !known(8));
        traced(2).during(|| assert!(!known(7) && !known(8)));
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(!known(7)));
        });
    }

    #[test]
    fn a_thread_that_is_gone_has_nothing() {
        assert_eq!(status(u32::MAX, "Pid"), None);
        assert_eq!(start_time(u32::MAX), 0);
    }
}
