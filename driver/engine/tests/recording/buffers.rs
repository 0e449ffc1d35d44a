//! The three policies.

use dtrace_engine::buffer::{Area, Buffer, Counts, Need, Policy, Writer};
use dtrace_engine::exchange::{Exchangeable, Settled};

/// The size of the records of an EPID in these tests: as many words as the EPID's last digit.
fn size_of_record(epid: u32) -> usize {
    (epid % 10) as usize * 4
}

fn writer(buffer: &Buffer) -> Writer<'_> {
    // SAFETY: the tests are single-threaded, and drop what this returns before the next call.
    unsafe { buffer.writer() }
}

/// Reads a buffer as a consumer does when the state has stopped.
fn stopped(buffer: &Buffer) -> Settled<'_, Area> {
    // SAFETY: no probe runs in these tests.
    unsafe { buffer.stopped() }
}

/// Records an EPID and, for the rest of its record, its number in each word.
fn record(buffer: &Buffer, epid: u32, align: u32) -> bool {
    let size = size_of_record(epid) as u32;
    let mut writer = writer(buffer);
    let Some(reservation) = writer.reserve(Need { bytes: size, align, scratch: 0 }, size_of_record) else {
        return false;
    };
    reservation.record.chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&epid.to_ne_bytes()));
    let at = reservation.at;
    writer.commit(at, size);
    true
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect()
}

/// The EPIDs in a buffer in the order a consumer meets them: from the oldest record to the end, then from the beginning.
fn walk(area: &Area) -> Vec<u32> {
    let data = words(area.data());
    let oldest = area.oldest() / 4;
    let mut epids = Vec::new();
    for range in [oldest..data.len(), 0..oldest] {
        let mut at = range.start;
        while at < range.end {
            let epid = data[at];
            if epid == 0 {
                at += 1;
                continue;
            }
            let size = size_of_record(epid) / 4;
            assert!(data[at..at + size].iter().all(|&word| word == epid), "a torn record of {epid} at {at}");
            epids.push(epid);
            at += size;
        }
        assert_eq!(at, range.end, "a record crosses the end");
    }
    epids
}

#[test]
fn records_follow_each_other() {
    let buffer = Buffer::new(Policy::Switch, 64, 0).unwrap();
    assert!(record(&buffer, 1, 4) && record(&buffer, 3, 4) && record(&buffer, 2, 4));
    assert_eq!(words(stopped(&buffer).data()), [1, 3, 3, 3, 2, 2]);
}

#[test]
fn alignment_is_made_of_zero_words() {
    let buffer = Buffer::new(Policy::Switch, 64, 0).unwrap();
    stopped(&buffer);
    assert!(record(&buffer, 1, 4) && record(&buffer, 4, 8) && record(&buffer, 1, 8) && record(&buffer, 1, 4));
    assert_eq!(words(stopped(&buffer).data()), [1, 0, 4, 4, 4, 4, 1, 1]);
}

#[test]
fn what_is_not_committed_was_never_there() {
    let buffer = Buffer::new(Policy::Switch, 64, 0).unwrap();
    assert!(record(&buffer, 1, 4));
    let mut w = writer(&buffer);
    w.reserve(Need { bytes: 16, align: 8, scratch: 0 }, size_of_record).unwrap().record.fill(0xee);
    w.count_error();
    assert!(record(&buffer, 2, 4));
    let area = stopped(&buffer);
    assert_eq!(words(area.data()), [1, 2, 2]);
    assert_eq!(area.counts(), Counts { drops: 0, errors: 1 });
}

#[test]
fn less_may_be_committed_than_was_reserved() {
    let buffer = Buffer::new(Policy::Switch, 64, 0).unwrap();
    let mut w = writer(&buffer);
    let reservation = w.reserve(Need { bytes: 32, align: 4, scratch: 0 }, size_of_record).unwrap();
    reservation.record.fill(1);
    let at = reservation.at;
    w.commit(at, 8);
    assert_eq!(stopped(&buffer).data(), [1; 8]);
}

