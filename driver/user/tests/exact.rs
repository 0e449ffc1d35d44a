//! Nothing is lost and nothing is counted twice: four CPUs, each a thread, fire as fast as they can, and what the consumer
//! gets equals what was done.
//!
//! Ten million firings each where the engine is optimised, 400,000 where it is not; `FIRINGS=n` says otherwise.

mod machine;

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use dtrace_abi::{agg, option};
use machine::{CHECK, CPUS, ENTRY, Lost, Machine, RETURN, Tracing, compile};

const SWITCH: (u32, i64) = (option::BUFPOLICY, option::BUFPOLICY_SWITCH);
const FILL: (u32, i64) = (option::BUFPOLICY, option::BUFPOLICY_FILL);
const RING: (u32, i64) = (option::BUFPOLICY, option::BUFPOLICY_RING);

const KIB: i64 = 1 << 10;

/// Firings of one CPU.
fn firings() -> u64 {
    let all = match env::var("FIRINGS") {
        Ok(number) => number.parse().expect("FIRINGS is a number"),
        Err(_) if cfg!(debug_assertions) => 400_000,
        Err(_) => 10_000_000,
    };
    all / CPUS as u64
}

/// Fires entry with (number, CPU).
fn enter(machine: &Machine, cpu: usize) {
    for n in 0..firings() {
        machine.fire(ENTRY, &[n, cpu as u64]);
    }
}

/// Fires entry and return with (number, CPU), half as often each.
fn enter_and_return(machine: &Machine, cpu: usize) {
    for n in 0..firings() / 2 {
        machine.fire(ENTRY, &[n, cpu as u64]);
        machine.fire(RETURN, &[n, cpu as u64]);
    }
}

/// Aggregation values by id and key, summed over CPUs and snapshots.
#[derive(Default)]
struct Sums {
    sums: BTreeMap<(u32, u64), u64>,
    drops: u64,
}

impl Sums {
    fn take(&mut self, tracing: &mut Tracing) {
        for cpu in 0..CPUS {
            let lost = tracing.aggregations(cpu, |record| {
                // The variable's id, the key if there is one, the value.
                let key = if record.parts.len() == 3 { record.number(1) } else { 0 };
                *self.sums.entry((record.id, key)).or_default() += record.number(record.parts.len() - 1);
            });
            self.drops += lost.drops;
        }
    }

    fn of(&self, id: u32) -> u64 {
        self.sums.iter().filter(|((of, _), _)| *of == id).map(|(_, sum)| sum).sum()
    }
}

/// How many of `0..count` leave this remainder.
fn remainders(count: u64, divisor: u64, remainder: u64) -> u64 {
    count / divisor + u64::from(remainder < count % divisor)
}

#[test]
fn counts_by_key_are_the_workload_in_each_policy() {
    let machine = Machine::new();
    let image = compile(&machine, "load:::entry { @k[arg0 % 13] = count(); @all = count(); }");
    for policy in [SWITCH, FILL, RING] {
        let options = [policy, (option::BUFSIZE, 4 * KIB), (option::AGGSIZE, 16 * KIB)];
        let mut tracing = Tracing::go(&machine, &image, &options);
        let mut sums = Sums::default();
        machine.load(enter, || sums.take(&mut tracing));
        assert_eq!(sums.drops, 0);
        for key in 0..13 {
            assert_eq!(sums.sums[&(1, key)], remainders(firings(), 13, key) * CPUS as u64);
        }
        assert_eq!(sums.of(2), firings() * CPUS as u64);
        tracing.stop();
        for cpu in 0..CPUS {
            let lost = tracing.records(cpu, |_| panic!("nothing but aggregations"));
            assert_eq!((lost.drops, lost.errors), (0, 0));
        }
    }
}

/// The numbers in the records of one CPU, which must be in the order of the firings.
#[derive(Clone, Copy, Default)]
struct Numbers {
    records: u64,
    drops: u64,
    first: Option<u64>,
    next: u64,
    /// Numbers that were passed over.
    skipped: u64,
}

