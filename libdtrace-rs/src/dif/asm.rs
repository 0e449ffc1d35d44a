//! The assembler: registers, labels, and the tables that go with the code.
//!
//! What always holds: code only branches forward (the kernel's verifier refuses anything else), equal integers and equal
//! strings share a table entry, and register 0 is never given out, because it reads as zero.
//!
//! Registers are handed out lowest first, so that the same tree always becomes the same code. There are seven to give;
//! an expression that needs an eighth is refused ([`Code::NoReg`]), as every DTrace does: DIF has no memory to spill to that
//! would not cost scratch space at each firing.

use std::collections::HashMap;
use std::rc::Rc;

use dtrace_abi::dif::{self, DIR_NREGS, INTOFF_MAX, Instr, STROFF_MAX};

use crate::error::{Code, Result};
use crate::program::{DifType, DifVar, Difo, VarScope};

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reg(u8);

/// The register that reads as zero.
pub const R0: Reg = Reg(dif::REG_R0);

/// A place in the code that a branch goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(usize);

/// One DIF object in the making.
#[derive(Debug)]
pub struct Assembler {
    text: Vec<u32>,
    ints: Vec<u64>,
    int_index: HashMap<u64, u16>,
    strings: Vec<u8>,
    string_index: HashMap<Box<[u8]>, u16>,
    vars: Vec<DifVar>,
    /// A bit for each register in use.
    used: u8,
    labels: Vec<Option<u32>>,
    /// Branches whose label was not placed when they were written.
    fixups: Vec<(usize, Label)>,
    destructive: bool,
}

impl Default for Assembler {
    fn default() -> Self {
        Self::new()
    }
}

impl Assembler {
    /// An empty object.
    pub fn new() -> Self {
        Assembler {
            text: Vec::new(),
            ints: Vec::new(),
            int_index: HashMap::new(),
            strings: Vec::new(),
            string_index: HashMap::new(),
            vars: Vec::new(),
            used: 1,
            labels: Vec::new(),
            fixups: Vec::new(),
            destructive: false,
        }
    }

    /// The lowest free register.
    pub fn alloc(&mut self) -> Result<Reg> {
        let free = (1..DIR_NREGS as u8).find(|r| self.used & 1 << r == 0).ok_or(Code::NoReg)?;
        self.used |= 1 << free;
        Ok(Reg(free))
    }

    /// Gives a register back.
    pub fn free(&mut self, reg: Reg) {
        debug_assert!(reg == R0 || self.used & 1 << reg.0 != 0, "register {} is free already", reg.0);
        self.used &= !(1 << reg.0) | 1;
    }

    /// Whether the register is in use.
    pub fn in_use(&self, reg: Reg) -> bool {
        self.used & 1 << reg.0 != 0
    }

    /// Takes a particular register that is free.
    pub fn take(&mut self, reg: Reg) {
        debug_assert!(!self.in_use(reg), "register {} is in use", reg.0);
        self.used |= 1 << reg.0;
    }

    /// `rd = r1 op r2`
    pub fn binary(&mut self, op: u8, r1: Reg, r2: Reg, rd: Reg) {
        self.push(Instr::new(op, r1.0, r2.0, rd.0));
    }

    /// `rd = op r1`: `not`, `mov`, `allocs`, and the loads, of which `r1` is the address.
    pub fn unary(&mut self, op: u8, r1: Reg, rd: Reg) {
        self.push(Instr::new(op, r1.0, 0, rd.0));
    }

    /// Copies a register, if it is another one.
    pub fn copy(&mut self, from: Reg, to: Reg) {
        if from != to {
            self.unary(dif::OP_MOV, from, to);
        }
    }

    /// Stores `value` at the address in `address`.
    pub fn store(&mut self, op: u8, value: Reg, address: Reg) {
        self.push(Instr::new(op, value.0, 0, address.0));
    }

