//! Nanoseconds per firing, by the shape of the clause: the rows of the table in bench/README.md, beside the original's.
//!
//! Firings come in rounds that the buffers hold; between rounds they are emptied, which is not measured. At the end stands
//! the table, of criterion's medians.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bench::{ROWS, Rig, Row};
use criterion::Criterion;

/// Firings between two snapshots: 4 MiB hold as many of the largest record here.
const ROUND: u64 = 8_000;

/// The group's name, by which criterion keeps what it measured.
const GROUP: &str = "clause";

fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(GROUP);
    for (number, row) in ROWS.iter().enumerate() {
        let mut rig = Rig::for_row(row);
        group.bench_function(id(number, row), |bencher| {
            bencher.iter_custom(|firings| {
                let mut spent = Duration::ZERO;
                let mut left = firings;
                while left > 0 {
                    let round = left.min(ROUND);
                    let begin = Instant::now();
                    rig.fire(row.fires, round);
                    spent += begin.elapsed();
                    rig.drain();
                    left -= round;
                }
                spent
            });
        });
    }
    group.finish();
}

/// A row's name for criterion: one that is a file's name as well.
fn id(number: usize, row: &Row) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("{number:02}-{}", row.name.chars().map(word).collect::<String>())
}

/// The median that criterion has just kept for a row, if the row was measured.
fn median(kept: &Path, id: &str) -> Option<f64> {
    let text = std::fs::read_to_string(kept.join(GROUP).join(id).join("new/estimates.json")).ok()?;
    let (_, rest) = text.split_once("\"median\":")?;
    let (_, rest) = rest.split_once("\"point_estimate\":")?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}

fn print_table(kept: &Path) {
    println!(
        "\n{:<44} {:>7} {:>9} {:>6} {:>5}  ",
        "nanoseconds per firing (median)", "ours", "original", "times", "aim"
    );
    for (number, row) in ROWS.iter().enumerate() {
        let Some(ns) = median(kept, &id(number, row)) else { continue };
        let (original, times) = match row.original {
            Some(original) => (format!("{original:.0}"), format!("{:.1}", original / ns)),
            None => Default::default(),
        };
        let (aim, between) = match row.aim {
            Some(aim) if ns > aim => (format!("{aim:.0}"), format!("missed: {}", row.between)),
            Some(aim) => (format!("{aim:.0}"), String::new()),
            None => Default::default(),
        };
        println!("{:<44} {ns:>7.1} {original:>9} {times:>6} {aim:>5}  {between}", row.name);
    }
}

fn main() {
    // A directory of its own: what is in the table is of this run.
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("clause");
    let _ = std::fs::remove_dir_all(&kept);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .output_directory(&kept)
        .configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
    print_table(&kept);
}
