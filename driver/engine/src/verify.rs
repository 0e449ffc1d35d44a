//! Verification of DIF: the proof that a DIFO is what [`crate::difo`] says of it.
//!
//! One pass over the variable table and one over the text; no memory is taken, and the work is linear in the size of
//! the DIFO but for a logarithm (the variable table is sorted, so that lookups are by binary search). Process context.
//!
//! Control flow needs no graph: branches go forward only, so a DIFO without its last instruction being `ret` is the only
//! one that could run off its end. Values are not followed. The one exception is small: to remember a predicate's result
//! for a thread, `scmp` must compare strings that do not change, and that is seen from the instructions before it, as
//! long as no branch leads in between and the code is short enough for looking.

use core::fmt;

use dtrace_abi::dif::*;
use dtrace_abi::{DifKind, DifType, DifVar, Instr, Scope};

use crate::difo::{Difo, Facts, Invariance, Limits, Parts, Uses, find_var, same_storage, var_key};

/// What is wrong with a DIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// There is no code.
    Empty,
    /// Code and tables are larger than a DIFO may be.
    TooBig,
    /// The type of the result is impossible.
    ResultType,
    /// The string table does not end in a NUL.
    Strings,
    /// The last instruction is not `ret`.
    NoReturn,
    /// There is no such opcode.
    Opcode(u8),
    /// The opcode is for the compiler's use only.
    Translator,
    /// There is no such register.
    Register(u8),
    /// `%r0` is written.
    WritesZero,
    /// Bits that mean nothing are set.
    Reserved,
    /// A branch does not lead forward, to an instruction.
    Branch(u32),
    /// There is no such integer.
    Integer(u32),
    /// There is no such string.
    String(u32),
    /// There is no such subroutine.
    Subroutine(u32),
    /// There is no such type to push.
    TupleType(u8),
    /// There is no such variable, or it cannot be used that way.
    Variable(u32),
    /// The variable is not in the variable table with that scope and kind.
    Undeclared(u32),
    /// An entry of the variable table is impossible.
    BadVariable(u32),
    /// The variable table has two entries for one variable that do not agree.
    Conflict(u32),
    /// A helper may not do that.
    NotForHelpers,
}

/// Why a DIFO was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Where: the index of the instruction, or 0 where the flaw is in no instruction.
    pub at: u32,
    /// What.
    pub flaw: Flaw,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {}: ", self.at)?;
        match self.flaw {
            Flaw::Empty => f.write_str("there is no code"),
            Flaw::TooBig => f.write_str("code and tables are too big"),
            Flaw::ResultType => f.write_str("the type of the result is impossible"),
            Flaw::Strings => f.write_str("the string table has no NUL at its end"),
            Flaw::NoReturn => f.write_str("the code does not end in ret"),
            Flaw::Opcode(op) => write!(f, "unknown opcode {op}"),
            Flaw::Translator => f.write_str("a translator that was not resolved"),
            Flaw::Register(r) => write!(f, "there is no register {r}"),
            Flaw::WritesZero => f.write_str("%r0 cannot be written"),
            Flaw::Reserved => f.write_str("reserved bits are not zero"),
            Flaw::Branch(label) => write!(f, "the branch to {label} does not go forward to an instruction"),
            Flaw::Integer(index) => write!(f, "there is no integer {index}"),
            Flaw::String(offset) => write!(f, "there is no string at {offset}"),
            Flaw::Subroutine(subr) => write!(f, "there is no subroutine {subr}"),
            Flaw::TupleType(ty) => write!(f, "there is no tuple type {ty}"),
            Flaw::Variable(id) => write!(f, "variable {id:#x} cannot be used that way"),
            Flaw::Undeclared(id) => write!(f, "variable {id:#x} is not in the variable table that way"),
            Flaw::BadVariable(id) => write!(f, "the description of variable {id:#x} is impossible"),
            Flaw::Conflict(id) => write!(f, "two descriptions of variable {id:#x}"),
            Flaw::NotForHelpers => f.write_str("a helper may not do that"),
        }
    }
}

