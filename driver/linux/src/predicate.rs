//! Which predicates are false for which thread, so that a hook can tell without entering a probe.
//!
//! A predicate that depends on nothing but who the thread is (`/pid == 1234/`) and was false once is false for the rest of
//! the thread's life. Each CPU has a small table of such facts, found by a hash of thread and predicate; a new fact takes the
//! place of what was there.
//!
//! What always holds: a thread is named by the address of its task *and* when it began. The address alone is used again
//! when the thread has ended; both together are not, because a task does not begin twice at one address in one nanosecond.
//! (A thread that becomes its process's first by execve has another beginning from then on, and another id.) So a fact that
//! was true once is true for good, and nothing is ever cleared.
//!
//! A place is written by its CPU only, in probe context. It is read with interrupts on, and the reader may be on another CPU
//! by the time it reads: that is no harm, for a fact is a fact on every CPU. It must not see one half of a fact and one of
//! another; that is what the sequence number is for: odd while the place is written, and another one afterwards.
//!
//! Rejected: a word in the task (there is none to be had), and one table for all CPUs (a shared cache line would be written
//! on the firing path wherever two threads' facts have one place).

use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, fence};

use dtrace_engine::mem::{OutOfMemory, try_build};

/// Places of a CPU: a power of two.
const PLACES: usize = 64;

/// Who a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    /// The address of its task.
    pub(crate) task: u64,
    /// When it began, in nanoseconds.
    pub(crate) start: u64,
}

/// That a predicate is false for a thread.
#[derive(Default)]
#[repr(align(32))]
struct Fact {
    sequence: AtomicU64,
    task: AtomicU64,
    start: AtomicU64,
    predicate: AtomicU64,
}

/// The facts of all CPUs.
pub(crate) struct Facts(Vec<[Fact; PLACES]>);

impl Facts {
    pub(crate) fn new(cpus: usize) -> Result<Self, OutOfMemory> {
        Ok(Facts(try_build(cpus, |_| Ok::<_, OutOfMemory>(core::array::from_fn(|_| Fact::default())))?))
    }

    /// The place of a fact on a CPU.
    #[inline(always)]
    fn place(&self, cpu: usize, thread: Thread, predicate: u64) -> Option<&Fact> {
        let hash = ((thread.task >> 6) ^ predicate).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        self.0.get(cpu)?.get(hash as usize % PLACES)
    }

    /// Whether the fact is known to the CPU. Any context.
    #[inline(always)]
    pub(crate) fn knows(&self, cpu: usize, thread: Thread, predicate: u64) -> bool {
        let Some(fact) = self.place(cpu, thread, predicate) else { return false };
        // Acquire: what is read next was written no earlier than this sequence number.
        let sequence = fact.sequence.load(Acquire);
        let same = fact.task.load(Relaxed) == thread.task
            && fact.start.load(Relaxed) == thread.start
            && fact.predicate.load(Relaxed) == predicate;
        // What was read was written no later than the sequence number that is read now.
        fence(Acquire);
        same && sequence & 1 == 0 && fact.sequence.load(Relaxed) == sequence
    }

    /// Keeps the fact. Probe context on the CPU.
    #[cold]
    pub(crate) fn note(&self, cpu: usize, thread: Thread, predicate: u64) {
        let Some(fact) = self.place(cpu, thread, predicate) else { return };
        let sequence = fact.sequence.load(Relaxed);
        fact.sequence.store(sequence.wrapping_add(1), Relaxed);
        // Who sees any of what follows sees the odd number.
        fence(Release);
        fact.task.store(thread.task, Relaxed);
        fact.start.store(thread.start, Relaxed);
        fact.predicate.store(predicate, Relaxed);
        fact.sequence.store(sequence.wrapping_add(2), Release);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core::sync::atomic::AtomicBool;

    const ONE: Thread = Thread { task: 0xffff_8880_0000_1000, start: 7 };

    #[test]
    fn a_fact_is_of_one_thread_one_predicate_and_one_cpu() {
        let facts = Facts::new(2).unwrap();
        assert!(!facts.knows(0, ONE, 1));
        facts.note(0, ONE, 1);
        assert!(facts.knows(0, ONE, 1));
        assert!(!facts.knows(1, ONE, 1));
        assert!(!facts.knows(0, ONE, 2));
        assert!(!facts.knows(2, ONE, 1));
    }

    #[test]
    fn another_thread_at_the_same_address_is_another_thread() {
        let facts = Facts::new(1).unwrap();
        facts.note(0, ONE, 1);
        assert!(!facts.knows(0, Thread { start: 8, ..ONE }, 1));
    }

    #[test]
    fn a_new_fact_takes_the_place_of_an_old_one() {
        let facts = Facts::new(1).unwrap();
        (1..=1000).for_each(|predicate| facts.note(0, ONE, predicate));
        assert!(facts.knows(0, ONE, 1000));
        assert!((1..=1000).filter(|&predicate| facts.knows(0, ONE, predicate)).count() <= PLACES);
    }

    /// Two facts that have one place, noted in turn: neither thread is ever said to have the other's.
    #[test]
    fn halves_of_two_facts_are_never_taken_for_one() {
        let facts = Facts::new(1).unwrap();
        let (other, done) = (Thread { start: 8, ..ONE }, AtomicBool::new(false));
        let place = |predicate| core::ptr::from_ref(facts.place(0, ONE, predicate).unwrap());
        let second = (2..).find(|&predicate| place(predicate) == place(1)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200_000 {
                    facts.note(0, ONE, 1);
                    facts.note(0, other, second);
                }
                done.store(true, Relaxed);
            });
            while !done.load(Relaxed) {
                assert!(!facts.knows(0, ONE, second) && !facts.knows(0, other, 1));
            }
        });
    }
}
