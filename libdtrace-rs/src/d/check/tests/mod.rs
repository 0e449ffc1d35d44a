mod mutation;
mod types;

use super::*;
use crate::error::Code;

/// A world with the probes BEGIN, END and ERROR, which have no arguments, one with typed arguments, none of the provider
/// `none`, no probe number above 1000, and several of every other description.
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
            _ if description.id > 1000 => Probes::default(),
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
    let mut macros = Macros::new(vec!["./prog.d".into()]);
    for name in ["target", "pid", "uid", "euid", "gid", "egid", "ppid", "pgid", "sid", "projid", "taskid"] {
        macros.set(name, 42);
    }
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

/// Programs with what is said of them, from a file of such (see there).
fn programs(file: &str) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = Vec::new();
    for line in file.lines() {
        match (line.strip_prefix("> "), line.strip_prefix("| "), list.last_mut()) {
            (Some(text), _, _) => list.push((text.to_owned(), String::new())),
            (None, Some(text), Some((program, _))) => {
                program.push('\n');
                program.push_str(text);
            }
            (None, None, Some((_, message))) if !line.is_empty() && !line.starts_with("# ") => {
                if !message.is_empty() {
                    message.push('\n');
                }
                message.push_str(line);
            }
            _ => {}
        }
    }
    list
}

#[test]
fn wrong_programs_are_told_what_is_wrong_and_where() {
    let list = programs(include_str!("faults.txt"));
    assert!(list.len() > 300);
    let mut failures = Vec::new();
    for (program, expected) in list {
        let found = check(&program).err().map(|error| error.tagged());
        if found.as_deref() != Some(&expected) {
            failures.push(format!("{program}\n  expected {expected}\n  found    {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn right_programs_are_accepted() {
    for (program, _) in programs(include_str!("accepted.txt")) {
        if let Err(error) = check(&program) {
            panic!("{program}\n  {}", error.tagged());
        }
    }
}

#[test]
fn a_symbol_without_a_type_has_an_address() {
    assert_eq!(check("BEGIN { trace(`untyped); }").unwrap_err().tag(), Some(Tag::SymNotypes));
    check("BEGIN { trace(*(int *)&`untyped); trace(&kernel`untyped); stack(); sym(&`untyped); }").unwrap();
    assert_eq!(check("BEGIN { trace(&`nosuch); }").unwrap_err().tag(), Some(Tag::IdentUndef));
}

#[test]
fn arguments_have_the_types_that_the_probe_gives_them() {
    check("typed:::x { trace(args[0] + 1); trace(stringof(args[1])); }").unwrap();
    let fault = |text| check(text).unwrap_err().tag().unwrap();
    assert_eq!(fault("typed:::x { trace(args[2]); }"), Tag::ArgsIdx);
    assert_eq!(fault("other:::x { trace(args[0]); }"), Tag::ArgsMulti);
    assert_eq!(fault("inline int i = args[0]; BEGIN { }"), Tag::ArgsNone);
}

#[test]
fn a_program_that_fails_defines_nothing() {
    let types = Types::with_btf_directory("/nonexistent");
    let mut identifiers = Identifiers::default();
    let mut compile = |text: &str| {
        let macros = Macros::default();
        compile(text.as_bytes(), Options::default(), &macros, &types, &mut identifiers, &mut World)
            .map(|_| ())
    };
    let wrong =
        "typedef int t; struct s { int a; }; int x; inline int i = 1; BEGIN { @a = count(); y = 1; 1 = 2; }";
    assert!(compile(wrong).is_err());
    compile("typedef char t; struct s { char b; }; string x; inline string i = \"\"; BEGIN { @a[1] = sum(1); y = \"\"; }")
        .unwrap();
    // What succeeds stays, across programs.
    compile("BEGIN { trace(x); trace(i); printa(@a); trace(((struct s *)0)->b); }").unwrap();
    assert!(compile("int x; BEGIN { }").is_err());
    // Clause-local variables do not.
    compile("this int c; BEGIN { this->c = 1; }").unwrap();
    compile("BEGIN { this->c = \"\"; }").unwrap();
}
