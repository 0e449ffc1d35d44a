//! What each privilege allows, and what it does not (contract 1.3): enforced by the engine, whatever the host.
//!
//! `priv_user` is one's own processes, `priv_proc` and `priv_owner` those of others too, `priv_kernel` the kernel's memory and
//! with it everything to be seen; to be changed are, but for root, processes only.

use dtrace_abi::{action, dif, fault, option};
use dtrace_engine::errno::Errno;
use dtrace_engine::mock::{Effect, Handle, KERNEL_BASE, Mock, Rig, USER_BASE, Who, become_who};
use dtrace_engine::{Cred, Privileges};

use crate::decode::{Datum, int, status, text, values};
use crate::program::{E, Program, S, count};

const PROBE: [&str; 4] = ["mock", "", "", ""];
const USER: Privileges = Privileges::USER;

/// A machine with one probe that is for whom has `priv_user`, as those of `syscall` are.
fn rig() -> Rig {
    Rig::with_privileges(Mock::new(1), &[["m", "f", "n"]], USER)
}

fn cred(privileges: Privileges) -> Cred {
    Cred { uid: 1000, gid: 1000, privileges }
}

/// A consumer of user 1000 that traces the probe with these statements, told of each fault by its kind.
fn tracing<'a>(rig: &'a Rig, privileges: Privileges, statements: &[S]) -> Handle<'a> {
    let consumer = rig.open_as(cred(privileges)).unwrap();
    let image = Program::new()
        .buffered()
        .option(option::DESTRUCTIVE, 1)
        .clause(PROBE, None, statements)
        .clause(["dtrace", "", "", "ERROR"], None, &[S::Trace(E::Var(dif::VAR_ARG0 + 4))])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    consumer
}

fn fire_as(rig: &Rig, uid: u32) {
    become_who(Who { uid, gid: uid, ..Who::default() });
    rig.probe(0).fire(&[]);
    become_who(Who::default());
}

#[test]
fn who_sees_whose_processes() {
    let seen = |privileges: Privileges| {
        let rig = rig();
        let consumer = tracing(&rig, privileges, &[S::Trace(E::Var(dif::VAR_UID))]);
        [0, 1000, 1001].into_iter().for_each(|uid| fire_as(&rig, uid));
        values(&consumer)
    };
    assert_eq!(seen(USER), [int(1000)]);
    let all = [0, 1000, 1001].map(int);
    assert_eq!(seen(USER.with(Privileges::OWNER)), all);
    assert_eq!(seen(USER.with(Privileges::PROC)), all);
    assert_eq!(seen(Privileges::KERNEL), all, "which implies priv_user");
}

#[test]
fn what_the_kernel_does_is_seen_by_who_may_look_into_it_alone() {
    let seen = |privileges: Privileges| {
        let rig = Rig::with_privileges(Mock::new(1), &[["m", "f", "kernel-mode"]], USER);
        let consumer = tracing(&rig, privileges, &[S::Trace(E::Var(dif::VAR_ARG0))]);
        [0, 1000].into_iter().for_each(|uid| fire_as(&rig, uid));
        values(&consumer).len()
    };
    let confined = [USER, USER.with(Privileges::OWNER), USER.with(Privileges::PROC)];
    assert_eq!(confined.map(seen), [0; 3]);
    assert_eq!([Privileges::KERNEL, Privileges::ALL].map(seen), [2; 2]);
}

#[test]
fn a_tick_is_for_everybody_and_tells_nothing_of_the_thread_it_meets() {
    let rig = Rig::with_privileges(Mock::new(1), &[["m", "f", "n"], ["", "", "tick-1s"]], USER);
    let consumer = rig.open_as(cred(USER)).unwrap();
    let tick = ["mock", "", "", "tick-1s"];
    let pid = || S::Trace(E::Var(dif::VAR_PID));
    let image = Program::new()
        .buffered()
        .option(option::DESTRUCTIVE, 1)
        .clause(tick, None, &[S::Trace(E::Var(dif::VAR_ARG0))])
        .clause(tick, None, &[pid()])
        .clause(tick, None, &[S::Act(action::USTACK, 3, None)])
        .clause(tick, None, &[S::Act(action::RAISE, 0, Some(E::Int32(9)))])
        .clause(tick, Some(E::Equal(dif::VAR_UID, 0)), &[])
        .clause(["dtrace", "", "", "ERROR"], None, &[S::Trace(E::Var(dif::VAR_ARG0 + 4))])
        .clause(["dtrace", "", "", "ERROR"], None, &[pid()])
        .image();
    consumer.enable(&image).unwrap();
    consumer.go().unwrap();
    let tick = |uid| {
        become_who(Who { uid, gid: uid, ..Who::default() });
        rig.probe(1).fire(&[5, 6]);
        become_who(Who::default());
        values(&consumer)
    };
    let refused = int(i64::from(fault::UPRIV));
    let wanted = [int(0xa000), refused.clone(), refused.clone(), refused.clone(), refused];
    assert_eq!(tick(0), wanted, "arg0 is not the firing's, and ERROR is not told whom it met either");
    assert_eq!(rig.mock().effects(), []);
    assert_eq!(tick(1000)[..2], [int(5), int(100)], "a process of one's own is seen");
}

