//! `struct pt_regs` of x86-64, which is ABI (ptrace shows it) and the same in every kernel.

use crate::syscall::Abi;
use dtrace_engine::registers::UserRegisters;

/// `struct pt_regs` of x86-64.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the names are the registers'")]
pub(crate) struct PtRegs {
    pub(crate) r15: u64,
    pub(crate) r14: u64,
    pub(crate) r13: u64,
    pub(crate) r12: u64,
    pub(crate) bp: u64,
    pub(crate) bx: u64,
    pub(crate) r11: u64,
    pub(crate) r10: u64,
    pub(crate) r9: u64,
    pub(crate) r8: u64,
    pub(crate) ax: u64,
    pub(crate) cx: u64,
    pub(crate) dx: u64,
    pub(crate) si: u64,
    pub(crate) di: u64,
    /// The system call's number as the thread asked for it.
    pub(crate) orig_ax: u64,
    pub(crate) ip: u64,
    pub(crate) cs: u64,
    pub(crate) flags: u64,
    pub(crate) sp: u64,
    pub(crate) ss: u64,
}

const _: () = assert!(size_of::<PtRegs>() == 168);

impl PtRegs {
    /// Whether they are of user mode: the privilege level in the code segment's selector.
    pub(crate) fn is_user(&self) -> bool {
        self.cs & 3 == 3
    }

    /// As the engine knows them, without what is not in the frame.
    pub(crate) fn user(&self) -> UserRegisters {
        UserRegisters {
            r15: self.r15,
            r14: self.r14,
            r13: self.r13,
            r12: self.r12,
            r11: self.r11,
            r10: self.r10,
            r9: self.r9,
            r8: self.r8,
            di: self.di,
            si: self.si,
            bp: self.bp,
            bx: self.bx,
            dx: self.dx,
            cx: self.cx,
            ax: self.ax,
            err: self.orig_ax,
            ip: self.ip,
            cs: self.cs,
            flags: self.flags,
            sp: self.sp,
            ss: self.ss,
            ..UserRegisters::default()
        }
    }

    /// The number of the system call that the thread asked for. The kernel, too, takes no notice of the register's upper half.
    #[inline(always)]
    pub(crate) fn number(&self) -> u32 {
        self.orig_ax as u32
    }

    /// An argument of the system call, 0 to 5.
    #[inline(always)]
    pub(crate) fn argument(&self, abi: Abi, n: usize) -> u64 {
        let [x64, ia32] = match n {
            0 => [self.di, self.bx],
            1 => [self.si, self.cx],
            2 => [self.dx, self.dx],
            3 => [self.r10, self.si],
            4 => [self.r8, self.di],
            _ => [self.r9, self.bp],
        };
        if abi == Abi::X64 { x64 } else { ia32 & 0xffff_ffff }
    }

    /// Where the thread was.
    pub(crate) fn pc(&self) -> u64 {
        self.ip
    }
}
