//! Tracing: starting, waiting, consuming, stopping.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::rc::Rc;

use dtrace_abi::{EprobeDesc, RecDesc};
use dtrace_rs::consume::drops::Dropped;
use dtrace_rs::consume::fault::Fault;
use dtrace_rs::consume::flow::Step;
use dtrace_rs::consume::output::Output;
use dtrace_rs::consume::{Consume, Firing, Handled, Observer, Progress, State};
use dtrace_rs::error::{Code, Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::options::Options;
use libc::FILE;

use crate::callback::{ConsumeProbeF, ConsumeRecF};
use crate::constant::{
    CONSUME_ABORT, CONSUME_NEXT, CONSUME_THIS, CPUALL, HANDLE_ABORT, STATUS_EXITED, STATUS_FILLED,
    STATUS_NONE, STATUS_OKAY, STATUS_STOPPED, WORKSTATUS_DONE, WORKSTATUS_OKAY,
};
use crate::entry::enter;
use crate::handle::{Hdl, c_string};
use crate::process;
use crate::stream::{Buffer, output};
use crate::structure::{DropData, ErrData, ProbeData, SetoptData};

/// The client's functions as an observer of the consumer.
pub(crate) struct Client<'a> {
    hdl: &'a Hdl,
    library: &'a Handle,
    probe: Option<ConsumeProbeF>,
    record: Option<ConsumeRecF>,
    arg: *mut c_void,
    buffer: Option<Rc<Buffer>>,
    /// The firing as C sees it: the buffer points to it.
    data: Shown,
}

/// A firing as C sees it, by an address that the client and buffers have while it changes: no reference to it lives longer than a
/// look.
struct Shown(*mut ProbeData);

impl Shown {
    fn new(data: ProbeData) -> Self {
        Shown(Box::into_raw(Box::new(data)))
    }

    fn set(&self, data: ProbeData) {
        // SAFETY: it came from a box, is freed with this one only, and nobody reads it meanwhile.
        unsafe { self.0.write(data) };
    }

    fn point(&self, data: *mut c_char) {
        // SAFETY: as above.
        unsafe { (*self.0).data = data };
    }

