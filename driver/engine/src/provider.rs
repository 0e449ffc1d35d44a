//! Providers: what makes probes exist and makes them fire.
//!
//! A provider registers once ([`Dtrace::register`](crate::Dtrace::register)) with a name, its stability attributes and
//! the privileges that its probes ask for. From then on the engine calls it, always in process context and always with
//! the control mutex held, so that a provider needs no lock of its own for what only these calls touch, and **must not
//! call back into [`Dtrace`](crate::Dtrace)** except for `fire`.
//!
//! # The life of a probe's hook
//!
//! ```text
//!   provide ──► probe exists ──► enable(probe) ──► commit() ──► hook fires ──► disable(probe) ──► commit() ──► quiet
//!                                  (first ECB)                                  (last ECB gone)
//! ```
//!
//! `enable` and `disable` only note what is wanted. `commit` comes once after a batch of them and does the work (attach
//! a tracepoint, patch a thousand functions in one go), which is what makes enabling `fbt:::` one operation and not a
//! hundred thousand. A hook that still fires after `disable` finds the probe without ECBs and does nothing.
//!
//! A probe's address does not change while it exists, and it exists until its provider unregisters or removes it. So a
//! provider may keep `&Probe` as a pointer in its own tables from `enable` on, and hand it to `fire` until
//! [`Host::synchronize_hooks`] has passed after the `commit` that follows `disable`: the engine calls it before it frees
//! the memory of a probe.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::AtomicBool;

use dtrace_abi::{ArgDesc, PAttr, desc, privilege};

use crate::errno::Errno;
use crate::host::{Firing, Host};
use crate::mem::{TryPush, try_to_vec};
use crate::probe::{Probe, ProbeId, ProbeTable};

/// A set of privileges (contract 2.5: KERNEL 1, USER 2, PROC 4, OWNER 8).
///
/// On a provider: who may see its probes (any one of the bits is enough; the empty set is everybody). On a consumer:
/// what the caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges(u32);

impl Privileges {
    /// None at all.
    pub const NONE: Privileges = Privileges(0);
    /// May look into the kernel.
    pub const KERNEL: Privileges = Privileges(privilege::KERNEL);
    /// May use the probes that see user processes from the kernel: `syscall`, `profile`.
    pub const USER: Privileges = Privileges(privilege::USER);
    /// May instrument processes: `pid`, USDT.
    pub const PROC: Privileges = Privileges(privilege::PROC);
    /// On a consumer: may trace the processes of others. On a provider: only for the owner of the process.
    pub const OWNER: Privileges = Privileges(privilege::OWNER);
    /// On a consumer: everything, which is what root has.
    pub const ALL: Privileges = Privileges(1 << 31 | privilege::ALL);

    /// Whether all of `other` are in this set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Privileges) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    #[must_use]
    pub const fn any(self, other: Privileges) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Privileges) -> Privileges {
        Privileges(self.0 | other.0)
    }

    /// The bits as the ABI has them.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 & privilege::ALL
    }

    /// From ABI bits; others are dropped.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Privileges {
        Privileges(bits & privilege::ALL)
    }
}

/// What a provider says of itself when it registers.
#[derive(Clone, Copy, Debug)]
pub struct ProviderInfo<'a> {
    /// Its name, at most 63 bytes, no NUL.
    pub name: &'a str,
    /// How stable it is.
    pub attributes: PAttr,
    /// Who may see its probes.
    pub privileges: Privileges,
    /// With [`Privileges::OWNER`]: whose processes these are.
    pub uid: u32,
}

/// A probe description: what a program or a PROBEMATCH asks for. Texts without their NUL; empty means any (contract 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Description<'a> {
    /// Just this probe, unless 0.
    pub id: u32,
    /// Pattern of the provider.
    pub provider: &'a [u8],
    /// Pattern of the module.
    pub module: &'a [u8],
    /// Pattern of the function.
    pub function: &'a [u8],
    /// Pattern of the name.
    pub name: &'a [u8],
}

/// What makes probes. See the module's text for when what is called.
///
/// All methods that do not say otherwise run in process context with the control mutex held.
pub trait Provider<H: Host>: Send + Sync {
    /// Creates the probes that fit `description`, or all that are worth creating unasked (`None`). Called often, with
    /// the same description too: look a probe up before creating it ([`Registrar::create`] refuses duplicates).
    fn provide(&self, registrar: &mut Registrar<'_, H>, description: Option<&Description<'_>>) {
        let _ = (registrar, description);
    }

    /// The probe has its first ECB: its hook is wanted. An error leaves the probe disabled, and the enabling fails.
    fn enable(&self, probe: &Probe<H>) -> Result<(), Errno>;

