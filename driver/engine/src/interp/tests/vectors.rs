//! The sample images of the original compiler run, and give what their D text says.
//!
//! They are not part of the repository: `DTRACE_SHARED` says where they are, and without them the tests are skipped.

use std::fs;
use std::path::{Path, PathBuf};

use dtrace_abi::{action, dif};

use super::*;
use crate::dof::{Program, Purpose};

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

/// What a clause recorded.
#[derive(Debug, PartialEq, Eq)]
enum Datum {
    Int(i64),
    Text(String),
    Bytes(usize),
    Fault(FaultKind),
}

struct Loaded {
    world: World,
    program: Program,
    codes: Vec<Code>,
}

fn load(image: &Path) -> Loaded {
    let mut program = Program::load(&fs::read(image).unwrap(), Purpose::Enable, &Limits::new(true)).unwrap();
    let mut world = World::new();
    let difos = core::mem::take(&mut program.difos);
    for difo in &difos {
        world.variables.declare(difo).unwrap();
    }
    world.start();
    let codes = difos.into_iter().map(|difo| Code::new(difo, &world.variables).unwrap()).collect();
    Loaded { world, program, codes }
}

impl Loaded {
    /// Fires all clauses whose probe has this name, or all with "", once each in order; what they record.
    fn fire(&self, probe: &str) -> Vec<Datum> {
        let mut data = Vec::new();
        for ecb in &self.program.ecbs {
            let name = dtrace_abi::name_bytes(&ecb.probe.name);
            if !probe.is_empty() && name != probe.as_bytes() {
                continue;
            }
            self.world.fire(|machine| {
                let code = |index: crate::dof::DifoIndex| &self.codes[index.0 as usize];
                if let Some(predicate) = ecb.predicate
                    && machine.run(code(predicate)) == Ok(0)
                {
                    return;
                }
                for action in &ecb.actions {
                    let Some(difo) = action.difo else { continue };
                    let code = code(difo);
                    match self.datum(machine, code) {
                        Ok(Some(datum)) if u32::from(action.kind) != action::EXIT => data.push(datum),
                        Ok(_) => {}
                        Err(fault) => {
                            data.push(Datum::Fault(fault.kind));
                            return;
                        }
                    }
                }
            });
        }
        data
    }

    fn datum(&self, machine: &Machine<'_, Machinery, Probed>, code: &Code) -> Result<Option<Datum>, Fault> {
        let ty = *code.difo().rtype();
        let value = machine.run(code)?;
        if ty.flags & dif::TF_BYREF != 0 {
            if ty.kind == dif::TYPE_STRING {
                let mut record = vec![0xaa; self.world.strsize];
                let len = machine.copy_string(code, value, &mut record)?;
                record.truncate(len);
                return Ok(Some(Datum::Text(String::from_utf8_lossy(&record).into_owned())));
            }
            let mut record = vec![0; ty.size as usize];
            machine.copy_bytes(code, value, &mut record)?;
            return Ok(Some(Datum::Bytes(record.len())));
        }
        let unused = 64 - 8 * ty.size.min(8);
        Ok((ty.size != 0).then(|| Datum::Int((value as i64).wrapping_shl(unused).wrapping_shr(unused))))
    }
}

fn ints(values: &[i64]) -> Vec<Datum> {
    values.iter().copied().map(Datum::Int).collect()
}

