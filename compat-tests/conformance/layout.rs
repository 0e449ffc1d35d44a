//! What the suites' layouts have in common: they grew from one.
//!
//! Tests are files `tst.*`, `err.*` and `drp.*` in directories by subject. `err.*` ends with 1; `err.D_TAG.*` gives that tag
//! under `-x errtags`; `drp.DTRACEDROP_NAME.*` that one under `-x droptags`. What belongs to a test lies beside it and is called
//! like it but for the ending.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::test::{Dialect, Expects, Form, Test};

/// A suite.
pub(crate) struct Suite {
    /// Where its runner would stand: the tests' names begin there.
    pub(crate) root: PathBuf,
    /// The directory that holds all of it, which is `root` or below.
    pub(crate) top: PathBuf,
    pub(crate) tests: Vec<Test>,
}

/// A file that is a test.
pub(crate) struct Entry<'a> {
    file: &'a Path,
    /// The file without its ending.
    pub(crate) base: PathBuf,
    pub(crate) extension: &'a str,
    pub(crate) form: Form,
    pub(crate) text: String,
    expects: Expects,
}

impl<'a> Entry<'a> {
    /// The test that a file is, if it is one.
    pub(crate) fn read(file: &'a Path) -> io::Result<Option<Self>> {
        let name =
            |part: Option<&'a std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or_default();
        let (named, extension) = (name(file.file_name()), name(file.extension()));
        let form = match extension {
            "d" => Form::Program,
            "sh" | "ksh" => Form::Script,
            "c" => Form::C,
            _ => return Ok(None),
        };
        let mut words = named.split('.');
        let (kind, subject) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let expects = match kind {
            "tst" => Expects::Success,
            "err" if subject.starts_with("D_") => Expects::Tag(subject.to_owned()),
            "err" => Expects::Failure,
            "drp" => Expects::Drop(subject.to_owned()),
            _ => return Ok(None),
        };
        let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
        Ok(Some(Self { file, base: file.with_extension(""), extension, form, text, expects }))
    }

    /// The file beside the test with this ending.
    pub(crate) fn beside(&self, ending: &str) -> Option<PathBuf> {
        beside(&self.base, ending)
    }

    /// The path of the test from a directory above it.
    fn from(&self, top: &Path) -> PathBuf {
        self.file.strip_prefix(top).unwrap_or(self.file).to_owned()
    }

    /// The test, of which nothing is known but what its file says. `top` is the directory that the report's names begin below,
    /// `root` the one where the suite's runner would stand.
    pub(crate) fn test(self, top: &Path, root: &Path, dialect: Dialect) -> Test {
        let name = self.from(root).display().to_string();
        let directory = self.from(top).parent().unwrap_or(Path::new("")).display().to_string();
        Test {
            file: name.clone(),
            name,
            directory,
            runs_in: PathBuf::new(),
            dialect,
            form: self.form,
            expects: self.expects,
            expected: None,
            filter: None,
            conditions: Vec::new(),
            options: String::new(),
            trigger: None,
            disowned: None,
            seconds: None,
            endless: false,
            ordered: true,
            compares_errors: false,
            text: self.text,
        }
    }
}

/// The file with this ending, if it is there.
pub(crate) fn beside(base: &Path, ending: &str) -> Option<PathBuf> {
    Some(PathBuf::from(format!("{}.{ending}", base.display()))).filter(|path| path.exists())
}

/// All files below a directory, in the order of their names.
pub(crate) fn files_below(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
