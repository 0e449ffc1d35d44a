//! The symbols of processes: their maps, and what is known of what is mapped there.
//!
//! A process is looked at when an address of it is first asked for, and again when an address is in no mapping that is known,
//! but not more often than a few times a second: what it has mapped meanwhile is found then. What was learnt stays when
//! the process is gone. Files are read once, by the file they are and not by their names, when an address in them is asked for,
//! and as the process sees them: it may have a root and mounts of its own. A file that has no name any more is held from the moment
//! it is seen.
//!
//! Addresses are mostly asked for at the end of tracing, and processes that were started for it are gone by then. So their maps are
//! taken note of while they live ([`UserSymbols::remember`]): soon after their start, and then ever less often. Those that the
//! embedded engine traces are noted at their ends, too, by their tracer.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Place;
use super::elf::File;
use super::jit::Made;

/// How long the maps of a process are taken as they were.
const STALE: Duration = Duration::from_millis(200);

/// How soon after its start a process has mapped what it begins with.
const SOON: Duration = Duration::from_millis(5);

/// The most files without a name that are held: each takes a descriptor.
const HELD: usize = 128;

/// The most processes that are known at a time.
const PROCESSES: usize = 4096;

/// The name of the code that the kernel maps into every process.
const VDSO: &str = "[vdso]";

/// The symbols of processes that have been asked for.
#[derive(Debug, Default)]
pub(super) struct UserSymbols {
    processes: RefCell<HashMap<u32, Process>>,
    files: RefCell<HashMap<(u64, u64), Known>>,
    /// How many files are held.
    held: Rc<Cell<usize>>,
    /// How often a process has been asked for.
    asked: Cell<u64>,
    vdso: OnceCell<Option<Rc<File>>>,
}

#[derive(Debug)]
struct Process {
    mappings: Vec<Mapping>,
    /// What it has made itself.
    made: Made,
    read: Instant,
    /// How much its tracer had noted of it then.
    noted: usize,
    /// How long until its maps are worth another note.
    rest: Duration,
    /// When it was asked for, in terms of how often any was.
    asked: u64,
}

/// A mapping with code.
#[derive(Debug)]
struct Mapping {
    start: u64,
    end: u64,
    offset: u64,
    name: String,
    of: Of,
}

/// What is mapped.
#[derive(Debug)]
enum Of {
    /// A file: where it is, for the process and for everybody, the root of the process, and which file it is.
    File { known: Known, paths: [String; 2], root: String, inode: u64 },
    /// What the kernel maps.
    Vdso,
    /// Memory of the process.
    Memory,
}

/// A file that is read when it is asked for.
type Known = Rc<Lazy>;

#[derive(Debug, Default)]
struct Lazy {
    /// The open file, where it has no name.
    held: RefCell<Option<Held>>,
    file: OnceCell<File>,
}

/// An open file, counted.
#[derive(Debug)]
struct Held {
    file: Option<fs::File>,
    count: Rc<Cell<usize>>,
}

impl Held {
    fn new(file: fs::File, count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Held { file: Some(file), count: count.clone() }
    }

    /// The file, which is held no longer.
    fn release(mut self) -> Option<fs::File> {
        self.file.take()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
    }
}

