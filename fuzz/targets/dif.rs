//! Programs of random instructions and actions, enabled and fired in this process. Addresses are real here: a program may look
//! anywhere, and nothing may come of it but a fault.
#![no_main]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use dtrace_abi::{Attribute, BufDesc, DofHdr, DofOptDesc, PAttr, Plain, class, ioctl, option, stability};
use dtrace_engine::errno::Errno;
use dtrace_engine::{
    Consumer, Cred, Description, Dtrace, Firing, Privileges, Probe, Provider, ProviderInfo, Registrar,
};
use dtrace_user::{Process, bind};
use fuzz::input::Input;
use fuzz::ledger::{balanced, limitless};
use fuzz::{program, records};
use libfuzzer_sys::fuzz_target;

const CPUS: usize = 2;
const NAMES: [&str; 2] = ["entry", "return"];

type Places = [AtomicPtr<Probe<Process>>; NAMES.len()];

struct Table(Arc<Places>);

impl Provider<Process> for Table {
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

struct Machine {
    engine: Dtrace<Process>,
    places: Arc<Places>,
}

/// The engine of all runs: what one leaves behind, the next would meet.
fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
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
        let info = ProviderInfo { name: "mock", attributes, privileges: Privileges::NONE, uid: 0 };
        engine.register(&info, Box::new(Table(Arc::clone(&places)))).expect("a provider");
        let machine = Machine { engine, places };
        // What is kept for good is taken at the first run.
        run(&machine, &mut Input::new(&[]));
        machine
    })
}

fuzz_target!(|data: &[u8]| {
    let machine = machine();
    balanced(|| run(machine, &mut Input::new(data)));
});

fn run(machine: &Machine, input: &mut Input<'_>) {
    let text = *b"some text in memory, and not a little of it\0";
    let local = text.as_ptr() as u64;
    let addresses = [
        local,
        local + 40,
        ptr::from_ref(machine) as u64,
        ptr::from_ref(&machine.engine) as u64,
        run as *const () as u64,
        0xffff_8880_0000_0000,
        0x0000_8000_0000_0000,
        4096,
    ];
    let privileges = match input.below(4) {
        0 => Privileges::PROC.with(Privileges::USER),
        1 => Privileges::KERNEL.with(Privileges::USER),
        _ => Privileges::ALL,
    };
    let consumer = machine.engine.open(Cred { uid: 0, gid: 0, privileges }).expect("a consumer");
    let mine = Mine { machine, consumer };
    let _ = mine.ask(ioctl::ENABLE, &mut program::options(input));
    if mine.ask(ioctl::ENABLE, &mut program::image(input, &addresses)).is_ok()
        && mine.ask(ioctl::GO, &mut [0; 4]).is_ok()
    {
        for _ in 0..=input.below(12) {
            bind(input.below(CPUS));
            let probe = input.below(NAMES.len());
            let args = [input.long(), local, u64::from(input.byte()), 0, 5, 6];
            // SAFETY: the probes exist as long as the engine, which is for ever.
            if let Some(probe) = unsafe { machine.places[probe].load(Ordering::Acquire).as_ref() } {
                machine.engine.fire(probe, &Firing::new(&args));
            }
            if input.once_in(8) {
                machine.engine.housekeep();
            }
        }
        limitless(|| mine.snapshots());
        let _ = mine.ask(ioctl::STOP, &mut [0; 4]);
        limitless(|| mine.snapshots());
    }
}

/// A consumer that is closed when it is dropped.
struct Mine<'a> {
    machine: &'a Machine,
    consumer: Consumer,
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        let consumer = std::mem::replace(&mut self.consumer, Consumer::from_raw(u64::MAX));
        self.machine.engine.close(consumer);
    }
}

impl Mine<'_> {
    fn ask(&self, command: u32, argument: &mut [u8]) -> Result<i32, Errno> {
        self.machine.engine.ioctl(&self.consumer, command, argument.as_mut_ptr() as u64)
    }

    /// An option as GO has settled it.
    fn settled(&self, which: u32) -> usize {
        const ROOM: usize = 64 + 32 + 16 * option::MAX as usize;
        let mut image = [0; ROOM];
        image[..size_of::<DofHdr>()]
            .copy_from_slice(DofHdr { loadsz: ROOM as u64, ..DofHdr::zeroed() }.as_bytes());
        self.ask(ioctl::DOFGET, &mut image).expect("the options");
        let at = 64 + 32 + 16 * which as usize;
        let desc = DofOptDesc::from_bytes(&image[at..]).expect("an option");
        assert_eq!(desc.option, which);
        usize::try_from(desc.value as i64).unwrap_or(0)
    }

    fn snapshots(&self) {
        for cpu in 0..CPUS as u32 {
            if let Some((data, desc)) = self.snapshot(ioctl::BUFSNAP, cpu, option::BUFSIZE) {
                records::check_records(&data, desc.oldest, &mut |command, argument| {
                    self.ask(command, argument)
                });
            }
            if let Some((data, _)) = self.snapshot(ioctl::AGGSNAP, cpu, option::AGGSIZE) {
                records::check_aggregations(&data, &mut |command, argument| self.ask(command, argument));
            }
        }
    }

    /// A snapshot into as much room as the option says, with a border behind it that must stay as it is.
    fn snapshot(&self, command: u32, cpu: u32, size: u32) -> Option<(Vec<u8>, BufDesc)> {
        const BORDER: usize = 64;
        let size = self.settled(size);
        let mut room = vec![0xa5; size + BORDER];
        let mut desc = BufDesc { cpu, data: room.as_mut_ptr() as u64, ..BufDesc::zeroed() };
        self.ask(command, desc.as_bytes_mut()).ok()?;
        assert!(desc.size <= size as u64, "{} bytes of a buffer of {size}", desc.size);
        assert!(room[size..].iter().all(|&byte| byte == 0xa5), "more was written than there is room");
        room.truncate(desc.size as usize);
        Some((room, desc))
    }
}
