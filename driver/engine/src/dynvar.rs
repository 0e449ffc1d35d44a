//! The store of dynamic variables: thread-locals (`self->x`) and associative arrays (`a[k1, k2]`).
//!
//! One pool of equal chunks is taken when tracing starts; a chunk holds one variable: its key, and its value or (for a
//! string or structure) its bytes. Chunks hang in hash chains. Everything here but [`DynVars::new`],
//! [`DynVars::sweep`] and [`DynVars::reclaim`] runs in probe context, on all CPUs at once, and never waits.
//!
//! # A chunk's life
//!
//! ```text
//!            insert                  store 0
//!   free ────────────▶ live ◀──────────────────▶ dead, on this CPU's dirty list
//!    ▲                  (store of something else)        │ sweep (process context, at cleanrate)
//!    │ batches                                           ▼
//!   clean ◀──────────────────────────────────────── removed = rinsing
//!              reclaim, after a grace period
//! ```
//!
//! A variable to which 0 is stored is *dead*, yet it stays in its chain: the next store to the same key only makes it
//! live again. So the commonest use, a thread that sets `self->ts` at entry and clears it at return, costs two walks
//! down a chain of length one, no list operation and no allocation. What is still dead at the next sweep is unlinked,
//! waits until every CPU has left the probe it may have been in (the rinsing list), and becomes free. The chunk is as
//! unavailable meanwhile as it is in any DTrace between dirty and clean.
//!
//! # Why this is right
//!
//! *State.* `LIVE`, `LISTED` (on some dirty list) and `REMOVED` are bits of one atomic word, and every decision is one
//! read-modify-write of it:
//! * a store to an existing chunk writes the value and then sets `LIVE` (`fetch_or`). If the word had `REMOVED`, the
//!   sweeper was first; the storer then inserts a new chunk. If it had not, the sweeper's compare-exchange (from exactly
//!   `LISTED`) must fail, and the chunk stays. Exactly one of the two wins.
//! * clearing takes `LIVE` away (`fetch_and`): whoever took it, if the chunk is on no list, puts it on its own CPU's, by
//!   an exchange of exactly 0 for `LISTED`; if that fails, somebody made the chunk live again or listed it.
//! * the sweeper takes `LISTED` off a live chunk by an exchange of exactly `LIVE|LISTED`, so a chunk that dies at that
//!   moment is seen again by the loop and cannot be left dead and unlisted.
//!
//! *Chains.* Probe context only ever inserts at the head of a chain, by compare-exchange from the head it began its
//! search at; a key is inserted only if the search from that very head did not find it. Only the sweeper removes, and
//! there is one sweeper (the control mutex). So two chunks of one key that are not removed cannot exist: for the second
//! insertion to succeed the head must be the one searched from, hence nothing was inserted in between, or what was has
//! been removed again. A chunk cannot leave a chain and come back to it within one probe (below), so an equal head is
//! the same head.
//!
//! *Reuse.* A removed chunk is reused after a grace period that began after it was unlinked: no CPU can hold its index
//! then. A reader that stands on a removed chunk goes on through its `next`, which nobody changes before the reuse.
//!
//! *Lists.* A CPU's free list is touched only by that CPU, in probe context. Its dirty list is pushed to only by that
//! CPU and emptied by the sweeper with one exchange, so a push fails at most once a sweep. The clean stack has a tag
//! beside its head, so a compare-exchange that succeeds has read the right successor.
//!
//! *Bounds.* Walks are bounded by the number of chunks. An insertion that loses [`INSERT_TRIES`] races against other
//! insertions into the same chain is given up and counted as a drop, which is what the program sees when the pool is
//! full as well.
//!
//! All shared words are atomics, key and header included (they are written before a chunk is published and then not
//! until it is reused), so nothing here is a data race, and the only `unsafe` is the view of the pool as words.
//!
//! # Rejected
//!
//! Bucket locks (a CPU would wait for another); removing in probe context (Harris' list: marks in the links, helping,
//! and a list operation for every clear); one free list (a line that all CPUs write); chunks that are stolen from other
//! CPUs' free lists (needs an atomic there; batches from a common stack even the CPUs out at a fraction of the cost).

