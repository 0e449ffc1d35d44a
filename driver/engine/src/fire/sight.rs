//! What a consumer sees of a firing: by its privileges, by its time, and by whether anybody gets to run under it (the deadman).
//!
//! Probe context. Consumers that may do everything are not asked here, but by the deadman.

use core::sync::atomic::Ordering;

use crate::control::Dtrace;
use crate::cpu::Cpu;
use crate::ecb::Ecb;
use crate::host::{Firing, Host};
use crate::housekeeping::SILENCE_MAX;
use crate::interp::Moment;
use crate::probe::Probe;
use crate::provider::Privileges;
use crate::state::{Activity, State};

/// How long ago the machine may have been found alive, in nanoseconds (contract 3).
const DEADMAN_LIMIT: u64 = 10_000_000_000;

/// What a consumer sees of a firing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// It does not even know of it.
    Nothing,
    /// That it fired.
    Blind,
    /// What its privileges allow.
    All,
}

impl<H: Host> Dtrace<H> {
    /// Whether the consumer of an ECB is limited, and its time in this firing is over: that is an error each, which nobody is told of.
    /// Otherwise its time begins, if it has not yet.
    pub(super) fn is_late(&self, moment: &Moment<'_, H>, ecb: &Ecb) -> bool {
        let state = ecb.state();
        if !state.is_limited() || self.host.timestamp() <= moment.until() {
            return false;
        }
        // SAFETY: probe context, and the consumer is not INACTIVE.
        let run = unsafe { state.run() };
        if let Some(buffers) = run.buffers_of(moment.cpu()) {
            // SAFETY: probe context on the CPU of the buffers, and nobody has a writer.
            unsafe { buffers.principal.writer() }.count_error();
            buffers.errors.add_one();
        }
        true
    }

    /// What the consumer sees of the firing, in all cases.
    #[inline(never)]
    pub(super) fn sight(&self, probe: &Probe<H>, firing: &Firing<'_>, state: &State) -> Sight {
        match probe.is_builtin() {
            false if state.is_active() => self.sight_of_thread(probe, firing, state),
            false if state.is_doubted() => {
                let sight = self.sight_of_thread(probe, firing, state);
                if sight != Sight::Nothing && self.is_dead(state) {
                    state.advance(Activity::Active, Activity::Killed);
                    return Sight::Nothing;
                }
                sight
            }
            true if firing.args.first() == Some(&state.key) && self.runs_builtin(probe, state) => Sight::All,
            _ => Sight::Nothing,
        }
    }

    /// Whether a probe of the `dtrace` provider is processed. What a clause of BEGIN has ended, the next does not begin.
    fn runs_builtin(&self, probe: &Probe<H>, state: &State) -> bool {
        state.runs_builtin()
            && (state.activity() == Activity::Warmup || !core::ptr::eq(probe, self.builtin.begin()))
    }

    /// The deadman: sees whether the machine is still alive. If not, the next firing looks again, whosoever it is.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&self, local: &Cpu, now: u64, probe: &Probe<H>, firing: &Firing<'_>) {
        let alive = self.alive.load(Ordering::Relaxed);
        if self.host.timestamp().saturating_sub(alive) <= DEADMAN_LIMIT {
            local.looked.store(now, Ordering::Relaxed);
        } else {
            self.end_dead(probe, firing);
        }
    }

    /// Ends those consumers of the probe under which nobody gets to run any more.
    fn end_dead(&self, probe: &Probe<H>, firing: &Firing<'_>) {
        // SAFETY: probe context, and the references do not leave it.
        for ecb in unsafe { probe.ecbs.iter() } {
            let state = ecb.state();
            if self.sight(probe, firing, state) != Sight::Nothing && self.is_dead(state) {
                state.advance(Activity::Active, Activity::Killed);
            }
        }
    }

    /// Whether nobody gets to run under a consumer. Who may do destructive things to the kernel is left alone.
    fn is_dead(&self, state: &State) -> bool {
        let heard = state.heard();
        let alive = self.alive.load(Ordering::Relaxed).min(heard.saturating_add(SILENCE_MAX)).max(heard);
        if self.host.timestamp().saturating_sub(alive) <= DEADMAN_LIMIT {
            return false;
        }
        // SAFETY: the consumer is not INACTIVE.
        !(unsafe { state.run() }.destructive && state.privileges.has(Privileges::ALL))
    }

    /// What the consumer may see of this firing. A consumer that may not look into the kernel sees user mode, and of its own processes
    /// only unless it may see those of others (contract 1.3). A probe that is about no thread fires for it, too, but it sees
    /// nothing of whatever thread happens to run.
    fn sight_of_thread(&self, probe: &Probe<H>, firing: &Firing<'_>, state: &State) -> Sight {
        if state.access.kernel {
            return Sight::All;
        }
        let visible = state.access.sees_only.is_none_or(|owner| self.host.is_owned_by(owner.uid, owner.gid));
        if visible && probe.provider().usermode(probe, firing) {
            Sight::All
        } else if probe.provider().is_about_thread(probe) {
            Sight::Nothing
        } else {
            Sight::Blind
        }
    }
}
