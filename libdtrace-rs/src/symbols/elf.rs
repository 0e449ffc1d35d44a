//! The functions of a file that is mapped: of the file itself, and of the one with its debugging information where there is one.

use std::fs;

use object::read::elf::{ElfFile32, ElfFile64, FileHeader};
use object::read::{ReadCache, ReadRef};
use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

use crate::link::is_alias;

/// Where files with debugging information are, by the build that they belong to.
const DEBUG: &str = "/usr/lib/debug/.build-id";

/// The functions of a file.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Loadable segments: offset in the file, size, address.
    segments: Vec<(u64, u64, u64)>,
    /// Address, size and name, by address.
    symbols: Vec<(u64, u64, String)>,
}

impl File {
    /// Reads the functions of an open file: only the parts that tell of them. `root` is where its process has `/`.
    pub(super) fn read(file: fs::File, root: &str) -> Option<File> {
        let cache = ReadCache::new(file);
        Self::parse(&cache, Some(root))
    }

    /// Reads the functions of an image in memory.
    pub(super) fn of_image(image: &[u8]) -> Option<File> {
        Self::parse(image, None)
    }

    fn parse<'a, R: ReadRef<'a>>(data: R, root: Option<&str>) -> Option<File> {
        match object::FileKind::parse(data).ok()? {
            object::FileKind::Elf32 => {
                Self::of_elf(&ElfFile32::<object::Endianness, R>::parse(data).ok()?, root)
            }
            object::FileKind::Elf64 => {
                Self::of_elf(&ElfFile64::<object::Endianness, R>::parse(data).ok()?, root)
            }
            _ => None,
        }
    }

    fn of_elf<'a, H: FileHeader, R: ReadRef<'a>>(
        elf: &object::read::elf::ElfFile<'a, H, R>,
        root: Option<&str>,
    ) -> Option<File> {
        let segments = elf
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                (offset, size, segment.address())
            })
            .collect();
        let mut symbols: Vec<(u64, u64, String)> = functions(elf.symbols());
        // A file that was stripped has its table elsewhere, if anywhere.
        if symbols.is_empty()
            && let (Some(root), Ok(Some(build))) = (root, elf.build_id())
        {
            symbols = separate(root, build).unwrap_or_default();
        }
        symbols.extend(functions(elf.dynamic_symbols()));
        // Of several names of one function the shortest is shown, without leading underscores if there is one.
        symbols.sort_by(|a, b| {
            let plain = |name: &str| (name.starts_with('_'), name.len());
            a.0.cmp(&b.0).then_with(|| plain(&a.2).cmp(&plain(&b.2))).then_with(|| a.2.cmp(&b.2))
        });
        symbols.dedup_by_key(|s| s.0);
        Some(File { segments, symbols })
    }

    /// The function that a byte of the file is in, and how far behind its start it is.
    pub(super) fn at(&self, in_file: u64) -> Option<(String, u64)> {
        self.symbol(self.address(in_file)?)
    }

    /// The address that the file itself gives to a byte of it.
    fn address(&self, in_file: u64) -> Option<u64> {
        let inside =
            |&&(offset, size, _): &&(u64, u64, u64)| (offset..offset.saturating_add(size)).contains(&in_file);
        self.segments.iter().find(inside).map(|(offset, _, address)| in_file - offset + address)
    }

    fn symbol(&self, address: u64) -> Option<(String, u64)> {
        let behind = self.symbols.partition_point(|s| s.0 <= address);
        let (start, size, name) = self.symbols[..behind].last()?;
        let offset = address - start;
        // Hand-written functions may have no size; the next symbol ends them.
        (offset < *size || *size == 0).then(|| (name.clone(), offset))
    }
}

/// The functions among symbols: address, size, name. The second names that `dtrace -G` gives are nobody's.
fn functions<'a, S: ObjectSymbol<'a>>(symbols: impl Iterator<Item = S>) -> Vec<(u64, u64, String)> {
    symbols
        .filter(|s| s.kind() == SymbolKind::Text && s.is_definition())
        .filter_map(|s| Some((s.address(), s.size(), s.name().ok()?.to_string())))
        .filter(|(_, _, name)| !is_alias(name))
        .collect()
}

/// The functions of the separate file of a build, as the process has it or as everybody does.
fn separate(root: &str, build: &[u8]) -> Option<Vec<(u64, u64, String)>> {
    let (first, rest) = build.split_first()?;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let path = format!("{DEBUG}/{first:02x}/{}.debug", hex(rest));
    let file = super::open(&format!("{root}{path}")).or_else(|_| super::open(&path)).ok()?;
    let cache = ReadCache::new(file);
    let elf = object::File::parse(&cache).ok()?;
    // It must say of itself that it is of this build.
    (elf.build_id().ok()? == Some(build)).then(|| functions(elf.symbols()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_stripped_file_has_its_functions_elsewhere() {
        let place = std::env::temp_dir().join(format!("dtrace-build-id-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let (source, program) = (place.join("a.c"), place.join("a"));
        fs::write(&source, "static int __attribute__((noinline, used)) hidden(int n) { return n; } int main(void) { return 0; }").unwrap();
        let run = |program: &str, words: &[&str]| {
            Command::new(program)
                .args(words)
                .current_dir(&place)
                .status()
                .is_ok_and(|status| status.success())
        };
        if !run("cc", &["-Wl,--build-id=sha1", "a.c", "-o", "a"]) || !run("strip", &["-o", "b", "a"]) {
            fs::remove_dir_all(&place).unwrap();
            return println!("skipped: there is no compiler (cc, strip)");
        }
        let bytes = fs::read(&program).unwrap();
        let build = object::File::parse(&*bytes).unwrap().build_id().unwrap().unwrap().to_vec();
        let hex: String = build.iter().map(|b| format!("{b:02x}")).collect();
        let read = || {
            let file = fs::File::open(place.join("b")).unwrap();
            let symbols = File::read(file, place.to_str().unwrap()).unwrap().symbols;
            symbols.into_iter().map(|(_, _, name)| name).collect::<Vec<_>>()
        };
        assert!(!read().contains(&"hidden".to_owned()));
        let debug = place.join(format!("usr/lib/debug/.build-id/{}", &hex[..2]));
        fs::create_dir_all(&debug).unwrap();
        let separate = debug.join(format!("{}.debug", &hex[2..]));
        fs::copy(&program, &separate).unwrap();
        assert!(read().contains(&"hidden".to_owned()));
        // One of another build is none.
        let at = bytes.windows(build.len()).position(|window| window == build).unwrap();
        let mut other = bytes.clone();
        other[at] ^= 1;
        fs::write(&separate, other).unwrap();
        assert!(!read().contains(&"hidden".to_owned()));
        fs::remove_dir_all(&place).unwrap();
    }
}
