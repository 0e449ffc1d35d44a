//! The `syscall` provider in a process: `syscall:x64:NAME:entry|return` of the processes that are traced by ptrace
//! (contract 4.1). 32-bit callers (`x32`) are told apart and have no probes here.
//!
//! What always holds: the tracer's thread is the only hook. While no probe is enabled, traced processes run without system
//! call stops.

use crate::hook::Hook;
use crate::host::Process;
use crate::tracer;
use dtrace_engine::errno::Errno;
use dtrace_engine::syscall::returned;
use dtrace_engine::{Description, Firing, Probe, Provider, Registrar};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};
use syscalls::Sysno;

/// More than the highest number of the table.
const LIMIT: usize = 1024;

static ENTRY: [Hook; LIMIT] = [const { Hook::new() }; LIMIT];
static RETURN: [Hook; LIMIT] = [const { Hook::new() }; LIMIT];

/// How many of them are set.
static ENABLED: AtomicU32 = AtomicU32::new(0);

/// Whether traced processes must stop at system calls.
pub(crate) fn wanted() -> bool {
    ENABLED.load(Ordering::Relaxed) != 0
}

/// The cookie's mark of an entry probe (contract 4.1).
const ENTRY_MARK: usize = 0x1_0000;

/// The provider.
#[derive(Debug)]
pub(crate) struct Syscall;

impl Provider<Process> for Syscall {
    /// The table does not change: all probes are made at the first call.
    fn provide(&self, registrar: &mut Registrar<'_, Process>, _description: Option<&Description<'_>>) {
        for call in Sysno::iter() {
            let number = call.id().cast_unsigned() as usize;
            for (part, mark) in [(b"entry".as_slice(), ENTRY_MARK), (b"return".as_slice(), 0)] {
                if number < LIMIT
                    && registrar.create(b"x64", call.name().as_bytes(), part, 0, number | mark).is_err()
                {
                    return;
                }
            }
        }
    }

    fn enable(&self, probe: &Probe<Process>) -> Result<(), Errno> {
        hook(probe).ok_or(Errno::EINVAL)?.set(probe);
        ENABLED.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn disable(&self, probe: &Probe<Process>) {
        if let Some(hook) = hook(probe) {
            hook.clear();
            ENABLED.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn commit(&self) -> Result<(), Errno> {
        if wanted() {
            tracer::rearm();
        }
        Ok(())
    }
}

fn hook(probe: &Probe<Process>) -> Option<&'static Hook> {
    let table = if probe.cookie() & ENTRY_MARK == 0 { &RETURN } else { &ENTRY };
    table.get(probe.cookie() & 0xffff)
}

/// A system call that a traced thread makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    number: usize,
    args: [u64; 6],
}

impl Call {
    /// Whether it puts another program in the place of the one that makes it.
    pub(crate) fn is_exec(self) -> bool {
        [libc::SYS_execve, libc::SYS_execveat].contains(&(self.number as libc::c_long))
    }
}

/// What a traced thread is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// To make a call.
    Entry(Call),
    /// To return from one, with this result.
    Exit(i64),
}

/// `AUDIT_ARCH_X86_64`: what the kernel calls a 64-bit caller.
const ARCH_X64: u32 = 0xc000_003e;

/// What the thread's system call stop is about; None if it is a 32-bit caller or already gone.
pub(crate) fn at_stop(tid: u32) -> Option<Stop> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    // SAFETY: the request writes at most the given number of bytes to the address.
    let got = unsafe {
        libc::ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            tid.cast_signed(),
            size_of::<libc::ptrace_syscall_info>(),
            info.as_mut_ptr(),
        )
    };
    if got <= 0 {
        return None;
    }
    // SAFETY: all of it was zeroed, and every part is plain integers.
    let info = unsafe { info.assume_init() };
    if info.arch != ARCH_X64 {
        return None;
    }
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says that this member is the one that was written.
            let entry = unsafe { info.u.entry };
            Some(Stop::Entry(Call { number: usize::try_from(entry.nr).ok()?, args: entry.args }))
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: `op` says that this member is the one that was written.
            Some(Stop::Exit(unsafe { info.u.exit }.sval))
        }
        _ => None,
    }
}

/// Fires the entry probe of a call. The traced thread is the current one.
pub(crate) fn enter(call: Call) {
    if let Some(hook) = ENTRY.get(call.number).filter(|hook| hook.is_set()) {
        hook.fire(&Firing::new(&call.args));
    }
}

/// Fires the return probe.
pub(crate) fn leave(call: Call, result: i64) {
    if let Some(hook) = RETURN.get(call.number).filter(|hook| hook.is_set()) {
        hook.fire(&Firing::new(&returned(result)));
    }
}
