//! A reader of BTF, the kernel's compact type information (described in the kernel's own documentation, bpf/btf.rst).
//!
//! A [`Btf`] is one object: the kernel, or a module whose ids and strings continue those of the kernel. Opening it checks the
//! header and walks the type section once to learn where each type starts; a type is decoded when asked for. Every index and
//! offset is checked, since the file may be any file: a bad one reads as nothing.
//!
//! There is no index of names. A program asks for a handful; each string stands once in the string section, so a search for
//! its text and then for the records that carry its offset costs less than a hundredth of what a table of all names does.

use std::collections::HashMap;

/// The kinds of BTF.
pub(super) mod kind {
    pub(crate) const INT: u32 = 1;
    pub(crate) const PTR: u32 = 2;
    pub(crate) const ARRAY: u32 = 3;
    pub(crate) const STRUCT: u32 = 4;
    pub(crate) const UNION: u32 = 5;
    pub(crate) const ENUM: u32 = 6;
    pub(crate) const FWD: u32 = 7;
    pub(crate) const TYPEDEF: u32 = 8;
    pub(crate) const VOLATILE: u32 = 9;
    pub(crate) const CONST: u32 = 10;
    pub(crate) const RESTRICT: u32 = 11;
    pub(crate) const FUNC: u32 = 12;
    pub(crate) const FUNC_PROTO: u32 = 13;
    pub(crate) const VAR: u32 = 14;
    pub(crate) const DATASEC: u32 = 15;
    pub(crate) const FLOAT: u32 = 16;
    pub(crate) const DECL_TAG: u32 = 17;
    pub(crate) const TYPE_TAG: u32 = 18;
    pub(crate) const ENUM64: u32 = 19;
}

use kind as k;

const MAGIC: u16 = 0xeb9f;

/// What a name may stand for; a tag and a function may share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum NameSpace {
    /// Integers, floats, typedefs.
    Plain,
    Struct,
    Union,
    Enum,
    Function,
    Variable,
}

/// The type information of one object.
pub(super) struct Btf {
    data: Vec<u8>,
    types_at: usize,
    strings_at: usize,
    strings_len: usize,
    /// Where each type starts in `data`.
    starts: Vec<u32>,
    /// The first id: 1 for the kernel, one past the kernel's last for a module.
    pub(super) first_id: u32,
    /// The first string offset that is ours.
    first_string: u32,
    /// What was looked up before.
    found: HashMap<(NameSpace, Box<str>), Option<u32>>,
}

/// One type record: its fixed part, and where the rest is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) name: u32,
    pub(super) kind: u32,
    pub(super) flag: bool,
    pub(super) count: u32,
    /// The size, or the type referred to.
    pub(super) size_or_type: u32,
    extra: usize,
}

