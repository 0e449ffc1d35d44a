//! Addresses: whose memory they are in, and access to it.
//!
//! Our own memory is scratch, variables, the string table of the code, and the names of the moment. It is accessed in
//! place, a word or byte at a time by volatile reads and writes, since two CPUs may use a global string at once (as the
//! kernel's READ_ONCE does; atomics would want to be able to write what is only read). What they then see is any mixture of
//! the two strings, and never an end beyond the variable's area.
//!
//! Whatever is not ours is the host's to read, if the consumer may, and nobody's to write.

use core::mem::MaybeUninit;

use super::code::{Code, Load};
use super::tuple::Tuple;
use super::{Fault, FaultKind, Machine, NamePart, Subject, Trap};
use crate::guise;
use crate::host::Host;

/// Foreign memory is read in pieces up to the next multiple of this, so that nothing is read beyond a page that has the
/// end of a string.
const GRANULE: u64 = 64;

/// The name of the only zone.
pub(crate) static ZONENAME: &[u8] = b"global\0";

/// The larger of what `pushtr` takes as a size of bytes; what is larger cannot be in any chunk.
const KEY_MAX: u64 = 256 * 1024;

/// Whether one of the bytes of a word is 0.
#[inline(always)]
const fn has_nul(word: u64) -> bool {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 != 0
}

/// Where the first NUL is.
#[inline]
fn position_of_nul(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let before = words.iter().take_while(|word| !has_nul(u64::from_ne_bytes(**word))).count() * 8;
    bytes.get(before..)?.iter().position(|byte| *byte == 0).map(|at| before + at)
}

/// Reads a byte that other CPUs may write.
///
/// # Safety
///
/// The byte is in readable memory of ours.
#[inline(always)]
unsafe fn read_byte(at: *const u8) -> u8 {
    // SAFETY: the caller's.
    unsafe { at.read_volatile() }
}

/// Writes a byte that other CPUs may read.
///
/// # Safety
///
/// The byte is in writable memory of ours.
#[inline(always)]
unsafe fn write_byte(at: *mut u8, value: u8) {
    // SAFETY: the caller's.
    unsafe { at.write_volatile(value) };
}

/// Copies between two places of ours, which may overlap.
///
/// # Safety
///
/// `len` bytes are readable at `from` and writable at `to`.
pub(crate) unsafe fn copy_own(from: *const u8, to: *mut u8, len: usize) {
    if len == 0 || from.addr() == to.addr() {
        return;
    }
    let backward = from.addr() < to.addr() && to.addr() - from.addr() < len;
    let words = (from.addr() | to.addr()).is_multiple_of(8)
        && (backward, from.addr().abs_diff(to.addr()) >= 8) != (true, false);
    let body = if words && !backward { len / 8 } else { 0 };
    for word in 0..body {
        // SAFETY: both are 8-aligned and inside their `len` bytes.
        unsafe {
            let value = from.add(word * 8).cast::<u64>().read_volatile();
            to.add(word * 8).cast::<u64>().write_volatile(value);
        }
    }
    let mut copy = |at: usize| {
        // SAFETY: inside the `len` bytes of both.
        unsafe { write_byte(to.add(at), read_byte(from.add(at))) };
    };
    if backward {
        (0..len).rev().for_each(&mut copy);
    } else {
        (body * 8..len).for_each(copy);
    }
}

/// Copies a string between two places of ours, a word at a time as far as that goes: up to the word that has its NUL, or
/// not at all. Returns how many bytes were copied, none of which is 0.
///
/// # Safety
///
/// `len` bytes are readable at `from` and writable at `to`.
unsafe fn copy_own_words(from: *const u8, to: *mut u8, len: usize) -> usize {
    if !(from.addr() | to.addr()).is_multiple_of(8) {
        return 0;
    }
    let mut done = 0;
    while done + 8 <= len {
        // SAFETY: both are 8-aligned and inside their `len` bytes.
        unsafe {
            let word = from.add(done).cast::<u64>().read_volatile();
            if has_nul(word) {
                break;
            }
            to.add(done).cast::<u64>().write_volatile(word);
        }
        done += 8;
    }
    done
}

