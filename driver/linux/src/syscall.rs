//! The `syscall` provider: `syscall:x64:NAME:entry|return` for 64-bit callers, `syscall:x32:NAME:…` for 32-bit ones
//! (contract 4.1; `x32` is the field's name for the ia32 table here, not the x32 ABI).
//!
//! # Mechanism
//!
//! Chosen by measurement (bench/README.md has the table), in two ways:
//!
//! * An entry probe whose call is one of few (`handler::LIMIT`) is a hook on the function that handles the call, and on no other: a
//!   call that is not enabled costs what it costs without us. 32-bit and 64-bit calls share functions, which is why the hook
//!   asks which table the caller uses, and whose number it called.
//! * When a return probe is enabled, or very many entries are, the hooks are the kernel's raw tracepoints sys_enter and sys_exit.
//!   While one of them is attached, every call of every process takes the kernel's slow path.
//!
//! A probe keeps the hook it was enabled with, so that no call is seen by both, or by neither, when the other one comes or goes.
//!
//! Rejected for returns: kretprobes, fprobes and rethooks (several times the cost, and a return is lost when more threads sleep in
//! the call than were foreseen: exact counts are worth more than the others' speed); and a trampoline of our own around the handler,
//! the cheapest of all, because a thread that sleeps in a call has the trampoline's address on its stack: the driver could not be
//! unloaded before the last of them has woken up.
//!
//! # What always holds
//!
//! Each call has four words: a probe that is enabled but has no hook yet, and the probe that each of the three hooks fires. An
//! enabled probe is in one of them. A word holds null or a probe that the engine has not freed: the engine frees a probe only
//! after `disable` cleared its word, `commit` detached the hook where nothing needs it, and a grace period of the hooks passed.
//! (The hooks on the handlers may stay a while longer, and find no probe: see `handler`.)
//!
//! # What is counted
//!
//! Names are those of the headers of the kernel that the module was built for; calls without a name have no probe. A call that
//! was interrupted and is started again is another call, as the kernel has it: read again, or restart_syscall.
//!
//! fork, vfork, clone and clone3 return twice; the return probe fires in the parent only. exit and exit_group do not
//! return. Calls that come back with another number than they went in with are in `inflight`.
//!
//! A call that seccomp or a tracer refuses never reaches its handler and has no entry; its return fires all the same, with the
//! result that the caller gets.

use crate::control::Control;
use crate::driver::engine;
use crate::ffi;
use crate::handler::{self, Handlers};
use crate::host::{self, Linux};
use crate::inflight::{self, Inflight};
use crate::predicate::Thread;
use crate::regs::{Frame, PtRegs};
use crate::tracepoint::Tracepoint;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use dtrace_engine::errno::Errno;
use dtrace_engine::syscall::returned;
use dtrace_engine::{Description, Firing, Probe, Provider, Registrar};

/// More than the highest number of any table.
const LIMIT: usize = 1024;

/// A word for each call of a table.
type Words = [AtomicPtr<Probe<Linux>>; LIMIT];

/// The enabled probes of one table, by call number.
struct Table {
    /// Entries that have no hook yet.
    pending: Words,
    /// Entries, by the hooks on the handlers.
    handler: Words,
    /// Entries, by the tracepoint.
    entry: Words,
    /// Returns.
    exit: Words,
    /// Where the handlers begin, as far as that has been asked for.
    addresses: [AtomicU64; LIMIT],
}

impl Table {
    const fn new() -> Self {
        const fn words() -> Words {
            [const { AtomicPtr::new(ptr::null_mut()) }; LIMIT]
        }
        Table {
            pending: words(),
            handler: words(),
            entry: words(),
            exit: words(),
            addresses: [const { AtomicU64::new(UNKNOWN) }; LIMIT],
        }
    }
}

/// In place of an address: nobody has asked, or was answered; or there is none.
const UNKNOWN: u64 = 0;
const NOWHERE: u64 = 1;

/// Which table a caller's numbers index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abi {
    /// The 64-bit table.
    X64,
    /// The ia32 table.
    Ia32,
}

static X64: Table = Table::new();
static IA32: Table = Table::new();

