//! The `dtrace` provider: BEGIN, END and ERROR.
//!
//! They exist before any other probe, so they are probes 1, 2 and 3 (contract 3). They fire for one consumer only, the
//! one whose key is in arg0: BEGIN from GO, END from STOP, ERROR from the firing path when a clause has faulted. They have
//! no hooks, so enabling and disabling them is nothing.

use core::ptr::NonNull;

use dtrace_abi::{Attribute, PAttr, class, stability};

use crate::errno::Errno;
use crate::host::Host;
use crate::probe::{Probe, ProbeId, ProbeTable};
use crate::provider::{Description, Privileges, Provider, ProviderInfo, Registrar};

const STABLE: Attribute = Attribute::new(stability::STABLE, stability::STABLE, class::COMMON);
const PRIVATE: Attribute = Attribute::new(stability::PRIVATE, stability::PRIVATE, class::UNKNOWN);

/// What the provider says of itself.
pub(crate) const INFO: ProviderInfo<'static> = ProviderInfo {
    name: "dtrace",
    attributes: PAttr { provider: STABLE, module: PRIVATE, function: PRIVATE, name: STABLE, args: STABLE },
    privileges: Privileges::NONE,
    uid: 0,
};

/// The names, in the order of their ids.
const NAMES: [&[u8]; 3] = [b"BEGIN", b"END", b"ERROR"];

/// The provider.
pub(crate) struct Builtin;

impl<H: Host> Provider<H> for Builtin {
    fn provide(&self, registrar: &mut Registrar<'_, H>, _description: Option<&Description<'_>>) {
        for name in NAMES {
            if registrar.lookup(b"", b"", name).is_none() {
                // Without memory the engine does not come to be: `Probes::find` misses the probe.
                let _ = registrar.create(b"", b"", name, 0, 0);
            }
        }
    }

    fn enable(&self, _probe: &Probe<H>) -> Result<(), Errno> {
        Ok(())
    }

    fn disable(&self, _probe: &Probe<H>) {}
}

/// The three probes.
pub(crate) struct Probes<H: Host> {
    begin: NonNull<Probe<H>>,
    end: NonNull<Probe<H>>,
    error: NonNull<Probe<H>>,
}

impl<H: Host> Probes<H> {
    /// Finds them in the table, which keeps them for as long as it exists.
    pub(crate) fn find(table: &ProbeTable<H>) -> Option<Self> {
        let probe = |number| Some(NonNull::from(table.get(ProbeId::new(number)?)?));
        Some(Probes { begin: probe(1)?, end: probe(2)?, error: probe(3)? })
    }

    pub(crate) fn begin(&self) -> &Probe<H> {
        // SAFETY: the probes of the `dtrace` provider are freed only with the engine, which `self` is part of.
        unsafe { self.begin.as_ref() }
    }

    pub(crate) fn end(&self) -> &Probe<H> {
        // SAFETY: as for `begin`.
        unsafe { self.end.as_ref() }
    }

    pub(crate) fn error(&self) -> &Probe<H> {
        // SAFETY: as for `begin`.
        unsafe { self.error.as_ref() }
    }
}
