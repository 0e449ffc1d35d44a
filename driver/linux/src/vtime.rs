//! `vtimestamp`: how long the current thread has run, without the time off the CPU and without the time in probes.
//!
//! The scheduler's own account of a thread is up to date only at ticks and switches, and holds the time in probes. So while
//! some consumer asks for `vtimestamp`, a hook on the scheduler's switch notes for each CPU when its thread came, and how
//! much that thread had run by then:
//!
//! ```text
//!   vtimestamp = what it had run when it came + time since - time in probes since
//! ```
//!
//! What a thread had run is kept, from switch to switch, in a table of fixed size; a thread that is not in it begins with
//! the scheduler's account. Nothing of this costs anything while nobody asks, but one load of a word that does not change.
//!
//! # Who writes what
//!
//! A CPU's own words are touched by that CPU only, with interrupts off. A slot of the table is written by the CPU that its
//! thread is on, or just left, and by whoever needs the slot for another thread: each claims it by a compare-exchange of its
//! key first. Who does not get it loses what it wanted to keep, which makes one thread begin anew with the scheduler's
//! account, and no more.

use crate::driver::engine;
use crate::ffi;
use crate::tracepoint::Tracepoint;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use dtrace_engine::Host;
use dtrace_engine::mem::{OutOfMemory, try_build};

/// Slots of the table, a power of two.
const SLOTS: usize = 8192;
/// In how many slots, from its own on, a thread may be.
const REACH: usize = 8;
/// The key of a slot that is being written.
const CLAIMED: u64 = u64::MAX;

/// What one CPU knows of the thread it runs.
#[repr(align(128))]
struct Cpu {
    /// When the thread came, 0 if that is not known.
    since: AtomicU64,
    /// What it had run by then.
    base: AtomicU64,
    /// Time in probes since.
    probes: AtomicU64,
    /// When the probe that runs began, 0 outside of probes.
    entered: AtomicU64,
}

/// What one thread had run when it left its CPU.
struct Slot {
    key: AtomicU64,
    run: AtomicU64,
}

/// The time of threads.
pub(crate) struct Vtime {
    tracked: AtomicBool,
    /// How many ask for it. Control path.
    wanted: AtomicU32,
    cpus: Vec<Cpu>,
    table: Vec<Slot>,
}

/// A thread that is known by its task: its id over the microseconds at which it began. The idle threads have none.
fn key_of(task: *const c_void) -> Option<u64> {
    // SAFETY: the scheduler passes live tasks.
    let (tid, start) = unsafe { (u64::from(ffi::host_tid_of(task)), ffi::host_start_of(task)) };
    (tid != 0).then_some(tid << 42 | (start >> 10 & ((1 << 42) - 1)))
}

fn set(word: &AtomicU64, value: u64) {
    word.store(value, Ordering::Relaxed);
}

