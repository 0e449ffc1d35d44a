//! The functions that stand in front of the C library's.
//!
//! C declares open() and ioctl() with "...". On x86-64 what is passed there comes in the registers where it would come if it
//! were declared, so they are defined here with all their arguments; one that the caller has not passed is whatever the
//! register holds, and is only passed on.

use crate::real::{self, Opener};
use crate::{file, node};
use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};

/// Runs when the library is loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = {
    extern "C" fn loaded() {
        real::resolve();
        node::read_environment();
    }
    loaded
};

/// What C says of a result.
fn answer(result: Result<c_int, c_int>) -> c_int {
    result.unwrap_or_else(|errno| {
        // SAFETY: errno's address is good in every thread.
        unsafe { *libc::__errno_location() = errno };
        -1
    })
}

/// The device of this path, opened; None if it is none of ours.
///
/// # Safety
///
/// The path is a C string, or null.
unsafe fn device(path: *const c_char, flags: c_int) -> Option<c_int> {
    if path.is_null() {
        return None;
    }
    // SAFETY: not null, and so a C string.
    let node = node::at(unsafe { CStr::from_ptr(path) })?;
    Some(answer(file::open(node, flags & libc::O_CLOEXEC != 0)))
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { device(path, flags).unwrap_or_else(|| real::open(Opener::Plain, path, flags, mode)) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { device(path, flags).unwrap_or_else(|| real::open(Opener::Large, path, flags, mode)) }
}

/// # Safety
///
/// As the C library's. (What programs compiled with _FORTIFY_SOURCE call for open() without a mode.)
#[unsafe(no_mangle)]
unsafe extern "C" fn __open_2(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open(path, flags, 0) }
}

/// # Safety
///
/// As the C library's. (What programs compiled with _FORTIFY_SOURCE call for open64() without a mode.)
#[unsafe(no_mangle)]
unsafe extern "C" fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open64(path, flags, 0) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn openat(dir: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { device(path, flags).unwrap_or_else(|| real::openat(Opener::Plain, dir, path, flags, mode)) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(dir: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { device(path, flags).unwrap_or_else(|| real::openat(Opener::Large, dir, path, flags, mode)) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    let file = file::of(fd);
    // SAFETY: as the caller promises.
    let result = unsafe { real::close(fd) };
    if let Some(file) = file {
        // SAFETY: errno's address is good in every thread.
        let errno = unsafe { *libc::__errno_location() };
        file::closed(file);
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
    }
    result
}

/// # Safety
///
/// As the C library's: the argument is what the request takes.
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    match file::of(fd) {
        // The kernel's requests are 32 bits wide, and callers extend theirs in either way.
        // SAFETY: as the caller promises.
        Some(file) => answer(unsafe { file::ioctl(file, request as u32, argument) }),
        // SAFETY: as the caller promises.
        None => unsafe { real::ioctl(fd, request, argument) },
    }
}
