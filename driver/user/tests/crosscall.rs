//! Everything at once, on real threads: each plays a CPU, and interrupts are signals, so that they come anywhere.
//!
//! Every CPU fires probes, calls all others with interrupts on and off, goes offline now and then, and is interrupted by a
//! timer that calls and syncs from inside the interrupt; meanwhile consumers come, switch buffers and go. What must hold
//! in the end: no call is lost and none is run twice, to the last one; nothing that was freed after a sync is seen; the
//! consumer that stayed has counted every firing.
//!
//! `SECONDS_EACH=n` runs it for so long (`make race`); otherwise two seconds.

mod machine;

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dtrace_abi::option;
use dtrace_user::bind;
use dtrace_xcall::quiescence::synchronize_from;
use dtrace_xcall::{Budget, Call, Counter, Ipi, Mesh, Report, Served};
use machine::{CPUS, ENTRY, Machine, RETURN, Tracing, compile};

/// The mesh whose callers wait as long as it takes, and the one whose callers hardly wait at all.
const PATIENT: Budget = Budget { interrupt: 20_000_000_000, nmi: 20_000_000_000 };
const IMPATIENT: Budget = Budget { interrupt: 2_000, nmi: 20_000 };

thread_local! {
    /// The CPU that the thread plays.
    static SELF: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Interrupts are off, so many times over.
    static OFF: Cell<u32> = const { Cell::new(0) };
    /// Interrupts that came meanwhile.
    static MISSED: Cell<(bool, bool)> = const { Cell::new((false, false)) };
    /// In the function of a call.
    static SERVING: Cell<bool> = const { Cell::new(false) };
}

/// What probes find by a pointer.
struct Object {
    freed: AtomicBool,
}

struct World {
    patient: Mesh,
    impatient: Mesh,
    threads: [AtomicU64; CPUS],
    offline: [AtomicBool; CPUS],
    /// A second set of counters, of probes that are nothing but a pointer to follow.
    counters: [Counter; CPUS],
    current: AtomicPtr<Object>,
    overtaken: AtomicU64,
    /// Runs of the calls that do not borrow, and what their reports say of them.
    runs: AtomicU64,
    begun: AtomicU64,
    calls: AtomicU64,
    syncs: AtomicU64,
    deepest: AtomicU64,
    stop: AtomicBool,
}

static WORLD: OnceLock<World> = OnceLock::new();

fn world() -> &'static World {
    WORLD.get().expect("made before the first thread")
}

fn ipi_signal() -> i32 {
    libc::SIGRTMIN()
}
fn nmi_signal() -> i32 {
    libc::SIGRTMIN() + 1
}
fn timer_signal() -> i32 {
    libc::SIGRTMIN() + 2
}

/// Interrupts this thread's CPU, or another's. Whoever is not there any more is not interrupted.
fn signal(cpu: usize, signal: i32) {
    let thread = world().threads[cpu].load(Ordering::Acquire);
    if thread != 0 {
        // SAFETY: the threads end after they have taken their number away and nobody calls any more.
        unsafe { libc::pthread_kill(thread as libc::pthread_t, signal) };
    }
}

/// The thread's CPU with interrupts off.
struct Off;

fn off() -> Off {
    OFF.set(OFF.get() + 1);
    Off
}

impl Drop for Off {
    fn drop(&mut self) {
        OFF.set(OFF.get() - 1);
        while OFF.get() == 0 && MISSED.get() != (false, false) {
            let (ipi, timer) = MISSED.replace((false, false));
            OFF.set(1);
            if ipi {
                take_ipi();
            }
            if timer {
                take_timer();
            }
            OFF.set(0);
        }
    }
}

fn take_ipi() {
    let cpu = SELF.get();
    // SAFETY: the thread is that CPU, with interrupts off.
    unsafe {
        world().patient.interrupted(cpu);
        world().impatient.interrupted(cpu);
    }
}

/// The timer calls everyone and waits for all probes to be left, from inside its interrupt.
fn take_timer() {
    if !world().stop.load(Ordering::Relaxed) && !SERVING.get() {
        call_and_check(true);
        sync_and_free();
    }
}

extern "C" fn on_signal(number: i32) {
    // SAFETY: the thread's own errno; what was interrupted may be about to read it.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    on_interrupt(number);
    // SAFETY: as above.
    unsafe { *errno = before };
}

fn on_interrupt(number: i32) {
    let cpu = SELF.get();
    if number == nmi_signal() {
        // SAFETY: the thread is that CPU; the signal comes whatever it does.
        unsafe { world().impatient.nmi(cpu) };
    } else if OFF.get() > 0 {
        let (ipi, timer) = MISSED.get();
        MISSED.set((ipi || number == ipi_signal(), timer || number == timer_signal()));
    } else {
        let _off = off();
        if number == ipi_signal() { take_ipi() } else { take_timer() }
    }
}

struct Signals;

