//! Calls of functions, and the checks of arguments against prototypes.

use std::rc::Rc;

use super::super::ast::{self, ExprKind as Ast, Name, Pos, Scope};
use super::super::typed::{Expr, ExprKind};
use super::builtin::{self, ActionKind, BuiltinFunction, FunctionKind};
use super::ident::{Global, Inline};
use super::inline::Value;
use super::{Checker, Result, Tag};
use crate::types::TypeId;

/// The functions that libraries define.
const LIBRARY: &[&str] = &["getf"];

impl Checker<'_> {
    /// The built-in function that an expression calls, if it is a call of one.
    pub(super) fn called(&self, expr: &ast::Expr) -> Option<&'static BuiltinFunction> {
        let Ast::Call(function, _) = &expr.kind else { return None };
        let Ast::Name(Name { scope: Scope::Default, name }) = &function.kind else { return None };
        if self.identifiers.is_taken(name) { None } else { self.builtin_function(name) }
    }

    /// Whether an expression calls an action.
    pub(super) fn is_action(&self, expr: &ast::Expr) -> bool {
        self.called(expr).is_some_and(|function| matches!(function.kind, FunctionKind::Action(_)))
    }

    /// The function that is called.
    fn callee(&self, function: &ast::Expr, pos: Pos) -> Result<&'static BuiltinFunction> {
        let Ast::Name(name) = &function.kind else {
            unreachable!("the parser makes calls of names only");
        };
        let Name { scope, name } = name;
        let undefined = || self.error(Tag::FuncUndef, pos, format!("undefined function name: {name}"));
        match scope {
            Scope::Default => {}
            Scope::Module(module) => {
                let message = format!("undefined function name: {module}`{name}");
                return Err(self.error(Tag::FuncUndef, pos, message));
            }
            Scope::Thread | Scope::Clause => unreachable!("the parser makes calls of names only"),
        }
        if matches!(&**name, "self" | "this") {
            let message = format!("pointer '{name}' may not be referenced as a function");
            return Err(self.error(Tag::FuncIdkind, pos, message));
        }
        let other = match self.identifiers.globals.get(name) {
            Some(Global::Variable(variable)) if variable.keys.is_some() => Some("associative array"),
            Some(Global::Variable(_)) => Some("scalar"),
            Some(Global::Inline(_)) => Some("inline"),
            Some(Global::Constant { .. }) => Some("enumeration constant"),
            None => {
                self.builtin_variable(name).map(|var| if var.array { "associative array" } else { "scalar" })
            }
        };
        if let Some(what) = other {
            let message = format!("{what} '{name}' may not be referenced as a function");
            return Err(self.error(Tag::FuncIdkind, pos, message));
        }
        self.builtin_function(name).ok_or_else(undefined)
    }

    /// The inline that stands behind a function which D has and the device does not: a library defines it where what it needs
    /// is there.
    pub(super) fn library_function(&self, function: &ast::Expr) -> Option<Rc<Inline>> {
        let Ast::Name(Name { scope: Scope::Default, name }) = &function.kind else { return None };
        match self.identifiers.globals.get(name) {
            Some(Global::Inline(inline)) if LIBRARY.contains(&&**name) && inline.params.is_some() => {
                Some(inline.clone())
            }
            _ => None,
        }
    }

    /// A call of such a function.
    pub(super) fn call_inline(&mut self, inline: &Rc<Inline>, args: &[ast::Expr], pos: Pos) -> Result<Value> {
        let name = inline.name.clone();
        let params: Vec<TypeId> = inline.params.iter().flatten().map(|(_, ty)| *ty).collect();
        if args.len() != params.len() {
            let (passed, plural) = (args.len(), if args.len() == 1 { "" } else { "s" });
            let message = format!(
                "{name}( ) prototype mismatch: {passed} arg{plural} passed, {} expected",
                params.len()
            );
            return Err(self.error(Tag::ProtoLen, pos, message));
        }
        let mut values = Vec::with_capacity(args.len());
        for (n, (arg, &param)) in args.iter().zip(&params).enumerate() {
            let value = self.expr(arg)?;
            if !self.assignable(param, &value) {
                let message = format!(
                    "{name}( ) argument #{} is incompatible with prototype:\n\tprototype: {}\n\t argument: {}",
                    n + 1,
                    self.name_of(param),
                    self.name_of(value.ty)
                );
                return Err(self.error(Tag::ProtoArg, pos, message));
            }
            values.push(self.convert(value, param));
        }
        self.expand_inline(inline, values, pos)
    }

    /// A call within an expression.
    pub(super) fn call(&mut self, function: &ast::Expr, args: &[ast::Expr], pos: Pos) -> Result<Expr> {
        let function = self.callee(function, pos)?;
        let ty = builtin::type_named(self.types, function.ret);
        match function.kind {
            FunctionKind::Subroutine { number, destructive } => {
                self.uses_name(function.name);
                let args = self.arguments(function, args, pos)?;
                self.order.destructive |= destructive;
                let subr = u16::try_from(number).unwrap_or(u16::MAX);
                Ok(Expr { pos, ty, user: false, kind: ExprKind::Call { subr, args } })
            }
            FunctionKind::Action(kind) => {
                match kind {
                    // What it would print is of no matter where it cannot be.
                    ActionKind::Printf | ActionKind::System | ActionKind::Freopen => {
                        for arg in args {
                            self.expr(arg)?;
                        }
                    }
                    _ => drop(self.action(function, kind, args, pos)?),
                }
                let message = format!(
                    "tracing function {}( ) may not be called from a D expression (D program context required)",
                    function.name
                );
                let error = self.error(Tag::CgExpr, pos, message);
                self.pending.get_or_insert(error);
                Ok(Expr { pos, ty, user: false, kind: ExprKind::Int(0) })
            }
            FunctionKind::Aggregating(kind) => {
                self.aggregation_arguments(kind, function.name, args, None, pos)?;
                Ok(self.dynamic(pos, "aggregating function"))
            }
        }
    }

    /// A value of no static type: it may stand nowhere, but a better message may come first.
    pub(super) fn dynamic(&mut self, pos: Pos, what: &'static str) -> Expr {
        self.dynamic_name = what;
        let error = self.error(Tag::CgDyn, pos, "expression cannot evaluate to result of dynamic type");
        self.pending.get_or_insert(error);
        Expr { pos, ty: self.types.intrinsics().dynamic, user: false, kind: ExprKind::Int(0) }
    }

    /// The arguments that the prototype tells of, checked and converted. What stands behind a `...` is left alone.
    pub(super) fn arguments(
        &mut self,
        function: &'static BuiltinFunction,
        args: &[ast::Expr],
        pos: Pos,
    ) -> Result<Vec<Expr>> {
        let varargs = function.params.last() == Some(&"...");
        let fixed = function.params.len() - usize::from(varargs);
        if args.len() < function.required || !varargs && args.len() > fixed {
            let at_least = if function.required < fixed { "at least " } else { "" };
            let message = format!(
                "{}( ) prototype mismatch: {} arg{} passed, {at_least}{} expected",
                function.name,
                args.len(),
                if args.len() == 1 { "" } else { "s" },
                function.required
            );
            return Err(self.error(Tag::ProtoLen, pos, message));
        }
        let mut result = Vec::with_capacity(args.len());
        for (i, (arg, &param)) in args.iter().zip(&function.params[..fixed]).enumerate() {
            let value = self.expr(arg)?;
            if param == "@" {
                result.push(value);
                continue;
            }
            // An address of the network may have any type of its size, because every system calls it something else.
            let (ty, size) = match param {
                "ipaddr_t *" => (self.types.intrinsics().void_pointer, Some(4)),
                "in6_addr_t *" => (self.types.intrinsics().void_pointer, Some(16)),
                _ => (builtin::type_named(self.types, param), None),
            };
            let target = self.types.element(value.ty).and_then(|target| self.types.size(target));
            let fits = size.is_none() || target.is_none() || target == Some(0) || target == size;
            if !fits || !self.passable(ty, &value) {
                let message = format!(
                    "{}( ) argument #{} is incompatible with prototype:\n\tprototype: {}\n\t argument: {}",
                    function.name,
                    i + 1,
                    if size.is_some() { param.to_owned() } else { self.name_of(ty) },
                    self.name_of(value.ty)
                );
                return Err(self.error(Tag::ProtoArg, pos, message));
            }
            // A string stays one where its characters are wanted.
            result.push(if self.types.is_string(value.ty) { value } else { self.convert(value, ty) });
        }
        Ok(result)
    }

    /// Whether a value may be passed for a parameter: as it may be assigned, and an address may be passed as an integer
    /// that holds one, a string where memory is wanted.
    fn passable(&self, ty: TypeId, value: &Expr) -> bool {
        let address = self.types.same(ty, self.types.intrinsics().uintptr);
        let memory = self.types.element(ty).is_some_and(|to| self.types.is_void(to));
        self.assignable(ty, value)
            || address && (self.types.is_pointer(value.ty) || self.types.is_array(value.ty))
            || memory && self.types.is_string(value.ty)
    }
}
