//! A fault in a clause, in words. The library's ERROR program records it (contract 2.5).

use dtrace_abi::fault;

use crate::program::ProbeDesc;

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The enabled probe.
    pub epid: u32,
    /// The probe.
    pub probe: ProbeDesc,
    /// The CPU.
    pub cpu: u32,
    /// Which action, from 1; 0 for the predicate.
    pub action: u32,
    /// Where in its DIF, `None` when it was not in DIF.
    pub offset: Option<u32>,
    /// What happened ([`dtrace_abi::fault`]).
    pub fault: u32,
    /// The address, where the fault has one.
    pub address: u64,
}

/// The words for a fault code (`dtrace_faultstr`).
pub fn words(fault: u32) -> &'static str {
    match fault {
        fault::BADADDR => "invalid address",
        fault::BADALIGN => "invalid alignment",
        fault::ILLOP => "illegal operation",
        fault::DIVZERO => "divide-by-zero",
        fault::NOSCRATCH => "out of scratch space",
        fault::KPRIV => "invalid kernel access",
        fault::UPRIV => "invalid user access",
        fault::TUPOFLOW => "tuple stack overflow",
        fault::BADSTACK => "bad stack",
        fault::LIBRARY => "library-level fault",
        _ => "unknown fault",
    }
}

impl Fault {
    /// Which enabled probe it was: the beginning of every message about it.
    pub fn place(&self) -> String {
        let p = &self.probe;
        let name = format!("{}:{}:{}:{}", p.provider, p.module, p.function, p.name);
        format!("error on enabled probe ID {} (ID {}: {name}): ", self.epid, p.id)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.place(), words(self.fault))?;
        if matches!(self.fault, fault::BADADDR | fault::BADALIGN | fault::BADSTACK) {
            write!(f, " (0x{:x})", self.address)?;
        }
        match self.action {
            0 => f.write_str(" in predicate")?,
            n => write!(f, " in action #{n}")?,
        }
        self.offset.map_or(Ok(()), |offset| write!(f, " at DIF offset {offset}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_probe_cause_and_place() {
        let probe =
            ProbeDesc { id: 1, provider: "dtrace".into(), name: "BEGIN".into(), ..ProbeDesc::default() };
        let bad =
            Fault { epid: 1, probe, cpu: 0, action: 1, offset: Some(12), fault: fault::BADADDR, address: 0 };
        assert_eq!(
            bad.to_string(),
            "error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): invalid address (0x0) in action #1 at DIF offset 12"
        );
        let zero = Fault { fault: fault::DIVZERO, action: 2, offset: None, ..bad.clone() };
        assert!(zero.to_string().ends_with("): divide-by-zero in action #2"));
        let predicate = Fault { action: 0, ..bad };
        assert!(predicate.to_string().ends_with("(0x0) in predicate at DIF offset 12"));
    }
}
