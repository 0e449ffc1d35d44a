//! The `profile` provider: `profile-N` fires on every CPU, `tick-N` on one, N times a second or every N of a unit
//! (contract 4).
//!
//! arg0 is the kernel's program counter if the kernel was interrupted, arg1 the user's if user code was; the other is 0.
//! profile-N has in arg2 how many nanoseconds late the firing is.
//!
//! Mechanism: a hard interrupt timer pinned to each CPU, so that a firing is in interrupt context with interrupts off and
//! its registers are those that were interrupted.
//!
//! What always holds: the probes' cookies index `SOURCES`, which only grows, under the control mutex; a timer exists only
//! between `enable` and `disable`, and stopping it waits for a callback that runs. So a callback's probe is alive.

use crate::control::Control;
use crate::ffi;
use crate::host::{self, Linux};
use crate::regs::{Frame, PtRegs};
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;
use dtrace_engine::errno::Errno;
use dtrace_engine::interval::{self, Kind};
use dtrace_engine::mem::{TryPush, try_with_capacity};
use dtrace_engine::{Description, Firing, Probe, Provider, Registrar};

/// No more probes than this are made (contract 4).
const LIMIT: usize = 100;

/// In a probe's cookie: it is a tick. The rest is its index in `SOURCES`.
const TICK: usize = 1 << 16;

/// One probe's timing, and its timers while it is enabled.
struct Source {
    kind: Kind,
    interval: u64,
    timers: Vec<*mut ffi::host_timer>,
}

// SAFETY: the timers are handles of the kernel, used under the control mutex only.
unsafe impl Send for Source {}

static SOURCES: Control<Vec<Source>> = Control::new(Vec::new());

/// The provider.
pub(crate) struct Profile;

impl Profile {
    fn make(registrar: &mut Registrar<'_, Linux>, name: &[u8]) {
        let Some((kind, interval)) = interval::parse(name) else { return };
        if registrar.lookup(b"", b"", name).is_some() {
            return;
        }
        // SAFETY: providers are called with the control mutex held.
        let sources = unsafe { SOURCES.get() };
        if sources.len() >= LIMIT {
            return;
        }
        let cookie = sources.len() | if kind == Kind::Tick { TICK } else { 0 };
        if sources.try_push(Source { kind, interval, timers: Vec::new() }).is_ok()
            && registrar.create(b"", b"", name, AFRAMES, cookie).is_err()
        {
            sources.pop();
        }
    }
}

/// Gives the memory of what is known of the probes back. The engine, and with it all probes, is about to go.
pub(crate) fn forget() {
    // SAFETY: the module is going: nothing else of the driver runs.
    *unsafe { SOURCES.get() } = Vec::new();
}

/// A timer's callback has no frames of its own that `stack()` would show: it begins at the interrupted code.
const AFRAMES: u32 = 0;

impl Provider<Linux> for Profile {
    fn provide(&self, registrar: &mut Registrar<'_, Linux>, description: Option<&Description<'_>>) {
        match description {
            None => {
                for name in interval::STANDARD {
                    Self::make(registrar, name.as_bytes());
                }
            }
            Some(description) => Self::make(registrar, description.name),
        }
    }

    fn enable(&self, probe: &Probe<Linux>) -> Result<(), Errno> {
        // SAFETY: providers are called with the control mutex held.
        let sources = unsafe { SOURCES.get() };
        let source = sources.get_mut(probe.cookie() & !TICK).ok_or(Errno::EINVAL)?;
        // SAFETY: no preconditions.
        let cpus = unsafe { ffi::host_cpu_ids() };
        let mut timers = try_with_capacity(cpus as usize)?;
        for cpu in 0..cpus {
            // SAFETY: no preconditions.
            if !unsafe { ffi::host_cpu_online(cpu) } {
                continue;
            }
            let cookie = ptr::from_ref(probe).cast_mut().cast();
            // SAFETY: process context; the probe outlives the timer, which `disable` stops.
            let timer = unsafe { ffi::host_timer_start(cpu, source.interval, cookie) };
            if !timer.is_null() {
                timers.try_push(timer)?;
            }
            if source.kind == Kind::Tick && !timers.is_empty() {
                break;
            }
        }
        if timers.is_empty() {
            return Err(Errno::ENOMEM);
        }
        source.timers = timers;
        Ok(())
    }

    fn disable(&self, probe: &Probe<Linux>) {
        // SAFETY: providers are called with the control mutex held.
        let sources = unsafe { SOURCES.get() };
        let Some(source) = sources.get_mut(probe.cookie() & !TICK) else { return };
        for timer in core::mem::take(&mut source.timers) {
            // SAFETY: process context; the handle came from `host_timer_start` and is forgotten here.
            unsafe { ffi::host_timer_stop(timer) }
        }
    }

    fn is_about_thread(&self, probe: &Probe<Linux>) -> bool {
        probe.cookie() & TICK == 0
    }

    fn usermode(&self, _probe: &Probe<Linux>, firing: &Firing<'_>) -> bool {
        // The interrupted user's program counter is set only if user code was interrupted.
        firing.args.get(1).is_some_and(|&pc| pc != 0)
    }
}

/// A timer has expired: fires its probe. Hard interrupt context.
#[unsafe(no_mangle)]
extern "C" fn rs_timer(cookie: *mut c_void, timer: *const ffi::host_timer, regs: *const c_void) {
    #[cfg(feature = "torture")]
    if crate::torture::is_mine(cookie) {
        return crate::torture::tick();
    }
    if !host::may_fire() {
        return;
    }
    // SAFETY: the cookie is the probe that `enable` gave, which lives until the timer has been stopped.
    let probe = unsafe { &*cookie.cast::<Probe<Linux>>() };
    let regs = regs.cast::<PtRegs>();
    // SAFETY: null, or the interrupted registers on this CPU's stack.
    let (kernel, user) = match unsafe { regs.as_ref() } {
        Some(regs) if regs.is_user() => (0, regs.pc()),
        Some(regs) => (regs.pc(), 0),
        None => (0, 0),
    };
    // SAFETY: this is the callback of the timer.
    let late = unsafe { ffi::host_timer_late(timer) };
    let args = [kernel, user, late];
    let frame = Frame { result: None, interrupted: (kernel != 0).then_some(kernel) };
    crate::fire(probe, &Firing::with_regs(&args, (&raw const frame).cast()));
}
