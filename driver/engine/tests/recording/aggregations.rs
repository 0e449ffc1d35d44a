//! The nine functions, and records found by their keys.

use std::collections::HashMap;

use dtrace_abi::agg;
use dtrace_engine::aggregation::{Aggregation, AggregationError, Function, Key, LogLinear, Table};
use dtrace_engine::exchange::Exchangeable;

/// The variable, an integer of eight bytes.
const VARIABLE: Key = Key { offset: 8, size: 8, string: false };

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect()
}

/// What a function makes of values: the words of its one record behind id and variable.
fn value(kind: u32, arg: u64, values: &[i64]) -> Vec<u64> {
    let aggregation = Aggregation::new(5, Function::new(kind, arg).unwrap(), &[VARIABLE], 16).unwrap();
    let mut table = Table::new(1 << 16).unwrap();
    let mut staged = [0u8; 16];
    staged[8] = 1;
    for &value in values {
        table.update(&aggregation, &staged, value, 1);
    }
    assert_eq!(table.counts().drops, 0);
    let words = words(table.data());
    assert_eq!(words[..2], [5, 1]);
    assert_eq!(words.len() * 8, aggregation.size() as usize);
    words[2..].to_vec()
}

/// The counters that are not 0, by their index.
fn counters(words: &[u64]) -> Vec<(usize, u64)> {
    words.iter().enumerate().filter(|(_, count)| **count != 0).map(|(index, count)| (index, *count)).collect()
}

#[test]
fn count_sum_min_max() {
    assert_eq!(value(agg::COUNT, 0, &[9, 9, 9]), [3]);
    assert_eq!(value(agg::SUM, 0, &[5, -7, 1]), [-1i64 as u64]);
    assert_eq!(value(agg::SUM, 0, &[i64::MAX, 1]), [i64::MIN as u64], "a sum wraps");
    assert_eq!(value(agg::MIN, 0, &[3, -4, 8]), [-4i64 as u64]);
    assert_eq!(value(agg::MAX, 0, &[-9, -4, -8]), [-4i64 as u64]);
    assert_eq!(value(agg::MIN, 0, &[i64::MAX]), [i64::MAX as u64]);
    assert_eq!(value(agg::MAX, 0, &[i64::MIN]), [i64::MIN as u64]);
}

#[test]
fn avg_is_count_and_sum() {
    assert_eq!(value(agg::AVG, 0, &[1, 2, 6]), [3, 9]);
}

#[test]
fn stddev_is_count_sum_and_a_wide_sum_of_squares() {
    assert_eq!(value(agg::STDDEV, 0, &[3, -4]), [2, -1i64 as u64, 25, 0]);
    let square = (1u128 << 63) * (1u128 << 63) * 3;
    assert_eq!(
        value(agg::STDDEV, 0, &[i64::MIN; 3]),
        [3, (3u64 << 63), square as u64, (square >> 64) as u64]
    );
}

#[test]
fn quantize_counts_powers_of_two() {
    let words = value(agg::QUANTIZE, 0, &[0, 1, 2, 3, 4, 1023, 1024, -1, -2, -3, i64::MAX, i64::MIN]);
    assert_eq!(words.len(), 127);
    assert_eq!(
        counters(&words),
        [(0, 1), (61, 2), (62, 1), (63, 1), (64, 1), (65, 2), (66, 1), (73, 1), (74, 1), (126, 1)]
    );
}

#[test]
fn lquantize_counts_steps_and_what_is_outside() {
    let arg = agg::LquantizeArg { base: -10, step: 5, levels: 4 }.pack();
    let words = value(agg::LQUANTIZE, arg, &[-11, i64::MIN, -10, -6, -5, 0, 9, 10, i64::MAX]);
    assert_eq!(words[0], arg);
    assert_eq!(words[1..], [2, 2, 1, 1, 1, 2]);
}