use crate::mem::{Bytes, OutOfMemory, try_build};
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64};

/// Chunks are multiples of a cache line, and start at one.
const LINE: usize = 64;
/// Words of a chunk before its bytes and key.
const HEADER: usize = 7;
/// Where the bytes of a string or structure begin in a chunk.
pub const DATA_OFFSET: usize = HEADER * 8;
/// The largest chunk; no key of legal tuples and strings needs more.
const CHUNK_MAX: usize = 512 * 1024;
/// How often an insertion is tried anew after other insertions into the same chain.
const INSERT_TRIES: usize = 64;
/// How often a batch is taken off the clean stack anew after other CPUs took one.
const POP_TRIES: usize = 1024;
/// The most chunks a CPU takes from the clean stack at a time.
const BATCH_MAX: usize = 32;

// The words of a chunk.
const NEXT: usize = 0;
const STATE: usize = 1;
const LINK: usize = 2;
const SHAPE: usize = 3;
const HASH: usize = 4;
const THREAD: usize = 5;
const VALUE: usize = 6;

// The bits of the state word.
const LIVE: u64 = 1;
const LISTED: u64 = 2;
const REMOVED: u64 = 4;

/// The key of a variable beyond its id and thread, as a sequence of words.
///
/// The words must say the whole key without ambiguity, and be the same whenever they are asked for during one call.
pub trait KeyWords {
    /// Calls `each` for every word, until it answers false; whether it never did.
    fn all(&self, each: impl FnMut(u64) -> bool) -> bool;
}

/// The key of a scalar: nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoKey;

impl KeyWords for NoKey {
    #[inline(always)]
    fn all(&self, _each: impl FnMut(u64) -> bool) -> bool {
        true
    }
}

impl KeyWords for [u64] {
    #[inline]
    fn all(&self, each: impl FnMut(u64) -> bool) -> bool {
        self.iter().copied().all(each)
    }
}

/// Which variable: what of its identity is not the tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The variable, unique over scopes.
    pub variable: u32,
    /// The thread, or 0 for an associative array that is global.
    pub thread: u64,
    /// Bytes of its string or structure; 0 for a value. The same for every use of one variable.
    pub bytes: u32,
}

/// How many stores found no chunk (contract 3), by what could have been the cure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// No chunk anywhere: the pool is too small.
    pub plain: u64,
    /// There were dead chunks on dirty lists: cleaning is too slow.
    pub dirty: u64,
    /// There were chunks waiting for their grace period.
    pub rinsing: u64,
}

/// What [`DynVars::store`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Stored {
    /// The variable has the value.
    Done,
    /// There was no chunk for it, and that was counted.
    Dropped,
}

/// What one CPU has for itself.
#[repr(align(128))]
struct Local {
    /// Chunks this CPU may use, linked by `LINK`.
    free: AtomicU32,
    /// Dead chunks, linked by `LINK`.
    dirty: AtomicU32,
    plain: AtomicU64,
    dirty_drops: AtomicU64,
    rinsing_drops: AtomicU64,
}

/// The clean stack, on a line of its own: a tag in the upper half, the first chunk of the first batch in the lower.
#[repr(align(128))]
struct Clean(AtomicU64);

/// The store. Chunks are named by their number plus one; 0 is none.
pub struct DynVars {
    pool: Bytes,
    heads: Bytes,
    /// The first chunk, aligned, in the pool.
    first: NonNull<AtomicU64>,
    /// What programs see as its address.
    shown: u64,
    /// Words of a chunk.
    words: usize,
    chunks: usize,
    mask: usize,
    batch: usize,
    locals: Vec<Local>,
    clean: Clean,
    /// Chunks between [`DynVars::sweep`] and [`DynVars::reclaim`], linked by `LINK`.
    rinsing: AtomicU32,
}

