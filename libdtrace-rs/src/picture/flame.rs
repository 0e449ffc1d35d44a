//! Flame graphs: aggregations whose keys have stacks.
//!
//! Each frame is a box on the box of who called it, as wide as its part of the whole. From left to right frames stand in the
//! order of their names, so width has a meaning and place has none. Other parts of the key (`execname`, `pid`) are boxes below the
//! stack; of a user stack and a kernel stack in one key the kernel's stands on the user's.

use std::collections::BTreeMap;

use dtrace_abi::action;

use super::key_text;
use super::svg::{Svg, cut};
use crate::consume::Context;
use crate::consume::aggregate::{Entry, Key};
use crate::consume::distribution::{Buckets, words};
use crate::consume::stack::{self, Frame};
use crate::consume::value::scalar;
use crate::symbols::Place;

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A part of a key that is no frame.
    Key,
    /// A frame of a process.
    User,
    /// A frame of the kernel.
    Kernel,
}

/// A stack with its value: what is at the bottom comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The boxes.
    pub frames: Vec<(Kind, String)>,
    /// The value.
    pub value: u64,
}

/// The stacks that are keys of these entries. Entries without a stack are left out, and so are those that have come to
/// nothing or less.
pub fn stacks(entries: &[Entry], context: &Context<'_>) -> Vec<Stack> {
    let has_stack = |entry: &&Entry| entry.description.keys.iter().any(|key| is_stack(kind_of(key)));
    let entries: Vec<&Entry> = entries.iter().filter(has_stack).collect();
    let first = entries.first().map(|entry| entry.description.variable);
    let several = entries.iter().any(|entry| Some(entry.description.variable) != first);
    let of = |entry: &&Entry| {
        let value = u64::try_from(weight(entry)).ok().filter(|&value| value != 0)?;
        let mut frames = Vec::new();
        if several {
            let known = context.statements.aggregation(entry.description.variable);
            frames.push((Kind::Key, format!("@{}", known.map_or("?", |known| &*known.name))));
        }
        let (mut user, mut kernel) = (Vec::new(), Vec::new());
        for key in &entry.description.keys {
            let data = entry.key(key);
            match kind_of(key) {
                action::STACK => kernel.extend(kernel_frames(data, context)),
                action::USTACK | action::JSTACK => user.extend(user_frames(data, key.record.arg, context)),
                _ => frames.push((Kind::Key, key_text(key, data, context))),
            }
        }
        frames.extend(user);
        frames.extend(kernel);
        Some(Stack { frames, value })
    };
    entries.iter().filter_map(of).collect()
}

fn kind_of(key: &Key) -> u32 {
    u32::from(key.record.action)
}

fn is_stack(kind: u32) -> bool {
    matches!(kind, action::STACK | action::USTACK | action::JSTACK)
}

/// The number of an entry; how much a distribution has counted in all.
fn weight(entry: &Entry) -> i64 {
    let kind = entry.description.kind();
    let words = words(entry.value());
    Buckets::new(kind, &words).map_or_else(
        || scalar(kind, entry.value(), entry.normal),
        |buckets| buckets.counts.iter().fold(0, |sum: i64, &count| sum.saturating_add(count)),
    )
}

/// The frames of a kernel stack, the outermost first.
fn kernel_frames(data: &[u8], context: &Context<'_>) -> Vec<(Kind, String)> {
    let frames = stack::kernel_frames(data).map(|pc| (Kind::Kernel, name(pc, context.symbols.kernel(pc))));
    let mut frames: Vec<_> = frames.collect();
    frames.reverse();
    frames
}

fn user_frames(data: &[u8], arg: u64, context: &Context<'_>) -> Vec<(Kind, String)> {
    let (pid, frames) = stack::user_frames(data, arg);
    let of = |Frame { pc, name: known, .. }| {
        (Kind::User, known.unwrap_or_else(|| name(pc, context.symbols.user(pid, pc))))
    };
    frames.into_iter().rev().map(of).collect()
}

/// The function of an address: where in it is nothing to tell apart.
fn name(pc: u64, place: Option<Place>) -> String {
    match place {
        Some(Place { object, symbol: Some((symbol, _)), .. }) => format!("{object}`{symbol}"),
        Some(place) => place.to_string(),
        None => format!("0x{pc:x}"),
    }
}

/// A box and what stands on it.
#[derive(Debug, Default)]
struct Node {
    value: u64,
    above: BTreeMap<(String, Kind), Node>,
}

/// One box after the other: a stack of calls as deep as the boxes would be too deep.
impl Drop for Node {
    fn drop(&mut self) {
        let mut rest = vec![std::mem::take(&mut self.above)];
        while let Some(above) = rest.pop() {
            rest.extend(above.into_values().map(|mut node| std::mem::take(&mut node.above)));
        }
    }
}

impl Node {
    fn add(&mut self, stack: &Stack) {
        let mut node = self;
        node.value = node.value.saturating_add(stack.value);
        for (kind, name) in &stack.frames {
            node = node.above.entry((name.clone(), *kind)).or_default();
            node.value = node.value.saturating_add(stack.value);
        }
    }

