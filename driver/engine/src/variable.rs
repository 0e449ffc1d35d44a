//! The variables of one consumer: where each lives, and the storage.
//!
//! Programs bring variable tables. [`Variables::declare`] gives every user variable a place ([`Slot`]), once, and refuses
//! a program whose idea of a variable differs from an earlier one's. That happens in process context while the
//! consumer's tracing has not begun; from [`Variables::prepare`] on places do not change, and probe context reads and
//! writes the storage through a shared reference.
//!
//! * A global or clause-local held by value is one 64-bit word, read and written whole and without order (as in every
//!   DTrace, `n++` is a load and a store, and two CPUs may both store the same sum).
//! * One held by reference (a string or structure) has a fixed area. It is zeros at first: an empty string, a structure of
//!   zeros. Storing 0 to it makes it null until something else is stored.
//! * Clause-locals exist once a CPU.
//! * Thread-locals and associative arrays are in the [store](crate::dynvar).

use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use dtrace_abi::dif::{self, TF_BYREF, TYPE_STRING, VAR_OTHER_UBASE};
use dtrace_abi::{DifKind, DifVar, Scope};

use crate::difo::{Difo, same_storage};
use crate::dynvar::{Drops, DynVars, Identity};
use crate::guise;
use crate::mem::{Bytes, OutOfMemory, TryPush, try_build};

/// Why a program's variables are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableError {
    /// There is no memory for the storage.
    OutOfMemory,
    /// The consumer has a variable of this scope and id already, with another type or kind.
    Conflict(Scope, u32),
    /// All variables held by reference together would be larger than a consumer may have.
    TooLarge,
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VariableError::OutOfMemory => f.write_str("out of memory"),
            VariableError::Conflict(scope, id) => {
                write!(f, "variable {id:#x} ({scope:?}) is declared with two types")
            }
            VariableError::TooLarge => f.write_str("variables take too much memory"),
        }
    }
}

impl core::error::Error for VariableError {}

impl From<OutOfMemory> for VariableError {
    fn from(_: OutOfMemory) -> Self {
        VariableError::OutOfMemory
    }
}

/// Where a variable lives; the numbers are indices into the storage of [`Variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A global word.
    Global(u32),
    /// A global area.
    GlobalBytes(u32),
    /// A clause-local word.
    Local(u32),
    /// A clause-local area.
    LocalBytes(u32),
    /// A thread-local or an associative array.
    Dynamic(u32),
}

/// What the areas of one consumer's globals and clause-locals may take together, over all CPUs.
const AREAS_MAX: usize = 64 << 20;

/// Bytes before an area: the word that says whether the variable is null.
const AREA_HEAD: usize = 8;

struct Entry {
    scope: Scope,
    var: DifVar,
    slot: Slot,
}

/// The area or areas of a variable held by reference.
struct Area {
    store: Bytes,
    size: usize,
    stride: usize,
    per_cpu: bool,
    string: bool,
}

impl Area {
    fn new(size: usize, string: bool, per_cpu: bool, cpus: usize) -> Result<Area, OutOfMemory> {
        let stride = AREA_HEAD + size.next_multiple_of(8);
        let total = stride.checked_mul(if per_cpu { cpus } else { 1 }).ok_or(OutOfMemory)?;
        Ok(Area { store: Bytes::zeroed(total)?, size, stride, per_cpu, string })
    }

    fn start(&self) -> u64 {
        self.store.start().addr().get() as u64
    }
}

/// One area.
pub(crate) struct AreaRef<'a> {
    /// Not 0 if the variable is null.
    pub(crate) null: &'a AtomicU64,
    /// The first of `size` bytes.
    pub(crate) data: *mut u8,
    pub(crate) size: usize,
    pub(crate) string: bool,
}

/// What is known of a variable in the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dynamic {
    variable: u32,
    /// Whether each thread has its own.
    pub(crate) thread: bool,
    /// Its bytes if it is held by reference, else 0.
    pub(crate) bytes: u32,
    pub(crate) string: bool,
}

impl Dynamic {
    /// Its identity for this thread.
    #[inline(always)]
    pub(crate) fn identity(&self, thread: u64) -> Identity {
        Identity { variable: self.variable, thread: if self.thread { thread } else { 0 }, bytes: self.bytes }
    }
}

/// What one CPU has for itself.
#[repr(align(128))]
struct PerCpu {
    words: Vec<AtomicU64>,
    random: AtomicU64,
}

