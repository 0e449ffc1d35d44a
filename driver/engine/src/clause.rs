//! Clauses: what a program wants done when a probe fires, laid out for the firing path.
//!
//! A [`Clause`] is made once for each clause of a program that a consumer enables, and shared by all its ECBs: three
//! hundred system calls that match `syscall:::entry` run the same steps and fill records of the same shape. So an ECB is
//! four words, and what a firing reads besides them is warm whatever probe fired last. Aggregation ids and format ids,
//! which a consumer asks about by number, are the clause's too. (The original makes all of this anew for each probe;
//! nothing that a consumer can see depends on it.)
//!
//! # The record (contract 2.6)
//!
//! ```text
//!   0      4                                size
//!   ├──────┼───────────┬───┬────────────────┤
//!   │ EPID │ record    │pad│ record …       │ ◄── the consumer gets this, described by EPROBE
//!   └──────┴───────────┴───┴──────┬─────────┘
//!                          ├──────┼─────┬─────┤
//!                          │aggid │ key │ key │ ◄── staged for an aggregation and gone before the next step; `needed`
//!                          └──────┴─────┴─────┘     reaches to the end of the longest
//! ```
//!
//! Records are aligned to the lowest power of two in their size, at most 8. A tuple is staged at the place of the next
//! record, at an offset of 0 mod 8, so that its first key is at 4 mod 8: the same as in the aggregation buffer.
//!
//! # Who may touch it
//!
//! A clause is built and laid out under the control mutex while its consumer is INACTIVE, when no probe looks beyond the
//! consumer's activity. From GO on it is not changed until it is freed, a grace period after the last of its ECBs was
//! unlinked.

use alloc::vec::Vec;
use core::ptr::NonNull;

use dtrace_abi::{ProbeDesc, RecDesc, action, option};

use crate::aggregation::{Aggregation, Function, Key};
use crate::brief::Brief;
use crate::difo::Uses;
use crate::dof::{ActionDesc, DifoIndex, EcbDesc};
use crate::errno::Errno;
use crate::interp::Code;
use crate::interp::quick::Text;
use crate::interp::shape::{Shape, Source};
use crate::keyed::Keyed;
use crate::mem::{TryPush, try_with_capacity};
use crate::option::Options;
use crate::provider::Description;

/// Bytes of the EPID word, and of the aggregation id word.
pub(crate) const ID_SIZE: u32 = 4;

/// Bytes that one record may have at most: far more than any buffer, and small enough for sums to fit 32 bits.
const RECORD_MAX: u64 = 1 << 28;

/// Code that outlives the clause.
#[derive(Clone, Copy)]
pub(crate) struct CodeRef(NonNull<Code>);

impl CodeRef {
    /// The code.
    #[inline]
    pub(crate) fn get(&self) -> &Code {
        // SAFETY: `Clause::new` is promised that the code stays where it is, unchanged, as long as the clause exists.
        unsafe { self.0.as_ref() }
    }
}

/// What one step does with the value of its expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Record a value of 1, 2, 4 or 8 bytes.
    Value,
    /// Record a string: up to its NUL, the rest zero.
    String,
    /// Record the bytes at an address.
    Bytes,
    /// Run the expression for its effect.
    Nothing,
    /// Record the exit status and end tracing.
    Exit,
    /// Record the kernel stack.
    Stack,
    /// Record the user stack: process id, frames, and room for strings.
    UserStack {
        /// Frames.
        frames: u32,
    },
    /// Record an address of the kernel.
    Symbol,
    /// Record the process id and a user address.
    UserSymbol,
    /// Aggregate the staged tuple.
    Aggregate,
    /// Send the records that follow to a speculation.
    Speculate,
    /// Commit a speculation.
    Commit,
    /// Discard a speculation.
    Discard,
    /// Stop the process.
    Stop,
    /// Send the process a signal.
    Raise,
    /// Spin.
    Chill,
    /// Enter the debugger.
    Breakpoint,
    /// Panic.
    Panic,
}

