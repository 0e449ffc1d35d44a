//! The data: BUFSNAP and AGGSNAP.
//!
//! Of a buffer that is switched, the consumer gets the half that was written so far: the other half becomes the active
//! one, and the half is read once its CPU has left the probe it may have been in ([`crate::exchange`]). No interrupt is
//! sent, and no other CPU is waited for. A ring or fill buffer is read when its consumer has stopped, and once.

use core::ops::Deref;

use dtrace_abi::BufDesc;

use super::Request;
use crate::aggregation::Table;
use crate::buffer::{Area, Counts, Policy};
use crate::errno::Errno;
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

impl<H: Host> Request<'_, H> {
    pub(super) fn buffer_snapshot(&mut self) -> Result<i32, Errno> {
        let desc: BufDesc = self.read()?;
        let (state, buffers) = self.buffers(&desc)?;
        let principal = &buffers.principal;
        match principal.policy() {
            Policy::Switch => {
                // SAFETY: the control mutex makes consumers take turns, and what this gives is dropped below.
                let retired = unsafe { principal.exchange() };
                self.wait_for(desc.cpu);
                // SAFETY: the CPU has been outside of any probe since.
                self.answer(desc, unsafe { retired.settled() })
            }
            Policy::Ring | Policy::Fill => {
                if state.activity() != Activity::Stopped {
                    return Err(Errno::EBUSY);
                }
                // SAFETY: STOP has waited for all probes, and no other will use a stopped consumer's buffers.
                self.answer(desc, unsafe { principal.stopped() })
            }
        }
    }

    pub(super) fn aggregation_snapshot(&mut self) -> Result<i32, Errno> {
        let desc: BufDesc = self.read()?;
        let (_, buffers) = self.buffers(&desc)?;
        // SAFETY: the control mutex makes consumers take turns, and what this gives is dropped below.
        let retired = unsafe { buffers.aggregation.exchange() };
        self.wait_for(desc.cpu);
        // SAFETY: the CPU has been outside of any probe since.
        self.answer(desc, unsafe { retired.settled() })
    }

    /// The buffers on a CPU: EINVAL if there can be no such CPU, ENOENT if there are none on it.
    fn buffers(&self, desc: &BufDesc) -> Result<(&State, &Buffers), Errno> {
        let session = self.control.sessions.iter().find(|s| s.id == self.consumer).ok_or(Errno::EBADF)?;
        let cpu = desc.cpu as usize;
        if cpu >= self.dtrace.cpus.len() {
            return Err(Errno::EINVAL);
        }
        let state = session.state();
        // SAFETY: control path.
        let buffers = unsafe { state.run() }.buffers.get(cpu).and_then(Option::as_ref);
        Ok((state, buffers.ok_or(Errno::ENOENT)?))
    }

    /// Returns after the CPU has left the probe it is in.
    fn wait_for(&self, cpu: u32) {
        if let Some(cpu) = self.dtrace.cpus.get(cpu as usize) {
            self.dtrace.host.fence_cpus();
            cpu.counter.wait(|round| self.dtrace.host.relax(round));
        }
    }

    /// Copies out the data, then the description.
    fn answer(&self, desc: BufDesc, contents: impl Deref<Target = impl Contents>) -> Result<i32, Errno> {
        let Counts { drops, errors } = contents.counts();
        let data = contents.data();
        if !data.is_empty() {
            self.dtrace.host.ioctl_write(self.model.address(desc.data), data)?;
        }
        let size = data.len() as u64;
        self.write(&BufDesc { size, errors, drops, oldest: contents.oldest() as u64, ..desc })?;
        Ok(0)
    }
}
