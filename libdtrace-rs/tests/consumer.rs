//! The consumer against a device that answers from a script: what no engine does on demand.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::Rc;

use dtrace_abi::{
    BufDesc, Conf, DofHdr, EprobeDesc, FmtDesc, Plain, ProbeDesc, RecDesc, Status, action, conf, ioctl,
    option, set_name,
};
use dtrace_rs::consume::drops::Dropped;
use dtrace_rs::consume::fault::Fault;
use dtrace_rs::consume::output::Output;
use dtrace_rs::consume::{Consume, Firing, Handled, Observer, Progress};
use dtrace_rs::device::Device;
use dtrace_rs::dof::{STAMP_UARG, options_image};
use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::options::Options;

/// The probes of the device: id, name.
const PROBES: [(u32, &str); 4] = [(1, "BEGIN"), (2, "END"), (3, "ERROR"), (4, "tick-1s")];
const BUFSIZE: usize = 4096;

/// A snapshot of a buffer.
#[derive(Clone, Default)]
struct Buffer {
    data: Vec<u8>,
    drops: u64,
    oldest: u64,
}

/// What the device answers.
struct Script {
    /// EPID → probe, `uarg`, sizes of the records.
    enabled: HashMap<u32, (u32, u64, Vec<u32>)>,
    /// Snapshots by CPU, in the order in which they are taken.
    buffers: HashMap<u32, Vec<Buffer>>,
    /// What STATUS answers, in order; the last one stays.
    status: Vec<Status>,
    go: std::result::Result<u32, i32>,
    stop: u32,
    policy: i64,
    /// The requests that were made.
    seen: Vec<u32>,
    /// With it, the descriptions of records and aggregations are nonsense.
    nonsense: Option<Nonsense>,
}

/// A source of nonsense that is the same every time (xorshift).
#[derive(Clone, Copy)]
struct Nonsense(u64);

impl Nonsense {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A description of a record that need not fit anything.
    fn record(&mut self) -> RecDesc {
        const KINDS: [u32; 24] = [
            1, 2, 3, 4, 5, 6, 7, 0x101, 0x102, 0x103, 0x104, 0x105, 0x203, 0x401, 0x402, 0x403, 0x701, 0x702,
            0x704, 0x705, 0x706, 0x707, 0x708, 0x709,
        ];
        let kind = KINDS[self.below(KINDS.len() as u64) as usize];
        // A shell is not started with nonsense.
        let kind = if kind == action::SYSTEM { action::DIFEXPR } else { kind };
        // Most fit, so that what comes behind is reached too.
        let wild = self.below(50) == 0;
        let size = if wild {
            self.next() as u32
        } else {
            [0, 1, 2, 4, 8, 8, 8, 16, 24, 40][self.below(10) as usize]
        };
        let offset = if wild { self.next() as u32 } else { [4, 8, 12, 16, 24][self.below(5) as usize] };
        RecDesc {
            action: kind as u16,
            size,
            offset,
            format: self.below(3) as u16,
            arg: [0, 0x3e, 0x3f, 0x40, 0x41, 0x4b, 5, self.next()][self.below(8) as usize],
            uarg: self.below(3),
            ..RecDesc::zeroed()
        }
    }
}

struct Fake(Rc<RefCell<Script>>);

