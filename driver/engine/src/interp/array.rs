//! Objects that do one thing with one element of an associative array.
//!
//! `a[pid, probefunc] = timestamp`, `a[pid]` as predicate or value, `timestamp - a[pid]`, `n[execname]++`: the keys and
//! the value come straight from variables and constants. As with [other small objects](super::shape), such an object is
//! recognised by the whole of its instructions, and run without registers or tuple stack.
//!
//! What cannot be done that way at run time (a key too long, a string in memory that may change) is left to the loop:
//! nothing has been done by then that would be noticed.

use core::mem::MaybeUninit;

use dtrace_abi::dif;

use super::Subject;
use super::code::{Insn, Op};
use super::quick::{Quick, Text};
use super::shape::{Source, source};
use super::tuple::{READY, bytes_all, shape_of};
use crate::host::Host;

/// The most parts of a key that are recognised.
const PARTS: usize = 4;

/// A part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyPart {
    value: Source,
    string: bool,
    /// For a string: the size it is pushed with.
    size: u64,
}

/// A source and a constant that is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum {
    source: Source,
    plus: u64,
}

/// What is done with the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Its value.
    Load,
    /// A value minus its value.
    Subtract(Sum),
    /// A value is stored to it.
    Store(Sum),
    /// A constant is added to it; the value is that before, or after.
    Add { constant: u64, before: bool },
}

/// What an object does with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArrayUse {
    variable: u32,
    parts: [Option<KeyPart>; PARTS],
    usage: Use,
}

/// What the registers hold, as far as that is a source or a sum.
struct Known([Option<Sum>; dif::DIR_NREGS]);

impl Known {
    fn sum(&self, register: u8) -> Option<Sum> {
        *self.0.get(usize::from(register))?
    }

    fn get(&self, register: u8) -> Option<Source> {
        self.sum(register).filter(|sum| sum.plus == 0).map(|sum| sum.source)
    }

    fn set(&mut self, register: u8, source: Source, plus: u64) -> Option<()> {
        *self.0.get_mut(usize::from(register))? = Some(Sum { source, plus });
        Some(())
    }
}

/// What decoded, not yet fused instructions do as a whole, if that is to use one element.
pub(crate) fn recognise_array(insns: &[Insn]) -> Option<ArrayUse> {
    let mut known = Known([None; dif::DIR_NREGS]);
    let mut parts = [None; PARTS];
    let mut count = None;
    let mut at = 0u8;
    // Sources, then a flush, then parts of the key and their sizes, until the element is used.
    let (element, rest) = loop {
        let insn = *insns.get(usize::from(at))?;
        match insn.op {
            Op::Flush if count.is_none() => count = Some(0),
            Op::PushValue | Op::PushRef => {
                let string = insn.op == Op::PushRef;
                let size = match (string, known.get(insn.b)) {
                    (false, _) => 0,
                    (true, Some(Source::Constant(size))) if insn.x != 0 => size,
                    _ => return None,
                };
                let place = parts.get_mut(count?)?;
                *place = Some(KeyPart { value: known.get(insn.d)?, string, size });
                count = Some(count? + 1);
            }
            Op::Assoc | Op::SetAssoc => break (insn, insns.get(usize::from(at) + 1..)?),
            Op::Add => {
                let (source, plus) = match (known.sum(insn.a)?, known.get(insn.b)?) {
                    (sum, Source::Constant(more)) => (sum.source, sum.plus.wrapping_add(more)),
                    (Sum { source: Source::Constant(more), plus }, source) => {
                        (source, plus.wrapping_add(more))
                    }
                    _ => return None,
                };
                known.set(insn.d, source, plus)?;
            }
            _ => {
                let (source, register) = source(insn)?;
                known.set(register, source, 0)?;
            }
        }
        at = at.checked_add(1)?;
    };
    count?;
    let usage = match (element.op, rest) {
        (Op::SetAssoc, [ret]) if ret.a == element.a => Use::Store(known.sum(element.a)?),
        (Op::Assoc, [ret]) if ret.a == element.d => Use::Load,
        (Op::Assoc, [sub, ret])
            if sub.op == Op::Sub && sub.b == element.d && sub.a != sub.b && ret.a == sub.d =>
        {
            Use::Subtract(known.sum(sub.a)?)
        }
        (Op::Assoc, [one, add, store, ret])
            if (one.op, add.op, store.op) == (Op::Imm, Op::Add, Op::SetAssoc) =>
        {
            let fits = add.a == element.d && add.b == one.d && one.d != element.d;
            let before = ret.a == element.d && add.d != element.d;
            if !fits || (store.x, store.a) != (element.x, add.d) || !(before || ret.a == add.d) {
                return None;
            }
            Use::Add { constant: one.imm, before }
        }
        _ => return None,
    };
    Some(ArrayUse { variable: element.x, parts, usage })
}

