//! An allocator that counts, and fails when it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Allocations of this thread that have not been freed.
    static LIVE: Cell<i64> = const { Cell::new(0) };
    /// The allocation of this thread that is to fail, counted from now; 0 for none.
    static FAIL: Cell<u64> = const { Cell::new(0) };
    /// All allocations of this thread fail.
    static STARVE: Cell<bool> = const { Cell::new(false) };
}

/// Allocations of this thread that have not been freed.
pub(crate) fn live() -> i64 {
    LIVE.get()
}

/// The allocation of this thread that is to fail, counted from now; 0 for none.
pub(crate) fn fail(allocation: u64) {
    FAIL.set(allocation);
}

/// Whether all allocations of this thread fail.
pub(crate) fn starve(starve: bool) {
    STARVE.set(starve);
}

/// The system's allocator, counted by thread.
struct Counting;

// SAFETY: all memory comes from and goes to `System`, with the same layouts; counting touches no memory but
// thread-local cells that need no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if STARVE.get() {
            return std::ptr::null_mut();
        }
        let fail = FAIL.get();
        if fail != 0 {
            FAIL.set(fail - 1);
            if fail == 1 {
                return std::ptr::null_mut();
            }
        }
        LIVE.set(LIVE.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
