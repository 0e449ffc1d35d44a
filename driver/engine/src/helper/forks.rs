//! Forks that the control path has not looked at yet.
//!
//! A process with helpers forks: the child runs the same program, so it is to have the same helpers. Copying takes memory,
//! which the hook that sees the fork must not, so it leaves a note here, and the next time that the control path runs it
//! makes the copies (milliseconds later; until then the child has none). When there are more forks than notes, the rest of
//! the children have no helpers, which is counted.
//!
//! ```text
//!            hook: push           control: begin             control: end
//!   FREE ──► FILLING ──► FULL ◄─────────────────► BUSY ────────────────────► FREE
//!                         │ hook: cancel           │ hook: cancel
//!                         └──► FREE                └──► CANCELLED ──(end)──► FREE
//! ```
//!
//! The child may end or exec at any moment. It is cancelled then: at the latest `end`, which comes after the child has been
//! published as a process with helpers, tells so. Whoever comes after that finds the published process.
//!
//! The state is one word with a generation, which grows with each note: whoever has looked at a note takes no step on the
//! note of another child that came to its place meanwhile.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::mem::{OutOfMemory, try_build};

/// Notes.
pub(super) const SLOTS: usize = 128;

const FREE: u32 = 0;
const FILLING: u32 = 1;
const FULL: u32 = 2;
const BUSY: u32 = 3;
const CANCELLED: u32 = 4;

/// The bits of the state; above them is the generation.
const STATE: u32 = 0b111;
const GENERATION: u32 = STATE + 1;

#[derive(Default)]
struct Slot {
    /// `generation | state`
    word: AtomicU32,
    pid: AtomicU32,
    uid: AtomicU32,
    parent: AtomicU64,
    child: AtomicU64,
}

impl Slot {
    /// The word, if the slot is in one of these states.
    fn look(&self, states: &[u32]) -> Option<u32> {
        let word = self.word.load(Ordering::SeqCst);
        states.contains(&(word & STATE)).then_some(word)
    }

    /// Goes from the word that was seen to another state of the same note. False if it is another word by now.
    fn go(&self, seen: u32, to: u32) -> bool {
        let next = seen & !STATE | to;
        self.word.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Claims the slot for a new note: its word.
    fn claim(&self) -> Option<u32> {
        let seen = self.look(&[FREE])?;
        let word = (seen & !STATE).wrapping_add(GENERATION) | FILLING;
        self.word.compare_exchange(seen, word, Ordering::SeqCst, Ordering::SeqCst).is_ok().then_some(word)
    }
}

/// One fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fork {
    /// A process with helpers, or a child that is noted itself.
    pub(super) parent: u64,
    pub(super) child: u64,
    pub(super) pid: u32,
    /// The child's real user id.
    pub(super) uid: u32,
}

/// A fork that is being looked at.
#[must_use = "it must be ended"]
pub(super) struct Begun<'a> {
    slot: &'a Slot,
    /// The slot's word: BUSY.
    word: u32,
    forks: &'a Forks,
    pub(super) fork: Fork,
}

impl Begun<'_> {
    /// Whether the parent is another one by now ([`Forks::cancel`]).
    pub(super) fn is_stale(&self) -> bool {
        self.slot.parent.load(Ordering::SeqCst) != self.fork.parent
    }

    /// Nothing was done about it: it is to be taken again later.
    pub(super) fn put_back(self) {
        if !self.slot.go(self.word, FULL) {
            let _ = self.end();
        }
    }

    /// The child has been published, or will not be. False if it is to be taken away again: it ended or runs another program.
    pub(super) fn end(self) -> bool {
        let wanted = self.slot.go(self.word, FREE);
        if !wanted {
            // CANCELLED, which nobody else leads out of.
            self.slot.word.store(self.word & !STATE | FREE, Ordering::SeqCst);
        }
        self.forks.pending.fetch_sub(1, Ordering::SeqCst);
        wanted
    }
}

/// The notes.
pub(crate) struct Forks {
    slots: Vec<Slot>,
    /// Notes that are not free, or more.
    pending: AtomicU32,
    lost: AtomicU64,
}

impl Forks {
    pub(crate) fn new() -> Result<Forks, OutOfMemory> {
        Ok(Forks {
            slots: try_build(SLOTS, |_| Ok::<_, OutOfMemory>(Slot::default()))?,
            pending: AtomicU32::new(0),
            lost: AtomicU64::new(0),
        })
    }

