//! One slot of the mesh: what one CPU asks of one other.
//!
//! ```text
//!             post                  take                finish
//!      Idle ─────────► Pending ─────────────► Running ─────────► Idle
//!       ▲                 │                      │
//!       │     give up     │                      │ give up
//!       └─────────────────┘                      └───► Orphan ──► Idle   finish
//! ```
//!
//! A slot is one word, and every step but the last is a compare-exchange on all of it: who makes the step owns what
//! comes of it. `post` and `give_up` are the caller's, `take` and `finish` the target's.
//!
//! The word is `generation | level | may run in an NMI | state`. The *level* says which of the calls that are nested on
//! the caller's CPU this is; there is one call at a time for each. A caller knows by it whether the slot still holds its
//! own call: once the call was answered, an interrupt on the same CPU may have posted another. The *generation* grows with
//! each post, so that a target which was stopped between looking and taking cannot take a later call for the one that it
//! saw. (A generation ends only by the target's answer or by a caller's giving up, which takes it its whole patience:
//! the 26 bits do not come round while a target stands still.)
//!
//! What is called is not in the slot: it is the same for all targets of a call and stands once, with the caller.
//!
//! Rejected: the original's two states by plain stores, where a nested call overwrites the cell that the outer one waits
//! for; a pointer to the call in the slot, which a late target would follow into a stack frame that is gone.

use crate::sync::{AtomicU32, Ordering};

/// How many calls may be nested on one CPU.
pub(crate) const LEVELS: usize = 1 << LEVEL_BITS;

const LEVEL_BITS: u32 = 3;
const STATE: u32 = 0b11;
const NMI: u32 = 1 << 2;
const LEVEL_SHIFT: u32 = 3;
const LEVEL: u32 = ((1 << LEVEL_BITS) - 1) << LEVEL_SHIFT;
/// The lowest bit of the generation.
const GENERATION: u32 = 1 << (LEVEL_SHIFT + LEVEL_BITS);

const IDLE: u32 = 0;
const PENDING: u32 = 1;
const RUNNING: u32 = 2;
const ORPHAN: u32 = 3;

/// One caller's call of one target.
#[derive(Debug)]
pub(crate) struct Slot(AtomicU32);

/// A pending call that a target has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u32);

/// A call that the target has taken and must [`Slot::finish`].
#[derive(Debug)]
#[must_use = "the caller waits until it is finished"]
pub(crate) struct Taken(u32);

/// What came of giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// The target had not begun, and never will.
    Revoked,
    /// The target is at it; nobody waits for it any more.
    Orphaned,
    /// The target is at it, and the caller must go on waiting.
    Running,
    /// It was answered at the last moment.
    Answered,
}

const fn level_of(word: u32) -> usize {
    ((word & LEVEL) >> LEVEL_SHIFT) as usize
}

impl Seen {
    /// The caller's level.
    pub(crate) fn level(self) -> usize {
        level_of(self.0)
    }

    /// Whether it may run in an NMI.
    pub(crate) fn in_nmi(self) -> bool {
        self.0 & NMI != 0
    }
}

impl Slot {
    pub(crate) fn new() -> Self {
        Slot(AtomicU32::new(IDLE))
    }

