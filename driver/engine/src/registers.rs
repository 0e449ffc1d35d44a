//! The registers of a user thread on x86-64, and what D calls them.
//!
//! Both hosts fill in the same structure from what their kernel interface shows (the trap frame in the driver, ptrace in a
//! process); the numbering of `uregs[]` is said here and nowhere else.

/// The registers of a user thread. A host leaves at 0 what it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the registers'")]
pub struct UserRegisters {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub di: u64,
    pub si: u64,
    pub bp: u64,
    pub bx: u64,
    pub dx: u64,
    pub cx: u64,
    pub ax: u64,
    /// The number of the last trap that the kernel told the thread of.
    pub trapno: u64,
    /// The error code of the trap by which the thread entered the kernel; in a system call, its number.
    pub err: u64,
    pub ip: u64,
    pub cs: u64,
    pub flags: u64,
    pub sp: u64,
    pub ss: u64,
    pub fs: u64,
    pub gs: u64,
    pub es: u64,
    pub ds: u64,
    pub fs_base: u64,
    pub gs_base: u64,
}

/// Linux's selector of 64-bit user code. The other one, 0x23, is that of 32-bit code.
const USER64_CS: u64 = 0x33;

impl UserRegisters {
    /// `uregs[n]` (contract 2.7): 0 to 18 are the i386 names GS FS ES DS EDI ESI EBP ESP EBX EDX ECX EAX TRAPNO ERR EIP CS
    /// EFL UESP SS, read as their 64-bit counterparts; from 19 on the amd64 order R15 … R8 RDI RSI RBP RBX RDX RCX RAX TRAPNO
    /// ERR RIP CS RFL RSP SS FS GS ES DS FSBASE GSBASE. None beyond.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Option<u64> {
        Some(match n {
            0 => self.gs,
            1 => self.fs,
            2 => self.es,
            3 => self.ds,
            4 => self.di,
            5 => self.si,
            6 => self.bp,
            7 | 17 => self.sp,
            8 => self.bx,
            9 => self.dx,
            10 => self.cx,
            11 => self.ax,
            12 => self.trapno,
            13 => self.err,
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
            34 => self.trapno,
            35 => self.err,
            36 => self.ip,
            37 => self.cs,
            38 => self.flags,
            39 => self.sp,
            40 => self.ss,
            41 => self.fs,
            42 => self.gs,
            43 => self.es,
            44 => self.ds,
            45 => self.fs_base,
            46 => self.gs_base,
            _ => return None,
        })
    }

    /// Bytes of a pointer of the code that the thread runs.
    #[must_use]
    pub fn word(&self) -> usize {
        if self.cs == USER64_CS { 8 } else { 4 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_i386_names_and_the_amd64_ones_are_the_same_registers() {
        let regs = UserRegisters {
            r15: 115,
            r8: 108,
            di: 1,
            si: 2,
            bp: 3,
            bx: 4,
            dx: 5,
            cx: 6,
            ax: 7,
            trapno: 8,
            err: 9,
            ip: 10,
            cs: 11,
            flags: 12,
            sp: 13,
            ss: 14,
            fs: 15,
            gs: 16,
            es: 17,
            ds: 18,
            fs_base: 19,
            gs_base: 20,
            ..UserRegisters::default()
        };
        let all: [u64; 47] = core::array::from_fn(|n| regs.numbered(n as u32).unwrap());
        assert_eq!(all[..19], [16, 15, 17, 18, 1, 2, 3, 13, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
        assert_eq!(
            all[19..],
            [
                115, 0, 0, 0, 0, 0, 0, 108, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                19, 20
            ]
        );
        assert_eq!(regs.numbered(47), None);
    }

    #[test]
    fn the_code_segment_tells_32_bit_code() {
        let with_cs = |cs| UserRegisters { cs, ..UserRegisters::default() }.word();
        assert_eq!((with_cs(0x33), with_cs(0x23)), (8, 4));
    }
}
