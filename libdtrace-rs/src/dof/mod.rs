//! DOF, the form in which programs and options travel to the kernel (contract 2.3).
//!
//! An image is a header, the section headers, and the sections, which name each other by index. Sections are laid in the
//! order in which they are needed, so that each only refers to earlier ones; the one string table of names and formats is the
//! first section by index and the last by place, because it grows until the end. Objects bring tables of their own.
//!
//! The image says nothing about where it was made: no comments, no source, no host. It is what the kernel must load and
//! nothing else.

mod usdt;

use std::collections::HashMap;
use std::rc::Rc;

pub use usdt::{UsdtError, UsdtProbe, UsdtProvider, usdt_image};

use dtrace_abi::Plain;
use dtrace_abi::dif::{self, DIFV_F_MOD, DIFV_F_REF, DIFV_KIND_ARRAY, DIFV_KIND_SCALAR};
use dtrace_abi::dof::{self, DofActDesc, DofEcbDesc, DofHdr, DofOptDesc, DofProbeDesc, DofSec, SECIDX_NONE};

use crate::program::{
    Action, ActionArg, Attribute, DifType, DifVar, Difo, Ecb, ProbeDesc, Program, Stmt, StmtKind, VarScope,
};

/// The `uarg` of the control block of the library's own ERROR program (contract 2.5).
pub const ERROR_UARG: u64 = 1;

/// The result of code that stands for its effect.
const VOID: DifType = DifType { string: false, ctf_kind: 1, by_ref: false, size: 0 };

/// The image of a program. Its statements must be numbered: the numbers travel as the actions' `uarg`.
pub fn program_image(program: &Program) -> Vec<u8> {
    let mut image = Image::new();
    for ecb in &program.ecbs {
        image.ecb(ecb);
    }
    image.finish(dof::VERSION_1)
}

/// A program as it is saved for somebody who has never seen it: its statements have no numbers. Those of `printa` keep theirs, which
/// tell its aggregations from those of the next.
pub fn without_statements(program: &Program) -> Program {
    let mut program = program.clone();
    for stmt in program.ecbs.iter_mut().flat_map(|ecb| &mut ecb.stmts) {
        if !matches!(stmt.kind, StmtKind::Printa(..)) {
            stmt.number = 0;
        }
    }
    program
}

/// The number that the action of a time stamp carries in place of a statement's.
pub const STAMP_UARG: u64 = u64::MAX;

/// The image of a program in which each clause that records anything records behind it when it did. Every driver can load
/// it: the stamp is an ordinary action.
///
/// The stamp is the last action, so that the numbers of the others, which faults name, stay as they are, and so that it
/// goes to the speculation where the clause has one. `timestamp` is read once for a firing, and is the same in all its clauses.
pub fn stamped_image(program: &Program) -> Vec<u8> {
    let mut image = Image::new();
    let stamp = Stmt {
        number: STAMP_UARG,
        kind: StmtKind::Plain,
        actions: vec![variable_action(dif::VAR_TIMESTAMP, "timestamp")],
        attribute: Attribute::MAXIMUM,
    };
    for ecb in &program.ecbs {
        let mut ecb = ecb.clone();
        if ecb.stmts.is_empty() || ecb.stmts.iter().any(records) {
            ecb.stmts.push(stamp.clone());
        }
        image.ecb(&ecb);
    }
    image.finish(dof::VERSION_1)
}

/// Whether a statement leaves anything in the principal buffer.
fn records(stmt: &Stmt) -> bool {
    use dtrace_abi::action;
    let of = |action: &Action| match action.kind {
        action::SPECULATE | action::COMMIT | action::DISCARD => false,
        kind if action::is_destructive(kind) && !matches!(kind, action::SYSTEM | action::FREOPEN) => false,
        _ => !action.discarded && action.difo.as_ref().is_none_or(|difo| difo.rtype.size != 0),
    };
    !matches!(stmt.kind, StmtKind::Aggregate(_)) && stmt.actions.iter().any(of)
}

