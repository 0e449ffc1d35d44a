//! Images in pieces: bent one section at a time and laid out anew, so that what is wrong is one thing and not the sizes and
//! offsets of all. (Bytes that are changed blindly end at the header's checks.)

use dtrace_abi::dof::*;
use dtrace_abi::{DofActDesc, DofHdr, DofSec, Plain, action, agg, dif};

use crate::code;
use crate::input::Input;

/// An image taken apart.
#[derive(Clone, Debug)]
pub struct Sections {
    header: DofHdr,
    parts: Vec<(DofSec, Vec<u8>)>,
}

/// Marsaglia's xorshift64*.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that this one leads to.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One below a limit; 0 below 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.draw() >> 16) as usize % limit.max(1)
    }
}

/// No more sections than this are kept.
const MOST: usize = 128;

impl Sections {
    /// Takes an image apart, as far as it can be.
    #[must_use]
    pub fn parse(image: &[u8]) -> Option<Sections> {
        let header = DofHdr::from_bytes(image)?;
        let count = (header.secnum as usize).min(MOST);
        let mut parts = Vec::new();
        for n in 0..count {
            let at =
                usize::try_from(header.secoff).ok()?.checked_add(n.checked_mul(header.secsize as usize)?)?;
            let section = DofSec::from_bytes(image.get(at..)?)?;
            let range = usize::try_from(section.offset).ok().zip(usize::try_from(section.size).ok());
            let data = range.and_then(|(from, size)| image.get(from..)?.get(..size));
            parts.push((section, data.unwrap_or_default().to_vec()));
        }
        (!parts.is_empty()).then_some(Sections { header, parts })
    }

