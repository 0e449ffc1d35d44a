//! Programs that the original compiler was given, and the images that it made of them: ours must mean the same.
//!
//! The images lie outside the repository (`DTRACE_SHARED`, or `../shared` beside its root); without them the test is skipped.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::image::{Act, Block, read};
use crate::codegen::{Context, compile};
use crate::d::check::{self, Environment, Identifiers, Options, Probes, Symbol};
use crate::d::macros::Macros;
use crate::d::typed;
use crate::dif::listing;
use crate::dof::{error_program, program_image};
use crate::error::{Code, Result};
use crate::program::{Aggregations, DifVar, Difo, ProbeDesc};
use crate::types::Types;

/// Where ours differs, and must.
const DIFFERENT: &[(&str, &str)] = &[
    ("struct", "the original leaves out the padding at the end of a structure"),
    ("union-bits", "the original starts a bit-field at the next byte"),
    ("printa", "the original prints every aggregation by the signedness of the first"),
];

/// A world where every probe is there.
#[derive(Default)]
struct World {
    options: Vec<(String, Option<String>)>,
}

impl Environment for World {
    fn probes(&mut self, _: &ProbeDesc) -> Result<Probes> {
        Ok(Probes { count: 2, attribute: None, args: None })
    }

    fn symbol(&mut self, _: &str, _: &str) -> Result<Symbol> {
        Err(Code::NoSymbol.into())
    }

    fn set_option(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        self.options.push((name.into(), value.map(Into::into)));
        Ok(())
    }

    fn provides(&mut self, _: &str, _: &str) -> bool {
        true
    }

    fn string_size(&self) -> u64 {
        256
    }
}

