//! Trees as text, for who asks what the compiler made of a program (`-x tree=N`): one node a line, each two columns right of
//! the node that it is a part of.
//!
//! [`parsed`] is the syntax tree, [`checked`] the tree that code is made from, with the type of each value. The form is made to
//! be read and may change.

use std::fmt::{Display, Write};

use super::ast::{self, BaseType, Declarator, Derived, Item, Scope, StorageClass, TypeName, UnaryOp};
use super::typed;
use crate::types::{TypeId, Types};

/// The bit of `-x tree` that asks for the syntax tree.
pub const PARSED: u32 = 1;
/// The bit of `-x tree` that asks for the checked tree.
pub const CHECKED: u32 = 2;

/// The lines so far, and how far right the next one begins.
#[derive(Default)]
struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.text, "{:1$}{text}", "", 2 * self.depth);
    }

    /// A node with its parts.
    fn node(&mut self, text: impl Display, parts: impl FnOnce(&mut Self)) {
        self.line(text);
        self.depth += 1;
        parts(self);
        self.depth -= 1;
    }
}

/// The syntax tree of a program.
pub fn parsed(program: &ast::Program) -> String {
    let mut lines = Lines::default();
    lines.node("program", |l| program.items.iter().for_each(|item| l.item(item)));
    lines.text
}

/// The checked tree of a program.
pub fn checked(program: &typed::Program, types: &Types) -> String {
    let mut tree = Checked { lines: Lines::default(), types };
    program.clauses.iter().for_each(|clause| tree.clause(clause));
    tree.lines.text
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::PostInc => "post ++",
        UnaryOp::PostDec => "post --",
        UnaryOp::PreInc => "pre ++",
        UnaryOp::PreDec => "pre --",
        other => other.text(),
    }
}

fn name(name: &ast::Name) -> String {
    match &name.scope {
        Scope::Default => name.name.to_string(),
        Scope::Thread => format!("self->{}", name.name),
        Scope::Clause => format!("this->{}", name.name),
        Scope::Module(module) => format!("{module}`{}", name.name),
    }
}

fn class(class: Option<StorageClass>) -> &'static str {
    match class {
        None => "",
        Some(StorageClass::Auto) => "auto ",
        Some(StorageClass::Register) => "register ",
        Some(StorageClass::Static) => "static ",
        Some(StorageClass::Extern) => "extern ",
        Some(StorageClass::Typedef) => "typedef ",
        Some(StorageClass::Thread) => "self ",
        Some(StorageClass::Clause) => "this ",
    }
}

fn base(specifiers: &ast::Specifiers) -> String {
    let mut text = String::new();
    let q = specifiers.qualifiers;
    for (on, word) in [
        (q.is_const, "const "),
        (q.is_volatile, "volatile "),
        (q.is_restrict, "restrict "),
        (q.userland, "userland "),
    ] {
        if on {
            text.push_str(word);
        }
    }
    let tagged = |what: &str, tag: &Option<ast::Name>| match tag {
        Some(tag) => format!("{what} {}", name(tag)),
        None => format!("{what} (no tag)"),
    };
    text.push_str(&match &specifiers.base {
        BaseType::Implicit => "(no type)".into(),
        BaseType::Void => "void".into(),
        BaseType::Integer { size, signed, .. } => {
            let sign = match signed {
                Some(true) => "signed ",
                Some(false) => "unsigned ",
                None => "",
            };
            let size = match size {
                ast::IntSize::Char => "char",
                ast::IntSize::Short => "short",
                ast::IntSize::Int => "int",
                ast::IntSize::Long => "long",
                ast::IntSize::LongLong => "long long",
            };
            format!("{sign}{size}")
        }
        BaseType::Float => "float".into(),
        BaseType::Double => "double".into(),
        BaseType::LongDouble => "long double".into(),
        BaseType::String => "string".into(),
        BaseType::Named(named) => name(named),
        BaseType::Struct(s) => tagged("struct", &s.tag),
        BaseType::Union(u) => tagged("union", &u.tag),
        BaseType::Enum(e) => tagged("enum", &e.tag),
    });
    text
}

