//! `call`: the subroutines by their numbers.

use dtrace_abi::dif;

use super::memory::copy_own;
use super::tuple::Tuple;
use super::{FaultKind, Machine, Subject, Trap};
use crate::host::{Host, LockQuestion};

/// The most that one `copyout` writes: interrupts are off meanwhile.
const COPYOUT_MAX: u64 = 1 << 20;
/// Bits of the minor number in a `dev_t` of the kernel.
const MINOR_BITS: u32 = 20;
/// The piece that is copied out at a time.
const PIECE: usize = 128;

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// Calls a subroutine. `unchanged` is what the register of the result has now: those that have no meaning here leave it
    /// so (contract 2.4).
    #[inline(never)]
    pub(crate) fn call(&self, subroutine: u32, args: &Tuple, unchanged: u64) -> Result<u64, Trap> {
        let arg = |n| args.arg(n);
        let optional = |n| (args.len() > n).then(|| args.arg(n));
        let signed = |n| optional(n).map(|value| value as i64);
        match subroutine {
            dif::SUBR_RAND => {
                let entropy = self.moment.timestamp();
                // An `int` of D, not negative.
                Ok(self.clause.variables.random(self.moment.cpu, entropy) & 0x7fff_ffff)
            }
            dif::SUBR_COPYIN => self.copyin(arg(0), arg(1)),
            dif::SUBR_COPYINSTR => self.copyinstr(arg(0), optional(1)),
            dif::SUBR_COPYINTO => {
                self.copyinto(arg(0), arg(1), arg(2))?;
                Ok(unchanged)
            }
            dif::SUBR_COPYOUT => {
                self.copyout(arg(0), arg(1), arg(2))?;
                Ok(unchanged)
            }
            dif::SUBR_COPYOUTSTR => {
                let limit = arg(2).min(self.clause.strsize as u64);
                let len = self.string_length(arg(0), limit)?;
                self.copyout(arg(0), arg(1), (len + 1).min(limit))?;
                Ok(unchanged)
            }
            dif::SUBR_SPECULATION => Ok(self.clause.speculations.speculation()),
            dif::SUBR_PROGENYOF => {
                self.need_process(0)?;
                Ok(u64::from(self.moment.host.progeny_of(arg(0) as u32)))
            }
            dif::SUBR_ALLOCA => self.allocate(arg(0)),
            dif::SUBR_BCOPY => {
                self.copy(arg(0), arg(1), arg(2))?;
                Ok(unchanged)
            }
            dif::SUBR_STRLEN => self.strlen(arg(0)),
            dif::SUBR_STRJOIN => self.strjoin(arg(0), arg(1)),
            dif::SUBR_LLTOSTR => self.lltostr(arg(0) as i64, optional(1)),
            dif::SUBR_STRTOLL => self.strtoll(arg(0), optional(1)),
            dif::SUBR_JSON => self.json(arg(0), arg(1)),
            dif::SUBR_BASENAME => self.basename(arg(0)),
            dif::SUBR_DIRNAME => self.dirname(arg(0)),
            dif::SUBR_CLEANPATH => self.cleanpath(arg(0)),
            dif::SUBR_STRCHR => self.find_byte(arg(0), arg(1) as u8, false),
            dif::SUBR_STRRCHR => self.find_byte(arg(0), arg(1) as u8, true),
            dif::SUBR_STRSTR => self.strstr(arg(0), arg(1)),
            dif::SUBR_STRTOK => self.tokenize(arg(0), arg(1)),
            dif::SUBR_SUBSTR => self.substr(arg(0), arg(1) as i64, signed(2)),
            dif::SUBR_INDEX => self.index(arg(0), arg(1), signed(2)),
            dif::SUBR_RINDEX => self.rindex(arg(0), arg(1), signed(2)),
            dif::SUBR_HTONS | dif::SUBR_NTOHS => Ok(u64::from((arg(0) as u16).to_be())),
            dif::SUBR_HTONL | dif::SUBR_NTOHL => Ok(u64::from((arg(0) as u32).to_be())),
            dif::SUBR_HTONLL | dif::SUBR_NTOHLL => Ok(arg(0).to_be()),
            dif::SUBR_INET_NTOP => self.inet_ntop(arg(0), arg(1)),
            dif::SUBR_INET_NTOA => self.inet_ntoa(arg(0)),
            dif::SUBR_INET_NTOA6 => self.inet_ntoa6(arg(0)),
            dif::SUBR_TOUPPER => self.change_case(arg(0), |byte| byte.to_ascii_uppercase()),
            dif::SUBR_TOLOWER => self.change_case(arg(0), |byte| byte.to_ascii_lowercase()),
            dif::SUBR_D_PATH => self.d_path(arg(0)),
            // The kernel's own device numbers, which are what its structures hold: 12 bits and 20.
            dif::SUBR_GETMAJOR => Ok((arg(0) as u32 >> MINOR_BITS).into()),
            dif::SUBR_GETMINOR => Ok((arg(0) as u32 & ((1 << MINOR_BITS) - 1)).into()),
            dif::SUBR_MUTEX_OWNED..=dif::SUBR_RW_ISWRITER => self.lock_state(subroutine, arg(0), unchanged),
            // The questions about Solaris's streams and devices have no answer here (contract 2.4).
            dif::SUBR_MSGDSIZE | dif::SUBR_MSGSIZE | dif::SUBR_DDI_PATHNAME => Ok(unchanged),
            _ => Err(Trap::new(FaultKind::IllegalOperation)),
        }
    }

    fn copyin(&self, address: u64, size: u64) -> Result<u64, Trap> {
        self.need_process(address)?;
        let start = self.take(size)?;
        // SAFETY: `take` has just given us these bytes.
        let to = unsafe { core::slice::from_raw_parts_mut(start, size as usize) };
        self.moment.host.load_user(address, to).map_err(|_| Trap::at(FaultKind::BadAddress, address))?;
        Ok(self.scratch.address_of(start))
    }

    fn copyinto(&self, address: u64, size: u64, to: u64) -> Result<(), Trap> {
        self.need_process(address)?;
        if size == 0 {
            return Ok(());
        }
        let to = self.writable_bytes(to, size)?;
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < size {
            let take = (size - done).min(PIECE as u64);
            let from = address.wrapping_add(done);
            let piece = piece.get_mut(..take as usize).unwrap_or_default();
            self.moment.host.load_user(from, piece).map_err(|_| Trap::at(FaultKind::BadAddress, from))?;
            // SAFETY: `writable_bytes` says that `size` bytes are writable, and `done + take <= size`.
            unsafe { copy_own(piece.as_ptr(), to.add(done as usize), piece.len()) };
            done += take;
        }
        Ok(())
    }

    /// `mutex_owned()` and its like.
    fn lock_state(&self, subroutine: u32, lock: u64, unchanged: u64) -> Result<u64, Trap> {
        self.need_kernel()?;
        let question = match subroutine {
            dif::SUBR_MUTEX_OWNED => LockQuestion::Owned,
            dif::SUBR_MUTEX_OWNER => LockQuestion::Owner,
            dif::SUBR_MUTEX_TYPE_ADAPTIVE => LockQuestion::Adaptive,
            dif::SUBR_MUTEX_TYPE_SPIN => LockQuestion::Spin,
            dif::SUBR_RW_READ_HELD => LockQuestion::ReadHeld,
            dif::SUBR_RW_WRITE_HELD => LockQuestion::WriteHeld,
            _ => LockQuestion::IsWriter,
        };
        match self.moment.host.lock_state(question, lock) {
            Some(state) => state.map_err(|_| Trap::at(FaultKind::BadAddress, lock)),
            None => Ok(unchanged),
        }
    }

    fn copyout(&self, from: u64, address: u64, size: u64) -> Result<(), Trap> {
        self.need_control(address)?;
        if size > COPYOUT_MAX {
            return Err(Trap::at(FaultKind::BadAddress, address));
        }
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < size {
            let take = (size - done).min(PIECE as u64);
            let to = address.wrapping_add(done);
            let piece = piece.get_mut(..take as usize).unwrap_or_default();
            // SAFETY: the piece is writable.
            unsafe { self.fetch(from.wrapping_add(done), piece.as_mut_ptr(), take)? };
            self.moment.host.store_user(to, piece).map_err(|_| Trap::at(FaultKind::BadAddress, to))?;
            done += take;
        }
        Ok(())
    }

    /// `d_path`: the path of a `struct file *`.
    fn d_path(&self, file: u64) -> Result<u64, Trap> {
        if file == 0 {
            let mut text = self.text(self.clause.strsize)?;
            text.push_all(b"<unknown>");
            return Ok(text.finish());
        }
        self.need_kernel()?;
        let room = self.clause.strsize;
        let start = self.take(room as u64)?;
        // SAFETY: `take` has just given us these bytes.
        let to = unsafe { core::slice::from_raw_parts_mut(start, room) };
        let len = self.moment.host.d_path(file, to).ok_or(Trap::at(FaultKind::BadAddress, file))?;
        if let Some(last) = to.get_mut(len.min(room.saturating_sub(1))) {
            *last = 0;
        }
        self.scratch.shrink(start, (len + 1).min(room));
        Ok(self.scratch.address_of(start))
    }
}