impl core::error::Error for VerifyError {}

impl Difo {
    /// Proves that the parts make a DIFO that is safe to run, and finds out what it wants.
    pub fn verify(mut parts: Parts, limits: &Limits) -> Result<Difo, VerifyError> {
        let whole = |flaw| VerifyError { at: 0, flaw };
        check_tables(&mut parts, limits).map_err(whole)?;
        if !limits.kernel_access {
            parts.text.iter_mut().for_each(|instr| *instr = checked_load(*instr));
        }
        let mut pass = Pass::new(&parts, limits);
        for (at, &instr) in (0u32..).zip(&parts.text) {
            pass.instruction(at, instr).map_err(|flaw| VerifyError { at, flaw })?;
        }
        let facts = pass.facts;
        match parts.text.last() {
            Some(last) if last.op() == OP_RET => Ok(Difo { parts, facts }),
            _ => Err(VerifyError { at: parts.text.len().saturating_sub(1) as u32, flaw: Flaw::NoReturn }),
        }
    }
}

/// The checked load for a load; any other instruction stays.
fn checked_load(instr: Instr) -> Instr {
    match instr.op() {
        op @ OP_LDSB..=OP_LDX => Instr::new(op - OP_LDSB + OP_RLDSB, instr.r1(), instr.r2(), instr.rd()),
        _ => instr,
    }
}

fn check_tables(parts: &mut Parts, limits: &Limits) -> Result<(), Flaw> {
    if parts.text.is_empty() {
        return Err(Flaw::Empty);
    }
    if parts.size() > limits.difo_size || parts.text.len() > LABEL_MAX as usize {
        return Err(Flaw::TooBig);
    }
    if parts.strings.last().is_some_and(|&last| last != 0) {
        return Err(Flaw::Strings);
    }
    if !type_is_sound(&parts.rtype, 0, limits.result_size) {
        return Err(Flaw::ResultType);
    }
    check_variables(parts, limits)
}

/// By value at most a word, and a size that can be stored; by reference between `least` and `most` bytes.
fn type_is_sound(ty: &DifType, least: usize, most: usize) -> bool {
    let by_reference = ty.flags & TF_BYREF != 0;
    let size = ty.size as usize;
    let known = ty.flags & !TF_BYREF == 0 && matches!(ty.kind, TYPE_CTF | TYPE_STRING);
    known
        && match by_reference {
            true => (least..=most).contains(&size),
            false => ty.kind == TYPE_CTF && matches!(size, 0 | 1 | 2 | 4 | 8),
        }
}

/// Checks the variable table, orders it, and drops what it says twice.
fn check_variables(parts: &mut Parts, limits: &Limits) -> Result<(), Flaw> {
    for var in &parts.vars {
        check_variable(var, parts.strings.len(), limits)?;
    }
    parts.vars.sort_unstable_by_key(var_key);
    let mut conflict = None;
    parts.vars.dedup_by(|next, kept| {
        let same = var_key(next) == var_key(kept);
        if same && !same_storage(next, kept) {
            conflict = Some(kept.id);
        }
        if same {
            kept.flags |= next.flags;
        }
        same
    });
    conflict.map_or(Ok(()), |id| Err(Flaw::Conflict(id)))
}

