//! The error numbers the engine answers with, and the one place where module errors become error numbers.
//!
//! The values are Linux's on x86-64. Module errors say exactly what was wrong (for logs and tests); over the ioctl
//! boundary only the number goes.

use core::fmt;

use crate::aggregation::AggregationError;
use crate::dof::DofError;
use crate::glob::TooDeep;
use crate::host::BadAddress;
use crate::mem::OutOfMemory;
use crate::variable::VariableError;

/// An error number, as Linux has it.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// Operation not permitted.
    EPERM = 1,
    /// No such thing; for a snapshot: no such CPU, or no buffer on it.
    ENOENT = 2,
    /// No such probe, provider or process.
    ESRCH = 3,
    /// Interrupted.
    EINTR = 4,
    /// Input or output error.
    EIO = 5,
    /// No such device or address.
    ENXIO = 6,
    /// Too big.
    E2BIG = 7,
    /// Bad descriptor.
    EBADF = 9,
    /// Try again.
    EAGAIN = 11,
    /// Out of memory.
    ENOMEM = 12,
    /// Permission denied.
    EACCES = 13,
    /// Bad address.
    EFAULT = 14,
    /// Busy.
    EBUSY = 16,
    /// Exists already.
    EEXIST = 17,
    /// No such device.
    ENODEV = 19,
    /// Invalid argument.
    EINVAL = 22,
    /// No such ioctl.
    ENOTTY = 25,
    /// Beyond what this caller may have.
    EFBIG = 27,
    /// No space, or a limit reached.
    ENOSPC = 28,
    /// Out of range.
    ERANGE = 34,
    /// Name too long.
    ENAMETOOLONG = 36,
    /// Not implemented.
    ENOSYS = 38,
    /// Not supported.
    EOPNOTSUPP = 95,
    /// Already in progress.
    EALREADY = 114,
}

impl Errno {
    /// The positive number.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} ({})", self.code())
    }
}

impl core::error::Error for Errno {}

impl From<OutOfMemory> for Errno {
    fn from(_: OutOfMemory) -> Errno {
        Errno::ENOMEM
    }
}

impl From<TooDeep> for Errno {
    fn from(_: TooDeep) -> Errno {
        Errno::EINVAL
    }
}

impl From<AggregationError> for Errno {
    fn from(error: AggregationError) -> Errno {
        match error {
            AggregationError::OutOfMemory => Errno::ENOMEM,
            AggregationError::Layout => Errno::EINVAL,
        }
    }
}

impl From<VariableError> for Errno {
    fn from(error: VariableError) -> Errno {
        match error {
            VariableError::OutOfMemory => Errno::ENOMEM,
            VariableError::Conflict(..) | VariableError::TooLarge => Errno::EINVAL,
        }
    }
}

impl From<BadAddress> for Errno {
    fn from(_: BadAddress) -> Errno {
        Errno::EFAULT
    }
}

impl From<DofError> for Errno {
    fn from(error: DofError) -> Errno {
        match error {
            DofError::OutOfMemory => Errno::ENOMEM,
            DofError::TooBig => Errno::E2BIG,
            _ => Errno::EINVAL,
        }
    }
}
