//! The processes that have brought helpers, as a probe finds them.
//!
//! A table of lists, by the key that the host gives a process. A process that has ended, or runs another program now, is
//! marked on the spot by whoever notices it ([`Process::leave`]), and from then on is not found; what it leaves behind is
//! taken away later, in process context.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::annotator::Annotator;
use super::chain::{Chain, Link};
use crate::mem::{OutOfMemory, try_build};
use alloc::vec::Vec;

/// Lists. A power of two; with a thousand instrumented processes each has two.
const BUCKETS: usize = 512;

/// A process with helpers.
pub(crate) struct Process {
    next: AtomicPtr<Process>,
    /// What the host knows it by.
    pub(super) key: u64,
    gone: AtomicBool,
    /// What annotates its stacks, in the order it was brought.
    pub(super) annotators: Chain<Annotator>,
}

impl Link for Process {
    fn next(&self) -> &AtomicPtr<Process> {
        &self.next
    }
}

impl Process {
    pub(super) fn new(key: u64) -> Process {
        Process {
            next: AtomicPtr::new(ptr::null_mut()),
            key,
            gone: AtomicBool::new(false),
            annotators: Chain::new(),
        }
    }

    /// Whether the process has ended, or runs another program.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// The process ends, or runs another program. Any context.
    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }
}

/// All of them.
pub(crate) struct Processes(Vec<Chain<Process>>);

impl Processes {
    pub(crate) fn new() -> Result<Processes, OutOfMemory> {
        Ok(Processes(try_build(BUCKETS, |_| Ok::<_, OutOfMemory>(Chain::new()))?))
    }

    /// The list that a process is in, if it is in one.
    pub(super) fn bucket(&self, key: u64) -> Option<&Chain<Process>> {
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BUCKETS.trailing_zeros());
        self.0.get(hash as usize)
    }

    /// The process of a key, if it has helpers and is not gone.
    ///
    /// # Safety
    ///
    /// The caller is in probe context and stays there while it uses the process, or is the control path.
    pub(super) unsafe fn find(&self, key: u64) -> Option<&Process> {
        // SAFETY: the caller's.
        unsafe { self.bucket(key)?.iter() }.find(|process| process.key == key && !process.is_gone())
    }
}
