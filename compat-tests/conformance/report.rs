//! What a run has shown: a table by directory, the totals by kind of test, the exclusions by reason; and all failures in full.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::test::{Class, Test, Verdict};

#[derive(Clone, Copy, Default)]
struct Count {
    pass: usize,
    fail: usize,
    excluded: usize,
}

impl Count {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail(_) => self.fail += 1,
            Verdict::Excluded(_) => self.excluded += 1,
        }
    }

    fn row(self, name: &str) -> String {
        let judged = self.pass + self.fail;
        let share = if judged == 0 {
            "-".to_owned()
        } else {
            format!("{:.1} %", 100.0 * self.pass as f64 / judged as f64)
        };
        format!("{name:<44} {:>6} {:>6} {:>9} {share:>9}\n", self.pass, self.fail, self.excluded)
    }
}

const HEAD: [&str; 4] = ["pass", "fail", "excluded", "passed"];

fn head(what: &str) -> String {
    format!("{what:<44} {:>6} {:>6} {:>9} {:>9}\n", HEAD[0], HEAD[1], HEAD[2], HEAD[3])
}

/// The reason of an exclusion without what is special to one test.
fn kind_of(reason: &str) -> &str {
    if reason.starts_with("the suite") || reason.starts_with("what ") {
        reason.split(':').next().unwrap_or(reason)
    } else {
        reason
    }
}

/// The counts by directory and by kind, and the reasons of the exclusions.
pub(crate) fn table(verdicts: &[(&Test, Verdict)]) -> String {
    let (mut directories, mut classes) = (BTreeMap::<&str, Count>::new(), BTreeMap::<Class, Count>::new());
    let (mut reasons, mut all) = (BTreeMap::<&str, usize>::new(), Count::default());
    for (test, verdict) in verdicts {
        directories.entry(&test.directory).or_default().add(verdict);
        classes.entry(test.class()).or_default().add(verdict);
        all.add(verdict);
        if let Verdict::Excluded(reason) = verdict {
            *reasons.entry(kind_of(reason)).or_default() += 1;
        }
    }
    let mut text = head("directory");
    for (directory, count) in directories {
        text += &count.row(directory);
    }
    text += "\n";
    text += &head("kind of test");
    for class in Class::ALL {
        text += &classes.get(&class).copied().unwrap_or_default().row(class.name());
    }
    text += &all.row("all");
    text += "\nexcluded because\n";
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, count)| (usize::MAX - count, *reason));
    for (reason, count) in reasons {
        let _ = writeln!(text, "{count:>6}  {reason}");
    }
    text
}

/// Every failure with what was expected and what there was, and every exclusion with its reason.
pub(crate) fn failures(verdicts: &[(&Test, Verdict)]) -> String {
    let mut text = String::new();
    for (test, verdict) in verdicts {
        match verdict {
            Verdict::Pass => {}
            Verdict::Fail(what) => {
                let _ =
                    writeln!(text, "==== FAIL {} ({})\n{}", test.name, test.class().name(), what.trim_end());
            }
            Verdict::Excluded(reason) => {
                let _ = writeln!(text, "==== EXCLUDED {}: {reason}", test.name);
            }
        }
    }
    text
}
