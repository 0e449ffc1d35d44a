//! DOF, the object format that programs, helpers and options travel in (contract 2.3).
//!
//! An image is a [`DofHdr`], a table of [`DofSec`], and the sections. Sections name each other by index, and strings by
//! offset into a string table section. Nothing in an image is to be believed before it is checked.

mod index;

pub use index::*;

use crate::desc::Attribute;
use crate::dif::DifType;

/// Bytes of the identification.
pub const ID_SIZE: usize = 16;
/// The identification's first byte: [`MAG_MAG0`].
pub const ID_MAG0: usize = 0;
/// The identification's second byte: [`MAG_MAG1`].
pub const ID_MAG1: usize = 1;
/// The identification's third byte: [`MAG_MAG2`].
pub const ID_MAG2: usize = 2;
/// The identification's fourth byte: [`MAG_MAG3`].
pub const ID_MAG3: usize = 3;
/// The data model.
pub const ID_MODEL: usize = 4;
/// The byte order.
pub const ID_ENCODING: usize = 5;
/// The version of DOF.
pub const ID_VERSION: usize = 6;
/// The version of DIF.
pub const ID_DIFVERS: usize = 7;
/// Integer registers used.
pub const ID_DIFIREG: usize = 8;
/// Tuple registers used.
pub const ID_DIFTREG: usize = 9;
/// The first of the bytes that are zero.
pub const ID_PAD: usize = 10;

/// 0x7f.
pub const MAG_MAG0: u8 = 0x7f;
/// `D`.
pub const MAG_MAG1: u8 = 0x44;
/// `O`.
pub const MAG_MAG2: u8 = 0x4f;
/// `F`.
pub const MAG_MAG3: u8 = 0x46;

/// No data model.
pub const MODEL_NONE: u8 = 0;
/// ILP32.
pub const MODEL_ILP32: u8 = 1;
/// LP64.
pub const MODEL_LP64: u8 = 2;

/// No byte order.
pub const ENCODE_NONE: u8 = 0;
/// Little-endian.
pub const ENCODE_LSB: u8 = 1;
/// Big-endian.
pub const ENCODE_MSB: u8 = 2;

/// The first version.
pub const VERSION_1: u8 = 1;
/// The version with is-enabled probes.
pub const VERSION_2: u8 = 2;
/// The newest version.
pub const VERSION: u8 = VERSION_2;

/// The flags that an image may have: none.
pub const FL_VALID: u32 = 0;

/// Nothing.
pub const SECT_NONE: u32 = 0;
/// Comments for people.
pub const SECT_COMMENTS: u32 = 1;
/// The program's text.
pub const SECT_SOURCE: u32 = 2;
/// [`DofEcbDesc`].
pub const SECT_ECBDESC: u32 = 3;
/// [`DofProbeDesc`], one or more.
pub const SECT_PROBEDESC: u32 = 4;
/// [`DofActDesc`], one or more.
pub const SECT_ACTDESC: u32 = 5;
/// [`DofDifoHdr`].
pub const SECT_DIFOHDR: u32 = 6;
/// [`crate::dif::Instr`], one or more.
pub const SECT_DIF: u32 = 7;
/// Strings, each with its NUL.
pub const SECT_STRTAB: u32 = 8;
/// [`crate::dif::DifVar`], one or more.
pub const SECT_VARTAB: u32 = 9;
/// [`DofReloDesc`], one or more.
pub const SECT_RELTAB: u32 = 10;
/// Types.
pub const SECT_TYPTAB: u32 = 11;
/// [`DofReloHdr`] of user relocations.
pub const SECT_URELHDR: u32 = 12;
/// [`DofReloHdr`] of kernel relocations.
pub const SECT_KRELHDR: u32 = 13;
/// [`DofOptDesc`], one or more.
pub const SECT_OPTDESC: u32 = 14;
/// [`DofProvider`].
pub const SECT_PROVIDER: u32 = 15;
/// [`DofProbe`], one or more.
pub const SECT_PROBES: u32 = 16;
/// Argument mappings, a byte each.
pub const SECT_PRARGS: u32 = 17;
/// Probe offsets, a word each.
pub const SECT_PROFFS: u32 = 18;
/// Integers, eight bytes each.
pub const SECT_INTTAB: u32 = 19;
/// The `uname` of where it was made.
pub const SECT_UTSNAME: u32 = 20;
/// [`DofXlRef`], one or more.
pub const SECT_XLTAB: u32 = 21;
/// [`DofXlMember`], one or more.
pub const SECT_XLMEMBERS: u32 = 22;
/// [`DofXlator`] that is needed.
pub const SECT_XLIMPORT: u32 = 23;
/// [`DofXlator`] that is offered.
pub const SECT_XLEXPORT: u32 = 24;
/// Exported objects.
pub const SECT_PREXPORT: u32 = 25;
/// Is-enabled offsets, a word each.
pub const SECT_PRENOFFS: u32 = 26;
/// The greatest type of a section.
pub const SECT_MAX: u32 = SECT_PRENOFFS;

