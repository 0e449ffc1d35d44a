//! The functions that a client has given for what it wants to hear of.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use dtrace_rs::error::{Error, Result};

use crate::callback::{HandleBufferedF, HandleDropF, HandleErrF, HandleProcF, HandleSetoptF};
use crate::entry::enter;
use crate::handle::Hdl;

/// A function with its argument.
pub(crate) type Handler<F> = Cell<Option<(F, *mut c_void)>>;

/// The functions.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) error: Handler<HandleErrF>,
    pub(crate) drop: Handler<HandleDropF>,
    pub(crate) process: Handler<HandleProcF>,
    pub(crate) buffered: Handler<HandleBufferedF>,
    pub(crate) setopt: Handler<HandleSetoptF>,
}

/// Takes a function, once.
fn take<F: Copy>(handler: &Handler<F>, function: Option<F>, arg: *mut c_void) -> Result<c_int> {
    if handler.get().is_some() {
        return Err(Error::Sys(libc::EALREADY));
    }
    handler.set(function.map(|function| (function, arg)));
    Ok(0)
}

/// Who hears of faults in clauses. Without one, a fault ends consumption.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_handle_err(
    dtp: *mut Hdl,
    func: Option<HandleErrF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| take(&hdl.handlers.error, func, arg)) }
}

/// Who hears of losses. Without one, a loss ends consumption.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_handle_drop(
    dtp: *mut Hdl,
    func: Option<HandleDropF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| take(&hdl.handlers.drop, func, arg)) }
}

/// Who hears of the ends of processes, in dtrace_sleep.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_handle_proc(
    dtp: *mut Hdl,
    func: Option<HandleProcF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| take(&hdl.handlers.process, func, arg)) }
}

/// Who gets the output that has no stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_handle_buffered(
    dtp: *mut Hdl,
    func: Option<HandleBufferedF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| take(&hdl.handlers.buffered, func, arg)) }
}

/// Who hears of options that setopt() has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_handle_setopt(
    dtp: *mut Hdl,
    func: Option<HandleSetoptF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| take(&hdl.handlers.setopt, func, arg)) }
}