impl Ipi for Signals {
    fn send(&self, cpu: usize) -> bool {
        signal(cpu, ipi_signal());
        self.is_online(cpu)
    }
    fn send_nmi(&self, cpu: usize) {
        signal(cpu, nmi_signal());
    }
    fn is_online(&self, cpu: usize) -> bool {
        !world().offline[cpu].load(Ordering::SeqCst)
    }
    fn uninterrupted(&self, f: &mut dyn FnMut()) {
        let _off = off();
        f();
    }
    fn now(&self) -> u64 {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the address is of a live timespec.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
    }
    fn relax(&self) {
        // There are more CPUs than processors.
        thread::yield_now();
    }
}

unsafe fn add_one(argument: *mut (), served: Served) {
    // In the function nobody calls: an NMI may not.
    let before = SERVING.replace(true);
    // SAFETY: the argument of every call here is a live counter.
    unsafe { &*argument.cast::<AtomicU64>() }.fetch_add(1, Ordering::SeqCst);
    assert!(served == Served::Nmi || OFF.get() > 0, "interrupts are off");
    SERVING.set(before);
}

fn call(mesh: &Mesh, runs: &AtomicU64, others_only: bool, nmi: bool, borrows: bool) -> Option<Report> {
    let cpu = SELF.get();
    let argument = ptr::from_ref(runs).cast_mut().cast();
    let call = Call { function: add_one, argument, nmi, borrows };
    let targets = (0..CPUS).filter(|&to| !others_only || to != cpu);
    world().calls.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the thread is that CPU; `runs` is there until the call returns, or for ever where it does not borrow.
    unsafe { mesh.call(&Signals, cpu, targets, &call) }.ok()
}

/// Calls everyone on both meshes, and checks what comes of it.
fn call_and_check(others_only: bool) {
    let world = world();
    let runs = AtomicU64::new(0);
    if let Some(report) = call(&world.patient, &runs, others_only, false, true) {
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.answered + report.offline, (CPUS - usize::from(others_only)) as u32);
        assert_eq!(runs.load(Ordering::SeqCst), u64::from(report.answered), "{report:?}");
    }
    // Gives up often; then the late target must not run it, which the sum shows in the end.
    if let Some(report) = call(&world.impatient, &world.runs, others_only, true, false) {
        world.begun.fetch_add(u64::from(report.answered + report.orphaned), Ordering::SeqCst);
    }
}

/// A probe that follows a pointer.
fn follow() {
    let world = world();
    let _off = off();
    let inside = world.counters[SELF.get()].enter().expect("interrupts are off, and nothing is nested");
    // SAFETY: objects are leaked until the end; that they are freed is only noted.
    let object = unsafe { &*world.current.load(Ordering::SeqCst) };
    for _ in 0..4 {
        if object.freed.load(Ordering::SeqCst) {
            world.overtaken.fetch_add(1, Ordering::SeqCst);
        }
    }
    inside.leave();
}

/// Replaces what probes find, waits until they have all been left, and frees the old one. Two objects take turns: an
/// object is put in place again only by the one that holds the other.
fn sync_and_free() {
    let world = world();
    let _off = off();
    let new = ptr::from_ref(Box::leak(Box::new(Object { freed: AtomicBool::new(false) }))).cast_mut();
    let old = world.current.swap(new, Ordering::SeqCst);
    let own = &world.counters[SELF.get()];
    synchronize_from(own, &world.counters, |_| {
        // SAFETY: the thread is that CPU, with interrupts off.
        unsafe { world.patient.serve(SELF.get()) };
        thread::yield_now();
    })
    .expect("outside of probes");
    // SAFETY: leaked.
    unsafe { &*old }.freed.store(true, Ordering::SeqCst);
    world.syncs.fetch_add(1, Ordering::Relaxed);
}

/// Takes the CPU offline for a moment.
fn nap() {
    let (world, cpu) = (world(), SELF.get());
    let _off = off();
    world.offline[cpu].store(true, Ordering::SeqCst);
    take_ipi();
    thread::yield_now();
    world.offline[cpu].store(false, Ordering::SeqCst);
    take_ipi();
}

fn plays(machine: &Machine, cpu: usize, fired: &AtomicU64) {
    let world = world();
    bind(cpu);
    SELF.set(cpu);
    // SAFETY: no preconditions.
    world.threads[cpu].store(unsafe { libc::pthread_self() }, Ordering::Release);
    let mut round = 0u64;
    while !world.stop.load(Ordering::Relaxed) {
        round += 1;
        for n in 0..16 {
            let _off = off();
            machine.fire(ENTRY, &[round, n]);
            machine.fire(RETURN, &[round, n]);
            fired.fetch_add(1, Ordering::Relaxed);
        }
        follow();
        match round % 8 {
            0 => call_and_check(false),
            1 => {
                let _off = off();
                call_and_check(true);
            }
            2 if round % 64 == 2 => nap(),
            3 => sync_and_free(),
            _ => {}
        }
    }
    world.deepest.fetch_max(world.patient.stats().max_spin, Ordering::Relaxed);
    // The others may still be calling: answer them until all have stopped.
    let left = &LEFT;
    left.fetch_sub(1, Ordering::SeqCst);
    while left.load(Ordering::SeqCst) != 0 {
        let _off = off();
        take_ipi();
        thread::yield_now();
    }
    take_ipi();
    world.threads[cpu].store(0, Ordering::Release);
}

