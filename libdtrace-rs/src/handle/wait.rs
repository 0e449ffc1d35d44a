//! Waiting for something to do.

use std::time::Duration;

use super::Handle;
use crate::proc::Process;

/// How long the end of a process may stay unnoticed.
const WATCH: Duration = Duration::from_millis(20);

/// The least time between two looks at the buffers: rates of nothing would have the processor to themselves.
const LEAST: Duration = Duration::from_millis(1);

impl Handle {
    /// Waits until there is something to do: buffers to read, one of these processes that has ended, or an interruption.
    /// Meanwhile it takes note of what they have mapped, for the names of their addresses. `pause` waits no longer than it is
    /// told, and says whether it was interrupted.
    pub fn wait(&self, living: &[&Process], pause: &mut dyn FnMut(Duration) -> bool) {
        let mut rest = self.idle().max(if self.has_looked() { LEAST } else { Duration::ZERO });
        loop {
            living.iter().for_each(|process| self.symbols.remember(process.pid()));
            if rest.is_zero() || living.iter().any(|process| process.end().is_some()) {
                return;
            }
            if pause(if living.is_empty() { rest } else { rest.min(WATCH) }) {
                return;
            }
            rest = self.idle();
        }
    }

    /// Lets a process run.
    pub fn resume(&self, process: &Process) {
        self.symbols.remember(process.pid());
        process.resume();
    }
}
