//! Faults, drops and nesting: what a clause that goes wrong leaves behind (contract 2.5, 3).

use dtrace_abi::{action, dif, fault, option};
use dtrace_engine::mock::{KERNEL_BASE, Rig, USER_BASE};

use crate::decode;
use crate::decode::status;
use crate::program::{E, Program, S, value_at, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];
const ERROR: [&str; 4] = ["dtrace", "", "", "ERROR"];

/// `ERROR { trace(arg1) .. trace(arg5) }`, as the library enables it.
fn tell_all(program: Program) -> Program {
    let args: Vec<S> = (1..=5).map(|n| S::Trace(E::Var(dif::VAR_ARG0 + n))).collect();
    program.clause(ERROR, None, &args)
}

#[test]
fn a_fault_takes_its_record_back_and_fires_error() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let clause = [S::Trace(E::Int(1)), S::Trace(E::Load(0xbad)), S::Trace(E::Int(2))];
    let image = tell_all(Program::new().buffered().clause(PROBE, None, &clause)).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    let snapshot = consumer.buffer(0).unwrap();
    let data = &snapshot.data;
    assert_eq!(words(data)[0], 2, "the only record is ERROR's");
    let told: Vec<u64> = (1..=5).map(|n| value_at(data, n * 8)).collect();
    assert_eq!(told, [1, 2, 4, u64::from(fault::BADADDR), 0xbad], "EPID, action, offset, fault, address");
    assert_eq!((snapshot.desc.errors, snapshot.desc.drops), (1, 0));
    assert_eq!((status(&consumer).errors, status(&consumer).dblerrors), (1, 0));
}

#[test]
fn a_fault_in_a_predicate_is_in_action_zero() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = tell_all(Program::new().buffered().clause(PROBE, Some(E::Load(0x10)), &[])).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(value_at(&consumer.buffer(0).unwrap().data, 16), 0);
}

#[test]
fn a_fault_while_storing_has_no_offset() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image =
        tell_all(Program::new().buffered().clause(PROBE, None, &[S::Trace(E::Bytes(0x10, 8))])).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!((value_at(&data, 16), value_at(&data, 24), value_at(&data, 40)), (1, u64::MAX, 0x10));
}

#[test]
fn a_fault_ends_its_clause_and_not_the_next_one() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &[S::Trace(E::Load(0))])
        .clause(PROBE, None, &[S::Trace(E::Int32(9))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [2, 9]);
}

#[test]
fn error_fires_before_the_next_clause() {
    for probe in [PROBE, ["dtrace", "", "", "BEGIN"]] {
        let rig = Rig::new(1, &[["m", "f", "n"]]);
        let consumer = rig.open();
        let image = Program::new()
            .buffered()
            .clause(probe, None, &[S::Trace(E::Load(0))])
            .clause(probe, None, &[S::Trace(E::Int32(9))])
            .clause(ERROR, None, &[S::Trace(E::Int32(8))])
            .image();
        consumer.enable(&image).unwrap();
        consumer.go().unwrap();
        rig.probe(0).fire(&[]);
        assert_eq!(words(&consumer.buffer(0).unwrap().data), [3, 8, 2, 9]);
    }
}

#[test]
fn a_fault_in_error_is_a_double_error_and_no_more() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &[S::Trace(E::Load(0))])
        .clause(ERROR, None, &[S::Trace(E::Load(0))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    (0..3).for_each(|_| rig.probe(0).fire(&[]));
    assert_eq!((status(&consumer).errors, status(&consumer).dblerrors), (3, 3));
    assert_eq!(consumer.buffer(0).unwrap().desc.size, 0);
}

#[test]
fn a_fault_in_begin_is_told_too() {
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    let image = tell_all(Program::new().buffered().clause(
        ["dtrace", "", "", "BEGIN"],
        None,
        &[S::Trace(E::Load(0))],
    ));
    consumer.enable(&image.image()).unwrap();
    consumer.go().unwrap();
    assert_eq!(words(&consumer.buffer(0).unwrap().data)[0], 2);
}

#[test]
fn the_error_of_one_consumer_is_not_anothers() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let (one, other) = (rig.open(), rig.open());
    one.enable(&tell_all(Program::new().buffered().clause(PROBE, None, &[S::Trace(E::Load(0))])).image())
        .unwrap();
    other.enable(&tell_all(Program::new().buffered()).image()).unwrap();
    one.go().unwrap();
    other.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(other.buffer(0).unwrap().desc.size, 0);
    assert_ne!(one.buffer(0).unwrap().desc.size, 0);
}

#[test]
fn kernel_memory_is_for_who_may_read_it() {
    use dtrace_engine::{Cred, Privileges};
    let rig = Rig::new(1, &[]);
    let cred = Cred { uid: 0, gid: 0, privileges: Privileges::USER };
    let consumer = rig.open_as(cred).unwrap();
    let clause = [S::Trace(E::Load(KERNEL_BASE))];
    let image =
        tell_all(Program::new().buffered().clause(["dtrace", "", "", "BEGIN"], None, &clause)).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    assert_eq!(value_at(&consumer.buffer(0).unwrap().data, 32), u64::from(fault::KPRIV));
}

