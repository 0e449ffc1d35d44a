//! The C headers of `include/`: they are what the Rust sources say now, and a C compiler sees in them the sizes, offsets
//! and values that the Rust compiler sees.
//!
//! The comparison is a C program of static assertions, so a compiler is enough: nothing is linked or run, and the layout
//! for 32-bit callers is checked on a machine without 32-bit libraries too.

mod generate;

use generate::{HEADERS, c_name, config, prefix_of};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

struct Constant {
    module: &'static str,
    name: &'static str,
    value: i128,
}

struct Structure {
    module: &'static str,
    name: &'static str,
    size: usize,
    fields: &'static [dtrace_abi::Field],
}

include!(concat!(env!("OUT_DIR"), "/abi_items.rs"));

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_path_buf()
}

/// The member names of a structure as the header has them, in order.
fn members(header: &str, tag: &str) -> Vec<String> {
    let start = format!("typedef struct {tag} {{\n");
    let body = header.split_once(&start).unwrap_or_else(|| panic!("no struct {tag} in the headers")).1;
    let body = body.split_once("\n} ").unwrap_or_else(|| panic!("struct {tag} does not end")).0;
    let declarations = body.lines().map(str::trim).filter(|line| line.ends_with(';'));
    declarations
        .map(|line| {
            let line = line.split(['[', ';', ')']).next().unwrap_or_default();
            line.rsplit([' ', '(']).next().unwrap_or_default().to_owned()
        })
        .collect()
}

/// One static assertion.
fn check(program: &mut String, expression: &str, value: impl std::fmt::Display) {
    let _ = writeln!(program, "_Static_assert({expression} == {value}, \"{expression} is not {value}\");");
}

/// A number as C can read it.
fn literal(value: i128) -> String {
    if value < 0 { format!("({value})") } else { format!("{value}u") }
}

fn sources() -> String {
    // libdtrace's own needs a C library, which there may not be for every kind of caller.
    let abi = HEADERS.iter().filter(|h| h.path.starts_with("sys/"));
    let headers: String = abi.map(|h| format!("#include <{}>\n", h.path)).collect();
    format!("#include <stddef.h>\n{headers}")
}

