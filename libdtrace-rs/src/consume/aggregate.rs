//! The aggregations of a session: what the CPUs' snapshots add up to.
//!
//! Each snapshot holds what was aggregated since the one before; here it is merged into what is known, over time and over
//! CPUs. An entry is one key of one aggregation: the number of the aggregation is the first part of its key, so equal keys
//! of different aggregations stay apart, and two clauses that feed one aggregation meet. `clear`, `trunc`, `normalize`
//! and `denormalize` work on what is known here and not on the driver's buffers, which are empty after each snapshot.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use dtrace_abi::{Plain, RecDesc, agg};

use super::sort::{self, Order};
use crate::types::TypeId;

/// An aggregation as one of its clauses records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The driver's id.
    pub id: u32,
    /// The number of the aggregation in the handle.
    pub variable: u32,
    /// Bytes of a record.
    pub size: usize,
    /// The keys, the number of the aggregation apart.
    pub keys: Vec<Key>,
    /// The value.
    pub value: RecDesc,
}

/// A part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its record.
    pub record: RecDesc,
    /// Whether it is known to be a D string.
    pub string: bool,
    /// Its type, where it is known.
    pub ty: Option<TypeId>,
}

impl Description {
    /// The kind of the aggregation.
    pub fn kind(&self) -> u32 {
        u32::from(self.value.action)
    }
}

/// One key of an aggregation with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What the data are.
    pub description: Rc<Description>,
    /// A record as the driver lays it out: the aggregation's id, the keys, the value.
    pub data: Vec<u8>,
    /// What values are divided by when they are printed.
    pub normal: i64,
    /// The values of the CPUs by themselves, where they are kept apart.
    pub per_cpu: Vec<Vec<u8>>,
    /// What nothing has been put into since it was cleared. It shows as nothing, which is no smallest or greatest value.
    cleared: Cleared,
}

/// Which values of an entry were cleared, and have had nothing since.
#[derive(Clone, Debug, Default)]
struct Cleared {
    value: bool,
    per_cpu: Vec<bool>,
}

impl Entry {
    /// An entry with what a record has.
    pub fn new(description: Rc<Description>, data: Vec<u8>, normal: i64) -> Entry {
        Entry { description, data, normal, per_cpu: Vec::new(), cleared: Cleared::default() }
    }

    /// The data of a part of the key.
    pub fn key(&self, key: &Key) -> &[u8] {
        slice(&self.data, &key.record)
    }

    /// The data of the value.
    pub fn value(&self) -> &[u8] {
        slice(&self.data, &self.description.value)
    }

    fn value_mut(&mut self) -> &mut [u8] {
        let record = self.description.value;
        let start = (record.offset as usize).min(self.data.len());
        let end = (start + record.size as usize).min(self.data.len());
        &mut self.data[start..end]
    }

    /// An entry with the same key for another aggregation, with nothing in it.
    pub fn empty_of(&self, other: &Rc<Description>) -> Entry {
        let mut data = vec![0; other.size];
        for (mine, theirs) in self.description.keys.iter().zip(&other.keys) {
            let from = self.key(mine);
            let start = theirs.record.offset as usize;
            let len = from.len().min(theirs.record.size as usize).min(data.len().saturating_sub(start));
            data[start..start + len].copy_from_slice(&from[..len]);
        }
        let mut entry = Entry::new(other.clone(), data, 1);
        entry.reset();
        entry
    }

    /// Sets the value to nothing (`clear`). The parameters of a distribution stand in its first word and stay.
    pub fn reset(&mut self) {
        let kind = self.description.kind();
        let arg = self.description.value.arg;
        let value = self.value_mut();
        reset(value, kind, arg);
        self.per_cpu.iter_mut().for_each(|value| reset(value, kind, arg));
        self.cleared = Cleared { value: true, per_cpu: vec![true; self.per_cpu.len()] };
    }

    /// Takes in a value, of this CPU, of so many, where they are kept apart.
    fn take(&mut self, value: &[u8], cpu: Option<(usize, usize)>) {
        let kind = self.description.kind();
        let cleared = std::mem::take(&mut self.cleared.value);
        merge(kind, self.value_mut(), value, cleared);
        self.take_apart(value, cpu);
    }

