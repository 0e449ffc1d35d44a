//! The kernel's tracepoints: a callback on one, attached and detached.
//!
//! Attaching and detaching is the control path's, with the engine's control mutex held, or the module's beginning and end.

use crate::control::Control;
use crate::ffi;
use core::ffi::{CStr, c_void};
use dtrace_engine::errno::Errno;

/// A tracepoint and what it calls while attached.
pub(crate) struct Tracepoint {
    name: &'static CStr,
    callback: Callback,
    attached: Control<bool>,
}

/// The address of a function.
struct Callback(*mut c_void);

// SAFETY: a function is any thread's to call, and its address says nothing else.
unsafe impl Sync for Callback {}

impl Tracepoint {
    /// The tracepoint of a name, not attached.
    ///
    /// # Safety
    ///
    /// `callback` is an `extern "C" fn` of a null pointer and the arguments of that tracepoint, in every kernel; it may be called
    /// with preemption off in any context that the tracepoint is in.
    pub(crate) const unsafe fn new(name: &'static CStr, callback: *mut c_void) -> Self {
        Tracepoint { name, callback: Callback(callback), attached: Control::new(false) }
    }

    /// Attaches the callback if it is not attached. ENODEV if the kernel has no such tracepoint.
    ///
    /// # Safety
    ///
    /// Process context, with the control mutex held.
    pub(crate) unsafe fn attach(&self) -> Result<(), Errno> {
        // SAFETY: the control mutex is held.
        let attached = unsafe { self.attached.get() };
        // SAFETY: process context, and a C string; the callback is as `new` demands.
        if !*attached && unsafe { ffi::host_tracepoint_attach(self.name.as_ptr(), self.callback.0) } != 0 {
            return Err(Errno::ENODEV);
        }
        *attached = true;
        Ok(())
    }

    /// Detaches the callback if it is attached; when this returns, it runs nowhere any more.
    ///
    /// # Safety
    ///
    /// Process context, with the control mutex held or nobody left who could take it.
    pub(crate) unsafe fn detach(&self) {
        // SAFETY: the caller's contract.
        if core::mem::take(unsafe { self.attached.get() }) {
            // SAFETY: process context; it is attached.
            unsafe { ffi::host_tracepoint_detach(self.name.as_ptr(), self.callback.0) }
        }
    }
}
