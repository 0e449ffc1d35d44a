//! What stands at the top level: clauses, declarations, inlines, translators, providers, pragmas; and statements.

use super::super::ast::{
    Clause, Declaration, Inline, Item, ProbeSpec, Provider, ProviderProbe, Stmt, StmtKind, StorageClass,
    Translator, TranslatorMember,
};
use super::super::lexer::Mode;
use super::super::token::{Keyword, Punct, TokenKind};
use super::{Parser, Rc, Result, SpecKind, Tag};

impl Parser<'_> {
    /// The whole program.
    pub(super) fn program(&mut self, items: &mut Vec<Item>) -> Result<()> {
        loop {
            self.begin_item()?;
            items.extend(self.lexer.take_pragmas().into_iter().map(Item::Pragma));
            if self.token.kind == TokenKind::End {
                return Ok(());
            }
            let item = self.item()?;
            // A pragma inside an item counts from the item's beginning.
            items.extend(self.lexer.take_pragmas().into_iter().map(Item::Pragma));
            items.push(item);
        }
    }

    /// Fetches the first token of an item. What it is depends on the word that stands there.
    fn begin_item(&mut self) -> Result<()> {
        self.mode = Mode::Outer;
        let word = self.lexer.outer_word()?;
        let head: String = word.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let rest = &word[head.len()..];
        let bare = rest.is_empty();
        let declares = match Keyword::find(&head) {
            Some(Keyword::Inline | Keyword::Translator | Keyword::Provider) => bare,
            Some(keyword) => keyword.begins_declaration() && !rest.contains(':'),
            None if rest.is_empty() || rest.starts_with(['*', '`']) && !rest.contains(':') => {
                // A name of a type begins a declaration only if a declarator follows.
                let after = self.lexer.byte_after_word(&word);
                let declarator = !bare
                    || after.is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'*' | b'('));
                let (module, name) = match rest.strip_prefix('`') {
                    Some(name) => (Some(head.as_str()), name.trim_end_matches('*')),
                    None => (None, head.as_str()),
                };
                declarator
                    && match module {
                        Some(module) => self.types.is_type(Some(module), name),
                        None => !name.is_empty() && self.names_type(name),
                    }
            }
            None => false,
        };
        if declares {
            self.mode = Mode::Inner;
        }
        self.advance()?;
        Ok(())
    }

    fn item(&mut self) -> Result<Item> {
        match self.token.kind {
            TokenKind::Probe(_) | TokenKind::Int(_) => self.clause().map(Item::Clause),
            TokenKind::Keyword(Keyword::Inline) => self.inline().map(Item::Inline),
            TokenKind::Keyword(Keyword::Translator) => self.translator().map(Item::Translator),
            TokenKind::Keyword(Keyword::Provider) => self.provider().map(Item::Provider),
            TokenKind::Keyword(keyword) if keyword.begins_declaration() => self.declaration(),
            TokenKind::Ident(_) => self.declaration(),
            _ => {
                let near = self.lexer.slice(self.token.pos.offset, self.token.end);
                Err(self.error(Tag::Syntax, self.pos(), format!("syntax error near \"{near}\"")))
            }
        }
    }

    /// Ends an item at its last token without looking at the next: what that is, the next item's beginning decides.
    fn end_item(&mut self, punct: Punct, expecting: &[&str]) -> Result<()> {
        if !self.is(punct) {
            return Err(self.unexpected(expecting));
        }
        Ok(())
    }

    fn clause(&mut self) -> Result<Clause> {
        let pos = self.pos();
        let mut probes = Vec::new();
        loop {
            let text: Rc<str> = match &self.token.kind {
                TokenKind::Probe(text) => text.clone(),
                // A character constant is no number of a probe.
                TokenKind::Int(constant) if !constant.signed => self.probe_number(constant.value)?,
                _ => return Err(self.unexpected(&["probe description"])),
            };
            probes.push(ProbeSpec { pos: self.pos(), text });
            self.advance()?;
            if !self.accept(Punct::Comma)? {
                break;
            }
        }
        let mut predicate = None;
        if self.is(Punct::Slash) {
            self.mode = Mode::Predicate;
            self.advance()?;
            predicate = Some(self.expression()?);
            if self.token.kind != TokenKind::PredicateEnd {
                return Err(self.unexpected(&["','", "'/'"]));
            }
            self.mode = Mode::Outer;
            self.advance()?;
        }
        let body = if self.is(Punct::LBrace) {
            self.mode = Mode::Inner;
            self.advance()?;
            let stmts = self.statements()?;
            self.end_item(Punct::RBrace, &["';'", "'}'"])?;
            Some(stmts)
        } else {
            self.check_bodiless(pos, predicate.is_some())?;
            None
        };
        Ok(Clause { pos, probes, predicate, body })
    }

    /// A probe by its number, which is no provider, module or function.
    fn probe_number(&self, number: u64) -> Result<Rc<str>> {
        let what = match self.spec {
            SpecKind::None | SpecKind::Name => return Ok(number.to_string().into()),
            SpecKind::Provider => "providers",
            SpecKind::Module => "modules",
            SpecKind::Function => "functions",
        };
        let message = format!("probe identifier {number} not permitted when specifying {what}");
        Err(self.error(Tag::PdescInval, self.pos(), message))
    }

    /// A clause without braces is for `-n` and its kin, where the end of the text or another probe description ends it.
    fn check_bodiless(&mut self, clause: super::Pos, predicate: bool) -> Result<()> {
        let ends = self.token.kind == TokenKind::End;
        if self.spec != SpecKind::None && ends {
            return Ok(());
        }
        if self.spec != SpecKind::None && matches!(self.token.kind, TokenKind::Probe(_) | TokenKind::Int(_)) {
            self.lexer.go_back(self.pos());
            return Ok(());
        }
        if !ends && !matches!(self.token.kind, TokenKind::Probe(_)) && !predicate {
            return Err(self.unexpected(&[]));
        }
        let message = if predicate {
            "expected actions { } following probe description and predicate"
        } else {
            "expected predicate and/or actions following probe description"
        };
        Err(self.error(Tag::Syntax, if predicate { self.pos() } else { clause }, message))
    }

    /// Statements up to a closing brace or the end.
    fn statements(&mut self) -> Result<Vec<Stmt>> {
        let mut stmts = Vec::new();
        loop {
            while self.accept(Punct::Semicolon)? {}
            if self.is(Punct::RBrace) || self.token.kind == TokenKind::End {
                return Ok(stmts);
            }
            let stmt = self.statement()?;
            let needs_semicolon = matches!(stmt.kind, StmtKind::Expr(_));
            stmts.push(stmt);
            if needs_semicolon && !self.is(Punct::RBrace) && !self.accept(Punct::Semicolon)? {
                return Err(self.unexpected_in_statement());
            }
        }
    }

    fn statement(&mut self) -> Result<Stmt> {
        let pos = self.pos();
        let kind = match self.token.kind {
            TokenKind::Keyword(Keyword::If) => self.nested(Self::if_statement)?,
            TokenKind::Punct(Punct::LBrace) => StmtKind::Block(self.nested(Self::block)?),
            _ if self.begins_expression() => StmtKind::Expr(self.expression()?),
            _ => return Err(self.unexpected_in_statement()),
        };
        Ok(Stmt { pos, kind })
    }

    /// The error that the current token neither continues nor begins a statement.
    fn unexpected_in_statement(&self) -> super::Error {
        if self.is(Punct::RParen) {
            return self.error(Tag::Syntax, self.pos(), "extra ) in input stream");
        }
        self.unexpected(&["';'", "'}'"])
    }

    /// Whether the current token can begin an expression.
    fn begins_expression(&self) -> bool {
        match self.token.kind {
            TokenKind::Keyword(keyword) => matches!(
                keyword,
                Keyword::Self_
                    | Keyword::This
                    | Keyword::Sizeof
                    | Keyword::Stringof
                    | Keyword::Offsetof
                    | Keyword::Xlate
            ),
            TokenKind::Punct(punct) => matches!(
                punct,
                Punct::LParen
                    | Punct::Star
                    | Punct::And
                    | Punct::Plus
                    | Punct::Minus
                    | Punct::Not
                    | Punct::Tilde
                    | Punct::PlusPlus
                    | Punct::MinusMinus
            ),
            TokenKind::End | TokenKind::Probe(_) | TokenKind::PredicateEnd => false,
            TokenKind::Ident(_) | TokenKind::Int(_) | TokenKind::Str(_) | TokenKind::Aggregation(_) => true,
        }
    }

    fn block(&mut self) -> Result<Vec<Stmt>> {
        self.expect(Punct::LBrace)?;
        let stmts = self.statements()?;
        self.expect(Punct::RBrace)?;
        Ok(stmts)
    }

    fn if_statement(&mut self) -> Result<StmtKind> {
        self.advance()?;
        self.expect(Punct::LParen)?;
        let condition = self.expression()?;
        self.expect(Punct::RParen)?;
        let then = self.branch()?;
        let mut otherwise = Vec::new();
        if self.is_keyword(Keyword::Else) {
            self.advance()?;
            otherwise = self.branch()?;
        }
        Ok(StmtKind::If { condition, then, otherwise })
    }

    /// A block, or one statement with its semicolon.
    fn branch(&mut self) -> Result<Vec<Stmt>> {
        if self.is(Punct::LBrace) {
            return self.nested(Self::block);
        }
        if self.accept(Punct::Semicolon)? {
            return Ok(Vec::new());
        }
        let stmt = self.statement()?;
        let needs_semicolon = matches!(stmt.kind, StmtKind::Expr(_));
        if needs_semicolon && !self.accept(Punct::Semicolon)? && !self.is(Punct::RBrace) {
            return Err(self.unexpected(&["';'", "'}'"]));
        }
        Ok(vec![stmt])
    }

    fn declaration(&mut self) -> Result<Item> {
        let pos = self.pos();
        let specifiers = self.specifiers()?;
        let mut declarators = Vec::new();
        if !self.is(Punct::Semicolon) {
            loop {
                let declarator = self.declarator(false)?;
                if let Some(name) = &declarator.name {
                    if specifiers.class == Some(StorageClass::Typedef) {
                        self.typedefs.insert(name.clone());
                    } else if specifiers.class.is_none() {
                        self.assigned.insert(name.clone());
                    }
                }
                declarators.push(declarator);
                if !self.accept(Punct::Comma)? {
                    break;
                }
            }
        }
        self.end_item(Punct::Semicolon, &["','", "';'"])?;
        Ok(Item::Declaration(Declaration { pos, specifiers, declarators }))
    }

    fn inline(&mut self) -> Result<Inline> {
        let pos = self.pos();
        self.advance()?;
        if !self.at_type() && !matches!(self.token.kind, TokenKind::Keyword(k) if k.begins_declaration()) {
            return Err(self.unexpected(&[]));
        }
        let specifiers = self.specifiers()?;
        let declarator = self.declarator(false)?;
        self.expect(Punct::Assign)?;
        let value = Rc::new(self.assignment()?);
        self.end_item(Punct::Semicolon, &["';'"])?;
        Ok(Inline { pos, specifiers, declarator, value })
    }

    fn translator(&mut self) -> Result<Translator> {
        let pos = self.pos();
        self.advance()?;
        let output = self.type_name()?;
        self.expect(Punct::Less)?;
        let mut input = self.named_parameter()?;
        let Some(param) = input.declarator.name.take() else { return Err(self.unexpected(&["identifier"])) };
        self.expect(Punct::Greater)?;
        self.expect(Punct::LBrace)?;
        let mut members = Vec::new();
        while !self.is(Punct::RBrace) {
            let (pos, name) = self.expect_ident()?;
            self.expect(Punct::Assign)?;
            let value = Rc::new(self.assignment()?);
            self.expect(Punct::Semicolon)?;
            members.push(TranslatorMember { pos, name, value });
        }
        self.advance()?;
        self.end_item(Punct::Semicolon, &["';'"])?;
        Ok(Translator { pos, output, input, param, members })
    }

    fn provider(&mut self) -> Result<Provider> {
        let pos = self.pos();
        self.advance()?;
        let (_, name) = self.expect_ident()?;
        self.expect(Punct::LBrace)?;
        let mut probes = Vec::new();
        while !self.is(Punct::RBrace) {
            if !self.is_keyword(Keyword::Probe) {
                return Err(self.unexpected(&["'probe'", "'}'"]));
            }
            self.advance()?;
            let (pos, name) = self.expect_ident()?;
            self.expect(Punct::LParen)?;
            let native = self.probe_parameters("input")?;
            let mut translated = None;
            if self.accept(Punct::Colon)? {
                self.expect(Punct::LParen)?;
                translated = Some(self.probe_parameters("output")?);
            }
            self.expect(Punct::Semicolon)?;
            probes.push(ProviderProbe { pos, name, native, translated });
        }
        self.advance()?;
        self.end_item(Punct::Semicolon, &["';'"])?;
        Ok(Provider { pos, name, probes })
    }

    /// Parameters up to and with the closing parenthesis, none of them `...`.
    fn probe_parameters(&mut self, what: &str) -> Result<Vec<super::TypeName>> {
        let pos = self.pos();
        let (params, varargs) = self.parameters()?;
        if varargs {
            let message = format!("probe {what} prototype may not use a variable-length argument list");
            return Err(self.error(Tag::DeclProtoVarargs, pos, message));
        }
        Ok(params)
    }
}
