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
//!   index:    | hash:32 offset/8+1:32 | 0 | 0 | ...      open addressing, linear probing, a power of two of slots
//! ```
//!
//! What always holds: an index slot that is not 0 leads to a record that is complete, lies below `used`, and is 8-aligned;
//! there is always a free slot, so that a search ends. One table is touched by one CPU in probe context, or by the
//! consumer after the CPU has passed a quiescent point; never by both. So there are no atomics here.
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
use crate::mem::{Bytes, OutOfMemory, TryPush, try_filled, try_to_vec};

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
    fn update(&self, words: &mut [u64], value: i64, increment: u64) {
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
    /// `factor^low`.
    lowest: u64,
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
        let lowest = factor.checked_pow(u32::from(arg.low))?;
        let mut counters = 2u64;
        let mut lower = lowest;
        for _ in arg.low..=arg.high {
            let upper = lower.checked_mul(factor)?;
            counters += (upper - lower) / step(upper, nsteps);
            lower = upper;
        }
        Some(LogLinear { arg, lowest, counters: u32::try_from(counters).ok()? })
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
        if value < self.lowest {
            return 0;
        }
        let factor = u64::from(self.arg.factor);
        let nsteps = u64::from(self.arg.nsteps);
        let mut first = 1;
        let mut lower = self.lowest;
        for _ in self.arg.low..=self.arg.high {
            // `new` has shown that this does not overflow, and steps are not 0.
            let upper = lower.wrapping_mul(factor);
            let step = step(upper, nsteps);
            if value < upper {
                return first + (value - lower).checked_div(step).unwrap_or(0) as usize;
            }
            first += (upper - lower).checked_div(step).unwrap_or(0) as usize;
            lower = upper;
        }
        first
    }
}

/// The width of a step in the magnitude that ends at `upper`.
fn step(upper: u64, nsteps: u64) -> u64 {
    upper.checked_div(nsteps).unwrap_or(0).max(1)
}

/// One key of an aggregation, where the ECB stages it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it is, from the id word on.
    pub offset: u32,
    /// Its bytes.
    pub size: u32,
    /// Whether it is a string: what follows its NUL does not count.
    pub string: bool,
}

/// An aggregating action, ready to be taken.
#[derive(Debug)]
pub struct Aggregation {
    id: u32,
    value_offset: u32,
    size: u32,
    /// Whole words of keys that are not strings.
    runs: Vec<Run>,
    /// What is left of such keys behind their last whole word.
    tails: Vec<Tail>,
    /// Keys that are strings.
    strings: Vec<Key>,
    function: Function,
    keys: Vec<Key>,
}

/// Words that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    at: u32,
    words: u32,
}

