// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The kernel's tracepoints. It exports few of them by symbol; all are found by name. */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "host.h"
#include "kernel.h"

struct search {
	const char *name;
	struct tracepoint *found;
};

static void match(struct tracepoint *tp, void *arg)
{
	struct search *search = arg;

	if (!strcmp(tp->name, search->name))
		search->found = tp;
}

static struct tracepoint *named(const char *name)
{
	struct search search = { .name = name };

	for_each_kernel_tracepoint(match, &search);
	return search.found;
}

#if defined(TRACEPOINTS_PREEMPTIBLE) || defined(CONFIG_X86_32)
/*
 * Calls the callback with preemption off, and with the stack aligned as Rust wants it (see Kbuild). Of a tracepoint's arguments it
 * passes on as many as any of ours has, as words.
 */
typedef asmlinkage void (*callback_t)(void *, unsigned long, unsigned long, unsigned long);

static void notrace pinned(void *callback, unsigned long a, unsigned long b, unsigned long c)
{
	preempt_disable_notrace();
	((callback_t)callback)(NULL, a, b, c);
	preempt_enable_notrace();
}

#define HOOK(callback) pinned, callback
#else
#define HOOK(callback) callback, NULL
#endif

asmlinkage int32_t host_tracepoint_attach(const char *name, void *callback)
{
	struct tracepoint *tp = named(name);

	return tp ? tracepoint_probe_register(tp, HOOK(callback)) : -ENOENT;
}

asmlinkage void host_tracepoint_detach(const char *name, void *callback)
{
	tracepoint_probe_unregister(named(name), HOOK(callback));
	tracepoint_synchronize_unregister();
}
