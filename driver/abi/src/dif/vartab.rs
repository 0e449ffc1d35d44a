//! Types and variables as a DIFO carries them (contract 2.3).

use crate::dof::StrIdx;

/// An integer, or a structure, of a CTF type.
pub const TYPE_CTF: u8 = 0;
/// A D string.
pub const TYPE_STRING: u8 = 1;

/// The value is the address of the data.
pub const TF_BYREF: u8 = 1;

/// An array variable.
pub const DIFV_KIND_ARRAY: u8 = 0;
/// A scalar variable.
pub const DIFV_KIND_SCALAR: u8 = 1;

/// A global variable.
pub const DIFV_SCOPE_GLOBAL: u8 = 0;
/// A variable of the thread.
pub const DIFV_SCOPE_THREAD: u8 = 1;
/// A variable of the clause.
pub const DIFV_SCOPE_LOCAL: u8 = 2;

/// The DIFO reads the variable.
pub const DIFV_F_REF: u16 = 1;
/// The DIFO writes the variable.
pub const DIFV_F_MOD: u16 = 2;

/// The type of a value.
///
/// cbindgen:field-names=[dtdt_kind, dtdt_ckind, dtdt_flags, dtdt_pad, dtdt_size]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DifType {
    /// [`TYPE_CTF`] or [`TYPE_STRING`].
    pub kind: u8,
    /// The CTF kind.
    pub ckind: u8,
    /// [`TF_BYREF`] or nothing.
    pub flags: u8,
    /// Zero.
    pub pad: u8,
    /// Bytes.
    pub size: u32,
}
layout!(DifType 8 { kind 0:1 ckind 1:1 flags 2:1 pad 3:1 size 4:4 });

/// A variable.
///
/// cbindgen:field-names=[dtdv_name, dtdv_id, dtdv_kind, dtdv_scope, dtdv_flags, dtdv_type]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DifVar {
    /// Its name, in the DIFO's string table.
    pub name: StrIdx,
    /// Its id.
    pub id: u32,
    /// [`DIFV_KIND_ARRAY`] or [`DIFV_KIND_SCALAR`].
    pub kind: u8,
    /// [`DIFV_SCOPE_GLOBAL`] and so on.
    pub scope: u8,
    /// [`DIFV_F_REF`] and [`DIFV_F_MOD`].
    pub flags: u16,
    /// Its type.
    pub ty: DifType,
}
layout!(DifVar 20 { name 0:4 id 4:4 kind 8:1 scope 9:1 flags 10:2 ty 12:8 });

/// [`DifVar::kind`], understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifKind {
    /// An array: an associative array, or a built-in one.
    Array,
    /// A scalar.
    Scalar,
}

impl DifKind {
    /// The kind of this number, if there is one.
    #[must_use]
    pub const fn from_raw(kind: u8) -> Option<Self> {
        match kind {
            DIFV_KIND_ARRAY => Some(Self::Array),
            DIFV_KIND_SCALAR => Some(Self::Scalar),
            _ => None,
        }
    }
}

/// [`DifVar::scope`], understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One for all.
    Global,
    /// One a thread: `self->`.
    Thread,
    /// One a firing: `this->`.
    Local,
}

impl Scope {
    /// The scope of this number, if there is one.
    #[must_use]
    pub const fn from_raw(scope: u8) -> Option<Self> {
        match scope {
            DIFV_SCOPE_GLOBAL => Some(Self::Global),
            DIFV_SCOPE_THREAD => Some(Self::Thread),
            DIFV_SCOPE_LOCAL => Some(Self::Local),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_meaning_have_none() {
        assert_eq!(DifKind::from_raw(0), Some(DifKind::Array));
        assert_eq!(DifKind::from_raw(2), None);
        assert_eq!(Scope::from_raw(1), Some(Scope::Thread));
        assert_eq!(Scope::from_raw(3), None);
    }
}
