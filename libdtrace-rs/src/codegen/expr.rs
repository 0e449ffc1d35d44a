//! Expressions: each becomes code that leaves its value in one register.

use std::rc::Rc;

use dtrace_abi::dif;

use super::{INT64, dif_type};
use crate::d::typed::{BinaryOp, Expr, ExprKind, Var};
use crate::dif::{Assembler, R0, Reg};
use crate::error::{Code, Result};
use crate::program::{DifType, Difo, VarScope};
use crate::types::{Kind, TypeId, Types};

/// The generator of one DIF object.
pub(super) struct Generator<'a> {
    pub(super) asm: Assembler,
    pub(super) types: &'a Types,
    pub(super) strsize: u32,
    /// Whether to save registers by computing the right operand first where the left one can wait.
    pub(super) thrifty: bool,
    /// Whether the value is an address that is written through: what lives in dynamic memory must then be there.
    pub(super) creating: bool,
}

impl<'a> Generator<'a> {
    pub(super) fn new(types: &'a Types, strsize: u32) -> Self {
        Generator { asm: Assembler::new(), types, strsize, thrifty: false, creating: false }
    }

    /// The object that returns the value of an expression.
    pub(super) fn object(self, expr: &Expr) -> Result<Rc<Difo>> {
        let rtype = dif_type(self.types, self.strsize, expr.ty);
        self.object_of(expr, rtype)
    }

    /// The object that returns the value of an expression as a type of the caller's.
    ///
    /// If the registers do not suffice when operands are computed from left to right, as people expect to read them, those
    /// without effects are computed in the order that needs the fewest.
    pub(super) fn object_of(self, expr: &Expr, rtype: DifType) -> Result<Rc<Difo>> {
        let again = Generator { asm: Assembler::new(), thrifty: true, ..self };
        match self.attempt(expr, rtype) {
            Err(e) if e == Code::NoReg.into() => again.attempt(expr, rtype),
            other => other,
        }
    }

    fn attempt(mut self, expr: &Expr, rtype: DifType) -> Result<Rc<Difo>> {
        let reg = self.value(expr)?;
        self.asm.ret(reg);
        Ok(Rc::new(self.asm.finish(rtype, true)?))
    }

    /// The object that returns a number of the library's own: an aggregation's, say.
    pub(super) fn constant(value: u64) -> Result<Rc<Difo>> {
        let mut asm = Assembler::new();
        let reg = asm.alloc()?;
        asm.setx(value, reg)?;
        asm.ret(reg);
        Ok(Rc::new(asm.finish(INT64, false)?))
    }

    /// The object that returns zero: the record of a format without arguments.
    pub(super) fn nothing() -> Result<Rc<Difo>> {
        let mut asm = Assembler::new();
        asm.ret(R0);
        Ok(Rc::new(asm.finish(INT64, false)?))
    }