fn check_variable(var: &DifVar, strings: usize, limits: &Limits) -> Result<(), Flaw> {
    let bad = Flaw::BadVariable(var.id);
    let scope = Scope::from_raw(var.scope).ok_or(bad)?;
    let kind = DifKind::from_raw(var.kind).ok_or(bad)?;
    if var.flags & !(DIFV_F_REF | DIFV_F_MOD) != 0 || var.name as usize >= strings {
        return Err(bad);
    }
    let sound = match (var.id, scope, kind) {
        (VAR_ARRAY_MIN..=VAR_ARRAY_MAX, Scope::Global, DifKind::Array) => is_builtin_array(var.id),
        (VAR_OTHER_MIN..VAR_OTHER_UBASE, Scope::Global, DifKind::Scalar) => is_builtin_scalar(var.id),
        (VAR_OTHER_UBASE..=VAR_OTHER_MAX, Scope::Local, DifKind::Array) => false,
        (VAR_OTHER_UBASE..=VAR_OTHER_MAX, _, _) => type_is_sound(&var.ty, 1, limits.variable_size),
        _ => false,
    };
    if sound { Ok(()) } else { Err(bad) }
}

fn is_builtin_array(id: u32) -> bool {
    matches!(id, VAR_ARGS | VAR_REGS | VAR_UREGS | VAR_VMREGS)
}

fn is_builtin_scalar(id: u32) -> bool {
    (VAR_CURTHREAD..=VAR_THREADNAME).contains(&id) || matches!(id, VAR_CPU | VAR_EXECARGS)
}

/// The pass over the text.
struct Pass<'a> {
    parts: &'a Parts,
    limits: &'a Limits,
    facts: Facts,
    /// For each register that was last given (in the order of the text) the address of a string that does not change
    /// within a thread: where.
    constant_string: [Option<u32>; DIR_NREGS],
}

/// The longest code in which branches are looked for once more at an `scmp`.
const SHORT: usize = 256;

