//! Members of structures and unions, and elements of plain arrays.

use super::super::ast::{self, BinaryOp, Pos};
use super::super::typed::{BitField, Expr, ExprKind};
use super::inline::Value;
use super::{Checker, KERNEL, Result, Tag};
use crate::types::{Container, Kind};

impl Checker<'_> {
    /// `base.member` or `base->member`
    pub(super) fn member(&mut self, base: &ast::Expr, member: &str, arrow: bool, pos: Pos) -> Result<Value> {
        let base = match self.value(base)? {
            Value::Translated(translated) => return self.translated_member(&translated, member, arrow, pos),
            Value::Plain(base) => base,
        };
        self.member_of(base, member, arrow, pos).map(Value::Plain)
    }

    /// The member of a checked operand.
    pub(super) fn member_of(&mut self, base: Expr, member: &str, arrow: bool, pos: Pos) -> Result<Expr> {
        let op = if arrow { "->" } else { "." };
        let base = if arrow {
            let Kind::Pointer(target) = self.types.base(self.decayed(&base)) else {
                return Err(self.error(Tag::OpPtr, pos, "operator -> must be applied to a pointer"));
            };
            let user = base.user;
            let base = if self.types.is_array(base.ty) { self.decay(base) } else { base };
            match base.kind {
                // (&x)->m is x.m
                ExprKind::AddressOf(inner) => *inner,
                _ => Expr { pos, ty: target, user, kind: ExprKind::Deref(Box::new(base)) },
            }
        } else {
            base
        };
        match self.types.base(base.ty) {
            Kind::Struct(_) | Kind::Union(_) => {}
            Kind::Forward { .. } => {
                let name = self.name_of(self.types.resolve(base.ty));
                let message = format!(
                    "operator {op} cannot be applied to a forward declaration: no {name} definition is available"
                );
                return Err(self.error(Tag::OpIncomplete, pos, message));
            }
            _ => {
                let mut shown = self.name_of(self.types.resolve(base.ty));
                if arrow {
                    shown = self.name_of(self.types.pointer_to(base.ty));
                }
                let message = format!(
                    "operator {op} cannot be applied to type \"{shown}\"; must be applied to a struct or union"
                );
                return Err(self.error(Tag::OpSou, pos, message));
            }
        }
        let Some(found) = self.types.member(base.ty, member) else {
            let message =
                format!("{member} is not a member of {}", self.name_of(self.types.resolve(base.ty)));
            return Err(self.error(Tag::TypeMember, pos, message));
        };
        if matches!(self.types.container(self.types.resolve(base.ty)), Container::Kernel(_)) {
            self.uses(KERNEL);
        }
        let ty = found.member.ty;
        let user = base.user;
        // A bit-field is reached through the unit of its declared type that holds it.
        let (offset, bits) = match found.member.bit_width {
            None => (found.bit_offset / 8, None),
            Some(width) => {
                let unit = self.types.size(ty).unwrap_or(8).max(1) * 8;
                let start = found.bit_offset / unit * unit;
                let offset = u32::try_from(found.bit_offset - start).unwrap_or(0);
                (start / 8, Some(BitField { offset, width }))
            }
        };
        Ok(Expr { pos, ty, user, kind: ExprKind::Member { base: Box::new(base), offset, bits } })
    }

    /// The type of an operand once an array has decayed.
    fn decayed(&self, expr: &Expr) -> crate::types::TypeId {
        match self.types.base(expr.ty) {
            Kind::Array { elem, .. } => self.types.pointer_to(elem),
            _ => expr.ty,
        }
    }

    /// The address of an element of an array, a string or of what a pointer points to.
    pub(super) fn element_address(&mut self, base: Expr, key: Expr, pos: Pos) -> Result<Expr> {
        self.binary_values(BinaryOp::Add, base, key, pos)
    }
}
