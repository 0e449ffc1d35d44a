//! Limits and sizes at their ends (contract 2.3, 2.5, 3): what is still allowed, what is refused, and with which errno.

use dtrace_abi::{ReplDesc, action, dif, ioctl, limit, option, set_name};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, KERNEL_BASE, Mock, Rig, Who, become_who};
use dtrace_engine::{Cred, Privileges};

use crate::decode::{Datum, aggregations, described, int, records, text, values};
use crate::program::{E, Program, S, count, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];
const END: [&str; 4] = ["dtrace", "", "", "END"];
const ONE: &[[&str; 3]] = &[["m", "f", "n"]];

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn a_thousand_and_twenty_four_enablings_are_retained_and_no_more() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    // For a probe that does not exist: it is kept for the day it does.
    let image = Program::new().clause(["absent", "", "", "n"], None, &[]).image();
    for n in 0..limit::RETAIN_MAX {
        assert_eq!(consumer.enable(&image), Ok(0), "{n}");
    }
    assert_eq!(consumer.enable(&image), Err(Errno::ENOSPC));
    let mut desc = <ReplDesc as dtrace_abi::Plain>::zeroed();
    set_name(&mut desc.matching.provider, b"absent");
    set_name(&mut desc.matching.name, b"n");
    assert_eq!(consumer.ioctl(ioctl::REPLICATE, &mut desc), Err(Errno::ENOSPC));
    // Options are no enabling.
    assert_eq!(consumer.enable(&Program::new().buffered().image()), Ok(0));
    assert_eq!(consumer.go(), Ok(0));
}

#[test]
fn a_fill_buffer_that_end_would_not_fit_into_is_refused() {
    let go = |size: i64| {
        let rig = Rig::new(1, ONE);
        let consumer = rig.open();
        let wide = S::Trace(E::Bytes(KERNEL_BASE, 1000));
        let image = Program::new()
            .option(option::BUFSIZE, size)
            .option(option::BUFPOLICY, option::BUFPOLICY_FILL)
            .clause(PROBE, None, &[S::Trace(E::Int32(1))])
            .clause(END, None, core::slice::from_ref(&wide))
            .clause(END, None, &[wide]);
        consumer.enable(&image.image()).unwrap();
        consumer.go()
    };
    assert_eq!(go(1000), Err(Errno::E2BIG));
    assert_eq!(go(4096), Ok(0));
}

#[test]
#[cfg_attr(miri, ignore = "ends where memory does")]
fn a_manual_buffer_is_what_was_asked_for_or_nothing() {
    // No machine has that much; by default it is halved until there is enough.
    let rig = Rig::new(1, ONE);
    let program =
        || Program::new().option(option::BUFSIZE, 1 << 55).clause(PROBE, None, &[S::Trace(E::Int(1))]);
    let consumer = rig.open();
    consumer.enable(&program().option(option::BUFRESIZE, option::BUFRESIZE_MANUAL).image()).unwrap();
    assert_eq!(consumer.go(), Err(Errno::ENOMEM));
}

#[test]
#[cfg_attr(miri, ignore = "copies much")]
fn strings_may_have_64_kib() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let long = "x".repeat(40_000);
    rig.mock().poke_kernel(KERNEL_BASE, long.as_bytes()).unwrap();
    let image = Program::new()
        .option(option::BUFSIZE, 1 << 20)
        .option(option::AGGSIZE, 1 << 20)
        .option(option::STRSIZE, 64 << 10)
        .clause(
            PROBE,
            None,
            &[S::Trace(E::Name(dif::VAR_EXECNAME)), S::Trace(E::StringAt(KERNEL_BASE, 64 << 10))],
        )
        .clause(
            PROBE,
            None,
            &[S::Agg(dtrace_abi::agg::COUNT, 0, vec![E::StringAt(KERNEL_BASE, 64 << 10)], None, None)],
        );
    consumer.enable(&image.image()).unwrap();
    consumer.go().unwrap();
    become_who(Who::default());
    rig.probe(0).fire(&[]);
    assert!(values(&consumer) == [text("mock"), text(&long)]);
    let (_, keys, counts) = aggregations(&consumer, 0).remove(0);
    assert!((keys, counts) == (vec![text(&long)], vec![1]));
}