impl UserSymbols {
    /// The place of an address in a process.
    pub(super) fn at(&self, pid: u32, address: u64) -> Option<Place> {
        let mut processes = self.processes.borrow_mut();
        if !processes.contains_key(&pid) {
            self.make_room(&mut processes);
        }
        let process = processes.entry(pid).or_insert_with(|| self.read(pid));
        process.asked = self.now();
        let found = process.find(address).is_some();
        let noted = || dtrace_user::noted_maps(pid).len() != process.noted;
        if !found && (process.read.elapsed() > STALE || noted()) {
            let fresh = self.read(pid);
            if fresh.mappings.is_empty() {
                // It is gone: what is known of it is all there will be.
                process.read = fresh.read;
            } else {
                *process = fresh;
            }
        }
        process.find(address).map(|mapping| self.place(process, mapping, address))
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
            if known.is_none() {
                self.make_room(&mut processes);
            }
            processes.insert(pid, Process { rest, ..fresh });
        }
    }

    /// The number of the next question.
    fn now(&self) -> u64 {
        self.asked.replace(self.asked.get() + 1)
    }

    /// Forgets the half of the processes that was asked for least lately, and the files that only they had mapped, when there
    /// are too many.
    fn make_room(&self, processes: &mut HashMap<u32, Process>) {
        if processes.len() < PROCESSES {
            return;
        }
        let mut times: Vec<u64> = processes.values().map(|process| process.asked).collect();
        let (_, &mut middle, _) = times.select_nth_unstable(PROCESSES / 2);
        processes.retain(|_, process| process.asked >= middle);
        self.files.borrow_mut().retain(|_, file| Rc::strong_count(file) > 1);
    }

    fn read(&self, pid: u32) -> Process {
        let mut maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        // What it has now stands before what it had.
        let before = dtrace_user::noted_maps(pid);
        maps.extend_from_slice(&before);
        let maps = String::from_utf8_lossy(&maps);
        let mappings = maps.lines().filter_map(|line| self.mapping(pid, line)).collect();
        let (made, noted) = (Made::new(pid, inner_pid(pid)), before.len());
        Process { mappings, made, read: Instant::now(), noted, rest: SOON, asked: self.now() }
    }

    /// A line of a process's maps: `start-end flags offset device inode path`.
    fn mapping(&self, pid: u32, line: &str) -> Option<Mapping> {
        let mut fields = line.split_ascii_whitespace();
        let range = fields.next()?;
        let (start, end) = range.split_once('-')?;
        if !fields.next()?.contains('x') {
            return None;
        }
        let (offset, device) = (fields.next()?, fields.next()?);
        let inode: u64 = fields.next()?.parse().ok()?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (start, end, offset) = (hex(start)?, hex(end)?, hex(offset)?);
        let Some(path) = line.find('/').map(|at| &line[at..]).filter(|_| inode != 0) else {
            let of = if line.ends_with(VDSO) { Of::Vdso } else { Of::Memory };
            let name = if line.ends_with(VDSO) { VDSO.to_owned() } else { format!("perf-{pid}.map") };
            return Some(Mapping { start, end, offset, name, of });
        };
        let (major, minor) = device.split_once(':')?;
        let key = (hex(major)? << 32 | hex(minor)?, inode);
        let known = self.files.borrow_mut().entry(key).or_default().clone();
        let (path, deleted) = match path.strip_suffix(" (deleted)") {
            Some(path) => (path, true),
            None => (path, false),
        };
        let free = self.held.get() < HELD && known.file.get().is_none() && known.held.borrow().is_none();
        if deleted && free {
            let file = unnamed(pid, start, end, path);
            *known.held.borrow_mut() = file.map(|file| Held::new(file, &self.held));
        }
        let root = format!("/proc/{pid}/root");
        let paths = [format!("{root}{path}"), path.to_string()];
        let name = path.rsplit('/').next().unwrap_or(path).to_string();
        Some(Mapping { start, end, offset, name, of: Of::File { known, paths, root, inode } })
    }

    fn place(&self, process: &Process, mapping: &Mapping, address: u64) -> Place {
        let in_file = address - mapping.start + mapping.offset;
        let symbol = match &mapping.of {
            Of::File { known, paths, root, inode } => known.read(paths, root, *inode).at(in_file),
            Of::Vdso => self.vdso().and_then(|file| file.at(address - mapping.start)),
            Of::Memory => None,
        };
        // Code may be made in a file without a name, too.
        let symbol = symbol.or_else(|| process.made.at(address).filter(|_| !matches!(mapping.of, Of::Vdso)));
        Place { object: mapping.name.clone(), symbol, address }
    }

    /// What the kernel maps into this process, which is what it maps into all of them.
    fn vdso(&self) -> Option<Rc<File>> {
        let read = || {
            let maps = fs::read_to_string("/proc/self/maps").ok()?;
            let line = maps.lines().find(|line| line.ends_with(VDSO))?;
            let (start, end) = line.split_ascii_whitespace().next()?.split_once('-')?;
            let hex = |text: &str| u64::from_str_radix(text, 16).ok();
            let (start, end) = (hex(start)?, hex(end)?);
            let mut memory = fs::File::open("/proc/self/mem").ok()?;
            memory.seek(SeekFrom::Start(start)).ok()?;
            let mut image = vec![0; usize::try_from(end - start).ok()?];
            memory.read_exact(&mut image).ok()?;
            File::of_image(&image).map(Rc::new)
        };
        self.vdso.get_or_init(read).clone()
    }
}

