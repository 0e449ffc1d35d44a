//! The listing of a DIF object that `dtrace -S` shows, in the original's form.

use std::fmt::Write;
use std::rc::Rc;

use dtrace_abi::dif::{self, Instr};

use crate::program::{DifType, Difo, Program, VarScope};

/// The name of a subroutine as D calls it.
pub fn subroutine_name(subr: u32) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "rand",
        "mutex_owned",
        "mutex_owner",
        "mutex_type_adaptive",
        "mutex_type_spin",
        "rw_read_held",
        "rw_write_held",
        "rw_iswriter",
        "copyin",
        "copyinstr",
        "speculation",
        "progenyof",
        "strlen",
        "copyout",
        "copyoutstr",
        "alloca",
        "bcopy",
        "copyinto",
        "msgdsize",
        "msgsize",
        "getmajor",
        "getminor",
        "ddi_pathname",
        "strjoin",
        "lltostr",
        "basename",
        "dirname",
        "cleanpath",
        "strchr",
        "strrchr",
        "strstr",
        "strtok",
        "substr",
        "index",
        "rindex",
        "htons",
        "htonl",
        "htonll",
        "ntohs",
        "ntohl",
        "ntohll",
        "inet_ntop",
        "inet_ntoa",
        "inet_ntoa6",
        "toupper",
        "tolower",
        "d_path",
    ];
    NAMES.get(subr as usize).copied()
}

/// How an instruction's operands are written.
enum Form {
    /// `%r1, %r2, %rd`
    Three,
    /// `%r1, %rd`
    Two,
    /// `%r1, %r2`
    Compare,
    /// `%r1`
    Test,
    /// a label
    Branch,
    /// `[%r1], %rd`
    Load,
    /// `%r1, [%rd]`
    Store,
    /// `%rd`
    Ret,
    None,
    Setx,
    Sets,
    /// array and index
    Array,
    /// `var, %rd`
    LoadVar(VarScope),
    /// `%rd, var`
    StoreVar(VarScope),
    Call,
    Push,
    /// a translator's member
    Xlate,
}

/// The opcodes from 1 on, with the form of their operands.
const OPCODES: &[(&str, Form)] = &[
    ("or", Form::Three),
    ("xor", Form::Three),
    ("and", Form::Three),
    ("sll", Form::Three),
    ("srl", Form::Three),
    ("sub", Form::Three),
    ("add", Form::Three),
    ("mul", Form::Three),
    ("sdiv", Form::Three),
    ("udiv", Form::Three),
    ("srem", Form::Three),
    ("urem", Form::Three),
    ("not", Form::Two),
    ("mov", Form::Two),
    ("cmp", Form::Compare),
    ("tst", Form::Test),
    ("ba", Form::Branch),
    ("be", Form::Branch),
    ("bne", Form::Branch),
    ("bg", Form::Branch),
    ("bgu", Form::Branch),
    ("bge", Form::Branch),
    ("bgeu", Form::Branch),
    ("bl", Form::Branch),
    ("blu", Form::Branch),
    ("ble", Form::Branch),
    ("bleu", Form::Branch),
    ("ldsb", Form::Load),
    ("ldsh", Form::Load),
    ("ldsw", Form::Load),
    ("ldub", Form::Load),
    ("lduh", Form::Load),
    ("lduw", Form::Load),
    ("ldx", Form::Load),
    ("ret", Form::Ret),
    ("nop", Form::None),
    ("setx", Form::Setx),
    ("sets", Form::Sets),
    ("scmp", Form::Compare),
    ("ldga", Form::Array),
    ("ldgs", Form::LoadVar(VarScope::Global)),
    ("stgs", Form::StoreVar(VarScope::Global)),
    ("ldta", Form::Array),
    ("ldts", Form::LoadVar(VarScope::Thread)),
    ("stts", Form::StoreVar(VarScope::Thread)),
    ("sra", Form::Three),
    ("call", Form::Call),
    ("pushtr", Form::Push),
    ("pushtv", Form::Push),
    ("popts", Form::None),
    ("flushts", Form::None),
    ("ldgaa", Form::LoadVar(VarScope::Global)),
    ("ldtaa", Form::LoadVar(VarScope::Thread)),
    ("stgaa", Form::StoreVar(VarScope::Global)),
    ("sttaa", Form::StoreVar(VarScope::Thread)),
    ("ldls", Form::LoadVar(VarScope::Local)),
    ("stls", Form::StoreVar(VarScope::Local)),
    ("allocs", Form::Two),
    ("copys", Form::Three),
    ("stb", Form::Store),
    ("sth", Form::Store),
    ("stw", Form::Store),
    ("stx", Form::Store),
    ("uldsb", Form::Load),
    ("uldsh", Form::Load),
    ("uldsw", Form::Load),
    ("uldub", Form::Load),
    ("ulduh", Form::Load),
    ("ulduw", Form::Load),
    ("uldx", Form::Load),
    ("rldsb", Form::Load),
    ("rldsh", Form::Load),
    ("rldsw", Form::Load),
    ("rldub", Form::Load),
    ("rlduh", Form::Load),
    ("rlduw", Form::Load),
    ("rldx", Form::Load),
    ("xlate", Form::Xlate),
    ("xlarg", Form::Xlate),
];

