//! The cross-call: a CPU has others run a function, now.
//!
//! # The mesh
//!
//! For each pair of CPUs there is one [slot](crate::slot). A caller writes down what it calls, once, posts it in the slot
//! of each target, marks itself [pending](crate::pending) with each, and has the machine interrupt them ([`Ipi`]). A
//! target that is interrupted runs what is pending for it and finishes the slots. The caller waits until its slots are
//! finished.
//!
//! # Why nobody waits for ever
//!
//! *Two CPUs call each other*, both with interrupts off: a caller serves its own column while it waits, so each answers
//! the other.
//!
//! *An interrupt calls while its CPU is calling*: calls of one CPU nest, each with its own record (there are
//! [`LEVELS`]; more are refused). Where the outer call has taken a slot, the inner one waits for the target
//! to answer the outer one, which needs nothing of the outer caller.
//!
//! *A target has interrupts off*: when the first [`Budget`] is used up, it gets an NMI, in which it runs those
//! functions that may run in one ([`Call::nmi`]).
//!
//! *A target does not answer that either*: when the second budget is used up, the caller gives up and says so
//! ([`Report`]). What the target had not begun, it will never begin. What it is at is left to it as an orphan, unless the
//! function borrows something of the caller's ([`Call::borrows`]): that one is waited for, because a function that runs
//! ends.
//!
//! *A target goes offline*: it is taken as answered, because it is in no probe; what it had not begun it will not begin.
//!
//! # Contexts
//!
//! A caller may have interrupts on or off and may itself be an interrupt handler, but no NMI handler, and no function
//! that is served in an NMI. It stays on its CPU throughout. The firing path calls nobody.
//!
//! # What was rejected
//!
//! *The kernel's own waiting call* (smp_call_function_single with wait): it may not be used with interrupts off, and has no
//! end when the target does not answer. *One mailbox for each CPU with a lock*: a caller with interrupts off would wait for
//! the lock's owner. *A scan of a whole column by the target*: 4,096 cache lines for one call.

use crate::counters::{Count, Stats};
use crate::ipi::{Budget, Ipi};
use crate::pending::MAX_CPUS;
use crate::row::{Record, Row, filled};
use crate::slot::{GivenUp, LEVELS, Seen, Slot};
use crate::sync::Ordering;
use alloc::vec::Vec;
use core::fmt;

/// A function that is called on another CPU, with interrupts off there: its argument, and how it came to run.
pub type Function = unsafe fn(*mut (), Served);

/// How a function came to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// On the caller's own CPU, which was among the targets.
    Here,
    /// In the interrupt that the caller had sent.
    Interrupt,
    /// While its CPU was waiting for a call of its own.
    Waiting,
    /// In an NMI: it may have interrupted anything, a probe for instance.
    Nmi,
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// Its argument.
    pub argument: *mut (),
    /// It may run in an NMI.
    pub nmi: bool,
    /// Its argument is gone when the call returns: a function that has begun is waited for, whatever the budget.
    pub borrows: bool,
}

/// What came of a call, by targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a target may not have run the function"]
pub struct Report {
    /// They have run the function.
    pub answered: u32,
    /// They are offline, or there are no such CPUs. They have not run it and will not.
    pub offline: u32,
    /// Given up: they have not begun it and will not.
    pub revoked: u32,
    /// Given up: they have begun it and may be at it still.
    pub orphaned: u32,
}

impl Report {
    /// Whether no target was given up.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.revoked == 0 && self.orphaned == 0
    }
}

/// Why a call was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many calls as there are levels are nested on this CPU already.
    TooDeep,
    /// The caller's CPU number is none.
    NoSuchCpu,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::TooDeep => write!(f, "more than {LEVELS} cross-calls are nested on one CPU"),
            Refused::NoSuchCpu => f.write_str("the calling CPU is not in the mesh"),
        }
    }
}

impl core::error::Error for Refused {}

/// How many rounds a caller waits between two looks at the clock.
const ROUNDS: u64 = if cfg!(loom) { 1 } else { 64 };
/// After so many nanoseconds a target that has had its interrupt and has not got to the slot is interrupted again.
const AGAIN: u64 = 1_000_000;

