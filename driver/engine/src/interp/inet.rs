//! Internet addresses as text.

use super::number::{push_decimal, push_hex};
use super::string::Text;
use super::{FaultKind, Machine, Subject, Trap};
use crate::host::Host;

/// `AF_INET` and `AF_INET6`, as Linux has them.
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;

/// The longest text of an address, with its NUL.
const TEXT: usize = 48;

fn push_v4(text: &mut Text<'_, '_>, address: [u8; 4]) {
    for (n, byte) in address.into_iter().enumerate() {
        if n != 0 {
            text.push(b'.');
        }
        push_decimal(text, u64::from(byte));
    }
}

/// The longest run of at least two zero groups, the first of equals, as `start..end`.
fn longest_zeros(groups: &[u16]) -> (usize, usize) {
    let (mut best, mut start) = ((0, 0), 0);
    for (at, group) in groups.iter().enumerate() {
        if *group != 0 {
            start = at + 1;
        } else if at + 1 - start > best.1 - best.0 {
            best = (start, at + 1);
        }
    }
    if best.1 - best.0 < 2 { (0, 0) } else { best }
}

fn push_v6(text: &mut Text<'_, '_>, address: [u8; 16]) {
    let groups: [u16; 8] = core::array::from_fn(|n| u16::from_be_bytes([address[2 * n], address[2 * n + 1]]));
    let last = [address[12], address[13], address[14], address[15]];
    // An IPv4 address that is mapped or embedded is written as one, but :: and ::1 are no IPv4 addresses.
    let mapped = groups[..5] == [0; 5] && groups[5] == 0xffff;
    let embedded = groups[..6] == [0; 6] && groups[6] != 0;
    let count = if mapped || embedded { 6 } else { 8 };
    let (start, end) = longest_zeros(groups.get(..count).unwrap_or(&[]));
    for (n, group) in groups.into_iter().enumerate().take(count) {
        if start <= n && n < end {
            if n == start {
                text.push_all(b"::");
            }
            continue;
        }
        if n != 0 && n != end {
            text.push(b':');
        }
        push_hex(text, group);
    }
    if count == 6 {
        if end != 6 {
            text.push(b':');
        }
        push_v4(text, last);
    }
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// `inet_ntoa`: the IPv4 address at an address.
    pub(crate) fn inet_ntoa(&self, address: u64) -> Result<u64, Trap> {
        let mut bytes = [0; 4];
        // SAFETY: the array is writable.
        unsafe { self.fetch(address, bytes.as_mut_ptr(), 4)? };
        let mut text = self.text(TEXT)?;
        push_v4(&mut text, bytes);
        Ok(text.finish())
    }

    /// `inet_ntoa6`: the IPv6 address at an address.
    pub(crate) fn inet_ntoa6(&self, address: u64) -> Result<u64, Trap> {
        let mut bytes = [0; 16];
        // SAFETY: the array is writable.
        unsafe { self.fetch(address, bytes.as_mut_ptr(), 16)? };
        let mut text = self.text(TEXT)?;
        push_v6(&mut text, bytes);
        Ok(text.finish())
    }

    /// `inet_ntop`: either, by its family.
    pub(crate) fn inet_ntop(&self, family: u64, address: u64) -> Result<u64, Trap> {
        match family {
            AF_INET => self.inet_ntoa(address),
            AF_INET6 => self.inet_ntoa6(address),
            _ => Err(Trap::new(FaultKind::IllegalOperation)),
        }
    }
}
