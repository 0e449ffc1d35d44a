//! The syntax tree: what a D program says, before anything is known about names and types.
//!
//! The parser makes it, the checker reads it; code generation sees only the checked tree ([`typed`](super::typed)).
//! Macro variables (`$target`, `$1`) are gone here: the lexer has put their values in. Every node knows its place.
//!
//! Nodes are boxed. An arena was rejected: a program is parsed once, walked a few times and dropped, and inlines and
//! translators keep single expressions alive across programs, which an arena would make awkward.

use std::rc::Rc;

/// A place in the program text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pos {
    /// The line as line controls count it, from 1.
    pub line: u32,
    /// The byte offset in the text.
    pub offset: u32,
}

/// A whole translation unit, in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Clauses, declarations and pragmas, in order: a declaration counts from where it stands.
    pub items: Vec<Item>,
    /// Where the text ends.
    pub end: Pos,
    /// Which file the text from a byte offset on came from, as line controls say; sorted by offset.
    pub files: Vec<(u32, Rc<str>)>,
}

/// What stands at the top level of a program.
#[derive(Clone, Debug)]
pub enum Item {
    /// `probe /predicate/ { statements }`
    Clause(Clause),
    /// A declaration of variables, a struct, union, enum or typedef.
    Declaration(Declaration),
    /// `inline type name = expression;`
    Inline(Inline),
    /// `translator out < in name > { member = expression; };`
    Translator(Translator),
    /// `provider name { probe p(args); };`
    Provider(Provider),
    /// `#pragma D ...`
    Pragma(Pragma),
}

/// A clause: its probes, its predicate, what it does.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Where its first probe stands.
    pub pos: Pos,
    /// The probe descriptions before the predicate.
    pub probes: Vec<ProbeSpec>,
    /// The expression between slashes.
    pub predicate: Option<Expr>,
    /// The statements between braces; `None` when there are no braces (the default action).
    pub body: Option<Vec<Stmt>>,
}

/// One probe description as written. How its parts are counted depends on the kind of the specification
/// (`-P`, `-m`, `-f`, `-n`), so the checker splits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSpec {
    /// Where it stands.
    pub pos: Pos,
    /// The text as written: the checker puts the values of macro variables in.
    pub text: Rc<str>,
}

/// A statement of a clause.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Where it begins.
    pub pos: Pos,
    /// What it is.
    pub kind: StmtKind,
}

/// The kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// An expression, for its effect.
    Expr(Expr),
    /// `if (condition) then else otherwise`
    If {
        /// The condition.
        condition: Expr,
        /// What runs when it holds.
        then: Vec<Stmt>,
        /// What runs when it does not.
        otherwise: Vec<Stmt>,
    },
    /// `{ ... }` inside a clause.
    Block(Vec<Stmt>),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where its operator or its first token stands.
    pub pos: Pos,
    /// What it is.
    pub kind: ExprKind,
}

/// Where a name is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A plain name.
    Default,
    /// `self->name`
    Thread,
    /// `this->name`
    Clause,
    /// `` module`name ``, with an empty module for `` `name ``.
    Module(Rc<str>),
}

