//! Running one test, and judging what it did.
//!
//! A test runs where its suite's runner would have it run, through `bash`, because options and triggers are in the shell's words;
//! `timeout` ends it and all that it started. What it may write goes to a directory of its own.
//!
//! The suite itself stays as it is: tests run in a tree of links to its files, where programs that its own build would make
//! are made when a test wants them.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::compare;
use crate::layout::{self, Suite};
use crate::rules::Platform;
use crate::tags;
use crate::test::{Expects, Form, Test, Timing, Verdict};

/// The status of `timeout` when the time is over.
const TIME_IS_OVER: i32 = 124;

/// How many seconds a test has unless its suite says otherwise.
const USUAL: u64 = 41;

/// Where tests run, and by what.
pub(crate) struct Place {
    /// The suite's root.
    suite: PathBuf,
    /// The tree of links to its files.
    root: PathBuf,
    dtrace: PathBuf,
    limit: Duration,
    work: PathBuf,
    made: AtomicUsize,
    compiler: Mutex<()>,
}

impl Place {
    /// `limit`: no test gets longer.
    pub(crate) fn new(
        suite: &Suite,
        dtrace: &Path,
        limit: Duration,
        platform: &Platform,
    ) -> io::Result<Self> {
        let work = new_directory(&env::temp_dir())?;
        let root = work.join("suite");
        let place = Self {
            suite: suite.root.clone(),
            root: root.clone(),
            dtrace: dtrace.to_owned(),
            limit,
            work,
            made: AtomicUsize::new(0),
            compiler: Mutex::new(()),
        };
        fs::write(place.work.join("providers"), platform.providers.join("\n") + "\n")?;
        fs::create_dir(place.commands())?;
        symlink(dtrace, place.commands().join("dtrace"))?;
        let mut files = Vec::new();
        layout::files_below(&suite.top, &mut files)?;
        for file in files {
            let link = place.here(&file);
            fs::create_dir_all(link.parent().unwrap_or(&root))?;
            symlink(&file, &link)?;
        }
        Ok(place)
    }

    /// The directory of the commands that a script may call by name: dtrace.
    fn commands(&self) -> PathBuf {
        self.work.join("bin")
    }

