//! The `dtrace` command: from its arguments to its exit code.
//!
//! Options, messages, columns and exit codes are the original's (contract 6.1), with two differences: `-a` takes no argument,
//! and where the original does not return (`-c` of a program that is not there) there is an error.
//!
//! Exit codes: 0, or what the program gave to `exit()`; 1 for an error; 2 for wrong usage.

mod anonymous;
mod arguments;
mod header;
mod link;
mod list;
mod program;
mod report;
mod rows;
mod session;
mod signals;
mod usage;

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::consume::json;
use crate::error::Error;
use crate::handle::Handle;
use arguments::{Arguments, Mode, Setting};
pub use usage::list_options;

/// The exit code of an error.
const ERROR: u8 = 1;
/// The exit code of wrong usage.
const USAGE: u8 = 2;

/// Why the command ends early: its message has been printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed(u8);

type Done<T> = Result<T, Failed>;

/// Prints an error.
fn message(text: impl Display) {
    eprintln!("dtrace: {text}");
}

/// Prints an error that ends the command.
fn fail<T>(text: impl Display) -> Done<T> {
    message(text);
    Err(Failed(ERROR))
}

/// Prints an error that ends the command; where output is for machines, there too.
fn fail_in_output<T>(
    handle: &Handle,
    arguments: &Arguments,
    error: Option<&Error>,
    text: impl Display,
) -> Done<T> {
    let text = text.to_string();
    message(&text);
    if handle.options().is_json() {
        let write = || -> std::io::Result<()> {
            let mut out = session::output(arguments)?;
            writeln!(out, "{}", json::error(error, &text))?;
            out.flush()
        };
        if let Err(error) = write() {
            message(format_args!("failed to write output: {}", Error::from(error)));
        }
    }
    Err(Failed(ERROR))
}

/// Runs the command with the arguments of the process.
pub fn main() -> ExitCode {
    signals::default_pipe();
    let words: Vec<OsString> = std::env::args_os().collect();
    match run(&words) {
        Ok(status) => ExitCode::from(status),
        Err(Failed(status)) => ExitCode::from(status),
    }
}

fn run(words: &[OsString]) -> Done<u8> {
    let name = words.first().map_or(OsStr::new("dtrace"), OsString::as_os_str);
    if words.len() < 2 {
        return usage::print(None);
    }
    let arguments = match Arguments::parse(&words[1..]) {
        Ok(arguments) => arguments,
        Err(arguments::Fault::Usage(text)) => return usage::print(Some(&text)),
        Err(arguments::Fault::Message(text, status)) => {
            message(text);
            return Err(Failed(status));
        }
    };
    if arguments.mode == Mode::Version {
        return version(&arguments);
    }
    if matches!(arguments.mode, Mode::Link | Mode::Header) && arguments.clauses.is_empty() {
        let letter = if arguments.mode == Mode::Link { 'G' } else { 'h' };
        message(format_args!("-{letter} requires one or more scripts or enabling options"));
        return Err(Failed(USAGE));
    }
    if arguments.mode == Mode::Anonymous && !(arguments.commands.is_empty() && arguments.processes.is_empty())
    {
        message("-c and -p cannot be used with -A: there is nobody yet who could start a process");
        return Err(Failed(USAGE));
    }
    let mut handle = match Handle::open() {
        Ok(handle) => handle,
        Err(error) => return fail(format_args!("failed to initialize dtrace: {error}")),
    };
    handle.set_model(arguments.model);
    settings(&mut handle, &arguments)?;
    if handle.options().compile.core {
        signals::allow_core();
    }
    if handle.device().descriptor().is_none() && (arguments.verbose || is_surprising(&handle, &arguments)) {
        embedded_notice();
    }
    match arguments.mode {
        Mode::List => list::run(&mut handle, &arguments, name),
        Mode::Link => link::run(&mut handle, &arguments, name),
        Mode::Header => header::run(&mut handle, &arguments, name),
        Mode::Anonymous => anonymous::run(&mut handle, &arguments, name),
        Mode::Run | Mode::Version => session::run(&mut handle, &arguments, name),
    }
}

/// Whether a user who did not ask for the embedded engine may take its silence for that of the machine: it sees no process
/// that was not named.
fn is_surprising(handle: &Handle, arguments: &Arguments) -> bool {
    arguments.mode == Mode::Run
        && !arguments.only_compile
        && !arguments.clauses.is_empty()
        && arguments.commands.is_empty()
        && arguments.processes.is_empty()
        && !handle.options().is_on(dtrace_abi::option::QUIET)
        && std::env::var_os("DTRACE_DEV").is_none()
}

/// Says that the engine in this process is used.
fn embedded_notice() {
    message("using the embedded engine, which traces what -c and -p name (no driver on this machine)");
}

fn version(arguments: &Arguments) -> Done<u8> {
    println!("dtrace: Sun D 1.9");
    if arguments.verbose && crate::device::open().is_ok_and(|device| device.descriptor().is_none()) {
        embedded_notice();
    }
    Ok(0)
}

/// Sets the options of the handle: the command's own defaults, then what the arguments say, in their order.
fn settings(handle: &mut Handle, arguments: &Arguments) -> Done<()> {
    let set = |handle: &mut Handle, name: &str, value: Option<&str>| -> Result<(), Error> {
        handle.set_option(name, value)
    };
    for (name, value) in [("bufsize", "4m"), ("aggsize", "4m")] {
        if let Err(error) = set(handle, name, Some(value)) {
            return fail(format_args!("failed to set {name}: {error}"));
        }
    }
    // Macro arguments that a program does not look at are an error for scripts and clauses alike, unless it says so.
    for setting in &arguments.settings {
        let result = match setting {
            Setting::Letter { letter, name, value } => set(handle, name, value.as_deref()).map_err(|error| {
                let value = value.as_deref().unwrap_or("");
                format!("failed to set -{letter} {value}: {error}")
            }),
            Setting::Option { name, value } => set(handle, name, value.as_deref())
                .map_err(|error| format!("failed to set -x {name}: {error}")),
        };
        if let Err(text) = result {
            return fail(text);
        }
    }
    Ok(())
}
