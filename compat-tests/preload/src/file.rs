//! The open devices.
//!
//! A process gets one end of a socket pair; the other stays here. The inode of the end that it got says which device a
//! descriptor refers to, whatever its number and however often it was duplicated; and when its last descriptor is gone, in
//! this process and in those that inherited it, the end that stayed here is hung up. So nobody has to count descriptors.
//!
//! What always holds: an inode is in [`INODES`] from before its descriptor is known to anyone until its device is gone. Who
//! looks there takes no lock; [`FILES`] is locked only for a device of ours, with signals blocked, by the process that
//! opened the first one.

use crate::node::{Node, Open};
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// No process has more devices open at a time; then it is EMFILE.
const LIMIT: usize = 256;

/// The inodes of the open devices' descriptors; 0 is none.
static INODES: [AtomicU64; LIMIT] = [const { AtomicU64::new(0) }; LIMIT];

/// How many of them there are.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The open devices, at the places of their inodes.
static FILES: Mutex<[Option<File>; LIMIT]> = Mutex::new([const { None }; LIMIT]);

/// The process whose engine this is; 0 before there is one.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// An open device.
struct File {
    node: Arc<dyn Node>,
    /// Hung up when nobody has a descriptor of it any more.
    end: OwnedFd,
}

/// Which device: its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode(u64);

/// The device that a descriptor refers to; None if it is none of ours.
pub(crate) fn of(fd: RawFd) -> Option<Inode> {
    if COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    inode(fd).filter(|inode| place(*inode).is_some())
}

/// The inode of a socket.
fn inode(fd: RawFd) -> Option<Inode> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the address is of a stat, which the call fills in if it succeeds; errno is put back.
    unsafe {
        let errno = *libc::__errno_location();
        let failed = libc::fstat(fd, stat.as_mut_ptr()) != 0;
        *libc::__errno_location() = errno;
        if failed {
            return None;
        }
        let stat = stat.assume_init();
        (stat.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(Inode(stat.st_ino))
    }
}

fn place(inode: Inode) -> Option<usize> {
    INODES.iter().position(|slot| slot.load(Ordering::Acquire) == inode.0)
}

fn files() -> MutexGuard<'static, [Option<File>; LIMIT]> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this process has the engine: not one that was forked from it.
fn is_owner() -> bool {
    OWNER.load(Ordering::Relaxed) == std::process::id().cast_signed()
}

/// Runs `f` with all signals blocked: no handler finds the engine in the middle of something, and the threads that it makes
/// handle none either. A panic is EIO.
fn undisturbed<T>(f: impl FnOnce() -> Result<T, i32>) -> Result<T, i32> {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: the addresses are of sets; the first is filled in before it is used, the second by the call.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    // SAFETY: the set is what the first call has filled in.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result.unwrap_or(Err(libc::EIO))
}

/// Opens a device: its descriptor.
pub(crate) fn open(open: Open, close_on_exec: bool) -> Result<RawFd, i32> {
    let own = std::process::id().cast_signed();
    let _ = OWNER.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed);
    if !is_owner() {
        return Err(libc::ENXIO);
    }
    undisturbed(|| {
        let waiting = reaper()?;
        let (theirs, ours) = pair(close_on_exec)?;
        let inode = inode(theirs.as_raw_fd()).ok_or(libc::EIO)?;
        let file = File { node: Arc::from(open()?), end: ours };
        let end = file.end.as_raw_fd();
        let mut files = files();
        let place = files.iter().position(Option::is_none).ok_or(libc::EMFILE)?;
        files[place] = Some(file);
        INODES[place].store(inode.0, Ordering::Release);
        COUNT.fetch_add(1, Ordering::Release);
        let mut event = libc::epoll_event { events: 0, u64: inode.0 };
        // SAFETY: the address is of an event. It is hung up that is waited for, which needs no asking.
        if unsafe { libc::epoll_ctl(waiting, libc::EPOLL_CTL_ADD, end, &raw mut event) } != 0 {
            remove(&mut files, place);
            return Err(libc::ENOMEM);
        }
        Ok(theirs.into_raw_fd())
    })
}

/// Two connected ends. What reads the first is at the end of the file.
fn pair(close_on_exec: bool) -> Result<(OwnedFd, OwnedFd), i32> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: the address is of two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(errno());
    }
    // SAFETY: the descriptors are new and nobody else's.
    let (theirs, ours) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: both are open.
    unsafe {
        libc::shutdown(ours.as_raw_fd(), libc::SHUT_WR);
        if !close_on_exec {
            libc::fcntl(theirs.as_raw_fd(), libc::F_SETFD, 0);
        }
    }
    Ok((theirs, ours))
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// An ioctl on an open device.
///
/// # Safety
///
/// As [`Node::ioctl`].
pub(crate) unsafe fn ioctl(file: Inode, command: u32, argument: *mut c_void) -> Result<c_int, i32> {
    if !is_owner() {
        return Err(libc::ENXIO);
    }
    undisturbed(|| {
        let node = {
            let files = files();
            let file = place(file).and_then(|place| files[place].as_ref()).ok_or(libc::EBADF)?;
            Arc::clone(&file.node)
        };
        // SAFETY: the caller's promise.
        unsafe { node.ioctl(command, argument) }
    })
}

/// A descriptor of a device was closed: if it was the last, the device is closed before this returns.
pub(crate) fn closed(file: Inode) {
    if !is_owner() {
        return;
    }
    // A panic while a consumer is removed has said so on stderr, and there is nobody to answer.
    let _ = undisturbed(|| {
        let mut files = files();
        if let Some(place) = place(file)
            && files[place].as_ref().is_some_and(|file| is_hung_up(&file.end))
        {
            remove(&mut files, place);
        }
        Ok(())
    });
}

/// Forgets a device and closes it. Who waits for the lock finds it gone.
fn remove(files: &mut [Option<File>; LIMIT], place: usize) {
    INODES[place].store(0, Ordering::Release);
    COUNT.fetch_sub(1, Ordering::Release);
    files[place] = None;
}

fn is_hung_up(end: &OwnedFd) -> bool {
    let mut poll = libc::pollfd { fd: end.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the address is of one pollfd.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 && poll.revents & libc::POLLHUP != 0 }
}

/// What waits for ends to be hung up by other means than close(), and the thread that does.
fn reaper() -> Result<RawFd, i32> {
    static WAITING: OnceLock<Result<RawFd, i32>> = OnceLock::new();
    *WAITING.get_or_init(|| {
        // SAFETY: no preconditions.
        let waiting = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if waiting < 0 {
            return Err(errno());
        }
        let reap = move || {
            loop {
                let mut event = libc::epoll_event { events: 0, u64: 0 };
                // SAFETY: the address is of one event.
                if unsafe { libc::epoll_wait(waiting, &raw mut event, 1, -1) } == 1 {
                    closed(Inode(event.u64));
                }
            }
        };
        match thread::Builder::new().name("dtrace-reaper".into()).spawn(reap) {
            Ok(_) => Ok(waiting),
            Err(_) => Err(libc::EAGAIN),
        }
    })
}

#[cfg(test)]
pub(crate) fn is_open(file: Inode) -> bool {
    // Whoever is removing it holds the lock.
    let files = files();
    place(file).is_some_and(|place| files[place].is_some())
}
