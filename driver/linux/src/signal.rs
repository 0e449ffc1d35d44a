//! Signals to the current process from probe context.
//!
//! A probe may have interrupted whoever holds any lock of the kernel, so no signal is sent there: the request waits, with a
//! reference to the process, for an interrupt that this CPU takes as soon as interrupts are on again.
//!
//! Under PREEMPT_RT a thread of the kernel's takes the place of that interrupt, and others run on the CPU before it has finished.
//!
//! What always holds: a CPU's queue is touched by that CPU only, with interrupts off.

use crate::driver::engine;
use crate::ffi;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ptr;
use dtrace_engine::mem::{OutOfMemory, try_build};

/// Requests that can wait on one CPU.
const ROOM: usize = 16;

/// A signal to a process, of which it holds a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    process: *mut ffi::host_process,
    signal: i32,
}

/// The requests of one CPU.
#[derive(Clone, Copy)]
struct Queue {
    /// The task that delivers what waited, or in an interrupt of which that is done; else 0.
    delivering: u64,
    len: usize,
    requests: [Request; ROOM],
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entered {
    /// It waits.
    New,
    /// The same one waited already.
    Known,
    /// It was refused.
    Refused,
}

impl Queue {
    const EMPTY: Queue =
        Queue { delivering: 0, len: 0, requests: [Request { process: ptr::null_mut(), signal: 0 }; ROOM] };

    fn waiting(&self) -> &[Request] {
        self.requests.get(..self.len).unwrap_or_default()
    }

    /// Takes a request of a task up. A probe that fires in the delivery of signals may not ask for more: it would never end.
    fn enter(&mut self, request: Request, task: u64) -> Entered {
        if self.delivering == task {
            return Entered::Refused;
        }
        if self.waiting().contains(&request) {
            return Entered::Known;
        }
        let Some(place) = self.requests.get_mut(self.len) else { return Entered::Refused };
        *place = request;
        self.len += 1;
        Entered::New
    }

    /// Begins to deliver, by a task: what waits.
    fn begin(&mut self, task: u64) -> Queue {
        let waiting = *self;
        *self = Queue { delivering: task, ..Queue::EMPTY };
        waiting
    }
}

/// The requests of all CPUs.
pub(crate) struct Signals(Vec<UnsafeCell<Queue>>);

// SAFETY: a queue is touched by its CPU only, with interrupts off; a process is any thread's to signal.
unsafe impl Sync for Signals {}
// SAFETY: as for Sync.
unsafe impl Send for Signals {}

impl Signals {
    pub(crate) fn new(cpus: usize) -> Result<Signals, OutOfMemory> {
        Ok(Signals(try_build(cpus, |_| Ok::<_, OutOfMemory>(UnsafeCell::new(Queue::EMPTY)))?))
    }

    /// Does something with the queue of the CPU that this runs on, with interrupts off.
    fn here<R>(&self, with: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut flags = 0;
        // SAFETY: `flags` is a live u64.
        let cpu = unsafe { ffi::host_enter(&raw mut flags) };
        // SAFETY: the CPU's own queue, with interrupts off; `with` calls nothing that comes back here.
        let result = self.0.get(cpu as usize).map(|queue| with(unsafe { &mut *queue.get() }));
        // SAFETY: the flags are those of the `host_enter` above.
        unsafe { ffi::host_leave(flags) };
        result
    }

    /// Sends the current process a signal as soon as interrupts are on again; false if too many are waiting. Probe context.
    pub(crate) fn send(&self, signal: i32) -> bool {
        // SAFETY: no preconditions.
        let (process, task) = unsafe { (ffi::host_process(), ffi::host_task()) };
        let entered = self.here(|queue| {
            let entered = queue.enter(Request { process, signal }, task);
            if entered == Entered::New {
                // SAFETY: it is the current process's; the interrupt is this CPU's.
                unsafe {
                    ffi::host_process_hold(process);
                    ffi::host_defer();
                }
            }
            entered
        });
        entered.is_some_and(|entered| entered != Entered::Refused)
    }

    /// Sends what waits on this CPU.
    fn deliver(&self) {
        // SAFETY: no preconditions.
        let task = unsafe { ffi::host_task() };
        let Some(queue) = self.here(|queue| queue.begin(task)) else { return };
        for request in queue.waiting() {
            // SAFETY: the request holds the process, which is not used any more afterwards.
            unsafe {
                ffi::host_process_signal(request.process, request.signal);
                ffi::host_process_release(request.process);
            }
        }
        self.here(|queue| queue.delivering = 0);
    }
}

/// The CPU has taken the interrupt that `host_defer` asked for.
#[unsafe(no_mangle)]
extern "C" fn rs_deferred() {
    engine().host().signals().deliver();
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: u64 = 0xffff_8880_0123_4540;
    const OTHER: u64 = TASK + 0x1000;

    fn request(process: usize, signal: i32) -> Request {
        Request { process: ptr::without_provenance_mut(process), signal }
    }

    #[test]
    fn a_signal_that_waits_is_not_entered_twice() {
        let mut queue = Queue::EMPTY;
        assert_eq!(queue.enter(request(1, 19), TASK), Entered::New);
        assert_eq!(queue.enter(request(1, 19), TASK), Entered::Known);
        assert_eq!(queue.enter(request(1, 18), TASK), Entered::New);
        assert_eq!(queue.enter(request(2, 19), TASK), Entered::New);
        assert_eq!(queue.waiting(), [request(1, 19), request(1, 18), request(2, 19)]);
    }

    #[test]
    fn a_full_queue_refuses() {
        let mut queue = Queue::EMPTY;
        assert!((0..ROOM).all(|n| queue.enter(request(n, 1), TASK) == Entered::New));
        assert_eq!(queue.enter(request(ROOM, 1), TASK), Entered::Refused);
        assert_eq!(queue.enter(request(3, 1), TASK), Entered::Known);
    }

    #[test]
    fn whoever_asks_while_signals_are_delivered_is_refused() {
        let mut queue = Queue::EMPTY;
        queue.enter(request(1, 1), TASK);
        assert_eq!(queue.begin(TASK).waiting(), [request(1, 1)]);
        assert_eq!(queue.enter(request(1, 1), TASK), Entered::Refused);
        queue.delivering = 0;
        assert_eq!(queue.enter(request(1, 1), TASK), Entered::New);
    }

    #[test]
    fn another_task_may_ask_meanwhile() {
        let mut queue = Queue::EMPTY;
        queue.enter(request(1, 1), TASK);
        let _ = queue.begin(OTHER);
        assert_eq!(queue.enter(request(1, 1), TASK), Entered::New);
        assert_eq!(queue.waiting(), [request(1, 1)]);
    }
}
