//! The part of a consumer that probes see.
//!
//! # Life (contract 3)
//!
//! ```text
//!   INACTIVE ──GO──► WARMUP ──► ACTIVE ──STOP or exit()──► DRAINING ──► COOLDOWN ──► STOPPED
//!                    (BEGIN)  └──exit() in BEGIN──►──────┘             (END)
//!                         any of WARMUP..COOLDOWN ──deadman──► KILLED
//! ```
//!
//! While INACTIVE nothing of a state but its activity is looked at by a probe, so the control path may build and change
//! what GO needs. Changing activity is one store, or one compare-exchange where a probe may be changing it too (`exit()`).
//! Probes of the `dtrace` provider run from WARMUP to COOLDOWN, all others only while ACTIVE.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::aggregation::AggregationBuffer;
use crate::buffer::Buffer;
use crate::cpu::Tally;
use crate::interp::{Access, Owner};
use crate::provider::Privileges;
use crate::session::Cred;
use crate::speculation::Speculations;
use crate::variable::Variables;

/// Where in its life a consumer is; the numbers of contract 3.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Activity {
    /// Being set up.
    Inactive = 0,
    /// BEGIN runs.
    Warmup = 1,
    /// Tracing.
    Active = 2,
    /// `exit()` was called, or STOP.
    Draining = 3,
    /// END runs.
    Cooldown = 4,
    /// Done; the buffers may still be read.
    Stopped = 5,
    /// The deadman ended it.
    Killed = 6,
}

impl Activity {
    const ALL: [Activity; 7] = [
        Activity::Inactive,
        Activity::Warmup,
        Activity::Active,
        Activity::Draining,
        Activity::Cooldown,
        Activity::Stopped,
        Activity::Killed,
    ];
}

/// In the number of an activity: the consumer is doubted ([`crate::housekeeping`]).
const DOUBTED: u8 = 0x80;

/// One CPU's buffers of one consumer.
#[repr(align(128))]
pub(crate) struct Buffers {
    pub(crate) principal: Buffer,
    pub(crate) aggregation: AggregationBuffer,
    /// Faults.
    pub(crate) errors: Tally,
    /// Faults in the ERROR probe.
    pub(crate) double_errors: Tally,
    /// User stacks whose strings did not fit.
    pub(crate) stack_string_overflows: Tally,
    /// Spent in `chill()` in the interval that began at `chill_interval`.
    pub(crate) chilled: AtomicU64,
    pub(crate) chill_interval: AtomicU64,
}

/// Bytes of the records of each EPID, by EPID minus one.
pub(crate) type SizeTable = Vec<AtomicU32>;

/// What exists from GO on.
pub(crate) struct Run {
    /// By CPU. None for one that is not traced on.
    pub(crate) buffers: Vec<Option<Box<Buffers>>>,
    /// Bytes of the records of each EPID, for ring buffers (else null). The session owns the table; ECBs that come after GO
    /// are entered before they can fire.
    pub(crate) sizes: AtomicPtr<SizeTable>,
    pub(crate) variables: Variables,
    pub(crate) speculations: Speculations,
    /// Bytes of a string.
    pub(crate) strsize: usize,
    /// Destructive actions are allowed.
    pub(crate) destructive: bool,
}

impl Run {
    /// The buffers of a CPU, if the consumer traces on it.
    #[inline(always)]
    pub(crate) fn buffers_of(&self, cpu: usize) -> Option<&Buffers> {
        self.buffers.get(cpu).and_then(Option::as_deref)
    }

    /// Bytes of the records of an EPID, for a buffer that must know.
    pub(crate) fn size_of_record(&self, epid: u32) -> usize {
        // SAFETY: null, or a table that the session keeps as long as the state.
        let table = unsafe { self.sizes.load(Ordering::Acquire).as_ref() };
        let size = table.and_then(|table| table.get((epid as usize).wrapping_sub(1)));
        size.map_or(0, |size| size.load(Ordering::Relaxed) as usize)
    }
}

/// The part of a consumer that probes see.
#[repr(align(64))]
pub(crate) struct State {
    activity: AtomicU8,
    /// What the probes of the `dtrace` provider get as arg0 when they are this consumer's.
    pub(crate) key: u64,
    /// What the consumer may do.
    pub(crate) privileges: Privileges,
    /// What its code may look at.
    pub(crate) access: Access,
    /// When the consumer was last heard of (STATUS, GO), in the host's timestamps.
    heard: AtomicU64,
    run: UnsafeCell<Run>,
}

