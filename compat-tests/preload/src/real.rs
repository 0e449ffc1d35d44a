//! The C library's own functions: the next ones of these names after ours.

use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function, looked up the first time that it is called.
struct Next {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Next { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Its address. A C library without it cannot be stood in front of, and the process has called it: it ends.
    fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // SAFETY: no preconditions.
            unsafe { libc::abort() };
        }
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

type Open = unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int;
type OpenAt = unsafe extern "C" fn(c_int, *const c_char, c_int, ...) -> c_int;
type Close = unsafe extern "C" fn(c_int) -> c_int;
type Ioctl = unsafe extern "C" fn(c_int, c_ulong, ...) -> c_int;

/// Which of the names of open() a process has called: they differ in what they do for 32-bit programs and in checks.
#[derive(Clone, Copy)]
pub(crate) enum Opener {
    /// open
    Plain,
    /// open64
    Large,
}

static OPEN: Next = Next::new(c"open");
static OPEN64: Next = Next::new(c"open64");
static OPENAT: Next = Next::new(c"openat");
static OPENAT64: Next = Next::new(c"openat64");
static CLOSE: Next = Next::new(c"close");
static IOCTL: Next = Next::new(c"ioctl");

/// Looks all of them up, so that no signal handler has to.
pub(crate) fn resolve() {
    for next in [&OPEN, &OPEN64, &OPENAT, &OPENAT64, &CLOSE, &IOCTL] {
        next.address();
    }
}

/// # Safety
///
/// As open().
pub(crate) unsafe fn open(name: Opener, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    let next = match name {
        Opener::Plain => &OPEN,
        Opener::Large => &OPEN64,
    };
    // SAFETY: the C library's function of this name has this type; the rest is the caller's promise.
    unsafe { mem::transmute::<*mut c_void, Open>(next.address())(path, flags, mode) }
}

/// # Safety
///
/// As openat().
pub(crate) unsafe fn openat(
    name: Opener,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    let next = match name {
        Opener::Plain => &OPENAT,
        Opener::Large => &OPENAT64,
    };
    // SAFETY: the C library's function of this name has this type; the rest is the caller's promise.
    unsafe { mem::transmute::<*mut c_void, OpenAt>(next.address())(dir, path, flags, mode) }
}

/// # Safety
///
/// As close().
pub(crate) unsafe fn close(fd: c_int) -> c_int {
    // SAFETY: the C library's function of this name has this type; the rest is the caller's promise.
    unsafe { mem::transmute::<*mut c_void, Close>(CLOSE.address())(fd) }
}

/// # Safety
///
/// As ioctl().
pub(crate) unsafe fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // SAFETY: the C library's function of this name has this type; the rest is the caller's promise.
    unsafe { mem::transmute::<*mut c_void, Ioctl>(IOCTL.address())(fd, request, argument) }
}