    /// The code of an expression; gives the register of its value.
    pub(super) fn value(&mut self, e: &Expr) -> Result<Reg> {
        match &e.kind {
            ExprKind::Int(value) => self.constant_in_register(*value),
            ExprKind::Str(bytes) => {
                let reg = self.asm.alloc()?;
                self.asm.sets(bytes, reg)?;
                Ok(reg)
            }
            ExprKind::Var(var) => self.load_var(var),
            ExprKind::Builtin(var, index) => self.load_builtin(var, index, e.ty),
            ExprKind::Element(var, keys) => self.load_element(var, keys),
            ExprKind::Call { subr, args } => self.call(u32::from(*subr), args),
            ExprKind::Deref(pointer) => {
                let reg = self.value(pointer)?;
                self.load(reg, e.ty, pointer.user || e.user);
                Ok(reg)
            }
            ExprKind::Member { base, offset, bits } => self.load_member(base, *offset, *bits, e),
            ExprKind::AddressOf(place) => self.address_to_write(place),
            ExprKind::Decay(inner) | ExprKind::ToString(inner) => self.value(inner),
            ExprKind::Neg(inner) => {
                let reg = self.value(inner)?;
                self.asm.binary(dif::OP_SUB, R0, reg, reg);
                self.wrap(reg, e.ty)?;
                Ok(reg)
            }
            ExprKind::BitNot(inner) => {
                let reg = self.value(inner)?;
                self.asm.unary(dif::OP_NOT, reg, reg);
                self.wrap(reg, e.ty)?;
                Ok(reg)
            }
            ExprKind::Not(inner) => {
                let reg = self.value(inner)?;
                self.asm.test(reg);
                self.boolean(dif::OP_BE, reg)
            }
            ExprKind::Binary(op, left, right) => {
                let (l, r) = self.operands(left, right)?;
                let rd = l.min(r);
                self.arithmetic(*op, l, r, rd, e.ty)?;
                self.asm.free(l.max(r));
                Ok(rd)
            }
            ExprKind::Compare(op @ (BinaryOp::Eq | BinaryOp::Ne), element, null)
            | ExprKind::Compare(op @ (BinaryOp::Eq | BinaryOp::Ne), null, element)
                if matches!(null.kind, ExprKind::Int(0)) && self.string_element(element).is_some() =>
            {
                // The string of an element that was never stored is NULL to this question, and empty to any other.
                let (var, keys) = self.string_element(element).ok_or(Code::Compiler)?;
                let reg = self.load_stored(var, keys)?;
                self.asm.test(reg);
                self.boolean(branch_if(*op, false), reg)
            }
            ExprKind::Compare(op, left, right) => {
                let signed = self.is_signed(left.ty) && self.is_signed(right.ty);
                self.comparison(dif::OP_CMP, left, right, branch_if(*op, signed))
            }
            ExprKind::CompareStr(op, left, right) => {
                self.comparison(dif::OP_SCMP, left, right, branch_if(*op, true))
            }
            ExprKind::Logical(op, left, right) => self.logical(*op, left, right),
            ExprKind::Cond(condition, then, otherwise) => self.conditional(condition, then, otherwise),
            ExprKind::Assign(target, value) => self.assign(target, value),
            ExprKind::AssignOp { op, target, value, compute } => self.assign_op(*op, target, value, *compute),
            ExprKind::Step { target, delta, post } => self.step(target, *delta, *post),
            ExprKind::Convert(inner) => self.convert_expr(inner, e.ty),
            ExprKind::Comma(list) => {
                let mut last = None;
                for e in list {
                    if let Some(reg) = last.take() {
                        self.asm.free(reg);
                    }
                    last = Some(self.value(e)?);
                }
                match last {
                    Some(reg) => Ok(reg),
                    None => self.constant_in_register(0),
                }
            }
        }
    }

    pub(super) fn constant_in_register(&mut self, value: u64) -> Result<Reg> {
        let reg = self.asm.alloc()?;
        self.asm.setx(value, reg)?;
        Ok(reg)
    }

    /// Notes a variable in the object's table.
    pub(super) fn note(&mut self, var: &Var, write: bool) {
        let ty = dif_type(self.types, self.strsize, var.ty);
        self.asm.note(&var.name, var.id, var.array, var.scope, ty, write);
    }

    /// Whether a variable holds a structure that lives in dynamic memory, which has none until it is first stored to.
    pub(super) fn is_dynamic_struct(&self, var: &Var) -> bool {
        (var.array || var.scope == VarScope::Thread) && self.types.is_struct_or_union(var.ty)
    }

    fn load_var(&mut self, var: &Var) -> Result<Reg> {
        let op = match var.scope {
            VarScope::Global => dif::OP_LDGS,
            VarScope::Thread => dif::OP_LDTS,
            VarScope::Local => dif::OP_LDLS,
        };
        self.note(var, false);
        let reg = self.asm.alloc()?;
        self.asm.variable(op, var.id, reg);
        if self.is_dynamic_struct(var) {
            self.materialize(var, reg, op, dif::OP_STTS)?;
        }
        Ok(reg)
    }

    /// Gives what lives in dynamic memory by address and was never stored an address where all is zero; and stores it, so that
    /// it is there from then on, if it is going to be written to.
    pub(super) fn materialize(&mut self, var: &Var, reg: Reg, load: u8, store: u8) -> Result<()> {
        let exists = self.asm.label();
        self.asm.test(reg);
        self.asm.branch(dif::OP_BNE, exists);
        let string = self.types.is_string(var.ty).then_some(u64::from(self.strsize));
        self.asm.setx(string.or_else(|| self.types.size(var.ty)).unwrap_or(0), reg)?;
        self.asm.unary(dif::OP_ALLOCS, reg, reg);
        if self.creating {
            self.note(var, true);
            self.asm.variable(store, var.id, reg);
            self.asm.variable(load, var.id, reg);
        }
        self.asm.place(exists);
        Ok(())
    }

