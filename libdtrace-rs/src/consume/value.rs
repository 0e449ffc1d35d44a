//! Arithmetic on the values of aggregations (contract 2.6).

use dtrace_abi::agg;

use super::distribution;

/// The number that an aggregation without buckets has come to.
pub fn scalar(kind: u32, data: &[u8], normal: i64) -> i64 {
    let words = distribution::words(data);
    let normal = if normal == 0 { 1 } else { normal };
    match kind {
        agg::AVG => average(&words, normal),
        agg::STDDEV => deviation(&words, normal),
        _ => words.first().copied().unwrap_or(0).wrapping_div(normal),
    }
}

/// The mean of an `avg`: count and sum.
pub fn average(words: &[i64], normal: i64) -> i64 {
    let (count, sum) = (words.first().copied().unwrap_or(0), words.get(1).copied().unwrap_or(0));
    if count == 0 { 0 } else { sum.wrapping_div(normal).wrapping_div(count) }
}

/// The standard deviation: the root of the mean of the squares less the square of the mean. The words are the count, the sum,
/// and the sum of the squares in two words, the lower one first.
pub fn deviation(words: &[i64], normal: i64) -> i64 {
    let word = |n: usize| words.get(n).copied().unwrap_or(0);
    let count = word(0).unsigned_abs();
    if count == 0 {
        return 0;
    }
    let squares = u128::from(word(3).cast_unsigned()) << 64 | u128::from(word(2).cast_unsigned());
    let normal_squared = u128::from(normal.unsigned_abs()).pow(2).max(1);
    let mean_of_squares = squares / normal_squared / u128::from(count);
    let mean = u128::from(average(words, normal).unsigned_abs());
    i64::try_from(mean_of_squares.saturating_sub(mean * mean).isqrt()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_the_sum_through_the_count() {
        assert_eq!(average(&[5, 31], 1), 6);
        assert_eq!(average(&[10, 1000], 10), 10);
        assert_eq!(average(&[0, 0], 1), 0);
        assert_eq!(average(&[2, -7], 1), -3);
    }

    #[test]
    fn a_deviation_is_computed_in_128_bits() {
        assert_eq!(deviation(&[3, 40, 600, 0], 1), 5);
        assert_eq!(deviation(&[2, 255, 40000, 0], 1), 62);
        assert_eq!(deviation(&[1, 1 << 40, 0, 1 << 16], 1), 0);
        assert_eq!(deviation(&[0, 0, 0, 0], 1), 0);
    }
}
