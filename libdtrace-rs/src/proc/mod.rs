//! Processes: what `-c COMMAND` starts and `-p PID` names.
//!
//! A process is held from the moment it is created or grabbed until [`Process::resume`]: created ones stand behind their exec,
//! before their first instruction, so that no event of theirs is missed. How it runs then depends on who sees its system
//! calls. With the embedded engine it is this process, by ptrace. With the driver nobody needs to trace it: it runs free, and
//! only its end is waited for; a grabbed one is not even stopped, and is watched through a descriptor of it.
//!
//! What always holds: a process that was grabbed is never killed or left stopped, whatever becomes of this one. One that was
//! created and never resumed is killed when it is dropped.

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use dtrace_user::{Exit, Tracee};

/// Who sees the system calls of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracer {
    /// The embedded engine: this process.
    Embedded,
    /// The driver.
    Driver,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By exit, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// Unknown how: it was somebody else's child.
    Gone,
}

/// The name of a signal: SIGKILL.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    const NAMES: [&str; 32] = [
        "EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
        "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let name = usize::try_from(signal).ok().and_then(|signal| NAMES.get(signal));
    name.map_or_else(|| format!("SIG#{signal}"), |name| format!("SIG{name}"))
}

/// Why there is no process to trace.
#[derive(Debug)]
pub enum ProcessError {
    /// The command has no word.
    Empty,
    /// The command has a NUL in it.
    Nul,
    /// The program could not be executed.
    Execute(String, io::Error),
    /// The process could not be grabbed.
    Grab(u32, io::Error),
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessError::Empty => f.write_str("failed to execute command: no command specified"),
            ProcessError::Nul => f.write_str("failed to execute command: NUL character in command"),
            ProcessError::Execute(program, error) => {
                write!(f, "failed to execute {program}: {}", reason(error))
            }
            ProcessError::Grab(pid, error) => write!(f, "failed to grab pid {pid}: {}", reason(error)),
        }
    }
}

impl std::error::Error for ProcessError {}

/// The system's words for an error, without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ESRCH) => "no such process".into(),
        Some(libc::EPERM) => "permission denied".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

/// What is different in the environment of a process that is created, in order: names, with their values or none.
pub type Changes = [(String, Option<String>)];

/// The environment of this process with changes; none without any.
fn environment(changes: &Changes) -> Result<Option<Vec<CString>>, ProcessError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let mut variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    for (name, value) in changes {
        variables.retain(|(known, _)| known != name.as_str());
        variables.extend(value.as_ref().map(|value| (name.into(), value.into())));
    }
    let joined = variables.into_iter().map(|(name, value)| {
        let bytes = [name.as_bytes(), b"=", value.as_bytes()].concat();
        CString::new(bytes).map_err(|_| ProcessError::Nul)
    });
    joined.collect::<Result<_, _>>().map(Some)
}

/// A process that was created or grabbed.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Traced(Tracee, Tracer),
    Watched(OwnedFd),
}

impl Process {
    /// Starts a command, given as its words, and holds it behind its exec. The program is looked up in PATH.
    pub fn create(
        words: &[impl AsRef<OsStr>],
        changes: &Changes,
        tracer: Tracer,
    ) -> Result<Process, ProcessError> {
        let program = words.first().ok_or(ProcessError::Empty)?.as_ref();
        Process::create_program(program, words, changes, tracer)
    }

    /// Starts a program with these words, of which the first is what it calls itself.
    pub fn create_program(
        program: &OsStr,
        words: &[impl AsRef<OsStr>],
        changes: &Changes,
        tracer: Tracer,
    ) -> Result<Process, ProcessError> {
        let string = |word: &OsStr| CString::new(word.as_bytes()).map_err(|_| ProcessError::Nul);
        let args: Vec<CString> = words.iter().map(|word| string(word.as_ref())).collect::<Result<_, _>>()?;
        let environment = environment(changes)?;
        let tracee = Tracee::create(&string(program)?, &args, environment.as_deref())
            .map_err(|error| ProcessError::Execute(program.to_string_lossy().into_owned(), error))?;
        Ok(Process { pid: tracee.pid(), kind: Kind::Traced(tracee, tracer) })
    }

    /// Starts a command line, split at blanks as the original does: quotes mean nothing.
    pub fn create_line(
        command: impl AsRef<OsStr>,
        changes: &Changes,
        tracer: Tracer,
    ) -> Result<Process, ProcessError> {
        let words = command.as_ref().as_bytes().split(u8::is_ascii_whitespace);
        let words: Vec<&OsStr> = words.filter(|word| !word.is_empty()).map(OsStr::from_bytes).collect();
        Process::create(&words, changes, tracer)
    }

