//! Decoded DIF.
//!
//! There is one decoded instruction for each instruction of the text, at the same index, so that branches need no
//! translation and the offset of a fault is four times the index. A *fused* instruction does the work of two or three and
//! then steps over the others, which stay as they are for branches that lead into their midst.

use alloc::vec::Vec;

use dtrace_abi::dif::{self, VAR_ARG0, VAR_ARG9, VAR_OTHER_UBASE};
use dtrace_abi::{Instr, Scope};

use super::shape::{Shape, recognise};
use crate::difo::Difo;
use crate::guise;
use crate::mem::{OutOfMemory, TryPush, try_with_capacity};
use crate::variable::{Slot, Variables};

/// What a decoded instruction does. The order has no meaning but that the operations up to [`Op::LAST_HOT`] are the
/// ones the loop handles itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Op {
    /// The end: the value is register `a`.
    Ret,
    /// d = imm
    Imm,
    /// d = argument x
    Arg,
    /// d = global word x
    Global,
    /// global word x = a
    SetGlobal,
    /// b = imm; compare a, b; branch to x on condition d
    ImmCmpBranch,
    /// compare a, b; branch to x on condition d
    CmpBranch,
    /// compare a, 0; branch to x on condition d
    TstBranch,
    /// branch to x on condition d of the last comparison
    Branch,
    /// d = a
    Mov,
    /// b = imm; d = a + b
    ImmAdd,
    /// d = a + b
    Add,
    /// d = a - b
    Sub,
    /// d = built-in variable x
    Builtin,
    /// d = dynamic scalar x
    Thread,
    SetThread,
    Local,
    SetLocal,
    Flush,
    /// push d
    PushValue,
    /// b = imm; push d
    ImmPushValue,
    /// push the bytes at d; their number is register b; x is not 0 for a string
    PushRef,
    /// b = imm; push the bytes at d; their number is imm; x is not 0 for a string
    ImmPushRef,
    /// d = dynamic variable x of the key on the tuple stack
    Assoc,
    SetAssoc,

    // From here on behind a call.
    Or,
    Xor,
    And,
    Sll,
    Srl,
    Sra,
    Mul,
    Sdiv,
    Udiv,
    Srem,
    Urem,
    /// d = !a
    Not,
    Cmp,
    Tst,
    Nop,
    Scmp,
    /// d = memory at a, as [`Load`] x says
    Load,
    /// memory at d = a, x bytes
    Store,
    /// d = element b of built-in array x
    Array,
    GlobalBytes,
    SetGlobalBytes,
    LocalBytes,
    SetLocalBytes,
    /// d = subroutine x of the arguments on the tuple stack
    Call,
    Pop,
    /// d = a bytes of scratch memory
    Allocs,
    /// copy b bytes from a to d
    Copys,
    /// What verification lets through but means nothing.
    Illegal,
}

impl Op {
    pub(crate) const LAST_HOT: Op = Op::SetAssoc;
}

/// How a load widens, and whose memory it reads, packed into a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) bytes: u32,
    pub(crate) signed: bool,
    pub(crate) user: bool,
}

impl Load {
    const fn pack(self) -> u32 {
        self.bytes | (self.signed as u32) << 8 | (self.user as u32) << 9
    }

    #[inline(always)]
    pub(crate) const fn unpack(x: u32) -> Load {
        Load { bytes: x & 0xff, signed: x & 0x100 != 0, user: x & 0x200 != 0 }
    }
}

/// The outcome of a comparison, as a number below 8: bit 0 for equal, bit 1 for less as signed, bit 2 for less as unsigned.
/// A condition is the set of outcomes it holds for.
#[inline(always)]
pub(crate) fn outcome(left: u64, right: u64) -> u8 {
    u8::from(left == right) | u8::from((left as i64) < right as i64) << 1 | u8::from(left < right) << 2
}

/// The outcomes with a bit, as a set.
const fn outcomes_with(bit: u8) -> u8 {
    let (mut set, mut outcome) = (0, 0);
    while outcome < 8 {
        if outcome & bit != 0 {
            set |= 1 << outcome;
        }
        outcome += 1;
    }
    set
}

pub(crate) const ALWAYS: u8 = 0xff;
const EQUAL: u8 = outcomes_with(1);
const LESS: u8 = outcomes_with(2);
const BELOW: u8 = outcomes_with(4);

/// One decoded instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insn {
    pub(crate) op: Op,
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) d: u8,
    pub(crate) x: u32,
    pub(crate) imm: u64,
}

/// A DIF object, decoded for one consumer's variables.
///
/// It holds the object, so that the string table, whose addresses programs pass around, stays where it is.
pub struct Code {
    difo: Difo,
    /// What programs see as the address of the string table.
    strings_at: u64,
    insns: Vec<Insn>,
    shape: Shape,
}