// SAFETY: `first` points into `pool`, which the store owns, and all access goes through atomics.
unsafe impl Send for DynVars {}
// SAFETY: as for Send.
unsafe impl Sync for DynVars {}

/// The header of a chunk.
type Header = [AtomicU64; HEADER];

#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Identity {
    /// The word of a chunk that its key begins at.
    #[inline(always)]
    const fn key_start(&self) -> usize {
        HEADER + self.bytes.div_ceil(8) as usize
    }

    /// The shape word of a chunk of this variable with so many words of key.
    #[inline(always)]
    fn shape(&self, key: usize) -> u64 {
        u64::from(self.variable) << 40 ^ u64::from(self.bytes.div_ceil(8)) << 20 ^ key as u64
    }

    #[inline(always)]
    fn hash<K: KeyWords + ?Sized>(&self, key: &K) -> u64 {
        let mut hash =
            mix(u64::from(self.variable) ^ 0x9e37_79b9_7f4a_7c15, self.thread ^ 0xd6e8_feb8_6659_fd93);
        key.all(|word| {
            hash = mix(hash ^ word, 0xa076_1d64_78bd_642f);
            true
        });
        hash
    }
}

/// Words of bytes, in the shape word.
const fn shape_data(shape: u64) -> usize {
    (shape >> 20 & 0xf_ffff) as usize
}

impl DynVars {
    /// A pool of about `size` bytes, heads of chains included, of chunks that hold `payload` bytes of string, structure
    /// and key; at least one chunk for every CPU.
    pub fn new(size: usize, payload: usize, cpus: usize) -> Result<DynVars, OutOfMemory> {
        let chunk = (DATA_OFFSET + payload.min(CHUNK_MAX)).next_multiple_of(LINE);
        let cpus = cpus.max(1);
        let chunks = (size / (chunk + size_of::<AtomicU32>())).clamp(cpus, (u32::MAX / 2) as usize);
        // A power of two of heads, at least half as many as chunks.
        let buckets = (chunks / 2 + 1).next_power_of_two();
        let bytes = chunks.checked_mul(chunk).and_then(|bytes| bytes.checked_add(LINE)).ok_or(OutOfMemory)?;
        let pool = Bytes::zeroed(bytes)?;
        let heads = Bytes::zeroed(buckets * size_of::<AtomicU32>())?;
        // The pool has a line more than the chunks need, so its first aligned word has room for all of them after it.
        let lead = pool.start().addr().get().wrapping_neg() % LINE;
        // SAFETY: the pool has more than LINE bytes.
        let first = unsafe { pool.start().add(lead) }.cast();
        let locals = try_build(cpus, |_| {
            Ok::<_, OutOfMemory>(Local {
                free: AtomicU32::new(0),
                dirty: AtomicU32::new(0),
                plain: AtomicU64::new(0),
                dirty_drops: AtomicU64::new(0),
                rinsing_drops: AtomicU64::new(0),
            })
        })?;
        let dynvars = DynVars {
            pool,
            heads,
            first,
            shown: first.as_ptr().expose_provenance() as u64,
            words: chunk / 8,
            chunks,
            mask: buckets - 1,
            batch: (chunks / (cpus * 4)).clamp(1, BATCH_MAX),
            locals,
            clean: Clean(AtomicU64::new(0)),
            rinsing: AtomicU32::new(0),
        };
        // All chunks become one list, then batches.
        for index in 1..=chunks as u32 {
            if let Some(header) = dynvars.header(index) {
                header[LINK].store(u64::from(index - 1), Relaxed);
            }
        }
        dynvars.give(chunks as u32);
        Ok(dynvars)
    }

    /// Bytes of memory that the store takes.
    pub fn size(&self) -> usize {
        self.pool.len() + self.heads.len()
    }

    /// How many variables fit.
    pub fn capacity(&self) -> usize {
        self.chunks
    }

