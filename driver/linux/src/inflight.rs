//! Calls that come back as another one: who is in them.
//!
//! The kernel keeps the number of the call that a thread is in with the thread's registers. The calls that change all of them
//! change it, too: after a successful execve or execveat it is execve's, of the table of the *new* program; after rt_sigreturn or
//! sigreturn it is none. So while somebody traces the return of one of these, each thread that enters one is noted here, and
//! what comes back with such a number is what was noted. What was not noted came from no such call: a process that the kernel
//! itself made execute a program, for instance.
//!
//! What always holds: a slot is 0 or says of one thread which call it is in; a thread takes away only what it put there itself.
//! That is written with interrupts on or off, on any CPU, in calls that take long anyway.

use crate::syscall::Abi;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many threads can be noted at once, a power of two. The return of one more is lost, and counted.
const SLOTS: usize = 256;

/// The calls. Their place in here, from 1 on, is in the low bits of a note, which in a task's address are 0.
const CALLS: [(Abi, u32); 7] = [
    (Abi::X64, 15),   // rt_sigreturn
    (Abi::X64, 59),   // execve
    (Abi::X64, 322),  // execveat
    (Abi::Ia32, 119), // sigreturn
    (Abi::Ia32, 173), // rt_sigreturn
    (Abi::Ia32, 11),  // execve
    (Abi::Ia32, 358), // execveat
];
const LOW: u64 = 7;

/// No number: what a thread is in after the return from a signal handler.
const NONE: u32 = u32::MAX;

/// Threads in such calls.
pub(crate) struct Inflight {
    /// How many enabled probes ask for it.
    wanted: AtomicU32,
    /// Threads that found no slot.
    lost: AtomicU64,
    slots: [AtomicU64; SLOTS],
}

/// Whether a call is one of these.
pub(crate) fn is_special(abi: Abi, number: u32) -> bool {
    CALLS.contains(&(abi, number))
}

impl Inflight {
    pub(crate) const fn new() -> Self {
        Inflight {
            wanted: AtomicU32::new(0),
            lost: AtomicU64::new(0),
            slots: [const { AtomicU64::new(0) }; SLOTS],
        }
    }

    /// One probe more asks for it (`wanted`), or one less. Under the control mutex.
    pub(crate) fn want(&self, wanted: bool) {
        if wanted {
            // What was left from the last time is of threads that came back when nobody looked.
            if !self.is_wanted() {
                self.slots.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
            }
            self.wanted.fetch_add(1, Ordering::Release);
        } else {
            self.wanted.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether anybody asks for it.
    #[inline(always)]
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire) != 0
    }

    /// The slots in the order in which a thread tries them.
    fn slots(&self, task: u64) -> impl Iterator<Item = &AtomicU64> {
        let first = (task.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize;
        (0..SLOTS).filter_map(move |n| self.slots.get((first + n) % SLOTS))
    }

    /// The thread enters a call.
    #[cold]
    pub(crate) fn note(&self, task: u64, abi: Abi, number: u32) {
        let Some(at) = CALLS.iter().position(|&call| call == (abi, number)) else { return };
        let note = task & !LOW | (at as u64 + 1);
        for slot in self.slots(task) {
            if slot.load(Ordering::Relaxed) == 0
                && slot.compare_exchange(0, note, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                return;
            }
        }
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// How many returns were lost, because too many threads were in such calls at once.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The call that the thread returns from, if the number it comes back with may be another's; the number it has, otherwise.
    /// None if it returns from none of these calls, whatever it says. What failed came back with its own number, noted or not: it
    /// may have been refused before it was entered.
    #[cold]
    pub(crate) fn came_from(&self, task: u64, abi: Abi, number: u32, failed: bool) -> Option<(Abi, u32)> {
        if number != NONE && !is_special(abi, number) {
            return Some((abi, number));
        }
        for slot in self.slots(task) {
            let note = slot.load(Ordering::Relaxed);
            if note & !LOW == task & !LOW && note != 0 {
                slot.store(0, Ordering::Relaxed);
                return CALLS.get((note & LOW) as usize - 1).copied();
            }
        }
        (failed && number != NONE).then_some((abi, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: u64 = 0xffff_8880_0123_4540;

    #[test]
    fn a_call_comes_back_as_what_was_entered() {
        let inflight = Inflight::new();
        inflight.want(true);
        inflight.note(TASK, Abi::X64, 322);
        // A 32-bit program was executed.
        assert_eq!(inflight.came_from(TASK, Abi::Ia32, 11, false), Some((Abi::X64, 322)));
        inflight.note(TASK, Abi::Ia32, 119);
        assert_eq!(inflight.came_from(TASK, Abi::Ia32, NONE, false), Some((Abi::Ia32, 119)));
    }

    #[test]
    fn who_finds_no_place_is_counted() {
        let inflight = Inflight::new();
        inflight.want(true);
        let task = |n: usize| TASK + 64 * n as u64;
        (0..SLOTS + 2).for_each(|n| inflight.note(task(n), Abi::X64, 59));
        assert_eq!(inflight.lost(), 2);
        assert_eq!(inflight.came_from(task(SLOTS), Abi::X64, 59, false), None);
        assert_eq!(inflight.came_from(task(0), Abi::X64, 59, false), Some((Abi::X64, 59)));
    }

    #[test]
    fn what_was_not_entered_does_not_return() {
        let inflight = Inflight::new();
        inflight.want(true);
        inflight.note(TASK + 64, Abi::X64, 59);
        assert_eq!(inflight.came_from(TASK, Abi::X64, 59, false), None);
        assert_eq!(inflight.came_from(TASK, Abi::X64, NONE, false), None);
        assert_eq!(inflight.came_from(TASK + 64, Abi::X64, 59, false), Some((Abi::X64, 59)));
        assert_eq!(inflight.came_from(TASK + 64, Abi::X64, 59, false), None);
    }

    #[test]
    fn any_other_call_is_what_it_says() {
        let inflight = Inflight::new();
        // Numbers that are special in the other table.
        assert_eq!(inflight.came_from(TASK, Abi::X64, 11, false), Some((Abi::X64, 11)));
        assert_eq!(inflight.came_from(TASK, Abi::Ia32, 59, false), Some((Abi::Ia32, 59)));
    }

    #[test]
    fn so_many_threads_are_told_apart() {
        let inflight = Inflight::new();
        let call = |n: u64| if n < SLOTS as u64 / 2 { (Abi::X64, 59) } else { (Abi::Ia32, 173) };
        for n in 0..SLOTS as u64 {
            inflight.note(TASK + n * 64, call(n).0, call(n).1);
        }
        for n in 0..SLOTS as u64 {
            assert_eq!(inflight.came_from(TASK + n * 64, Abi::X64, NONE, false), Some(call(n)));
        }
        assert!(inflight.slots.iter().all(|slot| slot.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn what_was_refused_before_it_was_entered_returns_as_itself() {
        let inflight = Inflight::new();
        inflight.want(true);
        assert_eq!(inflight.came_from(TASK, Abi::X64, 59, true), Some((Abi::X64, 59)));
        assert_eq!(inflight.came_from(TASK, Abi::X64, NONE, true), None);
    }
}
