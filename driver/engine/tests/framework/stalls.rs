//! A caller whose memory does not come (its pages are served by a process that does not answer) waits alone.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dtrace_abi::{BufDesc, Plain, Status, ioctl};
use dtrace_engine::errno::Errno;
use dtrace_engine::host::Host;
use dtrace_engine::mock::{Rig, STALLED_BASE, USER_BASE};
use dtrace_engine::{Consumer, Cred, Model, Privileges};

use crate::program::{E, Program, S};
use crate::session::READERS;

const ROOT: Cred = Cred { uid: 0, gid: 0, privileges: Privileges::ALL };
/// Where a stalled caller's argument is, if it is not that which does not come.
const ARGUMENT_AT: u64 = USER_BASE + 0x30_0000;

fn rig() -> Rig {
    Rig::new(1, &[["mod", "func", "entry"]])
}

fn image() -> Vec<u8> {
    Program::new().clause(["mock", "", "", ""], None, &[S::Trace(E::Int(1))]).buffered().image()
}

/// Waits for what is certain to come.
fn until(done: impl Fn() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// Whether work is done in another thread, rather than never.
fn is_done<'scope>(scope: &'scope thread::Scope<'scope, '_>, work: impl FnOnce() + Send + 'scope) -> bool {
    let (done, wait) = mpsc::channel();
    scope.spawn(move || {
        work();
        let _ = done.send(());
    });
    wait.recv_timeout(Duration::from_secs(60)).is_ok()
}

/// Everything that others want of the engine.
fn others_go_on(rig: &Rig) {
    let other = rig.open();
    other.enable(&image()).unwrap();
    other.go().unwrap();
    rig.probe(0).fire(&[]);
    assert!(!other.buffer(0).unwrap().data.is_empty());
    other.ioctl(ioctl::STATUS, &mut Status::zeroed()).unwrap();
    rig.dtrace().housekeep();
    other.stop().unwrap();
}

#[test]
fn whoever_waits_for_the_argument_of_a_request_keeps_nobody_else_waiting() {
    let rig = rig();
    let stalled = rig.open();
    stalled.enable(&image()).unwrap();
    stalled.go().unwrap();
    let requests = [&READERS[..], &[ioctl::STATUS, ioctl::STOP]].concat();
    let helpers = [ioctl::HELPER_ADD, ioctl::HELPER_ADDDOF];
    thread::scope(|scope| {
        let (rig, stalled) = (&rig, &stalled);
        for &request in &requests {
            scope.spawn(move || stalled.ioctl_raw(request, STALLED_BASE));
        }
        for request in helpers {
            scope.spawn(move || rig.dtrace().helper_ioctl(Model::Lp64, request, STALLED_BASE));
        }
        let waiting = requests.len() + helpers.len();
        until(|| rig.mock().stalled() == waiting);
        let went_on = is_done(scope, || others_go_on(rig));
        rig.mock().release();
        assert!(went_on, "a caller that waits for its memory holds what others need");
    });
}

/// A consumer with a record in its buffer, whose next snapshot's data goes to `data`.
fn traced(rig: &Rig, data: u64) -> Consumer {
    let consumer = rig.dtrace().open(ROOT).unwrap();
    let request = |command, bytes: &[u8]| {
        rig.mock().poke_user(ARGUMENT_AT, bytes).unwrap();
        rig.dtrace().ioctl(&consumer, command, ARGUMENT_AT).unwrap()
    };
    request(ioctl::ENABLE, &image());
    request(ioctl::GO, &[0; 4]);
    rig.probe(0).fire(&[]);
    rig.mock().poke_user(ARGUMENT_AT, BufDesc { data, ..BufDesc::zeroed() }.as_bytes()).unwrap();
    consumer
}

#[test]
fn a_snapshot_that_waits_for_the_consumer_s_memory_keeps_back_that_consumer_alone() {
    let rig = rig();
    let raw = traced(&rig, STALLED_BASE).into_raw();
    let consumer = || Consumer::from_raw(raw);
    thread::scope(|scope| {
        let snapshot = scope.spawn(|| rig.dtrace().ioctl(&consumer(), ioctl::BUFSNAP, ARGUMENT_AT));
        until(|| rig.mock().stalled() == 1);
        let went_on = is_done(scope, || others_go_on(&rig));
        // Its next snapshot and its end come after this one.
        let next = scope.spawn(|| rig.dtrace().ioctl(&consumer(), ioctl::BUFSNAP, ARGUMENT_AT));
        rig.mock().kill_waiters();
        assert_eq!(next.join().unwrap(), Err(Errno::EINTR), "it does not want it any more");
        let closed = scope.spawn(|| rig.dtrace().close(consumer()));
        thread::sleep(Duration::from_millis(20));
        let early = closed.is_finished();
        rig.mock().release();
        assert!(went_on, "a snapshot holds what others need");
        assert!(!early, "what is being copied out was freed");
        assert_eq!(snapshot.join().unwrap(), Err(Errno::EFAULT), "the page is not there");
    });
    assert!(!rig.is_hooked(0));
    assert_eq!(rig.dtrace().ioctl(&consumer(), ioctl::BUFSNAP, ARGUMENT_AT), Err(Errno::EBADF));
}

#[test]
fn who_holds_the_control_mutex_for_long_ends_nobody_s_tracing() {
    let rig = rig();
    let consumer = rig.open();
    consumer.enable(&image()).unwrap();
    consumer.go().unwrap();
    rig.mock().lock();
    thread::scope(|scope| {
        // It waits, as a thread that makes buffers would have it wait.
        let keeper = scope.spawn(|| rig.dtrace().housekeep());
        for _ in 0..20 {
            rig.mock().advance(1_000_000_000);
            rig.dtrace().heartbeat();
        }
        (0..2048).for_each(|n| rig.probe(0).fire(&[n]));
        rig.mock().unlock();
        keeper.join().unwrap();
    });
    let mut status = Status::zeroed();
    consumer.ioctl(ioctl::STATUS, &mut status).unwrap();
    assert_eq!(status.killed, 0, "the machine is alive");
}

#[test]
fn opening_waits_for_nobody_and_what_was_opened_meanwhile_is_a_consumer_like_any_other() {
    let rig = rig();
    let opened = std::sync::Mutex::new(Vec::new());
    rig.mock().lock();
    thread::scope(|scope| {
        let went_on = is_done(scope, || {
            for _ in 0..3 {
                opened.lock().unwrap().push(rig.dtrace().open(ROOT).unwrap());
            }
        });
        rig.mock().unlock();
        assert!(went_on, "whoever holds the control mutex keeps a device from being opened");
    });
    let mut opened = opened.into_inner().unwrap();
    // One is never used, the others are.
    rig.dtrace().close(opened.pop().unwrap());
    for consumer in &opened {
        rig.mock().poke_user(ARGUMENT_AT, &image()).unwrap();
        assert_eq!(rig.dtrace().ioctl(consumer, ioctl::ENABLE, ARGUMENT_AT), Ok(1));
        assert!(rig.dtrace().is_privileged(consumer));
    }
    assert!(rig.is_hooked(0));
    opened.into_iter().for_each(|consumer| rig.dtrace().close(consumer));
    assert!(!rig.is_hooked(0));
}
