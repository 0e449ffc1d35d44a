//! Probes, and the table that finds them.
//!
//! A [`Probe`] is one place that can fire. It is created by its provider, numbered from 1 up, and never renumbered: a
//! probe that goes away leaves a hole (contract 3). The names never change after creation.
//!
//! # The table
//!
//! `ProbeTable` is control data: it is read and changed only under the control mutex. Only the probes themselves are
//! reached from probe context, through references that providers hold, and of a probe only what [`Probe`] says is for
//! that: the published list of ECBs, the predicate-cache word, and the immutable names.
//!
//! Three hash indices (by module, by function, by name) hold, for each distinct text, the chain of the probes that carry
//! it. A description whose part is exact walks the shortest chain of its exact parts; one without exact parts walks all
//! probes. Chains are in the order of ids because ids only grow and new probes go to the end; that is what lets
//! PROBEMATCH, which is called once per probe with the last id plus one, continue where it was in place of starting
//! over: listing a module of eighty thousand probes stays linear.
//!
//! A listing of all probes passes over blocks of ids that are gone, so that a machine on which processes with probes of
//! their own come and go for months lists no slower and keeps next to nothing of them.
//!
//! The links are probe ids in a table beside the probes, not pointers: no unsafe code, and half the memory.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use dtrace_abi::desc;

use crate::ecb::EcbList;
use crate::errno::Errno;
use crate::glob::{Pattern, TooDeep};
use crate::host::{Firing, Host};
use crate::mem::{OutOfMemory, TryPush, try_box, try_filled, try_with_capacity};
use crate::provider::{Description, Provider, ProviderId, Registered};

/// The number of a probe: 1 and up.
pub type ProbeId = NonZeroU32;

/// One place that can fire.
///
/// The first cache line holds all that a firing reads of it.
#[repr(C, align(64))]
pub struct Probe<H: Host> {
    /// The ECBs in the order they were enabled.
    pub(crate) ecbs: EcbList,
    /// What is tried before anything else: a predicate that [`Host::is_known_false`] is asked about (set if the probe has
    /// one ECB only and its predicate may be cached), [`Probe::BRIEF`], [`Probe::KEYED`], or [`Probe::NO_SHORTCUT`].
    pub(crate) shortcut: AtomicU64,
    provider: NonNull<Registered<H>>,
    cookie: usize,
    id: ProbeId,
    aframes: u32,
    builtin: bool,
    /// Where the function's and the name's text begin in `text`.
    function_at: u16,
    name_at: u16,
    /// Module, function and name, each with its NUL.
    text: Vec<u8>,
}

// SAFETY: the raw pointer is to a `Registered`, whose parts are Send and Sync (`Provider: Send + Sync`) and which outlives
// its probes.
unsafe impl<H: Host> Send for Probe<H> {}
// SAFETY: as for Send; everything that changes is atomic.
unsafe impl<H: Host> Sync for Probe<H> {}

impl<H: Host> Probe<H> {
    /// The probe's number.
    #[inline]
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id.get()
    }

    /// What the provider gave at creation to find its own data by.
    #[inline]
    #[must_use]
    pub fn cookie(&self) -> usize {
        self.cookie
    }

    /// Frames of machinery between the instrumented place and `fire`.
    #[inline]
    #[must_use]
    pub fn aframes(&self) -> u32 {
        self.aframes
    }

    /// Whether any ECB is on the probe at this moment.
    #[inline]
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.ecbs.is_empty()
    }

    pub(crate) fn probe_id(&self) -> ProbeId {
        self.id
    }

    /// Whether it is BEGIN, END or ERROR, which fire for one consumer only.
    #[inline]
    pub(crate) fn is_builtin(&self) -> bool {
        self.builtin
    }

    /// No shortcut.
    pub(crate) const NO_SHORTCUT: u64 = 0;
    /// The probe has one ECB only, and its clause is brief: a hint.
    pub(crate) const BRIEF: u64 = u64::MAX - 1;
    /// The same, and the clause is keyed.
    pub(crate) const KEYED: u64 = u64::MAX;

    /// Sets the shortcut to what the ECBs on the probe allow. Control path.
    pub(crate) fn refresh_shortcut(&self) {
        let shortcut = self.ecbs.only().map_or(Self::NO_SHORTCUT, |ecb| {
            // SAFETY: control path.
            let clause = unsafe { ecb.clause() };
            match (&clause.brief, &clause.keyed) {
                (Some(_), _) if ecb.plain => Self::BRIEF,
                (None, Some(_)) if ecb.plain => Self::KEYED,
                _ => clause.predicate_id,
            }
        });
        self.shortcut.store(shortcut, Ordering::SeqCst);
    }

    pub(crate) fn registered(&self) -> &Registered<H> {
        // SAFETY: a `Registered` is anchored and freed only after all probes of the provider were (`Control::unregister`).
        unsafe { self.provider.as_ref() }
    }

    /// The provider behind the probe.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider<H> {
        &*self.registered().provider
    }

    /// The value of argument `n`: the one at hand, or what the provider says. Probe context.
    #[inline]
    #[must_use]
    pub fn arg(&self, firing: &Firing<'_>, n: usize) -> u64 {
        match firing.args.get(n) {
            Some(&value) => value,
            None => self.provider().arg_value(self, firing, n),
        }
    }

    /// The provider's name with its NUL; stays where it is as long as the probe exists.
    #[must_use]
    pub fn provider_name(&self) -> &[u8] {
        self.registered().name_with_nul()
    }

    /// The module with its NUL; stays where it is as long as the probe exists.
    #[must_use]
    pub fn module(&self) -> &[u8] {
        self.text.get(..usize::from(self.function_at)).unwrap_or(&[])
    }

    /// The function with its NUL; stays where it is as long as the probe exists.
    #[must_use]
    pub fn function(&self) -> &[u8] {
        self.text.get(usize::from(self.function_at)..usize::from(self.name_at)).unwrap_or(&[])
    }

    /// The name with its NUL; stays where it is as long as the probe exists.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.text.get(usize::from(self.name_at)..).unwrap_or(&[])
    }

    fn part(&self, index: Index) -> &[u8] {
        without_nul(match index {
            Index::Module => self.module(),
            Index::Function => self.function(),
            Index::Name => self.name(),
        })
    }
}

