//! libdtrace for C: what it exports, and C programs that use all of it, linked with the shared library and with the archive.
//!
//! The programs are in `compat-tests/capi`; they need neither root nor the driver, because the engine is hosted in their own
//! process or the device is theirs. Under valgrind they are run by `--ignored`, a step of its own in `make test`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The programs.
const PROGRAMS: [&str; 7] = ["layout", "compile", "trace", "aggregate", "process", "vector", "anonymous"];

/// What the archive needs beside the C library.
const ARCHIVE_NEEDS: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_path_buf()
}

fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi")
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command that must not fail.
fn must(command: &mut Command) -> String {
    let output = run(command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// The directory of the libraries, made once.
fn libraries() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = scratch().join("lib");
        must(Command::new(root().join("libdtrace-rs/capi/build")).arg(&directory));
        directory
    })
}

/// How a program is linked.
#[derive(Clone, Copy, Debug)]
enum Linked {
    Shared,
    Archive,
}

fn compiler(source: &Path, program: &Path) -> Command {
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()));
    command
        .args(["-std=c11", "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Werror"])
        .arg(source)
        .arg("-o")
        .arg(program);
    command
}

/// Compiles and links one of the programs.
fn program(name: &str, linked: Linked) -> PathBuf {
    let source = root().join("compat-tests/capi").join(name).with_extension("c");
    let program = scratch().join(format!("{name}-{linked:?}"));
    let mut command = compiler(&source, &program);
    command.arg("-I").arg(root().join("include"));
    match linked {
        Linked::Shared => {
            let path = libraries().display();
            command.args([format!("-L{path}"), "-ldtrace".into(), format!("-Wl,-rpath,{path}")])
        }
        Linked::Archive => command.arg(libraries().join("libdtrace.a")).args(ARCHIVE_NEEDS),
    };
    must(&mut command);
    program
}

/// A command that finds the engine of its own process.
fn hosted(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("DTRACE_DEV", "embedded").env_remove("DTRACE_DEBUG");
    command
}

fn run_all(linked: Linked) {
    for name in PROGRAMS {
        must(&mut hosted(&program(name, linked)));
    }
}

/// The names that `libdtrace.map` lists, with their versions.
fn listed() -> BTreeSet<(String, String)> {
    let map = fs::read_to_string(root().join("libdtrace-rs/capi/libdtrace.map")).expect("the map");
    let mut version = String::new();
    let mut names = BTreeSet::new();
    for line in map.lines() {
        if let Some(name) = line.strip_suffix(" {") {
            version = name.to_owned();
        } else if let Some(name) = line.trim().strip_suffix(';').filter(|n| !n.starts_with(['*', '}'])) {
            names.insert((name.to_owned(), version.clone()));
        }
    }
    names
}

fn functions() -> Vec<String> {
    let data = ["_dtrace_version", "_dtrace_debug", "yydebug"];
    listed().into_iter().map(|(name, _)| name).filter(|name| !data.contains(&name.as_str())).collect()
}

/// Whether a text calls a function, or passes it.
fn uses(text: &str, name: &str) -> bool {
    let part = |c: char| c == '_' || c.is_alphanumeric();
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(part) && text[at + name.len()..].starts_with(['(', ')', ',']))
}

#[test]
fn programs_pass_with_the_shared_library() {
    run_all(Linked::Shared);
}

#[test]
fn programs_pass_with_the_archive() {
    run_all(Linked::Archive);
}

#[test]
#[ignore = "valgrind is slow: a step of its own"]
fn programs_pass_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: there is no valgrind");
        return;
    }
    for name in PROGRAMS {
        let program = program(name, Linked::Shared);
        // A child that was forked and fails to execute leaves by a status that means something, and which must not become
        // that of the memory that its parent's threads have left it.
        let leaks = if name == "process" { "--leak-check=no" } else { "--leak-check=full" };
        let only = ["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"];
        let mut command = Command::new("valgrind");
        command.args(["-q", "--error-exitcode=99", leaks]).args(only).arg("--child-silent-after-fork=yes");
        command.arg(&program).env("DTRACE_DEV", "embedded");
        let output = run(&mut command);
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {}\n{complaints}", output.status);
    }
}

