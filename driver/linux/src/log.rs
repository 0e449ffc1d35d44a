//! Lines for the kernel log, and what a Rust panic does.
//!
//! Any context: a line is built in a buffer on the stack, cut where it is full.

use crate::ffi;
use core::fmt::{self, Write};

/// The longest line.
const LINE: usize = 256;

/// A line under construction.
struct Line {
    text: [u8; LINE],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = LINE - self.len;
        let (Some(dst), Some(src)) = (self.text.get_mut(self.len..), s.as_bytes().get(..s.len().min(room)))
        else {
            return Ok(());
        };
        for (d, s) in dst.iter_mut().zip(src) {
            *d = *s;
        }
        self.len += src.len();
        Ok(())
    }
}

impl Line {
    fn new(text: fmt::Arguments<'_>) -> Self {
        let mut line = Line { text: [0; LINE], len: 0 };
        let _ = line.write_fmt(text);
        line
    }
}

/// Writes one line to the kernel log.
#[inline(never)]
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let line = Line::new(text);
    // SAFETY: the pointer and length are of a live buffer.
    unsafe { ffi::host_log(line.text.as_ptr(), line.len) }
}

/// A bug in the driver: the message goes to the log, the current task dies, the machine goes on.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let line = Line::new(format_args!("{info}"));
    // SAFETY: the pointer and length are of a live buffer; `host_bug` does not return, and `ud2` would trap if it did.
    unsafe {
        ffi::host_bug(line.text.as_ptr(), line.len);
        core::arch::asm!("ud2", options(noreturn));
    }
}