/// A declarator in words, from its name to the base type.
fn derived(declarator: &Declarator) -> String {
    let mut text = String::new();
    for step in &declarator.derived {
        match step {
            Derived::Pointer(_) => text.push_str("pointer to "),
            Derived::Array(_) => text.push_str("array of "),
            Derived::Associative(keys) => {
                let keys: Vec<_> = keys.iter().map(type_name).collect();
                let _ = write!(text, "associative array by ({}) of ", keys.join(", "));
            }
            Derived::Function { params, varargs } => {
                let mut params: Vec<_> = params.iter().map(type_name).collect();
                if *varargs {
                    params.push("...".into());
                }
                let _ = write!(text, "function of ({}) returning ", params.join(", "));
            }
        }
    }
    text
}

fn type_name(ty: &TypeName) -> String {
    format!("{}{}", derived(&ty.declarator), base(&ty.specifiers))
}

impl Lines {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Clause(clause) => self.node(format_args!("clause, line {}", clause.pos.line), |l| {
                clause.probes.iter().for_each(|probe| l.line(format_args!("probe {}", probe.text)));
                if let Some(predicate) = &clause.predicate {
                    l.node("predicate", |l| l.expr(predicate));
                }
                clause.body.iter().flatten().for_each(|stmt| l.stmt(stmt));
            }),
            Item::Declaration(declaration) => {
                let (class, base) = (class(declaration.specifiers.class), base(&declaration.specifiers));
                self.node(format_args!("declaration, line {}", declaration.pos.line), |l| {
                    l.members(&declaration.specifiers);
                    for d in &declaration.declarators {
                        let name = d.name.as_deref().unwrap_or("(no name)");
                        l.line(format_args!("{class}{name}: {}{base}", derived(d)));
                    }
                });
            }
            Item::Inline(inline) => {
                let name = inline.declarator.name.as_deref().unwrap_or("(no name)");
                let ty = format!("{}{}", derived(&inline.declarator), base(&inline.specifiers));
                self.node(format_args!("inline {name}: {ty}"), |l| l.expr(&inline.value));
            }
            Item::Translator(t) => {
                let (output, input) = (type_name(&t.output), type_name(&t.input));
                self.node(format_args!("translator of {input} ({}) to {output}", t.param), |l| {
                    for member in &t.members {
                        l.node(format_args!("member {}", member.name), |l| l.expr(&member.value));
                    }
                });
            }
            Item::Provider(provider) => self.node(format_args!("provider {}", provider.name), |l| {
                for probe in &provider.probes {
                    let list =
                        |types: &[TypeName]| types.iter().map(type_name).collect::<Vec<_>>().join(", ");
                    let seen = probe.translated.as_deref().map(|t| format!(" : ({})", list(t)));
                    let seen = seen.unwrap_or_default();
                    l.line(format_args!("probe {}({}){seen}", probe.name, list(&probe.native)));
                }
            }),
            Item::Pragma(pragma) => {
                let words = pragma.words.iter().map(|word| match word {
                    ast::PragmaWord::Word(word) => word.to_string(),
                    ast::PragmaWord::Str(text) => format!("\"{text}\""),
                });
                let d = if pragma.is_d { "D " } else { "" };
                self.line(format_args!("pragma {d}{}", words.collect::<Vec<_>>().join(" ")));
            }
        }
    }

    /// The members that a declaration gives to a structure, union or enumeration.
    fn members(&mut self, specifiers: &ast::Specifiers) {
        let (what, members) = match &specifiers.base {
            BaseType::Struct(s) => ("struct", &s.members),
            BaseType::Union(u) => ("union", &u.members),
            BaseType::Enum(e) => {
                if let Some(enumerators) = &e.enumerators {
                    self.node("enum", |l| {
                        enumerators.iter().for_each(|e| match &e.value {
                            Some(value) => l.node(&e.name, |l| l.expr(value)),
                            None => l.line(&e.name),
                        });
                    });
                }
                return;
            }
            _ => return,
        };
        let Some(members) = members else { return };
        self.node(what, |l| {
            for member in members {
                l.members(&member.specifiers);
                let base = base(&member.specifiers);
                for (declarator, width) in &member.declarators {
                    let name = declarator.name.as_deref().unwrap_or("(no name)");
                    let text = format!("{name}: {}{base}", derived(declarator));
                    match width {
                        Some(width) => l.node(format_args!("{text}, bits"), |l| l.expr(width)),
                        None => l.line(text),
                    }
                }
            }
        });
    }

    fn stmt(&mut self, stmt: &ast::Stmt) {
        match &stmt.kind {
            ast::StmtKind::Expr(expr) => self.expr(expr),
            ast::StmtKind::Block(stmts) => self.node("block", |l| stmts.iter().for_each(|s| l.stmt(s))),
            ast::StmtKind::If { condition, then, otherwise } => {
                self.node("if", |l| {
                    l.expr(condition);
                    l.node("then", |l| then.iter().for_each(|s| l.stmt(s)));
                    if !otherwise.is_empty() {
                        l.node("else", |l| otherwise.iter().for_each(|s| l.stmt(s)));
                    }
                });
            }
        }
    }

    fn list(&mut self, text: impl Display, parts: &[ast::Expr]) {
        self.node(text, |l| parts.iter().for_each(|part| l.expr(part)));
    }

    fn expr(&mut self, expr: &ast::Expr) {
        use ast::ExprKind as E;
        match &expr.kind {
            E::Int(constant) if constant.signed => self.line(constant.value as i64),
            E::Int(constant) => self.line(constant.value),
            E::Str(bytes) => self.line(quoted(bytes)),
            E::Name(n) => self.line(name(n)),
            E::Aggregation(aggregation) => {
                self.list(format_args!("@{}", aggregation.name), aggregation.keys.as_deref().unwrap_or(&[]));
            }
            E::Index(of, keys) => self.node("[]", |l| {
                l.expr(of);
                keys.iter().for_each(|key| l.expr(key));
            }),
            E::Call(function, arguments) => self.node("call", |l| {
                l.expr(function);
                arguments.iter().for_each(|argument| l.expr(argument));
            }),
            E::Member { base, member, arrow } => {
                self.node(format_args!("{} {member}", if *arrow { "->" } else { "." }), |l| l.expr(base));
            }
            E::Unary(op, operand) => self.node(unary(*op), |l| l.expr(operand)),
            E::Binary(op, left, right) => self.node(op.text(), |l| {
                l.expr(left);
                l.expr(right);
            }),
            E::Assign { op, target, value } => {
                self.node(op.map_or("=", ast::BinaryOp::assign_text), |l| {
                    l.expr(target);
                    l.expr(value);
                });
            }
            E::Cond(condition, then, otherwise) => self.node("?:", |l| {
                [condition, then, otherwise].into_iter().for_each(|part| l.expr(part));
            }),
            E::Comma(parts) => self.list(",", parts),
            E::Cast(ty, operand) => {
                self.node(format_args!("cast to {}", type_name(ty)), |l| l.expr(operand));
            }
            E::SizeofType(ty) => self.line(format_args!("sizeof {}", type_name(ty))),
            E::SizeofExpr(operand) => self.node("sizeof", |l| l.expr(operand)),
            E::Stringof(operand) => self.node("stringof", |l| l.expr(operand)),
            E::Offsetof(ty, member) => self.line(format_args!("offsetof {member} in {}", type_name(ty))),
            E::Xlate(ty, operand) => {
                self.node(format_args!("xlate to {}", type_name(ty)), |l| l.expr(operand));
            }
        }
    }
}