/// A name and where it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The scope.
    pub scope: Scope,
    /// The name.
    pub name: Rc<str>,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// An integer constant.
    Int(IntConstant),
    /// A string constant, its escapes resolved, without a NUL.
    Str(Rc<[u8]>),
    /// A variable, enumeration constant, inline or function.
    Name(Name),
    /// `@name[keys]`; the empty name is `@`.
    Aggregation(AggregationRef),
    /// `base[index, index...]`
    Index(Box<Expr>, Vec<Expr>),
    /// `function(arguments)`
    Call(Box<Expr>, Vec<Expr>),
    /// `base.member` or, with `arrow`, `base->member`.
    Member {
        /// The left side.
        base: Box<Expr>,
        /// The member's name.
        member: Rc<str>,
        /// Whether it was written with `->`.
        arrow: bool,
    },
    /// An operator with one operand.
    Unary(UnaryOp, Box<Expr>),
    /// An operator with two operands that assigns nothing.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `target = value`, or `target op= value`.
    Assign {
        /// The operator of `op=`.
        op: Option<BinaryOp>,
        /// The left side.
        target: Box<Expr>,
        /// The right side.
        value: Box<Expr>,
    },
    /// `condition ? then : otherwise`
    Cond(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a, b, c`: two or more.
    Comma(Vec<Expr>),
    /// `(type) operand`
    Cast(Box<TypeName>, Box<Expr>),
    /// `sizeof (type)`
    SizeofType(Box<TypeName>),
    /// `sizeof operand`
    SizeofExpr(Box<Expr>),
    /// `stringof operand`
    Stringof(Box<Expr>),
    /// `offsetof(type, member)`
    Offsetof(Box<TypeName>, Rc<str>),
    /// `xlate < type > (operand)`
    Xlate(Box<TypeName>, Box<Expr>),
}

/// `@name[keys]`
#[derive(Clone, Debug)]
pub struct AggregationRef {
    /// The name after `@`; empty for the nameless one.
    pub name: Rc<str>,
    /// The keys; `None` without brackets.
    pub keys: Option<Vec<Expr>>,
}

/// An integer or character constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntConstant {
    /// The value.
    pub value: u64,
    /// It had a `u` suffix.
    pub unsigned: bool,
    /// How many `l` its suffix had: 0, 1 or 2.
    pub longs: u8,
    /// It was written in decimal, so that it never becomes unsigned by its size alone.
    pub decimal: bool,
    /// The value is a signed number in two's complement: a character constant, or a macro that is negative.
    pub signed: bool,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `~`
    BitNot,
    /// `!`
    Not,
    /// `*`
    Deref,
    /// `&`
    AddressOf,
    /// `++x`
    PreInc,
    /// `--x`
    PreDec,
    /// `x++`
    PostInc,
    /// `x--`
    PostDec,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `&`
    BitAnd,
    /// `^`
    BitXor,
    /// `|`
    BitOr,
    /// `&&`
    And,
    /// `^^`
    Xor,
    /// `||`
    Or,
}

impl UnaryOp {
    /// The operator as messages name it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::BitNot => "~",
            Self::Not => "!",
            Self::Deref => "*",
            Self::AddressOf => "&",
            Self::PreInc | Self::PostInc => "++",
            Self::PreDec | Self::PostDec => "--",
        }
    }
}

impl BinaryOp {
    /// The operator as messages name it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Shl => "<<",
            Self::Shr => ">>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::BitAnd => "&",
            Self::BitXor => "^",
            Self::BitOr => "|",
            Self::And => "&&",
            Self::Xor => "^^",
            Self::Or => "||",
        }
    }

    /// The operator with `=` behind it, as messages name it.
    pub fn assign_text(self) -> &'static str {
        match self {
            Self::Mul => "*=",
            Self::Div => "/=",
            Self::Mod => "%=",
            Self::Add => "+=",
            Self::Sub => "-=",
            Self::Shl => "<<=",
            Self::Shr => ">>=",
            Self::BitAnd => "&=",
            Self::BitXor => "^=",
            Self::BitOr => "|=",
            other => other.text(),
        }
    }
}

/// A type as it is written in a cast, in `sizeof` or in a list of parameters.
#[derive(Clone, Debug)]
pub struct TypeName {
    /// Where it begins.
    pub pos: Pos,
    /// `const unsigned int`, `struct s`, ...
    pub specifiers: Specifiers,
    /// `*`, `[4]`, ..., with or without a name.
    pub declarator: Declarator,
}

/// The words before the declarators of a declaration.
#[derive(Clone, Debug)]
pub struct Specifiers {
    /// Where they begin.
    pub pos: Pos,
    /// `self`, `this`, `typedef`, `extern`, ...
    pub class: Option<StorageClass>,
    /// Qualifiers of the base type.
    pub qualifiers: Qualifiers,
    /// The base type.
    pub base: BaseType,
}

/// What a declaration declares its names to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    /// `auto`
    Auto,
    /// `register`
    Register,
    /// `static`
    Static,
    /// `extern`
    Extern,
    /// `typedef`
    Typedef,
    /// `self`: thread-local.
    Thread,
    /// `this`: clause-local.
    Clause,
}

/// Type qualifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qualifiers {
    /// `const`
    pub is_const: bool,
    /// `volatile`
    pub is_volatile: bool,
    /// `restrict`
    pub is_restrict: bool,
    /// `userland`: the object lives in the traced process.
    pub userland: bool,
}

/// A base type.
#[derive(Clone, Debug)]
pub enum BaseType {
    /// No type word stood there: `int` by C's old rule, where it is allowed; an identifier in D's `self x;`.
    Implicit,
    /// `void`
    Void,
    /// An integer type.
    Integer {
        /// Its width.
        size: IntSize,
        /// Signedness, when said.
        signed: Option<bool>,
        /// Whether `int` was: `unsigned` and `unsigned int` have names of their own.
        int: bool,
    },
    /// `float`
    Float,
    /// `double`
    Double,
    /// `long double`
    LongDouble,
    /// `string`
    String,
    /// A typedef name, maybe with a module: `` module`name ``.
    Named(Name),
    /// `struct tag { members }`
    Struct(StructType),
    /// `union tag { members }`
    Union(StructType),
    /// `enum tag { enumerators }`
    Enum(EnumType),
}

/// The widths of C's integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntSize {
    /// `char`
    Char,
    /// `short`
    Short,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `long long`
    LongLong,
}

