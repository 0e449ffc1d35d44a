//! Cross-calls, one step at a time: a machine whose other CPUs act when the caller waits, all on one thread.
#![cfg(not(loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use dtrace_xcall::{Budget, Call, Ipi, MAX_CPUS, Mesh, Refused, Report, Served};

/// Counts bytes, for the memory that a mesh takes.
struct Counting;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.set(BYTES.get().wrapping_add(layout.size()));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get().wrapping_sub(layout.size()));
        // SAFETY: as the caller's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Each look at the clock finds it so much later.
const TICK: u64 = 10;
const BUDGET: Budget = Budget { interrupt: 100, nmi: 100 };

type Hook<'a> = Box<dyn FnMut(&Machine<'a>) + 'a>;

/// The machine: who is online, what was sent, and what the other CPUs do meanwhile.
#[derive(Default)]
struct Machine<'a> {
    now: Cell<u64>,
    offline: RefCell<BTreeSet<usize>>,
    sent: RefCell<Vec<usize>>,
    nmis: RefCell<Vec<usize>>,
    masked: Cell<u32>,
    /// So many interrupts fail to be sent.
    fails: Cell<u32>,
    /// What the others do in each round of the wait.
    others: RefCell<Option<Hook<'a>>>,
}

impl<'a> Machine<'a> {
    fn with_others(others: impl FnMut(&Machine<'a>) + 'a) -> Self {
        let machine = Machine::default();
        *machine.others.borrow_mut() = Some(Box::new(others));
        machine
    }
}

impl Ipi for Machine<'_> {
    fn send(&self, cpu: usize) -> bool {
        assert_ne!(self.masked.get(), 0, "an interrupt here would wait for what has not been sent");
        self.sent.borrow_mut().push(cpu);
        if let Some(left) = self.fails.get().checked_sub(1) {
            self.fails.set(left);
            return false;
        }
        self.is_online(cpu)
    }
    fn send_nmi(&self, cpu: usize) {
        assert_ne!(self.masked.get(), 0, "as above");
        self.nmis.borrow_mut().push(cpu);
    }
    fn is_online(&self, cpu: usize) -> bool {
        !self.offline.borrow().contains(&cpu)
    }
    fn uninterrupted(&self, f: &mut dyn FnMut()) {
        self.masked.set(self.masked.get() + 1);
        f();
        self.masked.set(self.masked.get() - 1);
    }
    fn now(&self) -> u64 {
        self.now.set(self.now.get() + TICK);
        self.now.get()
    }
    fn relax(&self) {
        // Taken out meanwhile: what the others do may be a call that waits itself.
        let others = self.others.borrow_mut().take();
        if let Some(mut act) = others {
            act(self);
            *self.others.borrow_mut() = Some(act);
        }
    }
}

/// Where and how often a call was run.
#[derive(Default)]
struct Log(RefCell<Vec<Served>>);

unsafe fn note(argument: *mut (), served: Served) {
    // SAFETY: the argument of every call here is a live `Log`.
    unsafe { &*argument.cast::<Log>() }.0.borrow_mut().push(served);
}

impl Log {
    fn call(&self) -> Call {
        Call { function: note, argument: (&raw const *self).cast_mut().cast(), nmi: false, borrows: true }
    }
    fn nmi_call(&self) -> Call {
        Call { nmi: true, ..self.call() }
    }
    fn served(&self) -> Vec<Served> {
        self.0.borrow().clone()
    }
}

fn mesh(cpus: usize) -> Mesh {
    Mesh::new(cpus, |_| true, BUDGET).unwrap()
}

fn call(mesh: &Mesh, machine: &Machine<'_>, from: usize, to: &[usize], call: &Call) -> Report {
    // SAFETY: one thread plays all CPUs, one at a time, nested as interrupts are.
    unsafe { mesh.call(machine, from, to.iter().copied(), call) }.unwrap()
}

fn interrupt(mesh: &Mesh, cpu: usize) {
    // SAFETY: as above.
    unsafe { mesh.interrupted(cpu) }
}

fn nmi(mesh: &Mesh, cpu: usize) -> bool {
    // SAFETY: as above.
    unsafe { mesh.nmi(cpu) }
}

#[test]
fn every_target_runs_the_function_once_and_the_caller_too_if_it_is_one() {
    let (mesh, log) = (mesh(4), Log::default());
    let machine = Machine::with_others(|_| (1..4).for_each(|cpu| interrupt(&mesh, cpu)));
    let report = call(&mesh, &machine, 0, &[0, 1, 2, 3], &log.call());
    assert_eq!(report, Report { answered: 4, ..Report::default() });
    assert_eq!(log.served(), [Served::Here, Served::Interrupt, Served::Interrupt, Served::Interrupt]);
    assert_eq!(*machine.sent.borrow(), [1, 2, 3], "one interrupt each");
    let stats = mesh.stats();
    assert_eq!((stats.calls, stats.multi, stats.ipi, stats.given_up), (1, 1, 3, 0));
}

