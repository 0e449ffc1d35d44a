//! `jstack()` and `ustack()` with strings: what the helpers of the process say of its frames (contract 2.6, 3).

use dtrace_abi::dif::*;
use dtrace_engine::mock::USER_BASE;

use crate::world::*;

/// The frames of the mock's user stack.
const FRAMES: [u64; 3] = [USER_BASE + 16, USER_BASE + 32, USER_BASE + 48];

#[test]
fn without_helpers_there_are_frames_and_no_strings() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 32);
    let (words, strings) = stacks.record();
    assert_eq!(words, [100, FRAMES[0], FRAMES[1], FRAMES[2]]);
    assert_eq!(strings, [0; 32]);
}

#[test]
fn every_frame_gets_the_string_that_the_helper_answers() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    assert!(bring(&rig, &constant("frame")).unwrap() >= 1);
    let (words, strings) = stacks.record();
    assert_eq!(words, [100, FRAMES[0], FRAMES[1], FRAMES[2]]);
    assert_eq!(&strings[..19], b"frame\0frame\0frame\0\0");
}

#[test]
fn the_program_counter_is_arg0() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 128);
    bring(&rig, &Helper::new().clause(None, &[call(SUBR_LLTOSTR, VAR_ARG0)]).image()).unwrap();
    assert_eq!(stacks.strings(), FRAMES.map(|pc| pc.to_string()));
}

#[test]
fn the_frame_pointer_is_arg1_and_follows_the_chain() {
    let rig = rig();
    become_process(100);
    // The first function has made no frame: its frame pointer is its caller's. So the return address in the frame at 0x2000 is
    // not that of the second frame but of the third.
    let frames = [USER_BASE + 0x10, USER_BASE + 0x20, USER_BASE + 0x30, USER_BASE + 0x40];
    let (first, second) = (USER_BASE + 0x2000, USER_BASE + 0x3000);
    rig.mock().set_user_stack(&frames, first);
    for (at, word) in [(first, second), (first + 8, frames[2]), (second, 0), (second + 8, frames[3])] {
        rig.mock().poke_user(at, &word.to_le_bytes()).unwrap();
    }
    let stacks = Stacks::new(&rig, 4, 128);
    bring(&rig, &Helper::new().clause(None, &[call(SUBR_LLTOSTR, VAR_ARG1)]).image()).unwrap();
    assert_eq!(stacks.strings(), [first, first, second, 0].map(|fp| fp.to_string()));
}

#[test]
fn frames_of_a_32_bit_process_are_half_as_large() {
    let rig = rig();
    become_process(100);
    let frames = [USER_BASE + 0x10, 0x8048000];
    let first = USER_BASE + 0x2000;
    rig.mock().set_user_stack(&frames, first);
    rig.mock().poke_user(first, &0xffff_d000u32.to_le_bytes()).unwrap();
    rig.mock().poke_user(first + 4, &0x8048000u32.to_le_bytes()).unwrap();
    let stacks = Stacks::new(&rig, 2, 128);
    bring(&rig, &Helper::new().clause(None, &[call(SUBR_LLTOSTR, VAR_ARG1)]).image()).unwrap();
    assert_eq!(stacks.strings(), [first.to_string(), 0xffff_d000u32.to_string()]);
}

#[test]
fn a_helper_reads_its_process() {
    let rig = rig();
    become_process(100);
    rig.mock().poke_user(FRAMES[0], b"one\0").unwrap();
    rig.mock().poke_user(FRAMES[1], b"two\0").unwrap();
    let stacks = Stacks::new(&rig, 3, 64);
    bring(&rig, &Helper::new().clause(None, &[call(SUBR_COPYINSTR, VAR_ARG0)]).image()).unwrap();
    assert_eq!(stacks.strings(), ["one", "two"]);
}

#[test]
fn a_predicate_picks_frames() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    bring(&rig, &Helper::new().clause(Some(arg0_is(FRAMES[1])), &[text("second")]).image()).unwrap();
    assert_eq!(stacks.strings(), ["", "second"]);
}

#[test]
fn the_last_action_that_runs_has_the_say() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    let helper = Helper::new()
        .clause(None, &[text("not this"), text("any")])
        .clause(Some(arg0_is(FRAMES[1])), &[text("second")])
        .clause(Some(arg0_is(FRAMES[2])), &[number(1)]);
    bring(&rig, &helper.image()).unwrap();
    assert_eq!(stacks.strings(), ["any", "second"]);
}

#[test]
fn clauses_share_memory_and_variables() {
    let rig = rig();
    become_process(100);
    rig.mock().poke_user(FRAMES[0], b"kept\0").unwrap();
    let stacks = Stacks::new(&rig, 1, 64);
    let helper = Helper::new()
        .clause(None, &[assign(0, call(SUBR_COPYINSTR, VAR_ARG0))])
        .clause(None, &[number(0)])
        .clause(None, &[get(0)]);
    bring(&rig, &helper.image()).unwrap();
    assert_eq!(stacks.strings(), ["kept"]);
}

