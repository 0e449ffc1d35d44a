//! The tracer: one thread that owns every process of ours by ptrace.
//!
//! Only the thread that attached to a process may use ptrace on it, so everything happens in this thread: creating,
//! grabbing, resuming, and the system call stops at which the `syscall` provider fires. Other threads send commands.
//!
//! What always holds:
//! * The thread waits for its own children and tracees only (`__WNOTHREAD`), so a program that links this library keeps
//!   the exits of its own children.
//! * A process that was created or grabbed stays stopped until it is resumed; from then on it never stays stopped, whatever
//!   it does. When this process dies, for whatever reason, the kernel lets all of them run on.
//! * A process that was only grabbed is never killed.
//!
//! waitpid cannot also wait for commands. While there are tracees, a child that waits at a pipe stands in for the command
//! queue: a byte makes it exit, which makes waitpid return. Rejected: polling (a millisecond a stop), and a signal handler
//! (signals belong to the program that links the library).

use crate::current::{self, Traced};
use crate::{maps, syscall};
use std::collections::HashMap;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By exit, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What the rest of the process sees of a traced one.
#[derive(Debug, Default)]
struct Watch {
    exit: Mutex<Option<Exit>>,
    ended: Condvar,
}

impl Watch {
    fn end(&self, exit: Exit) {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(exit);
        self.ended.notify_all();
    }
}

/// A process that was created or grabbed. Dropping it releases the process: one that was grabbed runs on, and so does one
/// that was created, unless it was never resumed, in which case it is killed.
#[derive(Debug)]
pub struct Tracee {
    pid: u32,
    watch: Arc<Watch>,
}

impl Tracee {
    /// Starts a program and stops it behind its exec: nothing of it has run yet. Without an environment of its own, of
    /// `NAME=VALUE`, it has that of this process.
    pub fn create(
        program: &CString,
        args: &[CString],
        environment: Option<&[CString]>,
    ) -> io::Result<Tracee> {
        let environment = environment.map(<[CString]>::to_vec);
        ask(|reply| Command::Create { program: program.clone(), args: args.to_vec(), environment, reply })
    }

    /// Attaches to a running process and stops it.
    ///
    /// If it is a child of this process, nothing else here may wait for it meanwhile: wait() by another thread would take
    /// its stops from the tracer.
    pub fn grab(pid: u32) -> io::Result<Tracee> {
        ask(|reply| Command::Grab { pid, reply })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets it run, traced.
    pub fn resume(&self) {
        send(Command::Resume { pid: self.pid });
    }

    /// Lets it run untraced, where somebody else (the driver) sees its system calls. Its end is still noticed if it was
    /// created here.
    pub fn resume_untraced(&self) {
        send(Command::Free { pid: self.pid });
    }

    /// How it ended, None while it lives.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        *self.watch.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for it to end, no longer than `limit`.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<Exit> {
        let exit = self.watch.exit.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.watch.ended.wait_timeout_while(exit, limit, |exit| exit.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        send(Command::Release { pid: self.pid });
    }
}

type Reply = Sender<io::Result<Tracee>>;

enum Command {
    Create {
        program: CString,
        args: Vec<CString>,
        environment: Option<Vec<CString>>,
        reply: Reply,
    },
    Grab {
        pid: u32,
        reply: Reply,
    },
    Resume {
        pid: u32,
    },
    /// It runs on untraced, and its end is waited for.
    Free {
        pid: u32,
    },
    Release {
        pid: u32,
    },
    /// System calls have become wanted: running threads must be stopped once to be resumed with stops at system calls.
    Rearm,
}

/// The way to the tracer's thread.
struct Line {
    commands: Mutex<Sender<Command>>,
    bell: OwnedFd,
}

static LINE: OnceLock<io::Result<Line>> = OnceLock::new();

fn line() -> io::Result<&'static Line> {
    LINE.get_or_init(start).as_ref().map_err(|error| io::Error::from(error.kind()))
}

