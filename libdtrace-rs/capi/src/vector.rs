//! A device of the client's: what dtrace_vopen is given.

use std::ffi::{c_int, c_void};

use dtrace_rs::device::Device;
use dtrace_rs::symbols::{Place, Resolver};

use crate::structure::{GElfSym, SymInfo, Vector};

/// The client's functions with their argument.
pub(crate) struct Client {
    vector: Vector,
    arg: *mut c_void,
}

impl Client {
    pub(crate) fn new(vector: Vector, arg: *mut c_void) -> Self {
        Self { vector, arg }
    }
}

impl Device for Client {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        let Some(ioctl) = self.vector.ioctl else { return Err(libc::EBADF) };
        // SAFETY: the client's function, with the argument that it was given for; of the request the caller promises the
        // same that a driver relies on.
        let result = unsafe { ioctl(self.arg, command.cast_signed(), argument) };
        if result >= 0 {
            return Ok(result);
        }
        Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    }

    fn name(&self) -> &str {
        "vector"
    }

    fn cpus(&self) -> Option<u32> {
        // SAFETY: the client's function, with its argument.
        let count = unsafe { self.vector.sysconf?(self.arg, libc::_SC_NPROCESSORS_CONF) };
        u32::try_from(count).ok()
    }

    fn has_cpu(&self, cpu: u32) -> bool {
        let (Some(status), Ok(cpu)) = (self.vector.status, c_int::try_from(cpu)) else { return true };
        // SAFETY: the client's function, with its argument.
        unsafe { status(self.arg, cpu) != -1 }
    }
}

/// The client's own idea of what kernel addresses are called, if it has one.
pub(crate) fn resolver(vector: &Vector, arg: *mut c_void) -> Option<Resolver> {
    let lookup = vector.lookup_by_addr?;
    Some(Box::new(move |address| {
        let mut symbol = GElfSym::default();
        let mut info = SymInfo { object: std::ptr::null(), name: std::ptr::null(), id: 0 };
        // SAFETY: the client's function, with its argument, and two structures to be filled.
        if unsafe { lookup(arg, address, &mut symbol, &mut info) } != 0 {
            return None;
        }
        // SAFETY: what it has filled in are strings, or null.
        let text = |name| unsafe { crate::argument::optional(name) }.map(std::borrow::Cow::into_owned);
        let symbol = text(info.name).map(|name| (name, address.wrapping_sub(symbol.value)));
        Some(Place { object: text(info.object).unwrap_or_default(), symbol, address })
    }))
}