/// How a predicate is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// There is none.
    Always,
    /// It compares an argument with a constant.
    Arg {
        /// Which argument.
        n: u32,
        /// The condition's set of outcomes (`interp`).
        condition: u8,
        /// What it is compared with.
        constant: u64,
    },
    /// By running its code.
    Code,
}

/// How a step is taken: the simpler, the less is made ready for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Record an argument, as 8 bytes.
    Arg(u32),
    /// Record a constant, as 8 bytes.
    Constant(u64),
    /// Add a constant to a global variable.
    Add {
        /// Which.
        global: u32,
        /// What is added.
        constant: u64,
    },
    /// Aggregate the staged tuple, once, without a value.
    Count,
    /// Record the process id.
    Pid,
    // From here on with code that needs no machine (`interp::quick`).
    /// Record the value.
    Value,
    /// Record the string.
    Text(Text),
    /// Run the code for its effect.
    Effect,
    /// Aggregate the staged tuple.
    Aggregate,
    /// By a machine.
    General,
}

/// What a step that aggregates does.
pub(crate) struct Aggregating {
    /// The aggregation's id.
    pub(crate) id: u32,
    /// How many steps before this one are its keys.
    pub(crate) keys: u32,
    /// Where the id word is staged, from the EPID word on.
    pub(crate) base: u32,
    /// The last key, which records nothing, is what distributions count the value for.
    pub(crate) increment: bool,
    /// Made by [`Clause::lay_out`].
    pub(crate) aggregation: Option<Aggregation>,
}

/// One action.
pub(crate) struct Step {
    pub(crate) work: Work,
    /// Made by [`Clause::lay_out`].
    pub(crate) plan: Plan,
    /// The data is staged for an aggregation and no record of the clause's own.
    pub(crate) in_tuple: bool,
    /// The value of the step before is how many bytes there are to record: `tracemem()` with a length.
    pub(crate) measured: bool,
    pub(crate) code: Option<CodeRef>,
    pub(crate) aggregating: Option<Aggregating>,
    /// Where the data goes, from the EPID word on, and what the consumer is told of it.
    pub(crate) record: RecDesc,
    /// The argument as the program has it.
    arg: u64,
}

impl Step {
    /// How it may be taken, by what it does and by its code.
    fn find_plan(&self) -> Plan {
        let shape = self.code.as_ref().map(|code| code.get().shape());
        match (self.work, shape) {
            (Work::Value, Some(&Shape::Value(Source::Arg(n)))) if self.record.size == 8 => Plan::Arg(n),
            (Work::Value, Some(&Shape::Value(Source::Constant(value)))) if self.record.size == 8 => {
                Plan::Constant(value)
            }
            (Work::Value, Some(&Shape::Value(Source::Builtin(dtrace_abi::dif::VAR_PID)))) => Plan::Pid,
            // The value of one in a tuple is what a distribution counts for.
            (Work::Nothing, Some(&Shape::Add { global, constant, .. })) if !self.in_tuple => {
                Plan::Add { global, constant }
            }
            (Work::Aggregate, None) if self.aggregating.as_ref().is_some_and(|a| !a.increment) => Plan::Count,
            (_, Some(Shape::General)) => Plan::General,
            (Work::Value, Some(_)) => Plan::Value,
            (Work::String, Some(&Shape::Value(source))) => Text::of(source).map_or(Plan::General, Plan::Text),
            (Work::Nothing, _) => Plan::Effect,
            (Work::Aggregate, _) => Plan::Aggregate,
            _ => Plan::General,
        }
    }
}

