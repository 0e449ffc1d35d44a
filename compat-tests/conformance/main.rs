//! Runs a DTrace test suite that lies outside this repository against our `dtrace`, and says what it shows.
//!
//! ```text
//! conformance --kind oracle|illumos --suite DIRECTORY --dtrace COMMAND [--jobs N] [--limit SECONDS] [--failures FILE] [PART...]
//! ```
//!
//! A suite is read by its public conventions (`layout.rs`, `oracle.rs`, `illumos.rs`): which files are tests, how each is run, what it
//! expects. It runs natively, on the engine that our library hosts in its own process, so no driver is needed. What cannot be
//! judged there is excluded, by a rule that looks at what the test says (`rules.rs`); no rule knows the name of a test. What
//! a test prints is compared after the differences between two machines, and between two mechanisms, are taken out of both
//! sides (`compare.rs`).
//!
//! PART: only the tests whose path contains one of these.

mod compare;
mod execute;
mod illumos;
mod layout;
mod oracle;
mod report;
mod rules;
mod scan;
mod tags;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, io, thread};

use rules::Platform;
use test::{Test, Verdict};

/// Which conventions a suite follows.
#[derive(Clone, Copy)]
enum Kind {
    Oracle,
    Illumos,
}

/// What the words of the command line ask for.
struct Request {
    kind: Kind,
    suite: PathBuf,
    dtrace: PathBuf,
    jobs: usize,
    limit: Duration,
    failures: Option<PathBuf>,
    parts: Vec<String>,
}

impl Request {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut kind, mut suite, mut dtrace, mut failures) = (None, None, None, None);
        let (mut jobs, mut limit, mut parts) = (2, 60, Vec::new());
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--kind" => {
                    kind = Some(match value()?.as_str() {
                        "oracle" => Kind::Oracle,
                        "illumos" => Kind::Illumos,
                        other => return Err(format!("{other} is no kind of suite: oracle, illumos")),
                    });
                }
                "--suite" => suite = Some(PathBuf::from(value()?)),
                "--dtrace" => dtrace = Some(PathBuf::from(value()?)),
                "--failures" => failures = Some(PathBuf::from(value()?)),
                "--jobs" => jobs = value()?.parse().map_err(|_| "--jobs wants a number")?,
                "--limit" => limit = value()?.parse().map_err(|_| "--limit wants a number of seconds")?,
                option if option.starts_with('-') => return Err(format!("{option} is no option")),
                _ => parts.push(word),
            }
        }
        let absolute = |path: Option<PathBuf>, what| {
            let path: PathBuf = path.ok_or_else(|| format!("{what} is not given"))?;
            path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self {
            kind: kind.ok_or("--kind is not given")?,
            suite: absolute(suite, "--suite")?,
            dtrace: absolute(dtrace, "--dtrace")?,
            jobs: jobs.max(1),
            limit: Duration::from_secs(limit),
            failures,
            parts,
        })
    }
}

fn run(request: &Request) -> Result<bool, String> {
    let said = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let read = match request.kind {
        Kind::Oracle => oracle::suite,
        Kind::Illumos => illumos::suite,
    };
    let mut suite = read(&request.suite).map_err(|error| said(&request.suite, error))?;
    let chosen = |test: &Test| {
        request.parts.is_empty() || request.parts.iter().any(|part| test.name.contains(part.as_str()))
    };
    suite.tests.retain(chosen);
    if suite.tests.is_empty() {
        return Err(format!("{}: there are no tests", request.suite.display()));
    }
    let platform = Platform::ask(&request.dtrace).map_err(|error| said(&request.dtrace, error))?;
    let place = execute::Place::new(&suite, &request.dtrace, request.limit, &platform)
        .map_err(|error| error.to_string())?;

    let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..request.jobs {
            scope.spawn(|| {
                while let Some(test) = suite.tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = match rules::exclude(test, &platform, &place) {
                        Some(reason) => Verdict::Excluded(reason),
                        None => place.judge(test),
                    };
                    verdicts.lock().unwrap().push((test, verdict));
                }
            });
        }
    });
    let mut verdicts = verdicts.into_inner().unwrap();
    verdicts.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    print!("{}", report::table(&verdicts));
    if let Some(file) = &request.failures {
        fs::write(file, report::failures(&verdicts)).map_err(|error| said(file, error))?;
        println!("failures and exclusions: {}", file.display());
    }
    Ok(verdicts.iter().all(|(_, verdict)| !matches!(verdict, Verdict::Fail(_))))
}

fn main() -> ExitCode {
    match Request::parse(env::args().skip(1)).and_then(|request| run(&request)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("conformance: {message}");
            ExitCode::from(125)
        }
    }
}
