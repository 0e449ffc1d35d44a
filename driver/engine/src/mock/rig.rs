//! An engine on a [`Mock`], a table of probes to fire, and consumers.

extern crate std;

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::boxed::Box;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use dtrace_abi::{Attribute, BufDesc, PAttr, Plain, class, ioctl, stability};

use super::{Mock, USER_BASE, go_to_cpu};
use crate::control::{Consumer, Dtrace};
use crate::errno::Errno;
use crate::host::Firing;
use crate::probe::Probe;
use crate::provider::{Description, Privileges, Provider, ProviderInfo, Registrar};
use crate::session::Cred;

/// The probes of the rig's provider.
#[derive(Default)]
struct Table {
    rows: Vec<Row>,
    commits: AtomicU32,
    refuses: AtomicBool,
}

struct Row {
    names: [String; 3],
    probe: AtomicPtr<Probe<Mock>>,
    /// How often it was enabled, less how often it was disabled.
    enabled: AtomicU32,
}

struct TableProvider(Arc<Table>);

impl Provider<Mock> for TableProvider {
    fn provide(&self, registrar: &mut Registrar<'_, Mock>, _description: Option<&Description<'_>>) {
        for (cookie, row) in self.0.rows.iter().enumerate() {
            let [module, function, name] = row.names.each_ref().map(String::as_bytes);
            if registrar.lookup(module, function, name).is_some() {
                continue;
            }
            if let Ok(id) = registrar.create(module, function, name, 1, cookie)
                && let Some(probe) = registrar.probe(id)
            {
                row.probe.store(ptr::from_ref(probe).cast_mut(), Ordering::Release);
            }
        }
    }

    fn enable(&self, probe: &Probe<Mock>) -> Result<(), Errno> {
        if let Some(row) = self.0.rows.get(probe.cookie()) {
            row.enabled.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn disable(&self, probe: &Probe<Mock>) {
        if let Some(row) = self.0.rows.get(probe.cookie()) {
            row.enabled.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn commit(&self) -> Result<(), Errno> {
        self.0.commits.fetch_add(1, Ordering::Relaxed);
        if self.0.refuses.swap(false, Ordering::Relaxed) { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    fn is_about_thread(&self, probe: &Probe<Mock>) -> bool {
        self.0.rows.get(probe.cookie()).is_none_or(|row| !row.names[2].starts_with("tick-"))
    }

    fn usermode(&self, probe: &Probe<Mock>, _firing: &Firing<'_>) -> bool {
        self.0.rows.get(probe.cookie()).is_none_or(|row| row.names[2] != "kernel-mode")
    }

    fn arg_value(&self, _probe: &Probe<Mock>, _firing: &Firing<'_>, n: usize) -> u64 {
        0xa000 + n as u64
    }
}

/// A probe of the rig, to be fired.
#[derive(Clone, Copy)]
pub struct ProbeRef<'a> {
    rig: &'a Rig,
    probe: &'a Probe<Mock>,
}

impl ProbeRef<'_> {
    /// Fires it on the CPU that the thread is on.
    #[inline]
    pub fn fire(&self, args: &[u64]) {
        self.rig.dtrace.fire(self.probe, &Firing::new(args));
    }

    /// Fires it as a hook does that has its arguments one by one.
    pub fn fire_at_once(&self, args: &[u64]) {
        let (dtrace, arg) = (&self.rig.dtrace, |n: usize| args.get(n).copied().unwrap_or_default());
        if !dtrace.is_idle(self.probe) && !dtrace.fire_at_once(self.probe, args.len(), arg) {
            dtrace.fire_busy(self.probe, &Firing::new(args));
        }
    }

    /// Fires it as a hook does that has made sure already that nothing else runs on this CPU.
    pub fn fire_at_once_on(&self, cpu: usize, args: &[u64]) {
        go_to_cpu(cpu);
        let (dtrace, arg) = (&self.rig.dtrace, |n: usize| args.get(n).copied().unwrap_or_default());
        if !dtrace.is_idle(self.probe) && !dtrace.fire_at_once_on(self.probe, cpu, args.len(), arg) {
            dtrace.fire_busy(self.probe, &Firing::new(args));
        }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.probe.id()
    }
}

/// An engine on a [`Mock`], with a provider named `mock`.
pub struct Rig {
    dtrace: Dtrace<Mock>,
    table: Arc<Table>,
    /// Consumers take turns at user memory.
    memory: Mutex<()>,
}

/// Where a request's argument is put, and where bulk data is, in user memory.
const ARGUMENT_AT: u64 = USER_BASE + 0x1000;
const DATA_AT: u64 = USER_BASE + 0x10_0000;

const EVOLVING: Attribute = Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON);

impl Rig {
    /// A rig with so many CPUs and these probes (module, function, name).
    pub fn new(cpus: usize, probes: &[[&str; 3]]) -> Rig {
        Rig::on(Mock::new(cpus), probes)
    }

    /// A rig on a machine.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    pub fn on(mock: Mock, probes: &[[&str; 3]]) -> Rig {
        Rig::with_privileges(mock, probes, Privileges::KERNEL)
    }

    /// A rig on a machine, whose provider is for whom has these privileges.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    pub fn with_privileges(mock: Mock, probes: &[[&str; 3]], privileges: Privileges) -> Rig {
        Rig::of_provider("mock", mock, probes, privileges)
    }

    /// A rig on a machine, whose provider has this name.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    pub fn of_provider(name: &str, mock: Mock, probes: &[[&str; 3]], privileges: Privileges) -> Rig {
        let row = |names: &[&str; 3]| Row {
            names: names.map(ToString::to_string),
            probe: AtomicPtr::default(),
            enabled: AtomicU32::new(0),
        };
        let table = Arc::new(Table {
            rows: probes.iter().map(row).collect(),
            commits: AtomicU32::new(0),
            refuses: AtomicBool::new(false),
        });
        let dtrace = Dtrace::new(mock).expect("memory for the engine");
        let info = ProviderInfo {
            name,
            attributes: PAttr {
                provider: EVOLVING,
                module: EVOLVING,
                function: EVOLVING,
                name: EVOLVING,
                args: EVOLVING,
            },
            privileges,
            uid: 0,
        };
        dtrace.register(&info, Box::new(TableProvider(Arc::clone(&table)))).expect("memory for the provider");
        Rig { dtrace, table, memory: Mutex::new(()) }
    }

