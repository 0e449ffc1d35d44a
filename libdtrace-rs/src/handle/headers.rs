//! The system's headers, for programs in D.
//!
//! Headers are written for a compiler: they have functions with bodies, attributes and other words that D does not have. What
//! the preprocessor makes of a program says which lines come from them; there, and nowhere else, functions are left out
//! (a program could not call them) and the words that only a compiler understands. Types and constants stay, and so do lines.

/// The flag of a line marker for what comes from the system's headers.
const SYSTEM: &[u8] = b"3";

/// Words that are left out with the parentheses behind them.
const WITH_ARGUMENTS: &[&[u8]] =
    &[b"__attribute__", b"__attribute", b"__asm__", b"__asm", b"asm", b"_Alignas", b"__declspec"];

/// Words that are left out.
const ALONE: &[&[u8]] =
    &[b"__extension__", b"__restrict", b"__restrict__", b"__inline", b"__inline__", b"_Noreturn"];

/// Words that D spells as the standard does.
const SPELT: &[(&[u8], &[u8])] = &[
    (b"__signed__", b"signed"),
    (b"__signed", b"signed"),
    (b"__const", b"const"),
    (b"__volatile__", b"volatile"),
];

/// A declaration with one of these is left out: functions, assertions, and types that D cannot say.
const BEYOND: &[&[u8]] = &[
    b"extern",
    b"_Static_assert",
    b"static_assert",
    b"__builtin_va_list",
    b"__gnuc_va_list",
    b"va_list",
    b"_Complex",
    b"__int128",
    b"__typeof__",
    b"_Atomic",
];

/// The output of the preprocessor, with what comes from the system's headers in the words of D.
pub(super) fn in_words_of_d(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut declaration = Declaration::default();
    let mut system = false;
    let mut rest = text;
    let mut fresh = true;
    while !rest.is_empty() {
        let (token, behind) = rest.split_at(length(rest, fresh));
        rest = behind;
        if fresh && token.first() == Some(&b'#') {
            let flags = token.rsplit(|&b| b == b'"').next().unwrap_or_default();
            system = flags.split(u8::is_ascii_whitespace).any(|flag| flag == SYSTEM);
            declaration.push(token);
        } else if system {
            declaration.push(token);
            fresh = token == b"\n";
            if declaration.ended {
                std::mem::take(&mut declaration).write(&mut out);
            }
            continue;
        } else {
            // A declaration that did not end in its header goes on as it began.
            std::mem::take(&mut declaration).write(&mut out);
            out.extend_from_slice(token);
        }
        fresh = token == b"\n";
    }
    declaration.write(&mut out);
    out
}

/// How many bytes the first token has: a line of the preprocessor's own, a word, a string, blanks, or one byte.
fn length(text: &[u8], fresh: bool) -> usize {
    let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let run = |f: &dyn Fn(&u8) -> bool| text.iter().position(|b| !f(b)).unwrap_or(text.len());
    match text[0] {
        b'#' if fresh => run(&|&b| b != b'\n'),
        b if part(&b) => run(&part),
        quote @ (b'"' | b'\'') => {
            let mut escaped = false;
            let end = text[1..].iter().position(|&b| {
                let ends = b == b'\n' || b == quote && !escaped;
                escaped = b == b'\\' && !escaped;
                ends
            });
            // A string without an end is left to the compiler.
            end.map_or(text.len(), |end| if text[end + 1] == b'\n' { end + 1 } else { end + 2 })
        }
        _ => 1,
    }
}

/// A declaration of a header, as far as it has been read.
#[derive(Default)]
struct Declaration<'a> {
    tokens: Vec<&'a [u8]>,
    /// Braces that are open.
    depth: u32,
    /// Parentheses that are open behind a word that is left out with its arguments; before the first, none yet.
    skipping: Option<u32>,
    /// The last tokens that say something.
    last: [&'a [u8]; 2],
    /// Where the member of a structure begins that is being read.
    member: usize,
    /// The braces are those of a function's body.
    body: bool,
    beyond: bool,
    ended: bool,
}

