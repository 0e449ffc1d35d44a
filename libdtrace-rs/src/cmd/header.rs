//! `dtrace -h`: the header of the probes that scripts declare.

use std::path::Path;

use super::arguments::{Arguments, Clause};
use super::{Done, fail, program};
use crate::handle::Handle;

/// Compiles the scripts and writes the header of all their providers to `-o FILE`, or to the last script's name with `.h` in
/// place of `.d`, in the current directory.
pub(super) fn run(handle: &mut Handle, arguments: &Arguments, name: &str) -> Done<u8> {
    // Probes of programs that do not run yet match nothing.
    handle.options_mut().compile.zdefs = true;
    program::compile(handle, arguments, name)?;
    let script = arguments.clauses.iter().rev().find_map(|clause| match clause {
        Clause::Script(path) => Some(path.as_str()),
        Clause::Text { .. } => None,
    });
    let file = match (&arguments.output, script) {
        (Some(file), _) => file.clone(),
        (None, Some(script)) => {
            let file = script.rsplit('/').next().unwrap_or(script);
            format!("{}.h", file.strip_suffix(".d").unwrap_or(file))
        }
        (None, None) => return fail("-h requires an output file if no scripts are specified"),
    };
    if let Err(error) = std::fs::write(Path::new(&file), handle.header(&file)) {
        return fail(format_args!(
            "failed to open header file '{file}': {}",
            crate::error::Error::from(error)
        ));
    }
    Ok(0)
}
