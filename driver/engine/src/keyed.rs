//! Keyed clauses: those whose whole work is to take one value into an aggregation by a few keys that are at hand.
//!
//! `@[execname] = count()`, `@[probefunc, pid] = count()` and `@[execname] = quantize(arg0)` are what most one-line programs
//! are. What is left to do when such a clause fires is worked out once, when it is laid out, as a [`Keyed`]: which keys there
//! are, and where in the record each stands. An `execname` is two words, whatever the size of a string is: they are cut at
//! their NUL, and compared as two words; what follows them in a record is zero, as behind any string there.
//!
//! Where the general way looks at one record that the aggregation met last, this one looks at the record that was last
//! met with keys like these: so CPUs on which threads or probes take turns mostly need no search either. Which record
//! that is, is a hint and no more: it is compared with the keys like any other. Where it is the wrong one, the keys are
//! staged as they are in the general way, and the table searches for them.
//!
//! What always holds: as for [`crate::brief`], all is done or nothing, and the buffers are the same either way: a clause
//! whose keys could not be staged for want of room is a drop in the principal buffer, though this way they are not always
//! staged. What is staged lies in room that was found for it, and no key reaches beyond the place that the layout gave it.
//!
//! Probe context, but for [`Keyed::of`].

use dtrace_abi::dif;

use crate::aggregation::{Function, Met, RECENT, Table};
use crate::clause::{Clause, Plan, Step, Test};
use crate::host::{EXECNAME_SIZE, Host};
use crate::interp::quick::Text;
use crate::interp::shape::{Shape, Source};
use crate::interp::{NamePart, Subject, holds};
use crate::probe::Probe;
use crate::state::Buffers;
use crate::tuple::{first_nul, up_to};

/// The most keys that are numbers, and the most that are parts of the probe's name.
const NUMBERS: usize = 2;
const NAMES: usize = 2;

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Arg(u32),
    Pid,
    Tid,
}

/// A key that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NumberKey {
    number: Number,
    at: u32,
    /// It has four bytes, not eight.
    half: bool,
}

/// A key that is a part of the probe's name, and the size of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NameKey {
    part: NamePart,
    at: u32,
    size: u32,
}

/// The value that is taken into the aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Arg(u32),
    Constant(u64),
}

/// What is left of a clause. Where a key stands is counted from the id word on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    test: Test,
    /// How many arguments must be at hand.
    args: u32,
    /// As in the clause.
    needed: u32,
    /// One less than the clause's alignment.
    mask: u32,
    /// Where the keys are staged, from the EPID word on.
    base: u32,
    /// Where `execname` stands; 0, where the id is, if it is no key.
    execname: u32,
    /// There are other keys.
    others: bool,
    numbers: [Option<NumberKey>; NUMBERS],
    names: [Option<NameKey>; NAMES],
    /// The key that all tuples begin with, and where it stands.
    constant: (u64, u32),
    /// How the records are told from those of other aggregations.
    met: Met,
    /// Words of the value.
    words: u32,
    function: Function,
    value: Value,
}

/// What [`Keyed::take`] needs to know of a firing beside its arguments.
pub(crate) struct Scene<'a, H: Host> {
    pub(crate) host: &'a H,
    pub(crate) probe: &'a Probe<H>,
    pub(crate) clause: &'a Clause,
    pub(crate) buffers: &'a Buffers,
}

/// The keys of a firing, but for the probe's names.
#[derive(Clone, Copy, Default)]
struct Held {
    execname: [u64; 2],
    numbers: [u64; NUMBERS],
}

