//! The marks of a CPU's callers, on both levels of the bitmap: none is lost.

use super::exhaustive;
use crate::pending::Pending;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// More than 64, so that there is a summary.
const CPUS: usize = 65;

/// A caller posts and then marks; the passes of the target that run meanwhile, and one afterwards, find it.
fn nothing_is_lost(callers: &'static [usize], passes: usize) {
    exhaustive(move || {
        let world =
            Arc::new((Pending::new(CPUS).unwrap(), [const { () }; CPUS].map(|()| AtomicBool::new(false))));
        let threads: std::vec::Vec<_> = callers
            .iter()
            .map(|&from| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    world.1[from].store(true, Ordering::Release);
                    world.0.mark(from);
                })
            })
            .collect();
        let mut served = [0; CPUS];
        let mut pass = || {
            world.0.pass(
                |_| true,
                |from| {
                    assert!(world.1[from].load(Ordering::Acquire), "marked before it was posted");
                    served[from] += 1;
                },
            );
        };
        (0..passes).for_each(|_| pass());
        for thread in threads {
            thread.join().unwrap();
        }
        pass();
        assert!(callers.iter().all(|&from| served[from] == 1));
        assert!(!world.0.any());
    });
}

#[test]
fn two_threads_no_mark_is_lost() {
    nothing_is_lost(&[0], 2);
    nothing_is_lost(&[64], 2);
}

#[test]
fn three_threads_no_mark_is_lost_in_one_word() {
    nothing_is_lost(&[0, 1], 1);
}

#[test]
fn three_threads_no_mark_is_lost_in_two_words() {
    nothing_is_lost(&[0, 64], 1);
}

/// An NMI on the target runs a pass in the middle of another (here: on a thread of its own).
#[test]
fn three_threads_no_mark_is_lost_between_two_passes() {
    exhaustive(|| {
        let world = Arc::new((Pending::new(CPUS).unwrap(), loom::sync::atomic::AtomicUsize::new(0)));
        let pass = |world: &(Pending, loom::sync::atomic::AtomicUsize)| {
            world.0.pass(
                |_| true,
                |_| {
                    world.1.fetch_add(1, Ordering::Relaxed);
                },
            );
        };
        let (caller, nmi) = (Arc::clone(&world), Arc::clone(&world));
        let threads = [thread::spawn(move || caller.0.mark(64)), thread::spawn(move || pass(&nmi))];
        pass(&world);
        for thread in threads {
            thread.join().unwrap();
        }
        pass(&world);
        // Two passes may both find the mark; the slot decides between them.
        assert!(world.1.load(Ordering::Relaxed) >= 1);
        assert!(!world.0.any());
    });
}
