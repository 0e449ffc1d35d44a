//! Where output goes: a stream of the client's, or, without one, the client's function, piece by piece.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::Entry;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;
use std::rc::Rc;

use dtrace_abi::RecDesc;
use dtrace_rs::consume::output::{Output, Piece, Place};
use dtrace_rs::error::{Code, Error, Result};
use libc::FILE;

use crate::aggregate::Handed;
use crate::constant::{BUFDATA_AGGFORMAT, BUFDATA_AGGKEY, BUFDATA_AGGLAST, BUFDATA_AGGVAL, HANDLE_ABORT};
use crate::handle::{Hdl, c_string};
use crate::structure::{AggData, BufData, ProbeData};

/// A stream of the client's. Nothing is kept back from it, so that what the client writes stands where it should.
pub(crate) struct Stream {
    hdl: *const Hdl,
    file: *mut FILE,
}

impl Stream {
    /// EINVAL for null.
    pub(crate) fn new(hdl: &Hdl, file: *mut FILE) -> Result<Stream> {
        if file.is_null() { Err(Error::Sys(libc::EINVAL)) } else { Ok(Stream { hdl, file }) }
    }

    fn hdl(&self) -> &Hdl {
        // SAFETY: streams are made for one call, and the handle is there as long.
        unsafe { &*self.hdl }
    }

    fn descriptor(&self) -> io::Result<i32> {
        // SAFETY: the client's open stream.
        result(unsafe { libc::fileno(self.file) })
    }
}

fn result(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: the bytes are there, and the stream is the client's.
        let written = unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), self.file) };
        if written == 0 && !bytes.is_empty() { Err(io::Error::last_os_error()) } else { Ok(written) }
    }

    fn flush(&mut self) -> io::Result<()> {
        // SAFETY: the client's open stream.
        result(unsafe { libc::fflush(self.file) }).map(drop)
    }
}

impl Place for Stream {
    /// The stream itself goes on, elsewhere: what the client writes to it goes there too.
    fn reopen(&mut self, path: &Path) -> io::Result<()> {
        io::Write::flush(self)?;
        let own = self.descriptor()?;
        let mut saved = self.hdl().streams.borrow_mut();
        let key = self.file as usize;
        if path.as_os_str().is_empty() {
            if let Some(original) = saved.remove(&key) {
                // SAFETY: two descriptors that are open.
                result(unsafe { libc::dup2(original.as_raw_fd(), own) })?;
            }
            return Ok(());
        }
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        if let Entry::Vacant(place) = saved.entry(key) {
            // SAFETY: the descriptor is open, and the new one is nobody else's.
            place
                .insert(unsafe { OwnedFd::from_raw_fd(result(libc::fcntl(own, libc::F_DUPFD_CLOEXEC, 0))?) });
        }
        // SAFETY: two descriptors that are open.
        result(unsafe { libc::dup2(file.as_raw_fd(), own) }).map(drop)
    }

    /// What is no file stays as it is.
    fn truncate(&mut self) -> io::Result<()> {
        io::Write::flush(self)?;
        let own = self.descriptor()?;
        // SAFETY: the descriptor is open.
        unsafe {
            if libc::lseek(own, 0, libc::SEEK_SET) == 0 {
                result(libc::ftruncate(own, 0))?;
            }
        }
        Ok(())
    }

    fn mark(&mut self, _piece: Piece<'_>) -> Result<()> {
        Ok(())
    }
}

/// Output for the client's function: it is delivered with what it is of.
pub(crate) struct Buffer {
    hdl: *const Hdl,
    text: RefCell<Vec<u8>>,
    /// The firing whose records are being printed, and the record.
    of: Cell<(*const ProbeData, *const RecDesc)>,
}

impl Buffer {
    fn new(hdl: &Hdl) -> Rc<Buffer> {
        Rc::new(Buffer { hdl, text: RefCell::default(), of: Cell::new((ptr::null(), ptr::null())) })
    }

    /// Says what is printed next; what was printed before is delivered.
    pub(crate) fn begin(&self, probe: *const ProbeData, record: *const RecDesc) -> Result<()> {
        self.deliver(ptr::null(), 0)?;
        self.of.set((probe, record));
        Ok(())
    }

    /// Delivers what has been printed.
    fn deliver(&self, aggdata: *const AggData, flags: u32) -> Result<()> {
        let text = self.text.take();
        if text.is_empty() {
            return Ok(());
        }
        // SAFETY: buffers are made for one call, and the handle is there as long.
        let hdl = unsafe { &*self.hdl };
        let (function, arg) = hdl.handlers.buffered.get().ok_or(Code::NoBuffered)?;
        let text: CString = c_string(text);
        let (probe, recdesc) = self.of.get();
        let data = BufData { handle: hdl.address(), buffered: text.as_ptr(), probe, recdesc, aggdata, flags };
        // SAFETY: the client's function, with its argument; the data is there while it runs.
        match unsafe { function(&data, arg) } {
            HANDLE_ABORT => Err(Code::DirectedAbort.into()),
            _ => Ok(()),
        }
    }
}

/// The end of a [`Buffer`] that is written to.
struct Writer(Rc<Buffer>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.text.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Place for Writer {
    /// There is no stream that could go elsewhere.
    fn reopen(&mut self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn mark(&mut self, piece: Piece<'_>) -> Result<()> {
        // SAFETY: buffers are made for one call, and the handle is there as long.
        let hdl = unsafe { &*self.0.hdl };
        let (entry, flags) = match piece {
            Piece::Key(entry, _) => (entry, BUFDATA_AGGKEY),
            Piece::Value(entry) => (entry, BUFDATA_AGGVAL),
            Piece::Formatted(entry) => (entry, BUFDATA_AGGFORMAT),
            Piece::Last(entry) => (entry, BUFDATA_AGGLAST),
        };
        let library = hdl.library()?;
        let handed = Handed::new(hdl, &library, entry)?;
        self.0.deliver(&handed.data, flags)
    }
}

/// The place that a client's stream stands for, and, where there is none, the buffer. EDT_NOBUFFERED when there is neither a
/// stream nor a function.
pub(crate) fn output(hdl: &Hdl, file: *mut FILE) -> Result<(Output, Option<Rc<Buffer>>)> {
    if !file.is_null() {
        return Ok((Output::place(Stream::new(hdl, file)?), None));
    }
    if hdl.handlers.buffered.get().is_none() {
        return Err(Code::NoBuffered.into());
    }
    let buffer = Buffer::new(hdl);
    Ok((Output::place(Writer(buffer.clone())), Some(buffer)))
}

/// Lets something print to a client's stream, and delivers the rest where there is none.
pub(crate) fn print<T>(
    hdl: &Hdl,
    file: *mut FILE,
    probe: *const ProbeData,
    record: *const RecDesc,
    body: impl FnOnce(&mut Output) -> Result<T>,
) -> Result<T> {
    let (mut out, buffer) = output(hdl, file)?;
    if let Some(buffer) = &buffer {
        buffer.begin(probe, record)?;
    }
    let result = body(&mut out)?;
    if let Some(buffer) = &buffer {
        buffer.begin(ptr::null(), ptr::null())?;
    }
    Ok(result)
}
