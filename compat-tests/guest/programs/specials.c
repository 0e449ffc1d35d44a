// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * specials64, specials32 OTHER: makes each of the system calls that are special to who traces them a known number of times: those
 * that return twice, in another program, with other registers, later, again, or never. OTHER is the path of the other one of the
 * two. Prints nothing; exits with 0, or with the number of the part that went wrong.
 *
 * What has to watch another process renames itself to "watcher" first, so that its calls can be told from those that are
 * counted. There is no C library in it, so that one compiler makes both.
 *
 * build: specials64 -m64 -nostdlib -ffreestanding -fno-pie -no-pie
 * build: specials32 -m32 -nostdlib -ffreestanding -fno-pie -no-pie
 */
#ifdef __x86_64__
enum { READ = 0, WRITE = 1, CLOSE = 3, SIGACTION = 13, IOPL = 172, GETPID = 39, CLONE = 56, FORK = 57, VFORK = 58, EXECVE = 59,
	EXIT = 60, WAIT4 = 61, KILL = 62, NANOSLEEP = 35, GETPGID = 121, PRCTL = 157, EXIT_GROUP = 231, OPENAT = 257, PIPE2 = 293,
	EXECVEAT = 322, CLONE3 = 435 };

#else
enum { EXIT = 1, FORK = 2, READ = 3, WRITE = 4, CLOSE = 6, EXECVE = 11, GETPID = 20, KILL = 37, IOPL = 110, WAIT4 = 114,
	CLONE = 120, GETPGID = 132, NANOSLEEP = 162, PRCTL = 172, SIGACTION = 174, VFORK = 190, EXIT_GROUP = 252, OPENAT = 295,
	PIPE2 = 331, EXECVEAT = 358, CLONE3 = 435 };

__asm__(".text\nold_restorer: pop %eax\n\tmov $119, %eax\n\tint $0x80\n");
extern void old_restorer(void);
#endif

#include "call.h"

enum { SIGKILL = 9, SIGUSR1 = 10, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, AT_FDCWD = -100, PR_SET_NO_NEW_PRIVS = 38,
	PR_SET_SECCOMP = 22, PR_SET_NAME = 15 };

static volatile int handled;

static void handler(int signal, void *info, void *context)
{
	(void)signal, (void)info, (void)context;
	handled++;
}

static void leave(word status)
{
	for (;;)
		call(EXIT, status, 0, 0, 0, 0);
}

static void leave_all(word status)
{
	for (;;)
		call(EXIT_GROUP, status, 0, 0, 0, 0);
}

/* Waits for a child that exits with 0; otherwise `part` has gone wrong. */
static void await(long child, word part)
{
	int status = -1;

	if (child < 0 || call(WAIT4, (word)child, (word)&status, 0, 0, 0) != child || status != 0)
		leave_all(part);
}

static void snooze(long ms)
{
	const word time[2] = { (word)ms / 1000, (word)ms % 1000 * 1000000 };

	call(NANOSLEEP, (word)time, 0, 0, 0, 0);
}

/* Waits until a process is in one of two states, as /proc/PID/stat has them behind the name. */
static void watch(long pid, char one, char other)
{
	char path[32] = "/proc/", text[256], digits[12];
	int at = 6, n = 0;

	do
		digits[n++] = (char)('0' + pid % 10);
	while ((pid /= 10) != 0);
	while (n > 0)
		path[at++] = digits[--n];
	for (const char *p = "/stat"; *p; p++)
		path[at++] = *p;
	path[at] = 0;
	for (;;) {
		long fd = call(OPENAT, (word)AT_FDCWD, (word)path, 0, 0, 0);
		long len = call(READ, (word)fd, (word)text, sizeof(text), 0, 0), i = 0;

		call(CLOSE, (word)fd, 0, 0, 0, 0);
		while (i + 2 < len && text[i] != ')')
			i++;
		if (i + 2 < len && (text[i + 2] == one || text[i + 2] == other))
			return;
		snooze(5);
	}
}

/* A child that calls itself watcher. */
static long watcher(void)
{
	long child = call(FORK, 0, 0, 0, 0, 0);

	if (child == 0)
		call(PRCTL, PR_SET_NAME, (word) "watcher", 0, 0, 0);
	return child;
}

static void children(void)
{
	/* The flags are the first word, and the fifth is the signal at the end. */
	const unsigned long long arguments[8] = { [4] = SIGCHLD };
	long child;

	for (int i = 0; i < 3; i++) {
		if ((child = call(FORK, 0, 0, 0, 0, 0)) == 0)
			leave(0);
		await(child, 1);
	}
	for (int i = 0; i < 2; i++)
		await(vfork_and_exit(), 2);
	for (int i = 0; i < 2; i++) {
		if ((child = call(CLONE, SIGCHLD, 0, 0, 0, 0)) == 0)
			leave(0);
		await(child, 3);
	}
	for (int i = 0; i < 2; i++) {
		if ((child = call(CLONE3, (word)arguments, 64, 0, 0, 0)) == 0)
			leave(0);
		await(child, 4);
	}
	if (call(CLONE3, (word)arguments, 1, 0, 0, 0) >= 0)
		leave_all(5);
}

static void programs(const char *own, const char *other)
{
	const char *words[] = { own, "leave", 0 };

	for (int i = 0; i < 3; i++)
		if (call(EXECVE, (word) "/no/such/file", (word)words, 0, 0, 0) >= 0)
			leave_all(6);
	for (int i = 0; i < 2; i++)
		if (call(EXECVEAT, (word)AT_FDCWD, (word) "/no/such/file", (word)words, 0, 0) >= 0)
			leave_all(6);
	for (int i = 0; i < 6; i++) {
		long child = call(FORK, 0, 0, 0, 0, 0);

		if (child == 0) {
			if (i < 2)
				call(EXECVE, (word)own, (word)words, 0, 0, 0);
			else if (i < 4)
				call(EXECVEAT, (word)AT_FDCWD, (word)own, (word)words, 0, 0);
			else
				call(EXECVE, (word)other, (word)words, 0, 0, 0);
			leave(1);
		}
		await(child, 7);
	}
}