/// The section is for the driver.
pub const SECF_LOAD: u32 = 1;

/// No relocation.
pub const RELO_NONE: u32 = 0;
/// Add the base address to an eight byte word.
pub const RELO_SETX: u32 = 1;

/// Whether the driver must understand sections of this type. Such a section without [`SECF_LOAD`] is an error; any
/// other without it is ignored.
#[must_use]
pub const fn is_loadable(section_type: u32) -> bool {
    section_type <= SECT_MAX
        && !matches!(section_type, SECT_NONE | SECT_COMMENTS | SECT_SOURCE | SECT_UTSNAME)
}

/// The header, at the start of an image.
///
/// cbindgen:field-names=[dofh_ident, dofh_flags, dofh_hdrsize, dofh_secsize, dofh_secnum, dofh_secoff, dofh_loadsz, dofh_filesz, dofh_pad]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofHdr {
    /// The identification ([`ID_MAG0`] and so on).
    pub ident: [u8; ID_SIZE],
    /// [`FL_VALID`].
    pub flags: u32,
    /// Bytes of the header.
    pub hdrsize: u32,
    /// Bytes of a section header.
    pub secsize: u32,
    /// Sections.
    pub secnum: u32,
    /// Where the section headers are.
    pub secoff: u64,
    /// Bytes of what the driver needs.
    pub loadsz: u64,
    /// Bytes of all.
    pub filesz: u64,
    /// Zero.
    pub pad: u64,
}
layout!(DofHdr 64 {
    ident 0:16 flags 16:4 hdrsize 20:4 secsize 24:4 secnum 28:4 secoff 32:8 loadsz 40:8 filesz 48:8 pad 56:8
});

/// A section header.
///
/// cbindgen:field-names=[dofs_type, dofs_align, dofs_flags, dofs_entsize, dofs_offset, dofs_size]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofSec {
    /// What the section is ([`SECT_ECBDESC`] and so on).
    pub kind: u32,
    /// A power of two that its offset is a multiple of.
    pub align: u32,
    /// [`SECF_LOAD`] or nothing.
    pub flags: u32,
    /// Bytes of an entry, where it is a table.
    pub entsize: u32,
    /// Where it is.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
}
layout!(DofSec 32 { kind 0:4 align 4:4 flags 8:4 entsize 12:4 offset 16:8 size 24:8 });

/// An enabling control block: probes, predicate, actions.
///
/// cbindgen:field-names=[dofe_probes, dofe_pred, dofe_actions, dofe_pad, dofe_uarg]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofEcbDesc {
    /// The [`SECT_PROBEDESC`].
    pub probes: SecIdx,
    /// The [`SECT_DIFOHDR`] of the predicate, or none.
    pub pred: SecIdx,
    /// The [`SECT_ACTDESC`], or none.
    pub actions: SecIdx,
    /// Zero.
    pub pad: u32,
    /// The program's own.
    pub uarg: u64,
}
layout!(DofEcbDesc 24 { probes 0:4 pred 4:4 actions 8:4 pad 12:4 uarg 16:8 });

/// A probe description.
///
/// cbindgen:field-names=[dofp_strtab, dofp_provider, dofp_mod, dofp_func, dofp_name, dofp_id]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofProbeDesc {
    /// The [`SECT_STRTAB`] of the four names.
    pub strtab: SecIdx,
    /// The provider.
    pub provider: StrIdx,
    /// The module.
    pub module: StrIdx,
    /// The function.
    pub function: StrIdx,
    /// The name.
    pub name: StrIdx,
    /// The probe's id, or 0.
    pub id: u32,
}
layout!(DofProbeDesc 24 { strtab 0:4 provider 4:4 module 8:4 function 12:4 name 16:4 id 20:4 });

