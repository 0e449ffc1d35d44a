//! The names that D has by itself: variables (contract 2.4) and functions (contract 2.4 and 2.5).

use dtrace_abi::agg;
use dtrace_abi::dif::*;

use crate::d::token::Keyword;
use crate::options::Version;
use crate::program::Attribute;
use crate::types::{TypeId, Types};

/// A built-in variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltinVar {
    pub(super) name: &'static str,
    pub(super) id: u32,
    /// The name of its type; the type of an element for an array.
    pub(super) ty: &'static str,
    pub(super) array: bool,
}

const fn var(name: &'static str, id: u32, ty: &'static str) -> BuiltinVar {
    BuiltinVar { name, id, ty, array: false }
}

const fn array(name: &'static str, id: u32, ty: &'static str) -> BuiltinVar {
    BuiltinVar { name, id, ty, array: true }
}

/// The variables. `args` is typed by the probe. `regs` has a number but no meaning.
const VARIABLES: &[BuiltinVar] = &[
    array("args", VAR_ARGS, "int64_t"),
    array("uregs", VAR_UREGS, "uint64_t"),
    array("vmregs", VAR_VMREGS, "uint64_t"),
    var("arg0", VAR_ARG0, "int64_t"),
    var("arg1", VAR_ARG1, "int64_t"),
    var("arg2", VAR_ARG2, "int64_t"),
    var("arg3", VAR_ARG3, "int64_t"),
    var("arg4", VAR_ARG4, "int64_t"),
    var("arg5", VAR_ARG5, "int64_t"),
    var("arg6", VAR_ARG6, "int64_t"),
    var("arg7", VAR_ARG7, "int64_t"),
    var("arg8", VAR_ARG8, "int64_t"),
    var("arg9", VAR_ARG9, "int64_t"),
    var("caller", VAR_CALLER, "uintptr_t"),
    var("cpu", VAR_CPU, "int"),
    var("curthread", VAR_CURTHREAD, "struct task_struct *"),
    var("epid", VAR_EPID, "uint_t"),
    var("errno", VAR_ERRNO, "int"),
    var("execargs", VAR_EXECARGS, "string"),
    var("execname", VAR_EXECNAME, "string"),
    var("gid", VAR_GID, "gid_t"),
    var("id", VAR_ID, "uint_t"),
    var("ipl", VAR_IPL, "uint_t"),
    var("pid", VAR_PID, "pid_t"),
    var("ppid", VAR_PPID, "pid_t"),
    var("probefunc", VAR_PROBEFUNC, "string"),
    var("probemod", VAR_PROBEMOD, "string"),
    var("probename", VAR_PROBENAME, "string"),
    var("probeprov", VAR_PROBEPROV, "string"),
    var("stackdepth", VAR_STACKDEPTH, "uint32_t"),
    var("threadname", VAR_THREADNAME, "string"),
    var("tid", VAR_TID, "id_t"),
    var("timestamp", VAR_TIMESTAMP, "uint64_t"),
    var("ucaller", VAR_UCALLER, "uint64_t"),
    var("uid", VAR_UID, "uid_t"),
    var("ustackdepth", VAR_USTACKDEPTH, "uint32_t"),
    var("vtimestamp", VAR_VTIMESTAMP, "uint64_t"),
    var("walltimestamp", VAR_WALLTIMESTAMP, "int64_t"),
    var("zonename", VAR_ZONENAME, "string"),
];

/// What calling a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FunctionKind {
    /// A DIF subroutine; destructive when it changes the traced process.
    Subroutine { number: u32, destructive: bool },
    /// A tracing action.
    Action(ActionKind),
    /// An aggregating function.
    Aggregating(u32),
}

/// The tracing actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionKind {
    Breakpoint,
    Chill,
    Clear,
    Commit,
    Denormalize,
    Discard,
    Exit,
    Freopen,
    Ftruncate,
    Jstack,
    Mod,
    Normalize,
    Panic,
    Print,
    Printa,
    Printf,
    Raise,
    Setopt,
    Speculate,
    Stack,
    Stop,
    Sym,
    System,
    Test1,
    Test2,
    Trace,
    Tracemem,
    Trunc,
    Uaddr,
    Umod,
    Ustack,
    Usym,
}

/// A built-in function.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltinFunction {
    pub(super) name: &'static str,
    pub(super) kind: FunctionKind,
    /// The name of the type of its value.
    pub(super) ret: &'static str,
    /// The names of the types of its parameters: `@` is anything, the optional ones stand behind `|`, and a lone `...`
    /// leaves the arguments to the action itself.
    pub(super) params: &'static [&'static str],
    /// How many of the parameters must be given.
    pub(super) required: usize,
}

