//! The kernel's sleeping locks, as `mutex_owner()` and its like see them.
//!
//! D's functions were made for other locks. Here a mutex is a `struct mutex`, which is always adaptive, and a readers' and
//! writers' lock is a `struct rw_semaphore`. Their words are read without faulting and without any lock, so the answer may be
//! old by the time it is used, as it is everywhere.

use crate::{ffi, host};
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
const READERS: u64 = (isize::MAX as u64) & !(READER - 1);

/// Under PREEMPT_RT the count is another: readers by ones, a flag for a writer that holds it, and one for no writer about.
const RT_WRITER: u64 = 1 << 30;
const RT_READERS: u64 = RT_WRITER - 1;

/// The answer, for the current thread `me`.
pub(crate) fn state(question: LockQuestion, lock: u64, me: u64) -> Result<u64, BadAddress> {
    host::exists(lock)?;
    let answer = match question {
        LockQuestion::Owner => mutex_owner(lock)?,
        LockQuestion::Owned => u64::from(mutex_owner(lock)? == me),
        LockQuestion::Adaptive => mutex_owner(lock).map(|_| 1)?,
        LockQuestion::Spin => mutex_owner(lock).map(|_| 0)?,
        LockQuestion::ReadHeld => rwsem(lock).map(|words| u64::from(words.is_read_held()))?,
        LockQuestion::WriteHeld => rwsem(lock).map(|words| u64::from(words.writer() == Some(me)))?,
        LockQuestion::IsWriter => rwsem(lock).map(|words| u64::from(words.writer().is_some()))?,
    };
    Ok(answer)
}

fn mutex_owner(lock: u64) -> Result<u64, BadAddress> {
    let mut word = 0;
    // SAFETY: the word is live; the address is checked by the kernel's no-fault copy.
    if unsafe { ffi::host_mutex_owner(lock, &raw mut word) } { Ok(word & !FLAGS) } else { Err(BadAddress) }
}

/// The words of a `struct rw_semaphore`.
#[derive(Clone, Copy)]
struct Words {
    count: u64,
    owner: u64,
    realtime: bool,
}

fn rwsem(lock: u64) -> Result<Words, BadAddress> {
    let (mut count, mut owner) = (0, 0);
    // SAFETY: as in `mutex_owner`.
    let (known, realtime) =
        unsafe { (ffi::host_rwsem(lock, &raw mut count, &raw mut owner), ffi::host_realtime()) };
    if known { Ok(Words { count, owner, realtime }) } else { Err(BadAddress) }
}

impl Words {
    fn is_read_held(self) -> bool {
        self.count & if self.realtime { RT_READERS } else { READERS } != 0
    }

    /// The thread that holds it for writing.
    fn writer(self) -> Option<u64> {
        let held = match self.realtime {
            true => self.count & RT_WRITER != 0,
            false => self.count & WRITER != 0 && self.owner & OWNED_BY_READERS == 0,
        };
        held.then_some(self.owner & !FLAGS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(count: u64, owner: u64) -> Words {
        Words { count, owner, realtime: false }
    }

    #[test]
    fn readers_are_counted_above_the_flags() {
        assert!(!words(0, 0).is_read_held() && !words(WRITER | 2 | 4, 0).is_read_held());
        assert!(words(READER, 0).is_read_held() && words((3 * READER) | 2, 0).is_read_held());
        assert!(!words(1 << 63, 0).is_read_held(), "that is a flag");
    }

    #[test]
    fn a_writer_is_who_the_owner_word_names() {
        assert_eq!(words(0, 0).writer(), None);
        assert_eq!(words(WRITER, 0x1000 | 2).writer(), Some(0x1000));
        assert_eq!(words(READER, 0x1000 | OWNED_BY_READERS).writer(), None);
    }

    #[test]
    fn under_preempt_rt_the_count_is_another() {
        let words = |count, owner| Words { count, owner, realtime: true };
        let free = 1 << 31;
        assert!(!words(free, 0).is_read_held() && words(free, 0).writer().is_none());
        assert!(words(free | 2, 0).is_read_held() && words(free | 2, 0).writer().is_none());
        // A writer waits for one reader to leave.
        assert!(words(1, 0x1001).is_read_held() && words(1, 0x1001).writer().is_none());
        assert!(!words(RT_WRITER, 0x1001).is_read_held());
        assert_eq!(words(RT_WRITER, 0x1001).writer(), Some(0x1000));
    }
}
