//! The built-in variables mean what their documentation says, where this process is the engine's machine: what a traced program
//! says of itself is what D says of it.
//!
//! The program is the one that the guest's tests trace (compat-tests/guest/programs/witness.c), so that the two hosts are
//! asked the same. Without a C compiler the tests are skipped, and say so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The program, compiled once.
fn witness() -> Option<&'static Path> {
    static WITNESS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = WITNESS.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compat-tests/guest/programs/witness.c");
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witness");
        let flags = ["-std=gnu11", "-O1", "-pthread", "-o"];
        match Command::new("cc").args(flags).arg(&binary).arg(&source).stdin(Stdio::null()).output() {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                Some(binary)
            }
            Err(error) => {
                println!("skipped: no C compiler: {error}");
                None
            }
        }
    });
    made.as_deref()
}

/// Traces the program in one of its parts. What it says, and what the probes say, line by line.
fn trace(name: &str, d: &str, part: &str) -> Option<(Vec<String>, Vec<String>)> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("told-by-{name}"));
    let _ = std::fs::remove_file(&file);
    let command = format!("{} {part}", witness()?.display());
    let output = Command::new(env!("CARGO_BIN_EXE_dtrace"))
        .env("DTRACE_DEV", "embedded")
        .args(["-q", "-w", "-n", d, "-c", &command, "-o"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = std::fs::read_to_string(&file).unwrap_or_default();
    let complained = String::from_utf8_lossy(&output.stderr);
    let lines =
        |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (said, told) = (lines(&String::from_utf8_lossy(&output.stdout)), lines(&told));
    assert!(!told.is_empty(), "{complained}");
    Some((said, told))
}

fn numbers(line: &str, radix: u32) -> Vec<i64> {
    line.split_ascii_whitespace().map(|word| i64::from_str_radix(word, radix).unwrap()).collect()
}

#[test]
fn pid_is_the_process_and_tid_the_thread() {
    let d = r#"syscall::getppid:entry /pid == $target/ { printf("%d %d %d %d %d\n", pid, tid, ppid, uid, gid); }"#;
    let Some((said, told)) = trace("who", d, "who") else { return };
    assert_eq!(told, said);
    let ids = numbers(&told[0], 10);
    assert_ne!(ids[0], ids[1], "the call is a second thread's");
}

#[test]
fn the_parts_of_the_name_and_the_time_of_day() {
    let d = r#"syscall::getppid:entry /pid == $target/ { printf("%s %s %s:%s:%s:%s %d\n", execname, zonename, probeprov,
        probemod, probefunc, probename, walltimestamp / 1000000000); }"#;
    let Some((_, told)) = trace("names", d, "who") else { return };
    let (names, seconds) = told[0].rsplit_once(' ').unwrap();
    assert_eq!(names, "witness global syscall:x64:getppid:entry");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((0..60).contains(&(now - seconds.parse::<u64>().unwrap())), "{seconds}");
}

#[test]
fn vtimestamp_is_time_on_the_cpu() {
    let d = r#"syscall::getpgid:entry /pid == $target && arg0 == 1/ { self->v = vtimestamp; self->t = timestamp; }
        syscall::getpgid:entry /pid == $target && arg0 == 2/ {
            printf("%d %d\n", (vtimestamp - self->v) / 1000000, (timestamp - self->t) / 1000000); }"#;
    let Some((said, told)) = trace("time", d, "time") else { return };
    let (times, spent) = (numbers(&told[0], 10), numbers(&said[0], 10)[0]);
    assert!((times[0] - spent).abs() <= 50, "{} ms of {spent} ms", times[0]);
    assert!(times[1] >= spent + 290, "it slept, too: {} ms", times[1]);
}

#[test]
fn uregs_are_the_threads_registers() {
    let d = r#"syscall::getpgid:entry /pid == $target && arg0 == 7/ { printf("%x %d %d %d %x %x\n", uregs[45], uregs[4] == arg0,
        uregs[27] == 7, uregs[13], uregs[15], uregs[37]); }"#;
    let Some((said, told)) = trace("regs", d, "regs") else { return };
    assert_eq!(
        told[0],
        format!("{} 1 1 121 33 33", said[0]),
        "fs base, rdi twice, the call's number, cs twice"
    );
}

#[test]
fn ucaller_and_ustackdepth_see_the_callers() {
    let d = r#"syscall::getpgid:entry /pid == $target && arg0 == 7/ { printf("%x %x\n", ucaller, ustackdepth); }"#;
    let Some((said, told)) = trace("frames", d, "frames") else { return };
    let (range, found) = (numbers(&said[0], 16), numbers(&told[0], 16));
    assert!((range[0]..range[1]).contains(&found[0]), "{found:x?} in {range:x?}");
    assert!(found[1] >= 3, "{found:?}");
}

#[test]
fn errno_is_that_of_the_call_that_returns() {
    let d = r#"syscall::close:return /pid == $target && (arg1 < 0 || arg1 == 0)/ { printf("%d %d %d\n", arg0, arg1, errno); }"#;
    let Some((_, told)) = trace("errors", d, "errors") else { return };
    assert!(told.contains(&"-1 -9 9".to_owned()), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("0 0 0"));
}

#[test]
fn d_path_takes_a_descriptor_here() {
    let files: String =
        (10..20).map(|fd| format!(r#"printf("%s\n", stringof(d_path((struct file *){fd})));"#)).collect();
    let d = format!("syscall::getpgid:entry /pid == $target && arg0 == 7/ {{ {files} }}");
    let Some((said, told)) = trace("files", &d, "files") else { return };
    assert_eq!(told, said);
}

#[test]
fn progenyof_knows_ancestors_and_nobody_else() {
    let d = r#"syscall::getppid:entry /pid == $target/ { printf("%d %d %d %d\n", progenyof($target), progenyof(pid),
        progenyof(ppid), progenyof(999999)); }"#;
    let Some((_, told)) = trace("progeny", d, "who") else { return };
    assert_eq!(told, ["1 1 1 0"]);
}

#[test]
fn copyout_changes_the_process_and_no_other_signal_reaches_it_than_was_raised() {
    let d = r#"syscall::getcwd:entry /pid == $target/ { self->b = arg0; }
        syscall::getcwd:return /self->b/ { copyoutstr("DTr", self->b, 4); printf("done\n"); }"#;
    let Some((said, _)) = trace("memory", d, "memory") else { return };
    assert_eq!(said, ["DTr"]);
    let d = r#"syscall::getppid:entry /pid == $target && n++ == 3/ { printf("now\n"); raise(15); }"#;
    let Some((said, told)) = trace("raise", d, "wait") else { return };
    assert_eq!((said, told), (vec!["ready".to_owned()], vec!["now".to_owned()]), "and then it has ended");
}
