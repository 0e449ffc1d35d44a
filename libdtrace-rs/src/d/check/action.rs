//! Statements and tracing actions.

use std::rc::Rc;

use super::super::ast::{self, ExprKind as Ast, Pos};
use super::super::typed::{Action, AggregationId, Datum, Expr, Formatted, Stmt, StmtKind};
use super::builtin::{ActionKind, BuiltinFunction, FunctionKind};
use super::ident::Aggregation;
use super::order::{Order, Step};
use super::{Checker, Result, Tag};
use crate::types::Kind;

impl Checker<'_> {
    /// The statements of a clause.
    pub(super) fn body(&mut self, stmts: &[ast::Stmt]) -> Result<Vec<Stmt>> {
        self.order = Order::default();
        self.statements(stmts)
    }

    fn statements(&mut self, stmts: &[ast::Stmt]) -> Result<Vec<Stmt>> {
        let mut result = Vec::with_capacity(stmts.len());
        for stmt in stmts {
            self.deeper(stmt.pos, |checker| checker.statement(stmt, &mut result))?;
        }
        Ok(result)
    }

    fn statement(&mut self, stmt: &ast::Stmt, result: &mut Vec<Stmt>) -> Result<()> {
        let pos = stmt.pos;
        let kind = match &stmt.kind {
            ast::StmtKind::Block(stmts) => {
                result.extend(self.statements(stmts)?);
                return Ok(());
            }
            ast::StmtKind::If { condition, then, otherwise } => {
                let condition = self.expr(condition)?;
                if !self.types.is_scalar(condition.ty) {
                    let message = "condition must be of scalar type";
                    return Err(self.error(Tag::PredScalar, condition.pos, message));
                }
                self.take_pending()?;
                let attribute = self.take_attribute(pos, "condition")?;
                let order = self.order;
                let then = self.statements(then)?;
                let after_then = std::mem::replace(&mut self.order, order);
                let otherwise = self.statements(otherwise)?;
                self.order = self.order.either(after_then);
                result.push(Stmt { pos, kind: StmtKind::If { condition, then, otherwise }, attribute });
                return Ok(());
            }
            ast::StmtKind::Expr(expr) => self.expression_statement(expr)?,
        };
        self.take_pending()?;
        let attribute = self.take_attribute(pos, "statement")?;
        result.push(Stmt { pos, kind, attribute });
        Ok(())
    }

    fn expression_statement(&mut self, expr: &ast::Expr) -> Result<StmtKind> {
        let pos = expr.pos;
        if let Ast::Assign { op, target, value } = &expr.kind
            && let Ast::Aggregation(aggregation) = &target.kind
        {
            if op.is_some() {
                let known = self.identifiers.find_aggregation(&aggregation.name).is_some();
                return Err(if known {
                    self.not_aggregating(&aggregation.name, pos)
                } else {
                    self.undefined(target)
                });
            }
            let aggregate = self.aggregate(aggregation, value, pos)?;
            self.take_pending()?;
            self.step_of_clause(Step::Aggregates, pos)?;
            return Ok(StmtKind::Aggregate(aggregate));
        }
        if let (Some(function), Ast::Call(_, args)) = (self.called(expr), &expr.kind)
            && let FunctionKind::Action(kind) = function.kind
        {
            let action = self.action(function, kind, args, pos)?;
            self.take_pending()?;
            self.step_of_clause(step_of(kind), pos)?;
            return Ok(StmtKind::Action(action));
        }
        if let Ast::Aggregation(aggregation) = &expr.kind {
            if aggregation.keys.is_none() {
                self.aggregation(aggregation, pos)?;
            }
            let message = format!("expression has null effect: @{}", aggregation.name);
            return Err(self.error(Tag::AggNull, pos, message));
        }
        let expr = self.expr(expr)?;
        self.take_pending()?;
        self.step_of_clause(Step::Nothing, pos)?;
        Ok(StmtKind::Expr(expr))
    }

    /// An action with its arguments checked.
    pub(super) fn action(
        &mut self,
        function: &'static BuiltinFunction,
        kind: ActionKind,
        args: &[ast::Expr],
        pos: Pos,
    ) -> Result<Action> {
        self.uses_name(function.name);
        let name = function.name;
        match kind {
            ActionKind::Clear => return self.clear(args, pos),
            ActionKind::Trunc => return self.trunc(args, pos),
            ActionKind::Normalize => return self.normalize(args, pos),
            ActionKind::Denormalize => {
                let [only] = args else {
                    let message =
                        format!("denormalize( ) prototype mismatch: {} args passed, 1 expected", args.len());
                    return Err(self.error(Tag::NormalizeProto, pos, message));
                };
                let aggregation = self.aggregation_argument(name, only, 1, Tag::NormalizeAggarg, pos)?;
                return Ok(Action::Denormalize(aggregation.id));
            }
            ActionKind::Printa => return self.printa(function, args, pos),
            ActionKind::Stack | ActionKind::Ustack | ActionKind::Jstack => {
                return self.stack(kind, name, args, pos).map(Action::Trace);
            }
            ActionKind::Tracemem => return self.tracemem(function, args, pos),
            ActionKind::Printf => return self.formatted(function, args, pos).map(Action::Printf),
            ActionKind::System => return self.formatted(function, args, pos).map(Action::System),
            ActionKind::Freopen => return self.freopen(function, args, pos),
            _ => {}
        }
        let mut values = self.arguments(function, args, pos)?.into_iter();
        let first = values.next();
        let second = values.next();
        Ok(match (kind, first) {
            (ActionKind::Trace | ActionKind::Print, Some(_))
                if matches!(args[0].kind, Ast::Aggregation(_)) =>
            {
                let (tag, hint) = match kind {
                    ActionKind::Print => (Tag::PrintAgg, ": printa( ) prints aggregations"),
                    _ => (Tag::TraceAgg, ""),
                };
                let message = format!("{name}( ) may not be applied to an aggregation{hint}");
                return Err(self.error(tag, pos, message));
            }
            (ActionKind::Trace, Some(value)) => Action::Trace(Datum::Expr(self.traceable(name, value, pos)?)),
            (ActionKind::Print, Some(value)) => Action::Print(self.traceable(name, value, pos)?),
            (ActionKind::Exit, Some(value)) => Action::Exit(value),
            (ActionKind::Raise, Some(value)) => Action::Raise(value),
            (ActionKind::Chill, Some(value)) => Action::Chill(value),
            (ActionKind::Speculate, Some(value)) => Action::Speculate(value),
            (ActionKind::Commit, Some(value)) => Action::Commit(value),
            (ActionKind::Discard, Some(value)) => Action::Discard(value),
            (ActionKind::Setopt, Some(value)) => Action::Setopt(value, second),
            (ActionKind::Sym, Some(value)) => Action::Trace(Datum::Sym(value)),
            (ActionKind::Mod, Some(value)) => Action::Trace(Datum::Mod(value)),
            (ActionKind::Usym, Some(value)) => Action::Trace(Datum::UserSym(value)),
            (ActionKind::Umod, Some(value)) => Action::Trace(Datum::UserMod(value)),
            (ActionKind::Uaddr, Some(value)) => Action::Trace(Datum::UserAddr(value)),
            (ActionKind::Test1, Some(value)) => Action::Test(1, value),
            (ActionKind::Test2, Some(value)) => Action::Test(2, value),
            (ActionKind::Stop, _) => Action::Stop,
            (ActionKind::Breakpoint, _) => Action::Breakpoint,
            (ActionKind::Panic, _) => Action::Panic,
            (ActionKind::Ftruncate, _) => Action::Ftruncate,
            (kind, _) => unreachable!("the prototype of {kind:?} asks for an argument"),
        })
    }

    /// A call of a stack or symbol action, which is a key of an aggregation too.
    pub(super) fn datum_action(&mut self, expr: &ast::Expr) -> Result<Option<Datum>> {
        let (Some(function), Ast::Call(_, args)) = (self.called(expr), &expr.kind) else { return Ok(None) };
        let FunctionKind::Action(kind) = function.kind else { return Ok(None) };
        let stacks_or_symbols = matches!(
            kind,
            ActionKind::Stack
                | ActionKind::Ustack
                | ActionKind::Jstack
                | ActionKind::Sym
                | ActionKind::Mod
                | ActionKind::Usym
                | ActionKind::Umod
                | ActionKind::Uaddr
        );
        if !stacks_or_symbols {
            return Ok(None);
        }
        match self.action(function, kind, args, expr.pos)? {
            Action::Trace(datum) => Ok(Some(datum)),
            other => unreachable!("{other:?} is no datum"),
        }
    }

    /// What `trace` and `print` record: any value.
    fn traceable(&self, name: &str, value: Expr, pos: Pos) -> Result<Expr> {
        let print = name == "print";
        let (tag, what) = match self.types.base(value.ty) {
            Kind::Void | Kind::Function(_) | Kind::Forward { .. } => {
                (if print { Tag::PrintVoid } else { Tag::TraceVoid }, "a void")
            }
            Kind::Dynamic => (if print { Tag::PrintDyn } else { Tag::TraceDyn }, "a dynamic"),
            _ if self.is_translated(&value) => {
                (if print { Tag::PrintDyn } else { Tag::TraceDyn }, "a dynamic")
            }
            _ => return Ok(value),
        };
        Err(self.error(tag, pos, format!("{name}( ) may not be applied to {what} expression")))
    }

    /// The aggregation that an argument names.
    fn aggregation_argument(
        &mut self,
        name: &str,
        arg: &ast::Expr,
        number: usize,
        tag: Tag,
        pos: Pos,
    ) -> Result<Aggregation> {
        if let Ast::Aggregation(reference) = &arg.kind {
            return self.aggregation(reference, arg.pos).map_err(|error| match (tag, &reference.keys) {
                (_, None) => error,
                (tag, Some(_)) => {
                    let undefined = match tag {
                        Tag::ClearAggarg => Tag::ClearAggbad,
                        Tag::TruncAggarg => Tag::TruncAggbad,
                        Tag::NormalizeAggarg => Tag::NormalizeAggbad,
                        _ => Tag::PrintaAggbad,
                    };
                    self.error(undefined, pos, format!("undefined aggregation: @{}", reference.name))
                }
            });
        }
        let value = self.expr(arg)?;
        let message = format!(
            "{name}( ) argument #{number} is incompatible with prototype:\n\tprototype: aggregation\n\t argument: {}",
            self.name_of(value.ty)
        );
        Err(self.error(tag, pos, message))
    }

    fn clear(&mut self, args: &[ast::Expr], pos: Pos) -> Result<Action> {
        let [only] = args else {
            let message = format!("clear( ) prototype mismatch: {} args passed, 1 expected", args.len());
            return Err(self.error(Tag::ClearProto, pos, message));
        };
        let aggregation = self.aggregation_argument("clear", only, 1, Tag::ClearAggarg, pos)?;
        Ok(Action::Clear(aggregation.id))
    }

    fn trunc(&mut self, args: &[ast::Expr], pos: Pos) -> Result<Action> {
        if args.is_empty() || args.len() > 2 {
            let expected = if args.is_empty() { "at least 1" } else { "no more than 2" };
            let message =
                format!("trunc( ) prototype mismatch: {} args passed, {expected} expected", args.len());
            return Err(self.error(Tag::TruncProto, pos, message));
        }
        let aggregation = self.aggregation_argument("trunc", &args[0], 1, Tag::TruncAggarg, pos)?;
        let count = match args.get(1) {
            None => None,
            Some(count) => {
                let count = self.expr(count)?;
                if !self.types.is_scalar(count.ty) {
                    let message = "trunc( ) argument #2 must be of scalar type";
                    return Err(self.error(Tag::TruncScalar, pos, message));
                }
                Some(count)
            }
        };
        Ok(Action::Trunc(aggregation.id, count))
    }

    fn normalize(&mut self, args: &[ast::Expr], pos: Pos) -> Result<Action> {
        let [aggregation, factor] = args else {
            let message = format!("normalize( ) prototype mismatch: {} args passed, 2 expected", args.len());
            return Err(self.error(Tag::NormalizeProto, pos, message));
        };
        let aggregation =
            self.aggregation_argument("normalize", aggregation, 1, Tag::NormalizeAggarg, pos)?;
        let factor = self.expr(factor)?;
        if !self.types.is_scalar(factor.ty) {
            let message = "normalize( ) argument #2 must be of scalar type";
            return Err(self.error(Tag::NormalizeScalar, pos, message));
        }
        Ok(Action::Normalize(aggregation.id, factor))
    }

    fn printa(&mut self, function: &'static BuiltinFunction, args: &[ast::Expr], pos: Pos) -> Result<Action> {
        let Some(first) = args.first() else {
            self.arguments(function, args, pos)?;
            unreachable!("the prototype asks for an argument");
        };
        let mut format: Option<Rc<[u8]>> = None;
        if let Ast::Str(text) = &first.kind {
            format = Some(text.clone());
            if args.len() < 2 {
                let message = format!("printa( ) prototype mismatch: {} args passed, 2 expected", args.len());
                return Err(self.error(Tag::PrintaProto, pos, message));
            }
        }
        let skipped = usize::from(format.is_some());
        let mut aggregations: Vec<Aggregation> = Vec::new();
        for (i, arg) in args.iter().enumerate().skip(skipped) {
            let found = self.aggregation_argument("printa", arg, i + 1, Tag::PrintaAggarg, pos)?;
            if let Some(first) = aggregations.first() {
                self.match_signatures(first, &found, pos)?;
            }
            aggregations.push(found);
        }
        let format = match format {
            None => None,
            Some(text) => {
                self.check_printa_format(&text, &aggregations, pos)?;
                Some(self.format_text(&text, pos)?)
            }
        };
        let aggregations: Vec<AggregationId> = aggregations.iter().map(|a| a.id).collect();
        Ok(Action::Printa { format, aggregations })
    }

    /// Aggregations that are printed together have the same keys.
    fn match_signatures(&self, first: &Aggregation, other: &Aggregation, pos: Pos) -> Result<()> {
        let keys = |a: &Aggregation| {
            let s = if a.keys.len() == 1 { "" } else { "s" };
            format!("@{} has {} key{s}", a.name, a.keys.len())
        };
        if first.keys.len() != other.keys.len() {
            let message = format!(
                "printa( ): @{} and @{} do not have matching key signatures: {}, {}",
                first.name,
                other.name,
                keys(first),
                keys(other)
            );
            return Err(self.error(Tag::PrintaAggkey, pos, message));
        }
        for (i, (&a, &b)) in first.keys.iter().zip(other.keys.iter()).enumerate() {
            let integers = self.types.is_integer(a) && self.types.is_integer(b);
            let strings = self.types.is_string_compatible(a) && self.types.is_string_compatible(b);
            if !integers && !strings && !self.types.same(a, b) {
                let n = i + 1;
                let message = format!(
                    "printa( ): @{}[ ] key #{n} is incompatible with @{}:\n{:>9} key #{n}: {}\n{:>9} key #{n}: {}",
                    other.name,
                    first.name,
                    first.name,
                    self.name_of(a),
                    other.name,
                    self.name_of(b)
                );
                return Err(self.error(Tag::PrintaAggproto, pos, message));
            }
        }
        Ok(())
    }

    /// A positive integer constant that fits 32 bits, or zero if that is allowed.
    fn count_argument(&mut self, arg: &ast::Expr, zero: bool) -> Result<Option<u32>> {
        let value = self.expr(arg)?;
        let constant = self.constant_of(&value).filter(|v| *v > 0 || zero);
        Ok(constant.and_then(|v| u32::try_from(v).ok()).filter(|v| *v <= i32::MAX as u32))
    }

    fn stack(&mut self, kind: ActionKind, name: &str, args: &[ast::Expr], pos: Pos) -> Result<Datum> {
        let most = if kind == ActionKind::Stack { 1 } else { 2 };
        if args.len() > most {
            let tag = if kind == ActionKind::Stack { Tag::StackProto } else { Tag::UstackProto };
            return Err(self.error(tag, pos, format!("{name}( ) prototype mismatch: too many arguments")));
        }
        let frames = match args.first() {
            None => 0,
            Some(arg) => self.count_argument(arg, false)?.ok_or_else(|| {
                if kind == ActionKind::Stack {
                    let message = "stack( ) size must be a non-zero positive integral constant expression";
                    self.error(Tag::StackSize, pos, message)
                } else {
                    let message =
                        format!("{name}( ) argument #1 must be a non-zero positive integer constant");
                    self.error(Tag::UstackFrames, pos, message)
                }
            })?,
        };
        let strings = match args.get(1) {
            None => 0,
            Some(arg) => self.count_argument(arg, true)?.ok_or_else(|| {
                let message = format!("{name}( ) argument #2 must be a positive integer constant");
                self.error(Tag::UstackStrsize, pos, message)
            })?,
        };
        Ok(match kind {
            ActionKind::Stack => Datum::Stack(frames),
            ActionKind::Ustack => Datum::UserStack { frames, strings },
            _ => Datum::JavaStack { frames, strings },
        })
    }

    fn tracemem(
        &mut self,
        function: &'static BuiltinFunction,
        args: &[ast::Expr],
        pos: Pos,
    ) -> Result<Action> {
        if args.len() > 3 {
            let message = "tracemem ( ) prototype mismatch: expected at most 3 args";
            return Err(self.error(Tag::TracememArgs, pos, message));
        }
        // The prototype counts the arguments and wants a number for the second.
        let Some(address) = self.arguments(function, args, pos)?.into_iter().next() else {
            unreachable!("the prototype asks for arguments");
        };
        let usable = self.types.is_pointer(address.ty)
            || self.types.is_integer(address.ty)
            || self.types.is_array(address.ty);
        if !usable {
            let message = format!(
                "tracemem( ) argument #1 is incompatible with prototype:\n\tprototype: pointer or integer\n\t argument: {}",
                self.name_of(address.ty)
            );
            return Err(self.error(Tag::TracememAddr, pos, message));
        }
        let address = if self.types.is_array(address.ty) { self.decay(address) } else { address };
        let Some(size) = self.count_argument(&args[1], false)? else {
            let message = "tracemem( ) argument #2 must be a non-zero positive integral constant expression";
            return Err(self.error(Tag::TracememSize, pos, message));
        };
        let length = match args.get(2) {
            None => None,
            Some(length) => {
                let length = self.expr(length)?;
                if !self.types.is_scalar(length.ty) {
                    let message = "tracemem ( ) dynamic size (argument #3) must be of scalar type";
                    return Err(self.error(Tag::TracememDynsize, pos, message));
                }
                Some(length)
            }
        };
        Ok(Action::TraceMem { address, size, length })
    }

    /// A format with its arguments: `printf`, `system`, `freopen`.
    fn formatted(
        &mut self,
        function: &'static BuiltinFunction,
        args: &[ast::Expr],
        pos: Pos,
    ) -> Result<Formatted> {
        let name = function.name;
        if args.is_empty() {
            self.arguments(function, args, pos)?;
        }
        let Ast::Str(text) = &args[0].kind else {
            let value = self.expr(&args[0])?;
            let message = format!(
                "{name}( ) argument #1 is incompatible with prototype:\n\tprototype: string constant\n\t argument: {}",
                self.name_of(value.ty)
            );
            return Err(self.error(Tag::PrintfArgFmt, pos, message));
        };
        let mut values = Vec::with_capacity(args.len() - 1);
        for arg in &args[1..] {
            values.push(self.expr(arg)?);
        }
        let types: Vec<_> = values.iter().map(|v| v.ty).collect();
        self.check_format(name, text, &types, pos)?;
        // A constant 0 where a string is wanted never gets here; an array of characters is passed as it is.
        Ok(Formatted {
            format: self.format_text(text, pos)?,
            args: values.into_iter().map(Datum::Expr).collect(),
        })
    }

    fn freopen(
        &mut self,
        function: &'static BuiltinFunction,
        args: &[ast::Expr],
        pos: Pos,
    ) -> Result<Action> {
        // freopen("") gives the output back to where it went at first.
        if let [ast::Expr { kind: Ast::Str(text), .. }] = args {
            if text.is_empty() {
                return Ok(Action::Freopen(Formatted { format: "".into(), args: Vec::new() }));
            }
            if &**text == b"." {
                let message = "freopen( ) argument #1 cannot be \".\"";
                return Err(self.error(Tag::FreopenInvalid, pos, message));
            }
        }
        self.formatted(function, args, pos).map(Action::Freopen)
    }

    /// A format as text: what is not UTF-8 cannot be printed anyway.
    fn format_text(&self, text: &Rc<[u8]>, pos: Pos) -> Result<Rc<str>> {
        match std::str::from_utf8(text) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.error(Tag::Syntax, pos, "format string is not valid UTF-8")),
        }
    }
}

/// What an action does, as far as the order of actions is concerned.
fn step_of(kind: ActionKind) -> Step {
    match kind {
        ActionKind::Speculate => Step::Speculates,
        ActionKind::Commit => Step::Commits,
        ActionKind::Discard => Step::Nothing,
        ActionKind::Exit => Step::Exits,
        ActionKind::Breakpoint
        | ActionKind::Chill
        | ActionKind::Panic
        | ActionKind::Raise
        | ActionKind::Stop => Step::Destroys,
        ActionKind::System | ActionKind::Freopen => Step::DestroysAndRecords,
        _ => Step::Records,
    }
}