#[test]
fn the_rest_is_scratch_memory() {
    let buffer = Buffer::new(Policy::Switch, 64, 0).unwrap();
    let mut w = writer(&buffer);
    let reservation = w.reserve(Need { bytes: 12, align: 4, scratch: 48 }, size_of_record).unwrap();
    assert_eq!(reservation.record.len(), 12);
    assert_eq!(reservation.scratch.len(), 48);
    assert_eq!(reservation.scratch.as_ptr() as usize % 8, 0);
    assert_eq!(reservation.scratch.as_ptr() as usize - reservation.record.as_ptr() as usize, 16);
    for policy in [Policy::Ring, Policy::Fill] {
        let buffer = Buffer::new(policy, 64, 0).unwrap();
        let mut w = writer(&buffer);
        let reservation = w.reserve(Need { bytes: 64, align: 4, scratch: 64 }, size_of_record).unwrap();
        assert_eq!((reservation.record.len(), reservation.scratch.len()), (64, 64), "{policy:?}");
        assert_eq!(reservation.scratch.as_ptr() as usize % 8, 0);
    }
}

#[test]
fn switch_drops_what_does_not_fit_and_goes_on() {
    let buffer = Buffer::new(Policy::Switch, 16, 0).unwrap();
    assert!(record(&buffer, 3, 4));
    assert!(!record(&buffer, 2, 4), "one word is left");
    assert!(record(&buffer, 1, 4));
    assert!(!record(&buffer, 1, 4));
    let mut w = writer(&buffer);
    assert!(
        w.reserve(Need { bytes: 0, align: 4, scratch: 0 }, size_of_record).is_some(),
        "nothing always fits"
    );
    assert!(w.reserve(Need { bytes: u32::MAX, align: 8, scratch: u32::MAX }, size_of_record).is_none());
    let area = stopped(&buffer);
    assert_eq!(words(area.data()), [3, 3, 3, 1]);
    assert_eq!(area.counts(), Counts { drops: 3, errors: 0 });
}

#[test]
fn scratch_that_is_not_there_is_a_drop() {
    for policy in [Policy::Switch, Policy::Ring] {
        let buffer = Buffer::new(policy, 64, 0).unwrap();
        let mut w = writer(&buffer);
        assert!(w.reserve(Need { bytes: 8, align: 4, scratch: 65 }, size_of_record).is_none());
        assert_eq!(stopped(&buffer).counts().drops, 1, "{policy:?}");
    }
}

#[test]
fn an_exchange_begins_anew() {
    let buffer = Buffer::new(Policy::Switch, 16, 0).unwrap();
    for round in 0..4 {
        assert!(record(&buffer, 12, 4) && !record(&buffer, 3, 4) && record(&buffer, 2, 4));
        // SAFETY: one consumer, and no probe runs meanwhile.
        let area = unsafe { buffer.exchange().settled() };
        assert_eq!(words(area.data()), [12, 12, 2, 2], "round {round}");
        assert_eq!((area.counts().drops, area.oldest()), (1, 0), "round {round}");
    }
    // SAFETY: as above.
    let area = unsafe { buffer.exchange().settled() };
    assert!(area.data().is_empty());
    assert_eq!(area.counts(), Counts::default());
}

#[test]
fn fill_closes_when_something_does_not_fit() {
    let buffer = Buffer::new(Policy::Fill, 32, 8).unwrap();
    assert!(record(&buffer, 5, 4) && !buffer.is_full());
    assert!(!record(&buffer, 2, 4), "24 bytes without what is kept back");
    assert!(buffer.is_full());
    assert!(!record(&buffer, 1, 4), "closed, although it would fit");
    // SAFETY: no probe runs.
    unsafe { buffer.release_kept_back() };
    assert!(record(&buffer, 2, 4), "END has its room");
    assert!(buffer.is_full(), "and yet it was full");
    let area = stopped(&buffer);
    assert_eq!(words(area.data()), [5, 5, 5, 5, 5, 2, 2]);
    assert_eq!(area.counts(), Counts::default(), "a full buffer is no drop");
    drop(area);
    assert!(stopped(&buffer).data().is_empty(), "read once");
}

