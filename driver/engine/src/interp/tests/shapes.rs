//! Objects that are recognised as a whole do what the loop does.

use super::*;
use crate::interp::shape::Shape;

/// Declarations that all programs here share.
const DECLARED: &str = "global n int; global s string 32; local l int; thread t int; thread u string 32; global a[] int; \
                        global b[] string 32; thread c[] int; ret r0";

/// What a program leaves behind, fired a few times for several arguments.
fn effects(program: &str, access: Access) -> Vec<Result<u64, (FaultKind, u64)>> {
    let mut world = World::new();
    world.load(&[DECLARED]);
    world.access = access;
    let read = "ldgs n r1; ldls l r2; ldts t r3; add r1 r2 r1; add r1 r3 r1; ldgs arg0 r2; flushts; pushtv r2; ldgaa a r3; \
                add r1 r3 r1; ldgs probefunc r2; flushts; pushtr string r0 r2; ldgaa a r3; add r1 r3 r1; ret r1";
    let text = "ldts u r1; ret r1";
    let codes = world.load(&[program, read, text]);
    world.start();
    // The value of a program that stores the command name is where it is, which may be anywhere.
    let address = program.contains("ldgs execname r1");
    let mut effects = Vec::new();
    for args in [[0, 5], [7, 5], [7, 0], [u64::MAX, 1], [0, 1 << 63]] {
        world.args = args.to_vec();
        world.host.clock = AtomicU64::new(1_000_000);
        let run = |code| world.fire(|machine| machine.run(code)).map_err(|fault| (fault.kind, fault.address));
        for _ in 0..2 {
            effects.push(run(&codes[0]).map(|value| if address { 0 } else { value }));
        }
        effects.push(run(&codes[1]));
        let stored = world.fire(|machine| {
            let mut record = [0; 8];
            let value = machine.run(&codes[2])?;
            machine.copy_string(&codes[2], value, &mut record).map(|_| u64::from_ne_bytes(record))
        });
        effects.push(stored.map_err(|fault| (fault.kind, fault.address)));
    }
    effects
}

