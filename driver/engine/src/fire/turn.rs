//! One ECB's turn in a firing: its predicate, room for its record, its steps, and what becomes of a fault.
//!
//! Probe context on the CPU of the buffers, counter odd. What stands on the left is tried first: a predicate and steps whose code is
//! recognised are done without a machine; from the first that is not, the rest has one.

use core::cell::Cell;
use core::sync::atomic::Ordering;

use crate::buffer::{Need, Reservation, Writer};
use crate::clause::{Clause, CodeRef, Plan, Step, Test, Work};
use crate::control::Dtrace;
use crate::difo::Uses;
use crate::ecb::Ecb;
use crate::helper::Surroundings;
use crate::host::{Firing, Host};
use crate::interp::quick::Quick;
use crate::interp::{self, Access, Fault, FaultKind, Machine, Moment, Owner};
use crate::provider::Privileges;
use crate::scratch::Scratch;
use crate::state::{Activity, Buffers, Run, State};

/// What `chill()` may spend in all in one interval on one CPU, and the interval, in nanoseconds (contract 3).
const CHILL_MAX: u64 = 500_000_000;
const CHILL_INTERVAL: u64 = 1_000_000_000;

/// The most frames of a user stack that are looked at for who may not do everything: the process decides how many there are.
const USER_FRAMES_MAX: usize = 4096;

/// A fault and the action it was in, counted from 1; 0 is the predicate.
pub(super) struct Failure {
    action: u64,
    fault: Fault,
}

/// One ECB in one firing.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) ecb: &'a Ecb,
    pub(super) state: &'a State,
    pub(super) run: &'a Run,
    pub(super) clause: &'a Clause,
    pub(super) buffers: &'a Buffers,
    /// What the clause may look at in this firing.
    pub(super) access: &'a Access,
    /// The speculation that is being recorded to, and whether it was discarded meanwhile.
    pub(super) recording: Option<(u64, &'a Cell<bool>)>,
}

impl<H: Host> Dtrace<H> {
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
    pub(super) fn take_turn(&self, moment: &Moment<'_, H>, turn: &Turn<'_>) -> Result<(), Failure> {
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
    pub(super) fn fail(&self, moment: &Moment<'_, H>, turn: &Turn<'_>, failure: &Failure) {
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
