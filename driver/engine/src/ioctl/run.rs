//! The life of a consumer: GO, STOP, STATUS, and the options that GO has settled (DOFGET).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::AtomicU64;

use dtrace_abi::{DofHdr, Plain, Status, limit, option};

use super::Request;
use crate::aggregation::{AggregationBuffer, Table};
use crate::buffer::{Buffer, Policy};
use crate::control::{Control, Dtrace};
use crate::cpu::Tally;
use crate::difo::Uses;
use crate::errno::Errno;
use crate::host::{Firing, Host};
use crate::mem::{OutOfMemory, try_box_uninit, try_build};
use crate::option::{IMAGE_SIZE, Options};
use crate::probe::Probe;
use crate::provider::Privileges;
use crate::session::Session;
use crate::speculation::Speculations;
use crate::state::{Activity, Buffers, Run};

/// What the clauses of a consumer want of its buffers.
struct Demand {
    /// The most that one record needs.
    record: u64,
    /// Bytes that END may need.
    end: u64,
    aggregates: bool,
    destructive: bool,
    speculates: bool,
    /// The time of threads is asked for.
    vtime: bool,
}

impl Demand {
    fn of(session: &Session) -> Demand {
        let clauses = session.clauses();
        let mut demand = Demand {
            record: 0,
            end: 0,
            aggregates: false,
            destructive: false,
            speculates: false,
            vtime: false,
        };
        for clause in clauses {
            let needed = u64::from(clause.needed);
            demand.record = demand.record.max(needed);
            demand.aggregates |= clause.aggregates();
            demand.destructive |= clause.destructive;
            demand.vtime |= clause.uses.intersects(Uses::VTIMESTAMP);
            demand.speculates |= clause.speculative || clause.uses.intersects(Uses::SPECULATION);
        }
        for ecb in session.ecbs.iter().filter(|ecb| ecb.probe.get() == END_ID) {
            // SAFETY: control path.
            let clause = unsafe { ecb.clause() };
            demand.end += u64::from(clause.needed) + u64::from(clause.alignment);
        }
        demand
    }
}

/// The id of `dtrace:::END` (contract 3).
const END_ID: u32 = 2;

/// The sizes that GO has settled on.
#[derive(Clone, Copy)]
struct Sizes {
    policy: Policy,
    principal: u64,
    aggregation: u64,
    kept_back: u64,
}

/// What is left of the memory that the machine could spare when GO began.
struct Spare(u64);

impl Spare {
    /// Takes from it what `make` makes, unless it is more than is left.
    fn take<T>(
        &mut self,
        bytes: u64,
        make: impl FnOnce() -> Result<T, OutOfMemory>,
    ) -> Result<T, OutOfMemory> {
        let left = self.0.checked_sub(bytes).ok_or(OutOfMemory)?;
        let made = make()?;
        self.0 = left;
        Ok(made)
    }
}

