//! The engine's host: Linux, through the shim.
//!
//! Probe context is "interrupts off on this CPU", which is an RCU reader too: hooks are taken away by the kernel's own
//! unregister functions, which wait for a grace period, before the engine frees what they use.
//!
//! A hook may run where RCU does not watch or inside an NMI; the providers refuse to fire there (see `may_fire`).

use crate::ffi;
use crate::log;
use crate::predicate::{Facts, Thread};
use crate::process;
use crate::regs::{Frame, PtRegs};
use crate::signal::Signals;
use crate::vtime::Vtime;
use crate::{lock, memory, path, xcall};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_void};
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use dtrace_engine::errno::Errno;
use dtrace_engine::host::{EXECNAME_SIZE, LockQuestion};
use dtrace_engine::mem::{OutOfMemory, try_build};
use dtrace_engine::{BadAddress, Firing, Host, frames, syscall};

/// The deepest kernel stack that is looked at, the driver's own frames included.
const DEEPEST: usize = 256;

/// The most ancestors of a process that are looked at.
const ANCESTORS: usize = 4096;

const SIGSTOP: i32 = 19;
/// The highest number of a signal.
const SIGNALS: i32 = 64;

unsafe extern "C" {
    /// The kernel's count of clock ticks.
    static jiffies: AtomicUsize;
}

/// The machine under the driver.
pub(crate) struct Linux {
    cpus: usize,
    /// By CPU: where its kernel stack is put while it is looked at.
    stacks: Vec<UnsafeCell<[u64; DEEPEST]>>,
    vtime: Vtime,
    facts: Facts,
    signals: Signals,
}

// SAFETY: a stack is reached by its CPU only, in probe context, one walk at a time; the rest is atomic.
unsafe impl Sync for Linux {}

impl Linux {
    /// The machine as it is now. Process context. Not inlined: it is large, and goes from hand to hand.
    #[inline(never)]
    pub(crate) fn new() -> Result<Self, OutOfMemory> {
        // SAFETY: no preconditions.
        let cpus = unsafe { ffi::host_cpu_ids() } as usize;
        let stacks = try_build(cpus, |_| Ok::<_, OutOfMemory>(UnsafeCell::new([0; DEEPEST])))?;
        let (vtime, facts) = (Vtime::new(cpus)?, Facts::new(cpus)?);
        Ok(Linux { cpus, stacks, vtime, facts, signals: Signals::new(cpus)? })
    }

    /// The signals that wait to be sent.
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Whether a predicate is known on a CPU to be false for a thread. Any context.
    #[inline(always)]
    pub(crate) fn knows_false(&self, cpu: usize, thread: Thread, predicate: u64) -> bool {
        self.facts.knows(cpu, thread, predicate)
    }

    /// Where the time of threads is kept.
    pub(crate) fn vtime(&self) -> &Vtime {
        &self.vtime
    }
}

/// What `enter` gives to `leave`.
#[derive(Clone, Copy)]
pub(crate) struct Entered {
    flags: u64,
    /// The time since is to be left out of the thread's.
    timed: bool,
}

/// Whether a probe may fire here: RCU watches, and this is no NMI (which could have interrupted a probe anywhere).
pub(crate) fn may_fire() -> bool {
    // SAFETY: no preconditions.
    unsafe { !ffi::host_in_nmi() && ffi::host_rcu_watching() }
}

/// D's addresses have 64 bits, and the shim cuts them to those that the kernel has.
pub(crate) fn exists(addr: u64) -> Result<(), BadAddress> {
    usize::try_from(addr).map(|_| ()).map_err(|_| BadAddress)
}

/// The current thread, and the CPU that it is on.
#[inline(always)]
fn this_thread() -> (Thread, usize) {
    let mut now = ffi::host_thread { task: 0, start: 0, cpu: 0 };
    // SAFETY: the address is of a live structure.
    unsafe { ffi::host_thread(&raw mut now) };
    (Thread { task: now.task, start: now.start }, now.cpu as usize)
}

