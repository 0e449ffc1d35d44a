//! Programs: compiled, described, enabled.

use std::cell::RefCell;
use std::ffi::{OsStr, c_char, c_int, c_uint};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dtrace_abi::Attribute as RawAttribute;
use dtrace_rs::d::parser::SpecKind;
use dtrace_rs::error::{Error, Result};
use dtrace_rs::handle::{Handle, ProgramInfo};
use dtrace_rs::options::CompileOptions;
use dtrace_rs::program::{Attribute, Program};
use libc::FILE;

use crate::argument::{bytes, contents, optional, put, words};
use crate::constant::{
    C_ARGREF, C_CPP, C_CTL, C_DEFARG, C_DIFV, C_EMPTY, C_ETAGS, C_KNODEF, C_MASK, C_NOLIBS, C_PSPEC,
    C_UNODEF, C_ZDEFS, D_MASK, PROBESPEC_FUNC, PROBESPEC_MOD, PROBESPEC_NAME, PROBESPEC_NONE,
    PROBESPEC_PROVIDER,
};
use crate::entry::enter;
use crate::handle::{Hdl, Prog};
use crate::statement;
use crate::stream::Stream;
use crate::structure::{ProbeSpec, ProgInfo};

/// How a text counts as a probe description. EINVAL for what is no such number.
pub(crate) fn spec_kind(spec: ProbeSpec) -> Result<SpecKind> {
    Ok(match spec {
        PROBESPEC_NONE => SpecKind::None,
        PROBESPEC_PROVIDER => SpecKind::Provider,
        PROBESPEC_MOD => SpecKind::Module,
        PROBESPEC_FUNC => SpecKind::Function,
        PROBESPEC_NAME => SpecKind::Name,
        _ => return Err(Error::Sys(libc::EINVAL)),
    })
}

/// Where a switch is.
type Switch = fn(&mut CompileOptions) -> &mut bool;

/// The switches that flags of one compilation turn on, and how they stand then.
const SWITCHES: &[(u32, Switch, bool)] = &[
    (C_DIFV, |o| &mut o.verbose, true),
    (C_EMPTY, |o| &mut o.empty, true),
    (C_ZDEFS, |o| &mut o.zdefs, true),
    (C_CPP, |o| &mut o.cpp, true),
    (C_KNODEF, |o| &mut o.kdefs, false),
    (C_UNODEF, |o| &mut o.udefs, false),
    (C_PSPEC, |o| &mut o.pspec, true),
    (C_ETAGS, |o| &mut o.errtags, true),
    (C_ARGREF, |o| &mut o.argref, true),
    (C_DEFARG, |o| &mut o.defaultargs, true),
    (C_NOLIBS, |o| &mut o.nolibs, true),
];

/// Compiles with the options that the flags ask for beside those that are set.
fn compile(hdl: &Hdl, flags: c_uint, body: impl FnOnce(&mut Handle) -> Result<Program>) -> Result<*mut Prog> {
    if flags & !C_MASK != 0 {
        return Err(Error::Sys(libc::EINVAL));
    }
    let mut library = hdl.library_mut()?;
    let mut turned = Vec::new();
    for &(flag, switch, on) in SWITCHES {
        let slot = switch(&mut library.options_mut().compile);
        if flags & flag != 0 && *slot != on {
            *slot = on;
            turned.push((switch, on));
        }
    }
    let result = body(&mut library);
    let tagged = library.options().compile.errtags;
    for (switch, on) in turned {
        *switch(&mut library.options_mut().compile) = !on;
    }
    drop(library);
    match result {
        Ok(program) => Ok(hdl.programs.keep(Prog {
            program: RefCell::new(program),
            view: RefCell::default(),
            added: RefCell::default(),
        })),
        Err(error) => {
            // The tags were asked for by flags that hold no longer.
            hdl.fail_with(&error, tagged);
            Ok(std::ptr::null_mut())
        }
    }
}

