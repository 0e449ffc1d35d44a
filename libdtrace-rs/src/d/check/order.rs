//! What may follow what in a clause: a clause that speculates or commits has its data elsewhere from there on.

use super::super::ast::Pos;
use super::{Checker, Result, Tag};

/// What the statements of a clause have done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    recorded: bool,
    speculated: bool,
    committed: bool,
    /// Whether the current statement calls a destructive subroutine.
    pub(super) destructive: bool,
}

/// What a statement does, as far as the order of statements is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Records,
    Aggregates,
    Exits,
    Destroys,
    /// It records what the consumer will do: `system`, `freopen`.
    DestroysAndRecords,
    Speculates,
    Commits,
}

impl Checker<'_> {
    /// Takes note of a statement, or says what it may not follow.
    pub(super) fn step_of_clause(&mut self, step: Step, pos: Pos) -> Result<()> {
        let Order { recorded, speculated, committed, destructive } = self.order;
        self.order.destructive = false;
        let fault = |tag, message: &str| Err(self.error(tag, pos, message));
        match step {
            Step::Speculates => {
                if committed {
                    return fault(Tag::SpecComm, "speculate( ) may not follow commit( )");
                }
                if speculated {
                    return fault(Tag::SpecSpec, "speculate( ) may not follow speculate( )");
                }
                if recorded {
                    return fault(Tag::SpecDrec, "speculate( ) may not follow data-recording action(s)");
                }
                self.order.speculated = true;
                return Ok(());
            }
            Step::Commits => {
                if committed {
                    return fault(Tag::CommComm, "commit( ) may not follow commit( )");
                }
                if recorded {
                    return fault(Tag::CommDrec, "commit( ) may not follow data-recording action(s)");
                }
                self.order.committed = true;
                return Ok(());
            }
            _ => {}
        }
        let destroys = destructive || matches!(step, Step::Destroys | Step::DestroysAndRecords);
        if destroys && speculated {
            return fault(Tag::ActSpec, "destructive actions may not follow speculate( )");
        }
        if step == Step::Aggregates && speculated {
            return fault(Tag::AggSpec, "aggregating actions may not follow speculate( )");
        }
        if step == Step::Exits && speculated {
            return fault(Tag::ExitSpec, "exit( ) may not follow speculate( )");
        }
        if step == Step::Aggregates && committed {
            return fault(Tag::AggComm, "aggregating actions may not follow commit( )");
        }
        let records =
            matches!(step, Step::Records | Step::Aggregates | Step::Exits | Step::DestroysAndRecords);
        if records && committed {
            return fault(Tag::DrecComm, "data-recording actions may not follow commit( )");
        }
        self.order.recorded |= records;
        Ok(())
    }
}

impl Order {
    /// What has been done after one branch or the other has run: the restrictions of both.
    pub(super) fn either(self, other: Self) -> Self {
        Self {
            recorded: self.recorded || other.recorded,
            speculated: self.speculated || other.speculated,
            committed: self.committed || other.committed,
            destructive: self.destructive || other.destructive,
        }
    }
}
