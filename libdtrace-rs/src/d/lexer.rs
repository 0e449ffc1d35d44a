//! From text to tokens.
//!
//! D's lexer depends on where it is. Between clauses a run of characters such as `syscall::open*:entry` is one token, a
//! probe description; inside a clause or a declaration the same characters are C. And a slash inside a predicate ends it
//! when a brace, a semicolon, another slash or the end of the text follows; else it divides. The parser says where it is
//! ([`Mode`]) each time it asks for a token.
//!
//! Control lines (`#line`, `#pragma`, `#!`) may stand between any two tokens. Line controls are obeyed here; pragmas are
//! put aside ([`Lexer::take_pragmas`]) for the parser to place among the items of the program.
//!
//! The text is bytes: nothing but the inside of strings and comments can hold more than ASCII.

use std::rc::Rc;

use super::ast::{IntConstant, Name, Pos, Pragma, PragmaWord, Scope};
use super::macros::{Macros, Value};
use super::token::{Keyword, PUNCTUATION, Punct, Token, TokenKind};
use crate::error::{Diagnostic, Error, Result, Tag};

/// Where the parser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Between clauses: probe descriptions are tokens.
    Outer,
    /// In a clause or declaration.
    Inner,
    /// In a predicate, outside parentheses: a slash may end it.
    Predicate,
}

/// The lexer.
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    /// Whether only blank space stands before `at` on its line.
    line_start: bool,
    files: Vec<(u32, Rc<str>)>,
    pragmas: Vec<Pragma>,
    macros: &'a Macros,
}

impl<'a> Lexer<'a> {
    /// A lexer at the beginning of a text.
    pub fn new(text: &'a [u8], macros: &'a Macros) -> Self {
        Self { text, at: 0, line: 1, line_start: true, files: Vec::new(), pragmas: Vec::new(), macros }
    }

    /// Where the lexer is.
    pub fn pos(&self) -> Pos {
        Pos { line: self.line, offset: u32::try_from(self.at).unwrap_or(u32::MAX) }
    }

    /// Which file each part of the text came from, so far.
    pub fn files(&self) -> &[(u32, Rc<str>)] {
        &self.files
    }

    /// The pragmas that were met since this was last asked.
    pub fn take_pragmas(&mut self) -> Vec<Pragma> {
        std::mem::take(&mut self.pragmas)
    }

    /// A part of the text, for a message.
    pub fn slice(&self, from: u32, to: u32) -> String {
        let end = (to as usize).min(self.text.len());
        String::from_utf8_lossy(&self.text[(from as usize).min(end)..end]).into_owned()
    }