    /// The drops so far, over all CPUs.
    pub fn drops(&self) -> Drops {
        self.locals.iter().fold(Drops::default(), |sum, local| Drops {
            plain: sum.plain + local.plain.load(Relaxed),
            dirty: sum.dirty + local.dirty_drops.load(Relaxed),
            rinsing: sum.rinsing + local.rinsing_drops.load(Relaxed),
        })
    }

    #[inline(always)]
    fn head(&self, hash: u64) -> &AtomicU32 {
        // SAFETY: `heads` holds `mask + 1` zeroed words of 4 bytes that live as long as `self`; all access to them goes
        // through atomics.
        unsafe { self.heads.start().cast::<AtomicU32>().add(hash as usize & self.mask).as_ref() }
    }

    /// Where a chunk begins.
    #[inline(always)]
    fn chunk(&self, index: u32) -> Option<NonNull<AtomicU64>> {
        let number = (index as usize).wrapping_sub(1);
        // SAFETY: from `first` on, the pool holds `chunks` chunks of `words` words.
        (number < self.chunks).then(|| unsafe { self.first.add(number * self.words) })
    }

    #[inline(always)]
    fn header(&self, index: u32) -> Option<&Header> {
        // SAFETY: a chunk has at least `HEADER` zeroed, 8-aligned words that live as long as `self`; all access to them
        // goes through atomics.
        self.chunk(index).map(|chunk| unsafe { chunk.cast::<Header>().as_ref() })
    }

    /// The words of a chunk from `start` on.
    #[inline(always)]
    fn words_from(&self, index: u32, start: usize) -> &[AtomicU64] {
        match self.chunk(index) {
            // SAFETY: as for `header`; a chunk has `words` words.
            Some(chunk) if start <= self.words => unsafe {
                core::slice::from_raw_parts(chunk.add(start).as_ptr(), self.words - start)
            },
            _ => &[],
        }
    }

    /// Whether the chunk is the variable's.
    #[inline(always)]
    fn matches<K: KeyWords + ?Sized>(
        &self,
        index: u32,
        header: &Header,
        hash: u64,
        who: &Identity,
        key: &K,
    ) -> bool {
        if header[HASH].load(Relaxed) != hash
            || header[THREAD].load(Relaxed) != who.thread
            || header[STATE].load(Relaxed) & REMOVED != 0
        {
            return false;
        }
        let mut have = self.words_from(index, who.key_start()).iter();
        let mut words = 0;
        let equal = key.all(|word| {
            words += 1;
            have.next().is_some_and(|have| have.load(Relaxed) == word)
        });
        equal && header[SHAPE].load(Relaxed) == who.shape(words)
    }

    /// The chunk of a key that is not removed, in the chain that begins at `first`.
    #[inline(always)]
    fn find<K: KeyWords + ?Sized>(
        &self,
        first: u32,
        hash: u64,
        who: &Identity,
        key: &K,
    ) -> Option<(u32, &Header)> {
        let mut index = first;
        let mut steps = self.chunks;
        while let Some(header) = self.header(index) {
            if self.matches(index, header, hash, who, key) {
                return Some((index, header));
            }
            index = header[NEXT].load(Acquire) as u32;
            steps = steps.checked_sub(1)?;
        }
        None
    }

    /// The value, or for a string or structure the address of its bytes; 0 if the variable is not set.
    #[inline]
    pub fn load<K: KeyWords + ?Sized>(&self, who: &Identity, key: &K) -> u64 {
        let hash = who.hash(key);
        let first = self.head(hash).load(Acquire);
        let Some((index, header)) = self.find(first, hash, who, key) else { return 0 };
        if header[STATE].load(Acquire) & LIVE == 0 {
            0
        } else if who.bytes == 0 {
            header[VALUE].load(Relaxed)
        } else {
            self.data_address(index)
        }
    }

