//! Anonymous tracing: what is saved begins by itself, and is claimed once.

use std::sync::Barrier;
use std::thread;

use dtrace_abi::{DofHdr, EprobeDesc, FmtDesc, Plain, action, dif, ioctl, option};
use dtrace_engine::dof::DofError;
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, Rig, go_to_cpu};
use dtrace_engine::{Anonymous, AnonymousError, Cred, Privileges, SAVED_MAX};

use crate::decode::{first_words, status};
use crate::program::{E, Program, S, count, value_at, words};

const ONE: &[[&str; 3]] = &[["m", "f", "n"]];
const BEGIN: [&str; 4] = ["dtrace", "", "", "BEGIN"];
const END: [&str; 4] = ["dtrace", "", "", "END"];
const PROBE: [&str; 4] = ["mock", "", "", ""];

/// Images as `dtrace -A` saves them.
fn saved(programs: &[Program]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for program in programs {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(program.image());
    }
    bytes
}

/// `BEGIN { trace(1); } mock::: { trace(arg0); } END { trace(3); }`, then options.
fn program(options: &[(u32, i64)]) -> Vec<u8> {
    let clauses = Program::new()
        .clause(BEGIN, None, &[S::Trace(E::Int32(1))])
        .clause(PROBE, None, &[S::Trace(E::Var(dif::VAR_ARG0))])
        .clause(END, None, &[S::Trace(E::Int32(3))]);
    let with = |program: Program, &(which, value): &(u32, i64)| program.option(which, value);
    let options = [(option::BUFSIZE, 4096)].iter().chain(options).fold(Program::new(), with);
    saved(&[clauses, options])
}

/// A consumer that wants the anonymous state.
fn claimer(rig: &Rig) -> Handle<'_> {
    let consumer = rig.open();
    consumer.enable(&Program::new().option(option::GRABANON, 1).image()).unwrap();
    consumer
}

#[test]
fn it_traces_from_the_beginning_and_whoever_claims_it_finds_all_of_it() {
    let rig = Rig::new(2, ONE);
    go_to_cpu(1);
    assert_eq!(rig.dtrace().begin_anonymous(&program(&[])), Ok(Anonymous { clauses: 3, probes: 3 }));
    assert!(rig.is_hooked(0) && rig.dtrace().has_anonymous());
    rig.probe(0).fire(&[11]);
    go_to_cpu(0);
    rig.probe(0).fire(&[12]);
    let consumer = claimer(&rig);
    assert_eq!(consumer.go(), Ok(1), "where BEGIN ran");
    assert!(!rig.dtrace().has_anonymous());
    rig.probe(0).fire(&[13]);
    assert_eq!(first_words(&consumer, 1), [(1, 1), (2, 11)]);
    assert_eq!(first_words(&consumer, 0), [(2, 12), (2, 13)]);
    rig.probe(0).fire(&[14]);
    assert_eq!(consumer.stop(), Ok(0));
    rig.probe(0).fire(&[15]);
    assert_eq!(first_words(&consumer, 0), [(2, 14), (3, 3)], "and it is the claimer's to stop");
    consumer.close();
    assert!(!rig.is_hooked(0));
    assert_eq!(rig.dtrace().enabled_count(), 0);
}

#[test]
fn the_claimer_learns_what_the_records_are_and_what_the_options() {
    let rig = Rig::new(1, ONE);
    let printf = S::Printf("%d\n", vec![E::Int(7)]);
    let image = Program::new().buffered().clause(PROBE, None, &[printf, count(&[E::Int(9)])]).image();
    rig.dtrace().begin_anonymous(&image).unwrap();
    rig.probe(0).fire(&[]);
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    let mut eprobe = EprobeDesc { epid: 1, ..EprobeDesc::zeroed() };
    consumer.ioctl_bytes(ioctl::EPROBE, &mut eprobe.as_bytes_mut()[..EprobeDesc::HEADER]).unwrap();
    assert_eq!((eprobe.probeid, eprobe.nrecs), (rig.probe(0).id(), 1));
    let mut format = FmtDesc { format: 1, ..FmtDesc::zeroed() };
    consumer.ioctl(ioctl::FORMAT, &mut format).unwrap();
    assert_eq!(format.length, 4);
    let mut aggregation = dtrace_abi::AggDesc { id: 1, ..Plain::zeroed() };
    let header = dtrace_abi::AggDesc::HEADER;
    consumer.ioctl_bytes(ioctl::AGGDESC, &mut aggregation.as_bytes_mut()[..header]).unwrap();
    assert_eq!((aggregation.epid, aggregation.nrecs), (1, 3));
    assert_eq!(words(&consumer.aggregations(0).unwrap().data)[0], 1);
}