#[test]
fn llquantize_counts_steps_within_magnitudes() {
    let arg = agg::LlquantizeArg { factor: 10, low: 0, high: 2, nsteps: 20 }.pack();
    let values = [-1, 0, 1, 9, 10, 14, 15, 99, 100, 149, 150, 999, 1000, i64::MAX];
    let words = value(agg::LLQUANTIZE, arg, &values);
    assert_eq!(words[0], arg);
    // Below 1; 1 to 9 singly; 10 to 99 by fives; 100 to 999 by fifties; 1000 and above.
    assert_eq!(words.len(), 1 + 1 + 9 + 18 + 18 + 1);
    assert_eq!(
        counters(&words[1..]),
        [(0, 2), (1, 1), (9, 1), (10, 2), (11, 1), (27, 1), (28, 2), (29, 1), (45, 1), (46, 2)]
    );
}

#[test]
fn the_buckets_of_llquantize_go_up_with_the_value() {
    for (factor, low, high, nsteps) in
        [(2, 0, 20, 2), (10, 0, 6, 20), (10, 3, 5, 10), (4, 1, 9, 64), (7, 2, 5, 49)]
    {
        let scale = LogLinear::new(agg::LlquantizeArg { factor, low, high, nsteps }).unwrap();
        let mut last = 0;
        let end =
            u64::from(factor).pow(u32::from(high) + 1).min(if cfg!(miri) { 500 } else { 100_000 }) as i64;
        for value in 0..end {
            let bucket = scale.bucket(value);
            assert!(
                bucket == last || bucket == last + 1,
                "{value} is in {bucket}, what is below it in {last}"
            );
            last = bucket;
        }
        let above = u64::from(factor).pow(u32::from(high) + 1) as i64;
        assert_eq!(scale.bucket(above), scale.counters() - 1);
        assert_eq!(scale.bucket(above - 1), scale.counters() - 2);
        assert_eq!(scale.bucket(i64::MAX), scale.counters() - 1);
    }
}

#[test]
fn scales_that_make_no_sense_are_refused() {
    for (factor, low, high, nsteps) in [
        (0, 0, 1, 10),
        (1, 0, 1, 10),
        (10, 2, 1, 10),
        (10, 0, 1, 5),
        (10, 0, 1, 15),
        (10, 0, 19, 10),
        (10, 0, 1, 30),
        (0xffff, 0, 4, 0xffff),
    ] {
        assert_eq!(LogLinear::new(agg::LlquantizeArg { factor, low, high, nsteps }), None);
    }
    assert_eq!(Function::new(agg::LQUANTIZE, 0), None);
    assert_eq!(Function::new(0x70a, 0), None);
}

#[test]
fn distributions_count_by_their_increment() {
    let aggregation = Aggregation::new(1, Function::new(agg::QUANTIZE, 0).unwrap(), &[VARIABLE], 16).unwrap();
    let mut table = Table::new(1 << 14).unwrap();
    table.update(&aggregation, &[0; 16], 1, 10);
    table.update(&aggregation, &[0; 16], 1, 5);
    assert_eq!(words(table.data())[2 + 64], 15);
}

#[test]
fn a_record_is_id_keys_and_value_and_strings_are_filled_with_zeros() {
    let keys = [
        VARIABLE,
        Key { offset: 16, size: 12, string: true },
        Key { offset: 28, size: 4, string: false },
        Key { offset: 32, size: 2, string: false },
    ];
    let aggregation = Aggregation::new(0x0102_0304, Function::Count, &keys, 40).unwrap();
    let mut table = Table::new(1 << 12).unwrap();
    let mut staged = [0xee; 40];
    staged[8..16].copy_from_slice(&9u64.to_ne_bytes());
    staged[16..23].copy_from_slice(b"getppid");
    staged[23] = 0;
    staged[28..32].copy_from_slice(&[1, 2, 3, 4]);
    staged[32..34].copy_from_slice(&[5, 6]);
    table.update(&aggregation, &staged, 0, 1);
    let mut expected = [0u8; 48];
    expected[..4].copy_from_slice(&0x0102_0304u32.to_ne_bytes());
    expected[8] = 9;
    expected[16..23].copy_from_slice(b"getppid");
    expected[28..34].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
    expected[40] = 1;
    assert_eq!(table.data(), expected);
    // Other rubbish between and behind the keys is the same key.
    staged[..8].fill(0xdd);
    staged[24..28].fill(0xdd);
    staged[34..40].fill(0xdd);
    table.update(&aggregation, &staged, 0, 1);
    expected[40] = 2;
    assert_eq!(table.data(), expected);
    assert_eq!((aggregation.size(), aggregation.value_offset(), aggregation.id()), (48, 40, 0x0102_0304));
}

