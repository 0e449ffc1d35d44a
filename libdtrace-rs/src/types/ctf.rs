//! A reader of CTF version 2, the type information of an existing installation: an ELF object with a section `.SUNW_ctf`,
//! compressed or not (contract 6.6).
//!
//! As with BTF, opening walks the types once to learn where each starts; a type is decoded when asked for, and whatever
//! makes no sense reads as `void` or as nothing.

use std::rc::Rc;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use super::{Aggregate, Arena, Enumeration, Function, IntFormat, Kind, Member, Qualifier, Tag};

const MAGIC: u16 = 0xcff1;
const VERSION: u8 = 2;
const COMPRESSED: u8 = 1;
/// The header: a preamble of four bytes and eight words.
const HEADER: usize = 36;
/// In place of a size: a 64-bit one follows.
const LARGE: u16 = 0xffff;
/// Structures from this size on have members with 64-bit offsets.
pub(super) const LARGE_STRUCT: u64 = 8192;
/// What the data may grow to: a kernel's is a few megabytes.
const MAX_SIZE: usize = 256 << 20;

/// What a type's number says that it is.
pub(super) mod kind {
    pub(in crate::types) const INTEGER: u16 = 1;
    pub(in crate::types) const FLOAT: u16 = 2;
    pub(in crate::types) const POINTER: u16 = 3;
    pub(in crate::types) const ARRAY: u16 = 4;
    pub(in crate::types) const FUNCTION: u16 = 5;
    pub(in crate::types) const STRUCT: u16 = 6;
    pub(in crate::types) const UNION: u16 = 7;
    pub(in crate::types) const ENUM: u16 = 8;
    pub(in crate::types) const FORWARD: u16 = 9;
    pub(in crate::types) const TYPEDEF: u16 = 10;
    pub(in crate::types) const VOLATILE: u16 = 11;
    pub(in crate::types) const CONST: u16 = 12;
    pub(in crate::types) const RESTRICT: u16 = 13;
}

/// The type information of one file.
pub(super) struct Ctf {
    /// Everything behind the header.
    data: Vec<u8>,
    strings: std::ops::Range<usize>,
    /// Where type 1, 2, … starts.
    starts: Vec<u32>,
    /// The variables that have a type.
    variables: Vec<(Box<str>, u16)>,
}

struct Record {
    name: u32,
    kind: u16,
    count: usize,
    /// The size, or the type referred to.
    size_or_type: u64,
    extra: usize,
}

