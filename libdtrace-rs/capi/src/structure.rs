//! The structures of the interface (contract 6.4), with their layouts asserted beside them.

use std::ffi::{c_char, c_int, c_long, c_void};

use dtrace_abi::action::ActKind;
use dtrace_abi::{AggDesc, Attribute, DifType, DifVar, EprobeDesc, Instr, ProbeDesc, RecDesc};

use libc::size_t;

use crate::handle::{CtfFile, Hdl};

/// The size of a structure and the offsets of its members.
macro_rules! layout {
    ($name:ident $size:literal { $($member:ident $offset:literal)* }) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(std::mem::offset_of!($name, $member) == $offset);)*
        };
    };
}

/// How a text counts as a probe description: one of DTRACE_PROBESPEC_*.
pub type ProbeSpec = c_int;
/// A type in a container.
pub type CtfId = c_long;
/// A loss: one of DTRACEDROP_*.
pub type DropKind = c_int;
/// A place in the flow: one of DTRACEFLOW_*.
pub type FlowKind = c_int;

/// A symbol, as ELF has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GElfSym {
    pub(crate) name: u32,
    pub(crate) info: u8,
    pub(crate) other: u8,
    pub(crate) shndx: u16,
    pub(crate) value: u64,
    pub(crate) size: u64,
}
layout!(GElfSym 24 { name 0 info 4 other 5 shndx 6 value 8 size 16 });

/// What a program asks of the consumer.
///
/// cbindgen:field-names=[dpi_descattr, dpi_stmtattr, dpi_aggregates, dpi_recgens, dpi_matches, dpi_speculations]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProgInfo {
    /// The least stability of its probe descriptions.
    pub descattr: Attribute,
    /// The least stability of its statements.
    pub stmtattr: Attribute,
    /// How many aggregations it feeds.
    pub aggregates: u32,
    /// How many of its actions record data.
    pub recgens: u32,
    /// How many probes it matched when it was enabled.
    pub matches: u32,
    /// How many of its actions speculate.
    pub speculations: u32,
}
layout!(ProgInfo 24 { descattr 0 stmtattr 3 aggregates 8 recgens 12 matches 16 speculations 20 });

/// A DIF object.
///
/// cbindgen:field-names=[dtdo_buf, dtdo_inttab, dtdo_strtab, dtdo_vartab, dtdo_len, dtdo_intlen, dtdo_strlen, dtdo_varlen, dtdo_rtype, dtdo_refcnt, dtdo_destructive]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Difo {
    /// The instructions.
    pub buf: *mut Instr,
    /// The integer table.
    pub inttab: *mut u64,
    /// The string table.
    pub strtab: *mut c_char,
    /// The variables.
    pub vartab: *mut DifVar,
    /// How many instructions.
    pub len: u32,
    /// How many integers.
    pub intlen: u32,
    /// Bytes of strings.
    pub strlen: u32,
    /// How many variables.
    pub varlen: u32,
    /// What it returns.
    pub rtype: DifType,
    /// How many use it.
    pub refcnt: u32,
    /// Whether it calls a subroutine that changes a traced process.
    pub destructive: u32,
}
layout!(Difo 64 { buf 0 inttab 8 strtab 16 vartab 24 len 32 intlen 36 strlen 40 varlen 44 rtype 48 refcnt 56 destructive 60 });

/// An action.
///
/// cbindgen:field-names=[dtad_difo, dtad_next, dtad_kind, dtad_ntuple, dtad_arg, dtad_uarg, dtad_refcnt]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ActDesc {
    /// The code whose result is recorded, if any.
    pub difo: *mut Difo,
    /// The next action.
    pub next: *mut ActDesc,
    /// DTRACEACT_* or DTRACEAGG_*.
    pub kind: ActKind,
    /// For an aggregating action: how many actions before it are its keys.
    pub ntuple: u32,
    /// Its argument. Of a printf-like action: the address of its format.
    pub arg: u64,
    /// What the client put there for its own use.
    pub uarg: u64,
    /// How many use it.
    pub refcnt: c_int,
}
layout!(ActDesc 48 { difo 0 next 8 kind 16 ntuple 20 arg 24 uarg 32 refcnt 40 });

/// A predicate.
///
/// cbindgen:field-names=[dtpdd_difo, dtpdd_predicate]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PredDesc {
    /// Its code; NULL for none.
    pub difo: *mut Difo,
    /// The driver's own.
    pub predicate: *mut c_void,
}
layout!(PredDesc 16 { difo 0 predicate 8 });

/// A clause for one probe description.
///
/// cbindgen:field-names=[dted_action, dted_pred, dted_probe, dted_uarg, dted_refcnt]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EcbDesc {
    /// The first of its actions.
    pub action: *mut ActDesc,
    /// The predicate.
    pub pred: PredDesc,
    /// The probe description.
    pub probe: ProbeDesc,
    /// What the client put there for its own use.
    pub uarg: u64,
    /// How many use it.
    pub refcnt: c_int,
}
layout!(EcbDesc 368 { action 0 pred 8 probe 24 uarg 352 refcnt 360 });