/// The action that records a built-in variable of 8 bytes.
fn variable_action(id: u32, name: &str) -> Action {
    let ty = DifType { string: false, ctf_kind: 1, by_ref: false, size: 8 };
    let mut asm = crate::dif::Assembler::new();
    let reg = asm.alloc().expect("the first register is free");
    asm.note(&name.into(), id, false, VarScope::Global, ty, false);
    asm.variable(dif::OP_LDGS, id, reg);
    asm.ret(reg);
    let difo = asm.finish(ty, true).expect("the tables are far from full");
    Action {
        kind: dtrace_abi::action::DIFEXPR,
        difo: Some(Rc::new(difo)),
        ntuple: 0,
        arg: ActionArg::Value(0),
        discarded: false,
        ty: None,
    }
}

/// An image of options: pairs of a number and a value (contract 2.5).
pub fn options_image(options: impl IntoIterator<Item = (u32, i64)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (option, value) in options {
        let desc = DofOptDesc { option, strtab: SECIDX_NONE, value: value.cast_unsigned() };
        bytes.extend_from_slice(desc.as_bytes());
    }
    let mut image = Image::empty();
    image.section(dof::SECT_OPTDESC, 8, size_of::<DofOptDesc>(), bytes);
    image.finish(dof::VERSION_2)
}

/// The program that every session enables beside the user's: it records what the consumer reports of an error.
pub fn error_program() -> Program {
    let argument = |n: u32| variable_action(dif::VAR_ARG0 + n, &format!("arg{n}"));
    let stmt = |n| Stmt {
        number: 0,
        kind: StmtKind::Plain,
        actions: vec![argument(n)],
        attribute: Attribute::MAXIMUM,
    };
    let probe = ProbeDesc { provider: "dtrace".into(), name: "ERROR".into(), ..ProbeDesc::default() };
    let stmts = (1..=5).map(stmt).collect();
    let ecb = Ecb {
        probe,
        predicate: None,
        stmts,
        uarg: ERROR_UARG,
        attribute: Attribute::MAXIMUM,
        continues: false,
    };
    Program { ecbs: vec![ecb] }
}

/// A section before its place is known.
struct Section {
    kind: u32,
    align: u32,
    entsize: u32,
    bytes: Vec<u8>,
}

/// An image in the making.
struct Image {
    sections: Vec<Section>,
    /// Offsets of the strings in the first section.
    strings: HashMap<Box<str>, u32>,
    /// Sections of objects by kind and content.
    shared: HashMap<(u32, Box<[u8]>), u32>,
}

impl Image {
    /// An image whose first section is the string table.
    fn new() -> Self {
        let mut image = Self::empty();
        image.section(dof::SECT_STRTAB, 1, 0, vec![0]);
        image
    }

    fn empty() -> Self {
        Image { sections: Vec::new(), strings: HashMap::new(), shared: HashMap::new() }
    }

    /// Adds a section and gives its index.
    fn section(&mut self, kind: u32, align: u32, entsize: usize, bytes: Vec<u8>) -> u32 {
        self.sections.push(Section { kind, align, entsize: entsize as u32, bytes });
        (self.sections.len() - 1) as u32
    }

    /// A section of an object: one like it that is there already serves too. A program of many like statements stays below the
    /// size that a driver takes.
    fn shared(&mut self, kind: u32, align: u32, entsize: usize, bytes: Vec<u8>) -> u32 {
        let key = (kind, bytes.into_boxed_slice());
        if let Some(&index) = self.shared.get(&key) {
            return index;
        }
        let index = self.section(kind, align, entsize, key.1.to_vec());
        self.shared.insert(key, index);
        index
    }

    /// The offset of a string in the string table.
    fn string(&mut self, s: &str) -> u32 {
        if s.is_empty() {
            return 0;
        }
        if let Some(&offset) = self.strings.get(s) {
            return offset;
        }
        let table = &mut self.sections[0].bytes;
        let offset = table.len() as u32;
        table.extend_from_slice(s.as_bytes());
        table.push(0);
        self.strings.insert(s.into(), offset);
        offset
    }

