//! The images that the original compiler makes, run from ENABLE to the last snapshot: each gives what its D text says.
//!
//! They are not part of the repository: `DTRACE_SHARED` says where they are, and without them the tests are skipped. What the
//! D text says is written down here, once for each image.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dtrace_abi::{Plain, ioctl, option};
use dtrace_engine::Privileges;
use dtrace_engine::mock::{Effect, Handle, KERNEL_BASE, Mock, Rig, USER_BASE, Who, become_who};

use crate::decode::{Datum, Line, aggregations, int, records, status, text, values};
use crate::program::Program;

/// The directory of the images, if it is there.
fn vectors() -> Option<PathBuf> {
    let shared = std::env::var_os("DTRACE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let vectors = shared.join("abi/vectors");
    if vectors.is_dir() {
        return Some(vectors);
    }
    println!("skipped: no sample images at {} (set DTRACE_SHARED)", vectors.display());
    None
}

/// The probes that the images ask for. Those of `profile` are asked for by their names alone, so any provider may have them.
const TABLE: &[[&str; 3]] = &[
    ["x64", "read", "entry"],
    ["x64", "read", "return"],
    ["x64", "write", "entry"],
    ["x64", "write", "return"],
    ["x64", "open", "entry"],
    ["x64", "open", "return"],
    ["x64", "openat", "entry"],
    ["x64", "execve", "entry"],
    ["x64", "execve", "return"],
    ["x32", "getpid", "entry"],
    ["", "", "tick-1ms"],
    ["", "", "tick-1s"],
    ["", "", "tick-100ms"],
    ["", "", "tick-5s"],
    ["", "", "profile-97"],
    ["", "", "profile-997hz"],
    ["kernel", "vfs_read", "entry"],
    ["kernel", "vfs_read", "return"],
];

/// Where the tests put what a process has in its memory.
const MEMORY: u64 = USER_BASE + 0x8_0000;

fn rig(provider: &str) -> Rig {
    become_who(Who::default());
    Rig::of_provider(provider, Mock::new(1), TABLE, Privileges::KERNEL)
}

/// Enables an image with buffers for it and lets it go.
fn go<'a>(rig: &'a Rig, dir: &Path, name: &str) -> Handle<'a> {
    let consumer = rig.open();
    consumer.enable(&fs::read(dir.join(name).with_extension("dof")).unwrap()).unwrap();
    consumer.enable(&Program::new().buffered().option(option::DESTRUCTIVE, 1).image()).unwrap();
    consumer.go().unwrap();
    consumer
}

/// Fires the probe of these names.
fn fire(rig: &Rig, names: [&str; 3], args: &[u64]) {
    rig.probe(TABLE.iter().position(|row| *row == names).unwrap()).fire(args);
}

fn entry(rig: &Rig, call: &str, args: &[u64]) {
    fire(rig, ["x64", call, "entry"], args);
}

/// A system call returns, as its provider tells it (contract 4.1).
fn returns(rig: &Rig, call: &str, result: i64) {
    fire(rig, ["x64", call, "return"], &dtrace_engine::syscall::returned(result));
}

fn ints(values: &[i64]) -> Vec<Datum> {
    values.iter().copied().map(int).collect()
}

/// The value of the only line of a distribution: which words are not 0.
fn buckets(line: &Line) -> Vec<(usize, u64)> {
    line.2.iter().copied().enumerate().filter(|(_, count)| *count != 0).collect()
}

#[test]
fn programs_of_begin_alone() {
    let Some(dir) = vectors() else { return };
    let arith = [4, 10, -21, 3, 3, -1, -1, 56, -2, 0, -8, 0, 5, 15, 5];
    let byteorder =
        [0x3412, 0x7856_3412, 0x8877_6655_4433_2211_u64.cast_signed(), 0x100, 0x0100_0000, 1 << 56];
    let strings = [
        vec![
            text("c.txt"),
            text("a/b"),
            int(9),
            text("b/c.txt"),
            text("/c.txt"),
            text("c.txt"),
            int(1),
            int(3),
        ],
        ["b/c", "a/b/c.txt!", "a/c", "x", "A/B/C.TXT", "abc", "255"].map(text).to_vec(),
    ];
    let expected: BTreeMap<&str, Vec<Datum>> = BTreeMap::from([
        ("arith", ints(&arith)),
        ("begin-trace", ints(&[42])),
        ("byteorder", ints(&byteorder)),
        ("compare", ints(&[1, 1, 0, 1, 1, 0, 0, 1, 0, 10])),
        ("enum-inline", vec![int(5), text("t")]),
        ("exit-status", vec![]),
        ("options", vec![]),
        ("pointers", ints(&[11])),
        ("string-compare", ints(&[1])),
        ("strings", strings.concat()),
        ("struct", ints(&[2, 14, 6])),
        ("union-bits", ints(&[8, -7])),
    ]);
    for (name, mut wanted) in expected {
        let rig = rig("syscall");
        let consumer = rig.open();
        consumer.enable(&fs::read(dir.join(name).with_extension("dof")).unwrap()).unwrap();
        consumer.enable(&Program::new().buffered().image()).unwrap();
        consumer.go().unwrap();
        assert_eq!(status(&consumer).exiting, 1, "{name}");
        assert_eq!(consumer.stop(), Ok(0), "{name}");
        // Each ends in exit().
        wanted.push(int(if name == "exit-status" { 3 } else { 0 }));
        assert_eq!(values(&consumer), wanted, "{name}");
    }
}

