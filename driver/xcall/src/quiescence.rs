//! When every CPU has left the probe it was in.
//!
//! Each CPU has one [`Counter`] that only it writes: odd while the CPU is in a probe, even otherwise. [`synchronize`]
//! looks at each counter once and, where it is odd, waits until it has *changed*: not until it is even, for a CPU may be
//! in the next probe by then, and that one began too late to matter.
//!
//! # What it promises
//!
//! Let a control path make an object unreachable (a `SeqCst` store) and then call `synchronize`. When that returns, no
//! CPU is in a probe that could still reach the object, so it may be freed.
//!
//! # Why that is so
//!
//! A probe does `E: swap counter to odd; L: load the pointer`; the control path does `U: store the pointer; S: load the
//! counter`. All four are sequentially consistent, so they have one total order. If `S` does not see the probe's odd
//! value, `S` comes before `E`; then `U` is before `L`, and the probe sees the pointer as the control path left it. If `S`
//! sees it, the control path waits for the `Release` store with which the probe leaves, and everything the probe did
//! happened before that.
//!
//! # The other way: the waiting side fences
//!
//! Where a control path can make every CPU execute a full fence (`membarrier` does it for the threads of a process), the
//! probe's swap may be a plain store ([`Counter::enter_unfenced`]). The control path then does `U`; `F: have every CPU
//! fence`; `S`. For each CPU there is a point in its own program order at which it fenced, between `U` and `S`. If `E` is
//! before that point, `S` sees it, and the argument above goes on as it stands. If `E` is after it, so is `L`, and `L` sees
//! `U`. That the compiler leaves `E` before `L` is what the compiler fence in `enter_unfenced` is for. In the model a CPU may
//! be interrupted to fence between any two steps of a probe.
//!
//! # The trap
//!
//! The trap is to skip the fence at entry because nobody waits at that moment: on x86 a store may pass a later load, and
//! then a probe keeps the old pointer beyond the grace period. The swap is a locked instruction on the CPU's own cache
//! line and is the fence. The pointer loads in a probe must be `SeqCst` too, which costs nothing: on x86 they are plain
//! loads.
//!
//! # Contexts
//!
//! [`Counter::enter`] and [`Inside::leave`] run in probe context: nothing else of the engine runs on that CPU between
//! them, except nested on the same stack.
//!
//! [`synchronize`] runs in any context outside probes: a probe waits for nobody, so every wait ends, whether the waiter has
//! interrupts on or off, and whoever else waits. Inside a probe it would wait for itself, or two CPUs for each other:
//! whoever may be in one asks by [`synchronize_from`], which refuses.

use crate::sync::{AtomicU64, Ordering, fence, fence_of_swap};
use core::fmt;
use core::sync::atomic::compiler_fence;

/// One CPU's counter: odd while the CPU is in a probe.
///
/// It should stand on a cache line that no other CPU writes.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// The proof that a CPU is in a probe; [`Inside::leave`] ends it.
#[derive(Debug)]
#[must_use = "the CPU counts as inside a probe until `leave`"]
pub struct Inside<'a> {
    counter: &'a Counter,
    value: u64,
}

impl Counter {
    /// A counter of a CPU that is in no probe.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Counter(AtomicU64::new(0))
    }

    /// A counter of a CPU that is in no probe.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Counter(AtomicU64::new(0))
    }

    /// The CPU enters a probe. None if it is in one already: then this one is nested and must not be processed.
    ///
    /// Only the counter's own CPU calls this, and it cannot be interrupted by itself except nested.
    #[inline]
    pub fn enter(&self) -> Option<Inside<'_>> {
        let even = self.0.load(Ordering::Relaxed);
        if even & 1 != 0 {
            return None;
        }
        let value = even.wrapping_add(1);
        // The full fence of the module's text. Only this CPU writes the counter, so nothing is lost by not adding.
        self.0.swap(value, Ordering::SeqCst);
        fence_of_swap();
        Some(Inside { counter: self, value })
    }

    /// As [`Counter::enter`], without the fence.
    ///
    /// Whoever waits for this counter must have had the CPU execute a full fence between what it stored and its look at the
    /// counter (see the module's text).
    #[inline]
    pub fn enter_unfenced(&self) -> Option<Inside<'_>> {
        let even = self.0.load(Ordering::Relaxed);
        if even & 1 != 0 {
            return None;
        }
        let value = even.wrapping_add(1);
        self.0.store(value, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        Some(Inside { counter: self, value })
    }

    /// How often the CPU has left a probe.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.0.load(Ordering::Relaxed) >> 1
    }

    /// Whether the CPU is in a probe. Only on that CPU itself is the answer true a moment later.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.0.load(Ordering::Relaxed) & 1 != 0
    }

    /// Returns after the CPU has left the probe it is in now, if it is in one, and says whether it was. `relax` is called
    /// with 0, 1, 2, … while there is nothing to do but wait.
    pub fn wait(&self, mut relax: impl FnMut(u32)) -> bool {
        let seen = self.0.load(Ordering::SeqCst);
        if seen & 1 != 0 {
            let mut round = 0u32;
            while self.0.load(Ordering::Acquire) == seen {
                relax(round);
                round = round.saturating_add(1);
            }
        }
        fence(Ordering::Acquire);
        seen & 1 != 0
    }
}

