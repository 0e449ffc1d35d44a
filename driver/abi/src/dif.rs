//! DIF, the instruction set of D expressions (contract 2.4): opcodes, instructions, limits; the built-in variables, the
//! subroutines, and the tables that go with the code.

mod subroutine;
mod variable;
mod vartab;

pub use subroutine::*;
pub use variable::*;
pub use vartab::*;

/// The first version of DIF.
pub const VERSION_1: u32 = 1;
/// The version that everybody uses.
pub const VERSION_2: u32 = 2;
/// The newest version.
pub const VERSION: u32 = VERSION_2;

/// Integer registers.
pub const DIR_NREGS: usize = 8;
/// Tuple registers.
pub const DTR_NREGS: usize = 8;
/// The register that is always zero.
pub const REG_R0: u8 = 0;

/// The greatest index into an integer table.
pub const INTOFF_MAX: u32 = 0xffff;
/// The greatest offset into a string table.
pub const STROFF_MAX: u32 = 0xffff;
/// The greatest number that fits a register's place.
pub const REGISTER_MAX: u32 = 0xff;
/// The greatest id of a variable.
pub const VARIABLE_MAX: u32 = 0xffff;
/// The greatest number that fits a subroutine's place.
pub const SUBROUTINE_MAX: u32 = 0xffff;
/// The greatest label.
pub const LABEL_MAX: u32 = 0xff_ffff;

