//! Makes the C headers in `include/` out of Rust sources with cbindgen.
//!
//! One cbindgen run a source file: the Rust names are short because their module is their prefix, so the prefix of the C
//! names is a matter of the file, and cbindgen has one prefix a run. All other naming is in `include/cbindgen.toml`. A
//! single run over the crate was rejected: `option::MAX` and `stability::MAX` are one name to cbindgen.

use cbindgen::{Builder, Config};
use std::fs;
use std::path::{Path, PathBuf};

/// A header, and what it is made of.
pub(crate) struct Header {
    /// Where it is, in `include/`.
    pub path: &'static str,
    /// What it says of itself.
    pub title: &'static str,
    /// What it includes.
    pub includes: &'static [&'static str],
    /// Where the sources are, in the repository.
    pub sources: &'static str,
    /// The sources, each after what it needs.
    pub parts: &'static [Part],
}

/// A source file, and the prefix of its constants in C.
pub(crate) struct Part {
    pub file: &'static str,
    pub prefix: &'static str,
}

const fn part(file: &'static str, prefix: &'static str) -> Part {
    Part { file, prefix }
}

/// All headers that are generated.
pub(crate) const HEADERS: &[Header] = &[
    Header {
        path: "sys/dtrace.h",
        title: "The ABI between the dtrace userland and the driver.",
        includes: &["stdint.h", "sys/dtrace_macros.h"],
        sources: "driver/abi/src",
        parts: &[
            part("ioctl.rs", "DTRACEIOC_"),
            part("stability.rs", "DTRACE_STABILITY_"),
            part("class.rs", "DTRACE_CLASS_"),
            part("privilege.rs", "DTRACE_PRIV_"),
            part("desc.rs", "DTRACE_"),
            part("action.rs", "DTRACEACT_"),
            part("agg.rs", "DTRACEAGG_"),
            part("option.rs", "DTRACEOPT_"),
            part("fault.rs", "DTRACEFLT_"),
            part("record.rs", "DTRACE_"),
            part("buffer.rs", "DTRACE_"),
            part("status.rs", "DTRACE_"),
            part("conf.rs", "DTRACE_"),
            part("dif.rs", "DIF_"),
            part("dif/variable.rs", "DIF_"),
            part("dif/subroutine.rs", "DIF_"),
            part("dof/index.rs", "DOF_"),
            part("dif/vartab.rs", "DIF_"),
            part("dof.rs", "DOF_"),
            part("helper.rs", "DOF_"),
        ],
    },
    Header {
        path: "dtrace.h",
        title: "libdtrace: what C programs call.",
        includes: &["stdint.h", "stdio.h", "sys/types.h", "sys/dtrace.h", "dtrace_macros.h"],
        sources: "libdtrace-rs/capi/src",
        parts: &[
            part("constant.rs", "DTRACE_"),
            part("handle.rs", "DTRACE_"),
            part("structure.rs", "DTRACE_"),
            part("callback.rs", "DTRACE_"),
            part("open.rs", "DTRACE_"),
            part("error.rs", "DTRACE_"),
            part("option.rs", "DTRACE_"),
            part("program.rs", "DTRACE_"),
            part("statement.rs", "DTRACE_"),
            part("dof.rs", "DTRACE_"),
            part("handler.rs", "DTRACE_"),
            part("consume.rs", "DTRACE_"),
            part("format.rs", "DTRACE_"),
            part("aggregate.rs", "DTRACE_"),
            part("process.rs", "DTRACE_"),
            part("object.rs", "DTRACE_"),
            part("symbol.rs", "DTRACE_"),
            part("types.rs", "DTRACE_"),
            part("probe.rs", "DTRACE_"),
            part("describe.rs", "DTRACE_"),
            part("name.rs", "DTRACE_"),
        ],
    },
    Header {
        path: "libproc.h",
        title: "What clients of libdtrace ask of the processes that they trace.",
        includes: &["sys/types.h", "dtrace.h"],
        sources: "libdtrace-rs/capi/src",
        parts: &[part("libproc.rs", "")],
    },
    Header {
        path: "sys/fasttrap.h",
        title: "The requests of /dev/fasttrap.",
        includes: &["stdint.h", "sys/dtrace.h"],
        sources: "driver/abi/src",
        parts: &[part("fasttrap.rs", "DTFTP_")],
    },
    Header {
        path: "sys/dtrace_ctl.h",
        title: "The requests of /dev/dtrace_ctl.",
        includes: &["stdint.h", "sys/dtrace.h"],
        sources: "driver/abi/src",
        parts: &[part("ctl.rs", "CTL_")],
    },
];

