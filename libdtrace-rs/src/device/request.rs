//! The requests, each with the structure that belongs to it (contract 2.1, 2.2).

use std::ffi::c_void;
use std::ptr;

use dtrace_abi::{
    AggDesc, ArgDesc, BufDesc, Conf, DofHdr, DofOptDesc, EprobeDesc, FmtDesc, Plain, ProbeDesc, ProviderDesc,
    RecDesc, Status, ioctl, name_bytes, option, set_name,
};

use super::Device;

/// A result with the errno that the device gave.
type Answer<T> = Result<T, i32>;

/// The requests to a device.
#[derive(Clone, Copy)]
pub struct Requests<'a>(&'a dyn Device);

/// An enabled probe, as EPROBE describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnabledProbe {
    /// The probe.
    pub probe: u32,
    /// What the program put into the ECB.
    pub uarg: u64,
    /// Bytes of its records with the EPID.
    pub size: u32,
    /// Its records.
    pub records: Vec<RecDesc>,
}

/// An aggregation, as AGGDESC describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregationDesc {
    /// The enabled probe that it belongs to.
    pub epid: u32,
    /// Bytes of its records with the id.
    pub size: u32,
    /// The keys, then the value.
    pub records: Vec<RecDesc>,
}

/// What BUFSNAP and AGGSNAP say of the bytes that they copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// How many bytes.
    pub size: usize,
    /// Records given up for want of room.
    pub drops: u64,
    /// Records given up because of a fault.
    pub errors: u32,
    /// Where the oldest record is.
    pub oldest: usize,
}

impl<'a> Requests<'a> {
    /// The requests to this device.
    pub fn new(device: &'a dyn Device) -> Self {
        Self(device)
    }

    /// How many CPUs the device has, where that is not what this machine has.
    pub fn cpus(self) -> Option<u32> {
        self.0.cpus()
    }

    /// Whether the device has the CPU of this number.
    pub fn has_cpu(self, cpu: u32) -> bool {
        self.0.has_cpu(cpu)
    }

    fn plain<T: Plain>(self, command: u32, argument: &mut T) -> Answer<i32> {
        // SAFETY: each caller below gives the command the structure that it takes, and the structures that go through
        // here hold no pointers.
        unsafe { self.0.ioctl(command, ptr::from_mut(argument).cast()) }
    }

    /// CONF: what the driver is.
    pub fn conf(self) -> Answer<Conf> {
        let mut conf = Conf::zeroed();
        self.plain(ioctl::CONF, &mut conf)?;
        Ok(conf)
    }

    /// PROVIDER: a provider's attributes and privileges. ESRCH when there is none of that name.
    pub fn provider(self, name: &str) -> Answer<ProviderDesc> {
        let mut desc = ProviderDesc::zeroed();
        if !set_name(&mut desc.name, name.as_bytes()) {
            return Err(libc::ESRCH);
        }
        self.plain(ioctl::PROVIDER, &mut desc)?;
        Ok(desc)
    }

    /// PROBES: the first probe with this id or a greater one. ESRCH when there is none.
    pub fn probe_from(self, id: u32) -> Answer<ProbeDesc> {
        let mut desc = ProbeDesc { id, ..ProbeDesc::zeroed() };
        self.plain(ioctl::PROBES, &mut desc)?;
        Ok(desc)
    }

    /// PROBEMATCH: the first probe from `id` on that matches the pattern. ESRCH when there is none.
    pub fn probe_match(self, pattern: &ProbeDesc, id: u32) -> Answer<ProbeDesc> {
        let mut desc = ProbeDesc { id, ..*pattern };
        self.plain(ioctl::PROBEMATCH, &mut desc)?;
        Ok(desc)
    }

    /// PROBEARG: a typed argument of a probe; `None` when it has no such.
    pub fn probe_argument(self, probe: u32, index: u32) -> Answer<Option<ArgDesc>> {
        let mut desc = ArgDesc { id: probe, ndx: index, ..ArgDesc::zeroed() };
        self.plain(ioctl::PROBEARG, &mut desc)?;
        Ok((desc.ndx == index).then_some(desc))
    }

    /// ENABLE: how many probes matched. The image need not be aligned.
    pub fn enable(self, image: &[u8]) -> Answer<u32> {
        // The image is copied to words: its sections are aligned to 8 bytes from its start. Some drivers write into it.
        let mut words = vec![0u64; image.len().div_ceil(8).max(8)];
        for (word, bytes) in words.iter_mut().zip(image.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_ne_bytes(whole);
        }
        // SAFETY: the command takes a DOF image, which says itself how long it is: the copy is at least as long as the
        // header, and an image that claims more than there is was not made by this library's DOF writer.
        let matched = unsafe { self.0.ioctl(ioctl::ENABLE, words.as_mut_ptr().cast()) }?;
        Ok(matched.unsigned_abs())
    }

