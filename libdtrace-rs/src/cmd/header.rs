//! `dtrace -h`: the header of the probes that scripts declare.

use std::ffi::OsStr;

use super::arguments::{Arguments, Clause};
use super::{Done, fail, program};
use crate::handle::Handle;

/// Compiles the scripts and writes the header of all their providers to `-o FILE`, or to the last script's name with `.h` in
/// place of `.d`, in the current directory.
pub(super) fn run(handle: &mut Handle, arguments: &Arguments, name: &OsStr) -> Done<u8> {
    // Probes of programs that do not run yet match nothing.
    handle.options_mut().compile.zdefs = true;
    program::compile(handle, arguments, name)?;
    let script = arguments.clauses.iter().rev().find_map(|clause| match clause {
        Clause::Script(path) => Some(path),
        Clause::Text { .. } => None,
    });
    let file = match (&arguments.output, script) {
        (Some(file), _) => file.clone(),
        (None, Some(script)) => program::named_after(script, ".h"),
        (None, None) => return fail("-h requires an output file if no scripts are specified"),
    };
    if let Err(error) = std::fs::write(&file, handle.header(&file.to_string_lossy())) {
        let (file, error) = (file.display(), crate::error::Error::from(error));
        return fail(format_args!("failed to open header file '{file}': {error}"));
    }
    Ok(0)
}
