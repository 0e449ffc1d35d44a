//! Enabling control blocks: one clause of one consumer on one probe.
//!
//! The ECBs of a probe are a list through their own `next` fields, in the order they were enabled. Probe context walks
//! it; the control path appends at the end, which it remembers, and unlinks, both with one pointer store, so neither needs memory
//! and neither can fail half way. An unlinked ECB keeps its own `next`, so a probe that stands on it goes on to the rest; it is
//! freed a grace period later. What is to go is unlinked in one walk: a consumer may have thousands on one probe.
//!
//! Whose ECBs are on a probe pays nothing for it, but everybody who meets the probe. So of consumers that may not do everything
//! there are no more than [`LIMITED_MAX`] on one.
//!
//! Rejected: publishing an immutable array of ECBs. It is one pointer more to follow for the usual list of one, and
//! removing from it takes memory, which close() must not need.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use crate::clause::Clause;
use crate::probe::ProbeId;
use crate::state::State;

/// The most ECBs on one probe that belong to consumers which may not do everything.
pub(crate) const LIMITED_MAX: u32 = 1024;

/// One clause on one probe.
pub(crate) struct Ecb {
    next: AtomicPtr<Ecb>,
    state: NonNull<State>,
    clause: NonNull<Clause>,
    pub(crate) epid: u32,
    /// Whenever the consumer is active, each firing of the probe is one that it sees, with the process that it is about, and takes
    /// as long as it takes.
    pub(crate) plain: bool,
    /// It is in the list of its probe. Control path.
    linked: AtomicBool,
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
        let (next, linked) = (AtomicPtr::new(ptr::null_mut()), AtomicBool::new(false));
        Ecb { next, state, clause, epid, plain, linked, probe }
    }

    /// Whether it is in the list of its probe. Control path.
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.load(Ordering::Relaxed)
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
    /// The last one, or null. Control path.
    tail: AtomicPtr<Ecb>,
    /// How many belong to consumers that may not do everything. Control path.
    limited: AtomicU32,
}

impl EcbList {
    pub(crate) const fn new() -> Self {
        EcbList {
            head: AtomicPtr::new(ptr::null_mut()),
            tail: AtomicPtr::new(ptr::null_mut()),
            limited: AtomicU32::new(0),
        }
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

    /// How many belong to consumers that may not do everything. Control path.
    pub(crate) fn limited(&self) -> u32 {
        self.limited.load(Ordering::Relaxed)
    }

    /// Appends an ECB that is not in any list. Control path.
    pub(crate) fn append(&self, ecb: NonNull<Ecb>) {
        // SAFETY: the caller's, which is about to publish it; and the last one: the control path frees only what is unlinked.
        let (new, last) = unsafe { (ecb.as_ref(), self.tail.load(Ordering::Relaxed).as_ref()) };
        self.count(new, 1);
        new.linked.store(true, Ordering::Relaxed);
        last.map_or(&self.head, |last| &last.next).store(ecb.as_ptr(), Ordering::SeqCst);
        self.tail.store(ecb.as_ptr(), Ordering::Relaxed);
    }

    /// Takes those ECBs out that are `chosen`. Control path. Probes may see them until a grace period has passed.
    pub(crate) fn unlink(&self, chosen: impl Fn(&Ecb) -> bool) {
        let (mut place, mut last) = (&self.head, ptr::null_mut());
        loop {
            let at = place.load(Ordering::Relaxed);
            // SAFETY: control path: only it frees, and it frees only what is unlinked.
            let Some(ecb) = (unsafe { at.as_ref() }) else { break };
            if chosen(ecb) {
                self.count(ecb, u32::MAX);
                ecb.linked.store(false, Ordering::Relaxed);
                place.store(ecb.next.load(Ordering::Relaxed), Ordering::SeqCst);
            } else {
                (place, last) = (&ecb.next, at);
            }
        }
        self.tail.store(last, Ordering::Relaxed);
    }

    /// Counts one more, or with `u32::MAX` one less.
    fn count(&self, ecb: &Ecb, by: u32) {
        if ecb.state().is_limited() {
            self.limited.store(self.limited().wrapping_add(by), Ordering::Relaxed);
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
