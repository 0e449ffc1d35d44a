//! The store of dynamic variables, alone and with real threads.
//!
//! Under Miri the same tests run with fewer rounds: it finds data races and broken orderings that x86 hides.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use dtrace_engine::dynvar::{Drops, DynVars, Identity, NoKey, Stored};

/// Rounds of a test: these if optimised, a sixth if not, a few under Miri.
const fn rounds(optimised: u64) -> u64 {
    if cfg!(miri) {
        40
    } else if cfg!(debug_assertions) {
        optimised / 6
    } else {
        optimised
    }
}

/// Bytes of a pool, natively and under Miri.
const fn pool(native: usize) -> usize {
    if cfg!(miri) && native > 16384 { 16384 } else { native }
}

fn scalar(variable: u32, thread: u64) -> Identity {
    Identity { variable, thread, bytes: 0 }
}

/// A sweep and the reclaim that follows it when nobody else uses the store.
fn clean(store: &DynVars) {
    store.sweep();
    // SAFETY: no other thread uses the store in these tests.
    unsafe { store.reclaim() };
}

#[test]
fn a_variable_is_zero_until_it_is_stored_and_after_it_is_cleared() {
    let store = DynVars::new(pool(64 * 1024), 0, 1).unwrap();
    let x = scalar(1, 10);
    assert_eq!(store.load(&x, &NoKey), 0);
    assert_eq!(store.store(0, &x, &NoKey, 5), Stored::Done);
    assert_eq!(store.load(&x, &NoKey), 5);
    assert_eq!(store.store(0, &x, &NoKey, 6), Stored::Done);
    assert_eq!(store.load(&x, &NoKey), 6);
    store.clear(0, &x, &NoKey);
    assert_eq!(store.load(&x, &NoKey), 0);
    assert_eq!(store.store(0, &x, &NoKey, 7), Stored::Done);
    assert_eq!(store.load(&x, &NoKey), 7);
}

#[test]
fn variables_differ_by_number_thread_and_key() {
    let store = DynVars::new(pool(64 * 1024), 64, 1).unwrap();
    let mut value = 1;
    let keys: [&[u64]; 4] = [&[], &[1], &[1, 2], &[2, 1]];
    for variable in 1..4 {
        for who in 0..4 {
            for key in keys {
                assert_eq!(store.store(0, &scalar(variable, who), key, value), Stored::Done);
                value += 1;
            }
        }
    }
    let mut value = 1;
    for variable in 1..4 {
        for who in 0..4 {
            for key in keys {
                assert_eq!(store.load(&scalar(variable, who), key), value);
                value += 1;
            }
        }
    }
}

#[test]
fn what_was_cleared_can_be_used_again_after_cleaning() {
    let store = DynVars::new(pool(16 * 1024), 0, 1).unwrap();
    let capacity = store.capacity() as u64;
    for round in 0..5 {
        for n in 0..capacity {
            assert_eq!(store.store(0, &scalar(1, round * capacity + n + 1), &NoKey, n + 1), Stored::Done);
        }
        for n in 0..capacity {
            assert_eq!(store.load(&scalar(1, round * capacity + n + 1), &NoKey), n + 1);
            store.clear(0, &scalar(1, round * capacity + n + 1), &NoKey);
        }
        clean(&store);
    }
    assert_eq!(store.drops(), Drops::default());
}

#[test]
fn drops_tell_where_the_chunks_are() {
    let store = DynVars::new(pool(8 * 1024), 0, 1).unwrap();
    let capacity = store.capacity() as u64;
    for n in 1..=capacity {
        assert_eq!(store.store(0, &scalar(1, n), &NoKey, n), Stored::Done);
    }
    assert_eq!(store.store(0, &scalar(1, 1_000_000), &NoKey, 1), Stored::Dropped);
    assert_eq!(store.drops(), Drops { plain: 1, dirty: 0, rinsing: 0 });
    store.clear(0, &scalar(1, 1), &NoKey);
    assert_eq!(store.store(0, &scalar(1, 1_000_000), &NoKey, 1), Stored::Dropped);
    assert_eq!(store.drops(), Drops { plain: 1, dirty: 1, rinsing: 0 });
    assert!(store.sweep());
    assert_eq!(store.store(0, &scalar(1, 1_000_000), &NoKey, 1), Stored::Dropped);
    assert_eq!(store.drops(), Drops { plain: 1, dirty: 1, rinsing: 1 });
    // SAFETY: nobody else uses the store.
    unsafe { store.reclaim() };
    assert_eq!(store.store(0, &scalar(1, 1_000_000), &NoKey, 9), Stored::Done);
    assert_eq!(store.load(&scalar(1, 1_000_000), &NoKey), 9);
    assert_eq!(store.load(&scalar(1, 1), &NoKey), 0);
    for n in 2..=capacity {
        assert_eq!(store.load(&scalar(1, n), &NoKey), n, "the others are untouched");
    }
}

