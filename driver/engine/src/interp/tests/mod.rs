//! What the interpreter does, one behaviour a test. Programs are written in a small assembler ([`asm`]) and run in a
//! [`World`]: one consumer with its variables on a mock machine.

mod arithmetic;
mod asm;
mod builtins;
mod faults;
mod json;
mod memory;
mod numbers;
mod paths;
mod random;
mod shapes;
mod strings;
mod subroutines;
mod variables;
mod vectors;

use core::cell::RefCell;
use core::ffi::c_void;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::vec::Vec;

use dtrace_abi::{DifVar, Scope};

use super::*;
use crate::difo::Limits;
use crate::host::BadAddress;

/// Where the mock's kernel memory begins.
pub(super) const KERNEL: u64 = 0xffff_8000_0000_1000;
/// Where the mock's user memory begins.
pub(super) const USER: u64 = 0x40_0000;

/// A machine of two CPUs with a page or two of kernel memory and of user memory.
pub(super) struct Machinery {
    pub(super) kernel: Vec<u8>,
    pub(super) user: Mutex<Vec<u8>>,
    pub(super) clock: AtomicU64,
    pub(super) thread: AtomicU32,
    pub(super) frames: Vec<u64>,
    pub(super) execname: &'static [u8],
    pub(super) arguments: &'static [u8],
}

fn read(memory: &[u8], base: u64, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
    let from = usize::try_from(addr.checked_sub(base).ok_or(BadAddress)?).map_err(|_| BadAddress)?;
    let src = memory.get(from..).and_then(|rest| rest.get(..dst.len())).ok_or(BadAddress)?;
    dst.copy_from_slice(src);
    Ok(())
}