    /// The error with this tag at this place.
    pub fn error(&self, tag: Tag, pos: Pos, message: impl Into<String>) -> Error {
        let file =
            self.files.iter().rev().find(|(from, _)| *from <= pos.offset).map(|(_, name)| name.clone());
        Error::Compile(Box::new(Diagnostic {
            file,
            line: pos.line,
            offset: pos.offset,
            ..Diagnostic::new(tag, message)
        }))
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn ended(&self) -> bool {
        self.at >= self.text.len()
    }

    /// One byte onward.
    fn bump(&mut self) {
        if self.peek(0) == b'\n' {
            self.line = self.line.saturating_add(1);
            self.line_start = true;
        }
        self.at += 1;
    }

    /// Goes back to where a token began, so that it is read again.
    pub fn go_back(&mut self, pos: Pos) {
        self.at = pos.offset as usize;
        self.line = pos.line;
    }

    /// The word that stands next between clauses: what a probe description is made of.
    pub fn outer_word(&mut self) -> Result<String> {
        self.skip_blank()?;
        let end = self.scan(self.at, is_probe_byte);
        Ok(String::from_utf8_lossy(&self.text[self.at..end]).into_owned())
    }

    /// The first byte after `word` and the blank space behind it, when there is such space.
    pub fn byte_after_word(&self, word: &str) -> Option<u8> {
        let rest = self.text.get(self.at + word.len()..)?;
        rest.first().filter(|b| b.is_ascii_whitespace())?;
        rest.iter().copied().find(|b| !b.is_ascii_whitespace())
    }

    /// The next token.
    pub fn next(&mut self, mode: Mode) -> Result<Token> {
        self.skip_blank()?;
        self.line_start = false;
        let pos = self.pos();
        let kind = if self.ended() { TokenKind::End } else { self.token(mode, pos)? };
        Ok(Token { kind, pos, end: u32::try_from(self.at).unwrap_or(u32::MAX) })
    }

    fn token(&mut self, mode: Mode, pos: Pos) -> Result<TokenKind> {
        let byte = self.peek(0);
        if mode == Mode::Outer && is_probe_start(byte) {
            let end = self.scan(self.at, is_probe_byte);
            let text = String::from_utf8_lossy(&self.text[self.at..end]).into_owned();
            self.at = end;
            return Ok(TokenKind::Probe(text.into()));
        }
        match byte {
            b'0'..=b'9' => self.number(pos, mode),
            b'.' if self.peek(1).is_ascii_digit() => {
                Err(self.error(Tag::Syntax, pos, "floating-point constants are not permitted"))
            }
            b'"' => self.string(pos),
            b'\'' => self.character(pos),
            b'@' => {
                self.at += 1;
                let name = if is_ident_start(self.peek(0)) { self.ident() } else { "".into() };
                Ok(TokenKind::Aggregation(name))
            }
            b'$' => self.macro_reference(pos),
            b'`' => Ok(self.scoped("".into())),
            _ if is_ident_start(byte) => {
                let name = self.ident();
                if self.peek(0) == b'`' {
                    return Ok(self.scoped(name));
                }
                Ok(match Keyword::find(&name) {
                    Some(keyword) => TokenKind::Keyword(keyword),
                    None => TokenKind::Ident(Name { scope: Scope::Default, name }),
                })
            }
            b'/' if mode == Mode::Predicate && self.ends_predicate() => {
                self.at += 1;
                Ok(TokenKind::PredicateEnd)
            }
            _ => self.punct(pos),
        }
    }

    /// Whether the slash here ends a predicate.
    fn ends_predicate(&self) -> bool {
        let next = self.text[self.at + 1..].iter().find(|b| !b.is_ascii_whitespace());
        matches!(next, None | Some(b'{' | b';' | b'/'))
    }

    fn punct(&mut self, pos: Pos) -> Result<TokenKind> {
        let rest = &self.text[self.at..];
        match PUNCTUATION.iter().find(|p| rest.starts_with(p.text().as_bytes())) {
            Some(punct) => {
                self.at += punct.text().len();
                Ok(TokenKind::Punct(*punct))
            }
            None => {
                let end = self.scan(self.at + 1, |b| b & 0xc0 == 0x80);
                let text = String::from_utf8_lossy(&self.text[self.at..end]).into_owned();
                Err(self.error(Tag::Syntax, pos, format!("syntax error near \"{}\"", visible(&text))))
            }
        }
    }

    fn scan(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        from + self.text[from.min(self.text.len())..].iter().take_while(|b| test(**b)).count()
    }

    fn ident(&mut self) -> Rc<str> {
        let end = self.scan(self.at, is_ident_byte);
        let name = std::str::from_utf8(&self.text[self.at..end]).unwrap_or_default();
        self.at = end;
        name.into()
    }

    /// A scoped name, at its backquote. `` a`b`c `` is `c` in `` a`b ``.
    fn scoped(&mut self, first: Rc<str>) -> TokenKind {
        let mut module = String::new();
        let mut last = first;
        while self.peek(0) == b'`' {
            self.at += 1;
            if !module.is_empty() {
                module.push('`');
            }
            module.push_str(&last);
            // A lone backquote names nothing, which is for the checker to say.
            last = if is_ident_start(self.peek(0)) { self.ident() } else { "".into() };
        }
        TokenKind::Ident(Name { scope: Scope::Module(module.into()), name: last })
    }

    /// A number. Between clauses it is a probe's, and what stands behind its digits is no part of it.
    fn number(&mut self, pos: Pos, mode: Mode) -> Result<TokenKind> {
        let start = self.at;
        let hex =
            self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X') && self.peek(2).is_ascii_hexdigit();
        let digits_at = if hex { start + 2 } else { start };
        let end = self.scan(digits_at, |b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() });
        if !hex && mode != Mode::Outer {
            let exponent = |at: usize| {
                let sign = usize::from(matches!(self.text.get(at + 1), Some(b'+' | b'-')));
                matches!(self.text.get(at), Some(b'e' | b'E'))
                    && self.text.get(at + 1 + sign).is_some_and(u8::is_ascii_digit)
            };
            if self.text.get(end) == Some(&b'.') || exponent(end) {
                return Err(self.error(Tag::Syntax, pos, "floating-point constants are not permitted"));
            }
        }
        let text = std::str::from_utf8(&self.text[start..end]).unwrap_or_default().to_owned();
        let value = self.integer(&text, pos)?;
        self.at = end;
        let mut constant =
            IntConstant { value, unsigned: false, longs: 0, decimal: !text.starts_with('0'), signed: false };
        // u, l, ll in either order and case; each at most once.
        while matches!(self.peek(0), b'u' | b'U' | b'l' | b'L') {
            if matches!(self.peek(0), b'u' | b'U') {
                if constant.unsigned {
                    break;
                }
                constant.unsigned = true;
                self.at += 1;
            } else {
                if constant.longs != 0 {
                    break;
                }
                constant.longs = 1 + u8::from(self.peek(1) == self.peek(0));
                self.at += usize::from(constant.longs);
            }
        }
        Ok(TokenKind::Int(constant))
    }