/// A view of the bytes around an address, a piece at a time.
pub(crate) struct Reader<'m, 'a, H: Host, P: Subject<H>> {
    machine: &'m Machine<'a, H, P>,
    /// The address the view begins at.
    start: u64,
    /// The piece: its offset from `start`, where it is (null: in `buffer`, which then has been written), and its length.
    offset: u64,
    piece: *const u8,
    len: u64,
    buffer: MaybeUninit<[u8; GRANULE as usize]>,
}

impl<'m, 'a, H: Host, P: Subject<H>> Reader<'m, 'a, H, P> {
    pub(crate) fn new(machine: &'m Machine<'a, H, P>, start: u64) -> Self {
        Reader { machine, start, offset: 0, piece: core::ptr::null(), len: 0, buffer: MaybeUninit::uninit() }
    }

    /// The byte at `offset` from the start. Offsets that go up, or down within one piece, cost least.
    #[inline]
    pub(crate) fn byte(&mut self, offset: u64) -> Result<u8, Trap> {
        if offset.wrapping_sub(self.offset) >= self.len {
            self.fetch(offset)?;
        }
        let at = offset.wrapping_sub(self.offset) as usize;
        let piece = if self.piece.is_null() { self.buffer.as_ptr().cast() } else { self.piece };
        // SAFETY: `fetch` found the piece in our own memory or filled the buffer, and `at` is below its length.
        Ok(unsafe { read_byte(piece.add(at)) })
    }

    #[inline(never)]
    fn fetch(&mut self, offset: u64) -> Result<(), Trap> {
        let address = self.start.wrapping_add(offset);
        self.len = 0;
        if let Some((piece, len)) = self.machine.region(address) {
            (self.piece, self.len) = (piece, len);
        } else {
            // The whole granule is in one page, so that what is before the address can be read if the address can.
            let before = address % GRANULE;
            let granule = self.buffer.write([0; GRANULE as usize]);
            let loaded = self.machine.load_foreign(address - before, granule);
            // What is told is the address that was asked for.
            loaded.map_err(|trap| Trap::at(trap.kind, address))?;
            self.piece = core::ptr::null();
            self.len = GRANULE;
            self.offset = offset.wrapping_sub(before);
            return Ok(());
        }
        self.offset = offset;
        Ok(())
    }
}

impl<'a, H: Host, P: Subject<H>> Machine<'a, H, P> {
    /// If an address is in memory of ours: a pointer to it and how much there is from there on.
    #[inline]
    pub(crate) fn region(&self, address: u64) -> Option<(*const u8, u64)> {
        if let Some((pointer, room)) = self.writable(address) {
            return Some((pointer, room));
        }
        self.constant(address).map(|bytes| (bytes.as_ptr(), bytes.len() as u64))
    }

    /// The memory of ours from an address on, if it does not change during a firing.
    #[inline]
    fn constant(&self, address: u64) -> Option<&[u8]> {
        fn part(text: &[u8], at: u64, address: u64) -> Option<&[u8]> {
            let offset = address.wrapping_sub(at);
            if offset < text.len() as u64 { text.get(offset as usize..) } else { None }
        }
        let execname = || {
            let name = self.moment.execname_if_known()?;
            part(name, self.shown(name, guise::EXECNAME), address)
        };
        let name = |name| part(self.moment.probe.name(name), self.name(name), address);
        let (strings, at) = self.strings();
        part(strings, at, address)
            .or_else(execname)
            .or_else(|| name(NamePart::Function))
            .or_else(|| name(NamePart::Module))
            .or_else(|| name(NamePart::Name))
            .or_else(|| name(NamePart::Provider))
            .or_else(|| part(ZONENAME, self.shown(ZONENAME, guise::ZONENAME), address))
    }

