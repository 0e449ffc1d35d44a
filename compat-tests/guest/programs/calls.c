// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * calls64, calls32: one after the other nearly every system call of a 64-bit and of a 32-bit program, with arguments that are
 * all -1 and therefore wrong, several times over; then rightly a fork, a vfork, a failing execve, and a signal whose handler
 * returns. Prints nothing; exits with 0.
 *
 * Left out is what would end, stop or block the process, or what would disturb the machine even with such arguments. There is
 * no C library in it, so that one compiler makes both.
 *
 * build: calls64 -m64 -nostdlib -ffreestanding
 * build: calls32 -m32 -nostdlib -ffreestanding
 */
#ifdef __x86_64__
enum { EXIT = 60, FORK = 57, VFORK = 58, EXECVE = 59, WAIT4 = 61, GETPID = 39, KILL = 62, SIGACTION = 13,
	CLOSE_RANGE = 436 };

static const short left_out[] = {
	15, /* rt_sigreturn */
	34, /* pause */
	57, 58, 60, 62, /* fork, vfork, exit, kill */
	153, /* vhangup */
	175, /* init_module: would reserve what it is told */
	231, /* exit_group */
	335, 336, /* uretprobe, uprobe: only for the kernel's own trampolines */
};
#else
enum { EXIT = 1, FORK = 2, VFORK = 190, EXECVE = 11, WAIT4 = 114, GETPID = 20, KILL = 37, SIGACTION = 174,
	CLOSE_RANGE = 436 };

static const short left_out[] = {
	1, 2, 29, 37, /* exit, fork, pause, kill */
	34, /* nice */
	69, 72, /* ssetmask, sigsuspend: block what ends this */
	111, /* vhangup */
	119, 173, /* sigreturn, rt_sigreturn */
	128, /* init_module */
	190, 252, /* vfork, exit_group */
};
#endif

#include "call.h"

enum { LAST = 462, TIMES = 2, SIGUSR1 = 10 };

static volatile int handled;

static void handler(int signal, void *info, void *context)
{
	(void)info, (void)context;
	handled = signal;
}

static int is_left_out(int number)
{
	for (unsigned i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (left_out[i] == number)
			return 1;
	return 0;
}

static _Noreturn void leave(word status)
{
	for (;;)
		call(EXIT, status, 0, 0, 0, 0);
}

__attribute__((force_align_arg_pointer)) _Noreturn void _start(void)
{
	struct action action = { handler, SA_SIGINFO | SA_RESTORER, restorer, { 0 } };
	int status = 0;

	call(SIGACTION, SIGUSR1, (word)&action, 0, 8, 0);
	for (int time = 0; time < TIMES; time++) {
		for (int number = 0; number <= LAST; number++)
			if (!is_left_out(number))
				call6((word)number, -1UL, -1UL, -1UL, -1UL, -1UL, -1UL);
		/* The descriptors that some of them made all the same. */
		call(CLOSE_RANGE, 3, ~0U, 0, 0, 0);
	}

	long child = call(FORK, 0, 0, 0, 0, 0);

	if (child == 0)
		leave(3);
	if (child < 0 || call(WAIT4, (word)child, (word)&status, 0, 0, 0) != child || status != 3 << 8)
		leave(1);
	child = vfork_and_exit();
	if (child < 0 || call(WAIT4, (word)child, (word)&status, 0, 0, 0) != child || status != 0)
		leave(2);
	if (call(EXECVE, (word) "/no/such/file", 0, 0, 0, 0) >= 0)
		leave(3);
	call(KILL, (word)call(GETPID, 0, 0, 0, 0, 0), SIGUSR1, 0, 0, 0);
	leave(handled == SIGUSR1 ? 0 : 4);
}
