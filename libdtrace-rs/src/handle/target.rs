//! The processes of `-c` and `-p`.
//!
//! With the embedded engine a process is traced by ptrace, which the engine's tracer does ([`Tracee`]). With the driver the
//! kernel does the tracing: a process that is created waits behind its exec until tracing has begun and is then let go
//! for good; one that is grabbed is only watched.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use dtrace_user::Tracee;

use crate::error::{Code, Error, Result};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By exit, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It is gone, and whose child it was knows how.
    Unknown,
}

/// A process that was created or grabbed.
#[derive(Debug)]
pub struct Target {
    pid: u32,
    kind: Kind,
    ended: Option<Exit>,
    /// Whether somebody has been told of its end.
    seen: bool,
}

#[derive(Debug)]
enum Kind {
    /// The embedded engine's tracer has it.
    Traced(Tracee),
    /// Our child, stopped behind its exec until it is resumed.
    Child { child: Child, waiting: bool },
    /// Somebody else's, watched through a file descriptor of the process.
    Watched(File),
}

impl Target {
    /// Starts a program and stops it behind its exec.
    pub(super) fn create(command: &[String], embedded: bool) -> Result<Target> {
        let Some((program, _)) = command.split_first() else { return Err(Error::Sys(libc::EINVAL)) };
        if embedded {
            let strings = command.iter().map(|word| CString::new(word.as_str()));
            let args: Vec<CString> =
                strings.collect::<std::result::Result<_, _>>().map_err(|_| Error::Sys(libc::EINVAL))?;
            let path = CString::new(find(program)?).map_err(|_| Error::Sys(libc::EINVAL))?;
            let tracee = Tracee::create(&path, &args)?;
            return Ok(Target { pid: tracee.pid(), kind: Kind::Traced(tracee), ended: None, seen: false });
        }
        let mut starter = Command::new(program);
        starter.args(&command[1..]);
        // SAFETY: between fork and exec only ptrace is called, which is a plain system call.
        unsafe {
            starter.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let child = starter.spawn()?;
        let pid = child.id();
        let mut status = 0;
        // SAFETY: the status is ours to write; the child is stopped by its exec, which this waits for.
        let waited = unsafe { libc::waitpid(pid.cast_signed(), &mut status, 0) };
        if waited < 0 || !libc::WIFSTOPPED(status) {
            return Err(Error::Sys(libc::ECHILD));
        }
        Ok(Target { pid, kind: Kind::Child { child, waiting: true }, ended: None, seen: false })
    }

    /// Takes a running process.
    pub(super) fn grab(pid: u32, embedded: bool) -> Result<Target> {
        if embedded {
            let tracee = Tracee::grab(pid)?;
            return Ok(Target { pid, kind: Kind::Traced(tracee), ended: None, seen: false });
        }
        // SAFETY: the call takes a number and flags; pidfd_open has no wrapper in the C library of old systems.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if fd < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        let fd = i32::try_from(fd).map_err(|_| Code::NoMemory)?;
        // SAFETY: the descriptor is new and nobody else's.
        let file = unsafe { File::from_raw_fd(fd) };
        Ok(Target { pid, kind: Kind::Watched(file), ended: None, seen: false })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets it run.
    pub fn resume(&mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Traced(tracee) => tracee.resume(),
            Kind::Child { waiting, .. } if *waiting => {
                *waiting = false;
                // SAFETY: the process is ours, stopped, and traced by this thread; it is let go.
                if unsafe { libc::ptrace(libc::PTRACE_DETACH, self.pid, 0, 0) } < 0 {
                    return Err(std::io::Error::last_os_error().into());
                }
            }
            Kind::Child { .. } | Kind::Watched(_) => {}
        }
        Ok(())
    }

    /// Whether it has ended and nobody has been told.
    pub fn is_news(&mut self) -> bool {
        !self.seen && self.exit().is_some()
    }

    /// Somebody has been told of its end.
    pub fn seen(&mut self) {
        self.seen = true;
    }

    /// How it ended; none while it lives.
    pub fn exit(&mut self) -> Option<Exit> {
        if self.ended.is_some() {
            return self.ended;
        }
        self.ended = match &mut self.kind {
            Kind::Traced(tracee) => tracee.exit().map(|exit| match exit {
                dtrace_user::Exit::Code(code) => Exit::Code(code),
                dtrace_user::Exit::Signal(signal) => Exit::Signal(signal),
            }),
            Kind::Child { waiting: true, .. } => None,
            Kind::Child { child, .. } => {
                use std::os::unix::process::ExitStatusExt;
                child.try_wait().ok().flatten().map(|status| match (status.code(), status.signal()) {
                    (Some(code), _) => Exit::Code(code),
                    (None, Some(signal)) => Exit::Signal(signal),
                    _ => Exit::Unknown,
                })
            }
            Kind::Watched(file) => {
                let mut poll = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
                // SAFETY: one structure, live and ours; with no time the call does not wait.
                (unsafe { libc::poll(&mut poll, 1, 0) } > 0).then_some(Exit::Unknown)
            }
        };
        self.ended
    }
}

impl Drop for Target {
    /// A child that never ran is ended; everybody else runs on.
    fn drop(&mut self) {
        if let Kind::Child { child, waiting: true } = &mut self.kind {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The path of a program that is looked for as a shell does.
fn find(program: &str) -> Result<String> {
    if program.contains('/') {
        return Ok(program.to_string());
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_string());
    let mut candidates = path.split(':').map(|directory| format!("{directory}/{program}"));
    let executable = |candidate: &String| {
        let Ok(name) = CString::new(candidate.as_str()) else { return false };
        // SAFETY: the name is a string with a NUL.
        unsafe { libc::access(name.as_ptr(), libc::X_OK) == 0 }
    };
    candidates.find(executable).ok_or(Error::Sys(libc::ENOENT))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn ended(target: &mut Target) -> Exit {
        let start = Instant::now();
        loop {
            if let Some(exit) = target.exit() {
                return exit;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the process does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_created_process_runs_when_it_is_resumed() {
        let command = ["sh", "-c", "exit 7"].map(String::from);
        let mut target = Target::create(&command, false).unwrap();
        assert_eq!(target.exit(), None);
        target.resume().unwrap();
        assert_eq!(ended(&mut target), Exit::Code(7));
    }

    #[test]
    fn a_process_that_was_never_resumed_ends_with_its_handle() {
        let target = Target::create(&["sleep", "60"].map(String::from), false).unwrap();
        let pid = target.pid();
        drop(target);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_grabbed_process_is_watched_and_lives_on() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut target = Target::grab(child.id(), false).unwrap();
        target.resume().unwrap();
        assert_eq!(target.exit(), None);
        drop(target);
        assert!(child.try_wait().unwrap().is_none());
        let mut target = Target::grab(child.id(), false).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(ended(&mut target), Exit::Unknown);
    }

    #[test]
    fn what_is_not_there_cannot_be_had() {
        assert!(Target::create(&["/nonexistent/program".to_string()], false).is_err());
        assert!(matches!(Target::grab(0x3fff_fff0, false), Err(Error::Sys(libc::ESRCH | libc::EINVAL))));
        assert!(find("sh").unwrap().ends_with("/sh"));
        assert_eq!(find("no-such-program-anywhere"), Err(Error::Sys(libc::ENOENT)));
    }
}
