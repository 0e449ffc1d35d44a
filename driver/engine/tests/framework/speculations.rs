//! Speculations through the framework (contract 3): what is kept, moved, thrown away, and refused.

use dtrace_abi::{action, agg, dif, option};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, Rig, go_to_cpu};

use crate::decode::{first_words, status};
use crate::program::{E, Program, S, count, value_at, words};

const TABLE: &[[&str; 3]] = &[["m", "f", "speculate"], ["m", "f", "commit"], ["m", "f", "discard"]];

fn named(name: &str) -> [&str; 4] {
    ["mock", "", "", name]
}

fn speculate(id: u64) -> S {
    S::Act(action::SPECULATE, 0, Some(E::Int(id)))
}

fn commit(id: u64) -> S {
    S::Act(action::COMMIT, 0, Some(E::Int(id)))
}

fn discard(id: u64) -> S {
    S::Act(action::DISCARD, 0, Some(E::Int(id)))
}

/// `BEGIN { speculation(); } speculate { speculate(1); trace(arg0); } commit { commit(1); trace(-1); } discard { discard(1); }`
fn program() -> Program {
    Program::new()
        .buffered()
        .clause(["dtrace", "", "", "BEGIN"], None, &[S::Act(action::LIBACT, 0, Some(E::Speculation))])
        .clause(named("speculate"), None, &[speculate(1), S::Trace(E::Var(dif::VAR_ARG0))])
        .clause(named("commit"), None, &[commit(1), S::Trace(E::Int32(0xc0))])
        .clause(named("discard"), None, &[discard(1)])
}

fn tracing<'a>(rig: &'a Rig, program: &Program) -> Handle<'a> {
    let consumer = rig.open();
    consumer.enable(&program.image()).unwrap();
    consumer.go().unwrap();
    let _ = consumer.buffer(0).unwrap();
    consumer
}

#[test]
fn records_are_kept_until_the_commit_and_come_before_what_it_records() {
    let rig = Rig::new(1, TABLE);
    let consumer = tracing(&rig, &program());
    rig.probe(0).fire(&[11]);
    rig.probe(0).fire(&[12]);
    assert_eq!(first_words(&consumer, 0), []);
    rig.probe(1).fire(&[]);
    assert_eq!(first_words(&consumer, 0), [(2, 11), (2, 12), (3, 0xc0)]);
    rig.probe(0).fire(&[13]);
    rig.probe(1).fire(&[]);
    assert_eq!(first_words(&consumer, 0), [(3, 0xc0)], "the speculation is over");
}

#[test]
fn what_is_discarded_is_never_seen() {
    let rig = Rig::new(1, TABLE);
    let consumer = tracing(&rig, &program());
    rig.probe(0).fire(&[11]);
    rig.probe(2).fire(&[]);
    rig.probe(1).fire(&[]);
    assert_eq!(first_words(&consumer, 0), [(3, 0xc0)]);
}

#[test]
fn the_parts_of_other_cpus_are_moved_by_the_housekeeper() {
    let rig = Rig::new(3, TABLE);
    let consumer = tracing(&rig, &program());
    for cpu in 0..3 {
        go_to_cpu(cpu);
        rig.probe(0).fire(&[cpu as u64]);
    }
    go_to_cpu(0);
    rig.probe(1).fire(&[]);
    assert_eq!(first_words(&consumer, 0), [(2, 0), (3, 0xc0)]);
    assert_eq!(first_words(&consumer, 1), []);
    rig.dtrace().housekeep();
    assert_eq!((first_words(&consumer, 1), first_words(&consumer, 2)), (vec![(2, 1)], vec![(2, 2)]));
}

#[test]
fn stop_leaves_no_committed_record_behind() {
    let rig = Rig::new(2, TABLE);
    let consumer = tracing(&rig, &program());
    go_to_cpu(1);
    rig.probe(0).fire(&[5]);
    go_to_cpu(0);
    rig.probe(1).fire(&[]);
    consumer.stop().unwrap();
    assert_eq!(first_words(&consumer, 1), [(2, 5)]);
}

