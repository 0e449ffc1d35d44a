//! How stable a name or its data is (contract 2.5).

/// Ours alone.
pub const INTERNAL: u8 = 0;
/// Ours, seen by others of us.
pub const PRIVATE: u8 = 1;
/// On the way out.
pub const OBSOLETE: u8 = 2;
/// Somebody else's.
pub const EXTERNAL: u8 = 3;
/// May change at any time.
pub const UNSTABLE: u8 = 4;
/// May change with a minor release.
pub const EVOLVING: u8 = 5;
/// May change with a major release.
pub const STABLE: u8 = 6;
/// Follows a standard.
pub const STANDARD: u8 = 7;
/// The greatest of them.
pub const MAX: u8 = 7;
