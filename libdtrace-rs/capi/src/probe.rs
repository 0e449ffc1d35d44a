//! Probes: which there are, and what is known of them.

use std::ffi::{c_char, c_int, c_void};

use dtrace_abi::{ProbeDesc, name_bytes};
use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::program;

use crate::callback::ProbeF;
use crate::descriptor::probe_desc;
use crate::entry::enter;
use crate::handle::Hdl;
use crate::program::attribute;
use crate::structure::{ProbeInfo, TypeInfo};
use crate::types;

/// A description of C's.
fn described(desc: &ProbeDesc) -> program::ProbeDesc {
    let text = |field: &[u8]| String::from_utf8_lossy(name_bytes(field)).into_owned();
    program::ProbeDesc {
        id: desc.id,
        provider: text(&desc.provider),
        module: text(&desc.module),
        function: text(&desc.function),
        name: text(&desc.name),
    }
}

/// Calls a function for each probe that matches; with NULL for all. What the function gave that ended it; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_probe_iter(
    dtp: *mut Hdl,
    pattern: *const ProbeDesc,
    func: Option<ProbeF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let func = func.ok_or(Error::Sys(libc::EINVAL))?;
            let pattern = pattern.as_ref().map(described);
            let mut answer = 0;
            let each = |probe: &program::ProbeDesc| {
                answer = func(dtp, &probe_desc(probe), arg);
                if answer == 0 { Ok(()) } else { Err(Code::DirectedAbort.into()) }
            };
            let result = hdl.library()?.each_probe(pattern.as_ref(), each);
            if answer != 0 { Ok(answer) } else { result.map(|()| 0) }
        })
    }
}

/// What is known of the probes that a description matches: an error if they may have nothing in common.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_probe_info(
    dtp: *mut Hdl,
    desc: *const ProbeDesc,
    result: *mut ProbeInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let desc = described(desc.as_ref().ok_or(Error::Sys(libc::EINVAL))?);
            let library = hdl.library()?;
            let info = library.probe_info(&desc)?;
            let types: Vec<TypeInfo> =
                info.types.iter().map(|name| types::named(hdl, &library, name)).collect();
            let argc = types.len() as c_int;
            let kept = hdl.arguments.keep(types);
            let (attr, arga) = (attribute(info.description), attribute(info.arguments));
            crate::argument::put(result, ProbeInfo { attr, arga, argv: (*kept).as_ptr(), argc });
            Ok(0)
        })
    }
}

/// Fills in the names of the providers that the system has a directory of, as many as there is room for: how many there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_provider_modules(
    dtp: *mut Hdl,
    names: *mut *const c_char,
    count: c_int,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| -> Result<c_int> {
            let modules = hdl.library()?.provider_modules();
            let room = if names.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
            for (n, name) in modules.iter().take(room).enumerate() {
                names.add(n).write(hdl.name(name));
            }
            Ok(modules.len() as c_int)
        })
    }
}
