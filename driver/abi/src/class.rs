//! What an interface depends on (contract 2.5).

/// Nobody knows.
pub const UNKNOWN: u8 = 0;
/// The processor's model.
pub const CPU: u8 = 1;
/// The machine's model.
pub const PLATFORM: u8 = 2;
/// The machine's family.
pub const GROUP: u8 = 3;
/// The instruction set.
pub const ISA: u8 = 4;
/// Nothing: it is everywhere.
pub const COMMON: u8 = 5;
/// The greatest of them.
pub const MAX: u8 = 5;
