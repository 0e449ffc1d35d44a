// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What D's built-in variables ask about the current task. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <linux/uidgid.h>
#include <asm/compat.h>
#include <asm/msr.h>
#include <asm/segment.h>
#include <asm/syscall.h>
#include "host.h"
#include "kernel.h"

asmlinkage uint64_t notrace host_task(void)
{
	return (unsigned long)current;
}

asmlinkage void notrace host_thread(struct host_thread *to)
{
	to->task = (uint64_t)(uintptr_t)current;
	to->start = current->start_time;
	to->cpu = raw_smp_processor_id();
}

asmlinkage uint32_t notrace host_pid(void)
{
	return current->tgid;
}

asmlinkage uint32_t notrace host_tid(void)
{
	return current->pid;
}

asmlinkage uint32_t notrace host_ppid(void)
{
	return rcu_dereference_raw(current->real_parent)->tgid;
}

asmlinkage uint32_t notrace host_uid(void)
{
	return __kuid_val(rcu_dereference_raw(current->real_cred)->uid);
}

asmlinkage uint32_t notrace host_gid(void)
{
	return __kgid_val(rcu_dereference_raw(current->real_cred)->gid);
}

asmlinkage void notrace host_ids(uint32_t ids[6])
{
	const struct cred *cred = rcu_dereference_raw(current->real_cred);

	ids[0] = __kuid_val(cred->uid);
	ids[1] = __kuid_val(cred->euid);
	ids[2] = __kuid_val(cred->suid);
	ids[3] = __kgid_val(cred->gid);
	ids[4] = __kgid_val(cred->egid);
	ids[5] = __kgid_val(cred->sgid);
}

asmlinkage bool notrace host_has_user_memory(void)
{
	return current->mm;
}

asmlinkage bool notrace host_is_dumpable(void)
{
	return current->mm && is_dumpable(current);
}

asmlinkage bool notrace host_has_capabilities(void)
{
	return !cap_isclear(rcu_dereference_raw(current->real_cred)->cap_permitted);
}

asmlinkage const uint8_t *notrace host_comm(void)
{
	return (const uint8_t *)current->comm;
}

asmlinkage uint64_t notrace host_task_start(void)
{
	return current->start_time;
}

asmlinkage uint32_t notrace host_tid_of(const void *task)
{
	return ((const struct task_struct *)task)->pid;
}

asmlinkage uint64_t notrace host_start_of(const void *task)
{
	return ((const struct task_struct *)task)->start_time;
}

asmlinkage int32_t notrace host_threads_of(const void *task)
{
	return atomic_read(&((const struct task_struct *)task)->signal->live);
}

asmlinkage const void *notrace host_mm_of(const void *task)
{
	return ((const struct task_struct *)task)->mm;
}

asmlinkage uint64_t notrace host_runtime_of(const void *task)
{
	return ((const struct task_struct *)task)->se.sum_exec_runtime;
}

asmlinkage uint64_t notrace host_mm_arg_start(const void *mm)
{
	return ((const struct mm_struct *)mm)->arg_start;
}

asmlinkage uint64_t notrace host_mm_arg_end(const void *mm)
{
	return ((const struct mm_struct *)mm)->arg_end;
}

asmlinkage bool notrace host_is_user_task(void)
{
	return !(current->flags & PF_KTHREAD);
}

asmlinkage bool notrace host_task_is_compat(void)
{
	return in_ia32_syscall();
}

asmlinkage const void *notrace host_user_regs(void)
{
	return task_pt_regs(current);
}

asmlinkage const void *notrace host_parent_of(const void *task)
{
	return rcu_dereference_raw(((const struct task_struct *)task)->real_parent);
}

asmlinkage uint32_t notrace host_pid_of(const void *task)
{
	return ((const struct task_struct *)task)->tgid;
}

#ifdef CONFIG_X86_64
asmlinkage void notrace host_user_segments(uint64_t segments[6])
{
	unsigned int fs, gs, es, ds;

	savesegment(fs, fs);
	savesegment(gs, gs);
	savesegment(es, es);
	savesegment(ds, ds);
	segments[0] = fs;
	segments[1] = gs;
	segments[2] = es;
	segments[3] = ds;
	rdmsrq(MSR_FS_BASE, segments[4]);
	/* In the kernel the user's base is the other one. */
	rdmsrq(MSR_KERNEL_GS_BASE, segments[5]);
}
#else
/* The kernel has its own in fs, es and ds; gs it leaves alone. The bases are in the descriptors. */
asmlinkage void notrace host_user_segments(uint64_t segments[6])
{
	const struct pt_regs *regs = task_pt_regs(current);
	unsigned int gs;

	savesegment(gs, gs);
	segments[0] = (uint16_t)regs->fs;
	segments[1] = gs;
	segments[2] = (uint16_t)regs->es;
	segments[3] = (uint16_t)regs->ds;
	segments[4] = 0;
	segments[5] = 0;
}
#endif

asmlinkage uint64_t notrace host_user_trap(void)
{
	return current->thread.trap_nr;
}

asmlinkage uint32_t notrace host_stack(uint64_t *pcs, uint32_t limit)
{
	unsigned long *words = (unsigned long *)pcs;
	unsigned int count = stack_trace_save(words, limit, 1), i;

	/* Where a word has 32 bits, from the last on: each becomes two. */
	if (sizeof(*words) != sizeof(*pcs))
		for (i = count; i-- > 0;)
			pcs[i] = words[i];
	return count;
}

asmlinkage bool notrace host_own_text(uint64_t pc)
{
	return within_module_core((unsigned long)pc, THIS_MODULE);
}

asmlinkage uint32_t notrace host_interrupt_level(void)
{
	return in_nmi() ? 3 : in_hardirq() ? 2 : in_serving_softirq() ? 1 : 0;
}

asmlinkage bool host_capable(void)
{
	return capable(CAP_SYS_ADMIN);
}
