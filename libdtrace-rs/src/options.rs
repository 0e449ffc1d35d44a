//! The options of a handle (contract 6.3): what `-x name=value`, `#pragma D option` and `dtrace_setopt` set.
//!
//! Three kinds. *Compile-time* options change how programs are compiled, and are not for programs to set. *Run-time*
//! options travel to the driver in an image of their own before GO, and are settled then. *Dynamic* options are the
//! consumer's; they may change while tracing.
//!
//! A run-time or dynamic option that is set has a number that is not [`UNSET`]; a switch that is on may well be 0. The
//! driver answers DOFGET with what it made of them, which [`Options::adopt`] takes over.
//!
//! These numbers are cells: the consumer carries out `setopt()` while others look at the options.

use std::cell::Cell;
use std::path::PathBuf;

use dtrace_abi::option::{self, MAX, OptId, UNSET};

use crate::error::{Code, Error, Result};
use crate::program::Attribute;

/// Options that only the consumer knows. Their numbers go on where the driver's end; they never travel to it.
pub mod consumer {
    use dtrace_abi::option::{MAX, OptId};

    /// `agghist`: bars beside numbers.
    pub const AGGHIST: OptId = MAX;
    /// `aggpack`: a distribution in a row.
    pub const AGGPACK: OptId = MAX + 1;
    /// `aggzoom`: the greatest bar is as long as a bar can be.
    pub const AGGZOOM: OptId = MAX + 2;
    /// `encoding`: what packed distributions are drawn with ([`ASCII`] or [`UTF8`]).
    pub const ENCODING: OptId = MAX + 3;
    /// `temporal`: what all CPUs recorded in the order in which it happened.
    pub const TEMPORAL: OptId = MAX + 4;
    /// `demangle`: names of C++ and Rust as they were written. On from the start.
    pub const DEMANGLE: OptId = MAX + 5;
    /// One more than the last.
    pub(super) const END: OptId = MAX + 6;

    /// Only the characters of ASCII.
    pub const ASCII: i64 = 0;
    /// The block elements of Unicode.
    pub const UTF8: i64 = 1;
}

/// The options of a handle.
#[derive(Clone, Debug)]
pub struct Options {
    values: [Cell<i64>; consumer::END as usize],
    /// The compile-time options.
    pub compile: CompileOptions,
}

/// The compile-time options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// `aggpercpu`: keep each CPU's aggregation data apart too.
    pub aggpercpu: bool,
    /// `amin`: the least stability that clauses may have.
    pub amin: Option<Attribute>,
    /// `argref`: do not insist that all macro arguments are used.
    pub argref: bool,
    /// `ctypes`: the file that the types of C are written to when the handle is closed.
    pub ctypes: Option<PathBuf>,
    /// `debug`: say on standard error what the library does.
    pub debug: bool,
    /// `dtypes`: the file that the types which programs declare are written to when the handle is closed.
    pub dtypes: Option<PathBuf>,
    /// `defaultargs`: macro arguments that are not given are 0 or empty.
    pub defaultargs: bool,
    /// `core`: the process may leave a core file.
    pub core: bool,
    /// `cpp`: run the preprocessor.
    pub cpp: bool,
    /// `cpphdrs`: print the names of included files.
    pub cpphdrs: bool,
    /// `cpppath`: the preprocessor.
    pub cpppath: String,
    /// The preprocessor's `-I`, `-D` and `-U` arguments in order.
    pub cppargs: Vec<String>,
    /// `stdc`: how strictly the preprocessor keeps to the standard.
    pub stdc: Stdc,
    /// `empty`: a program may be empty.
    pub empty: bool,
    /// `errsource`: messages about programs show the line that they are about.
    pub errsource: bool,
    /// `errtags`: messages carry the tags of their errors.
    pub errtags: bool,
    /// `knodefs` is not set: symbols of the kernel must be defined.
    pub kdefs: bool,
    /// `unodefs` is not set: symbols of a process must be defined.
    pub udefs: bool,
    /// `nolibs`: do not read the D libraries.
    pub nolibs: bool,
    /// `syslibdir`: where the D libraries of the system are, in place of those that this library brings.
    pub syslibdir: Option<String>,
    /// `droptags`: messages of drops carry the tags of their kinds.
    pub droptags: bool,
    /// `libdir`: directories of D libraries, in order.
    pub libdirs: Vec<String>,
    /// `pspec`: a clause may be a probe specification of any kind.
    pub pspec: bool,
    /// `verbose`: print the code of each program.
    pub verbose: bool,
    /// `zdefs`: probe descriptions may match nothing.
    pub zdefs: bool,
    /// `iregs`: integer registers to be used.
    pub iregs: Option<u32>,
    /// `tree`: which trees of programs are shown: the bits of [`tree`](crate::d::tree).
    pub tree: u32,
    /// `tregs`: tuple registers to be used.
    pub tregs: Option<u32>,
    /// `pgmax`: how many grabbed processes are kept.
    pub pgmax: Option<u32>,
    /// `evaltime`: when a created process is looked at.
    pub evaltime: EvalTime,
    /// `setenv` and `unsetenv`: what is different in the environment of processes that are created, in order: names, with
    /// their values or none.
    pub environment: Vec<(String, Option<String>)>,
    /// `oformat`: what output is for.
    pub oformat: OutputFormat,
    /// `linktype`: what `-G` writes.
    pub linktype: LinkType,
    /// `strip`: leave out of DOF what is not needed to run it.
    pub strip: bool,
    /// `version`: the version of the D interfaces that programs are bound to.
    pub version: Version,
}

