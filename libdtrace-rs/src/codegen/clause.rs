//! Clauses: predicate and statements become enabling control blocks with their actions.
//!
//! `if` has no counterpart in the kernel. A clause that has one becomes several control blocks of the same probe, which run in
//! order and each have a predicate: a clause-local variable says which branch was chosen. It is 1 in the branch that runs
//! when the condition holds, 2 in the other, and 0 in neither, which the first block, one without predicate, sets it to.

use std::rc::Rc;

use dtrace_abi::{action, agg};

use super::expr::Generator;
use super::{Context, INT, compile_expr, dif_type, format};
use crate::d::ast::Pos;
use crate::d::typed::{
    self, Action as A, Aggregate, AggregationId, BinaryOp, Clause, Datum, Expr, ExprKind, Formatted, Var,
};
use crate::error::{Code, Result};
use crate::program::{
    Action, ActionArg, Aggregation, Attribute, DifType, Difo, Ecb, LibAction, Stmt, StmtKind, VarScope,
};
use crate::types::TypeId;

/// Compiles a clause and appends its control blocks.
pub(super) fn compile(clause: &Clause, context: &mut Context<'_>, ecbs: &mut Vec<Ecb>) -> Result<()> {
    if !clause.stmts.iter().any(|s| matches!(s.kind, typed::StmtKind::If { .. })) {
        let predicate = match &clause.predicate {
            Some(p) => Some(compile_expr(p, context.types, context.strsize)?),
            None => None,
        };
        let stmts = clause.stmts.iter().map(|s| statement(s, context)).collect::<Result<Vec<_>>>()?;
        ecbs.push(ecb(clause, predicate, stmts));
        return Ok(());
    }
    let start = ecbs.len();
    let mut branches = Branches { clause, context, first: Vec::new(), blocks: Vec::new() };
    let root = match &clause.predicate {
        Some(p) => {
            let var = branches.choice();
            // A predicate is a choice without another branch.
            let chosen = branches.set(&var, p, clause.attribute)?;
            branches.first.push(chosen);
            Some((var, 1))
        }
        None => None,
    };
    branches.walk(&clause.stmts, root.as_ref())?;
    let Branches { first, mut blocks, .. } = branches;
    // What prepares the choices runs whatever the predicate says; without one the clause's own first block does too.
    match blocks.first_mut() {
        Some((None, stmts)) => {
            stmts.splice(0..0, first);
        }
        _ => ecbs.push(ecb(clause, None, first)),
    }
    for (guard, stmts) in blocks {
        let predicate = match &guard {
            Some((var, branch)) => {
                let equal = compare(context, var, *branch);
                Some(compile_expr(&equal, context.types, context.strsize)?)
            }
            None => None,
        };
        ecbs.push(ecb(clause, predicate, stmts));
    }
    ecbs[start..].iter_mut().skip(1).for_each(|ecb| ecb.continues = true);
    Ok(())
}

fn ecb(clause: &Clause, predicate: Option<Rc<Difo>>, stmts: Vec<Stmt>) -> Ecb {
    Ecb {
        probe: clause.probe.clone(),
        predicate,
        stmts,
        uarg: 0,
        attribute: clause.attribute,
        continues: false,
    }
}

/// Which branch of which choice a block belongs to.
type Guard = (Var, u64);

/// A clause with `if`, cut into blocks.
struct Branches<'a, 'c> {
    clause: &'a Clause,
    context: &'a mut Context<'c>,
    /// What the first block does: it sets every choice to 0.
    first: Vec<Stmt>,
    blocks: Vec<(Option<Guard>, Vec<Stmt>)>,
}

impl Branches<'_, '_> {
    /// A new choice.
    fn choice(&mut self) -> Var {
        let id = (self.context.fresh_local)();
        let ty = self.context.types.intrinsics().int;
        Var { id, scope: VarScope::Local, name: "if".into(), array: false, ty }
    }

    /// The statement that sets a choice by a condition: 1 if it holds, else 2.
    fn set(&self, var: &Var, condition: &Expr, attribute: Attribute) -> Result<Stmt> {
        let int = |value| expr(condition.pos, var.ty, ExprKind::Int(value));
        let value = ExprKind::Cond(Box::new(condition.clone()), Box::new(int(1)), Box::new(int(2)));
        self.assignment(var, expr(condition.pos, var.ty, value), attribute)
    }

