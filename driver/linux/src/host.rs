//! The engine's host: Linux, through the shim.
//!
//! Probe context is "interrupts off on this CPU", which is an RCU reader too: hooks are taken away by the kernel's own
//! unregister functions, which wait for a grace period, before the engine frees what they use.
//!
//! A hook may run where RCU does not watch or inside an NMI; the providers refuse to fire there (see `may_fire`).

use crate::ffi;
use crate::log;
use crate::regs::{Frame, PtRegs};
use core::ffi::{CStr, c_void};
use core::fmt;
use dtrace_engine::host::EXECNAME_SIZE;
use dtrace_engine::{BadAddress, Firing, Host};

/// The largest errno a system call returns as `-errno`.
const MAX_ERRNO: i64 = 4095;

/// The machine under the driver.
pub(crate) struct Linux {
    cpus: usize,
}

impl Linux {
    /// The machine as it is now. Process context.
    pub(crate) fn new() -> Self {
        // SAFETY: no preconditions.
        Linux { cpus: unsafe { ffi::host_cpu_ids() } as usize }
    }
}

/// Whether a probe may fire here: RCU watches, and this is no NMI (which could have interrupted a probe anywhere).
pub(crate) fn may_fire() -> bool {
    // SAFETY: no preconditions.
    unsafe { !ffi::host_in_nmi() && ffi::host_rcu_watching() }
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

impl Host for Linux {
    type Saved = u64;

    fn cpus(&self) -> usize {
        self.cpus
    }

    fn cpu_present(&self, cpu: usize) -> bool {
        // SAFETY: no preconditions; the shim checks the range.
        unsafe { ffi::host_cpu_possible(cpu as u32) }
    }

    fn enter(&self) -> (usize, u64) {
        let mut flags = 0;
        // SAFETY: `flags` is a live u64.
        let cpu = unsafe { ffi::host_enter(&raw mut flags) };
        (cpu as usize, flags)
    }

    fn leave(&self, _cpu: usize, saved: u64) {
        // SAFETY: `saved` is what the matching `enter` returned.
        unsafe { ffi::host_leave(saved) }
    }

    fn on_cpu(&self, cpu: usize, f: &mut dyn FnMut()) -> bool {
        let mut call: &mut dyn FnMut() = f;
        // SAFETY: `host_call_on` waits, so the closure outlives the call; `rs_call` is its only user.
        unsafe { ffi::host_call_on(cpu as u32, (&raw mut call).cast()) == 0 }
    }

    fn timestamp(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_timestamp() }
    }

    fn walltimestamp(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_walltime() }
    }

    fn vtimestamp(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_task_runtime() }
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

    fn errno(&self, firing: &Firing<'_>) -> i32 {
        match frame(firing).and_then(|frame| frame.result) {
            Some(result) if (-MAX_ERRNO..0).contains(&result) => -result as i32,
            _ => 0,
        }
    }

    fn ipl(&self) -> u32 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_interrupt_level() }
    }

    fn progeny_of(&self, pid: u32) -> bool {
        // SAFETY: no preconditions; probe context is an RCU reader, which the walk needs.
        unsafe { ffi::host_progeny_of(pid) }
    }

    fn user_register(&self, _firing: &Firing<'_>, n: u32) -> Option<u64> {
        user_regs()?.numbered(n)
    }

    /// The unwinder starts in the shim; the driver's own frames, innermost, are left out.
    fn stack(&self, _firing: &Firing<'_>, skip: u32, out: &mut [u64]) -> usize {
        // SAFETY: the pointer and length are of a live slice.
        let got = unsafe { ffi::host_stack(out.as_mut_ptr(), out.len() as u32) } as usize;
        let got = got.min(out.len());
        // SAFETY: no preconditions.
        let own = out.iter().take(got).take_while(|&&pc| unsafe { ffi::host_own_text(pc) }).count();
        let from = (own + skip as usize).min(got);
        out.copy_within(from..got, 0);
        got - from
    }

    /// By frame pointers from the registers with which the thread entered the kernel.
    fn user_stack(&self, _firing: &Firing<'_>, out: &mut [u64]) -> usize {
        let Some(regs) = user_regs() else { return 0 };
        let (mut pc, mut fp) = (regs.ip, regs.bp);
        let mut len = 0;
        for slot in out.iter_mut() {
            *slot = pc;
            len += 1;
            let mut saved = [0u8; 16];
            if fp == 0 || self.load_user(fp, &mut saved).is_err() {
                break;
            }
            let saved = u128::from_le_bytes(saved);
            let (next, ret) = (saved as u64, (saved >> 64) as u64);
            // Frames lie towards higher addresses; anything else is no frame chain.
            if next <= fp || ret == 0 {
                break;
            }
            (fp, pc) = (next, ret);
        }
        len
    }

    fn load(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        // SAFETY: the destination is a live slice; the source is checked by the kernel's no-fault copy.
        match unsafe { ffi::host_load_kernel(dst.as_mut_ptr().cast(), addr, dst.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn load_user(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        // SAFETY: as in `load`.
        match unsafe { ffi::host_load_user(dst.as_mut_ptr().cast(), addr, dst.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn store_user(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        // SAFETY: the source is a live slice; the destination is checked by the kernel's no-fault copy.
        match unsafe { ffi::host_store_user(addr, src.as_ptr().cast(), src.len()) } {
            0 => Ok(()),
            _ => Err(BadAddress),
        }
    }

    fn chill(&self, ns: u64) {
        // SAFETY: no preconditions.
        unsafe { ffi::host_chill(ns) }
    }

    fn breakpoint(&self) {
        // SAFETY: no preconditions: a trap into whatever debugger the kernel has.
        unsafe { ffi::host_breakpoint() }
    }

    fn panic(&self) {
        // SAFETY: no preconditions: the machine stops, as the D program asked.
        unsafe { ffi::host_panic() }
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

/// Runs the closure that `Linux::on_cpu` passed, on the CPU it asked for.
#[unsafe(no_mangle)]
extern "C" fn rs_call(arg: *mut c_void) {
    // SAFETY: `arg` is the address of the `&mut dyn FnMut()` in `on_cpu`, which waits for this call to end.
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