impl<H: Host> Request<'_, H> {
    #[inline(never)]
    pub(super) fn go(&mut self) -> Result<i32, Errno> {
        let on = self.begin()?;
        self.write(&(on as i32))?;
        Ok(0)
    }

    /// The consumer goes: the CPU that BEGIN ran on.
    #[inline(never)]
    fn begin(&mut self) -> Result<usize, Errno> {
        let (dtrace, consumer) = (self.dtrace, self.consumer);
        let mut control = self.control()?;
        let session = control.session(consumer)?;
        if session.state().activity() != Activity::Inactive {
            return Err(Errno::EBUSY);
        }
        if session.options.is_on(option::GRABANON) {
            return dtrace.claim(&mut control, consumer);
        }
        dtrace.begin(&mut control, consumer)
    }

    #[inline(never)]
    pub(super) fn stop(&mut self) -> Result<i32, Errno> {
        let on = self.end()?;
        self.write(&(on as i32))?;
        Ok(0)
    }

    /// The consumer stops: the CPU that END ran on.
    fn end(&mut self) -> Result<usize, Errno> {
        let (dtrace, consumer) = (self.dtrace, self.consumer);
        let mut control = self.control()?;
        let session = control.session(consumer)?;
        let state = session.state();
        let draining =
            state.advance(Activity::Active, Activity::Draining) || state.activity() == Activity::Draining;
        if !draining {
            return Err(Errno::EINVAL);
        }
        dtrace.synchronize();
        // SAFETY: no probe but this consumer's END uses the buffers from here on, and END has not been fired.
        for buffers in unsafe { state.run() }.buffers.iter().flatten() {
            if buffers.principal.policy() == Policy::Fill {
                // SAFETY: as above.
                unsafe { buffers.principal.release_kept_back() };
            }
        }
        state.set_activity(Activity::Cooldown);
        let cpu = session.options.cpu().map(|cpu| cpu as usize);
        let on = dtrace.fire_builtin(dtrace.builtin.end(), state.key, cpu);
        state.set_activity(Activity::Stopped);
        dtrace.synchronize();
        // What was committed is to be in the last snapshot.
        dtrace.clean_speculations(state);
        Ok(on)
    }

    #[inline(never)]
    pub(super) fn status(&mut self) -> Result<i32, Errno> {
        let status = self.state_of_things()?;
        self.write(&status)?;
        Ok(0)
    }

    fn state_of_things(&mut self) -> Result<Status, Errno> {
        let (dtrace, consumer) = (self.dtrace, self.consumer);
        let mut control = self.control()?;
        let session = control.session(consumer)?;
        let state = session.state();
        let activity = state.activity();
        if activity == Activity::Inactive {
            return Err(Errno::ENOENT);
        }
        // SAFETY: control path.
        let run = unsafe { state.run() };
        let drops = run.variables.drops();
        let speculations = run.speculations.drops();
        let mut status = Status {
            dyndrops: drops.plain,
            dyndrops_rinsing: drops.rinsing,
            dyndrops_dirty: drops.dirty,
            specdrops: speculations.records,
            specdrops_busy: speculations.busy,
            specdrops_unavail: speculations.unavailable,
            killed: u8::from(activity == Activity::Killed),
            exiting: u8::from(activity == Activity::Draining),
            ..Status::zeroed()
        };
        for buffers in run.buffers.iter().flatten() {
            status.errors = status.errors.wrapping_add(buffers.errors.get());
            status.stkstroverflows =
                status.stkstroverflows.wrapping_add(buffers.stack_string_overflows.get());
            status.dblerrors = status.dblerrors.wrapping_add(buffers.double_errors.get());
            status.filled += u64::from(buffers.principal.is_full());
        }
        state.hear(dtrace.host.timestamp());
        Ok(status)
    }

    #[inline(never)]
    pub(super) fn dof_get(&mut self) -> Result<i32, Errno> {
        let header: DofHdr = self.read()?;
        let consumer = self.consumer;
        let image = self.control()?.session(consumer)?.options.image();
        let room = header.loadsz.min(IMAGE_SIZE as u64) as usize;
        self.write_at(0, image.get(..room).unwrap_or_default())?;
        Ok(0)
    }
}

impl<H: Host> Dtrace<H> {
    /// A consumer that is INACTIVE goes: the CPU that BEGIN ran on.
    pub(crate) fn begin(&self, control: &mut Control<H>, consumer: u64) -> Result<usize, Errno> {
        let session = control.session(consumer)?;
        let mut options = session.options.clone();
        options.clamp_rates();
        if session.state().is_limited() {
            options.clamp_strings();
        }
        // The options may have come after the programs.
        for enabled in session.enablings.iter_mut().flat_map(|e| &mut e.clauses) {
            // SAFETY: the consumer is INACTIVE, so no probe looks beyond its activity, and this is the control path.
            unsafe { enabled.clause.change() }.lay_out(&options)?;
        }
        let demand = Demand::of(session);
        if demand.destructive && !options.is_on(option::DESTRUCTIVE) {
            return Err(Errno::EACCES);
        }
        let cpu = match options.cpu() {
            Some(cpu) if cpu >= self.cpus.len() as u64 || !self.host.cpu_online(cpu as usize) => {
                return Err(Errno::EINVAL);
            }
            cpu => cpu.map(|cpu| cpu as usize),
        };
        self.prepare(session, &mut options, &demand, cpu)?;
        if demand.vtime {
            self.host.track_vtime(true);
            session.tracks_vtime = true;
        }
        session.options = options;
        // All that memory may have taken its time.
        let now = self.host.timestamp();
        session.cleaned = now;
        session.state().hear(now);
        session.state().set_activity(Activity::Warmup);
        let key = session.state().key;
        let on = self.fire_builtin(self.builtin.begin(), key, cpu);
        let session = control.session(consumer)?;
        session.began_on = on;
        // Unless BEGIN called exit().
        session.state().advance(Activity::Warmup, Activity::Active);
        Ok(on)
    }

