//! The shape each type of section must have, and where it may occur.

use dtrace_abi::dof;
use dtrace_abi::{
    DifVar, DofActDesc, DofDifoHdr, DofEcbDesc, DofOptDesc, DofProbe, DofProbeDesc, DofProvider, DofReloDesc,
    DofReloHdr, DofXlMember, DofXlRef, DofXlator, Instr,
};

use super::image::{Image, Section};
use super::{DofError, Purpose};

/// How a section is laid out.
enum Shape {
    /// Entries of exactly this size.
    Table(usize),
    /// Entries of at least this size, so that they may grow.
    GrowingTable(usize),
    /// One record of at least this size; an entry size, if there is one, says nothing.
    Record(usize),
    /// Strings.
    Strings,
    /// Bytes that the driver has no use for.
    Opaque,
}

/// Alignment and shape of a type of section.
fn shape_of(kind: u32, version: u8) -> Option<(u32, Shape)> {
    use Shape::{GrowingTable, Opaque, Record, Strings, Table};
    Some(match kind {
        dof::SECT_ECBDESC => (8, Record(size_of::<DofEcbDesc>())),
        dof::SECT_PROBEDESC => (4, Record(size_of::<DofProbeDesc>())),
        dof::SECT_ACTDESC => (8, GrowingTable(size_of::<DofActDesc>())),
        dof::SECT_DIFOHDR => (4, Record(size_of::<DofDifoHdr>())),
        dof::SECT_DIF => (4, Table(size_of::<Instr>())),
        dof::SECT_STRTAB => (1, Strings),
        dof::SECT_VARTAB => (4, Table(size_of::<DifVar>())),
        dof::SECT_RELTAB => (8, GrowingTable(size_of::<DofReloDesc>())),
        dof::SECT_URELHDR | dof::SECT_KRELHDR => (4, Record(size_of::<DofReloHdr>())),
        dof::SECT_OPTDESC => (8, GrowingTable(size_of::<DofOptDesc>())),
        dof::SECT_PROVIDER if version < dof::VERSION_2 => (4, Record(DofProvider::SIZE_V1)),
        dof::SECT_PROVIDER => (4, Record(size_of::<DofProvider>())),
        dof::SECT_PROBES => (8, GrowingTable(size_of::<DofProbe>())),
        dof::SECT_PRARGS => (1, Table(size_of::<u8>())),
        dof::SECT_PROFFS | dof::SECT_PRENOFFS => (4, Table(size_of::<u32>())),
        dof::SECT_INTTAB => (8, Table(size_of::<u64>())),
        dof::SECT_XLTAB => (4, GrowingTable(size_of::<DofXlRef>())),
        dof::SECT_XLMEMBERS => (4, GrowingTable(size_of::<DofXlMember>())),
        dof::SECT_XLIMPORT | dof::SECT_XLEXPORT => (4, Record(size_of::<DofXlator>())),
        dof::SECT_TYPTAB | dof::SECT_PREXPORT => (1, Opaque),
        _ => return None,
    })
}

/// Whether sections of this type may be in an image for this purpose (contract 2.3).
fn allowed(kind: u32, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Helper { .. } => true,
        Purpose::Enable => !matches!(
            kind,
            dof::SECT_PROVIDER | dof::SECT_PROBES | dof::SECT_PRARGS | dof::SECT_PROFFS | dof::SECT_PRENOFFS
        ),
    }
}

/// Checks the shape of every section that is for the driver.
pub(super) fn check_shapes(image: &Image<'_>, purpose: Purpose) -> Result<(), DofError> {
    image.sections().iter().filter(|section| section.load).try_for_each(|section| {
        if allowed(section.kind, purpose) {
            check_shape(image, section)
        } else {
            Err(DofError::NotHere { section: section.index, kind: section.kind })
        }
    })
}

fn check_shape(image: &Image<'_>, section: &Section) -> Result<(), DofError> {
    let index = section.index;
    let (align, shape) = shape_of(section.kind, image.version())
        .ok_or(DofError::UnknownSection { section: index, kind: section.kind })?;
    if section.align < align {
        return Err(DofError::Alignment { section: index });
    }
    let entsize = section.entsize as usize;
    let fits = match shape {
        Shape::Table(size) => entsize == size,
        Shape::GrowingTable(size) => entsize >= size,
        Shape::Record(size) => section.size >= size,
        Shape::Strings => match image.contents(section).last() {
            Some(0) => true,
            _ => return Err(DofError::StringTable { section: index }),
        },
        Shape::Opaque => true,
    };
    if !fits {
        return Err(DofError::Shape { section: index });
    }
    if section.kind == dof::SECT_DIFOHDR
        && !(section.size - DofDifoHdr::HEADER).is_multiple_of(size_of::<dof::SecIdx>())
    {
        return Err(DofError::Shape { section: index });
    }
    Ok(())
}
