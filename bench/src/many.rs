//! An engine that has as many probes as a kernel has functions, and their list.

use std::sync::OnceLock;

use dtrace_engine::errno::Errno;
use dtrace_engine::{Cred, Description, Dtrace, Privileges, Probe, Provider, ProviderInfo, Registrar};
use dtrace_rs::d::parser::SpecKind;
use dtrace_rs::handle::Handle;
pub use dtrace_rs::program::ProbeDesc;
use dtrace_user::Process;

use crate::Session;

/// How many probes there are: half of them are called `entry`.
pub const COUNT: usize = 100_000;

struct Many;

impl Provider<Process> for Many {
    fn provide(&self, registrar: &mut Registrar<'_, Process>, description: Option<&Description<'_>>) {
        if description.is_some() {
            return;
        }
        for n in 0..COUNT {
            let function = format!("kernel_function_number_{}", n / 2);
            let name: &[u8] = if n % 2 == 0 { b"entry" } else { b"return" };
            // Already there, from the second call on.
            let _ = registrar.create(b"kernel", function.as_bytes(), name, 0, n);
        }
    }

    fn enable(&self, _probe: &Probe<Process>) -> Result<(), Errno> {
        Ok(())
    }

    fn disable(&self, _probe: &Probe<Process>) {}
}

/// The engine, made at the first question.
fn session() -> Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    let made = SESSION.get_or_init(|| {
        let engine = Box::leak(Box::new(Dtrace::new(Process::with_cpus(1)).expect("memory for an engine")));
        let info = ProviderInfo {
            name: "fbt",
            attributes: dtrace_engine::interval::STABILITY,
            privileges: Privileges::NONE,
            uid: 0,
        };
        engine.register(&info, Box::new(Many)).expect("memory for a provider");
        let cred = Cred { uid: 0, gid: 0, privileges: Privileges::ALL };
        let consumer = engine.open(cred).expect("memory for a consumer");
        Session { engine, consumer: Box::leak(Box::new(consumer)) }
    });
    made.clone()
}

/// Lists all probes, or those that a description matches, as `dtrace -l` does: how many.
pub fn list(pattern: Option<&str>, mut each: impl FnMut(&ProbeDesc)) -> usize {
    let handle = Handle::with_device(Box::new(session())).expect("the engine answers");
    let pattern = pattern.map(|text| handle.describe(text, SpecKind::Name, &[]).expect("a description"));
    let mut count = 0;
    handle
        .each_probe(pattern.as_ref(), |probe| {
            count += 1;
            each(probe);
            Ok(())
        })
        .expect("the list");
    count
}
