//! What cannot be judged natively on our engine: by what a test says and needs, never by its name.

use std::env;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::execute::Place;
use crate::scan::{mentions, names_kernel_symbol, providers, without_comments};
use crate::tags;
use crate::test::{Class, Dialect, Expects, Form, Test, Timing};

/// Providers that some platform of DTrace has. A name that is none of them is one that nobody has, and a test of that.
const PROVIDERS: &[&str] = &[
    "cpc",
    "fasttrap",
    "fbt",
    "fc",
    "fpuinfo",
    "hotspot",
    "io",
    "ip",
    "iscsi",
    "lockstat",
    "mib",
    "nfsv3",
    "nfsv4",
    "node",
    "perl",
    "pid",
    "plockstat",
    "proc",
    "profile",
    "python",
    "rawfbt",
    "rawtp",
    "sched",
    "sctp",
    "sdt",
    "smb",
    "smb2",
    "srp",
    "stapsdt",
    "syscall",
    "sysinfo",
    "tcp",
    "test_prov",
    "udp",
    "udplite",
    "uprobe",
    "usdt",
    "vminfo",
    "xpv",
];

/// Commands that scripts of the suites call and that a machine need not have.
const TOOLS: &[&str] = &[
    "cc",
    "coreadm",
    "cpp",
    "ctfconvert",
    "date",
    "dumpadm",
    "elfdump",
    "exportfs",
    "fuser",
    "gawk",
    "gcc",
    "gdb",
    "getconf",
    "ifconfig",
    "isainfo",
    "java",
    "kadb",
    "kill",
    "ksh",
    "ld",
    "mdb",
    "modprobe",
    "mpstat",
    "nawk",
    "nc",
    "nfsstat",
    "nm",
    "objdump",
    "pargs",
    "perl",
    "pgrep",
    "pkg-config",
    "pkill",
    "ping",
    "prstat",
    "psrinfo",
    "python",
    "readelf",
    "rpcgen",
    "script",
    "ssh",
    "sshd",
    "strace",
    "strings",
    "svcs",
    "traceroute",
    "truss",
    "wall",
    "who",
    "xmllint",
    "zonename",
];

/// Commands that change the machine, which is not for a test of a compiler.
const CHANGES: &[&str] = &["exportfs", "insmod", "mkfs", "modprobe", "mount", "rmmod", "swapon"];

/// Words for what stands in the way, and what they are.
const MECHANISMS: &[(&str, &str)] = &[
    ("disasm", "lists instructions of BPF"),
    ("bpflog", "the log of BPF's verifier"),
    ("kallmodsyms", "a file of /proc that kernels of another vendor have"),
    ("ctfa", "types from an archive of CTF"),
    ("ctfpath", "types from an archive of CTF"),
    ("modpath", "modules with CTF in a directory"),
    ("linknommap", "an option of that linker's"),
    ("lockmem", "an option for memory of BPF"),
    ("dtprobed", "the daemon that registers probes there"),
    ("procfs_h", "headers of that platform"),
];

/// Functions of another implementation's language.
const FUNCTIONS: &[&str] = &["link_ntop", "pcap"];

/// Types and modules of kernels that are not Linux.
const ELSEWHERE: &[&str] =
    &["genunix", "kmutex_t", "krwlock_t", "kthread_t", "mblk_t", "msgb", "proc_t", "vnode_t"];

/// Options of another implementation.
const OPTIONS: &[&str] = &["cppargs", "linknommap", "maxframes", "noresolve", "printsize", "scratchsize"];

/// Functions that do something else in another implementation.
const SEMANTICS: &[(&str, &str)] = &[
    ("cleanpath", "cleanpath( ) also takes away a slash at the end and a dot at the start there"),
    ("inet_ntoa6", "inet_ntoa6( ) has a second argument there, and another form for addresses of IPv4"),
    ("print", "print( ) shows what a pointer leads to there"),
];

/// Options that mean something else in another implementation.
const MEANINGS: &[(&str, &str)] = &[
    ("dynvarsize", "dynamic variables have other sizes there"),
    ("iregs", "the registers of BPF are other ones and fewer"),
    ("ldpath", "-G links by itself here, and runs no linker"),
    ("specsize", "a clause takes other room in a speculative buffer there"),
    ("strsize", "a string holds one character more there"),
    ("tregs", "keys are not passed in registers of a tuple's own there"),
];

