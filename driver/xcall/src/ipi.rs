//! What the mesh needs of the machine: how a CPU gets another one's attention.
//!
//! Three implementations exist: the kernel's (`driver/linux`), threads that play CPUs, with signals for interrupts
//! (tests), and the model checker's.

/// The machine under the mesh.
///
/// Every method may be called in any context in which [`Mesh::call`](crate::Mesh::call) may: with interrupts on or off,
/// in interrupts, with preemption off. None of them sleeps or takes a lock.
pub trait Ipi {
    /// Sees to it that `cpu` calls [`Mesh::interrupted`](crate::Mesh::interrupted) soon after it has interrupts on.
    /// False if it cannot be reached because it is offline.
    ///
    /// The mesh calls this with interrupts off, and again for the same CPU only after that CPU's `interrupted`, or a false.
    fn send(&self, cpu: usize) -> bool;

    /// Sees to it that `cpu` calls [`Mesh::nmi`](crate::Mesh::nmi) soon, interrupts or not.
    fn send_nmi(&self, cpu: usize);

    /// Whether `cpu` runs. One that does not is in no probe and answers nothing.
    fn is_online(&self, cpu: usize) -> bool;

    /// Runs `f` on this CPU with interrupts off (and as they were before, afterwards).
    fn uninterrupted(&self, f: &mut dyn FnMut());

    /// Nanoseconds, for the budgets.
    fn now(&self) -> u64;

    /// A moment's wait.
    fn relax(&self);
}

/// How long a caller waits, in nanoseconds of [`Ipi::now`].
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Until it sends an NMI.
    pub interrupt: u64,
    /// From then on until it gives up.
    pub nmi: u64,
}
