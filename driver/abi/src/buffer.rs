//! The snapshot of a buffer (contract 2.2, 2.6).

use crate::UserPtr;

/// Every CPU, as the value of the `cpu` option.
pub const CPUALL: i64 = -1;

/// A CPU's buffer: which, where to copy it, and what was in it.
///
/// cbindgen:field-names=[dtbd_size, dtbd_cpu, dtbd_errors, dtbd_drops, (dtbd_data), dtbd_oldest]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufDesc {
    /// Bytes copied. On the way in it is whatever the caller had there last, and no capacity.
    pub size: u64,
    /// The CPU.
    pub cpu: u32,
    /// Records given up because of a fault.
    pub errors: u32,
    /// Records given up for want of room.
    pub drops: u64,
    /// Where to copy the data.
    pub data: UserPtr,
    /// The offset of the oldest record, where the buffer is a ring.
    pub oldest: u64,
}
layout!(BufDesc 40 { size 0:8 cpu 8:4 errors 12:4 drops 16:8 data 24:8 oldest 32:8 });
