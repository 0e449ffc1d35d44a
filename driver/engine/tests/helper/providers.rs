//! Providers that processes describe, made by a meta provider.

use std::sync::{Arc, Mutex};

use dtrace_abi::dof::SECT_PROVIDER;
use dtrace_abi::{ArgDesc, Plain, ProbeDesc, ioctl, name_bytes};
use dtrace_engine::dof::HelperProvider;
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Handle, Mock, Rig, Who, become_who};
use dtrace_engine::{Cred, Description, HelperProcess, MetaProvider, Privileges, Probe, Provider, Registrar};

use crate::allocator;
use crate::image;
use crate::program::{E, Program, S};
use crate::world::*;

/// What the meta provider and its providers were told.
type Log = Arc<Mutex<Vec<String>>>;

/// A meta provider whose probes do nothing but exist.
struct Meta {
    log: Log,
    fail: bool,
    /// After the first provider it fails, and from then on there is no memory.
    starve: bool,
}

struct Made {
    log: Log,
    name: String,
    module: Vec<u8>,
    description: HelperProvider,
}

impl MetaProvider<Mock> for Meta {
    fn provide(
        &self,
        process: &HelperProcess<'_>,
        description: HelperProvider,
    ) -> Result<Box<dyn Provider<Mock>>, Errno> {
        if self.fail {
            return Err(Errno::ENOSPC);
        }
        if self.starve && !self.log.lock().unwrap().is_empty() {
            allocator::starve(true);
            return Err(Errno::ENOSPC);
        }
        let name = format!("{}{}", String::from_utf8_lossy(&description.name), process.pid);
        let HelperProcess { uid, key, .. } = *process;
        self.log.lock().unwrap().push(format!("made {name} key {key} uid {uid}"));
        Ok(Box::new(Made { log: Arc::clone(&self.log), name, module: process.module.to_vec(), description }))
    }
}

impl Provider<Mock> for Made {
    fn provide(&self, registrar: &mut Registrar<'_, Mock>, _description: Option<&Description<'_>>) {
        for (cookie, probe) in self.description.probes.iter().enumerate() {
            let _ = registrar.create(&self.module, &probe.function, &probe.name, 0, cookie);
        }
    }

    fn enable(&self, probe: &Probe<Mock>) -> Result<(), Errno> {
        let place = &self.description.probes[probe.cookie()];
        let at: Vec<String> =
            place.offsets.iter().map(|&o| format!("{:x}", place.address + u64::from(o))).collect();
        self.log.lock().unwrap().push(format!("enabled {} at {}", self.name, at.join(" ")));
        Ok(())
    }

    fn disable(&self, _probe: &Probe<Mock>) {
        self.log.lock().unwrap().push(format!("disabled {}", self.name));
    }

    fn arg_description(&self, probe: &Probe<Mock>, arg: &mut ArgDesc) -> bool {
        self.description.probes[probe.cookie()].describe(arg)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.log.lock().unwrap().push(format!("dropped {}", self.name));
    }
}

fn meta(log: &Log) -> Box<Meta> {
    Box::new(Meta { log: Arc::clone(log), fail: false, starve: false })
}

fn said(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

/// The names of the probes that match a provider.
fn probes(handle: &Handle<'_>, provider: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut desc = ProbeDesc::zeroed();
    loop {
        dtrace_abi::set_name(&mut desc.provider, provider.as_bytes());
        let mut answer = ProbeDesc { id: desc.id, ..ProbeDesc::zeroed() };
        answer.provider = desc.provider;
        if handle.ioctl(ioctl::PROBEMATCH, &mut answer).is_err() {
            return found;
        }
        let part = |text: &[_]| String::from_utf8_lossy(name_bytes(text)).into_owned();
        found.push(format!(
            "{}:{}:{}:{}",
            part(&answer.provider),
            part(&answer.module),
            part(&answer.function),
            part(&answer.name)
        ));
        desc.id = answer.id + 1;
    }
}

#[test]
fn a_process_s_provider_has_its_process_id_in_its_name() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    become_process(100);
    let generation = bring_at(&rig, &image::helper().build(), 0x40_0000, "server").unwrap();
    assert_eq!(said(&log), ["made web100 key 100 uid 7"]);
    let consumer = rig.open();
    assert_eq!(probes(&consumer, "web*"), ["web100:server:main:request"]);
    assert_eq!(take_back(&rig, generation), Ok(0));
    assert_eq!(said(&log), ["dropped web100"]);
    assert_eq!(probes(&consumer, "web*"), [""; 0]);
}

