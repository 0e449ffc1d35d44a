//! Cross-calls on Linux: the mesh of `dtrace-xcall` on the kernel's own interrupts.
//!
//! An interrupt is a call_single_data queued for the target (smp_call_function_single_async), which takes no lock, may be
//! sent with interrupts off, and is run by a CPU on its way offline. An NMI is the APIC driver's; its handler is one of those
//! that the kernel asks at each NMI. No vector, no descriptor and no APIC register is touched.
//!
//! Who uses it: whatever must run on another CPU ([`run_on`]). Grace periods need no call; what they count is kept here,
//! too, because the original has it among the cross-call's counters.

use crate::ffi;
use crate::log;
use crate::place::Place;
use dtrace_engine::errno::Errno;
use dtrace_xcall::{Budget, Call, Ipi, Mesh, Refused, Report, Served, Stats};

/// Interrupts are off for longer than the first only where something is wrong; the second is what a probe may cost at most.
const BUDGET: Budget = Budget { interrupt: 100_000_000, nmi: 1_000_000_000 };

static MESH: Place<Mesh> = Place::new();

/// This machine.
struct Linux;

impl Ipi for Linux {
    fn send(&self, cpu: usize) -> bool {
        // SAFETY: interrupts are off, and the mesh does not send again before the CPU was interrupted.
        unsafe { ffi::host_xcall_send(cpu as u32) == 0 }
    }

    fn send_nmi(&self, cpu: usize) {
        // SAFETY: interrupts are off; the handler is registered as long as the mesh is there.
        unsafe { ffi::host_xcall_send_nmi(cpu as u32) }
    }

    fn is_online(&self, cpu: usize) -> bool {
        // SAFETY: no preconditions; the shim checks the range.
        unsafe { ffi::host_cpu_online(cpu as u32) }
    }

    fn uninterrupted(&self, f: &mut dyn FnMut()) {
        let mut flags = 0;
        // SAFETY: `flags` is a live u64, and is given back as it came.
        unsafe { ffi::host_enter(&raw mut flags) };
        f();
        // SAFETY: as above.
        unsafe { ffi::host_leave(flags) }
    }

    fn now(&self) -> u64 {
        // SAFETY: no preconditions.
        unsafe { ffi::host_timestamp() }
    }

    fn relax(&self) {
        // SAFETY: no preconditions.
        unsafe { ffi::host_relax() }
    }
}

/// Makes the mesh. Process context, nothing else of the driver runs.
#[inline(never)]
pub(crate) fn start() -> Result<(), Errno> {
    // SAFETY: no preconditions.
    let cpus = unsafe { ffi::host_cpu_ids() } as usize;
    // SAFETY: no preconditions; the shim checks the range.
    let possible = |cpu| unsafe { ffi::host_cpu_possible(cpu as u32) };
    MESH.fill(Mesh::new(cpus, possible, BUDGET).ok_or(Errno::ENOMEM)?);
    // SAFETY: process context, and the mesh is there for the handlers.
    if unsafe { ffi::host_xcall_start() } != 0 {
        MESH.empty();
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

/// Takes the mesh away. Process context, nobody calls any more.
pub(crate) fn stop() {
    // An interrupt may be on its way to a CPU that was given up, or was faster than it.
    while MESH.get().is_under_way() {
        // SAFETY: process context.
        unsafe { ffi::host_sleep_us(1_000) };
    }
    // SAFETY: process context. The second waits for interrupt handlers that are still at it.
    unsafe {
        ffi::host_xcall_stop();
        ffi::host_synchronize();
    }
    MESH.empty();
}

/// What was counted so far.
pub(crate) fn stats() -> Stats {
    MESH.get().stats()
}

/// A grace period has found so many CPUs in no probe.
pub(crate) fn skipped(count: u32) {
    // SAFETY: the two belong together.
    unsafe {
        MESH.get().skipped(ffi::host_pin() as usize, u64::from(count));
        ffi::host_unpin();
    }
}

/// Has CPUs run a function.
///
/// # Safety
///
/// As for [`Mesh::call`], but for being on a CPU: any context but NMI and probe context.
pub(crate) unsafe fn call(targets: impl IntoIterator<Item = usize>, call: &Call) -> Result<Report, Refused> {
    // SAFETY: given back below.
    let from = unsafe { ffi::host_pin() } as usize;
    // SAFETY: the caller is pinned to the CPU, and answers for the rest.
    let result = unsafe { MESH.get().call(&Linux, from, targets, call) };
    // SAFETY: as above.
    unsafe { ffi::host_unpin() }
    match result {
        Ok(report) if !report.is_complete() => log::line(format_args!(
            "cross-call from CPU {from}: {} CPUs did not answer, {} are still at it",
            report.revoked, report.orphaned
        )),
        Err(refused) => log::line(format_args!("cross-call from CPU {from}: {refused}")),
        Ok(_) => {}
    }
    result
}

/// Runs `f` on a CPU with interrupts off. False, without having run it, when the CPU is offline or does not answer.
pub(crate) fn run_on(cpu: usize, f: &mut dyn FnMut()) -> bool {
    unsafe fn run(argument: *mut (), _served: Served) {
        // SAFETY: the argument is the reference below, which the call borrows: it is waited for.
        unsafe { (*argument.cast::<&mut dyn FnMut()>())() }
    }
    let mut f: &mut dyn FnMut() = f;
    let request = Call { function: run, argument: (&raw mut f).cast(), nmi: false, borrows: true };
    // SAFETY: process context; there is one target, so `f` is called once; it may not run in an NMI.
    unsafe { call([cpu], &request) }.is_ok_and(|report| report.answered == 1)
}

/// A cross-call's interrupt has come.
#[unsafe(no_mangle)]
extern "C" fn rs_xcall_interrupted(cpu: u32) {
    // SAFETY: interrupt context on that CPU.
    unsafe { MESH.get().interrupted(cpu as usize) }
}

/// An NMI has come, whoever it is for.
#[unsafe(no_mangle)]
extern "C" fn rs_xcall_nmi(cpu: u32) -> bool {
    // SAFETY: NMI context on that CPU.
    unsafe { MESH.get().nmi(cpu as usize) }
}