    /// As [`Machine::region`], for what the program may write: scratch memory and the areas of its variables.
    #[inline]
    pub(crate) fn writable(&self, address: u64) -> Option<(*mut u8, u64)> {
        self.scratch.region(address).or_else(|| self.clause.variables.region(self.moment.cpu, address))
    }

    /// A pointer to `len` bytes that the program may write, or the fault.
    pub(crate) fn writable_bytes(&self, address: u64, len: u64) -> Result<*mut u8, Trap> {
        match self.writable(address) {
            Some((pointer, room)) if len <= room => Ok(pointer),
            _ => Err(Trap::at(FaultKind::BadAddress, address)),
        }
    }

    /// Reads memory that is not ours.
    pub(crate) fn load_foreign(&self, address: u64, to: &mut [u8]) -> Result<(), Trap> {
        if !self.clause.access.kernel {
            return Err(Trap::at(FaultKind::KernelPrivilege, address));
        }
        self.moment.host.load(address, to).map_err(|_| Trap::at(FaultKind::BadAddress, address))
    }

    /// Fails unless the consumer may look at the current process.
    pub(crate) fn need_process(&self, address: u64) -> Result<(), Trap> {
        if self.clause.access.process { Ok(()) } else { Err(Trap::at(FaultKind::UserPrivilege, address)) }
    }

    /// Fails unless the consumer may change the current process.
    pub(crate) fn need_control(&self, address: u64) -> Result<(), Trap> {
        self.need_process(address)?;
        match self.clause.access.changes_only {
            Some(owner) if !self.moment.host.is_owned_by(owner.uid, owner.gid) => {
                Err(Trap::at(FaultKind::UserPrivilege, address))
            }
            _ => Ok(()),
        }
    }

    /// Fails unless the consumer may look at the kernel.
    pub(crate) fn need_kernel(&self) -> Result<(), Trap> {
        if self.clause.access.kernel { Ok(()) } else { Err(Trap::new(FaultKind::KernelPrivilege)) }
    }

    /// The loads: `ld*`, `rld*` and `uld*`.
    #[inline(never)]
    pub(crate) fn load(&self, address: u64, how: u32) -> Result<u64, Trap> {
        let how = Load::unpack(how);
        let mut buffer = [0; 8];
        let value = if how.user {
            self.need_process(address)?;
            let to = buffer.get_mut(..how.bytes as usize).unwrap_or_default();
            self.moment.host.load_user(address, to).map_err(|_| Trap::at(FaultKind::BadAddress, address))?;
            u64::from_le_bytes(buffer)
        } else {
            match self.region(address) {
                // SAFETY: `region` says that these bytes are ours.
                Some((at, room)) if u64::from(how.bytes) <= room => unsafe { load_own(at, how.bytes) },
                _ => {
                    let to = buffer.get_mut(..how.bytes as usize).unwrap_or_default();
                    self.load_foreign(address, to)?;
                    u64::from_le_bytes(buffer)
                }
            }
        };
        let unused = 64 - how.bytes * 8;
        Ok(if how.signed { (value.wrapping_shl(unused) as i64).wrapping_shr(unused) as u64 } else { value })
    }

    /// The stores: `st*`.
    #[inline(never)]
    pub(crate) fn store(&self, address: u64, value: u64, bytes: u32) -> Result<(), Trap> {
        let at = self.writable_bytes(address, u64::from(bytes))?;
        // SAFETY: `writable_bytes` says that these bytes are ours and may be written.
        unsafe {
            match bytes {
                2 if at.addr().is_multiple_of(2) => at.cast::<u16>().write_volatile(value as u16),
                4 if at.addr().is_multiple_of(4) => at.cast::<u32>().write_volatile(value as u32),
                8 if at.addr().is_multiple_of(8) => at.cast::<u64>().write_volatile(value),
                _ => {
                    for (n, byte) in value.to_le_bytes().into_iter().take(bytes as usize).enumerate() {
                        write_byte(at.add(n), byte);
                    }
                }
            }
        }
        Ok(())
    }

