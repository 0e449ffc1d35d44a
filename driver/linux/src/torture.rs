//! Cross-calls under torture: files under /proc/dtrace that do what they say when they are read. Only with the feature
//! `torture`, for the guest tests in `compat-tests/guest/xcall`; never in a driver that is installed.
//!
//! The reader is the caller: the tests start one on each CPU.

use crate::crowd;
use crate::driver::engine;
use crate::ffi;
use crate::proc::{Entry, Text};
use crate::xcall;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use dtrace_engine::mem::try_filled;
use dtrace_xcall::{Call, Report, Served};

pub(crate) const ENTRIES: &[Entry] = &[
    Entry { name: c"torture-calls", mode: 0o400, show: calls },
    Entry { name: c"torture-nested", mode: 0o400, show: nested },
    Entry { name: c"torture-timers", mode: 0o400, show: timers },
    Entry { name: c"torture-spin", mode: 0o400, show: spin },
    Entry { name: c"torture-wait", mode: 0o400, show: wait },
    Entry { name: c"torture-nmi", mode: 0o400, show: |out| once(out, true) },
    Entry { name: c"torture-plain", mode: 0o400, show: |out| once(out, false) },
    Entry { name: c"torture-many", mode: 0o400, show: |out| each(out, MANY) },
    Entry { name: c"torture-one", mode: 0o400, show: |out| each(out, 1) },
    Entry { name: c"torture-times", mode: 0o400, show: times },
    Entry { name: c"torture-probes", mode: 0o400, show: crowd::gather },
];

unsafe extern "C" {
    fn host_torture_expedited();
    fn host_torture_broadcast();
}

/// Calls of one reader.
const CALLS: u64 = 300;

unsafe fn add_one(argument: *mut (), _served: Served) {
    // SAFETY: the argument of every call here is a counter that lives as long as the call, or as the module.
    unsafe { &*argument.cast::<AtomicU64>() }.fetch_add(1, Ordering::Relaxed);
}

/// Runs of calls that nobody borrows for.
static RUNS: AtomicU64 = AtomicU64::new(0);

fn all() -> core::ops::Range<usize> {
    // SAFETY: no preconditions.
    let cpus = unsafe { ffi::host_cpu_ids() };
    0..cpus as usize
}

/// Calls everyone, the caller's CPU too.
fn call_all(runs: &AtomicU64, nmi: bool, borrows: bool) -> Option<Report> {
    let argument = (&raw const *runs).cast_mut().cast();
    // SAFETY: no probe context and no NMI; the counter lives until the call is over, or for ever if it does not borrow.
    unsafe { xcall::call(all(), &Call { function: add_one, argument, nmi, borrows }) }.ok()
}

fn uninterrupted<R>(f: impl FnOnce() -> R) -> R {
    let mut flags = 0;
    // SAFETY: `flags` is a live u64, and is given back as it came.
    unsafe { ffi::host_enter(&raw mut flags) };
    let result = f();
    // SAFETY: as above.
    unsafe { ffi::host_leave(flags) };
    result
}

/// Calls everyone, again and again, with interrupts on and off: each call is answered by each, exactly once.
fn calls(out: &mut Text<'_>) -> fmt::Result {
    let (mut answered, mut ran, mut incomplete) = (0, 0, 0u64);
    for n in 0..CALLS {
        let runs = AtomicU64::new(0);
        let call = || call_all(&runs, n % 3 == 0, true);
        match if n % 2 == 0 { call() } else { uninterrupted(call) } {
            Some(report) if report.is_complete() => answered += u64::from(report.answered),
            _ => incomplete += 1,
        }
        ran += runs.load(Ordering::Relaxed);
    }
    writeln!(out, "calls={CALLS} answered={answered} ran={ran} incomplete={incomplete}")
}

/// How often a call's function ran, and that of the call within it.
#[derive(Default)]
struct Nest {
    outer: AtomicU64,
    inner: AtomicU64,
}

/// Counts, and on the CPU of the caller calls everyone.
unsafe fn call_within(argument: *mut (), served: Served) {
    // SAFETY: the argument is a `Nest` that lives as long as the call.
    let nest = unsafe { &*argument.cast::<Nest>() };
    nest.outer.fetch_add(1, Ordering::Relaxed);
    if served == Served::Here {
        call_all(&nest.inner, false, true);
    }
}

/// Calls everyone from within a call to everyone.
fn nested(out: &mut Text<'_>) -> fmt::Result {
    let nest = Nest::default();
    let argument = (&raw const nest).cast_mut().cast();
    // SAFETY: no probe context and no NMI; what is borrowed lives until the call is over.
    let report =
        unsafe { xcall::call(all(), &Call { function: call_within, argument, nmi: false, borrows: true }) };
    let complete = report.is_ok_and(|report| report.is_complete());
    let (outer, inner) = (nest.outer.into_inner(), nest.inner.into_inner());
    writeln!(out, "complete={complete} outer={outer} inner={inner}")
}

/// What the timers have done.
static TICKS: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Whether a timer is one of these.
pub(crate) fn is_mine(cookie: *const c_void) -> bool {
    cookie == (&raw const TICKS).cast()
}

