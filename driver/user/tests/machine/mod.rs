//! An engine with probes of its own that threads fire, and consumers that are driven by D programs.
#![allow(dead_code, reason = "each test file uses its part of this")]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;

use dtrace_abi::{Attribute, PAttr, Status, class, stability};
use dtrace_engine::errno::Errno;
use dtrace_engine::{
    Consumer, Cred, Description, Dtrace, Firing, Privileges, Probe, Provider, ProviderInfo, Registrar,
};
use dtrace_rs::d::parser::SpecKind;
use dtrace_rs::device::{Device, Requests};
use dtrace_rs::dof;
use dtrace_rs::handle::Handle;
use dtrace_user::{Process, bind};

/// CPUs of the machine, each played by a thread.
pub(crate) const CPUS: usize = 4;

/// The probes, `load::: entry` and so on.
const NAMES: [&str; 3] = ["entry", "return", "check"];
/// `load:::entry`
pub(crate) const ENTRY: usize = 0;
/// `load:::return`
pub(crate) const RETURN: usize = 1;
/// `load:::check`
pub(crate) const CHECK: usize = 2;

type Places = [AtomicPtr<Probe<Process>>; NAMES.len()];

struct Load(Arc<Places>);

impl Provider<Process> for Load {
    fn provide(&self, registrar: &mut Registrar<'_, Process>, _description: Option<&Description<'_>>) {
        for (place, name) in self.0.iter().zip(NAMES) {
            // Already there, from the second call on.
            if let Ok(id) = registrar.create(b"m", b"f", name.as_bytes(), 0, 0)
                && let Some(probe) = registrar.probe(id)
            {
                place.store(ptr::from_ref(probe).cast_mut(), Ordering::Release);
            }
        }
    }

    fn enable(&self, _probe: &Probe<Process>) -> Result<(), Errno> {
        Ok(())
    }

    fn disable(&self, _probe: &Probe<Process>) {}
}

/// The engine and its probes.
pub(crate) struct Machine {
    engine: Dtrace<Process>,
    places: Arc<Places>,
}

impl Machine {
    /// A machine of [`CPUS`].
    pub(crate) fn new() -> Arc<Machine> {
        let Ok(engine) = Dtrace::new(Process::with_cpus(CPUS)) else { panic!("no memory for an engine") };
        let places = Arc::new(Places::default());
        let evolving = Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON);
        let attributes = PAttr {
            provider: evolving,
            module: evolving,
            function: evolving,
            name: evolving,
            args: evolving,
        };
        let info = ProviderInfo { name: "load", attributes, privileges: Privileges::NONE, uid: 0 };
        engine.register(&info, Box::new(Load(Arc::clone(&places)))).expect("a provider");
        Arc::new(Machine { engine, places })
    }

    /// Fires a probe on the CPU that the thread stands for.
    #[inline]
    pub(crate) fn fire(&self, probe: usize, args: &[u64]) {
        // SAFETY: the provider was registered by `new`, and its probes exist as long as the engine.
        if let Some(probe) = unsafe { self.places[probe].load(Ordering::Acquire).as_ref() } {
            self.engine.fire(probe, &Firing::new(args));
        }
    }

    /// Has each CPU do its part of the work, each in a thread, while the engine is kept in order and `read` is called again
    /// and again; and once more when all is done.
    pub(crate) fn load(&self, work: impl Fn(&Machine, usize) + Sync, mut read: impl FnMut()) {
        let running = AtomicUsize::new(CPUS);
        thread::scope(|scope| {
            for cpu in 0..CPUS {
                let (work, running) = (&work, &running);
                scope.spawn(move || {
                    // Whatever becomes of the work, `read` is not called for ever.
                    let _done = Done(running);
                    bind(cpu);
                    work(self, cpu);
                });
            }
            while running.load(Ordering::Acquire) != 0 {
                self.engine.housekeep();
                read();
                thread::yield_now();
            }
        });
        read();
    }

    /// An open consumer.
    pub(crate) fn open(self: &Arc<Self>) -> Session {
        let cred = Cred { uid: 0, gid: 0, privileges: Privileges::ALL };
        let consumer = self.engine.open(cred).expect("a consumer");
        Session { machine: Arc::clone(self), consumer: Some(consumer) }
    }
}

struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// The image that our compiler makes of a program.
pub(crate) fn compile(machine: &Arc<Machine>, program: &str) -> Vec<u8> {
    let mut handle = Handle::with_device(Box::new(machine.open())).expect("a handle");
    let program = handle.compile_string(program, SpecKind::Name, &[]).expect("a program that compiles");
    dof::program_image(&program)
}

/// A consumer; dropping it closes it.
pub(crate) struct Session {
    machine: Arc<Machine>,
    consumer: Option<Consumer>,
}

impl Device for Session {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, i32> {
        let consumer = self.consumer.as_ref().ok_or(libc::EBADF)?;
        self.machine.engine.ioctl(consumer, command, argument as u64).map_err(|errno| errno as i32)
    }

    fn name(&self) -> &str {
        "load"
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            self.machine.engine.close(consumer);
        }
    }
}

/// One record: its EPID (or aggregation id) and the bytes of its parts.
pub(crate) struct Record<'a> {
    /// The id word.
    pub(crate) id: u32,
    /// The data of each part, in order; parts without data are left out.
    pub(crate) parts: Vec<&'a [u8]>,
}

