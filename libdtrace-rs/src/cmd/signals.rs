//! Signals: an interrupt ends tracing, a second one ends it without printing aggregations.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

extern "C" fn interrupted(_signal: libc::c_int) {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
}

/// Lets SIGPIPE end the process, as it does other commands.
pub(super) fn default_pipe() {
    // SAFETY: the default action is no handler of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Counts interrupts from now on, also those that the parent had ignored: a shell ignores SIGINT for what it runs in the
/// background, where `kill -INT` is nevertheless the way to ask for the aggregations.
pub(super) fn catch() {
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

/// Sleeps until the time is over or a signal comes.
pub(super) fn sleep(time: Duration) {
    let seconds = libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX);
    let wanted = libc::timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() };
    // SAFETY: the time is ours, and what is left of it is not asked for.
    unsafe { libc::nanosleep(&wanted, std::ptr::null_mut()) };
}
