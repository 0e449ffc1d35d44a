//! Speculations: records that are kept aside until the program knows whether it wants them (contract 3).
//!
//! A consumer has `nspec` of them; each has an [`Area`] on every CPU that is traced on. `speculation()` takes a free one,
//! `speculate()` sends the rest of a clause's records to this CPU's area of it, `commit()` moves what was recorded into the
//! principal buffers, `discard()` throws it away.
//!
//! ```text
//!              speculation()            speculate() on CPU n              on another CPU
//!   INACTIVE ───────────────► ACTIVE ────────────────────────► ONE(n) ────────────────────► MANY
//!      ▲                        │ commit, discard                │                            │
//!      ├────────────────────────┘                                │                            │
//!      ├──────────────── CLOSING ◄── commit or discard on CPU n ─┤                            │
//!      │                                                         │ on another CPU             │ on any CPU
//!      └──────────────── COMMITTING or DISCARDING ◄──────────────┴────────────────────────────┘
//!         the cleaner
//! ```
//!
//! Only a CPU itself touches its areas, in probe context. So `commit()` moves the part of the CPU it is called on, and
//! the cleaner (process context, at `cleanrate`, and at STOP) has every other CPU move its own: [`Speculations::clean`]
//! is run on each of them. A probe that had begun to record on another CPU when the state changed is not overtaken: the
//! cleaner's turn on that CPU comes after it. The state is one atomic word and every change a compare-exchange from the
//! state that was seen, so of two CPUs that want different things one finds that the other was faster, and looks again.
//!
//! The word is a cache line that CPUs share. That is in the nature of the thing, and only programs that speculate pay.

use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::buffer::{Area, Need, Reservation, Writer};
use crate::cpu::Tally;
use crate::exchange::Exchangeable;
use crate::interp::Speculate;
use crate::mem::{OutOfMemory, try_build};

/// Where a speculation is in its life, as the word has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Inactive,
    Active,
    /// Recorded to on this CPU only.
    One(u32),
    Many,
    /// The CPU of `One` is moving or clearing its part.
    Closing,
    Committing,
    Discarding,
}

impl Phase {
    fn word(self) -> u64 {
        match self {
            Phase::Inactive => 0,
            Phase::Active => 1,
            Phase::One(cpu) => 2 | u64::from(cpu) << 8,
            Phase::Many => 3,
            Phase::Closing => 4,
            Phase::Committing => 5,
            Phase::Discarding => 6,
        }
    }

    fn of(word: u64) -> Phase {
        match word & 0xff {
            0 => Phase::Inactive,
            1 => Phase::Active,
            2 => Phase::One((word >> 8) as u32),
            3 => Phase::Many,
            4 => Phase::Closing,
            5 => Phase::Committing,
            _ => Phase::Discarding,
        }
    }
}

/// One CPU's part of one speculation.
#[repr(align(128))]
struct Part {
    area: UnsafeCell<Area>,
    /// Records that found no room.
    drops: Tally,
}

// SAFETY: the area is reached only by its CPU in probe context (`Slot::part`); the tally is atomic.
unsafe impl Sync for Part {}

/// One speculation.
struct Slot {
    phase: AtomicU64,
    /// The cleaner is seeing to it. Control path.
    cleaning: AtomicBool,
    /// By CPU. None where the consumer does not trace.
    parts: Vec<Option<Part>>,
}

