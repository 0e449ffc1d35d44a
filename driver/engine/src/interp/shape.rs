//! Objects so small that running them needs no registers.
//!
//! Most of what the compiler makes for a clause is an object of two to eight instructions in one of a few forms: a
//! constant, a variable, a comparison of a variable with a constant as predicate, an increment, a store to a variable.
//! [`recognise`] finds them when code is decoded, by the whole of their instructions, and [`super::quick`] does what they do
//! at once. Everything else is [`Shape::General`].

use super::array::{ArrayUse, recognise_array};
use super::code::{ALWAYS, Insn, Op};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An integer, or the address of a string.
    Constant(u64),
    Arg(u32),
    Global(u32),
    Local(u32),
    Thread(u32),
    Builtin(u32),
}

/// A variable that a value goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Global(u32),
    Local(u32),
    Thread(u32),
}

/// What the whole of an object does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    General,
    Value(Source),
    /// 1 if the condition holds for the value and the constant, else 0.
    Compare {
        source: Source,
        constant: u64,
        condition: u8,
    },
    /// Adds a constant to a global word; the value is the new one, or the one before.
    Add {
        global: u32,
        constant: u64,
        before: bool,
    },
    /// Stores; the value is what is stored.
    Store {
        target: Target,
        source: Source,
    },
    /// The first minus the second.
    Difference(Source, Source),
    /// Uses an element of an associative array.
    Array(ArrayUse),
}

/// The source and the register of an instruction that loads.
pub(super) fn source(insn: Insn) -> Option<(Source, u8)> {
    let source = match insn.op {
        Op::Imm => Source::Constant(insn.imm),
        Op::Arg => Source::Arg(insn.x),
        Op::Global => Source::Global(insn.x),
        Op::Local => Source::Local(insn.x),
        Op::Thread => Source::Thread(insn.x),
        Op::Builtin => Source::Builtin(insn.x),
        _ => return None,
    };
    Some((source, insn.d))
}

/// The target and the register of an instruction that stores.
fn target(insn: Insn) -> Option<(Target, u8)> {
    let target = match insn.op {
        Op::SetGlobal => Target::Global(insn.x),
        Op::SetLocal => Target::Local(insn.x),
        Op::SetThread => Target::Thread(insn.x),
        _ => return None,
    };
    Some((target, insn.a))
}

/// What decoded, not yet fused instructions do as a whole.
pub(crate) fn recognise(insns: &[Insn]) -> Shape {
    shape(insns).or_else(|| recognise_array(insns).map(Shape::Array)).unwrap_or(Shape::General)
}

fn shape(insns: &[Insn]) -> Option<Shape> {
    let (last, body) = insns.split_last()?;
    let (first, rest) = body.split_first()?;
    let (value, register) = source(*first)?;
    match *rest {
        [] if last.a == register => Some(Shape::Value(value)),
        [store] => {
            let (to, from) = target(store)?;
            (from == register && last.a == register).then_some(Shape::Store { target: to, source: value })
        }
        [second, sub] if sub.op == Op::Sub => {
            let (other, second) = source(second)?;
            let fits = sub.a == register && sub.b == second && register != second && last.a == sub.d;
            fits.then_some(Shape::Difference(value, other))
        }
        [constant, add, store] if add.op == Op::Add => {
            let (Source::Global(global), (Source::Constant(constant), second)) = (value, source(constant)?)
            else {
                return None;
            };
            let (Target::Global(to), from) = target(store)? else { return None };
            let fits =
                add.a == register && add.b == second && register != second && to == global && from == add.d;
            let before = last.a == register && add.d != register;
            (fits && (before || last.a == add.d)).then_some(Shape::Add { global, constant, before })
        }
        // The branches are counted from the start of the object.
        [constant, cmp, branch, zero, over, one] => {
            let ((Source::Constant(constant), second), (Source::Constant(1), yes)) =
                (source(constant)?, source(one)?)
            else {
                return None;
            };
            let fits = cmp.op == Op::Cmp
                && (cmp.a, cmp.b) == (register, second)
                && register != second
                && (branch.op, branch.x) == (Op::Branch, 6)
                && (zero.op, zero.a, zero.d) == (Op::Mov, 0, last.a)
                && (over.op, over.d, over.x) == (Op::Branch, ALWAYS, 7)
                && yes == last.a;
            fits.then_some(Shape::Compare { source: value, constant, condition: branch.d })
        }
        _ => None,
    }
}
