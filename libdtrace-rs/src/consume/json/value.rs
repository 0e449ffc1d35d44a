//! Recorded data as JSON: by their type where it is known, by their size where it is not.

use dtrace_abi::Plain;

use super::text::Json;
use crate::consume::aggregate::Entry;
use crate::consume::distribution::{Buckets, words};
use crate::consume::histogram::is_distribution;
use crate::consume::stack::{self, Frame};
use crate::consume::value::scalar;
use crate::symbols::{Place, Symbolizer};
use crate::types::{Kind, Member, TypeId, Types};

/// How deep structures are followed.
const MAX_DEPTH: usize = 64;

/// Data of a type, or of an unknown one. `string` says that it is known to be a D string.
pub(super) fn value(types: &Types, ty: Option<TypeId>, string: bool, data: &[u8]) -> Json {
    match ty {
        _ if string => text(data),
        Some(ty) => typed(types, ty, data, 0),
        None => untyped(data),
    }
}

/// The text up to a NUL.
fn text(data: &[u8]) -> Json {
    let end = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    Json::text_or_bytes(&data[..end])
}

/// Numbers of 1 and 2 bytes have no sign, as where they are printed.
fn untyped(data: &[u8]) -> Json {
    match data.len() {
        1 => Json::Unsigned(data[0].into()),
        2 => Json::Unsigned(integer(data, false).cast_unsigned()),
        4 | 8 => Json::Signed(integer(data, true)),
        _ => Json::bytes(data),
    }
}

fn typed(types: &Types, ty: TypeId, data: &[u8], depth: usize) -> Json {
    if depth > MAX_DEPTH {
        return Json::Null;
    }
    match types.base(ty) {
        Kind::Struct(aggregate) | Kind::Union(aggregate) => {
            let mut members = Vec::new();
            for member in aggregate.members.iter() {
                match self::member(types, member, data, depth + 1) {
                    // The members of one without a name are those of who has it.
                    Json::Object(inner) if member.name.is_empty() => members.extend(inner),
                    value => members.push((member.name.to_string(), value)),
                }
            }
            Json::Object(members)
        }
        Kind::Array { elem, count } => {
            let size = types.size(elem).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            // Unsigned ones are bytes: addresses of hardware, and the like.
            let character =
                matches!(types.base(elem), Kind::Integer { format, .. } if format.character && format.signed);
            if character && size == 1 {
                return text(data);
            }
            if size == 0 {
                return Json::List(Vec::new());
            }
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            data.chunks_exact(size)
                .take(count)
                .map(|e| typed(types, elem, e, depth + 1))
                .collect::<Vec<_>>()
                .into()
        }
        Kind::String => text(data),
        Kind::Enum(enumeration) => Json::Signed(integer(data, enumeration.signed)),
        Kind::Pointer(_) | Kind::Function(_) => Json::Unsigned(integer(data, false).cast_unsigned()),
        Kind::Float { .. } => match data.len() {
            4 => Json::Real(u32::from_bytes(data).map_or(0.0, f32::from_bits).into()),
            8 => Json::Real(u64::from_bytes(data).map_or(0.0, f64::from_bits)),
            _ => Json::bytes(data),
        },
        Kind::Integer { .. } if data.len() <= 8 => number(types, ty, integer(data, is_signed(types, ty))),
        _ => Json::bytes(data),
    }
}

fn is_signed(types: &Types, ty: TypeId) -> bool {
    types.int_format(ty).is_none_or(|format| format.signed)
}

fn number(types: &Types, ty: TypeId, number: i64) -> Json {
    if is_signed(types, ty) { Json::Signed(number) } else { Json::Unsigned(number.cast_unsigned()) }
}

fn member(types: &Types, member: &Member, data: &[u8], depth: usize) -> Json {
    let start = usize::try_from(member.bit_offset / 8).unwrap_or(usize::MAX).min(data.len());
    let Some(width) = member.bit_width else {
        let size = types.size(member.ty).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let end = start.saturating_add(size).min(data.len());
        return typed(types, member.ty, &data[start..end], depth);
    };
    let mut bytes = [0; 16];
    let len = (data.len() - start).min(16);
    bytes[..len].copy_from_slice(&data[start..start + len]);
    let unused = 64 - width.clamp(1, 64);
    let bits = ((u128::from_le_bytes(bytes) >> (member.bit_offset % 8)) as u64) << unused;
    if is_signed(types, member.ty) {
        Json::Signed(bits.cast_signed() >> unused)
    } else {
        Json::Unsigned(bits >> unused)
    }
}

/// The integer in up to eight bytes.
fn integer(data: &[u8], signed: bool) -> i64 {
    let mut bytes = [0; 8];
    let len = data.len().min(8);
    bytes[..len].copy_from_slice(&data[..len]);
    let unused = 64 - 8 * len as u32;
    match i64::from_le_bytes(bytes) {
        value if signed && unused < 64 => value << unused >> unused,
        value => value,
    }
}

/// The value of an entry: a number as it is printed, or buckets.
pub(super) fn aggregated(entry: &Entry) -> Json {
    let kind = entry.description.kind();
    if !is_distribution(kind) {
        return scalar(kind, entry.value(), entry.normal).into();
    }
    let words = words(entry.value());
    let Some(buckets) = Buckets::new(kind, &words) else { return Json::Null };
    let normal = if entry.normal == 0 { 1 } else { entry.normal };
    let filled = buckets.counts.iter().enumerate().filter(|(_, count)| **count != 0);
    let shown = filled.map(|(bucket, &count)| {
        let (from, to) = buckets.bounds(bucket);
        Json::object([("from", from.into()), ("to", to.into()), ("count", count.wrapping_div(normal).into())])
    });
    Json::object([("buckets", Json::List(shown.collect()))])
}

/// A stack of the kernel.
pub(super) fn kernel_stack(data: &[u8], symbols: &dyn Symbolizer) -> Vec<Json> {
    stack::kernel_frames(data).map(|pc| frame(pc, symbols.kernel(pc))).collect()
}

/// A stack of a process: its id and the frames.
pub(super) fn user_stack(data: &[u8], arg: u64, symbols: &dyn Symbolizer) -> (u32, Vec<Json>) {
    let (pid, frames) = stack::user_frames(data, arg);
    let shown = frames.into_iter().map(|Frame { pc, name, note }| {
        let mut shown = frame(pc, symbols.user(pid, pc));
        if let Some(name) = name {
            shown = shown.with("name", name);
        }
        if let Some(note) = note {
            shown = shown.with("note", note);
        }
        shown
    });
    (pid, shown.collect())
}

/// An address with what is known of it.
pub(super) fn frame(address: u64, place: Option<Place>) -> Json {
    let shown = Json::object([("address", address.into())]);
    let Some(place) = place else { return shown };
    let shown = shown.with("object", place.object);
    match place.symbol {
        Some((symbol, offset)) => shown.with("symbol", symbol).with("offset", offset),
        None => shown,
    }
}
