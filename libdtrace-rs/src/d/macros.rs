//! Macro variables (`$target`, `$pid`) and macro arguments (`$1`, `$$1`).

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// The values of macro variables and arguments for one program.
///
/// It remembers which arguments the program referred to, because an argument that nobody looks at is an error unless
/// `-x argref` is set.
#[derive(Clone, Debug, Default)]
pub struct Macros {
    args: Vec<OsString>,
    variables: BTreeMap<String, i64>,
    default_args: bool,
    /// What a pragma of the program itself says.
    default_here: Cell<bool>,
    used: RefCell<BTreeSet<usize>>,
}

/// What a macro stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number: a macro variable.
    Number(i64),
    /// The text of an argument, whatever bytes it has.
    Text(Vec<u8>),
    /// An argument that was not given, where `-x defaultargs` allows it.
    Default,
}

impl Macros {
    /// Macros with these arguments; the first is `$0`.
    pub fn new(args: Vec<OsString>) -> Self {
        Self { args, ..Self::default() }
    }

    /// Sets the variable `$name`.
    pub fn set(&mut self, name: &str, value: i64) {
        self.variables.insert(name.to_owned(), value);
    }

    /// Sets the variables that tell of the running process: `$pid`, `$uid` and their kin. `$target` is left alone.
    pub fn with_process(mut self, ids: &[(&str, i64)]) -> Self {
        for (name, value) in ids {
            self.set(name, *value);
        }
        self
    }

    /// Lets a missing argument be 0 or the empty string (`-x defaultargs`).
    pub fn allow_missing(mut self, allow: bool) -> Self {
        self.default_args = allow;
        self
    }

    /// The value of `$name`, where the name is without its dollar.
    pub fn get(&self, name: &str) -> Option<Value> {
        if name.bytes().all(|b| b.is_ascii_digit()) {
            let index: usize = name.parse().ok()?;
            self.used.borrow_mut().insert(index);
            return match self.args.get(index) {
                Some(text) => Some(Value::Text(text.as_bytes().to_vec())),
                None if self.default_args || self.default_here.get() => Some(Value::Default),
                None => None,
            };
        }
        self.variables.get(name).copied().map(Value::Number)
    }

    /// The last argument that nothing referred to, and its number; `$0` is not counted.
    pub fn unused(&self) -> Option<(usize, Cow<'_, str>)> {
        let used = self.used.borrow();
        (1..self.args.len()).rev().find(|i| !used.contains(i)).map(|i| (i, self.args[i].to_string_lossy()))
    }

    /// Lets a missing argument be 0 or the empty string from here to the end of the program: `#pragma D option defaultargs`.
    pub(super) fn allow_missing_here(&self) {
        self.default_here.set(true);
    }

    /// Forgets which arguments were referred to, and what the program before said.
    pub fn reset(&self) {
        self.default_here.set(false);
        self.used.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_counted_from_the_program_name() {
        let macros = Macros::new(vec!["prog".into(), "one".into()]);
        assert_eq!(macros.get("0"), Some(Value::Text("prog".into())));
        assert_eq!(macros.get("1"), Some(Value::Text("one".into())));
        assert_eq!(macros.get("2"), None);
        assert_eq!(macros.allow_missing(true).get("2"), Some(Value::Default));
    }

    #[test]
    fn an_argument_nobody_refers_to_is_found() {
        let macros = Macros::new(vec!["prog".into(), "one".into(), "two".into()]);
        macros.get("1");
        assert_eq!(macros.unused(), Some((2, "two".into())));
        macros.get("2");
        assert_eq!(macros.unused(), None);
    }
}