/// The variables of one consumer.
pub struct Variables {
    /// Ordered by scope and id.
    entries: Vec<Entry>,
    globals: Vec<AtomicU64>,
    per_cpu: Vec<PerCpu>,
    areas: Vec<Area>,
    /// The areas in the order of their addresses.
    by_address: Vec<u32>,
    area_bytes: usize,
    dynamics: Vec<Dynamic>,
    /// For each number of strings in a chunk, in its key or as its value: the most bytes that go with them; `None` if there
    /// is no such chunk.
    payloads: [Option<usize>; dif::DTR_NREGS + 2],
    dynvars: Option<DynVars>,
    /// Programs are shown other addresses than those that the variables have ([`crate::guise`]).
    disguised: bool,
}

impl Variables {
    /// No variables, for a machine of so many CPUs.
    pub fn new(cpus: usize) -> Result<Variables, OutOfMemory> {
        Ok(Variables {
            entries: Vec::new(),
            globals: Vec::new(),
            per_cpu: try_build(cpus.max(1), |cpu| {
                let random = AtomicU64::new((cpu as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                Ok::<_, OutOfMemory>(PerCpu { words: Vec::new(), random })
            })?,
            areas: Vec::new(),
            by_address: Vec::new(),
            area_bytes: 0,
            dynamics: Vec::new(),
            payloads: [None; dif::DTR_NREGS + 2],
            dynvars: None,
            disguised: false,
        })
    }

    /// No variables, for programs that are not to know where they are ([`crate::guise`]).
    pub fn disguised(cpus: usize) -> Result<Variables, OutOfMemory> {
        Ok(Variables { disguised: true, ..Variables::new(cpus)? })
    }

    pub(crate) fn is_disguised(&self) -> bool {
        self.disguised
    }

    /// Gives every user variable of `difo` a place. On failure, some of them may have one; nothing else has changed.
    pub fn declare(&mut self, difo: &Difo) -> Result<(), VariableError> {
        for var in difo.vars().iter().filter(|var| is_user(var)) {
            let (Some(scope), Some(kind)) = (Scope::from_raw(var.scope), DifKind::from_raw(var.kind)) else {
                continue;
            };
            match self.position(scope, var.id) {
                Ok(at) => {
                    if !self.entries.get(at).is_some_and(|entry| same_storage(&entry.var, var)) {
                        return Err(VariableError::Conflict(scope, var.id));
                    }
                }
                Err(at) => {
                    // First the entry, so that running out of memory leaves no place that nobody knows.
                    self.entries.try_reserve(1).map_err(|_| OutOfMemory)?;
                    let slot = self.place(scope, kind, var)?;
                    self.entries.try_insert(at, Entry { scope, var: *var, slot })?;
                }
            }
        }
        self.measure_keys(difo);
        Ok(())
    }

    /// The place of a declared variable.
    pub(crate) fn slot(&self, scope: Scope, id: u32) -> Option<Slot> {
        let at = self.position(scope, id).ok()?;
        self.entries.get(at).map(|entry| entry.slot)
    }

    /// Whether an area begins below an address.
    fn starts_before(&self, index: u32, address: u64) -> bool {
        self.areas.get(index as usize).is_some_and(|area| area.start() < address)
    }

    fn position(&self, scope: Scope, id: u32) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&(scope, id), |entry| (entry.scope, entry.var.id))
    }

    fn place(&mut self, scope: Scope, kind: DifKind, var: &DifVar) -> Result<Slot, VariableError> {
        let bytes = if var.ty.flags & TF_BYREF != 0 { var.ty.size } else { 0 };
        let string = var.ty.kind == TYPE_STRING;
        if scope == Scope::Thread || kind == DifKind::Array {
            let thread = scope == Scope::Thread;
            let variable = u32::from(thread) << 16 | var.id & dif::VARIABLE_MAX;
            self.dynamics.try_push(Dynamic { variable, thread, bytes, string })?;
            let index = self.dynamics.len() as u32 - 1;
            self.note_payload(index, 0, 0);
            return Ok(Slot::Dynamic(index));
        }
        let per_cpu = scope == Scope::Local;
        if bytes != 0 {
            let area = Area::new(bytes as usize, string, per_cpu, self.per_cpu.len())?;
            let total = area.store.len();
            if self.area_bytes.saturating_add(total) > AREAS_MAX {
                return Err(VariableError::TooLarge);
            }
            let place = self.by_address.partition_point(|&index| self.starts_before(index, area.start() + 1));
            self.by_address.try_reserve(1).map_err(|_| OutOfMemory)?;
            self.areas.try_push(area)?;
            self.area_bytes += total;
            let index = self.areas.len() as u32 - 1;
            self.by_address.try_insert(place, index)?;
            Ok(if per_cpu { Slot::LocalBytes(index) } else { Slot::GlobalBytes(index) })
        } else if per_cpu {
            let index = self.per_cpu.iter().map(|cpu| cpu.words.len()).max().unwrap_or(0);
            for cpu in &mut self.per_cpu {
                // A vector that an earlier failure left shorter catches up.
                while cpu.words.len() <= index {
                    cpu.words.try_push(AtomicU64::new(0))?;
                }
            }
            Ok(Slot::Local(index as u32))
        } else {
            self.globals.try_push(AtomicU64::new(0))?;
            Ok(Slot::Global(self.globals.len() as u32 - 1))
        }
    }