    fn assignment(&self, var: &Var, value: Expr, attribute: Attribute) -> Result<Stmt> {
        let pos = value.pos;
        let target = expr(pos, var.ty, ExprKind::Var(var.clone()));
        let assign = expr(pos, var.ty, ExprKind::Assign(Box::new(target), Box::new(value)));
        let action = effect(&assign, self.context)?;
        Ok(Stmt { number: 0, kind: StmtKind::Expression, actions: vec![action], attribute })
    }

    fn walk(&mut self, stmts: &[typed::Stmt], guard: Option<&Guard>) -> Result<()> {
        let mut block = Vec::new();
        for s in stmts {
            let typed::StmtKind::If { condition, then, otherwise } = &s.kind else {
                block.push(statement(s, self.context)?);
                continue;
            };
            let var = self.choice();
            let zero = expr(s.pos, var.ty, ExprKind::Int(0));
            let clear = self.assignment(&var, zero, self.clause.attribute)?;
            self.first.push(clear);
            block.push(self.set(&var, condition, s.attribute)?);
            self.blocks.push((guard.cloned(), std::mem::take(&mut block)));
            self.walk(then, Some(&(var.clone(), 1)))?;
            self.walk(otherwise, Some(&(var, 2)))?;
        }
        if !block.is_empty() {
            self.blocks.push((guard.cloned(), block));
        }
        Ok(())
    }
}

fn expr(pos: Pos, ty: TypeId, kind: ExprKind) -> Expr {
    Expr { pos, ty, user: false, kind }
}

/// `this->if == branch`
fn compare(context: &Context<'_>, var: &Var, branch: u64) -> Expr {
    let int = context.types.intrinsics().int;
    let pos = Pos::default();
    let read = expr(pos, int, ExprKind::Var(var.clone()));
    let want = expr(pos, int, ExprKind::Int(branch));
    expr(pos, int, ExprKind::Compare(BinaryOp::Eq, Box::new(read), Box::new(want)))
}

/// A statement with its actions.
fn statement(stmt: &typed::Stmt, context: &mut Context<'_>) -> Result<Stmt> {
    let (kind, actions) = match &stmt.kind {
        typed::StmtKind::Expr(e) => (StmtKind::Expression, vec![effect(e, context)?]),
        typed::StmtKind::Action(a) => tracing(a, context)?,
        typed::StmtKind::Aggregate(a) => aggregate(a, context)?,
        typed::StmtKind::If { .. } => unreachable!("branches are cut out before"),
    };
    Ok(Stmt { number: 0, kind, actions, attribute: stmt.attribute })
}

/// An action with an object and a number.
fn with(kind: u32, difo: Rc<Difo>, arg: u64, ty: Option<TypeId>) -> Action {
    Action { kind, difo: Some(difo), ntuple: 0, arg: ActionArg::Value(arg), discarded: false, ty }
}

/// An action without an object.
fn bare(kind: u32, arg: u64) -> Action {
    Action { kind, difo: None, ntuple: 0, arg: ActionArg::Value(arg), discarded: false, ty: None }
}

/// The action of an expression that stands for its effect: its record is empty.
fn effect(e: &Expr, context: &Context<'_>) -> Result<Action> {
    Ok(Action { discarded: true, ..record(action::DIFEXPR, e, context)? })
}

/// The action that records the value of an expression.
fn record(kind: u32, e: &Expr, context: &Context<'_>) -> Result<Action> {
    Ok(with(kind, compile_expr(e, context.types, context.strsize)?, 0, Some(e.ty)))
}

/// The action that records the value of an expression as an `int`.
fn record_int(kind: u32, e: &Expr, context: &Context<'_>) -> Result<Action> {
    let difo = Generator::new(context.types, context.strsize).object_of(e, INT)?;
    Ok(with(kind, difo, 0, Some(context.types.intrinsics().int)))
}

/// The action of a datum.
fn datum(d: &Datum, context: &Context<'_>) -> Result<Action> {
    let stack = |frames: u32, strings: u32| u64::from(strings) << 32 | u64::from(frames);
    Ok(match d {
        Datum::Expr(e) => record(action::DIFEXPR, e, context)?,
        Datum::Stack(frames) => bare(action::STACK, u64::from(*frames)),
        Datum::UserStack { frames, strings } => bare(action::USTACK, stack(*frames, *strings)),
        Datum::JavaStack { frames, strings } => bare(action::JSTACK, stack(*frames, *strings)),
        Datum::Sym(e) => record(action::SYM, e, context)?,
        Datum::Mod(e) => record(action::MOD, e, context)?,
        Datum::UserSym(e) => record(action::USYM, e, context)?,
        Datum::UserMod(e) => record(action::UMOD, e, context)?,
        Datum::UserAddr(e) => record(action::UADDR, e, context)?,
    })
}

