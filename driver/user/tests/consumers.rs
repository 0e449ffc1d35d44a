//! Many consumers at once, each as if it were alone.

mod machine;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use dtrace_abi::option;
use machine::{CPUS, ENTRY, Machine, RETURN, Tracing, compile};

const SWITCH: (u32, i64) = (option::BUFPOLICY, option::BUFPOLICY_SWITCH);

#[test]
fn eight_consumers_at_once_get_all_of_it_each() {
    const FIRINGS: u64 = if cfg!(debug_assertions) { 25_000 } else { 250_000 };
    let machine = Machine::new();
    let programs = [
        "load:::entry { @ = count(); }",
        "load:::entry /arg1 == 1/ { @ = count(); }",
        "load:::entry { @[arg1] = sum(arg0); }",
        "load:::entry { trace(arg0); }",
        "load:::entry { self->n++; } load:::return /self->n == arg0 + 1/ { @ = count(); }",
        "load:::entry, load:::return { @ = count(); }",
        "load:::return { @ = sum(arg0); }",
        "load:::entry { n = 1; } load:::return /n/ { @[probename] = sum(arg1); }",
    ];
    let images = programs.map(|program| compile(&machine, program));
    let sizes = [(option::BUFSIZE, 8 << 10), (option::AGGSIZE, 8 << 10), SWITCH];
    let consumers = images.map(|image| Mutex::new(Tracing::go(&machine, &image, &sizes)));
    let sums = [const { AtomicU64::new(0) }; 8];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for (consumer, sum) in consumers.iter().zip(&sums) {
            let over = &over;
            // Each reads for itself, as processes do.
            scope.spawn(move || {
                let mut consumer = consumer.lock().expect("nobody has panicked");
                loop {
                    let last = over.load(Ordering::Acquire);
                    for cpu in 0..CPUS {
                        let mut found = 0;
                        let lost = consumer.aggregations(cpu, |record| {
                            found += record.number(record.parts.len() - 1);
                        });
                        assert_eq!((lost.drops, lost.errors), (0, 0));
                        let lost = consumer.records(cpu, |_| found += 1);
                        assert_eq!(lost.errors, 0);
                        sum.fetch_add(found + lost.drops, Ordering::Relaxed);
                    }
                    if last {
                        return;
                    }
                    thread::yield_now();
                }
            });
        }
        machine.load(
            |machine, cpu| {
                for n in 0..FIRINGS {
                    machine.fire(ENTRY, &[n, cpu as u64]);
                    machine.fire(RETURN, &[n, cpu as u64]);
                }
            },
            || (),
        );
        over.store(true, Ordering::Release);
    });
    let cpus = CPUS as u64;
    let all = FIRINGS * cpus;
    let numbers = FIRINGS * (FIRINGS - 1) / 2 * cpus;
    let of_cpus = FIRINGS * (0..cpus).sum::<u64>();
    let found = sums.map(AtomicU64::into_inner);
    assert_eq!(found, [all, FIRINGS, numbers, all, all, 2 * all, numbers, of_cpus]);
}
