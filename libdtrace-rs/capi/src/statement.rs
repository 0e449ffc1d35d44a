//! The statements of a program as C sees them, and those that C makes.
//!
//! What was compiled is shown as it is: changes that a client makes there change nothing. A statement of the client's own is
//! read when its program is enabled, described or made an image of, so it may be filled after it was added.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::rc::Rc;

use dtrace_abi::{DifType as RawType, DifVar as RawVar, Instr, action, dif, name_bytes};
use dtrace_rs::error::{Error, Result};
use dtrace_rs::printf::format::Format;
use dtrace_rs::program::{
    Action, ActionArg, Attribute, DifType, DifVar, Difo, Ecb, ProbeDesc, Program, Stmt, StmtKind, VarScope,
};

use crate::callback::StmtF;
use crate::descriptor::probe_desc;
use crate::entry::{enter, opaque};
use crate::handle::{Hdl, Printf, Prog};
use crate::program::attribute;
use crate::structure::{ActDesc, Difo as RawDifo, EcbDesc, PredDesc, StmtDesc};

/// A statement that the client has made, with the actions that were made for it.
pub(crate) struct Statement {
    desc: StmtDesc,
    actions: Vec<*mut ActDesc>,
}

impl Drop for Statement {
    fn drop(&mut self) {
        for action in self.actions.drain(..) {
            // SAFETY: each was made from a box by dtrace_stmt_action.
            drop(unsafe { Box::from_raw(action) });
        }
    }
}

/// The statements of a compiled program as C sees them. Everything in it points to everything else, so the parts are kept
/// apart and never move.
#[derive(Default)]
pub(crate) struct View {
    stmts: Vec<*mut StmtDesc>,
    ecbs: Vec<*mut EcbDesc>,
    actions: Vec<*mut ActDesc>,
    objects: Vec<*mut Object>,
    strings: Vec<std::ffi::CString>,
}

/// A DIF object with its tables.
struct Object {
    desc: RawDifo,
    text: Vec<u32>,
    ints: Vec<u64>,
    strings: Vec<u8>,
    vars: Vec<RawVar>,
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: each pointer was made from a box by `View::of`, and is in one list only.
        unsafe {
            self.stmts.drain(..).for_each(|p| drop(Box::from_raw(p)));
            self.ecbs.drain(..).for_each(|p| drop(Box::from_raw(p)));
            self.actions.drain(..).for_each(|p| drop(Box::from_raw(p)));
            self.objects.drain(..).for_each(|p| drop(Box::from_raw(p)));
        }
    }
}

fn boxed<T>(list: &mut Vec<*mut T>, value: T) -> *mut T {
    let pointer = Box::into_raw(Box::new(value));
    list.push(pointer);
    pointer
}

impl View {
    fn of(hdl: &Hdl, program: &Program) -> View {
        let mut view = View::default();
        for ecb in &program.ecbs {
            view.ecb(hdl, ecb);
        }
        view
    }

    fn ecb(&mut self, hdl: &Hdl, ecb: &Ecb) {
        let difo = ecb.predicate.as_ref().map_or(ptr::null_mut(), |difo| self.object(difo));
        let pred = PredDesc { difo, predicate: ptr::null_mut() };
        let desc = EcbDesc {
            action: ptr::null_mut(),
            pred,
            probe: probe_desc(&ecb.probe),
            uarg: ecb.uarg,
            refcnt: 1,
        };
        let desc = boxed(&mut self.ecbs, desc);
        let mut tail: *mut ActDesc = ptr::null_mut();
        let bare =
            Stmt { number: 0, kind: StmtKind::Plain, actions: Vec::new(), attribute: Attribute::MAXIMUM };
        let stmts = if ecb.stmts.is_empty() { std::slice::from_ref(&bare) } else { &ecb.stmts[..] };
        for stmt in stmts {
            let (mut first, mut last): (*mut ActDesc, *mut ActDesc) = (ptr::null_mut(), ptr::null_mut());
            for action in &stmt.actions {
                last = self.action(action, stmt.number);
                if first.is_null() {
                    first = last;
                }
                // SAFETY: both were made by this function's `boxed`, and only this function has them.
                unsafe {
                    match tail.as_mut() {
                        Some(tail) => tail.next = last,
                        None => (*desc).action = last,
                    }
                }
                tail = last;
            }
            let format = match &stmt.kind {
                StmtKind::Printf(text) | StmtKind::System(text) | StmtKind::Freopen(text) => Some(text),
                StmtKind::Printa(text, _) => text.as_ref(),
                _ => None,
            };
            let format = format.and_then(|text| {
                Some(Printf { format: Format::parse(text.as_bytes()).ok()?, text: text.to_string() })
            });
            let fmtdata = format.map_or(ptr::null_mut(), |format| opaque(hdl.formats.keep(format)));
            let stmt = StmtDesc {
                ecbdesc: desc,
                action: first,
                action_last: last,
                fmtdata,
                descattr: attribute(ecb.attribute),
                stmtattr: attribute(stmt.attribute),
                ..empty(desc)
            };
            boxed(&mut self.stmts, stmt);
        }
    }

