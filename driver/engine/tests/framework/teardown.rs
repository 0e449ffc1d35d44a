//! Taking things away: close, rematch, unregister, and doing it all a thousand times.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dtrace_abi::{Attribute, PAttr, Plain, ReplDesc, ioctl, set_name};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Mock, Rig, go_to_cpu};
use dtrace_engine::{Description, Privileges, Probe, Provider, ProviderInfo, Registrar};

use crate::program::{E, Program, S, count, words};

const PROBE: [&str; 4] = ["mock", "", "", ""];

#[test]
fn close_unhooks_every_probe_in_one_batch() {
    const PROBES: usize = if cfg!(miri) { 20 } else { 1000 };
    let names: Vec<String> = (0..PROBES).map(|n| format!("f{n}")).collect();
    let table: Vec<[&str; 3]> = names.iter().map(|name| ["m", name.as_str(), "entry"]).collect();
    let rig = Rig::new(2, &table);
    let consumer = rig.open();
    assert_eq!(
        consumer.enable(&Program::new().buffered().clause(PROBE, None, &[]).image()),
        Ok(PROBES as i32)
    );
    assert!((0..PROBES).all(|row| rig.is_hooked(row)));
    assert_eq!(rig.commits(), 1);
    let before = rig.mock().grace_periods();
    consumer.close();
    assert_eq!(rig.mock().grace_periods() - before, 1, "one grace period for all ECBs");
    assert!(!(0..PROBES).any(|row| rig.is_hooked(row)));
    assert_eq!(rig.commits(), 2);
    assert_eq!(rig.dtrace().enabled_count(), 0);
}

#[test]
fn a_thousand_sessions_leave_nothing() {
    let rig = Rig::new(2, &[["m", "f", "n"]]);
    let image = Program::new()
        .option(dtrace_abi::option::BUFSIZE, 4096)
        .option(dtrace_abi::option::AGGSIZE, 4096)
        .option(dtrace_abi::option::DYNVARSIZE, 4096)
        .clause(PROBE, None, &[S::Printf("%s", vec![E::Text("x")]), count(&[])])
        .clause(["dtrace", "", "", "BEGIN"], None, &[])
        .image();
    for _ in 0..if cfg!(miri) { 3 } else { 1000 } {
        let consumer = rig.open();
        consumer.enable(&image).unwrap();
        consumer.go().unwrap();
        rig.probe(0).fire(&[]);
        assert_eq!(words(&consumer.buffer(0).unwrap().data)[0], 2);
    }
    assert_eq!(rig.dtrace().enabled_count(), 0);
    assert_eq!(rig.dtrace().probe_count(), 4);
}

