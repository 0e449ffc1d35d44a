//! The consumer: what the driver has recorded becomes output.
//!
//! ```text
//!   STATUS ──▶ drops, end          AGGSNAP (each CPU) ──▶ Aggregates
//!   BUFSNAP (each CPU) ──▶ records ──▶ actions ──▶ Output
//! ```
//!
//! A [`Session`] is one run of tracing, from GO to the last buffer. [`Session::work`] looks at the driver as often as the
//! rates say and consumes what is there; the first call looks at once, so short programs end at once. The order of CPUs is
//! the contract's (0, 2.1): the CPU that ran BEGIN first, the CPU that ran END last; and if both ran on one CPU whose buffer
//! was never read between, BEGIN's records are taken from it first, then the other CPUs', then its rest. Under `temporal` it is the order in which the
//! records were made ([`temporal`]).
//!
//! A record may not be trusted to fit its description: what does not is an error and never a panic.
//!
//! What the library does not decide it asks an [`Observer`]: the command prints the rows there. An observer may look at the
//! session that asks it, print what it has aggregated and stop it: a session is shared, and nothing of it is borrowed while
//! an observer or an output runs.

pub mod aggregate;
pub mod bytes;
pub mod describe;
pub mod distribution;
pub mod drops;
pub mod fault;
pub mod flow;
mod histogram;
pub mod history;
pub mod json;
pub mod output;
mod print;
pub mod printf;
pub mod sort;
pub mod stack;
mod temporal;
mod time;
mod typed;
pub mod value;
pub mod visit;
mod walk;

use std::cell::{Cell, RefCell, RefMut};
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dtrace_abi::{Plain, RecDesc, Status, option};

use self::aggregate::{Aggregates, Description, Entry};
use self::describe::{Descriptions, Enabled, Statements};
use self::drops::{DropKind, Dropped};
use self::fault::Fault;
use self::flow::Step;
use self::history::History;
use self::output::Output;
use self::sort::Order;
use crate::device::{Requests, Snapshot};
use crate::error::{Code, Error, Result};
use crate::options::{Options, consumer};
use crate::symbols::Symbolizer;
use crate::types::{TypeId, Types};

pub use self::walk::carry_out;

/// Prints data as a value of a type, as `print()` does.
pub fn print_typed(out: &mut dyn Write, types: &Types, ty: TypeId, data: &[u8]) -> Result<()> {
    Ok(typed::print(out, types, ty, data)?)
}

/// What a session needs of its handle.
pub struct Context<'a> {
    /// The device.
    pub requests: Requests<'a>,
    /// The statements of the programs that are enabled.
    pub statements: &'a Statements,
    /// The options; `setopt()` changes the dynamic ones.
    pub options: &'a Options,
    /// Names for addresses.
    pub symbols: &'a dyn Symbolizer,
    /// The types that `print()` shows.
    pub types: &'a Types,
}

/// What an observer wants done with a probe or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consume {
    /// Go on with this one.
    This,
    /// Leave it and go on with the next.
    Next,
    /// End.
    Abort,
}

/// What an observer wants done after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Go on.
    Continue,
    /// End.
    Abort,
}

/// A firing of a probe, as observers see it.
#[derive(Clone, Copy, Debug)]
pub struct Firing<'a> {
    /// The enabled probe.
    pub enabled: &'a Enabled,
    /// The CPU.
    pub cpu: u32,
    /// Its place in the flow.
    pub step: Step,
    /// The data, from the EPID on.
    pub data: &'a [u8],
}

