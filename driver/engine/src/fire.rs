//! The firing path: what happens between a hook and its return.
//!
//! ```text
//!   no ECB? ─► return       predicate known to be false? ─► return
//!   enter (interrupts off) ─► counter odd (full fence, or the waiting side's) ─► in a probe already? count, leave
//!     for each ECB: consumer active? ─► predicate ─► room in the buffer ─► steps ─► commit
//!   counter even ─► leave
//! ```
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

use core::cell::Cell;
use core::hint::cold_path;
use core::sync::atomic::Ordering;

use dtrace_xcall::Inside;

use crate::buffer::{Need, Reservation, Writer};
use crate::clause::{Clause, CodeRef, Plan, Step, Test, Work};
use crate::control::Dtrace;
use crate::cpu::Cpu;
use crate::difo::Uses;
use crate::ecb::Ecb;
use crate::helper::Surroundings;
use crate::host::{Firing, Host};
use crate::housekeeping::SILENCE_MAX;
use crate::interp::quick::Quick;
use crate::interp::{self, Access, Fault, FaultKind, Machine, Moment, Owner};
use crate::keyed::Scene;
use crate::probe::Probe;
use crate::provider::Privileges;
use crate::scratch::Scratch;
use crate::state::{Activity, Buffers, Run, State};

/// What `chill()` may spend in all in one interval on one CPU, and the interval, in nanoseconds (contract 3).
const CHILL_MAX: u64 = 500_000_000;
const CHILL_INTERVAL: u64 = 1_000_000_000;

/// The most frames of a user stack that are looked at for who may not do everything: the process decides how many there are.
const USER_FRAMES_MAX: usize = 4096;

/// Of how many firings on a CPU one takes the long way, on which it is seen whether the machine is still alive.
const DEADMAN_EVERY: u64 = 1024;
/// How long ago the machine may have been found alive, in nanoseconds (contract 3).
const DEADMAN_LIMIT: u64 = 10_000_000_000;

/// The short forms of a clause.
const BRIEF: u8 = 0;
const KEYED: u8 = 1;

/// A fault and the action it was in, counted from 1; 0 is the predicate.
struct Failure {
    action: u64,
    fault: Fault,
}

/// What a consumer sees of a firing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// It does not even know of it.
    Nothing,
    /// That it fired.
    Blind,
    /// What its privileges allow.
    All,
}