#[test]
fn a_process_of_the_user_in_another_group_is_not_its_own() {
    let rig = rig();
    let consumer = tracing(&rig, USER, &[S::Trace(E::Var(dif::VAR_GID))]);
    become_who(Who { uid: 1000, gid: 0, ..Who::default() });
    rig.probe(0).fire(&[]);
    become_who(Who::default());
    assert_eq!(values(&consumer), []);
}

#[test]
fn the_kernel_is_for_priv_kernel() {
    for (privileges, wanted) in [
        (USER.with(Privileges::OWNER).with(Privileges::PROC), int(i64::from(fault::KPRIV))),
        (Privileges::KERNEL, int(0)),
    ] {
        let rig = rig();
        let consumer = tracing(&rig, privileges, &[S::Trace(E::Load(KERNEL_BASE))]);
        fire_as(&rig, 1000);
        assert_eq!(values(&consumer), [wanted]);
    }
    for what in [
        S::Trace(E::Var(dif::VAR_CURTHREAD)),
        S::Trace(E::Var(dif::VAR_CALLER)),
        S::Act(action::STACK, 3, None),
    ] {
        let rig = rig();
        let consumer = tracing(&rig, USER, &[what]);
        fire_as(&rig, 1000);
        assert_eq!(values(&consumer), [int(i64::from(fault::KPRIV))]);
    }
}

#[test]
fn processes_are_changed_by_their_owner_or_by_who_may_have_any() {
    let stop = [S::Act(action::STOP, 0, None), S::Act(action::RAISE, 0, Some(E::Int32(9)))];
    // No bytes, so that nothing is read first.
    let arguments = &[0, USER_BASE + 0x9_0000, 0];
    let copyout = [S::Act(action::LIBACT, 0, Some(E::Call(dif::SUBR_COPYOUT as u16, arguments)))];
    for (privileges, uid, allowed) in [
        (USER, 1000, true),
        (Privileges::KERNEL, 1000, true),
        (Privileges::KERNEL, 0, false),
        (USER.with(Privileges::OWNER), 0, true),
        (USER.with(Privileges::PROC), 0, true),
    ] {
        let rig = rig();
        let consumer = tracing(&rig, privileges, &stop);
        fire_as(&rig, uid);
        let wanted = if allowed { vec![Effect::Stop, Effect::Raise(9)] } else { vec![] };
        assert_eq!(rig.mock().effects(), wanted, "{privileges:?} {uid}");
        let told = if allowed { vec![] } else { vec![int(i64::from(fault::UPRIV))] };
        assert_eq!(values(&consumer), told);
        let consumer = tracing(&rig, privileges, &copyout);
        fire_as(&rig, uid);
        let value = if allowed { vec![int(0)] } else { told };
        assert_eq!(values(&consumer), value, "copyout");
    }
}

#[test]
fn the_machine_is_changed_by_root_alone() {
    let actions = [(action::CHILL, Some(E::Int(1000))), (action::BREAKPOINT, None), (action::PANIC, None)];
    for (kind, value) in actions {
        let rig = rig();
        let consumer = tracing(&rig, Privileges::KERNEL, &[S::Act(kind, 0, value)]);
        fire_as(&rig, 1000);
        assert_eq!((values(&consumer), rig.mock().effects()), (vec![int(i64::from(fault::KPRIV))], vec![]));
        let root = rig.open();
        let image = Program::new().buffered().option(option::DESTRUCTIVE, 1).clause(
            PROBE,
            None,
            &[S::Act(kind, 0, value)],
        );
        root.enable(&image.image()).unwrap();
        root.go().unwrap();
        fire_as(&rig, 1000);
        assert_eq!(rig.mock().effects().len(), 1);
    }
}

