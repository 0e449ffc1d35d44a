//! What a recorded value looks like when nothing says how to print it: `trace`, `tracemem`, and the keys of aggregations.
//!
//! Sizes of 1, 2, 4 and 8 bytes are numbers. The two small ones are shown without a sign, as the original does. Other
//! sizes are text if they look like it, else a dump. A value that is known to be a D string is text more often than the
//! original thinks: an empty one is nothing rather than a dump of zeros, and UTF-8 is text.

use std::io::{self, Write};

use dtrace_abi::Plain;

/// How values are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Nothing around the value.
    pub quiet: bool,
    /// Text is dumped too; numbers stay numbers.
    pub raw: bool,
    /// Columns for text.
    pub width: usize,
}

/// Columns for text in a row.
pub const ROW_WIDTH: usize = 33;
/// Columns for text in the key of an aggregation.
pub const KEY_WIDTH: usize = 50;

/// Prints a value. `string` says that it is known to be a D string.
pub fn value(out: &mut dyn Write, bytes: &[u8], string: bool, style: Style) -> io::Result<()> {
    if !string {
        let number: Option<(i64, usize)> = match bytes.len() {
            1 => Some((i64::from(bytes[0]), 3)),
            2 => u16::from_bytes(bytes).map(|n| (i64::from(n), 5)),
            4 => i32::from_bytes(bytes).map(|n| (i64::from(n), 8)),
            8 => i64::from_bytes(bytes).map(|n| (n, 16)),
            _ => None,
        };
        if let Some((number, width)) = number {
            return if style.quiet { write!(out, "{number}") } else { write!(out, " {number:>width$}") };
        }
    }
    match text(bytes, string).filter(|_| !style.raw) {
        Some(text) if style.quiet => out.write_all(text),
        Some(text) => {
            out.write_all(b"  ")?;
            out.write_all(text)?;
            let columns = std::str::from_utf8(text).map_or(text.len(), |t| t.chars().count());
            write!(out, "{:1$}", "", style.width.saturating_sub(columns))
        }
        None => dump(out, bytes),
    }
}

/// The text that `bytes` are, if they are: printable up to a NUL, and nothing but NULs from there.
fn text(bytes: &[u8], string: bool) -> Option<&[u8]> {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at(end);
    if string {
        let decoded = std::str::from_utf8(text).ok()?;
        return decoded.chars().all(|c| !c.is_control() || is_space(c)).then_some(text);
    }
    let printable = text.iter().all(|&b| (0x20..0x7f).contains(&b) || is_space(char::from(b)));
    (!text.is_empty() && printable && rest.iter().all(|&b| b == 0)).then_some(text)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Dumps bytes, sixteen in a row.
pub fn dump(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    write!(out, "\n{:11}", "")?;
    for column in 0..16 {
        write!(out, "  {column:x}")?;
    }
    out.write_all(b"  0123456789abcdef\n")?;
    for (row, bytes) in bytes.chunks(16).enumerate() {
        write!(out, "{:10x}:", row * 16)?;
        for byte in bytes {
            write!(out, " {byte:02x}")?;
        }
        write!(out, "{:1$}", "", (16 - bytes.len()) * 3 + 2)?;
        let shown = |&b: &u8| if (0x20..0x7f).contains(&b) { b } else { b'.' };
        out.write_all(&bytes.iter().map(shown).collect::<Vec<_>>())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Text with everything that is not printable written as C writes it in a string.
pub fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        let letter = match byte {
            0x00 => b'0',
            0x07 => b'a',
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            b'"' | b'\\' => byte,
            0x20..0x7f => {
                out.push(byte);
                continue;
            }
            _ => {
                out.extend(format!("\\{byte:03o}").bytes());
                continue;
            }
        };
        out.extend([b'\\', letter]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Style = Style { quiet: false, raw: false, width: ROW_WIDTH };
    const QUIET: Style = Style { quiet: true, ..ROW };

    fn print(bytes: &[u8], string: bool, style: Style) -> String {
        let mut out = Vec::new();
        value(&mut out, bytes, string, style).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn padded(text: &str, size: usize) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(size, 0);
        bytes
    }

    #[test]
    fn numbers_have_columns_by_their_size() {
        assert_eq!(print(&[200], false, ROW), " 200");
        assert_eq!(print(&[255], false, ROW), " 255");
        assert_eq!(print(&2u16.to_ne_bytes(), false, ROW), "     2");
        assert_eq!(print(&(-3i32).to_ne_bytes(), false, ROW), "       -3");
        assert_eq!(print(&4i64.to_ne_bytes(), false, ROW), "                4");
        assert_eq!(print(&4i64.to_ne_bytes(), false, QUIET), "4");
    }

    #[test]
    fn text_fills_its_columns() {
        assert_eq!(print(&padded("abc", 256), true, ROW), format!("  {:33}", "abc"));
        assert_eq!(print(&padded("abc", 256), true, QUIET), "abc");
        assert_eq!(print(&padded("", 256), true, ROW), " ".repeat(35));
        assert_eq!(print(&padded("å", 256), true, ROW), format!("  {:33}", "å"));
        assert_eq!(print(b"AB\0", false, ROW), format!("  {:33}", "AB"));
    }

    #[test]
    fn what_is_not_text_is_dumped() {
        let want = "\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n         \
                    0: 61 00 62                                         a.b\n";
        assert_eq!(print(b"a\0b", false, ROW), want);
        assert!(print(&[0; 16], false, ROW).starts_with("\n"));
        assert!(print(&padded("a\x01b", 16), true, QUIET).starts_with("\n"));
        let raw = Style { raw: true, ..ROW };
        assert!(print(&padded("abc", 16), true, raw).contains("61 62 63 00"));
    }

    #[test]
    fn a_dump_has_sixteen_bytes_in_a_row() {
        let text = print(&(0..40).collect::<Vec<u8>>(), false, ROW);
        let rows: Vec<_> = text.lines().collect();
        assert_eq!(rows[2], "         0: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................");
        assert_eq!(rows[4], format!("        20: 20 21 22 23 24 25 26 27{:26} !\"#$%&'", ""));
    }

    #[test]
    fn escapes_are_those_of_c() {
        assert_eq!(escape(b"a\n\t\x01\xff\"\\b"), br#"a\n\t\001\377\"\\b"#);
    }
}
