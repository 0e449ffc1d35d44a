//! The image as a container: header, section table, and safe access to what the sections hold.

use alloc::vec::Vec;

use dtrace_abi::dof::{self, SECF_LOAD};
use dtrace_abi::{DofHdr, DofSec, Plain, dif, limit};

use super::DofError;
use crate::mem::{OutOfMemory, TryPush, try_to_vec, try_with_capacity};

/// A section header, checked and copied out of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The section's index.
    pub index: u32,
    /// What it is, a number of [`dtrace_abi::dof`]; always loadable, except where `load` is false.
    pub kind: u32,
    /// A power of two that its offset is a multiple of.
    pub align: u32,
    /// Bytes of an entry, or 0; if not 0 it divides the size.
    pub entsize: u32,
    /// Where it begins; `offset + size` is inside the image.
    pub offset: usize,
    /// Its bytes.
    pub size: usize,
    /// Whether it is for the driver. If not, nothing else here has been checked.
    pub load: bool,
}

/// An image whose header and section table are sound.
#[derive(Debug)]
pub struct Image<'a> {
    bytes: &'a [u8],
    sections: Vec<Section>,
    version: u8,
}

/// What offsets and sizes in the header are multiples of.
const HEADER_ALIGN: u64 = 8;

impl<'a> Image<'a> {
    /// Checks header and section table. What follows the loadable part of `bytes` is left out.
    pub fn parse(bytes: &'a [u8]) -> Result<Image<'a>, DofError> {
        let header = DofHdr::from_bytes(bytes).ok_or(DofError::Truncated)?;
        check_ident(&header)?;
        if header.loadsz >= limit::DOF_MAXSIZE {
            return Err(DofError::TooBig);
        }
        if header.loadsz < size_of::<DofHdr>() as u64 {
            return Err(DofError::Truncated);
        }
        let bytes = bytes.get(..header.loadsz as usize).ok_or(DofError::Truncated)?;
        let sections = parse_sections(bytes, &header)?;
        Ok(Image { bytes, sections, version: ident(&header, dof::ID_VERSION) })
    }

    /// The same sections over other bytes of the same length (a relocated copy).
    pub(super) fn with_bytes<'b>(&self, bytes: &'b [u8]) -> Result<Image<'b>, OutOfMemory> {
        debug_assert_eq!(bytes.len(), self.bytes.len());
        Ok(Image { bytes, sections: try_to_vec(&self.sections)?, version: self.version })
    }

    /// The loadable bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All sections, those that are not for the driver included.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The version of DOF.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The section at `index`, if it is for the driver.
    #[must_use]
    pub fn loadable(&self, index: u32) -> Option<&Section> {
        self.sections.get(index as usize).filter(|section| section.load)
    }

    /// The section at `index`, which must be of the type `kind`.
    pub fn section(&self, index: u32, kind: u32) -> Result<&Section, DofError> {
        self.loadable(index)
            .filter(|section| section.kind == kind)
            .ok_or(DofError::Link { section: index, wanted: kind })
    }

    /// The bytes of a section.
    #[must_use]
    pub fn contents(&self, section: &Section) -> &'a [u8] {
        section
            .offset
            .checked_add(section.size)
            .and_then(|end| self.bytes.get(section.offset..end))
            .unwrap_or(&[])
    }

    /// The record that a section begins with.
    pub fn record<T: Plain>(&self, section: &Section) -> Result<T, DofError> {
        T::from_bytes(self.contents(section)).ok_or(DofError::Shape { section: section.index })
    }

    /// The entries of a table, each of the table's entry size.
    pub fn entries(&self, section: &Section) -> Result<core::slice::ChunksExact<'a, u8>, DofError> {
        match section.entsize {
            0 => Err(DofError::Shape { section: section.index }),
            entsize => Ok(self.contents(section).chunks_exact(entsize as usize)),
        }
    }

    /// The string at an offset of a string table, without its NUL.
    pub fn string(&self, strtab: u32, offset: u64) -> Result<&'a [u8], DofError> {
        let section = self.section(strtab, dof::SECT_STRTAB)?;
        let missing = DofError::StringOffset { section: strtab, offset };
        let start = usize::try_from(offset).map_err(|_| missing)?;
        let rest = self.contents(section).get(start..).ok_or(missing)?;
        let end = rest.iter().position(|&b| b == 0).ok_or(missing)?;
        rest.get(..end).ok_or(missing)
    }
}