/// How strictly the preprocessor keeps to the C standard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdc {
    /// `a`: the standard and what D adds.
    #[default]
    Additions,
    /// `c`: the standard.
    Strict,
    /// `s`: before the standard.
    Kernighan,
    /// `t`: before the standard, with warnings.
    Transition,
}

/// What linking writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkType {
    /// `elf`: an object to be linked with.
    #[default]
    Object,
    /// `dof`: only the image.
    Image,
}

/// When a process that was created is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvalTime {
    /// At its exec.
    Exec,
    /// Before its initialisation.
    #[default]
    PreInit,
    /// After its initialisation.
    PostInit,
    /// At its main.
    Main,
}

/// What output is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// `text`: people.
    #[default]
    Text,
    /// `json`: machines.
    Json,
}

/// A version of the D interfaces: major, minor, micro.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u8, pub u16, pub u16);

impl Version {
    /// The newest.
    pub const CURRENT: Version = Version(1, 9, 0);

    /// The versions that there were.
    const KNOWN: [Version; 18] = [
        Version(1, 0, 0),
        Version(1, 1, 0),
        Version(1, 2, 0),
        Version(1, 2, 1),
        Version(1, 2, 2),
        Version(1, 3, 0),
        Version(1, 4, 0),
        Version(1, 4, 1),
        Version(1, 5, 0),
        Version(1, 6, 0),
        Version(1, 6, 1),
        Version(1, 6, 2),
        Version(1, 6, 3),
        Version(1, 7, 0),
        Version(1, 7, 1),
        Version(1, 8, 0),
        Version(1, 8, 1),
        Version(1, 9, 0),
    ];

    /// Reads `major.minor` or `major.minor.micro`.
    pub fn parse(text: &str) -> Result<Version> {
        let mut parts = text.split('.').map(str::parse::<u16>);
        let mut part = || match parts.next() {
            Some(Ok(n)) if n <= 0xfff => Ok(Some(n)),
            None => Ok(None),
            _ => Err(Code::VersionInvalid),
        };
        let major = part()?.and_then(|n| u8::try_from(n).ok()).ok_or(Code::VersionInvalid)?;
        let version = Version(major, part()?.unwrap_or(0), part()?.unwrap_or(0));
        if part()?.is_some() {
            return Err(Code::VersionInvalid.into());
        }
        if Self::KNOWN.contains(&version) { Ok(version) } else { Err(Code::VersionUndefined.into()) }
    }
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            aggpercpu: false,
            amin: None,
            argref: false,
            core: false,
            ctypes: None,
            debug: false,
            dtypes: None,
            defaultargs: false,
            cpp: false,
            cpphdrs: false,
            cpppath: "cpp".into(),
            cppargs: Vec::new(),
            stdc: Stdc::default(),
            empty: false,
            errsource: false,
            errtags: false,
            kdefs: true,
            udefs: true,
            nolibs: false,
            syslibdir: None,
            droptags: false,
            libdirs: Vec::new(),
            pspec: false,
            verbose: false,
            zdefs: false,
            iregs: None,
            tree: 0,
            tregs: None,
            pgmax: None,
            evaltime: EvalTime::default(),
            environment: Vec::new(),
            oformat: OutputFormat::default(),
            linktype: LinkType::default(),
            strip: false,
            version: Version::CURRENT,
        }
    }
}