/// An action.
///
/// cbindgen:field-names=[dofa_difo, dofa_strtab, dofa_kind, dofa_ntuple, dofa_arg, dofa_uarg]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofActDesc {
    /// The [`SECT_DIFOHDR`] of its expression, or none.
    pub difo: SecIdx,
    /// The [`SECT_STRTAB`] of its format, or none.
    pub strtab: SecIdx,
    /// What it is ([`crate::action`], [`crate::agg`]).
    pub kind: u32,
    /// For an aggregation, how many of the actions before it are its keys.
    pub ntuple: u32,
    /// Its argument; for an action with a format, the format's offset in the string table.
    pub arg: u64,
    /// The program's own.
    pub uarg: u64,
}
layout!(DofActDesc 32 { difo 0:4 strtab 4:4 kind 8:4 ntuple 12:4 arg 16:8 uarg 24:8 });

/// A DIFO: the type of its value, and the sections that make it. Their number follows from the section's size.
///
/// cbindgen:field-names=[dofd_rtype, dofd_links]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofDifoHdr {
    /// The type of the value.
    pub rtype: DifType,
    /// The first of the sections.
    pub links: [SecIdx; 1],
}
layout!(DofDifoHdr 12 { rtype 0:8 links 8:4 });

impl DofDifoHdr {
    /// Bytes before the first link.
    pub const HEADER: usize = core::mem::offset_of!(Self, links);
}

/// A set of relocations.
///
/// cbindgen:field-names=[dofr_strtab, dofr_relsec, dofr_tgtsec]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofReloHdr {
    /// The [`SECT_STRTAB`] of the names.
    pub strtab: SecIdx,
    /// The [`SECT_RELTAB`].
    pub relsec: SecIdx,
    /// What is relocated.
    pub tgtsec: SecIdx,
}
layout!(DofReloHdr 12 { strtab 0:4 relsec 4:4 tgtsec 8:4 });

/// A relocation.
///
/// cbindgen:field-names=[dofr_name, dofr_type, dofr_offset, dofr_data]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofReloDesc {
    /// The symbol.
    pub name: StrIdx,
    /// [`RELO_NONE`] or [`RELO_SETX`].
    pub kind: u32,
    /// Where in the target.
    pub offset: u64,
    /// What is added.
    pub data: u64,
}
layout!(DofReloDesc 24 { name 0:4 kind 4:4 offset 8:8 data 16:8 });

/// An option.
///
/// cbindgen:field-names=[dofo_option, dofo_strtab, dofo_value]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofOptDesc {
    /// Which ([`crate::option`]).
    pub option: u32,
    /// [`SECIDX_NONE`].
    pub strtab: SecIdx,
    /// Its value, an [`crate::option::OptVal`].
    pub value: u64,
}
layout!(DofOptDesc 16 { option 0:4 strtab 4:4 value 8:8 });

/// A USDT provider. An image of version 1 ends before its last member.
///
/// cbindgen:field-names=[dofpv_strtab, dofpv_probes, dofpv_prargs, dofpv_proffs, dofpv_name, dofpv_provattr, dofpv_modattr, dofpv_funcattr, dofpv_nameattr, dofpv_argsattr, dofpv_prenoffs]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofProvider {
    /// The [`SECT_STRTAB`] of the names.
    pub strtab: SecIdx,
    /// The [`SECT_PROBES`].
    pub probes: SecIdx,
    /// The [`SECT_PRARGS`].
    pub prargs: SecIdx,
    /// The [`SECT_PROFFS`].
    pub proffs: SecIdx,
    /// The name.
    pub name: StrIdx,
    /// Stability of the provider.
    pub provattr: AttrWord,
    /// Stability of the module part.
    pub modattr: AttrWord,
    /// Stability of the function part.
    pub funcattr: AttrWord,
    /// Stability of the name part.
    pub nameattr: AttrWord,
    /// Stability of the arguments.
    pub argsattr: AttrWord,
    /// The [`SECT_PRENOFFS`], or none.
    pub prenoffs: SecIdx,
}
layout!(DofProvider 44 {
    strtab 0:4 probes 4:4 prargs 8:4 proffs 12:4 name 16:4 provattr 20:4 modattr 24:4 funcattr 28:4
    nameattr 32:4 argsattr 36:4 prenoffs 40:4
});

