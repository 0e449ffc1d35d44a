//! A compiled program: what the compiler makes and what the DOF writer, the consumer and the C API read.
//!
//! A program is a list of [`Ecb`]s, one for each clause and each probe description of it, in source order; each carries the
//! clause's predicate and its [`Stmt`]s. A statement is what the consumer prints as one thing: a `trace()`, a whole `printf()`
//! with all its arguments, one aggregating assignment with its keys. It becomes one or more [`Action`]s, each of which is one
//! record in the trace buffer.
//!
//! The kernel sees only actions, and gives back each action's `uarg` with its record. Ours is the number of the statement
//! in the handle, counted from 1: [`Program::number`] hands the numbers out, so that the consumer finds the statement of any
//! record by an index. 0 is no statement.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::types::TypeId;

/// A probe description as the program wrote it: a part left out is empty.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ProbeDesc {
    /// A probe id, 0 if the description is by name.
    pub id: u32,
    /// Provider.
    pub provider: String,
    /// Module.
    pub module: String,
    /// Function.
    pub function: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for ProbeDesc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.id != 0 {
            return write!(f, "{}", self.id);
        }
        write!(f, "{}:{}:{}:{}", self.provider, self.module, self.function, self.name)
    }
}

/// The type of what a DIF object returns, and of a D variable (contract 2.3, `dtrace_diftype`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DifType {
    /// Whether it is a D string; its size is then the string size.
    pub string: bool,
    /// The CTF kind of the type, for a consumer's use: 0 for a string.
    pub ctf_kind: u8,
    /// Whether the value is the address of the data.
    pub by_ref: bool,
    /// Size in bytes; 0 if nothing is returned.
    pub size: u32,
}

/// The scope of a D variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum VarScope {
    /// One for all.
    Global,
    /// One for each thread (`self->`).
    Thread,
    /// One for each firing of a clause (`this->`).
    Local,
}

/// A variable as a DIF object declares it (contract 2.3, `dtrace_difv`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DifVar {
    /// Its name.
    pub name: Rc<str>,
    /// Where the name stands in the object's string table.
    pub name_at: u32,
    /// Its number.
    pub id: u32,
    /// Whether it is an associative array.
    pub array: bool,
    /// Its scope.
    pub scope: VarScope,
    /// Whether the object reads it.
    pub referenced: bool,
    /// Whether the object writes it.
    pub modified: bool,
    /// Its type.
    pub ty: DifType,
}

/// A DIF object: a piece of code with its tables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difo {
    /// The instructions.
    pub text: Vec<u32>,
    /// The integer table.
    pub ints: Vec<u64>,
    /// The string table, NUL-terminated strings of which the first is empty.
    pub strings: Vec<u8>,
    /// The variables.
    pub vars: Vec<DifVar>,
    /// What it returns.
    pub rtype: DifType,
    /// Whether it calls a subroutine that changes a traced process.
    pub destructive: bool,
}

/// The argument that travels with an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActionArg {
    /// A plain number: frames of a stack, the packed parameters of an aggregation, a library action.
    Value(u64),
    /// A string: the format of a printf. It comes back from the kernel by the record's format number.
    String(Rc<str>),
}

/// One action of a statement: one record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// `DTRACEACT_*` or `DTRACEAGG_*` (contract 2.5).
    pub kind: u32,
    /// The code whose result is recorded, if any.
    pub difo: Option<Rc<Difo>>,
    /// For an aggregating action: how many actions before it are its keys, the leading aggregation id included.
    pub ntuple: u32,
    /// Its argument.
    pub arg: ActionArg,
    /// Whether the code stands for its effect only, so that the record is empty.
    pub discarded: bool,
    /// The D type of the recorded value where it is known.
    pub ty: Option<TypeId>,
}

/// An aggregation as the program names it; one for each name in a handle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aggregation {
    /// Its name without the `@`; `_` if it has none.
    pub name: Rc<str>,
    /// Its number in the handle, from 1: the first key of every tuple.
    pub id: u32,
    /// `DTRACEAGG_*`.
    pub kind: u32,
    /// The types of the keys that the program wrote.
    pub keys: Rc<[TypeId]>,
}

/// The aggregations of a handle, by number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Aggregations(BTreeMap<u32, Rc<Aggregation>>);

