//! Compiling the clauses and scripts of the command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::arguments::{Arguments, Clause};
use super::{Done, fail, fail_in_output, message};
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::program::Program;

/// A compiled clause or script.
#[derive(Debug)]
pub(super) struct Compiled {
    /// `description` or `script`.
    pub(super) kind: &'static str,
    /// The probe description, or the name of the script.
    pub(super) name: String,
    /// What it was compiled to.
    pub(super) program: Program,
}

/// Compiles them all, in order.
pub(super) fn compile(handle: &mut Handle, arguments: &Arguments, name: &OsStr) -> Done<Vec<Compiled>> {
    let compiled = arguments.clauses.iter().map(|clause| one(handle, arguments, clause, name)).collect();
    for (path, error) in handle.library_faults() {
        message(format_args!("library {} is left out: {error}", path.display()));
    }
    compiled
}

fn one(handle: &mut Handle, arguments: &Arguments, clause: &Clause, name: &OsStr) -> Done<Compiled> {
    let zeroth = match clause {
        Clause::Text { .. } => name,
        Clause::Script(path) => path,
    };
    let mut words = vec![zeroth.to_owned()];
    words.extend(arguments.operands.iter().cloned());
    let tagged = handle.options().compile.errtags;
    let shown = |error: &Error| if tagged { error.tagged() } else { error.to_string() };
    match clause {
        Clause::Text { spec, text } => match handle.compile_string(text, *spec, &words) {
            Ok(program) => {
                let name = description(&String::from_utf8_lossy(text));
                Ok(Compiled { kind: "description", name, program })
            }
            Err(error) => {
                let text = String::from_utf8_lossy(text);
                let message = format!("invalid probe specifier {text}: {}", shown(&error));
                fail_in_output(handle, arguments, Some(&error), message)
            }
        },
        Clause::Script(file) => {
            let path = file.display();
            let text = match read(file) {
                Ok(text) => text,
                Err(Error::Sys(libc::EISDIR)) => {
                    let code = crate::error::Code::FileIo;
                    return fail(format_args!("failed to compile script {path}: {}", code.message()));
                }
                Err(error) => return fail(format_args!("failed to open {path}: {error}")),
            };
            match handle.compile_script(&text, &words) {
                Ok(program) => Ok(Compiled { kind: "script", name: path.to_string(), program }),
                Err(error) => {
                    let message = format!("failed to compile script {path}: {}", shown(&error));
                    fail_in_output(handle, arguments, Some(&error), message)
                }
            }
        }
    }
}

/// The text of a script; `-` is standard input.
fn read(path: &OsStr) -> Result<Vec<u8>> {
    if path == "-" {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut text)?;
        return Ok(text);
    }
    Ok(std::fs::read(path)?)
}

/// The name of a script, without its directory, with another ending in the place of `.d`.
pub(super) fn named_after(script: &OsStr, ending: &str) -> OsString {
    let name = script.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let name = name.strip_suffix(b".d").unwrap_or(name);
    OsString::from_vec([name, ending.as_bytes()].concat())
}

/// What a clause is called in messages: its probe descriptions, without predicate and actions.
fn description(text: &str) -> String {
    text.split(['{', '/', ';']).next().unwrap_or("").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_scripts() {
        assert_eq!(named_after(OsStr::new("dir/x.d"), ".h"), "x.h");
        assert_eq!(named_after(OsStr::from_bytes(b"\xff"), ".o").into_vec(), b"\xff.o");
    }

    #[test]
    fn a_clause_is_called_by_its_descriptions() {
        assert_eq!(description("BEGIN,END { trace(1); }"), "BEGIN,END ");
        assert_eq!(description("syscall:::entry/pid == 1/{}"), "syscall:::entry");
    }
}
