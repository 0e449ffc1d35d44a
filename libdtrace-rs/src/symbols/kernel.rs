//! The kernel's symbols, from `/proc/kallsyms`.
//!
//! A line is `address type name` and, for a module's symbol, `[module]`. Built-in code is module `kernel`, as fbt calls
//! it. Sizes are not there: a symbol ends where the next begins, or with its page if none follows. Addresses are zero
//! for those who may not see them; then there are no symbols to find.

use std::collections::HashMap;

use super::Place;

/// The name of the module of what is built in.
pub const BUILT_IN: &str = "kernel";

/// Whether a name is one of the built-in code: the original's, that of its types, that of its image, and those of programs for
/// other systems.
pub fn is_built_in(object: &str) -> bool {
    matches!(object, BUILT_IN | "vmlinux" | "linux" | "unix" | "genunix")
}

/// One symbol.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    address: u64,
    /// Where its name is in the text.
    name: (u32, u32),
    module: u16,
    code: bool,
}

/// What is known of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelSymbol<'a> {
    /// Its module.
    pub module: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its address.
    pub address: u64,
    /// Bytes to the next symbol.
    pub size: u64,
    /// Whether it is code.
    pub code: bool,
    /// Its place among all symbols, by address.
    pub index: u32,
}

/// The kernel's symbols, sorted by address.
#[derive(Debug, Default)]
pub struct KernelSymbols {
    names: String,
    symbols: Vec<Symbol>,
    modules: Vec<String>,
}

impl KernelSymbols {
    /// Reads the symbols of the running kernel; none when they cannot be read.
    pub fn read() -> Self {
        match std::fs::read_to_string("/proc/kallsyms") {
            Ok(text) => Self::parse(text),
            Err(_) => Self::default(),
        }
    }