    /// Copies `len` bytes from any readable address to memory of ours.
    ///
    /// # Safety
    ///
    /// `len` bytes are writable at `to`.
    pub(crate) unsafe fn fetch(&self, from: u64, to: *mut u8, len: u64) -> Result<(), Trap> {
        if let Some((pointer, room)) = self.region(from)
            && len <= room
        {
            // SAFETY: `region` says that the source is ours; the caller, that the destination is.
            unsafe { copy_own(pointer, to, len as usize) };
            return Ok(());
        }
        let mut buffer = [0; GRANULE as usize];
        let mut done = 0;
        while done < len {
            let address = from.wrapping_add(done);
            let take = (GRANULE - address % GRANULE).min(len - done);
            let Some(piece) = buffer.get_mut(..take as usize) else { break };
            match self.region(address) {
                // SAFETY: as above; the buffer is our own.
                Some((pointer, room)) if take <= room => unsafe {
                    copy_own(pointer, piece.as_mut_ptr(), take as usize);
                },
                _ => self.load_foreign(address, piece)?,
            }
            // SAFETY: the caller's: `done + take <= len`.
            unsafe { copy_own(piece.as_ptr(), to.add(done as usize), take as usize) };
            done += take;
        }
        Ok(())
    }

    /// `copys` and `bcopy()`: copies to memory that the program may write.
    #[inline(never)]
    pub(crate) fn copy(&self, from: u64, to: u64, len: u64) -> Result<(), Trap> {
        if len == 0 {
            return Ok(());
        }
        let pointer = self.writable_bytes(to, len)?;
        // SAFETY: `writable_bytes` says so.
        unsafe { self.fetch(from, pointer, len) }
    }

    /// Copies a string from any readable address to memory of ours: at most `room - 1` bytes and a NUL. Returns its length
    /// without the NUL.
    ///
    /// # Safety
    ///
    /// `room` bytes, at least one, are writable at `to`.
    pub(crate) unsafe fn fetch_string(&self, from: u64, to: *mut u8, room: usize) -> Result<usize, Trap> {
        let mut at = 0;
        if let Some((pointer, len)) = self.region(from) {
            // SAFETY: `region` says that the source is ours; the caller, that the destination is.
            at = unsafe { copy_own_words(pointer, to, (room - 1).min(len as usize)) };
        }
        let mut reader = Reader::new(self, from);
        while at + 1 < room {
            let byte = reader.byte(at as u64)?;
            if byte == 0 {
                break;
            }
            // SAFETY: the caller's: `at < room`.
            unsafe { write_byte(to.add(at), byte) };
            at += 1;
        }
        // SAFETY: the caller's: `at < room`.
        unsafe { write_byte(to.add(at), 0) };
        Ok(at)
    }

    /// The number of bytes before the NUL, at most `limit`.
    pub(crate) fn string_length(&self, address: u64, limit: u64) -> Result<u64, Trap> {
        let mut reader = Reader::new(self, address);
        let mut len = 0;
        while len < limit && reader.byte(len)? != 0 {
            len += 1;
        }
        Ok(len)
    }

    /// `scmp`: 0, 1 or 2 as the first string is less than, equal to or greater than the second. A null address is an
    /// empty string.
    #[inline(never)]
    pub(crate) fn compare_strings(&self, left: u64, right: u64) -> Result<u64, Trap> {
        let (mut one, mut other) = (Reader::new(self, left), Reader::new(self, right));
        for at in 0..self.clause.strsize as u64 {
            let a = if left == 0 { 0 } else { one.byte(at)? };
            let b = if right == 0 { 0 } else { other.byte(at)? };
            if a != b {
                return Ok(if a < b { 0 } else { 2 });
            }
            if a == 0 {
                break;
            }
        }
        Ok(1)
    }

