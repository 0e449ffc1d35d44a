//! The conventions of the suite of illumos, as its documentation tells them.
//!
//! Tests are `tst.*`, `err.*` and `drp.*` in directories by subject: `.d` a program, `.ksh` (or `.sh`) a script that is given
//! the path of dtrace, `.c` a C program. `err.*` ends with 1; `err.D_TAG.*` gives that tag under `-x errtags`;
//! `drp.DTRACEDROP_NAME.*` that one under `-x droptags`. `TEST.d.out` or `TEST.ksh.out` is the expected standard output, without
//! standard error; `.exe` beside a test, or the `.c` it is made from, is the program that is traced, by `-c`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files_below;
use crate::test::{Dialect, Expects, Form, Test, Timing, Trigger};

/// The tests below `suite`, and the directory they are named from.
pub(crate) fn tests(suite: &Path) -> io::Result<(PathBuf, Vec<Test>)> {
    let mut files = Vec::new();
    files_below(suite, &mut files)?;
    let mut tests = Vec::new();
    for file in files {
        if let Some(test) = read(&file, suite)? {
            tests.push(test);
        }
    }
    Ok((suite.to_owned(), tests))
}

fn read(file: &Path, suite: &Path) -> io::Result<Option<Test>> {
    let named = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (mut form, extension) = match file.extension().and_then(|extension| extension.to_str()) {
        Some("d") => (Form::Program, "d"),
        Some("ksh") => (Form::Script, "ksh"),
        Some("sh") => (Form::Script, "sh"),
        Some("c") => (Form::C, "c"),
        _ => return Ok(None),
    };
    if !["tst.", "err.", "drp."].iter().any(|start| named.starts_with(start)) {
        return Ok(None);
    }
    let base = file.with_extension("");
    let beside = |ending: &str| {
        Some(PathBuf::from(format!("{}.{ending}", base.display()))).filter(|path| path.exists())
    };
    // The source of what a program or script traces is no test.
    if form == Form::C && (beside("d").is_some() || beside("ksh").is_some() || beside("sh").is_some()) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
    if form == Form::Program && text.starts_with("#!dtrace") {
        form = Form::Interpreted;
    }
    let expects = match named.split('.').next() {
        Some("err") => match named.split('.').nth(1) {
            Some(tag) if tag.starts_with("D_") => Expects::Tag(tag.to_owned()),
            _ => Expects::Failure,
        },
        Some("drp") => Expects::Drop(named.split('.').nth(1).unwrap_or_default().to_owned()),
        _ => Expects::Success,
    };
    let preprocessed = ["#define", "#include", "#if", "# define", "# include", "# if"];
    let options = if text.lines().any(|line| preprocessed.iter().any(|word| line.starts_with(word))) {
        "-C"
    } else {
        ""
    };
    let program = if form == Form::C { None } else { beside("exe").or_else(|| beside("c")) };
    Ok(Some(Test {
        name: file.strip_prefix(suite).unwrap_or(file).display().to_string(),
        directory: file
            .parent()
            .and_then(|path| path.strip_prefix(suite).ok())
            .unwrap_or(suite)
            .display()
            .to_string(),
        dialect: Dialect::Common,
        form,
        expects,
        expected: beside(&format!("{extension}.out")).or_else(|| beside("out")),
        filter: None,
        conditions: Vec::new(),
        options: if form == Form::Program { options.to_owned() } else { String::new() },
        trigger: program.map(|program| Trigger {
            program,
            arguments: String::new(),
            timing: Timing::ByDtrace,
        }),
        disowned: None,
        seconds: None,
        endless: false,
        ordered: true,
        compares_errors: false,
        text,
    }))
}