/// Who watches the consumer.
pub trait Observer {
    /// Before a firing's records are printed.
    fn probe(&mut self, out: &mut Output, options: &Options, firing: &Firing<'_>) -> Result<Consume>;

    /// Before each record, and with none behind the last.
    fn record(
        &mut self,
        out: &mut Output,
        options: &Options,
        firing: &Firing<'_>,
        record: Option<&RecDesc>,
    ) -> Result<Consume>;

    /// A fault in a clause, or a message about one.
    fn fault(&mut self, fault: &Fault, message: &str) -> Handled;

    /// A loss.
    fn dropped(&mut self, dropped: &Dropped) -> Handled;

    /// `setopt()` has changed an option, from one number to another.
    fn option(&mut self, _firing: &Firing<'_>, _name: &str, _numbers: (i64, i64)) -> Handled {
        Handled::Continue
    }
}

/// How tracing stands (`dtrace_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was not time to look.
    Unknown,
    /// It goes on.
    Running,
    /// The program has called `exit`.
    Exited,
    /// A buffer with the fill policy is full.
    Filled,
    /// It was stopped.
    Stopped,
}

/// What [`Session::work`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more.
    More,
    /// Everything has been consumed.
    Done,
}

/// A run of tracing.
#[derive(Debug)]
pub struct Session {
    descriptions: RefCell<Descriptions>,
    /// It is the anonymous state: somebody else has compiled its programs.
    claimed: bool,
    aggregates: RefCell<Aggregates>,
    status: Cell<Status>,
    cpus: u32,
    /// The CPU that ran BEGIN, until its buffer has been consumed.
    began_on: Cell<Option<u32>>,
    /// The CPU that ran END, once tracing has stopped.
    ended_on: Cell<Option<u32>>,
    buffer: RefCell<Vec<u8>>,
    /// Under `temporal`: what waits for its turn.
    waiting: RefCell<temporal::Waiting>,
    looked: Looked,
    /// How distributions have grown, if somebody wants to know.
    history: RefCell<Option<History>>,
    drops_total: Cell<u64>,
    aggregation_drops_total: Cell<u64>,
}

/// When each thing was last looked at.
#[derive(Debug, Default)]
struct Looked {
    status: Cell<Option<Instant>>,
    aggregations: Cell<Option<Instant>>,
    buffers: Cell<Option<Instant>>,
}

impl Session {
    /// Starts tracing: settles the options with the driver and lets it go. Or claims the anonymous state, if the options say so.
    pub fn start(requests: Requests<'_>, options: &Options) -> Result<Session> {
        let began_on = requests.go().map_err(|errno| match errno {
            libc::EACCES => Code::Destructive.into(),
            libc::EALREADY => Code::IsAnon.into(),
            libc::ENOENT => Code::NoAnon.into(),
            libc::E2BIG => Code::EndTooBig.into(),
            libc::ENOSPC => Code::BufferTooSmall.into(),
            errno => Error::Sys(errno),
        })?;
        let claimed = options.is_on(option::GRABANON);
        options.adopt(&requests.options().map_err(Error::Sys)?);
        let strings = options.get(option::STRSIZE).and_then(|size| u32::try_from(size).ok());
        Ok(Session {
            descriptions: RefCell::new(Descriptions::new(strings.filter(|_| claimed))),
            claimed,
            aggregates: RefCell::default(),
            status: Cell::new(Status::zeroed()),
            cpus: requests.cpus().unwrap_or_else(possible_cpus),
            began_on: Cell::new(Some(began_on)),
            ended_on: Cell::new(None),
            buffer: RefCell::default(),
            waiting: RefCell::default(),
            looked: Looked::default(),
            history: RefCell::default(),
            drops_total: Cell::new(0),
            aggregation_drops_total: Cell::new(0),
        })
    }

    /// Stops tracing: END runs. A second time it does nothing.
    pub fn stop(&self, requests: Requests<'_>) -> Result<()> {
        if self.ended_on.get().is_none() {
            self.ended_on.set(Some(requests.stop().map_err(Error::Sys)?));
        }
        Ok(())
    }

    /// Whether this is the anonymous state.
    pub fn is_claimed(&self) -> bool {
        self.claimed
    }

    /// Whether tracing was stopped.
    pub fn is_stopped(&self) -> bool {
        self.ended_on.get().is_some()
    }

    /// Whether it has been looked at before.
    pub fn has_looked(&self) -> bool {
        self.looked.status.get().is_some()
    }

