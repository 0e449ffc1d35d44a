//! An ELF object that carries an image: what `dtrace -G` writes for a program to be linked with.
//!
//! The image stands in a section of its own, named and typed as the original's, under the symbol `___SUNW_dof`, which the
//! object that registers images looks for.

/// The type of the section.
const SHT_SUNW_DOF: u32 = 0x6fff_fff4;

const EHDR: usize = 64;
const SHDR: usize = 64;
const SYM: usize = 24;

/// A section: name, type, flags, link, info, alignment, size of an entry, content.
struct Section<'a>(&'a str, u32, u64, u32, u32, u64, u64, &'a [u8]);

/// A relocatable object of x86-64 with the image in it.
pub fn object(image: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"\0___SUNW_dof\0";
    let mut symbols = vec![0; SYM];
    symbols.extend(1u32.to_le_bytes());
    // A hidden object: one in each program or library that is linked, seen by its own code only.
    symbols.extend([1 << 4 | 1, 2]);
    symbols.extend(1u16.to_le_bytes());
    symbols.extend(0u64.to_le_bytes());
    symbols.extend((image.len() as u64).to_le_bytes());
    let names = b"\0.SUNW_dof\0.symtab\0.strtab\0.shstrtab\0.note.GNU-stack\0";
    let sections = [
        Section("", 0, 0, 0, 0, 0, 0, &[]),
        // Kept in memory, and written to when it is registered.
        Section(".SUNW_dof", SHT_SUNW_DOF, 3, 0, 0, 8, 0, image),
        Section(".symtab", 2, 0, 3, 1, 8, SYM as u64, &symbols),
        Section(".strtab", 3, 0, 0, 0, 1, 0, NAME),
        Section(".shstrtab", 3, 0, 0, 0, 1, 0, names),
        Section(".note.GNU-stack", 1, 0, 0, 0, 1, 0, &[]),
    ];
    let mut out = vec![0; EHDR];
    let mut headers = Vec::with_capacity(sections.len() * SHDR);
    for Section(name, kind, flags, link, info, align, entsize, content) in sections {
        out.resize(out.len().next_multiple_of(8), 0);
        let zero_name = [name.as_bytes(), b"\0"].concat();
        let at = names.windows(zero_name.len()).position(|w| w == zero_name).unwrap_or(0) as u32;
        let offset = if kind == 0 { 0 } else { out.len() as u64 };
        out.extend_from_slice(content);
        headers.extend([at, kind].map(u32::to_le_bytes).concat());
        headers.extend([flags, 0, offset, content.len() as u64].map(u64::to_le_bytes).concat());
        headers.extend([link, info].map(u32::to_le_bytes).concat());
        headers.extend([align, entsize].map(u64::to_le_bytes).concat());
    }
    out.resize(out.len().next_multiple_of(8), 0);
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // ET_REL, EM_X86_64, EV_CURRENT.
    header.extend([1u16, 62].map(u16::to_le_bytes).concat());
    header.extend(1u32.to_le_bytes());
    header.extend([0, 0, out.len() as u64].map(u64::to_le_bytes).concat());
    header.extend(0u32.to_le_bytes());
    header.extend([EHDR as u16, 0, 0, SHDR as u16, 6, 4].map(u16::to_le_bytes).concat());
    out[..EHDR].copy_from_slice(&header);
    out.extend(headers);
    out
}

#[cfg(test)]
mod tests {
    use object::{Object, ObjectSection, ObjectSymbol};

    #[test]
    fn the_image_is_found_by_section_and_by_symbol() {
        let image = super::super::program_image(&super::super::error_program());
        let file = super::object(&image);
        let elf = object::File::parse(&*file).expect("an ELF object");
        let section = elf.section_by_name(".SUNW_dof").expect("the section");
        assert_eq!((section.data().unwrap(), section.align()), (&image[..], 8));
        let symbol = elf.symbols().find(|s| s.name() == Ok("___SUNW_dof")).expect("the symbol");
        assert_eq!((symbol.section_index(), symbol.size()), (Some(section.index()), image.len() as u64));
        assert!(symbol.is_global());
    }
}
