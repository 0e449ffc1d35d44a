//! The type store: every type that a D program can name, in one arena.
//!
//! A [`TypeId`] names a type for the life of the store; two ids may name equal types (a `struct foo` of the kernel and one
//! declared in D), and [`Types::same`] and [`Types::compatible`] say how they relate. Types live in containers, as they do in
//! every DTrace: [`Container::C`] holds the intrinsic types of the language, [`Container::D`] what D programs declare and the
//! types derived from others, and each kernel object (`vmlinux` and the modules) has its own.
//!
//! The kernel's types are read from BTF, and from the CTF file of an existing installation where there is one. A kernel type costs nothing until it is named: the file is opened by the first
//! lookup that the other containers cannot answer, and each type is decoded when it is first looked at. A command that needs
//! no kernel type never opens the file.
//!
//! All methods take `&self`: the store only ever grows, and what an id means does not change, except that a forward
//! declaration becomes the structure it announced. [`Kind`] is cheap to clone (its lists are shared), so nothing borrows the
//! store while a caller looks at a type.
//!
//! Sizes and offsets are those of the LP64 x86-64 ABI, as gcc lays them out.

mod btf;
mod ctf;
mod export;
mod intrinsic;
mod kernel;
mod layout;
mod name;
mod relation;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub use export::{ctf_data, ctf_file};
pub use intrinsic::Intrinsics;
pub use kernel::KernelFunction;
pub use layout::{AggregateBuilder, LayoutError};

use kernel::KernelTypes;

/// The name of a type in a [`Types`] store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TypeId(u32);

impl TypeId {
    /// Its number, for clients that know types by numbers.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// Where a type comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Container {
    /// The intrinsic C types.
    C,
    /// Types declared in D, D's own intrinsic types, and types derived from any other.
    D,
    /// The kernel object with this index: 0 is the kernel proper, modules follow.
    Kernel(u16),
}

/// How an integer type is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IntFormat {
    /// Width in bits.
    pub bits: u32,
    /// Whether values are sign-extended.
    pub signed: bool,
    /// Whether it is one of the character types.
    pub character: bool,
    /// Whether it is a boolean.
    pub boolean: bool,
}

/// A member of a structure or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name; empty for an anonymous structure, union or bit-field.
    pub name: Rc<str>,
    /// Its declared type (of a bit-field: the type before the colon).
    pub ty: TypeId,
    /// Where it starts, in bits from the start of the aggregate.
    pub bit_offset: u64,
    /// The width of a bit-field, `None` for an ordinary member.
    pub bit_width: Option<u32>,
}

impl Member {
    /// The byte in which the member starts.
    pub fn byte_offset(&self) -> u64 {
        self.bit_offset / 8
    }
}

/// A complete structure or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aggregate {
    /// Its tag, `None` if it has none.
    pub tag: Option<Rc<str>>,
    /// Its size in bytes, trailing padding included.
    pub size: u64,
    /// Its alignment in bytes.
    pub align: u64,
    /// Its members in order.
    pub members: Rc<[Member]>,
}

/// An enumeration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enumeration {
    /// Its tag, `None` if it has none.
    pub tag: Option<Rc<str>>,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its values are signed.
    pub signed: bool,
    /// Its enumerators in order.
    pub values: Rc<[(Rc<str>, i64)]>,
}

/// A function type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// What it returns.
    pub ret: TypeId,
    /// The types of its parameters.
    pub params: Rc<[TypeId]>,
    /// Whether more arguments may follow.
    pub variadic: bool,
}

/// Which of the three tagged types a forward declaration announces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tag {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
}

impl Tag {
    /// The keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Tag::Struct => "struct",
            Tag::Union => "union",
            Tag::Enum => "enum",
        }
    }
}

/// A type qualifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Qualifier {
    /// `const`
    Const,
    /// `volatile`
    Volatile,
    /// `restrict`
    Restrict,
}

