//! Aggregations through the framework: layout of their records, ids, and AGGDESC (contract 2.6).

use dtrace_abi::{AggDesc, Plain, RecDesc, action, agg, dif, ioctl, option};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, KERNEL_BASE, Rig, USER_BASE, Who, become_who};

use crate::program::{E, Program, S, count, value_at, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];

fn described(consumer: &Handle<'_>, id: u32) -> Result<(AggDesc, Vec<RecDesc>), Errno> {
    let mut bytes = [0u8; 40 + 8 * 32];
    let desc = AggDesc { id, nrecs: 8, name: 0x1234, varid: 0x5678, flags: 9, ..AggDesc::zeroed() };
    bytes[..72].copy_from_slice(desc.as_bytes());
    consumer.ioctl_bytes(ioctl::AGGDESC, &mut bytes)?;
    let desc = AggDesc::from_bytes(&bytes).unwrap();
    let records = bytes[40..].chunks(32).take(desc.nrecs as usize);
    Ok((desc, records.map(|at| RecDesc::from_bytes(at).unwrap()).collect()))
}

fn tracing<'a>(rig: &'a Rig, statements: &[S]) -> Handle<'a> {
    let consumer = rig.open();
    consumer.enable(&Program::new().buffered().clause(PROBE, None, statements).image()).unwrap();
    consumer.go().unwrap();
    consumer
}

#[test]
fn a_count_by_execname_is_one_record_for_each_name() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = tracing(&rig, &[count(&[E::Name(dif::VAR_EXECNAME)])]);
    for (name, times) in [("sh", 3), ("ls", 2)] {
        become_who(Who { execname: name.into(), ..Who::default() });
        (0..times).for_each(|_| rig.probe(0).fire(&[]));
    }
    let snapshot = consumer.aggregations(0).unwrap();
    let (desc, records) = described(&consumer, 1).unwrap();
    assert_eq!((desc.epid, desc.size, desc.nrecs), (1, 16 + 256 + 8, 3));
    assert_eq!((desc.name, desc.varid, desc.flags), (0x1234, 0x5678, 9), "not the driver's");
    let places: Vec<_> = records.iter().map(|r| (r.action, r.offset, r.size)).collect();
    assert_eq!(places, [(1, 8, 8), (1, 16, 256), (0x701, 272, 8)]);
    assert_eq!(snapshot.data.len(), 2 * 280);
    let read = |at: usize| {
        let record = &snapshot.data[at..];
        let name = record[16..].split(|&b| b == 0).next().unwrap().to_vec();
        (words(record)[0], value_at(record, 8), String::from_utf8(name).unwrap(), value_at(record, 272))
    };
    assert_eq!(read(0), (1, 1, "sh".to_string(), 3));
    assert_eq!(read(280), (1, 1, "ls".to_string(), 2));
}

/// Wherever the last record has ended: an empty one leaves the next at a multiple of 4.
#[test]
fn a_stack_is_one_key_wherever_it_is_staged() {
    for (kind, frames) in
        [(action::STACK, [KERNEL_BASE + 32, KERNEL_BASE + 48]), (action::USTACK, [100, USER_BASE + 16])]
    {
        let rig = Rig::new(1, &[["m", "f", "n"]]);
        let consumer = rig.open();
        let by_stack = [count(&[E::Stack(kind, 2)])];
        consumer
            .enable(
                &Program::new().buffered().clause(PROBE, None, &[]).clause(PROBE, None, &by_stack).image(),
            )
            .unwrap();
        consumer.go().unwrap();
        (0..4).for_each(|_| rig.probe(0).fire(&[]));
        let data = consumer.aggregations(0).unwrap().data;
        let (desc, records) = described(&consumer, 1).unwrap();
        assert_eq!(data.len(), desc.size as usize, "one stack, one record");
        let key = records[1].offset as usize;
        assert_eq!([value_at(&data, key), value_at(&data, key + 8)], frames);
        assert_eq!(value_at(&data, records[2].offset as usize), 4);
    }
}