#[test]
fn a_number_is_no_string() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    for value in [1, FRAMES[0], dtrace_engine::mock::KERNEL_BASE, u64::MAX] {
        let generation = bring(&rig, &Helper::new().clause(None, &[number(value)]).image()).unwrap();
        assert_eq!(stacks.strings(), [""; 0], "{value:#x}");
        take_back(&rig, generation).unwrap();
    }
    assert_eq!(stacks.status().errors, 0);
}

#[test]
fn a_fault_costs_the_frame_its_string_and_nothing_else() {
    let rig = rig();
    become_process(100);
    rig.mock().set_user_stack(&[FRAMES[0], 0x10, FRAMES[2]], 0);
    rig.mock().poke_user(FRAMES[0], b"one\0").unwrap();
    rig.mock().poke_user(FRAMES[2], b"three\0").unwrap();
    let stacks = Stacks::new(&rig, 3, 64);
    bring(&rig, &Helper::new().clause(None, &[call(SUBR_COPYINSTR, VAR_ARG0)]).image()).unwrap();
    let (words, strings) = stacks.record();
    assert_eq!(words, [100, FRAMES[0], 0x10, FRAMES[2]]);
    assert_eq!(&strings[..12], b"one\0\0three\0\0");
    assert_eq!(stacks.status().errors, 0);
}

#[test]
fn a_helper_does_not_read_the_kernel() {
    let rig = rig();
    become_process(100);
    rig.mock().set_user_stack(&[dtrace_engine::mock::KERNEL_BASE], 0);
    rig.mock().poke_kernel(dtrace_engine::mock::KERNEL_BASE, &[b'x'; 16]).unwrap();
    let stacks = Stacks::new(&rig, 1, 64);
    let helper = Helper::new().clause(None, &[load(VAR_ARG0), text("it may")]);
    bring(&rig, &helper.image()).unwrap();
    assert_eq!(stacks.strings(), [""; 0]);
}

#[test]
fn the_first_image_that_knows_a_frame_names_it() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    bring(&rig, &Helper::new().clause(Some(arg0_is(FRAMES[1])), &[text("first")]).image()).unwrap();
    bring(&rig, &constant("second")).unwrap();
    assert_eq!(stacks.strings(), ["second", "first", "second"]);
}

#[test]
fn strings_that_do_not_fit_are_counted_and_left_out() {
    let rig = rig();
    become_process(100);
    // Two strings of six bytes fit, a third does not.
    let stacks = Stacks::new(&rig, 3, 16);
    bring(&rig, &constant("frame")).unwrap();
    let (_, strings) = stacks.record();
    assert_eq!(strings, b"frame\0frame\0\0\0\0\0");
    assert_eq!(stacks.status().stkstroverflows, 1);
    stacks.record();
    assert_eq!(stacks.status().stkstroverflows, 2);
}

#[test]
fn what_fits_exactly_is_no_overflow() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 24);
    bring(&rig, &constant("seven..")).unwrap();
    let (_, strings) = stacks.record();
    assert_eq!(strings, b"seven..\0seven..\0seven..\0");
    assert_eq!(stacks.status().stkstroverflows, 0);
}

#[test]
fn helpers_are_those_of_the_process_that_fires() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    bring(&rig, &constant("hundred")).unwrap();
    become_process(200);
    assert_eq!(stacks.strings(), [""; 0]);
    bring(&rig, &constant("two hundred")).unwrap();
    assert_eq!(stacks.strings(), ["two hundred"]);
    become_process(100);
    assert_eq!(stacks.strings(), ["hundred"]);
}

#[test]
fn helpers_that_take_too_long_lose_the_rest_of_the_stack() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    bring(&rig, &constant("frame")).unwrap();
    // The clock is read before a frame's only action, after it, and after the frame.
    rig.mock().tick(2_000_000);
    assert_eq!(stacks.strings(), ["frame", "frame"]);
    rig.mock().tick(0);
    assert_eq!(stacks.strings(), ["frame", "frame", "frame"]);
}

#[test]
fn one_frame_is_not_let_take_too_long_either() {
    let rig = rig();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 128);
    let number = || call(SUBR_LLTOSTR, VAR_ARG0);
    bring(&rig, &Helper::new().clause(None, &[number(), number(), number()]).image()).unwrap();
    // Three actions with a subroutine each are six looks at the clock.
    rig.mock().tick(1_000_000);
    assert_eq!(stacks.strings(), [FRAMES[0].to_string()]);
    rig.mock().tick(2_000_000);
    assert_eq!(stacks.strings(), [""; 0]);
}