impl Slot {
    fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Acquire))
    }

    fn set(&self, phase: Phase) {
        self.phase.store(phase.word(), Ordering::Release);
    }

    fn advance(&self, from: Phase, to: Phase) -> bool {
        self.phase.compare_exchange(from.word(), to.word(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// This CPU's area.
    ///
    /// # Safety
    ///
    /// The caller is in probe context on that CPU, and what the last call returned is no longer in use.
    #[expect(clippy::mut_from_ref, reason = "exclusive by contract: one CPU, one probe at a time")]
    unsafe fn area(&self, cpu: usize) -> Option<&mut Area> {
        // SAFETY: the contract.
        self.parts.get(cpu)?.as_ref().map(|part| unsafe { &mut *part.area.get() })
    }
}

/// How often a change of state is tried anew after other CPUs were faster; each time the state has moved on, and it
/// cannot do so more often than this within one life.
const TRIES: usize = 8;

/// The most parts of the speculations of one consumer.
const PARTS_MAX: usize = 1 << 18;

/// The speculations of one consumer.
pub(crate) struct Speculations {
    slots: Vec<Slot>,
    /// `speculation()` found all in use, some of them about to become free.
    busy: AtomicU64,
    /// `speculation()` found all in use.
    unavailable: AtomicU64,
}

/// What a consumer's speculations could not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpeculationDrops {
    pub(crate) records: u64,
    pub(crate) busy: u64,
    pub(crate) unavailable: u64,
}

impl Speculations {
    /// Bytes that a speculation takes for a CPU beside its size.
    pub(crate) const PART: u64 = size_of::<Option<Part>>() as u64;

    /// So many speculations, of `size` bytes on every CPU that `traced` says. There is never memory for more than can be made in
    /// a moment: everybody else waits meanwhile.
    pub(crate) fn new(
        count: usize,
        size: usize,
        cpus: usize,
        traced: impl Fn(usize) -> bool,
    ) -> Result<Self, OutOfMemory> {
        if count.saturating_mul(cpus) > PARTS_MAX {
            return Err(OutOfMemory);
        }
        let part = |cpu: usize| -> Result<Option<Part>, OutOfMemory> {
            if !traced(cpu) {
                return Ok(None);
            }
            let area = UnsafeCell::new(Area::new(size & !7)?);
            Ok(Some(Part { area, drops: Tally::new() }))
        };
        let slot = |_| -> Result<Slot, OutOfMemory> {
            let parts = try_build(cpus, part)?;
            Ok(Slot { phase: AtomicU64::new(0), cleaning: AtomicBool::new(false), parts })
        };
        Ok(Speculations {
            slots: try_build(count, slot)?,
            busy: AtomicU64::new(0),
            unavailable: AtomicU64::new(0),
        })
    }

    /// None.
    pub(crate) const fn none() -> Self {
        Speculations { slots: Vec::new(), busy: AtomicU64::new(0), unavailable: AtomicU64::new(0) }
    }

    fn slot(&self, id: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(id.checked_sub(1)?).ok()?)
    }

    /// Whether there never is a speculation of this number. 0 is what `speculation()` gives when there is none to be had.
    pub(crate) fn is_illegal(&self, id: u64) -> bool {
        id > self.slots.len() as u64
    }

    /// Whether records may be sent to a speculation.
    pub(crate) fn is_recording(&self, id: u64) -> bool {
        let is_open = |slot: &Slot| matches!(slot.phase(), Phase::Active | Phase::One(_) | Phase::Many);
        self.slot(id).is_some_and(is_open)
    }

    /// `speculate()`: room for a record in this CPU's part of a speculation. None, and the record is lost, if it is no
    /// active speculation (which is not counted) or there is no room (which is).
    ///
    /// # Safety
    ///
    /// The caller is in probe context on this CPU, and commits or drops what it gets before it calls anything else here.
    pub(crate) unsafe fn reserve(&self, id: u64, cpu: usize, need: Need) -> Option<Recording<'_>> {
        let slot = self.slot(id)?;
        let here = Phase::One(cpu as u32);
        for _ in 0..TRIES {
            let phase = slot.phase();
            let to = match phase {
                Phase::Active => here,
                Phase::One(_) if phase != here => Phase::Many,
                Phase::One(_) | Phase::Many => phase,
                Phase::Inactive | Phase::Closing | Phase::Committing | Phase::Discarding => return None,
            };
            if to == phase || slot.advance(phase, to) {
                let drops = &slot.parts.get(cpu)?.as_ref()?.drops;
                // SAFETY: the contract.
                let area = unsafe { slot.area(cpu) }?;
                return Recording::new(area, need, drops);
            }
        }
        None
    }

    /// `commit()`: moves this CPU's part into its principal buffer, and has the cleaner see to the others'.
    ///
    /// # Safety
    ///
    /// The caller is in probe context on this CPU, and has no other access to the speculation.
    pub(crate) unsafe fn commit(
        &self,
        id: u64,
        cpu: usize,
        principal: &mut Writer<'_>,
        size_of_record: impl Fn(u32) -> usize,
    ) {
        let Some((slot, phase)) = self.end(id, cpu, Phase::Committing) else { return };
        // SAFETY: the contract.
        if let Some(area) = unsafe { slot.area(cpu) } {
            move_records(area, principal, size_of_record);
        }
        if phase == Phase::Closing {
            slot.set(Phase::Inactive);
        }
    }

    /// `discard()`: clears this CPU's part, and has the cleaner see to the others'.
    ///
    /// # Safety
    ///
    /// As for [`Speculations::commit`].
    pub(crate) unsafe fn discard(&self, id: u64, cpu: usize) {
        let Some((slot, phase)) = self.end(id, cpu, Phase::Discarding) else { return };
        // SAFETY: the contract.
        if let Some(area) = unsafe { slot.area(cpu) } {
            area.reset();
        }
        if phase == Phase::Closing {
            slot.set(Phase::Inactive);
        }
    }

    /// Ends the recording of a speculation. Returns the phase it has come to, if there is something left to do here.
    fn end(&self, id: u64, cpu: usize, many: Phase) -> Option<(&Slot, Phase)> {
        let slot = self.slot(id)?;
        for _ in 0..TRIES {
            let phase = slot.phase();
            let to = match phase {
                Phase::Active => Phase::Inactive,
                Phase::One(owner) if owner == cpu as u32 => Phase::Closing,
                Phase::One(_) | Phase::Many => many,
                Phase::Inactive | Phase::Closing | Phase::Committing | Phase::Discarding => return None,
            };
            if slot.advance(phase, to) {
                return (to != Phase::Inactive).then_some((slot, to));
            }
        }
        None
    }

    /// Whether there are any, so that the cleaner must look.
    pub(crate) fn is_none(&self) -> bool {
        self.slots.is_empty()
    }

    /// The cleaner's turn on one CPU: moves or clears its parts of what `ending` has noted.
    ///
    /// # Safety
    ///
    /// The caller is in probe context on this CPU.
    pub(crate) unsafe fn clean(
        &self,
        cpu: usize,
        principal: &mut Writer<'_>,
        size_of_record: impl Fn(u32) -> usize,
    ) {
        for slot in self.slots.iter().filter(|slot| slot.cleaning.load(Ordering::Relaxed)) {
            let phase = slot.phase();
            // SAFETY: the contract; one slot at a time.
            let Some(area) = (unsafe { slot.area(cpu) }) else { continue };
            match phase {
                Phase::Committing => move_records(area, principal, &size_of_record),
                Phase::Discarding => area.reset(),
                _ => (),
            }
        }
    }

    /// Notes which speculations the cleaner is about to see to, and says how many.
    pub(crate) fn ending(&self) -> usize {
        let is_ending = |slot: &&Slot| matches!(slot.phase(), Phase::Committing | Phase::Discarding);
        self.slots.iter().filter(is_ending).map(|slot| slot.cleaning.store(true, Ordering::Relaxed)).count()
    }

    /// The cleaner has had its turn on every CPU since `ending`: those are free.
    pub(crate) fn release(&self) {
        for slot in &self.slots {
            if slot.cleaning.swap(false, Ordering::Relaxed) {
                slot.set(Phase::Inactive);
            }
        }
    }

    /// What could not be taken so far.
    pub(crate) fn drops(&self) -> SpeculationDrops {
        let parts = self.slots.iter().flat_map(|slot| &slot.parts).flatten();
        SpeculationDrops {
            records: parts.fold(0, |sum, part| sum.wrapping_add(part.drops.get())),
            busy: self.busy.load(Ordering::Relaxed),
            unavailable: self.unavailable.load(Ordering::Relaxed),
        }
    }
}

