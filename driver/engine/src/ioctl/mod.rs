//! The ioctls of `/dev/dtrace` (contract 2.1), with all their copies.
//!
//! One file for each kind of question: [`describe`] (what is there), [`records`] (what a record is made of), [`run`] (go,
//! stop, status, options), [`snapshot`] (the data). A request is read whole, acted on, and written back; user memory is
//! reached only through the host, and an answer that cannot be written is EFAULT. The requests of `/dev/dtrace_helper` are
//! in [`helper`].
//!
//! Process context. A copy may sleep as long as the caller likes (who serves the page may be the caller's own). So what
//! always holds: the control mutex is not held during a copy. It is taken by [`Request::control`], which borrows the request
//! that the copies need.
//!
//! A kernel's stack is small, so what answers a request is not inlined: its structures are on the stack while it is answered,
//! and no other's. (`driver/frames` holds the driver to that.)

mod describe;
mod helper;
mod records;
mod run;
mod snapshot;

use alloc::vec::Vec;

use dtrace_abi::{DofHdr, Plain, ReplDesc, ioctl, limit};

use crate::control::{Consumer, Dtrace, Locked};
use crate::errno::Errno;
use crate::host::Host;
use crate::mem::try_filled;

/// The data model of the caller of an ioctl.
///
/// The structures are laid out alike for both (contract 2.2). But what a 32-bit caller's pointer leaves of its 64 bits is
/// whatever was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Pointers of 64 bits.
    Lp64,
    /// Pointers of 32 bits.
    Ilp32,
}

impl Model {
    /// The address that a caller's pointer means.
    #[must_use]
    pub const fn address(self, pointer: u64) -> u64 {
        match self {
            Model::Lp64 => pointer,
            Model::Ilp32 => pointer & 0xffff_ffff,
        }
    }
}

/// One request of one consumer.
struct Request<'a, H: Host> {
    dtrace: &'a Dtrace<H>,
    consumer: u64,
    /// The argument: an address in the caller's memory.
    arg: u64,
    model: Model,
}

impl<H: Host> Dtrace<H> {
    /// An ioctl on an open `/dev/dtrace`. Returns what the call returns: 0, or for ENABLE the number of probes matched.
    ///
    /// ENOTTY for an unknown command, EBADF for a consumer that is none, EINTR for a caller that is killed while it waits, and
    /// what contract 2.1 lists for each.
    pub fn ioctl(&self, consumer: &Consumer, command: u32, arg: u64) -> Result<i32, Errno> {
        self.ioctl_of(Model::Lp64, consumer, command, arg)
    }

    /// As [`Dtrace::ioctl`], by a caller of this data model.
    pub fn ioctl_of(&self, model: Model, consumer: &Consumer, command: u32, arg: u64) -> Result<i32, Errno> {
        let arg = model.address(arg);
        let mut request = Request { dtrace: self, consumer: consumer.id(), arg, model };
        match command {
            ioctl::CONF => request.conf(),
            ioctl::PROVIDER => request.provider(),
            ioctl::PROBES => request.probes(),
            ioctl::PROBEMATCH => request.probe_match(),
            ioctl::PROBEARG => request.probe_arg(),
            ioctl::ENABLE => request.enable(),
            ioctl::REPLICATE => request.replicate(),
            ioctl::EPROBE => request.eprobe(),
            ioctl::AGGDESC => request.agg_desc(),
            ioctl::FORMAT => request.format(),
            ioctl::GO => request.go(),
            ioctl::STOP => request.stop(),
            ioctl::STATUS => request.status(),
            ioctl::DOFGET => request.dof_get(),
            ioctl::BUFSNAP => request.buffer_snapshot(),
            ioctl::AGGSNAP => request.aggregation_snapshot(),
            _ => Err(Errno::ENOTTY),
        }
    }
}

impl<H: Host> Dtrace<H> {
    /// A copy of the image at an address. E2BIG, EINVAL if it says to be smaller than its header, EFAULT, ENOMEM.
    ///
    /// What is loaded is this copy and nothing else, whatever the caller writes to the original meanwhile.
    fn read_image(&self, at: u64) -> Result<Vec<u8>, Errno> {
        let mut header = DofHdr::zeroed();
        self.host.ioctl_read(at, header.as_bytes_mut())?;
        if header.loadsz >= limit::DOF_MAXSIZE {
            return Err(Errno::E2BIG);
        }
        if header.loadsz < size_of::<DofHdr>() as u64 {
            return Err(Errno::EINVAL);
        }
        let mut image = try_filled(header.loadsz as usize, 0)?;
        self.host.ioctl_read(at, &mut image)?;
        Ok(image)
    }
}

impl<H: Host> Request<'_, H> {
    /// The tables. While they are held, nothing is read or written. EBADF if the consumer is none.
    fn control(&mut self) -> Result<Locked<'_, H>, Errno> {
        let mut control = self.dtrace.control_unless_killed()?;
        self.dtrace.welcome(&mut control, self.consumer)?;
        Ok(control)
    }

    /// The argument, which is a `T`.
    fn read<T: Plain>(&self) -> Result<T, Errno> {
        let mut value = T::zeroed();
        self.dtrace.host.ioctl_read(self.arg, value.as_bytes_mut())?;
        Ok(value)
    }

    /// Answers in the place of the argument.
    fn write<T: Plain>(&self, value: &T) -> Result<(), Errno> {
        self.write_at(0, value.as_bytes())
    }

    /// Answers at an offset from the argument.
    fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<(), Errno> {
        let at = self.arg.checked_add(offset as u64).ok_or(Errno::EFAULT)?;
        Ok(self.dtrace.host.ioctl_write(at, bytes)?)
    }

    #[inline(never)]
    fn enable(&mut self) -> Result<i32, Errno> {
        let (dtrace, consumer) = (self.dtrace, self.consumer);
        if self.arg == 0 {
            dtrace.rematch(&mut *self.control()?);
            return Ok(0);
        }
        let image = dtrace.read_image(self.arg)?;
        dtrace.enable(&mut *self.control()?, consumer, &image)
    }

    #[inline(never)]
    fn replicate(&mut self) -> Result<i32, Errno> {
        let desc: ReplDesc = self.read()?;
        let (dtrace, consumer) = (self.dtrace, self.consumer);
        dtrace.replicate(&mut *self.control()?, consumer, &desc)
    }
}
