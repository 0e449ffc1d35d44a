//! Aggregations: walked, printed, cleared.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::slice;

use dtrace_abi::record::AggVarId;
use dtrace_rs::consume::aggregate::Entry;
use dtrace_rs::consume::order;
use dtrace_rs::consume::output::Output;
use dtrace_rs::consume::sort::Order;
use dtrace_rs::consume::visit::Visit;
use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::handle::Handle;
use libc::FILE;

use crate::callback::{AggregateF, AggregateWalkF, AggregateWalkJoinedF};
use crate::constant::{
    AGGWALK_ABORT, AGGWALK_CLEAR, AGGWALK_DENORMALIZE, AGGWALK_ERROR, AGGWALK_NEXT, AGGWALK_NORMALIZE,
    AGGWALK_REMOVE,
};
use crate::consume::Client;
use crate::entry::enter;
use crate::handle::Hdl;
use crate::stream::output;
use crate::structure::AggData;

/// An entry as C sees it, while a function of the client's has it.
pub(crate) struct Handed {
    pub(crate) data: AggData,
    _per_cpu: Vec<*mut c_char>,
}

impl Handed {
    pub(crate) fn new(hdl: &Hdl, library: &Handle, entry: &Entry) -> Result<Handed> {
        let desc = hdl.descriptors.aggregation(hdl, library, &entry.description)?;
        // SAFETY: the description was made just now or before, and lives as long as the handle.
        let enabled = library.enabled(unsafe { (*desc).epid })?;
        let address = |value: &Vec<u8>| match value.is_empty() {
            true => ptr::null_mut(),
            false => value.as_ptr().cast_mut().cast(),
        };
        let mut per_cpu: Vec<*mut c_char> = entry.per_cpu.iter().map(address).collect();
        let data = AggData {
            handle: hdl.address(),
            desc,
            edesc: hdl.descriptors.enabled(&enabled),
            pdesc: hdl.descriptors.probe(&enabled.probe),
            data: entry.data.as_ptr().cast_mut().cast(),
            normal: entry.normal.cast_unsigned(),
            size: entry.data.len(),
            delta: ptr::null_mut(),
            percpu: if per_cpu.is_empty() { ptr::null_mut() } else { per_cpu.as_mut_ptr() },
            percpu_delta: ptr::null_mut(),
        };
        Ok(Handed { data, _per_cpu: per_cpu })
    }
}

/// What the client's function has answered. It may have set what values are divided by.
fn visit(answer: c_int, data: &AggData) -> Result<Visit> {
    Ok(match answer {
        AGGWALK_NEXT => Visit::Next,
        AGGWALK_ABORT => Visit::Abort,
        AGGWALK_CLEAR => Visit::Clear,
        AGGWALK_NORMALIZE => Visit::Normalize(data.normal.cast_signed()),
        AGGWALK_DENORMALIZE => Visit::Denormalize,
        AGGWALK_REMOVE => Visit::Remove,
        _ => return Err(Code::BadReturn.into()),
    })
}

/// Walks all aggregations in an order that is made of the options', or in none.
unsafe fn walk(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
    arrange: impl FnOnce(Order) -> Option<Order>,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let func = func.ok_or(Error::Sys(libc::EINVAL))?;
            let library = hdl.library()?;
            if library.aggregates().is_none() {
                return Ok(0);
            }
            // An error of the client's own is no error of the library's: its number stays.
            let mut failed = false;
            let order = arrange(order(library.options()));
            library.with_session(|session, _| {
                session.visit(order, |entry| {
                    if failed {
                        return Ok(Visit::Next);
                    }
                    let mut handed = Handed::new(hdl, &library, entry)?;
                    let answer = func(&raw mut handed.data, arg);
                    failed = answer == AGGWALK_ERROR;
                    if failed { Ok(Visit::Next) } else { visit(answer, &handed.data) }
                })
            })?;
            Ok(if failed { -1 } else { 0 })
        })
    }
}

/// The order of the options, by key or by value.
fn by(by_key: bool, mixed: bool, reverse: bool) -> impl FnOnce(Order) -> Option<Order> {
    move |options| Some(Order { by_key, mixed, reverse, ..options })
}

/// Reads the aggregation buffers, if it is time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_snap(dtp: *mut Hdl) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let library = hdl.library()?;
            let mut client = Client::listener(hdl, &library);
            library.with_session(|session, context| session.snap_aggregations(context, &mut client))?;
            Ok(0)
        })
    }
}

/// Clears all aggregations: the keys stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_clear(dtp: *mut Hdl) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            hdl.library()?.clear_aggregations();
            Ok(())
        });
    }
}