#[test]
fn a_variable_that_lives_again_is_not_swept() {
    let store = DynVars::new(pool(8 * 1024), 0, 1).unwrap();
    let x = scalar(1, 1);
    for round in 1..10 {
        let _ = store.store(0, &x, &NoKey, round);
        store.clear(0, &x, &NoKey);
        let _ = store.store(0, &x, &NoKey, round + 100);
        assert!(!store.sweep());
        assert_eq!(store.load(&x, &NoKey), round + 100);
        store.clear(0, &x, &NoKey);
        assert!(store.sweep(), "it is listed again when it is cleared again");
        // SAFETY: nobody else uses the store.
        unsafe { store.reclaim() };
    }
}

#[test]
fn a_sweep_waits_for_the_reclaim_of_the_one_before() {
    let store = DynVars::new(pool(8 * 1024), 0, 1).unwrap();
    let (x, y) = (scalar(1, 1), scalar(1, 2));
    for who in [&x, &y] {
        let _ = store.store(0, who, &NoKey, 1);
    }
    store.clear(0, &x, &NoKey);
    assert!(store.sweep());
    store.clear(0, &y, &NoKey);
    assert!(store.sweep());
    let _ = store.store(0, &y, &NoKey, 2);
    assert_eq!(store.load(&y, &NoKey), 2, "it was not swept with the first");
}

#[test]
fn a_chunk_can_be_unlinked_from_the_midst_of_a_chain() {
    // One CPU, and so many variables that chains have several.
    let store = DynVars::new(pool(64 * 1024), 0, 1).unwrap();
    let capacity = store.capacity() as u64;
    for n in 1..=capacity {
        let _ = store.store(0, &scalar(1, n), &NoKey, n);
    }
    for n in (1..=capacity).filter(|n| n % 3 != 0) {
        store.clear(0, &scalar(1, n), &NoKey);
    }
    clean(&store);
    for n in 1..=capacity {
        assert_eq!(store.load(&scalar(1, n), &NoKey), if n % 3 == 0 { n } else { 0 });
    }
    for n in (1..=capacity).filter(|n| n % 3 != 0) {
        assert_eq!(store.store(0, &scalar(2, n), &NoKey, n), Stored::Done);
    }
}

#[test]
fn a_key_too_long_for_a_chunk_is_a_drop() {
    let store = DynVars::new(pool(64 * 1024), 0, 1).unwrap();
    let key = vec![1u64; 100];
    assert_eq!(store.store(0, &scalar(1, 0), &key[..], 1), Stored::Dropped);
    assert_eq!(store.drops().plain, 1);
    assert_eq!(store.load(&scalar(1, 0), &key[..]), 0);
    assert_eq!(store.store(0, &scalar(1, 0), &key[..1], 1), Stored::Done);
}

#[test]
fn bytes_are_at_their_address_and_nothing_else_is() {
    let store = DynVars::new(pool(64 * 1024), 32, 1).unwrap();
    let s = Identity { variable: 1, thread: 5, bytes: 16 };
    let put = |text: &[u8; 16]| {
        store.store_bytes(0, &s, &NoKey, |to| {
            // SAFETY: the store gives 16 bytes.
            unsafe { to.copy_from_nonoverlapping(text.as_ptr(), 16) };
            Ok::<(), ()>(())
        })
    };
    assert_eq!(put(b"0123456789abcdef"), Ok(Stored::Done));
    let address = store.load(&s, &NoKey);
    let (pointer, room) = store.region(address).unwrap();
    assert_eq!(room, 16);
    // SAFETY: 16 bytes of the store, which nobody writes.
    assert_eq!(unsafe { std::slice::from_raw_parts(pointer, 16) }, b"0123456789abcdef");
    assert_eq!(store.region(address + 15).unwrap().1, 1);
    assert!(store.region(address + 16).is_none());
    assert!(store.region(address - 1).is_none());
    assert!(store.region(0).is_none());
    assert_eq!(put(b"________________"), Ok(Stored::Done));
    assert_eq!(store.load(&s, &NoKey), address, "in place");
}