    /// How long until there is something to look at.
    pub fn idle(&self, options: &Options) -> Duration {
        let rate = |id| rate(options, id);
        let rest = |last: Option<Instant>, id| {
            last.map_or(Duration::ZERO, |last| rate(id).saturating_sub(last.elapsed()))
        };
        rest(self.looked.status.get(), option::STATUSRATE)
            .min(rest(self.looked.aggregations.get(), option::AGGRATE))
            .min(rest(self.looked.buffers.get(), option::SWITCHRATE))
    }

    /// Looks how tracing stands, if it is time, and reports what was lost.
    pub fn status(&self, context: &Context<'_>, observer: &mut dyn Observer) -> Result<State> {
        let stopped = self.is_stopped();
        if !stopped && !due(&self.looked.status, rate(context.options, option::STATUSRATE)) {
            return Ok(State::Unknown);
        }
        let status = context.requests.status().map_err(Error::Sys)?;
        if status.killed != 0 {
            return Err(Code::Bricked.into());
        }
        for dropped in drops::between(&self.status.replace(status), &status) {
            if observer.dropped(&dropped) == Handled::Abort {
                return Err(Code::DropAbort.into());
            }
        }
        Ok(match () {
            () if stopped => State::Stopped,
            () if status.exiting != 0 => State::Exited,
            () if status.filled != 0 => State::Filled,
            () => State::Running,
        })
    }

    /// Does what there is to do now. When tracing ends by itself it is stopped here, and the rest is consumed.
    pub fn work(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
    ) -> Result<Progress> {
        let state = self.status(context, observer)?;
        let ended = matches!(state, State::Exited | State::Filled | State::Stopped);
        if ended && !self.is_stopped() {
            self.stop(context.requests)?;
            // The counters may have grown until END had run.
            self.status(context, observer)?;
        }
        self.snap_aggregations(context, observer)?;
        self.consume(context, out, observer)?;
        out.flush()?;
        Ok(if ended { Progress::Done } else { Progress::More })
    }

    /// Reads the aggregation buffers, if it is time.
    pub fn snap_aggregations(&self, context: &Context<'_>, observer: &mut dyn Observer) -> Result<()> {
        if !due(&self.looked.aggregations, rate(context.options, option::AGGRATE)) && !self.is_stopped() {
            return Ok(());
        }
        let room = context.options.get(option::AGGSIZE).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if room == 0 {
            return Ok(());
        }
        let mut buffer = self.buffer.take();
        resize(&mut buffer, room);
        let mut result = Ok(());
        for cpu in self.cpus(context) {
            let snapshot = match context.requests.aggregation_snapshot(cpu, &mut buffer[..room]) {
                Ok(snapshot) => snapshot,
                Err(libc::ENOENT | libc::EINVAL) => continue,
                Err(errno) => {
                    result = Err(Error::Sys(errno));
                    break;
                }
            };
            result = self
                .aggregation_drops(cpu, &snapshot, observer)
                .and_then(|()| self.merge(context, cpu, &buffer[..snapshot.size]));
            if result.is_err() {
                break;
            }
        }
        self.buffer.replace(buffer);
        if let Some(history) = &mut *self.history.borrow_mut() {
            history.look(self.aggregates.borrow().all());
        }
        result
    }

    /// Takes note from now on of how distributions grow.
    pub fn keep_history(&self) {
        self.history.borrow_mut().get_or_insert_default();
    }

    /// How distributions have grown since [`Session::keep_history`]; none without it.
    pub fn history(&self) -> Option<History> {
        self.history.borrow_mut().take()
    }

    /// Aggregations have lost what they had.
    fn forget(&self, variable: u32) {
        if let Some(history) = &mut *self.history.borrow_mut() {
            history.forget(variable, self.aggregates.borrow().all());
        }
    }