static void signals(void)
{
	struct action action = { handler, SA_SIGINFO | SA_RESTORER | SA_RESTART, restorer, { 0 } };
	word self = (word)call(GETPID, 0, 0, 0, 0, 0);

	call(SIGACTION, SIGUSR1, (word)&action, 0, 8, 0);
	for (int i = 0; i < 4; i++)
		call(KILL, self, SIGUSR1, 0, 0, 0);
#ifndef __x86_64__
	struct action old = { handler, SA_RESTORER | SA_RESTART, old_restorer, { 0 } };

	call(SIGACTION, SIGUSR1, (word)&old, 0, 8, 0);
	for (int i = 0; i < 3; i++)
		call(KILL, self, SIGUSR1, 0, 0, 0);
	if (handled != 7)
		leave_all(8);
#else
	if (handled != 4)
		leave_all(8);
#endif
}

static void again(void)
{
	int ends[2];
	char byte;
	long child, other;

	/* A sleep that is stopped, and goes on: restart_syscall. */
	if ((child = call(FORK, 0, 0, 0, 0, 0)) == 0) {
		snooze(2000);
		leave(0);
	}
	if ((other = watcher()) == 0) {
		watch(child, 'S', 'S');
		call(KILL, (word)child, SIGSTOP, 0, 0, 0);
		watch(child, 'T', 't');
		call(KILL, (word)child, SIGCONT, 0, 0, 0);
		leave_all(0);
	}
	await(child, 9);
	await(other, 9);

	/* A read in which a signal is handled, and which is started again. */
	call(PIPE2, (word)ends, 0, 0, 0, 0);
	long self = call(GETPID, 0, 0, 0, 0, 0);

	handled = 0;
	if ((child = watcher()) == 0) {
		watch(self, 'S', 'S');
		call(KILL, (word)self, SIGUSR1, 0, 0, 0);
		watch(self, 'S', 'S');
		call(WRITE, (word)ends[1], (word) "x", 1, 0, 0);
		leave_all(0);
	}
	if (call(READ, (word)ends[0], (word)&byte, 1, 0, 0) != 1 || handled != 1)
		leave_all(10);
	await(child, 10);
}

static void refused(const char *own)
{
	/* getpgid and execve are answered with EPERM, anything else is allowed: load the number, compare twice, and two returns. */
	const struct {
		unsigned short code;
		unsigned char yes, no;
		unsigned int k;
	} filter[] = { { 0x20, 0, 0, 0 }, { 0x15, 1, 0, GETPGID }, { 0x15, 0, 1, EXECVE }, { 0x06, 0, 0, 0x00050001 },
		       { 0x06, 0, 0, 0x7fff0000 } };
	const struct {
		unsigned short len;
		const void *filter;
	} program = { 5, filter };
	const char *words[] = { own, "leave", 0 };
	long child = call(FORK, 0, 0, 0, 0, 0);

	if (child == 0) {
		call(PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		call(PRCTL, PR_SET_SECCOMP, 2, (word)&program, 0, 0);
		for (int i = 0; i < 5; i++)
			if (call(GETPGID, 0, 0, 0, 0, 0) != -1)
				leave(1);
		for (int i = 0; i < 2; i++)
			if (call(EXECVE, (word)own, (word)words, 0, 0, 0) != -1)
				leave(1);
		leave(0);
	}
	await(child, 11);
}

static void others(const word *auxiliary)
{
	for (int i = 0; i < 2; i++) {
		call(IOPL, 0, 0, 0, 0, 0);
		/* No such calls; the last is getpid in the table of the x32 ABI, if the kernel has that. */
		if (call(700, 0, 0, 0, 0, 0) != -38 || call(100000, 0, 0, 0, 0, 0) != -38 || call(-1UL, 0, 0, 0, 0, 0) != -38)
			leave_all(12);
		call(0x40000000 | GETPID, 0, 0, 0, 0, 0);
	}
	for (int i = 0; i < 5; i++) {
		long result = -1;
#ifdef __x86_64__
		/* The 32-bit table's getpid. */
		(void)auxiliary;
		__asm__ volatile("int $0x80" : "=a"(result) : "0"(20L) : "memory", "r8", "r9", "r10", "r11");
#else
		/* As a 32-bit C library enters the kernel: where AT_SYSINFO says, by sysenter or syscall. */
		for (const word *entry = auxiliary; entry[0] != 0; entry += 2)
			if (entry[0] == 32)
				__asm__ volatile("call *%1" : "=a"(result) : "r"(entry[1]), "0"((word)GETPID) : "memory");
#endif
		if (result <= 0)
			leave_all(13);
	}
}

__attribute__((force_align_arg_pointer)) void begin(const word *stack)
{
	const char **words = (const char **)(stack + 1);
	const word *at = stack + 1 + stack[0] + 1;

	if (stack[0] < 2)
		leave_all(99);
	if (words[1][0] == 'l')
		leave_all(0);
	while (*at++ != 0)
		;
	children();
	programs(words[0], words[1]);
	signals();
	others(at);
	again();
	refused(words[0]);
	leave_all(0);
}

#ifdef __x86_64__
__asm__(".text\n.globl _start\n_start: mov %rsp, %rdi\n\tcall begin\n");
#else
__asm__(".text\n.globl _start\n_start: push %esp\n\tcall begin\n");
#endif