/// One ECB in one firing.
#[derive(Clone, Copy)]
struct Turn<'a> {
    ecb: &'a Ecb,
    state: &'a State,
    run: &'a Run,
    clause: &'a Clause,
    buffers: &'a Buffers,
    /// What the clause may look at in this firing.
    access: &'a Access,
    /// The speculation that is being recorded to, and whether it was discarded meanwhile.
    recording: Option<(u64, &'a Cell<bool>)>,
}

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
        let Some(buffers) = run.buffers.get(cpu).and_then(Option::as_deref) else { return false };
        // SAFETY: probe context on the CPU that the buffers belong to, and nobody has a writer.
        unsafe { brief.take(at_hand, arg, &run.variables, buffers, ecb) }
    }

    /// Takes the one clause on the probe if it is keyed, or does nothing: then false. Probe context, counter odd.
    #[inline(always)]
    fn take_keyed(&self, probe: &Probe<H>, cpu: usize, at_hand: usize, arg: impl Fn(usize) -> u64) -> bool {
        let Some((_, run, clause)) = self.only_clause(probe) else { return false };
        let Some(keyed) = &clause.keyed else { return false };
        let Some(buffers) = run.buffers.get(cpu).and_then(Option::as_deref) else { return false };
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
            let Some(buffers) = run.buffers.get(cpu).and_then(Option::as_deref) else { continue };
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
        let Some(buffers) = run.buffers.get(outer.cpu()).and_then(Option::as_deref) else { return };
        let moment = Moment::new(&self.host, outer.probe, firing, outer.cpu());
        moment.share_time(outer);
        let turn = Turn { ecb, state, run, clause, buffers, access: &Access::NONE, recording: None };
        if let Err(failure) = self.take_turn(&moment, &turn) {
            self.fail(&moment, &turn, &failure);
        }
    }

    /// Whether the consumer of an ECB is limited, and its time in this firing is over: that is an error each, which nobody is told of.
    /// Otherwise its time begins, if it has not yet.
    fn is_late(&self, moment: &Moment<'_, H>, ecb: &Ecb) -> bool {
        let state = ecb.state();
        if !state.is_limited() || self.host.timestamp() <= moment.until() {
            return false;
        }
        // SAFETY: probe context, and the consumer is not INACTIVE.
        let run = unsafe { state.run() };
        if let Some(buffers) = run.buffers.get(moment.cpu()).and_then(Option::as_deref) {
            // SAFETY: probe context on the CPU of the buffers, and nobody has a writer.
            unsafe { buffers.principal.writer() }.count_error();
            buffers.errors.add_one();
        }
        true
    }

    /// What the consumer sees of the firing, in all cases.
    #[inline(never)]
    fn sight(&self, probe: &Probe<H>, firing: &Firing<'_>, state: &State) -> Sight {
        match probe.is_builtin() {
            false if state.is_active() => self.sight_of_thread(probe, firing, state),
            false if state.is_doubted() => {
                let sight = self.sight_of_thread(probe, firing, state);
                if sight != Sight::Nothing && self.is_dead(state) {
                    state.advance(Activity::Active, Activity::Killed);
                    return Sight::Nothing;
                }
                sight
            }
            true if firing.args.first() == Some(&state.key) && self.runs_builtin(probe, state) => Sight::All,
            _ => Sight::Nothing,
        }
    }

    /// Whether a probe of the `dtrace` provider is processed. What a clause of BEGIN has ended, the next does not begin.
    fn runs_builtin(&self, probe: &Probe<H>, state: &State) -> bool {
        state.runs_builtin()
            && (state.activity() == Activity::Warmup || !core::ptr::eq(probe, self.builtin.begin()))
    }

    /// The deadman: sees whether the machine is still alive. If not, the next firing looks again, whosoever it is.
    #[cold]
    #[inline(never)]
    fn look(&self, local: &Cpu, now: u64, probe: &Probe<H>, firing: &Firing<'_>) {
        let alive = self.alive.load(Ordering::Relaxed);
        if self.host.timestamp().saturating_sub(alive) <= DEADMAN_LIMIT {
            local.looked.store(now, Ordering::Relaxed);
        } else {
            self.end_dead(probe, firing);
        }
    }

    /// Ends those consumers of the probe under which nobody gets to run any more.
    fn end_dead(&self, probe: &Probe<H>, firing: &Firing<'_>) {
        // SAFETY: probe context, and the references do not leave it.
        for ecb in unsafe { probe.ecbs.iter() } {
            let state = ecb.state();
            if self.sight(probe, firing, state) != Sight::Nothing && self.is_dead(state) {
                state.advance(Activity::Active, Activity::Killed);
            }
        }
    }

    /// Whether nobody gets to run under a consumer. Who may do destructive things to the kernel is left alone.
    fn is_dead(&self, state: &State) -> bool {
        let heard = state.heard();
        let alive = self.alive.load(Ordering::Relaxed).min(heard.saturating_add(SILENCE_MAX)).max(heard);
        if self.host.timestamp().saturating_sub(alive) <= DEADMAN_LIMIT {
            return false;
        }
        // SAFETY: the consumer is not INACTIVE.
        !(unsafe { state.run() }.destructive && state.privileges.has(Privileges::ALL))
    }

    /// What the consumer may see of this firing. A consumer that may not look into the kernel sees user mode, and of its own processes
    /// only unless it may see those of others (contract 1.3). A probe that is about no thread fires for it, too, but it sees
    /// nothing of whatever thread happens to run.
    fn sight_of_thread(&self, probe: &Probe<H>, firing: &Firing<'_>, state: &State) -> Sight {
        if state.access.kernel {
            return Sight::All;
        }
        let visible = state.access.sees_only.is_none_or(|owner| self.host.is_owned_by(owner.uid, owner.gid));
        if visible && probe.provider().usermode(probe, firing) {
            Sight::All
        } else if probe.provider().is_about_thread(probe) {
            Sight::Nothing
        } else {
            Sight::Blind
        }
    }

    /// The predicate of a clause that has one.
    #[inline(never)]
    fn test(&self, moment: &Moment<'_, H>, turn: &Turn<'_>) -> Result<bool, Failure> {
        let Some(predicate) = &turn.clause.predicate else { return Ok(true) };
        let quick = if turn.ecb.plain { turn.quick(moment).run(predicate.get()) } else { None };
        let value = match quick {
            Some(value) => value,
            None => self.run_predicate(moment, turn, predicate)?,
        };
        if value == 0 && turn.clause.predicate_id != 0 {
            self.host.note_false(turn.clause.predicate_id);
        }
        Ok(value != 0)
    }

    /// Predicate and steps of one ECB.
    #[inline(always)]
    fn take_turn(&self, moment: &Moment<'_, H>, turn: &Turn<'_>) -> Result<(), Failure> {
        let Turn { ecb, clause, buffers, .. } = *turn;
        if clause.test != Test::Always && !self.test(moment, turn)? {
            return Ok(());
        }
        if clause.speculative {
            return self.take_speculative_turn(moment, turn);
        }
        // SAFETY: probe context on the CPU that the buffers belong to; nothing else in this turn asks for a writer.
        let mut writer = unsafe { buffers.principal.writer() };
        let Some(Reservation { at, record, scratch }) = reserve(turn, &mut writer) else { return Ok(()) };
        self.take_steps(moment, turn, 0, record, scratch)?;
        if clause.size != 0 {
            store_epid(record, ecb);
            writer.commit(at, clause.size);
        }
        Ok(())
    }

    /// The value of a predicate that needs a machine.
    #[inline(never)]
    fn run_predicate(
        &self,
        moment: &Moment<'_, H>,
        turn: &Turn<'_>,
        predicate: &CodeRef,
    ) -> Result<u64, Failure> {
        let context = turn.context();
        // SAFETY: probe context on the CPU that the buffers belong to; the writer is gone when this returns.
        let mut writer = unsafe { turn.buffers.principal.writer() };
        let machine =
            Machine::new(moment, &context, Scratch::new(writer.scratch())).until(turn.until(moment));
        machine.run(predicate.get()).map_err(|fault| Failure { action: 0, fault })
    }

    /// The steps of a clause from `first` on: without a machine as far as that goes.
    #[inline(always)]
    fn take_steps(
        &self,
        moment: &Moment<'_, H>,
        turn: &Turn<'_>,
        first: usize,
        record: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<(), Failure> {
        if !turn.ecb.plain {
            // Somebody looks at the clock between the steps, and addresses may not be what they are.
            return self.take_general_steps(moment, turn, first, 0, record, scratch);
        }
        let quick = turn.quick(moment);
        let mut last = 0;
        for (number, step) in turn.clause.steps.iter().enumerate().skip(first) {
            match take_quick_step(&quick, turn, step, last, record) {
                Some(value) => last = value,
                None => return self.take_general_steps(moment, turn, number, last, record, scratch),
            }
        }
        Ok(())
    }

    /// The steps of a clause from `first` on, with a machine. `last` is the value of the step before.
    #[inline(never)]
    fn take_general_steps(
        &self,
        moment: &Moment<'_, H>,
        turn: &Turn<'_>,
        first: usize,
        mut last: u64,
        record: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<(), Failure> {
        let context = turn.context();
        let machine = Machine::new(moment, &context, Scratch::new(scratch)).until(turn.until(moment));
        for (number, step) in turn.clause.steps.iter().enumerate().skip(first) {
            last = self
                .take_step(moment, &machine, turn, step, last, record)
                .map_err(|fault| Failure { action: number as u64 + 1, fault })?;
        }
        Ok(())
    }

    /// The turn of a clause with actions on speculations, after its predicate.
    #[cold]
    #[inline(never)]
    fn take_speculative_turn(&self, moment: &Moment<'_, H>, turn: &Turn<'_>) -> Result<(), Failure> {
        // SAFETY: probe context on the CPU that the buffers belong to; nothing else in this turn asks for a writer.
        let mut writer = unsafe { turn.buffers.principal.writer() };
        let Some(first) = self.take_speculative_steps(moment, turn, &mut writer)? else { return Ok(()) };
        let Some(Reservation { at, record, scratch }) = reserve(turn, &mut writer) else { return Ok(()) };
        self.take_steps(moment, turn, first, record, scratch)?;
        if turn.clause.size != 0 {
            store_epid(record, turn.ecb);
            writer.commit(at, turn.clause.size);
        }
        Ok(())
    }

    /// The steps of a clause with actions on speculations, as far as they come before anything that records. Returns the
    /// first step that is left for the principal buffer; None if nothing is, because the rest was sent to a speculation.
    ///
    /// Each of these steps has the scratch memory for itself: `commit()` moves records to where it is.
    fn take_speculative_steps(
        &self,
        moment: &Moment<'_, H>,
        turn: &Turn<'_>,
        writer: &mut Writer<'_>,
    ) -> Result<Option<usize>, Failure> {
        let Turn { run, clause, .. } = *turn;
        let context = &turn.context();
        let mut recording = None;
        for (at, step) in clause.steps.iter().enumerate() {
            if step.record.size != 0 || step.in_tuple {
                return match recording {
                    None => Ok(Some(at)),
                    Some(id) => self.record_speculatively(moment, turn, writer, id, at).map(|()| None),
                };
            }
            let failure = |fault| Failure { action: at as u64 + 1, fault };
            let value = {
                let scratch = Scratch::new(writer.scratch());
                let machine = Machine::new(moment, context, scratch).until(turn.until(moment));
                machine.in_time().map_err(|trap| failure(trap.fault(None)))?;
                match &step.code {
                    Some(code) => machine.run(code.get()).map_err(failure)?,
                    None => 0,
                }
            };
            if step.work == Work::Commit && run.speculations.is_illegal(value) {
                return Err(failure(Fault { kind: FaultKind::IllegalOperation, address: 0, offset: None }));
            }
            match step.work {
                // SAFETY: probe context on this CPU, with no access to any speculation.
                Work::Commit => unsafe {
                    run.speculations.commit(value, moment.cpu(), writer, |epid| run.size_of_record(epid));
                },
                // What follows goes to no other place: without a speculation, to none.
                Work::Speculate if !run.speculations.is_recording(value) => return Ok(None),
                Work::Speculate => recording = Some(value),
                Work::Nothing => (),
                work => {
                    // None of these records anything, so none wants scratch memory.
                    let none = Scratch::none().rest();
                    self.take_rare_step(moment, turn, work, value, &mut [], none).map_err(failure)?;
                }
            }
        }
        match recording {
            Some(id) if clause.size != 0 => {
                self.record_speculatively(moment, turn, writer, id, clause.steps.len()).map(|()| None)
            }
            // Nothing records: there is nothing to reserve for, unless keys are staged, and then a step was in a tuple.
            _ => Ok(None),
        }
    }

    /// The steps from `first` on, recorded in a speculation. A `discard()` of that very speculation takes effect at the end.
    fn record_speculatively(
        &self,
        moment: &Moment<'_, H>,
        turn: &Turn<'_>,
        writer: &mut Writer<'_>,
        id: u64,
        first: usize,
    ) -> Result<(), Failure> {
        let Turn { run, clause, .. } = *turn;
        let need = Need { bytes: clause.needed, align: clause.alignment, scratch: 0 };
        let discarded = Cell::new(false);
        {
            // SAFETY: probe context on this CPU. A step that follows touches another speculation or, for this one, sets
            // `discarded`; `commit()` does not come after what records.
            let Some(mut recording) = (unsafe { run.speculations.reserve(id, moment.cpu(), need) }) else {
                return Ok(());
            };
            let turn = Turn { recording: Some((id, &discarded)), ..*turn };
            recording.build(|record| {
                self.take_steps(moment, &turn, first, record, writer.scratch())?;
                store_epid(record, turn.ecb);
                Ok(clause.size)
            })?;
        }
        if discarded.get() {
            // SAFETY: probe context on this CPU, and the recording is over.
            unsafe { run.speculations.discard(id, moment.cpu()) };
        }
        Ok(())
    }

    /// One action. Returns its value.
    #[inline]
    fn take_step(
        &self,
        moment: &Moment<'_, H>,
        machine: &Machine<'_, H>,
        turn: &Turn<'_>,
        step: &Step,
        last: u64,
        record: &mut [u8],
    ) -> Result<u64, Fault> {
        machine.in_time().map_err(|trap| trap.fault(None))?;
        let value = match &step.code {
            Some(code) => machine.run(code.get())?,
            None => 0,
        };
        if step.aggregating.is_some() {
            aggregate(turn, step, value, last, record);
            return Ok(value);
        }
        let data = place(record, step);
        match step.work {
            Work::Value => store_value(data, value),
            Work::String | Work::Bytes => {
                if let Some(code) = &step.code {
                    match step.work {
                        Work::String if step.in_tuple => {
                            machine.stage_string(code.get(), value, data)?;
                        }
                        Work::String => {
                            machine.copy_string(code.get(), value, data)?;
                        }
                        _ => {
                            // `tracemem()` with a length has recorded it just before; none is all of it, to the
                            // consumer too.
                            let measured = if step.measured && last != 0 { last } else { u64::MAX };
                            let length = measured.min(data.len() as u64) as usize;
                            let (data, rest) = data.split_at_mut_checked(length).unwrap_or_default();
                            machine.copy_bytes(code.get(), value, data)?;
                            rest.fill(0);
                        }
                    }
                }
            }
            Work::Nothing | Work::Aggregate => (),
            Work::Exit => {
                store_value(data, value);
                // Whoever is first; in END there is nothing left to end.
                let _ = turn.state.advance(Activity::Active, Activity::Draining)
                    || turn.state.advance(Activity::Warmup, Activity::Draining);
            }
            _ => self.take_rare_step(moment, turn, step.work, value, data, machine.scratch.rest())?,
        }
        Ok(value)
    }

    /// The actions that few programs have. `free` is scratch memory that nobody uses.
    #[cold]
    #[inline(never)]
    fn take_rare_step(
        &self,
        moment: &Moment<'_, H>,
        turn: &Turn<'_>,
        work: Work,
        value: u64,
        data: &mut [u8],
        free: (*mut u8, usize),
    ) -> Result<(), Fault> {
        let Turn { state, run, buffers, .. } = *turn;
        let destructive = run.destructive;
        let kernel_destructive = destructive && state.privileges.has(Privileges::ALL);
        let refused = |kind| Err(Fault { kind, address: 0, offset: None });
        match work {
            Work::Symbol => {
                if !turn.access.kernel {
                    return refused(FaultKind::KernelPrivilege);
                }
                store_value(data, value);
            }
            Work::UserSymbol => {
                if !turn.access.process {
                    return refused(FaultKind::UserPrivilege);
                }
                if let Some((pid, address)) = data.split_first_chunk_mut() {
                    *pid = u64::from(self.host.pid()).to_ne_bytes();
                    store_value(address, value);
                }
            }
            Work::Stack => {
                if !turn.access.kernel {
                    return refused(FaultKind::KernelPrivilege);
                }
                let skip = moment.probe.aframes().saturating_add(moment.firing.skip_frames);
                store_frames(data, |frames| self.host.stack(moment.firing, skip, frames));
            }
            Work::UserStack { frames } => {
                if !turn.access.process {
                    return refused(FaultKind::UserPrivilege);
                }
                data.fill(0);
                let Some((pid, rest)) = data.split_first_chunk_mut() else { return Ok(()) };
                *pid = u64::from(self.host.pid()).to_ne_bytes();
                let room = (frames as usize * 8).min(rest.len());
                let (frames, strings) = rest.split_at_mut(room);
                let most = if state.is_limited() { USER_FRAMES_MAX } else { usize::MAX };
                store_frames(frames, |frames| {
                    let most = most.min(frames.len());
                    self.host.user_stack(moment.firing, frames.get_mut(..most).unwrap_or_default())
                });
                if !strings.is_empty() {
                    let overflows = &buffers.stack_string_overflows;
                    let surroundings = Surroundings { scratch: free, strsize: run.strsize, overflows };
                    self.annotate(moment, &surroundings, frames, strings);
                }
            }
            Work::Discard if run.speculations.is_illegal(value) => {
                return refused(FaultKind::IllegalOperation);
            }
            Work::Discard => match turn.recording {
                Some((id, discarded)) if id == value => discarded.set(true),
                // SAFETY: probe context on this CPU; no other speculation is being recorded to.
                _ => unsafe { run.speculations.discard(value, moment.cpu()) },
            },
            Work::Stop | Work::Raise if destructive => {
                let anybodys = |owner: &Owner| !self.host.is_owned_by(owner.uid, owner.gid);
                if !turn.access.process || turn.access.changes_only.as_ref().is_some_and(anybodys) {
                    return refused(FaultKind::UserPrivilege);
                }
                let done = if work == Work::Stop { self.host.stop() } else { self.host.raise(value as i32) };
                if !done {
                    return refused(FaultKind::IllegalOperation);
                }
            }
            Work::Chill if kernel_destructive => {
                if !self.chill(buffers, moment.timestamp(), value) {
                    return refused(FaultKind::IllegalOperation);
                }
            }
            Work::Breakpoint | Work::Panic if kernel_destructive => {
                let done = if work == Work::Panic { self.host.panic() } else { self.host.breakpoint() };
                if !done {
                    return refused(FaultKind::IllegalOperation);
                }
            }
            _ => return refused(FaultKind::KernelPrivilege),
        }
        Ok(())
    }

    /// Spins, unless that would be too much for this interval.
    fn chill(&self, buffers: &Buffers, now: u64, ns: u64) -> bool {
        // Written by this CPU in probe context only.
        if now.wrapping_sub(buffers.chill_interval.load(Ordering::Relaxed)) > CHILL_INTERVAL {
            buffers.chill_interval.store(now, Ordering::Relaxed);
            buffers.chilled.store(0, Ordering::Relaxed);
        }
        match buffers.chilled.load(Ordering::Relaxed).checked_add(ns).filter(|&sum| sum <= CHILL_MAX) {
            Some(sum) => {
                buffers.chilled.store(sum, Ordering::Relaxed);
                self.host.chill(ns);
                true
            }
            None => false,
        }
    }

    /// A clause has faulted: counts it and fires ERROR for its consumer (contract 2.5).
    #[cold]
    #[inline(never)]
    fn fail(&self, moment: &Moment<'_, H>, turn: &Turn<'_>, failure: &Failure) {
        let Failure { action, fault } = failure;
        let (probe, firing) = (moment.probe, moment.firing);
        // SAFETY: probe context on the CPU of the buffers; the turn that failed has dropped its writer.
        unsafe { turn.buffers.principal.writer() }.count_error();
        let error = self.builtin.error();
        if core::ptr::eq(probe, error) {
            turn.buffers.double_errors.add_one();
            return;
        }
        turn.buffers.errors.add_one();
        let args = [
            turn.state.key,
            u64::from(turn.ecb.epid),
            *action,
            fault.offset.map_or(u64::MAX, u64::from),
            u64::from(fault.kind as u32),
            fault.address,
        ];
        let firing = Firing { args: &args, ..*firing };
        if turn.access.process {
            self.process(error, &firing, moment.cpu(), Some(moment));
            return;
        }
        // What a clause may not see, ERROR may not see for it.
        // SAFETY: probe context, and the references do not leave it.
        for ecb in unsafe { error.ecbs.iter() }.filter(|ecb| core::ptr::eq(ecb.state(), turn.state)) {
            let within = Moment::new(&self.host, error, &firing, moment.cpu());
            within.share_time(moment);
            if !self.is_late(&within, ecb) {
                self.process_blindly(&within, &firing, ecb);
            }
        }
    }
}

impl<'a> Turn<'a> {
    /// What the clause's code runs with without a machine.
    #[inline(always)]
    fn quick<H: Host>(&self, moment: &'a Moment<'a, H>) -> Quick<'a, H> {
        Quick {
            moment,
            variables: &self.run.variables,
            process: self.access.process,
            strsize: self.run.strsize,
            epid: self.ecb.epid,
        }
    }

    /// Until when it runs.
    #[inline(always)]
    fn until<H: Host>(&self, moment: &Moment<'_, H>) -> u64 {
        if self.state.is_limited() { moment.until() } else { u64::MAX }
    }

    /// What the clause's code runs with in a machine.
    fn context(&self) -> interp::Clause<'_> {
        interp::Clause {
            variables: &self.run.variables,
            speculations: &self.run.speculations,
            access: *self.access,
            strsize: self.run.strsize,
            epid: self.ecb.epid,
        }
    }
}

