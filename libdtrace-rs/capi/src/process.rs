//! Processes: created, grabbed, let go; and waiting for their ends.

use std::ffi::{OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::time::Duration;

use dtrace_rs::error::{Error, Result};
use dtrace_rs::proc::Process;
use libc::pid_t;

use crate::argument::{bytes, word_list};
use crate::entry::enter;
use crate::handle::{Hdl, PsProcHandle};

/// Starts a program with these words, which NULL ends: held before its first instruction until dtrace_proc_continue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_proc_create(
    dtp: *mut Hdl,
    file: *const c_char,
    argv: *const *mut c_char,
) -> *mut PsProcHandle {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (file, words) = (OsStr::from_bytes(bytes(file)?), word_list(argv));
            let pid = hdl.library_mut()?.create_program(file, &words)?;
            Ok(hdl.processes.keep(PsProcHandle::new(hdl, pid)))
        })
    }
}

/// Takes hold of a running process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_proc_grab(dtp: *mut Hdl, pid: pid_t, _flags: c_int) -> *mut PsProcHandle {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let pid = u32::try_from(pid).map_err(|_| Error::Sys(libc::ESRCH))?;
            hdl.library_mut()?.grab_process(pid)?;
            Ok(hdl.processes.keep(PsProcHandle::new(hdl, pid)))
        })
    }
}

/// A process that is known. EINVAL for any other address.
fn known(hdl: &Hdl, process: *mut PsProcHandle) -> Result<&PsProcHandle> {
    if !hdl.processes.has(process) {
        return Err(Error::Sys(libc::EINVAL));
    }
    // SAFETY: the handle keeps it, and shares it only.
    Ok(unsafe { &*process })
}

/// Lets go of a process. One that was created and never continued is killed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_proc_release(dtp: *mut Hdl, process: *mut PsProcHandle) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let pid = known(hdl, process)?.pid;
            hdl.library_mut()?.release_process(pid);
            hdl.processes.give_up(process);
            Ok(())
        });
    }
}

/// Lets a process run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_proc_continue(dtp: *mut Hdl, process: *mut PsProcHandle) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let process = known(hdl, process)?;
            let library = hdl.library()?;
            library.resume(library.process(process.pid).ok_or(Error::Sys(libc::ESRCH))?);
            process.running.set(true);
            Ok(())
        });
    }
}

/// Waits until there is something to do, and tells of processes that have ended.
pub(crate) fn sleep(hdl: &Hdl) -> Result<()> {
    if farewell(hdl)? {
        return Ok(());
    }
    let living = |&process: &*mut PsProcHandle| known(hdl, process).ok().filter(|state| !state.ended.get());
    {
        let (library, all) = (hdl.library()?, hdl.processes.all());
        let living = all.iter().filter_map(living);
        let living: Vec<&Process> = living.filter_map(|state| library.process(state.pid)).collect();
        library.wait(&living, &mut pause);
    }
    farewell(hdl).map(drop)
}

/// Tells the client of the processes that have ended since: whether there was any.
fn farewell(hdl: &Hdl) -> Result<bool> {
    let mut told = false;
    for process in hdl.processes.all() {
        // The client's function may have let go of it meanwhile.
        let Ok(state) = known(hdl, process) else { continue };
        if state.ended.get() {
            continue;
        }
        let ended = hdl.library()?.process(state.pid).is_none_or(|process| process.end().is_some());
        if !ended {
            continue;
        }
        state.ended.set(true);
        told = true;
        if let Some((function, arg)) = hdl.handlers.process.get() {
            // SAFETY: the client's function, with its argument. No message: it has ended, as its state says.
            unsafe { function(process, ptr::null(), arg) };
        }
    }
    Ok(told)
}

/// Waits; whether a signal has ended it.
fn pause(time: Duration) -> bool {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    };
    // SAFETY: the time is there; nobody wants to know what is left of it.
    unsafe { libc::nanosleep(&time, ptr::null_mut()) != 0 }
}
