//! Principal buffers: where the records of firing probes go (contract 2.6).
//!
//! Each CPU of a state has a [`Buffer`]: two [`Area`]s and a policy. A record begins with its EPID word; its place is a
//! multiple of its ECB's alignment, and the words skipped for that are 0, which is no EPID. A firing probe reserves room,
//! writes, and commits; what is not committed was never there.
//!
//! * **switch**: one area is written while the consumer reads the other ([`crate::exchange`]). Full means drops.
//! * **fill**: one area, until something does not fit: then it is full for good, but for a part kept back for END.
//! * **ring**: one area, over and over. `oldest` is where the oldest record begins; what a new record needs is taken from
//!   the old ones, whole records at a time.
//!
//! ```text
//!   ring, wrapped:   | new records      | 0 0 |  old records          | 0 0 |
//!                    ^0                 ^offset ^oldest                     ^size
//! ```
//!
//! What always holds: `offset <= limit <= size`; below `offset` there are whole records and zero words; in a ring that
//! has wrapped, `offset <= oldest < size`, and all from `oldest` to the end is whole records and zero words. What lies
//! between `offset` and `oldest` is rubbish until the ring is read.
//!
//! The room behind a record that is being built is the scratch memory of its DIF code. Where the policy leaves none (ring,
//! fill) the second area is that instead.
//!
//! An area is touched by one CPU in probe context, or by the consumer when that is over: no atomics. Nothing here
//! allocates after [`Buffer::new`], waits, or can panic.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::exchange::{Exchangeable, Pair, Retired, Settled};
use crate::mem::{Bytes, OutOfMemory};

/// What happens when a buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The oldest records make way.
    Ring,
    /// Nothing more is recorded.
    Fill,
    /// The consumer empties one half while the other is filled; what does not fit is dropped.
    Switch,
}

impl Policy {
    /// The policy of an option's value (contract 2.5).
    #[must_use]
    pub fn from_option(value: i64) -> Option<Policy> {
        match value {
            dtrace_abi::option::BUFPOLICY_RING => Some(Policy::Ring),
            dtrace_abi::option::BUFPOLICY_FILL => Some(Policy::Fill),
            dtrace_abi::option::BUFPOLICY_SWITCH => Some(Policy::Switch),
            _ => None,
        }
    }
}

/// What a buffer could not take, since it was last read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that found no room.
    pub drops: u64,
    /// Records given up because of a fault.
    pub errors: u32,
}

/// What a record asks of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Bytes to write to, the staging of aggregation keys included.
    pub bytes: u32,
    /// What its place is a multiple of: a power of two, at most 8.
    pub align: u32,
    /// Scratch memory without which there is no point in beginning.
    pub scratch: u32,
}

/// Room for a record, while it is being built.
pub struct Reservation<'a> {
    /// Where it is; for [`Area::commit`].
    pub at: Place,
    /// The room, [`Need::bytes`] long, beginning at a multiple of [`Need::align`]. What is in it is undefined but old data
    /// of the same buffer.
    pub record: &'a mut [u8],
    /// Scratch memory, 8-aligned.
    pub scratch: &'a mut [u8],
}

/// Where a record was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record that is not committed is lost"]
pub struct Place(usize);

/// One run of memory that records are written to.
///
/// It is also what a speculation will be made of.
#[derive(Debug)]
pub struct Area {
    bytes: Bytes,
    /// Where the next record goes.
    offset: usize,
    /// Up to where records may reach.
    limit: usize,
    counts: Counts,
    /// Ring: where the oldest record is, if the area has wrapped.
    oldest: Option<usize>,
    /// Fill: something did not fit, and nothing more is taken.
    closed: bool,
}

/// A record of an EPID that nobody knows is passed over by the word.
const WORD: usize = size_of::<u32>();

impl Area {
    /// An empty area.
    pub fn new(size: usize) -> Result<Area, OutOfMemory> {
        Ok(Area {
            bytes: Bytes::zeroed(size)?,
            offset: 0,
            limit: size,
            counts: Counts::default(),
            oldest: None,
            closed: false,
        })
    }

