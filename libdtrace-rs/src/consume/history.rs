//! How distributions grow: what each look at the aggregations has found to be new, for pictures over time.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::aggregate::Entry;
use super::distribution::{Buckets, words};

/// The most looks that are kept: a day of one a second.
const MOST: usize = 86_400;

/// The distributions since the beginning of tracing.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    times: Vec<Duration>,
    series: BTreeMap<Vec<u8>, Series>,
}

/// One key of an aggregation.
#[derive(Clone, Debug)]
pub struct Series {
    /// The entry as it was seen last.
    pub entry: Entry,
    /// What was counted anew, in the buckets, by the number of the look.
    pub looks: Vec<(usize, Vec<i64>)>,
    /// What was known at the last look.
    known: Vec<i64>,
}

impl Default for History {
    fn default() -> Self {
        Self { begun: Instant::now(), times: Vec::new(), series: BTreeMap::new() }
    }
}

impl History {
    /// Looks at all distributions.
    pub(super) fn look(&mut self, entries: &[Entry]) {
        // What comes after the last one that is kept is added to it.
        if self.times.len() < MOST {
            self.times.push(self.begun.elapsed());
        }
        let now = self.times.len() - 1;
        for entry in entries {
            let words = words(entry.value());
            let Some(buckets) = Buckets::new(entry.description.kind(), &words) else { continue };
            let key = identity(entry);
            let series = self.series.entry(key).or_insert_with(|| Series {
                entry: entry.clone(),
                looks: Vec::new(),
                known: Vec::new(),
            });
            let known = |bucket: usize| series.known.get(bucket).copied().unwrap_or(0);
            let counts: Vec<i64> = buckets
                .counts
                .iter()
                .enumerate()
                .map(|(bucket, &count)| count.wrapping_sub(known(bucket)))
                .collect();
            series.known = buckets.counts.to_vec();
            match series.looks.last_mut() {
                Some((look, sums)) if *look == now => {
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum = sum.wrapping_add(count));
                }
                _ if counts.iter().any(|&count| count != 0) => series.looks.push((now, counts)),
                _ => {}
            }
        }
    }

    /// An aggregation begins again from nothing, as far as it is not among these entries with what it has.
    pub(super) fn forget(&mut self, variable: u32, entries: &[Entry]) {
        let kept: HashMap<Vec<u8>, &Entry> = entries.iter().map(|entry| (identity(entry), entry)).collect();
        for series in self.series.values_mut().filter(|s| s.entry.description.variable == variable) {
            let words =
                kept.get(&identity(&series.entry)).map(|entry| words(entry.value())).unwrap_or_default();
            let buckets = Buckets::new(series.entry.description.kind(), &words);
            series.known = buckets.map(|buckets| buckets.counts.to_vec()).unwrap_or_default();
        }
    }

    /// When the looks were, from the beginning of tracing.
    pub fn times(&self) -> &[Duration] {
        &self.times
    }

    /// Every key of every distribution, in order.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }
}

/// What tells an entry from all others: the aggregation and the key.
fn identity(entry: &Entry) -> Vec<u8> {
    let mut key = entry.description.variable.to_be_bytes().to_vec();
    entry.description.keys.iter().for_each(|part| key.extend_from_slice(entry.key(part)));
    key
}

#[cfg(test)]
mod tests {
    use dtrace_abi::agg::{self, QUANTIZE_NBUCKETS};

    use super::super::aggregate::Aggregates;
    use super::super::aggregate::tests::{data, description};
    use super::*;

    #[test]
    fn a_look_finds_what_is_new_and_clear_begins_again() {
        let d = description(1, &[4], agg::QUANTIZE, QUANTIZE_NBUCKETS as u32 * 8);
        let mut all = Aggregates::default();
        let add = |all: &mut Aggregates, count| {
            let mut words = [0; QUANTIZE_NBUCKETS];
            words[70] = count;
            all.add(&d, &data(&d, &[&7u32.to_ne_bytes()], &words));
        };
        let mut history = History::default();
        add(&mut all, 5);
        history.look(all.all());
        add(&mut all, 2);
        history.look(all.all());
        all.clear(1);
        history.forget(1, all.all());
        // More than there was before: without forgetting this would be three.
        add(&mut all, 10);
        history.look(all.all());
        let found: Vec<i64> = history.series().next().unwrap().looks.iter().map(|(_, c)| c[70]).collect();
        assert_eq!(found, [5, 2, 10]);
    }
}
