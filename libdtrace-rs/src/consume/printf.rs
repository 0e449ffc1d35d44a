//! Printing by a format: `printf`, `printa` with a format, and what `system` and `freopen` make of theirs.
//!
//! The compiler has worked the signedness of the arguments into the letters ([`codegen`](crate::codegen)), so a
//! conversion and the size of its data say all. Integers of 1 and 2 bytes are shown without a sign, as the original does.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use dtrace_abi::{Plain, action};

use super::bytes::escape;
use super::stack;
use super::time;
use super::value::scalar;
use super::{distribution, histogram};
use crate::error::{Code, Result};
use crate::options::{Options, consumer};
use crate::printf::format::{Amount, Conversion, Flags, Format, Modifier, Part};
use crate::symbols::Symbolizer;

/// A recorded argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a> {
    /// The kind of its action.
    pub kind: u32,
    /// Its action's argument.
    pub arg: u64,
    /// Its data.
    pub data: &'a [u8],
}

/// The value of an aggregation.
#[derive(Clone, Copy, Debug)]
pub struct Aggregated<'a> {
    /// The kind of the aggregation.
    pub kind: u32,
    /// Its data.
    pub data: &'a [u8],
    /// What it is divided by.
    pub normal: i64,
}

/// A conversion whose amounts are known.
struct Layout {
    flags: Flags,
    width: usize,
    precision: Option<usize>,
    modifier: Modifier,
    letter: u8,
}

/// Prints a format with its arguments. Without arguments for a conversion it is [`Code::DataMismatch`].
pub fn print(
    out: &mut dyn Write,
    format: &Format,
    mut arguments: &[Argument<'_>],
    aggregations: &[Aggregated<'_>],
    symbols: &dyn Symbolizer,
    options: &Options,
) -> Result<()> {
    let mut used = 0;
    for part in &format.parts {
        let conversion = match part {
            Part::Literal(text) => {
                out.write_all(text)?;
                continue;
            }
            Part::Conversion(conversion) => conversion,
        };
        let mut next = || {
            let (first, rest) = arguments.split_first().ok_or(Code::DataMismatch)?;
            arguments = rest;
            Ok(*first)
        };
        let layout = layout(conversion, &mut next)?;
        if conversion.flags.aggregation {
            let value = aggregations.get(used).or(aggregations.last()).ok_or(Code::DataMismatch)?;
            used += 1;
            aggregated(out, &layout, value, symbols, options)?;
        } else {
            recorded(out, &layout, next()?, symbols)?;
        }
    }
    Ok(())
}

/// How many of the records from `rest` on a format takes: one for each argument, and one even if there is none.
pub fn records(format: &Format) -> usize {
    format.conversions().map(Conversion::arguments).sum::<usize>().max(1)
}

fn layout<'a>(conversion: &Conversion, next: &mut dyn FnMut() -> Result<Argument<'a>>) -> Result<Layout> {
    let mut flags = conversion.flags;
    let mut amount = |amount: Option<Amount>| -> Result<Option<i64>> {
        Ok(match amount {
            None => None,
            Some(Amount::Fixed(n)) => Some(i64::from(n)),
            Some(Amount::Argument) => Some(signed(next()?.data)?.clamp(-65535, 65535)),
        })
    };
    let width = amount(conversion.width)?.unwrap_or(0);
    // A negative width is a flag and a width, a negative precision is none, as in C; and so is a precision of 0.
    flags.left |= width < 0;
    let precision = amount(conversion.precision)?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n != 0);
    let width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
    Ok(Layout { flags, width, precision, modifier: conversion.modifier, letter: conversion.letter })
}

/// The value of an integer with its sign. (A format has `%u` where an argument has none.)
fn signed(data: &[u8]) -> Result<i64> {
    match data.len() {
        1 => Some(i64::from(data[0].cast_signed())),
        2 => i16::from_bytes(data).map(i64::from),
        4 => i32::from_bytes(data).map(i64::from),
        _ => return unsigned(data).map(u64::cast_signed),
    }
    .ok_or_else(|| Code::DataMismatch.into())
}

/// The value of an integer without a sign.
fn unsigned(data: &[u8]) -> Result<u64> {
    match data.len() {
        1 => Some(u64::from(data[0])),
        2 => u16::from_bytes(data).map(u64::from),
        4 => u32::from_bytes(data).map(u64::from),
        8 => u64::from_bytes(data),
        _ => None,
    }
    .ok_or_else(|| Code::DataMismatch.into())
}

fn text(data: &[u8]) -> &[u8] {
    &data[..data.iter().position(|&b| b == 0).unwrap_or(data.len())]
}

