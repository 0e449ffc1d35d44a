//! Programs that run: what D text becomes is enabled in the engine of this process, fires, and leaves its records.

use std::collections::HashMap;

use crate::world::{enable, program};
use dtrace_abi::{BufDesc, EprobeDesc, Plain, RecDesc, UserPtr, ioctl, option};
use dtrace_rs::dof::{options_image, program_image};
use dtrace_user::Device;

const BUFFER: usize = 64 << 10;

/// One record: a number, or the text of a string.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    Int(i64),
    Text(String),
}

fn call(device: &Device, command: u32, argument: *mut u8) -> i32 {
    // SAFETY: each caller passes a live structure of the command's type.
    unsafe { device.ioctl(command, argument.cast()) }.unwrap_or_else(|e| panic!("{command:x}: {e}"))
}

/// The records of a control block, as the engine describes them.
fn records(device: &Device, epid: u32) -> (usize, Vec<RecDesc>) {
    const ROOM: usize = 64;
    let mut room = vec![0u64; EprobeDesc::size_for(ROOM) / 8];
    let head = EprobeDesc { epid, nrecs: ROOM as u32, ..EprobeDesc::zeroed() };
    // SAFETY: the room is larger than the head and aligned for it.
    unsafe { room.as_mut_ptr().cast::<EprobeDesc>().write(head) };
    call(device, ioctl::EPROBE, room.as_mut_ptr().cast());
    // SAFETY: the head was written above and by the engine.
    let head = unsafe { room.as_ptr().cast::<EprobeDesc>().read() };
    let first = EprobeDesc::HEADER;
    let bytes: Vec<u8> = room.iter().flat_map(|w| w.to_le_bytes()).collect();
    let records = bytes[first..].chunks(size_of::<RecDesc>()).take(head.nrecs as usize);
    (head.size as usize, records.map(|c| RecDesc::from_bytes(c).unwrap()).collect())
}

/// Runs a program whose BEGIN exits, and gives what it recorded, statement by statement; the exit status is left out.
fn run(text: &str) -> Vec<Value> {
    let program = program(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let device = Device::open().unwrap();
    let matched = enable(&device, &mut program_image(&program));
    assert_eq!(matched, Ok(program.ecbs.len() as i32), "{text}");
    let mut options = options_image([(option::BUFSIZE, BUFFER as i64), (option::STRSIZE, 256)]);
    assert_eq!(enable(&device, &mut options), Ok(0));
    let mut cpu = 0i32;
    call(&device, ioctl::GO, (&raw mut cpu).cast());
    let mut data = vec![0u8; BUFFER];
    let mut snapshot = BufDesc { cpu: cpu as u32, data: data.as_mut_ptr() as UserPtr, ..BufDesc::zeroed() };
    call(&device, ioctl::BUFSNAP, (&raw mut snapshot).cast());
    assert_eq!((snapshot.errors, snapshot.drops), (0, 0), "{text}");
    let mut known: HashMap<u32, (usize, Vec<RecDesc>)> = HashMap::new();
    let (mut values, mut at) = (Vec::new(), 0);
    let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap());
    while at + 4 <= snapshot.size as usize {
        let epid = word(at);
        if epid == 0 {
            at += 4;
            continue;
        }
        let (size, records) = known.entry(epid).or_insert_with(|| records(&device, epid));
        for r in records.iter().filter(|r| r.size > 0 && u32::from(r.action) != dtrace_abi::action::EXIT) {
            let bytes = &data[at + r.offset as usize..][..r.size as usize];
            values.push(match *bytes {
                [a] => Value::Int((a as i8).into()),
                [a, b] => Value::Int(i16::from_le_bytes([a, b]).into()),
                [a, b, c, d] => Value::Int(i32::from_le_bytes([a, b, c, d]).into()),
                [a, b, c, d, e, f, g, h] => Value::Int(i64::from_le_bytes([a, b, c, d, e, f, g, h])),
                _ => {
                    let text = bytes.iter().copied().take_while(|&b| b != 0).collect();
                    Value::Text(String::from_utf8(text).unwrap())
                }
            });
        }
        at += *size;
    }
    values
}

#[track_caller]
fn check(text: &str, want: &[i64]) {
    let want: Vec<Value> = want.iter().map(|&v| Value::Int(v)).collect();
    assert_eq!(run(text), want, "{text}");
}

#[track_caller]
fn check_text(text: &str, want: &[&str]) {
    let want: Vec<Value> = want.iter().map(|&v| Value::Text(v.into())).collect();
    assert_eq!(run(text), want, "{text}");
}

