//! The engine's host: this process, and the processes it traces.
//!
//! Probe context is a CPU slot (`slot`). The current thread is the traced one where the firing is about one (`current`).
//! Kernel memory, to a D program, is this process's own: `curthread` is an opaque number and nothing else points there.
//! User memory is the traced process's, or this one's where the firing is about no other.

use crate::current::{self, Here, Traced};
use crate::hook;
use crate::memory::Memory;
use crate::slot::{self, Entered, Slots};
use dtrace_engine::host::EXECNAME_SIZE;
use dtrace_engine::{BadAddress, Firing, Host, frames, syscall};
use std::cell::UnsafeCell;
use std::fmt;
use std::ptr;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// This process as the engine's machine.
#[derive(Debug)]
pub struct Process {
    slots: Slots,
    control: ControlLock,
    own: Memory,
    pid: u32,
}

impl Process {
    /// The machine with as many CPUs as this one has configured.
    pub(crate) fn new() -> Self {
        // SAFETY: no preconditions.
        let cpus = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
        Self::with_cpus(usize::try_from(cpus).unwrap_or(1).max(1))
    }

    /// A machine with this many CPUs, which threads play that are bound to them (see [`crate::bind`]).
    #[must_use]
    pub fn with_cpus(cpus: usize) -> Self {
        Process {
            slots: Slots::new(cpus),
            control: ControlLock::new(),
            own: Memory::own(),
            pid: std::process::id(),
        }
    }

    /// The memory that a D program calls user memory.
    fn user(&self) -> Memory {
        Traced::current().map_or(self.own, |traced| Memory::of(traced.pid))
    }
}