    /// The caller posts a call. False while another call of this CPU, of whatever level, is in the slot.
    pub(crate) fn post(&self, level: usize, nmi: bool) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        while word & STATE == IDLE {
            let flags = if nmi { NMI } else { 0 };
            let next = (word & !(GENERATION - 1)).wrapping_add(GENERATION)
                | ((level as u32) << LEVEL_SHIFT) & LEVEL
                | flags
                | PENDING;
            // Fails when an interrupt on this CPU has used the slot since the load.
            match self.0.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Whether the caller's call of this level waits for its answer. After false, what the target did is visible.
    pub(crate) fn is_open(&self, level: usize) -> bool {
        let word = self.0.load(Ordering::Acquire);
        level_of(word) == level && matches!(word & STATE, PENDING | RUNNING)
    }

    /// The caller does not wait for its call any longer; if the target is at it already, only where it `may_leave` it alone
    /// with it.
    pub(crate) fn give_up(&self, level: usize, may_leave: bool) -> GivenUp {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let (next, outcome) = match word & STATE {
                PENDING if level_of(word) == level => (word & !STATE | IDLE, GivenUp::Revoked),
                RUNNING if level_of(word) == level && may_leave => {
                    (word & !STATE | ORPHAN, GivenUp::Orphaned)
                }
                RUNNING if level_of(word) == level => return GivenUp::Running,
                _ => return GivenUp::Answered,
            };
            match self.0.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return outcome,
                Err(now) => word = now,
            }
        }
    }

    /// The target looks whether a call is pending.
    pub(crate) fn look(&self) -> Option<Seen> {
        let word = self.0.load(Ordering::Acquire);
        (word & STATE == PENDING).then_some(Seen(word))
    }

    /// The target takes the call that it has seen. None if it is gone: given up, or taken by an NMI on this same CPU.
    pub(crate) fn take(&self, Seen(word): Seen) -> Option<Taken> {
        let running = word & !STATE | RUNNING;
        self.0
            .compare_exchange(word, running, Ordering::AcqRel, Ordering::Relaxed)
            .ok()
            .map(|_| Taken(running))
    }

    /// The target has done the call.
    pub(crate) fn finish(&self, Taken(word): Taken) {
        // From Running and from Orphan alike; nobody else leads out of either.
        self.0.store(word & !STATE | IDLE, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_posted_taken_and_finished() {
        let slot = Slot::new();
        assert!(slot.look().is_none());
        assert!(slot.post(0, false));
        assert!(slot.is_open(0));
        let taken = slot.take(slot.look().unwrap()).unwrap();
        assert!(slot.look().is_none() && slot.is_open(0));
        slot.finish(taken);
        assert!(!slot.is_open(0));
    }

    #[test]
    fn a_nested_call_waits_for_the_slot_and_is_not_taken_for_the_outer_one() {
        let slot = Slot::new();
        assert!(slot.post(0, false));
        assert!(!slot.post(1, false));
        let taken = slot.take(slot.look().unwrap()).unwrap();
        slot.finish(taken);
        assert!(slot.post(1, false));
        assert!(!slot.is_open(0), "the outer call was answered");
        assert!(slot.is_open(1));
        assert_eq!(slot.give_up(0, true), GivenUp::Answered, "the outer call must not revoke the nested one");
        assert!(slot.is_open(1));
    }

    #[test]
    fn a_call_that_was_given_up_is_not_taken_and_a_later_one_is_not_taken_for_it() {
        let slot = Slot::new();
        assert!(slot.post(0, false));
        let stale = slot.look().unwrap();
        assert_eq!(slot.give_up(0, true), GivenUp::Revoked);
        assert!(slot.take(stale).is_none());
        assert!(slot.post(0, false));
        assert!(slot.take(stale).is_none(), "same caller, same level, another generation");
        assert!(slot.take(slot.look().unwrap()).is_some());
    }

    #[test]
    fn an_orphan_keeps_its_slot_until_the_late_target_is_done() {
        let slot = Slot::new();
        assert!(slot.post(0, true));
        let seen = slot.look().unwrap();
        assert!(seen.in_nmi());
        let taken = slot.take(seen).unwrap();
        assert_eq!(slot.give_up(0, false), GivenUp::Running);
        assert_eq!(slot.give_up(0, true), GivenUp::Orphaned);
        assert!(!slot.is_open(0) && !slot.post(0, false));
        slot.finish(taken);
        assert!(slot.post(0, false));
    }

    #[test]
    fn the_generation_wraps_without_touching_the_rest() {
        let slot = Slot(AtomicU32::new(!(GENERATION - 1)));
        assert!(slot.post(LEVELS - 1, true));
        let seen = slot.look().unwrap();
        assert_eq!((seen.level(), seen.in_nmi()), (LEVELS - 1, true));
    }
}
