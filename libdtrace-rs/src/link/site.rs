//! The calls of probes in an object, and what becomes of them.
//!
//! A call is an instruction with a relocation for one of the functions that do not exist. Compilers write them in these ways:
//!
//! | bytes | what |
//! |---|---|
//! | `e8 rel32` | a call |
//! | `e9 rel32` | the call at the end of a function, which returns for it |
//! | `0f 8x rel32` | the same under a condition |
//! | `ff 15 rel32`, `ff 25 rel32` | the first two through a table of addresses (`-fno-plt`) |
//!
//! A probe becomes no-operations, of which the first is its place; behind a jump the place is a return. A question becomes the
//! setting of the result to 0 and then such a place: the driver changes the result there (contract 6.8). Under a condition the
//! opposite condition jumps over it.

use super::LinkError;
use super::elf::{Alias, Elf};
use super::{Model, elf};

const NOP: u8 = 0x90;
const RET: u8 = 0xc3;

/// A relocation that is nothing, on both machines.
const NONE: u32 = 0;
/// SHF_EXECINSTR
const EXECUTABLE: u64 = 4;

/// A call that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// The provider and the probe.
    pub(super) probe: (usize, usize),
    /// Whether the program asks.
    pub(super) asks: bool,
    /// The function.
    pub(super) function: String,
    /// The symbol that the image refers to it by.
    pub(super) alias: String,
    /// Whether there may be other copies of the function.
    pub(super) several: bool,
    /// The place of the probe, from the start of the function.
    pub(super) offset: u32,
}

/// A call that was overwritten, now or by an earlier run.
struct Call {
    section: usize,
    symbol: usize,
    probe: (usize, usize),
    asks: bool,
    /// The place of the probe in the section.
    place: u64,
}

/// What the name of a symbol says: provider and probe, and whether it is a question.
fn named(symbol: &str) -> Option<(&str, bool)> {
    match symbol.strip_prefix("__dtraceenabled_") {
        Some(rest) => Some((rest, true)),
        None => symbol.strip_prefix("__dtrace_").map(|rest| (rest, false)),
    }
    .filter(|(rest, _)| rest.contains("___"))
}

/// Rewrites the calls of an object: what was found. The object is not written yet. `declared` knows the probes by what follows
/// `__dtrace_` in the symbols.
pub(super) fn rewrite(
    object: &mut Elf,
    path: &str,
    declared: impl Fn(&str) -> Option<(usize, usize)>,
) -> Result<Vec<Found>, LinkError> {
    let damaged = || LinkError::Type(path.to_owned());
    let mut calls: Vec<Call> = Vec::new();
    let relocations = object.relocations().ok_or_else(damaged)?;
    for (section, list) in relocations {
        for relocation in list {
            let Some(symbol) = object.symbols.get(relocation.symbol) else { continue };
            let Some((name, asks)) = named(&symbol.name).filter(|_| symbol.section == 0) else { continue };
            let Some(probe) = declared(name) else { continue };
            let call = |place| Call { section, symbol: relocation.symbol, probe, asks, place };
            if relocation.kind == NONE {
                calls.push(call(relocation.offset));
                continue;
            }
            let executable = object.sections.get(section).is_some_and(|s| s.flags & EXECUTABLE != 0);
            let used = LinkError::Use(path.to_owned(), symbol.name.clone());
            let model = object.model();
            let at = usize::try_from(relocation.offset).ok();
            let place = at.filter(|_| executable).and_then(|at| {
                let text = object.content_mut(section)?;
                patch(text, at, asks, model, relocation.addend).map(|place| place as u64)
            });
            let place = place.ok_or(used)?;
            object.forget_relocation(&relocation, place);
            calls.push(call(place));
        }
    }
    let slim = object.symbols.iter().any(|s| s.name == "__gnu_lto_slim");
    let deferred = !calls.is_empty() && object.sections.iter().any(|s| s.name.starts_with(".gnu.lto_"));
    if slim || deferred {
        return Err(LinkError::Deferred(path.to_owned()));
    }
    for call in &calls {
        object.pardon_symbol(call.symbol);
    }
    let mut found = Vec::new();
    let mut aliases: Vec<Alias> = Vec::new();
    for Call { section, probe, asks, place, .. } in calls {
        let Some((function, start, size)) = function(object, section, place) else {
            let name = object.sections.get(section).map(|s| s.name.clone()).unwrap_or_default();
            return Err(LinkError::Nowhere(path.to_owned(), name, place));
        };
        let copies = object.copies(section);
        let several = copies.is_some();
        let known = |a: &&Alias| (a.section, a.value) == (section, start);
        let given = aliases.iter().find(known).map(|a| a.name.clone());
        let alias = match given.or_else(|| own_alias(object, section, start)) {
            Some(alias) => alias,
            None => {
                let text = object.content(section).ok_or_else(damaged)?;
                let of = copies.as_deref().unwrap_or(path);
                let name =
                    format!("{ALIAS}{:016x}.{function}", hash(&[of.as_bytes(), text, &start.to_le_bytes()]));
                aliases.push(Alias { name: name.clone(), section, value: start, size, weak: several });
                name
            }
        };
        let offset = u32::try_from(place - start).map_err(|_| damaged())?;
        found.push(Found { probe, asks, function, alias, several, offset });
    }
    object.add_aliases(&aliases).ok_or_else(damaged)?;
    Ok(found)
}

/// How the names of aliases begin. No language has such names.
pub(crate) const ALIAS: &str = "$dtrace";

/// The alias that an earlier run has given to a function.
fn own_alias(object: &Elf, section: usize, start: u64) -> Option<String> {
    let known = |s: &&elf::Symbol| {
        (s.section, s.value) == (section, start) && s.name.starts_with(ALIAS) && s.info >> 4 != 0
    };
    object.symbols.iter().find(known).map(|s| s.name.clone())
}

