//! `print()`: a value with its type, members and all.

use std::io::{self, Write};

use dtrace_abi::Plain;

use crate::types::{Kind, Member, TypeId, Types};

/// How deep structures are followed.
const MAX_DEPTH: usize = 64;

/// Prints a value with its type. A structure stands on lines of its own, of which the last is not ended.
pub(super) fn print(out: &mut dyn Write, types: &Types, ty: TypeId, data: &[u8]) -> io::Result<()> {
    let printer = Printer { types };
    if matches!(types.base(ty), Kind::Struct(_) | Kind::Union(_)) {
        write!(out, "{} ", types.name(ty))?;
        return printer.value(out, ty, data, 0);
    }
    write!(out, "{} ", types.name(ty))?;
    printer.value(out, ty, data, 0)?;
    out.write_all(b"\n")
}

struct Printer<'a> {
    types: &'a Types,
}

impl Printer<'_> {
    fn value(&self, out: &mut dyn Write, ty: TypeId, data: &[u8], depth: usize) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return out.write_all(b"...");
        }
        match self.types.base(ty) {
            Kind::Struct(aggregate) | Kind::Union(aggregate) => {
                out.write_all(b"{\n")?;
                for member in aggregate.members.iter() {
                    self.member(out, member, data, depth + 1)?;
                }
                write!(out, "{:1$}}}", "", depth * 4)
            }
            Kind::Array { elem, count } => self.array(out, elem, count, data, depth),
            Kind::String => write!(out, "\"{}\"", escaped(data)),
            Kind::Enum(enumeration) => {
                let value = integer(data, enumeration.signed);
                match enumeration.values.iter().find(|(_, v)| *v == value) {
                    Some((name, _)) => out.write_all(name.as_bytes()),
                    None => write!(out, "{value}"),
                }
            }
            Kind::Pointer(_) | Kind::Function(_) => hex(out, integer(data, false)),
            Kind::Float { .. } => match data.len() {
                4 => write!(out, "{}", u32::from_bytes(data).map_or(0.0, f32::from_bits)),
                _ => write!(out, "{}", u64::from_bytes(data).map_or(0.0, f64::from_bits)),
            },
            Kind::Integer { format, name } => {
                if data.len() == 1 && format.character && &*name != "unsigned char" {
                    return character(out, data[0]);
                }
                hex(out, integer(data, false))
            }
            _ => hex(out, integer(data, false)),
        }
    }

    fn member(&self, out: &mut dyn Write, member: &Member, data: &[u8], depth: usize) -> io::Result<()> {
        let name = self.types.name(member.ty);
        let gap = if name.ends_with('*') || member.name.is_empty() { "" } else { " " };
        write!(out, "{:1$}{name}{gap}{2}", "", depth * 4, member.name)?;
        let start = usize::try_from(member.bit_offset / 8).unwrap_or(usize::MAX).min(data.len());
        if let Some(width) = member.bit_width {
            write!(out, " :{width} = ")?;
            hex(out, bits(&data[start..], (member.bit_offset % 8) as u32, width))?;
        } else {
            let size = self.types.size(member.ty).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            let end = start.saturating_add(size).min(data.len());
            out.write_all(b" = ")?;
            self.value(out, member.ty, &data[start..end], depth)?;
        }
        out.write_all(b"\n")
    }

    fn array(
        &self,
        out: &mut dyn Write,
        elem: TypeId,
        count: u64,
        data: &[u8],
        depth: usize,
    ) -> io::Result<()> {
        let size = self.types.size(elem).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if size == 0 {
            return out.write_all(b"[ ]");
        }
        let kind = self.types.base(elem);
        if matches!(&kind, Kind::Integer { format, .. } if format.character && size == 1) {
            return write!(out, "[ \"{}\" ]", escaped(data));
        }
        let nested = matches!(kind, Kind::Struct(_) | Kind::Union(_) | Kind::Array { .. });
        out.write_all(b"[ ")?;
        for (n, element) in data.chunks_exact(size).take(count).enumerate() {
            if n > 0 {
                out.write_all(b", ")?;
            }
            if nested {
                write!(out, "\n{:1$}{2} ", "", (depth + 1) * 4, self.types.name(elem))?;
                self.value(out, elem, element, depth + 1)?;
            } else {
                self.value(out, elem, element, depth)?;
            }
        }
        if nested { write!(out, "\n{:1$}]", "", depth * 4) } else { out.write_all(b" ]") }
    }
}

