//! Options: what GO makes of them, and what it refuses (contract 2.1, 2.5).

use dtrace_abi::{DofHdr, DofOptDesc, Plain, option};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, Rig};
use dtrace_engine::{Cred, Privileges};

use crate::program::{E, Program, S, count, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];
const ONE: &[[&str; 3]] = &[["m", "f", "n"]];

fn options(consumer: &Handle<'_>) -> Vec<i64> {
    let mut image = [0u8; 544];
    image[..64].copy_from_slice(DofHdr { loadsz: 544, ..DofHdr::zeroed() }.as_bytes());
    consumer.ioctl_bytes(dtrace_abi::ioctl::DOFGET, &mut image).unwrap();
    image[96..].chunks(16).map(|at| DofOptDesc::from_bytes(at).unwrap().value as i64).collect()
}

#[test]
fn a_fresh_consumer_has_the_defaults() {
    let rig = Rig::new(1, ONE);
    assert_eq!(options(&rig.open()), option::DEFAULTS);
}

#[test]
fn what_is_out_of_range_is_refused_and_changes_nothing() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    for (option, value) in [(28, 1), (u32::MAX, 1), (option::BUFSIZE, -5), (option::STRSIZE, i64::MIN)] {
        let image = Program::new().option(option::AGGSIZE, 777).option(option, value).image();
        assert_eq!(consumer.enable(&image), Err(Errno::EINVAL), "{option} = {value}");
    }
    assert_eq!(options(&consumer), option::DEFAULTS);
}

#[test]
fn bufsize_is_rounded_down_and_aggsize_is_nothing_for_who_does_not_aggregate() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image = Program::new()
        .option(option::BUFSIZE, 4101)
        .option(option::AGGSIZE, 4096)
        .clause(PROBE, None, &[])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    let options = options(&consumer);
    assert_eq!(options[option::BUFSIZE as usize], 4096);
    assert_eq!(options[option::AGGSIZE as usize], 0);
    assert_eq!(options[option::DYNVARSIZE as usize], 1 << 20);
    assert_eq!(options[option::SPECSIZE as usize], 0);
}

#[test]
fn bufsize_is_raised_for_who_aggregates() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image =
        Program::new().option(option::AGGSIZE, 4096).clause(PROBE, None, &[count(&[E::Text("key")])]).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    assert!(options(&consumer)[option::BUFSIZE as usize] >= 272);
    rig.probe(0).fire(&[]);
    assert_eq!(consumer.aggregations(0).unwrap().data.len(), 280);
}

#[test]
fn a_buffer_that_is_needed_and_not_asked_for_is_refused() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    consumer.enable(&Program::new().clause(PROBE, None, &[]).image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOSPC));
}

#[test]
#[cfg_attr(miri, ignore = "ends where memory does")]
fn more_memory_than_there_is_is_halved_or_refused() {
    let rig = Rig::new(1, ONE);
    let much = 1 << 50;
    let manual = rig.open();
    let image = Program::new()
        .option(option::BUFSIZE, much)
        .option(option::BUFRESIZE, option::BUFRESIZE_MANUAL)
        .clause(PROBE, None, &[])
        .image();
    manual.enable(&image).unwrap();
    assert_eq!(manual.go(), Err(Errno::ENOMEM));
}

#[test]
fn who_lacks_privileges_may_not_have_large_buffers() {
    let rig = Rig::new(1, ONE);
    let cred = Cred { uid: 5, gid: 5, privileges: Privileges::USER.with(Privileges::KERNEL) };
    let consumer = rig.open_as(cred).unwrap();
    let image = Program::new().option(option::BUFSIZE, 17 << 20).clause(PROBE, None, &[]).image();
    consumer.enable(&image).unwrap();
    assert_eq!(consumer.go(), Err(Errno::EFBIG));
}

#[test]
fn rates_are_brought_into_their_bounds_at_go() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let image = Program::new().option(option::CLEANRATE, 1).option(option::STATUSRATE, 1 << 50).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    assert_eq!(options(&consumer)[option::CLEANRATE as usize], 200_000);
    assert_eq!(options(&consumer)[option::STATUSRATE as usize], 10_000_000_000);
}

#[test]
fn options_that_come_after_the_program_count() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let stack = S::Act(dtrace_abi::action::STACK, 0, None);
    consumer.enable(&Program::new().clause(PROBE, None, &[stack]).image()).unwrap();
    consumer.enable(&Program::new().buffered().option(option::STACKFRAMES, 2).image()).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(consumer.buffer(0).unwrap().data.len(), 8 + 16);
}