    /// Bytes of it.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What a snapshot copies out: up to the last record, or all of a ring that has wrapped.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        let end = if self.oldest.is_some() { self.bytes.len() } else { self.offset };
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Where the oldest record begins.
    #[must_use]
    pub fn oldest(&self) -> usize {
        self.oldest.unwrap_or(0)
    }

    /// Drops and errors.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts a record that is given up because of a fault.
    #[inline]
    pub fn count_error(&mut self) {
        self.counts.errors = self.counts.errors.wrapping_add(1);
    }

    /// Counts a record that found no room somewhere else (an ECB larger than any buffer, a busy speculation).
    #[inline]
    pub fn count_drop(&mut self) {
        self.counts.drops = self.counts.drops.wrapping_add(1);
    }

    /// Room behind the last record, with the rest as scratch; or `None`, and a drop.
    #[inline]
    pub fn reserve(&mut self, need: Need) -> Option<Reservation<'_>> {
        let Some((at, end)) = self.place(need) else {
            self.count_drop();
            return None;
        };
        self.pad(at);
        // SAFETY: `place` has seen that `end` is within `limit`, which is within the bytes.
        let (head, rest) = unsafe { self.bytes.split_at_mut_unchecked(end) };
        // SAFETY: `at` is not beyond `end`.
        let record = unsafe { head.get_unchecked_mut(at..) };
        let scratch = rest.get_mut(end.wrapping_neg() & 7..).unwrap_or_default();
        Some(Reservation { at: Place(at), record, scratch })
    }

    /// What is free, 8-aligned.
    #[inline]
    fn free(&mut self) -> &mut [u8] {
        let from = self.offset.next_multiple_of(8);
        self.bytes.get_mut(from..self.limit).unwrap_or_default()
    }

    /// Room behind the last record, if there is some without padding (no bit of `mask` in its offset). What is written there
    /// is made part of the contents by [`Area::advance`].
    #[inline(always)]
    pub(crate) fn room(&mut self, bytes: u32, mask: u32) -> Option<*mut u8> {
        let aligned = self.offset & mask as usize == 0;
        // The sum of an offset inside memory and a 32-bit number does not overflow.
        let fits = self.offset.wrapping_add(bytes as usize) <= self.limit;
        // SAFETY: what fits is within `limit`, which is within the bytes.
        (aligned && fits).then(|| unsafe { self.bytes.start().as_ptr().add(self.offset) })
    }

    /// Makes the next `size` bytes part of the contents.
    ///
    /// # Safety
    ///
    /// [`Area::room`] has just found as many.
    #[inline(always)]
    pub(crate) unsafe fn advance(&mut self, size: u32) {
        self.offset = self.offset.wrapping_add(size as usize);
    }

    /// Makes `size` bytes at the reserved place part of the contents.
    #[inline]
    pub fn commit(&mut self, at: Place, size: u32) {
        self.offset = at.0.wrapping_add(size as usize).min(self.limit);
    }

    /// Where a record would go and end, if it fits with its scratch.
    #[inline]
    fn place(&self, need: Need) -> Option<(usize, usize)> {
        let mask = (need.align as usize).wrapping_sub(1) & 7;
        let at = self.offset.wrapping_add(mask) & !mask;
        let end = at.wrapping_add(need.bytes as usize);
        // The sum of an offset inside memory and two 32-bit numbers does not overflow.
        (end.wrapping_add(need.scratch as usize) <= self.limit).then_some((at, end))
    }

    /// Zeroes the words skipped for alignment.
    #[inline]
    fn pad(&mut self, at: usize) {
        // Seldom, and a call to fill nothing costs more than this test.
        if self.offset != at
            && let Some(gap) = self.bytes.get_mut(self.offset..at)
        {
            gap.fill(0);
        }
    }

    /// Ring: room for a record, taken from the oldest ones; or `None` where it can never fit.
    fn reserve_overwriting(
        &mut self,
        need: Need,
        size_of_record: impl Fn(u32) -> usize,
    ) -> Option<(Place, &mut [u8])> {
        let (at, end) = match self.place(need) {
            Some(place) => place,
            None if need.bytes as usize <= self.limit => {
                self.zero(self.offset, self.limit);
                self.offset = 0;
                self.oldest = Some(0);
                (0, need.bytes as usize)
            }
            None => return None,
        };
        self.make_way(end, size_of_record);
        self.pad(at);
        let record = self.bytes.get_mut(at..end)?;
        Some((Place(at), record))
    }

    /// Ring: moves `oldest` behind whatever begins before `end`.
    fn make_way(&mut self, end: usize, size_of_record: impl Fn(u32) -> usize) {
        let Some(mut oldest) = self.oldest else { return };
        while oldest < end {
            let epid = self.bytes.get(oldest..).and_then(|rest| rest.first_chunk::<WORD>());
            oldest += match epid.map(|word| u32::from_ne_bytes(*word)) {
                None | Some(dtrace_abi::record::EPIDNONE) => WORD,
                Some(epid) => size_of_record(epid).max(WORD),
            };
        }
        // Where nothing old is left, all there is begins at 0.
        self.oldest = Some(oldest).filter(|&oldest| oldest < self.limit);
    }

    /// Ring: makes what is left of overwritten records, and of a record that was given up, padding.
    fn clear_gap(&mut self) {
        if let Some(oldest) = self.oldest {
            self.zero(self.offset, oldest);
        }
    }

    fn zero(&mut self, from: usize, to: usize) {
        if let Some(range) = self.bytes.get_mut(from..to) {
            range.fill(0);
        }
    }
}

