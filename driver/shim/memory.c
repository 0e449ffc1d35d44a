// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Memory: allocation for Rust's global allocator, and copies across the user border. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "host.h"

/* Running out is an errno for the caller, not a reason to kill somebody. What a caller makes the driver hold counts as its own. */
#define MAY_FAIL (GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

asmlinkage void *host_alloc(size_t size)
{
	return kvmalloc(size, MAY_FAIL);
}

asmlinkage void *host_alloc_zeroed(size_t size)
{
	return kvzalloc(size, MAY_FAIL);
}

asmlinkage uint64_t host_memory_total(void)
{
	return (uint64_t)totalram_pages() << PAGE_SHIFT;
}

asmlinkage uint64_t host_memory_available(void)
{
	return (uint64_t)si_mem_available() << PAGE_SHIFT;
}

asmlinkage void host_free(void *ptr)
{
	kvfree(ptr);
}

asmlinkage size_t host_copy_from_user(void *dst, uint64_t src, size_t len)
{
	return copy_from_user(dst, (const void __user *)(unsigned long)src, len);
}

asmlinkage size_t host_copy_to_user(uint64_t dst, const void *src, size_t len)
{
	return copy_to_user((void __user *)(unsigned long)dst, src, len);
}

asmlinkage int32_t notrace host_load_kernel(void *dst, uint64_t src, size_t len)
{
	return copy_from_kernel_nofault(dst, (const void *)(unsigned long)src, len);
}

asmlinkage int32_t notrace host_load_user(void *dst, uint64_t src, size_t len)
{
	return copy_from_user_nofault(dst, (const void __user *)(unsigned long)src, len);
}

asmlinkage int32_t notrace host_store_user(uint64_t dst, const void *src, size_t len)
{
	return copy_to_user_nofault((void __user *)(unsigned long)dst, src, len);
}
