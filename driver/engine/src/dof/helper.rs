//! USDT providers as a helper image describes them.

use alloc::vec::Vec;

use dtrace_abi::desc::{ARGTYPELEN, FUNCNAMELEN, NAMELEN, PROVNAMELEN};
use dtrace_abi::dof::{self, SECIDX_NONE};
use dtrace_abi::{ArgDesc, DofProbe, DofProvider, PAttr, Plain, set_name};

use super::DofError;
use super::image::{Image, Section};
use super::program::Budget;
use crate::mem::{TryPush, try_to_vec, try_with_capacity};

/// The digits of a process id, which are appended to the name of a helper's provider.
const PID_DIGITS: usize = 10;

/// A USDT provider of one process.
#[derive(Debug)]
pub struct HelperProvider {
    /// Its name, to which the process id is appended; not empty, and short enough for that.
    pub name: Vec<u8>,
    /// Stability of its parts.
    pub attributes: PAttr,
    /// Its probes. The same probe may occur several times, with different places.
    pub probes: Vec<HelperProbe>,
}

/// A USDT probe: its name, its places in the text of the process, its arguments.
#[derive(Debug)]
pub struct HelperProbe {
    /// The function it is in, not empty.
    pub function: Vec<u8>,
    /// Its name, not empty.
    pub name: Vec<u8>,
    /// The address of the function in the process.
    pub address: u64,
    /// Where the probe is, from the function's address on. The sum does not wrap.
    pub offsets: Vec<u32>,
    /// Where the process asks whether the probe is enabled, from the function's address on. The sum does not wrap.
    pub enabled_offsets: Vec<u32>,
    /// The types of the arguments as the process passes them.
    pub native: Vec<Vec<u8>>,
    /// The types of the arguments as D sees them.
    pub translated: Vec<Vec<u8>>,
    /// For each of `translated`, the index of the native argument that it is made from; always inside `native`.
    pub mapping: Vec<u8>,
}

impl HelperProvider {
    #[inline(never)]
    pub(super) fn load(
        image: &Image<'_>,
        section: &Section,
        budget: &mut Budget,
    ) -> Result<HelperProvider, DofError> {
        let desc = provider_record(image, section)?;
        let name = name(image, section.index, desc.strtab, desc.name, PROVNAMELEN - PID_DIGITS, budget)?;
        let tables = Tables {
            strtab: desc.strtab,
            arguments: image.contents(image.section(desc.prargs, dof::SECT_PRARGS)?),
            offsets: image.contents(image.section(desc.proffs, dof::SECT_PROFFS)?),
            enabled_offsets: match desc.prenoffs {
                SECIDX_NONE => &[],
                index => image.contents(image.section(index, dof::SECT_PRENOFFS)?),
            },
        };
        let table = image.section(desc.probes, dof::SECT_PROBES)?;
        let mut probes = Vec::new();
        for (entry, bytes) in (0u32..).zip(image.entries(table)?) {
            budget.take(size_of::<HelperProbe>())?;
            let bad = DofError::Probe { section: table.index, entry };
            let mut raw = DofProbe::from_bytes(bytes).ok_or(bad)?;
            if image.version() < dof::VERSION_2 {
                raw.enoffidx = 0;
                raw.nenoffs = 0;
            }
            probes.try_push(HelperProbe::load(image, table.index, &tables, &raw, bad, budget)?)?;
        }
        Ok(HelperProvider { name, attributes: desc.attributes(), probes })
    }
}

/// The sections a provider's probes refer to.
struct Tables<'a> {
    strtab: u32,
    arguments: &'a [u8],
    offsets: &'a [u8],
    enabled_offsets: &'a [u8],
}

impl HelperProbe {
    /// Fills in the types of argument `arg.ndx`, as [`Provider::arg_description`](crate::Provider::arg_description) does. A
    /// type that D sees as the process passes it is not a translated one.
    pub fn describe(&self, arg: &mut ArgDesc) -> bool {
        let at = arg.ndx as usize;
        let (Some(&mapping), Some(translated)) = (self.mapping.get(at), self.translated.get(at)) else {
            return false;
        };
        let Some(native) = self.native.get(usize::from(mapping)) else { return false };
        arg.mapping = mapping.into();
        let xlate: &[u8] = if translated == native { b"" } else { translated };
        set_name(&mut arg.native, native) && set_name(&mut arg.xlate, xlate)
    }

