//! From the syntax tree to the checked tree: names are resolved, types are checked and converted, actions are recognised.
//!
//! A clause is checked once for each of its probe descriptions, because the types of `args[]` depend on the probe. The
//! result is one [`typed::Clause`] for each.
//!
//! Errors carry the tags that are published and the wording of the original. The first fault ends the compilation.
//!
//! What an inline or a translator says is checked where it is defined, and again, with its operands in place, wherever it
//! is used. The number of such expansions and the depth of the resulting tree are bounded, so that ten lines of inlines
//! cannot make a tree of a billion nodes.

mod action;
mod aggregate;
mod bound;
mod builtin;
mod call;
mod convert;
mod declare;
mod env;
mod expr;
mod format;
mod ident;
mod inline;
mod member;
mod operator;
mod order;
mod pragma;
mod probe;
mod provider;
#[cfg(test)]
mod tests;
mod typename;

use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{self, Item, Pos};
use super::macros::Macros;
use super::parser::{self, SpecKind, TypeNames};
use super::tree;
use super::typed::{self, Clause, Expr, Program};
use crate::error::{Code, Diagnostic, Error, Part, Result, Tag};
use crate::options::Version;
use crate::program::{Attribute, ProbeDesc};
use crate::types::{TypeId, Types};

pub(crate) use builtin::is_known;
pub use env::{Environment, ProbeArg, Probes, Symbol};
pub use ident::{Aggregation, Identifiers};
pub use probe::parse_description;

/// How deep the checker recurses: a level of it takes several kilobytes of an unoptimised build's stack.
const MAX_DEPTH: usize = 160;

/// How deep the checked tree may be. Chains of operators, which the checker walks in a loop, make it deeper than the checker
/// recurses; later passes recurse over it with small frames.
const MAX_HEIGHT: usize = 640;

/// How deep inlines and translators may be expanded within each other.
const MAX_NESTING: usize = 48;

/// How many nodes the expansions of inlines and translators in one program may have.
const MAX_EXPANDED: usize = 200_000;

/// How a program is to be compiled.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How probe descriptions are counted.
    pub spec: SpecKind,
    /// Whether a description may match no probe (`-Z`).
    pub allow_zero_matches: bool,
    /// Whether a program may be empty (`-x empty`).
    pub allow_empty: bool,
    /// Whether macro arguments may stay unused (`-x argref`).
    pub allow_unused_args: bool,
    /// The least stability that anything used may have (`-x amin`).
    pub minimum: Option<Attribute>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            spec: SpecKind::None,
            allow_zero_matches: false,
            allow_empty: false,
            allow_unused_args: false,
            minimum: None,
        }
    }
}

/// The stability of what a D program defines.
const DEFINED: Attribute = Attribute { name: 6, data: 6, class: 5 };
/// The stability of the kernel's symbols and types.
const KERNEL: Attribute = Attribute { name: 1, data: 1, class: 0 };

/// Compiles a text to its checked form. On success `identifiers` and `types` hold what the program defines; on failure
/// they are as they were.
pub fn compile(
    text: &[u8],
    options: Options,
    macros: &Macros,
    types: &Types,
    identifiers: &mut Identifiers,
    env: &mut dyn Environment,
) -> Result<Program> {
    let checkpoint = types.checkpoint();
    let result = compile_text(text, options, macros, types, identifiers, env);
    if result.is_err() {
        types.roll_back(checkpoint);
    }
    result
}

