//! The whole mesh: calls, calls of each other, nested calls, and giving up against a late answer.
//!
//! A CPU with nothing to do sleeps on its bell, which an interrupt rings, and whoever has answered its call: a thread that
//! spun instead would give the checker an endless number of executions.

use super::{bounded, exhaustive};
use crate::ipi::{Budget, Ipi};
use crate::mesh::{Call, Mesh, Report, Served};
use crate::sync::Ordering;
use loom::sync::atomic::AtomicUsize;
use loom::sync::{Arc, Notify};
use loom::thread;
use std::cell::Cell;
use std::vec::Vec;

loom::thread_local! {
    /// The callers that this CPU has answered since it last rang, a bit each.
    static ANSWERED: Cell<usize> = Cell::new(0);
}

/// Everything the CPUs share.
struct World {
    mesh: Mesh,
    patient: bool,
    bells: Vec<Notify>,
    runs: Vec<Run>,
}

/// How often a call was run, and whose it is: the argument of every call here.
struct Run {
    count: AtomicUsize,
    caller: usize,
}

/// Counts a run.
unsafe fn count(argument: *mut (), _served: Served) {
    // SAFETY: every call here passes a `Run` of the world, which outlives the threads.
    let run = unsafe { &*argument.cast::<Run>() };
    run.count.fetch_add(1, Ordering::Relaxed);
    ANSWERED.with(|answered| answered.set(answered.get() | 1 << run.caller));
}

/// One CPU. Its clock stands still.
struct Cpu<'a> {
    world: &'a World,
    number: usize,
    /// What interrupts it at its first wait.
    timer: Cell<Option<&'a dyn Fn()>>,
}

impl Ipi for Cpu<'_> {
    fn send(&self, cpu: usize) -> bool {
        self.world.bells[cpu].notify();
        true
    }
    fn send_nmi(&self, _cpu: usize) {}
    fn is_online(&self, _cpu: usize) -> bool {
        true
    }
    fn uninterrupted(&self, f: &mut dyn FnMut()) {
        f();
    }
    fn now(&self) -> u64 {
        0
    }
    fn relax(&self) {
        self.ring();
        if let Some(interrupt) = self.timer.take() {
            interrupt();
        } else if self.world.patient {
            self.world.bells[self.number].wait();
        } else {
            thread::yield_now();
        }
    }
}

impl<'a> Cpu<'a> {
    fn new(world: &'a World, number: usize) -> Self {
        Cpu { world, number, timer: Cell::new(None) }
    }

    /// Wakes those whose calls this CPU has answered.
    fn ring(&self) {
        let answered = ANSWERED.with(|answered| answered.replace(0));
        for cpu in (0..self.world.bells.len()).filter(|cpu| answered & 1 << cpu != 0) {
            self.world.bells[cpu].notify();
        }
    }

    /// Call number `run` of the world, which has one caller.
    fn call(&self, to: &[usize], run: usize) -> Report {
        let argument = (&raw const self.world.runs[run]).cast_mut().cast();
        self.make(to, &Call { function: count, argument, nmi: false, borrows: false })
    }

    fn make(&self, to: &[usize], call: &Call) -> Report {
        // SAFETY: each thread is one CPU, and the world outlives the threads.
        let report = unsafe { self.world.mesh.call(self, self.number, to.iter().copied(), call) };
        self.ring();
        report.unwrap()
    }

    /// Takes the interrupt that has come.
    fn interrupt(&self) {
        // SAFETY: each thread is one CPU.
        unsafe { self.world.mesh.interrupted(self.number) };
        self.ring();
    }

    /// Takes interrupts until so many calls have been run in all.
    fn interrupts(&self, runs: &[usize], until: usize) {
        while runs.iter().map(|&run| self.world.runs(run)).sum::<usize>() < until {
            self.world.bells[self.number].wait();
            self.interrupt();
        }
    }
}

impl World {
    /// So many CPUs, and the callers of the calls there will be.
    fn new(cpus: usize, budget: Budget, callers: &[usize]) -> Arc<World> {
        Arc::new(World {
            mesh: Mesh::new(cpus, |_| true, budget).unwrap(),
            patient: budget.interrupt > 0,
            bells: (0..cpus).map(|_| Notify::new()).collect(),
            runs: callers.iter().map(|&caller| Run { count: AtomicUsize::new(0), caller }).collect(),
        })
    }

    fn runs(&self, run: usize) -> usize {
        self.runs[run].count.load(Ordering::Relaxed)
    }
}

fn answered(n: u32) -> Report {
    Report { answered: n, ..Report::default() }
}