    fn load_builtin(&mut self, var: &Var, index: &Expr, ty: TypeId) -> Result<Reg> {
        let reg = self.value(index)?;
        self.note(var, false);
        let op = if var.scope == VarScope::Thread { dif::OP_LDTA } else { dif::OP_LDGA };
        self.asm.load_array(op, var.id, reg, reg);
        // An argument is what stood in the register: the bits above a narrow type are anybody's.
        if var.id == dif::VAR_ARGS {
            self.narrow(reg, ty)?;
        }
        Ok(reg)
    }

    /// Replaces an address by what is there, unless the type is handled by address.
    pub(super) fn load(&mut self, reg: Reg, ty: TypeId, user: bool) {
        if self.types.is_by_ref(ty) || self.types.is_function(ty) {
            return;
        }
        let size = self.types.size(ty).unwrap_or(8);
        self.asm.unary(load_op(size, self.is_signed(ty), user), reg, reg);
    }

    /// The bits and signedness of a type that lives in a register; `None` for what is there by address.
    pub(super) fn width(&self, ty: TypeId) -> Option<(u32, bool)> {
        match self.types.base(ty) {
            Kind::Pointer(_) | Kind::SymAddr | Kind::Function(_) => Some((64, false)),
            Kind::Float { size, .. } => Some((size as u32 * 8, false)),
            _ => self.types.int_format(ty).map(|f| (f.bits, f.signed)),
        }
    }

    pub(super) fn is_signed(&self, ty: TypeId) -> bool {
        self.width(ty).is_some_and(|(_, signed)| signed)
    }

    /// Brings the result of arithmetic back into an unsigned type narrower than a register, as C's modular arithmetic asks.
    pub(super) fn wrap(&mut self, reg: Reg, ty: TypeId) -> Result<()> {
        match self.width(ty) {
            Some((bits, false)) if bits < 64 => self.extend(reg, bits, false),
            _ => Ok(()),
        }
    }

    /// Brings any bits into a type.
    pub(super) fn narrow(&mut self, reg: Reg, ty: TypeId) -> Result<()> {
        match self.width(ty) {
            Some((bits, signed)) if bits < 64 => self.extend(reg, bits, signed),
            _ => Ok(()),
        }
    }

    /// Keeps the low `bits` of a register, extended by sign or by zero.
    pub(super) fn extend(&mut self, reg: Reg, bits: u32, signed: bool) -> Result<()> {
        let count = self.constant_in_register(u64::from(64 - bits.clamp(1, 64)))?;
        self.asm.binary(dif::OP_SLL, reg, count, reg);
        self.asm.binary(if signed { dif::OP_SRA } else { dif::OP_SRL }, reg, count, reg);
        self.asm.free(count);
        Ok(())
    }

    fn convert_expr(&mut self, inner: &Expr, to: TypeId) -> Result<Reg> {
        if let (ExprKind::Int(value), Some((bits, signed))) = (&inner.kind, self.width(to)) {
            let boolean = self.types.int_format(to).is_some_and(|f| f.boolean);
            let value = if boolean { u64::from(*value != 0) } else { truncate(*value, bits, signed) };
            return self.constant_in_register(value);
        }
        let reg = self.value(inner)?;
        self.convert(reg, inner.ty, to)
    }

    /// Converts a value between types that live in registers, as C converts.
    pub(super) fn convert(&mut self, reg: Reg, from: TypeId, to: TypeId) -> Result<Reg> {
        let (Some((from_bits, from_signed)), Some((bits, signed))) = (self.width(from), self.width(to))
        else {
            return Ok(reg);
        };
        let is_boolean = |ty| self.types.int_format(ty).is_some_and(|f| f.boolean);
        if is_boolean(to) && !is_boolean(from) {
            self.asm.test(reg);
            return self.boolean(dif::OP_BNE, reg);
        }
        let fits = bits >= 64
            || (bits > from_bits && (signed || !from_signed))
            || (bits == from_bits && signed == from_signed);
        if !fits {
            self.extend(reg, bits, signed)?;
        }
        Ok(reg)
    }

