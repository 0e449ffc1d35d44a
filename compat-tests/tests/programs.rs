//! The D programs of `compat-tests/programs`, natively: each through our `dtrace` on the engine in its own process, by the
//! preloaded device, against what it printed before; and, where `DTRACE_ORIG` names one, through the original's command on
//! the same engine, against ours.
//!
//! What is compared is all that can be seen: standard output, standard error, the exit status (`programs/run`). A program that
//! says `differs:` must differ, so that no reason outlives its difference. UPDATE_PROGRAMS=1 writes down what ours prints.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

mod built;
use built::built;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

/// The programs by name.
fn programs() -> BTreeMap<String, PathBuf> {
    let all = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let programs = all.filter(|path| path.extension().is_some_and(|e| e == "d"));
    programs.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

/// What a dtrace command prints for a program.
fn run(dtrace: &Path, program: &Path) -> String {
    let built = built();
    let mut run = Command::new("sh");
    run.arg(directory().join("run")).arg(dtrace).arg(program).env("PRELOAD", &built.preload);
    if dtrace == built.dtrace {
        run.env("DTRACE_DEV", "/dev/dtrace");
    } else {
        run.env_remove("DTRACE_DEV");
    }
    let printed = String::from_utf8_lossy(&run.output().unwrap().stdout).into_owned();
    assert!(!printed.contains("-- status 124\n"), "{} does not end:\n{printed}", program.display());
    printed
}

/// Runs `f` for each program, a few at a time: most of the time they wait for a tick. What it returns is what is wrong.
fn for_each(f: impl Fn(&str, &Path) -> Option<String> + Sync) -> Vec<String> {
    let programs: Vec<_> = programs().into_iter().collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    built();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((name, path)) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(message) = f(name, path) {
                        wrong.lock().unwrap().push(message);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    wrong
}

/// The lines of two texts that are not the same.
fn difference(what: &str, [one, other]: [(&str, &str); 2]) -> String {
    let mut text = format!("{what}:\n");
    let longest = one.1.lines().count().max(other.1.lines().count());
    for n in 0..longest {
        let (a, b) = (one.1.lines().nth(n), other.1.lines().nth(n));
        if a != b {
            for (name, line) in [(one.0, a), (other.0, b)] {
                text += &format!("  {name:>8}: {}\n", line.unwrap_or("(no more lines)"));
            }
        }
    }
    text
}

#[test]
fn our_command_prints_what_it_printed_before() {
    let update = env::var_os("UPDATE_PROGRAMS").is_some();
    let wrong = for_each(|name, program| {
        let expected = program.with_extension("out");
        let printed = run(&built().dtrace, program);
        // A program that does not compile compares nothing but that, which is for those that say so.
        let meant = name.starts_with("error-") || name.starts_with("difference-error-");
        if !meant && printed.contains("dtrace: failed to compile") {
            return Some(format!("{name} does not compile:\n{printed}"));
        }
        if update {
            fs::write(&expected, printed).unwrap();
            return None;
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        (printed != wanted).then(|| difference(name, [("before", &wanted), ("now", &printed)]))
    });
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert!(programs().len() >= 100);
}

#[test]
fn the_original_prints_the_same() {
    let Some(original) = env::var_os("DTRACE_ORIG").map(PathBuf::from) else {
        println!("skipped: DTRACE_ORIG=/path/to/dtrace names the original's command");
        return;
    };
    assert!(original.is_absolute() && original.is_file(), "{}: no such command", original.display());
    let differing = Mutex::new(Vec::new());
    let wrong = for_each(|name, program| {
        let text = fs::read_to_string(program).unwrap();
        let reason = text.lines().find_map(|line| line.strip_prefix("/* differs: ")?.strip_suffix(" */"));
        let (theirs, ours) = (run(&original, program), run(&built().dtrace, program));
        match reason {
            None => (theirs != ours).then(|| difference(name, [("original", &theirs), ("ours", &ours)])),
            Some(_) if theirs == ours => Some(format!("{name}: is said to differ, but does not\n")),
            Some(reason) => {
                differing.lock().unwrap().push(format!("{name}: {reason}"));
                None
            }
        }
    });
    let mut differing = differing.into_inner().unwrap();
    differing.sort();
    println!("{} programs print the same", programs().len() - differing.len() - wrong.len());
    println!("{} programs differ for a reason:\n  {}", differing.len(), differing.join("\n  "));
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