impl Code {
    /// Decodes `difo`, whose variables have been [declared](Variables::declare).
    pub fn new(difo: Difo, variables: &Variables) -> Result<Code, OutOfMemory> {
        let mut insns = try_with_capacity(difo.text().len())?;
        let strings_at = match variables.is_disguised() {
            true => guise::STRINGS,
            false => difo.strings().as_ptr().expose_provenance() as u64,
        };
        for instr in difo.text() {
            insns.try_push(decode(&difo, strings_at, variables, *instr))?;
        }
        let shape = recognise(&insns);
        fuse(&mut insns);
        Ok(Code { difo, strings_at, insns, shape })
    }

    /// The object.
    #[inline]
    #[must_use]
    pub fn difo(&self) -> &Difo {
        &self.difo
    }

    /// The string table, and what programs see as its address.
    #[inline]
    pub(crate) fn strings(&self) -> (&[u8], u64) {
        (self.difo.strings(), self.strings_at)
    }

    /// Bytes that it takes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Code>() + self.difo.size() + size_of_val(&*self.insns)
    }

    #[inline(always)]
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    #[inline(always)]
    pub(crate) fn insns(&self) -> &[Insn] {
        &self.insns
    }
}

fn decode(difo: &Difo, strings_at: u64, variables: &Variables, instr: Instr) -> Insn {
    let three = |op, x| Insn { op, a: instr.r1(), b: instr.r2(), d: instr.rd(), x, imm: 0 };
    let plain = |op| three(op, 0);
    let load = |bytes, signed, user| three(Op::Load, Load { bytes, signed, user }.pack());
    let branch = |condition| Insn { op: Op::Branch, a: 0, b: 0, d: condition, x: instr.label(), imm: 0 };
    let indexed = |op, x| Insn { op, a: instr.rd(), b: 0, d: instr.rd(), x, imm: 0 };
    let illegal = plain(Op::Illegal);
    match instr.op() {
        dif::OP_OR => plain(Op::Or),
        dif::OP_XOR => plain(Op::Xor),
        dif::OP_AND => plain(Op::And),
        dif::OP_SLL => plain(Op::Sll),
        dif::OP_SRL => plain(Op::Srl),
        dif::OP_SRA => plain(Op::Sra),
        dif::OP_SUB => plain(Op::Sub),
        dif::OP_ADD => plain(Op::Add),
        dif::OP_MUL => plain(Op::Mul),
        dif::OP_SDIV => plain(Op::Sdiv),
        dif::OP_UDIV => plain(Op::Udiv),
        dif::OP_SREM => plain(Op::Srem),
        dif::OP_UREM => plain(Op::Urem),
        dif::OP_NOT => plain(Op::Not),
        dif::OP_MOV => plain(Op::Mov),
        dif::OP_CMP => plain(Op::Cmp),
        dif::OP_TST => plain(Op::Tst),
        dif::OP_BA => branch(ALWAYS),
        dif::OP_BE => branch(EQUAL),
        dif::OP_BNE => branch(!EQUAL),
        dif::OP_BG => branch(!(LESS | EQUAL)),
        dif::OP_BGU => branch(!(BELOW | EQUAL)),
        dif::OP_BGE => branch(!LESS),
        dif::OP_BGEU => branch(!BELOW),
        dif::OP_BL => branch(LESS),
        dif::OP_BLU => branch(BELOW),
        dif::OP_BLE => branch(LESS | EQUAL),
        dif::OP_BLEU => branch(BELOW | EQUAL),
        dif::OP_LDSB | dif::OP_RLDSB => load(1, true, false),
        dif::OP_LDSH | dif::OP_RLDSH => load(2, true, false),
        dif::OP_LDSW | dif::OP_RLDSW => load(4, true, false),
        dif::OP_LDUB | dif::OP_RLDUB => load(1, false, false),
        dif::OP_LDUH | dif::OP_RLDUH => load(2, false, false),
        dif::OP_LDUW | dif::OP_RLDUW => load(4, false, false),
        dif::OP_LDX | dif::OP_RLDX => load(8, false, false),
        dif::OP_ULDSB => load(1, true, true),
        dif::OP_ULDSH => load(2, true, true),
        dif::OP_ULDSW => load(4, true, true),
        dif::OP_ULDUB => load(1, false, true),
        dif::OP_ULDUH => load(2, false, true),
        dif::OP_ULDUW => load(4, false, true),
        dif::OP_ULDX => load(8, false, true),
        dif::OP_STB => three(Op::Store, 1),
        dif::OP_STH => three(Op::Store, 2),
        dif::OP_STW => three(Op::Store, 4),
        dif::OP_STX => three(Op::Store, 8),
        dif::OP_RET => Insn { a: instr.rd(), ..plain(Op::Ret) },
        dif::OP_NOP => plain(Op::Nop),
        dif::OP_SETX => match difo.ints().get(instr.integer() as usize) {
            Some(&imm) => Insn { imm, ..indexed(Op::Imm, 0) },
            None => illegal,
        },
        dif::OP_SETS => match u64::from(instr.string()) {
            at if at <= difo.strings().len() as u64 => Insn { imm: strings_at + at, ..indexed(Op::Imm, 0) },
            _ => illegal,
        },
        dif::OP_SCMP => plain(Op::Scmp),
        dif::OP_LDGA => three(Op::Array, instr.array()),
        dif::OP_LDTA => illegal,
        dif::OP_LDGS => match instr.var() {
            var @ VAR_ARG0..=VAR_ARG9 => indexed(Op::Arg, var - VAR_ARG0),
            var if var < VAR_OTHER_UBASE => indexed(Op::Builtin, var),
            var => match variables.slot(Scope::Global, var) {
                Some(Slot::Global(x)) => indexed(Op::Global, x),
                Some(Slot::GlobalBytes(x)) => indexed(Op::GlobalBytes, x),
                _ => illegal,
            },
        },
        dif::OP_STGS => match variables.slot(Scope::Global, instr.var()) {
            Some(Slot::Global(x)) => indexed(Op::SetGlobal, x),
            Some(Slot::GlobalBytes(x)) => indexed(Op::SetGlobalBytes, x),
            _ => illegal,
        },
        dif::OP_LDLS => match variables.slot(Scope::Local, instr.var()) {
            Some(Slot::Local(x)) => indexed(Op::Local, x),
            Some(Slot::LocalBytes(x)) => indexed(Op::LocalBytes, x),
            _ => illegal,
        },
        dif::OP_STLS => match variables.slot(Scope::Local, instr.var()) {
            Some(Slot::Local(x)) => indexed(Op::SetLocal, x),
            Some(Slot::LocalBytes(x)) => indexed(Op::SetLocalBytes, x),
            _ => illegal,
        },
        op
        @ (dif::OP_LDTS | dif::OP_STTS | dif::OP_LDTAA | dif::OP_STTAA | dif::OP_LDGAA | dif::OP_STGAA) => {
            let (scope, op) = match op {
                dif::OP_LDTS => (Scope::Thread, Op::Thread),
                dif::OP_STTS => (Scope::Thread, Op::SetThread),
                dif::OP_LDTAA => (Scope::Thread, Op::Assoc),
                dif::OP_STTAA => (Scope::Thread, Op::SetAssoc),
                dif::OP_LDGAA => (Scope::Global, Op::Assoc),
                _ => (Scope::Global, Op::SetAssoc),
            };
            match variables.slot(scope, instr.var()) {
                Some(Slot::Dynamic(x)) => indexed(op, x),
                _ => illegal,
            }
        }
        dif::OP_CALL => indexed(Op::Call, instr.subr()),
        dif::OP_PUSHTR => three(Op::PushRef, u32::from(instr.tuple_type() == dif::TYPE_STRING)),
        dif::OP_PUSHTV => plain(Op::PushValue),
        dif::OP_POPTS => plain(Op::Pop),
        dif::OP_FLUSHTS => plain(Op::Flush),
        dif::OP_ALLOCS => plain(Op::Allocs),
        dif::OP_COPYS => plain(Op::Copys),
        _ => illegal,
    }
}

