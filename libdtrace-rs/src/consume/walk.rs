//! Walking a buffer: records to actions, actions to output.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use dtrace_abi::{Plain, RecDesc, action, option};

use super::aggregate::Entry;
use super::bytes::{self, KEY_WIDTH, ROW_WIDTH, Style};
use super::describe::{Enabled, Record};
use super::fault::Fault;
use super::flow::{Indentation, Step};
use super::output::{Output, Piece};
use super::printf::{self, Aggregated, Argument};
use super::{Consume, Context, Firing, Handled, Observer, Session, json, order, print, stack, typed};
use crate::device::Snapshot;
use crate::dof::ERROR_UARG;
use crate::error::{Code, Error, Result};
use crate::printf::format::Format;
use crate::program::{LibAction, StmtKind};

/// Which records of a buffer are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All.
    All,
    /// Those of dtrace:::BEGIN.
    Begin,
    /// All but those.
    NotBegin,
}

impl Session {
    /// Prints the records of a snapshot.
    #[expect(clippy::too_many_arguments, reason = "a snapshot, where it comes from, and where it goes")]
    pub(super) fn print(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        cpu: u32,
        buffer: &[u8],
        snapshot: &Snapshot,
        part: Part,
    ) -> Result<()> {
        let mut flow = Indentation::default();
        self.each_record(context, buffer, snapshot, |enabled, data, rest| {
            let wanted = match part {
                Part::All => true,
                Part::Begin => self.is_of_begin(context, &enabled, data),
                Part::NotBegin => !self.is_of_begin(context, &enabled, data),
            };
            if !wanted {
                return Ok(());
            }
            let step = self.step(context, &mut flow, &enabled, rest);
            self.show(context, out, observer, &Firing { enabled: &enabled, cpu, step, data })
        })
    }

