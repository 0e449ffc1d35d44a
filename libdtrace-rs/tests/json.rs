//! `-x oformat=json`: what is written is parsed back, and says what docs/json.md says it does.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

fn dtrace(arguments: &[&str]) -> (Vec<Value>, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_dtrace"))
        .args(["-x", "oformat=json"])
        .args(arguments)
        .env("DTRACE_DEV", "embedded")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (lines(&text), String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
}

/// The objects of a text: each line must be one.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"))).collect()
}

/// What a quiet program writes.
fn quiet(program: &str) -> Vec<Value> {
    let (lines, error, status) = dtrace(&["-w", "-q", "-n", program]);
    assert_eq!((error.as_str(), status), ("", 0));
    assert_eq!(lines[0]["type"], "start");
    assert_eq!(lines.last().unwrap(), &json!({"type": "end", "status": 0}));
    lines
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// The records of a clause of BEGIN, without that of its exit.
fn records(statements: &str) -> Vec<Value> {
    let lines = quiet(&format!("{} BEGIN {{ {statements} exit(0); }}", TYPES));
    let firings = of(&lines, "firing");
    assert_eq!(firings.len(), 1);
    let mut records = firings[0]["records"].as_array().unwrap().clone();
    assert_eq!(records.pop().unwrap(), json!({"action": "exit", "status": 0}));
    records
}

const TYPES: &str = "enum colour { RED, GREEN = 7 };
    struct inner { short z[2]; };
    struct all { int a; char name[8]; unsigned b : 3; int c : 4; union { long x; unsigned char y; };
        int *q; struct inner in[2]; enum colour e;
        unsigned char mac[3]; };
    this struct all s;";

fn value(expression: &str) -> Value {
    let records = records(&format!("trace({expression});"));
    assert_eq!((records.len(), &records[0]["action"]), (1, &json!("trace")));
    records[0]["value"].clone()
}

#[test]
fn the_first_line_and_the_last_say_what_ran_and_how_it_ended() {
    let (lines, _, status) = dtrace(&["-n", "BEGIN, END { exit(3); }"]);
    let programs = json!([{"kind": "description", "name": "BEGIN, END ", "probes": 2}]);
    assert_eq!(lines[0], json!({"type": "start", "schema": 1, "programs": programs}));
    assert_eq!(lines.last().unwrap(), &json!({"type": "end", "status": 3}));
    assert_eq!(status, 3);
    let firing = &lines[1];
    assert_eq!(
        firing["probe"],
        json!({"id": 1, "provider": "dtrace", "module": "", "function": "", "name": "BEGIN"})
    );
    assert!(firing["cpu"].is_u64() && firing["epid"].is_u64());
}

#[test]
fn values_have_the_sign_and_the_size_of_their_types() {
    assert_eq!(value("-1"), json!(-1));
    assert_eq!(value("(char)-3"), json!(-3));
    assert_eq!(value("(unsigned char)253"), json!(253));
    assert_eq!(value("18446744073709551615ULL"), json!(u64::MAX));
    assert_eq!(value("-9223372036854775807LL - 1"), json!(i64::MIN));
    assert_eq!(value("(void *)4096"), json!(4096));
    assert_eq!(value("GREEN"), json!(7));
}

#[test]
fn strings_are_strings_whatever_is_in_them() {
    for text in ["", "two\nlines", "a \"quoted\" \\ word", "tab\t\u{1}", "grüße ☃"] {
        let d: String = text
            .chars()
            .flat_map(|c| match c {
                '\n' => "\\n".chars().collect::<Vec<_>>(),
                '\t' => "\\t".chars().collect(),
                '\u{1}' => "\\001".chars().collect(),
                '"' | '\\' => vec!['\\', c],
                c => vec![c],
            })
            .collect();
        assert_eq!(value(&format!("\"{d}\"")), json!(text));
    }
    assert_eq!(value("\"\\377x\""), json!({"bytes": "ff78"}));
}

#[test]
fn a_structure_is_an_object() {
    let records = records(
        "this->s.a = -5; this->s.name[0] = 'h'; this->s.name[1] = 'i'; this->s.b = 7; this->s.c = -2;
         this->s.x = 70000; this->s.q = (int *)16; this->s.in[1].z[1] = -4; this->s.e = GREEN;
         this->s.mac[1] = 200; print(this->s);",
    );
    // Assignments record nothing.
    assert_eq!(records.len(), 1);
    let want = json!({"a": -5, "name": "hi", "b": 7, "c": -2, "x": 70000, "y": 112, "q": 16,
        "in": [{"z": [0, 0]}, {"z": [0, -4]}], "e": 7, "mac": [0, 200, 0]});
    assert_eq!(records[0]["value"], want);
    assert_eq!(records[0]["type"], "struct all");
    assert!(records[0]["text"].as_str().unwrap().starts_with("struct all {\n    int a = 0xfffffffb\n"));
}

#[test]
fn each_action_says_what_it_did() {
    let all = records(
        "printf(\"%d %s|\\n\", 5, \"five\"); printf(\"nothing\"); this->m = (char *)alloca(4); this->m[0] = 65;
         tracemem(this->m, 4); tracemem(this->m, 4, 2); usym(5); stack(); ustack(3); print(300);
         system(\"echo out; exit %d\", 4); setopt(\"aggsortrev\", \"on\"); @a = count(); clear(@a);
         normalize(@a, 10); denormalize(@a); trunc(@a, 3); trunc(@a); ftruncate();",
    );
    let shown = |n: usize| &all[n];
    assert_eq!(shown(0), &json!({"action": "printf", "text": "5 five|\n", "arguments": [5, "five"]}));
    assert_eq!(shown(1), &json!({"action": "printf", "text": "nothing", "arguments": []}));
    assert_eq!(shown(2), &json!({"action": "tracemem", "bytes": "41000000"}));
    assert_eq!(shown(3), &json!({"action": "tracemem", "bytes": "4100"}));
    assert_eq!(shown(4)["value"]["name"], "0x5");
    assert!(shown(5)["value"]["frames"].is_array());
    assert!(shown(6)["value"]["frames"].is_array() && shown(6)["value"]["pid"].is_u64());
    assert_eq!(shown(7), &json!({"action": "print", "type": "int", "value": 300, "text": "int 0x12c"}));
    let system = json!({"action": "system", "command": "echo out; exit 4", "output": "out\n", "status": 4});
    assert_eq!(shown(8), &system);
    assert_eq!(shown(9), &json!({"action": "setopt", "option": "aggsortrev", "value": "on"}));
    assert_eq!(shown(10), &json!({"action": "clear", "aggregation": "a"}));
    assert_eq!(shown(11), &json!({"action": "normalize", "aggregation": "a", "factor": 10}));
    assert_eq!(shown(12), &json!({"action": "denormalize", "aggregation": "a"}));
    assert_eq!(shown(13), &json!({"action": "trunc", "aggregation": "a", "keep": 3}));
    assert_eq!(shown(14), &json!({"action": "trunc", "aggregation": "a", "keep": 0}));
    assert_eq!(shown(15), &json!({"action": "ftruncate"}));
    assert_eq!(all.len(), 16);
}

#[test]
fn aggregations_have_keys_and_values() {
    let lines = quiet(
        "BEGIN { @n[\"x\", -1] = count(); @n[\"y\", 2] = count(); @n[\"y\", 2] = count(); @ = avg(5); @ = avg(8);
         @q = quantize(-5); @q = quantize(100); @q = quantize(0); @l = lquantize(-1, 0, 10, 2);
         @l = lquantize(3, 0, 10, 2); @l = lquantize(30, 0, 10, 2); @ll = llquantize(35, 10, 0, 2, 10);
         @half = sum(10); normalize(@half, 2); exit(0); }",
    );
    let all = of(&lines, "aggregation");
    let names: Vec<&str> = all.iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["n", "_", "q", "l", "ll", "half"]);
    let entries = |n: usize| &all[n]["entries"];
    assert_eq!(entries(0), &json!([{"key": ["x", -1], "value": 1}, {"key": ["y", 2], "value": 2}]));
    assert_eq!((&all[1]["function"], entries(1)), (&json!("avg"), &json!([{"key": [], "value": 6}])));
    let buckets = |n: usize| &entries(n)[0]["value"]["buckets"];
    let bucket = |from: Option<i64>, to: Option<i64>| json!({"from": from, "to": to, "count": 1});
    let want = json!([bucket(Some(-7), Some(-4)), bucket(Some(0), Some(0)), bucket(Some(64), Some(127))]);
    assert_eq!(buckets(2), &want);
    assert_eq!(
        buckets(3),
        &json!([bucket(None, Some(-1)), bucket(Some(2), Some(3)), bucket(Some(10), None)])
    );
    assert_eq!(buckets(4), &json!([bucket(Some(30), Some(39))]));
    assert_eq!(entries(5), &json!([{"key": [], "value": 5, "normal": 2}]));
}

