//! Stacks and addresses as names.

use std::io::{self, Write};

use dtrace_abi::action::{self, UstackArg};

use super::distribution::words;
use crate::symbols::Symbolizer;

/// Columns before a frame when nobody says how many.
pub const INDENT: usize = 14;

/// The most columns before a frame: widths have 16 bits.
pub const MOST_INDENT: usize = u16::MAX as usize;

/// The frames of a kernel stack.
pub fn kernel_frames(data: &[u8]) -> impl Iterator<Item = u64> {
    words(data).into_iter().map(i64::cast_unsigned).take_while(|&pc| pc != 0)
}

/// Prints a kernel stack: a line for each frame, and an empty one before.
pub fn kernel(out: &mut dyn Write, data: &[u8], indent: usize, symbols: &dyn Symbolizer) -> io::Result<()> {
    out.write_all(b"\n")?;
    for pc in kernel_frames(data) {
        match symbols.kernel(pc) {
            Some(place) => writeln!(out, "{:indent$}{place}", "")?,
            None => writeln!(out, "{:indent$}0x{pc:x}", "")?,
        }
    }
    Ok(())
}

/// A frame of a user stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The address.
    pub pc: u64,
    /// What a helper calls it.
    pub name: Option<String>,
    /// What a helper adds to it.
    pub note: Option<String>,
}

/// The process of a user stack and its frames. Its first word is the process. Behind the frames may stand strings for those
/// that a helper knew: the number of a frame's string is its place among them, and an empty one is none. A string stands in
/// the place of the frame's name; one that begins with `@` is a note.
pub fn user_frames(data: &[u8], arg: u64) -> (u32, Vec<Frame>) {
    let words = words(data);
    let Some((&pid, rest)) = words.split_first() else { return (0, Vec::new()) };
    let count = (UstackArg::unpack(arg).nframes as usize).min(rest.len());
    let mut strings = data.get((count + 1) * 8..).unwrap_or(&[]);
    let mut frames = Vec::new();
    for &pc in rest[..count].iter().take_while(|&&pc| pc != 0) {
        let end = strings.iter().position(|&b| b == 0).unwrap_or(strings.len());
        let (helped, behind) = strings.split_at(end);
        strings = behind.get(1..).unwrap_or(&[]);
        let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
        let (name, note) = match helped {
            [b'@', note @ ..] => (None, text(note)),
            [] => (None, None),
            name => (text(name), None),
        };
        frames.push(Frame { pc: pc.cast_unsigned(), name, note });
    }
    (pid as u32, frames)
}

/// Prints a user stack: a line for each frame, and below it what a helper adds, in brackets.
pub fn user(
    out: &mut dyn Write,
    data: &[u8],
    arg: u64,
    indent: usize,
    symbols: &dyn Symbolizer,
) -> io::Result<()> {
    out.write_all(b"\n")?;
    let (pid, frames) = user_frames(data, arg);
    for Frame { pc, name, note } in frames {
        if let Some(name) = name {
            writeln!(out, "{:indent$}{name}", "")?;
        } else if let Some(place) = symbols.user(pid, pc) {
            writeln!(out, "{:indent$}{place}", "")?;
        } else {
            writeln!(out, "{:indent$}0x{pc:x}", "")?;
        }
        if let Some(note) = note {
            writeln!(out, "{:indent$}  [ {note} ]", "")?;
        }
    }
    Ok(())
}

/// The name of the address that `sym`, `mod`, `usym`, `umod` or `uaddr` recorded.
pub fn place(kind: u32, data: &[u8], symbols: &dyn Symbolizer) -> String {
    let words = words(data);
    let word = |n: usize| words.get(n).copied().unwrap_or(0).cast_unsigned();
    let (address, found) = match kind {
        action::SYM | action::MOD => (word(0), symbols.kernel(word(0))),
        _ => (word(1), symbols.user(word(0) as u32, word(1))),
    };
    let Some(mut place) = found else { return format!("0x{address:x}") };
    match kind {
        action::MOD | action::UMOD => place.object,
        action::SYM | action::USYM => {
            if let Some((_, offset)) = &mut place.symbol {
                *offset = 0;
            }
            place.to_string()
        }
        _ => place.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::Place;

    struct Two;

    impl Symbolizer for Two {
        fn kernel(&self, address: u64) -> Option<Place> {
            let symbol = Some(("vfs_read".to_string(), address & 0xf));
            (address & !0xf == 0x1000).then(|| Place { object: "kernel".into(), symbol, address })
        }

        fn user(&self, pid: u32, address: u64) -> Option<Place> {
            (pid == 7).then(|| Place { object: "sleep".into(), symbol: None, address })
        }
    }

    fn data(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    #[test]
    fn a_stack_ends_at_its_first_empty_frame() {
        let mut out = Vec::new();
        kernel(&mut out, &data(&[0x1000, 0x1004, 0x2000, 0, 0x1000]), 4, &Two).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\n    kernel`vfs_read\n    kernel`vfs_read+0x4\n    0x2000\n"
        );
    }

    #[test]
    fn a_user_stack_begins_with_its_process_and_may_end_with_strings() {
        let mut out = Vec::new();
        user(&mut out, &data(&[7, 0x10, 0x20, 0]), 3, 0, &Two).unwrap();
        assert_eq!(out, b"\nsleep`0x10\nsleep`0x20\n");
        let mut bytes = data(&[8, 0x10, 0x20]);
        bytes.extend(b"\0Main.run\0\0\0\0\0\0\0");
        let mut out = Vec::new();
        user(&mut out, &bytes, UstackArg { nframes: 2, strsize: 16 }.pack(), 0, &Two).unwrap();
        assert_eq!(out, b"\n0x10\nMain.run\n");
    }

    #[test]
    fn a_helper_s_note_stands_below_its_frame() {
        let mut bytes = data(&[7, 0x10, 0x20]);
        bytes.extend(b"@main.py:7 (run)\0Main.run\0\0\0\0\0\0\0");
        let mut out = Vec::new();
        user(&mut out, &bytes, UstackArg { nframes: 2, strsize: 32 }.pack(), 4, &Two).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\n    sleep`0x10\n      [ main.py:7 (run) ]\n    Main.run\n"
        );
    }

    #[test]
    fn an_address_is_a_symbol_a_module_or_itself() {
        assert_eq!(place(action::SYM, &data(&[0x1004]), &Two), "kernel`vfs_read");
        assert_eq!(place(action::MOD, &data(&[0x1004]), &Two), "kernel");
        assert_eq!(place(action::SYM, &data(&[0x10]), &Two), "0x10");
        assert_eq!(place(action::UADDR, &data(&[7, 0x10]), &Two), "sleep`0x10");
        assert_eq!(place(action::UMOD, &data(&[8, 0x10]), &Two), "0x10");
    }
}
