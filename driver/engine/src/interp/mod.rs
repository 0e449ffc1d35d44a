//! The DIF interpreter.
//!
//! A verified [`Difo`] is decoded once, when its program is loaded, into [`Code`]: variables become places,
//! integers and string addresses become operands, and the commonest sequences become one instruction. A [`Machine`] runs
//! code for one clause of one firing.
//!
//! ```text
//!   Moment   one firing on one CPU: probe, arguments, clocks read at first use
//!     └─ Machine   one clause (ECB): variables, scratch memory, rights
//!          └─ run(&Code) -> value or Fault    predicate, then each action
//! ```
//!
//! # What always holds
//!
//! * Everything here but [`Code::new`] is probe context: no memory is taken, nothing waits, nothing panics.
//!   Every run ends: branches go forward only, and string subroutines look at no more than `strsize` bytes of each
//!   operand, each in time linear in that.
//! * A value is 64 bits. A value *by reference* is an address. An address is an allegation until [`memory`] has found
//!   whose it is: our own memory (scratch, the string table, variables, the probe's names) is accessed directly; other
//!   memory is read through the host, which does not fault, and only for consumers that may read the kernel; nothing but
//!   scratch and variables is ever written.
//! * Arithmetic wraps. A fault ends the run with its kind, the faulting address and the byte offset of the instruction
//!   (contract 2.5).
//!
//! # Dispatch
//!
//! Most objects are of a few forms that need no registers; these are [recognised](shape) as a whole, and need [no machine
//! either](quick). For the others there is a loop. The kernel build has no jump tables (an indirect jump is a retpoline there), so a `match` over all opcodes
//! is a tree of compares. The operations of which most programs consist are matched first, in the loop; everything else is
//! behind one call, which keeps the loop small enough for the processor and for the compiler's registers. Conditional
//! branches are one operation with a set of outcomes, not ten.
//!
//! Rejected: threaded code (an indirect jump per instruction); copying strings out of their memory before working on
//! them (twice the work, and scratch memory gone for nothing).

mod array;
mod builtin;
mod code;
mod inet;
mod json;
mod machine;
pub(crate) mod memory;
mod number;
mod path;
pub(crate) mod quick;
pub(crate) mod shape;
mod string;
mod subr;
mod tuple;
mod uservar;

#[cfg(test)]
mod tests;

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

use dtrace_abi::fault;

use crate::guise;
use crate::host::{EXECNAME_SIZE, Firing, Host};
use crate::probe::Probe;
use crate::scratch::Scratch;
use crate::variable::Variables;

#[cfg(doc)]
use crate::difo::Difo;

pub use code::Code;
pub(crate) use machine::holds;

/// What went wrong in a clause; the numbers are those of the fault argument of dtrace:::ERROR (contract 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultKind {
    /// Something that no other kind says.
    Unknown = fault::UNKNOWN,
    /// An address that cannot be read or written.
    BadAddress = fault::BADADDR,
    /// A misaligned address. Never on x86.
    BadAlign = fault::BADALIGN,
    /// An illegal operation.
    IllegalOperation = fault::ILLOP,
    /// A division by zero.
    DivideByZero = fault::DIVZERO,
    /// Scratch memory is used up.
    NoScratch = fault::NOSCRATCH,
    /// The consumer may not read kernel memory.
    KernelPrivilege = fault::KPRIV,
    /// The consumer may not look at the user process.
    UserPrivilege = fault::UPRIV,
    /// More than eight parts of a key or arguments.
    TupleOverflow = fault::TUPOFLOW,
    /// A stack that cannot be walked.
    BadStack = fault::BADSTACK,
}

/// A fault, with all that dtrace:::ERROR tells about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// The faulting address, or 0 where there is none.
    pub address: u64,
    /// Byte offset of the instruction in the DIF text; none if the fault was not in DIF but, say, in storing a record.
    pub offset: Option<u32>,
}

/// A fault whose place is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trap {
    pub(crate) kind: FaultKind,
    pub(crate) address: u64,
}

impl Trap {
    pub(crate) const fn new(kind: FaultKind) -> Trap {
        Trap { kind, address: 0 }
    }

    pub(crate) const fn at(kind: FaultKind, address: u64) -> Trap {
        Trap { kind, address }
    }

    pub(crate) const fn fault(self, offset: Option<u32>) -> Fault {
        Fault { kind: self.kind, address: self.address, offset }
    }
}

