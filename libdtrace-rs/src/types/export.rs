//! Types as a CTF file, for the userland of an existing installation: it knows the kernel's types from
//! `linux-RELEASE.ctf` only (contract 6.6), and no tool makes that file for a kernel of today.
//!
//! CTF of that version numbers at most 32767 types, far fewer than a kernel has. So the file holds what is within reach of
//! some roots, the nearest first; where room ends, a pointer leads to a forward declaration. What a structure contains by
//! value is always there, so that every structure in the file has its size.

use std::collections::{HashMap, VecDeque};

use super::ctf::{LARGE_STRUCT, kind};
use super::{Aggregate, Enumeration, Kind, Member, Qualifier, Tag, TypeId, Types};

/// How many types may be reached through pointers; the rest of the numbers is for what they contain by value.
const REACHED: usize = 24_000;
/// The numbers that there are.
const NUMBERS: usize = 0x7fff;
/// The most members, enumerators and parameters that a type may have.
const COUNT: usize = 0x3ff;
/// What a number stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Type(TypeId),
    /// Only the name of a tagged type.
    Forward(TypeId),
    /// An integer of some bits, for a bit-field.
    Bits(TypeId, u32),
}

/// The CTF file of some types and all that they lead to, with the types of some variables, as an ELF object.
pub fn ctf_file(types: &Types, roots: &[TypeId], variables: &[(&str, TypeId)]) -> Vec<u8> {
    let sizes: Vec<(&str, u64)> = variables.iter().map(|&(n, ty)| (n, types.size(ty).unwrap_or(0))).collect();
    elf(&ctf_data(types, roots, variables, "linux"), &sizes)
}

/// The same without an object around it.
pub fn ctf_data(types: &Types, roots: &[TypeId], variables: &[(&str, TypeId)], label: &str) -> Vec<u8> {
    let mut writer =
        Writer { types, numbers: HashMap::new(), queue: VecDeque::new(), strings: Strings::new() };
    // Number 1 is `int`, which arrays are indexed by.
    writer.number(Entry::Type(types.intrinsics().int));
    for &root in roots.iter().chain(variables.iter().map(|(_, ty)| ty)) {
        writer.contained(root);
    }
    // A reader that misses a pointer type derives it from a copy of all that it leads to, and may fail to.
    for &root in roots.iter().filter(|&&root| types.is_struct_or_union(root)) {
        writer.number(Entry::Type(types.pointer_to(root)));
    }
    let mut records = Vec::new();
    while let Some(entry) = writer.queue.pop_front() {
        writer.encode(entry, &mut records);
    }
    let objects: Vec<u8> = variables
        .iter()
        .flat_map(|(_, ty)| writer.numbers.get(&Entry::Type(*ty)).copied().unwrap_or(0).to_le_bytes())
        .collect();
    let label = writer.strings.add(label);
    let last = u32::try_from(writer.numbers.len()).unwrap_or(0);
    let mut body = [label.to_le_bytes(), last.to_le_bytes()].concat();
    let object_at = body.len();
    body.extend(objects);
    let function_at = body.len();
    body.resize(body.len().next_multiple_of(4), 0);
    let types_at = body.len();
    body.extend(records);
    let strings_at = body.len();
    body.extend(&writer.strings.bytes);
    let mut ctf = vec![0xf1, 0xcf, 2, 0];
    for n in [0, 0, 0, object_at, function_at, types_at, strings_at, writer.strings.bytes.len()] {
        ctf.extend((n as u32).to_le_bytes());
    }
    ctf.extend(body);
    ctf
}

struct Writer<'a> {
    types: &'a Types,
    numbers: HashMap<Entry, u16>,
    queue: VecDeque<Entry>,
    strings: Strings,
}

