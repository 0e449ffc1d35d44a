//! A consumer that reads while a CPU writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dtrace_engine::aggregation::{Aggregation, Function, Key, new_buffer};
use dtrace_engine::buffer::{Buffer, Need, Policy};
use dtrace_xcall::Counter;

#[test]
fn no_record_is_lost_twice_or_torn() {
    const RECORDS: u64 = if cfg!(miri) { 500 } else { 200_000 };
    let buffer = Buffer::new(Policy::Switch, 1 << 12, 0).unwrap();
    let counter = Counter::new();
    let done = AtomicBool::new(false);
    let (mut seen, mut drops) = (0u64, 0u64);
    let mut next = 0u64;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..RECORDS {
                let inside = counter.enter().unwrap();
                // SAFETY: this thread alone writes, between enter and leave.
                let mut writer = unsafe { buffer.writer() };
                if let Some(reservation) = writer.reserve(Need { bytes: 16, align: 8, scratch: 0 }, |_| 16) {
                    reservation.record[..8].copy_from_slice(&(number + 1).to_ne_bytes());
                    reservation.record[8..].copy_from_slice(&(number + 1).to_ne_bytes());
                    let at = reservation.at;
                    writer.commit(at, 16);
                }
                inside.leave();
            }
            done.store(true, Ordering::Release);
        });
        loop {
            let last = done.load(Ordering::Acquire);
            // SAFETY: this thread alone exchanges, and drops the area before the next time.
            let retired = unsafe { buffer.exchange() };
            counter.wait(|_| thread::yield_now());
            // SAFETY: the writer has been seen outside.
            let area = unsafe { retired.settled() };
            for record in area.data().chunks_exact(16) {
                let number = u64::from_ne_bytes(record[..8].try_into().unwrap());
                assert_eq!(record[..8], record[8..], "torn");
                assert!(number > next, "{number} after {next}");
                next = number;
                seen += 1;
            }
            drops += area.counts().drops;
            if last {
                break;
            }
        }
    });
    assert_eq!(seen + drops, RECORDS);
    assert!(seen > 0);
}

#[test]
fn no_count_is_lost() {
    const UPDATES: u64 = if cfg!(miri) { 500 } else { 200_000 };
    let buffer = new_buffer(1 << 14).unwrap();
    let keys = [Key { offset: 8, size: 8, string: false }];
    let aggregation = Aggregation::new(1, Function::Count, &keys, 16).unwrap();
    let counter = Counter::new();
    let done = AtomicBool::new(false);
    let mut total = 0u64;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut staged = [0u8; 16];
            for number in 0..UPDATES {
                staged[8..].copy_from_slice(&(number % 100).to_ne_bytes());
                let inside = counter.enter().unwrap();
                // SAFETY: this thread alone writes, between enter and leave.
                unsafe { buffer.active_side() }.update(&aggregation, &staged, 0, 1);
                inside.leave();
            }
            done.store(true, Ordering::Release);
        });
        loop {
            let last = done.load(Ordering::Acquire);
            // SAFETY: this thread alone exchanges, and drops the table before the next time.
            let retired = unsafe { buffer.exchange() };
            counter.wait(|_| thread::yield_now());
            // SAFETY: the writer has been seen outside.
            let table = unsafe { retired.settled() };
            for record in table.data().chunks_exact(24) {
                total += u64::from_ne_bytes(record[16..].try_into().unwrap());
            }
            assert_eq!(table.counts().drops, 0);
            if last {
                break;
            }
        }
    });
    assert_eq!(total, UPDATES);
}
