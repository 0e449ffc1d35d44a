//! Fires the rows of the table without criterion: `fire [PART-OF-NAME [ROUNDS]]`.
//!
//! Without ROUNDS it prints the best of many short measurements: quick, and steady on a busy machine. With ROUNDS it fires
//! so often and prints nothing: for a profiler or an instruction counter.

use std::time::Instant;

use bench::{ROWS, Rig};

/// Firings between two snapshots.
const ROUND: u64 = 2_000;

fn main() {
    let mut args = std::env::args().skip(1);
    let part = args.next().unwrap_or_default();
    let rounds: Option<u64> = args.next().map(|text| text.parse().expect("ROUNDS is a number"));
    for row in ROWS.iter().filter(|row| row.name.contains(&part)) {
        let mut rig = Rig::for_row(row);
        if let Some(rounds) = rounds {
            for _ in 0..rounds.div_ceil(ROUND) {
                rig.fire(row.fires, ROUND.min(rounds));
                rig.drain();
            }
            continue;
        }
        let mut best = f64::MAX;
        for _ in 0..2_000 {
            let begin = Instant::now();
            rig.fire(row.fires, ROUND);
            best = best.min(begin.elapsed().as_nanos() as f64 / ROUND as f64);
            rig.drain();
        }
        println!("{:<44} {best:>7.2}", row.name);
    }
}