/// Puts fused instructions where sequences begin.
fn fuse(insns: &mut [Insn]) {
    for at in 0..insns.len() {
        let Some(&[first, second]) = insns.get(at..).and_then(|rest| rest.first_chunk::<2>()) else { return };
        let third = insns.get(at + 2).copied();
        let fused = match (first.op, second.op, third.map(|insn| insn.op)) {
            (Op::Imm, Op::Cmp, Some(Op::Branch)) if second.b == first.d && second.a != first.d => {
                third.map(|third| Insn {
                    op: Op::ImmCmpBranch,
                    a: second.a,
                    b: second.b,
                    imm: first.imm,
                    ..third
                })
            }
            (Op::Imm, Op::Add, _) if second.b == first.d && second.a != first.d => {
                Some(Insn { op: Op::ImmAdd, imm: first.imm, ..second })
            }
            (Op::Imm, Op::PushValue, _) if second.d != first.d => {
                Some(Insn { op: Op::ImmPushValue, b: first.d, imm: first.imm, ..second })
            }
            (Op::Imm, Op::PushRef, _) if second.b == first.d && second.d != first.d => {
                Some(Insn { op: Op::ImmPushRef, imm: first.imm, ..second })
            }
            (Op::Cmp, Op::Branch, _) => Some(Insn { op: Op::CmpBranch, a: first.a, b: first.b, ..second }),
            (Op::Tst, Op::Branch, _) => Some(Insn { op: Op::TstBranch, a: first.a, ..second }),
            _ => None,
        };
        if let (Some(fused), Some(place)) = (fused, insns.get_mut(at)) {
            *place = fused;
        }
    }
}