/// What a type is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `void`
    Void,
    /// An integer type.
    Integer {
        /// Its name.
        name: Rc<str>,
        /// Its encoding.
        format: IntFormat,
    },
    /// A floating-point type.
    Float {
        /// Its name.
        name: Rc<str>,
        /// Its size in bytes.
        size: u64,
    },
    /// A pointer.
    Pointer(TypeId),
    /// An array.
    Array {
        /// The element type.
        elem: TypeId,
        /// How many; 0 when the bound was left out.
        count: u64,
    },
    /// A function.
    Function(Function),
    /// A structure.
    Struct(Aggregate),
    /// A union.
    Union(Aggregate),
    /// An enumeration.
    Enum(Enumeration),
    /// A structure, union or enumeration whose members are not known (yet).
    Forward {
        /// Which of them.
        tag: Tag,
        /// Its name.
        name: Rc<str>,
    },
    /// Another name for a type.
    Typedef {
        /// The name.
        name: Rc<str>,
        /// The type.
        target: TypeId,
    },
    /// A qualified type.
    Qualified(Qualifier, TypeId),
    /// D's `string`.
    String,
    /// D's type of what is not known until run time (`<DYN>`): an associative array, an aggregation, a function.
    Dynamic,
    /// D's type of `stack()` and `ustack()` as values.
    Stack,
    /// D's type of `sym()`, `mod()`, `func()`.
    SymAddr,
    /// D's type of `usym()`, `umod()`, `uaddr()`, `ufunc()`.
    UserSymAddr,
}

/// Why a type cannot be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TypeError {
    /// No type of that name.
    NotFound,
    /// No object (container) of that name.
    NoObject(String),
    /// The type information of an object cannot be read.
    Corrupt {
        /// The object.
        object: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl std::fmt::Display for TypeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TypeError::NotFound => f.write_str("No type information available for symbol"),
            TypeError::NoObject(name) => write!(f, "No such object: {name}"),
            TypeError::Corrupt { object, why } => write!(f, "type information of {object} is corrupt: {why}"),
        }
    }
}

impl std::error::Error for TypeError {}

/// Where in an object a member was found, after walking through anonymous members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundMember {
    /// The member itself.
    pub member: Member,
    /// Its offset in bits from the start of the type that was asked.
    pub bit_offset: u64,
}

/// An arena slot: the container, and the kind once it is known.
struct Slot {
    container: Container,
    /// The id in the container's BTF, for kernel types.
    btf: u32,
    kind: Option<Kind>,
}

#[derive(Default)]
struct Arena {
    slots: Vec<Slot>,
    /// Named types of the C and D containers, tagged ones with their keyword (`struct foo`).
    c_names: HashMap<Rc<str>, TypeId>,
    d_names: HashMap<Rc<str>, TypeId>,
    /// Derived types that exist already, so that `int *` has one id.
    pointers: HashMap<TypeId, TypeId>,
    arrays: HashMap<(TypeId, u64), TypeId>,
    qualified: HashMap<(Qualifier, TypeId), TypeId>,
    kernel: HashMap<(u16, u32), TypeId>,
    /// What declarations changed, so that it can be taken back.
    journal: Vec<Change>,
}

/// A change that a declaration made.
enum Change {
    /// The name now stands for another type; before, for this one if any.
    Name(Rc<str>, Option<TypeId>),
    /// The type was this before it was defined.
    Definition(TypeId, Kind),
}

/// A state of the declarations in D that [`Types::roll_back`] returns to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint(usize);

impl Arena {
    fn push(&mut self, container: Container, kind: Kind) -> TypeId {
        let id = TypeId(u32::try_from(self.slots.len()).expect("the arena is far smaller than 4G types"));
        self.slots.push(Slot { container, btf: 0, kind: Some(kind) });
        id
    }

    /// Gives a name of D its type.
    fn name(&mut self, name: Rc<str>, id: TypeId) {
        let before = self.d_names.insert(name.clone(), id);
        self.journal.push(Change::Name(name, before));
    }

