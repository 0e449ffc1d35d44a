//! The allocator of the targets: it counts what is live, refuses what is unreasonable, and fails when it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

/// Allocations that have not been freed.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// What they hold together.
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// The allocation that is to fail, counted from now; 0 for none.
static FAIL: AtomicUsize = AtomicUsize::new(0);

/// The most that is given at once. A kernel has its limit, too; this one is so low that runs are short.
const LARGEST: usize = 4 << 20;
/// The most that is given in all, but for blocks of less than a page: a run may ask for thousands of buffers.
const MACHINE: usize = 64 << 20;
const PAGE: usize = 4 << 10;
/// Whether the limit is off.
static LIMITLESS: AtomicBool = AtomicBool::new(false);

struct Ledger;

fn refused(layout: Layout) -> bool {
    if FAIL.load(Ordering::Relaxed) != 0 && FAIL.fetch_sub(1, Ordering::Relaxed) == 1 {
        return true;
    }
    let full = layout.size() >= PAGE && BYTES.load(Ordering::Relaxed) + layout.size() > MACHINE;
    (full || layout.size() > LARGEST) && !LIMITLESS.load(Ordering::Relaxed)
}

fn count(layout: Layout) {
    LIVE.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(layout.size(), Ordering::Relaxed);
}

// SAFETY: all memory comes from and goes to `System`, with the same layouts; counting touches no memory but three atomics.
unsafe impl GlobalAlloc for Ledger {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refused(layout) {
            return ptr::null_mut();
        }
        count(layout);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refused(layout) {
            return ptr::null_mut();
        }
        count(layout);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Ledger = Ledger;

/// Runs `f`, after which as much must be live as before.
pub fn balanced(f: impl FnOnce()) {
    let before = LIVE.load(Ordering::Relaxed);
    f();
    let after = LIVE.load(Ordering::Relaxed);
    assert_eq!(after, before, "allocations live after the run, and before");
}

/// Runs `f`, in which the allocation of this number (from 1; 0 for none) fails. `f` must be prepared for it.
pub fn failing<R>(number: usize, f: impl FnOnce() -> R) -> R {
    FAIL.store(number, Ordering::Relaxed);
    let result = f();
    FAIL.store(0, Ordering::Relaxed);
    result
}

/// Runs `f` without the limit: for what belongs to the target, not to the engine.
pub fn limitless<R>(f: impl FnOnce() -> R) -> R {
    LIMITLESS.store(true, Ordering::Relaxed);
    let result = f();
    LIMITLESS.store(false, Ordering::Relaxed);
    result
}
