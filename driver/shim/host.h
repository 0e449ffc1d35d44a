/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The border between the driver's Rust and the kernel.
 *
 * host_*: facilities of the kernel, one thin C function each, called by Rust. They forward or read a field; they
 *         decide nothing. Each says in which context it may be called: "any" includes probe context (interrupts off).
 * rs_*:   what the kernel calls back, implemented in Rust (driver/linux).
 *
 * All are asmlinkage: a 32-bit kernel's own functions take arguments in registers, Rust's take them on the stack.
 * Only fixed-width integers, pointers and opaque handles cross the border, so that the Rust object depends on no
 * kernel header and is the same for every kernel. driver/linux/src/ffi.rs is made from this file by bindgen.
 */
#ifndef DTRACE_HOST_H
#define DTRACE_HOST_H

#ifndef __KERNEL__
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#define asmlinkage
#else
#include <linux/linkage.h>
#include <linux/types.h>
#endif

/* ---- module (module.c) ---- */

/* Start and stop; rs_init returns 0 or a negative errno. Process context. */
asmlinkage int32_t rs_init(void);
asmlinkage void rs_exit(void);

/* One line to the kernel log, prefixed with the module's name. Any context. */
asmlinkage void host_log(const uint8_t *text, size_t len);
/* A Rust panic: says so and kills the current task by BUG(). Any context. */
asmlinkage void host_bug(const uint8_t *text, size_t len);
/* A plain panic of the machine, asked for by D's panic(). Any context. */
asmlinkage void host_panic(void);
/* Enters the kernel's debugger, asked for by D's breakpoint(); false if there is none. Any context. */
asmlinkage bool host_breakpoint(void);
/* The module's parameter dtrace_destructive_disallow. */
asmlinkage bool host_destructive_disallowed(void);
/* The module's parameter anonymous. */
asmlinkage bool host_anonymous_wanted(void);

/* ---- files for the driver (firmware.c) ---- process context */

/* Where in the system's directories of firmware an anonymous enabling is saved, and where that is. */
#define HOST_ANONYMOUS "dtrace/anonymous.dof"
#define HOST_ANONYMOUS_PATH "/lib/firmware/" HOST_ANONYMOUS
/* Whether there is a file, for the current task. */
asmlinkage bool host_file_exists(const char *path);
/* The whole of a file, by its name in these directories, until it is released; 0 or a negative errno (ENOENT where there is none). */
struct host_firmware {
	const void *handle;
	const uint8_t *data;
	size_t size;
};
asmlinkage int32_t host_firmware_take(const char *name, struct host_firmware *to);
asmlinkage void host_firmware_release(const void *handle);

/* ---- memory (memory.c) ---- */

/* kvmalloc / kvfree, on the current task's account; NULL when there is no memory. Process context. */
asmlinkage void *host_alloc(size_t size);
asmlinkage void *host_alloc_zeroed(size_t size);
asmlinkage void host_free(void *ptr);
/* How many bytes there are, and how many can be had without swapping, by the kernel's estimate. Process context. */
asmlinkage uint64_t host_memory_total(void);
asmlinkage uint64_t host_memory_available(void);

/* Copies for ioctl, read and write handlers; the number of bytes NOT copied. Process context. */
asmlinkage size_t host_copy_from_user(void *dst, uint64_t src, size_t len);
asmlinkage size_t host_copy_to_user(uint64_t dst, const void *src, size_t len);

/* Copies that never fault and never sleep; 0 or a negative errno. Any context. */
asmlinkage int32_t host_load_kernel(void *dst, uint64_t src, size_t len);
asmlinkage int32_t host_load_user(void *dst, uint64_t src, size_t len);
asmlinkage int32_t host_store_user(uint64_t dst, const void *src, size_t len);

/* ---- processors (cpu.c) ---- */

/* CPU ids are 0 .. host_cpu_ids(); which of them are possible and online. Any context. */
asmlinkage uint32_t host_cpu_ids(void);
asmlinkage bool host_cpu_online(uint32_t cpu);
asmlinkage bool host_cpu_possible(uint32_t cpu);
/* Switches interrupts off and returns this CPU; `flags` takes what host_leave needs. Any context. */
asmlinkage uint32_t host_enter(uint64_t *flags);
asmlinkage void host_leave(uint64_t flags);
asmlinkage bool host_in_nmi(void);
/* False where RCU does not watch (idle, entry code): no probe may fire there. Any context. */
asmlinkage bool host_rcu_watching(void);
asmlinkage void host_relax(void);
/* Sleeps about `us` microseconds. Process context. */
asmlinkage void host_sleep_us(uint32_t us);
/* Returns when every hook that was running has returned: one grace period. Process context. */
asmlinkage void host_synchronize(void);
asmlinkage void rs_call(void *arg);
/* Runs rs_call(arg) on the calling thread, moved to `cpu` meanwhile; 0 or a negative errno. Process context. */
asmlinkage int32_t host_move_to(uint32_t cpu, void *arg);
/* Between the two no CPU comes or goes. Process context. */
asmlinkage void host_hotplug_lock(void);
asmlinkage void host_hotplug_unlock(void);
/* The CPU that this runs on. Any context. */
asmlinkage uint32_t host_this_cpu(void);
/* Kernel symbols of the original's driver, for its D libraries. Nobody writes there: who loads from there is told its processor. */
extern int dtrace_cpu_id;
extern struct host_cpu_desc {
	int cpu_id;
} dtrace_curcpu;

