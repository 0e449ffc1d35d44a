//! The D libraries: files that define what programs may use, read before the first program is compiled.
//!
//! A file that says `#pragma D depends_on library other.d` waits for the other; one that depends on a module or provider
//! that is not there is left out without a word, as the original does. A file that is wrong is left out too, and the fault is
//! kept for whoever wants to report it: it never stops other programs.

use std::path::{Path, PathBuf};

use super::Handle;
use super::environment::World;
use crate::d::check;
use crate::d::macros::Macros;
use crate::d::parser::SpecKind;
use crate::device::Requests;
use crate::error::{Error, Result, Tag};

/// Where the libraries of the system are.
const SYSTEM: &str = "/usr/lib/dtrace";

/// The libraries of a handle.
#[derive(Debug, Default)]
pub(super) struct Libraries {
    looked: bool,
    /// The names of the files that were read.
    pub(super) loaded: Vec<String>,
    faults: Vec<(PathBuf, Error)>,
}

impl Handle {
    /// The libraries that are wrong, and what is wrong with them. They are known once a program has been compiled.
    pub fn library_faults(&self) -> &[(PathBuf, Error)] {
        &self.libraries.faults
    }

    /// Reads the libraries, once.
    pub(super) fn load_libraries(&mut self) {
        if self.libraries.looked || self.options.compile.nolibs {
            return;
        }
        self.libraries.looked = true;
        let directories =
            std::iter::once(SYSTEM).chain(self.options.compile.libdirs.iter().map(String::as_str));
        let mut waiting: Vec<PathBuf> = directories.flat_map(|d| files(Path::new(d))).collect();
        loop {
            let before = waiting.len();
            let mut again = Vec::new();
            for path in waiting {
                match self.load_library(&path) {
                    Ok(()) => {
                        let name = path.file_name().unwrap_or_default();
                        self.libraries.loaded.push(name.to_string_lossy().into_owned());
                    }
                    Err(Error::Compile(fault)) if fault.tag == Tag::PragmaDepend => again.push(path),
                    Err(error) => self.libraries.faults.push((path, error)),
                }
            }
            if again.is_empty() || again.len() == before {
                return;
            }
            waiting = again;
        }
    }

    fn load_library(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read(path)?;
        let options = check::Options {
            spec: SpecKind::None,
            allow_zero_matches: true,
            allow_empty: true,
            allow_unused_args: true,
            minimum: None,
        };
        let macros = Macros::new(Vec::new()).with_process(&self.process_ids());
        let mut world = World {
            requests: Requests::new(&*self.device),
            options: &mut self.options,
            types: &self.types,
            symbols: &self.symbols,
            libraries: &self.libraries.loaded,
        };
        check::compile(&text, options, &macros, &self.types, &mut self.identifiers, &mut world).map(drop)
    }
}

/// The D files of a directory, by name; none if it cannot be read.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "d")).collect();
    files.sort();
    files
}