#[test]
fn each_snapshot_begins_anew() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = tracing(&rig, &[count(&[])]);
    for times in [1, 5, 0, 2] {
        (0..times).for_each(|_| rig.probe(0).fire(&[]));
        let data = consumer.aggregations(0).unwrap().data;
        assert_eq!(data.get(16..).map_or(0, |at| value_at(at, 0)), times);
    }
}

#[test]
fn the_probes_of_one_clause_share_an_aggregation() {
    let rig = Rig::new(1, &[["m", "f", "a"], ["m", "f", "b"]]);
    let consumer = tracing(&rig, &[count(&[])]);
    rig.probe(0).fire(&[]);
    rig.probe(1).fire(&[]);
    assert_eq!(value_at(&consumer.aggregations(0).unwrap().data, 16), 2);
}

#[test]
fn functions_have_their_values() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let value = Some(E::Var(dif::VAR_ARG0));
    let linear = agg::LquantizeArg { base: 0, step: 10, levels: 10 }.pack();
    let of = |kind, arg| S::Agg(kind, arg, vec![], value, None);
    let statements = [
        of(agg::SUM, 0),
        of(agg::MIN, 0),
        of(agg::MAX, 0),
        of(agg::AVG, 0),
        of(agg::QUANTIZE, 0),
        of(agg::LQUANTIZE, linear),
    ];
    let consumer = tracing(&rig, &statements);
    for n in [5, 25, -3i64] {
        rig.probe(0).fire(&[n as u64]);
    }
    let data = consumer.aggregations(0).unwrap().data;
    let mut at = 0;
    let mut values = Vec::new();
    for id in 1..=6u32 {
        let (desc, records) = described(&consumer, id).unwrap();
        assert_eq!(words(&data[at..])[0], id);
        let value = records.last().unwrap();
        assert_eq!(value.offset, 16);
        let end = at + desc.size as usize;
        values.push(data[at + 16..end].chunks(8).map(|w| i64::from_bytes(w).unwrap()).collect::<Vec<_>>());
        at = end;
    }
    assert_eq!(at, data.len());
    assert_eq!(values[..4], [vec![27], vec![-3], vec![25], vec![3, 27]]);
    assert_eq!((values[4].len(), values[4].iter().sum::<i64>()), (127, 3));
    assert_eq!(values[5], [linear as i64, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_distribution_may_count_for_more_than_one() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let value = Some(E::Var(dif::VAR_ARG0));
    let consumer = tracing(&rig, &[S::Agg(agg::QUANTIZE, 0, vec![], value, Some(E::Int(7)))]);
    rig.probe(0).fire(&[1]);
    let (desc, records) = described(&consumer, 1).unwrap();
    assert_eq!((desc.nrecs, records.len()), (2, 2), "what records nothing is not told");
    let data = consumer.aggregations(0).unwrap().data;
    assert_eq!(value_at(&data[records[1].offset as usize..], 64 * 8), 7);
}

#[test]
fn an_aggregation_that_no_probe_makes_is_unknown() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new().buffered().clause(["mock", "", "", "other"], None, &[count(&[])]).image();
    assert_eq!(consumer.enable(&image), Ok(0));
    for id in [0, 1, 2] {
        assert_eq!(described(&consumer, id).err(), Some(Errno::EINVAL));
    }
}

#[test]
fn aggregating_without_a_buffer_for_it_is_refused() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new().option(option::BUFSIZE, 4096).clause(PROBE, None, &[count(&[])]).image();
    consumer.enable(&image).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOSPC));
}

#[test]
fn keys_that_find_no_room_are_drops() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new()
        .option(option::BUFSIZE, 4096)
        .option(option::AGGSIZE, 1024)
        .clause(PROBE, None, &[count(&[E::Var(dif::VAR_ARG0)])])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    (0..1000).for_each(|n| rig.probe(0).fire(&[n]));
    let snapshot = consumer.aggregations(0).unwrap();
    let kept = snapshot.data.len() as u64 / 32;
    assert!(kept > 0);
    assert_eq!(kept + snapshot.desc.drops, 1000);
}
