//! Who may trace (contract 1.3).
//!
//! Root may do everything. For everybody else there is a table of rules, which root writes to /dev/dtrace, one a line:
//! `uid N PRIVILEGE…`, `gid N PRIVILEGE…` or `all PRIVILEGE…`, with the privileges priv_user, priv_kernel, priv_proc and
//! priv_owner; `clear` empties the table; `#` begins a comment. The caller's privileges are the union of those of all
//! rules that match the real uid or gid. The table is empty when the module is loaded.
//!
//! (The original grants everything as soon as any rule matches. The documented intent is what is built here.)
//!
//! The rules are asked for where a device is opened, with a mutex of the kernel's held that others wait for. So whoever reads them
//! waits for nobody: there are two tables, and a version whose lowest bit says which of them is in force. A writer, with the
//! engine's control mutex held, fills the other one and counts the version up; a reader who finds after reading that the version
//! is another reads again.

use crate::driver::engine;
use crate::ffi;
use crate::proc::Text;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use dtrace_abi::privilege;
use dtrace_engine::errno::Errno;
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

impl Rule {
    /// A word that is not 0: the id, the privileges above it, and two bits that say whose id it is.
    fn word(self) -> u64 {
        let (kind, id) = match self.whom {
            Whom::Uid(id) => (1, id),
            Whom::Gid(id) => (2, id),
            Whom::All => (3, 0),
        };
        kind << 62 | u64::from(self.privileges) << 32 | u64::from(id)
    }

    fn of_word(word: u64) -> Option<Rule> {
        let id = word as u32;
        let whom = match word >> 62 {
            1 => Whom::Uid(id),
            2 => Whom::Gid(id),
            3 => Whom::All,
            _ => return None,
        };
        Some(Rule { whom, privileges: (word >> 32) as u32 & 0x3fff_ffff })
    }
}

/// Rules as words; after the last come zeros.
type Words = [u64; RULES];

/// What reads as a table of rules.
struct Table {
    words: [[AtomicU64; RULES]; 2],
    version: AtomicUsize,
}

impl Table {
    const fn new() -> Self {
        Table { words: [const { [const { AtomicU64::new(0) }; RULES] }; 2], version: AtomicUsize::new(0) }
    }

    /// The table that a version means.
    fn at(&self, version: usize) -> &[AtomicU64; RULES] {
        let [even, odd] = &self.words;
        if version.is_multiple_of(2) { even } else { odd }
    }

    /// The rules as they were at one moment. Any context.
    fn read(&self) -> Words {
        let mut words = [0; RULES];
        loop {
            let version = self.version.load(Ordering::SeqCst);
            for (to, from) in words.iter_mut().zip(self.at(version)) {
                *to = from.load(Ordering::SeqCst);
            }
            if self.version.load(Ordering::SeqCst) == version {
                return words;
            }
        }
    }

    /// Puts others in force. By one at a time.
    fn write(&self, words: &Words) {
        let next = self.version.load(Ordering::SeqCst).wrapping_add(1);
        for (to, from) in self.at(next).iter().zip(words) {
            to.store(*from, Ordering::SeqCst);
        }
        self.version.store(next, Ordering::SeqCst);
    }
}

/// The rules among some words.
fn rules(words: &Words) -> impl Iterator<Item = Rule> {
    words.iter().map_while(|word| Rule::of_word(*word))
}

static TABLE: Table = Table::new();

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
    let mine = |rule: &Rule| match rule.whom {
        Whom::Uid(id) => id == uid,
        Whom::Gid(id) => id == gid,
        Whom::All => true,
    };
    let bits = rules(&TABLE.read()).filter(mine).fold(0, |bits, rule| bits | rule.privileges);
    if bits == 0 {
        return Err(Errno::EACCES);
    }
    Ok(Cred { uid, gid, privileges: Privileges::from_bits(bits) })
}

/// Changes a table as lines of rules say. What is no rule, and rules beyond the table's end, are passed over, as the original does.
fn apply(text: &str, words: &mut Words) {
    for line in text.lines() {
        match parse(line) {
            Line::Nothing => {}
            Line::Clear => *words = [0; RULES],
            Line::Add(rule) => {
                if let Some(place) = words.iter_mut().find(|word| **word == 0) {
                    *place = rule.word();
                }
            }
        }
    }
}

/// Takes lines of rules from root. EINTR, and nothing is changed, for somebody who is killed while he waits.
pub(crate) fn write(text: &str) -> Result<(), Errno> {
    if !engine().host().lock_unless_killed() {
        return Err(Errno::EINTR);
    }
    let mut words = TABLE.read();
    apply(text, &mut words);
    TABLE.write(&words);
    engine().host().unlock();
    Ok(())
}

/// Shows the rules (contract 1.2).
pub(crate) fn show(out: &mut Text<'_>) {
    for rule in rules(&TABLE.read()) {
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
}

#[cfg(test)]
mod tests {
    extern crate std;
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

    #[test]
    fn a_rule_is_the_same_after_it_was_a_word() {
        for whom in [Whom::Uid(0), Whom::Gid(u32::MAX), Whom::All] {
            for privileges in [0, WORDS.iter().fold(0, |bits, (_, bit)| bits | bit)] {
                let rule = Rule { whom, privileges };
                assert_eq!(Rule::of_word(rule.word()), Some(rule));
            }
        }
        assert_eq!(Rule::of_word(0), None);
    }

    #[test]
    fn the_table_holds_its_number_of_rules_and_can_be_cleared() {
        let mut words = [0; RULES];
        (0..RULES + 3).for_each(|id| apply(&std::format!("uid {id} priv_user\nnonsense\n"), &mut words));
        assert!(rules(&words).map(|rule| rule.whom).eq((0..RULES as u32).map(Whom::Uid)));
        apply("clear\nall priv_proc", &mut words);
        assert!(rules(&words).eq([Rule { whom: Whom::All, privileges: privilege::PROC }]));
    }

    #[test]
    fn who_reads_while_rules_change_reads_those_of_one_moment() {
        let table = Table::new();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                (1..2000)
                    .for_each(|id| table.write(&[Rule { whom: Whom::Uid(id), privileges: 1 }.word(); RULES]));
            });
            while !writer.is_finished() {
                let words = table.read();
                assert!(words.iter().all(|word| *word == words[0]), "{words:?}");
            }
        });
    }
}