impl Inside<'_> {
    /// The CPU leaves the probe.
    #[inline]
    pub fn leave(self) {
        // Only this CPU writes the counter: it is as it was set by `enter`.
        let odd = self.counter.0.load(Ordering::Relaxed);
        self.counter.0.store(odd.wrapping_add(1), Ordering::Release);
    }

    /// The CPU was in no probe after all: as if it had not entered. (Who waits for the counter sees it change, or sees the
    /// next probe in its place and waits for that.)
    #[inline]
    pub fn undo(self) {
        self.counter.0.store(self.value.wrapping_sub(1), Ordering::Release);
    }

    /// A number that is this CPU's alone for this probe.
    #[inline]
    #[must_use]
    pub fn number(&self) -> u64 {
        self.value >> 1
    }
}

/// What a grace period found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// CPUs that were in no probe.
    pub idle: u32,
    /// CPUs that were in one, and have left it.
    pub waited: u32,
}

/// The caller is in a probe itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InProbe;

impl fmt::Display for InProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probe cannot wait until all probes have been left")
    }
}

impl core::error::Error for InProbe {}

/// Returns after every CPU has left the probe it was in when this was called. The caller is in none.
pub fn synchronize<'a>(
    counters: impl IntoIterator<Item = &'a Counter>,
    mut relax: impl FnMut(u32),
) -> Passage {
    fence(Ordering::SeqCst);
    let mut passage = Passage::default();
    for counter in counters {
        if counter.wait(&mut relax) {
            passage.waited += 1;
        } else {
            passage.idle += 1;
        }
    }
    passage
}

/// [`synchronize`], for a caller that may be in a probe: `own` is the counter of the CPU that it is on, and stays on.
pub fn synchronize_from<'a>(
    own: &Counter,
    counters: impl IntoIterator<Item = &'a Counter>,
    relax: impl FnMut(u32),
) -> Result<Passage, InProbe> {
    if own.is_inside() { Err(InProbe) } else { Ok(synchronize(counters, relax)) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::sync::atomic::{AtomicBool, AtomicPtr};
    use std::thread;

    #[test]
    fn a_nested_entry_is_refused_and_a_later_one_is_not() {
        let counter = Counter::new();
        let inside = counter.enter().unwrap();
        assert!(counter.enter().is_none());
        inside.leave();
        counter.enter().unwrap().leave();
        assert_eq!(counter.passed(), 2);
    }

    #[test]
    fn an_entry_that_is_undone_does_not_count() {
        let counter = Counter::new();
        let inside = counter.enter_unfenced().unwrap();
        let number = inside.number();
        inside.undo();
        assert_eq!(counter.passed(), 0);
        synchronize([&counter], |_| panic!("there is nothing to wait for"));
        let inside = counter.enter().unwrap();
        assert_eq!(inside.number(), number);
        inside.leave();
        assert_eq!(counter.passed(), 1);
    }

    #[test]
    fn nobody_waits_for_a_cpu_that_is_in_no_probe() {
        let counters = [Counter::new(), Counter::new()];
        let passage = synchronize(&counters, |_| panic!("there is nothing to wait for"));
        assert_eq!(passage, Passage { idle: 2, waited: 0 });
    }

    #[test]
    fn a_probe_is_refused_a_grace_period_of_its_own() {
        let counters = [Counter::new(), Counter::new()];
        let inside = counters[1].enter().unwrap();
        assert_eq!(synchronize_from(&counters[1], &counters, |_| ()), Err(InProbe));
        inside.leave();
        assert_eq!(synchronize_from(&counters[1], &counters, |_| ()), Ok(Passage { idle: 2, waited: 0 }));
    }

    #[test]
    fn a_wait_ends_when_the_counter_changes_even_if_the_cpu_is_in_the_next_probe() {
        let counter = Counter::new();
        let mut inside = counter.enter();
        counter.wait(|_| {
            if let Some(first) = inside.take() {
                first.leave();
                inside = counter.enter();
            }
        });
        assert_eq!(counter.passed(), 1);
    }

    /// The model of the trap: a reader follows a pointer inside a probe, a writer replaces it, waits, and poisons the old
    /// object. A reader that sees poison has been overtaken.
    #[test]
    fn what_was_unlinked_before_a_grace_period_is_not_seen_after_it() {
        let counter = Counter::new();
        let current = AtomicPtr::new(Box::into_raw(Box::new(AtomicBool::new(false))));
        let done = AtomicBool::new(false);
        let (mut overtaken, mut rounds) = (0u32, 0u32);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut poisoned, mut seen) = (0u32, 0u32);
                while !done.load(Ordering::Relaxed) {
                    let inside = counter.enter().unwrap();
                    let object = current.load(Ordering::SeqCst);
                    // SAFETY: objects are freed only after the reader has ended.
                    poisoned += u32::from(unsafe { &*object }.load(Ordering::SeqCst));
                    inside.leave();
                    seen += 1;
                }
                (poisoned, seen)
            });
            let mut old = std::vec::Vec::new();
            for _ in 0..if cfg!(miri) { 200 } else { 20_000 } {
                let new = Box::into_raw(Box::new(AtomicBool::new(false)));
                let unlinked = current.swap(new, Ordering::SeqCst);
                synchronize([&counter], |_| thread::yield_now());
                // SAFETY: as above.
                unsafe { &*unlinked }.store(true, Ordering::SeqCst);
                old.push(unlinked);
            }
            done.store(true, Ordering::Relaxed);
            (overtaken, rounds) = reader.join().unwrap();
            for object in old.into_iter().chain([current.load(Ordering::Relaxed)]) {
                // SAFETY: made by `Box::into_raw` above, and the reader has ended.
                drop(unsafe { Box::from_raw(object) });
            }
        });
        assert_eq!(overtaken, 0, "of {rounds} rounds");
    }
}
