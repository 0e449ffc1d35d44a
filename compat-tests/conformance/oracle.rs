//! The conventions of the suite of Oracle's dtrace-utils, beyond what `layout.rs` has.
//!
//! The suite is the directory `test`. `.d` is a program, `.sh` a script, `.c` a C program. Beside a test lie `.r` (expected output;
//! `.x86_64.r` before it), `.r.p` (a filter for the output), `.x` (a script: may it be run?), `.t` (what is traced). Comments
//! `@@name: value` in a test, or in `test.options` of a directory above it, say the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::layout::{self, Entry, Suite, files_below};
use crate::scan::{mentions, tag};
use crate::test::{Dialect, Form, Test, Timing, Trigger};

/// The machine's architecture, as the suite calls it.
const ARCHITECTURE: &str = "x86_64";

/// The suite in a directory, which is `test`, one that holds it, or a part of it. Its runner stands above `test`.
pub(crate) fn suite(suite: &Path) -> io::Result<Suite> {
    let suite =
        if suite.join("test/unittest").is_dir() { suite.join("test/unittest") } else { suite.to_owned() };
    let top = suite.ancestors().find(|directory| directory.ends_with("test")).unwrap_or(&suite).to_owned();
    let root = top.parent().unwrap_or(&top).to_owned();
    let mut files = Vec::new();
    files_below(&suite, &mut files)?;
    let mut tests = Vec::new();
    for file in files {
        if let Some(test) = read(&file, &top, &root)? {
            tests.push(test);
        }
    }
    Ok(Suite { root, top, tests })
}

/// The file beside the test with this ending, one for this architecture before one for all.
fn beside(base: &Path, ending: &str) -> Option<PathBuf> {
    layout::beside(base, &format!("{ARCHITECTURE}.{ending}")).or_else(|| layout::beside(base, ending))
}

fn read(file: &Path, top: &Path, root: &Path) -> io::Result<Option<Test>> {
    let Some(mut entry) = Entry::read(file)? else { return Ok(None) };
    if entry.form == Form::Program && entry.text.split_whitespace().next() == Some("#!dtrace") {
        entry.form = Form::Interpreted;
    }
    // A tag in the test itself, else in the nearest directory that says something.
    let directories: Vec<&Path> = file.ancestors().skip(1).take_while(|path| path.starts_with(top)).collect();
    let told: Vec<String> = directories
        .iter()
        .filter_map(|directory| fs::read_to_string(beside(&directory.join("test"), "options")?).ok())
        .collect();
    let text = &entry.text;
    let said = |name: &str| {
        tag(text, name).or_else(|| told.iter().find_map(|text| tag(text, name))).map(str::to_owned)
    };
    let mut disowned = said("skip").map(|reason| format!("the suite skips it: {reason}"));
    if disowned.is_none() && tag(text, "no-xfail").is_none() {
        disowned = said("xfail").map(|reason| format!("the suite expects it to fail: {reason}"));
    }
    if disowned.is_none() && said("tags").is_some_and(|tags| mentions(&tags, "unstable")) {
        disowned = Some("the suite says that it is not stable".to_owned());
    }
    let base = entry.base.clone();
    let conditions =
        std::iter::once(base.clone()).chain(directories.iter().map(|directory| directory.join("test")));
    let conditions = conditions.filter_map(|base| beside(&base, "x")).collect();
    let (options, trigger) = (said("runtest-opts").unwrap_or_default(), trigger(&base, &said, top));
    let seconds = said("timeout").and_then(|seconds| seconds.parse().ok());
    let (endless, ordered) = (said("timeout-success").is_some(), said("nosort").is_some());
    Ok(Some(Test {
        expected: beside(&base, "r"),
        filter: layout::beside(&base, "r.p"),
        conditions,
        options,
        trigger,
        disowned,
        seconds,
        endless,
        ordered,
        compares_errors: true,
        ..entry.test(top, root, Dialect::Oracle)
    }))
}

fn trigger(base: &Path, said: &impl Fn(&str) -> Option<String>, top: &Path) -> Option<Trigger> {
    let timing = match said("trigger-timing").as_deref() {
        None | Some("synchro") => Timing::ByDtrace,
        Some("before") => Timing::Delayed(0),
        Some("after") => Timing::Delayed(1),
        Some(seconds) => Timing::Delayed(seconds.parse().unwrap_or(1)),
    };
    if let Some(program) = beside(base, "t") {
        return Some(Trigger { program, arguments: String::new(), timing });
    }
    let words = said("trigger").filter(|words| words != "none" && !words.is_empty())?;
    let (name, arguments) = words.split_once(' ').unwrap_or((&words, ""));
    Some(Trigger { program: top.join("triggers").join(name), arguments: arguments.to_owned(), timing })
}
