//! The firing path: what happens between a hook and its return.
//!
//! ```text
//!   no ECB? ─► return       predicate known to be false? ─► return
//!   enter (interrupts off) ─► counter odd (full fence, or the waiting side's) ─► in a probe already? count, leave
//!     for each ECB: consumer active? ─► predicate ─► room in the buffer ─► steps ─► commit
//!   counter even ─► leave
//! ```
//!
//! Here is the way to the ECBs; what a consumer sees of a firing is in `sight`, and what an ECB does in its turn in `turn`.
//!
//! What always holds: nothing here takes memory, waits, takes a lock, or panics; what is written is on cache lines of
//! this CPU alone (its counter, its buffers, its clause-locals), apart from what the program itself shares (global
//! variables). The clock is read if code asks for it, through [`Moment`], once a firing.
//!
//! A clause is taken in the least way that does it, and the buffers are the same whichever way that is: in [brief](crate::brief),
//! where it is a few loads and stores; by its [keys](crate::keyed), where it is one aggregation; without a machine, as far as its
//! code is [recognised](crate::interp::quick); from the first step on that is not, with one.
//!
//! A fault ends its clause: the record is not committed, the error is counted, and the ERROR probe fires for that
//! consumer, on the spot and within the same probe context; it is the one probe that may. A fault in ERROR is counted and
//! no more.
//!
//! Order: the predicate is evaluated before room is reserved, so a clause whose predicate is false never counts a drop.
//! (The original reserves first.)

mod sight;
mod turn;

use core::hint::cold_path;
use core::sync::atomic::Ordering;

use dtrace_xcall::Inside;

use crate::clause::Clause;
use crate::control::Dtrace;
use crate::cpu::Cpu;
use crate::ecb::Ecb;
use crate::host::{Firing, Host};
use crate::interp::{Access, Moment};
use crate::keyed::Scene;
use crate::probe::Probe;
use crate::state::{Buffers, Run};

use sight::Sight;
use turn::Turn;

/// Of how many firings on a CPU one takes the long way, on which it is seen whether the machine is still alive.
const DEADMAN_EVERY: u64 = 1024;
/// The short forms of a clause.
const BRIEF: u8 = 0;
const KEYED: u8 = 1;

impl<H: Host> Dtrace<H> {
    /// A probe fires. Hook context.
    ///
    /// Costs two loads when nobody has enabled the probe. The caller sees to it that the probe exists during the call
    /// (see [`crate::provider`]).
    #[inline]
    pub fn fire(&self, probe: &Probe<H>, firing: &Firing<'_>) {
        if !self.is_idle(probe) {
            self.fire_busy(probe, firing);
        }
    }

    /// Whether there is nothing to be done when the probe fires now: nobody has enabled it, or its predicate is known to be false.
    /// A hook that asks first need not put a [`Firing`] together. Hook context.
    #[inline(always)]
    pub fn is_idle(&self, probe: &Probe<H>) -> bool {
        self.is_idle_by(probe, |predicate| self.host.is_known_false(predicate))
    }

    /// As [`Self::is_idle`], for a hook that can answer itself what [`Host::is_known_false`] is asked.
    #[inline(always)]
    pub fn is_idle_by(&self, probe: &Probe<H>, is_known_false: impl FnOnce(u64) -> bool) -> bool {
        match probe.shortcut.load(Ordering::Relaxed) {
            Probe::<H>::BRIEF..=Probe::<H>::KEYED => false,
            Probe::<H>::NO_SHORTCUT => probe.ecbs.is_empty(),
            predicate => is_known_false(predicate),
        }
    }

    /// A probe fires that is not idle ([`Self::is_idle`]). Hook context.
    #[inline(always)]
    pub fn fire_busy(&self, probe: &Probe<H>, firing: &Firing<'_>) {
        match probe.shortcut.load(Ordering::Relaxed) {
            Probe::<H>::BRIEF => self.fire_shortly::<BRIEF>(probe, firing),
            Probe::<H>::KEYED => self.fire_shortly::<KEYED>(probe, firing),
            _ => _ = self.fire_enabled(probe, firing),
        }
    }

    /// A probe fires: all is done with at once, without a [`Firing`], or nothing is: then false, and the hook goes on with
    /// [`Self::fire_busy`]. `arg` is asked for arguments below `at_hand` only. Hook context.
    #[inline(always)]
    pub fn fire_at_once(&self, probe: &Probe<H>, at_hand: usize, arg: impl Fn(usize) -> u64) -> bool {
        match probe.shortcut.load(Ordering::Relaxed) {
            Probe::<H>::BRIEF => self.attempt::<BRIEF>(probe, at_hand, arg),
            Probe::<H>::KEYED => {
                // Not that it were rare: but a brief clause has the fewer instructions to lose.
                cold_path();
                self.fire_keyed_at_once(probe, at_hand, arg)
            }
            _ => false,
        }
    }

