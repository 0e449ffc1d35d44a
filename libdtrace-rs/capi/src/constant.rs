//! The numbers of the interface (contract 6.4). In C they begin with `DTRACE_`, and a few with what include/cbindgen.toml says.

use std::ffi::c_int;

/// The version of the interface, for dtrace_open.
pub const VERSION: c_int = 3;

/// dtrace_open: open no device.
pub const O_NODEV: c_int = 0x01;
/// dtrace_open: leave the kernel's symbols alone.
pub const O_NOSYS: c_int = 0x02;
/// dtrace_open: programs of the 64-bit data model.
pub const O_LP64: c_int = 0x04;
/// dtrace_open: programs of the 32-bit data model.
pub const O_ILP32: c_int = 0x08;
/// dtrace_open: all flags.
pub const O_MASK: c_int = 0x0f;

/// dtrace_program_strcompile: list the code.
pub const C_DIFV: u32 = 0x0001;
/// Allow a program without clauses.
pub const C_EMPTY: u32 = 0x0002;
/// Allow descriptions that match no probe.
pub const C_ZDEFS: u32 = 0x0004;
/// Stability below the least is an error.
pub const C_EATTR: u32 = 0x0008;
/// Run the preprocessor.
pub const C_CPP: u32 = 0x0010;
/// Allow kernel symbols that are not defined. Accepted, without effect.
pub const C_KNODEF: u32 = 0x0020;
/// Allow symbols of processes that are not defined. Accepted, without effect.
pub const C_UNODEF: u32 = 0x0040;
/// A clause may be a description of any kind. Accepted, without effect.
pub const C_PSPEC: u32 = 0x0080;
/// Messages begin with the tags of the errors.
pub const C_ETAGS: u32 = 0x0100;
/// Macro arguments may stay unused.
pub const C_ARGREF: u32 = 0x0200;
/// Macro arguments that are missing are 0 or empty.
pub const C_DEFARG: u32 = 0x0800;
/// Leave the D libraries alone.
pub const C_NOLIBS: u32 = 0x1000;
/// Carry out control lines only.
pub const C_CTL: u32 = 0x2000;
/// All of these.
pub(crate) const C_MASK: u32 = 0x3bff;

/// A program: probe descriptions as -n has them.
pub const PROBESPEC_NONE: c_int = -1;
/// A bare word is a provider.
pub const PROBESPEC_PROVIDER: c_int = 0;
/// A bare word is a module.
pub const PROBESPEC_MOD: c_int = 1;
/// A bare word is a function.
pub const PROBESPEC_FUNC: c_int = 2;
/// A bare word is a name.
pub const PROBESPEC_NAME: c_int = 3;

/// dtrace_dof_create: leave out what is not needed to run it.
pub const D_STRIP: u32 = 0x01;
/// dtrace_dof_create: with the probes that dtrace_program_link has found in its objects.
pub const D_PROBES: u32 = 0x02;
/// dtrace_dof_create: all flags.
pub const D_MASK: u32 = 0x03;

/// dtrace_status: tracing has not begun, or it is not time to look.
pub const STATUS_NONE: c_int = 0;
/// Tracing goes on.
pub const STATUS_OKAY: c_int = 1;
/// The program has called exit().
pub const STATUS_EXITED: c_int = 2;
/// A buffer with the fill policy is full.
pub const STATUS_FILLED: c_int = 3;
/// Tracing was stopped.
pub const STATUS_STOPPED: c_int = 4;

/// dtrace_work: an error.
pub const WORKSTATUS_ERROR: c_int = -1;
/// There may be more.
pub const WORKSTATUS_OKAY: c_int = 0;
/// Everything has been consumed.
pub const WORKSTATUS_DONE: c_int = 1;

/// A callback of dtrace_consume: an error.
pub const CONSUME_ERROR: c_int = -1;
/// Go on with this one.
pub const CONSUME_THIS: c_int = 0;
/// Leave it and go on with the next.
pub const CONSUME_NEXT: c_int = 1;
/// End.
pub const CONSUME_ABORT: c_int = 2;

/// A handler: end.
pub const HANDLE_ABORT: c_int = -1;
/// Go on.
pub const HANDLE_OK: c_int = 0;

/// Who walks aggregations: an error.
pub const AGGWALK_ERROR: c_int = -1;
/// Go on.
pub const AGGWALK_NEXT: c_int = 0;
/// End.
pub const AGGWALK_ABORT: c_int = 1;
/// Clear this one.
pub const AGGWALK_CLEAR: c_int = 2;
/// Normalize this one.
pub const AGGWALK_NORMALIZE: c_int = 3;
/// Denormalize this one.
pub const AGGWALK_DENORMALIZE: c_int = 4;
/// Remove this one.
pub const AGGWALK_REMOVE: c_int = 5;

/// Losses: records, for want of room in a principal buffer.
pub const DROP_PRINCIPAL: c_int = 0;
/// Aggregation data.
pub const DROP_AGGREGATION: c_int = 1;
/// Dynamic variables.
pub const DROP_DYNAMIC: c_int = 2;
/// Dynamic variables, while free ones were rinsing.
pub const DROP_DYNRINSE: c_int = 3;
/// Dynamic variables, while free ones were dirty.
pub const DROP_DYNDIRTY: c_int = 4;
/// Speculative records.
pub const DROP_SPEC: c_int = 5;
/// Speculations, all being busy.
pub const DROP_SPECBUSY: c_int = 6;
/// Speculations, all being in use.
pub const DROP_SPECUNAVAIL: c_int = 7;
/// Strings of a user stack.
pub const DROP_STKSTROVERFLOW: c_int = 8;
/// Faults in dtrace:::ERROR itself.
pub const DROP_DBLERROR: c_int = 9;

/// The flow: a function was entered.
pub const FLOW_ENTRY: c_int = 0;
/// A function returned.
pub const FLOW_RETURN: c_int = 1;
/// Neither.
pub const FLOW_NONE: c_int = 2;

/// Buffered output: a part of an aggregation's key.
pub const BUFDATA_AGGKEY: u32 = 0x0001;
/// An aggregation's value.
pub const BUFDATA_AGGVAL: u32 = 0x0002;
/// Keys and values by a format.
pub const BUFDATA_AGGFORMAT: u32 = 0x0004;
/// What ends an aggregation's row.
pub const BUFDATA_AGGLAST: u32 = 0x0008;

/// No CPU in particular.
pub const CPUALL: c_int = -1;

/// An object of the kernel.
pub const OBJ_F_KERNEL: u32 = 0x1;
/// The kernel proper.
pub const OBJ_F_PRIMARY: u32 = 0x2;

/// Room for what dtrace_attr2str writes.
pub const ATTR2STR_MAX: usize = 64;
