//! A machine for generated code: enough of DIF to run what the tests compile, over a little memory of its own.

use std::collections::HashMap;

use dtrace_abi::dif::{self, Instr};

use crate::program::Difo;

/// Where the machine's memory stands.
pub(super) const MEMORY: u64 = 0x1000;
/// Where an object's strings stand while it runs.
const STRINGS: u64 = 0x100_0000;

/// The state that lives from object to object.
#[derive(Default)]
pub(super) struct Machine {
    pub(super) memory: Vec<u8>,
    /// Scalars by opcode family (global 0, thread 1, local 2) and number.
    pub(super) scalars: HashMap<(u8, u32), u64>,
    /// Elements by family, number and the keys.
    elements: HashMap<(u8, u32, Vec<u8>), u64>,
    allocated: u64,
}

impl Machine {
    pub(super) fn with_memory(memory: Vec<u8>) -> Self {
        Machine { memory, ..Machine::default() }
    }

    fn byte<'a>(&'a self, difo: &'a Difo, at: u64) -> u8 {
        if at >= STRINGS {
            return difo.strings[(at - STRINGS) as usize];
        }
        self.memory[usize::try_from(at.checked_sub(MEMORY).expect("a load of a bad address")).unwrap()]
    }

    fn read(&self, difo: &Difo, at: u64, size: u64) -> u64 {
        (0..size).rev().fold(0, |v, i| v << 8 | u64::from(self.byte(difo, at + i)))
    }

    fn write(&mut self, at: u64, size: u64, value: u64) {
        for i in 0..size {
            self.memory[(at - MEMORY + i) as usize] = (value >> (8 * i)) as u8;
        }
    }

    fn text(&self, difo: &Difo, at: u64) -> Vec<u8> {
        (at..).map(|a| self.byte(difo, a)).take_while(|&b| b != 0).collect()
    }

    /// Runs an object to its end.
    pub(super) fn run(&mut self, difo: &Difo) -> u64 {
        let mut r = [0u64; 8];
        let mut tuple: Vec<u8> = Vec::new();
        let mut args: Vec<u64> = Vec::new();
        let (mut zero, mut less, mut below) = (false, false, false);
        let mut pc = 0;
        loop {
            let i = Instr(difo.text[pc]);
            pc += 1;
            let (a, b, d) = (i.r1() as usize, i.r2() as usize, i.rd() as usize);
            assert_eq!(r[0], 0, "register 0 was written");
            let signed = |v: u64| v.cast_signed();
            match i.op() {
                dif::OP_OR => r[d] = r[a] | r[b],
                dif::OP_XOR => r[d] = r[a] ^ r[b],
                dif::OP_AND => r[d] = r[a] & r[b],
                dif::OP_SLL => r[d] = r[a].wrapping_shl(r[b] as u32),
                dif::OP_SRL => r[d] = r[a].wrapping_shr(r[b] as u32),
                dif::OP_SRA => r[d] = signed(r[a]).wrapping_shr(r[b] as u32).cast_unsigned(),
                dif::OP_SUB => r[d] = r[a].wrapping_sub(r[b]),
                dif::OP_ADD => r[d] = r[a].wrapping_add(r[b]),
                dif::OP_MUL => r[d] = r[a].wrapping_mul(r[b]),
                dif::OP_SDIV => r[d] = signed(r[a]).wrapping_div(signed(r[b])).cast_unsigned(),
                dif::OP_UDIV => r[d] = r[a] / r[b],
                dif::OP_SREM => r[d] = signed(r[a]).wrapping_rem(signed(r[b])).cast_unsigned(),
                dif::OP_UREM => r[d] = r[a] % r[b],
                dif::OP_NOT => r[d] = !r[a],
                dif::OP_MOV => r[d] = r[a],
                dif::OP_CMP | dif::OP_TST => {
                    let right = if i.op() == dif::OP_TST { 0 } else { r[b] };
                    (zero, less, below) = (r[a] == right, signed(r[a]) < signed(right), r[a] < right);
                }
                dif::OP_SCMP => {
                    let (x, y) = (self.text(difo, r[a]), self.text(difo, r[b]));
                    (zero, less, below) = (x == y, x < y, x < y);
                }
                dif::OP_BA..=dif::OP_BLEU => {
                    let taken = match i.op() {
                        dif::OP_BA => true,
                        dif::OP_BE => zero,
                        dif::OP_BNE => !zero,
                        dif::OP_BG => !less && !zero,
                        dif::OP_BGU => !below && !zero,
                        dif::OP_BGE => !less,
                        dif::OP_BGEU => !below,
                        dif::OP_BL => less,
                        dif::OP_BLU => below,
                        dif::OP_BLE => less || zero,
                        _ => below || zero,
                    };
                    assert!(i.label() as usize >= pc, "a branch backward");
                    if taken {
                        pc = i.label() as usize;
                    }
                }
                op @ (dif::OP_LDSB..=dif::OP_LDX | dif::OP_ULDSB..=dif::OP_ULDX) => {
                    let op = if op >= dif::OP_ULDSB { op - dif::OP_ULDSB + dif::OP_LDSB } else { op };
                    let (size, sign) = match op {
                        dif::OP_LDSB => (1, true),
                        dif::OP_LDSH => (2, true),
                        dif::OP_LDSW => (4, true),
                        dif::OP_LDUB => (1, false),
                        dif::OP_LDUH => (2, false),
                        dif::OP_LDUW => (4, false),
                        _ => (8, false),
                    };
                    assert_eq!(r[a] % size, 0, "an unaligned load");
                    let raw = self.read(difo, r[a], size);
                    let shift = 64 - 8 * size as u32;
                    r[d] = if sign { (signed(raw << shift) >> shift).cast_unsigned() } else { raw };
                }
                dif::OP_STB => self.write(r[d], 1, r[a]),
                dif::OP_STH => self.write(r[d], 2, r[a]),
                dif::OP_STW => self.write(r[d], 4, r[a]),
                dif::OP_STX => self.write(r[d], 8, r[a]),
                dif::OP_RET => return r[d],
                dif::OP_SETX => r[d] = difo.ints[i.integer() as usize],
                dif::OP_SETS => r[d] = STRINGS + u64::from(i.string()),
                dif::OP_LDGS | dif::OP_LDTS | dif::OP_LDLS => {
                    r[d] = self.scalars.get(&(family(i.op()), i.var())).copied().unwrap_or(0);
                }
                dif::OP_STGS | dif::OP_STTS | dif::OP_STLS => {
                    self.scalars.insert((family(i.op()), i.var()), r[d]);
                }
                dif::OP_FLUSHTS => {
                    tuple.clear();
                    args.clear();
                }
                dif::OP_PUSHTV => {
                    tuple.extend(r[d].to_le_bytes());
                    tuple.push(r[b] as u8);
                    args.push(r[d]);
                }
                dif::OP_PUSHTR => {
                    let bytes = match i.tuple_type() {
                        dif::TYPE_STRING => self.text(difo, r[d]),
                        _ => (0..r[b]).map(|n| self.byte(difo, r[d] + n)).collect(),
                    };
                    tuple.extend(bytes);
                    tuple.push(0xff);
                    args.push(r[d]);
                }
                dif::OP_LDGAA | dif::OP_LDTAA => {
                    let key = (family(i.op()), i.var(), tuple.clone());
                    r[d] = self.elements.get(&key).copied().unwrap_or(0);
                }
                dif::OP_STGAA | dif::OP_STTAA => {
                    self.elements.insert((family(i.op()), i.var(), tuple.clone()), r[d]);
                }
                dif::OP_CALL => match i.subr() {
                    dif::SUBR_STRLEN => r[d] = self.text(difo, args[0]).len() as u64,
                    other => panic!("subroutine {other} is not the machine's"),
                },
                dif::OP_ALLOCS => {
                    self.allocated = (self.allocated + 7) & !7;
                    let at = MEMORY + self.memory.len() as u64;
                    self.memory.resize(self.memory.len() + (r[a] as usize).next_multiple_of(8), 0);
                    r[d] = at;
                }
                dif::OP_COPYS => {
                    for n in 0..r[b] {
                        let byte = self.byte(difo, r[a] + n);
                        self.write(r[d] + n, 1, u64::from(byte));
                    }
                }
                dif::OP_LDGA => r[d] = self.scalars.get(&(9, r[b] as u32)).copied().unwrap_or(0),
                other => panic!("opcode {other} is not the machine's"),
            }
        }
    }
}

fn family(op: u8) -> u8 {
    match op {
        dif::OP_LDGS | dif::OP_STGS | dif::OP_LDGAA | dif::OP_STGAA => 0,
        dif::OP_LDTS | dif::OP_STTS | dif::OP_LDTAA | dif::OP_STTAA => 1,
        _ => 2,
    }
}