/// Who sets an option, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setter {
    /// The program that uses the library, before or after GO.
    Client {
        /// Whether tracing has begun.
        active: bool,
    },
    /// A `#pragma D option`.
    Program,
}

/// How the value of a run-time or dynamic option is written.
#[derive(Clone, Copy)]
enum Value {
    Switch,
    Number,
    Size,
    Rate,
    Cpu,
    Policy,
    Resize,
    Encoding,
}

/// The run-time options.
const RUN_TIME: &[(&str, OptId, Value)] = &[
    ("aggsize", option::AGGSIZE, Value::Size),
    ("bufsize", option::BUFSIZE, Value::Size),
    ("bufpolicy", option::BUFPOLICY, Value::Policy),
    ("bufresize", option::BUFRESIZE, Value::Resize),
    ("cleanrate", option::CLEANRATE, Value::Rate),
    ("cpu", option::CPU, Value::Cpu),
    ("destructive", option::DESTRUCTIVE, Value::Switch),
    ("dynvarsize", option::DYNVARSIZE, Value::Size),
    ("grabanon", option::GRABANON, Value::Switch),
    ("jstackframes", option::JSTACKFRAMES, Value::Number),
    ("jstackstrsize", option::JSTACKSTRSIZE, Value::Size),
    ("nspec", option::NSPEC, Value::Number),
    ("specsize", option::SPECSIZE, Value::Size),
    ("stackframes", option::STACKFRAMES, Value::Number),
    ("statusrate", option::STATUSRATE, Value::Rate),
    ("strsize", option::STRSIZE, Value::Size),
    ("temporal", consumer::TEMPORAL, Value::Switch),
    ("ustackframes", option::USTACKFRAMES, Value::Number),
];

/// The dynamic options.
const DYNAMIC: &[(&str, OptId, Value)] = &[
    ("agghist", consumer::AGGHIST, Value::Switch),
    ("aggpack", consumer::AGGPACK, Value::Switch),
    ("aggrate", option::AGGRATE, Value::Rate),
    ("aggsortkey", option::AGGSORTKEY, Value::Switch),
    ("aggsortkeypos", option::AGGSORTKEYPOS, Value::Number),
    ("aggsortpos", option::AGGSORTPOS, Value::Number),
    ("aggsortrev", option::AGGSORTREV, Value::Switch),
    ("aggzoom", consumer::AGGZOOM, Value::Switch),
    ("demangle", consumer::DEMANGLE, Value::Switch),
    ("encoding", consumer::ENCODING, Value::Encoding),
    ("flowindent", option::FLOWINDENT, Value::Switch),
    ("quiet", option::QUIET, Value::Switch),
    ("rawbytes", option::RAWBYTES, Value::Switch),
    ("stackindent", option::STACKINDENT, Value::Number),
    ("stacksymbols", option::STACKSYMBOLS, Value::Switch),
    ("switchrate", option::SWITCHRATE, Value::Rate),
];

impl Default for Options {
    fn default() -> Self {
        let options = Self {
            values: [const { Cell::new(UNSET) }; consumer::END as usize],
            compile: CompileOptions::default(),
        };
        options.put(consumer::DEMANGLE, 1);
        options
    }
}

impl Options {
    /// The number of a run-time or dynamic option, `None` when it is not set.
    pub fn get(&self, option: OptId) -> Option<i64> {
        self.values.get(option as usize).map(Cell::get).filter(|&value| value != UNSET)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, option: OptId) -> bool {
        self.get(option).is_some()
    }

    /// Sets a run-time or dynamic option to a number; [`UNSET`] takes it back.
    pub fn put(&self, option: OptId, value: i64) {
        if let Some(slot) = self.values.get(option as usize) {
            slot.set(value);
        }
    }

    /// The options that are set and travel to the driver, by number.
    pub fn set_values(&self) -> impl Iterator<Item = (OptId, i64)> {
        (0..MAX).filter_map(|option| self.get(option).map(|value| (option, value)))
    }

