// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The raw tracepoints of system calls, the scheduler's switch, and the names of the calls from the kernel's own tables.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "host.h"

/* Made by Kbuild from the headers of the kernel that the module is built for. */
static const char *const names64[] = {
#include "syscall-names-64.h"
};
static const char *const names32[] = {
#include "syscall-names-32.h"
};

/* The kernel exports none of these tracepoints by symbol; they are found by name. */
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

static struct tracepoint *raw_tracepoint(bool enter)
{
	return named(enter ? "sys_enter" : "sys_exit");
}

static void *callback(bool enter)
{
	return enter ? (void *)rs_sys_enter : (void *)rs_sys_exit;
}

int32_t host_syscall_attach(bool enter)
{
	struct tracepoint *tp = raw_tracepoint(enter);

	return tp ? tracepoint_probe_register(tp, callback(enter), NULL) : -ENOENT;
}

void host_syscall_detach(bool enter)
{
	tracepoint_probe_unregister(raw_tracepoint(enter), callback(enter), NULL);
	tracepoint_synchronize_unregister();
}

int32_t host_switch_attach(void)
{
	struct tracepoint *tp = named("sched_switch");

	return tp ? tracepoint_probe_register(tp, (void *)rs_switch, NULL) : -ENOENT;
}

void host_switch_detach(void)
{
	tracepoint_probe_unregister(named("sched_switch"), (void *)rs_switch, NULL);
	tracepoint_synchronize_unregister();
}

const char *notrace host_syscall_name(uint32_t number, bool ia32)
{
	return number >= host_syscall_limit(ia32) ? NULL : ia32 ? names32[number] : names64[number];
}

uint32_t notrace host_syscall_limit(bool ia32)
{
	return ia32 ? ARRAY_SIZE(names32) : ARRAY_SIZE(names64);
}