#[test]
fn bytes_that_cannot_be_had_leave_no_variable() {
    let store = DynVars::new(pool(64 * 1024), 32, 1).unwrap();
    let s = Identity { variable: 1, thread: 5, bytes: 16 };
    for _ in 0..store.capacity() * 2 {
        assert_eq!(store.store_bytes(0, &s, &NoKey, |_| Err(7)), Err(7));
    }
    assert_eq!((store.load(&s, &NoKey), store.drops()), (0, Drops::default()));
}

#[test]
fn one_cpu_can_use_what_another_freed() {
    let store = DynVars::new(pool(16 * 1024), 0, 2).unwrap();
    let capacity = store.capacity() as u64;
    for round in 0..10 {
        for n in 1..=capacity / 2 {
            assert_eq!(store.store(0, &scalar(1, round << 32 | n), &NoKey, 1), Stored::Done);
        }
        for n in 1..=capacity / 2 {
            store.clear(1, &scalar(1, round << 32 | n), &NoKey);
        }
        clean(&store);
    }
}

#[test]
fn a_program_of_random_steps_does_what_a_map_does() {
    let store = DynVars::new(pool(256 * 1024), 64, 3).unwrap();
    let mut map = std::collections::HashMap::new();
    let mut random = 1u64;
    for step in 0..rounds(200_000) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [a, b, c, cpu] = [random >> 60 & 1, random >> 40 & 7, random >> 32 & 15, (random >> 20) % 3];
        let (who, key) = (scalar(a as u32 + 1, b), [c, c / 2]);
        let key = &key[..(c & 1) as usize + 1];
        match random >> 50 & 3 {
            0 => {
                store.clear(cpu as usize, &who, key);
                map.remove(&(a, b, key.to_vec()));
            }
            1 => {
                assert_eq!(store.store(cpu as usize, &who, key, step + 1), Stored::Done);
                map.insert((a, b, key.to_vec()), step + 1);
            }
            _ => assert_eq!(store.load(&who, key), map.get(&(a, b, key.to_vec())).copied().unwrap_or(0)),
        }
        if step % 97 == 0 {
            clean(&store);
        }
    }
    assert_eq!(store.drops(), Drops::default());
}

/// CPUs that say when they are in a probe: odd while they are.
struct Quiescence(Vec<AtomicU64>);

impl Quiescence {
    fn probe<R>(&self, cpu: usize, work: impl FnOnce() -> R) -> R {
        self.0[cpu].fetch_add(1, Ordering::SeqCst);
        let result = work();
        self.0[cpu].fetch_add(1, Ordering::SeqCst);
        result
    }

    fn synchronize(&self) {
        let seen: Vec<u64> = self.0.iter().map(|cpu| cpu.load(Ordering::SeqCst)).collect();
        for (cpu, seen) in self.0.iter().zip(seen) {
            while seen % 2 == 1 && cpu.load(Ordering::SeqCst) == seen {
                thread::yield_now();
            }
        }
    }
}

/// Runs `work` on `cpus` threads, each on its CPU, while another thread cleans.
fn with_cleaner(store: &DynVars, cpus: usize, work: impl Fn(usize, &Quiescence) + Sync) {
    let quiescence = Quiescence((0..cpus).map(|_| AtomicU64::new(0)).collect());
    let (done, start) = (AtomicBool::new(false), Barrier::new(cpus));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if store.sweep() {
                    quiescence.synchronize();
                    // SAFETY: every thread has been outside of `Quiescence::probe`, which is around all its uses of the
                    // store, since the sweep.
                    unsafe { store.reclaim() };
                }
                thread::yield_now();
            }
        });
        let workers: Vec<_> = (0..cpus)
            .map(|cpu| {
                let (work, quiescence, start) = (&work, &quiescence, &start);
                scope.spawn(move || {
                    start.wait();
                    work(cpu, quiescence);
                })
            })
            .collect();
        let results: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok));
    });
}

