//! What the engine needs of the machine it runs on.
//!
//! [`Host`] is the one seam between the engine and the world. Three implementations exist: the kernel module
//! (`driver/linux`), an ordinary process (`driver/user`), and the mock of the engine's own tests.
//! The engine is generic over it and monomorphised once per host, so that a call here costs no more than the function
//! behind it.
//!
//! # Contexts
//!
//! Every method says in which of three contexts the engine calls it.
//!
//! * **Hook context**: a provider's hook has called [`Dtrace::fire`](crate::Dtrace::fire), and nothing else is known.
//!   Interrupts may be on; the thread may be moved to another CPU.
//! * **Probe context**: between [`Host::enter`] and [`Host::leave`]. Nothing else of the engine runs on this CPU, and
//!   the CPU does not change. What is called here must not allocate, sleep, take a lock that anything outside probe
//!   context holds, write a cache line that other CPUs write, panic, or itself reach a probe other than one that the
//!   engine counts and drops as nested.
//! * **Process context**: an ioctl, open, close, or the housekeeper. May sleep. The engine holds the control mutex
//!   ([`Host::lock`]) around everything it does there.
//!
//! # What always holds
//!
//! * CPU numbers are `0..cpus()`, and `cpus()` never changes. It counts *possible* CPUs, so that hotplug is no event.
//! * Between `enter` and `leave` on CPU *n* no second `enter` returns *n*, except nested on the same stack.

use core::ffi::c_void;
use core::fmt;

use crate::errno::Errno;

/// An address that cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAddress;

/// One firing, as a provider hands it to the engine: the probe's arguments and the machine state behind them.
#[derive(Clone, Copy)]
pub struct Firing<'a> {
    /// arg0, arg1, … as many as are at hand without work. For the ones beyond, the engine asks
    /// [`Provider::arg_value`](crate::Provider::arg_value).
    pub args: &'a [u64],
    /// The interrupted registers, in a form only the host (and the provider) knows, or null.
    pub regs: *const c_void,
    /// Frames between the instrumented place and the engine that `stack()` and `caller` leave out, beside the probe's
    /// own `aframes`.
    pub skip_frames: u32,
}

impl<'a> Firing<'a> {
    /// A firing with these arguments and no registers.
    #[must_use]
    pub const fn new(args: &'a [u64]) -> Self {
        Firing { args, regs: core::ptr::null(), skip_frames: 0 }
    }

    /// A firing with these arguments and the host's register frame.
    #[must_use]
    pub const fn with_regs(args: &'a [u64], regs: *const c_void) -> Self {
        Firing { args, regs, skip_frames: 0 }
    }
}

impl Firing<'_> {
    /// The arguments that are at hand, to be asked for one by one.
    #[inline(always)]
    pub(crate) fn arguments(&self) -> impl Fn(usize) -> u64 {
        |n| self.args.get(n).copied().unwrap_or(0)
    }
}

impl fmt::Debug for Firing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Firing").field("args", &self.args).finish_non_exhaustive()
    }
}

/// The size of a command name with its NUL, as the kernel keeps it.
pub const EXECNAME_SIZE: usize = 16;

/// What D asks about a lock (contract 2.4, subroutines 1 to 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockQuestion {
    /// `mutex_owned()`: whether the current thread holds it.
    Owned,
    /// `mutex_owner()`: the thread that holds it, or 0.
    Owner,
    /// `mutex_type_adaptive()`: whether waiting for it may sleep.
    Adaptive,
    /// `mutex_type_spin()`: whether waiting for it spins with interrupts off.
    Spin,
    /// `rw_read_held()`: whether somebody holds it for reading.
    ReadHeld,
    /// `rw_write_held()`: whether the current thread holds it for writing.
    WriteHeld,
    /// `rw_iswriter()`: whether somebody holds it for writing.
    IsWriter,
}

