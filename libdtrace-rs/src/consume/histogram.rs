//! Aggregations as pictures in which each entry is one row: `agghist` and `aggpack`.
//!
//! Both need all entries of an aggregation before the first row can be printed, because keys stand in a column and bars
//! are measured by each other. Entries that do not fit a row (a stack as a key) are printed in the ordinary way.
//!
//! With `agghist` a number has a bar beside it, drawn as those of distributions are. With `aggpack` a distribution is a
//! row of blocks, one for each bucket; all rows begin and end with the same bucket, so that they can be compared. The
//! height of a block is the bucket's share of its own row. A bucket that counts anything has a block that can be seen.

use std::io::Write;

use dtrace_abi::{action, agg, option};

use super::aggregate::Entry;
use super::bytes::{self, Style};
use super::distribution::{self, Bars, Buckets, LABEL};
use super::output::{Output, Piece};
use super::value::scalar;
use super::{Context, stack};
use crate::error::Result;
use crate::options::{Options, consumer};

/// Blocks by their height, from nothing on.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same without Unicode: the more ink, the higher.
const INK: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// Prints the entries of one aggregation in rows, if the options ask for it and the entries can be shown so. Says whether
/// it did.
pub(super) fn print(out: &mut Output, entries: &[&Entry], context: &Context<'_>) -> Result<bool> {
    let Some(first) = entries.first() else { return Ok(false) };
    let kind = first.description.kind();
    let wanted = if is_distribution(kind) { consumer::AGGPACK } else { consumer::AGGHIST };
    if !context.options.is_on(wanted) {
        return Ok(false);
    }
    let keys: Option<Vec<String>> = entries.iter().map(|entry| key(entry, context)).collect();
    let Some(keys) = keys else { return Ok(false) };
    if is_distribution(kind) {
        packed(out, entries, &keys, context)
    } else {
        bars(out, entries, &keys, context)
    }
}

/// Whether the values of an aggregation of this kind have buckets.
pub(super) fn is_distribution(kind: u32) -> bool {
    matches!(kind, agg::QUANTIZE | agg::LQUANTIZE | agg::LLQUANTIZE)
}

/// The key of an entry in one line; none if it has more.
fn key(entry: &Entry, context: &Context<'_>) -> Option<String> {
    let mut words = Vec::new();
    for part in &entry.description.keys {
        let data = entry.key(part);
        let kind = u32::from(part.record.action);
        words.push(match kind {
            action::STACK | action::USTACK | action::JSTACK => return None,
            action::SYM | action::MOD | action::USYM | action::UMOD | action::UADDR => {
                stack::place(kind, data, context.symbols)
            }
            _ => {
                let raw = context.options.is_on(option::RAWBYTES);
                let mut text = Vec::new();
                bytes::value(&mut text, data, part.string, Style { quiet: true, raw, width: 0 }).ok()?;
                Some(String::from_utf8_lossy(&text).into_owned()).filter(|text| !text.contains('\n'))?
            }
        });
    }
    Some(words.join(" "))
}

/// Columns for keys.
fn columns(keys: &[String], least: usize) -> usize {
    keys.iter().map(|key| key.chars().count()).max().unwrap_or(0).max(least)
}

fn bars(out: &mut Output, entries: &[&Entry], keys: &[String], context: &Context<'_>) -> Result<bool> {
    let numbers: Vec<i64> =
        entries.iter().map(|e| scalar(e.description.kind(), e.value(), e.normal)).collect();
    let bars = Bars::new(numbers.iter().copied(), context.options.is_on(consumer::AGGZOOM));
    let width = columns(keys, LABEL);
    distribution::heading(out, "key", width)?;
    for ((entry, key), &number) in entries.iter().zip(keys).zip(&numbers) {
        write!(out, "{key:>width$} ")?;
        mark_keys(out, entry)?;
        write!(out, "{} {number:<9}", bars.bar(number))?;
        out.mark(Piece::Value(entry))?;
        out.write_all(b"\n")?;
        out.mark(Piece::Last(entry))?;
    }
    Ok(true)
}