    fn height(&self) -> usize {
        // Stacks are no deeper than the option for their frames says, but there is no need to trust that.
        let (mut level, mut height) = (vec![self], 0);
        while !level.is_empty() {
            height += 1;
            level = level.into_iter().flat_map(|node| node.above.values()).collect();
        }
        height
    }
}

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const HEADER: f64 = 52.0;
const ROW: f64 = 17.0;
/// What is narrower than this many columns is not drawn.
const LEAST: f64 = 0.1;

/// Draws the stacks.
pub fn draw(stacks: &[Stack]) -> String {
    let mut root = Node::default();
    stacks.iter().for_each(|stack| root.add(stack));
    let height = HEADER + root.height() as f64 * ROW + MARGIN;
    let mut svg = Svg::new(WIDTH, height);
    svg.text((WIDTH / 2.0, 26.0), "head middle", "Flame graph");
    let note = format!("{} in {} stacks; rest the pointer on a box for its name", root.value, stacks.len());
    svg.text((WIDTH / 2.0, 44.0), "note middle", &note);
    if root.value > 0 {
        let scale = (WIDTH - 2.0 * MARGIN) / root.value as f64;
        let mut todo = vec![(&root, Kind::Key, "all", MARGIN, 1.0)];
        while let Some((node, kind, name, x, level)) = todo.pop() {
            let width = node.value as f64 * scale;
            if width < LEAST {
                continue;
            }
            let y = height - MARGIN - level * ROW;
            let share = node.value as f64 * 100.0 / root.value as f64;
            let title = format!("{name} ({}, {share:.2}%)", node.value);
            svg.rect([x, y, (width - 0.5).max(LEAST), ROW - 1.0], &colour(kind, name), &title);
            if let Some(shown) = cut(name, width - 6.0) {
                svg.text((x + 3.0, y + 12.0), "", &shown);
            }
            let mut at = x;
            for ((name, kind), above) in &node.above {
                todo.push((above, *kind, name, at, level + 1.0));
                at += above.value as f64 * scale;
            }
        }
    }
    svg.finish("Flame graph")
}

/// The colour of a box: by what it stands for, and a little by its name, so that neighbours can be told apart.
fn colour(kind: Kind, name: &str) -> String {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let shade = (hash >> 32) % 40;
    match kind {
        Kind::Key => format!("rgb({0},{0},{1})", 190 + shade, 215 + shade),
        Kind::User => format!("rgb({},{},{})", 225 + shade / 2, 120 + shade * 2, 50 + shade / 2),
        Kind::Kernel => format!("rgb({},{},{})", 120 + shade, 170 + shade, 215 + shade),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &[(Kind, &str)], value: u64) -> Stack {
        Stack { frames: frames.iter().map(|(kind, name)| (*kind, (*name).to_string())).collect(), value }
    }

    fn picture() -> String {
        use Kind::{Kernel, Key, User};
        draw(&[
            stack(&[(Key, "sh"), (User, "sh`main"), (User, "libc.so`read<int>")], 30),
            stack(&[(Key, "sh"), (User, "sh`main"), (User, "libc.so`write")], 10),
            stack(&[(Key, "cat"), (User, "cat`main"), (Kernel, "kernel`vfs_read")], 60),
        ])
    }

    /// The boxes: x, y, width, title.
    fn boxes(svg: &str) -> Vec<(f64, f64, f64, String)> {
        svg.lines()
            .filter(|line| line.starts_with("<rect") && line.contains("<title>"))
            .map(|line| {
                let number = |name: &str| -> f64 {
                    let rest = &line[line.find(&format!(" {name}=\"")).unwrap() + name.len() + 3..];
                    rest[..rest.find('"').unwrap()].parse().unwrap()
                };
                let title = &line[line.find("<title>").unwrap() + 7..line.find("</title>").unwrap()];
                (number("x"), number("y"), number("width"), title.to_string())
            })
            .collect()
    }

    #[test]
    fn a_box_is_as_wide_as_its_part_and_stands_on_its_caller() {
        let boxes = boxes(&picture());
        let of = |name: &str| {
            boxes.iter().find(|b| b.3.starts_with(name)).unwrap_or_else(|| panic!("{name}: {boxes:?}"))
        };
        assert_eq!(boxes.len(), 8);
        let (all, sh, main) = (of("all"), of("sh ("), of("sh`main"));
        assert_eq!(all.3, "all (100, 100.00%)");
        assert_eq!(sh.3, "sh (40, 40.00%)");
        assert!((sh.2 - 0.4 * 1180.0).abs() < 1.0 && (all.2 - 1180.0).abs() < 1.0);
        assert!(main.1 < sh.1 && sh.1 < all.1, "who is called stands above");
        let (read, write) = (of("libc.so`read"), of("libc.so`write"));
        assert!((read.0 - main.0).abs() < 0.01 && (write.0 - (read.0 + read.2)).abs() < 1.0);
        assert_eq!(of("cat (").0, all.0, "boxes stand in the order of their names");
    }

    #[test]
    fn names_are_escaped_and_the_picture_is_the_same_every_time() {
        let svg = picture();
        assert!(svg.contains("read&lt;int&gt; (30, 30.00%)") && !svg.contains("read<int>"));
        assert_eq!(svg, picture());
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(boxes(&draw(&[])).is_empty());
        let deep: Vec<_> = (0..50_000).map(|n| (Kind::User, format!("f{n}"))).collect();
        assert!(draw(&[Stack { frames: deep, value: 1 }]).len() > 1000);
    }
}
