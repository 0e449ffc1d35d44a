//! What must be done from time to time while consumers trace: cleaning dynamic variables, and the deadman.
//!
//! Process context, called by the host: a kernel thread or work item, a thread of the process. Never from an interrupt,
//! so waiting for a grace period is allowed; one wait serves all consumers.
//!
//! # The deadman (contract 3)
//!
//! Tracing can make a machine so slow that nobody gets to stop it. So once a second this notes, for each consumer that has
//! asked for its STATUS within the last 30 seconds, that the machine is alive. A probe that fires more than 10 seconds
//! after the last such note (this did not get to run, or the consumer did not) moves the consumer to KILLED. Probes look
//! at the clock for this only now and then ([`crate::fire`]).

use crate::control::Dtrace;
use crate::host::Host;
use crate::session::Session;
use crate::state::Activity;

/// How often the deadman looks, in nanoseconds.
const DEADMAN_INTERVAL: u64 = 1_000_000_000;
/// How long a consumer may be silent.
const SILENCE_MAX: u64 = 30_000_000_000;

impl<H: Host> Dtrace<H> {
    /// Does what is due, and says in how many nanoseconds it wants to be called again; None while nobody traces (call
    /// again after the next GO, or once a second).
    pub fn housekeep(&self) -> Option<u64> {
        let mut control = self.control();
        let now = self.host.timestamp();
        let mut next: Option<u64> = None;
        let mut rinsing = false;
        for session in control.sessions.iter_mut().filter(|s| is_tracing(s)) {
            let state = session.state();
            if now.wrapping_sub(session.heard) < SILENCE_MAX {
                state.keep_alive(now);
            }
            let mut due = DEADMAN_INTERVAL;
            // SAFETY: control path.
            if let Some(variables) = unsafe { state.run() }.variables.dynvars() {
                let rate = session.options.get(dtrace_abi::option::CLEANRATE).unwrap_or(DEADMAN_INTERVAL);
                let since = now.wrapping_sub(session.cleaned);
                if since >= rate {
                    rinsing |= variables.sweep();
                    session.cleaned = now;
                    due = due.min(rate);
                } else {
                    due = due.min(rate - since);
                }
            }
            next = Some(next.map_or(due, |next| next.min(due)));
        }
        if rinsing {
            self.synchronize();
            for session in &control.sessions {
                // SAFETY: control path.
                if let Some(variables) = unsafe { session.state().run() }.variables.dynvars() {
                    // SAFETY: every CPU has been outside of probe context since the sweep; without one there is nothing
                    // to reclaim.
                    unsafe { variables.reclaim() };
                }
            }
        }
        next
    }
}

/// Whether probes may be firing for a consumer.
fn is_tracing(session: &Session) -> bool {
    (Activity::Warmup..=Activity::Draining).contains(&session.state().activity())
}
