// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The kernel's tracepoints. It exports few of them by symbol; all are found by name. */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "host.h"

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

int32_t host_tracepoint_attach(const char *name, void *callback)
{
	struct tracepoint *tp = named(name);

	return tp ? tracepoint_probe_register(tp, callback, NULL) : -ENOENT;
}

void host_tracepoint_detach(const char *name, void *callback)
{
	tracepoint_probe_unregister(named(name), callback, NULL);
	tracepoint_synchronize_unregister();
}
