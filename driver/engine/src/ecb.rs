//! Enabling control blocks: one clause of one consumer on one probe.

use alloc::vec::Vec;
use core::ptr::NonNull;

use crate::host::Host;

/// One clause on one probe.
pub(crate) struct Ecb<H: Host> {
    marker: core::marker::PhantomData<H>,
}

/// What a probe publishes: its ECBs, in the order of their enabling.
pub(crate) struct EcbList<H: Host> {
    pub(crate) ecbs: Vec<NonNull<Ecb<H>>>,
}
