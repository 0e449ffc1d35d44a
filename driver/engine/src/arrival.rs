//! Consumers that have been opened, and that the control path has not seen yet.
//!
//! Whoever opens a device may hold what many others want: the kernel calls a device's `open` with the one mutex held that every
//! other device of its kind is found by. So opening waits for nobody, and least of all for the control mutex, which is held as
//! long as it takes to clear somebody's buffers. The session is made and pushed here; whoever takes the control mutex next
//! takes it over. What a new consumer wants of the providers is done at its first request, where it waits as all requests do.
//!
//! It is a stack. Anybody pushes; only who holds the control mutex takes, and takes all there is. So no place in it can be
//! mistaken for an earlier one at the same address.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::mem::{OutOfMemory, TryPush, try_box};
use crate::session::Session;

/// The stack.
pub(crate) struct Arrivals {
    head: AtomicPtr<Arrival>,
}

/// A consumer, and who came before.
struct Arrival {
    session: Session,
    next: *mut Arrival,
}

impl Arrivals {
    pub(crate) const fn new() -> Self {
        Arrivals { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// A consumer arrives. Process context; waits for nobody.
    pub(crate) fn push(&self, session: Session) -> Result<(), OutOfMemory> {
        self.link(try_box(Arrival { session, next: ptr::null_mut() })?);
        Ok(())
    }

    fn link(&self, mut arrival: Box<Arrival>) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            arrival.next = head;
            let raw = Box::into_raw(arrival);
            match self.head.compare_exchange_weak(head, raw, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
            // SAFETY: it comes from `into_raw` just now, and nobody else has seen it.
            arrival = unsafe { Box::from_raw(raw) };
        }
    }

    /// Takes all of them.
    fn take(&self) -> impl Iterator<Item = Box<Arrival>> {
        let mut next = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        core::iter::from_fn(move || {
            // SAFETY: what is linked comes from `into_raw`, and nobody else has it any more.
            let arrival = (!next.is_null()).then(|| unsafe { Box::from_raw(next) })?;
            next = arrival.next;
            Some(arrival)
        })
    }

    /// Takes over all that there is memory for. The others stay. Control path.
    #[inline]
    pub(crate) fn admit(&self, sessions: &mut Vec<Session>) {
        if !self.head.load(Ordering::Relaxed).is_null() {
            self.admit_all(sessions);
        }
    }

    #[cold]
    #[inline(never)]
    fn admit_all(&self, sessions: &mut Vec<Session>) {
        for arrival in self.take() {
            match sessions.try_reserve(1) {
                // There is room, so the session is not lost.
                Ok(()) => _ = sessions.try_push(arrival.session),
                Err(_) => self.link(arrival),
            }
        }
    }

    /// Takes one that was not taken over. Control path.
    pub(crate) fn remove(&self, id: u64) -> Option<Session> {
        let mut found = None;
        for arrival in self.take() {
            if arrival.session.id == id {
                found = Some(arrival.session);
            } else {
                self.link(arrival);
            }
        }
        found
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.take().for_each(drop);
    }
}
