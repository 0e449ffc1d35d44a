//! Plain structures as bytes.
//!
//! Everything that crosses the ABI is copied as bytes: to and from user memory, out of a DOF image at any alignment.
//! [`Plain`] is the one place where that is unsafe. A crate for it (zerocopy, bytemuck) was rejected: the driver takes
//! no dependencies for thirty lines, and the [`layout!`](crate::layout) table proves the conditions anyway.

use core::mem::MaybeUninit;

/// A type that is exactly its bytes.
///
/// # Safety
///
/// Every bit pattern of the right size is a valid value, and no byte of a value is padding.
pub unsafe trait Plain: Copy + 'static {
    /// The value whose bytes are all zero.
    #[must_use]
    fn zeroed() -> Self {
        // SAFETY: all zero is a bit pattern, and the implementor promises that any is valid.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// The value in the first bytes of `bytes`, wherever they are aligned; `None` when they are too few.
    #[must_use]
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..size_of::<Self>())?;
        // SAFETY: the slice has the size of the type, the read is unaligned, and any bit pattern is valid.
        Some(unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() })
    }

    /// The bytes of the value.
    #[must_use]
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: the value is live and borrowed, it has this size, and none of its bytes is padding.
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }

    /// The bytes of the value, to be overwritten.
    #[must_use]
    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `as_bytes`; the borrow is exclusive, and whatever is written is a valid value.
        unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Self>()) }
    }
}

macro_rules! integers {
    ($($ty:ty)+) => {
        $(
            // SAFETY: every bit pattern of an integer is a value, and it has no padding.
            unsafe impl Plain for $ty {}
        )+
    };
}
integers!(u8 u16 u32 u64 i8 i16 i32 i64);

// SAFETY: an array is its elements and nothing between them.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecDesc;

    #[test]
    fn a_structure_survives_the_way_through_bytes_at_any_alignment() {
        let rec = RecDesc { action: 1, size: 8, offset: 12, alignment: 8, arg: 7, ..RecDesc::zeroed() };
        let mut bytes = [0u8; size_of::<RecDesc>() + 1];
        bytes[1..].copy_from_slice(rec.as_bytes());
        let back = RecDesc::from_bytes(&bytes[1..]).unwrap();
        assert_eq!((back.action, back.size, back.offset, back.alignment, back.arg), (1, 8, 12, 8, 7));
    }

    #[test]
    fn too_few_bytes_are_no_structure() {
        assert!(RecDesc::from_bytes(&[0; size_of::<RecDesc>() - 1]).is_none());
        assert!(RecDesc::from_bytes(&[0; size_of::<RecDesc>() + 1]).is_some());
    }

    #[test]
    fn writing_the_bytes_writes_the_value() {
        let mut rec = RecDesc::zeroed();
        rec.as_bytes_mut()[4..8].copy_from_slice(&0x1234u32.to_ne_bytes());
        assert_eq!(rec.size, 0x1234);
    }
}