    /// Notes how large the keys are that `difo` makes, so that chunks have room for them.
    fn measure_keys(&mut self, difo: &Difo) {
        // A size pushed with a reference comes from the integer table just before: the last constant of each register.
        let mut constants = [None; dif::DIR_NREGS];
        let (mut fixed, mut strings) = (KEY_HEAD, 0usize);
        for instr in difo.text() {
            match instr.op() {
                dif::OP_SETX => {
                    let value = difo.ints().get(instr.integer() as usize).copied();
                    if let Some(slot) = constants.get_mut(usize::from(instr.rd())) {
                        *slot = value;
                    }
                }
                dif::OP_FLUSHTS => (fixed, strings) = (KEY_HEAD, 0),
                dif::OP_PUSHTV => fixed += KEY_WORD,
                dif::OP_PUSHTR => {
                    fixed += KEY_WORD;
                    let size = constants.get(usize::from(instr.r2())).copied().flatten();
                    match size {
                        Some(size) if instr.tuple_type() != TYPE_STRING && size <= KEY_BYTES_MAX => {
                            fixed += (size as usize).next_multiple_of(8);
                        }
                        _ => strings += 1,
                    }
                }
                dif::OP_LDGAA | dif::OP_STGAA | dif::OP_LDTAA | dif::OP_STTAA => {
                    let scope = if matches!(instr.op(), dif::OP_LDGAA | dif::OP_STGAA) {
                        Scope::Global
                    } else {
                        Scope::Thread
                    };
                    if let Some(Slot::Dynamic(index)) = self.slot(scope, instr.var()) {
                        self.note_payload(index, strings, fixed);
                    }
                }
                _ => {}
            }
        }
    }

    /// Notes that a chunk of a variable has a key of so many strings and other bytes.
    fn note_payload(&mut self, index: u32, strings: usize, bytes: usize) {
        let Some(dynamic) = self.dynamics.get(index as usize) else { return };
        let (strings, bytes) = match dynamic.string {
            true => (strings + 1, bytes),
            false => (strings, bytes + dynamic.bytes as usize),
        };
        if let Some(payload) = self.payloads.get_mut(strings.min(dif::DTR_NREGS + 1)) {
            *payload = Some(payload.unwrap_or(0).max(bytes.next_multiple_of(8)));
        }
    }

    /// Takes what depends on the consumer's options, when tracing starts: every string becomes as large as `strsize` says
    /// if that is larger than its declaration, and the store of dynamic variables, if any variable needs it, gets about
    /// `dynvarsize` bytes, in chunks that hold any variable. What an earlier call took is given back, with the values in it.
    ///
    /// When there is no memory (or strings would take more than a consumer may have), there is no store; calling again with
    /// less may succeed.
    pub fn prepare(&mut self, dynvarsize: usize, strsize: usize) -> Result<(), OutOfMemory> {
        self.dynvars = None;
        self.enlarge_strings(strsize)?;
        if self.dynamics.is_empty() {
            return Ok(());
        }
        let string =
            self.dynamics.iter().filter(|dynamic| dynamic.string).map(|dynamic| dynamic.bytes as usize);
        let string = string.max().unwrap_or(0).max(strsize).next_multiple_of(8);
        let payload = self.payloads.iter().enumerate().filter_map(|(strings, payload)| {
            payload.map(|bytes| bytes.saturating_add(strings.saturating_mul(string)))
        });
        let mut dynvars = DynVars::new(dynvarsize, payload.max().unwrap_or(0), self.per_cpu.len())?;
        if self.disguised {
            dynvars.show_at(guise::DYNVARS);
        }
        self.dynvars = Some(dynvars);
        Ok(())
    }

    fn enlarge_strings(&mut self, strsize: usize) -> Result<(), OutOfMemory> {
        for at in 0..self.areas.len() {
            let Some(area) = self.areas.get(at).filter(|area| area.string && area.size < strsize) else {
                continue;
            };
            let larger = Area::new(strsize, true, area.per_cpu, self.per_cpu.len())?;
            let total = self.area_bytes - area.store.len() + larger.store.len();
            if total > AREAS_MAX {
                return Err(OutOfMemory);
            }
            self.area_bytes = total;
            if let Some(area) = self.areas.get_mut(at) {
                *area = larger;
            }
        }
        for dynamic in self.dynamics.iter_mut().filter(|dynamic| dynamic.string) {
            dynamic.bytes = dynamic.bytes.max(u32::try_from(strsize).unwrap_or(u32::MAX));
        }
        let areas = &self.areas;
        self.by_address.sort_unstable_by_key(|&index| areas.get(index as usize).map_or(0, Area::start));
        Ok(())
    }

