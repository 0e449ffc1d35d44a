//! The subroutines that are not about strings.

use super::strings::call;
use super::*;

#[test]
fn copyin_brings_user_memory_to_scratch() {
    let program = call("copyin", &[&USER.to_string(), "4"]);
    assert_eq!(text(&program), "/tmp");
}

#[test]
fn copyin_of_a_bad_address_faults_with_the_address() {
    let bad = fault(&call("copyin", &["16", "4"]));
    assert_eq!((bad.kind, bad.address), (FaultKind::BadAddress, 16));
    let over_the_end = fault(&call("copyin", &[&(USER + 4095).to_string(), "2"]));
    assert_eq!(over_the_end.kind, FaultKind::BadAddress);
}

#[test]
fn copyinstr_stops_at_the_nul_or_the_limit() {
    let mut world = World::new();
    assert_eq!(world.text(&call("copyinstr", &[&USER.to_string()])), "/tmp/user.txt");
    assert_eq!(world.text(&call("copyinstr", &[&USER.to_string(), "4"])), "/tmp");
    assert_eq!(world.text(&call("copyinstr", &[&USER.to_string(), "1000"])), "/tmp/user.txt");
    world.strsize = 6;
    assert_eq!(world.text(&call("copyinstr", &[&USER.to_string()])), "/tmp/");
    assert_eq!(world.fault(&call("copyinstr", &["1"])).kind, FaultKind::BadAddress);
}

#[test]
fn copyinto_fills_memory_of_the_program() {
    let program = format!(
        "setx 16 r1; allocs r1 r2; setx {USER:#x} r3; setx 4 r4; flushts; pushtv r3; pushtv r4; pushtv r2; \
         call copyinto r5; ret r2"
    );
    assert_eq!(text(&program), "/tmp");
    let elsewhere = call("copyinto", &[&USER.to_string(), "4", &KERNEL.to_string()]);
    assert_eq!((fault(&elsewhere).kind, fault(&elsewhere).address), (FaultKind::BadAddress, KERNEL));
}

#[test]
fn copyout_writes_user_memory() {
    let mut world = World::new();
    world.value(&call("copyout", &["\"hello\"", &(USER + 100).to_string(), "5"]));
    assert_eq!(&world.host.user.lock().unwrap()[100..106], b"hello\0");
    assert_eq!(world.fault(&call("copyout", &["\"x\"", "16", "1"])).kind, FaultKind::BadAddress);
}

#[test]
fn copyout_of_many_bytes_goes_in_pieces() {
    let mut world = World::new();
    let address = world.kernel_bytes(&[7; 1000]);
    world.value(&call("copyout", &[&address.to_string(), &(USER + 100).to_string(), "1000"]));
    let user = world.host.user.lock().unwrap();
    assert!(user[100..1100].iter().all(|byte| *byte == 7) && user[1100] == 0);
}

#[test]
fn copyoutstr_writes_the_nul_too_if_there_is_room() {
    let mut world = World::new();
    world.host.user.lock().unwrap()[100..110].fill(0xff);
    world.value(&call("copyoutstr", &["\"hey\"", &(USER + 100).to_string(), "10"]));
    assert_eq!(&world.host.user.lock().unwrap()[100..105], b"hey\0\xff");
    world.value(&call("copyoutstr", &["\"hello\"", &(USER + 105).to_string(), "2"]));
    assert_eq!(&world.host.user.lock().unwrap()[105..108], b"he\xff");
}

#[test]
fn bcopy_copies_into_memory_of_the_program_only() {
    let program = format!(
        "setx 16 r1; allocs r1 r2; setx {:#x} r3; setx 6 r4; flushts; pushtv r3; pushtv r2; pushtv r4; call bcopy r5; ret r2",
        KERNEL + 8
    );
    assert_eq!(text(&program), "kernel");
    assert_eq!(fault(&call("bcopy", &["\"x\"", &KERNEL.to_string(), "1"])).kind, FaultKind::BadAddress);
}

#[test]
fn progenyof_asks_for_an_ancestor() {
    assert_eq!((value(&call("progenyof", &["17"])), value(&call("progenyof", &["18"]))), (1, 0));
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn random_numbers_are_not_negative_and_vary() {
    let mut world = World::new();
    let numbers: std::collections::BTreeSet<u64> =
        (0..1000).map(|_| world.value("flushts; call rand r1; ret r1")).collect();
    assert!(numbers.len() > 990);
    assert!(numbers.iter().all(|number| *number < 1 << 31));
    let low = numbers.iter().filter(|number| **number < 1 << 30).count();
    assert!((400..600).contains(&low));
}

#[test]
fn speculation_asks_the_consumer() {
    let twice = "flushts; call speculation r1; call speculation r2; ret r2";
    assert_eq!(value(twice), 2);
}

#[test]
fn d_path_is_the_hosts() {
    assert_eq!(text(&call("d_path", &["0"])), "<unknown>");
    assert_eq!(text(&call("d_path", &[&KERNEL.to_string()])), "/etc/hosts");
    assert_eq!(fault(&call("d_path", &["64"])).kind, FaultKind::BadAddress);
}

#[test]
fn subroutines_without_meaning_leave_the_register_as_it_is() {
    for number in (1..=7).chain([18, 19, 22]) {
        assert_eq!(
            value(&format!("setx 77 r2; flushts; pushtv r1; call {number} r2; ret r2")),
            77,
            "{number}"
        );
    }
}

#[test]
fn device_numbers_are_the_kernels() {
    // 8:17, as in the kernel's dev_t.
    assert_eq!(value(&call("20", &["8388625"])), 8);
    assert_eq!(value(&call("21", &["8388625"])), 17);
    assert_eq!(value(&call("21", &["1048575"])), 0xf_ffff);
}
