//! The rows of the output: what stands before the data of each firing, and messages about faults and losses. Under
//! `oformat=json` both are lines of their own among those that the consumer writes.

use std::io::Write;

use dtrace_abi::{Plain, RecDesc, action, option};

use super::message;
use crate::consume::drops::Dropped;
use crate::consume::fault::Fault;
use crate::consume::flow::Flow;
use crate::consume::json::{self, Json};
use crate::consume::output::Output;
use crate::consume::{Consume, Firing, Handled, Observer};
use crate::error::Result;
use crate::options::Options;

/// Prints rows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Whether the heading has been printed.
    headed: bool,
    /// What the program gave to `exit()`.
    pub(super) status: u8,
    /// Whether output is for machines.
    pub(super) json: bool,
    /// Whether messages of losses have their tags.
    droptags: bool,
    /// Lines that wait for the next moment at which there is an output to write them to.
    lines: Vec<Json>,
}

impl Rows {
    /// Rows for people, or lines for machines.
    pub(super) fn new(json: bool, droptags: bool) -> Self {
        Self { json, droptags, ..Self::default() }
    }

    /// Adds a line of its own.
    pub(super) fn line(&mut self, line: Json) {
        self.lines.push(line);
    }

    /// Writes the lines that wait.
    pub(super) fn write_lines(&mut self, out: &mut Output) -> Result<()> {
        self.lines.drain(..).try_for_each(|line| Ok(writeln!(out, "{line}")?))
    }
}

impl Observer for Rows {
    fn probe(&mut self, out: &mut Output, options: &Options, firing: &Firing<'_>) -> Result<Consume> {
        if self.json {
            self.write_lines(out)?;
            return Ok(Consume::This);
        }
        let probe = &firing.enabled.probe;
        let cpu = firing.cpu;
        let flow = options.is_on(option::FLOWINDENT);
        if !self.headed {
            self.headed = true;
            if flow {
                writeln!(out, "{:>3} {:<41}", "CPU", "FUNCTION")?;
            } else if !options.is_on(option::QUIET) {
                writeln!(out, "{:>3} {:>6} {:>32}", "CPU", "ID", "FUNCTION:NAME")?;
            }
        }
        if flow {
            let step = firing.step;
            let name = match step.flow {
                Flow::None => format!("{}:{}", probe.function, probe.name),
                _ => probe.function.clone(),
            };
            let name = format!("{:1$}{2}{name}", "", step.indent, step.prefix);
            write!(out, "{cpu:>3} {name:<41} ")?;
        } else if !options.is_on(option::QUIET) {
            let name = format!("{}:{}", probe.function, probe.name);
            write!(out, "{cpu:>3} {:>6} {name:>32} ", probe.id)?;
        }
        Ok(Consume::This)
    }

    fn record(
        &mut self,
        out: &mut Output,
        options: &Options,
        firing: &Firing<'_>,
        record: Option<&RecDesc>,
    ) -> Result<Consume> {
        let Some(record) = record else {
            if !options.is_on(option::QUIET) && !self.json {
                out.write_all(b"\n")?;
            }
            return Ok(Consume::Next);
        };
        if u32::from(record.action) == action::EXIT {
            let status = firing.data.get(record.offset as usize..).and_then(i32::from_bytes).unwrap_or(0);
            // The system keeps the low byte.
            self.status = status as u8;
            return Ok(if self.json { Consume::This } else { Consume::Next });
        }
        Ok(Consume::This)
    }

    fn fault(&mut self, fault: &Fault, text: &str) -> Handled {
        if self.json {
            self.line(json::fault(fault, text));
        } else {
            message(text);
        }
        Handled::Continue
    }

    fn dropped(&mut self, dropped: &Dropped) -> Handled {
        if self.json {
            self.line(json::dropped(dropped));
        } else {
            message(dropped.message(self.droptags));
        }
        Handled::Continue
    }
}