#[test]
fn what_a_thread_sets_at_entry_it_finds_and_clears_at_return() {
    let store = DynVars::new(pool(1 << 20), 0, 4).unwrap();
    with_cleaner(&store, 4, |cpu, quiescence| {
        let x = scalar(1, cpu as u64 + 1);
        for n in 1..=rounds(1_000_000) {
            quiescence.probe(cpu, || {
                assert_eq!(store.load(&x, &NoKey), 0);
                assert_eq!(store.store(cpu, &x, &NoKey, n), Stored::Done);
            });
            quiescence.probe(cpu, || {
                assert_eq!(store.load(&x, &NoKey), n);
                store.clear(cpu, &x, &NoKey);
            });
        }
    });
    assert_eq!(store.drops(), Drops::default());
}

#[test]
fn many_keys_of_many_threads_in_few_chains_stay_apart() {
    // A pool so small that chains are shared and chunks go around, and yet large enough for all that is set at once.
    let store = DynVars::new(pool(48 * 1024), 8, 4).unwrap();
    let dropped = AtomicU64::new(0);
    with_cleaner(&store, 4, |cpu, quiescence| {
        for n in 0..rounds(300_000) {
            let keys: [u64; 4] = std::array::from_fn(|k| (n * 4 + k as u64) << 3 | cpu as u64);
            let mut set = [false; 4];
            for (key, set) in keys.iter().zip(&mut set) {
                let stored = quiescence.probe(cpu, || store.store(cpu, &scalar(7, 0), &[*key][..], key + 1));
                *set = stored == Stored::Done;
                dropped.fetch_add(u64::from(!*set), Ordering::Relaxed);
            }
            for (key, set) in keys.iter().zip(set) {
                let value = quiescence.probe(cpu, || store.load(&scalar(7, 0), &[*key][..]));
                assert_eq!(value, if set { key + 1 } else { 0 });
                quiescence.probe(cpu, || store.clear(cpu, &scalar(7, 0), &[*key][..]));
                assert_eq!(quiescence.probe(cpu, || store.load(&scalar(7, 0), &[*key][..])), 0);
            }
        }
    });
    let drops = store.drops();
    assert_eq!(
        drops.plain + drops.dirty + drops.rinsing,
        dropped.load(Ordering::Relaxed),
        "every drop is counted"
    );
}

#[test]
fn one_key_used_by_all_is_never_there_twice() {
    let store = DynVars::new(pool(1 << 16), 8, 4).unwrap();
    let key = [42u64];
    with_cleaner(&store, 4, |cpu, quiescence| {
        for n in 0..rounds(500_000) {
            let value = n << 2 | cpu as u64;
            quiescence.probe(cpu, || {
                if n % 3 == 0 {
                    store.clear(cpu, &scalar(1, 0), &key[..]);
                } else {
                    assert_eq!(store.store(cpu, &scalar(1, 0), &key[..], value + 1), Stored::Done);
                }
                // Whatever is there is what some thread stored.
                let there = store.load(&scalar(1, 0), &key[..]);
                assert!(there <= rounds(500_000) << 2 | 3);
            });
        }
    });
    // A second copy would come to light when the first is cleared and swept away.
    store.clear(0, &scalar(1, 0), &key[..]);
    assert_eq!(store.load(&scalar(1, 0), &key[..]), 0);
    clean(&store);
    assert_eq!(store.load(&scalar(1, 0), &key[..]), 0);
}

#[test]
fn all_chunks_come_back() {
    let store = DynVars::new(pool(1 << 16), 8, 4).unwrap();
    with_cleaner(&store, 4, |cpu, quiescence| {
        for n in 0..rounds(100_000) {
            let key = [n % 50];
            quiescence.probe(cpu, || {
                let _ = store.store(cpu, &scalar(1, 0), &key[..], n + 1);
            });
            quiescence.probe(cpu, || store.clear(cpu, &scalar(1, 0), &key[..]));
        }
    });
    for n in 0..50 {
        store.clear(0, &scalar(1, 0), &[n][..]);
    }
    clean(&store);
    clean(&store);
    let before = store.drops();
    // Of the free chunks, some are in the hands of the other three CPUs: no more than a batch each.
    let mut stored = 0;
    for n in 0..store.capacity() as u64 {
        stored += u64::from(store.store(0, &scalar(2, n + 1), &NoKey, 1) == Stored::Done);
    }
    let missing = store.capacity() as u64 - stored;
    assert!(missing <= 3 * 32, "{missing} chunks are lost");
    assert_eq!(store.drops().plain - before.plain, missing);
}
