//! The life of an image: it is brought, taken back, and goes with its process.

use dtrace_abi::{HelperDof, Plain, dif::*, dof, ioctl};
use dtrace_engine::Model;
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{USER_BASE, Who, become_who};

use crate::image;
use crate::world::*;

#[test]
fn generations_are_positive_and_different() {
    let rig = rig();
    become_process(100);
    let first = bring(&rig, &constant("a")).unwrap();
    let second = bring(&rig, &constant("b")).unwrap();
    assert!(first >= 1 && second >= 1 && first != second);
}

#[test]
fn an_image_is_taken_back_by_its_number() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    let first = bring(&rig, &constant("first")).unwrap();
    let second = bring(&rig, &constant("second")).unwrap();
    assert_eq!(stacks.strings(), ["first"]);
    assert_eq!(take_back(&rig, first), Ok(0));
    assert_eq!(stacks.strings(), ["second"]);
    assert_eq!(take_back(&rig, second), Ok(0));
    assert_eq!(stacks.strings(), [""; 0]);
}

#[test]
fn a_number_that_was_never_given_is_harmless() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    let generation = bring(&rig, &constant("here")).unwrap();
    for unknown in [0, generation + 1, -1, i32::MAX, i32::MIN] {
        assert_eq!(take_back(&rig, unknown), Ok(0));
    }
    become_process(200);
    assert_eq!(take_back(&rig, generation), Ok(0), "another process's");
    become_process(100);
    assert_eq!(stacks.strings(), ["here"]);
    assert_eq!(take_back(&rig, generation), Ok(0));
    assert_eq!(take_back(&rig, generation), Ok(0), "twice");
}

#[test]
fn the_old_request_has_no_module_and_no_base() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    let generation = bring_plainly(&rig, Model::Lp64, &constant("old"), 0).unwrap();
    assert!(generation >= 1);
    assert_eq!(stacks.strings(), ["old"]);
}

#[test]
fn a_32_bit_caller_has_32_bits_of_every_pointer() {
    // The mock's memory begins at an address whose lower half is 0, so what is left of an address is an offset that is not
    // mapped: the request must look there, and not where the whole word leads.
    let rig = rig();
    become_process(100);
    assert_eq!(bring_plainly(&rig, Model::Ilp32, &constant("x"), USER_BASE), Err(Errno::EFAULT));
    assert_eq!(bring_plainly(&rig, Model::Lp64, &constant("x"), USER_BASE).map(|g| g >= 1), Ok(true));
}

#[test]
fn bad_addresses_sizes_and_commands_are_told_apart() {
    let rig = rig();
    become_process(100);
    let request = |command, arg| rig.dtrace().helper_ioctl(Model::Lp64, command, arg);
    assert_eq!(request(ioctl::HELPER_ADD, 0), Err(Errno::EFAULT));
    assert_eq!(request(ioctl::HELPER_ADDDOF, 8), Err(Errno::EFAULT));
    assert_eq!(request(ioctl::HELPER_BASE | 9, 0), Err(Errno::ENOTTY));
    assert_eq!(request(ioctl::ENABLE, 0), Err(Errno::ENOTTY));
    let helper = HelperDof { dof: 0x10, ..HelperDof::zeroed() };
    rig.mock().poke_user(USER_BASE + 64, helper.as_bytes()).unwrap();
    assert_eq!(request(ioctl::HELPER_ADDDOF, USER_BASE + 64), Err(Errno::EFAULT));
    let mut image = constant("big");
    image[40..48].copy_from_slice(&(256u64 << 10).to_le_bytes());
    assert_eq!(bring(&rig, &image), Err(Errno::E2BIG));
    image[40..48].copy_from_slice(&63u64.to_le_bytes());
    assert_eq!(bring(&rig, &image), Err(Errno::EINVAL));
    assert_eq!(bring(&rig, &[0; 64]), Err(Errno::EINVAL));
}

#[test]
#[cfg_attr(miri, ignore = "many images")]
fn a_process_has_32_clauses_and_no_more() {
    let rig = rig();
    become_process(100);
    let sixteen = || (0..16).fold(Helper::new(), |helper, _| helper.clause(None, &[number(0)])).image();
    let first = bring(&rig, &sixteen()).unwrap();
    bring(&rig, &sixteen()).unwrap();
    assert_eq!(bring(&rig, &constant("one more")), Err(Errno::EINVAL));
    take_back(&rig, first).unwrap();
    assert!(bring(&rig, &constant("now")).is_ok());
    become_process(200);
    assert!(bring(&rig, &sixteen()).is_ok(), "each process has its own");
}

