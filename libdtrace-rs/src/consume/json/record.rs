//! What each action recorded, as an object with the action's name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use dtrace_abi::{RecDesc, action};

use super::text::hexadecimal;
use super::{Json, aggregation, datum};
use crate::consume::aggregate::Entry;
use crate::consume::output::Output;
use crate::consume::walk::{kind_of_format, option_text, print_format, reopen, signed, slice, traced_memory};
use crate::consume::{Context, Firing, Observer, Session, order, typed};
use crate::error::Result;
use crate::program::{LibAction, StmtKind};

/// An object of this action.
fn of(action: &str) -> Json {
    Json::object([("action", action.into())])
}

/// More of what a command prints is not shown.
const MOST: u64 = 16 << 20;

/// Runs a command: what it prints, and its status if it ended by itself. It prints to a file: with a pipe, what it leaves running in
/// the background would be waited for.
fn capture(command: &OsStr) -> io::Result<(Vec<u8>, Option<i32>)> {
    // SAFETY: the name is a string that ends with a zero.
    let descriptor = unsafe { libc::memfd_create(c"system".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    let mut file = unsafe { File::from_raw_fd(descriptor) };
    let status = Command::new("/bin/sh").arg("-c").arg(command).stdout(file.try_clone()?).status()?;
    let mut printed = Vec::new();
    file.rewind()?;
    file.take(MOST).read_to_end(&mut printed)?;
    Ok((printed, status.code()))
}

impl Session {
    /// Carries out the action of a record and describes it, if it recorded anything. Says how many records that took.
    pub(in crate::consume) fn describe_record(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<(Option<Json>, usize)> {
        let record = &firing.enabled.records[n];
        let (desc, data) = (&record.desc, slice(firing.data, &record.desc)?);
        let kind = u32::from(desc.action);
        let (shown, taken) = match kind {
            action::LIBACT => self.describe_library(context, out, observer, firing, n)?,
            action::PRINTA => self.describe_printa(context, firing, n)?,
            action::PRINTF | action::SYSTEM | action::FREOPEN => {
                self.describe_format(context, out, observer, firing, n)?
            }
            _ if desc.format != 0 && kind != action::DIFEXPR => {
                self.describe_format(context, out, observer, firing, n)?
            }
            // An expression for its effect.
            _ if data.is_empty() => return Ok((None, 1)),
            action::EXIT => (of("exit").with("status", signed(firing.data, desc)), 1),
            action::TRACEMEM_DYNSIZE => {
                let Some(memory) = traced_memory(firing, n)? else { return Ok((None, 1)) };
                (of("tracemem").with("bytes", hexadecimal(memory)), 2)
            }
            action::TRACEMEM => (of("tracemem").with("bytes", hexadecimal(data)), 1),
            _ => {
                let value = datum(context, kind, desc.arg, record.ty, record.string, data);
                let shown = match (record.stmt.as_ref().map(|s| &s.kind), named(kind)) {
                    (Some(StmtKind::Print(ty)), _) => {
                        let mut text = Vec::new();
                        typed::print(&mut text, context.types, *ty, data)?;
                        of("print")
                            .with("type", context.types.name(*ty))
                            .with("value", value)
                            .with("text", String::from_utf8_lossy(&text).trim_end())
                    }
                    (_, Some(name)) => of(name).with("value", value),
                    _ => of("trace").with("value", value),
                };
                (shown, 1)
            }
        };
        Ok((Some(shown), taken))
    }

    fn describe_format(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<(Json, usize)> {
        let records = &firing.enabled.records[n..];
        let format = self.format(context, &records[0].desc)?;
        let descs: Vec<RecDesc> = records.iter().map(|r| r.desc).collect();
        let mut text = Vec::new();
        let taken = print_format(context, &mut text, &format, &descs, firing.data)?;
        let raw = OsStr::from_bytes(&text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let shown = match kind_of_format(&records[0]) {
            action::SYSTEM => {
                out.flush()?;
                // What it prints must not stand between the lines.
                let (output, status) = capture(raw)?;
                of("system")
                    .with("command", text)
                    .with("output", Json::text_or_bytes(&output))
                    .with("status", status.map(i64::from))
            }
            action::FREOPEN => {
                reopen(out, observer, firing, Path::new(raw))?;
                of("freopen").with("file", text)
            }
            _ => {
                // The record of a format without arguments holds nothing.
                let arguments = format.conversions().next().map_or(&[][..], |_| &records[..taken]);
                let values: Result<Vec<Json>> = arguments
                    .iter()
                    .map(|record| {
                        let data = slice(firing.data, &record.desc)?;
                        let kind = u32::from(record.desc.action);
                        Ok(datum(context, kind, record.desc.arg, record.ty, record.string, data))
                    })
                    .collect();
                of("printf").with("text", text).with("arguments", values?)
            }
        };
        Ok((shown, taken))
    }

    fn describe_printa(&self, context: &Context<'_>, firing: &Firing<'_>, n: usize) -> Result<(Json, usize)> {
        let first = &firing.enabled.records[n].desc;
        let variables = self.printed_aggregations(firing, n)?;
        let mut shown = of("printa");
        if first.format != 0 {
            let format = self.format(context, first)?;
            let place = Captured::default();
            let mut text = Output::writer(place.clone());
            self.print_joined(context, &mut text, &variables, Some(&*format))?;
            text.flush()?;
            shown = shown.with("text", String::from_utf8_lossy(&place.0.borrow()).into_owned());
        }
        let each = variables.iter().map(|&variable| {
            let entries = self.entries(Some(variable), order(context.options));
            aggregation(context, variable, &entries.iter().collect::<Vec<&Entry>>())
        });
        let taken = variables.len();
        Ok((shown.with("aggregations", each.collect::<Vec<_>>()), taken))
    }

    fn describe_library(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        firing: &Firing<'_>,
        n: usize,
    ) -> Result<(Json, usize)> {
        let records = &firing.enabled.records[n..];
        let number = |k: usize| records.get(k).and_then(|r| signed(firing.data, &r.desc));
        let aggregation = || {
            let variable = number(0).and_then(|n| u32::try_from(n).ok());
            let known = variable.and_then(|variable| context.statements.aggregation(variable));
            Json::from(known.map(|known| Json::from(&*known.name)))
        };
        let shown = match LibAction::from_number(records[0].desc.arg) {
            Some(LibAction::Clear) => of("clear").with("aggregation", aggregation()),
            Some(LibAction::Denormalize) => of("denormalize").with("aggregation", aggregation()),
            Some(LibAction::Normalize) => {
                of("normalize").with("aggregation", aggregation()).with("factor", number(1))
            }
            Some(LibAction::Trunc) => of("trunc").with("aggregation", aggregation()).with("keep", number(1)),
            Some(LibAction::Ftruncate) => of("ftruncate"),
            Some(LibAction::Setopt) => {
                of("setopt").with("option", option_text(firing, n)).with("value", option_text(firing, n + 1))
            }
            None => of("library"),
        };
        let taken = self.library(context, out, observer, firing, n)?;
        Ok((shown, taken))
    }
}

/// The name of an action that has one of its own.
fn named(kind: u32) -> Option<&'static str> {
    Some(match kind {
        action::STACK => "stack",
        action::USTACK => "ustack",
        action::JSTACK => "jstack",
        action::SYM => "sym",
        action::MOD => "mod",
        action::USYM => "usym",
        action::UMOD => "umod",
        action::UADDR => "uaddr",
        _ => return None,
    })
}

/// A place that keeps what is written to it.
#[derive(Clone, Default)]
struct Captured(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