/// A program is recognised, and does the same when it is not.
fn same(program: &str) {
    let mut world = World::new();
    world.load(&[DECLARED]);
    let slow = format!("nop; {program}");
    let codes = world.load(&[program, &slow]);
    assert_ne!(*codes[0].shape(), Shape::General, "{program}");
    assert_eq!(*codes[1].shape(), Shape::General, "{program}");
    for access in [Access::ALL, Access { process: false, ..Access::ALL }] {
        assert_eq!(effects(program, access), effects(&slow, access), "{program}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn values() {
    for source in [
        "setx 42",
        "ldgs arg0",
        "ldgs arg9",
        "ldgs n",
        "ldls l",
        "ldts t",
        "ldgs timestamp",
        "ldgs pid",
        "ldgs id",
    ] {
        same(&format!("{source} r1; ret r1"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn comparisons() {
    for branch in ["be", "bne", "bl", "ble", "bg", "bge", "blu", "bleu", "bgu", "bgeu"] {
        for source in ["ldgs arg0", "ldgs arg1", "ldgs pid"] {
            for constant in ["-1", "0", "7", "5"] {
                same(&format!(
                    "{source} r1; setx {constant} r2; cmp r1 r2; {branch} yes; mov r0 r1; ba end; yes: setx 1 r1; end: ret r1"
                ));
            }
        }
    }
}

#[test]
fn increments() {
    same("ldgs n r1; setx 1 r2; add r1 r2 r2; stgs n r2; ret r1");
    same("ldgs n r1; setx 3 r2; add r1 r2 r1; stgs n r1; ret r1");
    same("ldgs n r1; setx -1 r2; add r1 r2 r3; stgs n r3; ret r3");
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn stores() {
    for target in ["stgs n", "stls l", "stts t"] {
        for source in ["setx 0", "setx 9", "ldgs arg0", "ldgs timestamp", "ldgs pid", "ldts t"] {
            same(&format!("{source} r1; {target} r1; ret r1"));
        }
    }
}

#[test]
fn stores_of_strings() {
    same("ldgs execname r1; stts u r1; ret r1");
    same("setx 0 r1; stts u r1; ret r1");
    same("ldgs arg0 r1; stts u r1; ret r1");
}

#[test]
fn differences() {
    same("ldgs timestamp r1; ldts t r2; sub r1 r2 r1; ret r1");
    same("ldgs arg0 r1; ldgs arg1 r2; sub r1 r2 r3; ret r3");
}

/// Keys that are recognised: what loads their parts, and what pushes them.
const KEYS: &[(&str, &str)] = &[
    ("ldgs arg0 r3;", "setx 8 r4; pushtv r3;"),
    ("ldgs probefunc r3;", "setx 256 r4; pushtr string r4 r3;"),
    ("ldgs probefunc r3;", "setx 2 r4; pushtr string r4 r3;"),
    ("ldgs execname r3;", "setx 256 r4; pushtr string r4 r3;"),
    ("ldgs pid r3; ldgs probename r5;", "setx 4 r4; pushtv r3; setx 256 r6; pushtr string r6 r5;"),
    (
        "ldgs probeprov r3; ldgs probemod r5; ldgs arg1 r6;",
        "setx 256 r4; pushtr string r4 r3; pushtr string r4 r5; pushtv r6;",
    ),
];

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn elements() {
    for (load, push) in KEYS {
        same(&format!("{load} flushts; {push} ldgaa a r1; ret r1"));
        same(&format!("{load} flushts; {push} ldtaa c r1; ret r1"));
        same(&format!("ldgs arg1 r1; {load} flushts; {push} stgaa a r1; ret r1"));
        same(&format!("setx 0 r1; {load} flushts; {push} stgaa a r1; ret r1"));
        same(&format!("ldgs execname r1; {load} flushts; {push} stgaa b r1; ret r1"));
        same(&format!("ldgs timestamp r1; {load} flushts; {push} ldgaa a r2; sub r1 r2 r1; ret r1"));
        same(&format!("ldgs arg0 r1; setx 1 r2; add r1 r2 r1; {load} flushts; {push} stgaa a r1; ret r1"));
        same(&format!("setx -9 r2; ldgs n r1; add r2 r1 r7; {load} flushts; {push} stgaa a r7; ret r7"));
        same(&format!(
            "ldgs arg0 r1; setx 3 r2; add r1 r2 r1; {load} flushts; {push} ldgaa a r2; sub r1 r2 r1; ret r1"
        ));
        same(&format!("{load} flushts; {push} ldgaa a r1; setx 1 r2; add r1 r2 r2; stgaa a r2; ret r1"));
        same(&format!("{load} flushts; {push} ldgaa a r1; setx 2 r2; add r1 r2 r1; stgaa a r1; ret r1"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn an_element_is_the_same_one_for_both() {
    for (load, push) in KEYS {
        let mut world = World::new();
        world.load(&[DECLARED]);
        let get = format!("{load} flushts; {push} ldgaa a r1; ret r1");
        let set = format!("setx 77 r1; {load} flushts; {push} stgaa a r1; ret r1");
        world.value(&set);
        assert_eq!(world.value(&format!("nop; {get}")), 77);
        world.value(&format!("nop; setx 78 r1; {load} flushts; {push} stgaa a r1; ret r1"));
        assert_eq!(world.value(&get), 78);
    }
}

#[test]
fn what_only_looks_like_a_small_object_is_none() {
    let general = |program: &str| {
        let mut world = World::new();
        world.load(&[DECLARED]);
        assert_eq!(*world.load(&[program])[0].shape(), Shape::General, "{program}");
    };
    general("ldgs arg0 r1; ret r2");
    general("ldgs arg0 r1; stgs n r2; ret r1");
    general("ldgs n r1; setx 1 r2; add r1 r2 r2; stgs n r1; ret r1");
    general("ldgs n r1; setx 1 r1; add r1 r1 r2; stgs n r2; ret r2");
    general("ldgs arg0 r1; setx 1 r1; cmp r1 r1; be yes; mov r0 r1; ba end; yes: setx 1 r1; end: ret r1");
    general("ldgs arg0 r1; setx 7 r2; cmp r1 r2; be yes; mov r0 r1; ba end; yes: setx 2 r1; end: ret r1");
    general("ldgs arg0 r1; setx 7 r2; cmp r1 r2; be yes; mov r0 r1; ba end; yes: setx 1 r3; end: ret r1");
    general("ldgs arg0 r1; flushts; pushtv r2; ldgaa a r1; ret r1");
    general("ldgs arg0 r1; pushtv r1; ldgaa a r1; ret r1");
    general("ldgs arg0 r1; ldgs arg1 r2; add r1 r2 r1; flushts; pushtv r2; stgaa a r1; ret r1");
    general("ldgs arg0 r1; setx 1 r2; add r1 r2 r2; flushts; pushtv r2; stgaa a r1; ret r1");
    general("ldgs arg0 r1; flushts; pushtv r1; ldgaa a r1; ret r2");
    general("ldgs arg0 r1; flushts; pushtv r1; flushts; ldgaa a r1; ret r1");
    general("ldgs arg0 r1; ldgs pid r2; flushts; pushtv r1; ldgaa a r2; sub r2 r2 r1; ret r1");
}

#[test]
fn a_fault_in_a_recognised_object_is_of_the_instruction_that_faults() {
    let mut world = World::new();
    world.access.process = false;
    world.load(&[DECLARED]);
    let fault = world
        .fault("setx 1 r1; ldgs arg0 r2; ldgs pid r3; flushts; pushtv r2; pushtv r3; stgaa a r1; ret r1");
    assert_eq!((fault.kind, fault.offset), (FaultKind::UserPrivilege, Some(8)));
    world.access.process = true;
    let store = world.fault("ldgs arg0 r1; stts u r1; ret r1");
    assert_eq!((store.kind, store.offset), (FaultKind::BadAddress, Some(4)));
}
