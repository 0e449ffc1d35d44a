//! Options.

use std::ffi::{c_char, c_int};

use dtrace_abi::option::OptVal;

use crate::argument::{optional, put, text};
use crate::entry::enter;
use crate::handle::Hdl;

/// Sets an option by its name. In a callback only those may be set that may change while tracing is active.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_setopt(dtp: *mut Hdl, option: *const c_char, value: *const c_char) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (name, value) = (text(option)?, optional(value));
            match hdl.library_mut() {
                Ok(mut library) => library.set_option(&name, value.as_deref())?,
                Err(_) => hdl.library()?.set_active_option(&name, value.as_deref())?,
            }
            Ok(0)
        })
    }
}

/// The number of an option by its name; DTRACEOPT_UNSET when it is not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_getopt(dtp: *mut Hdl, option: *const c_char, value: *mut OptVal) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            put(value, hdl.library()?.option(&text(option)?)?);
            Ok(0)
        })
    }
}
