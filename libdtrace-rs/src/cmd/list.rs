//! `-l`: the probes that there are.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};

use super::arguments::Arguments;
use super::program::{self, Compiled};
use super::{Done, Failed, message, report};
use crate::error::{Code, Error, Result};
use crate::handle::Handle;
use crate::program::ProbeDesc;

/// Lists the probes that the clauses match; all without clauses.
pub(super) fn run(handle: &mut Handle, arguments: &Arguments, name: &OsStr) -> Done<u8> {
    // A description that matches nothing is reported below, in its place.
    let _ = handle.set_option("zdefs", None);
    let compiled = program::compile(handle, arguments, name)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match listing(&mut out, handle, arguments.verbose, &compiled) {
        Ok(()) => Ok(0),
        Err(error) => {
            message(format_args!("failed to list probes: {error}"));
            Err(Failed(super::ERROR))
        }
    }
}

fn listing(out: &mut dyn Write, handle: &Handle, verbose: bool, compiled: &[Compiled]) -> Result<()> {
    writeln!(out, "{:>5} {:>10} {:>17} {:>33} NAME", "ID", "PROVIDER", "MODULE", "FUNCTION")?;
    if compiled.is_empty() {
        handle.each_probe(None, |probe| row(out, handle, verbose, probe))?;
    }
    for compiled in compiled {
        let mut last: Option<&ProbeDesc> = None;
        for ecb in &compiled.program.ecbs {
            // A clause that became several control blocks is listed once.
            if last == Some(&ecb.probe) {
                continue;
            }
            last = Some(&ecb.probe);
            match handle.each_probe(Some(&ecb.probe), |probe| row(out, handle, verbose, probe)) {
                Ok(()) => {}
                Err(error @ Error::Lib(Code::NoProbe | Code::BadId | Code::BadProbeGlob)) => {
                    out.flush()?;
                    message(format_args!("failed to match {}: {error}", ecb.probe));
                }
                Err(error) => return Err(error),
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn row(out: &mut dyn Write, handle: &Handle, verbose: bool, probe: &ProbeDesc) -> Result<()> {
    let ProbeDesc { id, provider, module, function, name } = probe;
    writeln!(out, "{id:>5} {provider:>10} {module:>17} {function:>33} {name}")?;
    if verbose {
        // By its names, without its id: the stability is that of the parts that it has.
        report::probe(out, handle, &ProbeDesc { id: 0, ..probe.clone() })?;
    }
    Ok(())
}
