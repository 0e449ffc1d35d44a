//! What `-v` says: how stable a program is, and the arguments of probes.

use std::io::{self, Write};

use super::program::Compiled;
use crate::error::{Code, Error};
use crate::handle::{Handle, ProbeInfo};
use crate::options::{class_name, stability_name};
use crate::program::{Attribute, ProbeDesc};

/// Reports on a compiled program.
pub(super) fn program(out: &mut dyn Write, handle: &Handle, compiled: &Compiled) -> io::Result<()> {
    let info = handle.program_info(&compiled.program);
    write!(out, "\nStability attributes for {} {}:\n", compiled.kind, compiled.name)?;
    attributes(out, "Minimum Probe Description", info.descriptions)?;
    attributes(out, "Minimum Statement", info.statements)
}

/// Reports on the probe descriptions of a compiled program, each once.
pub(super) fn descriptions(out: &mut dyn Write, handle: &Handle, compiled: &Compiled) -> io::Result<()> {
    let mut last: Option<&ProbeDesc> = None;
    for ecb in &compiled.program.ecbs {
        if last == Some(&ecb.probe) {
            continue;
        }
        last = Some(&ecb.probe);
        write!(out, "\n{}\n", ecb.probe)?;
        probe(out, handle, &ecb.probe)?;
    }
    Ok(())
}

/// Reports on a probe: its stability and its arguments. Nothing can be said of probes that have nothing in common.
pub(super) fn probe(out: &mut dyn Write, handle: &Handle, probe: &ProbeDesc) -> io::Result<()> {
    let info = match handle.probe_info(probe) {
        Ok(info) => info,
        Err(Error::Lib(Code::Unstable | Code::NoProbe)) => return Ok(()),
        Err(error) => return writeln!(out, "\tfailed to get probe info: {error}"),
    };
    write_info(out, handle, &info)
}

fn write_info(out: &mut dyn Write, handle: &Handle, info: &ProbeInfo) -> io::Result<()> {
    attributes(out, "Probe Description", info.description)?;
    attributes(out, "Argument", info.arguments)?;
    out.write_all(b"\n\tArgument Types\n")?;
    for (n, ty) in info.types.iter().enumerate() {
        let known = known(handle, ty);
        writeln!(out, "\t\targs[{n}]: {}", if known { ty } else { "(unknown)" })?;
    }
    if info.types.is_empty() {
        out.write_all(b"\t\tNone\n")?;
    }
    out.write_all(b"\n")
}

/// Whether the type of an argument is one that programs can use: its name is looked up, pointers apart.
fn known(handle: &Handle, ty: &str) -> bool {
    let name = ty.trim_end_matches(['*', ' ']);
    let name = name.rsplit_once('`').map_or(name, |(_, name)| name);
    handle.types().lookup(name).is_ok()
}

fn attributes(out: &mut dyn Write, what: &str, attribute: Attribute) -> io::Result<()> {
    let stability = |n| stability_name(n).unwrap_or("Unknown");
    write!(
        out,
        "\n\t{what} Attributes\n\t\tIdentifier Names: {}\n\t\tData Semantics:   {}\n\t\tDependency Class: {}\n",
        stability(attribute.name),
        stability(attribute.data),
        class_name(attribute.class).unwrap_or("Unknown"),
    )
}
