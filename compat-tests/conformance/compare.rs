//! What two machines and two mechanisms print alike: both sides are brought into one form before they are compared.
//!
//! Taken out are: addresses; the columns CPU and ID of a row (the suites print without them); the number of the CPU in a
//! drop's message; in the report of a fault, the id of the enabled probe and the place in the program, which one engine gives
//! as an offset in DIF and the other as one in BPF; in a compiler's message, everything but its tag; quotes around the name of
//! a script. Unless the order matters, lines are sorted, as the suites do.

/// The line between standard output and standard error.
const ERRORS: &str = "-- @@stderr --";

/// A text in the form that is compared.
pub(crate) fn canonical(text: &str, ordered: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut quoting = false;
    for text in text.lines().map(columns) {
        quoting = is_of_the_preprocessor(text) || quoting && is_a_quotation(text);
        if !quoting {
            lines.push(line(text));
        }
    }
    if !ordered {
        lines.sort();
    }
    lines
}

/// The part of an expected output that is standard output.
pub(crate) fn output_part(text: &str) -> &str {
    match text.strip_prefix(ERRORS) {
        Some(_) => "",
        None => text.find(&format!("\n{ERRORS}")).map_or(text, |at| &text[..=at]),
    }
}

/// What was printed, in one text.
pub(crate) fn joined(output: &str, errors: &str) -> String {
    if errors.is_empty() { output.to_owned() } else { format!("{output}{ERRORS}\n{errors}") }
}

/// Standard output with its columns CPU and ID taken away, which the suites' filters do not expect.
pub(crate) fn without_columns(text: &str) -> String {
    text.split_inclusive('\n').map(columns).collect()
}

/// A line without its columns, in the words that both sides share.
fn line(line: &str) -> String {
    let message = line.strip_prefix("dtrace: ").map(message).or_else(|| row(line));
    addresses(message.as_deref().unwrap_or(line))
}

/// What cpp says about a wrong program is its own: `FILE:LINE: error: ...`.
fn is_of_the_preprocessor(line: &str) -> bool {
    let place = line.split_once(": ").filter(|(_, rest)| {
        ["error: ", "fatal error: ", "warning: "].iter().any(|kind| rest.starts_with(kind))
    });
    place.is_some_and(|(place, _)| place.contains(':') && !place.contains(' '))
}

/// A line of the program as cpp shows it below a message, `    5 | #error`, or the mark under it, `      |  ^~~~~`.
fn is_a_quotation(line: &str) -> bool {
    line.split_once(" |").is_some_and(|(number, _)| number.bytes().all(|b| b == b' ' || b.is_ascii_digit()))
}

/// A row with one blank between its values: how wide the columns of `trace()` are has changed.
fn row(line: &str) -> Option<String> {
    let (_, rest) = line
        .split_once(':')
        .filter(|(function, _)| function.starts_with(' ') && !function.trim().contains(' '))?;
    let (name, values) = rest.split_once(' ')?;
    let values: Vec<&str> = values.split_whitespace().collect();
    Some(format!("{}:{name} {}", &line[..line.len() - rest.len() - 1].trim_start(), values.join(" ")))
}

/// A row without its columns CPU and ID: `%3d %6d ` before FUNCTION:NAME, or `%3d ` under flowindent.
fn columns(line: &str) -> &str {
    for (header, width) in [("CPU     ID ", 11), ("CPU FUNCTION", 4)] {
        if line.starts_with(header) {
            return &line[width..];
        }
    }
    let number = |text: &str| {
        text.trim_start().len() < text.len().max(1) + 1 && text.trim_start().parse::<u32>().is_ok()
    };
    let (Some(cpu), Some(rest)) = (line.get(..3), line.get(3..)) else { return line };
    if !number(cpu) || !rest.starts_with(' ') {
        return line;
    }
    if let (Some(id), Some(row)) = (line.get(4..10), line.get(10..))
        && number(id)
        && row.starts_with(' ')
        && row.split_whitespace().next().is_some_and(|name| name.contains(':'))
    {
        return &line[11..];
    }
    let flow = &rest[1..];
    if ["->", "<-", "=>", "<=", "| "].iter().any(|mark| flow.trim_start().starts_with(mark)) {
        return flow;
    }
    line
}

