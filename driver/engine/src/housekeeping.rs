//! What must be done from time to time: while consumers trace, cleaning dynamic variables and speculations, and the deadman;
//! always, what has become of processes with helpers ([`crate::helper`]).
//!
//! Process context, called by the host: a kernel thread or work item, a thread of the process. Never from an interrupt,
//! so waiting for a grace period is allowed; one wait serves all consumers.
//!
//! # The deadman (contract 3)
//!
//! Tracing can make a machine so slow that nobody gets to stop it. So once a second [`Dtrace::heartbeat`] notes that the machine
//! is alive, for all consumers that have asked for their STATUS within the last 30 seconds. A probe that fires more than 10
//! seconds after the last such note (nobody got to note it, or the consumer did not ask) moves the consumer to KILLED.
//! Probes look at the clock for this when the host's coarse one has moved on, or every thousandth time ([`crate::fire`]). The
//! anonymous state has nobody who could ask: the housekeeper is heard in its place.
//!
//! Whoever is silent for too long is doubted: each of its firings takes the long way then, and looks. So it ends at its next
//! firing, however rare those are, and whoever else keeps the processor busy; and the others' cost nothing more for it.
//!
//! The note waits for nothing but a processor, and above all not for the control mutex: who holds that for long (clearing many
//! gigabytes of buffers) keeps the housekeeper waiting on a machine that is as alive as can be.

use core::sync::atomic::Ordering;

use dtrace_abi::option;

use crate::control::Dtrace;
use crate::host::Host;
use crate::session::Session;
use crate::state::{Activity, State};

/// How often there is something to do at least, in nanoseconds.
const INTERVAL: u64 = 1_000_000_000;
/// For how long a machine is found alive under a consumer that is silent, in nanoseconds (contract 3).
pub(crate) const SILENCE_MAX: u64 = 30_000_000_000;

impl<H: Host> Dtrace<H> {
    /// The machine is alive: somebody has got to run and says so. The host sees to it that this is called once a second, by a
    /// thread that waits for nothing else. Any context.
    pub fn heartbeat(&self) {
        self.alive.store(self.host.timestamp(), Ordering::Relaxed);
    }

    /// Does what is due, and says in how many nanoseconds it wants to be called again; None while nobody traces (call
    /// again after the next GO, or once a second).
    pub fn housekeep(&self) -> Option<u64> {
        self.heartbeat();
        self.reap_helpers();
        let mut control = self.control();
        let now = self.host.timestamp();
        let mut next: Option<u64> = None;
        let mut rinsing = false;
        let anonymous = control.anonymous;
        for session in control.sessions.iter_mut().filter(|s| is_tracing(s)) {
            let state = session.state();
            if anonymous == Some(session.id) {
                state.hear(now);
            } else if now.saturating_sub(state.heard()) > SILENCE_MAX {
                state.doubt();
            }
            let rate = session.options.get(option::CLEANRATE).unwrap_or(INTERVAL);
            let mut due = INTERVAL;
            // SAFETY: control path.
            if !unsafe { state.run() }.speculations.is_none() {
                self.clean_speculations(state);
                due = due.min(rate);
            }
            // SAFETY: control path.
            if let Some(variables) = unsafe { state.run() }.variables.dynvars() {
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

impl<H: Host> Dtrace<H> {
    /// Has every CPU move or clear its parts of the speculations that are to be ended, and makes them free. For a CPU that is
    /// offline it is done here.
    ///
    /// A CPU that is in a probe just now keeps its parts, and the speculations are tried again the next time.
    pub(crate) fn clean_speculations(&self, state: &State) {
        // SAFETY: control path.
        let run = unsafe { state.run() };
        if run.speculations.ending() == 0 {
            return;
        }
        let mut everywhere = true;
        for (cpu, buffers) in run.buffers.iter().enumerate() {
            let Some(buffers) = buffers else { continue };
            // SAFETY: called only in probe context on the CPU, or while the CPU is offline.
            let clean = || unsafe {
                let mut writer = buffers.principal.writer();
                run.speculations.clean(cpu, &mut writer, |epid| run.size_of_record(epid));
            };
            let mut cleaned = false;
            let online = self.host.on_cpu(cpu, &mut || {
                let (here, saved) = self.host.enter();
                if let Some(local) = self.cpus.get(here).filter(|_| here == cpu)
                    && let Some(inside) = self.enter(local)
                {
                    local.unfired.add_one();
                    clean();
                    inside.leave();
                    cleaned = true;
                }
                self.host.leave(here, saved);
            });
            everywhere &= cleaned || (!online && self.host.while_offline(cpu, &mut || clean()));
        }
        if everywhere {
            run.speculations.release();
        }
    }
}

/// Whether probes may be firing for a consumer.
fn is_tracing(session: &Session) -> bool {
    (Activity::Warmup..=Activity::Draining).contains(&session.state().activity())
}
