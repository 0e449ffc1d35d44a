//! One slot: a caller, its target, and an NMI on the target (a thread of its own here: the model may stop the target
//! anywhere while the NMI runs; what a real NMI cannot see is seen too).

use super::exhaustive;
use crate::slot::{GivenUp, Slot};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

/// A slot, what the caller hands over with it, and how often each call was run.
struct World {
    slot: Slot,
    argument: UnsafeCell<usize>,
    result: UnsafeCell<usize>,
    runs: [AtomicUsize; 2],
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            slot: Slot::new(),
            argument: UnsafeCell::new(0),
            result: UnsafeCell::new(0),
            runs: [AtomicUsize::new(0), AtomicUsize::new(0)],
        })
    }

    /// The target serves the slot once, if there is something. The cells are checked: a race on either is a failure.
    fn serve(&self) {
        let Some(seen) = self.slot.look() else { return };
        if let Some(taken) = self.slot.take(seen) {
            // SAFETY: the call that was taken is the only one that may look at them.
            let argument = self.argument.with(|argument| unsafe { *argument });
            self.runs[argument].fetch_add(1, Ordering::Relaxed);
            // SAFETY: as above.
            self.result.with_mut(|result| unsafe { *result = argument + 10 });
            self.slot.finish(taken);
        }
    }

    /// The caller posts call `n` and waits; gives up after a round if it is `impatient`.
    fn call(&self, n: usize, impatient: bool) -> GivenUp {
        // SAFETY: no call is in the slot.
        self.argument.with_mut(|argument| unsafe { *argument = n });
        assert!(self.slot.post(n, true));
        let mut outcome = GivenUp::Answered;
        while self.slot.is_open(n) {
            if impatient {
                outcome = self.slot.give_up(n, true);
                break;
            }
            thread::yield_now();
        }
        if outcome == GivenUp::Answered {
            // SAFETY: the call was finished.
            assert_eq!(self.result.with(|result| unsafe { *result }), n + 10);
        }
        outcome
    }
}

fn spawn(world: &Arc<World>, run: impl Fn(&World) + Send + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || run(&world))
}

#[test]
fn two_threads_a_call_is_run_once_and_its_effect_is_seen() {
    exhaustive(|| {
        let world = World::new();
        let target = spawn(&world, |world| {
            while world.runs[0].load(Ordering::Relaxed) == 0 {
                world.serve();
                thread::yield_now();
            }
        });
        assert_eq!(world.call(0, false), GivenUp::Answered);
        target.join().unwrap();
        assert_eq!(world.runs[0].load(Ordering::Relaxed), 1);
    });
}

#[test]
fn two_threads_a_late_target_does_not_run_what_was_given_up() {
    exhaustive(|| {
        let world = World::new();
        let target = spawn(&world, |world| {
            world.serve();
            world.serve();
        });
        let first = world.call(0, true);
        // An orphan keeps the slot; then there is no second call.
        let second = (first != GivenUp::Orphaned).then(|| world.call(1, true));
        target.join().unwrap();
        let runs = |n: usize| world.runs[n].load(Ordering::Relaxed);
        assert_eq!(runs(0), usize::from(first != GivenUp::Revoked));
        assert_eq!(runs(1), usize::from(second.is_some_and(|second| second != GivenUp::Revoked)));
    });
}

#[test]
fn three_threads_an_nmi_on_the_target_does_not_run_a_call_twice() {
    exhaustive(|| {
        let world = World::new();
        let threads = [spawn(&world, World::serve), spawn(&world, World::serve)];
        let outcome = world.call(0, true);
        for thread in threads {
            thread.join().unwrap();
        }
        let runs = world.runs[0].load(Ordering::Relaxed);
        assert_eq!(runs, usize::from(outcome != GivenUp::Revoked));
    });
}