    /// `pushtr`: the bytes at an address become part of a key. They are used where they are if nothing can change them
    /// before the key is used, else copied to scratch memory.
    #[inline(never)]
    pub(crate) fn push_ref(
        &self,
        tuple: &mut Tuple,
        address: u64,
        size: u64,
        string: bool,
    ) -> Result<(), Trap> {
        if tuple.is_full() {
            return Err(Trap::new(FaultKind::TupleOverflow));
        }
        self.in_time()?;
        let constant = self.constant(address);
        let len = if string {
            // The NUL does not count, so that a string is the same key whatever the size it was pushed with.
            let strsize = self.clause.strsize as u64;
            let limit = if size == 0 { strsize } else { size.min(strsize) };
            match constant.and_then(position_of_nul) {
                Some(len) => limit.min(len as u64),
                None => self.string_length(address, limit)?,
            }
        } else if size > KEY_MAX {
            return Err(Trap::at(FaultKind::BadAddress, address));
        } else {
            size
        };
        let bytes = match constant {
            Some(bytes) if len <= bytes.len() as u64 => bytes.as_ptr(),
            _ => {
                let copy = self.take(len)?;
                // SAFETY: `take` has just given us these bytes.
                unsafe { self.fetch(address, copy, len)? };
                copy.cast_const()
            }
        };
        // SAFETY: constant memory, or a copy whose address no program has been given.
        unsafe { tuple.push_bytes(address, bytes, len as usize) }
    }

    // ------------------------------------------------------------------------------------------------ for records

    /// Copies the string at an address, a result of [`Machine::run`] with this code, into a record: at most all but
    /// one of its bytes, then zeros. Returns the string's length.
    pub fn copy_string(&self, code: &Code, address: u64, record: &mut [u8]) -> Result<usize, Fault> {
        let len = self.stage_string(code, address, record)?;
        if let Some(rest) = record.get_mut(len..) {
            rest.fill(0);
        }
        Ok(len)
    }

    /// As [`Machine::copy_string`], but what is behind the string's NUL stays as it is: for the keys of aggregations.
    pub fn stage_string(&self, code: &Code, address: u64, staged: &mut [u8]) -> Result<usize, Fault> {
        self.with_code(code, || self.string_to(address, staged)).map_err(|trap| trap.fault(None))
    }

    /// Copies a string with its NUL; returns its length without.
    fn string_to(&self, address: u64, record: &mut [u8]) -> Result<usize, Trap> {
        let room = record.len();
        if room == 0 {
            return Ok(0);
        }
        let constant =
            self.constant(address).and_then(|bytes| bytes.get(..position_of_nul(bytes)?.min(room - 1)));
        let len = match constant {
            Some(text) => {
                if let Some(to) = record.get_mut(..text.len()) {
                    to.copy_from_slice(text);
                }
                if let Some(nul) = record.get_mut(text.len()) {
                    *nul = 0;
                }
                text.len()
            }
            // SAFETY: the slice is writable.
            None => unsafe { self.fetch_string(address, record.as_mut_ptr(), room)? },
        };
        Ok(len)
    }

    /// Copies the bytes at an address, a result of [`Machine::run`] with this code, into a record.
    pub fn copy_bytes(&self, code: &Code, address: u64, record: &mut [u8]) -> Result<(), Fault> {
        // SAFETY: the slice is writable.
        let copy = || unsafe { self.fetch(address, record.as_mut_ptr(), record.len() as u64) };
        self.with_code(code, copy).map_err(|trap| trap.fault(None))
    }
}

/// Reads 1, 2, 4 or 8 bytes of ours.
///
/// # Safety
///
/// They are readable.
unsafe fn load_own(at: *const u8, bytes: u32) -> u64 {
    // SAFETY: the caller's; each arm checks its alignment.
    unsafe {
        match bytes {
            1 => u64::from(at.read_volatile()),
            2 if at.addr().is_multiple_of(2) => u64::from(at.cast::<u16>().read_volatile()),
            4 if at.addr().is_multiple_of(4) => u64::from(at.cast::<u32>().read_volatile()),
            8 if at.addr().is_multiple_of(8) => at.cast::<u64>().read_volatile(),
            _ => (0..bytes as usize).fold(0, |value, n| value | u64::from(read_byte(at.add(n))) << (8 * n)),
        }
    }
}