#[test]
fn close_while_other_cpus_fire() {
    const FIRING: usize = if cfg!(miri) { 1 } else { 3 };
    let rig = Rig::new(4, &[["m", "f", "a"], ["m", "f", "b"]]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for cpu in 1..=FIRING {
            let (rig, done) = (&rig, &done);
            scope.spawn(move || {
                go_to_cpu(cpu);
                while !done.load(Ordering::Relaxed) {
                    rig.probe(0).fire(&[1, 2, 3]);
                    rig.probe(1).fire(&[1, 2, 3]);
                }
            });
        }
        let image = Program::new()
            .buffered()
            .clause(PROBE, None, &[S::Trace(E::Text("text")), count(&[E::Text("key")])])
            .clause(PROBE, None, &[S::Trace(E::Load(0))])
            .image();
        for round in 0..if cfg!(miri) { 2 } else { 40 } {
            let (one, other) = (rig.open(), rig.open());
            one.enable(&image).unwrap();
            other.enable(&image).unwrap();
            one.go().unwrap();
            other.go().unwrap();
            if round % 3 == 0 {
                thread::yield_now();
            }
            one.close();
            let _ = other.buffer(1).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(rig.dtrace().enabled_count(), 0);
}

/// A provider whose probes come when they are asked for.
struct OnDemand;

impl Provider<Mock> for OnDemand {
    fn provide(&self, registrar: &mut Registrar<'_, Mock>, description: Option<&Description<'_>>) {
        if let Some(description) = description
            && description.name.starts_with(b"tick-")
            && !description.name.contains(&b'*')
        {
            let _ = registrar.create(b"", b"", description.name, 0, 0);
        }
    }
    fn enable(&self, _probe: &Probe<Mock>) -> Result<(), Errno> {
        Ok(())
    }
    fn disable(&self, _probe: &Probe<Mock>) {}
}

const ATTRIBUTE: Attribute = Attribute::new(5, 5, 5);
const ATTRIBUTES: PAttr =
    PAttr { provider: ATTRIBUTE, module: ATTRIBUTE, function: ATTRIBUTE, name: ATTRIBUTE, args: ATTRIBUTE };

fn info(name: &str) -> ProviderInfo<'_> {
    ProviderInfo { name, attributes: ATTRIBUTES, privileges: Privileges::NONE, uid: 0 }
}

#[test]
fn a_probe_may_come_to_be_because_it_is_asked_for() {
    let rig = Rig::new(1, &[]);
    rig.dtrace().register(&info("profile"), Box::new(OnDemand)).unwrap();
    let consumer = rig.open();
    let enable = |name| consumer.enable(&Program::new().clause(["profile", "", "", name], None, &[]).image());
    assert_eq!(enable("tick-*"), Ok(0));
    assert_eq!(enable("tick-5s"), Ok(1));
    assert_eq!(enable("tick-5s"), Ok(1));
    assert_eq!(rig.dtrace().probe_count(), 4);
}

#[test]
fn what_was_enabled_before_its_provider_came_is_matched_then() {
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    assert_eq!(consumer.enable(&Program::new().clause(["late", "", "", ""], None, &[]).image()), Ok(0));
    let id = rig.dtrace().register(&info("late"), Box::new(OnDemand)).unwrap();
    assert_eq!(rig.dtrace().enabled_count(), 0);
    rig.dtrace().with_registrar(id, |registrar| registrar.create(b"m", b"f", b"n", 0, 0)).unwrap().unwrap();
    assert_eq!(rig.dtrace().enabled_count(), 1);
    assert_eq!(rig.dtrace().unregister(id), Err(Errno::EBUSY));
    consumer.close();
    assert_eq!(rig.dtrace().unregister(id), Ok(()));
    assert_eq!(rig.dtrace().unregister(id), Err(Errno::ESRCH));
    assert_eq!(rig.dtrace().probe_count(), 3);
}

#[test]
fn removed_probes_leave_holes_and_ids_are_not_used_again() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let id = rig.dtrace().register(&info("module"), Box::new(OnDemand)).unwrap();
    let create = |name: &[u8]| {
        rig.dtrace().with_registrar(id, |r| r.create(b"mod", b"f", name, 0, 0)).unwrap().map(u32::from)
    };
    assert_eq!(create(b"a"), Ok(5));
    assert_eq!(create(b"a"), Err(Errno::EEXIST));
    assert_eq!(create(b"b"), Ok(6));
    rig.dtrace().remove_probes_of(id, |probe| probe.name() == b"a\0").unwrap();
    assert_eq!(create(b"a"), Ok(7));
    let consumer = rig.open();
    let mut desc = dtrace_abi::ProbeDesc { id: 5, ..Plain::zeroed() };
    consumer.ioctl(ioctl::PROBES, &mut desc).unwrap();
    assert_eq!(desc.id, 6);
    assert_eq!(consumer.enable(&Program::new().clause(["", "mod", "", "a"], None, &[]).image()), Ok(1));
}

#[test]
fn a_probe_that_must_go_goes_from_under_its_consumers() {
    let rig = Rig::new(1, &[]);
    let id = rig.dtrace().register(&info("module"), Box::new(OnDemand)).unwrap();
    let create =
        || rig.dtrace().with_registrar(id, |r| r.create(b"mod", b"f", b"entry", 0, 0)).unwrap().unwrap();
    create();
    let (one, other) = (rig.open(), rig.open());
    let image = Program::new().buffered().clause(["module", "", "", ""], None, &[]).image();
    one.enable(&image).unwrap();
    one.enable(&image).unwrap();
    other.enable(&image).unwrap();
    one.go().unwrap();
    assert_eq!(rig.dtrace().remove_probes_of(id, |_| true), Err(Errno::EBUSY));
    rig.dtrace().retire_probes_of(id, |_| true).unwrap();
    assert_eq!((rig.dtrace().probe_count(), rig.dtrace().enabled_count()), (3, 0));
    let (size, _) = crate::records::described(&one, 1);
    assert_eq!(size, 4, "what was recorded can still be told");
    // The module comes back: the consumers that wait for it have it again.
    create();
    assert_eq!(rig.dtrace().enabled_count(), 1);
    one.close();
    other.close();
    assert_eq!(rig.dtrace().enabled_count(), 0);
    assert_eq!(rig.dtrace().unregister(id), Ok(()));
}