#[test]
fn values_are_recorded() {
    check(
        "BEGIN { trace(42); trace((char)-3); trace(1234567890123); exit(0); }",
        &[42, -3, 1_234_567_890_123],
    );
    check_text("BEGIN { trace(\"hello\"); trace(probename); exit(0); }", &["hello", "BEGIN"]);
}

#[test]
fn variables_keep_their_values_from_clause_to_clause() {
    check(
        "int g; BEGIN { g = 3; self->t = 4; this->l = 5; a[1, \"x\"] = 6; self->m[g] = 7; } \
         BEGIN { trace(g); trace(self->t); trace(this->l); trace(a[1, \"x\"]); trace(self->m[3]); trace(a[2, \"x\"]); \
         exit(0); }",
        &[3, 4, 5, 6, 7, 0],
    );
}

#[test]
fn a_predicate_decides() {
    check("BEGIN /1 == 2/ { trace(1); } BEGIN /probename == \"BEGIN\"/ { trace(2); exit(0); }", &[2]);
}

#[test]
fn a_predicate_may_use_what_its_body_assigns_first() {
    check("BEGIN /!start/ { start = 5; trace(start); } BEGIN /start == 5/ { trace(6); exit(0); }", &[5, 6]);
}

#[test]
fn if_chooses_at_run_time() {
    let text = |n| {
        format!(
            "BEGIN {{ n = {n}; if (n > 2) {{ trace(1); if (n == 3) trace(3); else {{ n = 0; trace(4); }} }} \
             else trace(2); trace(n); exit(0); }}"
        )
    };
    check(&text(3), &[1, 3, 3]);
    check(&text(5), &[1, 4, 0]);
    check(&text(1), &[2, 1]);
}

#[test]
fn structures_live_in_variables_of_every_scope() {
    check(
        "struct s { int a; short b; char c[4]; }; struct s g; struct s m[int]; self struct s t; this struct s l; \
         BEGIN { g.a = 1; g.b = -2; g.c[3] = 3; m[1].a = 4; m[1].b = 5; self->t.b = 6; m[2] = g; this->l = g; \
         trace(g.a); trace(g.b); trace(g.c[3]); trace(m[1].a); trace(m[1].b); trace(self->t.b); trace(m[2].b); \
         trace(m[3].a); trace(this->l.c[3]); exit(0); }",
        &[1, -2, 3, 4, 5, 6, -2, 0, 3],
    );
}

#[test]
fn bit_fields_keep_to_their_bits() {
    check(
        "struct b { unsigned a:3; int b:5; unsigned c:9; long d:40; }; struct b v; \
         BEGIN { v.a = 9; v.b = -7; v.c = 300; v.d = -12345; v.a++; \
         trace((int)v.a); trace((int)v.b); trace((int)v.c); trace((long)v.d); trace(sizeof (struct b)); exit(0); }",
        &[2, -7, 300, -12345, 8],
    );
}

#[test]
fn memory_from_alloca_is_written_and_read() {
    check(
        "BEGIN { this->p = (int *)alloca(16); *this->p = 5; this->p[1] = 6; *(this->p + 2) = this->p[0] + this->p[1]; \
         trace(this->p[2]); trace(&this->p[2] - this->p); exit(0); }",
        &[11, 2],
    );
}

#[test]
fn strings_are_worked_on() {
    check_text(
        "BEGIN { s = \"a/b/c.txt\"; trace(basename(s)); trace(dirname(s)); trace(substr(s, 2, 3)); trace(strjoin(s, \"!\")); \
         trace(strtok(\"x y\", \" \")); trace(strtok(NULL, \" \")); trace(toupper(s)); trace(lltostr(255)); \
         trace(strlen(s) == 9 ? \"nine\" : \"other\"); exit(0); }",
        &["c.txt", "a/b", "b/c", "a/b/c.txt!", "x", "y", "A/B/C.TXT", "255", "nine"],
    );
}

#[test]
fn operators_with_effects_give_the_values_of_c() {
    check(
        "BEGIN { x = 5; y = x++ + ++x; trace(x); trace(y); x -= 3; trace(x); z[1] = 10; z[1] += x; trace(z[1]--); \
         trace(z[1]); trace((x, y, 9)); trace(x ? y : z[1]); trace(1 ^^ x); exit(0); }",
        &[7, 12, 4, 14, 13, 9, 12, 0],
    );
}

#[test]
fn a_chain_of_enumerators_and_inlines_is_a_constant() {
    check(
        "enum e { A, B = 5, C }; inline int twice[int n] = n * 2; inline int six = 6; \
         BEGIN { trace(C); trace(twice[B]); trace(C == six); exit(0); }",
        &[6, 10, 1],
    );
}
