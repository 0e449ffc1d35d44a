//! What a consumer reads, taken apart by what EPROBE and AGGDESC say of it.

use dtrace_abi::{AggDesc, EprobeDesc, Plain, ProbeDesc, RecDesc, Status, action, ioctl, name_bytes};
use dtrace_engine::mock::Handle;

use crate::program::words;

/// One value of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Datum {
    /// A number, with its sign.
    Int(i64),
    /// What is longer than a number, up to its NUL.
    Text(String),
    /// What is no text: its words.
    Words(Vec<u64>),
}

/// One record: the name of its probe, and its values.
pub(crate) type Record = (String, Vec<Datum>);

/// One line of an aggregation: its id, its key, the words of its value.
pub(crate) type Line = (u32, Vec<Datum>, Vec<u64>);

pub(crate) fn int(value: i64) -> Datum {
    Datum::Int(value)
}

pub(crate) fn text(value: &str) -> Datum {
    Datum::Text(value.to_owned())
}

fn as_words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(8).map(|word| u64::from_bytes(word).unwrap()).collect()
}

fn datum(record: &RecDesc, data: &[u8]) -> Option<Datum> {
    let bytes = &data[record.offset as usize..][..record.size as usize];
    let words = matches!(
        u32::from(record.action),
        action::STACK | action::USTACK | action::JSTACK | action::USYM | action::UMOD | action::UADDR
    );
    Some(match bytes.len() {
        _ if words => Datum::Words(as_words(bytes)),
        0 => return None,
        1 => int(i64::from(bytes[0].cast_signed())),
        2 => int(i64::from(i16::from_le_bytes(bytes.try_into().unwrap()))),
        4 => int(i64::from(i32::from_le_bytes(bytes.try_into().unwrap()))),
        8 => int(i64::from_le_bytes(bytes.try_into().unwrap())),
        _ => {
            let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
            Datum::Text(String::from_utf8_lossy(&bytes[..end]).into_owned())
        }
    })
}

/// What EPROBE says of an EPID: its probe, the size of its records, what they are made of.
pub(crate) fn described(consumer: &Handle<'_>, epid: u32) -> (u32, usize, Vec<RecDesc>) {
    let mut bytes = [0; EprobeDesc::HEADER + 64 * size_of::<RecDesc>()];
    bytes[..4].copy_from_slice(&epid.to_ne_bytes());
    bytes[20..24].copy_from_slice(&64u32.to_ne_bytes());
    consumer.ioctl_bytes(ioctl::EPROBE, &mut bytes).unwrap();
    let head = |at: usize| u32::from_bytes(&bytes[at..]).unwrap();
    let records = bytes[EprobeDesc::HEADER..].chunks(size_of::<RecDesc>()).take(head(20) as usize);
    (head(4), head(16) as usize, records.map(|at| RecDesc::from_bytes(at).unwrap()).collect())
}

/// All records of a CPU since the last time.
pub(crate) fn records(consumer: &Handle<'_>, cpu: u32) -> Vec<Record> {
    let data = consumer.buffer(cpu).unwrap().data;
    let mut found = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let epid = u32::from_bytes(&data[at..]).unwrap();
        if epid == 0 {
            at += 4;
            continue;
        }
        let (id, size, parts) = described(consumer, epid);
        let mut probe = ProbeDesc { id, ..Plain::zeroed() };
        consumer.ioctl(ioctl::PROBES, &mut probe).unwrap();
        let name = String::from_utf8(name_bytes(&probe.name).to_vec()).unwrap();
        found.push((name, parts.iter().filter_map(|part| datum(part, &data[at..])).collect()));
        at += size;
    }
    found
}

/// The values of all records of a CPU, whatever probe they are of.
pub(crate) fn values(consumer: &Handle<'_>) -> Vec<Datum> {
    records(consumer, 0).into_iter().flat_map(|(_, values)| values).collect()
}

/// All lines of all aggregations of a CPU since the last time, sorted. The first part of each key, the number of the D
/// variable, is left out.
pub(crate) fn aggregations(consumer: &Handle<'_>, cpu: u32) -> Vec<Line> {
    let data = consumer.aggregations(cpu).unwrap().data;
    let mut found = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let id = u32::from_bytes(&data[at..]).unwrap();
        if id == 0 {
            at += 4;
            continue;
        }
        let mut bytes = [0; AggDesc::HEADER + 16 * size_of::<RecDesc>()];
        bytes[20..24].copy_from_slice(&id.to_ne_bytes());
        bytes[32..36].copy_from_slice(&16u32.to_ne_bytes());
        consumer.ioctl_bytes(ioctl::AGGDESC, &mut bytes).unwrap();
        let count = u32::from_bytes(&bytes[32..]).unwrap() as usize;
        let parts: Vec<RecDesc> = bytes[AggDesc::HEADER..]
            .chunks(size_of::<RecDesc>())
            .take(count)
            .map(|at| RecDesc::from_bytes(at).unwrap())
            .collect();
        let (value, keys) = parts.split_last().unwrap();
        let key = keys.iter().skip(1).filter_map(|part| datum(part, &data[at..])).collect();
        let words = as_words(&data[at + value.offset as usize..][..value.size as usize]);
        found.push((id, key, words));
        at += u32::from_bytes(&bytes[28..]).unwrap() as usize;
    }
    found.sort();
    found
}

/// What STATUS says.
pub(crate) fn status(consumer: &Handle<'_>) -> Status {
    let mut status = Status::zeroed();
    consumer.ioctl(ioctl::STATUS, &mut status).unwrap();
    status
}

/// The EPIDs and first words of the records on a CPU, where EPID 2 records eight bytes and the others four.
pub(crate) fn first_words(consumer: &Handle<'_>, cpu: u32) -> Vec<(u32, u32)> {
    let data = consumer.buffer(cpu).unwrap().data;
    let words = words(&data);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let (value, size) = match words[at] {
            0 => (None, 1),
            // The EPID, padding, and eight bytes.
            2 => (Some(words[at + 2]), 4),
            _ => (Some(words[at + 1]), 2),
        };
        found.extend(value.map(|value| (words[at], value)));
        at += size;
    }
    found
}
