//! The pictures of `quantize`, `lquantize` and `llquantize`.
//!
//! A picture has a row for each bucket from the one before the first that counts to the one behind the last, a label, a bar
//! of forty columns and the count. Where all counts are positive bars grow from the left; where all are negative from
//! the right; where there are both, from the middle. A bar is the bucket's share of all counts, without their signs.

use std::io::{self, Write};

use dtrace_abi::Plain;
use dtrace_abi::agg::{
    self, LlquantizeArg, LquantizeArg, QUANTIZE_NBUCKETS, QUANTIZE_ZEROBUCKET, quantize_value,
};

/// Columns of a bar.
const BAR: usize = 40;

/// The words of a value.
pub fn words(data: &[u8]) -> Vec<i64> {
    data.chunks_exact(8).filter_map(i64::from_bytes).collect()
}

/// Prints the picture of an aggregation of this kind. The counts are divided by `normal`; with `zoom` the longest bar is as
/// long as a bar can be.
pub fn print(out: &mut dyn Write, kind: u32, data: &[u8], normal: i64, zoom: bool) -> io::Result<()> {
    let words = words(data);
    let Some(buckets) = Buckets::new(kind, &words) else { return Ok(()) };
    let bars = Bars::new(buckets.counts.iter().copied(), zoom);
    let normal = if normal == 0 { 1 } else { normal };
    heading(out, "value", LABEL)?;
    let (first, last) = buckets.range();
    for bucket in first..=last.min(buckets.counts.len().saturating_sub(1)) {
        let count = buckets.counts[bucket];
        let (label, bar) = (buckets.label(bucket), bars.bar(count));
        writeln!(out, "{label:>LABEL$} {bar} {:<9}", count.wrapping_div(normal))?;
    }
    Ok(())
}

/// Columns of the label of a bar.
pub(super) const LABEL: usize = 16;

/// The heading of a picture with labels of so many columns.
pub(super) fn heading(out: &mut dyn Write, label: &str, columns: usize) -> io::Result<()> {
    write!(out, "\n{label:>columns$} {:>41} {:<9}\n", "------------- Distribution -------------", "count")
}

/// The buckets of a distribution, each with its count and where it begins.
#[derive(Debug)]
pub struct Buckets<'a> {
    /// What was counted.
    pub counts: &'a [i64],
    starts: Starts,
}

/// Where buckets begin.
#[derive(Debug, PartialEq, Eq)]
enum Starts {
    /// At powers of two and their negatives.
    Powers,
    /// The second one here, each of the others this much later.
    Steps(i64, i64),
    /// The second and the ones behind it.
    List(Vec<i64>),
}

impl<'a> Buckets<'a> {
    /// The buckets in the words of a value of this kind; none in a value that is malformed, or of another kind.
    pub fn new(kind: u32, words: &'a [i64]) -> Option<Self> {
        if kind == agg::QUANTIZE {
            let counts = &words[..words.len().min(QUANTIZE_NBUCKETS)];
            return Some(Self { counts, starts: Starts::Powers });
        }
        let (&first, counts) = words.split_first()?;
        let parameters = first.cast_unsigned();
        match kind {
            agg::LQUANTIZE => {
                let arg = LquantizeArg::unpack(parameters);
                let starts = Starts::Steps(i64::from(arg.base), i64::from(arg.step));
                Some(Self { counts, starts })
            }
            agg::LLQUANTIZE => {
                let starts = llquantize_starts(LlquantizeArg::unpack(parameters));
                let counts = &counts[..counts.len().min(starts.len() + 1)];
                Some(Self { counts, starts: Starts::List(starts) })
            }
            _ => None,
        }
    }

    /// Where a bucket begins; none for the one that has everything below.
    pub fn start(&self, bucket: usize) -> Option<i64> {
        match &self.starts {
            Starts::Powers => Some(quantize_value(bucket.min(QUANTIZE_NBUCKETS - 1))),
            Starts::Steps(base, step) => {
                Some(base + (i64::try_from(bucket).ok()? - 1) * step).filter(|_| bucket > 0)
            }
            Starts::List(starts) => starts.get(bucket.checked_sub(1)?).copied(),
        }
    }

    /// Whether a bucket has everything from its beginning on.
    pub fn is_open(&self, bucket: usize) -> bool {
        match &self.starts {
            Starts::Powers => false,
            Starts::Steps(..) => bucket + 1 == self.counts.len(),
            Starts::List(starts) => bucket == starts.len(),
        }
    }

    /// The least and the greatest value that a bucket counts, as far as there are any.
    pub fn bounds(&self, bucket: usize) -> (Option<i64>, Option<i64>) {
        let start = self.start(bucket);
        match (&self.starts, start) {
            // What stands beside a bucket of negative powers is the value next to zero.
            (Starts::Powers, Some(start @ ..0)) => {
                (Some(start.saturating_mul(2).saturating_add(1)), Some(start))
            }
            (Starts::Powers, Some(0)) => (Some(0), Some(0)),
            (Starts::Powers, Some(start)) => (Some(start), Some((start - 1).saturating_add(start))),
            _ if self.is_open(bucket) => (start, None),
            _ => (start, self.start(bucket + 1).map(|next| next - 1)),
        }
    }