    /// The probe has lost its last ECB.
    fn disable(&self, probe: &Probe<H>);

    /// Ends a batch of `enable` and `disable`: hooks are put in place and taken away now. After it returns, the hook of a
    /// disabled probe costs nothing any more. An error says that a hook is not in place; the enabling fails, and what it has
    /// enabled is disabled again. Disabling cannot fail.
    fn commit(&self) -> Result<(), Errno> {
        Ok(())
    }

    /// Fills in the types of argument `arg.ndx`: `native`, `xlate` (empty if it is not translated) and `mapping` (`ndx`
    /// unless set otherwise). False if the probe has no such argument, or it has no type.
    fn arg_description(&self, probe: &Probe<H>, arg: &mut ArgDesc) -> bool {
        let _ = (probe, arg);
        false
    }

    /// Argument `n`, which is not in `firing.args`. Probe context.
    fn arg_value(&self, probe: &Probe<H>, firing: &Firing<'_>, n: usize) -> u64 {
        let _ = (probe, firing, n);
        0
    }

    /// Whether what fires has to do with the thread that runs just then. If not (a clock has ticked), consumers that may only
    /// see their own processes are told, too, that it fired, and nothing else. Probe context.
    fn is_about_thread(&self, probe: &Probe<H>) -> bool {
        let _ = probe;
        true
    }

    /// Whether the firing interrupted user code, for consumers that may see no more than that. Probe context.
    fn usermode(&self, probe: &Probe<H>, firing: &Firing<'_>) -> bool {
        let _ = (probe, firing);
        true
    }
}

/// A registered provider, named by a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProviderId(pub(crate) u32);

impl ProviderId {
    /// The engine's own, which registers first.
    pub(crate) const BUILTIN: ProviderId = ProviderId(0);
}

/// A provider as the engine keeps it, at a fixed address, because its probes point to it.
pub(crate) struct Registered<H: Host> {
    pub(crate) id: ProviderId,
    /// The name with its NUL.
    name: Vec<u8>,
    pub(crate) attributes: PAttr,
    pub(crate) privileges: Privileges,
    pub(crate) uid: u32,
    pub(crate) provider: Box<dyn Provider<H>>,
    /// Something was enabled or disabled since the last `commit`.
    pub(crate) uncommitted: AtomicBool,
}

impl<H: Host> Registered<H> {
    pub(crate) fn new(
        id: ProviderId,
        info: &ProviderInfo<'_>,
        provider: Box<dyn Provider<H>>,
    ) -> Result<Self, Errno> {
        let text = info.name.as_bytes();
        if text.is_empty() || text.len() >= desc::PROVNAMELEN || text.contains(&0) {
            return Err(Errno::EINVAL);
        }
        let mut name = try_to_vec(text)?;
        name.try_push(0)?;
        Ok(Registered {
            id,
            name,
            attributes: info.attributes,
            privileges: info.privileges,
            uid: info.uid,
            provider,
            uncommitted: AtomicBool::new(false),
        })
    }

    /// The name without its NUL.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.split_last().map_or(&[], |(_, name)| name)
    }

    /// The name with its NUL.
    pub(crate) fn name_with_nul(&self) -> &[u8] {
        &self.name
    }
}

/// What a provider creates its probes with, for the length of one call.
pub struct Registrar<'a, H: Host> {
    table: &'a mut ProbeTable<H>,
    provider: &'a Registered<H>,
}

impl<'a, H: Host> Registrar<'a, H> {
    pub(crate) fn new(table: &'a mut ProbeTable<H>, provider: &'a Registered<H>) -> Self {
        Registrar { table, provider }
    }

    /// Creates a probe. `aframes` is the number of frames of machinery between the instrumented place and `fire`;
    /// `cookie` is the provider's own, see [`Probe::cookie`].
    ///
    /// EEXIST if the provider has a probe of these names, ENAMETOOLONG if a name does not fit the ABI, EINVAL if a name
    /// holds a NUL, ENOMEM.
    pub fn create(
        &mut self,
        module: &[u8],
        function: &[u8],
        name: &[u8],
        aframes: u32,
        cookie: usize,
    ) -> Result<ProbeId, Errno> {
        if self.lookup(module, function, name).is_some() {
            return Err(Errno::EEXIST);
        }
        self.table.create(self.provider, module, function, name, aframes, cookie)
    }

    /// The provider's probe of exactly these names.
    #[must_use]
    pub fn lookup(&self, module: &[u8], function: &[u8], name: &[u8]) -> Option<ProbeId> {
        self.table.lookup(self.provider.id, module, function, name)
    }

    /// A probe by its id.
    #[must_use]
    pub fn probe(&self, id: ProbeId) -> Option<&Probe<H>> {
        self.table.get(id)
    }
}
