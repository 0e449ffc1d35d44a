//! Who has called a CPU: a bitmap of callers with a summary, so that serving costs what is pending and not what exists.
//!
//! Two levels of 64 bits hold 4,096 callers, which is as many CPUs as Linux can be configured for ([`MAX_CPUS`]). A
//! machine of up to 64 CPUs has one word, which is its own summary.
//!
//! What always holds: a caller that has posted a call and then marks itself is seen by the next pass that begins after
//! that. A mark may be left of a call that is gone; the pass finds nothing in its slot.
//!
//! The order that makes it so: a caller sets its bit in the word first, in the summary second; a pass clears a summary
//! bit only after the word was empty, and then looks at the word again. A bit of a word is cleared before its slot is
//! looked at. An NMI may run a pass of its own in the middle of one: nothing is held anywhere but in the words, so it sees
//! all that is pending except the one call that the interrupted pass is at.

use crate::row::filled;
use crate::sync::{AtomicU64, Ordering};
use alloc::vec::Vec;

/// The largest number of CPUs.
pub const MAX_CPUS: usize = 64 * 64;

/// The callers of one CPU.
#[derive(Debug)]
pub(crate) struct Pending {
    summary: AtomicU64,
    words: Vec<AtomicU64>,
}

/// The numbers of the bits that are set.
pub(crate) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        (word != 0).then(|| {
            let lowest = word.trailing_zeros() as usize;
            word &= word - 1;
            lowest
        })
    })
}

impl Pending {
    /// Nobody of so many. None when there is no memory, or for more than [`MAX_CPUS`].
    pub(crate) fn new(cpus: usize) -> Option<Self> {
        if cpus > MAX_CPUS {
            return None;
        }
        Some(Pending { summary: AtomicU64::new(0), words: filled(cpus.div_ceil(64), |_| AtomicU64::new(0))? })
    }

    /// `from` has posted a call.
    pub(crate) fn mark(&self, from: usize) {
        let (at, bit) = (from / 64, 1u64 << (from % 64));
        if let Some(word) = self.words.get(at) {
            word.fetch_or(bit, Ordering::AcqRel);
            if self.words.len() > 1 {
                self.summary.fetch_or(1 << at, Ordering::AcqRel);
            }
        }
    }

    /// Whether there is anything. Cheap enough to ask in a loop.
    pub(crate) fn any(&self) -> bool {
        let word = if self.words.len() > 1 { Some(&self.summary) } else { self.words.first() };
        word.is_some_and(|word| word.load(Ordering::Acquire) != 0)
    }

    /// One pass: `serve` is asked about everyone who was marked before it. It says whether the mark may go; it may
    /// not if the call stays where it is.
    ///
    /// `peek` decides that before the mark is taken; `serve` then does the work.
    pub(crate) fn pass(&self, peek: impl Fn(usize) -> bool, mut serve: impl FnMut(usize)) {
        if self.words.len() <= 1 {
            if let Some(word) = self.words.first() {
                drain(word, 0, &peek, &mut serve);
            }
            return;
        }
        for at in bits(self.summary.load(Ordering::Acquire)) {
            let Some(word) = self.words.get(at) else { continue };
            drain(word, at * 64, &peek, &mut serve);
            self.summary.fetch_and(!(1 << at), Ordering::AcqRel);
            // Marked since, or left where it is: whose summary bit this pass has just taken away.
            if word.load(Ordering::Acquire) != 0 {
                self.summary.fetch_or(1 << at, Ordering::AcqRel);
            }
        }
    }
}

/// Clears and serves the bits of a word that are set now.
fn drain(word: &AtomicU64, first: usize, peek: &impl Fn(usize) -> bool, serve: &mut impl FnMut(usize)) {
    for bit in bits(word.load(Ordering::Acquire)) {
        if peek(first + bit) {
            word.fetch_and(!(1 << bit), Ordering::AcqRel);
            serve(first + bit);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn pass(pending: &Pending) -> Vec<usize> {
        let mut seen = Vec::new();
        pending.pass(|_| true, |from| seen.push(from));
        seen
    }

    #[test]
    fn whoever_is_marked_is_served_once() {
        for cpus in [1, 2, 63, 64, 65, 128, 1000, MAX_CPUS] {
            let pending = Pending::new(cpus).unwrap();
            assert!(!pending.any());
            let marked: Vec<usize> =
                [0, 1, 62, 63, 64, 127, 999, MAX_CPUS - 1].into_iter().filter(|&c| c < cpus).collect();
            for &from in &marked {
                pending.mark(from);
                pending.mark(from);
            }
            assert!(pending.any());
            assert_eq!(pass(&pending), marked, "{cpus} CPUs");
            assert!(!pending.any());
            assert_eq!(pass(&pending), []);
        }
    }

    #[test]
    fn what_may_not_be_served_now_stays_marked() {
        for cpus in [2, 200] {
            let pending = Pending::new(cpus).unwrap();
            pending.mark(0);
            pending.mark(1);
            let mut seen = Vec::new();
            pending.pass(|from| from == 1, |from| seen.push(from));
            assert_eq!(seen, [1]);
            assert!(pending.any());
            assert_eq!(pass(&pending), [0]);
        }
    }

    #[test]
    fn a_mark_set_during_a_pass_is_not_lost() {
        let pending = Pending::new(200).unwrap();
        pending.mark(100);
        pending.pass(|_| true, |_| pending.mark(101));
        assert_eq!(pass(&pending), [101]);
    }

    #[test]
    fn more_cpus_than_there_can_be_are_refused() {
        assert!(Pending::new(MAX_CPUS + 1).is_none());
    }
}