/// Walks all aggregations in the order in which their keys were first seen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, |_| None) }
}

/// Walks all aggregations, one behind the other, each as the options ask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_sorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, Some) }
}

/// Walks all aggregations, one behind the other, each by key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_keysorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(true, false, false)) }
}

/// Walks all aggregations, one behind the other, each by value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_valsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(false, false, false)) }
}

/// Walks all aggregations together, by key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_keyvarsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(true, true, false)) }
}

/// Walks all aggregations together, by value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_valvarsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(false, true, false)) }
}

/// Walks all aggregations as dtrace_aggregate_walk_keysorted, backwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_keyrevsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(true, false, true)) }
}

/// Walks all aggregations as dtrace_aggregate_walk_valsorted, backwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_valrevsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(false, false, true)) }
}

/// Walks all aggregations as dtrace_aggregate_walk_keyvarsorted, backwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_keyvarrevsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(true, true, true)) }
}

/// Walks all aggregations as dtrace_aggregate_walk_valvarsorted, backwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_valvarrevsorted(
    dtp: *mut Hdl,
    func: Option<AggregateF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { walk(dtp, func, arg, by(false, true, true)) }
}

/// Walks aggregations side by side, in the order of the options: for each key one row.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_walk_joined(
    dtp: *mut Hdl,
    variables: *const AggVarId,
    count: c_int,
    func: Option<AggregateWalkJoinedF>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let func = func.ok_or(Error::Sys(libc::EINVAL))?;
            let count = usize::try_from(count).ok().filter(|&n| n != 0 && !variables.is_null());
            let variables = slice::from_raw_parts(variables, count.ok_or(Error::Sys(libc::EINVAL))?);
            let number = |&v: &i64| u32::try_from(v).map_err(|_| Code::BadAggVar.into());
            let variables: Vec<u32> = variables.iter().map(number).collect::<Result<_>>()?;
            let library = hdl.library()?;
            if library.aggregates().is_none() {
                return Ok(0);
            }
            let mut failed = false;
            library.with_session(|session, context| {
                session.visit_joined(context, &variables, order(context.options), |row| {
                    if failed {
                        return Ok(Visit::Next);
                    }
                    let mut handed = row
                        .iter()
                        .map(|entry| Handed::new(hdl, &library, entry))
                        .collect::<Result<Vec<_>>>()?;
                    let mut pointers: Vec<*const AggData> =
                        handed.iter_mut().map(|handed| (&raw mut handed.data).cast_const()).collect();
                    let Some(&first) = pointers.first() else { return Ok(Visit::Next) };
                    pointers.insert(0, first);
                    let answer = func(pointers.as_mut_ptr(), pointers.len() as c_int, arg);
                    failed = answer == AGGWALK_ERROR;
                    if failed { Ok(Visit::Next) } else { visit(answer, &*first) }
                })
            })?;
            Ok(if failed { -1 } else { 0 })
        })
    }
}

/// Where an entry is printed.
struct Printing {
    hdl: *mut Hdl,
    out: Output,
}

/// Prints an entry that a walk gives.
unsafe extern "C" fn print(data: *const AggData, arg: *mut c_void) -> c_int {
    // SAFETY: the argument is dtrace_aggregate_print's own, and the data is what one of the walks above gives.
    unsafe {
        let printing = arg.cast::<Printing>();
        enter((*printing).hdl, |hdl| {
            let (library, data) = (hdl.library()?, &*data);
            let record = slice::from_raw_parts(data.data.cast::<u8>(), data.size);
            library.with_session(|session, context| {
                let description = session.aggregation(context, (*data.desc).id, record)?;
                let normal = data.normal.cast_signed();
                let entry = Entry::new(description, record.to_vec(), normal);
                session.print_entry(context, &mut (*printing).out, &entry)
            })?;
            Ok(AGGWALK_NEXT)
        })
    }
}

/// Prints the aggregations that the program has not printed itself, in the order of a walk; NULL: of
/// dtrace_aggregate_walk_sorted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_aggregate_print(
    dtp: *mut Hdl,
    out: *mut FILE,
    walker: Option<AggregateWalkF>,
) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let (out, _buffer) = output(hdl, out)?;
            let mut printing = Printing { hdl: dtp, out };
            let arg = (&raw mut printing).cast();
            let result = match walker {
                Some(walker) => walker(dtp, Some(print), arg),
                None => dtrace_aggregate_walk_sorted(dtp, Some(print), arg),
            };
            std::io::Write::flush(&mut printing.out)?;
            Ok(result)
        })
    }
}
