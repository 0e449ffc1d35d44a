//! `dtrace -G`: the object that a program with probes is linked with.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::arguments::{Arguments, Clause};
use super::{Done, fail, program};
use crate::handle::Handle;
use crate::program::Program;

/// Links the objects among the operands with the scripts: into `-o FILE`, else into the script's name with `.o` in place of
/// `.d`, in the current directory; `d.out` for a script of another name and for a clause of the command line. Without `-o` every
/// script and clause gets an object, the first of which has the probes.
pub(super) fn run(handle: &mut Handle, arguments: &Arguments, name: &OsStr) -> Done<u8> {
    // Probes of programs that do not run yet match nothing, and the operands are objects.
    let compile = &mut handle.options_mut().compile;
    (compile.zdefs, compile.argref) = (true, true);
    let compiled = program::compile(handle, arguments, name)?;
    let objects = &arguments.operands;
    if let Some(file) = &arguments.output {
        let (kind, name) = compiled.first().map_or(("script", ""), |c| (c.kind, c.name.as_str()));
        let whole = Program { ecbs: compiled.iter().flat_map(|c| c.program.ecbs.clone()).collect() };
        return link(handle, &whole, true, objects, file)
            .or_else(|error| fail(format_args!("failed to link {kind} {name}: {error}")));
    }
    for (n, (compiled, clause)) in compiled.iter().zip(&arguments.clauses).enumerate() {
        let own = match clause {
            Clause::Script(path) if path.as_encoded_bytes().ends_with(b".d") => Some(path),
            _ => None,
        };
        let (shown, file) = match own {
            Some(path) => {
                let script = program::named_after(path, "");
                (script.to_string_lossy().into_owned(), program::named_after(path, ".o"))
            }
            None if arguments.clauses.len() == 1 => (compiled.name.clone(), "d.out".into()),
            None => (compiled.name.clone(), format!("d.out.{n}").into()),
        };
        let objects = if n == 0 { &objects[..] } else { &[] };
        if let Err(error) = link(handle, &compiled.program, n == 0, objects, &file) {
            return fail(format_args!("failed to link {} {shown}: {error}", compiled.kind));
        }
    }
    Ok(0)
}

fn link(
    handle: &mut Handle,
    program: &Program,
    probes: bool,
    objects: &[OsString],
    file: &OsStr,
) -> Result<u8, crate::link::LinkError> {
    handle.link(program, probes, objects, Path::new(file)).map(|()| 0)
}
