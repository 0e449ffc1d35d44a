//! Globals, clause-locals, thread-locals, associative arrays.

use super::*;
use crate::variable::VariableError;

#[test]
fn a_global_keeps_its_value_over_firings() {
    let mut world = World::new();
    let increment = "global n int; ldgs n r1; setx 1 r2; add r1 r2 r2; stgs n r2; ret r1";
    assert_eq!([world.value(increment), world.value(increment), world.value(increment)], [0, 1, 2]);
}

#[test]
fn a_global_string_is_copied() {
    let mut world = World::new();
    assert_eq!(world.text("global s string 256; ldgs s r1; ret r1"), "", "at first it is empty");
    world.value("ldgs execname r1; stgs s r1; ret r1");
    world.host.execname = b"other";
    assert_eq!(world.text("ldgs s r1; ret r1"), "cat");
    world.value("sets \"x\" r1; stgs s r1; ret r1");
    assert_eq!(world.text("ldgs s r1; ret r1"), "x");
}

#[test]
fn a_string_is_cut_at_the_size_of_its_variable() {
    let mut world = World::new();
    world.strsize = 4;
    world.value("global s string 4; sets \"abcdefgh\" r1; stgs s r1; ret r1");
    assert_eq!(world.text("ldgs s r1; ret r1"), "abc");
}

#[test]
fn a_string_to_which_zero_is_stored_is_null() {
    let mut world = World::new();
    world.value("global s string 16; sets \"a\" r1; stgs s r1; stgs s r0; ret r0");
    assert_eq!(world.value("ldgs s r1; ret r1"), 0);
    world.value("sets \"b\" r1; stgs s r1; ret r0");
    assert_eq!(world.text("ldgs s r1; ret r1"), "b");
}

#[test]
fn a_failed_store_of_a_string_leaves_a_null_string_null() {
    let mut world = World::new();
    world.value("global s string 16; stgs s r0; ret r0");
    assert_eq!(world.fault("setx 8 r1; stgs s r1; ret r0").kind, FaultKind::BadAddress);
    assert_eq!(world.value("ldgs s r1; ret r1"), 0);
}

#[test]
fn a_structure_is_written_in_place() {
    let mut world = World::new();
    world.value("global p struct 14; setx 3 r1; ldgs p r2; stw r1 r2; ret r0");
    world.value("setx -1 r1; ldgs p r2; setx 4 r3; add r2 r3 r2; sth r1 r2; ret r0");
    let sum = "ldgs p r1; ldsw r1 r1; ldgs p r2; setx 4 r3; add r2 r3 r2; ldsh r2 r2; add r1 r2 r1; ret r1";
    assert_eq!(world.value(sum), 2);
    let over_the_end = "ldgs p r2; setx 13 r3; add r2 r3 r2; sth r1 r2; ret r0";
    assert_eq!(world.fault(over_the_end).kind, FaultKind::BadAddress);
}

#[test]
fn clause_locals_are_per_cpu() {
    let mut world = World::new();
    world.value("local x int; local s string 16; setx 5 r1; stls x r1; sets \"zero\" r2; stls s r2; ret r0");
    world.cpu = 1;
    assert_eq!(world.value("ldls x r1; ret r1"), 0);
    assert_eq!(world.text("ldls s r1; ret r1"), "");
    world.cpu = 0;
    assert_eq!(world.value("ldls x r1; ret r1"), 5);
    assert_eq!(world.text("ldls s r1; ret r1"), "zero");
}

#[test]
fn thread_locals_are_per_thread() {
    let mut world = World::new();
    world.value("thread x int; setx 5 r1; stts x r1; ret r0");
    world.host.thread = AtomicU32::new(2);
    assert_eq!(world.value("ldts x r1; ret r1"), 0);
    world.value("setx 6 r1; stts x r1; ret r0");
    world.host.thread = AtomicU32::new(1);
    assert_eq!(world.value("ldts x r1; ret r1"), 5);
}

#[test]
fn thread_locals_are_the_same_on_every_cpu() {
    let mut world = World::new();
    world.value("thread x int; setx 5 r1; stts x r1; ret r0");
    world.cpu = 1;
    assert_eq!(world.value("ldts x r1; ret r1"), 5);
}

#[test]
fn storing_zero_unsets_a_thread_local() {
    let mut world = World::new();
    world.value("thread x int; setx 5 r1; stts x r1; stts x r0; ret r0");
    assert_eq!(world.value("ldts x r1; ret r1"), 0);
    world.value("setx 6 r1; stts x r1; ret r0");
    assert_eq!(world.value("ldts x r1; ret r1"), 6);
}

