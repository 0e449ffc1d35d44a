//! Output for machines: `-x oformat=json`.
//!
//! Each line of the output is a JSON object whose first member, `type`, says what it is about. docs/json.md describes them all; who
//! changes what is made here changes it there. What always holds: a line is complete when it is written, nothing else is
//! in the output (not even what `system()` prints), and what a program did (`clear()`, `freopen()` …) has been done when
//! its line is written.

mod record;
mod text;
mod value;

use std::io::Write;

use dtrace_abi::{action, agg, option};

use super::aggregate::Entry;
use super::drops::{DropKind, Dropped};
use super::fault::{self, Fault};
use super::flow::Flow;
use super::output::Output;
use super::walk::word;
use super::{Context, Firing, stack};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::program::ProbeDesc;

pub use text::Json;

/// The version of what is described in docs/json.md: it grows when a member changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// An object of this type.
pub fn line(kind: &str) -> Json {
    Json::object([("type", kind.into())])
}

fn probe(probe: &ProbeDesc) -> Json {
    let ProbeDesc { id, provider, module, function, name } = probe;
    Json::object([
        ("id", (*id).into()),
        ("provider", provider.as_str().into()),
        ("module", module.as_str().into()),
        ("function", function.as_str().into()),
        ("name", name.as_str().into()),
    ])
}

/// A firing with what it recorded.
pub(super) fn firing(options: &Options, firing: &Firing<'_>, records: Vec<Json>) -> Json {
    let enabled = firing.enabled;
    let mut shown = line("firing")
        .with("cpu", firing.cpu)
        .with("epid", enabled.epid)
        .with("probe", probe(&enabled.probe));
    if let Some(stamp) = enabled.stamp.and_then(|stamp| word(firing.data, &stamp)) {
        shown = shown.with("timestamp", stamp);
    }
    if options.is_on(option::FLOWINDENT) {
        let flow = match firing.step.flow {
            Flow::Entry => "entry",
            Flow::Return => "return",
            Flow::None => "none",
        };
        // Two columns a level.
        shown = shown.with("flow", flow).with("depth", firing.step.indent as u64 / 2);
    }
    shown.with("records", records)
}

/// A fault in a clause.
pub fn fault(fault: &Fault, message: &str) -> Json {
    line("fault")
        .with("message", message.trim_end())
        .with("cpu", fault.cpu)
        .with("epid", fault.epid)
        .with("probe", probe(&fault.probe))
        .with("action", fault.action)
        .with("offset", fault.offset)
        .with("fault", fault::words(fault.fault))
        .with("address", fault.address)
}

/// A loss.
pub fn dropped(dropped: &Dropped) -> Json {
    let kind = match dropped.kind {
        DropKind::Principal => "principal",
        DropKind::Aggregation => "aggregation",
        DropKind::Dynamic => "dynamic",
        DropKind::DynamicRinsing => "dynamic-rinsing",
        DropKind::DynamicDirty => "dynamic-dirty",
        DropKind::Speculative => "speculative",
        DropKind::SpeculationBusy => "speculation-busy",
        DropKind::SpeculationUnavailable => "speculation-unavailable",
        DropKind::StackString => "stack-string",
        DropKind::DoubleError => "double-error",
    };
    line("drop")
        .with("message", dropped.to_string())
        .with("kind", kind)
        .with("cpu", dropped.cpu)
        .with("count", dropped.count)
        .with("total", dropped.total)
}

/// An error that ends the command.
pub fn error(error: Option<&Error>, message: &str) -> Json {
    let shown = line("error").with("message", message);
    let Some(Error::Compile(fault)) = error else { return shown };
    let shown = shown.with("tag", fault.tag.name()).with("file", fault.file.as_deref().map(Json::from));
    shown.with("line", Some(fault.line).filter(|&line| line != 0)).with("offset", fault.offset)
}

/// Writes a line for each aggregation that has any of these entries, which are in order.
pub(super) fn aggregations(out: &mut Output, context: &Context<'_>, entries: &[Entry]) -> Result<()> {
    for group in entries.chunk_by(|a, b| a.description.variable == b.description.variable) {
        let group: Vec<&Entry> = group.iter().collect();
        let Json::Object(members) = aggregation(context, group[0].description.variable, &group) else {
            continue;
        };
        let Json::Object(mut shown) = line("aggregation") else { continue };
        shown.extend(members);
        writeln!(out, "{}", Json::Object(shown))?;
    }
    Ok(())
}

/// An aggregation with these entries.
fn aggregation(context: &Context<'_>, variable: u32, entries: &[&Entry]) -> Json {
    let known = context.statements.aggregation(variable);
    let kind = known.map(|a| a.kind).or(entries.first().map(|e| e.description.kind()));
    let entries: Vec<Json> = entries
        .iter()
        .map(|entry| {
            let shown = Json::object([("key", key(context, entry)), ("value", value::aggregated(entry))]);
            if entry.normal == 1 { shown } else { shown.with("normal", entry.normal) }
        })
        .collect();
    Json::object([
        ("name", known.map(|a| &*a.name).map(Json::from).into()),
        ("id", variable.into()),
        ("function", kind.map(function).map(Json::from).into()),
        ("entries", entries.into()),
    ])
}

fn key(context: &Context<'_>, entry: &Entry) -> Json {
    let parts = entry.description.keys.iter().map(|part| {
        let kind = u32::from(part.record.action);
        datum(context, kind, part.record.arg, part.ty, part.string, entry.key(part))
    });
    parts.collect::<Vec<_>>().into()
}

/// What an action recorded, or a part of a key is.
fn datum(
    context: &Context<'_>,
    kind: u32,
    arg: u64,
    ty: Option<crate::types::TypeId>,
    string: bool,
    data: &[u8],
) -> Json {
    match kind {
        action::STACK => Json::object([("frames", value::kernel_stack(data, context.symbols).into())]),
        action::USTACK | action::JSTACK => {
            let (pid, frames) = value::user_stack(data, arg, context.symbols);
            Json::object([("pid", pid.into()), ("frames", frames.into())])
        }
        action::SYM | action::MOD => {
            let address = super::distribution::words(data).first().map_or(0, |word| word.cast_unsigned());
            value::frame(address, context.symbols.kernel(address))
                .with("name", stack::place(kind, data, context.symbols))
        }
        action::USYM | action::UMOD | action::UADDR => {
            let words = super::distribution::words(data);
            let word = |n: usize| words.get(n).map_or(0, |word| word.cast_unsigned());
            let (pid, address) = (word(0) as u32, word(1));
            value::frame(address, context.symbols.user(pid, address))
                .with("pid", pid)
                .with("name", stack::place(kind, data, context.symbols))
        }
        _ => value::value(context.types, ty, string, data),
    }
}

fn function(kind: u32) -> &'static str {
    match kind {
        agg::COUNT => "count",
        agg::MIN => "min",
        agg::MAX => "max",
        agg::AVG => "avg",
        agg::SUM => "sum",
        agg::STDDEV => "stddev",
        agg::QUANTIZE => "quantize",
        agg::LQUANTIZE => "lquantize",
        agg::LLQUANTIZE => "llquantize",
        _ => "unknown",
    }
}
