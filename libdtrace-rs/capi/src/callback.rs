//! The types of the functions that C programs pass. In the header they are types of functions, and arguments are pointers to
//! them.

use std::ffi::{c_char, c_int, c_void};

use dtrace_abi::{ProbeDesc, RecDesc};

use crate::handle::{Hdl, Prog, PsProcHandle};
use crate::structure::{AggData, BufData, DropData, ErrData, ObjInfo, ProbeData, SetoptData, StmtDesc};

/// Before a firing's records are printed: one of DTRACE_CONSUME_*.
pub type ConsumeProbeF = unsafe extern "C" fn(data: *const ProbeData, arg: *mut c_void) -> c_int;
/// Before each record, and with NULL behind the last: one of DTRACE_CONSUME_*.
pub type ConsumeRecF =
    unsafe extern "C" fn(data: *const ProbeData, rec: *const RecDesc, arg: *mut c_void) -> c_int;
/// A fault in a clause: one of DTRACE_HANDLE_*.
pub type HandleErrF = unsafe extern "C" fn(data: *const ErrData, arg: *mut c_void) -> c_int;
/// A loss: one of DTRACE_HANDLE_*.
pub type HandleDropF = unsafe extern "C" fn(data: *const DropData, arg: *mut c_void) -> c_int;
/// A process has ended, or, with a message, something is wrong with it.
pub type HandleProcF = unsafe extern "C" fn(proc: *mut PsProcHandle, msg: *const c_char, arg: *mut c_void);
/// Output: one of DTRACE_HANDLE_*.
pub type HandleBufferedF = unsafe extern "C" fn(data: *const BufData, arg: *mut c_void) -> c_int;
/// setopt() has changed an option: one of DTRACE_HANDLE_*.
pub type HandleSetoptF = unsafe extern "C" fn(data: *const SetoptData, arg: *mut c_void) -> c_int;
/// An entry of an aggregation: one of DTRACE_AGGWALK_*.
pub type AggregateF = unsafe extern "C" fn(data: *const AggData, arg: *mut c_void) -> c_int;
/// A row of joined aggregations: the first is there for the key, the others are the aggregations in order.
pub type AggregateWalkJoinedF =
    unsafe extern "C" fn(data: *mut *const AggData, count: c_int, arg: *mut c_void) -> c_int;
/// One of the functions that walk aggregations.
pub type AggregateWalkF =
    unsafe extern "C" fn(dtp: *mut Hdl, func: Option<AggregateF>, arg: *mut c_void) -> c_int;
/// A statement of a program: anything but 0 ends it.
pub type StmtF =
    unsafe extern "C" fn(dtp: *mut Hdl, program: *mut Prog, stmt: *mut StmtDesc, arg: *mut c_void) -> c_int;
/// An object: anything but 0 ends it.
pub type ObjF = unsafe extern "C" fn(dtp: *mut Hdl, object: *const ObjInfo, arg: *mut c_void) -> c_int;
/// A probe: anything but 0 ends it.
pub type ProbeF = unsafe extern "C" fn(dtp: *mut Hdl, probe: *const ProbeDesc, arg: *mut c_void) -> c_int;
