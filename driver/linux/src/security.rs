//! Who may trace (contract 1.3).
//!
//! Root may do everything. For everybody else there is a table of rules, which root writes to /dev/dtrace, one a line:
//! `uid N PRIVILEGE…`, `gid N PRIVILEGE…` or `all PRIVILEGE…`, with the privileges priv_user, priv_kernel, priv_proc and
//! priv_owner; `clear` empties the table; `#` begins a comment. The caller's privileges are the union of those of all
//! rules that match the real uid or gid. The table is empty when the module is loaded.
//!
//! (The original grants everything as soon as any rule matches. The documented intent is what is built here.)

use crate::control::Control;
use crate::driver::engine;
use crate::ffi;
use crate::proc::Text;
use alloc::vec::Vec;
use core::fmt::Write;
use dtrace_abi::privilege;
use dtrace_engine::errno::Errno;
use dtrace_engine::mem::TryPush;
use dtrace_engine::{Cred, Host, Privileges};

/// The most rules the table holds.
const RULES: usize = 64;

/// Whom a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Uid(u32),
    Gid(u32),
    All,
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    whom: Whom,
    privileges: u32,
}

static TABLE: Control<Vec<Rule>> = Control::new(Vec::new());

/// The words of the grammar, in the order in which they are shown.
const WORDS: [(&str, u32); 4] = [
    ("priv_user", privilege::USER),
    ("priv_kernel", privilege::KERNEL),
    ("priv_proc", privilege::PROC),
    ("priv_owner", privilege::OWNER),
];

/// What one line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Nothing,
    Clear,
    Add(Rule),
}

fn parse(line: &str) -> Line {
    let line = line.split_once('#').map_or(line, |(before, _)| before);
    let mut words = line.split_ascii_whitespace();
    let whom = match words.next() {
        Some("clear") => return Line::Clear,
        Some("all") => Whom::All,
        Some(kind @ ("uid" | "gid")) => {
            let Some(id) = words.next().and_then(|id| id.parse().ok()) else { return Line::Nothing };
            if kind == "uid" { Whom::Uid(id) } else { Whom::Gid(id) }
        }
        _ => return Line::Nothing,
    };
    let mut privileges = 0;
    for word in words {
        let Some(&(_, bit)) = WORDS.iter().find(|(name, _)| *name == word) else { return Line::Nothing };
        privileges |= bit;
    }
    Line::Add(Rule { whom, privileges })
}

/// Runs `f` with the table, under the engine's control mutex.
fn with_table<T>(f: impl FnOnce(&mut Vec<Rule>) -> T) -> T {
    engine().host().lock();
    // SAFETY: the control mutex is held.
    let result = f(unsafe { TABLE.get() });
    engine().host().unlock();
    result
}

/// Whether the current task is root and has not given that up.
pub(crate) fn is_root() -> bool {
    // SAFETY: process context.
    unsafe { ffi::host_uid() == 0 && ffi::host_capable() }
}

/// Who opens the device, and what he may do. EACCES for somebody with no privilege at all.
pub(crate) fn credentials() -> Result<Cred, Errno> {
    // SAFETY: process context.
    let (uid, gid) = unsafe { (ffi::host_uid(), ffi::host_gid()) };
    if is_root() {
        return Ok(Cred { uid, gid, privileges: Privileges::ALL });
    }
    let mine = |rule: &&Rule| match rule.whom {
        Whom::Uid(id) => id == uid,
        Whom::Gid(id) => id == gid,
        Whom::All => true,
    };
    let bits = with_table(|table| table.iter().filter(mine).fold(0, |bits, rule| bits | rule.privileges));
    if bits == 0 {
        return Err(Errno::EACCES);
    }
    Ok(Cred { uid, gid, privileges: Privileges::from_bits(bits) })
}

/// Takes lines of rules from root. What is no rule, and rules beyond the table's end, are passed over, as the original does.
pub(crate) fn write(text: &str) {
    with_table(|table| {
        for line in text.lines() {
            match parse(line) {
                Line::Nothing => {}
                Line::Clear => table.clear(),
                Line::Add(rule) if table.len() < RULES => {
                    let _ = table.try_push(rule);
                }
                Line::Add(_) => {}
            }
        }
    });
}

/// Shows the rules (contract 1.2).
pub(crate) fn show(out: &mut Text<'_>) {
    with_table(|table| {
        for rule in table.iter() {
            let _ = match rule.whom {
                Whom::Uid(id) => write!(out, "uid  {id}"),
                Whom::Gid(id) => write!(out, "gid  {id}"),
                Whom::All => write!(out, "all "),
            };
            for (name, bit) in WORDS {
                if rule.privileges & bit != 0 {
                    let _ = write!(out, " {name}");
                }
            }
            let _ = writeln!(out);
        }
    });
}

/// Empties the table, and gives its memory back.
pub(crate) fn forget() {
    with_table(|table| *table = Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_whom_and_what() {
        let rule = |whom, privileges| Line::Add(Rule { whom, privileges });
        assert_eq!(parse("uid 200 priv_proc"), rule(Whom::Uid(200), privilege::PROC));
        assert_eq!(
            parse("  gid 201 priv_kernel priv_user # two"),
            rule(Whom::Gid(201), privilege::KERNEL | privilege::USER)
        );
        assert_eq!(parse("all priv_owner"), rule(Whom::All, privilege::OWNER));
        assert_eq!(parse("clear"), Line::Clear);
    }

    #[test]
    fn an_unknown_word_discards_the_rule() {
        for line in [
            "",
            "# all priv_user",
            "uid x priv_user",
            "uid",
            "all priv_user priv_everything",
            "everybody priv_user",
        ] {
            assert_eq!(parse(line), Line::Nothing, "{line}");
        }
    }
}
