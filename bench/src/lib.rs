//! What a probe costs, natively and in a guest.
//!
//! [`Rig`] is one engine in this process with two probes of its own, `bench:m:f:entry` and `bench:m:f:return`, and one
//! consumer that has enabled a D program on them. Firing them is what the benches measure: from the call of a provider's
//! hook to its return, buffers included, copying out and printing not. What is measured with it are [`ROWS`].

pub mod many;
mod row;

pub use row::{Fires, ROWS, Row};

use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use dtrace_engine::errno::Errno;
use dtrace_engine::{
    Consumer, Cred, Description, Dtrace, Firing, Privileges, Probe, Provider, ProviderInfo, Registrar,
};
use dtrace_rs::d::parser::SpecKind;
use dtrace_rs::device::Device;
use dtrace_rs::handle::Handle;
use dtrace_user::Process;

/// The probes, once they are enabled, by their cookie.
static PROBES: [AtomicPtr<Probe<Process>>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// The provider of the two probes.
struct Bench;

impl Provider<Process> for Bench {
    fn provide(&self, registrar: &mut Registrar<'_, Process>, _description: Option<&Description<'_>>) {
        for (cookie, name) in [b"entry".as_slice(), b"return"].into_iter().enumerate() {
            // Already there, from the second call on.
            let _ = registrar.create(b"m", b"f", name, 0, cookie);
        }
    }

    fn enable(&self, probe: &Probe<Process>) -> Result<(), Errno> {
        let place = PROBES.get(probe.cookie()).ok_or(Errno::EINVAL)?;
        place.store(ptr::from_ref(probe).cast_mut(), Ordering::Release);
        Ok(())
    }

    /// The pointers stay: a bench fires what is no longer enabled, too. The engine of a rig is never freed.
    fn disable(&self, _probe: &Probe<Process>) {}
}

/// One consumer of a rig's engine, for libdtrace and for the rig itself.
#[derive(Clone)]
struct Session {
    engine: &'static Dtrace<Process>,
    consumer: &'static Consumer,
}

impl Device for Session {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        self.engine.ioctl(self.consumer, command, argument as u64).map_err(|errno| errno as i32)
    }

    fn name(&self) -> &str {
        "bench"
    }
}

/// An engine with two probes and one consumer. Engines are leaked: a bench run has a few dozen.
pub struct Rig {
    session: Session,
    entry: &'static Probe<Process>,
    exit: &'static Probe<Process>,
    /// The consumer's number in the engine.
    number: u64,
    /// Where snapshots go.
    room: Vec<u64>,
    closed: bool,
    /// Keeps the program enabled.
    _handle: Handle,
}

/// Bytes of the principal and of the aggregation buffer, as the command sets them.
const BUFFER: usize = 4 << 20;

impl Rig {
    /// A rig in which `program` (D text) is enabled and tracing, on one CPU, which the calling thread stands for.
    ///
    /// # Panics
    ///
    /// If the program does not compile or cannot be enabled: a bench has nobody else to tell.
    #[must_use]
    pub fn new(program: &str) -> Rig {
        dtrace_user::bind(0);
        let Ok(engine) = Dtrace::new(Process::with_cpus(1)) else { panic!("no memory for an engine") };
        let engine: &'static Dtrace<Process> = Box::leak(Box::new(engine));
        let stable = dtrace_abi::Attribute { name: 5, data: 5, class: 5 };
        let attributes = dtrace_abi::PAttr {
            provider: stable,
            module: stable,
            function: stable,
            name: stable,
            args: stable,
        };
        let info = ProviderInfo { name: "bench", attributes, privileges: Privileges::NONE, uid: 0 };
        engine.register(&info, Box::new(Bench)).expect("a provider");
        let consumer = engine.open(Cred { uid: 0, gid: 0, privileges: Privileges::ALL }).expect("a consumer");
        let number = consumer.into_raw();
        let session = Session { engine, consumer: Box::leak(Box::new(Consumer::from_raw(number))) };
        // Every rig has its probes enabled once, so that their addresses are known even where the program has none.
        let mut handle = Handle::with_device(Box::new(session.clone())).expect("a handle");
        handle.set_option("bufsize", Some("4m")).expect("an option");
        handle.set_option("aggsize", Some("4m")).expect("an option");
        let compiled = handle.compile_string(program, SpecKind::Name, &[]).expect("a program that compiles");
        handle.enable(&compiled).expect("a program that can be enabled");
        handle.go().expect("tracing");
        let [entry, exit] = [0, 1].map(|at: usize| {
            let probe = PROBES[at].load(Ordering::Acquire);
            assert!(!probe.is_null(), "the program enables both probes");
            // SAFETY: the probe of a leaked engine, which keeps its probes.
            unsafe { &*probe }
        });
        Rig { session, entry, exit, number, room: vec![0; BUFFER / 8], closed: false, _handle: handle }
    }

    /// Ends the consumer: the probes have no ECB any more.
    pub fn close(&mut self) {
        self.closed = true;
        self.session.engine.close(Consumer::from_raw(self.number));
    }

    /// A rig for a row, ready to be fired.
    ///
    /// # Panics
    ///
    /// As [`Rig::new`].
    #[must_use]
    pub fn for_row(row: &Row) -> Rig {
        let mut rig = Rig::new(row.program);
        if row.fires == Fires::Nothing {
            rig.close();
        }
        rig
    }

    /// Fires so many rounds of a row, whose buffers must hold them.
    // Not inlined, so that a profiler can tell it from what is around it.
    #[inline(never)]
    pub fn fire(&self, fires: Fires, rounds: u64) {
        match fires {
            Fires::Pair => (0..rounds).for_each(|n| {
                self.entry(n);
                self.exit();
            }),
            Fires::Entry | Fires::Nothing => (0..rounds).for_each(|n| self.entry(n)),
        }
    }

    /// Fires the entry probe, with `n` as its first argument.
    #[inline]
    fn entry(&self, n: u64) {
        // What the loop knows of the probe, a hook would not know.
        let probe = black_box(self.entry);
        self.session.engine.fire(probe, &Firing::new(&[n, 2, 3, 4, 5, 6]));
    }

    /// Fires the return probe.
    #[inline]
    fn exit(&self) {
        let probe = black_box(self.exit);
        self.session.engine.fire(probe, &Firing::new(&[0, 0, 0]));
    }

    /// Empties the buffers, so that the firings to come find room. Panics if a firing has been dropped: a drop costs less than
    /// what is to be measured.
    pub fn drain(&mut self) {
        if self.closed {
            return;
        }
        for command in [dtrace_abi::ioctl::BUFSNAP, dtrace_abi::ioctl::AGGSNAP] {
            let data = self.room.as_mut_ptr() as u64;
            let mut snapshot = dtrace_abi::BufDesc { cpu: 0, data, ..dtrace_abi::Plain::zeroed() };
            // SAFETY: the structure is the command's, and the room behind it as large as the buffer.
            let got = unsafe { self.session.ioctl(command, (&raw mut snapshot).cast()) };
            assert!(got.is_ok() && snapshot.drops == 0 && snapshot.errors == 0, "{got:?} {snapshot:?}");
        }
    }
}