/// One clause.
pub(crate) struct Clause {
    /// All of it in brief, if that can be said; made by [`Clause::lay_out`].
    pub(crate) brief: Option<Brief>,
    /// All of it, if it is no more than one aggregation by keys that are at hand, and not brief; made by
    /// [`Clause::lay_out`].
    pub(crate) keyed: Option<Keyed>,
    /// How the predicate is evaluated.
    pub(crate) test: Test,
    pub(crate) predicate: Option<CodeRef>,
    /// The id under which a thread remembers that the predicate was false, or 0.
    pub(crate) predicate_id: u64,
    pub(crate) steps: Vec<Step>,
    /// Bytes recorded at each firing, 0 if nothing is.
    pub(crate) size: u32,
    /// Bytes that must be free in the buffer.
    pub(crate) needed: u32,
    /// What the EPID word is aligned to.
    pub(crate) alignment: u32,
    /// The program's own, for EPROBE and the variable of the error program.
    pub(crate) uarg: u64,
    /// What the expressions want from their surroundings, all together.
    pub(crate) uses: Uses,
    /// It has an action on speculations.
    pub(crate) speculative: bool,
    /// The clause or one of its expressions is destructive.
    pub(crate) destructive: bool,
    /// The probes it is for.
    pub(crate) probe: ProbeDesc,
}

// SAFETY: the raw pointers are to `Difo`s, which are immutable and Sync, and which outlive the clause.
unsafe impl Send for Clause {}
// SAFETY: as for Send; a clause is not changed while it is shared.
unsafe impl Sync for Clause {}

/// Where ids come from while clauses are made: the consumer.
pub(crate) trait Ids {
    /// The id of a format string; equal strings have one id.
    fn format(&mut self, text: &[u8]) -> Result<u16, Errno>;
    /// A new aggregation id.
    fn aggregation(&mut self) -> Result<u32, Errno>;
    /// A new predicate id.
    fn predicate(&mut self) -> u64;
}

impl Clause {
    /// Makes the clause of `desc`, the code of whose program is `codes`, laid out for the options as they are now.
    ///
    /// EINVAL if the actions contradict each other, ENOMEM.
    ///
    /// # Safety
    ///
    /// What `codes` refers to must stay where it is, unchanged, until the clause is dropped.
    #[inline(never)]
    pub(crate) unsafe fn new(
        codes: &[Code],
        desc: &EcbDesc,
        ids: &mut dyn Ids,
        options: &Options,
    ) -> Result<Clause, Errno> {
        let code = |DifoIndex(index): DifoIndex| Some(CodeRef(NonNull::from(codes.get(index as usize)?)));
        let mut steps: Vec<Step> = try_with_capacity(desc.actions.len())?;
        for (at, action) in desc.actions.iter().enumerate() {
            let kind = u32::from(action.kind);
            let keys = action.ntuple as usize;
            if action::is_aggregation(kind) {
                let first = at.checked_sub(keys).filter(|_| keys != 0).ok_or(Errno::EINVAL)?;
                for key in steps.get_mut(first..).unwrap_or_default() {
                    // A key belongs to one tuple.
                    if core::mem::replace(&mut key.in_tuple, true) || key.aggregating.is_some() {
                        return Err(Errno::EINVAL);
                    }
                }
            }
            let follows = at.checked_sub(1).and_then(|before| desc.actions.get(before));
            let format = match &action.format {
                Some(text) if !follows.is_some_and(|before| same_group(before, action)) => {
                    ids.format(text)?
                }
                _ => 0,
            };
            let code = action.difo.and_then(code);
            let aggregating = match action::is_aggregation(kind) {
                true => Some(Aggregating::new(ids.aggregation()?, action.ntuple)),
                false => None,
            };
            let record = RecDesc {
                action: action.kind,
                pad: 0,
                size: 0,
                offset: 0,
                alignment: 1,
                format,
                arg: if action.format.is_some() { 0 } else { action.arg },
                uarg: action.uarg,
            };
            let work = Work::Nothing;
            let measured = kind == action::TRACEMEM
                && follows.is_some_and(|before| u32::from(before.kind) == action::TRACEMEM_DYNSIZE);
            let arg = action.arg;
            let plan = Plan::General;
            steps.try_push(Step { work, plan, in_tuple: false, measured, code, aggregating, record, arg })?;
        }
        let predicate = desc.predicate.and_then(code);
        let test = match predicate.as_ref().map(|code| code.get().shape()) {
            None => Test::Always,
            Some(&Shape::Compare { source: Source::Arg(n), constant, condition }) => {
                Test::Arg { n, condition, constant }
            }
            Some(_) => Test::Code,
        };
        let mut clause = Clause {
            brief: None,
            keyed: None,
            test,
            predicate,
            predicate_id: 0,
            steps,
            size: 0,
            needed: 0,
            alignment: 0,
            uarg: desc.uarg,
            uses: Uses::NONE,
            speculative: false,
            destructive: false,
            probe: desc.probe,
        };
        for code in clause.steps.iter().filter_map(|step| step.code).chain(predicate) {
            clause.uses |= code.get().difo().uses();
            clause.destructive |= code.get().difo().destructive();
        }
        clause.speculative =
            clause.steps.iter().any(|step| action::is_speculative(u32::from(step.record.action)));
        clause.destructive |=
            clause.steps.iter().any(|step| action::is_destructive(u32::from(step.record.action)));
        if predicate.is_some_and(|code| code.get().difo().invariant()) {
            clause.predicate_id = ids.predicate();
        }
        clause.lay_out(options)?;
        clause.check_speculation()?;
        Ok(clause)
    }