struct Checked<'a> {
    lines: Lines,
    types: &'a Types,
}

impl Checked<'_> {
    fn node(&mut self, text: impl Display, parts: impl FnOnce(&mut Self)) {
        self.lines.line(text);
        self.lines.depth += 1;
        parts(self);
        self.lines.depth -= 1;
    }

    fn clause(&mut self, clause: &typed::Clause) {
        self.node(format_args!("clause {}", clause.probe), |t| {
            if let Some(predicate) = &clause.predicate {
                t.node("predicate", |t| t.expr(predicate));
            }
            t.stmts(&clause.stmts);
        });
    }

    fn stmts(&mut self, stmts: &[typed::Stmt]) {
        for stmt in stmts {
            match &stmt.kind {
                typed::StmtKind::Expr(expr) => self.expr(expr),
                typed::StmtKind::Action(action) => self.action(action),
                typed::StmtKind::Aggregate(aggregate) => self.aggregate(aggregate),
                typed::StmtKind::If { condition, then, otherwise } => self.node("if", |t| {
                    t.expr(condition);
                    t.node("then", |t| t.stmts(then));
                    if !otherwise.is_empty() {
                        t.node("else", |t| t.stmts(otherwise));
                    }
                }),
            }
        }
    }

    fn aggregate(&mut self, aggregate: &typed::Aggregate) {
        self.node(format_args!("aggregate @{}, function {:#x}", aggregate.name, aggregate.kind), |t| {
            if !aggregate.keys.is_empty() {
                t.node("keys", |t| aggregate.keys.iter().for_each(|key| t.datum(key)));
            }
            aggregate.value.iter().for_each(|value| t.expr(value));
            if let Some(increment) = &aggregate.increment {
                t.node("increment", |t| t.expr(increment));
            }
            if aggregate.param != 0 {
                t.lines.line(format_args!("parameters {:#x}", aggregate.param));
            }
        });
    }

    fn datum(&mut self, datum: &typed::Datum) {
        use typed::Datum as D;
        match datum {
            D::Expr(expr) => self.expr(expr),
            D::Stack(frames) => self.lines.line(format_args!("stack, {frames} frames")),
            D::UserStack { frames, strings } => {
                self.lines.line(format_args!("ustack, {frames} frames, {strings} bytes"));
            }
            D::JavaStack { frames, strings } => {
                self.lines.line(format_args!("jstack, {frames} frames, {strings} bytes"));
            }
            D::Sym(expr) => self.node("sym", |t| t.expr(expr)),
            D::Mod(expr) => self.node("mod", |t| t.expr(expr)),
            D::UserSym(expr) => self.node("usym", |t| t.expr(expr)),
            D::UserMod(expr) => self.node("umod", |t| t.expr(expr)),
            D::UserAddr(expr) => self.node("uaddr", |t| t.expr(expr)),
        }
    }

    fn formatted(&mut self, what: &str, formatted: &typed::Formatted) {
        let text = format!("{what} {}", quoted(formatted.format.as_bytes()));
        self.node(text, |t| formatted.args.iter().for_each(|datum| t.datum(datum)));
    }

    fn action(&mut self, action: &typed::Action) {
        use typed::Action as A;
        match action {
            A::Trace(datum) => self.node("trace", |t| t.datum(datum)),
            A::Print(expr) => self.node("print", |t| t.expr(expr)),
            A::TraceMem { address, size, length } => {
                self.node(format_args!("tracemem, {size} bytes"), |t| {
                    t.expr(address);
                    length.iter().for_each(|length| t.expr(length));
                });
            }
            A::Printf(formatted) => self.formatted("printf", formatted),
            A::System(formatted) => self.formatted("system", formatted),
            A::Freopen(formatted) => self.formatted("freopen", formatted),
            A::Printa { format, aggregations } => {
                let format = format.as_deref().map_or(String::new(), |f| quoted(f.as_bytes()));
                let numbers: Vec<_> = aggregations.iter().map(|id| id.0.to_string()).collect();
                self.lines.line(format_args!("printa {format} of aggregations {}", numbers.join(", ")));
            }
            A::Exit(expr) => self.node("exit", |t| t.expr(expr)),
            A::Stop => self.lines.line("stop"),
            A::Raise(expr) => self.node("raise", |t| t.expr(expr)),
            A::Breakpoint => self.lines.line("breakpoint"),
            A::Panic => self.lines.line("panic"),
            A::Chill(expr) => self.node("chill", |t| t.expr(expr)),
            A::Speculate(expr) => self.node("speculate", |t| t.expr(expr)),
            A::Commit(expr) => self.node("commit", |t| t.expr(expr)),
            A::Discard(expr) => self.node("discard", |t| t.expr(expr)),
            A::Clear(id) => self.lines.line(format_args!("clear aggregation {}", id.0)),
            A::Trunc(id, count) => self.node(format_args!("trunc aggregation {}", id.0), |t| {
                count.iter().for_each(|count| t.expr(count));
            }),
            A::Normalize(id, by) => {
                self.node(format_args!("normalize aggregation {}", id.0), |t| t.expr(by));
            }
            A::Denormalize(id) => self.lines.line(format_args!("denormalize aggregation {}", id.0)),
            A::Ftruncate => self.lines.line("ftruncate"),
            A::Setopt(name, value) => self.node("setopt", |t| {
                t.expr(name);
                value.iter().for_each(|value| t.expr(value));
            }),
            A::Test(n, expr) => self.node(format_args!("test{n}"), |t| t.expr(expr)),
        }
    }

    /// A node that is a value of some type.
    fn value(&mut self, ty: TypeId, text: impl Display, parts: &[&typed::Expr]) {
        let name = self.types.name(ty);
        self.node(format_args!("{text} ({name})"), |t| parts.iter().for_each(|part| t.expr(part)));
    }

    fn expr(&mut self, expr: &typed::Expr) {
        use typed::ExprKind as E;
        let ty = expr.ty;
        let variable = |var: &typed::Var| match var.scope {
            crate::program::VarScope::Thread => format!("self->{}", var.name),
            crate::program::VarScope::Local => format!("this->{}", var.name),
            crate::program::VarScope::Global => var.name.to_string(),
        };
        match &expr.kind {
            E::Int(value) => self.value(ty, *value as i64, &[]),
            E::Str(bytes) => self.value(ty, quoted(bytes), &[]),
            E::Var(var) => self.value(ty, variable(var), &[]),
            E::Builtin(var, index) => self.value(ty, format_args!("{}[]", variable(var)), &[&**index]),
            E::Element(var, keys) => {
                self.value(ty, format_args!("{}[]", variable(var)), &keys.iter().collect::<Vec<_>>());
            }
            E::Call { subr, args } => {
                self.value(ty, format_args!("subroutine {subr}"), &args.iter().collect::<Vec<_>>());
            }
            E::Deref(of) => self.value(ty, "*", &[&**of]),
            E::AddressOf(of) => self.value(ty, "&", &[&**of]),
            E::Decay(of) => self.value(ty, "decay", &[&**of]),
            E::Member { base, offset, bits } => {
                let bits = bits.map(|b| format!(", {} bits from {}", b.width, b.offset)).unwrap_or_default();
                self.value(ty, format_args!("member at {offset}{bits}"), &[&**base]);
            }
            E::Neg(of) => self.value(ty, "-", &[&**of]),
            E::BitNot(of) => self.value(ty, "~", &[&**of]),
            E::Not(of) => self.value(ty, "!", &[&**of]),
            E::Binary(op, left, right)
            | E::Compare(op, left, right)
            | E::CompareStr(op, left, right)
            | E::Logical(op, left, right) => self.value(ty, op.text(), &[&**left, &**right]),
            E::Cond(condition, then, otherwise) => {
                self.value(ty, "?:", &[&**condition, &**then, &**otherwise]);
            }
            E::Assign(target, value) => self.value(ty, "=", &[&**target, &**value]),
            E::AssignOp { op, target, value, .. } => {
                self.value(ty, op.assign_text(), &[&**target, &**value]);
            }
            E::Step { target, delta, post } => {
                let when = if *post { "after" } else { "before" };
                self.value(ty, format_args!("add {delta} {when}"), &[&**target]);
            }
            E::Convert(of) => self.value(ty, "convert", &[&**of]),
            E::ToString(of) => self.value(ty, "string", &[&**of]),
            E::Comma(parts) => self.value(ty, ",", &parts.iter().collect::<Vec<_>>()),
        }
    }
}
