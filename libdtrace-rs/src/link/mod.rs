//! `dtrace -G`: makes probes of the calls in a program's objects, and the object that tells the driver of them.
//!
//! A program that uses the header of its providers ([`crate::header`]) calls functions that do not exist. In each object these
//! calls are overwritten: with no-operations where the probe will be, with "no" where the program asks whether somebody listens
//! (contract 6.8). What was found goes into an image ([`crate::dof`]), and the image with the code that registers it
//! (`drti/drti.c`) into one more object, with which the program is linked.
//!
//! What always holds:
//!
//! * Every link editor takes the objects: symbols are added at the end and keep their order, no section is moved or removed, and
//!   relocations that are no longer needed become R_*_NONE. The functions that do not exist become weak, so that nobody misses them.
//! * An object may be given again: the relocations that were made nothing still say where the probes are.
//! * Nothing is written before everything has been understood.
//! * The image needs no relocation when the program is loaded, so it may be linked into programs at fixed addresses, programs at
//!   any address and libraries alike: it holds distances from itself. The functions are reached through aliases that are hidden:
//!   nobody can put another in their place. An alias of a function of which there may be several copies, one of which the link editor
//!   keeps, is named by the code of the copy; if it keeps one with other code, the probes in this one are left out when the program starts.
//!
//! Calls of probes that nobody has declared stay as they are, for another run. `ld -r` is not used: the object that registers images has a section for the image, and gets it put there.

mod elf;
mod output;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use crate::dof::{UsdtError, UsdtProbe, UsdtProvider, usdt_image};
use crate::program::{Attribute, Program};
pub use crate::types::Model;
use elf::Elf;
use site::Found;

/// The longest name of a function that the driver takes.
const FUNCTION_MAX: usize = 127;

/// Whether the name of a function is a second one, which it was given here.
pub fn is_alias(name: &str) -> bool {
    name.starts_with(site::ALIAS)
}

/// A provider as the program declares it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The stability of provider, module, function, name and arguments.
    pub attributes: [Attribute; 5],
    /// Its probes.
    pub probes: Vec<DeclaredProbe>,
}

/// A probe as the program declares it.
#[derive(Clone, Debug)]
pub struct DeclaredProbe {
    /// Its name, with minus signs.
    pub name: String,
    /// The types of what the program passes.
    pub native: Vec<String>,
    /// The types of what D sees.
    pub translated: Vec<String>,
    /// For each translated argument, which native one it is made from.
    pub mapping: Vec<u8>,
}

