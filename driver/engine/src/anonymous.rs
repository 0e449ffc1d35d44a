//! Anonymous tracing: tracing that begins when the driver is loaded, before there is anybody who could ask for it, and whose
//! data somebody claims later (`dtrace -A`, `dtrace -a`).
//!
//! # What is saved
//!
//! `dtrace -A` writes a file that the host finds when it starts. The file is images of DOF, one behind the other, each beginning
//! at a multiple of eight bytes: what ENABLE would have been given, in the order in which it would have been, options included.
//! So there is no format of its own, and an image in the file is trusted no more than one that comes through an ioctl: it is
//! verified completely. The file is taken as a whole or not at all.
//!
//! # The anonymous state
//!
//! [`Dtrace::begin_anonymous`] makes a session as `open` does, with all privileges, enables every image and lets it go: BEGIN fires
//! then. There is one at most. From there on it is a consumer like any other (later probes are matched with it, its memory
//! is what GO grants to anybody, its buffers fill and drop by their policy), but for two things. Nobody can ask for its STATUS, so
//! the deadman hears the housekeeper in its place ([`crate::housekeeping`]); and if it ends by itself (`exit()`) it waits in DRAINING,
//! its END unfired, until somebody stops it.
//!
//! ```text
//!   begin_anonymous ──► unclaimed ──GO of a consumer with grabanon──► that consumer's own ──close──► gone
//!                           └──────────end_anonymous (unload)──────────────────────────────────────────┘
//! ```
//!
//! # Claiming
//!
//! GO of a consumer that has set `grabanon` gives it the session in place of its own: from then on the consumer's id is the
//! anonymous session's, and every other request finds it there without knowing. Only a consumer with all privileges gets it
//! (EPERM): it has seen what belongs to everybody. ENOENT if there is none, which is what the slower of two gets; EALREADY if the
//! consumer has enabled anything itself. The library's own ERROR program does not count: a library that sends it first, as
//! it does for every consumer, need not know better, and the anonymous state has brought one of its own.
//!
//! The options are those that were saved, but for those that say how data is looked at (rates, `quiet`, `flowindent`, sorting):
//! of these the claimer's own count, where he has set them.
//!
//! Rejected: a session that refers to another one, whose ECBs and buffers each request would have to choose between; a private
//! header in the file (what is not DOF would need a second verifier).
//!
//! Control path.

use core::fmt;

use dtrace_abi::{DofHdr, Plain, limit};

use crate::clause::Clause;
use crate::control::{Consumer, Control, Dtrace};
use crate::dof::{DofError, Program, Purpose};
use crate::errno::Errno;
use crate::host::Host;
use crate::provider::Privileges;
use crate::session::Cred;

/// The most bytes that may be saved. One image of them may have fewer than 256 KiB (contract 2.1).
pub const SAVED_MAX: usize = 4 << 20;

/// Images begin at multiples of this.
const ALIGN: usize = 8;

/// The `uarg` of the library's own ERROR program (contract 2.5).
const LIBRARY: u64 = 1;

/// What an anonymous state began with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anonymous {
    /// Clauses that were enabled.
    pub clauses: usize,
    /// Probes that they matched, each for itself.
    pub probes: usize,
}

/// Why there is no anonymous state. Images are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousError {
    /// There is one already, which nobody has claimed.
    Exists,
    /// Nothing is saved.
    Empty,
    /// More is saved than may be.
    TooBig,
    /// An image is cut off, or is none.
    Image {
        /// Which.
        image: usize,
        /// Why.
        error: DofError,
    },
    /// An image could not be enabled.
    Enable {
        /// Which.
        image: usize,
        /// Why.
        error: Errno,
    },
    /// Tracing could not begin.
    Go(Errno),
}

impl fmt::Display for AnonymousError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnonymousError::Exists => f.write_str("there is an anonymous state already"),
            AnonymousError::Empty => f.write_str("nothing is saved"),
            AnonymousError::TooBig => write!(f, "more than {SAVED_MAX} bytes are saved"),
            AnonymousError::Image { image, error } => write!(f, "image {image}: {error}"),
            AnonymousError::Enable { image, error } => write!(f, "image {image} cannot be enabled: {error}"),
            AnonymousError::Go(error) => write!(f, "tracing cannot begin: {error}"),
        }
    }
}

impl core::error::Error for AnonymousError {}

