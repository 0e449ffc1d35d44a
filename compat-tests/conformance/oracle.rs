//! The conventions of the suite of Oracle's dtrace-utils.
//!
//! The suite is the directory `test`. Tests are `tst.*`, `err.*` and `drp.*`: `.d` a program, `.sh` a script, `.c` a C program.
//! `err.*` ends with 1; `err.D_TAG.*` gives that tag under `-x errtags`; `drp.DTRACEDROP_NAME.*` that one under `-x droptags`.
//! Beside a test lie `.r` (expected output; `.x86_64.r` before it), `.r.p` (a filter for the output), `.x` (a script: may it be
//! run?), `.t` (what is traced). Comments `@@name: value` in a test, or in `test.options` of a directory above it, say the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files_below;
use crate::scan::{mentions, tag};
use crate::test::{Dialect, Expects, Form, Test, Timing, Trigger};

/// The machine's architecture, as the suite calls it.
const ARCHITECTURE: &str = "x86_64";

/// The tests below `suite`, which is the directory `test`, one that holds it, or a part of it; and the directory above `test`,
/// where its runner stands.
pub(crate) fn tests(suite: &Path) -> io::Result<(PathBuf, Vec<Test>)> {
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
    Ok((root, tests))
}

/// The file beside the test with this ending, one for this architecture before one for all.
fn beside(base: &Path, ending: &str) -> Option<PathBuf> {
    let with = |ending: String| PathBuf::from(format!("{}.{ending}", base.display()));
    [with(format!("{ARCHITECTURE}.{ending}")), with(ending.to_owned())].into_iter().find(|path| path.exists())
}

fn read(file: &Path, top: &Path, root: &Path) -> io::Result<Option<Test>> {
    let named = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let form = match file.extension().and_then(|extension| extension.to_str()) {
        Some("d") => Form::Program,
        Some("sh") => Form::Script,
        Some("c") => Form::C,
        _ => return Ok(None),
    };
    if !["tst.", "err.", "drp."].iter().any(|start| named.starts_with(start)) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
    let form = if form == Form::Program && text.split_whitespace().next() == Some("#!dtrace") {
        Form::Interpreted
    } else {
        form
    };
    let base = file.with_extension("");

    // A tag in the test itself, else in the nearest directory that says something.
    let directories: Vec<&Path> = file.ancestors().skip(1).take_while(|path| path.starts_with(top)).collect();
    let told: Vec<String> = directories
        .iter()
        .filter_map(|directory| fs::read_to_string(beside(&directory.join("test"), "options")?).ok())
        .collect();
    let said = |name: &str| {
        tag(&text, name).or_else(|| told.iter().find_map(|text| tag(text, name))).map(str::to_owned)
    };
    let conditions =
        std::iter::once(&base).cloned().chain(directories.iter().map(|directory| directory.join("test")));

    let mut disowned = said("skip").map(|reason| format!("the suite skips it: {reason}"));
    if disowned.is_none() && tag(&text, "no-xfail").is_none() {
        disowned = said("xfail").map(|reason| format!("the suite expects it to fail: {reason}"));
    }
    if disowned.is_none() && said("tags").is_some_and(|tags| mentions(&tags, "unstable")) {
        disowned = Some("the suite says that it is not stable".to_owned());
    }
    let expects = match named.split('.').next() {
        Some("err") => match named.split('.').nth(1) {
            Some(tag) if tag.starts_with("D_") => Expects::Tag(tag.to_owned()),
            _ => Expects::Failure,
        },
        Some("drp") => Expects::Drop(named.split('.').nth(1).unwrap_or_default().to_owned()),
        _ => Expects::Success,
    };
    Ok(Some(Test {
        name: file.strip_prefix(root).unwrap_or(file).display().to_string(),
        directory: file
            .parent()
            .and_then(|path| path.strip_prefix(top).ok())
            .unwrap_or(top)
            .display()
            .to_string(),
        dialect: Dialect::Oracle,
        form,
        expects,
        expected: beside(&base, "r"),
        filter: Some(PathBuf::from(format!("{}.r.p", base.display()))).filter(|path| path.exists()),
        conditions: conditions.filter_map(|base| beside(&base, "x")).collect(),
        options: said("runtest-opts").unwrap_or_default(),
        trigger: trigger(&base, &said, top),
        disowned,
        seconds: said("timeout").and_then(|seconds| seconds.parse().ok()),
        endless: said("timeout-success").is_some(),
        ordered: said("nosort").is_some(),
        compares_errors: true,
        text,
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
    let built = top.join("triggers").join(name);
    let program = if built.exists() { built } else { built.with_extension("c") };
    Some(Trigger { program, arguments: arguments.to_owned(), timing })
}
