//! Instrumented programs: `dtrace -h` and `-G`, real compilers and link editors, and what the programs tell the driver.
//!
//! Each program runs as if it had no probes where there is no driver; where there is one (`usdt/recorder.c` stands in for it, or
//! the preloaded device) it brings the image of its probes, which lie where the image says, and takes it back.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod built;
use built::built;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("usdt")
}

/// A directory of a test's own, with the header of the provider in it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = env::temp_dir().join(format!("dtrace-usdt-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let place = Place(path);
        place.dtrace(&["-h", "-o", "provider.h", "-s", &script()]);
        place
    }

    fn run(&self, program: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.0).stdin(Stdio::null());
        command.env_remove("DTRACE_DOF_INIT_DEBUG").env("DTRACE_DEV", "embedded").output().unwrap()
    }

    /// A command that must succeed without a word.
    fn must(&self, program: impl AsRef<std::ffi::OsStr> + Copy, words: &[&str]) {
        let output = self.run(program, words);
        let said = String::from_utf8_lossy(&output.stderr);
        let program = program.as_ref().to_string_lossy();
        assert!(output.status.success() && said.is_empty(), "{program} {}: {said}", words.join(" "));
    }

    fn dtrace(&self, words: &[&str]) {
        self.must(&built().dtrace, words);
    }

    /// Compiles a source, with the flags, to `NAME.o`.
    fn compile(&self, compiler: &str, source: &str, flags: &str) -> String {
        let object = format!("{}.o", source.split('.').next().unwrap());
        let path = sources().join(source);
        let mut words: Vec<&str> = flags.split_ascii_whitespace().collect();
        words.extend(["-D_DTRACE_VERSION=1", "-I.", "-c", path.to_str().unwrap(), "-o", &object]);
        self.must(compiler, &words);
        object
    }

    fn link(&self, compiler: &str, flags: &str, objects: &[&str], program: &str) {
        let mut words: Vec<&str> = flags.split_ascii_whitespace().collect();
        words.push("-Wl,--fatal-warnings");
        words.extend(objects);
        words.extend(["-o", program]);
        self.must(compiler, &words);
    }

    /// What a program says on standard error with the recorder in front of it.
    fn recorded(&self, program: &str, words: &[&str]) -> Vec<String> {
        let library = self.0.join("recorder.so");
        if !library.exists() {
            let source = sources().join("recorder.c");
            let include = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../include");
            let out = library.to_str().unwrap();
            self.must("cc", &["-shared", "-fPIC", include, source.to_str().unwrap(), "-o", out]);
        }
        let mut command = Command::new(self.0.join(program));
        let output = command.args(words).current_dir(&self.0).env("LD_PRELOAD", &library).output().unwrap();
        assert!(output.status.success(), "{program}: {}", output.status);
        String::from_utf8(output.stderr).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn script() -> String {
    sources().join("provider.d").to_str().unwrap().to_owned()
}

/// Whether there is such a command.
fn there_is(command: &str) -> bool {
    Command::new(command).arg("--version").output().is_ok_and(|o| o.status.success())
}

/// The C compilers, with how they compile C++.
fn compilers() -> Vec<(&'static str, &'static str)> {
    [("cc", "c++"), ("clang", "clang++")].into_iter().filter(|(c, cc)| there_is(c) && there_is(cc)).collect()
}

/// What the compiler's link editors and kinds of programs are called.
fn ways_to_link() -> Vec<String> {
    let mut ways = Vec::new();
    for editor in ["bfd", "gold", "lld"].into_iter().filter(|editor| there_is(&format!("ld.{editor}"))) {
        for kind in ["-pie", "-no-pie", "-static", "-static-pie"] {
            // gcc passes gold an option that it does not know.
            if (editor, kind) != ("gold", "-static-pie") {
                ways.push(format!("-fuse-ld={editor} {kind}"));
            }
        }
    }
    ways
}

#[test]
fn programs_link_and_run_as_if_there_were_no_probes() {
    let place = Place::new("link");
    let ways = ways_to_link();
    for (c, cc) in compilers() {
        for (compiler, flags) in [
            (c, "-O0 -g -fPIE"),
            (c, "-O2 -fPIC -fno-plt"),
            (c, "-Os -g -fPIE -ffunction-sections"),
            (cc, "-O2 -fPIE -x c++"),
        ] {
            let object = place.compile(compiler, "program.c", flags);
            place.dtrace(&["-G", "-s", &script(), &object]);
            // Compilers differ in the calls that they write, link editors in the programs: not all pairs are worth the time.
            let all = (compiler, flags) == (c, "-O2 -fPIC -fno-plt");
            for way in ways.iter().filter(|way| all || way.ends_with(" -pie")) {
                place.link(
                    compiler,
                    &format!("{way} -Wl,--gc-sections"),
                    &[&object, "provider.o"],
                    "program",
                );
                let output = place.run(place.0.join("program"), &[]);
                let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                assert_eq!((&*said.0, &*said.1), ("2 0\n", ""), "{compiler} {flags} {way}");
            }
        }
    }
}

#[test]
fn the_driver_gets_every_probe_where_it_is() {
    let place = Place::new("driver");
    for flags in ["-O0 -fPIE", "-O2 -fPIE", "-O2 -fPIC -fno-plt"] {
        let object = place.compile("cc", "program.c", flags);
        place.dtrace(&["-G", "-s", &script(), "-o", "p.o", &object]);
        for kind in ["-pie", "-no-pie"] {
            place.link("cc", kind, &[&object, "p.o"], "program");
            let mut said = place.recorded("program", &[]);
            assert_eq!(said.first().map(String::as_str), Some("add program"));
            assert_eq!(said.pop().as_deref(), Some("remove 7"));
            let mut probes = said.split_off(1);
            probes.sort();
            let end = if flags.contains("O0") { "" } else { "-return" };
            let wanted = [
                "web:asks:request fires asks".to_owned(),
                format!("web:last_is_a_probe:request fires{end}"),
                format!("web:last_is_a_question:my-done asks{end}"),
                format!("web:last_under_a_condition:request fires{end}"),
            ];
            for line in &wanted {
                assert!(probes.contains(line), "{flags} {kind}: {line} is not among {probes:#?}");
            }
            // Calls inside main may have been put in place of the functions' own.
            for name in ["request", "my-done"] {
                let main = probes.iter().find(|line| line.starts_with(&format!("web:main:{name} fires")));
                assert!(main.is_some(), "{flags} {kind}: {probes:#?}");
            }
            assert!(!probes.iter().any(|line| line.contains("BAD")), "{flags} {kind}: {probes:#?}");
        }
    }
}

#[test]
fn the_engine_takes_the_image() {
    let place = Place::new("engine");
    let object = place.compile("cc", "program.c", "-O2 -fPIE");
    place.dtrace(&["-G", "-s", &script(), &object]);
    place.link("cc", "-pie", &[&object, "provider.o"], "program");
    let run = |name: &str, value: &str| {
        let mut command = Command::new(place.0.join("program"));
        command.env("LD_PRELOAD", &built().preload).env(name, value);
        let output = command.env("DTRACE_DOF_INIT_DEBUG", "1").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "2 0\n");
        String::from_utf8(output.stderr).unwrap()
    };
    built();
    assert_eq!(run("X", ""), "dtrace DOF program: registered\ndtrace DOF program: taken back\n");
    assert_eq!(run("DTRACE_DOF_INIT_DISABLE", ""), "");
    let device = "/nonexistent/device";
    assert_eq!(run("DTRACE_DOF_INIT_DEVNAME", device), format!("dtrace DOF ?: cannot open {device}\n"));
}

