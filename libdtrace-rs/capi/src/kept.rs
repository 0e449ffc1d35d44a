//! What was handed out to C and lives as long as the handle.
//!
//! Values are kept by pointers and not in boxes: a box may not be used while somebody else has a pointer to what is in it.

use std::cell::RefCell;
use std::ptr;

/// Values whose addresses are known outside.
pub(crate) struct Kept<T>(RefCell<Vec<*mut T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Kept<T> {
    /// Keeps a value; its address is good until it is given up.
    pub(crate) fn keep(&self, value: T) -> *mut T {
        let pointer = Box::into_raw(Box::new(value));
        self.0.borrow_mut().push(pointer);
        pointer
    }

    /// Whether a pointer is one of ours.
    pub(crate) fn has(&self, pointer: *const T) -> bool {
        self.0.borrow().iter().any(|&kept| ptr::eq(kept, pointer))
    }

    /// Gives a value up: whoever called `keep` does not use the address any more. `None` when it is not one of ours.
    pub(crate) fn give_up(&self, pointer: *const T) -> Option<T> {
        let mut kept = self.0.borrow_mut();
        let at = kept.iter().position(|&kept| ptr::eq(kept, pointer))?;
        let pointer = kept.swap_remove(at);
        // SAFETY: it came from a box and is in the list no more, so nobody makes a box of it again.
        Some(*unsafe { Box::from_raw(pointer) })
    }

    /// All that are kept.
    pub(crate) fn all(&self) -> Vec<*mut T> {
        self.0.borrow().clone()
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        for pointer in self.0.take() {
            // SAFETY: each came from a box and was not given up.
            drop(unsafe { Box::from_raw(pointer) });
        }
    }
}
