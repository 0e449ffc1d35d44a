//! From tokens to the syntax tree, by recursive descent.
//!
//! The parser looks one token ahead. C's ambiguity between names of types and names of variables is settled by asking
//! [`TypeNames`]; typedefs of the program itself are remembered here, and so are the variables it has assigned, which
//! hide types of the same name.
//!
//! Depth is bounded: nesting in the text and the height of the tree that a chain of operators builds count against
//! [`MAX_DEPTH`], so that later passes may recurse over the tree.

mod declaration;
mod expression;
mod item;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::rc::Rc;

use super::ast::{Item, Pos, Program, Scope, TypeName};
use super::lexer::{Lexer, Mode};
use super::macros::Macros;
use super::token::{Keyword, Punct, Token, TokenKind};
use crate::error::{Error, Result, Tag};

/// How deep expressions, declarators and statements may nest.
pub const MAX_DEPTH: usize = 256;

/// How deep a tree of operators may be.
const MAX_HEIGHT: u32 = 1024;

/// Who knows which identifiers are names of types.
pub trait TypeNames {
    /// Whether the name, outside any tag, is that of a type and not of a variable. `module` is what stands before a
    /// backquote.
    fn is_type(&self, module: Option<&str>, name: &str) -> bool;
}

/// Nobody knows any type: what suffices for texts that use only the language's own.
impl TypeNames for () {
    fn is_type(&self, _module: Option<&str>, _name: &str) -> bool {
        false
    }
}

/// How a probe description is counted, and whether a clause may stand without actions
/// (`dtrace_probespec_t` of the C API).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecKind {
    /// A program in a file: descriptions are as `-n`'s, and every clause needs actions.
    None,
    /// `-P`: a bare word is a provider.
    Provider,
    /// `-m`: a bare word is a module.
    Module,
    /// `-f`: a bare word is a function.
    Function,
    /// `-n`: a bare word is a name.
    Name,
}

/// Parses a program.
pub fn parse_program(text: &[u8], spec: SpecKind, macros: &Macros, types: &dyn TypeNames) -> Result<Program> {
    let (program, fault) = parse_partly(text, spec, macros, types)?;
    match fault {
        Some(fault) => Err(fault),
        None => Ok(program),
    }
}

/// Parses a program as far as it is right, and says what ended it if that was not its end.
pub fn parse_partly(
    text: &[u8],
    spec: SpecKind,
    macros: &Macros,
    types: &dyn TypeNames,
) -> Result<(Program, Option<Error>)> {
    let mut parser = Parser::new(text, spec, macros, types, Mode::Outer)?;
    let mut items = Vec::new();
    let fault = parser.program(&mut items).err();
    if fault.is_some() {
        // Pragmas before the fault count.
        items.extend(parser.lexer.take_pragmas().into_iter().map(Item::Pragma));
    }
    Ok((Program { items, end: parser.pos(), files: parser.lexer.files().to_vec() }, fault))
}

/// Parses one type name, and nothing else: `struct foo *`.
pub fn parse_type(text: &[u8], macros: &Macros, types: &dyn TypeNames) -> Result<TypeName> {
    let mut parser = Parser::new(text, SpecKind::None, macros, types, Mode::Inner)?;
    let name = parser.type_name()?;
    if parser.token.kind != TokenKind::End {
        return Err(parser.unexpected(&[]));
    }
    Ok(name)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    types: &'a dyn TypeNames,
    spec: SpecKind,
    token: Token,
    mode: Mode,
    depth: usize,
    /// Whether the expression read last may stand left of an assignment by the grammar: no operator but a unary one is
    /// outside parentheses.
    assignable: bool,
    typedefs: HashSet<Rc<str>>,
    /// The structures, unions and enumerations whose bodies have been read.
    bodies: HashSet<(&'static str, Rc<str>)>,
    assigned: HashSet<Rc<str>>,
}

impl<'a> Parser<'a> {
    fn new(
        text: &'a [u8],
        spec: SpecKind,
        macros: &'a Macros,
        types: &'a dyn TypeNames,
        mode: Mode,
    ) -> Result<Self> {
        let lexer = Lexer::new(text, macros);
        let token = Token { kind: TokenKind::End, pos: lexer.pos(), end: 0 };
        let mut parser = Self {
            lexer,
            types,
            spec,
            token,
            mode,
            depth: 0,
            assignable: false,
            typedefs: HashSet::new(),
            bodies: HashSet::new(),
            assigned: HashSet::new(),
        };
        if mode == Mode::Inner {
            parser.advance()?;
        }
        Ok(parser)
    }

    /// Moves to the next token and returns the one that was current.
    fn advance(&mut self) -> Result<Token> {
        let next = self.lexer.next(self.mode)?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn pos(&self) -> Pos {
        self.token.pos
    }

    fn error(&self, tag: Tag, pos: Pos, message: impl Into<String>) -> Error {
        self.lexer.error(tag, pos, message)
    }

    /// The error that the current token should not be here.
    fn unexpected(&self, expecting: &[&str]) -> Error {
        let mut message = format!("syntax error, unexpected {}", self.token.kind);
        for (i, what) in expecting.iter().enumerate() {
            message.push_str(if i == 0 { ", expecting " } else { " or " });
            message.push_str(what);
        }
        match self.token.kind {
            TokenKind::End => message.push_str(" near end of input"),
            _ => {
                let near = self.lexer.slice(self.token.pos.offset, self.token.end);
                message.push_str(&format!(" near \"{near}\""));
            }
        }
        self.error(Tag::Syntax, self.pos(), message)
    }

    fn is(&self, punct: Punct) -> bool {
        self.token.is(punct)
    }

    fn is_keyword(&self, keyword: Keyword) -> bool {
        self.token.kind == TokenKind::Keyword(keyword)
    }

    /// Skips the operator if it is there.
    fn accept(&mut self, punct: Punct) -> Result<bool> {
        let there = self.is(punct);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    /// Skips the operator, which must be there.
    fn expect(&mut self, punct: Punct) -> Result<()> {
        if !self.is(punct) {
            let quoted = format!("'{}'", punct.text());
            return Err(self.unexpected(&[&quoted]));
        }
        self.advance()?;
        Ok(())
    }

    /// A plain name.
    fn expect_ident(&mut self) -> Result<(Pos, Rc<str>)> {
        match &self.token.kind {
            TokenKind::Ident(name) if name.scope == Scope::Default => {
                let found = (self.pos(), name.name.clone());
                self.advance()?;
                Ok(found)
            }
            _ => Err(self.unexpected(&["identifier"])),
        }
    }

    /// Runs `inside` one level deeper.
    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(Tag::Syntax, self.pos(), "program is nested too deeply"));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    /// Runs `inside` with the inner rules for tokens, whatever the rules are here.
    fn inner<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mode = std::mem::replace(&mut self.mode, Mode::Inner);
        let result = inside(self);
        self.mode = mode;
        result
    }

    /// Whether the current token begins the name of a type.
    fn at_type(&self) -> bool {
        match &self.token.kind {
            TokenKind::Keyword(keyword) => keyword.is_type_word(),
            TokenKind::Ident(name) => match &name.scope {
                Scope::Module(module) => self.types.is_type(Some(module), &name.name),
                _ => self.names_type(&name.name),
            },
            _ => false,
        }
    }

    fn names_type(&self, name: &str) -> bool {
        self.typedefs.contains(name) || !self.assigned.contains(name) && self.types.is_type(None, name)
    }
}
