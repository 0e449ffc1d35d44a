//! The atomics: the processor's, or, under `--cfg loom`, those of the model checker that tries every interleaving.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

/// A full fence after a sequentially consistent swap, for the model only.
///
/// loom gives a `SeqCst` access no more than acquire and release; only its fences are sequentially consistent. On the
/// processor the swap is a locked instruction, which is that fence already.
#[inline]
pub(crate) fn fence_of_swap() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}