/// An option as DOFGET tells it.
fn option_of(consumer: &Handle<'_>, which: u32) -> i64 {
    let mut bytes = [0; 544];
    bytes[..size_of::<DofHdr>()].copy_from_slice(DofHdr { loadsz: 544, ..DofHdr::zeroed() }.as_bytes());
    consumer.ioctl_bytes(ioctl::DOFGET, &mut bytes).unwrap();
    i64::from_ne_bytes(bytes[96 + which as usize * 16 + 8..][..8].try_into().unwrap())
}

#[test]
fn the_options_are_the_saved_ones_but_for_those_of_looking_that_the_claimer_sets() {
    let rig = Rig::new(1, ONE);
    let settings = [(option::QUIET, 1), (option::SWITCHRATE, 5_000_000), (option::AGGRATE, 6_000_000)];
    rig.dtrace().begin_anonymous(&program(&settings)).unwrap();
    let consumer = claimer(&rig);
    let own = Program::new()
        .option(option::BUFSIZE, 1 << 20)
        .option(option::AGGRATE, 7_000_000)
        .option(option::FLOWINDENT, 1);
    consumer.enable(&own.image()).unwrap();
    consumer.go().unwrap();
    assert_eq!(option_of(&consumer, option::BUFSIZE), 4096);
    assert_eq!(option_of(&consumer, option::QUIET), 1);
    assert_eq!(option_of(&consumer, option::SWITCHRATE), 5_000_000);
    assert_eq!(option_of(&consumer, option::AGGRATE), 7_000_000);
    assert_eq!(option_of(&consumer, option::FLOWINDENT), 1);
}

#[test]
fn it_is_claimed_once() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    let (one, other) = (claimer(&rig), claimer(&rig));
    one.go().unwrap();
    assert_eq!(one.go(), Err(Errno::EBUSY));
    assert_eq!(other.go(), Err(Errno::ENOENT));
    one.close();
    assert_eq!(other.go(), Err(Errno::ENOENT), "what was claimed does not come back");
    let stranger = rig.open();
    stranger.go().unwrap();
    assert_eq!(status(&stranger).errors, 0, "who does not ask for it gets its own");
}

#[test]
fn of_two_that_claim_it_at_once_one_gets_it() {
    for _ in 0..if cfg!(miri) { 2 } else { 200 } {
        let rig = Rig::new(2, ONE);
        rig.dtrace().begin_anonymous(&program(&[])).unwrap();
        let (one, other) = (claimer(&rig), claimer(&rig));
        let together = Barrier::new(2);
        let go = |consumer: &Handle<'_>| {
            together.wait();
            consumer.go().map(|_| ())
        };
        let mut results = thread::scope(|scope| {
            let other = scope.spawn(|| go(&other));
            [go(&one), other.join().unwrap()]
        });
        results.sort_by_key(Result::is_err);
        assert_eq!(results, [Ok(()), Err(Errno::ENOENT)]);
    }
}

#[test]
fn who_enables_probes_himself_cannot_claim_it() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    let consumer = claimer(&rig);
    consumer.enable(&Program::new().clause(PROBE, None, &[]).image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::EALREADY));
    assert!(rig.dtrace().has_anonymous(), "and it stays for others");
}

#[test]
fn the_library_s_own_error_program_is_no_such_enabling() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    let consumer = claimer(&rig);
    let error = ["dtrace", "", "", "ERROR"];
    consumer.enable(&Program::new().clause_of(1, error, &[S::Trace(E::Int32(1))]).image()).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[5]);
    assert_eq!(first_words(&consumer, 0), [(1, 1), (2, 5)], "EPID 1 is the anonymous state's");
    let consumer = claimer(&rig);
    consumer.enable(&Program::new().clause_of(2, error, &[S::Trace(E::Int32(1))]).image()).unwrap();
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    assert_eq!(consumer.go(), Err(Errno::EALREADY), "a user's is");
}

#[test]
fn only_who_may_do_everything_can_claim_it() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    let most = Privileges::KERNEL.with(Privileges::PROC).with(Privileges::USER).with(Privileges::OWNER);
    let consumer = rig.open_as(Cred { uid: 1000, gid: 1000, privileges: most }).unwrap();
    consumer.enable(&Program::new().option(option::GRABANON, 1).image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::EPERM));
    assert!(rig.dtrace().has_anonymous());
}

