//! The kernel's types: one [`Btf`] for the kernel and for each module that is asked for, and the [`Ctf`] file of an existing
//! installation if there is one; all opened on first need.

use std::path::PathBuf;
use std::rc::Rc;

use super::btf::{Btf, NameSpace, Record, kind as k};
use super::ctf::Ctf;
use super::{
    Aggregate, Arena, Enumeration, Function, IntFormat, Kind, Member, Qualifier, Tag, TypeError, TypeId,
};

/// The kernel object that holds what is built in, by any of its names.
const KERNEL_NAMES: &[&str] = &["vmlinux", "kernel", "linux", "unix", "genunix"];

/// A kernel function as BTF describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelFunction {
    /// The function's type.
    pub ty: Function,
    /// The names of its parameters, where they have one.
    pub params: Vec<Rc<str>>,
}

enum Object {
    /// Not opened so far.
    Closed,
    /// Cannot be read, and why; asked once.
    Broken(TypeError),
    Open(Box<Btf>),
}

/// The index of the CTF file among the objects.
const CTF: u16 = u16::MAX;

/// The CTF file of an existing installation.
enum CtfFile {
    /// There is none, or it cannot be read.
    None,
    /// Not opened so far.
    Closed(PathBuf),
    Open(Box<Ctf>),
}

pub(super) struct KernelTypes {
    directory: PathBuf,
    /// What D calls the object of the CTF file.
    ctf_name: String,
    ctf: CtfFile,
    /// Object 0 is the kernel; modules are appended when named.
    objects: Vec<(String, Object)>,
}

impl KernelTypes {
    pub(super) fn new(directory: PathBuf) -> Self {
        let objects = vec![("vmlinux".into(), Object::Closed)];
        KernelTypes { directory, ctf_name: String::new(), ctf: CtfFile::None, objects }
    }

    /// Names the CTF file, and what D calls its object.
    pub(super) fn set_ctf(&mut self, path: PathBuf, name: &str) {
        self.ctf_name = name.into();
        self.ctf = CtfFile::Closed(path);
    }

    /// Opens the CTF file. One that cannot be read counts as none: BTF has the kernel's types too.
    fn open_ctf(&mut self) -> Option<&Ctf> {
        if let CtfFile::Closed(path) = &self.ctf {
            let opened = std::fs::read(path).ok().and_then(|file| Ctf::parse(&file).ok());
            self.ctf = opened.map_or(CtfFile::None, |ctf| CtfFile::Open(Box::new(ctf)));
        }
        match &self.ctf {
            CtfFile::Open(ctf) => Some(ctf),
            _ => None,
        }
    }

    pub(super) fn object_name(&self, index: u16) -> String {
        if index == CTF {
            return self.ctf_name.clone();
        }
        self.objects[usize::from(index)].0.clone()
    }

    /// The index of an object by name, opening it.
    pub(super) fn object(&mut self, name: &str) -> Result<u16, TypeError> {
        if name == self.ctf_name && self.open_ctf().is_some() {
            return Ok(CTF);
        }
        let index = if KERNEL_NAMES.contains(&name) {
            0
        } else if let Some(found) = self.objects.iter().position(|(n, _)| n == name) {
            found
        } else {
            if name.contains('/') || name.starts_with('.') || !self.directory.join(name).is_file() {
                return Err(TypeError::NoObject(name.into()));
            }
            self.objects.push((name.into(), Object::Closed));
            self.objects.len() - 1
        };
        if index != 0 {
            self.open(0)?;
        }
        self.open(index)?;
        u16::try_from(index).map_err(|_| TypeError::NoObject(name.into()))
    }