/// Why objects cannot be linked.
#[derive(Debug)]
pub enum LinkError {
    /// An object cannot be read or written.
    File(String, std::io::Error),
    /// The object with the image cannot be written.
    Output(String, std::io::Error),
    /// A file is no object of this machine.
    Type(String),
    /// An object holds no code but what a compiler makes code of later.
    Deferred(String),
    /// Objects of 32-bit and of 64-bit programs.
    Models(String),
    /// A probe is used in a way that is no call: object, symbol.
    Use(String, String),
    /// A probe is in no function: object, section, offset.
    Nowhere(String, String, u64),
    /// There is no code that registers images in programs of this kind.
    Registering(String),
    /// The probes do not fit an image.
    Image(UsdtError),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::File(path, why) | LinkError::Output(path, why) => {
                let words = why.to_string();
                write!(f, "failed to open {path}: {}", words.split(" (os error").next().unwrap_or_default())
            }
            LinkError::Type(path) => write!(f, "invalid file type: {path}"),
            LinkError::Deferred(path) => {
                write!(f, "{path} has no code yet: compile it without link-time optimisation")
            }
            LinkError::Models(path) => {
                write!(f, "incorrect ELF machine type for object file: {path}")
            }
            LinkError::Use(path, symbol) => {
                write!(f, "{path} uses {symbol} in a way that is no call of a probe")
            }
            LinkError::Nowhere(path, section, offset) => {
                write!(f, "{path} has a probe outside of functions: {section}+0x{offset:x}")
            }
            LinkError::Registering(path) => write!(f, "{path} registers no probes of these programs"),
            LinkError::Image(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for LinkError {}

/// What was made of a function's calls of one probe.
#[derive(Default)]
struct Places {
    fires: BTreeSet<u32>,
    asks: BTreeSet<u32>,
}

/// A probe of a function: provider, probe, alias of the function, function.
type Key = (usize, usize, String, String);

/// What linking takes.
#[derive(Debug)]
pub struct Job<'a> {
    /// The providers that the program declares.
    pub providers: &'a [Declared],
    /// The clauses that travel with them (helpers).
    pub clauses: Option<&'a Program>,
    /// The objects. Those with probes are changed.
    pub objects: &'a [OsString],
    /// What the programs are, where no object says it.
    pub model: Model,
    /// An object that registers images, in place of the library's own.
    pub registering: Option<&'a str>,
    /// Whether only the image is wanted, with no address in it.
    pub bare: bool,
}

/// Links: changes the objects, and writes the one with the image. What was found.
pub fn link(job: &Job<'_>, file: &Path) -> Result<Vec<UsdtProvider>, LinkError> {
    let mut objects = Vec::new();
    let mut model = None;
    let mut found = BTreeMap::<Key, Places>::new();
    let mut several = BTreeSet::new();
    for path in job.objects {
        let name = path.to_string_lossy();
        let bytes = std::fs::read(path).map_err(|error| LinkError::File(name.to_string(), error))?;
        let mut object = Elf::parse(bytes).ok_or_else(|| LinkError::Type(name.to_string()))?;
        if model.is_some_and(|model| model != object.model()) {
            return Err(LinkError::Models(name.into_owned()));
        }
        model = Some(object.model());
        for place in site::rewrite(&mut object, &name, |symbol| declared(job.providers, symbol))? {
            let Found { probe: (provider, probe), asks, function, alias, offset, .. } = place;
            if place.several {
                several.insert(alias.clone());
            }
            let places = found.entry((provider, probe, alias, function)).or_default();
            if asks {
                places.asks.insert(offset)
            } else {
                places.fires.insert(offset)
            };
        }
        objects.push((path, object));
    }
    let model = model.unwrap_or(job.model);
    let providers = describe(job.providers, &found);
    let image = usdt_image(&providers, job.clauses).map_err(LinkError::Image)?;
    // The tables of probes have the order of the map.
    let aliases: Vec<(&str, bool)> =
        found.keys().map(|(.., alias, _)| (alias.as_str(), several.contains(alias))).collect();
    let registering = match job.registering {
        Some(path) => std::fs::read(path).map_err(|error| LinkError::File(path.to_owned(), error))?,
        None => output::registering(model).to_vec(),
    };
    let name = job.registering.unwrap_or("this library");
    let linked = if job.bare {
        image
    } else {
        output::object(registering, model, &image, &aliases)
            .ok_or_else(|| LinkError::Registering(name.to_owned()))?
    };
    for (path, object) in objects {
        if let Some(bytes) = object.changed() {
            let fault = |error| LinkError::File(path.to_string_lossy().into_owned(), error);
            std::fs::write(path, bytes).map_err(fault)?;
        }
    }
    let output = |error| LinkError::Output(file.to_string_lossy().into_owned(), error);
    std::fs::write(file, linked).map_err(output)?;
    Ok(providers)
}

/// The provider and probe that a function which does not exist stands for.
fn declared(providers: &[Declared], symbol: &str) -> Option<(usize, usize)> {
    // Providers' names may have underscores of their own: the whole is compared.
    let whole = |p: &Declared, n: &DeclaredProbe| format!("{}___{}", p.name, n.name.replace('-', "__"));
    providers.iter().enumerate().find_map(|(i, p)| {
        let n = p.probes.iter().position(|probe| whole(p, probe) == symbol)?;
        Some((i, n))
    })
}

/// The providers with what was found of them.
fn describe(declared: &[Declared], found: &BTreeMap<Key, Places>) -> Vec<UsdtProvider> {
    let mut providers = Vec::new();
    for (i, provider) in declared.iter().enumerate() {
        let probes: Vec<UsdtProbe> = found
            .iter()
            .filter(|((of, ..), _)| *of == i)
            .map(|((_, probe, _, function), places)| {
                let probe = &provider.probes[*probe];
                let mut end = function.len().min(FUNCTION_MAX);
                while !function.is_char_boundary(end) {
                    end -= 1;
                }
                UsdtProbe {
                    name: probe.name.clone(),
                    function: function[..end].to_owned(),
                    native: probe.native.clone(),
                    translated: probe.translated.clone(),
                    mapping: probe.mapping.clone(),
                    offsets: places.fires.iter().copied().collect(),
                    enabled_offsets: places.asks.iter().copied().collect(),
                }
            })
            .collect();
        if !probes.is_empty() {
            let name = provider.name.clone();
            providers.push(UsdtProvider { name, attributes: provider.attributes, probes });
        }
    }
    providers
}
