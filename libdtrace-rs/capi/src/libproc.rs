//! What clients ask of the processes that they trace, under the names of libproc.

use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::ptr;

use dtrace_rs::proc::{End, Process, signal_name};
use libc::{pid_t, size_t};

use crate::argument::put_text;
use crate::entry::guard;
use crate::handle::PsProcHandle;

/// Pstate: it runs.
pub const PS_RUN: c_int = 1;
/// It is held.
pub const PS_STOP: c_int = 2;
/// It is no longer ours.
pub const PS_LOST: c_int = 3;
/// It has ended.
pub const PS_UNDEAD: c_int = 4;

/// Room for the name of a signal.
pub const SIG2STR_MAX: c_int = 32;

/// How a process stands.
///
/// cbindgen:field-names=[pr_pid]
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PStatus {
    /// Its id.
    pub pid: pid_t,
}

/// What a process is.
///
/// cbindgen:field-names=[pr_pid, pr_wstat]
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PsInfo {
    /// Its id.
    pub pid: pid_t,
    /// Once it has ended, how: as wait(2) says it.
    pub wstat: c_int,
}

/// What was asked of a process, as C has it.
#[derive(Default)]
pub(crate) struct Answers {
    status: Cell<PStatus>,
    info: Cell<PsInfo>,
}

/// How a process stands: one of PS_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Pstate(process: *mut PsProcHandle) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs): null, or a process of a handle that is open.
        let Some(process) = (unsafe { process.as_ref() }) else { return PS_LOST };
        process.ask(|held| match held {
            None => PS_LOST,
            Some(held) if held.end().is_some() => PS_UNDEAD,
            Some(_) if process.running.get() => PS_RUN,
            Some(_) => PS_STOP,
        })
    })
}

/// The id of a process; NULL for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Pstatus(process: *mut PsProcHandle) -> *const PStatus {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs): null, or a process of a handle that is open.
        let Some(process) = (unsafe { process.as_ref() }) else { return ptr::null() };
        process.answers.status.set(PStatus { pid: process.pid.cast_signed() });
        process.answers.status.as_ptr().cast_const()
    })
}

/// The id of a process, and how it has ended if it has; NULL for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Ppsinfo(process: *mut PsProcHandle) -> *const PsInfo {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs): null, or a process of a handle that is open.
        let Some(process) = (unsafe { process.as_ref() }) else { return ptr::null() };
        let wstat = process.ask(|held| match held.and_then(Process::end) {
            Some(End::Exited(status)) => (status & 0xff) << 8,
            Some(End::Killed(signal)) => signal,
            Some(End::Gone) | None => 0,
        });
        process.answers.info.set(PsInfo { pid: process.pid.cast_signed(), wstat });
        process.answers.info.as_ptr().cast_const()
    })
}

/// Writes the name of a signal: SIGKILL. The buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn proc_signame(signal: c_int, buffer: *mut c_char, size: size_t) -> *mut c_char {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs).
        unsafe { put_text(buffer, size, &signal_name(signal)) };
        buffer
    })
}