fn texts(values: &[&str]) -> Vec<Datum> {
    values.iter().map(|text| Datum::Text((*text).to_owned())).collect()
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn every_program_runs() {
    let Some(dir) = vectors() else { return };
    let mut ran = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "dof") {
            continue;
        }
        let loaded = load(&path);
        for code in &loaded.codes {
            let illegal = loaded.world.fire(|machine| machine.run(code));
            assert_ne!(
                illegal.map_err(|fault| fault.kind),
                Err(FaultKind::IllegalOperation),
                "{}",
                path.display()
            );
            ran += 1;
        }
    }
    assert!(ran > 250, "only {ran} objects");
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn arithmetic_is_as_written() {
    let Some(dir) = vectors() else { return };
    // (uint64_t)b takes the 32 bits of an int for unsigned, so its upper four bits are 0.
    let expected = ints(&[4, 10, -21, 3, 3, -1, -1, 56, -2, 0, -8, 0, 5, 15, 5]);
    assert_eq!(load(&dir.join("arith.dof")).fire(""), expected);
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn comparisons_are_as_written() {
    let Some(dir) = vectors() else { return };
    assert_eq!(load(&dir.join("compare.dof")).fire(""), ints(&[1, 1, 0, 1, 1, 0, 0, 1, 0, 10]));
    assert_eq!(load(&dir.join("string-compare.dof")).fire(""), ints(&[1]));
    assert_eq!(load(&dir.join("enum-inline.dof")).fire(""), [ints(&[5]), texts(&["t"])].concat_data());
}

/// Puts parts together.
trait ConcatData {
    fn concat_data(self) -> Vec<Datum>;
}

impl<const N: usize> ConcatData for [Vec<Datum>; N] {
    fn concat_data(self) -> Vec<Datum> {
        self.into_iter().flatten().collect()
    }
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn string_subroutines_are_as_written() {
    let Some(dir) = vectors() else { return };
    let data = load(&dir.join("strings.dof")).fire("");
    let expected = [
        texts(&["c.txt", "a/b"]),
        ints(&[9]),
        texts(&["b/c.txt", "/c.txt", "c.txt"]),
        ints(&[1, 3]),
        texts(&["b/c", "a/b/c.txt!", "a/c", "x", "A/B/C.TXT", "abc", "255"]),
    ];
    assert_eq!(data, expected.concat_data());
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn byte_orders_are_as_written() {
    let Some(dir) = vectors() else { return };
    let data = load(&dir.join("byteorder.dof")).fire("");
    let expected = [0x3412, 0x7856_3412, 0x8877_6655_4433_2211_u64 as i64, 0x100, 0x0100_0000, 1 << 56];
    assert_eq!(data, ints(&expected));
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn structures_unions_and_bit_fields_are_as_written() {
    let Some(dir) = vectors() else { return };
    // The sample compiler lays a structure out without padding: x at 0, y at 4, name at 6.
    assert_eq!(load(&dir.join("struct.dof")).fire(""), ints(&[2, 14, 6]));
    assert_eq!(load(&dir.join("union-bits.dof")).fire(""), ints(&[8, -7]));
    assert_eq!(load(&dir.join("pointers.dof")).fire(""), ints(&[11]));
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn copies_are_as_written() {
    let Some(dir) = vectors() else { return };
    let mut loaded = load(&dir.join("copy.dof"));
    loaded.world.args = vec![1, USER, 5];
    let data = loaded.fire("");
    assert_eq!(data.last(), Some(&Datum::Text("/tmp/user.txt".into())));
    let loaded = load(&dir.join("d-path.dof"));
    assert!(!loaded.fire("").iter().any(|datum| matches!(datum, Datum::Fault(_))));
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn faults_are_as_written() {
    let Some(dir) = vectors() else { return };
    assert_eq!(load(&dir.join("divzero.dof")).fire("BEGIN"), [Datum::Fault(FaultKind::DivideByZero)]);
    assert_eq!(load(&dir.join("error.dof")).fire("BEGIN"), [Datum::Fault(FaultKind::BadAddress)]);
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn associative_arrays_are_as_written() {
    let Some(dir) = vectors() else { return };
    let mut loaded = load(&dir.join("assoc-string.dof"));
    loaded.fire("");
    assert_eq!(loaded.fire("END"), ints(&[0]), "cat is not init");
    loaded.world.host.execname = b"init";
    for _ in 0..5 {
        loaded.fire("");
    }
    assert_eq!(loaded.fire("END"), ints(&[5]));

    let loaded = load(&dir.join("assoc.dof"));
    let recorded = |probe| loaded.fire(probe).len();
    assert_eq!(recorded("return"), 0, "the predicate is false before the entry");
    assert_eq!(recorded("entry"), 0);
    assert!(recorded("return") > 0);
    assert_eq!(recorded("return"), 0, "and after the return");
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn thread_locals_are_as_written() {
    let Some(dir) = vectors() else { return };
    for name in ["latency-quantize.dof", "latency-lquantize.dof", "self-array.dof"] {
        let loaded = load(&dir.join(name));
        loaded.fire("return");
        loaded.fire("entry");
        loaded.fire("return");
        assert_eq!(loaded.world.variables.drops(), crate::dynvar::Drops::default());
    }
    let mut loaded = load(&dir.join("self-string.dof"));
    loaded.world.args = vec![USER, 0];
    loaded.fire("entry");
    assert_eq!(loaded.fire("return"), [texts(&["/tmp/user.txt"]), ints(&[0])].concat_data());
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn clause_locals_and_globals_are_as_written() {
    let Some(dir) = vectors() else { return };
    let loaded = load(&dir.join("clause-local.dof"));
    assert_eq!(loaded.fire(""), [ints(&[12]), texts(&["cat"])].concat_data());
    let loaded = load(&dir.join("globals.dof"));
    loaded.fire("BEGIN");
    for _ in 0..3 {
        loaded.fire("entry");
    }
    assert_eq!(loaded.fire("END"), [ints(&[3]), texts(&["cat"])].concat_data());
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn variables_are_as_written() {
    let Some(dir) = vectors() else { return };
    let data = load(&dir.join("vars.dof")).fire("");
    let names: Vec<&Datum> = data.iter().filter(|datum| matches!(datum, Datum::Text(_))).collect();
    assert_eq!(
        names,
        texts(&["cat", "syscall", "x64", "open", "entry", "global"]).iter().collect::<Vec<_>>()
    );
    assert_eq!(data[..4], ints(&[4711, 4712, 17, 1000])[..]);
    assert_eq!(load(&dir.join("args.dof")).fire(""), ints(&[11, 22, 33, 44, 55, 66, 1006, 1007, 1008, 1009]));
    assert_eq!(load(&dir.join("uregs.dof")).fire(""), ints(&[0x100, 0x110]));
}
