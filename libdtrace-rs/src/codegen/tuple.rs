//! What goes over the tuple stack: the keys of associative arrays, and the arguments of subroutines.

use dtrace_abi::dif::{self, DTR_NREGS};

use super::expr::Generator;
use crate::d::typed::{Expr, ExprKind, Var};
use crate::dif::Reg;
use crate::error::{Code, Result};
use crate::program::VarScope;

/// So many keys are computed into registers first; of more, those that are plain constants and variables wait until their
/// turn to be pushed.
const COMFORTABLE: usize = 4;

impl Generator<'_> {
    pub(super) fn load_element(&mut self, var: &Var, keys: &[Expr]) -> Result<Reg> {
        let (load, store) = element_ops(var);
        let reg = self.load_stored(var, keys)?;
        // A string that was never stored is empty, as a structure that was never stored is zero.
        if self.is_dynamic_struct(var) || self.types.is_string(var.ty) {
            self.materialize(var, reg, load, store)?;
        }
        Ok(reg)
    }

    /// What was stored in an element: 0 if that was nothing.
    pub(super) fn load_stored(&mut self, var: &Var, keys: &[Expr]) -> Result<Reg> {
        self.push_tuple(keys)?;
        self.note(var, false);
        let reg = self.asm.alloc()?;
        self.asm.variable(element_ops(var).0, var.id, reg);
        Ok(reg)
    }

    /// Empties the tuple stack and fills it.
    pub(super) fn push_tuple(&mut self, list: &[Expr]) -> Result<()> {
        if list.len() > DTR_NREGS {
            return Err(Code::NoTupleReg.into());
        }
        let wait = self.thrifty || list.len() > COMFORTABLE;
        let mut values: Vec<Option<Reg>> = Vec::with_capacity(list.len());
        for e in list {
            values.push(if wait && is_plain(e) { None } else { Some(self.value(e)?) });
        }
        self.asm.flush();
        for (e, value) in list.iter().zip(values) {
            let value = match value {
                Some(reg) => reg,
                None => self.value(e)?,
            };
            self.push_one(e, value)?;
        }
        Ok(())
    }

    fn push_one(&mut self, e: &Expr, value: Reg) -> Result<()> {
        let ty = super::dif_type(self.types, self.strsize, e.ty);
        let size = self.constant_in_register(u64::from(ty.size))?;
        let op = if ty.by_ref { dif::OP_PUSHTR } else { dif::OP_PUSHTV };
        let tuple_type = if ty.string { dif::TYPE_STRING } else { dif::TYPE_CTF };
        self.asm.push_tuple(op, tuple_type, size, value);
        self.asm.free(size);
        self.asm.free(value);
        Ok(())
    }

    pub(super) fn call(&mut self, subr: u32, args: &[Expr]) -> Result<Reg> {
        self.push_tuple(args)?;
        let reg = self.asm.alloc()?;
        self.asm.call(subr, reg);
        Ok(reg)
    }
}

/// The instructions that load and store an element.
pub(super) fn element_ops(var: &Var) -> (u8, u8) {
    match var.scope {
        VarScope::Thread => (dif::OP_LDTAA, dif::OP_STTAA),
        VarScope::Global | VarScope::Local => (dif::OP_LDGAA, dif::OP_STGAA),
    }
}

/// Whether computing it uses neither the tuple stack nor more than one register, and changes nothing.
fn is_plain(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Var(_) => true,
        ExprKind::Decay(inner) | ExprKind::ToString(inner) => is_plain(inner),
        _ => false,
    }
}
