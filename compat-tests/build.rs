//! Lists what `dtrace-abi` has, so that the header test can compare all of it with a C compiler's view and nobody has
//! to keep a list: every integer constant, and every structure with a `layout!` table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let abi = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../driver/abi/src");
    println!("cargo::rerun-if-changed={}", abi.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut constants = String::new();
    let mut structures = String::new();
    for (module, file) in modules(&abi) {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for line in text.lines() {
            if let Some((name, ty)) = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": ")) {
                // An array has no value that a C constant could have.
                if !ty.starts_with('[') && !name.starts_with("fn ") {
                    let _ = writeln!(
                        constants,
                        "Constant {{ module: {module:?}, name: {name:?}, value: dtrace_abi::{module}::{name} as i128 }},"
                    );
                }
            }
            if let Some(rest) = line.strip_prefix("layout!(") {
                let name = rest.split(' ').next().unwrap_or_default();
                let _ = writeln!(
                    structures,
                    "Structure {{ module: {module:?}, name: {name:?}, size: size_of::<dtrace_abi::{module}::{name}>(), \
                     fields: <dtrace_abi::{module}::{name} as dtrace_abi::Layout>::FIELDS }},"
                );
            }
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("abi_items.rs");
    let text = format!(
        "pub(crate) const CONSTANTS: &[Constant] = &[\n{constants}];\n\
         pub(crate) const STRUCTURES: &[Structure] = &[\n{structures}];\n"
    );
    fs::write(&out, text).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
}

/// The public modules and their files. A file in a directory belongs to the module of the directory's name, which shows
/// everything in it as its own.
fn modules(abi: &Path) -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    let mut dirs = vec![abi.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.expect("a readable directory").path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let module =
                    if dir == abi { stem } else { dir.file_name().unwrap().to_string_lossy().into_owned() };
                if !matches!(module.as_str(), "lib" | "layout" | "plain") {
                    files.push((module, path));
                }
            }
        }
    }
    files.sort();
    files
}