    /// The value of digits as C writes them.
    fn integer(&self, text: &str, pos: Pos) -> Result<u64> {
        let (digits, radix) = match text.as_bytes() {
            [b'0', b'x' | b'X', _, ..] => (&text[2..], 16),
            [b'0', _, ..] => (&text[1..], 8),
            _ => (text, 10),
        };
        if let Some(bad) = digits.chars().find(|c| c.to_digit(radix).is_none()) {
            return Err(self.error(
                Tag::IntDigit,
                pos,
                format!("constant {text} contains invalid digit {bad}"),
            ));
        }
        u64::from_str_radix(digits, radix).map_err(|_| {
            self.error(Tag::IntOflow, pos, format!("constant {text} results in integer overflow"))
        })
    }

    /// Appends what an escape stands for, at the byte behind the backslash. What is no escape in D stays as it is written,
    /// backslash and all.
    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let byte = self.peek(0);
        if self.ended() {
            return;
        }
        self.bump();
        let meant = match byte {
            b'"' | b'\\' => byte,
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    if !matches!(self.peek(0), b'0'..=b'7') {
                        break;
                    }
                    value = value * 8 + u32::from(self.peek(0) - b'0');
                    self.at += 1;
                }
                value as u8
            }
            b'x' if self.peek(0).is_ascii_hexdigit() => {
                let mut value = 0_u8;
                while let Some(digit) = char::from(self.peek(0)).to_digit(16) {
                    value = value.wrapping_mul(16).wrapping_add(digit as u8);
                    self.at += 1;
                }
                value
            }
            other => {
                bytes.push(b'\\');
                other
            }
        };
        bytes.push(meant);
    }

    fn string(&mut self, pos: Pos) -> Result<TokenKind> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek(0) {
                _ if self.ended() => {
                    return Err(self.error(Tag::Syntax, pos, "end-of-file encountered before matching \""));
                }
                b'"' => {
                    self.at += 1;
                    // A string ends at its first NUL wherever it is used.
                    if let Some(nul) = bytes.iter().position(|b| *b == 0) {
                        bytes.truncate(nul);
                    }
                    return Ok(TokenKind::Str(bytes.into()));
                }
                b'\n' => return Err(self.error(Tag::StrNl, pos, "newline encountered in string literal")),
                b'\\' if self.peek(1) == b'\n' => {
                    self.bump();
                    self.bump();
                }
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut bytes);
                }
                byte => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// A character constant: up to eight characters make one integer, the last in the lowest byte.
    fn character(&mut self, pos: Pos) -> Result<TokenKind> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek(0) {
                _ if self.ended() => {
                    return Err(self.error(Tag::Syntax, pos, "end-of-file encountered before matching '"));
                }
                b'\'' => break,
                b'\n' => {
                    return Err(self.error(Tag::ChrNl, pos, "newline encountered in character constant"));
                }
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut bytes);
                }
                byte => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
            if bytes.len() > 8 {
                return Err(self.error(Tag::ChrOflow, pos, "character constant is too long"));
            }
        }
        self.at += 1;
        let value = match bytes.as_slice() {
            [] => return Err(self.error(Tag::ChrNull, pos, "empty character constant")),
            // A single character is a char, which is signed.
            [one] => i64::from(*one as i8) as u64,
            many => many.iter().fold(0_u64, |value, b| value << 8 | u64::from(*b)),
        };
        Ok(TokenKind::Int(IntConstant { value, unsigned: false, longs: 0, decimal: true, signed: true }))
    }

    /// `$name`, `$1`, `$$1`: the value in its place.
    fn macro_reference(&mut self, pos: Pos) -> Result<TokenKind> {
        let as_string = self.peek(1) == b'$';
        let name_at = self.at + 1 + usize::from(as_string);
        let end = match self.text.get(name_at) {
            Some(b'0'..=b'9') => self.scan(name_at, |b| b.is_ascii_digit()),
            Some(b) if is_ident_start(*b) => self.scan(name_at, is_ident_byte),
            _ => return Err(self.error(Tag::Syntax, pos, "syntax error near \"$\"")),
        };
        let name = std::str::from_utf8(&self.text[name_at..end]).unwrap_or_default().to_owned();
        let whole = String::from_utf8_lossy(&self.text[self.at..end]).into_owned();
        self.at = end;
        let argument = name.as_bytes()[0].is_ascii_digit();
        if argument && name.parse::<i32>().is_err() {
            return Err(self.error(Tag::MacroOflow, pos, format!("macro argument {whole} is out of range")));
        }
        let Some(value) = self.macros.get(&name) else {
            let what = if argument { "argument" } else { "variable" };
            return Err(self.error(Tag::MacroUndef, pos, format!("macro {what} {whole} is not defined")));
        };
        match value {
            Value::Number(n) if as_string => Ok(TokenKind::Str(n.to_string().into_bytes().into())),
            Value::Text(text) if as_string => Ok(TokenKind::Str(text.into())),
            Value::Default if as_string => Ok(TokenKind::Str(Rc::from([].as_slice()))),
            Value::Number(n) => Ok(TokenKind::Int(IntConstant {
                value: n as u64,
                unsigned: false,
                longs: 0,
                decimal: true,
                signed: true,
            })),
            Value::Default => Ok(int_token(0, true)),
            Value::Text(text) => self.macro_text(&whole, &text, pos),
        }
    }

    /// What the text of a macro argument is: an integer, a name, a string in quotes.
    fn macro_text(&self, name: &str, text: &[u8], pos: Pos) -> Result<TokenKind> {
        let unsigned = match text {
            [b'-' | b'+', rest @ ..] => rest,
            text => text,
        };
        if unsigned.first().is_some_and(u8::is_ascii_digit) {
            let digits = String::from_utf8_lossy(unsigned);
            let digits = digits.trim_end_matches(['u', 'U', 'l', 'L']);
            let value = self.integer(digits, pos).map_err(|error| match error.tag() {
                Some(Tag::IntOflow) => {
                    let text = String::from_utf8_lossy(text);
                    let message =
                        format!("macro argument {name} constant {text} results in integer overflow");
                    self.error(Tag::MacroOflow, pos, message)
                }
                _ => error,
            })?;
            let mut token = int_token(value, !digits.starts_with('0'));
            if let (TokenKind::Int(constant), true) = (&mut token, text.starts_with(b"-")) {
                constant.value = value.wrapping_neg();
                constant.signed = true;
            }
            return Ok(token);
        }
        if let [b'"', inside @ .., b'"'] = text {
            return Ok(TokenKind::Str(inside.into()));
        }
        let mut inner = Lexer::new(text, self.macros);
        if text.first().is_some_and(|&c| c.is_ascii_alphabetic() || c == b'_' || c == b'`') {
            let kind = inner.token(Mode::Inner, pos)?;
            if inner.ended() {
                return Ok(kind);
            }
        }
        // Whatever else it is, it is text: a path, for one.
        Ok(TokenKind::Str(text.into()))
    }

    /// Skips blank space, comments and control lines.
    fn skip_blank(&mut self) -> Result<()> {
        loop {
            match self.peek(0) {
                _ if self.ended() => return Ok(()),
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.bump(),
                b'\\' if self.peek(1) == b'\n' => {
                    self.bump();
                    self.bump();
                }
                b'/' if self.peek(1) == b'*' => self.comment()?,
                b'/' if self.peek(1) == b'/' => {
                    let end = self.scan(self.at, |b| b != b'\n');
                    self.at = end;
                }
                b'#' if self.line_start => self.control_line()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<()> {
        let pos = self.pos();
        // A comment leaves what follows it on its line where a control line may begin.
        let at_start = self.line_start;
        self.at += 2;
        while !self.ended() {
            if self.peek(0) == b'*' && self.peek(1) == b'/' {
                self.at += 2;
                self.line_start |= at_start;
                return Ok(());
            }
            self.bump();
        }
        Err(self.error(Tag::Syntax, pos, "end-of-file encountered before matching */"))
    }

    /// A control line, at its `#`.
    fn control_line(&mut self) -> Result<()> {
        let pos = self.pos();
        let end = self.scan(self.at, |b| b != b'\n');
        let line = String::from_utf8_lossy(&self.text[self.at + 1..end]).into_owned();
        self.at = end;
        if line.starts_with('!') {
            return Ok(());
        }
        let (words, rests) = self.control_words(&line, pos)?;
        let word = match words.first() {
            None => return Ok(()),
            Some(PragmaWord::Word(word)) => word.clone(),
            Some(PragmaWord::Str(_)) => "".into(),
        };
        match &*word {
            _ if word.bytes().all(|b| b.is_ascii_digit()) && !word.is_empty() => {
                self.line_control(&words, pos)
            }
            "line" => self.line_control(&words[1..], pos),
            "ident" => Ok(()),
            "error" => self.push_pragma(pos, &words, &rests, false),
            "pragma" => match words.get(1) {
                Some(PragmaWord::Word(d)) if &**d == "D" => match words.get(2) {
                    Some(PragmaWord::Word(w)) if &**w == "line" => self.line_control(&words[3..], pos),
                    Some(PragmaWord::Word(w)) if &**w == "ident" => Ok(()),
                    Some(_) => self.push_pragma(pos, &words[2..], &rests[2..], true),
                    None => Ok(()),
                },
                Some(PragmaWord::Word(w)) if &**w == "line" => self.line_control(&words[2..], pos),
                Some(_) => self.push_pragma(pos, &words[1..], &rests[1..], false),
                None => Ok(()),
            },
            _ => Err(self.error(Tag::PragctlInval, pos, format!("invalid control directive: #{word}"))),
        }
    }

    fn push_pragma(&mut self, pos: Pos, words: &[PragmaWord], rests: &[Rc<str>], is_d: bool) -> Result<()> {
        // This one option is the lexer's own.
        if let [PragmaWord::Word(option), PragmaWord::Word(name), ..] = words
            && is_d
            && &**option == "option"
            && &**name == "defaultargs"
        {
            self.macros.allow_missing_here();
        }
        let text = rests.first().cloned().unwrap_or_else(|| "".into());
        self.pragmas.push(Pragma { pos, words: words.to_vec(), text, is_d });
        Ok(())
    }

    /// The words of a control line, and behind each the rest of the line.
    fn control_words(&self, line: &str, pos: Pos) -> Result<(Vec<PragmaWord>, Vec<Rc<str>>)> {
        let (mut words, mut rests) = (Vec::new(), Vec::new());
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with("/*") && !rest.starts_with("//") {
            if let Some(inside) = rest.strip_prefix('"') {
                let Some((text, after)) = inside.split_once('"') else {
                    return Err(self.error(Tag::StrNl, pos, "newline encountered in string literal"));
                };
                words.push(PragmaWord::Str(text.into()));
                rest = after.trim_start();
            } else {
                let end = rest.find([' ', '\t', '\r', '"', '\x0b', '\x0c']).unwrap_or(rest.len());
                words.push(PragmaWord::Word(rest[..end].into()));
                rest = rest[end..].trim_start();
            }
            rests.push(rest.trim_end().into());
        }
        Ok((words, rests))
    }

    /// `number "file" state`: the line after this one has that number.
    fn line_control(&mut self, words: &[PragmaWord], pos: Pos) -> Result<()> {
        let malformed = |lexer: &Self| {
            lexer.error(Tag::PragmaMalform, pos, "malformed #line <line> [ [\"file\"] state ]")
        };
        let (Some(PragmaWord::Word(number)), true) = (words.first(), words.len() <= 6) else {
            return Err(malformed(self));
        };
        let Ok(number) = number.parse::<u32>() else { return Err(malformed(self)) };
        let mut flags = &words[1..];
        if let [PragmaWord::Str(file), rest @ ..] = flags {
            self.files.push((u32::try_from(self.at).unwrap_or(u32::MAX), file.clone()));
            flags = rest;
        }
        let numeric =
            |w: &PragmaWord| matches!(w, PragmaWord::Word(w) if w.bytes().all(|b| b.is_ascii_digit()));
        if !flags.iter().all(numeric) {
            return Err(malformed(self));
        }
        // The newline that ends this line counts one.
        self.line = number.saturating_sub(1);
        Ok(())
    }
}

/// Text for a message: control characters made visible.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect()
}

fn int_token(value: u64, decimal: bool) -> TokenKind {
    TokenKind::Int(IntConstant { value, unsigned: false, longs: 0, decimal, signed: false })
}

fn is_ident_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_ident_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What a probe description may begin with: not a digit, which begins a probe's number.
fn is_probe_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || b"-_$:.?*\\[]!".contains(&byte)
}

fn is_probe_byte(byte: u8) -> bool {
    is_probe_start(byte) || byte.is_ascii_digit() || byte == b'`' || byte == b'+'
}

impl Token {
    /// Whether the token is this operator.
    pub fn is(&self, punct: Punct) -> bool {
        self.kind == TokenKind::Punct(punct)
    }
}
