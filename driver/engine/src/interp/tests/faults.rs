//! Faults: their kinds, addresses and offsets.

use super::*;

#[test]
fn a_fault_tells_the_byte_offset_of_its_instruction() {
    let fault = fault("setx 1 r1; nop; sdiv r1 r0 r2; ret r2");
    assert_eq!(fault, Fault { kind: FaultKind::DivideByZero, address: 0, offset: Some(8) });
}

#[test]
fn the_offset_counts_instructions_within_fused_ones() {
    let program =
        "setx 5 r1; setx 5 r2; cmp r1 r2; be over; nop; over: setx 1 r3; add r1 r3 r3; ldx r0 r1; ret r1";
    assert_eq!(fault(program).offset, Some(28));
}

#[test]
fn division_by_zero_faults_in_all_four_forms() {
    for op in ["sdiv", "udiv", "srem", "urem"] {
        assert_eq!(fault(&format!("setx 1 r1; {op} r1 r0 r2; ret r2")).kind, FaultKind::DivideByZero);
    }
}

#[test]
fn a_load_from_nowhere_is_a_bad_address_with_the_address() {
    for address in [0u64, 8, 0xdead_0000, u64::MAX, 0x8000_0000_0000_0000, KERNEL - 8, KERNEL + 4096] {
        let fault = fault(&format!("setx {address:#x} r1; ldx r1 r2; ret r2"));
        assert_eq!(fault, Fault { kind: FaultKind::BadAddress, address, offset: Some(4) });
    }
}

#[test]
fn a_kernel_load_does_not_reach_user_memory_nor_the_reverse() {
    assert_eq!(fault(&format!("setx {USER:#x} r1; ldub r1 r2; ret r2")).kind, FaultKind::BadAddress);
    assert_eq!(fault(&format!("setx {KERNEL:#x} r1; uldub r1 r2; ret r2")).kind, FaultKind::BadAddress);
}

#[test]
fn a_store_goes_to_scratch_and_variables_only() {
    for address in [0u64, KERNEL, USER, u64::MAX - 3] {
        let fault = fault(&format!("setx {address:#x} r2; setx 1 r1; stw r1 r2; ret r0"));
        assert_eq!(fault, Fault { kind: FaultKind::BadAddress, address, offset: Some(8) });
    }
    assert_eq!(fault("sets \"constant\" r2; stb r0 r2; ret r0").kind, FaultKind::BadAddress);
    assert_eq!(fault("ldgs execname r2; stb r0 r2; ret r0").kind, FaultKind::BadAddress);
    assert_eq!(fault("ldgs probefunc r2; stb r0 r2; ret r0").kind, FaultKind::BadAddress);
}

#[test]
fn a_store_does_not_reach_over_the_end_of_scratch_that_was_taken() {
    let program = |offset: u64| {
        format!(
            "setx 16 r1; flushts; pushtv r1; call alloca r2; setx {offset} r3; add r2 r3 r2; stx r1 r2; ret r0"
        )
    };
    assert!(World::new().run(&program(8)).is_ok());
    assert_eq!(fault(&program(9)).kind, FaultKind::BadAddress);
    assert_eq!(fault(&program(16)).kind, FaultKind::BadAddress);
}

#[test]
fn the_ninth_part_of_a_tuple_overflows() {
    let pushes = |n: usize| format!("flushts; {} ret r0", "pushtv r1; ".repeat(n));
    assert!(World::new().run(&pushes(8)).is_ok());
    assert_eq!(fault(&pushes(9)), Fault { kind: FaultKind::TupleOverflow, address: 0, offset: Some(36) });
    let by_reference = format!("flushts; sets \"x\" r1; {} ret r0", "pushtr string r0 r1; ".repeat(9));
    assert_eq!(fault(&by_reference).kind, FaultKind::TupleOverflow);
}

#[test]
fn a_popped_part_makes_room() {
    let program = format!("flushts; {} popts; pushtv r1; ret r0", "pushtv r1; ".repeat(8));
    assert!(World::new().run(&program).is_ok());
    assert!(World::new().run("popts; popts; ret r0").is_ok());
}

