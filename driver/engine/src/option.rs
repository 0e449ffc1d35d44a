//! The options of a consumer (contract 2.5): defaults, what may be set when, and the image they are read back as.
//!
//! Control data. Options may be set while the consumer is INACTIVE only; GO may change what was set, and DOFGET tells.

use dtrace_abi::option::{self, MAX, OptVal, UNSET};
use dtrace_abi::{DofHdr, DofOptDesc, DofSec, Plain, dof, limit};

use crate::errno::Errno;

/// The options of one consumer.
#[derive(Clone, Debug)]
pub(crate) struct Options([OptVal; MAX as usize]);

/// Bytes of the image that DOFGET answers: header, one section header, and all options (contract 2.1).
pub(crate) const IMAGE_SIZE: usize =
    size_of::<DofHdr>() + size_of::<DofSec>() + MAX as usize * size_of::<DofOptDesc>();

/// The largest strings of a consumer that may not do everything.
const STRSIZE_LIMITED_MAX: OptVal = 64 << 10;

/// The options of whoever looks at what was recorded.
const OF_LOOKING: [u32; 13] = [
    option::GRABANON,
    option::FLOWINDENT,
    option::QUIET,
    option::AGGRATE,
    option::SWITCHRATE,
    option::STATUSRATE,
    option::STACKINDENT,
    option::RAWBYTES,
    option::AGGSORTKEY,
    option::AGGSORTREV,
    option::AGGSORTPOS,
    option::AGGSORTKEYPOS,
    option::STACKSYMBOLS,
];

const _: () = assert!(IMAGE_SIZE == 544, "contract 0");

impl Options {
    pub(crate) const fn new() -> Self {
        Options(option::DEFAULTS)
    }

    /// The value of an option, UNSET included.
    pub(crate) fn raw(&self, which: u32) -> OptVal {
        self.0.get(which as usize).copied().unwrap_or(UNSET)
    }

    /// The value of an option, unless it is unset.
    pub(crate) fn get(&self, which: u32) -> Option<u64> {
        u64::try_from(self.raw(which)).ok()
    }

    /// Whether a switch is on: it is as soon as it is set. The original's `-w` sets `destructive` to 0.
    pub(crate) fn is_on(&self, which: u32) -> bool {
        self.get(which).is_some()
    }

    /// The CPU that tracing is limited to; None for all.
    pub(crate) fn cpu(&self) -> Option<u64> {
        self.get(option::CPU)
    }

    /// Sets an option as a consumer asks for it.
    pub(crate) fn set(&mut self, which: u32, value: OptVal) -> Result<(), Errno> {
        let slot = self.0.get_mut(which as usize).ok_or(Errno::EINVAL)?;
        if value < 0 && which != option::CPU {
            return Err(Errno::EINVAL);
        }
        *slot = value;
        Ok(())
    }

    /// Notes what GO made of an option.
    pub(crate) fn adjust(&mut self, which: u32, value: u64) {
        if let Some(slot) = self.0.get_mut(which as usize) {
            *slot = OptVal::try_from(value).unwrap_or(OptVal::MAX);
        }
    }

    /// Takes from a consumer's options, where he has set them, those that are about looking at data and not about recording it.
    pub(crate) fn look_as(&mut self, consumer: &Options) {
        for which in OF_LOOKING {
            let (to, from) = (self.0.get_mut(which as usize), consumer.raw(which));
            let default = option::DEFAULTS.get(which as usize).copied().unwrap_or(UNSET);
            if let Some(to) = to.filter(|_| from != default) {
                *to = from;
            }
        }
        self.clamp_rates();
    }

    /// Brings the rates into their bounds (contract 2.5).
    pub(crate) fn clamp_rates(&mut self) {
        if let Some(rate) = self.0.get_mut(option::CLEANRATE as usize) {
            *rate = (*rate).clamp(limit::CLEANRATE_MIN, limit::CLEANRATE_MAX);
        }
        if let Some(rate) = self.0.get_mut(option::STATUSRATE as usize) {
            *rate = (*rate).min(limit::STATUSRATE_MAX);
        }
    }

    /// Brings the size of strings into the bounds that it has for those who may not do everything: a string takes time.
    pub(crate) fn clamp_strings(&mut self) {
        if let Some(size) = self.0.get_mut(option::STRSIZE as usize) {
            *size = (*size).min(STRSIZE_LIMITED_MAX);
        }
    }

