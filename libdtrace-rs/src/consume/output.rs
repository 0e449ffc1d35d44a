//! Where output goes: standard output or a file, and somewhere else after `freopen`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::Path;

use super::aggregate::{Entry, Key};
use crate::error::Result;

/// A place for output that is not of this library: a client's stream, or one who wants each piece by itself.
pub trait Place: Write {
    /// Sends output to the end of a file; to where it went at first when the name is empty.
    fn reopen(&mut self, path: &Path) -> io::Result<()>;

    /// Empties the file that output goes to, if it is one.
    fn truncate(&mut self) -> io::Result<()>;

    /// What was written since the last mark is this.
    fn mark(&mut self, piece: Piece<'_>) -> Result<()>;
}

/// A piece of output of an aggregation.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// A part of the key.
    Key(&'a Entry, &'a Key),
    /// The value.
    Value(&'a Entry),
    /// Keys and values by a format.
    Formatted(&'a Entry),
    /// What ends the row.
    Last(&'a Entry),
}

/// The place that output goes to. What is written is kept until [`Write::flush`].
#[derive(Debug)]
pub struct Output {
    original: Target,
    /// Where `freopen` has sent it.
    redirected: Option<BufWriter<File>>,
}

enum Target {
    Stdout(BufWriter<Stdout>),
    File(BufWriter<File>),
    Writer(Box<dyn Write>),
    Place(Box<dyn Place>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stdout(_) => "Stdout",
            Self::File(_) => "File",
            Self::Writer(_) => "Writer",
            Self::Place(_) => "Place",
        })
    }
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::new(Target::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())))
    }

    /// A file, at its end.
    pub fn append(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Target::File(BufWriter::with_capacity(1 << 16, open(path)?))))
    }

    /// Anything that takes bytes.
    pub fn writer(writer: impl Write + 'static) -> Self {
        Self::new(Target::Writer(Box::new(writer)))
    }

    /// A place that does itself what `freopen` and `ftruncate` ask for.
    pub fn place(place: impl Place + 'static) -> Self {
        Self::new(Target::Place(Box::new(place)))
    }

    /// Says what was written since the last mark, to a place that wants to know.
    pub fn mark(&mut self, piece: Piece<'_>) -> Result<()> {
        match &mut self.original {
            Target::Place(place) => place.mark(piece),
            _ => Ok(()),
        }
    }

    fn new(original: Target) -> Self {
        Self { original, redirected: None }
    }

    /// `freopen`: sends output to the end of a file; to where it went at first when the name is empty.
    pub fn reopen(&mut self, path: &Path) -> io::Result<()> {
        self.flush()?;
        if let Target::Place(place) = &mut self.original {
            return place.reopen(path);
        }
        let restored = path.as_os_str().is_empty();
        self.redirected = if restored { None } else { Some(BufWriter::new(open(path)?)) };
        Ok(())
    }

    /// `ftruncate`: empties the file that output goes to. Where it is none, nothing happens.
    pub fn truncate(&mut self) -> io::Result<()> {
        self.flush()?;
        if let (None, Target::Place(place)) = (&self.redirected, &mut self.original) {
            return place.truncate();
        }
        match (&self.redirected, &self.original) {
            (Some(file), _) | (None, Target::File(file)) => file.get_ref().set_len(0),
            _ => Ok(()),
        }
    }

    fn target(&mut self) -> &mut dyn Write {
        match (&mut self.redirected, &mut self.original) {
            (Some(file), _) | (None, Target::File(file)) => file,
            (None, Target::Stdout(out)) => out,
            (None, Target::Writer(writer)) => writer,
            (None, Target::Place(place)) => place,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.target().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target().flush()
    }
}
