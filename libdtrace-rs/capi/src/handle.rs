//! The handle of a C program, and the other things that it knows by address only.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::os::fd::OwnedFd;

use dtrace_rs::error::{Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::printf::format::Format;
use dtrace_rs::proc::Process;
use dtrace_rs::program::Program;

use crate::descriptor::Descriptors;
use crate::handler::Handlers;
use crate::kept::Kept;
use crate::libproc::Answers;
use crate::statement::{Statement, View};
use crate::structure::{StmtDesc, TypeInfo, Vector};

/// An open library.
pub struct Hdl {
    pub(crate) library: RefCell<Handle>,
    pub(crate) handlers: Handlers,
    pub(crate) descriptors: Descriptors,
    pub(crate) programs: Kept<Prog>,
    pub(crate) statements: Kept<Statement>,
    pub(crate) formats: Kept<Printf>,
    pub(crate) images: Kept<Vec<u64>>,
    pub(crate) processes: Kept<PsProcHandle>,
    pub(crate) containers: Kept<CtfFile>,
    pub(crate) arguments: Kept<Vec<TypeInfo>>,
    /// The vector of dtrace_vopen, and its argument.
    pub(crate) vector: Option<(Vector, usize)>,
    /// Where streams went before `freopen`, by the address of the stream.
    pub(crate) streams: RefCell<HashMap<usize, OwnedFd>>,
    names: RefCell<HashMap<String, CString>>,
    error: Cell<c_int>,
    /// The words for the error, where they are not the same for all errors of its number.
    fault: RefCell<Option<CString>>,
}

/// A program.
pub struct Prog {
    pub(crate) program: RefCell<Program>,
    /// Its statements as C sees them.
    pub(crate) view: RefCell<Option<View>>,
    /// The statements that the client has added.
    pub(crate) added: RefCell<Vec<*mut StmtDesc>>,
}

/// A process that was created or grabbed.
pub struct PsProcHandle {
    hdl: *const Hdl,
    pub(crate) pid: u32,
    /// Whether it was continued; one that was grabbed may run from the start.
    pub(crate) running: Cell<bool>,
    /// Whether its end has been told.
    pub(crate) ended: Cell<bool>,
    pub(crate) answers: Answers,
}

impl PsProcHandle {
    pub(crate) fn new(hdl: &Hdl, pid: u32) -> Self {
        let (running, ended) = (Cell::new(false), Cell::new(false));
        Self { hdl, pid, running, ended, answers: Answers::default() }
    }

    /// Asks something of the process, if it is held.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(Option<&Process>) -> T) -> T {
        // SAFETY: the handle keeps its processes, so it is there as long as they are.
        let library = unsafe { &*self.hdl }.library.try_borrow();
        question(library.as_ref().ok().and_then(|library| library.process(self.pid)))
    }
}

/// The types of a handle, as a container.
pub struct CtfFile {
    pub(crate) hdl: *const Hdl,
}

/// A format.
pub(crate) struct Printf {
    pub(crate) format: Format,
    pub(crate) text: String,
}

impl Hdl {
    pub(crate) fn new(library: Handle, vector: Option<(Vector, usize)>) -> Self {
        Self {
            library: RefCell::new(library),
            handlers: Handlers::default(),
            descriptors: Descriptors::default(),
            programs: Kept::default(),
            statements: Kept::default(),
            formats: Kept::default(),
            images: Kept::default(),
            processes: Kept::default(),
            containers: Kept::default(),
            arguments: Kept::default(),
            vector,
            streams: RefCell::default(),
            names: RefCell::default(),
            error: Cell::new(0),
            fault: RefCell::default(),
        }
    }

    /// The address that the client knows the handle by.
    pub(crate) fn address(&self) -> *mut Hdl {
        std::ptr::from_ref(self).cast_mut()
    }

    /// The library. EBUSY while it is being changed.
    pub(crate) fn library(&self) -> Result<Ref<'_, Handle>> {
        self.library.try_borrow().map_err(|_| Error::Sys(libc::EBUSY))
    }

    /// The library, to be changed. EBUSY in a callback.
    pub(crate) fn library_mut(&self) -> Result<RefMut<'_, Handle>> {
        self.library.try_borrow_mut().map_err(|_| Error::Sys(libc::EBUSY))
    }

    /// Notes an error.
    pub(crate) fn fail(&self, error: &Error) {
        let tagged = self.library.try_borrow().is_ok_and(|library| library.options().compile.errtags);
        self.fail_with(error, tagged);
    }

    /// Notes an error, its words with the tag if it has one.
    pub(crate) fn fail_with(&self, error: &Error, tagged: bool) {
        self.error.set(error.number());
        let words = match error {
            Error::Compile(_) if tagged => Some(error.tagged()),
            Error::Compile(_) => Some(error.to_string()),
            _ => None,
        };
        *self.fault.borrow_mut() = words.map(c_string);
    }

    /// The number of the last error.
    pub(crate) fn error(&self) -> c_int {
        self.error.get()
    }

    /// The words for the last error, where they are its own.
    pub(crate) fn fault(&self) -> Option<*const c_char> {
        self.fault.borrow().as_deref().map(CStr::as_ptr)
    }

    /// A name as a string that lives as long as the handle.
    pub(crate) fn name(&self, name: &str) -> *const c_char {
        let mut names = self.names.borrow_mut();
        if let Some(known) = names.get(name) {
            return known.as_ptr();
        }
        names.entry(name.to_owned()).or_insert_with(|| c_string(name.to_owned())).as_ptr()
    }
}

/// A string of C. A NUL in it ends it.
pub(crate) fn c_string(text: impl Into<Vec<u8>>) -> CString {
    let mut text: Vec<u8> = text.into();
    text.truncate(text.iter().position(|&byte| byte == 0).unwrap_or(text.len()));
    CString::new(text).unwrap_or_default()
}