    /// Goes through the records of a snapshot in order. Each comes with what is behind it.
    pub(super) fn each_record(
        &self,
        context: &Context<'_>,
        buffer: &[u8],
        snapshot: &Snapshot,
        mut f: impl FnMut(Rc<Enabled>, &[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let data = buffer.get(..snapshot.size).ok_or(Code::DataOffset)?;
        // A ring that has wrapped: the oldest records stand behind the newest.
        let (newest, oldest) = data.split_at(snapshot.oldest);
        for half in [oldest, newest] {
            let mut rest = half;
            while let Some(epid) = u32::from_bytes(rest) {
                if epid == 0 {
                    rest = &rest[4..];
                    continue;
                }
                let enabled = self.enabled(context, epid)?;
                // An ECB whose actions store nothing stores no EPID either, so the size is never less.
                let size = enabled.size.max(4);
                let data = rest.get(..size).ok_or(Code::DataOffset)?;
                rest = &rest[size..];
                f(enabled, data, rest)?;
            }
        }
        Ok(())
    }

    /// The place of a record in the flow of its CPU; none for the library's own.
    pub(super) fn step(
        &self,
        context: &Context<'_>,
        flow: &mut Indentation,
        enabled: &Enabled,
        rest: &[u8],
    ) -> Step {
        if !context.options.is_on(option::FLOWINDENT) || is_of_library(enabled) {
            return Step::NONE;
        }
        flow.step(enabled.epid, &enabled.probe, self.next_record(context, rest))
    }

    /// Prints a record, or reports the fault that it is about.
    pub(super) fn show(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
    ) -> Result<()> {
        if is_of_library(firing.enabled) {
            return self.report_fault(context, observer, firing.cpu, firing.enabled, firing.data);
        }
        self.firing(context, out, observer, firing)
    }

    /// EPID and probe of the next record.
    fn next_record(&self, context: &Context<'_>, mut rest: &[u8]) -> Option<(u32, u32)> {
        loop {
            let epid = u32::from_bytes(rest)?;
            if epid != 0 {
                let enabled = self.enabled(context, epid).ok()?;
                return Some((epid, enabled.probe.id));
            }
            rest = &rest[4..];
        }
    }

    /// Whether a record is one of dtrace:::BEGIN, or of a fault there.
    fn is_of_begin(&self, context: &Context<'_>, enabled: &Rc<Enabled>, data: &[u8]) -> bool {
        let begin = |e: &Enabled| e.probe.provider == "dtrace" && e.probe.name == "BEGIN";
        if !is_of_library(enabled) {
            return begin(enabled);
        }
        let faulting = enabled.records.first().and_then(|r| word(data, &r.desc));
        faulting
            .and_then(|epid| u32::try_from(epid).ok())
            .and_then(|epid| self.enabled(context, epid).ok())
            .is_some_and(|e| begin(&e))
    }

    /// The record of the library's own ERROR program.
    fn report_fault(
        &self,
        context: &Context<'_>,
        observer: &mut dyn Observer,
        cpu: u32,
        enabled: &Enabled,
        data: &[u8],
    ) -> Result<()> {
        let mut words = [0u64; 5];
        if enabled.records.len() != words.len() {
            return Err(Code::BadErrorAction.into());
        }
        for (slot, record) in words.iter_mut().zip(&enabled.records) {
            *slot = word(data, &record.desc).ok_or(Code::BadErrorAction)?;
        }
        let [epid, action, offset, fault, address] = words;
        let faulting = self.enabled(context, epid as u32)?;
        let fault = Fault {
            epid: epid as u32,
            probe: (*faulting.probe).clone(),
            cpu,
            action: action as u32,
            // -1 says that it was not in DIF; it comes as a register has it.
            offset: u32::try_from(offset).ok().filter(|&n| n != u32::MAX),
            fault: fault as u32,
            address,
        };
        match observer.fault(&fault, &fault.to_string()) {
            Handled::Continue => Ok(()),
            Handled::Abort => Err(Code::ErrorAbort.into()),
        }
    }

    fn firing(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
    ) -> Result<()> {
        match observer.probe(out, context.options, firing)? {
            Consume::This => {}
            Consume::Next => return Ok(()),
            Consume::Abort => return Err(Code::DirectedAbort.into()),
        }
        let records = &firing.enabled.records;
        let mut described = context.options.is_json().then(Vec::new);
        let mut n = 0;
        while let Some(record) = records.get(n) {
            n += match observer.record(out, context.options, firing, Some(&record.desc))? {
                Consume::This => match &mut described {
                    Some(described) => {
                        let (record, taken) = self.describe_record(context, out, observer, firing, n)?;
                        described.extend(record);
                        taken
                    }
                    None => self.action(context, out, observer, firing, n)?,
                },
                Consume::Next => 1,
                Consume::Abort => return Err(Code::DirectedAbort.into()),
            };
        }
        if let Some(described) = described {
            writeln!(out, "{}", json::firing(context.options, firing, described))?;
        }
        match observer.record(out, context.options, firing, None)? {
            Consume::Abort => Err(Code::DirectedAbort.into()),
            _ => Ok(()),
        }
    }

    /// Carries out the action of a record, and says how many records that took.
    fn action(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<usize> {
        let records = &firing.enabled.records;
        let record = &records[n];
        let data = slice(firing.data, &record.desc)?;
        let quiet = context.options.is_on(option::QUIET);
        let kind = u32::from(record.desc.action);
        match kind {
            action::LIBACT => return self.library(context, out, observer, firing, n),
            action::PRINTA => return self.printa(context, out, firing, n),
            action::PRINTF | action::SYSTEM | action::FREOPEN => {
                return self.formatted(context, out, observer, firing, n);
            }
            // An argument of a printf that is no expression has the kind of what it records.
            _ if record.desc.format != 0 && !matches!(kind, action::DIFEXPR) => {
                return self.formatted(context, out, observer, firing, n);
            }
            action::STACK => stack::kernel(out, data, print::indent(context), context.symbols)?,
            action::USTACK | action::JSTACK => {
                stack::user(out, data, record.desc.arg, print::indent(context), context.symbols)?;
            }
            action::SYM | action::MOD | action::USYM | action::UMOD | action::UADDR => {
                let place = stack::place(kind, data, context.symbols);
                if quiet {
                    out.write_all(place.as_bytes())?;
                } else {
                    write!(out, "  {place:<KEY_WIDTH$}")?;
                }
            }
            action::TRACEMEM_DYNSIZE => {
                let Some(memory) = traced_memory(firing, n)? else { return Ok(1) };
                bytes::dump(out, memory)?;
                return Ok(2);
            }
            action::TRACEMEM => bytes::dump(out, data)?,
            action::DIFEXPR | action::TEST1 | action::TEST2 if !data.is_empty() => {
                match record.stmt.as_ref().map(|s| &s.kind) {
                    Some(StmtKind::Print(ty)) => typed::print(out, context.types, *ty, data)?,
                    _ => {
                        let raw = context.options.is_on(option::RAWBYTES);
                        let style = Style { quiet, raw, width: ROW_WIDTH };
                        bytes::value(out, data, record.string, style)?;
                    }
                }
            }
            _ => {}
        }
        Ok(1)
    }

    /// The format of a record, with as many records as belong to it. Output that cannot go where it is sent goes where it went.
    fn formatted(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<usize> {
        let records = &firing.enabled.records[n..];
        let first = &records[0].desc;
        let format = self.format(context, first)?;
        let kind = kind_of_format(&records[0]);
        let descs: Vec<_> = records.iter().map(|r| r.desc).collect();
        if kind == action::FREOPEN {
            let mut path = Vec::new();
            let taken = print_format(context, &mut path, &format, &descs, firing.data)?;
            reopen(out, observer, firing, Path::new(OsStr::from_bytes(&path)))?;
            return Ok(taken);
        }
        carry_out(context, out, kind, &format, &descs, firing.data)
    }

    pub(super) fn format(&self, context: &Context<'_>, record: &RecDesc) -> Result<Rc<Format>> {
        if record.format == 0 {
            return Ok(Rc::new(Format::default()));
        }
        self.descriptions.borrow_mut().format(context.requests, record.format)
    }

    /// `printa`: each of its records names an aggregation.
    fn printa(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<usize> {
        let first = &firing.enabled.records[n].desc;
        let variables = self.printed_aggregations(firing, n)?;
        let format = if first.format == 0 { None } else { Some(self.format(context, first)?) };
        if format.is_none() {
            out.write_all(b"\n")?;
        }
        self.print_joined(context, out, &variables, format.as_deref())?;
        Ok(variables.len())
    }

    /// The aggregations that a `printa` prints, by number. They are marked as printed.
    pub(super) fn printed_aggregations(&self, firing: &Firing<'_>, n: usize) -> Result<Vec<u32>> {
        let records = &firing.enabled.records[n..];
        let first = &records[0].desc;
        let same = |r: &RecDesc| u32::from(r.action) == action::PRINTA && r.uarg == first.uarg;
        let taken = records.iter().take_while(|r| same(&r.desc)).count();
        let mut variables = Vec::with_capacity(taken);
        for record in &records[..taken] {
            let number = word(firing.data, &record.desc).and_then(|n| u32::try_from(n).ok());
            variables.push(number.ok_or(Code::BadAggVar)?);
        }
        for &variable in &variables {
            self.aggregates().mark_printed(variable);
        }
        Ok(variables)
    }

    /// Prints aggregations side by side, by a format if there is one.
    pub fn print_joined(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        variables: &[u32],
        format: Option<&Format>,
    ) -> Result<()> {
        let order = order(context.options);
        if let ([variable], None) = (variables, format) {
            print::entries(out, &self.entries(Some(*variable), order), context)?;
        } else if let [variable] = *variables {
            for entry in self.entries(Some(variable), order) {
                print_row(context, out, format, &[&entry])?;
            }
        } else {
            let rows = self.joined(context, variables, order);
            for row in rows {
                let row: Vec<_> = row.iter().collect();
                print_row(context, out, format, &row)?;
            }
        }
        Ok(())
    }

    /// An action of the library.
    pub(super) fn library(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<usize> {
        let records = &firing.enabled.records[n..];
        let number = |k: usize| records.get(k).and_then(|r| word(firing.data, &r.desc));
        let variable = || number(0).and_then(|n| u32::try_from(n).ok()).ok_or(Code::BadAggVar);
        match LibAction::from_number(records[0].desc.arg) {
            Some(LibAction::Clear) => {
                self.aggregates().clear(variable()?);
                self.forget(variable()?);
                Ok(1)
            }
            Some(LibAction::Denormalize) => {
                self.aggregates().normalize(variable()?, 1);
                Ok(1)
            }
            Some(LibAction::Normalize) => {
                let normal = number(1).map(u64::cast_signed).filter(|&n| n != 0).ok_or(Code::BadNormal)?;
                self.aggregates().normalize(variable()?, normal);
                Ok(2)
            }
            Some(LibAction::Trunc) => {
                let keep = records.get(1).and_then(|r| signed(firing.data, &r.desc)).ok_or(Code::BadTrunc)?;
                self.aggregates().truncate(variable()?, keep);
                self.forget(variable()?);
                Ok(2)
            }
            Some(LibAction::Ftruncate) => {
                out.truncate()?;
                Ok(1)
            }
            Some(LibAction::Setopt) => {
                let name = option_text(firing, n).ok_or(Code::BadSetopt)?;
                let value = option_text(firing, n + 1);
                self.set_option(context, observer, firing, &name, value.as_deref())
            }
            None => Ok(1),
        }
    }

    /// Sets an option for a program. It takes two records.
    fn set_option(
        &self,
        context: &Context<'_>,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        name: &str,
        value: Option<&str>,
    ) -> Result<usize> {
        let before = context.options.by_name(name);
        if let Err(error) = context.options.set_active(name, value) {
            let value = value.unwrap_or("1");
            let what = format!("couldn't set option \"{name}\" to \"{value}\": {error}\n");
            return library_fault(observer, firing, &what).map(|()| 2);
        }
        let (before, after) = (before?, context.options.by_name(name)?);
        if before != after && observer.option(firing, name, (before, after)) == Handled::Abort {
            return Err(Code::DirectedAbort.into());
        }
        Ok(2)
    }
}

/// The text that `setopt()` recorded; none where nothing was given.
pub(super) fn option_text(firing: &Firing<'_>, n: usize) -> Option<String> {
    let record = firing.enabled.records.get(n).filter(|record| record.desc.size > 8)?;
    let bytes = slice(firing.data, &record.desc).ok()?;
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// What `tracemem()` with a length recorded: that much of the memory that the record behind the length holds; none without such a
/// record.
pub(super) fn traced_memory<'a>(firing: &Firing<'a>, n: usize) -> Result<Option<&'a [u8]>> {
    let Some(memory) = firing.enabled.records.get(n + 1) else { return Ok(None) };
    let bytes = slice(firing.data, &memory.desc)?;
    let length = word(firing.data, &firing.enabled.records[n].desc).unwrap_or(0);
    // None and less is no length: then it is all of the memory.
    let length = usize::try_from(length).ok().filter(|&n| n > 0).unwrap_or(bytes.len());
    Ok(Some(&bytes[..length.min(bytes.len())]))
}

/// What is done with a format: its first record may be an argument that is no expression.
pub(super) fn kind_of_format(first: &Record) -> u32 {
    match first.stmt.as_ref().map(|s| &s.kind) {
        Some(StmtKind::System(_)) => action::SYSTEM,
        Some(StmtKind::Freopen(_)) => action::FREOPEN,
        Some(StmtKind::Printf(_)) => action::PRINTF,
        _ => u32::from(first.desc.action),
    }
}

/// Prints records by a format, or, by the kind of the action, has the shell run what comes out, or sends output where it
/// says. Says how many records that took.
pub fn carry_out(
    context: &Context<'_>,
    out: &mut Output,
    kind: u32,
    format: &Format,
    records: &[RecDesc],
    data: &[u8],
) -> Result<usize> {
    if !matches!(kind, action::SYSTEM | action::FREOPEN) {
        return print_format(context, out, format, records, data);
    }
    let mut text = Vec::new();
    let taken = print_format(context, &mut text, format, records, data)?;
    let text = OsStr::from_bytes(&text);
    if kind == action::FREOPEN {
        out.reopen(Path::new(text))?;
    } else {
        out.flush()?;
        // What the command's status is, is its own affair.
        Command::new("/bin/sh").arg("-c").arg(text).status()?;
    }
    Ok(taken)
}

/// Prints records by a format. Says how many records that took.
pub(super) fn print_format(
    context: &Context<'_>,
    out: &mut dyn Write,
    format: &Format,
    records: &[RecDesc],
    data: &[u8],
) -> Result<usize> {
    let taken = printf::records(format).min(records.len());
    let mut arguments = Vec::with_capacity(taken);
    for record in &records[..taken] {
        let data = slice(data, record)?;
        arguments.push(Argument { kind: u32::from(record.action), arg: record.arg, data });
    }
    printf::print(out, format, &arguments, &[], context.symbols, context.options)?;
    Ok(taken)
}

/// Whether a record is one of the library's own ERROR program.
fn is_of_library(enabled: &Enabled) -> bool {
    enabled.uarg == ERROR_UARG && &*enabled.probe.name == "ERROR"
}

/// Sends output to a file, as `freopen` asks. That it cannot be opened is a fault of the firing: output goes where it went.
pub(super) fn reopen(
    out: &mut Output,
    observer: &mut dyn Observer,
    firing: &Firing<'_>,
    path: &Path,
) -> Result<()> {
    out.flush()?;
    out.reopen(path).map_err(Error::from).or_else(|error| {
        library_fault(observer, firing, &format!("couldn't freopen() \"{}\": {error}", path.display()))
    })
}

/// Tells of a fault that the library found in carrying out an action.
fn library_fault(observer: &mut dyn Observer, firing: &Firing<'_>, what: &str) -> Result<()> {
    let fault = Fault {
        epid: firing.enabled.epid,
        probe: (*firing.enabled.probe).clone(),
        cpu: firing.cpu,
        action: 0,
        offset: None,
        fault: dtrace_abi::fault::LIBRARY,
        address: 0,
    };
    match observer.fault(&fault, &format!("{}{what}", fault.place())) {
        Handled::Continue => Ok(()),
        Handled::Abort => Err(Code::ErrorAbort.into()),
    }
}

fn print_row(
    context: &Context<'_>,
    out: &mut Output,
    format: Option<&Format>,
    entries: &[&Entry],
) -> Result<()> {
    let (Some(format), Some(first)) = (format, entries.first()) else {
        return print::row(out, entries, context);
    };
    let keys: Vec<_> = first
        .description
        .keys
        .iter()
        .map(|key| Argument { kind: u32::from(key.record.action), arg: key.record.arg, data: first.key(key) })
        .collect();
    let values: Vec<_> = entries
        .iter()
        .map(|entry| Aggregated { kind: entry.description.kind(), data: entry.value(), normal: entry.normal })
        .collect();
    printf::print(out, format, &keys, &values, context.symbols, context.options)?;
    out.mark(Piece::Formatted(first))?;
    out.mark(Piece::Last(first))
}

/// The data of a record.
pub(super) fn slice<'a>(data: &'a [u8], record: &RecDesc) -> Result<&'a [u8]> {
    let start = record.offset as usize;
    data.get(start..start.saturating_add(record.size as usize)).ok_or_else(|| Code::DataOffset.into())
}

/// The number in a record.
pub(super) fn word(data: &[u8], record: &RecDesc) -> Option<u64> {
    let bytes = slice(data, record).ok()?;
    match bytes.len() {
        1 => Some(u64::from(bytes[0])),
        2 => u16::from_bytes(bytes).map(u64::from),
        4 => u32::from_bytes(bytes).map(u64::from),
        8 => u64::from_bytes(bytes),
        _ => None,
    }
}

/// The number in a record, with its sign.
pub(super) fn signed(data: &[u8], record: &RecDesc) -> Option<i64> {
    let bytes = slice(data, record).ok()?;
    match bytes.len() {
        4 => i32::from_bytes(bytes).map(i64::from),
        _ => word(data, record).map(u64::cast_signed),
    }
}
