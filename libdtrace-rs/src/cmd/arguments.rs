//! The arguments of the command.
//!
//! Options are read as `getopt` reads them, but operands may stand between them: they are the macro arguments `$1`, `$2` …
//! in order. Clauses and settings keep their order. The options that are words, of which the original has none, begin with two
//! dashes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::d::parser::SpecKind;
use crate::types::Model;

/// What the command is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Trace.
    #[default]
    Run,
    /// `-l`
    List,
    /// `-A`
    Anonymous,
    /// `-G`
    Link,
    /// `-h`
    Header,
    /// `-V`
    Version,
}

/// A clause or script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// `-P`, `-m`, `-f`, `-n`, `-i`: a text, and how its probe descriptions are counted.
    Text {
        /// How probe descriptions are counted.
        spec: SpecKind,
        /// The text.
        text: Vec<u8>,
    },
    /// `-s`
    Script(OsString),
}

/// An option of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// One that has a letter of its own.
    Letter {
        /// The letter.
        letter: char,
        /// The option's name.
        name: &'static str,
        /// Its value.
        value: Option<String>,
    },
    /// `-x name=value`
    Option {
        /// The option's name.
        name: String,
        /// Its value.
        value: Option<String>,
    },
}

/// What is wrong with the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The usage is shown too.
    Usage(String),
    /// Only the message, and the exit code.
    Message(String, u8),
}

/// The arguments, understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    pub(super) mode: Mode,
    pub(super) clauses: Vec<Clause>,
    pub(super) settings: Vec<Setting>,
    /// `-e`
    pub(super) only_compile: bool,
    /// `-v`
    pub(super) verbose: bool,
    /// `-c`
    pub(super) commands: Vec<OsString>,
    /// `-p`
    pub(super) processes: Vec<u32>,
    /// `-o`
    pub(super) output: Option<OsString>,
    /// `--flamegraph`
    pub(super) flamegraph: Option<OsString>,
    /// `--heatmap`
    pub(super) heatmap: Option<OsString>,
    /// `-w`
    pub(super) destructive: bool,
    /// `-32`, `-64`, `-arch`: of which data model the types of programs are.
    pub(super) model: Model,
    /// What `$1`, `$2` … stand for.
    pub(super) operands: Vec<OsString>,
}

/// The options that take an argument.
const WITH_ARGUMENT: &[u8] = b"bcDfiILmnopPsUxX36";
/// The options that take none.
const PLAIN: &[u8] = b"aABCeFGhHlqSvVwZ";