impl Btf {
    /// Reads an object. `base` is the kernel's own BTF for a module.
    pub(super) fn parse(data: Vec<u8>, base: Option<&Btf>) -> Result<Btf, &'static str> {
        let half = |at: usize| data.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        if half(0) != Some(MAGIC) {
            return Err("not BTF");
        }
        let word = |at: usize| word_at(&data, at).ok_or("the header is cut off");
        let header = word(4)? as usize;
        let (type_off, type_len) = (word(8)? as usize, word(12)? as usize);
        let (str_off, str_len) = (word(16)? as usize, word(20)? as usize);
        let types_at = header.checked_add(type_off).ok_or("the type section is outside the file")?;
        let types_end = types_at.checked_add(type_len).ok_or("the type section is outside the file")?;
        let strings_at = header.checked_add(str_off).ok_or("the string section is outside the file")?;
        let strings_end = strings_at.checked_add(str_len).ok_or("the string section is outside the file")?;
        if types_end > data.len() || strings_end > data.len() {
            return Err("a section is outside the file");
        }
        let mut starts = Vec::with_capacity(type_len / 20);
        let mut at = types_at;
        while at < types_end {
            let info = word_at(&data, at + 4).ok_or("a type is cut off")?;
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            starts.push(u32::try_from(at).map_err(|_| "the file is too large")?);
            at += 12
                + match kind {
                    k::INT | k::VAR | k::DECL_TAG => 4,
                    k::ARRAY => 12,
                    k::STRUCT | k::UNION | k::DATASEC | k::ENUM64 => 12 * count,
                    k::ENUM | k::FUNC_PROTO => 8 * count,
                    k::PTR | k::FWD | k::TYPEDEF | k::VOLATILE | k::CONST | k::RESTRICT => 0,
                    k::FUNC | k::FLOAT | k::TYPE_TAG => 0,
                    _ => return Err("it has a kind of type that is not known"),
                };
        }
        if at != types_end {
            return Err("the last type is cut off");
        }
        let (first_id, first_string) = match base {
            Some(b) => (b.end_id(), b.first_string + u32::try_from(b.strings_len).unwrap_or(0)),
            None => (1, 0),
        };
        Ok(Btf {
            types_at,
            strings_at,
            strings_len: str_len,
            starts,
            first_id,
            first_string,
            found: HashMap::new(),
            data,
        })
    }

    /// One past the last id.
    pub(super) fn end_id(&self) -> u32 {
        self.first_id + u32::try_from(self.starts.len()).unwrap_or(0)
    }

    /// The record of an id of this object.
    pub(super) fn record(&self, id: u32) -> Option<Record> {
        self.record_at(*self.starts.get(id.checked_sub(self.first_id)? as usize)?)
    }

    fn record_at(&self, start: u32) -> Option<Record> {
        let start = start as usize;
        debug_assert!(start >= self.types_at);
        let info = word_at(&self.data, start + 4)?;
        Some(Record {
            name: word_at(&self.data, start)?,
            kind: info >> 24 & 0x1f,
            flag: info >> 31 != 0,
            count: info & 0xffff,
            size_or_type: word_at(&self.data, start + 8)?,
            extra: start + 12,
        })
    }

    /// The `n`th 32-bit word behind the fixed part of a record.
    pub(super) fn extra(&self, record: &Record, n: usize) -> u32 {
        word_at(&self.data, record.extra + 4 * n).unwrap_or(0)
    }

    /// The string at an offset that belongs to this object.
    pub(super) fn string(&self, offset: u32) -> Option<&str> {
        let own = offset.checked_sub(self.first_string)? as usize;
        let bytes = self.data.get(self.strings_at + own..self.strings_at + self.strings_len)?;
        let end = bytes.iter().position(|&b| b == 0)?;
        std::str::from_utf8(&bytes[..end]).ok()
    }

    /// Whether the string offset belongs to this object, not to its base.
    pub(super) fn owns_string(&self, offset: u32) -> bool {
        offset >= self.first_string
    }

    /// The id of a named type of this object, whose name may stand among the strings of the base.
    pub(super) fn find(&mut self, space: NameSpace, name: &str, base: Option<&Btf>) -> Option<u32> {
        let key = (space, Box::from(name));
        if let Some(&found) = self.found.get(&key) {
            return found;
        }
        let found = self.search(space, name, base);
        self.found.insert(key, found);
        found
    }

    fn search(&self, space: NameSpace, name: &str, base: Option<&Btf>) -> Option<u32> {
        if name.is_empty() || name.contains('\0') {
            return None;
        }
        let own = self.string_offset(name);
        let inherited = base.and_then(|b| b.string_offset(name));
        if own.is_none() && inherited.is_none() {
            return None;
        }
        let position = self.starts.iter().position(|&start| {
            let offset = word_at(&self.data, start as usize);
            (offset == own || offset == inherited)
                && offset.is_some()
                && self.record_at(start).is_some_and(|r| space_of(&r) == Some(space))
        })?;
        Some(self.first_id + u32::try_from(position).ok()?)
    }

    /// The offset of a string of this object, if it has it.
    fn string_offset(&self, name: &str) -> Option<u32> {
        let section = self.data.get(self.strings_at..self.strings_at + self.strings_len)?;
        let section = std::str::from_utf8(section).ok()?;
        let position = section.find(&format!("\0{name}\0"))?;
        Some(self.first_string + u32::try_from(position + 1).ok()?)
    }

    /// A string of this object or its base.
    pub(super) fn string_with<'a>(&'a self, offset: u32, base: Option<&'a Btf>) -> Option<&'a str> {
        if self.owns_string(offset) { self.string(offset) } else { base?.string(offset) }
    }
}

/// Which name space a record's name lives in; a forward declaration has none, since it defines nothing.
fn space_of(record: &Record) -> Option<NameSpace> {
    Some(match record.kind {
        k::INT | k::FLOAT | k::TYPEDEF => NameSpace::Plain,
        k::STRUCT => NameSpace::Struct,
        k::UNION => NameSpace::Union,
        k::ENUM | k::ENUM64 => NameSpace::Enum,
        k::FUNC => NameSpace::Function,
        k::VAR => NameSpace::Variable,
        _ => return None,
    })
}

fn word_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}
