//! Aggregations: `@name[keys] = function(arguments)`, and references to them.

use std::rc::Rc;

use dtrace_abi::agg;
use dtrace_abi::agg::{LlquantizeArg, LquantizeArg};

use super::super::ast::{self, AggregationRef, ExprKind as Ast, Pos};
use super::super::typed::{Aggregate, AggregationId, Datum, Expr};
use super::builtin::FunctionKind;
use super::ident::Aggregation;
use super::{Checker, Result, Tag};
use crate::types::{Kind, TypeId};

/// The name of the nameless aggregation.
const NAMELESS: &str = "_";

/// What an aggregating function was given besides the value.
#[derive(Clone, Copy, Default)]
pub(super) struct Parameters {
    param: u64,
    limit: i64,
}

impl Checker<'_> {
    /// The aggregation that a reference names.
    pub(super) fn aggregation(&self, reference: &AggregationRef, pos: Pos) -> Result<Aggregation> {
        let name = if reference.name.is_empty() { NAMELESS } else { &reference.name };
        self.identifiers.find_aggregation(name).cloned().ok_or_else(|| {
            let message = format!("failed to resolve @{}: Unknown variable name", reference.name);
            self.error(Tag::IdentUndef, pos, message)
        })
    }

    /// An aggregation within an expression, where it has no value.
    pub(super) fn aggregation_value(&mut self, reference: &AggregationRef, pos: Pos) -> Result<Expr> {
        // With keys it says for itself that it is one.
        if reference.keys.is_none() {
            self.aggregation(reference, pos)?;
        }
        Ok(self.dynamic(pos, "aggregation"))
    }

    pub(super) fn not_aggregating(&self, name: &str, pos: Pos) -> super::Error {
        let message = format!("@{name} must be assigned the result of an aggregating function");
        self.error(Tag::AggFunc, pos, message)
    }

    /// `@name[keys] = function(arguments)`
    pub(super) fn aggregate(
        &mut self,
        target: &AggregationRef,
        value: &ast::Expr,
        pos: Pos,
    ) -> Result<Aggregate> {
        let shown = &target.name;
        let Ast::Call(_, args) = &value.kind else {
            // A fault in the value is the better message.
            self.expr(value)?;
            return Err(self.not_aggregating(shown, pos));
        };
        let Some(function) = self.called(value) else {
            // An undefined function is the better message.
            self.expr(value)?;
            return Err(self.not_aggregating(shown, pos));
        };
        let FunctionKind::Aggregating(kind) = function.kind else {
            return Err(self.not_aggregating(shown, pos));
        };
        self.uses_name(function.name);

        let mut keys = Vec::new();
        for (i, key) in target.keys.iter().flatten().enumerate() {
            keys.push(self.aggregation_key(key, i)?);
        }
        let key_types: Vec<TypeId> = keys.iter().map(|key| self.datum_type(key)).collect();
        let known =
            self.identifiers.find_aggregation(if shown.is_empty() { NAMELESS } else { shown }).cloned();
        if let Some(known) = &known {
            keys = self.match_aggregation_keys(known, keys, pos)?;
            if known.kind != kind {
                let message = format!(
                    "aggregation redefined: @{shown}\n\t current: @{shown} = {}( )\n\tprevious: @{shown} = {}( ) : line {}",
                    function.name, known.function, known.line
                );
                return Err(self.error(Tag::AggRedef, pos, message));
            }
        }
        let (value, increment, parameters) =
            self.aggregation_arguments(kind, function.name, args, known.as_ref(), pos)?;
        let (id, name) = match known {
            Some(known) => (known.id, known.name),
            None => {
                let number = u32::try_from(self.identifiers.aggregations().len() + 1).unwrap_or(u32::MAX);
                let name: Rc<str> = if shown.is_empty() { NAMELESS.into() } else { shown.clone() };
                self.identifiers.add_aggregation(Aggregation {
                    name: name.clone(),
                    id: AggregationId(number),
                    kind,
                    function: function.name,
                    param: parameters.param,
                    keys: key_types.into(),
                    line: pos.line,
                    limit: parameters.limit,
                });
                (AggregationId(number), name)
            }
        };
        Ok(Aggregate { id, name, keys, kind, value, increment, param: parameters.param })
    }

    /// A key: any value, or the result of a stack or symbol action.
    fn aggregation_key(&mut self, key: &ast::Expr, index: usize) -> Result<Datum> {
        if let Some(datum) = self.datum_action(key)? {
            return Ok(datum);
        }
        let expr = self.expr(key)?;
        self.check_key(&expr, index, true)?;
        Ok(Datum::Expr(expr))
    }

    /// The type of a datum.
    pub(super) fn datum_type(&self, datum: &Datum) -> TypeId {
        let t = self.types.intrinsics();
        match datum {
            Datum::Expr(expr) => expr.ty,
            Datum::Stack(_) | Datum::UserStack { .. } | Datum::JavaStack { .. } => t.stack,
            Datum::Sym(_) | Datum::Mod(_) => t.symaddr,
            Datum::UserSym(_) | Datum::UserMod(_) | Datum::UserAddr(_) => t.usymaddr,
        }
    }

    /// Checks keys against those that the aggregation had at first.
    fn match_aggregation_keys(
        &mut self,
        known: &Aggregation,
        keys: Vec<Datum>,
        pos: Pos,
    ) -> Result<Vec<Datum>> {
        let shown = format!("@{}", known.name);
        if keys.len() != known.keys.len() {
            let (n, s) = (keys.len(), if keys.len() == 1 { "" } else { "s" });
            let message =
                format!("{shown}[ ] prototype mismatch: {n} key{s} passed, {} expected", known.keys.len());
            return Err(self.error(Tag::ProtoLen, pos, message));
        }
        let mut result = Vec::with_capacity(keys.len());
        for (i, (key, &ty)) in keys.into_iter().zip(known.keys.iter()).enumerate() {
            let found = self.datum_type(&key);
            let fits = match &key {
                Datum::Expr(expr) => self.assignable(ty, expr) || self.types.same(ty, found),
                _ => self.types.same(ty, found),
            };
            if !fits {
                let message = format!(
                    "{shown}[ ] key #{} is incompatible with prototype:\n\tprototype: {}\n\t      key: {}",
                    i + 1,
                    self.name_of(ty),
                    self.name_of(found)
                );
                return Err(self.error(Tag::ProtoArg, pos, message));
            }
            result.push(match key {
                Datum::Expr(expr) if !self.types.same(ty, expr.ty) => Datum::Expr(self.convert(expr, ty)),
                other => other,
            });
        }
        Ok(result)
    }

    pub(super) fn aggregation_arguments(
        &mut self,
        kind: u32,
        name: &'static str,
        args: &[ast::Expr],
        known: Option<&Aggregation>,
        pos: Pos,
    ) -> Result<(Option<Expr>, Option<Expr>, Parameters)> {
        let (least, most) = match kind {
            agg::COUNT => (0, 0),
            agg::QUANTIZE => (1, 2),
            agg::LQUANTIZE => (3, 5),
            agg::LLQUANTIZE => (5, 6),
            _ => (1, 1),
        };
        if args.len() < least || args.len() > most {
            let s = if args.len() == 1 { "" } else { "s" };
            let (at_most, expected) =
                if args.len() > most && most > least { ("at most ", most) } else { ("", least) };
            let message = format!(
                "{name}( ) prototype mismatch: {} arg{s} passed, {at_most}{expected} expected",
                args.len()
            );
            return Err(self.error(Tag::ProtoLen, pos, message));
        }
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.expr(arg)?);
        }
        let int64 = self.types.intrinsics().int64;
        let scalar = |checker: &Self, value: Expr, number: usize| {
            let integer = matches!(
                checker.types.base(value.ty),
                Kind::Integer { .. } | Kind::Enum(_) | Kind::Pointer(_)
            );
            if !integer {
                let message = format!("{name}( ) argument #{number} must be of scalar type");
                return Err(checker.error(Tag::AggScalar, pos, message));
            }
            Ok(if checker.types.is_pointer(value.ty) { checker.convert(value, int64) } else { value })
        };
        let (parameters, rest) = match kind {
            agg::LQUANTIZE => (3, 4),
            agg::LLQUANTIZE => (4, 5),
            _ => (0, 1),
        };
        let mut values = values.into_iter();
        let value = values.next().map(|value| scalar(self, value, 1)).transpose()?;
        let params: Vec<Expr> = values.by_ref().take(parameters).collect();
        let increment = values.next().map(|value| {
            scalar(self, value, rest + 1).map_err(|_| {
                let number = rest + 1;
                let message =
                    format!("{name}( ) increment value (argument #{number}) must be of scalar type");
                self.error(Tag::ProtoArg, pos, message)
            })
        });
        let increment = increment.transpose()?;
        let parameters = match kind {
            agg::LQUANTIZE => self.lquantize(&params, known, pos)?,
            agg::LLQUANTIZE => self.llquantize(&params, known, pos)?,
            _ => Parameters::default(),
        };
        Ok((value, increment, parameters))
    }

    /// base, limit and step of `lquantize`.
    fn lquantize(&self, params: &[Expr], known: Option<&Aggregation>, pos: Pos) -> Result<Parameters> {
        let fault = |tag, message: &str| self.error(tag, pos, format!("lquantize( ) {message}"));
        let constant = |i: usize| params.get(i).and_then(|p| self.constant_of(p)).map(|v| v as i64);
        let base = constant(0)
            .ok_or_else(|| fault(Tag::LquantBasetype, "argument #1 must be an integer constant"))?;
        let limit = constant(1)
            .ok_or_else(|| fault(Tag::LquantLimtype, "argument #2 must be an integer constant"))?;
        let step = match params.get(2) {
            None => 1,
            Some(_) => constant(2).filter(|step| *step > 0).ok_or_else(|| {
                fault(Tag::LquantSteptype, "argument #3 must be a non-zero positive integer constant")
            })?,
        };
        let base = i32::try_from(base)
            .map_err(|_| fault(Tag::LquantBaseval, "argument #1 must be a 32-bit quantity"))?;
        let limit = i32::try_from(limit)
            .map_err(|_| fault(Tag::LquantLimval, "argument #2 must be a 32-bit quantity"))?;
        if limit < base {
            let message = "base (argument #1) must be less than limit (argument #2)";
            return Err(fault(Tag::LquantMismatch, message));
        }
        let step = u16::try_from(step)
            .map_err(|_| fault(Tag::LquantStepval, "argument #3 must be a 16-bit quantity"))?;
        let levels = (i64::from(limit) - i64::from(base)) / i64::from(step);
        if levels == 0 {
            let message = "step (argument #3) too large: must have at least one quantization level";
            return Err(fault(Tag::LquantSteplarge, message));
        }
        let levels = u16::try_from(levels).map_err(|_| {
            let message =
                "step (argument #3) too small: number of quantization levels must be a 16-bit quantity";
            fault(Tag::LquantStepsmall, message)
        })?;
        if let Some(known) = known {
            let old = LquantizeArg::unpack(known.param);
            let differs = |tag, what: &str, old: i64, new: i64| {
                let message =
                    format!("{what} doesn't match previous declaration: expected {old}, found {new}");
                fault(tag, &message)
            };
            if old.base != base {
                let (old, new) = (i64::from(old.base), i64::from(base));
                return Err(differs(Tag::LquantMatchbase, "base (argument #1)", old, new));
            }
            if known.limit != i64::from(limit) {
                return Err(differs(
                    Tag::LquantMatchlim,
                    "limit (argument #2)",
                    known.limit,
                    i64::from(limit),
                ));
            }
            if old.step != step {
                let (old, new) = (i64::from(old.step), i64::from(step));
                return Err(differs(Tag::LquantMatchstep, "step (argument #3)", old, new));
            }
        }
        Ok(Parameters { param: LquantizeArg { base, step, levels }.pack(), limit: i64::from(limit) })
    }

    /// factor, low and high magnitude, and steps of `llquantize`.
    fn llquantize(&self, params: &[Expr], known: Option<&Aggregation>, pos: Pos) -> Result<Parameters> {
        const WHAT: [(&str, Tag, Tag); 4] = [
            ("factor", Tag::LlquantFactortype, Tag::LlquantFactorval),
            ("low magnitude", Tag::LlquantLowtype, Tag::LlquantLowval),
            ("high magnitude", Tag::LlquantHightype, Tag::LlquantHighval),
            ("linear steps per magnitude", Tag::LlquantNsteptype, Tag::LlquantNstepval),
        ];
        let fault = |tag, message: &str| self.error(tag, pos, format!("llquantize( ) {message}"));
        let mut values = [0_u16; 4];
        for (i, ((what, bad_type, bad_value), slot)) in WHAT.into_iter().zip(&mut values).enumerate() {
            let Some(value) = params.get(i).and_then(|p| self.constant_of(p)) else {
                let message = format!("argument #{} ({what}) must be an integer constant", i + 1);
                return Err(fault(bad_type, &message));
            };
            *slot = u16::try_from(value).map_err(|_| {
                fault(bad_value, &format!("argument #{} ({what}) must be an unsigned 16-bit quantity", i + 1))
            })?;
        }
        let [factor, low, high, nsteps] = values;
        if factor < 2 {
            return Err(fault(Tag::LlquantFactorsmall, "factor (argument #1) must be two or more"));
        }
        if low >= high {
            let message = "high magnitude (argument #3) must be greater than low magnitude (argument #2)";
            return Err(fault(Tag::LlquantMagrange, message));
        }
        if factor > nsteps {
            let message = "factor (argument #1) must be less than or equal to the number of linear steps per \
                           magnitude (argument #4)";
            return Err(fault(Tag::LlquantFactornsteps, message));
        }
        // The highest magnitude reaches to the next power.
        if u64::from(factor).checked_pow(u32::from(high) + 1).is_none() {
            let message =
                format!("factor ({factor}) raised to power of high magnitude ({high}) overflows 64-bits");
            return Err(fault(Tag::LlquantMagtoobig, &message));
        }
        // The steps must divide a power of the factor evenly, or their ends would not be whole numbers.
        let mut power = u64::from(factor);
        while power < u64::from(nsteps) {
            power *= u64::from(factor);
        }
        if nsteps % factor != 0 || power % u64::from(nsteps) != 0 {
            let message = "factor (argument #1) must evenly divide the number of steps per magnitude (argument #4), \
                           and the number of steps per magnitude must evenly divide a power of the factor";
            return Err(fault(Tag::LlquantFactoreven, message));
        }
        if let Some(known) = known {
            let old = LlquantizeArg::unpack(known.param);
            for (tag, what, old, new) in [
                (Tag::LlquantFactormatch, "factor (argument #1)", old.factor, factor),
                (Tag::LlquantLowmatch, "low magnitude (argument #2)", old.low, low),
                (Tag::LlquantHighmatch, "high magnitude (argument #3)", old.high, high),
                (Tag::LlquantNstepmatch, "linear steps per magnitude (argument #4)", old.nsteps, nsteps),
            ] {
                if old != new {
                    let message =
                        format!("{what} doesn't match previous declaration: expected {old}, found {new}");
                    return Err(fault(tag, &message));
                }
            }
        }
        Ok(Parameters { param: LlquantizeArg { factor, low, high, nsteps }.pack(), limit: 0 })
    }
}
