//! The device: what /dev/dtrace is on a machine with the driver, in this process.
//!
//! There is one engine in a process, made at the first open, with the providers `dtrace`, `profile` and `syscall`. Each open
//! device is one consumer, as each open file is with the driver, and takes the same ioctls.

use crate::anonymous;
use crate::host::Process;
use crate::profile::Profile;
use crate::syscall::Syscall;
use dtrace_abi::PAttr;
use dtrace_engine::errno::Errno;
use dtrace_engine::{Consumer, Cred, Dtrace, Privileges, ProviderInfo, interval, syscall};
use std::ffi::c_void;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

static ENGINE: OnceLock<Dtrace<Process>> = OnceLock::new();

fn make() -> Dtrace<Process> {
    let Ok(dtrace) = Dtrace::new(Process::new()) else { panic!("no memory for the engine") };
    let profile = Profile::new(dtrace.host());
    let providers = [
        register(&dtrace, "profile", interval::STABILITY, Box::new(profile)),
        register(&dtrace, "syscall", syscall::STABILITY, Box::new(Syscall)),
    ];
    assert!(providers.iter().all(Result::is_ok), "no memory for the providers");
    dtrace
}

fn register(
    dtrace: &Dtrace<Process>,
    name: &str,
    attributes: PAttr,
    implementation: Box<dyn dtrace_engine::Provider<Process>>,
) -> Result<(), Errno> {
    // Everything that can be traced is this user's own already.
    let info = ProviderInfo { name, attributes, privileges: Privileges::NONE, uid: 0 };
    dtrace.register(&info, implementation).map(drop)
}

/// The engine of this process.
pub(crate) fn engine() -> &'static Dtrace<Process> {
    ENGINE.get_or_init(make)
}

/// Begins anonymous tracing, once: when the engine is there for all of its threads.
fn begin_anonymous() {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| anonymous::begin(engine()));
}

/// Starts the thread of the engine's periodic work, once.
fn start_housekeeper() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let housekeeper = thread::Builder::new().name("dtrace-housekeeper".into());
        // Without it dynamic variables are not cleaned and drop in time, which the consumer is told.
        let _ = housekeeper.spawn(|| {
            loop {
                let next = engine().housekeep().map_or(IDLE, Duration::from_nanos);
                thread::sleep(next.min(IDLE));
            }
        });
        let heart = thread::Builder::new().name("dtrace-heartbeat".into());
        // Without it the housekeeper's own is enough, as long as nobody keeps it waiting.
        let _ = heart.spawn(|| {
            loop {
                engine().heartbeat();
                thread::sleep(HEARTBEAT);
            }
        });
    });
}

/// How long the housekeeper rests when there is nothing to do.
const IDLE: Duration = Duration::from_millis(100);

/// How often the deadman is told that the machine is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// An open device: one consumer. Closing it (dropping) removes all its probes.
#[derive(Debug)]
pub struct Device {
    /// None only while it is being dropped.
    consumer: Option<Consumer>,
}

impl Device {
    /// Opens the engine of this process. EAGAIN or ENOMEM when there is no memory for a consumer.
    pub fn open() -> Result<Device, Errno> {
        start_housekeeper();
        begin_anonymous();
        // SAFETY: no preconditions.
        let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
        let consumer = engine().open(Cred { uid, gid, privileges: Privileges::ALL })?;
        Ok(Device { consumer: Some(consumer) })
    }

    /// An ioctl of /dev/dtrace (contract 2.1): its result, or the error number.
    ///
    /// # Safety
    ///
    /// `argument` is what the command takes: an address that may be bad (then it is EFAULT) but, where the command writes,
    /// not one of memory that anything else relies on.
    pub unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> Result<i32, Errno> {
        let consumer = self.consumer.as_ref().ok_or(Errno::ENODEV)?;
        engine().ioctl(consumer, command, argument as u64)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            engine().close(consumer);
        }
    }
}
