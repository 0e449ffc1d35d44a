// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * System calls without a C library, of 64-bit and of 32-bit programs, so that one compiler makes both. Who includes it has named
 * EXIT and VFORK.
 */
#ifndef CALL_H
#define CALL_H

typedef unsigned long word;

/* What a handler of a signal returns to. */
extern void restorer(void);

/* What sigaction takes, with 64-bit masks. */
struct action {
	void (*handler)(int, void *, void *);
	word flags;
	void (*restorer)(void);
	word mask[8 / sizeof(word)];
};
enum { SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_RESTART = 0x10000000 };

#ifdef __x86_64__
static long call6(word number, word a, word b, word c, word d, word e, word f)
{
	long result;
	register word r10 __asm__("r10") = d;
	register word r8 __asm__("r8") = e;
	register word r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
		: "=a"(result)
		: "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory");
	return result;
}

/* In the child nothing happens between the two calls, so that it leaves the common stack alone. */
static long vfork_and_exit(void)
{
	long result;

	__asm__ volatile("syscall\n\ttest %%eax, %%eax\n\tjnz 1f\n\tmov %2, %%eax\n\txor %%edi, %%edi\n\tsyscall\n1:"
		: "=a"(result)
		: "a"((long)VFORK), "i"(EXIT)
		: "rcx", "r11", "rdi", "memory");
	return result;
}

__asm__(".text\nrestorer: mov $15, %eax\n\tsyscall\n");
#else
static long call6(word number, word a, word b, word c, word d, word e, word f)
{
	long result;
	/* The sixth argument is in ebp, which the compiler will not give. */
	struct {
		word f, number;
	} in = { f, number };

	__asm__ volatile("push %%ebp\n\tmov (%1), %%ebp\n\tmov 4(%1), %%eax\n\tint $0x80\n\tpop %%ebp"
		: "=a"(result)
		: "0"(&in), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		: "memory");
	return result;
}

static long vfork_and_exit(void)
{
	long result;

	__asm__ volatile("int $0x80\n\ttest %%eax, %%eax\n\tjnz 1f\n\tmov %2, %%eax\n\txor %%ebx, %%ebx\n\tint $0x80\n1:"
		: "=a"(result)
		: "a"((long)VFORK), "i"(EXIT)
		: "ebx", "memory");
	return result;
}

__asm__(".text\nrestorer: mov $173, %eax\n\tint $0x80\n");
#endif

static long call(word number, word a, word b, word c, word d, word e)
{
	return call6(number, a, b, c, d, e, 0);
}

#endif
