//! Errors by number and in words.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::sync::{Mutex, PoisonError};

use dtrace_rs::consume::fault;
use dtrace_rs::dif::subroutine_name;
use dtrace_rs::error::{Code, Error};

use crate::entry::{enter, guard};
use crate::handle::{Hdl, c_string};

/// Text that lives for ever, made once for each.
pub(crate) fn forever(text: &str) -> *const c_char {
    static TEXTS: Mutex<Option<HashMap<String, CString>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    texts.entry(text.to_owned()).or_insert_with(|| c_string(text)).as_ptr()
}

/// The number of the last error of a handle: an errno, or from 1000 on one of the library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_errno(dtp: *mut Hdl) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| Ok(hdl.error())) }
}

/// An error in words. Of the last error in a D program, with a handle, they say what is wrong with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_errmsg(dtp: *mut Hdl, error: c_int) -> *const c_char {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs).
        let own = unsafe { dtp.as_ref() }.filter(|hdl| hdl.error() == error).and_then(Hdl::fault);
        own.unwrap_or_else(|| match Code::from_number(error) {
            Some(code) => forever(code.message()),
            None if error >= Code::Version.number() => forever("Unknown error"),
            None => forever(&Error::Sys(error).to_string()),
        })
    })
}

/// A fault (DTRACEFLT_*) in words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_faultstr(_dtp: *mut Hdl, fault: c_int) -> *const c_char {
    guard(|| forever(fault::words(fault.cast_unsigned())))
}

/// The name of a subroutine (DIF_SUBR_*).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_subrstr(_dtp: *mut Hdl, subr: c_int) -> *const c_char {
    guard(|| subroutine_name(subr.cast_unsigned()).map_or_else(|| forever("unknown"), forever))
}
