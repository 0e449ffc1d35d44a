//! The names that programs define and that live as long as the handle: variables, aggregations, inlines, constants,
//! translators.
//!
//! A program that fails leaves no trace here: the checker works on a copy that takes the place of the original when the
//! whole program is right.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::ast;
use super::super::typed::AggregationId;
use crate::program::{Attribute, VarScope};
use crate::types::TypeId;

/// The least number of a variable that a program defines (contract 2.4).
pub(super) const FIRST_VARIABLE: u32 = dtrace_abi::dif::VAR_OTHER_UBASE;
/// The greatest one.
const LAST_VARIABLE: u32 = dtrace_abi::dif::VAR_OTHER_MAX;

/// Everything that programs of one handle have defined.
#[derive(Clone, Debug, Default)]
pub struct Identifiers {
    pub(super) globals: HashMap<Rc<str>, Global>,
    /// Functions and `extern`s that C declarations tell of. D has no use for them; they take no name away.
    pub(super) declared: HashMap<Rc<str>, TypeId>,
    pub(super) threads: HashMap<Rc<str>, Variable>,
    pub(super) clauses: HashMap<Rc<str>, Variable>,
    aggregations: Vec<Aggregation>,
    /// Where in them a name is.
    aggregation_names: HashMap<Rc<str>, usize>,
    pub(super) translators: Vec<Rc<Translator>>,
    pub(super) providers: HashMap<Rc<str>, Rc<super::super::typed::Provider>>,
    /// What `#pragma D attributes` said of names, built-in ones included.
    pub(super) attributes: HashMap<Rc<str>, Attribute>,
    next: [u32; 3],
}

/// What a global name stands for.
#[derive(Clone, Debug)]
pub(super) enum Global {
    /// A variable.
    Variable(Variable),
    /// An enumeration constant.
    Constant { ty: TypeId, value: i64 },
    /// An inline.
    Inline(Rc<Inline>),
}

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) id: u32,
    /// The type of the variable or of an element; `None` until its first assignment.
    pub(super) ty: Option<TypeId>,
    /// The types of the keys of an associative array.
    pub(super) keys: Option<Rc<[TypeId]>>,
}

/// An inline definition.
#[derive(Debug)]
pub(super) struct Inline {
    pub(super) name: Rc<str>,
    pub(super) ty: TypeId,
    pub(super) params: Option<Vec<(Option<Rc<str>>, TypeId)>>,
    pub(super) value: Rc<ast::Expr>,
    pub(super) attribute: Attribute,
}

/// A translator.
#[derive(Debug)]
pub(super) struct Translator {
    pub(super) output: TypeId,
    pub(super) input: TypeId,
    pub(super) param: Rc<str>,
    pub(super) members: Vec<ast::TranslatorMember>,
}

/// An aggregation.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// Its name without `@`; `_` for the nameless one.
    pub name: Rc<str>,
    /// Its number, from 1.
    pub id: AggregationId,
    /// Its function: `DTRACEAGG_*`.
    pub kind: u32,
    /// The name of its function.
    pub function: &'static str,
    /// The packed parameters of `lquantize` and `llquantize`.
    pub param: u64,
    /// The types of its keys.
    pub keys: Rc<[TypeId]>,
    /// The line that defined it.
    pub line: u32,
    /// The limit that `lquantize` was given, which the packed parameters tell only roughly.
    pub(super) limit: i64,
}

impl Identifiers {
    /// The aggregation with this number.
    pub fn aggregation(&self, id: AggregationId) -> Option<&Aggregation> {
        self.aggregations.get((id.0 as usize).checked_sub(1)?)
    }

    /// All aggregations, in the order of their numbers.
    pub fn aggregations(&self) -> &[Aggregation] {
        &self.aggregations
    }

    /// The providers that programs declare, in the order of their names.
    pub fn providers(&self) -> Vec<Rc<super::super::typed::Provider>> {
        let mut providers: Vec<_> = self.providers.values().cloned().collect();
        providers.sort_by(|a, b| a.name.cmp(&b.name));
        providers
    }

    pub(super) fn find_aggregation(&self, name: &str) -> Option<&Aggregation> {
        self.aggregation_names.get(name).and_then(|&at| self.aggregations.get(at))
    }

    pub(super) fn add_aggregation(&mut self, aggregation: Aggregation) {
        self.aggregation_names.insert(aggregation.name.clone(), self.aggregations.len());
        self.aggregations.push(aggregation);
    }

    /// Whether the name is taken by something other than a type.
    pub fn is_taken(&self, name: &str) -> bool {
        self.globals.contains_key(name)
    }

    /// Begins a program: clause-local variables live no longer than one. Their numbers are not used again, because the
    /// variables of one number have one size in the device.
    pub(super) fn begin_program(&mut self) {
        self.clauses.clear();
    }

    /// The number of a clause-local variable that no program names, for the use of code generation. When the numbers are
    /// used up, programs that need one more are refused by the device.
    pub fn fresh_local(&mut self) -> u32 {
        self.number(VarScope::Local).unwrap_or(LAST_VARIABLE)
    }

    /// The number of a new variable, or `None` when they are used up.
    pub(super) fn number(&mut self, scope: VarScope) -> Option<u32> {
        let counter = &mut self.next[scope as usize];
        let id = FIRST_VARIABLE + *counter;
        if id > LAST_VARIABLE {
            return None;
        }
        *counter += 1;
        Some(id)
    }
}