#[test]
fn records_begin_at_multiples_of_eight() {
    let mut table = Table::new(1 << 12).unwrap();
    let first = Aggregation::new(1, Function::Count, &[VARIABLE], 16).unwrap();
    let second = Aggregation::new(2, Function::Avg, &[VARIABLE], 16).unwrap();
    table.update(&first, &[0; 16], 0, 1);
    table.update(&second, &[0; 16], 7, 1);
    table.update(&first, &[0; 16], 0, 1);
    assert_eq!(words(table.data()), [1, 0, 2, 2, 0, 1, 7]);
}

#[test]
fn every_byte_of_a_key_counts() {
    for size in 1..=24u32 {
        for offset in [4, 8, 9] {
            let value_offset = (offset + size).next_multiple_of(8);
            let keys = [Key { offset, size, string: false }];
            let aggregation = Aggregation::new(1, Function::Count, &keys, value_offset).unwrap();
            let mut table = Table::new(1 << 14).unwrap();
            let mut staged = vec![0u8; value_offset as usize];
            for byte in offset..offset + size {
                staged[byte as usize] = 0x80;
                table.update(&aggregation, &staged, 0, 1);
                staged[byte as usize] = 0;
            }
            let record = aggregation.size() as usize;
            assert_eq!(table.data().len() / record, size as usize, "{size} bytes at {offset}");
            for (byte, found) in table.data().chunks_exact(record).enumerate() {
                assert_eq!(found[offset as usize + byte], 0x80);
            }
        }
    }
}

#[test]
fn of_a_string_what_is_before_its_nul_counts() {
    for size in [1, 3, 8, 10, 16, 23, 256] {
        let value_offset = (16 + size as u32).next_multiple_of(8);
        let keys = [VARIABLE, Key { offset: 16, size: size as u32, string: true }];
        let aggregation = Aggregation::new(1, Function::Count, &keys, value_offset).unwrap();
        let mut table = Table::new(1 << 18).unwrap();
        let lengths = 0..=size;
        for rubbish in [0x01, 0xff, 0x80] {
            for len in lengths.clone() {
                let mut staged = vec![rubbish; value_offset as usize];
                staged[8..16].fill(0);
                staged[16..16 + len].fill(b'x');
                if len < size {
                    staged[16 + len] = 0;
                }
                table.update(&aggregation, &staged, 0, 1);
            }
        }
        let records: Vec<&[u8]> = table.data().chunks_exact(aggregation.size() as usize).collect();
        assert_eq!(records.len(), size + 1, "strings of up to {size} bytes");
        for (len, record) in records.iter().enumerate() {
            let mut text = vec![0; size];
            text[..len].fill(b'x');
            assert_eq!(record[16..16 + size], text);
            assert_eq!(words(&record[value_offset as usize..]), [3]);
        }
    }
}

#[test]
fn many_keys_are_counted_like_a_map_counts_them() {
    let keys = [VARIABLE, Key { offset: 16, size: 8, string: false }];
    let aggregation = Aggregation::new(3, Function::Sum, &keys, 24).unwrap();
    let mut table = Table::new(1 << 20).unwrap();
    let mut expected = HashMap::new();
    let mut random = 88172645463325252u64;
    let mut staged = [0u8; 24];
    for _ in 0..if cfg!(miri) { 1_000 } else { 200_000 } {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let key = random % if cfg!(miri) { 100 } else { 10_000 };
        staged[16..].copy_from_slice(&key.to_ne_bytes());
        table.update(&aggregation, &staged, random as i64, 1);
        let sum: &mut u64 = expected.entry(key).or_default();
        *sum = sum.wrapping_add(random);
    }
    assert_eq!(table.counts().drops, 0);
    let found: HashMap<u64, u64> =
        words(table.data()).chunks_exact(4).map(|record| (record[2], record[3])).collect();
    assert_eq!(found, expected);
}