    fn open(&mut self, index: usize) -> Result<(), TypeError> {
        match &self.objects[index].1 {
            Object::Open(_) => return Ok(()),
            Object::Broken(e) => return Err(e.clone()),
            Object::Closed => {}
        }
        let name = self.objects[index].0.clone();
        let base = if index == 0 { None } else { self.btf(0) };
        let opened = match std::fs::read(self.directory.join(&name)) {
            Err(_) => Err(TypeError::NoObject(name)),
            Ok(data) => Btf::parse(data, base).map_err(|why| TypeError::Corrupt { object: name, why }),
        };
        match opened {
            Ok(btf) => {
                self.objects[index].1 = Object::Open(Box::new(btf));
                Ok(())
            }
            Err(e) => {
                self.objects[index].1 = Object::Broken(e.clone());
                Err(e)
            }
        }
    }

    fn btf(&self, index: usize) -> Option<&Btf> {
        match &self.objects.get(index)?.1 {
            Object::Open(btf) => Some(btf),
            _ => None,
        }
    }

    fn find(&mut self, index: usize, space: NameSpace, name: &str) -> Option<u32> {
        self.open(index).ok()?;
        let (kernel, modules) = self.objects.split_at_mut(1);
        let Object::Open(kernel) = &mut kernel[0].1 else { return None };
        if index == 0 {
            return kernel.find(space, name, None);
        }
        match &mut modules[index - 1].1 {
            Object::Open(module) => module.find(space, name, Some(kernel)),
            _ => None,
        }
    }

    /// A type by name in one object and, for a module, in the kernel below it.
    pub(super) fn lookup(&mut self, index: u16, name: &str, arena: &mut Arena) -> Option<TypeId> {
        if index == CTF {
            let id = self.open_ctf()?.find(name)?;
            return Some(arena.kernel_id(CTF, id));
        }
        let (space, plain) = split(name);
        if index != 0 {
            self.open(0).ok()?;
            if let Some(id) = self.find(usize::from(index), space, plain) {
                return Some(arena.kernel_id(index, id));
            }
        }
        let id = self.find(0, space, plain)?;
        Some(arena.kernel_id(0, id))
    }

    /// A type by name in the kernel, in the CTF file, then in every module.
    pub(super) fn lookup_any(&mut self, name: &str, arena: &mut Arena) -> Option<TypeId> {
        if let Some(id) = self.lookup(0, name, arena).or_else(|| self.lookup(CTF, name, arena)) {
            return Some(id);
        }
        self.open(0).ok()?;
        let (space, plain) = split(name);
        for module in self.modules() {
            let Ok(index) = self.object(&module) else { continue };
            if let Some(id) = self.find(usize::from(index), space, plain) {
                return Some(arena.kernel_id(index, id));
            }
        }
        None
    }