/// `or r1, r2, rd`
pub const OP_OR: u8 = 1;
/// `xor r1, r2, rd`
pub const OP_XOR: u8 = 2;
/// `and r1, r2, rd`
pub const OP_AND: u8 = 3;
/// `sll r1, r2, rd`
pub const OP_SLL: u8 = 4;
/// `srl r1, r2, rd`
pub const OP_SRL: u8 = 5;
/// `sub r1, r2, rd`
pub const OP_SUB: u8 = 6;
/// `add r1, r2, rd`
pub const OP_ADD: u8 = 7;
/// `mul r1, r2, rd`
pub const OP_MUL: u8 = 8;
/// `sdiv r1, r2, rd`
pub const OP_SDIV: u8 = 9;
/// `udiv r1, r2, rd`
pub const OP_UDIV: u8 = 10;
/// `srem r1, r2, rd`
pub const OP_SREM: u8 = 11;
/// `urem r1, r2, rd`
pub const OP_UREM: u8 = 12;
/// `not r1, rd`
pub const OP_NOT: u8 = 13;
/// `mov r1, rd`
pub const OP_MOV: u8 = 14;
/// `cmp r1, r2`
pub const OP_CMP: u8 = 15;
/// `tst r1`
pub const OP_TST: u8 = 16;
/// `ba label`
pub const OP_BA: u8 = 17;
/// `be label`
pub const OP_BE: u8 = 18;
/// `bne label`
pub const OP_BNE: u8 = 19;
/// `bg label`
pub const OP_BG: u8 = 20;
/// `bgu label`
pub const OP_BGU: u8 = 21;
/// `bge label`
pub const OP_BGE: u8 = 22;
/// `bgeu label`
pub const OP_BGEU: u8 = 23;
/// `bl label`
pub const OP_BL: u8 = 24;
/// `blu label`
pub const OP_BLU: u8 = 25;
/// `ble label`
pub const OP_BLE: u8 = 26;
/// `bleu label`
pub const OP_BLEU: u8 = 27;
/// `ldsb [r1], rd`
pub const OP_LDSB: u8 = 28;
/// `ldsh [r1], rd`
pub const OP_LDSH: u8 = 29;
/// `ldsw [r1], rd`
pub const OP_LDSW: u8 = 30;
/// `ldub [r1], rd`
pub const OP_LDUB: u8 = 31;
/// `lduh [r1], rd`
pub const OP_LDUH: u8 = 32;
/// `lduw [r1], rd`
pub const OP_LDUW: u8 = 33;
/// `ldx [r1], rd`
pub const OP_LDX: u8 = 34;
/// `ret rd`
pub const OP_RET: u8 = 35;
/// `nop`
pub const OP_NOP: u8 = 36;
/// `setx intindex, rd`
pub const OP_SETX: u8 = 37;
/// `sets strindex, rd`
pub const OP_SETS: u8 = 38;
/// `scmp r1, r2`
pub const OP_SCMP: u8 = 39;
/// `ldga var, ri, rd`
pub const OP_LDGA: u8 = 40;
/// `ldgs var, rd`
pub const OP_LDGS: u8 = 41;
/// `stgs var, rs`
pub const OP_STGS: u8 = 42;
/// `ldta var, ri, rd`
pub const OP_LDTA: u8 = 43;
/// `ldts var, rd`
pub const OP_LDTS: u8 = 44;
/// `stts var, rs`
pub const OP_STTS: u8 = 45;
/// `sra r1, r2, rd`
pub const OP_SRA: u8 = 46;
/// `call subr, rd`
pub const OP_CALL: u8 = 47;
/// `pushtr type, rs, rr`
pub const OP_PUSHTR: u8 = 48;
/// `pushtv type, rs, rv`
pub const OP_PUSHTV: u8 = 49;
/// `popts`
pub const OP_POPTS: u8 = 50;
/// `flushts`
pub const OP_FLUSHTS: u8 = 51;
/// `ldgaa var, rd`
pub const OP_LDGAA: u8 = 52;
/// `ldtaa var, rd`
pub const OP_LDTAA: u8 = 53;
/// `stgaa var, rs`
pub const OP_STGAA: u8 = 54;
/// `sttaa var, rs`
pub const OP_STTAA: u8 = 55;
/// `ldls var, rd`
pub const OP_LDLS: u8 = 56;
/// `stls var, rs`
pub const OP_STLS: u8 = 57;
/// `allocs r1, rd`
pub const OP_ALLOCS: u8 = 58;
/// `copys r1, r2, rd`
pub const OP_COPYS: u8 = 59;
/// `stb r1, [rd]`
pub const OP_STB: u8 = 60;
/// `sth r1, [rd]`
pub const OP_STH: u8 = 61;
/// `stw r1, [rd]`
pub const OP_STW: u8 = 62;
/// `stx r1, [rd]`
pub const OP_STX: u8 = 63;
/// `uldsb [r1], rd`: from user memory
pub const OP_ULDSB: u8 = 64;
/// `uldsh [r1], rd`: from user memory
pub const OP_ULDSH: u8 = 65;
/// `uldsw [r1], rd`: from user memory
pub const OP_ULDSW: u8 = 66;
/// `uldub [r1], rd`: from user memory
pub const OP_ULDUB: u8 = 67;
/// `ulduh [r1], rd`: from user memory
pub const OP_ULDUH: u8 = 68;
/// `ulduw [r1], rd`: from user memory
pub const OP_ULDUW: u8 = 69;
/// `uldx [r1], rd`: from user memory
pub const OP_ULDX: u8 = 70;
/// `rldsb [r1], rd`: checked against what the consumer may read
pub const OP_RLDSB: u8 = 71;
/// `rldsh [r1], rd`: checked
pub const OP_RLDSH: u8 = 72;
/// `rldsw [r1], rd`: checked
pub const OP_RLDSW: u8 = 73;
/// `rldub [r1], rd`: checked
pub const OP_RLDUB: u8 = 74;
/// `rlduh [r1], rd`: checked
pub const OP_RLDUH: u8 = 75;
/// `rlduw [r1], rd`: checked
pub const OP_RLDUW: u8 = 76;
/// `rldx [r1], rd`: checked
pub const OP_RLDX: u8 = 77;
/// `xlate xlrindex, rd`: resolved before the driver sees it
pub const OP_XLATE: u8 = 78;
/// `xlarg xlrindex, rd`: resolved before the driver sees it
pub const OP_XLARG: u8 = 79;

/// One instruction: opcode, then three bytes whose meaning the opcode gives.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instr(pub u32);

// SAFETY: a transparent integer is as plain as the integer.
unsafe impl crate::Plain for Instr {}

impl Instr {
    /// An instruction of opcode and three bytes.
    #[must_use]
    pub const fn new(op: u8, r1: u8, r2: u8, rd: u8) -> Self {
        Self(u32::from_be_bytes([op, r1, r2, rd]))
    }

