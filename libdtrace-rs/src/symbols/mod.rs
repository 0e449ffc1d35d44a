//! Symbols: which function an address is in.
//!
//! The kernel's come from `/proc/kallsyms`, read at the first question and not before. A process's come from its maps, from the
//! symbol tables of the objects mapped there, and from what it tells perf of the code that it makes.
//!
//! What a process names is not to be trusted: a file may be a FIFO that nobody writes to, or have no end.

mod demangle;
mod elf;
mod jit;
pub mod kernel;
mod user;

use std::cell::{Cell, OnceCell};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::{fmt, io};

use kernel::KernelSymbols;
use user::UserSymbols;

/// Opens a file that a traced process has named: a regular one only, which nobody waits for.
fn open(path: &str) -> io::Result<File> {
    let regular =
        |is_file: bool| if is_file { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidInput)) };
    regular(std::fs::metadata(path)?.is_file())?;
    // It may have been replaced meanwhile.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    regular(file.metadata()?.is_file())?;
    Ok(file)
}

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The module or the mapped object.
    pub object: String,
    /// The symbol, if there is one, and how far behind its start the address is.
    pub symbol: Option<(String, u64)>,
    /// The address.
    pub address: u64,
}

impl fmt::Display for Place {
    /// `` object`symbol+0xoffset ``, or `` object`0xaddress ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.symbol {
            Some((name, 0)) => write!(f, "{}`{name}", self.object),
            Some((name, offset)) => write!(f, "{}`{name}+0x{offset:x}", self.object),
            None => write!(f, "{}`0x{:x}", self.object, self.address),
        }
    }
}

/// What turns addresses into names.
pub trait Symbolizer {
    /// The place of a kernel address.
    fn kernel(&self, address: u64) -> Option<Place>;

    /// The place of an address in a process.
    fn user(&self, pid: u32, address: u64) -> Option<Place>;

    /// Takes note of a process whose addresses will be asked for when it may be gone.
    fn remember(&self, _pid: u32) {}
}

/// Who knows the kernel's addresses in place of this machine's symbols.
pub type Resolver = Box<dyn Fn(u64) -> Option<Place>>;

/// The symbols of this machine.
#[derive(Default)]
pub struct Symbols {
    kernel: OnceCell<KernelSymbols>,
    resolver: Option<Resolver>,
    user: UserSymbols,
    /// Whether names of processes' functions are shown as they are in the files.
    mangled: Cell<bool>,
}

impl Symbols {
    /// Symbols that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Symbols without the kernel's: nothing of `/proc` is read for them.
    pub fn without_kernel() -> Self {
        Self { kernel: KernelSymbols::default().into(), ..Self::default() }
    }

    /// Lets somebody else tell what the kernel's addresses are called.
    pub fn set_resolver(&mut self, resolver: Resolver) {
        self.resolver = Some(resolver);
    }

    /// Forgets the kernel's symbols, so that the next question reads them anew.
    pub fn refresh(&mut self) {
        self.kernel.take();
    }

    /// Takes note of what a process that lives has mapped, so that its addresses have names when it is gone.
    pub fn remember(&self, pid: u32) {
        self.user.remember(pid);
    }

    /// Says whether names of C++ and Rust are shown as their programmers wrote them, as they are from the start.
    pub fn set_demangle(&self, demangle: bool) {
        self.mangled.set(!demangle);
    }

    /// The kernel's symbols.
    pub fn kernel_symbols(&self) -> &KernelSymbols {
        self.kernel.get_or_init(KernelSymbols::read)
    }
}

impl Symbolizer for Symbols {
    fn kernel(&self, address: u64) -> Option<Place> {
        match &self.resolver {
            Some(resolver) => resolver(address),
            None => self.kernel_symbols().at(address),
        }
    }

    fn user(&self, pid: u32, address: u64) -> Option<Place> {
        let mut place = self.user.at(pid, address)?;
        if let Some((name, _)) = place.symbol.as_mut().filter(|_| !self.mangled.get())
            && let Some(written) = demangle::demangle(name)
        {
            *name = written;
        }
        Some(place)
    }

    fn remember(&self, pid: u32) {
        self.user.remember(pid);
    }
}
