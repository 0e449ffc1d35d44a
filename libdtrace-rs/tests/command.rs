//! The command, end to end: our `dtrace` on the engine in its own process, and what it prints, to the column.
//!
//! The expected texts are what the original prints for the same data.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn dtrace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dtrace"));
    command.args(arguments).env("DTRACE_DEV", "embedded").env("TZ", "UTC").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    dtrace(arguments).output().unwrap()
}

/// What a program prints to standard output; it must exit with 0.
fn out(arguments: &[&str]) -> String {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a quiet program prints.
fn quiet(program: &str) -> String {
    out(&["-q", "-n", program])
}

/// The message and the exit code of a command that fails.
fn failure(arguments: &[&str]) -> (String, i32) {
    let output = run(arguments);
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code().unwrap())
}

/// The rows behind the heading, without the CPU, which may be any.
fn rows(text: &str) -> Vec<String> {
    text.lines().skip(1).map(|line| line.get(3..).unwrap_or(line).to_string()).collect()
}

#[test]
fn a_row_names_cpu_id_and_probe() {
    let text = out(&["-n", "BEGIN { trace(\"hello\"); trace(42); exit(0); }"]);
    assert!(text.starts_with("CPU     ID                    FUNCTION:NAME\n"), "{text}");
    let want = format!("      1                           :BEGIN   {:33}       42", "hello");
    assert_eq!(rows(&text), [want, String::new()]);
}

