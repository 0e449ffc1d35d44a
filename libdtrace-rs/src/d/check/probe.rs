//! Probe descriptions: from their text to the four parts.

use super::super::macros::{Macros, Value};
use super::super::parser::SpecKind;
use crate::error::{Code, Error};
use crate::program::ProbeDesc;

/// How long the parts may be, the closing NUL not counted (contract 2.2).
const LIMITS: [usize; 4] = [63, 63, 127, 63];

const ENAMETOOLONG: i32 = 36;

/// Splits a probe description. What stands between colons is counted from the right end: a bare word is the part that
/// `spec` says, and of fewer than four parts the left ones are missing. Macro variables are replaced.
pub fn parse_description(text: &str, spec: SpecKind, macros: &Macros) -> Result<ProbeDesc, Error> {
    let last: usize = match spec {
        SpecKind::None | SpecKind::Name => 3,
        SpecKind::Function => 2,
        SpecKind::Module => 1,
        SpecKind::Provider => 0,
    };
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let id = text.parse().ok().filter(|id| *id != 0).ok_or(Error::Lib(Code::BadId))?;
        return Ok(ProbeDesc { id, ..ProbeDesc::default() });
    }
    let text = expand(text, macros)?;
    let mut parts = [const { String::new() }; 4];
    for (back, part) in text.rsplit(':').enumerate() {
        let Some(at) = last.checked_sub(back) else { return Err(Error::Lib(Code::BadSpec)) };
        let part = part.trim();
        if part.len() > LIMITS[at] {
            return Err(Error::Sys(ENAMETOOLONG));
        }
        parts[at] = part.to_owned();
    }
    let [provider, module, function, name] = parts;
    Ok(ProbeDesc { id: 0, provider, module, function, name })
}

/// Replaces `$name` and `$1` by their values.
fn expand(text: &str, macros: &Macros) -> Result<String, Error> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let after = after.strip_prefix('$').unwrap_or(after);
        let digits = after.starts_with(|c: char| c.is_ascii_digit());
        let end = after
            .find(|c: char| if digits { !c.is_ascii_digit() } else { !c.is_ascii_alphanumeric() && c != '_' })
            .unwrap_or(after.len());
        let value = if end == 0 { None } else { macros.get(&after[..end]) };
        match value {
            Some(Value::Number(number)) => result.push_str(&number.to_string()),
            Some(Value::Text(text)) => result.push_str(String::from_utf8_lossy(&text).trim_matches('"')),
            Some(Value::Default) => result.push('0'),
            None => return Err(Error::Lib(Code::BadSpecMacro)),
        }
        rest = &after[end..];
    }
    result.push_str(rest);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, spec: SpecKind) -> [String; 4] {
        let mut macros = Macros::new(vec!["prog".into(), "tick-1s".into()]);
        macros.set("target", 42);
        let d = parse_description(text, spec, &macros).unwrap();
        [d.provider, d.module, d.function, d.name]
    }

    #[test]
    fn parts_are_counted_from_the_right() {
        assert_eq!(parts("syscall::open*:entry", SpecKind::None), ["syscall", "", "open*", "entry"]);
        assert_eq!(parts("fbt:module:func:", SpecKind::None), ["fbt", "module", "func", ""]);
        assert_eq!(parts("open:entry", SpecKind::None), ["", "", "open", "entry"]);
        assert_eq!(parts("BEGIN", SpecKind::Name), ["", "", "", "BEGIN"]);
        assert_eq!(parts(":::", SpecKind::None), ["", "", "", ""]);
    }

    #[test]
    fn the_kind_of_specification_says_what_a_bare_word_is() {
        assert_eq!(parts("syscall", SpecKind::Provider), ["syscall", "", "", ""]);
        assert_eq!(parts("fbt:ext4", SpecKind::Module), ["fbt", "ext4", "", ""]);
        assert_eq!(parts("vfs_read", SpecKind::Function), ["", "", "vfs_read", ""]);
    }

    #[test]
    fn macro_variables_are_replaced() {
        assert_eq!(parts("pid$target:::entry", SpecKind::None), ["pid42", "", "", "entry"]);
        assert_eq!(parts("$1", SpecKind::None), ["", "", "", "tick-1s"]);
    }

    #[test]
    fn what_is_wrong_is_said_by_a_code() {
        let macros = Macros::default();
        let fault = |text: &str, spec| parse_description(text, spec, &macros).unwrap_err();
        assert_eq!(fault("a:b:c:d:e", SpecKind::None), Error::Lib(Code::BadSpec));
        assert_eq!(fault("a:b", SpecKind::Provider), Error::Lib(Code::BadSpec));
        assert_eq!(fault("pid$7:::x", SpecKind::None), Error::Lib(Code::BadSpecMacro));
        assert_eq!(fault(&format!("{}:::", "p".repeat(64)), SpecKind::None), Error::Sys(ENAMETOOLONG));
    }
}
