//! The `syscall` provider: `syscall:x64:NAME:entry|return` for 64-bit callers, `syscall:x32:NAME:…` for 32-bit ones
//! (contract 4.1; `x32` is the field's name for the ia32 table here, not the x32 ABI).
//!
//! Mechanism: the kernel's raw tracepoints sys_enter and sys_exit, attached while any entry (any return) probe is
//! enabled. Each call has two words, its enabled entry probe and its enabled return probe, which the hook reads; nothing
//! else is shared, so that calls which are not enabled cost one load in the hook. Nothing is patched.
//!
//! What always holds: a word holds null or a probe that the engine has not freed: the engine frees a probe only after
//! `disable` cleared its word, `commit` detached the hook where nothing needs it, and a grace period of the hooks passed.
//!
//! Names are those of the headers of the kernel that the module was built for; calls without a name have no probe.
//!
//! fork, vfork, clone and clone3 return twice; the return probe fires in the parent only. exit and exit_group do not
//! return.

use crate::ffi;
use crate::host::{self, Linux};
use crate::regs::{Frame, PtRegs};
use crate::tracepoint::Tracepoint;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use dtrace_engine::errno::Errno;
use dtrace_engine::syscall::returned;
use dtrace_engine::{Description, Firing, Probe, Provider, Registrar};

/// More than the highest number of any table.
const LIMIT: usize = 1024;

/// The enabled probes of one table, by call number.
struct Table {
    entry: [AtomicPtr<Probe<Linux>>; LIMIT],
    exit: [AtomicPtr<Probe<Linux>>; LIMIT],
}

impl Table {
    const fn new() -> Self {
        Table {
            entry: [const { AtomicPtr::new(ptr::null_mut()) }; LIMIT],
            exit: [const { AtomicPtr::new(ptr::null_mut()) }; LIMIT],
        }
    }
}

/// Which table a caller's numbers index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abi {
    /// The 64-bit table.
    X64,
    /// The ia32 table.
    Ia32,
}

static X64: Table = Table::new();
static IA32: Table = Table::new();

impl Abi {
    fn table(self) -> &'static Table {
        match self {
            Abi::X64 => &X64,
            Abi::Ia32 => &IA32,
        }
    }

    /// The module part of the probes' names.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Abi::X64 => "x64",
            Abi::Ia32 => "x32",
        }
    }

    /// One more than the highest number that has a probe.
    pub(crate) fn limit(self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_syscall_limit(self == Abi::Ia32) }.min(LIMIT as u32)
    }

    /// The name of a call; empty where the table has a gap.
    pub(crate) fn name(self, number: u32) -> &'static str {
        // SAFETY: no preconditions.
        host::text(unsafe { ffi::host_syscall_name(number, self == Abi::Ia32) })
    }

    /// Whether a call has an enabled probe.
    pub(crate) fn is_enabled(self, number: u32) -> bool {
        let table = self.table();
        [&table.entry, &table.exit].into_iter().any(|words| {
            words.get(number as usize).is_some_and(|word| !word.load(Ordering::Relaxed).is_null())
        })
    }
}

/// What a probe's cookie says (contract 4.1): number | 0x10000 entry | 0x20000 32-bit.
#[derive(Clone, Copy)]
struct Site {
    number: u32,
    entry: bool,
    abi: Abi,
}

impl Site {
    const ENTRY: usize = 0x1_0000;
    const IA32: usize = 0x2_0000;

    fn cookie(self) -> usize {
        self.number as usize
            | if self.entry { Self::ENTRY } else { 0 }
            | if self.abi == Abi::Ia32 { Self::IA32 } else { 0 }
    }

    fn of(cookie: usize) -> Site {
        Site {
            number: (cookie & 0xffff) as u32,
            entry: cookie & Self::ENTRY != 0,
            abi: if cookie & Self::IA32 == 0 { Abi::X64 } else { Abi::Ia32 },
        }
    }

    /// The word that the hook reads.
    fn word(self) -> Option<&'static AtomicPtr<Probe<Linux>>> {
        let table = self.abi.table();
        let words = if self.entry { &table.entry } else { &table.exit };
        words.get(self.number as usize)
    }
}

/// One of the two hooks, attached while any probe wants it. Changed under the control mutex only.
struct Hook {
    tracepoint: Tracepoint,
    wanted: AtomicU32,
}

impl Hook {
    const fn new(tracepoint: Tracepoint) -> Self {
        Hook { tracepoint, wanted: AtomicU32::new(0) }
    }
}

// SAFETY: these are the arguments of sys_enter: the registers and the number.
static ENTER: Hook = Hook::new(unsafe { Tracepoint::new(c"sys_enter", sys_enter as *mut c_void) });
// SAFETY: these are the arguments of sys_exit: the registers and the result.
static EXIT: Hook = Hook::new(unsafe { Tracepoint::new(c"sys_exit", sys_exit as *mut c_void) });

fn hook(site: Site) -> &'static Hook {
    if site.entry { &ENTER } else { &EXIT }
}

