//! The keys of an aggregation, cut into words.
//!
//! An ECB stages the keys of an aggregation in memory that begins where the record's id word would be. Bytes between the
//! keys, and behind the NUL of a string, mean nothing there; in the record they are zero. So hashing and comparing cannot
//! go over the memory as a whole. What they must read is worked out once, when the aggregation is made, as a list of
//! [`Piece`]s, and every read then is of a whole word. No read reaches beyond the end of the keys, which is a multiple of a
//! word: the rest of a key is read as part of a word that begins further down if need be.
//!
//! Probe context; nothing here allocates but [`Tuple::new`]. The hash is a multiply hash: it is no part of the ABI. Keys
//! that somebody made to collide cost that consumer its own drops (see the table's limit on probing).

use alloc::vec::Vec;

use crate::mem::{OutOfMemory, TryPush, try_to_vec};

/// Bytes of the id that records begin with.
pub(crate) const ID_SIZE: usize = size_of::<u32>();

/// Bytes of a word.
const WORD: u32 = size_of::<u64>() as u32;

/// One key, where the ECB stages it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it is, from the id word on.
    pub offset: u32,
    /// Its bytes.
    pub size: u32,
    /// Whether it is a string: what follows its NUL does not count, and need not be cleared.
    pub string: bool,
}

/// What is to be read of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// Words that follow each other.
    Words { at: u32, count: u32 },
    /// Less than a word.
    Rest(Rest),
    /// A string: words, and the rest if they have no NUL.
    Text { at: u32, count: u32, rest: Rest },
}

/// Less than a word: what is left of the word at `at` when it is shifted down and masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    at: u32,
    shift: u32,
    mask: u64,
}

/// The keys of an aggregation.
#[derive(Debug)]
pub(crate) struct Tuple {
    /// Where the one word is that all keys come to, if they do.
    single: Option<u32>,
    end: u32,
    pieces: Vec<Piece>,
    keys: Vec<Key>,
}

impl Tuple {
    /// The tuple of keys that lie between the id word and `end`, a multiple of 8 that is not 0. `None` if they do not.
    ///
    /// The first `constants` keys are the same in all tuples that this one is ever compared with: they are copied, and
    /// neither hashed nor compared.
    pub(crate) fn new(keys: &[Key], constants: usize, end: u32) -> Result<Option<Tuple>, OutOfMemory> {
        let inside = |key: &Key| {
            key.offset as usize >= ID_SIZE && key.offset.checked_add(key.size).is_some_and(|last| last <= end)
        };
        if end == 0 || !end.is_multiple_of(WORD) || !keys.iter().all(inside) {
            return Ok(None);
        }
        let mut tuple = Tuple { single: None, end, pieces: Vec::new(), keys: try_to_vec(keys)? };
        keys.iter().skip(constants).try_for_each(|key| tuple.cut(key))?;
        tuple.single = match tuple.pieces[..] {
            [Piece::Words { at, count: 1 }] => Some(at),
            _ => None,
        };
        Ok(Some(tuple))
    }

    /// Cuts a key.
    fn cut(&mut self, key: &Key) -> Result<(), OutOfMemory> {
        let Key { offset: at, size, string } = *key;
        let (count, left) = (size / WORD, size % WORD);
        let start = at + count * WORD;
        let from = start.min(self.end - WORD);
        let rest = Rest {
            at: from,
            shift: (start - from) * u8::BITS,
            mask: !u64::MAX.checked_shl(left * u8::BITS).unwrap_or(0),
        };
        if string {
            return self.pieces.try_push(Piece::Text { at, count, rest });
        }
        match self.pieces.last_mut() {
            _ if count == 0 => (),
            Some(Piece::Words { at: first, count: before }) if *first + *before * WORD == at => {
                *before += count;
            }
            _ => self.pieces.try_push(Piece::Words { at, count })?,
        }
        match left {
            0 => Ok(()),
            _ => self.pieces.try_push(Piece::Rest(rest)),
        }
    }

