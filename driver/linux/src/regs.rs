//! The registers of an interrupted or trapped thread, and what D calls them.
//!
//! `PtRegs` is the kernel's `struct pt_regs` on x86-64, which is ABI (ptrace shows it) and the same in every kernel.

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

    /// `uregs[n]` (contract 2.7): 0 to 18 are the i386 names GS FS ES DS EDI ESI EBP ESP EBX EDX ECX EAX TRAPNO ERR EIP CS
    /// EFL UESP SS, read as their 64-bit counterparts; from 19 on the amd64 order R15 R14 … SS FS GS ES DS. Segment
    /// registers that a 64-bit frame does not hold, and TRAPNO, are 0.
    pub(crate) fn numbered(&self, n: u32) -> Option<u64> {
        Some(match n {
            0..=3 => 0,
            4 => self.di,
            5 => self.si,
            6 => self.bp,
            7 | 17 => self.sp,
            8 => self.bx,
            9 => self.dx,
            10 => self.cx,
            11 => self.ax,
            12 => 0,
            13 => self.orig_ax,
            14 => self.ip,
            15 => self.cs,
            16 => self.flags,
            18 => self.ss,
            19 => self.r15,
            20 => self.r14,
            21 => self.r13,
            22 => self.r12,
            23 => self.r11,
            24 => self.r10,
            25 => self.r9,
            26 => self.r8,
            27 => self.di,
            28 => self.si,
            29 => self.bp,
            30 => self.bx,
            31 => self.dx,
            32 => self.cx,
            33 => self.ax,
            34 => 0,
            35 => self.orig_ax,
            36 => self.ip,
            37 => self.cs,
            38 => self.flags,
            39 => self.sp,
            40 => self.ss,
            41..=44 => 0,
            _ => return None,
        })
    }
}

/// What a provider of ours hands to the engine as a firing's register frame.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// What a system call that returns here returns to its caller; None where nothing returns.
    pub(crate) result: Option<i64>,
}
