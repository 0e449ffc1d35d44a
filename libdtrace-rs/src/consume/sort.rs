//! The order in which aggregations are printed: by value and then by key, or by key (contract 6.3, `aggsort*`).
//!
//! Numbers in keys are compared without their signs, as the original does. Distributions are compared by the sum of what
//! they counted, each count at its bucket's value.

use std::cmp::Ordering;

use dtrace_abi::agg::{self, LlquantizeArg, LquantizeArg, quantize_value};
use dtrace_abi::{Plain, action};

use super::aggregate::Entry;
use super::distribution::{llquantize_starts, words};
use super::value::{average, deviation};

/// How to sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// By key and not by value.
    pub by_key: bool,
    /// From the greatest to the smallest.
    pub reverse: bool,
    /// Which part of the key comes first.
    pub key_position: usize,
    /// Which of joined aggregations comes first.
    pub position: usize,
    /// All aggregations as if they were one: their numbers decide last, not first.
    pub mixed: bool,
}

/// Compares two entries: aggregations in the order of their numbers, then as `order` says.
pub fn compare(a: &Entry, b: &Entry, order: Order) -> Ordering {
    let variables = a.description.variable.cmp(&b.description.variable);
    let rest = || {
        if order.by_key {
            keys(a, b, order.key_position)
        } else {
            values(a, b).then_with(|| keys(a, b, order.key_position))
        }
    };
    let ordering = if order.mixed { rest().then(variables) } else { variables.then_with(rest) };
    directed(ordering, order)
}