/// Less than a word: what is left of the word at `at` when it is shifted down and masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tail {
    at: u32,
    shift: u32,
    mask: u64,
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
        let inside = |key: &Key| {
            let end = key.offset.checked_add(key.size);
            key.offset as usize >= ID_SIZE && end.is_some_and(|end| end <= value_offset)
        };
        let size = u32::try_from(function.size()).ok().and_then(|size| size.checked_add(value_offset));
        let Some(size) = size else { return Err(AggregationError::Layout) };
        let aligned = value_offset.is_multiple_of(size_of::<u64>() as u32) && value_offset != 0;
        if id == dtrace_abi::record::AGGIDNONE || !aligned || !keys.iter().all(inside) {
            return Err(AggregationError::Layout);
        }
        let mut aggregation = Aggregation {
            id,
            value_offset,
            size,
            runs: Vec::new(),
            tails: Vec::new(),
            strings: Vec::new(),
            function,
            keys: try_to_vec(keys)?,
        };
        keys.iter().try_for_each(|key| aggregation.add_key(key))?;
        Ok(aggregation)
    }

    /// Cuts a key, which lies between id and value, into what can be read word by word.
    fn add_key(&mut self, key: &Key) -> Result<(), OutOfMemory> {
        const BYTES: u32 = WORD as u32;
        if key.string {
            return self.strings.try_push(*key);
        }
        let (words, rest) = (key.size / BYTES, key.size % BYTES);
        match self.runs.last_mut() {
            _ if words == 0 => (),
            Some(last) if last.at + last.words * BYTES == key.offset => last.words += words,
            _ => self.runs.try_push(Run { at: key.offset, words })?,
        }
        if rest != 0 {
            // The word that is read must not reach beyond the keys: where it would, it begins further down.
            let start = key.offset + words * BYTES;
            let at = start.min(self.value_offset - BYTES);
            let mask = u64::MAX >> (u64::BITS - rest * u8::BITS);
            self.tails.try_push(Tail { at, shift: (start - at) * u8::BITS, mask })?;
        }
        Ok(())
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
        self.value_offset
    }

    /// Bytes of a record, from the id word to the end of the value.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The hash of the keys in staging memory.
    ///
    /// # Safety
    ///
    /// From `staged` on, [`Aggregation::value_offset`] bytes can be read.
    #[inline]
    unsafe fn hash(&self, staged: *const u8) -> u64 {
        let mut hash = u64::from(self.id);
        for run in &self.runs {
            for word in 0..run.words {
                // SAFETY: `add_key` has taken runs from keys, which lie before the value.
                hash = mix(hash, unsafe { load(staged, run.at + word * WORD as u32) });
            }
        }
        for tail in &self.tails {
            // SAFETY: `add_key` has chosen a word that lies before the value.
            hash = mix(hash, unsafe { tail.load(staged) });
        }
        for string in &self.strings {
            // SAFETY: the string lies before the value.
            hash = hash_string(hash, unsafe { string.bytes(staged) });
        }
        hash
    }

    /// Whether a record, whose strings are zero-filled, has the keys in staging memory.
    ///
    /// # Safety
    ///
    /// From `staged` and from `record` on, [`Aggregation::value_offset`] bytes can be read.
    #[inline]
    unsafe fn matches(&self, staged: *const u8, record: *const u8) -> bool {
        // SAFETY: the value is not before the end of the id.
        if unsafe { record.cast::<u32>().read_unaligned() } != self.id {
            return false;
        }
        for run in &self.runs {
            for word in 0..run.words {
                let at = run.at + word * WORD as u32;
                // SAFETY: `add_key` has taken runs from keys, which lie before the value.
                if unsafe { load(staged, at) != load(record, at) } {
                    return false;
                }
            }
        }
        for tail in &self.tails {
            // SAFETY: `add_key` has chosen a word that lies before the value.
            if unsafe { tail.load(staged) != tail.load(record) } {
                return false;
            }
        }
        for string in &self.strings {
            // SAFETY: the string lies before the value.
            let (staged, stored) = unsafe { (string.bytes(staged), string.bytes(record)) };
            if !same_string(staged, stored) {
                return false;
            }
        }
        true
    }
}

impl Key {
    /// Its bytes in memory that begins with the id word.
    ///
    /// # Safety
    ///
    /// From `start` on, the bytes up to the end of the key can be read as long as the slice is used.
    #[inline]
    unsafe fn bytes<'a>(&self, start: *const u8) -> &'a [u8] {
        // SAFETY: by contract.
        unsafe { core::slice::from_raw_parts(start.add(self.offset as usize), self.size as usize) }
    }
}

impl Tail {
    /// Its bytes as a word.
    ///
    /// # Safety
    ///
    /// The word at `at` can be read.
    #[inline]
    unsafe fn load(&self, start: *const u8) -> u64 {
        // SAFETY: by contract.
        unsafe { load(start, self.at) }.wrapping_shr(self.shift) & self.mask
    }
}

/// The word at an offset.
///
/// # Safety
///
/// It can be read.
#[inline]
unsafe fn load(start: *const u8, at: u32) -> u64 {
    // SAFETY: by contract.
    u64::from_le(unsafe { start.add(at as usize).cast::<u64>().read_unaligned() })
}

/// Bytes of the id that a record begins with.
const ID_SIZE: usize = size_of::<u32>();

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Takes a word into a hash: a multiplication to 128 bits, folded.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(hash.rotate_left(23) ^ word) * u128::from(ODD);
    product as u64 ^ (product >> 64) as u64
}

/// The bytes of a slice shorter than a word, as a word.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// The bytes of a word before its first zero byte, the others zero; and whether there is a zero byte.
#[inline]
fn up_to_nul(word: u64) -> (u64, bool) {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros = word.wrapping_sub(LOW) & !word & HIGH;
    if zeros == 0 {
        return (word, false);
    }
    // The lowest mark is exact; what borrows may have marked lies above it.
    let below = zeros & zeros.wrapping_neg();
    (word & (below >> 7).wrapping_sub(1), true)
}

#[inline]
fn hash_string(mut hash: u64, mut bytes: &[u8]) -> u64 {
    while let Some((word, rest)) = bytes.split_first_chunk::<WORD>() {
        let (word, ended) = up_to_nul(u64::from_le_bytes(*word));
        hash = mix(hash, word);
        if ended {
            return hash;
        }
        bytes = rest;
    }
    if bytes.is_empty() { hash } else { mix(hash, up_to_nul(short_word(bytes)).0) }
}