    fn kernel_id(&mut self, object: u16, btf: u32) -> TypeId {
        if let Some(&id) = self.kernel.get(&(object, btf)) {
            return id;
        }
        let id = TypeId(u32::try_from(self.slots.len()).expect("the arena is far smaller than 4G types"));
        self.slots.push(Slot { container: Container::Kernel(object), btf, kind: None });
        self.kernel.insert((object, btf), id);
        id
    }
}

/// The data model of the programs that types are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// 32-bit programs: `long` and pointers have four bytes, and nothing is aligned to more.
    Ilp32,
    /// 64-bit programs, and the kernel.
    #[default]
    Lp64,
}

/// The type store.
pub struct Types {
    arena: RefCell<Arena>,
    kernel: RefCell<KernelTypes>,
    intrinsics: Intrinsics,
    model: Model,
}

impl Default for Types {
    fn default() -> Self {
        Self::new()
    }
}

impl Types {
    /// A store with the intrinsic types, whose kernel types are those of the running kernel.
    pub fn new() -> Self {
        Self::with_btf_directory("/sys/kernel/btf")
    }

    /// A store whose kernel types come from the BTF files in `directory` (named `vmlinux` and as the modules are).
    pub fn with_btf_directory(directory: impl Into<std::path::PathBuf>) -> Self {
        Self::with_model(Model::Lp64, directory.into())
    }

    /// A store for programs of 32 bits. It has no kernel types: they are of another data model.
    pub fn narrow() -> Self {
        Self::with_model(Model::Ilp32, std::path::PathBuf::from("/nonexistent"))
    }

    fn with_model(model: Model, directory: std::path::PathBuf) -> Self {
        let mut arena = Arena::default();
        let intrinsics = Intrinsics::install(&mut arena, model);
        Types {
            arena: RefCell::new(arena),
            kernel: RefCell::new(KernelTypes::new(directory)),
            intrinsics,
            model,
        }
    }

    /// The data model.
    pub fn model(&self) -> Model {
        self.model
    }

    /// Adds the CTF file of an existing installation (contract 6.6), whose object D calls `object`. It is opened when the
    /// other containers do not have a type, or when the object is named.
    pub fn add_ctf_file(&self, path: impl Into<std::path::PathBuf>, object: &str) {
        self.kernel.borrow_mut().set_ctf(path.into(), object);
    }

    /// The ids of the intrinsic types.
    pub fn intrinsics(&self) -> &Intrinsics {
        &self.intrinsics
    }

    /// The type of this number.
    pub fn numbered(&self, number: u32) -> Option<TypeId> {
        ((number as usize) < self.arena.borrow().slots.len()).then_some(TypeId(number))
    }

    /// What the type is.
    pub fn kind(&self, id: TypeId) -> Kind {
        let (container, btf) = {
            let arena = self.arena.borrow();
            let slot = &arena.slots[id.0 as usize];
            if let Some(kind) = &slot.kind {
                return kind.clone();
            }
            (slot.container, slot.btf)
        };
        let Container::Kernel(object) = container else { unreachable!("only kernel types are decoded late") };
        let kind = self.kernel.borrow().decode(object, btf, &mut self.arena.borrow_mut());
        self.arena.borrow_mut().slots[id.0 as usize].kind = Some(kind.clone());
        kind
    }

    /// Where the type comes from.
    pub fn container(&self, id: TypeId) -> Container {
        self.arena.borrow().slots[id.0 as usize].container
    }

    /// The name of the object a type comes from: `C`, `D`, `vmlinux` or that of a module.
    pub fn object_name(&self, id: TypeId) -> String {
        match self.container(id) {
            Container::C => "C".into(),
            Container::D => "D".into(),
            Container::Kernel(n) => self.kernel.borrow().object_name(n),
        }
    }