const fn subr(
    name: &'static str,
    number: u32,
    ret: &'static str,
    params: &'static [&'static str],
    required: usize,
) -> BuiltinFunction {
    BuiltinFunction {
        name,
        kind: FunctionKind::Subroutine { number, destructive: false },
        ret,
        params,
        required,
    }
}

const fn destructive(
    name: &'static str,
    number: u32,
    ret: &'static str,
    params: &'static [&'static str],
) -> BuiltinFunction {
    let required = params.len();
    BuiltinFunction {
        name,
        kind: FunctionKind::Subroutine { number, destructive: true },
        ret,
        params,
        required,
    }
}

const fn action(
    name: &'static str,
    kind: ActionKind,
    ret: &'static str,
    params: &'static [&'static str],
    required: usize,
) -> BuiltinFunction {
    BuiltinFunction { name, kind: FunctionKind::Action(kind), ret, params, required }
}

const fn aggregating(name: &'static str, kind: u32) -> BuiltinFunction {
    BuiltinFunction {
        name,
        kind: FunctionKind::Aggregating(kind),
        ret: "<DYN>",
        params: &["..."],
        required: 0,
    }
}

/// The functions, by name.
const FUNCTIONS: &[BuiltinFunction] = &[
    subr("alloca", SUBR_ALLOCA, "void *", &["size_t"], 1),
    aggregating("avg", agg::AVG),
    subr("basename", SUBR_BASENAME, "string", &["char *"], 1),
    subr("bcopy", SUBR_BCOPY, "void", &["void *", "void *", "size_t"], 3),
    action("breakpoint", ActionKind::Breakpoint, "void", &[], 0),
    action("chill", ActionKind::Chill, "void", &["int"], 1),
    subr("cleanpath", SUBR_CLEANPATH, "string", &["char *"], 1),
    action("clear", ActionKind::Clear, "void", &["..."], 0),
    action("commit", ActionKind::Commit, "void", &["int"], 1),
    subr("copyin", SUBR_COPYIN, "void *", &["uintptr_t", "size_t"], 2),
    subr("copyinstr", SUBR_COPYINSTR, "string", &["uintptr_t", "size_t"], 1),
    subr("copyinto", SUBR_COPYINTO, "void", &["uintptr_t", "size_t", "void *"], 3),
    destructive("copyout", SUBR_COPYOUT, "void", &["void *", "uintptr_t", "size_t"]),
    destructive("copyoutstr", SUBR_COPYOUTSTR, "void", &["char *", "uintptr_t", "size_t"]),
    aggregating("count", agg::COUNT),
    subr("d_path", SUBR_D_PATH, "uint64_t", &["struct file *"], 1),
    subr("ddi_pathname", SUBR_DDI_PATHNAME, "string", &["void *", "int64_t"], 2),
    action("denormalize", ActionKind::Denormalize, "void", &["..."], 0),
    subr("dirname", SUBR_DIRNAME, "string", &["char *"], 1),
    action("discard", ActionKind::Discard, "void", &["int"], 1),
    action("exit", ActionKind::Exit, "void", &["int"], 1),
    action("freopen", ActionKind::Freopen, "void", &["@", "..."], 1),
    action("ftruncate", ActionKind::Ftruncate, "void", &[], 0),
    action("func", ActionKind::Sym, "_symaddr", &["uintptr_t"], 1),
    subr("getmajor", SUBR_GETMAJOR, "uint32_t", &["uint64_t"], 1),
    subr("getminor", SUBR_GETMINOR, "uint32_t", &["uint64_t"], 1),
    subr("htonl", SUBR_HTONL, "uint32_t", &["uint32_t"], 1),
    subr("htonll", SUBR_HTONLL, "uint64_t", &["uint64_t"], 1),
    subr("htons", SUBR_HTONS, "uint16_t", &["uint16_t"], 1),
    subr("index", SUBR_INDEX, "int", &["char *", "char *", "int"], 2),
    subr("inet_ntoa", SUBR_INET_NTOA, "string", &["ipaddr_t *"], 1),
    subr("inet_ntoa6", SUBR_INET_NTOA6, "string", &["in6_addr_t *"], 1),
    subr("inet_ntop", SUBR_INET_NTOP, "string", &["int", "void *"], 2),
    subr("json", SUBR_JSON, "string", &["char *", "char *"], 2),
    action("jstack", ActionKind::Jstack, "stack", &["..."], 0),
    aggregating("llquantize", agg::LLQUANTIZE),
    subr("lltostr", SUBR_LLTOSTR, "string", &["int64_t", "int"], 1),
    aggregating("lquantize", agg::LQUANTIZE),
    aggregating("max", agg::MAX),
    aggregating("min", agg::MIN),
    action("mod", ActionKind::Mod, "_symaddr", &["uintptr_t"], 1),
    subr("msgdsize", SUBR_MSGDSIZE, "size_t", &["void *"], 1),
    subr("msgsize", SUBR_MSGSIZE, "size_t", &["void *"], 1),
    subr("mutex_owned", SUBR_MUTEX_OWNED, "int", &["void *"], 1),
    subr("mutex_owner", SUBR_MUTEX_OWNER, "void *", &["void *"], 1),
    subr("mutex_type_adaptive", SUBR_MUTEX_TYPE_ADAPTIVE, "int", &["void *"], 1),
    subr("mutex_type_spin", SUBR_MUTEX_TYPE_SPIN, "int", &["void *"], 1),
    action("normalize", ActionKind::Normalize, "void", &["..."], 0),
    subr("ntohl", SUBR_NTOHL, "uint32_t", &["uint32_t"], 1),
    subr("ntohll", SUBR_NTOHLL, "uint64_t", &["uint64_t"], 1),
    subr("ntohs", SUBR_NTOHS, "uint16_t", &["uint16_t"], 1),
    action("panic", ActionKind::Panic, "void", &[], 0),
    action("print", ActionKind::Print, "void", &["@"], 1),
    action("printa", ActionKind::Printa, "void", &["@", "..."], 1),
    action("printf", ActionKind::Printf, "void", &["@", "..."], 1),
    subr("progenyof", SUBR_PROGENYOF, "int", &["pid_t"], 1),
    aggregating("quantize", agg::QUANTIZE),
    action("raise", ActionKind::Raise, "void", &["int"], 1),
    subr("rand", SUBR_RAND, "int", &[], 0),
    subr("rindex", SUBR_RINDEX, "int", &["char *", "char *", "int"], 2),
    subr("rw_iswriter", SUBR_RW_ISWRITER, "int", &["void *"], 1),
    subr("rw_read_held", SUBR_RW_READ_HELD, "int", &["void *"], 1),
    subr("rw_write_held", SUBR_RW_WRITE_HELD, "int", &["void *"], 1),
    action("setopt", ActionKind::Setopt, "void", &["char *", "char *"], 1),
    action("speculate", ActionKind::Speculate, "void", &["int"], 1),
    subr("speculation", SUBR_SPECULATION, "int", &[], 0),
    action("stack", ActionKind::Stack, "stack", &["..."], 0),
    aggregating("stddev", agg::STDDEV),
    action("stop", ActionKind::Stop, "void", &[], 0),
    subr("strchr", SUBR_STRCHR, "string", &["char *", "char"], 2),
    subr("strjoin", SUBR_STRJOIN, "string", &["char *", "char *"], 2),
    subr("strlen", SUBR_STRLEN, "size_t", &["char *"], 1),
    subr("strrchr", SUBR_STRRCHR, "string", &["char *", "char"], 2),
    subr("strstr", SUBR_STRSTR, "string", &["char *", "char *"], 2),
    subr("strtok", SUBR_STRTOK, "string", &["char *", "char *"], 2),
    subr("strtoll", SUBR_STRTOLL, "int64_t", &["char *", "int"], 1),
    subr("substr", SUBR_SUBSTR, "string", &["char *", "int", "int"], 2),
    aggregating("sum", agg::SUM),
    action("sym", ActionKind::Sym, "_symaddr", &["uintptr_t"], 1),
    action("system", ActionKind::System, "void", &["@", "..."], 1),
    action("test1", ActionKind::Test1, "void", &["int"], 1),
    action("test2", ActionKind::Test2, "void", &["int"], 1),
    subr("tolower", SUBR_TOLOWER, "string", &["char *"], 1),
    subr("toupper", SUBR_TOUPPER, "string", &["char *"], 1),
    action("trace", ActionKind::Trace, "void", &["@"], 1),
    action("tracemem", ActionKind::Tracemem, "void", &["@", "size_t", "..."], 2),
    action("trunc", ActionKind::Trunc, "void", &["..."], 0),
    action("uaddr", ActionKind::Uaddr, "_usymaddr", &["uintptr_t"], 1),
    action("ufunc", ActionKind::Usym, "_usymaddr", &["uintptr_t"], 1),
    action("umod", ActionKind::Umod, "_usymaddr", &["uintptr_t"], 1),
    action("ustack", ActionKind::Ustack, "stack", &["..."], 0),
    action("usym", ActionKind::Usym, "_usymaddr", &["uintptr_t"], 1),
];