    /// Where a path of the suite is in the tree of links.
    fn here(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix(&self.suite).unwrap_or(path))
    }

    /// A command with the environment of a test.
    fn command(&self, test: &Test, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root.join(&test.runs_in)).stdin(Stdio::null());
        for (name, value) in [("LC_ALL", "C"), ("LANGUAGE", "C"), ("TZ", "UTC"), ("_test", &test.file)] {
            command.env(name, value);
        }
        let base = Path::new(&test.file).with_extension("");
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([self.commands()].into_iter().chain(env::split_paths(&path)));
        command.env("PATH", path.unwrap_or_default());
        command.env("tst", &base).env("tmpdir", &self.work).env("dtrace", &self.dtrace);
        // What scripts of conditions call.
        command.env("BASH_FUNC_check_provider%%", "() { grep -qx \"$1\" \"$tmpdir/providers\"; }");
        command
    }

    /// Runs a script that says by its status whether a test can be run: 0 yes, 1 it will fail, 2 no. With what it prints.
    pub(crate) fn condition(&self, test: &Test, script: &Path) -> (i32, String) {
        match self.command(test, "timeout").arg("20").arg(script).output() {
            Ok(output) => (
                output.status.code().unwrap_or(2),
                String::from_utf8_lossy(&output.stdout).trim().replace('\n', " "),
            ),
            // Not executable: it says that the test fails, whatever happens.
            Err(_) => (1, String::new()),
        }
    }

    /// An executable of the suite's: itself, or what the C compiler makes of its source.
    pub(crate) fn executable(&self, program: &Path) -> Result<PathBuf, String> {
        let program = self.here(program);
        let _one = self.compiler.lock();
        if program.exists() {
            return Ok(program);
        }
        let shown = program.strip_prefix(&self.root).unwrap_or(&program).display().to_string();
        let source = PathBuf::from(format!("{}.c", shown.strip_suffix(".exe").unwrap_or(&shown)));
        if !self.root.join(&source).exists() {
            return Err(format!("{shown} is not there"));
        }
        let output = Command::new("cc")
            .current_dir(&self.root)
            .args(["-w", "-O0", "-g", "-o"])
            .arg(&program)
            .arg(&source)
            .args(["-lpthread", "-lm"])
            .output();
        match output {
            Ok(output) if output.status.success() => Ok(program),
            _ => Err(format!("cc does not make it of {}", source.display())),
        }
    }

    /// Makes what a script names and the suite's own build would have made; says what cannot be made.
    pub(crate) fn provide(&self, test: &Test, text: &str) -> Result<(), String> {
        let place = self.root.join(&test.runs_in);
        let outside = |c: char| !(c.is_alphanumeric() || "_-./$*".contains(c));
        for word in text.split(outside).map(|word| word.strip_prefix("./").unwrap_or(word)) {
            let path = place.join(word);
            let below = path.parent().is_some_and(|parent| parent != place && parent.is_dir());
            // A program in the test's own directory without a source there is one that the script makes.
            let built =
                word.strip_suffix(".exe").is_some_and(|base| place.join(format!("{base}.c")).exists());
            let ours = !word.is_empty()
                && !word.starts_with(['/', '-', '$'])
                && !word.contains(['$', '*'])
                && (below || built);
            if ours && !path.exists() {
                self.executable(&path)?;
            }
        }
        Ok(())
    }

    /// Runs a test: its status, where it may write, and what it printed, in the files `stdout` and `stderr` there.
    fn run(&self, test: &Test) -> Result<(ExitStatus, PathBuf), String> {
        let own = self.work.join(format!("test.{}", self.made.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&own).map_err(|error| error.to_string())?;
        let seconds = test.seconds.unwrap_or(0).max(USUAL).min(self.limit.as_secs());
        let mut flags = String::from("-DARCH_x86_64");
        match test.expects {
            Expects::Tag(_) => flags += " -xerrtags",
            Expects::Drop(_) => flags += " -xdroptags",
            _ => {}
        }
        let options = &test.options;
        let limited = format!("timeout --foreground --signal=TERM --kill-after=5 {seconds}");
        let run = match test.form {
            Form::Program => format!("{limited} \"$dtrace\" {flags} -s \"$_test\" {options}"),
            Form::Interpreted => {
                let program = own.join("program.d");
                let (first, rest) = test.text.split_once('\n').unwrap_or((&test.text, ""));
                let words = first.trim_start_matches("#!").trim_start();
                let arguments = words.split_once(char::is_whitespace).map_or("", |(_, arguments)| arguments);
                let text = format!("#!{} {arguments}\n{rest}", self.dtrace.display());
                fs::write(&program, text).map_err(|error| error.to_string())?;
                make_executable(&program).map_err(|error| error.to_string())?;
                format!("{limited} {} {flags} {options}", program.display())
            }
            Form::Script => {
                let shell =
                    test.text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("/bin/sh");
                format!("{limited} {shell} \"$_test\" \"$dtrace\"")
            }
            Form::C => return Err("C programs are not run".to_owned()),
        };
        let flags = quoted(&format!("{flags} {options}"));
        let script = match &test.trigger {
            None => format!("export dt_flags={flags}; exec {run}"),
            Some(trigger) => {
                let program = self.executable(&trigger.program)?;
                let command = format!("{} {}", program.display(), trigger.arguments);
                match trigger.timing {
                    Timing::ByDtrace => {
                        format!("export dt_flags={flags}; exec {run} -c \"{}\"", command.trim())
                    }
                    Timing::Delayed(seconds) => format!(
                        "(sleep {seconds}; exec {command}) > /dev/null 2>&1 & _pid=$!; export _pid dt_flags={flags}; \
                         {run}; status=$?; \
                         kill $_pid 2> /dev/null; exit $status"
                    ),
                }
            }
        };
        // What it leaves running neither holds the output open nor stays.
        let run = || -> io::Result<ExitStatus> {
            let mut command = self.command(test, "bash");
            command.arg("-c").arg(&script).env("tmpdir", &own);
            command.process_group(0);
            command.stdout(File::create(own.join("stdout"))?).stderr(File::create(own.join("stderr"))?);
            let mut child = command.spawn()?;
            let status = child.wait();
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
            status
        };
        run().map(|status| (status, own.clone())).map_err(|error| error.to_string())
    }

    /// Runs a test and says what became of it.
    pub(crate) fn judge(&self, test: &Test) -> Verdict {
        let (status, own) = match self.run(test) {
            Ok(run) => run,
            Err(message) => return Verdict::Fail(message),
        };
        let wrong = self.wrong(test, status, &own);
        let _ = fs::remove_dir_all(own);
        wrong.map_or(Verdict::Pass, Verdict::Fail)
    }

    fn wrong(&self, test: &Test, status: ExitStatus, own: &Path) -> Option<String> {
        let written =
            |name| String::from_utf8_lossy(&fs::read(own.join(name)).unwrap_or_default()).into_owned();
        let (printed, errors) = (written("stdout"), written("stderr"));
        // Which engine is in use is no part of a test.
        let errors: String = errors
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("dtrace: using the embedded"))
            .collect();
        let program = own.join("program.d").display().to_string();
        let (printed, errors) = (printed.replace(&program, &test.file), errors.replace(&program, &test.file));
        let shown = || format!("standard output:\n{printed}\nstandard error:\n{errors}");

        let status = status.code().unwrap_or(128);
        let wanted = i32::from(matches!(test.expects, Expects::Failure | Expects::Tag(_)));
        match &test.expects {
            Expects::Tag(tag) if test.form != Form::Script => {
                let found =
                    errors.match_indices("[D_").filter_map(|(at, _)| errors[at + 1..].split(']').next());
                if !found.into_iter().any(|found| tags::means(test.dialect, tag, found)) {
                    return Some(format!("expected the tag {tag}, status {status}\n{}", shown()));
                }
            }
            Expects::Drop(tag) if !tag.is_empty() && !errors.contains(&format!("[{tag}]")) => {
                return Some(format!("expected the tag {tag}, status {status}\n{}", shown()));
            }
            _ => {}
        }
        if status == TIME_IS_OVER && !test.endless {
            return Some(format!("it does not end\n{}", shown()));
        }
        if status != wanted && status != TIME_IS_OVER {
            return Some(format!("expected status {wanted}, there was {status}\n{}", shown()));
        }
        // A compile error is judged by its tag.
        if test.form != Form::Script && matches!(test.expects, Expects::Tag(_)) {
            return None;
        }
        let expected =
            String::from_utf8_lossy(&fs::read(test.expected.as_ref()?).unwrap_or_default()).into_owned();
        let plain = compare::without_columns(&printed);
        let (expected, mut actual) = if test.compares_errors {
            (expected, compare::joined(&plain, &errors))
        } else {
            (compare::output_part(&expected).to_owned(), plain)
        };
        if let Some(filter) = &test.filter {
            match self.filter(test, filter, &actual) {
                Ok(filtered) => actual = filtered,
                Err(message) => return Some(message),
            }
        }
        let (one, other) =
            (compare::canonical(&expected, test.ordered), compare::canonical(&actual, test.ordered));
        (one != other).then(|| format!("expected, and there was:\n{}\n{}", difference(&one, &other), shown()))
    }

    fn filter(&self, test: &Test, filter: &Path, text: &str) -> Result<String, String> {
        let said = |error: io::Error| format!("{}: {error}", filter.display());
        let mut command = self.command(test, filter);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(said)?;
        let mut input = child.stdin.take().ok_or("the filter has no input")?;
        // A filter may end before it has read everything.
        let text = text.to_owned();
        let writer = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
        let output = child.wait_with_output().map_err(said)?;
        let _ = writer.join();
        if !output.status.success() {
            return Err(format!("{} ends with {}", filter.display(), output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.work);
    }
}

/// A new directory that nobody else can look into, with a name that nobody can guess.
fn new_directory(above: &Path) -> io::Result<PathBuf> {
    let number = RandomState::new().build_hasher().finish();
    let directory = above.join(format!("conformance.{number:016x}"));
    DirBuilder::new().mode(0o700).create(&directory)?;
    Ok(directory)
}

/// A text in double quotes of the shell's, where nothing but the process id of what is traced is put in.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('`', "\\`").replace("$(", "\\$(");
    format!("\"{text}\"")
}

fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// The lines of one text that the other lacks, and the other way round; all lines, if it is only their order.
fn difference(expected: &[String], actual: &[String]) -> String {
    let mut lines = String::new();
    for (mark, one, other) in [("-", expected, actual), ("+", actual, expected)] {
        let mut left: Vec<&String> = other.iter().collect();
        for line in one {
            match left.iter().position(|there| *there == line) {
                Some(at) => drop(left.swap_remove(at)),
                None => lines += &format!("{mark}{line}\n"),
            }
        }
    }
    if lines.is_empty() { format!("the order of:\n{}\n", expected.join("\n")) } else { lines }
}
