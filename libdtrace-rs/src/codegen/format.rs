//! Formats: the length of each conversion follows the type of its argument, not what the program wrote.
//!
//! D's `%d` prints any integer. So a format travels with the lengths and the signedness of its arguments worked into it:
//! `%d` of a 64-bit unsigned argument becomes `%llu`. The consumer then formats by the text alone.

use dtrace_abi::agg;

use crate::program::Aggregation;
use crate::types::{TypeId, Types};

/// What a conversion takes.
#[derive(Clone, Copy)]
enum Argument {
    /// An integer: bytes, and whether it is signed.
    Integer(u64, bool),
    Other,
}

/// A format for arguments of these types, and for these aggregations at its `%@` conversions. A width or precision of `*`
/// takes an argument of its own.
pub fn normalize(format: &str, types: &Types, args: &[TypeId], aggregations: &[&Aggregation]) -> String {
    let mut args = args.iter().map(|&ty| argument(types, ty));
    let mut used = 0;
    let mut out = String::with_capacity(format.len() + 8);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let flags =
            rest.find(|c| !matches!(c, '#' | '-' | '+' | ' ' | '0' | '\'' | '@')).unwrap_or(rest.len());
        let width = rest[flags..].find(|c: char| !matches!(c, '*' | '.') && !c.is_ascii_digit());
        let size = flags + width.unwrap_or(rest.len() - flags);
        let conversion = rest[size..].find(|c| !matches!(c, 'h' | 'l' | 'L' | 'q' | 'w')).map(|n| size + n);
        out.push_str(&rest[..size]);
        for _ in rest[..size].matches('*') {
            args.next();
        }
        let Some((at, letter)) = conversion.and_then(|at| rest[at..].chars().next().map(|c| (at, c))) else {
            rest = &rest[size..];
            break;
        };
        if letter == '%' {
            out.push_str(&rest[size..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        let argument = if rest[..flags].contains('@') {
            let found = aggregations.get(used).or(aggregations.last());
            used += 1;
            found.map_or(Argument::Other, |a| Argument::Integer(8, a.kind != agg::COUNT))
        } else {
            args.next().unwrap_or(Argument::Other)
        };
        match argument {
            Argument::Integer(bytes, signed) if "diouxXp".contains(letter) => {
                if bytes == 8 {
                    out.push_str("ll");
                }
                out.push(match letter {
                    'd' | 'i' if !signed => 'u',
                    'p' => 'x',
                    letter => letter,
                });
            }
            _ => out.push_str(&rest[size..at + letter.len_utf8()]),
        }
        rest = &rest[at + letter.len_utf8()..];
    }
    out.push_str(rest);
    out
}

fn argument(types: &Types, ty: TypeId) -> Argument {
    if types.is_pointer(ty) {
        return Argument::Integer(8, false);
    }
    match types.int_format(ty) {
        Some(format) => Argument::Integer(types.size(ty).unwrap_or(8), format.signed),
        None => Argument::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_arguments() {
        let t = Types::with_btf_directory("/nonexistent");
        let i = t.intrinsics();
        let check =
            |format: &str, args: &[TypeId], want: &str| assert_eq!(normalize(format, &t, args, &[]), want);
        check("%s %d 0x%x\n", &[i.string, i.pid, i.int64], "%s %d 0x%llx\n");
        check("%d", &[i.uint64], "%llu");
        check("%i", &[i.uint64], "%llu");
        check("%hd", &[i.short], "%d");
        check("%ld", &[i.int64], "%lld");
        check("%d", &[i.unsigned_char], "%u");
        check("%p %p", &[i.int64, i.pid], "%llx %x");
        check("%-*d|%5.3d", &[i.int, i.int64, i.int64], "%-*lld|%5.3lld");
        check("%d%% %Y %a", &[i.pid, i.uint64, i.int64], "%d%% %Y %a");
        check("%", &[], "%");
        check("%5", &[], "%5");
        check("é%dé", &[i.int64], "é%lldé");
    }

    #[test]
    fn an_aggregation_is_signed_unless_it_counts() {
        let t = Types::with_btf_directory("/nonexistent");
        let of = |kind| Aggregation { name: "a".into(), id: 1, kind, keys: [].into() };
        let (count, sum) = (of(agg::COUNT), of(agg::SUM));
        let key = [t.intrinsics().string];
        assert_eq!(normalize("%-20s %@8d %@8d\n", &t, &key, &[&count, &sum]), "%-20s %@8llu %@8lld\n");
        assert_eq!(normalize("%s %@x", &t, &key, &[&sum]), "%s %@llx");
    }
}
