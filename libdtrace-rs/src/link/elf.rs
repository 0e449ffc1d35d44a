//! A relocatable object in memory: its sections, symbols and relocations, and the few changes that are made to it.
//!
//! It is read without trust: what does not fit is no object. The changes never move a section's content; a table that grows gets
//! a new place at the end of the file, and the old one stays as a hole.

use super::Model;

/// SHN_XINDEX: the index of the section is in a table of its own.
const XINDEX: u16 = 0xffff;
const SHT_SYMTAB: u32 = 2;
const SHT_RELA: u32 = 4;
const SHT_REL: u32 = 9;
const SHT_GROUP: u32 = 17;
const SHT_SYMTAB_SHNDX: u32 = 18;
/// SHF_GROUP
const IN_GROUP: u64 = 0x200;
/// GRP_COMDAT
const COMDAT: u32 = 1;

/// A section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) offset: usize,
    pub(super) size: usize,
    pub(super) link: u32,
    pub(super) info: u32,
    /// Where its header is in the file.
    header: usize,
}

/// A symbol.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub(super) name: String,
    pub(super) value: u64,
    pub(super) size: u64,
    /// Binding and type.
    pub(super) info: u8,
    /// The section; 0 for what is defined elsewhere, and above all sections for what is in none.
    pub(super) section: usize,
}

/// A relocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    /// Where it is in the file.
    pub(super) at: usize,
    /// Where in the section it applies.
    pub(super) offset: u64,
    pub(super) symbol: usize,
    pub(super) kind: u32,
    /// What is added; none where that is in the place itself.
    pub(super) addend: Option<i64>,
}

/// A second name of a function, hidden. It is weak where the link editor may leave out the section: then nobody misses it.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) section: usize,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) weak: bool,
}

/// An object.
#[derive(Debug)]
pub(super) struct Elf {
    bytes: Vec<u8>,
    model: Model,
    pub(super) sections: Vec<Section>,
    pub(super) symbols: Vec<Symbol>,
    symtab: Option<usize>,
    changed: bool,
}

/// Little-endian numbers in a file.
pub(super) fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(size)?)?;
    Some(field.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
}

/// Writes a little-endian number. The place is there: it was read before.
pub(super) fn set_number(bytes: &mut [u8], at: usize, size: usize, value: u64) {
    if let Some(field) = bytes.get_mut(at..at + size) {
        field.copy_from_slice(&value.to_le_bytes()[..size]);
    }
}

