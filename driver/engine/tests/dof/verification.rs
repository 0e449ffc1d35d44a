//! What the verifier lets through and what it stops, opcode by opcode.

use dtrace_abi::dif::*;
use dtrace_abi::{DifType, DifVar, Instr, Scope};
use dtrace_engine::difo::{Difo, Invariance, Limits, Parts, Uses};
use dtrace_engine::verify::{Flaw, VerifyError};

use crate::image::{INT, STRING, ret, var};

/// Two integers, a string `ab`, a scalar and an array of each scope.
fn parts(text: Vec<Instr>) -> Parts {
    let vars = vec![
        var(0x500, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL),
        var(0x500, DIFV_KIND_SCALAR, DIFV_SCOPE_THREAD),
        var(0x500, DIFV_KIND_SCALAR, DIFV_SCOPE_LOCAL),
        var(0x501, DIFV_KIND_ARRAY, DIFV_SCOPE_GLOBAL),
        var(0x501, DIFV_KIND_ARRAY, DIFV_SCOPE_THREAD),
    ];
    Parts { text, ints: vec![1, 2], strings: b"\0ab\0".to_vec(), vars, rtype: INT }
}

fn verify_with(text: &[Instr], limits: &Limits) -> Result<Difo, VerifyError> {
    Difo::verify(parts(text.to_vec()), limits)
}

fn verify(text: &[Instr]) -> Result<Difo, VerifyError> {
    verify_with(text, &Limits::new(true))
}

/// The flaw of one instruction that is followed by `ret`.
fn flaw(instr: Instr) -> Option<Flaw> {
    verify(&[instr, ret(0)]).err().map(|error| {
        assert_eq!(error.at, 0);
        error.flaw
    })
}

fn uses(instr: Instr) -> Uses {
    verify(&[instr, ret(0)]).unwrap().uses()
}

const ARITHMETIC: [u8; 13] = [
    OP_OR, OP_XOR, OP_AND, OP_SLL, OP_SRL, OP_SUB, OP_ADD, OP_MUL, OP_SDIV, OP_UDIV, OP_SREM, OP_UREM, OP_SRA,
];
const LOADS: [u8; 7] = [OP_LDSB, OP_LDSH, OP_LDSW, OP_LDUB, OP_LDUH, OP_LDUW, OP_LDX];
const BRANCHES: [u8; 11] =
    [OP_BA, OP_BE, OP_BNE, OP_BG, OP_BGU, OP_BGE, OP_BGEU, OP_BL, OP_BLU, OP_BLE, OP_BLEU];

#[test]
fn an_unknown_opcode_is_refused() {
    for op in (80..=255).chain([0]) {
        assert_eq!(flaw(Instr::new(op, 0, 0, 0)), Some(Flaw::Opcode(op)));
    }
}

#[test]
fn translators_are_the_compilers() {
    assert_eq!(flaw(Instr::new(OP_XLATE, 0, 0, 1)), Some(Flaw::Translator));
    assert_eq!(flaw(Instr::new(OP_XLARG, 0, 0, 1)), Some(Flaw::Translator));
}

#[test]
fn arithmetic_takes_two_registers_and_writes_a_third() {
    for op in ARITHMETIC.into_iter().chain([OP_COPYS]) {
        assert_eq!(flaw(Instr::new(op, 0, 7, 7)), None, "opcode {op}");
        assert_eq!(flaw(Instr::new(op, 8, 0, 1)), Some(Flaw::Register(8)));
        assert_eq!(flaw(Instr::new(op, 0, 255, 1)), Some(Flaw::Register(255)));
        assert_eq!(flaw(Instr::new(op, 0, 0, 8)), Some(Flaw::Register(8)));
        assert_eq!(flaw(Instr::new(op, 1, 2, 0)), Some(Flaw::WritesZero));
    }
}