    /// The CPUs, by number.
    fn cpus<'a>(&self, context: &Context<'a>) -> impl Iterator<Item = u32> + use<'a> {
        let requests = context.requests;
        (0..self.cpus).filter(move |&cpu| requests.has_cpu(cpu))
    }

    fn aggregation_drops(&self, cpu: u32, snapshot: &Snapshot, observer: &mut dyn Observer) -> Result<()> {
        let total = self.aggregation_drops_total.get() + snapshot.drops;
        self.aggregation_drops_total.set(total);
        report(observer, DropKind::Aggregation, cpu, snapshot.drops, total)
    }

    fn merge(&self, context: &Context<'_>, cpu: u32, mut data: &[u8]) -> Result<()> {
        let (mut descriptions, mut aggregates) =
            (self.descriptions.borrow_mut(), self.aggregates.borrow_mut());
        let apart = context.options.compile.aggpercpu.then_some((cpu as usize, self.cpus as usize));
        while let Some(id) = u32::from_bytes(data) {
            if id == 0 {
                data = &data[4..];
                continue;
            }
            let (requests, statements) = (context.requests, context.statements);
            let description = descriptions.aggregation(requests, statements, id, data)?;
            let record = data.get(..description.size).filter(|r| !r.is_empty()).ok_or(Code::DataOffset)?;
            if aggregates.add_from(apart, &description, record) {
                aggregate::processes(&description, record).for_each(|pid| context.symbols.remember(pid));
            }
            data = &data[description.size..];
        }
        Ok(())
    }

    /// Reads the principal buffers, if it is time, and prints what is in them.
    pub fn consume(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let due = due(&self.looked.buffers, rate(context.options, option::SWITCHRATE));
        if !due && !self.is_stopped() {
            return Ok(());
        }
        // Rings and buffers that fill are read once, when tracing has stopped.
        if !self.is_stopped()
            && context.options.get(option::BUFPOLICY).is_some_and(|p| p != option::BUFPOLICY_SWITCH)
        {
            return Ok(());
        }
        if context.options.is_on(consumer::TEMPORAL) {
            return self.consume_in_order(context, out, observer);
        }
        let mut rest = None;
        if let Some(first) = self.began_on.take() {
            if self.ended_on.get() == Some(first) {
                // BEGIN and END are in one buffer: it is kept, and its BEGIN comes first.
                let mut buffer = Vec::new();
                if let Some(snapshot) = self.snapshot(context, first, &mut buffer, observer)? {
                    self.print(context, out, observer, first, &buffer, &snapshot, walk::Part::Begin)?;
                    rest = Some((buffer, snapshot));
                }
            } else {
                self.consume_cpu(context, out, observer, first)?;
            }
        }
        let last = self.ended_on.get();
        for cpu in self.cpus(context).filter(|&cpu| Some(cpu) != last) {
            self.consume_cpu(context, out, observer, cpu)?;
        }
        match (rest, last) {
            (Some((buffer, snapshot)), Some(last)) => {
                self.print(context, out, observer, last, &buffer, &snapshot, walk::Part::NotBegin)
            }
            (None, Some(last)) => self.consume_cpu(context, out, observer, last),
            _ => Ok(()),
        }
    }

    fn consume_cpu(
        &self,
        context: &Context<'_>,
        out: &mut Output,
        observer: &mut dyn Observer,
        cpu: u32,
    ) -> Result<()> {
        let mut buffer = self.buffer.take();
        let result = self.snapshot(context, cpu, &mut buffer, observer).and_then(|snapshot| match snapshot {
            Some(snapshot) => self.print(context, out, observer, cpu, &buffer, &snapshot, walk::Part::All),
            None => Ok(()),
        });
        self.buffer.replace(buffer);
        result
    }

    /// Reads the buffer of a CPU; none if it has none.
    fn snapshot(
        &self,
        context: &Context<'_>,
        cpu: u32,
        buffer: &mut Vec<u8>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Snapshot>> {
        let room = context.options.get(option::BUFSIZE).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        resize(buffer, room);
        match context.requests.snapshot(cpu, &mut buffer[..room]) {
            Ok(snapshot) => {
                let total = self.drops_total.get() + snapshot.drops;
                self.drops_total.set(total);
                report(observer, DropKind::Principal, cpu, snapshot.drops, total)?;
                Ok(Some(snapshot))
            }
            Err(libc::ENOENT | libc::EINVAL) => Ok(None),
            Err(errno) => Err(Error::Sys(errno)),
        }
    }

    /// The aggregations as they are known now.
    pub fn aggregates(&self) -> RefMut<'_, Aggregates> {
        self.aggregates.borrow_mut()
    }

    /// The enabled probe with this id.
    pub fn enabled(&self, context: &Context<'_>, epid: u32) -> Result<Rc<Enabled>> {
        self.descriptions.borrow_mut().enabled(context.requests, context.statements, epid)
    }

    /// The aggregation with this id of the driver, of which `record` is one.
    pub fn aggregation(&self, context: &Context<'_>, id: u32, record: &[u8]) -> Result<Rc<Description>> {
        self.descriptions.borrow_mut().aggregation(context.requests, context.statements, id, record)
    }

    /// The entries of one aggregation, or of all that the program has not printed, in order.
    pub fn entries(&self, variable: Option<u32>, order: Order) -> Vec<Entry> {
        self.aggregates.borrow().sorted(variable, order).into_iter().cloned().collect()
    }

    /// Prints an entry as a row, unless the program has printed its aggregation itself.
    pub fn print_entry(&self, context: &Context<'_>, out: &mut Output, entry: &Entry) -> Result<()> {
        if self.aggregates.borrow().is_printed(entry.description.variable) {
            return Ok(());
        }
        print::row(out, &[entry], context)
    }

    /// Prints the aggregations that the program has not printed itself.
    pub fn print_aggregations(&self, context: &Context<'_>, out: &mut Output) -> Result<()> {
        let entries = self.entries(None, order(context.options));
        if context.options.is_json() {
            json::aggregations(out, context, &entries)?;
        } else {
            print::entries(out, &entries, context)?;
        }
        out.flush()?;
        Ok(())
    }
}