    /// The image that DOFGET answers, version 2 with one section.
    pub(crate) fn image(&self) -> [u8; IMAGE_SIZE] {
        let mut ident = [0; dof::ID_SIZE];
        let fixed = [
            (dof::ID_MAG0, dof::MAG_MAG0),
            (dof::ID_MAG1, dof::MAG_MAG1),
            (dof::ID_MAG2, dof::MAG_MAG2),
            (dof::ID_MAG3, dof::MAG_MAG3),
            (dof::ID_MODEL, dof::MODEL_LP64),
            (dof::ID_ENCODING, dof::ENCODE_LSB),
            (dof::ID_VERSION, dof::VERSION),
            (dof::ID_DIFVERS, dtrace_abi::dif::VERSION as u8),
            (dof::ID_DIFIREG, dtrace_abi::dif::DIR_NREGS as u8),
            (dof::ID_DIFTREG, dtrace_abi::dif::DTR_NREGS as u8),
        ];
        for (at, byte) in fixed {
            ident[at] = byte;
        }
        let header_size = size_of::<DofHdr>();
        let section_size = size_of::<DofSec>();
        let header = DofHdr {
            ident,
            flags: 0,
            hdrsize: header_size as u32,
            secsize: section_size as u32,
            secnum: 1,
            secoff: header_size as u64,
            loadsz: IMAGE_SIZE as u64,
            filesz: IMAGE_SIZE as u64,
            pad: 0,
        };
        let section = DofSec {
            kind: dof::SECT_OPTDESC,
            align: 8,
            flags: dof::SECF_LOAD,
            entsize: size_of::<DofOptDesc>() as u32,
            offset: (header_size + section_size) as u64,
            size: (MAX as usize * size_of::<DofOptDesc>()) as u64,
        };
        let mut image = [0; IMAGE_SIZE];
        let (head, options) = image.split_at_mut(header_size + section_size);
        head[..header_size].copy_from_slice(header.as_bytes());
        head[header_size..].copy_from_slice(section.as_bytes());
        for ((option, value), to) in
            (0u32..).zip(self.0).zip(options.chunks_exact_mut(size_of::<DofOptDesc>()))
        {
            let desc = DofOptDesc { option, strtab: dof::SECIDX_NONE, value: value as u64 };
            to.copy_from_slice(desc.as_bytes());
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_and_a_negative_value_are_refused() {
        let mut options = Options::new();
        assert_eq!(options.set(MAX, 1), Err(Errno::EINVAL));
        assert_eq!(options.set(option::BUFSIZE, -1), Err(Errno::EINVAL));
        assert_eq!(options.set(option::BUFSIZE, 4096), Ok(()));
        assert_eq!(options.get(option::BUFSIZE), Some(4096));
    }

    #[test]
    fn the_cpu_option_may_be_negative_and_then_means_all() {
        let mut options = Options::new();
        assert_eq!(options.cpu(), None);
        options.set(option::CPU, 3).unwrap();
        assert_eq!(options.cpu(), Some(3));
        options.set(option::CPU, -1).unwrap();
        assert_eq!(options.cpu(), None);
    }

    #[test]
    fn the_rates_are_brought_into_their_bounds() {
        let mut options = Options::new();
        options.set(option::CLEANRATE, 1).unwrap();
        options.set(option::STATUSRATE, i64::MAX).unwrap();
        options.clamp_rates();
        assert_eq!(options.get(option::CLEANRATE), Some(200_000));
        assert_eq!(options.get(option::STATUSRATE), Some(10_000_000_000));
    }

    #[test]
    fn the_image_is_a_program_of_options_only() {
        let mut options = Options::new();
        options.set(option::BUFSIZE, 4 << 20).unwrap();
        let image = options.image();
        let header = DofHdr::from_bytes(&image).unwrap();
        assert_eq!((header.secnum, header.loadsz), (1, 544));
        let first = DofOptDesc::from_bytes(&image[96..]).unwrap();
        assert_eq!((first.option, first.strtab, first.value), (0, u32::MAX, 4 << 20));
        let last = DofOptDesc::from_bytes(&image[544 - 16..]).unwrap();
        assert_eq!((last.option, last.value as i64), (27, UNSET));
    }
}