impl Keyed {
    /// What is left of a clause that has been laid out, if it is keyed. `uses_scratch` is whether it needs scratch memory.
    pub(crate) fn of(clause: &Clause, uses_scratch: bool) -> Option<Keyed> {
        let (last, tuple) = clause.steps.split_last()?;
        let (constant, keys) = tuple.split_first()?;
        let aggregating = last.aggregating.as_ref()?;
        let aggregation = aggregating.aggregation.as_ref()?;
        let (base, value_at) = (aggregating.base, aggregation.value_offset());
        let whole = aggregating.keys as usize == tuple.len() && !aggregating.increment;
        let fits = base.checked_add(value_at).is_some_and(|end| end <= clause.needed);
        if clause.speculative || uses_scratch || clause.size != 0 || !whole || !fits || keys.is_empty() {
            return None;
        }
        // Where a key stands, if so many bytes of it are where keys are.
        let place = |step: &Step, width: u32| {
            let at = step.record.offset.checked_sub(base)?;
            let inside = at.checked_add(width)? <= value_at && width <= step.record.size;
            inside.then_some(at)
        };
        let Plan::Constant(first) = constant.plan else { return None };
        let mut keyed = Keyed {
            test: clause.test,
            args: 0,
            needed: clause.needed,
            mask: clause.alignment.checked_sub(1)? & 7,
            base,
            execname: 0,
            others: false,
            numbers: [None; NUMBERS],
            names: [None; NAMES],
            constant: (first, place(constant, 8)?),
            met: aggregation.met(),
            words: aggregation.function().words() as u32,
            function: *aggregation.function(),
            value: Value::Constant(0),
        };
        match keyed.test {
            Test::Always => (),
            Test::Arg { n, .. } => keyed.args = n + 1,
            Test::Code => return None,
        }
        let shape = |step: &Step| step.code.as_ref().map(|code| *code.get().shape());
        keyed.value = match (last.plan, shape(last)) {
            (Plan::Count, _) => Value::Constant(0),
            (Plan::Aggregate, Some(Shape::Value(Source::Constant(value)))) => Value::Constant(value),
            (Plan::Aggregate, Some(Shape::Value(Source::Arg(n)))) => Value::Arg(n),
            _ => return None,
        };
        if let Value::Arg(n) = keyed.value {
            keyed.args = keyed.args.max(n + 1);
        }
        for step in keys {
            let number = match (step.plan, shape(step)) {
                (Plan::Text(Text::Execname), _) if keyed.execname == 0 => {
                    keyed.execname = place(step, EXECNAME_SIZE as u32)?;
                    continue;
                }
                (Plan::Text(Text::Name(part)), _) => {
                    let size = step.record.size;
                    let free = keyed.names.iter_mut().find(|name| name.is_none())?;
                    *free = Some(NameKey { part, at: place(step, size)?, size });
                    continue;
                }
                (Plan::Arg(n), _) => Number::Arg(n),
                (Plan::Pid, _) => Number::Pid,
                (Plan::Value, Some(Shape::Value(Source::Builtin(dif::VAR_TID)))) => Number::Tid,
                _ => return None,
            };
            if let Number::Arg(n) = number {
                keyed.args = keyed.args.max(n + 1);
            }
            let half = match step.record.size {
                8 => false,
                4 => true,
                _ => return None,
            };
            let free = keyed.numbers.iter_mut().find(|number| number.is_none())?;
            *free = Some(NumberKey { number, at: place(step, step.record.size)?, half });
        }
        keyed.others = keyed.numbers.iter().any(Option::is_some) || keyed.names.iter().any(Option::is_some);
        Some(keyed)
    }

