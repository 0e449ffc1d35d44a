//! Unlink, grace period, free: against readers inside probes.

use super::{bounded, exhaustive};
use crate::quiescence::{Counter, synchronize};
use crate::sync::{AtomicBool, AtomicPtr, Ordering};
use loom::sync::Arc;
use loom::thread;
use std::vec::Vec;

/// An object that probes find by a pointer; freed is freed.
struct Object {
    freed: AtomicBool,
}

/// What the threads share: one pointer, and a counter for each reader.
struct World {
    current: AtomicPtr<Object>,
    old: Object,
    new: Object,
    counters: Vec<Counter>,
}

impl World {
    fn new(readers: usize) -> Arc<World> {
        let object = || Object { freed: AtomicBool::new(false) };
        let world = Arc::new(World {
            current: AtomicPtr::default(),
            old: object(),
            new: object(),
            counters: (0..readers).map(|_| Counter::new()).collect(),
        });
        world.current.store((&raw const world.old).cast_mut(), Ordering::SeqCst);
        world
    }

    /// What a probe does between entering and leaving.
    fn follow(&self) {
        // SAFETY: both objects live as long as the world.
        let object = unsafe { &*self.current.load(Ordering::SeqCst) };
        assert!(!object.freed.load(Ordering::Relaxed), "a probe holds what was freed");
    }

    /// What a control path does.
    fn replace(&self) {
        self.current.store((&raw const self.new).cast_mut(), Ordering::SeqCst);
        synchronize(&self.counters, |_| thread::yield_now());
        self.old.freed.store(true, Ordering::Relaxed);
    }
}

fn probe(world: &World, cpu: usize) {
    let inside = world.counters[cpu].enter().expect("no probe is nested here");
    world.follow();
    inside.leave();
}

#[test]
fn two_threads_no_probe_holds_what_was_freed() {
    exhaustive(|| {
        let world = World::new(1);
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            probe(&other, 0);
            probe(&other, 0);
        });
        world.replace();
        reader.join().unwrap();
    });
}

#[test]
fn three_threads_no_probe_holds_what_was_freed() {
    exhaustive(|| {
        let world = World::new(2);
        let readers = [0, 1].map(|cpu| {
            let world = Arc::clone(&world);
            thread::spawn(move || probe(&world, cpu))
        });
        world.replace();
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
fn four_threads_no_probe_holds_what_was_freed() {
    bounded(2, || {
        let world = World::new(3);
        let readers = [0, 1, 2].map(|cpu| {
            let world = Arc::clone(&world);
            thread::spawn(move || probe(&world, cpu))
        });
        world.replace();
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

/// The scheme that skips the fence at entry while nobody asks for a grace period: the control path raises a request and
/// looks at the counter, the probe looks at the request and marks itself by a plain store.
fn without_a_fence_on_entry() {
    exhaustive(|| {
        let world = World::new(1);
        let marks = Arc::new((loom::sync::atomic::AtomicU64::new(0), AtomicBool::new(false)));
        let (other, theirs) = (Arc::clone(&world), Arc::clone(&marks));
        let reader = thread::spawn(move || {
            let (counter, requested) = &*theirs;
            counter.store(1, Ordering::Release);
            if requested.load(Ordering::Acquire) {
                crate::sync::fence(Ordering::SeqCst);
            }
            other.follow();
            counter.store(2, Ordering::Release);
        });
        let (counter, requested) = &*marks;
        world.current.store((&raw const world.new).cast_mut(), Ordering::SeqCst);
        requested.store(true, Ordering::SeqCst);
        crate::sync::fence(Ordering::SeqCst);
        while counter.load(Ordering::SeqCst) == 1 {
            thread::yield_now();
        }
        crate::sync::fence(Ordering::Acquire);
        world.old.freed.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}

#[test]
fn the_checker_finds_what_is_wrong_without_a_fence_on_entry() {
    let found = std::panic::catch_unwind(without_a_fence_on_entry).expect_err("the scheme is unsound");
    let message = found.downcast_ref::<&str>().copied().unwrap_or_default();
    assert_eq!(message, "a probe holds what was freed");
}

/// A CPU that can be made to fence: what `membarrier` is to a thread. Between any two of its steps it may be interrupted.
struct Remote {
    asked: AtomicBool,
    done: AtomicBool,
}

impl Remote {
    fn new(readers: usize) -> Arc<Vec<Remote>> {
        let remote = |_| Remote { asked: AtomicBool::new(false), done: AtomicBool::new(false) };
        Arc::new((0..readers).map(remote).collect())
    }

    /// A place where the interrupt may come; it need not be the first one after it was sent.
    fn interruptible(&self) {
        if self.asked.load(Ordering::Relaxed) && !self.done.load(Ordering::Relaxed) {
            crate::sync::fence(Ordering::SeqCst);
            self.done.store(true, Ordering::Relaxed);
        }
    }

    /// The interrupt comes after the last step, if it has not come yet: then when is all the same.
    fn interrupted(&self) {
        if !self.done.load(Ordering::Relaxed) {
            crate::sync::fence(Ordering::SeqCst);
            self.done.store(true, Ordering::Relaxed);
        }
    }

    /// Has everyone fence, and returns when they have: a full fence before, and one after.
    fn fence(all: &[Remote]) {
        crate::sync::fence(Ordering::SeqCst);
        for remote in all {
            remote.asked.store(true, Ordering::Relaxed);
        }
        for remote in all {
            while !remote.done.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        }
        crate::sync::fence(Ordering::SeqCst);
    }
}

/// A probe that enters without a fence, on a CPU that may be made to fence at any of its steps.
fn unfenced_probe(world: &World, remote: &Remote, cpu: usize) {
    remote.interruptible();
    let inside = world.counters[cpu].enter_unfenced().expect("no probe is nested here");
    remote.interruptible();
    world.follow();
    remote.interruptible();
    inside.leave();
    remote.interrupted();
}

/// What a control path does that may fence other CPUs, or forgets to.
fn replace_unfenced(world: &World, remotes: &[Remote], fences: bool) {
    world.current.store((&raw const world.new).cast_mut(), Ordering::SeqCst);
    if fences {
        Remote::fence(remotes);
    }
    synchronize(&world.counters, |_| thread::yield_now());
    world.old.freed.store(true, Ordering::Relaxed);
    if !fences {
        Remote::fence(remotes);
    }
}

fn unfenced(readers: usize, fences: bool) {
    let (world, remotes) = (World::new(readers), Remote::new(readers));
    let readers: Vec<_> = (0..readers)
        .map(|cpu| {
            let (world, remotes) = (Arc::clone(&world), Arc::clone(&remotes));
            thread::spawn(move || unfenced_probe(&world, &remotes[cpu], cpu))
        })
        .collect();
    replace_unfenced(&world, &remotes, fences);
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn two_threads_an_entry_without_a_fence_is_sound_where_the_waiting_side_fences() {
    exhaustive(|| unfenced(1, true));
}

#[test]
fn three_threads_an_entry_without_a_fence_is_sound_where_the_waiting_side_fences() {
    bounded(2, || unfenced(2, true));
}

#[test]
fn the_checker_finds_what_is_wrong_where_nobody_fences() {
    let found = std::panic::catch_unwind(|| exhaustive(|| unfenced(1, false))).expect_err("that is unsound");
    let message = found.downcast_ref::<&str>().copied().unwrap_or_default();
    assert_eq!(message, "a probe holds what was freed");
}
