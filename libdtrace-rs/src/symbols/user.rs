//! The symbols of processes: their maps, and the symbol tables of the files mapped there.
//!
//! A process is looked at when an address of it is first asked for, and again when an address is in no mapping that is known,
//! but not more often than a few times a second: what it has mapped meanwhile is found then. What was learnt stays when
//! the process is gone. Files are read once, by the file they are and not by their names, when an address in them is asked for.
//!
//! Addresses are mostly asked for at the end of tracing, and processes that were started for it are gone by then. So their maps are
//! taken note of while they live ([`UserSymbols::remember`]): soon after their start, and then ever less often.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

use super::Place;

/// How long the maps of a process are taken as they were.
const STALE: Duration = Duration::from_millis(200);

/// How soon after its start a process has mapped what it begins with.
const SOON: Duration = Duration::from_millis(5);

/// The symbols of processes that have been asked for.
#[derive(Debug, Default)]
pub(super) struct UserSymbols {
    processes: RefCell<HashMap<u32, Process>>,
    files: RefCell<HashMap<(u64, u64), Known>>,
}

#[derive(Debug)]
struct Process {
    mappings: Vec<Mapping>,
    read: Instant,
    /// How long until its maps are worth another note.
    rest: Duration,
}

/// A part of a file that is mapped for running.
#[derive(Debug)]
struct Mapping {
    start: u64,
    end: u64,
    offset: u64,
    name: String,
    /// Where the file is, as the process sees it, and as everybody does.
    paths: [String; 2],
    file: Known,
}

/// A file that is read when it is asked for.
type Known = Rc<OnceCell<File>>;

/// The functions of a file.
#[derive(Debug, Default)]
struct File {
    /// Loadable segments: offset in the file, size, address.
    segments: Vec<(u64, u64, u64)>,
    /// Address, size and name, by address.
    symbols: Vec<(u64, u64, String)>,
}

impl UserSymbols {
    /// The place of an address in a process.
    pub(super) fn at(&self, pid: u32, address: u64) -> Option<Place> {
        let mut processes = self.processes.borrow_mut();
        let process = processes.entry(pid).or_insert_with(|| self.read(pid));
        let found = process.find(address).is_some();
        if !found && process.read.elapsed() > STALE {
            let fresh = self.read(pid);
            if fresh.mappings.is_empty() {
                // It is gone: what is known of it is all there will be.
                process.read = fresh.read;
            } else {
                *process = fresh;
            }
        }
        process.find(address).map(|mapping| mapping.place(address))
    }

    /// Takes note of the maps of a process that lives.
    pub(super) fn remember(&self, pid: u32) {
        let mut processes = self.processes.borrow_mut();
        let known = processes.get(&pid).map(|process| (process.read.elapsed(), process.rest));
        if known.is_some_and(|(elapsed, rest)| elapsed < rest) {
            return;
        }
        let fresh = self.read(pid);
        if !fresh.mappings.is_empty() {
            let rest = known.map_or(SOON, |(_, rest)| (rest * 2).min(STALE));
            processes.insert(pid, Process { rest, ..fresh });
        }
    }

    fn read(&self, pid: u32) -> Process {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let mappings = maps.lines().filter_map(|line| self.mapping(pid, line)).collect();
        Process { mappings, read: Instant::now(), rest: SOON }
    }

    /// A line of a process's maps: `start-end flags offset device inode path`.
    fn mapping(&self, pid: u32, line: &str) -> Option<Mapping> {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let flags = fields.next()?;
        let offset = fields.next()?;
        let device = fields.next()?;
        let inode: u64 = fields.next()?.parse().ok()?;
        let path = line.find('/').map(|at| line[at..].trim_end_matches(" (deleted)"))?;
        if !flags.contains('x') || inode == 0 {
            return None;
        }
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (major, minor) = device.split_once(':')?;
        let key = (hex(major)? << 32 | hex(minor)?, inode);
        let file = self.files.borrow_mut().entry(key).or_default().clone();
        let paths = [format!("/proc/{pid}/root{path}"), path.to_string()];
        let name = path.rsplit('/').next().unwrap_or(path).to_string();
        Some(Mapping { start: hex(start)?, end: hex(end)?, offset: hex(offset)?, name, paths, file })
    }
}

impl Process {
    fn find(&self, address: u64) -> Option<&Mapping> {
        self.mappings.iter().find(|m| (m.start..m.end).contains(&address))
    }
}

impl Mapping {
    fn place(&self, address: u64) -> Place {
        let in_file = address - self.start + self.offset;
        let file = self.file.get_or_init(|| {
            let [inside, outside] = &self.paths;
            File::read(inside).or_else(|| File::read(outside)).unwrap_or_default()
        });
        let symbol = file.address(in_file).and_then(|at| file.symbol(at));
        Place { object: self.name.clone(), symbol, address }
    }
}

impl File {
    /// Reads the symbols of a file.
    fn read(path: &str) -> Option<File> {
        let bytes = fs::read(path).ok()?;
        let elf = object::File::parse(&*bytes).ok()?;
        let segments = elf
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                (offset, size, segment.address())
            })
            .collect();
        let mut symbols: Vec<(u64, u64, String)> = elf
            .symbols()
            .chain(elf.dynamic_symbols())
            .filter(|s| s.kind() == SymbolKind::Text && s.is_definition())
            .filter_map(|s| Some((s.address(), s.size(), s.name().ok()?.to_string())))
            .collect();
        // Of several names of one function the shortest is shown, without leading underscores if there is one.
        symbols.sort_by(|a, b| {
            let plain = |name: &str| (name.starts_with('_'), name.len());
            a.0.cmp(&b.0).then_with(|| plain(&a.2).cmp(&plain(&b.2))).then_with(|| a.2.cmp(&b.2))
        });
        symbols.dedup_by_key(|s| s.0);
        Some(File { segments, symbols })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    extern "C" fn a_function_of_this_test() -> u32 {
        std::hint::black_box(7)
    }

    #[test]
    fn a_function_of_this_process_is_found() {
        a_function_of_this_test();
        let address = a_function_of_this_test as *const () as u64;
        let place = UserSymbols::default().at(std::process::id(), address + 1).unwrap();
        assert!(place.object.starts_with("dtrace_rs"), "{}", place.object);
        let (name, offset) = place.symbol.unwrap();
        assert!(name.contains("a_function_of_this_test"), "{name}");
        assert_eq!(offset, 1);
    }

    #[test]
    fn a_function_of_the_c_library_is_found() {
        let address = libc::getppid as *const () as u64;
        let place = UserSymbols::default().at(std::process::id(), address).unwrap();
        assert_eq!(place.symbol.unwrap().1, 0);
        assert!(place.object.starts_with("libc"), "{}", place.object);
    }

    #[test]
    fn what_is_not_mapped_or_not_there_has_no_place() {
        let symbols = UserSymbols::default();
        assert_eq!(symbols.at(std::process::id(), 16), None);
        assert_eq!(symbols.at(0x3fff_ffff, 0x1000), None);
    }
}