/// The provider.
pub(crate) struct Syscall;

impl Provider<Linux> for Syscall {
    /// The tables do not change: all probes are made at the first call.
    fn provide(&self, registrar: &mut Registrar<'_, Linux>, _description: Option<&Description<'_>>) {
        for abi in [Abi::X64, Abi::Ia32] {
            for number in 0..abi.limit() {
                let name = abi.name(number).as_bytes();
                if name.is_empty() {
                    continue;
                }
                for (entry, part) in [(true, b"entry".as_slice()), (false, b"return".as_slice())] {
                    let cookie = Site { number, entry, abi }.cookie();
                    match registrar.create(abi.module().as_bytes(), name, part, AFRAMES, cookie) {
                        Ok(_) => {}
                        // The first one there: so are all.
                        Err(_) => return,
                    }
                }
            }
        }
    }

    fn enable(&self, probe: &Probe<Linux>) -> Result<(), Errno> {
        let site = Site::of(probe.cookie());
        let word = site.word().ok_or(Errno::EINVAL)?;
        // SAFETY: providers are called in process context with the control mutex held.
        unsafe { hook(site).tracepoint.attach()? };
        hook(site).wanted.fetch_add(1, Ordering::Relaxed);
        word.store(ptr::from_ref(probe).cast_mut(), Ordering::Release);
        Ok(())
    }

    fn disable(&self, probe: &Probe<Linux>) {
        let site = Site::of(probe.cookie());
        if let Some(word) = site.word() {
            word.store(ptr::null_mut(), Ordering::Release);
            hook(site).wanted.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn commit(&self) {
        for hook in [&ENTER, &EXIT] {
            if hook.wanted.load(Ordering::Relaxed) == 0 {
                // SAFETY: as in `enable`.
                unsafe { hook.tracepoint.detach() }
            }
        }
    }
}

/// The hook itself is called by the tracepoint, which is called by the kernel's entry code: frames that `stack()` shows,
/// since they are the kernel's own.
const AFRAMES: u32 = 0;

/// The enabled probe of a call, if the current task's table is `abi`. `words` picks entry or exit.
fn enabled(
    number: i64,
    pick: fn(&'static Table) -> &'static [AtomicPtr<Probe<Linux>>; LIMIT],
) -> Option<(&'static Probe<Linux>, Abi)> {
    let at = usize::try_from(number).ok()?;
    let x64 = pick(&X64).get(at)?.load(Ordering::Acquire);
    let ia32 = pick(&IA32).get(at)?.load(Ordering::Acquire);
    if x64.is_null() && ia32.is_null() {
        return None;
    }
    // SAFETY: no preconditions.
    let (probe, abi) =
        if unsafe { ffi::host_task_is_compat() } { (ia32, Abi::Ia32) } else { (x64, Abi::X64) };
    // SAFETY: a word holds null or a probe that lives at least until the hooks' next grace period (see the module's
    // text), and this is a hook.
    unsafe { probe.as_ref() }.map(|probe| (probe, abi))
}

/// Fires the entry probe of a system call. Called by the tracepoint with the registers the task came in with.
extern "C" fn sys_enter(_data: *mut c_void, regs: *const c_void, number: isize) {
    let Some((probe, abi)) = enabled(number as i64, |table| &table.entry) else { return };
    // SAFETY: the tracepoint passes the current task's register frame.
    let regs = unsafe { &*regs.cast::<PtRegs>() };
    let args = regs.arguments(abi);
    let frame = Frame { result: None, interrupted: None };
    crate::fire(probe, &Firing::with_regs(&args, (&raw const frame).cast()));
}

/// Fires the return probe of a system call. Called by the tracepoint with the registers and the call's result.
extern "C" fn sys_exit(_data: *mut c_void, regs: *const c_void, result: isize) {
    let result = result as i64;
    // SAFETY: the tracepoint passes the current task's register frame.
    let regs = unsafe { &*regs.cast::<PtRegs>() };
    let Some((probe, abi)) = enabled(regs.number().cast_signed(), |table| &table.exit) else { return };
    if result == 0 && forks(regs.number(), abi) {
        return;
    }
    let args = returned(result);
    let frame = Frame { result: Some(result), interrupted: None };
    crate::fire(probe, &Firing::with_regs(&args, (&raw const frame).cast()));
}

/// Whether a call returns in a child, too, where its result is 0.
fn forks(number: u64, abi: Abi) -> bool {
    match abi {
        // clone, fork, vfork, clone3.
        Abi::X64 => matches!(number, 56..=58 | 435),
        // fork, clone, vfork, clone3.
        Abi::Ia32 => matches!(number, 2 | 120 | 190 | 435),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_says_number_side_and_table() {
        let site = Site { number: 257, entry: true, abi: Abi::Ia32 };
        assert_eq!(site.cookie(), 0x3_0101);
        let back = Site::of(site.cookie());
        assert!(back.number == 257 && back.entry && back.abi == Abi::Ia32);
    }
}