    fn action(&mut self, action: &Action, uarg: u64) -> *mut ActDesc {
        let difo = action.difo.as_ref().map_or(ptr::null_mut(), |difo| self.object(difo));
        let arg = match &action.arg {
            ActionArg::Value(value) => *value,
            ActionArg::String(text) => {
                let text = crate::handle::c_string(text.as_bytes());
                self.strings.push(text);
                self.strings.last().map_or(0, |text| text.as_ptr() as u64)
            }
        };
        // Kinds are numbers of 16 bits; no action has a greater one.
        let (kind, ntuple) = (action.kind as u16, action.ntuple);
        boxed(&mut self.actions, ActDesc { difo, next: ptr::null_mut(), kind, ntuple, arg, uarg, refcnt: 1 })
    }

    fn object(&mut self, difo: &Difo) -> *mut RawDifo {
        let vars = difo.vars.iter().map(|v| RawVar {
            name: v.name_at,
            id: v.id,
            kind: if v.array { dif::DIFV_KIND_ARRAY } else { dif::DIFV_KIND_SCALAR },
            scope: match v.scope {
                VarScope::Global => dif::DIFV_SCOPE_GLOBAL,
                VarScope::Thread => dif::DIFV_SCOPE_THREAD,
                VarScope::Local => dif::DIFV_SCOPE_LOCAL,
            },
            flags: if v.referenced { dif::DIFV_F_REF } else { 0 }
                | if v.modified { dif::DIFV_F_MOD } else { 0 },
            ty: raw_type(v.ty),
        });
        let desc = RawDifo {
            buf: ptr::null_mut(),
            inttab: ptr::null_mut(),
            strtab: ptr::null_mut(),
            vartab: ptr::null_mut(),
            len: difo.text.len() as u32,
            intlen: difo.ints.len() as u32,
            strlen: difo.strings.len() as u32,
            varlen: difo.vars.len() as u32,
            rtype: raw_type(difo.rtype),
            refcnt: 1,
            destructive: u32::from(difo.destructive),
        };
        let (text, ints, strings) = (difo.text.clone(), difo.ints.clone(), difo.strings.clone());
        let object = boxed(&mut self.objects, Object { desc, text, ints, strings, vars: vars.collect() });
        // SAFETY: the object is new, and its tables do not move with it.
        unsafe {
            let Object { desc, text, ints, strings, vars } = &mut *object;
            desc.buf = text.as_mut_ptr().cast::<Instr>();
            desc.inttab = ints.as_mut_ptr();
            desc.strtab = strings.as_mut_ptr().cast();
            desc.vartab = vars.as_mut_ptr();
            &raw mut (*object).desc
        }
    }
}

fn empty(ecbdesc: *mut EcbDesc) -> StmtDesc {
    let most = attribute(Attribute::MAXIMUM);
    StmtDesc {
        ecbdesc,
        action: ptr::null_mut(),
        action_last: ptr::null_mut(),
        aggdata: ptr::null_mut(),
        fmtdata: ptr::null_mut(),
        strdata: ptr::null_mut(),
        callback: ptr::null_mut(),
        data: ptr::null_mut(),
        descattr: most,
        stmtattr: most,
    }
}

fn raw_type(ty: DifType) -> RawType {
    RawType {
        kind: if ty.string { dif::TYPE_STRING } else { dif::TYPE_CTF },
        ckind: ty.ctf_kind,
        flags: if ty.by_ref { dif::TF_BYREF } else { 0 },
        pad: 0,
        size: ty.size,
    }
}

