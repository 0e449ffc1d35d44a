//! What the mesh keeps for one CPU: as a caller, its slots for every target and its calls in progress; as a target, who
//! has called it.

use crate::counters::Counters;
use crate::pending::{Pending, bits};
use crate::slot::{LEVELS, Slot};
use crate::sync::{AtomicBool, AtomicPtr, Ordering};
use alloc::vec::Vec;
use core::cell::Cell;

/// A vector of `len` elements, or None when there is no memory.
pub(crate) fn filled<T>(len: usize, make: impl Fn(usize) -> T) -> Option<Vec<T>> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len).ok()?;
    for (at, place) in vec.spare_capacity_mut().iter_mut().take(len).enumerate() {
        place.write(make(at));
    }
    // SAFETY: the first `len` places lie within the capacity and have just been written.
    unsafe { vec.set_len(len) };
    Some(vec)
}

/// One CPU.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Row {
    /// As a target. Written by everyone.
    pub(crate) target: Target,
    /// As a caller. Written by itself, but for its slots.
    pub(crate) caller: Caller,
}

/// A CPU as others call it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Target {
    pub(crate) pending: Pending,
    /// An interrupt is under way to it.
    pub(crate) kicked: AtomicBool,
    /// An NMI is under way to it.
    pub(crate) nmi: AtomicBool,
}

/// A CPU as it calls others.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Caller {
    /// How many calls are nested on it now: which record the next one takes. The processor's own atomic also under the
    /// model checker: no other CPU looks at it.
    pub(crate) depth: core::sync::atomic::AtomicUsize,
    /// [`LEVELS`] of them.
    pub(crate) records: Vec<Record>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) counters: Counters,
}

/// What is called, by one call in progress, and whom it waits for.
#[derive(Debug)]
pub(crate) struct Record {
    function: AtomicPtr<()>,
    argument: AtomicPtr<()>,
    /// Targets whose slot holds the call.
    pub(crate) open: Set,
    /// Targets whose slot was taken.
    pub(crate) unposted: Set,
}

impl Record {
    fn new(cpus: usize) -> Option<Self> {
        Some(Record {
            function: AtomicPtr::default(),
            argument: AtomicPtr::default(),
            open: Set::new(cpus)?,
            unposted: Set::new(cpus)?,
        })
    }

    /// The caller's, before it posts. No slot holds an earlier call with this record that could still be taken.
    pub(crate) fn set(&self, function: *mut (), argument: *mut ()) {
        self.function.store(function, Ordering::Release);
        self.argument.store(argument, Ordering::Release);
    }

    /// The target's, between looking at a slot and taking it. Taking succeeds only if the call that was seen had not been
    /// given up by then, and these loads acquire what a later `set` releases, so that what was read is that call's.
    pub(crate) fn get(&self) -> (*mut (), *mut ()) {
        (self.function.load(Ordering::Acquire), self.argument.load(Ordering::Acquire))
    }
}

/// A set of CPUs that belongs to the CPU whose call it is.
#[derive(Debug)]
pub(crate) struct Set(Vec<Cell<u64>>);

// SAFETY: only the CPU whose record it is in reaches it, and there only the one call that has the record: calls that are
// nested have others (`Mesh::call`'s contract, and `Caller::depth`).
unsafe impl Sync for Set {}

impl Set {
    fn new(cpus: usize) -> Option<Self> {
        Some(Set(filled(cpus.div_ceil(64), |_| Cell::new(0))?))
    }

    pub(crate) fn insert(&self, cpu: usize) {
        if let Some(word) = self.0.get(cpu / 64) {
            word.set(word.get() | 1 << (cpu % 64));
        }
    }

    pub(crate) fn remove(&self, cpu: usize) {
        if let Some(word) = self.0.get(cpu / 64) {
            word.set(word.get() & !(1 << (cpu % 64)));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| word.get() == 0)
    }

    /// The members; what is removed or added meanwhile may or may not be seen.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| bits(word.get()).map(move |bit| at * 64 + bit))
    }
}

impl Row {
    /// A CPU among so many. None when there is no memory.
    pub(crate) fn new(cpus: usize) -> Option<Self> {
        let mut records = Vec::new();
        records.try_reserve_exact(LEVELS).ok()?;
        for place in records.spare_capacity_mut().iter_mut().take(LEVELS) {
            place.write(Record::new(cpus)?);
        }
        // SAFETY: the first `LEVELS` places lie within the capacity and have just been written.
        unsafe { records.set_len(LEVELS) };
        Some(Row {
            target: Target {
                pending: Pending::new(cpus)?,
                kicked: AtomicBool::new(false),
                nmi: AtomicBool::new(false),
            },
            caller: Caller {
                depth: core::sync::atomic::AtomicUsize::new(0),
                records,
                slots: filled(cpus, |_| Slot::new())?,
                counters: Counters::new(),
            },
        })
    }
}