    /// Does it all, or nothing: then false. `arg` is asked for arguments below `at_hand` only.
    ///
    /// # Safety
    ///
    /// Probe context on the CPU that the buffers belong to, and nobody has a writer of theirs. `self` is the clause's.
    #[inline(always)]
    pub(crate) unsafe fn take<H: Host>(
        &self,
        scene: &Scene<'_, H>,
        at_hand: usize,
        arg: impl Fn(usize) -> u64,
    ) -> bool {
        let Scene { host, probe, buffers, .. } = *scene;
        if self.args as usize > at_hand {
            return false;
        }
        // SAFETY: the caller's.
        let Some(area) = (unsafe { buffers.principal.switched() }) else { return false };
        if let Test::Arg { n, condition, constant } = self.test
            && !holds(condition, arg(n as usize), constant)
        {
            return true;
        }
        let Some(room) = area.room(self.needed, self.mask) else { return false };
        let mut held = Held::default();
        let mut hint = u64::from(self.met.id);
        if self.execname != 0 {
            held.execname = cut(host.execname_words());
            let [first, second] = held.execname;
            hint = stir(stir(hint, first), second);
        }
        if self.others {
            for (key, to) in self.numbers.iter().map_while(Option::as_ref).zip(&mut held.numbers) {
                let value = match key.number {
                    Number::Arg(n) => arg(n as usize),
                    Number::Pid => u64::from(host.pid()),
                    Number::Tid => u64::from(host.tid()),
                };
                *to = if key.half { u64::from(value as u32) } else { value };
                hint = stir(hint, *to);
            }
            // A probe has its names for good.
            hint = stir(hint, u64::from(probe.id()));
        }
        let place = (hint >> (u64::BITS - RECENT.ilog2())) as usize;
        // SAFETY: the caller's; the reference is gone when this returns.
        let table = unsafe { buffers.aggregation.active_side() };
        if let Some(record) = table.met(place, &self.met)
            // SAFETY: a record is as long as `met` says, with the keys before the value.
            && unsafe { self.is_of(record, &held, probe) }
        {
            // SAFETY: the value is inside the record, and aligned; nobody else has the table.
            let words = unsafe {
                let start = record.add(self.met.value_at as usize).cast::<u64>();
                core::slice::from_raw_parts_mut(start, self.words as usize)
            };
            match (self.function, &mut *words) {
                (Function::Count, [count, ..]) => *count = count.wrapping_add(1),
                _ => update(&self.function, words, self.value(arg)),
            }
            return true;
        }
        // SAFETY: what is needed, for which there is room, reaches to the end of the keys.
        unsafe { self.search(scene, table, room, held, self.value(arg), place) }
    }

    /// The value of a firing.
    #[inline(always)]
    fn value(&self, arg: impl Fn(usize) -> u64) -> u64 {
        match self.value {
            Value::Arg(n) => arg(n as usize),
            Value::Constant(value) => value,
        }
    }

    /// Whether a record of the aggregation, whose strings are zero-filled, has these keys and the probe's names.
    ///
    /// # Safety
    ///
    /// All keys of the record can be read.
    #[inline(always)]
    unsafe fn is_of<H: Host>(&self, record: *const u8, held: &Held, probe: &Probe<H>) -> bool {
        // SAFETY: a key's place, which the caller says can be read.
        let word = |at: u32| unsafe { record.add(at as usize).cast::<u64>().read_unaligned() };
        // SAFETY: the same.
        let half = |at: u32| unsafe { record.add(at as usize).cast::<u32>().read_unaligned() };
        if self.execname != 0 && [word(self.execname), word(self.execname + 8)] != held.execname {
            return false;
        }
        if !self.others {
            return true;
        }
        for (key, &value) in self.numbers.iter().map_while(Option::as_ref).zip(&held.numbers) {
            if value != if key.half { u64::from(half(key.at)) } else { word(key.at) } {
                return false;
            }
        }
        for key in self.names.iter().map_while(Option::as_ref) {
            let name = Subject::<H>::name(probe, key.part);
            // SAFETY: so long is the place of the name in the record.
            let kept = unsafe { core::slice::from_raw_parts(record.add(key.at as usize), key.size as usize) };
            if !kept.get(..name.len()).is_some_and(|kept| is_text(kept, name)) {
                return false;
            }
        }
        true
    }

