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

/// Prints the picture of an aggregation of this kind. The counts are divided by `normal`.
pub fn print(out: &mut dyn Write, kind: u32, data: &[u8], normal: i64) -> io::Result<()> {
    let words = words(data);
    match kind {
        agg::QUANTIZE => quantize(out, &words, normal),
        agg::LQUANTIZE => lquantize(out, &words, normal),
        _ => llquantize(out, &words, normal),
    }
}

/// Buckets with their labels.
struct Picture<'a> {
    counts: &'a [i64],
    normal: i64,
    /// The sum of the counts without their signs.
    total: f64,
    positive: bool,
    negative: bool,
}

impl<'a> Picture<'a> {
    fn new(counts: &'a [i64], normal: i64) -> Self {
        Self {
            counts,
            normal: if normal == 0 { 1 } else { normal },
            total: counts.iter().map(|&c| (c as f64).abs()).sum(),
            positive: counts.iter().any(|&c| c > 0),
            negative: counts.iter().any(|&c| c < 0),
        }
    }

    /// The first bucket to show and the last: those that count and one more on either side, or `empty`.
    fn range(&self, empty: (usize, usize)) -> (usize, usize) {
        let first = self.counts.iter().position(|&c| c != 0);
        let last = self.counts.iter().rposition(|&c| c != 0);
        match (first, last) {
            (Some(first), Some(last)) => (first.saturating_sub(1), (last + 1).min(self.counts.len() - 1)),
            _ => empty,
        }
    }

    fn print(
        &self,
        out: &mut dyn Write,
        rows: (usize, usize),
        label: impl Fn(usize) -> String,
    ) -> io::Result<()> {
        write!(out, "\n{:>16} {:>41} {:<9}\n", "value", "------------- Distribution -------------", "count")?;
        for bucket in rows.0..=rows.1.min(self.counts.len().saturating_sub(1)) {
            let count = self.counts[bucket];
            writeln!(out, "{:>16} {} {:<9}", label(bucket), self.bar(count), count / self.normal)?;
        }
        Ok(())
    }

    fn bar(&self, count: i64) -> String {
        let columns = if self.positive && self.negative { BAR / 2 } else { BAR };
        let share = if self.total > 0.0 { (count as f64).abs() * columns as f64 / self.total } else { 0.0 };
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

fn quantize(out: &mut dyn Write, words: &[i64], normal: i64) -> io::Result<()> {
    let picture = Picture::new(&words[..words.len().min(QUANTIZE_NBUCKETS)], normal);
    let rows = picture.range((QUANTIZE_ZEROBUCKET - 1, QUANTIZE_ZEROBUCKET + 1));
    picture.print(out, rows, |bucket| quantize_value(bucket).to_string())
}

fn lquantize(out: &mut dyn Write, words: &[i64], normal: i64) -> io::Result<()> {
    let Some((&first, counts)) = words.split_first() else { return Ok(()) };
    let arg = LquantizeArg::unpack(first.cast_unsigned());
    let (base, step) = (i64::from(arg.base), i64::from(arg.step));
    let last = counts.len().saturating_sub(1);
    let picture = Picture::new(counts, normal);
    picture.print(out, picture.range((0, 2)), |bucket| match bucket {
        0 => format!("< {base}"),
        _ if bucket == last => format!(">= {}", base + (last as i64 - 1) * step),
        _ => (base + (bucket as i64 - 1) * step).to_string(),
    })
}

fn llquantize(out: &mut dyn Write, words: &[i64], normal: i64) -> io::Result<()> {
    let Some((&first, counts)) = words.split_first() else { return Ok(()) };
    let starts = llquantize_starts(LlquantizeArg::unpack(first.cast_unsigned()));
    let last = starts.len();
    let picture = Picture::new(&counts[..counts.len().min(last + 1)], normal);
    let label = |bucket: usize| match bucket {
        0 => format!("< {}", starts.first().copied().unwrap_or(0)),
        _ if bucket == last => format!(">= {}", starts[bucket - 1]),
        _ => starts.get(bucket - 1).map_or(String::new(), ToString::to_string),
    };
    picture.print(out, picture.range((0, 1)), label)
}

/// Where the buckets of an `llquantize` begin, the one below them all apart; the last has no end.
///
/// Each magnitude from `factor^low` to `factor^(high + 1)` is cut into steps of a `nsteps`th part of its end, or of one
/// where that part is no whole number.
pub fn llquantize_starts(arg: LlquantizeArg) -> Vec<i64> {
    let mut starts = Vec::new();
    let factor = i64::from(arg.factor);
    let Some(mut this) = factor.checked_pow(u32::from(arg.low)) else { return starts };
    for _ in arg.low..=arg.high {
        let Some(next) = this.checked_mul(factor) else { break };
        let nsteps = i64::from(arg.nsteps).max(1);
        let step = if next > nsteps { next / nsteps } else { 1 };
        let mut value = this;
        // A malformed argument must not take the machine's memory.
        while value < next && starts.len() < 1 << 16 {
            starts.push(value);
            value = value.saturating_add(step);
        }
        this = next;
    }
    starts.push(this);
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(kind: u32, words: &[i64], normal: i64) -> String {
        let data: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let mut out = Vec::new();
        print(&mut out, kind, &data, normal).unwrap();
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
    fn nonsense_prints_something_and_ends() {
        picture(agg::LLQUANTIZE, &[-1, 5], 1);
        picture(agg::LQUANTIZE, &[], 1);
        picture(agg::QUANTIZE, &[], 0);
    }
}
