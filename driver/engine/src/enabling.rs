//! Enabling: from a DOF image to ECBs on probes.
//!
//! ENABLE loads an image, checks it against the consumer, makes its clauses, and puts an ECB on every probe that matches.
//! The clauses are retained: when probes appear later (a provider registers, a module is loaded, somebody asks with
//! ENABLE(NULL)) they are matched with those. Because probe ids only grow, "not looked at yet" is one number a clause.
//!
//! An enabling that fails leaves nothing behind: ECBs are unlinked, ids given back, options are as before. But once a consumer
//! traces (REPLICATE), probes may have recorded the ids meanwhile: they are nobody else's then, and what they stand for is kept.
//!
//! An image of a few kilobytes may ask for very many ECBs. So it is asked now and then whether whoever asked has been killed, and
//! whether there is memory: each of them is a block so small that nobody refuses it. Who may not do everything has no more than
//! [`LIMITED_MAX`] of them.
//!
//! Control path.

use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use dtrace_abi::{ReplDesc, limit, option};

use crate::anchor::Anchored;
use crate::clause::{Clause, describe};
use crate::control::{Control, Dtrace};
use crate::dof::{EcbDesc, Program, Purpose};
use crate::ecb::{self, Ecb};
use crate::errno::Errno;
use crate::host::Host;
use crate::interp::Code;
use crate::mem::{TryPush, try_with_capacity};
use crate::probe::{Matcher, Probe, ProbeId, ProbeTable};
use crate::session::{Enabled, Enabling, Session};
use crate::state::Activity;

/// The most ECBs of a consumer that may not do everything.
const LIMITED_MAX: usize = 1 << 16;

/// After so many ECBs it is asked whether there is memory for as many more: about so much.
const ECBS_STEP: usize = 4096;
const STEP_MEMORY: u64 = 1 << 20;

/// What a program may take in small blocks for each byte of its image.
const PROGRAM_MEMORY: u64 = 16;

/// How far a consumer's tables reached before an enabling.
struct Marks {
    ecbs: usize,
    formats: usize,
    aggregations: usize,
    enablings: usize,
    programs: usize,
}

impl Marks {
    fn of(session: &Session) -> Marks {
        Marks {
            ecbs: session.ecbs.len(),
            formats: session.formats.len(),
            aggregations: session.aggregations.len(),
            enablings: session.enablings.len(),
            programs: session.programs.len(),
        }
    }
}

impl<H: Host> Dtrace<H> {
    /// ENABLE with an image: how many probes matched.
    pub(crate) fn enable(&self, control: &mut Control<H>, consumer: u64, image: &[u8]) -> Result<i32, Errno> {
        let destructive_disallowed = control.destructive_disallowed;
        let session = control.session(consumer)?;
        if self.host.spare_memory() < image.len() as u64 * PROGRAM_MEMORY {
            return Err(Errno::ENOMEM);
        }
        let program = Program::load(image, Purpose::Enable, &session.limits())?;
        if session.state().activity() != Activity::Inactive {
            return Err(Errno::EBUSY);
        }
        let mut options = session.options.clone();
        for &(which, value) in &program.options {
            if which == option::DESTRUCTIVE && destructive_disallowed {
                return Err(Errno::EACCES);
            }
            options.set(which, value)?;
        }
        let before = core::mem::replace(&mut session.options, options);
        if program.ecbs.is_empty() {
            return Ok(0);
        }
        let marks = Marks::of(session);
        let result = self
            .add_program(control, consumer, program)
            .and_then(|enabling| self.match_enabling(control, consumer, enabling))
            .and_then(|count| control.commit().map(|()| count));
        if result.is_err() {
            self.roll_back(control, consumer, &marks);
            control.session(consumer)?.options = before;
        }
        result
    }

    /// Makes the clauses of a program, not yet matched with anything. Returns which enabling they are.
    #[inline(never)]
    fn add_program(&self, control: &mut Control<H>, consumer: u64, program: Program) -> Result<usize, Errno> {
        let Program { difos, ecbs, .. } = program;
        let Control { sessions, next_predicate, .. } = control;
        let session = sessions.iter_mut().find(|s| s.id == consumer).ok_or(Errno::EBADF)?;
        if session.enablings.len() >= limit::RETAIN_MAX {
            return Err(Errno::ENOSPC);
        }
        let mut codes: Vec<Code> = try_with_capacity(difos.len())?;
        {
            // SAFETY: control path, and `enable` has seen the consumer to be INACTIVE.
            let run = unsafe { session.state().run_mut() };
            for difo in difos {
                run.variables.declare(&difo)?;
                codes.try_push(Code::new(difo, &run.variables)?)?;
            }
        }
        session.enablings.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        session.programs.try_push(codes)?;
        let codes: *const [Code] = session.programs.last().ok_or(Errno::ENOMEM)?.as_slice();
        // SAFETY: a program's codes are not touched until the session is dropped or `roll_back` takes them away, with the
        // clauses made of them first.
        let codes = unsafe { &*codes };
        let clauses = make_clauses(session, codes, &ecbs, next_predicate)?;
        session.enablings.try_push(Enabling { clauses })?;
        Ok(session.enablings.len() - 1)
    }