    /// Fires BEGIN or END for the consumer of a key: on the CPU the consumer traces on, or on this one. Returns which.
    #[inline(never)]
    fn fire_builtin(&self, probe: &Probe<H>, key: u64, cpu: Option<usize>) -> usize {
        let args = [key];
        let firing = Firing::new(&args);
        let mut fired_on = None;
        if let Some(cpu) = cpu {
            let ran = self.host.move_to_cpu(cpu, &mut || fired_on = Some(self.fire_enabled(probe, &firing)));
            if ran {
                return fired_on.unwrap_or(cpu);
            }
        }
        self.fire_enabled(probe, &firing)
    }

    /// Takes all the memory that tracing needs, and settles the options by what there was (contract 2.5).
    #[inline(never)]
    fn prepare(
        &self,
        session: &mut Session,
        options: &mut Options,
        demand: &Demand,
        cpu: Option<usize>,
    ) -> Result<(), Errno> {
        let mut principal = options.get(option::BUFSIZE).unwrap_or(0) & !7;
        let mut aggregation = options.get(option::AGGSIZE).unwrap_or(0) & !7;
        if !demand.aggregates {
            aggregation = 0;
        } else {
            if aggregation == 0 {
                return Err(Errno::ENOSPC);
            }
            // Keys are staged in the principal buffer.
            principal = principal.max(demand.record.next_multiple_of(8) + 8);
        }
        if principal == 0 && demand.record != 0 {
            return Err(Errno::ENOSPC);
        }
        let policy = Policy::from_option(options.raw(option::BUFPOLICY)).ok_or(Errno::EINVAL)?;
        let kept_back = if policy == Policy::Fill { demand.end } else { 0 };
        if kept_back > principal {
            return Err(Errno::E2BIG);
        }
        let limited = !session.cred.privileges.has(Privileges::ALL);
        if limited && principal.max(aggregation) > limit::BUFSIZE_UNPRIVILEGED_MAX {
            return Err(Errno::EFBIG);
        }
        let may_shrink = options.get(option::BUFRESIZE) != Some(option::BUFRESIZE_MANUAL as u64);
        let smallest = demand.record.max(kept_back).next_multiple_of(8).max(64);
        let mut sizes = Sizes { policy, principal, aggregation, kept_back };
        let mut spare = Spare(self.host.spare_memory());
        let is_traced = |at: usize| cpu.is_none_or(|cpu| cpu == at) && self.host.cpu_present(at);
        let cpus = (0..self.cpus.len()).filter(|&at| is_traced(at)).count() as u64;
        let buffers = loop {
            // Every buffer is two, or has scratch memory of its size.
            let bytes = sizes.principal.saturating_add(sizes.aggregation).saturating_mul(2 * cpus);
            match spare.take(bytes, || self.make_buffers(sizes, is_traced)) {
                Ok(buffers) => break buffers,
                Err(OutOfMemory) => {
                    // The larger of the two gives way first.
                    let larger = match sizes.principal >= sizes.aggregation {
                        true => &mut sizes.principal,
                        false => &mut sizes.aggregation,
                    };
                    let half = (*larger / 2) & !7;
                    if !may_shrink || half < smallest {
                        return Err(Errno::ENOMEM);
                    }
                    *larger = half;
                }
            }
        };
        let mut specsize = match demand.speculates {
            true => options.get(option::SPECSIZE).unwrap_or(0) & !7,
            false => 0,
        };
        let nspec = options.get(option::NSPEC).filter(|_| demand.speculates).unwrap_or(0);
        if limited && nspec.saturating_mul(specsize.max(Speculations::PART)) > limit::BUFSIZE_UNPRIVILEGED_MAX
        {
            return Err(Errno::EFBIG);
        }
        let speculations = loop {
            let bytes =
                nspec.saturating_mul(cpus).saturating_mul(specsize.saturating_add(Speculations::PART));
            match spare.take(bytes, || self.make_speculations(nspec, specsize, is_traced)) {
                Ok(speculations) => break speculations,
                Err(OutOfMemory) if may_shrink && specsize / 2 >= smallest => specsize = (specsize / 2) & !7,
                Err(OutOfMemory) => return Err(Errno::ENOMEM),
            }
        };
        let strsize = options.get(option::STRSIZE).unwrap_or(0).clamp(1, 1 << 20) as usize;
        if policy == Policy::Ring {
            session.keep_sizes()?;
        }
        // SAFETY: control path, and `go` has seen the consumer to be INACTIVE.
        let run: &mut Run = unsafe { session.state().run_mut() };
        let mut dynamic = options.get(option::DYNVARSIZE).unwrap_or(limit::DYNVARSIZE_DEFAULT as u64);
        if limited && dynamic > limit::BUFSIZE_UNPRIVILEGED_MAX {
            return Err(Errno::EFBIG);
        }
        loop {
            let size = usize::try_from(dynamic).unwrap_or(usize::MAX / 2);
            match spare.take(dynamic, || run.variables.prepare(size, strsize)) {
                Ok(()) => break,
                Err(OutOfMemory) if may_shrink && dynamic > 4096 => dynamic /= 2,
                Err(OutOfMemory) => return Err(Errno::ENOMEM),
            }
        }
        run.buffers = buffers;
        run.speculations = speculations;
        run.strsize = strsize;
        run.destructive = options.is_on(option::DESTRUCTIVE);
        if options.raw(option::BUFSIZE) != option::UNSET || sizes.principal != 0 {
            options.adjust(option::BUFSIZE, sizes.principal);
        }
        options.adjust(option::AGGSIZE, sizes.aggregation);
        options.adjust(option::DYNVARSIZE, dynamic);
        options.adjust(option::SPECSIZE, specsize);
        Ok(())
    }

