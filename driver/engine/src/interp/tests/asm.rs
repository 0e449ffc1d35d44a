//! A small assembler for DIF.
//!
//! A program is instructions separated by `;` or newlines. Operands are registers (`r1`), numbers, strings in double
//! quotes, labels, and names. `setx` takes its number and `sets` its string directly. A label is `name:` before an
//! instruction. `ldgs` and `call` know the built-in names they need. A variable is declared before its use by
//! `global`, `thread` or `local`, its name, and `int`, `string N` or `struct N`; with `[]` after the name it is an associative
//! array. A declaration holds for all programs of the same world.

use std::collections::BTreeMap;
use std::vec::Vec;

use dtrace_abi::dif::*;
use dtrace_abi::{DifType, DifVar, Instr, Scope};

use crate::difo::{Difo, Limits, Parts};

const OPS: [(&str, u8); 79] = [
    ("or", 1),
    ("xor", 2),
    ("and", 3),
    ("sll", 4),
    ("srl", 5),
    ("sub", 6),
    ("add", 7),
    ("mul", 8),
    ("sdiv", 9),
    ("udiv", 10),
    ("srem", 11),
    ("urem", 12),
    ("not", 13),
    ("mov", 14),
    ("cmp", 15),
    ("tst", 16),
    ("ba", 17),
    ("be", 18),
    ("bne", 19),
    ("bg", 20),
    ("bgu", 21),
    ("bge", 22),
    ("bgeu", 23),
    ("bl", 24),
    ("blu", 25),
    ("ble", 26),
    ("bleu", 27),
    ("ldsb", 28),
    ("ldsh", 29),
    ("ldsw", 30),
    ("ldub", 31),
    ("lduh", 32),
    ("lduw", 33),
    ("ldx", 34),
    ("ret", 35),
    ("nop", 36),
    ("setx", 37),
    ("sets", 38),
    ("scmp", 39),
    ("ldga", 40),
    ("ldgs", 41),
    ("stgs", 42),
    ("ldta", 43),
    ("ldts", 44),
    ("stts", 45),
    ("sra", 46),
    ("call", 47),
    ("pushtr", 48),
    ("pushtv", 49),
    ("popts", 50),
    ("flushts", 51),
    ("ldgaa", 52),
    ("ldtaa", 53),
    ("stgaa", 54),
    ("sttaa", 55),
    ("ldls", 56),
    ("stls", 57),
    ("allocs", 58),
    ("copys", 59),
    ("stb", 60),
    ("sth", 61),
    ("stw", 62),
    ("stx", 63),
    ("uldsb", 64),
    ("uldsh", 65),
    ("uldsw", 66),
    ("uldub", 67),
    ("ulduh", 68),
    ("ulduw", 69),
    ("uldx", 70),
    ("rldsb", 71),
    ("rldsh", 72),
    ("rldsw", 73),
    ("rldub", 74),
    ("rlduh", 75),
    ("rlduw", 76),
    ("rldx", 77),
    ("xlate", 78),
    ("xlarg", 79),
];

