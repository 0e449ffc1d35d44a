//! Programs as images, written like D.

use dtrace_abi::dif::*;
use dtrace_abi::dof::*;
use dtrace_abi::{DifType, DifVar, DofActDesc, DofOptDesc, Instr, Plain, action, agg};

use crate::image::{Builder, INT, STRING, act, ret, var};

/// No value.
const VOID: DifType = DifType { kind: TYPE_CTF, ckind: 0, flags: 0, pad: 0, size: 0 };
/// An integer of four bytes.
const INT32: DifType = DifType { size: 4, ..INT };

/// An expression.
#[derive(Clone, Copy)]
pub(crate) enum E {
    /// A number.
    Int(u64),
    /// A number of four bytes.
    Int32(u32),
    /// A built-in variable that is a number.
    Var(u32),
    /// The same in four bytes.
    Var32(u32),
    /// A built-in variable that is a string.
    Name(u32),
    /// The same in a place of this size.
    ShortName(u32, u32),
    /// A string.
    Text(&'static str),
    /// The number that is the address of a string.
    Address(&'static str),
    /// `global++`, for its effect; the number is added to the first user variable.
    Increment(u32),
    /// A user variable.
    Global(u32),
    /// `*(uint64_t *)address`
    Load(u64),
    /// The same, in the user process's memory.
    LoadUser(u64),
    /// `subroutine(arguments)`, whose result is a number.
    Call(u16, &'static [u64]),
    /// `numerator / 0`
    DivideByZero,
    /// `a[arg0] = number`, for its effect; 0 takes the variable away.
    Remember(u64),
    /// `variable == number`
    Equal(u32, u64),
    /// `speculation()`
    Speculation,
    /// Some bytes at an address.
    Bytes(u64, u32),
    /// The string at an address, in a record of so many bytes.
    StringAt(u64, u32),
    /// `stack(frames)` or, of the user, `ustack(frames)`: the action and its frames. A key only.
    Stack(u32, u64),
}

/// A statement.
#[derive(Clone)]
pub(crate) enum S {
    /// `trace()`
    Trace(E),
    /// `printf()`
    Printf(&'static str, Vec<E>),
    /// `exit()`
    Exit(u32),
    /// `@[keys] = function(value)`: kind, argument, keys after the variable's id, value, increment.
    Agg(u32, u64, Vec<E>, Option<E>, Option<E>),
    /// An action of this kind and argument, with a value.
    Act(u32, u64, Option<E>),
}

/// `@[keys] = count()`
pub(crate) fn count(keys: &[E]) -> S {
    S::Agg(agg::COUNT, 0, keys.to_vec(), None, None)
}

/// A program under construction.
pub(crate) struct Program {
    b: Builder,
    statements: u64,
    only: u32,
    /// Every expression begins with an instruction that does nothing: so none is of a form that is recognised, and all of
    /// them are run by the loop.
    looped: bool,
}

impl Program {
    pub(crate) fn new() -> Program {
        Program { b: Builder::new(), statements: 0, only: 0, looped: false }
    }

    /// A program none of whose expressions is recognised.
    pub(crate) fn looped() -> Program {
        Program { looped: true, ..Program::new() }
    }

    /// Appends a DIFO.
    fn difo(&mut self, text: &[Instr], ints: &[u64], strings: &str, vars: &[DifVar], rtype: DifType) -> u32 {
        if !self.looped {
            return self.b.difo(text, ints, strings, vars, rtype);
        }
        let moved = |instr: &Instr| match instr.op() {
            op @ (OP_BA | OP_BE) => Instr::branch(op, instr.label() + 1),
            _ => *instr,
        };
        let text: Vec<Instr> =
            [Instr::new(OP_NOP, 0, 0, 0)].into_iter().chain(text.iter().map(moved)).collect();
        self.b.difo(&text, ints, strings, vars, rtype)
    }

    fn expression(&mut self, e: E) -> u32 {
        let global =
            |id| [DifVar { flags: DIFV_F_REF | DIFV_F_MOD, ..var(id, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL) }];
        let load = |id: u32| [Instr::indexed(OP_LDGS, id as u16, 1), ret(1)];
        match e {
            E::Int(value) => self.difo(&[Instr::indexed(OP_SETX, 0, 1), ret(1)], &[value], "", &[], INT),
            E::Int32(value) => {
                self.difo(&[Instr::indexed(OP_SETX, 0, 1), ret(1)], &[u64::from(value)], "", &[], INT32)
            }
            E::Var(id) => self.difo(&load(id), &[], "\0v\0", &global(id), INT),
            E::Var32(id) => self.difo(&load(id), &[], "\0v\0", &global(id), INT32),
            E::Name(id) => {
                let vars = global(id).map(|var| DifVar { ty: STRING, ..var });
                self.difo(&load(id), &[], "\0v\0", &vars, STRING)
            }
            E::ShortName(id, size) => {
                let vars = global(id).map(|var| DifVar { ty: STRING, ..var });
                self.difo(&load(id), &[], "\0v\0", &vars, DifType { size, ..STRING })
            }
            E::Text(text) => {
                let strings = format!("\0{text}\0");
                self.difo(&[Instr::indexed(OP_SETS, 1, 1), ret(1)], &[], &strings, &[], STRING)
            }
            E::Address(text) => {
                let strings = format!("\0{text}\0");
                self.difo(&[Instr::indexed(OP_SETS, 1, 1), ret(1)], &[], &strings, &[], INT)
            }
            E::Increment(n) => {
                let id = VAR_OTHER_UBASE + n;
                let text = [
                    Instr::indexed(OP_LDGS, id as u16, 1),
                    Instr::indexed(OP_SETX, 0, 2),
                    Instr::new(OP_ADD, 1, 2, 1),
                    Instr::indexed(OP_STGS, id as u16, 1),
                    ret(0),
                ];
                self.difo(&text, &[1], "\0v\0", &global(id), VOID)
            }
            E::Global(n) => {
                let id = VAR_OTHER_UBASE + n;
                self.difo(&load(id), &[], "\0v\0", &global(id), INT)
            }
            E::Load(address) => {
                let text = [Instr::indexed(OP_SETX, 0, 1), Instr::new(OP_LDX, 1, 0, 2), ret(2)];
                self.difo(&text, &[address], "", &[], INT)
            }
            E::LoadUser(address) => {
                let text = [Instr::indexed(OP_SETX, 0, 1), Instr::new(OP_ULDX, 1, 0, 2), ret(2)];
                self.difo(&text, &[address], "", &[], INT)
            }
            E::Call(subroutine, arguments) => {
                let mut text = vec![Instr::new(OP_FLUSHTS, 0, 0, 0)];
                for n in 0..arguments.len() {
                    text.extend([
                        Instr::indexed(OP_SETX, n as u16, 1),
                        Instr::new(OP_PUSHTV, TYPE_CTF, 0, 1),
                    ]);
                }
                text.extend([Instr::indexed(OP_CALL, subroutine, 1), ret(1)]);
                self.difo(&text, arguments, "", &[], INT)
            }
            E::DivideByZero => {
                let text = [Instr::indexed(OP_SETX, 0, 1), Instr::new(OP_SDIV, 1, 0, 1), ret(1)];
                self.difo(&text, &[7], "", &[], INT)
            }
            E::Remember(value) => {
                let id = VAR_OTHER_UBASE + 0x10;
                let array = var(id, DIFV_KIND_ARRAY, DIFV_SCOPE_GLOBAL);
                let text = [
                    Instr::new(OP_FLUSHTS, 0, 0, 0),
                    Instr::indexed(OP_LDGS, VAR_ARG0 as u16, 1),
                    Instr::new(OP_PUSHTV, TYPE_CTF, 0, 1),
                    Instr::indexed(OP_SETX, 0, 1),
                    Instr::indexed(OP_STGAA, id as u16, 1),
                    ret(0),
                ];
                let vars = [
                    DifVar { flags: DIFV_F_REF, ..var(VAR_ARG0, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL) },
                    DifVar { flags: DIFV_F_MOD, ..array },
                ];
                self.difo(&text, &[value], "\0v\0", &vars, VOID)
            }
            E::Equal(id, value) => {
                let text = [
                    Instr::indexed(OP_LDGS, id as u16, 1),
                    Instr::indexed(OP_SETX, 0, 2),
                    Instr::new(OP_CMP, 1, 2, 0),
                    Instr::branch(OP_BE, 6),
                    Instr::new(OP_MOV, 0, 0, 3),
                    Instr::branch(OP_BA, 7),
                    Instr::indexed(OP_SETX, 1, 3),
                    ret(3),
                ];
                self.difo(&text, &[value, 1], "\0v\0", &global(id), INT)
            }
            E::Speculation => {
                self.difo(&[Instr::indexed(OP_CALL, SUBR_SPECULATION as u16, 1), ret(1)], &[], "", &[], INT)
            }
            E::Stack(..) => panic!("a stack is no expression"),
            E::StringAt(address, size) => {
                let rtype = DifType { size, ..STRING };
                self.difo(&[Instr::indexed(OP_SETX, 0, 1), ret(1)], &[address], "", &[], rtype)
            }
            E::Bytes(address, size) => {
                let rtype = DifType { kind: TYPE_CTF, ckind: 0, flags: TF_BYREF, pad: 0, size };
                self.difo(&[Instr::indexed(OP_SETX, 0, 1), ret(1)], &[address], "", &[], rtype)
            }
        }
    }

    fn statement(&mut self, statement: &S, actions: &mut Vec<DofActDesc>) {
        self.statements += 1;
        let uarg = self.statements;
        let plain = |kind, difo| DofActDesc { uarg, ..act(kind, difo) };
        match statement {
            S::Trace(e) => {
                let difo = self.expression(*e);
                actions.push(plain(action::DIFEXPR, difo));
            }
            S::Printf(format, args) => {
                let strtab = self.b.strings(&format!("\0{format}\0"));
                for e in args {
                    let difo = self.expression(*e);
                    actions.push(DofActDesc { strtab, arg: 1, ..plain(action::PRINTF, difo) });
                }
            }
            S::Exit(status) => {
                let difo = self.expression(E::Int32(*status));
                actions.push(plain(action::EXIT, difo));
            }
            S::Agg(kind, arg, keys, value, increment) => {
                let variable = self.expression(E::Int(uarg));
                actions.push(plain(action::DIFEXPR, variable));
                for e in keys {
                    actions.push(match *e {
                        E::Stack(kind, frames) => DofActDesc { arg: frames, ..plain(kind, SECIDX_NONE) },
                        e => plain(action::DIFEXPR, self.expression(e)),
                    });
                }
                let mut ntuple = keys.len() as u32 + 1;
                if let Some(e) = increment {
                    let difo = match e {
                        E::Int(n) => {
                            self.difo(&[Instr::indexed(OP_SETX, 0, 1), ret(1)], &[*n], "", &[], VOID)
                        }
                        _ => panic!("an increment is a number here"),
                    };
                    actions.push(plain(action::DIFEXPR, difo));
                    ntuple += 1;
                }
                let difo = value.map_or(SECIDX_NONE, |e| self.expression(e));
                actions.push(DofActDesc { ntuple, arg: *arg, ..plain(*kind, difo) });
            }
            S::Act(kind, arg, value) => {
                let difo = value.map_or(SECIDX_NONE, |e| self.expression(e));
                actions.push(DofActDesc { arg: *arg, ..plain(*kind, difo) });
            }
        }
    }

    /// The next clauses are for the probe of this id.
    pub(crate) fn only(&mut self, id: u32) {
        self.only = id;
    }

    /// `names /predicate/ { statements }`
    pub(crate) fn clause(self, names: [&str; 4], predicate: Option<E>, statements: &[S]) -> Self {
        self.clause_with(None, names, predicate, statements)
    }

    /// `names { statements }`, with what its consumer is to know it by.
    pub(crate) fn clause_of(self, uarg: u64, names: [&str; 4], statements: &[S]) -> Self {
        self.clause_with(Some(uarg), names, None, statements)
    }

    fn clause_with(
        mut self,
        uarg: Option<u64>,
        names: [&str; 4],
        predicate: Option<E>,
        statements: &[S],
    ) -> Self {
        let probe = self.b.probe(names);
        // The id is the last word of the description.
        self.b.part(probe).data[20..].copy_from_slice(&self.only.to_ne_bytes());
        let predicate = predicate.map_or(SECIDX_NONE, |e| self.expression(e));
        let mut actions = Vec::new();
        for statement in statements {
            self.statement(statement, &mut actions);
        }
        let actions = match actions.is_empty() {
            true => SECIDX_NONE,
            false => self.b.table(SECT_ACTDESC, 8, &actions),
        };
        let desc = self.b.ecb(probe, predicate, actions);
        if let Some(uarg) = uarg {
            // It is the last word of the description.
            self.b.part(desc).data[16..24].copy_from_slice(&uarg.to_ne_bytes());
        }
        self
    }

    /// `#pragma D option`
    pub(crate) fn option(mut self, option: u32, value: i64) -> Self {
        let desc = DofOptDesc { option, strtab: SECIDX_NONE, value: value as u64 };
        self.b.table(SECT_OPTDESC, 8, &[desc]);
        self
    }

    /// With buffers of 64 KiB.
    pub(crate) fn buffered(self) -> Self {
        self.option(dtrace_abi::option::BUFSIZE, 64 << 10).option(dtrace_abi::option::AGGSIZE, 64 << 10)
    }

    pub(crate) fn image(&self) -> Vec<u8> {
        self.b.build()
    }
}

/// The words of some data.
pub(crate) fn words(data: &[u8]) -> Vec<u32> {
    data.chunks_exact(4).map(|word| u32::from_bytes(word).unwrap()).collect()
}

/// The value of eight bytes at an offset.
pub(crate) fn value_at(data: &[u8], offset: usize) -> u64 {
    u64::from_bytes(&data[offset..]).unwrap()
}