#[test]
fn tracemem_with_a_length_reads_no_more_than_that() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    // The last eight bytes of the kernel's memory.
    let at = KERNEL_BASE + (64 << 10) - 8;
    rig.mock().poke_kernel(at, b"eight by").unwrap();
    let memory = S::Act(action::TRACEMEM, 0, Some(E::Bytes(at, 64)));
    let measured = |length: u64| [S::Act(action::TRACEMEM_DYNSIZE, 0, Some(E::Int(length))), memory.clone()];
    let image = Program::new()
        .buffered()
        .clause(PROBE, None, &measured(8))
        .clause(PROBE, None, &measured(3))
        .clause(PROBE, None, &measured(0))
        .clause(PROBE, None, &measured(u64::MAX))
        .clause(PROBE, None, core::slice::from_ref(&memory));
    consumer.enable(&image.image()).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    let found: Vec<Vec<Datum>> = records(&consumer, 0).into_iter().map(|(_, values)| values).collect();
    let wanted = [vec![int(8), text("eight by")], vec![int(3), text("eig")]];
    assert_eq!(found, wanted, "and the three that would read on have faulted: none is no length");
}

#[test]
fn the_two_actions_of_linux_record_eight_bytes() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    let statements =
        [action::TEST1, action::TEST2].map(|kind| S::Act(kind, 0, Some(E::Int(u64::from(kind)))));
    consumer.enable(&Program::new().buffered().clause(PROBE, None, &statements).image()).unwrap();
    consumer.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(values(&consumer), [int(0x480), int(0x481)]);
}

#[test]
fn each_of_several_consumers_has_its_clauses_in_the_order_of_its_program() {
    let rig = Rig::new(1, ONE);
    let consumers: Vec<_> = (0..4).map(|_| rig.open()).collect();
    // Their clauses are enabled in turns, in images of their own, so that they lie between each other on the probe.
    for round in 0..5u32 {
        for (n, consumer) in (0u32..).zip(&consumers) {
            let image = Program::new().buffered().clause(
                PROBE,
                None,
                &[S::Trace(E::Int32(n * 100 + round)), count(&[])],
            );
            assert_eq!(consumer.enable(&image.image()), Ok(1));
        }
    }
    consumers.iter().for_each(|consumer| assert_eq!(consumer.go(), Ok(0)));
    rig.probe(0).fire(&[]);
    for (n, consumer) in (0i64..).zip(&consumers) {
        let wanted: Vec<Datum> = (0..5).map(|round| int(n * 100 + round)).collect();
        assert_eq!(values(consumer), wanted);
    }
}

#[test]
fn the_clauses_of_several_consumers_stay_in_order_when_some_of_them_go() {
    let rig = Rig::new(1, ONE);
    let clause = |n: u32| {
        Program::new().option(option::BUFSIZE, 4096).clause(PROBE, None, &[S::Trace(E::Int32(n))]).image()
    };
    let consumers: Vec<_> = (0..3).map(|_| rig.open()).collect();
    for round in 0..3u32 {
        consumers.iter().for_each(|consumer| assert_eq!(consumer.enable(&clause(round)), Ok(1)));
    }
    let [first, second, third] = <[Handle<'_>; 3]>::try_from(consumers).ok().unwrap();
    // The last in the list, then the first.
    for gone in [third, first] {
        gone.close();
        assert_eq!(second.enable(&clause(9)), Ok(1));
    }
    second.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(values(&second), [0, 1, 2, 9, 9].map(int));
    second.close();
    assert!(!rig.is_hooked(0));
}

/// A consumer that may use the probe and not everything.
fn limited(rig: &Rig) -> Handle<'_> {
    rig.open_as(Cred { uid: 1, gid: 1, privileges: Privileges::KERNEL }).unwrap()
}

/// So many clauses on the probe.
fn clauses(count: usize) -> Vec<u8> {
    (0..count).fold(Program::new().buffered(), |program, _| program.clause(PROBE, None, &[])).image()
}