fn ident(header: &DofHdr, index: usize) -> u8 {
    header.ident.get(index).copied().unwrap_or(0)
}

fn check_ident(header: &DofHdr) -> Result<(), DofError> {
    let [magic @ .., _, _, _, _, _, _, _, _, _, _, _, _] = header.ident;
    if magic != [dof::MAG_MAG0, dof::MAG_MAG1, dof::MAG_MAG2, dof::MAG_MAG3] {
        return Err(DofError::Magic);
    }
    let model = ident(header, dof::ID_MODEL);
    if model != dof::MODEL_ILP32 && model != dof::MODEL_LP64 {
        return Err(DofError::Model(model));
    }
    let encoding = ident(header, dof::ID_ENCODING);
    if encoding != dof::ENCODE_LSB {
        return Err(DofError::Encoding(encoding));
    }
    let version = ident(header, dof::ID_VERSION);
    if !(dof::VERSION_1..=dof::VERSION).contains(&version) {
        return Err(DofError::Version(version));
    }
    let dif_version = ident(header, dof::ID_DIFVERS);
    if u32::from(dif_version) != dif::VERSION_2 {
        return Err(DofError::DifVersion(dif_version));
    }
    for (index, limit) in [(dof::ID_DIFIREG, dif::DIR_NREGS), (dof::ID_DIFTREG, dif::DTR_NREGS)] {
        let registers = ident(header, index);
        if usize::from(registers) > limit {
            return Err(DofError::Registers(registers));
        }
    }
    let pad = header.ident.get(dof::ID_PAD..).unwrap_or_default();
    if pad.iter().any(|&b| b != 0) || header.flags & !dof::FL_VALID != 0 {
        return Err(DofError::Reserved);
    }
    Ok(())
}

fn parse_sections(bytes: &[u8], header: &DofHdr) -> Result<Vec<Section>, DofError> {
    let size = bytes.len() as u64;
    let stride = u64::from(header.secsize);
    let aligned = header.secoff.is_multiple_of(HEADER_ALIGN) && stride.is_multiple_of(HEADER_ALIGN);
    let table_size = stride.checked_mul(u64::from(header.secnum)).ok_or(DofError::SectionTable)?;
    let end =
        header.secoff.checked_add(table_size).filter(|&end| end <= size).ok_or(DofError::SectionTable)?;
    let table = bytes.get(header.secoff as usize..end as usize).ok_or(DofError::SectionTable)?;
    if !aligned
        || stride < size_of::<DofSec>() as u64
        || header.secnum == 0
        || header.secoff < size_of::<DofHdr>() as u64
        || header.hdrsize < size_of::<DofHdr>() as u32
    {
        return Err(DofError::SectionTable);
    }
    let mut sections = try_with_capacity(header.secnum as usize)?;
    for (index, entry) in (0u32..).zip(table.chunks_exact(stride as usize)) {
        let raw = DofSec::from_bytes(entry).ok_or(DofError::SectionTable)?;
        sections.try_push(check_section(index, &raw, size)?)?;
    }
    Ok(sections)
}

fn check_section(index: u32, raw: &DofSec, image_size: u64) -> Result<Section, DofError> {
    let mut section = Section {
        index,
        kind: raw.kind,
        align: raw.align,
        entsize: raw.entsize,
        offset: 0,
        size: 0,
        load: raw.flags & SECF_LOAD != 0,
    };
    if !section.load {
        // Comments and the like lie behind the loadable part; whoever does not load them need not look at them.
        return match dof::is_loadable(raw.kind) {
            true => Err(DofError::NotLoadable { section: index }),
            false => Ok(section),
        };
    }
    if !dof::is_loadable(raw.kind) {
        if raw.kind > dof::SECT_MAX {
            return Err(DofError::UnknownSection { section: index, kind: raw.kind });
        }
        section.load = false;
        return Ok(section);
    }
    let end = raw.offset.checked_add(raw.size).ok_or(DofError::Bounds { section: index })?;
    if end > image_size {
        return Err(DofError::Bounds { section: index });
    }
    if !raw.align.is_power_of_two() || !raw.offset.is_multiple_of(u64::from(raw.align)) {
        return Err(DofError::Alignment { section: index });
    }
    if raw.entsize != 0 && !raw.size.is_multiple_of(u64::from(raw.entsize)) {
        return Err(DofError::Shape { section: index });
    }
    section.offset = raw.offset as usize;
    section.size = raw.size as usize;
    Ok(section)
}