/* The control mutex; the second gives up, with a negative errno, if the caller is killed while it waits. Process context. */
asmlinkage void host_lock(void);
asmlinkage int32_t host_lock_killable(void);
asmlinkage void host_unlock(void);

/* Whether a signal that kills the current task waits for it. Process context. */
asmlinkage bool host_killed(void);

/* ---- cross-calls (xcall.c) ---- */

/* Before the first and after the last of the others. Process context; the second waits for NMI handlers that run. */
asmlinkage int32_t host_xcall_start(void);
asmlinkage void host_xcall_stop(void);
/* Has `cpu` call rs_xcall_interrupted from an interrupt; 0, or a negative errno where it is offline. Not to be called again
 * for the same CPU before that. Any context but NMI, interrupts off. */
asmlinkage int32_t host_xcall_send(uint32_t cpu);
asmlinkage void rs_xcall_interrupted(uint32_t cpu);
/* Sends `cpu` an NMI. Any context, interrupts off. */
asmlinkage void host_xcall_send_nmi(uint32_t cpu);
/* This CPU is in an NMI; true if it was for us. */
asmlinkage bool rs_xcall_nmi(uint32_t cpu);
/* Between the two the caller stays on the CPU that the first returns. Any context. */
asmlinkage uint32_t host_pin(void);
asmlinkage void host_unpin(void);

/* ---- clocks (clock.c) ---- */

/* Monotonic and wall-clock nanoseconds; NMI-safe. Any context. */
asmlinkage uint64_t host_timestamp(void);
asmlinkage uint64_t host_walltime(void);

/* A timer that calls rs_timer(cookie, frame) in hard interrupt context every `interval` ns on `cpu`, or wherever the kernel moves it
 * when that goes offline, until it answers false; NULL when there is no memory. host_timer_stop waits until no callback runs, and
 * frees it. Process context. */
struct host_timer;
asmlinkage struct host_timer *host_timer_start(uint32_t cpu, uint64_t interval, void *cookie);
asmlinkage void host_timer_stop(struct host_timer *timer);
/* How late (ns) the callback that is running is. In rs_timer only. */
asmlinkage uint64_t host_timer_late(const struct host_timer *timer);
/* The processor that the timer was made for, and whether it goes on. Any context. */
asmlinkage uint32_t host_timer_cpu(const struct host_timer *timer);
asmlinkage bool host_timer_runs(const struct host_timer *timer);
asmlinkage bool rs_timer(void *cookie, const struct host_timer *timer, const void *regs);

/* Runs rs_housekeep() on a work queue of its own, now and then: it returns the next delay in ns; and rs_heartbeat() once a second,
 * whether or not the other is waiting for something. 0 or a negative errno. Process context. */
asmlinkage int32_t host_housekeep_start(void);
/* Runs it as soon as can be. Any context but an NMI's. */
asmlinkage void host_housekeep_now(void);
/* Cancels both and waits for those that run. Process context. */
asmlinkage void host_housekeep_stop(void);
asmlinkage uint64_t rs_housekeep(void);
asmlinkage void rs_heartbeat(void);

/* ---- the current task (task.c) ---- any context */

asmlinkage uint64_t host_task(void);
/* The task, when it was started, and the CPU that this runs on, at once. */
struct host_thread {
	uint64_t task;
	uint64_t start;
	uint32_t cpu;
};
asmlinkage void host_thread(struct host_thread *to);
asmlinkage uint32_t host_pid(void);
asmlinkage uint32_t host_tid(void);
asmlinkage uint32_t host_ppid(void);
asmlinkage uint32_t host_uid(void);
asmlinkage uint32_t host_gid(void);
/* The real, effective and saved user id, then the same of the group. */
asmlinkage void host_ids(uint32_t ids[6]);
/* Whether it has an address space of its own, and whether its owner may look into that (prctl(PR_SET_DUMPABLE)). */
asmlinkage bool host_has_user_memory(void);
asmlinkage bool host_is_dumpable(void);
/* Whether it has or may take a capability, in whatever user namespace. */
asmlinkage bool host_has_capabilities(void);
/* 16 bytes, NUL-terminated. */
asmlinkage const uint8_t *host_comm(void);
/* When the task was started, in ns since boot: tells apart tasks that reuse a task_struct. */
asmlinkage uint64_t host_task_start(void);
/* Of any task: its id, its start, the nanoseconds of CPU it has had up to its last accounting, its process, how many threads
 * that has which have not begun to exit, its parent (an RCU reader may follow it), its memory (null for a kernel thread). */
