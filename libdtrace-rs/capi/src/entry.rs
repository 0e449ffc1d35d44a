//! The way in: from C to Rust, and no panic back.

use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use dtrace_rs::error::{Error, Result};
use libc::size_t;

use crate::handle::Hdl;

/// What a function gives when it has failed.
pub(crate) trait Failed {
    /// The value.
    const FAILED: Self;
}

impl Failed for c_int {
    const FAILED: Self = -1;
}

impl Failed for size_t {
    const FAILED: Self = 0;
}

impl Failed for () {
    const FAILED: Self = ();
}

impl<T> Failed for *mut T {
    const FAILED: Self = ptr::null_mut();
}

impl<T> Failed for *const T {
    const FAILED: Self = ptr::null();
}

/// Runs the body of a function that has a handle. An error becomes `dtrace_errno` and the function's error value.
///
/// # Safety
///
/// The handle is null, or one of `dtrace_open` that is not closed.
pub(crate) unsafe fn enter<T: Failed>(hdl: *mut Hdl, body: impl FnOnce(&Hdl) -> Result<T>) -> T {
    // SAFETY: the caller's promise. The reference is shared, as everything in a handle is: callbacks come in again.
    let Some(hdl) = (unsafe { hdl.as_ref() }) else { return T::FAILED };
    match catch_unwind(AssertUnwindSafe(|| body(hdl))) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            hdl.fail(&error);
            T::FAILED
        }
        Err(_) => {
            hdl.fail(&Error::Sys(libc::ENOTRECOVERABLE));
            T::FAILED
        }
    }
}

/// Runs the body of a function that has no handle, or that cannot fail.
pub(crate) fn guard<T: Failed>(body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(T::FAILED)
}

/// The addresses that C gives as opaque ones.
pub(crate) fn opaque<T>(pointer: *mut T) -> *mut c_void {
    pointer.cast()
}

/// An empty string that C may read for ever.
pub(crate) const EMPTY: *const c_char = c"".as_ptr();

#[cfg(test)]
mod tests {
    use std::ffi::{CStr, c_int};
    use std::ptr;

    use super::*;
    use crate::error::{dtrace_errmsg, dtrace_errno};
    use crate::open::{dtrace_close, dtrace_open};

    #[test]
    fn a_panic_becomes_an_error_of_the_handle() {
        // SAFETY: the handle is closed last; null is allowed for the place of the error.
        unsafe {
            let hdl = dtrace_open(3, 1, ptr::null_mut());
            let panicked: c_int = enter(hdl, |_| panic!("on purpose"));
            assert_eq!(panicked, -1);
            assert_eq!(dtrace_errno(hdl), libc::ENOTRECOVERABLE);
            let text = CStr::from_ptr(dtrace_errmsg(hdl, dtrace_errno(hdl)));
            assert_eq!(text, c"State not recoverable");
            let pointer: *mut c_int = enter(hdl, |_| panic!("on purpose"));
            assert!(pointer.is_null());
            // The handle is as good as before.
            let fine: c_int = enter(hdl, |hdl| hdl.library_mut().map(|_| 7));
            assert_eq!(fine, 7);
            dtrace_close(hdl);
        }
        let nothing: c_int = guard(|| panic!("on purpose"));
        assert_eq!(nothing, -1);
    }

    #[test]
    fn a_null_handle_is_an_error() {
        // SAFETY: null is allowed.
        let failed: c_int = unsafe { enter(ptr::null_mut(), |_| Ok(0)) };
        assert_eq!(failed, -1);
    }
}