#[test]
fn a_cpu_serves_its_own_column_while_it_waits_with_interrupts_off() {
    let (mesh, log, back) = (mesh(2), Log::default(), Log::default());
    // CPU 1 calls back, and never takes an interrupt; nor does CPU 0.
    let machine = Machine::with_others(|_| {
        let one = Machine::with_others(|_| {
            // SAFETY: CPU 0 is in `call`, with interrupts off, and looks at its column.
            unsafe { mesh.serve(0) }
        });
        assert_eq!(call(&mesh, &one, 1, &[0], &back.call()).answered, 1);
    });
    assert_eq!(call(&mesh, &machine, 0, &[1], &log.call()).answered, 1);
    assert_eq!((log.served(), back.served()), (vec![Served::Waiting], vec![Served::Waiting]));
    assert_eq!(mesh.stats().ipi, 0);
}

#[test]
fn a_nested_call_to_the_same_target_waits_for_the_outer_one() {
    let (mesh, outer, inner) = (mesh(2), Log::default(), Log::default());
    let done = Cell::new(false);
    let machine = Machine::with_others(|_| {
        if !done.replace(true) {
            // An interrupt on CPU 0, before CPU 1 has answered.
            let nested = Machine::with_others(|_| interrupt(&mesh, 1));
            assert_eq!(call(&mesh, &nested, 0, &[1], &inner.call()).answered, 1);
            assert_eq!(outer.served().len(), 1, "the outer call was in the slot");
        }
    });
    assert_eq!(call(&mesh, &machine, 0, &[1], &outer.call()).answered, 1);
    assert_eq!((outer.served().len(), inner.served().len()), (1, 1));
    assert_eq!(mesh.stats().nested, 1);
}

#[test]
fn calls_that_are_nested_too_deeply_are_refused_and_counted() {
    fn nest(mesh: &Mesh, depth: usize) -> usize {
        let (log, reached) = (Log::default(), Cell::new(depth));
        let machine = Machine::with_others(|_| {
            if reached.get() == depth {
                reached.set(nest(mesh, depth + 1));
            }
            interrupt(mesh, 1);
        });
        // SAFETY: as above.
        match unsafe { mesh.call(&machine, 0, [1], &log.call()) } {
            Ok(report) => {
                assert_eq!((report.answered, log.served().len()), (1, 1));
                reached.get()
            }
            Err(refused) => {
                assert_eq!(refused, Refused::TooDeep);
                depth
            }
        }
    }
    let mesh = Mesh::new(2, |_| true, Budget { interrupt: u64::MAX, nmi: u64::MAX }).unwrap();
    assert_eq!(nest(&mesh, 0), 8);
    assert_eq!((mesh.stats().calls, mesh.stats().refused), (8, 1));
    assert_eq!(nest(&mesh, 0), 8, "and it is all as before");
}

#[test]
fn a_target_with_interrupts_off_answers_in_an_nmi_what_may_run_there() {
    let (mesh, log, other) = (mesh(3), Log::default(), Log::default());
    let machine = Machine::with_others(|_| {
        let under_way = mesh.stats().nmi_sent > mesh.stats().nmi;
        assert_eq!(nmi(&mesh, 1), under_way);
    });
    // Somebody else's call of the same target may not run there, and stays.
    let busy = Machine::with_others(|_| {
        if log.served().is_empty() {
            assert_eq!(call(&mesh, &machine, 0, &[1], &log.nmi_call()).answered, 1);
            assert!(other.served().is_empty());
        }
        interrupt(&mesh, 1);
    });
    assert_eq!(call(&mesh, &busy, 2, &[1], &other.call()).answered, 1);
    assert_eq!((log.served(), other.served()), (vec![Served::Nmi], vec![Served::Interrupt]));
    let stats = mesh.stats();
    assert_eq!((stats.nmi_sent, stats.nmi, stats.nmi_served, stats.delayed), (1, 1, 1, 1));
    assert!(!nmi(&mesh, 1), "another NMI is somebody else's");
}

#[test]
fn a_target_that_never_answers_is_given_up_and_never_runs_it() {
    let (mesh, lost, log) = (mesh(2), Log::default(), Log::default());
    let machine = Machine::default();
    let report = call(&mesh, &machine, 0, &[1], &lost.nmi_call());
    assert_eq!(report, Report { revoked: 1, ..Report::default() });
    assert!(!report.is_complete());
    assert_eq!(*machine.nmis.borrow(), [1]);
    assert_eq!(mesh.stats().given_up, 1);
    // The late target finds nothing; the next call is answered.
    interrupt(&mesh, 1);
    nmi(&mesh, 1);
    assert!(lost.served().is_empty());
    let machine = Machine::with_others(|_| interrupt(&mesh, 1));
    assert_eq!(call(&mesh, &machine, 0, &[1], &log.call()).answered, 1);
    assert_eq!((lost.served().len(), log.served().len()), (0, 1));
}

/// A function that is at it until it is told to end; here, it lets the caller go on.
struct Slow<'a> {
    meanwhile: RefCell<Option<Box<dyn FnMut() + 'a>>>,
}

