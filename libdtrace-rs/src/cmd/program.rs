//! Compiling the clauses and scripts of the command line.

use std::path::Path;

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
pub(super) fn compile(handle: &mut Handle, arguments: &Arguments, name: &str) -> Done<Vec<Compiled>> {
    let compiled = arguments.clauses.iter().map(|clause| one(handle, arguments, clause, name)).collect();
    for (path, error) in handle.library_faults() {
        message(format_args!("library {} is left out: {error}", path.display()));
    }
    compiled
}

fn one(handle: &mut Handle, arguments: &Arguments, clause: &Clause, name: &str) -> Done<Compiled> {
    let zeroth = match clause {
        Clause::Text { .. } => name,
        Clause::Script(path) => path,
    };
    let mut words = vec![zeroth.to_string()];
    words.extend(arguments.operands.iter().cloned());
    let tagged = handle.options().compile.errtags;
    let shown = |error: &Error| if tagged { error.tagged() } else { error.to_string() };
    match clause {
        Clause::Text { spec, text } => match handle.compile_string(text, *spec, &words) {
            Ok(program) => Ok(Compiled { kind: "description", name: description(text), program }),
            Err(error) => {
                let message = format!("invalid probe specifier {text}: {}", shown(&error));
                fail_in_output(handle, arguments, Some(&error), message)
            }
        },
        Clause::Script(path) => {
            let text = match read(path) {
                Ok(text) => text,
                Err(Error::Sys(libc::EISDIR)) => {
                    let code = crate::error::Code::FileIo;
                    return fail(format_args!("failed to compile script {path}: {}", code.message()));
                }
                Err(error) => return fail(format_args!("failed to open {path}: {error}")),
            };
            match handle.compile_script(&text, &words) {
                Ok(program) => Ok(Compiled { kind: "script", name: path.clone(), program }),
                Err(error) => {
                    let message = format!("failed to compile script {path}: {}", shown(&error));
                    fail_in_output(handle, arguments, Some(&error), message)
                }
            }
        }
    }
}

/// The text of a script; `-` is standard input.
fn read(path: &str) -> Result<Vec<u8>> {
    if path == "-" {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut text)?;
        return Ok(text);
    }
    Ok(std::fs::read(Path::new(path))?)
}

/// What a clause is called in messages: its probe descriptions, without predicate and actions.
fn description(text: &str) -> String {
    text.split(['{', '/', ';']).next().unwrap_or("").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_called_by_its_descriptions() {
        assert_eq!(description("BEGIN,END { trace(1); }"), "BEGIN,END ");
        assert_eq!(description("syscall:::entry/pid == 1/{}"), "syscall:::entry");
    }
}