/// FNV-1a, 64 bits: enough to tell the objects of a program apart, and the same on every run.
fn hash(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// The function that a place is in: its name, start and size.
fn function(object: &Elf, section: usize, place: u64) -> Option<(String, u64, u64)> {
    const NOTYPE: u8 = 0;
    const FUNC: u8 = 2;
    let here = |s: &&elf::Symbol| {
        s.section == section && s.value <= place && !s.name.is_empty() && !s.name.starts_with(ALIAS)
    };
    let inside = |s: &&elf::Symbol| place - s.value < s.size && s.info & 0xf == FUNC;
    let shown = |s: &elf::Symbol| (s.name.clone(), s.value, s.size);
    // Of several names of a function one that others know is better.
    let functions = || object.symbols.iter().filter(here).filter(inside);
    let best = functions().find(|s| s.info >> 4 != 0).or_else(|| functions().next());
    // Functions by hand may have no size: then the nearest name in front is theirs.
    let label =
        |s: &&elf::Symbol| s.size == 0 && matches!(s.info & 0xf, NOTYPE | FUNC) && !s.name.starts_with(".L");
    let best = best.or_else(|| object.symbols.iter().filter(here).filter(label).max_by_key(|s| s.value));
    best.map(shown)
}

/// Overwrites the call whose operand is at `at`: the place of the probe.
fn patch(text: &mut [u8], at: usize, asks: bool, model: Model, addend: Option<i64>) -> Option<usize> {
    let operand = text.get(at..at.checked_add(4)?)?;
    // The operand counts from the end of the instruction.
    let added = addend
        .unwrap_or_else(|| i64::from(i32::from_le_bytes([operand[0], operand[1], operand[2], operand[3]])));
    if added != -4 {
        return None;
    }
    let last = text.get(at.checked_sub(1)?).copied()?;
    let before = at.checked_sub(2).and_then(|at| text.get(at).copied());
    let (length, end, condition) = match (before, last) {
        (_, 0xe8) => (5, NOP, None),
        (_, 0xe9) => (5, RET, None),
        (Some(0xff), 0x15) => (6, NOP, None),
        (Some(0xff), 0x25) => (6, RET, None),
        (Some(0x0f), 0x80..=0x8f) => (6, RET, Some(last & 0xf)),
        _ => return None,
    };
    let mut code = Vec::with_capacity(length);
    if let Some(condition) = condition {
        // The short jump of the opposite condition, over what follows.
        code.extend([0x70 | condition ^ 1, 4]);
    }
    if asks {
        // xor %rax,%rax where there is room, as the original does.
        if model == Model::Lp64 && condition.is_none() {
            code.push(0x48);
        }
        code.extend([0x33, 0xc0]);
    }
    let start = at + 4 - length;
    let place = start + code.len();
    code.push(end);
    code.resize(length, NOP);
    text.get_mut(start..at + 4)?.copy_from_slice(&code);
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(code: &[u8], asks: bool, model: Model) -> Option<(usize, Vec<u8>)> {
        let mut text = code.to_vec();
        text.extend([0; 4]);
        let place = patch(&mut text, code.len(), asks, model, Some(-4))?;
        Some((place, text))
    }

    #[test]
    fn a_call_becomes_what_the_original_makes_of_it() {
        use Model::{Ilp32, Lp64};
        type Case = (&'static [u8], bool, Model, usize, &'static [u8]);
        let cases: &[Case] = &[
            (&[0xe8], false, Lp64, 0, &[0x90; 5]),
            (&[0xe9], false, Lp64, 0, &[0xc3, 0x90, 0x90, 0x90, 0x90]),
            (&[0xe8], true, Lp64, 3, &[0x48, 0x33, 0xc0, 0x90, 0x90]),
            (&[0xe9], true, Lp64, 3, &[0x48, 0x33, 0xc0, 0xc3, 0x90]),
            (&[0xe8], true, Ilp32, 2, &[0x33, 0xc0, 0x90, 0x90, 0x90]),
            (&[0xff, 0x15], false, Lp64, 0, &[0x90; 6]),
            (&[0xff, 0x25], true, Lp64, 3, &[0x48, 0x33, 0xc0, 0xc3, 0x90, 0x90]),
            (&[0x0f, 0x84], false, Lp64, 2, &[0x75, 4, 0xc3, 0x90, 0x90, 0x90]),
            (&[0x0f, 0x8f], true, Lp64, 4, &[0x7e, 4, 0x33, 0xc0, 0xc3, 0x90]),
        ];
        for (code, asks, model, place, want) in cases {
            assert_eq!(patched(code, *asks, *model), Some((*place, want.to_vec())), "{code:x?}");
        }
    }

    #[test]
    fn what_is_no_call_is_left_alone() {
        // lea, and an operand that does not count from the end of the instruction.
        assert_eq!(patched(&[0x48, 0x8d, 0x05], false, Model::Lp64), None);
        assert_eq!(patch(&mut [0xe8, 0, 0, 0, 0], 1, false, Model::Lp64, Some(0)), None);
        assert_eq!(patch(&mut [0xe8, 0, 0], 1, false, Model::Lp64, Some(-4)), None);
        assert_eq!(patch(&mut [0, 0, 0, 0], 0, false, Model::Lp64, Some(-4)), None);
    }

    #[test]
    fn names_tell_probes_from_questions() {
        assert_eq!(named("__dtrace_p___x__y"), Some(("p___x__y", false)));
        assert_eq!(named("__dtraceenabled_p___x"), Some(("p___x", true)));
        assert_eq!(named("__dtrace_probe"), None);
        assert_eq!(named("main"), None);
    }
}
