//! The aggregations (contract 2.5): their kinds, their packed arguments, and the buckets of the distributions.
//!
//! The driver counts into buckets and the consumer prints them; both take from here which bucket a value is in.

use crate::action::AGGREGATION;

/// How often.
pub const COUNT: u32 = AGGREGATION + 1;
/// The smallest value.
pub const MIN: u32 = AGGREGATION + 2;
/// The greatest value.
pub const MAX: u32 = AGGREGATION + 3;
/// The mean: count and sum.
pub const AVG: u32 = AGGREGATION + 4;
/// The sum.
pub const SUM: u32 = AGGREGATION + 5;
/// The standard deviation: count, sum, and a sum of squares of 128 bits.
pub const STDDEV: u32 = AGGREGATION + 6;
/// Distribution over powers of two.
pub const QUANTIZE: u32 = AGGREGATION + 7;
/// Distribution over equal steps.
pub const LQUANTIZE: u32 = AGGREGATION + 8;
/// Distribution over equal steps within powers.
pub const LLQUANTIZE: u32 = AGGREGATION + 9;

/// Buckets of a power-of-two distribution.
pub const QUANTIZE_NBUCKETS: usize = 127;
/// The bucket of the value zero.
pub const QUANTIZE_ZEROBUCKET: usize = 63;

/// Where the step stands in the argument of `lquantize`.
pub const LQUANTIZE_STEPSHIFT: u32 = 48;
/// Where the number of levels stands.
pub const LQUANTIZE_LEVELSHIFT: u32 = 32;
/// Where the base stands.
pub const LQUANTIZE_BASESHIFT: u32 = 0;

/// Where the factor stands in the argument of `llquantize`.
pub const LLQUANTIZE_FACTORSHIFT: u32 = 48;
/// Where the lowest magnitude stands.
pub const LLQUANTIZE_LOWSHIFT: u32 = 32;
/// Where the highest magnitude stands.
pub const LLQUANTIZE_HIGHSHIFT: u32 = 16;
/// Where the number of steps stands.
pub const LLQUANTIZE_NSTEPSHIFT: u32 = 0;

/// The bucket of `value` in a `quantize`: zero has its own, each further one holds twice the values of the one before.
#[must_use]
pub const fn quantize_bucket(value: i64) -> usize {
    match value {
        0 => QUANTIZE_ZEROBUCKET,
        1.. => QUANTIZE_ZEROBUCKET + 1 + value.ilog2() as usize,
        _ => (QUANTIZE_ZEROBUCKET - 1).saturating_sub(value.unsigned_abs().ilog2() as usize),
    }
}

/// The value of a `quantize` bucket that is nearest to zero: what the consumer prints beside it.
#[must_use]
pub const fn quantize_value(bucket: usize) -> i64 {
    if bucket < QUANTIZE_ZEROBUCKET {
        -(1 << (QUANTIZE_ZEROBUCKET - 1 - bucket))
    } else if bucket == QUANTIZE_ZEROBUCKET {
        0
    } else {
        1 << (bucket - QUANTIZE_ZEROBUCKET - 1)
    }
}

/// The argument of `lquantize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LquantizeArg {
    /// The lower end of the first level.
    pub base: i32,
    /// The width of a level.
    pub step: u16,
    /// How many levels.
    pub levels: u16,
}

impl LquantizeArg {
    /// The argument as one word.
    #[must_use]
    pub const fn pack(self) -> u64 {
        (self.step as u64) << LQUANTIZE_STEPSHIFT
            | (self.levels as u64) << LQUANTIZE_LEVELSHIFT
            | (self.base as u32 as u64) << LQUANTIZE_BASESHIFT
    }

    /// The argument in a word.
    #[must_use]
    pub const fn unpack(arg: u64) -> Self {
        Self {
            base: (arg >> LQUANTIZE_BASESHIFT) as u32 as i32,
            step: (arg >> LQUANTIZE_STEPSHIFT) as u16,
            levels: (arg >> LQUANTIZE_LEVELSHIFT) as u16,
        }
    }

    /// Counters: the levels, with one for what is below them in front and one for what is above them behind.
    #[must_use]
    pub const fn nbuckets(self) -> usize {
        self.levels as usize + 2
    }

    /// The counter of `value`. A step of zero, which no driver lets in, counts everything as above.
    #[must_use]
    pub const fn bucket(self, value: i64) -> usize {
        if value < self.base as i64 {
            return 0;
        }
        // The difference is not negative, and fits 64 bits without a sign even where it overflows 63.
        let above = (value as u64).wrapping_sub(self.base as i64 as u64);
        match above.checked_div(self.step as u64) {
            Some(level) if level < self.levels as u64 => level as usize + 1,
            _ => self.levels as usize + 1,
        }
    }
}

/// The argument of `llquantize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LlquantizeArg {
    /// The ratio of a magnitude to the one below it.
    pub factor: u16,
    /// The exponent of the lowest magnitude.
    pub low: u16,
    /// The exponent of the highest magnitude.
    pub high: u16,
    /// Steps in a magnitude.
    pub nsteps: u16,
}

impl LlquantizeArg {
    /// The argument as one word.
    #[must_use]
    pub const fn pack(self) -> u64 {
        (self.factor as u64) << LLQUANTIZE_FACTORSHIFT
            | (self.low as u64) << LLQUANTIZE_LOWSHIFT
            | (self.high as u64) << LLQUANTIZE_HIGHSHIFT
            | (self.nsteps as u64) << LLQUANTIZE_NSTEPSHIFT
    }

