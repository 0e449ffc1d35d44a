//! The object that a program is linked with: the code that registers the image, and the image.

use super::Model;
use super::elf::Elf;

/// The section of the image.
const SECTION: &str = ".SUNW_dof";

/// The code that registers images, as it was compiled with this library.
pub(super) fn registering(model: Model) -> &'static [u8] {
    match model {
        Model::Lp64 => include_bytes!(concat!(env!("OUT_DIR"), "/drti-64.o")),
        Model::Ilp32 => include_bytes!(concat!(env!("OUT_DIR"), "/drti-32.o")),
    }
}

/// What no object defines: the address 0, as the link editor sees it.
const NOWHERE: &str = "$dtrace.nowhere";

/// Puts an image into an object that registers images. The aliases are those of the functions of its probes, in the order of the
/// tables; the second says whether it may be missing. None if the object is not one that registers images for such programs.
pub(super) fn object(
    registering: Vec<u8>,
    model: Model,
    image: &[u8],
    aliases: &[(&str, bool)],
) -> Option<Vec<u8>> {
    let mut elf = Elf::parse(registering).filter(|elf| elf.model() == model)?;
    let section = elf.sections.iter().position(|s| s.name == SECTION)?;
    let mut content = image.to_vec();
    if model == Model::Ilp32 {
        content[dtrace_abi::dof::ID_MODEL] = dtrace_abi::dof::MODEL_ILP32;
    }
    content.resize(content.len().next_multiple_of(8), 0);
    let zero = content.len();
    content.resize(zero + 8, 0);
    elf.replace_content(section, &content);
    let symbol = elf.symbols.iter().position(|s| s.section == section && s.info & 0xf == 1)?;
    elf.resize_symbol(symbol, content.len() as u64);
    let mut wanted: Vec<(&str, bool)> = aliases.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let missing = wanted.iter().any(|(_, may_be_missing)| *may_be_missing);
    if missing {
        wanted.push((NOWHERE, true));
    }
    if !wanted.is_empty() {
        let first = elf.add_undefined(&wanted)?;
        let number = |alias: &str| wanted.iter().position(|(name, _)| *name == alias).map(|n| first + n);
        // Distances from the image; and that of nowhere, from the word that holds it.
        let mut places: Vec<(usize, usize, usize)> = Vec::new();
        for (at, (alias, _)) in addresses(image).into_iter().zip(aliases) {
            places.push((at, number(alias)?, at));
        }
        if missing {
            places.push((zero, number(NOWHERE)?, 0));
        }
        let symtab = elf.symbol_table()? as u32;
        relocate(&mut elf, model, section, symtab, &places, &mut content)?;
    }
    elf.changed().map(<[u8]>::to_vec)
}

/// Adds relocations of the image: place, symbol, what is added to its distance.
fn relocate(
    elf: &mut Elf,
    model: Model,
    section: usize,
    symtab: u32,
    places: &[(usize, usize, usize)],
    content: &mut [u8],
) -> Option<()> {
    const SHT_RELA: u32 = 4;
    const SHT_REL: u32 = 9;
    const R_X86_64_PC64: u64 = 24;
    const R_386_PC32: u32 = 2;
    let mut table = Vec::new();
    for &(at, symbol, added) in places {
        match model {
            Model::Lp64 => {
                let info = (symbol as u64) << 32 | R_X86_64_PC64;
                table.extend([at as u64, info, added as u64].map(u64::to_le_bytes).concat());
            }
            Model::Ilp32 => {
                content.get_mut(at..at + 4)?.copy_from_slice(&(added as u32).to_le_bytes());
                table.extend([at as u32, (symbol as u32) << 8 | R_386_PC32].map(u32::to_le_bytes).concat());
            }
        }
    }
    let (name, kind, entry) = match model {
        Model::Lp64 => (".rela.SUNW_dof", SHT_RELA, 24),
        Model::Ilp32 => (".rel.SUNW_dof", SHT_REL, 8),
    };
    elf.content_mut(section)?.copy_from_slice(content);
    elf.add_section(name, kind, symtab, section as u32, entry, &table)
}

/// Where an image has the addresses of its probes' functions, in the order of its tables.
fn addresses(image: &[u8]) -> Vec<usize> {
    use dtrace_abi::Plain;
    use dtrace_abi::dof::{self, DofHdr, DofProbe, DofSec};
    let Some(header) = DofHdr::from_bytes(image) else { return Vec::new() };
    let sections = (0..header.secnum as usize)
        .filter_map(|n| DofSec::from_bytes(image.get(header.secoff as usize + n * size_of::<DofSec>()..)?));
    sections
        .filter(|s| s.kind == dof::SECT_PROBES)
        .flat_map(|s| {
            (0..s.size as usize / size_of::<DofProbe>())
                .map(move |n| s.offset as usize + n * size_of::<DofProbe>())
        })
        .collect()
}