#[test]
fn more_speculations_than_there_are_is_counted() {
    let rig = Rig::new(1, TABLE);
    let take = [S::Act(action::LIBACT, 0, Some(E::Speculation))];
    let image = Program::new().buffered().option(option::NSPEC, 2).clause(named("speculate"), None, &take);
    let consumer = tracing(&rig, &image);
    (0..3).for_each(|_| rig.probe(0).fire(&[]));
    let data = consumer.buffer(0).unwrap().data;
    let ids: Vec<u32> = words(&data).chunks(4).map(|record| record[2]).collect();
    assert_eq!(ids, [1, 2, 0]);
    assert_eq!((status(&consumer).specdrops_unavail, status(&consumer).specdrops_busy), (1, 0));
}

#[test]
fn records_that_find_no_room_in_the_speculation_are_counted() {
    let rig = Rig::new(1, TABLE);
    let consumer = tracing(&rig, &program().option(option::SPECSIZE, 32));
    (0..5).for_each(|n| rig.probe(0).fire(&[n]));
    assert_eq!(status(&consumer).specdrops, 3);
    rig.probe(1).fire(&[]);
    assert_eq!(first_words(&consumer, 0), [(2, 0), (2, 1), (3, 0xc0)]);
}

#[test]
fn a_fault_takes_back_its_record_only() {
    let rig = Rig::new(1, TABLE);
    let program = program().clause(named("speculate"), None, &[speculate(1), S::Trace(E::Load(0))]);
    let consumer = tracing(&rig, &program);
    rig.probe(0).fire(&[1]);
    rig.probe(0).fire(&[2]);
    rig.probe(1).fire(&[]);
    assert_eq!(first_words(&consumer, 0), [(2, 1), (2, 2), (3, 0xc0)]);
    assert_eq!(status(&consumer).errors, 2);
}

/// The program with another clause for the `speculate` probe, which comes after the first.
fn with_second(statements: &[S]) -> Program {
    program().clause(named("speculate"), None, statements)
}

#[test]
fn a_clause_may_discard_what_it_has_just_recorded() {
    for late in [false, true] {
        let rig = Rig::new(1, TABLE);
        let trace = S::Trace(E::Int(9));
        let statements = match late {
            true => [speculate(1), trace, discard(1)],
            false => [speculate(1), discard(1), trace],
        };
        let consumer = tracing(&rig, &with_second(&statements));
        rig.probe(0).fire(&[7]);
        rig.probe(1).fire(&[]);
        assert_eq!(first_words(&consumer, 0), [(3, 0xc0)], "nothing was left to commit");
        assert_eq!(status(&consumer).specdrops, 0);
    }
}

#[test]
fn a_clause_may_discard_another_speculation_than_it_records_to() {
    let rig = Rig::new(1, TABLE);
    let begin = [S::Act(action::LIBACT, 0, Some(E::Speculation))];
    let program = with_second(&[speculate(2), S::Trace(E::Int(9)), discard(1)])
        .clause(["dtrace", "", "", "BEGIN"], None, &begin)
        .clause(named("commit"), None, &[commit(2)])
        .option(option::NSPEC, 2);
    let consumer = tracing(&rig, &program);
    rig.probe(0).fire(&[7]);
    rig.probe(1).fire(&[]);
    let data = consumer.buffer(0).unwrap().data;
    let words = words(&data);
    assert!(words.contains(&9) && !words.contains(&7), "{words:?}");
}

#[test]
fn a_clause_may_commit_the_speculation_it_would_record_to() {
    let rig = Rig::new(1, TABLE);
    let consumer = tracing(&rig, &with_second(&[speculate(1), commit(1)]));
    rig.probe(0).fire(&[7]);
    assert_eq!(first_words(&consumer, 0), [(2, 7)]);
}