impl Abi {
    fn table(self) -> &'static Table {
        match self {
            Abi::X64 => &X64,
            Abi::Ia32 => &IA32,
        }
    }

    /// The module part of the probes' names.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Abi::X64 => "x64",
            Abi::Ia32 => "x32",
        }
    }

    /// One more than the highest number that has a probe.
    pub(crate) fn limit(self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_syscall_limit(self == Abi::Ia32) }.min(LIMIT as u32)
    }

    /// The name of a call; empty where the table has a gap.
    pub(crate) fn name(self, number: u32) -> &'static str {
        // SAFETY: no preconditions.
        host::text(unsafe { ffi::host_syscall_name(number, self == Abi::Ia32) })
    }

    /// Whether a call has an enabled probe.
    pub(crate) fn is_enabled(self, number: u32) -> bool {
        let table = self.table();
        [&table.handler, &table.entry, &table.exit].into_iter().any(|words| {
            words.get(number as usize).is_some_and(|word| !word.load(Ordering::Relaxed).is_null())
        })
    }
}

/// What a probe's cookie says (contract 4.1): number | 0x10000 entry | 0x20000 32-bit.
#[derive(Clone, Copy)]
struct Site {
    number: u32,
    entry: bool,
    abi: Abi,
}

impl Site {
    const ENTRY: usize = 0x1_0000;
    const IA32: usize = 0x2_0000;

    fn cookie(self) -> usize {
        self.number as usize
            | if self.entry { Self::ENTRY } else { 0 }
            | if self.abi == Abi::Ia32 { Self::IA32 } else { 0 }
    }

    fn of(cookie: usize) -> Site {
        Site {
            number: (cookie & 0xffff) as u32,
            entry: cookie & Self::ENTRY != 0,
            abi: if cookie & Self::IA32 == 0 { Abi::X64 } else { Abi::Ia32 },
        }
    }

    /// The call's word among some, if it has one.
    fn word(self, pick: fn(&'static Table) -> &'static Words) -> Option<&'static AtomicPtr<Probe<Linux>>> {
        pick(self.abi.table()).get(self.number as usize)
    }

    /// Clears the word; whether it held the probe.
    fn clear(self, pick: fn(&'static Table) -> &'static Words) -> bool {
        self.word(pick).is_some_and(|word| !word.swap(ptr::null_mut(), Ordering::AcqRel).is_null())
    }

    fn address(self) -> u64 {
        self.abi.table().addresses.get(self.number as usize).map_or(NOWHERE, |it| it.load(Ordering::Relaxed))
    }
}

/// One of the two tracepoints, attached while any probe wants it. Changed under the control mutex only.
struct Hook {
    tracepoint: Tracepoint,
    wanted: AtomicU32,
}

impl Hook {
    const fn new(tracepoint: Tracepoint) -> Self {
        Hook { tracepoint, wanted: AtomicU32::new(0) }
    }

    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) != 0
    }

    /// One more asks for it.
    fn acquire(&self) -> Result<(), Errno> {
        // SAFETY: providers are called in process context with the control mutex held.
        unsafe { self.tracepoint.attach()? };
        self.wanted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// One less asks for it.
    fn release(&self) {
        self.wanted.fetch_sub(1, Ordering::Relaxed);
    }
}

// SAFETY: these are the arguments of sys_enter: the registers and the number.
static ENTER: Hook = Hook::new(unsafe { Tracepoint::new(c"sys_enter", sys_enter as *mut c_void) });
// SAFETY: these are the arguments of sys_exit: the registers and the result.
static EXIT: Hook = Hook::new(unsafe { Tracepoint::new(c"sys_exit", sys_exit as *mut c_void) });

/// The handlers that are hooked.
static HANDLERS: Control<Handlers> = Control::new(Handlers::new());
/// Entry probes without a hook.
static PENDING: AtomicU32 = AtomicU32::new(0);
/// Who is in a call that comes back as another.
static INFLIGHT: Inflight = Inflight::new();

/// How many returns of calls that come back as another one were lost.
pub(crate) fn returns_lost() -> u64 {
    INFLIGHT.lost()
}

/// Whether all probes have been made.
static COMPLETE: AtomicBool = AtomicBool::new(false);

/// The provider.
pub(crate) struct Syscall;

