//! Operators.

use super::super::ast::{self, BinaryOp, Pos, UnaryOp};
use super::super::typed::{Expr, ExprKind};
use super::{Checker, Result, Tag};
use crate::types::{Kind, TypeId};

impl Checker<'_> {
    pub(super) fn unary(&mut self, op: UnaryOp, operand: &ast::Expr, pos: Pos) -> Result<Expr> {
        match op {
            UnaryOp::PreInc | UnaryOp::PreDec | UnaryOp::PostInc | UnaryOp::PostDec => {
                self.step(op, operand, pos)
            }
            UnaryOp::AddressOf => self.address_of(operand, pos),
            UnaryOp::Deref => {
                unreachable!("what a pointer points to may be the result of a translator: `value`")
            }
            UnaryOp::Plus | UnaryOp::Minus | UnaryOp::BitNot => {
                let operand = self.expr(operand)?;
                let bits = op == UnaryOp::BitNot;
                if bits && !self.types.is_integer(operand.ty) {
                    let message = "operator ~ requires an operand of integral type";
                    return Err(self.error(Tag::OpInt, pos, message));
                }
                // There is no arithmetic of floating-point values in the kernel.
                if !self.types.is_integer(operand.ty) {
                    let message = format!("operator {} requires an operand of arithmetic type", op.text());
                    return Err(self.error(Tag::OpArith, pos, message));
                }
                let ty = self.promote(operand.ty);
                let operand = self.convert(operand, ty);
                let kind = match (op, &operand.kind) {
                    (UnaryOp::Plus, _) => {
                        // The operand as a value: no longer a place.
                        return Ok(if self.is_place(&operand) {
                            Expr { pos, ty, user: operand.user, kind: ExprKind::Convert(Box::new(operand)) }
                        } else {
                            operand
                        });
                    }
                    (UnaryOp::Minus, ExprKind::Int(value)) => {
                        return Ok(self.folded(pos, value.wrapping_neg(), ty));
                    }
                    (UnaryOp::BitNot, ExprKind::Int(value)) => return Ok(self.folded(pos, !value, ty)),
                    (UnaryOp::Minus, _) => ExprKind::Neg(Box::new(operand)),
                    _ => ExprKind::BitNot(Box::new(operand)),
                };
                Ok(Expr { pos, ty, user: false, kind })
            }
            UnaryOp::Not => {
                let operand = self.expr(operand)?;
                if !self.types.is_scalar(operand.ty) {
                    return Err(self.error(
                        Tag::OpScalar,
                        pos,
                        "operator ! requires an operand of scalar type",
                    ));
                }
                if let ExprKind::Int(value) = operand.kind {
                    return Ok(self.int(pos, i64::from(value == 0)));
                }
                let ty = self.types.intrinsics().int;
                Ok(Expr { pos, ty, user: false, kind: ExprKind::Not(Box::new(operand)) })
            }
        }
    }

    /// What a pointer, an array or a string points to.
    pub(super) fn deref(&mut self, operand: Expr, pos: Pos) -> Result<Expr> {
        let operand = self.decay(operand);
        let Kind::Pointer(target) = self.types.base(operand.ty) else {
            return Err(self.error(Tag::DerefNonptr, pos, "cannot dereference non-pointer type"));
        };
        match self.types.base(target) {
            Kind::Void => return Err(self.error(Tag::DerefVoid, pos, "cannot dereference pointer to void")),
            Kind::Function(_) => {
                return Err(self.error(Tag::DerefFunc, pos, "cannot dereference pointer to function"));
            }
            _ => {}
        }
        let user = operand.user;
        // *&x is x.
        if let ExprKind::AddressOf(inner) = operand.kind {
            return Ok(Expr { ty: target, ..*inner });
        }
        Ok(Expr { pos, ty: target, user, kind: ExprKind::Deref(Box::new(operand)) })
    }

    fn address_of(&mut self, operand: &ast::Expr, pos: Pos) -> Result<Expr> {
        // The address of a symbol needs no type.
        if let ast::ExprKind::Name(ast::Name { scope: ast::Scope::Module(module), name }) = &operand.kind {
            return self.symbol_address(module, name, pos);
        }
        let operand = self.expr(operand)?;
        let ty = self.types.pointer_to(operand.ty);
        let user = operand.user;
        match operand.kind {
            ExprKind::Member { bits: Some(_), .. } => {
                Err(self.error(Tag::AddrofBitfield, pos, "cannot take address of bit-field"))
            }
            // &*p is p.
            ExprKind::Deref(pointer) => Ok(Expr { pos, ty, user, kind: ExprKind::Convert(pointer) }),
            ExprKind::Member { .. } => {
                Ok(Expr { pos, ty, user, kind: ExprKind::AddressOf(Box::new(operand)) })
            }
            ExprKind::Var(_) | ExprKind::Builtin(..) | ExprKind::Element(..) => {
                Err(self.error(Tag::AddrofVar, pos, "cannot take address of dynamic variable"))
            }
            _ if self.types.is_dynamic(operand.ty) => {
                Err(self.error(Tag::AddrofVar, pos, "cannot take address of dynamic variable"))
            }
            // An inline is written like a variable and is none.
            ExprKind::Convert(inner) if self.is_place(&inner) => {
                Err(self.error(Tag::AddrofVar, pos, "cannot take address of dynamic variable"))
            }
            _ => Err(self.error(Tag::AddrofLval, pos, "unacceptable operand for unary & operator")),
        }
    }

    fn step(&mut self, op: UnaryOp, operand: &ast::Expr, pos: Pos) -> Result<Expr> {
        let text = op.text();
        let int64 = self.types.intrinsics().int64;
        let target = self.target(operand, &mut |_| Ok(int64))?;
        if !self.is_place(&target) {
            let message = format!("operator {text} requires modifiable lvalue as an operand");
            return Err(self.error(Tag::OpLval, pos, message));
        }
        if !self.is_writable(&target) {
            let message = format!("operator {text} can only be applied to a writable variable");
            return Err(self.error(Tag::OpWrite, pos, message));
        }
        let size = match self.types.base(target.ty) {
            Kind::Integer { .. } | Kind::Enum(_) => 1,
            Kind::Pointer(to) => match self.types.size(to) {
                Some(size) if size > 0 => size,
                _ => {
                    let message = format!("operator {text} requires an operand of known size");
                    return Err(self.error(Tag::OpVfptr, pos, message));
                }
            },
            _ => {
                let message = format!("operator {text} requires operand of scalar type");
                return Err(self.error(Tag::OpScalar, pos, message));
            }
        };
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let delta = if matches!(op, UnaryOp::PreInc | UnaryOp::PostInc) { size } else { -size };
        let post = matches!(op, UnaryOp::PostInc | UnaryOp::PostDec);
        let (ty, user) = (target.ty, target.user);
        Ok(Expr { pos, ty, user, kind: ExprKind::Step { target: Box::new(target), delta, post } })
    }

    fn incompatible(&self, pos: Pos, left: TypeId, op: &str, right: TypeId) -> super::Error {
        let (left, right) = (self.name_of(left), self.name_of(right));
        self.error(
            Tag::OpIncompat,
            pos,
            format!("operands have incompatible types: \"{left}\" {op} \"{right}\""),
        )
    }

    /// Operators with two operands. A chain of them leans to the left; it is walked in a loop.
    pub(super) fn binary_chain(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let mut spine = Vec::new();
        let mut leftmost = expr;
        while let ast::ExprKind::Binary(op, left, right) = &leftmost.kind {
            spine.push((*op, &**right, leftmost.pos));
            leftmost = left;
        }
        // Each operator but the outermost stands below those behind it.
        let mut above = spine.len();
        let mut checked = None;
        let mut result =
            match (self.below(above, leftmost.pos, |checker| checker.expr(leftmost)), spine.last()) {
                (Err(fault), Some((_, right, _))) => {
                    let right = self.below(above, right.pos, |checker| checker.expr(right));
                    let right = right.map_err(|_| fault.clone())?;
                    let constant = self.enumerator(leftmost, right.ty).ok_or(fault)?;
                    checked = Some(right);
                    constant
                }
                (result, _) => result?,
            };
        for (op, right, pos) in spine.into_iter().rev() {
            let right = match checked.take() {
                Some(right) => right,
                None => match self.below(above, right.pos, |checker| checker.expr(right)) {
                    Err(fault) => self.enumerator(right, result.ty).ok_or(fault)?,
                    Ok(right) => right,
                },
            };
            result = self.binary_values(op, result, right, pos)?;
            above -= 1;
        }
        Ok(result)
    }

    /// A name that means nothing by itself, as the constant of the enumeration that the other operand has: constants of the
    /// kernel's enumerations are known where they can be meant.
    fn enumerator(&self, name: &ast::Expr, enumeration: TypeId) -> Option<Expr> {
        let ast::ExprKind::Name(ast::Name { scope: ast::Scope::Default, name: wanted }) = &name.kind else {
            return None;
        };
        let Kind::Enum(e) = self.types.base(enumeration) else { return None };
        let (_, value) = e.values.iter().find(|(name, _)| name == wanted)?;
        Some(self.constant(name.pos, value.cast_unsigned(), enumeration))
    }

    /// An operator with two checked operands.
    pub(super) fn binary_values(&mut self, op: BinaryOp, left: Expr, right: Expr, pos: Pos) -> Result<Expr> {
        match op {
            BinaryOp::Mul | BinaryOp::Div => {
                if !self.types.is_integer(left.ty) || !self.types.is_integer(right.ty) {
                    let message = format!("operator {} requires operands of arithmetic type", op.text());
                    return Err(self.error(Tag::OpArith, pos, message));
                }
                self.arithmetic(op, left, right, pos)
            }
            BinaryOp::Mod
            | BinaryOp::BitAnd
            | BinaryOp::BitOr
            | BinaryOp::BitXor
            | BinaryOp::Shl
            | BinaryOp::Shr => {
                if !self.types.is_integer(left.ty) || !self.types.is_integer(right.ty) {
                    let message = format!("operator {} requires operands of integral type", op.text());
                    return Err(self.error(Tag::OpInt, pos, message));
                }
                self.arithmetic(op, left, right, pos)
            }
            BinaryOp::Add | BinaryOp::Sub => self.additive(op, left, right, pos),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Eq | BinaryOp::Ne => {
                self.comparison(op, left, right, pos)
            }
            BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {
                if !self.types.is_scalar(left.ty) || !self.types.is_scalar(right.ty) {
                    let message = format!("operator {} requires operands of scalar type", op.text());
                    return Err(self.error(Tag::OpScalar, pos, message));
                }
                if let (ExprKind::Int(l), ExprKind::Int(r)) = (&left.kind, &right.kind) {
                    let (l, r) = (*l != 0, *r != 0);
                    let value = match op {
                        BinaryOp::And => l && r,
                        BinaryOp::Or => l || r,
                        _ => l != r,
                    };
                    return Ok(self.int(pos, i64::from(value)));
                }
                let kind = ExprKind::Logical(op, Box::new(left), Box::new(right));
                Ok(Expr { pos, ty: self.types.intrinsics().int, user: false, kind })
            }
        }
    }

    /// What constants make. Signed ones keep what C says overflows, as they do in the registers of the device: `1 << 63` is
    /// cut when it is stored to an `int`, and not before.
    fn folded(&self, pos: Pos, value: u64, ty: TypeId) -> Expr {
        if self.types.int_format(ty).is_some_and(|format| format.signed) {
            return Expr { pos, ty, user: false, kind: ExprKind::Int(value) };
        }
        self.constant(pos, value, ty)
    }

    /// An operator on two integers.
    fn arithmetic(&mut self, op: BinaryOp, left: Expr, right: Expr, pos: Pos) -> Result<Expr> {
        let shift = matches!(op, BinaryOp::Shl | BinaryOp::Shr);
        // The type of a shift is that of its left operand alone.
        let ty = if shift { self.promote(left.ty) } else { self.common(left.ty, right.ty) };
        let left = self.convert(left, ty);
        let right = if shift {
            let ty = self.promote(right.ty);
            self.convert(right, ty)
        } else {
            self.convert(right, ty)
        };
        if matches!(op, BinaryOp::Div | BinaryOp::Mod) && matches!(right.kind, ExprKind::Int(0)) {
            return Err(self.error(Tag::DivZero, pos, "expression contains division by zero"));
        }
        if let (ExprKind::Int(l), ExprKind::Int(r)) = (&left.kind, &right.kind) {
            let signed = self.types.int_format(ty).is_none_or(|f| f.signed);
            return Ok(self.folded(pos, fold(op, *l, *r, signed), ty));
        }
        Ok(Expr { pos, ty, user: false, kind: ExprKind::Binary(op, Box::new(left), Box::new(right)) })
    }

    /// Addition and subtraction, of pointers too.
    fn additive(&mut self, op: BinaryOp, left: Expr, right: Expr, pos: Pos) -> Result<Expr> {
        if self.types.is_integer(left.ty) && self.types.is_integer(right.ty) {
            return self.arithmetic(op, left, right, pos);
        }
        let incompatible = self.incompatible(pos, left.ty, op.text(), right.ty);
        // What is so many characters into a string is a string too.
        if self.types.is_string(left.ty) && self.types.is_integer(right.ty)
            || op == BinaryOp::Add && self.types.is_integer(left.ty) && self.types.is_string(right.ty)
        {
            let (left, right) = (self.decay(left), self.decay(right));
            let rest = self.additive(op, left, right, pos)?;
            return Ok(self.convert(rest, self.types.intrinsics().string));
        }
        let (left, right) = (self.decay(left), self.decay(right));
        let element = |ty: TypeId| match self.types.base(ty) {
            Kind::Pointer(to) => self.types.size(to).filter(|size| *size > 0).map(|size| (to, size)),
            _ => None,
        };
        match (element(left.ty), element(right.ty)) {
            (Some((a, size)), Some((b, _))) if op == BinaryOp::Sub && self.types.same(a, b) => {
                let ty = self.types.lookup_intrinsic("ptrdiff_t").unwrap_or(self.types.intrinsics().long);
                let kind = ExprKind::Binary(BinaryOp::Sub, Box::new(left), Box::new(right));
                let bytes = Expr { pos, ty, user: false, kind };
                if size == 1 {
                    return Ok(bytes);
                }
                let size = self.constant(pos, size, ty);
                Ok(Expr {
                    pos,
                    ty,
                    user: false,
                    kind: ExprKind::Binary(BinaryOp::Div, Box::new(bytes), Box::new(size)),
                })
            }
            (Some((_, size)), None) if self.types.is_integer(right.ty) => {
                let (ty, user) = (left.ty, left.user);
                let right = self.scale(right, size, pos)?;
                if matches!(right.kind, ExprKind::Int(0)) {
                    return Ok(left);
                }
                Ok(Expr { pos, ty, user, kind: ExprKind::Binary(op, Box::new(left), Box::new(right)) })
            }
            (None, Some((_, size))) if op == BinaryOp::Add && self.types.is_integer(left.ty) => {
                let (ty, user) = (right.ty, right.user);
                let left = self.scale(left, size, pos)?;
                Ok(Expr { pos, ty, user, kind: ExprKind::Binary(op, Box::new(right), Box::new(left)) })
            }
            _ => Err(incompatible),
        }
    }

    /// An integer times the size of what a pointer points to.
    fn scale(&mut self, count: Expr, size: u64, pos: Pos) -> Result<Expr> {
        let long = self.types.intrinsics().long;
        let count = self.convert(count, long);
        if size == 1 {
            return Ok(count);
        }
        let size = self.constant(pos, size, long);
        self.arithmetic(BinaryOp::Mul, count, size, pos)
    }

    fn comparison(&mut self, op: BinaryOp, left: Expr, right: Expr, pos: Pos) -> Result<Expr> {
        let int = self.types.intrinsics().int;
        if self.types.is_integer(left.ty) && self.types.is_integer(right.ty) {
            let ty = self.common(left.ty, right.ty);
            let (left, right) = (self.convert(left, ty), self.convert(right, ty));
            if let (ExprKind::Int(l), ExprKind::Int(r)) = (&left.kind, &right.kind) {
                let signed = self.types.int_format(ty).is_none_or(|f| f.signed);
                return Ok(self.int(pos, i64::from(compare(op, *l, *r, signed))));
            }
            return Ok(Expr {
                pos,
                ty: int,
                user: false,
                kind: ExprKind::Compare(op, Box::new(left), Box::new(right)),
            });
        }
        let (l, r) = (left.ty, right.ty);
        let string = self.types.is_string(l) || self.types.is_string(r);
        if string && self.types.is_string_compatible(l) && self.types.is_string_compatible(r) {
            let ty = self.types.intrinsics().string;
            let (left, right) = (self.convert(left, ty), self.convert(right, ty));
            return Ok(Expr {
                pos,
                ty: int,
                user: false,
                kind: ExprKind::CompareStr(op, Box::new(left), Box::new(right)),
            });
        }
        let pointer =
            |ty: TypeId| self.types.is_pointer(ty) || self.types.is_array(ty) || self.types.is_string(ty);
        // Nothing is equal to the null pointer but a null pointer, also of a string: its address is compared.
        let meets = if pointer(l) && pointer(r) {
            if string { self.is_null(&left) || self.is_null(&right) } else { self.pointers_match(l, r) }
        } else {
            pointer(l) && self.is_null(&right) || pointer(r) && self.is_null(&left)
        };
        if !meets {
            return Err(self.incompatible(pos, l, op.text(), r));
        }
        let ty = self.types.intrinsics().void_pointer;
        let (left, right) = (self.decay(left), self.decay(right));
        let (left, right) = (self.convert(left, ty), self.convert(right, ty));
        Ok(Expr { pos, ty: int, user: false, kind: ExprKind::Compare(op, Box::new(left), Box::new(right)) })
    }

    pub(super) fn conditional(
        &mut self,
        condition: &ast::Expr,
        then: &ast::Expr,
        otherwise: &ast::Expr,
        pos: Pos,
    ) -> Result<Expr> {
        let condition = self.expr(condition)?;
        let action = self.is_action(then) || self.is_action(otherwise);
        let then = self.expr(then)?;
        let otherwise = self.expr(otherwise)?;
        if !self.types.is_scalar(condition.ty) {
            return Err(self.error(Tag::OpScalar, pos, "operator ?: expression must be of scalar type"));
        }
        if self.types.is_dynamic(then.ty) || self.types.is_dynamic(otherwise.ty) {
            return Err(self.error(Tag::OpDyn, pos, "operator ?: operands cannot be of dynamic type"));
        }
        let types = self.types;
        let (t, o) = (then.ty, otherwise.ty);
        let ty = if types.is_integer(t) && types.is_integer(o) {
            Some(self.common(t, o))
        } else if types.is_string(t) && (types.is_string_compatible(o) || self.is_null(&otherwise))
            || types.is_string(o) && (types.is_string_compatible(t) || self.is_null(&then))
        {
            Some(types.intrinsics().string)
        } else if types.is_pointer(t)
            && (self.is_null(&otherwise) || types.is_pointer(o) && self.pointers_match(t, o))
        {
            // void * gives way to the pointer it meets.
            let void = types.element(t).is_some_and(|e| types.is_void(e));
            Some(if void && types.is_pointer(o) { o } else { t })
        } else if types.is_pointer(o) && self.is_null(&then) {
            Some(o)
        } else if types.same(t, o) && !types.is_dynamic(t) {
            Some(t)
        } else {
            None
        };
        let Some(ty) = ty else {
            return Err(self.error(Tag::OpIncompat, pos, "operator ?: operands must have compatible types"));
        };
        if action && !matches!(condition.kind, ExprKind::Int(_)) {
            return Err(self.error(Tag::OpAct, pos, "action cannot be used in a conditional context"));
        }
        let user = then.user || otherwise.user;
        if let ExprKind::Int(value) = condition.kind {
            let chosen = self.convert(if value != 0 { then } else { otherwise }, ty);
            // A conditional expression is never a place.
            return Ok(if self.is_place(&chosen) {
                Expr { pos, ty, user, kind: ExprKind::Convert(Box::new(chosen)) }
            } else {
                chosen
            });
        }
        let (then, otherwise) = (self.convert(then, ty), self.convert(otherwise, ty));
        let kind = ExprKind::Cond(Box::new(condition), Box::new(then), Box::new(otherwise));
        Ok(Expr { pos, ty, user, kind })
    }

    pub(super) fn assign(
        &mut self,
        op: Option<BinaryOp>,
        target: &ast::Expr,
        value: &ast::Expr,
        pos: Pos,
    ) -> Result<Expr> {
        let text = op.map_or("=", BinaryOp::assign_text);
        let mut right = None;
        // A variable that is assigned for the first time takes the type of the value.
        let left = self.target(target, &mut |checker| {
            if op.is_some() {
                return Err(checker.undefined(target));
            }
            let value = checker.expr(value)?;
            let ty = checker.first_type(&value, pos)?;
            right = Some(value);
            Ok(ty)
        })?;
        let right = match right {
            Some(right) => right,
            None => self.expr(value)?,
        };
        if op.is_some()
            && !self.types.is_scalar(left.ty)
            && !self.types.is_string(left.ty)
            && !self.types.is_array(left.ty)
        {
            return Err(self.unsized_operand(text, pos));
        }
        if self.types.is_array(left.ty) || self.types.is_function(left.ty) {
            let name = self.name_of(left.ty);
            let message = format!("operator {text} may not be applied to operand of type \"{name}\"");
            return Err(self.error(Tag::OpArrfun, pos, message));
        }
        let Some(op) = op else {
            if !self.assignable(left.ty, &right) {
                return Err(self.incompatible(pos, left.ty, text, right.ty));
            }
            self.check_target(&left, text, pos)?;
            let (ty, user) = (left.ty, left.user);
            let right = self.convert(right, ty);
            return Ok(Expr { pos, ty, user, kind: ExprKind::Assign(Box::new(left), Box::new(right)) });
        };
        self.assign_op(op, left, right, pos)
    }

    fn assign_op(&mut self, op: BinaryOp, left: Expr, right: Expr, pos: Pos) -> Result<Expr> {
        let text = op.assign_text();
        let integers = self.types.is_integer(left.ty) && self.types.is_integer(right.ty);
        let (compute, right) = match op {
            BinaryOp::Add | BinaryOp::Sub if !integers => {
                let Kind::Pointer(to) = self.types.base(left.ty) else {
                    if self.types.is_integer(left.ty) && self.types.is_pointer(right.ty) {
                        return Err(self.unsized_operand(text, pos));
                    }
                    return Err(self.incompatible(pos, left.ty, text, right.ty));
                };
                if !self.types.is_integer(right.ty) {
                    return Err(self.incompatible(pos, left.ty, text, right.ty));
                }
                let Some(size) = self.types.size(to).filter(|size| *size > 0) else {
                    return Err(self.unsized_operand(text, pos));
                };
                (left.ty, self.scale(right, size, pos)?)
            }
            BinaryOp::Add | BinaryOp::Sub => {
                let ty = self.common(left.ty, right.ty);
                (ty, self.convert(right, ty))
            }
            BinaryOp::Mul | BinaryOp::Div if !integers => {
                let message = format!("operator {text} requires operands of arithmetic type");
                return Err(self.error(Tag::OpArith, pos, message));
            }
            _ if !integers => {
                let message = format!("operator {text} requires operands of integral type");
                return Err(self.error(Tag::OpInt, pos, message));
            }
            BinaryOp::Shl | BinaryOp::Shr => {
                let ty = self.promote(right.ty);
                (self.promote(left.ty), self.convert(right, ty))
            }
            _ => {
                let ty = self.common(left.ty, right.ty);
                (ty, self.convert(right, ty))
            }
        };
        if matches!(op, BinaryOp::Div | BinaryOp::Mod) && matches!(right.kind, ExprKind::Int(0)) {
            return Err(self.error(Tag::DivZero, pos, "expression contains division by zero"));
        }
        self.check_target(&left, text, pos)?;
        let (ty, user) = (left.ty, left.user);
        let kind = ExprKind::AssignOp { op, target: Box::new(left), value: Box::new(right), compute };
        Ok(Expr { pos, ty, user, kind })
    }

    fn unsized_operand(&self, op: &str, pos: Pos) -> super::Error {
        let message = format!("operator {op} requires left-hand scalar operand of known size");
        self.error(Tag::OpVfptr, pos, message)
    }

    fn check_target(&self, target: &Expr, op: &str, pos: Pos) -> Result<()> {
        if !self.is_place(target) {
            let message = format!("operator {op} requires modifiable lvalue as an operand");
            return Err(self.error(Tag::OpLval, pos, message));
        }
        if !self.is_writable(target) {
            let message = format!("operator {op} can only be applied to a writable variable");
            return Err(self.error(Tag::OpWrite, pos, message));
        }
        Ok(())
    }

    /// The type of a variable that is defined by assigning this value to it.
    fn first_type(&mut self, value: &Expr, pos: Pos) -> Result<TypeId> {
        match self.types.base(value.ty) {
            Kind::Array { .. } | Kind::Function(_) => {
                let name = self.name_of(value.ty);
                let message = format!("operator = may not be applied to operand of type \"{name}\"");
                Err(self.error(Tag::OpArrfun, pos, message))
            }
            Kind::Void => Err(self.incompatible(pos, value.ty, "=", value.ty)),
            Kind::Dynamic => {
                let message =
                    format!("operands have incompatible types: \"scalar\" = \"{}\"", self.dynamic_name);
                Err(self.error(Tag::OpIncompat, pos, message))
            }
            Kind::Stack | Kind::SymAddr | Kind::UserSymAddr => {
                self.take_pending()?;
                Err(self.incompatible(pos, value.ty, "=", value.ty))
            }
            _ => Ok(value.ty),
        }
    }
}