    /// The rules for speculations (contract 3): `speculate` comes once and before anything that records, what follows it can
    /// be taken back, and `commit` comes before anything that records. `discard` may come anywhere.
    fn check_speculation(&self) -> Result<(), Errno> {
        let (mut records, mut speculates) = (false, false);
        for step in &self.steps {
            let kind = u32::from(step.record.action);
            let allowed = match kind {
                action::SPECULATE => !records && !speculates,
                action::COMMIT => !records,
                action::DISCARD => true,
                action::EXIT => !speculates,
                _ => !speculates || !(action::is_aggregation(kind) || action::is_destructive(kind)),
            };
            if !allowed {
                return Err(Errno::EINVAL);
            }
            speculates |= kind == action::SPECULATE;
            records |= step.record.size != 0;
        }
        Ok(())
    }

    /// A copy for other probes, with aggregation ids of its own.
    #[inline(never)]
    pub(crate) fn replicate(
        &self,
        probe: ProbeDesc,
        ids: &mut dyn Ids,
        options: &Options,
    ) -> Result<Clause, Errno> {
        let mut steps: Vec<Step> = try_with_capacity(self.steps.len())?;
        for step in &self.steps {
            let aggregating = match &step.aggregating {
                Some(aggregating) => Some(Aggregating::new(ids.aggregation()?, aggregating.keys)),
                None => None,
            };
            steps.try_push(Step { aggregating, ..*step })?;
        }
        let mut copy = Clause { steps, probe, ..*self };
        copy.lay_out(options)?;
        Ok(copy)
    }

