//! The ioctls of one run of `dtrace -n 'BEGIN { trace(42); exit(0); }'`, in the order of contract 0.

use dtrace_abi::{
    ArgDesc, Conf, DofHdr, DofOptDesc, EprobeDesc, Plain, ProbeDesc, ProviderDesc, Status, dif, ioctl,
    name_bytes, option, set_name,
};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::Rig;

use crate::program::{E, Program, S, value_at, words};

fn probe_match(name: &str, id: u32) -> ProbeDesc {
    let mut desc = ProbeDesc { id, ..ProbeDesc::zeroed() };
    set_name(&mut desc.name, name.as_bytes());
    desc
}

#[test]
fn a_session_from_conf_to_the_last_snapshot() {
    let rig = Rig::new(2, &[]);
    let consumer = rig.open();

    let mut conf = Conf::zeroed();
    consumer.ioctl(ioctl::CONF, &mut conf).unwrap();
    assert_eq!((conf.difversion, conf.difintregs, conf.diftupregs, conf.ctfmodel), (2, 8, 8, 2));

    let mut begin = probe_match("BEGIN", 0);
    assert_eq!(consumer.ioctl(ioctl::PROBEMATCH, &mut begin), Ok(0));
    assert_eq!((begin.id, name_bytes(&begin.provider)), (1, &b"dtrace"[..]));
    assert_eq!(consumer.ioctl(ioctl::PROBEMATCH, &mut probe_match("BEGIN", 2)), Err(Errno::ESRCH));

    let mut provider = ProviderDesc::zeroed();
    set_name(&mut provider.name, b"dtrace");
    consumer.ioctl(ioctl::PROVIDER, &mut provider).unwrap();
    assert_eq!(
        (provider.attr.provider.name, provider.attr.provider.class, provider.privilege.flags),
        (6, 5, 0)
    );

    let mut arg = ArgDesc { id: 1, ndx: 0, ..ArgDesc::zeroed() };
    consumer.ioctl(ioctl::PROBEARG, &mut arg).unwrap();
    assert_eq!(arg.ndx, u32::MAX);

    let program = Program::new()
        .clause(["dtrace", "", "", "BEGIN"], None, &[S::Trace(E::Int32(42)), S::Exit(0)])
        .image();
    assert_eq!(consumer.enable(&program), Ok(1));
    let error = Program::new()
        .clause(["dtrace", "", "", "ERROR"], None, &[S::Trace(E::Var(dif::VAR_ARG0 + 1))])
        .image();
    assert_eq!(consumer.enable(&error), Ok(1));
    assert_eq!(consumer.enable(&Program::new().buffered().image()), Ok(0));

    assert_eq!(consumer.ioctl(ioctl::STATUS, &mut Status::zeroed()), Err(Errno::ENOENT));
    let cpu = consumer.go().unwrap();
    assert_eq!(cpu, 0);
    assert_eq!(consumer.go(), Err(Errno::EBUSY));

    let mut image = [0u8; 544];
    image[..64].copy_from_slice(DofHdr { loadsz: 64, ..DofHdr::zeroed() }.as_bytes());
    consumer.ioctl_bytes(ioctl::DOFGET, &mut image).unwrap();
    let header = DofHdr::from_bytes(&image).unwrap();
    assert_eq!((header.loadsz, header.secnum), (544, 1));
    assert_eq!(image[64..], [0; 480]);
    consumer.ioctl_bytes(ioctl::DOFGET, &mut image).unwrap();
    let options: Vec<DofOptDesc> =
        image[96..].chunks(16).map(|at| DofOptDesc::from_bytes(at).unwrap()).collect();
    assert_eq!(options.len(), 28);
    assert_eq!(options[option::BUFSIZE as usize].value, 64 << 10);
    assert_eq!(options[option::AGGSIZE as usize].value, 0, "nothing aggregates");

    let mut status = Status::zeroed();
    consumer.ioctl(ioctl::STATUS, &mut status).unwrap();
    assert_eq!((status.exiting, status.killed, status.errors), (1, 0, 0));

    for other in 0..2 {
        assert_eq!(consumer.aggregations(other).unwrap().desc.size, 0);
    }
    let snapshot = consumer.buffer(cpu as u32).unwrap();
    assert_eq!(words(&snapshot.data), [1, 42, 0]);
    assert_eq!((snapshot.desc.drops, snapshot.desc.errors, snapshot.desc.oldest), (0, 0, 0));
    assert_eq!(consumer.buffer(1).unwrap().desc.size, 0);

    let mut eprobe = [0u8; 24 + 2 * 32];
    eprobe[..56].copy_from_slice(EprobeDesc { epid: 1, nrecs: 1, ..EprobeDesc::zeroed() }.as_bytes());
    consumer.ioctl_bytes(ioctl::EPROBE, &mut eprobe).unwrap();
    let desc = EprobeDesc::from_bytes(&eprobe).unwrap();
    assert_eq!((desc.probeid, desc.size, desc.nrecs, desc.uarg), (1, 12, 2, 0x77));
    assert_eq!(eprobe[56..], [0; 32], "there was room for one record only");
    eprobe[20] = 2;
    consumer.ioctl_bytes(ioctl::EPROBE, &mut eprobe).unwrap();
    let second = dtrace_abi::RecDesc::from_bytes(&eprobe[56..]).unwrap();
    assert_eq!((second.action, second.size, second.offset), (2, 4, 8));

    assert_eq!(consumer.stop(), Ok(0));
    assert_eq!(consumer.stop(), Err(Errno::EINVAL));
    consumer.ioctl(ioctl::STATUS, &mut status).unwrap();
    assert_eq!(status.exiting, 0);
    assert_eq!(consumer.buffer(0).unwrap().desc.size, 0);
}