/// What the consumer may look at in this firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Kernel memory, kernel stacks, `curthread`.
    pub kernel: bool,
    /// The current process: its memory, its stack, who it is.
    pub process: bool,
    /// Only the processes of this owner may be looked into.
    pub sees_only: Option<Owner>,
    /// Only the processes of this owner may be changed: stopped, sent a signal, written to.
    pub changes_only: Option<Owner>,
}

/// Whose processes a consumer is confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
}

impl Access {
    /// Everything.
    pub const ALL: Access = Access { kernel: true, process: true, sees_only: None, changes_only: None };
    /// Nothing but the consumer's own variables.
    pub const NONE: Access = Access { kernel: false, process: false, sees_only: None, changes_only: None };
}

/// The subroutine `speculation()`: the consumer's speculation buffers.
pub trait Speculate {
    /// A speculation id, or 0 if there is no free one (which the callee counts).
    fn speculation(&self) -> u64;
}

/// For who has no speculations: always 0.
impl Speculate for () {
    fn speculation(&self) -> u64 {
        0
    }
}

/// The probe that fires, as programs see it. [`Probe`] is one; tests have their own.
pub trait Subject<H: Host> {
    /// `id`.
    fn id(&self) -> u32;
    /// Frames that `stack()` and `caller` leave out.
    fn aframes(&self) -> u32;
    /// Argument `n`.
    fn arg(&self, firing: &Firing<'_>, n: usize) -> u64;
    /// `probeprov`, `probemod`, `probefunc`, `probename`, each with its NUL, each staying where it is.
    fn name(&self, part: NamePart) -> &[u8];
}

/// A part of a probe's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamePart {
    /// `probeprov`
    Provider,
    /// `probemod`
    Module,
    /// `probefunc`
    Function,
    /// `probename`
    Name,
}

impl<H: Host> Subject<H> for Probe<H> {
    #[inline]
    fn id(&self) -> u32 {
        Probe::id(self)
    }

    fn aframes(&self) -> u32 {
        Probe::aframes(self)
    }

    #[inline]
    fn arg(&self, firing: &Firing<'_>, n: usize) -> u64 {
        Probe::arg(self, firing, n)
    }

    #[inline]
    fn name(&self, part: NamePart) -> &[u8] {
        match part {
            NamePart::Provider => self.provider_name(),
            NamePart::Module => self.module(),
            NamePart::Function => Probe::function(self),
            NamePart::Name => Probe::name(self),
        }
    }
}

/// One firing on one CPU: what all its clauses share.
///
/// `timestamp` and the like are read from the host when the first clause asks, and are then the same for the whole
/// firing.
pub struct Moment<'a, H: Host, P: Subject<H> = Probe<H>> {
    pub(crate) host: &'a H,
    pub(crate) probe: &'a P,
    pub(crate) firing: &'a Firing<'a>,
    pub(crate) cpu: usize,
    /// Which of the following have been read; the others are uninitialised.
    known: Cell<u8>,
    timestamp: Once,
    vtimestamp: Once,
    thread: Once,
    until: Once,
    execname: UnsafeCell<MaybeUninit<[u8; EXECNAME_SIZE]>>,
}

/// What is read at most once a firing.
type Once = Cell<MaybeUninit<u64>>;

const KNOW_TIMESTAMP: u8 = 1;
const KNOW_VTIMESTAMP: u8 = 2;
const KNOW_EXECNAME: u8 = 4;
const KNOW_THREAD: u8 = 8;
const KNOW_UNTIL: u8 = 16;

/// Nanoseconds that the code of those who may not do everything may take in one firing: interrupts are off, and one clause may have
/// thousands of actions.
const TIME_MAX: u64 = 10_000_000;