#[test]
fn a_library_brings_its_probes_when_it_is_loaded() {
    let place = Place::new("library");
    let object = place.compile("cc", "library.c", "-O2 -fPIC");
    place.dtrace(&["-G", "-s", &script(), &object]);
    for editor in ["bfd", "gold", "lld"].into_iter().filter(|editor| there_is(&format!("ld.{editor}"))) {
        let flags = format!("-shared -fuse-ld={editor} -Wl,-z,defs");
        place.link("cc", &flags, &[&object, "provider.o"], "libweb.so.1");
        let loader = place.compile("cc", "loader.c", "-O2 -fPIE");
        place.link("cc", "-pie", &[&loader], "loader");
        let said = place.recorded("loader", &["./libweb.so.1"]);
        let once = ["add libweb.so.1", "web:in_a_library:request fires", "4", "remove 7"];
        assert_eq!(said, [once, once].concat());
    }
}

#[test]
fn of_copies_of_a_function_the_one_that_is_kept_has_the_probes() {
    let place = Place::new("copies");
    for (one, two) in [("-O0", "-O0"), ("-O0", "-O2"), ("-O2", "-O0")] {
        let objects = [("one.cc", one), ("two.cc", two)];
        let objects = objects.map(|(source, flag)| place.compile("c++", source, &format!("{flag} -fPIE")));
        place.dtrace(&["-G", "-s", &script(), &objects[0], &objects[1]]);
        // gold refuses what refers to a copy that it leaves out, even where that is no loss.
        let editors = if one == two { &["bfd", "gold", "lld"][..] } else { &["bfd", "lld"] };
        for editor in editors.iter().filter(|editor| there_is(&format!("ld.{editor}"))) {
            for (kind, [first, second]) in [("-pie", [0, 1]), ("-no-pie", [1, 0])] {
                let objects = [&*objects[first], "provider.o", &*objects[second]];
                place.link("c++", &format!("{kind} -fuse-ld={editor}"), &objects, "program");
                let mut said = place.recorded("program", &[]);
                assert_eq!((said.remove(0), said.pop()), ("add program".into(), Some("remove 7".into())));
                said.sort();
                said.dedup();
                // A compiler may write the call twice.
                let said: Vec<_> = said.iter().map(|line| line.replace("fires fires", "fires")).collect();
                let wanted = ["web:_Z3twol:my-done fires", "web:_Z6sharedIlET_S0_:request fires"];
                assert_eq!(said, wanted, "{kind} {editor}");
            }
        }
    }
}