#[test]
fn begin_string_and_d_path() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    become_who(Who { pid: 77, execname: "vector".into(), ..Who::default() });
    let consumer = go(&rig, &dir, "begin-string");
    let found = values(&consumer);
    assert_eq!(found[..3], [text("hello"), text("vector"), int(77)]);
    assert!(matches!(found[3..], [Datum::Int(1..), Datum::Int(0)]), "arg0 of BEGIN is the consumer's key");

    let consumer = go(&rig, &dir, "d-path");
    assert!(matches!(values(&consumer)[..], [Datum::Int(address), Datum::Int(0)] if address != 0));
}

#[test]
fn faults() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "divzero");
    assert_eq!((records(&consumer, 0), status(&consumer).errors), (vec![("ERROR".into(), ints(&[0]))], 1));
    let consumer = go(&rig, &dir, "error");
    assert_eq!(records(&consumer, 0), [("ERROR".into(), ints(&[1, 0, 1]))], "fault 1 at 0, exit(1)");
}

#[test]
fn agg_all() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "agg-all");
    [1, 2, 3, 10].iter().for_each(|&size| entry(&rig, "write", &[1, 0, size]));
    entry(&rig, "read", &[1, 0, 1000]);
    let lines = aggregations(&consumer, 0);
    let value = |n: usize| lines[n].2.clone();
    assert_eq!([value(0), value(1), value(2), value(3)], [vec![4], vec![16], vec![1], vec![10]]);
    assert_eq!((value(4), value(5)), (vec![4, 16], vec![4, 16, 114, 0]));
    assert_eq!(buckets(&lines[6]), [(64, 1), (65, 2), (67, 1)]);
    assert_eq!(lines[6].2.len(), 127);
}

#[test]
fn aggregations_by_key() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    become_who(Who { pid: 5, tid: 6, execname: "sh".into(), ..Who::default() });
    let consumer = go(&rig, &dir, "agg-many-keys");
    entry(&rig, "read", &[3, 10]);
    entry(&rig, "read", &[3, 5]);
    entry(&rig, "write", &[4, 7]);
    let key = |call: &str, fd: i64| vec![int(5), int(6), text("sh"), text(call), int(fd)];
    assert_eq!(aggregations(&consumer, 0), [(1, key("read", 3), vec![15]), (1, key("write", 4), vec![7])]);

    let consumer = go(&rig, &dir, "syscall-count");
    (0..3).for_each(|_| entry(&rig, "read", &[]));
    become_who(Who { pid: 7, execname: "ls".into(), ..Who::default() });
    entry(&rig, "write", &[]);
    assert_eq!(aggregations(&consumer, 0), [(1, vec![text("ls")], vec![1]), (1, vec![text("sh")], vec![3])]);

    let consumer = go(&rig, &dir, "syscall-count-func");
    entry(&rig, "read", &[]);
    entry(&rig, "read", &[]);
    returns(&rig, "read", 0);
    assert_eq!(aggregations(&consumer, 0), [(1, vec![text("read"), int(7)], vec![2])]);

    let consumer = go(&rig, &dir, "syscall-fail");
    [-2, 5, -2, -13].iter().for_each(|&result| returns(&rig, "open", result));
    let key = |errno: i64| vec![text("open"), int(errno)];
    assert_eq!(aggregations(&consumer, 0), [(1, key(-13), vec![1]), (1, key(-2), vec![2])]);

    let consumer = go(&rig, &dir, "multi-clause");
    assert_eq!(records(&consumer, 0), [("BEGIN".into(), vec![text("BEGIN")]), ("BEGIN".into(), ints(&[1]))]);
    entry(&rig, "read", &[]);
    entry(&rig, "write", &[]);
    fire(&rig, ["x32", "getpid", "entry"], &[]);
    let lines = aggregations(&consumer, 0);
    assert_eq!(
        lines,
        [(1, vec![text("x64")], vec![2]), (2, vec![text("x32")], vec![1])],
        "one for each description"
    );
    consumer.stop().unwrap();
    assert_eq!(records(&consumer, 0), [("END".into(), vec![text("END")])]);
}