fn spawn(world: &Arc<World>, cpu: usize, run: impl Fn(&Cpu<'_>) + Send + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || run(&Cpu::new(&world, cpu)))
}

const PATIENT: Budget = Budget { interrupt: 1, nmi: 1 };
/// Used up at the first look at the clock: an NMI in one round, giving up in the next.
const IMPATIENT: Budget = Budget { interrupt: 0, nmi: 0 };

#[test]
fn two_threads_a_call_is_answered_once() {
    exhaustive(|| {
        let world = World::new(2, PATIENT, &[0]);
        let target = spawn(&world, 1, |cpu| cpu.interrupts(&[0], 1));
        assert_eq!(Cpu::new(&world, 0).call(&[1], 0), answered(1));
        target.join().unwrap();
        assert_eq!(world.runs(0), 1);
    });
}

#[test]
fn two_threads_that_call_each_other_without_interrupts_are_both_answered() {
    bounded(3, || {
        let world = World::new(2, PATIENT, &[0, 1]);
        let other = spawn(&world, 1, |cpu| {
            assert_eq!(cpu.call(&[0], 1), answered(1));
            cpu.interrupts(&[0], 1);
        });
        let cpu = Cpu::new(&world, 0);
        assert_eq!(cpu.call(&[1], 0), answered(1));
        cpu.interrupts(&[1], 1);
        other.join().unwrap();
        assert_eq!((world.runs(0), world.runs(1)), (1, 1));
    });
}

#[test]
fn two_threads_a_call_nested_in_another_to_the_same_target_is_answered_too() {
    bounded(5, || {
        let world = World::new(2, PATIENT, &[0, 0]);
        let target = spawn(&world, 1, |cpu| cpu.interrupts(&[0, 1], 2));
        let nested = || {
            assert_eq!(Cpu::new(&world, 0).call(&[1], 1), answered(1));
            assert_eq!((world.runs(0), world.runs(1)), (1, 1));
        };
        let cpu = Cpu { timer: Cell::new(Some(&nested)), ..Cpu::new(&world, 0) };
        assert_eq!(cpu.call(&[1], 0), answered(1));
        assert_eq!(world.runs(0), 1);
        if cpu.timer.take().is_some() {
            // The outer call was answered before it waited: the interrupt comes now.
            nested();
        }
        target.join().unwrap();
    });
}

/// The target answers late, or never: then each call was run if and only if its report does not say that it never will be.
#[test]
fn two_threads_what_was_given_up_is_not_run_and_what_follows_is_not_mistaken_for_it() {
    exhaustive(|| {
        let world = World::new(2, IMPATIENT, &[0, 0]);
        let target = spawn(&world, 1, |cpu| cpu.interrupt());
        let cpu = Cpu::new(&world, 0);
        let reports = [0, 1].map(|run| cpu.call(&[1], run));
        target.join().unwrap();
        for (run, report) in reports.iter().enumerate() {
            assert_eq!(report.answered + report.revoked + report.orphaned, 1);
            assert_eq!(world.runs(run), 1 - report.revoked as usize);
        }
    });
}

#[test]
fn two_threads_what_borrows_is_waited_for_once_it_has_begun() {
    exhaustive(|| {
        let world = World::new(2, IMPATIENT, &[0]);
        let target = spawn(&world, 1, |cpu| cpu.interrupt());
        let argument = (&raw const world.runs[0]).cast_mut().cast();
        let call = Call { function: count, argument, nmi: false, borrows: true };
        let report = Cpu::new(&world, 0).make(&[1], &call);
        assert_eq!(report.orphaned, 0);
        assert_eq!(world.runs(0), report.answered as usize);
        target.join().unwrap();
        assert_eq!(world.runs(0), report.answered as usize);
    });
}

#[test]
fn three_threads_a_call_of_two_is_answered_by_both() {
    bounded(3, || {
        let world = World::new(3, IMPATIENT, &[0]);
        let targets = [1, 2].map(|number| spawn(&world, number, |cpu| cpu.interrupt()));
        let report = Cpu::new(&world, 0).call(&[1, 2], 0);
        assert_eq!(report.answered + report.revoked + report.orphaned, 2);
        for target in targets {
            target.join().unwrap();
        }
        assert_eq!(world.runs(0), 2 - report.revoked as usize);
    });
}

#[test]
fn three_threads_two_callers_of_one_target_are_both_answered() {
    bounded(2, || {
        let world = World::new(3, PATIENT, &[0, 1]);
        let callers = [0, 1]
            .map(|number| spawn(&world, number, move |cpu| assert_eq!(cpu.call(&[2], number), answered(1))));
        Cpu::new(&world, 2).interrupts(&[0, 1], 2);
        for caller in callers {
            caller.join().unwrap();
        }
        assert_eq!((world.runs(0), world.runs(1)), (1, 1));
    });
}

#[test]
fn three_threads_that_call_each_other_are_all_answered() {
    bounded(1, || {
        let world = World::new(3, PATIENT, &[0, 1, 2]);
        let ring = |cpu: &Cpu<'_>| {
            let next = (cpu.number + 1) % 3;
            assert_eq!(cpu.call(&[next], cpu.number), answered(1));
            cpu.interrupts(&[(cpu.number + 2) % 3], 1);
        };
        let others = [1, 2].map(|number| spawn(&world, number, ring));
        ring(&Cpu::new(&world, 0));
        for other in others {
            other.join().unwrap();
        }
        assert_eq!([0, 1, 2].map(|run| world.runs(run)), [1, 1, 1]);
    });
}
