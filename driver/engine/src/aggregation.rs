//! Aggregations: the nine functions, and the per-CPU tables they live in (contract 2.5, 2.6).
//!
//! Each CPU of a state has an [`AggregationBuffer`]: two [`Table`]s, one that firing probes update and one that the
//! consumer reads, exchanged by [`crate::exchange`]. A table is a run of records, and an index to find them by their
//! keys. The records are the ABI: a word with the aggregation's id, the keys as the ECB lays them out, the value. The
//! index never leaves:
//!
//! ```text
//!   records:  | id | keys ... | value ... | id | keys ... | value ... |  free        |
//!               ^ 8-aligned                 ^
//!   index:    | hash:32 number:32 | 0 | 0 | ...      open addressing, linear probing, a power of two of slots
//! ```
//!
//! Before the index is asked, a record that was met lately is looked at: threads run for a while, and call the same thing
//! again.
//!
//! What always holds: a number that is not 0, in the index or remembered, leads to a record that is complete, lies below
//! `used`, and is 8-aligned; there is always a free slot, so that a search ends. One table is touched by one CPU in probe
//! context, or by the consumer after the CPU has passed a quiescent point; never by both. So there are no atomics here.
//!
//! An update takes no memory, divides only where `lquantize` and `llquantize` must, and reads of a string key no more
//! than the string. When no room is left for a new key the update is dropped and counted; known keys go on.
//!
//! The original keeps hash chains and their nodes in the top of the same buffer, growing down. Rejected: two cache lines
//! of indirection for each hit. The index here has room for more keys than fit the records, except for keys of a word or
//! less, where the two are about even.

use alloc::vec::Vec;

use dtrace_abi::agg;

use crate::buffer::Counts;
use crate::exchange::{Exchangeable, Pair};
use crate::mem::{Bytes, OutOfMemory, try_filled};
pub use crate::tuple::Key;
use crate::tuple::{ID_SIZE, Tuple};

/// An aggregating function with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// How often.
    Count,
    /// The sum.
    Sum,
    /// The smallest value.
    Min,
    /// The greatest value.
    Max,
    /// Count and sum.
    Avg,
    /// Count, sum, sum of squares.
    Stddev,
    /// Distribution over powers of two.
    Quantize,
    /// Distribution over equal steps.
    Lquantize(agg::LquantizeArg),
    /// Distribution over equal steps within magnitudes.
    Llquantize(LogLinear),
}

impl Function {
    /// The function of an action of this kind and argument; `None` if there is none, or the argument is unsound.
    #[must_use]
    pub fn new(kind: u32, arg: u64) -> Option<Function> {
        Some(match kind {
            agg::COUNT => Function::Count,
            agg::SUM => Function::Sum,
            agg::MIN => Function::Min,
            agg::MAX => Function::Max,
            agg::AVG => Function::Avg,
            agg::STDDEV => Function::Stddev,
            agg::QUANTIZE => Function::Quantize,
            agg::LQUANTIZE => {
                let arg = agg::LquantizeArg::unpack(arg);
                if arg.step == 0 || arg.levels == 0 {
                    return None;
                }
                Function::Lquantize(arg)
            }
            agg::LLQUANTIZE => Function::Llquantize(LogLinear::new(agg::LlquantizeArg::unpack(arg))?),
            _ => return None,
        })
    }

    /// Words of the value.
    #[must_use]
    pub fn words(&self) -> usize {
        match self {
            Function::Count | Function::Sum | Function::Min | Function::Max => 1,
            Function::Avg => 2,
            Function::Stddev => 4,
            Function::Quantize => agg::QUANTIZE_NBUCKETS,
            Function::Lquantize(arg) => 1 + arg.nbuckets(),
            Function::Llquantize(scale) => 1 + scale.counters(),
        }
    }

    /// Bytes of the value.
    #[must_use]
    pub fn size(&self) -> usize {
        self.words() * size_of::<u64>()
    }

    /// Makes zeroed words the value before any update.
    fn init(&self, words: &mut [u64]) {
        let Some(first) = words.first_mut() else { return };
        match self {
            Function::Min => *first = i64::MAX as u64,
            Function::Max => *first = i64::MIN as u64,
            Function::Lquantize(arg) => *first = arg.pack(),
            Function::Llquantize(scale) => *first = scale.arg.pack(),
            _ => (),
        }
    }