/// The control lines of a text, the others empty.
fn control_lines(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    lines
        .flat_map(|line| if line.trim_ascii_start().starts_with(b"#") { line } else { &b"\n"[..] })
        .copied()
        .collect()
}

/// Compiles a text. The spec is one of DTRACE_PROBESPEC_*, the flags are DTRACE_C_*, the words are $0, $1 and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_program_strcompile(
    dtp: *mut Hdl,
    program: *const c_char,
    spec: ProbeSpec,
    flags: c_uint,
    argc: c_int,
    argv: *const *mut c_char,
) -> *mut Prog {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (program, spec, arguments) = (bytes(program)?, spec_kind(spec)?, words(argc, argv));
            if flags & C_CTL != 0 {
                let lines = control_lines(program);
                return compile(hdl, flags | C_EMPTY, |library| library.compile_script(&lines, &arguments));
            }
            compile(hdl, flags, |library| library.compile_string(program, spec, &arguments))
        })
    }
}

/// Compiles what a stream holds. The flags are DTRACE_C_*, the words are $0, $1 and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_program_fcompile(
    dtp: *mut Hdl,
    file: *mut FILE,
    flags: c_uint,
    argc: c_int,
    argv: *const *mut c_char,
) -> *mut Prog {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (mut program, arguments) = (contents(file)?, words(argc, argv));
            let mut flags = flags;
            if flags & C_CTL != 0 {
                program = control_lines(&program);
                flags |= C_EMPTY;
            }
            compile(hdl, flags, |library| library.compile_script(&program, &arguments))
        })
    }
}

/// A stability as C has it.
pub(crate) fn attribute(attribute: Attribute) -> RawAttribute {
    RawAttribute { name: attribute.name, data: attribute.data, class: attribute.class }
}

fn info(info: &ProgramInfo, matches: u32) -> ProgInfo {
    ProgInfo {
        descattr: attribute(info.descriptions),
        stmtattr: attribute(info.statements),
        aggregates: info.aggregates,
        recgens: info.records,
        matches,
        speculations: info.speculations,
    }
}

/// Enables a program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_program_exec(
    dtp: *mut Hdl,
    program: *mut Prog,
    result: *mut ProgInfo,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let program = statement::whole(hdl, program)?;
            let matches = hdl.library_mut()?.enable(&program)?;
            put(result, info(&hdl.library()?.program_info(&program), matches));
            Ok(0)
        })
    }
}

/// What a program asks of the consumer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_program_info(dtp: *mut Hdl, program: *mut Prog, result: *mut ProgInfo) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let program = statement::whole(hdl, program)?;
            put(result, info(&hdl.library()?.program_info(&program), 0));
            Ok(())
        });
    }
}

/// Writes the header of the providers that the programs so far declare. The name is what the header is to be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_program_header(dtp: *mut Hdl, out: *mut FILE, name: *const c_char) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let name = optional(name).unwrap_or_default();
            let header = hdl.library()?.header(&name);
            std::io::Write::write_all(&mut Stream::new(hdl, out)?, header.as_bytes())?;
            Ok(0)
        })
    }
}

/// Makes probes of the calls in objects, which are changed, and writes the object that a program is linked with beside them:
/// it tells the driver of the probes and of the program's clauses. The flags are DTRACE_D_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_program_link(
    dtp: *mut Hdl,
    program: *mut Prog,
    flags: c_uint,
    file: *const c_char,
    objc: c_int,
    objv: *const *mut c_char,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            if flags & !D_MASK != 0 || file.is_null() {
                return Err(Error::Sys(libc::EINVAL));
            }
            let program = statement::whole(hdl, program)?;
            let (objects, file) = (words(objc, objv), OsStr::from_bytes(bytes(file)?));
            hdl.library_mut()?.link(&program, true, &objects, Path::new(file))?;
            Ok(0)
        })
    }
}