#[test]
fn a_thread_local_string_is_null_until_it_is_stored() {
    let mut world = World::new();
    assert_eq!(world.value("thread s string 256; ldts s r1; ret r1"), 0);
    world.value(&format!("setx {USER:#x} r1; flushts; pushtv r1; call copyinstr r1; stts s r1; ret r0"));
    assert_eq!(world.text("ldts s r1; ret r1"), "/tmp/user.txt");
    world.value("sets \"short\" r1; stts s r1; ret r0");
    assert_eq!(world.text("ldts s r1; ret r1"), "short");
    world.value("stts s r0; ret r0");
    assert_eq!(world.value("ldts s r1; ret r1"), 0);
}

#[test]
fn a_thread_local_structure_may_be_written_in_place_but_not_beside() {
    let mut world = World::new();
    world.value(&format!("thread p struct 16; setx {KERNEL:#x} r1; stts p r1; ret r0"));
    assert_eq!(world.value("ldts p r1; setx 9 r2; stx r2 r1; ldx r1 r3; ret r3"), 9);
    for offset in [-8i64, -1, 9, 16] {
        let program = format!("ldts p r1; setx {offset} r2; add r1 r2 r1; stx r2 r1; ret r0");
        assert_eq!(world.fault(&program).kind, FaultKind::BadAddress, "{offset}");
    }
    assert_eq!(world.value("ldts p r1; setx 8 r2; add r1 r2 r1; ldub r1 r3; ret r3"), u64::from(b'k'));
}

const SET: &str = "global a[] int; ldgs arg0 r1; ldgs probefunc r2; setx 256 r3; flushts; pushtv r1; \
                   pushtr string r3 r2; ldgs arg1 r4; stgaa a r4; ret r0";
const GET: &str = "ldgs arg0 r1; ldgs probefunc r2; setx 256 r3; flushts; pushtv r1; pushtr string r3 r2; ldgaa a r4; ret r4";

#[test]
fn an_associative_array_has_a_value_for_each_key() {
    let mut world = World::new();
    world.args = vec![1, 100];
    world.value(SET);
    world.args = vec![2, 200];
    world.value(SET);
    assert_eq!(world.value(GET), 200);
    world.args = vec![1, 0];
    assert_eq!(world.value(GET), 100);
    world.args = vec![3, 0];
    assert_eq!(world.value(GET), 0);
    world.args = vec![1, 0];
    world.value(SET);
    assert_eq!(world.value(GET), 0, "zero unsets");
}

#[test]
fn a_key_is_by_content_wherever_it_is() {
    let mut world = World::new();
    let elsewhere = world.kernel_text(b"open");
    world.args = vec![1, 100];
    world.value(SET);
    let by_copy = format!(
        "ldgs arg0 r1; setx {elsewhere:#x} r2; setx 256 r3; flushts; pushtv r1; pushtr string r3 r2; ldgaa a r4; ret r4"
    );
    assert_eq!(world.value(&by_copy), 100);
    let no_size =
        "ldgs arg0 r1; ldgs probefunc r2; flushts; pushtv r1; pushtr string r0 r2; ldgaa a r4; ret r4";
    assert_eq!(world.value(no_size), 100);
}

#[test]
fn a_key_does_not_follow_its_string() {
    let mut world = World::new();
    world.value(
        "global b[] int; global k string 16; sets \"one\" r1; stgs k r1; ldgs k r1; flushts; pushtr string r0 r1; \
         setx 5 r2; stgaa b r2; sets \"two\" r1; stgs k r1; ret r0",
    );
    let get = |key: &str| format!("sets \"{key}\" r1; flushts; pushtr string r0 r1; ldgaa b r2; ret r2");
    assert_eq!((world.value(&get("one")), world.value(&get("two"))), (5, 0));
}

#[test]
fn keys_of_different_shape_are_different() {
    let mut world = World::new();
    world.value("global c[] int; setx 1 r1; flushts; pushtv r1; setx 10 r2; stgaa c r2; ret r0");
    assert_eq!(world.value("setx 1 r1; flushts; pushtv r1; pushtv r0; ldgaa c r2; ret r2"), 0);
    assert_eq!(world.value("flushts; ldgaa c r2; ret r2"), 0);
    assert_eq!(world.value("setx 1 r1; flushts; pushtv r1; ldgaa c r2; ret r2"), 10);
    let by_reference =
        "setx 8 r1; allocs r1 r2; setx 1 r3; stx r3 r2; flushts; pushtr bytes r1 r2; ldgaa c r4; ret r4";
    assert_eq!(world.value(by_reference), 0);
}

