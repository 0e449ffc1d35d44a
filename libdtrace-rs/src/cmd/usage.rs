//! How the command is used.

use std::io::{self, Write};

use dtrace_abi::option;

use crate::options::consumer;

use super::{Done, Failed, USAGE, message};

/// The compile-time options and the numbers that the original shows beside them.
const COMPILE_TIME: &[(&str, u32)] = &[
    ("aggpercpu", 0x1),
    ("amin", 0),
    ("argref", 0x200),
    ("core", 0),
    ("cpp", 0x10),
    ("cpphdrs", 0),
    ("cpppath", 0),
    ("ctypes", 0),
    ("defaultargs", 0x800),
    ("dtypes", 0),
    ("debug", 0),
    ("define", 0),
    ("droptags", 0),
    ("empty", 0x2),
    ("errsource", 0),
    ("errtags", 0x100),
    ("evaltime", 0),
    ("incdir", 0),
    ("iregs", 0),
    ("kdefs", 0x20),
    ("knodefs", 0x20),
    ("late", 0),
    ("lazyload", 0),
    ("ldpath", 0),
    ("libdir", 0),
    ("linkmode", 0),
    ("linktype", 0),
    ("nolibs", 0x1000),
    ("oformat", 0),
    ("pgmax", 0),
    ("preallocate", 0),
    ("pspec", 0x80),
    ("setenv", 0),
    ("stdc", 0),
    ("strip", 0x1),
    ("syslibdir", 0),
    ("tree", 0),
    ("tregs", 0),
    ("udefs", 0x40),
    ("undef", 0),
    ("unsetenv", 0),
    ("unodefs", 0x40),
    ("verbose", 0x1),
    ("version", 0),
    ("zdefs", 0x4),
];

const DYNAMIC: &[(&str, u32)] = &[
    ("agghist", consumer::AGGHIST),
    ("aggpack", consumer::AGGPACK),
    ("aggrate", option::AGGRATE),
    ("aggsortkey", option::AGGSORTKEY),
    ("aggsortkeypos", option::AGGSORTKEYPOS),
    ("aggsortpos", option::AGGSORTPOS),
    ("aggsortrev", option::AGGSORTREV),
    ("aggzoom", consumer::AGGZOOM),
    ("demangle", consumer::DEMANGLE),
    ("encoding", consumer::ENCODING),
    ("flowindent", option::FLOWINDENT),
    ("quiet", option::QUIET),
    ("rawbytes", option::RAWBYTES),
    ("stackindent", option::STACKINDENT),
    ("stacksymbols", option::STACKSYMBOLS),
    ("switchrate", option::SWITCHRATE),
];

const RUN_TIME: &[(&str, u32)] = &[
    ("aggsize", option::AGGSIZE),
    ("bufsize", option::BUFSIZE),
    ("bufpolicy", option::BUFPOLICY),
    ("bufresize", option::BUFRESIZE),
    ("cleanrate", option::CLEANRATE),
    ("cpu", option::CPU),
    ("destructive", option::DESTRUCTIVE),
    ("dynvarsize", option::DYNVARSIZE),
    ("grabanon", option::GRABANON),
    ("jstackframes", option::JSTACKFRAMES),
    ("jstackstrsize", option::JSTACKSTRSIZE),
    ("nspec", option::NSPEC),
    ("specsize", option::SPECSIZE),
    ("stackframes", option::STACKFRAMES),
    ("statusrate", option::STATUSRATE),
    ("strsize", option::STRSIZE),
    ("temporal", consumer::TEMPORAL),
    ("ustackframes", option::USTACKFRAMES),
];

const TEXT: &str = "\
Usage: dtrace [-32|-64] [-aACeFGhHlqSvVwZ] [-b bufsz] [-c cmd] [-D name[=def]]
\t[-I path] [-L path] [-o output] [-p pid] [-s script] [-U name]
\t[-x opt[=val]] [-X a|c|s|t]

