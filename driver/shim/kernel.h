/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What differs between the kernels that the shim is compiled for: here and in no other file. The shim is written for the
 * newest; an older kernel gets here what it lacks, told by what its headers have where the preprocessor can see that, and
 * otherwise by the version that brought it. What a kernel's configuration decides stands where it is used.
 */
#ifndef DTRACE_KERNEL_H
#define DTRACE_KERNEL_H

#include <linux/hrtimer.h>
#include <linux/preempt.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/version.h>
#include <asm/msr.h>

/* 5.11: in_irq() got a name that says what it tells. */
#ifndef in_hardirq
#define in_hardirq() in_irq()
#endif

/* 5.13: the data of a call to another CPU is initialised by a name of its own. */
#ifndef INIT_CSD
#define INIT_CSD(data, function, argument) (*(data) = (call_single_data_t){ .func = (function), .info = (argument) })
#endif

/* 5.17: PDE_DATA() became a function like others. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
#define pde_data(inode) PDE_DATA(inode)
#endif

/* 6.0: ftrace takes a set of functions in one step; 6.1.9: a module may free it. Without both it is not used. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 9)
#define FTRACE_TAKES_SETS 1
#endif

/* 6.13: a timer gets its function when it is made. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *), clockid_t clock,
				 enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.13: the callbacks of system calls' tracepoints run with preemption on; 7.0: those of all. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define TRACEPOINTS_PREEMPTIBLE 1
#endif

/* 6.16: rdmsrl() is called what it reads. */
#ifndef rdmsrq
#define rdmsrq(number, value) rdmsrl(number, value)
#endif

/* Since 7.0: whether a task may be looked into is a word of its own, no more a flag of its memory. */
#if __has_include(<linux/sched/exec_state.h>)
#include <linux/sched/exec_state.h>
static __always_inline bool is_dumpable(struct task_struct *task)
{
	const struct task_exec_state *state = rcu_dereference_raw(task->exec_state);

	return state && state->dumpable == TASK_DUMPABLE_OWNER;
}
#else
#include <linux/sched/coredump.h>
static __always_inline bool is_dumpable(struct task_struct *task)
{
	return get_dumpable(task->mm) == SUID_DUMP_USER;
}
#endif

#endif
