//! Where the module keeps what it makes when it is loaded.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value that exists between `fill` and `empty`.
pub(crate) struct Place<T> {
    live: AtomicBool,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written before `live` is set and dropped after it is cleared, when nothing else of the driver runs
// (see `fill` and `empty`); in between it is only shared.
unsafe impl<T: Send + Sync> Sync for Place<T> {}

impl<T> Place<T> {
    pub(crate) const fn new() -> Self {
        Place { live: AtomicBool::new(false), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Puts the value in. The module is being loaded: nothing that uses it runs.
    pub(crate) fn fill(&self, value: T) {
        debug_assert!(!self.live.load(Ordering::Relaxed));
        // SAFETY: nothing else looks.
        unsafe { (*self.value.get()).write(value) };
        self.live.store(true, Ordering::Release);
    }

    /// The value. Whatever can call this exists only while there is one.
    pub(crate) fn get(&self) -> &T {
        debug_assert!(self.live.load(Ordering::Relaxed));
        // SAFETY: `fill` has written it, and `empty` comes when nothing can call this any more.
        unsafe { (*self.value.get()).assume_init_ref() }
    }

    /// Drops the value. The module is being unloaded: nothing that uses it runs.
    pub(crate) fn empty(&self) {
        if self.live.swap(false, Ordering::Acquire) {
            // SAFETY: `fill` has written it, and nothing uses it any more.
            unsafe { (*self.value.get()).assume_init_drop() }
        }
    }
}