    /// GO: starts tracing; the CPU that ran BEGIN.
    pub fn go(self) -> Answer<u32> {
        let mut cpu = 0u32;
        self.plain(ioctl::GO, &mut cpu)?;
        Ok(cpu)
    }

    /// STOP: ends tracing; the CPU that ran END.
    pub fn stop(self) -> Answer<u32> {
        let mut cpu = 0u32;
        self.plain(ioctl::STOP, &mut cpu)?;
        Ok(cpu)
    }

    /// STATUS: the counters.
    pub fn status(self) -> Answer<Status> {
        let mut status = Status::zeroed();
        self.plain(ioctl::STATUS, &mut status)?;
        Ok(status)
    }

    /// DOFGET: the options as the driver has them, those that this library knows.
    pub fn options(self) -> Answer<[i64; option::MAX as usize]> {
        const ROOM: usize = 4096;
        let mut words = [0u64; ROOM / 8];
        let header = DofHdr { loadsz: ROOM as u64, ..DofHdr::zeroed() };
        words.as_bytes_mut()[..size_of::<DofHdr>()].copy_from_slice(header.as_bytes());
        // SAFETY: the command takes a DOF header whose loadsz is the room, and that much room there is.
        unsafe { self.0.ioctl(ioctl::DOFGET, words.as_mut_ptr().cast()) }?;
        let mut options = [option::UNSET; option::MAX as usize];
        for desc in option_descs(words.as_bytes()) {
            if let Some(value) = options.get_mut(desc.option as usize) {
                *value = desc.value.cast_signed();
            }
        }
        Ok(options)
    }

    /// BUFSNAP: copies the principal buffer of a CPU. ENOENT when that CPU has none.
    pub fn snapshot(self, cpu: u32, buffer: &mut [u8]) -> Answer<Snapshot> {
        self.copy_buffer(ioctl::BUFSNAP, cpu, buffer)
    }

    /// AGGSNAP: copies the aggregation buffer of a CPU. ENOENT when that CPU has none.
    pub fn aggregation_snapshot(self, cpu: u32, buffer: &mut [u8]) -> Answer<Snapshot> {
        self.copy_buffer(ioctl::AGGSNAP, cpu, buffer)
    }

    fn copy_buffer(self, command: u32, cpu: u32, buffer: &mut [u8]) -> Answer<Snapshot> {
        let data = buffer.as_mut_ptr() as u64;
        let mut desc = BufDesc { size: buffer.len() as u64, cpu, data, ..BufDesc::zeroed() };
        // SAFETY: the command takes a buffer description. The driver copies no more than the size of the buffer that
        // GO settled, which is the length that the consumer made this one with (contract 0, 2.1).
        unsafe { self.0.ioctl(command, ptr::from_mut(&mut desc).cast()) }?;
        let fit = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(buffer.len());
        let size = fit(desc.size);
        Ok(Snapshot { size, drops: desc.drops, errors: desc.errors, oldest: fit(desc.oldest).min(size) })
    }

    /// EPROBE: what an EPID stands for. EINVAL when there is no such.
    pub fn enabled_probe(self, epid: u32) -> Answer<EnabledProbe> {
        let (header, records) = self.described(ioctl::EPROBE, EprobeDesc::HEADER, |header, room| {
            let desc = EprobeDesc { epid, nrecs: room, ..EprobeDesc::zeroed() };
            header.copy_from_slice(&desc.as_bytes()[..EprobeDesc::HEADER]);
        })?;
        Ok(EnabledProbe {
            probe: header.epid_probe().1,
            uarg: header.word(8),
            size: header.half(16),
            records,
        })
    }

    /// AGGDESC: what an aggregation id stands for. EINVAL when there is no such.
    pub fn aggregation(self, id: u32) -> Answer<AggregationDesc> {
        let (header, records) = self.described(ioctl::AGGDESC, AggDesc::HEADER, |header, room| {
            let desc = AggDesc { id, nrecs: room, ..AggDesc::zeroed() };
            header.copy_from_slice(&desc.as_bytes()[..AggDesc::HEADER]);
        })?;
        Ok(AggregationDesc { epid: header.half(24), size: header.half(28), records })
    }