    /// Takes a value in. `increment` is what the distributions count it for. Sums wrap.
    #[inline]
    pub(crate) fn update(&self, words: &mut [u64], value: i64, increment: u64) {
        let raw = value as u64;
        match (self, words) {
            (Function::Count, [count, ..]) => *count = count.wrapping_add(1),
            (Function::Sum, [sum, ..]) => *sum = sum.wrapping_add(raw),
            (Function::Min, [min, ..]) => *min = value.min(*min as i64) as u64,
            (Function::Max, [max, ..]) => *max = value.max(*max as i64) as u64,
            (Function::Avg, [count, sum, ..]) => {
                *count = count.wrapping_add(1);
                *sum = sum.wrapping_add(raw);
            }
            (Function::Stddev, [count, sum, low, high, ..]) => {
                *count = count.wrapping_add(1);
                *sum = sum.wrapping_add(raw);
                let magnitude = u128::from(value.unsigned_abs());
                let squares =
                    (u128::from(*high) << 64 | u128::from(*low)).wrapping_add(magnitude * magnitude);
                *low = squares as u64;
                *high = (squares >> 64) as u64;
            }
            (Function::Quantize, words) => add(words, agg::quantize_bucket(value), increment),
            (Function::Lquantize(arg), [_, counters @ ..]) => add(counters, arg.bucket(value), increment),
            (Function::Llquantize(scale), [_, counters @ ..]) => {
                add(counters, scale.bucket(value), increment);
            }
            _ => (),
        }
    }
}

#[inline]
fn add(counters: &mut [u64], bucket: usize, increment: u64) {
    if let Some(counter) = counters.get_mut(bucket) {
        *counter = counter.wrapping_add(increment);
    }
}

/// The scale of `llquantize`: magnitudes from `factor^low` to `factor^(high + 1)`, each cut into equal steps.
///
/// A magnitude reaches from one power of the factor to the next. With `nsteps` steps from zero to its upper end, a step
/// is `upper / nsteps` wide, but at least 1. In front of all stands a counter for what is below `factor^low`, behind all
/// one for what is not below `factor^(high + 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLinear {
    arg: agg::LlquantizeArg,
    magnitudes: agg::Magnitudes,
    /// Counters, the two outermost included.
    counters: u32,
}

impl LogLinear {
    /// The scale of an argument: `None` unless there is a magnitude, its ends fit a word, and steps are whole numbers.
    #[must_use]
    pub fn new(arg: agg::LlquantizeArg) -> Option<LogLinear> {
        let factor = u64::from(arg.factor);
        let nsteps = u64::from(arg.nsteps);
        if factor < 2 || arg.low > arg.high || nsteps < factor || !nsteps.is_multiple_of(factor) {
            return None;
        }
        // The steps divide a power of the factor, and so all higher ones: then they are even in each magnitude.
        let mut power = factor;
        while power < nsteps {
            power = power.checked_mul(factor)?;
        }
        if !power.is_multiple_of(nsteps) {
            return None;
        }
        factor.checked_pow(u32::from(arg.high) + 1)?;
        let magnitudes = arg.magnitudes()?;
        let (mut counters, mut rest) = (2u64, magnitudes);
        while let Some((magnitude, others)) = rest.split_first() {
            counters += magnitude.steps_to(magnitude.upper);
            rest = others;
        }
        Some(LogLinear { arg, magnitudes, counters: u32::try_from(counters).ok()? })
    }

    /// Counters, the two outermost included.
    #[must_use]
    pub fn counters(&self) -> usize {
        self.counters as usize
    }

    /// The counter of a value.
    #[must_use]
    pub fn bucket(&self, value: i64) -> usize {
        let Ok(value) = u64::try_from(value) else { return 0 };
        if value < self.magnitudes.lowest() {
            return 0;
        }
        let (mut first, mut rest) = (1, self.magnitudes);
        while let Some((magnitude, others)) = rest.split_first() {
            if value < magnitude.upper {
                return first + magnitude.steps_to(value) as usize;
            }
            first += magnitude.steps_to(magnitude.upper) as usize;
            rest = others;
        }
        first
    }
}

/// An aggregating action, ready to be taken.
#[derive(Debug)]
pub struct Aggregation {
    id: u32,
    size: u32,
    tuple: Tuple,
    function: Function,
}

/// Why there is no such aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregationError {
    /// The id is 0, the value is misaligned or too large, or a key is not between id and value.
    Layout,
    /// There was not enough memory.
    OutOfMemory,
}

impl From<OutOfMemory> for AggregationError {
    fn from(_: OutOfMemory) -> AggregationError {
        AggregationError::OutOfMemory
    }
}

impl Aggregation {
    /// An aggregation of this id. Offsets count from the id word; the value stands at `value_offset`, a multiple of 8.
    pub fn new(
        id: u32,
        function: Function,
        keys: &[Key],
        value_offset: u32,
    ) -> Result<Aggregation, AggregationError> {
        Self::with_constants(id, function, keys, 0, value_offset)
    }

