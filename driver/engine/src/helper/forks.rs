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
//!                         │ hook: cancel           │ hook: cancel              ▲
//!                         │                        └──► CANCELLED ─────(end)───┤
//!                         └──► FREE, or                     └──(end)──► DEAD ──┘
//!                              DEAD ──(control: bury)──► FREE
//! ```
//!
//! The child may end or exec at any moment. It is cancelled then: at the latest `end`, which comes after the child has been
//! published as a process with helpers, tells so. Whoever comes after that finds the published process.
//!
//! Children of its own that are noted ran the program that it ran, so its parent stands for it: its note stays, DEAD, as long as
//! any of theirs refers to it ([`Forks::ancestor`]). A note never changes while it is one, so it does not matter who else ends at
//! that moment. (Rejected: to write the parent into the children's notes. Where a child and its parent end at once, each may read
//! what the other is about to change.)
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
const DEAD: u32 = 5;

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
    /// Nothing was done about it: it is to be taken again later.
    pub(super) fn put_back(self) {
        if !self.slot.go(self.word, FULL) {
            let _ = self.end();
        }
    }

    /// The child has been published, or will not be. False if it is to be taken away again: it ended or runs another program.
    pub(super) fn end(self) -> bool {
        let wanted = self.slot.go(self.word, FREE);
        if !wanted && self.forks.is_parent(self.fork.child) {
            // CANCELLED, which nobody else leads out of.
            self.slot.word.store(self.word & !STATE | DEAD, Ordering::SeqCst);
            return false;
        }
        if !wanted {
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

    /// The note about this child in one of some states, if there is one, and its word. (What is read of the child may be of a
    /// later note: then the word is not the slot's any more.)
    fn about(&self, child: u64, states: &[u32]) -> Option<(&Slot, u32)> {
        if self.pending.load(Ordering::SeqCst) == 0 {
            return None;
        }
        self.slots.iter().find_map(|slot| {
            let word = slot.look(states)?;
            (slot.child.load(Ordering::Relaxed) == child).then_some((slot, word))
        })
    }

    /// Whether a process is a child that has not been looked at. Any context.
    pub(super) fn has(&self, child: u64) -> bool {
        self.about(child, &[FULL, BUSY]).is_some()
    }

    /// Whether any note says that this is the parent. No more come once it has ended.
    pub(super) fn is_parent(&self, process: u64) -> bool {
        self.slots.iter().any(|slot| {
            slot.look(&[FULL, BUSY, CANCELLED, DEAD]).is_some()
                && slot.parent.load(Ordering::Relaxed) == process
        })
    }

    /// The child ended, or runs another program. In its context, in which it makes no more children.
    ///
    /// It is tried again only when the control path has taken the note or put it back meanwhile, which it does for a note no
    /// more often than there are others to settle.
    pub(super) fn cancel(&self, child: u64) {
        while let Some((slot, word)) = self.about(child, &[FULL, BUSY]) {
            if word & STATE == BUSY {
                if slot.go(word, CANCELLED) {
                    return;
                }
            } else if self.is_parent(child) {
                if slot.go(word, DEAD) {
                    return;
                }
            } else if slot.go(word, FREE) {
                self.pending.fetch_sub(1, Ordering::SeqCst);
                return;
            }
        }
    }

    /// Who stands for a parent: itself, unless it was noted and has ended, or the nearest ancestor of which that does not hold.
    /// Control path.
    pub(super) fn ancestor(&self, parent: u64) -> u64 {
        let mut ancestor = parent;
        for _ in 0..SLOTS {
            // Only the control path leads out of DEAD: the note is this one.
            let Some((slot, _)) = self.about(ancestor, &[DEAD]) else { break };
            ancestor = slot.parent.load(Ordering::Relaxed);
        }
        ancestor
    }

    /// Forgets the dead to whom no note refers any more. Control path.
    pub(super) fn bury(&self) {
        let mut found = self.pending.load(Ordering::SeqCst) != 0;
        // One that goes may have been the last that referred to another.
        while core::mem::take(&mut found) {
            for slot in &self.slots {
                let Some(word) = slot.look(&[DEAD]) else { continue };
                if !self.is_parent(slot.child.load(Ordering::Relaxed)) && slot.go(word, FREE) {
                    self.pending.fetch_sub(1, Ordering::SeqCst);
                    found = true;
                }
            }
        }
    }

    /// How many notes there are, or more.
    pub(super) fn pending(&self) -> u32 {
        self.pending.load(Ordering::SeqCst)
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
            parent: slot.parent.load(Ordering::Relaxed),
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
    extern crate std;
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

    /// Notes of 2, a child of 1, of 3, a child of 2, and so on to the last.
    fn line(last: u64) -> Forks {
        let forks = Forks::new().unwrap();
        for child in 2..=last {
            assert!(forks.push(Fork { parent: child - 1, child, ..FORK }));
        }
        forks
    }

    /// All notes are settled, in order: whose helpers each child gets. None are left.
    fn settled(forks: &Forks) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        while let Some((_, begun)) = forks.begin(0) {
            found.push((begun.fork.child, forks.ancestor(begun.fork.parent)));
            assert!(begun.end());
        }
        forks.bury();
        assert_eq!(forks.pending.load(Ordering::SeqCst), 0);
        found
    }

    #[test]
    fn the_parent_of_a_child_that_ends_stands_for_it() {
        let forks = line(3);
        forks.cancel(2);
        assert!(!forks.has(2));
        assert_eq!(settled(&forks), [(3, 1)]);
    }

    #[test]
    fn so_it_does_for_a_child_that_ends_while_it_is_looked_at() {
        let forks = line(3);
        let (_, begun) = forks.begin(0).unwrap();
        forks.cancel(2);
        assert!(!begun.end());
        assert_eq!(settled(&forks), [(3, 1)]);
    }

    #[test]
    fn whoever_ends_first_an_ancestor_of_them_all_stands_for_them() {
        for order in [[2, 3, 4], [4, 3, 2], [3, 2, 4], [2, 4, 3]] {
            let forks = line(5);
            order.into_iter().for_each(|child| forks.cancel(child));
            assert_eq!(settled(&forks), [(5, 1)]);
        }
    }

    #[test]
    fn ancestors_that_end_at_the_same_moment_cost_nobody_his_helpers() {
        for _ in 0..if cfg!(miri) { 5 } else { 200 } {
            let forks = line(4);
            let start = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                for child in [2, 3] {
                    let (forks, start) = (&forks, &start);
                    scope.spawn(move || {
                        start.wait();
                        forks.cancel(child);
                    });
                }
            });
            assert_eq!(settled(&forks), [(4, 1)]);
        }
    }

    #[test]
    fn the_dead_stay_as_long_as_somebody_refers_to_them() {
        let forks = line(4);
        forks.cancel(2);
        forks.cancel(3);
        forks.bury();
        assert_eq!(forks.pending.load(Ordering::SeqCst), 3);
        forks.cancel(4);
        forks.bury();
        assert_eq!(forks.pending.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn whoever_has_looked_at_a_note_takes_no_step_on_a_later_one() {
        let forks = Forks::new().unwrap();
        assert!(forks.push(FORK));
        let (slot, seen) = forks.about(2, &[FULL]).unwrap();
        forks.cancel(2);
        assert!(forks.push(Fork { child: 3, ..FORK }));
        assert!(ptr::eq(slot, forks.about(3, &[FULL]).unwrap().0));
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