/// Room for the record of a clause, and for what it stages.
#[inline(always)]
fn reserve<'a>(turn: &Turn<'_>, writer: &'a mut Writer<'_>) -> Option<Reservation<'a>> {
    let Turn { run, clause, .. } = *turn;
    let scratch = if clause.uses.intersects(Uses::SCRATCH) { run.strsize as u32 } else { 0 };
    let need = Need { bytes: clause.needed, align: clause.alignment, scratch };
    writer.reserve(need, |epid| run.size_of_record(epid))
}

/// One action, if it needs no machine: its value.
#[inline(always)]
fn take_quick_step<H: Host>(
    quick: &Quick<'_, H>,
    turn: &Turn<'_>,
    step: &Step,
    last: u64,
    record: &mut [u8],
) -> Option<u64> {
    let value = || step.code.as_ref().map_or(Some(0), |code| quick.run(code.get()));
    let value = match step.plan {
        Plan::General => return None,
        // Nothing asks for the value of a string: it is an address.
        Plan::Text(text) => return quick.copy_text(text, place(record, step), step.in_tuple).map(|()| 0),
        Plan::Arg(_) | Plan::Constant(_) | Plan::Value => {
            let value = value()?;
            store_value(place(record, step), value);
            value
        }
        Plan::Pid if quick.process => {
            let pid = u64::from(quick.moment.host.pid());
            store_value(place(record, step), pid);
            pid
        }
        Plan::Pid => return None,
        Plan::Count | Plan::Aggregate => {
            let value = value()?;
            aggregate(turn, step, value, last, record);
            value
        }
        Plan::Add { .. } | Plan::Effect => value()?,
    };
    Some(value)
}

