//! D programs into the compiler: lexer, parser, checker, code generation, DOF. Any text ends in an image that the engine's
//! loader takes or in an error with a tag; nothing panics, and time and memory stay in proportion to the text (the fuzzer's own
//! limits). Inputs are mutated as bytes, and half the time by words of the language.
#![no_main]

use std::cell::RefCell;

use dtrace_rs::d::parser::SpecKind;
use dtrace_rs::dof;
use dtrace_rs::handle::Handle;
use fuzz::sections::Random;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

thread_local! {
    /// One handle for many programs: what one leaves behind, the next one meets. Made anew now and then, so that a finding
    /// is not the sum of all that went before.
    static HANDLE: RefCell<(Option<Handle>, u32)> = const { RefCell::new((None, 0)) };
}

/// Programs that one handle compiles.
const PROGRAMS: u32 = 64;

fuzz_target!(|text: &[u8]| {
    HANDLE.with_borrow_mut(|(handle, programs)| {
        if *programs % PROGRAMS == 0 {
            *handle = None;
        }
        *programs += 1;
        let handle = handle.get_or_insert_with(|| {
            let mut handle = fuzz::embedded::handle();
            // The libraries are other programs' matter, and their types make a fresh handle slow.
            handle.set_option("nolibs", None).expect("an option");
            handle
        });
        let arguments = ["fuzz", "1", "execname"].map(Into::into);
        let _ = handle.set_option("argref", None);
        let result = match std::str::from_utf8(text) {
            Ok(text) if text.len() % 4 == 3 => handle.compile_string(text, SpecKind::Name, &arguments),
            _ => handle.compile_script(text, &arguments),
        };
        match result {
            Ok(program) => drop(dof::program_image(&program)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        // A pragma may have turned on what starts other programs.
        if handle.options().compile.cpp {
            *programs = 0;
        }
    });
});

/// Words that change what a program means.
const WORDS: &[&str] = &[
    "BEGIN",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "/",
    ";",
    ",",
    "->",
    ".",
    "*",
    "&",
    "=",
    "+=",
    "++",
    "?",
    ":",
    "if",
    "else",
    "self->",
    "this->",
    "@a",
    "@",
    "$1",
    "$$1",
    "$target",
    "struct s",
    "union u",
    "enum e",
    "typedef",
    "int",
    "string",
    "char *",
    "sizeof",
    "offsetof",
    "stringof",
    "inline",
    "translator",
    "xlate",
    "provider",
    "#pragma D option ",
    "#pragma D attributes ",
    "\"%d%s%@u\"",
    "count()",
    "quantize(",
    "lquantize(",
    "llquantize(",
    "printf(",
    "printa(",
    "trace(",
    "tracemem(",
    "stack()",
    "ustack(",
    "strjoin(",
    "strtok(",
    "copyin(",
    "alloca(",
    "bcopy(",
    "json(",
    "commit(",
    "speculate(",
    "1 << 63",
    "0xffffffffffffffff",
    "-1",
    "'\\377'",
    "pid",
    "execname",
    "args[0]",
    "arg0",
    "curthread",
    "`",
];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(u64::from(seed));
    if random.below(2) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut text = data[..size].to_vec();
    for _ in 0..=random.below(4) {
        let word = WORDS[random.below(WORDS.len())].as_bytes();
        let at = random.below(text.len() + 1);
        let gone = random.below(8).min(text.len() - at);
        let piece = [b" ", word, b" "].concat();
        text.splice(at..at + gone, piece);
    }
    text.truncate(max_size.min(data.len()));
    data[..text.len()].copy_from_slice(&text);
    text.len()
});