impl Device for Fake {
    unsafe fn ioctl(&self, command: u32, argument: *mut c_void) -> std::result::Result<i32, i32> {
        let mut script = self.0.borrow_mut();
        script.seen.push(command);
        // SAFETY: (all reads and writes below) the caller passes the structure of the command.
        unsafe {
            match command {
                ioctl::CONF => {
                    let answer = Conf {
                        difversion: 2,
                        difintregs: 8,
                        diftupregs: 8,
                        ctfmodel: conf::CTF_MODEL_LP64,
                        ..Conf::zeroed()
                    };
                    argument.cast::<Conf>().write(answer);
                }
                ioctl::ENABLE => return Ok(1),
                ioctl::GO => {
                    argument.cast::<u32>().write(script.go?);
                }
                ioctl::STOP => argument.cast::<u32>().write(script.stop),
                ioctl::DOFGET => {
                    let image = options_image([
                        (option::BUFSIZE, BUFSIZE as i64),
                        (option::BUFPOLICY, script.policy),
                        (option::SWITCHRATE, 0),
                        (option::STATUSRATE, 0),
                        (option::AGGRATE, 0),
                        (option::AGGSIZE, BUFSIZE as i64),
                    ]);
                    let room = argument.cast::<DofHdr>().read().loadsz as usize;
                    std::ptr::copy_nonoverlapping(image.as_ptr(), argument.cast(), image.len().min(room));
                }
                ioctl::STATUS => {
                    let status = if script.status.len() > 1 {
                        script.status.remove(0)
                    } else {
                        *script.status.first().unwrap_or(&Status::zeroed())
                    };
                    argument.cast::<Status>().write(status);
                }
                ioctl::AGGSNAP if script.nonsense.is_none_or(|mut n| n.below(2) == 0) => {
                    return Err(libc::ENOENT);
                }
                ioctl::EPROBE | ioctl::AGGDESC if script.nonsense.is_some() => {
                    // Both structures end in the records, and have their number before them.
                    let (count_at, records_at) = if command == ioctl::EPROBE { (20, 24) } else { (32, 40) };
                    let bytes = argument.cast::<u8>();
                    let room = bytes.add(count_at).cast::<u32>().read() as u64;
                    let mut nonsense = script.nonsense.unwrap();
                    let count = 2 + nonsense.below(5);
                    for n in 0..count.min(room) {
                        let mut record = nonsense.record();
                        if n == 0 {
                            // The number of an aggregation, or of anything else.
                            record = RecDesc { size: 8, offset: 8, ..record };
                        }
                        bytes.add(records_at).cast::<RecDesc>().add(n as usize).write(record);
                    }
                    bytes.add(count_at).cast::<u32>().write(count as u32);
                    // probeid, uarg and size of the one; epid and size of the other.
                    if command == ioctl::EPROBE {
                        bytes.add(4).cast::<u32>().write(nonsense.below(5) as u32);
                        bytes.add(8).cast::<u64>().write(nonsense.below(3));
                        bytes.add(16).cast::<u32>().write(64 + nonsense.below(64) as u32);
                    } else {
                        bytes.add(28).cast::<u32>().write(64 + nonsense.below(64) as u32);
                    }
                    script.nonsense = Some(nonsense);
                }
                ioctl::FORMAT => {
                    let mut desc = argument.cast::<FmtDesc>().read();
                    let text = b"%d %s %@d %Y %a %k %5.3x\n\0";
                    if (desc.length as usize) < text.len() {
                        desc.length = text.len() as i32;
                        argument.cast::<FmtDesc>().write(desc);
                    } else {
                        std::ptr::copy_nonoverlapping(text.as_ptr(), desc.string as *mut u8, text.len());
                    }
                }
                ioctl::AGGSNAP | ioctl::BUFSNAP => {
                    let mut desc = argument.cast::<BufDesc>().read();
                    let buffers = script.buffers.get_mut(&desc.cpu).ok_or(libc::ENOENT)?;
                    let buffer = if buffers.is_empty() { Buffer::default() } else { buffers.remove(0) };
                    assert!(buffer.data.len() <= BUFSIZE);
                    std::ptr::copy_nonoverlapping(
                        buffer.data.as_ptr(),
                        desc.data as *mut u8,
                        buffer.data.len(),
                    );
                    desc.size = buffer.data.len() as u64;
                    desc.drops = buffer.drops;
                    desc.oldest = buffer.oldest;
                    argument.cast::<BufDesc>().write(desc);
                }
                ioctl::EPROBE => {
                    let head = argument.cast::<EprobeDesc>();
                    let epid = (&raw const (*head).epid).read();
                    let room = (&raw const (*head).nrecs).read() as usize;
                    let (probe, uarg, sizes) = script.enabled.get(&epid).ok_or(libc::EINVAL)?;
                    let mut offset = 4;
                    let first = (&raw mut (*head).rec).cast::<RecDesc>();
                    for (n, &size) in sizes.iter().enumerate() {
                        offset = u32::next_multiple_of(offset, size.clamp(1, 8));
                        if n < room {
                            // A record of eight bytes is when the others were made.
                            let stamp = size == 8 && *uarg == 0;
                            first.add(n).write(RecDesc {
                                action: action::DIFEXPR as u16,
                                size,
                                offset,
                                uarg: if stamp { STAMP_UARG } else { 0 },
                                ..RecDesc::zeroed()
                            });
                        }
                        offset += size;
                    }
                    (&raw mut (*head).probeid).write(*probe);
                    (&raw mut (*head).uarg).write(*uarg);
                    (&raw mut (*head).size).write(offset.next_multiple_of(4));
                    (&raw mut (*head).nrecs).write(sizes.len() as u32);
                }
                ioctl::PROBES => {
                    let mut desc = argument.cast::<ProbeDesc>().read();
                    let (id, name) = PROBES.into_iter().find(|(id, _)| *id >= desc.id).ok_or(libc::ESRCH)?;
                    desc = ProbeDesc { id, ..ProbeDesc::zeroed() };
                    set_name(&mut desc.provider, b"dtrace");
                    set_name(&mut desc.name, name.as_bytes());
                    argument.cast::<ProbeDesc>().write(desc);
                }
                _ => return Err(libc::ENOTTY),
            }
        }
        Ok(0)
    }

