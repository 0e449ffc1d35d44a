//! Which probes a description matches (contract 3, "Matching"), through PROBES and PROBEMATCH.

use dtrace_abi::{Plain, ProbeDesc, ioctl, name_bytes, set_name};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, Mock, Rig, Who, become_who};
use dtrace_engine::{Cred, Privileges};

use crate::program::Program;

const TABLE: &[[&str; 3]] = &[
    ["kernel", "read", "entry"],
    ["kernel", "read", "return"],
    ["kernel", "readv", "entry"],
    ["ext4", "ext4_read", "entry"],
    ["", "", "tick"],
];

fn pattern(names: [&str; 4], id: u32) -> ProbeDesc {
    let mut desc = ProbeDesc { id, ..ProbeDesc::zeroed() };
    set_name(&mut desc.provider, names[0].as_bytes());
    set_name(&mut desc.module, names[1].as_bytes());
    set_name(&mut desc.function, names[2].as_bytes());
    set_name(&mut desc.name, names[3].as_bytes());
    desc
}

/// All ids that match, asked for as libdtrace does.
fn matching(consumer: &Handle<'_>, names: [&str; 4]) -> Result<Vec<u32>, Errno> {
    let mut ids = Vec::new();
    let mut next = 0;
    loop {
        let mut desc = pattern(names, next);
        match consumer.ioctl(ioctl::PROBEMATCH, &mut desc) {
            Ok(_) => ids.push(desc.id),
            Err(Errno::ESRCH) => return Ok(ids),
            Err(error) => return Err(error),
        }
        next = desc.id + 1;
    }
}

#[test]
fn begin_end_and_error_are_the_first_three_probes() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    let name = |id| {
        let mut desc = ProbeDesc { id, ..ProbeDesc::zeroed() };
        consumer.ioctl(ioctl::PROBES, &mut desc).unwrap();
        assert_eq!(desc.id, id);
        assert_eq!((name_bytes(&desc.provider), name_bytes(&desc.function)), (&b"dtrace"[..], &b""[..]));
        name_bytes(&desc.name).to_vec()
    };
    assert_eq!([name(1), name(2), name(3)], [&b"BEGIN"[..], b"END", b"ERROR"]);
}

#[test]
fn probes_counts_up_from_any_id_and_ignores_the_strings() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    let mut seen = Vec::new();
    let mut desc = pattern(["\u{fffd}garbage[", "x", "y", "z"], 0);
    while consumer.ioctl(ioctl::PROBES, &mut desc).is_ok() {
        seen.push(desc.id);
        desc = pattern(["\u{fffd}garbage[", "x", "y", "z"], desc.id + 1);
    }
    assert_eq!(seen, (1..=8).collect::<Vec<_>>());
    assert_eq!(consumer.ioctl(ioctl::PROBES, &mut pattern([""; 4], 9)), Err(Errno::ESRCH));
    assert_eq!(consumer.ioctl(ioctl::PROBES, &mut pattern([""; 4], u32::MAX)), Err(Errno::ESRCH));
}

#[test]
fn an_empty_part_matches_anything_and_a_text_matches_itself() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    assert_eq!(matching(&consumer, ["mock", "", "", ""]).unwrap(), [4, 5, 6, 7, 8]);
    assert_eq!(matching(&consumer, ["", "kernel", "", ""]).unwrap(), [4, 5, 6]);
    assert_eq!(matching(&consumer, ["", "", "read", ""]).unwrap(), [4, 5]);
    assert_eq!(matching(&consumer, ["", "", "", "entry"]).unwrap(), [4, 6, 7]);
    assert_eq!(matching(&consumer, ["", "kernel", "read", "entry"]).unwrap(), [4]);
    assert_eq!(matching(&consumer, ["mock", "kernel", "read", "nothing"]).unwrap(), []);
    assert_eq!(matching(&consumer, ["nobody", "", "", ""]).unwrap(), []);
}

