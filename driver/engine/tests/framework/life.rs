//! The life of a consumer (contract 3): what happens when, and what is refused when.

use dtrace_abi::{Plain, action, dif, ioctl, option};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Effect, Mock, Rig, go_to_cpu};

use crate::decode::status;
use crate::program::{E, Program, S, count, words};

const ONE: &[[&str; 3]] = &[["m", "f", "n"]];
const BEGIN: [&str; 4] = ["dtrace", "", "", "BEGIN"];
const END: [&str; 4] = ["dtrace", "", "", "END"];
const PROBE: [&str; 4] = ["mock", "", "", ""];

#[test]
fn probes_record_nothing_before_go_and_after_stop() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    consumer.enable(&Program::new().buffered().clause(PROBE, None, &[]).image()).unwrap();
    rig.probe(0).fire(&[]);
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    rig.probe(0).fire(&[]);
    consumer.stop().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 1], "a clause without actions records its EPID");
}

#[test]
fn begin_comes_first_and_end_last() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &[S::Trace(E::Int32(2))])
        .clause(END, None, &[S::Trace(E::Int32(3))])
        .clause(BEGIN, None, &[S::Trace(E::Int32(1))])
        .image();
    assert_eq!(consumer.enable(&image), Ok(3));
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    consumer.stop().unwrap();
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [3, 1, 1, 2, 2, 3]);
}

#[test]
fn begin_and_end_run_on_the_cpu_of_the_caller_and_go_and_stop_say_which() {
    let rig = Rig::new(4, ONE);
    let consumer = rig.open();
    consumer.enable(&Program::new().buffered().clause(BEGIN, None, &[]).image()).unwrap();
    go_to_cpu(2);
    assert_eq!(consumer.go(), Ok(2));
    go_to_cpu(3);
    assert_eq!(consumer.stop(), Ok(3));
    assert_eq!(words(&consumer.buffer(2).unwrap().data), [1]);
    go_to_cpu(0);
}

#[test]
fn a_consumer_of_one_cpu_traces_there_and_nowhere_else() {
    let rig = Rig::new(4, ONE);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .option(option::CPU, 1)
        .clause(BEGIN, None, &[])
        .clause(PROBE, None, &[])
        .image();
    consumer.enable(&image).unwrap();
    assert_eq!(consumer.go(), Ok(1));
    for cpu in 0..4 {
        go_to_cpu(cpu);
        rig.probe(0).fire(&[]);
    }
    go_to_cpu(0);
    assert_eq!(words(&consumer.buffer(1).unwrap().data), [1, 2]);
    for cpu in [0, 2, 3] {
        assert_eq!(consumer.buffer(cpu).err(), Some(Errno::ENOENT));
        assert_eq!(consumer.aggregations(cpu).err(), Some(Errno::ENOENT));
    }
    assert_eq!(consumer.stop(), Ok(1));
}

#[test]
fn a_cpu_that_is_not_there_has_no_buffers() {
    let rig = Rig::on(Mock::new(3).without_cpu(1), ONE);
    let consumer = rig.open();
    consumer.enable(&Program::new().buffered().clause(PROBE, None, &[]).image()).unwrap();
    consumer.go().unwrap();
    assert_eq!(consumer.buffer(1).err(), Some(Errno::ENOENT));
    assert!(consumer.buffer(2).is_ok());
    let other = rig.open();
    other.enable(&Program::new().option(option::CPU, 1).image()).unwrap();
    assert_eq!(other.go(), Err(Errno::EINVAL));
}

#[test]
fn exit_in_begin_means_that_no_other_probe_ever_fires() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image = Program::new().buffered().clause(BEGIN, None, &[S::Exit(3)]).clause(PROBE, None, &[]).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(status(&consumer).exiting, 1);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 3]);
}

#[test]
fn exit_in_a_probe_ends_tracing_with_its_record_kept() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &[S::Exit(5), S::Trace(E::Int32(6))])
        .clause(PROBE, None, &[S::Trace(E::Int32(7))])
        .clause(END, None, &[S::Trace(E::Int32(8))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    assert_eq!(status(&consumer).exiting, 0);
    rig.probe(0).fire(&[]);
    rig.probe(0).fire(&[]);
    assert_eq!(status(&consumer).exiting, 1);
    consumer.stop().unwrap();
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 5, 6, 3, 8]);
}

