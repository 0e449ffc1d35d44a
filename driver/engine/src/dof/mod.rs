//! Loading of DOF images (contract 2.3): from the bytes a caller hands in to a [`Program`] that may be run.
//!
//! This is the security boundary of the driver. The bytes come from anybody who may open the device; after
//! [`Program::load`] nothing is checked again. So loading is complete and happens once, on a private copy:
//!
//! 1. [`image`]: header and section table. Every section lies inside the image, is aligned as it says, and has a known
//!    type. Section headers are copied out; the bytes of the table are not looked at again.
//! 2. [`sections`]: each section has the shape its type asks for, whether or not anything refers to it.
//! 3. [`relocation`]: helper images are moved to their base address, in a copy.
//! 4. [`program`], [`helper`]: references are followed (a reference is an index, and must lead to a section of the right
//!    type), records are decoded by value, DIFOs are verified.
//!
//! What always holds: no index into the image goes unchecked, and no two reads of the same field are relied on to agree.
//! The work and the memory are bounded by constants, although sections may be referred to any number of times: what is
//! copied out of an image is counted against a budget.
//!
//! Process context only. Errors say what is wrong and where; `Errno` is what the caller of the ioctl sees.
//!
//! Rejected: keeping the image and pointing into it. Everything that the firing path touches is laid out anew, and the
//! image is gone when loading ends.

pub mod helper;
pub mod image;
pub mod program;
mod relocation;
mod sections;

use core::fmt;

pub use helper::{HelperProbe, HelperProvider};
pub use image::{Image, Section};
pub use program::{ActionDesc, DifoIndex, EcbDesc, Program, Purpose};

use crate::mem::OutOfMemory;
use crate::verify::VerifyError;

/// Why an image was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DofError {
    /// Fewer bytes than a header, or than the header says.
    Truncated,
    /// At or beyond the size limit.
    TooBig,
    /// The first four bytes are not DOF's.
    Magic,
    /// The data model is neither ILP32 nor LP64.
    Model(u8),
    /// The byte order is not little-endian.
    Encoding(u8),
    /// The version of DOF is unknown.
    Version(u8),
    /// The version of DIF is unknown.
    DifVersion(u8),
    /// More integer or tuple registers than there are.
    Registers(u8),
    /// Identification bytes or flags that must be zero are not.
    Reserved,
    /// The section table is missing, misaligned, or not inside the image.
    SectionTable,
    /// A section does not lie inside the image.
    Bounds {
        /// The section.
        section: u32,
    },
    /// The alignment of a section is no power of two, less than its type needs, or not kept by its offset.
    Alignment {
        /// The section.
        section: u32,
    },
    /// The size of a section, or of its entries, does not suit its type.
    Shape {
        /// The section.
        section: u32,
    },
    /// A section that the driver must understand is not marked for loading.
    NotLoadable {
        /// The section.
        section: u32,
    },
    /// A section marked for loading is of an unknown type.
    UnknownSection {
        /// The section.
        section: u32,
        /// Its type.
        kind: u32,
    },
    /// A section of this type may not be in an image for this purpose.
    NotHere {
        /// The section.
        section: u32,
        /// Its type.
        kind: u32,
    },
    /// A reference leads to no section, or to one of another type.
    Link {
        /// Where the reference leads.
        section: u32,
        /// The type that it should have.
        wanted: u32,
    },
    /// A string table does not end in a NUL.
    StringTable {
        /// The section.
        section: u32,
    },
    /// A string is not inside its table.
    StringOffset {
        /// The string table.
        section: u32,
        /// The offset.
        offset: u64,
    },
    /// A name is too long, or empty where it may not be.
    Name {
        /// The section that refers to it.
        section: u32,
    },
    /// A relocation is of an unknown type, misaligned, or outside its target.
    Relocation {
        /// The relocation table.
        section: u32,
        /// The entry.
        entry: u32,
    },
    /// A DIFO has a part twice, no code, or a part of a type that is none.
    Difo {
        /// The DIFO's section.
        section: u32,
    },
    /// The code of a DIFO is not safe to run.
    Verify {
        /// The DIFO's section.
        section: u32,
        /// What is wrong.
        error: VerifyError,
    },
    /// An action of an unknown kind.
    ActionKind {
        /// The section of the actions.
        section: u32,
        /// The entry.
        entry: u32,
        /// The kind.
        kind: u32,
    },
    /// An action without the expression or the format it needs.
    ActionIncomplete {
        /// The section of the actions.
        section: u32,
        /// The entry.
        entry: u32,
    },
    /// An action's argument is not one the action can have.
    ActionArgument {
        /// The section of the actions.
        section: u32,
        /// The entry.
        entry: u32,
    },
    /// The keys of an aggregation are not the recording actions before it.
    Tuple {
        /// The section of the actions.
        section: u32,
        /// The entry.
        entry: u32,
    },
    /// An option without a value, or with a string.
    Option {
        /// The section of the options.
        section: u32,
        /// The entry.
        entry: u32,
    },
    /// A probe of a helper's provider has no place, or its arguments do not map.
    Probe {
        /// The section of the probes.
        section: u32,
        /// The entry.
        entry: u32,
    },
    /// More actions than a program may have.
    TooManyActions,
    /// More providers than a process may have.
    TooManyProviders,
    /// What the image refers to, taken together, is too much.
    TooMuch,
    /// There was not enough memory.
    OutOfMemory,
}

