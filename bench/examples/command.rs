//! What the `dtrace` command takes: `command DTRACE`. Prints how long it runs from exec to exit, the most memory that it has, and
//! how long the list of 100,000 probes takes.
//!
//! The times are of whole processes, the best and the middle one of many. The memory is what the system counts from the fork
//! on, so what needs much in this process comes last. The list is made in this process, by libdtrace,
//! from an engine that has as many probes as a kernel has functions.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bench::many;

/// Runs of each command.
const RUNS: usize = 30;

/// The aims: milliseconds from exec to exit, megabytes, and milliseconds.
const AIMS: [(&str, &str); 4] = [
    ("exec to exit", "30 ms, 20 MB"),
    ("200 clauses", "100 ms"),
    ("-l of 100,000", "3000 ms"),
    ("the same by a pattern", "3000 ms"),
];

/// What a run took: the time, and the most memory in kilobytes.
#[expect(clippy::zombie_processes, reason = "wait4 waits, and tells what it took")]
fn run(dtrace: &str, arguments: &[&str]) -> (Duration, i64) {
    let mut command = Command::new(dtrace);
    command
        .args(arguments)
        .env("DTRACE_DEV", "embedded")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begin = Instant::now();
    let child = command.spawn().expect("dtrace runs");
    let mut status = 0;
    // SAFETY: a zeroed rusage is one, and both addresses are of live values.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let pid = child.id().cast_signed();
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        usage
    };
    let time = begin.elapsed();
    assert_eq!(status, 0, "{arguments:?} fails");
    (time, usage.ru_maxrss)
}

fn row(name: &str, times: &mut [Duration], memory: Option<i64>) {
    times.sort_unstable();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let memory = memory.map_or(String::new(), |kilobytes| format!("{:.1}", kilobytes as f64 / 1024.0));
    let aim = AIMS.iter().find(|(part, _)| name.starts_with(part)).map_or("", |(_, aim)| aim);
    println!(
        "{name:<44} {:>8.1} {:>8.1} {memory:>6}   {aim}",
        milliseconds(times[0]),
        milliseconds(times[times.len() / 2])
    );
}

fn command(name: &str, dtrace: &str, arguments: &[&str]) {
    let runs: Vec<_> = (0..RUNS).map(|_| run(dtrace, arguments)).collect();
    let mut times: Vec<_> = runs.iter().map(|(time, _)| *time).collect();
    row(name, &mut times, runs.iter().map(|(_, memory)| *memory).max());
}

/// Clauses like those of a long script: predicates, aggregations, variables, formats.
fn script() -> String {
    let mut text = String::new();
    for n in 0..200 {
        let (a, t) = (n % 20, n % 50);
        let _ = writeln!(
            text,
            "syscall::read:entry /pid == {n} && arg0 > {n}/ {{ @a{a}[execname, probefunc] = quantize(arg2); \
             self->t{t} = timestamp; printf(\"%s %d\\n\", execname, arg0 + {n}); }}"
        );
    }
    text
}

fn list(name: &str, pattern: Option<&str>) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        let mut out = Vec::with_capacity(1 << 24);
        let listed = many::list(pattern, |probe| {
            let many::ProbeDesc { id, provider, module, function, name } = probe;
            writeln!(out, "{id:>5} {provider:>10} {module:>17} {function:>33} {name}")
                .expect("memory takes all");
        });
        times.push(begin.elapsed());
        assert!(listed >= many::COUNT / 2, "{listed}");
    }
    row(name, &mut times, None);
}

fn main() {
    let dtrace = std::env::args().nth(1).expect("command DTRACE: the path of the command");
    println!("{:<44} {:>8} {:>8} {:>6}   aim", "", "best, ms", "median", "MB");
    command("exec to exit: BEGIN { exit(0); }", &dtrace, &["-qn", "BEGIN { exit(0); }"]);
    let path = std::env::temp_dir().join(format!("bench-command-{}.d", std::process::id()));
    std::fs::write(&path, script()).expect("a directory for a script");
    let name = path.to_str().expect("a path that is text");
    command("200 clauses compiled (-e)", &dtrace, &["-e", "-s", name]);
    let _ = std::fs::remove_file(&path);
    list("-l of 100,000 probes", None);
    list("the same by a pattern: -n '*:::entry'", Some("*:::entry"));
}