#[test]
fn builtin_probes_fire_for_their_own_consumer_only() {
    let rig = Rig::new(1, ONE);
    let (one, other) = (rig.open(), rig.open());
    let image = Program::new().buffered().clause(BEGIN, None, &[]).clause(END, None, &[]).image();
    one.enable(&image).unwrap();
    other.enable(&image).unwrap();
    one.go().unwrap();
    other.go().unwrap();
    one.stop().unwrap();
    assert_eq!(words(&one.buffer(0).unwrap().data), [1, 2]);
    assert_eq!(words(&other.buffer(0).unwrap().data), [1]);
}

#[test]
fn several_consumers_share_a_probe_and_not_their_data() {
    let rig = Rig::new(1, ONE);
    let (one, other) = (rig.open(), rig.open());
    one.enable(&Program::new().buffered().clause(PROBE, None, &[S::Trace(E::Int32(1))]).image()).unwrap();
    other.enable(&Program::new().buffered().clause(PROBE, None, &[S::Trace(E::Int32(2))]).image()).unwrap();
    one.go().unwrap();
    rig.probe(0).fire(&[]);
    other.go().unwrap();
    rig.probe(0).fire(&[]);
    assert!(rig.is_hooked(0));
    one.close();
    assert!(rig.is_hooked(0), "the other one still wants it");
    rig.probe(0).fire(&[]);
    assert_eq!(words(&other.buffer(0).unwrap().data), [1, 2, 1, 2]);
    other.close();
    assert!(!rig.is_hooked(0));
}

#[test]
fn a_program_is_enabled_as_a_whole_or_not_at_all() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let late = S::Act(action::SPECULATE, 0, Some(E::Int(1)));
    let image = Program::new()
        .option(option::BUFSIZE, 4096)
        .clause(PROBE, None, &[S::Printf("%d", vec![E::Int(1)]), count(&[])])
        .clause(PROBE, None, &[S::Trace(E::Int(1)), late])
        .image();
    assert_eq!(consumer.enable(&image), Err(Errno::EINVAL));
    assert!(!rig.is_hooked(0));
    assert_eq!(
        consumer.ioctl(ioctl::FORMAT, &mut dtrace_abi::FmtDesc { format: 1, ..Plain::zeroed() }),
        Err(Errno::EINVAL)
    );
    // The next program has the first EPID and the first aggregation id, and the options are untouched.
    consumer
        .enable(&Program::new().option(option::AGGSIZE, 4096).clause(PROBE, None, &[count(&[])]).image())
        .unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(words(&consumer.aggregations(0).unwrap().data)[0], 1);
}

#[test]
fn nothing_can_be_enabled_or_set_once_tracing_has_begun() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    consumer.go().unwrap();
    let image = Program::new().clause(PROBE, None, &[]).image();
    assert_eq!(consumer.enable(&image), Err(Errno::EBUSY));
    assert_eq!(consumer.enable(&Program::new().option(option::BUFSIZE, 4096).image()), Err(Errno::EBUSY));
    assert_eq!(consumer.ioctl_raw(ioctl::ENABLE, 0), Ok(0), "matching again is allowed");
}

#[test]
fn destructive_programs_need_the_option_and_then_act() {
    let rig = Rig::new(1, ONE);
    let actions = [
        S::Act(action::STOP, 0, None),
        S::Act(action::RAISE, 0, Some(E::Int32(9))),
        S::Act(action::CHILL, 0, Some(E::Int(1000))),
    ];
    let program = || Program::new().buffered().clause(PROBE, None, &actions);
    let consumer = rig.open();
    consumer.enable(&program().image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::EACCES));
    consumer.enable(&Program::new().option(option::DESTRUCTIVE, 1).image()).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(rig.mock().effects(), [Effect::Stop, Effect::Raise(9), Effect::Chill(1000)]);
    assert_eq!(consumer.buffer(0).unwrap().desc.size, 0, "they record nothing");
}

