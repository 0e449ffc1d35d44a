//! A machine made of threads, for tests, fuzzing and benchmarks (feature `mock`).
//!
//! [`Mock`] is a [`Host`] whose CPUs are slots that threads own while in a probe, whose clock stands still unless moved,
//! whose kernel and user memory are two arrays, and which notes what destructive actions ask of it. [`Rig`] puts an
//! engine on it, with a provider whose probes are a table, and consumers that are driven through real ioctls.

mod rig;

extern crate std;

use core::cell::{Cell, RefCell};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::string::{String, ToString};
use std::sync::{Condvar, Mutex, RwLock};
use std::thread;
use std::vec::Vec;

use crate::host::{BadAddress, EXECNAME_SIZE, Firing, Host};

pub use rig::{Handle, ProbeRef, Rig, Snapshot};

/// Where the kernel's memory begins.
pub const KERNEL_BASE: u64 = 0xffff_8880_0000_0000;
/// Where the user process's memory begins.
pub const USER_BASE: u64 = 0x5555_0000_0000;

/// Where a page of the user process's memory begins that comes only when [`Mock::release`] brings it.
pub const STALLED_BASE: u64 = 0x6666_0000_0000;

/// Who a thread says it is.
#[derive(Clone, Debug)]
pub struct Who {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Process id of the parent.
    pub ppid: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Command name.
    pub execname: String,
    /// Last error.
    pub errno: i32,
}

impl Default for Who {
    fn default() -> Self {
        Who { pid: 100, tid: 100, ppid: 1, uid: 0, gid: 0, execname: "mock".to_string(), errno: 0 }
    }
}

/// What a destructive action asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `stop()`
    Stop,
    /// `raise(signal)`
    Raise(i32),
    /// `chill(ns)`
    Chill(u64),
    /// `breakpoint()`
    Breakpoint,
    /// `panic()`
    Panic,
}

