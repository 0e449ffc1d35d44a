//! Tokens of D.

use std::fmt;
use std::rc::Rc;

use super::ast::{IntConstant, Name, Pos};

/// A token with its place.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it begins.
    pub pos: Pos,
    /// Where it ends: the offset behind its last byte.
    pub end: u32,
}

/// The kinds of token.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// The end of the text.
    End,
    /// A name, maybe scoped: `x`, `` `x ``, `` module`x ``.
    Ident(Name),
    /// An integer or character constant, or a macro variable that stands for one.
    Int(IntConstant),
    /// A string constant with its escapes resolved.
    Str(Rc<[u8]>),
    /// `@name`, or `@` alone (the empty name).
    Aggregation(Rc<str>),
    /// A probe description; only where one may stand.
    Probe(Rc<str>),
    /// The slash that ends a predicate.
    PredicateEnd,
    /// A word of the language.
    Keyword(Keyword),
    /// An operator or a bracket.
    Punct(Punct),
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl $name {
            /// How it is written.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

words! {
    /// The words of D. Those without a use in D are reserved, as in C.
    Keyword {
        Auto = "auto",
        Break = "break",
        Case = "case",
        Char = "char",
        Const = "const",
        Continue = "continue",
        Counter = "counter",
        Default = "default",
        Do = "do",
        Double = "double",
        Else = "else",
        Enum = "enum",
        Extern = "extern",
        Float = "float",
        For = "for",
        Goto = "goto",
        If = "if",
        Import = "import",
        Inline = "inline",
        Int = "int",
        Long = "long",
        Offsetof = "offsetof",
        Probe = "probe",
        Provider = "provider",
        Register = "register",
        Restrict = "restrict",
        Return = "return",
        Self_ = "self",
        Short = "short",
        Signed = "signed",
        Sizeof = "sizeof",
        Static = "static",
        String = "string",
        Stringof = "stringof",
        Struct = "struct",
        Switch = "switch",
        This = "this",
        Translator = "translator",
        Typedef = "typedef",
        Union = "union",
        Unsigned = "unsigned",
        Userland = "userland",
        Void = "void",
        Volatile = "volatile",
        While = "while",
        Xlate = "xlate",
    }
}

words! {
    /// Operators and brackets.
    Punct {
        LParen = "(",
        RParen = ")",
        LBracket = "[",
        RBracket = "]",
        LBrace = "{",
        RBrace = "}",
        Semicolon = ";",
        Comma = ",",
        Colon = ":",
        Question = "?",
        Dot = ".",
        Arrow = "->",
        Ellipsis = "...",
        Assign = "=",
        MulAssign = "*=",
        DivAssign = "/=",
        ModAssign = "%=",
        AddAssign = "+=",
        SubAssign = "-=",
        ShlAssign = "<<=",
        ShrAssign = ">>=",
        AndAssign = "&=",
        XorAssign = "^=",
        OrAssign = "|=",
        OrOr = "||",
        XorXor = "^^",
        AndAnd = "&&",
        Or = "|",
        Xor = "^",
        And = "&",
        EqEq = "==",
        NotEq = "!=",
        Less = "<",
        LessEq = "<=",
        Greater = ">",
        GreaterEq = ">=",
        Shl = "<<",
        Shr = ">>",
        Plus = "+",
        Minus = "-",
        Star = "*",
        Slash = "/",
        Percent = "%",
        Not = "!",
        Tilde = "~",
        PlusPlus = "++",
        MinusMinus = "--",
    }
}

/// Operators in an order in which the first that fits is the longest.
pub const PUNCTUATION: &[Punct] = {
    use Punct::*;
    &[
        Ellipsis, ShlAssign, ShrAssign, Arrow, MulAssign, DivAssign, ModAssign, AddAssign, SubAssign,
        AndAssign, XorAssign, OrAssign, OrOr, XorXor, AndAnd, EqEq, NotEq, LessEq, GreaterEq, Shl, Shr,
        PlusPlus, MinusMinus, LParen, RParen, LBracket, RBracket, LBrace, RBrace, Semicolon, Comma, Colon,
        Question, Dot, Assign, Or, Xor, And, Less, Greater, Plus, Minus, Star, Slash, Percent, Not, Tilde,
    ]
};

impl Keyword {
    /// The keyword that is written so.
    pub fn find(text: &str) -> Option<Self> {
        use Keyword::*;
        const ALL: &[Keyword] = &[
            Auto, Break, Case, Char, Const, Continue, Counter, Default, Do, Double, Else, Enum, Extern,
            Float, For, Goto, If, Import, Inline, Int, Long, Offsetof, Probe, Provider, Register, Restrict,
            Return, Self_, Short, Signed, Sizeof, Static, String, Stringof, Struct, Switch, This, Translator,
            Typedef, Union, Unsigned, Userland, Void, Volatile, While, Xlate,
        ];
        ALL.binary_search_by(|k| k.text().cmp(text)).ok().map(|i| ALL[i])
    }

    /// Whether a declaration can begin with it.
    pub fn begins_declaration(self) -> bool {
        use Keyword::*;
        matches!(self, Auto | Extern | Register | Static | Typedef | Self_ | This) || self.is_type_word()
    }

    /// Whether it is a part of the name of a type.
    pub fn is_type_word(self) -> bool {
        use Keyword::*;
        matches!(
            self,
            Char | Const
                | Double
                | Enum
                | Float
                | Int
                | Long
                | Restrict
                | Short
                | Signed
                | String
                | Struct
                | Union
                | Unsigned
                | Userland
                | Void
                | Volatile
        )
    }
}

impl fmt::Display for TokenKind {
    /// What messages about syntax call the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("end of input"),
            Self::Ident(_) => f.write_str("identifier"),
            Self::Int(_) => f.write_str("integer constant"),
            Self::Str(_) => f.write_str("string constant"),
            Self::Aggregation(_) => f.write_str("aggregation"),
            Self::Probe(_) => f.write_str("probe description"),
            Self::PredicateEnd => f.write_str("end of predicate"),
            Self::Keyword(keyword) => write!(f, "'{}'", keyword.text()),
            Self::Punct(punct) => write!(f, "'{}'", punct.text()),
        }
    }
}
