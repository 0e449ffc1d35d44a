//! Faults, drops and nesting: what a clause that goes wrong leaves behind (contract 2.5, 3).

use dtrace_abi::{Plain, Status, dif, fault, ioctl};
use dtrace_engine::mock::{Handle, KERNEL_BASE, Rig};

use crate::program::{E, Program, S, value_at, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];
const ERROR: [&str; 4] = ["dtrace", "", "", "ERROR"];

fn status(consumer: &Handle<'_>) -> Status {
    let mut status = Status::zeroed();
    consumer.ioctl(ioctl::STATUS, &mut status).unwrap();
    status
}

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
