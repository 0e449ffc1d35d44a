//! D's expressions compute what C's do: random ones, compiled by the machine's C compiler and by ours.
//!
//! What C leaves undefined (overflow of signed arithmetic, shifts too far) the C compiler's checker reports, and such an
//! expression is left out.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::machine::Machine;
use super::vectors::checked;
use crate::codegen::{Context, compile};
use crate::program::{Aggregations, Program};
use crate::types::Types;

/// The variables: name, type, value.
const VARIABLES: &[(&str, &str, i64)] = &[
    ("a", "char", -3),
    ("b", "unsigned char", 200),
    ("c", "short", -30_000),
    ("d", "unsigned short", 60_000),
    ("e", "int", -70_000),
    ("f", "unsigned int", 0xffff_fff0),
    ("g", "long", -5_000_000_000),
    ("h", "unsigned long", -7),
    ("i", "int", 3),
    ("j", "unsigned int", 5),
    ("k", "long long", 1 << 40),
    ("l", "unsigned long long", 9),
];

const TYPES: &[&str] = &[
    "char",
    "signed char",
    "unsigned char",
    "short",
    "unsigned short",
    "int",
    "unsigned int",
    "long",
    "unsigned long",
    "long long",
    "unsigned long long",
];

/// A generator of numbers that is the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// An expression that is both C and D.
    fn expression(&mut self, depth: u32) -> String {
        if depth == 0 || self.below(8) == 0 {
            return match self.below(4) {
                0 => self
                    .of(&[
                        "0",
                        "1",
                        "7",
                        "255",
                        "3u",
                        "40000",
                        "0x80000000",
                        "5L",
                        "9ul",
                        "'x'",
                        "2147483647",
                        "4294967296",
                    ])
                    .into(),
                _ => self.of(VARIABLES).0.into(),
            };
        }
        let x = self.expression(depth - 1);
        match self.below(16) {
            0..5 => {
                let op = self.of(&["+", "-", "*", "&", "|", "^"]);
                format!("({x} {op} {})", self.expression(depth - 1))
            }
            5 => {
                let op = self.of(&["/", "%"]);
                format!("({x} {op} {})", self.of(&["1", "3", "7u", "10L", "255", "1000ul", "-3"]))
            }
            6 => {
                let op = self.of(&["<<", ">>"]);
                format!("({x} {op} {})", self.of(&["0", "1", "3", "7u", "15L"]))
            }
            7..10 => {
                let op = self.of(&["<", "<=", ">", ">=", "==", "!="]);
                format!("({x} {op} {})", self.expression(depth - 1))
            }
            10 => {
                let op = self.of(&["&&", "||"]);
                format!("({x} {op} {})", self.expression(depth - 1))
            }
            11 => format!("({}({x}))", self.of(&["!", "~", "-", "+"])),
            12 => format!("({x} ? {} : {})", self.expression(depth - 1), self.expression(depth - 1)),
            // Without parentheses: precedence, too, is C's.
            13 => {
                let (first, second) =
                    (self.of(&["+", "*", "&", "<<", "<", "=="]), self.of(&["-", "|", "^", "+"]));
                let (y, z) = (self.of(VARIABLES).0, self.of(&["i", "j", "l", "3", "2u"]));
                if first == "<<" {
                    format!("({y} {second} {z} << 3)")
                } else {
                    format!("({y} {first} {z} {second} {y})")
                }
            }
            _ => format!("(({})({x}))", self.of(TYPES)),
        }
    }
}

/// Compiles a C program with the checker of undefined behaviour and runs it: its output, and the lines of the source where
/// behaviour was undefined. `None` without such a compiler.
fn run_c(source: &str) -> Option<(String, HashSet<usize>)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("dtrace-c-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let binary = std::env::temp_dir().join(name);
    let file = binary.with_extension("c");
    std::fs::write(&file, source).unwrap();
    let flags = ["-w", "-O0", "-fsanitize=signed-integer-overflow,shift", "-o"];
    let compiled = Command::new("cc").args(flags).arg(&binary).arg(&file).stdin(Stdio::null()).output();
    let available = compiled.is_ok_and(|o| o.status.success());
    let output = available.then(|| Command::new(&binary).output().unwrap());
    for file in [&file, &binary] {
        let _ = std::fs::remove_file(file);
    }
    let output = output?;
    // "file.c:LINE:COLUMN: runtime error: ..."
    let undefined = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|l| l.contains("runtime error"))
        .filter_map(|l| l.split(".c:").nth(1)?.split(':').next()?.parse().ok())
        .collect();
    Some((String::from_utf8(output.stdout).unwrap(), undefined))
}

fn c_variables() -> String {
    VARIABLES
        .iter()
        .fold(String::new(), |c, (name, ty, value)| c + &format!("volatile {ty} {name} = {value}L;\n"))
}

/// What C makes of the expressions: `None` for one that it leaves undefined. `None` of all without a C compiler.
fn by_c(expressions: &[String]) -> Option<Vec<Option<u64>>> {
    let mut c = format!("#include <stdio.h>\nint main(void) {{\n{}", c_variables());
    let before = c.lines().count();
    for e in expressions {
        writeln!(c, "printf(\"%lx\\n\", (unsigned long)(long)({e}));").unwrap();
    }
    c.push_str("return 0; }\n");
    let (output, undefined) = run_c(&c)?;
    let values = output.lines().enumerate().map(|(n, text)| {
        let line = before + 1 + n;
        (!undefined.contains(&line)).then(|| u64::from_str_radix(text, 16).unwrap())
    });
    Some(values.collect())
}

