//! Inlines and translators: definitions that are expanded where they are used.
//!
//! An inline's value is checked anew at each use, with its parameters bound to the operands; the result is converted to the
//! inline's type and is no place. So is each member of a translator. A translator's result is a structure of which usually
//! one member is wanted, and then only that member is evaluated ([`Value::Translated`]); if the whole is wanted it is
//! built in scratch memory ([`Checker::materialize`]).

use std::collections::HashMap;
use std::rc::Rc;

use super::super::ast::{self, Derived, Pos, StorageClass};
use super::super::typed::{Expr, ExprKind, Var};
use super::bound::Bound;
use super::ident::{Global, Inline, Translator};
use super::{Checker, DEFINED, Result, Tag};
use crate::error::Error;
use crate::program::{Attribute, VarScope};
use crate::types::TypeId;

/// The value of an expression, or the promise of a translated structure.
pub(super) enum Value {
    Plain(Expr),
    Translated(Translated),
}

/// A structure that a translator makes from its input.
pub(super) struct Translated {
    translator: Rc<Translator>,
    input: Expr,
    /// Whether the value is a pointer to the structure.
    pointer: bool,
    ty: TypeId,
    pos: Pos,
}

/// The member of a frame that stands for a parameter while its definition is checked: no constant, and no place.
fn placeholder(name: &Rc<str>, ty: TypeId, pos: Pos) -> Expr {
    let var = Var { id: 0, scope: VarScope::Local, name: name.clone(), array: false, ty };
    let inner = Expr { pos, ty, user: false, kind: ExprKind::Var(var) };
    Expr { pos, ty, user: false, kind: ExprKind::Convert(Box::new(inner)) }
}