impl Arguments {
    /// Reads the words behind the command's name.
    pub(super) fn parse(words: &[OsString]) -> Result<Arguments, Fault> {
        let mut arguments = Arguments::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                arguments.operands.extend(words.cloned());
                break;
            }
            if let Some(long) = word.as_bytes().strip_prefix(b"--") {
                arguments.long(long, &mut words)?;
                continue;
            }
            let Some(letters) = word.as_bytes().strip_prefix(b"-").filter(|rest| !rest.is_empty()) else {
                arguments.operands.push(word.clone());
                continue;
            };
            if word == "-arch" {
                match words.next().and_then(|arch| arch.to_str()) {
                    Some("i386") => arguments.model = Model::Ilp32,
                    Some("x86_64") => arguments.model = Model::Lp64,
                    _ => {
                        let text = "expected 'i386' or 'x86_64' after -arch switch".to_string();
                        return Err(Fault::Message(text, super::ERROR));
                    }
                }
                continue;
            }
            for (at, byte) in letters.iter().enumerate() {
                let letter = char::from(*byte);
                if PLAIN.contains(byte) {
                    arguments.plain(letter)?;
                } else if WITH_ARGUMENT.contains(byte) {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() { words.next().cloned() } else { Some(owned(rest)) };
                    let missing = || Fault::Usage(format!("option requires an argument -- {letter}"));
                    arguments.valued(letter, &value.ok_or_else(missing)?)?;
                    break;
                } else {
                    let letter = String::from_utf8_lossy(&letters[at..]).chars().next().unwrap_or(letter);
                    return Err(Fault::Usage(format!("illegal option -- {letter}")));
                }
            }
        }
        Ok(arguments)
    }

    /// An option that is a word, without its dashes.
    fn long<'a>(&mut self, word: &[u8], rest: &mut impl Iterator<Item = &'a OsString>) -> Result<(), Fault> {
        let (name, value) = assigned(word);
        let slot = match name {
            b"flamegraph" => &mut self.flamegraph,
            b"heatmap" => &mut self.heatmap,
            _ => return Err(Fault::Usage(format!("illegal option -- {}", String::from_utf8_lossy(word)))),
        };
        let missing = || {
            let name = String::from_utf8_lossy(name);
            Fault::Usage(format!("option requires an argument -- {name}"))
        };
        *slot = Some(value.map(owned).or_else(|| rest.next().cloned()).ok_or_else(missing)?);
        Ok(())
    }

    fn mode(&mut self, mode: Mode) -> Result<(), Fault> {
        if self.mode != Mode::Run {
            let text = "only one of the [-AGhlV] options can be specified at a time".to_string();
            return Err(Fault::Message(text, super::USAGE));
        }
        self.mode = mode;
        Ok(())
    }

    fn set(&mut self, letter: char, name: &'static str, value: Option<&str>) {
        self.settings.push(Setting::Letter { letter, name, value: value.map(str::to_string) });
    }

    fn plain(&mut self, letter: char) -> Result<(), Fault> {
        match letter {
            'A' => self.mode(Mode::Anonymous)?,
            'G' => self.mode(Mode::Link)?,
            'h' => self.mode(Mode::Header)?,
            'l' => self.mode(Mode::List)?,
            'V' => self.mode(Mode::Version)?,
            'a' => self.set(letter, "grabanon", None),
            'C' => self.set(letter, "cpp", None),
            'e' => self.only_compile = true,
            'F' => self.set(letter, "flowindent", None),
            'H' => self.set(letter, "cpphdrs", None),
            'q' => self.set(letter, "quiet", None),
            'S' => self.set(letter, "verbose", None),
            'v' => self.verbose = true,
            'w' => {
                self.destructive = true;
                self.set(letter, "destructive", None);
            }
            'Z' => self.set(letter, "zdefs", None),
            // Output through the buffered handler looks the same.
            _ => {}
        }
        Ok(())
    }

    fn valued(&mut self, letter: char, word: &OsStr) -> Result<(), Fault> {
        let text = |spec| Clause::Text { spec, text: word.as_bytes().to_vec() };
        // What is no text is not the value of an option.
        let value = &*word.to_string_lossy();
        match letter {
            'b' => self.set(letter, "bufsize", Some(value)),
            'c' => self.commands.push(word.to_owned()),
            'D' => self.set(letter, "define", Some(value)),
            'f' => self.clauses.push(text(SpecKind::Function)),
            'i' | 'n' => self.clauses.push(text(SpecKind::Name)),
            'I' => self.set(letter, "incdir", Some(value)),
            'L' => self.set(letter, "libdir", Some(value)),
            'm' => self.clauses.push(text(SpecKind::Module)),
            'o' => self.output = Some(word.to_owned()),
            'p' => match value.parse::<i64>() {
                Ok(pid) => match u32::try_from(pid).ok().filter(|&pid| pid != 0) {
                    Some(pid) => self.processes.push(pid),
                    None => {
                        let text = format!("failed to grab pid {pid}: no such process");
                        return Err(Fault::Message(text, super::ERROR));
                    }
                },
                Err(_) => return Err(Fault::Message(format!("invalid pid: {value}"), super::ERROR)),
            },
            'P' => self.clauses.push(text(SpecKind::Provider)),
            's' => self.clauses.push(Clause::Script(word.to_owned())),
            'U' => self.set(letter, "undef", Some(value)),
            'x' => {
                let (name, value) = match value.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (value, None),
                };
                self.settings
                    .push(Setting::Option { name: name.to_string(), value: value.map(str::to_string) });
            }
            'X' => self.set(letter, "stdc", Some(value)),
            // -32 and -64: the argument is the second digit.
            _ => {
                let wanted = if letter == '3' { "2" } else { "4" };
                if value != wanted {
                    return Err(Fault::Usage(format!("illegal option -- {letter}{value}")));
                }
                self.model = if letter == '3' { Model::Ilp32 } else { Model::Lp64 };
            }
        }
        Ok(())
    }
}