#[test]
fn a_bad_image_leaves_nothing() {
    let rig = Rig::new(1, ONE);
    let good = program(&[]);
    let begin = |saved: &[u8]| {
        let result = rig.dtrace().begin_anonymous(saved);
        assert!(!rig.is_hooked(0) && !rig.dtrace().has_anonymous());
        assert_eq!(rig.dtrace().enabled_count(), 0);
        result.unwrap_err()
    };
    assert_eq!(begin(&[]), AnonymousError::Empty);
    assert_eq!(begin(&vec![0; SAVED_MAX + 1]), AnonymousError::TooBig);
    let truncated = DofError::Truncated;
    assert_eq!(begin(&good[..63]), AnonymousError::Image { image: 0, error: truncated });
    assert_eq!(begin(&good[..good.len() - 1]), AnonymousError::Image { image: 1, error: truncated });
    let mut wrong = good.clone();
    wrong[0] = b'x';
    assert_eq!(begin(&wrong), AnonymousError::Image { image: 0, error: DofError::Magic });
    let mut endless = good.clone();
    DofHdr::from_bytes(&good).map(|header| DofHdr { loadsz: 1 << 40, ..header }).iter().for_each(|header| {
        endless[..size_of::<DofHdr>()].copy_from_slice(header.as_bytes());
    });
    assert_eq!(begin(&endless), AnonymousError::Image { image: 0, error: DofError::TooBig });
    let unallowed = Program::new().buffered().clause(PROBE, None, &[S::Act(action::STOP, 0, None)]);
    assert_eq!(begin(&unallowed.image()), AnonymousError::Go(Errno::EACCES));
    let unreadable = Program::new().option(option::BUFPOLICY, 99);
    assert_eq!(begin(&saved(&[unreadable])), AnonymousError::Go(Errno::EINVAL));
    rig.dtrace().disallow_destructive();
    let destructive = Program::new().option(option::DESTRUCTIVE, 1);
    let error = AnonymousError::Enable { image: 0, error: Errno::EACCES };
    assert_eq!(begin(&saved(&[destructive])), error);
    assert_eq!(rig.dtrace().begin_anonymous(&good), Ok(Anonymous { clauses: 3, probes: 3 }));
    assert_eq!(rig.dtrace().begin_anonymous(&good), Err(AnonymousError::Exists));
}

#[test]
fn every_cut_of_a_file_is_refused_or_taken_and_nothing_else() {
    let whole = program(&[]);
    for size in (0..whole.len()).step_by(if cfg!(miri) { 97 } else { 1 }) {
        let rig = Rig::new(1, ONE);
        let _ = rig.dtrace().begin_anonymous(&whole[..size]);
        rig.probe(0).fire(&[1]);
        rig.dtrace().end_anonymous();
        assert!(!rig.is_hooked(0));
    }
}

#[test]
fn unclaimed_it_can_be_ended() {
    let rig = Rig::new(2, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    rig.probe(0).fire(&[1]);
    rig.dtrace().end_anonymous();
    assert!(!rig.is_hooked(0) && !rig.dtrace().has_anonymous());
    assert_eq!(claimer(&rig).go(), Err(Errno::ENOENT));
    rig.dtrace().end_anonymous();
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    rig.dtrace().end_anonymous();
    rig.probe(0).fire(&[2]);
    assert_eq!(first_words(&consumer, 0), [(1, 1), (2, 2)], "claimed it is its claimer's to end");
}

#[test]
fn a_full_buffer_drops_and_says_how_many() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[(option::BUFSIZE, 64)])).unwrap();
    // Eight bytes of BEGIN, and sixteen for each record of the probe.
    (0..10).for_each(|n| rig.probe(0).fire(&[n]));
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    let snapshot = consumer.buffer(0).unwrap();
    assert_eq!((snapshot.desc.size, snapshot.desc.drops), (8 + 3 * 16, 7));
}

