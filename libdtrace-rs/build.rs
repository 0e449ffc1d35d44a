//! Compiles what `dtrace -G` links into programs (`drti/drti.c`), for 64- and for 32-bit programs.

use std::path::Path;
use std::process::Command;

/// Local names, no headers, no unwinding, nothing of the C library but what the source names.
const FLAGS: &[&str] = &[
    "-std=gnu99",
    "-O2",
    "-Wall",
    "-fPIC",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-strict-aliasing",
    "-fcf-protection=full",
    "-g0",
    "-c",
];

fn main() {
    println!("cargo::rerun-if-changed=drti/drti.c");
    println!("cargo::rerun-if-env-changed=CC");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    // It may bring words of its own: a launcher before it, options behind it.
    let compiler = std::env::var("CC").unwrap_or_default();
    let mut words = compiler.split_ascii_whitespace();
    let program = words.next().unwrap_or("cc");
    let words: Vec<&str> = words.collect();
    for (name, model) in [("drti-64.o", "-m64"), ("drti-32.o", "-m32")] {
        let object = Path::new(&out).join(name);
        let mut command = Command::new(program);
        command.args(&words).args(FLAGS).arg(model).arg("drti/drti.c").arg("-o").arg(&object);
        let result = command.status();
        match result {
            Ok(status) if status.success() => {}
            // A compiler without 32-bit programs: then -G makes none.
            Ok(_) if model == "-m32" => std::fs::write(&object, b"").expect("the output directory"),
            result => panic!("{program} does not compile drti/drti.c: {result:?}"),
        }
    }
}