    /// Whether all keys are constants.
    pub(crate) fn is_constant(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Where the keys end.
    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// The hash of staged keys.
    ///
    /// # Safety
    ///
    /// From `staged` on, [`Tuple::end`] bytes can be read.
    #[inline]
    pub(crate) unsafe fn hash(&self, seed: u64, staged: *const u8) -> u64 {
        match self.single {
            // SAFETY: the word is a key's, which lies before the end.
            Some(at) => mix(seed, unsafe { load(staged, at) }),
            // SAFETY: the contract is the same.
            None => unsafe { self.hash_pieces(seed, staged) },
        }
    }

    /// [`Tuple::hash`] of any keys.
    ///
    /// # Safety
    ///
    /// From `staged` on, [`Tuple::end`] bytes can be read.
    #[inline(never)]
    unsafe fn hash_pieces(&self, seed: u64, staged: *const u8) -> u64 {
        let mut hash = seed;
        // SAFETY, of each load here: `cut` makes pieces of keys that lie before the end, and moves a rest down to the last
        // word before it.
        for piece in &self.pieces {
            match *piece {
                Piece::Words { at, count } => {
                    for word in 0..count {
                        // SAFETY: see above.
                        hash = mix(hash, unsafe { load(staged, at + word * WORD) });
                    }
                }
                // SAFETY: see above.
                Piece::Rest(rest) => hash = mix(hash, unsafe { rest.load(staged) }),
                Piece::Text { at, count, rest } => {
                    let mut word = 0;
                    hash = loop {
                        // SAFETY: see above; `word` is below `count`, or it is the rest that is loaded.
                        let text = unsafe {
                            if word < count { load(staged, at + word * WORD) } else { rest.load(staged) }
                        };
                        let nul = first_nul(text);
                        hash = mix(hash, up_to(text, nul));
                        if nul != 0 || word >= count {
                            break hash;
                        }
                        word += 1;
                    };
                }
            }
        }
        hash
    }

    /// Whether a record, whose strings are zero-filled, has the staged keys.
    ///
    /// # Safety
    ///
    /// From `staged` and from `stored` on, [`Tuple::end`] bytes can be read.
    #[inline]
    pub(crate) unsafe fn matches(&self, staged: *const u8, stored: *const u8) -> bool {
        match self.single {
            // SAFETY: the word is a key's, which lies before the end.
            Some(at) => unsafe { load(staged, at) == load(stored, at) },
            // SAFETY: the contract is the same.
            None => unsafe { self.matches_pieces(staged, stored) },
        }
    }

    /// [`Tuple::matches`] for any keys.
    ///
    /// # Safety
    ///
    /// From `staged` and from `stored` on, [`Tuple::end`] bytes can be read.
    #[inline(never)]
    unsafe fn matches_pieces(&self, staged: *const u8, stored: *const u8) -> bool {
        // SAFETY, of each load here: as in `hash_pieces`.
        for piece in &self.pieces {
            match *piece {
                Piece::Words { at, count } => {
                    for word in 0..count {
                        let at = at + word * WORD;
                        // SAFETY: see above.
                        if unsafe { load(staged, at) != load(stored, at) } {
                            return false;
                        }
                    }
                }
                Piece::Rest(rest) => {
                    // SAFETY: see above.
                    if unsafe { rest.load(staged) != rest.load(stored) } {
                        return false;
                    }
                }
                Piece::Text { at, count, rest } => {
                    let end = at + count * WORD;
                    let mut at = at;
                    loop {
                        // SAFETY: see above; a word that begins before `end` is one of the text's, and then comes the rest.
                        let (text, kept) = unsafe {
                            match at < end {
                                true => (load(staged, at), load(stored, at)),
                                false => (rest.load(staged), rest.load(stored)),
                            }
                        };
                        let nul = first_nul(text);
                        if up_to(text, nul) != kept {
                            return false;
                        }
                        if nul != 0 || at >= end {
                            break;
                        }
                        at += WORD;
                    }
                }
            }
        }
        true
    }

    /// Copies staged keys into a record that is zeroed. `None` if either is too short, which it is not where `staged` and
    /// `record` reach to the end of the keys.
    pub(crate) fn copy(&self, staged: &[u8], record: &mut [u8]) -> Option<()> {
        for key in &self.keys {
            let start = key.offset as usize;
            let from = staged.get(start..)?.get(..key.size as usize)?;
            let len = match key.string {
                true => from.iter().position(|&byte| byte == 0).unwrap_or(from.len()),
                false => from.len(),
            };
            record.get_mut(start..)?.get_mut(..len)?.copy_from_slice(from.get(..len)?);
        }
        Some(())
    }
}

impl Rest {
    /// Its bytes as a word.
    ///
    /// # Safety
    ///
    /// The word at `at` can be read.
    #[inline]
    unsafe fn load(&self, start: *const u8) -> u64 {
        // SAFETY: by contract.
        unsafe { load(start, self.at) }.wrapping_shr(self.shift) & self.mask
    }
}

/// The word at an offset.
///
/// # Safety
///
/// It can be read.
#[inline]
unsafe fn load(start: *const u8, at: u32) -> u64 {
    // SAFETY: by contract.
    u64::from_le(unsafe { start.add(at as usize).cast::<u64>().read_unaligned() })
}

/// Takes a word into a hash: a multiplication to 128 bits, folded.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(hash.rotate_left(23) ^ word) * u128::from(ODD);
    product as u64 ^ (product >> 64) as u64
}

