//! The built-in variables, each with the meaning its documentation gives it.

use dtrace_abi::dif;

use super::memory::ZONENAME;
use super::{FaultKind, Machine, Moment, NamePart, Subject, Trap};
use crate::guise;
use crate::host::Host;

/// Frames that are asked for at a time when a stack is only counted.
const FRAMES: usize = 32;
/// The deepest stack that is counted.
const DEPTH_MAX: u32 = 1024;

impl<H: Host, P: Subject<H>> Moment<'_, H, P> {
    /// [`Moment::execname`], if it has been asked for in this firing: otherwise no program has its address.
    pub(crate) fn execname_if_known(&self) -> Option<&[u8]> {
        (self.known.get() & super::KNOW_EXECNAME != 0).then(|| &self.execname()[..])
    }
}

impl<H: Host, P: Subject<H>> Machine<'_, H, P> {
    /// `arg0` to `arg9`, `args[n]`.
    #[inline(always)]
    pub(crate) fn arg(&self, n: u64) -> u64 {
        match self.moment.firing.args.get(n as usize) {
            Some(&value) => value,
            None => self.moment.probe.arg(self.moment.firing, n as usize),
        }
    }

    /// What the program sees as the address of a text, whose place is `guise` for who may not look into the kernel.
    pub(crate) fn shown(&self, text: &[u8], guise: u64) -> u64 {
        if self.clause.access.kernel { text.as_ptr().expose_provenance() as u64 } else { guise }
    }

    /// What the program sees as the address of a name.
    pub(crate) fn name(&self, part: NamePart) -> u64 {
        self.shown(self.moment.probe.name(part), guise::name(part as u64))
    }

    /// A scalar.
    #[inline(never)]
    pub(crate) fn builtin(&self, variable: u32) -> Result<u64, Trap> {
        let (moment, host) = (self.moment, self.moment.host);
        // Who and what the process is, is for those who may look at it.
        let process = || self.need_process(0);
        Ok(match variable {
            dif::VAR_TIMESTAMP => moment.timestamp(),
            // On Linux a thread's name is what the kernel calls its command.
            dif::VAR_EXECNAME | dif::VAR_THREADNAME => {
                process()?;
                self.shown(moment.execname(), guise::EXECNAME)
            }
            dif::VAR_EXECARGS => {
                process()?;
                self.in_time()?;
                self.execargs()?
            }
            dif::VAR_PROBEFUNC => self.name(NamePart::Function),
            dif::VAR_PROBEMOD => self.name(NamePart::Module),
            dif::VAR_PROBENAME => self.name(NamePart::Name),
            dif::VAR_PROBEPROV => self.name(NamePart::Provider),
            dif::VAR_PID => {
                process()?;
                u64::from(host.pid())
            }
            dif::VAR_TID => {
                process()?;
                u64::from(host.tid())
            }
            dif::VAR_PPID => {
                process()?;
                u64::from(host.ppid())
            }
            dif::VAR_UID => {
                process()?;
                u64::from(host.uid())
            }
            dif::VAR_GID => {
                process()?;
                u64::from(host.gid())
            }
            dif::VAR_ERRNO => {
                process()?;
                i64::from(host.errno(moment.firing)) as u64
            }
            dif::VAR_ZONENAME => {
                process()?;
                self.shown(ZONENAME, guise::ZONENAME)
            }
            dif::VAR_VTIMESTAMP => moment.vtimestamp(),
            dif::VAR_WALLTIMESTAMP => moment.walltimestamp(),
            dif::VAR_CPU => moment.cpu as u64,
            dif::VAR_EPID => u64::from(self.clause.epid),
            dif::VAR_ID => u64::from(moment.probe.id()),
            dif::VAR_CURTHREAD => {
                self.need_kernel()?;
                host.curthread()
            }
            dif::VAR_IPL => {
                self.need_kernel()?;
                u64::from(host.ipl())
            }
            dif::VAR_CALLER => {
                self.need_kernel()?;
                self.in_time()?;
                self.kernel_caller()
            }
            dif::VAR_STACKDEPTH => {
                self.need_kernel()?;
                self.in_time()?;
                self.kernel_depth()
            }
            dif::VAR_UCALLER => {
                process()?;
                self.in_time()?;
                let mut frames = [0; 2];
                let count = host.user_stack(moment.firing, &mut frames);
                if count < 2 { 0 } else { frames[1] }
            }
            dif::VAR_USTACKDEPTH => {
                process()?;
                self.in_time()?;
                self.user_depth()
            }
            dif::VAR_ARG0..=dif::VAR_ARG9 => self.arg(u64::from(variable - dif::VAR_ARG0)),
            _ => return Err(Trap::new(FaultKind::IllegalOperation)),
        })
    }

    /// The arguments of the process, with blanks between them; its name where they cannot be had.
    fn execargs(&self) -> Result<u64, Trap> {
        let room = self.clause.strsize;
        let start = self.take(room as u64)?;
        // SAFETY: `take` has just given us these bytes, written here before they are read.
        let to = unsafe {
            start.write_bytes(0, room);
            core::slice::from_raw_parts_mut(start, room)
        };
        let Some((last, body)) = to.split_last_mut() else { return Err(Trap::new(FaultKind::NoScratch)) };
        *last = 0;
        let count = self.moment.host.exec_args(body);
        let args = body.get_mut(..count).unwrap_or_default();
        let len = args.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if len == 0 {
            self.scratch.shrink(start, 0);
            return Ok(self.shown(self.moment.execname(), guise::EXECNAME));
        }
        for byte in args.iter_mut().take(len).filter(|byte| **byte == 0) {
            *byte = b' ';
        }
        self.scratch.shrink(start, len + 1);
        Ok(self.scratch.address_of(start))
    }

    /// An array.
    #[inline(never)]
    pub(crate) fn builtin_array(&self, variable: u32, index: u64) -> Result<u64, Trap> {
        match variable {
            dif::VAR_ARGS => Ok(self.arg(index)),
            dif::VAR_UREGS => {
                self.need_process(0)?;
                let register = u32::try_from(index).map_err(|_| Trap::new(FaultKind::IllegalOperation))?;
                Ok(self.moment.host.user_register(self.moment.firing, register).unwrap_or(0))
            }
            // `regs` and `vmregs` mean nothing here.
            _ => Err(Trap::new(FaultKind::IllegalOperation)),
        }
    }

    /// Frames between the walk's own and the instrumented place.
    fn skip(&self) -> u32 {
        self.moment.probe.aframes().saturating_add(self.moment.firing.skip_frames)
    }

    /// Where the function of the probe was called from: the second frame.
    fn kernel_caller(&self) -> u64 {
        let mut frames = [0; 2];
        let count = self.moment.host.stack(self.moment.firing, self.skip(), &mut frames);
        if count < 2 { 0 } else { frames[1] }
    }

    fn kernel_depth(&self) -> u64 {
        let mut frames = [0; FRAMES];
        let mut depth = 0;
        while depth < DEPTH_MAX {
            let skip = self.skip().saturating_add(depth);
            let count = self.moment.host.stack(self.moment.firing, skip, &mut frames).min(FRAMES);
            depth += count as u32;
            if count < FRAMES {
                break;
            }
        }
        u64::from(depth)
    }

    /// The frames go to scratch memory that is free, for a user stack cannot be walked in parts.
    fn user_depth(&self) -> u64 {
        let (room, len) = self.scratch.rest();
        let frames = (len / 8).min(DEPTH_MAX as usize);
        if frames == 0 {
            return 0;
        }
        // SAFETY: scratch memory is ours alone, the rest of it begins 8-aligned, and no address in it has been given out.
        let frames = unsafe { core::slice::from_raw_parts_mut(room.cast::<u64>(), frames) };
        self.moment.host.user_stack(self.moment.firing, frames) as u64
    }
}
