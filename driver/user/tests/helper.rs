//! The helper device and the control device in this process answer as /dev/dtrace_helper and /dev/dtrace_ctl do.

use dtrace_abi::{CtlMem, HelperDof, Plain, ioctl, set_name};
use dtrace_engine::errno::Errno;
use dtrace_user::{ControlDevice, HelperDevice};
use std::ffi::c_void;
use std::process::{Command, Stdio};

fn number(n: u64) -> *mut c_void {
    n as *mut c_void
}

/// The original's sample of an instrumented program, where it is at hand.
fn sample() -> Option<Vec<u8>> {
    let shared = std::env::var_os("DTRACE_SHARED").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into(),
        std::path::PathBuf::from,
    );
    let sample = std::fs::read(shared.join("abi/vectors/usdt-simple.sunw_dof")).ok();
    if sample.is_none() {
        println!("skipped: no image of the original's");
    }
    sample
}

fn request(command: u32, argument: *mut c_void) -> Result<i32, Errno> {
    // SAFETY: no request to the helper device writes to its argument.
    unsafe { HelperDevice::open().ioctl(command, argument) }
}

#[test]
fn an_image_is_brought_and_taken_back() {
    let Some(image) = sample() else { return };
    let mut helper = HelperDof { addr: 0x40_0000, dof: image.as_ptr() as u64, ..HelperDof::zeroed() };
    set_name(&mut helper.module, b"simple");
    let generation = request(ioctl::HELPER_ADDDOF, (&raw mut helper).cast()).expect("a sound image");
    assert!(generation >= 1);
    assert_eq!(request(ioctl::HELPER_REMOVE, number(generation as u64)), Ok(0));
    let plain = request(ioctl::HELPER_ADD, image.as_ptr().cast_mut().cast()).expect("the old request");
    assert!(plain > generation);
    assert_eq!(request(ioctl::HELPER_REMOVE, number(plain as u64)), Ok(0));
}

#[test]
fn what_was_never_brought_is_taken_back_without_harm() {
    for generation in [0, 1, 12345, u64::from(u32::MAX)] {
        assert_eq!(request(ioctl::HELPER_REMOVE, number(generation)), Ok(0));
    }
}

#[test]
fn a_bad_image_address_or_command_is_an_error() {
    assert_eq!(request(ioctl::HELPER_ADD, number(0)), Err(Errno::EFAULT));
    assert_eq!(request(ioctl::HELPER_ADDDOF, number(0x10)), Err(Errno::EFAULT));
    assert_eq!(request(ioctl::HELPER_BASE, number(0)), Err(Errno::ENOTTY));
    let mut noise = [u64::MAX; 64];
    assert_eq!(request(ioctl::HELPER_ADD, noise.as_mut_ptr().cast()), Err(Errno::E2BIG));
    noise[5] = 512;
    assert_eq!(request(ioctl::HELPER_ADD, noise.as_mut_ptr().cast()), Err(Errno::EINVAL));
}

/// A request to the control device about a process.
fn memory(command: u32, pid: i32, src: u64, dst: u64, len: i32) -> Result<i32, Errno> {
    let mut mem = CtlMem { pid, pad0: 0, src, dst, len, pad1: 0 };
    // SAFETY: what is written to, in this process or another, are buffers of these tests, or addresses that are bad.
    unsafe { ControlDevice::open().ioctl(command, (&raw mut mem).cast()) }
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

#[test]
fn memory_is_read_and_written() {
    let source = *b"sixteen bytes ok";
    let mut target = [0u8; 16];
    let (src, dst) = (source.as_ptr() as u64, target.as_mut_ptr() as u64);
    assert_eq!(memory(ioctl::CTL_RDMEM, own_pid(), src, dst, 16), Ok(16));
    assert_eq!(target, source);
    let other = *b"SIXTEEN";
    assert_eq!(memory(ioctl::CTL_WRMEM, own_pid(), other.as_ptr() as u64, dst, 7), Ok(7));
    assert_eq!(&target, b"SIXTEEN bytes ok");
}

/// Where the program of a process begins, once the kernel has mapped it.
fn program_start(pid: i32) -> u64 {
    for _ in 0..1000 {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("its map");
        let exe = std::fs::read_link(format!("/proc/{pid}/exe")).expect("its program");
        let line = maps.lines().find(|line| line.ends_with(exe.to_str().expect("a path")));
        let start = line.and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
        if let Some(start) = start.filter(|_| exe != std::env::current_exe().expect("a path")) {
            return start;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("process {pid} has no program");
}

#[test]
fn another_process_is_read_if_it_is_one_s_own() {
    let mut child = Command::new("sleep").arg("30").stdout(Stdio::null()).spawn().expect("sleep");
    let pid = child.id().cast_signed();
    let start = program_start(pid);
    let mut magic = [0u8; 4];
    assert_eq!(memory(ioctl::CTL_RDMEM, pid, start, magic.as_mut_ptr() as u64, 4), Ok(4));
    assert_eq!(&magic, b"\x7fELF");
    child.kill().expect("our child");
    child.wait().expect("our child");
    assert_eq!(memory(ioctl::CTL_RDMEM, pid, start, magic.as_mut_ptr() as u64, 4), Err(Errno::ESRCH));
}

#[test]
fn what_runs_into_an_unmapped_page_is_short() {
    // SAFETY: a fresh mapping of two pages, of which the second is taken away again.
    let page = unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            8192,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        libc::munmap(page.wrapping_add(4096), 4096);
        page as u64
    };
    let mut target = [0u8; 64];
    assert_eq!(memory(ioctl::CTL_RDMEM, own_pid(), page + 4096 - 16, target.as_mut_ptr() as u64, 64), Ok(16));
}

#[test]
fn impossible_requests_are_told_apart() {
    let mut target = [0u8; 8];
    let dst = target.as_mut_ptr() as u64;
    let good = target.as_ptr() as u64;
    assert_eq!(memory(ioctl::CTL_RDMEM, own_pid(), good, dst, 0), Err(Errno::EINVAL));
    assert_eq!(memory(ioctl::CTL_RDMEM, own_pid(), good, dst, -1), Err(Errno::EINVAL));
    assert_eq!(memory(ioctl::CTL_BASE, own_pid(), good, dst, 8), Err(Errno::EINVAL));
    assert_eq!(memory(ioctl::CTL_RDMEM, own_pid(), 8, dst, 8), Err(Errno::EFAULT));
    assert_eq!(memory(ioctl::CTL_RDMEM, own_pid(), good, 8, 8), Err(Errno::EFAULT));
    for pid in [0, -1, i32::MAX] {
        assert_eq!(memory(ioctl::CTL_RDMEM, pid, good, dst, 8), Err(Errno::ESRCH), "{pid}");
    }
    // SAFETY: the address is bad, which is what the call must find out.
    let bad = unsafe { ControlDevice::open().ioctl(ioctl::CTL_RDMEM, number(0x10)) };
    assert_eq!(bad, Err(Errno::EFAULT));
}
