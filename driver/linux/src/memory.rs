//! The global allocator: the kernel's kvmalloc.
//!
//! What always holds: nothing in the driver allocates while a probe fires, and nothing aborts when memory runs out:
//! the driver is compiled with `no_global_oom_handling`, so that only the fallible forms exist.
//!
//! An eighth of the machine's memory is not the driver's to take: the kernel would find the last of it by starving everybody else
//! first, and a consumer's buffers are not worth that. Whoever takes a megabyte, in one block or in many, asks whether it is
//! there. GO asks before it takes anything ([`spare`]); this is for what else takes memory, and for two that ask at once.
//!
//! What is held is counted, so that a leak shows as a number (`/proc/dtrace/stats`): bytes as the kernel was asked for them,
//! and blocks. What the shim takes itself, a timer's few words, is not in it.
//!
//! kvmalloc aligns to 8 bytes at least, and naturally where the size is a power of two (up to a page) or the memory comes
//! in pages. Larger alignments are therefore had by rounding the size up.

use crate::ffi;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What kmalloc aligns to whatever the size.
const MIN_ALIGN: usize = 8;

/// After so many bytes it is asked again whether there are more.
const STEP: usize = 1 << 20;

/// What is kept back at most. (Of a large machine an eighth may be bound in huge pages, which are in its size and never available.)
const RESERVE_MAX: u64 = 1 << 30;

/// Smaller blocks are the kernel's to refuse: taking things away needs a few words, too.
const SMALL: usize = 4096;

/// Bytes that were taken since.
static UNASKED: AtomicUsize = AtomicUsize::new(0);

/// How many bytes the machine can spare.
pub(crate) fn spare() -> u64 {
    // SAFETY: process context, where everything that allocates runs.
    let (total, available) = unsafe { (ffi::host_memory_total(), ffi::host_memory_available()) };
    available.saturating_sub((total / 8).min(RESERVE_MAX))
}

/// Whether the machine can spare a block of this size.
fn is_spare(size: usize) -> bool {
    let unasked = UNASKED.fetch_add(size, Ordering::Relaxed).saturating_add(size);
    if unasked < STEP || size < SMALL {
        return true;
    }
    let spare = size as u64 <= spare();
    if spare {
        UNASKED.store(0, Ordering::Relaxed);
    } else {
        UNASKED.fetch_sub(size, Ordering::Relaxed);
    }
    spare
}

static BYTES: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// How many bytes the driver holds, in how many blocks.
pub(crate) fn held() -> (usize, usize) {
    (BYTES.load(Ordering::Relaxed), BLOCKS.load(Ordering::Relaxed))
}

/// Counts a block, if there is one.
fn counted(block: *mut u8, size: usize) -> *mut u8 {
    if !block.is_null() {
        BYTES.fetch_add(size, Ordering::Relaxed);
        BLOCKS.fetch_add(1, Ordering::Relaxed);
    }
    block
}

/// The kernel's allocator.
struct Kvmalloc;

/// The size to ask for so that the memory is aligned as `layout` wants it.
fn padded(layout: Layout) -> usize {
    if layout.align() <= MIN_ALIGN {
        layout.size()
    } else {
        layout.size().max(layout.align()).next_power_of_two()
    }
}

// SAFETY: kvmalloc returns memory of at least the size asked for that nobody else has, or null; `padded` sees to the
// alignment (see the module's text); kvfree takes what either function returned.
unsafe impl GlobalAlloc for Kvmalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_spare(layout.size()) {
            return ptr::null_mut();
        }
        let size = padded(layout);
        // SAFETY: only process context allocates, where kvmalloc may be called.
        counted(unsafe { ffi::host_alloc(size) }.cast(), size)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_spare(layout.size()) {
            return ptr::null_mut();
        }
        let size = padded(layout);
        // SAFETY: as in `alloc`.
        counted(unsafe { ffi::host_alloc_zeroed(size) }.cast(), size)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.fetch_sub(padded(layout), Ordering::Relaxed);
        BLOCKS.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller's contract: `ptr` came from this allocator and is not used any more.
        unsafe { ffi::host_free(ptr.cast()) }
    }
}

#[cfg_attr(target_os = "none", global_allocator)]
#[cfg_attr(
    not(target_os = "none"),
    expect(dead_code, reason = "checked on the host, which has an allocator")
)]
static ALLOCATOR: Kvmalloc = Kvmalloc;
