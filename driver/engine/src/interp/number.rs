//! Numbers as text, and text as numbers.

use super::memory::Reader;
use super::string::Text;
use super::{FaultKind, Machine, Subject, Trap};
use crate::host::Host;

/// Digits of the largest 64-bit number, in base 2.
const DIGITS: usize = 64;

/// Room for the longest number in decimal, with its sign and its NUL.
const DECIMAL: usize = 22;

/// Appends a number in decimal.
pub(crate) fn push_decimal(text: &mut Text<'_, '_>, value: u64) {
    push_number(text, value, 10);
}

/// Appends a number in a base of 2 to 36.
fn push_number(text: &mut Text<'_, '_>, mut value: u64, base: u64) {
    let mut digits = [0; DIGITS];
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        let digit = (value % base) as u8;
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        value /= base;
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

/// The base that a program asks for: 10 if it does not.
fn base(asked: Option<u64>) -> Result<u64, Trap> {
    match asked {
        None => Ok(10),
        Some(base @ 2..=36) => Ok(base),
        Some(_) => Err(Trap::new(FaultKind::IllegalOperation)),
    }
}

/// What a byte is worth as a digit.
fn digit(byte: u8) -> u64 {
    match byte {
        b'0'..=b'9' => u64::from(byte - b'0'),
        b'a'..=b'z' => u64::from(byte - b'a') + 10,
        b'A'..=b'Z' => u64::from(byte - b'A') + 10,
        _ => u64::MAX,
    }
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// `lltostr`: a number as text: signed in decimal, unsigned in any other base of 2 to 36; hexadecimal has its `0x` and
    /// octal its `0`.
    pub(crate) fn lltostr(&self, value: i64, asked: Option<u64>) -> Result<u64, Trap> {
        let base = base(asked)?;
        let mut text = self.text(if base == 10 { DECIMAL } else { DIGITS + 3 })?;
        match base {
            10 if value < 0 => {
                text.push(b'-');
                push_number(&mut text, value.unsigned_abs(), base);
                return Ok(text.finish());
            }
            16 => text.push_all(b"0x"),
            8 if value != 0 => {
                text.push(b'0');
            }
            _ => (),
        }
        push_number(&mut text, value as u64, base);
        Ok(text.finish())
    }

    /// `strtoll`: the number that a string begins with, in a base of 2 to 36: blanks, a sign, `0x` in base 16, digits. 0 if
    /// there is none; what is too large is the largest.
    pub(crate) fn strtoll(&self, address: u64, asked: Option<u64>) -> Result<u64, Trap> {
        let base = base(asked)?;
        let mut reader = Reader::new(self, address);
        let limit = self.clause.strsize as u64;
        let mut at = 0;
        while at < limit && matches!(reader.byte(at)?, b' ' | b'\t'..=b'\r') {
            at += 1;
        }
        let mut negative = false;
        if at < limit {
            let sign = reader.byte(at)?;
            negative = sign == b'-';
            at += u64::from(matches!(sign, b'-' | b'+'));
        }
        if base == 16
            && at + 2 < limit
            && reader.byte(at)? == b'0'
            && matches!(reader.byte(at + 1)?, b'x' | b'X')
            && digit(reader.byte(at + 2)?) < 16
        {
            at += 2;
        }
        // Counted downward, where there is one number more.
        let mut value = 0i64;
        while at < limit {
            let digit = digit(reader.byte(at)?);
            if digit >= base {
                break;
            }
            value = value.saturating_mul(base as i64).saturating_sub(digit as i64);
            at += 1;
        }
        Ok(if negative { value } else { value.checked_neg().unwrap_or(i64::MAX) } as u64)
    }
}