    /// The type with typedefs and qualifiers taken off.
    pub fn resolve(&self, mut id: TypeId) -> TypeId {
        // A chain of typedefs in hostile BTF may be a ring: a limit far above any real chain ends it.
        for _ in 0..1024 {
            match self.kind(id) {
                Kind::Typedef { target, .. } | Kind::Qualified(_, target) => id = target,
                Kind::Forward { tag, name } => return self.complete(id, tag, &name),
                _ => return id,
            }
        }
        self.intrinsics.void
    }

    /// The definition that a forward declaration announced, if there is one by now.
    fn complete(&self, id: TypeId, tag: Tag, name: &str) -> TypeId {
        if name.is_empty() {
            return id;
        }
        let full = format!("{} {name}", tag.keyword());
        match self.container(id) {
            Container::Kernel(object) => {
                let found = self.kernel.borrow_mut().lookup(object, &full, &mut self.arena.borrow_mut());
                found.filter(|&f| !matches!(self.kind(f), Kind::Forward { .. })).unwrap_or(id)
            }
            _ => id,
        }
    }

    /// What the type is once typedefs and qualifiers are off.
    pub fn base(&self, id: TypeId) -> Kind {
        self.kind(self.resolve(id))
    }

    /// Size in bytes; `None` for what has none (void, functions, forward declarations, D's dynamic types).
    ///
    /// A string has no size of its own: its size is the `strsize` option.
    pub fn size(&self, id: TypeId) -> Option<u64> {
        self.size_within(id, 64)
    }

    fn size_within(&self, id: TypeId, depth: u32) -> Option<u64> {
        if depth == 0 {
            return None;
        }
        match self.base(id) {
            Kind::Integer { format, .. } => Some(u64::from(format.bits.div_ceil(8))),
            Kind::Float { size, .. } => Some(size),
            Kind::Pointer(_) if self.model == Model::Ilp32 => Some(4),
            Kind::Pointer(_) | Kind::Stack | Kind::SymAddr => Some(8),
            Kind::UserSymAddr => Some(16),
            Kind::Array { elem, count } => self.size_within(elem, depth - 1)?.checked_mul(count),
            Kind::Struct(a) | Kind::Union(a) => Some(a.size),
            Kind::Enum(e) => Some(e.size),
            Kind::Void
            | Kind::Function(_)
            | Kind::Forward { .. }
            | Kind::Typedef { .. }
            | Kind::Qualified(..)
            | Kind::String
            | Kind::Dynamic => None,
        }
    }

    /// Alignment in bytes (1 for what has no size).
    pub fn align(&self, id: TypeId) -> u64 {
        let mut id = id;
        for _ in 0..64 {
            match self.base(id) {
                Kind::Array { elem, .. } => id = elem,
                Kind::Struct(a) | Kind::Union(a) => return a.align,
                Kind::Void | Kind::Function(_) | Kind::Forward { .. } | Kind::String | Kind::Dynamic => {
                    return 1;
                }
                Kind::UserSymAddr => return 8,
                _ => {
                    let most = if self.model == Model::Ilp32 { 4 } else { 16 };
                    return self.size(id).map_or(1, |s| s.next_power_of_two().min(most)).max(1);
                }
            }
        }
        1
    }

    /// The pointer type to `target`.
    pub fn pointer_to(&self, target: TypeId) -> TypeId {
        let mut arena = self.arena.borrow_mut();
        if let Some(&id) = arena.pointers.get(&target) {
            return id;
        }
        let id = arena.push(Container::D, Kind::Pointer(target));
        arena.pointers.insert(target, id);
        id
    }

    /// The type of an array of `count` elements.
    pub fn array_of(&self, elem: TypeId, count: u64) -> TypeId {
        let mut arena = self.arena.borrow_mut();
        if let Some(&id) = arena.arrays.get(&(elem, count)) {
            return id;
        }
        let id = arena.push(Container::D, Kind::Array { elem, count });
        arena.arrays.insert((elem, count), id);
        id
    }

