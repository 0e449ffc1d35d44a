//! The built-in variables.

use super::*;

fn builtin(name: &str) -> u64 {
    value(&format!("ldgs {name} r1; ret r1"))
}

#[test]
fn arguments_come_from_the_firing_and_then_from_the_provider() {
    assert_eq!((builtin("arg0"), builtin("arg1"), builtin("arg5"), builtin("arg9")), (11, 22, 66, 1009));
    assert_eq!(value("setx 2 r1; ldga args r1 r2; ret r2"), 33);
    assert_eq!(value("setx 12 r1; ldga args r1 r2; ret r2"), 1012);
}

#[test]
fn the_process_is_pid_and_the_thread_is_tid() {
    let mut world = World::new();
    world.host.thread = AtomicU32::new(5);
    assert_eq!((world.value("ldgs pid r1; ret r1"), world.value("ldgs tid r1; ret r1")), (4711, 4716));
    assert_eq!((builtin("ppid"), builtin("uid"), builtin("gid")), (17, 1000, 100));
}

#[test]
fn names_are_strings() {
    assert_eq!(text("ldgs execname r1; ret r1"), "cat");
    assert_eq!(text("ldgs zonename r1; ret r1"), "global");
    assert_eq!(text("ldgs probeprov r1; ret r1"), "syscall");
    assert_eq!(text("ldgs probemod r1; ret r1"), "x64");
    assert_eq!(text("ldgs probefunc r1; ret r1"), "open");
    assert_eq!(text("ldgs probename r1; ret r1"), "entry");
}

#[test]
fn a_thread_is_called_what_its_command_is() {
    assert_eq!(text("ldgs threadname r1; ret r1"), "cat");
}

#[test]
fn cpu_is_the_processor_that_fires() {
    assert_eq!(builtin("cpu"), 0);
}

#[test]
fn execargs_are_the_arguments_with_blanks_between_them() {
    assert_eq!(text("ldgs execargs r1; ret r1"), "cat -n a file");
    let mut world = World::new();
    world.strsize = 8;
    assert_eq!(world.text("ldgs execargs r1; ret r1"), "cat -n");
    world.host.arguments = b"";
    assert_eq!(world.text("ldgs execargs r1; ret r1"), "cat");
}

#[test]
fn a_command_name_without_room_for_its_nul_is_cut() {
    let mut world = World::new();
    world.host.execname = b"sixteen-bytes-ab";
    assert_eq!(world.text("ldgs execname r1; ret r1"), "sixteen-bytes-a");
}

#[test]
fn timestamps_are_read_once_a_firing() {
    let mut world = World::new();
    for clock in ["timestamp", "vtimestamp"] {
        let same = format!("ldgs {clock} r1; ldgs {clock} r2; sub r2 r1 r3; ret r3");
        assert_eq!(world.value(&same), 0, "{clock}");
        let read = format!("ldgs {clock} r1; ret r1");
        let (first, second) = (world.value(&read), world.value(&read));
        assert!(second > first, "another firing has another {clock}");
    }
}

#[test]
fn walltimestamp_goes_on() {
    let later = "ldgs walltimestamp r1; ldgs walltimestamp r2; sub r2 r1 r3; ret r3";
    assert!(World::new().value(later) > 0);
}

#[test]
fn a_clock_nobody_asks_for_is_not_read() {
    let mut world = World::new();
    let before = world.host.clock.load(Ordering::Relaxed);
    world.value("ldgs pid r1; ret r1");
    assert_eq!(world.host.clock.load(Ordering::Relaxed), before);
}

#[test]
fn walltimestamp_is_wall_time() {
    assert!(builtin("walltimestamp") >= 1_700_000_000_000_000_000);
    assert!(builtin("timestamp") < 1_700_000_000_000_000_000);
}

#[test]
fn the_probe_and_its_ecb_have_numbers() {
    assert_eq!((builtin("id"), builtin("epid")), (99, 7));
}

#[test]
fn errno_is_the_hosts_and_may_be_negative() {
    assert_eq!(builtin("errno"), 2);
}

#[test]
fn kernel_facts_are_the_hosts() {
    assert_eq!((builtin("curthread"), builtin("ipl")), (KERNEL, 3));
}

#[test]
fn caller_is_the_second_frame_without_the_machinerys() {
    // One frame of the probe, one of the firing.
    assert_eq!(builtin("caller"), KERNEL + 2 + 1);
    assert_eq!(builtin("stackdepth"), 40 - 2);
    let mut world = World::new();
    world.host.frames.truncate(3);
    assert_eq!((world.value("ldgs caller r1; ret r1"), world.value("ldgs stackdepth r1; ret r1")), (0, 1));
}

#[test]
fn ucaller_is_the_second_frame_of_the_user_stack() {
    assert_eq!((builtin("ucaller"), builtin("ustackdepth")), (USER + 0x10, 3));
}

#[test]
fn uregs_are_the_registers_of_the_thread() {
    assert_eq!(value("setx 16 r1; ldga uregs r1 r2; ret r2"), 0x110);
    assert_eq!(value("setx 500 r1; ldga uregs r1 r2; ret r2"), 0);
}