#[test]
fn a_breakpoint_without_a_debugger_is_an_illegal_operation() {
    let rig = rig();
    rig.mock().remove_debugger();
    let root = rig.open();
    let image = Program::new()
        .buffered()
        .option(option::DESTRUCTIVE, 1)
        .clause(PROBE, None, &[S::Act(action::BREAKPOINT, 0, None)])
        .clause(["dtrace", "", "", "ERROR"], None, &[S::Trace(E::Var(dif::VAR_ARG0 + 4))]);
    root.enable(&image.image()).unwrap();
    root.go().unwrap();
    rig.probe(0).fire(&[]);
    assert_eq!(values(&root), [int(i64::from(fault::ILLOP))]);
}

#[test]
fn a_machine_may_refuse_everything_destructive() {
    let rig = rig();
    rig.dtrace().disallow_destructive();
    let root = rig.open();
    let option = Program::new().option(option::DESTRUCTIVE, 1).image();
    assert_eq!(root.enable(&option), Err(Errno::EACCES));
    root.enable(&Program::new().clause(PROBE, None, &[S::Act(action::STOP, 0, None)]).image()).unwrap();
    assert_eq!(root.go(), Err(Errno::EACCES));
}

#[test]
#[cfg_attr(miri, ignore = "a hundred megabytes")]
fn large_buffers_of_every_kind_are_for_root() {
    const LARGE: i64 = (16 << 20) + 8;
    let speculates = S::Act(action::LIBACT, 0, Some(E::Speculation));
    let cases = [
        (option::BUFSIZE, S::Trace(E::Int(1))),
        (option::AGGSIZE, count(&[])),
        (option::SPECSIZE, speculates),
        (option::DYNVARSIZE, S::Act(action::LIBACT, 0, Some(E::Remember(1)))),
    ];
    for (which, statement) in cases {
        let rig = rig();
        for (size, wanted) in [(LARGE, Err(Errno::EFBIG)), (LARGE - 8, Ok(0))] {
            let consumer = rig.open_as(cred(USER)).unwrap();
            let image = Program::new().buffered().option(which, size).clause(
                PROBE,
                None,
                core::slice::from_ref(&statement),
            );
            consumer.enable(&image.image()).unwrap();
            assert_eq!(consumer.go(), wanted, "{which}: {size}");
        }
    }
}

#[test]
fn the_time_of_threads_is_accounted_while_somebody_asks_for_it() {
    let rig = rig();
    let asks = tracing(&rig, Privileges::KERNEL, &[S::Trace(E::Var(dif::VAR_VTIMESTAMP))]);
    let asks_too = tracing(&rig, USER, &[S::Trace(E::Var(dif::VAR_VTIMESTAMP))]);
    let does_not = tracing(&rig, USER, &[S::Trace(E::Var(dif::VAR_TIMESTAMP))]);
    assert_eq!(rig.mock().vtime_wanted(), 2);
    asks.close();
    assert_eq!(rig.mock().vtime_wanted(), 1);
    asks_too.close();
    does_not.close();
    assert_eq!(rig.mock().vtime_wanted(), 0);
}

#[test]
fn drops_of_dynamic_variables_are_told_by_kind() {
    let rig = rig();
    let consumer = rig.open();
    let image = Program::new()
        .buffered()
        .option(option::DYNVARSIZE, 8192)
        .option(option::CLEANRATE, 1_000_000_000)
        .clause(
            PROBE,
            Some(E::Equal(dif::VAR_ARG0 + 1, 1)),
            &[S::Act(action::LIBACT, 0, Some(E::Remember(5)))],
        )
        .clause(
            PROBE,
            Some(E::Equal(dif::VAR_ARG0 + 1, 2)),
            &[S::Act(action::LIBACT, 0, Some(E::Remember(0)))],
        );
    consumer.enable(&image.image()).unwrap();
    consumer.go().unwrap();
    (0..1000).for_each(|n| rig.probe(0).fire(&[n, 1]));
    let plain = status(&consumer).dyndrops;
    assert!(plain > 0 && plain < 1000, "{plain}");
    assert_eq!(status(&consumer).dyndrops_dirty, 0);
    // One is taken away; until the cleaner has been there its memory is dirty.
    rig.probe(0).fire(&[0, 2]);
    rig.probe(0).fire(&[5000, 1]);
    assert_eq!((status(&consumer).dyndrops, status(&consumer).dyndrops_dirty), (plain, 1));
    rig.mock().advance(2_000_000_000);
    rig.dtrace().housekeep();
    rig.probe(0).fire(&[5000, 1]);
    assert_eq!((status(&consumer).dyndrops, status(&consumer).dyndrops_dirty), (plain, 1), "it is clean now");
}