#[test]
fn instructions_of_one_source_leave_the_second_zero() {
    let loads = LOADS.into_iter();
    let all = loads.clone().chain(loads.clone().map(|op| op - OP_LDSB + OP_ULDSB));
    let all = all.chain(loads.map(|op| op - OP_LDSB + OP_RLDSB));
    for op in all.chain([OP_NOT, OP_MOV, OP_ALLOCS, OP_STB, OP_STH, OP_STW, OP_STX]) {
        assert_eq!(flaw(Instr::new(op, 7, 0, 1)), None, "opcode {op}");
        assert_eq!(flaw(Instr::new(op, 8, 0, 1)), Some(Flaw::Register(8)));
        assert_eq!(flaw(Instr::new(op, 1, 1, 1)), Some(Flaw::Reserved));
        assert_eq!(flaw(Instr::new(op, 1, 0, 9)), Some(Flaw::Register(9)));
        assert_eq!(flaw(Instr::new(op, 1, 0, 0)), Some(Flaw::WritesZero));
    }
}

#[test]
fn comparisons_write_nothing() {
    for op in [OP_CMP, OP_SCMP] {
        assert_eq!(flaw(Instr::new(op, 1, 2, 0)), None);
        assert_eq!(flaw(Instr::new(op, 8, 2, 0)), Some(Flaw::Register(8)));
        assert_eq!(flaw(Instr::new(op, 1, 8, 0)), Some(Flaw::Register(8)));
        assert_eq!(flaw(Instr::new(op, 1, 2, 1)), Some(Flaw::Reserved));
    }
    assert_eq!(flaw(Instr::new(OP_TST, 1, 0, 0)), None);
    assert_eq!(flaw(Instr::new(OP_TST, 8, 0, 0)), Some(Flaw::Register(8)));
    assert_eq!(flaw(Instr::new(OP_TST, 1, 1, 0)), Some(Flaw::Reserved));
    assert_eq!(flaw(Instr::new(OP_TST, 1, 0, 1)), Some(Flaw::Reserved));
}

#[test]
fn branches_go_forward_and_stay_inside() {
    for op in BRANCHES {
        let nop = Instr::new(OP_NOP, 0, 0, 0);
        let at_one = |label| verify(&[nop, Instr::branch(op, label), ret(0)]).err().map(|error| error.flaw);
        assert_eq!(at_one(2), None);
        for label in [0, 1, 3, 0xff_ffff] {
            assert_eq!(at_one(label), Some(Flaw::Branch(label)));
        }
    }
}

#[test]
fn code_ends_in_ret() {
    assert_eq!(verify(&[]).unwrap_err().flaw, Flaw::Empty);
    let nop = Instr::new(OP_NOP, 0, 0, 0);
    assert_eq!(verify(&[ret(0), nop]).unwrap_err(), VerifyError { at: 1, flaw: Flaw::NoReturn });
    assert_eq!(flaw(Instr::new(OP_RET, 0, 0, 7)), None, "there may be others before");
    assert_eq!(flaw(Instr::new(OP_RET, 0, 0, 8)), Some(Flaw::Register(8)));
    assert_eq!(flaw(Instr::new(OP_RET, 1, 0, 0)), Some(Flaw::Reserved));
    assert_eq!(flaw(Instr::new(OP_RET, 0, 1, 0)), Some(Flaw::Reserved));
}

#[test]
fn instructions_without_operands_are_bare() {
    for op in [OP_NOP, OP_POPTS, OP_FLUSHTS] {
        assert_eq!(flaw(Instr::new(op, 0, 0, 0)), None);
        for instr in [Instr::new(op, 1, 0, 0), Instr::new(op, 0, 1, 0), Instr::new(op, 0, 0, 1)] {
            assert_eq!(flaw(instr), Some(Flaw::Reserved));
        }
    }
}

