//! One test of a suite: what it runs and what it expects, in the same words for every kind of suite.

use std::path::PathBuf;

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A D program, which `dtrace -s` is given.
    Program,
    /// A D program that names dtrace as its interpreter and is itself executed.
    Interpreted,
    /// A script, which is given the path of dtrace.
    Script,
    /// A program in C against the library of the suite's platform.
    C,
}

/// Whose language and consumer a suite is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Those that ours are.
    Common,
    /// Those of Oracle's implementation, which have gone a way of their own.
    Oracle,
}

/// How it must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expects {
    /// With status 0.
    Success,
    /// With status 1.
    Failure,
    /// With status 1 and this tag of the compiler.
    Tag(String),
    /// With status 0 and this tag of a drop.
    Drop(String),
}

/// When the program that a test traces is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// By dtrace, as the command of its `-c`.
    ByDtrace,
    /// So many seconds after dtrace was started; 0 is before.
    Delayed(u32),
}

/// The program that a test traces.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    /// The executable, which need not have been made of its C source yet.
    pub(crate) program: PathBuf,
    /// Its arguments, in the shell's words.
    pub(crate) arguments: String,
    /// When it is started.
    pub(crate) timing: Timing,
}

/// One test.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    /// Its path from the place where the suite's runner would stand.
    pub(crate) name: String,
    /// The directory it runs in, from there.
    pub(crate) runs_in: PathBuf,
    /// Its path from that directory, as dtrace gets it.
    pub(crate) file: String,
    /// The directory that the report counts it under.
    pub(crate) directory: String,
    /// Whose language it is in.
    pub(crate) dialect: Dialect,
    /// What is run.
    pub(crate) form: Form,
    /// The text of it.
    pub(crate) text: String,
    /// How it must end.
    pub(crate) expects: Expects,
    /// What it must print, if there is a file that says so: standard output, and, behind a line `-- @@stderr --`, standard error.
    pub(crate) expected: Option<PathBuf>,
    /// A filter for what was printed.
    pub(crate) filter: Option<PathBuf>,
    /// Scripts that say whether it can be run here.
    pub(crate) conditions: Vec<PathBuf>,
    /// Options of dtrace, in the shell's words; `$_pid` is the trigger.
    pub(crate) options: String,
    /// What is traced.
    pub(crate) trigger: Option<Trigger>,
    /// The suite says that it cannot be run, or that it fails, and why.
    pub(crate) disowned: Option<String>,
    /// Seconds, where the suite gives it more than usual.
    pub(crate) seconds: Option<u64>,
    /// Running until it is stopped is right.
    pub(crate) endless: bool,
    /// The order of what is printed matters.
    pub(crate) ordered: bool,
    /// Standard error is part of what is compared.
    pub(crate) compares_errors: bool,
}

/// What kind of statement a test makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The compiler says the right thing about a wrong program.
    CompileError,
    /// A program prints what it must.
    Output,
    /// A program ends as it must.
    Status,
    /// A script is content.
    Script,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::CompileError, Self::Output, Self::Status, Self::Script];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CompileError => "compile errors, by tag",
            Self::Output => "programs with expected output",
            Self::Status => "programs, by exit status",
            Self::Script => "scripts and C programs",
        }
    }
}

impl Test {
    pub(crate) fn class(&self) -> Class {
        match (self.form, &self.expects) {
            (Form::Script | Form::C, _) => Class::Script,
            (_, Expects::Tag(_)) => Class::CompileError,
            _ if self.expected.is_some() => Class::Output,
            _ => Class::Status,
        }
    }
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Pass,
    /// What was expected and what there was.
    Fail(String),
    /// Why it cannot be judged here.
    Excluded(String),
}