asmlinkage uint32_t host_tid_of(const void *task);
asmlinkage uint64_t host_start_of(const void *task);
asmlinkage uint64_t host_runtime_of(const void *task);
asmlinkage uint32_t host_pid_of(const void *task);
asmlinkage int32_t host_threads_of(const void *task);
asmlinkage const void *host_parent_of(const void *task);
asmlinkage const void *host_mm_of(const void *task);
/* Where in a memory the arguments of the command begin, and end. */
asmlinkage uint64_t host_mm_arg_start(const void *mm);
asmlinkage uint64_t host_mm_arg_end(const void *mm);
asmlinkage bool host_is_user_task(void);
asmlinkage bool host_task_is_compat(void);
/* The registers with which the task entered the kernel, or NULL for a kernel thread. */
asmlinkage const void *host_user_regs(void);
/* The user's fs, gs, es, ds and the bases of fs and gs; the number of the last trap. Of a user task only. */
asmlinkage void host_user_segments(uint64_t segments[6]);
asmlinkage uint64_t host_user_trap(void);
/* The kernel stack of the caller, innermost first; the number of addresses. Whether one lies in this module's text. */
asmlinkage uint32_t host_stack(uint64_t *pcs, uint32_t limit);
asmlinkage bool host_own_text(uint64_t pc);
/* How deep in interrupts: 0 in a thread, 1 in a softirq, 2 in a hard interrupt, 3 in an NMI. */
asmlinkage uint32_t host_interrupt_level(void);
/* Whether the caller of an open() holds all privileges (real uid 0 and CAP_SYS_ADMIN). Process context. */
asmlinkage bool host_capable(void);

/* ---- signals (signal.c) ---- */

/* Has this CPU call rs_deferred from an interrupt as soon as interrupts are on again, once however often it was asked. Any context
 * with interrupts off. The first is called before that, in process context; the last waits for those that were asked for. */
asmlinkage void host_defer_init(void);
asmlinkage void host_defer(void);
asmlinkage void rs_deferred(void);
asmlinkage void host_defer_wait(void);
/* The current process; any context. Whoever keeps it holds it, and releases it. Signals are sent from an interrupt or a thread. */
struct host_process;
asmlinkage struct host_process *host_process(void);
asmlinkage void host_process_hold(struct host_process *process);
asmlinkage void host_process_signal(struct host_process *process, int32_t signal);
asmlinkage void host_process_release(struct host_process *process);

/* ---- files, mounts and locks (path.c) ---- any context; false for an address that cannot be read */

struct host_place {
	uint64_t mount;
	uint64_t entry;
};
struct host_mount {
	uint64_t root;
	uint64_t parent;
	uint64_t mountpoint;
};
struct host_entry {
	uint64_t parent;
	uint64_t name;
	uint64_t len;
	uint64_t magic;
	uint64_t inode;
	bool hashed;
};
/* The place of a struct file, and the root directory of the current process. */
asmlinkage bool host_file_place(uint64_t file, struct host_place *to);
asmlinkage bool host_root_place(struct host_place *to);
/* A struct vfsmount, and a struct dentry with its file system's magic number and its inode's. */
asmlinkage bool host_mount(uint64_t mount, struct host_mount *to);
asmlinkage bool host_entry(uint64_t entry, struct host_entry *to);
/* Whether the kernel's sleeping locks are those of PREEMPT_RT. The word of a struct mutex, and the words of a struct
 * rw_semaphore. */
asmlinkage bool host_realtime(void);
asmlinkage bool host_mutex_owner(uint64_t lock, uint64_t *owner);
asmlinkage bool host_rwsem(uint64_t lock, uint64_t *count, uint64_t *owner);

/* ---- processes (process.c) ---- */

/* When the current process was started, in ns since boot. Any context. */
asmlinkage uint64_t host_process_start(void);
/* How many threads of a process (id in the initial namespace) have not begun to exit, 0 if there is no such process; when it was
 * started. Process context. */
asmlinkage int32_t host_process_threads(uint32_t pid, uint64_t *start);