    /// Copies `size` bytes from the address in `from` to that in `to`.
    pub fn copys(&mut self, from: Reg, size: Reg, to: Reg) {
        self.push(Instr::new(dif::OP_COPYS, from.0, size.0, to.0));
    }

    /// Compares two integers, or two strings with [`dif::OP_SCMP`].
    pub fn compare(&mut self, op: u8, r1: Reg, r2: Reg) {
        self.push(Instr::new(op, r1.0, r2.0, 0));
    }

    /// Compares a register with zero.
    pub fn test(&mut self, reg: Reg) {
        self.push(Instr::new(dif::OP_TST, reg.0, 0, 0));
    }

    /// Sets a register to a constant.
    pub fn setx(&mut self, value: u64, rd: Reg) -> Result<()> {
        let index = match self.int_index.get(&value) {
            Some(&index) => index,
            None => {
                let next = self.ints.len();
                if next > INTOFF_MAX as usize {
                    return Err(Code::IntTooBig.into());
                }
                self.ints.push(value);
                self.int_index.insert(value, next as u16);
                next as u16
            }
        };
        self.push(Instr::indexed(dif::OP_SETX, index, rd.0));
        Ok(())
    }

    /// Sets a register to the address of a string constant (without its NUL).
    pub fn sets(&mut self, string: &[u8], rd: Reg) -> Result<()> {
        let offset = self.string(string)?;
        self.push(Instr::indexed(dif::OP_SETS, offset, rd.0));
        Ok(())
    }

    /// The offset of a string in the string table.
    fn string(&mut self, string: &[u8]) -> Result<u16> {
        // A table begins with the empty string.
        if self.strings.is_empty() {
            self.strings.push(0);
            self.string_index.insert(Box::default(), 0);
        }
        if let Some(&offset) = self.string_index.get(string) {
            return Ok(offset);
        }
        let offset = self.strings.len();
        if offset > STROFF_MAX as usize {
            return Err(Code::StrTooBig.into());
        }
        self.strings.extend_from_slice(string);
        self.strings.push(0);
        self.string_index.insert(string.into(), offset as u16);
        Ok(offset as u16)
    }

    /// An instruction on the variable `id`: loads and stores of scalars, and of associative arrays by the tuple stack.
    pub fn variable(&mut self, op: u8, id: u32, reg: Reg) {
        self.push(Instr::indexed(op, id as u16, reg.0));
    }

    /// Loads an element of a built-in array (`args`, `uregs`).
    pub fn load_array(&mut self, op: u8, id: u32, index: Reg, rd: Reg) {
        self.push(Instr::new(op, id as u8, index.0, rd.0));
    }

    /// Empties the tuple stack.
    pub fn flush(&mut self) {
        self.push(Instr::new(dif::OP_FLUSHTS, 0, 0, 0));
    }

    /// Pushes onto the tuple stack: a value ([`dif::OP_PUSHTV`]) or what an address points to ([`dif::OP_PUSHTR`]).
    pub fn push_tuple(&mut self, op: u8, tuple_type: u8, size: Reg, value: Reg) {
        self.push(Instr::new(op, tuple_type, size.0, value.0));
    }

    /// Calls a subroutine with what is on the tuple stack.
    pub fn call(&mut self, subr: u32, rd: Reg) {
        self.destructive |= matches!(subr, dif::SUBR_COPYOUT | dif::SUBR_COPYOUTSTR);
        self.push(Instr::indexed(dif::OP_CALL, subr as u16, rd.0));
    }

    /// Ends the object.
    pub fn ret(&mut self, reg: Reg) {
        self.push(Instr::new(dif::OP_RET, 0, 0, reg.0));
    }