    /// Takes over what the driver made of the options. The consumer's own are left as they are where the driver has
    /// no opinion.
    pub fn adopt(&self, values: &[i64; MAX as usize]) {
        for (slot, &value) in self.values.iter().zip(values) {
            if value != UNSET {
                slot.set(value);
            }
        }
    }

    /// Whether output is for machines.
    pub fn is_json(&self) -> bool {
        self.compile.oformat == OutputFormat::Json
    }

    /// The number of a run-time or dynamic option by its name, as `dtrace_getopt` gives it; [`UNSET`] when it is not set.
    /// Compile-time options have none.
    pub fn by_name(&self, name: &str) -> Result<i64> {
        let mut numbers = RUN_TIME.iter().chain(DYNAMIC);
        let found = numbers.find(|(n, _, _)| *n == name).ok_or(Code::BadOptionName)?;
        Ok(self.get(found.1).unwrap_or(UNSET))
    }

    /// Sets an option by its name.
    pub fn set(&mut self, name: &str, value: Option<&str>, setter: Setter) -> Result<()> {
        if setter == (Setter::Client { active: true }) {
            return self.set_active(name, value);
        }
        let mut numbers = RUN_TIME.iter().chain(DYNAMIC);
        if let Some(&(_, option, kind)) = numbers.find(|(n, _, _)| *n == name) {
            return self.set_number(option, kind, value);
        }
        if setter == Setter::Program && TOO_LATE.contains(&name) {
            let complete = (name == "cpphdrs") == value.is_none();
            return Err(if complete { Code::BadOptionContext } else { Code::BadOptionValue }.into());
        }
        let mut compile = self.compile.clone();
        compile.set(name, value)?;
        self.compile = compile;
        Ok(())
    }

    /// Sets an option by its name while tracing is active: only dynamic ones may be set.
    pub fn set_active(&self, name: &str, value: Option<&str>) -> Result<()> {
        if let Some(&(_, option, kind)) = DYNAMIC.iter().find(|(n, _, _)| *n == name) {
            return self.set_number(option, kind, value);
        }
        // What would make a file must not be tried.
        if matches!(name, "ctypes" | "dtypes") {
            return Err(Code::Active.into());
        }
        if !RUN_TIME.iter().any(|(n, _, _)| *n == name) {
            self.compile.clone().set(name, value)?;
        }
        Err(Code::Active.into())
    }

    fn set_number(&self, option: OptId, kind: Value, value: Option<&str>) -> Result<()> {
        let number = match (kind, value) {
            (Value::Policy | Value::Resize | Value::Encoding, None) => {
                return Err(Code::BadOptionValue.into());
            }
            (_, None) => Some(0),
            (Value::Switch, Some(text)) => switch(text)?,
            (Value::Number, Some(text)) => Some(number(text)?),
            (Value::Size, Some(text)) => Some(size(text)?),
            (Value::Rate, Some(text)) => Some(rate(text)?),
            (Value::Cpu, Some(text)) => Some(number(text)?),
            (Value::Policy, Some("ring")) => Some(option::BUFPOLICY_RING),
            (Value::Policy, Some("fill")) => Some(option::BUFPOLICY_FILL),
            (Value::Policy, Some("switch")) => Some(option::BUFPOLICY_SWITCH),
            (Value::Resize, Some("auto")) => Some(option::BUFRESIZE_AUTO),
            (Value::Resize, Some("manual")) => Some(option::BUFRESIZE_MANUAL),
            (Value::Encoding, Some("ascii")) => Some(consumer::ASCII),
            (Value::Encoding, Some("utf8")) => Some(consumer::UTF8),
            (Value::Policy | Value::Resize | Value::Encoding, Some(_)) => {
                return Err(Code::BadOptionValue.into());
            }
        };
        if option == option::STRSIZE && number.is_some_and(|n| n > MOST_STRSIZE) {
            return Err(Error::Sys(libc::EOVERFLOW));
        }
        self.put(option, number.unwrap_or(UNSET));
        Ok(())
    }
}

/// The largest size of a string.
const MOST_STRSIZE: i64 = 64 << 10;

/// The compile-time options that a program cannot set: they are about what happens before it is read, and about the linker.
const TOO_LATE: &[&str] =
    &["cpphdrs", "cpppath", "define", "incdir", "ldpath", "setenv", "stdc", "undef", "unsetenv"];