    /// Stages the keys and has the table search for them; or does nothing: then false.
    ///
    /// # Safety
    ///
    /// `room` has room for what is needed, and is memory of a buffer.
    #[cold]
    #[inline(never)]
    unsafe fn search<H: Host>(
        &self,
        scene: &Scene<'_, H>,
        table: &mut Table,
        room: *mut u8,
        held: Held,
        value: u64,
        place: usize,
    ) -> bool {
        let aggregating = scene.clause.steps.last().and_then(|step| step.aggregating.as_ref());
        let Some(aggregation) = aggregating.and_then(|aggregating| aggregating.aggregation.as_ref()) else {
            return false;
        };
        // SAFETY: the keys are staged within what is needed; such memory is initialised, and nobody else has it.
        let staged = unsafe {
            core::slice::from_raw_parts_mut(room.add(self.base as usize), self.met.value_at as usize)
        };
        if self.stage(staged, scene.probe, &held).is_none() {
            return false;
        }
        table.update_by(place, aggregation, staged, value as i64, 1);
        true
    }

    /// Stages the keys, if the probe's names fit their places.
    fn stage<H: Host>(&self, staged: &mut [u8], probe: &Probe<H>, held: &Held) -> Option<()> {
        let (constant, at) = self.constant;
        *staged.get_mut(at as usize..)?.first_chunk_mut()? = constant.to_ne_bytes();
        if self.execname != 0 {
            let to = staged.get_mut(self.execname as usize..)?.first_chunk_mut::<EXECNAME_SIZE>()?;
            to.copy_from_slice(held.execname.map(u64::to_ne_bytes).as_flattened());
        }
        for (key, value) in self.numbers.iter().map_while(Option::as_ref).zip(held.numbers) {
            let to = staged.get_mut(key.at as usize..)?;
            match key.half {
                true => *to.first_chunk_mut()? = (value as u32).to_ne_bytes(),
                false => *to.first_chunk_mut()? = value.to_ne_bytes(),
            }
        }
        for key in self.names.iter().map_while(Option::as_ref) {
            let name = Subject::<H>::name(probe, key.part);
            let to = staged.get_mut(key.at as usize..)?.get_mut(..key.size as usize)?;
            to.get_mut(..name.len())?.copy_from_slice(name);
        }
        Some(())
    }
}

/// [`Function::update`], where it is not a count.
#[inline(never)]
fn update(function: &Function, words: &mut [u64], value: u64) {
    function.update(words, value as i64, 1);
}

/// A name as two words, cut at its NUL or to 15 bytes.
#[inline(always)]
fn cut(name: [u64; 2]) -> [u64; 2] {
    let [first, second] = name.map(u64::from_le);
    let cut = match first_nul(first) {
        0 => {
            let second = second & (u64::MAX >> 8);
            [first, up_to(second, first_nul(second))]
        }
        nul => [up_to(first, nul), 0],
    };
    cut.map(u64::to_le)
}

/// Takes a word into a hint, whose high bits then depend on it.
#[inline(always)]
fn stir(hint: u64, word: u64) -> u64 {
    (hint ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Whether memory is a text, both of the same length: by words, of which the last may overlap the one before.
#[inline(always)]
fn is_text(memory: &[u8], text: &[u8]) -> bool {
    match (memory.last_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(last), Some(last_of_text)) => {
            last == last_of_text
                && memory.as_chunks::<8>().0.iter().zip(text.as_chunks::<8>().0).all(|(a, b)| a == b)
        }
        _ => memory.iter().zip(text).all(|(a, b)| a == b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_its_nul_or_to_fifteen_bytes() {
        for len in 0..=16 {
            for behind in [0, 1, 0x7f, 0x80, 0xff] {
                let mut name = [behind; 16];
                name[..len].fill(b'x');
                if let Some(nul) = name.get_mut(len) {
                    *nul = 0;
                }
                let mut expected = [0; 16];
                expected[..len.min(15)].fill(b'x');
                let words: [u64; 2] =
                    core::array::from_fn(|n| u64::from_ne_bytes(name[n * 8..][..8].try_into().unwrap()));
                assert_eq!(cut(words).map(u64::to_ne_bytes).as_flattened(), expected);
            }
        }
    }

    #[test]
    fn a_text_is_one_or_not() {
        for len in 1..40u8 {
            let text: Vec<u8> = (1..=len).collect();
            assert!(is_text(&text, &text));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert!(!is_text(&other, &text), "{at} of {len}");
            }
        }
    }
}
