//! The layout of records, to the byte (contract 2.6).

use dtrace_abi::{EprobeDesc, Plain, RecDesc, action, dif, ioctl, option};
use dtrace_engine::mock::{Handle, KERNEL_BASE, Rig, USER_BASE, Who, become_who};

use crate::program::{E, Program, S, count, value_at, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];

/// A rig with one probe, and a consumer that traces these statements in it.
fn tracing(rig: &Rig, statements: Vec<S>) -> Handle<'_> {
    let consumer = rig.open();
    consumer.enable(&Program::new().buffered().clause(PROBE, None, &statements).image()).unwrap();
    consumer.go().unwrap();
    consumer
}

fn one_probe() -> Rig {
    Rig::new(1, &[["module", "function", "name"]])
}

/// What EPROBE says of an EPID: size and records.
pub(crate) fn described(consumer: &Handle<'_>, epid: u32) -> (u32, Vec<RecDesc>) {
    let mut bytes = [0u8; 24 + 32 * 32];
    bytes[..56].copy_from_slice(EprobeDesc { epid, nrecs: 32, ..EprobeDesc::zeroed() }.as_bytes());
    consumer.ioctl_bytes(ioctl::EPROBE, &mut bytes).unwrap();
    let desc = EprobeDesc::from_bytes(&bytes).unwrap();
    let records = bytes[24..].chunks(32).take(desc.nrecs as usize);
    (desc.size, records.map(|at| RecDesc::from_bytes(at).unwrap()).collect())
}

fn places(records: &[RecDesc]) -> Vec<(u32, u32, u16)> {
    records.iter().map(|r| (r.offset, r.size, r.alignment)).collect()
}

#[test]
fn a_clause_without_actions_is_its_epid() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![]);
    assert_eq!(described(&consumer, 1), (4, vec![]));
    rig.probe(0).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1]);
}

#[test]
fn records_are_aligned_to_the_lowest_power_of_two_in_their_size() {
    let rig = one_probe();
    let statements = vec![
        S::Trace(E::Int32(1)),
        S::Trace(E::Int(2)),
        S::Trace(E::Bytes(KERNEL_BASE, 3)),
        S::Trace(E::Bytes(KERNEL_BASE, 6)),
        S::Trace(E::Bytes(KERNEL_BASE, 12)),
        S::Trace(E::Bytes(KERNEL_BASE, 24)),
    ];
    let consumer = tracing(&rig, statements);
    let (size, records) = described(&consumer, 1);
    assert_eq!(places(&records), [(4, 4, 4), (8, 8, 8), (16, 3, 1), (20, 6, 2), (28, 12, 4), (40, 24, 8)]);
    assert_eq!(size, 64);
}

#[test]
fn sizes_are_rounded_up_to_words() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![S::Trace(E::Bytes(KERNEL_BASE, 3))]);
    assert_eq!(described(&consumer, 1).0, 8);
}

#[test]
fn padding_words_bring_a_record_to_its_alignment() {
    let rig = one_probe();
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &[])
        .clause(PROBE, None, &[S::Trace(E::Int(u64::MAX))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!(words(&data), [1, 0, 2, 0, u32::MAX, u32::MAX]);
}

#[test]
fn a_string_is_zero_filled_to_its_size() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![S::Trace(E::Text("hello"))]);
    for _ in 0..2 {
        rig.probe(0).fire(&[]);
        let data = consumer.buffer(0).unwrap().data;
        assert_eq!(data.len(), 264);
        assert_eq!(&data[8..14], b"hello\0");
        assert!(data[14..].iter().all(|&b| b == 0));
    }
    let (size, records) = described(&consumer, 1);
    assert_eq!((size, places(&records)), (264, vec![(8, 256, 8)]));
}

#[test]
fn names_of_the_probe_and_the_thread_are_traced_as_strings() {
    let rig = one_probe();
    let names =
        [dif::VAR_PROBEPROV, dif::VAR_PROBEMOD, dif::VAR_PROBEFUNC, dif::VAR_PROBENAME, dif::VAR_EXECNAME];
    let consumer = tracing(&rig, names.iter().map(|&id| S::Trace(E::Name(id))).collect());
    become_who(Who { execname: "sh".into(), ..Who::default() });
    rig.probe(0).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    for (n, name) in ["mock\0", "module\0", "function\0", "name\0", "sh\0"].iter().enumerate() {
        assert_eq!(&data[8 + n * 256..][..name.len()], name.as_bytes());
    }
}

#[test]
fn memory_is_traced_as_its_bytes() {
    let rig = one_probe();
    rig.mock().poke_kernel(KERNEL_BASE + 8, b"abcdefghijkl").unwrap();
    let consumer = tracing(&rig, vec![S::Act(action::TRACEMEM, 0, Some(E::Bytes(KERNEL_BASE + 8, 12)))]);
    rig.probe(0).fire(&[]);
    assert_eq!(&consumer.buffer(0).unwrap().data[4..], b"abcdefghijkl");
}

#[test]
fn values_keep_their_width() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![S::Trace(E::Int32(0xdead_beef)), S::Exit(0x1_02)]);
    rig.probe(0).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 0xdead_beef, 0x102]);
}

#[test]
fn arguments_at_hand_and_arguments_of_the_provider() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![S::Trace(E::Var(dif::VAR_ARG0)), S::Trace(E::Var(dif::VAR_ARG5))]);
    rig.probe(0).fire(&[77]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!((value_at(&data, 8), value_at(&data, 16)), (77, 0xa005));
}

