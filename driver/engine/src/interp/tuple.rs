//! The tuple stack: the parts of a key, or the arguments of a subroutine.

use core::mem::MaybeUninit;

use dtrace_abi::dif::DTR_NREGS;

use super::{FaultKind, Trap};
use crate::dynvar::KeyWords;

/// Words of a key that is kept ready for use; a longer one is put together from its parts each time.
pub(super) const READY: usize = 24;

/// One part: a value, or bytes that stay readable and unchanged until the run ends.
#[derive(Clone, Copy)]
struct Part {
    /// What was pushed: the value, or the address.
    value: u64,
    /// The bytes, or null for a value.
    bytes: *const u8,
    len: usize,
}

impl Part {
    /// The bytes; none for a value.
    fn bytes(&self) -> &[u8] {
        if self.bytes.is_null() {
            return &[];
        }
        // SAFETY: `push_bytes` was promised that these bytes are readable and constant as long as the stack is used.
        unsafe { core::slice::from_raw_parts(self.bytes, self.len) }
    }
}

/// The stack.
///
/// A key is a word that says its shape, then for each part its value, or the number of its bytes and the bytes. Pushing
/// appends to the words, so that the key is there when a variable asks for it.
///
/// What is above `top` and `ready` is uninitialised: clearing it for every run would cost more than most runs.
pub(crate) struct Tuple {
    parts: [MaybeUninit<Part>; DTR_NREGS],
    top: usize,
    words: [MaybeUninit<u64>; READY],
    /// How many words there are; 0 if they are not all there.
    ready: usize,
    /// Which parts are bytes.
    strings: u64,
}

impl Tuple {
    #[inline(always)]
    pub(crate) fn new() -> Tuple {
        Tuple {
            parts: [const { MaybeUninit::uninit() }; DTR_NREGS],
            top: 0,
            words: [const { MaybeUninit::uninit() }; READY],
            ready: 1,
            strings: 0,
        }
    }

    #[inline(always)]
    fn push(&mut self, part: Part) -> Result<(), Trap> {
        let slot = self.parts.get_mut(self.top).ok_or(Trap::new(FaultKind::TupleOverflow))?;
        slot.write(part);
        self.top += 1;
        Ok(())
    }

    #[inline(always)]
    fn append(&mut self, word: u64) {
        match self.words.get_mut(self.ready) {
            Some(slot) if self.ready != 0 => {
                slot.write(word);
                self.ready += 1;
            }
            _ => self.ready = 0,
        }
    }

    #[inline(always)]
    pub(crate) fn push_value(&mut self, value: u64) -> Result<(), Trap> {
        self.push(Part { value, bytes: core::ptr::null(), len: 0 })?;
        self.append(value);
        Ok(())
    }

    /// Pushes bytes.
    ///
    /// # Safety
    ///
    /// The bytes are readable, and are not changed, as long as the stack is used.
    pub(crate) unsafe fn push_bytes(
        &mut self,
        address: u64,
        bytes: *const u8,
        len: usize,
    ) -> Result<(), Trap> {
        self.strings |= 1 << self.top;
        let part = Part { value: address, bytes, len };
        self.push(part)?;
        bytes_all(part.bytes(), &mut |word| {
            self.append(word);
            self.ready != 0
        });
        Ok(())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.top == DTR_NREGS
    }

    pub(crate) fn pop(&mut self) {
        self.top = self.top.saturating_sub(1);
        self.strings &= !(1 << self.top);
        // Rare enough to put the key together anew.
        self.ready = 0;
    }

    #[inline(always)]
    pub(crate) fn flush(&mut self) {
        (self.top, self.ready, self.strings) = (0, 1, 0);
    }

    pub(crate) fn len(&self) -> usize {
        self.top
    }

    /// Argument `n`: what was pushed as value or address; 0 if nothing was.
    #[inline]
    pub(crate) fn arg(&self, n: usize) -> u64 {
        self.parts().get(n).map_or(0, |part| part.value)
    }

    #[inline(always)]
    fn parts(&self) -> &[Part] {
        let parts = self.parts.get(..self.top).unwrap_or(&[]);
        // SAFETY: every part below `top` has been written by `push`.
        unsafe { &*(core::ptr::from_ref(parts) as *const [Part]) }
    }

    #[inline(always)]
    fn shape(&self) -> u64 {
        shape_of(self.top, self.strings)
    }

    /// The key, if it is short enough to be there.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Option<&[u64]> {
        let shape = self.shape();
        let words = self.words.get_mut(..self.ready)?;
        words.first_mut()?.write(shape);
        // SAFETY: the first has been written just now, every other below `ready` by `append`.
        Some(unsafe { &*(core::ptr::from_ref(words) as *const [u64]) })
    }
}

impl KeyWords for Tuple {
    fn all(&self, mut each: impl FnMut(u64) -> bool) -> bool {
        each(self.shape())
            && self.parts().iter().all(|part| {
                if part.bytes.is_null() { each(part.value) } else { bytes_all(part.bytes(), &mut each) }
            })
    }
}

/// The first word of a key of `count` parts, of which those in the set `strings` are bytes.
#[inline(always)]
pub(super) const fn shape_of(count: usize, strings: u64) -> u64 {
    strings << 8 | count as u64
}

/// The words of a part that is bytes.
#[inline(always)]
pub(super) fn bytes_all(bytes: &[u8], each: &mut impl FnMut(u64) -> bool) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    if !each(bytes.len() as u64) || !words.iter().all(|word| each(u64::from_le_bytes(*word))) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    each(last_word(bytes, rest))
}

/// The bytes after the last whole word, as a word.
#[inline(always)]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    match bytes.last_chunk::<8>() {
        // The last eight bytes without those that are in the word before.
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tuple: &Tuple) -> Vec<u64> {
        let mut words = Vec::new();
        tuple.all(|word| {
            words.push(word);
            true
        });
        words
    }

    fn push(tuple: &mut Tuple, bytes: &'static [u8]) {
        // SAFETY: constants.
        unsafe { tuple.push_bytes(1, bytes.as_ptr(), bytes.len()).unwrap() };
    }

    #[test]
    fn the_key_that_is_ready_is_the_one_made_from_the_parts() {
        let mut tuple = Tuple::new();
        assert_eq!(tuple.key().map(<[u64]>::to_vec), Some(words(&tuple)));
        tuple.push_value(7).unwrap();
        push(&mut tuple, b"twelve bytes");
        tuple.push_value(u64::MAX).unwrap();
        push(&mut tuple, b"");
        push(&mut tuple, b"eight by");
        assert_eq!(tuple.key().map(<[u64]>::to_vec), Some(words(&tuple)));
        assert_eq!(words(&tuple).len(), 1 + 1 + 3 + 1 + 1 + 2);
        tuple.flush();
        assert_eq!(tuple.key(), Some(&[0][..]));
    }

    #[test]
    fn a_long_key_is_not_ready() {
        let mut tuple = Tuple::new();
        push(&mut tuple, &[1; 8 * READY]);
        tuple.push_value(1).unwrap();
        assert_eq!(tuple.key(), None);
        assert_eq!(words(&tuple).len(), READY + 3);
    }

    #[test]
    fn after_a_pop_the_key_is_as_if_the_part_had_never_been() {
        let mut tuple = Tuple::new();
        tuple.push_value(1).unwrap();
        push(&mut tuple, b"x");
        tuple.pop();
        assert_eq!(words(&tuple), [1, 1]);
        tuple.push_value(2).unwrap();
        assert_eq!(words(&tuple), [2, 1, 2]);
    }
}