/// Compares two rows of joined aggregations.
pub fn compare_rows(a: &[Entry], b: &[Entry], order: Order) -> Ordering {
    let by_keys = || match (a.first(), b.first()) {
        (Some(a), Some(b)) => keys(a, b, order.key_position),
        _ => Ordering::Equal,
    };
    let by_values = || {
        let count = a.len().min(b.len());
        (0..count)
            .map(|n| (n + order.position) % count)
            .map(|n| values(&a[n], &b[n]))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    directed(if order.by_key { by_keys() } else { by_values().then_with(by_keys) }, order)
}

fn directed(ordering: Ordering, order: Order) -> Ordering {
    if order.reverse { ordering.reverse() } else { ordering }
}

fn keys(a: &Entry, b: &Entry, position: usize) -> Ordering {
    let count = a.description.keys.len().min(b.description.keys.len());
    (0..count)
        .map(|n| (n + position) % count)
        .map(|n| {
            let (left, right) = (&a.description.keys[n], &b.description.keys[n]);
            key(u32::from(left.record.action), left.string, a.key(left), b.key(right))
        })
        .find(|o| o.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn key(kind: u32, string: bool, a: &[u8], b: &[u8]) -> Ordering {
    let natural = |bytes: &[u8]| match bytes.len() {
        1 => Some(u64::from(bytes[0])),
        2 => u16::from_bytes(bytes).map(u64::from),
        4 => u32::from_bytes(bytes).map(u64::from),
        8 => u64::from_bytes(bytes),
        _ => None,
    };
    match kind {
        action::STACK | action::USTACK | action::JSTACK | action::USYM | action::UMOD | action::UADDR => {
            let unsigned = |bytes| words(bytes).into_iter().map(i64::cast_unsigned);
            unsigned(a).cmp(unsigned(b))
        }
        _ if string => text(a).cmp(text(b)),
        _ => match (natural(a), natural(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.cmp(b),
        },
    }
}

fn text(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len())]
}

fn values(a: &Entry, b: &Entry) -> Ordering {
    let weight = |entry: &Entry| weight(entry.description.kind(), &words(entry.value()));
    let (left, right) = (weight(a), weight(b));
    left.cmp(&right)
}

/// What a value counts in a comparison.
fn weight(kind: u32, words: &[i64]) -> i128 {
    let first = || i128::from(words.first().copied().unwrap_or(0));
    match kind {
        agg::AVG => {
            // Means are compared before their fractions are cut off.
            let (count, sum) = (first(), i128::from(words.get(1).copied().unwrap_or(0)));
            if count == 0 { 0 } else { (sum << 32) / count }
        }
        agg::STDDEV => i128::from(deviation(words, 1)) << 32 | i128::from(average(words, 1).min(0)),
        agg::QUANTIZE => {
            // Zeros weigh nothing, but more of them are more than fewer.
            let zeros = words.get(agg::QUANTIZE_ZEROBUCKET).copied().unwrap_or(0);
            let sum = total(words, |bucket| quantize_value(bucket.min(agg::QUANTIZE_NBUCKETS - 1)));
            sum.saturating_mul(1 << 16) + i128::from(zeros.clamp(-0x7fff, 0x7fff))
        }
        agg::LQUANTIZE => {
            let arg = LquantizeArg::unpack(words.first().copied().unwrap_or(0).cast_unsigned());
            let (base, step) = (i64::from(arg.base), i64::from(arg.step));
            total(words.get(1..).unwrap_or(&[]), |bucket| match bucket {
                0 => base - 1,
                _ => base + (bucket as i64 - 1) * step,
            })
        }
        agg::LLQUANTIZE => {
            let arg = LlquantizeArg::unpack(words.first().copied().unwrap_or(0).cast_unsigned());
            let starts = llquantize_starts(arg);
            total(words.get(1..).unwrap_or(&[]), |bucket| match bucket {
                0 => starts.first().map_or(0, |s| s - 1),
                _ => starts.get(bucket - 1).or(starts.last()).copied().unwrap_or(0),
            })
        }
        _ => first(),
    }
}

fn total(counts: &[i64], value: impl Fn(usize) -> i64) -> i128 {
    counts.iter().enumerate().map(|(bucket, &count)| i128::from(value(bucket)) * i128::from(count)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::Aggregates;
    use super::super::aggregate::tests::{data, description};
    use super::*;

    fn keys_in(order: Order) -> Vec<(String, i32)> {
        let d = description(1, &[16, 4], agg::COUNT, 8);
        let mut all = Aggregates::default();
        for (name, n, count) in [("z", -5i32, 2), ("a", 5, 2), ("a", -5, 2), ("m", 5, 1)] {
            all.add(&d, &data(&d, &[name.as_bytes(), &n.to_ne_bytes()], &[count]));
        }
        let entries = all.sorted(Some(1), order);
        let name = |e: &Entry| String::from_utf8_lossy(text(e.key(&d.keys[0]))).into_owned();
        entries.iter().map(|e| (name(e), i32::from_bytes(e.key(&d.keys[1])).unwrap())).collect()
    }

    fn pairs(of: &[(&str, i32)]) -> Vec<(String, i32)> {
        of.iter().map(|(s, n)| ((*s).to_string(), *n)).collect()
    }

    #[test]
    fn values_come_first_and_keys_decide_between_equal_ones() {
        let order = Order::default();
        assert_eq!(keys_in(order), pairs(&[("m", 5), ("a", 5), ("a", -5), ("z", -5)]));
        let reverse = Order { reverse: true, ..order };
        assert_eq!(keys_in(reverse), pairs(&[("z", -5), ("a", -5), ("a", 5), ("m", 5)]));
    }

    #[test]
    fn keys_can_come_first_from_any_position() {
        let by_key = Order { by_key: true, ..Order::default() };
        assert_eq!(keys_in(by_key), pairs(&[("a", 5), ("a", -5), ("m", 5), ("z", -5)]));
        let second = Order { key_position: 1, ..by_key };
        assert_eq!(keys_in(second), pairs(&[("a", 5), ("m", 5), ("a", -5), ("z", -5)]));
    }

    #[test]
    fn distributions_are_weighed_by_their_buckets() {
        let mut words = [0; agg::QUANTIZE_NBUCKETS];
        words[66] = 2;
        words[67] = -1;
        assert_eq!(weight(agg::QUANTIZE, &words), 0);
        words[agg::QUANTIZE_ZEROBUCKET] = 3;
        assert!(weight(agg::QUANTIZE, &words) > 0);
        let arg = LquantizeArg { base: 0, step: 1, levels: 10 }.pack().cast_signed();
        assert_eq!(weight(agg::LQUANTIZE, &[arg, 100, 0, 0, 2]), -96);
        assert!(weight(agg::AVG, &[2, 5]) > weight(agg::AVG, &[2, 4]));
    }
}