/// A struct or union as written.
#[derive(Clone, Debug)]
pub struct StructType {
    /// Its tag, maybe with a module.
    pub tag: Option<Name>,
    /// Its members; `None` when only the tag is named.
    pub members: Option<Vec<Member>>,
}

/// One line of members of a struct or union.
#[derive(Clone, Debug)]
pub struct Member {
    /// Where it stands.
    pub pos: Pos,
    /// The type words.
    pub specifiers: Specifiers,
    /// The members that share them; none for an unnamed struct or union.
    pub declarators: Vec<(Declarator, Option<Expr>)>,
}

/// An enumeration as written.
#[derive(Clone, Debug)]
pub struct EnumType {
    /// Its tag, maybe with a module.
    pub tag: Option<Name>,
    /// Its constants with their values, where given; `None` when only the tag is named.
    pub enumerators: Option<Vec<Enumerator>>,
}

/// One constant of an enumeration.
#[derive(Clone, Debug)]
pub struct Enumerator {
    /// Where it stands.
    pub pos: Pos,
    /// Its name.
    pub name: Rc<str>,
    /// Its value, when given.
    pub value: Option<Expr>,
}

/// A name with what it derives from the base type. A name is `derived[0]` of `derived[1]` of ... of the base type:
/// `int *a[4]` is an array of 4 (`derived[0]`) pointers (`derived[1]`) to `int`.
#[derive(Clone, Debug, Default)]
pub struct Declarator {
    /// Where the name stands.
    pub pos: Pos,
    /// The name; absent in a type name.
    pub name: Option<Rc<str>>,
    /// From the name outward to the base type.
    pub derived: Vec<Derived>,
}

/// One step of a declarator.
#[derive(Clone, Debug)]
pub enum Derived {
    /// `*`
    Pointer(Qualifiers),
    /// `[size]`, or `[]`.
    Array(Option<Box<Expr>>),
    /// `[type, type...]`: a D associative array.
    Associative(Vec<TypeName>),
    /// `(type, type...)`
    Function {
        /// The parameters.
        params: Vec<TypeName>,
        /// Whether they end in `...`.
        varargs: bool,
    },
}

/// A declaration: type words and the names that share them.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Where it begins.
    pub pos: Pos,
    /// The type words.
    pub specifiers: Specifiers,
    /// The names; none in `struct s { ... };`.
    pub declarators: Vec<Declarator>,
}

/// `inline type name = expression;`, or with parameters `inline type name[type param, ...] = expression;`.
#[derive(Clone, Debug)]
pub struct Inline {
    /// Where it begins.
    pub pos: Pos,
    /// The type words.
    pub specifiers: Specifiers,
    /// The name; associative when it has parameters.
    pub declarator: Declarator,
    /// The value.
    pub value: Rc<Expr>,
}

/// `translator output < input name > { member = expression; ... };`
#[derive(Clone, Debug)]
pub struct Translator {
    /// Where it begins.
    pub pos: Pos,
    /// The type it makes.
    pub output: TypeName,
    /// The type it takes.
    pub input: TypeName,
    /// What its expressions call the input.
    pub param: Rc<str>,
    /// The members of the output that it makes.
    pub members: Vec<TranslatorMember>,
}

/// One member that a translator makes.
#[derive(Clone, Debug)]
pub struct TranslatorMember {
    /// Where it stands.
    pub pos: Pos,
    /// The member's name.
    pub name: Rc<str>,
    /// Its value.
    pub value: Rc<Expr>,
}

/// `provider name { probe ...; };`
#[derive(Clone, Debug)]
pub struct Provider {
    /// Where it begins.
    pub pos: Pos,
    /// Its name.
    pub name: Rc<str>,
    /// Its probes.
    pub probes: Vec<ProviderProbe>,
}

/// `probe name(native arguments) : (translated arguments);`
#[derive(Clone, Debug)]
pub struct ProviderProbe {
    /// Where it stands.
    pub pos: Pos,
    /// Its name as written: two underscores stand for a minus.
    pub name: Rc<str>,
    /// The arguments that the program passes.
    pub native: Vec<TypeName>,
    /// The arguments that D sees, when given.
    pub translated: Option<Vec<TypeName>>,
}

/// `#pragma D ...`; `#pragma D line` and `#line` are the lexer's.
#[derive(Clone, Debug)]
pub struct Pragma {
    /// Where it stands.
    pub pos: Pos,
    /// Its words after `D`, or after `pragma` when it is not a D pragma.
    pub words: Vec<PragmaWord>,
    /// The rest of the line after the first word, as written.
    pub text: Rc<str>,
    /// Whether `D` stood before the words.
    pub is_d: bool,
}

/// One word of a pragma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PragmaWord {
    /// A bare word: everything up to blank space.
    Word(Rc<str>),
    /// A string in quotes.
    Str(Rc<str>),
}
