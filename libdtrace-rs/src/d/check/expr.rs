//! Expressions: constants, names, elements, casts, `sizeof` and their kin.

use std::rc::Rc;

use super::super::ast::{self, ExprKind as Ast, IntConstant, Name, Pos, Scope};
use super::super::typed::{Expr, ExprKind, Var};
use super::builtin::{self, FunctionKind};
use super::ident::{Global, Variable};
use super::inline::Value;
use super::{Checker, KERNEL, Result, Tag};
use crate::error::{Code, Error};
use crate::program::VarScope;
use crate::types::{Kind, TypeId};

impl Checker<'_> {
    /// An expression as a value.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let value = self.value(expr)?;
        self.materialize(value)
    }

    /// An expression that may be the result of a translator, of which only members are wanted.
    pub(super) fn value(&mut self, expr: &ast::Expr) -> Result<Value> {
        self.deeper(expr.pos, |checker| checker.value_within(expr))
    }

    fn value_within(&mut self, expr: &ast::Expr) -> Result<Value> {
        let pos = expr.pos;
        let plain = match &expr.kind {
            Ast::Name(name) => return self.name(name, pos),
            Ast::Xlate(ty, operand) => return self.xlate(ty, operand, pos),
            Ast::Index(base, keys) => return self.index(base, keys, pos),
            Ast::Member { base, member, arrow } => return self.member(base, member, *arrow, pos),
            Ast::Int(constant) => self.integer(constant, pos)?,
            Ast::Str(bytes) => {
                let ty = self.types.intrinsics().string;
                Expr { pos, ty, user: false, kind: ExprKind::Str(bytes.clone()) }
            }
            Ast::Aggregation(aggregation) => self.aggregation_value(aggregation, pos)?,
            Ast::Call(function, args) => match self.library_function(function) {
                Some(inline) => return self.call_inline(&inline, args, pos),
                None => self.call(function, args, pos)?,
            },
            Ast::Unary(ast::UnaryOp::Deref, operand) => {
                let value = self.value(operand)?;
                if Self::is_translated_pointer(&value) {
                    return Ok(self.pointed_to(value, pos));
                }
                let operand = self.materialize(value)?;
                self.deref(operand, pos)?
            }
            Ast::Unary(op, operand) => self.unary(*op, operand, pos)?,
            Ast::Binary(..) => self.binary_chain(expr)?,
            Ast::Assign { op, target, value } => self.assign(*op, target, value, pos)?,
            Ast::Cond(condition, then, otherwise) => self.conditional(condition, then, otherwise, pos)?,
            Ast::Comma(list) => self.comma(list, pos)?,
            Ast::Cast(name, operand) => self.cast(name, operand, pos)?,
            Ast::SizeofType(name) => {
                let ty = self.type_name(name)?;
                self.size_of(ty, pos)?
            }
            Ast::SizeofExpr(operand) => self.sizeof_expr(operand, pos)?,
            Ast::Stringof(operand) => self.stringof(operand, pos)?,
            Ast::Offsetof(name, member) => self.offsetof(name, member, pos)?,
        };
        Ok(Value::Plain(plain))
    }

    /// An integer constant takes the first type of int, unsigned, long, unsigned long and their long longs that can hold it; a decimal one
    /// does not become unsigned without being told to.
    fn integer(&mut self, constant: &IntConstant, pos: Pos) -> Result<Expr> {
        let t = self.types.intrinsics();
        let IntConstant { value, unsigned, longs, decimal, signed } = *constant;
        if signed {
            let fitting = [t.int, t.long].into_iter().find(|&ty| self.fit(value, ty) == value);
            let ty = fitting.unwrap_or(t.long_long);
            return Ok(self.constant(pos, value, ty));
        }
        let candidates: &[(TypeId, bool)] = match longs {
            0 => &[
                (t.int, true),
                (t.unsigned_int, false),
                (t.long, true),
                (t.unsigned_long, false),
                (t.long_long, true),
                (t.unsigned_long_long, false),
            ],
            1 => &[
                (t.long, true),
                (t.unsigned_long, false),
                (t.long_long, true),
                (t.unsigned_long_long, false),
            ],
            _ => &[(t.long_long, true), (t.unsigned_long_long, false)],
        };
        for &(ty, signed) in candidates {
            if signed && unsigned || !signed && decimal && !unsigned {
                continue;
            }
            let bits = self.types.int_format(ty).map_or(64, |f| f.bits) - u32::from(signed);
            if value.checked_shr(bits).unwrap_or(0) == 0 {
                return Ok(self.constant(pos, value, ty));
            }
        }
        let message =
            format!("integer constant 0x{value:x} cannot be represented in any built-in integral type");
        Err(self.error(Tag::IntOflow, pos, message))
    }

    /// The error that a name has no value yet.
    pub(super) fn undefined(&self, target: &ast::Expr) -> Error {
        let what = match &target.kind {
            Ast::Name(name) => scoped(name),
            Ast::Index(base, _) => return self.undefined(base),
            Ast::Aggregation(aggregation) => format!("@{}", aggregation.name),
            _ => "variable".to_owned(),
        };
        self.error(Tag::VarUndef, target.pos, format!("{what} has not yet been declared or assigned"))
    }

    fn bad_reference(&self, what: &str, name: &str, pos: Pos) -> Error {
        self.error(Tag::IdentBadref, pos, format!("{what} '{name}' may not be referenced as scalar"))
    }

    fn variable(&self, name: &Name) -> Option<(&Variable, VarScope)> {
        match name.scope {
            Scope::Default => match self.identifiers.globals.get(&name.name) {
                Some(Global::Variable(variable)) => Some((variable, VarScope::Global)),
                _ => None,
            },
            Scope::Thread => self.identifiers.threads.get(&name.name).map(|v| (v, VarScope::Thread)),
            Scope::Clause => self.identifiers.clauses.get(&name.name).map(|v| (v, VarScope::Local)),
            Scope::Module(_) => None,
        }
    }

    /// A name as a value.
    fn name(&mut self, name: &Name, pos: Pos) -> Result<Value> {
        if let Scope::Module(module) = &name.scope {
            return self.symbol(module, &name.name, pos).map(Value::Plain);
        }
        if name.scope == Scope::Default
            && let Some(value) = self.bound_value(&name.name, pos)?
        {
            return Ok(Value::Plain(value));
        }
        if let Some((variable, scope)) = self.variable(name) {
            let (id, ty, array) = (variable.id, variable.ty, variable.keys.is_some());
            let Some(ty) = ty else {
                let message = format!("{} has not yet been declared or assigned", scoped(name));
                return Err(self.error(Tag::VarUndef, pos, message));
            };
            if array {
                return Err(self.bad_reference("associative array", &name.name, pos));
            }
            self.uses_name(&name.name);
            let var = Var { id, scope, name: name.name.clone(), array: false, ty };
            return Ok(Value::Plain(Expr { pos, ty, user: false, kind: ExprKind::Var(var) }));
        }
        if name.scope != Scope::Default {
            let message = format!("{} has not yet been declared or assigned", scoped(name));
            return Err(self.error(Tag::VarUndef, pos, message));
        }
        match self.identifiers.globals.get(&name.name) {
            Some(Global::Constant { ty, value }) => {
                let (ty, value) = (*ty, *value);
                self.uses_name(&name.name);
                return Ok(Value::Plain(self.constant(pos, value as u64, ty)));
            }
            Some(Global::Inline(inline)) => {
                let inline = inline.clone();
                if inline.params.is_some() {
                    return Err(self.bad_reference("associative array", &name.name, pos));
                }
                return self.expand_inline(&inline, Vec::new(), pos);
            }
            Some(Global::Variable(_)) => {}
            None => return self.builtin_name(&name.name, pos).map(Value::Plain),
        }
        Err(self.unknown(&name.name, pos))
    }

    fn unknown(&self, name: &str, pos: Pos) -> Error {
        self.error(Tag::IdentUndef, pos, format!("failed to resolve {name}: {}", Code::NoVariable.message()))
    }

    /// Counts the stability that a pragma gave to the name.
    pub(super) fn uses_name(&mut self, name: &str) {
        let attribute =
            self.identifiers.attributes.get(name).copied().unwrap_or_else(|| builtin::attribute(name));
        self.uses(attribute);
    }

    fn builtin_name(&mut self, name: &str, pos: Pos) -> Result<Expr> {
        if let Some(var) = self.builtin_variable(name) {
            if var.array {
                return Err(self.bad_reference("associative array", name, pos));
            }
            self.uses_name(name);
            let ty = builtin::type_named(self.types, var.ty);
            let var = Var { id: var.id, scope: VarScope::Global, name: var.name.into(), array: false, ty };
            return Ok(Expr { pos, ty, user: false, kind: ExprKind::Var(var) });
        }
        if let Some(function) = self.builtin_function(name) {
            let what = match function.kind {
                FunctionKind::Subroutine { .. } => "function",
                FunctionKind::Action(_) => "tracing function",
                FunctionKind::Aggregating(_) => "aggregating function",
            };
            return Err(self.bad_reference(what, name, pos));
        }
        match name {
            // A constant of type int, as the original has it.
            "NULL" => {
                let ty = self.types.intrinsics().int;
                Ok(Expr { pos, ty, user: false, kind: ExprKind::Int(0) })
            }
            "self" | "this" => Err(self.bad_reference("pointer", name, pos)),
            _ => Err(self.unknown(name, pos)),
        }
    }

    /// A symbol of the kernel: the object at its address.
    fn symbol(&mut self, module: &str, name: &str, pos: Pos) -> Result<Expr> {
        let address = self.symbol_address(module, name, pos)?;
        let Some(ty) = self.types.element(address.ty).filter(|ty| !self.types.is_void(*ty)) else {
            let message = format!(
                "no symbolic type information is available for {module}`{name}: {}",
                Code::NoCtf.message()
            );
            return Err(self.error(Tag::SymNotypes, pos, message));
        };
        if self.types.is_function(ty) {
            return Ok(address);
        }
        Ok(Expr { pos, ty, user: false, kind: ExprKind::Deref(Box::new(address)) })
    }

    /// The address of a symbol of the kernel: a pointer to its type, or to void where that is not known.
    pub(super) fn symbol_address(&mut self, module: &str, name: &str, pos: Pos) -> Result<Expr> {
        let symbol = self.env.symbol(module, name).map_err(|error| {
            self.error(Tag::IdentUndef, pos, format!("failed to resolve {module}`{name}: {error}"))
        })?;
        self.uses(KERNEL);
        let ty = self.types.pointer_to(symbol.ty.unwrap_or(self.types.intrinsics().void));
        Ok(Expr { pos, ty, user: false, kind: ExprKind::Int(symbol.address) })
    }

    /// A place that is assigned to. If it is a variable that has no type yet, `first` tells its type.
    pub(super) fn target(
        &mut self,
        target: &ast::Expr,
        first: &mut dyn FnMut(&mut Self) -> Result<TypeId>,
    ) -> Result<Expr> {
        let pos = target.pos;
        let (name, keys) = match &target.kind {
            Ast::Name(name) => (name, None),
            Ast::Index(base, keys) => match &base.kind {
                Ast::Name(name) => (name, Some(keys)),
                _ => return self.expr(target),
            },
            _ => return self.expr(target),
        };
        let known = match name.scope {
            Scope::Module(_) => true,
            Scope::Default => {
                self.frames.last().is_some_and(|frame| frame.contains_key(&name.name))
                    || matches!(self.identifiers.globals.get(&name.name), Some(g) if !matches!(g, Global::Variable(v) if v.ty.is_none()))
                    || self.is_builtin(&name.name)
                    || matches!(&*name.name, "self" | "this")
            }
            _ => self.variable(name).is_some_and(|(variable, _)| variable.ty.is_some()),
        };
        if known {
            return self.expr(target);
        }
        // The name exists from here on, without a type: `x = x` is an error about x's value, not about its name.
        let scope = match name.scope {
            Scope::Thread => VarScope::Thread,
            Scope::Clause => VarScope::Local,
            _ => VarScope::Global,
        };
        if scope == VarScope::Local && keys.is_some() {
            let message = format!("local variables may not be used as associative arrays: {}", name.name);
            return Err(self.error(Tag::ArrLocal, pos, message));
        }
        let id = self.define_variable(&name.name, scope, None, None, pos)?;
        let keys = keys.map(|keys| self.keys(keys, false)).transpose()?;
        let ty = first(self)?;
        let signature: Option<Rc<[TypeId]>> = keys.as_ref().map(|keys| keys.iter().map(|k| k.ty).collect());
        self.define_variable(&name.name, scope, Some(ty), signature, pos)?;
        let var = Var { id, scope, name: name.name.clone(), array: keys.is_some(), ty };
        let kind = match keys {
            Some(keys) => ExprKind::Element(var, keys),
            None => ExprKind::Var(var),
        };
        Ok(Expr { pos, ty, user: false, kind })
    }

    /// Defines a variable, or gives its type to one that was defined without, and returns its number.
    pub(super) fn define_variable(
        &mut self,
        name: &Rc<str>,
        scope: VarScope,
        ty: Option<TypeId>,
        keys: Option<Rc<[TypeId]>>,
        pos: Pos,
    ) -> Result<u32> {
        let known = match scope {
            VarScope::Global => match self.identifiers.globals.get(name) {
                Some(Global::Variable(variable)) => Some(variable.id),
                _ => None,
            },
            VarScope::Thread => self.identifiers.threads.get(name).map(|v| v.id),
            VarScope::Local => self.identifiers.clauses.get(name).map(|v| v.id),
        };
        let Some(id) = known.or_else(|| self.identifiers.number(scope)) else {
            let message = format!("cannot create {name}: identifier namespace exhausted");
            return Err(self.error(Tag::IdOflow, pos, message));
        };
        let variable = Variable { id, ty, keys };
        match scope {
            VarScope::Global => {
                self.identifiers.globals.insert(name.clone(), Global::Variable(variable));
            }
            VarScope::Thread => {
                self.identifiers.threads.insert(name.clone(), variable);
            }
            VarScope::Local => {
                self.identifiers.clauses.insert(name.clone(), variable);
            }
        }
        Ok(id)
    }

    /// The keys of an associative array.
    fn keys(&mut self, keys: &[ast::Expr], aggregation: bool) -> Result<Vec<Expr>> {
        let mut result = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let key = self.expr(key)?;
            self.check_key(&key, i, aggregation)?;
            result.push(key);
        }
        Ok(result)
    }

    pub(super) fn check_key(&self, key: &Expr, index: usize, aggregation: bool) -> Result<()> {
        let what = match self.types.base(key.ty) {
            Kind::Void | Kind::Function(_) => "void",
            Kind::Dynamic => self.dynamic_name,
            Kind::Forward { .. } => "incomplete",
            _ if self.is_translated(key) => "translated data",
            _ => return Ok(()),
        };
        let container = if aggregation { "aggregation" } else { "associative array" };
        let message = format!("{what} expression may not be used as {container} index: key #{}", index + 1);
        Err(self.error(Tag::KeyType, key.pos, message))
    }

    /// Checks keys against the types that an array had at first, and converts them.
    pub(super) fn match_keys(
        &mut self,
        shown: &str,
        keys: Vec<Expr>,
        signature: &[TypeId],
        pos: Pos,
    ) -> Result<Vec<Expr>> {
        if keys.len() != signature.len() {
            let (n, s) = (keys.len(), if keys.len() == 1 { "" } else { "s" });
            let message =
                format!("{shown}[ ] prototype mismatch: {n} key{s} passed, {} expected", signature.len());
            return Err(self.error(Tag::ProtoLen, pos, message));
        }
        let mut result = Vec::with_capacity(keys.len());
        for (i, (key, &ty)) in keys.into_iter().zip(signature).enumerate() {
            if !self.assignable(ty, &key) && !self.types.same(ty, key.ty) {
                let message = format!(
                    "{shown}[ ] key #{} is incompatible with prototype:\n\tprototype: {}\n\t      key: {}",
                    i + 1,
                    self.name_of(ty),
                    self.name_of(key.ty)
                );
                return Err(self.error(Tag::ProtoArg, pos, message));
            }
            result.push(if self.types.same(ty, key.ty) { key } else { self.convert(key, ty) });
        }
        Ok(result)
    }

    /// `base[keys]`
    fn index(&mut self, base: &ast::Expr, keys: &[ast::Expr], pos: Pos) -> Result<Value> {
        if let Ast::Aggregation(aggregation) = &base.kind {
            let message =
                format!("improper attempt to reference @{} as a multi-dimensional array", aggregation.name);
            return Err(self.error(Tag::AggMdim, pos, message));
        }
        let mut shown = None;
        if let Ast::Name(name) = &base.kind {
            shown = Some(scoped(name));
            if let Some(value) = self.index_name(name, base, keys, pos)? {
                return Ok(value);
            }
        }
        let base = self.expr(base)?;
        let [key] = keys else {
            let what = shown.map_or_else(|| "value".to_owned(), |name| format!("scalar {name}"));
            return Err(self.error(
                Tag::ArrBadref,
                pos,
                format!("cannot access {what} as an associative array"),
            ));
        };
        let key = self.expr(key)?;
        if !self.types.is_pointer(base.ty) && !self.types.is_array(base.ty) && !self.types.is_string(base.ty)
        {
            return Err(self.error(Tag::DerefNonptr, pos, "cannot dereference non-pointer type"));
        }
        let sum = self.element_address(base, key, pos)?;
        self.deref(sum, pos).map(Value::Plain)
    }

    /// What is indexed by a name that is an associative array, an inline with parameters or a built-in array.
    fn index_name(
        &mut self,
        name: &Name,
        base: &ast::Expr,
        keys: &[ast::Expr],
        pos: Pos,
    ) -> Result<Option<Value>> {
        if name.scope == Scope::Default
            && self.frames.last().is_some_and(|frame| frame.contains_key(&name.name))
        {
            return Ok(None);
        }
        if let Some((variable, scope)) = self.variable(name) {
            let (id, ty, signature) = (variable.id, variable.ty, variable.keys.clone());
            let Some(ty) = ty else { return Err(self.undefined(base)) };
            let Some(signature) = signature else { return Ok(None) };
            let keys = self.keys(keys, false)?;
            let keys = self.match_keys(&name.name, keys, &signature, pos)?;
            self.uses_name(&name.name);
            let var = Var { id, scope, name: name.name.clone(), array: true, ty };
            return Ok(Some(Value::Plain(Expr { pos, ty, user: false, kind: ExprKind::Element(var, keys) })));
        }
        match &name.scope {
            Scope::Module(_) => return Ok(None),
            Scope::Clause => {
                let message = format!("local variables may not be used as associative arrays: {}", name.name);
                return Err(self.error(Tag::ArrLocal, pos, message));
            }
            Scope::Thread => return Err(self.undefined(base)),
            Scope::Default => {}
        }
        match self.identifiers.globals.get(&name.name) {
            Some(Global::Inline(inline)) => {
                let inline = inline.clone();
                let Some(params) = &inline.params else { return Ok(None) };
                let signature: Vec<TypeId> = params.iter().map(|(_, ty)| *ty).collect();
                let keys = self.keys(keys, false)?;
                let keys = self.match_keys(&name.name, keys, &signature, pos)?;
                self.expand_inline(&inline, keys, pos).map(Some)
            }
            Some(_) => Ok(None),
            None => match self.builtin_variable(&name.name) {
                Some(var) if var.array => self.builtin_element(var, keys, pos).map(Some),
                Some(_) => Ok(None),
                None if self.is_builtin(&name.name) => Ok(None),
                None => Err(self.undefined(base)),
            },
        }
    }

    /// `args[i]`, `uregs[i]`
    fn builtin_element(
        &mut self,
        var: &'static builtin::BuiltinVar,
        keys: &[ast::Expr],
        pos: Pos,
    ) -> Result<Value> {
        let name = var.name;
        let [key] = keys else {
            let message = format!("{name}[ ] prototype mismatch: {} args passed, 1 expected", keys.len());
            return Err(self.error(Tag::ProtoLen, pos, message));
        };
        let key = self.expr(key)?;
        let Some(index) = self.constant_of(&key) else {
            let message = format!(
                "{name}[ ] argument #1 is incompatible with prototype:\n\tprototype: integer constant\n\t argument: {}",
                self.name_of(key.ty)
            );
            return Err(self.error(Tag::ProtoArg, pos, message));
        };
        self.uses_name(name);
        if name == "args" {
            return self.typed_argument(var, index, pos);
        }
        if (index as i64) < 0 {
            let message = format!("index {} is out of range for array {name}", index as i64);
            return Err(self.error(Tag::RegsIdx, pos, message));
        }
        let ty = builtin::type_named(self.types, var.ty);
        let key = self.constant(pos, index, self.types.intrinsics().int64);
        let var = Var { id: var.id, scope: VarScope::Global, name: name.into(), array: true, ty };
        Ok(Value::Plain(Expr { pos, ty, user: false, kind: ExprKind::Builtin(var, Box::new(key)) }))
    }

    /// `args[i]`, typed by the probe.
    fn typed_argument(&mut self, var: &'static builtin::BuiltinVar, index: u64, pos: Pos) -> Result<Value> {
        let Some(probe) = &self.probe else {
            return Err(self.error(
                Tag::ArgsNone,
                pos,
                "args[ ] may not be referenced outside of a probe clause",
            ));
        };
        let shown = probe.description.to_string();
        let user = probe.description.provider.ends_with(|c: char| c.is_ascii_digit());
        let Some(args) = &probe.probes.args else {
            let message = format!(
                "args[ ] may not be referenced because probe description {shown} matches an unstable set of probes"
            );
            return Err(self.error(Tag::ArgsMulti, pos, message));
        };
        let Some(arg) = usize::try_from(index).ok().and_then(|i| args.get(i)).cloned() else {
            let message = format!("index {} is out of range for {shown} args[ ]", index as i64);
            return Err(self.error(Tag::ArgsIdx, pos, message));
        };
        let Ok(native) = self.types.lookup(&arg.native) else {
            let message = format!("failed to resolve native type for args[{index}]");
            return Err(self.error(Tag::ArgsType, pos, message));
        };
        let key = self.constant(pos, u64::from(arg.mapping), self.types.intrinsics().int64);
        let var = Var { id: var.id, scope: VarScope::Global, name: var.name.into(), array: true, ty: native };
        let value = Expr { pos, ty: native, user, kind: ExprKind::Builtin(var, Box::new(key)) };
        if arg.translated.is_empty() || arg.translated == arg.native {
            return Ok(Value::Plain(value));
        }
        let Ok(output) = self.types.lookup(&arg.translated) else {
            let message = format!("failed to resolve translated type for args[{index}]");
            return Err(self.error(Tag::ArgsType, pos, message));
        };
        if self.types.same(native, output) {
            return Ok(Value::Plain(self.convert(value, output)));
        }
        match self.translated(output, value, pos) {
            Ok(value) => Ok(value),
            Err(_) => {
                let message = format!(
                    "translator for args[{index}] from {} to {} is not defined",
                    self.name_of(native),
                    self.name_of(output)
                );
                Err(self.error(Tag::ArgsXlator, pos, message))
            }
        }
    }

    fn comma(&mut self, list: &[ast::Expr], pos: Pos) -> Result<Expr> {
        let mut result = Vec::with_capacity(list.len());
        for expr in list {
            if self.is_action(expr) {
                return Err(self.error(Tag::OpAct, pos, "operator , operands cannot be actions"));
            }
            result.push(self.expr(expr)?);
        }
        let (ty, user) =
            result.last().map_or((self.types.intrinsics().void, false), |last| (last.ty, last.user));
        Ok(Expr { pos, ty, user, kind: ExprKind::Comma(result) })
    }

    fn cast(&mut self, name: &ast::TypeName, operand: &ast::Expr, pos: Pos) -> Result<Expr> {
        let ty = self.type_name(name)?;
        let mut operand = self.expr(operand)?;
        operand.user |= name.specifiers.qualifiers.userland;
        let types = self.types;
        let scalar = |ty| types.is_integer(ty) || types.is_pointer(ty);
        let from = operand.ty;
        let valid = match types.base(ty) {
            Kind::Void => true,
            _ if types.is_void(from) || types.is_dynamic(from) => false,
            Kind::String => scalar(from) || types.is_string(from) || types.is_string_compatible(from),
            Kind::Pointer(_) => scalar(from) || types.is_array(from),
            Kind::Integer { .. } | Kind::Enum(_) => scalar(from) || matches!(types.base(from), Kind::SymAddr),
            Kind::Float { .. } => types.is_float(from),
            Kind::Struct(_) | Kind::Union(_) => types.same(ty, from),
            _ => false,
        };
        if !valid {
            let message =
                format!("invalid cast expression: \"{}\" to \"{}\"", self.name_of(from), self.name_of(ty));
            return Err(self.error(Tag::CastInval, pos, message));
        }
        let user = operand.user;
        Ok(match operand.kind {
            // What overflowed where it was folded is cut here, whatever its type.
            ExprKind::Int(value) => Expr { pos, ty, user, kind: ExprKind::Int(self.fit(value, ty)) },
            // Even a cast to the same type makes a value of a place.
            _ if types.is_string(ty) && !types.is_string(from) => {
                Expr { pos, ty, user, kind: ExprKind::ToString(Box::new(operand)) }
            }
            _ if types.is_array(from) => Expr { pos, ty, user, kind: ExprKind::Decay(Box::new(operand)) },
            _ => Expr { pos, ty, user, kind: ExprKind::Convert(Box::new(operand)) },
        })
    }

    fn size_of(&mut self, ty: TypeId, pos: Pos) -> Result<Expr> {
        let size = match self.types.base(ty) {
            Kind::String => Some(self.env.string_size()),
            Kind::Stack | Kind::SymAddr | Kind::UserSymAddr => None,
            _ => self.types.size(ty).filter(|size| *size > 0),
        };
        let Some(size) = size else {
            let message = "cannot apply sizeof to an operand of unknown size";
            return Err(self.error(Tag::SizeofType, pos, message));
        };
        Ok(self.constant(pos, size, self.types.intrinsics().size))
    }

    fn sizeof_expr(&mut self, operand: &ast::Expr, pos: Pos) -> Result<Expr> {
        // The operand is not evaluated: an action in it is nothing but void.
        let pending = self.pending.take();
        let operand = self.expr(operand)?;
        self.pending = pending;
        if let ExprKind::Member { bits: Some(_), .. } = operand.kind {
            return Err(self.error(Tag::SizeofBitfield, pos, "cannot apply sizeof to a bit-field"));
        }
        if let ExprKind::Str(bytes) = &operand.kind {
            return Ok(self.constant(pos, bytes.len() as u64 + 1, self.types.intrinsics().size));
        }
        self.size_of(operand.ty, pos)
    }

    fn stringof(&mut self, operand: &ast::Expr, pos: Pos) -> Result<Expr> {
        let operand = self.expr(operand)?;
        let ty = self.types.intrinsics().string;
        let user = operand.user;
        match self.types.base(operand.ty) {
            Kind::String => Ok(operand),
            Kind::Integer { .. } | Kind::Enum(_) | Kind::Pointer(_) | Kind::Array { .. } => {
                Ok(Expr { pos, ty, user, kind: ExprKind::ToString(Box::new(operand)) })
            }
            _ => {
                let message =
                    format!("cannot apply stringof to a value of type {}", self.name_of(operand.ty));
                Err(self.error(Tag::StringofType, pos, message))
            }
        }
    }

    fn offsetof(&mut self, name: &ast::TypeName, member: &str, pos: Pos) -> Result<Expr> {
        let ty = self.type_name(name)?;
        if !self.types.is_struct_or_union(ty) {
            return Err(self.error(
                Tag::OffsetofType,
                pos,
                "offsetof operand must be a struct or union type",
            ));
        }
        let Some(found) = self.types.member(ty, member) else {
            let message = format!("failed to determine offset of {member}: Invalid member name");
            return Err(self.error(Tag::Unknown, pos, message));
        };
        if found.member.bit_width.is_some() {
            let message = format!("cannot take offset of a bit-field: {member}");
            return Err(self.error(Tag::OffsetofBitfield, pos, message));
        }
        Ok(self.constant(pos, found.bit_offset / 8, self.types.intrinsics().size))
    }
}

/// A name as the program wrote it.
fn scoped(name: &Name) -> String {
    match &name.scope {
        Scope::Default => name.name.to_string(),
        Scope::Thread => format!("self->{}", name.name),
        Scope::Clause => format!("this->{}", name.name),
        Scope::Module(module) => format!("{module}`{}", name.name),
    }
}
