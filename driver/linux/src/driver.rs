//! The driver's one engine, and the module's beginning and end.

use crate::ffi;
use crate::host::Linux;
use crate::place::Place;
use crate::{anonymous, device, log, memory, proc, process, profile, syscall, xcall};
use dtrace_engine::errno::Errno;
use dtrace_engine::mem::try_box;
use dtrace_engine::{Dtrace, Firing, Privileges, Probe, Provider, ProviderInfo};

/// The engine, between `rs_init` and `rs_exit`.
static ENGINE: Place<Dtrace<Linux>> = Place::new();

/// The engine.
pub(crate) fn engine() -> &'static Dtrace<Linux> {
    ENGINE.get()
}

/// Fires a probe.
pub(crate) fn fire(probe: &Probe<Linux>, firing: &Firing<'_>) {
    engine().fire(probe, firing);
}

const SYSCALL: ProviderInfo<'static> = ProviderInfo {
    name: "syscall",
    attributes: dtrace_engine::syscall::STABILITY,
    privileges: Privileges::USER,
    uid: 0,
};

const PROFILE: ProviderInfo<'static> = ProviderInfo {
    name: "profile",
    attributes: dtrace_engine::interval::STABILITY,
    privileges: Privileges::KERNEL.with(Privileges::USER),
    uid: 0,
};

/// Registers a provider of this crate.
#[inline(never)]
fn register(info: &ProviderInfo<'_>, provider: impl Provider<Linux> + 'static) -> Result<(), Errno> {
    engine().register(info, try_box(provider)?)?;
    Ok(())
}

/// Makes everything that can be opened.
#[inline(never)]
fn start() -> Result<(), i32> {
    let refused = |error: Errno| -(error as i32);
    // SAFETY: process context, and nothing fires yet.
    unsafe { ffi::host_defer_init() };
    // SAFETY: no preconditions.
    if unsafe { ffi::host_destructive_disallowed() } {
        engine().disallow_destructive();
    }
    register(&SYSCALL, syscall::Syscall).map_err(refused)?;
    register(&PROFILE, profile::Profile).map_err(refused)?;
    proc::add()?;
    // Before anybody can open a node and ask for it.
    anonymous::begin();
    device::add().inspect_err(|_| {
        anonymous::end();
        proc::remove();
    })
}

/// Makes the engine. Not inlined: it is large, and goes from hand to hand.
#[inline(never)]
fn make() -> Result<(), Errno> {
    ENGINE.fill(Dtrace::new(Linux::new()?)?);
    Ok(())
}

/// The module is loaded. Nothing of the driver runs yet.
#[unsafe(no_mangle)]
extern "C" fn rs_init() -> i32 {
    if let Err(error) = xcall::start() {
        return -(error as i32);
    }
    if let Err(error) = make() {
        xcall::stop();
        return -(error as i32);
    }
    // SAFETY: process context; the engine is there.
    let error = unsafe { ffi::host_housekeep_start() };
    if error != 0 {
        ENGINE.empty();
        xcall::stop();
        return error;
    }
    match start() {
        Ok(()) => {
            log::line(format_args!("loaded, version {}", env!("CARGO_PKG_VERSION")));
            0
        }
        Err(error) => {
            drop_engine();
            error
        }
    }
}

/// The module is unloaded: no node is open, so there is no consumer but an anonymous state that nobody has claimed. When that is
/// gone, no hook is attached.
#[unsafe(no_mangle)]
extern "C" fn rs_exit() {
    device::remove();
    anonymous::end();
    proc::remove();
    process::unwatch();
    drop_engine();
    match memory::held() {
        (0, 0) => log::line(format_args!("unloaded")),
        (bytes, blocks) => log::line(format_args!("unloaded, but lost {bytes} bytes in {blocks} blocks")),
    }
}

#[inline(never)]
fn drop_engine() {
    // SAFETY: process context; waits for the housekeeper, the last that may use the engine, and for signals under way.
    unsafe {
        ffi::host_housekeep_stop();
        ffi::host_defer_wait();
    }
    profile::forget();
    ENGINE.empty();
    xcall::stop();
}

/// How long the housekeeper rests when no consumer wants anything of it.
const IDLE: u64 = 100_000_000;

/// The engine's periodic work; the next delay in nanoseconds.
#[unsafe(no_mangle)]
extern "C" fn rs_housekeep() -> u64 {
    engine().exclusively(profile::revise);
    engine().housekeep().unwrap_or(IDLE).min(IDLE)
}

/// The machine is alive: this got to run.
#[unsafe(no_mangle)]
extern "C" fn rs_heartbeat() {
    engine().heartbeat();
}
