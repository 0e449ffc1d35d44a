//! Conversions between types, and constants.

use super::super::typed::{Expr, ExprKind};
use super::Checker;
use crate::types::{Kind, TypeId};

impl Checker<'_> {
    /// A constant cut to the width of a type and extended by its signedness.
    pub(super) fn fit(&self, value: u64, ty: TypeId) -> u64 {
        match self.types.int_format(ty) {
            Some(format) if format.bits < 64 => {
                let unused = 64 - format.bits;
                if format.signed {
                    ((value << unused) as i64 >> unused) as u64
                } else {
                    value << unused >> unused
                }
            }
            _ => value,
        }
    }

    /// The value of an integer constant.
    pub(super) fn constant_of(&self, expr: &Expr) -> Option<u64> {
        match expr.kind {
            ExprKind::Int(value) if self.types.is_integer(expr.ty) => Some(value),
            _ => None,
        }
    }

    /// Whether it is a null pointer constant of C, which stands for no pointer and no string: 0, or `(void *)0`.
    pub(super) fn is_null(&self, expr: &Expr) -> bool {
        let void = || self.types.element(expr.ty).is_some_and(|to| self.types.is_void(to));
        matches!(expr.kind, ExprKind::Int(0))
            && (self.types.is_integer(expr.ty) || self.types.is_pointer(expr.ty) && void())
    }

    /// The expression as one of another type. The caller has checked that it can be.
    pub(super) fn convert(&self, expr: Expr, ty: TypeId) -> Expr {
        if expr.ty == ty {
            return expr;
        }
        let (pos, user) = (expr.pos, expr.user);
        if let ExprKind::Int(value) = expr.kind {
            return Expr { pos, ty, user, kind: ExprKind::Int(self.fit(value, ty)) };
        }
        let kind = match (self.types.base(ty), self.types.base(expr.ty)) {
            (Kind::String, Kind::String) => return Expr { ty, ..expr },
            (Kind::String, _) => ExprKind::ToString(Box::new(expr)),
            (Kind::Pointer(_), Kind::Array { .. }) => ExprKind::Decay(Box::new(expr)),
            _ => ExprKind::Convert(Box::new(expr)),
        };
        Expr { pos, ty, user, kind }
    }

    /// An array as a pointer to its first element, and a string as a pointer to its first character; anything else as it
    /// is.
    pub(super) fn decay(&self, expr: Expr) -> Expr {
        match self.types.base(expr.ty) {
            Kind::Array { elem, .. } => {
                let ty = self.types.pointer_to(elem);
                Expr { pos: expr.pos, user: expr.user, ty, kind: ExprKind::Decay(Box::new(expr)) }
            }
            Kind::String => {
                let ty = self.types.pointer_to(self.types.intrinsics().char);
                Expr { pos: expr.pos, user: expr.user, ty, kind: ExprKind::Convert(Box::new(expr)) }
            }
            _ => expr,
        }
    }

    /// C's integer promotion of a type: what is narrower than `int` becomes `int`.
    pub(super) fn promote(&self, ty: TypeId) -> TypeId {
        let int = self.types.intrinsics().int;
        match self.types.base(ty) {
            Kind::Integer { format, .. } if format.bits < 32 => int,
            Kind::Enum(e) if e.size < 8 => {
                if e.signed {
                    int
                } else {
                    self.types.intrinsics().unsigned_int
                }
            }
            Kind::Enum(e) => {
                if e.signed {
                    self.types.intrinsics().int64
                } else {
                    self.types.intrinsics().uint64
                }
            }
            _ => ty,
        }
    }

    /// The type in which an operator works on two integers: C's usual arithmetic conversions. Of two types that do not
    /// differ, the left one gives the name.
    pub(super) fn common(&self, left: TypeId, right: TypeId) -> TypeId {
        let (left, right) = (self.promote(left), self.promote(right));
        let (Some(l), Some(r)) = (self.types.int_format(left), self.types.int_format(right)) else {
            return left;
        };
        if l.bits != r.bits {
            return if l.bits > r.bits { left } else { right };
        }
        // A plain int or long takes the name of what it is combined with: `1 + pid` is a pid_t.
        let plain = |ty| matches!(self.types.kind(ty), Kind::Integer { .. });
        match (l.signed, r.signed) {
            (true, false) => right,
            (true, true) | (false, false) if plain(left) && !plain(right) => right,
            _ => left,
        }
    }

    /// Whether `value` may be assigned to an object of type `ty` without a cast.
    pub(super) fn assignable(&self, ty: TypeId, value: &Expr) -> bool {
        let types = self.types;
        if types.is_void(ty) || types.is_void(value.ty) || types.is_dynamic(ty) || types.is_dynamic(value.ty)
        {
            return false;
        }
        if types.is_integer(ty) && types.is_integer(value.ty) {
            return true;
        }
        if types.is_float(ty) || types.is_float(value.ty) {
            return types.same(ty, value.ty);
        }
        if (types.is_pointer(ty) || types.is_string(ty)) && self.is_null(value) {
            return true;
        }
        // Memory of no type may hold a string.
        if types.is_string(ty) && types.element(value.ty).is_some_and(|to| types.is_void(to)) {
            return true;
        }
        if types.is_string(ty) || types.is_string(value.ty) {
            return types.is_string_compatible(ty) && types.is_string_compatible(value.ty);
        }
        if types.is_pointer(ty) {
            return (types.is_pointer(value.ty) || types.is_array(value.ty))
                && self.pointers_match(ty, value.ty);
        }
        !types.is_array(ty) && types.same(ty, value.ty)
    }

    /// Whether two pointers (or arrays) may meet: to the same type, or one of them to void.
    pub(super) fn pointers_match(&self, a: TypeId, b: TypeId) -> bool {
        match (self.types.element(a), self.types.element(b)) {
            (Some(a), Some(b)) => self.types.is_void(a) || self.types.is_void(b) || self.types.same(a, b),
            _ => false,
        }
    }

    /// Whether a place may be written: what a program's own variable holds or points to, but not what a cast made.
    pub(super) fn is_writable(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Var(var) => var.id >= super::ident::FIRST_VARIABLE,
            ExprKind::Element(..) => true,
            ExprKind::Deref(inner) | ExprKind::Member { base: inner, .. } | ExprKind::Decay(inner) => {
                self.is_writable(inner)
            }
            // A string as a pointer to its characters.
            ExprKind::Convert(inner) => self.types.is_string(inner.ty) && self.is_writable(inner),
            // So many characters into a string.
            ExprKind::ToString(inner)
                if matches!(inner.kind, ExprKind::Binary(..) | ExprKind::Convert(_)) =>
            {
                self.is_writable(inner)
            }
            ExprKind::Binary(_, left, right) => self.is_writable(left) || self.is_writable(right),
            ExprKind::Step { target, .. } => self.is_writable(target),
            ExprKind::Assign(target, _) | ExprKind::AssignOp { target, .. } => self.is_writable(target),
            _ => false,
        }
    }

    /// Whether the expression is a place.
    pub(super) fn is_place(&self, expr: &Expr) -> bool {
        matches!(
            expr.kind,
            ExprKind::Var(_)
                | ExprKind::Builtin(..)
                | ExprKind::Element(..)
                | ExprKind::Deref(_)
                | ExprKind::Member { .. }
        )
    }
}