/// Runs the C compiler on `program` without making anything; its complaints when it has some.
fn compile(program: &str, flags: &[&str]) -> Result<(), String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("abi{}.c", flags.concat()));
    fs::write(&file, program).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let cc = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let output = Command::new(&cc)
        .args(["-std=c11", "-ffreestanding", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("include"))
        .args(flags)
        .arg(&file)
        .output()
        .unwrap_or_else(|e| panic!("{cc}: {e}: this test needs a C compiler"));
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn compiles_for_32_bit() -> bool {
    let can = compile("#include <stdint.h>\nint32_t x;\n", &["-m32"]).is_ok();
    if !can {
        println!("skipped: the C compiler knows no -m32");
    }
    can
}

/// Sizes and offsets of every structure, and the value of every constant.
fn whole_abi(lp64: bool) -> String {
    let config = config(&root());
    let text: String = HEADERS.iter().map(|h| fs::read_to_string(h.file(&root())).unwrap()).collect();
    let mut program = sources();
    for Constant { module, name, value } in CONSTANTS {
        let Some(prefix) = prefix_of(module) else { continue };
        check(&mut program, &c_name(prefix, name, &config), literal(*value));
    }
    for Structure { name, size, fields, .. } in STRUCTURES {
        // The one structure that 32-bit callers have otherwise: there it is checked against its own.
        let c_type = match (*name, lp64) {
            ("CtlMem", false) | ("CtlMem32", true) => continue,
            ("CtlMem32", false) => "ctl_mem_t".to_owned(),
            (name, _) => c_name("", name, &config),
        };
        let mut names = members(&text, c_type.trim_end_matches("_t"));
        if *name == "CtlMem32" {
            names.retain(|member| !member.starts_with("c_pad"));
        }
        assert_eq!(names.len(), fields.len(), "{c_type} and {name} have different members: {names:?}");
        check(&mut program, &format!("sizeof({c_type})"), size);
        for (member, field) in names.iter().zip(*fields) {
            check(&mut program, &format!("offsetof({c_type}, {member})"), field.offset);
            let pointer = !lp64 && text.contains(&format!("DTRACE_PTR ({member});"));
            check(
                &mut program,
                &format!("sizeof((({c_type} *)0)->{member})"),
                if pointer { 4 } else { field.size },
            );
        }
    }
    program
}

#[test]
fn the_committed_headers_are_what_the_sources_say() {
    let update = env::var_os("UPDATE_HEADERS").is_some();
    for header in HEADERS {
        let (fresh, file) = (header.generate(&root()), header.file(&root()));
        if update {
            fs::write(&file, &fresh).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == fresh,
            "include/{} is stale: UPDATE_HEADERS=1 cargo test -p compat-tests --test abi_headers",
            header.path
        );
    }
}

#[test]
fn nothing_of_the_abi_is_left_out_of_the_headers() {
    let left_out: Vec<_> =
        CONSTANTS.iter().map(|c| c.module).chain(STRUCTURES.iter().map(|s| s.module)).collect();
    let mut left_out: Vec<_> = left_out.into_iter().filter(|module| prefix_of(module).is_none()).collect();
    left_out.dedup();
    // The limits are the driver's own affair.
    assert_eq!(left_out, ["limit"]);
    assert!(CONSTANTS.len() > 350 && STRUCTURES.len() > 30, "the build script has lost its way");
}

#[test]
fn a_c_compiler_sees_the_same_sizes_offsets_and_values() {
    compile(&whole_abi(true), &["-m64"]).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_32_bit_caller_sees_the_same_but_for_ctl_mem() {
    if compiles_for_32_bit() {
        compile(&whole_abi(false), &["-m32"]).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn the_comparison_notices_a_difference() {
    let mut program = sources();
    check(&mut program, "sizeof(dtrace_recdesc_t)", 31);
    let complaint = compile(&program, &["-m64", "-g0"]).unwrap_err();
    assert!(complaint.contains("sizeof(dtrace_recdesc_t) is not 31"), "{complaint}");
}

#[test]
fn the_macros_do_what_the_rust_functions_do() {
    use dtrace_abi::action::UstackArg;
    use dtrace_abi::agg::{LlquantizeArg, LquantizeArg, QUANTIZE_NBUCKETS, quantize_value};
    use dtrace_abi::{Attribute, Instr, action, dif, dof};

    let mut program = sources();
    let instr = Instr::new(dif::OP_XLATE, 0xab, 0xcd, 0xef);
    let parts = [
        ("OP", u32::from(instr.op())),
        ("R1", instr.r1().into()),
        ("R2", instr.r2().into()),
        ("RD", instr.rd().into()),
        ("RS", instr.rs().into()),
        ("LABEL", instr.label()),
        ("VAR", instr.var()),
        ("INTEGER", instr.integer()),
        ("STRING", instr.string()),
        ("SUBR", instr.subr()),
        ("XLREF", instr.xlref()),
        ("TYPE", instr.tuple_type().into()),
    ];
    for (part, value) in parts {
        check(&mut program, &format!("DIF_INSTR_{part}({}u)", instr.0), value);
    }
    check(&mut program, "DIF_INSTR_FMT(DIF_OP_XLATE, 0xab, 0xcd, 0xef)", instr.0);
    let branch = Instr::branch(dif::OP_BA, 0x1234_5678);
    check(&mut program, "DIF_INSTR_BRANCH(DIF_OP_BA, 0x12345678)", branch.0);

    for kind in CONSTANTS.iter().filter(|c| matches!(c.module, "action" | "agg") && c.value < 0x1000) {
        let kind = u32::try_from(kind.value).unwrap();
        check(&mut program, &format!("DTRACEACT_CLASS({kind})"), action::class(kind));
        let tests: [(&str, bool); 4] = [
            ("DESTRUCTIVE", action::is_destructive(kind)),
            ("SPECULATIVE", action::is_speculative(kind)),
            ("AGG", action::is_aggregation(kind)),
            ("PRINTFLIKE", action::is_printf_like(kind)),
        ];
        for (test, value) in tests {
            check(&mut program, &format!("DTRACEACT_IS{test}({kind})"), u8::from(value));
        }
    }

    let stack = UstackArg { nframes: 50, strsize: 512 };
    check(&mut program, "DTRACE_USTACK_ARG(50, 512)", literal(stack.pack().into()));
    check(&mut program, &format!("DTRACE_USTACK_NFRAMES({}u)", stack.pack()), 50);
    check(&mut program, &format!("DTRACE_USTACK_STRSIZE({}u)", stack.pack()), 512);
    let linear = LquantizeArg { base: -10, step: 5, levels: 4 }.pack();
    check(&mut program, &format!("DTRACE_LQUANTIZE_BASE({linear}u)"), -10);
    check(&mut program, &format!("DTRACE_LQUANTIZE_STEP({linear}u)"), 5);
    check(&mut program, &format!("DTRACE_LQUANTIZE_LEVELS({linear}u)"), 4);
    let log = LlquantizeArg { factor: 10, low: 1, high: 6, nsteps: 20 }.pack();
    check(&mut program, &format!("DTRACE_LLQUANTIZE_FACTOR({log}u)"), 10);
    check(&mut program, &format!("DTRACE_LLQUANTIZE_LOW({log}u)"), 1);
    check(&mut program, &format!("DTRACE_LLQUANTIZE_HIGH({log}u)"), 6);
    check(&mut program, &format!("DTRACE_LLQUANTIZE_NSTEP({log}u)"), 20);
    for bucket in 0..QUANTIZE_NBUCKETS {
        check(&mut program, &format!("DTRACE_QUANTIZE_BUCKETVAL({bucket})"), quantize_value(bucket));
    }

    let attr = Attribute::new(5, 6, 3);
    check(&mut program, "DOF_ATTR(5, 6, 3)", attr.to_dof());
    check(&mut program, &format!("DOF_ATTR_NAME({}u)", attr.to_dof()), attr.name);
    check(&mut program, &format!("DOF_ATTR_DATA({}u)", attr.to_dof()), attr.data);
    check(&mut program, &format!("DOF_ATTR_CLASS({}u)", attr.to_dof()), attr.class);
    for kind in 0..=dof::SECT_MAX + 1 {
        check(&mut program, &format!("DOF_SEC_ISLOADABLE({kind})"), u8::from(dof::is_loadable(kind)));
    }
    compile(&program, &["-m64", "-Wno-type-limits"]).unwrap_or_else(|e| panic!("{e}"));
}