    fn name(&self) -> &str {
        "script"
    }
}

/// Writes down what the consumer tells.
#[derive(Default)]
struct Notes(Vec<String>);

impl Observer for Notes {
    fn probe(&mut self, _: &mut Output, _: &Options, firing: &Firing<'_>) -> Result<Consume> {
        let data: Vec<_> =
            firing.enabled.records.iter().map(|r| firing.data[r.desc.offset as usize]).collect();
        self.0.push(format!("{}@{} {data:?}", firing.enabled.probe.name, firing.cpu));
        Ok(Consume::Next)
    }

    fn record(
        &mut self,
        _: &mut Output,
        _: &Options,
        _: &Firing<'_>,
        _: Option<&RecDesc>,
    ) -> Result<Consume> {
        Ok(Consume::Next)
    }

    fn fault(&mut self, _: &Fault, message: &str) -> Handled {
        self.0.push(message.to_string());
        Handled::Continue
    }

    fn dropped(&mut self, dropped: &Dropped) -> Handled {
        self.0.push(dropped.to_string());
        Handled::Continue
    }
}

/// A script whose EPIDs 1 to 4 are the probes of the same ids with one record of 4 bytes each.
fn script() -> Script {
    let enabled = PROBES.iter().map(|&(id, _)| (id, (id, 0, vec![4]))).collect();
    Script {
        enabled,
        buffers: HashMap::new(),
        status: Vec::new(),
        go: Ok(0),
        stop: 0,
        policy: option::BUFPOLICY_SWITCH,
        seen: Vec::new(),
        nonsense: None,
    }
}

fn ended() -> Vec<Status> {
    vec![Status { exiting: 1, ..Status::zeroed() }]
}

fn records(of: &[(u32, u32)]) -> Vec<u8> {
    of.iter().flat_map(|(epid, value)| [*epid, *value]).flat_map(u32::to_ne_bytes).collect()
}

fn buffer(of: &[(u32, u32)]) -> Buffer {
    Buffer { data: records(of), ..Buffer::default() }
}

/// Runs a script to its end.
fn run(script: Script) -> Result<(Vec<String>, Rc<RefCell<Script>>)> {
    let script = Rc::new(RefCell::new(script));
    run_with(script, None)
}

/// Runs a script to its end under an option, or none.
fn run_with(script: Rc<RefCell<Script>>, option: Option<&str>) -> Result<(Vec<String>, Rc<RefCell<Script>>)> {
    let mut handle = Handle::with_device(Box::new(Fake(script.clone())))?;
    if let Some(name) = option {
        handle.set_option(name, None)?;
    }
    handle.go()?;
    let (mut notes, mut out) = (Notes::default(), Output::writer(std::io::sink()));
    for _ in 0..10 {
        if handle.work(&mut out, &mut notes)? == Progress::Done {
            return Ok((notes.0, script));
        }
    }
    panic!("it does not end");
}

fn notes(script: Script) -> Vec<String> {
    run(script).unwrap().0
}

fn code(script: Script) -> Error {
    run(script).err().unwrap()
}

#[test]
fn padding_between_records_is_skipped() {
    let data = [vec![0; 4], records(&[(4, 7)]), vec![0; 8], records(&[(4, 8)]), vec![0; 4]].concat();
    let buffers = HashMap::from([(0, vec![Buffer { data, ..Buffer::default() }])]);
    assert_eq!(notes(Script { buffers, status: ended(), ..script() }), ["tick-1s@0 [7]", "tick-1s@0 [8]"]);
}

#[test]
fn a_ring_is_read_from_its_oldest_record_on() {
    let ring = Buffer { oldest: 8, ..buffer(&[(4, 3), (4, 1), (4, 2)]) };
    let policy = option::BUFPOLICY_RING;
    let (notes, script) =
        run(Script { buffers: HashMap::from([(0, vec![ring])]), status: ended(), policy, ..script() })
            .unwrap();
    assert_eq!(notes, ["tick-1s@0 [1]", "tick-1s@0 [2]", "tick-1s@0 [3]"]);
    let seen = &script.borrow().seen;
    let (stop, snap) =
        (seen.iter().position(|&c| c == ioctl::STOP), seen.iter().position(|&c| c == ioctl::BUFSNAP));
    assert!(stop < snap, "a ring is not read before tracing has stopped");
}