    /// As [`Self::fire_at_once`], from a hook that has made sure already of what [`Host::enter`] does, on this CPU: in the
    /// kernel, it has switched interrupts off.
    #[inline(always)]
    pub fn fire_at_once_on(
        &self,
        probe: &Probe<H>,
        cpu: usize,
        at_hand: usize,
        arg: impl Fn(usize) -> u64,
    ) -> bool {
        match probe.shortcut.load(Ordering::Relaxed) {
            Probe::<H>::BRIEF => self.attempt_on::<BRIEF>(probe, cpu, at_hand, arg),
            Probe::<H>::KEYED => {
                cold_path();
                self.fire_keyed_on(probe, cpu, at_hand, arg)
            }
            _ => false,
        }
    }

    /// As [`Self::fire_at_once`], for a clause that was keyed. Not inlined: the hook is short otherwise.
    #[inline(never)]
    fn fire_keyed_at_once(&self, probe: &Probe<H>, at_hand: usize, arg: impl Fn(usize) -> u64) -> bool {
        self.attempt::<KEYED>(probe, at_hand, arg)
    }

    /// As [`Self::fire_at_once_on`], likewise.
    #[inline(never)]
    fn fire_keyed_on(
        &self,
        probe: &Probe<H>,
        cpu: usize,
        at_hand: usize,
        arg: impl Fn(usize) -> u64,
    ) -> bool {
        self.attempt_on::<KEYED>(probe, cpu, at_hand, arg)
    }

    /// A probe fires whose only clause had this short form when it was enabled. As [`Self::fire_enabled`] where that is done
    /// with at once, and otherwise nothing but an attempt.
    #[inline(never)]
    fn fire_shortly<const FORM: u8>(&self, probe: &Probe<H>, firing: &Firing<'_>) {
        if !self.attempt::<FORM>(probe, firing.args.len(), firing.arguments()) {
            self.fire_enabled(probe, firing);
        }
    }

    /// Enters, takes the one clause on the probe if it has this short form, and leaves; or does nothing: then false. Hook
    /// context.
    #[inline(always)]
    fn attempt<const FORM: u8>(&self, probe: &Probe<H>, at_hand: usize, arg: impl Fn(usize) -> u64) -> bool {
        let Some((cpu, saved)) = self.host.enter_at_once() else { return false };
        let done = self.try_shortly::<FORM>(probe, cpu, at_hand, arg);
        self.host.leave(cpu, saved);
        done
    }

    /// As [`Self::attempt`], where the host's part of entering is done.
    #[inline(always)]
    fn attempt_on<const FORM: u8>(
        &self,
        probe: &Probe<H>,
        cpu: usize,
        at_hand: usize,
        arg: impl Fn(usize) -> u64,
    ) -> bool {
        !self.host.times_probes() && self.try_shortly::<FORM>(probe, cpu, at_hand, arg)
    }

    /// Takes the one clause on the probe if it has this short form, or does nothing: then false. Probe context.
    #[inline(always)]
    fn try_shortly<const FORM: u8>(
        &self,
        probe: &Probe<H>,
        cpu: usize,
        at_hand: usize,
        arg: impl Fn(usize) -> u64,
    ) -> bool {
        let Some(local) = self.cpus.get(cpu) else { return false };
        let inside = match H::ENTERS_AT_ONCE_UNFENCED {
            true => local.counter.enter_unfenced(),
            false => self.enter(local),
        };
        let Some(inside) = inside else { return false };
        let done = inside.number() % DEADMAN_EVERY != 0
            && match FORM {
                KEYED => self.take_keyed(probe, cpu, at_hand, arg),
                _ => self.take_brief(probe, cpu, at_hand, arg),
            };
        if done {
            inside.leave();
        } else {
            inside.undo();
        }
        done
    }

    /// A probe with ECBs fires. Returns the CPU it fired on.
    #[inline(never)]
    pub(crate) fn fire_enabled(&self, probe: &Probe<H>, firing: &Firing<'_>) -> usize {
        let (cpu, saved) = self.host.enter();
        if let Some(local) = self.cpus.get(cpu) {
            match self.enter(local) {
                Some(inside) => {
                    let now = self.host.coarse_time(inside.number());
                    if now != local.looked.load(Ordering::Relaxed) {
                        self.look(local, now, probe, firing);
                    }
                    self.process(probe, firing, cpu, None);
                    inside.leave();
                }
                None => local.nested.add_one(),
            }
        }
        self.host.leave(cpu, saved);
        cpu
    }

