//! The conventions of the suite of illumos, as its documentation tells them, beyond what `layout.rs` has.
//!
//! `.d` is a program, `.ksh` (or `.sh`) a script that is given the path of dtrace, `.c` a C program. `TEST.d.out` or `TEST.ksh.out`
//! is the expected standard output, without standard error. `.exe` beside a test, or the `.c` it is made from, is the program that
//! is traced: it runs already and its process id is the argument, where the test asks for one (`$1`), else it is dtrace's
//! command. A test runs in its own directory. A program whose first line names dtrace and that may be executed is.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::layout::{Entry, Suite, files_below};
use crate::test::{Dialect, Form, Test, Timing, Trigger};

/// Directories of tests for machines that are not this one.
const MACHINES: &[&str] =
    &["arm", "i386", "i386xpv", "i86xpv", "riscv", "sparc", "sparcv9", "sun4u", "sun4v"];

/// What a line begins with that is for the preprocessor.
const PREPROCESSED: &[&str] = &["#define", "#include", "#if", "# define", "# include", "# if"];

/// The suite in a directory.
pub(crate) fn suite(suite: &Path) -> io::Result<Suite> {
    let mut files = Vec::new();
    files_below(suite, &mut files)?;
    let mut tests = Vec::new();
    for file in files {
        if let Some(test) = read(&file, suite)? {
            tests.push(test);
        }
    }
    Ok(Suite { root: suite.to_owned(), top: suite.to_owned(), tests })
}

fn read(file: &Path, suite: &Path) -> io::Result<Option<Test>> {
    let Some(mut entry) = Entry::read(file)? else { return Ok(None) };
    // The source of what a program or script traces is no test.
    if entry.form == Form::C && ["d", "ksh", "sh"].iter().any(|ending| entry.beside(ending).is_some()) {
        return Ok(None);
    }
    let interpreter = entry.text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or_default();
    let of_dtrace = interpreter.split_whitespace().next().is_some_and(|path| path.ends_with("dtrace"));
    if entry.form == Form::Program && of_dtrace && file.metadata()?.permissions().mode() & 0o111 != 0 {
        entry.form = Form::Interpreted;
    }
    let expected = entry.beside(&format!("{}.out", entry.extension)).or_else(|| entry.beside("out"));
    let mut options = String::new();
    let preprocessed = |line: &str| PREPROCESSED.iter().any(|word| line.starts_with(word));
    if entry.form == Form::Program && entry.text.lines().any(preprocessed) {
        options += "-C";
    }
    let traced = matches!(entry.form, Form::Program | Form::Interpreted)
        && (entry.beside("exe").is_some() || entry.beside("c").is_some());
    let trigger = traced.then(|| {
        let by_number = entry.text.contains("$1");
        if by_number {
            options += " $_pid";
        }
        Trigger {
            program: PathBuf::from(format!("{}.exe", entry.base.display())),
            arguments: String::new(),
            timing: if by_number { Timing::Delayed(0) } else { Timing::ByDtrace },
        }
    });
    let runs_in = file.parent().and_then(|path| path.strip_prefix(suite).ok()).unwrap_or(Path::new(""));
    let machine = runs_in
        .components()
        .filter_map(|part| part.as_os_str().to_str())
        .find(|part| MACHINES.contains(part));
    Ok(Some(Test {
        file: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        runs_in: runs_in.to_owned(),
        expected,
        options,
        trigger,
        disowned: machine.map(|machine| format!("the suite has it for another machine: {machine}")),
        ..entry.test(suite, suite, Dialect::Common)
    }))
}