#[test]
fn scratch_memory_runs_out() {
    for program in [
        "setx 5000 r1; flushts; pushtv r1; call alloca r2; ret r2",
        "setx -1 r1; flushts; pushtv r1; call alloca r2; ret r2",
        "setx 5000 r1; allocs r1 r2; ret r2",
        "setx 0x400000 r1; setx 5000 r2; flushts; pushtv r1; pushtv r2; call copyin r3; ret r3",
    ] {
        let fault = fault(program);
        assert_eq!((fault.kind, fault.address), (FaultKind::NoScratch, 0), "{program}");
    }
    let mut world = World::new();
    world.scratch = 128;
    assert_eq!(
        world.fault("sets \"a\" r1; flushts; pushtv r1; pushtv r1; call strjoin r2; ret r2").kind,
        FaultKind::NoScratch
    );
}

#[test]
fn without_the_privilege_kernel_memory_is_not_read() {
    let mut world = World::new();
    world.access.kernel = false;
    let fault = world.fault(&format!("setx {KERNEL:#x} r1; rldub r1 r2; ret r2"));
    assert_eq!(fault, Fault { kind: FaultKind::KernelPrivilege, address: KERNEL, offset: Some(4) });
    let through_a_string = format!("setx {KERNEL:#x} r1; flushts; pushtv r1; call strlen r2; ret r2");
    assert_eq!(world.fault(&through_a_string).kind, FaultKind::KernelPrivilege);
    let through_a_copy = format!("setx 8 r1; allocs r1 r2; setx {KERNEL:#x} r3; copys r3 r1 r2; ret r0");
    assert_eq!(world.fault(&through_a_copy).kind, FaultKind::KernelPrivilege);
    for variable in ["curthread", "caller", "stackdepth", "ipl"] {
        assert_eq!(world.fault(&format!("ldgs {variable} r1; ret r1")).kind, FaultKind::KernelPrivilege);
    }
}

#[test]
fn without_the_privilege_own_memory_is_still_read() {
    let mut world = World::new();
    world.access = Access::NONE;
    assert_eq!(world.value("sets \"xyz\" r1; rldub r1 r2; ret r2"), u64::from(b'x'));
    assert_eq!(world.value("ldgs probefunc r1; rldub r1 r2; ret r2"), u64::from(b'o'));
    assert_eq!(world.value("setx 8 r1; allocs r1 r2; stx r1 r2; rldx r2 r3; ret r3"), 8);
}

#[test]
fn without_the_privilege_the_process_is_not_looked_at() {
    let mut world = World::new();
    world.access.process = false;
    for variable in
        ["pid", "tid", "ppid", "uid", "gid", "execname", "zonename", "errno", "ucaller", "ustackdepth"]
    {
        assert_eq!(
            world.fault(&format!("ldgs {variable} r1; ret r1")).kind,
            FaultKind::UserPrivilege,
            "{variable}"
        );
    }
    let fault = world.fault(&format!("setx {USER:#x} r1; flushts; pushtv r1; call copyinstr r2; ret r2"));
    assert_eq!((fault.kind, fault.address), (FaultKind::UserPrivilege, USER));
    assert_eq!(world.fault(&format!("setx {USER:#x} r1; uldx r1 r2; ret r2")).kind, FaultKind::UserPrivilege);
}

#[test]
fn a_null_string_is_a_bad_address_when_it_is_recorded() {
    let fault = World::new().text_all(&["thread s string 16; ldts s r1; ret r1"]).unwrap_err();
    assert_eq!(fault, Fault { kind: FaultKind::BadAddress, address: 0, offset: None });
}

#[test]
fn registers_of_other_machines_are_an_illegal_operation() {
    assert_eq!(fault("setx 1 r1; ldga regs r1 r2; ret r2").kind, FaultKind::IllegalOperation);
    assert_eq!(fault("setx 1 r1; ldga vmregs r1 r2; ret r2").kind, FaultKind::IllegalOperation);
}
