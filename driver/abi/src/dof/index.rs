//! How the parts of an image point at each other.

/// The index of a section.
pub type SecIdx = u32;
/// The offset of a string in its table.
pub type StrIdx = u32;
/// A [`crate::Attribute`] as a word.
pub type AttrWord = u32;

/// No section.
pub const SECIDX_NONE: SecIdx = 0xffff_ffff;
/// No string.
pub const STRIDX_NONE: StrIdx = 0xffff_ffff;
