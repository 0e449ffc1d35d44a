//! The rows of the output: what stands before the data of each firing, and messages about faults and losses.

use std::io::Write;

use dtrace_abi::{Plain, RecDesc, action, option};

use super::message;
use crate::consume::drops::Dropped;
use crate::consume::fault::Fault;
use crate::consume::flow::Flow;
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
}

impl Observer for Rows {
    fn probe(&mut self, out: &mut Output, options: &Options, firing: &Firing<'_>) -> Result<Consume> {
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
            if !options.is_on(option::QUIET) {
                out.write_all(b"\n")?;
            }
            return Ok(Consume::Next);
        };
        if u32::from(record.action) == action::EXIT {
            let status = firing.data.get(record.offset as usize..).and_then(i32::from_bytes).unwrap_or(0);
            // The system keeps the low byte.
            self.status = status as u8;
            return Ok(Consume::Next);
        }
        Ok(Consume::This)
    }

    fn fault(&mut self, _fault: &Fault, text: &str) -> Handled {
        message(text);
        Handled::Continue
    }

    fn dropped(&mut self, dropped: &Dropped) -> Handled {
        message(dropped);
        Handled::Continue
    }
}
