//! Probe descriptions and attributes as text, and back.

use std::ffi::{c_char, c_int};

use dtrace_abi::desc::ProbeId;
use dtrace_abi::{Attribute, ProbeDesc, name_bytes};
use dtrace_rs::error::{Error, Result};
use dtrace_rs::options::{self, class_name, stability_name};
use libc::size_t;

use crate::argument::{put, put_text, text, words};
use crate::descriptor::probe_desc;
use crate::entry::{enter, guard};
use crate::error::forever;
use crate::handle::Hdl;
use crate::program::spec_kind;
use crate::structure::ProbeSpec;

/// Reads a probe description, in which the words are $0, $1 and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_xstr2desc(
    dtp: *mut Hdl,
    spec: ProbeSpec,
    string: *const c_char,
    argc: c_int,
    argv: *const *mut c_char,
    result: *mut ProbeDesc,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (string, spec, arguments) = (text(string)?, spec_kind(spec)?, words(argc, argv));
            put(result, probe_desc(&hdl.library()?.describe(&string, spec, &arguments)?));
            Ok(0)
        })
    }
}

/// Reads a probe description.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_str2desc(
    dtp: *mut Hdl,
    spec: ProbeSpec,
    string: *const c_char,
    result: *mut ProbeDesc,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { dtrace_xstr2desc(dtp, spec, string, 0, std::ptr::null(), result) }
}

/// The description of the probe with this id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_id2desc(dtp: *mut Hdl, id: ProbeId, result: *mut ProbeDesc) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            put(result, probe_desc(&hdl.library()?.probe(id)?));
            Ok(0)
        })
    }
}

/// Writes a probe description as text: its four names, or its id if it has one. The buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_desc2str(
    desc: *const ProbeDesc,
    buffer: *mut c_char,
    size: size_t,
) -> *mut c_char {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs).
        unsafe {
            let Some(desc) = desc.as_ref() else { return std::ptr::null_mut() };
            let name = |field: &[u8]| String::from_utf8_lossy(name_bytes(field)).into_owned();
            let text = match desc.id {
                0 => [&desc.provider[..], &desc.module, &desc.function, &desc.name].map(name).join(":"),
                id => id.to_string(),
            };
            put_text(buffer, size, &text);
        }
        buffer
    })
}

/// Writes an attribute as text: Stable/Evolving/Common. The buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_attr2str(
    attribute: Attribute,
    buffer: *mut c_char,
    size: size_t,
) -> *mut c_char {
    guard(|| {
        let stability = |number| stability_name(number).unwrap_or("(null)");
        let class = class_name(attribute.class).unwrap_or("(null)");
        let text = format!("{}/{}/{class}", stability(attribute.name), stability(attribute.data));
        // SAFETY: the caller's promise (lib.rs).
        unsafe { put_text(buffer, size, &text) };
        buffer
    })
}

/// Reads an attribute: Stable/Evolving/Common; what is left out behind is the best there is. -1 for what is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_str2attr(string: *const c_char, result: *mut Attribute) -> c_int {
    guard(|| {
        let read = || -> Result<()> {
            // SAFETY: the caller's promise (lib.rs).
            let text = unsafe { text(string) }?;
            let found = options::attribute(&text).ok_or(Error::Sys(libc::EINVAL))?;
            let raw = Attribute { name: found.name, data: found.data, class: found.class };
            // SAFETY: the caller's promise (lib.rs).
            unsafe { put(result, raw) };
            Ok(())
        };
        if read().is_ok() { 0 } else { -1 }
    })
}

/// The name of a stability (DTRACE_STABILITY_*); NULL for what is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stability_name(stability: u8) -> *const c_char {
    guard(|| stability_name(stability).map_or(std::ptr::null(), forever))
}

/// The name of a dependency class (DTRACE_CLASS_*); NULL for what is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_class_name(class: u8) -> *const c_char {
    guard(|| class_name(class).map_or(std::ptr::null(), forever))
}