/// Says to who wants pieces that all parts of the key have been written.
fn mark_keys(out: &mut Output, entry: &Entry) -> Result<()> {
    entry.description.keys.iter().try_for_each(|part| out.mark(Piece::Key(entry, part)))
}

fn packed(out: &mut Output, entries: &[&Entry], keys: &[String], context: &Context<'_>) -> Result<bool> {
    let words: Vec<Vec<i64>> = entries.iter().map(|entry| distribution::words(entry.value())).collect();
    let of = |(entry, words): (&&Entry, _)| Buckets::new(entry.description.kind(), words);
    let Some(all) = entries.iter().zip(&words).map(|(e, w)| of((e, w))).collect::<Option<Vec<Buckets<'_>>>>()
    else {
        return Ok(false);
    };
    // Entries whose buckets are not the same (an lquantize of a handle has one set of parameters) have no common row.
    if all.iter().any(|buckets| !buckets.is_like(&all[0])) {
        return Ok(false);
    }
    let first = all.iter().map(|b| b.range().0).min().unwrap_or(0);
    let last = all.iter().map(|b| b.range().1).max().unwrap_or(0).min(all[0].counts.len().saturating_sub(1));
    let (low, high) = (all[0].label(first), all[0].label(last));
    let (left, right) = (low.len().max("min".len()), high.len().max("max".len()));
    let width = columns(keys, if keys.iter().all(String::is_empty) { 0 } else { LABEL });
    let title = if width > 0 { "key" } else { "" };
    let line = "-".repeat((last + 1).saturating_sub(first));
    writeln!(out, "\n{title:>width$} {:>left$} .{line}. {:<right$} | count", "min", "max")?;
    for ((entry, key), buckets) in entries.iter().zip(keys).zip(&all) {
        write!(out, "{key:>width$} ")?;
        mark_keys(out, entry)?;
        let row = row(buckets, (first, last), entry.normal, context.options);
        write!(out, "{low:>left$} :{}: {high:<right$} | {}", row.0, row.1)?;
        out.mark(Piece::Value(entry))?;
        out.write_all(b"\n")?;
        out.mark(Piece::Last(entry))?;
    }
    Ok(true)
}

/// The blocks of a distribution, and what it counts in all.
fn row(
    buckets: &Buckets<'_>,
    (first, last): (usize, usize),
    normal: i64,
    options: &Options,
) -> (String, i64) {
    let bars = Bars::new(buckets.counts.iter().copied(), options.is_on(consumer::AGGZOOM));
    let inks = if is_utf8(options) { BLOCKS } else { INK };
    let counts = buckets.counts.get(first..=last).unwrap_or(&[]);
    let row = counts.iter().map(|&count| match (count, bars.share(count)) {
        (0, _) => inks[0],
        (_, share) => inks[((share * 8.0).round() as usize).clamp(1, 8)],
    });
    let total = buckets.counts.iter().fold(0i64, |sum, &count| sum.wrapping_add(count));
    (row.collect(), total.wrapping_div(if normal == 0 { 1 } else { normal }))
}

/// One distribution in a row of its own, as a conversion of `printa` shows it.
pub(super) fn single(
    out: &mut dyn Write,
    kind: u32,
    data: &[u8],
    normal: i64,
    options: &Options,
) -> Result<()> {
    let words = distribution::words(data);
    let Some(buckets) = Buckets::new(kind, &words) else { return Ok(()) };
    let (first, last) = buckets.range();
    let last = last.min(buckets.counts.len().saturating_sub(1));
    let (blocks, total) = row(&buckets, (first, last), normal, options);
    Ok(write!(out, "{} :{blocks}: {} | {total}", buckets.label(first), buckets.label(last))?)
}

/// Whether output may have more than ASCII: as the option says, or else as the locale does.
fn is_utf8(options: &Options) -> bool {
    match options.get(consumer::ENCODING) {
        Some(encoding) => encoding == consumer::UTF8,
        None => ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .is_some_and(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8")),
    }
}