#[test]
fn structures_may_be_keys() {
    let mut world = World::new();
    let set = format!(
        "global d[] int; setx 12 r1; setx {KERNEL:#x} r2; flushts; pushtr bytes r1 r2; setx 3 r3; stgaa d r3; ret r0"
    );
    world.value(&set);
    assert_eq!(
        world.value(&format!(
            "setx 12 r1; setx {KERNEL:#x} r2; flushts; pushtr bytes r1 r2; ldgaa d r3; ret r3"
        )),
        3
    );
    assert_eq!(
        world.value(&format!(
            "setx 11 r1; setx {KERNEL:#x} r2; flushts; pushtr bytes r1 r2; ldgaa d r3; ret r3"
        )),
        0
    );
}

#[test]
fn an_associative_array_of_a_thread_is_the_threads_own() {
    let mut world = World::new();
    world.value("thread a[] int; setx 1 r1; flushts; pushtv r1; setx 10 r2; sttaa a r2; ret r0");
    assert_eq!(world.value("setx 1 r1; flushts; pushtv r1; ldtaa a r2; ret r2"), 10);
    world.host.thread = AtomicU32::new(9);
    assert_eq!(world.value("setx 1 r1; flushts; pushtv r1; ldtaa a r2; ret r2"), 0);
}

#[test]
fn an_associative_array_may_hold_strings() {
    let mut world = World::new();
    let set =
        "global last[] string 256; ldgs execname r1; ldgs pid r2; flushts; pushtv r2; stgaa last r1; ret r0";
    world.value(set);
    assert_eq!(world.text("ldgs pid r2; flushts; pushtv r2; ldgaa last r1; ret r1"), "cat");
    assert_eq!(world.value("flushts; pushtv r0; ldgaa last r1; ret r1"), 0);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn a_pool_that_is_full_drops_and_counts() {
    let mut world = World::new();
    let codes = world.load(&[SET, GET]);
    world.start();
    let capacity = world.variables.dynvars().unwrap().capacity() as u64;
    for n in 0..capacity + 10 {
        world.args = vec![n, n + 1];
        world.fire(|machine| machine.run(&codes[0])).unwrap();
    }
    let there = (0..capacity + 10)
        .filter(|n| {
            world.args = vec![*n, 0];
            let value = world.fire(|machine| machine.run(&codes[1])).unwrap();
            assert!(value == 0 || value == n + 1);
            value != 0
        })
        .count() as u64;
    assert_eq!(there + world.variables.drops().plain, capacity + 10);
    assert!(there > capacity / 2);
}

#[test]
fn a_variable_with_two_types_is_refused() {
    let mut world = World::new();
    world.load(&["global x int; ldgs x r1; ret r1"]);
    world.declared.clear();
    let other =
        asm::assemble("global x string 16; ldgs x r1; ret r1", &mut world.declared, &Limits::new(true));
    assert_eq!(world.variables.declare(&other), Err(VariableError::Conflict(Scope::Global, 0x500)));
}

#[test]
fn one_id_in_three_scopes_is_three_variables() {
    let mut world = World::new();
    world.value("global x int; setx 1 r1; stgs x r1; ret r0");
    let id = |world: &World, scope| world.declared[&(scope, "x")];
    let mut var = id(&world, Scope::Global);
    for scope in [Scope::Thread, Scope::Local] {
        var.scope = scope as u8;
        world.declared.insert((scope, "x"), var);
    }
    world.value("setx 2 r1; stts x r1; setx 3 r1; stls x r1; ret r0");
    world.start();
    world.value("setx 2 r1; stts x r1; ret r0");
    assert_eq!(world.value("ldgs x r1; ldts x r2; ldls x r3; setx 10 r4; mul r1 r4 r1; add r1 r2 r1; mul r1 r4 r1; add r1 r3 r1; ret r1"), 123);
}

#[test]
fn strings_are_as_large_as_strsize_says() {
    let long = "x".repeat(350);
    let declared =
        "global s string 256; local l string 256; thread t string 256; global a[] string 256; ret r0";
    for (set, get) in [
        ("stgs s r1", "ldgs s r1"),
        ("stls l r1", "ldls l r1"),
        ("stts t r1", "ldts t r1"),
        ("flushts; pushtr string r0 r1; stgaa a r1", "flushts; pushtr string r0 r1; ldgaa a r1"),
    ] {
        let mut world = World::new();
        world.strsize = 400;
        let address = world.kernel_text(long.as_bytes());
        let set = format!("setx {address:#x} r1; {set}; ret r0");
        let get = format!("setx {address:#x} r1; {get}; ret r1");
        assert_eq!(world.text_all(&[declared, &set, &get]).as_deref(), Ok(long.as_str()), "{get}");
        assert_eq!(world.variables.drops(), crate::dynvar::Drops::default());
        // Enlarged areas are found by their addresses.
        assert_eq!(
            world.run_all(&[&set, &get.replace("ret r1", "ldub r1 r2; stb r0 r1; ret r2")]),
            Ok(u64::from(b'x'))
        );
    }
}
