//! What a CPU counts of its cross-calls, under the names of the original (contract 5, "Counters").
//!
//! Each CPU has its own, on its own cache lines; a reader adds them up. They are exact: an addition is atomic because an
//! interrupt may count in the middle of it. (The processor's own atomics also under the model checker: nothing is decided
//! by them.)

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

/// One CPU's counters.
#[derive(Debug)]
pub(crate) struct Counters([AtomicU64; COUNTED]);

/// What is counted. The text of each says what one count means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Count {
    /// Interrupts taken for cross-calls.
    Ipi,
    /// NMIs taken for cross-calls.
    Nmi,
    /// Calls answered in an NMI.
    NmiServed,
    /// Calls refused because too many were nested on the CPU already.
    Refused,
    /// Calls.
    Call,
    /// Calls of more than one other CPU.
    Multi,
    /// Calls made while another call of the same CPU was under way.
    Nested,
    /// Calls that waited longer than the first budget.
    Delay,
    /// The most rounds that a call has waited.
    Spin,
    /// Rounds waited, by all calls together.
    AckWaits,
    /// Targets that needed no call.
    Fast,
    /// NMIs sent.
    NmiSent,
    /// Targets given up.
    GivenUp,
}

const COUNTED: usize = Count::GivenUp as usize + 1;

impl Counters {
    pub(crate) fn new() -> Self {
        Counters(core::array::from_fn(|_| AtomicU64::new(0)))
    }

    pub(crate) fn add(&self, count: Count, n: u64) {
        if let Some(counter) = self.0.get(count as usize) {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn raise(&self, count: Count, to: u64) {
        if let Some(counter) = self.0.get(count as usize) {
            counter.fetch_max(to, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, count: Count) -> u64 {
        self.0.get(count as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

/// The counters of all CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// `ipi1`: interrupts taken for cross-calls.
    pub ipi: u64,
    /// `nmi1`: NMIs taken for cross-calls.
    pub nmi: u64,
    /// `nmi2`: calls answered in an NMI.
    pub nmi_served: u64,
    /// `xcall0`: calls nested so deeply that they were refused.
    pub refused: u64,
    /// `xcall1`: calls.
    pub calls: u64,
    /// `xcall2`: calls of more than one other CPU.
    pub multi: u64,
    /// `xcall3`: calls nested in another of the same CPU.
    pub nested: u64,
    /// `xcall4`: calls that waited longer than the first budget.
    pub delayed: u64,
    /// `xcall5`: the most rounds that a call has waited.
    pub max_spin: u64,
    /// `xcall6`: rounds waited, by all calls together.
    pub ack_waits: u64,
    /// `xcall7`: targets that needed no call, because they were in no probe.
    pub fast: u64,
    /// NMIs sent. The original has no name for it.
    pub nmi_sent: u64,
    /// Targets given up. The original never gives up.
    pub given_up: u64,
}

impl Stats {
    pub(crate) fn add(&mut self, counters: &Counters) {
        let sums = [
            (&mut self.ipi, Count::Ipi),
            (&mut self.nmi, Count::Nmi),
            (&mut self.nmi_served, Count::NmiServed),
            (&mut self.refused, Count::Refused),
            (&mut self.calls, Count::Call),
            (&mut self.multi, Count::Multi),
            (&mut self.nested, Count::Nested),
            (&mut self.delayed, Count::Delay),
            (&mut self.ack_waits, Count::AckWaits),
            (&mut self.fast, Count::Fast),
            (&mut self.nmi_sent, Count::NmiSent),
            (&mut self.given_up, Count::GivenUp),
        ];
        for (sum, count) in sums {
            *sum = sum.wrapping_add(counters.get(count));
        }
        self.max_spin = self.max_spin.max(counters.get(Count::Spin));
    }

    /// The lines of /proc/dtrace/stats, in the original's order (contract 1.2); the last two are ours.
    ///
    /// `xcall8` and `xcall_slave` count nothing in the original either.
    pub fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let lines = [
            ("ipi1", self.ipi),
            ("nmi1", self.nmi),
            ("nmi2", self.nmi_served),
            ("xcall0", self.refused),
            ("xcall1", self.calls),
            ("xcall2", self.multi),
            ("xcall3(reentrant)", self.nested),
            ("xcall4(delay)", self.delayed),
            ("xcall5(spinlock)", self.max_spin),
            ("xcall6(ack_waits)", self.ack_waits),
            ("xcall7(fast)", self.fast),
            ("xcall8", 0),
            ("xcall_slave", 0),
            ("xcall_nmi_sent", self.nmi_sent),
            ("xcall_given_up", self.given_up),
        ];
        for (name, value) in lines {
            writeln!(out, "{name}={value}")?;
        }
        Ok(())
    }
}
