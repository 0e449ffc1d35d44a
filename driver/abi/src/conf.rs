//! What the driver says it is (contract 2.1, 2.2).

/// Types of an ILP32 kernel, as the data model of a [`Conf`].
pub const CTF_MODEL_ILP32: u32 = 1;
/// Types of an LP64 kernel, as the data model of a [`Conf`].
pub const CTF_MODEL_LP64: u32 = 2;

/// The DIF that the driver runs, and the data model of its types.
///
/// cbindgen:field-names=[dtc_difversion, dtc_difintregs, dtc_diftupregs, dtc_ctfmodel, dtc_pad]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conf {
    /// The version of DIF ([`crate::dif::VERSION`]).
    pub difversion: u32,
    /// Integer registers.
    pub difintregs: u32,
    /// Tuple registers.
    pub diftupregs: u32,
    /// [`CTF_MODEL_LP64`] or [`CTF_MODEL_ILP32`].
    pub ctfmodel: u32,
    /// Zero.
    pub pad: [u32; 8],
}
layout!(Conf 48 { difversion 0:4 difintregs 4:4 diftupregs 8:4 ctfmodel 12:4 pad 16:32 });