#[test]
fn integers_and_strings_are_in_their_tables() {
    assert_eq!(flaw(Instr::indexed(OP_SETX, 1, 1)), None);
    assert_eq!(flaw(Instr::indexed(OP_SETX, 2, 1)), Some(Flaw::Integer(2)));
    assert_eq!(flaw(Instr::indexed(OP_SETX, 0xffff, 1)), Some(Flaw::Integer(0xffff)));
    assert_eq!(flaw(Instr::indexed(OP_SETX, 0, 0)), Some(Flaw::WritesZero));
    assert_eq!(flaw(Instr::indexed(OP_SETX, 0, 8)), Some(Flaw::Register(8)));
    assert_eq!(flaw(Instr::indexed(OP_SETS, 3, 1)), None);
    assert_eq!(flaw(Instr::indexed(OP_SETS, 4, 1)), Some(Flaw::String(4)));
    assert_eq!(flaw(Instr::indexed(OP_SETS, 0, 0)), Some(Flaw::WritesZero));
}

#[test]
fn tuples_are_of_one_of_two_types() {
    for op in [OP_PUSHTR, OP_PUSHTV] {
        assert_eq!(flaw(Instr::new(op, TYPE_CTF, 0, 0)), None);
        assert_eq!(flaw(Instr::new(op, TYPE_STRING, 7, 7)), None);
        assert_eq!(flaw(Instr::new(op, 2, 1, 1)), Some(Flaw::TupleType(2)));
        assert_eq!(flaw(Instr::new(op, 0, 8, 1)), Some(Flaw::Register(8)));
        assert_eq!(flaw(Instr::new(op, 0, 1, 8)), Some(Flaw::Register(8)));
    }
}

#[test]
fn subroutines_are_known() {
    for subr in 0..=SUBR_STRTOLL {
        assert_eq!(flaw(Instr::indexed(OP_CALL, subr as u16, 1)), None, "subroutine {subr}");
        let destructive = verify(&[Instr::indexed(OP_CALL, subr as u16, 1), ret(0)]).unwrap().destructive();
        assert_eq!(destructive, matches!(subr, SUBR_COPYOUT | SUBR_COPYOUTSTR));
    }
    for subr in [SUBR_STRTOLL + 1, 0xffff] {
        assert_eq!(flaw(Instr::indexed(OP_CALL, subr as u16, 1)), Some(Flaw::Subroutine(subr)));
    }
    assert_eq!(flaw(Instr::indexed(OP_CALL, 0, 0)), Some(Flaw::WritesZero));
    assert_eq!(flaw(Instr::indexed(OP_CALL, 0, 8)), Some(Flaw::Register(8)));
}

#[test]
fn built_in_arrays_are_the_four() {
    for id in 0..=255 {
        let expected = if id < 4 { None } else { Some(Flaw::Variable(id.into())) };
        assert_eq!(flaw(Instr::new(OP_LDGA, id, 1, 1)), expected, "array {id}");
        assert_eq!(flaw(Instr::new(OP_LDTA, id, 1, 1)), Some(Flaw::Variable(id.into())));
    }
    assert_eq!(flaw(Instr::new(OP_LDGA, 0, 8, 1)), Some(Flaw::Register(8)));
    assert_eq!(flaw(Instr::new(OP_LDGA, 0, 1, 0)), Some(Flaw::WritesZero));
}

#[test]
fn built_in_scalars_can_be_read_and_nothing_else() {
    for id in (0..VAR_OTHER_UBASE).step_by(if cfg!(miri) { 13 } else { 1 }) {
        let known = (0x100..=0x121).contains(&id) || id == VAR_CPU || id == VAR_EXECARGS;
        let expected = if known { None } else { Some(Flaw::Variable(id)) };
        assert_eq!(flaw(Instr::indexed(OP_LDGS, id as u16, 1)), expected, "variable {id:#x}");
        for op in [OP_STGS, OP_LDTS, OP_STTS, OP_LDLS, OP_STLS, OP_LDGAA, OP_STGAA, OP_LDTAA, OP_STTAA] {
            assert_eq!(flaw(Instr::indexed(op, id as u16, 1)), Some(Flaw::Variable(id)), "opcode {op}");
        }
    }
    assert_eq!(flaw(Instr::indexed(OP_LDGS, 0x100, 0)), Some(Flaw::WritesZero));
}