fn with_policy(rig: &Rig, policy: i64) -> Handle<'_> {
    let consumer = rig.open();
    let image = Program::new()
        .option(option::BUFSIZE, 64)
        .option(option::BUFPOLICY, policy)
        .clause(PROBE, None, &[S::Trace(E::Increment(0)), S::Trace(E::Global(0))])
        .clause(["dtrace", "", "", "END"], None, &[S::Trace(E::Int(99))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    consumer
}

fn values(data: &[u8]) -> Vec<u32> {
    words(data).chunks(4).map(|record| record[2]).collect()
}

#[test]
fn a_fill_buffer_keeps_the_first_records_and_room_for_end() {
    let rig = Rig::new(1, ONE);
    let consumer = with_policy(&rig, option::BUFPOLICY_FILL);
    (0..10).for_each(|_| rig.probe(0).fire(&[]));
    assert_eq!(consumer.buffer(0).err(), Some(Errno::EBUSY));
    let mut status = dtrace_abi::Status::zeroed();
    consumer.ioctl(dtrace_abi::ioctl::STATUS, &mut status).unwrap();
    assert_eq!(status.filled, 1);
    consumer.stop().unwrap();
    let first = consumer.buffer(0).unwrap();
    assert_eq!(values(&first.data).last(), Some(&99));
    assert_eq!(values(&first.data)[..2], [1, 2]);
    assert_eq!(consumer.buffer(0).unwrap().desc.size, 0, "it is read once");
}

#[test]
fn a_ring_buffer_keeps_the_last_records() {
    let rig = Rig::new(1, ONE);
    let consumer = with_policy(&rig, option::BUFPOLICY_RING);
    (0..10).for_each(|_| rig.probe(0).fire(&[]));
    assert_eq!(consumer.buffer(0).err(), Some(Errno::EBUSY));
    consumer.stop().unwrap();
    let snapshot = consumer.buffer(0).unwrap();
    let oldest = snapshot.desc.oldest as usize;
    let mut ordered = snapshot.data[oldest..].to_vec();
    ordered.extend_from_slice(&snapshot.data[..oldest]);
    assert_eq!(values(&ordered), [8, 9, 10, 99]);
}

#[test]
fn all_buffers_together_are_what_the_machine_can_spare() {
    let rig = Rig::new(4, ONE);
    rig.mock().set_spare_memory((4 << 20) + (64 << 10));
    let program = |resize| {
        Program::new()
            .option(option::BUFSIZE, 1 << 20)
            .option(option::BUFRESIZE, resize)
            .option(option::DYNVARSIZE, 64 << 10)
            .clause(PROBE, None, &[])
            .image()
    };
    let consumer = rig.open();
    consumer.enable(&program(option::BUFRESIZE_AUTO)).unwrap();
    consumer.go().unwrap();
    // Two on each of four processors, and room for the variables.
    assert_eq!(options(&consumer)[option::BUFSIZE as usize], 512 << 10);
    let consumer = rig.open();
    consumer.enable(&program(option::BUFRESIZE_MANUAL)).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOMEM));
}

#[test]
fn speculations_are_counted_with_the_buffers() {
    let rig = Rig::new(2, ONE);
    rig.mock().set_spare_memory(16 << 20);
    let program = |nspec, resize| {
        Program::new()
            .option(option::BUFSIZE, 1 << 20)
            .option(option::BUFRESIZE, resize)
            .option(option::DYNVARSIZE, 64 << 10)
            .option(option::NSPEC, nspec)
            .option(option::SPECSIZE, 4 << 20)
            .clause(PROBE, None, &[S::Trace(E::Speculation)])
            .image()
    };
    let consumer = rig.open();
    consumer.enable(&program(1000, option::BUFRESIZE_AUTO)).unwrap();
    consumer.go().unwrap();
    let options = options(&consumer);
    assert_eq!(options[option::BUFSIZE as usize], 1 << 20);
    assert_eq!(options[option::SPECSIZE as usize], 4 << 10);
    let consumer = rig.open();
    consumer.enable(&program(1000, option::BUFRESIZE_MANUAL)).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOMEM));
    // However small they become, there is no room for so many.
    rig.mock().set_spare_memory(u64::MAX);
    let consumer = rig.open();
    consumer.enable(&program(1_000_000, option::BUFRESIZE_AUTO)).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOMEM));
}

#[test]
fn strings_have_a_bound_for_who_may_not_do_everything() {
    let settled = |privileges| {
        let rig = Rig::new(1, ONE);
        let consumer = rig.open_as(Cred { uid: 1, gid: 1, privileges }).unwrap();
        let program = Program::new().buffered().option(option::STRSIZE, 1 << 20).clause(PROBE, None, &[]);
        consumer.enable(&program.image()).unwrap();
        consumer.go().unwrap();
        options(&consumer)[option::STRSIZE as usize]
    };
    assert_eq!(settled(Privileges::ALL), 1 << 20);
    assert_eq!(settled(Privileges::KERNEL), 64 << 10);
}