    /// Speculations with a part on every CPU that is traced on.
    #[inline(never)]
    fn make_speculations(
        &self,
        count: u64,
        size: u64,
        is_traced: impl Fn(usize) -> bool,
    ) -> Result<Speculations, OutOfMemory> {
        let number = |n: u64| usize::try_from(n).map_err(|_| OutOfMemory);
        Speculations::new(number(count)?, number(size)?, self.cpus.len(), is_traced)
    }

    /// Buffers for every CPU that is traced on.
    #[inline(never)]
    fn make_buffers(
        &self,
        sizes: Sizes,
        is_traced: impl Fn(usize) -> bool,
    ) -> Result<Vec<Option<Box<Buffers>>>, OutOfMemory> {
        try_build(self.cpus.len(), |cpu| is_traced(cpu).then(|| buffers_of_cpu(sizes)).transpose())
    }
}

/// The buffers of one CPU, made where they stay: they are too large for a kernel's stack.
#[inline(never)]
fn buffers_of_cpu(sizes: Sizes) -> Result<Box<Buffers>, OutOfMemory> {
    let bytes = |size: u64| usize::try_from(size).map_err(|_| OutOfMemory);
    let mut place = try_box_uninit::<Buffers>()?;
    let to = place.as_mut_ptr();
    let principal = Buffer::new(sizes.policy, bytes(sizes.principal)?, bytes(sizes.kept_back)?)?;
    // SAFETY: the field of a place that is ours. After an error nothing has been written.
    unsafe { put_aggregations(&raw mut (*to).aggregation, bytes(sizes.aggregation)?)? };
    // SAFETY: the other fields of that place; nothing fails any more.
    unsafe {
        (&raw mut (*to).principal).write(principal);
        (&raw mut (*to).errors).write(Tally::new());
        (&raw mut (*to).double_errors).write(Tally::new());
        (&raw mut (*to).stack_string_overflows).write(Tally::new());
        (&raw mut (*to).chilled).write(AtomicU64::new(0));
        (&raw mut (*to).chill_interval).write(AtomicU64::new(0));
    }
    // SAFETY: all fields have been written.
    Ok(unsafe { place.assume_init() })
}

/// Writes the aggregations of one CPU to their place. After an error nothing has been written.
///
/// # Safety
///
/// The place is valid for a write.
#[inline(never)]
unsafe fn put_aggregations(to: *mut AggregationBuffer, size: usize) -> Result<(), OutOfMemory> {
    let (first, second) = (Table::new(size)?, Table::new(size)?);
    // SAFETY: the caller's contract.
    unsafe { AggregationBuffer::write(to, first, second) };
    Ok(())
}