impl Speculate for Speculations {
    fn speculation(&self) -> u64 {
        let mut busy = false;
        for (slot, id) in self.slots.iter().zip(1..) {
            match slot.phase() {
                Phase::Inactive if slot.advance(Phase::Inactive, Phase::Active) => return id,
                Phase::Committing | Phase::Discarding => busy = true,
                _ => (),
            }
        }
        let counter = if busy { &self.busy } else { &self.unavailable };
        counter.fetch_add(1, Ordering::Relaxed);
        0
    }
}

/// A record that is being built in a speculation.
pub(crate) struct Recording<'a> {
    area: &'a mut Area,
    need: Need,
}

impl<'a> Recording<'a> {
    fn new(area: &'a mut Area, need: Need, drops: &Tally) -> Option<Self> {
        if area.reserve(need).is_none() {
            drops.add_one();
            return None;
        }
        Some(Recording { area, need })
    }

    /// Builds the record; what `build` answers is the bytes of it that count.
    pub(crate) fn build<E>(&mut self, build: impl FnOnce(&mut [u8]) -> Result<u32, E>) -> Result<(), E> {
        // There was room a moment ago.
        if let Some(Reservation { at, record, .. }) = self.area.reserve(self.need) {
            let size = build(record)?;
            if size != 0 {
                self.area.commit(at, size);
            }
        }
        Ok(())
    }
}