impl From<OutOfMemory> for DofError {
    fn from(_: OutOfMemory) -> DofError {
        DofError::OutOfMemory
    }
}

impl fmt::Display for DofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DofError as E;
        match *self {
            E::Truncated => f.write_str("the image is truncated"),
            E::TooBig => f.write_str("the image is too big"),
            E::Magic => f.write_str("this is no DOF image"),
            E::Model(m) => write!(f, "unknown data model {m}"),
            E::Encoding(e) => write!(f, "byte order {e} is not little-endian"),
            E::Version(v) => write!(f, "unknown DOF version {v}"),
            E::DifVersion(v) => write!(f, "unknown DIF version {v}"),
            E::Registers(n) => write!(f, "{n} registers are too many"),
            E::Reserved => f.write_str("bytes of the header that must be zero are not"),
            E::SectionTable => f.write_str("the section table is not inside the image"),
            E::Bounds { section } => write!(f, "section {section} is not inside the image"),
            E::Alignment { section } => write!(f, "section {section} is misaligned"),
            E::Shape { section } => write!(f, "section {section} has a size that does not suit its type"),
            E::NotLoadable { section } => write!(f, "section {section} is not marked for loading"),
            E::UnknownSection { section, kind } => write!(f, "section {section} has the unknown type {kind}"),
            E::NotHere { section, kind } => write!(f, "section {section} of type {kind} may not be here"),
            E::Link { section, wanted } => write!(f, "section {section} is not of type {wanted}"),
            E::StringTable { section } => write!(f, "string table {section} has no NUL at its end"),
            E::StringOffset { section, offset } => {
                write!(f, "no string at {offset} of string table {section}")
            }
            E::Name { section } => write!(f, "a name in section {section} is too long or empty"),
            E::Relocation { section, entry } => write!(f, "bad relocation {entry} in section {section}"),
            E::Difo { section } => write!(f, "the parts of the DIFO in section {section} do not make one"),
            E::Verify { section, error } => write!(f, "the DIFO in section {section}: {error}"),
            E::ActionKind { section, entry, kind } => {
                write!(f, "action {entry} of section {section} has the unknown kind {kind:#x}")
            }
            E::ActionIncomplete { section, entry } => {
                write!(f, "action {entry} of section {section} lacks its expression or format")
            }
            E::ActionArgument { section, entry } => {
                write!(f, "action {entry} of section {section} has an impossible argument")
            }
            E::Tuple { section, entry } => {
                write!(f, "aggregation {entry} of section {section} has impossible keys")
            }
            E::Option { section, entry } => write!(f, "bad option {entry} in section {section}"),
            E::Probe { section, entry } => write!(f, "bad probe {entry} in section {section}"),
            E::TooManyActions => f.write_str("too many actions"),
            E::TooManyProviders => f.write_str("too many providers"),
            E::TooMuch => f.write_str("the image refers to too much"),
            E::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

impl core::error::Error for DofError {}
