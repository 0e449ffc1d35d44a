//! The layout of structures and unions declared in D equals that of the C compiler of the machine.
//!
//! A few hundred aggregates are made up (always the same ones), laid out by the type store, and written as a C program that
//! prints what the compiler makes of them: size, alignment, and the first and last bit of each member, found by storing all
//! ones into it.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use dtrace_rs::types::{AggregateBuilder, Kind, TypeId, Types};

/// A generator of numbers that is the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

const SCALARS: &[&str] = &[
    "char",
    "unsigned char",
    "short",
    "unsigned short",
    "int",
    "unsigned int",
    "long",
    "unsigned long",
    "long long",
    "void *",
    "float",
    "double",
    "long double",
];

/// What one aggregate must look like, and its C text.
struct Made {
    c: String,
    expected: String,
}

/// Makes aggregate `n`; earlier ones may be members.
fn make(types: &Types, numbers: &mut Numbers, n: usize, earlier: &mut Vec<TypeId>) -> Made {
    let union = numbers.below(5) == 0;
    let keyword = if union { "union" } else { "struct" };
    let tag = format!("t{n}");
    let mut c = format!("{keyword} {tag} {{");
    let mut builder = AggregateBuilder::new(Some(&tag), union);
    for m in 0..1 + numbers.below(8) {
        let name = format!("m{m}");
        match numbers.below(10) {
            0..4 => {
                let word = SCALARS[numbers.below(SCALARS.len() as u64) as usize];
                let ty = types.lookup(word).unwrap();
                builder.member(types, &name, ty).unwrap();
                write!(c, " {word} {name};").unwrap();
            }
            4 => {
                let count = 1 + numbers.below(5);
                let word = SCALARS[numbers.below(SCALARS.len() as u64) as usize];
                let ty = types.array_of(types.lookup(word).unwrap(), count);
                builder.member(types, &name, ty).unwrap();
                write!(c, " {word} {name}[{count}];").unwrap();
            }
            5 if !earlier.is_empty() => {
                let ty = earlier[numbers.below(earlier.len() as u64) as usize];
                builder.member(types, &name, ty).unwrap();
                write!(c, " {} {name};", types.name(ty)).unwrap();
            }
            _ => {
                // Not `long double`, no pointers: integers up to `long long`.
                let word = SCALARS[numbers.below(9) as usize];
                let ty = types.lookup(word).unwrap();
                let width = numbers.below(types.size(ty).unwrap() * 8 + 1);
                let unnamed = width == 0 || numbers.below(8) == 0;
                let name = if unnamed { "" } else { &name };
                builder.bit_field(types, name, ty, width).unwrap();
                write!(c, " {word} {name}:{width};").unwrap();
            }
        }
    }
    c.push_str(" };");
    let kind = builder.finish();
    let (Kind::Struct(a) | Kind::Union(a)) = &kind else { unreachable!() };
    let mut expected = format!("{tag} {} {}", a.size, a.align);
    for m in a.members.iter() {
        let bits = m.bit_width.map_or_else(|| types.size(m.ty).unwrap() * 8, u64::from);
        write!(expected, " {}:{}-{}", m.name, m.bit_offset, m.bit_offset + bits - 1).unwrap();
    }
    let id = types.define_anonymous(kind);
    earlier.push(id);
    Made { c, expected }
}

/// The C program that prints every aggregate as `expected` writes it.
fn program(made: &[Made]) -> String {
    let mut c = String::from(
        "#include <stdio.h>\n#include <string.h>\n#include <stddef.h>\n\
         static void bits(const char *name, const unsigned char *p, size_t n) {\n\
         long first = -1, last = -1;\n\
         for (size_t i = 0; i < n * 8; i++) if (p[i / 8] >> i % 8 & 1) { if (first < 0) first = i; last = i; }\n\
         printf(\" %s:%ld-%ld\", name, first, last); }\n",
    );
    for m in made {
        writeln!(c, "{}", m.c).unwrap();
    }
    c.push_str("int main(void) {\n");
    for m in made {
        let full = m.c.split(" {").next().unwrap();
        let tag = full.split(' ').nth(1).unwrap();
        writeln!(c, "{{ static {full} v; printf(\"{tag} %zu %zu\", sizeof v, _Alignof({full}));").unwrap();
        for member in m.expected.split(' ').skip(3) {
            let name = member.split(':').next().unwrap();
            writeln!(c, "memset(&v, 0, sizeof v);").unwrap();
            if m.c.contains(&format!(" {name}:")) {
                writeln!(c, "v.{name} = -1;").unwrap();
            } else {
                writeln!(c, "memset(&v.{name}, 0xff, sizeof v.{name});").unwrap();
            }
            writeln!(c, "bits(\"{name}\", (unsigned char *)&v, sizeof v);").unwrap();
        }
        c.push_str("puts(\"\"); }\n");
    }
    c.push_str("return 0; }\n");
    c
}

#[test]
fn aggregates_are_laid_out_as_the_c_compiler_does() {
    let types = Types::with_btf_directory("/nonexistent");
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut earlier = Vec::new();
    let made: Vec<Made> = (0..400).map(|n| make(&types, &mut numbers, n, &mut earlier)).collect();
    let dir = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (dir.join("layout.c"), dir.join("layout"));
    std::fs::write(&source, program(&made)).unwrap();
    let compiled = Command::new("cc")
        .arg("-w")
        .arg("-O0")
        .arg("-o")
        .arg(&binary)
        .arg(&source)
        .stdin(Stdio::null())
        .status();
    match compiled {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: there is no C compiler (cc) to compare with");
            return;
        }
        other => assert!(other.unwrap().success(), "the C program compiles"),
    }
    let output = Command::new(&binary).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let got: Vec<&str> = text.lines().collect();
    assert_eq!(got.len(), made.len());
    for (m, got) in made.iter().zip(got) {
        assert_eq!(m.expected, got.trim_end(), "{}", m.c);
    }
}
