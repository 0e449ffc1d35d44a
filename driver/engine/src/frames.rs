//! The user stack by frame pointers.
//!
//! A frame is two words: the caller's frame pointer, then the return address. Code that was compiled without frame pointers
//! is left out of the walk, or ends it; it cannot do more, because each step is checked and the steps are bounded by the room
//! for them. Both hosts walk with this.

use crate::host::BadAddress;

/// Fills `out` with the program counter and the return addresses above it, innermost first; how many there are. `word` is
/// the size of a pointer of the walked code: 8 or 4. Probe context.
pub fn walk(
    pc: u64,
    fp: u64,
    word: usize,
    out: &mut [u64],
    load: impl Fn(u64, &mut [u8]) -> Result<(), BadAddress>,
) -> usize {
    let (mut pc, mut fp) = (pc, fp);
    let mut len = 0;
    for slot in out.iter_mut() {
        *slot = pc;
        len += 1;
        let mut frame = [0; 16];
        let Some(bytes) = frame.get_mut(..2 * word) else { break };
        if fp == 0 || load(fp, bytes).is_err() {
            break;
        }
        let (next, back) = match word {
            4 => (word32(&frame, 0), word32(&frame, 4)),
            _ => (word64(&frame, 0), word64(&frame, 8)),
        };
        // Frames lie towards higher addresses, and the outermost one has none above it; anything else is no chain of frames.
        if (next <= fp && next != 0) || back == 0 {
            break;
        }
        (fp, pc) = (next, back);
    }
    len
}

fn word64(frame: &[u8; 16], at: usize) -> u64 {
    frame.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn word32(frame: &[u8; 16], at: usize) -> u64 {
    frame
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: u64 = 0x1000;

    fn memory(bytes: &[u8]) -> impl Fn(u64, &mut [u8]) -> Result<(), BadAddress> + '_ {
        move |addr, to| {
            let from = addr.checked_sub(STACK).ok_or(BadAddress)? as usize;
            to.copy_from_slice(bytes.get(from..from + to.len()).ok_or(BadAddress)?);
            Ok(())
        }
    }

    fn stack<const N: usize>(words: [u64; N], word: usize) -> Vec<u8> {
        words.iter().flat_map(|value| value.to_le_bytes()[..word].to_vec()).collect()
    }

    #[test]
    fn frames_are_followed_outwards() {
        for word in [8, 4] {
            let size = 2 * word as u64;
            let bytes = stack([STACK + size, 0x20, STACK + 2 * size, 0x30, 0, 0x40], word);
            let mut out = [0; 8];
            let len = walk(0x10, STACK, word, &mut out, memory(&bytes));
            assert_eq!((len, &out[..4]), (4, &[0x10, 0x20, 0x30, 0x40][..]), "{word}");
        }
    }

    #[test]
    fn a_frame_pointer_that_is_none_ends_the_walk() {
        let mut out = [0; 4];
        assert_eq!(walk(0x10, 0, 8, &mut out, memory(&[])), 1);
        assert_eq!(walk(0x10, 0xdead_0000, 8, &mut out, memory(&[])), 1);
        // One that points to itself, or downwards, would never end.
        let bytes = stack([STACK, 0x20], 8);
        assert_eq!(walk(0x10, STACK, 8, &mut out, memory(&bytes)), 1);
        assert_eq!(out[0], 0x10);
    }

    #[test]
    fn no_more_frames_are_written_than_there_is_room_for() {
        let bytes = stack([STACK + 16, 0x20, STACK + 32, 0x30, 0, 0], 8);
        let mut out = [0; 2];
        assert_eq!(walk(0x10, STACK, 8, &mut out, memory(&bytes)), 2);
        assert_eq!(walk(0x10, STACK, 8, &mut [], memory(&bytes)), 0);
    }
}