    /// Leaves a note. Any context; false if there is no room.
    pub(super) fn push(&self, fork: Fork) -> bool {
        self.pending.fetch_add(1, Ordering::SeqCst);
        let Some((slot, word)) = self.slots.iter().find_map(|slot| Some((slot, slot.claim()?))) else {
            self.pending.fetch_sub(1, Ordering::SeqCst);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        slot.pid.store(fork.pid, Ordering::Relaxed);
        slot.uid.store(fork.uid, Ordering::Relaxed);
        slot.parent.store(fork.parent, Ordering::Relaxed);
        slot.child.store(fork.child, Ordering::Relaxed);
        slot.word.store(word & !STATE | FULL, Ordering::SeqCst);
        true
    }

    /// The note about this child, if there is one, and its word. (What is read of the child may be of a later note: then the
    /// word is not the slot's any more.)
    fn about(&self, child: u64) -> Option<(&Slot, u32)> {
        if self.pending.load(Ordering::SeqCst) == 0 {
            return None;
        }
        self.slots.iter().find_map(|slot| {
            let word = slot.look(&[FULL, BUSY])?;
            (slot.child.load(Ordering::Relaxed) == child).then_some((slot, word))
        })
    }

    /// Whether a process is a child that has not been looked at. Any context.
    pub(super) fn has(&self, child: u64) -> bool {
        self.about(child).is_some()
    }

    /// The child ended, or runs another program. In its context. Children of its own that are noted run the program that it
    /// ran: its parent stands for it.
    ///
    /// It is tried again only when the control path has taken the note or put it back meanwhile, which it does for a note no
    /// more often than there are others to settle.
    pub(super) fn cancel(&self, child: u64) {
        while let Some((slot, word)) = self.about(child) {
            let parent = slot.parent.load(Ordering::SeqCst);
            if (slot.word.load(Ordering::SeqCst) ^ word) & !STATE == 0 {
                for own in &self.slots {
                    // No other note has this parent: the child makes no more children.
                    let _ = own.parent.compare_exchange(child, parent, Ordering::SeqCst, Ordering::SeqCst);
                }
            }
            if word & STATE == BUSY {
                if slot.go(word, CANCELLED) {
                    return;
                }
            } else if slot.go(word, FREE) {
                self.pending.fetch_sub(1, Ordering::SeqCst);
                return;
            }
        }
    }

    /// Takes the next note, of number `from` or greater, and its number. Control path.
    pub(super) fn begin(&self, from: usize) -> Option<(usize, Begun<'_>)> {
        if self.pending.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let (at, slot, word) = self.slots.iter().enumerate().skip(from).find_map(|(at, slot)| {
            let full = slot.look(&[FULL])?;
            slot.go(full, BUSY).then_some((at, slot, full & !STATE | BUSY))
        })?;
        let fork = Fork {
            parent: slot.parent.load(Ordering::SeqCst),
            child: slot.child.load(Ordering::Relaxed),
            pid: slot.pid.load(Ordering::Relaxed),
            uid: slot.uid.load(Ordering::Relaxed),
        };
        Some((at, Begun { slot, word, forks: self, fork }))
    }

    /// Children that have no helpers for want of room.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;

    const FORK: Fork = Fork { parent: 1, child: 2, pid: 2, uid: 7 };

    #[test]
    fn a_note_is_taken_once() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK));
        assert!(forks.has(2) && !forks.has(1));
        let (at, begun) = forks.begin(0).unwrap();
        assert_eq!((at, begun.fork), (0, FORK));
        assert!(forks.begin(0).is_none());
        assert!(begun.end());
        assert!(!forks.has(2));
    }

    #[test]
    fn a_child_that_ends_takes_its_note_with_it() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK));
        forks.cancel(2);
        assert!(forks.begin(0).is_none());
        assert_eq!(forks.pending.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_child_that_ends_while_it_is_looked_at_is_not_wanted() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK));
        let (_, begun) = forks.begin(0).unwrap();
        forks.cancel(2);
        assert!(!begun.end());
        assert_eq!(forks.pending.load(Ordering::SeqCst), 0);
        assert!(forks.push(FORK));
    }

    #[test]
    fn the_parent_of_a_child_that_ends_stands_for_it() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK) && forks.push(Fork { parent: 2, child: 3, ..FORK }));
        let (_, begun) = forks.begin(1).unwrap();
        forks.cancel(2);
        assert!(begun.is_stale() && !forks.has(2));
        begun.put_back();
        assert_eq!(forks.begin(0).unwrap().1.fork, Fork { child: 3, ..FORK });
    }

    #[test]
    fn whoever_has_looked_at_a_note_takes_no_step_on_a_later_one() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK));
        let (slot, seen) = forks.about(2).unwrap();
        forks.cancel(2);
        assert!(forks.push(Fork { child: 3, ..FORK }));
        assert!(ptr::eq(slot, forks.about(3).unwrap().0));
        assert!(!slot.go(seen, FREE));
        assert!(forks.has(3));
    }

    #[test]
    fn a_child_whose_note_was_put_back_is_cancelled_all_the_same() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK));
        forks.begin(0).unwrap().1.put_back();
        forks.cancel(2);
        assert!(!forks.has(2) && forks.begin(0).is_none());
    }

    #[test]
    fn when_there_is_no_room_the_loss_is_counted() {
        let forks = Forks::new().unwrap();
        assert!((0..SLOTS as u64).all(|n| forks.push(Fork { child: n, ..FORK })));
        assert!(!forks.push(Fork { child: 999, ..FORK }));
        assert_eq!(forks.lost(), 1);
        for n in 0..SLOTS as u64 {
            forks.cancel(n);
        }
        assert!(forks.push(FORK));
    }
}