#[test]
fn user_variables_are_declared_with_their_scope_and_kind() {
    let scalars = [OP_LDGS, OP_STGS, OP_LDTS, OP_STTS, OP_LDLS, OP_STLS];
    let arrays = [OP_LDGAA, OP_STGAA, OP_LDTAA, OP_STTAA];
    for op in scalars {
        assert_eq!(flaw(Instr::indexed(op, 0x500, 1)), None, "opcode {op}");
        assert_eq!(flaw(Instr::indexed(op, 0x501, 1)), Some(Flaw::Undeclared(0x501)), "opcode {op}");
    }
    for op in arrays {
        assert_eq!(flaw(Instr::indexed(op, 0x501, 1)), None, "opcode {op}");
        assert_eq!(flaw(Instr::indexed(op, 0x500, 1)), Some(Flaw::Undeclared(0x500)), "opcode {op}");
    }
    for op in scalars.into_iter().chain(arrays) {
        assert_eq!(flaw(Instr::indexed(op, 0xffff, 1)), Some(Flaw::Undeclared(0xffff)));
        assert_eq!(flaw(Instr::indexed(op, 0x500, 8)), Some(Flaw::Register(8)));
    }
    for op in [OP_LDGS, OP_LDTS, OP_LDLS] {
        assert_eq!(flaw(Instr::indexed(op, 0x500, 0)), Some(Flaw::WritesZero));
    }
    for op in [OP_STGS, OP_STTS, OP_STLS] {
        assert_eq!(flaw(Instr::indexed(op, 0x500, 0)), None, "storing %r0 stores zero");
    }
}

/// The flaw of a table of one variable.
fn variable(var: DifVar) -> Option<Flaw> {
    let parts = Parts { vars: vec![var], ..parts(vec![ret(0)]) };
    Difo::verify(parts, &Limits::new(true)).err().map(|error| error.flaw)
}

#[test]
fn the_variable_table_describes_possible_variables() {
    let scalar = var(0x500, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL);
    let of = |ty| DifVar { ty, ..scalar };
    let bad = Some(Flaw::BadVariable(0x500));
    assert_eq!(variable(scalar), None);
    assert_eq!(variable(DifVar { kind: 2, ..scalar }), bad);
    assert_eq!(variable(DifVar { scope: 3, ..scalar }), bad);
    assert_eq!(variable(DifVar { flags: 4, ..scalar }), bad);
    assert_eq!(variable(DifVar { name: 3, ..scalar }), None);
    assert_eq!(variable(DifVar { name: 4, ..scalar }), bad);
    for size in 0..=16 {
        let expected = if matches!(size, 0 | 1 | 2 | 4 | 8) { None } else { bad };
        assert_eq!(variable(of(DifType { size, ..INT })), expected, "{size} bytes by value");
    }
    let by_reference = |size| of(DifType { flags: TF_BYREF, size, ..INT });
    assert_eq!(variable(by_reference(0)), bad);
    assert_eq!(variable(by_reference(1)), None);
    assert_eq!(variable(by_reference(16 << 10)), None);
    assert_eq!(variable(by_reference((16 << 10) + 1)), bad);
    assert_eq!(variable(of(STRING)), None);
    assert_eq!(variable(of(DifType { flags: 0, size: 8, ..STRING })), bad);
    assert_eq!(variable(of(DifType { flags: 2, ..INT })), bad);
    assert_eq!(variable(of(DifType { kind: 2, ..INT })), bad);
}

