//! Descriptions of what is recorded: the records of an enabled probe and of an aggregation, and format strings
//! (contract 2.2, 2.6).
//!
//! Two of the structures end in an array whose true length is in the structure. As in C, one element of it is part of
//! the type; `HEADER` is the size without it, and `size_for` the size with any number.

use crate::UserPtr;
use crate::desc::ProbeId;

/// No enabled probe: EPIDs begin at 1, and 0 is padding in a buffer.
pub const EPIDNONE: u32 = 0;
/// No aggregation: ids begin at 1, and 0 is padding in a buffer.
pub const AGGIDNONE: u32 = 0;
/// No aggregation variable.
pub const AGGVARIDNONE: i64 = 0;
/// The mark of aggregation data that the consumer prints, in the flags of an [`AggDesc`].
pub const AGD_PRINTED: u32 = 1;

/// The id of an enabled probe (an ECB), unique in its consumer state.
pub type Epid = u32;
/// The id of an aggregating action, unique in its consumer state.
pub type AggId = u32;
/// The id of an aggregation variable, unique in its program.
pub type AggVarId = i64;

/// One record: the data of one action.
///
/// cbindgen:field-names=[dtrd_action, dtrd_pad, dtrd_size, dtrd_offset, dtrd_alignment, dtrd_format, dtrd_arg, dtrd_uarg]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecDesc {
    /// The kind of the action ([`crate::action`], [`crate::agg`]).
    pub action: u16,
    /// Zero.
    pub pad: u16,
    /// Bytes of data.
    pub size: u32,
    /// Where the data is, from the EPID (or aggregation id) word on.
    pub offset: u32,
    /// What the offset is a multiple of.
    pub alignment: u16,
    /// The format's id, beginning at 1; 0 for none.
    pub format: u16,
    /// The action's argument.
    pub arg: u64,
    /// What the program put there for its own use.
    pub uarg: u64,
}
layout!(RecDesc 32 { action 0:2 pad 2:2 size 4:4 offset 8:4 alignment 12:2 format 14:2 arg 16:8 uarg 24:8 });

/// An enabled probe and its records.
///
/// cbindgen:field-names=[dtepd_epid, dtepd_probeid, dtepd_uarg, dtepd_size, dtepd_nrecs, dtepd_rec]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EprobeDesc {
    /// The enabled probe that is asked for.
    pub epid: Epid,
    /// The probe.
    pub probeid: ProbeId,
    /// What the program put into the ECB for its own use.
    pub uarg: u64,
    /// Bytes of a record of this EPID.
    pub size: u32,
    /// Records: on the way in the room for them, on the way out how many there are.
    pub nrecs: u32,
    /// The first of the records.
    pub rec: [RecDesc; 1],
}
layout!(EprobeDesc 56 { epid 0:4 probeid 4:4 uarg 8:8 size 16:4 nrecs 20:4 rec 24:32 });

impl EprobeDesc {
    /// Bytes before the first record.
    pub const HEADER: usize = core::mem::offset_of!(Self, rec);

    /// Bytes of a description with `nrecs` records.
    #[must_use]
    pub const fn size_for(nrecs: usize) -> usize {
        Self::HEADER + nrecs * size_of::<RecDesc>()
    }
}

/// An aggregation and its records: the keys, then the value.
///
/// cbindgen:field-names=[(dtagd_name), dtagd_varid, dtagd_flags, dtagd_id, dtagd_epid, dtagd_size, dtagd_nrecs, dtagd_pad, dtagd_rec]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggDesc {
    /// The consumer's own pointer to the name; the driver leaves it alone.
    pub name: UserPtr,
    /// The consumer's own; the driver leaves it alone.
    pub varid: AggVarId,
    /// The consumer's own; the driver leaves it alone.
    pub flags: u32,
    /// The aggregation that is asked for.
    pub id: AggId,
    /// The enabled probe that it belongs to.
    pub epid: Epid,
    /// Bytes of a record, from the aggregation id word on.
    pub size: u32,
    /// Records: on the way in the room for them, on the way out how many there are.
    pub nrecs: u32,
    /// Zero.
    pub pad: u32,
    /// The first of the records.
    pub rec: [RecDesc; 1],
}
layout!(AggDesc 72 {
    name 0:8 varid 8:8 flags 16:4 id 20:4 epid 24:4 size 28:4 nrecs 32:4 pad 36:4 rec 40:32
});

impl AggDesc {
    /// Bytes before the first record.
    pub const HEADER: usize = core::mem::offset_of!(Self, rec);

    /// Bytes of a description with `nrecs` records.
    #[must_use]
    pub const fn size_for(nrecs: usize) -> usize {
        Self::HEADER + nrecs * size_of::<RecDesc>()
    }
}

/// A format string.
///
/// cbindgen:field-names=[(dtfd_string), dtfd_length, dtfd_format, dtfd_pad]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FmtDesc {
    /// Where to put it.
    pub string: UserPtr,
    /// The room there; on the way out, when it was too little, what is needed with the NUL.
    pub length: i32,
    /// The format's id, beginning at 1.
    pub format: u16,
    /// Zero.
    pub pad: u16,
}
layout!(FmtDesc 16 { string 0:8 length 8:4 format 12:2 pad 14:2 });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_grow_by_a_record_each() {
        assert_eq!(EprobeDesc::size_for(0), 24);
        assert_eq!(EprobeDesc::size_for(1), size_of::<EprobeDesc>());
        assert_eq!(AggDesc::size_for(3), 40 + 96);
    }
}
