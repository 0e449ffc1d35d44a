//! The ioctl numbers (contract 2.1). They are plain integers, three letters and an ordinal, and not made by the kernel's
//! `_IO` macros: whatever a decoder reads into their direction and size bits means nothing.

/// "dtr": the requests of `/dev/dtrace`.
pub const BASE: u32 = 0x6474_7200;
/// A provider's attributes and privileges, by name ([`crate::ProviderDesc`]).
pub const PROVIDER: u32 = BASE | 1;
/// The first probe with this id or a greater one ([`crate::ProbeDesc`]).
pub const PROBES: u32 = BASE | 2;
/// Snapshot of a CPU's principal buffer ([`crate::BufDesc`]).
pub const BUFSNAP: u32 = BASE | 4;
/// The first probe with this id or a greater one that matches ([`crate::ProbeDesc`]).
pub const PROBEMATCH: u32 = BASE | 5;
/// Enable what a DOF image describes, or match retained enablings again when there is none.
pub const ENABLE: u32 = BASE | 6;
/// Snapshot of a CPU's aggregation buffer ([`crate::BufDesc`]).
pub const AGGSNAP: u32 = BASE | 7;
/// The records of an enabled probe id ([`crate::EprobeDesc`]).
pub const EPROBE: u32 = BASE | 8;
/// The types of a probe's argument ([`crate::ArgDesc`]).
pub const PROBEARG: u32 = BASE | 9;
/// What the driver is ([`crate::Conf`]).
pub const CONF: u32 = BASE | 10;
/// Drops, errors and state; feeds the deadman ([`crate::Status`]).
pub const STATUS: u32 = BASE | 11;
/// Start tracing; gives the CPU that ran BEGIN.
pub const GO: u32 = BASE | 12;
/// Stop tracing; gives the CPU that ran END.
pub const STOP: u32 = BASE | 13;
/// The records of an aggregation ([`crate::AggDesc`]).
pub const AGGDESC: u32 = BASE | 15;
/// A format string ([`crate::FmtDesc`]).
pub const FORMAT: u32 = BASE | 16;
/// The options as a DOF image.
pub const DOFGET: u32 = BASE | 17;
/// Duplicate retained enablings for another probe description ([`crate::ReplDesc`]).
pub const REPLICATE: u32 = BASE | 18;

/// "dth": the requests of `/dev/dtrace_helper`.
pub const HELPER_BASE: u32 = 0x6474_6800;
/// Add a helper; the argument is the DOF image itself (the old form).
pub const HELPER_ADD: u32 = HELPER_BASE | 1;
/// Remove the helper of a generation; the argument is the generation, by value.
pub const HELPER_REMOVE: u32 = HELPER_BASE | 2;
/// Add a helper ([`crate::HelperDof`]).
pub const HELPER_ADDDOF: u32 = HELPER_BASE | 3;

/// "mrf": the requests of `/dev/fasttrap`.
pub const FASTTRAP_BASE: u32 = 0x6d72_6600;
/// Make a pid probe ([`crate::FasttrapProbeSpec`]).
pub const FASTTRAP_MAKEPROBE: u32 = FASTTRAP_BASE | 1;
/// The instruction byte that a tracepoint replaced ([`crate::FasttrapInstrQuery`]).
pub const FASTTRAP_GETINSTR: u32 = FASTTRAP_BASE | 2;

/// "ctl": the requests of `/dev/dtrace_ctl`.
pub const CTL_BASE: u32 = 0x6374_6c00;
/// Read another process's memory ([`crate::CtlMem`]).
pub const CTL_RDMEM: u32 = CTL_BASE | 1;
/// Write another process's memory ([`crate::CtlMem`]).
pub const CTL_WRMEM: u32 = CTL_BASE | 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        assert_eq!(BASE.to_be_bytes(), *b"dtr\0");
        assert_eq!(HELPER_BASE.to_be_bytes(), *b"dth\0");
        assert_eq!(FASTTRAP_BASE.to_be_bytes(), *b"mrf\0");
        assert_eq!(CTL_BASE.to_be_bytes(), *b"ctl\0");
        assert_eq!(CONF, 0x6474_720a);
        assert_eq!(AGGDESC, 0x6474_720f);
        assert_eq!(REPLICATE, 0x6474_7212);
    }
}