/// The slots of all pairs of CPUs.
#[derive(Debug)]
pub struct Mesh {
    rows: Vec<Option<Row>>,
    budget: Budget,
}

impl Mesh {
    /// A mesh for CPU numbers below `cpus`, with memory for those that `exists` (in the kernel: the possible ones, so that
    /// hotplug needs none). None when there is no memory, or for more than [`MAX_CPUS`].
    pub fn new(cpus: usize, exists: impl Fn(usize) -> bool, budget: Budget) -> Option<Self> {
        if cpus > MAX_CPUS {
            return None;
        }
        let mut rows = filled(cpus, |_| None)?;
        for (cpu, row) in rows.iter_mut().enumerate() {
            if exists(cpu) {
                *row = Some(Row::new(cpus)?);
            }
        }
        Some(Mesh { rows, budget })
    }

    fn row(&self, cpu: usize) -> Option<&Row> {
        self.rows.get(cpu)?.as_ref()
    }

    fn slot(&self, from: usize, to: usize) -> Option<&Slot> {
        self.row(from)?.caller.slots.get(to)
    }

    /// Has every CPU of `targets` run the function, and returns when they have, or were given up.
    ///
    /// # Safety
    ///
    /// The caller is on the CPU `from`, and stays there until this returns, in a context that the module's text allows.
    /// `ipi` is that CPU's machine. The function may be called with the argument on any CPU with interrupts off, on several
    /// at once, and in an NMI if the call says so; the argument lives until all functions have ended: those that
    /// [`Report::orphaned`] counts may run on after the return, unless the call [borrows](Call::borrows).
    pub unsafe fn call(
        &self,
        ipi: &impl Ipi,
        from: usize,
        targets: impl IntoIterator<Item = usize>,
        call: &Call,
    ) -> Result<Report, Refused> {
        let row = self.row(from).ok_or(Refused::NoSuchCpu)?;
        let counters = &row.caller.counters;
        let level = row.caller.depth.load(Ordering::Relaxed);
        let Some(record) = row.caller.records.get(level) else {
            counters.add(Count::Refused, 1);
            return Err(Refused::TooDeep);
        };
        // An interrupt between these two leaves the depth as it found it.
        row.caller.depth.store(level + 1, Ordering::Release);
        counters.add(Count::Call, 1);
        counters.add(Count::Nested, u64::from(level > 0));
        record.set(call.function as *mut (), call.argument);

        let mut report = Report::default();
        let (mut here, mut others) = (false, 0u32);
        for to in targets {
            if to == from {
                here = true;
            } else if self.row(to).is_none() || !ipi.is_online(to) {
                report.offline += 1;
            } else {
                others += 1;
                record.unposted.insert(to);
            }
        }
        counters.add(Count::Multi, u64::from(others > 1));
        let waiting = Waiting { mesh: self, ipi, from, level, record, call };
        waiting.post(&mut report);
        if here {
            // SAFETY: the caller's contract.
            ipi.uninterrupted(&mut || unsafe { (call.function)(call.argument, Served::Here) });
            report.answered += 1;
        }
        waiting.until_answered(&mut report);
        row.caller.depth.store(level, Ordering::Release);
        Ok(report)
    }

    /// The CPU has got the interrupt that [`Ipi::send`] asked for.
    ///
    /// # Safety
    ///
    /// The caller is on `cpu`, with interrupts off, and in no NMI.
    pub unsafe fn interrupted(&self, cpu: usize) {
        let Some(row) = self.row(cpu) else { return };
        // Before the pass: who is marked after this sends another interrupt.
        row.target.kicked.swap(false, Ordering::AcqRel);
        row.caller.counters.add(Count::Ipi, 1);
        // SAFETY: the caller's contract.
        unsafe { self.pass(cpu, row, Served::Interrupt) };
    }

    /// The CPU is in an NMI, whatever it is for. True if it was for us.
    ///
    /// # Safety
    ///
    /// The caller is on `cpu`, in an NMI.
    pub unsafe fn nmi(&self, cpu: usize) -> bool {
        let Some(row) = self.row(cpu) else { return false };
        if !row.target.nmi.load(Ordering::Relaxed) || !row.target.nmi.swap(false, Ordering::AcqRel) {
            return false;
        }
        row.caller.counters.add(Count::Nmi, 1);
        // SAFETY: the caller's contract.
        unsafe { self.pass(cpu, row, Served::Nmi) };
        true
    }

