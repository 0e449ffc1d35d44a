//! Anonymous tracing of a process by itself: what the driver does when it is loaded, done when the first device is opened here.
//!
//! The file is looked for only where the environment says so. The one that the driver reads when the machine starts is meant for
//! the machine; every process with this engine would take it for its own.

use crate::host::Process;
use dtrace_engine::{Anonymous, Dtrace, Host};
use std::io::{self, Read};

pub use dtrace_engine::SAVED_MAX;

/// The environment variable that names the file.
const SAVED_IN: &str = "DTRACE_ANONYMOUS";

/// Begins what was saved, if the environment names a file and there is one.
pub(crate) fn begin(dtrace: &Dtrace<Process>) {
    let Some(path) = std::env::var_os(SAVED_IN) else { return };
    let mut saved = Vec::new();
    // A byte too many tells that there are too many.
    let read =
        std::fs::File::open(&path).and_then(|file| file.take(SAVED_MAX as u64 + 1).read_to_end(&mut saved));
    let shown = path.display();
    match read {
        Ok(_) => match dtrace.begin_anonymous(&saved) {
            Ok(Anonymous { .. }) => {}
            Err(error) => dtrace.host().log(format_args!("{shown} is not used: {error}")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => dtrace.host().log(format_args!("{shown} cannot be read: {error}")),
    }
}