    /// A description that ends in records: asked for with room for a few, and again when there are more.
    fn described(
        self,
        command: u32,
        header: usize,
        fill: impl Fn(&mut [u8], u32),
    ) -> Answer<(Header, Vec<RecDesc>)> {
        let count_at = if command == ioctl::EPROBE { 20 } else { 32 };
        let mut room = 8u32;
        loop {
            let bytes = header + room as usize * size_of::<RecDesc>();
            let mut words = vec![0u64; bytes.div_ceil(8)];
            let words = &mut words[..];
            // SAFETY: a slice of words is as many bytes, all of them plain.
            let view =
                unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), words.len() * 8) };
            fill(&mut view[..header], room);
            // SAFETY: the command takes a description with room for the records that it says, and there is that room.
            unsafe { self.0.ioctl(command, view.as_mut_ptr().cast()) }?;
            let answer = Header(view[..header].to_vec());
            let count = answer.half(count_at);
            if count <= room {
                let records = view[header..].chunks_exact(size_of::<RecDesc>()).take(count as usize);
                return Ok((answer, records.filter_map(RecDesc::from_bytes).collect()));
            }
            room = count;
        }
    }

    /// FORMAT: the format string with this id. EINVAL when there is no such.
    pub fn format(self, id: u16) -> Answer<Vec<u8>> {
        let mut room = vec![0u8; 128];
        loop {
            let length = i32::try_from(room.len()).map_err(|_| libc::E2BIG)?;
            let string = room.as_mut_ptr() as u64;
            let mut desc = FmtDesc { string, length, format: id, ..FmtDesc::zeroed() };
            // SAFETY: the command takes a format description, and writes no more than its length at its pointer.
            unsafe { self.0.ioctl(ioctl::FORMAT, ptr::from_mut(&mut desc).cast()) }?;
            let needed = usize::try_from(desc.length).unwrap_or(0);
            if needed <= room.len() {
                return Ok(name_bytes(&room).to_vec());
            }
            room = vec![0; needed];
        }
    }

    /// ENABLE without an image: match what is enabled already against probes that have come since.
    pub fn rematch(self) -> Answer<()> {
        // SAFETY: the command allows a null argument.
        unsafe { self.0.ioctl(ioctl::ENABLE, ptr::null_mut::<c_void>()) }.map(drop)
    }
}

/// The front of a description, by offsets (contract 2.2).
struct Header(Vec<u8>);

impl Header {
    fn half(&self, at: usize) -> u32 {
        u32::from_bytes(&self.0[at..]).unwrap_or(0)
    }

    fn word(&self, at: usize) -> u64 {
        u64::from_bytes(&self.0[at..]).unwrap_or(0)
    }

    fn epid_probe(&self) -> (u32, u32) {
        (self.half(0), self.half(4))
    }
}

/// The option descriptions of a DOF image.
fn option_descs(image: &[u8]) -> Vec<DofOptDesc> {
    let half = |at: usize| image.get(at..).and_then(u32::from_bytes).unwrap_or(0) as usize;
    let word = |at: usize| image.get(at..).and_then(u64::from_bytes).unwrap_or(0) as usize;
    let (secsize, secnum, secoff) = (half(24), half(28), word(32));
    let mut descs = Vec::new();
    for n in 0..secnum.min(64) {
        let Some(sec) = n.checked_mul(secsize).and_then(|at| at.checked_add(secoff)) else { break };
        if half(sec) != dtrace_abi::dof::SECT_OPTDESC as usize {
            continue;
        }
        let (entsize, offset, size) = (half(sec + 12), word(sec + 16), word(sec + 24));
        let body = image.get(offset..).map_or(&[][..], |rest| &rest[..size.min(rest.len())]);
        descs.extend(
            body.chunks_exact(entsize.max(size_of::<DofOptDesc>())).filter_map(DofOptDesc::from_bytes),
        );
    }
    descs
}

/// A probe description as a pattern for the driver; ESRCH when a part is longer than any probe's.
pub fn pattern(desc: &crate::program::ProbeDesc) -> Answer<ProbeDesc> {
    let mut pattern = ProbeDesc { id: desc.id, ..ProbeDesc::zeroed() };
    let parts = [&desc.provider, &desc.module, &desc.function, &desc.name];
    let fits = parts.iter().all(|part| !part.contains('\0'))
        && set_name(&mut pattern.provider, desc.provider.as_bytes())
        && set_name(&mut pattern.module, desc.module.as_bytes())
        && set_name(&mut pattern.function, desc.function.as_bytes())
        && set_name(&mut pattern.name, desc.name.as_bytes());
    if fits { Ok(pattern) } else { Err(libc::ESRCH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_an_image_of_any_size() {
        let image = crate::dof::options_image([(option::BUFSIZE, 4096), (option::STRSIZE, 512)]);
        let descs = option_descs(&image);
        let pairs: Vec<_> = descs.iter().map(|d| (d.option, d.value)).collect();
        assert_eq!(pairs, [(option::BUFSIZE, 4096), (option::STRSIZE, 512)]);
        assert!(option_descs(&image[..70]).is_empty());
        assert!(option_descs(&[0xff; 128]).is_empty());
    }
}
