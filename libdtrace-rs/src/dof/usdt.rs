//! The image of an instrumented program: the probes it contains, and what `dtrace -G` links into it.
//!
//! The kernel gets it from the program itself, through the helper device, when the program starts. It names each probe
//! with its function, the places in the text where it fires or is asked about, and the types of its arguments. The places
//! are offsets from the function; the function's address is not known before linking, so a relocation adds it, and the
//! base at which the program was loaded is added by the kernel (contract 2.3, 6.8).

use dtrace_abi::Plain;
use dtrace_abi::dof::{self, DofProbe, DofProvider, DofReloDesc, DofReloHdr, SECIDX_NONE};

use super::Image;
use crate::program::{Attribute, Program};

/// A provider of an instrumented program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsdtProvider {
    /// Its name, without a process id.
    pub name: String,
    /// The stability of provider, module, function, name and arguments.
    pub attributes: [Attribute; 5],
    /// Its probes, one for each function that has any.
    pub probes: Vec<UsdtProbe>,
}

/// A probe in one function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsdtProbe {
    /// Its name, with minus signs.
    pub name: String,
    /// The function, as the probe shows it.
    pub function: String,
    /// The types of what the program passes.
    pub native: Vec<String>,
    /// The types of what D sees.
    pub translated: Vec<String>,
    /// For each translated argument, which native one it is made from.
    pub mapping: Vec<u8>,
    /// Where in the function it fires.
    pub offsets: Vec<u32>,
    /// Where in the function the program asks whether it is enabled.
    pub enabled_offsets: Vec<u32>,
}

/// Why an image cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UsdtError {
    /// A probe has more than 255 arguments.
    Arguments,
    /// A probe fires at more than 65535 places of one function.
    Places,
    /// The mapping does not fit the arguments.
    Mapping,
}

impl std::fmt::Display for UsdtError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            UsdtError::Arguments => "probe has too many arguments",
            UsdtError::Places => "probe has too many places in one function",
            UsdtError::Mapping => "argument mapping does not fit the arguments",
        })
    }
}

impl std::error::Error for UsdtError {}

/// The image of a program's providers, with the clauses that run in its probes, if any (a `ustack` helper).
pub fn usdt_image(providers: &[UsdtProvider], clauses: Option<&Program>) -> Result<Vec<u8>, UsdtError> {
    let mut image = Image::new();
    for ecb in clauses.iter().flat_map(|p| &p.ecbs) {
        image.ecb(ecb);
    }
    let mut asks = false;
    for provider in providers {
        asks |= image.provider(provider)?;
    }
    // Places where a program asks came with the second version.
    Ok(image.finish(if asks { dof::VERSION_2 } else { dof::VERSION_1 }))
}

/// The tables that the probes of one provider share.
#[derive(Default)]
struct Tables {
    probes: Vec<u8>,
    mapping: Vec<u8>,
    offsets: Vec<u8>,
    enabled: Vec<u8>,
    relocations: Vec<u8>,
}

impl Image {
    /// Adds a provider. Says whether any of its probes is asked about.
    fn provider(&mut self, provider: &UsdtProvider) -> Result<bool, UsdtError> {
        let mut tables = Tables::default();
        for probe in &provider.probes {
            self.probe(probe, &mut tables)?;
        }
        let Tables { probes, mapping, offsets, enabled, relocations } = tables;
        let asks = !enabled.is_empty();
        let probes = self.section(dof::SECT_PROBES, 8, size_of::<DofProbe>(), probes);
        let prargs = self.section(dof::SECT_PRARGS, 1, 1, mapping);
        let proffs = self.section(dof::SECT_PROFFS, 4, 4, offsets);
        let prenoffs = if asks { self.section(dof::SECT_PRENOFFS, 4, 4, enabled) } else { SECIDX_NONE };
        let attribute = |n: usize| word(provider.attributes[n]);
        let desc = DofProvider {
            strtab: 0,
            probes,
            prargs,
            proffs,
            name: self.string(&provider.name),
            provattr: attribute(0),
            modattr: attribute(1),
            funcattr: attribute(2),
            nameattr: attribute(3),
            argsattr: attribute(4),
            prenoffs: if asks { prenoffs } else { 0 },
        };
        self.section(dof::SECT_PROVIDER, 4, 0, desc.as_bytes().to_vec());
        let relsec = self.section(dof::SECT_RELTAB, 8, size_of::<DofReloDesc>(), relocations);
        let header = DofReloHdr { strtab: 0, relsec, tgtsec: probes };
        self.section(dof::SECT_URELHDR, 4, 0, header.as_bytes().to_vec());
        Ok(asks)
    }

    fn probe(&mut self, probe: &UsdtProbe, tables: &mut Tables) -> Result<(), UsdtError> {
        let count = |list: &[String]| u8::try_from(list.len()).map_err(|_| UsdtError::Arguments);
        let (nargc, xargc) = (count(&probe.native)?, count(&probe.translated)?);
        let fits = probe.mapping.iter().all(|&m| m < nargc);
        if probe.mapping.len() != usize::from(xargc) || !fits {
            return Err(UsdtError::Mapping);
        }
        let places = |list: &[u32]| u16::try_from(list.len()).map_err(|_| UsdtError::Places);
        let function = self.string(&probe.function);
        let desc = DofProbe {
            addr: 0,
            function,
            name: self.string(&probe.name),
            nargv: self.strings(&probe.native),
            xargv: self.strings(&probe.translated),
            argidx: tables.mapping.len() as u32,
            offidx: tables.offsets.len() as u32 / 4,
            nargc,
            xargc,
            noffs: places(&probe.offsets)?,
            enoffidx: tables.enabled.len() as u32 / 4,
            nenoffs: places(&probe.enabled_offsets)?,
            pad1: 0,
            pad2: 0,
        };
        let relocation = DofReloDesc {
            name: function,
            kind: dof::RELO_SETX,
            offset: (tables.probes.len() + std::mem::offset_of!(DofProbe, addr)) as u64,
            data: 0,
        };
        tables.probes.extend_from_slice(desc.as_bytes());
        tables.relocations.extend_from_slice(relocation.as_bytes());
        tables.mapping.extend_from_slice(&probe.mapping);
        tables.offsets.extend(probe.offsets.iter().flat_map(|o| o.to_le_bytes()));
        tables.enabled.extend(probe.enabled_offsets.iter().flat_map(|o| o.to_le_bytes()));
        Ok(())
    }