    /// As [`Aggregation::new`], where the first `constants` keys are the same in every record of this id.
    pub(crate) fn with_constants(
        id: u32,
        function: Function,
        keys: &[Key],
        constants: usize,
        value_offset: u32,
    ) -> Result<Aggregation, AggregationError> {
        let size = u32::try_from(function.size()).ok().and_then(|size| size.checked_add(value_offset));
        let Some(size) = size.filter(|_| id != dtrace_abi::record::AGGIDNONE) else {
            return Err(AggregationError::Layout);
        };
        let tuple = Tuple::new(keys, constants, value_offset)?.ok_or(AggregationError::Layout)?;
        Ok(Aggregation { id, size, tuple, function })
    }

    /// How its only record is told, if it is a count whose keys are all constants.
    pub(crate) fn counts_alone(&self) -> Option<Met> {
        let alone = self.tuple.is_constant() && self.function == Function::Count;
        alone.then(|| self.met())
    }

    /// How its records are told from others.
    pub(crate) fn met(&self) -> Met {
        Met { id: self.id, size: self.size, value_at: self.value_offset() }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its function.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// Where the value stands, from the id word on.
    #[must_use]
    pub fn value_offset(&self) -> u32 {
        self.tuple.end()
    }

    /// Bytes of a record, from the id word to the end of the value.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }
}

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// The number of no record; records are numbered by the word they begin at, from 1.
const NO_RECORD: u32 = 0;

/// How many slots a search looks at before it gives up: keys that somebody made to collide cost a drop, not time.
const PROBES: usize = 1024;

/// How many records a table remembers by where they were met.
pub(crate) const RECENT: usize = 64;

/// How the records of an aggregation are told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    /// The aggregation's id.
    pub(crate) id: u32,
    /// Bytes of a record.
    pub(crate) size: u32,
    /// Where the value is.
    pub(crate) value_at: u32,
}

/// The aggregations of one CPU between two snapshots.
pub struct Table {
    /// The numbers of records that were met, where one will look for them: by the low bits of the aggregation's id, or by a
    /// hash of id and keys. What fires on a CPU is mostly what fired there before.
    recent: [u32; RECENT],
    records: Bytes,
    /// Bytes of `records` that are in use; a multiple of 8.
    used: usize,
    /// Slots: the upper half of the hash above the number of the record, or 0.
    index: Vec<u64>,
    /// Slots that are not 0.
    filled: usize,
    counts: Counts,
}

impl Table {
    /// An empty table that takes `size` bytes, between a quarter and a half of them for the index.
    pub fn new(size: usize) -> Result<Table, OutOfMemory> {
        let slots = (size / (4 * WORD)).max(1).checked_next_power_of_two().ok_or(OutOfMemory)?.max(2);
        Ok(Table {
            recent: [NO_RECORD; RECENT],
            records: Bytes::zeroed(size.saturating_sub(slots * WORD) & !(WORD - 1))?,
            used: 0,
            index: try_filled(slots, 0)?,
            filled: 0,
            counts: Counts::default(),
        })
    }

