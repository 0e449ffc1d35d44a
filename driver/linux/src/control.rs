//! Data that only the control path touches.
//!
//! What always holds: the engine's control mutex is held by whoever has a reference. Providers are called with it held,
//! so they need no lock of their own.

use core::cell::UnsafeCell;

/// A value guarded by the engine's control mutex.
pub(crate) struct Control<T>(UnsafeCell<T>);

// SAFETY: `get` demands the control mutex, so that only one thread at a time reaches the value.
unsafe impl<T: Send> Sync for Control<T> {}

impl<T> Control<T> {
    pub(crate) const fn new(value: T) -> Self {
        Control(UnsafeCell::new(value))
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// The caller holds the control mutex as long as the reference lives, and has no other reference from here.
    #[allow(clippy::mut_from_ref, reason = "the control mutex makes it exclusive; that is the contract")]
    pub(crate) unsafe fn get(&self) -> &mut T {
        // SAFETY: the caller's contract.
        unsafe { &mut *self.0.get() }
    }
}
