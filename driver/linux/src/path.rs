//! `d_path()` in probe context: the path of a `struct file`, from its directory entry up to the root of the current process.
//!
//! The kernel's own d_path takes locks (of renames, of mounts) that the interrupted code may hold, so the entries are walked
//! here, by loads that do not fault and without any lock. A rename that happens meanwhile may mix two paths, and nothing
//! worse: the steps are bounded and every address is an allegation.

use crate::ffi;

/// The most entries and mounts that are walked.
const STEPS: usize = 256;
/// The longest name of a directory entry.
const NAME_MAX: u64 = 255;

/// Magic numbers of the file systems whose files have no path.
const PIPEFS: u64 = 0x5049_5045;
const SOCKFS: u64 = 0x534f_434b;
const ANON_INODE_FS: u64 = 0x0904_1934;

/// A path that is built from its end, in the memory where it will be.
struct Path<'a> {
    room: &'a mut [u8],
    /// Where it begins so far.
    at: usize,
}

impl Path<'_> {
    /// Puts a text before what there is. False if there is no room: what fits is kept, the end of the path that is.
    fn prepend(&mut self, text: &[u8]) -> bool {
        let take = text.len().min(self.at);
        let Some(text) = text.get(text.len() - take..) else { return false };
        if let Some(to) = self.room.get_mut(self.at - take..self.at) {
            to.copy_from_slice(text);
            self.at -= take;
        }
        self.at != 0
    }

    /// Puts a name of the kernel's before what there is.
    fn prepend_name(&mut self, entry: &ffi::host_entry) -> Option<bool> {
        let mut name = [0; NAME_MAX as usize];
        let name = name.get_mut(..entry.len.min(NAME_MAX) as usize)?;
        // SAFETY: the destination is a live slice; the source is checked by the kernel's no-fault copy.
        if unsafe { ffi::host_load_kernel(name.as_mut_ptr().cast(), entry.name, name.len()) } != 0 {
            return None;
        }
        Some(self.prepend(name))
    }

    /// Puts a number before what there is.
    fn prepend_number(&mut self, number: u64) {
        let mut rest = number;
        loop {
            self.prepend(&[b'0' + (rest % 10) as u8]);
            rest /= 10;
            if rest == 0 {
                return;
            }
        }
    }

    /// Moves it to the beginning of its memory and ends it with a NUL; its length.
    fn finish(self) -> usize {
        let len = self.room.len().saturating_sub(1).saturating_sub(self.at);
        self.room.copy_within(self.at..self.at + len, 0);
        if let Some(end) = self.room.get_mut(len) {
            *end = 0;
        }
        len
    }
}

fn entry_at(address: u64) -> Option<ffi::host_entry> {
    let mut entry = ffi::host_entry { parent: 0, name: 0, len: 0, magic: 0, inode: 0, hashed: false };
    // SAFETY: the structure is live; the address is checked by the kernel's no-fault copy.
    unsafe { ffi::host_entry(address, &raw mut entry) }.then_some(entry)
}

fn mount_at(address: u64) -> Option<ffi::host_mount> {
    let mut mount = ffi::host_mount { root: 0, parent: 0, mountpoint: 0 };
    // SAFETY: as in `entry_at`.
    unsafe { ffi::host_mount(address, &raw mut mount) }.then_some(mount)
}

/// The path of the `struct file` at an address, NUL-terminated into `out`; its length. None for what is no file.
pub(crate) fn of_file(file: u64, out: &mut [u8]) -> Option<usize> {
    let mut place = ffi::host_place { mount: 0, entry: 0 };
    let mut top = ffi::host_place { mount: 0, entry: 0 };
    // SAFETY: the structures are live; the address is checked by the kernel's no-fault copy.
    unsafe {
        if !ffi::host_file_place(file, &raw mut place) {
            return None;
        }
        // A thread that is about to end has no root any more: then it is the first mount's.
        ffi::host_root_place(&raw mut top);
    }
    let mut path = Path { at: out.len().checked_sub(1)?, room: out };
    let first = entry_at(place.entry)?;
    let is_root = first.parent == place.entry;
    if is_root && mount_at(place.mount)?.parent == place.mount && nameless(&first, &mut path) {
        return Some(path.finish());
    }
    if !first.hashed && !is_root {
        path.prepend(b" (deleted)");
    }
    let ends_at = path.at;
    for _ in 0..STEPS {
        if place.mount == top.mount && place.entry == top.entry {
            break;
        }
        let mount = mount_at(place.mount)?;
        let entry = entry_at(place.entry)?;
        if place.entry == mount.root || entry.parent == place.entry {
            if mount.parent == place.mount {
                break;
            }
            place = ffi::host_place { mount: mount.parent, entry: mount.mountpoint };
            continue;
        }
        if !(path.prepend_name(&entry)? && path.prepend(b"/")) {
            break;
        }
        place.entry = entry.parent;
    }
    if path.at == ends_at {
        path.prepend(b"/");
    }
    Some(path.finish())
}

/// What stands for the path of a file that has none: `pipe:[inode]`, `socket:[inode]`, `anon_inode:name`. False if it is not
/// one of these.
fn nameless(entry: &ffi::host_entry, path: &mut Path<'_>) -> bool {
    let kind: &[u8] = match entry.magic {
        PIPEFS => b"pipe:[",
        SOCKFS => b"socket:[",
        ANON_INODE_FS => {
            path.prepend_name(entry);
            path.prepend(b"anon_inode:");
            return true;
        }
        _ => return false,
    };
    path.prepend(b"]");
    path.prepend_number(entry.inode);
    path.prepend(kind);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn built(room: usize, parts: &[&[u8]]) -> Vec<u8> {
        let mut memory = vec![0xff; room];
        let mut path = Path { at: room - 1, room: &mut memory };
        for part in parts {
            path.prepend(part);
        }
        let len = path.finish();
        assert_eq!(memory[len], 0);
        memory.truncate(len);
        memory
    }

    #[test]
    fn a_path_is_built_from_its_end() {
        assert_eq!(built(32, &[b"passwd", b"/", b"etc", b"/"]), b"/etc/passwd");
    }

    #[test]
    fn of_a_path_that_is_too_long_the_end_is_kept() {
        assert_eq!(built(8, &[b"passwd", b"/", b"etc", b"/"]), b"/passwd");
        assert_eq!(built(5, &[b"passwd"]), b"sswd");
    }

    #[test]
    fn a_number_is_put_before() {
        let mut memory = [0; 16];
        let mut path = Path { at: 15, room: &mut memory };
        path.prepend(b"]");
        path.prepend_number(4026);
        path.prepend_number(0);
        let len = path.finish();
        assert_eq!(&memory[..len], b"04026]");
    }
}