impl Numbers {
    fn take(&mut self, tracing: &mut Tracing, cpu: usize) {
        let Lost { drops, errors } = tracing.records(cpu, |record| {
            let number = record.number(0);
            assert_eq!(record.number(1), cpu as u64, "a record in another CPU's buffer");
            match self.first {
                None => self.first = Some(number),
                Some(_) => {
                    assert!(number >= self.next, "{number} comes after {}", self.next);
                    self.skipped += number - self.next;
                }
            }
            self.next = number + 1;
            self.records += 1;
        });
        assert_eq!(errors, 0);
        self.drops += drops;
    }
}

const TRACED: &str = "load:::entry { trace(arg0); trace(arg1); }";
/// Bytes of its record: EPID, padding, two numbers.
const RECORD: u64 = 24;

/// Room for every record, and for another where alignment wants it.
fn room_for_all() -> i64 {
    (firings() * RECORD + RECORD) as i64
}

#[test]
fn records_and_drops_are_the_firings_while_a_consumer_switches_buffers() {
    let machine = Machine::new();
    let image = compile(&machine, TRACED);
    for size in [64, 4 * KIB, 256 * KIB] {
        let mut tracing = Tracing::go(&machine, &image, &[SWITCH, (option::BUFSIZE, size)]);
        let mut numbers = [Numbers::default(); CPUS];
        machine.load(enter, || {
            for (cpu, numbers) in numbers.iter_mut().enumerate() {
                numbers.take(&mut tracing, cpu);
            }
        });
        for numbers in numbers {
            assert!(numbers.records > 0);
            assert_eq!(numbers.records + numbers.drops, firings());
        }
    }
}

#[test]
fn where_there_is_room_every_record_is_there_in_each_policy() {
    let machine = Machine::new();
    let image = compile(&machine, TRACED);
    for policy in [SWITCH, FILL, RING] {
        let options = [policy, (option::BUFSIZE, room_for_all())];
        let mut tracing = Tracing::go(&machine, &image, &options);
        machine.load(enter, || _ = tracing.status());
        assert_eq!(tracing.status().filled, 0);
        if policy != SWITCH {
            tracing.stop();
        }
        for cpu in 0..CPUS {
            let mut numbers = Numbers::default();
            numbers.take(&mut tracing, cpu);
            assert_eq!((numbers.records, numbers.drops), (firings(), 0));
            assert_eq!((numbers.first, numbers.skipped), (Some(0), 0));
        }
    }
}

#[test]
fn a_full_buffer_has_the_first_records_without_a_gap() {
    let machine = Machine::new();
    let image = compile(&machine, TRACED);
    let size = 64 * KIB;
    let mut tracing = Tracing::go(&machine, &image, &[FILL, (option::BUFSIZE, size)]);
    machine.load(enter, || _ = tracing.status());
    assert_eq!(tracing.status().filled, CPUS as u64);
    tracing.stop();
    for cpu in 0..CPUS {
        let mut numbers = Numbers::default();
        numbers.take(&mut tracing, cpu);
        assert_eq!((numbers.first, numbers.skipped), (Some(0), 0));
        assert_eq!(numbers.records, size as u64 / RECORD);
    }
}

#[test]
fn a_ring_has_the_last_records_without_a_gap() {
    let machine = Machine::new();
    let image = compile(&machine, TRACED);
    for size in [64, 1000, 64 * KIB] {
        let mut tracing = Tracing::go(&machine, &image, &[RING, (option::BUFSIZE, size)]);
        machine.load(enter, || _ = tracing.status());
        tracing.stop();
        for cpu in 0..CPUS {
            let mut numbers = Numbers::default();
            numbers.take(&mut tracing, cpu);
            assert_eq!((numbers.next, numbers.skipped, numbers.drops), (firings(), 0, 0));
            // The last one may lie across the end of the one before last.
            assert!((size as u64 / RECORD).abs_diff(numbers.records) <= 1, "{} of {size}", numbers.records);
        }
    }
}