#[test]
fn a_ring_that_has_not_wrapped_is_a_run_of_records() {
    let buffer = Buffer::new(Policy::Ring, 32, 0).unwrap();
    assert!(record(&buffer, 5, 4) && record(&buffer, 3, 4));
    let area = stopped(&buffer);
    assert_eq!((area.oldest(), area.data().len()), (0, 32));
    assert_eq!(walk(&area), [5, 3]);
}

#[test]
fn a_ring_gives_up_the_oldest_records_whole() {
    let buffer = Buffer::new(Policy::Ring, 32, 0).unwrap();
    assert!(record(&buffer, 3, 4) && record(&buffer, 13, 4) && record(&buffer, 2, 4));
    assert!(record(&buffer, 1, 4));
    let area = stopped(&buffer);
    // One word of the first record is overwritten; what is left of it is padding.
    assert_eq!(words(area.data()), [1, 0, 0, 13, 13, 13, 2, 2]);
    assert_eq!(area.oldest(), 12);
    assert_eq!(walk(&area), [13, 2, 1]);
}

#[test]
fn a_ring_zeroes_the_tail_when_it_wraps() {
    let buffer = Buffer::new(Policy::Ring, 32, 0).unwrap();
    assert!(record(&buffer, 3, 4) && record(&buffer, 13, 4) && record(&buffer, 5, 4));
    let area = stopped(&buffer);
    assert_eq!(words(area.data()), [5, 5, 5, 5, 5, 0, 0, 0]);
    assert_eq!(area.counts(), Counts::default());
}

#[test]
fn a_record_that_is_given_up_leaves_no_rubbish_in_a_ring() {
    let buffer = Buffer::new(Policy::Ring, 32, 0).unwrap();
    assert!(record(&buffer, 4, 4) && record(&buffer, 3, 4));
    let mut w = writer(&buffer);
    let need = Need { bytes: 8, align: 8, scratch: 0 };
    w.reserve(need, size_of_record).unwrap().record.fill(0xee);
    w.count_error();
    let area = stopped(&buffer);
    assert_eq!(walk(&area), [3]);
    assert_eq!(words(area.data()), [0, 0, 0, 0, 3, 3, 3, 0]);
}

#[test]
fn a_record_larger_than_the_ring_is_a_drop() {
    let buffer = Buffer::new(Policy::Ring, 16, 0).unwrap();
    assert!(record(&buffer, 3, 4) && !record(&buffer, 5, 4));
    let area = stopped(&buffer);
    assert_eq!(walk(&area), [3]);
    assert_eq!(area.counts().drops, 1);
}

#[test]
fn a_ring_always_holds_the_newest_records() {
    let mut random = 0x2545_f491_4f6c_dd1du64;
    for size in [64, 72, 104, 256] {
        let buffer = Buffer::new(Policy::Ring, size, 0).unwrap();
        for last in 1..400u32 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let epid = last * 10 + 1 + (random % 9) as u32;
            let align = if random & 0x100 == 0 { 4 } else { 8 };
            if random & 0xe00 == 0 {
                let mut w = writer(&buffer);
                let need = Need { bytes: 24, align, scratch: 0 };
                w.reserve(need, size_of_record).unwrap().record.fill(0xee);
            }
            assert!(record(&buffer, epid, align));
            // Look without taking: the reader resets what it reads, so put it back by reading a copy.
            if last % 50 == 0 {
                let area = stopped(&buffer);
                let epids = walk(&area);
                assert_eq!(epids.last(), Some(&epid));
                assert!(epids.windows(2).all(|pair| pair[1] / 10 == pair[0] / 10 + 1), "{epids:?}");
                assert!(epids.iter().map(|&epid| size_of_record(epid) + 4).sum::<usize>() + 80 >= size);
            }
        }
    }
}

#[test]
fn an_area_by_itself_is_what_a_speculation_needs() {
    let mut area = Area::new(32).unwrap();
    let reservation = area.reserve(Need { bytes: 8, align: 4, scratch: 0 }).unwrap();
    reservation.record.fill(7);
    let at = reservation.at;
    area.commit(at, 8);
    assert_eq!(area.data(), [7; 8]);
    area.reset();
    assert!(area.data().is_empty());
}
