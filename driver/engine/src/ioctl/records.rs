//! What a record is made of: EPROBE, AGGDESC, FORMAT.
//!
//! All three are asked twice if the room was too small the first time: the answer says how much there is, and holds as
//! much of it as there was room for.

use alloc::vec::Vec;

use dtrace_abi::{AggDesc, EprobeDesc, FmtDesc, Plain, RecDesc};

use super::Request;
use crate::errno::Errno;
use crate::host::Host;
use crate::mem::{TryPush, try_with_capacity};

/// Puts a description and as many of its records as there is room for into one answer.
fn answer(header: &[u8], records: impl Iterator<Item = RecDesc>, room: u32) -> Result<Vec<u8>, Errno> {
    let mut bytes = try_with_capacity(header.len())?;
    bytes.try_extend_from_slice(header)?;
    for record in records.take(room as usize) {
        bytes.try_extend_from_slice(record.as_bytes())?;
    }
    Ok(bytes)
}

impl<H: Host> Request<'_, H> {
    #[inline(never)]
    pub(super) fn eprobe(&mut self) -> Result<i32, Errno> {
        let mut head = [0; EprobeDesc::HEADER];
        self.dtrace.host.ioctl_read(self.arg, &mut head)?;
        let mut desc = EprobeDesc::zeroed();
        desc.as_bytes_mut()[..EprobeDesc::HEADER].copy_from_slice(&head);
        let consumer = self.consumer;
        let bytes = {
            let mut control = self.control()?;
            let session = control.session(consumer)?;
            let ecb = session.ecb(desc.epid).ok_or(Errno::EINVAL)?;
            // SAFETY: control path.
            let clause = unsafe { ecb.clause() };
            let room = desc.nrecs;
            desc.probeid = ecb.probe.get();
            desc.uarg = clause.uarg;
            desc.size = clause.size;
            desc.nrecs = clause.records().count() as u32;
            answer(&desc.as_bytes()[..EprobeDesc::HEADER], clause.records().copied(), room)?
        };
        self.write_at(0, &bytes)?;
        Ok(0)
    }

    #[inline(never)]
    pub(super) fn agg_desc(&mut self) -> Result<i32, Errno> {
        let mut head = [0; AggDesc::HEADER];
        self.dtrace.host.ioctl_read(self.arg, &mut head)?;
        let mut desc = AggDesc::zeroed();
        desc.as_bytes_mut()[..AggDesc::HEADER].copy_from_slice(&head);
        let consumer = self.consumer;
        let bytes = {
            let mut control = self.control()?;
            let session = control.session(consumer)?;
            let enabled = session.aggregation(desc.id).ok_or(Errno::EINVAL)?;
            if enabled.first_epid == 0 {
                return Err(Errno::EINVAL);
            }
            let (aggregation, records) = enabled.clause.aggregation(desc.id).ok_or(Errno::EINVAL)?;
            let room = desc.nrecs;
            desc.epid = enabled.first_epid;
            desc.size = aggregation.size();
            desc.pad = 0;
            desc.nrecs = enabled.clause.aggregation(desc.id).map_or(0, |(_, records)| records.count() as u32);
            answer(&desc.as_bytes()[..AggDesc::HEADER], records, room)?
        };
        self.write_at(0, &bytes)?;
        Ok(0)
    }

    #[inline(never)]
    pub(super) fn format(&mut self) -> Result<i32, Errno> {
        let mut desc: FmtDesc = self.read()?;
        let consumer = self.consumer;
        let bytes = {
            let mut control = self.control()?;
            let session = control.session(consumer)?;
            let at = desc.format.checked_sub(1).ok_or(Errno::EINVAL)?;
            let text = session.formats.get(usize::from(at)).ok_or(Errno::EINVAL)?;
            let mut bytes = try_with_capacity(text.len() + 1)?;
            bytes.try_extend_from_slice(text)?;
            bytes.try_push(0)?;
            bytes
        };
        let needed = i32::try_from(bytes.len()).map_err(|_| Errno::EINVAL)?;
        if desc.length < needed {
            desc.length = needed;
            self.write(&desc)?;
            return Ok(0);
        }
        self.dtrace.host.ioctl_write(self.model.address(desc.string), &bytes)?;
        Ok(0)
    }
}
