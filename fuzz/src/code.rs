//! DIF objects of instructions that verification is likely to let through, and of some that it must not.

use dtrace_abi::dif::*;
use dtrace_abi::{DifType, DifVar, Instr};

use crate::image::{Builder, INT, STRING};
use crate::input::Input;

/// No value.
const VOID: DifType = DifType { size: 0, ckind: 0, ..INT };

/// What every object has for a string table.
const TEXT: &str =
    "\0/a//b/../c\0x,y;;z\0,;\0%d %s\0a long string that does not fit in one piece of foreign memory\0";

/// The variables of every program: alike everywhere, so that objects agree on them.
fn variables() -> Vec<DifVar> {
    let bytes =
        |size, string: bool| DifType { kind: u8::from(string), ckind: 6, flags: TF_BYREF, pad: 0, size };
    let kinds = [
        (DIFV_KIND_SCALAR, INT),
        (DIFV_KIND_SCALAR, bytes(20, true)),
        (DIFV_KIND_SCALAR, bytes(24, false)),
        (DIFV_KIND_ARRAY, INT),
        (DIFV_KIND_ARRAY, bytes(20, true)),
    ];
    let mut variables = Vec::new();
    for scope in [DIFV_SCOPE_GLOBAL, DIFV_SCOPE_THREAD, DIFV_SCOPE_LOCAL] {
        for (id, (kind, ty)) in (VAR_OTHER_UBASE..).zip(kinds) {
            if scope != DIFV_SCOPE_LOCAL || kind == DIFV_KIND_SCALAR {
                variables.push(DifVar { name: 0, id, kind, scope, flags: DIFV_F_REF | DIFV_F_MOD, ty });
            }
        }
    }
    variables
}

/// An instruction at a place in a text of so many, with so many integers.
#[must_use]
pub fn instruction(input: &mut Input<'_>, at: usize, len: usize, ints: usize) -> Instr {
    if input.once_in(64) {
        // Whatever it may be.
        return Instr::branch(input.byte(), input.word() & 0xff_ffff);
    }
    let choice = input.below(16);
    let registers = input.half();
    let register = |shift: u16| (registers >> shift) as u8 & 7;
    let target = 1 + register(6) % 7;
    let (r1, r2, rd) = (register(0), register(3), target);
    let index = |input: &mut Input<'_>, limit: usize| input.below(limit.max(1)) as u16;
    match choice {
        0 | 1 => Instr::indexed(OP_SETX, index(input, ints), rd),
        2 => Instr::indexed(OP_SETS, index(input, TEXT.len()), rd),
        3 => Instr::new(OP_PUSHTV, 0, r1, r2),
        4 => Instr::new(OP_PUSHTR, input.byte() & 1, r1, r2),
        5 | 6 => Instr::indexed(OP_CALL, index(input, SUBR_MAX as usize + 1), rd),
        7 => Instr::indexed(OP_LDGS, VAR_CURTHREAD as u16 + index(input, 0x21), rd),
        8 => {
            let op = input.one(&[OP_LDGS, OP_STGS, OP_LDTS, OP_STTS, OP_LDLS, OP_STLS]);
            Instr::indexed(op, VAR_OTHER_UBASE as u16 + index(input, 3), rd)
        }
        9 => {
            let op = input.one(&[OP_LDGAA, OP_STGAA, OP_LDTAA, OP_STTAA]);
            Instr::indexed(op, VAR_OTHER_UBASE as u16 + 3 + index(input, 2), rd)
        }
        10 => Instr::branch(
            OP_BA + input.byte() % (OP_BLEU - OP_BA + 1),
            (at + 1 + input.below(len.saturating_sub(at).max(1))) as u32,
        ),
        11 => Instr::new(input.one(&[OP_CMP, OP_SCMP]), r1, r2, 0),
        12 => Instr::new(
            input.one(&[
                OP_LDSB, OP_LDSH, OP_LDSW, OP_LDUB, OP_LDUH, OP_LDUW, OP_LDX, OP_ULDSB, OP_ULDUW, OP_ULDX,
                OP_RLDUB, OP_RLDX, OP_STB, OP_STH, OP_STW, OP_STX, OP_ALLOCS,
            ]),
            r1,
            0,
            rd,
        ),
        13 => Instr::new(input.one(&[OP_COPYS, OP_ADD, OP_SUB, OP_ADD]), r1, r2, rd),
        14 => match input.below(8) {
            0 => Instr::new(OP_TST, r1, 0, 0),
            1 => Instr::new(OP_POPTS, 0, 0, 0),
            2 => Instr::new(OP_FLUSHTS, 0, 0, 0),
            3 => Instr::new(OP_RET, 0, 0, register(0)),
            _ => Instr::new(OP_LDGA, (VAR_ARGS as usize + input.below(4)) as u8, r1, rd),
        },
        _ => Instr::new(
            input.one(&[
                OP_OR, OP_XOR, OP_AND, OP_SLL, OP_SRL, OP_SRA, OP_MUL, OP_SDIV, OP_UDIV, OP_SREM, OP_UREM,
                OP_ADD,
            ]),
            r1,
            r2,
            rd,
        ),
    }
}

/// What an object gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// A number.
    Number,
    /// A string.
    String,
    /// So many bytes at an address.
    Bytes(u32),
    /// Nothing.
    Nothing,
}

/// Appends an object to an image. `addresses` are some that may be worth looking at.
pub(crate) fn object(input: &mut Input<'_>, builder: &mut Builder, gives: Gives, addresses: &[u64]) -> u32 {
    let mut ints = vec![0, 1, 2, 7, 8, 47, 255, 256, 1 << 31, 1 << 63, u64::MAX, i64::MAX as u64];
    ints.extend_from_slice(addresses);
    if input.once_in(4) {
        ints.push(input.long());
    }
    let len = input.below(32);
    let mut text: Vec<Instr> = (0..len).map(|at| instruction(input, at, len, ints.len())).collect();
    text.push(Instr::new(OP_RET, 0, 0, input.byte() & 7));
    let rtype = match gives {
        Gives::Number => DifType { size: input.one(&[8, 4, 2, 1]), ..INT },
        Gives::String => DifType { size: input.one(&[256, 20, 1, 4096]), ..STRING },
        Gives::Bytes(size) => DifType { kind: TYPE_CTF, ckind: 6, flags: TF_BYREF, pad: 0, size },
        Gives::Nothing => VOID,
    };
    let mut variables = variables();
    if input.once_in(32) {
        // One that contradicts the others.
        let at = input.below(variables.len());
        variables[at].ty.size = input.word() >> input.below(32);
    }
    builder.difo(&text, &ints, TEXT, &variables, rtype)
}