#[test]
fn the_headers_are_for_cpp_too() {
    let cpp = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    if Command::new(&cpp).arg("--version").output().is_err() {
        println!("skipped: there is no C++ compiler");
        return;
    }
    for header in ["dtrace.h", "libproc.h", "sys/dtrace.h", "sys/fasttrap.h", "sys/dtrace_ctl.h"] {
        let source = scratch().join("header.cc");
        fs::create_dir_all(scratch()).unwrap();
        fs::write(&source, format!("#include <{header}>\nint main() {{ return 0; }}\n")).unwrap();
        let flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"];
        must(Command::new(&cpp).args(flags).arg(root().join("include")).arg(&source));
    }
}

#[test]
fn every_function_is_used_by_a_program() {
    let text: String = PROGRAMS
        .iter()
        .map(|name| {
            fs::read_to_string(root().join("compat-tests/capi").join(name).with_extension("c")).unwrap()
        })
        .collect();
    let unused: Vec<_> = functions().into_iter().filter(|name| !uses(&text, name)).collect();
    assert_eq!(unused, [""; 0]);
    assert!(!uses("xdtrace_open(1)", "dtrace_open") && !uses("dtrace_opened(1)", "dtrace_open"));
}

#[test]
fn the_headers_have_what_the_library_exports() {
    let header = |name: &str| fs::read_to_string(root().join("include").join(name)).unwrap();
    let headers = header("dtrace.h") + &header("libproc.h");
    let missing: Vec<_> = functions().into_iter().filter(|name| !uses(&headers, name)).collect();
    assert_eq!(missing, [""; 0]);
    let declared = headers
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '}']) && !line.starts_with("typedef"));
    let names: BTreeSet<_> = declared
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(names, functions().into_iter().collect());
}

#[test]
fn the_manual_page_names_every_function() {
    let page = fs::read_to_string(root().join("docs/libdtrace.3")).unwrap();
    let words: BTreeSet<_> = page.split(|c: char| c != '_' && !c.is_alphanumeric()).collect();
    let missing: Vec<_> = functions().into_iter().filter(|name| !words.contains(name.as_str())).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_shared_library_exports_the_listed_names_and_no_other() {
    let library = libraries().join("libdtrace.so.1");
    let shown =
        must(Command::new("nm").args(["-D", "--defined-only", "--with-symbol-versions"]).arg(&library));
    let exported: BTreeSet<_> = shown
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(2)?.split_once("@@"))
        .filter(|(name, _)| !name.starts_with("LIBDTRACE_"))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect();
    assert_eq!(exported, listed());
    let dynamic = must(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains("Library soname: [libdtrace.so.1]"), "{dynamic}");
}

#[test]
fn the_archive_leaves_the_listed_names_to_its_clients_and_no_other() {
    let shown = must(Command::new("nm").args(["-g", "--defined-only"]).arg(libraries().join("libdtrace.a")));
    let left: BTreeSet<_> =
        shown.lines().filter_map(|line| line.split_ascii_whitespace().nth(2)).map(str::to_owned).collect();
    assert_eq!(left, listed().into_iter().map(|(name, _)| name).collect());
}

/// The blocks of the README's section on C, by their language.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let section = readme.split_once("\n## Linking libdtrace from C\n").expect("the section on C").1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let begin = format!("```{language}\n");
    section.split(&begin).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

#[test]
fn the_example_of_the_readme_compiles_with_what_is_installed_and_prints_what_it_says() {
    if Command::new("pkg-config").arg("--version").output().is_err() {
        println!("skipped: there is no pkg-config");
        return;
    }
    let installed = scratch().join("installed");
    let destination = format!("DESTDIR={}", installed.display());
    let library = format!("LIBRARY={}", libraries().display());
    must(Command::new("make").current_dir(root()).args([
        "-s",
        "install-lib",
        "PREFIX=/opt",
        &destination,
        &library,
    ]));
    let (source, program) = (scratch().join("count.c"), scratch().join("count"));
    fs::write(&source, &blocks("c")[0]).unwrap();
    let flags = must(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "libdtrace"])
            .env("PKG_CONFIG_PATH", installed.join("opt/lib/pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", &installed),
    );
    must(compiler(&source, &program).args(flags.split_ascii_whitespace()));
    let shown = must(hosted(&program).arg("true").env("LD_LIBRARY_PATH", installed.join("opt/lib")));
    let sample = &blocks("text")[0];
    // How often each call is made is the machine's affair; that it is shown in this form is not.
    let form = |text: &str| text.lines().find(|line| line.contains("exit_group")).map(str::to_owned);
    assert_eq!(form(&shown), form(sample), "{shown}");
}
