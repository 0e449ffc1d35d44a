//! Formats, and records printed by them.

use std::borrow::Cow;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::{ptr, slice};

use dtrace_abi::{Plain, RecDesc, action};
use dtrace_rs::consume::{carry_out, print_typed};
use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::printf::format::Format;
use libc::{FILE, size_t};

use crate::argument::{put_text, text};
use crate::entry::{enter, opaque};
use crate::handle::{Hdl, Printf};
use crate::stream;
use crate::structure::ProbeData;

/// A format that is known. EINVAL for any other address.
fn known(hdl: &Hdl, format: *mut c_void) -> Result<&Printf> {
    let format = format.cast::<Printf>();
    if !hdl.formats.has(format) {
        return Err(Error::Sys(libc::EINVAL));
    }
    // SAFETY: the handle keeps it, and shares it only.
    Ok(unsafe { &*format })
}

unsafe fn create(dtp: *mut Hdl, string: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let text = text(string)?.into_owned();
            let format = Format::parse(text.as_bytes()).map_err(|_| Code::BadConversion)?;
            Ok(opaque(hdl.formats.keep(Printf { format, text })))
        })
    }
}

/// Reads a format of printf(). It lives as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_printf_create(dtp: *mut Hdl, format: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { create(dtp, format) }
}

/// Reads a format of printa(). It lives as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_printa_create(dtp: *mut Hdl, format: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { create(dtp, format) }
}

/// Writes a format as text, as far as there is room. How long all of it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_printf_format(
    dtp: *mut Hdl,
    format: *mut c_void,
    buffer: *mut c_char,
    size: size_t,
) -> size_t {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| Ok(put_text(buffer, size, &known(hdl, format)?.text))) }
}

/// Records of the caller's with their data.
struct Recorded {
    file: *mut FILE,
    format: *mut c_void,
    data: *const ProbeData,
    records: *const RecDesc,
    count: c_uint,
    buffer: *const c_void,
    size: size_t,
}

impl Recorded {
    unsafe fn records(&self) -> Result<&[RecDesc]> {
        if self.records.is_null() || self.count == 0 {
            return Err(Code::DataMismatch.into());
        }
        // SAFETY: the caller's promise: there are so many.
        Ok(unsafe { slice::from_raw_parts(self.records, self.count as usize) })
    }

    unsafe fn bytes(&self) -> &[u8] {
        if self.buffer.is_null() {
            return &[];
        }
        // SAFETY: the caller's promise: there are so many.
        unsafe { slice::from_raw_parts(self.buffer.cast::<u8>(), self.size) }
    }

    /// Carries out what the records are for: how many it took.
    unsafe fn carry_out(&self, dtp: *mut Hdl, kind: u32) -> c_int {
        // SAFETY: the caller's promise (lib.rs).
        unsafe {
            enter(dtp, |hdl| {
                let (format, library) = (&known(hdl, self.format)?.format, hdl.library()?);
                let (records, bytes) = (self.records()?, self.bytes());
                let taken = stream::print(hdl, self.file, self.data, self.records, |out| {
                    let taken = carry_out(&library.context(), out, kind, format, records, bytes)?;
                    std::io::Write::flush(out)?;
                    Ok(taken)
                })?;
                Ok(c_int::try_from(taken).unwrap_or(c_int::MAX))
            })
        }
    }
}

/// Prints records by a format of dtrace_printf_create: how many it took.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_fprintf(
    dtp: *mut Hdl,
    out: *mut FILE,
    format: *mut c_void,
    data: *const ProbeData,
    records: *const RecDesc,
    count: c_uint,
    buffer: *const c_void,
    size: size_t,
) -> c_int {
    let recorded = Recorded { file: out, format, data, records, count, buffer, size };
    // SAFETY: the caller's promise (lib.rs).
    unsafe { recorded.carry_out(dtp, action::PRINTF) }
}

/// Lets the shell run what a format makes of records: how many it took.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_system(
    dtp: *mut Hdl,
    out: *mut FILE,
    format: *mut c_void,
    data: *const ProbeData,
    records: *const RecDesc,
    count: c_uint,
    buffer: *const c_void,
    size: size_t,
) -> c_int {
    let recorded = Recorded { file: out, format, data, records, count, buffer, size };
    // SAFETY: the caller's promise (lib.rs).
    unsafe { recorded.carry_out(dtp, action::SYSTEM) }
}

/// Sends a stream to the file whose name a format makes of records, back when it is empty: how many it took.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_freopen(
    dtp: *mut Hdl,
    out: *mut FILE,
    format: *mut c_void,
    data: *const ProbeData,
    records: *const RecDesc,
    count: c_uint,
    buffer: *const c_void,
    size: size_t,
) -> c_int {
    let recorded = Recorded { file: out, format, data, records, count, buffer, size };
    // SAFETY: the caller's promise (lib.rs).
    unsafe { recorded.carry_out(dtp, action::FREOPEN) }
}

/// Prints the aggregations that records name, by a format of dtrace_printa_create or, with NULL, by none: how many records it
/// took.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_fprinta(
    dtp: *mut Hdl,
    out: *mut FILE,
    format: *mut c_void,
    data: *const ProbeData,
    records: *const RecDesc,
    count: c_uint,
    buffer: *const c_void,
    size: size_t,
) -> c_int {
    let recorded = Recorded { file: out, format, data, records, count, buffer, size };
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let format = if format.is_null() { None } else { Some(&known(hdl, format)?.format) };
            let (records, bytes) = (recorded.records()?, recorded.bytes());
            let same = |r: &&RecDesc| u32::from(r.action) == action::PRINTA && r.uarg == records[0].uarg;
            let variables: Vec<u32> = records
                .iter()
                .take_while(same)
                .map(|record| variable(bytes, record))
                .collect::<Result<_>>()?;
            if variables.is_empty() {
                return Err(Code::DataMismatch.into());
            }
            let library = hdl.library()?;
            stream::print(hdl, out, data, recorded.records, |out| {
                library.with_session(|session, context| {
                    session.print_joined(context, out, &variables, format)
                })?;
                Ok(std::io::Write::flush(out)?)
            })?;
            Ok(variables.len() as c_int)
        })
    }
}

/// The aggregation that a record names.
fn variable(data: &[u8], record: &RecDesc) -> Result<u32> {
    let bytes = data.get(record.offset as usize..).unwrap_or(&[]);
    let number = match record.size {
        4 => u32::from_bytes(bytes),
        8 => u64::from_bytes(bytes).and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    number.ok_or_else(|| Code::BadAggVar.into())
}

/// Prints data as a value of a type, as print() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_print(
    dtp: *mut Hdl,
    out: *mut FILE,
    type_name: *const c_char,
    address: *mut c_char,
    size: size_t,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let name: Cow<'_, str> = text(type_name)?;
            let library = hdl.library()?;
            let ty = library.types().lookup(&name).map_err(|_| Code::NoType)?;
            let data =
                if address.is_null() { &[] } else { slice::from_raw_parts(address.cast::<u8>(), size) };
            stream::print(hdl, out, ptr::null(), ptr::null(), |out| {
                print_typed(out, library.types(), ty, data)?;
                Ok(std::io::Write::flush(out)?)
            })?;
            Ok(0)
        })
    }
}