    fn edesc(&self) -> *mut EprobeDesc {
        // SAFETY: as above.
        unsafe { (*self.0).edesc }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and nobody else frees it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl<'a> Client<'a> {
    /// One who hears of faults and losses only.
    pub(crate) fn listener(hdl: &'a Hdl, library: &'a Handle) -> Self {
        let data = ProbeData {
            handle: hdl.address(),
            edesc: ptr::null_mut(),
            pdesc: ptr::null_mut(),
            cpu: CPUALL,
            data: ptr::null_mut(),
            flow: 0,
            prefix: ptr::null(),
            indent: 0,
        };
        let (probe, record, arg, buffer) = (None, None, ptr::null_mut(), None);
        Client { hdl, library, probe, record, arg, buffer, data: Shown::new(data) }
    }

    /// What a function of the client's for probes and records has answered.
    fn answer(answer: c_int) -> Result<Consume> {
        match answer {
            CONSUME_THIS => Ok(Consume::This),
            CONSUME_NEXT => Ok(Consume::Next),
            CONSUME_ABORT => Ok(Consume::Abort),
            _ => Err(Code::BadReturn.into()),
        }
    }

    fn handled(answer: c_int) -> Handled {
        if answer == HANDLE_ABORT { Handled::Abort } else { Handled::Continue }
    }

    fn show(&self, firing: &Firing<'_>) {
        self.data.set(ProbeData {
            handle: self.hdl.address(),
            edesc: self.hdl.descriptors.enabled(firing.enabled),
            pdesc: self.hdl.descriptors.probe(&firing.enabled.probe),
            cpu: firing.cpu as c_int,
            data: firing.data.as_ptr().cast_mut().cast(),
            flow: firing.step.flow as c_int,
            prefix: if firing.step == Step::NONE { ptr::null() } else { prefix(firing.step.prefix) },
            indent: c_int::try_from(firing.step.indent).unwrap_or(c_int::MAX),
        });
    }
}

/// What stands before a name where flow is followed.
fn prefix(prefix: &str) -> *const c_char {
    crate::error::forever(prefix)
}

/// A message as clients get it: with a newline.
fn line(message: &str) -> CString {
    c_string(format!("{}\n", message.trim_end_matches('\n')))
}

impl Observer for Client<'_> {
    fn probe(&mut self, _out: &mut Output, _options: &Options, firing: &Firing<'_>) -> Result<Consume> {
        if let Some(buffer) = &self.buffer {
            buffer.begin(ptr::null(), ptr::null())?;
        }
        self.show(firing);
        let Some(function) = self.probe else { return Ok(Consume::This) };
        // SAFETY: the client's function, with its argument; the data is there while it runs.
        Self::answer(unsafe { function(self.data.0, self.arg) })
    }

    fn record(
        &mut self,
        _out: &mut Output,
        _options: &Options,
        firing: &Firing<'_>,
        record: Option<&RecDesc>,
    ) -> Result<Consume> {
        let edesc = self.data.edesc();
        let record = record.and_then(|record| {
            let place = firing.enabled.records.iter().position(|r| ptr::eq(&r.desc, record))?;
            self.data.point(firing.data.get(record.offset as usize..)?.as_ptr().cast_mut().cast());
            // SAFETY: the description has as many records behind it as the enabled probe.
            Some(unsafe { (&raw const (*edesc).rec).cast::<RecDesc>().add(place) })
        });
        let record = record.unwrap_or(ptr::null());
        if let Some(buffer) = &self.buffer {
            buffer.begin(self.data.0, record)?;
        }
        // Without a function no record is printed.
        let Some(function) = self.record else { return Ok(Consume::Next) };
        // SAFETY: the client's function, with its argument; data and record are there while it runs.
        let answer = Self::answer(unsafe { function(self.data.0, record, self.arg) });
        if record.is_null() {
            // What comes next is of another firing, and its data may be elsewhere.
            self.data.point(firing.data.as_ptr().cast_mut().cast());
        }
        answer
    }

    fn fault(&mut self, fault: &Fault, message: &str) -> Handled {
        let Some((function, arg)) = self.hdl.handlers.error.get() else { return Handled::Abort };
        let edesc =
            self.library.enabled(fault.epid).map_or(ptr::null_mut(), |e| self.hdl.descriptors.enabled(&e));
        let message = line(message);
        let data = ErrData {
            handle: self.hdl.address(),
            edesc,
            pdesc: self.hdl.descriptors.probe(&fault.probe),
            cpu: fault.cpu as c_int,
            action: fault.action as c_int,
            offset: fault.offset.map_or(-1, u32::cast_signed),
            fault: fault.fault as c_int,
            addr: fault.address,
            msg: message.as_ptr(),
        };
        // SAFETY: the client's function, with its argument; the data is there while it runs.
        Self::handled(unsafe { function(&data, arg) })
    }

    fn dropped(&mut self, dropped: &Dropped) -> Handled {
        let Some((function, arg)) = self.hdl.handlers.drop.get() else { return Handled::Abort };
        let message = line(&dropped.message(self.library.options().compile.droptags));
        let data = DropData {
            handle: self.hdl.address(),
            cpu: dropped.cpu.map_or(CPUALL, u32::cast_signed),
            kind: dropped.kind as c_int,
            drops: dropped.count,
            total: dropped.total,
            msg: message.as_ptr(),
        };
        // SAFETY: the client's function, with its argument; the data is there while it runs.
        Self::handled(unsafe { function(&data, arg) })
    }

    fn option(&mut self, _firing: &Firing<'_>, name: &str, (oldval, newval): (i64, i64)) -> Handled {
        let Some((function, arg)) = self.hdl.handlers.setopt.get() else { return Handled::Continue };
        let option = c_string(name);
        let data = SetoptData {
            handle: self.hdl.address(),
            probe: self.data.0,
            option: option.as_ptr(),
            oldval,
            newval,
        };
        // SAFETY: the client's function, with its argument; the data is there while it runs.
        Self::handled(unsafe { function(&data, arg) })
    }
}

/// Starts tracing what has been enabled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_go(dtp: *mut Hdl) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| hdl.library_mut()?.go().map(|()| 0)) }
}