    /// The store of dynamic variables, if there is one.
    #[inline]
    pub fn dynvars(&self) -> Option<&DynVars> {
        self.dynvars.as_ref()
    }

    /// Stores to dynamic variables that found no room.
    pub fn drops(&self) -> Drops {
        self.dynvars.as_ref().map(DynVars::drops).unwrap_or_default()
    }

    // ------------------------------------------------------------------------------------------------ probe context

    #[inline(always)]
    pub(crate) fn global(&self, index: u32) -> Option<&AtomicU64> {
        self.globals.get(index as usize)
    }

    #[inline(always)]
    pub(crate) fn local(&self, cpu: usize, index: u32) -> Option<&AtomicU64> {
        self.per_cpu.get(cpu)?.words.get(index as usize)
    }

    #[inline]
    pub(crate) fn dynamic(&self, index: u32) -> Option<&Dynamic> {
        self.dynamics.get(index as usize)
    }

    /// The area of a variable held by reference, on this CPU.
    pub(crate) fn area(&self, cpu: usize, index: u32) -> Option<AreaRef<'_>> {
        self.area_of(self.areas.get(index as usize)?, cpu)
    }

    /// What programs see as the address of an area.
    pub(crate) fn address_of(&self, index: u32, area: &AreaRef<'_>) -> u64 {
        if self.disguised { guise::area(index) } else { area.data.expose_provenance() as u64 }
    }

    fn area_of<'a>(&'a self, area: &'a Area, cpu: usize) -> Option<AreaRef<'a>> {
        let offset = if area.per_cpu { cpu.checked_mul(area.stride)? } else { 0 };
        if offset.checked_add(area.stride)? > area.store.len() {
            return None;
        }
        let start = area.store.start().as_ptr().wrapping_add(offset);
        // SAFETY: the word lies inside the store, which is 8-aligned as strides are; it lives as long as `self` and is
        // only ever used as this atomic.
        let null = unsafe { AtomicU64::from_ptr(start.cast()) };
        Some(AreaRef { null, data: start.wrapping_add(AREA_HEAD), size: area.size, string: area.string })
    }

    /// If an address is in a string or structure that the program may read and write on this CPU: a pointer to it and how
    /// much there is from there on.
    pub(crate) fn region(&self, cpu: usize, addr: u64) -> Option<(*mut u8, u64)> {
        if self.disguised {
            let at = guise::area_at(addr).and_then(|at| u32::try_from(at).ok());
            if let Some((at, area)) = at.and_then(|at| Some((at, self.area(cpu, at)?))) {
                let offset = addr - guise::area(at);
                let room = (area.size as u64).checked_sub(offset).filter(|&room| room != 0)?;
                return Some((area.data.wrapping_add(offset as usize), room));
            }
            return self.dynvars.as_ref()?.region(addr);
        }
        // The last area that begins at or below the address.
        let above =
            self.by_address.partition_point(|&index| self.starts_before(index, addr.saturating_add(1)));
        let below = above.checked_sub(1).and_then(|at| self.areas.get(*self.by_address.get(at)? as usize));
        if let Some(area) = below.and_then(|area| self.area_of(area, cpu)) {
            let offset = addr.wrapping_sub(area.data.addr() as u64);
            if offset < area.size as u64 {
                return Some((area.data.wrapping_add(offset as usize), area.size as u64 - offset));
            }
        }
        self.dynvars.as_ref()?.region(addr)
    }

    /// The next random number of this CPU, not from any good source: xorshift, stirred with `entropy`.
    pub(crate) fn random(&self, cpu: usize, entropy: u64) -> u64 {
        let Some(cpu) = self.per_cpu.get(cpu) else { return entropy };
        let mut x = cpu.random.load(Relaxed) ^ entropy.rotate_left(32);
        if x == 0 {
            x = 1;
        }
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        cpu.random.store(x, Relaxed);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// The word of a key that says its shape.
const KEY_HEAD: usize = 8;
/// What each part of a key takes beside the bytes of a reference.
const KEY_WORD: usize = 8;
/// A constant size above this is taken for no size at all.
const KEY_BYTES_MAX: u64 = 64 * 1024;

/// Whether it is a program's own variable and not a built-in one.
fn is_user(var: &DifVar) -> bool {
    var.id >= VAR_OTHER_UBASE || var.scope != dif::DIFV_SCOPE_GLOBAL
}
