//! Numbers as text.

use super::string::Text;
use super::{Machine, Subject, Trap};
use crate::host::Host;

/// Digits of the largest 64-bit number.
const DIGITS: usize = 20;

/// Appends a number in decimal.
pub(crate) fn push_decimal(text: &mut Text<'_, '_>, mut value: u64) {
    let mut digits = [0; DIGITS];
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        count += 1;
        if value == 0 {
            break;
        }
    }
    text.push_all(digits.get(DIGITS - count..).unwrap_or(&[]));
}

/// Appends a number of 16 bits in hexadecimal, without leading zeros.
pub(crate) fn push_hex(text: &mut Text<'_, '_>, value: u16) {
    let digits = (1..4).rev().find(|digit| value >> (digit * 4) != 0).unwrap_or(0);
    for digit in (0..=digits).rev() {
        let nibble = (value >> (digit * 4) & 15) as u8;
        text.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    }
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// `lltostr`: a signed number in decimal.
    pub(crate) fn lltostr(&self, value: i64) -> Result<u64, Trap> {
        let mut text = self.text(DIGITS + 2)?;
        if value < 0 {
            text.push(b'-');
        }
        push_decimal(&mut text, value.unsigned_abs());
        Ok(text.finish())
    }
}
