//! Declarations of variables and typedefs.

use std::rc::Rc;

use super::super::ast::{self, BaseType, Declarator, Derived, Pos, StorageClass};
use super::ident::{Global, Variable};
use super::{Checker, Result, Tag};
use crate::program::VarScope;
use crate::types::{Kind, TypeId};

impl Checker<'_> {
    pub(super) fn declaration(&mut self, declaration: &ast::Declaration) -> Result<()> {
        let specifiers = &declaration.specifiers;
        if matches!(
            specifiers.class,
            Some(StorageClass::Auto | StorageClass::Register | StorageClass::Static)
        ) {
            let message = "specified storage class not appropriate in D";
            return Err(self.error(Tag::DeclBadclass, declaration.pos, message));
        }
        let base = self.base_type(specifiers)?;
        if declaration.declarators.is_empty()
            && !matches!(specifiers.base, BaseType::Struct(_) | BaseType::Union(_) | BaseType::Enum(_))
        {
            return Err(self.error(Tag::DeclUseless, declaration.pos, "useless declaration"));
        }
        for declarator in &declaration.declarators {
            let Some(name) = &declarator.name else { continue };
            match specifiers.class {
                Some(StorageClass::Typedef) => self.declare_typedef(name, base, declarator)?,
                _ => self.declare_variable(name, base, declarator, specifiers)?,
            }
        }
        Ok(())
    }

    fn declare_typedef(&mut self, name: &Rc<str>, base: TypeId, declarator: &Declarator) -> Result<()> {
        let pos = declarator.pos;
        if self.types.lookup_d(name).is_some() {
            return Err(self.error(Tag::DeclIdred, pos, format!("typedef redeclared: {name}")));
        }
        if self.identifiers.is_taken(name) || self.is_builtin(name) {
            return Err(self.error(
                Tag::DeclIdred,
                pos,
                format!("global variable identifier redeclared: {name}"),
            ));
        }
        let target = self.derived_type(base, declarator)?;
        self.types.declare_typedef(name, target);
        Ok(())
    }

    fn declare_variable(
        &mut self,
        name: &Rc<str>,
        base: TypeId,
        declarator: &Declarator,
        specifiers: &ast::Specifiers,
    ) -> Result<()> {
        let pos = declarator.pos;
        let scope = match specifiers.class {
            Some(StorageClass::Thread) => VarScope::Thread,
            Some(StorageClass::Clause) => VarScope::Local,
            _ => VarScope::Global,
        };
        let mut declarator = declarator.clone();
        let mut keys: Option<Rc<[TypeId]>> = None;
        match declarator.derived.first() {
            Some(Derived::Associative(params)) => {
                if scope == VarScope::Local {
                    let message =
                        format!("associative arrays may not be declared as local variables: {name}");
                    return Err(self.error(Tag::DeclLocassc, pos, message));
                }
                let params = self.array_params(params)?;
                keys = Some(params.into_iter().map(|(_, ty)| ty).collect());
                declarator.derived.remove(0);
            }
            Some(Derived::Array(None)) if specifiers.class != Some(StorageClass::Extern) => {
                let message =
                    format!("array declaration requires array dimension or tuple signature: {name}");
                return Err(self.error(Tag::DeclArrnull, pos, message));
            }
            _ => {}
        }
        if declarator.derived.iter().any(|step| matches!(step, Derived::Associative(_))) {
            return Err(self.error(Tag::DeclDynobj, pos, "cannot declare array of associative arrays"));
        }
        let ty = self.derived_type(base, &declarator)?;
        let function = matches!(self.types.base(ty), Kind::Function(_));
        if function || specifiers.class == Some(StorageClass::Extern) {
            return self.declare_symbol(name, ty, pos);
        }
        if scope == VarScope::Global {
            if self.is_builtin(name) {
                return Err(self.error(
                    Tag::DeclIdred,
                    pos,
                    format!("built-in identifier redeclared: {name}"),
                ));
            }
            if self.types.lookup_d(name).is_some() {
                return Err(self.error(
                    Tag::DeclIdred,
                    pos,
                    format!("typedef identifier redeclared: {name}"),
                ));
            }
        }
        match self.types.base(ty) {
            Kind::Void => {
                return Err(self.error(Tag::DeclVoidobj, pos, format!("cannot have void object: {name}")));
            }
            Kind::Forward { .. } => {
                let message = format!("incomplete struct/union/enum {}: {name}", self.name_of(ty));
                return Err(self.error(Tag::DeclIncomplete, pos, message));
            }
            _ => {}
        }
        let known = match scope {
            VarScope::Global => match self.identifiers.globals.get(name) {
                Some(Global::Variable(variable)) => Some(variable.clone()),
                Some(global) => {
                    let kind = self.kind_of_name(name);
                    let previous = match global {
                        Global::Constant { ty, .. } => format!("{kind} {}", self.name_of(*ty)),
                        _ => kind.to_owned(),
                    };
                    return Err(self.redeclared(name, &self.described(ty, keys.as_deref()), &previous, pos));
                }
                None => None,
            },
            VarScope::Thread => self.identifiers.threads.get(name).cloned(),
            VarScope::Local => self.identifiers.clauses.get(name).cloned(),
        };
        if let Some(Variable { ty: Some(old), keys: old_keys, .. }) = known {
            let same_keys = match (&old_keys, &keys) {
                (None, None) => true,
                (Some(a), Some(b)) => {
                    a.len() == b.len() && a.iter().zip(b.iter()).all(|(&a, &b)| self.types.same(a, b))
                }
                _ => false,
            };
            if !same_keys || !self.types.same(old, ty) {
                let (current, previous) = match (&keys, &old_keys) {
                    (Some(keys), Some(old_keys)) if self.types.same(old, ty) => {
                        self.described_keys(ty, keys, old_keys)
                    }
                    _ => (self.described(ty, keys.as_deref()), self.described(old, old_keys.as_deref())),
                };
                return Err(self.redeclared(name, &current, &previous, pos));
            }
            return Ok(());
        }
        self.define_variable(name, scope, Some(ty), keys, pos)?;
        Ok(())
    }

    /// A function, or an `extern`: D knows it exists, and no more.
    fn declare_symbol(&mut self, name: &Rc<str>, ty: TypeId, pos: Pos) -> Result<()> {
        let function = |ty| matches!(self.types.base(ty), Kind::Function(_));
        match self.identifiers.declared.insert(name.clone(), ty) {
            Some(old) if !(self.types.same(old, ty) || function(old) && function(ty)) => {
                Err(self.error(Tag::DeclIdred, pos, format!("identifier redeclared: D`{name}")))
            }
            _ => Ok(()),
        }
    }

    fn redeclared(&self, name: &str, current: &str, previous: &str, pos: Pos) -> super::Error {
        let message = format!("identifier redeclared: {name}\n\t current: {current}\n\tprevious: {previous}");
        self.error(Tag::DeclIdred, pos, message)
    }

    fn described(&self, ty: TypeId, keys: Option<&[TypeId]>) -> String {
        let what = if keys.is_some() { "associative array" } else { "scalar" };
        format!("{what} {}", self.name_of(ty))
    }

    /// Two associative arrays of one type by what is different in their keys.
    fn described_keys(&self, ty: TypeId, current: &[TypeId], previous: &[TypeId]) -> (String, String) {
        let different = current.iter().zip(previous).position(|(&a, &b)| !self.types.same(a, b));
        let described = |keys: &[TypeId]| match different {
            Some(n) if current.len() == previous.len() => {
                format!("associative array, key #{} of type {}", n + 1, self.name_of(keys[n]))
            }
            _ => format!("associative array of {}, tuple length {}", self.name_of(ty), keys.len()),
        };
        (described(current), described(previous))
    }

    /// What a name that is taken stands for, for a message.
    pub(super) fn kind_of_name(&self, name: &str) -> &'static str {
        match self.identifiers.globals.get(name) {
            Some(Global::Variable(Variable { keys: Some(_), .. })) => "associative array",
            Some(Global::Variable(_)) => "scalar",
            Some(Global::Constant { .. }) => "enumerator",
            Some(Global::Inline(_)) => "scalar inline",
            None if self.builtin_function(name).is_some() => "function",
            None => "scalar",
        }
    }
}