#[test]
fn globs_match_in_every_part() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    assert_eq!(matching(&consumer, ["m?ck", "k*", "", ""]).unwrap(), [4, 5, 6]);
    assert_eq!(matching(&consumer, ["", "", "*read", "entry"]).unwrap(), [4, 7]);
    assert_eq!(matching(&consumer, ["", "", "read[vx]", ""]).unwrap(), [6]);
    assert_eq!(matching(&consumer, ["", "", "read[!v]", ""]).unwrap(), []);
    assert_eq!(matching(&consumer, ["dtrace", "", "", "*N*"]).unwrap(), [1, 2]);
}

#[test]
fn nothing_at_all_matches_only_probes_with_a_function() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    assert_eq!(matching(&consumer, [""; 4]).unwrap(), [4, 5, 6, 7]);
}

#[test]
fn a_glob_that_is_too_deep_is_invalid() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    assert_eq!(matching(&consumer, ["", "", "*a*b*c*d*e*f*g*h*i*j*", ""]), Err(Errno::EINVAL));
}

#[test]
fn a_listing_does_not_start_over_for_each_probe() {
    const PROBES: u32 = if cfg!(miri) { 200 } else { 20_000 };
    let names: Vec<String> = (0..PROBES).map(|n| format!("function_{n}")).collect();
    let table: Vec<[&str; 3]> = names.iter().map(|name| ["kernel", name.as_str(), "entry"]).collect();
    let rig = Rig::new(1, &table);
    let consumer = rig.open();
    // Quadratic work would be two hundred million steps here.
    assert_eq!(matching(&consumer, ["", "kernel", "", "entry"]).unwrap().len(), PROBES as usize);
    let last = format!("function_{}", PROBES - 1);
    assert_eq!(matching(&consumer, ["", "", &last, ""]).unwrap(), [PROBES + 3]);
}

#[test]
fn who_may_not_see_a_provider_finds_none_of_its_probes() {
    let rig = Rig::new(1, TABLE);
    let cred = Cred { uid: 1000, gid: 1000, privileges: Privileges::USER };
    let consumer = rig.open_as(cred).unwrap();
    assert_eq!(matching(&consumer, ["mock", "", "", ""]).unwrap(), []);
    assert_eq!(matching(&consumer, ["dtrace", "", "", ""]).unwrap(), [1, 2, 3]);
    assert_eq!(consumer.ioctl(ioctl::PROBES, &mut pattern([""; 4], 4)), Err(Errno::ESRCH));
}

#[test]
fn a_program_may_name_a_probe_by_its_id() {
    let rig = Rig::new(1, TABLE);
    let consumer = rig.open();
    let enable = |id| {
        let mut program = Program::new();
        program.only(id);
        consumer.enable(&program.clause(["", "", "", ""], None, &[]).image())
    };
    assert_eq!(enable(7), Ok(1));
    assert!(rig.is_hooked(3));
    assert_eq!(enable(99), Ok(0));
}

#[test]
fn who_may_trace_its_own_processes_sees_no_firing_in_others() {
    let rig = Rig::with_privileges(Mock::new(1), TABLE, Privileges::USER);
    let cred = Cred { uid: 1000, gid: 1000, privileges: Privileges::USER };
    let (mine, roots) = (rig.open_as(cred).unwrap(), rig.open());
    let image = Program::new().buffered().clause(["mock", "", "", "tick"], None, &[]).image();
    for consumer in [&mine, &roots] {
        assert_eq!(consumer.enable(&image), Ok(1));
        consumer.go().unwrap();
    }
    for uid in [0, 1000, 1001, 1000] {
        become_who(Who { uid, gid: uid, ..Who::default() });
        rig.probe(4).fire(&[]);
    }
    assert_eq!(mine.buffer(0).unwrap().desc.size, 2 * 4);
    assert_eq!(roots.buffer(0).unwrap().desc.size, 4 * 4);
}

#[test]
fn who_has_no_privilege_at_all_may_not_open() {
    let rig = Rig::new(1, TABLE);
    let cred = Cred { uid: 1000, gid: 1000, privileges: Privileges::NONE };
    assert_eq!(rig.open_as(cred).err(), Some(Errno::EACCES));
}
