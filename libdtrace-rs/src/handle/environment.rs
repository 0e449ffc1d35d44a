//! What the checker is told about the world: the device's probes, the kernel's symbols, the handle's options.

use crate::d::check::{Environment, Probes, Symbol};
use crate::device::Requests;
use crate::error::{Code, Result};
use crate::options::{Options, Setter, Version};
use crate::program::ProbeDesc;
use crate::symbols::Symbols;
use crate::symbols::kernel::{BUILT_IN, is_built_in};
use crate::types::Types;

use super::probes;

/// The world of a handle.
pub(super) struct World<'a> {
    pub(super) requests: Requests<'a>,
    pub(super) options: &'a mut Options,
    pub(super) types: &'a Types,
    pub(super) symbols: &'a Symbols,
    /// The names of the D libraries that have been read.
    pub(super) libraries: &'a [String],
    /// Whether the text is a library's: its trees are not shown, and it may use the names of every version.
    pub(super) library: bool,
}

impl Environment for World<'_> {
    fn probes(&mut self, description: &ProbeDesc) -> Result<Probes> {
        let probes = probes::matching(self.requests, description)?;
        if probes.count == 0 {
            probes::check_process(&description.provider)?;
        }
        Ok(probes)
    }

    fn symbol(&mut self, module: &str, name: &str) -> Result<Symbol> {
        let module = Some(module).filter(|m| !m.is_empty());
        let object = module.map(|m| if is_built_in(m) { BUILT_IN } else { m });
        let address = self.symbols.kernel_symbols().address(object, name).ok_or(Code::NoSymbol)?;
        let types = module.map(|m| if is_built_in(m) { "vmlinux" } else { m });
        Ok(Symbol { address, ty: self.types.kernel_variable(types, name) })
    }

    fn set_option(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        self.options.set(name, value, Setter::Program)
    }

    fn provides(&mut self, class: &str, name: &str) -> bool {
        match class {
            "provider" => self.requests.provider(name).is_ok(),
            "module" => {
                is_built_in(name) || self.symbols.kernel_symbols().modules().iter().any(|m| m == name)
            }
            "library" => self.libraries.iter().any(|l| l == name),
            _ => false,
        }
    }

    fn trees(&self) -> u32 {
        if self.library { 0 } else { self.options.compile.tree }
    }

    fn version(&self) -> Version {
        if self.library { Version::CURRENT } else { self.options.compile.version }
    }

    fn show_tree(&mut self, tree: &str) {
        eprint!("{tree}");
    }

    fn string_size(&self) -> u64 {
        u64::from(super::string_size(self.options))
    }
}
