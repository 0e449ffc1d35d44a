//! The kernel's sleeping locks, as `mutex_owner()` and its like see them.
//!
//! D's functions were made for other locks. Here a mutex is a `struct mutex`, which is always adaptive, and a readers' and
//! writers' lock is a `struct rw_semaphore`. Their words are read without faulting and without any lock, so the answer may be
//! old by the time it is used, as it is everywhere.

use crate::ffi;
use dtrace_engine::BadAddress;
use dtrace_engine::host::LockQuestion;

/// The low bits of an owner word are flags.
const FLAGS: u64 = 7;
/// In the owner word of a `struct rw_semaphore`: the owner is one of the readers.
const OWNED_BY_READERS: u64 = 1;
/// In the count of a `struct rw_semaphore`: a writer holds it; what one reader counts for.
const WRITER: u64 = 1;
const READER: u64 = 1 << 8;
/// The count's sign is a flag, too.
const READERS: u64 = (i64::MAX as u64) & !(READER - 1);

/// The answer, for the current thread `me`.
pub(crate) fn state(question: LockQuestion, lock: u64, me: u64) -> Result<u64, BadAddress> {
    let answer = match question {
        LockQuestion::Owner => mutex_owner(lock)?,
        LockQuestion::Owned => u64::from(mutex_owner(lock)? == me),
        LockQuestion::Adaptive => mutex_owner(lock).map(|_| 1)?,
        LockQuestion::Spin => mutex_owner(lock).map(|_| 0)?,
        LockQuestion::ReadHeld => rwsem(lock).map(|(count, _)| u64::from(is_read_held(count)))?,
        LockQuestion::WriteHeld => {
            rwsem(lock).map(|(count, owner)| u64::from(writer(count, owner) == Some(me)))?
        }
        LockQuestion::IsWriter => {
            rwsem(lock).map(|(count, owner)| u64::from(writer(count, owner).is_some()))?
        }
    };
    Ok(answer)
}

fn mutex_owner(lock: u64) -> Result<u64, BadAddress> {
    let mut word = 0;
    // SAFETY: the word is live; the address is checked by the kernel's no-fault copy.
    if unsafe { ffi::host_mutex_owner(lock, &raw mut word) } { Ok(word & !FLAGS) } else { Err(BadAddress) }
}

fn rwsem(lock: u64) -> Result<(u64, u64), BadAddress> {
    let (mut count, mut owner) = (0, 0);
    // SAFETY: as in `mutex_owner`.
    if unsafe { ffi::host_rwsem(lock, &raw mut count, &raw mut owner) } {
        Ok((count, owner))
    } else {
        Err(BadAddress)
    }
}

fn is_read_held(count: u64) -> bool {
    count & READERS != 0
}

/// The thread that holds it for writing.
fn writer(count: u64, owner: u64) -> Option<u64> {
    (count & WRITER != 0 && owner & OWNED_BY_READERS == 0).then_some(owner & !FLAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_counted_above_the_flags() {
        assert!(!is_read_held(0) && !is_read_held(WRITER | 2 | 4));
        assert!(is_read_held(READER) && is_read_held((3 * READER) | 2));
        assert!(!is_read_held(1 << 63), "that is a flag");
    }

    #[test]
    fn a_writer_is_who_the_owner_word_names() {
        assert_eq!(writer(0, 0), None);
        assert_eq!(writer(WRITER, 0x1000 | 2), Some(0x1000));
        assert_eq!(writer(READER, 0x1000 | OWNED_BY_READERS), None);
    }
}