/// What stands before an equals sign and behind it.
fn assigned(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    match word.iter().position(|&byte| byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    }
}

fn owned(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, Fault> {
        Arguments::parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_no_text_stays_as_it_is() {
        let words =
            [&b"-cecho \xff"[..], b"-n", b"BEGIN/\"\xfe\" != $$1/", b"\xff", b"--", b"-\xff"].map(owned);
        let got = Arguments::parse(&words).unwrap();
        assert_eq!(got.commands, [owned(b"echo \xff")]);
        let text = b"BEGIN/\"\xfe\" != $$1/".to_vec();
        assert_eq!(got.clauses, [Clause::Text { spec: SpecKind::Name, text }]);
        assert_eq!(got.operands, [owned(b"\xff"), owned(b"-\xff")]);
        let illegal = "illegal option -- \u{fffd}".to_string();
        assert_eq!(Arguments::parse(&[owned(b"-\xff")]).unwrap_err(), Fault::Usage(illegal));
    }

    #[test]
    fn clauses_keep_their_order_and_operands_are_arguments() {
        let got = parse(&["-n", "BEGIN", "-s", "x.d", "a", "-fopen", "b"]).unwrap();
        assert_eq!(
            got.clauses,
            [
                Clause::Text { spec: SpecKind::Name, text: "BEGIN".into() },
                Clause::Script("x.d".into()),
                Clause::Text { spec: SpecKind::Function, text: "open".into() },
            ]
        );
        assert_eq!(got.operands, ["a", "b"]);
    }

    #[test]
    fn letters_may_stand_together() {
        let got = parse(&["-lvn", "BEGIN"]).unwrap();
        assert!(got.verbose && got.mode == Mode::List && got.clauses.len() == 1);
        let got = parse(&["-qw", "-DM=4", "-x", "bufsize=1k", "-x", "quiet="]).unwrap();
        assert!(got.destructive);
        assert_eq!(
            got.settings[2],
            Setting::Letter { letter: 'D', name: "define", value: Some("M=4".into()) }
        );
        assert_eq!(got.settings[3], Setting::Option { name: "bufsize".into(), value: Some("1k".into()) });
        assert_eq!(got.settings[4], Setting::Option { name: "quiet".into(), value: Some(String::new()) });
    }

    #[test]
    fn pictures_are_asked_for_by_words() {
        let got = parse(&["--flamegraph", "a.svg", "--heatmap=b.svg", "-n", "BEGIN"]).unwrap();
        assert_eq!((got.flamegraph, got.heatmap), (Some("a.svg".into()), Some("b.svg".into())));
        let fault = |words: &[&str]| parse(words).unwrap_err();
        assert_eq!(fault(&["--heatmap"]), Fault::Usage("option requires an argument -- heatmap".into()));
        assert_eq!(fault(&["--nosuch"]), Fault::Usage("illegal option -- nosuch".into()));
    }

    #[test]
    fn modes_exclude_each_other() {
        let text = "only one of the [-AGhlV] options can be specified at a time".to_string();
        assert_eq!(parse(&["-V", "-l"]).unwrap_err(), Fault::Message(text, 2));
    }

    #[test]
    fn faults_are_the_originals() {
        assert_eq!(parse(&["-y"]).unwrap_err(), Fault::Usage("illegal option -- y".into()));
        assert_eq!(parse(&["-n"]).unwrap_err(), Fault::Usage("option requires an argument -- n".into()));
        assert_eq!(parse(&["-p", "x"]).unwrap_err(), Fault::Message("invalid pid: x".into(), 1));
        let gone = "failed to grab pid -5: no such process".to_string();
        assert_eq!(parse(&["-p", "-5"]).unwrap_err(), Fault::Message(gone, 1));
        assert!(matches!(parse(&["-arch", "vax"]).unwrap_err(), Fault::Message(_, 1)));
        assert!(parse(&["-arch", "i386", "-32", "-64", "-a"]).is_ok());
    }
}
