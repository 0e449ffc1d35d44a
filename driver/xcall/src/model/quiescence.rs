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