#[test]
fn printa() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "printa");
    [4, 6].iter().for_each(|&size| entry(&rig, "write", &[1, 0, size]));
    fire(&rig, ["", "", "tick-1s"], &[]);
    let lines = aggregations(&consumer, 0);
    assert_eq!(lines, [(1, vec![text("mock")], vec![2]), (2, vec![text("mock")], vec![10])]);
    let mut format = dtrace_abi::FmtDesc { format: 1, length: 64, string: MEMORY, ..Plain::zeroed() };
    consumer.ioctl(ioctl::FORMAT, &mut format).unwrap();
    let mut bytes = [0; 21];
    rig.mock().peek_user(MEMORY, &mut bytes).unwrap();
    assert_eq!(&bytes, b"%-20s %@8llu %@8llu\n\0");
    assert!(!records(&consumer, 0).is_empty(), "the consumer is told to print");
}

#[test]
fn latencies() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    // One call that takes so many nanoseconds.
    let call = |ns: u64| {
        entry(&rig, "read", &[]);
        rig.mock().advance(ns);
        returns(&rig, "read", 0);
    };
    let consumer = go(&rig, &dir, "assoc");
    call(1000);
    call(3000);
    returns(&rig, "read", 0);
    assert_eq!(aggregations(&consumer, 0), [(1, vec![text("read")], vec![2, 4000])]);
    let consumer = go(&rig, &dir, "latency-quantize");
    call(1000);
    let lines = aggregations(&consumer, 0);
    assert_eq!((&lines[0].1, buckets(&lines[0])), (&vec![text("read")], vec![(73, 1)]), "512 and more");
    let consumer = go(&rig, &dir, "latency-lquantize");
    call(125_000);
    call(2_000_000);
    let lines = aggregations(&consumer, 0);
    // Word 0 is the argument: steps of 50 from 0, 20 of them. Word 1 counts what is below.
    assert_eq!(lines[0].2[0], 50 << 48 | 20 << 32);
    assert_eq!(buckets(&lines[0])[1..], [(4, 1), (22, 1)], "100 and more, 1000 and more");
    let consumer = go(&rig, &dir, "self-array");
    call(10);
    call(10);
    assert_eq!((status(&consumer).errors, status(&consumer).dyndrops), (0, 0));
}

#[test]
fn llquantize() {
    let Some(dir) = vectors() else { return };
    let rig = rig("profile");
    let consumer = go(&rig, &dir, "llquantize");
    (0..2000).for_each(|_| fire(&rig, ["", "", "tick-1ms"], &[]));
    assert_eq!(records(&consumer, 0), [("tick-1ms".into(), ints(&[0]))], "exit(0) at 1500, once");
    let lines = aggregations(&consumer, 0);
    let counts = buckets(&lines[0]);
    assert_eq!(counts[1], (1, 1), "0 is below the first magnitude");
    assert_eq!(counts[1..].iter().map(|(_, count)| count).sum::<u64>(), 1500);
}

#[test]
fn rand_progeny() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "rand-progeny");
    // The image was made without a target, which is process 0.
    entry(&rig, "read", &[]);
    become_who(Who { ppid: 0, ..Who::default() });
    (0..50).for_each(|_| entry(&rig, "read", &[]));
    let lines = aggregations(&consumer, 0);
    let counts = buckets(&lines[0]);
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 50);
    assert!(counts.iter().all(|(bucket, _)| (63..=70).contains(bucket)), "0 to 99");
}