/// How many characters a string has there and not here, unless an option says how many.
const LONGEST: usize = 256;

/// What is there on this machine.
pub(crate) struct Platform {
    /// The providers that `dtrace -l` lists.
    pub(crate) providers: Vec<String>,
}

impl Platform {
    pub(crate) fn ask(dtrace: &Path) -> io::Result<Self> {
        let output = Command::new(dtrace).arg("-l").output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut providers: Vec<String> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(1))
            .map(str::to_owned)
            .collect();
        providers.sort();
        providers.dedup();
        if providers.is_empty() {
            return Err(io::Error::other("lists no provider"));
        }
        Ok(Self { providers })
    }

    fn has(&self, provider: &str) -> bool {
        self.providers.iter().any(|there| there == provider)
    }
}

/// Why a test is not run, if it is not.
pub(crate) fn exclude(test: &Test, platform: &Platform, place: &Place) -> Option<String> {
    if let Some(reason) = &test.disowned {
        return Some(reason.clone());
    }
    for script in &test.conditions {
        match place.condition(test, script) {
            (0, _) => {}
            (1, why) => return Some(format!("the suite's condition says that it fails here: {why}")),
            (_, why) => return Some(format!("the suite's condition says no: {why}")),
        }
    }
    if test.form == Form::C {
        return Some("a C program against the library of its platform".to_owned());
    }
    if let (Expects::Tag(tag), Dialect::Oracle) = (&test.expects, test.dialect)
        && let Some(why) = tags::foreign(tag)
    {
        return Some(format!("{tag}: {why}"));
    }
    let text = without_comments(&test.text, test.form == Form::Script);
    if let Some(reason) = missing_provider(test, &text, platform) {
        return Some(reason);
    }
    if test.dialect == Dialect::Oracle
        && let Some(reason) = foreign(test, &text)
    {
        return Some(reason);
    }
    if test.dialect == Dialect::Common
        && let Some(name) = ELSEWHERE.iter().find(|name| mentions(&text, name))
    {
        return Some(format!("names {name}, which is of another kernel"));
    }
    if test.form == Form::Script
        && let Some(reason) = missing_tool(test, &text)
    {
        return Some(reason);
    }
    if let Some(filter) = &test.filter
        && let Some(interpreter) = interpreter_of(filter)
        && !Path::new(&interpreter).exists()
    {
        return Some(format!("needs {interpreter}"));
    }
    if test.form != Form::Script {
        if test.class() == Class::CompileError && names_kernel_symbol(&text) {
            return Some("needs the types of the kernel's variables, which BTF does not have".to_owned());
        }
        if names_kernel_symbol(&text)
            || ["curthread", "curcpu", "curlwpsinfo", "curpsinfo"].iter().any(|name| mentions(&text, name))
        {
            return Some("reads the kernel's memory, which takes the driver".to_owned());
        }
    }
    if let Some(trigger) = &test.trigger
        && let Err(why) = place.executable(&trigger.program)
    {
        return Some(format!("what it traces: {why}"));
    }
    if test.form == Form::Script
        && let Err(why) = place.provide(test, &text)
    {
        return Some(format!("what the suite's own build makes: {why}"));
    }
    None
}

