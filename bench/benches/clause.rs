//! Nanoseconds per firing, by the shape of the clause: the rows of the table in bench/README.md.
//!
//! Firings come in rounds that the buffers hold; between rounds they are emptied, which is not measured.

use std::time::{Duration, Instant};

use bench::Rig;
use criterion::Criterion;

/// Firings between two snapshots: 4 MiB hold as many of the largest record here.
const ROUND: u64 = 8_000;

/// A row: its name and program. The return probe is fired, too, where `pair` says so.
struct Row {
    name: &'static str,
    program: &'static str,
    pair: bool,
}

const fn row(name: &'static str, program: &'static str) -> Row {
    Row { name, program, pair: false }
}

const fn pair(name: &'static str, program: &'static str) -> Row {
    Row { name, program, pair: true }
}

const ROWS: [Row; 13] = [
    row("empty clause", "bench:::entry {} bench:::return {}"),
    row("false predicate, cached", "bench:::entry /pid == 1/ {} bench:::return {}"),
    row("false predicate, not cacheable", "bench:::entry /arg0 == -1/ {} bench:::return {}"),
    row("@ = count()", "bench:::entry { @ = count(); } bench:::return {}"),
    row("@[execname] = count()", "bench:::entry { @[execname] = count(); } bench:::return {}"),
    row("@[probefunc, pid] = count()", "bench:::entry { @[probefunc, pid] = count(); } bench:::return {}"),
    row("n++", "bench:::entry { n++; } bench:::return {}"),
    pair(
        "latency by self->t and quantize, a pair",
        "bench:::entry { self->t = timestamp; } \
         bench:::return /self->t/ { @ = quantize(timestamp - self->t); self->t = 0; }",
    ),
    pair(
        "associative array set, read, clear, a pair",
        "bench:::entry { a[pid, probefunc] = arg0 + 1; } \
         bench:::return /a[pid, probefunc]/ { a[pid, probefunc] = 0; }",
    ),
    row("trace(arg0)", "bench:::entry { trace(arg0); } bench:::return {}"),
    row("printf of two integers", "bench:::entry { printf(\"%d %d\", arg0, arg1); } bench:::return {}"),
    row(
        "printf of execname and pid",
        "bench:::entry { printf(\"%s %d\", execname, pid); } bench:::return {}",
    ),
    row("timestamp", "bench:::entry { this->t = timestamp; } bench:::return {}"),
];

fn clauses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clause");
    for Row { name, program, pair } in ROWS {
        let mut rig = Rig::new(program);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|firings| {
                let mut spent = Duration::ZERO;
                let mut left = firings;
                while left > 0 {
                    let round = left.min(ROUND);
                    let begin = Instant::now();
                    for _ in 0..round {
                        rig.entry();
                        if pair {
                            rig.exit();
                        }
                    }
                    spent += begin.elapsed();
                    rig.drain();
                    left -= round;
                }
                spent
            });
        });
    }
    let mut idle = Rig::new("bench:::entry {} bench:::return {}");
    idle.close();
    group.bench_function("probe with no ECB", |bencher| bencher.iter(|| idle.entry()));
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    clauses(&mut criterion);
    criterion.final_summary();
}