    /// Takes in the value of a CPU, of so many, where they are kept apart.
    fn take_apart(&mut self, value: &[u8], cpu: Option<(usize, usize)>) {
        let Some((cpu, cpus)) = cpu else { return };
        if self.per_cpu.is_empty() {
            self.per_cpu.resize(cpus, Vec::new());
        }
        let cleared = self.cleared.per_cpu.get_mut(cpu).is_some_and(std::mem::take);
        match self.per_cpu.get_mut(cpu) {
            Some(known) if known.is_empty() => *known = value.to_vec(),
            Some(known) => merge(self.description.kind(), known, value, cleared),
            None => {}
        }
    }
}

fn reset(value: &mut [u8], kind: u32, arg: u64) {
    value.fill(0);
    if matches!(kind, agg::LQUANTIZE | agg::LLQUANTIZE) && value.len() >= 8 {
        value[..8].copy_from_slice(&arg.to_ne_bytes());
    }
}

fn slice<'a>(data: &'a [u8], record: &RecDesc) -> &'a [u8] {
    let start = (record.offset as usize).min(data.len());
    &data[start..(start + record.size as usize).min(data.len())]
}

/// The processes whose addresses are in the key of a record: who wants their names must look while they live.
pub fn processes<'a>(description: &'a Description, data: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    use dtrace_abi::action;
    let users = |key: &&Key| {
        let kind = u32::from(key.record.action);
        matches!(kind, action::USTACK | action::JSTACK | action::USYM | action::UMOD | action::UADDR)
    };
    let pid = |key: &Key| slice(data, &key.record).first_chunk().map(|word| u64::from_ne_bytes(*word) as u32);
    description.keys.iter().filter(users).filter_map(pid)
}

/// All aggregations of a session.
#[derive(Debug, Default)]
pub struct Aggregates {
    entries: Vec<Entry>,
    index: HashMap<Box<[u8]>, usize>,
    /// The numbers of those that the program has printed itself.
    printed: BTreeSet<u32>,
}

impl Aggregates {
    /// Merges one record of a snapshot.
    pub fn add(&mut self, description: &Rc<Description>, data: &[u8]) {
        self.add_from(None, description, data);
    }

    /// Merges one record of a snapshot. With the number of its CPU, of so many, that CPU's value is kept apart too. Whether its
    /// key is a new one.
    pub fn add_from(
        &mut self,
        cpu: Option<(usize, usize)>,
        description: &Rc<Description>,
        data: &[u8],
    ) -> bool {
        let key = key_of(description, data);
        if let Some(&at) = self.index.get(&key) {
            self.entries[at].take(slice(data, &description.value), cpu);
            return false;
        }
        self.index.insert(key, self.entries.len());
        let mut entry = Entry::new(description.clone(), data.to_vec(), 1);
        entry.take_apart(slice(data, &description.value), cpu);
        self.entries.push(entry);
        true
    }

    /// The entries of one aggregation, or of all that the program has not printed, in order.
    pub fn sorted(&self, variable: Option<u32>, order: Order) -> Vec<&Entry> {
        let wanted = |entry: &&Entry| match variable {
            Some(number) => entry.description.variable == number,
            None => !self.printed.contains(&entry.description.variable),
        };
        let mut entries: Vec<_> = self.entries.iter().filter(wanted).collect();
        entries.sort_by(|a, b| sort::compare(a, b, order));
        entries
    }

    /// The entries of several aggregations side by side: for each key that any of them has, one entry of each, empty where
    /// it has none. `describe` tells how an aggregation is laid out that nothing was ever put into.
    pub fn joined(
        &self,
        variables: &[u32],
        order: Order,
        describe: &mut dyn FnMut(u32) -> Option<Rc<Description>>,
    ) -> Vec<Vec<Entry>> {
        let descriptions: Option<Vec<Rc<Description>>> =
            variables.iter().map(|&v| self.description(v, variables, describe)).collect();
        let Some(descriptions) = descriptions else { return Vec::new() };
        let mut rows: Vec<Vec<Option<&Entry>>> = Vec::new();
        let mut seen: HashMap<Box<[u8]>, usize> = HashMap::new();
        for entry in &self.entries {
            let Some(column) = variables.iter().position(|&v| v == entry.description.variable) else {
                continue;
            };
            // The number of the aggregation leads the key; without it equal keys meet.
            let key: Box<[u8]> = key_of(&entry.description, &entry.data)[4..].into();
            let row = *seen.entry(key).or_insert_with(|| {
                rows.push(vec![None; variables.len()]);
                rows.len() - 1
            });
            // An aggregation named twice stands in each of its places.
            for (slot, &variable) in rows[row].iter_mut().zip(variables) {
                if variable == variables[column] {
                    *slot = Some(entry);
                }
            }
        }
        let fill = |row: Vec<Option<&Entry>>| -> Vec<Entry> {
            let some = row.iter().flatten().next().copied();
            row.iter()
                .zip(&descriptions)
                .filter_map(|(slot, description)| match slot {
                    Some(entry) => Some((*entry).clone()),
                    None => some.map(|s| s.empty_of(description)),
                })
                .collect()
        };
        let mut rows: Vec<Vec<Entry>> = rows.into_iter().map(fill).collect();
        rows.sort_by(|a, b| sort::compare_rows(a, b, order));
        rows
    }