impl Writer<'_> {
    /// The number of an entry, a new one if need be; 0, which is no type, when they are used up.
    fn number(&mut self, entry: Entry) -> u16 {
        if let Some(&number) = self.numbers.get(&entry) {
            return number;
        }
        let next = self.numbers.len() + 1;
        if next > NUMBERS {
            return 0;
        }
        let number = next as u16;
        self.numbers.insert(entry, number);
        self.queue.push_back(entry);
        number
    }

    /// The number of a type that another one contains: it and what it contains are there whatever the room.
    fn contained(&mut self, ty: TypeId) -> u16 {
        if let Some(&number) = self.numbers.get(&Entry::Type(ty)) {
            return number;
        }
        let number = self.number(Entry::Type(ty));
        match self.types.kind(ty) {
            Kind::Array { elem, .. } => {
                self.contained(elem);
            }
            Kind::Typedef { target, .. } | Kind::Qualified(_, target) => {
                self.contained(target);
            }
            Kind::Struct(a) | Kind::Union(a) => {
                let mut members = Vec::new();
                self.flatten(&a, 0, &mut members, 16);
                for m in members.iter().filter(|m| m.bit_width.is_none()) {
                    self.contained(m.ty);
                }
            }
            _ => {}
        }
        number
    }

    /// The number of a type that another one points to: beyond the room, a name for it.
    fn reached(&mut self, ty: TypeId) -> u16 {
        if self.numbers.contains_key(&Entry::Type(ty)) || self.numbers.len() < REACHED {
            return self.contained(ty);
        }
        match self.types.kind(ty) {
            Kind::Struct(Aggregate { tag, .. }) | Kind::Union(Aggregate { tag, .. }) => match tag {
                Some(_) => self.number(Entry::Forward(ty)),
                None => self.number(Entry::Type(self.types.intrinsics().void)),
            },
            Kind::Typedef { target, .. } | Kind::Qualified(_, target) => self.reached(target),
            Kind::Function(_) | Kind::Array { .. } => self.number(Entry::Type(self.types.intrinsics().void)),
            _ => self.number(Entry::Type(ty)),
        }
    }

    /// The fixed part of a type.
    fn record(&mut self, out: &mut Vec<u8>, name: &str, kind: u16, count: usize, size: u64) {
        let root = !name.is_empty() && kind != kind::FORWARD;
        out.extend(self.strings.add(name).to_le_bytes());
        out.extend((kind << 11 | u16::from(root) << 10 | count.min(COUNT) as u16).to_le_bytes());
        if size < 0xffff {
            out.extend((size as u16).to_le_bytes());
        } else {
            out.extend([0xff, 0xff]);
            out.extend(((size >> 32) as u32).to_le_bytes());
            out.extend((size as u32).to_le_bytes());
        }
    }

    fn encode(&mut self, entry: Entry, out: &mut Vec<u8>) {
        let ty = match entry {
            Entry::Type(ty) => ty,
            Entry::Forward(ty) => return self.forward(ty, out),
            Entry::Bits(ty, bits) => return self.bits(ty, bits, out),
        };
        match self.types.kind(ty) {
            Kind::Integer { name, format } => {
                // The readers of CTF know `unsigned int`, but not the other orders of the words.
                let name = match super::intrinsic::canonical(&name) {
                    Some("unsigned") => "unsigned int",
                    Some(canonical) => canonical,
                    None => &name,
                };
                self.record(out, name, kind::INTEGER, 0, u64::from(format.bits.div_ceil(8)));
                let flags = u32::from(format.signed)
                    | u32::from(format.character) << 1
                    | u32::from(format.boolean) << 2;
                out.extend((flags << 24 | format.bits).to_le_bytes());
            }
            Kind::Float { name, size } => {
                self.record(out, &name, kind::FLOAT, 0, size);
                let encoding = match size {
                    4 => 1u32,
                    8 => 2,
                    _ => 6,
                };
                let bits = size as u32 * 8;
                out.extend((encoding << 24 | bits).to_le_bytes());
            }
            Kind::Pointer(target) => {
                let target = self.reached(target);
                self.record(out, "", kind::POINTER, 0, target.into());
            }
            Kind::Array { elem, count } => {
                let elem = self.contained(elem);
                let size = self.types.size(ty).unwrap_or(0);
                self.record(out, "", kind::ARRAY, 0, size.min(0xfffe));
                out.extend([elem.to_le_bytes(), 1u16.to_le_bytes()].concat());
                out.extend((count as u32).to_le_bytes());
            }
            Kind::Function(f) => {
                let ret = self.reached(f.ret);
                let mut params: Vec<u16> =
                    f.params.iter().take(COUNT - 1).map(|&p| self.reached(p)).collect();
                if f.variadic {
                    params.push(0);
                }
                self.record(out, "", kind::FUNCTION, params.len(), ret.into());
                params.resize(params.len().next_multiple_of(2), 0);
                out.extend(params.iter().flat_map(|p| p.to_le_bytes()));
            }
            Kind::Struct(a) => self.aggregate(&a, kind::STRUCT, out),
            Kind::Union(a) => self.aggregate(&a, kind::UNION, out),
            Kind::Enum(Enumeration { tag, size, values, .. }) => {
                let name = tag.as_deref().unwrap_or_default();
                self.record(out, name, kind::ENUM, values.len(), size);
                for (name, value) in values.iter().take(COUNT) {
                    out.extend(self.strings.add(name).to_le_bytes());
                    out.extend((*value as i32).to_le_bytes());
                }
            }
            Kind::Forward { tag, name } => {
                let tag = match tag {
                    Tag::Struct => kind::STRUCT,
                    Tag::Union => kind::UNION,
                    Tag::Enum => kind::ENUM,
                };
                self.record(out, &name, kind::FORWARD, 0, tag.into());
            }
            Kind::Typedef { name, target } => {
                let target = self.contained(target);
                self.record(out, &name, kind::TYPEDEF, 0, target.into());
            }
            Kind::Qualified(qualifier, target) => {
                let target = self.contained(target);
                let kind = match qualifier {
                    Qualifier::Const => kind::CONST,
                    Qualifier::Volatile => kind::VOLATILE,
                    Qualifier::Restrict => kind::RESTRICT,
                };
                self.record(out, "", kind, 0, target.into());
            }
            Kind::Void | Kind::String | Kind::Dynamic | Kind::Stack | Kind::SymAddr | Kind::UserSymAddr => {
                // An integer of no bits is `void`; D's own types do not occur in the kernel.
                self.record(out, "void", kind::INTEGER, 0, 0);
                out.extend((1u32 << 24).to_le_bytes());
            }
        }
    }

    fn aggregate(&mut self, a: &Aggregate, kind: u16, out: &mut Vec<u8>) {
        let mut flat = Vec::new();
        self.flatten(a, 0, &mut flat, 16);
        flat.truncate(COUNT);
        let members: Vec<(u16, Member)> = flat
            .into_iter()
            .map(|m| match m.bit_width {
                Some(bits) => (self.number(Entry::Bits(self.types.resolve(m.ty), bits)), m),
                None => (self.contained(m.ty), m),
            })
            .collect();
        self.record(out, a.tag.as_deref().unwrap_or_default(), kind, members.len(), a.size);
        for (ty, m) in members {
            out.extend(self.strings.add(&m.name).to_le_bytes());
            out.extend(ty.to_le_bytes());
            if a.size >= LARGE_STRUCT {
                out.extend([0, 0]);
                out.extend(((m.bit_offset >> 32) as u32).to_le_bytes());
                out.extend((m.bit_offset as u32).to_le_bytes());
            } else {
                out.extend((m.bit_offset as u16).to_le_bytes());
            }
        }
    }

    /// The members, those of anonymous members included as if they were its own: readers of CTF do not look into these.
    fn flatten(&self, a: &Aggregate, base: u64, out: &mut Vec<Member>, depth: u32) {
        for m in a.members.iter() {
            match self.types.base(m.ty) {
                Kind::Struct(inner) | Kind::Union(inner) if m.name.is_empty() && depth > 0 => {
                    self.flatten(&inner, base + m.bit_offset, out, depth - 1);
                }
                _ => out.push(Member { bit_offset: base + m.bit_offset, ..m.clone() }),
            }
        }
    }

    fn forward(&mut self, ty: TypeId, out: &mut Vec<u8>) {
        let (tag, of) = match self.types.kind(ty) {
            Kind::Union(Aggregate { tag, .. }) => (tag, kind::UNION),
            Kind::Struct(Aggregate { tag, .. }) => (tag, kind::STRUCT),
            _ => (None, kind::STRUCT),
        };
        self.record(out, tag.as_deref().unwrap_or_default(), kind::FORWARD, 0, of.into());
    }

    fn bits(&mut self, ty: TypeId, bits: u32, out: &mut Vec<u8>) {
        let signed = self.types.int_format(ty).is_some_and(|f| f.signed);
        out.extend(self.strings.add(if signed { "int" } else { "unsigned int" }).to_le_bytes());
        out.extend((kind::INTEGER << 11).to_le_bytes());
        out.extend((self.types.size(ty).unwrap_or(4) as u16).to_le_bytes());
        out.extend((u32::from(signed) << 24 | bits).to_le_bytes());
    }
}