fn recorded(
    out: &mut dyn Write,
    layout: &Layout,
    argument: Argument<'_>,
    symbols: &dyn Symbolizer,
) -> Result<()> {
    let data = argument.data;
    match argument.kind {
        action::STACK => {
            return Ok(stack::kernel(out, data, layout.width, symbols)?);
        }
        action::USTACK | action::JSTACK => {
            return Ok(stack::user(out, data, argument.arg, layout.width, symbols)?);
        }
        action::SYM | action::MOD | action::USYM | action::UMOD | action::UADDR => {
            return pad(out, layout, stack::place(argument.kind, data, symbols).as_bytes());
        }
        _ => {}
    }
    match layout.letter {
        b'd' | b'i' => number(out, layout, signed(data)?),
        b'o' | b'u' | b'x' | b'X' | b'p' => natural(out, layout, unsigned(data)?),
        b'c' | b'C' => character(out, layout, data),
        b's' if layout.modifier == Modifier::Wide => {
            let wide = data.chunks_exact(4).filter_map(u32::from_bytes).take_while(|&c| c != 0);
            string(out, layout, wide.filter_map(char::from_u32).collect::<String>().as_bytes())
        }
        b's' | b'I' => string(out, layout, text(data)),
        b'S' => string(out, layout, &escape(text(data))),
        b'Y' => string(out, layout, time::calendar(signed(data)?).as_bytes()),
        b'T' => string(out, layout, time::stamp(signed(data)?).as_bytes()),
        b'P' => string(out, layout, port(unsigned(data)? as u16).as_bytes()),
        b'a' | b'A' | b'k' => {
            let address = unsigned(data)?;
            let shown = symbols.kernel(address).map_or_else(|| format!("0x{address:x}"), |p| p.to_string());
            pad(out, layout, shown.as_bytes())
        }
        b'e' | b'E' | b'f' | b'g' | b'G' => float(out, layout, data),
        _ => Err(Code::NoConversion.into()),
    }
}

fn aggregated(
    out: &mut dyn Write,
    layout: &Layout,
    value: &Aggregated<'_>,
    symbols: &dyn Symbolizer,
    options: &Options,
) -> Result<()> {
    let Aggregated { kind, data, normal } = *value;
    if histogram::is_distribution(kind) {
        if options.is_on(consumer::AGGPACK) {
            return histogram::single(out, kind, data, normal, options);
        }
        return Ok(distribution::print(out, kind, data, normal, options.is_on(consumer::AGGZOOM))?);
    }
    // What is no distribution is a number, and printed as one that was recorded.
    let data = scalar(kind, data, normal).to_ne_bytes();
    recorded(out, layout, Argument { kind: action::PRINTF, arg: 0, data: &data }, symbols)
}

fn number(out: &mut dyn Write, layout: &Layout, value: i64) -> Result<()> {
    let sign = match value {
        ..0 => "-",
        _ if layout.flags.plus => "+",
        _ if layout.flags.space => " ",
        _ => "",
    };
    digits(out, layout, sign, &value.unsigned_abs().to_string())
}

fn natural(out: &mut dyn Write, layout: &Layout, value: u64) -> Result<()> {
    let shown = match layout.letter {
        b'o' if layout.flags.alternate && value != 0 => format!("0{value:o}"),
        b'o' => format!("{value:o}"),
        b'X' => format!("{value:X}"),
        b'x' | b'p' => format!("{value:x}"),
        _ => value.to_string(),
    };
    let prefix = match layout.letter {
        b'x' if layout.flags.alternate && value != 0 => "0x",
        b'X' if layout.flags.alternate && value != 0 => "0X",
        _ => "",
    };
    digits(out, layout, prefix, &shown)
}

/// Digits with a prefix: the precision is the least number of digits, and zeros fill the width if there is none.
fn digits(out: &mut dyn Write, layout: &Layout, prefix: &str, digits: &str) -> Result<()> {
    let least = match layout.precision {
        Some(precision) => precision,
        None if layout.flags.zero && !layout.flags.left => layout.width.saturating_sub(prefix.len()),
        None => 0,
    };
    pad(out, layout, format!("{prefix}{digits:0>least$}").as_bytes())
}