#[test]
fn the_variable_table_keeps_to_the_ids() {
    let at = |id, kind, scope| variable(var(id, kind, scope));
    let bad = |id| Some(Flaw::BadVariable(id));
    assert_eq!(at(VAR_UREGS, DIFV_KIND_ARRAY, DIFV_SCOPE_GLOBAL), None);
    assert_eq!(at(VAR_UREGS, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL), bad(2));
    assert_eq!(at(VAR_UREGS, DIFV_KIND_ARRAY, DIFV_SCOPE_THREAD), bad(2));
    assert_eq!(at(4, DIFV_KIND_ARRAY, DIFV_SCOPE_GLOBAL), bad(4));
    assert_eq!(at(VAR_PID, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL), None);
    assert_eq!(at(VAR_PID, DIFV_KIND_ARRAY, DIFV_SCOPE_GLOBAL), bad(VAR_PID));
    assert_eq!(at(VAR_PID, DIFV_KIND_SCALAR, DIFV_SCOPE_LOCAL), bad(VAR_PID));
    assert_eq!(at(0x122, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL), bad(0x122));
    assert_eq!(at(0x4ff, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL), bad(0x4ff));
    assert_eq!(at(0xffff, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL), None);
    assert_eq!(at(0x1_0000, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL), bad(0x1_0000));
    assert_eq!(at(0x500, DIFV_KIND_ARRAY, DIFV_SCOPE_LOCAL), bad(0x500));
}

#[test]
fn a_variable_is_described_once() {
    let scalar = var(0x600, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL);
    let verify = |vars: Vec<DifVar>| {
        Difo::verify(Parts { vars, ..parts(vec![ret(0)]) }, &Limits::new(true)).map_err(|error| error.flaw)
    };
    let written = DifVar { flags: DIFV_F_MOD, ..scalar };
    let difo = verify(vec![scalar, var(0x501, 1, 1), written]).unwrap();
    assert_eq!(difo.vars().len(), 2);
    assert_eq!(difo.var(Scope::Global, 0x600).unwrap().flags, DIFV_F_REF | DIFV_F_MOD);
    assert_eq!(difo.var(Scope::Thread, 0x600), None);
    let conflict = Some(Flaw::Conflict(0x600));
    assert_eq!(verify(vec![scalar, DifVar { kind: DIFV_KIND_ARRAY, ..scalar }]).err(), conflict);
    assert_eq!(verify(vec![scalar, DifVar { ty: STRING, ..scalar }]).err(), conflict);
    assert_eq!(verify(vec![scalar, DifVar { ty: DifType { size: 4, ..INT }, ..scalar }]).err(), conflict);
}

#[test]
fn tables_and_result_are_checked() {
    let verify = |parts| Difo::verify(parts, &Limits::new(true)).map_err(|error| error.flaw).err();
    let ok = || parts(vec![ret(0)]);
    assert_eq!(verify(Parts { strings: b"\0ab".to_vec(), vars: vec![], ..ok() }), Some(Flaw::Strings));
    assert_eq!(verify(Parts { ints: vec![0; 32 << 10], ..ok() }), Some(Flaw::TooBig));
    let result = |rtype| verify(Parts { rtype, ..ok() });
    assert_eq!(result(DifType { size: 0, ..INT }), None);
    assert_eq!(result(DifType { size: 3, ..INT }), Some(Flaw::ResultType));
    assert_eq!(result(DifType { size: 16, ..INT }), Some(Flaw::ResultType));
    assert_eq!(result(DifType { size: 16, flags: TF_BYREF, ..INT }), None);
    assert_eq!(result(DifType { flags: 0, size: 8, ..STRING }), Some(Flaw::ResultType));
    assert_eq!(result(DifType { size: u32::MAX, ..STRING }), Some(Flaw::ResultType));
    assert_eq!(result(DifType { kind: 2, ..INT }), Some(Flaw::ResultType));
}

#[test]
fn without_kernel_access_loads_become_checked_loads() {
    for op in LOADS {
        let text =
            [Instr::new(op, 1, 0, 2), Instr::new(OP_ULDX, 1, 0, 2), Instr::new(OP_STX, 1, 0, 2), ret(0)];
        assert_eq!(verify(&text).unwrap().text(), text);
        let checked = verify_with(&text, &Limits::new(false)).unwrap();
        assert_eq!(checked.text()[0], Instr::new(op - OP_LDSB + OP_RLDSB, 1, 0, 2));
        assert_eq!(checked.text()[1..], text[1..]);
        assert_eq!(verify_with(checked.text(), &Limits::new(false)).unwrap().text(), checked.text());
    }
}

