//! The checked tree: what a D program means. The checker makes it, code generation reads it.
//!
//! What always holds: every expression has its type; names, inlines, translators, enumeration constants and `sizeof` are
//! resolved; conversions are explicit ([`ExprKind::Convert`]); pointer arithmetic is scaled; an array that decays is
//! [`ExprKind::Decay`]; operands of one arithmetic operator have its type already. Code generation therefore decides
//! nothing about the language, only about registers.
//!
//! Values. An integer, enumeration or pointer is a value in a register. A string, structure, union or array is passed *by
//! reference*: its value in a register is its address. So `Deref` of a pointer to a structure loads nothing, and `Decay`
//! of an array is a change of type only.
//!
//! Places. What can be assigned to is one of [`ExprKind::Var`], [`ExprKind::Element`], [`ExprKind::Deref`],
//! [`ExprKind::Member`] (of a place in memory, or of a variable of structure type, whose value is its address).

use std::rc::Rc;

use super::ast::Pos;
use crate::program::{Attribute, ProbeDesc, VarScope};
use crate::types::TypeId;

pub use super::ast::BinaryOp;

/// A checked program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// One for each clause and each of its probe descriptions, in source order.
    pub clauses: Vec<Clause>,
    /// The providers it declares, for `-h` and `-G`.
    pub providers: Vec<Provider>,
}

/// One clause for one probe description.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Where the probe description stands.
    pub pos: Pos,
    /// Which probes.
    pub probe: ProbeDesc,
    /// The condition: of scalar type.
    pub predicate: Option<Expr>,
    /// What is done. Empty: the default action, only that the probe fired is recorded.
    pub stmts: Vec<Stmt>,
    /// The stability of the probe description and the predicate.
    pub attribute: Attribute,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Where it begins.
    pub pos: Pos,
    /// What it is.
    pub kind: StmtKind,
    /// The stability of what it uses.
    pub attribute: Attribute,
}

/// The kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// An expression for its effect; its value is dropped.
    Expr(Expr),
    /// A tracing action.
    Action(Action),
    /// `@name[keys] = func(argument)`
    Aggregate(Aggregate),
    /// `if (condition) { then } else { otherwise }`
    If {
        /// Of scalar type.
        condition: Expr,
        /// What runs when it holds.
        then: Vec<Stmt>,
        /// What runs when it does not.
        otherwise: Vec<Stmt>,
    },
}

/// What an action records, a `printf` prints or an aggregation has as a key.
#[derive(Clone, Debug)]
pub enum Datum {
    /// The value of an expression, of its type.
    Expr(Expr),
    /// `stack()` or `stack(n)`; 0 frames stand for the option's number.
    Stack(u32),
    /// `ustack()`, `ustack(n)`, `ustack(n, size)`; 0 frames stand for the option's number.
    UserStack {
        /// How many frames.
        frames: u32,
        /// Bytes for the frames' strings.
        strings: u32,
    },
    /// `jstack()` and its forms; 0 stands for the options' numbers.
    JavaStack {
        /// How many frames.
        frames: u32,
        /// Bytes for the frames' strings.
        strings: u32,
    },
    /// `sym(x)`, `func(x)`
    Sym(Expr),
    /// `mod(x)`
    Mod(Expr),
    /// `usym(x)`, `ufunc(x)`
    UserSym(Expr),
    /// `umod(x)`
    UserMod(Expr),
    /// `uaddr(x)`
    UserAddr(Expr),
}

/// A tracing action.
#[derive(Clone, Debug)]
pub enum Action {
    /// `trace(x)`, `stack()`, `sym(x)`, ...: one record.
    Trace(Datum),
    /// `print(x)`: one record, printed with its type.
    Print(Expr),
    /// `tracemem(address, size)`, `tracemem(address, size, length)`
    TraceMem {
        /// The address.
        address: Expr,
        /// How many bytes at most.
        size: u32,
        /// How many of them at run time.
        length: Option<Expr>,
    },
    /// `printf(format, arguments)`
    Printf(Formatted),
    /// `system(format, arguments)`
    System(Formatted),
    /// `freopen(format, arguments)`
    Freopen(Formatted),
    /// `printa(format, aggregations)`, `printa(aggregation)`
    Printa {
        /// The format, if there is one.
        format: Option<Rc<str>>,
        /// The aggregations.
        aggregations: Vec<AggregationId>,
    },
    /// `exit(x)`
    Exit(Expr),
    /// `stop()`
    Stop,
    /// `raise(x)`
    Raise(Expr),
    /// `breakpoint()`
    Breakpoint,
    /// `panic()`
    Panic,
    /// `chill(x)`
    Chill(Expr),
    /// `speculate(x)`
    Speculate(Expr),
    /// `commit(x)`
    Commit(Expr),
    /// `discard(x)`
    Discard(Expr),
    /// `clear(@a)`
    Clear(AggregationId),
    /// `trunc(@a)`, `trunc(@a, n)`
    Trunc(AggregationId, Option<Expr>),
    /// `normalize(@a, n)`
    Normalize(AggregationId, Expr),
    /// `denormalize(@a)`
    Denormalize(AggregationId),
    /// `ftruncate()`
    Ftruncate,
    /// `setopt(name, value)`: both strings.
    Setopt(Expr, Option<Expr>),
    /// `test1(x)` and `test2(x)` of contract 6.5.
    Test(u8, Expr),
}

/// A format with its arguments, already checked against each other.
#[derive(Clone, Debug)]
pub struct Formatted {
    /// The format as written.
    pub format: Rc<str>,
    /// The arguments.
    pub args: Vec<Datum>,
}

/// The number of an aggregation in its handle, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AggregationId(pub u32);