    /// Reads symbols from the text of a kallsyms file.
    pub fn parse(text: String) -> Self {
        let mut modules = vec![BUILT_IN.to_string()];
        let mut known: HashMap<String, u16> = HashMap::new();
        let mut symbols = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let mut fields = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let Ok(address) = u64::from_str_radix(address, 16) else { continue };
            if address == 0 {
                continue;
            }
            let module = match fields.next().map(|m| m.trim_matches(['[', ']'])) {
                None => 0,
                Some(module) => match known.get(module) {
                    Some(&index) => index,
                    None => {
                        let index = u16::try_from(modules.len()).unwrap_or(0);
                        modules.push(module.to_string());
                        known.insert(module.to_string(), index);
                        index
                    }
                },
            };
            let offset = start + (name.as_ptr() as usize - line.as_ptr() as usize);
            let (Ok(offset), Ok(len)) = (u32::try_from(offset), u32::try_from(name.len())) else { break };
            let code = matches!(kind.as_bytes()[0].to_ascii_lowercase(), b't' | b'w' | b'i');
            symbols.push(Symbol { address, name: (offset, len), module, code });
        }
        // Of several names of one address the first in the file is shown: a stable sort keeps it in front.
        symbols.sort_by_key(|s| s.address);
        Self { names: text, symbols, modules }
    }

    fn name(&self, symbol: &Symbol) -> &str {
        let start = symbol.name.0 as usize;
        &self.names[start..start + symbol.name.1 as usize]
    }

    /// The place of an address; none if no symbol lies before it.
    pub fn at(&self, address: u64) -> Option<Place> {
        let symbol = self.symbol_at(address)?;
        let offset = address - symbol.address;
        Some(Place { object: symbol.module.into(), symbol: Some((symbol.name.into(), offset)), address })
    }

    /// The symbol that an address is in.
    pub fn symbol_at(&self, address: u64) -> Option<KernelSymbol<'_>> {
        let behind = self.symbols.partition_point(|s| s.address <= address);
        let found = self.symbols[..behind].last()?.address;
        let first = self.symbols[..behind].partition_point(|s| s.address < found);
        let index = (first..behind).find(|&n| self.symbols[n].code).unwrap_or(first);
        let symbol = self.described(index);
        (address - symbol.address < symbol.size).then_some(symbol)
    }

    /// The symbol of a name, in a module or in any.
    pub fn symbol(&self, module: Option<&str>, name: &str) -> Option<KernelSymbol<'_>> {
        let wanted = |s: &Symbol| module.is_none_or(|m| self.modules[usize::from(s.module)] == m);
        let index = self.symbols.iter().position(|s| wanted(s) && self.name(s) == name)?;
        Some(self.described(index))
    }

    fn described(&self, index: usize) -> KernelSymbol<'_> {
        let symbol = &self.symbols[index];
        let behind = self.symbols.partition_point(|s| s.address <= symbol.address);
        let end = self.symbols.get(behind).map_or(symbol.address.saturating_add(4096), |next| next.address);
        KernelSymbol {
            module: &self.modules[usize::from(symbol.module)],
            name: self.name(symbol),
            address: symbol.address,
            size: end - symbol.address,
            code: symbol.code,
            index: index as u32,
        }
    }

    /// From where to where the code of a module reaches; none if no symbol tells.
    pub fn extent(&self, module: &str) -> Option<(u64, u64)> {
        let mut code = self
            .symbols
            .iter()
            .enumerate()
            .filter(|(_, s)| s.code && self.modules[usize::from(s.module)] == module);
        let first = code.next()?;
        let last = code.next_back().unwrap_or(first);
        let end = self.described(last.0);
        Some((first.1.address, end.address + end.size))
    }

    /// The address of a symbol, in a module or in any.
    pub fn address(&self, module: Option<&str>, name: &str) -> Option<u64> {
        let wanted = |s: &&Symbol| module.is_none_or(|m| self.modules[usize::from(s.module)] == m);
        self.symbols.iter().filter(wanted).find(|s| self.name(s) == name).map(|s| s.address)
    }

    /// The modules that have symbols, the built-in code first.
    pub fn modules(&self) -> &[String] {
        &self.modules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> KernelSymbols {
        let text = "ffffffff81000000 T _text\nffffffff81000100 T vfs_read\nffffffff81000100 t alias\n\
                    ffffffffc0000000 t ext4_open\t[ext4]\nffffffff81000200 d jiffies\n0 T hidden\nbad line\n";
        KernelSymbols::parse(text.to_string())
    }

    #[test]
    fn an_address_is_in_the_symbol_before_it() {
        let symbols = symbols();
        let at = |address| symbols.at(address).map(|p| p.to_string());
        assert_eq!(at(0xffff_ffff_8100_0100).unwrap(), "kernel`vfs_read");
        assert_eq!(at(0xffff_ffff_8100_0112).unwrap(), "kernel`vfs_read+0x12");
        assert_eq!(at(0xffff_ffff_c000_0004).unwrap(), "ext4`ext4_open+0x4");
        assert_eq!(at(0x1000), None);
        assert_eq!(at(0xffff_ffff_c000_2000), None);
    }

    #[test]
    fn a_symbol_ends_where_the_next_begins() {
        let symbols = symbols();
        let read = symbols.symbol(None, "vfs_read").unwrap();
        assert_eq!((read.module, read.size, read.code), ("kernel", 0x100, true));
        assert_eq!(symbols.symbol_at(0xffff_ffff_8100_01ff), Some(read));
        assert_eq!(symbols.symbol(Some("ext4"), "vfs_read"), None);
        assert_eq!(symbols.extent("kernel"), Some((0xffff_ffff_8100_0000, 0xffff_ffff_8100_0200)));
        assert_eq!(symbols.extent("ext4"), Some((0xffff_ffff_c000_0000, 0xffff_ffff_c000_1000)));
        assert_eq!(symbols.extent("nosuch"), None);
    }

    #[test]
    fn a_name_is_looked_up_in_a_module_or_in_all() {
        let symbols = symbols();
        assert_eq!(symbols.address(None, "jiffies"), Some(0xffff_ffff_8100_0200));
        assert_eq!(symbols.address(Some("ext4"), "ext4_open"), Some(0xffff_ffff_c000_0000));
        assert_eq!(symbols.address(Some("ext4"), "jiffies"), None);
        assert_eq!(symbols.address(None, "hidden"), None);
    }
}
