//! The images that the original compiler makes, enabled and run: contract 0 from end to end.
//!
//! They are not part of the repository: `DTRACE_SHARED` says where they are, and without them the test is skipped.

use std::path::PathBuf;

use dtrace_abi::{Plain, Status, ioctl, option};
use dtrace_engine::mock::{Rig, Who, become_who};

use crate::program::{Program, value_at, words};

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

/// What the sample programs enable, but for what has a provider of its own name.
const TABLE: &[[&str; 3]] = &[["x64", "read", "entry"], ["x64", "read", "return"], ["x64", "write", "entry"]];

#[test]
fn begin_trace_from_conf_to_snapshot() {
    let Some(vectors) = vectors() else { return };
    let read = |name: &str| std::fs::read(vectors.join(name)).unwrap();
    let rig = Rig::new(2, &[]);
    let consumer = rig.open();
    assert_eq!(consumer.enable(&read("begin-trace.dof")), Ok(1));
    assert_eq!(consumer.enable(&read("error-program.dof")), Ok(1));
    assert_eq!(consumer.enable(&read("options-only.dof")), Ok(0));
    assert_eq!(consumer.go(), Ok(0));
    let mut status = Status::zeroed();
    consumer.ioctl(ioctl::STATUS, &mut status).unwrap();
    assert_eq!(status.exiting, 1);
    assert_eq!(words(&consumer.buffer(0).unwrap().data), [1, 42, 0]);
    assert_eq!(consumer.stop(), Ok(0));
}

#[test]
fn begin_string_has_its_strings() {
    let Some(vectors) = vectors() else { return };
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    become_who(Who { pid: 77, execname: "vector".into(), ..Who::default() });
    consumer.enable(&std::fs::read(vectors.join("begin-string.dof")).unwrap()).unwrap();
    consumer.enable(&Program::new().buffered().image()).unwrap();
    consumer.go().unwrap();
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!(&data[8..14], b"hello\0");
    assert_eq!(&data[264..271], b"vector\0");
    assert_eq!(words(&data[520..])[0], 77);
    assert_eq!(value_at(&data, 528) & 0xffff_ffff, 1, "arg0 of BEGIN is the consumer's key");
}

#[test]
fn every_image_is_enabled_and_fires() {
    let Some(vectors) = vectors() else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(&vectors).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "dof") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let image = std::fs::read(&path).unwrap();
        let rig = Rig::new(2, TABLE);
        let consumer = rig.open();
        let result = consumer.enable(&image);
        assert!(result.is_ok(), "{name}: {result:?}");
        let options = Program::new().buffered().option(option::DESTRUCTIVE, 1).image();
        consumer.enable(&options).unwrap();
        assert!(consumer.go().is_ok(), "{name}");
        for row in 0..TABLE.len() {
            (0..10).for_each(|n| rig.probe(row).fire(&[n, 1, 2, 3, 4, 5]));
        }
        for cpu in 0..2 {
            consumer.buffer(cpu).unwrap();
            consumer.aggregations(cpu).unwrap();
        }
        let _ = consumer.stop();
        seen += 1;
    }
    assert!(seen > 30, "{seen} images");
}
