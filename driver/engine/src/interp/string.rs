//! The string subroutines.
//!
//! Strings are bytes up to a NUL. Of an operand no more than `strsize` bytes are looked at; a result is in scratch memory
//! and has at most `strsize - 1` bytes before its NUL: what does not fit is cut off.

use super::memory::Reader;
use super::{FaultKind, Machine, Subject, Trap};
use crate::host::Host;
use crate::scratch::Scratch;

/// A string under construction, in scratch memory.
pub(crate) struct Text<'m, 'a> {
    scratch: &'m Scratch<'a>,
    start: *mut u8,
    room: usize,
    len: usize,
}

impl Text<'_, '_> {
    /// Appends a byte; false if it does not fit.
    pub(crate) fn push(&mut self, byte: u8) -> bool {
        let fits = self.len + 1 < self.room;
        if fits {
            // SAFETY: `len` is below the room that was taken.
            unsafe { self.start.add(self.len).write(byte) };
            self.len += 1;
        }
        fits
    }

    /// Appends bytes, as many as fit.
    pub(crate) fn push_all(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn byte(&self, at: usize) -> u8 {
        if at < self.len {
            // SAFETY: below `len`, so written.
            unsafe { self.start.add(at).read() }
        } else {
            0
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Ends the string; its address.
    pub(crate) fn finish(self) -> u64 {
        // SAFETY: `push` leaves room for the NUL.
        unsafe { self.start.add(self.len).write(0) };
        self.scratch.shrink(self.start, self.len + 1);
        self.scratch.address_of(self.start)
    }
}

/// The modulus of the rolling hash: a prime, so that no simple strings collide.
const MODULUS: u64 = (1 << 61) - 1;
/// Its base.
const BASE: u64 = 0x0123_4567_89ab_cdef % MODULUS;

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let sum = (product as u64 & MODULUS) + (product >> 61) as u64;
    if sum >= MODULUS { sum - MODULUS } else { sum }
}

fn plus(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= MODULUS { sum - MODULUS } else { sum }
}

/// Which bytes of a set of 256.
struct ByteSet([u64; 4]);

impl ByteSet {
    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }
}

impl<'a, H: Host, P: Subject<H>> Machine<'a, H, P> {
    fn limit(&self) -> u64 {
        self.clause.strsize as u64
    }

    /// Room for a string of at most `room` bytes with its NUL, and of no more than `strsize`.
    pub(crate) fn text(&self, room: usize) -> Result<Text<'_, 'a>, Trap> {
        let room = room.min(self.clause.strsize).max(1);
        let start = self.take(room as u64)?;
        Ok(Text { scratch: &self.scratch, start, room, len: 0 })
    }

    /// A copy of the bytes `from..to` of the string at an address, each changed by `change`.
    fn copy_of(&self, address: u64, from: u64, to: u64, change: impl Fn(u8) -> u8) -> Result<u64, Trap> {
        let mut text = self.text(self.clause.strsize)?;
        let mut reader = Reader::new(self, address);
        for at in from..to.min(from.saturating_add(self.limit())) {
            let byte = reader.byte(at)?;
            if byte == 0 || !text.push(change(byte)) {
                break;
            }
        }
        Ok(text.finish())
    }

    pub(crate) fn strlen(&self, address: u64) -> Result<u64, Trap> {
        self.string_length(address, self.limit())
    }

    pub(crate) fn strjoin(&self, first: u64, second: u64) -> Result<u64, Trap> {
        let mut text = self.text(self.clause.strsize)?;
        for address in [first, second] {
            let mut reader = Reader::new(self, address);
            for at in 0..self.limit() {
                let byte = reader.byte(at)?;
                if byte == 0 || !text.push(byte) {
                    break;
                }
            }
        }
        Ok(text.finish())
    }

    pub(crate) fn change_case(&self, address: u64, change: impl Fn(u8) -> u8) -> Result<u64, Trap> {
        self.copy_of(address, 0, self.limit(), change)
    }

