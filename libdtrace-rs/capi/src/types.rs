//! Types: looked up by name, compiled, and named.

use std::ffi::{c_char, c_int};
use std::ptr;

use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::symbols::kernel::is_built_in;
use dtrace_rs::types::{TypeError, TypeId};
use libc::{FILE, size_t};

use crate::argument::{contents, put, put_text, text};
use crate::entry::{enter, guard};
use crate::handle::{CtfFile, Hdl};
use crate::object::Scope;
use crate::structure::{CtfId, GElfSym, SymInfo, TypeInfo};

/// The container of a handle.
fn container(hdl: &Hdl) -> *mut CtfFile {
    let known = hdl.containers.all().first().copied();
    known.unwrap_or_else(|| hdl.containers.keep(CtfFile { hdl }))
}

/// A type as C has it.
fn type_info(hdl: &Hdl, library: &Handle, ty: TypeId) -> TypeInfo {
    TypeInfo {
        object: hdl.name(&library.types().object_name(ty)),
        ctfp: container(hdl),
        ty: CtfId::from(ty.number()),
    }
}

/// The type of a name; none if there is none.
pub(crate) fn named(hdl: &Hdl, library: &Handle, name: &str) -> TypeInfo {
    match library.types().lookup(name) {
        Ok(ty) => type_info(hdl, library, ty),
        Err(_) => TypeInfo { object: ptr::null(), ctfp: ptr::null_mut(), ty: -1 },
    }
}

fn code(error: TypeError) -> Error {
    match error {
        TypeError::NotFound => Code::NoType,
        TypeError::NoObject(_) => Code::NoModule,
        TypeError::Corrupt { .. } => Code::Ctf,
    }
    .into()
}

/// Looks a type up by its name in an object, which is a name or one of DTRACE_OBJ_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_lookup_by_type(
    dtp: *mut Hdl,
    object: *const c_char,
    name: *const c_char,
    result: *mut TypeInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (scope, name, library) = (Scope::of(object), text(name)?, hdl.library()?);
            let types = library.types();
            let found = match &scope {
                Scope::Every => types.lookup(&name),
                Scope::C => types.lookup_in("C", &name),
                Scope::D => types.lookup_in("D", &name),
                Scope::Kernel => types.lookup_in("vmlinux", &name),
                Scope::Modules => types.lookup_in_modules(&name),
                Scope::Processes => Err(TypeError::NotFound),
                Scope::Named(object) => types.lookup_in(object, &name),
            };
            put(result, type_info(hdl, &library, found.map_err(code)?));
            Ok(0)
        })
    }
}

/// The type of a symbol that dtrace_lookup_by_name or dtrace_lookup_by_addr has found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_symbol_type(
    dtp: *mut Hdl,
    _symbol: *const GElfSym,
    info: *const SymInfo,
    result: *mut TypeInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let info = info.as_ref().ok_or(Error::Sys(libc::EINVAL))?;
            let (object, name, library) = (text(info.object)?, text(info.name)?, hdl.library()?);
            let types = library.types();
            let object = if is_built_in(&object) { "vmlinux" } else { &*object };
            let function = || types.kernel_function(Some(object), &name).map(|f| f.ty);
            let found = types.kernel_variable(Some(object), &name).or_else(|| {
                let function = function()?;
                Some(types.function(function.ret, function.params.to_vec(), function.variadic))
            });
            put(result, type_info(hdl, &library, found.ok_or(Code::NoType)?));
            Ok(0)
        })
    }
}

fn compile(hdl: &Hdl, text: &[u8], result: *mut TypeInfo) -> Result<c_int> {
    let ty = hdl.library_mut()?.compile_type(text)?;
    let info = type_info(hdl, &*hdl.library()?, ty);
    // SAFETY: the caller's promise (lib.rs): null, or a place for a type.
    unsafe { put(result, info) };
    Ok(0)
}

/// Compiles the name of a type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_type_strcompile(
    dtp: *mut Hdl,
    name: *const c_char,
    result: *mut TypeInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| compile(hdl, text(name)?.as_bytes(), result)) }
}

/// Compiles the name of a type that a stream holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_type_fcompile(
    dtp: *mut Hdl,
    file: *mut FILE,
    result: *mut TypeInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| compile(hdl, &contents(file)?, result)) }
}

/// Writes the name of a type of a dtrace_typeinfo. The buffer; NULL when there is no such type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ctf_type_name(
    container: *mut CtfFile,
    ty: CtfId,
    buffer: *mut c_char,
    size: size_t,
) -> *mut c_char {
    guard(|| {
        // SAFETY: the caller's promise (lib.rs): null, or the container of a handle that is open.
        unsafe {
            let Some(hdl) = container.as_ref().map(|container| &*container.hdl) else {
                return ptr::null_mut();
            };
            let Ok(library) = hdl.library() else { return ptr::null_mut() };
            let types = library.types();
            let Some(ty) = u32::try_from(ty).ok().and_then(|number| types.numbered(number)) else {
                return ptr::null_mut();
            };
            put_text(buffer, size, &types.name(ty));
        }
        buffer
    })
}