std::thread_local! {
    static CPU: Cell<usize> = const { Cell::new(0) };
    static WHO: RefCell<Who> = RefCell::new(Who::default());
    /// The predicate that is known to be false, and the machine it is of.
    static CACHE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// Numbers for machines and threads.
static NEXT: AtomicU64 = AtomicU64::new(1);

fn next_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The current thread goes to another CPU.
pub fn go_to_cpu(cpu: usize) {
    CPU.set(cpu);
}

/// The current thread becomes somebody else.
pub fn become_who(who: Who) {
    WHO.set(who);
}

fn this_thread() -> u64 {
    if THREAD.get() == 0 {
        THREAD.set(next_number());
    }
    THREAD.get()
}

/// One CPU.
#[repr(align(128))]
struct Slot {
    /// The thread that is in a probe on it, or 0.
    owner: AtomicU64,
}

/// The machine.
pub struct Mock {
    number: u64,
    grace_periods: AtomicU64,
    slots: Vec<Slot>,
    /// This CPU is possible but not there.
    absent: Option<usize>,
    now: AtomicU64,
    /// What every look at the clock adds to it.
    tick: AtomicU64,
    clock_reads: AtomicU64,
    word_reads: AtomicU64,
    kernel: RwLock<Vec<u8>>,
    user: RwLock<Vec<u8>>,
    /// The user stack and its frame pointer.
    user_stack: RwLock<(Vec<u64>, u64)>,
    /// What a reader of the machine's processes finds dead.
    dead: Mutex<Vec<u64>>,
    effects: Mutex<Vec<Effect>>,
    /// This CPU is there and offline; `usize::MAX` if none is.
    offline: AtomicUsize,
    /// How many want the time of threads accounted.
    vtime_wanted: AtomicU64,
    has_debugger: AtomicBool,
    locked: Mutex<bool>,
    locks: AtomicU64,
    unlocked: Condvar,
    /// How many wait for the page; None once it has come.
    stalled: Mutex<Option<usize>>,
    released: Condvar,
    /// Whoever waits for something has been killed.
    killed: AtomicBool,
    spare_memory: AtomicU64,
}

impl Mock {
    /// A machine with so many CPUs, 64 KiB of kernel and 32 MiB of user memory.
    pub fn new(cpus: usize) -> Mock {
        Mock {
            number: next_number(),
            grace_periods: AtomicU64::new(0),
            slots: (0..cpus).map(|_| Slot { owner: AtomicU64::new(0) }).collect(),
            absent: None,
            now: AtomicU64::new(1_000_000_000),
            tick: AtomicU64::new(0),
            clock_reads: AtomicU64::new(0),
            word_reads: AtomicU64::new(0),
            kernel: RwLock::new(std::vec![0; 64 << 10]),
            user: RwLock::new(std::vec![0; 32 << 20]),
            user_stack: RwLock::new(((1..=3u64).map(|n| USER_BASE + n * 16).collect(), 0x1006)),
            dead: Mutex::new(Vec::new()),
            effects: Mutex::new(Vec::new()),
            offline: AtomicUsize::new(usize::MAX),
            vtime_wanted: AtomicU64::new(0),
            has_debugger: AtomicBool::new(true),
            locked: Mutex::new(false),
            locks: AtomicU64::new(0),
            unlocked: Condvar::new(),
            stalled: Mutex::new(Some(0)),
            released: Condvar::new(),
            killed: AtomicBool::new(false),
            spare_memory: AtomicU64::new(u64::MAX),
        }
    }

    /// How many grace periods there were.
    pub fn grace_periods(&self) -> u64 {
        self.grace_periods.load(Ordering::Relaxed)
    }

    /// How often the control mutex was taken.
    pub fn locks(&self) -> u64 {
        self.locks.load(Ordering::Relaxed)
    }

    /// The same machine with one CPU missing.
    #[must_use]
    pub fn without_cpu(self, cpu: usize) -> Mock {
        Mock { absent: Some(cpu), ..self }
    }

    /// Whoever fires has this user stack, innermost frame first, and this frame pointer.
    pub fn set_user_stack(&self, frames: &[u64], frame_pointer: u64) {
        if let Ok(mut stack) = self.user_stack.write() {
            *stack = (frames.to_vec(), frame_pointer);
        }
    }

    /// From now on the process of this id is dead.
    pub fn kill(&self, pid: u32) {
        if let Ok(mut dead) = self.dead.lock() {
            dead.push(u64::from(pid));
        }
    }

    /// From now on the machine can spare so many bytes.
    pub fn set_spare_memory(&self, bytes: u64) {
        self.spare_memory.store(bytes, Ordering::Relaxed);
    }

    /// Whoever waits for the control mutex, or for a snapshot of another, is killed from now on.
    pub fn kill_waiters(&self) {
        self.killed.store(true, Ordering::Relaxed);
        self.unlocked.notify_all();
    }

    /// How many wait for the page at [`STALLED_BASE`].
    pub fn stalled(&self) -> usize {
        self.stalled.lock().map_or(0, |stalled| stalled.unwrap_or(0))
    }

    /// The page comes after all, as one that is not there: each access is a bad one.
    pub fn release(&self) {
        if let Ok(mut stalled) = self.stalled.lock() {
            *stalled = None;
        }
        self.released.notify_all();
    }

    /// Waits for the page of an address, if it is the one that does not come.
    fn await_page(&self, addr: u64) {
        if addr & !0xfff != STALLED_BASE {
            return;
        }
        let Ok(mut stalled) = self.stalled.lock() else { return };
        if let Some(waiting) = stalled.as_mut() {
            *waiting += 1;
        }
        while stalled.is_some() {
            let Ok(woken) = self.released.wait(stalled) else { return };
            stalled = woken;
        }
    }

    /// Time passes.
    pub fn advance(&self, ns: u64) {
        self.now.fetch_add(ns, Ordering::Relaxed);
    }

    /// From now on, time passes whenever somebody looks at the clock: so much.
    pub fn tick(&self, ns: u64) {
        self.tick.store(ns, Ordering::Relaxed);
    }

    /// A CPU goes offline, or the one that was comes back.
    pub fn set_offline(&self, cpu: Option<usize>) {
        self.offline.store(cpu.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    fn is_offline(&self, cpu: usize) -> bool {
        self.offline.load(Ordering::Relaxed) == cpu
    }

    /// How many consumers want the time of threads accounted.
    pub fn vtime_wanted(&self) -> u64 {
        self.vtime_wanted.load(Ordering::Relaxed)
    }

    /// The machine's debugger goes away.
    pub fn remove_debugger(&self) {
        self.has_debugger.store(false, Ordering::Relaxed);
    }

    /// How often a clock was read.
    pub fn clock_reads(&self) -> u64 {
        self.clock_reads.load(Ordering::Relaxed)
    }

    /// How often the command name was asked for as two words.
    pub fn word_reads(&self) -> u64 {
        self.word_reads.load(Ordering::Relaxed)
    }

    /// What destructive actions have asked for.
    pub fn effects(&self) -> Vec<Effect> {
        self.effects.lock().map(|effects| effects.clone()).unwrap_or_default()
    }

    /// Puts bytes into kernel memory.
    pub fn poke_kernel(&self, addr: u64, bytes: &[u8]) -> Result<(), BadAddress> {
        poke(&self.kernel, addr.wrapping_sub(KERNEL_BASE), bytes)
    }

    /// Puts bytes into user memory.
    pub fn poke_user(&self, addr: u64, bytes: &[u8]) -> Result<(), BadAddress> {
        poke(&self.user, addr.wrapping_sub(USER_BASE), bytes)
    }

    /// Reads user memory.
    pub fn peek_user(&self, addr: u64, bytes: &mut [u8]) -> Result<(), BadAddress> {
        peek(&self.user, addr.wrapping_sub(USER_BASE), bytes)
    }

    fn clock(&self) -> u64 {
        self.clock_reads.fetch_add(1, Ordering::Relaxed);
        let tick = self.tick.load(Ordering::Relaxed);
        if tick == 0 { self.now.load(Ordering::Relaxed) } else { self.now.fetch_add(tick, Ordering::Relaxed) }
    }

    fn note(&self, effect: Effect) {
        if let Ok(mut effects) = self.effects.lock() {
            effects.push(effect);
        }
    }
}

fn range(offset: u64, len: usize) -> Result<core::ops::Range<usize>, BadAddress> {
    let from = usize::try_from(offset).map_err(|_| BadAddress)?;
    Ok(from..from.checked_add(len).ok_or(BadAddress)?)
}

fn peek(memory: &RwLock<Vec<u8>>, offset: u64, to: &mut [u8]) -> Result<(), BadAddress> {
    let memory = memory.read().map_err(|_| BadAddress)?;
    to.copy_from_slice(memory.get(range(offset, to.len())?).ok_or(BadAddress)?);
    Ok(())
}

fn poke(memory: &RwLock<Vec<u8>>, offset: u64, from: &[u8]) -> Result<(), BadAddress> {
    let mut memory = memory.write().map_err(|_| BadAddress)?;
    memory.get_mut(range(offset, from.len())?).ok_or(BadAddress)?.copy_from_slice(from);
    Ok(())
}

fn who<R>(ask: impl FnOnce(&Who) -> R) -> R {
    WHO.with_borrow(ask)
}

impl Host for Mock {
    /// Whether this `enter` took the slot.
    type Saved = bool;

    fn cpus(&self) -> usize {
        self.slots.len()
    }

    fn cpu_present(&self, cpu: usize) -> bool {
        cpu < self.slots.len() && self.absent != Some(cpu)
    }

    fn cpu_online(&self, cpu: usize) -> bool {
        self.cpu_present(cpu) && !self.is_offline(cpu)
    }

    fn enter(&self) -> (usize, bool) {
        let cpu = CPU.get();
        let me = this_thread();
        let Some(slot) = self.slots.get(cpu) else { return (cpu, false) };
        if slot.owner.load(Ordering::Relaxed) == me {
            return (cpu, false);
        }
        while slot.owner.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_err() {
            thread::yield_now();
        }
        (cpu, true)
    }

    fn leave(&self, cpu: usize, saved: bool) {
        if let Some(slot) = self.slots.get(cpu).filter(|_| saved) {
            slot.owner.store(0, Ordering::Release);
        }
    }

    fn on_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        if !self.cpu_present(cpu) || self.is_offline(cpu) {
            return false;
        }
        let here = CPU.replace(cpu);
        f();
        CPU.set(here);
        true
    }

    fn while_offline(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        let offline = self.is_offline(cpu);
        if offline {
            f();
        }
        offline
    }

    fn track_vtime(&self, wanted: bool) {
        match wanted {
            true => self.vtime_wanted.fetch_add(1, Ordering::Relaxed),
            false => self.vtime_wanted.fetch_sub(1, Ordering::Relaxed),
        };
    }

    fn timestamp(&self) -> u64 {
        self.clock()
    }

    fn coarse_time(&self, _passed: u64) -> u64 {
        self.now.load(Ordering::Relaxed) >> 22
    }

    fn walltimestamp(&self) -> u64 {
        self.clock()
    }

    fn vtimestamp(&self) -> u64 {
        self.clock()
    }

    fn pid(&self) -> u32 {
        who(|who| who.pid)
    }

    fn tid(&self) -> u32 {
        who(|who| who.tid)
    }

    fn ppid(&self) -> u32 {
        who(|who| who.ppid)
    }

    fn uid(&self) -> u32 {
        who(|who| who.uid)
    }

    fn gid(&self) -> u32 {
        who(|who| who.gid)
    }

    fn curthread(&self) -> u64 {
        KERNEL_BASE + this_thread() * 64
    }

    fn thread_key(&self) -> u64 {
        this_thread()
    }

    fn execname(&self, out: &mut [u8; EXECNAME_SIZE]) {
        out.fill(0);
        who(|who| {
            for (to, from) in out.iter_mut().take(EXECNAME_SIZE - 1).zip(who.execname.bytes()) {
                *to = from;
            }
        });
    }

    fn execname_words(&self) -> [u64; 2] {
        self.word_reads.fetch_add(1, Ordering::Relaxed);
        let mut name = [0; EXECNAME_SIZE];
        self.execname(&mut name);
        let (words, _) = name.as_chunks::<8>();
        core::array::from_fn(|n| words.get(n).copied().map_or(0, u64::from_ne_bytes))
    }

    fn errno(&self, _firing: &Firing<'_>) -> i32 {
        who(|who| who.errno)
    }

    fn ipl(&self) -> u32 {
        0
    }

    fn progeny_of(&self, pid: u32) -> bool {
        who(|who| who.pid == pid || who.ppid == pid)
    }

    fn is_known_false(&self, predicate: u64) -> bool {
        CACHE.get() == (self.number, predicate)
    }

    fn note_false(&self, predicate: u64) {
        CACHE.set((self.number, predicate));
    }

    fn user_register(&self, _firing: &Firing<'_>, n: u32) -> Option<u64> {
        match n {
            6 => self.user_stack.read().ok().map(|stack| stack.1),
            _ => (n < 19).then_some(0x1000 + u64::from(n)),
        }
    }

    fn process_lives(&self, _pid: u32, key: u64) -> bool {
        self.dead.lock().is_ok_and(|dead| !dead.contains(&key))
    }

    fn stack(&self, _firing: &Firing<'_>, skip: u32, out: &mut [u64]) -> usize {
        let frames = (1..=5u64).map(|n| KERNEL_BASE + n * 16).skip(skip as usize);
        out.iter_mut().zip(frames).map(|(to, from)| *to = from).count()
    }

    fn user_stack(&self, _firing: &Firing<'_>, out: &mut [u64]) -> usize {
        let Ok(stack) = self.user_stack.read() else { return 0 };
        out.iter_mut().zip(&stack.0).map(|(to, from)| *to = *from).count()
    }

    fn load(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        peek(&self.kernel, addr.wrapping_sub(KERNEL_BASE), dst)
    }

    fn load_user(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        peek(&self.user, addr.wrapping_sub(USER_BASE), dst)
    }

    fn store_user(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        poke(&self.user, addr.wrapping_sub(USER_BASE), src)
    }

    fn stop(&self) -> bool {
        self.note(Effect::Stop);
        true
    }

    fn raise(&self, signal: i32) -> bool {
        self.note(Effect::Raise(signal));
        true
    }

    fn chill(&self, ns: u64) {
        self.note(Effect::Chill(ns));
    }

    fn breakpoint(&self) -> bool {
        self.note(Effect::Breakpoint);
        self.has_debugger.load(Ordering::Relaxed)
    }

    fn panic(&self) -> bool {
        self.note(Effect::Panic);
        true
    }

    fn ioctl_read(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.await_page(addr);
        peek(&self.user, addr.wrapping_sub(USER_BASE), dst)
    }

    fn ioctl_write(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.await_page(addr);
        poke(&self.user, addr.wrapping_sub(USER_BASE), src)
    }

    fn lock(&self) {
        let Ok(mut locked) = self.locked.lock() else { return };
        while *locked {
            let Ok(woken) = self.unlocked.wait(locked) else { return };
            locked = woken;
        }
        self.locks.fetch_add(1, Ordering::Relaxed);
        *locked = true;
    }

    fn lock_unless_killed(&self) -> bool {
        let Ok(mut locked) = self.locked.lock() else { return false };
        while *locked {
            let Ok(woken) = self.unlocked.wait(locked) else { return false };
            locked = woken;
            if *locked && self.is_killed() {
                return false;
            }
        }
        self.locks.fetch_add(1, Ordering::Relaxed);
        *locked = true;
        true
    }

    fn spare_memory(&self) -> u64 {
        self.spare_memory.load(Ordering::Relaxed)
    }

    fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    fn unlock(&self) {
        if let Ok(mut locked) = self.locked.lock() {
            *locked = false;
        }
        self.unlocked.notify_one();
    }

    fn relax(&self, round: u32) {
        if round < 64 {
            core::hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }

    fn synchronize_hooks(&self) {}

    fn note_grace_period(&self, _idle: u32) {
        self.grace_periods.fetch_add(1, Ordering::Relaxed);
    }

    fn log(&self, _text: fmt::Arguments<'_>) {}
}