/// The order that the options ask for.
pub fn order(options: &Options) -> Order {
    let position = |id| options.get(id).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    Order {
        by_key: options.is_on(option::AGGSORTKEY),
        reverse: options.is_on(option::AGGSORTREV),
        key_position: position(option::AGGSORTKEYPOS),
        position: position(option::AGGSORTPOS),
        ..Order::default()
    }
}

fn report(observer: &mut dyn Observer, kind: DropKind, cpu: u32, count: u64, total: u64) -> Result<()> {
    let dropped = Dropped { kind, cpu: Some(cpu), count, total };
    if count != 0 && observer.dropped(&dropped) == Handled::Abort {
        return Err(Code::DropAbort.into());
    }
    Ok(())
}

fn rate(options: &Options, id: u32) -> Duration {
    let nanoseconds = options.get(id).and_then(|n| u64::try_from(n).ok());
    Duration::from_nanos(nanoseconds.unwrap_or(1_000_000_000))
}

/// Whether it is time to look again, and if so, notes when it was.
fn due(last: &Cell<Option<Instant>>, rate: Duration) -> bool {
    let now = Instant::now();
    let time = due_at(last.get(), now, rate);
    last.set(time.or(last.get()));
    time.is_some()
}

/// When it was time to look, if it was: a look that comes late does not put off those that follow. What is looked at each 50 ms
/// has always been looked at when it is the turn of what is looked at each 100 ms.
fn due_at(last: Option<Instant>, now: Instant, rate: Duration) -> Option<Instant> {
    let Some(last) = last else { return Some(now) };
    let late = now.duration_since(last).checked_sub(rate)?;
    let rest = late.as_nanos().checked_rem(rate.as_nanos()).unwrap_or(0);
    Some(now - Duration::from_nanos(u64::try_from(rest).unwrap_or(0)))
}

/// Makes a buffer at least as large as the driver's. Memory that is new is zeroed by the system, when it is touched.
fn resize(buffer: &mut Vec<u8>, room: usize) {
    if buffer.len() < room {
        *buffer = vec![0; room];
    }
}

/// One more than the greatest number that a CPU of this machine may have.
fn possible_cpus() -> u32 {
    let listed = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    let last = listed.trim().rsplit([',', '-']).next().and_then(|n| n.parse::<u32>().ok());
    last.map_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get() as u32), |n| n + 1)
}
