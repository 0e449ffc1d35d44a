//! What is measured natively: the rows of the table in bench/README.md.

/// One shape of clause.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in the table.
    pub name: &'static str,
    /// The D program that is enabled, on the entry and the return probe of a [`Rig`](crate::Rig).
    pub program: &'static str,
    /// What is fired.
    pub fires: Fires,
    /// What the original's engine takes, in nanoseconds (an AMD EPYC, warm, best of ten medians), if it was measured.
    pub original: Option<f64>,
    /// What ours is to take at most.
    pub aim: Option<f64>,
    /// What stands between, where the aim is missed.
    pub between: &'static str,
}

/// What one round of a row fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fires {
    /// The entry probe.
    Entry,
    /// The entry probe, of a consumer that has been closed.
    Nothing,
    /// The entry probe and the return probe.
    Pair,
}

const NOTHING: &str = "bench:::entry {} bench:::return {}";

const fn row(name: &'static str, original: f64, aim: f64, program: &'static str) -> Row {
    Row { name, program, fires: Fires::Entry, original: Some(original), aim: Some(aim), between: "" }
}

/// Why a row that only loads and stores is not faster: what every firing in a process pays.
const SLOT: &str = "taking and leaving the CPU's slot and counter is half of it";

/// All rows: those that have a figure of the original, in the order of its table, then ours alone.
pub const ROWS: [Row; 14] = [
    Row { fires: Fires::Nothing, ..row("probe with no ECB", 10.0, 3.0, NOTHING) },
    Row { between: SLOT, ..row("empty clause", 16.0, 7.0, NOTHING) },
    row("false predicate, cached", 4.0, 2.0, "bench:::entry /pid == 1/ {} bench:::return {}"),
    row("false predicate, not cacheable", 32.0, 8.0, "bench:::entry /arg0 == -1/ {} bench:::return {}"),
    row("@ = count()", 51.0, 12.0, "bench:::entry { @ = count(); } bench:::return {}"),
    row("@[execname] = count()", 92.0, 20.0, "bench:::entry { @[execname] = count(); } bench:::return {}"),
    row(
        "@[probefunc, pid] = count()",
        117.0,
        25.0,
        "bench:::entry { @[probefunc, pid] = count(); } bench:::return {}",
    ),
    Row { between: SLOT, ..row("n++", 30.0, 8.0, "bench:::entry { n++; } bench:::return {}") },
    Row {
        fires: Fires::Pair,
        between: "two reads of the system's clock, 24 ns each, and four uses of the store of variables",
        ..row(
            "latency by self->t and quantize, a pair",
            258.0,
            60.0,
            "bench:::entry { self->t = timestamp; } \
             bench:::return /self->t/ { @ = quantize(timestamp - self->t); self->t = 0; }",
        )
    },
    Row {
        fires: Fires::Pair,
        between: "the key is put together and hashed anew for each of three uses",
        ..row(
            "associative array set, read, clear, a pair",
            488.0,
            110.0,
            "bench:::entry { a[pid, probefunc] = arg0 + 1; } \
             bench:::return /a[pid, probefunc]/ { a[pid, probefunc] = 0; }",
        )
    },
    Row {
        between: SLOT,
        ..row("trace(arg0)", 30.0, 9.0, "bench:::entry { trace(arg0); } bench:::return {}")
    },
    Row {
        between: SLOT,
        ..row(
            "printf of two integers",
            42.0,
            12.0,
            "bench:::entry { printf(\"%d %d\", arg0, arg1); } bench:::return {}",
        )
    },
    Row {
        between: "the string's slot of 256 bytes is cleared",
        ..row(
            "printf of execname and pid",
            212.0,
            30.0,
            "bench:::entry { printf(\"%s %d\", execname, pid); } bench:::return {}",
        )
    },
    Row {
        original: None,
        aim: None,
        ..row("timestamp", 0.0, 0.0, "bench:::entry { this->t = timestamp; } bench:::return {}")
    },
];
