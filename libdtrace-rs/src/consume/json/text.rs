//! A JSON value as text.

use std::fmt;

/// A JSON value. It is shown in one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// A number with a sign.
    Signed(i64),
    /// A number without one.
    Unsigned(u64),
    /// A number that need not be whole; what is none, or infinite, is shown as `null`.
    Real(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object: its members in order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object with these members.
    pub fn object<const N: usize>(members: [(&str, Json); N]) -> Self {
        Json::Object(members.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
    }

    /// Adds a member to an object.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        if let Json::Object(members) = &mut self {
            members.push((name.to_string(), value.into()));
        }
        self
    }

    /// Text where bytes are some, else an object that has them in hexadecimal.
    pub fn text_or_bytes(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes).map_or_else(|_| Json::bytes(bytes), Json::from)
    }

    /// An object that has bytes in hexadecimal.
    pub fn bytes(bytes: &[u8]) -> Self {
        Json::object([("bytes", Json::Text(hexadecimal(bytes)))])
    }
}

/// Bytes, two digits each.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::Text(text.to_string())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::Text(text)
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Json::Unsigned(number.into())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Json::Unsigned(number)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Json::Signed(number)
    }
}

impl From<Vec<Json>> for Json {
    fn from(list: Vec<Json>) -> Self {
        Json::List(list)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Signed(number) => write!(f, "{number}"),
            Json::Unsigned(number) => write!(f, "{number}"),
            Json::Real(number) if number.is_finite() => write!(f, "{number:?}"),
            Json::Null | Json::Real(_) => f.write_str("null"),
            Json::Text(text) => quoted(f, text),
            Json::List(list) => {
                f.write_str("[")?;
                for (n, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if n > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (n, (name, value)) in members.iter().enumerate() {
                    f.write_str(if n > 0 { "," } else { "" })?;
                    quoted(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write;
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            // These two end a line in JavaScript, and DEL does nobody good.
            '\0'..' ' | '\x7f' | '\u{2028}' | '\u{2029}' => write!(f, "\\u{:04x}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_and_stay_in_one_line() {
        let shown = Json::from("a\"\\\n\r\t\0\x1b\u{2028}é").to_string();
        assert_eq!(shown, "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001b\\u2028é\"");
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        let list = Json::List(vec![u64::MAX.into(), i64::MIN.into(), Json::Real(0.5), Json::Real(f64::NAN)]);
        assert_eq!(list.to_string(), "[18446744073709551615,-9223372036854775808,0.5,null]");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_by_their_digits() {
        assert_eq!(Json::text_or_bytes(b"ab").to_string(), "\"ab\"");
        assert_eq!(Json::text_or_bytes(&[0xff, 0]).to_string(), "{\"bytes\":\"ff00\"}");
    }

    #[test]
    fn members_keep_their_order() {
        let object = Json::object([("b", Json::Null)]).with("a", Vec::new()).with("c", Some(1u64));
        assert_eq!(object.to_string(), "{\"b\":null,\"a\":[],\"c\":1}");
    }
}
