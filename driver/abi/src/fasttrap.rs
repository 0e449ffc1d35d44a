//! What libdtrace hands to `/dev/fasttrap` (contract 2.2).

use crate::desc::{FUNCNAMELEN, MODNAMELEN};
use crate::name::Char;

/// No probe.
pub const NONE: u32 = 0;
/// The entry of a function.
pub const ENTRY: u32 = 1;
/// The returns of a function.
pub const RETURN: u32 = 2;
/// Offsets in a function.
pub const OFFSETS: u32 = 3;
/// Offsets in a function, fired after the instruction.
pub const POST_OFFSETS: u32 = 4;
/// A USDT is-enabled probe.
pub const IS_ENABLED: u32 = 5;

/// A pid probe to be made.
///
/// cbindgen:field-names=[ftps_pid, ftps_type, ftps_func, ftps_mod, ftps_pc, ftps_size, ftps_noffs, ftps_offs]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FasttrapProbeSpec {
    /// The process.
    pub pid: i32,
    /// What of the function ([`ENTRY`] and so on).
    pub kind: u32,
    /// The function.
    pub function: [Char; FUNCNAMELEN],
    /// The object that it is in.
    pub module: [Char; MODNAMELEN],
    /// Its address.
    pub pc: u64,
    /// Its size.
    pub size: u64,
    /// How many offsets follow; at least 1.
    pub noffs: u64,
    /// The first of the offsets.
    pub offs: [u64; 1],
}
layout!(FasttrapProbeSpec 232 {
    pid 0:4 kind 4:4 function 8:128 module 136:64 pc 200:8 size 208:8 noffs 216:8 offs 224:8
});

impl FasttrapProbeSpec {
    /// Bytes before the first offset.
    pub const HEADER: usize = core::mem::offset_of!(Self, offs);
}

/// The question for the byte under a tracepoint.
///
/// cbindgen:field-names=[ftiq_pc, ftiq_pid, ftiq_instr, ftiq_pad]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FasttrapInstrQuery {
    /// The address.
    pub pc: u64,
    /// The process.
    pub pid: i32,
    /// The answer.
    pub instr: u8,
    /// Zero.
    pub pad: [u8; 3],
}
layout!(FasttrapInstrQuery 16 { pc 0:8 pid 8:4 instr 12:1 pad 13:3 });
