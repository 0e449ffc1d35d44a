//! Values whose address is published.
//!
//! What probe context reaches through raw pointers (ECBs, clauses, states) is owned by the control path in an
//! [`Anchored`]. It is a box that may be moved while others hold its address, which a `Box` may not: moving a `Box` says
//! that nobody else has a pointer to what is in it.

use alloc::boxed::Box;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::mem::{OutOfMemory, try_box};

/// An owned value at a fixed, shared address.
pub(crate) struct Anchored<T> {
    at: NonNull<T>,
    owns: PhantomData<T>,
}

// SAFETY: it owns its value like a box, and its address gives others shared access only.
unsafe impl<T: Send + Sync> Send for Anchored<T> {}
// SAFETY: as for Send.
unsafe impl<T: Send + Sync> Sync for Anchored<T> {}

impl<T> Anchored<T> {
    pub(crate) fn new(value: T) -> Result<Self, OutOfMemory> {
        Ok(Anchored { at: NonNull::from(Box::leak(try_box(value)?)), owns: PhantomData })
    }

    /// The address. Whoever has it must stop using it before the owner is dropped.
    pub(crate) fn address(&self) -> NonNull<T> {
        self.at
    }

    /// The value, to be changed.
    ///
    /// # Safety
    ///
    /// Nobody uses the address meanwhile.
    pub(crate) unsafe fn change(&mut self) -> &mut T {
        // SAFETY: live until drop; exclusive by the contract.
        unsafe { self.at.as_mut() }
    }
}

impl<T> Deref for Anchored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: live until drop; changed only by `change`, which borrows the owner.
        unsafe { self.at.as_ref() }
    }
}

impl<T> Drop for Anchored<T> {
    fn drop(&mut self) {
        // SAFETY: made by `Box::leak` in `new`, and freed only here; nobody uses the address any more.
        drop(unsafe { Box::from_raw(self.at.as_ptr()) });
    }
}