/// A text without the NUL at its end.
pub(crate) fn without_nul(text: &[u8]) -> &[u8] {
    match text.split_last() {
        Some((0, text)) => text,
        _ => text,
    }
}

/// A [`Description`] whose parts have been read as patterns.
#[derive(Clone, Copy)]
pub(crate) struct Matcher<'a> {
    id: u32,
    provider: Pattern<'a>,
    parts: [Pattern<'a>; 3],
    /// Nothing at all is asked for: then only probes with a function match (contract 3).
    all_empty: bool,
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(description: &Description<'a>) -> Result<Self, TooDeep> {
        let Description { id, provider, module, function, name } = *description;
        Ok(Matcher {
            id,
            provider: Pattern::parse(provider)?,
            parts: [Pattern::parse(module)?, Pattern::parse(function)?, Pattern::parse(name)?],
            all_empty: id == 0 && [provider, module, function, name].iter().all(|t| t.is_empty()),
        })
    }

    /// Whether the pattern of the provider matches this name.
    pub(crate) fn provider_matches(&self, name: &[u8]) -> bool {
        self.provider.matches(name)
    }

    fn matches<H: Host>(&self, probe: &Probe<H>) -> bool {
        if self.id != 0 {
            return self.id == probe.id();
        }
        if self.all_empty {
            return !probe.part(Index::Function).is_empty();
        }
        let [module, function, name] = &self.parts;
        self.provider.matches(probe.registered().name())
            && name.matches(probe.part(Index::Name))
            && module.matches(probe.part(Index::Module))
            && function.matches(probe.part(Index::Function))
    }
}

/// The part of a name that an index is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    Module = 0,
    Function = 1,
    Name = 2,
}

const INDICES: [Index; 3] = [Index::Module, Index::Function, Index::Name];

/// One probe's place in one chain.
#[derive(Clone, Copy, Default)]
struct Link {
    chain: u32,
    previous: Option<ProbeId>,
    next: Option<ProbeId>,
}

/// The probes that carry one text, in the order of their ids.
#[derive(Clone, Copy)]
struct Chain {
    hash: u32,
    /// The next chain of the same bucket, or of the free list.
    next: Option<u32>,
    head: Option<ProbeId>,
    tail: Option<ProbeId>,
    len: u32,
}

/// All distinct texts of one part.
struct ChainIndex {
    buckets: Vec<Option<u32>>,
    chains: Vec<Chain>,
    free: Option<u32>,
    live: usize,
}

