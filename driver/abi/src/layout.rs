//! The layout tables: what stands at which byte of a structure.

use crate::Plain;

/// One member of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its Rust name.
    pub name: &'static str,
    /// The bytes before it.
    pub offset: usize,
    /// Its own bytes.
    pub size: usize,
}

/// A structure of the ABI with the table of its members, for whoever compares it with another compiler's.
pub trait Layout: Plain {
    /// The members, in order.
    const FIELDS: &'static [Field];
}

/// The size of the member that `_project` points out.
pub(crate) const fn size_of_member<S, M: Plain>(_project: fn(&S) -> &M) -> usize {
    size_of::<M>()
}

/// States the layout of a structure as the contract gives it (`member offset:size`), refuses to compile when the
/// compiler sees it differently, and makes the structure [`Plain`]: its members are plain and follow each other without
/// a gap up to its size.
macro_rules! layout {
    ($ty:ident $size:literal { $($field:ident $offset:literal : $len:literal)+ }) => {
        const _: () = {
            let mut end = 0;
            $(
                assert!(core::mem::offset_of!($ty, $field) == $offset, "offset differs from the contract");
                assert!($offset == end, "padding before this member");
                assert!($crate::layout::size_of_member(|s: &$ty| &s.$field) == $len, "size of this member");
                end += $len;
            )+
            assert!(end == $size && size_of::<$ty>() == $size, "size differs from the contract");
        };
        // SAFETY: the assertions above show that the structure is its members without padding, and that each member
        // is plain itself.
        unsafe impl $crate::Plain for $ty {}
        impl $crate::Layout for $ty {
            const FIELDS: &'static [$crate::Field] =
                &[$($crate::Field { name: stringify!($field), offset: $offset, size: $len }),+];
        }
    };
}
