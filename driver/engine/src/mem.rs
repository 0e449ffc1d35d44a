//! Fallible memory.
//!
//! In the kernel the engine is built without infallible allocation: running out of memory is an answer (`ENOMEM`), never
//! an abort. So everything that takes memory goes through this file: [`TryPush`] for vectors, [`try_box`] for single
//! objects, [`Bytes`] for the large, zeroed, 8-aligned areas that buffers are made of.
//!
//! Everything here runs in process context only. Freeing is the ordinary `Drop`, so an early return loses nothing.
//!
//! Rejected: an allocator parameter on every type (the kernel has one allocator that suits all of them), and reference
//! counts (what is shared with the firing path is freed after a grace period).

use alloc::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// There is not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl core::error::Error for OutOfMemory {}

/// What `Vec` can do when memory may run out.
pub trait TryPush<T> {
    /// Appends `value`; on failure the vector is as it was and `value` is dropped.
    fn try_push(&mut self, value: T) -> Result<(), OutOfMemory>;

    /// Puts `value` before the element at `index` (at the end if `index` is beyond it).
    fn try_insert(&mut self, index: usize, value: T) -> Result<(), OutOfMemory>;

    /// Appends all of `values`, or nothing.
    fn try_extend_from_slice(&mut self, values: &[T]) -> Result<(), OutOfMemory>
    where
        T: Clone;

    /// Makes the vector `len` elements long, filling with `value`.
    fn try_resize(&mut self, len: usize, value: T) -> Result<(), OutOfMemory>
    where
        T: Clone;
}

/// Appends within the capacity that was reserved.
///
/// A full vector drops the value; the callers below have reserved before.
fn push_reserved<T>(vec: &mut Vec<T>, value: T) {
    if let Some(slot) = vec.spare_capacity_mut().first_mut() {
        slot.write(value);
        // SAFETY: the slot at index `len` lies within the capacity and has just been written.
        unsafe { vec.set_len(vec.len() + 1) };
    }
}

impl<T> TryPush<T> for Vec<T> {
    fn try_push(&mut self, value: T) -> Result<(), OutOfMemory> {
        self.try_reserve(1).map_err(|_| OutOfMemory)?;
        push_reserved(self, value);
        Ok(())
    }

    fn try_insert(&mut self, index: usize, value: T) -> Result<(), OutOfMemory> {
        self.try_push(value)?;
        if let Some(tail) = self.get_mut(index..) {
            tail.rotate_right(1);
        }
        Ok(())
    }

    fn try_extend_from_slice(&mut self, values: &[T]) -> Result<(), OutOfMemory>
    where
        T: Clone,
    {
        self.try_reserve(values.len()).map_err(|_| OutOfMemory)?;
        for value in values {
            push_reserved(self, value.clone());
        }
        Ok(())
    }

    fn try_resize(&mut self, len: usize, value: T) -> Result<(), OutOfMemory>
    where
        T: Clone,
    {
        if let Some(more) = len.checked_sub(self.len()) {
            self.try_reserve(more).map_err(|_| OutOfMemory)?;
            for _ in 0..more {
                push_reserved(self, value.clone());
            }
        } else {
            self.truncate(len);
        }
        Ok(())
    }
}

/// An empty vector with room for `n` elements.
pub fn try_with_capacity<T>(n: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(n).map_err(|_| OutOfMemory)?;
    Ok(vec)
}

/// A vector of `n` copies of `value`.
pub fn try_filled<T: Clone>(n: usize, value: T) -> Result<Vec<T>, OutOfMemory> {
    let mut vec = try_with_capacity(n)?;
    for _ in 0..n {
        push_reserved(&mut vec, value.clone());
    }
    Ok(vec)
}

/// A vector with a copy of `values`.
pub fn try_to_vec<T: Clone>(values: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut vec = try_with_capacity(values.len())?;
    for value in values {
        push_reserved(&mut vec, value.clone());
    }
    Ok(vec)
}

/// A vector of what `make` answers for 0, 1, .. `n - 1`; the first error ends it.
pub fn try_build<T, E: From<OutOfMemory>>(
    n: usize,
    mut make: impl FnMut(usize) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut vec = try_with_capacity(n)?;
    for index in 0..n {
        push_reserved(&mut vec, make(index)?);
    }
    Ok(vec)
}

/// Memory for a value.
fn place<T>() -> Result<NonNull<T>, OutOfMemory> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Ok(NonNull::dangling());
    }
    // SAFETY: the layout has a size above zero.
    NonNull::new(unsafe { alloc(layout) }.cast::<T>()).ok_or(OutOfMemory)
}

/// A box around `value`.
pub fn try_box<T>(value: T) -> Result<Box<T>, OutOfMemory> {
    let pointer = place::<T>()?;
    // SAFETY: the pointer is valid for a write of T: freshly allocated with T's layout, or T has no size.
    unsafe { pointer.write(value) };
    // SAFETY: `Box<T>` is memory of T's layout from the global allocator (or dangling for no size), initialised above.
    Ok(unsafe { Box::from_raw(pointer.as_ptr()) })
}

