//! The engine as a whole: [`Dtrace`], and everything that happens under its control mutex.
//!
//! There are two worlds. *Probe context* sees [`Dtrace::host`], the per-CPU blocks, probes, their ECBs, and through these
//! the states of consumers; it takes no lock. *The control path* (ioctls, open, close, registration, housekeeping) holds
//! the one control mutex and owns [`Control`]: all tables. What passes from the second to the first is published by
//! single atomic stores; what is taken back is unlinked first, waited for with [`Dtrace::synchronize`], and freed then.
//! Waiting is batched: closing a consumer with a hundred thousand ECBs waits once.
//!
//! Rejected: a lock for each table (there is no contention worth it: control operations are rare, and a lock order that
//! covers provider callbacks is where the original's deadlocks came from); reference counts on the firing path.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use dtrace_xcall::quiescence::InProbe;

use crate::anchor::Anchored;
use crate::arrival::Arrivals;
use crate::builtin;
use crate::cpu::Cpu;
use crate::ecb::Ecb;
use crate::errno::Errno;
use crate::helper::{Forks, Processes, Registry};
use crate::host::Host;
use crate::mem::{OutOfMemory, TryPush, try_box, try_build, try_with_capacity};
use crate::probe::{Probe, ProbeId, ProbeTable};
use crate::provider::{Description, Privileges, Provider, ProviderId, ProviderInfo, Registered, Registrar};
use crate::session::{Cred, Session};
use crate::speculation::Speculations;
use crate::state::{Activity, Run, State};
use crate::variable::Variables;

/// Engines so far in this address space: what a thread knows of a predicate is not to be taken for another engine's.
static ENGINES: AtomicU64 = AtomicU64::new(0);
/// Bits of a predicate's number that are one engine's.
const PREDICATES_BITS: u32 = 40;

/// The engine. One per host, in a place that does not go away while hooks can run.
pub struct Dtrace<H: Host> {
    pub(crate) host: H,
    pub(crate) cpus: Vec<Cpu>,
    /// BEGIN, END and ERROR. They exist as long as the engine.
    pub(crate) builtin: builtin::Probes<H>,
    /// Processes with helpers, as probes find them.
    pub(crate) processes: Processes,
    pub(crate) forks: Forks,
    /// When the machine was last found to be alive, in the host's timestamps ([`crate::housekeeping`]).
    pub(crate) alive: AtomicU64,
    arrivals: Arrivals,
    next_session: AtomicU64,
    control: UnsafeCell<Control<H>>,
}

// SAFETY: `control` is reached only through `Dtrace::control`, which holds the host's mutex; the rest is Sync.
unsafe impl<H: Host> Sync for Dtrace<H> {}
// SAFETY: everything in it is Send; the raw pointers in it are to boxes that it owns.
unsafe impl<H: Host> Send for Dtrace<H> {}

/// All tables.
pub(crate) struct Control<H: Host> {
    pub(crate) probes: ProbeTable<H>,
    pub(crate) providers: Vec<Anchored<Registered<H>>>,
    pub(crate) sessions: Vec<Session>,
    /// Which of them is the anonymous state that nobody has claimed yet.
    pub(crate) anonymous: Option<u64>,
    pub(crate) helpers: Registry<H>,
    next_provider: u32,
    pub(crate) next_predicate: u64,
    /// Whether `destructive` may be set at all (contract 3: `destructive_disallow`).
    pub(crate) destructive_disallowed: bool,
}

/// The control mutex, held.
pub(crate) struct Locked<'a, H: Host> {
    dtrace: &'a Dtrace<H>,
}

impl<H: Host> Deref for Locked<'_, H> {
    type Target = Control<H>;
    fn deref(&self) -> &Control<H> {
        // SAFETY: a `Locked` exists only while the mutex is held, and only one does.
        unsafe { &*self.dtrace.control.get() }
    }
}

impl<H: Host> DerefMut for Locked<'_, H> {
    fn deref_mut(&mut self) -> &mut Control<H> {
        // SAFETY: as for `deref`.
        unsafe { &mut *self.dtrace.control.get() }
    }
}