#[test]
fn stacks_fill_their_frames_with_what_there_is_and_zeros() {
    let rig = one_probe();
    let statements = vec![
        S::Act(action::STACK, 3, None),
        S::Act(action::STACK, 0, None),
        S::Act(action::USTACK, 5, None),
        S::Act(action::JSTACK, 4 | 10 << 32, None),
    ];
    let consumer = tracing(&rig, statements);
    rig.probe(0).fire(&[]);
    let (size, records) = described(&consumer, 1);
    assert_eq!(places(&records), [(8, 24, 8), (32, 160, 8), (192, 48, 8), (240, 56, 8)]);
    let args: Vec<u64> = records.iter().map(|r| r.arg).collect();
    assert_eq!(args, [3, 20, 5, 4 | 16 << 32], "what the options gave stands in the argument");
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!(data.len(), size as usize);
    let at = |offset| value_at(&data, offset);
    // The mock has five kernel frames, of which the probe's own is left out, and three user frames.
    assert_eq!([at(8), at(24)], [KERNEL_BASE + 32, KERNEL_BASE + 64]);
    assert_eq!([at(32 + 24), at(32 + 32)], [KERNEL_BASE + 80, 0]);
    assert_eq!([at(192), at(200), at(216), at(224)], [100, USER_BASE + 16, USER_BASE + 48, 0]);
}

#[test]
fn symbols_are_addresses_and_user_symbols_have_their_process() {
    let rig = one_probe();
    let statements =
        vec![S::Act(action::SYM, 0, Some(E::Int(0x11))), S::Act(action::UADDR, 0, Some(E::Int(0x22)))];
    let consumer = tracing(&rig, statements);
    rig.probe(0).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!([value_at(&data, 8), value_at(&data, 16), value_at(&data, 24)], [0x11, 100, 0x22]);
}

#[test]
fn a_clause_that_records_nothing_takes_no_room() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![S::Trace(E::Increment(0)), count(&[])]);
    assert_eq!(described(&consumer, 1).0, 0);
    rig.probe(0).fire(&[]);
    assert_eq!(consumer.buffer(0).unwrap().desc.size, 0);
}

#[test]
fn a_tuple_is_staged_where_the_next_record_will_be() {
    let rig = one_probe();
    let statements = vec![
        S::Trace(E::Int32(5)),
        count(&[E::Text("a long key that is staged over it")]),
        S::Trace(E::Int(6)),
    ];
    let consumer = tracing(&rig, statements);
    let (size, records) = described(&consumer, 1);
    assert_eq!((size, places(&records)), (16, vec![(4, 4, 4), (8, 8, 8)]), "tuples are no records");
    rig.probe(0).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!(words(&data)[..2], [1, 5]);
    assert_eq!(value_at(&data, 8), 6);
}

#[test]
fn a_record_that_does_not_fit_is_a_drop_of_that_interval() {
    let rig = one_probe();
    let consumer = rig.open();
    let image =
        Program::new().option(option::BUFSIZE, 64).clause(PROBE, None, &[S::Trace(E::Int(1))]).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    for _ in 0..10 {
        rig.probe(0).fire(&[]);
    }
    let snapshot = consumer.buffer(0).unwrap();
    assert_eq!((snapshot.desc.size, snapshot.desc.drops), (64, 6));
    rig.probe(0).fire(&[]);
    let snapshot = consumer.buffer(0).unwrap();
    assert_eq!((snapshot.desc.size, snapshot.desc.drops), (16, 0));
}

#[test]
fn a_false_predicate_counts_no_drop_in_a_full_buffer() {
    let rig = one_probe();
    let consumer = rig.open();
    let image = Program::new()
        .option(option::BUFSIZE, 64)
        .clause(PROBE, Some(E::Equal(dif::VAR_ARG0, 1)), &[S::Trace(E::Int(1))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    for _ in 0..10 {
        rig.probe(0).fire(&[1]);
        rig.probe(0).fire(&[0]);
    }
    assert_eq!(consumer.buffer(0).unwrap().desc.drops, 6);
}

#[test]
fn a_predicate_that_only_the_thread_decides_is_remembered_per_thread() {
    let rig = one_probe();
    let consumer = rig.open();
    let image = Program::new().buffered().clause(PROBE, Some(E::Equal(dif::VAR_PID, 4242)), &[]).image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    rig.probe(0).fire(&[]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            become_who(Who { pid: 4242, ..Who::default() });
            rig.probe(0).fire(&[]);
            rig.probe(0).fire(&[]);
        });
    });
    rig.probe(0).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 1]);
}

#[test]
fn the_clock_is_read_once_a_firing_if_at_all() {
    let rig = one_probe();
    let consumer = tracing(&rig, vec![S::Trace(E::Var(dif::VAR_ARG0)), count(&[E::Name(dif::VAR_EXECNAME)])]);
    let before = rig.mock().clock_reads();
    (0..100).for_each(|n| rig.probe(0).fire(&[n]));
    assert_eq!(rig.mock().clock_reads(), before);
    consumer.close();
    let _consumer =
        tracing(&rig, vec![S::Trace(E::Var(dif::VAR_TIMESTAMP)), S::Trace(E::Var(dif::VAR_TIMESTAMP))]);
    let before = rig.mock().clock_reads();
    (0..100).for_each(|n| rig.probe(0).fire(&[n]));
    assert_eq!(rig.mock().clock_reads(), before + 100);
}

#[test]
fn epid_and_probe_id_are_what_the_consumer_knows() {
    let rig = Rig::new(1, &[["a", "f", "n"], ["b", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &[S::Trace(E::Var(dif::VAR_EPID)), S::Trace(E::Var(dif::VAR_ID))])
        .image();
    assert_eq!(consumer.enable(&image), Ok(2));
    consumer.go().unwrap();
    rig.probe(1).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!(
        (words(&data)[0], value_at(&data, 8), value_at(&data, 16)),
        (2, 2, u64::from(rig.probe(1).id()))
    );
}