    /// The argument in a word.
    #[must_use]
    pub const fn unpack(arg: u64) -> Self {
        Self {
            factor: (arg >> LLQUANTIZE_FACTORSHIFT) as u16,
            low: (arg >> LLQUANTIZE_LOWSHIFT) as u16,
            high: (arg >> LLQUANTIZE_HIGHSHIFT) as u16,
            nsteps: (arg >> LLQUANTIZE_NSTEPSHIFT) as u16,
        }
    }

    /// The magnitudes, from the lowest on: those whose ends fit a word. `None` if none begins in one.
    #[must_use]
    pub const fn magnitudes(self) -> Option<Magnitudes> {
        let factor = self.factor as u64;
        let (count, nsteps) = ((self.high as u32 + 1).saturating_sub(self.low as u32), self.nsteps as u64);
        match factor.checked_pow(self.low as u32) {
            Some(lowest) => Some(Magnitudes { lowest, count, factor, nsteps }),
            None => None,
        }
    }
}

/// A magnitude of `llquantize`: from one power of the factor to the next, in equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Magnitude {
    /// Where it begins.
    pub lower: u64,
    /// Where the next one begins.
    pub upper: u64,
    /// The width of a step: a `nsteps`th part of the upper end, but at least 1.
    pub step: u64,
}

impl Magnitude {
    /// How many steps begin in it before this value.
    #[must_use]
    pub const fn steps_to(self, value: u64) -> u64 {
        // A step is never 0.
        match value.saturating_sub(self.lower).checked_div(self.step) {
            Some(steps) => steps,
            None => 0,
        }
    }
}

/// The magnitudes of an `llquantize` that are still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Magnitudes {
    lowest: u64,
    count: u32,
    factor: u64,
    nsteps: u64,
}

impl Magnitudes {
    /// Where the first of them begins; behind the last, where that ends.
    #[must_use]
    pub const fn lowest(self) -> u64 {
        self.lowest
    }

    /// The first of them, and the others.
    #[inline]
    #[must_use]
    pub const fn split_first(self) -> Option<(Magnitude, Magnitudes)> {
        let (lower, factor) = (self.lowest, self.factor);
        let (Some(count), Some(upper)) = (self.count.checked_sub(1), lower.checked_mul(factor)) else {
            return None;
        };
        let step = match upper.checked_div(self.nsteps) {
            Some(step) if step > 0 => step,
            _ => 1,
        };
        Some((Magnitude { lower, upper, step }, Magnitudes { lowest: upper, count, ..self }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantize_bucket_holds_the_values_from_its_own_up_to_the_next_ones() {
        assert_eq!(quantize_bucket(0), 63);
        assert_eq!(quantize_bucket(1), 64);
        assert_eq!(quantize_bucket(-1), 62);
        for bucket in QUANTIZE_ZEROBUCKET + 1..QUANTIZE_NBUCKETS {
            let value = quantize_value(bucket);
            assert_eq!((quantize_bucket(value), quantize_bucket(value - 1)), (bucket, bucket - 1));
        }
        for bucket in 0..QUANTIZE_ZEROBUCKET {
            let value = quantize_value(bucket);
            assert_eq!((quantize_bucket(value), quantize_bucket(value + 1)), (bucket, bucket + 1));
        }
        assert_eq!(quantize_bucket(i64::MAX), QUANTIZE_NBUCKETS - 1);
        assert_eq!(quantize_bucket(i64::MIN), 0);
    }

    #[test]
    fn an_lquantize_argument_is_step_levels_and_a_signed_base() {
        let arg = LquantizeArg { base: -10, step: 5, levels: 4 };
        assert_eq!(arg.pack(), 0x0005_0004_ffff_fff6);
        assert_eq!(LquantizeArg::unpack(arg.pack()), arg);
    }

    #[test]
    fn an_lquantize_counts_below_in_front_and_above_behind() {
        let arg = LquantizeArg { base: -10, step: 5, levels: 4 };
        assert_eq!(arg.nbuckets(), 6);
        let buckets = [-11, -10, -6, -5, 9, 10, i64::MIN, i64::MAX].map(|v| arg.bucket(v));
        assert_eq!(buckets, [0, 1, 1, 2, 4, 5, 0, 5]);
        let none = LquantizeArg { step: 0, ..arg };
        assert_eq!(none.bucket(0), 5);
    }

    #[test]
    fn an_llquantize_argument_is_four_halfwords() {
        let arg = LlquantizeArg { factor: 10, low: 0, high: 6, nsteps: 20 };
        assert_eq!(arg.pack(), 0x000a_0000_0006_0014);
        assert_eq!(LlquantizeArg::unpack(arg.pack()), arg);
    }

    #[test]
    fn magnitudes_end_where_a_word_does() {
        let arg = LlquantizeArg { factor: 10, low: 1, high: 3, nsteps: 20 };
        let all = |arg: LlquantizeArg| {
            let mut rest = arg.magnitudes();
            core::iter::from_fn(move || {
                let (first, others) = rest?.split_first()?;
                rest = Some(others);
                Some(first)
            })
        };
        let widths = all(arg).map(|m| (m.lower, m.upper, m.step, m.steps_to(m.upper)));
        assert!(widths.eq([(10, 100, 5, 18), (100, 1000, 50, 18), (1000, 10_000, 500, 18)]));
        assert_eq!(all(LlquantizeArg { high: 18, ..arg }).last().unwrap().upper, 10_u64.pow(19));
        assert_eq!(all(LlquantizeArg { high: 19, ..arg }).count(), 18);
        assert_eq!(LlquantizeArg { low: 20, high: 21, ..arg }.magnitudes(), None);
        let none = LlquantizeArg { low: 4, ..arg }.magnitudes().unwrap();
        assert_eq!((none.split_first(), none.lowest()), (None, 10_000));
    }
}