    fn modules(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return Vec::new() };
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.retain(|n| n != "vmlinux");
        names.sort();
        names
    }

    /// The object and the id of a function or variable.
    fn find_object(&mut self, object: Option<&str>, space: NameSpace, name: &str) -> Option<(u16, u32)> {
        match object {
            Some(object) => {
                let index = self.object(object).ok().filter(|&index| index != CTF)?;
                Some((index, self.find(usize::from(index), space, name)?))
            }
            None => Some((0, self.find(0, space, name)?)),
        }
    }

    pub(super) fn function(
        &mut self,
        object: Option<&str>,
        name: &str,
        arena: &mut Arena,
    ) -> Option<KernelFunction> {
        let (index, id) = self.find_object(object, NameSpace::Function, name)?;
        let (_, proto_id) = (index, self.record(index, id)?.1.size_or_type);
        let (btf, proto) = self.record(index, proto_id)?;
        if proto.kind != k::FUNC_PROTO {
            return None;
        }
        let base = self.btf(0);
        let params = (0..proto.count as usize)
            .map(|i| btf.string_with(btf.extra(&proto, 2 * i), base).unwrap_or("").into())
            .collect();
        match self.decode(index, proto_id, arena) {
            Kind::Function(ty) => Some(KernelFunction { ty, params }),
            _ => None,
        }
    }

    pub(super) fn variable(&mut self, object: Option<&str>, name: &str, arena: &mut Arena) -> Option<TypeId> {
        let Some((index, id)) = self.find_object(object, NameSpace::Variable, name) else {
            // BTF knows few variables; the file may know more.
            let id = self.open_ctf()?.variable(name)?;
            return Some(arena.kernel_id(CTF, id));
        };
        let ty = self.record(index, id)?.1.size_or_type;
        Some(arena.kernel_id(self.owner(index, ty), ty))
    }

    /// The object that an id seen in `index` belongs to.
    fn owner(&self, index: u16, id: u32) -> u16 {
        match self.btf(usize::from(index)) {
            Some(btf) if id >= btf.first_id => index,
            _ => 0,
        }
    }

    fn record(&self, index: u16, id: u32) -> Option<(&Btf, Record)> {
        let btf = self.btf(usize::from(self.owner(index, id)))?;
        Some((btf, btf.record(id)?))
    }

    /// The alignment that gcc gives a type, worked out from its parts: BTF does not record it.
    fn align(&self, index: u16, id: u32, depth: u32) -> u64 {
        let Some((btf, r)) = self.record(index, id) else { return 1 };
        if depth == 0 {
            return 1;
        }
        match r.kind {
            k::INT | k::FLOAT | k::ENUM | k::ENUM64 => {
                u64::from(r.size_or_type).clamp(1, 16).next_power_of_two()
            }
            k::PTR => 8,
            k::ARRAY => self.align(index, btf.extra(&r, 0), depth - 1),
            k::TYPEDEF | k::CONST | k::VOLATILE | k::RESTRICT | k::TYPE_TAG => {
                self.align(index, r.size_or_type, depth - 1)
            }
            k::STRUCT | k::UNION => {
                let mut align = 1;
                for i in 0..r.count as usize {
                    let (ty, offset) = (btf.extra(&r, 3 * i + 1), btf.extra(&r, 3 * i + 2));
                    let bits = if r.flag { offset & 0xff_ffff } else { offset };
                    let member = self.align(index, ty, depth - 1);
                    // A packed structure keeps members where their type would not stand.
                    let fits = u64::from(bits / 8) % member == 0 && u64::from(r.size_or_type) % member == 0;
                    if fits || (r.flag && offset >> 24 != 0 && u64::from(r.size_or_type) % member == 0) {
                        align = align.max(member);
                    }
                }
                align
            }
            _ => 1,
        }
    }

    /// What a type is. A record that makes no sense is `void`.
    pub(super) fn decode(&self, index: u16, id: u32, arena: &mut Arena) -> Kind {
        if index == CTF {
            return match &self.ctf {
                CtfFile::Open(ctf) => ctf.decode(CTF, id, arena),
                _ => Kind::Void,
            };
        }
        let Some((btf, r)) = self.record(index, id) else { return Kind::Void };
        let base = self.btf(0);
        let name = |offset: u32| -> Rc<str> { btf.string_with(offset, base).unwrap_or("").into() };
        let tag = || Some(name(r.name)).filter(|n| !n.is_empty());
        let mut reference = |id: u32| arena.kernel_id(self.owner(index, id), id);
        match r.kind {
            k::INT => {
                let encoding = btf.extra(&r, 0);
                let (bits, flags) = (encoding & 0xff, encoding >> 24 & 0xf);
                let format = IntFormat {
                    bits: if bits == 0 { r.size_or_type * 8 } else { bits },
                    signed: flags & 1 != 0,
                    character: flags & 2 != 0 || &*name(r.name) == "char",
                    boolean: flags & 4 != 0,
                };
                Kind::Integer { name: name(r.name), format }
            }
            k::FLOAT => Kind::Float { name: name(r.name), size: u64::from(r.size_or_type) },
            k::PTR => Kind::Pointer(reference(r.size_or_type)),
            k::ARRAY => Kind::Array { elem: reference(btf.extra(&r, 0)), count: u64::from(btf.extra(&r, 2)) },
            k::STRUCT | k::UNION => {
                let members: Vec<Member> = (0..r.count as usize)
                    .map(|i| {
                        let (n, ty, offset) =
                            (btf.extra(&r, 3 * i), btf.extra(&r, 3 * i + 1), btf.extra(&r, 3 * i + 2));
                        let (bits, width) =
                            if r.flag { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
                        Member {
                            name: name(n),
                            ty: reference(ty),
                            bit_offset: u64::from(bits),
                            bit_width: Some(width).filter(|&w| w != 0),
                        }
                    })
                    .collect();
                let aggregate = Aggregate {
                    tag: tag(),
                    size: u64::from(r.size_or_type),
                    align: self.align(index, id, 16),
                    members: members.into(),
                };
                if r.kind == k::STRUCT { Kind::Struct(aggregate) } else { Kind::Union(aggregate) }
            }
            k::ENUM => {
                let values = (0..r.count as usize).map(|i| {
                    let raw = btf.extra(&r, 2 * i + 1);
                    let value = if r.flag { i64::from(raw.cast_signed()) } else { i64::from(raw) };
                    (name(btf.extra(&r, 2 * i)), value)
                });
                let values: Vec<_> = values.collect();
                // Older writers never set the sign flag: a value beyond int then says that it was negative.
                let values: Vec<_> = if r.flag {
                    values
                } else {
                    values.into_iter().map(|(n, v)| (n, i64::from((v as u32).cast_signed()))).collect()
                };
                let signed =
                    r.flag || values.iter().all(|&(_, v)| v >= 0) || values.iter().any(|&(_, v)| v < 0);
                Kind::Enum(Enumeration {
                    tag: tag(),
                    size: u64::from(r.size_or_type),
                    signed,
                    values: values.into(),
                })
            }
            k::ENUM64 => {
                let values: Vec<_> = (0..r.count as usize)
                    .map(|i| {
                        let (low, high) = (btf.extra(&r, 3 * i + 1), btf.extra(&r, 3 * i + 2));
                        (name(btf.extra(&r, 3 * i)), (u64::from(high) << 32 | u64::from(low)).cast_signed())
                    })
                    .collect();
                Kind::Enum(Enumeration {
                    tag: tag(),
                    size: u64::from(r.size_or_type),
                    signed: r.flag,
                    values: values.into(),
                })
            }
            k::FWD => {
                Kind::Forward { tag: if r.flag { Tag::Union } else { Tag::Struct }, name: name(r.name) }
            }
            k::TYPEDEF => Kind::Typedef { name: name(r.name), target: reference(r.size_or_type) },
            k::CONST => Kind::Qualified(Qualifier::Const, reference(r.size_or_type)),
            k::VOLATILE => Kind::Qualified(Qualifier::Volatile, reference(r.size_or_type)),
            k::RESTRICT => Kind::Qualified(Qualifier::Restrict, reference(r.size_or_type)),
            // A type tag is a note for the kernel's own checkers: it changes nothing about the type.
            k::TYPE_TAG => self.decode(self.owner(index, r.size_or_type), r.size_or_type, arena),
            k::FUNC_PROTO => {
                let mut params: Vec<u32> = (0..r.count as usize).map(|i| btf.extra(&r, 2 * i + 1)).collect();
                let variadic = params.last() == Some(&0);
                if variadic {
                    params.pop();
                }
                let ret = reference(r.size_or_type);
                Kind::Function(Function {
                    ret,
                    params: params.into_iter().map(reference).collect(),
                    variadic,
                })
            }
            k::FUNC => self.decode(self.owner(index, r.size_or_type), r.size_or_type, arena),
            _ => Kind::Void,
        }
    }
}

/// The name space and the name proper of `struct foo`, `foo_t`.
fn split(name: &str) -> (NameSpace, &str) {
    for (keyword, space) in
        [("struct ", NameSpace::Struct), ("union ", NameSpace::Union), ("enum ", NameSpace::Enum)]
    {
        if let Some(rest) = name.strip_prefix(keyword) {
            return (space, rest.trim_start());
        }
    }
    (NameSpace::Plain, name)
}
