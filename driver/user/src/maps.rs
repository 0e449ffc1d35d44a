//! What traced processes had mapped: noted where it is about to go, at the entry of an exec and at the exit.
//!
//! Who names the addresses of a process asks when it is gone. The tracer is the last to see it, and keeps what it sees for a
//! while: the lines of its maps that have code.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::{Mutex, PoisonError};

/// The most processes whose notes are kept.
const PROCESSES: usize = 4096;

/// The most bytes that are kept of one.
const BYTES: usize = 64 << 10;

#[derive(Default)]
struct Notes {
    of: HashMap<u32, Vec<u8>>,
    /// The processes in the order in which they were first noted.
    order: VecDeque<u32>,
}

static NOTES: Mutex<Option<Notes>> = Mutex::new(None);

/// Takes note of what a process has mapped. It is stopped.
pub(crate) fn note(pid: u32) {
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let has_code =
        |line: &&[u8]| line.split(|&b| b == b' ').nth(1).is_some_and(|flags| flags.contains(&b'x'));
    let mut lines: Vec<u8> =
        maps.split_inclusive(|&b| b == b'\n').filter(has_code).flatten().copied().collect();
    if lines.is_empty() {
        return;
    }
    let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    let notes = notes.get_or_insert_default();
    if let Some(before) = notes.of.get(&pid) {
        lines.extend_from_slice(before);
        lines.truncate(BYTES.max(lines.len() - before.len()));
    } else {
        notes.order.push_back(pid);
    }
    notes.of.insert(pid, lines);
    if notes.order.len() > PROCESSES
        && let Some(oldest) = notes.order.pop_front()
    {
        notes.of.remove(&oldest);
    }
}

/// What was noted of a process that was traced: lines as of /proc/PID/maps, the newest first.
#[must_use]
pub fn noted_maps(pid: u32) -> Vec<u8> {
    let notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    notes.as_ref().and_then(|notes| notes.of.get(&pid)).cloned().unwrap_or_default()
}
