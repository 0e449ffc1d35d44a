//! `-A` and `-a`, with the engine in the process of the command: what one command saves, another begins with and claims.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A file of this test's own.
struct Saved(PathBuf);

impl Saved {
    fn new(name: &str) -> Saved {
        let directory = std::env::temp_dir().join(format!("dtrace-saved-{}-{name}", std::process::id()));
        Saved(directory.join("anonymous.dof"))
    }

    /// Saves programs: the messages.
    fn save(&self, arguments: &[&str]) -> String {
        let output = self.command(&[&["-A", "-o", self.0.to_str().unwrap()], arguments].concat());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{message}");
        assert!(output.stdout.is_empty());
        message
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dtrace"));
        command
            .args(arguments)
            .env("DTRACE_DEV", "embedded")
            .env("DTRACE_ANONYMOUS", &self.0)
            .env("TZ", "UTC");
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// What a command prints that must succeed.
    fn out(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*error), (Some(0), ""), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn failure(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = self.command(arguments);
        assert!(output.stdout.is_empty());
        (String::from_utf8(output.stderr).unwrap(), output.status.code())
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap_or(Path::new("")));
    }
}

#[test]
fn what_is_saved_begins_and_is_claimed() {
    let saved = Saved::new("begins");
    let message = saved.save(&["-n", "BEGIN { trace(\"hello\"); trace(42); } END { trace(\"\"); }"]);
    assert_eq!(message, format!("dtrace: saved anonymous enabling in {}\n", saved.0.display()));
    // But for the processor, which is in the first three columns.
    let rows = |text: String| -> Vec<String> {
        text.lines().map(|line| line.get(3..).unwrap_or(line).trim_end().to_owned()).collect()
    };
    let claimed = rows(saved.out(&["-ae"]));
    let want = [
        "     ID                    FUNCTION:NAME",
        "      1                           :BEGIN   hello                                   42",
        "      2                             :END",
        "",
    ];
    assert_eq!(claimed, want);
    assert_eq!(rows(saved.out(&["-a", "-e"])), want, "another process begins anew");
}