#[test]
fn arguments_are_as_the_process_describes_them() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    become_process(100);
    bring(&rig, &image::helper().build()).unwrap();
    let consumer = rig.open();
    let mut probe = ProbeDesc::zeroed();
    dtrace_abi::set_name(&mut probe.provider, b"web100");
    consumer.ioctl(ioctl::PROBEMATCH, &mut probe).unwrap();
    let mut arg = ArgDesc { id: probe.id, ndx: 0, ..ArgDesc::zeroed() };
    consumer.ioctl(ioctl::PROBEARG, &mut arg).unwrap();
    assert_eq!(
        (name_bytes(&arg.native), name_bytes(&arg.xlate), arg.mapping),
        (&b"char *"[..], &b"string"[..], 1)
    );
    let mut arg = ArgDesc { id: probe.id, ndx: 1, ..ArgDesc::zeroed() };
    consumer.ioctl(ioctl::PROBEARG, &mut arg).unwrap();
    assert_eq!(arg.ndx, dtrace_abi::desc::ARGNONE);
}

#[test]
fn what_was_described_before_the_meta_provider_came_is_made_then() {
    let (rig, log) = (rig(), Log::default());
    become_process(100);
    bring(&rig, &image::helper().build()).unwrap();
    become_process(200);
    bring(&rig, &image::helper().build()).unwrap();
    rig.dtrace().register_meta(meta(&log)).unwrap();
    assert_eq!(said(&log), ["made web100 key 100 uid 7", "made web200 key 200 uid 7"]);
    let consumer = rig.open();
    assert_eq!(probes(&consumer, "web*").len(), 2);
    rig.dtrace().unregister_meta().unwrap();
    assert_eq!(said(&log), ["dropped web100", "dropped web200"]);
    assert_eq!(probes(&consumer, "web*"), [""; 0]);
    // And again.
    rig.dtrace().register_meta(meta(&log)).unwrap();
    assert_eq!(probes(&consumer, "web*").len(), 2);
    assert_eq!(rig.dtrace().register_meta(meta(&log)), Err(Errno::EEXIST));
}

/// `web*::: { trace(1) }`
fn web() -> Vec<u8> {
    Program::new().clause(["web*", "", "", ""], None, &[S::Trace(E::Int(1))]).buffered().image()
}

#[test]
fn a_retained_enabling_finds_the_probes_of_a_process_that_comes_later() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    let consumer = rig.open();
    assert_eq!(consumer.enable(&web()), Ok(0));
    consumer.go().unwrap();
    become_process(100);
    bring_at(&rig, &image::helper().build(), 0x40_0000, "server").unwrap();
    assert_eq!(said(&log), ["made web100 key 100 uid 7", "enabled web100 at 401010 401020"]);
    // Tracing of it ends with the process, and the consumer stays.
    rig.dtrace().process_ended();
    rig.dtrace().housekeep();
    assert_eq!(said(&log), ["disabled web100", "dropped web100"]);
    become_process(200);
    bring(&rig, &image::helper().build()).unwrap();
    assert_eq!(said(&log).len(), 2);
    consumer.close();
    assert_eq!(said(&log), ["disabled web200"]);
}

#[test]
fn two_images_may_describe_one_provider() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    become_process(100);
    let first = bring_at(&rig, &image::helper().build(), 0, "server").unwrap();
    bring_at(&rig, &image::helper().build(), 0, "libweb.so").unwrap();
    let consumer = rig.open();
    let both = ["web100:server:main:request", "web100:libweb.so:main:request"];
    assert_eq!(probes(&consumer, "web100"), both);
    take_back(&rig, first).unwrap();
    assert_eq!(probes(&consumer, "web100"), both[1..]);
}

#[test]
fn a_forked_child_has_probes_of_its_own() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    become_process(100);
    bring(&rig, &image::helper().build()).unwrap();
    rig.dtrace().process_forked(101, 101);
    rig.dtrace().housekeep();
    assert_eq!(said(&log), ["made web100 key 100 uid 7", "made web101 key 101 uid 7"]);
    become_process(101);
    rig.dtrace().process_ended();
    rig.dtrace().housekeep();
    assert_eq!(said(&log), ["dropped web101"]);
}

#[test]
#[cfg_attr(miri, ignore = "many processes")]
fn hundreds_of_processes_come_and_go_and_ids_only_grow() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    let stays = |pid| pid % 100 == 0;
    for pid in 1..=500 {
        become_process(pid);
        bring(&rig, &image::helper().build()).unwrap();
        if !stays(pid) {
            rig.dtrace().process_ended();
            rig.dtrace().housekeep();
        }
    }
    let consumer = rig.open();
    let names: Vec<String> = (1..=5).map(|n| format!("web{n}00:prog:main:request")).collect();
    assert_eq!(probes(&consumer, "web*"), names);
    // Without a pattern, too, nothing is missed between the holes.
    let (mut seen, mut desc) = (Vec::new(), ProbeDesc::zeroed());
    while consumer.ioctl(ioctl::PROBES, &mut desc).is_ok() {
        seen.push(desc.id);
        desc.id += 1;
    }
    // BEGIN, END, ERROR and the rig's own come first.
    assert_eq!(seen, [1, 2, 3, 4, 104, 204, 304, 404, 504]);
}