static LEFT: AtomicU64 = AtomicU64::new(CPUS as u64);

fn handle(number: i32) {
    // SAFETY: a sigaction of zeroes is one.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_signal as extern "C" fn(i32) as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_NODEFER;
    // SAFETY: the action and its handler live as long as the process.
    let set = unsafe { libc::sigaction(number, &raw const action, ptr::null_mut()) };
    assert_eq!(set, 0);
}

#[test]
fn probes_syncs_calls_switches_and_teardown_race() {
    let seconds = std::env::var("SECONDS_EACH").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let object = Box::leak(Box::new(Object { freed: AtomicBool::new(false) }));
    let made = WORLD.set(World {
        patient: Mesh::new(CPUS, |_| true, PATIENT).expect("memory"),
        impatient: Mesh::new(CPUS, |_| true, IMPATIENT).expect("memory"),
        threads: Default::default(),
        offline: Default::default(),
        counters: Default::default(),
        current: AtomicPtr::new(ptr::from_mut(object)),
        overtaken: AtomicU64::new(0),
        runs: AtomicU64::new(0),
        begun: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        syncs: AtomicU64::new(0),
        deepest: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    assert!(made.is_ok());
    [ipi_signal(), nmi_signal(), timer_signal()].into_iter().for_each(handle);

    let machine = Machine::new();
    let options = [(option::BUFSIZE, 64 << 10), (option::AGGSIZE, 64 << 10)];
    let counting = compile(&machine, "load:::entry { @ = count(); }");
    let recording = compile(
        &machine,
        "load:::entry { trace(arg0); self->x = arg0; } load:::return /self->x/ { @[arg1] = count(); self->x = 0; }",
    );
    let mut stays = Tracing::go(&machine, &counting, &options);
    let (fired, sessions) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut counted = 0;
    let mut count = |stays: &mut Tracing| {
        for cpu in 0..CPUS {
            let lost = stays.aggregations(cpu, |record| counted += record.number(record.parts.len() - 1));
            assert_eq!((lost.drops, lost.errors), (0, 0));
        }
    };
    thread::scope(|scope| {
        for cpu in 0..CPUS {
            let (machine, fired) = (&machine, &fired);
            scope.spawn(move || plays(machine, cpu, fired));
        }
        // Timers.
        scope.spawn(|| {
            let mut n = 0;
            while !world().stop.load(Ordering::Relaxed) {
                n += 1;
                signal(n % CPUS, timer_signal());
                thread::sleep(Duration::from_micros(300));
            }
        });
        // Consumers that come and go.
        for _ in 0..2 {
            scope.spawn(|| {
                while !world().stop.load(Ordering::Relaxed) {
                    let mut passing = Tracing::go(&machine, &recording, &options);
                    for cpu in 0..CPUS {
                        passing.records(cpu, |_| ());
                        passing.aggregations(cpu, |_| ());
                    }
                    if sessions.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
                        passing.stop();
                    }
                }
            });
        }
        while Instant::now() < end {
            count(&mut stays);
            thread::sleep(Duration::from_millis(5));
        }
        world().stop.store(true, Ordering::SeqCst);
    });
    count(&mut stays);

    let world = world();
    let (patient, impatient) = (world.patient.stats(), world.impatient.stats());
    println!(
        "{seconds} s, {CPUS} CPUs: {} firings, {} cross-calls ({} nested), {} syncs, {} consumers",
        fired.load(Ordering::SeqCst),
        world.calls.load(Ordering::SeqCst),
        patient.nested + impatient.nested,
        world.syncs.load(Ordering::SeqCst),
        sessions.load(Ordering::SeqCst),
    );
    println!("patient: {patient:?}\nimpatient: {impatient:?}");
    assert_eq!(world.overtaken.load(Ordering::SeqCst), 0, "a probe saw what was freed after a sync");
    assert_eq!(world.runs.load(Ordering::SeqCst), world.begun.load(Ordering::SeqCst), "lost, or run twice");
    assert_eq!(counted, fired.load(Ordering::SeqCst), "firings that were counted");
    assert_eq!((patient.given_up, patient.refused, impatient.refused), (0, 0, 0));
    // What chance brings about surely comes about in a minute; two seconds on a busy machine may see none of it.
    let all = patient.nested > 0 && impatient.nmi_served > 0 && impatient.given_up > 0;
    assert!(all || seconds < 60, "all of it was taken");
}