#[test]
fn tracing_on_a_cpu_that_is_offline_is_refused() {
    let rig = Rig::new(2, TABLE);
    rig.mock().set_offline(Some(1));
    let consumer = rig.open();
    consumer.enable(&program().option(option::CPU, 1).image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::EINVAL));
    rig.mock().set_offline(None);
    assert_eq!(consumer.go(), Ok(1));
}

#[test]
fn what_a_cpu_recorded_before_it_went_offline_is_committed() {
    let rig = Rig::new(2, TABLE);
    let consumer = tracing(&rig, &program());
    go_to_cpu(1);
    rig.probe(0).fire(&[7]);
    go_to_cpu(0);
    rig.mock().set_offline(Some(1));
    rig.probe(1).fire(&[]);
    rig.dtrace().housekeep();
    assert_eq!(first_words(&consumer, 1), [(2, 7)]);
    assert_eq!(first_words(&consumer, 0), [(3, 0xc0)]);
    rig.mock().set_offline(None);
}

#[test]
fn clauses_that_contradict_themselves_are_refused() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    let trace = || S::Trace(E::Int(1));
    let sum = S::Agg(agg::SUM, 0, vec![], Some(E::Int(1)), None);
    let refused: [&[S]; 6] = [
        &[trace(), speculate(1)],
        &[trace(), commit(1)],
        &[speculate(1), speculate(2)],
        &[speculate(1), count(&[])],
        &[speculate(1), S::Exit(0)],
        &[speculate(1), S::Act(action::STOP, 0, None)],
    ];
    for statements in refused {
        let image = Program::new().clause(named("speculate"), None, statements).image();
        assert_eq!(consumer.enable(&image), Err(Errno::EINVAL));
    }
    let allowed: [&[S]; 7] = [
        &[commit(1), trace()],
        &[trace(), discard(1)],
        &[sum, discard(1)],
        &[S::Trace(E::Increment(0)), speculate(1), trace()],
        &[speculate(1), commit(1)],
        &[speculate(1), discard(1), trace()],
        &[speculate(1), trace(), discard(1)],
    ];
    for statements in allowed {
        let image = Program::new().clause(named("speculate"), None, statements).image();
        assert_eq!(consumer.enable(&image), Ok(1));
    }
}

#[test]
fn four_cpus_speculate_commit_and_discard_at_once() {
    const FIRINGS: u64 = if cfg!(miri) { 100 } else { 20_000 };
    let rig = Rig::new(4, TABLE);
    let take = S::Act(action::LIBACT, 0, Some(E::Speculation));
    let program = Program::new()
        .option(option::BUFSIZE, 1 << 20)
        .option(option::AGGSIZE, 4096)
        .clause(named("commit"), None, &[commit(1), take])
        .clause(named("speculate"), None, &[speculate(1), S::Trace(E::Var(dif::VAR_ARG0))])
        .clause(named("discard"), None, &[discard(1)]);
    let consumer = rig.open();
    consumer.enable(&program.image()).unwrap();
    consumer.go().unwrap();
    let mut last = [0u64; 4];
    let mut seen = 0;
    let mut read = || {
        rig.dtrace().housekeep();
        for cpu in 0..4u32 {
            let data = consumer.buffer(cpu).unwrap().data;
            for record in data.chunks(16).filter(|record| words(record)[0] == 2) {
                let value = value_at(record, 8);
                assert_eq!(value >> 32, u64::from(cpu), "a part is moved to the buffer of its own CPU");
                assert!(value & 0xffff_ffff > last[cpu as usize], "in order, each once");
                last[cpu as usize] = value & 0xffff_ffff;
                seen += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4u64)
            .map(|cpu| {
                let rig = &rig;
                scope.spawn(move || {
                    go_to_cpu(cpu as usize);
                    for n in 1..=FIRINGS {
                        rig.probe(0).fire(&[cpu << 32 | n]);
                        if (n + cpu) % 5 == 0 {
                            rig.probe(if n % 3 == 0 { 2 } else { 1 }).fire(&[]);
                        }
                    }
                })
            })
            .collect();
        while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            read();
            std::thread::yield_now();
        }
    });
    read();
    assert!(seen > 0);
}