#[test]
#[cfg_attr(miri, ignore = "many clauses")]
fn consumers_that_may_not_do_everything_have_so_many_clauses_on_a_probe_and_no_more() {
    let rig = Rig::with_privileges(Mock::new(1), ONE, Privileges::USER);
    let (one, other, root) = (limited(&rig), limited(&rig), rig.open());
    assert_eq!(one.enable(&clauses(1024)), Ok(1024));
    assert_eq!(other.enable(&clauses(1)), Err(Errno::ENOSPC), "which all who meet the probe pay for");
    assert_eq!(root.enable(&clauses(1025)), Ok(1025));
    one.close();
    assert_eq!(other.enable(&clauses(1025)), Err(Errno::ENOSPC));
    root.close();
    assert!(!rig.is_hooked(0), "an enabling that fails leaves nothing");
    assert_eq!(other.enable(&clauses(1024)), Ok(1024));
}

#[test]
fn an_enabling_ends_when_its_caller_is_killed() {
    let rig = Rig::new(1, ONE);
    let consumer = rig.open();
    rig.mock().kill_waiters();
    assert_eq!(consumer.enable(&clauses(3)), Err(Errno::EINTR));
    assert!(!rig.is_hooked(0));
}

#[test]
#[cfg_attr(miri, ignore = "many probes")]
fn ecbs_end_where_the_memory_does() {
    let names: Vec<String> = (0..5000).map(|n| format!("f{n}")).collect();
    let rows: Vec<[&str; 3]> = names.iter().map(|name| ["m", name, "n"]).collect();
    let rig = Rig::new(1, &rows);
    let consumer = rig.open();
    rig.mock().set_spare_memory(100);
    assert_eq!(consumer.enable(&clauses(1)), Err(Errno::ENOMEM), "not even a program");
    // Each ECB is too small for anybody to refuse it.
    rig.mock().set_spare_memory(1 << 19);
    assert_eq!(consumer.enable(&clauses(1)), Err(Errno::ENOMEM));
    assert!(!rig.is_hooked(0));
    rig.mock().set_spare_memory(1 << 20);
    assert_eq!(consumer.enable(&clauses(1)), Ok(5000));
}

#[test]
#[cfg_attr(miri, ignore = "many clauses")]
fn ids_that_a_tracing_consumer_had_for_a_moment_are_not_given_again() {
    let rows = [["a", "f", "n"], ["b", "f", "n"], ["c", "f", "n"]];
    let rig = Rig::with_privileges(Mock::new(1), &rows, Privileges::USER);
    let full = limited(&rig);
    let all = (0..1024).fold(Program::new(), |program, _| program.clause(["mock", "b", "", ""], None, &[]));
    assert_eq!(full.enable(&all.image()), Ok(1024));
    let consumer = limited(&rig);
    let clause = [S::Trace(E::Int32(3)), count(&[])];
    consumer.enable(&Program::new().buffered().clause(["mock", "a", "", ""], None, &clause).image()).unwrap();
    consumer.go().unwrap();
    let replicate = |module: &[u8]| {
        let mut desc = <ReplDesc as dtrace_abi::Plain>::zeroed();
        set_name(&mut desc.matching.provider, b"mock");
        set_name(&mut desc.matching.module, b"a");
        set_name(&mut desc.create.provider, b"mock");
        set_name(&mut desc.create.module, module);
        consumer.ioctl(ioctl::REPLICATE, &mut desc)
    };
    // It gets as far as the second probe: the first may have fired by then.
    assert_eq!(replicate(b""), Err(Errno::ENOSPC));
    assert_eq!(described(&consumer, 2).0, rig.probe(0).id(), "which a record may be of");
    assert_eq!(replicate(b"c"), Ok(0));
    rig.probe(2).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [3, 3]);
    let lines = aggregations(&consumer, 0);
    assert_eq!(lines.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [3]);
    consumer.stop().unwrap();
}

#[test]
fn an_enabling_whose_hooks_are_refused_fails_and_leaves_nothing() {
    let rig = Rig::new(1, &[["m", "f", "a"], ["m", "f", "b"]]);
    let consumer = rig.open();
    let image = Program::new().buffered().clause(["mock", "", "", ""], None, &[S::Trace(E::Int(1))]).image();
    rig.refuse_commit();
    assert_eq!(consumer.enable(&image), Err(Errno::ENOMEM));
    assert_eq!([0, 1].map(|row| rig.is_hooked(row)), [false; 2]);
    assert_eq!(consumer.enable(&image), Ok(2));
    consumer.go().unwrap();
    rig.probe(1).fire(&[]);
    assert_eq!(consumer.buffer(0).unwrap().data.len(), 16);
}
