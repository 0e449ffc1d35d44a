//! The control path's side of helpers: who has brought what, and how it comes and goes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Write;

use dtrace_abi::{desc, limit};

use super::annotator::Annotator;
use super::forks::{self, Fork};
use super::process::Process;
use super::{HelperProcess, MetaProvider};
use crate::anchor::Anchored;
use crate::control::{Control, Dtrace, Locked};
use crate::difo::Limits;
use crate::dof::{HelperProvider, Program, Purpose};
use crate::errno::Errno;
use crate::host::Host;
use crate::mem::{TryPush, try_to_vec};
use crate::probe::ProbeId;
use crate::provider::{Privileges, ProviderId, ProviderInfo};

/// Bytes of all images of one process, and what these may take with all that is made of them; the same for all processes of a
/// user: anybody may bring images.
const IMAGES_MAX: usize = 1 << 20;
const PROCESS_MAX: usize = 8 << 20;
const USER_MAX: usize = 64 << 20;

/// Who may see the probes that processes describe (contract 4): whoever may instrument processes, if they are his own.
const PRIVILEGES: Privileges = Privileges::PROC.with(Privileges::OWNER);

/// A provider that was made of a description.
#[derive(Clone, Copy)]
struct Made {
    id: ProviderId,
    /// None of its probes has a lower id.
    first: ProbeId,
}

/// One image.
struct Brought {
    generation: u32,
    module: Vec<u8>,
    bytes: Vec<u8>,
    /// What its relocations are relative to.
    base: u64,
    /// It is to go, and went not for want of memory: that is tried again.
    goes: bool,
    /// How many providers it describes.
    described: usize,
    providers: Vec<Made>,
    annotator: Option<Anchored<Annotator>>,
}

impl Brought {
    /// What it takes.
    fn memory(&self) -> usize {
        let made = self.annotator.as_ref().map_or(0, |annotator| annotator.memory());
        self.bytes.len() + self.module.len() + made
    }

    /// Whether a user's process may have it beside what it has. EINVAL for too many clauses or providers, ENOMEM.
    fn check(&self, owner: Option<&Owner>, users: usize) -> Result<(), Errno> {
        let (clauses, described, bytes) =
            owner.map_or((0, 0, 0), |owner| (owner.clauses(), owner.described(), owner.bytes()));
        let own = self.annotator.as_ref().map_or(0, |annotator| annotator.len());
        if clauses + own > limit::HELPER_ACTIONS_MAX
            || described + self.described > limit::HELPER_PROVIDERS_MAX
        {
            return Err(Errno::EINVAL);
        }
        let memory = self.memory();
        let fits = bytes + self.bytes.len() <= IMAGES_MAX
            && owner.map_or(0, Owner::memory) + memory <= PROCESS_MAX
            && users + memory <= USER_MAX;
        if fits { Ok(()) } else { Err(Errno::ENOMEM) }
    }
}

/// A process and its images, at least one.
struct Owner {
    process: Anchored<Process>,
    pid: u32,
    uid: u32,
    images: Vec<Brought>,
}

impl Owner {
    fn clauses(&self) -> usize {
        self.images.iter().filter_map(|image| image.annotator.as_ref()).map(|a| a.len()).sum()
    }

    fn described(&self) -> usize {
        self.images.iter().map(|image| image.described).sum()
    }

    fn bytes(&self) -> usize {
        self.images.iter().map(|image| image.bytes.len()).sum()
    }

    fn memory(&self) -> usize {
        self.images.iter().map(Brought::memory).sum()
    }
}

/// What the control path knows of helpers.
pub(crate) struct Registry<H: Host> {
    /// By key.
    owners: Vec<Owner>,
    meta: Option<Box<dyn MetaProvider<H>>>,
    last_generation: u32,
    /// What the images of each user take, by user: a sum over hundreds of forked children would be made for each of them.
    users: Vec<(u32, usize)>,
}

impl<H: Host> Registry<H> {
    pub(crate) const fn new() -> Self {
        Registry { owners: Vec::new(), meta: None, last_generation: 0, users: Vec::new() }
    }