/// An aggregating statement.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Which aggregation.
    pub id: AggregationId,
    /// Its name without `@`; `_` for the nameless one.
    pub name: Rc<str>,
    /// The keys.
    pub keys: Vec<Datum>,
    /// The function: `DTRACEAGG_*` (contract 2.5).
    pub kind: u32,
    /// What is aggregated; `None` for `count()`.
    pub value: Option<Expr>,
    /// The increment of `quantize`, `lquantize`, `llquantize`, when given.
    pub increment: Option<Expr>,
    /// The packed parameters of `lquantize` and `llquantize`, 0 otherwise (contract 2.5).
    pub param: u64,
}

/// A variable, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Var {
    /// Its number (contract 2.4): below 0x500 a built-in one.
    pub id: u32,
    /// Its scope.
    pub scope: VarScope,
    /// Its name.
    pub name: Rc<str>,
    /// Whether it is an array in the sense of DIF: `args`, `uregs`, or an associative array.
    pub array: bool,
    /// The type of the variable, or of an element of it.
    pub ty: TypeId,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it stands.
    pub pos: Pos,
    /// Its type.
    pub ty: TypeId,
    /// Whether the object it denotes (or, for a pointer, points to) lies in the traced process.
    pub user: bool,
    /// What it is.
    pub kind: ExprKind,
}

/// A bit-field of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitField {
    /// Its offset in bits from the byte offset of the member access.
    pub offset: u32,
    /// Its width in bits.
    pub width: u32,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// An integer constant, extended to 64 bits by the signedness of its type. Of pointer or string type: the null pointer,
    /// which as a string's value means no string, and an address.
    Int(u64),
    /// A string constant, without NUL.
    Str(Rc<[u8]>),
    /// A scalar variable (also of string, structure or array type).
    Var(Var),
    /// `args[index]`, `uregs[index]`: an element of a built-in array.
    Builtin(Var, Box<Expr>),
    /// An element of an associative array.
    Element(Var, Vec<Expr>),
    /// A call of a DIF subroutine (contract 2.4).
    Call {
        /// The subroutine's number.
        subr: u16,
        /// Its arguments, in DIF's order: as many as were given.
        args: Vec<Expr>,
    },
    /// What a pointer points to.
    Deref(Box<Expr>),
    /// The address of a place in memory.
    AddressOf(Box<Expr>),
    /// An array as the pointer to its first element: same value, other type.
    Decay(Box<Expr>),
    /// A member of a structure or union place.
    Member {
        /// The structure or union.
        base: Box<Expr>,
        /// The byte offset.
        offset: u64,
        /// For a bit-field: where in the bytes at `offset`.
        bits: Option<BitField>,
    },
    /// `-x`: operand of the same integer type.
    Neg(Box<Expr>),
    /// `~x`: operand of the same integer type.
    BitNot(Box<Expr>),
    /// `!x`: operand of scalar type; the result is an `int` 0 or 1.
    Not(Box<Expr>),
    /// `*`, `/`, `%`, `+`, `-`, `<<`, `>>`, `&`, `^`, `|`. Both operands have the type of the expression, but for shifts
    /// (whose right operand has its own) and pointer arithmetic (one operand is a pointer of the type of the expression,
    /// the other an integer already multiplied by the size; or both are pointers and the result is a byte distance, which a
    /// surrounding division turns into elements).
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `<`, `<=`, `>`, `>=`, `==`, `!=` of two integers or pointers of one type: signed or not as that type says.
    Compare(BinaryOp, Box<Expr>, Box<Expr>),
    /// The same of two strings.
    CompareStr(BinaryOp, Box<Expr>, Box<Expr>),
    /// `&&`, `||` (short-circuit) and `^^`: operands of scalar type; the result is an `int` 0 or 1.
    Logical(BinaryOp, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`: both of the type of the expression.
    Cond(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `target = value`: the value has the target's type.
    Assign(Box<Expr>, Box<Expr>),
    /// `target op= value`: the target is evaluated once, converted to `compute`, combined, converted back and stored.
    AssignOp {
        /// The operator.
        op: BinaryOp,
        /// The place.
        target: Box<Expr>,
        /// The right side: of type `compute` (a shift's count has its own type; for a pointer it is scaled).
        value: Box<Expr>,
        /// The type in which the operator works.
        compute: TypeId,
    },
    /// `++x`, `x++`, `--x`, `x--`.
    Step {
        /// The place.
        target: Box<Expr>,
        /// What is added: 1 or -1, times the size of what a pointer points to.
        delta: i64,
        /// Whether the value of the expression is the one before.
        post: bool,
    },
    /// A conversion between integers, enumerations and pointers: truncation and extension as the types say; or a change of
    /// type that changes nothing.
    Convert(Box<Expr>),
    /// `stringof(x)`, and a character array or pointer where a string is wanted: the address is the string.
    ToString(Box<Expr>),
    /// `a, b`: all are evaluated, the last is the value.
    Comma(Vec<Expr>),
}

/// A provider declared in D.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Where it stands.
    pub pos: Pos,
    /// Its name.
    pub name: Rc<str>,
    /// Its probes.
    pub probes: Vec<ProviderProbe>,
    /// Its stability: provider, module, function, name, arguments.
    pub attributes: [Attribute; 5],
}

/// A probe of a declared provider.
#[derive(Clone, Debug)]
pub struct ProviderProbe {
    /// Its name, with minus signs.
    pub name: Rc<str>,
    /// The types of what the program passes.
    pub native: Vec<TypeId>,
    /// The types of what D sees.
    pub translated: Vec<TypeId>,
    /// For each translated argument, which native one it is made from.
    pub mapping: Vec<u8>,
}