impl<H: Host> Dtrace<H> {
    /// Begins the tracing that was saved. After an error there is nothing of it left.
    ///
    /// The providers should be there. Probes that come later are matched when they come.
    #[inline(never)]
    pub fn begin_anonymous(&self, saved: &[u8]) -> Result<Anonymous, AnonymousError> {
        let cred = Cred { uid: 0, gid: 0, privileges: Privileges::ALL };
        let consumer = self.open(cred).map_err(AnonymousError::Go)?;
        let result = self.begin_saved(&mut self.control(), consumer.id(), saved);
        if result.is_err() {
            self.close(consumer);
        }
        result
    }

    /// Enables what was saved for a session, and lets it go.
    #[inline(never)]
    fn begin_saved(
        &self,
        control: &mut Control<H>,
        id: u64,
        saved: &[u8],
    ) -> Result<Anonymous, AnonymousError> {
        if control.anonymous.is_some() {
            return Err(AnonymousError::Exists);
        }
        if saved.is_empty() {
            return Err(AnonymousError::Empty);
        }
        if saved.len() > SAVED_MAX {
            return Err(AnonymousError::TooBig);
        }
        self.welcome(control, id).map_err(AnonymousError::Go)?;
        let mut rest = saved;
        let mut image = 0;
        while !rest.is_empty() {
            let failed = |error| AnonymousError::Image { image, error };
            let (bytes, behind) = first_image(rest).map_err(failed)?;
            let limits = control.session(id).map_err(AnonymousError::Go)?.limits();
            // Enabling says only which errno it is.
            drop(Program::load(bytes, Purpose::Enable, &limits).map_err(failed)?);
            self.enable(control, id, bytes).map_err(|error| AnonymousError::Enable { image, error })?;
            (rest, image) = (behind, image + 1);
        }
        self.begin(control, id).map_err(AnonymousError::Go)?;
        control.anonymous = Some(id);
        let session = control.session(id).map_err(AnonymousError::Go)?;
        Ok(Anonymous { clauses: session.clauses().count(), probes: session.ecbs.len() })
    }

    /// Whether there is an anonymous state that nobody has claimed.
    pub fn has_anonymous(&self) -> bool {
        self.control().anonymous.is_some()
    }

    /// Ends the anonymous state, if nobody has claimed it: as if its consumer had been closed.
    pub fn end_anonymous(&self) {
        let id = self.control().anonymous.take();
        if let Some(id) = id {
            self.close(Consumer::from_raw(id));
        }
    }

    /// A consumer that is INACTIVE gets the anonymous state: the CPU that its BEGIN ran on.
    #[inline(never)]
    pub(crate) fn claim(&self, control: &mut Control<H>, consumer: u64) -> Result<usize, Errno> {
        let session = control.session(consumer)?;
        if !session.cred.privileges.has(Privileges::ALL) {
            return Err(Errno::EPERM);
        }
        let enables = !session.clauses().all(is_of_library);
        let id = control.anonymous.ok_or(Errno::ENOENT)?;
        if enables {
            return Err(Errno::EALREADY);
        }
        let at = control.sessions.iter().position(|s| s.id == consumer).ok_or(Errno::EBADF)?;
        self.unlink_ecbs(control, at, 0);
        let _ = control.commit();
        self.synchronize();
        let own = control.sessions.remove(at);
        control.anonymous = None;
        let now = self.host.timestamp();
        let session = control.session(id)?;
        session.id = consumer;
        session.cred = own.cred;
        session.options.look_as(&own.options);
        session.state().hear(now);
        Ok(session.began_on)
    }
}

/// The first of the images that are saved, and what is behind it.
fn first_image(saved: &[u8]) -> Result<(&[u8], &[u8]), DofError> {
    let header = DofHdr::from_bytes(saved).ok_or(DofError::Truncated)?;
    if header.loadsz >= limit::DOF_MAXSIZE {
        return Err(DofError::TooBig);
    }
    let size = header.loadsz as usize;
    // The rest of the header is the loader's to judge.
    if size < size_of::<DofHdr>() {
        return Err(DofError::Truncated);
    }
    let image = saved.get(..size).ok_or(DofError::Truncated)?;
    Ok((image, saved.get(size.next_multiple_of(ALIGN)..).unwrap_or_default()))
}

/// Whether a clause is the library's own ERROR program.
fn is_of_library(clause: &Clause) -> bool {
    clause.uarg == LIBRARY && clause.description().name == b"ERROR"
}
