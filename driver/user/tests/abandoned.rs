//! Consumers that are abandoned: opened, enabled, gone, and closed without a stop, a thousand times over (300 times where the
//! engine is not optimised). When the last one is closed, as many allocations are live as before the first.
//!
//! Counted are the allocations of the process, so this file has one test.

mod machine;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dtrace_abi::option;
use dtrace_rs::device::Requests;
use dtrace_rs::dof;
use dtrace_user::{Device, bind};
use machine::{CPUS, ENTRY, Machine, RETURN, Tracing, compile};

/// Allocations of all threads that have not been freed.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counted.
struct Counting;

// SAFETY: all memory comes from and goes to `System`, with the same layouts; counting touches no memory but one atomic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations are live when threads that have ended have freed what was theirs: when the number has not changed for
/// a while.
fn settled() -> i64 {
    let mut live = LIVE.load(Ordering::Relaxed);
    let mut same = 0;
    while same < 30 {
        thread::sleep(Duration::from_millis(10));
        let now = LIVE.load(Ordering::Relaxed);
        same = if now == live { same + 1 } else { 0 };
        live = now;
    }
    live
}

/// Runs `round` once, so that what is kept for good is there, and then as often as it is told; afterwards as many allocations
/// are live as before. Threads that have ended may take a moment to free what is theirs.
fn balanced(rounds: u32, mut round: impl FnMut()) {
    round();
    let before = settled();
    (0..rounds).for_each(|_| round());
    let deadline = Instant::now() + Duration::from_secs(10);
    while LIVE.load(Ordering::Relaxed) != before && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(LIVE.load(Ordering::Relaxed), before, "allocations live after {rounds} rounds, and before");
}

/// A program that uses a bit of everything.
const PROGRAM: &str = "int64_t a[int64_t, string];
    BEGIN { trace(\"begins\"); }
    load:::entry { self->t = timestamp; a[arg0, execname]++; this->x = arg0; @[arg0 & 7] = count(); }
    load:::entry { self->spec = speculation(); }
    load:::entry /self->spec/ { speculate(self->spec); printf(\"%d %s\", arg0, probename); }
    load:::return /self->t/ { @q = quantize(timestamp - self->t); self->t = 0; stack(); trace(*(int *)8); }
    load:::return /self->spec/ { commit(self->spec); self->spec = 0; }
    ERROR { @errors = count(); } END { printa(@q); }";

#[test]
fn what_is_abandoned_leaves_nothing() {
    abandon_consumers_of_probes_that_fire();
    abandon_consumers_of_timers();
}

fn abandon_consumers_of_probes_that_fire() {
    const ROUNDS: u32 = if cfg!(debug_assertions) { 300 } else { 1000 };
    let machine = Machine::new();
    let image = compile(&machine, PROGRAM);
    let over = AtomicBool::new(false);
    let fired = AtomicU64::new(0);
    // What it takes to start a thread is not to be counted.
    let begun = Barrier::new(CPUS + 1);
    thread::scope(|scope| {
        for cpu in 0..CPUS {
            let (machine, over, fired, begun) = (&machine, &over, &fired, &begun);
            scope.spawn(move || {
                bind(cpu);
                for n in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    machine.fire(ENTRY, &[n, cpu as u64]);
                    machine.fire(RETURN, &[n, cpu as u64]);
                    fired.fetch_add(1, Ordering::Relaxed);
                    if n == 0 {
                        begun.wait();
                    }
                }
            });
        }
        begun.wait();
        let mut rounds = 0u32;
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            balanced(ROUNDS, || {
                rounds += 1;
                let policy = i64::from(rounds % 3);
                let sizes = [
                    (option::BUFPOLICY, policy),
                    (option::BUFSIZE, 16 << 10),
                    (option::AGGSIZE, 16 << 10),
                    (option::DYNVARSIZE, 16 << 10),
                    (option::NSPEC, 4),
                    (option::SPECSIZE, 512),
                ];
                let mut tracing = Tracing::go(&machine, &image, &sizes);
                // Some read what there is, some do not; nobody stops.
                if rounds.is_multiple_of(4) {
                    for cpu in 0..CPUS {
                        tracing.aggregations(cpu, |_| ());
                    }
                }
            });
        }));
        over.store(true, Ordering::Release);
        ended.expect("nothing is left behind");
    });
    assert!(fired.into_inner() > u64::from(ROUNDS), "nothing was fired meanwhile");
}

fn abandon_consumers_of_timers() {
    const ROUNDS: u32 = if cfg!(debug_assertions) { 100 } else { 1000 };
    let program = "BEGIN { trace(pid); } tick-1ms { @ = count(); } profile-4999 { @c[tid] = count(); n++; }";
    let image = compile_embedded(program);
    let options = dof::options_image([(option::BUFSIZE, 4096), (option::AGGSIZE, 4096)]);
    balanced(ROUNDS, || {
        let device = Embedded(Device::open().expect("a device"));
        let requests = Requests::new(&device);
        assert!(requests.enable(&image).expect("an image that can be enabled") >= 3);
        requests.enable(&options).expect("options that are");
        requests.go().expect("to trace");
    });
}

/// The engine of this process as libdtrace's device.
struct Embedded(Device);

impl dtrace_rs::device::Device for Embedded {
    unsafe fn ioctl(&self, command: u32, argument: *mut std::ffi::c_void) -> Result<i32, i32> {
        // SAFETY: the contract is the same.
        unsafe { self.0.ioctl(command, argument) }.map_err(|errno| errno as i32)
    }

    fn name(&self) -> &str {
        "embedded"
    }
}

fn compile_embedded(program: &str) -> Vec<u8> {
    let device = Embedded(Device::open().expect("a device"));
    let mut handle = dtrace_rs::handle::Handle::with_device(Box::new(device)).expect("a handle");
    let program = handle
        .compile_string(program, dtrace_rs::d::parser::SpecKind::Name, &[])
        .expect("a program that compiles");
    dof::program_image(&program)
}
