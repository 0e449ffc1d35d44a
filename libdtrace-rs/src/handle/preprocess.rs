//! The C preprocessor, run on scripts (`-C`).
//!
//! The text goes in through a temporary file without a name, so that what the preprocessor says of it has the line numbers
//! of the script; what comes out is the program. A first line that begins with `#!` is for the kernel and not for it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::headers;
use crate::error::{Code, Error, Result};
use crate::options::{CompileOptions, Stdc};

/// Runs a text through the preprocessor.
pub(super) fn run(text: &[u8], options: &CompileOptions) -> Result<Vec<u8>> {
    let mut input = unnamed_file()?;
    if text.starts_with(b"#!") {
        // The line stays, empty.
        let rest = text.iter().position(|&b| b == b'\n').unwrap_or(text.len());
        input.write_all(&text[rest..])?;
    } else {
        input.write_all(text)?;
    }
    input.seek(SeekFrom::Start(0))?;
    let mut command = Command::new(&options.cpppath);
    // What it says of itself does not show where it lies.
    if let Some(name) = Path::new(&options.cpppath).file_name() {
        command.arg0(name);
    }
    command.args(definitions(options));
    command.args(&options.cppargs);
    if options.cpphdrs {
        command.arg("-H");
    }
    // The child's own descriptor of the file: a name that works wherever it is mounted.
    command.arg("/dev/fd/0").stdin(Stdio::from(input)).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.raw_os_error() {
        Some(libc::ENOENT) => Error::from(Code::CppEntry),
        _ => Code::CppExec.into(),
    })?;
    let mut output = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut output)?;
    }
    if child.wait()?.success() { Ok(headers::in_words_of_d(&output)) } else { Err(Code::CppError.into()) }
}

/// What a D program may ask the preprocessor about.
fn definitions(options: &CompileOptions) -> Vec<String> {
    let mut all = Vec::new();
    match options.stdc {
        Stdc::Additions | Stdc::Strict => all.push("-D__STDC_VERSION__D=199901L".to_string()),
        Stdc::Kernighan => all.push("-traditional-cpp".to_string()),
        Stdc::Transition => {}
    }
    for name in ["__sun", "__unix", "__SVR4", "__SUNW_D=1", "__SUNW_D_64", "__amd64"] {
        all.push(format!("-D{name}"));
    }
    all.push("-D__SUNW_D_VERSION=0x01090000".to_string());
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release: String =
        release.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !release.is_empty() {
        all.push(format!("-D__Linux_{release}"));
    }
    all
}

/// A file that nobody else sees.
fn unnamed_file() -> Result<File> {
    // SAFETY: the name is a string with a NUL, and the flags are the call's own.
    let fd = unsafe { libc::memfd_create(c"dtrace-program".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(Code::CppFork.into());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let file = unsafe { File::from_raw_fd(fd) };
    debug_assert_eq!(file.as_raw_fd(), fd);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_preprocessor_is_named() {
        let options = CompileOptions { cpppath: "/nonexistent/cpp".into(), ..CompileOptions::default() };
        assert_eq!(run(b"BEGIN {}", &options), Err(Code::CppEntry.into()));
    }

    #[test]
    fn a_preprocessor_that_fails_is_an_error() {
        let options = CompileOptions { cpppath: "false".into(), ..CompileOptions::default() };
        assert_eq!(run(b"BEGIN {}", &options), Err(Code::CppError.into()));
    }

    #[test]
    fn what_it_prints_is_the_program() {
        let options = CompileOptions { cpppath: "/bin/echo".into(), ..CompileOptions::default() };
        let shown = String::from_utf8(run(b"x", &options).unwrap()).unwrap();
        assert!(shown.contains("-D__SUNW_D=1") && shown.ends_with("/dev/fd/0\n"));
    }
}
