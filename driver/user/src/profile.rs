//! The `profile` provider in a process: `profile-N` fires in a thread for each CPU, `tick-N` in one.
//!
//! There is nothing that these timers interrupt, so arg0 and arg1 (the interrupted program counters) are 0. arg2 of
//! profile-N is how many nanoseconds late the firing is.
//!
//! What always holds: a probe's threads exist only while it is enabled; `disable` ends and joins them.

use crate::hook::Hook;
use crate::host::Process;
use crate::slot;
use dtrace_engine::errno::Errno;
use dtrace_engine::interval::{self, Kind};
use dtrace_engine::{Description, Firing, Host, Probe, Provider, Registrar};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// No more probes than this are made (contract 4).
const LIMIT: usize = 100;

/// One probe, by its cookie.
#[derive(Debug)]
struct Source {
    kind: Kind,
    interval: Duration,
    hook: Arc<Hook>,
    running: Option<Running>,
}

/// The threads of an enabled probe.
#[derive(Debug)]
struct Running {
    stop: Arc<(Mutex<bool>, Condvar)>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    fn end(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        for thread in self.threads {
            // A thread that panicked has said so on stderr; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// The provider.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    sources: Mutex<Vec<Source>>,
    cpus: usize,
}

impl Profile {
    pub(crate) fn new(host: &Process) -> Self {
        Profile { sources: Mutex::default(), cpus: host.cpus() }
    }

    fn make(&self, registrar: &mut Registrar<'_, Process>, name: &[u8]) {
        let Some((kind, nanoseconds)) = interval::parse(name) else { return };
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() < LIMIT && registrar.create(b"", b"", name, 0, sources.len()).is_ok() {
            let interval = Duration::from_nanos(nanoseconds);
            sources.push(Source { kind, interval, hook: Arc::new(Hook::new()), running: None });
        }
    }
}

impl Provider<Process> for Profile {
    fn provide(&self, registrar: &mut Registrar<'_, Process>, description: Option<&Description<'_>>) {
        match description {
            None => {
                for name in interval::STANDARD {
                    self.make(registrar, name.as_bytes());
                }
            }
            Some(description) => self.make(registrar, description.name),
        }
    }

    fn enable(&self, probe: &Probe<Process>) -> Result<(), Errno> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let source = sources.get_mut(probe.cookie()).ok_or(Errno::EINVAL)?;
        source.hook.set(probe);
        let cpus = match source.kind {
            Kind::Profile => self.cpus,
            Kind::Tick => 1,
        };
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let mut running = Running { stop: Arc::clone(&stop), threads: Vec::new() };
        for cpu in 0..cpus {
            let (hook, stop) = (Arc::clone(&source.hook), Arc::clone(&stop));
            let (kind, interval) = (source.kind, source.interval);
            let spawned = thread::Builder::new().name("dtrace-timer".into()).spawn(move || {
                if kind == Kind::Profile {
                    slot::bind(cpu);
                }
                beat(interval, &hook, &stop);
            });
            match spawned {
                Ok(thread) => running.threads.push(thread),
                Err(_) => {
                    source.hook.clear();
                    running.end();
                    return Err(Errno::EAGAIN);
                }
            }
        }
        source.running = Some(running);
        Ok(())
    }

    fn disable(&self, probe: &Probe<Process>) {
        let running = {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(source) = sources.get_mut(probe.cookie()) else { return };
            source.hook.clear();
            source.running.take()
        };
        if let Some(running) = running {
            running.end();
        }
    }
}

/// Fires every `interval` until told to stop. A beat that was missed (the machine was busy) is not made up for.
fn beat(interval: Duration, hook: &Hook, stop: &(Mutex<bool>, Condvar)) {
    let mut next = Instant::now() + interval;
    loop {
        let mut stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let wait = next.saturating_duration_since(Instant::now());
            if *stopped || wait.is_zero() {
                break;
            }
            stopped = stop.1.wait_timeout(stopped, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        if *stopped {
            return;
        }
        drop(stopped);
        let late = Instant::now().saturating_duration_since(next);
        hook.fire(&Firing::new(&[0, 0, u64::try_from(late.as_nanos()).unwrap_or(u64::MAX)]));
        next += interval * (1 + (late.as_nanos() / interval.as_nanos().max(1)) as u32);
    }
}