#[test]
fn a_program_may_hold_several_images_and_objects_may_be_given_again() {
    let place = Place::new("again");
    let (program, library) =
        (place.compile("cc", "program.c", "-O2 -fPIE"), place.compile("cc", "library.c", "-O2 -fPIE"));
    place.dtrace(&["-G", "-s", &script(), "-o", "one.o", &program]);
    place.dtrace(&["-G", "-s", &script(), "-o", "two.o", &library]);
    let (object, image) =
        (fs::read(place.0.join(&program)).unwrap(), fs::read(place.0.join("one.o")).unwrap());
    place.dtrace(&["-G", "-s", &script(), "-o", "one.o", &program]);
    assert!(object == fs::read(place.0.join(&program)).unwrap(), "the object changed again");
    assert!(image == fs::read(place.0.join("one.o")).unwrap(), "the image is another");
    place.link("cc", "-pie", &[&program, &library, "one.o", "two.o"], "program");
    let said = place.recorded("program", &[]);
    assert_eq!(said.iter().filter(|line| *line == "add program").count(), 2);
    assert_eq!(said.iter().filter(|line| *line == "remove 7").count(), 2);
    assert!(!said.iter().any(|line| line.contains("BAD")), "{said:#?}");
    // Stripped and joined by others they still work.
    place.must("ld", &["-r", "-o", "joined.o", &program, &library, "one.o", "two.o"]);
    place.must("objcopy", &["--strip-debug", "joined.o"]);
    place.link("cc", "-pie", &["joined.o"], "program");
    assert_eq!(place.recorded("program", &[]), said);
}

#[test]
fn programs_of_32_bits_have_probes_too() {
    let place = Place::new("narrow");
    let flags = "-m32 -O1 -ffreestanding -fno-pie -fno-stack-protector -w";
    let source = sources().join("narrow.c");
    let words = [
        "-D_DTRACE_VERSION=1",
        "-D_UNISTD_H=1",
        "-nostdinc",
        "-I.",
        "-c",
        source.to_str().unwrap(),
        "-o",
        "narrow.o",
    ];
    fs::write(place.0.join("unistd.h"), "").unwrap();
    let compiled = place.run("cc", &[&words[..], &flags.split(' ').collect::<Vec<_>>()].concat());
    if !compiled.status.success() {
        return println!("skipped: the compiler knows no 32-bit programs");
    }
    place.dtrace(&["-32", "-G", "-s", &script(), "-o", "p.o", "narrow.o"]);
    place.link("cc", "-m32 -nostdlib -static -no-pie", &["narrow.o", "p.o"], "narrow");
    match Command::new(place.0.join("narrow")).status() {
        Ok(status) if status.code().is_some() => assert_eq!(status.code(), Some(0)),
        other => println!("skipped: this kernel runs no 32-bit programs ({other:?})"),
    }
}

#[test]
fn what_cannot_be_linked_is_refused_and_left_as_it_is() {
    let place = Place::new("refused");
    let refused = |object: &str, why: &str| {
        let before = fs::read(place.0.join(object)).ok();
        let output = place.run(&built().dtrace, &["-G", "-s", &script(), object]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said, format!("dtrace: failed to link script provider: {why}\n"));
        assert!(before == fs::read(place.0.join(object)).ok(), "{object} was changed");
        assert!(!place.0.join("provider.o").exists());
    };
    refused("nosuch.o", "failed to open nosuch.o: No such file or directory");
    fs::write(place.0.join("text.o"), "no object").unwrap();
    refused("text.o", "invalid file type: text.o");
    let text = "extern void __dtrace_web___quiet(void); void (*taken)(void) = __dtrace_web___quiet;";
    fs::write(place.0.join("taken.c"), text).unwrap();
    place.must("cc", &["-c", "taken.c", "-o", "taken.o"]);
    refused("taken.o", "taken.o uses __dtrace_web___quiet in a way that is no call of a probe");
    place.must("cc", &["-c", "-flto", "taken.c", "-o", "later.o"]);
    refused("later.o", "later.o has no code yet: compile it without link-time optimisation");
    let cut = fs::read(place.0.join("taken.o")).unwrap();
    fs::write(place.0.join("cut.o"), &cut[..cut.len() / 2]).unwrap();
    refused("cut.o", "invalid file type: cut.o");
}

#[test]
fn without_objects_there_is_an_image_of_the_clauses() {
    let place = Place::new("clauses");
    place.dtrace(&["-G", "-n", "dtrace:helper:ustack: { @a = count(); }"]);
    let output = place.run("readelf", &["-SW", "d.out"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains(".SUNW_dof"));
    for (flag, class) in [("-32", "ELF32"), ("-64", "ELF64")] {
        place.dtrace(&[flag, "-G", "-n", "BEGIN", "-o", "x.o"]);
        let output = place.run("readelf", &["-h", "x.o"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains(class), "{flag}");
    }
    place.dtrace(&["-x", "linktype=dof", "-G", "-n", "BEGIN", "-o", "x.dof"]);
    assert!(fs::read(place.0.join("x.dof")).unwrap().starts_with(b"\x7fDOF"));
}