impl Header {
    /// The text of the header.
    pub(crate) fn generate(&self, root: &Path) -> String {
        let guard = format!("_{}", self.path.to_uppercase().replace(['/', '.'], "_"));
        let mut text = format!(
            "/*\n * {}\n *\n * Generated from {} by cbindgen: change it there (include/cbindgen.toml says how).\n */\n\
             #ifndef {guard}\n#define {guard}\n\n",
            self.title, self.sources
        );
        for include in self.includes {
            text += &format!("#include <{include}>\n");
        }
        // What has functions is for C++ too.
        let functions = !self.path.starts_with("sys/");
        if functions {
            text += "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
        }
        for part in self.parts {
            text += &part.generate(&root.join(self.sources), &config(root));
        }
        if functions {
            text += "\n#ifdef __cplusplus\n}\n#endif\n";
        }
        text += "\n#endif\n";
        text
    }

    /// Where the header is.
    pub(crate) fn file(&self, root: &Path) -> PathBuf {
        root.join("include").join(self.path)
    }
}

impl Part {
    /// The Rust module that the file belongs to.
    pub(crate) fn module(&self) -> &'static str {
        self.file.split(['/', '.']).next().unwrap_or_default()
    }

    fn generate(&self, sources: &Path, base: &Config) -> String {
        let file = sources.join(self.file);
        let source = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut config = base.clone();
        config.export.prefix = Some(self.prefix.to_owned());
        // cbindgen leaves out what no function uses, unless it is told; and types that C has its own for stay out.
        for name in types_in(&source) {
            match base.export.rename.get(name) {
                Some(c_type) if c_type.ends_with("_t") || c_type.ends_with("_f") => {
                    config.export.include.push(name.to_owned());
                }
                _ => config.export.exclude.push(name.to_owned()),
            }
        }
        let mut out = Vec::new();
        Builder::new()
            .with_src(&file)
            .with_config(config)
            .generate()
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()))
            .write(&mut out);
        let text = String::from_utf8(out).expect("cbindgen writes UTF-8");
        let mut finished = "\n".to_owned();
        let mut comment: Option<Vec<&str>> = None;
        // The structure that the line is in.
        let mut within = String::new();
        for line in text.lines() {
            match (&mut comment, line.trim()) {
                (None, "/*") => comment = Some(Vec::new()),
                (Some(lines), "*/") => {
                    // cbindgen writes one blank more than the code has.
                    let indent = " ".repeat(line.len() - line.trim_start().len() - 1);
                    finished += &self.comment(lines, &indent, base);
                    comment = None;
                }
                (Some(lines), text) => lines.push(text),
                (None, _) => {
                    let Some(line) = self.functions(line, base) else { continue };
                    let code = self.code(&line, &source, base);
                    if let Some(tag) = code.strip_prefix("typedef struct ").and_then(|c| c.strip_suffix(" {"))
                    {
                        within = tag.to_owned();
                    }
                    // A structure that points to its own kind has no name yet but its tag.
                    let own = format!("  {within}_t *");
                    finished += &code.replace(&own, &format!("  struct {within} *"));
                    finished.push('\n');
                }
            }
        }
        finished
    }

    /// A line of code with what cbindgen cannot be told: struct tags have no `_t` and are not used where the type has a
    /// name; a number that is hexadecimal in the source stays so, and a negative one gets parentheses; the type of a
    /// function (`_f`) is that and no pointer to one; an argument that is not looked at has a name like the others.
    fn code(&self, line: &str, source: &str, config: &Config) -> String {
        if let Some(tag) = line.strip_prefix("typedef struct ").and_then(|rest| rest.strip_suffix("_t {")) {
            return format!("typedef struct {tag} {{");
        }
        let opaque = line.strip_prefix("typedef struct ").and_then(|rest| rest.strip_suffix(';'));
        if let Some((tag, name)) =
            opaque.and_then(|rest| rest.split_once(' ')).filter(|(tag, name)| tag == name)
        {
            return match tag.strip_suffix("_t") {
                Some(tag) => format!("typedef struct {tag} {name};"),
                None => format!("struct {tag};"),
            };
        }
        let hexadecimal = line.strip_prefix("#define ").and_then(|rest| {
            let c_constant = rest.split(' ').next()?;
            source.lines().find_map(|line| {
                let (name, value) = line.strip_prefix("pub const ")?.split_once(": ")?;
                let value = value.split_once(" = 0x")?.1.trim_end_matches(';').replace('_', "");
                (c_name(self.prefix, name, config) == c_constant)
                    .then(|| format!("#define {c_constant} 0x{value}"))
            })
        });
        if let Some(define) = hexadecimal {
            return define;
        }
        if let Some((define, value)) = line.strip_prefix("#define ").and_then(|rest| rest.split_once(" -")) {
            return format!("#define {define} (-{value})");
        }
        let mut pieces = line.split("struct ");
        let mut code = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let name = piece.split(|c: char| c != '_' && !c.is_alphanumeric()).next().unwrap_or_default();
            code += if name.ends_with("_t") { "" } else { "struct " };
            code += piece;
        }
        let typed = code.split_once("(*").filter(|(before, after)| {
            before.starts_with("typedef ") && after.split(')').next().is_some_and(|name| name.ends_with("_f"))
        });
        if let Some((before, after)) = typed {
            code = format!("{before}{}", after.replacen(')', "", 1));
        }
        code.replace("*_", "*")
    }

    /// An argument that is a function: cbindgen takes the option of one for a structure of its own.
    fn functions(&self, line: &str, config: &Config) -> Option<String> {
        let option = format!("struct {}Option_", self.prefix);
        if line.trim_start_matches("typedef ").starts_with(&option) && line.ends_with(';') {
            return None;
        }
        let mut pieces = line.split(&option);
        let mut code = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once(' ').unwrap_or((piece, ""));
            code += &format!("{} *{rest}", c_name(self.prefix, name, config));
        }
        Some(code)
    }

    /// A comment on as few lines as it needs, with C names where the Rust documentation has links.
    fn comment(&self, lines: &[&str], indent: &str, config: &Config) -> String {
        let text = lines.join("\n");
        let mut finished = String::new();
        let mut rest = text.trim();
        while let Some((before, (link, after))) =
            rest.split_once("[`").and_then(|(before, rest)| Some((before, rest.split_once("`]")?)))
        {
            finished += before;
            finished += &self.c_name_of_link(link, config);
            rest = after;
        }
        finished += rest;
        if finished.contains('\n') {
            let lines: String = finished.lines().map(|line| format!("{indent} * {line}\n")).collect();
            format!("{indent}/*\n{lines}{indent} */\n")
        } else {
            format!("{indent}/* {finished} */\n")
        }
    }

    fn c_name_of_link(&self, link: &str, config: &Config) -> String {
        let path: Vec<&str> = link.trim_start_matches("crate::").split("::").collect();
        match path[..] {
            [module] if prefix_of(module).is_some() => format!("{}*", prefix_of(module).unwrap_or_default()),
            [.., name] if name.starts_with(char::is_lowercase) => {
                panic!("{}: a member has another name in C: [`{link}`] cannot be a link", self.file)
            }
            [name] => c_name(self.prefix, name, config),
            [module, name] => match prefix_of(module) {
                Some(prefix) => c_name(prefix, name, config),
                None => name.to_owned(),
            },
            _ => link.to_owned(),
        }
    }
}

/// The naming rules of `include/cbindgen.toml`.
pub(crate) fn config(root: &Path) -> Config {
    let file = root.join("include/cbindgen.toml");
    Config::from_file(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The C name of a constant or type of a module with this prefix: what cbindgen does.
pub(crate) fn c_name(prefix: &str, name: &str, config: &Config) -> String {
    config.export.rename.get(name).cloned().unwrap_or_else(|| format!("{prefix}{name}"))
}

/// The prefix of a module's constants, if a header has them.
pub(crate) fn prefix_of(module: &str) -> Option<&'static str> {
    HEADERS.iter().flat_map(|h| h.parts).find(|p| p.module() == module).map(|p| p.prefix)
}

fn types_in(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub type "))?;
        rest.split(|c: char| !c.is_alphanumeric()).next()
    })
}