/// A statement.
///
/// cbindgen:field-names=[dtsd_ecbdesc, dtsd_action, dtsd_action_last, dtsd_aggdata, dtsd_fmtdata, dtsd_strdata, dtsd_callback, dtsd_data, dtsd_descattr, dtsd_stmtattr]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct StmtDesc {
    /// Its clause.
    pub ecbdesc: *mut EcbDesc,
    /// The first of its actions.
    pub action: *mut ActDesc,
    /// The last of its actions.
    pub action_last: *mut ActDesc,
    /// The library's own.
    pub aggdata: *mut c_void,
    /// Its format, as dtrace_printf_create makes them.
    pub fmtdata: *mut c_void,
    /// The library's own.
    pub strdata: *mut c_void,
    /// The client's own.
    pub callback: *mut c_void,
    /// The client's own.
    pub data: *mut c_void,
    /// The stability of its probe description.
    pub descattr: Attribute,
    /// The stability of what it uses.
    pub stmtattr: Attribute,
}
layout!(StmtDesc 72 {
    ecbdesc 0 action 8 action_last 16 aggdata 24 fmtdata 32 strdata 40 callback 48 data 56 descattr 64 stmtattr 67
});

/// A firing.
///
/// cbindgen:field-names=[dtpda_handle, dtpda_edesc, dtpda_pdesc, dtpda_cpu, dtpda_data, dtpda_flow, dtpda_prefix, dtpda_indent]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProbeData {
    /// The handle.
    pub handle: *mut Hdl,
    /// The enabled probe.
    pub edesc: *mut EprobeDesc,
    /// The probe.
    pub pdesc: *mut ProbeDesc,
    /// The CPU.
    pub cpu: c_int,
    /// The data: of the firing from its EPID on, or of a record.
    pub data: *mut c_char,
    /// Its place in the flow.
    pub flow: FlowKind,
    /// What stands before the name where flow is followed; else NULL.
    pub prefix: *const c_char,
    /// How many columns it is indented.
    pub indent: c_int,
}
layout!(ProbeData 64 { handle 0 edesc 8 pdesc 16 cpu 24 data 32 flow 40 prefix 48 indent 56 });

/// A fault.
///
/// cbindgen:field-names=[dteda_handle, dteda_edesc, dteda_pdesc, dteda_cpu, dteda_action, dteda_offset, dteda_fault, dteda_addr, dteda_msg]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ErrData {
    /// The handle.
    pub handle: *mut Hdl,
    /// The enabled probe.
    pub edesc: *mut EprobeDesc,
    /// The probe.
    pub pdesc: *mut ProbeDesc,
    /// The CPU.
    pub cpu: c_int,
    /// Which action, from 1; 0 for the predicate.
    pub action: c_int,
    /// Where in its DIF; -1 when it was not in DIF.
    pub offset: c_int,
    /// DTRACEFLT_*.
    pub fault: c_int,
    /// The address, where the fault has one.
    pub addr: u64,
    /// All that in words, with a newline.
    pub msg: *const c_char,
}
layout!(ErrData 56 { handle 0 edesc 8 pdesc 16 cpu 24 action 28 offset 32 fault 36 addr 40 msg 48 });

/// A loss.
///
/// cbindgen:field-names=[dtdda_handle, dtdda_cpu, dtdda_kind, dtdda_drops, dtdda_total, dtdda_msg]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DropData {
    /// The handle.
    pub handle: *mut Hdl,
    /// The CPU, or DTRACE_CPUALL.
    pub cpu: c_int,
    /// What was lost.
    pub kind: DropKind,
    /// How often since the last report.
    pub drops: u64,
    /// How often in all.
    pub total: u64,
    /// All that in words, with a newline.
    pub msg: *const c_char,
}
layout!(DropData 40 { handle 0 cpu 8 kind 12 drops 16 total 24 msg 32 });

/// Output.
///
/// cbindgen:field-names=[dtbda_handle, dtbda_buffered, dtbda_probe, dtbda_recdesc, dtbda_aggdata, dtbda_flags]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BufData {
    /// The handle.
    pub handle: *mut Hdl,
    /// The text.
    pub buffered: *const c_char,
    /// The firing that it is of; NULL for none.
    pub probe: *const ProbeData,
    /// The record that it is of; NULL for none.
    pub recdesc: *const RecDesc,
    /// The entry of an aggregation that it is of; NULL for none.
    pub aggdata: *const AggData,
    /// DTRACE_BUFDATA_*.
    pub flags: u32,
}
layout!(BufData 48 { handle 0 buffered 8 probe 16 recdesc 24 aggdata 32 flags 40 });

/// An option that setopt() has changed.
///
/// cbindgen:field-names=[dtsda_handle, dtsda_probe, dtsda_option, dtsda_oldval, dtsda_newval]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SetoptData {
    /// The handle.
    pub handle: *mut Hdl,
    /// The firing that did it.
    pub probe: *const ProbeData,
    /// The option.
    pub option: *const c_char,
    /// What it was.
    pub oldval: i64,
    /// What it is.
    pub newval: i64,
}
layout!(SetoptData 40 { handle 0 probe 8 option 16 oldval 24 newval 32 });

