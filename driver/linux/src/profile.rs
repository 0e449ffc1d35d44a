//! The `profile` provider: `profile-N` fires on every CPU, `tick-N` on one, N times a second or every N of a unit
//! (contract 4).
//!
//! arg0 is the kernel's program counter if the kernel was interrupted, arg1 the user's if user code was; the other is 0.
//! profile-N has in arg2 how many nanoseconds late the firing is.
//!
//! Mechanism: a hard interrupt timer pinned to each CPU, so that a firing is in interrupt context with interrupts off and
//! its registers are those that were interrupted.
//!
//! A processor may go offline, with a suspended machine all but one do: the kernel moves its timers to another one. There a
//! profile-N's timer ends itself, for that processor has one; a tick-N's goes on. The housekeeper gives a processor that has come (back)
//! its timer ([`revise`]), a tenth of a second later at most.
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
    /// The probe that they fire; null while it is not enabled.
    cookie: *mut c_void,
}

// SAFETY: the timers are handles of the kernel, used under the control mutex only; the cookie is not followed here.
unsafe impl Send for Source {}

static SOURCES: Control<Vec<Source>> = Control::new(Vec::new());

impl Source {
    /// Starts a timer on each processor that is online and has none; of a tick, one in all.
    fn start_missing(&mut self) {
        // SAFETY: no preconditions.
        let cpus = unsafe { ffi::host_cpu_ids() };
        for cpu in 0..cpus {
            if self.kind == Kind::Tick && !self.timers.is_empty() {
                break;
            }
            // SAFETY: the handles are alive; the rest has no preconditions.
            let has_one = self.timers.iter().any(|&timer| unsafe { ffi::host_timer_cpu(timer) } == cpu);
            // SAFETY: no preconditions.
            if has_one || !unsafe { ffi::host_cpu_online(cpu) } || self.timers.len() == self.timers.capacity()
            {
                continue;
            }
            // SAFETY: process context; the probe outlives the timer, which `disable` stops.
            let timer = unsafe { ffi::host_timer_start(cpu, self.interval, self.cookie) };
            if !timer.is_null() {
                // There is room for one.
                let _ = self.timers.try_push(timer);
            }
        }
    }

    /// Takes away the timers that have ended themselves.
    fn stop_ended(&mut self) {
        self.timers.retain(|&timer| {
            // SAFETY: the handle is alive.
            let runs = unsafe { ffi::host_timer_runs(timer) };
            if !runs {
                stop(timer);
            }
            runs
        });
    }
}

/// Stops a timer that is forgotten with this.
fn stop(timer: *mut ffi::host_timer) {
    // SAFETY: process context; the handle came from `host_timer_start`.
    unsafe { ffi::host_timer_stop(timer) }
}

/// Gives the probes that are enabled their timers on the processors that are online by now. Process context, control mutex held.
pub(crate) fn revise() {
    // SAFETY: the control mutex is held.
    for source in unsafe { SOURCES.get() }.iter_mut().filter(|source| !source.cookie.is_null()) {
        if source.kind == Kind::Profile {
            source.stop_ended();
            source.start_missing();
        }
    }
}

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
        if sources.try_push(Source { kind, interval, timers: Vec::new(), cookie: ptr::null_mut() }).is_ok()
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
        source.cookie = ptr::from_ref(probe).cast_mut().cast();
        // SAFETY: no preconditions.
        source.timers = try_with_capacity(unsafe { ffi::host_cpu_ids() } as usize)?;
        source.start_missing();
        if source.timers.is_empty() {
            source.cookie = ptr::null_mut();
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    fn disable(&self, probe: &Probe<Linux>) {
        // SAFETY: providers are called with the control mutex held.
        let sources = unsafe { SOURCES.get() };
        let Some(source) = sources.get_mut(probe.cookie() & !TICK) else { return };
        source.cookie = ptr::null_mut();
        for timer in core::mem::take(&mut source.timers) {
            stop(timer);
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
extern "C" fn rs_timer(cookie: *mut c_void, timer: *const ffi::host_timer, regs: *const c_void) -> bool {
    #[cfg(feature = "torture")]
    if crate::torture::is_mine(cookie) {
        crate::torture::tick();
        return true;
    }
    // SAFETY: the cookie is the probe that `enable` gave, which lives until the timer has been stopped.
    let probe = unsafe { &*cookie.cast::<Probe<Linux>>() };
    // SAFETY: this is the callback of the timer.
    if probe.cookie() & TICK == 0 && unsafe { ffi::host_timer_cpu(timer) != ffi::host_this_cpu() } {
        return false;
    }
    if !host::may_fire() {
        return true;
    }
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
    true
}
