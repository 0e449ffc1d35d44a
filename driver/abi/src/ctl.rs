//! What libproc hands to `/dev/dtrace_ctl` (contract 2.2).
//!
//! The one structure that differs for 32-bit callers: its pointers are plain pointers there, and it is 16 bytes.

use crate::UserPtr;

/// An address in one of the processes: a plain pointer in C.
pub type CtlPtr = UserPtr;
/// What C puts between the members of its own accord, and only with 64-bit pointers.
pub type CtlPad = u32;

/// Memory to move between the caller and another process.
///
/// cbindgen:field-names=[c_pid, (c_pad0), c_src, c_dst, c_len, (c_pad1)]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtlMem {
    /// The other process.
    pub pid: i32,
    /// Zero.
    pub pad0: CtlPad,
    /// From where.
    pub src: CtlPtr,
    /// To where.
    pub dst: CtlPtr,
    /// How many bytes.
    pub len: i32,
    /// Zero.
    pub pad1: CtlPad,
}
layout!(CtlMem 32 { pid 0:4 pad0 4:4 src 8:8 dst 16:8 len 24:4 pad1 28:4 });

/// [`CtlMem`] as a 32-bit caller lays it out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtlMem32 {
    /// The other process.
    pub pid: i32,
    /// From where.
    pub src: u32,
    /// To where.
    pub dst: u32,
    /// How many bytes.
    pub len: i32,
}
layout!(CtlMem32 16 { pid 0:4 src 4:4 dst 8:4 len 12:4 });

impl From<CtlMem32> for CtlMem {
    fn from(mem: CtlMem32) -> Self {
        Self { pid: mem.pid, pad0: 0, src: mem.src.into(), dst: mem.dst.into(), len: mem.len, pad1: 0 }
    }
}