impl Host for Machinery {
    type Saved = ();
    fn cpus(&self) -> usize {
        2
    }
    fn cpu_present(&self, _: usize) -> bool {
        true
    }
    fn enter(&self) -> (usize, ()) {
        (0, ())
    }
    fn leave(&self, _: usize, (): ()) {}
    fn on_cpu(&self, _: usize, f: &mut dyn FnMut()) -> bool {
        f();
        true
    }
    fn timestamp(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
    fn walltimestamp(&self) -> u64 {
        1_700_000_000_000_000_000 + self.clock.fetch_add(1, Ordering::Relaxed)
    }
    fn vtimestamp(&self) -> u64 {
        500_000 + self.clock.fetch_add(1, Ordering::Relaxed)
    }
    fn pid(&self) -> u32 {
        4711
    }
    fn tid(&self) -> u32 {
        4711 + self.thread.load(Ordering::Relaxed)
    }
    fn ppid(&self) -> u32 {
        17
    }
    fn uid(&self) -> u32 {
        1000
    }
    fn gid(&self) -> u32 {
        100
    }
    fn curthread(&self) -> u64 {
        KERNEL
    }
    fn thread_key(&self) -> u64 {
        u64::from(self.thread.load(Ordering::Relaxed))
    }
    fn execname(&self, out: &mut [u8; EXECNAME_SIZE]) {
        out.fill(0);
        for (to, from) in out.iter_mut().zip(self.execname) {
            *to = *from;
        }
    }
    fn exec_args(&self, out: &mut [u8]) -> usize {
        let len = self.arguments.len().min(out.len());
        out[..len].copy_from_slice(&self.arguments[..len]);
        len
    }
    fn errno(&self, _: &Firing<'_>) -> i32 {
        2
    }
    fn ipl(&self) -> u32 {
        3
    }
    fn progeny_of(&self, pid: u32) -> bool {
        matches!(pid, 4711 | 17 | 1)
    }
    fn user_register(&self, _: &Firing<'_>, n: u32) -> Option<u64> {
        (n < 19).then(|| 0x100 + u64::from(n))
    }
    fn stack(&self, _: &Firing<'_>, skip: u32, out: &mut [u64]) -> usize {
        let frames = self.frames.get(skip as usize..).unwrap_or(&[]);
        for (to, from) in out.iter_mut().zip(frames) {
            *to = *from;
        }
        out.len().min(frames.len())
    }
    fn user_stack(&self, _: &Firing<'_>, out: &mut [u64]) -> usize {
        let frames = [USER, USER + 0x10, USER + 0x20];
        for (to, from) in out.iter_mut().zip(frames) {
            *to = from;
        }
        out.len().min(3)
    }
    fn load(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        read(&self.kernel, KERNEL, addr, dst)
    }
    fn load_user(&self, addr: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        read(&self.user.lock().unwrap(), USER, addr, dst)
    }
    fn store_user(&self, addr: u64, src: &[u8]) -> Result<(), BadAddress> {
        let mut user = self.user.lock().unwrap();
        let from = usize::try_from(addr.checked_sub(USER).ok_or(BadAddress)?).map_err(|_| BadAddress)?;
        let dst = user.get_mut(from..).and_then(|rest| rest.get_mut(..src.len())).ok_or(BadAddress)?;
        dst.copy_from_slice(src);
        Ok(())
    }
    fn d_path(&self, file: u64, out: &mut [u8]) -> Option<usize> {
        let path = b"/etc/hosts\0";
        (file == KERNEL).then(|| {
            out[..path.len()].copy_from_slice(path);
            path.len() - 1
        })
    }
    fn ioctl_read(&self, _: u64, _: &mut [u8]) -> Result<(), BadAddress> {
        Err(BadAddress)
    }
    fn ioctl_write(&self, _: u64, _: &[u8]) -> Result<(), BadAddress> {
        Err(BadAddress)
    }
    fn lock(&self) {}
    fn unlock(&self) {}
    fn relax(&self, _: u32) {}
    fn synchronize_hooks(&self) {}
    fn log(&self, _: fmt::Arguments<'_>) {}
}

/// A probe `syscall:x64:open:entry` with id 99, whose arguments from 6 on come from the provider as 1000 + n.
pub(super) struct Probed;

impl Subject<Machinery> for Probed {
    fn id(&self) -> u32 {
        99
    }
    fn aframes(&self) -> u32 {
        1
    }
    fn arg(&self, firing: &Firing<'_>, n: usize) -> u64 {
        firing.args.get(n).copied().unwrap_or(1000 + n as u64)
    }
    fn name(&self, part: NamePart) -> &[u8] {
        match part {
            NamePart::Provider => b"syscall\0",
            NamePart::Module => b"x64\0",
            NamePart::Function => b"open\0",
            NamePart::Name => b"entry\0",
        }
    }
}

/// Speculations that count from 1.
#[derive(Default)]
struct Counting(Cell<u64>);

impl Speculate for Counting {
    fn speculation(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// A consumer on the mock machine.
pub(super) struct World {
    pub(super) host: Machinery,
    pub(super) variables: Variables,
    pub(super) declared: BTreeMap<(Scope, &'static str), DifVar>,
    pub(super) args: Vec<u64>,
    pub(super) access: Access,
    pub(super) strsize: usize,
    pub(super) scratch: usize,
    pub(super) cpu: usize,
}

impl World {
    pub(super) fn new() -> World {
        let mut kernel = vec![0; 4096];
        kernel[..16].copy_from_slice(b"\x01\x82\x03\x84\x05\x06\x07\x88kernel!\0");
        let mut user = vec![0; 4096];
        user[..14].copy_from_slice(b"/tmp/user.txt\0");
        World {
            host: Machinery {
                kernel,
                user: Mutex::new(user),
                clock: AtomicU64::new(1_000_000),
                thread: AtomicU32::new(1),
                frames: (0..40).map(|n| KERNEL + n).collect(),
                execname: b"cat",
                arguments: b"cat\0-n\0a file\0",
            },
            variables: Variables::new(2).unwrap(),
            declared: BTreeMap::new(),
            args: vec![11, 22, 33, 44, 55, 66],
            access: Access::ALL,
            strsize: 256,
            scratch: 4096,
            cpu: 0,
        }
    }

    /// Text at the start of the second half of kernel memory, and its address.
    pub(super) fn kernel_text(&mut self, text: &[u8]) -> u64 {
        self.kernel_bytes(&[text, b"\0"].concat())
    }

    pub(super) fn kernel_bytes(&mut self, bytes: &[u8]) -> u64 {
        self.host.kernel[2048..2048 + bytes.len()].copy_from_slice(bytes);
        KERNEL + 2048
    }

    /// Makes code of these programs; then tracing starts.
    pub(super) fn load(&mut self, programs: &[&str]) -> Vec<Code> {
        let limits = Limits::new(true);
        let difos: Vec<_> =
            programs.iter().map(|text| asm::assemble(text, &mut self.declared, &limits)).collect();
        for difo in &difos {
            self.variables.declare(difo).unwrap();
        }
        difos.into_iter().map(|difo| Code::new(difo, &self.variables).unwrap()).collect()
    }

    pub(super) fn start(&mut self) {
        self.variables.prepare(64 * 1024, self.strsize).unwrap();
    }

    /// One firing with one clause in which `work` uses the machine.
    pub(super) fn fire<R>(&self, work: impl FnOnce(&Machine<'_, Machinery, Probed>) -> R) -> R {
        let firing = Firing { args: &self.args, regs: core::ptr::null::<c_void>(), skip_frames: 1 };
        let moment = Moment::new(&self.host, &Probed, &firing, self.cpu);
        let speculations = Counting::default();
        let clause = Clause {
            variables: &self.variables,
            speculations: &speculations,
            access: self.access,
            strsize: self.strsize,
            epid: 7,
        };
        let mut memory = vec![0u64; self.scratch / 8];
        // SAFETY: the vector outlives the machine and nobody else uses it.
        let scratch = unsafe { Scratch::from_raw(memory.as_mut_ptr().cast(), self.scratch) };
        work(&Machine::new(&moment, &clause, scratch))
    }

    /// Runs programs one after the other in one clause; what the last gives.
    pub(super) fn run_all(&mut self, programs: &[&str]) -> Result<u64, Fault> {
        let codes = self.load(programs);
        if self.variables.dynvars().is_none() {
            self.start();
        }
        self.fire(|machine| codes.iter().try_fold(0, |_, code| machine.run(code)))
    }

    pub(super) fn run(&mut self, program: &str) -> Result<u64, Fault> {
        self.run_all(&[program])
    }

    /// The value of a program that does not fault.
    pub(super) fn value(&mut self, program: &str) -> u64 {
        self.run(program).unwrap()
    }

    /// What a program's result is the address of, as a string.
    pub(super) fn text_all(&mut self, programs: &[&str]) -> Result<String, Fault> {
        let codes = self.load(programs);
        if self.variables.dynvars().is_none() {
            self.start();
        }
        let strsize = self.strsize;
        self.fire(|machine| {
            let (last, before) = codes.split_last().unwrap();
            before.iter().try_for_each(|code| machine.run(code).map(|_| ()))?;
            let address = machine.run(last)?;
            let mut record = vec![0xaa; strsize];
            let len = machine.copy_string(last, address, &mut record)?;
            assert!(record[len..].iter().all(|byte| *byte == 0), "the rest of a record is zeros");
            record.truncate(len);
            Ok(String::from_utf8(record).unwrap())
        })
    }

    pub(super) fn text(&mut self, program: &str) -> String {
        self.text_all(&[program]).unwrap()
    }

    pub(super) fn fault(&mut self, program: &str) -> Fault {
        self.run(program).unwrap_err()
    }
}

thread_local! {
    static SHARED: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// The value of a program in a world that nothing is special about.
pub(super) fn value(program: &str) -> u64 {
    SHARED.with_borrow_mut(|world| world.get_or_insert_with(World::new).value(program))
}

/// The text of a program in such a world.
pub(super) fn text(program: &str) -> String {
    SHARED.with_borrow_mut(|world| world.get_or_insert_with(World::new).text(program))
}

/// The fault of a program in such a world.
pub(super) fn fault(program: &str) -> Fault {
    SHARED.with_borrow_mut(|world| world.get_or_insert_with(World::new).fault(program))
}