    /// What the images of a user take.
    fn memory_of(&self, uid: u32) -> usize {
        let at = self.users.binary_search_by_key(&uid, |&(uid, _)| uid);
        at.ok().and_then(|at| self.users.get(at)).map_or(0, |&(_, memory)| memory)
    }

    /// A user's images take so much more. Room for one user has been reserved.
    fn charge(&mut self, uid: u32, memory: usize) {
        match self.users.binary_search_by_key(&uid, |&(uid, _)| uid) {
            Ok(at) => {
                if let Some((_, sum)) = self.users.get_mut(at) {
                    *sum += memory;
                }
            }
            Err(at) => _ = self.users.try_insert(at, (uid, memory)),
        }
    }

    /// A user's images take so much less.
    fn discharge(&mut self, uid: u32, memory: usize) {
        let Ok(at) = self.users.binary_search_by_key(&uid, |&(uid, _)| uid) else { return };
        if let Some((_, sum)) = self.users.get_mut(at) {
            *sum = sum.saturating_sub(memory);
            if *sum == 0 {
                self.users.remove(at);
            }
        }
    }

    fn position(&self, key: u64) -> Result<usize, usize> {
        self.owners.binary_search_by_key(&key, |owner| owner.process.key)
    }

    /// A number that was not given before, as long as there are any; as an answer of an ioctl it is positive.
    fn next_generation(&mut self) -> u32 {
        self.last_generation =
            if self.last_generation >= i32::MAX as u32 { 1 } else { self.last_generation + 1 };
        self.last_generation
    }
}

/// Whose image it is.
#[derive(Clone, Copy)]
struct Whose {
    key: u64,
    pid: u32,
    uid: u32,
}

/// An image that has been accepted, and the providers it describes.
struct Accepted {
    brought: Brought,
    providers: Vec<HelperProvider>,
}

impl Accepted {
    /// Loads an image: EINVAL and so on if it is not sound, E2BIG if it is too big, ENOMEM.
    fn load(
        bytes: Vec<u8>,
        base: u64,
        module: Vec<u8>,
        generation: u32,
        cpus: usize,
    ) -> Result<Accepted, Errno> {
        let mut program = Program::load(&bytes, Purpose::Helper { base }, &Limits::for_helper())?;
        let annotator = Annotator::new(&mut program, cpus)?;
        let providers = program.providers;
        if !providers.iter().all(|provider| is_provider_name(&provider.name)) {
            return Err(Errno::EINVAL);
        }
        let described = providers.len();
        let brought = Brought {
            generation,
            module,
            bytes,
            base,
            goes: false,
            described,
            providers: Vec::new(),
            annotator,
        };
        Ok(Accepted { brought, providers })
    }
}

/// Whether a process may name a provider so. `pid` is what the pid provider's are named.
fn is_provider_name(name: &[u8]) -> bool {
    name.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_') && name != b"pid"
}

impl<H: Host> Dtrace<H> {
    /// The current process brings an image: its generation.
    ///
    /// EINVAL for an image that is not sound or has more clauses or providers than a process may have, E2BIG for one that is too
    /// big, ENOMEM where there is no memory for it or no more for this process or user, and what the meta provider says.
    pub(crate) fn add_helper(&self, bytes: Vec<u8>, base: u64, module: &[u8]) -> Result<i32, Errno> {
        let whose = Whose { key: self.host.process_key(), pid: self.host.pid(), uid: self.host.uid() };
        // Nobody waits for it to be checked.
        let mut accepted = Accepted::load(bytes, base, try_to_vec(module)?, 0, self.cpus.len())?;
        let mut control = self.settle(whose.key)?;
        self.host.watch_processes()?;
        let generation = control.helpers.next_generation();
        accepted.brought.generation = generation;
        self.insert(&mut control, whose, accepted)?;
        Ok(generation as i32)
    }

    /// The current process takes an image back. A generation that it has not is nothing to take back (contract 6.8).
    pub(crate) fn remove_helper(&self, generation: u32) -> Result<(), Errno> {
        let key = self.host.process_key();
        let mut control = self.settle(key)?;
        match control.helpers.position(key) {
            Ok(at) => self.take_down(&mut control, at, |image| image.generation == generation),
            Err(_) => Ok(()),
        }
    }