fn start() -> io::Result<Line> {
    let mut ends = [0; 2];
    // SAFETY: the address is of two live ints.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made both, and nobody else knows them.
    let (listen, bell) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    let (sender, receiver) = mpsc::channel();
    let far_bell = bell.try_clone()?;
    thread::Builder::new().name("dtrace-tracer".into()).spawn(move || {
        Tracer {
            commands: receiver,
            listen,
            bell: far_bell,
            stand_in: None,
            processes: HashMap::new(),
            threads: HashMap::new(),
        }
        .run();
    })?;
    Ok(Line { commands: Mutex::new(sender), bell })
}

fn send(command: Command) {
    let Ok(line) = line() else { return };
    // The tracer's thread lives as long as the process.
    let _ = line.commands.lock().unwrap_or_else(PoisonError::into_inner).send(command);
    // SAFETY: one byte from a live buffer. A full pipe would mean that a wake-up is already under way.
    unsafe { libc::write(line.bell.as_raw_fd(), [0u8].as_ptr().cast(), 1) };
}

fn ask(command: impl FnOnce(Reply) -> Command) -> io::Result<Tracee> {
    line()?;
    let (reply, answer) = mpsc::channel();
    send(command(reply));
    answer.recv().unwrap_or_else(|_| Err(io::Error::other("the tracer has ended")))
}

/// System calls have become wanted by the `syscall` provider. Nothing happens if nothing was ever traced.
pub(crate) fn rearm() {
    if LINE.get().is_some() {
        send(Command::Rearm);
    }
}

/// One traced process: one that was created or grabbed, or a descendant of it.
struct Process {
    /// The process that was created or grabbed; it goes with it when that is released.
    root: u32,
    watch: Arc<Watch>,
    /// It stays stopped: it was created or grabbed and not resumed yet.
    held: bool,
    created: bool,
    /// It runs untraced, and only its end is waited for.
    free: bool,
    /// Somebody waits for its exec.
    reply: Option<Reply>,
}

/// One traced thread.
struct Thread {
    pid: u32,
    key: u64,
    /// It is stopped, and must be resumed with this signal.
    stopped: Option<i32>,
    /// The system call it is in.
    call: Option<syscall::Call>,
}

struct Tracer {
    commands: Receiver<Command>,
    listen: OwnedFd,
    bell: OwnedFd,
    stand_in: Option<libc::pid_t>,
    processes: HashMap<u32, Process>,
    threads: HashMap<u32, Thread>,
}

const OPTIONS: i32 = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT;