/// A string table that keeps each string once.
struct Strings {
    bytes: Vec<u8>,
    offsets: HashMap<Box<str>, u32>,
}

impl Strings {
    fn new() -> Self {
        Strings { bytes: vec![0], offsets: HashMap::new() }
    }

    fn add(&mut self, s: &str) -> u32 {
        if s.is_empty() {
            return 0;
        }
        if let Some(&offset) = self.offsets.get(s) {
            return offset;
        }
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(s.as_bytes());
        self.bytes.push(0);
        self.offsets.insert(s.into(), offset);
        offset
    }
}

/// What the header of an ELF section says.
struct Section<'a> {
    name: u32,
    kind: u32,
    align: u64,
    contents: &'a [u8],
    link: u32,
    info: u32,
    entry: u64,
}

/// A relocatable ELF object with the CTF data and a symbol for each variable.
fn elf(ctf: &[u8], variables: &[(&str, u64)]) -> Vec<u8> {
    const NAMES: &[u8] = b"\0.bss\0.symtab\0.strtab\0.shstrtab\0.SUNW_ctf\0";
    let mut strings = Strings::new();
    let mut symbols = vec![0u8; 24];
    let mut at = 0u64;
    for &(name, size) in variables {
        // A global object in .bss.
        symbols.extend(strings.add(name).to_le_bytes());
        symbols.extend([0x11, 0, 1, 0]);
        symbols.extend(at.to_le_bytes());
        symbols.extend(size.to_le_bytes());
        at += size.next_multiple_of(16);
    }
    let table =
        |name, kind, align, contents| Section { name, kind, align, contents, link: 0, info: 0, entry: 0 };
    let sections = [
        table(1, 8, 16, &[][..]),
        Section { link: 3, info: 1, entry: 24, ..table(6, 2, 8, &symbols) },
        table(14, 3, 1, &strings.bytes),
        table(22, 3, 1, NAMES),
        Section { link: 2, ..table(32, 1, 4, ctf) },
    ];
    let mut body = Vec::new();
    let mut headers = vec![0u8; 64];
    for Section { name, kind, align, contents, link, info, entry } in sections {
        let start = (64 + body.len() as u64).next_multiple_of(align);
        body.resize(start as usize - 64, 0);
        body.extend_from_slice(contents);
        let size = if kind == 8 { at } else { contents.len() as u64 };
        headers.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        for n in [0, 0, start, size] {
            headers.extend(n.to_le_bytes());
        }
        headers.extend([link.to_le_bytes(), info.to_le_bytes()].concat());
        headers.extend(align.to_le_bytes());
        headers.extend(entry.to_le_bytes());
    }
    body.resize(body.len().next_multiple_of(8), 0);
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    // A relocatable object for x86-64, version 1, no entry, no program headers.
    file.extend([1, 0, 62, 0, 1, 0, 0, 0]);
    file.extend([0; 16]);
    file.extend((64 + body.len() as u64).to_le_bytes());
    file.extend([0; 4]);
    for n in [64u16, 0, 0, 64, 6, 4] {
        file.extend(n.to_le_bytes());
    }
    file.extend(body);
    file.extend(headers);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::AggregateBuilder;

    #[test]
    fn what_is_written_is_read_back() {
        let t = Types::with_btf_directory("/nonexistent");
        let i = *t.intrinsics();
        let node = t.declare_tag(Tag::Struct, "node");
        let mut b = AggregateBuilder::new(Some("node"), false);
        b.member(&t, "next", t.pointer_to(node)).unwrap();
        b.bit_field(&t, "flag", i.unsigned_int, 3).unwrap();
        b.member(&t, "name", t.array_of(i.char, 10_000)).unwrap();
        b.member(&t, "call", t.pointer_to(t.function(i.void, vec![i.int, t.pointer_to(i.char)], true)))
            .unwrap();
        t.define(node, b.finish());
        let mut inner = AggregateBuilder::new(None, true);
        inner.member(&t, "x", i.int).unwrap();
        inner.member(&t, "y", i.char).unwrap();
        let inner = t.define_anonymous(inner.finish());
        let mut outer = AggregateBuilder::new(Some("outer"), false);
        outer.member(&t, "first", i.long).unwrap();
        outer.member(&t, "", inner).unwrap();
        let outer = t.define_anonymous(outer.finish());
        let color = t.enumeration(Some("color"), vec![("RED".into(), 0), ("BLUE".into(), -5)]);
        let color = t.define_anonymous(color);
        let alias = t.declare_typedef("node_t", node);
        let file =
            ctf_file(&t, &[alias, color, outer], &[("head", t.pointer_to(node)), ("count", i.unsigned_long)]);

        let path = std::env::temp_dir().join(format!("dtrace-export-{}.ctf", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let r = Types::with_btf_directory("/nonexistent");
        r.add_ctf_file(&path, "linux");
        let node = r.lookup("node_t").unwrap();
        assert_eq!((r.size(node), r.name(r.resolve(node))), (t.size(alias), "struct node".into()));
        for name in ["next", "flag", "name", "call"] {
            let (theirs, ours) = (r.member(node, name).unwrap(), t.member(alias, name).unwrap());
            assert_eq!(theirs.bit_offset, ours.bit_offset, "{name}");
            assert_eq!(theirs.member.bit_width, ours.member.bit_width, "{name}");
        }
        assert_eq!(r.name(r.member(node, "call").unwrap().member.ty), "void (*)(int, char *, ...)");
        let Kind::Struct(flat) = r.base(r.lookup("struct outer").unwrap()) else { panic!("a structure") };
        let flat: Vec<_> = flat.members.iter().map(|m| (&*m.name, m.bit_offset)).collect();
        assert_eq!(flat, [("first", 0), ("x", 64), ("y", 64)], "anonymous members are laid open");
        let Kind::Enum(e) = r.base(r.lookup("enum color").unwrap()) else { panic!("an enumeration") };
        assert_eq!((&*e.values[1].0, e.values[1].1), ("BLUE", -5));
        let variable = |name| r.kernel_variable(None, name).map(|id| r.name(id));
        assert_eq!(
            (variable("head"), variable("count")),
            (Some("struct node *".into()), Some("unsigned long".into()))
        );
        std::fs::remove_file(&path).unwrap();
    }
}
