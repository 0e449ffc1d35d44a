//! Programs that were damaged at random: whatever the text, the compiler ends in time, with a program or with a message.

use std::time::Duration;

use super::*;
use crate::codegen::{self, Context};
use crate::program::Aggregations;

/// The time that this thread has had of a CPU: what else the machine does is no fault of the compiler's.
fn spent() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the address is of a live structure.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

/// xorshift64*: the same damage on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

/// Pieces that are put in: what the grammar turns on.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "->",
    ".",
    "++",
    "--",
    "=",
    "+=",
    "?",
    ":",
    "*",
    "&",
    "/",
    "%",
    "<<",
    "@",
    "@a",
    "self->",
    "this->",
    "`",
    "$1",
    "$$1",
    "$target",
    "\"",
    "'",
    "\\",
    "/*",
    "*/",
    "//",
    "#",
    "\n#pragma D ",
    "\n#line 3 \"x\"\n",
    "int ",
    "string ",
    "struct s ",
    "enum e ",
    "union ",
    "typedef ",
    "inline int i = ",
    "translator ",
    "provider p ",
    "xlate <",
    "sizeof ",
    "stringof ",
    "offsetof(",
    "if (1) ",
    "else ",
    "0",
    "-1",
    "0x7fffffffffffffff",
    "18446744073709551615",
    "1ull",
    "count()",
    "quantize(1)",
    "lquantize(1,2,3,4)",
    "printf(\"%d\",",
    "stack()",
    "trace(",
    "a[1]",
    "x",
    "pid",
    "execname",
    "BEGIN",
    "BEGIN { ",
    ":::",
    "\0",
    "\u{e9}",
    "%",
    "\"%@d\"",
    "args[0]",
    "(char *)",
    "NULL",
];

fn mutate(random: &mut Random, corpus: &[String]) -> Vec<u8> {
    let mut text = corpus[random.below(corpus.len())].clone().into_bytes();
    for _ in 0..=random.below(3) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(12)).min(text.len());
        match random.below(7) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            2 => drop(text.splice(at..end, PIECES[random.below(PIECES.len())].bytes())),
            3 => {
                let copy = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                drop(text.splice(to..to, copy));
            }
            4 => {
                let other = corpus[random.below(corpus.len())].as_bytes();
                let from = random.below(other.len());
                let piece = other[from..(from + random.below(40)).min(other.len())].to_vec();
                drop(text.splice(at..at, piece));
            }
            5 if at < text.len() => text[at] = random.below(256) as u8,
            _ => text.truncate(text.len() - random.below(text.len() / 8 + 1)),
        }
    }
    text
}

