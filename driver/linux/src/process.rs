//! The lives of processes: who they are, and when they end, run another program, or fork.
//!
//! The engine keeps helpers for processes that brought some, and must hear what becomes of these. From the first of
//! them on, until the driver is unloaded, this module listens to the kernel's tracepoints sched_process_exit,
//! sched_process_exec and sched_process_fork; before that they cost nothing. What the engine has to do about an event is done
//! by the housekeeper, since the tracepoints run with preemption off.
//!
//! A process's key is its id (22 bits) over the microseconds at which it began, so that an id which is used again makes
//! another key.

use crate::control::Control;
use crate::driver::engine;
use crate::ffi;
use dtrace_engine::errno::Errno;

/// The number of callbacks that `host_process_watch` knows.
const CALLBACKS: u32 = 3;

/// How many of them are attached.
static ATTACHED: Control<u32> = Control::new(0);

/// The key of a process.
fn key(pid: u32, start: u64) -> u64 {
    (u64::from(pid) << 42) | ((start >> 10) & ((1 << 42) - 1))
}

/// The key of the current process.
pub(crate) fn current_key() -> u64 {
    // SAFETY: no preconditions.
    unsafe { key(ffi::host_pid(), ffi::host_process_start()) }
}

/// Whether the process of an id and a key lives. Process context.
pub(crate) fn lives(pid: u32, expected: u64) -> bool {
    let mut start = 0;
    // SAFETY: process context; the address is of a live word.
    unsafe { ffi::host_process_lives(pid, &raw mut start) && key(pid, start) == expected }
}

/// Listens from now on. The engine calls it, with the control mutex held.
pub(crate) fn watch() -> Result<(), Errno> {
    // SAFETY: the control mutex is held.
    let attached = unsafe { ATTACHED.get() };
    while *attached < CALLBACKS {
        // SAFETY: process context.
        if unsafe { ffi::host_process_watch(*attached) } != 0 {
            return Err(Errno::ENODEV);
        }
        *attached += 1;
    }
    Ok(())
}

/// Listens no more. Nobody else uses the engine any more, so nobody holds the control mutex.
pub(crate) fn unwatch() {
    // SAFETY: nobody else is there.
    let attached = unsafe { ATTACHED.get() };
    while *attached > 0 {
        *attached -= 1;
        // SAFETY: process context; it was attached.
        unsafe { ffi::host_process_unwatch(*attached) }
    }
}

/// The housekeeper shall look at once, if there is anything for it.
fn settle(wanted: bool) {
    if wanted {
        // SAFETY: this is a tracepoint of the scheduler's, and no NMI.
        unsafe { ffi::host_housekeep_now() }
    }
}

/// A thread of the current process ends. (Two that end at once may both find none left, which does no harm.)
#[unsafe(no_mangle)]
extern "C" fn rs_process_exit(threads: i32) {
    if threads == 0 {
        settle(engine().process_ended());
    }
}

/// The current process has begun to run another program.
#[unsafe(no_mangle)]
extern "C" fn rs_process_exec() {
    settle(engine().process_ended());
}

/// The current process has made a thread, a child that borrows its memory (until it runs another program), or a child with
/// a copy of it. Only the last runs the same program on its own.
#[unsafe(no_mangle)]
extern "C" fn rs_process_fork(pid: u32, start: u64, shares_memory: bool) {
    if !shares_memory {
        settle(engine().process_forked(pid, key(pid, start)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_used_again_makes_another_key() {
        assert_ne!(key(4711, 1_000_000), key(4711, 2_000_000));
        assert_ne!(key(4711, 1_000_000), key(4712, 1_000_000));
        assert_ne!(key(1, 0), 0);
    }
}
