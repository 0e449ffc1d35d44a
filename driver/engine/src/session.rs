//! The part of a consumer that only the control path sees: one open `/dev/dtrace`, or the anonymous state until somebody claims
//! it ([`crate::anonymous`]).
//!
//! It owns everything the consumer brought or caused: options, programs, the clauses made of them, the ECBs, the tables
//! of ids, and (behind a pointer, because probes hold it too) its [`State`]. All of it is touched only under the control
//! mutex.
//!
//! # The order of freeing
//!
//! ECBs point to clauses and to the state, clauses point into programs. [`Session`] is dropped only when no ECB of it is
//! in any list and a grace period has passed; none of them looks at another while it is dropped, so its fields may be freed
//! in any order.

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::anchor::Anchored;
use crate::clause::{Clause, Ids};
use crate::difo::Limits;
use crate::ecb::Ecb;
use crate::errno::Errno;
use crate::host::Host;
use crate::interp::Code;
use crate::mem::{OutOfMemory, TryPush, try_build, try_to_vec};
use crate::option::Options;
use crate::provider::{Privileges, Registered};
use crate::state::{SizeTable, State};

/// Who opened the device, as the host found out.
#[derive(Clone, Copy, Debug)]
pub struct Cred {
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// What the caller may do: [`Privileges::ALL`] for root, nothing for nobody.
    pub privileges: Privileges,
}

/// A clause and which probes it has been matched with.
pub(crate) struct Enabled {
    pub(crate) clause: Anchored<Clause>,
    /// Probes up to this id have been looked at.
    pub(crate) matched_to: u32,
    /// The first of its ECBs, 0 if it has none.
    pub(crate) first_epid: u32,
}

/// An enabling: the clauses of one image, kept so that they can be matched with probes that appear later.
pub(crate) struct Enabling {
    pub(crate) clauses: Vec<Enabled>,
}

/// Where an aggregation is made.
#[derive(Clone, Copy)]
pub(crate) struct AggregationAt {
    pub(crate) enabling: usize,
    pub(crate) clause: usize,
}

/// One consumer.
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) cred: Cred,
    state: Anchored<State>,
    pub(crate) options: Options,
    /// The code of each image.
    pub(crate) programs: Vec<Vec<Code>>,
    pub(crate) enablings: Vec<Enabling>,
    /// By EPID minus one.
    pub(crate) ecbs: Vec<Anchored<Ecb>>,
    /// Tables of record sizes for a ring buffer; the last one is in use, the others were too small.
    size_tables: Vec<Anchored<SizeTable>>,
    /// By format id minus one, without NUL.
    pub(crate) formats: Vec<Vec<u8>>,
    /// By aggregation id minus one.
    pub(crate) aggregations: Vec<AggregationAt>,
    /// The CPU that BEGIN ran on, once it has.
    pub(crate) began_on: usize,
    /// When its dynamic variables were last cleaned.
    pub(crate) cleaned: u64,
    /// The host accounts the time of threads on its behalf.
    pub(crate) tracks_vtime: bool,
    /// It has made no request yet.
    pub(crate) is_new: bool,
    /// A snapshot of its buffers is being copied out, without the control mutex: they stay, and no other is begun.
    pub(crate) is_read: bool,
}

impl Session {
    #[inline(never)]
    pub(crate) fn new(id: u64, cred: Cred, state: State) -> Result<Self, OutOfMemory> {
        Ok(Session {
            id,
            cred,
            state: Anchored::new(state)?,
            options: Options::new(),
            programs: Vec::new(),
            enablings: Vec::new(),
            ecbs: Vec::new(),
            size_tables: Vec::new(),
            formats: Vec::new(),
            aggregations: Vec::new(),
            began_on: 0,
            cleaned: 0,
            tracks_vtime: false,
            is_new: true,
            is_read: false,
        })
    }

    /// The part that probes see.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Where the part that probes see is.
    pub(crate) fn state_address(&self) -> NonNull<State> {
        self.state.address()
    }