#[test]
fn without_room_new_keys_are_dropped_and_known_ones_go_on() {
    let keys = [VARIABLE, Key { offset: 16, size: 8, string: false }];
    let aggregation = Aggregation::new(3, Function::Count, &keys, 24).unwrap();
    let sizes = [0, 8, 64, 100, 1024, 5000, 1 << 16];
    // The largest takes the most keys.
    for &size in sizes.iter().take(if cfg!(miri) { 5 } else { 7 }) {
        let mut table = Table::new(size).unwrap();
        let mut staged = [0u8; 24];
        let tries = if cfg!(miri) { 50u64 } else { 4000 };
        for round in 0..2 {
            for key in 0..tries {
                staged[16..].copy_from_slice(&key.to_ne_bytes());
                table.update(&aggregation, &staged, 0, 1);
            }
            let held = (table.data().len() / 32) as u64;
            assert!(table.data().len() <= size);
            assert!(held as usize >= size / 64, "{held} records in {size} bytes");
            assert_eq!(table.counts().drops, (tries - held) * (round + 1));
        }
        assert!(words(table.data()).chunks_exact(4).all(|record| record[3] == 2));
        table.reset();
        assert!(table.data().is_empty() && table.counts().drops == 0);
        table.update(&aggregation, &staged, 0, 1);
        assert_eq!(table.data().len(), if size < 64 { 0 } else { 32 });
    }
}

#[test]
fn a_table_is_zeroed_for_each_new_record() {
    let mut table = Table::new(1 << 12).unwrap();
    let aggregation = Aggregation::new(1, Function::Quantize, &[VARIABLE], 16).unwrap();
    for _ in 0..3 {
        table.update(&aggregation, &[0xff; 16], 1, 1);
        assert_eq!(counters(&words(table.data())), [(0, 1), (1, u64::MAX), (2 + 64, 1)]);
        table.reset();
    }
}

#[test]
fn staging_that_is_too_short_is_a_drop() {
    let mut table = Table::new(1 << 12).unwrap();
    let aggregation = Aggregation::new(1, Function::Count, &[VARIABLE], 16).unwrap();
    table.update(&aggregation, &[0; 15], 0, 1);
    assert!(table.data().is_empty());
    assert_eq!(table.counts().drops, 1);
}

#[test]
fn one_id_with_two_layouts_mixes_nothing_up() {
    let short = Aggregation::new(1, Function::Count, &[VARIABLE], 16).unwrap();
    let keys = [VARIABLE, Key { offset: 16, size: 2048, string: false }];
    let long = Aggregation::new(1, Function::Count, &keys, 16 + 2048).unwrap();
    let mut table = Table::new(1 << 12).unwrap();
    table.update(&short, &[0; 16], 0, 1);
    table.update(&long, &[0; 16 + 2048], 0, 1);
    table.update(&short, &[0; 16], 0, 1);
    assert_eq!(words(&table.data()[..24]), [1, 0, 2]);
}

#[test]
fn layouts_that_overlap_or_stick_out_are_refused() {
    let new =
        |id, keys: &[Key], value_offset| Aggregation::new(id, Function::Count, keys, value_offset).err();
    let layout = Some(AggregationError::Layout);
    let key = |offset, size| Key { offset, size, string: false };
    assert_eq!(new(1, &[], 8), None);
    assert_eq!(new(0, &[], 8), layout);
    assert_eq!(new(1, &[], 0), layout);
    assert_eq!(new(1, &[], 12), layout);
    assert_eq!(new(1, &[key(4, 4)], 8), None);
    assert_eq!(new(1, &[key(3, 4)], 8), layout);
    assert_eq!(new(1, &[key(4, 5)], 8), layout);
    assert_eq!(new(1, &[key(u32::MAX, 8)], 8), layout);
    assert_eq!(new(1, &[], u32::MAX - 7), layout);
}