/// What the test uses of a language or a consumer that has gone another way than ours.
fn foreign(test: &Test, text: &str) -> Option<String> {
    let all = [text, &test.options];
    let uses =
        |word: &str| all.iter().any(|text| mentions(text, word) || text.contains(&format!("-x{word}")));
    if let Some((word, what)) = MECHANISMS.iter().find(|(word, _)| uses(word)) {
        return Some(format!("{what} ({word})"));
    }
    if all.iter().any(|text| lists_instructions(text)) {
        return Some("lists instructions of BPF (-S)".to_owned());
    }
    let calls = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            text[at + name.len()..].trim_start().starts_with('(')
                && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    };
    if let Some(function) = FUNCTIONS.iter().find(|function| calls(function)) {
        return Some(format!("calls {function}( ), which this language does not have"));
    }
    if let Some(option) = OPTIONS.iter().find(|option| uses(option)) {
        return Some(format!("sets the option {option}, which is another implementation's own"));
    }
    if let Some((_, what)) = SEMANTICS.iter().find(|(function, _)| calls(function)) {
        return Some((*what).to_owned());
    }
    if test.class() == Class::CompileError {
        return None;
    }
    if let Some((option, what)) = MEANINGS.iter().find(|(option, _)| uses(option)) {
        return Some(format!("{what} ({option})"));
    }
    let expected =
        test.expected.as_ref().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    if uses("vmlinux") || expected.contains("vmlinux") {
        return Some("names the kernel as a module, which takes the driver".to_owned());
    }
    if test.form == Form::Script {
        return None;
    }
    if calls("llquantize") && test.expected.is_some() {
        return Some("llquantize( ) has other buckets and rows there".to_owned());
    }
    if expected.contains("Enabling exceeds size of buffer") {
        return Some(
            "a buffer without room for one record is refused there, and loses records here".to_owned(),
        );
    }
    if calls("alloca") && (test.expects == Expects::Failure || expected.contains("at BPF pc")) {
        return Some("each piece of scratch memory has bounds of its own there".to_owned());
    }
    if expected.contains("index out of bounds") {
        return Some("an index has the bounds of the declaration there, and is C's here".to_owned());
    }
    if literals(text).any(|literal| literal.len() >= LONGEST) {
        return Some("a string holds one character more there".to_owned());
    }
    let solid: String = text.split_whitespace().collect();
    if solid.contains("%(-") && test.expected.is_some() {
        return Some("a remainder has the sign of the quotient there, and C's here".to_owned());
    }
    if clauses(text).any(|clause| clause.matches("commit(").count() > 1) {
        return Some("a clause may commit more than once there".to_owned());
    }
    if text.contains("R_SP") && !uses("uregs") {
        return Some("the registers of user processes have other numbers there".to_owned());
    }
    let narrow = ["int8_t", "int16_t", "uint32_t", "uint64_t", "signed", "struct", "union"];
    if calls("trace")
        && test.expected.is_some()
        && (narrow.iter().any(|word| uses(word)) || has_unsigned_constant(text))
    {
        return Some(
            "trace( ) shows narrow, unsigned and structured values by their types there, by their sizes here"
                .to_owned(),
        );
    }
    if solid.contains("/pid==0/") {
        return Some("asks for the kernel's own threads, which takes the driver".to_owned());
    }
    if (text.contains("profile-") || text.contains("tick-")) && uses("arg0") && uses("arg1") {
        return Some(
            "asks what a processor was doing when it was interrupted, which takes the driver".to_owned(),
        );
    }
    if uses("ERROR") && uses("arg1") {
        return Some("arg1 of ERROR is the probe there, and the enabled probe here".to_owned());
    }
    let arguments = text.split("copyinstr(").skip(1).filter_map(|rest| rest.split(')').next());
    if arguments.into_iter().any(|arguments| arguments.contains(',')) {
        return Some("the size that copyinstr( ) is given counts the NUL there".to_owned());
    }
    if (uses("$target") || text.contains("$target") || text.contains("$1"))
        && (text.contains("profile-") || text.contains("tick-"))
        && uses("pid")
    {
        return Some("samples another process, which takes the driver".to_owned());
    }
    None
}

/// Whether a command line has dtrace list instructions: `-S`, perhaps among other letters, `-Sen`.
fn lists_instructions(text: &str) -> bool {
    text.split_whitespace().filter_map(|word| word.strip_prefix('-')).any(|letters| {
        letters.contains('S')
            && letters.len() <= 5
            && letters.bytes().all(|byte| b"SCeqvwZsnPmf".contains(&byte))
    })
}

/// What is between the quotes of a D program's strings.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('"').skip(1).step_by(2))
}

/// What is between the braces of a D program.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

