//! Nothing is lost: what is recorded plus what is dropped is what was fired, with four CPUs firing and a consumer reading
//! all the while.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use dtrace_abi::{dif, option};
use dtrace_engine::mock::{Handle, Rig, go_to_cpu};

use crate::program::{E, Program, S, count, value_at, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];
const CPUS: u32 = 4;
/// Firings of each CPU.
const FIRINGS: u64 = if cfg!(miri) { 200 } else { 250_000 };

/// Fires on all CPUs while `read` is called again and again, and once more when all is over.
fn fire_while(rig: &Rig, mut read: impl FnMut()) {
    let running = AtomicU32::new(CPUS);
    thread::scope(|scope| {
        for cpu in 0..CPUS {
            let running = &running;
            scope.spawn(move || {
                go_to_cpu(cpu as usize);
                let probe = rig.probe(0);
                (0..FIRINGS).for_each(|n| probe.fire(&[n]));
                running.fetch_sub(1, Ordering::Release);
            });
        }
        while running.load(Ordering::Acquire) != 0 {
            read();
            thread::yield_now();
        }
    });
    read();
}

fn tracing<'a>(rig: &'a Rig, bufsize: i64, statements: &[S]) -> Handle<'a> {
    let consumer = rig.open();
    let image = Program::new()
        .option(option::BUFSIZE, bufsize)
        .option(option::AGGSIZE, 8192)
        .clause(PROBE, None, statements)
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    consumer
}

#[test]
fn records_and_drops_are_firings() {
    let rig = Rig::new(CPUS as usize, &[["m", "f", "n"]]);
    let consumer = tracing(&rig, 64 << 10, &[S::Trace(E::Var(dif::VAR_ARG0))]);
    let mut records = [0u64; CPUS as usize];
    let mut drops = [0u64; CPUS as usize];
    let mut next = [0u64; CPUS as usize];
    fire_while(&rig, || {
        for cpu in 0..CPUS {
            let snapshot = consumer.buffer(cpu).unwrap();
            let at = cpu as usize;
            for record in snapshot.data.chunks(16) {
                assert_eq!(words(record)[0], 1);
                let value = value_at(record, 8);
                assert!(value >= next[at], "records are in the order of the firings, each once");
                next[at] = value + 1;
            }
            records[at] += snapshot.data.len() as u64 / 16;
            drops[at] += snapshot.desc.drops;
        }
    });
    for cpu in 0..CPUS as usize {
        assert_eq!(records[cpu] + drops[cpu], FIRINGS);
        assert!(records[cpu] > 0);
    }
}

#[test]
fn counts_are_exact() {
    let rig = Rig::new(CPUS as usize, &[["m", "f", "n"]]);
    let consumer = tracing(&rig, 4096, &[count(&[])]);
    let mut sum = 0;
    fire_while(&rig, || {
        for cpu in 0..CPUS {
            let snapshot = consumer.aggregations(cpu).unwrap();
            assert_eq!(snapshot.desc.drops, 0);
            sum += snapshot.data.get(16..).map_or(0, |value| value_at(value, 0));
        }
    });
    assert_eq!(sum, u64::from(CPUS) * FIRINGS);
}