/// The built-in variable of this name.
pub(super) fn variable(name: &str) -> Option<&'static BuiltinVar> {
    VARIABLES.iter().find(|v| v.name == name)
}

/// The built-in function of this name.
pub(super) fn function(name: &str) -> Option<&'static BuiltinFunction> {
    FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &FUNCTIONS[i])
}

/// The names that came after the first version, by the version that brought them.
const LATER: &[(Version, &[&str])] = &[
    (Version(1, 1, 0), &["freopen", "index", "rindex", "strchr", "strrchr", "strstr", "strtok", "substr"]),
    (
        Version(1, 2, 0),
        &["func", "mod", "setopt", "sym", "uaddr", "ucaller", "ufunc", "umod", "ustackdepth", "usym"],
    ),
    (Version(1, 3, 0), &["htonl", "htonll", "htons", "ntohl", "ntohll", "ntohs"]),
    (Version(1, 5, 0), &["inet_ntoa", "inet_ntoa6", "inet_ntop"]),
    (Version(1, 6, 0), &["stddev"]),
    (Version(1, 7, 0), &["llquantize", "vmregs"]),
    (Version(1, 8, 0), &["tolower", "toupper"]),
    (Version(1, 9, 0), &["execargs", "json", "print", "strtoll", "threadname"]),
];