    fn ecb(&mut self, ecb: &Ecb) {
        let probe = DofProbeDesc {
            strtab: 0,
            provider: self.string(&ecb.probe.provider),
            module: self.string(&ecb.probe.module),
            function: self.string(&ecb.probe.function),
            name: self.string(&ecb.probe.name),
            id: ecb.probe.id,
        };
        let probes =
            self.section(dof::SECT_PROBEDESC, 4, size_of::<DofProbeDesc>(), probe.as_bytes().to_vec());
        let pred = ecb.predicate.as_ref().map_or(SECIDX_NONE, |p| self.difo(p, p.rtype));
        let mut descs = Vec::new();
        for stmt in &ecb.stmts {
            for action in &stmt.actions {
                descs.extend_from_slice(self.action(action, stmt.number).as_bytes());
            }
        }
        let actions = if descs.is_empty() {
            SECIDX_NONE
        } else {
            self.section(dof::SECT_ACTDESC, 8, size_of::<DofActDesc>(), descs)
        };
        let desc = DofEcbDesc { probes, pred, actions, pad: 0, uarg: ecb.uarg };
        self.section(dof::SECT_ECBDESC, 8, 0, desc.as_bytes().to_vec());
    }

    fn action(&mut self, action: &Action, uarg: u64) -> DofActDesc {
        let (strtab, arg) = match &action.arg {
            ActionArg::Value(value) => (SECIDX_NONE, *value),
            ActionArg::String(s) => (0, u64::from(self.string(s))),
        };
        let rtype = |d: &Difo| if action.discarded { VOID } else { d.rtype };
        let difo = action.difo.as_ref().map_or(SECIDX_NONE, |d| self.difo(d, rtype(d)));
        DofActDesc { difo, strtab, kind: action.kind, ntuple: action.ntuple, arg, uarg }
    }

    fn difo(&mut self, difo: &Difo, rtype: DifType) -> u32 {
        let words = |list: &[u32]| list.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        let mut links = vec![self.shared(dof::SECT_DIF, 4, 4, words(&difo.text))];
        if !difo.ints.is_empty() {
            let bytes = difo.ints.iter().flat_map(|i| i.to_le_bytes()).collect();
            links.push(self.shared(dof::SECT_INTTAB, 8, 8, bytes));
        }
        if !difo.strings.is_empty() {
            links.push(self.shared(dof::SECT_STRTAB, 1, 0, difo.strings.clone()));
        }
        if !difo.vars.is_empty() {
            let bytes = difo.vars.iter().flat_map(|v| variable(v).as_bytes().to_vec()).collect();
            links.push(self.shared(dof::SECT_VARTAB, 4, size_of::<dif::DifVar>(), bytes));
        }
        let mut header = dif_type(rtype).as_bytes().to_vec();
        header.extend(words(&links));
        self.shared(dof::SECT_DIFOHDR, 4, 0, header)
    }

    /// Lays the sections out.
    fn finish(self, version: u8) -> Vec<u8> {
        let headers = size_of::<DofHdr>() + self.sections.len() * size_of::<DofSec>();
        let mut body = Vec::new();
        let mut table = vec![None; self.sections.len()];
        // The string table comes last; where it is alone in front of nothing, the order makes no difference.
        let strings_last = |i: &usize| self.sections[*i].kind == dof::SECT_STRTAB && *i == 0;
        let mut order: Vec<usize> = (0..self.sections.len()).collect();
        order.sort_by_key(strings_last);
        for i in order {
            let s = &self.sections[i];
            let start = (headers + body.len()).next_multiple_of(s.align as usize);
            body.resize(start - headers, 0);
            body.extend_from_slice(&s.bytes);
            table[i] = Some(DofSec {
                kind: s.kind,
                align: s.align,
                flags: dof::SECF_LOAD,
                entsize: s.entsize,
                offset: start as u64,
                size: s.bytes.len() as u64,
            });
        }
        let mut ident = [0; dof::ID_SIZE];
        ident[..4].copy_from_slice(&[dof::MAG_MAG0, dof::MAG_MAG1, dof::MAG_MAG2, dof::MAG_MAG3]);
        ident[dof::ID_MODEL] = dof::MODEL_LP64;
        ident[dof::ID_ENCODING] = dof::ENCODE_LSB;
        ident[dof::ID_VERSION] = version;
        ident[dof::ID_DIFVERS] = dif::VERSION as u8;
        ident[dof::ID_DIFIREG] = dif::DIR_NREGS as u8;
        ident[dof::ID_DIFTREG] = dif::DTR_NREGS as u8;
        let size = (headers + body.len()) as u64;
        let header = DofHdr {
            ident,
            flags: 0,
            hdrsize: size_of::<DofHdr>() as u32,
            secsize: size_of::<DofSec>() as u32,
            secnum: self.sections.len() as u32,
            secoff: size_of::<DofHdr>() as u64,
            loadsz: size,
            filesz: size,
            pad: 0,
        };
        let mut image = header.as_bytes().to_vec();
        for section in table.into_iter().flatten() {
            image.extend_from_slice(section.as_bytes());
        }
        image.extend_from_slice(&body);
        image
    }
}

