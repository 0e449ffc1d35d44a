//! Descriptions of what there is: providers, probes, their arguments, their stability (contract 2.2).

use crate::name::Char;

/// Bytes of a provider name, with its NUL.
pub const PROVNAMELEN: usize = 64;
/// Bytes of a module name, with its NUL.
pub const MODNAMELEN: usize = 64;
/// Bytes of a function name, with its NUL.
pub const FUNCNAMELEN: usize = 128;
/// Bytes of a probe name, with its NUL.
pub const NAMELEN: usize = 64;
/// Bytes of `provider:module:function:name`, with the NUL.
pub const FULLNAMELEN: usize = 324;
/// Bytes of an argument's type, with its NUL.
pub const ARGTYPELEN: usize = 128;

/// No probe: ids begin at 1.
pub const IDNONE: u32 = 0;
/// No such argument, as the answer in an [`ArgDesc`].
pub const ARGNONE: u32 = 0xffff_ffff;

/// The id of a probe.
pub type ProbeId = u32;

/// A probe, or a pattern for probes.
///
/// cbindgen:field-names=[dtpd_id, dtpd_provider, dtpd_mod, dtpd_func, dtpd_name]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProbeDesc {
    /// The probe's id, or [`IDNONE`] in a pattern.
    pub id: ProbeId,
    /// The provider.
    pub provider: [Char; PROVNAMELEN],
    /// The module.
    pub module: [Char; MODNAMELEN],
    /// The function.
    pub function: [Char; FUNCNAMELEN],
    /// The name.
    pub name: [Char; NAMELEN],
}
layout!(ProbeDesc 324 { id 0:4 provider 4:64 module 68:64 function 132:128 name 260:64 });

/// Two probe descriptions: which enablings to duplicate, and for what.
///
/// cbindgen:field-names=[dtrpd_match, dtrpd_create]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReplDesc {
    /// The enablings to look for.
    pub matching: ProbeDesc,
    /// What to enable instead.
    pub create: ProbeDesc,
}
layout!(ReplDesc 648 { matching 0:324 create 324:324 });

/// The types of one argument of a probe.
///
/// cbindgen:field-names=[dtargd_id, dtargd_ndx, dtargd_mapping, dtargd_native, dtargd_xlate]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ArgDesc {
    /// The probe.
    pub id: ProbeId,
    /// Which of its arguments; [`ARGNONE`] in the answer when it has no such typed argument.
    pub ndx: u32,
    /// The native argument that this one is made from.
    pub mapping: u32,
    /// The type as the provider has it.
    pub native: [Char; ARGTYPELEN],
    /// The type that it is translated to; empty when it is not.
    pub xlate: [Char; ARGTYPELEN],
}
layout!(ArgDesc 268 { id 0:4 ndx 4:4 mapping 8:4 native 12:128 xlate 140:128 });

/// How stable an interface is. The values are those of [`crate::stability`] and [`crate::class`].
///
/// cbindgen:field-names=[dtat_name, dtat_data, dtat_class]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Stability of the name.
    pub name: u8,
    /// Stability of the data.
    pub data: u8,
    /// What the interface depends on.
    pub class: u8,
}
layout!(Attribute 3 { name 0:1 data 1:1 class 2:1 });

impl Attribute {
    /// An attribute of these three parts.
    #[must_use]
    pub const fn new(name: u8, data: u8, class: u8) -> Self {
        Self { name, data, class }
    }

    /// The attribute as the word that DOF has for it: name, data and class from the top byte down (contract 2.3).
    #[must_use]
    pub const fn to_dof(self) -> u32 {
        (self.name as u32) << 24 | (self.data as u32) << 16 | (self.class as u32) << 8
    }

    /// The attribute that a word of DOF stands for.
    #[must_use]
    pub const fn from_dof(word: u32) -> Self {
        Self { name: (word >> 24) as u8, data: (word >> 16) as u8, class: (word >> 8) as u8 }
    }
}

/// The attributes of a provider and of the parts of its probes' names.
///
/// cbindgen:field-names=[dtpa_provider, dtpa_mod, dtpa_func, dtpa_name, dtpa_args]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PAttr {
    /// The provider itself.
    pub provider: Attribute,
    /// The module part.
    pub module: Attribute,
    /// The function part.
    pub function: Attribute,
    /// The name part.
    pub name: Attribute,
    /// The arguments.
    pub args: Attribute,
}
layout!(PAttr 15 { provider 0:3 module 3:3 function 6:3 name 9:3 args 12:3 });

/// What a provider asks of those who use it.
///
/// cbindgen:field-names=[dtpp_flags, dtpp_uid, dtpp_zoneid]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PPriv {
    /// Bits of [`crate::privilege`].
    pub flags: u32,
    /// The owner, where [`crate::privilege::OWNER`] asks for one.
    pub uid: u32,
    /// The owner's zone; Linux has none.
    pub zoneid: u32,
}
layout!(PPriv 12 { flags 0:4 uid 4:4 zoneid 8:4 });

/// A provider.
///
/// cbindgen:field-names=[dtvd_name, dtvd_attr, dtvd_pad, dtvd_priv]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProviderDesc {
    /// Its name.
    pub name: [Char; PROVNAMELEN],
    /// Its attributes.
    pub attr: PAttr,
    /// Zero.
    pub pad: u8,
    /// Its privileges.
    pub privilege: PPriv,
}
layout!(ProviderDesc 92 { name 0:64 attr 64:15 pad 79:1 privilege 80:12 });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{class, stability};

    #[test]
    fn an_attribute_survives_the_way_through_dof() {
        let attr = Attribute::new(stability::EVOLVING, stability::PRIVATE, class::COMMON);
        assert_eq!(attr.to_dof(), 0x0501_0500);
        assert_eq!(Attribute::from_dof(0x0501_05ff), attr);
    }
}