/// The machine under the engine. See the module's text for the contexts.
pub trait Host: Send + Sync + Sized + 'static {
    /// What [`Host::enter`] must give back to [`Host::leave`]: the interrupt flags, for instance.
    type Saved: Copy;

    // ---------------------------------------------------------------- CPUs and probe context

    /// The number of possible CPUs. Constant. Any context.
    fn cpus(&self) -> usize;

    /// Whether this CPU is there at all. If not, the snapshot ioctls answer ENOENT for it. Process context.
    fn cpu_present(&self, cpu: usize) -> bool;

    /// Whether this CPU runs just now. GO with `-x cpu=N` is refused for one that does not. Process context.
    fn cpu_online(&self, cpu: usize) -> bool {
        self.cpu_present(cpu)
    }

    /// Begins probe context on the CPU the caller is on, which is returned: interrupts off in the kernel, the CPU slot
    /// owned in a process. Never fails, never waits for other CPUs. Hook context, and nested in probe context.
    fn enter(&self) -> (usize, Self::Saved);

    /// Whether those who wait for a CPU that was entered by [`Host::enter_at_once`] always fence ([`Host::fence_cpus`]).
    const ENTERS_AT_ONCE_UNFENCED: bool = false;

    /// As [`Host::enter`], where that can be done without calling anything; None, and nothing is done, elsewhere.
    #[inline(always)]
    fn enter_at_once(&self) -> Option<(usize, Self::Saved)> {
        Some(self.enter())
    }

    /// Whether the time between [`Host::enter`] and [`Host::leave`] is being measured: then nobody may be in a probe otherwise
    /// ([`Dtrace::fire_at_once_on`](crate::Dtrace::fire_at_once_on)). Probe context.
    #[inline]
    fn times_probes(&self) -> bool {
        false
    }

    /// Ends what the `enter` that returned these values began. Probe context.
    fn leave(&self, cpu: usize, saved: Self::Saved);

    /// Whether [`Host::fence_cpus`] fences, so that entering a probe need not. Constant. Probe context.
    #[inline]
    fn fences_remotely(&self) -> bool {
        false
    }

    /// Has every CPU that may be in a probe execute a full fence, if [`Host::fences_remotely`]. Process context, before the
    /// CPUs' counters are looked at (`dtrace_xcall::quiescence`).
    fn fence_cpus(&self) {}

    /// A grace period has found so many CPUs in no probe: for whoever counts. Context of [`Dtrace::synchronize`] and
    /// [`Dtrace::synchronize_here`].
    ///
    /// [`Dtrace::synchronize`]: crate::Dtrace::synchronize
    /// [`Dtrace::synchronize_here`]: crate::Dtrace::synchronize_here
    fn note_grace_period(&self, _idle: u32) {}

    /// How many grace periods are waited for in place of each: more than one is torture, which must change nothing but the time.
    fn grace_periods(&self) -> u32 {
        1
    }

    /// Runs `f` on the given CPU, whatever that CPU is doing, so that `f` can enter probe context there. Returns false, without
    /// having run it, when that CPU cannot run anything now. Process context.
    fn on_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool;

    /// As [`Host::on_cpu`], but it is the calling thread that goes there: what fires within `f` is about the caller and not
    /// about whatever that CPU was doing (BEGIN and END under `-x cpu=N`).
    fn move_to_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        self.on_cpu(cpu, f)
    }

    /// Runs `f`, unless the CPU is online, with the CPU kept offline meanwhile: on it nothing fires, so `f` may touch what
    /// is that CPU's alone. Returns whether `f` was run. Process context.
    fn while_offline(&self, _cpu: usize, _f: &mut dyn FnMut()) -> bool {
        false
    }

    // ---------------------------------------------------------------- clocks, in nanoseconds; any context

    /// The monotonic clock behind `timestamp`.
    fn timestamp(&self) -> u64;

    /// A number that changes every few milliseconds, and for which no clock is read: at most a load. It may stand still for longer when
    /// the machine is busy. Where there is none, it is made of how many probes the CPU has passed. Probe context.
    #[inline(always)]
    fn coarse_time(&self, passed: u64) -> u64 {
        passed / 1024
    }

    /// Nanoseconds since 1970 behind `walltimestamp`.
    fn walltimestamp(&self) -> u64;

    /// CPU time of the current thread, without the time spent in probes. Right only while [`Host::track_vtime`] is in force.
    fn vtimestamp(&self) -> u64;

    /// Somebody will ask for [`Host::vtimestamp`] (`wanted`), or that one does not any more. Calls add up. Process context,
    /// with the control mutex held.
    fn track_vtime(&self, _wanted: bool) {}

    // ---------------------------------------------------------------- the current thread; probe context
    // A host that traces another process (ptrace) answers for the traced thread.

    /// Process id (thread group id), in the initial namespace.
    fn pid(&self) -> u32;
    /// Thread id.
    fn tid(&self) -> u32;
    /// Process id of the parent.
    fn ppid(&self) -> u32;
    /// Real user id.
    fn uid(&self) -> u32;
    /// Real group id.
    fn gid(&self) -> u32;
    /// `curthread`: the address of the task structure, or an opaque value where there is none.
    fn curthread(&self) -> u64;
    /// Identity of the thread for thread-local variables: never 0, unique among live threads, and not used again soon
    /// after a thread ends (a task's address is not good enough).
    fn thread_key(&self) -> u64;
    /// The command name, NUL-padded.
    fn execname(&self, out: &mut [u8; EXECNAME_SIZE]);
    /// The same as two words, with whatever bytes follow the NUL.
    #[inline]
    fn execname_words(&self) -> [u64; 2] {
        let mut name = [[0; 8]; 2];
        if let Ok(name) = name.as_flattened_mut().try_into() {
            self.execname(name);
        }
        name.map(u64::from_ne_bytes)
    }
    /// The arguments of the current process as they stand in its memory, each with its NUL, as far as they fit. Returns how
    /// many bytes were written: 0 for a process without arguments, or where they cannot be read.
    fn exec_args(&self, _out: &mut [u8]) -> usize {
        0
    }
    /// The error number of the system call or operation that the firing is about, 0 if none.
    fn errno(&self, firing: &Firing<'_>) -> i32;
    /// Whether the current process is this user's and group's in every respect, so that its owner may look into it and
    /// change it: a program that runs with more rights than whoever started it is not.
    fn is_owned_by(&self, uid: u32, gid: u32) -> bool {
        self.uid() == uid && self.gid() == gid
    }

    /// Interrupt level: 0 for thread context, larger in interrupts.
    fn ipl(&self) -> u32;
    /// Whether `pid` is the current process or one of its ancestors: `progenyof(pid)`.
    fn progeny_of(&self, pid: u32) -> bool;

    /// Whether [`Host::note_false`] was called with this predicate for the current thread, and that has not been forgotten.
    /// Hook context, once per firing of a probe whose only ECB has a cacheable predicate. The numbers of predicates are not
    /// used again, nor by another engine in the same address space. A host without a cheap place for it answers false, and
    /// predicates are then always evaluated. What is known of one thread must never be taken for another's.
    fn is_known_false(&self, _predicate: u64) -> bool {
        false
    }
    /// The predicate is false for the current thread as long as it lives. Probe context.
    fn note_false(&self, _predicate: u64) {}

    // ---------------------------------------------------------------- registers and stacks; probe context

    /// `uregs[n]`: register `n` of the user thread, numbered as contract 2.7 says. None where there is no such
    /// register or no user thread.
    fn user_register(&self, firing: &Firing<'_>, n: u32) -> Option<u64>;

    /// The kernel stack at the firing, innermost frame first, without the first `skip` frames. Returns how many
    /// elements were written. In a process: its own stack or nothing.
    fn stack(&self, firing: &Firing<'_>, skip: u32, out: &mut [u64]) -> usize;

    /// The user stack at the firing, innermost first (the program counter itself is the first). Returns how many
    /// elements were written.
    fn user_stack(&self, firing: &Firing<'_>, out: &mut [u64]) -> usize;

    // ---------------------------------------------------------------- memory; probe context; never faults

    /// Reads kernel memory (in a process: its own). Either all of `dst` is filled or `BadAddress`.
    fn load(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress>;

    /// Reads memory of the current (traced) user process.
    fn load_user(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress>;

    /// Writes memory of the current (traced) user process: `copyout`.
    fn store_user(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress>;

    /// Reads a user string: up to and including its NUL, or until `dst` is full. Returns the number of bytes read. What
    /// is readable before an unreadable page is not lost if the NUL comes before that page.
    fn load_user_str(&self, addr: u64, dst: &mut [u8]) -> Result<usize, BadAddress> {
        load_str_by_pages(addr, dst, |a, d| self.load_user(a, d))
    }

    /// As [`Host::load_user_str`], for kernel memory.
    fn load_str(&self, addr: u64, dst: &mut [u8]) -> Result<usize, BadAddress> {
        load_str_by_pages(addr, dst, |a, d| self.load(a, d))
    }

    /// `d_path()`: the path of a `struct file *`, NUL-terminated into `out`, and its length without the NUL. None
    /// where there is no such thing or the address is no file.
    fn d_path(&self, _file: u64, _out: &mut [u8]) -> Option<usize> {
        None
    }

    // ---------------------------------------------------------------- processes that bring helpers

    /// Identity of the current process: never 0, unique among live processes, and not used again soon after one ends. It
    /// stays the same when the process runs another program. Any context.
    fn process_key(&self) -> u64 {
        u64::from(self.pid())
    }

    /// Whether a process lives: it has not begun to exit. Process context.
    fn process_lives(&self, _pid: u32, _key: u64) -> bool {
        true
    }

    /// From now on the engine is to be told when processes end, run another program or fork
    /// ([`Dtrace::process_ended`](crate::Dtrace::process_ended),
    /// [`Dtrace::process_forked`](crate::Dtrace::process_forked)). Called whenever a process brings a helper. A host whose
    /// processes all share its own life does nothing. Process context.
    fn watch_processes(&self) -> Result<(), Errno> {
        Ok(())
    }

    /// What `mutex_owned()` and its like ask about a lock of the kernel at an address. None where there are no such locks;
    /// an error if the address cannot be read.
    fn lock_state(&self, _question: LockQuestion, _lock: u64) -> Option<Result<u64, BadAddress>> {
        None
    }

    // ---------------------------------------------------------------- destructive actions; probe context
    // Called only for consumers that set `-x destructive` and have the privilege.

    // Each but `chill` says whether it could be done; if not, the clause ends in an illegal operation.

    /// `stop()`: stops the current process when it next returns to user mode.
    fn stop(&self) -> bool {
        false
    }
    /// `raise(signal)`: sends the signal to the current process.
    fn raise(&self, _signal: i32) -> bool {
        false
    }
    /// `chill(ns)`: spins. The engine has applied the limit.
    fn chill(&self, _ns: u64) {}
    /// `breakpoint()`: enters the kernel's debugger, if there is one.
    fn breakpoint(&self) -> bool {
        false
    }
    /// `panic()`: stops the machine, if that is this host's to do.
    fn panic(&self) -> bool {
        false
    }

    // ---------------------------------------------------------------- control path; process context; may sleep

    /// Reads the memory of the process that issued the ioctl.
    fn ioctl_read(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress>;

    /// Writes the memory of the process that issued the ioctl.
    fn ioctl_write(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress>;

    /// How many bytes the machine can spare: what a consumer asks for beyond it is not there.
    fn spare_memory(&self) -> u64 {
        u64::MAX
    }

    /// Whether the caller has been killed: what it waits for it does not want any more.
    fn is_killed(&self) -> bool {
        false
    }

    /// Takes the control mutex. Not recursive.
    fn lock(&self);

    /// As [`Host::lock`]; false, and it is not taken, if the caller is killed while it waits.
    fn lock_unless_killed(&self) -> bool {
        self.lock();
        true
    }

    /// Gives the control mutex back.
    fn unlock(&self);

    /// A moment's wait while another CPU is about to leave a probe: a spin hint, growing to a reschedule as `round`
    /// grows from 0. Called in a loop.
    fn relax(&self, round: u32);

    /// Returns after every hook that was running when it was called has returned: the providers' hooks, not the
    /// engine's probe context. Called once before probes are freed. In the kernel an RCU grace period; nothing where
    /// hooks run on the caller's own thread.
    fn synchronize_hooks(&self);

    /// A line for the log. Any context but probe context.
    fn log(&self, text: fmt::Arguments<'_>);
}

/// The granule of [`load_str_by_pages`]: a string is read up to the next multiple of this at a time, so that a
/// terminated string at the end of a mapping is read although what follows it is not mapped.
const STRING_GRANULE: u64 = 64;

/// Reads a string through `load`, in pieces that do not cross a page.
fn load_str_by_pages(
    addr: u64,
    dst: &mut [u8],
    load: impl Fn(u64, &mut [u8]) -> Result<(), BadAddress>,
) -> Result<usize, BadAddress> {
    let mut at = addr;
    let mut done = 0;
    while let Some(rest) = dst.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let room = (STRING_GRANULE - at % STRING_GRANULE) as usize;
        let take = room.min(rest.len());
        let Some(piece) = rest.get_mut(..take) else { break };
        load(at, piece)?;
        if let Some(nul) = piece.iter().position(|&b| b == 0) {
            return Ok(done + nul + 1);
        }
        done += take;
        at = at.wrapping_add(take as u64);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory in which only `0x1000..0x1000 + bytes.len()` is mapped.
    fn mapped(bytes: &'static [u8]) -> impl Fn(u64, &mut [u8]) -> Result<(), BadAddress> {
        move |addr, dst| {
            let from = addr.checked_sub(0x1000).ok_or(BadAddress)? as usize;
            let src = bytes.get(from..from + dst.len()).ok_or(BadAddress)?;
            dst.copy_from_slice(src);
            Ok(())
        }
    }

    #[test]
    fn a_string_is_read_up_to_and_with_its_nul() {
        let mut memory = [b'x'; 128];
        memory[100] = 0;
        let memory: &'static [u8] = Box::leak(Box::new(memory));
        let mut out = [0xffu8; 256];
        assert_eq!(load_str_by_pages(0x1000, &mut out, mapped(memory)), Ok(101));
        assert_eq!(out[99..101], [b'x', 0][..]);
    }

    #[test]
    fn a_string_that_runs_into_an_unmapped_page_is_a_bad_address() {
        let memory: &'static [u8] = &[b'x'; 64];
        let mut out = [0u8; 256];
        assert_eq!(load_str_by_pages(0x1000, &mut out, mapped(memory)), Err(BadAddress));
    }

    #[test]
    fn a_string_longer_than_the_room_fills_the_room() {
        let memory: &'static [u8] = &[b'x'; 128];
        let mut out = [0u8; 70];
        assert_eq!(load_str_by_pages(0x1000, &mut out, mapped(memory)), Ok(70));
    }
}