impl<'a> Declaration<'a> {
    fn push(&mut self, token: &'a [u8]) {
        if token[0].is_ascii_whitespace() || token[0] == b'#' {
            self.tokens.push(token);
            return;
        }
        match (self.skipping, token) {
            (Some(depth), b"(") => {
                self.skipping = Some(depth + 1);
                return;
            }
            (Some(depth), b")") if depth > 0 => {
                self.skipping = Some(depth - 1).filter(|&depth| depth > 0);
                return;
            }
            (Some(1..), _) => return,
            // Nothing was in parentheses.
            (Some(0), _) => self.skipping = None,
            (None, _) => {}
        }
        if WITH_ARGUMENTS.contains(&token) {
            self.skipping = Some(0);
            return;
        }
        if ALONE.contains(&token) {
            return;
        }
        self.beyond |= BEYOND.contains(&token);
        match token {
            b"{" => {
                self.body |= self.depth == 0 && self.last[1] == b")";
                self.depth += 1;
            }
            b"}" => {
                self.depth = self.depth.saturating_sub(1);
                self.ended = self.depth == 0 && self.body;
            }
            b";" if self.last == [b"[", b"]"] && self.depth > 0 => {
                // An array at the end of a structure that has no size: none in D, and nothing in the structure's size.
                let lines = self.tokens.split_off(self.member).into_iter().filter(|token| stays(token));
                self.tokens.extend(lines);
                self.last = [b"", b";"];
                return;
            }
            b";" => self.ended = self.depth == 0,
            _ => {}
        }
        self.last = [self.last[1], token];
        let spelt = SPELT.iter().find(|(there, _)| *there == token);
        self.tokens.push(spelt.map_or(token, |(_, here)| here));
        if matches!(token, b"{" | b"}" | b";") {
            self.member = self.tokens.len();
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        let gone = self.ended && (self.body || self.beyond);
        for token in self.tokens {
            if !gone || stays(token) {
                out.extend_from_slice(token);
            }
        }
    }
}

/// What is no declaration: the ends of lines, and what the preprocessor says about them.
fn stays(token: &[u8]) -> bool {
    matches!(token[0], b'\n' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_header(text: &str) -> String {
        let marked =
            format!("# 1 \"/usr/include/h.h\" 1 3 4\n{text}\n# 2 \"program.d\" 2\nBEGIN {{ asm; }}\n");
        let out = String::from_utf8(in_words_of_d(marked.as_bytes())).unwrap();
        assert_eq!(out.matches('\n').count(), marked.matches('\n').count(), "lines stay");
        let (header, program) = out.split_once("\n# 2 \"program.d\" 2\n").unwrap();
        assert_eq!(program, "BEGIN { asm; }\n", "the program itself is left alone");
        let header = header.strip_prefix("# 1 \"/usr/include/h.h\" 1 3 4\n").unwrap();
        header.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn types_stay() {
        for text in [
            "typedef unsigned int u_t;",
            "struct s { int a; struct { char b[4]; } c; };",
            "enum e { A = (1), B };",
            "typedef int (*f_t)(int, char *);",
        ] {
            assert_eq!(of_header(text), text);
        }
    }

    #[test]
    fn functions_go() {
        assert_eq!(
            of_header("static __inline int f(int x) { if (x) { return '}'; } return 1; } int a;"),
            "int a;"
        );
        assert_eq!(
            of_header("extern int g(const char *__restrict p) __attribute__ ((__nothrow__));\nint a;"),
            "int a;"
        );
        assert_eq!(of_header("extern void h(__builtin_va_list x); int a;"), "int a;");
    }

    #[test]
    fn words_of_a_compiler_go() {
        assert_eq!(of_header("__extension__ typedef long long ll_t;"), "typedef long long ll_t;");
        assert_eq!(
            of_header("struct s { int a; } __attribute__ ((__packed__, __aligned__ (4)));"),
            "struct s { int a; } ;"
        );
        assert_eq!(of_header("typedef __signed__ char s8;"), "typedef signed char s8;");
        assert_eq!(of_header("struct __attribute__ ((x)) t { int a; };"), "struct t { int a; };");
    }

    #[test]
    fn arrays_without_a_size_go() {
        assert_eq!(of_header("struct s { int a;\nchar b[]; };"), "struct s { int a; };");
        assert_eq!(of_header("typedef int f_t(char *[]);"), "typedef int f_t(char *[]);");
    }

    #[test]
    fn what_does_not_end_is_there() {
        assert_eq!(of_header("struct s { int a;"), "struct s { int a;");
        assert_eq!(of_header("char c = \"no end"), "char c = \"no end");
        assert_eq!(in_words_of_d(b""), b"");
        assert_eq!(in_words_of_d(b"# 1 \"a\" 3\n__attribute__"), b"# 1 \"a\" 3\n");
    }
}