fn vectors() -> Option<PathBuf> {
    let shared = std::env::var_os("DTRACE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let dir = shared.join("abi/vectors");
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: no images to compare with in {}", dir.display());
    None
}

/// A program as the checker hands it over.
pub(super) fn checked(text: &str, types: &Types) -> Result<typed::Program> {
    let mut identifiers = Identifiers::default();
    let macros = Macros::default().with_process(&[("target", 0)]);
    check::compile(
        text.as_bytes(),
        Options::default(),
        &macros,
        types,
        &mut identifiers,
        &mut World::default(),
    )
}

/// Our image of a program.
fn image(text: &str) -> Result<Vec<u8>> {
    let types = Types::with_btf_directory("/nonexistent");
    let checked = checked(text, &types)?;
    let mut aggregations = Aggregations::default();
    let mut fresh_local = || panic!("no vector has an if");
    let mut context = Context {
        types: &types,
        strsize: 256,
        aggregations: &mut aggregations,
        fresh_local: &mut fresh_local,
    };
    let mut program = compile(&checked, &mut context)?;
    program.number(1);
    Ok(program_image(&program))
}

/// What an object means to the kernel besides its code.
fn essence(difo: &Difo) -> (crate::program::DifType, Vec<String>) {
    let describe = |v: &DifVar| {
        format!("{} {:x} {} {:?} {:?} {}{}", v.name, v.id, v.array, v.scope, v.ty, v.referenced, v.modified)
    };
    let mut vars: Vec<String> = difo.vars.iter().map(describe).collect();
    vars.sort();
    (difo.rtype, vars)
}

/// Compares objects; counts those whose code is the same to the word.
fn compare_objects(
    what: &str,
    ours: Option<&Difo>,
    theirs: Option<&Difo>,
    count: &mut Count,
    out: &mut String,
) {
    match (ours, theirs) {
        (None, None) => {}
        (Some(o), Some(t)) => {
            count.objects += 1;
            if essence(o) != essence(t) {
                writeln!(out, "{what}: {:?}\n   not {:?}", essence(o), essence(t)).unwrap();
            }
            let text =
                |d: &Difo| listing(d, 0).split("\nNAME").next().unwrap().replace("DT_STRING", "").to_owned();
            if text(o) == text(t) {
                count.equal += 1;
            } else if std::env::var_os("DTRACE_SHOW_TEXT").is_some() {
                println!("{what}: ours{}theirs{}", text(o), text(t));
            }
        }
        _ => writeln!(out, "{what}: an object is there in one only").unwrap(),
    }
}

#[derive(Default)]
struct Count {
    objects: usize,
    equal: usize,
}

fn compare(ours: &[Block], theirs: &[Block], count: &mut Count) -> String {
    let mut out = String::new();
    if ours.len() != theirs.len() {
        writeln!(out, "{} control blocks, not {}", ours.len(), theirs.len()).unwrap();
    }
    for (i, (o, t)) in ours.iter().zip(theirs).enumerate() {
        if (&o.probe, o.uarg, o.actions.len()) != (&t.probe, t.uarg, t.actions.len()) {
            let n = (o.actions.len(), t.actions.len());
            writeln!(out, "block {i}: {} not {}; {} actions, not {}", o.probe, t.probe, n.0, n.1).unwrap();
        }
        compare_objects(
            &format!("block {i}, predicate"),
            o.predicate.as_ref(),
            t.predicate.as_ref(),
            count,
            &mut out,
        );
        for (n, (o, t)) in o.actions.iter().zip(&t.actions).enumerate() {
            let plain = |a: &Act| (a.kind, a.ntuple, a.arg, a.format.clone());
            if plain(o) != plain(t) {
                writeln!(out, "block {i}, action {n}: {:x?} not {:x?}", plain(o), plain(t)).unwrap();
            }
            compare_objects(
                &format!("block {i}, action {n}"),
                o.difo.as_ref(),
                t.difo.as_ref(),
                count,
                &mut out,
            );
        }
        // One statement's actions carry one number, another's another.
        let groups = |acts: &[Act]| acts.windows(2).map(|w| w[0].uarg == w[1].uarg).collect::<Vec<_>>();
        if groups(&o.actions) != groups(&t.actions) {
            writeln!(out, "block {i}: other actions belong together").unwrap();
        }
    }
    out
}

#[test]
fn programs_mean_what_the_original_made_of_them() {
    let Some(dir) = vectors() else { return };
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(".d")?.to_owned()))
        .collect();
    names.sort();
    let (mut count, mut faults) = (Count::default(), String::new());
    for name in &names {
        let text = std::fs::read_to_string(dir.join(format!("{name}.d"))).unwrap();
        let theirs = std::fs::read(dir.join(format!("{name}.dof"))).unwrap();
        let found = match image(&text) {
            Ok(ours) => compare(&read(&ours), &read(&theirs), &mut count),
            Err(e) => format!("{e}\n"),
        };
        match DIFFERENT.iter().find(|(n, _)| n == name) {
            Some((_, why)) => assert!(!found.is_empty(), "{name} is the same by now, although {why}"),
            None if found.is_empty() => {}
            None => writeln!(faults, "{name}:\n{found}").unwrap(),
        }
    }
    println!("{} programs; {} of {} objects have the same code", names.len(), count.equal, count.objects);
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn the_library_s_own_program_is_the_original_s() {
    let Some(dir) = vectors() else { return };
    let mut program = error_program();
    program.number(1);
    let theirs = std::fs::read(dir.join("error-program.dof")).unwrap();
    let mut count = Count::default();
    let found = compare(&read(&program_image(&program)), &read(&theirs), &mut count);
    assert!(found.is_empty(), "{found}");
    assert_eq!(count.equal, 5);
}

#[test]
fn an_image_of_options_is_the_original_s_to_the_byte() {
    let Some(dir) = vectors() else { return };
    let theirs = std::fs::read(dir.join("options-only.dof")).unwrap();
    assert_eq!(crate::dof::options_image([(0, 4 << 20), (3, 4 << 20), (18, 0)]), theirs);
}
