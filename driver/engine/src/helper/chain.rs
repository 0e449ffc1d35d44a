//! Lists that probe context walks while the control path changes them.
//!
//! An item links to the next through a pointer of its own. Appending and unlinking are one pointer store each, so neither
//! needs memory nor can fail half way. An unlinked item keeps its link, so that whoever stands on it goes on to the rest;
//! it is freed a grace period later.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

/// What can be in a [`Chain`].
pub(super) trait Link: Sized {
    /// The item's own pointer to the next one.
    fn next(&self) -> &AtomicPtr<Self>;
}

/// A list of items that somebody else owns.
pub(super) struct Chain<T: Link> {
    head: AtomicPtr<T>,
}

impl<T: Link> Chain<T> {
    pub(super) const fn new() -> Self {
        Chain { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Walks the list.
    ///
    /// # Safety
    ///
    /// The caller is in probe context and stays there while it uses the iterator and what it yields, or is the control
    /// path. So no item that it reaches is freed meanwhile.
    pub(super) unsafe fn iter(&self) -> impl Iterator<Item = &T> {
        // The loads are SeqCst: the grace period relies on it.
        let mut next = self.head.load(Ordering::SeqCst);
        core::iter::from_fn(move || {
            // SAFETY: the list holds pointers to live items or null; the caller keeps them from being freed.
            let item = unsafe { next.as_ref() }?;
            next = item.next().load(Ordering::SeqCst);
            Some(item)
        })
    }

    /// The place that holds the pointer to `target`, or the null at the end.
    fn place_of(&self, target: *mut T) -> Option<&AtomicPtr<T>> {
        let mut place = &self.head;
        loop {
            let here = place.load(Ordering::Relaxed);
            if here == target {
                return Some(place);
            }
            // SAFETY: control path: only it frees, and it frees only what is unlinked.
            place = unsafe { here.as_ref() }?.next();
        }
    }

    /// Appends an item that is in no list. Control path.
    pub(super) fn append(&self, item: NonNull<T>) {
        if let Some(place) = self.place_of(ptr::null_mut()) {
            place.store(item.as_ptr(), Ordering::SeqCst);
        }
    }

    /// Takes an item out. Control path. Probes may see it until a grace period has passed.
    pub(super) fn unlink(&self, item: NonNull<T>) {
        if let Some(place) = self.place_of(item.as_ptr()) {
            // SAFETY: control path, and the item has not been freed.
            let next = unsafe { item.as_ref() }.next().load(Ordering::Relaxed);
            place.store(next, Ordering::SeqCst);
        }
    }
}