/// The listing of an object. `address` is what it is called by: objects have no names.
pub fn listing(difo: &Difo, address: u64) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail. The doubled prefix is the original's on Linux, and so what people's scripts match.
    let _ = writeln!(out, "\nDIFO 0x{address:#x} returns {}", type_text(difo.rtype));
    let _ = writeln!(out, "OFF OPCODE      INSTRUCTION");
    for (i, &word) in difo.text.iter().enumerate() {
        let _ = writeln!(out, "{i:02}: {word:08x}    {}", instruction(difo, Instr(word)));
    }
    if !difo.vars.is_empty() {
        let _ = writeln!(out, "\n{:<16} {:<4} {:<3} {:<3} {:<4} TYPE", "NAME", "ID", "KND", "SCP", "FLAG");
        for v in &difo.vars {
            let kind = if v.array { "arr" } else { "scl" };
            let scope = match v.scope {
                VarScope::Global => "glb",
                VarScope::Thread => "tls",
                VarScope::Local => "loc",
            };
            let flags = match (v.referenced, v.modified) {
                (true, true) => "r/w",
                (true, false) => "r",
                (false, true) => "w",
                (false, false) => "",
            };
            let id = format!("{:x}", v.id);
            let _ =
                writeln!(out, "{:<16} {id:<4} {kind:<3} {scope:<3} {flags:<4} {}", v.name, type_text(v.ty));
        }
    }
    out
}

/// The listings of all that a program was compiled to, predicates first in each clause. What the library itself adds, the
/// numbers of aggregations, is left out.
pub fn listings(program: &Program) -> String {
    let mut out = String::new();
    for ecb in &program.ecbs {
        let actions = ecb.stmts.iter().flat_map(|s| &s.actions);
        for difo in ecb.predicate.iter().chain(actions.filter_map(|a| a.difo.as_ref())) {
            if !difo.strings.is_empty() {
                out.push_str(&listing(difo, Rc::as_ptr(difo) as u64));
            }
        }
    }
    out
}

fn type_text(ty: DifType) -> String {
    const KINDS: &[&str] = &[
        "unknown", "integer", "float", "pointer", "array", "function", "struct", "union", "enum", "forward",
        "typedef", "volatile", "const", "restrict",
    ];
    let kind = KINDS.get(usize::from(ty.ctf_kind)).copied().unwrap_or("unknown");
    let what = if ty.string { "string" } else { "D type" };
    let by_ref = if ty.by_ref { " by ref" } else { "" };
    format!("{what} ({kind}){by_ref} (size {})", ty.size)
}

