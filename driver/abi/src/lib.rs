//! The ABI between the `dtrace` userland and the driver: every structure that crosses an ioctl or stands in a DOF
//! image, and every number that has a meaning there.
//!
//! One noun a module. Constants carry the field's names without the C prefix, because the module is the prefix:
//! `DTRACEOPT_BUFSIZE` of the C headers is [`option::BUFSIZE`]. The C headers in `include/` are generated from this
//! crate; the `cbindgen:field-names` lines in the documentation of the structures are the C names of their members.
//!
//! What always holds: every structure is [`Plain`]: integers only, no implicit padding, so that any bytes are a valid
//! value and all of its bytes may be shown to anybody. Addresses of user memory are [`UserPtr`], an integer: nothing
//! here dereferences anything. Size and offset of every member are asserted at compile time, beside the structure.
//!
//! The crate allocates nothing and may be used in any context, a firing probe included.
#![no_std]

#[macro_use]
mod layout;

pub mod action;
pub mod agg;
pub mod buffer;
pub mod class;
pub mod conf;
pub mod ctl;
pub mod desc;
pub mod dif;
pub mod dof;
pub mod fasttrap;
pub mod fault;
pub mod helper;
pub mod ioctl;
pub mod limit;
pub mod name;
pub mod option;
mod plain;
pub mod privilege;
pub mod record;
pub mod stability;
pub mod status;

pub use buffer::BufDesc;
pub use conf::Conf;
pub use ctl::CtlMem;
pub use desc::{ArgDesc, Attribute, PAttr, PPriv, ProbeDesc, ProviderDesc, ReplDesc};
pub use dif::{DifKind, DifType, DifVar, Instr, Scope};
pub use dof::{
    DofActDesc, DofDifoHdr, DofEcbDesc, DofHdr, DofOptDesc, DofProbe, DofProbeDesc, DofProvider, DofReloDesc,
    DofReloHdr, DofSec, DofXlMember, DofXlRef, DofXlator,
};
pub use fasttrap::{FasttrapInstrQuery, FasttrapProbeSpec};
pub use helper::HelperDof;
pub use layout::{Field, Layout};
pub use name::{name_bytes, set_name};
pub use plain::Plain;
pub use record::{AggDesc, EprobeDesc, FmtDesc, RecDesc};
pub use status::Status;

/// An address in the memory of the process that made the call: an integer until somebody has checked it. In C it is a
/// pointer, with its other half after it where pointers have 32 bits (`DTRACE_PTR` of `sys/dtrace_macros.h`).
pub type UserPtr = u64;