fn compile_text(
    text: &[u8],
    options: Options,
    macros: &Macros,
    types: &Types,
    identifiers: &mut Identifiers,
    env: &mut dyn Environment,
) -> Result<Program> {
    macros.reset();
    let (program, fault) = parser::parse_partly(text, options.spec, macros, &Names { types, identifiers })?;
    // Variables and types alone are nothing to compile.
    let is_content = |item: &Item| !matches!(item, Item::Declaration(_) | Item::Pragma(_));
    let mut checker = Checker::new(types, identifiers, env, macros, options);
    checker.files = program.files.clone();
    checker.identifiers.begin_program();
    // Declarations count in the order of the text, but before all clauses; and their faults before a fault of the syntax
    // that comes later.
    for item in &program.items {
        if let Err(fault) = checker.declared_item(item) {
            checker.show_parsed(&program);
            return Err(fault);
        }
    }
    checker.show_parsed(&program);
    if let Some(fault) = fault {
        return Err(fault);
    }
    for item in &program.items {
        if let Item::Clause(clause) = item {
            checker.clause(clause)?;
        }
    }
    checker.finish_pragmas()?;
    if !options.allow_empty && !program.items.iter().any(is_content) {
        let message = "empty D program translation unit";
        return Err(Error::Compile(Box::new(diagnostic(&program.files, Tag::Empty, program.end, message))));
    }
    if !options.allow_unused_args
        && let Some((number, argument)) = macros.unused()
    {
        let message = format!("extraneous argument '{argument}' (${number} is not referenced)");
        // Only the end of a script shows that nobody has used it.
        let newlines = text.iter().filter(|&&byte| byte == b'\n').count();
        let pos = Pos { line: u32::try_from(newlines).unwrap_or(u32::MAX - 1) + 1, offset: 0 };
        return Err(Error::Compile(Box::new(diagnostic(&program.files, Tag::MacroUnused, pos, message))));
    }
    if checker.env.trees() & tree::CHECKED != 0 {
        checker.env.show_tree(&tree::checked(&checker.result, types));
    }
    *identifiers = checker.identifiers;
    Ok(checker.result)
}

/// Compiles the name of a type, as `dtrace_type_strcompile` and casts know it.
pub fn compile_type(
    text: &[u8],
    types: &Types,
    identifiers: &Identifiers,
    env: &mut dyn Environment,
) -> Result<TypeId> {
    let macros = Macros::default();
    let name = parser::parse_type(text, &macros, &Names { types, identifiers })?;
    let mut checker = Checker::new(types, identifiers, env, &macros, Options::default());
    checker.type_name(&name)
}

/// Tells the parser which names are types.
struct Names<'a> {
    types: &'a Types,
    identifiers: &'a Identifiers,
}

impl TypeNames for Names<'_> {
    fn is_type(&self, module: Option<&str>, name: &str) -> bool {
        match module {
            Some("") => self.types.lookup(name).is_ok(),
            Some(module) => self.types.lookup_in(module, name).is_ok(),
            None if self.identifiers.is_taken(name) || builtin::is_builtin(name) => false,
            None => self.types.lookup(name).is_ok(),
        }
    }
}

fn diagnostic(files: &[(u32, Rc<str>)], tag: Tag, pos: Pos, message: impl Into<String>) -> Diagnostic {
    let file = files.iter().rev().find(|(from, _)| *from <= pos.offset).map(|(_, name)| name.clone());
    Diagnostic { file, line: pos.line, offset: pos.offset, ..Diagnostic::new(tag, message) }
}

/// Whether a fault is one of an expression, whose part of the clause is named where there are no lines.
fn is_of_expression(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::AddrofLval
            | Tag::AddrofVar
            | Tag::AggFunc
            | Tag::AggRedef
            | Tag::ArgsIdx
            | Tag::ArgsMulti
            | Tag::ArgsType
            | Tag::ArrLocal
            | Tag::CastInval
            | Tag::DerefNonptr
            | Tag::DerefVoid
            | Tag::IdentBadref
            | Tag::IdentUndef
            | Tag::OpArith
            | Tag::OpIncompat
            | Tag::OpIncomplete
            | Tag::OpInt
            | Tag::OpLval
            | Tag::OpPtr
            | Tag::OpScalar
            | Tag::OpSou
            | Tag::OpVfptr
            | Tag::OpWrite
            | Tag::PredScalar
            | Tag::ProtoArg
            | Tag::ProtoLen
            | Tag::SizeofBitfield
            | Tag::TypeMember
            | Tag::VarUndef
            | Tag::XlateNoconv
            | Tag::XlateNone
    )
}

/// The probe description whose clause is being checked.
struct CurrentProbe {
    description: ProbeDesc,
    probes: Probes,
}

/// What the parameters of the innermost inline or translator stand for.
type Frame = HashMap<Rc<str>, bound::Bound>;

