//! Brief clauses: those whose whole work is a handful of loads and stores.
//!
//! `{}`, `{ trace(arg0); }`, `{ n++; }`, `{ @ = count(); }`, alone or behind `/arg0 == 1/`, are what a probe costs least and
//! fires most for. What is left to do when such a clause fires is worked out once, when it is laid out, as a [`Brief`]: a
//! list of [`Op`]s with their places. Doing it calls nothing, so that the firing path has next to nothing to save.
//!
//! What always holds: a brief is done as a whole or not at all. Whatever may stand in the way (no room, an argument that is
//! not at hand, a key that is not the last one met, another policy) is seen before the first effect; then the clause is
//! taken the general way, as if nobody had tried. The buffers are the same either way.

use core::sync::atomic::Ordering::Relaxed;

use crate::aggregation::{Aggregation, Met};
use crate::clause::{Clause, ID_SIZE, Plan, Step, Test};
use crate::ecb::Ecb;
use crate::interp::holds;
use crate::state::Buffers;
use crate::variable::Variables;

/// The most operations of a brief.
const OPS: usize = 4;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Nothing, and nothing follows.
    End,
    /// Store an argument at a place of the record.
    Arg { n: u32, at: u32 },
    /// Store a constant at a place of the record.
    Constant { value: u64, at: u32 },
    /// Add a constant to a global variable.
    Add { global: u32, constant: u64 },
    /// Count in the only record of an aggregation, whose keys are all constants.
    Count(Met),
}

/// What is left of a clause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief {
    test: Test,
    /// How many arguments must be at hand.
    args: u32,
    /// All it does, and always, is to record its id.
    bare: bool,
    /// As in the clause; the size is never more than what is needed.
    size: u32,
    needed: u32,
    /// One less than the clause's alignment.
    mask: u32,
    ops: [Op; OPS],
}

impl Brief {
    /// What is left of a clause that has been laid out, if it is brief. `uses_scratch` is whether it needs scratch memory.
    pub(crate) fn of(clause: &Clause, uses_scratch: bool) -> Option<Brief> {
        if clause.speculative || uses_scratch {
            return None;
        }
        let mut brief = Brief {
            test: clause.test,
            args: 0,
            size: clause.size,
            needed: clause.needed,
            mask: clause.alignment.checked_sub(1)? & 7,
            bare: clause.steps.is_empty() && clause.test == Test::Always,
            ops: [Op::End; OPS],
        };
        match clause.test {
            Test::Always => {}
            Test::Arg { n, .. } => brief.args = n + 1,
            Test::Code => return None,
        }
        let mut steps = clause.steps.iter();
        let mut count = 0;
        while let Some(step) = steps.next() {
            let op = match step.plan {
                Plan::Arg(n) if !step.in_tuple => {
                    brief.args = brief.args.max(n + 1);
                    Op::Arg { n, at: step.record.offset }
                }
                Plan::Constant(value) if !step.in_tuple => Op::Constant { value, at: step.record.offset },
                Plan::Add { global, constant } => Op::Add { global, constant },
                // Nothing may have happened before it that must not happen twice.
                Plan::Constant(_)
                    if !brief.ops.iter().any(|op| matches!(op, Op::Add { .. } | Op::Count(_))) =>
                {
                    Op::Count(Self::count(steps.next()?)?)
                }
                _ => return None,
            };
            *brief.ops.get_mut(count)? = op;
            count += 1;
        }
        // Every store is inside what is reserved.
        let inside = |op: &Op| match *op {
            Op::Arg { at, .. } | Op::Constant { at, .. } => {
                at.checked_add(8).is_some_and(|end| end <= brief.needed)
            }
            _ => true,
        };
        let fits = brief.needed >= ID_SIZE && brief.size <= brief.needed;
        (fits && brief.ops.iter().all(inside)).then_some(brief)
    }

    /// The counting of a step whose tuple is one constant.
    fn count(step: &Step) -> Option<Met> {
        let aggregating = step.aggregating.as_ref().filter(|aggregating| aggregating.keys == 1)?;
        let aggregation: &Aggregation =
            aggregating.aggregation.as_ref().filter(|_| step.plan == Plan::Count)?;
        aggregation.counts_alone()
    }

    /// Does it all, or nothing: then false. `arg` is asked for arguments below `at_hand` only.
    ///
    /// # Safety
    ///
    /// Probe context on the CPU that the buffers belong to, and nobody has a writer of theirs.
    #[inline(always)]
    pub(crate) unsafe fn take(
        &self,
        at_hand: usize,
        arg: impl Fn(usize) -> u64,
        variables: &Variables,
        buffers: &Buffers,
        ecb: &Ecb,
    ) -> bool {
        // SAFETY: the caller's.
        let Some(area) = (unsafe { buffers.principal.switched() }) else { return false };
        if self.bare {
            let Some(record) = area.room(self.needed, self.mask) else { return false };
            // SAFETY: a record begins with its id, for which there is room, and its size is within what is needed.
            unsafe {
                record.cast::<u32>().write_unaligned(ecb.epid);
                area.advance(self.size);
            }
            return true;
        }
        if (self.args as usize) > at_hand {
            return false;
        }
        if let Test::Arg { n, condition, constant } = self.test
            && !holds(condition, arg(n as usize), constant)
        {
            return true;
        }
        let Some(record) = area.room(self.needed, self.mask) else { return false };
        // SAFETY: a record begins with its id, for which there is room.
        unsafe { record.cast::<u32>().write_unaligned(ecb.epid) };
        for op in &self.ops {
            match *op {
                Op::End => break,
                Op::Arg { n, at } => {
                    let arg = arg(n as usize);
                    // SAFETY: `of` has seen to it that the word is inside what is needed.
                    unsafe { record.add(at as usize).cast::<u64>().write_unaligned(arg) };
                }
                Op::Constant { value, at } => {
                    // SAFETY: `of` has seen to it that the word is inside what is needed.
                    unsafe { record.add(at as usize).cast::<u64>().write_unaligned(value) };
                }
                Op::Add { global, constant } => {
                    if let Some(word) = variables.global(global) {
                        word.store(word.load(Relaxed).wrapping_add(constant), Relaxed);
                    }
                }
                Op::Count(ref met) => {
                    // SAFETY: the caller's; the reference is gone at once.
                    if !unsafe { buffers.aggregation.active_side() }.count_recent(met) {
                        return false;
                    }
                }
            }
        }
        // SAFETY: the size is within what is needed, for which there is room.
        unsafe { area.advance(self.size) };
        true
    }
}