#[test]
fn begin_comes_first_and_end_last_though_they_are_in_one_buffer() {
    let buffers = HashMap::from([(0, vec![buffer(&[(1, 1), (4, 2), (2, 4)])]), (1, vec![buffer(&[(4, 3)])])]);
    let all = notes(Script { buffers, status: ended(), ..script() });
    assert_eq!(all, ["BEGIN@0 [1]", "tick-1s@1 [3]", "tick-1s@0 [2]", "END@0 [4]"]);
}

#[test]
fn the_cpu_of_begin_is_read_first_and_that_of_end_last() {
    let one = |value| vec![Buffer::default(), buffer(&[(4, value)])];
    let buffers = HashMap::from([(0, one(10)), (1, vec![buffer(&[(1, 1)]), buffer(&[(4, 11)])])]);
    let status = vec![Status::zeroed(), Status { exiting: 1, ..Status::zeroed() }];
    let all = notes(Script { buffers, status, go: Ok(1), stop: 0, ..script() });
    assert_eq!(all[0], "BEGIN@1 [1]");
    assert_eq!(all.last().unwrap(), "tick-1s@0 [10]");
}

#[test]
fn under_temporal_the_records_of_all_cpus_come_in_the_order_of_their_stamps() {
    let of = |stamps: &[(u64, u32)]| {
        let record = |&(stamp, value): &(u64, u32)| {
            [5u32.to_ne_bytes().to_vec(), value.to_ne_bytes().to_vec(), stamp.to_ne_bytes().to_vec()].concat()
        };
        Buffer { data: stamps.iter().flat_map(record).collect(), ..Buffer::default() }
    };
    let mut enabled = script().enabled;
    enabled.insert(5, (4, 0, vec![4, 8]));
    // In the first round the second CPU is read later, and has what happened meanwhile: 60 is newer than 50, which the first
    // CPU gives only in the second round.
    let buffers = HashMap::from([
        (0, vec![of(&[(10, 1), (40, 4)]), of(&[(50, 5), (70, 7), (70, 8)]), of(&[])]),
        (1, vec![of(&[(20, 2), (30, 3), (60, 6)]), of(&[(70, 9)]), of(&[(80, 10)])]),
    ]);
    let status = vec![Status::zeroed(), Status::zeroed(), Status { exiting: 1, ..Status::zeroed() }];
    let script = Rc::new(RefCell::new(Script { enabled, buffers, status, ..script() }));
    let order = |notes: Vec<String>| -> Vec<String> {
        notes.iter().map(|note| note.trim_start_matches("tick-1s@").to_string()).collect()
    };
    let want = ["0 [1]", "1 [2]", "1 [3]", "0 [4]", "0 [5]", "1 [6]", "0 [7]", "0 [8]", "1 [9]", "1 [10]"];
    assert_eq!(order(run_with(script, Some("temporal")).unwrap().0), want);
}

#[test]
fn drops_are_told_with_their_cpu() {
    let lost = Buffer { drops: 3, ..buffer(&[(4, 1)]) };
    let status = vec![Status { exiting: 1, dyndrops: 2, ..Status::zeroed() }];
    let all = notes(Script { buffers: HashMap::from([(1, vec![lost])]), status, ..script() });
    assert_eq!(all, ["2 dynamic variable drops", "3 drops on CPU 1", "tick-1s@1 [1]"]);
}

#[test]
fn the_record_of_the_error_program_is_a_message() {
    let mut enabled = script().enabled;
    enabled.insert(9, (3, 1, vec![8; 5]));
    let words = [4u64, 2, 12, 1, 0x1234].map(u64::to_ne_bytes).concat();
    let data = [9u32.to_ne_bytes().to_vec(), vec![0; 4], words].concat();
    let buffers = HashMap::from([(0, vec![Buffer { data, ..Buffer::default() }])]);
    let all = notes(Script { enabled, buffers, status: ended(), ..script() });
    let want = "error on enabled probe ID 4 (ID 4: dtrace:::tick-1s): invalid address (0x1234) in action #2 at DIF offset 12";
    assert_eq!(all, [want]);
}

