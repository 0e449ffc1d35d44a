//! Aggregations as rows: the keys, then the value.

use std::io::{self, Write};

use dtrace_abi::{action, option};

use super::aggregate::{Entry, Key};
use super::bytes::{self, KEY_WIDTH, Style};
use super::output::{Output, Piece};
use super::value::scalar;
use super::{Context, distribution, histogram, stack};
use crate::error::Result;
use crate::options::consumer;

/// Prints the entries of aggregations, those of each behind each other.
pub(super) fn entries(out: &mut Output, entries: &[Entry], context: &Context<'_>) -> Result<()> {
    for group in entries.chunk_by(|a, b| a.description.variable == b.description.variable) {
        let group: Vec<&Entry> = group.iter().collect();
        if !histogram::print(out, &group, context)? {
            group.iter().try_for_each(|entry| row(out, &[entry], context))?;
        }
    }
    Ok(())
}

/// Prints the entries of one key side by side.
pub(super) fn row(out: &mut Output, entries: &[&Entry], context: &Context<'_>) -> Result<()> {
    let Some(first) = entries.first() else { return Ok(()) };
    for part in &first.description.keys {
        key(out, part, first.key(part), context)?;
        out.mark(Piece::Key(first, part))?;
    }
    for entry in entries {
        value(out, entry, context)?;
        out.mark(Piece::Value(entry))?;
    }
    out.write_all(b"\n")?;
    out.mark(Piece::Last(first))
}

fn key(out: &mut dyn Write, key: &Key, data: &[u8], context: &Context<'_>) -> Result<()> {
    let kind = u32::from(key.record.action);
    let indent = indent(context);
    match kind {
        action::STACK => stack::kernel(out, data, indent, context.symbols)?,
        action::USTACK | action::JSTACK => stack::user(out, data, key.record.arg, indent, context.symbols)?,
        action::SYM | action::MOD | action::USYM | action::UMOD | action::UADDR => {
            write!(out, "  {:<KEY_WIDTH$}", stack::place(kind, data, context.symbols))?;
        }
        _ => {
            let raw = context.options.is_on(option::RAWBYTES);
            bytes::value(out, data, key.string, Style { quiet: false, raw, width: KEY_WIDTH })?;
        }
    }
    Ok(())
}

/// The columns before a frame of a stack.
pub(super) fn indent(context: &Context<'_>) -> usize {
    let set = context.options.get(option::STACKINDENT);
    set.and_then(|n| usize::try_from(n).ok()).map_or(stack::INDENT, |n| n.min(stack::MOST_INDENT))
}

fn value(out: &mut dyn Write, entry: &Entry, context: &Context<'_>) -> io::Result<()> {
    let kind = entry.description.kind();
    if histogram::is_distribution(kind) {
        let zoom = context.options.is_on(consumer::AGGZOOM);
        return distribution::print(out, kind, entry.value(), entry.normal, zoom);
    }
    write!(out, " {:>16}", scalar(kind, entry.value(), entry.normal))
}
