//! The D libraries: files that define what programs may use.
//!
//! There are two kinds. The library's own are part of it and are compiled when a program has a word in common with one, so
//! that a program which needs none pays for none. Those of the system's directory and of `-L` are somebody's wish, and are
//! all compiled before the first program. One of `-L` takes the place of our own of that name; in the system's directory
//! our own takes its place, because what stands there under such a name was written for the original.
//!
//! A file that says `#pragma D depends_on library other.d` gets the other one first; one that depends on a module or
//! provider that is not there is left out without a word, as the original does. A file that is wrong is left out too, and
//! the fault is kept for whoever wants to report it: it never stops other programs.

use std::collections::HashSet;
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

/// One of our own: its name, and its text in the forms that different kernels need, the newest first.
type Own = (&'static str, &'static [&'static str]);

/// Those that any device serves.
const ANY: &[Own] = &[
    ("errno.d", &[include_str!("../../dlib/errno.d")]),
    ("fcntl.d", &[include_str!("../../dlib/fcntl.d")]),
    ("io.d", &[include_str!("../../dlib/io.d")]),
    ("net.d", &[include_str!("../../dlib/net.d")]),
    ("procfs.d", &[include_str!("../../dlib/procfs.d")]),
    ("regs.d", &[include_str!("../../dlib/regs.d")]),
    ("sched.d", &[include_str!("../../dlib/sched.d")]),
    ("signal.d", &[include_str!("../../dlib/signal.d")]),
    ("unistd.d", &[include_str!("../../dlib/unistd.d")]),
];

/// Those that look into the kernel.
const KERNEL: &[Own] = &[
    ("task.d", &[include_str!("../../dlib/kernel/task.d"), include_str!("../../dlib/kernel/task-5.10.d")]),
    ("psinfo.d", &[include_str!("../../dlib/kernel/psinfo.d")]),
    ("file.d", &[include_str!("../../dlib/kernel/file.d")]),
];

/// What takes their place where there is no driver.
const PROCESS: &[Own] = &[("psinfo.d", &[include_str!("../../dlib/process/psinfo.d")])];

/// The libraries of a handle.
#[derive(Debug, Default)]
pub(super) struct Libraries {
    looked: bool,
    /// The names of the files that were read.
    pub(super) loaded: Vec<String>,
    /// Those of our own that need not be looked at again: they are loaded, replaced, or wrong.
    done: HashSet<&'static str>,
    faults: Vec<(PathBuf, Error)>,
}

impl Handle {
    /// The libraries that are wrong, and what is wrong with them. They are known once a program has been compiled.
    pub fn library_faults(&self) -> &[(PathBuf, Error)] {
        &self.libraries.faults
    }

    /// Reads the libraries of the directories, once, and those of our own that a program, its text and arguments, may need.
    pub(super) fn load_libraries(&mut self, program: &[&[u8]]) {
        if self.options.compile.nolibs {
            return;
        }
        if !std::mem::replace(&mut self.libraries.looked, true) {
            self.load_directories();
        }
        let own = self.own_libraries();
        let wanted: HashSet<&[u8]> = program.iter().flat_map(|text| words(text)).collect();
        for &(name, texts) in &own {
            let offers =
                |text: &str| words(text.as_bytes()).any(|w| wanted.contains(w) && !check::is_known(w));
            if !self.libraries.done.contains(name) && texts.iter().any(|text| offers(text)) {
                self.load_own(&own, name);
            }
        }
    }

    /// Our own libraries for the device at hand.
    fn own_libraries(&self) -> Vec<Own> {
        let special = if self.device.descriptor().is_some() { KERNEL } else { PROCESS };
        [ANY, special].concat()
    }

    /// Loads one of our own and those that it depends on. What is not among them is somebody else's business.
    fn load_own(&mut self, own: &[Own], wanted: &str) {
        let Some(&(name, texts)) = own.iter().find(|(name, _)| *name == wanted) else { return };
        if !self.libraries.done.insert(name) {
            return;
        }
        for other in texts.iter().flat_map(|text| dependencies(text)) {
            self.load_own(own, other);
        }
        let mut fault = None;
        for text in texts {
            match self.compile_library(text.as_bytes()) {
                Ok(()) => {
                    self.debug(format_args!("loaded the library {name}"));
                    self.libraries.loaded.push(name.to_owned());
                    return;
                }
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        // What lacks the kernel's types, or another library, is no fault of the file.
        match fault {
            Some(Error::Compile(fault)) if fault.tag == Tag::PragmaDepend => {}
            Some(error) if self.types.lookup("struct task_struct").is_ok() => {
                self.libraries.faults.push((name.into(), error));
            }
            _ => {}
        }
    }

    fn load_directories(&mut self) {
        let own = self.own_libraries();
        let is_own = |path: &PathBuf| own.iter().any(|(name, _)| path.file_name() == Some(name.as_ref()));
        let chosen: Vec<PathBuf> =
            self.options.compile.libdirs.iter().flat_map(|directory| files(Path::new(directory))).collect();
        let system = self.options.compile.syslibdir.as_deref().unwrap_or(SYSTEM);
        let system = files(Path::new(system)).into_iter().filter(|path| !is_own(path));
        for path in &chosen {
            let name = path.file_name().unwrap_or_default();
            self.libraries.done.extend(own.iter().map(|(own, _)| *own).filter(|own| name == *own));
        }
        let mut waiting: Vec<PathBuf> = system.chain(chosen).collect();
        loop {
            let before = waiting.len();
            let mut again = Vec::new();
            for path in waiting {
                match self.load_file(&own, &path) {
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

    fn load_file(&mut self, own: &[Own], path: &Path) -> Result<()> {
        let text = std::fs::read(path)?;
        for other in dependencies(&String::from_utf8_lossy(&text)) {
            self.load_own(own, other);
        }
        self.compile_library(&text)
    }

    fn compile_library(&mut self, text: &[u8]) -> Result<()> {
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
            library: true,
        };
        check::compile(text, options, &macros, &self.types, &mut self.identifiers, &mut world).map(drop)
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

/// The libraries that a text says it depends on.
fn dependencies(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let pragma = [words.next()?, words.next()?, words.next()?, words.next()?];
        if pragma == ["#pragma", "D", "depends_on", "library"] { words.next() } else { None }
    })
}

/// The names in a text: runs of letters, digits and underscores outside of comments and control lines.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if let Some(comment) = rest.strip_prefix(b"/*") {
                let end = comment.windows(2).position(|w| w == b"*/").map_or(comment.len(), |at| at + 2);
                rest = &comment[end..];
            }
            if rest.first() == Some(&b'#') {
                rest = &rest[rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())..];
            }
            let word = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            let (found, after) = rest.split_at(word.max(1).min(rest.len()));
            rest = after;
            match found.first() {
                None => return None,
                Some(first) if word > 0 && !first.is_ascii_digit() => return Some(found),
                Some(_) => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine of this process, which says that it is a driver.
    struct Driver(Box<dyn crate::device::Device>);

    impl crate::device::Device for Driver {
        unsafe fn ioctl(
            &self,
            command: u32,
            argument: *mut std::ffi::c_void,
        ) -> std::result::Result<i32, i32> {
            // SAFETY: both promise the same of the argument.
            unsafe { self.0.ioctl(command, argument) }
        }
        fn name(&self) -> &str {
            "driver"
        }
        fn descriptor(&self) -> Option<i32> {
            Some(-1)
        }
    }

    /// Compiles every library of our own by itself, and wants no fault.
    fn load_each(open: impl Fn() -> Box<dyn crate::device::Device>) {
        let names = Handle::with_device(open()).unwrap().own_libraries();
        for (name, _) in names {
            let mut handle = Handle::with_device(open()).unwrap();
            let own = handle.own_libraries();
            handle.load_own(&own, name);
            assert!(handle.library_faults().is_empty(), "{name}: {:?}", handle.library_faults());
            assert!(handle.libraries.loaded.iter().any(|loaded| loaded == name), "{name} is not loaded");
        }
    }

    #[test]
    fn every_library_compiles_by_itself() {
        load_each(|| crate::device::embedded::open().unwrap());
        match Path::new("/sys/kernel/btf/vmlinux").exists() {
            true => load_each(|| Box::new(Driver(crate::device::embedded::open().unwrap()))),
            false => println!("skipped: this kernel has no BTF"),
        }
    }

    #[test]
    fn a_program_gets_the_libraries_that_it_has_a_word_in_common_with() {
        let mut handle = Handle::with_device(crate::device::embedded::open().unwrap()).unwrap();
        handle.load_libraries(&[b"BEGIN { trace(pid); trace(execname); /* ENOENT */ }"]);
        assert!(handle.libraries.loaded.is_empty(), "{:?}", handle.libraries.loaded);
        handle.load_libraries(&[b"BEGIN { trace(curpsinfo->pr_pid); }"]);
        assert_eq!(handle.libraries.loaded, ["sched.d", "procfs.d", "psinfo.d"]);
        handle.load_libraries(&[b"BEGIN { trace(ENOENT); trace(SRUN); }"]);
        assert_eq!(handle.libraries.loaded, ["sched.d", "procfs.d", "psinfo.d", "errno.d"]);
    }

    #[test]
    fn words_are_names_outside_of_comments_and_control_lines() {
        let text = b"#pragma D\na1/* b */+_c 12 d/e /* f";
        assert_eq!(words(text).collect::<Vec<_>>(), [&b"a1"[..], b"_c", b"d", b"e"]);
    }

    #[test]
    fn a_text_names_the_libraries_it_depends_on() {
        let text =
            "#pragma D depends_on library a.d\n#pragma D depends_on module b\n#pragma D option quiet\n";
        assert_eq!(dependencies(text).collect::<Vec<_>>(), ["a.d"]);
    }
}
