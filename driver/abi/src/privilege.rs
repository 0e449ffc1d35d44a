//! The privilege bits: what a provider asks for, what a security rule gives (contract 1.3, 2.5).

/// The kernel.
pub const KERNEL: u32 = 1;
/// The caller's own processes.
pub const USER: u32 = 2;
/// Any process.
pub const PROC: u32 = 4;
/// The owner of what is traced.
pub const OWNER: u32 = 8;
/// The owner's zone; Linux has none.
pub const ZONEOWNER: u32 = 0x10;
/// Every bit.
pub const ALL: u32 = KERNEL | USER | PROC | OWNER | ZONEOWNER;
