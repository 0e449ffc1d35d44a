//! Opening and closing.

use std::ffi::{c_int, c_void};
use std::ptr;

use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::link::Model;

use crate::argument::put;
use crate::constant::{O_ILP32, O_LP64, O_MASK, O_NODEV, O_NOSYS, VERSION};
use crate::entry::guard;
use crate::handle::Hdl;
use crate::name::{_dtrace_init, debug};
use crate::structure::Vector;
use crate::vector::{self, Client};

/// Opens the library: the version is DTRACE_VERSION, the flags are DTRACE_O_*. NULL, with the reason in err, when that fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_open(version: c_int, flags: c_int, err: *mut c_int) -> *mut Hdl {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { open(version, flags, err, ptr::null(), ptr::null_mut()) }
}

/// Opens the library on a device of the caller's, with the argument that its functions get.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_vopen(
    version: c_int,
    flags: c_int,
    err: *mut c_int,
    vector: *const Vector,
    arg: *mut c_void,
) -> *mut Hdl {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { open(version, flags, err, vector, arg) }
}

unsafe fn open(
    version: c_int,
    flags: c_int,
    err: *mut c_int,
    vector: *const Vector,
    arg: *mut c_void,
) -> *mut Hdl {
    guard(|| {
        // SAFETY: null or a vector of the caller's.
        let vector = unsafe { vector.as_ref() }.copied();
        match library(version, flags, vector, arg) {
            Ok(hdl) => Box::into_raw(Box::new(hdl)),
            Err(error) => {
                // SAFETY: null or a number of the caller's.
                unsafe { put(err, error.number()) };
                ptr::null_mut()
            }
        }
    })
}

fn library(version: c_int, flags: c_int, vector: Option<Vector>, arg: *mut c_void) -> Result<Hdl> {
    match version {
        ..=0 => return Err(Error::Sys(libc::EINVAL)),
        VERSION => {}
        1..VERSION => return Err(Code::OldVersion.into()),
        _ => return Err(Code::Version.into()),
    }
    let both = O_LP64 | O_ILP32;
    if flags & !O_MASK != 0 || flags & both == both || (vector.is_none() && !arg.is_null()) {
        return Err(Error::Sys(libc::EINVAL));
    }
    _dtrace_init();
    let mut library = match vector {
        _ if flags & O_NODEV != 0 => Handle::without_device()?,
        Some(Vector { ioctl: None, .. }) => return Err(Error::Sys(libc::EINVAL)),
        Some(vector) => Handle::with_device(Box::new(Client::new(vector, arg)))?,
        None => Handle::open()?,
    };
    if flags & O_ILP32 != 0 {
        library.set_model(Model::Ilp32);
    }
    if flags & O_NOSYS != 0 {
        library.forget_kernel_symbols();
    }
    if let Some(resolver) = vector.and_then(|vector| vector::resolver(&vector, arg)) {
        library.set_resolver(resolver);
    }
    debug(format_args!("opened {}", library.device().name()));
    Ok(Hdl::new(library, vector.map(|vector| (vector, arg as usize))))
}

/// Closes the library: its probes are disabled, and nothing that it gave may be used any more. In a callback of the handle it
/// does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_close(dtp: *mut Hdl) {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs).
        if unsafe { dtp.as_ref() }.is_some_and(|hdl| hdl.library_mut().is_ok()) {
            // SAFETY: the handle is of dtrace_open, where it came from a box, and nobody uses it now or after this.
            drop(unsafe { Box::from_raw(dtp) });
        }
    });
}