/// Whether a string is the one in a record of the same size that is zero-filled.
#[inline]
fn same_string(mut staged: &[u8], mut stored: &[u8]) -> bool {
    while let (Some((x, staged_rest)), Some((y, stored_rest))) =
        (staged.split_first_chunk::<WORD>(), stored.split_first_chunk::<WORD>())
    {
        let (word, ended) = up_to_nul(u64::from_le_bytes(*x));
        if word != u64::from_le_bytes(*y) {
            return false;
        }
        if ended {
            return true;
        }
        (staged, stored) = (staged_rest, stored_rest);
    }
    staged.is_empty() || up_to_nul(short_word(staged)).0 == short_word(stored)
}

/// How many slots a search looks at before it gives up: keys that somebody made to collide cost a drop, not time.
const PROBES: usize = 1024;

/// The aggregations of one CPU between two snapshots.
pub struct Table {
    records: Bytes,
    /// Bytes of `records` that are in use; a multiple of 8.
    used: usize,
    /// Slots: 0, or the upper half of the hash above the record's offset in words plus one.
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
        match self.record(aggregation, staged) {
            Some(at) => {
                let first = (at + aggregation.value_offset as usize) / WORD;
                if let Some(words) = self.records.words_mut().get_mut(first..) {
                    aggregation.function.update(words, value, increment);
                }
            }
            None => self.counts.drops = self.counts.drops.wrapping_add(1),
        }
    }

    /// Where the record of the staged keys is; a new one if there was none.
    #[inline]
    fn record(&mut self, aggregation: &Aggregation, staged: &[u8]) -> Option<usize> {
        if staged.len() < aggregation.value_offset as usize {
            return None;
        }
        // SAFETY: `staged` has just been seen to be long enough.
        let hash = unsafe { aggregation.hash(staged.as_ptr()) };
        let slot = hash as usize & self.index.len().wrapping_sub(1);
        let entry = *self.index.get(slot)?;
        match self.record_of(entry, aggregation, staged, hash) {
            Some(at) => Some(at),
            None => self.search_on(aggregation, staged, hash),
        }
    }

    /// Where the record of an index entry is, if it is the one of the staged keys.
    #[inline]
    fn record_of(&self, entry: u64, aggregation: &Aggregation, staged: &[u8], hash: u64) -> Option<usize> {
        if entry >> 32 != hash >> 32 || staged.len() < aggregation.value_offset as usize {
            return None;
        }
        // An entry of 0 has no record: this wraps to what is surely not inside.
        let at = (entry as u32 as usize).wrapping_sub(1).wrapping_mul(WORD);
        if at.saturating_add(aggregation.size as usize) > self.used {
            return None;
        }
        let record = self.records.start().as_ptr().wrapping_add(at);
        // SAFETY: `staged` is long enough; the record is, because what would be its end is in use.
        unsafe { aggregation.matches(staged.as_ptr(), record) }.then_some(at)
    }

    /// The search from its beginning, all the way: to a free slot, where a new record is made.
    #[cold]
    #[inline(never)]
    fn search_on(&mut self, aggregation: &Aggregation, staged: &[u8], hash: u64) -> Option<usize> {
        let mask = self.index.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        for _ in 0..PROBES {
            let entry = *self.index.get(slot)?;
            if entry == 0 {
                return self.insert(aggregation, staged, hash, slot);
            }
            if let Some(at) = self.record_of(entry, aggregation, staged, hash) {
                return Some(at);
            }
            slot = slot.wrapping_add(1) & mask;
        }
        None
    }

    /// Makes a record of the staged keys.
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
        for key in &aggregation.keys {
            let from = staged.get(key.offset as usize..)?.get(..key.size as usize)?;
            let len = match key.string {
                true => from.iter().position(|&b| b == 0).unwrap_or(from.len()),
                false => from.len(),
            };
            let to = record.get_mut(key.offset as usize..)?.get_mut(..len)?;
            to.copy_from_slice(from.get(..len)?);
        }
        let value = self.records.words_mut().get_mut((at + aggregation.value_offset as usize) / WORD..)?;
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
        self.used = 0;
        self.filled = 0;
        self.counts = Counts::default();
    }
}

/// The aggregation buffer of one CPU: the table that probes update, and the one the consumer reads.
pub type AggregationBuffer = Pair<Table>;

/// An empty aggregation buffer whose tables take `size` bytes each.
pub fn new_buffer(size: usize) -> Result<AggregationBuffer, OutOfMemory> {
    Ok(Pair::new(Table::new(size)?, Table::new(size)?))
}
