//! Strings for the frames of a user stack: `jstack()`, and `ustack()` with a string size.
//!
//! ```text
//!   record:  pid │ frame │ frame │ … │ 0 │ string\0string\0\0string\0…     one string a frame, empty where there is none
//! ```
//!
//! Probe context. A helper's fault costs the frame its string and nothing else. Since a helper is what its process brought,
//! the time that all of them together may take for one stack is limited; the frames that are left then have no string.

use super::annotator::Annotator;
use super::process::Process;
use crate::control::Dtrace;
use crate::cpu::Tally;
use crate::host::{Firing, Host};
use crate::interp::{self, Access, Code, Machine, Moment};
use crate::scratch::Scratch;

/// Nanoseconds that helpers may take for one stack: interrupts are off, and one image may have thousands of actions. It is
/// looked at before each piece of code and each subroutine, and after each frame.
const TIME_MAX: u64 = 10_000_000;

/// The longest string a helper works with, whatever the consumer's are: it is built anew for every frame.
const STRSIZE_MAX: usize = 4096;

/// The number of the frame pointer's register (contract 2.7: EBP, which is RBP).
const FRAME_POINTER: u32 = 6;

/// The arguments of a helper: program counter and frame pointer. All ten are at hand, so that a helper does not get those of
/// the probe in their place.
const ARGS: usize = 10;

/// What helpers run with beside the firing.
pub(crate) struct Surroundings<'a> {
    /// Free scratch memory, 8-aligned: its beginning and length. Nobody else uses it meanwhile.
    pub(crate) scratch: (*mut u8, usize),
    /// The consumer's size of strings.
    pub(crate) strsize: usize,
    /// Counts stacks whose strings did not fit.
    pub(crate) overflows: &'a Tally,
}

/// What became of a frame's string.
enum Outcome {
    /// There is none.
    None,
    /// It was written, so many bytes with its NUL.
    Written(usize),
    /// There is no room for it.
    TooLong,
}

impl<H: Host> Dtrace<H> {
    /// Lets the helpers of the current process say what they know of the frames of its stack. `strings` is zeros.
    #[cold]
    #[inline(never)]
    pub(crate) fn annotate(
        &self,
        moment: &Moment<'_, H>,
        surroundings: &Surroundings<'_>,
        frames: &[u8],
        strings: &mut [u8],
    ) {
        // SAFETY: probe context, and the process is not used after it.
        let Some(process) = (unsafe { self.processes.find(self.host.process_key()) }) else { return };
        let (frames, _) = frames.as_chunks::<8>();
        let mut frames = frames.iter().map(|frame| u64::from_ne_bytes(*frame)).take_while(|&pc| pc != 0);
        let mut fp = self.host.user_register(moment.firing, FRAME_POINTER).unwrap_or(0);
        let mut next = frames.next();
        let mut at = 0usize;
        let until = self.host.timestamp().saturating_add(TIME_MAX);
        while let Some(pc) = next {
            let room = strings.get_mut(at..).unwrap_or_default();
            match self.annotate_frame(moment, surroundings, process, [pc, fp], until, room) {
                Outcome::None => at += 1,
                Outcome::Written(len) => at += len,
                Outcome::TooLong => {
                    surroundings.overflows.add_one();
                    return;
                }
            }
            if self.host.timestamp() > until {
                return;
            }
            next = frames.next();
            fp = next.and_then(|caller| self.frame_above(fp, caller)).unwrap_or(fp);
        }
    }

    /// The frame pointer of the calling frame, whose program counter is known: where the return address of the frame at `fp`
    /// is just that. None if it is not: then the callee has made no frame, and its frame pointer is its caller's.
    fn frame_above(&self, fp: u64, caller: u64) -> Option<u64> {
        let mut frame = [0; 16];
        if self.host.load_user(fp, &mut frame).is_ok() {
            let (words, _) = frame.as_chunks::<8>();
            if let [above, ret] = words
                && u64::from_le_bytes(*ret) == caller
            {
                return Some(u64::from_le_bytes(*above));
            }
        }
        // A frame of a 32-bit process.
        let mut frame = [0; 8];
        self.host.load_user(fp, &mut frame).ok()?;
        let (words, _) = frame.as_chunks::<4>();
        match words {
            [above, ret] if u64::from(u32::from_le_bytes(*ret)) == caller => {
                Some(u32::from_le_bytes(*above).into())
            }
            _ => None,
        }
    }

    /// Writes the first string that an image has for a frame.
    fn annotate_frame(
        &self,
        moment: &Moment<'_, H>,
        surroundings: &Surroundings<'_>,
        process: &Process,
        [pc, fp]: [u64; 2],
        until: u64,
        room: &mut [u8],
    ) -> Outcome {
        let mut args = [0; ARGS];
        (args[0], args[1]) = (pc, fp);
        let firing = Firing { args: &args, ..*moment.firing };
        let moment = Moment::new(&self.host, moment.probe, &firing, moment.cpu());
        // SAFETY: probe context.
        for annotator in unsafe { process.annotators.iter() } {
            let outcome = run(&moment, surroundings, annotator, until, room);
            if !matches!(outcome, Outcome::None) {
                return outcome;
            }
        }
        Outcome::None
    }
}

/// Runs the clauses of one image for one frame.
fn run<H: Host>(
    moment: &Moment<'_, H>,
    surroundings: &Surroundings<'_>,
    annotator: &Annotator,
    until: u64,
    room: &mut [u8],
) -> Outcome {
    let clause = interp::Clause {
        variables: &annotator.variables,
        speculations: &(),
        access: Access { process: true, ..Access::NONE },
        strsize: surroundings.strsize.min(STRSIZE_MAX),
        epid: 0,
    };
    let (base, len) = surroundings.scratch;
    // SAFETY: the memory is the caller's to give; it is initialised, being part of a buffer, and used by this machine alone
    // until it is dropped below.
    let machine = Machine::new(moment, &clause, unsafe { Scratch::from_raw(base, len) }).until(until);
    let in_time = || moment.host.timestamp() <= until;
    match annotator.run(|code| if in_time() { machine.run(code).map_err(drop) } else { Err(()) }) {
        Some((code, address)) => write(&machine, code, address, room),
        None => Outcome::None,
    }
}

/// Writes the string at an address, which must be in the machine's own memory: anything else is a number and no string.
fn write<H: Host>(machine: &Machine<'_, H>, code: &Code, address: u64, room: &mut [u8]) -> Outcome {
    let limit = machine.clause.strsize as u64;
    let length = machine.with_code(code, || {
        machine.region(address)?;
        machine.string_length(address, limit).ok()
    });
    let Some(length) = length.filter(|&length| length != 0) else { return Outcome::None };
    let Some(to) = room.get_mut(..length as usize + 1) else { return Outcome::TooLong };
    match machine.copy_string(code, address, to) {
        Ok(_) => Outcome::Written(to.len()),
        Err(_) => {
            to.fill(0);
            Outcome::None
        }
    }
}