impl Provider<Linux> for Syscall {
    /// The tables do not change: all probes are made at the first call.
    fn provide(&self, registrar: &mut Registrar<'_, Linux>, _description: Option<&Description<'_>>) {
        if COMPLETE.load(Ordering::Relaxed) {
            return;
        }
        for abi in [Abi::X64, Abi::Ia32] {
            for number in 0..abi.limit() {
                let name = abi.name(number).as_bytes();
                if name.is_empty() {
                    continue;
                }
                for (entry, part) in [(true, b"entry".as_slice()), (false, b"return".as_slice())] {
                    let cookie = Site { number, entry, abi }.cookie();
                    match registrar.create(abi.module().as_bytes(), name, part, AFRAMES, cookie) {
                        // There already, from a time when memory ran out behind it.
                        Ok(_) | Err(Errno::EEXIST) => {}
                        Err(_) => return,
                    }
                }
            }
        }
        COMPLETE.store(true, Ordering::Relaxed);
    }

    fn enable(&self, probe: &Probe<Linux>) -> Result<(), Errno> {
        let site = Site::of(probe.cookie());
        let pointer = ptr::from_ref(probe).cast_mut();
        if site.entry {
            site.word(|table| &table.pending).ok_or(Errno::EINVAL)?.store(pointer, Ordering::Relaxed);
            PENDING.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let word = site.word(|table| &table.exit).ok_or(Errno::EINVAL)?;
        EXIT.acquire()?;
        if inflight::is_special(site.abi, site.number) {
            ENTER.acquire().inspect_err(|_| EXIT.release())?;
            INFLIGHT.want(true);
        }
        word.store(pointer, Ordering::Release);
        Ok(())
    }

    fn disable(&self, probe: &Probe<Linux>) {
        let site = Site::of(probe.cookie());
        if !site.entry {
            if site.clear(|table| &table.exit) {
                EXIT.release();
                if inflight::is_special(site.abi, site.number) {
                    INFLIGHT.want(false);
                    ENTER.release();
                }
            }
        } else if site.clear(|table| &table.handler) {
            // SAFETY: providers are called with the control mutex held.
            unsafe { HANDLERS.get() }.remove(site.address());
        } else if site.clear(|table| &table.entry) {
            ENTER.release();
        } else if site.clear(|table| &table.pending) {
            PENDING.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn commit(&self) -> Result<(), Errno> {
        // SAFETY: providers are called in process context with the control mutex held.
        let handlers = unsafe { HANDLERS.get() };
        let hooked = match PENDING.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ if prefers_handlers(handlers) && hook_handlers(handlers) => Ok(()),
            _ => hook_all_calls(),
        };
        // SAFETY: as above. Only a removal can be left to do, which at worst leaves a hook that finds no probe.
        let _ = unsafe { handlers.apply() };
        for hook in [&ENTER, &EXIT] {
            if !hook.is_wanted() {
                // SAFETY: as above.
                unsafe { hook.tracepoint.detach() }
            }
        }
        hooked
    }
}

/// Whether the pending entries had better be hooked one by one: every call is on the slow path already if a tracepoint is attached.
fn prefers_handlers(handlers: &Handlers) -> bool {
    !ENTER.is_wanted() && !EXIT.is_wanted() && PENDING.load(Ordering::Relaxed) as usize <= handlers.room()
}

/// The entries that have no hook yet.
fn pending() -> impl Iterator<Item = Site> {
    [Abi::X64, Abi::Ia32]
        .into_iter()
        .flat_map(|abi| (0..LIMIT as u32).map(move |number| Site { number, entry: true, abi }))
        .filter(|site| {
            site.word(|table| &table.pending).is_some_and(|word| !word.load(Ordering::Relaxed).is_null())
        })
}

/// The pending entry gets its hook: its probe goes to the word that the hook reads.
fn settle(site: Site, pick: fn(&'static Table) -> &'static Words) {
    if let (Some(from), Some(to)) = (site.word(|table| &table.pending), site.word(pick)) {
        to.store(from.swap(ptr::null_mut(), Ordering::Relaxed), Ordering::Release);
        PENDING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Hooks the handlers of all pending entries, or none of them: then false.
fn hook_handlers(handlers: &mut Handlers) -> bool {
    find_pending();
    if pending().any(|site| matches!(site.address(), UNKNOWN | NOWHERE)) {
        return false;
    }
    pending().for_each(|site| handlers.add(site.address()));
    // SAFETY: providers are called in process context with the control mutex held.
    if unsafe { handlers.apply() }.is_err() {
        pending().for_each(|site| handlers.remove(site.address()));
        return false;
    }
    pending().for_each(|site| settle(site, |table| &table.handler));
    true
}

/// Asks the kernel where the handlers of the pending entries are, of those of which that is not known. Not inlined: the answers
/// are on the stack.
#[inline(never)]
fn find_pending() {
    let none = ffi::host_handler { number: 0, ia32: false, error: 0, address: NOWHERE };
    let mut asked = [none; handler::LIMIT];
    let mut count = 0;
    for (to, site) in asked.iter_mut().zip(pending().filter(|site| site.address() == UNKNOWN)) {
        (to.number, to.ia32) = (site.number, site.abi == Abi::Ia32);
        count += 1;
    }
    if count == 0 {
        return;
    }
    // SAFETY: process context; so many are there.
    unsafe { ffi::host_handlers_find(asked.as_mut_ptr(), count) };
    for found in asked.iter().take(count as usize) {
        let abi = if found.ia32 { Abi::Ia32 } else { Abi::X64 };
        if let Some(address) = abi.table().addresses.get(found.number as usize) {
            address.store(answer(found), Ordering::Relaxed);
        }
    }
}

/// What the kernel's answer says of where a handler is. For want of memory there is none: it is asked again the next time.
fn answer(found: &ffi::host_handler) -> u64 {
    const NO_MEMORY: i32 = -(Errno::ENOMEM as i32);
    match found.error {
        0 => found.address,
        NO_MEMORY => UNKNOWN,
        _ => NOWHERE,
    }
}

/// Hooks all pending entries by the tracepoint, up to the first that the kernel refuses.
fn hook_all_calls() -> Result<(), Errno> {
    for site in pending() {
        ENTER.acquire()?;
        settle(site, |table| &table.entry);
    }
    Ok(())
}

/// The hooks are called by the kernel's entry code or by the handler itself: frames that `stack()` shows, since they are the
/// kernel's own.
const AFRAMES: u32 = 0;

/// The enabled probe of a call, if the current task's table is the one that it was enabled in.
#[inline(always)]
fn enabled(number: u32, pick: fn(&'static Table) -> &'static Words) -> Option<(&'static Probe<Linux>, Abi)> {
    let x64 = pick(&X64).get(number as usize)?.load(Ordering::Acquire);
    let ia32 = pick(&IA32).get(number as usize)?.load(Ordering::Acquire);
    if x64.is_null() && ia32.is_null() {
        return None;
    }
    let abi = current_abi();
    // SAFETY: a word holds null or a probe that lives at least until the hooks' next grace period (see the module's
    // text), and this is a hook.
    unsafe { if abi == Abi::Ia32 { ia32 } else { x64 }.as_ref() }.map(|probe| (probe, abi))
}

/// The table that the current task's call is in.
fn current_abi() -> Abi {
    // SAFETY: no preconditions.
    if unsafe { ffi::host_task_is_compat() } { Abi::Ia32 } else { Abi::X64 }
}

/// How many arguments a system call has.
const ARGUMENTS: usize = 6;

/// Fires the entry probe of a system call. Called by its handler, which is hooked, with interrupts off.
#[unsafe(no_mangle)]
extern "C" fn rs_handler_entered(
    cpu: u32,
    regs: *const c_void,
    place: u64,
    ia32: bool,
    task: u64,
    start: u64,
) {
    // SAFETY: the shim passes the current task's register frame.
    let regs = unsafe { &*regs.cast::<PtRegs>() };
    let abi = if ia32 { Abi::Ia32 } else { Abi::X64 };
    let Some(word) = abi.table().handler.get(regs.number() as usize) else { return };
    // SAFETY: as in `enabled`.
    let Some(probe) = (unsafe { word.load(Ordering::Acquire).as_ref() }) else { return };
    let (engine, cpu) = (engine(), cpu as usize);
    let idle = engine
        .is_idle_by(probe, |predicate| engine.host().knows_false(cpu, Thread { task, start }, predicate));
    if !idle {
        fire_here(probe, regs, abi, place, cpu);
    }
}

/// Fires an entry probe from its handler's hook. Not inlined: what comes before it is short otherwise.
#[inline(never)]
fn fire_here(probe: &Probe<Linux>, regs: &PtRegs, abi: Abi, place: u64, cpu: usize) {
    if !engine().fire_at_once_on(probe, cpu, ARGUMENTS, move |n| regs.argument(abi, n)) {
        fire_entry(probe, regs, abi, Some(place));
    }
}

/// Fires an entry probe in the general way.
#[inline(never)]
fn fire_entry(probe: &Probe<Linux>, regs: &PtRegs, abi: Abi, place: Option<u64>) {
    let args: [u64; ARGUMENTS] = core::array::from_fn(|n| regs.argument(abi, n));
    let frame = Frame { result: None, interrupted: place };
    engine().fire_busy(probe, &Firing::with_regs(&args, (&raw const frame).cast()));
}

/// Fires the entry probe of a system call. Called by the tracepoint with the registers the task came in with.
extern "C" fn sys_enter(_data: *mut c_void, regs: *const c_void, number: isize) {
    // The kernel takes no notice of the upper half.
    let number = number as u32;
    if INFLIGHT.is_wanted() {
        // SAFETY: no preconditions.
        INFLIGHT.note(unsafe { ffi::host_task() }, current_abi(), number);
    }
    let Some((probe, abi)) = enabled(number, |table| &table.entry) else { return };
    // SAFETY: the tracepoint passes the current task's register frame.
    let regs = unsafe { &*regs.cast::<PtRegs>() };
    let engine = engine();
    if !engine.is_idle(probe) && !engine.fire_at_once(probe, ARGUMENTS, move |n| regs.argument(abi, n)) {
        fire_entry(probe, regs, abi, None);
    }
}

/// Fires the return probe of a system call. Called by the tracepoint with the registers and the call's result.
extern "C" fn sys_exit(_data: *mut c_void, regs: *const c_void, result: isize) {
    let result = result as i64;
    // SAFETY: the tracepoint passes the current task's register frame.
    let number = unsafe { &*regs.cast::<PtRegs>() }.number();
    let (probe, abi, number) = if INFLIGHT.is_wanted() {
        // SAFETY: no preconditions.
        let task = unsafe { ffi::host_task() };
        let failed = (-4095..0).contains(&result);
        let Some((abi, number)) = INFLIGHT.came_from(task, current_abi(), number, failed) else { return };
        let Some(word) = abi.table().exit.get(number as usize) else { return };
        // SAFETY: as in `enabled`.
        let Some(probe) = (unsafe { word.load(Ordering::Acquire).as_ref() }) else { return };
        (probe, abi, number)
    } else {
        let Some((probe, abi)) = enabled(number, |table| &table.exit) else { return };
        (probe, abi, number)
    };
    if result == 0 && forks(number, abi) {
        return;
    }
    let (engine, args) = (engine(), returned(result));
    let arg = move |n: usize| args.get(n).copied().unwrap_or(0);
    if !engine.is_idle(probe) && !engine.fire_at_once(probe, args.len(), arg) {
        fire_return(probe, result);
    }
}

/// Fires a return probe in the general way.
#[inline(never)]
fn fire_return(probe: &Probe<Linux>, result: i64) {
    let args = returned(result);
    let frame = Frame { result: Some(result), interrupted: None };
    engine().fire_busy(probe, &Firing::with_regs(&args, (&raw const frame).cast()));
}

/// Whether a call returns in a child, too, where its result is 0.
fn forks(number: u32, abi: Abi) -> bool {
    match abi {
        // clone, fork, vfork, clone3.
        Abi::X64 => matches!(number, 56..=58 | 435),
        // fork, clone, vfork, clone3.
        Abi::Ia32 => matches!(number, 2 | 120 | 190 | 435),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_want_of_memory_a_handler_is_not_nowhere() {
        let found = |error| ffi::host_handler { number: 1, ia32: false, error, address: 0x1000 };
        assert_eq!(answer(&found(0)), 0x1000);
        assert_eq!(answer(&found(-12)), UNKNOWN);
        assert_eq!(answer(&found(-2)), NOWHERE);
    }

    #[test]
    fn a_cookie_says_number_side_and_table() {
        let site = Site { number: 257, entry: true, abi: Abi::Ia32 };
        assert_eq!(site.cookie(), 0x3_0101);
        let back = Site::of(site.cookie());
        assert!(back.number == 257 && back.entry && back.abi == Abi::Ia32);
    }
}