#[test]
fn formats_aggregations_and_errors_need_no_program() {
    let saved = Saved::new("formats");
    let script = "BEGIN { printf(\"%s %d %5.5s|\\n\", probename, 7, \"abcdefgh\"); @a[\"key\", 3] = sum(5); @b[\"key\", 3] = count(); }
        BEGIN { @q = quantize(8); printa(\"%s %d: %@d\\n\", @a); printa(\"%s %d: %@d\\n\", @b); }
        BEGIN { @last[probeprov] = max(9); printa(\"%@d %@d\\n\", @a, @b); }";
    saved.save(&["-q", "-n", script, "-n", "BEGIN { trace(*(int *)0); }"]);
    let output = saved.command(&["-ae"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("error on enabled probe ID 4 (ID 1: dtrace:::BEGIN): invalid address (0x0)"),
        "{error}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[..4], ["BEGIN 7 abcde|", "key 3: 5", "key 3: 1", "5 1"], "{text}");
    assert!(lines.contains(&"dtrace                                                            9"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("8 |@@@")), "{text}");
}

#[test]
fn tracing_goes_on_after_it_was_claimed_until_it_ends_by_itself() {
    let saved = Saved::new("goes-on");
    saved.save(&[
        "-q",
        "-n",
        "BEGIN { trace(\"begun \"); } tick-20ms /n++ == 5/ { trace(n); exit(3); } END { trace(\" end\"); }",
    ]);
    let output = saved.command(&["-a"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), "begun 6 end");
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stderr.is_empty(), "{:?}", String::from_utf8(output.stderr));
}

#[test]
fn the_processes_of_c_are_traced_by_what_was_saved() {
    let saved = Saved::new("processes");
    saved.save(&["-q", "-n", "syscall::write:entry { @ = count(); } END { printa(\"%@d write\", @); }"]);
    let text = saved.out(&["-a", "-c", "/bin/echo hello"]);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["hello", "1 write"]);
}

#[test]
fn policies_and_options_are_saved_and_the_claimer_has_its_own_of_looking() {
    let saved = Saved::new("policies");
    for policy in ["ring", "fill", "switch"] {
        saved.save(&["-x", &format!("bufpolicy={policy}"), "-b", "4k", "-n", "BEGIN { trace(\"x\"); }"]);
        let text = saved.out(&["-aeq"]);
        assert_eq!(text.trim_end(), "x", "{policy}");
    }
}

#[test]
fn machines_are_told_what_can_be_known_without_the_program() {
    let saved = Saved::new("json");
    saved.save(&[
        "-n",
        "BEGIN { printf(\"%s %d\", probename, 3); trace(\"\"); trace(4); @named[\"key\"] = sum(5); }",
    ]);
    let text = saved.out(&["-ae", "-x", "oformat=json"]);
    assert!(text.contains(r#""text":"BEGIN 3","arguments":["BEGIN",3]"#), "{text}");
    assert!(text.contains(r#"{"action":"trace","value":""},{"action":"trace","value":4}"#), "{text}");
    assert!(
        text.contains(r#""name":null,"id":1,"function":"sum","entries":[{"key":["key"],"value":5}]"#),
        "{text}"
    );
}

#[test]
fn a_full_buffer_is_told_of_and_leaves_room_for_end() {
    let saved = Saved::new("full");
    let row = "BEGIN { printf(\"%s|\", \"x\"); }";
    saved.save(&["-q", "-b", "600", "-n", &row.repeat(9), "-n", "END { printf(\"%s|\", \"end\"); }"]);
    let output = saved.command(&["-ae"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), "x|x|end|");
    let messages = String::from_utf8(output.stderr).unwrap();
    assert!(messages.starts_with("dtrace: 7 drops on CPU "), "{messages}");
}

#[test]
fn without_an_anonymous_state_there_is_an_error() {
    let saved = Saved::new("none");
    let none = "dtrace: could not enable tracing: No anonymous tracing state\n".to_string();
    assert_eq!(saved.failure(&["-a"]), (none.clone(), Some(1)));
    assert_eq!(saved.failure(&["-ae"]), (none, Some(1)));
}

#[test]
fn who_claims_it_enables_nothing_himself() {
    let saved = Saved::new("own");
    saved.save(&["-n", "BEGIN { trace(1); }"]);
    let error = "dtrace: description 'BEGIN' matched 1 probe\n\
                 dtrace: could not enable tracing: Can't claim anonymous state and enable probes\n";
    assert_eq!(saved.failure(&["-a", "-n", "BEGIN"]), (error.to_string(), Some(1)));
    // What is only compiled is not enabled.
    assert!(saved.out(&["-ae", "-q", "-n", "BEGIN"]).starts_with('1'));
}

#[test]
fn a_file_that_is_none_is_not_used() {
    let saved = Saved::new("bad");
    saved.save(&["-n", "BEGIN { trace(1); }"]);
    let whole = std::fs::read(&saved.0).unwrap();
    for (bytes, why) in [
        (&b"hello"[..], "image 0: the image is truncated"),
        (&[0; 4096], "image 0: the image is truncated"),
        (&whole[..whole.len() - 8], "image 2: the image is truncated"),
        (&[], "nothing is saved"),
    ] {
        std::fs::write(&saved.0, bytes).unwrap();
        let (message, code) = saved.failure(&["-ae"]);
        let file = saved.0.display();
        assert!(message.starts_with(&format!("dtrace: {file} is not used: {why}\n")), "{message}");
        assert_eq!(code, Some(1));
    }
}

#[test]
fn a_without_a_program_cleans_up() {
    let saved = Saved::new("cleans");
    saved.save(&["-n", "BEGIN"]);
    let file = saved.0.display().to_string();
    let again = saved.save(&["-n", "END"]);
    assert_eq!(again, format!("dtrace: saved anonymous enabling in {file}\n"), "the new one takes its place");
    assert_eq!(saved.save(&[]), format!("dtrace: cleaned up old anonymous enabling in {file}\n"));
    assert!(!saved.0.exists());
    assert_eq!(saved.save(&[]), format!("dtrace: no anonymous enabling is saved in {file}\n"));
}

#[test]
fn what_does_not_compile_or_has_a_process_is_not_saved() {
    let saved = Saved::new("refused");
    saved.save(&["-n", "BEGIN { trace(5); }"]);
    let file = saved.0.to_str().unwrap();
    let (message, code) = saved.failure(&["-A", "-o", file, "-n", "BEGIN { nothing(); }"]);
    assert!(message.contains("undefined function name") && code == Some(1), "{message}");
    let (message, code) = saved.failure(&["-A", "-o", file, "-n", "BEGIN", "-c", "true"]);
    assert!(message.starts_with("dtrace: -c and -p cannot be used with -A") && code == Some(2), "{message}");
    saved.save(&["-e", "-n", "BEGIN { trace(6); }"]);
    assert!(saved.out(&["-aeq"]).starts_with('5'), "what was saved before is still there");
}