/* Opens a file with the rights of the current process; NULL and a negative errno if that is refused. Process context. */
struct host_file;
asmlinkage struct host_file *host_file_open(const char *path, bool write, int32_t *error);
asmlinkage void host_file_close(struct host_file *file);
/* The user that the file is of. */
asmlinkage uint32_t host_file_owner(struct host_file *file);
/* Moves bytes between the file, from `at` on, and the caller's memory; how many, or a negative errno. `at + len` does not exceed
 * INT64_MAX, nor `len` what one read() or write() moves at most (MAX_RW_COUNT): a file is never asked for more. */
asmlinkage int64_t host_file_read(struct host_file *file, uint64_t at, uint64_t user, size_t len);
asmlinkage int64_t host_file_write(struct host_file *file, uint64_t at, uint64_t user, size_t len);

/* ---- tracepoints (tracepoint.c) ---- process context */

/* Attaches a callback to the tracepoint of a name: a function of a null pointer and the tracepoint's own arguments, which is
 * called with preemption off. 0 or a negative errno. Detaching returns when no callback of any tracepoint runs any more. */
asmlinkage int32_t host_tracepoint_attach(const char *name, void *callback);
asmlinkage void host_tracepoint_detach(const char *name, void *callback);

/* ---- system calls (syscall.c) ---- */

/* The name of 64-bit (or ia32) call `number`, NULL for a gap or beyond the end. Any context. */
asmlinkage const char *host_syscall_name(uint32_t number, bool ia32);
/* One more than the highest number of the table. */
asmlinkage uint32_t host_syscall_limit(bool ia32);

/* ---- the handlers of system calls (handler.c) ---- */

/* The function that handles a call: `error` is 0, or a negative errno, of which ENOMEM says nothing about the function. */
struct host_handler {
	uint32_t number;
	bool ia32;
	int32_t error;
	uint64_t address;
};
asmlinkage void host_handlers_find(struct host_handler *handlers, uint32_t count);
/* Hooks the functions at these addresses, at least one; changes which are hooked, of which those that stay lose no call. 0, or a
 * negative errno, and then it is as it was. Detaching is done on the queue: rs_handler_entered may be called until
 * host_housekeep_stop returns. Attaching again waits for it so many ms, and is EBUSY after that. Process context. */
enum { HOST_HANDLERS_PATIENCE = 1000 };
asmlinkage int32_t host_handlers_attach(unsigned long *addresses, uint32_t count);
asmlinkage int32_t host_handlers_change(unsigned long *addresses, uint32_t count);
asmlinkage void host_handlers_detach(void);
/* A handler that is hooked begins: the CPU, the registers that the task came in with, the address that the hook returns to,
 * whether the task's table is ia32, the task, and when it was started. Interrupts are off. */
asmlinkage void rs_handler_entered(uint32_t cpu, const void *regs, uint64_t place, bool ia32, uint64_t task, uint64_t start);

/* ---- device nodes and /proc (device.c, proc.c) ---- process context */

enum host_node {
	HOST_NODE_DTRACE,
	HOST_NODE_HELPER,
	HOST_NODE_FASTTRAP,
	HOST_NODE_FBT,
	HOST_NODE_SYSTRACE,
	HOST_NODE_CTL,
	HOST_NODE_PROFILE,
	HOST_NODE_SDT,
	HOST_NODE_INSTR,
	HOST_NODES,
};

asmlinkage int32_t host_node_add(uint32_t node, const char *name, uint16_t mode);
asmlinkage void host_node_remove(uint32_t node);
/* `slot` is the open file's own word, zero at open. Return 0 or more, or a negative errno. */
asmlinkage int32_t rs_open(uint32_t node, uint64_t *slot);
asmlinkage void rs_release(uint32_t node, uint64_t slot);
asmlinkage int64_t rs_ioctl(uint32_t node, uint64_t slot, uint32_t command, uint64_t arg, bool compat);
asmlinkage int64_t rs_read(uint32_t node, uint64_t slot, uint64_t buffer, size_t len, int64_t *offset);
asmlinkage int64_t rs_write(uint32_t node, uint64_t slot, uint64_t buffer, size_t len);

struct host_seq;
/* Makes /proc/dtrace/NAME; `entry` comes back in rs_proc_show. */
asmlinkage int32_t host_proc_add(const char *name, uint16_t mode, uint32_t entry);
asmlinkage int32_t host_proc_root(void);
asmlinkage void host_proc_remove(void);
asmlinkage void host_seq_write(struct host_seq *seq, const uint8_t *text, size_t len);
asmlinkage void rs_proc_show(uint32_t entry, struct host_seq *seq);

#endif