impl Checker<'_> {
    /// `inline type name = value;`
    pub(super) fn inline(&mut self, inline: &ast::Inline) -> Result<()> {
        let pos = inline.pos;
        if inline.specifiers.class.is_some_and(|class| class != StorageClass::Extern) {
            let message = "specified storage class not appropriate for inline declaration";
            return Err(self.error(Tag::DeclBadclass, pos, message));
        }
        let Some(name) = inline.declarator.name.clone() else {
            return Err(self.error(Tag::DeclIdent, pos, "inline declaration requires a name"));
        };
        if self.identifiers.is_taken(&name) || self.is_builtin(&name) {
            let previous = self.kind_of_name(&name);
            let message = format!(
                "identifier redefined: {name}\n\t current: inline definition\n\tprevious: {previous}"
            );
            return Err(self.error(Tag::DeclIdred, pos, message));
        }
        let mut declarator = inline.declarator.clone();
        let mut params = None;
        match declarator.derived.first() {
            Some(Derived::Associative(list)) => {
                params = Some(self.array_params(list)?);
                declarator.derived.remove(0);
            }
            Some(Derived::Array(_)) => {
                let message = format!("inline declaration cannot be of scalar array type: {name}");
                return Err(self.error(Tag::DeclArrnull, pos, message));
            }
            Some(Derived::Function { .. }) => {
                let message = format!("inline declaration cannot be of function type: {name}");
                return Err(self.error(Tag::DeclCombo, pos, message));
            }
            _ => {}
        }
        let ty = self.declared_type(&inline.specifiers, &declarator)?;
        if self.types.is_void(ty) {
            return Err(self.error(Tag::DeclVoidobj, pos, format!("cannot declare void inline: {name}")));
        }
        let frame = params.iter().flatten().filter_map(|(name, ty)| {
            name.as_ref().map(|name| (name.clone(), Bound::new(placeholder(name, *ty, pos))))
        });
        self.frames.push(frame.collect());
        let checked = self.value(&inline.value);
        self.frames.pop();
        let compatible = match checked? {
            Value::Plain(value) => {
                let found = value.ty;
                if self.assignable(ty, &value) || self.types.same(ty, found) && !self.types.is_void(found) {
                    Ok(())
                } else {
                    Err(found)
                }
            }
            Value::Translated(translated) if self.types.same(ty, translated.ty) => Ok(()),
            Value::Translated(translated) => Err(translated.ty),
        };
        if let Err(found) = compatible {
            let message = format!(
                "inline {name} definition uses incompatible types: \"{}\" = \"{}\"",
                self.name_of(ty),
                self.name_of(found)
            );
            return Err(self.error(Tag::OpIncompat, pos, message));
        }
        self.take_pending()?;
        self.attribute = Attribute::MAXIMUM;
        let attribute = self.identifiers.attributes.get(&name).copied().unwrap_or(DEFINED);
        let definition = Inline { name: name.clone(), ty, params, value: inline.value.clone(), attribute };
        self.identifiers.globals.insert(name.clone(), Global::Inline(Rc::new(definition)));
        Ok(())
    }

    /// The value of an inline with its parameters bound.
    pub(super) fn expand_inline(&mut self, inline: &Rc<Inline>, args: Vec<Expr>, pos: Pos) -> Result<Value> {
        self.expand(pos)?;
        let names = inline.params.iter().flatten().map(|(name, _)| name.clone());
        let mut frame = HashMap::new();
        for (name, arg) in names.zip(args) {
            if let Some(name) = name {
                // An operand may be a place; the parameter is its value.
                let (ty, user) = (arg.ty, arg.user);
                let value = if self.is_place(&arg) {
                    Expr { pos, ty, user, kind: ExprKind::Convert(Box::new(arg)) }
                } else {
                    arg
                };
                frame.insert(name, Bound::new(value));
            }
        }
        self.frames.push(frame);
        let value = self.deeper(pos, |checker| checker.value(&inline.value));
        self.frames.pop();
        // The stability of an inline is what it says, whatever it uses.
        let attribute = self.identifiers.attributes.get(&inline.name).copied().unwrap_or(inline.attribute);
        self.uses(attribute);
        let ty = inline.ty;
        match value.map_err(|error| self.at_use(error, &inline.name, pos))? {
            Value::Translated(translated) => Ok(Value::Translated(Translated { pos, ..translated })),
            Value::Plain(value) => {
                let value = self.convert(value, ty);
                if !self.is_place(&value) {
                    return Ok(Value::Plain(Expr { pos, ..value }));
                }
                let user = value.user;
                Ok(Value::Plain(Expr { pos, ty, user, kind: ExprKind::Convert(Box::new(value)) }))
            }
        }
    }

    /// A fault in a definition that shows only at a use belongs to the use: the definition's text may be another program's.
    fn at_use(&self, error: Error, name: &str, pos: Pos) -> Error {
        match error {
            Error::Compile(fault) => {
                self.error(fault.tag, pos, format!("in the definition of {name}: {}", fault.message))
            }
            other => other,
        }
    }

    /// `translator output < input name > { ... };`
    pub(super) fn translator(&mut self, translator: &ast::Translator) -> Result<()> {
        let pos = translator.pos;
        let output = self.type_name(&translator.output)?;
        let input = self.type_name(&translator.input)?;
        if !self.types.is_struct_or_union(output) {
            return Err(self.error(Tag::XlateSou, pos, "translator output type must be a struct or union"));
        }
        let twin = |t: &Rc<Translator>| self.types.same(t.output, output) && self.types.same(t.input, input);
        if self.identifiers.translators.iter().any(twin) {
            let message = format!(
                "translator from {} to {} has already been declared",
                self.name_of(input),
                self.name_of(output)
            );
            return Err(self.error(Tag::XlateRedecl, pos, message));
        }
        for member in &translator.members {
            let Some(found) = self.types.member(output, &member.name) else {
                let message =
                    format!("translator member {} is not a member of {}", member.name, self.name_of(output));
                return Err(self.error(Tag::XlateMemb, member.pos, message));
            };
            let param = translator.param.clone();
            let value = placeholder(&param, input, pos);
            self.frames.push(HashMap::from([(param, Bound::new(value))]));
            let checked = self.expr(&member.value);
            self.frames.pop();
            let value = checked?;
            let ty = found.member.ty;
            if !self.fills(ty, &value) {
                let message = format!(
                    "translator member {} definition uses incompatible types: \"{}\" = \"{}\"",
                    member.name,
                    self.name_of(ty),
                    self.name_of(value.ty)
                );
                return Err(self.error(Tag::XlateIncompat, member.pos, message));
            }
            self.take_pending()?;
        }
        self.attribute = Attribute::MAXIMUM;
        let param = translator.param.clone();
        let definition = Translator { output, input, param, members: translator.members.clone() };
        self.identifiers.translators.push(Rc::new(definition));
        Ok(())
    }

    /// Whether a value may be that of a translated member. A character array takes a string.
    fn fills(&self, ty: TypeId, value: &Expr) -> bool {
        self.assignable(ty, value)
            || self.types.same(ty, value.ty) && !self.types.is_void(ty)
            || self.types.is_array(ty)
                && self.types.is_string_compatible(ty)
                && self.types.is_string_compatible(value.ty)
    }

    /// `xlate < type > (operand)`
    pub(super) fn xlate(&mut self, name: &ast::TypeName, operand: &ast::Expr, pos: Pos) -> Result<Value> {
        let output = self.type_name(name)?;
        let operand = self.expr(operand)?;
        self.translated(output, operand, pos)
    }

    /// A value as translated to a structure type, or to a pointer to one.
    pub(super) fn translated(&mut self, ty: TypeId, input: Expr, pos: Pos) -> Result<Value> {
        let pointed = self.types.element(ty).filter(|_| self.types.is_pointer(ty));
        let output = pointed.unwrap_or(ty);
        let exact =
            |t: &&Rc<Translator>| self.types.same(t.output, output) && self.types.same(t.input, input.ty);
        let fitting = |t: &&Rc<Translator>| {
            self.types.same(t.output, output)
                && (self.types.is_pointer(t.input) && self.types.is_pointer(input.ty)
                    || self.types.is_integer(t.input) && self.types.is_integer(input.ty))
                && self.assignable(t.input, &input)
        };
        let translators = &self.identifiers.translators;
        let Some(translator) = translators.iter().find(exact).or_else(|| translators.iter().find(fitting))
        else {
            let message =
                format!("cannot translate from \"{}\" to \"{}\"", self.name_of(input.ty), self.name_of(ty));
            return Err(self.error(Tag::XlateNone, pos, message));
        };
        let translator = translator.clone();
        let input = self.convert(input, translator.input);
        Ok(Value::Translated(Translated { translator, input, pointer: pointed.is_some(), ty, pos }))
    }

    /// A member of a translated structure.
    pub(super) fn translated_member(
        &mut self,
        translated: &Translated,
        member: &str,
        arrow: bool,
        pos: Pos,
    ) -> Result<Value> {
        if arrow != translated.pointer {
            let message = if arrow {
                "operator -> must be applied to a pointer".to_owned()
            } else {
                let name = self.name_of(translated.ty);
                format!(
                    "operator . cannot be applied to type \"{name}\"; must be applied to a struct or union"
                )
            };
            return Err(self.error(if arrow { Tag::OpPtr } else { Tag::OpSou }, pos, message));
        }
        let output = translated.translator.output;
        let Some(definition) = translated.translator.members.iter().find(|m| &*m.name == member) else {
            let message = format!("translator does not define conversion for member: {member}");
            return Err(self.error(Tag::XlateNoconv, pos, message));
        };
        let value = self.translate_member(translated, &definition.value.clone(), pos)?;
        let ty = self.types.member(output, member).map_or(value.ty, |found| found.member.ty);
        // A string for a character array stays a string: what reads it wants its characters.
        let value = if self.types.is_array(ty) { value } else { self.convert(value, ty) };
        let user = value.user;
        Ok(Value::Plain(if self.is_place(&value) {
            let ty = value.ty;
            Expr { pos, ty, user, kind: ExprKind::Convert(Box::new(value)) }
        } else {
            value
        }))
    }

    fn translate_member(&mut self, translated: &Translated, value: &ast::Expr, pos: Pos) -> Result<Expr> {
        self.expand(pos)?;
        let input = translated.input.clone();
        let input = if self.is_place(&input) {
            let (ty, user) = (input.ty, input.user);
            Expr { pos, ty, user, kind: ExprKind::Convert(Box::new(input)) }
        } else {
            input
        };
        self.frames.push(HashMap::from([(translated.translator.param.clone(), Bound::new(input))]));
        let value = self.deeper(pos, |checker| checker.expr(value));
        self.frames.pop();
        value.map_err(|error| self.at_use(error, "a translator", pos))
    }

    /// Whether a value is a translated structure that was built in scratch memory: it can be assigned, and nothing else.
    pub(super) fn is_translated(&self, value: &Expr) -> bool {
        let ExprKind::Comma(list) = &value.kind else { return false };
        let Some(ExprKind::Assign(place, _)) = list.first().map(|first| &first.kind) else { return false };
        // No variable of a program is called so.
        matches!(&place.kind, ExprKind::Var(var) if var.name.starts_with('<'))
    }

    /// A translated structure by the pointer to it, if the value is one.
    pub(super) fn pointed_to(&self, value: Value, pos: Pos) -> Value {
        match value {
            Value::Translated(translated) if translated.pointer => {
                let ty = translated.translator.output;
                Value::Translated(Translated { pointer: false, ty, pos, ..translated })
            }
            value => value,
        }
    }

    /// Whether a value is a pointer to a translated structure.
    pub(super) fn is_translated_pointer(value: &Value) -> bool {
        matches!(value, Value::Translated(Translated { pointer: true, .. }))
    }

    /// A value of its own: a translated structure is built in scratch memory, which a clause-local variable points to. A
    /// pointer to a translated structure has no value.
    pub(super) fn materialize(&mut self, value: Value) -> Result<Expr> {
        let translated = match value {
            Value::Plain(expr) => return Ok(expr),
            Value::Translated(translated) => translated,
        };
        let pos = translated.pos;
        if translated.pointer {
            // There is no such object to point to, only its members.
            return Ok(self.dynamic(pos, "pointer to translated data"));
        }
        let output = translated.translator.output;
        let pointer = self.types.pointer_to(output);
        let name: Rc<str> = format!("<{}>", self.name_of(output)).into();
        let id = self.define_variable(&name, VarScope::Local, Some(pointer), None, pos)?;
        let var = Var { id, scope: VarScope::Local, name, array: false, ty: pointer };
        let here = Expr { pos, ty: pointer, user: false, kind: ExprKind::Var(var) };
        let size = self.constant(pos, self.types.size(output).unwrap_or(0), self.types.intrinsics().size);
        let subr = u16::try_from(dtrace_abi::dif::SUBR_ALLOCA).unwrap_or(0);
        let memory = Expr {
            pos,
            ty: self.types.intrinsics().void_pointer,
            user: false,
            kind: ExprKind::Call { subr, args: vec![size] },
        };
        let memory = self.convert(memory, pointer);
        let kind = ExprKind::Assign(Box::new(here.clone()), Box::new(memory));
        let mut list = vec![Expr { pos, ty: pointer, user: false, kind }];
        for member in &translated.translator.members {
            let place = self.member_of(here.clone(), &member.name, true, pos)?;
            let value = self.translate_member(&translated, &member.value, pos)?;
            let ty = place.ty;
            let kind = if self.types.is_array(ty) || self.types.is_struct_or_union(ty) {
                // Memory is copied: bcopy(value, place, size).
                let void = self.types.intrinsics().void_pointer;
                let length =
                    self.constant(pos, self.types.size(ty).unwrap_or(0), self.types.intrinsics().size);
                let target = Expr { pos, ty: void, user: false, kind: ExprKind::AddressOf(Box::new(place)) };
                let source =
                    Expr { pos, ty: void, user: value.user, kind: ExprKind::Convert(Box::new(value)) };
                let subr = u16::try_from(dtrace_abi::dif::SUBR_BCOPY).unwrap_or(0);
                ExprKind::Call { subr, args: vec![source, target, length] }
            } else {
                let value = self.convert(value, ty);
                ExprKind::Assign(Box::new(place), Box::new(value))
            };
            list.push(Expr { pos, ty, user: false, kind });
        }
        list.push(Expr { pos, ty: output, user: false, kind: ExprKind::Deref(Box::new(here)) });
        Ok(Expr { pos, ty: translated.ty, user: false, kind: ExprKind::Comma(list) })
    }
}
