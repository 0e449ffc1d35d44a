//! Pragmas: `option`, `attributes`, `binding`, `depends_on`, `error`.

use std::rc::Rc;

use super::super::ast::{Pos, Pragma, PragmaWord};
use super::{Checker, Result, Tag};
use crate::error::Code;
use crate::options::{attribute, class_name, stability_name};
use crate::program::Attribute;

/// The version of the language that this compiler knows (contract 6.4).
const VERSION: (u32, u32) = (1, 9);

/// Pragmas that wait for the definition of the name they speak of.
#[derive(Debug, Default)]
pub(super) struct Pending {
    names: Vec<(&'static str, Rc<str>, Option<Attribute>, Pos)>,
}

/// An attribute as `Stable/Stable/Common`.
pub(super) fn show(attribute: Attribute) -> String {
    let stability = |number| stability_name(number).unwrap_or("Unknown");
    let class = class_name(attribute.class).unwrap_or("Unknown");
    format!("{}/{}/{class}", stability(attribute.name), stability(attribute.data))
}

impl Checker<'_> {
    pub(super) fn pragma(&mut self, pragma: &Pragma) -> Result<()> {
        let pos = pragma.pos;
        let Some(PragmaWord::Word(name)) = pragma.words.first() else { return Ok(()) };
        let args = &pragma.words[1..];
        match &**name {
            "error" => {
                let text = match args.first() {
                    Some(PragmaWord::Str(text)) => text.clone(),
                    _ => pragma.text.clone(),
                };
                Err(self.error(Tag::Pragerr, pos, format!("#error: {text}")))
            }
            // Other compilers' pragmas are none of D's business.
            _ if !pragma.is_d => Ok(()),
            "option" => self.option(args, pos),
            "attributes" => self.attributes(args, pos),
            "binding" => self.binding(args, pos),
            "depends_on" => self.depends_on(args, pos),
            _ => Err(self.error(Tag::PragmaInval, pos, format!("invalid D pragma: {name}"))),
        }
    }

    fn option(&mut self, args: &[PragmaWord], pos: Pos) -> Result<()> {
        let (text, extra) = match args {
            [PragmaWord::Word(text) | PragmaWord::Str(text), rest @ ..] => (text.clone(), rest),
            [] => {
                let message = "malformed #pragma option <option>=<val>";
                return Err(self.error(Tag::PragmaMalform, pos, message));
            }
        };
        // `name="value"` comes as two words.
        let (text, extra) = match extra {
            [PragmaWord::Str(value), rest @ ..] if text.ends_with('=') => {
                (Rc::from(format!("{text}{value}")), rest)
            }
            _ => (text, extra),
        };
        if !extra.is_empty() {
            let message = "superfluous arguments specified for #pragma option";
            return Err(self.error(Tag::PragmaMalform, pos, message));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (&*text, None),
        };
        match (name, value) {
            ("amin", Some(value)) => self.options.minimum = attribute(value).or(self.options.minimum),
            ("zdefs", None) => self.options.allow_zero_matches = true,
            ("empty", None) => self.options.allow_empty = true,
            ("argref", None) => self.options.allow_unused_args = true,
            _ => {}
        }
        self.env.set_option(name, value).map_err(|error| {
            let to = value.map(|value| format!(" to '{value}'")).unwrap_or_default();
            self.error(Tag::PragmaOptset, pos, format!("failed to set option '{name}'{to}: {error}"))
        })
    }

    fn attributes(&mut self, args: &[PragmaWord], pos: Pos) -> Result<()> {
        let malformed = "malformed #pragma attributes <attributes> <ident>";
        let [PragmaWord::Word(text), PragmaWord::Word(first), rest @ ..] = args else {
            return Err(self.error(Tag::PragmaMalform, pos, malformed));
        };
        let Some(attribute) = attribute(text) else {
            let message = "invalid attributes specified by #pragma attributes";
            return Err(self.error(Tag::PragmaInval, pos, message));
        };
        match (&**first, rest) {
            ("provider", [PragmaWord::Word(part), PragmaWord::Word(provider)]) => {
                self.provider_attribute(provider, part, attribute, pos)
            }
            ("provider", [PragmaWord::Word(_)]) | (_, []) => {
                let name = match rest {
                    [PragmaWord::Word(provider)] => {
                        return self.provider_attribute(provider, "provider", attribute, pos);
                    }
                    _ => first.clone(),
                };
                if self.is_builtin(&name) && !self.identifiers.is_taken(&name) {
                    let message = "#pragma attributes cannot modify entity defined outside program scope";
                    return Err(self.error(Tag::PragmaScope, pos, message));
                }
                if self.identifiers.is_taken(&name) {
                    self.identifiers.attributes.insert(name, attribute);
                } else {
                    self.pragmas.names.push(("attributes", name, Some(attribute), pos));
                }
                Ok(())
            }
            _ => Err(self.error(Tag::PragmaMalform, pos, malformed)),
        }
    }

    fn binding(&mut self, args: &[PragmaWord], pos: Pos) -> Result<()> {
        let [PragmaWord::Str(version), PragmaWord::Word(name)] = args else {
            let message = "malformed #pragma binding \"version\" <ident>";
            return Err(self.error(Tag::PragmaMalform, pos, message));
        };
        let mut numbers = version.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            let message = "invalid version string specified by #pragma binding";
            return Err(self.error(Tag::PragmaInval, pos, message));
        };
        if self.is_builtin(name) {
            let message = "#pragma binding cannot modify entity defined outside program scope";
            return Err(self.error(Tag::PragmaScope, pos, message));
        }
        if (major, minor) > VERSION {
            let message = format!("#pragma binding: {}", Code::VersionUndefined.message());
            return Err(self.error(Tag::PragmaInval, pos, message));
        }
        if !self.identifiers.is_taken(name) {
            self.pragmas.names.push(("binding", name.clone(), None, pos));
        }
        Ok(())
    }

    fn depends_on(&mut self, args: &[PragmaWord], pos: Pos) -> Result<()> {
        let [PragmaWord::Word(class), PragmaWord::Word(name) | PragmaWord::Str(name)] = args else {
            let message = "malformed #pragma depends_on <class> <name>";
            return Err(self.error(Tag::PragmaMalform, pos, message));
        };
        if !matches!(&**class, "provider" | "module" | "library") {
            let message = format!("invalid class {class} specified by #pragma depends_on");
            return Err(self.error(Tag::PragmaInval, pos, message));
        }
        if !self.env.provides(class, name) {
            return Err(self.error(Tag::PragmaDepend, pos, format!("program requires {class} {name}")));
        }
        Ok(())
    }

    /// Gives the pragmas that waited what they waited for, or says that it never came.
    pub(super) fn finish_pragmas(&mut self) -> Result<()> {
        for (what, name, attribute, pos) in std::mem::take(&mut self.pragmas.names) {
            let provider = self.identifiers.providers.contains_key(&name);
            if !self.identifiers.is_taken(&name) && !provider {
                return Err(self.error(Tag::PragmaUnused, pos, format!("unused #pragma {what}")));
            }
            if let Some(attribute) = attribute {
                self.identifiers.attributes.insert(name, attribute);
            }
        }
        Ok(())
    }
}