/// A timer has expired on this CPU, perhaps in the middle of a call: calls everyone, and waits for all probes.
pub(crate) fn tick() {
    let runs = AtomicU64::new(0);
    let well = call_all(&runs, false, true).is_some_and(|report| {
        report.is_complete() && u64::from(report.answered) == runs.load(Ordering::Relaxed)
    }) && engine().synchronize_here().is_ok();
    TICKS.fetch_add(1, Ordering::Relaxed);
    FAILED.fetch_add(u64::from(!well), Ordering::Relaxed);
}

/// A timer on every CPU that calls, for five seconds.
fn timers(out: &mut Text<'_>) -> fmt::Result {
    TICKS.store(0, Ordering::Relaxed);
    FAILED.store(0, Ordering::Relaxed);
    let Ok(mut started) = try_filled(all().len(), core::ptr::null_mut()) else { return Ok(()) };
    for (cpu, timer) in started.iter_mut().enumerate() {
        // SAFETY: process context; no preconditions; process context.
        unsafe {
            if ffi::host_cpu_online(cpu as u32) {
                *timer = ffi::host_timer_start(cpu as u32, 50_000_000, (&raw const TICKS).cast_mut().cast());
            }
        }
    }
    // SAFETY: process context.
    unsafe { ffi::host_sleep_us(5_000_000) };
    for timer in started.into_iter().filter(|timer| !timer.is_null()) {
        // SAFETY: process context; the handle came from `host_timer_start`.
        unsafe { ffi::host_timer_stop(timer) };
    }
    writeln!(out, "ticks={} failed={}", TICKS.load(Ordering::Relaxed), FAILED.load(Ordering::Relaxed))
}

/// A CPU has its interrupts off.
static SPINS: AtomicU64 = AtomicU64::new(0);

/// Two seconds with interrupts off.
fn spin(out: &mut Text<'_>) -> fmt::Result {
    uninterrupted(|| {
        SPINS.store(1, Ordering::SeqCst);
        // SAFETY: no preconditions.
        let begin = unsafe { ffi::host_timestamp() };
        // SAFETY: as above.
        while unsafe { ffi::host_timestamp() } - begin < 2_000_000_000 {
            // SAFETY: as above.
            unsafe { ffi::host_relax() };
        }
        SPINS.store(0, Ordering::SeqCst);
    });
    writeln!(out, "spun")
}

/// Returns when a CPU has its interrupts off.
fn wait(_out: &mut Text<'_>) -> fmt::Result {
    while SPINS.load(Ordering::SeqCst) == 0 {
        // SAFETY: process context.
        unsafe { ffi::host_sleep_us(1_000) };
    }
    Ok(())
}

/// One call of everyone, which may or may not be answered in an NMI; it borrows nothing, so it can be given up.
fn once(out: &mut Text<'_>, nmi: bool) -> fmt::Result {
    // SAFETY: no preconditions.
    let begin = unsafe { ffi::host_timestamp() };
    let report = call_all(&RUNS, nmi, false);
    // SAFETY: as above.
    let ms = (unsafe { ffi::host_timestamp() } - begin) / 1_000_000;
    match report {
        Some(Report { answered, offline, revoked, orphaned }) => writeln!(
            out,
            "answered={answered} offline={offline} revoked={revoked} orphaned={orphaned} ms={ms}"
        ),
        None => writeln!(out, "refused"),
    }
}

/// How often dtrace_sync is done in place of once, from now on.
static TIMES: AtomicU32 = AtomicU32::new(1);
const MANY: u32 = 200;

pub(crate) fn grace_periods() -> u32 {
    TIMES.load(Ordering::Relaxed)
}

fn each(out: &mut Text<'_>, times: u32) -> fmt::Result {
    TIMES.store(times, Ordering::Relaxed);
    writeln!(out, "syncs={times}")
}

/// Median and 99th percentile of each way to wait for all CPUs, in nanoseconds.
fn times(out: &mut Text<'_>) -> fmt::Result {
    writeln!(out, "{:28}{:>12}{:>12}", "ns", "median", "p99")?;
    row(out, "dtrace_sync", || engine().synchronize())?;
    row(out, "cross-call to all", || {
        let _ = call_all(&RUNS, true, false);
    })?;
    // SAFETY: process context, all three.
    row(out, "IPI broadcast", || unsafe { host_torture_broadcast() })?;
    // SAFETY: as above.
    row(out, "synchronize_rcu_expedited", || unsafe { host_torture_expedited() })?;
    // SAFETY: as above.
    row(out, "synchronize_rcu", || unsafe { ffi::host_synchronize() })
}

fn row(out: &mut Text<'_>, name: &str, what: impl Fn()) -> fmt::Result {
    const TIMES: usize = 100;
    let Ok(mut times): Result<Vec<u64>, _> = try_filled(TIMES, 0) else { return Ok(()) };
    for time in &mut times {
        // SAFETY: no preconditions.
        let begin = unsafe { ffi::host_timestamp() };
        what();
        // SAFETY: as above.
        *time = unsafe { ffi::host_timestamp() } - begin;
    }
    times.sort_unstable();
    let at = |n: usize| times.get(n).copied().unwrap_or(0);
    writeln!(out, "{name:28}{:>12}{:>12}", at(TIMES / 2), at(TIMES * 99 / 100))
}