/// Where nothing is mapped: NULL, the first page, the middle of nowhere, addresses that are not canonical, the last byte.
const NOWHERE: [u64; 6] = [0, 8, 0x1234_5678, 0xdead_0000_0000_0000, 0x8000_0000_0000_0000, u64::MAX];

/// Runs expressions as clauses of one probe, each followed by one that records 7. What ERROR is told of the first: fault and
/// address.
fn told_of(expressions: &[E]) -> Vec<(u64, u64)> {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let mut program = Program::new().buffered();
    for &expression in expressions {
        program = program
            .clause(PROBE, None, &[S::Act(action::LIBACT, 0, Some(expression)), S::Trace(E::Int(1))])
            .clause(PROBE, None, &[S::Trace(E::Int32(7))]);
    }
    let errors = program.option(option::DESTRUCTIVE, 1).clause(
        ERROR,
        None,
        &[S::Trace(E::Var(dif::VAR_ARG0 + 4)), S::Trace(E::Var(dif::VAR_ARG0 + 5))],
    );
    consumer.enable(&errors.image()).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    let found = decode::records(&consumer, 0);
    let others = found.iter().filter(|(name, values)| name == "n" && values[..] == [decode::int(7)]).count();
    assert_eq!(others, expressions.len(), "the clauses between them go on");
    assert_eq!(status(&consumer).errors, expressions.len() as u64);
    let value = |datum: &decode::Datum| match datum {
        decode::Datum::Int(value) => value.cast_unsigned(),
        other => panic!("{other:?}"),
    };
    let errors = found.iter().filter(|(name, _)| name == "ERROR");
    errors.map(|(_, values)| (value(&values[0]), value(&values[1]))).collect()
}

#[test]
fn a_load_from_nowhere_is_told_with_its_address() {
    let bad = |address| (u64::from(fault::BADADDR), address);
    assert_eq!(told_of(&NOWHERE.map(E::Load)), NOWHERE.map(bad));
    assert_eq!(told_of(&NOWHERE.map(E::LoadUser)), NOWHERE.map(bad));
}

#[test]
fn neither_side_reads_the_others_memory() {
    let bad = |address| (u64::from(fault::BADADDR), address);
    // Both are mapped, each on its own side.
    assert_eq!(told_of(&[E::Load(USER_BASE), E::LoadUser(KERNEL_BASE)]), [bad(USER_BASE), bad(KERNEL_BASE)]);
}

#[test]
fn every_subroutine_that_looks_at_memory_tells_the_address() {
    const HOLE: u64 = 0xdead_0000;
    let bad = |address| (u64::from(fault::BADADDR), address);
    let call = |subroutine: u32, arguments: &'static [u64]| E::Call(subroutine as u16, arguments);
    let cases = [
        (call(dif::SUBR_COPYIN, &[HOLE, 8]), bad(HOLE)),
        (call(dif::SUBR_COPYIN, &[KERNEL_BASE, 8]), bad(KERNEL_BASE)),
        (call(dif::SUBR_COPYINSTR, &[0]), bad(0)),
        (call(dif::SUBR_COPYINSTR, &[KERNEL_BASE]), bad(KERNEL_BASE)),
        (call(dif::SUBR_STRLEN, &[HOLE + 9]), bad(HOLE + 9)),
        (call(dif::SUBR_BASENAME, &[USER_BASE]), bad(USER_BASE)),
        (call(dif::SUBR_COPYOUTSTR, &[HOLE, USER_BASE, 8]), bad(HOLE)),
        (call(dif::SUBR_COPYOUT, &[KERNEL_BASE, HOLE, 8]), bad(HOLE)),
        (call(dif::SUBR_COPYOUT, &[KERNEL_BASE, KERNEL_BASE, 8]), bad(KERNEL_BASE)),
        (call(dif::SUBR_ALLOCA, &[1 << 40]), (u64::from(fault::NOSCRATCH), 0)),
        (call(dif::SUBR_COPYIN, &[USER_BASE, 1 << 40]), (u64::from(fault::NOSCRATCH), 0)),
        (E::DivideByZero, (u64::from(fault::DIVZERO), 0)),
    ];
    let (expressions, wanted): (Vec<E>, Vec<(u64, u64)>) = cases.into_iter().unzip();
    assert_eq!(told_of(&expressions), wanted);
}

#[test]
fn nobody_writes_to_the_kernel_or_through_a_wild_pointer() {
    let bad = |address| (u64::from(fault::BADADDR), address);
    let call = |arguments| E::Call(dif::SUBR_BCOPY as u16, arguments);
    assert_eq!(
        told_of(&[
            call(&[KERNEL_BASE, KERNEL_BASE, 8]),
            call(&[KERNEL_BASE, 0x1000, 8]),
            call(&[0x1000, USER_BASE, 8])
        ]),
        [bad(KERNEL_BASE), bad(0x1000), bad(USER_BASE)]
    );
}
