//! Anonymous tracing when the driver is loaded (the engine's `anonymous` says what that is).
//!
//! `dtrace -A` saves it where the kernel's firmware loader looks: that works at boot from an initramfs as from the root file system,
//! by a name that no mount namespace can turn, and needs no open, read and close of our own. Nothing there is the usual case and is
//! passed over in silence: so the loader, which on some systems complains of it to the log, is not even asked unless the file is
//! there. Everything else is one line in the log, and the driver is loaded in any case.
//!
//! The module's parameter `anonymous` says whether it is looked for at all: a machine that does not get through its boot with it
//! gets through with `dtracedrv.anonymous=0`.
//!
//! Rejected: a parameter with the program in it (the command line of a kernel is short, and its module's parameters are for
//! everybody to read), opening the file by its path (of whose root?).
//!
//! Process context.

use crate::driver::engine;
use crate::{ffi, log};
use core::ffi::CStr;
use dtrace_engine::errno::Errno;
use dtrace_engine::{Anonymous, AnonymousError};

/// The name that an enabling is saved by.
const NAME: &CStr = match CStr::from_bytes_with_nul(ffi::HOST_ANONYMOUS) {
    Ok(name) => name,
    Err(_) => panic!("a literal of C"),
};

/// Where the file is, for who loads the driver.
const PATH: &CStr = match CStr::from_bytes_with_nul(ffi::HOST_ANONYMOUS_PATH) {
    Ok(path) => path,
    Err(_) => panic!("a literal of C"),
};

/// A file of the system's, read.
struct File(ffi::host_firmware);

impl File {
    /// Reads the file of a name, or gives the errno.
    fn read(name: &CStr) -> Result<File, i32> {
        let mut file = ffi::host_firmware { handle: core::ptr::null(), data: core::ptr::null(), size: 0 };
        // SAFETY: process context; the name is a C string, and the other is the address of a live structure.
        match unsafe { ffi::host_firmware_take(name.as_ptr(), &raw mut file) } {
            0 => Ok(File(file)),
            error => Err(-error),
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.0.data.is_null() {
            return &[];
        }
        // SAFETY: the loader's memory, which has this size, and which nobody changes until it is released.
        unsafe { core::slice::from_raw_parts(self.0.data, self.0.size) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: it was taken, and is not used any more.
        unsafe { ffi::host_firmware_release(self.0.handle) }
    }
}

/// Begins what was saved, if anything was. Not inlined: probes fire below, which takes much of the stack.
#[inline(never)]
pub(crate) fn begin() {
    // SAFETY: process context; the path is a C string.
    if !unsafe { ffi::host_anonymous_wanted() && ffi::host_file_exists(PATH.as_ptr()) } {
        return;
    }
    match File::read(NAME) {
        Ok(file) => say(engine().begin_anonymous(file.bytes())),
        Err(error) if error == Errno::ENOENT as i32 => {}
        Err(error) => {
            log::line(format_args!("anonymous tracing: the saved enabling cannot be read: errno {error}"));
        }
    }
}

fn say(result: Result<Anonymous, AnonymousError>) {
    match result {
        Ok(Anonymous { clauses, probes }) => {
            log::line(format_args!("anonymous tracing: {clauses} clauses enabled {probes} probes"));
        }
        Err(error) => log::line(format_args!("anonymous tracing: the saved enabling is not used: {error}")),
    }
}

/// Ends it, unless somebody has claimed it.
pub(crate) fn end() {
    engine().end_anonymous();
}