    /// A new label, to be placed behind every branch to it.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label stands before the next instruction.
    pub fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.text.len() as u32);
    }

    /// Branches to a label.
    pub fn branch(&mut self, op: u8, label: Label) {
        debug_assert!(self.labels[label.0].is_none(), "DIF only branches forward");
        self.fixups.push((self.text.len(), label));
        self.push(Instr::branch(op, 0));
    }

    fn push(&mut self, instr: Instr) {
        self.text.push(instr.0);
    }

    /// Notes that the object reads or writes a variable.
    pub fn note(&mut self, name: &Rc<str>, id: u32, array: bool, scope: VarScope, ty: DifType, write: bool) {
        let known = self.vars.iter().position(|v| v.id == id && v.scope == scope && v.array == array);
        let index = known.unwrap_or_else(|| {
            let name = name.clone();
            self.vars.push(DifVar {
                name,
                name_at: 0,
                id,
                array,
                scope,
                referenced: false,
                modified: false,
                ty,
            });
            self.vars.len() - 1
        });
        self.vars[index].referenced |= !write;
        self.vars[index].modified |= write;
    }

    /// The finished object. `tables` makes a string table even if there is no string, as objects compiled from D have one.
    pub fn finish(mut self, rtype: DifType, tables: bool) -> Result<Difo> {
        // The order in which the original lists them: by scope, then as they were declared.
        self.vars.sort_by_key(|v| {
            let scope = match v.scope {
                VarScope::Thread => 0,
                VarScope::Global => 1,
                VarScope::Local => 2,
            };
            (scope, v.id)
        });
        for (at, label) in std::mem::take(&mut self.fixups) {
            let target = self.labels[label.0].expect("every label is placed");
            self.text[at] = Instr::branch(Instr(self.text[at]).op(), target).0;
        }
        if tables && self.strings.is_empty() {
            self.string(b"")?;
        }
        for i in 0..self.vars.len() {
            let name = self.vars[i].name.clone();
            self.vars[i].name_at = self.string(name.as_bytes())?.into();
        }
        Ok(Difo {
            text: self.text,
            ints: self.ints,
            strings: self.strings,
            vars: self.vars,
            rtype,
            destructive: self.destructive,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: DifType = DifType { string: false, ctf_kind: 1, by_ref: false, size: 4 };

    #[test]
    fn registers_run_out_after_seven() {
        let mut a = Assembler::new();
        let regs: Vec<Reg> = (0..7).map(|_| a.alloc().unwrap()).collect();
        assert_eq!(a.alloc(), Err(Code::NoReg.into()));
        a.free(regs[3]);
        assert_eq!(a.alloc(), Ok(regs[3]));
    }

    #[test]
    fn equal_constants_share_an_entry() {
        let mut a = Assembler::new();
        let r = a.alloc().unwrap();
        a.setx(5, r).unwrap();
        a.setx(5, r).unwrap();
        a.sets(b"x", r).unwrap();
        a.sets(b"x", r).unwrap();
        a.ret(r);
        let difo = a.finish(INT, true).unwrap();
        assert_eq!(difo.ints, [5]);
        assert_eq!(difo.strings, b"\0x\0");
        assert_eq!(difo.text, [0x2500_0001, 0x2500_0001, 0x2600_0101, 0x2600_0101, 0x2300_0001]);
    }

    #[test]
    fn branches_find_their_labels() {
        let mut a = Assembler::new();
        let end = a.label();
        a.branch(dif::OP_BA, end);
        a.setx(1, R0).unwrap();
        a.place(end);
        a.ret(R0);
        assert_eq!(a.finish(INT, false).unwrap().text[0], 0x1100_0002);
    }

    #[test]
    fn the_constant_table_has_a_limit() {
        let mut a = Assembler::new();
        let r = a.alloc().unwrap();
        for i in 0..=u64::from(INTOFF_MAX) {
            a.setx(i, r).unwrap();
        }
        assert_eq!(a.setx(u64::MAX, r), Err(Code::IntTooBig.into()));
        let long = vec![b'x'; 0xffff];
        a.sets(&long, r).unwrap();
        assert_eq!(a.sets(b"y", r), Err(Code::StrTooBig.into()));
    }
}