    /// The type with a qualifier.
    pub fn qualified(&self, qualifier: Qualifier, target: TypeId) -> TypeId {
        let mut arena = self.arena.borrow_mut();
        if let Some(&id) = arena.qualified.get(&(qualifier, target)) {
            return id;
        }
        let id = arena.push(Container::D, Kind::Qualified(qualifier, target));
        arena.qualified.insert((qualifier, target), id);
        id
    }

    /// A function type.
    pub fn function(&self, ret: TypeId, params: Vec<TypeId>, variadic: bool) -> TypeId {
        self.arena
            .borrow_mut()
            .push(Container::D, Kind::Function(Function { ret, params: params.into(), variadic }))
    }

    /// Declares a typedef in D; a later one of the same name takes its place for later lookups.
    pub fn declare_typedef(&self, name: &str, target: TypeId) -> TypeId {
        let name: Rc<str> = name.into();
        let mut arena = self.arena.borrow_mut();
        let id = arena.push(Container::D, Kind::Typedef { name: name.clone(), target });
        arena.name(name, id);
        id
    }

    /// Declares a tag in D without members; if the tag exists in D, that type.
    pub fn declare_tag(&self, tag: Tag, name: &str) -> TypeId {
        let full: Rc<str> = format!("{} {name}", tag.keyword()).into();
        let mut arena = self.arena.borrow_mut();
        if let Some(&id) = arena.d_names.get(&full) {
            return id;
        }
        let id = arena.push(Container::D, Kind::Forward { tag, name: name.into() });
        arena.name(full, id);
        id
    }

    /// The types of C or of D that have names, in the order in which they were made.
    pub fn named_in(&self, container: Container) -> Vec<TypeId> {
        let arena = self.arena.borrow();
        let mut ids: Vec<TypeId> = match container {
            Container::D => arena.d_names.values().copied().collect(),
            _ => (0..arena.slots.len() as u32)
                .map(TypeId)
                .filter(|id| arena.slots[id.0 as usize].container == container)
                .collect(),
        };
        ids.sort_unstable();
        ids
    }

    /// Gives a forward declaration of D its definition. `kind` must be a structure, union or enumeration.
    ///
    /// Every type that was derived from the forward declaration sees the definition.
    pub fn define(&self, id: TypeId, kind: Kind) {
        let mut arena = self.arena.borrow_mut();
        let before = arena.slots[id.0 as usize].kind.replace(kind);
        if let Some(before) = before {
            arena.journal.push(Change::Definition(id, before));
        }
    }

