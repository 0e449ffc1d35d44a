//! Scratch memory: what `alloca`, `copyin`, the string subroutines and `allocs` take their room from.
//!
//! It is a piece of memory that one CPU has for itself while one clause runs (contract 3: the free space of the
//! principal buffer after the record being built). Allocation moves a mark up; nothing is freed before the clause ends.
//! Probe context.

use core::cell::Cell;
use core::marker::PhantomData;

/// What an allocation is aligned to.
const ALIGN: usize = 8;

/// The scratch memory of one clause.
pub struct Scratch<'a> {
    base: *mut u8,
    len: usize,
    /// What programs see as the address of its beginning.
    shown: u64,
    used: Cell<usize>,
    memory: PhantomData<&'a mut [u8]>,
}

impl<'a> Scratch<'a> {
    /// Scratch memory in `memory`.
    pub fn new(memory: &'a mut [u8]) -> Scratch<'a> {
        // SAFETY: the slice is borrowed exclusively for 'a.
        unsafe { Scratch::from_raw(memory.as_mut_ptr(), memory.len()) }
    }

    /// Scratch memory of `len` bytes at `base`.
    ///
    /// # Safety
    ///
    /// The bytes are valid for reads and writes for 'a, initialised, and nobody else touches them meanwhile but through
    /// the addresses that this value gives out.
    #[inline]
    pub unsafe fn from_raw(base: *mut u8, len: usize) -> Scratch<'a> {
        let lead = base.addr().wrapping_neg() % ALIGN;
        let (base, len) = match len.checked_sub(lead) {
            Some(rest) => (base.wrapping_add(lead), rest),
            None => (base, 0),
        };
        let shown = base.expose_provenance() as u64;
        Scratch { base, len, shown, used: Cell::new(0), memory: PhantomData }
    }

    /// Shows itself at this address.
    pub(crate) fn show_at(&mut self, address: u64) {
        self.shown = address;
    }

    /// What programs see as the address of a byte of it.
    #[inline]
    pub(crate) fn address_of(&self, at: *const u8) -> u64 {
        self.shown.wrapping_add(at.addr().wrapping_sub(self.base.addr()) as u64)
    }

    /// No scratch memory.
    pub const fn none() -> Scratch<'a> {
        Scratch {
            base: core::ptr::without_provenance_mut(ALIGN),
            len: 0,
            shown: ALIGN as u64,
            used: Cell::new(0),
            memory: PhantomData,
        }
    }

    /// Takes `size` bytes, 8-aligned, whose content is whatever it was.
    pub fn take(&self, size: u64) -> Option<*mut u8> {
        let used = self.used.get();
        let rounded = usize::try_from(size).ok()?.checked_next_multiple_of(ALIGN)?;
        // The last allocation need not be rounded up.
        if size as usize > self.len - used {
            return None;
        }
        self.used.set((used + rounded).min(self.len));
        Some(self.base.wrapping_add(used))
    }

    /// What is left, which the next allocation will use: room for what is thrown away at once.
    pub fn rest(&self) -> (*mut u8, usize) {
        let used = self.used.get();
        (self.base.wrapping_add(used), self.len - used)
    }

    /// Gives back the end of the last allocation, which began at `start` and needs only `size` bytes.
    pub fn shrink(&self, start: *mut u8, size: usize) {
        let used = start.addr().wrapping_sub(self.base.addr()).wrapping_add(size).next_multiple_of(ALIGN);
        if used < self.used.get() {
            self.used.set(used);
        }
    }

    /// If an address is in memory that has been taken: a pointer to it and how much there is from there on.
    #[inline]
    pub fn region(&self, addr: u64) -> Option<(*mut u8, u64)> {
        let used = self.used.get() as u64;
        let offset = addr.wrapping_sub(self.shown);
        (offset < used).then(|| (self.base.wrapping_add(offset as usize), used - offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_aligned_and_do_not_overlap() {
        let mut memory = [0u64; 8];
        // SAFETY: the array outlives the value and is used by nothing else.
        let scratch = unsafe { Scratch::from_raw(memory.as_mut_ptr().cast::<u8>().wrapping_add(3), 61) };
        let first = scratch.take(5).unwrap();
        let second = scratch.take(8).unwrap();
        assert_eq!(first.addr() % 8, 0);
        assert_eq!(second.addr() - first.addr(), 8);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_takes_nothing() {
        let mut memory = [0u64; 2];
        // SAFETY: the array outlives the value and is used by nothing else.
        let scratch = unsafe { Scratch::from_raw(memory.as_mut_ptr().cast(), 16) };
        assert_eq!(scratch.take(17), None);
        assert_eq!(scratch.take(u64::MAX), None);
        assert!(scratch.take(16).is_some());
        assert_eq!(scratch.take(1), None);
        assert!(scratch.take(0).is_some());
    }

    #[test]
    fn an_address_is_in_scratch_only_where_it_was_taken() {
        let mut memory = [0u64; 4];
        // SAFETY: the array outlives the value and is used by nothing else.
        let scratch = unsafe { Scratch::from_raw(memory.as_mut_ptr().cast(), 32) };
        let start = scratch.take(16).unwrap().addr() as u64;
        let room = |addr| scratch.region(addr).map(|(_, room)| room);
        assert_eq!(room(start), Some(16));
        assert_eq!(room(start + 15), Some(1));
        assert_eq!(room(start.wrapping_sub(1)), None);
        assert_eq!(room(start + 16), None);
    }

    #[test]
    fn the_end_of_the_last_allocation_can_be_given_back() {
        let mut memory = [0u64; 4];
        // SAFETY: the array outlives the value and is used by nothing else.
        let scratch = unsafe { Scratch::from_raw(memory.as_mut_ptr().cast(), 32) };
        let start = scratch.take(32).unwrap();
        scratch.shrink(start, 3);
        assert_eq!(scratch.take(24).unwrap().addr(), start.addr() + 8);
    }
}
