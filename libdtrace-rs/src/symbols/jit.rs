//! Code that a process has made itself, as it tells perf: `/tmp/perf-PID.map`, a line `start size name` for each function.

use std::cell::RefCell;
use std::io::Read;
use std::time::{Duration, Instant};

/// How long a map is taken as it was.
const STALE: Duration = Duration::from_millis(200);

/// More of a map is not read.
const MOST: u64 = 64 << 20;

/// The functions that a process has made.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Where the map may be.
    paths: Vec<String>,
    known: RefCell<Option<(Instant, Functions)>>,
}

/// Start, size and name, by start; of equal ones the newest last.
type Functions = Vec<(u64, u64, String)>;

impl Made {
    /// The functions of a process: as everybody knows it, and as it knows itself.
    pub(super) fn new(pid: u32, inner: u32) -> Made {
        // When the process is gone its map may still be there, but its root is not.
        let paths = vec![format!("/proc/{pid}/root/tmp/perf-{inner}.map"), format!("/tmp/perf-{pid}.map")];
        Made { paths, known: RefCell::default() }
    }

    /// The function that an address is in, and how far behind its start it is.
    pub(super) fn at(&self, address: u64) -> Option<(String, u64)> {
        let mut known = self.known.borrow_mut();
        let old = known.as_ref().is_none_or(|(read, _)| read.elapsed() > STALE);
        let found = known.as_ref().and_then(|(_, functions)| find(functions, address));
        if found.is_some() || !old {
            return found;
        }
        let read = |path: &String| {
            let mut bytes = Vec::new();
            super::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        let text = self.paths.iter().find_map(read);
        let functions = text
            .map(|bytes| parse(&String::from_utf8_lossy(&bytes)))
            .or_else(|| known.take().map(|(_, functions)| functions));
        let functions = functions.unwrap_or_default();
        let found = find(&functions, address);
        *known = Some((Instant::now(), functions));
        found
    }
}

fn parse(text: &str) -> Functions {
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
        let (start, size) = (hex(words.next()?)?, hex(words.next()?)?);
        Some((start, size, words.next()?.to_owned()))
    };
    let mut functions: Functions = text.lines().filter_map(line).collect();
    functions.sort_by_key(|f| f.0);
    functions
}

fn find(functions: &Functions, address: u64) -> Option<(String, u64)> {
    let behind = functions.partition_point(|f| f.0 <= address);
    let (start, size, name) = functions[..behind].last()?;
    (address - start < *size).then(|| (name.clone(), address - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_what_it_spans() {
        let functions = parse("3000 10 Later::run\n1000 20 first\nbad\n1000 30 LazyCompile:~f /a b.js:1\n");
        let at = |address| find(&functions, address);
        assert_eq!(at(0x1000), Some(("LazyCompile:~f /a b.js:1".into(), 0)));
        assert_eq!(at(0x102f), Some(("LazyCompile:~f /a b.js:1".into(), 0x2f)));
        assert_eq!(at(0x3004), Some(("Later::run".into(), 4)));
        assert_eq!((at(0xfff), at(0x1030), at(0x3010)), (None, None, None));
    }
}