/// The version that brought a built-in name.
pub(super) fn since(name: &str) -> Version {
    LATER.iter().find(|(_, names)| names.contains(&name)).map_or(Version(1, 0, 0), |&(version, _)| version)
}

/// The stability of a built-in name.
pub(super) fn attribute(name: &str) -> Attribute {
    // What curthread points to is the kernel's own.
    if name == "curthread" { Attribute { name: 6, data: 1, class: 5 } } else { super::DEFINED }
}

/// Whether a word of a text needs no library to mean something.
pub(crate) fn is_known(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| is_builtin(word) || Keyword::find(word).is_some())
}

/// Whether D has the name by itself.
pub(super) fn is_builtin(name: &str) -> bool {
    variable(name).is_some() || function(name).is_some() || name == "NULL"
}

/// The type that the tables name. Types of the kernel have a plain stand-in where the kernel does not describe them.
pub(super) fn type_named(types: &Types, name: &str) -> TypeId {
    let intrinsics = types.intrinsics();
    match name {
        "void" => intrinsics.void,
        "int" => intrinsics.int,
        "char" => intrinsics.char,
        "string" => intrinsics.string,
        "void *" => intrinsics.void_pointer,
        "char *" => types.pointer_to(intrinsics.char),
        "struct task_struct *" | "struct file *" => types.lookup(name).unwrap_or(intrinsics.void_pointer),
        "uid_t" | "gid_t" => {
            types.lookup_d(name).or_else(|| types.lookup_intrinsic(name)).unwrap_or(intrinsics.int)
        }
        _ => types.lookup_intrinsic(name).unwrap_or(intrinsics.int64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_in_the_order_of_their_names() {
        assert!(FUNCTIONS.windows(2).all(|w| w[0].name < w[1].name));
    }

    #[test]
    fn every_name_stands_in_the_language_reference() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/language");
        let pages = std::fs::read_dir(directory).unwrap();
        let text: String = pages.map(|page| std::fs::read_to_string(page.unwrap().path()).unwrap()).collect();
        let words: std::collections::HashSet<&str> =
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let numbered = |name: &str| name.strip_prefix("arg").is_some_and(|n| n.parse::<u32>().is_ok());
        let names = VARIABLES.iter().map(|v| v.name).chain(FUNCTIONS.iter().map(|f| f.name));
        let missing: Vec<_> = names.filter(|name| !words.contains(name) && !numbered(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_type_that_the_tables_name_exists() {
        let types = Types::with_btf_directory("/nonexistent");
        let known = [
            "void *",
            "char *",
            "in6_addr_t *",
            "ipaddr_t *",
            "struct task_struct *",
            "struct file *",
            "uid_t",
            "gid_t",
            "@",
            "...",
        ];
        let named = VARIABLES.iter().map(|v| v.ty);
        let functions = FUNCTIONS.iter().flat_map(|f| f.params.iter().copied().chain([f.ret]));
        for name in named.chain(functions) {
            assert!(known.contains(&name) || types.lookup_intrinsic(name).is_some(), "{name}");
        }
    }
}
