//! The variables of a program: globals, clause-locals, thread-locals, associative arrays.

use core::sync::atomic::Ordering::Relaxed;

use super::tuple::Tuple;
use super::{Machine, Subject, Trap};
use crate::dynvar::{KeyWords, NoKey, Stored};
use crate::host::Host;

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    #[inline(always)]
    pub(crate) fn load_global(&self, index: u32) -> u64 {
        self.clause.variables.global(index).map_or(0, |word| word.load(Relaxed))
    }

    #[inline(always)]
    pub(crate) fn store_global(&self, index: u32, value: u64) {
        if let Some(word) = self.clause.variables.global(index) {
            word.store(value, Relaxed);
        }
    }

    pub(crate) fn load_local(&self, index: u32) -> u64 {
        self.clause.variables.local(self.moment.cpu, index).map_or(0, |word| word.load(Relaxed))
    }

    pub(crate) fn store_local(&self, index: u32, value: u64) {
        if let Some(word) = self.clause.variables.local(self.moment.cpu, index) {
            word.store(value, Relaxed);
        }
    }

    /// The address of a string or structure, 0 if it is null.
    #[inline(never)]
    pub(crate) fn load_area(&self, index: u32) -> u64 {
        match self.clause.variables.area(self.moment.cpu, index) {
            Some(area) if area.null.load(Relaxed) == 0 => self.clause.variables.address_of(index, &area),
            _ => 0,
        }
    }

    /// Copies the string or structure at an address into the variable; 0 makes it null.
    #[inline(never)]
    pub(crate) fn store_area(&self, index: u32, from: u64) -> Result<(), Trap> {
        let Some(area) = self.clause.variables.area(self.moment.cpu, index) else { return Ok(()) };
        if from == 0 {
            area.null.store(1, Relaxed);
            return Ok(());
        }
        // SAFETY: the area has `size` bytes.
        unsafe { self.fetch_value(from, area.data, area.size, area.string)? };
        area.null.store(0, Relaxed);
        Ok(())
    }

    /// Copies a value that is held by reference.
    ///
    /// # Safety
    ///
    /// `size` bytes, at least one, are writable at `to`.
    unsafe fn fetch_value(&self, from: u64, to: *mut u8, size: usize, string: bool) -> Result<(), Trap> {
        // A variable stored to itself is what it was.
        if from == to.addr() as u64 {
            return Ok(());
        }
        // SAFETY: the caller's.
        unsafe {
            if string {
                self.fetch_string(from, to, size).map(|_| ())
            } else {
                self.fetch(from, to, size as u64)
            }
        }
    }

    #[inline(never)]
    pub(crate) fn load_thread(&self, index: u32) -> u64 {
        self.load_dynamic(index, &NoKey)
    }

    #[inline(never)]
    pub(crate) fn store_thread(&self, index: u32, value: u64) -> Result<(), Trap> {
        self.store_dynamic(index, &NoKey, value)
    }

    #[inline(never)]
    pub(crate) fn load_assoc(&self, index: u32, tuple: &mut Tuple) -> u64 {
        match tuple.key() {
            Some(key) => self.load_dynamic(index, key),
            None => self.load_long_assoc(index, tuple),
        }
    }

    #[inline(never)]
    pub(crate) fn store_assoc(&self, index: u32, tuple: &mut Tuple, value: u64) -> Result<(), Trap> {
        match tuple.key() {
            Some(key) => self.store_dynamic(index, key, value),
            None => self.store_long_assoc(index, tuple, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn load_long_assoc(&self, index: u32, tuple: &Tuple) -> u64 {
        // Late: it does not matter what is loaded, the end of the object is a fault.
        if self.in_time().is_err() {
            return 0;
        }
        self.load_dynamic(index, tuple)
    }

    #[cold]
    #[inline(never)]
    fn store_long_assoc(&self, index: u32, tuple: &Tuple, value: u64) -> Result<(), Trap> {
        self.in_time()?;
        self.store_dynamic(index, tuple, value)
    }

    #[inline(always)]
    pub(super) fn load_dynamic<K: KeyWords + ?Sized>(&self, index: u32, key: &K) -> u64 {
        let variables = self.clause.variables;
        match (variables.dynamic(index), variables.dynvars()) {
            (Some(dynamic), Some(store)) => store.load(&dynamic.identity(self.moment.thread()), key),
            _ => 0,
        }
    }

    /// A store that finds no room is a drop, counted by the store, and no fault.
    #[inline(always)]
    pub(super) fn store_dynamic<K: KeyWords + ?Sized>(
        &self,
        index: u32,
        key: &K,
        value: u64,
    ) -> Result<(), Trap> {
        let variables = self.clause.variables;
        let (Some(dynamic), Some(store)) = (variables.dynamic(index), variables.dynvars()) else {
            return Ok(());
        };
        let who = dynamic.identity(self.moment.thread());
        let cpu = self.moment.cpu;
        if value == 0 {
            store.clear(cpu, &who, key);
        } else if dynamic.bytes == 0 {
            let (Stored::Done | Stored::Dropped) = store.store(cpu, &who, key, value);
        } else {
            self.in_time()?;
            let size = dynamic.bytes as usize;
            let (Stored::Done | Stored::Dropped) = store.store_bytes(cpu, &who, key, |to| {
                // SAFETY: the store gives `bytes` bytes, which are at least one.
                unsafe { self.fetch_value(value, to, size, dynamic.string) }
            })?;
        }
        Ok(())
    }
}
