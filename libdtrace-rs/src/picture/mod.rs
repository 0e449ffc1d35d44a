//! Aggregations as pictures for people to look at: SVG files that need nothing beside themselves.
//!
//! A picture is a function of what was aggregated: the same data make the same file, to the byte. What a shape stands for is in
//! its title, which viewers show where the pointer rests.

pub mod flame;
pub mod heat;
mod svg;

use dtrace_abi::{action, option};

use crate::consume::Context;
use crate::consume::aggregate::Key;
use crate::consume::bytes::{self, Style};
use crate::consume::stack;

/// A part of a key, no stack, in one line.
fn key_text(key: &Key, data: &[u8], context: &Context<'_>) -> String {
    let kind = u32::from(key.record.action);
    if matches!(kind, action::SYM | action::MOD | action::USYM | action::UMOD | action::UADDR) {
        return stack::place(kind, data, context.symbols);
    }
    let style = Style { quiet: true, raw: context.options.is_on(option::RAWBYTES), width: 0 };
    let mut text = Vec::new();
    match bytes::value(&mut text, data, key.string, style) {
        Ok(()) => String::from_utf8_lossy(&text).trim().replace('\n', " "),
        Err(_) => String::new(),
    }
}