/// Moves all records of a part to the end of the principal buffer, or drops them together.
fn move_records(area: &mut Area, principal: &mut Writer<'_>, size_of_record: impl Fn(u32) -> usize) {
    let bytes = area.data().len() as u32;
    if bytes != 0
        && let Some(Reservation { at, record, .. }) =
            principal.reserve(Need { bytes, align: 8, scratch: 0 }, size_of_record)
    {
        record.copy_from_slice(area.data());
        principal.commit(at, bytes);
    }
    area.reset();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{Buffer, Policy};

    const WORD: Need = Need { bytes: 4, align: 4, scratch: 0 };

    fn record(speculations: &Speculations, id: u64, cpu: usize, value: u32) -> bool {
        // SAFETY: the tests are single-threaded.
        let Some(mut recording) = (unsafe { speculations.reserve(id, cpu, WORD) }) else { return false };
        let built: Result<(), ()> = recording.build(|to| {
            to.copy_from_slice(&value.to_ne_bytes());
            Ok(4)
        });
        built.is_ok()
    }

    fn commit(speculations: &Speculations, id: u64, cpu: usize, buffer: &Buffer) {
        // SAFETY: the tests are single-threaded.
        unsafe { speculations.commit(id, cpu, &mut buffer.writer(), |_| 4) };
    }

    fn clean(speculations: &Speculations, buffers: &[Buffer]) {
        speculations.ending();
        for (cpu, buffer) in buffers.iter().enumerate() {
            // SAFETY: the tests are single-threaded.
            unsafe { speculations.clean(cpu, &mut buffer.writer(), |_| 4) };
        }
        speculations.release();
    }

    fn words(buffer: &Buffer) -> Vec<u32> {
        // SAFETY: the tests are single-threaded.
        let area = unsafe { buffer.stopped() };
        area.data().chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect()
    }

    fn setup(count: usize, size: usize) -> (Speculations, Vec<Buffer>) {
        let buffers = (0..2).map(|_| Buffer::new(Policy::Switch, 64, 0).unwrap()).collect();
        (Speculations::new(count, size, 2, |_| true).unwrap(), buffers)
    }

    #[test]
    fn ids_count_from_one_and_run_out() {
        let (speculations, _) = setup(2, 64);
        assert_eq!(
            [speculations.speculation(), speculations.speculation(), speculations.speculation()],
            [1, 2, 0]
        );
        assert_eq!(speculations.drops(), SpeculationDrops { unavailable: 1, ..Default::default() });
    }

    #[test]
    fn a_speculation_on_one_cpu_is_committed_there_at_once() {
        let (speculations, buffers) = setup(1, 64);
        let id = speculations.speculation();
        assert!(record(&speculations, id, 0, 7) && record(&speculations, id, 0, 8));
        assert_eq!(words(&buffers[0]), []);
        commit(&speculations, id, 0, &buffers[0]);
        assert_eq!(words(&buffers[0]), [7, 8]);
        assert_eq!(speculations.speculation(), 1, "it is free again");
    }

    #[test]
    fn other_cpus_parts_wait_for_the_cleaner() {
        let (speculations, buffers) = setup(1, 64);
        let id = speculations.speculation();
        assert!(record(&speculations, id, 0, 7) && record(&speculations, id, 1, 9));
        commit(&speculations, id, 0, &buffers[0]);
        assert_eq!((words(&buffers[0]), words(&buffers[1])), (vec![7], vec![]));
        assert!(!record(&speculations, id, 1, 10), "it is over");
        assert_eq!(speculations.speculation(), 0);
        assert_eq!(speculations.drops().busy, 1);
        clean(&speculations, &buffers);
        assert_eq!(words(&buffers[1]), [9]);
        assert_eq!(speculations.speculation(), 1);
    }

    #[test]
    fn a_commit_on_a_cpu_that_recorded_nothing_is_for_the_cleaner_too() {
        let (speculations, buffers) = setup(1, 64);
        let id = speculations.speculation();
        assert!(record(&speculations, id, 0, 7));
        commit(&speculations, id, 1, &buffers[1]);
        assert_eq!(speculations.ending(), 1);
        clean(&speculations, &buffers);
        assert_eq!((words(&buffers[0]), words(&buffers[1])), (vec![7], vec![]));
    }

    #[test]
    fn what_is_discarded_is_gone() {
        let (speculations, buffers) = setup(1, 64);
        for many in [false, true] {
            let id = speculations.speculation();
            assert!(record(&speculations, id, 0, 7));
            if many {
                assert!(record(&speculations, id, 1, 8));
            }
            // SAFETY: the tests are single-threaded.
            unsafe { speculations.discard(id, 0) };
            assert_eq!(speculations.ending(), usize::from(many));
            clean(&speculations, &buffers);
            let id = speculations.speculation();
            commit(&speculations, id, 0, &buffers[0]);
            clean(&speculations, &buffers);
            assert_eq!((words(&buffers[0]), words(&buffers[1])), (vec![], vec![]));
        }
    }

    #[test]
    fn what_is_no_speculation_takes_nothing() {
        let (speculations, buffers) = setup(1, 64);
        for id in [0, 1, 2, u64::MAX] {
            assert!(!record(&speculations, id, 0, 1));
            commit(&speculations, id, 0, &buffers[0]);
        }
        assert_eq!(speculations.drops(), SpeculationDrops::default());
    }

    #[test]
    fn a_record_without_room_is_a_drop() {
        let (speculations, _) = setup(1, 8);
        let id = speculations.speculation();
        assert_eq!([1, 2, 3].map(|value| record(&speculations, id, 0, value)), [true, true, false]);
        assert_eq!(speculations.drops().records, 1);
    }
}
