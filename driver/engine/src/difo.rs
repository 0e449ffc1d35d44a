//! DIF objects: a piece of DIF code with its tables, known to be safe to run.
//!
//! What always holds: a [`Difo`] exists only as the result of [`Difo::verify`], and nothing in it can be changed
//! afterwards. So whoever runs it relies on all of this without looking again:
//!
//! * the text is not empty and its last instruction is `ret`; branches go forward and stay inside, so every run ends
//!   after at most as many instructions as there are, at a `ret`;
//! * every opcode is one of contract 2.4 other than `xlate` and `xlarg`; every register is below 8; `%r0` is never
//!   written; bits without a meaning are zero;
//! * integer indices and string offsets are inside their tables, and a string ends in a NUL inside the table;
//! * `ldga` names a built-in array; `ldgs` names a built-in scalar or a user variable; everything else names user
//!   variables only, and every user variable in the text stands in the variable table with that scope and kind;
//! * `call` names one of the subroutines, `pushtr` and `pushtv` one of the two types;
//! * a user variable held by value has 0, 1, 2, 4 or 8 bytes, one held by reference 1 byte to the limit; the same goes
//!   for the result; a string is held by reference;
//! * where the submitter may not read kernel memory, there is no `ld*`: they have become the checked `rld*`.
//!
//! What remains for run time: values. Addresses, divisors, shift counts, sizes, and the depth of the tuple stack are
//! data, and are checked by the interpreter when they are used.
//!
//! Verification runs in process context; reading a `Difo` is free of locks and memory and may be done anywhere.

use alloc::vec::Vec;

use dtrace_abi::{DifType, DifVar, Instr, Scope};

/// The parts of a DIFO as they arrive, not yet believed.
#[derive(Debug)]
pub struct Parts {
    /// The code.
    pub text: Vec<Instr>,
    /// The integer table.
    pub ints: Vec<u64>,
    /// The string table.
    pub strings: Vec<u8>,
    /// The variable table.
    pub vars: Vec<DifVar>,
    /// The type of the result.
    pub rtype: DifType,
}

/// A verified DIF object.
#[derive(Debug)]
pub struct Difo {
    pub(crate) parts: Parts,
    pub(crate) facts: Facts,
}

/// What verification found out about the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) uses: Uses,
    pub(crate) destructive: bool,
    pub(crate) invariance: Invariance,
}

/// How long a result stays the same within one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariance {
    /// It may be different each time.
    #[default]
    None,
    /// As long as the thread keeps its command name.
    Name,
    /// As long as the thread lives.
    Thread,
}

/// What running a DIFO wants from its surroundings: a set of the constants below.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses(u32);

impl Uses {
    /// Nothing.
    pub const NONE: Uses = Uses(0);
    /// The variable `timestamp`.
    pub const TIMESTAMP: Uses = Uses(1 << 0);
    /// The variable `vtimestamp`.
    pub const VTIMESTAMP: Uses = Uses(1 << 1);
    /// The variable `walltimestamp`.
    pub const WALLTIMESTAMP: Uses = Uses(1 << 2);
    /// The variable `execname`.
    pub const EXECNAME: Uses = Uses(1 << 3);
    /// Global scalars.
    pub const GLOBALS: Uses = Uses(1 << 4);
    /// Clause-local variables.
    pub const LOCALS: Uses = Uses(1 << 5);
    /// Thread-local scalars, which are dynamic variables.
    pub const THREAD_LOCALS: Uses = Uses(1 << 6);
    /// Associative arrays, global or thread-local, which are dynamic variables.
    pub const ASSOCIATIVE: Uses = Uses(1 << 7);
    /// Scratch memory.
    pub const SCRATCH: Uses = Uses(1 << 8);
    /// Memory of the kernel, or whatever else an address may point to.
    pub const MEMORY: Uses = Uses(1 << 9);
    /// Memory of the user process.
    pub const USER_MEMORY: Uses = Uses(1 << 10);
    /// Registers: `regs`, `uregs`, `vmregs`.
    pub const REGISTERS: Uses = Uses(1 << 11);
    /// A walk of a stack: `stackdepth`, `caller`, `ustackdepth`, `ucaller`.
    pub const STACK: Uses = Uses(1 << 12);
    /// The subroutine `speculation`.
    pub const SPECULATION: Uses = Uses(1 << 13);

    /// Whether all of `other` is in the set.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Uses) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in the set.
    #[inline]
    #[must_use]
    pub const fn intersects(self, other: Uses) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[inline]
    #[must_use]
    pub const fn union(self, other: Uses) -> Uses {
        Uses(self.0 | other.0)
    }

    /// The set as bits.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl core::ops::BitOr for Uses {
    type Output = Uses;

    fn bitor(self, other: Uses) -> Uses {
        self.union(other)
    }
}

impl core::ops::BitOrAssign for Uses {
    fn bitor_assign(&mut self, other: Uses) {
        *self = self.union(other);
    }
}

