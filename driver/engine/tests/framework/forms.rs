//! Whatever way a clause is taken, the buffers are the same: in brief, without a machine, or by the loop.

use dtrace_abi::{agg, dif, option};
use dtrace_engine::mock::{Handle, Rig, Who, become_who};

use crate::program::{E, Program, S, count};

const PROBE: [&str; 4] = ["mock", "", "", ""];

/// What a consumer finds in its buffers: data, drops, errors.
type Found = Vec<(Vec<u8>, u64, u32)>;

fn found(consumer: &Handle<'_>, read: bool, aggregates: bool) -> Found {
    let mut found = Vec::new();
    if read {
        found.extend(consumer.buffer(0));
    }
    if aggregates {
        found.extend(consumer.aggregations(0));
    }
    found.into_iter().map(|s| (s.data, s.desc.drops, s.desc.errors)).collect()
}

/// The clauses of a program.
type Clauses = Vec<(Option<E>, Vec<S>)>;

/// What some firings leave behind, with these options.
fn left_behind(program: Program, clauses: &Clauses, bufsize: i64, policy: i64, consumers: usize) -> Found {
    let rig = Rig::new(1, &[["module", "function", "name"]]);
    let program = program
        .option(option::BUFSIZE, bufsize)
        .option(option::AGGSIZE, 4096)
        .option(option::BUFPOLICY, policy);
    let program = clauses
        .iter()
        .fold(program, |program, (predicate, statements)| program.clause(PROBE, *predicate, statements));
    let consumers: Vec<Handle<'_>> = (0..consumers)
        .map(|_| {
            let consumer = rig.open();
            consumer.enable(&program.image()).unwrap();
            consumer.go().unwrap();
            consumer
        })
        .collect();
    let aggregates = clauses.iter().any(|(_, s)| s.iter().any(|s| matches!(s, S::Agg(..))));
    let switched = policy == option::BUFPOLICY_SWITCH;
    let mut all = Vec::new();
    let probe = rig.probe(0);
    for round in 0..3u64 {
        for n in 0..40 {
            let name = ["mock", "a name of 15 by", "", "eight by"][n as usize / 3 % 4];
            become_who(Who { execname: name.to_string(), pid: 100 + n as u32 % 3, ..Who::default() });
            match n % 4 {
                // Arguments that are not at hand are the provider's to know.
                0 => probe.fire(&[]),
                1 => probe.fire(&[n]),
                _ => probe.fire(&[n % 7, round, u64::MAX]),
            }
            // Also with little in the buffer, and with nothing.
            if n == 5 {
                all.extend(consumers.iter().flat_map(|c| found(c, switched, aggregates)));
            }
        }
        all.extend(consumers.iter().flat_map(|c| found(c, switched, aggregates)));
    }
    for consumer in &consumers {
        consumer.stop().unwrap();
        all.extend(found(consumer, true, aggregates));
    }
    become_who(Who::default());
    all
}

/// The program leaves the same behind, whether its expressions are recognised or not.
fn same(clauses: Clauses) {
    for policy in [option::BUFPOLICY_SWITCH, option::BUFPOLICY_FILL, option::BUFPOLICY_RING] {
        // All fits; some is dropped.
        for bufsize in [64 << 10, 512] {
            for consumers in [1, 2] {
                let quick = left_behind(Program::new(), &clauses, bufsize, policy, consumers);
                let looped = left_behind(Program::looped(), &clauses, bufsize, policy, consumers);
                // Where all fits there is something to compare.
                let some = quick.iter().any(|(data, _, errors)| !data.is_empty() || *errors != 0);
                assert!(some || bufsize == 512);
                assert_eq!(quick, looped, "policy {policy}, {bufsize} bytes, {consumers} consumers");
            }
        }
    }
}

