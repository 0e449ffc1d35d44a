//! CPU slots: what stands for "this CPU, with interrupts off" in a process.
//!
//! A process cannot keep the scheduler from moving or interrupting a thread. What probe context needs is exclusion: no
//! two firings at once on one CPU number. So each CPU number is a slot, which a firing takes and gives back. Threads that
//! are moved meanwhile keep the number they took; another thread that comes to that CPU then waits for the slot, which is
//! the price of being no kernel.
//!
//! # A slot's life
//!
//! ```text
//!   FREE ──first thread──► that thread's own ──another thread──► SHARED
//! ```
//!
//! *Own.* Most processes fire from one thread (the tracer). Its slot costs it no locked instruction: it says `busy`, sees
//! that the slot is still its own, and is in. Whoever wants the slot too makes it SHARED, has all threads of the process
//! execute a full fence (`membarrier`), and waits until `busy` is over. Either the owner's `busy` was stored before that
//! fence, and is waited for, or the owner sees after it that the slot is SHARED. (That is the argument of
//! `dtrace_xcall::quiescence`, with the slot's owner in place of the pointer.)
//!
//! *Shared.* From then on the slot is a lock, for good: a process that fires from several threads does so all the time.
//!
//! Where the kernel has no `membarrier`, slots are SHARED from the beginning and entering a probe fences.
//!
//! What always holds: a slot is taken by one thread at a time; a thread has at most one slot, and enters the same slot
//! again when a probe fires inside a probe (the engine counts and drops that firing). `busy` is written by the owner only. A
//! slot keeps its owner when that thread ends; a thread that has its [`Here`] at the same address then takes its place.
//!
//! Rejected: a slot for each thread (as many buffers as threads, and merging order lost), thread-local buffers with
//! signals blocked (signals are not what interrupts here), and giving a slot to whoever took it last (a fence of all
//! threads at each change of hands).

use crate::current::{Here, NONE};
use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, compiler_fence};
use std::thread;

/// One CPU number, on cache lines of its own.
#[repr(align(128))]
#[derive(Debug)]
struct Slot {
    /// [`FREE`], [`SHARED`], or the owner: the address of its [`Here`].
    owner: AtomicUsize,
    /// The owner is in, or about to see whether it may be.
    busy: AtomicBool,
    /// Who has the slot once it is shared.
    lock: AtomicBool,
}

const FREE: usize = 0;
const SHARED: usize = usize::MAX;

/// All CPU numbers of the machine.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    /// All threads can be made to fence, so that a slot may be one thread's own.
    fences: bool,
}

/// A slot that was entered: what is to be given back.
#[derive(Clone, Copy, Debug)]
pub struct Entered {
    here: *const Here,
    /// The slot's `busy` for its owner, its `lock` for anybody else; null if the slot was had already.
    word: *const AtomicBool,
}

/// Makes the calling thread stand for `cpu` from now on, wherever the scheduler runs it. For threads that play CPUs: tests,
/// benches, and the timer threads of `profile-N`.
pub fn bind(cpu: usize) {
    Here::with(|here| here.bound.set(cpu));
}