impl Exchangeable for Area {
    fn reset(&mut self) {
        self.offset = 0;
        self.counts = Counts::default();
        self.oldest = None;
    }
}

/// The principal buffer of one CPU.
pub struct Buffer {
    areas: Pair<Area>,
    policy: Policy,
    /// Scratch memory where the policy leaves none in the area.
    scratch: UnsafeCell<Bytes>,
    /// Fill: something did not fit. Written by the CPU, read by anybody who wants to know.
    full: AtomicBool,
}

// SAFETY: the scratch memory is reached only through `Buffer::writer`, whose contract makes the access exclusive; the
// rest is `Sync` by itself.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// An empty buffer of `size` bytes, a multiple of 8, of which `kept_back` are for END (fill only).
    #[inline(never)]
    pub fn new(policy: Policy, size: usize, kept_back: usize) -> Result<Buffer, OutOfMemory> {
        let mut first = Area::new(size)?;
        let (second, scratch) = match policy {
            Policy::Switch => (size, 0),
            Policy::Ring => (0, size),
            Policy::Fill => {
                first.limit = size.saturating_sub(kept_back);
                (0, size)
            }
        };
        Ok(Buffer {
            areas: Pair::new(first, Area::new(second)?),
            policy,
            scratch: UnsafeCell::new(Bytes::zeroed(scratch)?),
            full: AtomicBool::new(false),
        })
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Whether something did not fit a fill buffer. Any context.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Access for a firing probe.
    ///
    /// # Safety
    ///
    /// The caller is in probe context on the CPU that the buffer belongs to, and what the last call returned is no
    /// longer in use.
    #[inline]
    pub unsafe fn writer(&self) -> Writer<'_> {
        // SAFETY: the contract is the same.
        let area = unsafe { self.areas.active_side() };
        // SAFETY: only a writer uses the scratch memory, and there is one at a time by contract.
        let scratch = unsafe { &mut *self.scratch.get() };
        Writer { area, policy: self.policy, scratch, full: &self.full }
    }

    /// Switch: the active area, for a firing probe that needs no more.
    ///
    /// # Safety
    ///
    /// As for [`Buffer::writer`].
    #[expect(clippy::mut_from_ref, reason = "exclusive by contract: one CPU, one probe at a time")]
    #[inline(always)]
    pub(crate) unsafe fn switched(&self) -> Option<&mut Area> {
        // SAFETY: the contract is the same.
        (self.policy == Policy::Switch).then(|| unsafe { self.areas.active_side() })
    }

    /// Switch: makes the other area the active one, and answers the one to be read when the CPU has left the probe it
    /// may be in. Process context.
    ///
    /// # Safety
    ///
    /// The policy is switch, and consumers take turns: as for [`Pair::exchange`].
    pub unsafe fn exchange(&self) -> Retired<'_, Area> {
        // SAFETY: the contract is the same.
        unsafe { self.areas.exchange() }
    }

    /// The buffer of a state that has stopped, whatever the policy. Read once: it is empty afterwards.
    ///
    /// # Safety
    ///
    /// No probe uses the buffer any more, and consumers take turns.
    pub unsafe fn stopped(&self) -> Settled<'_, Area> {
        // SAFETY: the contract is the same.
        let mut area = unsafe { self.areas.in_place() };
        area.clear_gap();
        area
    }

    /// Fill: opens the part that was kept back, for END.
    ///
    /// # Safety
    ///
    /// No probe uses the buffer at the moment.
    pub unsafe fn release_kept_back(&self) {
        // SAFETY: the contract is the same.
        let area = unsafe { self.areas.active_side() };
        area.limit = area.size();
        area.closed = false;
    }
}

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Buffer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A firing probe's access to the buffer of its CPU.
pub struct Writer<'a> {
    area: &'a mut Area,
    policy: Policy,
    scratch: &'a mut [u8],
    full: &'a AtomicBool,
}