#[test]
fn the_probes_are_for_the_owner_of_the_process() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    become_process(100);
    bring(&rig, &image::helper().build()).unwrap();
    let see = |uid, privileges| {
        let consumer = rig.open_as(Cred { uid, gid: 0, privileges }).unwrap();
        probes(&consumer, "web*").len()
    };
    assert_eq!(see(7, Privileges::PROC), 1);
    assert_eq!(see(8, Privileges::PROC), 0);
    assert_eq!(see(8, Privileges::PROC.with(Privileges::OWNER)), 1);
    assert_eq!(see(7, Privileges::USER), 0);
    assert_eq!(see(8, Privileges::KERNEL), 0);
    assert_eq!(see(8, Privileges::ALL), 1);
    // A child belongs to whom its parent belonged to when it was forked.
    become_who(Who { pid: 100, uid: 9, ..Who::default() });
    rig.dtrace().process_forked(101, 101);
    rig.dtrace().housekeep();
    assert_eq!(see(9, Privileges::PROC), 1);
    assert_eq!(see(7, Privileges::PROC), 1);
}

#[test]
fn a_meta_provider_that_fails_fails_the_request() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(Box::new(Meta { fail: true, ..*meta(&log) })).unwrap();
    become_process(100);
    assert_eq!(bring(&rig, &image::helper().build()), Err(Errno::ENOSPC));
    assert_eq!(crate::images::helpers(&rig), 0);
}

#[test]
fn what_cannot_be_taken_back_for_want_of_memory_is_taken_back_later() {
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(Box::new(Meta { starve: true, ..*meta(&log) })).unwrap();
    become_process(100);
    let stacks = Stacks::new(&rig, 1, 64);
    let mut helper = Helper(image::helper()).clause(None, &[text("named")]).0;
    let provider = helper.parts.iter().find(|part| part.header.kind == SECT_PROVIDER).unwrap().clone();
    helper.parts.push(provider);
    let refused = bring(&rig, &helper.build());
    allocator::starve(false);
    assert_eq!(refused, Err(Errno::ENOSPC));
    assert_eq!(stacks.strings(), [""; 0], "it says nothing more");
    assert_eq!(crate::images::helpers(&rig), 1);
    rig.dtrace().housekeep();
    assert_eq!(crate::images::helpers(&rig), 0);
    assert_eq!(said(&log), ["made web100 key 100 uid 7", "dropped web100"]);
}

#[test]
fn a_provider_may_not_be_named_like_the_pid_provider_s_or_like_a_pattern() {
    let rig = rig();
    become_process(100);
    for name in ["pid", "we*", "a:b", "w b"] {
        let mut helper = image::helper();
        let strings = &mut helper.parts[0].data;
        strings[1..4].copy_from_slice(&[name.as_bytes(), b"\0\0\0"].concat()[..3]);
        assert_eq!(bring(&rig, &helper.build()), Err(Errno::EINVAL), "{name}");
    }
}

/// The original's own sample of an instrumented program, where it is at hand.
#[test]
fn the_original_s_sample_makes_its_probes() {
    let shared = std::env::var_os("DTRACE_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        std::path::PathBuf::from,
    );
    let Ok(sample) = std::fs::read(shared.join("abi/vectors/usdt-simple.sunw_dof")) else {
        println!("skipped: no image of the original's");
        return;
    };
    let (rig, log) = (rig(), Log::default());
    rig.dtrace().register_meta(meta(&log)).unwrap();
    become_process(4711);
    bring_at(&rig, &sample, 0x40_0000, "simple").unwrap();
    let consumer = rig.open();
    assert_eq!(
        probes(&consumer, "simple*"),
        ["simple4711:simple:main:saw-line", "simple4711:simple:main:saw-word"]
    );
    drop(consumer);
    check_enabled_places(&rig, &log);
}

fn check_enabled_places(rig: &Rig, log: &Log) {
    said(log);
    let consumer = rig.open();
    let program = Program::new().clause(["simple4711", "", "", "saw-word"], None, &[S::Trace(E::Int(1))]);
    assert_eq!(consumer.enable(&program.buffered().image()), Ok(1));
    assert_eq!(said(log), ["enabled simple4711 at 400115 40014e"]);
}