/// The type that a datum's conversion sees.
fn datum_type(d: &Datum, context: &Context<'_>) -> TypeId {
    let i = context.types.intrinsics();
    match d {
        Datum::Expr(e) => e.ty,
        Datum::Stack(_) | Datum::UserStack { .. } | Datum::JavaStack { .. } => i.stack,
        Datum::Sym(_) | Datum::Mod(_) => i.symaddr,
        Datum::UserSym(_) | Datum::UserMod(_) | Datum::UserAddr(_) => i.usymaddr,
    }
}

/// The actions of a format and its arguments: one for each argument, and one even if there is none.
fn formatted(kind: u32, f: &Formatted, context: &Context<'_>) -> Result<(Rc<str>, Vec<Action>)> {
    let types: Vec<TypeId> = f.args.iter().map(|d| datum_type(d, context)).collect();
    let text: Rc<str> = format::normalize(&f.format, context.types, &types, &[]).into();
    let mut actions = Vec::with_capacity(f.args.len().max(1));
    for d in &f.args {
        actions.push(match d {
            Datum::Expr(e) => {
                let difo = compile_expr(e, context.types, context.strsize)?;
                Action {
                    kind,
                    difo: Some(difo),
                    ntuple: 0,
                    arg: ActionArg::String(text.clone()),
                    discarded: false,
                    ty: Some(e.ty),
                }
            }
            other => datum(other, context)?,
        });
    }
    if actions.is_empty() {
        let difo = Some(Generator::nothing()?);
        actions.push(Action {
            kind,
            difo,
            ntuple: 0,
            arg: ActionArg::String(text.clone()),
            discarded: false,
            ty: None,
        });
    }
    Ok((text, actions))
}

fn aggregation(id: AggregationId, context: &Context<'_>) -> Result<Rc<Aggregation>> {
    context.aggregations.get(id.0).cloned().ok_or_else(|| Code::NoAggregation.into())
}

/// An action of the library, with the number of an aggregation or another as its record.
fn library(what: LibAction, value: u64) -> Result<Action> {
    Ok(with(action::LIBACT, Generator::constant(value)?, what as u64, None))
}

fn tracing(a: &A, context: &Context<'_>) -> Result<(StmtKind, Vec<Action>)> {
    let plain = |action| (StmtKind::Plain, vec![action]);
    Ok(match a {
        A::Trace(d) => plain(datum(d, context)?),
        A::Print(e) => (StmtKind::Print(e.ty), vec![record(action::DIFEXPR, e, context)?]),
        A::TraceMem { address, size, length } => {
            let mut actions = Vec::new();
            if let Some(length) = length {
                let difo = Generator::new(context.types, context.strsize).object_of(length, super::INT64)?;
                actions.push(with(action::TRACEMEM_DYNSIZE, difo, 0, Some(length.ty)));
            }
            let ty = dif_type(context.types, context.strsize, address.ty);
            let memory = DifType { string: false, by_ref: true, size: *size, ..ty };
            let difo = Generator::new(context.types, context.strsize).object_of(address, memory)?;
            actions.push(with(action::TRACEMEM, difo, 0, None));
            (StmtKind::Plain, actions)
        }
        A::Printf(f) => {
            let (text, actions) = formatted(action::PRINTF, f, context)?;
            (StmtKind::Printf(text), actions)
        }
        A::System(f) => {
            let (text, actions) = formatted(action::SYSTEM, f, context)?;
            (StmtKind::System(text), actions)
        }
        A::Freopen(f) => {
            let (text, actions) = formatted(action::FREOPEN, f, context)?;
            (StmtKind::Freopen(text), actions)
        }
        A::Printa { format, aggregations } => printa(format.as_deref(), aggregations, context)?,
        A::Exit(e) => plain(record_int(action::EXIT, e, context)?),
        A::Stop => plain(bare(action::STOP, 0)),
        A::Raise(e) => plain(record(action::RAISE, e, context)?),
        A::Breakpoint => plain(bare(action::BREAKPOINT, 0)),
        A::Panic => plain(bare(action::PANIC, 0)),
        A::Chill(e) => plain(record(action::CHILL, e, context)?),
        A::Speculate(e) => plain(record(action::SPECULATE, e, context)?),
        A::Commit(e) => plain(record(action::COMMIT, e, context)?),
        A::Discard(e) => plain(record(action::DISCARD, e, context)?),
        A::Clear(id) => {
            let kind = StmtKind::Library(LibAction::Clear, Some(aggregation(*id, context)?));
            (kind, vec![library(LibAction::Clear, u64::from(id.0))?])
        }
        A::Denormalize(id) => {
            let kind = StmtKind::Library(LibAction::Denormalize, Some(aggregation(*id, context)?));
            (kind, vec![library(LibAction::Denormalize, u64::from(id.0))?])
        }
        A::Trunc(id, count) => {
            let count = match count {
                Some(e) => Action {
                    arg: ActionArg::Value(LibAction::Trunc as u64),
                    ..record(action::LIBACT, e, context)?
                },
                None => library(LibAction::Trunc, 0)?,
            };
            let kind = StmtKind::Library(LibAction::Trunc, Some(aggregation(*id, context)?));
            (kind, vec![library(LibAction::Trunc, u64::from(id.0))?, count])
        }
        A::Normalize(id, factor) => {
            let arg = ActionArg::Value(LibAction::Normalize as u64);
            let factor = Action { arg, ..record(action::LIBACT, factor, context)? };
            let kind = StmtKind::Library(LibAction::Normalize, Some(aggregation(*id, context)?));
            (kind, vec![library(LibAction::Normalize, u64::from(id.0))?, factor])
        }
        A::Ftruncate => {
            (StmtKind::Library(LibAction::Ftruncate, None), vec![library(LibAction::Ftruncate, 0)?])
        }
        A::Setopt(name, value) => {
            let arg = || ActionArg::Value(LibAction::Setopt as u64);
            let name = Action { arg: arg(), ..record(action::LIBACT, name, context)? };
            let value = match value {
                Some(e) => Action { arg: arg(), ..record(action::LIBACT, e, context)? },
                None => library(LibAction::Setopt, 0)?,
            };
            (StmtKind::Library(LibAction::Setopt, None), vec![name, value])
        }
        A::Test(n, value) => {
            let kind = if *n == 1 { action::TEST1 } else { action::TEST2 };
            plain(record(kind, value, context)?)
        }
    })
}

