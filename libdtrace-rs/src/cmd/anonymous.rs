//! `-A`: tracing that begins when the driver is loaded, and that `-a` claims later.
//!
//! What would be given to the driver is saved for it instead, in the same order: the programs, the library's own ERROR program,
//! and the options. The file is replaced as a whole or left as it is. Where the system loads modules by name at boot, the driver is
//! added to these: an enabling that waits for somebody to load the driver is seldom what was meant. Without a program both are
//! taken away again.
//!
//! `-o` names another file. Then nothing else is changed: it is to be brought to another machine, or for the embedded engine, which
//! begins with the file that `DTRACE_ANONYMOUS` names.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use dtrace_user::SAVED_MAX;

use super::arguments::Arguments;
use super::{Done, fail, message, program};
use crate::error::{Code, Error};
use crate::handle::Handle;

/// Where the driver looks, by the kernel's loader of firmware.
const SAVED: &str = "/lib/firmware/dtrace/anonymous.dof";
/// Where the names of modules to be loaded at boot are, one file for each who wants some.
const AT_BOOT: &str = "/etc/modules-load.d";
/// The file that is ours there.
const OURS_AT_BOOT: &str = "dtrace-anonymous.conf";
/// What it says.
const BOOT_TEXT: &str = "# Written by dtrace -A, and removed by dtrace -A without a program.\ndtracedrv\n";

/// Where things are saved.
struct Place {
    file: PathBuf,
    /// The file that has the driver loaded at boot, if there is a place for it.
    at_boot: Option<PathBuf>,
}

impl Place {
    fn new(arguments: &Arguments) -> Place {
        if let Some(file) = &arguments.output {
            return Place { file: file.into(), at_boot: None };
        }
        let directory = Path::new(AT_BOOT);
        let at_boot = directory.is_dir().then(|| directory.join(OURS_AT_BOOT));
        Place { file: SAVED.into(), at_boot }
    }
}

/// Saves the programs of the command line, or without any forgets what was saved.
pub(super) fn run(handle: &mut Handle, arguments: &Arguments, name: &OsStr) -> Done<u8> {
    let place = Place::new(arguments);
    if arguments.clauses.is_empty() {
        return forget(&place);
    }
    let compiled = program::compile(handle, arguments, name)?;
    if arguments.only_compile {
        return Ok(0);
    }
    let programs: Vec<_> = compiled.iter().map(|compiled| &compiled.program).collect();
    let saved = handle.anonymous_images(&programs);
    let saved =
        saved.and_then(|saved| if saved.len() <= SAVED_MAX { Ok(saved) } else { Err(Code::DifSize.into()) });
    match saved {
        Ok(saved) => save(&place, &saved),
        Err(error) => fail(format_args!("could not save anonymous enabling: {error}")),
    }
}

fn save(place: &Place, saved: &[u8]) -> Done<u8> {
    put(&place.file, saved)?;
    message(format_args!("saved anonymous enabling in {}", place.file.display()));
    match &place.at_boot {
        Some(at_boot) => {
            put(at_boot, BOOT_TEXT.as_bytes())?;
            message(format_args!("added dtracedrv to {}", at_boot.display()));
            message("load the driver anew or reboot to enable changes");
        }
        None if place.file == Path::new(SAVED) => {
            message("it is enabled when dtracedrv is loaded: have it loaded at boot");
        }
        None => {}
    }
    Ok(0)
}

fn forget(place: &Place) -> Done<u8> {
    let gone = |path: &Path| match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => fail(format_args!("failed to remove {}: {}", path.display(), Error::from(error))),
    };
    if gone(&place.file)? {
        message(format_args!("cleaned up old anonymous enabling in {}", place.file.display()));
    } else {
        message(format_args!("no anonymous enabling is saved in {}", place.file.display()));
    }
    if let Some(at_boot) = &place.at_boot
        && gone(at_boot)?
    {
        message(format_args!("removed {}", at_boot.display()));
    }
    Ok(0)
}

fn put(path: &Path, contents: &[u8]) -> Done<()> {
    replace(path, contents)
        .or_else(|error| fail(format_args!("failed to write {}: {}", path.display(), Error::from(error))))
}

/// Replaces a file as a whole: nobody ever reads a part of it.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut beside = OsString::from(path);
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside).and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_all()
        });
    let replaced = written.and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        // What cannot be written cannot always be removed.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let directory = std::env::temp_dir().join(format!("dtrace-anonymous-{}", std::process::id()));
        let file = directory.join("a/b");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.join("a")).unwrap().count(), 1);
        assert!(replace(&directory.join("a"), b"three").is_err(), "a directory is no file");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(&directory).unwrap();
    }
}
