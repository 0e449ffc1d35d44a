//! `json`: one element of a JSON text.
//!
//! An element is named as in a program: `name`, `[n]`, and steps from one into the other: `a.b[2].c`. A string's value is what
//! stands between its quotes, with escapes as they are written; any other value is its text. An element that is not there,
//! and a text that is no JSON as far as it was read, give NULL.
//!
//! What always holds: no recursion, and time linear in `strsize`, because a value that is not wanted is passed over once. The
//! kinds of the brackets that are open are kept in the bits of a word, so a text nested deeper than 64 is refused.

use super::memory::Reader;
use super::{Machine, Subject, Trap};
use crate::host::Host;

/// Why there is no value: the text or the element is none, or memory cannot be read.
enum Miss {
    Absent,
    Trap(Trap),
}

impl From<Trap> for Miss {
    fn from(trap: Trap) -> Self {
        Miss::Trap(trap)
    }
}

/// A place in a string.
struct Cursor<'m, 'a, H: Host, P: Subject<H>> {
    reader: Reader<'m, 'a, H, P>,
    at: u64,
    limit: u64,
}

impl<H: Host, P: Subject<H>> Cursor<'_, '_, H, P> {
    /// The byte here; NUL at the end.
    fn peek(&mut self) -> Result<u8, Trap> {
        if self.at < self.limit { self.reader.byte(self.at) } else { Ok(0) }
    }

    fn next(&mut self) -> Result<u8, Trap> {
        let byte = self.peek()?;
        self.at += u64::from(byte != 0);
        Ok(byte)
    }

    fn skip_blanks(&mut self) -> Result<(), Trap> {
        while matches!(self.peek()?, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        Ok(())
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Miss> {
        if self.next()? == wanted { Ok(()) } else { Err(Miss::Absent) }
    }

    /// Passes a string, its first quote included: where its contents begin and end.
    fn skip_string(&mut self) -> Result<(u64, u64), Miss> {
        self.expect(b'"')?;
        let from = self.at;
        loop {
            match self.next()? {
                b'"' => return Ok((from, self.at - 1)),
                b'\\' if self.next()? != 0 => (),
                0 | b'\\' => return Err(Miss::Absent),
                _ => (),
            }
        }
    }

    /// Passes a value: where its text begins and ends.
    fn skip_value(&mut self) -> Result<(u64, u64), Miss> {
        self.skip_blanks()?;
        let from = self.at;
        match self.peek()? {
            b'"' => return self.skip_string(),
            b'{' | b'[' => self.skip_brackets()?,
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                while matches!(self.peek()?, b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') {
                    self.at += 1;
                }
            }
            _ => return Err(Miss::Absent),
        }
        Ok((from, self.at))
    }

    /// Passes an object or an array with all that is in it.
    fn skip_brackets(&mut self) -> Result<(), Miss> {
        // One bit for each open bracket, the innermost last: 1 for an array.
        let (mut kinds, mut depth) = (0u64, 0u32);
        loop {
            match self.peek()? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                0 => return Err(Miss::Absent),
                open @ (b'{' | b'[') => {
                    if depth == u64::BITS {
                        return Err(Miss::Absent);
                    }
                    depth += 1;
                    kinds = kinds << 1 | u64::from(open == b'[');
                }
                close @ (b'}' | b']') => {
                    if kinds & 1 != u64::from(close == b']') {
                        return Err(Miss::Absent);
                    }
                    kinds >>= 1;
                    depth -= 1;
                }
                _ => (),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Goes to element `wanted` of the array that begins here.
    fn enter_array(&mut self, wanted: u64) -> Result<(), Miss> {
        self.skip_blanks()?;
        self.expect(b'[')?;
        for _ in 0..wanted {
            self.skip_value()?;
            self.skip_blanks()?;
            self.expect(b',')?;
        }
        Ok(())
    }

    /// Goes to the value of the member of the object that begins here whose name is what `path` has, from where it stands to
    /// `end`.
    fn enter_object(&mut self, path: &mut Self, end: u64) -> Result<(), Miss> {
        self.skip_blanks()?;
        self.expect(b'{')?;
        loop {
            self.skip_blanks()?;
            let (from, to) = self.skip_string()?;
            let found = to - from == end - path.at && self.equals(from, path, to - from)?;
            self.skip_blanks()?;
            self.expect(b':')?;
            if found {
                return Ok(());
            }
            self.skip_value()?;
            self.skip_blanks()?;
            self.expect(b',')?;
        }
    }

    /// Whether `len` bytes from an offset on are those that `path` stands at.
    fn equals(&mut self, from: u64, path: &mut Self, len: u64) -> Result<bool, Trap> {
        for n in 0..len {
            if self.reader.byte(from + n)? != path.reader.byte(path.at + n)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The number in brackets that the path stands at, with both brackets passed.
    fn subscript(&mut self) -> Result<u64, Miss> {
        self.expect(b'[')?;
        let (mut number, from) = (0u64, self.at);
        while let digit @ b'0'..=b'9' = self.peek()? {
            number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == from {
            return Err(Miss::Absent);
        }
        self.expect(b']')?;
        Ok(number)
    }

    /// Where the name that the path stands at ends.
    fn name_end(&mut self) -> Result<u64, Miss> {
        let from = self.at;
        while !matches!(self.peek()?, 0 | b'.' | b'[') {
            self.at += 1;
        }
        let end = core::mem::replace(&mut self.at, from);
        if end == from { Err(Miss::Absent) } else { Ok(end) }
    }
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// `json(text, element)`: the element's value as a string, or NULL.
    pub(crate) fn json(&self, text: u64, element: u64) -> Result<u64, Trap> {
        let limit = self.clause.strsize as u64;
        let mut document = Cursor { reader: Reader::new(self, text), at: 0, limit };
        let mut path = Cursor { reader: Reader::new(self, element), at: 0, limit };
        let (from, to) = match find(&mut document, &mut path) {
            Ok(place) => place,
            Err(Miss::Absent) => return Ok(0),
            Err(Miss::Trap(trap)) => return Err(trap),
        };
        let mut value = self.text(self.clause.strsize)?;
        for at in from..to {
            value.push(document.reader.byte(at)?);
        }
        Ok(value.finish())
    }
}

/// Where the element's value is in the document.
fn find<'m, 'a, H: Host, P: Subject<H>>(
    document: &mut Cursor<'m, 'a, H, P>,
    path: &mut Cursor<'m, 'a, H, P>,
) -> Result<(u64, u64), Miss> {
    let mut first = true;
    loop {
        match path.peek()? {
            0 if !first => return document.skip_value(),
            b'[' => {
                let number = path.subscript()?;
                document.enter_array(number)?;
            }
            byte => {
                if !first && byte != b'.' {
                    return Err(Miss::Absent);
                }
                path.at += u64::from(!first);
                let end = path.name_end()?;
                document.enter_object(path, end)?;
                path.at = end;
            }
        }
        first = false;
    }
}