#[test]
fn a_process_describes_32_providers_and_no_more() {
    let rig = rig();
    become_process(100);
    let mut generations: Vec<i32> = (0..32).map(|_| bring(&rig, &providers_only()).unwrap()).collect();
    assert_eq!(bring(&rig, &providers_only()), Err(Errno::EINVAL));
    take_back(&rig, generations.pop().unwrap()).unwrap();
    assert!(bring(&rig, &providers_only()).is_ok());
}

/// An image with a provider and no clause.
fn providers_only() -> Vec<u8> {
    let mut helper = image::helper();
    helper.parts.retain(|part| part.header.kind != dof::SECT_ECBDESC);
    helper.build()
}

#[test]
#[cfg_attr(miri, ignore = "many images")]
fn a_process_has_a_megabyte_of_images() {
    let rig = rig();
    become_process(100);
    let mut large = Helper::new().clause(None, &[text("large")]);
    large.0.section(dof::SECT_TYPTAB, 1, 0, vec![0; 250 << 10]);
    let large = large.image();
    for _ in 0..4 {
        bring(&rig, &large).unwrap();
    }
    assert_eq!(bring(&rig, &large), Err(Errno::ENOMEM));
}

#[test]
#[cfg_attr(miri, ignore = "a hundred megabytes")]
fn a_user_has_64_megabytes_of_all_that_is_made_of_images() {
    // One variable, a megabyte on all CPUs together.
    let rig = dtrace_engine::mock::Rig::new(64, &[["mod", "func", "entry"]]);
    let large = Helper::new().clause(None, &[get_large(0, 16 << 10)]).image();
    become_process(999);
    assert_eq!((0..).take_while(|_| bring(&rig, &large).is_ok()).count(), 7, "a process has eight");
    rig.dtrace().process_ended();
    let brought = (1000..).take_while(|&pid| {
        become_process(pid);
        bring(&rig, &large).is_ok()
    });
    assert_eq!(brought.count(), 63);
    assert_eq!(bring(&rig, &large), Err(Errno::ENOMEM));
    become_who(Who { pid: 100, uid: 8, ..Who::default() });
    assert!(bring(&rig, &large).is_ok(), "another user has as much");
    become_process(1000);
    rig.dtrace().process_ended();
    become_process(2000);
    assert!(bring(&rig, &large).is_ok(), "what has gone counts no more");
}

#[test]
fn one_expression_is_no_larger_than_real_helpers_are() {
    let rig = rig();
    become_process(100);
    let of = |count| Helper::new().clause(None, &[text(&"x".repeat(count))]).image();
    assert!(bring(&rig, &of(32_000)).is_ok());
    assert_eq!(bring(&rig, &of(33_000)), Err(Errno::EINVAL));
}

#[test]
fn what_a_helper_may_not_do_is_refused_when_it_is_brought() {
    let rig = rig();
    become_process(100);
    for code in [
        call(SUBR_COPYOUT, VAR_ARG0),
        call(SUBR_SPECULATION, VAR_ARG0),
        builtin(VAR_TIMESTAMP),
        builtin(VAR_PROBEFUNC),
    ] {
        assert_eq!(bring(&rig, &Helper::new().clause(None, &[code]).image()), Err(Errno::EINVAL));
    }
    // An action that records something else than an expression.
    let mut helper = Helper::new().clause(None, &[text("stack")]);
    helper.0.first(dof::SECT_ACTDESC).data[8..12].copy_from_slice(&dtrace_abi::action::USTACK.to_le_bytes());
    assert_eq!(bring(&rig, &helper.image()), Err(Errno::EINVAL));
}

#[test]
fn clauses_for_other_probes_are_nobody_s() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    let helper = Helper::new().clause_for(["mock", "", "", "entry"], None, &[text("mine")]).clause_for(
        ["dtrace", "helper", "jstack", ""],
        None,
        &[text("other")],
    );
    assert!(bring(&rig, &helper.image()).unwrap() >= 1);
    assert_eq!(stacks.strings(), [""; 0]);
    // However the compiler splits the description.
    let helper = Helper::new().clause_for(["", "dtrace", "helper", "ustack"], None, &[text("three")]);
    bring(&rig, &helper.image()).unwrap();
    assert_eq!(stacks.strings(), ["three"]);
}

#[test]
fn an_ended_process_has_no_helpers_from_that_moment_on() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    bring(&rig, &constant("alive")).unwrap();
    become_process(200);
    assert!(!rig.dtrace().process_ended(), "a process without helpers ends");
    become_process(100);
    assert!(rig.dtrace().process_ended());
    assert_eq!(stacks.strings(), [""; 0]);
    assert_eq!(helpers(&rig), 1);
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 0);
}

