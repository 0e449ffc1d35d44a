//! What the checker must be told about the world: probes, symbols, options.
//!
//! The handle answers with what the device, the kernel's symbols and its options say; tests answer from tables.

use crate::error::Result;
use crate::options::Version;
use crate::program::{Attribute, ProbeDesc};
use crate::types::TypeId;

/// The world outside the program text.
pub trait Environment {
    /// What a probe description matches. Descriptions of `pid` probes may create them.
    fn probes(&mut self, description: &ProbeDesc) -> Result<Probes>;

    /// A symbol of the kernel; any module when `module` is empty.
    fn symbol(&mut self, module: &str, name: &str) -> Result<Symbol>;

    /// Sets an option for `#pragma D option`.
    fn set_option(&mut self, name: &str, value: Option<&str>) -> Result<()>;

    /// Whether what `#pragma D depends_on` names is there.
    fn provides(&mut self, class: &str, name: &str) -> bool;

    /// The size of a string (`-x strsize`).
    fn string_size(&self) -> u64;

    /// The version of the D interfaces that the program is bound to (`-x version`): it does not see later names.
    fn version(&self) -> Version {
        Version::CURRENT
    }

    /// Which trees are to be shown (`-x tree`): the bits of [`tree`](crate::d::tree).
    fn trees(&self) -> u32 {
        0
    }

    /// Shows a tree.
    fn show_tree(&mut self, _tree: &str) {}
}

/// A symbol of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Where it is.
    pub address: u64,
    /// Its type, where it is known.
    pub ty: Option<TypeId>,
}

/// What a probe description matches.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// How many probes there are: none, one or more. More than two need not be counted.
    pub count: usize,
    /// The stability of the description.
    pub attribute: Option<Attribute>,
    /// The typed arguments that all of them share; `None` when they differ or cannot be told.
    pub args: Option<Vec<ProbeArg>>,
}

/// A typed argument of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeArg {
    /// The type that the provider passes.
    pub native: String,
    /// The type that D sees; empty when it is the native one.
    pub translated: String,
    /// Which of the passed arguments it is made from.
    pub mapping: u8,
}