/// One clause without a predicate, with a false one, with a true one, and with one that is sometimes true; and two clauses.
fn same_for_all_predicates(statements: &[S]) {
    let clause = |predicate| (predicate, statements.to_vec());
    same(vec![clause(None)]);
    // The second clause says that something was fired at all.
    let tick = || (None, vec![]);
    same(vec![clause(Some(E::Equal(dif::VAR_ARG0, 3))), tick()]);
    same(vec![clause(Some(E::Equal(dif::VAR_ARG2, u64::MAX))), tick()]);
    same(vec![clause(Some(E::Equal(dif::VAR_PID, 1))), tick()]);
    same(vec![clause(Some(E::Equal(dif::VAR_PID, 101))), clause(None)]);
}

const ARG: fn(u32) -> E = |n| E::Var(dif::VAR_ARG0 + n);

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn clauses_that_only_say_that_they_fired() {
    same_for_all_predicates(&[]);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn arguments_and_constants() {
    same_for_all_predicates(&[S::Trace(ARG(0))]);
    same_for_all_predicates(&[S::Printf("%d %d", vec![ARG(0), ARG(1)])]);
    same_for_all_predicates(&[S::Trace(E::Int(7)), S::Trace(ARG(2)), S::Trace(E::Int32(9))]);
    same(vec![(None, (0..6).map(|n| S::Trace(ARG(n))).collect())]);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn additions_to_globals() {
    same_for_all_predicates(&[S::Trace(E::Increment(0)), S::Trace(E::Global(0))]);
    same(vec![(None, vec![S::Trace(E::Increment(0))]), (None, vec![S::Trace(E::Global(0))])]);
    // What comes after the addition is not simple, and must not make it happen twice.
    same(vec![(None, vec![S::Trace(E::Increment(0)), count(&[]), S::Trace(E::Global(0))])]);
    same(vec![(None, vec![S::Trace(E::Increment(0)), S::Trace(ARG(1)), S::Trace(E::Global(0))])]);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn aggregations_without_keys() {
    same_for_all_predicates(&[count(&[])]);
    same_for_all_predicates(&[S::Trace(ARG(0)), count(&[])]);
    same_for_all_predicates(&[count(&[]), count(&[])]);
    same_for_all_predicates(&[S::Agg(agg::QUANTIZE, 0, vec![], Some(ARG(0)), None)]);
    same_for_all_predicates(&[S::Agg(agg::QUANTIZE, 0, vec![], Some(ARG(0)), Some(E::Int(3)))]);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn aggregations_by_names_and_numbers() {
    let name = E::Name(dif::VAR_EXECNAME);
    let pid = E::Var(dif::VAR_PID);
    same_for_all_predicates(&[count(&[name])]);
    same_for_all_predicates(&[count(&[E::Name(dif::VAR_PROBEFUNC), pid])]);
    same_for_all_predicates(&[count(&[E::Int(1), name, E::Int(2), ARG(0)])]);
    same(vec![
        (None, vec![count(&[E::Int(1), ARG(0)])]),
        (None, vec![count(&[E::Int(2), ARG(0)])]),
        (None, vec![S::Agg(agg::SUM, 0, vec![name], Some(ARG(1)), None)]),
    ]);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn names_in_records() {
    for name in
        [dif::VAR_EXECNAME, dif::VAR_PROBEFUNC, dif::VAR_PROBEMOD, dif::VAR_PROBENAME, dif::VAR_PROBEPROV]
    {
        same(vec![(None, vec![S::Printf("%s %d", vec![E::Name(name), E::Var(dif::VAR_PID)])])]);
    }
    same(vec![(None, vec![S::Trace(E::Name(dif::VAR_EXECNAME)), S::Trace(E::Text("text"))])]);
}

#[test]
#[cfg_attr(miri, ignore = "many programs")]
fn a_step_that_faults_after_simple_ones() {
    same_for_all_predicates(&[S::Trace(ARG(0)), S::Trace(E::DivideByZero), count(&[])]);
    same_for_all_predicates(&[count(&[]), S::Trace(E::Load(0))]);
}
