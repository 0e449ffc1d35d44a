//! The records of all CPUs in the order in which they were made: the `temporal` option.
//!
//! The driver gives each CPU's buffer by itself. Under `temporal` each clause records behind its own data when it fired
//! ([`stamped_image`](crate::dof::stamped_image)), and here the buffers are merged by these stamps.
//!
//! Buffers are read one after the other, so what has come from one says nothing about what is still in another. What is
//! certain: a record that was known before a round of reading began is older than the round, and a buffer that was read
//! in the round holds nothing older than the round any more. So after each round everything is printed that is no newer
//! than the newest record of the rounds before, and the rest waits for the next round: output is late by one
//! `switchrate`, and nothing printed later is older. No clock is asked: the driver's need not be ours. When
//! tracing has stopped there is no next round, and everything is printed.
//!
//! Records of equal stamps stay in the order of their CPUs, and those of one firing in that of its clauses. What a
//! speculation holds has the stamps of its firings, not that of its commit: where the commit comes a round later, it is printed as
//! soon as it is there. A record without a stamp (of an image that was not made here) goes with the one before it.

use std::collections::HashMap;
use std::rc::Rc;

use super::describe::Enabled;
use super::flow::{Indentation, Step};
use super::output::Output;
use super::walk::word;
use super::{Context, Firing, Observer, Session};
use crate::error::Result;

/// What waits for its turn.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    records: Vec<Waiter>,
    /// The newest stamp of all rounds so far.
    newest: u64,
    /// The flow of each CPU, from one of its buffers to the next.
    flows: HashMap<u32, Indentation>,
}

#[derive(Debug)]
struct Waiter {
    stamp: u64,
    cpu: u32,
    enabled: Rc<Enabled>,
    step: Step,
    data: Box<[u8]>,
}

impl Waiting {
    /// Takes the records whose turn it is, in order.
    fn ready(&mut self, limit: u64) -> Vec<Waiter> {
        self.records.sort_by_key(|record| record.stamp);
        let count = self.records.partition_point(|record| record.stamp <= limit);
        self.records.drain(..count).collect()
    }
}

impl Session {
    /// Reads all buffers and prints what is ready.
    pub(super) fn consume_in_order(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        // Taken out while observers may look at the session.
        let mut waiting = self.waiting.take();
        let result = self.read_round(context, observer, &mut waiting);
        let ready = result.as_ref().map_or_else(|_| Vec::new(), |&limit| waiting.ready(limit));
        self.waiting.replace(waiting);
        result?;
        for Waiter { cpu, enabled, step, data, .. } in ready {
            self.show(context, out, observer, &Firing { enabled: &enabled, cpu, step, data: &data })?;
        }
        Ok(())
    }

    /// Reads all buffers. Returns the stamp up to which nothing is missing.
    fn read_round(
        &self,
        context: &Context<'_>,
        observer: &mut dyn Observer,
        waiting: &mut Waiting,
    ) -> Result<u64> {
        let stopped = self.is_stopped();
        let before = waiting.newest;
        let mut buffer = self.buffer.take();
        let mut result = Ok(());
        for cpu in self.cpus(context) {
            result = self.snapshot(context, cpu, &mut buffer, observer).and_then(|snapshot| {
                let Some(snapshot) = snapshot else { return Ok(()) };
                let mut last = 0;
                let Waiting { records, newest, flows } = waiting;
                let flow = flows.entry(cpu).or_default();
                self.each_record(context, &buffer, &snapshot, |enabled, data, rest| {
                    let step = self.step(context, flow, &enabled, rest);
                    let stamp = enabled.stamp.and_then(|stamp| word(data, &stamp)).unwrap_or(last);
                    last = stamp;
                    *newest = (*newest).max(stamp);
                    records.push(Waiter { stamp, cpu, enabled, step, data: data.into() });
                    Ok(())
                })
            });
            if result.is_err() {
                break;
            }
        }
        self.buffer.replace(buffer);
        result.map(|()| if stopped { u64::MAX } else { before })
    }
}
