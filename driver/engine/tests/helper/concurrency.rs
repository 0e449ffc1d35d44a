//! Helpers come and go while probes use them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dtrace_engine::mock::{Rig, go_to_cpu};

use crate::images::helpers;
use crate::world::*;

/// How long the test goes on; Miri is slow.
const ROUNDS: u32 = if cfg!(miri) { 3 } else { 300 };
/// The CPUs on which probes fire meanwhile: those from 1 to this one.
const FIRING: usize = if cfg!(miri) { 1 } else { 3 };

#[test]
fn images_come_and_go_while_probes_use_them() {
    let rig = Rig::new(4, &[["mod", "func", "entry"]]);
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for cpu in 1..=FIRING {
            let (rig, done) = (&rig, &done);
            scope.spawn(move || {
                go_to_cpu(cpu);
                become_process(100);
                while !done.load(Ordering::Relaxed) {
                    rig.probe(0).fire(&[]);
                }
            });
        }
        for round in 0..ROUNDS {
            let first = bring(&rig, &constant("first")).unwrap();
            let second = bring(&rig, &constant("second")).unwrap();
            match round % 3 {
                0 => {
                    take_back(&rig, first).unwrap();
                    take_back(&rig, second).unwrap();
                }
                1 => assert!(rig.dtrace().process_ended()),
                _ => {
                    take_back(&rig, second).unwrap();
                    assert!(rig.dtrace().process_ended());
                    rig.dtrace().housekeep();
                }
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 0);
    assert_eq!(stacks.status().errors, 0);
}

#[test]
fn children_are_forked_and_end_while_they_are_given_helpers() {
    let rig = Rig::new(4, &[["mod", "func", "entry"]]);
    become_process(100);
    bring(&rig, &constant("parent")).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let forkers: Vec<_> = (1..3u32)
            .map(|cpu| {
                let rig = &rig;
                scope.spawn(move || {
                    go_to_cpu(cpu as usize);
                    for n in 0..ROUNDS {
                        let child = cpu * 100_000 + n;
                        become_process(100);
                        rig.dtrace().process_forked(child, child.into());
                        become_process(child);
                        rig.probe(0).fire(&[]);
                        rig.dtrace().process_ended();
                        rig.mock().kill(child);
                    }
                })
            })
            .collect();
        let (rig, done) = (&rig, &done);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                rig.dtrace().housekeep();
            }
        });
        for forker in forkers {
            forker.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    rig.dtrace().housekeep();
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 1, "the parent's");
}