    /// Gives every step its place, for the options as they are now.
    pub(crate) fn lay_out(&mut self, options: &Options) -> Result<(), Errno> {
        let mut end = ID_SIZE;
        let mut needed = ID_SIZE;
        let mut alignment = ID_SIZE;
        let mut tuple: Option<Tuple> = None;
        for step in &mut self.steps {
            if let Some(aggregating) = &mut step.aggregating {
                let Tuple { base, end: keys_end, keys, constants } = tuple.take().ok_or(Errno::EINVAL)?;
                let function = Function::new(u32::from(step.record.action), step.arg).ok_or(Errno::EINVAL)?;
                let value_at = (keys_end - base).next_multiple_of(8);
                aggregating.base = base;
                aggregating.increment = keys.last().is_some_and(|key| key.size == 0);
                let aggregation =
                    Aggregation::with_constants(aggregating.id, function, &keys, constants, value_at)?;
                step.work = Work::Aggregate;
                step.record.size = aggregation.size() - value_at;
                step.record.alignment = 8;
                step.record.offset = base + value_at;
                aggregating.aggregation = Some(aggregation);
                step.plan = step.find_plan();
                needed = needed.max(base + value_at);
                continue;
            }
            let (work, size) = work_and_size(step, options)?;
            match work {
                Work::Stack => step.record.arg = u64::from(size / 8),
                Work::UserStack { frames } => {
                    let strsize = size - (frames + 1) * 8;
                    step.record.arg = action::UstackArg { nframes: frames, strsize }.pack();
                }
                _ => (),
            }
            let align = alignment_of(size);
            step.work = work;
            step.record.size = size;
            step.plan = step.find_plan();
            step.record.alignment = align as u16;
            let mut staged = match step.in_tuple {
                true => Some(tuple.get_or_insert_with(|| Tuple::after(end))),
                false => None,
            };
            let cursor = match &mut staged {
                Some(tuple) => &mut tuple.end,
                None => &mut end,
            };
            // Keys are copied on, but frames are walked in place, as words.
            if !step.in_tuple || matches!(work, Work::Stack | Work::UserStack { .. }) {
                alignment = alignment.max(align);
            }
            step.record.offset = cursor.next_multiple_of(align);
            *cursor = step
                .record
                .offset
                .checked_add(size)
                .filter(|&end| u64::from(end) < RECORD_MAX)
                .ok_or(Errno::EINVAL)?;
            if let Some(tuple) = staged {
                let offset = step.record.offset - tuple.base;
                // The keys that are constants come first, if any do: the first of all is the variable.
                if tuple.constants == tuple.keys.len() && matches!(step.plan, Plan::Constant(_)) {
                    tuple.constants += 1;
                }
                tuple.keys.try_push(Key { offset, size, string: work == Work::String })?;
            }
        }
        // A clause that says nothing but where it records leaves a mark there: that it fired.
        let mark = matches!(&self.steps[..], [step] if u32::from(step.record.action) == action::SPECULATE);
        self.size = match end {
            ID_SIZE if !self.steps.is_empty() && !mark => 0,
            _ => end.next_multiple_of(ID_SIZE),
        };
        self.needed = needed.max(end).next_multiple_of(ID_SIZE);
        self.alignment = alignment;
        let uses_scratch = self.uses.intersects(Uses::SCRATCH);
        self.brief = Brief::of(self, uses_scratch);
        self.keyed = if self.brief.is_none() { Keyed::of(self, uses_scratch) } else { None };
        Ok(())
    }

    /// The records that the consumer is told of by EPROBE: all but what belongs to aggregations.
    pub(crate) fn records(&self) -> impl Iterator<Item = &RecDesc> {
        self.steps.iter().filter(|step| !step.in_tuple && step.aggregating.is_none()).map(|step| &step.record)
    }

    /// The aggregation of this id.
    pub(crate) fn aggregation(&self, id: u32) -> Option<(&Aggregation, impl Iterator<Item = RecDesc> + '_)> {
        let is_it = |step: &Step| step.aggregating.as_ref().is_some_and(|a| a.id == id);
        let at = self.steps.iter().position(is_it)?;
        let Aggregating { keys, base, aggregation, .. } = self.steps.get(at)?.aggregating.as_ref()?;
        let (aggregation, base) = (aggregation.as_ref()?, *base);
        let first = at.checked_sub(*keys as usize)?;
        let records = self
            .steps
            .get(first..=at)?
            .iter()
            .map(move |step| RecDesc { offset: step.record.offset - base, ..step.record })
            .filter(|record| record.size != 0);
        Some((aggregation, records))
    }

    /// Whether any step aggregates.
    pub(crate) fn aggregates(&self) -> bool {
        self.steps.iter().any(|step| step.aggregating.is_some())
    }

    /// The probes it is for.
    pub(crate) fn description(&self) -> Description<'_> {
        describe(&self.probe)
    }
}

/// A probe description of the ABI as one of ours.
pub(crate) fn describe(desc: &ProbeDesc) -> Description<'_> {
    Description {
        id: desc.id,
        provider: dtrace_abi::name_bytes(&desc.provider),
        module: dtrace_abi::name_bytes(&desc.module),
        function: dtrace_abi::name_bytes(&desc.function),
        name: dtrace_abi::name_bytes(&desc.name),
    }
}

/// A tuple while its keys are placed.
struct Tuple {
    /// Where the id word is.
    base: u32,
    /// Where the keys so far end.
    end: u32,
    keys: Vec<Key>,
    /// How many of them, from the first on, are constants.
    constants: usize,
}