    /// Runs what is pending for a CPU that comes or goes, without an interrupt.
    ///
    /// # Safety
    ///
    /// As for [`Mesh::interrupted`].
    pub unsafe fn serve(&self, cpu: usize) {
        let Some(row) = self.row(cpu) else { return };
        // SAFETY: the caller's contract.
        unsafe { self.pass(cpu, row, Served::Waiting) };
    }

    /// Whether an interrupt or an NMI of the mesh is under way to any CPU: then its code and memory must stay.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.rows
            .iter()
            .flatten()
            .any(|row| row.target.kicked.load(Ordering::Acquire) || row.target.nmi.load(Ordering::Acquire))
    }

    /// `count` CPUs needed no call of `from`'s because they were in no probe.
    pub fn skipped(&self, from: usize, count: u64) {
        if let Some(row) = self.row(from) {
            row.caller.counters.add(Count::Fast, count);
        }
    }

    /// What was counted so far, on all CPUs.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for row in self.rows.iter().flatten() {
            stats.add(&row.caller.counters);
        }
        stats
    }

    /// One pass over what is pending for a CPU.
    ///
    /// # Safety
    ///
    /// The caller is on `cpu` with interrupts off, in an NMI if and only if `how` says so.
    unsafe fn pass(&self, cpu: usize, row: &Row, how: Served) {
        let may_run = |seen: &Seen| how != Served::Nmi || seen.in_nmi();
        let peek =
            |from| how != Served::Nmi || self.slot(from, cpu).and_then(Slot::look).is_some_and(Seen::in_nmi);
        row.target.pending.pass(peek, |from| {
            let Some(caller) = self.row(from).map(|row| &row.caller) else { return };
            let Some(slot) = caller.slots.get(cpu) else { return };
            let Some(seen) = slot.look() else { return };
            if !may_run(&seen) {
                // Another call than the one that was peeked at: for somebody else's pass.
                row.target.pending.mark(from);
                return;
            }
            let Some(record) = caller.records.get(seen.level()) else { return };
            let (function, argument) = record.get();
            if let Some(taken) = slot.take(seen) {
                // SAFETY: the record holds what the caller made a pointer of, for it was that of the call that was taken
                // (see `Record::get`), and the caller vouches for the call.
                unsafe { core::mem::transmute::<*mut (), Function>(function)(argument, how) };
                slot.finish(taken);
                row.caller.counters.add(Count::NmiServed, u64::from(how == Served::Nmi));
            }
        });
    }

    /// Has `to` interrupted, unless that is under way.
    fn kick(&self, ipi: &impl Ipi, to: usize) {
        let Some(row) = self.row(to) else { return };
        // Who finds it under way relies on its being sent: no interrupt in between.
        ipi.uninterrupted(&mut || {
            if !row.target.kicked.swap(true, Ordering::AcqRel) && !ipi.send(to) {
                row.target.kicked.store(false, Ordering::Release);
            }
        });
    }

    /// Sends `to` an NMI, unless one is under way. One that is offline would never take it, and it would be under way for ever;
    /// while interrupts are off here, none goes.
    fn escalate(&self, ipi: &impl Ipi, from: &Row, to: usize) {
        let Some(row) = self.row(to) else { return };
        ipi.uninterrupted(&mut || {
            if ipi.is_online(to) && !row.target.nmi.swap(true, Ordering::AcqRel) {
                from.caller.counters.add(Count::NmiSent, 1);
                ipi.send_nmi(to);
            }
        });
    }
}

/// A call whose targets have not all answered.
struct Waiting<'a, I: Ipi> {
    mesh: &'a Mesh,
    ipi: &'a I,
    from: usize,
    level: usize,
    record: &'a Record,
    call: &'a Call,
}