// SAFETY: `run` is changed only through `State::run_mut`, whose contract keeps everybody else away; all else is atomic
// or constant, and its parts are Send.
unsafe impl Send for State {}
// SAFETY: as for Send. The parts of `Run` that change while probes run are Sync or owned by one CPU by their own rules.
unsafe impl Sync for State {}

impl State {
    pub(crate) fn new(key: u64, cred: &Cred, run: Run) -> Self {
        let activity = AtomicU8::new(Activity::Inactive as u8);
        let privileges = cred.privileges;
        let kernel = privileges.has(Privileges::KERNEL);
        let any_process =
            privileges.any(Privileges::PROC.with(Privileges::OWNER)) || privileges.has(Privileges::ALL);
        let owner = Some(Owner { uid: cred.uid, gid: cred.gid });
        State {
            activity,
            key,
            privileges,
            access: Access {
                kernel,
                process: true,
                sees_only: owner.filter(|_| !kernel && !any_process),
                changes_only: owner.filter(|_| !any_process),
            },
            heard: AtomicU64::new(0),
            run: UnsafeCell::new(run),
        }
    }

    /// Whether the consumer may not do everything: what it takes of the machine then has bounds.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        !self.privileges.has(Privileges::ALL)
    }

    /// Where in its life the consumer is.
    #[inline]
    pub(crate) fn activity(&self) -> Activity {
        // SeqCst, which on x86 is a plain load: the grace period relies on it.
        let number = self.activity.load(Ordering::SeqCst) & !DOUBTED;
        Activity::ALL.get(usize::from(number)).copied().unwrap_or(Activity::Killed)
    }

    /// Whether probes other than the `dtrace` provider's are processed without more ado.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.activity.load(Ordering::SeqCst) == Activity::Active as u8
    }

    /// Whether the probes of the `dtrace` provider are processed.
    pub(crate) fn runs_builtin(&self) -> bool {
        (Activity::Warmup..=Activity::Cooldown).contains(&self.activity())
    }

    pub(crate) fn set_activity(&self, to: Activity) {
        self.activity.store(to as u8, Ordering::SeqCst);
    }

    /// Goes from one activity to another unless somebody was faster.
    pub(crate) fn advance(&self, from: Activity, to: Activity) -> bool {
        let next = |number| (number & !DOUBTED == from as u8).then_some(to as u8);
        self.activity.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }

    /// The consumer is heard of, and not doubted any more.
    pub(crate) fn hear(&self, now: u64) {
        self.heard.store(now, Ordering::Relaxed);
        let (doubted, active) = (Activity::Active as u8 | DOUBTED, Activity::Active as u8);
        let _ = self.activity.compare_exchange(doubted, active, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The consumer has been silent for too long: if it is active, it is doubted.
    pub(crate) fn doubt(&self) {
        let (active, doubted) = (Activity::Active as u8, Activity::Active as u8 | DOUBTED);
        let _ = self.activity.compare_exchange(active, doubted, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether it is active, and doubted.
    pub(crate) fn is_doubted(&self) -> bool {
        self.activity.load(Ordering::SeqCst) == Activity::Active as u8 | DOUBTED
    }

    /// When it was last heard of.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// What exists from GO on.
    ///
    /// # Safety
    ///
    /// The caller is the control path, or a probe that has seen the activity to be other than INACTIVE.
    #[inline]
    pub(crate) unsafe fn run(&self) -> &Run {
        // SAFETY: `run_mut` is used only by the control path while INACTIVE, so neither caller meets a change.
        unsafe { &*self.run.get() }
    }

    /// The same, to be changed.
    ///
    /// # Safety
    ///
    /// The caller is the control path, holds no other reference to it, and the consumer is INACTIVE: it has never been
    /// anything else, so no probe has seen the `Run`.
    #[expect(clippy::mut_from_ref, reason = "the contract above makes it exclusive")]
    pub(crate) unsafe fn run_mut(&self) -> &mut Run {
        // SAFETY: the contract.
        unsafe { &mut *self.run.get() }
    }
}
