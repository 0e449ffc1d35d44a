//! What the library says of itself: its version, its options, and what it does while it is debugged.

use std::ffi::{c_char, c_int};
use std::fmt::Arguments;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::entry::guard;

/// A string that nobody changes.
#[repr(transparent)]
pub struct Text(*const c_char);

// SAFETY: the only one is a literal.
unsafe impl Sync for Text {}

/// The version of the language.
#[unsafe(no_mangle)]
pub static _dtrace_version: Text = Text(c"Sun D 1.9".as_ptr());

/// Not 0: the library says on standard error what it does. The variable DTRACE_DEBUG of the environment sets it.
#[unsafe(no_mangle)]
pub static mut _dtrace_debug: c_int = 0;

/// The number, which the client may set at any time.
fn level() -> &'static AtomicI32 {
    // SAFETY: nobody here uses it but through this, and the address is good for ever.
    unsafe { AtomicI32::from_ptr(&raw mut _dtrace_debug) }
}

/// For the parser generator of the original's: this parser has nothing to trace.
#[unsafe(no_mangle)]
pub static mut yydebug: c_int = 0;

/// Says something to who debugs.
pub(crate) fn debug(text: Arguments<'_>) {
    if level().load(Ordering::Relaxed) != 0 {
        eprintln!("libdtrace DEBUG {text}");
    }
}

/// Reads the environment. dtrace_open does it too.
#[unsafe(no_mangle)]
pub extern "C" fn _dtrace_init() {
    guard(|| {
        if std::env::var_os("DTRACE_DEBUG").is_some() {
            level().store(1, Ordering::Relaxed);
        }
    });
}

/// Prints the names and numbers of all options to standard output.
#[unsafe(no_mangle)]
pub extern "C" fn dtrace_list_options() {
    guard(|| {
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        let _ = dtrace_rs::cmd::list_options(&mut text);
        // Through the C library's stream, in the order in which the client prints.
        // SAFETY: the stream is the C library's own, and the bytes are there.
        unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stdout) };
    });
}

unsafe extern "C" {
    static stdout: *mut libc::FILE;
}
