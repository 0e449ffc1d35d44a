// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The handlers of the system calls, hooked one by one: ftrace has the functions whose addresses it is given, and no others, call a
 * callback first.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/ftrace.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/ptrace.h>
#include <asm/syscall.h>
#include "host.h"
#include "kernel.h"
#include "queue.h"

#if defined(FTRACE_TAKES_SETS) && defined(CONFIG_DYNAMIC_FTRACE) && defined(CONFIG_KPROBES)

/* The handlers by number, from the tables of the kernel that the module is built for. */
#define NAME(abi, symbol) "__" #abi "_" #symbol
#define __SYSCALL_NORETURN(number, symbol) __SYSCALL(number, symbol)

#ifdef CONFIG_X86_64
#define __SYSCALL(number, symbol) [number] = NAME(x64, symbol),
static const char *const handlers64[] = {
#include <asm/syscalls_64.h>
};
#undef __SYSCALL
#define __SYSCALL_WITH_COMPAT(number, native, compat) __SYSCALL(number, compat)
#else
static const char *const handlers64[] = { NULL };
#define __SYSCALL_WITH_COMPAT(number, native, compat) __SYSCALL(number, native)
#endif

#define __SYSCALL(number, symbol) [number] = NAME(ia32, symbol),
static const char *const handlers32[] = {
#include <asm/syscalls_32.h>
};

static const char *name_of(const struct host_handler *handler)
{
	size_t limit = handler->ia32 ? ARRAY_SIZE(handlers32) : ARRAY_SIZE(handlers64);

	return handler->number >= limit ? NULL : handler->ia32 ? handlers32[handler->number] : handlers64[handler->number];
}

/* The kernel tells modules where a function is when they register a probe on it; these are never armed. */
asmlinkage void host_handlers_find(struct host_handler *handlers, uint32_t count)
{
	struct kprobe *probes = kcalloc(count, sizeof(*probes), GFP_KERNEL);
	struct kprobe **found = kcalloc(count, sizeof(*found), GFP_KERNEL);
	uint32_t i, n = 0;

	for (i = 0; i < count; i++) {
		handlers[i].error = -ENOMEM;
		if (!probes || !found)
			continue;
		handlers[i].error = -ENOENT;
		probes[i].symbol_name = name_of(&handlers[i]);
		probes[i].flags = KPROBE_FLAG_DISABLED;
		if (!probes[i].symbol_name)
			continue;
		handlers[i].error = register_kprobe(&probes[i]);
		if (handlers[i].error)
			continue;
		handlers[i].address = (uintptr_t)probes[i].addr;
		found[n++] = &probes[i];
	}
	if (n)
		unregister_kprobes(found, n);
	kfree(found);
	kfree(probes);
}

static void notrace on_entry(unsigned long ip, unsigned long parent, struct ftrace_ops *ops, struct ftrace_regs *registers)
{
	/* They are on: the kernel's entry code has switched them on before it calls a handler. */
	raw_local_irq_disable();
	rs_handler_entered(raw_smp_processor_id(), task_pt_regs(current), ip + MCOUNT_INSN_SIZE, in_ia32_syscall(),
		(uintptr_t)current, current->start_time);
	raw_local_irq_enable();
}

/* A fresh one each time: old kernels leave pointers to what was freed in one that was used. */
static struct ftrace_ops *hook;

static void forget(void)
{
	ftrace_free_filter(hook);
	kfree(hook);
	hook = NULL;
}

/*
 * Taking the hook away waits until every task has been seen outside of it, which one that never leaves the kernel can put off.
 * ftrace's own mutex is held as long. So the queue does it.
 */
static DECLARE_COMPLETION(gone);
static bool leaving;

static void unhook(struct work_struct *work)
{
	if (!unregister_ftrace_function(hook)) {
		forget();
	} else {
		/* ftrace has given itself up and calls on: neither the hook nor the module may go. */
		while (!try_module_get(THIS_MODULE))
			msleep_interruptible(1000);
		hook = NULL;
	}
	complete(&gone);
}

static DECLARE_WORK(unhooking, unhook);

asmlinkage int32_t host_handlers_attach(unsigned long *addresses, uint32_t count)
{
	int error;

	if (leaving && !wait_for_completion_timeout(&gone, msecs_to_jiffies(HOST_HANDLERS_PATIENCE)))
		return -EBUSY;
	leaving = false;
	hook = kzalloc(sizeof(*hook), GFP_KERNEL);
	if (!hook)
		return -ENOMEM;
	hook->func = on_entry;
	/* It cannot be attached while somebody has switched ftrace off, and nobody can do that while it is. */
	hook->flags = FTRACE_OPS_FL_PERMANENT;
	error = ftrace_set_filter_ips(hook, addresses, count, 0, 1) ?: register_ftrace_function(hook);
	if (error)
		forget();
	return error;
}

asmlinkage int32_t host_handlers_change(unsigned long *addresses, uint32_t count)
{
	return ftrace_set_filter_ips(hook, addresses, count, 0, 1);
}

asmlinkage void host_handlers_detach(void)
{
	leaving = true;
	queue_up(&unhooking);
}

#else

asmlinkage void host_handlers_find(struct host_handler *handlers, uint32_t count)
{
	while (count > 0)
		handlers[--count].error = -ENOENT;
}

asmlinkage int32_t host_handlers_attach(unsigned long *addresses, uint32_t count)
{
	return -EOPNOTSUPP;
}

asmlinkage int32_t host_handlers_change(unsigned long *addresses, uint32_t count)
{
	return -EOPNOTSUPP;
}

asmlinkage void host_handlers_detach(void)
{
}

#endif
