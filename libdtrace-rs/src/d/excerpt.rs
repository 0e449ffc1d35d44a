//! The line of a program that a fault is in, with a mark under what is wrong: the `errsource` option.

use super::lexer::{Lexer, Mode};
use super::macros::Macros;
use super::token::TokenKind;
use crate::error::{Diagnostic, Tag};

/// Two lines: the one that the fault is in, and the mark. None for a fault that has no place in this text.
pub fn excerpt(text: &[u8], fault: &Diagnostic, macros: &Macros) -> Option<String> {
    // What is left over of the arguments is missing everywhere.
    if fault.tag == Tag::MacroUnused {
        return None;
    }
    let offset = usize::try_from(fault.offset).ok().filter(|&at| at <= text.len())?;
    let (offset, end) = match text[offset..].trim_ascii_start() {
        // At the end of the text: behind the last thing in it.
        [] => {
            let end = text.trim_ascii_end().len();
            (end, end)
        }
        _ => (offset, offset + extent(&text[offset..], fault.tag, macros)),
    };
    let counted = text[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1;
    // A line control renumbers lines, and names a file. Where there was none, another number means another text: what an
    // inline of a library says is wrong only where it is used.
    let counted = u32::try_from(counted).ok()?;
    if fault.file.is_none() && fault.line != counted && offset != text.trim_ascii_end().len() {
        return None;
    }
    let number = if fault.file.is_some() { fault.line } else { counted };
    let start = text[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let stop = text[offset..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| offset + at);
    let shown = |bytes: &[u8]| -> String {
        String::from_utf8_lossy(bytes)
            .chars()
            .map(|c| if c.is_control() && c != '\t' { '?' } else { c })
            .collect()
    };
    let line = shown(text[start..stop].trim_ascii_end());
    // A tab before the mark is a tab, so that both lines end up in the same column.
    let before: String =
        shown(&text[start..offset]).chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let length = shown(&text[offset..end.clamp(offset, stop)]).chars().count().max(1);
    let mark = format!("^{}", "~".repeat(length - 1));
    let label = number.to_string();
    Some(format!("  {label} | {line}\n  {:1$} | {before}{mark}", "", label.len()))
}

/// How long the thing at the beginning of a text is: a token, or a probe description.
fn extent(text: &[u8], tag: Tag, macros: &Macros) -> usize {
    if matches!(tag, Tag::PdescInval | Tag::PdescZero) {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'/' | b'{' | b';');
        return text.iter().position(ends).unwrap_or(text.len());
    }
    match Lexer::new(text, macros).next(Mode::Inner) {
        Ok(token) if token.kind != TokenKind::End => token.end as usize,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, what: &str, tag: Tag) -> Option<String> {
        let offset = text.find(what).unwrap();
        let line = text[..offset].matches('\n').count() as u32 + 1;
        let fault = Diagnostic { line, offset: offset as u32, ..Diagnostic::new(tag, "") };
        excerpt(text.as_bytes(), &fault, &Macros::default())
    }

    #[test]
    fn the_mark_is_as_long_as_the_word_and_tabs_stay() {
        let text = "BEGIN\n{\n\ttrace(nobody + 1);\n}\n";
        let want = "  3 | \ttrace(nobody + 1);\n    | \t      ^~~~~~";
        assert_eq!(at(text, "nobody", Tag::IdentUndef).unwrap(), want);
        let want = "  3 | \ttrace(nobody + 1);\n    | \t             ^";
        assert_eq!(at(text, "+", Tag::OpArith).unwrap(), want);
    }

    #[test]
    fn letters_beyond_ascii_are_one_column() {
        let want = "  1 | BEGIN { trace(\"é\" + 1); }\n    |                   ^";
        assert_eq!(at("BEGIN { trace(\"é\" + 1); }", "+", Tag::OpArith).unwrap(), want);
        let want = "  1 | BEGIN { trace(\"é\" + 1); }\n    |               ^~~";
        assert_eq!(at("BEGIN { trace(\"é\" + 1); }", "\"", Tag::OpArith).unwrap(), want);
    }

    #[test]
    fn a_probe_description_is_marked_whole() {
        let want = "  1 | BEGIN, foo:::bar /1/ { }\n    |        ^~~~~~~~~";
        assert_eq!(at("BEGIN, foo:::bar /1/ { }", "foo", Tag::PdescZero).unwrap(), want);
    }

    #[test]
    fn at_the_end_of_the_text_the_mark_is_behind_it() {
        let text = "BEGIN {\n  x = 1;\n\n";
        let fault = |line| {
            let offset = text.len() as u32;
            Diagnostic { line, offset, ..Diagnostic::new(Tag::Syntax, "") }
        };
        let want = "  2 |   x = 1;\n    |         ^";
        assert_eq!(excerpt(text.as_bytes(), &fault(4), &Macros::default()).unwrap(), want);
    }

    #[test]
    fn a_fault_of_another_text_has_no_excerpt() {
        let fault = |line, offset| Diagnostic { line, offset, ..Diagnostic::new(Tag::OpInt, "") };
        assert_eq!(excerpt(b"BEGIN {\n}\n", &fault(7, 3), &Macros::default()), None);
        assert_eq!(excerpt(b"BEGIN {\n}\n", &fault(1, 300), &Macros::default()), None);
    }
}