/// A box around a value to be written, for one that is too large to be made on a stack.
pub fn try_box_uninit<T>() -> Result<Box<MaybeUninit<T>>, OutOfMemory> {
    let pointer = place::<MaybeUninit<T>>()?;
    // SAFETY: as in `try_box`; any memory is a `MaybeUninit`.
    Ok(unsafe { Box::from_raw(pointer.as_ptr()) })
}

/// A zeroed, 8-aligned area of bytes of fixed size: what buffers are made of.
///
/// The memory stays where it is for the life of the value, so addresses of it may be published to the firing path.
pub struct Bytes {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a `Bytes` owns its memory like a `Box<[u8]>` does.
unsafe impl Send for Bytes {}
// SAFETY: through a shared reference the bytes can only be read (or reached by address, which is the reacher's duty).
unsafe impl Sync for Bytes {}

impl Bytes {
    const ALIGN: usize = 8;

    fn layout(len: usize) -> Result<Layout, OutOfMemory> {
        Layout::from_size_align(len, Self::ALIGN).map_err(|_| OutOfMemory)
    }

    /// `len` zeroed bytes.
    pub fn zeroed(len: usize) -> Result<Bytes, OutOfMemory> {
        let layout = Self::layout(len)?;
        let start = if len == 0 {
            NonNull::<u64>::dangling().cast()
        } else {
            // SAFETY: the layout has a size above zero.
            NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(OutOfMemory)?
        };
        Ok(Bytes { start, len })
    }

    /// The address of the first byte; 8-aligned, valid for reads and writes of [`Bytes::len`] bytes.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// The number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes as words; what does not make a whole word at the end is left out.
    #[inline]
    pub fn words(&self) -> &[u64] {
        // SAFETY: `start` is 8-aligned and valid for `len` initialised bytes; any bytes make words.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr().cast(), self.len / size_of::<u64>()) }
    }

    /// The bytes as words, to be written.
    #[inline]
    pub fn words_mut(&mut self) -> &mut [u64] {
        // SAFETY: as for `words`, and `&mut self` makes the access exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<u64>()) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if let (Ok(layout), true) = (Self::layout(self.len), self.len != 0) {
            // SAFETY: allocated by `zeroed` with this layout, and freed only here.
            unsafe { dealloc(self.start.as_ptr(), layout) };
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` is valid for `len` initialised (zeroed) bytes as long as `self` lives.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Bytes {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`, and `&mut self` makes the access exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes").field("len", &self.len).finish_non_exhaustive()
    }
}

/// `len` zeroed bytes, 8-aligned.
pub fn try_zeroed_bytes(len: usize) -> Result<Bytes, OutOfMemory> {
    Bytes::zeroed(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_insert_extend_and_resize_do_what_vec_does() {
        let mut v = Vec::new();
        v.try_push(1).unwrap();
        v.try_extend_from_slice(&[2, 4]).unwrap();
        v.try_insert(2, 3).unwrap();
        v.try_insert(0, 0).unwrap();
        v.try_insert(99, 5).unwrap();
        assert_eq!(v, [0, 1, 2, 3, 4, 5]);
        v.try_resize(7, 9).unwrap();
        assert_eq!(v, [0, 1, 2, 3, 4, 5, 9]);
        v.try_resize(1, 9).unwrap();
        assert_eq!(v, [0]);
    }

    #[test]
    fn an_impossible_request_is_an_error_and_changes_nothing() {
        let mut v = try_filled(3, 7u64).unwrap();
        assert_eq!(v.try_resize(usize::MAX / 8, 0), Err(OutOfMemory));
        assert_eq!(v, [7, 7, 7]);
        assert!(try_with_capacity::<u64>(usize::MAX).is_err());
        assert!(Bytes::zeroed(usize::MAX).is_err());
    }

    #[test]
    fn a_box_drops_its_value_once() {
        struct Counted<'a>(&'a core::cell::Cell<u32>);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let drops = core::cell::Cell::new(0);
        drop(try_box(Counted(&drops)).unwrap());
        assert_eq!(drops.get(), 1);
        drop(try_box(()).unwrap());
    }

    #[test]
    fn bytes_are_zero_and_eight_aligned() {
        for len in [0, 1, 7, 8, 4096, 1 << 20] {
            let mut bytes = try_zeroed_bytes(len).unwrap();
            assert_eq!(bytes.start().as_ptr() as usize % 8, 0);
            assert_eq!(bytes.len(), len);
            assert!(bytes.iter().all(|&b| b == 0));
            bytes.fill(1);
        }
    }

    #[test]
    fn building_stops_at_the_first_error() {
        let ok: Result<Vec<usize>, OutOfMemory> = try_build(3, |i| Ok(i * 2));
        assert_eq!(ok.unwrap(), [0, 2, 4]);
        let bad: Result<Vec<usize>, OutOfMemory> =
            try_build(3, |i| if i == 1 { Err(OutOfMemory) } else { Ok(i) });
        assert!(bad.is_err());
    }
}