    /// Whether the consumer may see the probes of a provider (contract 1.3).
    pub(crate) fn sees<H: Host>(&self, provider: &Registered<H>) -> bool {
        let mine = self.cred.privileges;
        let asked = provider.privileges;
        if asked.bits() == 0 || mine.has(Privileges::ALL) {
            return true;
        }
        // Kernel privilege sees everything but does not make other users' processes one's own.
        let kinds = Privileges::KERNEL.with(Privileges::USER).with(Privileges::PROC);
        let kind =
            mine.has(Privileges::KERNEL) || Privileges::from_bits(mine.bits() & asked.bits()).any(kinds);
        let owner =
            !asked.has(Privileges::OWNER) || mine.has(Privileges::OWNER) || provider.uid == self.cred.uid;
        kind && owner
    }

    /// What a program of this consumer may contain.
    pub(crate) fn limits(&self) -> Limits {
        Limits::new(self.cred.privileges.has(Privileges::KERNEL))
    }

    /// The ECB of an EPID.
    pub(crate) fn ecb(&self, epid: u32) -> Option<&Ecb> {
        self.ecbs.get(epid.checked_sub(1)? as usize).map(|ecb| &**ecb)
    }

    /// Publishes the sizes of the records of all EPIDs, and from now on keeps them up to date.
    pub(crate) fn keep_sizes(&mut self) -> Result<(), OutOfMemory> {
        let room = (self.ecbs.len() + 1).next_power_of_two().max(64);
        let table = try_build(room, |at| {
            // SAFETY: control path.
            let size = self.ecbs.get(at).map_or(0, |ecb| unsafe { ecb.clause() }.size);
            Ok::<_, OutOfMemory>(AtomicU32::new(size))
        })?;
        self.size_tables.try_reserve(1).map_err(|_| OutOfMemory)?;
        let table = Anchored::new(table)?;
        // SAFETY: control path.
        unsafe { self.state.run() }.sizes.store(table.address().as_ptr(), Ordering::Release);
        self.size_tables.try_push(table)
    }

    /// Enters the size of the records of the next EPID, if sizes are kept. Before its ECB can fire.
    pub(crate) fn note_size(&mut self, size: u32) -> Result<(), OutOfMemory> {
        let at = self.ecbs.len();
        match self.size_tables.last() {
            None => return Ok(()),
            Some(table) if at < table.len() => (),
            Some(_) => self.keep_sizes()?,
        }
        if let Some(entry) = self.size_tables.last().and_then(|table| table.get(at)) {
            entry.store(size, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The clause of an aggregation id, and its first EPID.
    pub(crate) fn aggregation(&self, id: u32) -> Option<&Enabled> {
        let at = self.aggregations.get(id.checked_sub(1)? as usize)?;
        self.enablings.get(at.enabling)?.clauses.get(at.clause)
    }

    /// All clauses.
    pub(crate) fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.enablings.iter().flat_map(|enabling| &enabling.clauses).map(|enabled| &*enabled.clause)
    }

    /// The tables of ids, for making the clauses of the next enabling.
    pub(crate) fn ids<'a>(&'a mut self, next_predicate: &'a mut u64) -> (IdBook<'a>, &'a Options) {
        let enabling = self.enablings.len();
        let book = IdBook {
            formats: &mut self.formats,
            aggregations: &mut self.aggregations,
            next_predicate,
            enabling,
            clause: 0,
        };
        (book, &self.options)
    }
}

/// A consumer's tables of ids while clauses are made.
pub(crate) struct IdBook<'a> {
    formats: &'a mut Vec<Vec<u8>>,
    aggregations: &'a mut Vec<AggregationAt>,
    next_predicate: &'a mut u64,
    enabling: usize,
    /// The clause that is being made.
    pub(crate) clause: usize,
}

impl Ids for IdBook<'_> {
    fn format(&mut self, text: &[u8]) -> Result<u16, Errno> {
        let at = match self.formats.iter().position(|known| known == text) {
            Some(at) => at,
            None => {
                self.formats.try_push(try_to_vec(text)?)?;
                self.formats.len() - 1
            }
        };
        u16::try_from(at + 1).map_err(|_| Errno::ENOSPC)
    }

    fn aggregation(&mut self) -> Result<u32, Errno> {
        self.aggregations.try_push(AggregationAt { enabling: self.enabling, clause: self.clause })?;
        u32::try_from(self.aggregations.len()).map_err(|_| Errno::ENOSPC)
    }

    fn predicate(&mut self) -> u64 {
        *self.next_predicate += 1;
        *self.next_predicate
    }
}
