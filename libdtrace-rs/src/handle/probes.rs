//! Probes: which there are, how stable they are, and what arguments they have.

use dtrace_abi::{Attribute as RawAttribute, ProviderDesc, class, name_bytes, stability};

use super::Handle;
use crate::consume::describe::probe_desc;
use crate::d::check::{ProbeArg, Probes};
use crate::device::{Requests, pattern};
use crate::error::{Code, Diagnostic, Error, Result, Tag};
use crate::program::{Attribute, ProbeDesc};

/// What is known of a probe description whose provider is not: nothing is promised.
const UNKNOWN: Attribute =
    Attribute { name: stability::UNSTABLE, data: stability::UNSTABLE, class: class::COMMON };

/// The greatest number of arguments that a probe is asked for.
const MAX_ARGUMENTS: u32 = 32;

/// What can be told about a probe description (`dtrace_probeinfo_t`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeInfo {
    /// The stability of the description.
    pub description: Attribute,
    /// The stability of the arguments.
    pub arguments: Attribute,
    /// The names of the arguments' types.
    pub types: Vec<String>,
}

impl Handle {
    /// Calls `f` for each probe that matches; with no pattern for all. `Err` from `f` ends it. The error
    /// [`Code::NoProbe`] says that there was none.
    pub fn each_probe(
        &self,
        description: Option<&ProbeDesc>,
        mut f: impl FnMut(&ProbeDesc) -> Result<()>,
    ) -> Result<()> {
        let requests = self.requests();
        if let Some(id) = description.map(|d| d.id).filter(|&id| id != 0) {
            return f(&self.probe(id)?);
        }
        let pattern = match description {
            Some(description) => Some(pattern(description).map_err(|_| Code::NoProbe)?),
            None => None,
        };
        let (mut id, mut found) = (0, false);
        loop {
            let answer = match &pattern {
                Some(pattern) => requests.probe_match(pattern, id),
                None => requests.probe_from(id),
            };
            match answer {
                Ok(probe) => {
                    found = true;
                    f(&probe_desc(&probe))?;
                    let Some(next) = probe.id.checked_add(1) else { return Ok(()) };
                    id = next;
                }
                Err(libc::ESRCH | libc::EBADF) => break,
                Err(libc::EINVAL) => return Err(Code::BadProbeGlob.into()),
                Err(errno) => return Err(Error::Sys(errno)),
            }
        }
        if found { Ok(()) } else { Err(Code::NoProbe.into()) }
    }

    /// The probe with this id.
    pub fn probe(&self, id: u32) -> Result<ProbeDesc> {
        match self.requests().probe_from(id) {
            Ok(probe) if probe.id == id && id != 0 => Ok(probe_desc(&probe)),
            _ => Err(Code::BadId.into()),
        }
    }

    /// What can be told about a probe description. [`Code::Unstable`] when it matches several probes that may have
    /// nothing in common, [`Code::NoProbe`] when it matches none.
    pub fn probe_info(&self, description: &ProbeDesc) -> Result<ProbeInfo> {
        info(self.requests(), description).map(|(info, _)| info)
    }
}

/// What a description matches, for the checker.
pub(super) fn matching(requests: Requests<'_>, description: &ProbeDesc) -> Result<Probes> {
    match info(requests, description) {
        Ok((info, args)) => Ok(Probes { count: 1, attribute: Some(info.description), args: Some(args) }),
        Err(Error::Lib(Code::NoProbe)) => Ok(Probes { count: 0, attribute: Some(UNKNOWN), args: None }),
        Err(Error::Lib(Code::Unstable)) => Ok(Probes { count: 2, attribute: Some(UNKNOWN), args: None }),
        Err(error) => Err(error),
    }
}

/// A provider whose name ends in digits is one of a process, which must be there.
pub(super) fn check_process(provider: &str) -> Result<()> {
    let name = provider.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &provider[name.len()..];
    if name.is_empty() || digits.is_empty() {
        return Ok(());
    }
    let fault = |tag, message| Err(Error::Compile(Box::new(Diagnostic::new(tag, message))));
    let Some(pid) = digits.parse::<libc::pid_t>().ok().filter(|&pid| pid != 0) else {
        return fault(Tag::ProcBadpid, format!("'{provider}' does not contain a valid pid"));
    };
    // SAFETY: signal 0 is sent to nobody; the call only says whether there is such a process.
    let gone = unsafe { libc::kill(pid, 0) } != 0
        && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
    if gone { fault(Tag::ProcGrab, format!("failed to grab process {pid}")) } else { Ok(()) }
}

/// A description says which probes it means when it matches one, or when it names provider and probe and the
/// provider promises that the arguments of its probes do not change.
fn info(requests: Requests<'_>, description: &ProbeDesc) -> Result<(ProbeInfo, Vec<ProbeArg>)> {
    let pattern = pattern(description).map_err(|_| Code::NoProbe)?;
    let find = |id: u32| match requests.probe_match(&pattern, id) {
        Ok(probe) => Ok(Some(probe)),
        Err(libc::ESRCH | libc::EBADF) => Ok(None),
        Err(libc::EINVAL) => Err(Error::from(Code::BadProbeGlob)),
        Err(errno) => Err(Error::Sys(errno)),
    };
    let first = if description.id != 0 {
        // An id names one probe; the other parts are empty.
        match requests.probe_from(description.id) {
            Ok(probe) if probe.id == description.id => probe,
            _ => return Err(Code::NoProbe.into()),
        }
    } else {
        find(0)?.ok_or(Code::NoProbe)?
    };
    let several = description.id == 0 && find(first.id.saturating_add(1))?.is_some();
    let named = probe_desc(&first);
    let provider = requests.provider(&named.provider).ok();
    let exact = |part: &str| !part.is_empty() && !part.contains(['*', '?', '[', '\\']);
    if several {
        let promised =
            provider.as_ref().is_some_and(|p: &ProviderDesc| p.attr.args.name >= stability::EVOLVING);
        if !promised || !exact(&description.provider) || !exact(&description.name) {
            return Err(Code::Unstable.into());
        }
    }
    let mut args = Vec::new();
    for index in 0..MAX_ARGUMENTS {
        let Ok(Some(arg)) = requests.probe_argument(first.id, index) else { break };
        let text = |field: &[u8]| String::from_utf8_lossy(name_bytes(field)).into_owned();
        args.push(ProbeArg {
            native: text(&arg.native),
            translated: text(&arg.xlate),
            mapping: u8::try_from(arg.mapping).unwrap_or(0),
        });
    }
    let known = description.id != 0 || exact(&description.provider);
    let (described, arguments) = match provider.filter(|_| known) {
        Some(provider) => {
            let parts = [
                (&description.module, provider.attr.module),
                (&description.function, provider.attr.function),
                (&description.name, provider.attr.name),
            ];
            let described = parts
                .iter()
                .filter(|(part, _)| !part.is_empty())
                .fold(attribute(provider.attr.provider), |least, (_, a)| least.minimum(attribute(*a)));
            (described, attribute(provider.attr.args))
        }
        None => (UNKNOWN, UNKNOWN),
    };
    let types = args.iter().map(|a| if a.translated.is_empty() { &a.native } else { &a.translated }).cloned();
    let info = ProbeInfo { description: described, arguments, types: types.collect() };
    Ok((info, args))
}

fn attribute(raw: RawAttribute) -> Attribute {
    Attribute { name: raw.name, data: raw.data, class: raw.class }
}