    /// Lays the sections out, each aligned as it says.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut header = self.header;
        let table = size_of::<DofSec>() * self.parts.len();
        header.secnum = self.parts.len() as u32;
        header.secsize = size_of::<DofSec>() as u32;
        header.secoff = size_of::<DofHdr>() as u64;
        let mut image = vec![0; size_of::<DofHdr>() + table];
        let mut at = size_of::<DofHdr>();
        for (section, data) in &self.parts {
            image.resize(image.len().next_multiple_of(section.align.clamp(1, 64) as usize), 0);
            let placed = DofSec { offset: image.len() as u64, size: data.len() as u64, ..*section };
            image[at..at + size_of::<DofSec>()].copy_from_slice(placed.as_bytes());
            at += size_of::<DofSec>();
            image.extend_from_slice(data);
        }
        header.loadsz = image.len() as u64;
        header.filesz = header.loadsz;
        image[..size_of::<DofHdr>()].copy_from_slice(header.as_bytes());
        image
    }

    /// A word that is likely to be an index, an offset, a size.
    fn word(&self, random: &mut Random) -> u32 {
        match random.below(8) {
            0 => random.draw() as u32,
            1 => SECIDX_NONE,
            2 => random.below(256) as u32,
            3 => 1 << random.below(32),
            4 => u32::MAX - random.below(16) as u32,
            _ => random.below(self.parts.len() + 1) as u32,
        }
    }

    /// Bends one thing. `bytes` bends bytes blindly: what it is given, with that much of it in use.
    pub fn bend(&mut self, random: &mut Random, bytes: &mut dyn FnMut(&mut [u8], usize) -> usize) {
        let which = random.below(self.parts.len());
        let word = self.word(random);
        match random.below(12) {
            0 | 1 => {
                let data = &mut self.parts[which].1;
                let used = data.len();
                data.resize(used + 1 + random.below(64), 0);
                let used = bytes(data, used);
                data.truncate(used);
            }
            2 | 3 => self.put_word(which, random, word),
            4 | 5 => self.bend_by_type(which, random),
            6 => self.bend_header_of(which, random, word),
            7 if self.parts.len() < MOST => {
                let copy = self.parts[which].clone();
                self.parts.push(copy);
            }
            8 if self.parts.len() > 1 => drop(self.parts.remove(which)),
            9 => {
                let other = random.below(self.parts.len());
                self.parts[which].1 = self.parts[other].1.clone();
            }
            10 => {
                // A run of entries once more.
                let (section, data) = &mut self.parts[which];
                let entry = (section.entsize as usize).clamp(1, 64);
                if data.len() >= entry && data.len() < 1 << 14 {
                    let from = random.below(data.len() / entry) * entry;
                    let copy = data[from..from + entry].to_vec();
                    data.extend_from_slice(&copy);
                }
            }
            _ => {
                let at = random.below(ID_SIZE);
                match random.below(3) {
                    0 => self.header.ident[at] = random.below(10) as u8,
                    1 => self.header.flags = word,
                    _ => self.header.ident[ID_VERSION] = 1 + random.below(2) as u8,
                }
            }
        }
    }

    fn put_word(&mut self, which: usize, random: &mut Random, word: u32) {
        let data = &mut self.parts[which].1;
        let at = random.below(data.len() / 4) * 4;
        if let Some(place) = data.get_mut(at..at + 4) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
    }

    fn bend_header_of(&mut self, which: usize, random: &mut Random, word: u32) {
        let section = &mut self.parts[which].0;
        match random.below(4) {
            0 => section.kind = random.below(SECT_MAX as usize + 2) as u32,
            1 => section.align = word,
            2 => section.flags = word,
            _ => section.entsize = [0, 1, 4, 8, 16, 20, 24, 32, 48, word][random.below(10)],
        }
    }

    fn bend_by_type(&mut self, which: usize, random: &mut Random) {
        let kind = self.parts[which].0.kind;
        let data = &mut self.parts[which].1;
        match kind {
            SECT_DIF => {
                let seed = [random.draw(), random.draw(), random.draw()].map(u64::to_le_bytes).concat();
                let len = data.len() / 4;
                let at = random.below(len);
                let instruction = code::instruction(&mut Input::new(&seed), at, len.saturating_sub(1), 8);
                let new = instruction.as_bytes();
                match random.below(4) {
                    0 if len < 4096 => drop(data.splice(at * 4..at * 4, new.iter().copied())),
                    1 if len > 1 => drop(data.drain(at * 4..at * 4 + 4)),
                    _ if len > 0 => data[at * 4..at * 4 + 4].copy_from_slice(new),
                    _ => data.extend_from_slice(new),
                }
            }
            SECT_ACTDESC => {
                let at = random.below(data.len() / size_of::<DofActDesc>()) * size_of::<DofActDesc>();
                let Some(mut action) = data.get(at..).and_then(DofActDesc::from_bytes) else { return };
                let kinds = [
                    agg::COUNT + random.below(9) as u32,
                    action::PRINTF,
                    action::DIFEXPR,
                    action::USTACK,
                    action::SPECULATE + random.below(3) as u32,
                    (random.below(8) as u32) << 8 | random.below(8) as u32,
                ];
                match random.below(4) {
                    0 => action.kind = kinds[random.below(kinds.len())],
                    1 => action.ntuple = random.below(6) as u32,
                    2 => action.arg = random.draw() >> random.below(64),
                    _ => action.difo = random.below(MOST) as u32,
                }
                data[at..at + size_of::<DofActDesc>()].copy_from_slice(action.as_bytes());
            }
            SECT_VARTAB => {
                let at = random.below(data.len() / size_of::<dtrace_abi::DifVar>())
                    * size_of::<dtrace_abi::DifVar>();
                let Some(mut var) = data.get(at..).and_then(dtrace_abi::DifVar::from_bytes) else { return };
                match random.below(6) {
                    0 => var.kind = random.below(3) as u8,
                    1 => var.scope = random.below(4) as u8,
                    2 => var.flags = random.below(8) as u16,
                    3 => var.id = dif::VAR_OTHER_UBASE + random.below(4) as u32,
                    4 => var.ty.size = random.draw() as u32 >> random.below(32),
                    _ => var.ty.flags ^= dif::TF_BYREF,
                }
                data[at..at + size_of::<dtrace_abi::DifVar>()].copy_from_slice(var.as_bytes());
            }
            _ => {
                let word = self.word(random);
                self.put_word(which, random, word);
            }
        }
    }
}
