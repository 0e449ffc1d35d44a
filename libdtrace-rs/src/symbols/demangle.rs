//! Names of functions as their programmers wrote them: C++ and Rust.
//!
//! Compilers put types and modules into the names that link editors see. Rust's are tried first: its older form is C++'s with a
//! hash at the end, which is left out.

use std::fmt::{self, Write};

use cpp_demangle::DemangleOptions;

/// Longer names are shown as they are: nobody reads them either way, and they may be made to take long.
const LONGEST: usize = 4096;

/// A name that is written no longer than this: substitutions make a short one stand for one of any length.
struct Written(String);

impl Written {
    const LONGEST: usize = 64 << 10;
}

impl Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > Written::LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// The name as it was written; none if it is no name of C++ or Rust.
pub(super) fn demangle(name: &str) -> Option<String> {
    // Compilers name the parts into which they divide a function behind a dot.
    let (stem, part) = name.find('.').filter(|&at| at > 0).map_or((name, ""), |at| name.split_at(at));
    if !stem.starts_with("_Z") && !stem.starts_with("_R") || stem.len() > LONGEST {
        return None;
    }
    if let Ok(rust) = rustc_demangle::try_demangle(stem)
        && (stem.starts_with("_R") || has_hash(stem))
    {
        let mut name = Written(String::new());
        write!(name, "{rust:#}").ok()?;
        return Some(name.0 + part);
    }
    let symbol = cpp_demangle::Symbol::new(stem).ok()?;
    let mut name = Written(String::new());
    symbol.structured_demangle(&mut name, &DemangleOptions::default()).ok()?;
    Some(name.0 + part)
}

/// Whether a name ends with the hash that the older form of Rust's names has.
fn has_hash(name: &str) -> bool {
    name.len() > 20
        && name.strip_suffix('E').is_some_and(|rest| {
            let (front, hash) = rest.split_at(rest.len() - 16);
            front.ends_with("17h") && hash.bytes().all(|b| b.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn a_short_name_may_not_stand_for_one_without_end() {
        // f<a<bool, ...>, a<a<bool, ...>, ...>, ...>(): each argument is two hundred times the one before.
        let name = |levels: usize| {
            let level = |n: usize| format!("S0_I{}E", format!("S{}_", n + 1).repeat(200));
            format!("_Z1fI1aI{}E{}Evv", "b".repeat(200), (0..levels).map(level).collect::<String>())
        };
        assert!(demangle(&name(0)).unwrap().starts_with("void f<a<bool, bool, "));
        (1..6).for_each(|levels| assert_eq!(demangle(&name(levels)), None, "{levels}"));
    }

    #[test]
    fn names_of_cpp_have_their_types() {
        let cases = [
            ("_ZN4shop4cart3addEi", "shop::cart::add(int)"),
            ("_Z6sharedIlET_S0_", "long shared<long>(long)"),
            ("_Z3runv.cold", "run().cold"),
        ];
        for (name, want) in cases {
            assert_eq!(demangle(name).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn names_of_rust_have_no_hash() {
        let cases = [
            ("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"),
            ("_RNvC6_123foo3bar", "123foo::bar"),
            ("_ZN3foo3bar17h0123456789abcdefE.llvm.42", "foo::bar.llvm.42"),
        ];
        for (name, want) in cases {
            assert_eq!(demangle(name).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn other_names_are_as_they_are() {
        for name in ["main", "_Z", "_start", "_R", "", ".text", "_ZZZZZZZ"] {
            assert_eq!(demangle(name), None, "{name}");
        }
    }
}