/// The string at an offset of a table.
fn string(table: &[u8], at: usize) -> Option<String> {
    let rest = table.get(at..)?;
    let end = rest.iter().position(|&b| b == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

impl Elf {
    /// Reads an object: relocatable, for x86-64 or, of 32 bits, for the 386.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Elf> {
        // ELF, little-endian, version 1; ET_REL.
        if bytes.get(..4)? != b"\x7fELF" || *bytes.get(5)? != 1 || number(&bytes, 16, 2)? != 1 {
            return None;
        }
        let model = match (*bytes.get(4)?, number(&bytes, 18, 2)?) {
            (2, 62) => Model::Lp64,
            (1, 3) => Model::Ilp32,
            _ => return None,
        };
        let mut elf =
            Elf { bytes, model, sections: Vec::new(), symbols: Vec::new(), symtab: None, changed: false };
        elf.read_sections()?;
        elf.read_symbols()?;
        Some(elf)
    }

    /// What programs it is for.
    pub(super) fn model(&self) -> Model {
        self.model
    }

    fn wide(&self) -> bool {
        self.model == Model::Lp64
    }

    /// The offset and size of a field, for 64 and for 32 bits.
    fn field(&self, at: usize, wide: (usize, usize), narrow: (usize, usize)) -> Option<u64> {
        let (offset, size) = if self.wide() { wide } else { narrow };
        number(&self.bytes, at.checked_add(offset)?, size)
    }

    fn read_sections(&mut self) -> Option<()> {
        let start = usize::try_from(self.field(0, (40, 8), (32, 4))?).ok()?;
        let size = usize::try_from(self.field(0, (58, 2), (46, 2))?).ok()?;
        let mut count = usize::try_from(self.field(0, (60, 2), (48, 2))?).ok()?;
        let mut names = usize::try_from(self.field(0, (62, 2), (50, 2))?).ok()?;
        if size != self.header_size() {
            return None;
        }
        if count == 0 {
            count = usize::try_from(self.field(start, (32, 8), (20, 4))?).ok()?;
        }
        if names == usize::from(XINDEX) {
            names = usize::try_from(self.field(start, (40, 4), (24, 4))?).ok()?;
        }
        let mut found = Vec::new();
        for n in 0..count {
            let at = start.checked_add(n.checked_mul(size)?)?;
            let word = |wide, narrow| self.field(at, wide, narrow).and_then(|n| usize::try_from(n).ok());
            let section = Section {
                name: String::new(),
                kind: number(&self.bytes, at + 4, 4)? as u32,
                flags: self.field(at, (8, 8), (8, 4))?,
                offset: word((24, 8), (16, 4))?,
                size: word((32, 8), (20, 4))?,
                link: word((40, 4), (24, 4))? as u32,
                info: word((44, 4), (28, 4))? as u32,
                header: at,
            };
            found.push((number(&self.bytes, at, 4)? as usize, section));
        }
        self.sections = found.iter().map(|(_, section)| section.clone()).collect();
        let table = self.content(names)?.to_vec();
        for (section, (name, _)) in self.sections.iter_mut().zip(found) {
            section.name = string(&table, name)?;
        }
        Some(())
    }

    fn header_size(&self) -> usize {
        if self.wide() { 64 } else { 40 }
    }

    /// The size of a symbol.
    fn symbol_size(&self) -> usize {
        if self.wide() { 24 } else { 16 }
    }

    fn read_symbols(&mut self) -> Option<()> {
        self.symtab = self.sections.iter().position(|s| s.kind == SHT_SYMTAB);
        let Some(index) = self.symtab else { return Some(()) };
        let table = self.content(index)?;
        let names = self.content(self.sections[index].link as usize)?;
        let far = self.far_sections(index);
        let far = far.map_or(&[][..], |far| self.content(far).unwrap_or(&[]));
        let mut symbols = Vec::new();
        for (n, entry) in table.chunks_exact(self.symbol_size()).enumerate() {
            let section = number(entry, if self.wide() { 6 } else { 14 }, 2)? as u16;
            let (value, size, info) = if self.wide() {
                (number(entry, 8, 8)?, number(entry, 16, 8)?, entry[4])
            } else {
                (number(entry, 4, 4)?, number(entry, 8, 4)?, entry[12])
            };
            let section = match section {
                XINDEX => number(far, n * 4, 4)? as usize,
                // SHN_ABS and its kin.
                0xff00.. => usize::MAX,
                section => usize::from(section),
            };
            let name = string(names, number(entry, 0, 4)? as usize)?;
            symbols.push(Symbol { name, value, size, info, section });
        }
        self.symbols = symbols;
        Some(())
    }

    /// The table of sections beyond the first 65,279 that belongs to the symbols.
    fn far_sections(&self, symtab: usize) -> Option<usize> {
        self.sections.iter().position(|s| s.kind == SHT_SYMTAB_SHNDX && s.link as usize == symtab)
    }

    /// What is in a section.
    pub(super) fn content(&self, section: usize) -> Option<&[u8]> {
        let section = self.sections.get(section)?;
        self.bytes.get(section.offset..section.offset.checked_add(section.size)?)
    }

    /// What is in a section, to be changed.
    pub(super) fn content_mut(&mut self, section: usize) -> Option<&mut [u8]> {
        let section = self.sections.get(section)?;
        let range = section.offset..section.offset.checked_add(section.size)?;
        self.changed = true;
        self.bytes.get_mut(range)
    }

    /// The relocations, by the section that they apply to.
    pub(super) fn relocations(&self) -> Option<Vec<(usize, Vec<Relocation>)>> {
        let mut all = Vec::new();
        for (index, section) in self.sections.iter().enumerate() {
            let rela = match section.kind {
                SHT_RELA => true,
                SHT_REL => false,
                _ => continue,
            };
            let content = self.content(index)?;
            let entries = content.chunks_exact(self.relocation_size(rela)).enumerate();
            let mut list = Vec::new();
            for (n, entry) in entries {
                let at = section.offset + n * self.relocation_size(rela);
                let (offset, symbol, kind, addend) = if self.wide() {
                    let info = number(entry, 8, 8)?;
                    (number(entry, 0, 8)?, info >> 32, info & 0xffff_ffff, number(entry, 16, 8))
                } else {
                    let info = number(entry, 4, 4)?;
                    (number(entry, 0, 4)?, info >> 8, info & 0xff, None)
                };
                let (symbol, kind) = (symbol as usize, kind as u32);
                let addend = addend.map(u64::cast_signed);
                list.push(Relocation { at, offset, symbol, kind, addend });
            }
            all.push((section.info as usize, list));
        }
        Some(all)
    }

    fn relocation_size(&self, rela: bool) -> usize {
        match (self.wide(), rela) {
            (true, true) => 24,
            (true, false) => 16,
            (false, true) => 12,
            (false, false) => 8,
        }
    }

    /// Makes nothing of a relocation, except a note of its symbol and a place.
    pub(super) fn forget_relocation(&mut self, relocation: &Relocation, place: u64) {
        let (symbol, at) = (relocation.symbol as u64, relocation.at);
        if self.wide() {
            set_number(&mut self.bytes, at, 8, place);
            set_number(&mut self.bytes, at + 8, 8, symbol << 32);
            if relocation.addend.is_some() {
                set_number(&mut self.bytes, at + 16, 8, 0);
            }
        } else {
            set_number(&mut self.bytes, at, 4, place);
            set_number(&mut self.bytes, at + 4, 4, symbol << 8);
        }
        self.changed = true;
    }

    /// Nobody need define this symbol any more, and nobody else will see that it is missing: weak, and hidden.
    pub(super) fn pardon_symbol(&mut self, symbol: usize) {
        let Some(table) = self.symtab.map(|s| self.sections[s].offset) else { return };
        let at = table + symbol * self.symbol_size() + if self.wide() { 4 } else { 12 };
        let kind = self.symbols[symbol].info & 0xf;
        set_number(&mut self.bytes, at, 1, u64::from(2 << 4 | kind));
        set_number(&mut self.bytes, at + 1, 1, 2);
        self.changed = true;
    }

    /// The name by which link editors tell copies of a section apart from others, if they keep one of several.
    pub(super) fn copies(&self, section: usize) -> Option<String> {
        if self.sections.get(section)?.flags & IN_GROUP == 0 {
            return None;
        }
        for (index, group) in self.sections.iter().enumerate().filter(|(_, s)| s.kind == SHT_GROUP) {
            let mut words = self.content(index)?.chunks_exact(4).filter_map(|w| number(w, 0, 4));
            if words.next()? as u32 & COMDAT != 0 && words.any(|member| member as usize == section) {
                return self.symbols.get(group.info as usize).map(|s| s.name.clone());
            }
        }
        None
    }

    /// Adds names of functions that are defined here.
    pub(super) fn add_aliases(&mut self, added: &[Alias]) -> Option<()> {
        let index = self.symtab?;
        if added.is_empty() {
            return Some(());
        }
        let strings = self.sections[index].link as usize;
        let (mut names, mut table) = (self.content(strings)?.to_vec(), self.content(index)?.to_vec());
        let far = self.far_sections(index);
        let mut far_content = far.and_then(|far| self.content(far)).map(<[u8]>::to_vec);
        for Alias { name, section, value, size, weak } in added {
            let at = names.len() as u64;
            names.extend_from_slice(name.as_bytes());
            names.push(0);
            let mut entry = vec![0; self.symbol_size()];
            let near = u16::try_from(*section).ok().filter(|&s| s < 0xff00);
            if near.is_none() && far_content.is_none() {
                return None;
            }
            if let Some(far) = &mut far_content {
                far.extend((if near.is_none() { *section as u32 } else { 0 }).to_le_bytes());
            }
            let near = u64::from(near.unwrap_or(XINDEX));
            set_number(&mut entry, 0, 4, at);
            // STB_WEAK or STB_GLOBAL, STT_FUNC, STV_HIDDEN.
            let info = if *weak { 0x22 } else { 0x12 };
            let fields: [(usize, usize, u64); 5] = if self.wide() {
                [(4, 1, info), (5, 1, 2), (6, 2, near), (8, 8, *value), (16, 8, *size)]
            } else {
                [(12, 1, info), (13, 1, 2), (14, 2, near), (4, 4, *value), (8, 4, *size)]
            };
            for (at, size, value) in fields {
                set_number(&mut entry, at, size, value);
            }
            table.extend(entry);
            let section = *section;
            self.symbols.push(Symbol {
                name: name.clone(),
                value: *value,
                size: *size,
                info: info as u8,
                section,
            });
        }
        self.replace_content(strings, &names);
        self.replace_content(index, &table);
        if let (Some(far), Some(content)) = (far, far_content) {
            self.replace_content(far, &content);
        }
        Some(())
    }

    /// Gives a section another content, at the end of the file.
    pub(super) fn replace_content(&mut self, section: usize, content: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(content);
        let header = self.sections[section].header;
        let (at, size) = if self.wide() { ((24, 8), (32, 8)) } else { ((16, 4), (20, 4)) };
        set_number(&mut self.bytes, header + at.0, at.1, offset as u64);
        set_number(&mut self.bytes, header + size.0, size.1, content.len() as u64);
        (self.sections[section].offset, self.sections[section].size) = (offset, content.len());
        self.changed = true;
    }

    /// Adds sections: name, type, flags, link, info, size of an entry, content. Their headers move to the end of the file.
    pub(super) fn add_section(
        &mut self,
        name: &str,
        kind: u32,
        link: u32,
        info: u32,
        entry: u64,
        content: &[u8],
    ) -> Option<()> {
        let names = usize::try_from(self.field(0, (62, 2), (50, 2))?).ok()?;
        let mut strings = self.content(names)?.to_vec();
        let at = strings.len() as u64;
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
        self.replace_content(names, &strings);
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let size = self.header_size();
        let start = self.bytes.len();
        let headers: Vec<u8> = self
            .sections
            .iter()
            .map(|s| self.bytes.get(s.header..s.header + size))
            .collect::<Option<Vec<_>>>()?
            .concat();
        let mut header = vec![0; size];
        let length = content.len() as u64;
        let (kind, link, info) = (u64::from(kind), u64::from(link), u64::from(info));
        let fields: [(usize, usize, u64); 8] = if self.wide() {
            [
                (0, 4, at),
                (4, 4, kind),
                (24, 8, offset),
                (32, 8, length),
                (40, 4, link),
                (44, 4, info),
                (48, 8, 8),
                (56, 8, entry),
            ]
        } else {
            [
                (0, 4, at),
                (4, 4, kind),
                (16, 4, offset),
                (20, 4, length),
                (24, 4, link),
                (28, 4, info),
                (32, 4, 4),
                (36, 4, entry),
            ]
        };
        for (at, size, value) in fields {
            set_number(&mut header, at, size, value);
        }
        self.bytes.extend(headers);
        self.bytes.extend(header);
        let count = self.sections.len() as u64 + 1;
        let (place, number_of) = if self.wide() { ((40, 8), (60, 2)) } else { ((32, 4), (48, 2)) };
        set_number(&mut self.bytes, place.0, place.1, start as u64);
        set_number(&mut self.bytes, number_of.0, number_of.1, count);
        self.symbols.clear();
        self.read_sections()?;
        self.read_symbols()
    }

    /// Adds symbols that are defined elsewhere, hidden; weak where they may be missing. The number of the first.
    pub(super) fn add_undefined(&mut self, added: &[(&str, bool)]) -> Option<usize> {
        let index = self.symtab?;
        let strings = self.sections[index].link as usize;
        let (mut names, mut table) = (self.content(strings)?.to_vec(), self.content(index)?.to_vec());
        let first = table.len() / self.symbol_size();
        for (name, weak) in added {
            let mut entry = vec![0; self.symbol_size()];
            set_number(&mut entry, 0, 4, names.len() as u64);
            names.extend_from_slice(name.as_bytes());
            names.push(0);
            let at = if self.wide() { 4 } else { 12 };
            set_number(&mut entry, at, 1, if *weak { 0x20 } else { 0x10 });
            set_number(&mut entry, at + 1, 1, 2);
            table.extend(entry);
        }
        self.replace_content(strings, &names);
        self.replace_content(index, &table);
        Some(first)
    }

    /// Sets the size of a symbol.
    pub(super) fn resize_symbol(&mut self, symbol: usize, size: u64) {
        let Some(table) = self.symtab.map(|s| self.sections[s].offset) else { return };
        let at = table + symbol * self.symbol_size();
        let (at, width) = if self.wide() { (at + 16, 8) } else { (at + 8, 4) };
        set_number(&mut self.bytes, at, width, size);
    }

    /// The table of symbols.
    pub(super) fn symbol_table(&self) -> Option<usize> {
        self.symtab
    }

    /// The file, if it was changed.
    pub(super) fn changed(&self) -> Option<&[u8]> {
        self.changed.then_some(&self.bytes)
    }
}