    /// How an aggregation is laid out; one that the driver does not know, as a plain count beside those that have something.
    fn description(
        &self,
        variable: u32,
        beside: &[u32],
        describe: &mut dyn FnMut(u32) -> Option<Rc<Description>>,
    ) -> Option<Rc<Description>> {
        let of = |v: u32| self.entries.iter().map(|e| &e.description).find(|d| d.variable == v);
        if let Some(description) = of(variable).cloned().or_else(|| describe(variable)) {
            return Some(description);
        }
        let mut like = Description::clone(beside.iter().find_map(|&v| of(v))?);
        like.variable = variable;
        like.value = RecDesc { action: agg::COUNT as u16, size: 8, arg: 0, ..like.value };
        like.size = like.value.offset as usize + 8;
        Some(Rc::new(like))
    }

    /// All entries, in the order in which their keys were first seen.
    pub fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of the same aggregation with the same key.
    pub fn same_mut(&mut self, entry: &Entry) -> Option<&mut Entry> {
        let at = *self.index.get(&key_of(&entry.description, &entry.data))?;
        self.entries.get_mut(at)
    }

    /// Removes the entries with the keys of these.
    pub fn remove(&mut self, entries: &[Entry]) {
        let gone: HashSet<_> = entries.iter().map(|e| key_of(&e.description, &e.data)).collect();
        if !gone.is_empty() {
            self.retain(|key| !gone.contains(key));
        }
    }

    fn retain(&mut self, stays: impl Fn(&[u8]) -> bool) {
        self.entries.retain(|entry| stays(&key_of(&entry.description, &entry.data)));
        self.index =
            self.entries.iter().enumerate().map(|(n, e)| (key_of(&e.description, &e.data), n)).collect();
    }

    /// Whether the program has printed an aggregation itself.
    pub fn is_printed(&self, variable: u32) -> bool {
        self.printed.contains(&variable)
    }

    /// Marks an aggregation as printed by the program.
    pub fn mark_printed(&mut self, variable: u32) {
        self.printed.insert(variable);
    }

    /// `clear(@a)`: the keys stay, the values go.
    pub fn clear(&mut self, variable: u32) {
        self.of(variable).for_each(Entry::reset);
    }

    /// `normalize(@a, n)`, and `denormalize(@a)` with 1.
    pub fn normalize(&mut self, variable: u32, normal: i64) {
        self.of(variable).for_each(|entry| entry.normal = normal);
    }

    /// `trunc(@a, n)`: keeps the `n` greatest values, or the `-n` smallest.
    pub fn truncate(&mut self, variable: u32, keep: i64) {
        let order = Order { reverse: keep >= 0, ..Order::default() };
        let keep = usize::try_from(keep.unsigned_abs()).unwrap_or(usize::MAX);
        let gone: BTreeSet<Box<[u8]>> = self
            .sorted(Some(variable), order)
            .into_iter()
            .skip(keep)
            .map(|entry| key_of(&entry.description, &entry.data))
            .collect();
        self.retain(|key| !gone.contains(key));
    }

    /// Clears all aggregations (`dtrace_aggregate_clear`).
    pub fn clear_all(&mut self) {
        self.entries.iter_mut().for_each(Entry::reset);
    }

    fn of(&mut self, variable: u32) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(move |entry| entry.description.variable == variable)
    }
}

/// The key of a record: the number of the aggregation, then the parts, each as long as its type.
fn key_of(description: &Description, data: &[u8]) -> Box<[u8]> {
    let mut key = description.variable.to_ne_bytes().to_vec();
    for part in &description.keys {
        key.extend_from_slice(slice(data, &part.record));
    }
    key.into()
}