    /// An instruction with an index of 16 bits (variable, integer, string, subroutine, translator) and a register.
    #[must_use]
    pub const fn indexed(op: u8, index: u16, rd: u8) -> Self {
        Self((op as u32) << 24 | (index as u32) << 8 | rd as u32)
    }

    /// A branch to an instruction, counted from the start of the DIFO. Only the low 24 bits of the label count.
    #[must_use]
    pub const fn branch(op: u8, label: u32) -> Self {
        Self((op as u32) << 24 | label & LABEL_MAX)
    }

    /// The opcode.
    #[must_use]
    pub const fn op(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// The first source register.
    #[must_use]
    pub const fn r1(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// The second source register.
    #[must_use]
    pub const fn r2(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The destination register.
    #[must_use]
    pub const fn rd(self) -> u8 {
        self.0 as u8
    }

    /// The source register of an instruction that stores a variable or pushes a tuple: it stands where others have
    /// their destination.
    #[must_use]
    pub const fn rs(self) -> u8 {
        self.rd()
    }

    /// Where a branch goes.
    #[must_use]
    pub const fn label(self) -> u32 {
        self.0 & LABEL_MAX
    }

    /// The index of 16 bits that [`Instr::var`] and its like are names for.
    const fn index(self) -> u32 {
        self.0 >> 8 & 0xffff
    }

    /// The variable.
    #[must_use]
    pub const fn var(self) -> u32 {
        self.index()
    }

    /// The array variable of `ldga` and `ldta`; the register of the element's number is [`Instr::r2`].
    #[must_use]
    pub const fn array(self) -> u32 {
        self.r1() as u32
    }

    /// The index into the integer table.
    #[must_use]
    pub const fn integer(self) -> u32 {
        self.index()
    }

    /// The offset into the string table.
    #[must_use]
    pub const fn string(self) -> u32 {
        self.index()
    }

    /// The subroutine.
    #[must_use]
    pub const fn subr(self) -> u32 {
        self.index()
    }

    /// The index into the table of translator uses.
    #[must_use]
    pub const fn xlref(self) -> u32 {
        self.index()
    }

    /// The type of what is pushed on the tuple stack ([`TYPE_CTF`] or [`TYPE_STRING`]).
    #[must_use]
    pub const fn tuple_type(self) -> u8 {
        self.r1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plain;

    #[test]
    fn an_instruction_is_opcode_and_three_bytes_from_the_top_down() {
        let add = Instr::new(OP_ADD, 1, 2, 3);
        assert_eq!(add.0, 0x0701_0203);
        assert_eq!((add.op(), add.r1(), add.r2(), add.rd()), (OP_ADD, 1, 2, 3));
    }

    #[test]
    fn an_index_takes_the_two_middle_bytes() {
        let load = Instr::indexed(OP_LDGS, VAR_EXECNAME as u16, 1);
        assert_eq!(load.0, 0x2901_1801);
        assert_eq!((load.op(), load.var(), load.rd()), (OP_LDGS, VAR_EXECNAME, 1));
        let call = Instr::indexed(OP_CALL, SUBR_D_PATH as u16, 7);
        assert_eq!((call.subr(), call.rd()), (46, 7));
        let push = Instr::new(OP_PUSHTV, TYPE_STRING, 2, 3);
        assert_eq!((push.tuple_type(), push.r2(), push.rs()), (TYPE_STRING, 2, 3));
    }

    #[test]
    fn a_label_takes_all_three_bytes() {
        let branch = Instr::branch(OP_BA, 0x1234_5678);
        assert_eq!((branch.op(), branch.label()), (OP_BA, 0x34_5678));
    }

    #[test]
    fn opcodes_stand_where_the_contract_has_them() {
        let some = [OP_BGU, OP_LDSB, OP_RET, OP_LDGS, OP_CALL, OP_LDLS, OP_STX, OP_ULDSB, OP_RLDSB, OP_XLARG];
        assert_eq!(some, [21, 28, 35, 41, 47, 56, 63, 64, 71, 79]);
    }

    #[test]
    fn instructions_are_read_from_bytes() {
        assert_eq!(Instr::from_bytes(&0x2300_0001u32.to_ne_bytes()), Some(Instr::new(OP_RET, 0, 0, 1)));
    }
}
