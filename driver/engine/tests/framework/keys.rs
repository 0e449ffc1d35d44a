//! One aggregation by keys that are at hand has a short form: it leaves what the general one leaves, to the byte.
//!
//! The general form is that of a program none of whose expressions is recognised. Which of the two was taken shows in how
//! the command name was asked for: as words, or as text.

use dtrace_abi::{agg, dif, option};
use dtrace_engine::mock::{Handle, Mock, Rig, Who, become_who, go_to_cpu};
use dtrace_engine::{Cred, Privileges};

use crate::program::{E, Program, S, count};

const PROBE: [&str; 4] = ["mock", "", "", ""];

/// Probes whose names are shorter than a word, a word, a word with their NUL, and longer.
const PROBES: [[&str; 3]; 4] = [
    ["m", "f", "n"],
    ["m", "eight by", "seven b"],
    ["module", "a function with a name", "return"],
    ["module", "eight bytes and", "entry"],
];

/// Command names: shorter than a word, of a word, longer, as long as they may be, cut, none; and what another name has left behind
/// the NUL.
const NAMES: [&str; 10] = [
    "sh",
    "seven b",
    "eight by",
    "nine byte",
    "a name of 15 by",
    "a name of 15 bytes and more",
    "",
    "sh\0junk behind",
    "eight by\0junk",
    "\0all junk",
];

const CPUS: usize = 2;

const NAME: E = E::Name(dif::VAR_EXECNAME);
const FUNCTION: E = E::Name(dif::VAR_PROBEFUNC);
const PID: E = E::Var32(dif::VAR_PID);
const TID: E = E::Var32(dif::VAR_TID);
const ARG: fn(u32) -> E = |n| E::Var(dif::VAR_ARG0 + n);

/// What a consumer finds in a buffer: data, drops, errors.
type Found = Vec<(Vec<u8>, u64, u32)>;

/// The clauses of a program.
type Clauses = Vec<(Option<E>, Vec<S>)>;

/// A consumer's surroundings.
#[derive(Clone, Copy, Debug)]
struct Setting {
    bufsize: i64,
    aggsize: i64,
    strsize: i64,
    /// It may see no more than its own processes.
    confined: bool,
    firings: usize,
}

const WIDE: Setting =
    Setting { bufsize: 64 << 10, aggsize: 64 << 10, strsize: 256, confined: false, firings: 360 };

fn read(consumer: &Handle<'_>) -> Found {
    let snapshots = (0..CPUS as u32).flat_map(|cpu| [consumer.buffer(cpu), consumer.aggregations(cpu)]);
    snapshots.flatten().map(|s| (s.data, s.desc.drops, s.desc.errors)).collect()
}

/// What firings leave behind on two CPUs, and how often the name was asked for as words. `hook` is the way in which hooks fire.
fn left_behind(program: Program, clauses: &Clauses, setting: Setting, hook: usize) -> (Found, u64) {
    let rig = Rig::with_privileges(Mock::new(CPUS), &PROBES, Privileges::USER);
    let program = program
        .option(option::BUFSIZE, setting.bufsize)
        .option(option::AGGSIZE, setting.aggsize)
        .option(option::STRSIZE, setting.strsize);
    let program =
        clauses.iter().fold(program, |program, (predicate, s)| program.clause(PROBE, *predicate, s));
    let privileges = if setting.confined { Privileges::USER } else { Privileges::ALL };
    let consumer = rig.open_as(Cred { uid: 1000, gid: 1000, privileges }).unwrap();
    consumer.enable(&program.image()).unwrap();
    consumer.go().unwrap();
    let mut all = Vec::new();
    for n in 0..setting.firings {
        // Mostly the same thread and probe as before, on either CPU.
        let number = n / 3 * 7;
        let uid = if number % 5 < 2 { 0 } else { 1000 };
        become_who(Who {
            execname: NAMES[number / 2 % NAMES.len()].to_string(),
            pid: 100 + (number / 4 % 3) as u32,
            tid: 7 + (number / 8 % 5) as u32,
            uid,
            gid: uid,
            ..Who::default()
        });
        let (cpu, n) = (n / 5 % CPUS, n as u64);
        go_to_cpu(cpu);
        let probe = rig.probe(number % PROBES.len());
        let args = [n / 3 % 7, u64::MAX - n, 1 << (n % 64)];
        // Arguments that are not at hand are the provider's to know.
        let args = args.get(..n as usize / 2 % 8).unwrap_or(&args);
        match hook {
            0 => probe.fire(args),
            1 => probe.fire_at_once(args),
            _ => probe.fire_at_once_on(cpu, args),
        }
        // What the consumer takes away begins anew.
        if n % 170 == 100 {
            all.extend(read(&consumer));
        }
    }
    all.extend(read(&consumer));
    go_to_cpu(0);
    consumer.stop().unwrap();
    all.extend(read(&consumer));
    become_who(Who::default());
    (all, rig.mock().word_reads())
}