impl Writer<'_> {
    /// Room for a record. `None` means that there is none, which has been counted as the policy has it.
    ///
    /// `size_of_record` gives the size of the records of an EPID; a ring asks for it to know what it overwrites.
    #[inline]
    pub fn reserve(&mut self, need: Need, size_of_record: impl Fn(u32) -> usize) -> Option<Reservation<'_>> {
        match self.policy {
            Policy::Switch => self.area.reserve(need),
            _ => self.reserve_alone(need, size_of_record),
        }
    }

    /// Scratch memory for what runs before there is a record: what the next reservation will take.
    #[inline]
    pub fn scratch(&mut self) -> &mut [u8] {
        match self.policy {
            Policy::Switch => self.area.free(),
            _ => self.scratch,
        }
    }

    /// The policies with one area, which have their scratch memory elsewhere.
    #[cold]
    #[inline(never)]
    fn reserve_alone(
        &mut self,
        need: Need,
        size_of_record: impl Fn(u32) -> usize,
    ) -> Option<Reservation<'_>> {
        let within = Need { scratch: 0, ..need };
        if need.scratch as usize > self.scratch.len() {
            self.area.count_drop();
            return None;
        }
        let fits = match self.policy {
            Policy::Ring => need.bytes as usize <= self.area.limit,
            _ => !self.area.closed && self.area.place(within).is_some(),
        };
        if !fits {
            if self.policy == Policy::Ring {
                self.area.count_drop();
            } else {
                self.area.closed = true;
                self.full.store(true, Ordering::Relaxed);
            }
            return None;
        }
        let (at, record) = match self.policy {
            Policy::Ring => self.area.reserve_overwriting(within, size_of_record)?,
            _ => {
                let Reservation { at, record, .. } = self.area.reserve(within)?;
                (at, record)
            }
        };
        Some(Reservation { at, record, scratch: self.scratch })
    }

    /// Makes `size` bytes at the reserved place part of the buffer.
    #[inline]
    pub fn commit(&mut self, at: Place, size: u32) {
        self.area.commit(at, size);
    }

    /// Counts a record that is given up because of a fault.
    #[inline]
    pub fn count_error(&mut self) {
        self.area.count_error();
    }

    /// Counts a record that found no room somewhere else.
    #[inline]
    pub fn count_drop(&mut self) {
        self.area.count_drop();
    }
}