impl<H: Host> Drop for Locked<'_, H> {
    fn drop(&mut self) {
        self.dtrace.host.unlock();
    }
}

/// An open consumer: what `open` gives and `close` takes.
///
/// It is a number and holds nothing; a host that must keep it in a word (a file's private data) uses
/// [`Consumer::into_raw`] and [`Consumer::from_raw`].
#[derive(Debug, PartialEq, Eq)]
pub struct Consumer(u64);

impl Consumer {
    /// The consumer as a word, never 0.
    #[must_use]
    pub fn into_raw(self) -> u64 {
        self.0
    }

    /// The consumer of a word. A word that is no consumer's is answered with EBADF wherever it is used.
    #[must_use]
    pub fn from_raw(raw: u64) -> Consumer {
        Consumer(raw)
    }

    pub(crate) fn id(&self) -> u64 {
        self.0
    }
}

impl<H: Host> Dtrace<H> {
    /// The engine on a machine, with its own `dtrace` provider: BEGIN, END and ERROR are probes 1, 2 and 3.
    #[inline(never)]
    pub fn new(host: H) -> Result<Self, Errno> {
        let cpus = try_build(host.cpus(), |_| Ok::<_, OutOfMemory>(Cpu::new()))?;
        let mut control = Control {
            probes: ProbeTable::new()?,
            providers: Vec::new(),
            sessions: Vec::new(),
            anonymous: None,
            helpers: Registry::new(),
            next_provider: 0,
            next_predicate: ENGINES.fetch_add(1, Ordering::Relaxed) << PREDICATES_BITS,
            destructive_disallowed: false,
        };
        let provider = control.add_provider(&builtin::INFO, try_box(builtin::Builtin)?)?;
        control.provide(None, |registered| registered.id == provider);
        let builtin = builtin::Probes::find(&control.probes).ok_or(Errno::EIO)?;
        let (processes, forks) = (Processes::new()?, Forks::new()?);
        let alive = AtomicU64::new(host.timestamp());
        Ok(Dtrace {
            host,
            cpus,
            builtin,
            processes,
            forks,
            alive,
            arrivals: Arrivals::new(),
            next_session: AtomicU64::new(1),
            control: UnsafeCell::new(control),
        })
    }

