//! /proc/dtrace (contract 1.2).
//!
//! `stats`, `security`, `syscall`, `fbt`, `instr`, `fasttrap`, `debug`, `trace`. There is no `idt` and no `gdt`: this driver
//! changes neither, and the kernel's own are not its to show. `stats` has the original's names for what is counted here; there are
//! no traps and no patched calls to count, and what each probe would pay for (`syscall2`, `timer1`) is not. At its end is what this
//! driver counts besides: the memory that it holds, how many probes are enabled, and which returns of calls it has lost.
//! Process context throughout.

use crate::driver::engine;
use crate::ffi;
use crate::memory;
use crate::security;
use crate::syscall::{self, Abi};
use crate::xcall;
use core::ffi::CStr;
use core::fmt::{self, Write};

/// The text of one file, as it is written to the reader.
pub(crate) struct Text<'a> {
    seq: &'a mut ffi::host_seq,
}

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        // SAFETY: the sequence is that of the read that is being answered; the pointer and length are of a live str.
        unsafe { ffi::host_seq_write(self.seq, s.as_ptr(), s.len()) };
        Ok(())
    }
}

/// One file: its name, mode and text.
pub(crate) struct Entry {
    pub(crate) name: &'static CStr,
    pub(crate) mode: u16,
    pub(crate) show: fn(&mut Text<'_>) -> fmt::Result,
}

const ENTRIES: [Entry; 8] = [
    Entry { name: c"debug", mode: 0o444, show: debug },
    Entry {
        name: c"security",
        mode: 0o444,
        show: |out| {
            security::show(out);
            Ok(())
        },
    },
    Entry { name: c"stats", mode: 0o444, show: stats },
    Entry { name: c"trace", mode: 0o444, show: |_| Ok(()) },
    Entry {
        name: c"fbt",
        mode: 0o444,
        show: |out| writeln!(out, "# count patchpoint opcode inslen modrm name"),
    },
    Entry { name: c"instr", mode: 0o444, show: |out| writeln!(out, "# patchpoint opcode inslen modrm name") },
    Entry { name: c"syscall", mode: 0o444, show: syscalls },
    Entry { name: c"fasttrap", mode: 0o444, show: |out| writeln!(out, "tpoints=0 procs=0 provs=0 total=0") },
];

/// All files.
fn entries() -> impl Iterator<Item = &'static Entry> {
    #[cfg(feature = "torture")]
    let more = crate::torture::ENTRIES;
    #[cfg(not(feature = "torture"))]
    let more = &[];
    ENTRIES.iter().chain(more)
}

fn debug(out: &mut Text<'_>) -> fmt::Result {
    let mut flags = 0;
    // SAFETY: no preconditions; the two calls belong together.
    let cpu = unsafe {
        let cpu = ffi::host_enter(&raw mut flags);
        ffi::host_leave(flags);
        cpu
    };
    write!(out, "here=0\ncpuid={cpu}\n")
}

fn stats(out: &mut Text<'_>) -> fmt::Result {
    engine().stats(out)?;
    xcall::stats().write(out)?;
    let (bytes, blocks) = memory::held();
    write!(
        out,
        "memory_bytes={bytes}\nmemory_blocks={blocks}\nprobes_enabled={}\n",
        engine().enabled_count()
    )?;
    writeln!(out, "syscall_returns_lost={}", syscall::returns_lost())
}

fn syscalls(out: &mut Text<'_>) -> fmt::Result {
    writeln!(out, "# arch enabled sysno name")?;
    for abi in [Abi::X64, Abi::Ia32] {
        for number in 0..abi.limit() {
            let name = abi.name(number);
            if !name.is_empty() {
                let mark = if abi.is_enabled(number) { '*' } else { ' ' };
                writeln!(out, "{}{mark} {number:3} {name}", abi.module())?;
            }
        }
    }
    Ok(())
}

/// Makes the directory and its files, or nothing.
pub(crate) fn add() -> Result<(), i32> {
    // SAFETY: process context.
    let mut error = unsafe { ffi::host_proc_root() };
    if error != 0 {
        return Err(error);
    }
    for (at, entry) in entries().enumerate() {
        if error == 0 {
            // SAFETY: process context; the name is a literal.
            error = unsafe { ffi::host_proc_add(entry.name.as_ptr(), entry.mode, at as u32) };
        }
    }
    if error != 0 {
        remove();
        return Err(error);
    }
    Ok(())
}

/// Removes the directory with all that is in it; waits for readers.
pub(crate) fn remove() {
    // SAFETY: process context.
    unsafe { ffi::host_proc_remove() }
}

/// A file is read.
#[unsafe(no_mangle)]
extern "C" fn rs_proc_show(entry: u32, seq: *mut ffi::host_seq) {
    // SAFETY: the shim passes the sequence of the read that is being answered, which nobody else has.
    let seq = unsafe { &mut *seq };
    if let Some(entry) = entries().nth(entry as usize) {
        let _ = (entry.show)(&mut Text { seq });
    }
}