/// The top bit of the first zero byte of a word, or 0 if it has none.
#[inline(always)]
pub(crate) fn first_nul(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The lowest mark is exact; what borrows may have marked lies above it.
    let zeros = word.wrapping_sub(LOW) & !word & HIGH;
    zeros & zeros.wrapping_neg()
}

/// The bytes of a word before its first zero byte, the others zero.
#[inline(always)]
pub(crate) fn up_to(word: u64, first_nul: u64) -> u64 {
    match first_nul {
        0 => word,
        nul => word & (nul >> 7).wrapping_sub(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_zero_byte_is_found_whatever_follows() {
        for position in 0..8 {
            for other in [0x01, 0x7f, 0x80, 0xff] {
                let mut bytes = [other; 8];
                bytes[position] = 0;
                let word = u64::from_le_bytes(bytes);
                let mut expected = [0; 8];
                expected[..position].fill(other);
                assert_eq!(up_to(word, first_nul(word)).to_le_bytes(), expected);
                bytes[position..].fill(0);
                let word = u64::from_le_bytes(bytes);
                assert_eq!(up_to(word, first_nul(word)).to_le_bytes(), expected);
            }
        }
        for full in [u64::MAX, 0x0101_0101_0101_0101, 0x8080_8080_8080_8080] {
            assert_eq!(up_to(full, first_nul(full)), full);
        }
    }

    #[test]
    fn words_that_follow_each_other_are_one_piece() {
        let key = |offset, size, string| Key { offset, size, string };
        let pieces = |keys: &[Key], end| Tuple::new(keys, 0, end).unwrap().unwrap().pieces;
        let keys = [key(8, 8, false), key(16, 16, false), key(40, 8, false)];
        assert_eq!(pieces(&keys, 48), [Piece::Words { at: 8, count: 3 }, Piece::Words { at: 40, count: 1 }]);
        assert_eq!(
            pieces(&[key(4, 4, false)], 8),
            [Piece::Rest(Rest { at: 0, shift: 32, mask: 0xffff_ffff })]
        );
        assert_eq!(Tuple::new(&keys[..1], 0, 16).unwrap().unwrap().single, Some(8));
        assert!(Tuple::new(&keys[..1], 1, 16).unwrap().unwrap().is_constant());
    }
}