#[test]
fn what_the_program_prints_itself_is_in_its_record() {
    let lines = quiet(
        "BEGIN { @a[\"k\"] = sum(3); @b[\"k\"] = max(9); exit(0); }
         END { printa(@a); printa(\"%s %@d %@d\\n\", @a, @b); }",
    );
    assert!(of(&lines, "aggregation").is_empty());
    let firings = of(&lines, "firing");
    let printed = firings.last().unwrap()["records"].as_array().unwrap();
    let a = json!({"name": "a", "id": 1, "function": "sum", "entries": [{"key": ["k"], "value": 3}]});
    let b = json!({"name": "b", "id": 2, "function": "max", "entries": [{"key": ["k"], "value": 9}]});
    assert_eq!(printed[0], json!({"action": "printa", "aggregations": [a]}));
    assert_eq!(printed[1], json!({"action": "printa", "text": "k 3 9\n", "aggregations": [a, b]}));
}

#[test]
fn faults_and_drops_are_lines_in_their_place_and_no_message() {
    let (lines, error, _) = dtrace(&[
        "-q",
        "-x",
        "dynvarsize=256",
        "-n",
        "BEGIN { trace(*(int *)8); } BEGIN /1 / (pid - pid)/ { } tick-5ms { a[i++] = 1; a[i++] = 1; a[i++] = 1; }
         tick-5ms /n++ == 5/ { trace(\"last\"); exit(0); }",
    ]);
    assert_eq!(error, "");
    let faults = of(&lines, "fault");
    assert_eq!((&faults[0]["fault"], &faults[0]["address"]), (&json!("invalid address"), &json!(8)));
    assert_eq!((&faults[1]["fault"], &faults[1]["action"]), (&json!("divide-by-zero"), &json!(0)));
    assert!(faults[0]["message"].as_str().unwrap().starts_with("error on enabled probe ID"));
    let drops = of(&lines, "drop");
    assert!(drops.iter().all(|drop| drop["kind"].as_str().unwrap().starts_with("dynamic")));
    assert!(drops[0]["count"].as_u64().unwrap() > 0 && drops[0]["cpu"].is_null());
    let at = |kind: &str| lines.iter().position(|line| line["type"] == kind).unwrap();
    assert!(at("fault") < at("end") && at("drop") < at("end"));
}

#[test]
fn a_wrong_program_is_an_object_too() {
    let (lines, error, status) = dtrace(&["-n", "BEGIN { nobody; }"]);
    assert_eq!(status, 1);
    assert_eq!(
        (lines.len(), &lines[0]["type"], &lines[0]["tag"]),
        (1, &json!("error"), &json!("D_IDENT_UNDEF"))
    );
    assert_eq!(error.trim_end(), format!("dtrace: {}", lines[0]["message"].as_str().unwrap()));
}

#[test]
fn a_file_gets_the_lines_and_freopen_sends_them_elsewhere() {
    let directory = std::env::temp_dir().join(format!("dtrace-json-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (first, second) = (directory.join("first"), directory.join("second"));
    let program = format!(
        "BEGIN {{ trace(1); freopen(\"{}\"); }} BEGIN {{ trace(2); freopen(\"\"); }} BEGIN {{ trace(3); exit(0); }}",
        second.display()
    );
    let (output, _, status) = dtrace(&["-q", "-w", "-o", first.to_str().unwrap(), "-n", &program]);
    assert_eq!((output.len(), status), (0, 0));
    let read = |path| lines(&std::fs::read_to_string(path).unwrap());
    let values = |lines: &[Value]| -> Vec<Value> {
        of(lines, "firing")
            .iter()
            .flat_map(|f| f["records"].as_array().unwrap().clone())
            .filter_map(|r| r.get("value").cloned())
            .collect()
    };
    // Where a clause reopens the output, its own line goes to the new place already.
    assert_eq!(values(&read(&second)), [json!(1)]);
    assert_eq!(values(&read(&first)), [json!(2), json!(3)]);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn flow_time_and_processes_have_members_of_their_own() {
    let (lines, _, status) =
        dtrace(&["-F", "-x", "temporal", "-c", "true", "-n", "syscall::exit_group:entry, syscall::brk: { }"]);
    assert_eq!(status, 0);
    let firings = of(&lines, "firing");
    let stamps: Vec<u64> = firings.iter().map(|f| f["timestamp"].as_u64().unwrap()).collect();
    assert!(stamps.is_sorted() && stamps.len() >= 3);
    let flow = |n: usize| (firings[n]["flow"].as_str().unwrap(), firings[n]["depth"].as_u64().unwrap());
    assert_eq!((flow(0), flow(1)), (("entry", 0), ("return", 0)));
    let ended = of(&lines, "process");
    assert_eq!((ended.len(), &ended[0]["status"]), (1, &json!(0)));
}