impl<'a> Pass<'a> {
    fn new(parts: &'a Parts, limits: &'a Limits) -> Pass<'a> {
        Pass {
            parts,
            limits,
            facts: Facts { uses: Uses::NONE, destructive: false, invariance: Invariance::Thread },
            constant_string: [None; DIR_NREGS],
        }
    }

    fn instruction(&mut self, at: u32, instr: Instr) -> Result<(), Flaw> {
        match instr.op() {
            OP_OR..=OP_UREM | OP_SRA => {
                source(instr.r1())?;
                source(instr.r2())?;
                self.destination(instr)
            }
            OP_COPYS => {
                self.uses(Uses::MEMORY);
                self.varies();
                source(instr.r1())?;
                source(instr.r2())?;
                self.destination(instr)
            }
            OP_NOT | OP_MOV => {
                source(instr.r1())?;
                zero(instr.r2())?;
                let string = match instr.op() {
                    OP_MOV => self.constant_string.get(usize::from(instr.r1())).copied().flatten(),
                    _ => None,
                };
                self.destination(instr)?;
                self.set_constant_string(instr.rd(), string);
                Ok(())
            }
            OP_LDSB..=OP_LDX | OP_RLDSB..=OP_RLDX => self.load(instr, Uses::MEMORY),
            OP_ULDSB..=OP_ULDX => self.load(instr, Uses::USER_MEMORY),
            OP_STB..=OP_STX => {
                self.uses(Uses::MEMORY);
                self.varies();
                source(instr.r1())?;
                zero(instr.r2())?;
                self.destination(instr)
            }
            OP_CMP => {
                source(instr.r1())?;
                source(instr.r2())?;
                zero(instr.rd())
            }
            OP_SCMP => {
                source(instr.r1())?;
                source(instr.r2())?;
                zero(instr.rd())?;
                self.uses(Uses::MEMORY);
                if !(self.is_constant_string(instr.r1(), at) && self.is_constant_string(instr.r2(), at)) {
                    self.varies();
                }
                Ok(())
            }
            OP_TST => {
                source(instr.r1())?;
                zero(instr.r2())?;
                zero(instr.rd())
            }
            OP_BA..=OP_BLEU => self.branch(at, instr.label()),
            OP_RET => {
                zero(instr.r1())?;
                zero(instr.r2())?;
                source(instr.rd())
            }
            OP_NOP | OP_POPTS | OP_FLUSHTS => {
                zero(instr.r1())?;
                zero(instr.r2())?;
                zero(instr.rd())
            }
            OP_SETX => {
                if instr.integer() as usize >= self.parts.ints.len() {
                    return Err(Flaw::Integer(instr.integer()));
                }
                self.destination(instr)
            }
            OP_SETS => {
                if instr.string() as usize >= self.parts.strings.len() {
                    return Err(Flaw::String(instr.string()));
                }
                self.destination(instr)?;
                self.set_constant_string(instr.rd(), Some(at));
                Ok(())
            }
            OP_ALLOCS => {
                self.uses(Uses::SCRATCH);
                self.varies();
                source(instr.r1())?;
                zero(instr.r2())?;
                self.destination(instr)
            }
            OP_CALL => self.call(instr),
            OP_PUSHTR | OP_PUSHTV => {
                if instr.op() == OP_PUSHTR {
                    // Bytes that may change before the key is used are copied.
                    self.uses(Uses::SCRATCH);
                }
                if !matches!(instr.tuple_type(), TYPE_CTF | TYPE_STRING) {
                    return Err(Flaw::TupleType(instr.tuple_type()));
                }
                source(instr.r2())?;
                source(instr.rs())
            }
            OP_LDGA => {
                source(instr.r2())?;
                self.destination(instr)?;
                self.builtin_array(instr.array())
            }
            // There are no built-in arrays of threads.
            OP_LDTA => Err(Flaw::Variable(instr.array())),
            OP_LDGS if instr.var() < VAR_OTHER_UBASE => {
                self.destination(instr)?;
                self.builtin_scalar(at, instr.var(), instr.rd())
            }
            OP_LDGS => self.load_variable(instr, Scope::Global, DifKind::Scalar),
            OP_LDTS => self.load_variable(instr, Scope::Thread, DifKind::Scalar),
            OP_LDLS => self.load_variable(instr, Scope::Local, DifKind::Scalar),
            OP_LDGAA => self.load_variable(instr, Scope::Global, DifKind::Array),
            OP_LDTAA => self.load_variable(instr, Scope::Thread, DifKind::Array),
            OP_STGS => self.store_variable(instr, Scope::Global, DifKind::Scalar),
            OP_STTS => self.store_variable(instr, Scope::Thread, DifKind::Scalar),
            OP_STLS => self.store_variable(instr, Scope::Local, DifKind::Scalar),
            OP_STGAA => self.store_variable(instr, Scope::Global, DifKind::Array),
            OP_STTAA => self.store_variable(instr, Scope::Thread, DifKind::Array),
            OP_XLATE | OP_XLARG => Err(Flaw::Translator),
            op => Err(Flaw::Opcode(op)),
        }
    }

    fn uses(&mut self, uses: Uses) {
        self.facts.uses |= uses;
    }

    /// The result may be different each time.
    fn varies(&mut self) {
        self.facts.invariance = Invariance::None;
    }

    /// Whether, whenever the instruction at `at` is reached, the register holds the address of a constant string: it was
    /// given one before, and no branch leads in between.
    fn is_constant_string(&self, register: u8, at: u32) -> bool {
        let Some(Some(given)) = self.constant_string.get(usize::from(register)) else { return false };
        let before = self.parts.text.get(..at as usize).unwrap_or_default();
        self.parts.text.len() <= SHORT
            && !before
                .iter()
                .any(|i| matches!(i.op(), OP_BA..=OP_BLEU) && i.label() > *given && i.label() <= at)
    }

    fn set_constant_string(&mut self, register: u8, given: Option<u32>) {
        if let Some(slot) = self.constant_string.get_mut(usize::from(register)) {
            *slot = given;
        }
    }

    /// A register that is written.
    fn destination(&mut self, instr: Instr) -> Result<(), Flaw> {
        let register = instr.rd();
        source(register)?;
        if register == REG_R0 {
            return Err(Flaw::WritesZero);
        }
        self.set_constant_string(register, None);
        Ok(())
    }

    fn load(&mut self, instr: Instr, uses: Uses) -> Result<(), Flaw> {
        self.uses(uses);
        self.varies();
        source(instr.r1())?;
        zero(instr.r2())?;
        self.destination(instr)
    }

    fn branch(&self, at: u32, label: u32) -> Result<(), Flaw> {
        if label <= at || label as usize >= self.parts.text.len() {
            return Err(Flaw::Branch(label));
        }
        Ok(())
    }

    fn call(&mut self, instr: Instr) -> Result<(), Flaw> {
        self.destination(instr)?;
        self.varies();
        let subr = instr.subr();
        let uses = match subr {
            SUBR_COPYIN | SUBR_COPYINSTR | SUBR_COPYINTO => Uses::USER_MEMORY | Uses::SCRATCH,
            SUBR_COPYOUT | SUBR_COPYOUTSTR => {
                self.facts.destructive = true;
                Uses::USER_MEMORY | Uses::MEMORY
            }
            SUBR_SPECULATION => Uses::SPECULATION,
            SUBR_ALLOCA => Uses::SCRATCH,
            SUBR_LLTOSTR => Uses::SCRATCH,
            SUBR_JSON => Uses::MEMORY | Uses::SCRATCH,
            SUBR_STRTOLL => Uses::MEMORY,
            SUBR_RAND | SUBR_PROGENYOF | SUBR_GETMAJOR | SUBR_GETMINOR => Uses::NONE,
            SUBR_HTONS | SUBR_HTONL | SUBR_HTONLL | SUBR_NTOHS | SUBR_NTOHL | SUBR_NTOHLL => Uses::NONE,
            SUBR_MUTEX_OWNED..=SUBR_RW_ISWRITER | SUBR_MSGDSIZE | SUBR_MSGSIZE => Uses::MEMORY,
            SUBR_STRLEN | SUBR_BCOPY | SUBR_INDEX | SUBR_RINDEX => Uses::MEMORY,
            SUBR_DDI_PATHNAME | SUBR_STRJOIN | SUBR_BASENAME..=SUBR_SUBSTR => Uses::MEMORY | Uses::SCRATCH,
            SUBR_INET_NTOP..=SUBR_D_PATH => Uses::MEMORY | Uses::SCRATCH,
            _ => return Err(Flaw::Subroutine(subr)),
        };
        self.uses(uses);
        // A helper runs for consumers it knows nothing of: it may compute, and read its own process.
        let kernel_only = matches!(
            subr,
            SUBR_MUTEX_OWNED..=SUBR_RW_ISWRITER
                | SUBR_SPECULATION
                | SUBR_COPYOUT
                | SUBR_COPYOUTSTR
                | SUBR_MSGDSIZE..=SUBR_DDI_PATHNAME
                | SUBR_D_PATH
        );
        if self.limits.helper && kernel_only {
            return Err(Flaw::NotForHelpers);
        }
        Ok(())
    }

    fn builtin_array(&mut self, id: u32) -> Result<(), Flaw> {
        self.varies();
        match id {
            // A helper's arguments are arg0 and arg1; those of the probe are not its business.
            VAR_ARGS if self.limits.helper => Err(Flaw::NotForHelpers),
            VAR_ARGS => Ok(()),
            VAR_UREGS => {
                self.uses(Uses::REGISTERS);
                Ok(())
            }
            VAR_REGS | VAR_VMREGS if self.limits.helper => Err(Flaw::NotForHelpers),
            VAR_REGS | VAR_VMREGS => {
                self.uses(Uses::REGISTERS);
                Ok(())
            }
            _ => Err(Flaw::Variable(id)),
        }
    }

    fn builtin_scalar(&mut self, at: u32, id: u32, register: u8) -> Result<(), Flaw> {
        if !is_builtin_scalar(id) {
            return Err(Flaw::Variable(id));
        }
        let (uses, invariance) = match id {
            VAR_PID | VAR_TID | VAR_CURTHREAD => (Uses::NONE, Invariance::Thread),
            VAR_ZONENAME => (Uses::NONE, Invariance::Thread),
            VAR_EXECNAME | VAR_THREADNAME => (Uses::EXECNAME, Invariance::Name),
            VAR_EXECARGS => (Uses::SCRATCH | Uses::USER_MEMORY, Invariance::None),
            VAR_TIMESTAMP => (Uses::TIMESTAMP, Invariance::None),
            VAR_VTIMESTAMP => (Uses::VTIMESTAMP, Invariance::None),
            VAR_WALLTIMESTAMP => (Uses::WALLTIMESTAMP, Invariance::None),
            VAR_STACKDEPTH | VAR_CALLER | VAR_USTACKDEPTH | VAR_UCALLER => (Uses::STACK, Invariance::None),
            _ => (Uses::NONE, Invariance::None),
        };
        self.uses(uses);
        self.facts.invariance = self.facts.invariance.min(invariance);
        if matches!(id, VAR_EXECNAME | VAR_THREADNAME | VAR_ZONENAME) {
            self.set_constant_string(register, Some(at));
        }
        // What a helper sees of its surroundings is its process; the firing and the consumer are not its business.
        let own = matches!(
            id,
            VAR_CURTHREAD
                | VAR_PID
                | VAR_TID
                | VAR_PPID
                | VAR_UID
                | VAR_GID
                | VAR_EXECNAME
                | VAR_THREADNAME
                | VAR_ZONENAME
                | VAR_ARG0..=VAR_ARG9
        );
        if self.limits.helper && !own {
            return Err(Flaw::NotForHelpers);
        }
        Ok(())
    }

    fn load_variable(&mut self, instr: Instr, scope: Scope, kind: DifKind) -> Result<(), Flaw> {
        self.destination(instr)?;
        self.user_variable(instr.var(), scope, kind)
    }

    fn store_variable(&mut self, instr: Instr, scope: Scope, kind: DifKind) -> Result<(), Flaw> {
        source(instr.rs())?;
        self.user_variable(instr.var(), scope, kind)
    }

    fn user_variable(&mut self, id: u32, scope: Scope, kind: DifKind) -> Result<(), Flaw> {
        self.varies();
        if !(VAR_OTHER_UBASE..=VAR_OTHER_MAX).contains(&id) {
            return Err(Flaw::Variable(id));
        }
        let declared = find_var(&self.parts.vars, scope, id).ok_or(Flaw::Undeclared(id))?;
        if DifKind::from_raw(declared.kind) != Some(kind) {
            return Err(Flaw::Undeclared(id));
        }
        let uses = match (scope, kind) {
            (_, DifKind::Array) => Uses::ASSOCIATIVE,
            (Scope::Thread, DifKind::Scalar) => Uses::THREAD_LOCALS,
            (Scope::Global, DifKind::Scalar) => Uses::GLOBALS,
            (Scope::Local, DifKind::Scalar) => Uses::LOCALS,
        };
        self.uses(uses);
        // A helper has globals and clause-locals of its own; dynamic variables belong to consumers.
        if self.limits.helper && uses.intersects(Uses::ASSOCIATIVE | Uses::THREAD_LOCALS) {
            return Err(Flaw::NotForHelpers);
        }
        Ok(())
    }
}

/// A register that is read.
fn source(register: u8) -> Result<(), Flaw> {
    if usize::from(register) < DIR_NREGS { Ok(()) } else { Err(Flaw::Register(register)) }
}

/// A byte without a meaning.
fn zero(byte: u8) -> Result<(), Flaw> {
    if byte == 0 { Ok(()) } else { Err(Flaw::Reserved) }
}
