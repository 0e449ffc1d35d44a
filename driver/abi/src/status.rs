//! The counters of a consumer state (contract 2.2).

/// What a consumer state has dropped, and whether it still lives.
///
/// cbindgen:field-names=[dtst_dyndrops, dtst_dyndrops_rinsing, dtst_dyndrops_dirty, dtst_specdrops, dtst_specdrops_busy, dtst_specdrops_unavail, dtst_errors, dtst_filled, dtst_stkstroverflows, dtst_dblerrors, dtst_killed, dtst_exiting, dtst_pad]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Dynamic variables dropped: no memory.
    pub dyndrops: u64,
    /// Dynamic variables dropped: the free ones were rinsing.
    pub dyndrops_rinsing: u64,
    /// Dynamic variables dropped: the free ones were dirty.
    pub dyndrops_dirty: u64,
    /// Speculations dropped: no room.
    pub specdrops: u64,
    /// Speculations refused: all busy being committed or discarded.
    pub specdrops_busy: u64,
    /// Speculations refused: all in use.
    pub specdrops_unavail: u64,
    /// Faults.
    pub errors: u64,
    /// Buffers with the fill policy that are full.
    pub filled: u64,
    /// Helper strings that did not fit into a stack's record.
    pub stkstroverflows: u64,
    /// Faults in dtrace:::ERROR itself.
    pub dblerrors: u64,
    /// 1 when the deadman has killed the state.
    pub killed: u8,
    /// 1 when the program has called `exit`.
    pub exiting: u8,
    /// Zero.
    pub pad: [u8; 6],
}
layout!(Status 88 {
    dyndrops 0:8 dyndrops_rinsing 8:8 dyndrops_dirty 16:8 specdrops 24:8 specdrops_busy 32:8
    specdrops_unavail 40:8 errors 48:8 filled 56:8 stkstroverflows 64:8 dblerrors 72:8 killed 80:1 exiting 81:1
    pad 82:6
});