#[test]
fn damaged_programs_end_in_a_program_or_a_message() {
    // The whole number is for an optimised build; DTRACE_MUTATIONS asks for more.
    let count = std::env::var("DTRACE_MUTATIONS").ok().and_then(|n| n.parse().ok());
    let count = count.unwrap_or(if cfg!(debug_assertions) { 5_000 } else { 100_000 });
    let mut corpus: Vec<String> = Vec::new();
    let texts = |file| programs(file).into_iter().map(|(program, _)| program);
    corpus.extend(texts(include_str!("faults.txt")));
    // Right programs, more often: damage to what is wrong already seldom reaches code generation.
    for _ in 0..12 {
        corpus.extend(texts(include_str!("accepted.txt")));
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compiled = 0;
    for _ in 0..count {
        let text = mutate(&mut random, &corpus);
        let start = spent();
        let types = Types::with_btf_directory("/nonexistent");
        let mut macros = Macros::new(vec!["prog".into(), "1".into()]);
        macros.set("target", 42);
        let mut identifiers = Identifiers::default();
        let options = Options { allow_zero_matches: true, allow_unused_args: true, ..Options::default() };
        if let Ok(program) = compile(&text, options, &macros, &types, &mut identifiers, &mut World) {
            compiled += 1;
            let mut fresh = || identifiers.fresh_local();
            let mut aggregations = Aggregations::default();
            let mut context = Context {
                types: &types,
                strsize: 256,
                aggregations: &mut aggregations,
                fresh_local: &mut fresh,
            };
            // Running out of registers is an answer too.
            let _ = codegen::compile(&program, &mut context);
        }
        let took = spent() - start;
        assert!(took < Duration::from_secs(2), "{took:?}: {}", String::from_utf8_lossy(&text));
    }
    // Enough of them are still right to reach the far end.
    assert!(compiled > count / 40, "{compiled} of {count}");
}

#[test]
fn inlines_that_double_at_each_step_are_cut_off() {
    let mut text = "inline int a0 = pid;\n".to_owned();
    for i in 1..64 {
        text.push_str(&format!("inline int a{i} = a{0} + a{0};\n", i - 1));
    }
    text.push_str("BEGIN { trace(a63); }");
    let start = spent();
    assert!(check(&text).is_err());
    assert!(spent() - start < Duration::from_secs(5));
}

#[test]
fn long_programs_compile_in_proportion() {
    let mut text = String::new();
    for i in 0..2000 {
        text.push_str(&format!(
            "BEGIN /x{i} == 0/ {{ x{i}++; self->t{i} = timestamp; @a{i}[execname] = quantize(timestamp); }}\n"
        ));
        text.insert_str(0, &format!("int x{i};\n"));
    }
    let start = spent();
    check(&text).unwrap();
    let took = spent() - start;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_long_chain_of_operators_is_checked_on_an_ordinary_stack() {
    let chain = |n: usize| format!("BEGIN {{ x = pid{}; }}", " + pid".repeat(n));
    check(&chain(500)).unwrap();
    assert!(check(&chain(5000)).is_err());
    let nested = |n: usize| format!("BEGIN {{ x = {}pid{}; }}", "(".repeat(n), ")".repeat(n));
    check(&nested(60)).unwrap();
    assert!(check(&nested(6000)).is_err());
}

#[test]
fn inlines_within_inlines_end_on_an_ordinary_stack() {
    for (first, next) in [
        ("pid", "-#"),
        ("pid", "(# ? # : 1)"),
        ("execname", "strjoin(#, \"x\")"),
        ("pid", "(int)((1 + (2 + (3 + (4 + #)))))"),
    ] {
        let ty = if first == "pid" { "int" } else { "string" };
        let mut text = format!("inline {ty} a0 = {first};\n");
        for i in 1..2000 {
            let value = next.replace('#', &format!("a{}", i - 1));
            text.push_str(&format!("inline {ty} a{i} = {value};\n"));
        }
        text.push_str("BEGIN { trace(a1999); }");
        assert!(check(&text).is_err(), "{next}");
    }
    let nested = format!("BEGIN {{ {} x = 1; {} }}", "if (pid) { ".repeat(100), "}".repeat(100));
    check(&nested).unwrap();
    assert!(check(&"BEGIN { if (pid) { ".repeat(5000)).is_err());
    let member = format!("struct s {{ struct s *p; }} *v; BEGIN {{ trace(v{}); }}", "->p".repeat(100));
    check(&member).unwrap();
    assert!(
        check(&format!("struct s {{ {} int x; {} }} v;", "struct { ".repeat(5000), "} ;".repeat(5000)))
            .is_err()
    );
}

#[test]
fn operands_of_inlines_count_wherever_they_end_up() {
    // The operand is used twice at each step: a tree of 2^100 nodes if it were built.
    let text = |use_: &str, chain: &str, n: usize| {
        let calls = format!("{}pid{}", "f[".repeat(n), "]".repeat(n));
        format!("inline int f[int a] = {use_}{chain}; BEGIN {{ trace({calls}); }}")
    };
    check(&text("a + a", "", 5)).unwrap();
    assert!(check(&text("a + a", "", 40)).is_err());
    // Each step puts its operand below a long chain.
    assert!(check(&text("a", &" + 1".repeat(300), 40)).is_err());
}