#[test]
fn what_is_unknown_is_said_to_be() {
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    assert_eq!(consumer.ioctl(0x6474_7203, &mut [0u8; 8]), Err(Errno::ENOTTY));
    assert_eq!(consumer.ioctl(0x6474_720e, &mut [0u8; 8]), Err(Errno::ENOTTY));
    let mut provider = ProviderDesc::zeroed();
    set_name(&mut provider.name, b"nobody");
    assert_eq!(consumer.ioctl(ioctl::PROVIDER, &mut provider), Err(Errno::ESRCH));
    for (id, ndx) in [(0, 0), (1, u32::MAX), (99, 0)] {
        let mut arg = ArgDesc { id, ndx, ..ArgDesc::zeroed() };
        assert_eq!(consumer.ioctl(ioctl::PROBEARG, &mut arg), Err(Errno::EINVAL), "id {id} ndx {ndx}");
    }
    for epid in [0, 1, u32::MAX] {
        let mut desc = EprobeDesc { epid, nrecs: 1, ..EprobeDesc::zeroed() };
        assert_eq!(consumer.ioctl(ioctl::EPROBE, &mut desc), Err(Errno::EINVAL));
    }
    assert_eq!(consumer.buffer(0).err(), Some(Errno::ENOENT), "no buffers before GO");
    assert_eq!(consumer.buffer(9).err(), Some(Errno::EINVAL));
}

/// The requests that read their argument.
pub(crate) const READERS: [u32; 13] = [
    ioctl::CONF,
    ioctl::PROVIDER,
    ioctl::PROBES,
    ioctl::PROBEMATCH,
    ioctl::PROBEARG,
    ioctl::ENABLE,
    ioctl::EPROBE,
    ioctl::AGGDESC,
    ioctl::FORMAT,
    ioctl::DOFGET,
    ioctl::BUFSNAP,
    ioctl::AGGSNAP,
    ioctl::REPLICATE,
];

#[test]
fn a_bad_address_is_efault_for_every_request() {
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    let image = Program::new().buffered().clause(["dtrace", "", "", "BEGIN"], None, &[]).image();
    consumer.enable(&image).unwrap();
    for request in READERS {
        assert_eq!(consumer.ioctl_raw(request, 8), Err(Errno::EFAULT), "{request:#x}");
        assert_eq!(consumer.ioctl_raw(request, u64::MAX - 3), Err(Errno::EFAULT), "{request:#x}");
    }
}