impl core::fmt::Debug for Uses {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const NAMES: [&str; 14] = [
            "TIMESTAMP",
            "VTIMESTAMP",
            "WALLTIMESTAMP",
            "EXECNAME",
            "GLOBALS",
            "LOCALS",
            "THREAD_LOCALS",
            "ASSOCIATIVE",
            "SCRATCH",
            "MEMORY",
            "USER_MEMORY",
            "REGISTERS",
            "STACK",
            "SPECULATION",
        ];
        let mut set = f.debug_set();
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                set.entry(name);
            }
        }
        set.finish()
    }
}

/// What a DIFO may be and may do; whoever loads it sets this by the rights of its submitter.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether the submitter may read kernel memory. If not, loads become checked loads.
    pub kernel_access: bool,
    /// Whether the DIFO is a helper's, which runs for other consumers and so may touch only its process and itself.
    pub helper: bool,
    /// Bytes of a DIFO with its tables (contract 2.3).
    pub difo_size: usize,
    /// Bytes of a variable that is held by reference (contract 3).
    pub variable_size: usize,
    /// Bytes of a result that is held by reference.
    pub result_size: usize,
}

impl Limits {
    /// The limits of the contract.
    #[must_use]
    pub const fn new(kernel_access: bool) -> Limits {
        Limits {
            kernel_access,
            helper: false,
            difo_size: dtrace_abi::limit::DIFO_MAXSIZE as usize,
            variable_size: dtrace_abi::limit::GLOBAL_MAXSIZE as usize,
            result_size: 16 << 20,
        }
    }

    /// The limits for a helper: nobody's rights, the variables of its process only, and no more code than real helpers have,
    /// whose every expression is one DIFO of some hundred instructions.
    #[must_use]
    pub const fn for_helper() -> Limits {
        Limits { helper: true, difo_size: 32 << 10, ..Limits::new(false) }
    }
}

impl Parts {
    /// Bytes of code and tables.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_val(&*self.text)
            .saturating_add(size_of_val(&*self.ints))
            .saturating_add(self.strings.len())
            .saturating_add(size_of_val(&*self.vars))
    }
}

impl Difo {
    /// The code.
    #[inline]
    #[must_use]
    pub fn text(&self) -> &[Instr] {
        &self.parts.text
    }

    /// The integer table.
    #[inline]
    #[must_use]
    pub fn ints(&self) -> &[u64] {
        &self.parts.ints
    }

    /// The string table; it ends in a NUL unless it is empty.
    #[inline]
    #[must_use]
    pub fn strings(&self) -> &[u8] {
        &self.parts.strings
    }

    /// The variable table, ordered by scope and id, each variable once.
    #[inline]
    #[must_use]
    pub fn vars(&self) -> &[DifVar] {
        &self.parts.vars
    }

    /// The variable of this scope and id, if the table has it.
    #[must_use]
    pub fn var(&self, scope: Scope, id: u32) -> Option<&DifVar> {
        find_var(&self.parts.vars, scope, id)
    }

    /// The type of the result.
    #[inline]
    #[must_use]
    pub fn rtype(&self) -> &DifType {
        &self.parts.rtype
    }

    /// What it wants from its surroundings.
    #[inline]
    #[must_use]
    pub fn uses(&self) -> Uses {
        self.facts.uses
    }

    /// Whether it calls a destructive subroutine (`copyout`, `copyoutstr`).
    #[inline]
    #[must_use]
    pub fn destructive(&self) -> bool {
        self.facts.destructive
    }

    /// Whether the result is the same each time within one thread, so that a false predicate may be remembered for it.
    #[inline]
    #[must_use]
    pub fn invariant(&self) -> bool {
        self.facts.invariance == Invariance::Thread
    }

    /// How long the result stays the same within one thread.
    #[inline]
    #[must_use]
    pub fn invariance(&self) -> Invariance {
        self.facts.invariance
    }

    /// Bytes of code and tables.
    #[must_use]
    pub fn size(&self) -> usize {
        self.parts.size()
    }
}

/// Finds a variable in a table that is ordered by [`var_key`].
pub(crate) fn find_var(vars: &[DifVar], scope: Scope, id: u32) -> Option<&DifVar> {
    let key = (scope as u8, id);
    let at = vars.binary_search_by_key(&key, var_key).ok()?;
    vars.get(at)
}

/// What variable tables are ordered by. The numbers of [`Scope`] are those of the table.
pub(crate) fn var_key(var: &DifVar) -> (u8, u32) {
    (var.scope, var.id)
}

// `find_var` takes a scope's discriminant for its number in the table.
const _: () = {
    assert!(Scope::Global as u8 == dtrace_abi::dif::DIFV_SCOPE_GLOBAL);
    assert!(Scope::Thread as u8 == dtrace_abi::dif::DIFV_SCOPE_THREAD);
    assert!(Scope::Local as u8 == dtrace_abi::dif::DIFV_SCOPE_LOCAL);
};

/// Whether two descriptions of one variable ask for the same storage. The framework compares a program's variables with
/// those its state already has, and refuses what differs.
#[must_use]
pub fn same_storage(a: &DifVar, b: &DifVar) -> bool {
    (a.kind, a.ty.kind, a.ty.flags, a.ty.size) == (b.kind, b.ty.kind, b.ty.flags, b.ty.size)
}