#[test]
fn another_program_in_the_same_process_begins_anew() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    bring(&rig, &constant("old program")).unwrap();
    rig.dtrace().process_ended();
    let generation = bring(&rig, &constant("new program")).unwrap();
    assert_eq!(stacks.strings(), ["new program"]);
    rig.dtrace().housekeep();
    assert_eq!(stacks.strings(), ["new program"]);
    take_back(&rig, generation).unwrap();
    assert_eq!(helpers(&rig), 0);
}

#[test]
fn a_forked_child_has_the_helpers_of_its_parent() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    let generation = bring(&rig, &constant("inherited")).unwrap();
    assert!(rig.dtrace().process_forked(101, 101));
    // The child forks before anybody has looked.
    become_process(101);
    assert!(rig.dtrace().process_forked(102, 102));
    rig.dtrace().housekeep();
    for pid in [101, 102] {
        become_process(pid);
        assert_eq!(stacks.strings(), ["inherited"]);
    }
    // What the one takes back, the others keep.
    take_back(&rig, generation).unwrap();
    assert_eq!(stacks.strings(), [""; 0]);
    become_process(100);
    assert_eq!(stacks.strings(), ["inherited"]);
    become_process(300);
    assert!(!rig.dtrace().process_forked(301, 301), "a process without helpers");
}

#[test]
fn a_child_that_is_gone_before_anybody_looks_leaves_nothing() {
    let rig = rig();
    become_process(100);
    bring(&rig, &constant("inherited")).unwrap();
    rig.dtrace().process_forked(101, 101);
    become_process(101);
    rig.dtrace().process_ended();
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 1);
    // It died so that nobody was told.
    become_process(100);
    rig.dtrace().process_forked(102, 102);
    rig.mock().kill(102);
    rig.dtrace().housekeep();
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 1);
}

#[test]
fn a_child_has_helpers_whose_parent_has_ended_meanwhile() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    bring(&rig, &constant("orphan")).unwrap();
    rig.dtrace().process_forked(101, 101);
    rig.dtrace().process_ended();
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 1);
    become_process(101);
    assert_eq!(stacks.strings(), ["orphan"]);
}

#[test]
fn a_grandchild_has_helpers_whose_parent_runs_another_program_before_anybody_looks() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    bring(&rig, &constant("inherited")).unwrap();
    rig.dtrace().process_forked(101, 101);
    become_process(101);
    rig.dtrace().process_forked(102, 102);
    rig.dtrace().process_ended();
    rig.dtrace().housekeep();
    assert_eq!(stacks.strings(), [""; 0]);
    become_process(102);
    assert_eq!(stacks.strings(), ["inherited"]);
    assert_eq!(helpers(&rig), 2);
}

/// How many processes the engine says to have helpers.
pub(crate) fn helpers(rig: &dtrace_engine::mock::Rig) -> u32 {
    let mut stats = String::new();
    rig.dtrace().stats(&mut stats).unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix("helpers=")).unwrap();
    line.parse().unwrap()
}

#[test]
fn others_come_in_between_the_children_of_whoever_forks_and_ends_all_the_time() {
    let rig = rig();
    become_process(100);
    bring(&rig, &constant("inherited")).unwrap();
    let children = 101..141;
    let taken = |work: &dyn Fn()| {
        let before = rig.mock().locks();
        work();
        rig.mock().locks() - before
    };
    children.clone().for_each(|pid| assert!(rig.dtrace().process_forked(pid, pid.into())));
    let adopting = taken(&|| _ = rig.dtrace().housekeep());
    assert!(adopting >= 40, "the control mutex is given back after each child");
    assert_eq!(helpers(&rig), 41);
    for pid in children {
        become_process(pid);
        assert!(rig.dtrace().process_ended());
    }
    let burying = taken(&|| _ = rig.dtrace().housekeep());
    assert!(burying >= 40, "and after each that has ended");
    assert_eq!(helpers(&rig), 1);
}

#[test]
fn what_processes_do_is_no_firing() {
    let rig = rig();
    let probes = || {
        let mut text = String::new();
        rig.dtrace().stats(&mut text).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    bring(&rig, &constant("frame")).unwrap();
    stacks.strings();
    let before = probes();
    rig.dtrace().process_forked(101, 101);
    become_process(101);
    rig.dtrace().process_ended();
    rig.dtrace().housekeep();
    assert_eq!(probes(), before);
}
