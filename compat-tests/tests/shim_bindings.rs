//! `driver/linux/src/ffi.rs` is what bindgen makes of `driver/shim/host.h`.
//!
//! `UPDATE_BINDINGS=1 cargo test -p compat-tests --test shim_bindings` writes it anew. bindgen needs libclang; without it the
//! test is skipped and says so.

use std::fs;
use std::path::{Path, PathBuf};

fn driver() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../driver")
}

fn bindings() -> String {
    let header = driver().join("shim/host.h");
    bindgen::builder()
        .header(header.to_str().expect("a path that is text"))
        .use_core()
        .ctypes_prefix("core::ffi")
        .layout_tests(false)
        .generate_comments(false)
        .prepend_enum_name(false)
        .allowlist_item("(host|HOST|dtrace)_.*")
        // What lies behind these is the shim's own.
        .opaque_type("host_(timer|seq)")
        .rust_target(bindgen::RustTarget::stable(85, 0).expect("a version that bindgen knows"))
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate()
        .expect("host.h is C that needs nothing but the standard headers")
        .to_string()
}

/// The text without what a formatter changes.
fn essence(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("/*"))
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace() && *c != ',')
        .collect()
}

#[test]
fn the_bindings_are_those_of_the_shim_s_header() {
    if clang_sys::load().is_err() {
        println!("skipped: bindgen finds no libclang");
        return;
    }
    let path = driver().join("linux/src/ffi.rs");
    let made = bindings();
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        fs::write(&path, &made).expect("the file can be written");
    }
    let kept = fs::read_to_string(&path).expect("the file can be read");
    assert_eq!(essence(&kept), essence(&made), "stale: run this test with UPDATE_BINDINGS=1");
}

#[test]
fn the_border_is_where_a_32_bit_kernel_passes_arguments_on_the_stack() {
    let header = fs::read_to_string(driver().join("shim/host.h")).expect("the file can be read");
    let prototypes = header
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains('('));
    let bare: Vec<_> = prototypes.filter(|line| !line.starts_with("asmlinkage ")).collect();
    assert!(bare.is_empty(), "not asmlinkage: {bare:#?}");
    assert!(header.matches("asmlinkage ").count() > 100, "there are many");
}