impl DofProvider {
    /// Bytes of it in an image of version 1.
    pub const SIZE_V1: usize = core::mem::offset_of!(Self, prenoffs);

    /// The five attributes.
    #[must_use]
    pub const fn attributes(&self) -> crate::PAttr {
        crate::PAttr {
            provider: Attribute::from_dof(self.provattr),
            module: Attribute::from_dof(self.modattr),
            function: Attribute::from_dof(self.funcattr),
            name: Attribute::from_dof(self.nameattr),
            args: Attribute::from_dof(self.argsattr),
        }
    }
}

/// A USDT probe. In an image of version 1 everything after the number of offsets is zero.
///
/// cbindgen:field-names=[dofpr_addr, dofpr_func, dofpr_name, dofpr_nargv, dofpr_xargv, dofpr_argidx, dofpr_offidx, dofpr_nargc, dofpr_xargc, dofpr_noffs, dofpr_enoffidx, dofpr_nenoffs, dofpr_pad1, dofpr_pad2]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofProbe {
    /// The function's address, relative to the helper's base.
    pub addr: u64,
    /// The function.
    pub function: StrIdx,
    /// The name.
    pub name: StrIdx,
    /// The native arguments' types.
    pub nargv: StrIdx,
    /// The translated arguments' types.
    pub xargv: StrIdx,
    /// The first of the argument mappings.
    pub argidx: u32,
    /// The first of the offsets.
    pub offidx: u32,
    /// Native arguments.
    pub nargc: u8,
    /// Translated arguments.
    pub xargc: u8,
    /// Offsets.
    pub noffs: u16,
    /// The first of the is-enabled offsets.
    pub enoffidx: u32,
    /// Is-enabled offsets.
    pub nenoffs: u16,
    /// Zero.
    pub pad1: u16,
    /// Zero.
    pub pad2: u32,
}
layout!(DofProbe 48 {
    addr 0:8 function 8:4 name 12:4 nargv 16:4 xargv 20:4 argidx 24:4 offidx 28:4 nargc 32:1 xargc 33:1 noffs 34:2
    enoffidx 36:4 nenoffs 40:2 pad1 42:2 pad2 44:4
});

/// A translator.
///
/// cbindgen:field-names=[dofxl_members, dofxl_strtab, dofxl_argv, dofxl_argc, dofxl_type, dofxl_attr]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofXlator {
    /// The [`SECT_XLMEMBERS`].
    pub members: SecIdx,
    /// The [`SECT_STRTAB`] of the names.
    pub strtab: SecIdx,
    /// The parameters' types.
    pub argv: StrIdx,
    /// Parameters.
    pub argc: u32,
    /// The type it makes.
    pub ty: StrIdx,
    /// Its stability.
    pub attr: AttrWord,
}
layout!(DofXlator 24 { members 0:4 strtab 4:4 argv 8:4 argc 12:4 ty 16:4 attr 20:4 });

/// A member of a translator.
///
/// cbindgen:field-names=[dofxm_difo, dofxm_name, dofxm_type]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofXlMember {
    /// The [`SECT_DIFOHDR`] that makes it.
    pub difo: SecIdx,
    /// Its name.
    pub name: StrIdx,
    /// Its type.
    pub ty: DifType,
}
layout!(DofXlMember 16 { difo 0:4 name 4:4 ty 8:8 });

/// The use of a translator in a DIFO.
///
/// cbindgen:field-names=[dofxr_xlator, dofxr_member, dofxr_argn]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DofXlRef {
    /// The [`SECT_XLIMPORT`] or [`SECT_XLEXPORT`].
    pub xlator: SecIdx,
    /// The member.
    pub member: u32,
    /// The argument.
    pub argn: u32,
}
layout!(DofXlRef 12 { xlator 0:4 member 4:4 argn 8:4 });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sections_are_loadable_but_those_for_people() {
        let not: [u32; 4] = [SECT_NONE, SECT_COMMENTS, SECT_SOURCE, SECT_UTSNAME];
        for kind in 0..=SECT_MAX {
            assert_eq!(is_loadable(kind), !not.contains(&kind), "section type {kind}");
        }
        assert!(!is_loadable(SECT_MAX + 1) && !is_loadable(u32::MAX));
    }

    #[test]
    fn the_magic_is_a_delete_and_dof() {
        assert_eq!([MAG_MAG0, MAG_MAG1, MAG_MAG2, MAG_MAG3], *b"\x7fDOF");
    }
}