    /// The offset of the first of several strings, which stand one behind the other.
    fn strings(&mut self, list: &[String]) -> u32 {
        let table = &mut self.sections[0].bytes;
        let offset = if list.is_empty() { 0 } else { table.len() as u32 };
        for s in list {
            table.extend_from_slice(s.as_bytes());
            table.push(0);
        }
        offset
    }
}

/// An attribute as a word (contract 2.3).
fn word(a: Attribute) -> u32 {
    u32::from(a.name) << 24 | u32::from(a.data) << 16 | u32::from(a.class) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of contract 6.8, as the original makes it.
    fn simple() -> UsdtProvider {
        let probe = |name: &str, offsets: &[u32]| UsdtProbe {
            name: name.into(),
            function: "main".into(),
            native: vec!["int".into()],
            translated: vec!["int".into()],
            mapping: vec![0],
            offsets: offsets.to_vec(),
            enabled_offsets: vec![],
        };
        UsdtProvider {
            name: "simple".into(),
            attributes: [Attribute { name: 1, data: 1, class: 0 }; 5],
            probes: vec![probe("saw-line", &[0xdc]), probe("saw-word", &[0x115, 0x14e])],
        }
    }

    /// The sections of an image by type, without string tables, whose order is ours to choose.
    fn section(image: &[u8], kind: u32) -> Option<&[u8]> {
        let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
        let at = (0..word(28)).map(|i| 64 + 32 * i).find(|&at| word(at) == kind as usize)?;
        Some(&image[word(at + 16)..][..word(at + 24)])
    }

    fn string(image: &[u8], at: u32) -> String {
        let table = &section(image, dof::SECT_STRTAB).unwrap()[at as usize..];
        String::from_utf8(table.iter().copied().take_while(|&b| b != 0).collect()).unwrap()
    }

    /// What an image says of its probes: provider, function, name, argument types, where it fires.
    fn describe(image: &[u8]) -> Vec<String> {
        let provider = DofProvider::from_bytes(section(image, dof::SECT_PROVIDER).unwrap()).unwrap();
        let relocations = section(image, dof::SECT_RELTAB).unwrap();
        let probes = section(image, dof::SECT_PROBES).unwrap().chunks(size_of::<DofProbe>());
        let describe = |(n, bytes): (usize, &[u8])| {
            let p = DofProbe::from_bytes(bytes).unwrap();
            let relocation = DofReloDesc::from_bytes(&relocations[n * 24..]).unwrap();
            let offsets = section(image, dof::SECT_PROFFS).unwrap();
            let offsets: Vec<u32> = (p.offidx..p.offidx + u32::from(p.noffs))
                .map(|i| u32::from_le_bytes(offsets[i as usize * 4..][..4].try_into().unwrap()))
                .collect();
            let mapping =
                &section(image, dof::SECT_PRARGS).unwrap()[p.argidx as usize..][..usize::from(p.xargc)];
            format!(
                "{}:{}:{} {:08x} {} {} {mapping:?} {offsets:x?} reloc {} {} {:x}",
                string(image, provider.name),
                string(image, p.function),
                string(image, p.name),
                provider.provattr,
                string(image, p.nargv),
                string(image, p.xargv),
                string(image, relocation.name),
                relocation.kind,
                relocation.offset,
            )
        };
        probes.enumerate().map(describe).collect()
    }

    #[test]
    fn the_sample_says_what_the_originals_image_says() {
        let image = usdt_image(&[simple()], None).unwrap();
        let want = [
            "simple:main:saw-line 01010000 int int [0] [dc] reloc main 1 0",
            "simple:main:saw-word 01010000 int int [0] [115, 14e] reloc main 1 30",
        ];
        assert_eq!(describe(&image), want);
        let shared = std::env::var_os("DTRACE_SHARED").map_or_else(
            || concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(),
            std::path::PathBuf::from,
        );
        match std::fs::read(shared.join("abi/vectors/usdt-simple.sunw_dof")) {
            Ok(theirs) => assert_eq!(describe(&theirs), want),
            Err(_) => println!("skipped: no image of the original's to compare with"),
        }
    }

    #[test]
    fn a_probe_that_is_asked_about_makes_it_version_two() {
        let mut provider = simple();
        assert_eq!(usdt_image(&[provider.clone()], None).unwrap()[dof::ID_VERSION], dof::VERSION_1);
        provider.probes[1].enabled_offsets = vec![0x10];
        let image = usdt_image(&[provider], None).unwrap();
        assert_eq!(image[dof::ID_VERSION], dof::VERSION_2);
        assert_eq!(section(&image, dof::SECT_PRENOFFS), Some(&[0x10, 0, 0, 0][..]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut provider = simple();
        provider.probes[0].mapping = vec![1];
        assert_eq!(usdt_image(&[provider.clone()], None), Err(UsdtError::Mapping));
        provider.probes[0].native = vec!["int".into(); 256];
        assert_eq!(usdt_image(&[provider], None), Err(UsdtError::Arguments));
    }
}
