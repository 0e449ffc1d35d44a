//! Two of a kind: one that firing probes write, one that the consumer reads.
//!
//! This is how a consumer gets at what a CPU has recorded without stopping it and without a cross-call. The CPU, in probe
//! context, writes the active side. The consumer makes the other side the active one and waits until that CPU has left
//! the probe it may be in; from then on nobody but the consumer knows the retired side. When the consumer is done, the
//! side is reset, so that it is ready for the next exchange.
//!
//! ```text
//!   CPU:        enter .. load active .. write that side .. leave
//!   consumer:   store active (1 - n) .. wait until the CPU has left the probe it is in .. read side n .. reset side n
//! ```
//!
//! Why nothing is torn: this is the promise of `dtrace_xcall::quiescence`, whose four accesses are here. Entering, the
//! load and the store of `active`, and the consumer's look at the CPU's counter are sequentially consistent: a probe that
//! loaded the old side is one the consumer waits for, and any other sees the new side, which was reset before.
//!
//! Rejected: an interrupt to the CPU that swaps there (the original): it needs the target's cooperation, one CPU at a
//! time, and an answer to the question what happens when none comes.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering};

/// What may stand in a [`Pair`].
pub trait Exchangeable {
    /// Makes it as if nothing had been written to it.
    fn reset(&mut self);
}

/// Two sides, one of them active.
///
/// Aligned so that pairs of different CPUs share no cache line.
#[repr(align(128))]
pub struct Pair<T> {
    active: AtomicUsize,
    sides: [UnsafeCell<T>; 2],
}

// SAFETY: a side is reached only through `active_side` and `Retired::settled`, whose contracts make the access
// exclusive; it then behaves like a value that is sent from thread to thread.
unsafe impl<T: Send> Sync for Pair<T> {}

impl<T: Exchangeable> Pair<T> {
    /// A pair whose first side is active.
    pub fn new(first: T, second: T) -> Pair<T> {
        Pair { active: AtomicUsize::new(0), sides: [UnsafeCell::new(first), UnsafeCell::new(second)] }
    }

    /// As [`Pair::new`], where it is to be.
    ///
    /// # Safety
    ///
    /// The place is valid for a write.
    pub(crate) unsafe fn write(to: *mut Pair<T>, first: T, second: T) {
        // SAFETY: the caller's contract; with the two fields all is written.
        unsafe {
            (&raw mut (*to).active).write(AtomicUsize::new(0));
            (&raw mut (*to).sides).write([UnsafeCell::new(first), UnsafeCell::new(second)]);
        }
    }

    fn side(&self, index: usize) -> *mut T {
        let [first, second] = &self.sides;
        if index == 0 { first.get() } else { second.get() }
    }

    /// The side to write to.
    ///
    /// # Safety
    ///
    /// The caller is in probe context on the CPU that the pair belongs to, or knows that no probe is running that could
    /// use the pair; and what the last call returned is no longer in use.
    #[expect(clippy::mut_from_ref, reason = "exclusive by contract: one CPU, one probe at a time")]
    #[inline]
    pub unsafe fn active_side(&self) -> &mut T {
        let side = self.side(self.active.load(Ordering::SeqCst));
        // SAFETY: by contract nobody else uses the active side, and a retired side is not active.
        unsafe { &mut *side }
    }

    /// Makes the other side active and answers the one that was.
    ///
    /// # Safety
    ///
    /// No other side of this pair is retired at the moment: callers take turns, and each is done (what it was given has
    /// been dropped) before the next one begins.
    pub unsafe fn exchange(&self) -> Retired<'_, T> {
        let old = self.active.load(Ordering::Relaxed);
        self.active.store(1 - (old & 1), Ordering::SeqCst);
        Retired { pair: self, index: old }
    }

    /// The active side, to be read and reset in place.
    ///
    /// # Safety
    ///
    /// No probe that could use the pair runs, or will before what is returned has been dropped; and nobody else is
    /// exchanging.
    pub unsafe fn in_place(&self) -> Settled<'_, T> {
        // SAFETY: the caller's promise covers what `active_side` asks for.
        Settled { side: unsafe { self.active_side() } }
    }
}

/// A side that is no longer active, but may still be written by a probe that had begun.
#[must_use = "a retired side must be read, or what is in it is lost"]
pub struct Retired<'a, T: Exchangeable> {
    pair: &'a Pair<T>,
    index: usize,
}

impl<'a, T: Exchangeable> Retired<'a, T> {
    /// The side itself.
    ///
    /// # Safety
    ///
    /// Since the exchange, the CPU that the pair belongs to has been seen outside of any probe.
    pub unsafe fn settled(self) -> Settled<'a, T> {
        let side = self.pair.side(self.index);
        // SAFETY: the side is not active, whoever might have loaded it before has left by contract, and there is one
        // `Retired` at a time, consumed here.
        Settled { side: unsafe { &mut *side } }
    }
}

/// A side that belongs to the consumer; it is reset when this is dropped.
pub struct Settled<'a, T: Exchangeable> {
    side: &'a mut T,
}

impl<T: Exchangeable> Deref for Settled<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.side
    }
}

impl<T: Exchangeable> DerefMut for Settled<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.side
    }
}

impl<T: Exchangeable> Drop for Settled<'_, T> {
    fn drop(&mut self) {
        self.side.reset();
    }
}
