//! Symbols: by name, by address, and as text.

use std::ffi::{c_char, c_int, c_void};

use dtrace_rs::error::{Code, Error};
use dtrace_rs::symbols::kernel::{BUILT_IN, KernelSymbol};
use libc::pid_t;

use crate::argument::{put, put_text, text};
use crate::entry::enter;
use crate::handle::Hdl;
use crate::object::Scope;
use crate::structure::{GElfSym, SymInfo};

/// STB_GLOBAL with STT_FUNC or STT_OBJECT.
fn elf(symbol: &KernelSymbol<'_>) -> GElfSym {
    let kind = if symbol.code { 2 } else { 1 };
    GElfSym { info: 1 << 4 | kind, value: symbol.address, size: symbol.size, ..GElfSym::default() }
}

fn info(hdl: &Hdl, symbol: &KernelSymbol<'_>) -> SymInfo {
    SymInfo { object: hdl.name(symbol.module), name: hdl.name(symbol.name), id: symbol.index }
}

/// Looks a symbol up by its name in an object, which is a name or one of DTRACE_OBJ_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_lookup_by_name(
    dtp: *mut Hdl,
    object: *const c_char,
    name: *const c_char,
    symbol: *mut GElfSym,
    result: *mut SymInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (scope, name, library) = (Scope::of(object), text(name)?, hdl.library()?);
            let symbols = library.symbols().kernel_symbols();
            let found = match &scope {
                Scope::Every | Scope::Modules => symbols.symbol(None, &name),
                Scope::Kernel => symbols.symbol(Some(BUILT_IN), &name),
                Scope::C | Scope::D | Scope::Processes => None,
                Scope::Named(object) if !symbols.modules().iter().any(|m| *m == **object) => {
                    return Err(Code::NoModule.into());
                }
                Scope::Named(object) => symbols.symbol(Some(object), &name),
            };
            let found = found.ok_or(Code::NoSymbol)?;
            put(symbol, elf(&found));
            put(result, info(hdl, &found));
            Ok(0)
        })
    }
}

/// The symbol that an address is in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_lookup_by_addr(
    dtp: *mut Hdl,
    address: u64,
    symbol: *mut GElfSym,
    result: *mut SymInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            if let Some((vector, arg)) = &hdl.vector
                && let Some(lookup) = vector.lookup_by_addr
            {
                let mut own =
                    (GElfSym::default(), SymInfo { object: std::ptr::null(), name: std::ptr::null(), id: 0 });
                if lookup(*arg as *mut c_void, address, &mut own.0, &mut own.1) != 0 {
                    return Err(Code::NoSymbolAddr.into());
                }
                put(symbol, own.0);
                put(result, own.1);
                return Ok(0);
            }
            let library = hdl.library()?;
            let found = library.symbols().kernel_symbols().symbol_at(address).ok_or(Code::NoSymbolAddr)?;
            put(symbol, elf(&found));
            put(result, info(hdl, &found));
            Ok(0)
        })
    }
}

/// Writes a place in text, as far as there is room: how long all of it is.
unsafe fn write(address: u64, place: Option<impl ToString>, buffer: *mut c_char, size: c_int) -> c_int {
    let text = place.map_or_else(|| format!("0x{address:x}"), |place| place.to_string());
    // SAFETY: the caller's promise (lib.rs).
    let length = unsafe { put_text(buffer, usize::try_from(size).unwrap_or(0), &text) };
    c_int::try_from(length).unwrap_or(c_int::MAX)
}

/// Writes the place of a kernel address: module`symbol+0x10. How long all of it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_addr2str(
    dtp: *mut Hdl,
    address: u64,
    buffer: *mut c_char,
    size: c_int,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| Ok(write(address, hdl.library()?.symbolizer().kernel(address), buffer, size))) }
}

/// Writes the place of an address of a process. How long all of it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_uaddr2str(
    dtp: *mut Hdl,
    pid: pid_t,
    address: u64,
    buffer: *mut c_char,
    size: c_int,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let pid = u32::try_from(pid).map_err(|_| Error::Sys(libc::ESRCH))?;
            Ok(write(address, hdl.library()?.symbolizer().user(pid, address), buffer, size))
        })
    }
}