    /// The declarations in D as they are now.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint(self.arena.borrow().journal.len())
    }

    /// Takes back every declaration in D since the checkpoint: a program that fails to compile declares nothing. Ids that it
    /// made stay valid, but no name leads to them.
    pub fn roll_back(&self, to: Checkpoint) {
        let mut arena = self.arena.borrow_mut();
        while arena.journal.len() > to.0 {
            match arena.journal.pop() {
                Some(Change::Name(name, Some(before))) => {
                    arena.d_names.insert(name, before);
                }
                Some(Change::Name(name, None)) => {
                    arena.d_names.remove(&name);
                }
                Some(Change::Definition(id, before)) => arena.slots[id.0 as usize].kind = Some(before),
                None => break,
            }
        }
    }

    /// Adds a structure, union or enumeration without a tag.
    pub fn define_anonymous(&self, kind: Kind) -> TypeId {
        self.arena.borrow_mut().push(Container::D, kind)
    }

    /// Looks a type up by name in D, then C, then the kernel and its modules.
    ///
    /// The name may carry a scope (``vmlinux`struct file``), qualifiers, and stars: `const char *`, `struct file **`.
    /// The words of an intrinsic type may stand in any order C allows (`long unsigned int`).
    pub fn lookup(&self, name: &str) -> Result<TypeId, TypeError> {
        match name.split_once('`') {
            Some((scope, rest)) => self.lookup_in(scope, rest),
            None => self.parse_name(name, |n| self.lookup_everywhere(n)),
        }
    }

    /// Looks a type up in one object: `C`, `D`, a kernel module, or `vmlinux` (also called `kernel` and `linux`).
    pub fn lookup_in(&self, object: &str, name: &str) -> Result<TypeId, TypeError> {
        match object {
            "C" => self.parse_name(name, |n| self.lookup_intrinsic(n).ok_or(TypeError::NotFound)),
            "D" => self.parse_name(name, |n| self.lookup_d(n).ok_or(TypeError::NotFound)),
            _ => {
                let index = self.kernel.borrow_mut().object(object)?;
                self.parse_name(name, |n| {
                    // The intrinsic types belong to every kernel object.
                    let found = self.kernel.borrow_mut().lookup(index, n, &mut self.arena.borrow_mut());
                    found.or_else(|| self.lookup_intrinsic(n)).ok_or(TypeError::NotFound)
                })
            }
        }
    }

    /// Looks a type up in the kernel and all its modules.
    pub fn lookup_in_modules(&self, name: &str) -> Result<TypeId, TypeError> {
        self.parse_name(name, |n| {
            let found = self.kernel.borrow_mut().lookup_any(n, &mut self.arena.borrow_mut());
            found.or_else(|| self.lookup_intrinsic(n)).ok_or(TypeError::NotFound)
        })
    }

    /// Looks a type up among those declared in D only (`foo_t`, `struct foo`).
    pub fn lookup_d(&self, name: &str) -> Option<TypeId> {
        self.arena.borrow().d_names.get(name).copied()
    }

    /// Looks up one of the intrinsic types and typedefs.
    pub fn lookup_intrinsic(&self, name: &str) -> Option<TypeId> {
        let arena = self.arena.borrow();
        if let Some(&id) = arena.c_names.get(name) {
            return Some(id);
        }
        arena.c_names.get(intrinsic::canonical(name)?).copied()
    }

    fn lookup_everywhere(&self, name: &str) -> Result<TypeId, TypeError> {
        if let Some(id) = self.lookup_d(name).filter(|&id| !matches!(self.kind(id), Kind::Forward { .. })) {
            return Ok(id);
        }
        if let Some(id) = self.lookup_intrinsic(name) {
            return Ok(id);
        }
        let found = self.kernel.borrow_mut().lookup_any(name, &mut self.arena.borrow_mut());
        // A tag that D has only announced is still better than nothing.
        found.or_else(|| self.lookup_d(name)).ok_or(TypeError::NotFound)
    }

    /// The type of a kernel function, by name, if the kernel describes it.
    pub fn kernel_function(&self, object: Option<&str>, name: &str) -> Option<KernelFunction> {
        self.kernel.borrow_mut().function(object, name, &mut self.arena.borrow_mut())
    }

    /// The type of a kernel variable, by name, if the kernel describes it.
    pub fn kernel_variable(&self, object: Option<&str>, name: &str) -> Option<TypeId> {
        self.kernel.borrow_mut().variable(object, name, &mut self.arena.borrow_mut())
    }

    /// A member of a structure or union, also through anonymous members, with its offset from the start of `id`.
    pub fn member(&self, id: TypeId, name: &str) -> Option<FoundMember> {
        self.member_within(id, name, 0, 32)
    }

    fn member_within(&self, id: TypeId, name: &str, base: u64, depth: u32) -> Option<FoundMember> {
        let (Kind::Struct(a) | Kind::Union(a)) = self.base(id) else { return None };
        if let Some(m) = a.members.iter().find(|m| &*m.name == name) {
            return Some(FoundMember { bit_offset: base + m.bit_offset, member: m.clone() });
        }
        if depth == 0 {
            return None;
        }
        let mut anonymous = a.members.iter().filter(|m| m.name.is_empty() && m.bit_width.is_none());
        anonymous.find_map(|m| self.member_within(m.ty, name, base + m.bit_offset, depth - 1))
    }
}

#[cfg(test)]
mod tests;
