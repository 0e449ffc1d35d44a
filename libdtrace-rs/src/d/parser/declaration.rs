//! Declarations: type words, declarators, structures, unions and enumerations.

use super::super::ast::{
    BaseType, Declarator, Derived, EnumType, Enumerator, IntSize, Member, Name, Qualifiers, Scope,
    Specifiers, StorageClass, StructType, TypeName,
};
use super::super::token::{Keyword, Punct, TokenKind};
use super::{Parser, Result, Tag};

/// The arithmetic words of a type, as far as they have been read.
#[derive(Default)]
struct Words {
    longs: u8,
    short: bool,
    signed: Option<bool>,
}

impl Parser<'_> {
    /// A type with an optional declarator that has no name.
    pub(super) fn type_name(&mut self) -> Result<TypeName> {
        let pos = self.pos();
        if !self.at_type() {
            return Err(self.unexpected(&[]));
        }
        let specifiers = self.specifiers()?;
        let declarator = self.declarator(true)?;
        if declarator.name.is_some() {
            return Err(self.error(
                Tag::Syntax,
                declarator.pos,
                "syntax error, unexpected name in the name of a type",
            ));
        }
        Ok(TypeName { pos, specifiers, declarator })
    }

    /// A type with a declarator that may have a name.
    pub(super) fn named_parameter(&mut self) -> Result<TypeName> {
        let pos = self.pos();
        let storage = matches!(self.token.kind, TokenKind::Keyword(k) if k.begins_declaration());
        if !self.at_type() && !storage {
            return Err(self.unexpected(&[]));
        }
        let specifiers = self.specifiers()?;
        if specifiers.class.is_some_and(|class| class != StorageClass::Register) {
            let message = "inappropriate storage class for function or associative array parameter";
            return Err(self.error(Tag::DeclParmclass, pos, message));
        }
        let declarator = self.declarator(true)?;
        Ok(TypeName { pos, specifiers, declarator })
    }

    /// The type words of a declaration.
    pub(super) fn specifiers(&mut self) -> Result<Specifiers> {
        let pos = self.pos();
        let mut class = None;
        let mut qualifiers = Qualifiers::default();
        let mut words = Words::default();
        let mut base: Option<BaseType> = None;
        loop {
            let word_pos = self.pos();
            match &self.token.kind {
                TokenKind::Keyword(keyword) => {
                    let keyword = *keyword;
                    if let Some(new) = storage_class(keyword) {
                        if class.replace(new).is_some() {
                            let message = "only one storage class allowed in a declaration";
                            return Err(self.error(Tag::DeclClass, word_pos, message));
                        }
                        self.advance()?;
                        continue;
                    }
                    let new = match keyword {
                        Keyword::Const => {
                            qualifiers.is_const = true;
                            None
                        }
                        Keyword::Volatile => {
                            qualifiers.is_volatile = true;
                            None
                        }
                        Keyword::Restrict => {
                            qualifiers.is_restrict = true;
                            None
                        }
                        Keyword::Userland => {
                            qualifiers.userland = true;
                            None
                        }
                        Keyword::Long => {
                            words.longs += 1;
                            if words.longs > 2 {
                                return Err(self.no_such_type("long long long", word_pos));
                            }
                            None
                        }
                        Keyword::Short => {
                            words.short = true;
                            None
                        }
                        Keyword::Signed | Keyword::Unsigned => {
                            if words.signed.replace(keyword == Keyword::Signed).is_some() {
                                return Err(self.no_such_type("signed unsigned", word_pos));
                            }
                            None
                        }
                        Keyword::Void => Some(BaseType::Void),
                        Keyword::Char => {
                            Some(BaseType::Integer { size: IntSize::Char, signed: None, int: false })
                        }
                        Keyword::Int => {
                            Some(BaseType::Integer { size: IntSize::Int, signed: None, int: true })
                        }
                        Keyword::Float => Some(BaseType::Float),
                        Keyword::Double => Some(BaseType::Double),
                        Keyword::String => Some(BaseType::String),
                        Keyword::Struct | Keyword::Union | Keyword::Enum => {
                            let tagged = self.nested(|parser| parser.tagged(keyword))?;
                            if base.replace(tagged).is_some() {
                                return Err(self.combination(word_pos));
                            }
                            continue;
                        }
                        _ => break,
                    };
                    self.advance()?;
                    if new.is_some() && base.is_some() {
                        return Err(self.combination(word_pos));
                    }
                    base = base.or(new);
                }
                // A name is the type only where no other type has been named: `unsigned foo` declares foo.
                TokenKind::Ident(name) => {
                    let taken = base.is_some() || words.longs > 0 || words.short || words.signed.is_some();
                    if taken || !self.at_type() {
                        break;
                    }
                    base = Some(BaseType::Named(name.clone()));
                    self.advance()?;
                }
                _ => break,
            }
        }
        let base = self.combine(base, &words, pos)?;
        Ok(Specifiers { pos, class, qualifiers, base })
    }

    /// Words that may stand together, but name nothing.
    fn no_such_type(&self, words: &str, pos: super::Pos) -> super::Error {
        self.error(Tag::Unknown, pos, format!("failed to resolve type {words}: Unknown type name"))
    }

    fn combination(&self, pos: super::Pos) -> super::Error {
        self.error(Tag::DeclCombo, pos, "invalid type combination")
    }

    /// The base type that the words make together.
    fn combine(&self, base: Option<BaseType>, words: &Words, pos: super::Pos) -> Result<BaseType> {
        let sized = words.longs > 0 || words.short;
        if words.longs > 0 && words.short {
            return Err(self.no_such_type("short long", pos));
        }
        let int = base.is_some();
        Ok(match base {
            None if !sized && words.signed.is_none() => BaseType::Implicit,
            None | Some(BaseType::Integer { size: IntSize::Int, .. }) => {
                let size = match (words.longs, words.short) {
                    (0, false) => IntSize::Int,
                    (0, true) => IntSize::Short,
                    (1, _) => IntSize::Long,
                    _ => IntSize::LongLong,
                };
                BaseType::Integer { size, signed: words.signed, int }
            }
            Some(BaseType::Integer { size, .. }) => {
                if sized {
                    let message = "invalid type declaration: short and long may not be used with char type";
                    return Err(self.error(Tag::DeclCharattr, pos, message));
                }
                BaseType::Integer { size, signed: words.signed, int: false }
            }
            Some(BaseType::Void) if sized || words.signed.is_some() => {
                let message = "invalid type declaration: attributes may not be used with void type";
                return Err(self.error(Tag::DeclVoidattr, pos, message));
            }
            Some(BaseType::Double) if words.longs == 1 && words.signed.is_none() => BaseType::LongDouble,
            Some(_) if words.signed.is_some() => {
                let message =
                    "invalid type declaration: signed and unsigned may only be used with integer type";
                return Err(self.error(Tag::DeclSignint, pos, message));
            }
            Some(_) if sized => {
                let message = "invalid type declaration: short and long may only be used with integer or floating-point type";
                return Err(self.error(Tag::DeclLongint, pos, message));
            }
            Some(other) => other,
        })
    }

    /// A structure, union or enumeration, at its keyword.
    fn tagged(&mut self, keyword: Keyword) -> Result<BaseType> {
        self.advance()?;
        let mut tag: Option<Name> = None;
        if let TokenKind::Ident(name) = &self.token.kind {
            tag = Some(name.clone());
            self.advance()?;
        }
        if let (Some(Name { scope: Scope::Default, name }), true) = (&tag, self.is(Punct::LBrace))
            && !self.bodies.insert((keyword.text(), name.clone()))
        {
            let message = format!("type redeclared: {} {name}", keyword.text());
            return Err(self.error(Tag::DeclTypered, self.pos(), message));
        }
        if keyword == Keyword::Enum {
            let enumerators = if self.is(Punct::LBrace) { Some(self.enumerators()?) } else { None };
            if tag.is_none() && enumerators.is_none() {
                return Err(self.unexpected(&["identifier", "'{'"]));
            }
            return Ok(BaseType::Enum(EnumType { tag, enumerators }));
        }
        let members = if self.is(Punct::LBrace) { Some(self.members()?) } else { None };
        if tag.is_none() && members.is_none() {
            return Err(self.unexpected(&["identifier", "'{'"]));
        }
        let body = StructType { tag, members };
        Ok(if keyword == Keyword::Struct { BaseType::Struct(body) } else { BaseType::Union(body) })
    }

    fn members(&mut self) -> Result<Vec<Member>> {
        self.advance()?;
        let mut members = Vec::new();
        loop {
            let pos = self.pos();
            if !self.at_type() {
                return Err(self.unexpected(&[]));
            }
            let specifiers = self.specifiers()?;
            let mut declarators = Vec::new();
            if !self.is(Punct::Semicolon) {
                loop {
                    let declarator = if self.is(Punct::Colon) {
                        Declarator { pos: self.pos(), ..Declarator::default() }
                    } else {
                        self.declarator(false)?
                    };
                    let width =
                        if self.accept(Punct::Colon)? { Some(self.nested(Self::conditional)?) } else { None };
                    declarators.push((declarator, width));
                    if !self.accept(Punct::Comma)? {
                        break;
                    }
                }
            } else if !matches!(specifiers.base, BaseType::Struct(_) | BaseType::Union(_)) {
                return Err(self.unexpected(&["identifier"]));
            }
            self.expect(Punct::Semicolon)?;
            members.push(Member { pos, specifiers, declarators });
            if self.accept(Punct::RBrace)? {
                return Ok(members);
            }
        }
    }

    fn enumerators(&mut self) -> Result<Vec<Enumerator>> {
        self.advance()?;
        let mut list = Vec::new();
        loop {
            let (pos, name) = self.expect_ident()?;
            let value =
                if self.accept(Punct::Assign)? { Some(self.nested(Self::conditional)?) } else { None };
            list.push(Enumerator { pos, name, value });
            let comma = self.accept(Punct::Comma)?;
            if self.accept(Punct::RBrace)? {
                return Ok(list);
            }
            if !comma {
                return Err(self.unexpected(&["','", "'}'"]));
            }
        }
    }

    /// A declarator. Without `abstract_allowed` it must have a name.
    pub(super) fn declarator(&mut self, abstract_allowed: bool) -> Result<Declarator> {
        self.nested(|parser| {
            let mut pointers = Vec::new();
            while parser.accept(Punct::Star)? {
                if pointers.len() >= super::MAX_DEPTH {
                    return Err(parser.error(Tag::Syntax, parser.pos(), "program is nested too deeply"));
                }
                let mut qualifiers = Qualifiers::default();
                loop {
                    match parser.token.kind {
                        TokenKind::Keyword(Keyword::Const) => qualifiers.is_const = true,
                        TokenKind::Keyword(Keyword::Volatile) => qualifiers.is_volatile = true,
                        TokenKind::Keyword(Keyword::Restrict) => qualifiers.is_restrict = true,
                        TokenKind::Keyword(Keyword::Userland) => qualifiers.userland = true,
                        _ => break,
                    }
                    parser.advance()?;
                }
                pointers.push(Derived::Pointer(qualifiers));
            }
            let mut result = Declarator { pos: parser.pos(), ..Declarator::default() };
            match &parser.token.kind {
                TokenKind::Ident(name) if name.scope == Scope::Default => {
                    result.name = Some(name.name.clone());
                    parser.advance()?;
                }
                TokenKind::Ident(name) => {
                    let Scope::Module(module) = &name.scope else {
                        return Err(parser.unexpected(&["identifier"]));
                    };
                    let message = format!(
                        "D scoping operator may not be used in a declaration name ({module}`{})",
                        name.name
                    );
                    return Err(parser.error(Tag::DeclScope, parser.pos(), message));
                }
                TokenKind::Punct(Punct::LParen) => {
                    parser.advance()?;
                    if abstract_allowed
                        && (parser.is(Punct::RParen) || parser.is(Punct::Ellipsis) || parser.at_type())
                    {
                        let (params, varargs) = parser.parameters()?;
                        result.derived.push(Derived::Function { params, varargs });
                    } else {
                        let inside = parser.declarator(abstract_allowed)?;
                        parser.expect(Punct::RParen)?;
                        result.name = inside.name;
                        result.derived = inside.derived;
                    }
                }
                _ if abstract_allowed => {}
                _ => return Err(parser.unexpected(&["'*'", "'('", "identifier"])),
            }
            while parser.is(Punct::LBracket) || parser.is(Punct::LParen) {
                if result.derived.len() >= super::MAX_DEPTH {
                    return Err(parser.error(Tag::Syntax, parser.pos(), "program is nested too deeply"));
                }
                if parser.accept(Punct::LParen)? {
                    let (params, varargs) = parser.parameters()?;
                    result.derived.push(Derived::Function { params, varargs });
                } else {
                    let step = parser.subscript()?;
                    result.derived.push(step);
                }
            }
            pointers.reverse();
            result.derived.append(&mut pointers);
            if result.derived.len() > 2 * super::MAX_DEPTH {
                return Err(parser.error(Tag::Syntax, parser.pos(), "program is nested too deeply"));
            }
            Ok(result)
        })
    }

    /// `[size]`, `[]` or the types of an associative array's keys, at the bracket.
    fn subscript(&mut self) -> Result<Derived> {
        self.expect(Punct::LBracket)?;
        if self.accept(Punct::RBracket)? {
            return Ok(Derived::Array(None));
        }
        if self.at_type() || self.is(Punct::Ellipsis) {
            let mut types = Vec::new();
            loop {
                if self.is(Punct::Ellipsis) {
                    let message = "array prototype may not use a variable-length argument list";
                    return Err(self.error(Tag::DeclProtoVarargs, self.pos(), message));
                }
                types.push(self.named_parameter()?);
                if !self.accept(Punct::Comma)? {
                    break;
                }
            }
            self.expect(Punct::RBracket)?;
            return Ok(Derived::Associative(types));
        }
        let size = self.nested(Self::conditional)?;
        self.expect(Punct::RBracket)?;
        Ok(Derived::Array(Some(Box::new(size))))
    }

    /// Parameters up to and with the closing parenthesis, and whether they end in `...`.
    pub(super) fn parameters(&mut self) -> Result<(Vec<TypeName>, bool)> {
        let mut params = Vec::new();
        if self.accept(Punct::RParen)? {
            return Ok((params, false));
        }
        loop {
            if self.accept(Punct::Ellipsis)? {
                self.expect(Punct::RParen)?;
                return Ok((params, true));
            }
            params.push(self.nested(Self::named_parameter)?);
            if self.accept(Punct::RParen)? {
                return Ok((params, false));
            }
            if !self.accept(Punct::Comma)? {
                return Err(self.unexpected(&["','", "')'"]));
            }
        }
    }
}

fn storage_class(keyword: Keyword) -> Option<StorageClass> {
    Some(match keyword {
        Keyword::Auto => StorageClass::Auto,
        Keyword::Register => StorageClass::Register,
        Keyword::Static => StorageClass::Static,
        Keyword::Extern => StorageClass::Extern,
        Keyword::Typedef => StorageClass::Typedef,
        Keyword::Self_ => StorageClass::Thread,
        Keyword::This => StorageClass::Clause,
        _ => return None,
    })
}