/// An entry of an aggregation.
///
/// cbindgen:field-names=[dtada_handle, dtada_desc, dtada_edesc, dtada_pdesc, dtada_data, dtada_normal, dtada_size, dtada_delta, dtada_percpu, dtada_percpu_delta]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AggData {
    /// The handle.
    pub handle: *mut Hdl,
    /// The aggregation, whose records say where keys and value are.
    pub desc: *mut AggDesc,
    /// The enabled probe.
    pub edesc: *mut EprobeDesc,
    /// The probe.
    pub pdesc: *mut ProbeDesc,
    /// The data.
    pub data: *mut c_char,
    /// What the value is divided by. Who answers DTRACE_AGGWALK_NORMALIZE sets it.
    pub normal: u64,
    /// Bytes of data.
    pub size: size_t,
    /// NULL: changes are not kept apart.
    pub delta: *mut c_char,
    /// The values of the CPUs, by number, with the option aggpercpu; else NULL.
    pub percpu: *mut *mut c_char,
    /// NULL: changes are not kept apart.
    pub percpu_delta: *mut *mut c_char,
}
layout!(AggData 80 {
    handle 0 desc 8 edesc 16 pdesc 24 data 32 normal 40 size 48 delta 56 percpu 64 percpu_delta 72
});

/// An object with symbols.
///
/// cbindgen:field-names=[dto_name, dto_file, dto_id, dto_flags, dto_text_va, dto_text_size, dto_data_va, dto_data_size, dto_bss_va, dto_bss_size]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ObjInfo {
    /// Its name.
    pub name: *const c_char,
    /// The file that its symbols were read from; empty for none.
    pub file: *const c_char,
    /// Its number.
    pub id: c_int,
    /// DTRACE_OBJ_F_*.
    pub flags: u32,
    /// Where its code is.
    pub text_va: u64,
    /// Bytes of code.
    pub text_size: u64,
    /// Where its data is; 0 when that is not known.
    pub data_va: u64,
    /// Bytes of data.
    pub data_size: u64,
    /// Where its zeroed data is; 0 when that is not known.
    pub bss_va: u64,
    /// Bytes of zeroed data.
    pub bss_size: u64,
}
layout!(ObjInfo 72 {
    name 0 file 8 id 16 flags 20 text_va 24 text_size 32 data_va 40 data_size 48 bss_va 56 bss_size 64
});

/// A symbol: where it is from.
///
/// cbindgen:field-names=[dts_object, dts_name, dts_id]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SymInfo {
    /// Its object.
    pub object: *const c_char,
    /// Its name.
    pub name: *const c_char,
    /// Its number.
    pub id: u32,
}
layout!(SymInfo 24 { object 0 name 8 id 16 });

/// A type.
///
/// cbindgen:field-names=[dtt_object, dtt_ctfp, dtt_type]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// The object that it is from; NULL for none.
    pub object: *const c_char,
    /// The container, for ctf_type_name; NULL for none.
    pub ctfp: *mut CtfFile,
    /// The type in the container; -1 for none.
    pub ty: CtfId,
}
layout!(TypeInfo 24 { object 0 ctfp 8 ty 16 });

/// What is known of a probe.
///
/// cbindgen:field-names=[dtp_attr, dtp_arga, dtp_argv, dtp_argc]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProbeInfo {
    /// The stability of the probe.
    pub attr: Attribute,
    /// The stability of its arguments.
    pub arga: Attribute,
    /// The types of its arguments.
    pub argv: *const TypeInfo,
    /// How many arguments.
    pub argc: c_int,
}
layout!(ProbeInfo 24 { attr 0 arga 3 argv 8 argc 16 });

/// A device of the client's, for dtrace_vopen.
///
/// cbindgen:field-names=[dtv_ioctl, dtv_lookup_by_addr, dtv_status, dtv_sysconf]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Vector {
    /// A request: its result, or -1 with errno.
    pub ioctl: Option<unsafe extern "C" fn(arg: *mut c_void, request: c_int, data: *mut c_void) -> c_int>,
    /// The symbol at an address: 0, or -1 when there is none. NULL: as this machine has it.
    pub lookup_by_addr: Option<
        unsafe extern "C" fn(arg: *mut c_void, addr: u64, sym: *mut GElfSym, info: *mut SymInfo) -> c_int,
    >,
    /// Whether there is a CPU of this number: -1 if not. NULL: there is.
    pub status: Option<unsafe extern "C" fn(arg: *mut c_void, cpu: c_int) -> c_int>,
    /// As sysconf(3): how many CPUs (_SC_NPROCESSORS_CONF). NULL: as this machine has it.
    pub sysconf: Option<unsafe extern "C" fn(arg: *mut c_void, name: c_int) -> c_long>,
}
layout!(Vector 32 { ioctl 0 lookup_by_addr 8 status 16 sysconf 24 });
