//! Signals: an interrupt ends tracing, a second one ends it without printing aggregations.

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// A descriptor that is readable once there was an interrupt, whichever thread took it; -1 before signals are caught.
static ALARM: AtomicI32 = AtomicI32::new(-1);

extern "C" fn interrupted(_signal: libc::c_int) {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
    let one = 1u64;
    // SAFETY: write may be called in a signal handler, and takes the eight bytes of the number. That it may fail (the
    // descriptor is full, or none) changes nothing: the interrupt is counted. errno is saved by nobody who would read it:
    // the threads that take signals are in calls that fail with EINTR.
    unsafe { libc::write(ALARM.load(Ordering::Relaxed), (&raw const one).cast(), size_of::<u64>()) };
}

/// Lets SIGPIPE end the process, as it does other commands.
pub(super) fn default_pipe() {
    // SAFETY: the default action is no handler of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Lets the process leave a core file as large as it may be.
pub(super) fn allow_core() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take a structure that is live and ours. That it may fail changes nothing else.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_CORE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_CORE, &limit);
        }
    }
}

/// Counts interrupts from now on, also those that the parent had ignored: a shell ignores SIGINT for what it runs in the
/// background, where `kill -INT` is nevertheless the way to ask for the aggregations.
pub(super) fn catch() {
    // SAFETY: the call takes two numbers. The descriptor stays open as long as the process.
    ALARM.store(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }, Ordering::Relaxed);
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1] {
        // SAFETY: a zeroed action is a valid one.
        let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
        new.sa_sigaction = interrupted as *const () as usize;
        // SAFETY: the handler only adds to an atomic number, which signal handlers may. Without SA_RESTART a sleep ends.
        unsafe { libc::sigaction(signal, &new, std::ptr::null_mut()) };
    }
}

/// How many interrupts there were.
pub(super) fn count() -> u32 {
    INTERRUPTS.load(Ordering::Relaxed)
}

/// Sleeps until the time is over or there was an interrupt.
pub(super) fn sleep(time: Duration) {
    let mut poll = libc::pollfd { fd: ALARM.load(Ordering::Relaxed), events: libc::POLLIN, revents: 0 };
    // Rounded up: a wait that ends too early would only begin again.
    let milliseconds = i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: one structure, live and ours; a negative descriptor is passed over.
    unsafe { libc::poll(&mut poll, 1, milliseconds) };
}