impl Aggregations {
    /// The aggregation with this number.
    pub fn get(&self, id: u32) -> Option<&Rc<Aggregation>> {
        self.0.get(&id)
    }

    /// Adds one, unless its number is known already, and gives the one that is kept.
    pub fn add(&mut self, aggregation: Aggregation) -> Rc<Aggregation> {
        self.0.entry(aggregation.id).or_insert_with(|| Rc::new(aggregation)).clone()
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<Aggregation>> {
        self.0.values()
    }
}

/// The actions that only the library carries out, by the number their LIBACT action carries.
///
/// The numbers are the original's: an image that it made must mean the same here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u64)]
pub enum LibAction {
    /// `clear(@a)`
    Clear = 0x3e,
    /// `normalize(@a, n)`
    Normalize = 0x3f,
    /// `denormalize(@a)`
    Denormalize = 0x40,
    /// `trunc(@a[, n])`
    Trunc = 0x41,
    /// `ftruncate()`
    Ftruncate = 0x44,
    /// `setopt(name[, value])`
    Setopt = 0x4b,
}

impl LibAction {
    /// The action with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        [Self::Clear, Self::Normalize, Self::Denormalize, Self::Trunc, Self::Ftruncate, Self::Setopt]
            .into_iter()
            .find(|&action| action as u64 == number)
    }
}

/// What a statement is, for the consumer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StmtKind {
    /// An expression for its effect: nothing is printed.
    Expression,
    /// Actions whose records say all there is: trace, tracemem, stack, sym, exit, stop …
    Plain,
    /// `printf`, with the format as the program wrote it adjusted to the sizes of the arguments.
    Printf(Rc<str>),
    /// `print(value)` of this type.
    Print(TypeId),
    /// `system`
    System(Rc<str>),
    /// `freopen`
    Freopen(Rc<str>),
    /// An aggregating assignment.
    Aggregate(Rc<Aggregation>),
    /// `printa` of these aggregations, with a format if there is one.
    Printa(Option<Rc<str>>, Vec<Rc<Aggregation>>),
    /// `clear`, `trunc`, `normalize`, `denormalize` of an aggregation; `ftruncate`, `setopt` of none.
    Library(LibAction, Option<Rc<Aggregation>>),
}

/// A stability attribute: how far a name may be relied on (contract 2.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Attribute {
    /// Name stability.
    pub name: u8,
    /// Data stability.
    pub data: u8,
    /// Dependency class.
    pub class: u8,
}

impl Attribute {
    /// What no expression lowers: stable, stable, common.
    pub const MAXIMUM: Attribute = Attribute { name: 7, data: 7, class: 5 };

    /// The weaker of two, part by part.
    pub fn minimum(self, other: Attribute) -> Attribute {
        Attribute {
            name: self.name.min(other.name),
            data: self.data.min(other.data),
            class: self.class.min(other.class),
        }
    }
}

/// One statement of a clause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stmt {
    /// Its number in the handle (see the module's text); 0 until [`Program::number`] has run.
    pub number: u64,
    /// What it is.
    pub kind: StmtKind,
    /// Its actions in order.
    pub actions: Vec<Action>,
    /// The stability of what it uses.
    pub attribute: Attribute,
}

/// One clause for one probe description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ecb {
    /// Which probes.
    pub probe: ProbeDesc,
    /// The condition.
    pub predicate: Option<Rc<Difo>>,
    /// What is done.
    pub stmts: Vec<Stmt>,
    /// Opaque to the kernel and given back with the EPID: 1 marks the library's own ERROR program (contract 2.5).
    pub uarg: u64,
    /// The stability of the probe description.
    pub attribute: Attribute,
    /// Whether it goes on with the clause of the control block before: `if` cuts clauses into several.
    pub continues: bool,
}

/// A compiled program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Program {
    /// Its clauses, in source order.
    pub ecbs: Vec<Ecb>,
}

impl Program {
    /// Numbers the statements from `first` on and returns the next free number.
    pub fn number(&mut self, first: u64) -> u64 {
        let mut next = first;
        for stmt in self.ecbs.iter_mut().flat_map(|e| e.stmts.iter_mut()) {
            stmt.number = next;
            next += 1;
        }
        next
    }

    /// All statements in order.
    pub fn stmts(&self) -> impl Iterator<Item = &Stmt> {
        self.ecbs.iter().flat_map(|e| e.stmts.iter())
    }
}