impl CompileOptions {
    fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let flag = |slot: &mut bool, to: bool| match value {
            None => {
                *slot = to;
                Ok(())
            }
            Some(_) => Err(Code::BadOptionValue.into()),
        };
        let text = || value.ok_or(Code::BadOptionValue);
        let count = || -> Result<u32> { Ok(text()?.parse::<u32>().map_err(|_| Code::BadOptionValue)?) };
        let positive =
            || -> Result<u32> { Ok(Some(count()?).filter(|n| *n != 0).ok_or(Code::BadOptionValue)?) };
        match name {
            "aggpercpu" => flag(&mut self.aggpercpu, true),
            "argref" => flag(&mut self.argref, true),
            "core" => flag(&mut self.core, true),
            "debug" => flag(&mut self.debug, true),
            "defaultargs" => flag(&mut self.defaultargs, true),
            "cpp" => flag(&mut self.cpp, true),
            "cpphdrs" => flag(&mut self.cpphdrs, true),
            "empty" => flag(&mut self.empty, true),
            "errsource" => flag(&mut self.errsource, true),
            "errtags" => flag(&mut self.errtags, true),
            "kdefs" => flag(&mut self.kdefs, true),
            "knodefs" => flag(&mut self.kdefs, false),
            "udefs" => flag(&mut self.udefs, true),
            "unodefs" => flag(&mut self.udefs, false),
            "nolibs" => flag(&mut self.nolibs, true),
            "pspec" => flag(&mut self.pspec, true),
            "strip" => flag(&mut self.strip, true),
            "verbose" => flag(&mut self.verbose, true),
            "zdefs" => flag(&mut self.zdefs, true),
            // Images are brought when programs start, symbols are looked up when a program is compiled, and objects are looked at
            // when they are needed, always; no link editor is run.
            "lazyload" => Ok(()),
            "droptags" => {
                self.droptags = value.map_or(Ok(Some(1)), switch)?.is_some();
                Ok(())
            }
            "ctypes" | "dtypes" => {
                let path = PathBuf::from(text()?);
                // Whether it can be written is known now and not when all is over.
                std::fs::File::create(&path)?;
                *(if name == "ctypes" { &mut self.ctypes } else { &mut self.dtypes }) = Some(path);
                Ok(())
            }
            "tree" => {
                self.tree = positive()?;
                Ok(())
            }
            "linkmode" | "late" => match text()? {
                "dynamic" | "static" => Ok(()),
                "kernel" | "primary" if name == "linkmode" => Ok(()),
                _ => Err(Code::BadOptionValue.into()),
            },
            "ldpath" => text().map(drop).map_err(Into::into),
            "preallocate" => size(text()?).map(drop),
            "linktype" => {
                self.linktype = match text()? {
                    "elf" => LinkType::Object,
                    "dof" => LinkType::Image,
                    _ => return Err(Code::BadOptionValue.into()),
                };
                Ok(())
            }
            "amin" => {
                self.amin = Some(attribute(text()?).ok_or(Code::BadOptionValue)?);
                Ok(())
            }
            "cpppath" => {
                self.cpppath = text()?.into();
                Ok(())
            }
            "define" | "undef" | "incdir" => {
                let letter = match name {
                    "define" => 'D',
                    "undef" => 'U',
                    _ => 'I',
                };
                self.cppargs.push(format!("-{letter}{}", text()?));
                Ok(())
            }
            "stdc" => {
                self.stdc = match text()? {
                    "a" => Stdc::Additions,
                    "c" => Stdc::Strict,
                    "s" => Stdc::Kernighan,
                    "t" => Stdc::Transition,
                    _ => return Err(Code::BadOptionValue.into()),
                };
                Ok(())
            }
            "evaltime" => {
                self.evaltime = match text()? {
                    "exec" => EvalTime::Exec,
                    "preinit" => EvalTime::PreInit,
                    "postinit" => EvalTime::PostInit,
                    "main" => EvalTime::Main,
                    _ => return Err(Code::BadOptionValue.into()),
                };
                Ok(())
            }
            "libdir" => {
                self.libdirs.push(text()?.into());
                Ok(())
            }
            "oformat" => {
                self.oformat = match text()? {
                    "text" => OutputFormat::Text,
                    "json" => OutputFormat::Json,
                    _ => return Err(Code::BadOptionValue.into()),
                };
                Ok(())
            }
            "setenv" => {
                let (name, value) = text()?.split_once('=').ok_or(Code::BadOptionValue)?;
                self.change_environment(name, Some(value))
            }
            "unsetenv" => self.change_environment(text()?, None),
            "syslibdir" => {
                self.syslibdir = Some(text()?.into());
                Ok(())
            }
            "iregs" => {
                self.iregs = Some(positive()?);
                Ok(())
            }
            "tregs" => {
                self.tregs = Some(positive()?);
                Ok(())
            }
            "pgmax" => {
                self.pgmax = Some(count()?);
                Ok(())
            }
            "version" => {
                let version = Version::parse(text()?)?;
                if version > self.version {
                    return Err(Code::VersionReduced.into());
                }
                self.version = version;
                Ok(())
            }
            _ => Err(Code::BadOptionName.into()),
        }
    }
}