    /// The records, as the consumer gets them.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.records.get(..self.used).unwrap_or_default()
    }

    /// Drops and errors.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts an update that was given up because of a fault.
    #[inline]
    pub fn count_error(&mut self) {
        self.counts.errors = self.counts.errors.wrapping_add(1);
    }

    /// Takes a value into the aggregation of the staged keys. `staged` begins where the id word would be and reaches at
    /// least to the value; `increment` is what distributions count the value for (1, unless the program says otherwise).
    /// Without room for new keys, the update is dropped and counted.
    #[inline]
    pub fn update(&mut self, aggregation: &Aggregation, staged: &[u8], value: i64, increment: u64) {
        self.update_by(aggregation.id as usize % RECENT, aggregation, staged, value, increment);
    }

    /// As [`Table::update`]; the record is looked for, and remembered, at this place of `recent`.
    #[inline]
    pub(crate) fn update_by(
        &mut self,
        place: usize,
        aggregation: &Aggregation,
        staged: &[u8],
        value: i64,
        increment: u64,
    ) {
        let recent = self.recent.get(place).copied().unwrap_or(NO_RECORD);
        let found = match self.record_at(recent, aggregation, staged) {
            Some(at) => Some(at),
            None => self.search(place, aggregation, staged),
        };
        match found {
            Some(at) => {
                let first = (at + aggregation.value_offset() as usize) / WORD;
                if let Some(words) = self.records.words_mut().get_mut(first..) {
                    aggregation.function.update(words, value, increment);
                }
            }
            None => self.counts.drops = self.counts.drops.wrapping_add(1),
        }
    }

    /// The record that is remembered at a place, if it is one of an aggregation: as long as [`Met::size`] says, complete, and
    /// the caller's as long as nothing else is done with the table.
    #[inline(always)]
    pub(crate) fn met(&mut self, place: usize, met: &Met) -> Option<*mut u8> {
        let number = self.recent.get(place).copied().unwrap_or(NO_RECORD);
        // Without a record, this wraps to what is surely not inside.
        let at = (number as usize).wrapping_sub(1).wrapping_mul(WORD);
        if at.saturating_add(met.size as usize) > self.used {
            return None;
        }
        // SAFETY: the record is long enough, because what would be its end is in use; records are aligned.
        unsafe {
            let record = self.records.start().as_ptr().add(at);
            (record.cast::<u32>().read() == met.id).then_some(record)
        }
    }

    /// Counts in the record that the aggregation met last, which is its only one; false if there is none yet.
    #[inline(always)]
    pub(crate) fn count_recent(&mut self, met: &Met) -> bool {
        let Some(record) = self.met(met.id as usize % RECENT, met) else { return false };
        // SAFETY: the value is inside the record, and aligned as records are.
        unsafe {
            let value = record.add(met.value_at as usize).cast::<u64>();
            value.write(value.read().wrapping_add(1));
        }
        true
    }

    /// Where the record of this number is, if it is the one of the staged keys.
    #[inline]
    fn record_at(&self, number: u32, aggregation: &Aggregation, staged: &[u8]) -> Option<usize> {
        // Without a record, this wraps to what is surely not inside.
        let at = (number as usize).wrapping_sub(1).wrapping_mul(WORD);
        let inside = at.saturating_add(aggregation.size as usize) <= self.used;
        if !inside || staged.len() < aggregation.value_offset() as usize {
            return None;
        }
        let record = self.records.start().as_ptr().wrapping_add(at);
        // SAFETY: the record is long enough, because what would be its end is in use; so is `staged`.
        let same = unsafe {
            record.cast::<u32>().read() == aggregation.id
                && aggregation.tuple.matches(staged.as_ptr(), record)
        };
        same.then_some(at)
    }

    /// The search by hash, to the record or to a free slot, where a new record is made. What was found is remembered at
    /// `place`.
    #[inline(never)]
    fn search(&mut self, place: usize, aggregation: &Aggregation, staged: &[u8]) -> Option<usize> {
        if staged.len() < aggregation.value_offset() as usize {
            return None;
        }
        // SAFETY: `staged` has just been seen to be long enough.
        let hash = unsafe { aggregation.tuple.hash(u64::from(aggregation.id), staged.as_ptr()) };
        let mask = self.index.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        for _ in 0..PROBES {
            let entry = *self.index.get(slot)?;
            let number = entry as u32;
            let found = match entry {
                0 => self.insert(aggregation, staged, hash, slot),
                _ if entry >> 32 == hash >> 32 => self.record_at(number, aggregation, staged),
                _ => None,
            };
            if found.is_some() {
                if let Some(recent) = self.recent.get_mut(place) {
                    // None for a new record: one that is met again will be remembered then.
                    *recent = number;
                }
                return found;
            }
            if entry == 0 {
                return None;
            }
            slot = slot.wrapping_add(1) & mask;
        }
        None
    }

    /// Makes a record of the staged keys.
    #[cold]
    #[inline(never)]
    fn insert(&mut self, aggregation: &Aggregation, staged: &[u8], hash: u64, slot: usize) -> Option<usize> {
        let at = self.used;
        let size = (aggregation.size as usize).next_multiple_of(WORD);
        // One slot stays free, so that every search ends.
        if self.filled.saturating_add(1) >= self.index.len() {
            return None;
        }
        let number = u32::try_from(at / WORD + 1).ok()?;
        let record = self.records.get_mut(at..)?.get_mut(..size)?;
        record.fill(0);
        record.first_chunk_mut::<ID_SIZE>()?.copy_from_slice(&aggregation.id.to_ne_bytes());
        aggregation.tuple.copy(staged, record)?;
        let value = self.records.words_mut().get_mut((at + aggregation.value_offset() as usize) / WORD..)?;
        aggregation.function.init(value);
        *self.index.get_mut(slot)? = hash >> 32 << 32 | u64::from(number);
        self.filled += 1;
        self.used += size;
        Some(at)
    }
}

impl Exchangeable for Table {
    fn reset(&mut self) {
        if self.filled != 0 {
            self.index.fill(0);
        }
        self.recent = [NO_RECORD; RECENT];
        self.used = 0;
        self.filled = 0;
        self.counts = Counts::default();
    }
}

/// The aggregation buffer of one CPU: the table that probes update, and the one the consumer reads.
pub type AggregationBuffer = Pair<Table>;

/// An empty aggregation buffer whose tables take `size` bytes each.
#[inline(never)]
pub fn new_buffer(size: usize) -> Result<AggregationBuffer, OutOfMemory> {
    Ok(Pair::new(Table::new(size)?, Table::new(size)?))
}
