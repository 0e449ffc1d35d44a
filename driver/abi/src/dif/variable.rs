//! The built-in variables (contract 2.4).

/// The least id of an array.
pub const VAR_ARRAY_MIN: u32 = 0;
/// The least id of an array that a program defines.
pub const VAR_ARRAY_UBASE: u32 = 0x80;
/// The greatest id of an array.
pub const VAR_ARRAY_MAX: u32 = 0xff;
/// The least id of a scalar or associative array.
pub const VAR_OTHER_MIN: u32 = 0x100;
/// The least id of a scalar or associative array that a program defines.
pub const VAR_OTHER_UBASE: u32 = 0x500;
/// The greatest id of a scalar or associative array.
pub const VAR_OTHER_MAX: u32 = 0xffff;

/// `args[]`
pub const VAR_ARGS: u32 = 0;
/// `regs[]`
pub const VAR_REGS: u32 = 1;
/// `uregs[]`
pub const VAR_UREGS: u32 = 2;
/// `vmregs[]`
pub const VAR_VMREGS: u32 = 3;
/// `curthread`
pub const VAR_CURTHREAD: u32 = 0x100;
/// `timestamp`
pub const VAR_TIMESTAMP: u32 = 0x101;
/// `vtimestamp`
pub const VAR_VTIMESTAMP: u32 = 0x102;
/// `ipl`
pub const VAR_IPL: u32 = 0x103;
/// `epid`
pub const VAR_EPID: u32 = 0x104;
/// `id`
pub const VAR_ID: u32 = 0x105;
/// `arg0`
pub const VAR_ARG0: u32 = 0x106;
/// `arg1`
pub const VAR_ARG1: u32 = 0x107;
/// `arg2`
pub const VAR_ARG2: u32 = 0x108;
/// `arg3`
pub const VAR_ARG3: u32 = 0x109;
/// `arg4`
pub const VAR_ARG4: u32 = 0x10a;
/// `arg5`
pub const VAR_ARG5: u32 = 0x10b;
/// `arg6`
pub const VAR_ARG6: u32 = 0x10c;
/// `arg7`
pub const VAR_ARG7: u32 = 0x10d;
/// `arg8`
pub const VAR_ARG8: u32 = 0x10e;
/// `arg9`
pub const VAR_ARG9: u32 = 0x10f;
/// `stackdepth`
pub const VAR_STACKDEPTH: u32 = 0x110;
/// `caller`
pub const VAR_CALLER: u32 = 0x111;
/// `probeprov`
pub const VAR_PROBEPROV: u32 = 0x112;
/// `probemod`
pub const VAR_PROBEMOD: u32 = 0x113;
/// `probefunc`
pub const VAR_PROBEFUNC: u32 = 0x114;
/// `probename`
pub const VAR_PROBENAME: u32 = 0x115;
/// `pid`
pub const VAR_PID: u32 = 0x116;
/// `tid`
pub const VAR_TID: u32 = 0x117;
/// `execname`
pub const VAR_EXECNAME: u32 = 0x118;
/// `zonename`
pub const VAR_ZONENAME: u32 = 0x119;
/// `walltimestamp`
pub const VAR_WALLTIMESTAMP: u32 = 0x11a;
/// `ustackdepth`
pub const VAR_USTACKDEPTH: u32 = 0x11b;
/// `ucaller`
pub const VAR_UCALLER: u32 = 0x11c;
/// `ppid`
pub const VAR_PPID: u32 = 0x11d;
/// `uid`
pub const VAR_UID: u32 = 0x11e;
/// `gid`
pub const VAR_GID: u32 = 0x11f;
/// `errno`
pub const VAR_ERRNO: u32 = 0x120;
/// `threadname`: beyond the original, under the number that illumos gives it.
pub const VAR_THREADNAME: u32 = 0x121;
/// `execargs`: beyond the original.
pub const VAR_EXECARGS: u32 = 0x201;
/// `cpu`: beyond the original, which has a symbol of the driver in its place.
pub const VAR_CPU: u32 = 0x200;