/// Adds one value to another (contract 2.6), which it replaces if that was cleared.
fn merge(kind: u32, into: &mut [u8], from: &[u8], cleared: bool) {
    if cleared && into.len() == from.len() {
        into.copy_from_slice(from);
        return;
    }
    let mut sums: Vec<i64> = super::distribution::words(into);
    let others = super::distribution::words(from);
    match kind {
        agg::MIN => fold(&mut sums, &others, i64::min),
        agg::MAX => fold(&mut sums, &others, i64::max),
        agg::STDDEV => {
            let wide = |words: &[i64]| match words {
                [_, _, low, high] => u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned()),
                _ => 0,
            };
            let squares = wide(&sums).wrapping_add(wide(&others));
            fold(&mut sums, &others, i64::wrapping_add);
            if let [_, _, low, high] = &mut sums[..] {
                *low = (squares as u64).cast_signed();
                *high = ((squares >> 64) as u64).cast_signed();
            }
        }
        agg::LQUANTIZE | agg::LLQUANTIZE => {
            let parameters = sums.first().copied();
            fold(&mut sums, &others, i64::wrapping_add);
            if let (Some(first), Some(parameters)) = (sums.first_mut(), parameters) {
                *first = parameters;
            }
        }
        _ => fold(&mut sums, &others, i64::wrapping_add),
    }
    for (bytes, sum) in into.chunks_exact_mut(8).zip(sums) {
        bytes.copy_from_slice(sum.as_bytes());
    }
}

