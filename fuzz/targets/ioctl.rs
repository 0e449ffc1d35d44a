//! Sequences of requests: consumers of all ranks on a mock machine, probes that fire in between, providers that come and go,
//! and memory that runs out. Beside each consumer goes a model of the state that it must be in.
#![no_main]

use dtrace_abi::{BufDesc, Plain, Status, ioctl};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, KERNEL_BASE, Mock, Rig, USER_BASE, Who, become_who, go_to_cpu};
use dtrace_engine::{Cred, Description, Privileges, Probe, Provider, ProviderId, ProviderInfo, Registrar};
use fuzz::input::Input;
use fuzz::ledger::{balanced, failing, limitless};
use fuzz::sections::{Random, Sections};
use fuzz::{program, records, samples};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

const CPUS: usize = 3;
const TABLE: &[[&str; 3]] = &[["m", "f", "entry"], ["m", "f", "return"], ["m", "g1", "x"], ["n", "g2", "y"]];
/// What kernel memory is full of: nobody without the right may get hold of it, and no input can know it.
const SECRET_LEN: usize = 8;

fn secret() -> [u8; SECRET_LEN] {
    static SECRET: OnceLock<[u8; SECRET_LEN]> = OnceLock::new();
    *SECRET.get_or_init(|| {
        // An address that is another in each process, through a mixer.
        let seed = &raw const SECRET as u64 ^ u64::from(std::process::id()) << 40;
        Random::new(seed).draw().to_ne_bytes()
    })
}

/// Probes that come and go.
struct Later;

impl Provider<Mock> for Later {
    fn provide(&self, registrar: &mut Registrar<'_, Mock>, description: Option<&Description<'_>>) {
        let _ = registrar.create(b"", b"l", b"always", 0, 0);
        if let Some(description) = description {
            let _ = registrar.create(b"", b"", description.name, 0, 1);
        }
    }

    fn enable(&self, probe: &Probe<Mock>) -> Result<(), Errno> {
        if probe.cookie() == 2 { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    fn disable(&self, _probe: &Probe<Mock>) {}
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Inactive,
    Going,
    Stopped,
}

/// A consumer and what is known of it.
struct Tracked<'a> {
    handle: Handle<'a>,
    life: Life,
    kernel: bool,
}

impl Tracked<'_> {
    fn ask(&self, command: u32, argument: &mut [u8]) -> Result<i32, Errno> {
        self.handle.ioctl_bytes(command, argument)
    }

    fn snapshot(&self, rig: &Rig, command: u32, cpu: u32) {
        const DATA_AT: u64 = USER_BASE + (8 << 20);
        let mut desc = BufDesc { cpu, data: DATA_AT, ..BufDesc::zeroed() };
        let answer = self.ask(command, desc.as_bytes_mut());
        if self.life == Life::Inactive {
            assert!(answer.is_err(), "a snapshot before GO");
        }
        if answer.is_err() {
            return;
        }
        let mut data = limitless(|| vec![0; desc.size as usize]);
        rig.mock().peek_user(DATA_AT, &mut data).expect("what was written there");
        if !self.kernel {
            let found = data.windows(SECRET_LEN).any(|bytes| bytes == secret());
            assert!(!found, "kernel memory for one who may not read it");
        }
        match command {
            ioctl::BUFSNAP => records::check_records(&data, desc.oldest, &mut |c, a| self.ask(c, a)),
            _ => records::check_aggregations(&data, &mut |c, a| self.ask(c, a)),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = secret();
    // Who this thread is stays in the thread, and is an allocation.
    become_who(Who::default());
    balanced(|| {
        run(&mut Input::new(data));
        become_who(Who::default());
    });
});

fn run(input: &mut Input<'_>) {
    let absent = input.once_in(8);
    // The machine is most of it its memory.
    let rig = limitless(|| {
        let mock = if absent { Mock::new(CPUS).without_cpu(1) } else { Mock::new(CPUS) };
        Rig::with_privileges(mock, TABLE, Privileges::NONE)
    });
    rig.mock().poke_kernel(KERNEL_BASE, &secret().repeat((64 << 10) / SECRET_LEN)).expect("kernel memory");
    rig.mock().poke_user(USER_BASE, b"user text\0").expect("user memory");
    go_to_cpu(0);
    {
        let mut world = World { rig: &rig, consumers: Vec::new(), later: None };
        for _ in 0..96 {
            if input.is_empty() {
                break;
            }
            world.step(input);
        }
    }
    assert_eq!(rig.dtrace().enabled_count(), 0, "all consumers are closed");
    assert!((0..TABLE.len()).all(|row| !rig.is_hooked(row)), "a hook is left in place");
}

struct World<'a> {
    rig: &'a Rig,
    consumers: Vec<Tracked<'a>>,
    later: Option<ProviderId>,
}