#[inline]
fn clock(id: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the address is of a live timespec.
    unsafe { libc::clock_gettime(id, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl Host for Process {
    type Saved = Entered;

    #[inline]
    fn cpus(&self) -> usize {
        self.slots.len()
    }

    fn cpu_present(&self, cpu: usize) -> bool {
        cpu < self.slots.len()
    }

    #[inline]
    fn enter(&self) -> (usize, Entered) {
        self.slots.enter()
    }

    /// Only what fences has slots of one thread's own.
    const ENTERS_AT_ONCE_UNFENCED: bool = true;

    #[inline(always)]
    fn enter_at_once(&self) -> Option<(usize, Entered)> {
        self.slots.enter_own()
    }

    #[inline]
    fn leave(&self, _cpu: usize, entered: Entered) {
        self.slots.leave(entered);
    }

    #[inline]
    fn fences_remotely(&self) -> bool {
        self.slots.fences()
    }

    fn fence_cpus(&self) {
        if self.slots.fences() {
            slot::fence_threads();
        }
    }

    fn on_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        self.slots.on(cpu, f)
    }

    #[inline]
    fn timestamp(&self) -> u64 {
        clock(libc::CLOCK_MONOTONIC)
    }

    fn walltimestamp(&self) -> u64 {
        clock(libc::CLOCK_REALTIME)
    }

    fn vtimestamp(&self) -> u64 {
        match Traced::current() {
            Some(traced) => current::runtime(traced.tid),
            None => clock(libc::CLOCK_THREAD_CPUTIME_ID),
        }
    }

    #[inline]
    fn pid(&self) -> u32 {
        Traced::current().map_or(self.pid, |traced| traced.pid)
    }

    #[inline]
    fn tid(&self) -> u32 {
        Here::with(Here::tid)
    }

    fn ppid(&self) -> u32 {
        current::status(self.tid(), "PPid").unwrap_or(0)
    }

    fn uid(&self) -> u32 {
        current::status(self.tid(), "Uid").unwrap_or(0)
    }

    fn gid(&self) -> u32 {
        current::status(self.tid(), "Gid").unwrap_or(0)
    }

    fn curthread(&self) -> u64 {
        self.thread_key()
    }

    #[inline]
    fn thread_key(&self) -> u64 {
        Here::with(Here::key)
    }

    #[inline]
    fn execname(&self, out: &mut [u8; EXECNAME_SIZE]) {
        *out = Here::with(Here::name);
    }

    #[inline]
    fn execname_words(&self) -> [u64; 2] {
        // SAFETY: it is this thread's, which lives.
        let name = unsafe { &*Here::with(ptr::from_ref) }.name();
        let (words, _) = name.as_chunks::<8>();
        [words[0], words[1]].map(u64::from_ne_bytes)
    }

    /// Known of the thread that fired last on this one: a tracer's thread stands for many in turn, and forgets.
    #[inline]
    fn is_known_false(&self, predicate: u64) -> bool {
        Here::with(|here| here.is_known_false(predicate))
    }

    #[inline]
    fn note_false(&self, predicate: u64) {
        Here::with(|here| here.note_false(predicate));
    }

    fn exec_args(&self, out: &mut [u8]) -> usize {
        let args = current::arguments(Traced::current().map(|traced| traced.pid));
        let len = args.len().min(out.len());
        out[..len].copy_from_slice(&args[..len]);
        len
    }

    fn errno(&self, _firing: &Firing<'_>) -> i32 {
        Traced::current().and_then(|traced| traced.result).map_or(0, syscall::errno)
    }

    fn ipl(&self) -> u32 {
        0
    }

    fn progeny_of(&self, pid: u32) -> bool {
        let mut at = self.pid();
        // A process tree has no cycles, but it changes while it is walked.
        for _ in 0..1024 {
            if at == pid {
                return true;
            }
            match current::status(at, "PPid") {
                Some(parent) if parent != 0 => at = parent,
                _ => return false,
            }
        }
        false
    }

    fn user_register(&self, _firing: &Firing<'_>, n: u32) -> Option<u64> {
        Traced::current()?.registers()?.numbered(n)
    }

    /// There is no kernel stack to be seen from here.
    fn stack(&self, _firing: &Firing<'_>, _skip: u32, _out: &mut [u64]) -> usize {
        0
    }

    /// By frame pointers, from the registers in user mode.
    fn user_stack(&self, _firing: &Firing<'_>, out: &mut [u64]) -> usize {
        let Some(regs) = Traced::current().and_then(Traced::registers) else { return 0 };
        frames::walk(regs.ip, regs.bp, regs.word(), out, |addr, to| self.load_user(addr, to))
    }

    fn load(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.own.read(addr, dst)
    }

    fn load_user(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.user().read(addr, dst)
    }

    fn store_user(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        // Writing where the D program says is what the user asked for, in the process that he asked it for; this process's
        // own memory is no such target.
        let traced = Traced::current().ok_or(BadAddress)?;
        // SAFETY: it is another process's memory.
        unsafe { Memory::of(traced.pid).write(addr, src) }
    }

    /// There is no `struct file` here. What a D program can have is the number of a descriptor, so that is what is taken.
    fn d_path(&self, file: u64, out: &mut [u8]) -> Option<usize> {
        let descriptor = u32::try_from(file).ok()?;
        let path = current::descriptor(self.tid(), descriptor)?;
        let len = path.len().min(out.len().checked_sub(1)?);
        out.get_mut(..len)?.copy_from_slice(path.get(..len)?);
        *out.get_mut(len)? = 0;
        Some(len)
    }

    fn stop(&self) -> bool {
        self.raise(libc::SIGSTOP)
    }

    /// Only what is traced is signalled: a probe that is about no traced process is about this one, which traces.
    fn raise(&self, signal: i32) -> bool {
        // SAFETY: no preconditions. The process is one that is traced on the user's behalf.
        Traced::current().is_some_and(|traced| unsafe { libc::kill(traced.pid.cast_signed(), signal) } == 0)
    }

    fn chill(&self, ns: u64) {
        let until = self.timestamp().saturating_add(ns);
        while self.timestamp() < until {
            std::hint::spin_loop();
        }
    }

    fn ioctl_read(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.own.read(addr, dst)
    }

    fn ioctl_write(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        // SAFETY: whoever calls `Device::ioctl` vouches for what the argument points to (its contract).
        unsafe { self.own.write(addr, src) }
    }

    /// What can be had without swapping, less an eighth of all: memory that is not touched is not missed here until it is.
    fn spare_memory(&self) -> u64 {
        let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return u64::MAX };
        let kibibytes = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        };
        match (kibibytes("MemAvailable"), kibibytes("MemTotal")) {
            (Some(available), Some(total)) => available.saturating_sub(total / 8).saturating_mul(1024),
            _ => u64::MAX,
        }
    }

    fn lock(&self) {
        self.control.lock();
    }

    fn unlock(&self) {
        self.control.unlock();
    }

    fn relax(&self, round: u32) {
        match round {
            0..64 => std::hint::spin_loop(),
            64..256 => thread::yield_now(),
            _ => thread::sleep(Duration::from_micros(100)),
        }
    }

    /// The hooks are the threads that fire: timers and the tracer.
    fn synchronize_hooks(&self) {
        hook::synchronize();
    }

    fn log(&self, text: fmt::Arguments<'_>) {
        eprintln!("dtrace: {text}");
    }
}

/// The control mutex in two halves, as the engine wants it.
struct ControlLock {
    mutex: Mutex<()>,
    /// The guard, while the lock is held; belongs to the holder.
    held: UnsafeCell<Option<MutexGuard<'static, ()>>>,
}

// SAFETY: `held` is reached only by the thread that holds the mutex. The guard is dropped by the thread that took it: the
// engine calls lock and unlock in pairs on one thread.
unsafe impl Sync for ControlLock {}
// SAFETY: as for Sync; a lock that is held is never moved, because `Process` is shared then.
unsafe impl Send for ControlLock {}

impl fmt::Debug for ControlLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlLock")
    }
}

impl ControlLock {
    fn new() -> Self {
        ControlLock { mutex: Mutex::new(()), held: UnsafeCell::new(None) }
    }

    fn lock(&self) {
        let guard = self.mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: only the lifetime changes: the guard is dropped by `unlock`, while `self` is still borrowed.
        let guard = unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        // SAFETY: the mutex is held.
        unsafe { *self.held.get() = Some(guard) };
    }

    fn unlock(&self) {
        // SAFETY: the mutex is held by the caller.
        drop(unsafe { (*self.held.get()).take() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_spared_is_less_than_there_is() {
        // SAFETY: no preconditions.
        let (pages, page) =
            unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        let all = u64::try_from(pages * page).unwrap();
        assert!(Process::with_cpus(1).spare_memory() < all);
    }
}