    /// Asks the providers for what the clauses of an enabling describe, and matches them with all there is.
    #[inline(never)]
    fn match_enabling(&self, control: &mut Control<H>, consumer: u64, enabling: usize) -> Result<i32, Errno> {
        let Control { probes, providers, sessions, .. } = control;
        let session = sessions.iter_mut().find(|s| s.id == consumer).ok_or(Errno::EBADF)?;
        let clauses = session.enablings.get(enabling).map_or(0, |e| e.clauses.len());
        let mut count = 0u32;
        for clause in 0..clauses {
            if self.host.is_killed() {
                return Err(Errno::EINTR);
            }
            if let Some(enabled) = session.enablings.get(enabling).and_then(|e| e.clauses.get(clause)) {
                let description = enabled.clause.description();
                let matcher = Matcher::new(&description)?;
                for provider in providers.iter().filter(|p| matcher.provider_matches(p.name())) {
                    let mut registrar = crate::provider::Registrar::new(probes, provider);
                    provider.provider.provide(&mut registrar, Some(&description));
                }
            }
            count = count.saturating_add(match_clause(&self.host, probes, session, enabling, clause)?);
        }
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// Undoes what was added since `marks`.
    #[inline(never)]
    fn roll_back(&self, control: &mut Control<H>, consumer: u64, marks: &Marks) {
        let Some(at) = control.sessions.iter().position(|s| s.id == consumer) else { return };
        self.unlink_ecbs(control, at, marks.ecbs);
        let _ = control.commit();
        self.synchronize();
        let Some(session) = control.sessions.get_mut(at) else { return };
        if session.state().activity() != Activity::Inactive && session.ecbs.len() > marks.ecbs {
            for enabled in session.enablings.iter_mut().skip(marks.enablings).flat_map(|e| &mut e.clauses) {
                // For no probe that is to come.
                enabled.matched_to = u32::MAX;
            }
            return;
        }
        session.ecbs.truncate(marks.ecbs);
        session.enablings.truncate(marks.enablings);
        session.programs.truncate(marks.programs);
        session.formats.truncate(marks.formats);
        session.aggregations.truncate(marks.aggregations);
    }

    /// Matches all retained enablings of all consumers with the probes they have not seen yet. What fails for want of
    /// memory is tried again the next time, and so is what is left when the caller is killed.
    pub(crate) fn rematch(&self, control: &mut Control<H>) {
        let Control { probes, sessions, .. } = control;
        for session in sessions {
            if session.state().activity() > Activity::Active {
                continue;
            }
            for enabling in 0..session.enablings.len() {
                let clauses = session.enablings.get(enabling).map_or(0, |e| e.clauses.len());
                for clause in 0..clauses {
                    if self.host.is_killed() {
                        break;
                    }
                    let _ = match_clause(&self.host, probes, session, enabling, clause);
                }
            }
        }
        let _ = control.commit();
    }

    /// REPLICATE: every retained clause whose description is `matching` is enabled for `create` too. ENOENT if there is
    /// none.
    pub(crate) fn replicate(
        &self,
        control: &mut Control<H>,
        consumer: u64,
        desc: &ReplDesc,
    ) -> Result<i32, Errno> {
        let session = control.session(consumer)?;
        if session.state().activity() > Activity::Active {
            return Err(Errno::EBUSY);
        }
        if session.enablings.len() >= limit::RETAIN_MAX {
            return Err(Errno::ENOSPC);
        }
        let marks = Marks::of(session);
        let result = replicate_clauses(session, desc)
            .and_then(|enabling| self.match_enabling(control, consumer, enabling))
            .and_then(|_| control.commit());
        if result.is_err() {
            self.roll_back(control, consumer, &marks);
        }
        result.map(|()| 0)
    }
}

/// The clauses of a program.
fn make_clauses(
    session: &mut Session,
    codes: &[Code],
    ecbs: &[EcbDesc],
    next_predicate: &mut u64,
) -> Result<Vec<Enabled>, Errno> {
    let mut clauses = try_with_capacity(ecbs.len())?;
    let (mut ids, options) = session.ids(next_predicate);
    for (at, desc) in ecbs.iter().enumerate() {
        ids.clause = at;
        // SAFETY: see `add_program`.
        let clause = unsafe { Clause::new(codes, desc, &mut ids, options) }?;
        clauses.try_push(Enabled { clause: Anchored::new(clause)?, matched_to: 0, first_epid: 0 })?;
    }
    Ok(clauses)
}

/// A new enabling with copies of the clauses that a REPLICATE names.
fn replicate_clauses(session: &mut Session, desc: &ReplDesc) -> Result<usize, Errno> {
    let mut unused = 0;
    let mut clauses = Vec::new();
    for enabling in 0..session.enablings.len() {
        for clause in 0..session.enablings.get(enabling).map_or(0, |e| e.clauses.len()) {
            let Some(original) = session.enablings.get(enabling).and_then(|e| e.clauses.get(clause)) else {
                continue;
            };
            if original.clause.description() != describe(&desc.matching) {
                continue;
            }
            let original = original.clause.address();
            let (mut ids, options) = session.ids(&mut unused);
            ids.clause = clauses.len();
            // SAFETY: nothing here changes or frees the clause, wherever its owner goes.
            let copy = unsafe { original.as_ref() }.replicate(desc.create, &mut ids, options)?;
            clauses.try_push(Enabled { clause: Anchored::new(copy)?, matched_to: 0, first_epid: 0 })?;
        }
    }
    if clauses.is_empty() {
        return Err(Errno::ENOENT);
    }
    session.enablings.try_push(Enabling { clauses })?;
    Ok(session.enablings.len() - 1)
}

/// Whether there may be one more ECB of a consumer, on this probe. ENOSPC, ENOMEM.
fn check_bounds<H: Host>(host: &H, session: &Session, probe: &Probe<H>) -> Result<(), Errno> {
    let ecbs = session.ecbs.len();
    if session.state().is_limited() && (ecbs >= LIMITED_MAX || probe.ecbs.limited() >= ecb::LIMITED_MAX) {
        return Err(Errno::ENOSPC);
    }
    if ecbs % ECBS_STEP == ECBS_STEP - 1 && host.spare_memory() < STEP_MEMORY {
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

/// Puts an ECB on every probe that a clause matches and that it has not seen yet. How many.
fn match_clause<H: Host>(
    host: &H,
    probes: &ProbeTable<H>,
    session: &mut Session,
    enabling: usize,
    clause: usize,
) -> Result<u32, Errno> {
    let state = session.state_address();
    let Some(enabled) = session.enablings.get(enabling).and_then(|e| e.clauses.get(clause)) else {
        return Ok(0);
    };
    if enabled.matched_to >= probes.last_id() {
        return Ok(0);
    }
    let clause_at = enabled.clause.address();
    let probe_desc = enabled.clause.probe;
    let size = enabled.clause.size;
    let matcher = Matcher::new(&describe(&probe_desc))?;
    let from = ProbeId::new(enabled.matched_to.saturating_add(1));
    let mut first_epid = enabled.first_epid;
    let mut count = 0;
    let mut matched_to = probes.last_id();
    let mut result = Ok(());
    for probe in probes.matching(&matcher, from) {
        let registered = probe.registered();
        if !session.sees(registered) {
            continue;
        }
        let epid = session.ecbs.len() as u32 + 1;
        let seen = session.state();
        let plain = !probe.is_builtin() && seen.access.process && !seen.is_limited();
        result = check_bounds(host, session, probe)
            .and_then(|()| session.ecbs.try_reserve(1).map_err(|_| Errno::ENOMEM))
            .and_then(|()| Ok(session.note_size(size)?))
            .and_then(|()| Ok(Anchored::new(Ecb::new(state, clause_at, epid, plain, probe.probe_id()))?))
            .and_then(|ecb| {
                if probe.ecbs.is_empty() {
                    // Also of what it has begun before it failed.
                    registered.uncommitted.store(true, Ordering::Relaxed);
                    registered.provider.enable(probe)?;
                }
                probe.ecbs.append(ecb.address());
                probe.refresh_shortcut();
                // There is room, so this cannot fail with the ECB in the list.
                session.ecbs.try_push(ecb)?;
                Ok(())
            });
        if result.is_err() {
            matched_to = probe.id() - 1;
            break;
        }
        if first_epid == 0 {
            first_epid = epid;
        }
        count += 1;
    }
    if let Some(enabled) = session.enablings.get_mut(enabling).and_then(|e| e.clauses.get_mut(clause)) {
        enabled.matched_to = matched_to;
        enabled.first_epid = first_epid;
    }
    result.map(|()| count)
}
