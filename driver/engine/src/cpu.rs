//! What the engine keeps for each CPU, whatever consumer a firing is for.

use core::sync::atomic::{AtomicU64, Ordering};

use dtrace_xcall::Counter;

/// A number that one CPU counts up in probe context, and that anybody may read.
///
/// Not an atomic addition: only its own CPU writes it, and not nested, so a load and a store lose nothing and lock
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) const fn new() -> Self {
        Tally(AtomicU64::new(0))
    }

    /// Counts one.
    #[inline]
    pub(crate) fn add_one(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One CPU, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Cpu {
    /// Odd while the CPU is in a probe.
    pub(crate) counter: Counter,
    /// Probes that were hit while in a probe, and dropped.
    pub(crate) nested: Tally,
    /// How often it was in probe context, by its counter, for no firing. Written by the CPU itself.
    pub(crate) unfired: Tally,
    /// When the deadman has last looked here and found the machine alive, in the host's coarse time. Written by the CPU itself.
    pub(crate) looked: AtomicU64,
}

impl Cpu {
    /// How many probes have fired on it.
    pub(crate) fn fired(&self) -> u64 {
        self.counter.passed().wrapping_sub(self.unfired.get())
    }

    pub(crate) const fn new() -> Self {
        Cpu {
            counter: Counter::new(),
            nested: Tally::new(),
            unfired: Tally::new(),
            looked: AtomicU64::new(0),
        }
    }
}