    /// Enters a CPU's counter, with a fence where the host has none for those who wait.
    #[inline(always)]
    pub(crate) fn enter<'c>(&self, cpu: &'c Cpu) -> Option<Inside<'c>> {
        match self.host.fences_remotely() {
            true => cpu.counter.enter_unfenced(),
            false => cpu.counter.enter(),
        }
    }

    /// The one clause on the probe if it may be taken at once, with its ECB, and what exists of its consumer from GO on. Probe
    /// context, counter odd.
    #[inline(always)]
    fn only_clause<'p>(&self, probe: &'p Probe<H>) -> Option<(&'p Ecb, &'p Run, &'p Clause)> {
        // SAFETY: probe context, and the reference does not leave it.
        let ecb = unsafe { probe.ecbs.single() }?;
        let state = ecb.state();
        // SAFETY: the consumer is not INACTIVE.
        (ecb.plain && state.is_active()).then(|| unsafe { (ecb, state.run(), ecb.clause()) })
    }

    /// Takes the one clause on the probe if it is brief, or does nothing: then false. Probe context, counter odd.
    #[inline(always)]
    fn take_brief(&self, probe: &Probe<H>, cpu: usize, at_hand: usize, arg: impl Fn(usize) -> u64) -> bool {
        let Some((ecb, run, clause)) = self.only_clause(probe) else { return false };
        let Some(brief) = &clause.brief else { return false };
        let Some(buffers) = run.buffers_of(cpu) else { return false };
        // SAFETY: probe context on the CPU that the buffers belong to, and nobody has a writer.
        unsafe { brief.take(at_hand, arg, &run.variables, buffers, ecb) }
    }

    /// Takes the one clause on the probe if it is keyed, or does nothing: then false. Probe context, counter odd.
    #[inline(always)]
    fn take_keyed(&self, probe: &Probe<H>, cpu: usize, at_hand: usize, arg: impl Fn(usize) -> u64) -> bool {
        let Some((_, run, clause)) = self.only_clause(probe) else { return false };
        let Some(keyed) = &clause.keyed else { return false };
        let Some(buffers) = run.buffers_of(cpu) else { return false };
        // SAFETY: probe context on the CPU that the buffers belong to, and nobody has a writer.
        unsafe { keyed.take(&Scene { host: &self.host, probe, clause, buffers }, at_hand, arg) }
    }

    /// Takes a clause among others if it is keyed, or does nothing: then false.
    ///
    /// # Safety
    ///
    /// Probe context on the CPU that the buffers belong to, and nobody has a writer of theirs.
    #[inline(never)]
    unsafe fn take_keyed_turn(
        &self,
        probe: &Probe<H>,
        firing: &Firing<'_>,
        clause: &Clause,
        buffers: &Buffers,
    ) -> bool {
        let Some(keyed) = &clause.keyed else { return false };
        let scene = Scene { host: &self.host, probe, clause, buffers };
        // SAFETY: the caller's.
        unsafe { keyed.take(&scene, firing.args.len(), firing.arguments()) }
    }

    /// Gives every ECB its turn; in a firing within another, that is the `outer` one. Probe context, counter odd.
    #[inline(always)]
    fn process(&self, probe: &Probe<H>, firing: &Firing<'_>, cpu: usize, outer: Option<&Moment<'_, H>>) {
        let moment = Moment::new(&self.host, probe, firing, cpu);
        if let Some(outer) = outer {
            moment.share_time(outer);
        }
        // SAFETY: probe context, and the references do not leave it.
        for ecb in unsafe { probe.ecbs.iter() } {
            let state = ecb.state();
            if !(ecb.plain && state.is_active()) {
                let sight = self.sight(probe, firing, state);
                if sight == Sight::Nothing || self.is_late(&moment, ecb) {
                    continue;
                }
                if sight == Sight::Blind {
                    self.process_blindly(&moment, &Firing::new(&[]), ecb);
                    continue;
                }
            }
            // SAFETY: the consumer is not INACTIVE.
            let (run, clause) = unsafe { (state.run(), ecb.clause()) };
            // A CPU that the consumer does not trace on has no buffers.
            let Some(buffers) = run.buffers_of(cpu) else { continue };
            if let Some(brief) = &clause.brief
                // SAFETY: probe context on the CPU that the buffers belong to, and nobody has a writer.
                && unsafe {
                    brief.take(firing.args.len(), firing.arguments(), &run.variables, buffers, ecb)
                }
            {
                continue;
            }
            // In keys, the addresses of names are what they are.
            if clause.keyed.is_some()
                && ecb.plain
                // SAFETY: as for the brief one.
                && unsafe { self.take_keyed_turn(probe, firing, clause, buffers) }
            {
                continue;
            }
            let turn = Turn { ecb, state, run, clause, buffers, access: &state.access, recording: None };
            if let Err(failure) = self.take_turn(&moment, &turn) {
                self.fail(&moment, &turn, &failure);
            }
        }
    }

    /// Gives one ECB its turn that may see nothing of the thread that runs.
    #[cold]
    #[inline(never)]
    fn process_blindly(&self, outer: &Moment<'_, H>, firing: &Firing<'_>, ecb: &Ecb) {
        let state = ecb.state();
        // SAFETY: probe context, and the consumer is not INACTIVE.
        let (run, clause) = unsafe { (state.run(), ecb.clause()) };
        let Some(buffers) = run.buffers_of(outer.cpu()) else { return };
        let moment = Moment::new(&self.host, outer.probe, firing, outer.cpu());
        moment.share_time(outer);
        let turn = Turn { ecb, state, run, clause, buffers, access: &Access::NONE, recording: None };
        if let Err(failure) = self.take_turn(&moment, &turn) {
            self.fail(&moment, &turn, &failure);
        }
    }
}
