//! The names of functions in real processes, of every kind that there is to be found: programs that are deleted, code that a process has made, C++ and Rust, processes that have ended.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dtrace_rs::symbols::{Symbolizer, Symbols};

/// A program that says the addresses of its functions and waits.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <sys/mman.h>
namespace shop { int __attribute__((noinline)) sell(int n) { return n + 1; } }
static int __attribute__((noinline)) hidden(int n) { return n + 2; }
int main() {
    void *made = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%lx %lx %lx\n", (long)(void *)&shop::sell, (long)(void *)&hidden, (long)made);
    fflush(stdout);
    return getchar() == 0;
}
"#;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("dtrace-symbols-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    /// Compiles the program; none without a C++ compiler.
    fn program(&self, flags: &[&str]) -> Option<PathBuf> {
        let (source, program) = (self.0.join("program.cc"), self.0.join("program"));
        fs::write(&source, PROGRAM).unwrap();
        let mut compile = Command::new("c++");
        compile.args(["-O1", "-Wl,--build-id=sha1"]).args(flags).arg(&source).arg("-o").arg(&program);
        match compile.output() {
            Ok(output) if output.status.success() => Some(program),
            _ => {
                println!("skipped: there is no C++ compiler (c++)");
                None
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running program with what it said.
struct Running {
    child: Child,
    addresses: Vec<u64>,
}

impl Running {
    fn start(program: &Path) -> Running {
        let mut child =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("our program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let words = line.split_ascii_whitespace();
        let addresses = words.map(|word| u64::from_str_radix(word, 16).unwrap()).collect();
        Running { child, addresses }
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }

    fn name(&self, symbols: &Symbols, n: usize) -> String {
        let place = symbols.user(self.child.id(), self.addresses[n]);
        place.map_or_else(|| "none".to_owned(), |place| place.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn functions_have_the_names_that_were_written() {
    let place = Place::new("names");
    for flags in [["-pie", "-fPIE"], ["-no-pie", "-fno-pie"]] {
        let Some(program) = place.program(&flags) else { return };
        let running = Running::start(&program);
        let symbols = Symbols::new();
        assert_eq!(running.name(&symbols, 0), "program`shop::sell(int)");
        assert_eq!(running.name(&symbols, 1), "program`hidden(int)");
        symbols.set_demangle(false);
        assert_eq!(running.name(&symbols, 0), "program`_ZN4shop4sellEi");
    }
}

#[test]
fn a_process_that_has_ended_is_known_if_it_was_seen() {
    let place = Place::new("ended");
    let Some(program) = place.program(&[]) else { return };
    let (mut seen, mut unseen) = (Running::start(&program), Running::start(&program));
    let symbols = Symbols::new();
    symbols.remember(seen.child.id());
    seen.end();
    unseen.end();
    assert_eq!(seen.name(&symbols, 1), "program`hidden(int)");
    assert_eq!(unseen.name(&symbols, 1), "none");
}

#[test]
fn a_program_without_a_name_is_read_even_when_it_has_ended() {
    let place = Place::new("deleted");
    let Some(program) = place.program(&[]) else { return };
    let mut running = Running::start(&program);
    fs::remove_file(&program).unwrap();
    // Another one in its place has nothing to do with it.
    fs::write(&program, "#!/bin/sh\n").unwrap();
    let symbols = Symbols::new();
    symbols.remember(running.child.id());
    running.end();
    assert_eq!(running.name(&symbols, 1), "program`hidden(int)");
}

#[test]
fn code_that_a_process_has_made_has_the_names_that_it_tells_perf() {
    let place = Place::new("made");
    let Some(program) = place.program(&[]) else { return };
    let running = Running::start(&program);
    let (pid, at) = (running.child.id(), running.addresses[2]);
    let path = format!("/tmp/perf-{pid}.map");
    let mut map = fs::File::create_new(&path).unwrap();
    writeln!(map, "{at:x} 40 LazyCompile:*loop app.js:7").unwrap();
    let symbols = Symbols::new();
    let (first, behind) = (running.name(&symbols, 2), symbols.user(pid, at + 0x40));
    fs::remove_file(&path).unwrap();
    assert_eq!(first, format!("perf-{pid}.map`LazyCompile:*loop app.js:7"));
    assert_eq!(behind.and_then(|place| place.symbol), None);
}