    fn load(
        image: &Image<'_>,
        section: u32,
        tables: &Tables<'_>,
        raw: &DofProbe,
        bad: DofError,
        budget: &mut Budget,
    ) -> Result<HelperProbe, DofError> {
        let (nargc, xargc) = (usize::from(raw.nargc), usize::from(raw.xargc));
        let mapping = tables
            .arguments
            .get(raw.argidx as usize..)
            .and_then(|rest| rest.get(..xargc))
            .filter(|mapping| mapping.iter().all(|&native| usize::from(native) < nargc))
            .ok_or(bad)?;
        budget.take(mapping.len())?;
        let place = |table, index, count| offsets(table, index, count, raw.addr).ok_or(bad);
        let offsets = place(tables.offsets, raw.offidx, raw.noffs)?;
        let enabled_offsets = place(tables.enabled_offsets, raw.enoffidx, raw.nenoffs)?;
        if offsets.is_empty() && enabled_offsets.is_empty() {
            return Err(bad);
        }
        Ok(HelperProbe {
            function: name(image, section, tables.strtab, raw.function, FUNCNAMELEN, budget)?,
            name: name(image, section, tables.strtab, raw.name, NAMELEN, budget)?,
            address: raw.addr,
            offsets: words(offsets, budget)?,
            enabled_offsets: words(enabled_offsets, budget)?,
            native: types(image, section, tables.strtab, raw.nargv, nargc, budget)?,
            translated: types(image, section, tables.strtab, raw.xargv, xargc, budget)?,
            mapping: try_to_vec(mapping)?,
        })
    }
}

/// The provider's record; what an image of version 1 has in the place of later fields means nothing.
fn provider_record(image: &Image<'_>, section: &Section) -> Result<DofProvider, DofError> {
    let mut desc = DofProvider { prenoffs: SECIDX_NONE, ..DofProvider::zeroed() };
    let known =
        if image.version() < dof::VERSION_2 { DofProvider::SIZE_V1 } else { size_of::<DofProvider>() };
    let wrong = DofError::Shape { section: section.index };
    let from = image.contents(section).get(..known).ok_or(wrong)?;
    desc.as_bytes_mut().get_mut(..known).ok_or(wrong)?.copy_from_slice(from);
    Ok(desc)
}

/// `count` words from the `index`th on, if they are there and none of them wraps when added to `address`.
fn offsets(table: &[u8], index: u32, count: u16, address: u64) -> Option<&[u8]> {
    const WORD: usize = size_of::<u32>();
    let start = (index as usize).checked_mul(WORD)?;
    let words = table.get(start..)?.get(..usize::from(count) * WORD)?;
    let sound = words
        .chunks_exact(WORD)
        .all(|word| u32::from_bytes(word).is_some_and(|w| address.checked_add(u64::from(w)).is_some()));
    sound.then_some(words)
}

fn words(bytes: &[u8], budget: &mut Budget) -> Result<Vec<u32>, DofError> {
    budget.take(bytes.len())?;
    let mut words = try_with_capacity(bytes.len() / size_of::<u32>())?;
    for word in bytes.chunks_exact(size_of::<u32>()) {
        words.try_push(u32::from_bytes(word).unwrap_or(0))?;
    }
    Ok(words)
}

/// A name that is not empty and, with a NUL, not longer than `room`.
fn name(
    image: &Image<'_>,
    section: u32,
    strtab: u32,
    offset: u32,
    room: usize,
    budget: &mut Budget,
) -> Result<Vec<u8>, DofError> {
    let name = image.string(strtab, u64::from(offset))?;
    if name.is_empty() || name.len() >= room {
        return Err(DofError::Name { section });
    }
    budget.take(name.len())?;
    Ok(try_to_vec(name)?)
}

/// `count` strings that follow each other.
fn types(
    image: &Image<'_>,
    section: u32,
    strtab: u32,
    offset: u32,
    count: usize,
    budget: &mut Budget,
) -> Result<Vec<Vec<u8>>, DofError> {
    let mut types = try_with_capacity(count)?;
    let mut offset = u64::from(offset);
    for _ in 0..count {
        let text = image.string(strtab, offset)?;
        if text.len() >= ARGTYPELEN {
            return Err(DofError::Name { section });
        }
        budget.take(text.len() + size_of::<Vec<u8>>())?;
        types.try_push(try_to_vec(text)?)?;
        offset += text.len() as u64 + 1;
    }
    Ok(types)
}
