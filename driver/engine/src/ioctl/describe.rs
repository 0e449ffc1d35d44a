//! What is there: CONF, PROVIDER, PROBES, PROBEMATCH, PROBEARG.

use dtrace_abi::desc::{ARGNONE, IDNONE};
use dtrace_abi::{ArgDesc, Conf, PPriv, Plain, ProbeDesc, ProviderDesc, conf, dif, name_bytes, set_name};

use super::Request;
use crate::clause::describe;
use crate::control::Control;
use crate::errno::Errno;
use crate::host::Host;
use crate::probe::{Matcher, Probe, ProbeId, without_nul};
use crate::provider::Description;

/// A probe as the ABI describes it.
fn probe_desc<H: Host>(probe: &Probe<H>) -> ProbeDesc {
    let mut desc = ProbeDesc { id: probe.id(), ..ProbeDesc::zeroed() };
    // The names were checked against the sizes of these fields when the probe was created.
    set_name(&mut desc.provider, without_nul(probe.provider_name()));
    set_name(&mut desc.module, without_nul(probe.module()));
    set_name(&mut desc.function, without_nul(probe.function()));
    set_name(&mut desc.name, without_nul(probe.name()));
    desc
}

impl<H: Host> Request<'_, H> {
    #[inline(never)]
    pub(super) fn conf(&mut self) -> Result<i32, Errno> {
        let conf = Conf {
            difversion: dif::VERSION,
            difintregs: dif::DIR_NREGS as u32,
            diftupregs: dif::DTR_NREGS as u32,
            ctfmodel: conf::CTF_MODEL_LP64,
            pad: [0; 8],
        };
        self.write(&conf)?;
        Ok(0)
    }

    #[inline(never)]
    pub(super) fn provider(&mut self) -> Result<i32, Errno> {
        let mut desc: ProviderDesc = self.read()?;
        {
            let control = self.control()?;
            let name = name_bytes(&desc.name);
            let provider = control.providers.iter().find(|p| p.name() == name).ok_or(Errno::ESRCH)?;
            desc.attr = provider.attributes;
            desc.pad = 0;
            desc.privilege = PPriv { flags: provider.privileges.bits(), uid: provider.uid, zoneid: 0 };
        }
        self.write(&desc)?;
        Ok(0)
    }

    /// The strings of the argument are whatever was on the caller's stack, and are not looked at (contract 0).
    #[inline(never)]
    pub(super) fn probes(&mut self) -> Result<i32, Errno> {
        let desc: ProbeDesc = self.read()?;
        let (from, consumer) = (ProbeId::new(desc.id), self.consumer);
        let found = {
            let mut control = self.control()?;
            if from.is_none() {
                control.provide(None, |_| true);
            }
            let Control { probes, sessions, .. } = &*control;
            let session = sessions.iter().find(|s| s.id == consumer).ok_or(Errno::EBADF)?;
            probe_desc(probes.all(from).find(|p| session.sees(p.registered())).ok_or(Errno::ESRCH)?)
        };
        self.write(&found)?;
        Ok(0)
    }

    #[inline(never)]
    pub(super) fn probe_match(&mut self) -> Result<i32, Errno> {
        let desc: ProbeDesc = self.read()?;
        let description = Description { id: IDNONE, ..describe(&desc) };
        let matcher = Matcher::new(&description)?;
        let (from, consumer) = (ProbeId::new(desc.id), self.consumer);
        let found = {
            let mut control = self.control()?;
            if from.is_none() {
                control.provide(Some(&description), |p| matcher.provider_matches(p.name()));
            }
            let Control { probes, sessions, .. } = &*control;
            let session = sessions.iter().find(|s| s.id == consumer).ok_or(Errno::EBADF)?;
            let mut matching = probes.matching(&matcher, from);
            probe_desc(matching.find(|p| session.sees(p.registered())).ok_or(Errno::ESRCH)?)
        };
        self.write(&found)?;
        Ok(0)
    }

    #[inline(never)]
    pub(super) fn probe_arg(&mut self) -> Result<i32, Errno> {
        let asked: ArgDesc = self.read()?;
        let id = ProbeId::new(asked.id).ok_or(Errno::EINVAL)?;
        if asked.ndx == ARGNONE {
            return Err(Errno::EINVAL);
        }
        let mut answer = ArgDesc { id: asked.id, ndx: asked.ndx, mapping: asked.ndx, ..ArgDesc::zeroed() };
        let consumer = self.consumer;
        {
            let control = self.control()?;
            let Control { probes, sessions, .. } = &*control;
            let session = sessions.iter().find(|s| s.id == consumer).ok_or(Errno::EBADF)?;
            let probe = probes.get(id).filter(|p| session.sees(p.registered())).ok_or(Errno::EINVAL)?;
            if !probe.provider().arg_description(probe, &mut answer) {
                answer = ArgDesc { id: asked.id, ndx: ARGNONE, ..ArgDesc::zeroed() };
            }
        }
        self.write(&answer)?;
        Ok(0)
    }
}