impl Record<'_> {
    /// A part that is a number.
    pub(crate) fn number(&self, part: usize) -> u64 {
        self.words(part)[0]
    }

    /// A part as words.
    pub(crate) fn words(&self, part: usize) -> Vec<u64> {
        let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        self.parts[part].chunks(8).map(word).collect()
    }
}

/// Size of a record, and offset and size of its parts.
type Shape = (usize, Vec<(usize, usize)>);

fn shape(size: u32, records: &[dtrace_abi::RecDesc]) -> Shape {
    let part = |record: &dtrace_abi::RecDesc| (record.offset as usize, record.size as usize);
    (size as usize, records.iter().map(part).filter(|(_, size)| *size != 0).collect())
}

/// A consumer that traces, and the room for its snapshots.
pub(crate) struct Tracing {
    session: Session,
    room: Vec<u8>,
    eprobes: Vec<Option<Shape>>,
    aggregations: Vec<Option<Shape>>,
}

/// What was lost of one CPU's buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lost {
    /// For want of room.
    pub(crate) drops: u64,
    /// By faults.
    pub(crate) errors: u32,
}

impl Tracing {
    /// Enables an image with these options, and goes.
    pub(crate) fn go(machine: &Arc<Machine>, image: &[u8], options: &[(u32, i64)]) -> Tracing {
        let session = machine.open();
        let requests = Requests::new(&session);
        requests.enable(image).expect("an image that can be enabled");
        requests.enable(&dof::options_image(options.iter().copied())).expect("options that are");
        requests.go().expect("to trace");
        let size = |wanted| options.iter().find(|(option, _)| *option == wanted).map_or(0, |(_, size)| *size);
        let most = size(dtrace_abi::option::BUFSIZE).max(size(dtrace_abi::option::AGGSIZE));
        let room = vec![0; usize::try_from(most).expect("a size")];
        Tracing { session, room, eprobes: Vec::new(), aggregations: Vec::new() }
    }

    /// STOP.
    pub(crate) fn stop(&self) {
        Requests::new(&self.session).stop().expect("to stop");
    }

    /// STATUS, which also tells the deadman that the consumer lives.
    pub(crate) fn status(&self) -> Status {
        let status = Requests::new(&self.session).status().expect("a status");
        assert_eq!(status.killed, 0, "the deadman was not served in time");
        status
    }

    /// Takes a snapshot of a CPU's principal buffer, and shows its records from the oldest on.
    pub(crate) fn records(&mut self, cpu: usize, mut each: impl FnMut(&Record<'_>)) -> Lost {
        self.status();
        let requests = Requests::new(&self.session);
        let snapshot = requests.snapshot(cpu as u32, &mut self.room).expect("a snapshot");
        let eprobes = &mut self.eprobes;
        let mut shape_of = |id: u32| {
            known(eprobes, id, || {
                let eprobe = requests.enabled_probe(id).expect("a record of an EPID that is known");
                shape(eprobe.size, &eprobe.records)
            })
        };
        let (newer, older) = self.room[..snapshot.size].split_at(snapshot.oldest);
        walk(older, &mut shape_of, &mut each);
        walk(newer, &mut shape_of, &mut each);
        Lost { drops: snapshot.drops, errors: snapshot.errors }
    }

    /// Takes a snapshot of a CPU's aggregations, and shows them.
    pub(crate) fn aggregations(&mut self, cpu: usize, mut each: impl FnMut(&Record<'_>)) -> Lost {
        self.status();
        let requests = Requests::new(&self.session);
        let snapshot = requests.aggregation_snapshot(cpu as u32, &mut self.room).expect("a snapshot");
        let aggregations = &mut self.aggregations;
        let mut shape_of = |id: u32| {
            known(aggregations, id, || {
                let aggregation = requests.aggregation(id).expect("a record of an aggregation that is known");
                shape(aggregation.size, &aggregation.records)
            })
        };
        walk(&self.room[..snapshot.size], &mut shape_of, &mut each);
        Lost { drops: snapshot.drops, errors: snapshot.errors }
    }
}

fn known(shapes: &mut Vec<Option<Shape>>, id: u32, ask: impl FnOnce() -> Shape) -> Shape {
    let id = id as usize;
    if shapes.len() <= id {
        shapes.resize(id + 1, None);
    }
    shapes[id].get_or_insert_with(ask).clone()
}

fn walk(data: &[u8], shape_of: &mut impl FnMut(u32) -> Shape, each: &mut impl FnMut(&Record<'_>)) {
    let mut at = 0;
    let mut last: Option<(u32, Shape)> = None;
    while at < data.len() {
        let id = u32::from_ne_bytes(data[at..at + 4].try_into().expect("four bytes"));
        if id == 0 {
            at += 4;
            continue;
        }
        if last.as_ref().is_none_or(|(known, _)| *known != id) {
            last = Some((id, shape_of(id)));
        }
        let Some((_, (size, parts))) = &last else { unreachable!("it was just put there") };
        let record = &data[at..at + size];
        each(&Record {
            id,
            parts: parts.iter().map(|&(offset, len)| &record[offset..offset + len]).collect(),
        });
        at += size;
    }
}
