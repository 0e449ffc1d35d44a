//! Bounds: no text makes the checker recurse deeper, or build a deeper or larger tree, than is good.
//!
//! Three things are counted. How deep the checker recurses: that is bounded by the nesting of the text and of the inlines
//! it uses. How deep the checked tree is: chains of operators, which the checker walks in a loop, make it deeper than the
//! checker recurses, and operands of inlines put whole trees below others. And how large the expansions of inlines and
//! translators are, which double with each use of a parameter.

use super::super::ast::Pos;
use super::super::typed::{Expr, ExprKind};
use super::{Checker, MAX_DEPTH, MAX_EXPANDED, MAX_HEIGHT, MAX_NESTING, Result, Tag};

/// What a parameter of an inline or a translator stands for, and how much of a tree that is.
pub(super) struct Bound {
    pub(super) value: Expr,
    height: usize,
    size: usize,
}

impl Bound {
    /// A value that a parameter stands for.
    pub(super) fn new(value: Expr) -> Self {
        let (height, size) = measure(&value);
        Self { value, height, size }
    }
}

/// The height of a tree and the number of its nodes. The height is bounded, so this may recurse.
fn measure(expr: &Expr) -> (usize, usize) {
    let mut height = 0;
    let mut size = 1;
    let mut child = |expr: &Expr| {
        let (h, s) = measure(expr);
        height = height.max(h);
        size += s;
    };
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Var(_) => {}
        ExprKind::Builtin(_, inner)
        | ExprKind::Deref(inner)
        | ExprKind::AddressOf(inner)
        | ExprKind::Decay(inner)
        | ExprKind::Member { base: inner, .. }
        | ExprKind::Neg(inner)
        | ExprKind::BitNot(inner)
        | ExprKind::Not(inner)
        | ExprKind::Step { target: inner, .. }
        | ExprKind::Convert(inner)
        | ExprKind::ToString(inner) => child(inner),
        ExprKind::Binary(_, left, right)
        | ExprKind::Compare(_, left, right)
        | ExprKind::CompareStr(_, left, right)
        | ExprKind::Logical(_, left, right)
        | ExprKind::Assign(left, right)
        | ExprKind::AssignOp { target: left, value: right, .. } => {
            child(left);
            child(right);
        }
        ExprKind::Cond(condition, then, otherwise) => {
            child(condition);
            child(then);
            child(otherwise);
        }
        ExprKind::Element(_, list) | ExprKind::Call { args: list, .. } | ExprKind::Comma(list) => {
            list.iter().for_each(child);
        }
    }
    (height + 1, size)
}

impl Checker<'_> {
    fn too_deep<T>(&self, pos: Pos) -> Result<T> {
        Err(self.error(Tag::Syntax, pos, "expression is nested too deeply"))
    }

    /// Runs `inside` one level deeper.
    pub(super) fn deeper<T>(&mut self, pos: Pos, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return self.too_deep(pos);
        }
        if !self.frames.is_empty() {
            self.count_expanded(1, pos)?;
        }
        self.depth += 1;
        let result = self.below(1, pos, inside);
        self.depth -= 1;
        result
    }

    /// Runs `inside` where so many more levels of the tree are above.
    pub(super) fn below<T>(
        &mut self,
        levels: usize,
        pos: Pos,
        inside: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.height + levels > MAX_HEIGHT {
            return self.too_deep(pos);
        }
        self.height += levels;
        let result = inside(self);
        self.height -= levels;
        result
    }

    /// The value of a parameter, at a place where it is used.
    pub(super) fn bound_value(&mut self, name: &str, pos: Pos) -> Result<Option<Expr>> {
        let Some(bound) = self.frames.last().and_then(|frame| frame.get(name)) else { return Ok(None) };
        let (height, size) = (bound.height, bound.size);
        if self.height + height > MAX_HEIGHT {
            return self.too_deep(pos);
        }
        let value = Expr { pos, ..bound.value.clone() };
        self.count_expanded(size, pos)?;
        Ok(Some(value))
    }

    /// Counts the expansion of an inline or a translator, which is about to begin.
    pub(super) fn expand(&self, pos: Pos) -> Result<()> {
        if self.frames.len() >= MAX_NESTING {
            return Err(self.error(Tag::Syntax, pos, "inlines are nested too deeply"));
        }
        Ok(())
    }

    fn count_expanded(&mut self, nodes: usize, pos: Pos) -> Result<()> {
        self.expanded += nodes;
        if self.expanded > MAX_EXPANDED {
            return Err(self.error(Tag::Syntax, pos, "program expands too many inlines"));
        }
        Ok(())
    }
}