#[test]
fn formats_are_asked_for_by_number_twice() {
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    let statements = [
        S::Printf("%d and %d", vec![E::Int(1), E::Int(2)]),
        S::Printf("other %d", vec![E::Int(3)]),
        S::Printf("%d and %d", vec![E::Int(4), E::Int(5)]),
    ];
    let image = Program::new().buffered().clause(["dtrace", "", "", "BEGIN"], None, &statements).image();
    consumer.enable(&image).unwrap();
    let mut eprobe = [0u8; 24 + 5 * 32];
    eprobe[..56].copy_from_slice(EprobeDesc { epid: 1, nrecs: 5, ..EprobeDesc::zeroed() }.as_bytes());
    consumer.ioctl_bytes(ioctl::EPROBE, &mut eprobe).unwrap();
    let records: Vec<_> =
        eprobe[24..].chunks(32).map(|at| dtrace_abi::RecDesc::from_bytes(at).unwrap()).collect();
    let told: Vec<_> = records.iter().map(|r| (r.format, r.uarg)).collect();
    assert_eq!(told, [(1, 1), (0, 1), (2, 2), (1, 3), (0, 3)], "the first of each group has the format");

    let text_at = 16;
    let mut format = [0u8; 64];
    let desc = |length, format| dtrace_abi::FmtDesc { length, format, ..dtrace_abi::FmtDesc::zeroed() };
    format[..16].copy_from_slice(desc(0, 1).as_bytes());
    consumer.ioctl_bytes(ioctl::FORMAT, &mut format).unwrap();
    let answer = dtrace_abi::FmtDesc::from_bytes(&format).unwrap();
    assert_eq!(answer.length, 10);
    // The rig puts the argument at a fixed place; the string goes behind it.
    let string = dtrace_engine::mock::USER_BASE + 0x1000 + text_at;
    format[..16].copy_from_slice(dtrace_abi::FmtDesc { string, ..desc(10, 1) }.as_bytes());
    consumer.ioctl_bytes(ioctl::FORMAT, &mut format).unwrap();
    assert_eq!(&format[16..26], b"%d and %d\0");
    for number in [0, 3] {
        assert_eq!(consumer.ioctl(ioctl::FORMAT, &mut desc(64, number)), Err(Errno::EINVAL));
    }
}

#[test]
fn an_image_that_is_none_is_refused_by_its_fault() {
    let rig = Rig::new(1, &[]);
    let consumer = rig.open();
    let image = Program::new().clause(["dtrace", "", "", "BEGIN"], None, &[S::Exit(0)]).image();
    let with_size = |loadsz: u64| {
        let mut image = image.clone();
        image[40..48].copy_from_slice(&loadsz.to_ne_bytes());
        image
    };
    assert_eq!(consumer.enable(&with_size(256 << 10)), Err(Errno::E2BIG));
    assert_eq!(consumer.enable(&with_size(63)), Err(Errno::EINVAL));
    assert_eq!(consumer.enable(&with_size(64)), Err(Errno::EINVAL));
    let mut magic = image.clone();
    magic[0] = 0;
    assert_eq!(consumer.enable(&magic), Err(Errno::EINVAL));
    assert_eq!(consumer.enable(&image), Ok(1));
}

#[test]
fn the_values_of_a_record_are_where_eprobe_says() {
    let rig = Rig::new(1, &[["m", "f", "n"]]);
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .clause(["mock", "", "", ""], None, &[S::Trace(E::Int32(7)), S::Trace(E::Var(dif::VAR_ARG0))])
        .image();
    assert_eq!(consumer.enable(&image), Ok(1));
    consumer.go().unwrap();
    rig.probe(0).fire(&[0x1234_5678_9abc]);
    let data = consumer.buffer(0).unwrap().data;
    assert_eq!(data.len(), 16);
    assert_eq!(words(&data)[..2], [1, 7]);
    assert_eq!(value_at(&data, 8), 0x1234_5678_9abc);
}
