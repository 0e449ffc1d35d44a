//! Tracing, from the compiled programs to the last aggregation.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use dtrace_abi::option::{self, OptId};

use super::arguments::Arguments;
use super::program::{self, Compiled};
use super::rows::Rows;
use super::{Done, fail, fail_in_output, message, report, signals};
use crate::consume::Progress;
use crate::consume::json::{self, Json};
use crate::consume::output::Output;
use crate::error::Error;
use crate::handle::Handle;
use crate::options::Options;
use crate::picture::{flame, heat};
use crate::proc::{End, Process, signal_name};

/// Compiles, enables, traces and prints.
pub(super) fn run(handle: &mut Handle, arguments: &Arguments, name: &OsStr) -> Done<u8> {
    hold_processes(handle, arguments)?;
    let claims = handle.options().is_on(option::GRABANON);
    if arguments.clauses.is_empty() && !arguments.only_compile && !claims {
        return fail("no probes specified");
    }
    let compiled = program::compile(handle, arguments, name)?;
    let mut out = match output(arguments) {
        Ok(out) => out,
        Err(error) => {
            let (path, error) =
                (arguments.output.as_deref().unwrap_or_default().display(), Error::from(error));
            return fail(format_args!("failed to open output file '{path}': {error}"));
        }
    };
    if arguments.only_compile {
        if arguments.verbose {
            for compiled in &compiled {
                printed(verbose(&mut out, handle, compiled, true))?;
            }
        }
        if !claims {
            return Ok(0);
        }
    }
    // Of programs that are only compiled none is in the way of the anonymous state.
    let enabled = if arguments.only_compile { &[][..] } else { &compiled };
    let (programs, matched) = enable(handle, arguments, enabled, &mut out)?;
    if matched == 0 && !enabled.is_empty() && !handle.options().compile.zdefs {
        return fail_in_output(handle, arguments, None, "no probes matched");
    }
    go(handle, arguments)?;
    if arguments.heatmap.is_some() {
        let _ = handle.with_session(|session, _| {
            session.keep_history();
            Ok(())
        });
    }
    let mut rows = Rows::new(handle.options().is_json(), handle.options().compile.droptags);
    if rows.json {
        rows.line(json::line("start").with("schema", json::SCHEMA).with("programs", programs));
    }
    handle.processes().iter().for_each(|process| handle.resume(process));
    trace(handle, arguments, &mut out, rows)
}

/// Where output goes.
pub(super) fn output(arguments: &Arguments) -> io::Result<Output> {
    arguments.output.as_ref().map_or_else(|| Ok(Output::stdout()), |path| Output::append(Path::new(path)))
}

/// Creates and grabs the processes, before anything is compiled: `$target` is the first of them.
fn hold_processes(handle: &mut Handle, arguments: &Arguments) -> Done<()> {
    for command in &arguments.commands {
        if let Err(error) = handle.create_process(command) {
            return fail(error);
        }
    }
    for &pid in &arguments.processes {
        if let Err(error) = handle.grab_process(pid) {
            return fail(error);
        }
    }
    Ok(())
}