    /// `strchr` and `strrchr`: the address of the first or last such byte, which may be the NUL; 0 if there is none.
    pub(crate) fn find_byte(&self, address: u64, byte: u8, last: bool) -> Result<u64, Trap> {
        let mut reader = Reader::new(self, address);
        let mut found = 0;
        for at in 0..self.limit() {
            let here = reader.byte(at)?;
            if here == byte {
                found = address.wrapping_add(at);
                if !last {
                    break;
                }
            }
            if here == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// `strstr`: the address of the first occurrence, 0 if there is none.
    pub(crate) fn strstr(&self, address: u64, wanted: u64) -> Result<u64, Trap> {
        let (len, part) = (self.strlen(address)?, self.strlen(wanted)?);
        let found = self.search(address, 0, len, wanted, part, false)?;
        Ok(found.map_or(0, |at| address.wrapping_add(at)))
    }

    /// `index`: where the first occurrence at or after `start` is; -1 if there is none.
    pub(crate) fn index(&self, address: u64, wanted: u64, start: Option<i64>) -> Result<u64, Trap> {
        let (len, part) = (self.strlen(address)?, self.strlen(wanted)?);
        let start = start.map_or(0, |start| start.max(0) as u64);
        if part == 0 {
            return Ok(start.min(len));
        }
        if start >= len {
            return Ok(-1i64 as u64);
        }
        let found = self.search(address, start, len, wanted, part, false)?;
        Ok(found.unwrap_or(-1i64 as u64))
    }

    /// `rindex`: where the last occurrence at or before `start` is; -1 if there is none.
    pub(crate) fn rindex(&self, address: u64, wanted: u64, start: Option<i64>) -> Result<u64, Trap> {
        let (len, part) = (self.strlen(address)?, self.strlen(wanted)?);
        let start = match start {
            Some(start) if start < 0 => return Ok(if part == 0 { 0 } else { -1i64 as u64 }),
            Some(start) => (start as u64).min(len),
            None => len,
        };
        if part == 0 {
            return Ok(start);
        }
        let end = start.saturating_add(part).min(len);
        let found = self.search(address, 0, end, wanted, part, true)?;
        Ok(found.unwrap_or(-1i64 as u64))
    }

    /// Where in the bytes `from..to` at an address the `part` bytes at `wanted` are: first, or last.
    ///
    /// Linear in time: a rolling hash finds the places, which are then compared; the search ends at the first that is
    /// equal. Backward, both strings are read from their ends.
    fn search(
        &self,
        address: u64,
        from: u64,
        to: u64,
        wanted: u64,
        part: u64,
        last: bool,
    ) -> Result<Option<u64>, Trap> {
        if part == 0 {
            return Ok(Some(if last { to } else { from }));
        }
        if to < from || part > to - from {
            return Ok(None);
        }
        let place = |at: u64| if last { to - 1 - at } else { from + at };
        let part_place = |at: u64| if last { part - 1 - at } else { at };
        let mut pattern = Reader::new(self, wanted);
        let (mut front, mut back) = (Reader::new(self, address), Reader::new(self, address));
        let (mut hash, mut sought, mut power) = (0, 0, 1);
        for at in 0..part {
            hash = plus(times(hash, BASE), u64::from(front.byte(place(at))?));
            sought = plus(times(sought, BASE), u64::from(pattern.byte(part_place(at))?));
            if at != 0 {
                power = times(power, BASE);
            }
        }
        let count = to - from - part + 1;
        for at in 0..count {
            if hash == sought
                && self.equal_at(&mut back, &mut pattern, part, |n| (place(at + n), part_place(n)))?
            {
                return Ok(Some(if last { to - part - at } else { from + at }));
            }
            if at + 1 < count {
                let gone = times(u64::from(back.byte(place(at))?), power);
                hash = plus(hash, MODULUS - gone);
                hash = plus(times(hash, BASE), u64::from(front.byte(place(at + part))?));
            }
        }
        Ok(None)
    }

    fn equal_at(
        &self,
        text: &mut Reader<'_, 'a, H, P>,
        pattern: &mut Reader<'_, 'a, H, P>,
        part: u64,
        place: impl Fn(u64) -> (u64, u64),
    ) -> Result<bool, Trap> {
        for n in 0..part {
            let (one, other) = place(n);
            if text.byte(one)? != pattern.byte(other)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `substr`: the bytes from `start`, counted from the end if negative; `length` of them, or if it is negative all but
    /// so many at the end. What lies outside the string is left out.
    pub(crate) fn substr(&self, address: u64, start: i64, length: Option<i64>) -> Result<u64, Trap> {
        let len = self.strlen(address)? as i64;
        let start = if start < 0 { start.saturating_add(len) } else { start };
        let end = match length {
            None => len,
            Some(length) if length < 0 => len.saturating_add(length),
            Some(length) => start.saturating_add(length),
        };
        let (start, end) = (start.clamp(0, len), end.clamp(0, len));
        self.copy_of(address, start as u64, end.max(start) as u64, |byte| byte)
    }

    /// `strtok`: the next token of the string, or of the one before if the address is 0; 0 if there is none. The string
    /// itself is left as it is; where to go on is remembered for the rest of the clause.
    pub(crate) fn tokenize(&self, address: u64, separators: u64) -> Result<u64, Trap> {
        let address = if address == 0 { self.strtok.get() } else { address };
        if address == 0 {
            return Ok(0);
        }
        let mut set = ByteSet([0; 4]);
        let mut reader = Reader::new(self, separators);
        for at in 0..self.limit() {
            match reader.byte(at)? {
                0 => break,
                byte => set.insert(byte),
            }
        }
        let mut reader = Reader::new(self, address);
        let mut at = 0;
        while at < self.limit() && set.has(reader.byte(at)?) {
            at += 1;
        }
        if at == self.limit() || reader.byte(at)? == 0 {
            self.strtok.set(0);
            return Ok(0);
        }
        let mut text = self.text(self.clause.strsize)?;
        let mut next = 0;
        while at < self.limit() {
            let byte = reader.byte(at)?;
            if byte == 0 {
                break;
            }
            if set.has(byte) {
                // The separator stays: it may be none in the next call.
                next = address.wrapping_add(at);
                break;
            }
            text.push(byte);
            at += 1;
        }
        self.strtok.set(next);
        Ok(text.finish())
    }

    /// `copyinstr`: a string of the user process.
    pub(crate) fn copyinstr(&self, address: u64, max: Option<u64>) -> Result<u64, Trap> {
        self.need_process(address)?;
        let room = match max {
            Some(max) => max.saturating_add(1).min(self.limit()),
            None => self.limit(),
        };
        let start = self.take(room)?;
        // SAFETY: `take` has just given us these bytes.
        let to = unsafe { core::slice::from_raw_parts_mut(start, room as usize) };
        let bad = Trap::at(FaultKind::BadAddress, address);
        let (last, body) = to.split_last_mut().ok_or(Trap::new(FaultKind::NoScratch))?;
        *last = 0;
        let read = self.moment.host.load_user_str(address, body).map_err(|_| bad)?;
        self.scratch.shrink(start, read + 1);
        Ok(self.scratch.address_of(start))
    }
}
