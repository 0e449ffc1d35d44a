//! Probe name patterns (contract 3, "Matching").
//!
//! A part of a probe description that is empty matches anything; one that holds any of `[ ? * \` is a glob; anything else
//! must be equal. In a glob `*` stands for any run, `?` for one byte, `[a-z]` for a set, `[!a-z]` for its complement, and
//! a backslash quotes what follows, inside a set too. A set that does not end, and a backslash at the very end, match
//! nothing.
//!
//! Matching takes no memory and does not recurse: of several stars only the last one reached can ever have to be tried
//! again, so the work is bounded by the product of the two lengths. The original recurses and gives up (`EINVAL`) deeper
//! than eight stars; that limit is kept as the rule on how many runs of stars a pattern may have, checked once when it is
//! parsed, so that matching itself cannot fail.

/// How many runs of stars a pattern may have (contract 3).
pub const MAX_DEPTH: usize = 8;

/// The pattern has more than [`MAX_DEPTH`] runs of stars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeep;

/// One part of a probe description, ready to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// Matches anything.
    Any,
    /// Matches this text only.
    Exact(&'a [u8]),
    /// Matches what the glob says.
    Glob(&'a [u8]),
}

impl<'a> Pattern<'a> {
    /// Reads a pattern from text without its NUL.
    pub fn parse(text: &'a [u8]) -> Result<Pattern<'a>, TooDeep> {
        if text.is_empty() {
            return Ok(Pattern::Any);
        }
        if !is_glob(text) {
            return Ok(Pattern::Exact(text));
        }
        if star_runs(text) > MAX_DEPTH {
            return Err(TooDeep);
        }
        Ok(if text.iter().all(|&b| b == b'*') { Pattern::Any } else { Pattern::Glob(text) })
    }

    /// Whether `name` (without a NUL) matches.
    #[inline]
    pub fn matches(&self, name: &[u8]) -> bool {
        match *self {
            Pattern::Any => true,
            Pattern::Exact(text) => text == name,
            Pattern::Glob(glob) => glob_matches(glob, name),
        }
    }

    /// Whether everything matches.
    pub fn is_any(&self) -> bool {
        matches!(self, Pattern::Any)
    }

    /// The text, if only one text matches.
    pub fn exact(&self) -> Option<&'a [u8]> {
        match *self {
            Pattern::Exact(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether the text holds a byte that makes it a glob.
pub fn is_glob(text: &[u8]) -> bool {
    text.iter().any(|b| matches!(b, b'[' | b'?' | b'*' | b'\\'))
}

/// The number of runs of unquoted stars outside sets.
fn star_runs(glob: &[u8]) -> usize {
    let mut runs = 0;
    let mut rest = glob;
    let mut after_star = false;
    while let Some((token, tail)) = token(rest) {
        let star = matches!(token, Token::Star);
        runs += usize::from(star && !after_star);
        after_star = star;
        rest = tail;
    }
    runs
}

/// One unit of a glob.
enum Token<'a> {
    Star,
    AnyByte,
    Byte(u8),
    /// The inside of a set (without the exclamation mark), and whether it is negated.
    Set(&'a [u8], bool),
    /// An unfinished set or quotation.
    Nothing,
}

impl Token<'_> {
    fn accepts(&self, byte: u8) -> bool {
        match *self {
            Token::AnyByte => true,
            Token::Byte(b) => b == byte,
            Token::Set(set, negated) => set_has(set, byte) != negated,
            Token::Star | Token::Nothing => false,
        }
    }
}

/// Splits the first token off.
fn token(glob: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let (&first, rest) = glob.split_first()?;
    Some(match first {
        b'*' => (Token::Star, rest),
        b'?' => (Token::AnyByte, rest),
        b'\\' => match rest.split_first() {
            Some((&quoted, rest)) => (Token::Byte(quoted), rest),
            None => (Token::Nothing, rest),
        },
        b'[' => {
            let (negated, body) = match rest.split_first() {
                Some((b'!', body)) => (true, body),
                _ => (false, rest),
            };
            match set_end(body) {
                Some(end) => (Token::Set(body.get(..end)?, negated), body.get(end + 1..)?),
                None => (Token::Nothing, &[]),
            }
        }
        byte => (Token::Byte(byte), rest),
    })
}

/// Where the closing bracket of a set stands. A bracket that comes first stands for itself.
fn set_end(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *body.get(at)? {
            b']' if at > 0 => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// One byte of a set, unquoted, and what follows it.
fn set_byte(set: &[u8]) -> Option<(u8, &[u8])> {
    match set.split_first()? {
        (b'\\', rest) => rest.split_first().map(|(&b, rest)| (b, rest)),
        (&b, rest) => Some((b, rest)),
    }
}

fn set_has(set: &[u8], byte: u8) -> bool {
    let mut rest = set;
    while let Some((low, tail)) = set_byte(rest) {
        rest = tail;
        let mut high = low;
        if let Some((b'-', range)) = rest.split_first()
            && let Some((end, tail)) = set_byte(range)
        {
            high = end;
            rest = tail;
        }
        if (low..=high).contains(&byte) {
            return true;
        }
    }
    false
}

fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut glob, mut name) = (glob, name);
    // Where to go on when a token fails: behind the last star, with the star standing for one byte more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (token(glob), name.split_first()) {
            (Some((Token::Star, rest)), _) => {
                if rest.is_empty() {
                    return true;
                }
                retry = Some((rest, name));
                glob = rest;
            }
            (Some((token, rest)), Some((&byte, tail))) if token.accepts(byte) => {
                glob = rest;
                name = tail;
            }
            (None, None) => return true,
            (Some(_), None) => return false,
            _ => match retry {
                Some((star, [_, tail @ ..])) => {
                    retry = Some((star, tail));
                    glob = star;
                    name = tail;
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern.as_bytes()).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn empty_matches_anything_and_plain_text_only_itself() {
        assert!(m("", "") && m("", "read"));
        assert!(m("read", "read") && !m("read", "readv") && !m("read", "rea") && !m("read", ""));
    }

    #[test]
    fn stars() {
        assert!(m("*", "") && m("*", "read") && m("**", "x"));
        assert!(
            m("re*", "read") && m("*ad", "read") && m("r*d", "rd") && m("r*d", "read") && !m("r*d", "reads")
        );
        assert!(m("*a*b*", "xxaxxbxx") && !m("*a*b*", "xxbxxaxx"));
        assert!(m("*aab", "aaaaaab") && !m("*aab", "aaaaaaba"));
        assert!(m("*socket*", "sys_socketpair"));
    }

    #[test]
    fn question_marks() {
        assert!(m("rea?", "read") && !m("rea?", "rea") && !m("?", "") && m("???", "abc"));
    }

    #[test]
    fn sets_ranges_and_complements() {
        assert!(m("[abc]x", "bx") && !m("[abc]x", "dx") && !m("[abc]x", "x"));
        assert!(m("tick-[0-9]", "tick-7") && !m("tick-[0-9]", "tick-x"));
        assert!(m("[a-cx-z]", "y") && !m("[a-cx-z]", "m"));
        assert!(m("[!a-c]", "d") && !m("[!a-c]", "b") && !m("[!a]", ""));
        assert!(m("[a-]", "-") && m("[]a]", "]") && m("[!]a]", "b") && !m("[!]a]", "]"));
        assert!(m("[\\]]", "]") && m("[\\-a]", "-") && m("[\\!]", "!"));
    }

    #[test]
    fn a_backslash_quotes() {
        assert!(m("\\*", "*") && !m("\\*", "x") && m("a\\?b", "a?b") && m("\\[x", "[x"));
    }

    #[test]
    fn unfinished_patterns_match_nothing() {
        assert!(!m("[abc", "a") && !m("[", "[") && !m("[!", "x") && !m("a\\", "a") && !m("a\\", "a\\"));
        assert!(!m("[a\\", "a"));
    }

    #[test]
    fn more_than_eight_runs_of_stars_are_refused() {
        assert!(Pattern::parse(b"*a*b*c*d*e*f*g*h").is_ok());
        assert_eq!(Pattern::parse(b"*a*b*c*d*e*f*g*h*"), Err(TooDeep));
        assert!(Pattern::parse(b"***********a").is_ok());
        assert!(Pattern::parse(b"*[*]\\**[*]\\**[*]\\**[*]\\*").is_ok());
    }

    #[test]
    fn the_worst_case_is_quick() {
        let name = [b'a'; 127];
        assert!(!Pattern::parse(b"*a*a*a*a*a*a*a*b").unwrap().matches(&name));
    }
}
