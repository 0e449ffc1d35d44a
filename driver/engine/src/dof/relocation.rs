//! Relocation of helper images: the words that hold addresses get the base address added.
//!
//! User relocations (`URELHDR`) are the driver's. Kernel relocations name kernel symbols; no driver has ever resolved
//! them, so they are checked and otherwise left alone.

use dtrace_abi::dof;
use dtrace_abi::{DofReloDesc, DofReloHdr, Plain};

use super::DofError;
use super::image::Image;

/// Checks all relocations, and calls `relocate` with the place of each word (an offset into the image, the word lies
/// inside) that wants the base address added.
pub(super) fn for_each(image: &Image<'_>, mut relocate: impl FnMut(usize)) -> Result<(), DofError> {
    for section in image.sections().iter().filter(|section| section.load) {
        if !matches!(section.kind, dof::SECT_URELHDR | dof::SECT_KRELHDR) {
            continue;
        }
        let header: DofReloHdr = image.record(section)?;
        image.section(header.strtab, dof::SECT_STRTAB)?;
        let table = image.section(header.relsec, dof::SECT_RELTAB)?;
        let target = image
            .loadable(header.tgtsec)
            .ok_or(DofError::Link { section: header.tgtsec, wanted: dof::SECT_NONE })?;
        for (entry, bytes) in (0u32..).zip(image.entries(table)?) {
            let bad = DofError::Relocation { section: table.index, entry };
            let relocation = DofReloDesc::from_bytes(bytes).ok_or(bad)?;
            image.string(header.strtab, u64::from(relocation.name))?;
            match relocation.kind {
                dof::RELO_NONE => (),
                dof::RELO_SETX => {
                    let inside = relocation
                        .offset
                        .checked_add(size_of::<u64>() as u64)
                        .is_some_and(|end| end <= target.size as u64);
                    let at = target.offset.wrapping_add(relocation.offset as usize);
                    if !inside || !at.is_multiple_of(align_of::<u64>()) {
                        return Err(bad);
                    }
                    if section.kind == dof::SECT_URELHDR {
                        relocate(at);
                    }
                }
                _ => return Err(bad),
            }
        }
    }
    Ok(())
}

/// Adds `base` to the word at `at`.
pub(super) fn add(bytes: &mut [u8], at: usize, base: u64) {
    let word = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>());
    if let Some(word) = word {
        *word = u64::from_le_bytes(*word).wrapping_add(base).to_le_bytes();
    }
}
