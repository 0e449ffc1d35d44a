//! `--flamegraph` and `--heatmap`: the files are well-formed, need nothing beside themselves, and show what was aggregated.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dtrace-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn dtrace(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dtrace"));
    command.args(arguments).env("DTRACE_DEV", "embedded").stdin(Stdio::null()).output().unwrap()
}

/// An element: its name, its attributes, and the text in it.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    /// The name of the element around it.
    within: String,
}

impl Element {
    fn number(&self, name: &str) -> f64 {
        let value = self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        value.unwrap_or_else(|| panic!("{name} of {self:?}")).parse().unwrap()
    }
}

/// Reads XML, as strictly as these files need: what is not well-formed fails.
fn parse(text: &str) -> Vec<Element> {
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("a declaration");
    let (mut open, mut elements) = (Vec::<usize>::new(), Vec::<Element>::new());
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        match open.last() {
            Some(&n) => elements[n].text.push_str(&unescape(before)),
            None => assert_eq!(before.trim(), "", "text outside of the root"),
        }
        let end = tag.find('>').expect("a tag ends");
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let n = open.pop().expect("what is closed was opened");
            assert_eq!(elements[n].name, name);
            continue;
        }
        let closed = inside.ends_with('/');
        let inside = inside.trim_end_matches('/');
        let (name, mut attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        assert_eq!(open.is_empty(), elements.is_empty(), "one root");
        let within = open.last().map_or(String::new(), |&n| elements[n].name.clone());
        let mut element = Element { name: name.into(), attributes: Vec::new(), text: String::new(), within };
        while !attributes.is_empty() {
            let (name, after) = attributes.split_once("=\"").expect("a value in quotes");
            let (value, after) = after.split_once('"').expect("a value that ends");
            assert!(element.attributes.iter().all(|(known, _)| known != name), "{name} twice");
            element.attributes.push((name.into(), unescape(value)));
            attributes = after.trim_start();
        }
        elements.push(element);
        if !closed {
            open.push(elements.len() - 1);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    elements
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (name, after) = rest[at + 1..].split_once(';').expect("an entity ends");
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            other => panic!("no entity {other}"),
        });
        rest = after;
    }
    out.push_str(rest);
    assert!(out.chars().all(|c| !c.is_control() || c == '\n'), "{out:?}");
    out
}

/// The elements of a picture, which needs nothing beside itself.
fn picture(path: &Path) -> Vec<Element> {
    let text = std::fs::read_to_string(path).unwrap();
    let elements = parse(&text);
    let root = &elements[0];
    assert_eq!(root.name, "svg");
    assert!(root.attributes.contains(&("xmlns".into(), "http://www.w3.org/2000/svg".into())));
    for word in ["href", "url(", "script", "@import"] {
        assert!(!text.contains(word), "{word}");
    }
    // All that is drawn is in the picture.
    let (width, height) = (root.number("width"), root.number("height"));
    for rect in elements.iter().filter(|e| e.name == "rect") {
        assert!(rect.number("x") >= 0.0 && rect.number("x") + rect.number("width") <= width, "{rect:?}");
        assert!(rect.number("y") >= 0.0 && rect.number("y") + rect.number("height") <= height, "{rect:?}");
    }
    elements
}

/// The titles of boxes and fields.
fn titles(elements: &[Element]) -> Vec<&str> {
    elements.iter().filter(|e| e.name == "title" && e.within == "rect").map(|e| e.text.as_str()).collect()
}

#[test]
fn a_flame_graph_is_as_wide_as_what_was_counted() {
    let directory = directory("flame");
    let path = directory.join("flame.svg");
    let program = "syscall:::entry { @stacks[execname, \"<&\\\"\", ustack()] = count(); @all = count(); } END { printa(@all); }";
    let picture_to = format!("--flamegraph={}", path.display());
    let output = dtrace(&[&picture_to, "-q", "-c", "sleep 1", "-n", program]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let all: u64 = text.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    let elements = picture(&path);
    let titles = titles(&elements);
    assert_eq!(titles[0], format!("all ({all}, 100.00%)"), "{text}");
    assert!(titles.contains(&format!("sleep ({all}, 100.00%)").as_str()));
    assert!(titles.contains(&format!("<&\" ({all}, 100.00%)").as_str()));
    // The names of an ended process's functions are known.
    assert!(titles.iter().any(|title| title.starts_with("libc.so.6`")), "{titles:?}");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_heat_map_counts_what_was_counted() {
    let directory = directory("heat");
    let path = directory.join("heat.svg");
    let program =
        "BEGIN { n = 0; } tick-20ms { @a[\"<k>\"] = quantize(n); @l = lquantize(n, 0, 10, 5); n++; }
        tick-20ms /n == 8/ { printa(@a); clear(@a); } tick-20ms /n == 20/ { exit(0); }";
    let arguments =
        ["--heatmap", path.to_str().unwrap(), "-q", "-x", "aggrate=50ms", "-x", "switchrate=50ms"];
    let output = dtrace(&[&arguments[..], &["-n", program]].concat());
    assert!(output.status.success(), "{output:?}");
    let elements = picture(&path);
    let counted: u64 = titles(&elements)
        .iter()
        .filter(|title| title.contains(" s, "))
        .map(|title| title.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, 40, "twenty values in each of two distributions, and clear() takes none away");
    let names: Vec<&str> = elements.iter().filter(|e| e.name == "text").map(|e| e.text.as_str()).collect();
    assert!(names.contains(&"@a <k>") && names.contains(&"@l") && names.contains(&">= 10"), "{names:?}");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn who_has_aggregated_nothing_of_the_kind_is_told_so() {
    let directory = directory("nothing");
    let (flame, heat) = (directory.join("flame.svg"), directory.join("heat.svg"));
    let (flame, heat) = (flame.to_str().unwrap(), heat.to_str().unwrap());
    let program = "BEGIN { @[\"x\"] = count(); exit(0); }";
    let output = dtrace(&["--flamegraph", flame, "--heatmap", heat, "-q", "-n", program]);
    assert!(output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("the flame graph is empty") && error.contains("the heat map is empty"), "{error}");
    assert_eq!(titles(&picture(Path::new(flame))).len() + titles(&picture(Path::new(heat))).len(), 0);
    let output =
        dtrace(&["--heatmap", "/nonexistent/heat.svg", "-q", "-n", "BEGIN { @ = quantize(1); exit(0); }"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "dtrace: failed to write '/nonexistent/heat.svg': No such file or directory\n");
    std::fs::remove_dir_all(&directory).unwrap();
}