#[test]
fn more_records_than_were_asked_for_are_asked_for_again() {
    let mut enabled = script().enabled;
    enabled.insert(9, (4, 0, vec![4; 40]));
    let data = [9u32.to_ne_bytes().to_vec(), (0..40u32).flat_map(u32::to_ne_bytes).collect()].concat();
    let buffers = HashMap::from([(0, vec![Buffer { data, ..Buffer::default() }])]);
    let all = notes(Script { enabled, buffers, status: ended(), ..script() });
    assert_eq!(all, [format!("tick-1s@0 {:?}", (0..40).collect::<Vec<u8>>())]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let of = |data: Vec<u8>| Script {
        buffers: HashMap::from([(0, vec![Buffer { data, ..Buffer::default() }])]),
        status: ended(),
        ..script()
    };
    assert_eq!(code(of(records(&[(4, 1)])[..6].to_vec())), Code::DataOffset.into());
    assert_eq!(code(of(records(&[(77, 1)]))), Error::Sys(libc::EINVAL));
}

#[test]
fn the_end_of_tracing_has_its_reasons() {
    let killed = vec![Status { killed: 1, ..Status::zeroed() }];
    assert_eq!(code(Script { status: killed, ..script() }), Code::Bricked.into());
    let filled = vec![Status { filled: 1, ..Status::zeroed() }];
    assert!(notes(Script { status: filled, policy: option::BUFPOLICY_FILL, ..script() }).is_empty());
}

#[test]
fn what_go_refuses_has_the_librarys_words() {
    let cases = [
        (libc::EACCES, Code::Destructive.into()),
        (libc::E2BIG, Code::EndTooBig.into()),
        (libc::ENOSPC, Code::BufferTooSmall.into()),
        (libc::ENOENT, Code::NoAnon.into()),
        (libc::ENOMEM, Error::Sys(libc::ENOMEM)),
    ];
    for (errno, want) in cases {
        assert_eq!(code(Script { go: Err(errno), ..script() }), want);
    }
}

#[test]
fn what_watches_for_faults_is_enabled_once_however_often_tracing_is_started() {
    let script = Rc::new(RefCell::new(Script { go: Err(libc::ENOMEM), ..script() }));
    let mut handle = Handle::with_device(Box::new(Fake(script.clone()))).unwrap();
    assert_eq!(handle.stop(), Err(Error::Sys(libc::EINVAL)));
    assert_eq!(handle.go(), Err(Error::Sys(libc::ENOMEM)));
    script.borrow_mut().go = Ok(0);
    handle.go().unwrap();
    let enabled = script.borrow().seen.iter().filter(|&&command| command == ioctl::ENABLE).count();
    assert_eq!(enabled, 3, "the program once, the options twice");
    assert_eq!(handle.go(), Err(Code::Active.into()));
    assert_eq!(handle.stop(), Ok(()));
}

#[test]
fn nonsense_ends_in_output_or_an_error() {
    /// Lets every record through.
    struct All;

    impl Observer for All {
        fn probe(&mut self, _: &mut Output, _: &Options, _: &Firing<'_>) -> Result<Consume> {
            Ok(Consume::This)
        }

        fn record(
            &mut self,
            _: &mut Output,
            _: &Options,
            _: &Firing<'_>,
            _: Option<&RecDesc>,
        ) -> Result<Consume> {
            Ok(Consume::This)
        }

        fn fault(&mut self, _: &Fault, _: &str) -> Handled {
            Handled::Continue
        }

        fn dropped(&mut self, _: &Dropped) -> Handled {
            Handled::Continue
        }
    }

    let (mut printed, mut refused) = (0, 0);
    for seed in 1..=150u64 {
        let mut nonsense = Nonsense(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut buffer = || {
            // An id now and then, numbers between.
            let words = 32 * nonsense.below(20);
            let word = |n: u64, value: u64| {
                if n.is_multiple_of(32) { 1 + value as u32 % 3 } else { value as u32 % 9 }
            };
            let data = (0..words).flat_map(|n| word(n, nonsense.next()).to_ne_bytes()).collect();
            Buffer { data, oldest: nonsense.below(4) * 128, ..Buffer::default() }
        };
        let buffers = HashMap::from([(0, (0..4).map(|_| buffer()).collect())]);
        let script = Script { buffers, status: ended(), nonsense: Some(nonsense), ..script() };
        let script = Rc::new(RefCell::new(script));
        let mut handle = Handle::with_device(Box::new(Fake(script))).unwrap();
        handle.go().unwrap();
        let mut out = Output::writer(std::io::sink());
        match handle.work(&mut out, &mut All).and_then(|_| handle.print_aggregations(&mut out)) {
            Ok(()) => printed += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(printed > 0 && refused > 0, "{printed} {refused}");
}
