//! Hooks: the threads of ours that fire probes.
//!
//! A hook holds the gate for reading while it looks up and fires a probe; whoever has taken a probe away waits at the gate
//! for writing, and then knows that no hook still uses it. That is this host's grace period.

use crate::device::engine;
use crate::host::Process;
use dtrace_engine::{Firing, Probe};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{PoisonError, RwLock};

static GATE: RwLock<()> = RwLock::new(());

/// Returns when every hook that was running has returned.
pub(crate) fn synchronize() {
    drop(GATE.write().unwrap_or_else(PoisonError::into_inner));
}

/// The enabled probe of one place, or none.
#[derive(Debug)]
pub(crate) struct Hook(AtomicPtr<Probe<Process>>);

impl Hook {
    pub(crate) const fn new() -> Self {
        Hook(AtomicPtr::new(ptr::null_mut()))
    }

    /// The probe is enabled: it may be fired until it is cleared and `synchronize` has returned.
    pub(crate) fn set(&self, probe: &Probe<Process>) {
        self.0.store(ptr::from_ref(probe).cast_mut(), Ordering::Release);
    }

    /// The probe is disabled.
    pub(crate) fn clear(&self) {
        self.0.store(ptr::null_mut(), Ordering::Release);
    }

    /// Whether a probe is there. It may be gone a moment later.
    pub(crate) fn is_set(&self) -> bool {
        !self.0.load(Ordering::Relaxed).is_null()
    }

    /// Fires the probe, if there is one.
    pub(crate) fn fire(&self, firing: &Firing<'_>) {
        let _inside = GATE.read().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: null, or a probe that `set` stored. The engine frees it only after `clear` and a later `synchronize`,
        // which waits for this hook to leave the gate.
        if let Some(probe) = unsafe { self.0.load(Ordering::Acquire).as_ref() } {
            engine().fire(probe, firing);
        }
    }
}