impl Ctf {
    /// Reads an ELF file, or the data alone, which have no variables.
    pub(super) fn parse(file: &[u8]) -> Result<Ctf, &'static str> {
        if file.starts_with(&MAGIC.to_le_bytes()) {
            return Self::parse_data(file, None);
        }
        let elf = object::File::parse(file).map_err(|_| "not an ELF file")?;
        let section = elf.section_by_name(".SUNW_ctf").ok_or("it has no section .SUNW_ctf")?;
        let section = section.data().map_err(|_| "the section .SUNW_ctf is outside the file")?;
        Self::parse_data(section, Some(&elf))
    }

    fn parse_data(section: &[u8], elf: Option<&object::File<'_>>) -> Result<Ctf, &'static str> {
        let half = |at: usize| section.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        if half(0) != Some(MAGIC) {
            return Err("the section .SUNW_ctf is not CTF");
        }
        if section.get(2) != Some(&VERSION) {
            return Err("its version of CTF is not known");
        }
        let word = |n: usize| word_at(section, 4 + 4 * n).map(|w| w as usize).ok_or("the header is cut off");
        let [objects, functions, types, strings, length] = [word(3)?, word(4)?, word(5)?, word(6)?, word(7)?];
        let body = section.get(HEADER..).ok_or("the header is cut off")?;
        let data = if section[3] & COMPRESSED != 0 {
            miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(body, MAX_SIZE)
                .map_err(|_| "it does not decompress")?
        } else {
            body.to_vec()
        };
        let end = strings.checked_add(length).ok_or("a section is outside the data")?;
        if types > strings || end > data.len() || objects > functions || functions > types {
            return Err("a section is outside the data");
        }
        let mut starts = Vec::new();
        let mut at = types;
        while at < strings {
            starts.push(u32::try_from(at).map_err(|_| "it is too large")?);
            let record = record_at(&data, at).ok_or("a type is cut off")?;
            at = record.extra + extra_size(&record).ok_or("it has a kind of type that is not known")?;
        }
        let mut ctf = Ctf { data, strings: strings..end, starts, variables: Vec::new() };
        let mut at = objects;
        for symbol in elf.iter().flat_map(|elf| elf.symbols()) {
            let name = symbol.name().unwrap_or_default();
            let skipped = symbol.is_undefined() || name.is_empty() || matches!(name, "_START_" | "_END_");
            if symbol.kind() != SymbolKind::Data || skipped || at >= functions {
                continue;
            }
            if let Some(ty) = half_at(&ctf.data, at).filter(|&ty| ty != 0) {
                ctf.variables.push((name.into(), ty));
            }
            at += 2;
        }
        Ok(ctf)
    }

    /// The id of a named type: `struct foo`, `foo_t`.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let (keyword, plain) = match name.split_once(' ') {
            Some((k @ ("struct" | "union" | "enum"), rest)) => (k, rest.trim_start()),
            _ => ("", name),
        };
        let fits = |kind: u16| match keyword {
            "struct" => kind == kind::STRUCT,
            "union" => kind == kind::UNION,
            "enum" => kind == kind::ENUM,
            _ => matches!(kind, kind::INTEGER | kind::FLOAT | kind::TYPEDEF),
        };
        let found = self.starts.iter().position(|&start| {
            record_at(&self.data, start as usize)
                .is_some_and(|r| fits(r.kind) && self.string(r.name) == plain)
        })?;
        u32::try_from(found + 1).ok()
    }

    /// The type of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<u32> {
        self.variables.iter().find(|(n, _)| **n == *name).map(|&(_, ty)| ty.into())
    }

    fn string(&self, offset: u32) -> &str {
        let bytes = &self.data[self.strings.clone()];
        let bytes = bytes.get(offset as usize..).unwrap_or_default();
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(0);
        std::str::from_utf8(&bytes[..end]).unwrap_or_default()
    }

    fn record(&self, id: u32) -> Option<Record> {
        record_at(&self.data, *self.starts.get(id.checked_sub(1)? as usize)? as usize)
    }

    /// The width of a bit-field's type and the bytes of the type it was cut from; `None` for an ordinary type.
    fn bit_field(&self, id: u32) -> Option<(u32, u64)> {
        let r = self.record(id).filter(|r| r.kind == kind::INTEGER)?;
        let bits = word_at(&self.data, r.extra)? & 0xffff;
        (u64::from(bits) != r.size_or_type * 8).then_some((bits, r.size_or_type))
    }

    fn align(&self, id: u32, depth: u32) -> u64 {
        let Some(r) = self.record(id).filter(|_| depth > 0) else { return 1 };
        match r.kind {
            kind::INTEGER | kind::FLOAT | kind::ENUM => r.size_or_type.clamp(1, 16).next_power_of_two(),
            kind::POINTER => 8,
            kind::ARRAY => self.align(half_at(&self.data, r.extra).unwrap_or(0).into(), depth - 1),
            kind::STRUCT | kind::UNION => {
                self.raw_members(&r).map(|(_, ty, _)| self.align(ty, depth - 1)).max().unwrap_or(1)
            }
            kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT => {
                self.align(r.size_or_type as u32, depth - 1)
            }
            _ => 1,
        }
    }

    /// Name, type and offset in bits of each member.
    fn raw_members(&self, r: &Record) -> impl Iterator<Item = (u32, u32, u64)> {
        let (large, extra) = (r.size_or_type >= LARGE_STRUCT, r.extra);
        (0..r.count).map_while(move |i| {
            if large {
                let at = extra + 16 * i;
                let offset =
                    u64::from(word_at(&self.data, at + 8)?) << 32 | u64::from(word_at(&self.data, at + 12)?);
                return Some((word_at(&self.data, at)?, half_at(&self.data, at + 4)?.into(), offset));
            }
            let at = extra + 8 * i;
            let offset = half_at(&self.data, at + 6)?.into();
            Some((word_at(&self.data, at)?, half_at(&self.data, at + 4)?.into(), offset))
        })
    }

    /// What a type is.
    pub(super) fn decode(&self, object: u16, id: u32, arena: &mut Arena) -> Kind {
        let Some(r) = self.record(id) else { return Kind::Void };
        let name: Rc<str> = self.string(r.name).into();
        let tag = Some(name.clone()).filter(|n| !n.is_empty());
        let half = |n: usize| half_at(&self.data, r.extra + 2 * n).unwrap_or(0);
        let mut reference = |id: u32| arena.kernel_id(object, id);
        match r.kind {
            kind::INTEGER => {
                let encoding = word_at(&self.data, r.extra).unwrap_or(0);
                let flags = encoding >> 24;
                if r.size_or_type == 0 {
                    return Kind::Void;
                }
                // The width of a bit-field is its member's; its type is the one that it was cut from.
                let format = IntFormat {
                    bits: r.size_or_type as u32 * 8,
                    signed: flags & 1 != 0,
                    character: flags & 2 != 0,
                    boolean: flags & 4 != 0,
                };
                Kind::Integer { name, format }
            }
            kind::FLOAT => Kind::Float { name, size: r.size_or_type },
            kind::POINTER => Kind::Pointer(reference(r.size_or_type as u32)),
            kind::ARRAY => {
                let count = word_at(&self.data, r.extra + 4).unwrap_or(0);
                Kind::Array { elem: reference(half(0).into()), count: count.into() }
            }
            kind::FUNCTION => {
                let mut params: Vec<u16> = (0..r.count).map(half).collect();
                let variadic = params.last() == Some(&0);
                if variadic {
                    params.pop();
                }
                let ret = reference(r.size_or_type as u32);
                let params = params.into_iter().map(|p| reference(p.into())).collect();
                Kind::Function(Function { ret, params, variadic })
            }
            kind::STRUCT | kind::UNION => {
                let size = r.size_or_type;
                let members = self.raw_members(&r).map(|(name, ty, offset)| {
                    let field = self.bit_field(ty);
                    let bit_offset = match field {
                        // Converters from DWARF 2 may leave a field's offset relative to the end of its storage.
                        Some((_, bytes)) if offset >= size * 8 => (offset + bytes * 8) & 0xffff,
                        _ => offset,
                    };
                    let bit_width = field.map(|(bits, _)| bits);
                    Member { name: self.string(name).into(), ty: reference(ty), bit_offset, bit_width }
                });
                let aggregate =
                    Aggregate { tag, size, members: members.collect(), align: self.align(id, 16) };
                if r.kind == kind::STRUCT { Kind::Struct(aggregate) } else { Kind::Union(aggregate) }
            }
            kind::ENUM => {
                let values = (0..r.count).map_while(|i| {
                    let name = word_at(&self.data, r.extra + 8 * i)?;
                    let value = word_at(&self.data, r.extra + 8 * i + 4)?.cast_signed();
                    Some((self.string(name).into(), i64::from(value)))
                });
                Kind::Enum(Enumeration { tag, size: r.size_or_type, signed: true, values: values.collect() })
            }
            kind::FORWARD => {
                let tag = match r.size_or_type as u16 {
                    kind::UNION => Tag::Union,
                    kind::ENUM => Tag::Enum,
                    _ => Tag::Struct,
                };
                Kind::Forward { tag, name }
            }
            kind::TYPEDEF => Kind::Typedef { name, target: reference(r.size_or_type as u32) },
            kind::VOLATILE => Kind::Qualified(Qualifier::Volatile, reference(r.size_or_type as u32)),
            kind::CONST => Kind::Qualified(Qualifier::Const, reference(r.size_or_type as u32)),
            kind::RESTRICT => Kind::Qualified(Qualifier::Restrict, reference(r.size_or_type as u32)),
            _ => Kind::Void,
        }
    }
}