    /// The machine.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// Takes the control mutex.
    pub(crate) fn control(&self) -> Locked<'_, H> {
        self.host.lock();
        self.locked()
    }

    /// Takes the control mutex. EINTR, and it is not taken, if the caller is killed while it waits.
    pub(crate) fn control_unless_killed(&self) -> Result<Locked<'_, H>, Errno> {
        if self.host.lock_unless_killed() { Ok(self.locked()) } else { Err(Errno::EINTR) }
    }

    /// The control mutex has been taken: so are the consumers over that have arrived.
    fn locked(&self) -> Locked<'_, H> {
        let mut control = Locked { dtrace: self };
        self.arrivals.admit(&mut control.sessions);
        control
    }

    /// Does something that a provider must not be called during. Process context.
    pub fn exclusively(&self, work: impl FnOnce()) {
        let _control = self.control();
        work();
    }

    /// Returns after every CPU has left the probe it was in. Process context.
    pub fn synchronize(&self) {
        self.host.fence_cpus();
        for _ in 0..self.host.grace_periods() {
            let counters = self.cpus.iter().map(|cpu| &cpu.counter);
            let passage = dtrace_xcall::synchronize(counters, |round| self.host.relax(round));
            self.host.note_grace_period(passage.idle);
        }
    }

    /// [`Dtrace::synchronize`], in any context: it does not sleep, and inside a probe it is refused.
    pub fn synchronize_here(&self) -> Result<(), InProbe> {
        self.host.fence_cpus();
        let (here, saved) = self.host.enter();
        let counters = self.cpus.iter().map(|cpu| &cpu.counter);
        let own = self.cpus.get(here).map(|cpu| &cpu.counter);
        let result = own.map_or(Err(InProbe), |own| {
            dtrace_xcall::quiescence::synchronize_from(own, counters, |_| core::hint::spin_loop())
        });
        self.host.leave(here, saved);
        self.host.note_grace_period(result?.idle);
        Ok(())
    }

    // ---------------------------------------------------------------- providers

    /// Adds a provider and asks it for its probes. Retained enablings are matched with them.
    ///
    /// EINVAL for a bad name, EEXIST if there is a provider of that name, ENOMEM.
    pub fn register(
        &self,
        info: &ProviderInfo<'_>,
        provider: Box<dyn Provider<H>>,
    ) -> Result<ProviderId, Errno> {
        let mut control = self.control();
        let id = control.add_provider(info, provider)?;
        control.provide(None, |registered| registered.id == id);
        self.rematch(&mut control);
        Ok(id)
    }

    /// Takes a provider away with all its probes. EBUSY while any of them is enabled, ESRCH if there is none.
    ///
    /// Its hooks must be in the state that `commit` left them in: none in place.
    pub fn unregister(&self, id: ProviderId) -> Result<(), Errno> {
        let mut control = self.control();
        let at = control.providers.iter().position(|p| p.id == id).ok_or(Errno::ESRCH)?;
        self.remove_probes(&mut control, id, |_| true)?;
        let provider = control.providers.remove(at);
        drop(control);
        drop(provider);
        Ok(())
    }

    /// Lets a provider create probes outside of [`Provider::provide`] (a module was loaded, a process asked for probes);
    /// retained enablings are matched with what it creates. ESRCH if there is no such provider.
    pub fn with_registrar<R>(
        &self,
        id: ProviderId,
        create: impl FnOnce(&mut Registrar<'_, H>) -> R,
    ) -> Result<R, Errno> {
        let mut control = self.control();
        let Control { probes, providers, .. } = &mut *control;
        let provider = providers.iter().find(|p| p.id == id).ok_or(Errno::ESRCH)?;
        let before = probes.last_id();
        let result = create(&mut Registrar::new(probes, provider));
        if probes.last_id() != before {
            self.rematch(&mut control);
        }
        Ok(result)
    }

    /// Takes those probes of a provider away that `which` names (a module is unloaded). EBUSY, and nothing is removed, if
    /// one of them is enabled.
    pub fn remove_probes_of(&self, id: ProviderId, which: impl Fn(&Probe<H>) -> bool) -> Result<(), Errno> {
        let mut control = self.control();
        self.remove_probes(&mut control, id, which)
    }

    fn remove_probes(
        &self,
        control: &mut Control<H>,
        id: ProviderId,
        which: impl Fn(&Probe<H>) -> bool,
    ) -> Result<(), Errno> {
        let chosen = |probe: &Probe<H>| probe.registered().id == id && which(probe);
        if control.probes.all(None).any(|probe| chosen(probe) && probe.is_enabled()) {
            return Err(Errno::EBUSY);
        }
        self.retire_probes(control, None, chosen)
    }

    /// As [`Dtrace::remove_probes_of`], for what goes away whether or not it is traced (a module that is unloaded, a process
    /// that ends): where a probe is enabled, tracing of it ends.
    pub fn retire_probes_of(&self, id: ProviderId, which: impl Fn(&Probe<H>) -> bool) -> Result<(), Errno> {
        let mut control = self.control();
        self.retire_probes(&mut control, None, |probe| probe.registered().id == id && which(probe))
    }

    /// Ends the tracing of the chosen probes, of id `from` or greater, and frees them. ENOMEM, and nothing is changed.
    pub(crate) fn retire_probes(
        &self,
        control: &mut Control<H>,
        from: Option<ProbeId>,
        chosen: impl Fn(&Probe<H>) -> bool,
    ) -> Result<(), Errno> {
        let count = control.probes.all(from).filter(|probe| chosen(probe)).count();
        if count == 0 {
            return Ok(());
        }
        let mut gone = try_with_capacity(count)?;
        for probe in control.probes.all(from).filter(|probe| chosen(probe) && probe.is_enabled()) {
            // The ECBs stay with their consumers, which may still ask what their EPIDs were.
            probe.ecbs.unlink(|_| true);
            probe.refresh_shortcut();
            probe.registered().provider.disable(probe);
            probe.registered().uncommitted.store(true, Ordering::Relaxed);
        }
        let _ = control.commit();
        let mut from = Some(from.unwrap_or(ProbeId::MIN));
        while let Some(at) = from {
            let Some(probe) = control.probes.all(Some(at)).find(|probe| chosen(probe)).map(Probe::probe_id)
            else {
                break;
            };
            from = probe.checked_add(1);
            gone.try_push(control.probes.remove(probe))?;
        }
        self.host.synchronize_hooks();
        self.synchronize();
        Ok(())
    }

    /// From now on nobody may set the option `destructive` (contract 3).
    pub fn disallow_destructive(&self) {
        self.control().destructive_disallowed = true;
    }

    /// Whether any probe of a provider is enabled.
    pub fn is_in_use(&self, id: ProviderId) -> bool {
        self.control().probes.all(None).any(|probe| probe.registered().id == id && probe.is_enabled())
    }

    // ---------------------------------------------------------------- consumers

    /// Makes a consumer. It waits for nobody ([`crate::arrival`]); every provider is asked for its probes at the first request.
    ///
    /// EACCES if the caller has no privilege at all, EAGAIN if there is no memory for one (contract 1.1).
    #[inline(never)]
    pub fn open(&self, cred: Cred) -> Result<Consumer, Errno> {
        if cred.privileges.bits() == 0 {
            return Err(Errno::EACCES);
        }
        let id = self.next_session.fetch_add(1, Ordering::Relaxed);
        let session = self.new_session(id, cred).map_err(|_| Errno::EAGAIN)?;
        self.arrivals.push(session).map_err(|_| Errno::EAGAIN)?;
        Ok(Consumer(id))
    }

    /// Not inlined: its parts are on the stack before they are where they belong.
    #[inline(never)]
    fn new_session(&self, id: u64, cred: Cred) -> Result<Session, OutOfMemory> {
        let variables = match cred.privileges.has(Privileges::KERNEL) {
            true => Variables::new(self.cpus.len())?,
            false => Variables::disguised(self.cpus.len())?,
        };
        let run = Run {
            buffers: Vec::new(),
            sizes: AtomicPtr::default(),
            variables,
            speculations: Speculations::none(),
            strsize: 0,
            destructive: false,
        };
        let state = State::new(id, &cred, run);
        Session::new(id, cred, state)
    }

    /// Does what is left of a consumer's opening. EBADF if there is none.
    pub(crate) fn welcome(&self, control: &mut Control<H>, consumer: u64) -> Result<(), Errno> {
        if core::mem::take(&mut control.session(consumer)?.is_new) {
            control.provide(None, |_| true);
            self.rematch(control);
        }
        Ok(())
    }

    /// Ends a consumer: when it returns, none of its probes is left in place and nothing of it in memory. A snapshot of it that
    /// is still being copied out is waited for.
    pub fn close(&self, consumer: Consumer) {
        let session = 'session: {
            let mut round = 0;
            let (mut control, at) = loop {
                let control = self.control();
                let Some(at) = control.sessions.iter().position(|s| s.id == consumer.0) else {
                    break 'session self.arrivals.remove(consumer.0);
                };
                if control.sessions.get(at).is_none_or(|session| !session.is_read) {
                    break (control, at);
                }
                drop(control);
                self.host.relax(round);
                round = round.saturating_add(1);
            };
            if let Some(session) = control.sessions.get(at) {
                session.state().set_activity(Activity::Stopped);
            }
            self.unlink_ecbs(&mut control, at, 0);
            let _ = control.commit();
            self.synchronize();
            let session = control.sessions.remove(at);
            if session.tracks_vtime {
                self.host.track_vtime(false);
            }
            Some(session)
        };
        drop(session);
    }

    /// Whether whoever opened a consumer had all privileges. False for a consumer that is none.
    pub fn is_privileged(&self, consumer: &Consumer) -> bool {
        self.control().session(consumer.0).is_ok_and(|session| session.cred.privileges.has(Privileges::ALL))
    }

    /// Takes the ECBs of a session from EPID `from + 1` on off their probes; a probe that has lost its last one is
    /// disabled. The caller commits, waits for a grace period, and frees.
    pub(crate) fn unlink_ecbs(&self, control: &mut Control<H>, session: usize, from: usize) {
        let Some(session) = control.sessions.get(session) else { return };
        let goes = |ecb: &Ecb| ptr::eq(ecb.state(), session.state()) && ecb.epid as usize > from;
        for ecb in session.ecbs.get(from..).unwrap_or_default().iter().filter(|ecb| ecb.is_linked()) {
            let Some(probe) = control.probes.get(ecb.probe) else { continue };
            // All of them that are on this probe.
            probe.ecbs.unlink(goes);
            probe.refresh_shortcut();
            if probe.ecbs.is_empty() {
                let registered = probe.registered();
                registered.provider.disable(probe);
                registered.uncommitted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// What the engine counts, as `name=value` lines (contract 1.2).
    pub fn stats(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let fired = self.cpus.iter().fold(0u64, |sum, cpu| sum.wrapping_add(cpu.fired()));
        let nested = self.cpus.iter().fold(0u64, |sum, cpu| sum.wrapping_add(cpu.nested.get()));
        writeln!(out, "probes={fired}")?;
        writeln!(out, "probe_recursion={nested}")?;
        let (helpers, lost) = self.helper_counts(&self.control());
        writeln!(out, "helpers={helpers}")?;
        writeln!(out, "helper_forks_lost={lost}")?;
        writeln!(out, "anonymous={}", u8::from(self.has_anonymous()))
    }

    /// How many probes there are.
    pub fn probe_count(&self) -> usize {
        self.control().probes.live()
    }

    /// How many probes are enabled.
    pub fn enabled_count(&self) -> usize {
        self.control().probes.all(None).filter(|probe| probe.is_enabled()).count()
    }
}

impl<H: Host> Control<H> {
    fn add_provider(
        &mut self,
        info: &ProviderInfo<'_>,
        provider: Box<dyn Provider<H>>,
    ) -> Result<ProviderId, Errno> {
        if self.providers.iter().any(|p| p.name() == info.name.as_bytes()) {
            return Err(Errno::EEXIST);
        }
        self.add_provider_again(info, provider)
    }

    /// As [`Control::add_provider`], whether or not there is one of that name: the images of a process may describe the
    /// same provider, each with its own probes.
    pub(crate) fn add_provider_again(
        &mut self,
        info: &ProviderInfo<'_>,
        provider: Box<dyn Provider<H>>,
    ) -> Result<ProviderId, Errno> {
        let id = ProviderId(self.next_provider);
        let registered = Anchored::new(Registered::new(id, info, provider)?)?;
        self.providers.try_push(registered)?;
        self.next_provider += 1;
        Ok(id)
    }

    /// Asks providers for the probes of a description, or for all they have.
    pub(crate) fn provide(
        &mut self,
        description: Option<&Description<'_>>,
        which: impl Fn(&Registered<H>) -> bool,
    ) {
        for provider in self.providers.iter().filter(|p| which(p)) {
            provider.provider.provide(&mut Registrar::new(&mut self.probes, provider), description);
        }
    }

    /// Lets the providers act on what was enabled and disabled: the first error, if something enabled has no hook.
    pub(crate) fn commit(&mut self) -> Result<(), Errno> {
        let mut result = Ok(());
        for provider in &self.providers {
            if provider.uncommitted.swap(false, Ordering::Relaxed) {
                result = result.and(provider.provider.commit());
            }
        }
        result
    }

    /// The consumer of an id.
    pub(crate) fn session(&mut self, id: u64) -> Result<&mut Session, Errno> {
        self.sessions.iter_mut().find(|s| s.id == id).ok_or(Errno::EBADF)
    }
}

impl<H: Host> Drop for Dtrace<H> {
    fn drop(&mut self) {
        // Whoever drops the engine has no hooks left that could fire, so nothing is waited for.
        let control = self.control.get_mut();
        for session in &control.sessions {
            for ecb in session.ecbs.iter().filter(|ecb| ecb.is_linked()) {
                if let Some(probe) = control.probes.get(ecb.probe) {
                    probe.ecbs.unlink(|_| true);
                }
            }
        }
        control.sessions.clear();
        // Probes point to their providers.
        control.probes.clear();
    }
}