impl<I: Ipi> Waiting<'_, I> {
    fn slot(&self, to: usize) -> Option<&Slot> {
        self.mesh.slot(self.from, to)
    }

    /// Posts to everyone whose slot is free.
    fn post(&self, report: &mut Report) {
        for to in self.record.unposted.iter() {
            let (Some(slot), Some(row)) = (self.slot(to), self.mesh.row(to)) else {
                self.record.unposted.remove(to);
                report.offline += 1;
                continue;
            };
            // All of it or nothing: an interrupt in the middle that called the same target would wait for a call that the
            // target has not been told of.
            self.ipi.uninterrupted(&mut || {
                if slot.post(self.level, self.call.nmi) {
                    self.record.unposted.remove(to);
                    self.record.open.insert(to);
                    row.target.pending.mark(self.from);
                    self.mesh.kick(self.ipi, to);
                }
            });
        }
    }

    /// Notes who has answered.
    fn collect(&self, report: &mut Report) {
        for to in self.record.open.iter() {
            if self.slot(to).is_none_or(|slot| !slot.is_open(self.level)) {
                self.record.open.remove(to);
                report.answered += 1;
            }
        }
    }

    /// Runs what others have called on this CPU.
    fn serve(&self, row: &Row) {
        if row.target.pending.any() {
            self.ipi.uninterrupted(&mut || {
                // SAFETY: `Mesh::call`'s caller is on this CPU and in no NMI, and interrupts are off here.
                unsafe { self.mesh.pass(self.from, row, Served::Waiting) }
            });
        }
    }

    /// Ends the wait for `to`, where it may end.
    fn give_up(&self, to: usize, may_leave: bool) -> GivenUp {
        let outcome = self.slot(to).map_or(GivenUp::Answered, |slot| slot.give_up(self.level, may_leave));
        if outcome != GivenUp::Running {
            self.record.open.remove(to);
        }
        outcome
    }

    /// Ends the wait for those who have gone offline.
    fn forget_offline(&self, report: &mut Report) {
        for to in self.record.open.iter().filter(|&to| !self.ipi.is_online(to)) {
            // On its way out a CPU still runs what it has begun.
            match self.give_up(to, false) {
                GivenUp::Revoked => report.offline += 1,
                GivenUp::Answered => report.answered += 1,
                GivenUp::Orphaned | GivenUp::Running => {}
            }
        }
        for to in self.record.unposted.iter().filter(|&to| !self.ipi.is_online(to)) {
            self.record.unposted.remove(to);
            report.offline += 1;
        }
    }

    /// Ends the wait for everyone, but for those who are at a function that borrows.
    fn abandon(&self, report: &mut Report) {
        for to in self.record.open.iter() {
            match self.give_up(to, !self.call.borrows) {
                GivenUp::Revoked => report.revoked += 1,
                GivenUp::Orphaned => report.orphaned += 1,
                GivenUp::Answered => report.answered += 1,
                GivenUp::Running => {}
            }
        }
        for to in self.record.unposted.iter() {
            self.record.unposted.remove(to);
            report.revoked += 1;
        }
    }

    fn until_answered(&self, report: &mut Report) {
        let (mesh, ipi) = (self.mesh, self.ipi);
        let Some(row) = mesh.row(self.from) else { return };
        let counters = &row.caller.counters;
        let start = ipi.now();
        let (mut kicked, mut escalated, mut rounds) = (start, None, 0u64);
        loop {
            self.serve(row);
            self.collect(report);
            self.post(report);
            if self.record.open.is_empty() && self.record.unposted.is_empty() {
                break;
            }
            rounds += 1;
            if rounds.is_multiple_of(ROUNDS) {
                self.forget_offline(report);
                let now = ipi.now();
                match escalated {
                    None if now.wrapping_sub(start) >= mesh.budget.interrupt => {
                        counters.add(Count::Delay, 1);
                        escalated = Some(now);
                        if self.call.nmi {
                            self.record.open.iter().for_each(|to| mesh.escalate(ipi, row, to));
                        }
                    }
                    Some(at) if now.wrapping_sub(at) >= mesh.budget.nmi => {
                        let before = report.revoked + report.orphaned;
                        self.abandon(report);
                        let given_up = report.revoked + report.orphaned - before;
                        counters.add(Count::GivenUp, u64::from(given_up));
                    }
                    _ => {}
                }
                if now.wrapping_sub(kicked) >= AGAIN {
                    kicked = now;
                    self.record.open.iter().for_each(|to| mesh.kick(ipi, to));
                }
            }
            ipi.relax();
        }
        counters.add(Count::AckWaits, rounds);
        counters.raise(Count::Spin, rounds);
    }
}