fn dif_type(ty: RawType) -> DifType {
    DifType {
        string: ty.kind == dif::TYPE_STRING,
        ctf_kind: ty.ckind,
        by_ref: ty.flags & dif::TF_BYREF != 0,
        size: ty.size,
    }
}

/// A table of C's.
unsafe fn table<T: Clone>(start: *const T, len: u32) -> Vec<T> {
    if start.is_null() || len == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise: there are so many.
    unsafe { std::slice::from_raw_parts(start, len as usize) }.to_vec()
}

/// A DIF object of C's.
unsafe fn difo(raw: *const RawDifo) -> Option<Rc<Difo>> {
    // SAFETY: the caller's promise: null, or an object with the tables that it says.
    unsafe {
        let raw = raw.as_ref()?;
        let strings: Vec<u8> = table(raw.strtab.cast::<u8>(), raw.strlen);
        let vars = table(raw.vartab, raw.varlen).into_iter().map(|v| DifVar {
            name: String::from_utf8_lossy(name_bytes(strings.get(v.name as usize..).unwrap_or(&[]))).into(),
            name_at: v.name,
            id: v.id,
            array: v.kind == dif::DIFV_KIND_ARRAY,
            scope: match v.scope {
                dif::DIFV_SCOPE_THREAD => VarScope::Thread,
                dif::DIFV_SCOPE_LOCAL => VarScope::Local,
                _ => VarScope::Global,
            },
            referenced: v.flags & dif::DIFV_F_REF != 0,
            modified: v.flags & dif::DIFV_F_MOD != 0,
            ty: dif_type(v.ty),
        });
        Some(Rc::new(Difo {
            text: table(raw.buf.cast::<u32>(), raw.len),
            ints: table(raw.inttab, raw.intlen),
            vars: vars.collect(),
            strings,
            rtype: dif_type(raw.rtype),
            destructive: raw.destructive != 0,
        }))
    }
}

/// A statement of C's as a clause of its own.
unsafe fn ecb(stmt: *const StmtDesc) -> Result<Ecb> {
    // SAFETY: the caller's promise: a statement with its clause and its actions.
    unsafe {
        let stmt = stmt.as_ref().ok_or(Error::Sys(libc::EINVAL))?;
        let desc = stmt.ecbdesc.as_ref().ok_or(Error::Sys(libc::EINVAL))?;
        let mut actions = Vec::new();
        let mut next = stmt.action;
        while let Some(raw) = next.as_ref() {
            let text = action::is_printf_like(raw.kind.into()) && raw.arg != 0;
            let arg = if text {
                ActionArg::String(CStr::from_ptr(raw.arg as *const _).to_string_lossy().into())
            } else {
                ActionArg::Value(raw.arg)
            };
            let (kind, ntuple) = (raw.kind.into(), raw.ntuple);
            actions.push(Action { kind, difo: difo(raw.difo), ntuple, arg, discarded: false, ty: None });
            next = if ptr::eq(raw, stmt.action_last) { ptr::null_mut() } else { raw.next };
        }
        let rust =
            |raw: dtrace_abi::Attribute| Attribute { name: raw.name, data: raw.data, class: raw.class };
        let text = |field: &[u8]| String::from_utf8_lossy(name_bytes(field)).into_owned();
        let probe = &desc.probe;
        Ok(Ecb {
            probe: ProbeDesc {
                id: probe.id,
                provider: text(&probe.provider),
                module: text(&probe.module),
                function: text(&probe.function),
                name: text(&probe.name),
            },
            predicate: difo(desc.pred.difo),
            stmts: vec![Stmt { number: 0, kind: StmtKind::Plain, actions, attribute: rust(stmt.stmtattr) }],
            uarg: desc.uarg,
            attribute: rust(stmt.descattr),
            continues: false,
        })
    }
}

/// A program that is known. EINVAL for any other address.
pub(crate) fn known(hdl: &Hdl, program: *mut Prog) -> Result<&Prog> {
    if !hdl.programs.has(program) {
        return Err(Error::Sys(libc::EINVAL));
    }
    // SAFETY: the handle keeps it, and shares it only.
    Ok(unsafe { &*program })
}