#[test]
fn a_helper_touches_its_process_and_itself_only() {
    let helper = |instr| verify_with(&[instr, ret(0)], &Limits::for_helper()).err().map(|error| error.flaw);
    let no = Some(Flaw::NotForHelpers);
    for subr in [SUBR_COPYIN, SUBR_COPYINSTR, SUBR_STRJOIN, SUBR_LLTOSTR, SUBR_ALLOCA, SUBR_BCOPY] {
        assert_eq!(helper(Instr::indexed(OP_CALL, subr as u16, 1)), None);
    }
    for subr in [SUBR_COPYOUT, SUBR_COPYOUTSTR, SUBR_SPECULATION, SUBR_MUTEX_OWNED, SUBR_D_PATH, SUBR_MSGSIZE]
    {
        assert_eq!(helper(Instr::indexed(OP_CALL, subr as u16, 1)), no);
    }
    for id in [VAR_PID, VAR_TID, VAR_EXECNAME, VAR_ARG0, VAR_UID] {
        assert_eq!(helper(Instr::indexed(OP_LDGS, id as u16, 1)), None);
    }
    for id in [VAR_EPID, VAR_PROBEFUNC, VAR_TIMESTAMP, VAR_CALLER, VAR_ERRNO] {
        assert_eq!(helper(Instr::indexed(OP_LDGS, id as u16, 1)), no);
    }
    assert_eq!(helper(Instr::indexed(OP_LDGS, 0x500, 1)), None);
    assert_eq!(helper(Instr::indexed(OP_STLS, 0x500, 1)), None);
    assert_eq!(helper(Instr::indexed(OP_LDTS, 0x500, 1)), no);
    assert_eq!(helper(Instr::indexed(OP_STGAA, 0x501, 1)), no);
    assert_eq!(helper(Instr::new(OP_LDGA, VAR_UREGS as u8, 1, 1)), None);
    assert_eq!(helper(Instr::new(OP_LDGA, VAR_VMREGS as u8, 1, 1)), no);
    assert_eq!(helper(Instr::new(OP_LDGA, VAR_ARGS as u8, 1, 1)), no);
    let checked = verify_with(&[Instr::new(OP_LDX, 1, 0, 1), ret(1)], &Limits::for_helper()).unwrap();
    assert_eq!(checked.text()[0].op(), OP_RLDX);
}

#[test]
fn what_code_wants_is_found_out() {
    assert_eq!(uses(Instr::new(OP_ADD, 1, 2, 3)), Uses::NONE);
    assert_eq!(uses(Instr::new(OP_LDX, 1, 0, 1)), Uses::MEMORY);
    assert_eq!(uses(Instr::new(OP_ULDX, 1, 0, 1)), Uses::USER_MEMORY);
    assert_eq!(uses(Instr::new(OP_ALLOCS, 1, 0, 1)), Uses::SCRATCH);
    assert_eq!(uses(Instr::indexed(OP_LDGS, VAR_TIMESTAMP as u16, 1)), Uses::TIMESTAMP);
    assert_eq!(uses(Instr::indexed(OP_LDGS, VAR_VTIMESTAMP as u16, 1)), Uses::VTIMESTAMP);
    assert_eq!(uses(Instr::indexed(OP_LDGS, VAR_WALLTIMESTAMP as u16, 1)), Uses::WALLTIMESTAMP);
    assert_eq!(uses(Instr::indexed(OP_LDGS, VAR_EXECNAME as u16, 1)), Uses::EXECNAME);
    assert_eq!(uses(Instr::indexed(OP_LDGS, VAR_UCALLER as u16, 1)), Uses::STACK);
    assert_eq!(uses(Instr::indexed(OP_LDGS, 0x500, 1)), Uses::GLOBALS);
    assert_eq!(uses(Instr::indexed(OP_STTS, 0x500, 1)), Uses::THREAD_LOCALS);
    assert_eq!(uses(Instr::indexed(OP_LDLS, 0x500, 1)), Uses::LOCALS);
    assert_eq!(uses(Instr::indexed(OP_LDTAA, 0x501, 1)), Uses::ASSOCIATIVE);
    assert_eq!(uses(Instr::new(OP_LDGA, VAR_UREGS as u8, 1, 1)), Uses::REGISTERS);
    assert_eq!(uses(Instr::indexed(OP_CALL, SUBR_SPECULATION as u16, 1)), Uses::SPECULATION);
    assert_eq!(uses(Instr::indexed(OP_CALL, SUBR_COPYINSTR as u16, 1)), Uses::USER_MEMORY | Uses::SCRATCH);
}