/// The frame that a provider of ours put into the firing.
fn frame<'a>(firing: &'a Firing<'_>) -> Option<&'a Frame> {
    // SAFETY: every provider of this module passes null or a pointer to a `Frame` on its stack that lives as long as
    // the firing does; the engine itself fires with null.
    unsafe { firing.regs.cast::<Frame>().as_ref() }
}

/// The registers with which the current task entered the kernel.
fn user_regs() -> Option<PtRegs> {
    // SAFETY: no preconditions.
    if !unsafe { ffi::host_is_user_task() } {
        return None;
    }
    // SAFETY: for a task that is no kernel thread the pointer is to the register frame on its own kernel stack, which
    // lives as long as the task; it is read once, by value.
    let regs = unsafe { ffi::host_user_regs().cast::<PtRegs>().read() };
    regs.is_user().then_some(regs)
}

/// The number of this CPU, if it is what stands at an address: the original's driver has two symbols for it, which it writes in every
/// probe (contract 6.6). Here they are answered when they are read, so that no CPU writes what others do, and each is told its own.
fn cpu_symbol(addr: u64) -> Option<u64> {
    let places = [(&raw const ffi::dtrace_cpu_id).addr(), (&raw const ffi::dtrace_curcpu).addr()];
    // SAFETY: no preconditions.
    places.contains(&(addr as usize)).then(|| u64::from(unsafe { ffi::host_this_cpu() }))
}

impl Host for Linux {
    type Saved = Entered;

    fn cpus(&self) -> usize {
        self.cpus
    }

    fn cpu_present(&self, cpu: usize) -> bool {
        // SAFETY: no preconditions; the shim checks the range.
        unsafe { ffi::host_cpu_possible(cpu as u32) }
    }

    fn cpu_online(&self, cpu: usize) -> bool {
        // SAFETY: no preconditions; the shim checks the range.
        unsafe { ffi::host_cpu_online(cpu as u32) }
    }

    fn enter(&self) -> (usize, Entered) {
        let mut flags = 0;
        // SAFETY: `flags` is a live u64.
        let cpu = unsafe { ffi::host_enter(&raw mut flags) } as usize;
        (cpu, Entered { flags, timed: self.vtime.enter(cpu) })
    }

    fn leave(&self, cpu: usize, saved: Entered) {
        if saved.timed {
            self.vtime.leave(cpu);
        }
        // SAFETY: the flags are what the matching `enter` got.
        unsafe { ffi::host_leave(saved.flags) }
    }

    fn times_probes(&self) -> bool {
        self.vtime.is_tracked()
    }

    /// Not inlined: the hook that asks is short otherwise.
    #[inline(never)]
    fn is_known_false(&self, predicate: u64) -> bool {
        let (thread, cpu) = this_thread();
        self.knows_false(cpu, thread, predicate)
    }

    fn note_false(&self, predicate: u64) {
        let (thread, cpu) = this_thread();
        self.facts.note(cpu, thread, predicate);
    }