/// A ptrace request without an address, with a number for data.
fn ptrace(request: libc::c_uint, tid: u32, data: usize) -> io::Result<()> {
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: the requests used with this function read and write nothing through their arguments.
    match unsafe { libc::ptrace(request, tid.cast_signed(), none, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The number that goes with an event stop.
fn event_message(tid: u32) -> u32 {
    let mut message: libc::c_ulong = 0;
    // SAFETY: PTRACE_GETEVENTMSG writes one unsigned long to the address it is given.
    unsafe {
        libc::ptrace(
            libc::PTRACE_GETEVENTMSG,
            tid.cast_signed(),
            ptr::null_mut::<libc::c_void>(),
            &raw mut message,
        )
    };
    message as u32
}

impl Tracer {
    fn run(mut self) {
        loop {
            if self.is_idle() {
                match self.commands.recv() {
                    Ok(command) => self.obey(command),
                    Err(_) => return,
                }
            }
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            if self.is_idle() {
                continue;
            }
            self.stand_in();
            let mut status = 0;
            // SAFETY: the address is of a live int.
            let tid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
            if Some(tid) == self.stand_in {
                self.stand_in = None;
            } else if let Ok(tid) = u32::try_from(tid) {
                self.stopped(tid, status);
            } else if io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) {
                self.threads.clear();
                self.processes.clear();
            }
        }
    }

    /// Whether there is nothing to wait for but commands.
    fn is_idle(&self) -> bool {
        self.threads.is_empty() && !self.processes.values().any(|process| process.created)
    }

    /// Sees to it that a command makes waitpid return.
    fn stand_in(&mut self) {
        if self.stand_in.is_some() {
            return;
        }
        // SAFETY: the child calls only what is async-signal-safe: close, read, _exit.
        match unsafe { libc::fork() } {
            0 => {
                let mut byte = 0u8;
                // SAFETY: the descriptors are this process's own; the byte is live; _exit does not return. Without its
                // copy of the bell the child sees the end of the pipe when its parent dies.
                unsafe {
                    libc::close(self.bell.as_raw_fd());
                    if let Some(Ok(line)) = LINE.get() {
                        libc::close(line.bell.as_raw_fd());
                    }
                    libc::read(self.listen.as_raw_fd(), (&raw mut byte).cast(), 1);
                    libc::_exit(0);
                }
            }
            -1 => {}
            child => self.stand_in = Some(child),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Create { program, args, environment, reply } => {
                self.create(&program, &args, environment.as_deref(), reply);
            }
            Command::Grab { pid, reply } => {
                let answer = self.grab(pid);
                // Who asked may have given up.
                let _ = reply.send(answer);
            }
            Command::Resume { pid } => {
                if let Some(process) = self.processes.get_mut(&pid) {
                    process.held = false;
                    self.resume_all(pid);
                }
            }
            Command::Free { pid } => {
                if let Some(process) = self.processes.get_mut(&pid) {
                    process.held = false;
                    process.free = true;
                    self.let_go(|thread, _| thread.pid == pid);
                }
            }
            Command::Release { pid } => self.release(pid),
            Command::Rearm => {
                for (&tid, thread) in &self.threads {
                    if thread.stopped.is_none() {
                        // A thread that is about to stop by itself refuses; that is as good.
                        let _ = ptrace(libc::PTRACE_INTERRUPT, tid, 0);
                    }
                }
            }
        }
    }

    /// Starts a program. The answer is sent when its exec has succeeded or failed.
    fn create(&mut self, program: &CString, args: &[CString], environment: Option<&[CString]>, reply: Reply) {
        match self.spawn(program, args, environment) {
            Ok(pid) => {
                let process = Process {
                    root: pid,
                    watch: Arc::default(),
                    held: true,
                    created: true,
                    free: false,
                    reply: Some(reply),
                };
                self.processes.insert(pid, process);
                let thread = Thread { pid, key: current::thread_key(pid), stopped: None, call: None };
                self.threads.insert(pid, thread);
            }
            Err(error) => {
                let _ = reply.send(Err(error));
            }
        }
    }

    /// Forks a child that is attached to before it executes the program.
    fn spawn(&self, program: &CString, args: &[CString], environment: Option<&[CString]>) -> io::Result<u32> {
        let list = |words: &[CString]| -> Vec<*const libc::c_char> {
            words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
        };
        let (argv, environment) = (list(args), environment.map(list));
        let mut ends = [0; 2];
        // SAFETY: the address is of two live ints.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made both, and nobody else knows them.
        let (wait, go) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
        // SAFETY: the child calls only what is async-signal-safe.
        let child = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                let mut byte = 0u8;
                // SAFETY: the buffers are live; a child that is not attached to within the life of its parent sees the end
                // of the pipe and leaves; both lists end with null; the exit status is the errno of the exec.
                unsafe {
                    libc::close(go.as_raw_fd());
                    if libc::read(wait.as_raw_fd(), (&raw mut byte).cast(), 1) == 1 {
                        let mut none: libc::sigset_t = std::mem::zeroed();
                        libc::sigemptyset(&raw mut none);
                        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
                        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
                        match &environment {
                            Some(own) => libc::execvpe(program.as_ptr(), argv.as_ptr(), own.as_ptr()),
                            None => libc::execvp(program.as_ptr(), argv.as_ptr()),
                        };
                    }
                    libc::_exit(*libc::__errno_location());
                }
            }
            child => child.cast_unsigned(),
        };
        if let Err(error) = ptrace(libc::PTRACE_SEIZE, child, OPTIONS as usize) {
            // SAFETY: it is our child, which has run nothing yet.
            unsafe { libc::kill(child.cast_signed(), libc::SIGKILL) };
            return Err(error);
        }
        // SAFETY: one byte from a live buffer.
        unsafe { libc::write(go.as_raw_fd(), [0u8].as_ptr().cast(), 1) };
        Ok(child)
    }

    /// Attaches to all threads of a process and stops them.
    fn grab(&mut self, pid: u32) -> io::Result<Tracee> {
        if let Some(process) = self.processes.get(&pid) {
            return Ok(Tracee { pid, watch: Arc::clone(&process.watch) });
        }
        // New threads may appear while the old ones are being attached to: once more until no new one is found.
        loop {
            let mut found = false;
            let tasks = fs::read_dir(format!("/proc/{pid}/task"))
                .map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
            for entry in tasks {
                let Some(tid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                    continue;
                };
                if self.threads.contains_key(&tid) {
                    continue;
                }
                match ptrace(libc::PTRACE_SEIZE, tid, OPTIONS as usize) {
                    Ok(()) => {
                        found = true;
                        let thread = Thread { pid, key: current::thread_key(tid), stopped: None, call: None };
                        self.threads.insert(tid, thread);
                        let _ = ptrace(libc::PTRACE_INTERRUPT, tid, 0);
                    }
                    // A thread other than the first may have ended meanwhile.
                    Err(_) if tid != pid => {}
                    Err(error) => return Err(error),
                }
            }
            if !found {
                break;
            }
        }
        let watch = Arc::<Watch>::default();
        let process = Process {
            root: pid,
            watch: Arc::clone(&watch),
            held: true,
            created: false,
            free: false,
            reply: None,
        };
        self.processes.insert(pid, process);
        Ok(Tracee { pid, watch })
    }

    /// Nobody looks at the process any more: it runs on untraced. One that never ran is killed.
    fn release(&mut self, pid: u32) {
        let Some(process) = self.processes.remove(&pid) else { return };
        if process.created && process.held {
            // SAFETY: it is our child, stopped behind its exec: nobody else knows of it.
            unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
            return;
        }
        self.processes.retain(|_, other| other.root != pid);
        self.let_go(|thread, processes| !processes.contains_key(&thread.pid));
    }

    /// Lets the threads that `which` picks run on untraced.
    fn let_go(&mut self, which: impl Fn(&Thread, &HashMap<u32, Process>) -> bool) {
        let picked = |thread: &Thread| which(thread, &self.processes);
        let tids: Vec<u32> = self.threads.iter().filter(|(_, t)| picked(t)).map(|(&tid, _)| tid).collect();
        for tid in tids {
            // A running thread must be stopped to be let go; it is detached in that stop.
            if self.threads.get(&tid).is_some_and(|t| t.stopped.is_some()) {
                self.detach(tid);
            } else {
                let _ = ptrace(libc::PTRACE_INTERRUPT, tid, 0);
            }
        }
    }

    fn detach(&mut self, tid: u32) {
        let signal = self.threads.remove(&tid).and_then(|thread| thread.stopped).unwrap_or(0);
        let _ = ptrace(libc::PTRACE_DETACH, tid, signal as usize);
    }

    fn resume_all(&mut self, pid: u32) {
        let stopped: Vec<(u32, i32)> = self
            .threads
            .iter()
            .filter(|(_, thread)| thread.pid == pid)
            .filter_map(|(&tid, thread)| Some((tid, thread.stopped?)))
            .collect();
        for (tid, signal) in stopped {
            self.resume(tid, signal);
        }
    }

    /// Lets a stopped thread run on with `signal` (0 for none), unless its process is held.
    fn resume(&mut self, tid: u32, signal: i32) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        if self.processes.get(&thread.pid).is_some_and(|process| process.held) {
            thread.stopped = Some(signal);
            return;
        }
        thread.stopped = None;
        let request = if syscall::wanted() { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT };
        // It may have been killed meanwhile; then its exit comes next.
        let _ = ptrace(request, tid, signal as usize);
    }

    /// waitpid has reported a thread.
    fn stopped(&mut self, tid: u32, status: i32) {
        if libc::WIFEXITED(status) {
            self.gone(tid, Exit::Code(libc::WEXITSTATUS(status)));
            return;
        }
        if libc::WIFSIGNALED(status) {
            self.gone(tid, Exit::Signal(libc::WTERMSIG(status)));
            return;
        }
        let signal = libc::WSTOPSIG(status);
        let event = status >> 16;
        let pid = match self.threads.get(&tid) {
            Some(thread) => thread.pid,
            None => self.adopt(tid, None),
        };
        // Released or freed meanwhile: this was the stop in which it can be let go.
        if self.processes.get(&pid).is_none_or(|process| process.free) {
            if let Some(thread) = self.threads.get_mut(&tid) {
                thread.stopped = Some(if event == 0 && signal & 0x80 == 0 { signal } else { 0 });
            }
            self.detach(tid);
            return;
        }
        match event {
            0 if signal == libc::SIGTRAP | 0x80 => {
                self.system_call(tid, pid);
                self.resume(tid, 0);
            }
            0 => self.resume(tid, signal),
            libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                let child = event_message(tid);
                if !self.threads.contains_key(&child) {
                    self.adopt(child, Some(pid));
                }
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_EXEC => {
                let former = event_message(tid);
                if former != tid {
                    let call = self.threads.remove(&former).and_then(|thread| thread.call);
                    if let Some(thread) = self.threads.get_mut(&tid) {
                        thread.call = call;
                    }
                }
                if let Some(process) = self.processes.get_mut(&pid)
                    && let Some(reply) = process.reply.take()
                {
                    let tracee = Tracee { pid, watch: Arc::clone(&process.watch) };
                    // Who asked may have given up: then the Tracee comes back and its drop releases the process.
                    drop(reply.send(Ok(tracee)));
                }
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_EXIT => {
                // What it has mapped goes next. With the other threads still there it is not the last to know.
                if tid == pid
                    || !self.threads.iter().any(|(&other, thread)| other != tid && thread.pid == pid)
                {
                    maps::note(pid);
                }
                // It is as good as gone: it is not held.
                let _ = ptrace(libc::PTRACE_CONT, tid, 0);
            }
            libc::PTRACE_EVENT_STOP
                if matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) =>
            {
                // A stop by job control: it stays stopped as the user wants it, and tells when that ends.
                let _ = ptrace(libc::PTRACE_LISTEN, tid, 0);
            }
            _ => self.resume(tid, 0),
        }
    }

    /// A thread that a traced one has made, in the same process or in a new one. Returns its process. `maker` is None if the
    /// thread's first stop came before its maker's.
    fn adopt(&mut self, tid: u32, maker: Option<u32>) -> u32 {
        let pid = current::status(tid, "Tgid").unwrap_or(tid);
        self.threads.insert(tid, Thread { pid, key: current::thread_key(tid), stopped: None, call: None });
        let maker =
            maker.or_else(|| current::status(pid, "PPid")).and_then(|maker| self.processes.get(&maker));
        if let Some(root) = maker.map(|maker| maker.root) {
            self.processes.entry(pid).or_insert_with(|| Process {
                root,
                watch: Arc::default(),
                held: false,
                created: false,
                free: false,
                reply: None,
            });
        }
        pid
    }

    /// A thread has ended; with the last one its process.
    fn gone(&mut self, tid: u32, exit: Exit) {
        let pid = self.threads.remove(&tid).map_or(tid, |thread| thread.pid);
        // The first thread's exit is reported last, when all others are gone.
        if tid != pid {
            return;
        }
        let Some(process) = self.processes.remove(&pid) else { return };
        if let Some(reply) = process.reply {
            // It ended before its exec: the exit status is the errno.
            let error = match exit {
                Exit::Code(errno) => io::Error::from_raw_os_error(errno),
                Exit::Signal(_) => io::Error::other("killed before it ran"),
            };
            let _ = reply.send(Err(error));
        }
        process.watch.end(exit);
    }

    /// A thread is at the entry or the exit of a system call.
    fn system_call(&mut self, tid: u32, pid: u32) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        match syscall::at_stop(tid) {
            Some(syscall::Stop::Entry(call)) => {
                thread.call = Some(call);
                if call.is_exec() {
                    maps::note(pid);
                }
                let traced = Traced { pid, tid, key: thread.key, result: None };
                traced.during(|| syscall::enter(call));
            }
            Some(syscall::Stop::Exit(result)) => {
                // A new child's first stop is the exit of a call that it did not enter; the call returns in the parent.
                if let Some(call) = thread.call.take() {
                    let traced = Traced { pid, tid, key: thread.key, result: Some(result) };
                    traced.during(|| syscall::leave(call, result));
                }
            }
            None => {}
        }
    }
}
