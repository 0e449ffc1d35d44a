//! Expressions, with C's precedence and D's additions: `^^`, aggregations, `xlate`, `stringof`.

use super::super::ast::{AggregationRef, BinaryOp, Expr, ExprKind, Name, Pos, Scope, UnaryOp};
use super::super::lexer::Mode;
use super::super::token::{Keyword, Punct, TokenKind};
use super::{MAX_HEIGHT, Parser, Rc, Result, Tag};

impl Parser<'_> {
    /// An expression, commas included.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        let first = self.assignment()?;
        if !self.is(Punct::Comma) {
            return Ok(first);
        }
        let pos = first.pos;
        let mut list = vec![first];
        while self.accept(Punct::Comma)? {
            list.push(self.assignment()?);
        }
        Ok(Expr { pos, kind: ExprKind::Comma(list) })
    }

    /// An expression without a comma outside parentheses.
    pub(super) fn assignment(&mut self) -> Result<Expr> {
        self.nested(|parser| {
            let target = parser.conditional()?;
            let TokenKind::Punct(punct) = parser.token.kind else { return Ok(target) };
            let Some(op) = assign_op(punct) else { return Ok(target) };
            if !parser.assignable {
                return Err(parser.unexpected(&["';'", "'}'"]));
            }
            let pos = parser.pos();
            parser.note_assigned(&target);
            parser.advance()?;
            let value = parser.assignment()?;
            Ok(Expr { pos, kind: ExprKind::Assign { op, target: Box::new(target), value: Box::new(value) } })
        })
    }

    /// Remembers that the name is a variable from here on, whatever types there are.
    fn note_assigned(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(Name { scope: Scope::Default, name }) => {
                self.assigned.insert(name.clone());
            }
            ExprKind::Index(base, _) => self.note_assigned(base),
            _ => {}
        }
    }

    /// A conditional expression: also what stands where a constant is wanted.
    pub(super) fn conditional(&mut self) -> Result<Expr> {
        let condition = self.binary(0)?;
        if !self.is(Punct::Question) {
            return Ok(condition);
        }
        let pos = self.pos();
        self.advance()?;
        let then = self.nested(Self::expression)?;
        self.expect(Punct::Colon)?;
        let otherwise = self.nested(Self::conditional)?;
        self.assignable = false;
        Ok(Expr { pos, kind: ExprKind::Cond(Box::new(condition), Box::new(then), Box::new(otherwise)) })
    }

    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8) -> Result<Expr> {
        let mut left = self.unary()?;
        let mut height = 0;
        loop {
            let operator = match self.token.kind {
                TokenKind::Punct(punct) => binary_op(punct).filter(|(_, level)| *level >= least),
                _ => None,
            };
            let Some((op, level)) = operator else {
                self.assignable = height == 0 && !matches!(left.kind, ExprKind::Cast(..));
                return Ok(left);
            };
            let pos = self.pos();
            height = self.higher(height, pos)?;
            self.advance()?;
            let right = self.nested(|parser| parser.binary(level + 1))?;
            left = Expr { pos, kind: ExprKind::Binary(op, Box::new(left), Box::new(right)) };
        }
    }

    /// One level more of a tree that grows to the left without nesting in the text.
    fn higher(&self, height: u32, pos: Pos) -> Result<u32> {
        if height >= MAX_HEIGHT {
            return Err(self.error(Tag::Syntax, pos, "expression is too long"));
        }
        Ok(height + 1)
    }

    fn unary(&mut self) -> Result<Expr> {
        let pos = self.pos();
        let op = match self.token.kind {
            TokenKind::Punct(Punct::Plus) => UnaryOp::Plus,
            TokenKind::Punct(Punct::Minus) => UnaryOp::Minus,
            TokenKind::Punct(Punct::Tilde) => UnaryOp::BitNot,
            TokenKind::Punct(Punct::Not) => UnaryOp::Not,
            TokenKind::Punct(Punct::Star) => UnaryOp::Deref,
            TokenKind::Punct(Punct::And) => UnaryOp::AddressOf,
            TokenKind::Punct(Punct::PlusPlus) => UnaryOp::PreInc,
            TokenKind::Punct(Punct::MinusMinus) => UnaryOp::PreDec,
            TokenKind::Punct(Punct::LParen) => return self.parenthesized(),
            TokenKind::Keyword(Keyword::Sizeof) => return self.sizeof(),
            TokenKind::Keyword(Keyword::Stringof) => {
                self.advance()?;
                let operand = self.nested(Self::unary)?;
                return Ok(Expr { pos, kind: ExprKind::Stringof(Box::new(operand)) });
            }
            _ => return self.postfix(),
        };
        self.advance()?;
        let operand = self.nested(Self::unary)?;
        Ok(Expr { pos, kind: ExprKind::Unary(op, Box::new(operand)) })
    }

    /// A cast, or an expression in parentheses with what follows it.
    fn parenthesized(&mut self) -> Result<Expr> {
        let pos = self.pos();
        let mode = std::mem::replace(&mut self.mode, Mode::Inner);
        self.advance()?;
        if self.at_type() {
            let name = self.type_name()?;
            self.close(mode)?;
            let operand = self.nested(Self::unary)?;
            return Ok(Expr { pos, kind: ExprKind::Cast(Box::new(name), Box::new(operand)) });
        }
        let inside = self.nested(Self::expression)?;
        if !self.is(Punct::RParen) {
            return Err(self.unexpected(&["','", "')'"]));
        }
        self.close(mode)?;
        self.postfix_of(inside)
    }

    /// Skips a closing parenthesis, after which the rules for tokens are `mode`'s again.
    fn close(&mut self, mode: Mode) -> Result<()> {
        self.mode = mode;
        self.expect(Punct::RParen)
    }

    fn sizeof(&mut self) -> Result<Expr> {
        let pos = self.pos();
        self.advance()?;
        if !self.is(Punct::LParen) {
            let operand = self.nested(Self::unary)?;
            return Ok(Expr { pos, kind: ExprKind::SizeofExpr(Box::new(operand)) });
        }
        let mode = std::mem::replace(&mut self.mode, Mode::Inner);
        self.advance()?;
        if self.at_type() {
            let name = self.type_name()?;
            self.close(mode)?;
            return Ok(Expr { pos, kind: ExprKind::SizeofType(Box::new(name)) });
        }
        let operand = self.nested(Self::expression)?;
        self.close(mode)?;
        let operand = self.postfix_of(operand)?;
        Ok(Expr { pos, kind: ExprKind::SizeofExpr(Box::new(operand)) })
    }

    fn postfix(&mut self) -> Result<Expr> {
        let primary = self.primary()?;
        self.postfix_of(primary)
    }

    /// The operators behind an operand.
    fn postfix_of(&mut self, mut base: Expr) -> Result<Expr> {
        let mut height = 0;
        loop {
            let pos = self.pos();
            let TokenKind::Punct(punct) = self.token.kind else { return Ok(base) };
            let kind = match punct {
                Punct::LBracket => {
                    let keys = self.inner(|parser| {
                        parser.advance()?;
                        let keys = parser.nested(|p| p.arguments(Punct::RBracket))?;
                        Ok(keys)
                    })?;
                    self.expect(Punct::RBracket)?;
                    if keys.is_empty() {
                        return Err(self.error(Tag::Syntax, pos, "syntax error near \"]\""));
                    }
                    // Only the first brackets of an aggregation hold its keys.
                    match base.kind {
                        ExprKind::Aggregation(AggregationRef { name, keys: None }) => {
                            base = Expr {
                                pos: base.pos,
                                kind: ExprKind::Aggregation(AggregationRef { name, keys: Some(keys) }),
                            };
                            continue;
                        }
                        _ => ExprKind::Index(Box::new(base), keys),
                    }
                }
                Punct::LParen => {
                    if !matches!(
                        &base.kind,
                        ExprKind::Name(Name { scope: Scope::Default | Scope::Module(_), .. })
                    ) {
                        let message = "function designator is not of function type";
                        return Err(self.error(Tag::FuncIdent, pos, message));
                    }
                    let args = self.inner(|parser| {
                        parser.advance()?;
                        parser.nested(|p| p.arguments(Punct::RParen))
                    })?;
                    if !self.is(Punct::RParen) {
                        return Err(self.unexpected(&["','", "')'"]));
                    }
                    self.advance()?;
                    ExprKind::Call(Box::new(base), args)
                }
                Punct::Dot | Punct::Arrow => {
                    self.advance()?;
                    let member = self.member_name()?;
                    let arrow = punct == Punct::Arrow;
                    match base.kind {
                        ExprKind::Name(Name { scope: Scope::Default, name }) if arrow && &*name == "self" => {
                            ExprKind::Name(Name { scope: Scope::Thread, name: member })
                        }
                        ExprKind::Name(Name { scope: Scope::Default, name }) if arrow && &*name == "this" => {
                            ExprKind::Name(Name { scope: Scope::Clause, name: member })
                        }
                        kind => {
                            ExprKind::Member { base: Box::new(Expr { pos: base.pos, kind }), member, arrow }
                        }
                    }
                }
                Punct::PlusPlus => {
                    self.advance()?;
                    ExprKind::Unary(UnaryOp::PostInc, Box::new(base))
                }
                Punct::MinusMinus => {
                    self.advance()?;
                    ExprKind::Unary(UnaryOp::PostDec, Box::new(base))
                }
                _ => return Ok(base),
            };
            height = self.higher(height, pos)?;
            base = Expr { pos, kind };
        }
    }

    /// The name of a member: words of the language may be that too.
    fn member_name(&mut self) -> Result<Rc<str>> {
        let name: Rc<str> = match &self.token.kind {
            TokenKind::Ident(name) if name.scope == Scope::Default => name.name.clone(),
            TokenKind::Keyword(keyword) => keyword.text().into(),
            _ => return Err(self.unexpected(&["identifier"])),
        };
        self.advance()?;
        Ok(name)
    }

    /// Expressions between commas, up to `end`.
    fn arguments(&mut self, end: Punct) -> Result<Vec<Expr>> {
        let mut list = Vec::new();
        if self.is(end) {
            return Ok(list);
        }
        loop {
            list.push(self.assignment()?);
            if !self.accept(Punct::Comma)? {
                return Ok(list);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        let pos = self.pos();
        let kind = match &self.token.kind {
            TokenKind::Int(constant) => ExprKind::Int(*constant),
            TokenKind::Str(bytes) => ExprKind::Str(bytes.clone()),
            TokenKind::Ident(name) => ExprKind::Name(name.clone()),
            TokenKind::Aggregation(name) => {
                ExprKind::Aggregation(AggregationRef { name: name.clone(), keys: None })
            }
            TokenKind::Keyword(keyword @ (Keyword::Self_ | Keyword::This)) => {
                ExprKind::Name(Name { scope: Scope::Default, name: keyword.text().into() })
            }
            TokenKind::Keyword(Keyword::Offsetof) => return self.offsetof(),
            TokenKind::Keyword(Keyword::Xlate) => return self.xlate(),
            _ => return Err(self.unexpected(&[])),
        };
        self.advance()?;
        Ok(Expr { pos, kind })
    }

    fn offsetof(&mut self) -> Result<Expr> {
        let pos = self.pos();
        self.advance()?;
        let mode = std::mem::replace(&mut self.mode, Mode::Inner);
        self.expect(Punct::LParen)?;
        let name = self.type_name()?;
        self.expect(Punct::Comma)?;
        let member = self.member_name()?;
        self.close(mode)?;
        Ok(Expr { pos, kind: ExprKind::Offsetof(Box::new(name), member) })
    }

    fn xlate(&mut self) -> Result<Expr> {
        let pos = self.pos();
        self.advance()?;
        self.expect(Punct::Less)?;
        let name = self.type_name()?;
        self.expect(Punct::Greater)?;
        if !self.is(Punct::LParen) {
            return Err(self.unexpected(&["'('"]));
        }
        let mode = std::mem::replace(&mut self.mode, Mode::Inner);
        self.advance()?;
        let operand = self.nested(Self::expression)?;
        self.close(mode)?;
        Ok(Expr { pos, kind: ExprKind::Xlate(Box::new(name), Box::new(operand)) })
    }
}

fn assign_op(punct: Punct) -> Option<Option<BinaryOp>> {
    Some(match punct {
        Punct::Assign => None,
        Punct::MulAssign => Some(BinaryOp::Mul),
        Punct::DivAssign => Some(BinaryOp::Div),
        Punct::ModAssign => Some(BinaryOp::Mod),
        Punct::AddAssign => Some(BinaryOp::Add),
        Punct::SubAssign => Some(BinaryOp::Sub),
        Punct::ShlAssign => Some(BinaryOp::Shl),
        Punct::ShrAssign => Some(BinaryOp::Shr),
        Punct::AndAssign => Some(BinaryOp::BitAnd),
        Punct::XorAssign => Some(BinaryOp::BitXor),
        Punct::OrAssign => Some(BinaryOp::BitOr),
        _ => return None,
    })
}

/// The operator and how tightly it binds.
fn binary_op(punct: Punct) -> Option<(BinaryOp, u8)> {
    Some(match punct {
        Punct::OrOr => (BinaryOp::Or, 1),
        Punct::XorXor => (BinaryOp::Xor, 2),
        Punct::AndAnd => (BinaryOp::And, 3),
        Punct::Or => (BinaryOp::BitOr, 4),
        Punct::Xor => (BinaryOp::BitXor, 5),
        Punct::And => (BinaryOp::BitAnd, 6),
        Punct::EqEq => (BinaryOp::Eq, 7),
        Punct::NotEq => (BinaryOp::Ne, 7),
        Punct::Less => (BinaryOp::Lt, 8),
        Punct::LessEq => (BinaryOp::Le, 8),
        Punct::Greater => (BinaryOp::Gt, 8),
        Punct::GreaterEq => (BinaryOp::Ge, 8),
        Punct::Shl => (BinaryOp::Shl, 9),
        Punct::Shr => (BinaryOp::Shr, 9),
        Punct::Plus => (BinaryOp::Add, 10),
        Punct::Minus => (BinaryOp::Sub, 10),
        Punct::Star => (BinaryOp::Mul, 11),
        Punct::Slash => (BinaryOp::Div, 11),
        Punct::Percent => (BinaryOp::Mod, 11),
        _ => return None,
    })
}
