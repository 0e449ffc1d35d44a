//! What holds between types: equality, compatibility, and the classes that C's rules speak of.

use super::{IntFormat, Kind, TypeId, Types};

impl Types {
    /// The encoding of an integer type: of the integers themselves and of enumerations.
    pub fn int_format(&self, id: TypeId) -> Option<IntFormat> {
        match self.base(id) {
            Kind::Integer { format, .. } => Some(format),
            Kind::Enum(e) => Some(IntFormat {
                bits: u32::try_from(e.size * 8).unwrap_or(32),
                signed: e.signed,
                character: false,
                boolean: false,
            }),
            _ => None,
        }
    }

    /// Whether it is an integer type or an enumeration.
    pub fn is_integer(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Integer { .. } | Kind::Enum(_))
    }

    /// Whether it is a floating-point type.
    pub fn is_float(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Float { .. })
    }

    /// Whether it is a pointer.
    pub fn is_pointer(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Pointer(_))
    }

    /// Whether it is an array.
    pub fn is_array(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Array { .. })
    }

    /// Whether it is a structure or union that is complete.
    pub fn is_struct_or_union(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Struct(_) | Kind::Union(_))
    }

    /// Whether it is a function.
    pub fn is_function(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Function(_))
    }

    /// Whether it is D's string.
    pub fn is_string(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::String)
    }

    /// Whether it is `void`.
    pub fn is_void(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Void)
    }

    /// Whether it is D's dynamic type.
    pub fn is_dynamic(&self, id: TypeId) -> bool {
        matches!(self.base(id), Kind::Dynamic)
    }

    /// Whether it is an arithmetic type or a pointer.
    pub fn is_scalar(&self, id: TypeId) -> bool {
        matches!(
            self.base(id),
            Kind::Integer { .. } | Kind::Float { .. } | Kind::Enum(_) | Kind::Pointer(_) | Kind::SymAddr
        )
    }

    /// Whether values of it are handled by address: strings, aggregates and arrays.
    pub fn is_by_ref(&self, id: TypeId) -> bool {
        matches!(
            self.base(id),
            Kind::String
                | Kind::Struct(_)
                | Kind::Union(_)
                | Kind::Array { .. }
                | Kind::UserSymAddr
                | Kind::Forward { .. }
        )
    }

    /// What a pointer points to, or the element of an array.
    pub fn element(&self, id: TypeId) -> Option<TypeId> {
        match self.base(id) {
            Kind::Pointer(target) => Some(target),
            Kind::Array { elem, .. } => Some(elem),
            _ => None,
        }
    }

    /// Whether a string can stand where this type is wanted and the other way: a string, or a pointer to or an array of
    /// characters.
    pub fn is_string_compatible(&self, id: TypeId) -> bool {
        match self.base(id) {
            Kind::String => true,
            Kind::Pointer(t) | Kind::Array { elem: t, .. } => self.int_format(t).is_some_and(|f| f.bits == 8),
            _ => false,
        }
    }

    /// Whether two types are the same once typedefs and qualifiers are off; aggregates of different origin are the same if
    /// kind, tag and size agree, so that a structure read from a module equals the kernel's.
    pub fn same(&self, a: TypeId, b: TypeId) -> bool {
        self.same_within(a, b, 32)
    }

    fn same_within(&self, a: TypeId, b: TypeId, depth: u32) -> bool {
        let (a, b) = (self.resolve(a), self.resolve(b));
        if a == b {
            return true;
        }
        if depth == 0 {
            return false;
        }
        match (self.kind(a), self.kind(b)) {
            (Kind::Integer { name: n, format: f }, Kind::Integer { name: m, format: g }) => {
                f == g && (n == m || super::intrinsic::canonical(&n) == super::intrinsic::canonical(&m))
            }
            (Kind::Float { size: s, .. }, Kind::Float { size: t, .. }) => s == t,
            (Kind::Pointer(x), Kind::Pointer(y)) => self.same_within(x, y, depth - 1),
            (Kind::Array { elem: x, count: n }, Kind::Array { elem: y, count: m }) => {
                n == m && self.same_within(x, y, depth - 1)
            }
            (Kind::Struct(x), Kind::Struct(y)) | (Kind::Union(x), Kind::Union(y)) => {
                x.tag.is_some() && x.tag == y.tag && x.size == y.size
            }
            (Kind::Enum(x), Kind::Enum(y)) => x.tag.is_some() && x.tag == y.tag && x.size == y.size,
            (Kind::Forward { tag: k, name: n }, Kind::Forward { tag: l, name: m }) => k == l && n == m,
            (Kind::Forward { name, .. }, Kind::Struct(x) | Kind::Union(x))
            | (Kind::Struct(x) | Kind::Union(x), Kind::Forward { name, .. }) => x.tag == Some(name),
            (Kind::Function(x), Kind::Function(y)) => {
                x.variadic == y.variadic
                    && x.params.len() == y.params.len()
                    && self.same_within(x.ret, y.ret, depth - 1)
                    && x.params.iter().zip(y.params.iter()).all(|(&p, &q)| self.same_within(p, q, depth - 1))
            }
            (Kind::Void, Kind::Void)
            | (Kind::String, Kind::String)
            | (Kind::Dynamic, Kind::Dynamic)
            | (Kind::Stack, Kind::Stack)
            | (Kind::SymAddr, Kind::SymAddr)
            | (Kind::UserSymAddr, Kind::UserSymAddr) => true,
            _ => false,
        }
    }

    /// Whether a value of one may be assigned to or compared with the other without a cast, as C asks of types: arithmetic
    /// with arithmetic, same with same, pointers to the same or with `void *`.
    pub fn compatible(&self, a: TypeId, b: TypeId) -> bool {
        let arithmetic = |id| self.is_integer(id) || self.is_float(id);
        if arithmetic(a) && arithmetic(b) {
            return true;
        }
        match (self.base(a), self.base(b)) {
            (
                Kind::Pointer(x) | Kind::Array { elem: x, .. },
                Kind::Pointer(y) | Kind::Array { elem: y, .. },
            ) => self.is_void(x) || self.is_void(y) || self.same(x, y),
            _ => self.same(a, b),
        }
    }
}