#[test]
fn chill_is_limited_to_half_a_second_in_a_second() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let chill = [S::Act(action::CHILL, 0, Some(E::Int(300_000_000)))];
    let image = Program::new().buffered().option(option::DESTRUCTIVE, 1).clause(PROBE, None, &chill).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.mock().advance(2_000_000_000);
    rig.probe(0).fire(&[]);
    rig.probe(0).fire(&[]);
    assert_eq!((rig.mock().effects().len(), status(&consumer).errors), (1, 1));
    rig.mock().advance(1_500_000_000);
    rig.probe(0).fire(&[]);
    assert_eq!((rig.mock().effects().len(), status(&consumer).errors), (2, 1));
}

#[test]
fn grabbing_an_anonymous_state_finds_none() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    consumer.enable(&Program::new().option(option::GRABANON, 1).image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOENT));
}

#[test]
fn the_deadman_kills_when_nobody_keeps_house() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image = Program::new().buffered().clause(PROBE, None, &[S::Trace(E::Var(dif::VAR_ARG0))]).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    let fire = || (0..2048).for_each(|n| rig.probe(0).fire(&[n]));
    rig.mock().advance(9_000_000_000);
    assert!(rig.dtrace().housekeep().is_some());
    rig.mock().advance(9_000_000_000);
    fire();
    assert_eq!(status(&consumer).killed, 0, "house was kept nine seconds ago");
    rig.mock().advance(11_000_000_000);
    fire();
    assert_eq!(status(&consumer).killed, 1);
    consumer.buffer(0).unwrap();
    fire();
    assert_eq!(consumer.buffer(0).unwrap().desc.size, 0);
    assert_eq!(consumer.stop(), Err(Errno::EINVAL));
}

#[test]
fn a_consumer_that_is_silent_for_long_is_given_up_by_the_deadman() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    consumer.enable(&Program::new().buffered().clause(PROBE, None, &[]).image()).unwrap();
    consumer.go().unwrap();
    for _ in 0..45 {
        rig.mock().advance(1_000_000_000);
        rig.dtrace().housekeep();
    }
    (0..2048).for_each(|n| rig.probe(0).fire(&[n]));
    assert_eq!(status(&consumer).killed, 1);
}

/// A clause that is neither brief nor otherwise short.
fn long() -> Program {
    Program::looped().buffered().clause(PROBE, None, &[S::Trace(E::Var(dif::VAR_ARG0))])
}

#[test]
fn the_deadman_sees_the_first_firing_on_a_machine_that_is_not_alive() {
    let rig = Rig::new(1, &[["a", "f", "n"], ["b", "f", "n"]]);
    let consumers = [["mock", "a", "", ""], ["mock", "b", "", ""]].map(|names| {
        let consumer = rig.open();
        let image =
            Program::looped().buffered().clause(names, None, &[S::Trace(E::Var(dif::VAR_ARG0))]).image();
        consumer.enable(&image).unwrap();
        consumer.go().unwrap();
        consumer
    });
    rig.probe(0).fire(&[1]);
    rig.mock().advance(11_000_000_000);
    // The one that fires first has no eyes for the other.
    rig.probe(0).fire(&[2]);
    rig.probe(1).fire(&[2]);
    for consumer in &consumers {
        assert_eq!(status(consumer).killed, 1);
    }
}

#[test]
fn a_silent_consumer_ends_at_its_next_firing_and_one_that_speaks_again_does_not() {
    // The second of the programs is a brief one.
    for program in [long(), Program::new().buffered().clause(PROBE, None, &[count(&[])])] {
        let rig = Rig::new(1, &[["m", "f", "n"], ["other", "f", "n"]]);
        let consumer = rig.open();
        consumer.enable(&program.image()).unwrap();
        consumer.go().unwrap();
        let pass = |seconds: u64| {
            for _ in 0..seconds {
                rig.mock().advance(1_000_000_000);
                rig.dtrace().housekeep();
            }
        };
        for _ in 0..2 {
            pass(35);
            rig.probe(0).fire(&[]);
            assert_eq!(status(&consumer).killed, 0, "it has been silent, not for too long");
        }
        pass(41);
        assert_eq!(rig.dtrace().enabled_count(), 2, "nothing fires, nothing ends");
        rig.probe(0).fire(&[]);
        assert_eq!(status(&consumer).killed, 1);
    }
}