/// Where a step's data goes. The layout put it inside what was reserved.
#[inline(always)]
fn place<'a>(record: &'a mut [u8], step: &Step) -> &'a mut [u8] {
    let from = record.get_mut(step.record.offset as usize..).unwrap_or_default();
    from.get_mut(..step.record.size as usize).unwrap_or_default()
}

/// Stores what a record begins with.
#[inline(always)]
fn store_epid(record: &mut [u8], ecb: &Ecb) {
    if let Some(word) = record.first_chunk_mut() {
        *word = ecb.epid.to_ne_bytes();
    }
}

/// Takes a value into an aggregation, whose keys are staged. `last` is the value of the step before.
#[inline(always)]
fn aggregate(turn: &Turn<'_>, step: &Step, value: u64, last: u64, record: &[u8]) {
    let Some(aggregating) = &step.aggregating else { return };
    let Some(aggregation) = &aggregating.aggregation else { return };
    let staged = record.get(aggregating.base as usize..).unwrap_or_default();
    let increment = if aggregating.increment { last } else { 1 };
    // SAFETY: probe context on the CPU of the buffers; the reference is gone when this returns.
    let table = unsafe { turn.buffers.aggregation.active_side() };
    table.update(aggregation, staged, value as i64, increment);
}

/// Stores the low bytes of a value.
#[inline]
fn store_value(data: &mut [u8], value: u64) {
    if let Some(word) = data.first_chunk_mut::<8>() {
        *word = value.to_ne_bytes();
    } else if let Some(word) = data.first_chunk_mut::<4>() {
        *word = (value as u32).to_ne_bytes();
    } else if let Some(word) = data.first_chunk_mut::<2>() {
        *word = (value as u16).to_ne_bytes();
    } else if let Some(byte) = data.first_mut() {
        *byte = value as u8;
    }
}

/// Lets `walk` fill the frames of a record, and clears those it has not.
fn store_frames(data: &mut [u8], walk: impl FnOnce(&mut [u64]) -> usize) {
    data.fill(0);
    // SAFETY: any bytes are words; the layout aligns stacks to 8, so all of the record is in the middle part.
    let (_, frames, _) = unsafe { data.align_to_mut::<u64>() };
    let count = walk(frames);
    if let Some(rest) = frames.get_mut(count..) {
        rest.fill(0);
    }
}
