//! Declared providers: `provider name { probe p(args) : (args); };`

use std::collections::HashSet;
use std::rc::Rc;

use super::super::ast::{self, Pos};
use super::super::typed::{Provider, ProviderProbe};
use super::typename::Params;
use super::{Checker, Result, Tag};
use crate::program::Attribute;

/// How long the name of a provider may be, the pid that follows it not counted.
const NAME_MAX: usize = 63;
/// How many arguments a probe may have.
const ARGS_MAX: usize = 255;
/// How stable a provider is of which nothing is said.
const UNSAID: Attribute = Attribute { name: 4, data: 4, class: 0 };

impl Checker<'_> {
    pub(super) fn provider(&mut self, provider: &ast::Provider) -> Result<()> {
        let pos = provider.pos;
        let name = &provider.name;
        if name.len() > NAME_MAX {
            let message = format!("provider name may not exceed {NAME_MAX} characters: {name}");
            return Err(self.error(Tag::ProvBadname, pos, message));
        }
        if name.ends_with(|c: char| c.is_ascii_digit()) {
            let message = format!("provider name may not end with a digit: {name}");
            return Err(self.error(Tag::ProvBadname, pos, message));
        }
        let mut probes: Vec<ProviderProbe> = Vec::with_capacity(provider.probes.len());
        let mut names = HashSet::new();
        for probe in &provider.probes {
            let checked = self.provider_probe(name, probe)?;
            if !names.insert(checked.name.clone()) {
                let message = format!("probe redeclared: {name}:::{}", checked.name);
                return Err(self.error(Tag::ProvPrdup, probe.pos, message));
            }
            probes.push(checked);
        }
        let definition = Provider { pos, name: name.clone(), probes, attributes: [UNSAID; 5] };
        if let Some(known) = self.identifiers.providers.get(name).cloned() {
            self.match_providers(&known, &definition, pos)?;
            return Ok(());
        }
        self.identifiers.providers.insert(name.clone(), Rc::new(definition.clone()));
        self.result.providers.push(definition);
        Ok(())
    }

    fn provider_probe(&mut self, provider: &str, probe: &ast::ProviderProbe) -> Result<ProviderProbe> {
        // Two underscores stand for a minus.
        let name: Rc<str> = probe.name.replace("__", "-").into();
        if name.len() > NAME_MAX {
            let message = format!("probe name may not exceed {NAME_MAX} characters: {provider}:::{name}");
            return Err(self.error(Tag::ProvBadname, probe.pos, message));
        }
        let native = self.function_params(&probe.native, "probe input")?;
        let mut mapping: Vec<u8> = (0..native.len()).map(|i| u8::try_from(i).unwrap_or(u8::MAX)).collect();
        let mut translated: Params = native.clone();
        if let Some(params) = &probe.translated {
            translated = self.function_params(params, "probe output")?;
            mapping.clear();
            for (i, (param, _)) in translated.iter().enumerate() {
                let number = i + 1;
                let Some(param) = param else {
                    let message = format!("parameter declaration requires a name: parameter #{number}");
                    return Err(self.error(Tag::DeclProtoName, probe.pos, message));
                };
                let Some(from) = native.iter().position(|(known, _)| known.as_ref() == Some(param)) else {
                    let message = format!(
                        "parameter is not declared in probe output prototype: {param}, parameter #{number}"
                    );
                    return Err(self.error(Tag::DeclProtoForm, probe.pos, message));
                };
                self.check_mapping(
                    &format!("{provider}:::{name} output argument #{number}"),
                    native[from].1,
                    translated[i].1,
                    probe.pos,
                )?;
                mapping.push(u8::try_from(from).unwrap_or(u8::MAX));
            }
        }
        for list in [&native, &translated] {
            if list.len() > ARGS_MAX {
                let message =
                    format!("probe {provider}:::{name} exceeds {ARGS_MAX} arguments: {}", list.len());
                return Err(self.error(Tag::ProvPrarglen, probe.pos, message));
            }
        }
        let types = |list: Params| list.into_iter().map(|(_, ty)| ty).collect();
        Ok(ProviderProbe { name, native: types(native), translated: types(translated), mapping })
    }

    /// A translated argument is made from the native one by assignment or by a translator.
    fn check_mapping(
        &mut self,
        argument: &str,
        native: crate::types::TypeId,
        output: crate::types::TypeId,
        pos: Pos,
    ) -> Result<()> {
        let value = super::super::typed::Expr {
            pos,
            ty: native,
            user: false,
            // Neither a constant nor a place: only the type counts.
            kind: super::super::typed::ExprKind::Comma(Vec::new()),
        };
        if self.assignable(output, &value) || self.types.same(output, native) {
            return Ok(());
        }
        if self.translated(output, value, pos).is_ok() {
            return Ok(());
        }
        let message = format!(
            "translator for {argument} from {} to {} is not defined",
            self.name_of(native),
            self.name_of(output)
        );
        Err(self.error(Tag::ProvPrxlator, pos, message))
    }

    fn match_providers(&self, known: &Provider, current: &Provider, pos: Pos) -> Result<()> {
        let name = &known.name;
        for probe in &current.probes {
            if !known.probes.iter().any(|p| p.name == probe.name) {
                let message = format!(
                    "provider interface mismatch: {name}\n\t current: probe {name}:::{0} defined\n\tprevious: probe {name}:::{0} not defined",
                    probe.name
                );
                return Err(self.error(Tag::ProvIncompat, pos, message));
            }
        }
        for probe in &known.probes {
            if !current.probes.iter().any(|p| p.name == probe.name) {
                let message = format!(
                    "provider interface mismatch: {name}\n\t current: probe {name}:::{0} not defined\n\tprevious: probe {name}:::{0} defined",
                    probe.name
                );
                return Err(self.error(Tag::ProvIncompat, pos, message));
            }
        }
        Ok(())
    }

    /// `#pragma D attributes ... provider PROVIDER PART`
    pub(super) fn provider_attribute(
        &mut self,
        provider: &str,
        part: &str,
        attribute: Attribute,
        pos: Pos,
    ) -> Result<()> {
        const PARTS: [&str; 5] = ["provider", "module", "function", "name", "args"];
        // The parts stand in either order: `provider foo args` and `foo provider args` are both in use.
        let (provider, part) = if PARTS.contains(&provider) { (part, provider) } else { (provider, part) };
        let Some(index) = PARTS.iter().position(|p| *p == part) else {
            let message = "invalid component specified by #pragma attributes";
            return Err(self.error(Tag::PragmaInval, pos, message));
        };
        let Some(known) = self.identifiers.providers.get_mut(provider) else {
            let message = "unused #pragma attributes";
            return Err(self.error(Tag::PragmaUnused, pos, message));
        };
        Rc::make_mut(known).attributes[index] = attribute;
        for declared in self.result.providers.iter_mut().filter(|p| &*p.name == provider) {
            declared.attributes[index] = attribute;
        }
        Ok(())
    }
}