    /// Stores the value 0: the variable is not set any more.
    #[inline]
    pub fn clear<K: KeyWords + ?Sized>(&self, cpu: usize, who: &Identity, key: &K) {
        let hash = who.hash(key);
        let first = self.head(hash).load(Acquire);
        let Some((index, header)) = self.find(first, hash, who, key) else { return };
        if header[STATE].load(Relaxed) & LIVE == 0 {
            return;
        }
        // AcqRel: the next writer's bytes come after the last reader's.
        let was = header[STATE].fetch_and(!LIVE, AcqRel);
        if was == LIVE && header[STATE].compare_exchange(0, LISTED, AcqRel, Relaxed).is_ok() {
            self.push_dirty(cpu, index, header);
        }
    }

    #[cold]
    fn push_dirty(&self, cpu: usize, index: u32, header: &Header) {
        let Some(local) = self.locals.get(cpu) else { return };
        let mut first = local.dirty.load(Relaxed);
        loop {
            header[LINK].store(u64::from(first), Relaxed);
            // Only the sweeper's exchange can make this fail, once a sweep.
            match local.dirty.compare_exchange(first, index, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Stores a value that is not 0 to a variable that is no string or structure.
    #[inline]
    pub fn store<K: KeyWords + ?Sized>(&self, cpu: usize, who: &Identity, key: &K, value: u64) -> Stored {
        let stored = self.store_with(cpu, who, key, |header, _| {
            header[VALUE].store(value, Relaxed);
            Ok::<(), core::convert::Infallible>(())
        });
        match stored {
            Ok(stored) => stored,
            Err(never) => match never {},
        }
    }

    /// Stores a string or structure: `fill` is given the address of `who.bytes` bytes to write. If it fails, a variable
    /// that was not set stays so; the bytes of one that was set are what `fill` left.
    pub fn store_bytes<K: KeyWords + ?Sized, E>(
        &self,
        cpu: usize,
        who: &Identity,
        key: &K,
        mut fill: impl FnMut(*mut u8) -> Result<(), E>,
    ) -> Result<Stored, E> {
        self.store_with(cpu, who, key, |_, index| fill(self.data_pointer(index)))
    }

    #[inline(always)]
    fn store_with<K: KeyWords + ?Sized, E>(
        &self,
        cpu: usize,
        who: &Identity,
        key: &K,
        mut fill: impl FnMut(&Header, u32) -> Result<(), E>,
    ) -> Result<Stored, E> {
        let hash = who.hash(key);
        let head = self.head(hash);
        if let Some((index, header)) = self.find(head.load(Acquire), hash, who, key) {
            fill(header, index)?;
            if revive(header) {
                return Ok(Stored::Done);
            }
        }
        self.insert(cpu, hash, head, who, key, fill)
    }

    #[inline(never)]
    fn insert<K: KeyWords + ?Sized, E>(
        &self,
        cpu: usize,
        hash: u64,
        head: &AtomicU32,
        who: &Identity,
        key: &K,
        mut fill: impl FnMut(&Header, u32) -> Result<(), E>,
    ) -> Result<Stored, E> {
        let Some(local) = self.locals.get(cpu) else { return Ok(Stored::Dropped) };
        let Some(index) = self.take(local) else { return Ok(Stored::Dropped) };
        let Some(header) = self.header(index) else { return Ok(Stored::Dropped) };
        let mut room = self.words_from(index, who.key_start()).iter();
        let mut words = 0;
        let fits = key.all(|word| {
            words += 1;
            room.next().map(|slot| slot.store(word, Relaxed)).is_some()
        });
        if !fits || who.key_start() > self.words {
            self.put_back(local, index, header);
            count(&local.plain);
            return Ok(Stored::Dropped);
        }
        header[SHAPE].store(who.shape(words), Relaxed);
        header[HASH].store(hash, Relaxed);
        header[THREAD].store(who.thread, Relaxed);
        header[STATE].store(LIVE, Relaxed);
        if let Err(error) = fill(header, index) {
            self.put_back(local, index, header);
            return Err(error);
        }
        for _ in 0..INSERT_TRIES {
            let first = head.load(Acquire);
            if let Some((found, existing)) = self.find(first, hash, who, key) {
                // Another CPU inserted the same key: our value goes into its chunk.
                if let Err(error) = fill(existing, found) {
                    self.put_back(local, index, header);
                    return Err(error);
                }
                if revive(existing) {
                    self.put_back(local, index, header);
                    return Ok(Stored::Done);
                }
            }
            header[NEXT].store(u64::from(first), Relaxed);
            // Release publishes the chunk's words to whoever finds it in the chain.
            if head.compare_exchange(first, index, AcqRel, Relaxed).is_ok() {
                return Ok(Stored::Done);
            }
        }
        self.put_back(local, index, header);
        count(&local.plain);
        Ok(Stored::Dropped)
    }

    /// A free chunk for this CPU, or a drop counted.
    fn take(&self, local: &Local) -> Option<u32> {
        let mut index = local.free.load(Relaxed);
        if index == 0 {
            index = self.take_batch();
        }
        let Some(header) = self.header(index) else {
            self.count_drop(local);
            return None;
        };
        local.free.store(header[LINK].load(Relaxed) as u32, Relaxed);
        Some(index)
    }

    /// Puts back a chunk that was never published.
    fn put_back(&self, local: &Local, index: u32, header: &Header) {
        header[LINK].store(u64::from(local.free.load(Relaxed)), Relaxed);
        local.free.store(index, Relaxed);
    }

    /// Takes the first batch of the clean stack; 0 if there is none.
    fn take_batch(&self) -> u32 {
        let mut top = self.clean.0.load(Acquire);
        for _ in 0..POP_TRIES {
            let Some(header) = self.header(top as u32) else { return 0 };
            // If another CPU has taken this batch meanwhile, the word means nothing, and the tag makes the exchange fail.
            let next = header[NEXT].load(Relaxed) & 0xffff_ffff;
            let new = (top >> 32).wrapping_add(1) << 32 | next;
            match self.clean.0.compare_exchange(top, new, AcqRel, Acquire) {
                Ok(_) => return top as u32,
                Err(now) => top = now,
            }
        }
        0
    }

    /// Cuts a list of free chunks into batches and puts them on the clean stack. Process context.
    fn give(&self, mut first: u32) {
        while first != 0 {
            let mut last = first;
            for _ in 1..self.batch {
                let Some(next) = self.header(last).map(|header| header[LINK].load(Relaxed) as u32) else {
                    break;
                };
                if next == 0 {
                    break;
                }
                last = next;
            }
            let (Some(front), Some(back)) = (self.header(first), self.header(last)) else { return };
            let rest = back[LINK].load(Relaxed) as u32;
            back[LINK].store(0, Relaxed);
            let mut top = self.clean.0.load(Relaxed);
            loop {
                front[NEXT].store(top & 0xffff_ffff, Relaxed);
                let new = (top >> 32).wrapping_add(1) << 32 | u64::from(first);
                match self.clean.0.compare_exchange(top, new, AcqRel, Relaxed) {
                    Ok(_) => break,
                    Err(now) => top = now,
                }
            }
            first = rest;
        }
    }

    #[cold]
    fn count_drop(&self, local: &Local) {
        if self.locals.iter().any(|local| local.dirty.load(Relaxed) != 0) {
            count(&local.dirty_drops);
        } else if self.rinsing.load(Relaxed) != 0 {
            count(&local.rinsing_drops);
        } else {
            count(&local.plain);
        }
    }

    // ------------------------------------------------------------------------------------------------ cleaning

    /// Unlinks what is dead and puts it on the rinsing list. Returns whether that list has anything, that is, whether
    /// [`DynVars::reclaim`] is due one grace period from now. While an earlier sweep has not been reclaimed, nothing
    /// new is swept.
    ///
    /// Process context, one caller at a time (the control mutex).
    pub fn sweep(&self) -> bool {
        if self.rinsing.load(Relaxed) != 0 {
            return true;
        }
        for local in &self.locals {
            // Acquire: the links of what was pushed.
            let mut index = local.dirty.swap(0, Acquire);
            while let Some(header) = self.header(index) {
                // Once it is off the list, a clear may push it again and change the link.
                let next = header[LINK].load(Relaxed) as u32;
                self.sweep_one(index, header);
                index = next;
            }
        }
        self.rinsing.load(Relaxed) != 0
    }

    fn sweep_one(&self, index: u32, header: &Header) {
        loop {
            let state = header[STATE].load(Acquire);
            let new = if state & LIVE == 0 { REMOVED } else { LIVE };
            if header[STATE].compare_exchange(state, new, AcqRel, Relaxed).is_err() {
                continue;
            }
            if new == REMOVED {
                self.unlink(index, header);
                header[LINK].store(u64::from(self.rinsing.load(Relaxed)), Relaxed);
                self.rinsing.store(index, Relaxed);
            }
            return;
        }
    }

    /// Takes a chunk out of its chain. Only probes that insert at the head are concurrent.
    fn unlink(&self, index: u32, header: &Header) {
        let head = self.head(header[HASH].load(Relaxed));
        let next = header[NEXT].load(Relaxed);
        if head.compare_exchange(index, next as u32, AcqRel, Relaxed).is_ok() {
            return;
        }
        // It is not the first, and never will be again, since only this function removes.
        let mut at = head.load(Acquire);
        while let Some(before) = self.header(at) {
            let after = before[NEXT].load(Acquire) as u32;
            if after == index {
                before[NEXT].store(next, Release);
                return;
            }
            at = after;
        }
    }

    /// Makes what the last [`DynVars::sweep`] removed free. Process context, one caller at a time.
    ///
    /// # Safety
    ///
    /// Since that sweep returned, every CPU has been outside of probe context at least once.
    pub unsafe fn reclaim(&self) {
        let first = self.rinsing.load(Relaxed);
        self.give(first);
        self.rinsing.store(0, Relaxed);
    }

    // ------------------------------------------------------------------------------------------------ addresses

    fn data_offset(&self, index: u32) -> usize {
        (index as usize).wrapping_sub(1).wrapping_mul(self.words * 8).wrapping_add(DATA_OFFSET)
    }

    fn data_pointer(&self, index: u32) -> *mut u8 {
        self.first.as_ptr().cast::<u8>().wrapping_add(self.data_offset(index))
    }

    fn data_address(&self, index: u32) -> u64 {
        self.shown.wrapping_add(self.data_offset(index) as u64)
    }

    /// Shows itself at this address.
    pub(crate) fn show_at(&mut self, address: u64) {
        self.shown = address;
    }

    /// If an address is one of the bytes of a string or structure in the store, which is what a program may read and
    /// write: a pointer to it and how many such bytes there are from there on.
    #[inline]
    pub fn region(&self, addr: u64) -> Option<(*mut u8, u64)> {
        let base = self.first.as_ptr().cast::<u8>();
        let offset = addr.wrapping_sub(self.shown);
        let size = (self.words * 8) as u64;
        if offset >= self.chunks as u64 * size {
            return None;
        }
        let (number, inside) = (offset / size, offset % size);
        let shape = self.header(number as u32 + 1)?[SHAPE].load(Relaxed);
        let end = ((DATA_OFFSET + shape_data(shape) * 8) as u64).min(size);
        if inside < DATA_OFFSET as u64 || inside >= end {
            return None;
        }
        Some((base.wrapping_add(offset as usize), end - inside))
    }
}

/// Makes a chunk live after its value was written; false if the sweeper has removed it.
///
/// If it is live already, nothing needs to be said: a clear by another CPU from here on comes after this store.
#[inline(always)]
fn revive(header: &Header) -> bool {
    header[STATE].load(Relaxed) & (LIVE | REMOVED) == LIVE
        || header[STATE].fetch_or(LIVE, AcqRel) & REMOVED == 0
}

/// One more, on a counter that only this CPU writes.
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}
