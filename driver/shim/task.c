// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What D's built-in variables ask about the current task. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/uidgid.h>
#include <asm/compat.h>
#include <asm/syscall.h>
#include "host.h"

uint64_t notrace host_task(void)
{
	return (unsigned long)current;
}

uint32_t notrace host_pid(void)
{
	return current->tgid;
}

uint32_t notrace host_tid(void)
{
	return current->pid;
}

uint32_t notrace host_ppid(void)
{
	return rcu_dereference_raw(current->real_parent)->tgid;
}

uint32_t notrace host_uid(void)
{
	return __kuid_val(current->cred->uid);
}

uint32_t notrace host_gid(void)
{
	return __kgid_val(current->cred->gid);
}

const uint8_t *notrace host_comm(void)
{
	return (const uint8_t *)current->comm;
}

uint64_t notrace host_task_start(void)
{
	return current->start_time;
}

uint64_t notrace host_task_runtime(void)
{
	return current->se.sum_exec_runtime;
}

bool notrace host_is_user_task(void)
{
	return !(current->flags & PF_KTHREAD);
}

bool notrace host_task_is_compat(void)
{
	return in_ia32_syscall();
}

const void *notrace host_user_regs(void)
{
	return task_pt_regs(current);
}

bool notrace host_progeny_of(uint32_t pid)
{
	const struct task_struct *task;

	for (task = current; task->tgid != pid && task->pid != 0; task = rcu_dereference_raw(task->real_parent))
		;
	return task->tgid == pid;
}

void host_send_signal(int32_t sig)
{
	send_sig(sig, current, 0);
}

uint32_t notrace host_stack(uint64_t *pcs, uint32_t limit)
{
	return stack_trace_save((unsigned long *)pcs, limit, 1);
}

bool notrace host_own_text(uint64_t pc)
{
	return within_module_core((unsigned long)pc, THIS_MODULE);
}

uint32_t notrace host_interrupt_level(void)
{
	return in_nmi() ? 3 : in_hardirq() ? 2 : in_serving_softirq() ? 1 : 0;
}

bool host_capable(void)
{
	return capable(CAP_SYS_ADMIN);
}