impl<'a, H: Host, P: Subject<H>> Moment<'a, H, P> {
    /// A firing of `probe` on `cpu`, in probe context there.
    #[inline]
    pub fn new(host: &'a H, probe: &'a P, firing: &'a Firing<'a>, cpu: usize) -> Self {
        Moment {
            host,
            probe,
            firing,
            cpu,
            known: Cell::new(0),
            timestamp: Cell::new(MaybeUninit::uninit()),
            vtimestamp: Cell::new(MaybeUninit::uninit()),
            thread: Cell::new(MaybeUninit::uninit()),
            until: Cell::new(MaybeUninit::uninit()),
            execname: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    #[inline(always)]
    fn once(&self, what: u8, cell: &Once, read: impl FnOnce(&H) -> u64) -> u64 {
        if self.known.get() & what == 0 {
            self.known.set(self.known.get() | what);
            cell.set(MaybeUninit::new(read(self.host)));
        }
        // SAFETY: `what` is the bit of this cell, so it has been written.
        unsafe { cell.get().assume_init() }
    }

    /// `timestamp` of this firing.
    #[inline]
    pub fn timestamp(&self) -> u64 {
        self.once(KNOW_TIMESTAMP, &self.timestamp, H::timestamp)
    }

    /// `vtimestamp` of this firing.
    pub fn vtimestamp(&self) -> u64 {
        self.once(KNOW_VTIMESTAMP, &self.vtimestamp, H::vtimestamp)
    }

    /// `walltimestamp`, which goes on during a firing.
    pub fn walltimestamp(&self) -> u64 {
        self.host.walltimestamp()
    }

    /// The identity of the thread, for thread-local variables.
    #[inline]
    pub fn thread(&self) -> u64 {
        self.once(KNOW_THREAD, &self.thread, H::thread_key)
    }

    /// Until when the code of those who may not do everything may run in this firing, in the host's timestamps: all of it together,
    /// from when the first of them asks.
    pub(crate) fn until(&self) -> u64 {
        self.once(KNOW_UNTIL, &self.until, |host| host.timestamp().saturating_add(TIME_MAX))
    }

    /// This firing is within another, and its time is that one's.
    pub(crate) fn share_time<Q: Subject<H>>(&self, outer: &Moment<'_, H, Q>) {
        if outer.known.get() & KNOW_UNTIL != 0 {
            self.until.set(outer.until.get());
            self.known.set(self.known.get() | KNOW_UNTIL);
        }
    }

    /// `execname`, NUL-terminated.
    #[inline]
    pub fn execname(&self) -> &[u8; EXECNAME_SIZE] {
        if self.known.get() & KNOW_EXECNAME == 0 {
            self.known.set(self.known.get() | KNOW_EXECNAME);
            // SAFETY: a `Moment` is on one CPU and not `Sync`. References to the array are only given out below, once it
            // is known, and it is written only here, before that.
            let name = unsafe { (*self.execname.get()).write([0; EXECNAME_SIZE]) };
            self.host.execname(name);
            name[EXECNAME_SIZE - 1] = 0;
        }
        // SAFETY: as above: written, and not written any more.
        unsafe { (*self.execname.get()).assume_init_ref() }
    }

    /// The CPU.
    pub fn cpu(&self) -> usize {
        self.cpu
    }
}

/// What a clause's code runs with beside the firing: its consumer's things.
#[derive(Clone, Copy)]
pub struct Clause<'a> {
    /// The consumer's variables.
    pub variables: &'a Variables,
    /// The consumer's speculations.
    pub speculations: &'a dyn Speculate,
    /// What the consumer may look at.
    pub access: Access,
    /// The consumer's `strsize`: the most that any string takes, with its NUL. At least 1.
    pub strsize: usize,
    /// `epid`.
    pub epid: u32,
}

/// Runs the code of one clause of one firing.
pub struct Machine<'a, H: Host, P: Subject<H> = Probe<H>> {
    pub(crate) moment: &'a Moment<'a, H, P>,
    pub(crate) clause: &'a Clause<'a>,
    pub(crate) scratch: Scratch<'a>,
    /// The code that is running or whose result is being copied, for its string table; else null.
    code: Cell<*const Code>,
    /// Where `strtok(NULL, ...)` goes on, or 0.
    strtok: Cell<u64>,
    /// From when on nothing that takes time is done any more, in the host's timestamps; the greatest number for never.
    until: u64,
}

impl<'a, H: Host, P: Subject<H>> Machine<'a, H, P> {
    /// A machine for one clause, with this scratch memory.
    #[inline]
    pub fn new(moment: &'a Moment<'a, H, P>, clause: &'a Clause<'a>, scratch: Scratch<'a>) -> Self {
        let (code, strtok) = (Cell::new(core::ptr::null()), Cell::new(0));
        let mut scratch = scratch;
        if !clause.access.kernel {
            scratch.show_at(guise::SCRATCH);
        }
        Machine { moment, clause, scratch, code, strtok, until: u64::MAX }
    }

    /// The machine of code that nobody vouches for: from then on whatever takes time is an illegal operation, and so is the end of an
    /// object. (What is left of it is short, having no backward branches.)
    #[must_use]
    pub(crate) fn until(self, until: u64) -> Self {
        Machine { until, ..self }
    }

    /// Fails when the time is over ([`Machine::until`]). The clock is not read for those whose time has no end.
    #[inline(always)]
    pub(crate) fn in_time(&self) -> Result<(), Trap> {
        if self.until != u64::MAX && self.is_late() {
            return Err(Trap::new(FaultKind::IllegalOperation));
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn is_late(&self) -> bool {
        self.moment.host.timestamp() > self.until
    }
}