fn dif_type(ty: DifType) -> dif::DifType {
    dif::DifType {
        kind: if ty.string { dif::TYPE_STRING } else { dif::TYPE_CTF },
        ckind: ty.ctf_kind,
        flags: if ty.by_ref { dif::TF_BYREF } else { 0 },
        pad: 0,
        size: ty.size,
    }
}

fn variable(v: &DifVar) -> dif::DifVar {
    dif::DifVar {
        name: v.name_at,
        id: v.id,
        kind: if v.array { DIFV_KIND_ARRAY } else { DIFV_KIND_SCALAR },
        scope: match v.scope {
            VarScope::Global => dif::DIFV_SCOPE_GLOBAL,
            VarScope::Thread => dif::DIFV_SCOPE_THREAD,
            VarScope::Local => dif::DIFV_SCOPE_LOCAL,
        },
        flags: if v.referenced { DIFV_F_REF } else { 0 } | if v.modified { DIFV_F_MOD } else { 0 },
        ty: dif_type(v.ty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(image: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(image[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn what_two_actions_have_in_common_is_there_once() {
        let image = |actions: &[(u32, &str)]| {
            let mut program = error_program();
            program.ecbs[0].stmts[0].actions =
                actions.iter().map(|&(id, name)| variable_action(id, name)).collect();
            program.ecbs[0].stmts.truncate(1);
            program_image(&program)
        };
        let (timestamp, id) = ((dif::VAR_TIMESTAMP, "timestamp"), (dif::VAR_ID, "id"));
        let one = image(&[timestamp]);
        let sections = |image: &[u8]| word(image, 28);
        assert_eq!(sections(&image(&[timestamp, timestamp])), sections(&one));
        assert_eq!(image(&[timestamp, timestamp]).len(), one.len() + size_of::<DofActDesc>());
        assert!(sections(&image(&[timestamp, id])) > sections(&one));
    }

    #[test]
    fn an_options_image_is_the_originals_to_the_byte() {
        let image = options_image([(0, 4 << 20), (3, 4 << 20), (18, 0)]);
        assert_eq!(image.len(), 144);
        assert_eq!(&image[..10], b"\x7fDOF\x02\x01\x02\x02\x08\x08");
        assert_eq!(word(&image, 64), dof::SECT_OPTDESC);
        assert_eq!((word(&image, 96), word(&image, 100)), (0, u32::MAX));
        assert_eq!((word(&image, 128), word(&image, 136)), (18, 0));
    }

    #[test]
    fn every_section_stands_where_its_alignment_asks_and_within_the_image() {
        let image = program_image(&error_program());
        let sections = word(&image, 28) as usize;
        assert_eq!(sections, 24);
        let mut end = 0;
        for i in 0..sections {
            let at = 64 + 32 * i;
            let (align, offset, size) = (word(&image, at + 4), word(&image, at + 16), word(&image, at + 24));
            assert_eq!(offset % align, 0);
            assert!((offset + size) as usize <= image.len());
            end = end.max(offset + size);
        }
        assert_eq!(end as usize, image.len());
    }

    #[test]
    fn a_program_that_is_saved_says_nothing_of_its_statements_but_which_printa_is_which() {
        let mut program = error_program();
        program.ecbs[0].stmts[1].kind = StmtKind::Printa(None, Vec::new());
        program.number(1);
        let numbers: Vec<u64> = without_statements(&program).stmts().map(|stmt| stmt.number).collect();
        assert_eq!(numbers, [0, 2, 0, 0, 0]);
    }

    #[test]
    fn equal_strings_are_kept_once() {
        let mut program = error_program();
        program.ecbs.push(program.ecbs[0].clone());
        let image = program_image(&program);
        let table = word(&image, 64 + 24);
        assert_eq!(table, 1 + "dtrace\0ERROR\0".len() as u32);
    }
}
