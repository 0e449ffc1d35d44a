//! Formats against the types of their arguments.

use super::super::ast::Pos;
use super::ident::Aggregation;
use super::{Checker, Result, Tag};
use crate::printf::format::{Amount, Conversion, Format, Modifier};
use crate::types::{Kind, TypeId};

impl Checker<'_> {
    /// Checks the format of `printf` and its kin.
    pub(super) fn check_format(&self, name: &str, text: &[u8], args: &[TypeId], pos: Pos) -> Result<()> {
        self.check(name, text, args, None, pos)
    }

    /// Checks the format of `printa`: its arguments are the keys, and `%@` the values.
    pub(super) fn check_printa_format(
        &self,
        text: &[u8],
        aggregations: &[Aggregation],
        pos: Pos,
    ) -> Result<()> {
        let keys = aggregations.first().map(|a| a.keys.clone()).unwrap_or_else(|| [].into());
        self.check("printa", text, &keys, Some(aggregations), pos)
    }

    fn check(
        &self,
        name: &str,
        text: &[u8],
        args: &[TypeId],
        aggregations: Option<&[Aggregation]>,
        pos: Pos,
    ) -> Result<()> {
        if text.is_empty() {
            return Err(self.error(Tag::PrintfFmtEmpty, pos, format!("{name}( ) format string is empty")));
        }
        let format = Format::parse(text).map_err(|error| self.error(Tag::Syntax, pos, error.to_string()))?;
        let mut used = 0;
        let mut values = 0;
        for (i, conversion) in format.conversions().enumerate() {
            let number = i + 1;
            for (amount, what, stars) in
                [(conversion.width, "width", "*"), (conversion.precision, "precision", ".*")]
            {
                if amount != Some(Amount::Argument) {
                    continue;
                }
                // The width of an aggregation's value is one too.
                let Some(&ty) = args.get(used) else {
                    let message = format!(
                        "{name}( ) prototype mismatch: conversion #{number} (%{}) is missing a corresponding \"{what}\" argument",
                        conversion.name()
                    );
                    return Err(self.error(Tag::PrintfDynProto, pos, message));
                };
                used += 1;
                if !self.types.is_integer(ty) {
                    let message = format!(
                        "{name}( ) argument #{} is incompatible with conversion #{number} prototype:\n\tconversion: % {stars} {}\n\t prototype: int\n\t  argument: {}",
                        used + 1,
                        conversion.name(),
                        self.name_of(ty)
                    );
                    return Err(self.error(Tag::PrintfDynType, pos, message));
                }
            }
            let (ty, subject) = if conversion.flags.aggregation {
                let Some(aggregations) = aggregations else {
                    let message =
                        format!("%@ conversion requires an aggregation and is not for use with {name}( )");
                    return Err(self.error(Tag::PrintfAggConv, pos, message));
                };
                let aggregation = aggregations.get(values).or(aggregations.last());
                values += 1;
                let t = self.types.intrinsics();
                let count = aggregation.is_some_and(|a| a.kind == dtrace_abi::agg::COUNT);
                (if count { t.uint64 } else { t.int64 }, "aggregating action".to_owned())
            } else {
                let Some(&ty) = args.get(used) else {
                    let message = format!(
                        "{name}( ) prototype mismatch: conversion #{number} (%{}) is missing a corresponding value argument",
                        conversion.name()
                    );
                    return Err(self.error(Tag::PrintfArgProto, pos, message));
                };
                used += 1;
                (ty, format!("argument #{}", used + 1))
            };
            if let Some(prototype) = self.mismatch(conversion, ty) {
                let message = format!(
                    "{name}( ) {subject} is incompatible with conversion #{number} prototype:\n\tconversion: %{}\n\t prototype: {prototype}\n\t  argument: {}",
                    conversion.name(),
                    self.name_of(ty)
                );
                return Err(self.error(Tag::PrintfArgType, pos, message));
            }
        }
        // printa prints the keys it was not asked for nowhere, but that is no fault.
        if aggregations.is_none() && used < args.len() {
            let message =
                format!("{name}( ) prototype mismatch: only {used} arguments required by this format string");
            return Err(self.error(Tag::PrintfArgExtra, pos, message));
        }
        Ok(())
    }

    /// What a conversion wants, if that is not what it gets.
    fn mismatch(&self, conversion: &Conversion, ty: TypeId) -> Option<&'static str> {
        let kind = self.types.base(ty);
        let integer = self.types.int_format(ty);
        let bytes = integer.map(|format| format.bits / 8);
        let pointer = matches!(kind, Kind::Pointer(_));
        let string = matches!(kind, Kind::String)
            || matches!(kind, Kind::Array { elem, .. } if self.types.int_format(elem).is_some_and(|f| f.bits == 8));
        let (fits, prototype) = match conversion.letter {
            // A size wants the type of its name, and of its sign but in base 16.
            letter @ (b'd' | b'i' | b'o' | b'u' | b'x' | b'X') => {
                let t = self.types.intrinsics();
                let (signed, unsigned) = match conversion.modifier {
                    Modifier::Short => ((t.short, "short"), (t.unsigned_short, "unsigned short")),
                    Modifier::Long => ((t.long, "long"), (t.unsigned_long, "unsigned long")),
                    Modifier::LongLong => {
                        ((t.long_long, "long long"), (t.unsigned_long_long, "unsigned long long"))
                    }
                    _ => {
                        return bytes.is_none().then_some("char, short, int, long, or long long");
                    }
                };
                let is = |(wanted, _)| self.types.same(ty, wanted);
                match letter {
                    b'd' | b'i' => (is(signed), signed.1),
                    b'o' | b'u' => (is(unsigned), unsigned.1),
                    _ => (is(signed) || is(unsigned), signed.1),
                }
            }
            b'c' if conversion.modifier != Modifier::None => {
                (bytes == Some(4) && integer.is_some_and(|f| f.signed), "int")
            }
            b'c' | b'C' => (bytes.is_some_and(|b| b <= 4), "char, short, or int"),
            b's' if matches!(conversion.modifier, Modifier::Wide | Modifier::Long) => {
                let wide = matches!(kind, Kind::Array { elem, .. } if self.types.int_format(elem).is_some_and(|f| f.bits == 32));
                (wide, "wchar_t []")
            }
            b's' | b'S' | b'I' => (string, "char [] or string (or use stringof)"),
            b'a' => {
                let address = matches!(kind, Kind::SymAddr | Kind::UserSymAddr);
                (pointer || bytes.is_some() || address, "pointer or integer")
            }
            b'A' => {
                let address = matches!(kind, Kind::SymAddr | Kind::UserSymAddr);
                let prototype = "pointer or integer (with -p/-c) or _usymaddr (without -p/-c)";
                (pointer || bytes.is_some() || address, prototype)
            }
            b'p' => (pointer || bytes.is_some(), "pointer or integer"),
            b'e' | b'E' | b'f' | b'g' | b'G' => {
                (matches!(kind, Kind::Float { .. }), "float, double, or long double")
            }
            b'k' => (matches!(kind, Kind::Stack), "stack"),
            b'Y' | b'T' => (bytes == Some(8), "int64_t"),
            b'P' => (bytes == Some(2) && integer.is_some_and(|f| !f.signed), "uint16_t"),
            _ => (true, ""),
        };
        if fits { None } else { Some(prototype) }
    }
}
