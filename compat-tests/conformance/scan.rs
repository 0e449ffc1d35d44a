//! What the text of a test mentions: found without understanding D or the shell, which is enough to say what it needs.

/// The text without C's comments, and without the shell's if it is a script.
pub(crate) fn without_comments(text: &str, script: bool) -> String {
    if script {
        return text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n");
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        plain.push_str(&rest[..start]);
        plain.push(' ');
        rest = rest[start + 2..].split_once("*/").map_or("", |(_, behind)| behind);
    }
    plain.push_str(rest);
    plain
}

/// Whether a word of identifier characters stands in the text.
pub(crate) fn mentions(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part)
            && !text[at + word.len()..].chars().next().is_some_and(part)
    })
}

/// The providers of the probe descriptions in a text: whatever stands before the first of two or more colons of a word.
pub(crate) fn providers(text: &str) -> Vec<&str> {
    let outside = |c: char| !(c.is_alphanumeric() || "_$*?[]-.:`%+{}".contains(c));
    let words = text.split(outside).map(|word| word.trim_start_matches('{'));
    let mut found: Vec<&str> =
        words.filter(|w| w.matches(':').count() >= 2).filter_map(|w| w.split(':').next()).collect();
    found.retain(|provider| !provider.is_empty());
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a D program names a symbol of the kernel: a backquote before a name.
pub(crate) fn names_kernel_symbol(text: &str) -> bool {
    text.match_indices('`').any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// The value of `@@name: value` in a comment of a test; empty if it has none.
pub(crate) fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut rest = line;
        while let Some((_, behind)) = rest.split_once("@@") {
            if let Some(value) = behind.strip_prefix(name)
                && !value.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
            {
                let value = value.trim_start();
                let value = value.strip_prefix(':').unwrap_or(value);
                return Some(value.split("*/").next().unwrap_or(value).trim());
            }
            rest = behind;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_what_stands_before_the_first_colon() {
        let text =
            "BEGIN, syscall::open:entry /x ? y : z/ { } pid$target:a.out:main:entry {} profile:::tick-1s {}";
        assert_eq!(providers(text), ["pid$target", "profile", "syscall"]);
    }

    #[test]
    fn tags_end_with_their_comment() {
        let text = "/* @@timeout: 15 */\n/* @@nosort */\n# @@runtest-opts: -p $_pid\n";
        assert_eq!(tag(text, "timeout"), Some("15"));
        assert_eq!(tag(text, "nosort"), Some(""));
        assert_eq!(tag(text, "runtest-opts"), Some("-p $_pid"));
        assert_eq!(tag(text, "runtest"), None);
    }

    #[test]
    fn words_are_whole() {
        assert!(mentions("x = curthread->t;", "curthread"));
        assert!(!mentions("mycurthread", "curthread"));
        assert!(names_kernel_symbol("trace(`max_pfn)"));
        assert!(!names_kernel_symbol("x=`date`".replace('`', "").as_str()));
    }

    #[test]
    fn comments_are_left_out() {
        assert_eq!(without_comments("a /* fbt:::x */ b", false), "a   b");
        assert_eq!(without_comments("#!/bin/sh\n# fbt:::x\nls\n", true), "ls");
    }
}