    /// What stands beside a bucket.
    pub fn label(&self, bucket: usize) -> String {
        match self.start(bucket) {
            Some(start) if self.is_open(bucket) => format!(">= {start}"),
            Some(start) => start.to_string(),
            None => match (&self.starts, self.start(1)) {
                (Starts::Steps(base, _), _) => format!("< {base}"),
                (_, first) => format!("< {}", first.unwrap_or(0)),
            },
        }
    }

    /// The first bucket to show and the last: those that count and one more on either side; the middle of an empty one.
    pub fn range(&self) -> (usize, usize) {
        let first = self.counts.iter().position(|&c| c != 0);
        let last = self.counts.iter().rposition(|&c| c != 0);
        match (first, last, &self.starts) {
            (Some(first), Some(last), _) => (first.saturating_sub(1), (last + 1).min(self.counts.len() - 1)),
            (_, _, Starts::Powers) => (QUANTIZE_ZEROBUCKET - 1, QUANTIZE_ZEROBUCKET + 1),
            (_, _, Starts::Steps(..)) => (0, 2),
            (_, _, Starts::List(_)) => (0, 1),
        }
    }

    /// Whether the buckets of another distribution begin where these do.
    pub fn is_like(&self, other: &Buckets<'_>) -> bool {
        self.starts == other.starts && self.counts.len() == other.counts.len()
    }
}

/// How long bars are: each has its share of what all of them count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bars {
    /// What a whole bar counts.
    whole: f64,
    positive: bool,
    negative: bool,
}

impl Bars {
    /// Bars for these counts. With `zoom` the greatest has a whole bar, else all of them together.
    pub(super) fn new(counts: impl Iterator<Item = i64>, zoom: bool) -> Self {
        let mut bars = Self { whole: 0.0, positive: false, negative: false };
        for count in counts {
            let size = (count as f64).abs();
            bars.whole = if zoom { bars.whole.max(size) } else { bars.whole + size };
            bars.positive |= count > 0;
            bars.negative |= count < 0;
        }
        bars
    }

    /// The share of a count, from 0 to 1.
    pub(super) fn share(self, count: i64) -> f64 {
        if self.whole > 0.0 { (count as f64).abs() / self.whole } else { 0.0 }
    }

    /// The bar of a count.
    pub(super) fn bar(self, count: i64) -> String {
        let columns = if self.positive && self.negative { BAR / 2 } else { BAR };
        let share = if self.whole > 0.0 { (count as f64).abs() * columns as f64 / self.whole } else { 0.0 };
        let signs = "@".repeat((share + 0.5) as usize);
        let left = if count < 0 { signs.as_str() } else { "" };
        let right = if count > 0 { signs.as_str() } else { "" };
        match (self.positive, self.negative) {
            (true, true) => format!("{left:>columns$}|{right:<columns$}"),
            (false, true) => format!("{left:>columns$}|"),
            _ => format!("|{right:<columns$}"),
        }
    }
}

/// The most buckets of an `llquantize` that are shown: a malformed argument must not take the machine's memory.
const MOST: usize = 1 << 16;