#[test]
fn variables() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "args");
    entry(&rig, "read", &[1, 2, 3, 4, 5, 6]);
    let beyond = (6..10).map(|n| 0xa000 + n);
    assert_eq!(values(&consumer), ints(&(1..=6).chain(beyond).collect::<Vec<i64>>()));

    let consumer = go(&rig, &dir, "uregs");
    entry(&rig, "read", &[]);
    assert_eq!(values(&consumer), ints(&[0x1000, 0x1010]));

    become_who(Who { pid: 1, tid: 2, ppid: 3, uid: 4, execname: "who".into(), errno: 5, ..Who::default() });
    let consumer = go(&rig, &dir, "vars");
    entry(&rig, "open", &[]);
    let kernel = KERNEL_BASE.cast_signed();
    // The provider has one frame of its own above the function, and pc, caller and so on are 16 apart.
    let numbers = [1, 2, 3, 4];
    let found = values(&consumer);
    assert_eq!(found[..4], ints(&numbers));
    assert_eq!(found[4..6], [text("who"), int(5)]);
    assert_eq!(found[6..8], ints(&[kernel + 48, USER_BASE.cast_signed() + 32]), "caller, ucaller");
    assert!(matches!(found[8..11], [Datum::Int(1..), Datum::Int(1..), Datum::Int(0)]), "epid, id, ipl");
    assert_eq!(found[11..15], ["syscall", "x64", "open", "entry"].map(text));
    assert_eq!(found[15..17], ints(&[4, 3]), "stackdepth, ustackdepth");
    let now = 1_000_000_000;
    assert_eq!(found[17..], [int(now), int(now), int(now), text("global")]);
}

#[test]
fn variables_of_the_program() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "globals");
    (0..3).for_each(|_| entry(&rig, "read", &[]));
    consumer.stop().unwrap();
    assert_eq!(records(&consumer, 0), [("END".into(), vec![int(3), text("mock")])]);

    let consumer = go(&rig, &dir, "clause-local");
    entry(&rig, "read", &[1]);
    entry(&rig, "read", &[11]);
    assert_eq!(records(&consumer, 0), [("entry".into(), vec![int(12), text("mock")])]);

    let consumer = go(&rig, &dir, "assoc-string");
    become_who(Who { execname: "init".into(), ..Who::default() });
    (0..5).for_each(|_| entry(&rig, "read", &[]));
    consumer.stop().unwrap();
    assert_eq!(records(&consumer, 0), [("END".into(), ints(&[5]))]);

    let consumer = go(&rig, &dir, "no-actions");
    (0..3).for_each(|_| entry(&rig, "write", &[]));
    assert_eq!(records(&consumer, 0), vec![("entry".into(), vec![]); 3]);
}

#[test]
fn user_memory() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    rig.mock().poke_user(MEMORY, b"/bin/true\0padded").unwrap();
    let consumer = go(&rig, &dir, "copy");
    entry(&rig, "write", &[1, MEMORY, 16]);
    assert_eq!(values(&consumer), [text("/bin/true"), text("/bin/true")], "tracemem and stringof");

    let consumer = go(&rig, &dir, "syscall-open");
    entry(&rig, "openat", &[0, MEMORY]);
    assert_eq!(records(&consumer, 0), [("entry".into(), vec![text("mock"), text("/bin/true")])]);

    let consumer = go(&rig, &dir, "self-string");
    entry(&rig, "execve", &[MEMORY]);
    returns(&rig, "execve", 0);
    assert_eq!(values(&consumer), [text("/bin/true"), int(0)]);

    let _consumer = go(&rig, &dir, "copyout");
    let mut bytes = [0; 5];
    entry(&rig, "read", &[0, MEMORY]);
    rig.mock().peek_user(MEMORY, &mut bytes).unwrap();
    assert_eq!(&bytes, b"hey\0/");
}

#[test]
fn speculate() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "speculate");
    entry(&rig, "open", &[]);
    returns(&rig, "open", 3);
    assert_eq!(records(&consumer, 0), [], "discarded");
    entry(&rig, "open", &[]);
    returns(&rig, "open", -2);
    assert_eq!(records(&consumer, 0), [("entry".into(), vec![text("mock")])]);
}

#[test]
fn stacks() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "stacks");
    entry(&rig, "write", &[]);
    // The machine has five kernel frames, the first of which is the provider's, and three user frames.
    let filled = |first: &[u64], len: usize| {
        let mut words = first.to_vec();
        words.resize(len, 0);
        Datum::Words(words)
    };
    let kernel: Vec<u64> = (2..=5).map(|n| KERNEL_BASE + n * 16).collect();
    let user: Vec<u64> = [100].into_iter().chain((1..=3).map(|n| USER_BASE + n * 16)).collect();
    let wanted = [
        filled(&kernel, 20),
        filled(&kernel, 5),
        filled(&user, 21),
        filled(&user, 11 + 64),
        filled(&user, 51 + 64),
    ];
    assert_eq!(values(&consumer), wanted);
    let lines = aggregations(&consumer, 0);
    assert_eq!(lines, [(1, vec![filled(&kernel, 20)], vec![1]), (2, vec![filled(&user, 21)], vec![1])]);
}

