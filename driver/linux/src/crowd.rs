//! A hundred thousand probes, as many as a machine's kernel has functions for: a provider that makes them and nothing else, so that a
//! guest can tell what a list of them takes. Only with the feature `torture`.

use crate::driver::engine;
use crate::host::Linux;
use crate::proc::Text;
use core::fmt::{self, Write};
use dtrace_abi::{Attribute, PAttr, class, stability};
use dtrace_engine::errno::Errno;
use dtrace_engine::mem::try_box;
use dtrace_engine::{Description, Privileges, Probe, Provider, ProviderInfo, Registrar};

/// How many functions there are, each with an entry and a return.
const FUNCTIONS: u32 = 50_000;
/// A module has so many of them.
const OF_MODULE: u32 = 1_000;

struct Crowd;

/// A name with a number in it.
struct Name {
    text: [u8; 32],
    len: usize,
}

impl Name {
    fn new(prefix: &str, number: u32) -> Name {
        let mut name = Name { text: [0; 32], len: 0 };
        // There is room: the prefixes are short.
        let _ = write!(name, "{prefix}{number}");
        name
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.len..).and_then(|room| room.get_mut(..text.len()));
        room.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl Provider<Linux> for Crowd {
    fn provide(&self, registrar: &mut Registrar<'_, Linux>, _description: Option<&Description<'_>>) {
        let names = |n| (Name::new("module", n / OF_MODULE), Name::new("some_function_", n));
        let (module, function) = names(FUNCTIONS - 1);
        if registrar.lookup(module.bytes(), function.bytes(), b"return").is_some() {
            return;
        }
        for n in 0..FUNCTIONS {
            let (module, function) = names(n);
            for name in [&b"entry"[..], b"return"] {
                // Without memory there are fewer, which the count tells.
                let _ = registrar.create(module.bytes(), function.bytes(), name, 0, 0);
            }
        }
    }

    fn enable(&self, _probe: &Probe<Linux>) -> Result<(), Errno> {
        Ok(())
    }

    fn disable(&self, _probe: &Probe<Linux>) {}
}

/// Makes them, the first time, and says how many probes there are.
pub(crate) fn gather(out: &mut Text<'_>) -> fmt::Result {
    const STABILITY: Attribute = Attribute::new(stability::PRIVATE, stability::PRIVATE, class::UNKNOWN);
    const ATTRIBUTES: PAttr = PAttr {
        provider: STABILITY,
        module: STABILITY,
        function: STABILITY,
        name: STABILITY,
        args: STABILITY,
    };
    let info = ProviderInfo { name: "crowd", attributes: ATTRIBUTES, privileges: Privileges::KERNEL, uid: 0 };
    let made = try_box(Crowd).map_err(Errno::from).and_then(|crowd| engine().register(&info, crowd));
    if let Err(error) = made
        && error != Errno::EEXIST
    {
        return writeln!(out, "error={error}");
    }
    writeln!(out, "probes={}", engine().probe_count())
}
