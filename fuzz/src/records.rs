//! Snapshots against what the describing requests say of them: every record must be explained, to the byte.

use std::collections::HashMap;

use dtrace_abi::{AggDesc, EprobeDesc, FmtDesc, Plain, RecDesc, action, ioctl, limit};
use dtrace_engine::errno::Errno;

/// How a request is made: the command and its argument, which becomes the answer.
pub type Ask<'a> = dyn FnMut(u32, &mut [u8]) -> Result<i32, Errno> + 'a;

/// Checks a principal buffer's contents.
///
/// # Panics
///
/// If there is a record that is not explained.
pub fn check_records(data: &[u8], oldest: u64, ask: &mut Ask<'_>) {
    let oldest = usize::try_from(oldest).expect("an offset");
    assert!(oldest <= data.len(), "the oldest record is at {oldest} of {}", data.len());
    let (newer, older) = data.split_at(oldest);
    let mut sizes = HashMap::new();
    for part in [older, newer] {
        walk(part, |id| *sizes.entry(id).or_insert_with(|| eprobe_size(id, ask)));
    }
}

/// Checks an aggregation buffer's contents.
///
/// # Panics
///
/// If there is a record that is not explained.
pub fn check_aggregations(data: &[u8], ask: &mut Ask<'_>) {
    let mut sizes = HashMap::new();
    walk(data, |id| *sizes.entry(id).or_insert_with(|| aggregation_size(id, ask)));
}

fn walk(data: &[u8], mut size_of: impl FnMut(u32) -> usize) {
    let mut at = 0;
    while at < data.len() {
        let word = data.get(at..at + 4).expect("snapshots end with a record");
        let id = u32::from_ne_bytes(word.try_into().expect("four bytes"));
        at += match id {
            0 => 4,
            _ => size_of(id),
        };
        assert!(at <= data.len(), "record {id} reaches {at}, the snapshot {}", data.len());
    }
}

/// Asks twice, as consumers do: for the number of records, and for them.
fn described(
    command: u32,
    header: usize,
    count_at: usize,
    fill: impl Fn(&mut [u8], u32),
    ask: &mut Ask<'_>,
) -> (Vec<u8>, Vec<RecDesc>) {
    let mut room = 1;
    loop {
        let mut bytes = vec![0; header + room as usize * size_of::<RecDesc>()];
        fill(&mut bytes, room);
        ask(command, &mut bytes).expect("what is recorded is described");
        let count = u32::from_bytes(&bytes[count_at..]).expect("a count");
        assert!(count as usize <= limit::ACTIONS_MAX, "{count} records");
        if count <= room {
            let records = bytes[header..].chunks_exact(size_of::<RecDesc>()).take(count as usize);
            let records = records.filter_map(RecDesc::from_bytes).collect();
            bytes.truncate(header);
            return (bytes, records);
        }
        room = count;
    }
}

fn eprobe_size(epid: u32, ask: &mut Ask<'_>) -> usize {
    let fill = |bytes: &mut [u8], nrecs| {
        let desc = EprobeDesc { epid, nrecs, ..EprobeDesc::zeroed() };
        bytes[..EprobeDesc::HEADER].copy_from_slice(&desc.as_bytes()[..EprobeDesc::HEADER]);
    };
    let (header, records) = described(ioctl::EPROBE, EprobeDesc::HEADER, 20, fill, ask);
    let probe = u32::from_bytes(&header[4..]).expect("a probe");
    let size = u32::from_bytes(&header[16..]).expect("a size");
    assert!(probe != 0 && size >= 4, "EPID {epid} of probe {probe} with {size} bytes");
    check_layout(size, &records);
    for record in &records {
        assert!(
            !action::is_aggregation(u32::from(record.action)),
            "an aggregation in a record of EPID {epid}"
        );
        if record.format != 0 {
            let mut desc = FmtDesc { format: record.format, ..FmtDesc::zeroed() };
            ask(ioctl::FORMAT, desc.as_bytes_mut()).expect("a format that a record names");
            assert!(desc.length > 0, "a format has a NUL at least");
        }
    }
    size as usize
}

fn aggregation_size(id: u32, ask: &mut Ask<'_>) -> usize {
    let fill = |bytes: &mut [u8], nrecs| {
        let desc = AggDesc { id, nrecs, ..AggDesc::zeroed() };
        bytes[..AggDesc::HEADER].copy_from_slice(&desc.as_bytes()[..AggDesc::HEADER]);
    };
    let (header, records) = described(ioctl::AGGDESC, AggDesc::HEADER, 32, fill, ask);
    let epid = u32::from_bytes(&header[24..]).expect("an EPID");
    let size = u32::from_bytes(&header[28..]).expect("a size");
    assert!(epid != 0 && size >= 12, "aggregation {id} of EPID {epid} with {size} bytes");
    check_layout(size, &records);
    let (value, keys) = records.split_last().expect("a value at least");
    assert!(
        action::is_aggregation(u32::from(value.action)),
        "the last record of aggregation {id} is no value"
    );
    assert!(value.offset.is_multiple_of(8) && value.size.is_multiple_of(8) && value.size != 0);
    assert_eq!(value.offset + value.size, size, "the value of aggregation {id} is the last");
    assert!(!keys.is_empty(), "aggregation {id} has its variable");
    size as usize
}

/// Records are in order, aligned, beside each other, and inside.
fn check_layout(size: u32, records: &[RecDesc]) {
    let mut end = 4;
    for record in records.iter().filter(|record| record.size != 0) {
        assert!(record.offset >= end, "{record:?} begins before {end}");
        let alignment = u32::from(record.alignment);
        assert!(alignment.is_power_of_two() && alignment <= 8, "{record:?}");
        assert!(record.offset.is_multiple_of(alignment), "{record:?}");
        end = record.offset.checked_add(record.size).expect("no overflow");
    }
    assert!(end <= size, "records of {end} bytes in {size}");
}
