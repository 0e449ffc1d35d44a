//! `basename`, `dirname` and `cleanpath`: paths as text, without looking at any file system.

use super::memory::Reader;
use super::{Machine, Subject, Trap};
use crate::host::Host;

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// Copies the bytes `from..to` of a path.
    fn copy_path(&self, address: u64, from: u64, to: u64) -> Result<u64, Trap> {
        let mut text = self.text(self.clause.strsize)?;
        let mut reader = Reader::new(self, address);
        for at in from..to {
            text.push(reader.byte(at)?);
        }
        Ok(text.finish())
    }

    fn constant_path(&self, path: &[u8]) -> Result<u64, Trap> {
        let mut text = self.text(self.clause.strsize)?;
        text.push_all(path);
        Ok(text.finish())
    }

    /// The length of a path, and that without slashes at its end.
    fn path_length(&self, address: u64) -> Result<(u64, u64), Trap> {
        let mut reader = Reader::new(self, address);
        let (mut len, mut end) = (0, 0);
        while len < self.clause.strsize as u64 {
            match reader.byte(len)? {
                0 => break,
                b'/' => len += 1,
                _ => {
                    len += 1;
                    end = len;
                }
            }
        }
        Ok((len, end))
    }

    /// Where the last component begins, of a path that ends at `end` without slashes after it.
    fn last_component(&self, address: u64, end: u64) -> Result<u64, Trap> {
        let mut reader = Reader::new(self, address);
        let mut start = 0;
        for at in 0..end {
            if reader.byte(at)? == b'/' {
                start = at + 1;
            }
        }
        Ok(start)
    }

    /// `basename`: the last component.
    pub(crate) fn basename(&self, address: u64) -> Result<u64, Trap> {
        let (len, end) = self.path_length(address)?;
        if end == 0 {
            return self.constant_path(if len == 0 { b"." } else { b"/" });
        }
        let start = self.last_component(address, end)?;
        self.copy_path(address, start, end)
    }

    /// `dirname`: all but the last component.
    pub(crate) fn dirname(&self, address: u64) -> Result<u64, Trap> {
        let (len, end) = self.path_length(address)?;
        if end == 0 {
            return self.constant_path(if len == 0 { b"." } else { b"/" });
        }
        let mut start = self.last_component(address, end)?;
        if start == 0 {
            return self.constant_path(b".");
        }
        // Slashes before the last component go too, but for the one at the very beginning.
        let mut reader = Reader::new(self, address);
        while start > 1 && reader.byte(start - 1)? == b'/' {
            start -= 1;
        }
        self.copy_path(address, 0, start)
    }

    /// `cleanpath`: the path without empty and `.` components, and without those that a `..` takes back. A `.` or `..` that
    /// a relative path begins with stays.
    pub(crate) fn cleanpath(&self, address: u64) -> Result<u64, Trap> {
        let mut text = self.text(self.clause.strsize)?;
        let mut reader = Reader::new(self, address);
        let limit = self.clause.strsize as u64;
        let absolute = reader.byte(0)? == b'/';
        if absolute {
            text.push(b'/');
        }
        let mut at = 0;
        loop {
            while at < limit && reader.byte(at)? == b'/' {
                at += 1;
            }
            // The component goes to the end of the text, and then perhaps away again.
            let before = text.len();
            if before > usize::from(absolute) {
                text.push(b'/');
            }
            let start = text.len();
            let mut full = false;
            while at < limit {
                let byte = reader.byte(at)?;
                if byte == 0 || byte == b'/' {
                    break;
                }
                full |= !text.push(byte);
                at += 1;
            }
            let ended = at >= limit || reader.byte(at)? == 0;
            match (text.len() - start, text.byte(start), text.byte(start + 1)) {
                // A slash at the end stays.
                (0, ..) if at >= limit || ended => break,
                (1, b'.', _) if before != 0 => text.truncate(before),
                (2, b'.', b'.') => {
                    let mut last = before;
                    while last > usize::from(absolute) && text.byte(last - 1) != b'/' {
                        last -= 1;
                    }
                    let kept = matches!(
                        (before - last, text.byte(last), text.byte(last + 1)),
                        (1, b'.', _) | (2, b'.', b'.')
                    );
                    if before > last && !kept {
                        text.truncate(if last > usize::from(absolute) { last - 1 } else { last });
                    } else if absolute && before <= 1 {
                        text.truncate(1);
                    }
                }
                _ => {}
            }
            if ended || full {
                break;
            }
        }
        Ok(text.finish())
    }
}