impl World<'_> {
    fn open(&mut self, input: &mut Input<'_>) {
        let privileges = match input.below(6) {
            0..=2 => Privileges::ALL,
            3 => Privileges::PROC,
            4 => Privileges::USER,
            _ => Privileges::from_bits(u32::from(input.byte())),
        };
        let uid = u32::from(input.byte() & 1);
        let fail = if input.once_in(8) { input.below(8) } else { 0 };
        let opened = failing(fail, || self.rig.open_as(Cred { uid, gid: 0, privileges }));
        if let Ok(handle) = opened {
            let kernel = privileges.any(Privileges::KERNEL) || privileges.has(Privileges::ALL);
            self.consumers.push(Tracked { handle, life: Life::Inactive, kernel });
        }
    }

    fn image(input: &mut Input<'_>) -> Vec<u8> {
        let addresses =
            [KERNEL_BASE, KERNEL_BASE + 16, KERNEL_BASE + 0xfff8, USER_BASE, USER_BASE + 4, 0x1234];
        let mut image = match input.below(16) {
            0..=12 => program::image(input, &addresses),
            13 => program::options(input),
            n => samples()[n - 14].clone(),
        };
        if input.once_in(8)
            && let Some(mut sections) = Sections::parse(&image)
        {
            let mut random = Random::new(u64::from(input.half()));
            sections.bend(&mut random, &mut |_, used| used);
            image = sections.build();
        }
        image
    }

    fn step(&mut self, input: &mut Input<'_>) {
        if self.consumers.is_empty() {
            self.open(input);
            return;
        }
        let which = if self.consumers.len() == 1 { 0 } else { input.below(self.consumers.len()) };
        let operation = input.below(24);
        let fail = if input.once_in(16) { input.below(200) } else { 0 };
        if operation == 0 && self.consumers.len() < 4 {
            return self.open(input);
        }
        let tracked = &mut self.consumers[which];
        match operation {
            1 => drop(self.consumers.swap_remove(which)),
            2..=5 => {
                let mut image = Self::image(input);
                let answer = failing(fail, || tracked.handle.ioctl_bytes(ioctl::ENABLE, &mut image));
                assert!(tracked.life == Life::Inactive || answer.is_err(), "ENABLE after GO");
            }
            6 => {
                let mut image = program::options(input);
                let answer = failing(fail, || tracked.handle.ioctl_bytes(ioctl::ENABLE, &mut image));
                assert!(tracked.life == Life::Inactive || answer.is_err(), "options after GO");
            }
            7 | 8 => {
                let answer = failing(fail, || tracked.handle.ioctl_bytes(ioctl::GO, &mut [0; 4]));
                match tracked.life {
                    Life::Inactive if answer.is_ok() => tracked.life = Life::Going,
                    Life::Inactive => (),
                    _ => assert_eq!(answer, Err(Errno::EBUSY)),
                }
            }
            9..=13 => {
                go_to_cpu(input.one(&[0, 0, 2]));
                let probe = self.rig.probe(input.below(TABLE.len()));
                let args = [u64::from(input.byte()), KERNEL_BASE, USER_BASE, input.long()];
                for _ in 0..=input.below(8) {
                    probe.fire(&args);
                }
                go_to_cpu(0);
            }
            14 => tracked.snapshot(self.rig, ioctl::BUFSNAP, u32::from(input.byte() & 3)),
            15 => tracked.snapshot(self.rig, ioctl::AGGSNAP, u32::from(input.byte() & 3)),
            16 => {
                let answer = failing(fail, || tracked.handle.ioctl_bytes(ioctl::STOP, &mut [0; 4]));
                assert!(answer.is_err() || tracked.life == Life::Going, "STOP of what does not go");
                if answer.is_ok() {
                    tracked.life = Life::Stopped;
                }
            }
            17 => {
                let mut status = Status::zeroed();
                let answer = tracked.ask(ioctl::STATUS, status.as_bytes_mut());
                assert_eq!(answer.is_ok(), tracked.life != Life::Inactive);
            }
            18 => {
                self.rig.mock().advance(input.one(&[1_000_000, 1_000_000_000, 20_000_000_000, 1]));
                if input.byte() & 1 == 0 {
                    failing(fail, || self.rig.dtrace().housekeep());
                }
            }
            19 => {
                let command = ioctl::BASE | u32::from(input.byte() % 20);
                let mut argument = [0; 704];
                let count = 1 + input.below(64);
                let bytes = input.bytes(count);
                argument[..bytes.len()].copy_from_slice(bytes);
                // Names, for those who take some.
                if input.byte() & 1 == 0 {
                    argument[4..8].copy_from_slice(b"mock");
                }
                self.unmodelled(which, fail, command, &mut argument);
            }
            20 => {
                let command = ioctl::BASE | u32::from(input.byte() % 20);
                let address =
                    input.one(&[0, 8, USER_BASE - 1, USER_BASE + (32 << 20) - 4, u64::MAX - 3, KERNEL_BASE]);
                // What goes, stops or enables by chance must be known to the model.
                if !matches!(command, ioctl::GO | ioctl::STOP) {
                    let _ = failing(fail, || tracked.handle.ioctl_raw(command, address));
                }
            }
            21 => self.change_provider(input, fail),
            22 => become_who(Who {
                uid: u32::from(input.byte() & 1),
                pid: u32::from(input.byte()),
                execname: ["mock", "", "a name that is too long"][input.below(3)].to_owned(),
                ..Who::default()
            }),
            _ => {
                // Two patterns: which enablings, and for what.
                let mut argument = [0; 648];
                argument[4..8].copy_from_slice(b"mock");
                argument[4 + 324..8 + 324].copy_from_slice(if input.byte() & 1 == 0 {
                    b"mock"
                } else {
                    b"m*\0\0"
                });
                argument[260..264].copy_from_slice(&input.word().to_ne_bytes());
                self.unmodelled(which, fail, ioctl::REPLICATE, &mut argument);
            }
        }
    }

    /// A request of which nothing is known beforehand.
    fn unmodelled(&self, which: usize, fail: usize, command: u32, argument: &mut [u8]) {
        if matches!(command, ioctl::GO | ioctl::STOP) {
            return;
        }
        let _ = failing(fail, || self.consumers[which].handle.ioctl_bytes(command, argument));
    }

    fn change_provider(&mut self, input: &mut Input<'_>, fail: usize) {
        let dtrace = self.rig.dtrace();
        let Some(id) = self.later else {
            let info = ProviderInfo {
                name: "later",
                attributes: dtrace_abi::PAttr::zeroed(),
                privileges: Privileges::NONE,
                uid: 0,
            };
            let later = Box::new(Later);
            self.later = failing(fail, || dtrace.register(&info, later)).ok();
            return;
        };
        match input.below(4) {
            0 => {
                if failing(fail, || dtrace.unregister(id)).is_ok() {
                    self.later = None;
                }
            }
            1 => {
                let name = [b'p', input.byte() | 1];
                let cookie = usize::from(input.byte() & 3);
                let _ = failing(fail, || {
                    dtrace.with_registrar(id, |registrar| {
                        registrar.create(b"", b"more", &name, 0, cookie).is_ok()
                    })
                });
            }
            2 => {
                let cookie = usize::from(input.byte() & 3);
                let _ = failing(fail, || dtrace.retire_probes_of(id, |probe| probe.cookie() == cookie));
            }
            _ => {
                let _ = failing(fail, || dtrace.remove_probes_of(id, |probe| probe.cookie() == 0));
            }
        }
    }
}
