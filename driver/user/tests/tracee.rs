//! Processes are created stopped, run when they are told to, and are never harmed by being let go.

use dtrace_user::{Exit, Tracee};
use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn create(words: &[&str]) -> std::io::Result<Tracee> {
    let words: Vec<CString> = words.iter().map(|word| CString::new(*word).expect("no NUL")).collect();
    Tracee::create(&words[0], &words, None)
}

#[test]
fn a_created_process_runs_only_when_it_is_resumed() {
    let tracee = create(&["sh", "-c", "exit 7"]).expect("a shell");
    assert_eq!(tracee.wait(Duration::from_millis(200)), None);
    tracee.resume();
    assert_eq!(tracee.wait(LONG), Some(Exit::Code(7)));
}

#[test]
fn one_that_runs_untraced_is_still_waited_for() {
    let tracee =
        create(&["sh", "-c", "grep -q 'TracerPid:.0$' /proc/self/status && exit 4"]).expect("a shell");
    tracee.resume_untraced();
    assert_eq!(tracee.wait(LONG), Some(Exit::Code(4)));
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let error = create(&["/nonexistent/program"]).expect_err("no such program");
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
}

#[test]
fn a_signal_that_kills_it_is_reported() {
    let tracee = create(&["sh", "-c", "kill -TERM $$"]).expect("a shell");
    tracee.resume();
    assert_eq!(tracee.wait(LONG), Some(Exit::Signal(libc::SIGTERM)));
}

#[test]
fn its_children_and_their_signals_work_as_without_tracing() {
    let tracee = create(&[
        "sh",
        "-c",
        "a=$(sleep 0.05; echo hi | cat | cat); (kill -USR1 $$) ; trap 'exit 9' USR1; [ $a = hi ]",
    ]);
    let tracee = tracee.expect("a shell");
    tracee.resume();
    assert_eq!(tracee.wait(LONG), Some(Exit::Signal(libc::SIGUSR1)));
}

#[test]
fn a_grabbed_process_runs_on_when_it_is_released() {
    // Somebody else's child: whoever waits for a traced child of his own process takes the tracer's stops away.
    let script = "sleep 0.5 & echo $!; wait $!; echo status $?";
    let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().expect("a shell");
    let mut lines =
        BufReader::new(shell.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let pid = lines.next().and_then(|line| line.parse().ok()).expect("a process id");
    let tracee = Tracee::grab(pid).expect("a process of ours");
    assert_eq!(tracee.pid(), pid);
    drop(tracee);
    assert_eq!(lines.next().as_deref(), Some("status 0"));
    shell.wait().expect("our child");
}

#[test]
fn a_process_that_is_not_there_cannot_be_grabbed() {
    assert!(Tracee::grab(0x3fff_fff0).is_err());
}
