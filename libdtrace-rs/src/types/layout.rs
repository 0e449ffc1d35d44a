//! The layout of structures, unions and enumerations declared in D: what gcc does on x86-64.
//!
//! Bit-fields follow the System V rule: a field of declared type T never crosses a boundary of T's size; a zero width closes
//! the unit; an unnamed field takes room but does not raise the alignment of the whole.

use std::collections::HashSet;
use std::rc::Rc;

use super::{Aggregate, Enumeration, Kind, Member, TypeId, Types};

/// Why a member cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayoutError {
    /// The type has no size: `void`, a function, or a structure not yet complete.
    Incomplete,
    /// A member of that name exists.
    Duplicate,
    /// The aggregate would be larger than any memory.
    TooLarge,
    /// A bit-field of a type that is no integer.
    BitFieldType,
    /// A bit-field wider than its type, or a named one of no width.
    BitFieldWidth,
}

impl std::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LayoutError::Incomplete => "member has incomplete type",
            LayoutError::Duplicate => "duplicate member",
            LayoutError::TooLarge => "aggregate is too large",
            LayoutError::BitFieldType => "invalid type for a bit-field",
            LayoutError::BitFieldWidth => "invalid bit-field width",
        })
    }
}

impl std::error::Error for LayoutError {}

/// The largest aggregate: half the address space is more than any machine has, and keeps all sums of bits within 64 bits.
const MAX_BYTES: u64 = 1 << 40;

/// A structure or union in the making.
#[derive(Debug)]
pub struct AggregateBuilder {
    tag: Option<Rc<str>>,
    union: bool,
    members: Vec<Member>,
    names: HashSet<Rc<str>>,
    /// The end of the last member, in bits.
    end: u64,
    /// The end of the largest member, in bits (for unions).
    widest: u64,
    align: u64,
}

impl AggregateBuilder {
    /// An empty structure, or union if `union`.
    pub fn new(tag: Option<&str>, union: bool) -> Self {
        let (members, names) = (Vec::new(), HashSet::new());
        AggregateBuilder { tag: tag.map(Rc::from), union, members, names, end: 0, widest: 0, align: 1 }
    }

    /// Adds a member; an empty name makes it anonymous.
    pub fn member(&mut self, types: &Types, name: &str, ty: TypeId) -> Result<(), LayoutError> {
        self.check_name(name)?;
        let Some(size) = types.size(ty) else { return Err(LayoutError::Incomplete) };
        let align = types.align(ty);
        let start = if self.union { 0 } else { self.end.next_multiple_of(align * 8) };
        if size > MAX_BYTES || start / 8 > MAX_BYTES {
            return Err(LayoutError::TooLarge);
        }
        self.end = start + size * 8;
        self.widest = self.widest.max(self.end);
        self.align = self.align.max(align);
        self.push(name, ty, start, None);
        Ok(())
    }

    /// Adds a member of D's `string`, whose size is an option's and not its type's.
    pub fn string_member(&mut self, name: &str, ty: TypeId, size: u64) -> Result<(), LayoutError> {
        self.check_name(name)?;
        let start = if self.union { 0 } else { self.end.next_multiple_of(8) };
        if size > MAX_BYTES || start / 8 > MAX_BYTES {
            return Err(LayoutError::TooLarge);
        }
        self.end = start + size * 8;
        self.widest = self.widest.max(self.end);
        self.push(name, ty, start, None);
        Ok(())
    }

    /// Adds a bit-field; an empty name makes it mere padding.
    pub fn bit_field(
        &mut self,
        types: &Types,
        name: &str,
        ty: TypeId,
        width: u64,
    ) -> Result<(), LayoutError> {
        self.check_name(name)?;
        let bits = match types.base(ty) {
            Kind::Integer { format, .. } => u64::from(format.bits),
            Kind::Enum(e) => e.size * 8,
            _ => return Err(LayoutError::BitFieldType),
        };
        if width > bits || (width == 0 && !name.is_empty()) {
            return Err(LayoutError::BitFieldWidth);
        }
        let unit = types.align(ty) * 8;
        let mut start = if self.union { 0 } else { self.end };
        if width == 0 {
            self.end = start.next_multiple_of(unit);
            return Ok(());
        }
        if start / unit != (start + width - 1) / unit {
            start = start.next_multiple_of(unit);
        }
        if start / 8 > MAX_BYTES {
            return Err(LayoutError::TooLarge);
        }
        self.end = start + width;
        self.widest = self.widest.max(self.end);
        if !name.is_empty() {
            self.align = self.align.max(unit / 8);
            let bit_width = Some(u32::try_from(width).expect("checked against the type's width"));
            self.push(name, ty, start, bit_width);
        }
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), LayoutError> {
        if self.names.contains(name) { Err(LayoutError::Duplicate) } else { Ok(()) }
    }

    fn push(&mut self, name: &str, ty: TypeId, bit_offset: u64, bit_width: Option<u32>) {
        let name: Rc<str> = name.into();
        if !name.is_empty() {
            self.names.insert(name.clone());
        }
        self.members.push(Member { name, ty, bit_offset, bit_width });
    }

    /// The finished type.
    pub fn finish(self) -> Kind {
        let bits = if self.union { self.widest } else { self.end };
        let aggregate = Aggregate {
            tag: self.tag,
            size: bits.div_ceil(8).next_multiple_of(self.align),
            align: self.align,
            members: self.members.into(),
        };
        if self.union { Kind::Union(aggregate) } else { Kind::Struct(aggregate) }
    }
}

impl Types {
    /// Makes an enumeration from its enumerators: of `int`, or of `unsigned` when a value needs it, as C does.
    pub fn enumeration(&self, tag: Option<&str>, values: Vec<(Rc<str>, i64)>) -> Kind {
        let signed = values.iter().any(|&(_, v)| v < 0);
        let wide = values.iter().any(|&(_, v)| v > i64::from(u32::MAX) || v < i64::from(i32::MIN));
        Kind::Enum(Enumeration {
            tag: tag.map(Rc::from),
            size: if wide { 8 } else { 4 },
            signed: signed || values.iter().all(|&(_, v)| v <= i64::from(i32::MAX)),
            values: values.into(),
        })
    }
}
