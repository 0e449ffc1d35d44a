//! In this process, where the library stands in front of the C library as it does when it is preloaded.

use crate::file;
use crate::node::Node;
use dtrace_abi::{Conf, Plain, ProbeDesc, ioctl};
use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

unsafe extern "C" {
    fn open(path: *const libc::c_char, flags: c_int, ...) -> c_int;
    fn ioctl(fd: c_int, request: libc::c_ulong, ...) -> c_int;
    fn close(fd: c_int) -> c_int;
}

/// One test at a time: a child of one has the descriptors of all.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn opened(path: &CStr) -> c_int {
    // SAFETY: a C string.
    let fd = unsafe { open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    assert!(fd >= 0, "{path:?}: {}", io::Error::last_os_error());
    fd
}

fn device() -> c_int {
    opened(c"/dev/dtrace")
}

fn request<T: Plain>(fd: c_int, command: u32, argument: &mut T) -> Result<c_int, i32> {
    // SAFETY: each test gives the command what it takes.
    match unsafe { ioctl(fd, command.into(), ptr::from_mut(argument)) } {
        -1 => Err(io::Error::last_os_error().raw_os_error().unwrap()),
        result => Ok(result),
    }
}

fn shut(fd: c_int) {
    // SAFETY: the test's own descriptor.
    assert_eq!(unsafe { close(fd) }, 0);
}

#[test]
fn the_device_answers_what_the_driver_answers() {
    let _alone = alone();
    let fd = device();
    let mut conf = Conf::zeroed();
    assert_eq!(request(fd, ioctl::CONF, &mut conf), Ok(0));
    assert_eq!((conf.difversion, conf.ctfmodel), (2, 2));
    let mut probe = ProbeDesc { id: 1, ..ProbeDesc::zeroed() };
    assert_eq!(request(fd, ioctl::PROBES, &mut probe), Ok(0));
    assert_eq!(dtrace_abi::name_bytes(&probe.name), b"BEGIN");
    assert_eq!(request(fd, 0x6474_7203, &mut 0u64), Err(libc::ENOTTY));
    shut(fd);
    assert_eq!(request(fd, ioctl::CONF, &mut conf), Err(libc::EBADF));
}

#[test]
fn every_descriptor_of_a_device_is_the_device_and_the_last_one_closed_ends_it() {
    let _alone = alone();
    let fd = device();
    let inode = file::of(fd).unwrap();
    // SAFETY: the test's own descriptors.
    let copies = unsafe { [libc::dup(fd), libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 100)] };
    shut(fd);
    for copy in copies {
        assert!(file::is_open(inode));
        assert_eq!(request(copy, ioctl::CONF, &mut Conf::zeroed()), Ok(0));
        shut(copy);
    }
    assert!(!file::is_open(inode));
}

#[test]
fn a_descriptor_that_the_kernel_closes_ends_it_too() {
    let _alone = alone();
    let fd = device();
    let inode = file::of(fd).unwrap();
    // SAFETY: the test's own descriptor.
    unsafe { libc::syscall(libc::SYS_close, fd) };
    let start = Instant::now();
    while file::is_open(inode) {
        assert!(start.elapsed() < Duration::from_secs(10), "nobody noticed");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_device_that_somebody_was_given_stays_open() {
    let _alone = alone();
    let fd = device();
    let inode = file::of(fd).unwrap();
    // SAFETY: the child calls only what a child of many threads may.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above.
        unsafe {
            let mut conf = Conf::zeroed();
            let asked = ioctl(fd, ioctl::CONF.into(), &raw mut conf);
            let told = *libc::__errno_location();
            let opened = open(c"/dev/dtrace".as_ptr(), libc::O_RDWR);
            let ended = close(fd);
            let right = asked == -1 && told == libc::ENXIO && opened == -1 && ended == 0;
            libc::_exit(i32::from(!right));
        }
    }
    let mut status = 0;
    // SAFETY: our child; the address is of an int.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child is told ENXIO");
    assert!(file::is_open(inode), "what a child closes is its own");
    assert_eq!(request(fd, ioctl::CONF, &mut Conf::zeroed()), Ok(0));
    shut(fd);
    assert!(!file::is_open(inode));
}

#[test]
fn consumers_are_apart() {
    let _alone = alone();
    let (one, other) = (device(), device());
    assert_ne!(file::of(one), file::of(other));
    shut(one);
    assert_eq!(request(other, ioctl::CONF, &mut Conf::zeroed()), Ok(0));
    shut(other);
}

#[test]
fn fasttrap_opens_and_has_no_tracepoints() {
    let _alone = alone();
    let fd = opened(c"/dev/fasttrap");
    assert_eq!(request(fd, ioctl::FASTTRAP_GETINSTR, &mut [0u64; 2]), Err(libc::ENOENT));
    assert_eq!(request(fd, ioctl::CONF, &mut [0u64; 6]), Err(libc::EINVAL));
    shut(fd);
}

#[test]
fn everything_else_is_the_c_library_s() {
    let _alone = alone();
    let fd = device();
    let plain = opened(c"/dev/null");
    assert_eq!(request(plain, ioctl::CONF, &mut Conf::zeroed()), Err(libc::ENOTTY));
    shut(plain);
    assert_eq!(request(-1, ioctl::CONF, &mut Conf::zeroed()), Err(libc::EBADF));
    // SAFETY: a C string, or no address at all, which open() answers with EFAULT.
    unsafe {
        assert_eq!(open(c"/dev/dtrace/provider".as_ptr(), libc::O_RDONLY), -1);
        assert_eq!(open(ptr::null(), libc::O_RDONLY), -1);
    }
    assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EFAULT));
    assert!(std::fs::read_to_string("/proc/self/comm").is_ok());
    shut(fd);
}

#[test]
fn a_panic_is_an_error_number() {
    struct Panics;
    impl Node for Panics {
        unsafe fn ioctl(&self, _: u32, _: *mut c_void) -> Result<i32, i32> {
            panic!("as this test wants it")
        }
    }
    let _alone = alone();
    let fd = file::open(|| Ok(Box::new(Panics)), true).unwrap();
    assert_eq!(request(fd, ioctl::CONF, &mut Conf::zeroed()), Err(libc::EIO));
    shut(fd);
    assert_eq!(file::open(|| panic!("and this too"), true), Err(libc::EIO));
}