/// Both forms leave the same behind. Whether the short one was taken for some of it.
fn same(clauses: Clauses, setting: Setting) -> bool {
    let (general, words) = left_behind(Program::looped(), &clauses, setting, 0);
    assert_eq!(words, 0, "the general form asks for text");
    assert!(general.iter().any(|(data, ..)| !data.is_empty()), "{setting:?}");
    let mut short = false;
    for hook in 0..3 {
        let (quick, words) = left_behind(Program::new(), &clauses, setting, hook);
        assert!(quick == general, "{setting:?}, hook {hook}");
        short |= words != 0;
    }
    short
}

fn by(keys: &[E]) -> Clauses {
    vec![(None, vec![count(keys)])]
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn keys_of_every_kind() {
    let names = |part| E::Name(part);
    let (module, name) = (names(dif::VAR_PROBEMOD), names(dif::VAR_PROBENAME));
    for keys in [
        vec![NAME],
        vec![NAME, PID],
        vec![PID, NAME],
        vec![TID, PID, NAME],
        vec![ARG(0), NAME],
        vec![NAME, ARG(1), FUNCTION],
        vec![FUNCTION, module, NAME, E::Var(dif::VAR_PID), E::Var(dif::VAR_TID)],
    ] {
        assert!(same(by(&keys), WIDE));
    }
    for keys in [vec![FUNCTION], vec![FUNCTION, PID], vec![module, name], vec![ARG(0)], vec![PID], vec![TID]]
    {
        assert!(!same(by(&keys), WIDE), "there is no command name among these");
    }
    // More than the short form has room for.
    for keys in
        [vec![NAME, NAME], vec![PID, TID, ARG(0), NAME], vec![E::Int(1), NAME], vec![E::Text("x"), NAME]]
    {
        assert!(!same(by(&keys), WIDE));
    }
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn functions_of_every_kind() {
    let linear = agg::LquantizeArg { base: -2, step: 2, levels: 3 }.pack();
    let log = agg::LlquantizeArg { factor: 10, low: 0, high: 3, nsteps: 10 }.pack();
    for (function, argument) in [
        (agg::SUM, 0),
        (agg::MIN, 0),
        (agg::MAX, 0),
        (agg::AVG, 0),
        (agg::STDDEV, 0),
        (agg::QUANTIZE, 0),
        (agg::LQUANTIZE, linear),
        (agg::LLQUANTIZE, log),
    ] {
        for value in [ARG(0), ARG(1), ARG(2), E::Int(3)] {
            let statement = |increment| S::Agg(function, argument, vec![NAME], Some(value), increment);
            let setting = Setting { aggsize: 128 << 10, ..WIDE };
            assert!(same(vec![(None, vec![statement(None)])], setting));
            if matches!(function, agg::QUANTIZE | agg::LQUANTIZE | agg::LLQUANTIZE) {
                assert!(!same(vec![(None, vec![statement(Some(E::Int(5)))])], setting));
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn strings_shorter_than_names() {
    let short = |size| E::ShortName(dif::VAR_EXECNAME, size);
    let function = |size| E::ShortName(dif::VAR_PROBEFUNC, size);
    let setting = |size| Setting { strsize: i64::from(size), ..WIDE };
    for size in [1, 2, 4, 8, 12, 15] {
        assert!(!same(by(&[short(size), FUNCTION]), setting(size)), "no room for two words");
        same(by(&[function(size), PID]), setting(size));
        same(by(&[NAME, function(size), PID]), setting(size));
    }
    for size in [16, 17, 20, 23, 24, 1024] {
        assert!(same(by(&[short(size)]), setting(size)));
        assert!(same(by(&[short(size), function(size)]), setting(size)));
        assert!(same(by(&[PID, function(size), short(size), TID]), setting(size)));
    }
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn buffers_that_are_full() {
    for aggsize in [64, 700, 2048, 6000] {
        let setting = Setting { aggsize, ..WIDE };
        let (found, _) = left_behind(Program::new(), &by(&[NAME, FUNCTION, PID]), setting, 0);
        assert!(found.iter().any(|(_, drops, _)| *drops != 0), "{aggsize}");
        if aggsize > 1024 {
            assert!(same(by(&[NAME]), setting));
            assert!(same(by(&[NAME, FUNCTION, PID]), setting));
            same(by(&[FUNCTION, ARG(0)]), setting);
        }
    }
    // What another clause records leaves no room for keys to be staged. (Its records have no padding, in which one would see
    // what was staged there.)
    let clauses = || vec![(None, vec![S::Trace(PID)]), (None, vec![count(&[NAME])])];
    for bufsize in [296, 400, 512] {
        let setting = Setting { bufsize, ..WIDE };
        let (found, _) = left_behind(Program::new(), &clauses(), setting, 0);
        assert!(found.iter().any(|(_, drops, _)| *drops != 0), "{bufsize}");
        assert!(same(clauses(), setting));
    }
    // Nor does what is misaligned.
    assert!(same(vec![(None, vec![]), (None, vec![count(&[NAME, PID])])], WIDE));
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn with_predicates_and_beside_other_clauses() {
    for (predicate, short) in [
        (E::Equal(dif::VAR_ARG0, 3), true),
        (E::Equal(dif::VAR_ARG2, 64), true),
        (E::Equal(dif::VAR_IPL, 0), false),
    ] {
        assert_eq!(same(vec![(Some(predicate), vec![count(&[NAME])])], WIDE), short);
    }
    let sum = S::Agg(agg::SUM, 0, vec![NAME], Some(ARG(0)), None);
    assert!(same(vec![(None, vec![count(&[NAME])]), (None, vec![sum.clone()])], WIDE));
    assert!(same(
        vec![(Some(E::Equal(dif::VAR_ARG0, 2)), vec![count(&[NAME])]), (None, vec![sum.clone()])],
        WIDE
    ));
    // Two in one clause, and one that does more than aggregate.
    assert!(!same(vec![(None, vec![count(&[NAME]), sum])], WIDE));
    assert!(!same(vec![(None, vec![count(&[NAME]), S::Trace(ARG(0))])], WIDE));
    assert!(!same(vec![(None, vec![S::Trace(E::Increment(0)), count(&[NAME])])], WIDE));
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn for_who_sees_only_their_own_processes() {
    let setting = Setting { confined: true, ..WIDE };
    // Theirs is the long way always.
    assert!(!same(by(&[NAME]), setting));
    assert!(!same(by(&[PID, NAME, FUNCTION]), setting));
    let (own, _) = left_behind(Program::new(), &by(&[NAME]), setting, 1);
    let (all, _) = left_behind(Program::new(), &by(&[NAME]), WIDE, 1);
    assert_ne!(own, all);
}

/// What many firings leave behind that differ in all keys, each of which comes up again and again. There are more of them than
/// a table remembers by a hint, so that hints lead to records of others, which differ in as little as they can.
fn many(program: Program, keys: &[E]) -> (Vec<u8>, u64) {
    const DIFFERENT: u64 = 300;
    let names: Vec<String> = (0..DIFFERENT).map(|n| format!("a function {n}")).collect();
    let probes: Vec<[&str; 3]> = names.iter().map(|name| ["m", name.as_str(), "n"]).collect();
    let rig = Rig::new(1, &probes);
    let options = program.option(option::BUFSIZE, 64 << 10).option(option::AGGSIZE, 1 << 20);
    let consumer = rig.open();
    consumer.enable(&options.clause(PROBE, None, &[count(keys)]).image()).unwrap();
    consumer.go().unwrap();
    for round in 0..4 * DIFFERENT {
        let n = round * 7 % DIFFERENT;
        let (pid, tid) = (100 + n as u32, 1000 + n as u32);
        become_who(Who { execname: format!("eight by{n}"), pid, tid, ..Who::default() });
        // Twice, so that what is remembered is met.
        (0..2).for_each(|_| rig.probe(n as usize).fire(&[n << 32]));
    }
    become_who(Who::default());
    let found = consumer.aggregations(0).unwrap();
    assert_eq!(found.desc.drops, 0);
    (found.data, rig.mock().word_reads())
}

#[test]
#[cfg_attr(miri, ignore = "many firings")]
fn more_keys_than_are_remembered() {
    for keys in [
        vec![NAME],
        vec![FUNCTION],
        vec![PID],
        vec![TID],
        vec![ARG(0)],
        vec![E::Name(dif::VAR_PROBEMOD), ARG(0)],
        vec![E::Name(dif::VAR_PROBEMOD), FUNCTION],
        vec![NAME, FUNCTION, PID],
    ] {
        let (general, words) = many(Program::looped(), &keys);
        assert_eq!(words, 0);
        let (short, words) = many(Program::new(), &keys);
        assert_eq!(words != 0, matches!(keys[0], E::Name(dif::VAR_EXECNAME)));
        assert!(short == general);
    }
}

/// The short form as Miri sees it.
#[test]
fn a_few_firings() {
    let setting = Setting { firings: 24, ..WIDE };
    assert!(same(by(&[NAME, PID, FUNCTION, ARG(0)]), setting));
    let quantize = S::Agg(agg::QUANTIZE, 0, vec![NAME], Some(ARG(0)), None);
    assert!(same(vec![(None, vec![quantize])], Setting { firings: 12, ..setting }));
}