fn printa(
    format: Option<&str>,
    ids: &[AggregationId],
    context: &Context<'_>,
) -> Result<(StmtKind, Vec<Action>)> {
    let aggregations = ids.iter().map(|&id| aggregation(id, context)).collect::<Result<Vec<_>>>()?;
    let text: Option<Rc<str>> = format.map(|f| {
        let refs: Vec<&Aggregation> = aggregations.iter().map(|a| &**a).collect();
        let keys = aggregations.first().map_or(&[][..], |a| &a.keys[..]);
        format::normalize(f, context.types, keys, &refs).into()
    });
    let mut actions = Vec::with_capacity(ids.len());
    for id in ids {
        let difo = Some(Generator::constant(u64::from(id.0))?);
        let arg = text.clone().map_or(ActionArg::Value(0), ActionArg::String);
        actions.push(Action { kind: action::PRINTA, difo, ntuple: 0, arg, discarded: false, ty: None });
    }
    Ok((StmtKind::Printa(text, aggregations), actions))
}

fn aggregate(a: &Aggregate, context: &mut Context<'_>) -> Result<(StmtKind, Vec<Action>)> {
    let known = context.aggregations.add(Aggregation {
        name: a.name.clone(),
        id: a.id.0,
        kind: a.kind,
        keys: a.keys.iter().map(|d| datum_type(d, context)).collect(),
    });
    // The first key is the number of the aggregation: it tells apart what different names aggregate under equal keys.
    let mut actions = vec![with(action::DIFEXPR, Generator::constant(u64::from(a.id.0))?, 0, None)];
    for key in &a.keys {
        actions.push(datum(key, context)?);
    }
    if let Some(increment) = &a.increment {
        // It is computed before the value and takes no room in the key.
        actions.push(effect(increment, context)?);
    }
    let difo = match &a.value {
        Some(value) => Some(compile_expr(value, context.types, context.strsize)?),
        None => None,
    };
    debug_assert!(agg::COUNT <= a.kind && a.kind <= agg::LLQUANTIZE, "an aggregating action");
    let ntuple = u32::try_from(actions.len()).map_err(|_| Code::NoTupleReg)?;
    let ty = a.value.as_ref().map(|v| v.ty);
    actions.push(Action { kind: a.kind, difo, ntuple, arg: ActionArg::Value(a.param), discarded: false, ty });
    Ok((StmtKind::Aggregate(known), actions))
}