impl Tuple {
    /// A tuple without keys that is staged where the record ends so far.
    fn after(end: u32) -> Tuple {
        let base = end.next_multiple_of(8);
        Tuple { base, end: base + ID_SIZE, keys: Vec::new(), constants: 0 }
    }
}

impl Aggregating {
    fn new(id: u32, keys: u32) -> Self {
        Aggregating { id, keys, base: 0, increment: false, aggregation: None }
    }
}

/// Whether two actions that follow each other are arguments of the same `printf`: then only the first has the format.
fn same_group(before: &ActionDesc, action: &ActionDesc) -> bool {
    before.kind == action.kind && before.uarg == action.uarg && before.format == action.format
}

/// The lowest power of two in a size, at most 8. What has no size needs no place of its own.
fn alignment_of(size: u32) -> u32 {
    match size {
        0 => 1,
        size => 1 << size.trailing_zeros().min(3),
    }
}

/// What a step does, and the bytes it records (contract 2.6).
fn work_and_size(step: &Step, options: &Options) -> Result<(Work, u32), Errno> {
    use action as a;
    let frames = |which: u32, asked: u32| match asked {
        0 => options.get(which).unwrap_or(0),
        asked => u64::from(asked),
    };
    let (work, size) = match u32::from(step.record.action) {
        a::DIFEXPR
        | a::PRINTF
        | a::PRINTA
        | a::LIBACT
        | a::TRACEMEM
        | a::TRACEMEM_DYNSIZE
        | a::SYSTEM
        | a::FREOPEN => {
            let rtype = step.code.as_ref().ok_or(Errno::EINVAL)?.get().difo().rtype();
            let by_reference = rtype.flags & dtrace_abi::dif::TF_BYREF != 0;
            match (rtype.kind == dtrace_abi::dif::TYPE_STRING, by_reference, rtype.size) {
                (true, _, 0) => (Work::String, options.get(option::STRSIZE).unwrap_or(0)),
                (true, _, size) => (Work::String, u64::from(size)),
                (false, true, size) => (Work::Bytes, u64::from(size)),
                (false, false, size @ (1 | 2 | 4 | 8)) => (Work::Value, u64::from(size)),
                (false, false, 0) => (Work::Nothing, 0),
                (false, false, _) => return Err(Errno::EINVAL),
            }
        }
        a::EXIT => (Work::Exit, 4),
        a::STACK => (Work::Stack, frames(option::STACKFRAMES, step.arg as u32).saturating_mul(8)),
        kind @ (a::USTACK | a::JSTACK) => {
            let asked = a::UstackArg::unpack(step.arg);
            let (count, strings) = match kind {
                a::USTACK => (frames(option::USTACKFRAMES, asked.nframes), u64::from(asked.strsize)),
                _ => (
                    frames(option::JSTACKFRAMES, asked.nframes),
                    frames(option::JSTACKSTRSIZE, asked.strsize),
                ),
            };
            let arg = a::UstackArg {
                nframes: u32::try_from(count).map_err(|_| Errno::EINVAL)?,
                strsize: u32::try_from(strings).map_err(|_| Errno::EINVAL)?,
            };
            (Work::UserStack { frames: arg.nframes }, arg.record_size())
        }
        a::TEST1 | a::TEST2 => (Work::Value, 8),
        a::SYM | a::MOD => (Work::Symbol, 8),
        a::USYM | a::UMOD | a::UADDR => (Work::UserSymbol, 16),
        a::STOP => (Work::Stop, 0),
        a::RAISE => (Work::Raise, 0),
        a::CHILL => (Work::Chill, 0),
        a::BREAKPOINT => (Work::Breakpoint, 0),
        a::PANIC => (Work::Panic, 0),
        a::SPECULATE => (Work::Speculate, 0),
        a::COMMIT => (Work::Commit, 0),
        a::DISCARD => (Work::Discard, 0),
        _ => return Err(Errno::EINVAL),
    };
    let size = u32::try_from(size).ok().filter(|&size| u64::from(size) < RECORD_MAX).ok_or(Errno::EINVAL)?;
    Ok((work, size))
}