    /// The control mutex, and everything has been done that may concern a process: it has what it was forked with, and nothing of
    /// what the program had brought that it ran before. EINTR.
    fn settle(&self, key: u64) -> Result<Locked<'_, H>, Errno> {
        for _ in 0..forks::SLOTS {
            self.reap_with(|| self.control_unless_killed())?;
            if !self.forks.has(key) {
                break;
            }
        }
        let mut control = self.control_unless_killed()?;
        if let Ok(at) = control.helpers.position(key)
            && control.helpers.owners.get(at).is_some_and(|owner| owner.process.is_gone())
        {
            let _ = self.take_down(&mut control, at, |_| true);
        }
        Ok(control)
    }

    /// The current process ends, or has just begun to run another program: what it brought is not used any more, and the
    /// next [`Dtrace::housekeep`] takes it away. Whether there is anything to take away. Hook context.
    pub fn process_ended(&self) -> bool {
        let key = self.host.process_key();
        self.forks.cancel(key);
        self.in_probe_context(|| {
            // SAFETY: probe context, and the process is not used after it.
            match unsafe { self.processes.find(key) } {
                Some(process) => {
                    process.leave();
                    true
                }
                None => false,
            }
        })
    }

    /// The current process has forked the child of this id and key, which runs the same program in memory of its own: it
    /// gets copies of the helpers in the next [`Dtrace::housekeep`]. Whether there are any. Hook context.
    pub fn process_forked(&self, pid: u32, key: u64) -> bool {
        let parent = self.host.process_key();
        // SAFETY: probe context, and the process is not used after it.
        let has_helpers = self.in_probe_context(|| unsafe { self.processes.find(parent) }.is_some());
        let uid = self.host.uid();
        (has_helpers || self.forks.has(parent)) && self.forks.push(Fork { parent, child: key, pid, uid })
    }

    /// Does something as in a probe, but for an answer. If a probe was interrupted (which the kernel's hooks for processes
    /// never do) the answer is no.
    fn in_probe_context(&self, work: impl FnOnce() -> bool) -> bool {
        let (cpu, saved) = self.host.enter();
        let local = self.cpus.get(cpu);
        let answer =
            local.and_then(|local| Some((local, local.counter.enter()?))).is_some_and(|(local, inside)| {
                local.unfired.add_one();
                let answer = work();
                inside.leave();
                answer
            });
        self.host.leave(cpu, saved);
        answer
    }

    /// Gives forked children their copies, then takes away what processes that are gone have left.
    pub(crate) fn reap_helpers(&self) {
        let _ = self.reap_with(|| Ok(self.control()));
    }

    /// As [`Dtrace::reap_helpers`]. The control mutex is taken for one process at a time, by `lock`: anybody may fork and end as he
    /// likes, and others come in between. An error is that of `lock`.
    fn reap_with<'a>(&'a self, lock: impl Fn() -> Result<Locked<'a, H>, Errno>) -> Result<(), Errno> {
        self.adopt_forks(&lock)?;
        let mut at = 0;
        while self.reap_next(&mut *lock()?, &mut at) {}
        Ok(())
    }

    /// Takes away what is to go of the next owner of which anything is, from number `at` on. Whether there was one.
    fn reap_next(&self, control: &mut Control<H>, at: &mut usize) -> bool {
        while let Some(owner) = control.helpers.owners.get(*at) {
            // Children of its own that are still to come get what it has.
            let all = owner.process.is_gone() && !self.forks.is_parent(owner.process.key);
            if !all && !owner.images.iter().any(|image| image.goes) {
                *at += 1;
                continue;
            }
            let owners = control.helpers.owners.len();
            // Without memory for taking probes away it is tried again the next time.
            let _ = self.take_down(control, *at, |image| all || image.goes);
            if control.helpers.owners.len() == owners {
                *at += 1;
            }
            return true;
        }
        false
    }

    /// The meta provider registers: it is asked for providers of all that processes have described so far. EEXIST if there
    /// is one.
    pub fn register_meta(&self, meta: Box<dyn MetaProvider<H>>) -> Result<(), Errno> {
        self.reap_helpers();
        let mut control = self.control();
        if control.helpers.meta.is_some() {
            return Err(Errno::EEXIST);
        }
        control.helpers.meta = Some(meta);
        for owner in 0..control.helpers.owners.len() {
            let images = control.helpers.owners.get(owner).map_or(0, |owner| owner.images.len());
            for image in 0..images {
                // A process without probes is better than none at all.
                let _ = self.provide_again(&mut control, owner, image);
            }
        }
        self.rematch(&mut control);
        Ok(())
    }

    /// The meta provider goes, and with it all providers it made, enabled or not. ENOMEM, and nothing is changed.
    pub fn unregister_meta(&self) -> Result<(), Errno> {
        let mut control = self.control();
        let mut made = Vec::new();
        for image in control.helpers.owners.iter().flat_map(|owner| &owner.images) {
            made.try_extend_from_slice(&image.providers)?;
        }
        self.retire_providers(&mut control, &made)?;
        for image in control.helpers.owners.iter_mut().flat_map(|owner| &mut owner.images) {
            image.providers.clear();
        }
        let meta = control.helpers.meta.take();
        drop(control);
        drop(meta);
        Ok(())
    }

    /// Children of processes with helpers get the same ones.
    fn adopt_forks<'a>(&'a self, lock: impl Fn() -> Result<Locked<'a, H>, Errno>) -> Result<(), Errno> {
        // A child's own children may have been noted before it, so this takes rounds, of which each settles at least one. No more
        // are settled than are noted now: those who go on forking are for the next time.
        let mut left = self.forks.pending();
        if left == 0 {
            return Ok(());
        }
        let mut settled = true;
        while core::mem::take(&mut settled) {
            let mut from = 0;
            while left != 0
                && let Some((at, done)) = self.adopt_next(&mut *lock()?, from)
            {
                from = at + 1;
                settled |= done;
                left -= u32::from(done);
            }
        }
        let _control = lock()?;
        self.forks.bury();
        Ok(())
    }

    /// Settles the next note, of number `from` or greater, if it can be settled already. Its number, and whether it was.
    fn adopt_next(&self, control: &mut Control<H>, from: usize) -> Option<(usize, bool)> {
        let (at, begun) = self.forks.begin(from)?;
        let Fork { parent, child, pid, uid } = begun.fork;
        let Some(known) = self.model(control, parent) else {
            // Its parent is still to come.
            begun.put_back();
            return Some((at, false));
        };
        let result = known
            .map_err(|_| Errno::ESRCH)
            .and_then(|at| self.copy_helpers(control, Whose { key: child, pid, uid }, at));
        // It may have ended before there was anything that its end could mark.
        let lives = self.host.process_lives(pid, child);
        let wanted = begun.end() && lives && result.is_ok();
        if let Ok(at) = control.helpers.position(child) {
            if wanted {
                let images = control.helpers.owners.get(at).map_or(0, |owner| owner.images.len());
                for image in 0..images {
                    let _ = self.provide_again(control, at, image);
                }
                self.rematch(control);
            } else if let Some(owner) = control.helpers.owners.get(at) {
                owner.process.leave();
            }
        }
        Some((at, true))
    }

    /// The owner whose images a child of `parent` gets, if there is one. None while that is not known: an ancestor is noted.
    fn model(&self, control: &Control<H>, parent: u64) -> Option<Result<usize, usize>> {
        let mut ancestor = self.forks.ancestor(parent);
        loop {
            let known = control.helpers.position(ancestor);
            if known.is_err() && self.forks.has(ancestor) {
                return None;
            }
            // It may have ended since: then another stands for it. Each turn is one generation.
            let now = self.forks.ancestor(ancestor);
            if known.is_ok() || now == ancestor {
                return Some(known);
            }
            ancestor = now;
        }
    }

    /// Copies the images of the owner at `parent` to another process, without providers yet.
    fn copy_helpers(&self, control: &mut Control<H>, child: Whose, parent: usize) -> Result<(), Errno> {
        let key = control.helpers.owners.get(parent).ok_or(Errno::ESRCH)?.process.key;
        let mut image = 0;
        loop {
            // The owners move when one is inserted.
            let Ok(at) = control.helpers.position(key) else { return Ok(()) };
            let Some(original) = control.helpers.owners.get(at).and_then(|owner| owner.images.get(image))
            else {
                return Ok(());
            };
            if original.goes {
                // It was taken back, and has not gone only for want of memory.
                image += 1;
                continue;
            }
            // Before anything of it is looked at.
            let has = control.helpers.position(child.key).ok().and_then(|at| control.helpers.owners.get(at));
            original.check(has, control.helpers.memory_of(child.uid))?;
            let Brought { generation, base, .. } = *original;
            let (bytes, module) = (try_to_vec(&original.bytes)?, try_to_vec(&original.module)?);
            let copy = Accepted::load(bytes, base, module, generation, self.cpus.len())?;
            self.insert(control, child, Accepted { providers: Vec::new(), ..copy })?;
            image += 1;
        }
    }

    /// Gives a process an image, makes its providers, and matches retained enablings with them. On failure nothing stays.
    fn insert(&self, control: &mut Control<H>, whose: Whose, accepted: Accepted) -> Result<(), Errno> {
        let found = control.helpers.position(whose.key);
        let owner = found.ok().and_then(|at| control.helpers.owners.get(at));
        let uid = owner.map_or(whose.uid, |owner| owner.uid);
        accepted.brought.check(owner, control.helpers.memory_of(uid))?;
        let Accepted { brought, providers } = accepted;
        if brought.annotator.is_none() && brought.described == 0 {
            // Sound, and of no use: there is nothing to keep.
            return Ok(());
        }
        control.helpers.users.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let at = match found {
            Ok(at) => at,
            Err(at) => {
                let process = Anchored::new(Process::new(whose.key))?;
                let (address, bucket) = (process.address(), self.processes.bucket(whose.key));
                // Room for the image first, so that no owner stays without one.
                let mut owner = Owner { process, pid: whose.pid, uid: whose.uid, images: Vec::new() };
                owner.images.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                control.helpers.owners.try_insert(at, owner)?;
                if let Some(bucket) = bucket {
                    bucket.append(address);
                }
                at
            }
        };
        let owner = control.helpers.owners.get_mut(at).ok_or(Errno::ENOMEM)?;
        let annotator = brought.annotator.as_ref().map(Anchored::address);
        let (generation, memory) = (brought.generation, brought.memory());
        owner.images.try_push(brought)?;
        let image = owner.images.len() - 1;
        if let Some(annotator) = annotator {
            owner.process.annotators.append(annotator);
        }
        control.helpers.charge(uid, memory);
        let result = self.provide(control, at, image, providers);
        match result {
            Ok(true) => self.rematch(control),
            Ok(false) => (),
            // What was made before the one that failed is taken away again.
            Err(_) => _ = self.take_down(control, at, |image| image.generation == generation),
        }
        result.map(drop)
    }

    /// Makes providers of what an image describes, from the image itself.
    fn provide_again(&self, control: &mut Control<H>, owner: usize, image: usize) -> Result<bool, Errno> {
        let Some(brought) = control.helpers.owners.get(owner).and_then(|o| o.images.get(image)) else {
            return Ok(false);
        };
        if brought.described == 0 {
            return Ok(false);
        }
        let purpose = Purpose::Helper { base: brought.base };
        let program = Program::load(&brought.bytes, purpose, &Limits::for_helper())?;
        self.provide(control, owner, image, program.providers)
    }

    /// Makes providers of descriptions, if there is a meta provider. Whether there now are probes that were not there.
    fn provide(
        &self,
        control: &mut Control<H>,
        owner: usize,
        image: usize,
        providers: Vec<HelperProvider>,
    ) -> Result<bool, Errno> {
        let before = control.probes.last_id();
        for description in providers {
            let Control { helpers, .. } = &mut *control;
            let Registry { owners, meta: Some(meta), .. } = helpers else { return Ok(false) };
            let Some(owner_of) = owners.get_mut(owner) else { return Ok(false) };
            let Owner { process, pid, uid, images } = owner_of;
            let Some(brought) = images.get_mut(image) else { return Ok(false) };
            brought.providers.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            let whose = HelperProcess {
                pid: *pid,
                key: process.key,
                uid: *uid,
                module: &brought.module,
                generation: brought.generation,
            };
            let mut name = Name::new();
            // The loader has seen to it that there is room for the digits.
            write!(name, "{}{pid}", core::str::from_utf8(&description.name).map_err(|_| Errno::EINVAL)?)
                .map_err(|_| Errno::EINVAL)?;
            let info = ProviderInfo {
                name: name.text(),
                attributes: description.attributes,
                privileges: PRIVILEGES,
                uid: *uid,
            };
            let provider = meta.provide(&whose, description)?;
            let id = control.add_provider_again(&info, provider)?;
            let first = ProbeId::new(control.probes.last_id().saturating_add(1)).ok_or(Errno::ENOSPC)?;
            if let Some(brought) =
                control.helpers.owners.get_mut(owner).and_then(|owner| owner.images.get_mut(image))
            {
                brought.providers.try_push(Made { id, first })?;
            }
            control.provide(None, |registered| registered.id == id);
        }
        Ok(control.probes.last_id() != before)
    }

    /// Takes images of the owner at `at` away, and the owner with the last of them. Without memory for that they say nothing more
    /// about stacks, and go the next time.
    fn take_down(
        &self,
        control: &mut Control<H>,
        at: usize,
        which: impl Fn(&Brought) -> bool,
    ) -> Result<(), Errno> {
        let Some(owner) = control.helpers.owners.get_mut(at) else { return Ok(()) };
        let mut unlinked = false;
        for image in owner.images.iter_mut().filter(|image| which(image)) {
            image.goes = true;
            if let Some(annotator) = &image.annotator {
                owner.process.annotators.unlink(annotator.address());
                unlinked = true;
            }
        }
        let mut made = Vec::new();
        for image in owner.images.iter().filter(|image| image.goes) {
            made.try_extend_from_slice(&image.providers)?;
        }
        self.retire_providers(control, &made)?;
        let Some(owner) = control.helpers.owners.get_mut(at) else { return Ok(()) };
        let (last, uid) = (owner.images.iter().all(|image| image.goes), owner.uid);
        let memory = owner.images.iter().filter(|image| image.goes).map(Brought::memory).sum();
        if last {
            if let Some(bucket) = self.processes.bucket(owner.process.key) {
                bucket.unlink(owner.process.address());
            }
            unlinked = true;
        }
        if unlinked {
            self.synchronize();
        }
        owner.images.retain(|image| !image.goes);
        control.helpers.discharge(uid, memory);
        if last {
            drop(control.helpers.owners.remove(at));
        }
        Ok(())
    }

    /// Takes providers away with all their probes, enabled or not. On failure nothing is changed.
    fn retire_providers(&self, control: &mut Control<H>, made: &[Made]) -> Result<(), Errno> {
        let Some(first) = made.iter().map(|made| made.first).min() else { return Ok(()) };
        let mut gone = Vec::new();
        gone.try_reserve(made.len()).map_err(|_| Errno::ENOMEM)?;
        self.retire_probes(control, Some(first), |probe| made.iter().any(|m| m.id == probe.registered().id))?;
        for made in made {
            if let Some(at) = control.providers.iter().position(|provider| provider.id == made.id) {
                gone.try_push(control.providers.remove(at))?;
            }
        }
        Ok(())
    }

    /// Processes that have helpers, and forked children that got none for want of room.
    pub(crate) fn helper_counts(&self, control: &Control<H>) -> (usize, u64) {
        (control.helpers.owners.len(), self.forks.lost())
    }
}

/// The name of a provider under construction.
struct Name {
    len: usize,
    bytes: [u8; desc::PROVNAMELEN],
}

impl Name {
    const fn new() -> Name {
        Name { len: 0, bytes: [0; desc::PROVNAMELEN] }
    }

    fn text(&self) -> &str {
        self.bytes.get(..self.len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("")
    }
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.bytes.get_mut(self.len..).and_then(|rest| rest.get_mut(..text.len()));
        room.ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