#[test]
fn records_of_different_sizes_wrap_without_a_gap() {
    let machine = Machine::new();
    let program = "load:::entry /arg0 % 3 == 0/ { trace(arg0); trace(arg1); trace((char)1); }
        load:::entry /arg0 % 3 == 1/ { trace(arg0); trace(arg1); trace(arg0); trace(\"text\"); }
        load:::entry /arg0 % 3 == 2/ { trace(arg0); trace(arg1); }";
    let image = compile(&machine, program);
    let mut tracing = Tracing::go(&machine, &image, &[RING, (option::BUFSIZE, 4096 + 8)]);
    machine.load(enter, || _ = tracing.status());
    tracing.stop();
    for cpu in 0..CPUS {
        let mut numbers = Numbers::default();
        numbers.take(&mut tracing, cpu);
        assert_eq!((numbers.next, numbers.skipped, numbers.drops), (firings(), 0, 0));
        // Three of them take 32, 288 and 24 bytes.
        assert!(numbers.records > 30, "{} records", numbers.records);
    }
}

#[test]
fn every_function_aggregates_exactly_what_was_fired() {
    let machine = Machine::new();
    let program = "load:::entry {
            @c[arg0 % 3] = count(); @s[arg0 % 3] = sum(arg0); @lo[arg0 % 3] = min(arg0 - 100);
            @hi[arg0 % 3] = max(arg0); @a[arg0 % 3] = avg(arg0); @d[arg0 % 3] = stddev(arg0);
            @q[arg0 % 3] = quantize(arg0); @l[arg0 % 3] = lquantize(arg0, 0, 1000, 100);
        }";
    let image = compile(&machine, program);
    let options = [SWITCH, (option::BUFSIZE, 4 * KIB), (option::AGGSIZE, 64 * KIB)];
    let mut tracing = Tracing::go(&machine, &image, &options);
    let mut found: BTreeMap<(u32, u64), Vec<u64>> = BTreeMap::new();
    machine.load(enter, || {
        for cpu in 0..CPUS {
            let lost = tracing.aggregations(cpu, |record| {
                let value = record.words(2);
                let Some(known) = found.get_mut(&(record.id, record.number(1))) else {
                    found.insert((record.id, record.number(1)), value);
                    return;
                };
                match record.id {
                    3 => known[0] = (known[0] as i64).min(value[0] as i64) as u64,
                    4 => known[0] = (known[0] as i64).max(value[0] as i64) as u64,
                    6 => {
                        known[0] += value[0];
                        known[1] += value[1];
                        let sum = wide(&known[2..]) + wide(&value[2..]);
                        known[2] = sum as u64;
                        known[3] = (sum >> 64) as u64;
                    }
                    // The first word of an lquantize is its argument.
                    8 => known.iter_mut().zip(&value).skip(1).for_each(|(known, value)| *known += value),
                    _ => known.iter_mut().zip(&value).for_each(|(known, value)| *known += value),
                }
            });
            assert_eq!(lost.drops, 0);
        }
    });
    let cpus = CPUS as u64;
    let scale = agg::LquantizeArg { base: 0, step: 100, levels: 10 };
    for key in 0..3 {
        let numbers = || (0..firings()).filter(|n| n % 3 == key);
        let (count, sum) = (numbers().count() as u64 * cpus, numbers().sum::<u64>() * cpus);
        let squares = numbers().map(|n| u128::from(n) * u128::from(n)).sum::<u128>() * u128::from(cpus);
        let mut powers = vec![0; agg::QUANTIZE_NBUCKETS];
        let mut steps = vec![0; 1 + scale.nbuckets()];
        steps[0] = scale.pack();
        for n in numbers() {
            powers[agg::quantize_bucket(n as i64)] += cpus;
            steps[1 + scale.bucket(n as i64)] += cpus;
        }
        let last = numbers().next_back().expect("some");
        let wanted = [
            vec![count],
            vec![sum],
            vec![key.wrapping_sub(100)],
            vec![last],
            vec![count, sum],
            vec![count, sum, squares as u64, (squares >> 64) as u64],
            powers,
            steps,
        ];
        for (id, wanted) in (1..).zip(wanted) {
            assert_eq!(found[&(id, key)], wanted, "aggregation {id}, key {key}");
        }
    }
}

fn wide(words: &[u64]) -> u128 {
    u128::from(words[0]) | u128::from(words[1]) << 64
}

#[test]
fn counts_and_drops_are_the_firings_where_keys_find_no_room() {
    let machine = Machine::new();
    let image = compile(&machine, "load:::entry { @[arg0 & 0xfff] = count(); }");
    for size in [256, 4 * KIB, 32 * KIB] {
        let options = [SWITCH, (option::BUFSIZE, 4 * KIB), (option::AGGSIZE, size)];
        let mut tracing = Tracing::go(&machine, &image, &options);
        let mut sums = Sums::default();
        machine.load(enter, || sums.take(&mut tracing));
        assert!(sums.drops > 0 && sums.of(1) > 0);
        assert_eq!(sums.of(1) + sums.drops, firings() * CPUS as u64);
    }
}

/// What `load:::check` traces on each CPU, in order.
fn checked(tracing: &mut Tracing) -> Vec<Vec<u64>> {
    let read = |cpu| {
        let mut values = Vec::new();
        let lost = tracing.records(cpu, |record| values.push(record.number(0)));
        assert_eq!((lost.drops, lost.errors), (0, 0));
        values
    };
    (0..CPUS).map(read).collect()
}

fn dynamic_drops(tracing: &Tracing) -> u64 {
    let status = tracing.status();
    status.dyndrops + status.dyndrops_dirty + status.dyndrops_rinsing
}

#[test]
fn dynamic_variables_have_the_values_of_the_workload() {
    const KEYS: u64 = 97;
    let machine = Machine::new();
    let program = "int64_t a[int64_t, int64_t];
        load:::entry { a[arg1, arg0 % 97] += arg0; self->n++; self->last = arg0; }
        load:::check { trace(arg0 < 97 ? a[arg1, arg0] : arg0 == 97 ? self->n : self->last); }";
    let image = compile(&machine, program);
    let mut tracing =
        Tracing::go(&machine, &image, &[SWITCH, (option::BUFSIZE, 64 * KIB), (option::DYNVARSIZE, 1 << 20)]);
    machine.load(
        |machine, cpu| {
            enter(machine, cpu);
            for n in 0..KEYS + 2 {
                machine.fire(CHECK, &[n, cpu as u64]);
            }
        },
        || _ = tracing.status(),
    );
    assert_eq!(dynamic_drops(&tracing), 0);
    let mut wanted: Vec<u64> = (0..KEYS).map(|key| (key..firings()).step_by(KEYS as usize).sum()).collect();
    wanted.extend([firings(), firings() - 1]);
    for values in checked(&mut tracing) {
        assert_eq!(values, wanted);
    }
}

#[test]
fn dynamic_variables_that_live_shortly_are_there_or_counted_as_drops() {
    let machine = Machine::new();
    let program = "load:::entry { self->t = arg0 + 1; a[arg1, arg0] = arg0 + 2; }
        load:::return /self->t == arg0 + 1/ { @own = count(); }
        load:::return /self->t != 0 && self->t != arg0 + 1/ { @wrong = count(); }
        load:::return /a[arg1, arg0] == arg0 + 2/ { @keyed = count(); }
        load:::return /a[arg1, arg0] != 0 && a[arg1, arg0] != arg0 + 2/ { @wronger = count(); }
        load:::return { self->t = 0; a[arg1, arg0] = 0; }";
    let image = compile(&machine, program);
    for size in [2 * KIB, 16 * KIB, 1 << 20] {
        let options =
            [SWITCH, (option::BUFSIZE, 4 * KIB), (option::AGGSIZE, 4 * KIB), (option::DYNVARSIZE, size)];
        let mut tracing = Tracing::go(&machine, &image, &options);
        let mut sums = Sums::default();
        machine.load(enter_and_return, || {
            sums.take(&mut tracing);
        });
        assert_eq!((sums.of(2), sums.of(4)), (0, 0), "a value that nobody stored");
        assert!(sums.of(1) > 0 && sums.of(3) > 0);
        let pairs = firings() / 2 * CPUS as u64;
        assert_eq!(sums.of(1) + sums.of(3) + dynamic_drops(&tracing), 2 * pairs);
    }
}

/// A speculation for each entry; the return of two in three commits it, that of the third discards it.
const SPECULATING: &str = "load:::entry { self->spec = speculation(); }
    load:::entry /self->spec/ { speculate(self->spec); trace(arg0); trace(arg1); }
    load:::return /self->spec && arg0 % 3 != 0/ { commit(self->spec); }
    load:::return /self->spec && arg0 % 3 == 0/ { discard(self->spec); }
    load:::return { self->spec = 0; }";

#[test]
fn what_is_committed_is_recorded_or_counted_and_what_is_discarded_is_not() {
    let machine = Machine::new();
    let image = compile(&machine, SPECULATING);
    for size in [64, 64 * KIB] {
        let options = [SWITCH, (option::BUFSIZE, size), (option::NSPEC, CPUS as i64), (option::SPECSIZE, 64)];
        let mut tracing = Tracing::go(&machine, &image, &options);
        let mut numbers = [Numbers::default(); CPUS];
        machine.load(enter_and_return, || {
            for (cpu, numbers) in numbers.iter_mut().enumerate() {
                numbers.take(&mut tracing, cpu);
            }
        });
        let status = tracing.status();
        assert_eq!((status.specdrops, status.specdrops_unavail, status.specdrops_busy), (0, 0, 0));
        let all = firings() / 2;
        for numbers in numbers {
            assert!(numbers.records > 0);
            assert_eq!(numbers.records + numbers.drops, all - remainders(all, 3, 0));
        }
    }
}

#[test]
fn speculations_that_are_not_to_be_had_are_counted() {
    let machine = Machine::new();
    let program = "load:::entry { self->spec = speculation(); }
        load:::entry /self->spec/ { speculate(self->spec); trace(arg0); }
        load:::entry /self->spec/ { @some = count(); }
        load:::entry /!self->spec/ { @none = count(); }
        load:::return /self->spec/ { discard(self->spec); self->spec = 0; }";
    let image = compile(&machine, program);
    let sizes = [(option::BUFSIZE, 4 * KIB), (option::AGGSIZE, 4 * KIB), (option::SPECSIZE, 64)];
    let options = [sizes.as_slice(), &[SWITCH, (option::NSPEC, 2)]].concat();
    let mut tracing = Tracing::go(&machine, &image, &options);
    let mut sums = Sums::default();
    machine.load(enter_and_return, || sums.take(&mut tracing));
    let status = tracing.status();
    assert_eq!(sums.of(2), status.specdrops_unavail + status.specdrops_busy);
    assert_eq!(sums.of(1) + sums.of(2), firings() / 2 * CPUS as u64);
}

#[test]
fn two_consumers_of_one_probe_get_all_of_it_each() {
    let machine = Machine::new();
    let images = [
        compile(&machine, "load:::entry { @ = count(); }"),
        compile(&machine, "load:::entry { @ = sum(arg1); }"),
    ];
    let options = [SWITCH, (option::BUFSIZE, 4 * KIB), (option::AGGSIZE, 4 * KIB)];
    let mut tracing = images.map(|image| (Tracing::go(&machine, &image, &options), Sums::default()));
    machine.load(enter, || tracing.iter_mut().for_each(|(tracing, sums)| sums.take(tracing)));
    let [counts, sums] = tracing.map(|(_, sums)| sums.of(1));
    assert_eq!(counts, firings() * CPUS as u64);
    assert_eq!(sums, firings() * (0..CPUS as u64).sum::<u64>());
    // The engine is let go of by all.
    assert_eq!(Arc::strong_count(&machine), 1);
}