    fn on_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        xcall::run_on(cpu, f)
    }

    fn note_grace_period(&self, idle: u32) {
        xcall::skipped(idle);
    }

    #[cfg(feature = "torture")]
    fn grace_periods(&self) -> u32 {
        crate::torture::grace_periods()
    }

    /// The CPU is kept from going offline: the thread would be taken off it.
    fn move_to_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        let mut call: &mut dyn FnMut() = f;
        // SAFETY: process context. `host_move_to` calls `rs_call` before it returns or never, so the closure outlives the call.
        unsafe {
            ffi::host_hotplug_lock();
            let error = ffi::host_move_to(cpu as u32, (&raw mut call).cast());
            ffi::host_hotplug_unlock();
            error == 0
        }
    }

    fn while_offline(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        // SAFETY: process context; the lock is given back below.
        let offline = unsafe {
            ffi::host_hotplug_lock();
            !ffi::host_cpu_online(cpu as u32)
        };
        if offline {
            f();
        }
        // SAFETY: it was taken above.
        unsafe { ffi::host_hotplug_unlock() };
        offline
    }

    fn timestamp(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_timestamp() }
    }

    #[inline(always)]
    fn coarse_time(&self, _passed: u64) -> u64 {
        // SAFETY: the kernel's, which exports it to modules; a word that others write.
        unsafe { jiffies.load(Ordering::Relaxed) as u64 }
    }

    fn walltimestamp(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_walltime() }
    }

    fn vtimestamp(&self) -> u64 {
        self.vtime.current()
    }

    fn track_vtime(&self, wanted: bool) {
        self.vtime.track(wanted);
    }

    fn pid(&self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_pid() }
    }

    fn tid(&self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_tid() }
    }

    fn ppid(&self) -> u32 {
        // SAFETY: no preconditions; probe context is an RCU reader, which the parent pointer needs.
        unsafe { ffi::host_ppid() }
    }

    fn uid(&self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_uid() }
    }

    fn gid(&self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_gid() }
    }

    fn curthread(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_task() }
    }

    /// The thread id (22 bits, unique among live threads) over the microseconds at which the thread began, so that a
    /// thread id which is used again makes another key. The idle threads share id 0; each stands for its CPU.
    fn thread_key(&self) -> u64 {
        // SAFETY: no preconditions.
        let (tid, start) = unsafe { (u64::from(ffi::host_tid()), ffi::host_task_start()) };
        if tid == 0 { self.curthread() } else { (tid << 42) | ((start >> 10) & ((1 << 42) - 1)) }
    }

    fn execname(&self, out: &mut [u8; EXECNAME_SIZE]) {
        // SAFETY: the shim returns the current task's name: 16 bytes, alive while the task runs. Another thread may
        // rename it meanwhile, which tears the text and nothing else; the last byte is always NUL.
        *out = unsafe { ffi::host_comm().cast::<[u8; EXECNAME_SIZE]>().read_volatile() };
    }

    #[inline]
    fn execname_words(&self) -> [u64; 2] {
        // SAFETY: as for `execname`.
        let words = unsafe { ffi::host_comm().cast::<[[u8; 8]; 2]>() };
        // SAFETY: as for `execname`; each word may be torn.
        [0, 1].map(|n| unsafe { (&raw const (*words)[n]).read_volatile() }).map(u64::from_ne_bytes)
    }

    fn exec_args(&self, out: &mut [u8]) -> usize {
        // SAFETY: the current task is alive.
        let mm = unsafe { ffi::host_mm_of(self.curthread() as *const c_void) };
        if mm.is_null() {
            return 0;
        }
        // SAFETY: the memory of the current task, which only the task itself can give up.
        let (from, to) = unsafe { (ffi::host_mm_arg_start(mm), ffi::host_mm_arg_end(mm)) };
        let len = to.saturating_sub(from).min(out.len() as u64) as usize;
        let out = out.get_mut(..len).unwrap_or_default();
        if self.load_user(from, out).is_ok() { len } else { 0 }
    }

    fn errno(&self, firing: &Firing<'_>) -> i32 {
        frame(firing).and_then(|frame| frame.result).map_or(0, syscall::errno)
    }

    /// As ptrace asks it for somebody without capabilities: every id is the owner's, the process has not been made secret, and it
    /// has no capability either. (What a security module thinks of it is not asked: that may sleep.)
    fn is_owned_by(&self, uid: u32, gid: u32) -> bool {
        let mut ids = [0; 6];
        // SAFETY: the array is live; probe context is an RCU reader, which the credentials need.
        let accessible = unsafe {
            ffi::host_ids(ids.as_mut_ptr());
            ffi::host_is_dumpable() && !ffi::host_has_capabilities()
        };
        accessible && ids == [uid, uid, uid, gid, gid, gid]
    }

    fn ipl(&self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_interrupt_level() }
    }

    fn progeny_of(&self, pid: u32) -> bool {
        let mut task = self.curthread() as *const c_void;
        for _ in 0..ANCESTORS {
            // SAFETY: the current task, or a parent of it, in probe context, which is an RCU reader.
            let (process, thread) = unsafe { (ffi::host_pid_of(task), ffi::host_tid_of(task)) };
            if process == pid {
                return true;
            }
            // The first of all is its own parent.
            if thread == 0 {
                return false;
            }
            // SAFETY: as above.
            task = unsafe { ffi::host_parent_of(task) };
        }
        false
    }

    fn process_key(&self) -> u64 {
        process::current_key()
    }

    fn process_lives(&self, pid: u32, key: u64) -> bool {
        process::lives(pid, key)
    }

    fn watch_processes(&self) -> Result<(), Errno> {
        process::watch()
    }

    fn user_register(&self, _firing: &Firing<'_>, n: u32) -> Option<u64> {
        let mut regs = user_regs()?.user();
        let mut segments = [0; 6];
        // SAFETY: a user task is current, and the array is live.
        unsafe {
            ffi::host_user_segments(segments.as_mut_ptr());
            regs.trapno = ffi::host_user_trap();
        }
        [regs.fs, regs.gs, regs.es, regs.ds, regs.fs_base, regs.gs_base] = segments;
        regs.numbered(n)
    }

    /// The unwinder starts in the shim; what is left out is the driver's own frames, innermost, and where the kernel was
    /// interrupted, those of the interrupt.
    fn stack(&self, firing: &Firing<'_>, skip: u32, out: &mut [u64]) -> usize {
        // SAFETY: no preconditions.
        let cpu = unsafe { ffi::host_this_cpu() } as usize;
        let Some(stack) = self.stacks.get(cpu) else { return 0 };
        // SAFETY: probe context on this CPU; the reference is gone when this returns, and nothing in here calls back.
        let stack = unsafe { &mut *stack.get() };
        // SAFETY: the pointer and length are of a live array.
        let got = unsafe { ffi::host_stack(stack.as_mut_ptr(), DEEPEST as u32) } as usize;
        let frames = stack.get(..got).unwrap_or_default();
        // SAFETY: no preconditions.
        let own = frames.iter().take_while(|&&pc| unsafe { ffi::host_own_text(pc) }).count();
        let interrupted = frame(firing)
            .and_then(|frame| frame.interrupted)
            .and_then(|place| frames.iter().position(|&pc| pc == place));
        let from = interrupted.unwrap_or(own) + skip as usize;
        let frames = frames.get(from..).unwrap_or_default();
        out.iter_mut().zip(frames).map(|(to, from)| *to = *from).count()
    }

    /// By frame pointers from the registers with which the thread entered the kernel.
    fn user_stack(&self, _firing: &Firing<'_>, out: &mut [u64]) -> usize {
        let Some(regs) = user_regs() else { return 0 };
        let regs = regs.user();
        frames::walk(regs.ip, regs.bp, regs.word(), out, |addr, to| self.load_user(addr, to))
    }

    fn load(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        exists(addr)?;
        if let Some(cpu) = cpu_symbol(addr) {
            let cpu = cpu.to_ne_bytes();
            dst.iter_mut().zip(cpu).for_each(|(to, from)| *to = from);
            return Ok(());
        }
        // SAFETY: the destination is a live slice; the source is checked by the kernel's no-fault copy.
        match unsafe { ffi::host_load_kernel(dst.as_mut_ptr().cast(), addr, dst.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    /// A kernel thread has no user memory, though the processor still has that of whoever ran before.
    fn load_user(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        exists(addr)?;
        // SAFETY: no preconditions.
        if !unsafe { ffi::host_has_user_memory() } {
            return Err(BadAddress);
        }
        // SAFETY: as in `load`.
        match unsafe { ffi::host_load_user(dst.as_mut_ptr().cast(), addr, dst.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn store_user(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        exists(addr)?;
        // SAFETY: no preconditions.
        if !unsafe { ffi::host_has_user_memory() } {
            return Err(BadAddress);
        }
        // SAFETY: the source is a live slice; the destination is checked by the kernel's no-fault copy.
        match unsafe { ffi::host_store_user(addr, src.as_ptr().cast(), src.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn d_path(&self, file: u64, out: &mut [u8]) -> Option<usize> {
        path::of_file(file, out)
    }

    fn lock_state(&self, question: LockQuestion, lock: u64) -> Option<Result<u64, BadAddress>> {
        Some(lock::state(question, lock, self.curthread()))
    }

    fn stop(&self) -> bool {
        self.raise(SIGSTOP)
    }

    /// Kernel threads take no signals.
    fn raise(&self, signal: i32) -> bool {
        // SAFETY: no preconditions.
        (1..=SIGNALS).contains(&signal) && unsafe { ffi::host_is_user_task() } && self.signals.send(signal)
    }

    /// By the clock: the kernel's delay loop is only as good as its calibration, which in a guest may be off by half.
    fn chill(&self, ns: u64) {
        let until = self.timestamp().saturating_add(ns);
        while self.timestamp() < until {
            // SAFETY: no preconditions.
            unsafe { ffi::host_relax() }
        }
    }

    /// Without a debugger there is nobody to continue from a breakpoint: the machine would die of it. So nothing is done.
    fn breakpoint(&self) -> bool {
        // SAFETY: no preconditions.
        unsafe { ffi::host_breakpoint() }
    }

    fn panic(&self) -> bool {
        // SAFETY: no preconditions: the machine stops, as the D program asked.
        unsafe { ffi::host_panic() };
        true
    }

    fn ioctl_read(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        // SAFETY: the destination is a live slice; the source is checked by the kernel.
        match unsafe { ffi::host_copy_from_user(dst.as_mut_ptr().cast(), addr, dst.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn ioctl_write(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        // SAFETY: the source is a live slice; the destination is checked by the kernel.
        match unsafe { ffi::host_copy_to_user(addr, src.as_ptr().cast(), src.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn lock(&self) {
        // SAFETY: process context, as the trait demands.
        unsafe { ffi::host_lock() }
    }

    fn spare_memory(&self) -> u64 {
        memory::spare()
    }

    fn lock_unless_killed(&self) -> bool {
        // SAFETY: process context, as the trait demands.
        unsafe { ffi::host_lock_killable() == 0 }
    }

    fn is_killed(&self) -> bool {
        // SAFETY: process context.
        unsafe { ffi::host_killed() }
    }

    fn unlock(&self) {
        // SAFETY: the engine holds the lock.
        unsafe { ffi::host_unlock() }
    }

    fn relax(&self, round: u32) {
        /// So many spins take about as long as a probe at its longest; then sleeping is cheaper.
        const SPINS: u32 = 200;
        // SAFETY: process context, as the trait demands.
        unsafe { if round < SPINS { ffi::host_relax() } else { ffi::host_sleep_us(100) } }
    }

    fn synchronize_hooks(&self) {
        // SAFETY: process context, as the trait demands.
        unsafe { ffi::host_synchronize() }
    }

    fn log(&self, text: fmt::Arguments<'_>) {
        log::line(text);
    }
}

/// Runs the closure that `Linux::move_to_cpu` passed, on the CPU it asked for.
#[unsafe(no_mangle)]
extern "C" fn rs_call(arg: *mut c_void) {
    // SAFETY: `arg` is the address of the `&mut dyn FnMut()` in `move_to_cpu`, which waits for this call to end.
    unsafe { (*arg.cast::<&mut dyn FnMut()>())() }
}

/// A C string that the shim returned, as text; empty for null or for bytes that are not UTF-8.
pub(crate) fn text(ptr: *const core::ffi::c_char) -> &'static str {
    if ptr.is_null() {
        return "";
    }
    // SAFETY: the shim returns literals of the module.
    unsafe { CStr::from_ptr(ptr) }.to_str().unwrap_or("")
}
