//! Types as programs write them, and the declaration of structures, unions and enumerations.

use std::collections::HashSet;
use std::rc::Rc;

use super::super::ast::{
    self, BaseType, Declarator, Derived, EnumType, Expr as AstExpr, IntSize, Member, Pos, Qualifiers, Scope,
    Specifiers, StructType, TypeName,
};
use super::ident::Global;
use super::{Checker, Result, Tag};
use crate::types::{AggregateBuilder, Kind, LayoutError, Qualifier, Tag as TypeTag, TypeId};

/// The names and types of a tuple's or a function's parameters.
pub(super) type Params = Vec<(Option<Rc<str>>, TypeId)>;

/// What the keys of an associative array are called as a prototype.
const ARRAY: &str = "array";

impl Checker<'_> {
    /// The type that a cast or a `sizeof` names.
    pub(super) fn type_name(&mut self, name: &TypeName) -> Result<TypeId> {
        self.declared_type(&name.specifiers, &name.declarator)
    }

    /// The type of a declarator with its type words. Associative arrays are no types: the caller has taken them off.
    pub(super) fn declared_type(
        &mut self,
        specifiers: &Specifiers,
        declarator: &Declarator,
    ) -> Result<TypeId> {
        let base = self.base_type(specifiers)?;
        self.derived_type(base, declarator)
    }

    /// What a declarator makes of a base type.
    pub(super) fn derived_type(&mut self, base: TypeId, declarator: &Declarator) -> Result<TypeId> {
        let mut ty = base;
        for (i, step) in declarator.derived.iter().enumerate().rev() {
            ty = match step {
                Derived::Pointer(qualifiers) => {
                    let pointer = self.types.pointer_to(ty);
                    self.qualify(pointer, qualifiers)
                }
                Derived::Array(size) => {
                    let count = self.dimension(size.as_deref(), declarator)?;
                    match self.types.size(ty) {
                        Some(size) if size.checked_mul(count.max(1)).is_some_and(|n| n <= 1 << 40) => {}
                        Some(_) => {
                            return Err(self.error(
                                Tag::DeclArrbig,
                                declarator.pos,
                                "array dimension too big",
                            ));
                        }
                        // A string's size is an option: an array of strings is left to the option's limits.
                        None if self.types.is_string(ty) => {}
                        None => {
                            let name = declarator.name.as_deref().unwrap_or("(anonymous)");
                            let message = if self.types.is_void(ty) || self.types.is_function(ty) {
                                format!("cannot have void object: {name}")
                            } else {
                                format!("incomplete struct/union/enum {}: {name}", self.name_of(ty))
                            };
                            let tag =
                                if self.types.is_void(ty) { Tag::DeclVoidobj } else { Tag::DeclIncomplete };
                            return Err(self.error(tag, declarator.pos, message));
                        }
                    }
                    self.types.array_of(ty, count)
                }
                Derived::Function { params, varargs } => {
                    if self.types.is_function(ty) || self.types.is_array(ty) {
                        let message = "function may not return a function or an array";
                        return Err(self.error(Tag::DeclCombo, declarator.pos, message));
                    }
                    let params = self.function_params(params, "function")?;
                    self.types.function(ty, params.into_iter().map(|(_, ty)| ty).collect(), *varargs)
                }
                Derived::Associative(_) => {
                    let message = if i == 0 {
                        "cannot have dynamic member"
                    } else {
                        "cannot declare array of associative arrays"
                    };
                    let name = match (&declarator.name, i) {
                        (Some(name), 0) => format!(": {name}"),
                        _ => String::new(),
                    };
                    return Err(self.error(Tag::DeclDynobj, declarator.pos, format!("{message}{name}")));
                }
            };
        }
        Ok(ty)
    }

    /// The bound of an array; 0 when it is left out.
    fn dimension(&mut self, size: Option<&AstExpr>, declarator: &Declarator) -> Result<u64> {
        let Some(size) = size else { return Ok(0) };
        let expr = self.expr(size)?;
        self.take_pending()?;
        match self.constant_of(&expr) {
            Some(count) if count > u64::from(u32::MAX) && (count as i64) > 0 => {
                Err(self.error(Tag::DeclArrbig, size.pos, "array dimension too big"))
            }
            Some(count) if (count as i64) > 0 => Ok(count),
            _ => {
                let message = "positive integral constant expression or tuple signature expected as array declaration subscript";
                Err(self.error(Tag::DeclArrsub, declarator.pos, message))
            }
        }
    }

    fn qualify(&self, mut ty: TypeId, qualifiers: &Qualifiers) -> TypeId {
        if qualifiers.is_const {
            ty = self.types.qualified(Qualifier::Const, ty);
        }
        if qualifiers.is_volatile {
            ty = self.types.qualified(Qualifier::Volatile, ty);
        }
        if qualifiers.is_restrict {
            ty = self.types.qualified(Qualifier::Restrict, ty);
        }
        ty
    }

    /// The type that type words name.
    pub(super) fn base_type(&mut self, specifiers: &Specifiers) -> Result<TypeId> {
        let t = *self.types.intrinsics();
        let pos = specifiers.pos;
        let ty = match &specifiers.base {
            BaseType::Implicit => t.int,
            BaseType::Void => t.void,
            BaseType::Float => t.float,
            BaseType::Double => t.double,
            BaseType::LongDouble => t.long_double,
            BaseType::String => t.string,
            BaseType::Integer { size, signed, int } => {
                let size = match size {
                    IntSize::Char => "char",
                    IntSize::Short => "short",
                    // "unsigned" is its own name, and "unsigned int" is another.
                    IntSize::Int if signed.is_some() && !int => "",
                    IntSize::Int => "int",
                    IntSize::Long => "long",
                    IntSize::LongLong => "long long",
                };
                let sign = match signed {
                    None => "",
                    Some(true) => "signed",
                    Some(false) => "unsigned",
                };
                self.named_type("C", format!("{sign} {size}").trim(), pos)?
            }
            BaseType::Named(name) => {
                let module = match &name.scope {
                    Scope::Module(module) => module.clone(),
                    _ => "".into(),
                };
                self.named_type(&module, &name.name, pos)?
            }
            BaseType::Struct(body) => self.struct_type(body, false, pos)?,
            BaseType::Union(body) => self.struct_type(body, true, pos)?,
            BaseType::Enum(body) => self.enum_type(body, pos)?,
        };
        Ok(self.qualify(ty, &specifiers.qualifiers))
    }

    /// A type by name: `foo_t`, or with its keyword.
    fn named_type(&mut self, module: &str, name: &str, pos: Pos) -> Result<TypeId> {
        let found =
            if module.is_empty() { self.types.lookup(name) } else { self.types.lookup_in(module, name) };
        found.map_err(|_| {
            let full = if module.is_empty() { name.to_owned() } else { format!("{module}`{name}") };
            self.error(Tag::Unknown, pos, format!("failed to resolve type {full}: Unknown type name"))
        })
    }

    fn struct_type(&mut self, body: &StructType, union: bool, pos: Pos) -> Result<TypeId> {
        let tag = if union { TypeTag::Union } else { TypeTag::Struct };
        let name = body.tag.as_ref().map(|tag| tag.name.clone());
        let Some(members) = &body.members else {
            let Some(tag_name) = &body.tag else {
                return Err(self.error(Tag::DeclIdent, pos, "structure without a name"));
            };
            return self.tagged_type(tag, tag_name, pos);
        };
        // The tag is known inside its own braces.
        let id = match &name {
            Some(name) => {
                let full = format!("{} {name}", tag.keyword());
                if let Some(known) = self.types.lookup_d(&full)
                    && !matches!(self.types.kind(known), Kind::Forward { .. })
                {
                    return Err(self.error(Tag::DeclTypered, pos, format!("type redeclared: {full}")));
                }
                Some(self.types.declare_tag(tag, name))
            }
            None => None,
        };
        let mut builder = AggregateBuilder::new(name.as_deref(), union);
        let outer = self.defining.len();
        self.defining.extend(name.map(|name| (tag, name)));
        let members = self.members(&mut builder, members);
        self.defining.truncate(outer);
        members?;
        let kind = builder.finish();
        Ok(match id {
            Some(id) => {
                self.types.define(id, kind);
                id
            }
            None => self.types.define_anonymous(kind),
        })
    }

    /// What stands between the braces of a structure or union.
    fn members(&mut self, builder: &mut AggregateBuilder, members: &[Member]) -> Result<()> {
        for member in members {
            let base = self.deeper(member.pos, |checker| checker.base_type(&member.specifiers))?;
            if member.declarators.is_empty() {
                self.add_member(builder, "", base, None, member.pos)?;
            }
            for (declarator, width) in &member.declarators {
                let ty = self.derived_type(base, declarator)?;
                let name = declarator.name.clone().unwrap_or_else(|| "".into());
                if matches!(declarator.derived.first(), Some(Derived::Array(None) | Derived::Function { .. }))
                {
                    let message = format!("cannot have void member: {name}");
                    return Err(self.error(Tag::DeclVoidobj, declarator.pos, message));
                }
                self.add_member(builder, &name, ty, width.as_ref(), declarator.pos)?;
            }
        }
        Ok(())
    }

    fn add_member(
        &mut self,
        builder: &mut AggregateBuilder,
        name: &str,
        ty: TypeId,
        width: Option<&AstExpr>,
        pos: Pos,
    ) -> Result<()> {
        let added = match width {
            None => {
                if self.types.is_void(ty) || self.types.is_function(ty) {
                    return Err(self.error(
                        Tag::DeclVoidobj,
                        pos,
                        format!("cannot have void member: {name}"),
                    ));
                }
                if self.types.is_string(ty) {
                    // A string in a structure is as long as its option says at this moment.
                    builder.string_member(name, ty, self.env.string_size())
                } else {
                    builder.member(self.types, name, ty)
                }
            }
            Some(width) => {
                let value = self.expr(width)?;
                self.take_pending()?;
                let bits = self.constant_of(&value).filter(|bits| (*bits as i64) >= 0);
                let Some(bits) = bits.filter(|bits| *bits > 0 || name.is_empty()) else {
                    let message = "positive integral constant expression expected as bit-field size";
                    return Err(self.error(Tag::DeclBfconst, pos, message));
                };
                builder.bit_field(self.types, name, ty, bits)
            }
        };
        added.map_err(|error| match error {
            LayoutError::Incomplete => {
                let message = format!("incomplete struct/union/enum {}: {name}", self.name_of(ty));
                self.error(Tag::DeclIncomplete, pos, message)
            }
            LayoutError::Duplicate => {
                let message = format!("failed to define member '{name}': Duplicate member name definition");
                self.error(Tag::Unknown, pos, message)
            }
            LayoutError::TooLarge => self.error(Tag::DeclArrbig, pos, "array dimension too big"),
            LayoutError::BitFieldType => {
                self.error(Tag::DeclBftype, pos, format!("invalid type for bit-field: {name}"))
            }
            LayoutError::BitFieldWidth => {
                self.error(Tag::DeclBfsize, pos, format!("bit-field too big for type: {name}"))
            }
        })
    }

    /// `struct name` without braces: the type of that tag, which may become known later.
    fn tagged_type(&mut self, tag: TypeTag, name: &ast::Name, pos: Pos) -> Result<TypeId> {
        let full = format!("{} {}", tag.keyword(), name.name);
        match &name.scope {
            Scope::Module(module) => self.named_type(module, &full, pos),
            // Within its own braces a tag is D's, whatever the kernel has of that name.
            _ if self.defining.iter().any(|&(t, ref n)| t == tag && *n == name.name) => {
                Ok(self.types.declare_tag(tag, &name.name))
            }
            _ => Ok(self.types.lookup(&full).unwrap_or_else(|_| self.types.declare_tag(tag, &name.name))),
        }
    }

    fn enum_type(&mut self, body: &EnumType, pos: Pos) -> Result<TypeId> {
        let Some(enumerators) = &body.enumerators else {
            let Some(name) = &body.tag else {
                return Err(self.error(Tag::DeclIdent, pos, "enumeration without a name"));
            };
            return self.tagged_type(TypeTag::Enum, name, pos);
        };
        let tag = body.tag.as_ref().map(|tag| tag.name.clone());
        let id = match &tag {
            Some(name) => {
                let full = format!("enum {name}");
                if let Some(known) = self.types.lookup_d(&full)
                    && !matches!(self.types.kind(known), Kind::Forward { .. })
                {
                    return Err(self.error(Tag::DeclTypered, pos, format!("type redeclared: {full}")));
                }
                Some(self.types.declare_tag(TypeTag::Enum, name))
            }
            None => None,
        };
        let int = self.types.intrinsics().int;
        let mut values: Vec<(Rc<str>, i64)> = Vec::with_capacity(enumerators.len());
        let mut seen = HashSet::with_capacity(enumerators.len());
        let mut next: i64 = 0;
        for enumerator in enumerators {
            let name = &enumerator.name;
            if let Some(value) = &enumerator.value {
                let expr = self.expr(value)?;
                self.take_pending()?;
                let Some(constant) = self.constant_of(&expr) else {
                    let message =
                        format!("enumerator '{name}' must be assigned to an integral constant expression");
                    return Err(self.error(Tag::DeclEnconst, enumerator.pos, message));
                };
                next = constant as i64;
            }
            if i32::try_from(next).is_err() {
                let message = format!("enumerator '{name}' value overflows INT_MAX ({})", i32::MAX);
                return Err(self.error(Tag::DeclEnoflow, enumerator.pos, message));
            }
            if !seen.insert(name.clone()) {
                let message =
                    format!("failed to define enumerator '{name}': Duplicate member name definition");
                return Err(self.error(Tag::Unknown, enumerator.pos, message));
            }
            if (self.identifiers.is_taken(name) || self.is_builtin(name))
                && !self.is_inline_of(name, next, enumerator.pos)?
            {
                return Err(self.error(
                    Tag::DeclIdred,
                    enumerator.pos,
                    format!("identifier redeclared: {name}"),
                ));
            }
            // Later enumerators may refer to earlier ones; their type is given once the whole is known.
            let known = self.identifiers.globals.entry(name.clone());
            known.or_insert(Global::Constant { ty: int, value: next });
            values.push((name.clone(), next));
            next += 1;
        }
        let names: Vec<Rc<str>> = values.iter().map(|(name, _)| name.clone()).collect();
        let kind = self.types.enumeration(tag.as_deref(), values);
        let id = match id {
            Some(id) => {
                self.types.define(id, kind);
                id
            }
            None => self.types.define_anonymous(kind),
        };
        for name in names {
            if let Some(Global::Constant { ty, .. }) = self.identifiers.globals.get_mut(&name) {
                *ty = id;
            }
        }
        Ok(id)
    }

    /// Whether an inline of this name has this value: a header may say again what a library says.
    fn is_inline_of(&mut self, name: &Rc<str>, value: i64, pos: Pos) -> Result<bool> {
        if !matches!(self.identifiers.globals.get(name), Some(Global::Inline(inline)) if inline.params.is_none())
        {
            return Ok(false);
        }
        let name = ast::Name { scope: Scope::Default, name: name.clone() };
        let inline = self.expr(&ast::Expr { pos, kind: ast::ExprKind::Name(name) })?;
        Ok(self.constant_of(&inline) == Some(value.cast_unsigned()))
    }

    /// The keys of an associative array as declared.
    pub(super) fn array_params(&mut self, params: &[TypeName]) -> Result<Params> {
        self.params(params, ARRAY)
    }

    /// The parameters of a function or probe, which messages call `what`; `(void)` has none.
    pub(super) fn function_params(&mut self, params: &[TypeName], what: &str) -> Result<Params> {
        if let [only] = params
            && matches!(only.specifiers.base, BaseType::Void)
            && only.declarator.derived.is_empty()
        {
            if let Some(name) = &only.declarator.name {
                let message = format!("void parameter may not have a name: {name}");
                return Err(self.error(Tag::DeclProtoName, only.pos, message));
            }
            return Ok(Vec::new());
        }
        self.params(params, what)
    }

    fn params(&mut self, params: &[TypeName], what: &str) -> Result<Params> {
        let mut list: Params = Vec::with_capacity(params.len());
        for (i, param) in params.iter().enumerate() {
            let number = i + 1;
            let name = param.declarator.name.clone();
            let shown = name.as_deref().unwrap_or("(anonymous)").to_owned();
            if matches!(param.declarator.derived.first(), Some(Derived::Associative(_))) {
                let message = format!(
                    "{what} prototype may not use parameter of type dynamic variable: {shown}, parameter #{number}"
                );
                return Err(self.error(Tag::DeclProtoType, param.pos, message));
            }
            let mut ty = self.deeper(param.pos, |checker| checker.type_name(param))?;
            // Arrays and functions are passed as pointers.
            match self.types.base(ty) {
                Kind::Array { elem, .. } if what != ARRAY => ty = self.types.pointer_to(elem),
                Kind::Function(_) => ty = self.types.pointer_to(ty),
                _ => {}
            }
            if self.types.is_void(ty) {
                if what != ARRAY {
                    return Err(self.error(Tag::DeclProtoVoid, param.pos, "void must be sole parameter"));
                }
                let message = format!(
                    "{what} prototype may not use parameter of type void: {shown}, parameter #{number}"
                );
                return Err(self.error(Tag::DeclProtoType, param.pos, message));
            }
            // What a probe shows may be made from one argument twice.
            if what != "probe output"
                && let Some(name) = &name
                && list.iter().any(|(known, _)| known.as_ref() == Some(name))
            {
                let message =
                    format!("parameter is already declared in {what} prototype: {name}, parameter #{number}");
                return Err(self.error(Tag::DeclProtoForm, param.pos, message));
            }
            list.push((name, ty));
        }
        Ok(list)
    }
}
