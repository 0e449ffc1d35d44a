//! How much the driver takes from one caller (contract 2.3, 2.5, 3).

/// Bytes of a DOF image, for programs and helpers alike: the image must be smaller.
pub const DOF_MAXSIZE: u64 = 256 * 1024;
/// Bytes of a DIFO.
pub const DIFO_MAXSIZE: u64 = 256 * 1024;
/// Bytes of the global variables of a consumer state that are no scalars of a word.
pub const GLOBAL_MAXSIZE: u64 = 16 * 1024;
/// Actions of a program.
pub const ACTIONS_MAX: usize = 16384;
/// Retained enablings of a consumer state.
pub const RETAIN_MAX: usize = 1024;
/// Helper actions of a process.
pub const HELPER_ACTIONS_MAX: usize = 32;
/// Helper providers of a process.
pub const HELPER_PROVIDERS_MAX: usize = 32;
/// Bytes of a buffer for callers who lack a privilege.
pub const BUFSIZE_UNPRIVILEGED_MAX: u64 = 16 * 1024 * 1024;
/// Depth of recursion in the matching of a glob.
pub const GLOB_DEPTH_MAX: usize = 8;
/// Bytes for dynamic variables, when nobody says how many.
pub const DYNVARSIZE_DEFAULT: i64 = 1024 * 1024;
/// The least [`crate::option::CLEANRATE`].
pub const CLEANRATE_MIN: i64 = 200_000;
/// The greatest [`crate::option::CLEANRATE`].
pub const CLEANRATE_MAX: i64 = 60_000_000_000;
/// The greatest [`crate::option::STATUSRATE`].
pub const STATUSRATE_MAX: i64 = 10_000_000_000;