impl CompileOptions {
    /// Takes note of a change of the environment.
    fn change_environment(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        if name.is_empty() || name.contains('=') {
            return Err(Code::BadOptionValue.into());
        }
        self.environment.push((name.into(), value.map(String::from)));
        Ok(())
    }
}

/// A switch: `None` is off.
fn switch(text: &str) -> Result<Option<i64>> {
    const ON: &[&str] = &["yes", "enable", "enabled", "true", "on", "set"];
    const OFF: &[&str] = &["no", "disable", "disabled", "false", "off", "unset"];
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(ON) {
        Ok(Some(1))
    } else if is(OFF) || text == "0" {
        Ok(None)
    } else {
        number(text).map(Some)
    }
}

/// A number that is not negative, as C writes integer constants.
fn number(text: &str) -> Result<i64> {
    let text = text.trim_start();
    let value = if text.is_empty() {
        Ok(0)
    } else if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        i64::from_str_radix(text, 8)
    } else {
        text.parse()
    };
    value.ok().filter(|&n| n >= 0).ok_or_else(|| Code::BadOptionValue.into())
}

/// A size: a number, with `k`, `m`, `g` or `t` for the powers of 1024.
fn size(text: &str) -> Result<i64> {
    let (digits, shift) = match text.bytes().last().map(|b| b.to_ascii_lowercase()) {
        Some(b'k') => (&text[..text.len() - 1], 10),
        Some(b'm') => (&text[..text.len() - 1], 20),
        Some(b'g') => (&text[..text.len() - 1], 30),
        Some(b't') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let value = number(digits)?;
    value.checked_mul(1 << shift).ok_or_else(|| Code::BadOptionValue.into())
}

/// A rate, as the nanoseconds between two: a number of nanoseconds, or with a unit of time, or with `hz`.
fn rate(text: &str) -> Result<i64> {
    const UNITS: &[(&str, i64)] = &[
        ("ns", 1),
        ("nsec", 1),
        ("us", 1_000),
        ("usec", 1_000),
        ("ms", 1_000_000),
        ("msec", 1_000_000),
        ("s", 1_000_000_000),
        ("sec", 1_000_000_000),
        ("m", 60_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("hour", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
        ("day", 86_400_000_000_000),
    ];
    let text = text.trim_start();
    let unit = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => hex.trim_start_matches(|c: char| c.is_ascii_hexdigit()),
        None => text.trim_start_matches(|c: char| c.is_ascii_digit()),
    };
    let value = number(&text[..text.len() - unit.len()])?;
    if unit.is_empty() {
        return Ok(value);
    }
    if unit.eq_ignore_ascii_case("hz") {
        return Ok(1_000_000_000_i64.checked_div(value).unwrap_or(0));
    }
    let scale = UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)).map(|&(_, scale)| scale);
    scale.and_then(|scale| value.checked_mul(scale)).ok_or_else(|| Code::BadOptionValue.into())
}

/// The names of the stabilities, by number.
const STABILITIES: [&str; 8] =
    ["Internal", "Private", "Obsolete", "External", "Unstable", "Evolving", "Stable", "Standard"];
/// The names of the dependency classes, by number.
const CLASSES: [&str; 6] = ["Unknown", "CPU", "Platform", "Group", "ISA", "Common"];

