//! Code generation: the checked tree becomes DIF objects, actions and enabling control blocks.
//!
//! The checker has decided everything about the language ([`typed`](crate::d::typed)); here is decided how each piece is
//! computed. What always holds:
//!
//! * A value in a register is extended to 64 bits by the signedness of its type, so that comparisons, divisions and
//!   conversions need no look at where it came from. (Overflow of signed arithmetic is the exception that C allows.)
//! * A string, structure, union or array in a register is its address.
//! * Keys of an associative array and arguments of a subroutine are all computed before the tuple stack is emptied and
//!   filled, because computing one of them may itself use the stack.
//! * The code for an expression leaves exactly one register in use: that of its value.
//!
//! What the original compiler makes of a program is the model for the choice of instructions, since people read `-S`; where
//! its arithmetic is not C's (widening an unsigned character sign-extends it, for one), ours is.

mod clause;
mod expr;
mod format;
mod place;
mod tuple;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::d::typed;
use crate::error::Result;
use crate::program::{Aggregations, DifType, Program};
use crate::types::{Kind, TypeId, Types};

pub use format::normalize;

/// What code generation needs to know besides the program.
pub struct Context<'a> {
    /// The types of the program.
    pub types: &'a Types,
    /// The size of a string: the `strsize` option.
    pub strsize: u32,
    /// The aggregations of the handle: those of the program are added.
    pub aggregations: &'a mut Aggregations,
    /// Gives the number of a clause-local variable that nobody else uses.
    pub fresh_local: &'a mut dyn FnMut() -> u32,
}

/// Compiles a checked program. The statements are not numbered yet ([`Program::number`]).
pub fn compile(program: &typed::Program, context: &mut Context<'_>) -> Result<Program> {
    let mut ecbs = Vec::with_capacity(program.clauses.len());
    for clause in &program.clauses {
        clause::compile(clause, context, &mut ecbs)?;
    }
    Ok(Program { ecbs })
}

/// Compiles one expression to an object that returns its value: for a predicate, or an argument by itself.
pub fn compile_expr(expr: &typed::Expr, types: &Types, strsize: u32) -> Result<Rc<crate::program::Difo>> {
    expr::Generator::new(types, strsize).object(expr)
}

/// The kinds of CTF, which say in an object what its value is.
mod ctf {
    pub(super) const INTEGER: u8 = 1;
    pub(super) const FLOAT: u8 = 2;
    pub(super) const POINTER: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const FUNCTION: u8 = 5;
    pub(super) const STRUCT: u8 = 6;
    pub(super) const UNION: u8 = 7;
    pub(super) const ENUM: u8 = 8;
    pub(super) const FORWARD: u8 = 9;
}

/// The type of a value as the kernel sees it.
pub fn dif_type(types: &Types, strsize: u32, ty: TypeId) -> DifType {
    let ctf_kind = match types.base(ty) {
        Kind::String => return DifType { string: true, ctf_kind: 0, by_ref: true, size: strsize },
        Kind::Float { .. } => ctf::FLOAT,
        Kind::Pointer(_) => ctf::POINTER,
        Kind::Array { .. } => ctf::ARRAY,
        Kind::Function(_) => ctf::FUNCTION,
        Kind::Struct(_) => ctf::STRUCT,
        Kind::Union(_) => ctf::UNION,
        Kind::Enum(_) => ctf::ENUM,
        Kind::Forward { .. } => ctf::FORWARD,
        // `void` is an integer of no size.
        _ => ctf::INTEGER,
    };
    let size = types.size(ty).and_then(|s| u32::try_from(s).ok()).unwrap_or(0);
    DifType { string: false, ctf_kind, by_ref: types.is_by_ref(ty), size }
}

/// An `int` as a result.
const INT: DifType = DifType { string: false, ctf_kind: ctf::INTEGER, by_ref: false, size: 4 };
/// A 64-bit integer as a result.
const INT64: DifType = DifType { string: false, ctf_kind: ctf::INTEGER, by_ref: false, size: 8 };
