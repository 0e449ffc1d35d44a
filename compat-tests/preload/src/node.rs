//! Which paths are devices, and what an open one answers (contract 1.1).
//!
//! A new device is a line in [`at`] and an implementation of [`Node`]. A path that is not here is the C library's, so a device
//! that is not served is absent.

use dtrace_abi::ioctl;
use dtrace_user::{ControlDevice, HelperDevice};
use std::ffi::{CStr, CString, c_void};
use std::os::unix::ffi::OsStringExt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// An open device: what it answers until it is dropped. The error numbers are positive.
pub(crate) trait Node: Send + Sync {
    /// An ioctl.
    ///
    /// # Safety
    ///
    /// The argument is what the command takes: an address that may be bad (then it is EFAULT) but, where the command
    /// writes, not one of memory that anything else relies on.
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32>;
}

/// How a device is opened.
pub(crate) type Open = fn() -> Result<Box<dyn Node>, i32>;

/// What DTRACE_DEV called the device when the library was loaded. Never freed.
static NAMED: AtomicPtr<CString> = AtomicPtr::new(ptr::null_mut());

/// Notes what the environment calls the device.
pub(crate) fn read_environment() {
    let named = std::env::var_os("DTRACE_DEV").and_then(|path| CString::new(path.into_vec()).ok());
    // A bare word is no path: our own command means its embedded engine by one.
    if let Some(path) = named.filter(|path| path.to_bytes().starts_with(b"/")) {
        NAMED.store(Box::into_raw(Box::new(path)), Ordering::Release);
    }
}

/// The device of this path; None if it is none of ours.
pub(crate) fn at(path: &CStr) -> Option<Open> {
    match path.to_bytes() {
        b"/dev/dtrace" => Some(dtrace),
        b"/dev/fasttrap" => Some(fasttrap),
        b"/dev/dtrace_helper" => Some(|| Ok(Box::new(HelperDevice::open()))),
        b"/dev/dtrace_ctl" => Some(|| Ok(Box::new(ControlDevice::open()))),
        bytes => {
            // SAFETY: null, or what `read_environment` has stored for good.
            let named = unsafe { NAMED.load(Ordering::Acquire).as_ref() }?;
            (bytes == named.to_bytes()).then_some(dtrace as Open)
        }
    }
}

fn dtrace() -> Result<Box<dyn Node>, i32> {
    let device = dtrace_user::Device::open().map_err(dtrace_engine::errno::Errno::code)?;
    Ok(Box::new(device))
}

impl Node for dtrace_user::Device {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        // SAFETY: both promise the same.
        unsafe { self.ioctl(command, argument) }.map_err(dtrace_engine::errno::Errno::code)
    }
}

impl Node for HelperDevice {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        // SAFETY: both promise the same.
        unsafe { self.ioctl(command, argument) }.map_err(dtrace_engine::errno::Errno::code)
    }
}

impl Node for ControlDevice {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        // SAFETY: both promise the same.
        unsafe { self.ioctl(command, argument) }.map_err(dtrace_engine::errno::Errno::code)
    }
}

fn fasttrap() -> Result<Box<dyn Node>, i32> {
    Ok(Box::new(Fasttrap))
}

/// There is no pid provider in a process: no tracepoint can be made, and none is active.
struct Fasttrap;

impl Node for Fasttrap {
    unsafe fn ioctl(&self, command: u32, _: *mut c_void) -> Result<i32, i32> {
        Err(match command {
            ioctl::FASTTRAP_MAKEPROBE => libc::EAGAIN,
            ioctl::FASTTRAP_GETINSTR => libc::ENOENT,
            _ => libc::EINVAL,
        })
    }
}