\t[-P provider [[ predicate ] action ]]
\t[-m [ provider: ] module [[ predicate ] action ]]
\t[-f [[ provider: ] module: ] func [[ predicate ] action ]]
\t[-n [[[ provider: ] module: ] func: ] name [[ predicate ] action ]]
\t[-i probe-id [[ predicate ] action ]] [ args ... ]

\tpredicate -> '/' D-expression '/'
\t   action -> '{' D-statements '}'

\t-32 generate 32-bit D programs and ELF files
\t-64 generate 64-bit D programs and ELF files

\t-a  claim anonymous tracing state
\t-arch [i386|x86_64] Generate output files for ELF type.
\t\tSame as -32 or -64
\t-A  save tracing that begins when the driver is loaded
\t-b  set trace buffer size
\t-c  run specified command and exit upon its completion
\t-C  run cpp(1) preprocessor on script files
\t-D  define symbol when invoking preprocessor
\t-e  exit after compiling request but prior to enabling probes
\t-f  enable or list probes matching the specified function name
\t-F  coalesce trace output by function
\t-G  generate an ELF file containing embedded dtrace program
\t-h  generate a header file with definitions for static probes
\t-H  print included files when invoking preprocessor
\t-i  enable or list probes matching the specified probe id
\t-I  add include directory to preprocessor search path
\t-l  list probes matching specified criteria
\t-L  add library directory to library search path
\t-m  enable or list probes matching the specified module name
\t-n  enable or list probes matching the specified probe name
\t-o  set output file
\t-p  grab specified process-ID and cache its symbol tables
\t-P  enable or list probes matching the specified provider name
\t-q  set quiet mode (only output explicitly traced data)
\t-s  enable or list probes according to the specified D script
\t-S  print D compiler intermediate code
\t-U  undefine symbol when invoking preprocessor
\t-v  set verbose mode (report stability attributes, arguments)
\t-V  report DTrace API version
\t-w  permit destructive actions
\t-x  enable or modify compiler and tracing options
\t-X  specify ISO C conformance settings for preprocessor
\t-Z  permit probe descriptions that match zero probes
\t--flamegraph file  draw aggregations by stacks
\t--heatmap file     draw distributions over time

Environment variables:

    DTRACE_DEBUG     Enable libdtrace debugging messages
    DTRACE_DRTI_O    Name of replacement drti.o file for USDT conversion.
    DTRACE_DOF_INIT_DISABLE
                     Disable USDT publishing when running a USDT based app.
    DTRACE_ANONYMOUS File of -A that the engine in this process begins with.
    DTRACE_DEV       Device to use, or 'embedded' for the engine in this process.
";

/// Prints what is wrong, if anything is, and the usage: its text to standard error and the `-x` options to standard
/// output.
pub(super) fn print(fault: Option<&str>) -> Done<u8> {
    if let Some(fault) = fault {
        message(fault);
    }
    eprint!("{TEXT}");
    // A reader who has gone away has read enough.
    let _ = list_options(&mut io::stdout().lock());
    Err(Failed(USAGE))
}

/// Writes the names of all `-x` options with the numbers that the original shows beside them (`dtrace_list_options`).
pub fn list_options(out: &mut dyn Write) -> io::Result<()> {
    for (title, options) in
        [("Compile time", COMPILE_TIME), ("Dynamic run-time", DYNAMIC), ("Run-time", RUN_TIME)]
    {
        writeln!(out, "\n{title} options:")?;
        for (name, number) in options {
            writeln!(out, "  {name}=0x{number:x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_names_each_option() {
        let manual = include_str!("../../../docs/dtrace.1");
        let words: std::collections::HashSet<_> = manual
            .lines()
            .filter(|line| line.starts_with(".B"))
            .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()))
            .collect();
        let tables = [COMPILE_TIME, DYNAMIC, RUN_TIME].concat();
        let missing: Vec<_> = tables.iter().filter(|(name, _)| !words.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
