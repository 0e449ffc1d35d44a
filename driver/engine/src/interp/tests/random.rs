//! Programs of random instructions: whatever verification lets through ends, and ends in a value or a fault. (Tests are
//! built with checks for overflow and bounds, which would panic.)

use dtrace_abi::dif::*;
use dtrace_abi::{DifType, Instr};

use super::*;
use crate::difo::{Difo, Parts};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

const INTS: [u64; 16] =
    [0, 1, 2, 7, 8, 47, 64, 255, 256, 1 << 31, 1 << 63, u64::MAX, KERNEL, KERNEL + 4090, USER, USER + 4090];
const STRINGS: &[u8] =
    b"\0/a//b/../c\0x,y;;z\0,;\0a long string that does not fit in one piece of foreign memory, not at all\0";

fn variables() -> Vec<DifVar> {
    let mut vars = Vec::new();
    for scope in [Scope::Global, Scope::Thread, Scope::Local] {
        for (n, (kind, bytes, string)) in [
            (DIFV_KIND_SCALAR, 0, false),
            (DIFV_KIND_SCALAR, 20, true),
            (DIFV_KIND_SCALAR, 20, false),
            (DIFV_KIND_ARRAY, 0, false),
            (DIFV_KIND_ARRAY, 20, true),
        ]
        .into_iter()
        .enumerate()
        {
            if scope == Scope::Local && kind == DIFV_KIND_ARRAY {
                continue;
            }
            let ty = if bytes == 0 {
                DifType { kind: TYPE_CTF, ckind: 1, flags: 0, pad: 0, size: 8 }
            } else {
                DifType { kind: u8::from(string), ckind: 6, flags: TF_BYREF, pad: 0, size: bytes }
            };
            let flags = DIFV_F_REF | DIFV_F_MOD;
            vars.push(DifVar {
                name: 0,
                id: VAR_OTHER_UBASE + n as u32,
                kind,
                scope: scope as u8,
                flags,
                ty,
            });
        }
    }
    vars
}

/// An instruction that verification is likely to let through.
fn instruction(random: &mut Random, at: u32, len: u32) -> Instr {
    let register = |random: &mut Random| random.below(8) as u8;
    let target = |random: &mut Random| 1 + random.below(7) as u8;
    let (r1, r2, rd) = (register(random), register(random), target(random));
    let user = |random: &mut Random, kinds: &[u32]| (VAR_OTHER_UBASE + random.one(kinds)) as u16;
    // Subroutines, keys and constants make the interesting programs.
    match random.below(12) {
        0 | 1 => Instr::indexed(OP_SETX, random.below(INTS.len() as u64) as u16, rd),
        2 => Instr::indexed(OP_SETS, random.below(STRINGS.len() as u64) as u16, rd),
        3 => Instr::new(OP_PUSHTV, 0, r1, r2),
        4 => Instr::new(OP_PUSHTR, random.below(2) as u8, r1, r2),
        5 => Instr::indexed(OP_CALL, random.below(u64::from(SUBR_STRTOLL) + 1) as u16, rd),
        6 => Instr::indexed(OP_LDGS, (VAR_CURTHREAD + random.below(0x21) as u32) as u16, rd),
        _ => match 1 + random.below(77) as u8 {
            op @ (OP_NOT | OP_MOV | OP_ALLOCS | OP_LDSB..=OP_LDX | OP_STB..=OP_STX | OP_ULDSB..=OP_RLDX) => {
                Instr::new(op, r1, 0, rd)
            }
            op @ (OP_CMP | OP_SCMP) => Instr::new(op, r1, r2, 0),
            OP_TST => Instr::new(OP_TST, r1, 0, 0),
            op @ OP_BA..=OP_BLEU => Instr::branch(op, at + 1 + random.below(u64::from(len - at)) as u32),
            OP_RET | OP_NOP | OP_LDTA | OP_SETX | OP_SETS | OP_CALL | OP_PUSHTR | OP_PUSHTV => {
                Instr::new(OP_NOP, 0, 0, 0)
            }
            OP_LDGA => Instr::new(OP_LDGA, random.below(4) as u8, r1, rd),
            op @ (OP_LDGS | OP_STGS | OP_LDTS | OP_STTS | OP_LDLS | OP_STLS) => {
                Instr::indexed(op, user(random, &[0, 1, 2]), rd)
            }
            op @ (OP_LDGAA | OP_STGAA | OP_LDTAA | OP_STTAA) => Instr::indexed(op, user(random, &[3, 4]), rd),
            op @ (OP_POPTS | OP_FLUSHTS) => Instr::new(op, 0, 0, 0),
            op => Instr::new(op, r1, r2, rd),
        },
    }
}

#[test]
fn every_verified_program_ends_in_a_value_or_a_fault() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut values, mut faults) = (0, 0);
    let (worlds, programs) = if cfg!(miri) { (3, 10) } else { (150, 100) };
    for round in 0..worlds {
        let mut world = World::new();
        world.strsize = random.one(&[1, 2, 8, 64, 256]);
        world.scratch = random.one(&[0, 16, 128, 4096]);
        world.access = Access { kernel: round % 3 != 0, process: round % 5 != 0, ..Access::ALL };
        let difos: Vec<Difo> = (0..programs)
            .map(|_| {
                let len = random.below(40) as u32;
                let mut text: Vec<Instr> = (0..len).map(|at| instruction(&mut random, at, len)).collect();
                text.push(Instr::new(OP_RET, 0, 0, random.below(8) as u8));
                let rtype = DifType { kind: TYPE_CTF, ckind: 1, flags: 0, pad: 0, size: 8 };
                let parts =
                    Parts { text, ints: INTS.to_vec(), strings: STRINGS.to_vec(), vars: variables(), rtype };
                Difo::verify(parts, &Limits::new(true)).unwrap()
            })
            .collect();
        for difo in &difos {
            world.variables.declare(difo).unwrap();
        }
        world.variables.prepare(random.one(&[1024, 16 * 1024]), world.strsize).unwrap();
        let codes: Vec<Code> =
            difos.into_iter().map(|difo| Code::new(difo, &world.variables).unwrap()).collect();
        for chunk in codes.chunks(5) {
            // Several programs in one clause see each other's scratch memory.
            world.fire(|machine| {
                for code in chunk {
                    match machine.run(code) {
                        Ok(value) => {
                            values += 1;
                            let mut record = [0; 24];
                            let _ = machine.copy_string(code, value, &mut record);
                            let _ = machine.copy_bytes(code, value, &mut record);
                        }
                        Err(fault) => {
                            faults += 1;
                            let offset = fault.offset.unwrap() as usize / 4;
                            assert!(offset < code.difo().text().len());
                        }
                    }
                }
            });
        }
    }
    assert!(
        values * 20 > worlds * programs && faults * 20 > worlds * programs,
        "{values} values, {faults} faults"
    );
}