/// The name of a stability (`dtrace_stability_name`).
pub fn stability_name(stability: u8) -> Option<&'static str> {
    STABILITIES.get(usize::from(stability)).copied()
}

/// The name of a dependency class (`dtrace_class_name`).
pub fn class_name(class: u8) -> Option<&'static str> {
    CLASSES.get(usize::from(class)).copied()
}

/// Reads `name/data/class` (`dtrace_str2attr`). What is left out behind is the best there is.
pub fn attribute(text: &str) -> Option<Attribute> {
    let position = |names: &[&str], name: &str| {
        names.iter().position(|n| n.eq_ignore_ascii_case(name)).and_then(|n| u8::try_from(n).ok())
    };
    let mut parts = text.split('/').map(str::trim);
    let mut part = |names: &[&str]| match parts.next() {
        Some(text) => position(names, text),
        None => names.len().checked_sub(1).and_then(|n| u8::try_from(n).ok()),
    };
    let attribute =
        Attribute { name: part(&STABILITIES)?, data: part(&STABILITIES)?, class: part(&CLASSES)? };
    parts.next().is_none().then_some(attribute)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Setter = Setter::Client { active: false };

    fn value(name: &str, text: &str) -> Result<Option<i64>> {
        let mut options = Options::default();
        options.set(name, Some(text), CLIENT)?;
        let id = RUN_TIME.iter().chain(DYNAMIC).find(|(n, _, _)| *n == name).unwrap().1;
        Ok(options.get(id))
    }

    #[test]
    fn sizes_take_powers_of_1024() {
        assert_eq!(value("bufsize", "4k"), Ok(Some(4096)));
        assert_eq!(value("bufsize", "4M"), Ok(Some(4 << 20)));
        assert_eq!(value("bufsize", "1t"), Ok(Some(1 << 40)));
        assert_eq!(value("bufsize", "0x10"), Ok(Some(16)));
        assert_eq!(value("bufsize", "010"), Ok(Some(8)));
        for bad in ["abc", "4kb", "-1", "10q", "99999999999999999999", "99999999t"] {
            assert_eq!(value("bufsize", bad), Err(Code::BadOptionValue.into()), "{bad}");
        }
    }

    #[test]
    fn rates_are_nanoseconds_between_two() {
        let cases =
            [("5", 5), ("10hz", 100_000_000), ("0hz", 0), ("5ms", 5_000_000), ("3m", 180_000_000_000)];
        for (text, ns) in cases {
            assert_eq!(value("aggrate", text), Ok(Some(ns)), "{text}");
        }
        assert_eq!(value("aggrate", "1day"), Ok(Some(86_400_000_000_000)));
        assert!(value("aggrate", "1z").is_err() && value("switchrate", "1e3").is_err());
    }

    #[test]
    fn switches_are_words_or_nothing() {
        for on in ["yes", "enable", "true", "on", "set", "1"] {
            assert!(value("quiet", on).unwrap().is_some(), "{on}");
        }
        for off in ["no", "disable", "false", "off", "UNSET", "0"] {
            assert_eq!(value("quiet", off), Ok(None), "{off}");
        }
        assert_eq!(value("quiet", "maybe"), Err(Code::BadOptionValue.into()));
        let mut options = Options::default();
        options.set("quiet", None, CLIENT).unwrap();
        assert!(options.is_on(option::QUIET));
    }

    #[test]
    fn how_to_link_is_words_of_which_some_mean_nothing_here() {
        let mut options = Options::default();
        for (name, good, bad) in [
            ("linkmode", &["kernel", "primary", "dynamic", "static"][..], "late"),
            ("late", &["dynamic", "static"], "kernel"),
            ("linktype", &["elf", "dof"], "static"),
            ("preallocate", &["4k", "10"], "on"),
        ] {
            for value in good {
                assert_eq!(options.set(name, Some(value), CLIENT), Ok(()), "{name}={value}");
            }
            assert_eq!(options.set(name, Some(bad), CLIENT), Err(Code::BadOptionValue.into()), "{name}");
            assert_eq!(options.set(name, None, CLIENT), Err(Code::BadOptionValue.into()), "{name}");
        }
        assert_eq!(options.compile.linktype, LinkType::Image);
    }

    #[test]
    fn policies_are_words() {
        assert_eq!(value("bufpolicy", "ring"), Ok(Some(0)));
        assert_eq!(value("bufresize", "manual"), Ok(Some(1)));
        assert!(value("bufpolicy", "foo").is_err() && value("cpu", "-1").is_err());
    }

    #[test]
    fn the_environment_changes_in_order() {
        let mut options = Options::default();
        let set = |options: &mut Options, name, value| options.set(name, Some(value), CLIENT);
        set(&mut options, "setenv", "A=b=c").unwrap();
        set(&mut options, "unsetenv", "A").unwrap();
        let changes = [("A".to_string(), Some("b=c".to_string())), ("A".to_string(), None)];
        assert_eq!(options.compile.environment, changes);
        for (name, bad) in [("setenv", "A"), ("setenv", "=x"), ("unsetenv", "A=b")] {
            assert_eq!(set(&mut options, name, bad), Err(Code::BadOptionValue.into()), "{name} {bad}");
        }
        assert_eq!(
            options.set("setenv", Some("A=b"), Setter::Program),
            Err(Code::BadOptionContext.into()),
            "a program is compiled when its process exists already"
        );
    }

    #[test]
    fn options_of_the_consumer_do_not_travel() {
        let mut options = Options::default();
        for name in ["agghist", "aggpack", "aggzoom", "temporal"] {
            options.set(name, None, CLIENT).unwrap();
            assert_eq!(options.by_name(name), Ok(0));
        }
        options.set("encoding", Some("utf8"), CLIENT).unwrap();
        assert_eq!(options.set_values().count(), 0);
        assert_eq!(options.set_active("temporal", None), Err(Code::Active.into()));
        assert_eq!(options.set_active("agghist", Some("off")), Ok(()));
        assert!(!options.is_on(consumer::AGGHIST));
    }

    #[test]
    fn who_may_set_what() {
        let mut options = Options::default();
        assert_eq!(options.set("nosuch", None, CLIENT), Err(Code::BadOptionName.into()));
        assert_eq!(options.set("cpphdrs", None, Setter::Program), Err(Code::BadOptionContext.into()));
        assert_eq!(options.set("stdc", Some("x"), Setter::Program), Err(Code::BadOptionContext.into()));
        assert_eq!(options.set("stdc", None, Setter::Program), Err(Code::BadOptionValue.into()));
        assert_eq!(options.set("cpp", None, Setter::Program), Ok(()));
        assert_eq!(options.set("strsize", Some("8"), Setter::Program), Ok(()));
        assert_eq!(options.set("strsize", Some("64k"), Setter::Program), Ok(()));
        assert_eq!(options.set("strsize", Some("65537"), CLIENT), Err(Error::Sys(libc::EOVERFLOW)));
        assert_eq!(options.by_name("cpp"), Err(Code::BadOptionName.into()), "only what traces has a number");
        let active = Setter::Client { active: true };
        assert_eq!(options.set("strsize", Some("8"), active), Err(Code::Active.into()));
        assert_eq!(options.set("quiet", None, active), Ok(()));
        assert_eq!(options.set("cpp", Some("1"), CLIENT), Err(Code::BadOptionValue.into()));
    }

    #[test]
    fn versions_are_those_that_there_were() {
        assert_eq!(Version::parse("1.6.1"), Ok(Version(1, 6, 1)));
        assert_eq!(Version::parse("1"), Ok(Version(1, 0, 0)));
        assert_eq!(Version::parse("1.2.3"), Err(Code::VersionUndefined.into()));
        assert_eq!(Version::parse("1.x"), Err(Code::VersionInvalid.into()));
    }

    #[test]
    fn attributes_are_three_names() {
        assert_eq!(attribute("stable/Evolving/ISA"), Some(Attribute { name: 6, data: 5, class: 4 }));
        assert_eq!(attribute("stable/evolving"), Some(Attribute { name: 6, data: 5, class: 5 }));
        assert_eq!(attribute("stable"), Some(Attribute { name: 6, data: 7, class: 5 }));
        assert_eq!(attribute("Foo/Stable/Common"), None);
        assert_eq!(attribute("Stable/Stable/Common/ISA"), None);
        assert_eq!(stability_name(5), Some("Evolving"));
        assert_eq!(class_name(5), Some("Common"));
    }
}