#[test]
fn a_predicate_on_the_thread_alone_is_invariant() {
    let pid = Instr::indexed(OP_LDGS, VAR_PID as u16, 1);
    let number = Instr::indexed(OP_SETX, 0, 2);
    let compare = [pid, number, Instr::new(OP_CMP, 1, 2, 0), Instr::branch(OP_BE, 5), ret(0), number, ret(2)];
    assert!(verify(&compare).unwrap().invariant());
    for id in [VAR_TIMESTAMP, VAR_ARG0, VAR_PROBEFUNC, VAR_UID, VAR_ERRNO, 0x500] {
        let difo = verify(&[pid, Instr::indexed(OP_LDGS, id as u16, 1), ret(1)]).unwrap();
        assert_eq!(difo.invariance(), Invariance::None, "{id:#x}");
    }
    for instr in [
        Instr::new(OP_LDX, 1, 0, 1),
        Instr::new(OP_RLDX, 1, 0, 1),
        Instr::new(OP_ULDX, 1, 0, 1),
        Instr::indexed(OP_CALL, SUBR_RAND as u16, 1),
        Instr::indexed(OP_LDTS, 0x500, 1),
        Instr::indexed(OP_LDLS, 0x500, 1),
        Instr::indexed(OP_STGS, 0x500, 1),
        Instr::new(OP_STX, 1, 0, 1),
        Instr::new(OP_SCMP, 1, 2, 0),
    ] {
        assert!(!verify(&[pid, instr, ret(1)]).unwrap().invariant(), "{instr:?}");
    }
}

#[test]
fn a_predicate_on_the_name_is_invariant_while_the_name_is() {
    let name = Instr::indexed(OP_LDGS, VAR_EXECNAME as u16, 1);
    let text = Instr::indexed(OP_SETS, 1, 2);
    let one = Instr::indexed(OP_SETX, 0, 3);
    let compare = Instr::new(OP_SCMP, 1, 2, 0);
    let invariance = |code: &[Instr]| verify(code).unwrap().invariance();
    let equal = [one, name, text, compare, Instr::branch(OP_BE, 6), ret(0), ret(3)];
    assert_eq!(invariance(&equal), Invariance::Name);
    assert!(!verify(&equal).unwrap().invariant(), "only as long as the name");
    // Through a move, and behind an earlier comparison.
    let pid = Instr::indexed(OP_LDGS, VAR_PID as u16, 4);
    let guarded = [
        pid,
        one,
        Instr::new(OP_CMP, 4, 3, 0),
        Instr::branch(OP_BNE, 9),
        name,
        Instr::new(OP_MOV, 1, 0, 5),
        text,
        Instr::new(OP_SCMP, 5, 2, 0),
        Instr::branch(OP_BE, 10),
        ret(0),
        ret(3),
    ];
    assert_eq!(invariance(&guarded), Invariance::Name);
    // A number where a string should be, or a way in that leaves the string out.
    let number = [name, Instr::indexed(OP_SETX, 0, 2), compare, ret(0)];
    assert_eq!(invariance(&number), Invariance::None);
    let around = [Instr::branch(OP_BA, 3), name, text, compare, ret(0)];
    assert_eq!(invariance(&around), Invariance::None);
    let overwritten = [name, text, Instr::new(OP_ADD, 1, 2, 2), compare, ret(0)];
    assert_eq!(invariance(&overwritten), Invariance::None);
}