/// What a process calls itself in its own namespace.
fn inner_pid(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.and_then(|line| line.split_ascii_whitespace().last()?.parse().ok()).unwrap_or(pid)
}

/// A file that is mapped and has no name any more: through the mapping, for who may, or as the program of the process.
fn unnamed(pid: u32, start: u64, end: u64, path: &str) -> Option<fs::File> {
    let program = format!("/proc/{pid}/exe");
    let is_program = fs::read_link(&program)
        .is_ok_and(|link| link.to_string_lossy().strip_suffix(" (deleted)").is_some_and(|link| link == path));
    let mapping = fs::File::open(format!("/proc/{pid}/map_files/{start:x}-{end:x}")).ok();
    mapping.or_else(|| fs::File::open(program).ok().filter(|_| is_program))
}

impl Lazy {
    fn read(&self, paths: &[String; 2], root: &str, inode: u64) -> &File {
        self.file.get_or_init(|| {
            let [inside, outside] = paths;
            let held = self.held.take();
            // When the process is gone, and its root with it, a file of that name may be another one.
            let same = |file: &fs::File| file.metadata().is_ok_and(|file| file.ino() == inode);
            let open = || super::open(inside).ok().or_else(|| super::open(outside).ok().filter(same));
            held.and_then(Held::release)
                .or_else(open)
                .and_then(|file| File::read(file, root))
                .unwrap_or_default()
        })
    }
}

impl Process {
    fn find(&self, address: u64) -> Option<&Mapping> {
        self.mappings.iter().find(|m| (m.start..m.end).contains(&address))
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
    fn a_function_that_the_kernel_maps_is_found() {
        // SAFETY: the call takes a number and has no effect.
        let start = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
        if start == 0 {
            return println!("skipped: this kernel maps none");
        }
        // The functions stand behind the tables; some byte of the mapping is in one.
        let symbols = UserSymbols::default();
        let places = (0..0x2000).step_by(16).filter_map(|at| symbols.at(std::process::id(), start + at));
        let named = places.filter_map(|place| Some((place.object, place.symbol?.0)));
        assert!(named.into_iter().any(|(object, name)| object == VDSO && name.contains("clock_gettime")));
    }

    #[test]
    fn the_processes_that_are_known_have_an_end() {
        let symbols = UserSymbols::default();
        let own = std::process::id();
        let address = libc::getppid as *const () as u64;
        assert!(symbols.at(own, address).is_some());
        for gone in 0..PROCESSES as u32 * 2 {
            symbols.at(0x2000_0000 + gone, 16);
            assert!(symbols.processes.borrow().len() <= PROCESSES);
            if gone % 100 == 0 {
                symbols.at(own, address);
            }
        }
        assert!(symbols.processes.borrow().contains_key(&own), "what is asked for is kept");
    }

    #[test]
    fn what_is_not_mapped_or_not_there_has_no_place() {
        let symbols = UserSymbols::default();
        assert_eq!(symbols.at(std::process::id(), 16), None);
        assert_eq!(symbols.at(0x3fff_ffff, 0x1000), None);
    }
}