fn fold(sums: &mut [i64], others: &[i64], f: impl Fn(i64, i64) -> i64) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum = f(*sum, *other);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An aggregation with keys and a value of these sizes.
    pub(crate) fn description(variable: u32, keys: &[u32], kind: u32, size: u32) -> Rc<Description> {
        let mut offset = 8;
        let mut record = |action: u32, size: u32| {
            let record = RecDesc { action: action as u16, size, offset, ..RecDesc::zeroed() };
            offset += size.next_multiple_of(8);
            record
        };
        let keys: Vec<Key> = keys
            .iter()
            .map(|&size| Key {
                record: record(dtrace_abi::action::DIFEXPR, size),
                string: size > 8,
                ty: None,
            })
            .collect();
        let value = record(kind, size);
        Rc::new(Description { id: variable, variable, size: offset as usize, keys, value })
    }

    pub(crate) fn data(description: &Description, keys: &[&[u8]], value: &[i64]) -> Vec<u8> {
        let mut data = vec![0; description.size];
        for (key, bytes) in description.keys.iter().zip(keys) {
            data[key.record.offset as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        for (n, word) in value.iter().enumerate() {
            data[description.value.offset as usize + n * 8..][..8].copy_from_slice(&word.to_ne_bytes());
        }
        data
    }

    fn values(aggregates: &Aggregates, variable: u32) -> Vec<i64> {
        let entries = aggregates.sorted(Some(variable), Order::default());
        entries.iter().map(|e| i64::from_bytes(e.value()).unwrap()).collect()
    }

    #[test]
    fn equal_keys_of_one_aggregation_meet_and_others_stay_apart() {
        let (a, b) = (description(1, &[4], agg::COUNT, 8), description(2, &[4], agg::COUNT, 8));
        let mut all = Aggregates::default();
        for (d, key, n) in [(&a, 7u32, 5), (&a, 7, 6), (&a, 8, 1), (&b, 7, 100)] {
            all.add(d, &data(d, &[&key.to_ne_bytes()], &[n]));
        }
        assert_eq!(values(&all, 1), [1, 11]);
        assert_eq!(values(&all, 2), [100]);
    }

    #[test]
    fn each_kind_merges_in_its_way() {
        type Words = &'static [i64];
        let cases: [(u32, Words, Words, Words); 6] = [
            (agg::SUM, &[3], &[-5], &[-2]),
            (agg::MIN, &[3], &[2], &[2]),
            (agg::MAX, &[3], &[2], &[3]),
            (agg::AVG, &[3, 10], &[2, 21], &[5, 31]),
            (agg::STDDEV, &[1, 2, -1, 0], &[1, 2, 1, 0], &[2, 4, 0, 1]),
            (agg::LQUANTIZE, &[77, 1, 2], &[77, 3, 4], &[77, 4, 6]),
        ];
        for (kind, first, second, want) in cases {
            let d = description(1, &[], kind, first.len() as u32 * 8);
            let mut all = Aggregates::default();
            all.add(&d, &data(&d, &[], first));
            all.add(&d, &data(&d, &[], second));
            let got = super::super::distribution::words(all.sorted(None, Order::default())[0].value());
            assert_eq!(got, want, "{kind:x}");
        }
    }

    #[test]
    fn clear_keeps_the_keys_and_trunc_the_ends() {
        let d = description(1, &[4], agg::COUNT, 8);
        let mut all = Aggregates::default();
        for (key, n) in [(1u32, 10), (2, 20), (3, 30), (4, 40)] {
            all.add(&d, &data(&d, &[&key.to_ne_bytes()], &[n]));
        }
        all.truncate(1, 3);
        assert_eq!(values(&all, 1), [20, 30, 40]);
        all.truncate(1, -2);
        assert_eq!(values(&all, 1), [20, 30]);
        all.clear(1);
        assert_eq!(values(&all, 1), [0, 0]);
        all.add(&d, &data(&d, &[&2u32.to_ne_bytes()], &[5]));
        assert_eq!(values(&all, 1), [0, 5]);
        all.truncate(1, 0);
        assert!(values(&all, 1).is_empty());
    }

    #[test]
    fn what_was_cleared_is_no_smallest_or_greatest_value() {
        for (kind, before, after) in [(agg::MIN, [3, 4], [7, 6]), (agg::MAX, [-3, -4], [-7, -6])] {
            let d = description(1, &[], kind, 8);
            let mut all = Aggregates::default();
            let add = |all: &mut Aggregates, cpu, n| all.add_from(Some((cpu, 2)), &d, &data(&d, &[], &[n]));
            before.into_iter().enumerate().for_each(|(cpu, n)| assert_eq!(add(&mut all, cpu, n), cpu == 0));
            all.clear(1);
            assert_eq!(values(&all, 1), [0]);
            add(&mut all, 0, after[0]);
            assert_eq!(values(&all, 1), [after[0]]);
            add(&mut all, 1, after[1]);
            assert_eq!(values(&all, 1), [after[1]]);
            let apart: Vec<_> = all.all()[0].per_cpu.iter().map(|v| i64::from_bytes(v).unwrap()).collect();
            assert_eq!(apart, after);
        }
    }

    #[test]
    fn clear_keeps_the_parameters_of_a_distribution() {
        let mut d = Description::clone(&description(1, &[], agg::LQUANTIZE, 24));
        d.value.arg = 99;
        let d = Rc::new(d);
        let mut all = Aggregates::default();
        all.add(&d, &data(&d, &[], &[99, 1, 2]));
        all.clear(1);
        let words = super::super::distribution::words(all.sorted(None, Order::default())[0].value());
        assert_eq!(words, [99, 0, 0]);
    }

    #[test]
    fn what_the_program_has_printed_is_not_printed_again() {
        let d = description(1, &[], agg::COUNT, 8);
        let mut all = Aggregates::default();
        all.add(&d, &data(&d, &[], &[1]));
        all.mark_printed(1);
        assert!(all.sorted(None, Order::default()).is_empty());
        assert_eq!(all.sorted(Some(1), Order::default()).len(), 1);
    }

    #[test]
    fn joined_aggregations_are_empty_where_they_have_no_key() {
        let (a, b) = (description(1, &[4], agg::COUNT, 8), description(2, &[4], agg::SUM, 8));
        let mut all = Aggregates::default();
        all.add(&a, &data(&a, &[&7u32.to_ne_bytes()], &[5]));
        all.add(&b, &data(&b, &[&9u32.to_ne_bytes()], &[33]));
        let rows = all.joined(&[1, 2], Order::default(), &mut |_| None);
        let shown: Vec<Vec<i64>> = rows
            .iter()
            .map(|row| row.iter().map(|e| i64::from_bytes(e.value()).unwrap()).collect())
            .collect();
        assert_eq!(shown, [[0, 33], [5, 0]]);
        assert!(all.joined(&[5], Order::default(), &mut |_| None).is_empty());
        assert_eq!(all.joined(&[1, 5], Order::default(), &mut |_| None)[0].len(), 2);
    }
}
