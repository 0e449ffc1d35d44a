// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The names of the system calls, from the kernel's own tables. */
#include <linux/kernel.h>
#include "host.h"

/* Made by Kbuild from the headers of the kernel that the module is built for. */
static const char *const names64[] = {
#ifdef CONFIG_X86_64
#include "syscall-names-64.h"
#endif
};
/* A 64-bit kernel need not have calls for 32-bit programs. */
static const char *const names32[] = {
#if defined(CONFIG_X86_32) || defined(CONFIG_IA32_EMULATION)
#include "syscall-names-32.h"
#endif
};

asmlinkage const char *notrace host_syscall_name(uint32_t number, bool ia32)
{
	return number >= host_syscall_limit(ia32) ? NULL : ia32 ? names32[number] : names64[number];
}

asmlinkage uint32_t notrace host_syscall_limit(bool ia32)
{
	return ia32 ? ARRAY_SIZE(names32) : ARRAY_SIZE(names64);
}