fn character(out: &mut dyn Write, layout: &Layout, data: &[u8]) -> Result<()> {
    let value = unsigned(data)?;
    let byte = value as u8;
    if layout.letter == b'C' {
        return pad(out, layout, &escape(&[byte]));
    }
    let wide = matches!(layout.modifier, Modifier::Long | Modifier::Wide);
    match u32::try_from(value).ok().and_then(char::from_u32) {
        Some(c) if wide => pad(out, layout, c.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => pad(out, layout, &[byte]),
    }
}

fn string(out: &mut dyn Write, layout: &Layout, text: &[u8]) -> Result<()> {
    let shown = layout.precision.map_or(text, |n| &text[..n.min(text.len())]);
    pad(out, layout, shown)
}

fn pad(out: &mut dyn Write, layout: &Layout, text: &[u8]) -> Result<()> {
    let fill = layout.width.saturating_sub(text.len());
    if !layout.flags.left {
        write!(out, "{:fill$}", "")?;
    }
    out.write_all(text)?;
    if layout.flags.left {
        write!(out, "{:fill$}", "")?;
    }
    Ok(())
}

/// The name of the service at a port in network order; the number as it is if it has no name.
fn port(network: u16) -> String {
    /// The services of this machine, as they were when the first was asked for.
    static SERVICES: LazyLock<HashMap<u16, String>> =
        LazyLock::new(|| services(&std::fs::read_to_string("/etc/services").unwrap_or_default()));
    SERVICES.get(&u16::from_be(network)).cloned().unwrap_or_else(|| network.to_string())
}

/// The first name of each port.
fn services(text: &str) -> HashMap<u16, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (Some(name), Some(place)) = (fields.next(), fields.next()) else { continue };
        if let Some(port) = place.split('/').next().and_then(|port| port.parse().ok()) {
            names.entry(port).or_insert_with(|| name.to_string());
        }
    }
    names
}

fn float(out: &mut dyn Write, layout: &Layout, data: &[u8]) -> Result<()> {
    let value = match data.len() {
        4 => u32::from_bytes(data).map(|bits| f64::from(f32::from_bits(bits))),
        8 => u64::from_bytes(data).map(f64::from_bits),
        _ => None,
    }
    .ok_or(Code::DataMismatch)?;
    let sign = if value.is_sign_negative() {
        "-"
    } else if layout.flags.plus {
        "+"
    } else if layout.flags.space {
        " "
    } else {
        ""
    };
    let precision = layout.precision.unwrap_or(6);
    let upper = layout.letter.is_ascii_uppercase();
    let magnitude = value.abs();
    let shown = if !magnitude.is_finite() {
        if magnitude.is_nan() { "nan".to_string() } else { "inf".to_string() }
    } else {
        match layout.letter.to_ascii_lowercase() {
            b'f' => format!("{magnitude:.precision$}"),
            b'e' => exponent(magnitude, precision),
            _ => shortest(magnitude, precision.max(1), layout.flags.alternate),
        }
    };
    let shown = if upper { shown.to_uppercase() } else { shown };
    let least = if layout.flags.zero && !layout.flags.left && magnitude.is_finite() {
        layout.width.saturating_sub(sign.len())
    } else {
        0
    };
    pad(out, layout, format!("{sign}{shown:0>least$}").as_bytes())
}

