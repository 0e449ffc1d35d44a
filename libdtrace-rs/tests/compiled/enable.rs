//! The engine takes what the compiler makes: its verifier accepts every image, and the programs run.

use crate::world::{enable, program};
use dtrace_rs::dof::{error_program, options_image, program_image};
use dtrace_user::Device;

/// The programs of the main job.
const MAIN: &[&str] = &[
    "BEGIN { trace(\"hello\"); exit(0); }",
    "syscall:::entry { @[execname] = count(); } tick-5s { exit(0); }",
    "syscall:::entry { @[probefunc] = count(); }",
    "syscall::read:entry { self->t = timestamp; } \
     syscall::read:return /self->t/ { @ = quantize(timestamp - self->t); self->t = 0; }",
    "syscall:::return /arg1 < 0/ { @[probefunc, -arg1] = count(); }",
    "syscall:::return /errno != 0/ { @[probefunc, errno] = count(); }",
    "syscall::openat:entry { printf(\"%s %s\", execname, copyinstr(arg1)); }",
    "profile-97 { @[arg0 != 0 ? \"kernel\" : \"user\"] = count(); }",
    "syscall:::entry { n[pid]++; } END { trace(n[1]); }",
    "syscall:::entry /pid == $target/ { @[probefunc] = count(); }",
];

#[test]
fn the_engine_takes_the_programs_of_the_main_job() {
    for text in MAIN {
        let program = program(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let device = Device::open().unwrap();
        let matched = enable(&device, &mut program_image(&program));
        assert!(matches!(matched, Ok(n) if n > 0), "{text}: {matched:?}");
    }
}

/// What the engine must take although it does nothing, or nothing yet, with all of it.
const MORE: &[&str] = &[
    "BEGIN { if (pid == 1) { trace(1); } else { if (tid == 2) trace(2); else trace(3); } trace(4); }",
    "BEGIN /pid/ { if (pid == 1) printf(\"%d\", 1); @a[pid, execname] = count(); }",
    "struct s { int a:3; int b:29; char c[3]; }; struct s v; struct s m[int]; self struct s t; this struct s l; \
     BEGIN { v.a = 1; m[1].b = 2; self->t.c[0] = 3; m[2] = v; this->l = m[1]; trace(m[1].a + self->t.b); trace(v); }",
    "BEGIN { m[1, 2, 3, 4, \"a\", \"b\", pid, 8] = 1; self->m[timestamp, m[1, 2, 3, 4, \"a\", \"b\", pid, 8]]++; }",
    "BEGIN { trace(1 + (2 + (arg0 + (4 + (arg1 + (6 + (arg2 + (8 + (arg3 + (10 + arg4)))))))))); }",
    "BEGIN { trace(strjoin(strjoin(execname, lltostr(pid)), substr(probename, 1))); trace(strtok(\"a b\", \" \")); }",
    "BEGIN { self->p = copyin(arg0, 8); trace(*(int *)self->p); tracemem(self->p, 8, arg1); }",
    "BEGIN { @ = quantize(arg0, 5); @b = lquantize(arg0, -10, 10, 2); @c = llquantize(arg0, 10, 0, 6, 20); }",
];

#[test]
fn the_engine_takes_what_else_the_language_has() {
    for text in MORE {
        let program = program(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let device = Device::open().unwrap();
        let matched = enable(&device, &mut program_image(&program));
        assert_eq!(matched, Ok(program.ecbs.len() as i32), "{text}");
    }
}

#[test]
fn the_engine_takes_the_library_s_own_images() {
    let device = Device::open().unwrap();
    assert_eq!(enable(&device, &mut program_image(&error_program())), Ok(1));
    assert_eq!(enable(&device, &mut options_image([(0, 4 << 20), (3, 4 << 20)])), Ok(0));
}
