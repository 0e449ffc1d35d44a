//! The tuple stack: the parts of a key, or the arguments of a subroutine.

use core::mem::MaybeUninit;

use dtrace_abi::dif::DTR_NREGS;

use super::{FaultKind, Trap};
use crate::dynvar::KeyWords;

/// One part: a value, or bytes that stay readable and unchanged until the run ends.
#[derive(Clone, Copy)]
struct Part {
    /// What was pushed: the value, or the address.
    value: u64,
    /// The bytes, or null for a value.
    bytes: *const u8,
    len: usize,
}

/// The stack. What is above `top` is uninitialised: clearing it for every run would cost more than most runs.
pub(crate) struct Tuple {
    parts: [MaybeUninit<Part>; DTR_NREGS],
    top: usize,
}

impl Tuple {
    #[inline(always)]
    pub(crate) const fn new() -> Tuple {
        Tuple { parts: [MaybeUninit::uninit(); DTR_NREGS], top: 0 }
    }

    fn push(&mut self, part: Part) -> Result<(), Trap> {
        let slot = self.parts.get_mut(self.top).ok_or(Trap::new(FaultKind::TupleOverflow))?;
        slot.write(part);
        self.top += 1;
        Ok(())
    }

    pub(crate) fn push_value(&mut self, value: u64) -> Result<(), Trap> {
        self.push(Part { value, bytes: core::ptr::null(), len: 0 })
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
        self.push(Part { value: address, bytes, len })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.top == DTR_NREGS
    }

    pub(crate) fn pop(&mut self) {
        self.top = self.top.saturating_sub(1);
    }

    pub(crate) fn flush(&mut self) {
        self.top = 0;
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
}

/// A key is a word that says its shape, then for each part its value, or the number of its bytes and the bytes.
impl KeyWords for Tuple {
    #[inline(always)]
    fn all(&self, mut each: impl FnMut(u64) -> bool) -> bool {
        let parts = self.parts();
        let shape = parts
            .iter()
            .enumerate()
            .fold(parts.len() as u64, |shape, (n, part)| shape | u64::from(!part.bytes.is_null()) << (8 + n));
        if !each(shape) {
            return false;
        }
        for part in parts {
            if part.bytes.is_null() {
                if !each(part.value) {
                    return false;
                }
            } else if !each(part.len as u64) || !bytes_all(part, &mut each) {
                return false;
            }
        }
        true
    }
}

#[inline(always)]
fn bytes_all(part: &Part, each: &mut impl FnMut(u64) -> bool) -> bool {
    // SAFETY: `push_bytes` was promised that these bytes are readable and constant.
    let bytes = unsafe { core::slice::from_raw_parts(part.bytes, part.len) };
    let (words, rest) = bytes.as_chunks::<8>();
    if !words.iter().all(|word| each(u64::from_ne_bytes(*word))) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    each(u64::from_ne_bytes(last))
}
