//! The data: BUFSNAP and AGGSNAP.
//!
//! Of a buffer that is switched, the consumer gets the half that was written so far: the other half becomes the active
//! one, and the half is read once its CPU has left the probe it may have been in ([`crate::exchange`]). No interrupt is
//! sent, and no other CPU is waited for. A ring or fill buffer is read when its consumer has stopped, and once.
//!
//! What is copied out is the buffer itself. The control mutex is not held meanwhile; whoever wants another snapshot of the
//! same consumer, or to close it, waits ([`Reading`]).

use dtrace_abi::BufDesc;

use super::Request;
use crate::aggregation::Table;
use crate::buffer::{Area, Counts, Policy};
use crate::control::Dtrace;
use crate::errno::Errno;
use crate::exchange::{Exchangeable, Settled};
use crate::host::Host;
use crate::state::{Activity, Buffers, State};

/// What a snapshot copies out.
trait Contents {
    fn data(&self) -> &[u8];
    fn counts(&self) -> Counts;
    fn oldest(&self) -> usize;
}

impl Contents for Area {
    fn data(&self) -> &[u8] {
        self.data()
    }
    fn counts(&self) -> Counts {
        self.counts()
    }
    fn oldest(&self) -> usize {
        self.oldest()
    }
}

impl Contents for Table {
    fn data(&self) -> &[u8] {
        self.data()
    }
    fn counts(&self) -> Counts {
        self.counts()
    }
    fn oldest(&self) -> usize {
        0
    }
}

/// The mark on a consumer that a snapshot of it is being copied out: there is one at a time, and the consumer is not closed.
struct Reading<'a, H: Host> {
    dtrace: &'a Dtrace<H>,
    consumer: u64,
}

impl<H: Host> Drop for Reading<'_, H> {
    fn drop(&mut self) {
        if let Ok(session) = self.dtrace.control().session(self.consumer) {
            session.is_read = false;
        }
    }
}

/// What a snapshot copies out, without the control mutex.
struct Taken<'a, H: Host, T: Exchangeable> {
    // The order is that in which they are dropped.
    contents: Settled<'a, T>,
    _reading: Reading<'a, H>,
}

impl<H: Host> Dtrace<H> {
    /// Returns after the CPU has left the probe it is in.
    fn wait_for(&self, cpu: u32) {
        if let Some(cpu) = self.cpus.get(cpu as usize) {
            self.host.fence_cpus();
            cpu.counter.wait(|round| self.host.relax(round));
        }
    }
}

impl<'a, H: Host> Request<'a, H> {
    #[inline(never)]
    pub(super) fn buffer_snapshot(&mut self) -> Result<i32, Errno> {
        let desc: BufDesc = self.read()?;
        let dtrace = self.dtrace;
        let taken = self.take(desc.cpu, |state, buffers| {
            let principal = &buffers.principal;
            match principal.policy() {
                Policy::Switch => {
                    // SAFETY: snapshots take turns, and what this gives is dropped before the next one's.
                    let retired = unsafe { principal.exchange() };
                    dtrace.wait_for(desc.cpu);
                    // SAFETY: the CPU has been outside of any probe since.
                    Ok(unsafe { retired.settled() })
                }
                Policy::Ring | Policy::Fill if state.activity() != Activity::Stopped => Err(Errno::EBUSY),
                // SAFETY: STOP has waited for all probes, and no other will use a stopped consumer's buffers.
                Policy::Ring | Policy::Fill => Ok(unsafe { principal.stopped() }),
            }
        })?;
        self.answer(desc, &taken)
    }

    #[inline(never)]
    pub(super) fn aggregation_snapshot(&mut self) -> Result<i32, Errno> {
        let desc: BufDesc = self.read()?;
        let dtrace = self.dtrace;
        let taken = self.take(desc.cpu, |_, buffers| {
            // SAFETY: snapshots take turns, and what this gives is dropped before the next one's.
            let retired = unsafe { buffers.aggregation.exchange() };
            dtrace.wait_for(desc.cpu);
            // SAFETY: the CPU has been outside of any probe since.
            Ok(unsafe { retired.settled() })
        })?;
        self.answer(desc, &taken)
    }

    /// What `take` takes of the buffers on a CPU, with the control mutex held and once no other snapshot of the consumer is
    /// being copied out. EINVAL if there can be no such CPU, ENOENT if there are no buffers on it, EINTR.
    fn take<T: Exchangeable + 'a>(
        &mut self,
        cpu: u32,
        take: impl FnOnce(&'a State, &'a Buffers) -> Result<Settled<'a, T>, Errno>,
    ) -> Result<Taken<'a, H, T>, Errno> {
        let (dtrace, consumer) = (self.dtrace, self.consumer);
        let mut round = 0;
        loop {
            let mut control = self.control()?;
            let session = control.session(consumer)?;
            if !session.is_read {
                if cpu as usize >= dtrace.cpus.len() {
                    return Err(Errno::EINVAL);
                }
                // SAFETY: a consumer's state and buffers are where they are from GO to its close, which waits for the mark
                // to go. Without a mark the references are gone when this returns.
                let state = unsafe { session.state_address().as_ref() };
                // SAFETY: control path.
                let buffers = unsafe { state.run() }.buffers_of(cpu as usize);
                let contents = take(state, buffers.ok_or(Errno::ENOENT)?)?;
                session.is_read = true;
                return Ok(Taken { contents, _reading: Reading { dtrace, consumer } });
            }
            drop(control);
            if dtrace.host.is_killed() {
                return Err(Errno::EINTR);
            }
            dtrace.host.relax(round);
            round = round.saturating_add(1);
        }
    }

    /// Copies out the data, then the description.
    fn answer<T: Exchangeable + Contents>(
        &self,
        desc: BufDesc,
        taken: &Taken<'_, H, T>,
    ) -> Result<i32, Errno> {
        let Counts { drops, errors } = taken.contents.counts();
        let data = taken.contents.data();
        if !data.is_empty() {
            self.dtrace.host.ioctl_write(self.model.address(desc.data), data)?;
        }
        let (size, oldest) = (data.len() as u64, taken.contents.oldest() as u64);
        self.write(&BufDesc { size, errors, drops, oldest, ..desc })?;
        Ok(0)
    }
}