    /// `rd = left op right`, in a type.
    pub(super) fn arithmetic(
        &mut self,
        op: BinaryOp,
        left: Reg,
        right: Reg,
        rd: Reg,
        ty: TypeId,
    ) -> Result<()> {
        let signed = self.is_signed(ty);
        let (code, wraps) = match op {
            BinaryOp::Mul => (dif::OP_MUL, true),
            BinaryOp::Div => (if signed { dif::OP_SDIV } else { dif::OP_UDIV }, false),
            BinaryOp::Mod => (if signed { dif::OP_SREM } else { dif::OP_UREM }, false),
            BinaryOp::Add => (dif::OP_ADD, true),
            BinaryOp::Sub => (dif::OP_SUB, true),
            BinaryOp::Shl => (dif::OP_SLL, true),
            BinaryOp::Shr => (if signed { dif::OP_SRA } else { dif::OP_SRL }, false),
            BinaryOp::BitAnd => (dif::OP_AND, false),
            BinaryOp::BitXor => (dif::OP_XOR, false),
            BinaryOp::BitOr => (dif::OP_OR, false),
            BinaryOp::Lt
            | BinaryOp::Le
            | BinaryOp::Gt
            | BinaryOp::Ge
            | BinaryOp::Eq
            | BinaryOp::Ne
            | BinaryOp::And
            | BinaryOp::Xor
            | BinaryOp::Or => unreachable!("comparisons and logic are not arithmetic"),
        };
        self.asm.binary(code, left, right, rd);
        if wraps { self.wrap(rd, ty) } else { Ok(()) }
    }

    /// Turns the condition codes into 0 or 1 in a register: 1 if the branch is taken.
    fn boolean(&mut self, branch: u8, reg: Reg) -> Result<Reg> {
        let (yes, end) = (self.asm.label(), self.asm.label());
        self.asm.branch(branch, yes);
        self.asm.unary(dif::OP_MOV, R0, reg);
        self.asm.branch(dif::OP_BA, end);
        self.asm.place(yes);
        self.asm.setx(1, reg)?;
        self.asm.place(end);
        Ok(reg)
    }

    fn comparison(&mut self, compare: u8, left: &Expr, right: &Expr, branch: u8) -> Result<Reg> {
        let (l, r) = self.operands(left, right)?;
        self.asm.compare(compare, l, r);
        self.asm.free(l.max(r));
        self.boolean(branch, l.min(r))
    }

    /// The element that an expression is, if it is a string's, perhaps as a pointer.
    fn string_element<'e>(&self, e: &'e Expr) -> Option<(&'e Var, &'e [Expr])> {
        match &e.kind {
            ExprKind::Convert(inner) => self.string_element(inner),
            ExprKind::Element(var, keys) if self.types.is_string(var.ty) => Some((var, keys)),
            _ => None,
        }
    }

    /// The values of two operands.
    fn operands(&mut self, left: &Expr, right: &Expr) -> Result<(Reg, Reg)> {
        if self.thrifty
            && let (Some(l), Some(r)) = (demand(left), demand(right))
            && r > l
        {
            let r = self.value(right)?;
            return Ok((self.value(left)?, r));
        }
        let l = self.value(left)?;
        Ok((l, self.value(right)?))
    }

    fn logical(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Reg> {
        let (yes, no, end) = (self.asm.label(), self.asm.label(), self.asm.label());
        let reg = self.value(left)?;
        if op == BinaryOp::Xor {
            self.truth(reg)?;
            let r = self.value(right)?;
            self.truth(r)?;
            self.asm.binary(dif::OP_XOR, reg, r, reg);
            self.asm.free(r);
            return Ok(reg);
        }
        self.asm.test(reg);
        let (branch, target) = if op == BinaryOp::And { (dif::OP_BE, no) } else { (dif::OP_BNE, yes) };
        self.asm.branch(branch, target);
        self.asm.free(reg);
        let reg = self.value(right)?;
        self.asm.test(reg);
        self.asm.branch(dif::OP_BE, no);
        self.asm.place(yes);
        self.asm.setx(1, reg)?;
        self.asm.branch(dif::OP_BA, end);
        self.asm.place(no);
        self.asm.unary(dif::OP_MOV, R0, reg);
        self.asm.place(end);
        Ok(reg)
    }

    /// Makes any value but 0 into 1.
    fn truth(&mut self, reg: Reg) -> Result<()> {
        let zero = self.asm.label();
        self.asm.test(reg);
        self.asm.branch(dif::OP_BE, zero);
        self.asm.setx(1, reg)?;
        self.asm.place(zero);
        Ok(())
    }

    fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Result<Reg> {
        let (no, end) = (self.asm.label(), self.asm.label());
        let c = self.value(condition)?;
        self.asm.test(c);
        self.asm.branch(dif::OP_BE, no);
        self.asm.free(c);
        let result = self.value(then)?;
        self.asm.branch(dif::OP_BA, end);
        self.asm.place(no);
        // Only one of the branches runs: the second may use what the first left free, and ends in the same register.
        self.asm.free(result);
        let other = self.value(otherwise)?;
        if other != result {
            self.asm.take(result);
            self.asm.copy(other, result);
            self.asm.free(other);
        }
        self.asm.place(end);
        Ok(result)
    }
}

