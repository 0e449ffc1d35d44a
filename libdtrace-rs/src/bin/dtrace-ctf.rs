//! Writes the running kernel's types as the CTF file that the userland of an existing installation reads.
//!
//! `dtrace-ctf OUTPUT [TYPE...]`: what the D library of that userland needs, the structures that scripts use most, and the
//! types named, with all that they lead to. Without it `cpu`, `` `jiffies `` and every kernel structure are unknown there.

use std::process::ExitCode;

use dtrace_rs::d::check::{self, Environment, Identifiers, Options, Probes, Symbol};
use dtrace_rs::d::macros::Macros;
use dtrace_rs::error::{Code, Result};
use dtrace_rs::program::ProbeDesc;
use dtrace_rs::types::{TypeId, Types, ctf_file};

/// The types that the driver's probes have and no kernel knows (contract 6.6).
const DECLARATIONS: &str = "
typedef int processorid_t; typedef int psetid_t; typedef int chipid_t; typedef int lgrp_id_t;
typedef char *caddr_t;
typedef struct { int cpu_id; } dtrace_cpu_t;
struct timespec { long tv_sec; long tv_nsec; };
typedef struct psinfo {
    int nlwp; int pid; int ppid; int pgid; int sid; int uid; int euid; int gid; int egid;
    void *addr; struct timespec start; char fname[80]; char argsz[80]; int argc; caddr_t argv; caddr_t envp;
    char *psargs; char dmodel;
} psinfo_t;
typedef struct lwpsinfo { int pr_flag; int pr_lwpid; uintptr_t pr_addr; uintptr_t pr_wchan; } lwpsinfo_t;
typedef struct buf {
    struct {
        int b_flags; size_t b_bcount; caddr_t b_addr; uint64_t b_lblkno; uint64_t b_blkno; size_t b_resid;
        size_t b_bufsize; caddr_t b_iodone; int b_error; unsigned int b_edev;
    } b;
    struct {
        int dev_major; int dev_minor; int dev_instance; char *dev_name; char *dev_statname; char *dev_pathname;
    } d;
    struct {
        char *fi_name; char *fi_dirname; char *fi_pathname; long fi_offset; char *fi_fs; char *fi_mount;
    } f;
} buf_t;
";

/// What scripts use most, the most wanted first: the nearer a type is to these, the more surely it is in the file.
const ROOTS: &[&str] = &[
    "processorid_t",
    "psetid_t",
    "chipid_t",
    "lgrp_id_t",
    "caddr_t",
    "dtrace_cpu_t",
    "struct timespec",
    "psinfo_t",
    "lwpsinfo_t",
    "buf_t",
    "pid_t",
    "id_t",
    "uid_t",
    "gid_t",
    "zoneid_t",
    "dev_t",
    "mode_t",
    "off_t",
    "size_t",
    "ssize_t",
    "time_t",
    "clock_t",
    "uintptr_t",
    "uchar_t",
    "ushort_t",
    "uint_t",
    "ulong_t",
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "uint8_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "unsigned char",
    "unsigned short",
    "unsigned int",
    "unsigned long",
    "struct task_struct",
    "struct file",
    "struct dentry",
    "struct inode",
    "struct super_block",
    "struct mm_struct",
    "struct vm_area_struct",
    "struct sock",
    "struct socket",
    "struct sk_buff",
    "struct net_device",
    "struct bio",
    "struct request",
    "struct request_queue",
    "struct page",
    "struct pt_regs",
    "struct cred",
    "struct signal_struct",
    "struct linux_binprm",
    "struct iov_iter",
    "struct kiocb",
    "struct msghdr",
    "struct tcp_sock",
];

/// The variables whose types the userland looks for, with their types.
const VARIABLES: &[(&str, &str)] = &[
    ("dtrace_cpu_id", "int"),
    ("dtrace_curcpu", "dtrace_cpu_t"),
    ("jiffies", "unsigned long"),
    ("init_task", "struct task_struct"),
];

/// A world that declarations need nothing of.
struct Nothing;

impl Environment for Nothing {
    fn probes(&mut self, _: &ProbeDesc) -> Result<Probes> {
        Err(Code::NoProbe.into())
    }
    fn symbol(&mut self, _: &str, _: &str) -> Result<Symbol> {
        Err(Code::NoSymbol.into())
    }
    fn set_option(&mut self, _: &str, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn provides(&mut self, _: &str, _: &str) -> bool {
        false
    }
    fn string_size(&self) -> u64 {
        256
    }
}

fn write(output: &str, more: &[String]) -> std::result::Result<(), String> {
    let types = Types::new();
    types.lookup("struct task_struct").map_err(|e| format!("cannot read the kernel's types: {e}"))?;
    let options = Options { allow_empty: true, ..Options::default() };
    let (macros, mut identifiers) = (Macros::default(), Identifiers::default());
    check::compile(DECLARATIONS.as_bytes(), options, &macros, &types, &mut identifiers, &mut Nothing)
        .map_err(|e| format!("cannot declare the driver's types: {e}"))?;
    let mut roots = Vec::new();
    for name in more {
        roots.push(types.lookup(name).map_err(|e| format!("{name}: {e}"))?);
    }
    // What this kernel does not have is left out: kernels differ.
    roots.extend(ROOTS.iter().filter_map(|name| types.lookup(name).ok()));
    let variables: Vec<(&str, TypeId)> =
        VARIABLES.iter().filter_map(|&(name, ty)| Some((name, types.lookup(ty).ok()?))).collect();
    std::fs::write(output, ctf_file(&types, &roots, &variables))
        .map_err(|e| format!("cannot write {output}: {e}"))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((output, more)) = words.split_first() else {
        eprintln!("usage: dtrace-ctf OUTPUT [TYPE...]");
        return ExitCode::from(2);
    };
    match write(output, more) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("dtrace-ctf: {text}");
            ExitCode::FAILURE
        }
    }
}