/// A message of dtrace, in the words that both mechanisms share.
fn message(text: &str) -> String {
    if text.starts_with("failed to compile ") {
        return match between(text, "[D_", "]") {
            Some(tag) => format!("dtrace: failed to compile: [D_{tag}]"),
            None => "dtrace: failed to compile".to_owned(),
        };
    }
    if let Some((head, body)) = fault(text) {
        return format!("dtrace: {head}error: {body}");
    }
    let mut text = text.replace(['\'', '"'], "");
    if let Some(at) = text.find("on CPU ") {
        let number = text[at + 7..].bytes().take_while(u8::is_ascii_digit).count();
        text.replace_range(at + 7..at + 7 + number, "#");
    }
    text.insert_str(0, "dtrace: ");
    text
}

/// The report of a fault: the tag before it, if any; the probe and what happened.
fn fault(text: &str) -> Option<(&str, String)> {
    // "error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): divide-by-zero in action #1 at DIF offset 8"
    // "error in dt_clause_1 for probe ID 1 (dtrace:::BEGIN): divide-by-zero at BPF pc 12"
    let start = text
        .find("error on enabled probe ID ")
        .or_else(|| text.find("error in ").filter(|_| text.contains(" probe ID ")))?;
    let (tag, report) = text.split_at(start);
    let (_, report) = report.split_once('(')?;
    let (probe, what) = report.split_once("): ")?;
    let probe = probe.split_once(": ").map_or(probe, |(_, probe)| probe);
    let end = [" in action #", " in predicate", " at DIF offset", " at BPF pc"]
        .iter()
        .filter_map(|mark| what.find(mark))
        .min();
    Some((tag, format!("{probe}: {}", &what[..end.unwrap_or(what.len())])))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inside, _)| inside)
}

/// A text with its hexadecimal numbers made one.
fn addresses(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        plain.push_str(&rest[..at]);
        let digits = rest[at + 2..].bytes().take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).count();
        plain.push_str(if digits == 0 { "0x" } else { "{ptr}" });
        rest = &rest[at + 2 + digits..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lose_their_columns() {
        let row = "  0      1                           :BEGIN         1";
        assert_eq!(columns(row), "                          :BEGIN         1");
        assert_eq!(
            columns("CPU     ID                    FUNCTION:NAME"),
            "                   FUNCTION:NAME"
        );
        assert_eq!(
            columns("  1  -> main                                  "),
            " -> main                                  "
        );
        assert_eq!(columns("  0  1  2  3"), "  0  1  2  3");
        assert_eq!(columns("  5"), "  5");
    }

    #[test]
    fn what_cpp_quotes_is_its_own_and_rows_of_flowindent_are_not() {
        let text = "  | main:entry\n    5 | x\nt.d:5:2: error: #error no\n    5 | #error no\n      |  ^~~~~\nb\n  | main:entry\n";
        assert_eq!(canonical(text, true), ["  | main:entry", "    5 | x", "b", "  | main:entry"]);
    }

    #[test]
    fn faults_of_both_engines_are_one() {
        let dif = "dtrace: error on enabled probe ID 1 (ID 1: dtrace:::BEGIN): invalid address (0x0) in action #1 at DIF offset 24";
        let bpf = "dtrace: error in dt_clause_1 for probe ID 1 (dtrace:::BEGIN): invalid address ({ptr}) at BPF pc NNN";
        assert_eq!(canonical(dif, true), canonical(bpf, true));
        assert_eq!(canonical(dif, true), ["dtrace: error: dtrace:::BEGIN: invalid address ({ptr})"]);
    }

    #[test]
    fn compilers_agree_by_tag() {
        let ours = "dtrace: failed to compile script a.d: [D_SYNTAX] line 4: syntax error near \"}\"";
        let theirs =
            "dtrace: failed to compile script b/a.d: [D_SYNTAX] line 4: syntax error, unexpected '}'";
        assert_eq!(canonical(ours, true), canonical(theirs, true));
        assert_ne!(canonical(ours, true), canonical(&theirs.replace("D_SYNTAX", "D_OP_INT"), true));
    }

    #[test]
    fn expected_output_ends_where_errors_begin() {
        assert_eq!(output_part("a\n-- @@stderr --\nb\n"), "a\n");
        assert_eq!(output_part("-- @@stderr --\nb\n"), "");
        assert_eq!(output_part("a\n"), "a\n");
    }
}
