//! What one image says about user stacks: its clauses for `dtrace:helper:ustack`, ready to run.
//!
//! The clauses run one after the other for each frame, with the frame's program counter in arg0 and its frame pointer in
//! arg1, and share scratch memory and clause-local variables: real helpers build a string piece by piece over dozens of
//! clauses. The value of the last action that ran is the frame's string, if it is an address in memory of the helper's own.
//! (The compiler gives these expressions no type, so the value is all there is.)
//!
//! A helper comes from a process that nobody vouches for. It was verified as what it is ([`crate::verify`]): it may compute,
//! read the process it runs in, and use variables of its own, each image for itself.

use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::AtomicPtr;

use dtrace_abi::dif::{TF_BYREF, VAR_OTHER_UBASE};
use dtrace_abi::{DifVar, action, limit, name_bytes};

use super::chain::Link;
use crate::anchor::Anchored;
use crate::difo::Difo;
use crate::dof::{DifoIndex, EcbDesc, Program};
use crate::errno::Errno;
use crate::interp::Code;
use crate::mem::{TryPush, try_with_capacity};
use crate::variable::Variables;

/// What the variables of one image may take, clause-locals counted once.
const VARIABLES_MAX: usize = limit::GLOBAL_MAXSIZE as usize;

/// One clause: indices into the code of its image.
struct Clause {
    predicate: Option<DifoIndex>,
    actions: Vec<DifoIndex>,
}

/// One image's clauses for user stacks.
pub(crate) struct Annotator {
    next: AtomicPtr<Annotator>,
    clauses: Vec<Clause>,
    codes: Vec<Code>,
    pub(super) variables: Variables,
    /// Bytes that all of it takes.
    memory: usize,
}

// SAFETY: the code is immutable; variables are made to be read and written by all CPUs at once (see `variable`).
unsafe impl Send for Annotator {}
// SAFETY: as for Send.
unsafe impl Sync for Annotator {}

impl Link for Annotator {
    fn next(&self) -> &AtomicPtr<Annotator> {
        &self.next
    }
}

impl Annotator {
    /// The clauses of a program that are for user stacks, if it has any; its other clauses are nobody's.
    ///
    /// EINVAL for an action that a helper cannot have, or more variables than it may have.
    #[inline(never)]
    pub(super) fn new(program: &mut Program, cpus: usize) -> Result<Option<Anchored<Annotator>>, Errno> {
        let clauses = clauses_of(program)?;
        if clauses.is_empty() {
            return Ok(None);
        }
        let mut made = Annotator::empty(clauses, cpus)?;
        // SAFETY: nobody has its address yet.
        let annotator = unsafe { made.change() };
        (annotator.codes, annotator.memory) = codes_of(program, &mut annotator.variables, cpus)?;
        Ok(Some(made))
    }

    /// Without code. Not inlined: it is on the stack before it is in its place.
    #[inline(never)]
    fn empty(clauses: Vec<Clause>, cpus: usize) -> Result<Anchored<Annotator>, Errno> {
        let (next, variables) = (AtomicPtr::new(ptr::null_mut()), Variables::disguised(cpus)?);
        Ok(Anchored::new(Annotator { next, clauses, codes: Vec::new(), variables, memory: 0 })?)
    }

    /// Bytes that it takes, variables counted for every CPU.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// How many clauses there are.
    pub(super) fn len(&self) -> usize {
        self.clauses.len()
    }

    /// Runs the clauses: the last action's code and value. None where no action ran, or one of them faulted.
    pub(super) fn run<'a, E>(
        &'a self,
        mut run: impl FnMut(&'a Code) -> Result<u64, E>,
    ) -> Option<(&'a Code, u64)> {
        let mut last = None;
        let code = |index: DifoIndex| self.codes.get(index.0 as usize);
        for clause in &self.clauses {
            if let Some(predicate) = clause.predicate.and_then(code)
                && run(predicate).ok()? == 0
            {
                continue;
            }
            for code in clause.actions.iter().filter_map(|&index| code(index)) {
                last = Some((code, run(code).ok()?));
            }
        }
        last
    }
}

/// The clauses for user stacks.
fn clauses_of(program: &Program) -> Result<Vec<Clause>, Errno> {
    let mut clauses: Vec<Clause> = Vec::new();
    for ecb in program.ecbs.iter().filter(|ecb| is_for_user_stacks(ecb)) {
        let mut actions = try_with_capacity(ecb.actions.len())?;
        for action in &ecb.actions {
            let difo = action.difo.filter(|_| u32::from(action.kind) == action::DIFEXPR);
            actions.try_push(difo.ok_or(Errno::EINVAL)?)?;
        }
        clauses.try_push(Clause { predicate: ecb.predicate, actions })?;
    }
    Ok(clauses)
}

/// The code of a program, whose variables are declared, and the bytes that both take.
#[inline(never)]
fn codes_of(
    program: &mut Program,
    variables: &mut Variables,
    cpus: usize,
) -> Result<(Vec<Code>, usize), Errno> {
    let mut codes = try_with_capacity(program.difos.len())?;
    let mut declared = Vec::new();
    let (mut code, mut own) = (0, 0);
    for difo in program.difos.drain(..) {
        own = check_variables(&difo, &mut declared)?;
        variables.declare(&difo)?;
        let made = Code::new(difo, variables)?;
        code += made.memory();
        codes.try_push(made)?;
    }
    Ok((codes, code.saturating_add(own.saturating_mul(cpus))))
}

/// Whether the parts of a description that are not empty are `dtrace`, `helper` and `ustack`, in that order. (The compiler
/// makes them provider, module and function.)
fn is_for_user_stacks(ecb: &EcbDesc) -> bool {
    let probe = &ecb.probe;
    let parts: [&[u8]; 4] = [
        name_bytes(&probe.provider),
        name_bytes(&probe.module),
        name_bytes(&probe.function),
        name_bytes(&probe.name),
    ];
    let given = parts.into_iter().filter(|part| !part.is_empty());
    given.eq([b"dtrace".as_slice(), b"helper", b"ustack"])
}

/// Counts the variables of one more DIFO of an image; `declared` has those of the ones before. Bytes of all.
fn check_variables(difo: &Difo, declared: &mut Vec<(u8, u32, usize)>) -> Result<usize, Errno> {
    let own = |var: &&DifVar| var.id >= VAR_OTHER_UBASE;
    for var in difo.vars().iter().filter(own) {
        let bytes = if var.ty.flags & TF_BYREF != 0 { var.ty.size as usize } else { size_of::<u64>() };
        let place = declared.binary_search_by_key(&(var.scope, var.id), |&(scope, id, _)| (scope, id));
        if let Err(place) = place {
            declared.try_insert(place, (var.scope, var.id, bytes.max(size_of::<u64>())))?;
        }
    }
    let sum = declared.iter().fold(0usize, |sum, &(_, _, bytes)| sum.saturating_add(bytes));
    if sum > VARIABLES_MAX { Err(Errno::EINVAL) } else { Ok(sum) }
}
