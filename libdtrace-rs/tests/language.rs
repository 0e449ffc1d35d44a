//! The programs of the language reference, docs/language: each is compiled, and those with an output behind them are run.
//!
//! A program is a block that begins with ```` ```d ````. If the next block begins with ```` ```text ````, that is what the program prints
//! (`-q`, standard output, without empty lines at the end). Words behind `d`: `options="…"` before `-s PROGRAM`,
//! `arguments="…"` behind it, and `fails` for a program that does not compile, whose text is the message. With UPDATE_LANGUAGE in the
//! environment the outputs are written anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A block of a page: the lines between its fences.
#[derive(Clone, Debug)]
struct Block {
    /// What stands behind the first fence.
    info: String,
    /// The first line, from 0.
    start: usize,
    /// One more than the last.
    end: usize,
}

fn blocks(lines: &[&str]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (n, line) in lines.iter().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(block)) => {
                blocks.push(Block { end: n, ..block.clone() });
                open = None;
            }
            (Some(info), None) => open = Some(Block { info: info.to_string(), start: n + 1, end: n + 1 }),
            _ => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// The words of a value in quotes, as the shell would have them: 'one word'.
fn words(info: &str, name: &str) -> Vec<String> {
    let Some(at) = info.find(&format!("{name}=\"")) else { return Vec::new() };
    let value = info[at + name.len() + 2..].split('"').next().unwrap();
    let quoted = value.split('\'').enumerate();
    quoted
        .flat_map(|(n, part)| match n % 2 {
            0 => part.split_whitespace().map(str::to_string).collect(),
            _ => vec![part.to_string()],
        })
        .collect()
}

/// Runs a program: what it prints, or for one that fails its message.
fn run(directory: &Path, info: &str, program: &str, only_compile: bool) -> Result<String, String> {
    let script = directory.join("program.d");
    std::fs::write(&script, program).unwrap();
    let fails = info.split_whitespace().any(|word| word == "fails");
    let output = Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_dtrace"), "-q"])
        .args(only_compile.then_some("-e"))
        .args(words(info, "options"))
        .args(["-s", script.to_str().unwrap()])
        .args(words(info, "arguments"))
        .envs([("DTRACE_DEV", "embedded"), ("TZ", "UTC"), ("LC_ALL", "C")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() == fails {
        return Err(format!("status {}: {error}", output.status));
    }
    if fails {
        let message = error.split_once("program.d: ").map_or(error.as_str(), |(_, message)| message);
        return Ok(message.trim_end().to_string());
    }
    let text = String::from_utf8(output.stdout).map_err(|e| e.to_string())?;
    Ok(text.trim_end_matches('\n').to_string())
}

fn pages() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language");
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

#[test]
fn the_variables_of_the_reference_are_there() {
    let page = pages().into_iter().find(|page| page.ends_with("variables.md")).unwrap();
    let text = std::fs::read_to_string(page).unwrap();
    let (_, table) = text.split_once("## Built-in variables").unwrap();
    let directory = std::env::temp_dir().join(format!("dtrace-variables-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut names = 0;
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let (column, meaning) = row[1..].split_once('|').unwrap();
        if meaning.contains("with the driver") || column.contains("curthread") {
            continue;
        }
        for name in column.split('`').skip(1).step_by(2) {
            names += 1;
            let probe = if name == "args[]" { "io:::start" } else { "BEGIN" };
            let program = format!("{probe} {{ trace({}); }}", name.replace("[]", "[0]"));
            let result = run(&directory, "d options=\"-Z -x errtags\"", &program, true);
            // What a value of its type cannot be used for is another matter.
            let unknown = |error: &String| ["_UNDEF]", "D_UNKNOWN"].iter().any(|tag| error.contains(tag));
            assert!(!result.as_ref().is_err_and(unknown), "{name}: {result:?}");
        }
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(names > 30, "{names}");
}

#[test]
fn every_program_of_the_reference_does_what_the_reference_says() {
    let directory = std::env::temp_dir().join(format!("dtrace-language-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let update = std::env::var_os("UPDATE_LANGUAGE").is_some();
    let (mut wrong, mut compiled, mut compared) = (Vec::new(), 0, 0);
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let blocks = blocks(&lines);
        let mut updated: Vec<String> = lines.iter().map(ToString::to_string).collect();
        for (n, block) in blocks.iter().enumerate().rev() {
            if block.info != "d" && !block.info.starts_with("d ") {
                continue;
            }
            let program = lines[block.start..block.end].join("\n") + "\n";
            let expected = blocks.get(n + 1).filter(|next| next.info == "text");
            let place = format!("{}:{}", page.file_name().unwrap().to_string_lossy(), block.start);
            match (run(&directory, &block.info, &program, expected.is_none()), expected) {
                (Err(error), _) => wrong.push(format!("{place}: {error}")),
                (Ok(_), None) => compiled += 1,
                (Ok(printed), Some(text)) => {
                    compared += 1;
                    let printed: Vec<&str> =
                        printed.trim_start_matches('\n').lines().map(str::trim_end).collect();
                    let wanted: Vec<&str> =
                        lines[text.start..text.end].iter().map(|line| line.trim_end()).collect();
                    if update {
                        updated.splice(text.start..text.end, printed.iter().map(ToString::to_string));
                    } else if printed != wanted {
                        wrong.push(format!(
                            "{place}: prints\n{}\nand not\n{}",
                            printed.join("\n"),
                            wanted.join("\n")
                        ));
                    }
                }
            }
        }
        if update {
            std::fs::write(&page, updated.join("\n") + "\n").unwrap();
        }
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(compared > 40 && compiled > 5, "{compared} {compiled}");
}