/// The text up to a NUL, as C would write it in quotes.
fn escaped(data: &[u8]) -> String {
    let end = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    match std::str::from_utf8(&data[..end]) {
        Ok(text) if text.chars().all(|c| !c.is_control() && c != '"' && c != '\\') => text.to_string(),
        _ => String::from_utf8_lossy(&super::bytes::escape(&data[..end])).into_owned(),
    }
}

fn character(out: &mut dyn Write, byte: u8) -> io::Result<()> {
    match byte {
        b'\'' => out.write_all(b"'\\''"),
        0x20..0x7f if byte != b'\\' => write!(out, "'{}'", char::from(byte)),
        0 => out.write_all(b"'\\0'"),
        _ => write!(out, "'\\{byte:03o}'"),
    }
}

fn hex(out: &mut dyn Write, value: i64) -> io::Result<()> {
    if value == 0 { out.write_all(b"0") } else { write!(out, "0x{value:x}") }
}

/// The integer in up to eight bytes.
fn integer(data: &[u8], signed: bool) -> i64 {
    let mut bytes = [0; 8];
    let len = data.len().min(8);
    bytes[..len].copy_from_slice(&data[..len]);
    let value = i64::from_le_bytes(bytes);
    let unused = 64 - 8 * len as u32;
    if signed && unused < 64 { value << unused >> unused } else { value }
}

/// A bit-field of at most 64 bits.
fn bits(data: &[u8], offset: u32, width: u32) -> i64 {
    let mut bytes = [0; 16];
    let len = data.len().min(16);
    bytes[..len].copy_from_slice(&data[..len]);
    let value = u128::from_le_bytes(bytes) >> offset;
    let mask = if width >= 64 { u128::from(u64::MAX) } else { (1 << width) - 1 };
    ((value & mask) as u64).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AggregateBuilder, Tag};

    fn shown(types: &Types, ty: TypeId, data: &[u8]) -> String {
        let mut out = Vec::new();
        print(&mut out, types, ty, data).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn scalars_have_a_line_of_their_own() {
        let types = Types::with_btf_directory("/nonexistent");
        let i = types.intrinsics();
        assert_eq!(shown(&types, i.int, &55i32.to_ne_bytes()), "int 0x37\n");
        assert_eq!(shown(&types, i.int, &0i32.to_ne_bytes()), "int 0\n");
        assert_eq!(shown(&types, i.char, b"A"), "char 'A'\n");
        assert_eq!(shown(&types, i.char, &[9]), "char '\\011'\n");
        assert_eq!(shown(&types, i.string, b"bash\0\0"), "string \"bash\"\n");
        let pointer = types.pointer_to(i.int);
        assert_eq!(shown(&types, pointer, &4096u64.to_ne_bytes()), "int * 0x1000\n");
    }

    #[test]
    fn structures_show_their_members() {
        let types = Types::with_btf_directory("/nonexistent");
        let i = types.intrinsics();
        let (int, chars) = (i.int, types.array_of(i.char, 4));
        let inner = types.declare_tag(Tag::Struct, "in");
        let mut builder = AggregateBuilder::new(Some("in"), false);
        builder.member(&types, "z", int).unwrap();
        types.define(inner, builder.finish());
        let outer = types.declare_tag(Tag::Struct, "s");
        let mut builder = AggregateBuilder::new(Some("s"), false);
        builder.member(&types, "a", int).unwrap();
        builder.member(&types, "b", chars).unwrap();
        builder.member(&types, "i", inner).unwrap();
        builder.member(&types, "two", types.array_of(inner, 2)).unwrap();
        builder.member(&types, "p", types.pointer_to(inner)).unwrap();
        types.define(outer, builder.finish());
        let mut data = vec![1, 0, 0, 0, b'A', b'B', b'C', 0, 7, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
        data.resize(32, 0);
        data[25] = 0x10;
        let want = "struct s {\n    int a = 0x1\n    char [4] b = [ \"ABC\" ]\n    struct in i = {\n        int z = 0x7\n    }\n    \
                    struct in [2] two = [ \n        struct in {\n            int z = 0x2\n        }, \n        struct in {\n            \
                    int z = 0x3\n        }\n    ]\n    struct in *p = 0x1000\n}";
        assert_eq!(shown(&types, outer, &data), want);
    }

    #[test]
    fn data_that_is_too_short_prints_what_is_there() {
        let types = Types::with_btf_directory("/nonexistent");
        let int = types.intrinsics().int;
        assert_eq!(shown(&types, types.array_of(int, 3), &[1, 0, 0, 0, 2]), "int [3] [ 0x1 ]\n");
        assert_eq!(shown(&types, int, &[]), "int 0\n");
    }
}
