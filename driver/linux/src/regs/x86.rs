//! `struct pt_regs` of 32-bit x86, which is the same in every kernel but for the segment registers; of those only cs and ss are
//! read.

use crate::syscall::Abi;
use dtrace_engine::registers::UserRegisters;

/// `struct pt_regs` of 32-bit x86.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the names are the registers'")]
pub(crate) struct PtRegs {
    bx: u32,
    cx: u32,
    dx: u32,
    si: u32,
    di: u32,
    bp: u32,
    ax: u32,
    /// ds, es, fs and what was gs, each in the lower half.
    segments: [u32; 4],
    /// The system call's number as the thread asked for it.
    orig_ax: u32,
    ip: u32,
    /// The upper half is the kernel's own.
    cs: u32,
    flags: u32,
    sp: u32,
    ss: u32,
}

const _: () = assert!(size_of::<PtRegs>() == 68);

impl PtRegs {
    /// Whether they are of user mode: the privilege level in the code segment's selector.
    pub(crate) fn is_user(&self) -> bool {
        self.cs & 3 == 3
    }

    /// As the engine knows them, without what is not in the frame.
    pub(crate) fn user(&self) -> UserRegisters {
        UserRegisters {
            di: self.di.into(),
            si: self.si.into(),
            bp: self.bp.into(),
            bx: self.bx.into(),
            dx: self.dx.into(),
            cx: self.cx.into(),
            ax: self.ax.into(),
            err: self.orig_ax.into(),
            ip: self.ip.into(),
            cs: u64::from(self.cs & 0xffff),
            flags: self.flags.into(),
            sp: self.sp.into(),
            ss: u64::from(self.ss & 0xffff),
            ..UserRegisters::default()
        }
    }

    /// The number of the system call that the thread asked for.
    #[inline(always)]
    pub(crate) fn number(&self) -> u32 {
        self.orig_ax
    }

    /// An argument of the system call, 0 to 5.
    #[inline(always)]
    pub(crate) fn argument(&self, _abi: Abi, n: usize) -> u64 {
        u64::from(match n {
            0 => self.bx,
            1 => self.cx,
            2 => self.dx,
            3 => self.si,
            4 => self.di,
            _ => self.bp,
        })
    }

    /// Where the thread was.
    pub(crate) fn pc(&self) -> u64 {
        self.ip.into()
    }
}