/// C's `%e`: at least two digits of exponent, with a sign.
fn exponent(value: f64, precision: usize) -> String {
    let shown = format!("{value:.precision$e}");
    let (mantissa, power) = shown.split_once('e').unwrap_or((&shown, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// C's `%g`: `%e` for small and large exponents, else `%f`, without the zeros at the end.
fn shortest(value: f64, precision: usize, keep: bool) -> String {
    let scientific = exponent(value, precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, p)| p.parse().ok()).unwrap_or(0);
    let strip = |text: &str| {
        if keep || !text.contains('.') {
            text.to_string()
        } else {
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        }
    };
    if power < -4 || power >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
        return format!("{}e{power}", strip(mantissa));
    }
    let decimals = usize::try_from(i32::try_from(precision).unwrap_or(i32::MAX) - 1 - power).unwrap_or(0);
    strip(&format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use dtrace_abi::agg;

    use super::*;
    use crate::symbols::Place;

    struct Nobody;

    impl Symbolizer for Nobody {
        fn kernel(&self, address: u64) -> Option<Place> {
            (address == 0x1001).then(|| Place {
                object: "kernel".into(),
                symbol: Some(("f".into(), 1)),
                address,
            })
        }

        fn user(&self, _: u32, _: u64) -> Option<Place> {
            None
        }
    }

    fn printf(format: &str, arguments: &[&[u8]]) -> String {
        let arguments: Vec<_> =
            arguments.iter().map(|data| Argument { kind: action::PRINTF, arg: 0, data }).collect();
        let mut out = Vec::new();
        print(
            &mut out,
            &Format::parse(format.as_bytes()).unwrap(),
            &arguments,
            &[],
            &Nobody,
            &Options::default(),
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    fn int(value: i32) -> [u8; 4] {
        value.to_ne_bytes()
    }

    fn long(value: i64) -> [u8; 8] {
        value.to_ne_bytes()
    }

    #[test]
    fn integers_are_printed_as_in_c() {
        let cases: &[(&str, i32, &str)] = &[
            ("%5d", 1, "    1"),
            ("%-5d", 2, "2    "),
            ("%05d", 3, "00003"),
            ("%+d", 4, "+4"),
            ("% d", 5, " 5"),
            ("%X", 255, "FF"),
            ("%#x", 255, "0xff"),
            ("%#X", 255, "0XFF"),
            ("%#o", 8, "010"),
            ("%5.3d", 7, "  007"),
            ("%-8.4x|", 255, "00ff    |"),
            ("%08d", -42, "-0000042"),
            ("%+05d", 4, "+0004"),
            ("%#05x", 7, "0x007"),
            ("%.0d", 0, "0"),
            ("%u", -1, "4294967295"),
        ];
        for &(format, value, want) in cases {
            assert_eq!(printf(format, &[&int(value)]), want, "{format}");
        }
        assert_eq!(printf("%lld %llx", &[&long(-1), &long(-1)]), "-1 ffffffffffffffff");
    }

    #[test]
    fn small_integers_have_a_sign_too() {
        assert_eq!(printf("%d %i", &[&[0xff], &(-2i16).to_ne_bytes()]), "-1 -2");
        assert_eq!(printf("%u %x", &[&[0xff], &(-2i16).to_ne_bytes()]), "255 fffe");
    }

    #[test]
    fn stars_take_their_amounts_from_the_arguments() {
        let amounts = [&int(5)[..], &int(1), &int(-5), &int(3), &int(3), &int(4)];
        assert_eq!(printf("%*d|%*d|%.*d|", &amounts), "    1|3    |004|");
    }

    #[test]
    fn strings_end_at_their_nul_and_at_the_precision() {
        assert_eq!(
            printf("%s|%10s|%-5s|%.2s", &[b"abc\0x", b"abc\0", b"ab\0", b"abc\0"]),
            "abc|       abc|ab   |ab"
        );
        assert_eq!(printf("%S", &[b"a\n\x01\0"]), "a\\n\\001");
    }

    #[test]
    fn characters_are_bytes_or_escapes() {
        assert_eq!(printf("%c|%5c|%-3c|", &[&int(65), &int(66), &int(67)]), "A|    B|C  |");
        assert_eq!(printf("%C %5C", &[&int(10), &int(7)]), "\\n    \\a");
    }

    #[test]
    fn addresses_are_looked_up() {
        assert_eq!(printf("%a %12a", &[&long(0x1001), &long(0x10)]), "kernel`f+0x1         0x10");
    }

    #[test]
    fn floating_point_numbers_are_printed_as_in_c() {
        let double = |v: f64| v.to_bits().to_ne_bytes();
        assert_eq!(
            printf("%f %e %g", &[&double(1.5), &double(12345.0), &double(0.0001)]),
            "1.500000 1.234500e+04 0.0001"
        );
        assert_eq!(
            printf("%g %g %.2f", &[&double(1e10), &double(100_000.0), &double(-2.345)]),
            "1e+10 100000 -2.35"
        );
    }

    #[test]
    fn aggregations_fill_their_conversions_and_the_last_is_repeated() {
        let value = |n: &'static [u8; 8]| Aggregated { kind: agg::COUNT, data: n, normal: 1 };
        let (a, b) = (value(&[3, 0, 0, 0, 0, 0, 0, 0]), value(&[4, 0, 0, 0, 0, 0, 0, 0]));
        let key = Argument { kind: action::DIFEXPR, arg: 0, data: b"bash\0" };
        let mut out = Vec::new();
        let format = Format::parse(b"%s %@d %@5d %-@3d|").unwrap();
        print(&mut out, &format, &[key], &[a, b], &Nobody, &Options::default()).unwrap();
        assert_eq!(out, b"bash 3     4 4  |");
    }

    #[test]
    fn a_missing_argument_is_an_error() {
        let format = Format::parse(b"%d").unwrap();
        let error = print(&mut Vec::new(), &format, &[], &[], &Nobody, &Options::default()).unwrap_err();
        assert_eq!(error, Code::DataMismatch.into());
    }

    #[test]
    fn a_format_takes_a_record_for_each_argument_and_one_if_there_is_none() {
        assert_eq!(records(&Format::parse(b"text").unwrap()), 1);
        assert_eq!(records(&Format::parse(b"%*d %s").unwrap()), 3);
    }
}