#[test]
fn a_ring_keeps_the_newest_and_a_buffer_that_fills_the_oldest() {
    for (policy, kept) in [(option::BUFPOLICY_RING, [8, 9]), (option::BUFPOLICY_FILL, [0, 1])] {
        let rig = Rig::new(1, ONE);
        let image = Program::new()
            .option(option::BUFSIZE, 32)
            .option(option::BUFPOLICY, policy)
            .clause(PROBE, None, &[S::Trace(E::Var(dif::VAR_ARG0))])
            .image();
        rig.dtrace().begin_anonymous(&image).unwrap();
        (0..10).for_each(|n| rig.probe(0).fire(&[n]));
        let consumer = claimer(&rig);
        consumer.go().unwrap();
        assert_eq!(status(&consumer).filled, u64::from(policy == option::BUFPOLICY_FILL));
        assert_eq!(consumer.buffer(0).unwrap_err(), Errno::EBUSY, "it is read when it is stopped");
        consumer.stop().unwrap();
        let snapshot = consumer.buffer(0).unwrap();
        let (newest, oldest) = snapshot.data.split_at(snapshot.desc.oldest as usize);
        let data = [oldest, newest].concat();
        assert_eq!([value_at(&data, 8), value_at(&data, 24)], kept);
    }
}

#[test]
fn speculations_are_begun_before_and_committed_after_it_is_claimed() {
    let rig = Rig::new(1, &[["m", "f", "speculate"], ["m", "f", "commit"]]);
    let act = |kind| S::Act(kind, 0, Some(E::Int(1)));
    let image = Program::new()
        .buffered()
        .clause(BEGIN, None, &[S::Act(action::LIBACT, 0, Some(E::Speculation))])
        .clause(["mock", "", "", "speculate"], None, &[act(action::SPECULATE), S::Trace(E::Int32(7))])
        .clause(["mock", "", "", "commit"], None, &[act(action::COMMIT), S::Trace(E::Int32(8))])
        .image();
    rig.dtrace().begin_anonymous(&image).unwrap();
    rig.probe(0).fire(&[]);
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    let begun = consumer.buffer(0).unwrap();
    assert!(!words(&begun.data).contains(&7));
    rig.probe(1).fire(&[]);
    let ends = consumer.buffer(0).unwrap().data;
    let values: Vec<u32> = words(&ends).into_iter().filter(|&n| n == 7 || n == 8).collect();
    assert_eq!(values, [7, 8]);
}

#[test]
fn when_it_has_called_exit_it_waits_to_be_stopped() {
    let rig = Rig::new(1, ONE);
    let image = Program::new()
        .buffered()
        .clause(BEGIN, None, &[S::Exit(4)])
        .clause(PROBE, None, &[S::Trace(E::Int32(5))])
        .clause(END, None, &[S::Trace(E::Int32(6))])
        .image();
    rig.dtrace().begin_anonymous(&image).unwrap();
    rig.probe(0).fire(&[]);
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    assert_eq!(status(&consumer).exiting, 1);
    consumer.stop().unwrap();
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 4, 3, 6]);
}

#[test]
fn the_deadman_leaves_it_alone_while_house_is_kept() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    for _ in 0..100 {
        rig.mock().advance(1_000_000_000);
        rig.dtrace().housekeep();
    }
    (0..2048).for_each(|n| rig.probe(0).fire(&[n]));
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    assert_eq!(status(&consumer).killed, 0);
    for _ in 0..45 {
        rig.mock().advance(1_000_000_000);
        rig.dtrace().housekeep();
    }
    (0..2048).for_each(|n| rig.probe(0).fire(&[n]));
    assert_eq!(status(&consumer).killed, 1, "its claimer must be heard of, as any consumer");
}

#[test]
fn a_machine_in_which_nobody_keeps_house_kills_it() {
    let rig = Rig::new(1, ONE);
    rig.dtrace().begin_anonymous(&program(&[])).unwrap();
    rig.mock().advance(11_000_000_000);
    (0..2048).for_each(|n| rig.probe(0).fire(&[n]));
    let consumer = claimer(&rig);
    consumer.go().unwrap();
    assert_eq!(status(&consumer).killed, 1);
}

#[test]
fn claiming_while_probes_fire_loses_nothing() {
    const FIRINGS: u64 = if cfg!(miri) { 20 } else { 20_000 };
    let rig = Rig::new(2, ONE);
    let image = Program::new().buffered().clause(PROBE, None, &[count(&[])]).image();
    rig.dtrace().begin_anonymous(&image).unwrap();
    let consumer = claimer(&rig);
    thread::scope(|scope| {
        scope.spawn(|| {
            go_to_cpu(1);
            (0..FIRINGS).for_each(|n| rig.probe(0).fire(&[n]));
        });
        consumer.go().unwrap();
    });
    let data = consumer.aggregations(1).unwrap().data;
    assert_eq!(value_at(&data, data.len() - 8), FIRINGS);
}
