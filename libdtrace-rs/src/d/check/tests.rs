use super::*;
use crate::error::Code;

/// A world with the probes BEGIN, END and ERROR, which have no arguments, one with typed arguments, and any number of others.
struct World;

impl Environment for World {
    fn probes(&mut self, description: &ProbeDesc) -> Result<Probes> {
        let arg = |native: &str, translated: &str| ProbeArg {
            native: native.into(),
            translated: translated.into(),
            mapping: 0,
        };
        Ok(match (description.provider.as_str(), description.name.as_str()) {
            (_, "BEGIN" | "END" | "ERROR") => Probes { count: 1, attribute: None, args: Some(Vec::new()) },
            ("typed", _) => {
                Probes { count: 1, attribute: None, args: Some(vec![arg("int", ""), arg("char *", "")]) }
            }
            ("none", _) => Probes::default(),
            _ => Probes { count: 2, attribute: None, args: None },
        })
    }

    fn symbol(&mut self, module: &str, name: &str) -> Result<Symbol> {
        match (module, name) {
            ("" | "kernel", "untyped") => Ok(Symbol { address: 0x1000, ty: None }),
            ("" | "kernel", _) => Err(Error::Lib(Code::NoSymbol)),
            _ => Err(Error::Lib(Code::NotLoaded)),
        }
    }

    fn set_option(&mut self, name: &str, _value: Option<&str>) -> Result<()> {
        if name == "nosuch" { Err(Error::Lib(Code::BadOptionName)) } else { Ok(()) }
    }

    fn provides(&mut self, class: &str, _name: &str) -> bool {
        class != "module"
    }

    fn string_size(&self) -> u64 {
        256
    }
}

fn check(text: &str) -> Result<Program> {
    let mut macros = Macros::new(vec!["prog".into()]);
    macros.set("target", 42);
    let types = Types::with_btf_directory("/nonexistent");
    compile(text.as_bytes(), Options::default(), &macros, &types, &mut Identifiers::default(), &mut World)
}

#[test]
fn a_probe_that_does_not_exist_is_a_fault_unless_it_is_allowed() {
    let error = check("none:::x { }").unwrap_err();
    assert_eq!(error.to_string(), "line 1: probe description none:::x does not match any probes");
    assert_eq!(error.tag(), Some(Tag::PdescZero));
}

#[test]
fn a_clause_is_checked_for_each_of_its_descriptions() {
    let program = check("BEGIN, END { trace(1); } ERROR { }").unwrap();
    let names: Vec<_> = program.clauses.iter().map(|c| c.probe.name.as_str()).collect();
    assert_eq!(names, ["BEGIN", "END", "ERROR"]);
}
