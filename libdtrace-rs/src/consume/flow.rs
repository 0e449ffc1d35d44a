//! Flow indentation: entries go in, returns come out.
//!
//! A probe with several clauses makes several records for one firing: only the first of an entry goes in and only the last of
//! a return comes out, the others are shown as neither.

use crate::program::ProbeDesc;

/// What a record means for the flow, numbered as in the C API (contract 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Flow {
    /// A function was entered.
    Entry = 0,
    /// A function returned.
    Return = 1,
    /// Neither.
    None = 2,
}

/// The flow through the records of one buffer.
#[derive(Debug, Default)]
pub struct Indentation {
    depth: usize,
    /// EPID and probe of the record before.
    last: Option<(u32, u32)>,
}

/// A record's place in the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it means.
    pub flow: Flow,
    /// What stands before the name.
    pub prefix: &'static str,
    /// How many columns it is indented.
    pub indent: usize,
}

impl Step {
    /// The step of a record when flow is not followed.
    pub const NONE: Step = Step { flow: Flow::None, prefix: "", indent: 0 };
}

impl Indentation {
    /// Takes the next record: its EPID and probe, and those of the record behind it.
    pub fn step(&mut self, epid: u32, probe: &ProbeDesc, next: Option<(u32, u32)>) -> Step {
        let again = |other: Option<(u32, u32)>| other.is_some_and(|(e, p)| e != epid && p == probe.id);
        let flow = match probe.name.as_str() {
            "entry" if !again(self.last) => Flow::Entry,
            "return" if !again(next) => Flow::Return,
            _ => Flow::None,
        };
        self.last = Some((epid, probe.id));
        if flow == Flow::Return {
            self.depth = self.depth.saturating_sub(2);
        }
        let indent = self.depth;
        if flow == Flow::Entry {
            self.depth += 2;
        }
        let prefix = match (flow, probe.provider.as_str()) {
            (Flow::Entry, "syscall") => " => ",
            (Flow::Entry, _) => " -> ",
            (Flow::Return, "syscall") => " <= ",
            (Flow::Return, _) => " <- ",
            (Flow::None, _) => "| ",
        };
        Step { flow, prefix, indent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(id: u32, provider: &str, name: &str) -> ProbeDesc {
        ProbeDesc { id, provider: provider.into(), name: name.into(), ..ProbeDesc::default() }
    }

    #[test]
    fn entries_go_in_and_returns_come_out() {
        let (entry, back) = (probe(1, "fbt", "entry"), probe(2, "fbt", "return"));
        let mut flow = Indentation::default();
        let mut step = |epid, p: &ProbeDesc| {
            let s = flow.step(epid, p, None);
            (s.prefix, s.indent)
        };
        assert_eq!(step(1, &entry), (" -> ", 0));
        assert_eq!(step(1, &entry), (" -> ", 2));
        assert_eq!(step(3, &probe(9, "profile", "tick-1s")), ("| ", 4));
        assert_eq!(step(2, &back), (" <- ", 2));
        assert_eq!(step(2, &back), (" <- ", 0));
        assert_eq!(step(2, &back), (" <- ", 0));
    }

    #[test]
    fn several_clauses_of_one_firing_are_one_step() {
        let (entry, back) = (probe(1, "syscall", "entry"), probe(2, "syscall", "return"));
        let mut flow = Indentation::default();
        assert_eq!(flow.step(1, &entry, Some((2, 1))).prefix, " => ");
        assert_eq!(flow.step(2, &entry, Some((3, 2))), Step { flow: Flow::None, prefix: "| ", indent: 2 });
        assert_eq!(flow.step(3, &back, Some((4, 2))).flow, Flow::None);
        assert_eq!(flow.step(4, &back, None), Step { flow: Flow::Return, prefix: " <= ", indent: 0 });
    }
}