    /// The engine.
    pub fn dtrace(&self) -> &Dtrace<Mock> {
        &self.dtrace
    }

    /// The machine.
    pub fn mock(&self) -> &Mock {
        self.dtrace.host()
    }

    /// The probe of a row of the table.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn probe(&self, row: usize) -> ProbeRef<'_> {
        let probe = self.table.rows[row].probe.load(Ordering::Acquire);
        // SAFETY: the provider's probes exist until the engine is dropped: nobody else knows its id to unregister it.
        let probe = unsafe { probe.as_ref() }.expect("the probe was created when the provider registered");
        ProbeRef { rig: self, probe }
    }

    /// Whether the provider has been told to enable the probe of a row, and not to disable it since.
    ///
    /// # Panics
    ///
    /// When it was told so twice.
    pub fn is_hooked(&self, row: usize) -> bool {
        match self.table.rows[row].enabled.load(Ordering::Relaxed) {
            0 => false,
            1 => true,
            times => panic!("enabled {times} times"),
        }
    }

    /// The next commit fails.
    pub fn refuse_commit(&self) {
        self.table.refuses.store(true, Ordering::Relaxed);
    }

    /// How often the provider was told to commit.
    pub fn commits(&self) -> u32 {
        self.table.commits.load(Ordering::Relaxed)
    }

    /// A consumer with all privileges.
    ///
    /// # Panics
    ///
    /// When there is no memory.
    pub fn open(&self) -> Handle<'_> {
        self.open_as(Cred { uid: 0, gid: 0, privileges: Privileges::ALL }).expect("memory for a consumer")
    }

    /// A consumer.
    pub fn open_as(&self, cred: Cred) -> Result<Handle<'_>, Errno> {
        Ok(Handle { rig: self, consumer: Some(self.dtrace.open(cred)?) })
    }
}

/// What a snapshot brought.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The answer.
    pub desc: BufDesc,
    /// The data.
    pub data: Vec<u8>,
}

/// A consumer; dropping it closes it.
pub struct Handle<'a> {
    rig: &'a Rig,
    consumer: Option<Consumer>,
}

impl Handle<'_> {
    fn request(&self, command: u32, arg: u64) -> Result<i32, Errno> {
        match &self.consumer {
            Some(consumer) => self.rig.dtrace.ioctl(consumer, command, arg),
            None => Err(Errno::EBADF),
        }
    }

    /// An ioctl whose argument is these bytes, which become the answer.
    pub fn ioctl_bytes(&self, command: u32, arg: &mut [u8]) -> Result<i32, Errno> {
        let _turn = self.rig.memory.lock().unwrap_or_else(PoisonError::into_inner);
        self.rig.mock().poke_user(ARGUMENT_AT, arg)?;
        let result = self.request(command, ARGUMENT_AT);
        self.rig.mock().peek_user(ARGUMENT_AT, arg)?;
        result
    }

    /// An ioctl whose argument is a structure, which becomes the answer.
    pub fn ioctl<T: Plain>(&self, command: u32, arg: &mut T) -> Result<i32, Errno> {
        self.ioctl_bytes(command, arg.as_bytes_mut())
    }

    /// An ioctl with this number for an argument.
    pub fn ioctl_raw(&self, command: u32, arg: u64) -> Result<i32, Errno> {
        self.request(command, arg)
    }

    /// ENABLE.
    pub fn enable(&self, image: &[u8]) -> Result<i32, Errno> {
        self.ioctl_bytes(ioctl::ENABLE, &mut image.to_vec())
    }

    /// GO: the CPU that BEGIN ran on.
    pub fn go(&self) -> Result<i32, Errno> {
        let mut cpu = -1i32;
        self.ioctl(ioctl::GO, &mut cpu)?;
        Ok(cpu)
    }

    /// STOP: the CPU that END ran on.
    pub fn stop(&self) -> Result<i32, Errno> {
        let mut cpu = -1i32;
        self.ioctl(ioctl::STOP, &mut cpu)?;
        Ok(cpu)
    }

    /// BUFSNAP.
    pub fn buffer(&self, cpu: u32) -> Result<Snapshot, Errno> {
        self.snapshot(ioctl::BUFSNAP, cpu)
    }

    /// AGGSNAP.
    pub fn aggregations(&self, cpu: u32) -> Result<Snapshot, Errno> {
        self.snapshot(ioctl::AGGSNAP, cpu)
    }

    fn snapshot(&self, command: u32, cpu: u32) -> Result<Snapshot, Errno> {
        let _turn = self.rig.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mock = self.rig.mock();
        let mut desc = BufDesc { cpu, data: DATA_AT, ..BufDesc::zeroed() };
        mock.poke_user(ARGUMENT_AT, desc.as_bytes())?;
        self.request(command, ARGUMENT_AT)?;
        mock.peek_user(ARGUMENT_AT, desc.as_bytes_mut())?;
        let mut data = std::vec![0; desc.size as usize];
        mock.peek_user(DATA_AT, &mut data)?;
        Ok(Snapshot { desc, data })
    }

    /// Closes the consumer.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            self.rig.dtrace.close(consumer);
        }
    }
}
