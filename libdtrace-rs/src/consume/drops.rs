//! What was lost, in words.
//!
//! Drops of the buffers come with each snapshot and belong to its interval; the other counters are totals of the session,
//! of which the difference to the last look is reported.

use std::fmt;

use dtrace_abi::Status;

/// A kind of loss, numbered as in the C API (contract 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum DropKind {
    /// Records, for want of room in a principal buffer.
    Principal = 0,
    /// Aggregation data, for want of room in an aggregation buffer.
    Aggregation = 1,
    /// Dynamic variables, for want of memory.
    Dynamic = 2,
    /// Dynamic variables, while free ones were rinsing.
    DynamicRinsing = 3,
    /// Dynamic variables, while free ones were dirty.
    DynamicDirty = 4,
    /// Speculative records, for want of room.
    Speculative = 5,
    /// Speculations, all being busy.
    SpeculationBusy = 6,
    /// Speculations, all being in use.
    SpeculationUnavailable = 7,
    /// Strings of a user stack that did not fit.
    StackString = 8,
    /// Faults in dtrace:::ERROR itself.
    DoubleError = 9,
}

impl DropKind {
    /// The name under which `-x droptags` reports it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Principal => "DTRACEDROP_PRINCIPAL",
            Self::Aggregation => "DTRACEDROP_AGGREGATION",
            Self::Dynamic => "DTRACEDROP_DYNAMIC",
            Self::DynamicRinsing => "DTRACEDROP_DYNRINSE",
            Self::DynamicDirty => "DTRACEDROP_DYNDIRTY",
            Self::Speculative => "DTRACEDROP_SPEC",
            Self::SpeculationBusy => "DTRACEDROP_SPECBUSY",
            Self::SpeculationUnavailable => "DTRACEDROP_SPECUNAVAIL",
            Self::StackString => "DTRACEDROP_STKSTROVERFLOW",
            Self::DoubleError => "DTRACEDROP_DBLERROR",
        }
    }
}

/// A loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// What was lost.
    pub kind: DropKind,
    /// The CPU, where the kind has one.
    pub cpu: Option<u32>,
    /// How often since the last report.
    pub count: u64,
    /// How often in all.
    pub total: u64,
}

impl Dropped {
    /// The message, with the tag in front if `-x droptags` wants it.
    pub fn message(&self, tagged: bool) -> String {
        if tagged { format!("[{}] {self}", self.kind.tag()) } else { self.to_string() }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many, rest) = match self.kind {
            DropKind::Principal => ("drop", "drops", ""),
            DropKind::Aggregation => ("aggregation drop", "aggregation drops", ""),
            DropKind::Dynamic => ("dynamic variable drop", "dynamic variable drops", ""),
            DropKind::DynamicRinsing => {
                ("dynamic variable drop", "dynamic variable drops", " with non-empty rinsing list")
            }
            DropKind::DynamicDirty => {
                ("dynamic variable drop", "dynamic variable drops", " with non-empty dirty list")
            }
            DropKind::Speculative => ("speculative drop", "speculative drops", ""),
            DropKind::SpeculationBusy => {
                ("failed speculation", "failed speculations", " (available buffer(s) still busy)")
            }
            DropKind::SpeculationUnavailable => {
                ("failed speculation", "failed speculations", " (no speculative buffer available)")
            }
            DropKind::StackString => {
                ("jstack()/ustack() string table overflow", "jstack()/ustack() string table overflows", "")
            }
            DropKind::DoubleError => ("error", "errors", " in ERROR probe enabling"),
        };
        write!(f, "{} {}{rest}", self.count, if self.count == 1 { one } else { many })?;
        self.cpu.map_or(Ok(()), |cpu| write!(f, " on CPU {cpu}"))
    }
}

/// What was lost between two looks at the counters.
pub fn between(before: &Status, after: &Status) -> Vec<Dropped> {
    type Counter = fn(&Status) -> u64;
    let counters: [(DropKind, Counter); 8] = [
        (DropKind::Dynamic, |s| s.dyndrops),
        (DropKind::DynamicRinsing, |s| s.dyndrops_rinsing),
        (DropKind::DynamicDirty, |s| s.dyndrops_dirty),
        (DropKind::Speculative, |s| s.specdrops),
        (DropKind::SpeculationBusy, |s| s.specdrops_busy),
        (DropKind::SpeculationUnavailable, |s| s.specdrops_unavail),
        (DropKind::StackString, |s| s.stkstroverflows),
        (DropKind::DoubleError, |s| s.dblerrors),
    ];
    counters
        .iter()
        .map(|&(kind, of)| Dropped {
            kind,
            cpu: None,
            count: of(after).saturating_sub(of(before)),
            total: of(after),
        })
        .filter(|dropped| dropped.count != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use dtrace_abi::Plain;

    use super::*;

    #[test]
    fn buffers_name_their_cpu() {
        let dropped = |kind, count| Dropped { kind, cpu: Some(1), count, total: count }.to_string();
        assert_eq!(dropped(DropKind::Principal, 5), "5 drops on CPU 1");
        assert_eq!(dropped(DropKind::Principal, 1), "1 drop on CPU 1");
        assert_eq!(dropped(DropKind::Aggregation, 1), "1 aggregation drop on CPU 1");
        let principal = Dropped { kind: DropKind::Principal, cpu: Some(1), count: 1, total: 1 };
        assert_eq!(principal.message(true), "[DTRACEDROP_PRINCIPAL] 1 drop on CPU 1");
    }

    #[test]
    fn counters_are_reported_by_their_difference() {
        let before = Status { dyndrops: 2, ..Status::zeroed() };
        let after =
            Status { dyndrops: 5, dyndrops_dirty: 1, specdrops_unavail: 8, dblerrors: 1, ..Status::zeroed() };
        let words: Vec<_> = between(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "3 dynamic variable drops",
                "1 dynamic variable drop with non-empty dirty list",
                "8 failed speculations (no speculative buffer available)",
                "1 error in ERROR probe enabling",
            ]
        );
    }
}