fn record_at(data: &[u8], at: usize) -> Option<Record> {
    let info = half_at(data, at + 4)?;
    let short = half_at(data, at + 6)?;
    let (size_or_type, extra) = if short == LARGE {
        let (high, low) = (word_at(data, at + 8)?, word_at(data, at + 12)?);
        (u64::from(high) << 32 | u64::from(low), at + 16)
    } else {
        (short.into(), at + 8)
    };
    Some(Record {
        name: word_at(data, at)?,
        kind: info >> 11,
        count: usize::from(info & 0x3ff),
        size_or_type,
        extra,
    })
}

/// Bytes behind the fixed part of a record.
fn extra_size(r: &Record) -> Option<usize> {
    Some(match r.kind {
        kind::INTEGER | kind::FLOAT => 4,
        kind::ARRAY => 8,
        kind::FUNCTION => 2 * r.count.next_multiple_of(2),
        kind::STRUCT | kind::UNION if r.size_or_type >= LARGE_STRUCT => 16 * r.count,
        kind::STRUCT | kind::UNION | kind::ENUM => 8 * r.count,
        // 0 is a hole that a converter left.
        0 | kind::POINTER | kind::FORWARD | kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT => {
            0
        }
        _ => return None,
    })
}

fn half_at(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn word_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}
