//! Objects: the kernel, its modules, and the two of the language.

use std::ffi::{CStr, c_char, c_int, c_void};

use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::symbols::kernel::{BUILT_IN, is_built_in};

use crate::argument::put;
use crate::callback::ObjF;
use crate::constant::{OBJ_F_KERNEL, OBJ_F_PRIMARY};
use crate::entry::{EMPTY, enter};
use crate::handle::Hdl;
use crate::structure::ObjInfo;

/// Which objects a client means.
pub(crate) enum Scope<'a> {
    /// The kernel proper.
    Kernel,
    /// The intrinsic types of C.
    C,
    /// What programs have declared.
    D,
    /// All.
    Every,
    /// The kernel with its modules.
    Modules,
    /// Those of processes.
    Processes,
    /// The one of this name.
    Named(std::borrow::Cow<'a, str>),
}

impl<'a> Scope<'a> {
    /// What a pointer means: it may be one of DTRACE_OBJ_*.
    ///
    /// # Safety
    ///
    /// Any other pointer is of a string.
    pub(crate) unsafe fn of(object: *const c_char) -> Scope<'a> {
        match object as isize {
            0 | 1 => Scope::Kernel,
            2 => Scope::C,
            3 => Scope::D,
            -1 => Scope::Every,
            -2 => Scope::Modules,
            -3 => Scope::Processes,
            // SAFETY: the caller's promise.
            _ => match unsafe { CStr::from_ptr(object) }.to_string_lossy() {
                name if is_built_in(&name) => Scope::Kernel,
                name => Scope::Named(name),
            },
        }
    }
}

/// The names of all objects, in the order of their numbers.
fn names(library: &Handle) -> Vec<String> {
    let modules = library.symbols().kernel_symbols().modules();
    let mut names: Vec<String> = modules.to_vec();
    if names.is_empty() {
        names.push(BUILT_IN.into());
    }
    names.extend(["C".to_owned(), "D".to_owned()]);
    names
}

fn info(hdl: &Hdl, library: &Handle, name: &str, id: usize) -> ObjInfo {
    let kernel = !matches!(name, "C" | "D");
    let extent = library.symbols().kernel_symbols().extent(name).filter(|_| kernel);
    let (start, end) = extent.unwrap_or((0, 0));
    let primary = if name == BUILT_IN { OBJ_F_PRIMARY } else { 0 };
    ObjInfo {
        name: hdl.name(name),
        file: if kernel { hdl.name("/proc/kallsyms") } else { EMPTY },
        id: id as c_int,
        flags: if kernel { OBJ_F_KERNEL | primary } else { 0 },
        text_va: start,
        text_size: end - start,
        data_va: 0,
        data_size: 0,
        bss_va: 0,
        bss_size: 0,
    }
}

/// Calls a function for each object. What the function gave that ended it; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_object_iter(dtp: *mut Hdl, func: Option<ObjF>, arg: *mut c_void) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let func = func.ok_or(Error::Sys(libc::EINVAL))?;
            let library = hdl.library()?;
            for (id, name) in names(&library).iter().enumerate() {
                let answer = func(dtp, &info(hdl, &library, name, id), arg);
                if answer != 0 {
                    return Ok(answer);
                }
            }
            Ok(0)
        })
    }
}

/// What is known of an object, which is a name or one of DTRACE_OBJ_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_object_info(
    dtp: *mut Hdl,
    object: *const c_char,
    result: *mut ObjInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| -> Result<c_int> {
            let name = match Scope::of(object) {
                Scope::Kernel => BUILT_IN.into(),
                Scope::C => "C".into(),
                Scope::D => "D".into(),
                Scope::Named(name) => name,
                // These are no single object.
                Scope::Every | Scope::Modules | Scope::Processes => return Err(Error::Sys(libc::EINVAL)),
            };
            let library = hdl.library()?;
            let id = names(&library).iter().position(|n| **n == name).ok_or(Code::NoModule)?;
            put(result, info(hdl, &library, &name, id));
            Ok(0)
        })
    }
}
