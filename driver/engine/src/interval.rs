//! What the name of a profile probe says: `profile-97`, `tick-5s`, `tick-100ms`, `profile-997hz` (contract 4).
//!
//! A number without a unit, or with `hz`, is a frequency; with a unit of time it is the interval. Both hosts have a
//! `profile` provider; what differs between them is only the timer. The provider's stability is said here, too.

use dtrace_abi::{Attribute, PAttr, class, stability};

/// The manual's stability table (Dynamic Tracing Guide, chapter on the profile provider).
pub const STABILITY: PAttr = PAttr {
    provider: Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON),
    module: Attribute::new(stability::UNSTABLE, stability::UNSTABLE, class::UNKNOWN),
    function: Attribute::new(stability::PRIVATE, stability::PRIVATE, class::UNKNOWN),
    name: Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON),
    args: Attribute::new(stability::EVOLVING, stability::EVOLVING, class::COMMON),
};

/// No interval is shorter: 5,000 firings a second (contract 4).
const SHORTEST: u64 = 200_000;

const SECOND: u64 = 1_000_000_000;

/// The probes of the profile provider that exist unasked (contract 4).
pub const STANDARD: [&str; 13] = [
    "profile-97",
    "profile-199",
    "profile-499",
    "profile-997",
    "profile-1999",
    "profile-4001",
    "profile-4999",
    "tick-1",
    "tick-10",
    "tick-100",
    "tick-500",
    "tick-1000",
    "tick-5000",
];

/// On which CPUs a probe fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On every CPU.
    Profile,
    /// On one.
    Tick,
}

/// Nanoseconds of a unit of time.
fn unit(suffix: &[u8]) -> Option<u64> {
    Some(match suffix {
        b"ns" | b"nsec" => 1,
        b"us" | b"usec" => 1_000,
        b"ms" | b"msec" => 1_000_000,
        b"s" | b"sec" => SECOND,
        b"m" | b"min" => 60 * SECOND,
        b"h" | b"hour" => 3_600 * SECOND,
        b"d" | b"day" => 86_400 * SECOND,
        _ => return None,
    })
}

/// The kind and the interval in nanoseconds, or None if this is no name of a profile probe.
pub fn parse(name: &[u8]) -> Option<(Kind, u64)> {
    let (kind, rest) = if let Some(rest) = name.strip_prefix(b"profile-") {
        (Kind::Profile, rest)
    } else {
        (Kind::Tick, name.strip_prefix(b"tick-")?)
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, suffix) = rest.split_at_checked(digits)?;
    if number.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for digit in number {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    let interval = match suffix {
        b"" | b"hz" => SECOND.checked_div(value)?,
        _ => value.checked_mul(unit(suffix)?)?,
    };
    // The kernel's timers count in signed nanoseconds.
    (interval >= SHORTEST && i64::try_from(interval).is_ok()).then_some((kind, interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_a_frequency() {
        assert_eq!(parse(b"profile-97"), Some((Kind::Profile, 10_309_278)));
        assert_eq!(parse(b"tick-5000"), Some((Kind::Tick, 200_000)));
        assert_eq!(parse(b"profile-997hz"), Some((Kind::Profile, 1_003_009)));
    }

    #[test]
    fn a_unit_makes_it_an_interval() {
        assert_eq!(parse(b"tick-5s"), Some((Kind::Tick, 5 * SECOND)));
        assert_eq!(parse(b"tick-5sec"), Some((Kind::Tick, 5 * SECOND)));
        assert_eq!(parse(b"tick-100ms"), Some((Kind::Tick, 100_000_000)));
        assert_eq!(parse(b"tick-250us"), Some((Kind::Tick, 250_000)));
        assert_eq!(parse(b"tick-1d"), Some((Kind::Tick, 86_400 * SECOND)));
    }

    #[test]
    fn what_fires_too_often_or_is_no_number_is_no_probe() {
        for name in [
            "tick-5001",
            "tick-1us",
            "tick-0",
            "tick-0s",
            "tick-",
            "tick-s",
            "tick-5x",
            "ticks-5",
            "profile-99999999999999999999",
            "tick-999999999d",
        ] {
            assert_eq!(parse(name.as_bytes()), None, "{name}");
        }
    }
}