#[test]
fn the_number_of_matches_goes_to_standard_error_unless_it_is_quiet() {
    let output = run(&["-n", "BEGIN,END { exit(0); }"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "dtrace: description 'BEGIN,END ' matched 2 probes\n");
    assert!(run(&["-q", "-n", "BEGIN { exit(0); }"]).stderr.is_empty());
}

#[test]
fn a_clause_with_branches_is_one_match_for_each_probe() {
    let output = run(&["-n", "BEGIN, END { if (pid) { trace(1); } else { trace(2); } exit(0); }"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "dtrace: description 'BEGIN, END ' matched 2 probes\n"
    );
}

#[test]
fn descriptions_may_stand_one_behind_the_other() {
    let output = run(&["-n", "BEGIN END 1 { exit(0); }"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "dtrace: description 'BEGIN END 1 ' matched 3 probes\n"
    );
}

#[test]
fn exit_gives_the_exit_code() {
    assert_eq!(run(&["-q", "-n", "BEGIN { exit(3); }"]).status.code(), Some(3));
    assert_eq!(run(&["-q", "-n", "BEGIN { exit(300); }"]).status.code(), Some(44));
    assert_eq!(run(&["-q", "-n", "BEGIN { exit(3); } END { exit(4); }"]).status.code(), Some(4));
}

#[test]
fn values_are_printed_by_their_size() {
    let text = out(&[
        "-n",
        "BEGIN { trace((char)1); trace((short)2); trace(-3); trace((long)-4); trace((char)-1); exit(0); }",
    ]);
    assert!(rows(&text)[0].ends_with(":BEGIN    1     2       -3               -4 255"), "{text}");
}

#[test]
fn printf_prints_as_in_c() {
    let cases = [
        ("%d %u %x", "-1, -1, -1", "-1 4294967295 ffffffff"),
        ("%d %x", "-1L, -1L", "-1 ffffffffffffffff"),
        ("[%5d|%-5d|%05d|%+d|%#x]", "1, 2, 3, 4, 255", "[    1|2    |00003|+4|0xff]"),
        ("[%s|%10s|%-5s|%.2s]", "\"abc\", \"abc\", \"abc\", \"abc\"", "[abc|       abc|abc  |ab]"),
        ("%*d|%-*d|%.*d|", "5, 1, 5, 2, 3, 4", "    1|2    |004|"),
        ("%c%c %%", "65, 'b'", "Ab %"),
        ("%Y", "1000000000000000000ULL", "2001 Sep  9 01:46:40"),
        ("%p", "(void *)4096", "1000"),
        ("%s", "stringof(execname)", "dtrace"),
    ];
    for (format, arguments, want) in cases {
        let program = format!("BEGIN {{ printf(\"{format}\\n\", {arguments}); exit(0); }}");
        assert_eq!(quiet(&program), format!("{want}\n\n"), "{format}");
    }
}

#[test]
fn aggregations_are_printed_at_the_end_in_the_order_of_their_values() {
    let program =
        "BEGIN { @[\"a\", 1] = sum(7); @[\"b\", 2] = sum(-3); @[\"c\", 3] = sum(9000000000); exit(0); }";
    let want = "
  b                                                         2               -3
  a                                                         1                7
  c                                                         3       9000000000
";
    assert_eq!(quiet(program), want);
    let reversed = out(&["-q", "-x", "aggsortrev", "-n", program]);
    assert_eq!(reversed.lines().nth(1), want.lines().nth(3));
}

#[test]
fn every_aggregation_has_its_value() {
    let program = "BEGIN { @c = count(); @c = count(); @s = sum(5); @s = sum(6); @l = min(5); @l = min(-6);
        @h = max(5); @h = max(-6); @a = avg(5); @a = avg(8); @d = stddev(10); @d = stddev(20); exit(0); }";
    let values: Vec<_> = quiet(program).split_whitespace().map(str::to_string).collect();
    assert_eq!(values, ["2", "11", "-6", "5", "6", "5"]);
}

#[test]
fn a_quantize_is_a_picture() {
    let want = "

           value  ------------- Distribution ------------- count    
               0 |                                         0        
               1 |@@@@@@@@@@@@@@@@@@@@                     1        
               2 |                                         0        
               4 |@@@@@@@@@@@@@@@@@@@@                     1        
               8 |                                         0        

";
    assert_eq!(quiet("BEGIN { @ = quantize(1); @ = quantize(7); exit(0); }"), want);
}

#[test]
fn linear_and_log_linear_pictures_name_their_steps() {
    let linear = quiet(
        "BEGIN { @ = lquantize(3, 0, 10, 2); @ = lquantize(-1, 0, 10, 2); @ = lquantize(99, 0, 10, 2); exit(0); }",
    );
    assert!(
        linear.contains("             < 0 |@@@@@@@@@@@@@                            1        \n"),
        "{linear}"
    );
    assert!(
        linear.contains("               2 |@@@@@@@@@@@@@                            1        \n"),
        "{linear}"
    );
    assert!(
        linear.contains("           >= 10 |@@@@@@@@@@@@@                            1        \n"),
        "{linear}"
    );
    let log =
        quiet("BEGIN { @ = llquantize(250, 10, 0, 6, 20); @ = llquantize(2600, 10, 0, 6, 20); exit(0); }");
    assert!(log.contains("             250 |@@@@@@@@@@@@@@@@@@@@                     1        \n"), "{log}");
    assert!(log.contains("            2500 |@@@@@@@@@@@@@@@@@@@@                     1        \n"), "{log}");
}

#[test]
fn the_greatest_values_of_a_log_linear_picture_have_their_row() {
    let row = |value: &str| {
        let text = quiet(&format!("BEGIN {{ @ = llquantize({value}, 10, 0, 18, 10); exit(0); }}"));
        text.lines().find(|line| line.contains('@')).unwrap_or_default().to_string()
    };
    let bar = "@".repeat(40);
    assert_eq!(row("8000000000000000000"), format!(" 8000000000000000000 |{bar} 1        ").trim_start());
    assert!(row("0x7fffffffffffffff").trim_start().starts_with("9000000000000000000 |@"));
}

#[test]
fn a_stack_has_room_for_any_indentation() {
    let text = out(&[
        "-q",
        "-x",
        "stackindent=70000",
        "-c",
        "true",
        "-n",
        "syscall::exit_group:entry { ustack(1); exit(0); }",
    ]);
    assert!(text.lines().any(|line| line.len() > 65535), "{}", text.len());
}

#[test]
fn what_freopen_cannot_open_is_a_fault_of_its_clause() {
    let program = "BEGIN { printf(\"a\\n\"); freopen(\"/nonexistent/x\"); printf(\"b\\n\"); exit(0); }";
    let output = run(&["-q", "-w", "-n", program]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\nb\n\n");
    let want = "dtrace: error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): couldn't freopen() \"/nonexistent/x\": \
                No such file or directory\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), want);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn tracemem_with_a_length_of_nothing_records_and_shows_all() {
    let shown = |length: i32| {
        let program = "BEGIN { this->m = (int *)alloca(8); *this->m = 0x41424344; n = $1; tracemem(this->m, 4, n); exit(0); }";
        out(&["-q", "-x", "argref", "-n", program, "--", &length.to_string()])
    };
    assert!(shown(0).contains(": 44 43 42 41 "), "{}", shown(0));
    assert_eq!(shown(-1), shown(0));
    assert!(shown(2).contains(": 44 43   "), "{}", shown(2));
}

#[test]
fn printa_prints_what_was_aggregated_before() {
    let program = "BEGIN { @a[\"x\", 1] = count(); @b[\"x\", 1] = sum(5); exit(0); }
        END { printa(\"%s %d %@d\\n\", @a); printa(\"[%-4s|%@5d]\\n\", @b); printa(@a); printa(\"%s %d %@d %@d\\n\", @a, @b); }";
    // A key of two needs both: the second format takes the first only.
    let text = quiet(program);
    assert!(text.starts_with("x 1 1\n[x   |    5]\n\n"), "{text}");
    assert!(
        text.contains("\n  x                                                         1                1\n"),
        "{text}"
    );
    assert!(text.ends_with("x 1 1 5\n\n"), "{text}");
}

#[test]
fn library_actions_change_aggregations() {
    let fill = "BEGIN { @a[1] = sum(10); @a[2] = sum(20); @a[3] = sum(30); exit(0); }";
    let values = |end: &str| {
        let text = quiet(&format!("{fill} END {{ {end}; printa(\"%@d,\", @a); }}"));
        text.trim_end().to_string()
    };
    assert_eq!(values("clear(@a)"), "0,0,0,");
    assert_eq!(values("trunc(@a, 2)"), "20,30,");
    assert_eq!(values("trunc(@a, -1)"), "10,");
    assert_eq!(values("trunc(@a)"), "");
    assert_eq!(values("normalize(@a, 10)"), "1,2,3,");
    assert_eq!(values("normalize(@a, 10); denormalize(@a)"), "10,20,30,");
}

#[test]
fn a_fault_is_told_and_tracing_goes_on() {
    let output = run(&["-q", "-n", "BEGIN { trace(*(int *)0); } BEGIN { printf(\"on\\n\"); exit(0); }"]);
    let error = String::from_utf8_lossy(&output.stderr);
    let want = "dtrace: error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): invalid address (0x0) in action #1 at DIF offset ";
    assert!(error.starts_with(want), "{error}");
    assert_eq!(output.stdout, b"on\n\n");
    let (error, _) =
        failure(&["-q", "-n", "BEGIN { x = 0; trace(1 / x); exit(0); }", "-n", "ERROR { exit(1); }"]);
    assert!(error.contains("): divide-by-zero in action #2 at DIF offset "), "{error}");
}

#[test]
fn wrong_arguments_are_told_in_a_line() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["-n", "BEGIN { trace(x); }"],
            "invalid probe specifier BEGIN { trace(x); }: in action list: failed to resolve x: Unknown variable name",
        ),
        (
            &["-n", "nosuch:::"],
            "invalid probe specifier nosuch:::: probe description nosuch::: does not match any probes",
        ),
        (&["-s", "/nonexistent.d"], "failed to open /nonexistent.d: No such file or directory"),
        (&["-x", "nosuch"], "failed to set -x nosuch: Invalid option name"),
        (&["-b", "10q"], "failed to set -b 10q: Invalid value for specified option"),
        (&["-p", "x"], "invalid pid: x"),
        (&["-q"], "no probes specified"),
        (&["-c", "/nonexistent", "-n", "BEGIN"], "failed to execute /nonexistent: No such file or directory"),
        (
            &["-n", "BEGIN { exit(0); }", "unused"],
            "invalid probe specifier BEGIN { exit(0); }: extraneous argument 'unused' ($1 is not referenced)",
        ),
        (
            &["-e", "-i", "1-2"],
            "invalid probe specifier 1-2: probe description :::-2 does not match any probes",
        ),
        (
            &["-e", "-P", "1abc"],
            "invalid probe specifier 1abc: probe identifier 1 not permitted when specifying providers",
        ),
        (
            &["-e", "-m", "4.56"],
            "invalid probe specifier 4.56: probe identifier 4 not permitted when specifying modules",
        ),
        (
            &["-e", "-f", "7"],
            "invalid probe specifier 7: probe identifier 7 not permitted when specifying functions",
        ),
        (
            &["-e", "-n", "BEGIN END nosuch"],
            "invalid probe specifier BEGIN END nosuch: probe description :::nosuch does not match any probes",
        ),
        (
            &["-Ze", "-n", "pid$target:::entry"],
            "invalid probe specifier pid$target:::entry: 'pid0' does not contain a valid pid",
        ),
        (
            &["-Ze", "-n", "pid4194304:::entry"],
            "invalid probe specifier pid4194304:::entry: failed to grab process 4194304",
        ),
        (&["-n", "BEGIN { raise(9); }"], "could not enable tracing: Destructive actions not allowed"),
    ];
    for (arguments, want) in cases {
        let (error, code) = failure(arguments);
        assert_eq!(error.lines().last(), Some(format!("dtrace: {want}").as_str()), "{arguments:?}");
        assert_eq!(code, 1, "{arguments:?}");
    }
}

#[test]
fn wrong_usage_exits_with_two() {
    for arguments in [&["-y"][..], &["-n"], &[]] {
        let (error, code) = failure(arguments);
        assert!(error.contains("Usage: dtrace [-32|-64]"), "{error}");
        assert_eq!(code, 2);
    }
    assert_eq!(failure(&["-l", "-V"]).1, 2);
}

#[test]
fn a_missing_driver_is_told_when_it_was_asked_for() {
    let output = dtrace(&["-n", "BEGIN"]).env("DTRACE_DEV", "/nonexistent/dtrace").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error, "dtrace: failed to initialize dtrace: DTrace device not available on system\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn whoever_did_not_ask_for_the_embedded_engine_is_told_of_it() {
    if std::path::Path::new("/dev/dtrace").exists() {
        println!("skipped: this machine has the driver");
        return;
    }
    let told = |arguments: &[&str]| {
        let output = dtrace(arguments).env_remove("DTRACE_DEV").output().unwrap();
        String::from_utf8_lossy(&output.stderr).contains("embedded engine")
    };
    assert!(told(&["-n", "BEGIN { exit(0); }"]));
    assert!(!told(&["-q", "-n", "BEGIN { exit(0); }"]));
    assert!(!told(&["-c", "true", "-n", "BEGIN { exit(0); }"]));
    assert!(!run(&["-n", "BEGIN { exit(0); }"]).stderr.starts_with(b"dtrace: using"));
}

#[test]
fn probes_are_listed_in_columns() {
    let text = out(&["-l", "-n", "BEGIN", "-n", "syscall::getppid:entry"]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "   ID   PROVIDER            MODULE                          FUNCTION NAME");
    assert_eq!(lines[1], "    1     dtrace                                                     BEGIN");
    assert!(
        lines[2].ends_with("    syscall               x64                           getppid entry"),
        "{text}"
    );
    assert_eq!(out(&["-l", "-i", "1"]).lines().nth(1), Some(lines[1]));
    let output = run(&["-l", "-n", "nosuch"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "dtrace: failed to match :::nosuch: No probe matches description\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn verbose_tells_stability_and_arguments() {
    let text = out(&["-e", "-v", "-n", "dtrace:::BEGIN { trace(1); }"]);
    let want = "
Stability attributes for description dtrace:::BEGIN :

\tMinimum Probe Description Attributes
\t\tIdentifier Names: Stable
\t\tData Semantics:   Stable
\t\tDependency Class: Common

\tMinimum Statement Attributes
\t\tIdentifier Names: Stable
\t\tData Semantics:   Stable
\t\tDependency Class: Common

dtrace:::BEGIN

\tProbe Description Attributes
\t\tIdentifier Names: Stable
\t\tData Semantics:   Stable
\t\tDependency Class: Common

\tArgument Attributes
\t\tIdentifier Names: Stable
\t\tData Semantics:   Stable
\t\tDependency Class: Common

\tArgument Types
\t\tNone

";
    assert_eq!(text, want);
}

#[test]
fn the_version_is_that_of_the_interfaces() {
    assert_eq!(out(&["-V"]), "dtrace: Sun D 1.9\n");
    let output = run(&["-V", "-v"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("embedded engine"));
}

#[test]
fn a_script_has_arguments_and_options_of_its_own() {
    let dir = std::env::temp_dir().join(format!("dtrace-command-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let script = dir.join("s.d");
    let mut file = std::fs::File::create(&script).unwrap();
    file.write_all(b"#pragma D option quiet\nBEGIN { printf(\"%d %s\\n\", $1, $$2); exit(0); }\n").unwrap();
    let script = script.to_str().unwrap();
    assert_eq!(out(&["-s", script, "7", "word"]), "7 word\n\n");
    let (error, code) = failure(&["-s", script, "7"]);
    assert_eq!(
        (error.trim_end(), code),
        (
            format!("dtrace: failed to compile script {script}: line 2: macro argument $$2 is not defined")
                .as_str(),
            1
        )
    );
    let output = dir.join("out");
    let path = output.to_str().unwrap();
    for _ in 0..2 {
        assert_eq!(out(&["-q", "-o", path, "-n", "BEGIN { printf(\"x\\n\"); exit(0); }"]), "");
    }
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "x\n\nx\n\n");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn libraries_are_read_in_the_order_of_their_dependencies_and_wrong_ones_left_out() {
    let dir = std::env::temp_dir().join(format!("dtrace-libraries-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
    write("a.d", "#pragma D depends_on library z.d\ninline int twice = once * 2;\n");
    write("b.d", "inline int wrong = nosuch;\n");
    write("c.d", "#pragma D depends_on provider nosuch\ninline int never = 1;\n");
    write("z.d", "inline int once = 21;\n");
    let path = dir.to_str().unwrap();
    let output = run(&["-q", "-L", path, "-n", "BEGIN { printf(\"%d\\n\", twice); exit(0); }"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.stdout, b"42\n\n", "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains(&format!("library {path}/b.d is left out: line 1: failed to resolve nosuch")),
        "{error}"
    );
    assert_eq!(failure(&["-L", path, "-n", "BEGIN { trace(never); }"]).1, 1);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_command_is_traced_from_its_start_to_its_end() {
    let program = "syscall::exit_group:entry /pid == $target/ { printf(\"%d\\n\", arg0); }";
    let output = run(&["-n", program, "-c", "sh -c true"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(String::from_utf8_lossy(&output.stdout).contains("exit_group:entry 0\n"), "{error}");
    assert!(error.contains(" has exited\n"), "{error}");
}

#[test]
fn arguments_need_not_be_text() {
    let printed = |arguments: &[&str], last: &[u8]| {
        let mut command = dtrace(arguments);
        command.arg(OsStr::from_bytes(last)).output().unwrap().stdout
    };
    assert_eq!(printed(&["-q", "-n", "BEGIN { printf(\"%s\", $$1); exit(0); }"], b"\xff\xfe"), b"\xff\xfe\n");
    assert_eq!(printed(&["-q", "-n"], b"BEGIN { printf(\"%s\", \"\xff\"); exit(0); }"), b"\xff\n");
    assert_eq!(printed(&["-q", "-n", "BEGIN", "-c"], b"printf %s \xff"), b"\xff\n");
}

#[test]
fn addresses_of_a_short_command_have_names_and_its_end_its_words() {
    for _ in 0..5 {
        let text = out(&["-q", "-c", "true", "-n", "syscall::exit_group:entry { ustack(2); }"]);
        let frames: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        assert!(!frames.is_empty() && frames.iter().all(|frame| frame.contains('`')), "{text}");
    }
    let error = run(&["-c", "true", "-n", "BEGIN"]).stderr;
    assert!(String::from_utf8_lossy(&error).ends_with(" has exited\n"));
    let program = "syscall::exit_group:entry /pid == $target/ { raise(9); }";
    let error = run(&["-w", "-c", "true", "-n", program]).stderr;
    assert!(String::from_utf8_lossy(&error).ends_with(" terminated by SIGKILL\n"));
}

#[test]
fn a_program_that_is_bound_to_a_version_sees_nothing_newer() {
    let fault = |options: &[&str]| failure(&[&["-x", "version=1.0", "-n"], options].concat()).0;
    let unknown = fault(&["BEGIN { trace(ucaller); }"]);
    assert!(unknown.contains("failed to resolve ucaller: Unknown variable name"), "{unknown}");
    let undefined = fault(&["BEGIN { trace(strstr(\"a\", \"b\")); }"]);
    assert!(undefined.contains("undefined function name: strstr"), "{undefined}");
    let program = |version: &str, text: &str| out(&["-q", "-x", version, "-n", text]);
    assert_eq!(program("version=1.0", "BEGIN { strstr = 3; trace(strstr); exit(0); }"), "3\n");
    assert_eq!(program("version=1.1", "BEGIN { trace(strstr(\"abc\", \"b\")); exit(0); }"), "bc\n");
    // What a library is made of is its own affair.
    assert_eq!(program("version=1.0", "BEGIN { trace(curpsinfo->pr_pid == pid); exit(0); }"), "1\n");
}

#[test]
fn destructive_actions_need_w() {
    let text = out(&["-q", "-w", "-n", "BEGIN { printf(\"one \"); system(\"echo %s\", \"two\"); exit(0); }"]);
    assert_eq!(text, "one two\n\n");
}

#[test]
fn flow_is_indented() {
    let text = out(&["-F", "-n", "BEGIN { trace(1); exit(0); }"]);
    assert_eq!(text.lines().next(), Some("CPU FUNCTION                                 "));
    assert_eq!(rows(&text)[0], format!(" {:41}         1", "| :BEGIN"));
}

#[test]
fn an_interrupt_prints_the_aggregations() {
    let program = "BEGIN { @a = sum(5); printf(\"ready\\n\"); }";
    let mut child = dtrace(&["-q", "-n", program]).stdout(Stdio::piped()).spawn().unwrap();
    // What it has printed says that it has begun to consume.
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"ready\n");
    let start = Instant::now();
    // SAFETY: the process is our child and has not been waited for.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) };
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "\n\n                5\n");
    assert_eq!(output.status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5), "an interrupt ends the wait");
}

#[test]
fn structures_are_printed_with_their_members() {
    let program =
        "struct s { int a; char b[4]; }; BEGIN { s = (struct s *)alloca(sizeof (struct s)); s->a = 1;
        s->b[0] = 'x'; s->b[1] = 0; s->b[2] = 0; s->b[3] = 0; print(*s); print(s->a); exit(0); }";
    let want = "struct s {\n    int a = 0x1\n    char [4] b = [ \"x\" ]\n}int 0x1\n\n";
    assert_eq!(quiet(program), want);
}

#[test]
fn the_libraries_describe_processes_and_name_constants() {
    let program = r#"BEGIN {
        printf("%d %d %d ", curpsinfo->pr_pid == pid, curpsinfo->pr_ppid == ppid, curlwpsinfo->pr_lwpid == tid);
        printf("%s %s ", curpsinfo->pr_fname, curlwpsinfo->pr_name);
        printf("%d %d ", curcpu->cpu_id == cpu, curlwpsinfo->pr_onpro == cpu);
        printf("%d %d %d %d", ENOENT, SIGKILL, O_CREAT, AF_INET);
        exit(0);
    }"#;
    assert_eq!(quiet(program), "1 1 1 dtrace dtrace 1 1 2 9 64 2\n");
}

#[test]
fn the_arguments_of_a_process_are_its_command_line() {
    let arguments = quiet(r#"BEGIN { printf("%s\n%s", execargs, curpsinfo->pr_psargs); exit(0); }"#);
    let (one, other) = arguments.split_once('\n').unwrap();
    assert!(one.contains("dtrace -q -n BEGIN"), "{one}");
    assert_eq!(format!("{one}\n"), other);
}

#[test]
fn json_and_strtoll_and_lltostr_take_texts_apart() {
    let program = r#"BEGIN {
        this->j = "{\"a\": [1, {\"b\": \"two\"}], \"n\": -30}";
        printf("%s|%s|", json(this->j, "a[1].b"), json(this->j, "a"));
        printf("%d|%d|", strtoll(json(this->j, "n")), strtoll("ff", 16));
        printf("%s|%s", lltostr(255, 16), json(this->j, "nobody") == NULL ? "none" : "some");
        exit(0);
    }"#;
    assert_eq!(quiet(program), "two|[1, {\"b\": \"two\"}]|-30|255|0xff|none\n");
}

#[test]
fn a_library_that_is_wrong_is_reported_and_left_out() {
    let directory = std::env::temp_dir().join(format!("dtrace-libraries-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(
        directory.join("good.d"),
        "#pragma D depends_on library errno.d\ninline int MINE = ENOENT + 1;\n",
    )
    .unwrap();
    std::fs::write(directory.join("bad.d"), "inline int BAD = nothing;\n").unwrap();
    std::fs::write(directory.join("signal.d"), "inline int SIGKILL = 99;\n").unwrap();
    let program = "BEGIN { printf(\"%d %d\", MINE, SIGKILL); exit(0); }";
    let output = run(&["-q", "-L", directory.to_str().unwrap(), "-n", program]);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "3 99\n");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("bad.d is left out") && error.lines().count() == 1, "{error}");
}

#[test]
fn under_temporal_all_cpus_are_one_sequence() {
    // profile fires on a thread for each CPU of this machine.
    let program =
        "BEGIN { printf(\"0\\n\"); } profile-997 { printf(\"%d\\n\", timestamp); @cpus[cpu] = count(); }
        tick-400ms { exit(0); } END { printf(\"%d\\n\", timestamp); printa(\"cpu %d %@d\\n\", @cpus); }";
    let text = out(&["-q", "-x", "temporal", "-x", "switchrate=50hz", "-n", program]);
    let stamps: Vec<u64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(stamps.len() >= 2, "{text}");
    assert!(stamps.is_sorted(), "{text}");
    let counted: usize = text
        .lines()
        .filter(|l| l.starts_with("cpu "))
        .filter_map(|l| l.rsplit(' ').next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(counted + 2, stamps.len(), "nothing is lost and nothing comes twice: {text}");
}

#[test]
fn temporal_changes_no_record_and_no_fault() {
    let program = "BEGIN { x = 1; trace(\"first\"); printf(\"%d %s\", 5, \"five\"); }
        BEGIN { @a = count(); } BEGIN { trace(*(int *)8); } BEGIN { } BEGIN { exit(0); }";
    let run = |temporal: &[&str]| {
        let output = run(&[temporal, &["-n", program]].concat());
        (rows(&String::from_utf8(output.stdout).unwrap()), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run(&["-x", "temporal"]), run(&[]));
    // A program may ask for it itself.
    assert_eq!(quiet(&format!("#pragma D option temporal\n{program}")), quiet(program));
}

#[test]
fn the_command_has_the_environment_of_the_options() {
    let text = out(&["-q", "-x", "setenv=GIVEN=a=b", "-x", "unsetenv=TZ", "-c", "env", "-n", "BEGIN { }"]);
    assert!(text.lines().any(|line| line == "GIVEN=a=b"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("TZ=")), "{text}");
    let (error, status) = failure(&["-x", "setenv=GIVEN", "-n", "BEGIN"]);
    assert_eq!(error, "dtrace: failed to set -x setenv: Invalid value for specified option\n");
    assert_eq!(status, 1);
}

#[test]
fn errsource_shows_the_line_below_the_message() {
    let (error, _) = failure(&["-x", "errsource", "-n", "BEGIN { trace(nobody + 1); }"]);
    let want = "dtrace: invalid probe specifier BEGIN { trace(nobody + 1); }: in action list: failed to resolve nobody: \
                Unknown variable name\n  1 | BEGIN { trace(nobody + 1); }\n    |               ^~~~~~\n";
    assert_eq!(error, want);
    let script = std::env::temp_dir().join(format!("dtrace-errsource-{}.d", std::process::id()));
    std::fs::write(&script, "BEGIN\n{\n\tx = 1;\n\ttrace(1) trace(2);\n}\n").unwrap();
    let name = script.to_str().unwrap();
    let (plain, _) = failure(&["-s", name]);
    let (shown, _) = failure(&["-x", "errsource", "-s", name]);
    assert_eq!(shown, format!("{plain}  4 | \ttrace(1) trace(2);\n    | \t         ^~~~~\n"));
    std::fs::remove_file(&script).unwrap();
}

#[test]
fn a_program_that_matches_nothing_ends_unless_it_may() {
    let empty = failure(&["-x", "empty", "-n", ""]);
    assert!(empty.0.ends_with("dtrace: no probes matched\n"), "{}", empty.0);
    assert_eq!(empty.1, 1);
    assert!(out(&["-x", "empty", "-e", "-n", ""]).is_empty());
    let mut waiting = dtrace(&["-q", "-Z", "-n", "nosuch"]).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let early = waiting.try_wait().unwrap();
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    assert_eq!(early, None, "what is allowed to match nothing waits for an interrupt");
}

#[test]
fn trees_are_shown_on_demand() {
    let program = "inline int K = 1 + 2; BEGIN /pid/ { trace(K); }";
    let tree = |bits: &str| failure(&["-e", "-x", &format!("tree={bits}"), "-n", program]);
    let parsed = "program\n  inline K: int\n    +\n      1\n      2\n  clause, line 1\n    probe BEGIN\n    \
        predicate\n      pid\n    call\n      trace\n      K\n";
    let checked = "clause :::BEGIN\n  predicate\n    pid (pid_t)\n  trace\n    3 (int)\n";
    assert_eq!(tree("1"), (parsed.to_string(), 0));
    assert_eq!(tree("2"), (checked.to_string(), 0));
    assert_eq!(tree("3"), (format!("{parsed}{checked}"), 0));
    let (error, status) = tree("0");
    assert_eq!(
        (error.as_str(), status),
        ("dtrace: failed to set -x tree: Invalid value for specified option\n", 1)
    );
}

#[test]
fn types_are_written_as_ctf() {
    let directory = std::env::temp_dir().join(format!("dtrace-types-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let [c, d] = ["c.ctf", "d.ctf"].map(|name| directory.join(name));
    let option = |name: &str, path: &std::path::Path| format!("{name}={}", path.display());
    let program = "struct pair { int a : 3; struct pair *next; }; typedef struct pair pair_t; BEGIN { }";
    out(&["-e", "-x", &option("ctypes", &c), "-x", &option("dtypes", &d), "-n", program]);
    let read = |path: &std::path::Path| {
        let types = dtrace_rs::types::Types::with_btf_directory("/nonexistent");
        types.add_ctf_file(path, "written");
        types
    };
    let types = read(&d);
    let pair = types.lookup("written`pair_t").unwrap();
    assert_eq!(types.name(types.resolve(pair)), "struct pair");
    assert_eq!((types.size(pair), types.member(pair, "next").unwrap().bit_offset), (Some(16), 64));
    let types = read(&c);
    assert_eq!(types.size(types.lookup("written`unsigned long").unwrap()), Some(8));
    assert!(types.lookup("written`struct pair").is_err());
    std::fs::remove_dir_all(&directory).unwrap();
    let (error, status) = failure(&["-e", "-x", "ctypes=/nonexistent/types", "-n", "BEGIN"]);
    assert_eq!(error, "dtrace: failed to set -x ctypes: No such file or directory\n");
    assert_eq!(status, 1);
}

#[test]
fn a_program_does_not_see_names_that_came_after_its_version() {
    let fault = |version: &str, program: &str| {
        failure(&["-e", "-x", "errtags", "-x", &format!("version={version}"), "-n", program]).0
    };
    let tag = |text: &str| text.split_once('[').unwrap().1.split_once(']').unwrap().0.to_string();
    assert_eq!(tag(&fault("1.1", "BEGIN { trace(ucaller); }")), "D_IDENT_UNDEF");
    assert_eq!(fault("1.2", "BEGIN { trace(ucaller); }"), "");
    assert_eq!(tag(&fault("1.0", "BEGIN { trace(index(\"a\", \"b\")); }")), "D_FUNC_UNDEF");
    assert_eq!(tag(&fault("1.6", "BEGIN { @ = llquantize(1, 10, 0, 6, 20); }")), "D_FUNC_UNDEF");
    assert_eq!(tag(&fault("1.8.1", "BEGIN { print(1); }")), "D_FUNC_UNDEF");
    assert_eq!(tag(&fault("1.9", "#pragma D option version=1.5\nBEGIN { @ = stddev(1); }")), "D_FUNC_UNDEF");
    // Such a name is free, and libraries see all of them.
    assert_eq!(fault("1.1", "int ucaller; BEGIN { ucaller = 1; }"), "");
    assert_eq!(tag(&fault("1.9", "int ucaller; BEGIN { ucaller = 1; }")), "D_DECL_IDRED");
    assert_eq!(fault("1.0", "BEGIN { trace(curpsinfo->pr_psargs); }"), "");
}