    /// Takes hold of a running process.
    pub fn grab(pid: u32, tracer: Tracer) -> Result<Process, ProcessError> {
        let refused = |error| ProcessError::Grab(pid, error);
        let kind = match tracer {
            Tracer::Embedded => Kind::Traced(Tracee::grab(pid).map_err(refused)?, tracer),
            Tracer::Driver => Kind::Watched(descriptor(pid).map_err(refused)?),
        };
        Ok(Process { pid, kind })
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets it run.
    pub fn resume(&self) {
        match &self.kind {
            Kind::Traced(tracee, Tracer::Embedded) => tracee.resume(),
            Kind::Traced(tracee, Tracer::Driver) => tracee.resume_untraced(),
            Kind::Watched(_) => {}
        }
    }

    /// How it ended; None while it lives.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.wait(Duration::ZERO)
    }

    /// Waits for its end, no longer than `limit`.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<End> {
        match &self.kind {
            Kind::Traced(tracee, _) => tracee.wait(limit).map(|exit| match exit {
                Exit::Code(code) => End::Exited(code),
                Exit::Signal(signal) => End::Killed(signal),
            }),
            Kind::Watched(descriptor) => readable(descriptor, limit).then_some(End::Gone),
        }
    }
}

/// A descriptor that becomes readable when the process ends.
fn descriptor(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: the call takes two integers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(descriptor) {
        // SAFETY: the kernel has just made it, and nobody else knows it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        // The kernel says EINVAL for what is a thread and no process, and for 0.
        _ => Err(match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EINVAL) => io::Error::from_raw_os_error(libc::ESRCH),
            error => error,
        }),
    }
}

/// Whether the descriptor becomes readable within `limit`.
fn readable(descriptor: &OwnedFd, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        // SAFETY: the address is of one live pollfd.
        let got = unsafe { libc::poll(&raw mut poll, 1, i32::try_from(left).unwrap_or(i32::MAX)) };
        if got > 0 {
            return true;
        }
        // A signal is no reason to stop waiting, but the caller's limit is.
        if got == 0 || Instant::now() >= deadline {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_command_runs_when_it_is_resumed_whoever_traces_it() {
        for tracer in [Tracer::Embedded, Tracer::Driver] {
            let process = Process::create(&["sh", "-c", "exit 5"], &[], tracer).expect("a shell");
            assert_eq!(process.wait(Duration::from_millis(50)), None);
            process.resume();
            assert_eq!(process.wait(LONG), Some(End::Exited(5)));
        }
    }

    #[test]
    fn a_command_has_the_environment_that_was_asked_for() {
        let changes = [("CHANGED", Some("a=b")), ("PATH_OF_NONE", Some("x")), ("PATH_OF_NONE", None)];
        let changes = changes.map(|(name, value)| (name.to_string(), value.map(str::to_string)));
        let script = "test \"$CHANGED\" = a=b && test -z \"${PATH_OF_NONE+set}\" && test -n \"$PATH\"";
        for tracer in [Tracer::Embedded, Tracer::Driver] {
            let process = Process::create(&["sh", "-c", script], &changes, tracer).expect("a shell");
            process.resume();
            assert_eq!(process.wait(LONG), Some(End::Exited(0)));
        }
    }

    #[test]
    fn a_command_that_cannot_be_executed_says_which_and_why() {
        let error =
            Process::create_line("/nonexistent/program x", &[], Tracer::Driver).expect_err("no such program");
        assert_eq!(error.to_string(), "failed to execute /nonexistent/program: No such file or directory");
        assert!(matches!(Process::create_line("  ", &[], Tracer::Driver), Err(ProcessError::Empty)));
    }

    #[test]
    fn a_process_that_is_not_there_cannot_be_grabbed() {
        for tracer in [Tracer::Embedded, Tracer::Driver] {
            let error = Process::grab(0x3fff_fff0, tracer).expect_err("no such process");
            assert_eq!(error.to_string(), "failed to grab pid 1073741808: no such process");
        }
    }

    #[test]
    fn the_end_of_a_watched_process_is_noticed() {
        let mut child = Command::new("sleep").arg("0.1").spawn().expect("sleep");
        let process = Process::grab(child.id(), Tracer::Driver).expect("our child");
        assert_eq!(process.end(), None);
        assert_eq!(process.wait(LONG), Some(End::Gone));
        child.wait().expect("our child");
    }
}