/// A machine whose variables have their values.
fn machine(types: &Types) -> Machine {
    let mut machine = Machine::default();
    for (n, (_, ty, value)) in VARIABLES.iter().enumerate() {
        let unsigned = types.int_format(types.lookup(ty).unwrap()).is_some_and(|f| !f.signed && f.bits == 32);
        let value = if unsigned { u64::from(*value as u32) } else { value.cast_unsigned() };
        machine.scalars.insert((0, 0x500 + n as u32), value);
    }
    machine
}

/// The program of these statements, with the variables declared; `None` if it needs more registers than there are.
fn program(statements: &str, types: &Types) -> Option<Program> {
    let declarations: String = VARIABLES.iter().map(|(name, ty, _)| format!("{ty} {name}; ")).collect();
    let text = format!("{declarations} BEGIN {{ {statements} }}");
    let program = checked(&text, types).unwrap_or_else(|fault| panic!("{statements}: {fault}"));
    let mut aggregations = Aggregations::default();
    let mut fresh_local = || unreachable!("there is no if");
    let mut context =
        Context { types, strsize: 256, aggregations: &mut aggregations, fresh_local: &mut fresh_local };
    compile(&program, &mut context).ok()
}

/// What we make of them: `None` for one that needs more registers than there are.
fn by_us(expressions: &[String]) -> Vec<Option<u64>> {
    let types = Types::with_btf_directory("/nonexistent");
    let value = |e: &String| {
        let program = program(&format!("trace({e});"), &types)?;
        Some(machine(&types).run(program.ecbs[0].stmts[0].actions[0].difo.as_ref().unwrap()))
    };
    expressions.iter().map(value).collect()
}

#[test]
fn expressions_compute_what_c_computes() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let expressions: Vec<String> = (0..800).map(|n| numbers.expression(1 + n % 4)).collect();
    let Some(c) = by_c(&expressions) else {
        println!("skipped: there is no C compiler (cc) with a checker of undefined behaviour");
        return;
    };
    let (mut compared, mut wrong) = (0, String::new());
    for ((e, c), ours) in expressions.iter().zip(&c).zip(by_us(&expressions)) {
        let (Some(c), Some(ours)) = (c, ours) else { continue };
        compared += 1;
        if *c != ours {
            writeln!(wrong, "{e}: C has {c:#x}, we have {ours:#x}").unwrap();
        }
    }
    println!("{compared} of {} expressions compared", expressions.len());
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(compared * 2 > expressions.len(), "most of them are to be compared");
}

/// A few statements that change variables, one a line.
fn statements(numbers: &mut Numbers) -> Vec<String> {
    let one = |numbers: &mut Numbers| {
        let target = numbers.of(VARIABLES).0;
        match numbers.below(4) {
            0 => format!("{target} = {};", numbers.expression(2)),
            1 => format!("{};", numbers.of(&["@++", "++@", "@--", "--@"]).replace('@', target)),
            2 => {
                let op = numbers.of(&["+=", "-=", "*=", "&=", "|=", "^="]);
                format!("{target} {op} {};", numbers.expression(2))
            }
            _ => {
                let (op, right) =
                    (numbers.of(&["/=", "%=", "<<=", ">>="]), numbers.of(&["1", "3u", "7", "5L"]));
                format!("{target} {op} {right};")
            }
        }
    };
    (0..5).map(|_| one(numbers)).collect()
}

#[test]
fn assignments_leave_what_c_leaves() {
    let mut numbers = Numbers(0x1357_9bdf_0246_8ace);
    let programs: Vec<Vec<String>> = (0..150).map(|_| statements(&mut numbers)).collect();
    let mut c = String::from("#include <stdio.h>\nint main(void) {\n");
    let mut lines = Vec::new();
    for p in &programs {
        write!(c, "{{\n{}", c_variables()).unwrap();
        let first = c.lines().count() + 1;
        lines.push(first..first + p.len());
        writeln!(c, "{}", p.join("\n")).unwrap();
        for (name, ..) in VARIABLES {
            writeln!(c, "printf(\"%lx \", (unsigned long)(long){name});").unwrap();
        }
        c.push_str("puts(\"\");\n}\n");
    }
    c.push_str("return 0; }\n");
    let Some((output, undefined)) = run_c(&c) else {
        println!("skipped: there is no C compiler (cc) with a checker of undefined behaviour");
        return;
    };
    let types = Types::with_btf_directory("/nonexistent");
    let (mut compared, mut wrong) = (0, String::new());
    for ((p, lines), theirs) in programs.iter().zip(lines).zip(output.lines()) {
        let text = p.join(" ");
        if undefined.iter().any(|l| lines.contains(l)) {
            continue;
        }
        let Some(program) = program(&text, &types) else { continue };
        let mut m = machine(&types);
        for stmt in &program.ecbs[0].stmts {
            m.run(stmt.actions[0].difo.as_ref().unwrap());
        }
        let ours = (0..VARIABLES.len()).map(|n| format!("{:x} ", m.scalars[&(0, 0x500 + n as u32)]));
        let ours: String = ours.collect();
        compared += 1;
        if ours != theirs {
            writeln!(wrong, "{text}\n C:    {theirs}\n ours: {ours}").unwrap();
        }
    }
    println!("{compared} of {} programs compared", programs.len());
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(compared * 2 > programs.len(), "most of them are to be compared");
}
