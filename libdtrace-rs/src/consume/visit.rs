//! Visiting aggregations: who visits says of each entry what becomes of it (`dtrace_aggregate_walk` and its kin).

use super::aggregate::Entry;
use super::sort::{self, Order};
use super::{Context, Session};
use crate::error::{Code, Result};

/// What becomes of an entry that was visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// It stays as it is.
    Next,
    /// It stays, and no other is visited.
    Abort,
    /// Its value is cleared.
    Clear,
    /// Its value is divided by this when it is printed.
    Normalize(i64),
    /// It is no longer divided.
    Denormalize,
    /// It is removed.
    Remove,
}

impl Session {
    /// Visits all entries, in this order or in none.
    pub fn visit(&self, order: Option<Order>, mut f: impl FnMut(&Entry) -> Result<Visit>) -> Result<()> {
        let mut entries = self.aggregates.borrow().all().to_vec();
        if let Some(order) = order {
            entries.sort_by(|a, b| sort::compare(a, b, order));
        }
        let mut removed = Vec::new();
        let mut result = Ok(());
        for entry in entries {
            result = f(&entry).and_then(|visit| self.treat(&[&entry], visit, &mut removed));
            if result.is_err() {
                break;
            }
        }
        self.aggregates.borrow_mut().remove(&removed);
        result
    }

    /// Visits several aggregations side by side: rows of equal keys, as `printa` prints them.
    pub fn visit_joined(
        &self,
        context: &Context<'_>,
        variables: &[u32],
        order: Order,
        mut f: impl FnMut(&[Entry]) -> Result<Visit>,
    ) -> Result<()> {
        let rows = self.joined(context, variables, order);
        let mut removed = Vec::new();
        let mut result = Ok(());
        for row in rows {
            let entries: Vec<_> = row.iter().collect();
            result = f(&row).and_then(|visit| self.treat(&entries, visit, &mut removed));
            if result.is_err() {
                break;
            }
        }
        self.aggregates.borrow_mut().remove(&removed);
        result
    }

    /// The rows of several aggregations side by side.
    pub(super) fn joined(&self, context: &Context<'_>, variables: &[u32], order: Order) -> Vec<Vec<Entry>> {
        let mut descriptions = self.descriptions.borrow_mut();
        let mut describe =
            |variable| descriptions.aggregation_of(context.requests, context.statements, variable);
        self.aggregates.borrow().joined(variables, order, &mut describe)
    }

    fn treat(&self, entries: &[&Entry], visit: Visit, removed: &mut Vec<Entry>) -> Result<()> {
        let mut aggregates = self.aggregates.borrow_mut();
        for entry in entries {
            match visit {
                Visit::Next => {}
                Visit::Abort => return Err(Code::DirectedAbort.into()),
                Visit::Normalize(0) => return Err(Code::BadNormal.into()),
                Visit::Remove => removed.push((*entry).clone()),
                // An entry that another visitor has removed meanwhile is gone.
                _ => match (aggregates.same_mut(entry), visit) {
                    (Some(entry), Visit::Clear) => entry.reset(),
                    (Some(entry), Visit::Normalize(normal)) => entry.normal = normal,
                    (Some(entry), _) => entry.normal = 1,
                    (None, _) => {}
                },
            }
        }
        Ok(())
    }
}