/// The value of an operator on two constants of one type.
fn fold(op: BinaryOp, l: u64, r: u64, signed: bool) -> u64 {
    let (sl, sr) = (l as i64, r as i64);
    match op {
        BinaryOp::Mul => l.wrapping_mul(r),
        BinaryOp::Div if signed => sl.wrapping_div(sr) as u64,
        BinaryOp::Div => l / r,
        BinaryOp::Mod if signed => sl.wrapping_rem(sr) as u64,
        BinaryOp::Mod => l % r,
        BinaryOp::Add => l.wrapping_add(r),
        BinaryOp::Sub => l.wrapping_sub(r),
        // Counts beyond 63 wrap, as the machine's do.
        BinaryOp::Shl => l.wrapping_shl(r as u32),
        BinaryOp::Shr if signed => sl.wrapping_shr(r as u32) as u64,
        BinaryOp::Shr => l.wrapping_shr(r as u32),
        BinaryOp::BitAnd => l & r,
        BinaryOp::BitXor => l ^ r,
        BinaryOp::BitOr => l | r,
        _ => u64::from(compare(op, l, r, signed)),
    }
}

fn compare(op: BinaryOp, l: u64, r: u64, signed: bool) -> bool {
    let order = if signed { (l as i64).cmp(&(r as i64)) } else { l.cmp(&r) };
    match op {
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::Le => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        BinaryOp::Ge => order.is_ge(),
        BinaryOp::Eq => order.is_eq(),
        _ => order.is_ne(),
    }
}
