// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Module entry and exit, the log, and the ways to stop the machine that D programs may ask for. */
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/kgdb.h>
#include "host.h"

asmlinkage void host_log(const uint8_t *text, size_t len)
{
	pr_info("dtracedrv: %.*s\n", (int)len, text);
}

asmlinkage void host_bug(const uint8_t *text, size_t len)
{
	pr_emerg("dtracedrv: %.*s\n", (int)len, text);
	BUG();
}

/* Through a pointer: Rust takes host_panic for a function that returns, and objtool must not know better. */
static void (*volatile stop_the_machine)(const char *fmt, ...) = panic;

asmlinkage void host_panic(void)
{
	stop_the_machine("dtrace: panic action");
}

#ifdef CONFIG_KGDB
asmlinkage bool host_breakpoint(void)
{
	if (!kgdb_connected)
		return false;
	kgdb_breakpoint();
	return true;
}
#else
asmlinkage bool host_breakpoint(void)
{
	return false;
}
#endif

static bool dtrace_destructive_disallow;
module_param(dtrace_destructive_disallow, bool, 0444);
MODULE_PARM_DESC(dtrace_destructive_disallow, "refuse every program with destructive actions");

asmlinkage bool host_destructive_disallowed(void)
{
	return dtrace_destructive_disallow;
}

static bool anonymous = true;
module_param(anonymous, bool, 0444);
MODULE_PARM_DESC(anonymous, "begin the tracing that dtrace -A has saved (default: yes)");

asmlinkage bool host_anonymous_wanted(void)
{
	return anonymous;
}

static int __init dtracedrv_init(void)
{
	return rs_init();
}

static void __exit dtracedrv_exit(void)
{
	rs_exit();
}

module_init(dtracedrv_init);
module_exit(dtracedrv_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("DTrace for Linux");
MODULE_AUTHOR("The dtrace-rs maintainers");
