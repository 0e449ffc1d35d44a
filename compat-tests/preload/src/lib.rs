//! A `/dev/dtrace` for any process: `LD_PRELOAD=libdtrace_preload.so dtrace ...`.
//!
//! What it is for: a dtrace command that knows nothing of it, the original's or ours, runs against the engine in its own
//! process, in milliseconds, with neither a driver nor a guest nor root. The library stands in front of open(), close() and
//! ioctl(). A device's path is answered with a real descriptor, one end of a socket pair of which the library keeps the other;
//! ioctls on it go to the engine ([`dtrace_user`]). Everything else goes to the C library untouched, errno included.
//!
//! | module | |
//! |---|---|
//! | [`interpose`] | the functions that stand in front of the C library's |
//! | [`real`] | those of the C library |
//! | [`node`] | which paths are devices, and what each answers |
//! | [`file`] | the open devices, by what their descriptors refer to |
//!
//! What always holds:
//! * A descriptor of ours is a descriptor: it can be duplicated, selected, inherited and closed by every means there is. What
//!   was opened ends when the last one is closed, before close() returns; where something else than close() did it
//!   (close_range(), dup2() onto it), a thread notices it.
//! * Nothing but a device costs more than a comparison of its path, or one fstat() while a device is open. What is none is
//!   answered without a lock and without memory, so open() and close() stay fit for signal handlers and forked children.
//! * A panic in the engine is EIO. No signal handler runs, and no thread that a handler could run in is made, while the
//!   engine is at work.
//! * A forked child has no engine: its threads are not there and its locks may be held. Its descriptors answer ENXIO, and so
//!   does opening. What it execs starts afresh.
//!
//! What it is not: it serves no read(), write() or stat() of a device, and statically linked programs do not see it. The engine
//! sees the system calls of no process: that takes ptrace, and a dtrace command that finds a `/dev/dtrace` traces the process of
//! its `-c` itself, or not at all. So `syscall` probes can be listed and enabled, but never fire.
//!
//! Rejected: a memfd or eventfd and a count of the calls to dup() and close() (misses close_range(), fork() and exec());
//! CUSE (wants root); ptrace of the dtrace command (which uses ptrace itself).

mod file;
mod interpose;
mod node;
mod real;

#[cfg(test)]
mod tests;