fn instruction(difo: &Difo, i: Instr) -> String {
    let Some((name, form)) = i.op().checked_sub(1).and_then(|n| OPCODES.get(usize::from(n))) else {
        return format!(".word 0x{:08x}", i.0);
    };
    let (r1, r2, rd) = (i.r1(), i.r2(), i.rd());
    let variable = |scope, id: u32| {
        let found = difo.vars.iter().find(|v| v.id == id && v.scope == scope);
        found.map_or(String::new(), |v| format!("! DT_VAR({id}) = \"{}\"", v.name))
    };
    let with_note = |text: String, tabs: &str, note: String| {
        if note.is_empty() { text } else { format!("{text}{tabs}{note}") }
    };
    match form {
        Form::Three => format!("{name:<4} %r{r1}, %r{r2}, %r{rd}"),
        Form::Two => format!("{name:<4} %r{r1}, %r{rd}"),
        Form::Compare => format!("{name:<4} %r{r1}, %r{r2}"),
        Form::Test => format!("{name:<4} %r{r1}"),
        Form::Branch => format!("{name:<4} {}", i.label()),
        Form::Load => format!("{name:<4} [%r{r1}], %r{rd}"),
        Form::Store => format!("{name:<4} %r{r1}, [%r{rd}]"),
        Form::Ret => format!("{name:<4} %r{rd}"),
        Form::None => (*name).to_owned(),
        Form::Setx => {
            let text = format!("{name:<4} DT_INTEGER[{}], %r{rd}", i.integer());
            let value = difo.ints.get(i.integer() as usize);
            with_note(text, "\t\t", value.map_or(String::new(), |v| format!("! 0x{v:x}")))
        }
        Form::Sets => {
            let text = format!("{name:<4} DT_STRING[{}], %r{rd}", i.string());
            let string = difo.strings.get(i.string() as usize..).unwrap_or_default();
            let string = string.split(|&b| b == 0).next().unwrap_or_default();
            format!("{text}\t\t! \"{}\"", String::from_utf8_lossy(string))
        }
        Form::Array => {
            let text = format!("{name:<4} DT_VAR({}), %r{r2}, %r{rd}", i.array());
            with_note(text, "\t\t", variable(VarScope::Global, i.array()))
        }
        Form::LoadVar(scope) => {
            let text = format!("{name:<4} DT_VAR({}), %r{rd}", i.var());
            with_note(text, "\t\t", variable(*scope, i.var()))
        }
        Form::StoreVar(scope) => {
            let text = format!("{name:<4} %r{rd}, DT_VAR({})", i.var());
            with_note(text, "\t\t", variable(*scope, i.var()))
        }
        Form::Call => {
            let text = format!("{name:<4} DIF_SUBR({}), %r{rd}", i.subr());
            with_note(text, "\t\t", subroutine_name(i.subr()).map_or(String::new(), |n| format!("! {n}")))
        }
        Form::Push => {
            let what = match i.tuple_type() {
                dif::TYPE_CTF => "D type",
                dif::TYPE_STRING => "string",
                _ => "unknown",
            };
            let ty = i.tuple_type();
            format!("{name:<4} DT_TYPE({ty}), %r{r2}, %r{rd}\t! DT_TYPE({ty}) = {what}")
        }
        Form::Xlate => format!("{name:<4} DT_XLREF[{}], %r{rd}", i.xlref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dif::Assembler;

    #[test]
    fn a_listing_reads_as_the_originals() {
        let int = DifType { string: false, ctf_kind: 1, by_ref: false, size: 4 };
        let mut a = Assembler::new();
        let (x, y) = (a.alloc().unwrap(), a.alloc().unwrap());
        a.note(&"pid".into(), dif::VAR_PID, false, VarScope::Global, int, false);
        a.variable(dif::OP_LDGS, dif::VAR_PID, x);
        a.setx(3, y).unwrap();
        a.compare(dif::OP_CMP, x, y);
        let end = a.label();
        a.branch(dif::OP_BE, end);
        a.copy(crate::dif::R0, x);
        a.place(end);
        a.ret(x);
        let text = listing(&a.finish(int, true).unwrap(), 0x1000);
        assert_eq!(
            text,
            "\nDIFO 0x0x1000 returns D type (integer) (size 4)\n\
             OFF OPCODE      INSTRUCTION\n\
             00: 29011601    ldgs DT_VAR(278), %r1\t\t! DT_VAR(278) = \"pid\"\n\
             01: 25000002    setx DT_INTEGER[0], %r2\t\t! 0x3\n\
             02: 0f010200    cmp  %r1, %r2\n\
             03: 12000005    be   5\n\
             04: 0e000001    mov  %r0, %r1\n\
             05: 23000001    ret  %r1\n\
             \n\
             NAME             ID   KND SCP FLAG TYPE\n\
             pid              116  scl glb r    D type (integer) (size 4)\n"
        );
    }
}