/// A key under construction.
struct Key {
    words: [MaybeUninit<u64>; READY],
    len: usize,
}

impl Key {
    #[inline(always)]
    fn push(&mut self, word: u64) -> bool {
        match self.words.get_mut(self.len) {
            Some(slot) => {
                slot.write(word);
                self.len += 1;
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    fn words(&self) -> &[u64] {
        let words = self.words.get(..self.len).unwrap_or(&[]);
        // SAFETY: every word below `len` has been written by `push`.
        unsafe { &*(core::ptr::from_ref(words) as *const [u64]) }
    }
}

impl<H: Host, P: Subject<H>> Quick<'_, H, P> {
    /// The text of a string that does not change during a firing, without its NUL.
    #[inline(always)]
    fn key_text(&self, source: Source) -> Option<&[u8]> {
        let text = Text::of(source)?;
        let name = self.text(text)?;
        if text != Text::Execname {
            // A name ends in its only NUL.
            return name.split_last().map(|(_, text)| text);
        }
        let (low, high) = name.split_first_chunk::<8>()?;
        let nul = |word: u64| (word.wrapping_sub(LOW) & !word & HIGH).trailing_zeros() as usize / 8;
        let first = nul(u64::from_le_bytes(*low));
        let len = if first < 8 { first } else { 8 + nul(u64::from_le_bytes(*high.first_chunk()?)) };
        name.get(..len)
    }

    /// Does what the object does, or nothing at all. What faults is left to the loop, which tells of the right instruction.
    #[inline(never)]
    pub(super) fn run_array(&self, array: &ArrayUse) -> Option<u64> {
        let value = match array.usage {
            Use::Store(sum) | Use::Subtract(sum) => self.source(sum.source)?.wrapping_add(sum.plus),
            Use::Load | Use::Add { .. } => 0,
        };
        let mut key = Key { words: [const { MaybeUninit::uninit() }; READY], len: 1 };
        let (mut strings, mut count) = (0, 0);
        for part in array.parts.iter().map_while(Option::as_ref) {
            if part.string {
                let text = self.key_text(part.value)?;
                let strsize = self.strsize;
                let limit = if part.size == 0 { strsize } else { strsize.min(part.size as usize) };
                strings |= 1 << count;
                if !bytes_all(text.get(..limit).unwrap_or(text), &mut |word| key.push(word)) {
                    return None;
                }
            } else if !key.push(self.source(part.value)?) {
                return None;
            }
            count += 1;
        }
        key.words.first_mut()?.write(shape_of(count, strings));
        let (variable, key) = (array.variable, key.words());
        Some(match array.usage {
            Use::Load => self.load_dynamic(variable, key),
            Use::Subtract(_) => value.wrapping_sub(self.load_dynamic(variable, key)),
            Use::Store(_) => {
                self.store_dynamic(variable, key, value)?;
                value
            }
            Use::Add { constant, before } => {
                let old = self.load_dynamic(variable, key);
                let new = old.wrapping_add(constant);
                self.store_dynamic(variable, key, new)?;
                if before { old } else { new }
            }
        })
    }
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
