//! The runner for test suites, on two made-up suites: one of each kind, with tests that must pass, that must fail and that must
//! be excluded. (The suites it is for lie outside the repository: `make conformance`.)

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The last lines of what the runner prints about a suite: the counts by kind of test; and its failures and exclusions.
fn run(kind: &str) -> (Vec<[String; 4]>, String) {
    // TARGET/PROFILE/deps/this
    let test = env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "libdtrace-rs", "--bin", "dtrace", "--target-dir"]);
    build.arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "cargo could not build dtrace");

    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/suites").join(kind);
    let failures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{kind}.failures"));
    let mut runner = Command::new(env!("CARGO_BIN_EXE_conformance"));
    runner.args(["--kind", kind, "--limit", "30", "--suite"]).arg(suite);
    runner.arg("--dtrace").arg(profile.join("dtrace")).arg("--failures").arg(&failures);
    let output = runner.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let table =
        printed.split("kind of test").nth(1).unwrap().lines().skip(1).take_while(|line| !line.is_empty());
    let row = |line: &str| {
        let (name, counts) = line.split_at(44);
        let mut counts = counts.split_whitespace().map(str::to_owned);
        [name.trim().to_owned(), counts.next().unwrap(), counts.next().unwrap(), counts.next().unwrap()]
    };
    (table.map(row).collect(), std::fs::read_to_string(failures).unwrap())
}

fn rows(expected: [(&str, u32, u32, u32); 5]) -> Vec<[String; 4]> {
    expected
        .map(|(name, pass, fail, excluded)| {
            [name.to_owned(), pass.to_string(), fail.to_string(), excluded.to_string()]
        })
        .to_vec()
}

#[test]
fn a_suite_of_oracles_kind_is_judged() {
    let (counts, failures) = run("oracle");
    let expected = rows([
        ("compile errors, by tag", 2, 1, 0),
        ("programs with expected output", 3, 1, 0),
        ("programs, by exit status", 2, 0, 2),
        ("scripts and C programs", 1, 0, 1),
        ("all", 8, 2, 3),
    ]);
    assert_eq!(counts, expected, "{failures}");
    assert!(failures.contains("FAIL test/unittest/errors/err.D_SYNTAX.wrong.d"));
    assert!(failures.contains("FAIL test/unittest/output/tst.other.d"));
    assert!(failures.contains("-one\n+two\n"));
    assert!(failures.contains("EXCLUDED test/unittest/output/tst.provider.d: needs the provider fbt"));
    assert!(failures.contains("EXCLUDED test/unittest/scripts/tst.tool.sh: needs isainfo"));
}

#[test]
fn a_suite_of_the_kind_of_illumos_is_judged() {
    let (counts, failures) = run("illumos");
    // Tags mean what they say, and the order of lines matters.
    let expected = rows([
        ("compile errors, by tag", 1, 1, 0),
        ("programs with expected output", 3, 1, 0),
        ("programs, by exit status", 3, 0, 2),
        ("scripts and C programs", 2, 0, 0),
        ("all", 9, 2, 2),
    ]);
    assert_eq!(counts, expected, "{failures}");
    assert!(failures.contains("FAIL tst/errors/err.D_PROTO_LEN.meaning.d"));
    assert!(failures.contains("FAIL tst/output/tst.order.d"));
    assert!(
        failures.contains("EXCLUDED tst/sparc/tst.machine.d: the suite has it for another machine: sparc")
    );
}