/// FNV-1a: short texts, no state, good enough below a table that grows.
fn hash(text: &[u8]) -> u32 {
    text.iter().fold(0x811c_9dc5, |h, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

impl ChainIndex {
    const FIRST_BUCKETS: usize = 64;

    fn new() -> Result<Self, OutOfMemory> {
        Ok(ChainIndex {
            buckets: try_filled(Self::FIRST_BUCKETS, None)?,
            chains: Vec::new(),
            free: None,
            live: 0,
        })
    }

    fn bucket(&self, hash: u32) -> usize {
        // The length is a power of two; the top bits of FNV are the good ones.
        let bits = self.buckets.len().trailing_zeros();
        (hash.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
    }

    fn chain(&self, at: u32) -> Option<&Chain> {
        self.chains.get(at as usize)
    }

    /// Doubles the buckets. Without memory for that the index stays as it is, which is slower and right.
    fn grow(&mut self) {
        let Ok(buckets) = try_filled(self.buckets.len() * 2, None) else { return };
        self.buckets = buckets;
        for at in 0..self.chains.len() {
            let Some(chain) = self.chains.get(at).copied().filter(|c| c.len != 0) else { continue };
            let bucket = self.bucket(chain.hash);
            if let (Some(head), Some(chain)) = (self.buckets.get_mut(bucket), self.chains.get_mut(at)) {
                chain.next = head.replace(at as u32);
            }
        }
    }

    /// Takes a chain out of its bucket.
    fn unlink(&mut self, at: u32) {
        let Some(Chain { hash, next, .. }) = self.chain(at).copied() else { return };
        let bucket = self.bucket(hash);
        let mut cursor = self.buckets.get(bucket).copied().flatten();
        if cursor == Some(at) {
            if let Some(head) = self.buckets.get_mut(bucket) {
                *head = next;
            }
            return;
        }
        while let Some(here) = cursor {
            cursor = self.chain(here).and_then(|c| c.next);
            if cursor == Some(at)
                && let Some(chain) = self.chains.get_mut(here as usize)
            {
                chain.next = next;
            }
        }
    }
}

/// One id's place: the probe, unless it is gone, and its links.
struct Slot<H: Host> {
    probe: Option<Box<Probe<H>>>,
    links: [Link; 3],
}

/// So many ids share a block of the table.
const BLOCK: usize = 64;

/// All probes.
pub(crate) struct ProbeTable<H: Host> {
    /// By id minus one, in blocks. Processes with probes of their own come and go, and ids are not used again: a block all
    /// of whose probes are gone is empty.
    blocks: Vec<Vec<Slot<H>>>,
    /// The highest id that was ever given.
    last: u32,
    indices: [ChainIndex; 3],
    live: usize,
}

impl<H: Host> ProbeTable<H> {
    pub(crate) fn new() -> Result<Self, OutOfMemory> {
        Ok(ProbeTable {
            blocks: Vec::new(),
            last: 0,
            indices: [ChainIndex::new()?, ChainIndex::new()?, ChainIndex::new()?],
            live: 0,
        })
    }

    /// Frees everything.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.live = 0;
    }

    /// The number of probes.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// The highest id that was ever given, 0 if none was.
    pub(crate) fn last_id(&self) -> u32 {
        self.last
    }

    fn slot(&self, id: ProbeId) -> Option<&Slot<H>> {
        let at = id.get() as usize - 1;
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    fn slot_mut(&mut self, id: ProbeId) -> Option<&mut Slot<H>> {
        let at = id.get() as usize - 1;
        self.blocks.get_mut(at / BLOCK)?.get_mut(at % BLOCK)
    }

    /// The next id that may be a probe's.
    fn after(&self, id: ProbeId) -> Option<ProbeId> {
        let at = id.get() as usize;
        let filled = |block: usize| self.blocks.get(block).is_some_and(|slots| !slots.is_empty());
        let at = match filled(at / BLOCK) {
            true => at,
            false => (at / BLOCK + 1..self.blocks.len()).find(|&block| filled(block))? * BLOCK,
        };
        u32::try_from(at + 1).ok().filter(|&id| id <= self.last).and_then(ProbeId::new)
    }

    fn link(&self, index: Index, id: ProbeId) -> Link {
        self.slot(id).map(|slot| slot.links[index as usize]).unwrap_or_default()
    }

    fn link_mut(&mut self, index: Index, id: ProbeId) -> Option<&mut Link> {
        self.slot_mut(id).map(|slot| &mut slot.links[index as usize])
    }

    pub(crate) fn get(&self, id: ProbeId) -> Option<&Probe<H>> {
        self.slot(id)?.probe.as_deref()
    }

    /// The chain of a text.
    fn find_chain(&self, index: Index, text: &[u8]) -> Option<u32> {
        let chains = &self.indices[index as usize];
        let hash = hash(text);
        let mut cursor = chains.buckets.get(chains.bucket(hash)).copied().flatten();
        while let Some(at) = cursor {
            let chain = chains.chain(at)?;
            if chain.hash == hash
                && chain.head.and_then(|id| self.get(id)).is_some_and(|p| p.part(index) == text)
            {
                return Some(at);
            }
            cursor = chain.next;
        }
        None
    }

    /// The chain of a text, made if there is none yet (then it is empty and must be given its first probe at once).
    fn find_or_make_chain(&mut self, index: Index, text: &[u8]) -> Result<u32, OutOfMemory> {
        if let Some(at) = self.find_chain(index, text) {
            return Ok(at);
        }
        let chains = &mut self.indices[index as usize];
        if chains.live >= chains.buckets.len() {
            chains.grow();
        }
        let hash = hash(text);
        let bucket = chains.bucket(hash);
        let new = Chain { hash, next: None, head: None, tail: None, len: 0 };
        let at = match chains.free {
            Some(at) => {
                chains.free = chains.chain(at).and_then(|c| c.next);
                at
            }
            None => {
                chains.chains.try_push(new)?;
                chains.chains.len() as u32 - 1
            }
        };
        let next = chains.buckets.get_mut(bucket).and_then(|head| head.replace(at));
        if let Some(chain) = chains.chains.get_mut(at as usize) {
            *chain = Chain { next, ..new };
        }
        chains.live += 1;
        Ok(at)
    }

    /// Puts an empty chain away.
    fn discard_chain(&mut self, index: Index, at: u32) {
        let chains = &mut self.indices[index as usize];
        chains.unlink(at);
        let free = chains.free.replace(at);
        if let Some(chain) = chains.chains.get_mut(at as usize) {
            *chain = Chain { hash: 0, next: free, head: None, tail: None, len: 0 };
        }
        chains.live -= 1;
    }

    pub(crate) fn create(
        &mut self,
        provider: &Registered<H>,
        module: &[u8],
        function: &[u8],
        name: &[u8],
        aframes: u32,
        cookie: usize,
    ) -> Result<ProbeId, Errno> {
        for (text, size) in [(module, desc::MODNAMELEN), (function, desc::FUNCNAMELEN), (name, desc::NAMELEN)]
        {
            if text.len() >= size {
                return Err(Errno::ENAMETOOLONG);
            }
            if text.contains(&0) {
                return Err(Errno::EINVAL);
            }
        }
        let id = self.last.checked_add(1).and_then(ProbeId::new).ok_or(Errno::ENOSPC)?;
        let mut text = try_with_capacity(module.len() + function.len() + name.len() + 3)?;
        for part in [module, function, name] {
            text.try_extend_from_slice(part)?;
            text.try_push(0)?;
        }
        let probe = try_box(Probe {
            ecbs: EcbList::new(),
            shortcut: AtomicU64::new(Probe::<H>::NO_SHORTCUT),
            provider: NonNull::from(provider),
            cookie,
            id,
            aframes,
            builtin: provider.id == ProviderId::BUILTIN,
            function_at: module.len() as u16 + 1,
            name_at: (module.len() + function.len()) as u16 + 2,
            text,
        })?;
        let block = self.last as usize / BLOCK;
        if block == self.blocks.len() {
            self.blocks.try_push(try_with_capacity(BLOCK)?)?;
        }
        let mut links = [Link::default(); 3];
        for (made, (index, part)) in INDICES.into_iter().zip([module, function, name]).enumerate() {
            match self.find_or_make_chain(index, part) {
                Ok(chain) => links[index as usize].chain = chain,
                Err(error) => {
                    for &index in INDICES.get(..made).unwrap_or(&[]) {
                        let chain = links[index as usize].chain;
                        if self.indices[index as usize].chain(chain).is_some_and(|c| c.len == 0) {
                            self.discard_chain(index, chain);
                        }
                    }
                    return Err(error.into());
                }
            }
        }
        for index in INDICES {
            let at = links[index as usize].chain;
            let Some(chain) = self.indices[index as usize].chains.get_mut(at as usize) else { continue };
            let previous = chain.tail.replace(id);
            chain.head.get_or_insert(id);
            chain.len += 1;
            links[index as usize].previous = previous;
            if let Some(link) = previous.and_then(|previous| self.link_mut(index, previous)) {
                link.next = Some(id);
            }
        }
        // There is room since the block was begun.
        self.blocks.get_mut(block).ok_or(OutOfMemory)?.try_push(Slot { probe: Some(probe), links })?;
        self.last = id.get();
        self.live += 1;
        Ok(id)
    }

    /// Takes a probe out of the table. The caller frees it after hooks and probe context have been waited for.
    pub(crate) fn remove(&mut self, id: ProbeId) -> Option<Box<Probe<H>>> {
        let links = self.slot(id).filter(|slot| slot.probe.is_some())?.links;
        for index in INDICES {
            let Link { chain: at, previous, next } = links[index as usize];
            if let Some(link) = previous.and_then(|id| self.link_mut(index, id)) {
                link.next = next;
            }
            if let Some(link) = next.and_then(|id| self.link_mut(index, id)) {
                link.previous = previous;
            }
            let Some(chain) = self.indices[index as usize].chains.get_mut(at as usize) else { continue };
            if chain.head == Some(id) {
                chain.head = next;
            }
            if chain.tail == Some(id) {
                chain.tail = previous;
            }
            chain.len -= 1;
            if chain.len == 0 {
                self.discard_chain(index, at);
            }
        }
        self.live -= 1;
        let probe = self.slot_mut(id)?.probe.take();
        let at = (id.get() as usize - 1) / BLOCK;
        let block = self.blocks.get_mut(at)?;
        if block.len() == BLOCK && block.iter().all(|slot| slot.probe.is_none()) {
            *block = Vec::new();
        }
        probe
    }

    /// The probe of exactly these names.
    pub(crate) fn lookup(
        &self,
        provider: ProviderId,
        module: &[u8],
        function: &[u8],
        name: &[u8],
    ) -> Option<ProbeId> {
        for probe in self.walk([Some(module), Some(function), Some(name)], None) {
            if probe.registered().id == provider
                && probe.part(Index::Module) == module
                && probe.part(Index::Function) == function
                && probe.part(Index::Name) == name
            {
                return Some(probe.id);
            }
        }
        None
    }

    /// The probes among which those of these exact parts are, from id `from` on.
    fn walk(&self, exact: [Option<&[u8]>; 3], from: Option<ProbeId>) -> Walk<'_, H> {
        let mut best: Option<(Index, u32, u32)> = None;
        for index in INDICES {
            let Some(text) = exact[index as usize] else { continue };
            let Some(at) = self.find_chain(index, text) else {
                return Walk { table: self, next: None, index: Some(index) };
            };
            let len = self.indices[index as usize].chain(at).map_or(0, |c| c.len);
            if best.is_none_or(|(_, _, shortest)| len < shortest) {
                best = Some((index, at, len));
            }
        }
        let Some((index, at, _)) = best else {
            return Walk { table: self, next: Some(from.unwrap_or(ProbeId::MIN)), index: None };
        };
        // The caller who walks probe by probe asks with the id after the last answer: that one knows its successor.
        let before = from
            .and_then(|from| ProbeId::new(from.get() - 1))
            .filter(|&id| self.get(id).is_some() && self.link(index, id).chain == at);
        let mut next = match before {
            Some(before) => self.link(index, before).next,
            None => self.indices[index as usize].chain(at).and_then(|c| c.head),
        };
        while let Some(id) = next
            && from.is_some_and(|from| id < from)
        {
            next = self.link(index, id).next;
        }
        Walk { table: self, next, index: Some(index) }
    }

    /// The probes that match, from id `from` on, in the order of ids.
    pub(crate) fn matching<'t>(
        &'t self,
        matcher: &'t Matcher<'_>,
        from: Option<ProbeId>,
    ) -> impl Iterator<Item = &'t Probe<H>> + 't {
        let walk = match ProbeId::new(matcher.id) {
            Some(id) if from.is_none_or(|from| from <= id) => {
                Walk { table: self, next: Some(id), index: None }
            }
            Some(_) => Walk { table: self, next: None, index: Some(Index::Name) },
            None => self.walk(matcher.parts.each_ref().map(Pattern::exact), from),
        };
        let only = matcher.id != 0;
        walk.take_while(move |probe| !only || probe.id() == matcher.id).filter(|probe| matcher.matches(probe))
    }

    /// All probes from id `from` on.
    pub(crate) fn all(&self, from: Option<ProbeId>) -> impl Iterator<Item = &Probe<H>> {
        Walk { table: self, next: Some(from.unwrap_or(ProbeId::MIN)), index: None }
    }
}

/// A walk over a chain, or over all ids.
struct Walk<'t, H: Host> {
    table: &'t ProbeTable<H>,
    next: Option<ProbeId>,
    index: Option<Index>,
}

impl<'t, H: Host> Iterator for Walk<'t, H> {
    type Item = &'t Probe<H>;

    fn next(&mut self) -> Option<&'t Probe<H>> {
        loop {
            let id = self.next?;
            let slot = self.table.slot(id);
            self.next = match self.index {
                Some(index) => slot.and_then(|slot| slot.links[index as usize].next),
                None => self.table.after(id),
            };
            if let Some(Slot { probe: Some(probe), .. }) = slot {
                return Some(probe);
            }
        }
    }
}