/// Stops tracing: END runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_stop(dtp: *mut Hdl) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| hdl.library()?.stop().map(|()| 0)) }
}

/// Waits until there is something to do: buffers to be read, a process that has ended, a signal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_sleep(dtp: *mut Hdl) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, process::sleep) }
}

/// How tracing stands: one of DTRACE_STATUS_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_status(dtp: *mut Hdl) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let library = hdl.library()?;
            Ok(match library.status(&mut Client::listener(hdl, &library))? {
                None | Some(State::Unknown) => STATUS_NONE,
                Some(State::Running) => STATUS_OKAY,
                Some(State::Exited) => STATUS_EXITED,
                Some(State::Filled) => STATUS_FILLED,
                Some(State::Stopped) => STATUS_STOPPED,
            })
        })
    }
}

/// What the client watches consumption with.
struct Watch {
    file: *mut FILE,
    probe: Option<ConsumeProbeF>,
    record: Option<ConsumeRecF>,
    arg: *mut c_void,
}

/// Consumes, with the client as the observer.
fn watched<T>(
    hdl: &Hdl,
    watch: &Watch,
    body: impl FnOnce(&Handle, &mut Output, &mut Client<'_>) -> Result<T>,
) -> Result<T> {
    let library = hdl.library()?;
    let (mut out, buffer) = output(hdl, watch.file)?;
    let &Watch { probe, record, arg, .. } = watch;
    let mut client = Client { probe, record, arg, buffer: buffer.clone(), ..Client::listener(hdl, &library) };
    let result = body(&library, &mut out, &mut client);
    let rest = buffer.map_or(Ok(()), |buffer| buffer.begin(ptr::null(), ptr::null()));
    result.and_then(|value| rest.map(|()| value))
}

/// Does what there is to do now: looks how tracing stands, reads buffers, prints. When tracing ends by itself it is stopped.
/// One of DTRACE_WORKSTATUS_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_work(
    dtp: *mut Hdl,
    out: *mut FILE,
    probe: Option<ConsumeProbeF>,
    record: Option<ConsumeRecF>,
    arg: *mut c_void,
) -> c_int {
    let watch = Watch { file: out, probe, record, arg };
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            Ok(match watched(hdl, &watch, |library, out, client| library.work(out, client))? {
                Progress::Done => WORKSTATUS_DONE,
                Progress::More => WORKSTATUS_OKAY,
            })
        })
    }
}

/// Reads the buffers of records, if it is time, and prints what is in them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_consume(
    dtp: *mut Hdl,
    out: *mut FILE,
    probe: Option<ConsumeProbeF>,
    record: Option<ConsumeRecF>,
    arg: *mut c_void,
) -> c_int {
    let watch = Watch { file: out, probe, record, arg };
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            watched(hdl, &watch, |library, out, client| {
                library.with_session(|session, context| session.consume(context, out, client))
            })?;
            Ok(0)
        })
    }
}

/// Takes note that the kernel's modules may have changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_update(dtp: *mut Hdl) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            hdl.library_mut()?.refresh();
            Ok(())
        });
    }
}

/// The descriptor of the device; -1 when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_ctlfd(dtp: *mut Hdl) -> c_int {
    // SAFETY: the caller's promise (lib.rs).
    unsafe { enter(dtp, |hdl| hdl.library()?.device().descriptor().ok_or(Error::Sys(libc::EBADF))) }
}