/// A program with the statements that the client has added.
pub(crate) fn whole(hdl: &Hdl, program: *mut Prog) -> Result<Program> {
    let program = known(hdl, program)?;
    let mut whole = program.program.borrow().clone();
    let added = program.added.borrow();
    if !added.is_empty() {
        // SAFETY: dtrace_stmt_add took them, and those that are destroyed are taken out.
        let ecbs = added.iter().map(|&stmt| unsafe { ecb(stmt) }).collect::<Result<_>>()?;
        let mut more = Program { ecbs };
        hdl.library_mut()?.adopt(&mut more);
        whole.ecbs.append(&mut more.ecbs);
    }
    Ok(whole)
}

/// Makes a statement without actions for a clause. The clause stays the caller's, as long as the statement is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stmt_create(dtp: *mut Hdl, ecbdesc: *mut EcbDesc) -> *mut StmtDesc {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let clause = ecbdesc.as_mut().ok_or(Error::Sys(libc::EINVAL))?;
            clause.refcnt += 1;
            let stmt = hdl.statements.keep(Statement { desc: empty(ecbdesc), actions: Vec::new() });
            Ok(&raw mut (*stmt).desc)
        })
    }
}

/// The statement that the client has made, by the address that it has.
fn made(hdl: &Hdl, stmt: *mut StmtDesc) -> Result<*mut Statement> {
    // SAFETY: the handle keeps them; only an address is made.
    let found = hdl.statements.all().into_iter().find(|&s| ptr::eq(unsafe { &raw const (*s).desc }, stmt));
    found.ok_or(Error::Sys(libc::EINVAL))
}

/// Makes an action, the last of a statement's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stmt_action(dtp: *mut Hdl, stmt: *mut StmtDesc) -> *mut ActDesc {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let statement = made(hdl, stmt)?;
            let action = ActDesc {
                difo: ptr::null_mut(),
                next: ptr::null_mut(),
                kind: 0,
                ntuple: 0,
                arg: 0,
                uarg: 0,
                refcnt: 1,
            };
            let action = boxed(&mut (*statement).actions, action);
            let clause = (*stmt).ecbdesc.as_mut().ok_or(Error::Sys(libc::EINVAL))?;
            // The clause's list is that of all its statements: behind the last.
            let mut place = &raw mut clause.action;
            while let Some(next) = (*place).as_mut() {
                place = &raw mut next.next;
            }
            place.write(action);
            if (*stmt).action.is_null() {
                (*stmt).action = action;
            }
            (*stmt).action_last = action;
            Ok(action)
        })
    }
}

/// Adds a statement to a program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stmt_add(dtp: *mut Hdl, program: *mut Prog, stmt: *mut StmtDesc) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            made(hdl, stmt)?;
            known(hdl, program)?.added.borrow_mut().push(stmt);
            Ok(0)
        })
    }
}

/// Calls a function for each statement of a program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stmt_iter(
    dtp: *mut Hdl,
    program: *mut Prog,
    func: Option<StmtF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let func = func.ok_or(Error::Sys(libc::EINVAL))?;
            let prog = known(hdl, program)?;
            let mut stmts = {
                let mut view = prog.view.borrow_mut();
                view.get_or_insert_with(|| View::of(hdl, &prog.program.borrow())).stmts.clone()
            };
            stmts.extend(prog.added.borrow().iter());
            for stmt in stmts {
                let result = func(dtp, program, stmt, arg);
                if result != 0 {
                    return Ok(result);
                }
            }
            Ok(0)
        })
    }
}

/// Destroys a statement that dtrace_stmt_create made, with its actions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stmt_destroy(dtp: *mut Hdl, stmt: *mut StmtDesc) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let statement = made(hdl, stmt)?;
            for program in hdl.programs.all() {
                (*program).added.borrow_mut().retain(|&added| !ptr::eq(added, stmt));
            }
            if let Some(clause) = (*stmt).ecbdesc.as_mut() {
                clause.refcnt -= 1;
                // The clause's list goes on behind the actions that go.
                let mut place = &raw mut clause.action;
                while let Some(action) = (*place).as_mut() {
                    if (*statement).actions.iter().any(|&gone| ptr::eq(gone, action)) {
                        place.write(action.next);
                    } else {
                        place = &raw mut action.next;
                    }
                }
            }
            drop(hdl.statements.give_up(statement));
            Ok(())
        });
    }
}
