//! CPU slots: what stands for "this CPU, with interrupts off" in a process.
//!
//! A process cannot keep the scheduler from moving or interrupting a thread. What probe context needs is exclusion: no
//! two firings at once on one CPU number. So each CPU number is a lock, and a firing takes the lock of the CPU that its
//! thread is on. Threads that are moved meanwhile keep the number they took; another thread that comes to that CPU then
//! waits for the lock, which is the price of being no kernel.
//!
//! What always holds: a slot's lock is held by one thread at a time; a thread holds at most one slot, and enters the same
//! slot again when a probe fires inside a probe (the engine counts and drops that firing).
//!
//! Rejected: a slot for each thread (as many buffers as threads, and merging order lost), and thread-local buffers with
//! signals blocked (signals are not what interrupts here).

use std::cell::Cell;
use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// One CPU number, on a cache line of its own.
#[repr(align(128))]
#[derive(Debug)]
struct Slot(AtomicBool);

/// All CPU numbers of the machine.
#[derive(Debug)]
pub(crate) struct Slots(Vec<Slot>);

thread_local! {
    /// The slot this thread holds, and how many times over.
    static HELD: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
    /// The CPU this thread stands for, if it was bound to one.
    static BOUND: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Makes the calling thread stand for `cpu` from now on, wherever the scheduler runs it. For threads that play CPUs: tests,
/// benches, and the timer threads of `profile-N`.
pub fn bind(cpu: usize) {
    BOUND.set(Some(cpu));
}

impl Slots {
    pub(crate) fn new(cpus: usize) -> Self {
        Slots((0..cpus).map(|_| Slot(AtomicBool::new(false))).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of the CPU the thread is on or stands for.
    fn here(&self) -> usize {
        BOUND.get().unwrap_or_else(|| {
            // SAFETY: no preconditions. -1 (no such call) becomes slot 0.
            usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0)
        }) % self.0.len()
    }

    /// Takes the slot of the CPU the thread is on.
    pub(crate) fn enter(&self) -> usize {
        let (held, depth) = HELD.get();
        if depth > 0 {
            HELD.set((held, depth + 1));
            return held;
        }
        let cpu = self.here();
        self.take(cpu);
        HELD.set((cpu, 1));
        cpu
    }

    /// Takes a slot, whatever CPU the thread is on. The thread holds none.
    fn take(&self, cpu: usize) {
        let lock = &self.0[cpu].0;
        let mut round = 0u32;
        while lock.swap(true, Ordering::Acquire) {
            round += 1;
            if round < 64 { hint::spin_loop() } else { thread::yield_now() }
        }
    }

    /// Gives back what `enter` took.
    pub(crate) fn leave(&self, cpu: usize) {
        let (held, depth) = HELD.get();
        debug_assert_eq!(held, cpu);
        HELD.set((held, depth - 1));
        if depth == 1 {
            self.0[cpu].0.store(false, Ordering::Release);
        }
    }

    /// Runs `f` in a thread that stands for `cpu` meanwhile.
    pub(crate) fn on(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        if cpu >= self.0.len() {
            return false;
        }
        let before = BOUND.replace(Some(cpu));
        f();
        BOUND.set(before);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn a_thread_that_holds_a_slot_enters_it_again() {
        let slots = Slots::new(2);
        let outer = slots.enter();
        let inner = slots.enter();
        assert_eq!(outer, inner);
        slots.leave(inner);
        slots.leave(outer);
        let free = slots.enter();
        slots.leave(free);
    }

    #[test]
    fn two_threads_are_never_in_one_slot() {
        let slots = Slots::new(1);
        let inside = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let cpu = slots.enter();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        slots.leave(cpu);
                    }
                });
            }
        });
    }

    #[test]
    fn a_bound_thread_stands_for_its_cpu() {
        let slots = Slots::new(8);
        thread::scope(|scope| {
            scope.spawn(|| {
                bind(5);
                let cpu = slots.enter();
                assert_eq!(cpu, 5);
                slots.leave(cpu);
            });
        });
    }
}