/// How many registers an expression needs; `None` if it has effects or uses the tuple stack, so that its turn matters.
fn demand(e: &Expr) -> Option<u32> {
    match &e.kind {
        ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Var(_) => Some(1),
        ExprKind::Deref(x)
        | ExprKind::AddressOf(x)
        | ExprKind::Decay(x)
        | ExprKind::ToString(x)
        | ExprKind::Neg(x)
        | ExprKind::BitNot(x)
        | ExprKind::Not(x)
        | ExprKind::Convert(x)
        | ExprKind::Builtin(_, x)
        | ExprKind::Member { base: x, .. } => Some(demand(x)?.max(2)),
        ExprKind::Binary(_, l, r) | ExprKind::Compare(_, l, r) | ExprKind::CompareStr(_, l, r) => {
            let (l, r) = (demand(l)?, demand(r)?);
            Some(if l == r { l + 1 } else { l.max(r) })
        }
        _ => None,
    }
}

/// The branch that is taken when a comparison holds.
fn branch_if(op: BinaryOp, signed: bool) -> u8 {
    match (op, signed) {
        (BinaryOp::Lt, true) => dif::OP_BL,
        (BinaryOp::Lt, false) => dif::OP_BLU,
        (BinaryOp::Le, true) => dif::OP_BLE,
        (BinaryOp::Le, false) => dif::OP_BLEU,
        (BinaryOp::Gt, true) => dif::OP_BG,
        (BinaryOp::Gt, false) => dif::OP_BGU,
        (BinaryOp::Ge, true) => dif::OP_BGE,
        (BinaryOp::Ge, false) => dif::OP_BGEU,
        (BinaryOp::Ne, _) => dif::OP_BNE,
        _ => dif::OP_BE,
    }
}

/// The load of so many bytes.
pub(super) fn load_op(size: u64, signed: bool, user: bool) -> u8 {
    match (size, signed, user) {
        (1, true, false) => dif::OP_LDSB,
        (2, true, false) => dif::OP_LDSH,
        (4, true, false) => dif::OP_LDSW,
        (1, false, false) => dif::OP_LDUB,
        (2, false, false) => dif::OP_LDUH,
        (4, false, false) => dif::OP_LDUW,
        (_, _, false) => dif::OP_LDX,
        (1, true, true) => dif::OP_ULDSB,
        (2, true, true) => dif::OP_ULDSH,
        (4, true, true) => dif::OP_ULDSW,
        (1, false, true) => dif::OP_ULDUB,
        (2, false, true) => dif::OP_ULDUH,
        (4, false, true) => dif::OP_ULDUW,
        (_, _, true) => dif::OP_ULDX,
    }
}

/// The store of so many bytes.
pub(super) fn store_op(size: u64) -> u8 {
    match size {
        1 => dif::OP_STB,
        2 => dif::OP_STH,
        4 => dif::OP_STW,
        _ => dif::OP_STX,
    }
}

/// A constant in a type of so many bits.
fn truncate(value: u64, bits: u32, signed: bool) -> u64 {
    let shift = 64 - bits.clamp(1, 64);
    if signed { ((value << shift).cast_signed() >> shift).cast_unsigned() } else { value << shift >> shift }
}