#[test]
fn symbols() {
    let Some(dir) = vectors() else { return };
    let rig = rig("profile");
    let consumer = go(&rig, &dir, "symbols");
    let (kernel, user) = (KERNEL_BASE + 5, USER_BASE + 7);
    fire(&rig, ["", "", "profile-97"], &[kernel, user]);
    assert_eq!(values(&consumer), ints(&[kernel.cast_signed()]));
    let keys: Vec<Datum> = aggregations(&consumer, 0).into_iter().flat_map(|(_, key, _)| key).collect();
    let of_process = Datum::Words(vec![100, user]);
    let of_kernel = int(kernel.cast_signed());
    assert_eq!(keys, [of_kernel.clone(), of_kernel, of_process.clone(), of_process.clone(), of_process]);
}

#[test]
fn fbt_typed() {
    let Some(dir) = vectors() else { return };
    let rig = rig("fbt");
    let consumer = go(&rig, &dir, "fbt-typed");
    fire(&rig, ["kernel", "vfs_read", "entry"], &[1, 2, 33]);
    fire(&rig, ["kernel", "vfs_read", "return"], &[0x10, 44]);
    assert_eq!(values(&consumer), ints(&[33, 44]));
    let key = Datum::Words((2..=4).map(|n| KERNEL_BASE + n * 16).collect());
    assert_eq!(aggregations(&consumer, 0), [(1, vec![key], vec![1])]);
}

#[test]
fn ticks() {
    let Some(dir) = vectors() else { return };
    let rig = rig("profile");
    let consumer = go(&rig, &dir, "ticks");
    for name in ["tick-1s", "tick-100ms", "profile-997hz", "tick-5s", "tick-1s"] {
        rig.mock().advance(1);
        fire(&rig, ["", "", name], &[]);
    }
    let now = 1_000_000_000;
    assert_eq!(values(&consumer), ints(&[now + 1, now + 2, now + 3, 0]), "nothing after exit()");
}

/// The pragmas of `options` went into the image that every session sends, which has the command's own options, too.
#[test]
fn options() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = rig.open();
    assert_eq!(consumer.enable(&fs::read(dir.join("options-only.dof")).unwrap()), Ok(0));
    let mut image = [0u8; 544];
    image[40..48].copy_from_slice(&544u64.to_ne_bytes());
    consumer.ioctl_bytes(ioctl::DOFGET, &mut image).unwrap();
    let value = |which: u32| i64::from_bytes(&image[96 + which as usize * 16 + 8..]).unwrap();
    let asked = [option::BUFSIZE, option::AGGSIZE, option::DESTRUCTIVE, option::STRSIZE];
    assert_eq!(asked.map(value), [4 << 20, 4 << 20, 0, 256]);
}

#[test]
fn destructive() {
    let Some(dir) = vectors() else { return };
    let rig = rig("syscall");
    let consumer = go(&rig, &dir, "destructive");
    // The image was made without a target, which is process 0.
    become_who(Who { pid: 0, ..Who::default() });
    entry(&rig, "read", &[]);
    become_who(Who::default());
    entry(&rig, "read", &[]);
    assert_eq!(rig.mock().effects(), [Effect::Stop, Effect::Raise(10), Effect::Chill(1000)]);
    assert_eq!(values(&consumer)[0], int(0), "system() is told the process");
    consumer.stop().unwrap();
    assert_eq!(rig.mock().effects()[3..], [Effect::Breakpoint, Effect::Panic]);
}

#[test]
fn begin_trace_from_conf_to_snapshot() {
    let Some(dir) = vectors() else { return };
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let rig = Rig::new(2, &[]);
    let consumer = rig.open();
    assert_eq!(consumer.enable(&read("begin-trace.dof")), Ok(1));
    assert_eq!(consumer.enable(&read("error-program.dof")), Ok(1));
    assert_eq!(consumer.enable(&read("options-only.dof")), Ok(0));
    assert_eq!(consumer.go(), Ok(0));
    assert_eq!(status(&consumer).exiting, 1);
    assert_eq!(values(&consumer), ints(&[42, 0]));
    assert_eq!(consumer.stop(), Ok(0));
}

/// No image is forgotten: each is named in a test of this file.
#[test]
fn every_image_has_its_values_here() {
    let Some(dir) = vectors() else { return };
    let here = include_str!("vectors.rs");
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "dof") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let named = here.contains(&format!("\"{name}\"")) || here.contains(&format!("\"{name}.dof\""));
            assert!(named, "{name}");
        }
    }
}