fn get(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

impl Vtime {
    pub(crate) fn new(cpus: usize) -> Result<Self, OutOfMemory> {
        let word = || AtomicU64::new(0);
        let cpu =
            |_| Ok::<_, OutOfMemory>(Cpu { since: word(), base: word(), probes: word(), entered: word() });
        let slot = |_| Ok::<_, OutOfMemory>(Slot { key: word(), run: word() });
        Ok(Vtime {
            tracked: AtomicBool::new(false),
            wanted: AtomicU32::new(0),
            cpus: try_build(cpus, cpu)?,
            table: try_build(SLOTS, slot)?,
        })
    }

    /// Somebody asks for it, or does not any more. Process context, with the control mutex held.
    pub(crate) fn track(&self, wanted: bool) {
        if wanted {
            let first = self.wanted.fetch_add(1, Ordering::Relaxed) == 0;
            // SAFETY: process context, with the control mutex held.
            if first && unsafe { SWITCH.attach() }.is_ok() {
                self.tracked.store(true, Ordering::Release);
            }
            return;
        }
        let last = self.wanted.fetch_sub(1, Ordering::Relaxed) == 1;
        if last && self.tracked.swap(false, Ordering::Relaxed) {
            // SAFETY: process context, with the control mutex held. When it returns, no hook runs.
            unsafe { SWITCH.detach() };
            // What is known is old when the next one asks.
            for cpu in &self.cpus {
                set(&cpu.since, 0);
                set(&cpu.entered, 0);
            }
            for slot in &self.table {
                set(&slot.key, 0);
            }
        }
    }

    /// Whether somebody asks for it.
    #[inline]
    pub(crate) fn is_tracked(&self) -> bool {
        self.tracked.load(Ordering::Relaxed)
    }

    /// A probe begins on a CPU. Whether `leave` is to be called when it ends. Interrupts are off.
    #[inline]
    pub(crate) fn enter(&self, cpu: usize) -> bool {
        self.is_tracked() && self.begin(cpu)
    }

    fn begin(&self, cpu: usize) -> bool {
        let Some(cpu) = self.cpus.get(cpu) else { return false };
        // Within a probe, the time is the outer one's.
        if get(&cpu.entered) != 0 {
            return false;
        }
        // SAFETY: no preconditions.
        set(&cpu.entered, unsafe { ffi::host_timestamp() });
        true
    }

    /// The probe has ended. Interrupts are off.
    pub(crate) fn leave(&self, cpu: usize) {
        let Some(cpu) = self.cpus.get(cpu) else { return };
        let began = get(&cpu.entered);
        set(&cpu.entered, 0);
        if began != 0 {
            // SAFETY: no preconditions.
            let now = unsafe { ffi::host_timestamp() };
            set(&cpu.probes, get(&cpu.probes).wrapping_add(now.saturating_sub(began)));
        }
    }

    /// What the current thread has run. Probe context.
    pub(crate) fn current(&self) -> u64 {
        // SAFETY: no preconditions.
        let (cpu, now) = unsafe { (ffi::host_this_cpu(), ffi::host_timestamp()) };
        // SAFETY: the current task is alive.
        let account = unsafe { ffi::host_runtime_of(ffi::host_task() as *const c_void) };
        let Some(cpu) = self.cpus.get(cpu as usize).filter(|_| self.tracked.load(Ordering::Relaxed)) else {
            return account;
        };
        let now = match get(&cpu.entered) {
            0 => now,
            began => began,
        };
        // The thread was there before anybody asked.
        if get(&cpu.since) == 0 {
            set(&cpu.base, account);
            set(&cpu.probes, 0);
            set(&cpu.since, now);
        }
        cpu.run_until(now)
    }

    /// The scheduler switches a CPU from one thread to another. Interrupts are off.
    fn switch(&self, cpu: usize, now: u64, from: *const c_void, to: *const c_void) {
        let Some(cpu) = self.cpus.get(cpu) else { return };
        if get(&cpu.since) != 0
            && let Some(key) = key_of(from)
        {
            self.keep(key, cpu.run_until(now));
        }
        // SAFETY: the scheduler passes live tasks.
        let account = || unsafe { ffi::host_runtime_of(to) };
        let base = key_of(to).and_then(|key| self.kept(key)).unwrap_or_else(account);
        set(&cpu.base, base);
        set(&cpu.probes, 0);
        set(&cpu.since, now);
    }

    /// The slots in which a thread may be.
    fn slots(&self, key: u64) -> impl Iterator<Item = &Slot> {
        let first = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51) as usize;
        (0..REACH).filter_map(move |n| self.table.get((first + n) % SLOTS))
    }

    fn kept(&self, key: u64) -> Option<u64> {
        let slot = self.slots(key).find(|slot| slot.key.load(Ordering::Acquire) == key)?;
        let run = slot.run.load(Ordering::Acquire);
        (slot.key.load(Ordering::Relaxed) == key).then_some(run)
    }

    fn keep(&self, key: u64, run: u64) {
        let own = self.slots(key).find(|slot| get(&slot.key) == key);
        let free = || self.slots(key).find(|slot| get(&slot.key) == 0);
        // When all are taken, whose place it is depends on how long it has run: no one of them is always the victim.
        let other = || self.slots(key).nth((run >> 10) as usize % REACH);
        let Some(slot) = own.or_else(free).or_else(other) else { return };
        let before = get(&slot.key);
        let claimed = before != CLAIMED
            && slot.key.compare_exchange(before, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if claimed {
            slot.run.store(run, Ordering::Release);
            slot.key.store(key, Ordering::Release);
        }
    }
}

impl Cpu {
    fn run_until(&self, now: u64) -> u64 {
        let on_cpu = now.saturating_sub(get(&self.since)).saturating_sub(get(&self.probes));
        get(&self.base).wrapping_add(on_cpu)
    }
}

// SAFETY: these are the first arguments of sched_switch, whose further ones a callback need not take.
static SWITCH: Tracepoint = unsafe { Tracepoint::new(c"sched_switch", switch as *mut c_void) };

/// The scheduler's switch. Interrupts are off.
extern "C" fn switch(_data: *mut c_void, _preempt: bool, from: *const c_void, to: *const c_void) {
    let host = engine().host();
    // SAFETY: no preconditions.
    let cpu = unsafe { ffi::host_this_cpu() } as usize;
    host.vtime().switch(cpu, host.timestamp(), from, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_had_run_is_kept_by_its_key() {
        let vtime = Vtime::new(1).unwrap();
        assert_eq!(vtime.kept(7), None);
        vtime.keep(7, 100);
        vtime.keep(8, 50);
        vtime.keep(7, 200);
        assert_eq!((vtime.kept(7), vtime.kept(8)), (Some(200), Some(50)));
    }

    #[test]
    fn a_full_neighbourhood_gives_up_one_thread_and_mixes_up_none() {
        let vtime = Vtime::new(1).unwrap();
        for key in 1..100_000u64 {
            vtime.keep(key, key * 3);
        }
        let wrong = (1..100_000u64).filter(|&key| vtime.kept(key).is_some_and(|run| run != key * 3)).count();
        let left = (1..100_000u64).filter(|&key| vtime.kept(key).is_some()).count();
        assert_eq!(wrong, 0);
        assert!(left > SLOTS / 2, "{left}");
        assert_eq!(vtime.kept(99_999), Some(299_997), "the newest is there");
    }

    #[test]
    fn probes_are_not_the_thread_s_time() {
        let cpu = Cpu {
            since: AtomicU64::new(1000),
            base: AtomicU64::new(500),
            probes: AtomicU64::new(30),
            entered: AtomicU64::new(0),
        };
        assert_eq!(cpu.run_until(1100), 570);
    }
}