const NAMES: &[(&str, u32)] = &[
    ("curthread", VAR_CURTHREAD),
    ("timestamp", VAR_TIMESTAMP),
    ("vtimestamp", VAR_VTIMESTAMP),
    ("ipl", VAR_IPL),
    ("epid", VAR_EPID),
    ("id", VAR_ID),
    ("arg0", VAR_ARG0),
    ("arg1", VAR_ARG1),
    ("arg5", VAR_ARG5),
    ("arg9", VAR_ARG9),
    ("stackdepth", VAR_STACKDEPTH),
    ("caller", VAR_CALLER),
    ("probeprov", VAR_PROBEPROV),
    ("probemod", VAR_PROBEMOD),
    ("probefunc", VAR_PROBEFUNC),
    ("probename", VAR_PROBENAME),
    ("pid", VAR_PID),
    ("tid", VAR_TID),
    ("execname", VAR_EXECNAME),
    ("zonename", VAR_ZONENAME),
    ("walltimestamp", VAR_WALLTIMESTAMP),
    ("ustackdepth", VAR_USTACKDEPTH),
    ("ucaller", VAR_UCALLER),
    ("ppid", VAR_PPID),
    ("uid", VAR_UID),
    ("gid", VAR_GID),
    ("errno", VAR_ERRNO),
    ("threadname", VAR_THREADNAME),
    ("cpu", VAR_CPU),
    ("execargs", VAR_EXECARGS),
    ("args", VAR_ARGS),
    ("regs", VAR_REGS),
    ("uregs", VAR_UREGS),
    ("vmregs", VAR_VMREGS),
    ("rand", SUBR_RAND),
    ("mutex_owned", SUBR_MUTEX_OWNED),
    ("rw_iswriter", SUBR_RW_ISWRITER),
    ("copyin", SUBR_COPYIN),
    ("copyinstr", SUBR_COPYINSTR),
    ("speculation", SUBR_SPECULATION),
    ("progenyof", SUBR_PROGENYOF),
    ("strlen", SUBR_STRLEN),
    ("copyout", SUBR_COPYOUT),
    ("copyoutstr", SUBR_COPYOUTSTR),
    ("alloca", SUBR_ALLOCA),
    ("bcopy", SUBR_BCOPY),
    ("copyinto", SUBR_COPYINTO),
    ("getmajor", SUBR_GETMAJOR),
    ("ddi_pathname", SUBR_DDI_PATHNAME),
    ("strjoin", SUBR_STRJOIN),
    ("lltostr", SUBR_LLTOSTR),
    ("basename", SUBR_BASENAME),
    ("dirname", SUBR_DIRNAME),
    ("cleanpath", SUBR_CLEANPATH),
    ("strchr", SUBR_STRCHR),
    ("strrchr", SUBR_STRRCHR),
    ("strstr", SUBR_STRSTR),
    ("strtok", SUBR_STRTOK),
    ("substr", SUBR_SUBSTR),
    ("index", SUBR_INDEX),
    ("rindex", SUBR_RINDEX),
    ("htons", SUBR_HTONS),
    ("htonl", SUBR_HTONL),
    ("htonll", SUBR_HTONLL),
    ("ntohs", SUBR_NTOHS),
    ("ntohl", SUBR_NTOHL),
    ("ntohll", SUBR_NTOHLL),
    ("inet_ntop", SUBR_INET_NTOP),
    ("inet_ntoa", SUBR_INET_NTOA),
    ("inet_ntoa6", SUBR_INET_NTOA6),
    ("toupper", SUBR_TOUPPER),
    ("tolower", SUBR_TOLOWER),
    ("d_path", SUBR_D_PATH),
    ("json", SUBR_JSON),
    ("strtoll", SUBR_STRTOLL),
];

/// Splits at blanks and commas outside of quotes.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(text) => text.find('"').expect("closing quote") + 2,
            None => rest.find([' ', ',']).unwrap_or(rest.len()),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start_matches([' ', ',']);
    }
    words
}

/// Splits into statements at semicolons and newlines outside of quotes.
fn statements(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        !quoted && (c == ';' || c == '\n')
    })
    .map(str::trim)
    .filter(|line| !line.is_empty())
    .collect()
}

fn number(word: &str) -> u64 {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1i128, digits),
        None => (1, word),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("number {word}"))),
        None => i128::from(digits.parse::<u64>().unwrap_or_else(|_| panic!("number {word}"))),
    };
    (sign * value) as u64
}

fn register(word: &str) -> u8 {
    word.strip_prefix('r').and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("register {word}"))
}

fn builtin(word: &str) -> u32 {
    NAMES.iter().find(|(name, _)| *name == word).map_or_else(|| number(word) as u32, |(_, id)| *id)
}