fn verbose(out: &mut Output, handle: &Handle, compiled: &Compiled, descriptions: bool) -> io::Result<()> {
    report::program(out, handle, compiled)?;
    if descriptions {
        report::descriptions(out, handle, compiled)?;
    } else {
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn printed(result: io::Result<()>) -> Done<()> {
    result.or_else(|error| fail(format_args!("failed to write output: {}", Error::from(error))))
}

/// Enables the programs and says how many probes each of them matches; returns it for machines, and their sum.
fn enable(
    handle: &mut Handle,
    arguments: &Arguments,
    compiled: &[Compiled],
    out: &mut Output,
) -> Done<(Vec<Json>, u64)> {
    let (mut programs, mut total) = (Vec::new(), 0);
    for compiled in compiled {
        let matched = match handle.enable(&compiled.program) {
            Ok(matched) => matched,
            Err(error) => {
                let text = format!("failed to enable '{}': {error}", compiled.name);
                return fail_in_output(handle, arguments, Some(&error), text);
            }
        };
        total += u64::from(matched);
        programs.push(Json::object([
            ("kind", compiled.kind.into()),
            ("name", compiled.name.as_str().into()),
            ("probes", matched.into()),
        ]));
        if !handle.options().is_on(option::QUIET) {
            let Compiled { kind, name, .. } = compiled;
            message(format_args!(
                "{kind} '{name}' matched {matched} probe{}",
                if matched == 1 { "" } else { "s" }
            ));
        }
        if arguments.verbose && !handle.options().is_json() {
            printed(verbose(out, handle, compiled, false))?;
        }
    }
    if arguments.destructive && !handle.options().is_on(option::QUIET) {
        message("allowing destructive actions");
    }
    Ok((programs, total))
}

/// Starts tracing, and says which of the options that were asked for the driver has changed.
fn go(handle: &mut Handle, arguments: &Arguments) -> Done<()> {
    let before = handle.options().clone();
    if let Err(error) = handle.go() {
        let text = format!("could not enable tracing: {error}");
        return fail_in_output(handle, arguments, Some(&error), text);
    }
    // What was saved has options of its own, and was not asked for here.
    if handle.options().is_on(option::QUIET) || handle.options().is_on(option::GRABANON) {
        return Ok(());
    }
    for (id, name) in [
        (option::BUFSIZE, "buffer"),
        (option::AGGSIZE, "aggregation"),
        (option::DYNVARSIZE, "dynamic variable"),
        (option::SPECSIZE, "speculation"),
    ] {
        // A size of 0 says that nothing needs it; and who asks for an odd number does not mind a round one.
        let lowered = |&(was, is): &(i64, i64)| is != 0 && was - is > ROUNDING;
        if let Some((_, is)) = changed(&before, handle.options(), id).filter(lowered) {
            message(format_args!("{name} size lowered to {}", size(is)));
        }
    }
    for (id, name) in [(option::CLEANRATE, "cleaning"), (option::STATUSRATE, "status")] {
        if let Some((was, is)) = changed(&before, handle.options(), id).filter(|&(_, is)| is > 0) {
            let how = if is < was { "increased" } else { "reduced" };
            message(format_args!("{name} rate {how} to {}", rate(is)));
        }
    }
    Ok(())
}

/// What an option that was asked for was and is, if that is not the same.
fn changed(before: &Options, after: &Options, id: OptId) -> Option<(i64, i64)> {
    let (was, is) = (before.get(id)?, after.get(id)?);
    (was != is).then_some((was, is))
}

/// By how much a size may be lowered without a word.
const ROUNDING: i64 = 8;

/// A size in the greatest unit that it reaches, if that divides it, else in bytes.
fn size(bytes: i64) -> String {
    let units = [(40, 't'), (30, 'g'), (20, 'm'), (10, 'k')];
    match units.iter().find(|(shift, _)| bytes >> shift != 0) {
        Some((shift, unit)) if bytes % (1 << shift) == 0 => format!("{}{unit}", bytes >> shift),
        Some(_) => format!("{bytes} bytes"),
        // The original leaves a space where the unit would be.
        None => format!("{bytes} "),
    }
}

/// A rate, from the nanoseconds between two.
fn rate(nanoseconds: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    if SECOND % nanoseconds == 0 {
        format!("{} hz", SECOND / nanoseconds)
    } else if nanoseconds % SECOND == 0 {
        format!("once every {} seconds", nanoseconds / SECOND)
    } else {
        format!("once every {nanoseconds} nanoseconds")
    }
}

/// Consumes until the program exits, an interrupt comes, or the last process ends.
fn trace(handle: &mut Handle, arguments: &Arguments, out: &mut Output, mut rows: Rows) -> Done<u8> {
    signals::catch();
    let mut living: Vec<usize> = (0..handle.processes().len()).collect();
    let (mut interrupted, mut done) = (false, false);
    while !done {
        // Of the anonymous state all is wanted that is there, and then its END, for which there is room only then.
        let claimed = arguments.only_compile && handle.has_looked();
        if !arguments.only_compile {
            let watched: Vec<&Process> = living.iter().map(|&n| &handle.processes()[n]).collect();
            handle.wait(&watched, &mut |time| {
                signals::sleep(time);
                signals::count() > 0
            });
        }
        farewell(handle, &mut living, &mut rows);
        if signals::count() > 0 && !interrupted {
            interrupted = true;
            // The terminal has shown ^C.
            if !rows.json {
                printed(out.write_all(b"\n"))?;
            }
        }
        if interrupted || claimed || (living.is_empty() && !handle.processes().is_empty()) {
            done = true;
            if let Err(error) = handle.stop() {
                return fail(format_args!("couldn't stop tracing: {error}"));
            }
        }
        match handle.work(out, &mut rows) {
            Ok(Progress::Done) => done = true,
            Ok(Progress::More) => {}
            Err(error) if signals::count() < 2 => {
                let _ = out.flush();
                return fail_in_output(
                    handle,
                    arguments,
                    Some(&error),
                    format!("processing aborted: {error}"),
                );
            }
            Err(_) => done = true,
        }
        if let Err(error) = rows.write_lines(out) {
            return fail(format_args!("failed to write output: {error}"));
        }
        printed(out.flush())?;
    }
    if !rows.json {
        printed(out.write_all(b"\n"))?;
    }
    if signals::count() < 2
        && let Err(error) = handle.print_aggregations(out)
    {
        let _ = out.flush();
        return fail(format_args!("failed to print aggregations: {error}"));
    }
    draw(handle, arguments)?;
    if rows.json {
        let end = json::line("end").with("status", u32::from(rows.status));
        printed(writeln!(out, "{end}"))?;
    }
    printed(out.flush())?;
    Ok(rows.status)
}

/// Writes the pictures that were asked for.
fn draw(handle: &Handle, arguments: &Arguments) -> Done<()> {
    if let Some(path) = &arguments.flamegraph {
        let entries = handle.aggregates().map_or_else(Vec::new, |all| all.all().to_vec());
        let stacks = flame::stacks(&entries, &handle.context());
        if stacks.is_empty() {
            message("no aggregation with a stack in its key has a value: the flame graph is empty");
        }
        write_file(path, &flame::draw(&stacks))?;
    }
    if let Some(path) = &arguments.heatmap {
        let history = handle.with_session(|session, _| Ok(session.history())).ok().flatten();
        let panels = history.map_or_else(Vec::new, |history| heat::panels(&history, &handle.context()));
        if panels.is_empty() {
            message("no quantize(), lquantize() or llquantize() has counted anything: the heat map is empty");
        }
        write_file(path, &heat::draw(&panels))?;
    }
    Ok(())
}

fn write_file(path: &OsStr, text: &str) -> Done<()> {
    std::fs::write(path, text)
        .or_else(|error| fail(format_args!("failed to write '{}': {}", path.display(), Error::from(error))))
}

/// Says which of the living processes have ended.
fn farewell(handle: &Handle, living: &mut Vec<usize>, rows: &mut Rows) {
    let quiet = handle.options().is_on(option::QUIET);
    living.retain(|&n| {
        let process = &handle.processes()[n];
        let Some(end) = process.end() else { return true };
        let pid = process.pid();
        if rows.json {
            let line = json::line("process").with("pid", pid);
            rows.line(match end {
                End::Killed(signal) => line.with("signal", i64::from(signal)),
                End::Exited(status) => line.with("status", i64::from(status)),
                End::Gone => line,
            });
        }
        match end {
            _ if quiet => {}
            End::Killed(signal) => message(format_args!("pid {pid} terminated by {}", signal_name(signal))),
            End::Exited(_) | End::Gone => message(format_args!("pid {pid} has exited")),
        }
        false
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_told_in_round_numbers() {
        assert_eq!([size(1 << 20), size(8192), size(1000)], ["1m", "8k", "1000 "]);
        assert_eq!([size(100_000), size((1 << 20) + 1024)], ["100000 bytes", "1049600 bytes"]);
        assert_eq!(rate(5), "200000000 hz");
        assert_eq!(rate(1_234_567), "once every 1234567 nanoseconds");
        assert_eq!(rate(60_000_000_000), "once every 60 seconds");
    }

    #[test]
    fn only_what_was_asked_for_is_reported() {
        let before = Options::default();
        let after = Options::default();
        after.put(option::BUFSIZE, 5);
        assert_eq!(changed(&before, &after, option::BUFSIZE), None);
        before.put(option::BUFSIZE, 7);
        assert_eq!(changed(&before, &after, option::BUFSIZE), Some((7, 5)));
    }
}
