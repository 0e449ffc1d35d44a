//! Enabling control blocks: one clause of one consumer on one probe.
//!
//! The ECBs of a probe are a list through their own `next` fields, in the order they were enabled. Probe context walks
//! it; the control path appends at the end and unlinks, both with one pointer store, so neither needs memory and neither
//! can fail half way. An unlinked ECB keeps its own `next`, so a probe that stands on it goes on to the rest; it is freed
//! a grace period later.
//!
//! Rejected: publishing an immutable array of ECBs. It is one pointer more to follow for the usual list of one, and
//! removing from it takes memory, which close() must not need.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::clause::Clause;
use crate::probe::ProbeId;
use crate::state::State;

/// One clause on one probe.
pub(crate) struct Ecb {
    next: AtomicPtr<Ecb>,
    state: NonNull<State>,
    clause: NonNull<Clause>,
    pub(crate) epid: u32,
    /// Whenever the consumer is active, each firing of the probe is one that it sees, and takes as long as it takes.
    pub(crate) plain: bool,
    pub(crate) probe: ProbeId,
}

// SAFETY: the state and the clause are Sync, and are freed only after the ECB.
unsafe impl Send for Ecb {}
// SAFETY: as for Send; what changes is atomic.
unsafe impl Sync for Ecb {}

impl Ecb {
    pub(crate) fn new(
        state: NonNull<State>,
        clause: NonNull<Clause>,
        epid: u32,
        plain: bool,
        probe: ProbeId,
    ) -> Self {
        Ecb { next: AtomicPtr::new(ptr::null_mut()), state, clause, epid, plain, probe }
    }

    /// The consumer's state.
    #[inline]
    pub(crate) fn state(&self) -> &State {
        // SAFETY: `Session` frees its ECBs before its state.
        unsafe { self.state.as_ref() }
    }

    /// The clause.
    ///
    /// # Safety
    ///
    /// The caller is the control path, or a probe that has seen the state's activity to be one in which clauses are not
    /// changed: anything but INACTIVE.
    #[inline]
    pub(crate) unsafe fn clause(&self) -> &Clause {
        // SAFETY: `Session` frees its ECBs before its clauses, and changes clauses only while INACTIVE.
        unsafe { self.clause.as_ref() }
    }
}

/// The ECBs of one probe.
pub(crate) struct EcbList {
    head: AtomicPtr<Ecb>,
}

impl EcbList {
    pub(crate) const fn new() -> Self {
        EcbList { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Whether there is none. A firing that finds it so has nothing to do, and an ECB that is added at that moment has
    /// not missed anything it could claim.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Walks the list.
    ///
    /// # Safety
    ///
    /// The caller is in probe context and stays there while it uses the iterator and what it yields, or is the control
    /// path. So no ECB that it reaches is freed meanwhile.
    #[inline]
    pub(crate) unsafe fn iter(&self) -> impl Iterator<Item = &Ecb> {
        // The loads are SeqCst: the grace period relies on it.
        let mut next = self.head.load(Ordering::SeqCst);
        core::iter::from_fn(move || {
            // SAFETY: the list holds pointers to live ECBs or null; the caller keeps them from being freed.
            let ecb = unsafe { next.as_ref() }?;
            next = ecb.next.load(Ordering::SeqCst);
            Some(ecb)
        })
    }

    /// The place that holds the pointer to `target`, or the null at the end.
    fn place_of(&self, target: *mut Ecb) -> Option<&AtomicPtr<Ecb>> {
        let mut place = &self.head;
        loop {
            let here = place.load(Ordering::Relaxed);
            if here == target {
                return Some(place);
            }
            // SAFETY: control path: only it frees, and it frees only what is unlinked.
            place = &unsafe { here.as_ref() }?.next;
        }
    }

    /// Appends an ECB that is not in any list. Control path.
    pub(crate) fn append(&self, ecb: NonNull<Ecb>) {
        if let Some(place) = self.place_of(ptr::null_mut()) {
            place.store(ecb.as_ptr(), Ordering::SeqCst);
        }
    }

    /// Takes an ECB out. Control path. Probes may see it until a grace period has passed.
    pub(crate) fn unlink(&self, ecb: NonNull<Ecb>) {
        if let Some(place) = self.place_of(ecb.as_ptr()) {
            // SAFETY: control path, and the ECB has not been freed.
            let next = unsafe { ecb.as_ref() }.next.load(Ordering::Relaxed);
            place.store(next, Ordering::SeqCst);
        }
    }

    /// The only ECB, if there is exactly one.
    ///
    /// # Safety
    ///
    /// As for [`EcbList::iter`].
    #[inline(always)]
    pub(crate) unsafe fn single(&self) -> Option<&Ecb> {
        // The loads are SeqCst: the grace period relies on it.
        // SAFETY: the list holds pointers to live ECBs or null; the caller keeps them from being freed.
        let ecb = unsafe { self.head.load(Ordering::SeqCst).as_ref() }?;
        ecb.next.load(Ordering::SeqCst).is_null().then_some(ecb)
    }

    /// The only ECB, if there is exactly one. Control path.
    pub(crate) fn only(&self) -> Option<&Ecb> {
        // SAFETY: control path.
        let mut ecbs = unsafe { self.iter() };
        ecbs.next().filter(|_| ecbs.next().is_none())
    }
}