unsafe fn slow(argument: *mut (), _served: Served) {
    // SAFETY: the argument of every call here is a live `Slow`.
    if let Some(mut meanwhile) = unsafe { &*argument.cast::<Slow<'_>>() }.meanwhile.borrow_mut().take() {
        meanwhile();
    }
}

#[test]
fn who_is_at_it_when_the_patience_ends_is_left_alone_with_it_and_keeps_the_slot() {
    let (mesh, log) = (mesh(2), Log::default());
    // One thread cannot be in the function and give up at once: the inner call, nested on CPU 0, sees what the outer one
    // would see.
    let work = Slow { meanwhile: RefCell::new(None) };
    *work.meanwhile.borrow_mut() = Some(Box::new(|| {
        let report = call(&mesh, &Machine::default(), 0, &[1], &log.call());
        assert_eq!(report, Report { revoked: 1, ..Report::default() }, "the slot is taken for all that time");
    }));
    let machine = Machine::with_others(|_| interrupt(&mesh, 1));
    let argument = (&raw const work).cast_mut().cast();
    let report =
        call(&mesh, &machine, 0, &[1], &Call { function: slow, argument, nmi: false, borrows: false });
    assert_eq!(report.answered, 1);
    assert!(log.served().is_empty());
    assert_eq!(call(&mesh, &machine, 0, &[1], &log.call()).answered, 1, "and the slot is free again");
}

#[test]
fn a_target_that_is_offline_or_goes_offline_is_taken_as_answered() {
    let (mesh, log) = (mesh(4), Log::default());
    let machine = Machine::default();
    machine.offline.borrow_mut().insert(1);
    let report = call(&mesh, &machine, 0, &[1, 77], &log.call());
    assert_eq!(report, Report { offline: 2, ..Report::default() }, "offline, and no such CPU");
    assert!(report.is_complete() && machine.sent.borrow().is_empty());

    let machine = Machine::with_others(|machine| {
        assert!(machine.is_online(0) | machine.offline.borrow_mut().insert(2));
    });
    let report = call(&mesh, &machine, 0, &[2], &log.call());
    assert_eq!(report, Report { offline: 1, ..Report::default() });
    // When it comes back, it does not find what nobody waits for.
    // SAFETY: one thread plays all CPUs.
    unsafe { mesh.serve(2) };
    assert!(log.served().is_empty());
}

#[test]
fn an_interrupt_that_came_to_nothing_is_sent_again() {
    let (mesh, log) =
        (Mesh::new(2, |_| true, Budget { interrupt: 1 << 40, nmi: 1 << 40 }).unwrap(), Log::default());
    let lost = Cell::new(false);
    let machine = Machine::with_others(|machine| {
        machine.now.set(machine.now.get() + 100_000);
        let sent = machine.sent.borrow_mut().pop();
        // The first time the caller finds the CPU offline; it is there again when the caller looks the next time.
        match sent {
            Some(1) if lost.get() => interrupt(&mesh, 1),
            _ => lost.set(true),
        }
    });
    machine.fails.set(1);
    assert_eq!(call(&mesh, &machine, 0, &[1], &log.call()).answered, 1);
    assert_eq!(log.served(), [Served::Interrupt]);
}

#[test]
#[cfg_attr(miri, ignore = "sixteen thousand calls")]
fn four_thousand_and_ninety_six_cpus_call_each_other() {
    let (mesh, log) = (mesh(MAX_CPUS), Log::default());
    let all: Vec<usize> = (0..MAX_CPUS).collect();
    let machine = Machine::with_others(|_| (0..MAX_CPUS).for_each(|cpu| interrupt(&mesh, cpu)));
    for from in [0, 63, 64, 4095] {
        assert_eq!(call(&mesh, &machine, from, &all, &log.call()).answered as usize, MAX_CPUS);
    }
    assert_eq!(log.served().len(), 4 * MAX_CPUS);
    assert!(Mesh::new(MAX_CPUS + 1, |_| true, BUDGET).is_none());
}

#[test]
#[cfg_attr(miri, ignore = "a hundred megabytes")]
fn memory_grows_with_the_cpus_that_exist() {
    let bytes = |cpus: usize, exist: usize| {
        let before = BYTES.get();
        let mesh = Mesh::new(cpus, |cpu| cpu < exist, BUDGET).unwrap();
        let bytes = BYTES.get().wrapping_sub(before);
        drop(mesh);
        bytes
    };
    for cpus in [2, 16, 64, 256, 1024, MAX_CPUS] {
        println!("{cpus} CPUs: {} KiB", bytes(cpus, cpus).div_ceil(1024));
    }
    let (sixteen, most) = (bytes(16, 16), bytes(MAX_CPUS, 16));
    println!("16 of {MAX_CPUS} CPUs: {} KiB", most.div_ceil(1024));
    assert!(sixteen < 64 << 10 && bytes(MAX_CPUS, MAX_CPUS) < 128 << 20);
    assert!(most < 8 << 20, "the CPUs that do not exist cost next to nothing");
}
