//! The sample images of the original compiler (contract 2.3): all of them load.
//!
//! They are not part of the repository: `DTRACE_SHARED` says where they are, and without them the test is skipped.

use std::fs;
use std::path::{Path, PathBuf};

use dtrace_abi::{agg, name_bytes};
use dtrace_engine::difo::{Difo, Limits, Uses};
use dtrace_engine::dof::{Program, Purpose};

/// The directory of the images, if there is one.
fn vectors() -> Option<PathBuf> {
    let shared = std::env::var_os("DTRACE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let vectors = shared.join("abi/vectors");
    if !vectors.is_dir() {
        println!("skipped: no sample images at {} (set DTRACE_SHARED)", vectors.display());
        return None;
    }
    Some(vectors)
}

fn load(dir: &Path, name: &str, purpose: Purpose) -> Program {
    let image = fs::read(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let limits = match purpose {
        Purpose::Enable => Limits::new(true),
        Purpose::Helper { .. } => Limits::for_helper(),
    };
    Program::load(&image, purpose, &limits).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn all_programs_load() {
    let Some(dir) = vectors() else { return };
    let mut loaded = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".dof") {
            load(&dir, &name, Purpose::Enable);
            loaded += 1;
        }
    }
    assert!(loaded >= 40, "only {loaded} images");
}

#[test]
fn without_kernel_access_they_load_as_well() {
    let Some(dir) = vectors() else { return };
    let image = fs::read(dir.join("struct.dof")).unwrap();
    let program = Program::load(&image, Purpose::Enable, &Limits::new(false)).unwrap();
    let ops = program.difos.iter().flat_map(Difo::text).map(|instr| instr.op());
    let loads: Vec<u8> = ops.filter(|op| (28..=34).contains(op) || (71..=77).contains(op)).collect();
    assert_eq!(loads, [73, 72], "ldsw and ldsh have become rldsw and rldsh");
}

#[test]
fn an_aggregating_program_has_its_parts() {
    let Some(dir) = vectors() else { return };
    let program = load(&dir, "agg-all.dof", Purpose::Enable);
    let [ecb] = &program.ecbs[..] else { panic!("one clause") };
    assert_eq!(name_bytes(&ecb.probe.provider), b"syscall");
    assert_eq!(name_bytes(&ecb.probe.function), b"write");
    assert_eq!(name_bytes(&ecb.probe.name), b"entry");
    assert!(ecb.predicate.is_none());
    let functions: Vec<u32> =
        ecb.actions.iter().filter(|a| a.ntuple == 1).map(|a| u32::from(a.kind)).collect();
    assert_eq!(functions, [agg::COUNT, agg::SUM, agg::MIN, agg::MAX, agg::AVG, agg::STDDEV, agg::QUANTIZE]);
}

#[test]
fn options_and_formats_come_through() {
    let Some(dir) = vectors() else { return };
    let options = load(&dir, "options-only.dof", Purpose::Enable);
    assert_eq!(options.options, [(0, 4 << 20), (3, 4 << 20), (18, 0)]);
    let printa = load(&dir, "printa.dof", Purpose::Enable);
    assert_eq!(printa.ecbs[1].actions[0].format.as_deref(), Some(&b"%-20s %@8llu %@8llu\n"[..]));
}

#[test]
fn what_a_program_needs_is_found_out() {
    let Some(dir) = vectors() else { return };
    let program = load(&dir, "latency-quantize.dof", Purpose::Enable);
    let uses = program.difos.iter().fold(Uses::NONE, |all, difo| all | difo.uses());
    assert!(uses.contains(Uses::TIMESTAMP | Uses::THREAD_LOCALS));
    assert!(!uses.intersects(Uses::WALLTIMESTAMP | Uses::ASSOCIATIVE));
    assert!(!program.destructive());
    assert!(load(&dir, "copyout.dof", Purpose::Enable).destructive());
    assert!(load(&dir, "destructive.dof", Purpose::Enable).destructive());
}

#[test]
fn a_usdt_image_is_a_helper_and_nothing_to_enable() {
    let Some(dir) = vectors() else { return };
    let program = load(&dir, "usdt-simple.sunw_dof", Purpose::Helper { base: 0x40_0000 });
    let [provider] = &program.providers[..] else { panic!("one provider") };
    assert_eq!(provider.name, b"simple");
    let names: Vec<&[u8]> = provider.probes.iter().map(|probe| &probe.name[..]).collect();
    assert_eq!(names, [&b"saw-line"[..], b"saw-word"]);
    let probe = &provider.probes[0];
    assert_eq!((&probe.function[..], probe.address), (&b"main"[..], 0x40_0000));
    assert_eq!((&probe.native[..], &probe.mapping[..]), (&[b"int".to_vec()][..], &[0][..]));
    let offsets: usize = provider.probes.iter().map(|probe| probe.offsets.len()).sum();
    assert_eq!(offsets, 3);

    let image = fs::read(dir.join("usdt-simple.sunw_dof")).unwrap();
    assert!(Program::load(&image, Purpose::Enable, &Limits::new(true)).is_err());
}
