//! Places: what can be assigned to, and the operators that do.

use dtrace_abi::dif;

use super::expr::{Generator, load_op, store_op};
use super::tuple::element_ops;
use crate::d::typed::{BinaryOp, BitField, Expr, ExprKind, Var};
use crate::dif::Reg;
use crate::error::{Code, Result};
use crate::program::VarScope;
use crate::types::TypeId;

/// A place whose address and keys have been computed, so that it can be read and then written.
enum Place<'e> {
    Var(&'e Var),
    /// The keys are on the tuple stack.
    Element(&'e Var),
    /// In memory at the address in the register.
    Memory(Reg, Option<Unit>),
}

/// The bytes that hold a bit-field: the smallest aligned unit that holds all of it.
#[derive(Clone, Copy)]
struct Unit {
    /// Bytes from the start of the structure.
    offset: u64,
    /// 1, 2, 4 or 8.
    size: u64,
    /// Bits of the unit below the field.
    shift: u32,
    /// Bits of the field.
    width: u32,
}

impl Unit {
    /// The unit of a field; `None` for one that lies across two 8-byte words, as only a packed structure has.
    fn of(offset: u64, bits: BitField) -> Option<Unit> {
        let first = offset * 8 + u64::from(bits.offset);
        let last = first + u64::from(bits.width.max(1)) - 1;
        [1u64, 2, 4, 8].into_iter().find(|&size| first / (size * 8) == last / (size * 8)).map(|size| Unit {
            offset: first / (size * 8) * size,
            size,
            shift: (first % (size * 8)) as u32,
            width: bits.width,
        })
    }

    fn mask(self) -> u64 {
        if self.width >= 64 { u64::MAX } else { (1 << self.width) - 1 }
    }
}

impl Generator<'_> {
    /// The address of a place in memory, or of what is handled by address.
    pub(super) fn address(&mut self, place: &Expr) -> Result<Reg> {
        match &place.kind {
            ExprKind::Deref(pointer) => self.value(pointer),
            ExprKind::Member { base, offset, .. } => {
                let reg = self.value(base)?;
                self.add_offset(reg, *offset)?;
                Ok(reg)
            }
            _ => self.value(place),
        }
    }

    /// The address of a place that is going to be written to.
    pub(super) fn address_to_write(&mut self, place: &Expr) -> Result<Reg> {
        let before = std::mem::replace(&mut self.creating, true);
        let reg = self.address(place);
        self.creating = before;
        reg
    }

    fn add_offset(&mut self, reg: Reg, offset: u64) -> Result<()> {
        if offset != 0 {
            let o = self.constant_in_register(offset)?;
            self.asm.binary(dif::OP_ADD, reg, o, reg);
            self.asm.free(o);
        }
        Ok(())
    }

    pub(super) fn load_member(
        &mut self,
        base: &Expr,
        offset: u64,
        bits: Option<BitField>,
        member: &Expr,
    ) -> Result<Reg> {
        let user = base.user || member.user;
        let Some(bits) = bits else {
            let reg = self.value(base)?;
            self.add_offset(reg, offset)?;
            self.load(reg, member.ty, user);
            return Ok(reg);
        };
        let signed = self.is_signed(member.ty);
        let Some(unit) = Unit::of(offset, bits) else {
            return self.load_straddling(base, offset, bits, signed, user);
        };
        let reg = self.value(base)?;
        self.add_offset(reg, unit.offset)?;
        self.load_bits(reg, unit, signed, user)?;
        Ok(reg)
    }

    /// Replaces the address of a unit by the bit-field in it.
    fn load_bits(&mut self, reg: Reg, unit: Unit, signed: bool, user: bool) -> Result<()> {
        self.asm.unary(load_op(unit.size, signed, user), reg, reg);
        let count = self.constant_in_register(u64::from(64 - unit.shift - unit.width))?;
        self.asm.binary(dif::OP_SLL, reg, count, reg);
        self.asm.setx(u64::from(64 - unit.width), count)?;
        self.asm.binary(if signed { dif::OP_SRA } else { dif::OP_SRL }, reg, count, reg);
        self.asm.free(count);
        Ok(())
    }

    /// A bit-field across two words: the low part from the first, the high part from the second.
    fn load_straddling(
        &mut self,
        base: &Expr,
        offset: u64,
        bits: BitField,
        signed: bool,
        user: bool,
    ) -> Result<Reg> {
        let first = offset * 8 + u64::from(bits.offset);
        let (word, shift) = (first / 64 * 8, first % 64);
        let low = self.value(base)?;
        self.add_offset(low, word)?;
        let high = self.constant_in_register(8)?;
        self.asm.binary(dif::OP_ADD, low, high, high);
        self.asm.unary(load_op(8, false, user), low, low);
        self.asm.unary(load_op(8, false, user), high, high);
        let count = self.constant_in_register(shift)?;
        self.asm.binary(dif::OP_SRL, low, count, low);
        self.asm.setx(64 - shift, count)?;
        self.asm.binary(dif::OP_SLL, high, count, high);
        self.asm.binary(dif::OP_OR, low, high, low);
        self.asm.free(count);
        self.asm.free(high);
        self.extend(low, bits.width, signed)?;
        Ok(low)
    }

    /// `target = value`
    pub(super) fn assign(&mut self, target: &Expr, value: &Expr) -> Result<Reg> {
        let reg = self.value(value)?;
        let place = self.open(target)?;
        self.store(&place, reg, target.ty)?;
        self.close(place);
        Ok(reg)
    }

    /// `target op= value`
    pub(super) fn assign_op(
        &mut self,
        op: BinaryOp,
        target: &Expr,
        value: &Expr,
        compute: TypeId,
    ) -> Result<Reg> {
        // The value of an element is computed first: it may use the tuple stack, which then is to hold the element's keys.
        let (place, old, value) = if matches!(target.kind, ExprKind::Element(..)) {
            let value = self.value(value)?;
            let place = self.open(target)?;
            (place, None, value)
        } else {
            let place = self.open(target)?;
            let old = self.fetch(&place, target)?;
            (place, Some(old), self.value(value)?)
        };
        let old = match old {
            Some(old) => old,
            None => self.fetch(&place, target)?,
        };
        let old = self.convert(old, target.ty, compute)?;
        self.arithmetic(op, old, value, old, compute)?;
        let new = self.convert(old, compute, target.ty)?;
        self.store(&place, new, target.ty)?;
        self.close(place);
        self.asm.free(value);
        Ok(new)
    }

    /// `++target` and its kin
    pub(super) fn step(&mut self, target: &Expr, delta: i64, post: bool) -> Result<Reg> {
        let place = self.open(target)?;
        let old = self.fetch(&place, target)?;
        let amount = self.constant_in_register(delta.unsigned_abs())?;
        let op = if delta < 0 { dif::OP_SUB } else { dif::OP_ADD };
        let new = if post { amount } else { old };
        self.asm.binary(op, old, amount, new);
        if let Place::Memory(_, Some(_)) = place {
            // The store cuts it to the field.
        } else {
            self.step_wrap(new, target.ty)?;
        }
        self.store(&place, new, target.ty)?;
        self.close(place);
        self.asm.free(amount);
        Ok(old)
    }

    /// A step may leave a narrow type at either end.
    fn step_wrap(&mut self, reg: Reg, ty: TypeId) -> Result<()> {
        match self.width(ty) {
            Some((bits, signed)) if bits < 32 => self.extend(reg, bits, signed),
            _ => self.wrap(reg, ty),
        }
    }

    /// Computes where a place is. For an element this fills the tuple stack: nothing else may use it until [`Self::close`].
    fn open<'e>(&mut self, target: &'e Expr) -> Result<Place<'e>> {
        match &target.kind {
            ExprKind::Var(var) => Ok(Place::Var(var)),
            ExprKind::Element(var, keys) => {
                self.push_tuple(keys)?;
                Ok(Place::Element(var))
            }
            ExprKind::Member { base, offset, bits: Some(bits) } => {
                let unit = Unit::of(*offset, *bits).ok_or(Code::Compiler)?;
                let reg = self.address_to_write(base)?;
                self.add_offset(reg, unit.offset)?;
                Ok(Place::Memory(reg, Some(unit)))
            }
            _ => Ok(Place::Memory(self.address_to_write(target)?, None)),
        }
    }

    fn close(&mut self, place: Place<'_>) {
        if let Place::Memory(reg, _) = place {
            self.asm.free(reg);
        }
    }

    /// The value in a place.
    fn fetch(&mut self, place: &Place<'_>, target: &Expr) -> Result<Reg> {
        let reg = self.asm.alloc()?;
        match *place {
            Place::Var(var) => {
                self.note(var, false);
                let op = match var.scope {
                    VarScope::Global => dif::OP_LDGS,
                    VarScope::Thread => dif::OP_LDTS,
                    VarScope::Local => dif::OP_LDLS,
                };
                self.asm.variable(op, var.id, reg);
            }
            Place::Element(var) => {
                self.note(var, false);
                self.asm.variable(element_ops(var).0, var.id, reg);
            }
            Place::Memory(address, None) => {
                let size = self.types.size(target.ty).unwrap_or(8);
                self.asm.unary(load_op(size, self.is_signed(target.ty), target.user), address, reg);
            }
            Place::Memory(address, Some(unit)) => {
                self.asm.copy(address, reg);
                self.load_bits(reg, unit, self.is_signed(target.ty), target.user)?;
            }
        }
        Ok(reg)
    }

    /// Puts a value into a place.
    fn store(&mut self, place: &Place<'_>, value: Reg, ty: TypeId) -> Result<()> {
        match *place {
            Place::Var(var) => {
                self.note(var, true);
                let op = match var.scope {
                    VarScope::Global => dif::OP_STGS,
                    VarScope::Thread => dif::OP_STTS,
                    VarScope::Local => dif::OP_STLS,
                };
                self.asm.variable(op, var.id, value);
            }
            Place::Element(var) => {
                self.note(var, true);
                self.asm.variable(element_ops(var).1, var.id, value);
            }
            Place::Memory(address, None) if self.types.is_by_ref(ty) => {
                let size =
                    self.constant_in_register(self.types.size(ty).unwrap_or(u64::from(self.strsize)))?;
                self.asm.copys(value, size, address);
                self.asm.free(size);
            }
            Place::Memory(address, None) => {
                self.asm.store(store_op(self.types.size(ty).unwrap_or(8)), value, address);
            }
            Place::Memory(address, Some(unit)) => {
                self.store_bits(address, unit, value, self.is_signed(ty))?;
            }
        }
        Ok(())
    }

    /// Puts a bit-field into its unit, and leaves in `value` what the field then holds: that is the value of an assignment.
    fn store_bits(&mut self, address: Reg, unit: Unit, value: Reg, signed: bool) -> Result<()> {
        let old = self.asm.alloc()?;
        self.asm.unary(load_op(unit.size, signed, false), address, old);
        let work = self.constant_in_register(!(unit.mask() << unit.shift))?;
        self.asm.binary(dif::OP_AND, old, work, old);
        self.asm.setx(unit.mask(), work)?;
        self.asm.binary(dif::OP_AND, value, work, work);
        if unit.shift != 0 {
            let count = self.constant_in_register(u64::from(unit.shift))?;
            self.asm.binary(dif::OP_SLL, work, count, work);
            self.asm.free(count);
        }
        self.asm.binary(dif::OP_OR, old, work, old);
        self.asm.store(store_op(unit.size), old, address);
        self.asm.free(work);
        self.asm.free(old);
        self.extend(value, unit.width, signed)
    }
}
