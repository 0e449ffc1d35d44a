//! Which handlers of system calls are hooked one by one.
//!
//! The kernel's ftrace patches a call into the functions that it is given and into no others, so that a system call whose handler
//! is not hooked costs what it costs without us. Only entries can be seen this way.
//!
//! The last hook goes by the work queue, because that waits for every task of the machine, and the control mutex is held here: when
//! a task never leaves the kernel, nobody else waits with it. Until the hook has gone there is none other. Whoever wants one waits
//! for a second, and then does without: by the tracepoint. Unloading the driver waits for as long as it takes.
//!
//! What always holds: ftrace knows the places that are in use, or more while a removal has not been applied; and it is never
//! attached without a place, for that would mean every function of the kernel.

use crate::ffi;
use core::ffi::c_ulong;
use dtrace_engine::errno::Errno;

/// More calls than these are not hooked one by one: each has to be looked up and patched, and whoever wants so many is better off
/// with one hook for all.
pub(crate) const LIMIT: usize = 64;

/// Where a handler begins, and how many of the enabled probes are on it: 32-bit and 64-bit calls often have the same one.
#[derive(Clone, Copy)]
struct Place {
    address: u64,
    users: u32,
}

/// The handlers that are hooked. Changed under the control mutex only.
pub(crate) struct Handlers {
    places: [Place; LIMIT],
    len: usize,
    attached: bool,
    /// ftrace does not know yet of the last change.
    stale: bool,
}

impl Handlers {
    pub(crate) const fn new() -> Self {
        Handlers { places: [Place { address: 0, users: 0 }; LIMIT], len: 0, attached: false, stale: false }
    }

    /// How many more can be added.
    pub(crate) fn room(&self) -> usize {
        LIMIT - self.len
    }

    fn find(&mut self, address: u64) -> Option<usize> {
        self.places.iter().take(self.len).position(|place| place.address == address)
    }

    /// One more probe is on this handler. The caller has made sure of the room.
    pub(crate) fn add(&mut self, address: u64) {
        if let Some(place) = self.find(address).and_then(|at| self.places.get_mut(at)) {
            place.users += 1;
        } else if let Some(place) = self.places.get_mut(self.len) {
            *place = Place { address, users: 1 };
            self.len += 1;
            self.stale = true;
        }
    }

    /// One probe less is on this handler.
    pub(crate) fn remove(&mut self, address: u64) {
        let Some(at) = self.find(address) else { return };
        let last = self.places.get(self.len - 1).copied();
        if let (Some(place), Some(last)) = (self.places.get_mut(at), last) {
            place.users -= 1;
            if place.users == 0 {
                *place = last;
                self.len -= 1;
                self.stale = true;
            }
        }
    }

    /// Tells ftrace. On failure it is as it was, if nothing was removed since. Not inlined: the addresses are on the stack.
    ///
    /// # Safety
    ///
    /// Process context.
    #[inline(never)]
    pub(crate) unsafe fn apply(&mut self) -> Result<(), Errno> {
        if !self.stale {
            return Ok(());
        }
        if self.len == 0 {
            if self.attached {
                // SAFETY: process context; it is attached, and the queue is there as long as the engine.
                unsafe { ffi::host_handlers_detach() };
            }
            (self.attached, self.stale) = (false, false);
            return Ok(());
        }
        let mut addresses: [c_ulong; LIMIT] = [0; LIMIT];
        for (to, place) in addresses.iter_mut().zip(&self.places) {
            *to = place.address as c_ulong;
        }
        let set = if self.attached { ffi::host_handlers_change } else { ffi::host_handlers_attach };
        // SAFETY: process context; so many addresses are there, at least one.
        if unsafe { set(addresses.as_mut_ptr(), self.len as u32) } != 0 {
            return Err(Errno::ENODEV);
        }
        (self.attached, self.stale) = (true, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(handlers: &Handlers) -> impl Iterator<Item = (u64, u32)> {
        handlers.places.iter().take(handlers.len).map(|place| (place.address, place.users))
    }

    #[test]
    fn a_handler_is_hooked_as_long_as_a_probe_is_on_it() {
        let mut handlers = Handlers::new();
        [10, 20, 10, 30].into_iter().for_each(|address| handlers.add(address));
        assert!(of(&handlers).eq([(10, 2), (20, 1), (30, 1)]));
        handlers.remove(10);
        assert!(of(&handlers).eq([(10, 1), (20, 1), (30, 1)]));
        handlers.remove(10);
        assert!(of(&handlers).eq([(30, 1), (20, 1)]));
        handlers.remove(10);
        assert!(of(&handlers).eq([(30, 1), (20, 1)]));
        [20, 30].into_iter().for_each(|address| handlers.remove(address));
        assert_eq!(handlers.room(), LIMIT);
    }

    #[test]
    fn the_same_probes_are_no_change() {
        let mut handlers = Handlers::new();
        handlers.add(10);
        handlers.stale = false;
        handlers.add(10);
        handlers.remove(10);
        assert!(!handlers.stale);
        handlers.remove(10);
        assert!(handlers.stale);
    }
}