/// Where the buckets of an `llquantize` begin, the one below them all apart; the last has no end.
///
/// What is greater than any value is shown as the greatest: no such bucket counts.
pub fn llquantize_starts(arg: LlquantizeArg) -> Vec<i64> {
    let label = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut starts = Vec::new();
    let Some(mut rest) = arg.magnitudes() else { return starts };
    while let Some((magnitude, others)) = rest.split_first() {
        let steps = 0..magnitude.steps_to(magnitude.upper);
        starts.extend(steps.map(|n| label(magnitude.lower + n * magnitude.step)).take(MOST - starts.len()));
        rest = others;
    }
    starts.push(label(rest.lowest()));
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(kind: u32, words: &[i64], normal: i64) -> String {
        let data: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let mut out = Vec::new();
        print(&mut out, kind, &data, normal, false).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn quantized(counts: &[(usize, i64)]) -> String {
        let mut words = [0; QUANTIZE_NBUCKETS];
        for &(bucket, count) in counts {
            words[bucket] = count;
        }
        picture(agg::QUANTIZE, &words, 1)
    }

    #[test]
    fn a_quantize_shows_one_bucket_more_on_either_side() {
        let want = "
           value  ------------- Distribution ------------- count    
               0 |                                         0        
               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 20       
               2 |                                         0        
";
        assert_eq!(quantized(&[(64, 20)]), want);
    }

    #[test]
    fn an_empty_quantize_shows_the_middle() {
        let rows = quantized(&[]);
        assert_eq!(rows.lines().count(), 5);
        assert!(rows.lines().nth(2).unwrap().starts_with("              -1 |   "));
    }

    #[test]
    fn negative_counts_grow_from_the_right_and_mixed_ones_from_the_middle() {
        let rows = quantized(&[(60, -10), (63, -2)]);
        let row = |n: usize| rows.lines().nth(n).unwrap().to_string();
        assert_eq!(row(3), "              -4        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| -10      ");
        assert_eq!(row(6), "               0                                  @@@@@@@| -2       ");
        let rows = quantized(&[(66, 2), (67, -1)]);
        let row = |n: usize| rows.lines().nth(n).unwrap().to_string();
        assert_eq!(row(3), "               4                     |@@@@@@@@@@@@@        2        ");
        assert_eq!(row(4), "               8              @@@@@@@|                     -1       ");
    }

    #[test]
    fn the_outermost_buckets_have_nothing_beyond_them() {
        let rows = quantized(&[(0, 1), (126, 1)]);
        assert_eq!(rows.lines().count(), 2 + QUANTIZE_NBUCKETS);
        assert!(rows.contains("-4611686018427387904 |@@@"));
    }

    #[test]
    fn an_lquantize_names_what_is_below_and_above() {
        let arg = LquantizeArg { base: 0, step: 2, levels: 5 }.pack().cast_signed();
        let rows = picture(agg::LQUANTIZE, &[arg, 1, 2, 3, 0, 0, 0, 4], 1);
        let rows: Vec<_> = rows.lines().collect();
        assert_eq!(rows[2], "             < 0 |@@@@                                     1        ");
        assert_eq!(rows[4], "               2 |@@@@@@@@@@@@                             3        ");
        assert_eq!(rows[8], "           >= 10 |@@@@@@@@@@@@@@@@                         4        ");
        let rows = picture(agg::LQUANTIZE, &[arg, 0, 100, 50, 0, 0, 0, 0], 10);
        assert!(rows.contains("               0 |@@@@@@@@@@@@@@@@@@@@@@@@@@@              10       "));
    }

    #[test]
    fn an_llquantize_steps_within_its_magnitudes() {
        let starts = llquantize_starts(LlquantizeArg { factor: 10, low: 0, high: 3, nsteps: 10 });
        assert_eq!(
            (starts.len(), starts[8], starts[9], starts[10], *starts.last().unwrap()),
            (37, 9, 10, 20, 10000)
        );
        let starts = llquantize_starts(LlquantizeArg { factor: 10, low: 0, high: 6, nsteps: 20 });
        assert_eq!(starts[8..13], [9, 10, 15, 20, 25]);
        let arg = LlquantizeArg { factor: 10, low: 0, high: 3, nsteps: 10 }.pack().cast_signed();
        let mut words = vec![arg];
        words.extend(1..=38);
        let rows = picture(agg::LLQUANTIZE, &words, 1);
        assert!(rows.contains("             < 1 |                                         1        \n"));
        assert!(rows.contains("        >= 10000 |@@                                       38       \n"));
    }

    #[test]
    fn the_last_magnitude_of_an_llquantize_reaches_beyond_the_greatest_value() {
        let starts = llquantize_starts(LlquantizeArg { factor: 10, low: 0, high: 18, nsteps: 10 });
        let e18 = 1_000_000_000_000_000_000;
        assert_eq!(starts[starts.len() - 3..], [8 * e18, 9 * e18, i64::MAX]);
        let starts = llquantize_starts(LlquantizeArg { factor: 2, low: 62, high: 62, nsteps: 2 });
        assert_eq!(starts, [1 << 62, i64::MAX]);
    }

    #[test]
    fn a_zoomed_picture_gives_its_longest_bar_all_columns() {
        let mut words = [0; QUANTIZE_NBUCKETS];
        (words[64], words[65]) = (20, 5);
        let data: Vec<u8> = words.iter().flat_map(|w: &i64| w.to_ne_bytes()).collect();
        let mut out = Vec::new();
        print(&mut out, agg::QUANTIZE, &data, 1, true).unwrap();
        let rows = String::from_utf8(out).unwrap();
        let bar = |n: usize| rows.lines().nth(n).unwrap().matches('@').count();
        assert_eq!((bar(3), bar(4)), (40, 10));
    }

    #[test]
    fn buckets_have_bounds() {
        let words = [0; QUANTIZE_NBUCKETS];
        let powers = Buckets::new(agg::QUANTIZE, &words).unwrap();
        assert_eq!(powers.bounds(QUANTIZE_ZEROBUCKET), (Some(0), Some(0)));
        assert_eq!(powers.bounds(QUANTIZE_ZEROBUCKET + 3), (Some(4), Some(7)));
        assert_eq!(powers.bounds(QUANTIZE_ZEROBUCKET - 3), (Some(-7), Some(-4)));
        let arg = LquantizeArg { base: 0, step: 5, levels: 2 }.pack().cast_signed();
        let words = [arg, 0, 0, 0, 0];
        let steps = Buckets::new(agg::LQUANTIZE, &words).unwrap();
        let bounds: Vec<_> = (0..4).map(|bucket| steps.bounds(bucket)).collect();
        assert_eq!(bounds, [(None, Some(-1)), (Some(0), Some(4)), (Some(5), Some(9)), (Some(10), None)]);
    }

    #[test]
    fn nonsense_prints_something_and_ends() {
        picture(agg::LLQUANTIZE, &[-1, 5], 1);
        picture(agg::LQUANTIZE, &[], 1);
        picture(agg::QUANTIZE, &[], 0);
    }
}