impl Slot {
    /// Goes in as the owner, which `me` was a moment ago.
    #[inline]
    fn hold(&self, me: usize) -> bool {
        self.busy.store(true, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // Acquire: what others wrote before they left the slot to its first owner.
        if self.owner.load(Ordering::Acquire) == me {
            return true;
        }
        self.busy.store(false, Ordering::Release);
        false
    }

    /// Takes a slot that is not this thread's own, or not any more: what is to be given back.
    #[cold]
    #[inline(never)]
    fn take(&self, me: usize) -> &AtomicBool {
        let first = self.owner.compare_exchange(FREE, me, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        if first && self.hold(me) {
            return &self.busy;
        }
        self.lock();
        &self.lock
    }

    /// Takes the lock, and the slot from its owner if it has one.
    fn lock(&self) {
        wait(|| !self.lock.swap(true, Ordering::Acquire));
        if self.owner.load(Ordering::Relaxed) != SHARED {
            self.owner.store(SHARED, Ordering::SeqCst);
            fence_threads();
            wait(|| !self.busy.load(Ordering::Acquire));
        }
    }
}

/// Spins, then yields, until `done`.
fn wait(done: impl Fn() -> bool) {
    let mut round = 0u32;
    while !done() {
        round += 1;
        if round < 64 { hint::spin_loop() } else { thread::yield_now() }
    }
}

/// A command of `membarrier`.
fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

const EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_EXPEDITED: libc::c_int = 1 << 4;

/// Has all threads of the process that run execute a full fence; those that do not run have executed one.
///
/// Only where [`Slots::fences`].
pub(crate) fn fence_threads() {
    // A process that was forked off may have to ask anew to be allowed.
    let done = membarrier(EXPEDITED) || (membarrier(REGISTER_EXPEDITED) && membarrier(EXPEDITED));
    assert!(done, "membarrier worked and does not work any more");
}

impl Slots {
    pub(crate) fn new(cpus: usize) -> Self {
        let fences = membarrier(REGISTER_EXPEDITED) && membarrier(EXPEDITED);
        Self::with_fences(cpus, fences)
    }

    fn with_fences(cpus: usize, fences: bool) -> Self {
        let slot = || Slot {
            owner: AtomicUsize::new(if fences { FREE } else { SHARED }),
            busy: AtomicBool::new(false),
            lock: AtomicBool::new(false),
        };
        Slots { slots: (0..cpus).map(|_| slot()).collect(), fences }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether [`fence_threads`] works, and entering a slot does not fence.
    #[inline]
    pub(crate) fn fences(&self) -> bool {
        self.fences
    }

    /// Takes the slot of the CPU the thread is on or stands for.
    #[inline]
    pub(crate) fn enter(&self) -> (usize, Entered) {
        let address = Here::with(ptr::from_ref);
        // SAFETY: it is this thread's, which lives.
        let here = unsafe { &*address };
        if here.slot.get() != NONE {
            return (here.slot.get(), Entered { here, word: ptr::null() });
        }
        let cpu = here.cpu();
        let (cpu, slot) = match self.slots.get(cpu) {
            Some(slot) => (cpu, slot),
            None => self.wrapped(cpu),
        };
        let me = address.addr();
        let word = match slot.owner.load(Ordering::Relaxed) == me && slot.hold(me) {
            true => &slot.busy,
            false => slot.take(me),
        };
        here.slot.set(cpu);
        (cpu, Entered { here, word })
    }

    /// As [`Slots::enter`], if the slot is this thread's own; else None.
    #[inline(always)]
    pub(crate) fn enter_own(&self) -> Option<(usize, Entered)> {
        let address = Here::with(ptr::from_ref);
        // SAFETY: it is this thread's, which lives.
        let here = unsafe { &*address };
        // A thread that is not bound is not here: its CPU is beyond the last slot.
        let cpu = here.bound.get();
        let slot = self.slots.get(cpu).filter(|_| here.slot.get() == NONE)?;
        let me = address.addr();
        if slot.owner.load(Ordering::Relaxed) != me || !slot.hold(me) {
            return None;
        }
        here.slot.set(cpu);
        Some((cpu, Entered { here, word: &slot.busy }))
    }

    /// The slot for a CPU beyond the last.
    #[cold]
    fn wrapped(&self, cpu: usize) -> (usize, &Slot) {
        let cpu = cpu % self.slots.len();
        (cpu, &self.slots[cpu])
    }

    /// Gives back what `enter` took.
    #[inline]
    pub(crate) fn leave(&self, entered: Entered) {
        // SAFETY: null, or in a slot, which lives as long as `self`.
        if let Some(word) = unsafe { entered.word.as_ref() } {
            // SAFETY: it is this thread's, which lives.
            unsafe { &*entered.here }.slot.set(NONE);
            word.store(false, Ordering::Release);
        }
    }

    /// Runs `f` in a thread that stands for `cpu` meanwhile.
    pub(crate) fn on(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        if cpu >= self.slots.len() {
            return false;
        }
        let before = Here::with(|here| here.bound.replace(cpu));
        f();
        Here::with(|here| here.bound.set(before));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    /// Both kinds of machine: one on which threads can be made to fence, and one on which they cannot.
    fn each_kind(cpus: usize, test: impl Fn(&Slots)) {
        assert!(Slots::new(cpus).fences(), "Linux has had membarrier since 4.14");
        test(&Slots::with_fences(cpus, true));
        test(&Slots::with_fences(cpus, false));
    }

    #[test]
    fn a_thread_that_holds_a_slot_enters_it_again() {
        each_kind(2, |slots| {
            let (cpu, outer) = slots.enter();
            let (again, inner) = slots.enter();
            assert_eq!(cpu, again);
            slots.leave(inner);
            let (_, inner) = slots.enter();
            assert!(inner.word.is_null());
            slots.leave(inner);
            slots.leave(outer);
            let (_, free) = slots.enter();
            assert!(!free.word.is_null());
            slots.leave(free);
        });
    }

    #[test]
    fn the_first_thread_owns_a_slot_until_another_one_comes() {
        let slots = Slots::with_fences(1, true);
        let owns = || {
            let (cpu, entered) = slots.enter();
            slots.leave(entered);
            ptr::eq(entered.word, &slots.slots[cpu].busy)
        };
        assert_eq!([owns(), owns()], [true, true]);
        thread::scope(|scope| assert!(!scope.spawn(owns).join().unwrap()));
        assert!(!owns());
    }

    #[test]
    fn two_threads_are_never_in_one_slot() {
        each_kind(1, |slots| {
            let inside = AtomicU64::new(0);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..20_000 {
                            let (_, entered) = slots.enter();
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            slots.leave(entered);
                        }
                    });
                }
            });
        });
    }

    /// The moment at which a slot becomes shared, many times over: a counter without atomics must miss nothing.
    #[test]
    fn an_owner_at_work_is_waited_for() {
        for _ in 0..200 {
            let slots = Slots::with_fences(1, true);
            let (count, ready) = (AtomicU64::new(0), AtomicBool::new(false));
            let work = |rounds| {
                for _ in 0..rounds {
                    let (_, entered) = slots.enter();
                    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    slots.leave(entered);
                    ready.store(true, Ordering::Relaxed);
                }
            };
            thread::scope(|scope| {
                scope.spawn(|| work(20_000));
                wait(|| ready.load(Ordering::Relaxed));
                work(100);
            });
            assert_eq!(count.into_inner(), 20_100);
        }
    }

    #[test]
    fn a_bound_thread_stands_for_its_cpu() {
        let slots = Slots::new(8);
        thread::scope(|scope| {
            scope.spawn(|| {
                bind(5);
                let (cpu, entered) = slots.enter();
                assert_eq!(cpu, 5);
                slots.leave(entered);
            });
        });
    }
}