/// Whether there is a constant that says that it is unsigned: `1u`, `0xful`.
fn has_unsigned_constant(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| {
        let word = word.to_ascii_lowercase();
        let digits = word.trim_end_matches(['u', 'l']);
        word[digits.len()..].contains('u')
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.strip_prefix("0x").unwrap_or(digits).bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A provider that the test names and this machine does not have.
fn missing_provider(test: &Test, text: &str, platform: &Platform) -> Option<String> {
    let by_dtrace = |trigger: &crate::test::Trigger| trigger.timing == Timing::ByDtrace;
    let traced = test.trigger.as_ref().is_some_and(by_dtrace)
        || ["-c", "-p"].iter().any(|option| test.options.split_whitespace().any(|word| word == *option));
    // A function of the kernel, by whatever provider: `write:entry`.
    let described =
        |word: &str| matches!(word.split_once(':'), Some((name, "entry" | "return")) if !name.is_empty());
    let blank = |c: char| c.is_whitespace() || ",{/".contains(c);
    if !traced
        && test.class() != Class::CompileError
        && test.form != Form::Script
        && text.split(blank).any(described)
    {
        return Some("needs the system calls of every process, which takes the driver".to_owned());
    }
    let samples = ["stack(", "sym(", "func(", "mod(", "arg0", "arg1", "pid"];
    if test.form == Form::Script
        && text.contains("profile-")
        && samples.iter().any(|word| text.contains(word))
    {
        return Some("samples what processors do, which takes the driver".to_owned());
    }
    let listed = text.split_whitespace().zip(text.split_whitespace().skip(1));
    for (_, name) in listed.filter(|(option, _)| test.form == Form::Script && matches!(*option, "-P" | "-lP"))
    {
        if !platform.has(name) && PROVIDERS.contains(&name) {
            return Some(format!("needs the provider {name}"));
        }
    }
    for named in providers(text) {
        let of_process = named.contains("$target")
            || named.contains("$1")
            || named.contains("$pid")
            || named.contains("$!");
        let name = named.split('$').next().unwrap_or(named).trim_end_matches(|c: char| c.is_ascii_digit());
        if platform.has(name) {
            if name == "syscall"
                && !traced
                && test.class() != Class::CompileError
                && test.form != Form::Script
            {
                return Some("needs the system calls of every process, which takes the driver".to_owned());
            }
        } else if PROVIDERS.contains(&name) || of_process {
            return Some(format!(
                "needs the provider {}",
                if PROVIDERS.contains(&name) { name } else { "of a program's own probes" }
            ));
        }
    }
    None
}

/// A command that a script calls and this machine does not have, or should not.
fn missing_tool(test: &Test, text: &str) -> Option<String> {
    if let Some(interpreter) = test.text.lines().next().and_then(|line| line.strip_prefix("#!"))
        && let Some(program) = interpreter.split_whitespace().next()
        && !Path::new(program).exists()
    {
        return Some(format!("needs {program}"));
    }
    let first = |line: &str, word: &str| {
        line.split(['|', ';', '&', '(', '`']).any(|command| {
            command.trim_start().trim_start_matches("sudo ").split_whitespace().next() == Some(word)
        })
    };
    let calls = |word: &str| text.lines().any(|line| first(line, word));
    if let Some(tool) = CHANGES.iter().find(|tool| calls(tool)) {
        return Some(format!("changes the machine: {tool}"));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let there = |tool: &str| env::split_paths(&path).any(|directory| directory.join(tool).exists());
    if let Some(tool) = TOOLS.iter().find(|tool| calls(tool) && !there(tool)) {
        return Some(format!("needs {tool}"));
    }
    // Absolute paths of commands, which another system keeps elsewhere.
    let absolute = text.split(|c: char| c.is_whitespace() || "`(;|&\"'".contains(c)).filter(|word| {
        ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"]
            .iter()
            .any(|place| word.strip_prefix(place).is_some_and(|name| !name.is_empty()))
    });
    absolute
        .map(|word| word.trim_end_matches([')', ',', '.']))
        .find(|word| !Path::new(word).exists() && !word.contains(['$', '*']))
        .map(|word| format!("needs {word}"))
}

/// What a script's first line names.
fn interpreter_of(script: &Path) -> Option<String> {
    let text = std::fs::read(script).ok()?;
    let line = String::from_utf8_lossy(text.split(|b| *b == b'\n').next()?).into_owned();
    Some(line.strip_prefix("#!")?.split_whitespace().next()?.to_owned())
}