fn declare(words: &[&str], scope: Scope, declared: &mut BTreeMap<(Scope, &'static str), DifVar>) {
    let (name, kind) = match words[1].strip_suffix("[]") {
        Some(name) => (name, DIFV_KIND_ARRAY),
        None => (words[1], DIFV_KIND_SCALAR),
    };
    let size = words.get(3).map_or(8, |size| number(size) as u32);
    let ty = match words[2] {
        "string" => DifType { kind: TYPE_STRING, ckind: 0, flags: TF_BYREF, pad: 0, size },
        "struct" => DifType { kind: TYPE_CTF, ckind: 6, flags: TF_BYREF, pad: 0, size },
        _ => DifType { kind: TYPE_CTF, ckind: 1, flags: 0, pad: 0, size },
    };
    let id = VAR_OTHER_UBASE + declared.len() as u32;
    let var = DifVar { name: 0, id, kind, scope: scope as u8, flags: DIFV_F_REF | DIFV_F_MOD, ty };
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    declared.entry((scope, name)).or_insert(var);
}

/// Verified code for a program.
pub(super) fn assemble(
    text: &str,
    declared: &mut BTreeMap<(Scope, &'static str), DifVar>,
    limits: &Limits,
) -> Difo {
    let mut labels = BTreeMap::new();
    let mut lines = Vec::new();
    for mut line in statements(text) {
        while let Some((label, rest)) = line.split_once(':').filter(|(label, _)| !label.contains(['"', ' ']))
        {
            labels.insert(label, lines.len() as u32);
            line = rest.trim();
        }
        let words = words(line);
        match words[0] {
            "global" => declare(&words, Scope::Global, declared),
            "thread" => declare(&words, Scope::Thread, declared),
            "local" => declare(&words, Scope::Local, declared),
            _ => lines.push(words),
        }
    }
    let mut ints = Vec::new();
    let mut strings = vec![0];
    let mut vars: Vec<DifVar> = Vec::new();
    let text = lines
        .iter()
        .map(|words| {
            let op = OPS
                .iter()
                .find(|(name, _)| *name == words[0])
                .unwrap_or_else(|| panic!("opcode {}", words[0]))
                .1;
            let reg = |n: usize| words.get(n).map_or(0, |word| register(word));
            let mut user = |scope: Scope| {
                let var =
                    *declared.get(&(scope, words[1])).unwrap_or_else(|| panic!("variable {}", words[1]));
                if !vars.contains(&var) {
                    vars.push(var);
                }
                var.id as u16
            };
            match op {
                OP_BA..=OP_BLEU => Instr::branch(op, labels[words[1]]),
                OP_SETX => {
                    ints.push(number(words[1]));
                    Instr::indexed(op, ints.len() as u16 - 1, reg(2))
                }
                OP_SETS => {
                    let at = strings.len() as u16;
                    strings.extend_from_slice(words[1].trim_matches('"').as_bytes());
                    strings.push(0);
                    Instr::indexed(op, at, reg(2))
                }
                OP_CALL => Instr::indexed(op, builtin(words[1]) as u16, reg(2)),
                OP_LDGS if declared.contains_key(&(Scope::Global, words[1])) => {
                    Instr::indexed(op, user(Scope::Global), reg(2))
                }
                OP_LDGS => Instr::indexed(op, builtin(words[1]) as u16, reg(2)),
                OP_STGS | OP_LDGAA | OP_STGAA => Instr::indexed(op, user(Scope::Global), reg(2)),
                OP_LDTS | OP_STTS | OP_LDTAA | OP_STTAA => Instr::indexed(op, user(Scope::Thread), reg(2)),
                OP_LDLS | OP_STLS => Instr::indexed(op, user(Scope::Local), reg(2)),
                OP_LDGA => Instr::new(op, builtin(words[1]) as u8, reg(2), reg(3)),
                // pushtv r1; pushtr string|bytes, size register, address register
                OP_PUSHTV => Instr::new(op, 0, 0, reg(1)),
                OP_PUSHTR => Instr::new(op, u8::from(words[1] == "string"), reg(2), reg(3)),
                OP_STB..=OP_STX | OP_MOV | OP_NOT | OP_ALLOCS | OP_LDSB..=OP_LDX | OP_ULDSB..=OP_RLDX => {
                    Instr::new(op, reg(1), 0, reg(2))
                }
                OP_CMP | OP_SCMP => Instr::new(op, reg(1), reg(2), 0),
                OP_TST => Instr::new(op, reg(1), 0, 0),
                OP_RET => Instr::new(op, 0, 0, reg(1)),
                _ => Instr::new(op, reg(1), reg(2), reg(3)),
            }
        })
        .collect();
    let rtype = DifType { kind: TYPE_CTF, ckind: 1, flags: 0, pad: 0, size: 8 };
    Difo::verify(Parts { text, ints, strings, vars, rtype }, limits).unwrap()
}