struct Checker<'a> {
    types: &'a Types,
    identifiers: Identifiers,
    env: &'a mut dyn Environment,
    macros: &'a Macros,
    options: Options,
    files: Vec<(u32, Rc<str>)>,
    probe: Option<CurrentProbe>,
    frames: Vec<Frame>,
    /// A fault that counts only if the statement has no other: an action or an aggregation in the midst of an expression.
    pending: Option<Error>,
    /// What the last value of no static type was, for messages.
    dynamic_name: &'static str,
    /// How deep the checker has recursed.
    depth: usize,
    /// How many levels of the checked tree are above the place where the checker is.
    height: usize,
    /// How many nodes expansions have made.
    expanded: usize,
    /// The stability of what the current statement has used so far.
    attribute: Attribute,
    /// The tags within whose braces the checker is.
    defining: Vec<(crate::types::Tag, Rc<str>)>,
    pragmas: pragma::Pending,
    /// Which part of a clause the checker is in.
    part: Option<Part>,
    /// What the current clause has done so far, as far as that restricts what may follow.
    order: order::Order,
    result: Program,
}

impl<'a> Checker<'a> {
    /// A checker that has seen nothing yet.
    fn new(
        types: &'a Types,
        identifiers: &Identifiers,
        env: &'a mut dyn Environment,
        macros: &'a Macros,
        options: Options,
    ) -> Self {
        Checker {
            types,
            identifiers: identifiers.clone(),
            env,
            macros,
            options,
            files: Vec::new(),
            probe: None,
            frames: Vec::new(),
            pending: None,
            dynamic_name: "aggregation",
            depth: 0,
            height: 0,
            expanded: 0,
            attribute: Attribute::MAXIMUM,
            defining: Vec::new(),
            pragmas: pragma::Pending::default(),
            part: None,
            order: order::Order::default(),
            result: Program::default(),
        }
    }
}