#[test]
fn who_may_not_do_everything_has_so_much_time_in_a_firing_and_no_more() {
    let swaps = || S::Trace(E::Call(dif::SUBR_HTONS as u16, &[1]));
    let errors = |privileges: Privileges| {
        let rig = rig();
        let consumer = rig.open_as(cred(privileges)).unwrap();
        let clauses = (0..30)
            .fold(Program::new().buffered(), |program, _| program.clause(PROBE, None, &vec![swaps(); 30]));
        // What it does about a fault is in the same firing.
        let image = clauses.clause(["dtrace", "", "", "ERROR"], None, &[swaps()]).image();
        consumer.enable(&image).unwrap();
        consumer.go().unwrap();
        // Whoever looks at the clock finds a millisecond gone.
        rig.mock().tick(1_000_000);
        fire_as(&rig, 1000);
        rig.mock().tick(0);
        assert!(values(&consumer).len() == if privileges == Privileges::ALL { 900 } else { 0 });
        status(&consumer).errors
    };
    for privileges in [USER, USER.with(Privileges::PROC), Privileges::KERNEL] {
        // One faults in the middle of its thirty steps, that is told to nobody in time, and the others do not begin.
        assert_eq!(errors(privileges), 31);
    }
    assert_eq!(errors(Privileges::ALL), 0);
}

#[test]
fn each_firing_has_its_own_time() {
    let rig = rig();
    let consumer = tracing(&rig, USER, &[S::Trace(E::Call(dif::SUBR_HTONS as u16, &[1]))]);
    rig.mock().tick(1_000_000);
    (0..20).for_each(|_| fire_as(&rig, 1000));
    assert_eq!((values(&consumer).len(), status(&consumer).errors), (20, 0));
}

#[test]
fn who_may_not_look_into_the_kernel_sees_no_address_of_it() {
    let strings =
        [dif::VAR_EXECNAME, dif::VAR_PROBEFUNC, dif::VAR_PROBEMOD, dif::VAR_PROBENAME, dif::VAR_PROBEPROV];
    let numbers: Vec<E> = strings
        .into_iter()
        .chain([dif::VAR_ZONENAME, dif::VAR_EXECARGS])
        .map(E::Var)
        .chain([
            E::Call(dif::SUBR_ALLOCA as u16, &[8]),
            E::Call(dif::SUBR_LLTOSTR as u16, &[8]),
            E::Call(dif::SUBR_COPYIN as u16, &[USER_BASE, 8]),
            E::Call(dif::SUBR_COPYINSTR as u16, &[USER_BASE]),
            E::Address("a text"),
        ])
        .collect();
    let seen = |privileges: Privileges| {
        let rig = rig();
        let traces: Vec<S> = numbers.iter().map(|e| S::Trace(*e)).collect();
        let keys = S::Agg(dtrace_abi::agg::SUM, 0, numbers.clone(), Some(E::Var(dif::VAR_PROBEFUNC)), None);
        let texts: Vec<S> = strings.into_iter().map(|id| S::Trace(E::Name(id))).collect();
        let consumer = tracing(&rig, privileges, &[&traces[..], &texts[..], &[keys]].concat());
        fire_as(&rig, 1000);
        let values = values(&consumer);
        let (numbers, strings) = values.split_at(numbers.len());
        assert_eq!(strings, ["mock", "f", "m", "n", "mock"].map(text), "which are there as strings");
        let (_, keys, sums) = crate::decode::aggregations(&consumer, 0).remove(0);
        (numbers.to_vec(), keys, int(sums[0] as i64))
    };
    // Numbers that are no addresses of anything on any machine.
    let made_up = |datum: &Datum| matches!(datum, Datum::Int(n) if (*n as u64) >> 47 == 1 << 16);
    let (numbers, keys, sum) = seen(USER);
    assert!(keys.iter().chain([&sum]).all(made_up), "{keys:x?} {sum:x?}");
    assert!(numbers.iter().all(made_up), "{numbers:x?}");
    assert_eq!(numbers, seen(USER.with(Privileges::PROC)).0, "the same, wherever they are");
    assert!(!seen(Privileges::KERNEL).0.iter().any(made_up));
}
