//! The lives of processes: who they are, and when they end, run another program, or fork.
//!
//! The engine keeps helpers for processes that brought some, and must hear what becomes of these. From the first of
//! them on, until the driver is unloaded, this module listens to the kernel's tracepoints sched_process_exit,
//! sched_process_exec and sched_process_fork; before that they cost nothing. What the engine has to do about an event is done
//! by the housekeeper, since the tracepoints run with preemption off.
//!
//! A process's key is its id (22 bits) over the microseconds at which it began, so that an id which is used again makes
//! another key.

use crate::driver::engine;
use crate::ffi;
use crate::tracepoint::Tracepoint;
use core::ffi::c_void;
use dtrace_engine::errno::Errno;

// SAFETY: these are the first arguments of the tracepoints, whose further ones a callback need not take.
static WATCHED: [Tracepoint; 3] = unsafe {
    [
        Tracepoint::new(c"sched_process_exit", ended as *mut c_void),
        Tracepoint::new(c"sched_process_exec", executed as *mut c_void),
        Tracepoint::new(c"sched_process_fork", forked as *mut c_void),
    ]
};

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
    unsafe { ffi::host_process_threads(pid, &raw mut start) > 0 && key(pid, start) == expected }
}

/// Listens from now on. The engine calls it, with the control mutex held.
pub(crate) fn watch() -> Result<(), Errno> {
    // SAFETY: process context, with the control mutex held.
    WATCHED.iter().try_for_each(|tracepoint| unsafe { tracepoint.attach() })
}

/// Listens no more. Nobody else uses the engine any more, so nobody holds the control mutex.
pub(crate) fn unwatch() {
    for tracepoint in &WATCHED {
        // SAFETY: process context, and nobody else is there.
        unsafe { tracepoint.detach() }
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
extern "C" fn ended(_data: *mut c_void, task: *const c_void) {
    // SAFETY: the tracepoint passes the current task.
    if unsafe { ffi::host_threads_of(task) } == 0 {
        settle(engine().process_ended());
    }
}

/// The current process has begun to run another program.
extern "C" fn executed(_data: *mut c_void) {
    settle(engine().process_ended());
}

/// The current process has made a thread, a child that borrows its memory (until it runs another program), or a child with
/// a copy of it. Only the last runs the same program on its own.
extern "C" fn forked(_data: *mut c_void, parent: *const c_void, child: *const c_void) {
    // SAFETY: the tracepoint passes live tasks.
    let (pid, start, shares_memory) = unsafe {
        let shares = ffi::host_mm_of(parent) == ffi::host_mm_of(child);
        (ffi::host_pid_of(child), ffi::host_start_of(child), shares)
    };
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