impl Checker<'_> {
    /// Whether the version that the program is bound to has a built-in name. Definitions that are expanded may be a library's,
    /// which is bound to none.
    fn offers(&self, name: &str) -> bool {
        let version = self.env.version();
        version == Version::CURRENT || !self.frames.is_empty() || builtin::since(name) <= version
    }

    fn builtin_variable(&self, name: &str) -> Option<&'static builtin::BuiltinVar> {
        builtin::variable(name).filter(|_| self.offers(name))
    }

    fn builtin_function(&self, name: &str) -> Option<&'static builtin::BuiltinFunction> {
        builtin::function(name).filter(|_| self.offers(name))
    }

    fn is_builtin(&self, name: &str) -> bool {
        builtin::is_builtin(name) && self.offers(name)
    }

    /// Shows the syntax tree if somebody asks for it. A pragma of the program may have asked.
    fn show_parsed(&mut self, program: &ast::Program) {
        if self.env.trees() & tree::PARSED != 0 {
            self.env.show_tree(&tree::parsed(program));
        }
    }

    fn error(&self, tag: Tag, pos: Pos, message: impl Into<String>) -> Error {
        let part = self.part.filter(|_| is_of_expression(tag));
        Error::Compile(Box::new(Diagnostic { part, ..diagnostic(&self.files, tag, pos, message) }))
    }

    /// The name of a type, for a message.
    fn name_of(&self, ty: TypeId) -> String {
        if self.types.is_dynamic(ty) {
            return self.dynamic_name.to_owned();
        }
        self.types.name(ty)
    }

    /// Everything but clauses.
    fn declared_item(&mut self, item: &Item) -> Result<()> {
        match item {
            Item::Clause(_) => Ok(()),
            Item::Declaration(declaration) => self.declaration(declaration),
            Item::Inline(inline) => self.inline(inline),
            Item::Translator(translator) => self.translator(translator),
            Item::Provider(provider) => self.provider(provider),
            Item::Pragma(pragma) => self.pragma(pragma),
        }
    }

    /// A clause, once for each of its probe descriptions.
    fn clause(&mut self, clause: &ast::Clause) -> Result<()> {
        for spec in &clause.probes {
            let description = self.description(spec)?;
            let probes = self.match_probes(spec, &description)?;
            let described = probes.attribute.unwrap_or(Attribute::MAXIMUM);
            self.probe = Some(CurrentProbe { description: description.clone(), probes });
            let body = clause.body.as_deref().unwrap_or_default();
            let (predicate, attribute, stmts) = match self.clause_predicate(spec, clause, described) {
                Ok((predicate, attribute)) => (predicate, attribute, self.body(body)?),
                // A predicate may use a variable whose first assignment, which gives it its type, is in the body.
                Err(fault) if matches!(fault.tag(), Some(Tag::IdentUndef | Tag::VarUndef)) => {
                    self.begin_again();
                    self.part = Some(Part::Actions);
                    let Ok(stmts) = self.body(body) else { return Err(fault) };
                    let (predicate, attribute) = self.clause_predicate(spec, clause, described)?;
                    (predicate, attribute, stmts)
                }
                Err(fault) => return Err(fault),
            };
            (self.probe, self.part) = (None, None);
            self.result.clauses.push(Clause {
                pos: spec.pos,
                probe: description,
                predicate,
                stmts,
                attribute,
            });
        }
        Ok(())
    }

    fn clause_predicate(
        &mut self,
        spec: &ast::ProbeSpec,
        clause: &ast::Clause,
        described: Attribute,
    ) -> Result<(Option<Expr>, Attribute)> {
        self.attribute = described;
        self.part = Some(Part::Predicate);
        let predicate = clause.predicate.as_ref().map(|p| self.predicate(p)).transpose()?;
        self.part = Some(Part::Actions);
        Ok((
            predicate,
            self.take_attribute(spec.pos, if clause.predicate.is_some() { "predicate" } else { "clause" })?,
        ))
    }

    /// Forgets what a fault left half done.
    fn begin_again(&mut self) {
        self.attribute = Attribute::MAXIMUM;
        self.pending = None;
        self.frames.clear();
        self.depth = 0;
        self.height = 0;
    }

    fn description(&self, spec: &ast::ProbeSpec) -> Result<ProbeDesc> {
        parse_description(&spec.text, self.options.spec, self.macros)
            .map_err(|error| self.invalid_probe(spec, &error))
    }

    fn invalid_probe(&self, spec: &ast::ProbeSpec, error: &Error) -> Error {
        let what = if spec.text.bytes().all(|b| b.is_ascii_digit()) {
            format!("invalid probe identifier {}", spec.text)
        } else {
            format!("invalid probe description \"{}\"", spec.text)
        };
        self.error(Tag::PdescInval, spec.pos, format!("{what}: {error}"))
    }

    /// Asks which probes there are. That there are none is a fault unless it is allowed.
    fn match_probes(&mut self, spec: &ast::ProbeSpec, description: &ProbeDesc) -> Result<Probes> {
        let probes = match self.env.probes(description) {
            Ok(probes) => probes,
            Err(Error::Compile(mut fault)) => {
                // A fault of the environment (a process that cannot be traced) has no place of its own.
                fault.line = spec.pos.line;
                fault.offset = spec.pos.offset;
                return Err(Error::Compile(fault));
            }
            Err(error) => return Err(self.invalid_probe(spec, &error)),
        };
        if probes.count == 0 {
            if description.id != 0 {
                return Err(self.invalid_probe(spec, &Error::Lib(Code::BadId)));
            }
            if !self.options.allow_zero_matches {
                let message = format!("probe description {description} does not match any probes");
                return Err(self.error(Tag::PdescZero, spec.pos, message));
            }
        }
        Ok(probes)
    }

    fn predicate(&mut self, predicate: &ast::Expr) -> Result<Expr> {
        let expr = self.expr(predicate)?;
        if !self.types.is_scalar(expr.ty) {
            return Err(self.error(
                Tag::PredScalar,
                predicate.pos,
                "predicate result must be of scalar type",
            ));
        }
        self.take_pending()?;
        Ok(expr)
    }

    /// Raises the fault that waited for the end of the statement.
    fn take_pending(&mut self) -> Result<()> {
        match self.pending.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The stability of what was used since the last call, checked against the minimum.
    fn take_attribute(&mut self, pos: Pos, what: &str) -> Result<Attribute> {
        let attribute = std::mem::replace(&mut self.attribute, Attribute::MAXIMUM);
        if let Some(least) = self.options.minimum
            && (attribute.name < least.name || attribute.data < least.data || attribute.class < least.class)
        {
            let message = format!(
                "attributes for {what} ({}) are less than predefined minimum",
                pragma::show(attribute)
            );
            return Err(self.error(Tag::AttrMin, pos, message));
        }
        Ok(attribute)
    }

    /// Counts the use of something of this stability.
    fn uses(&mut self, attribute: Attribute) {
        self.attribute = self.attribute.minimum(attribute);
    }

    /// An integer constant of `int`.
    fn int(&self, pos: Pos, value: i64) -> Expr {
        self.constant(pos, value as u64, self.types.intrinsics().int)
    }

    fn constant(&self, pos: Pos, value: u64, ty: TypeId) -> Expr {
        Expr { pos, ty, user: false, kind: typed::ExprKind::Int(self.fit(value, ty)) }
    }
}