#[test]
fn a_ring_buffer_knows_the_records_of_probes_that_come_late() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let id = rig.dtrace().register(&info("late"), Box::new(OnDemand)).unwrap();
    let consumer = rig.open();
    let image = Program::new()
        .option(dtrace_abi::option::BUFSIZE, 256)
        .option(dtrace_abi::option::BUFPOLICY, dtrace_abi::option::BUFPOLICY_RING)
        .clause(["mock", "", "", ""], None, &[])
        .clause(["late", "", "", ""], None, &[S::Trace(E::Bytes(dtrace_engine::mock::KERNEL_BASE, 60))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    // What is traced looks like EPIDs of other records.
    rig.mock().poke_kernel(dtrace_engine::mock::KERNEL_BASE, &[1; 60]).unwrap();
    let mut late = Vec::new();
    for n in 0..100u32 {
        let created =
            rig.dtrace().with_registrar(id, |r| r.create(b"m", b"f", n.to_string().as_bytes(), 0, 0));
        late.push(created.unwrap().unwrap());
    }
    let fire = |probe| {
        let pointer =
            rig.dtrace().with_registrar(id, |r| std::ptr::from_ref(r.probe(probe).unwrap())).unwrap();
        // SAFETY: the provider is not unregistered before the end of the test.
        rig.dtrace().fire(unsafe { &*pointer }, &dtrace_engine::Firing::new(&[]));
    };
    for &probe in &late {
        fire(probe);
        rig.probe(0).fire(&[]);
    }
    consumer.stop().unwrap();
    let snapshot = consumer.buffer(0).unwrap();
    let oldest = snapshot.desc.oldest as usize;
    let mut ordered = words(&snapshot.data[oldest..]);
    ordered.extend(words(&snapshot.data[..oldest]));
    let mut epids = Vec::new();
    let mut at = 0;
    while at < ordered.len() {
        let size = match ordered[at] {
            0 | 1 => 1,
            epid => {
                epids.push(epid);
                16
            }
        };
        at += size;
    }
    assert_eq!(at, ordered.len(), "records are whole");
    assert_eq!(epids, [99, 100, 101]);
}

#[test]
fn replicate_enables_the_same_for_another_description() {
    let rig = Rig::new(1, &[["a", "f", "n"], ["b", "f", "n"]]);
    let consumer = rig.open();
    let clause = [S::Trace(E::Int32(3)), count(&[])];
    assert_eq!(
        consumer.enable(&Program::new().buffered().clause(["mock", "a", "", ""], None, &clause).image()),
        Ok(1)
    );
    let mut desc = ReplDesc::zeroed();
    set_name(&mut desc.matching.provider, b"mock");
    set_name(&mut desc.matching.module, b"a");
    set_name(&mut desc.create.module, b"b");
    assert_eq!(consumer.ioctl(ioctl::REPLICATE, &mut desc), Ok(0));
    set_name(&mut desc.matching.module, b"c");
    assert_eq!(consumer.ioctl(ioctl::REPLICATE, &mut desc), Err(Errno::ENOENT));
    consumer.go().unwrap();
    rig.probe(1).fire(&[]);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [2, 3]);
    assert_eq!(words(&consumer.aggregations(0).unwrap().data)[0], 2, "with an aggregation of its own");
}

#[test]
fn two_providers_of_one_name_and_bad_names_are_refused() {
    let rig = Rig::new(1, &[]);
    let register = |name: &str| rig.dtrace().register(&info(name), Box::new(OnDemand)).err();
    assert_eq!(register("mock"), Some(Errno::EEXIST));
    assert_eq!(register("dtrace"), Some(Errno::EEXIST));
    assert_eq!(register(""), Some(Errno::EINVAL));
    assert_eq!(register(&"x".repeat(64)), Some(Errno::EINVAL));
    assert_eq!(register(&"x".repeat(63)), None);
}
