// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * ends COUNT: COUNT times dtrace traces system calls on a terminal of its own, and is ended in the middle of it: by ^C, by SIGTERM,
 * by SIGKILL, by SIGHUP, by the terminal's going away, and by SIGTERM after somebody tried to unload the driver. Each with each of
 * some programs. When the process is gone, no probe may be enabled, and the driver must hold as much memory as before it came, to
 * the byte, by its own account in /proc/dtrace/stats. Prints "COUNT ends".
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "stats.h"

static const char *const programs[] = {
	"syscall:::",
	"syscall::getppid:entry",
	"syscall:::entry { @[execname, probefunc] = count(); }",
	"syscall::read:entry, syscall::write:entry { trace(arg0); }",
	"syscall:::return { self->t = timestamp; }",
	"syscall::execve:return, syscall::rt_sigreturn:return, syscall::openat:entry",
	"syscall::read:entry, syscall::nanosleep:entry { @ = count(); } syscall::wait4:return",
};
enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

static const char *const ends[] = { "^C", "TERM", "KILL", "HUP", "the terminal's end", "unloading" };
enum { INTERRUPT, TERM, KILL, HUP, TERMINAL, UNLOAD, ENDS };

static void snooze(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

/* Reads away what it has written, as a terminal does. */
static void drain(int terminal)
{
	char text[4096];

	while (terminal >= 0 && read(terminal, text, sizeof(text)) > 0)
		;
}

/* Begins to trace. Its terminal's other side is returned. */
static int begin(const char *program, pid_t *child)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
		err(1, "no terminal");
	const char *name = ptsname(terminal);

	*child = fork();
	if (*child == 0) {
		setsid();
		int fd = open(name, O_RDWR);

		ioctl(fd, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		if (fd > 2)
			close(fd);
		for (int i = 1; i < 32; i++)
			signal(i, SIG_DFL);
		execlp("dtrace", "dtrace", "-n", program, (char *)NULL);
		_exit(127);
	}
	return terminal;
}

static void end_of(long round)
{
	const char *program = programs[round % PROGRAMS];
	int how = (int)(round % ENDS), status;
	pid_t child;
	int terminal = begin(program, &child);

	while (stat_of("probes_enabled") == 0) {
		drain(terminal);
		snooze(2000);
		if (waitpid(child, &status, WNOHANG) != 0)
			errx(1, "round %ld: dtrace -n '%s' ended by itself", round, program);
	}
	snooze(round * 7919 % 50 * 1000);
	drain(terminal);
	switch (how) {
	case INTERRUPT:
		if (write(terminal, "\003", 1) != 1)
			err(1, "^C");
		break;
	case TERMINAL:
		close(terminal);
		terminal = -1;
		break;
	case UNLOAD:
		if (syscall(SYS_delete_module, "dtracedrv", O_NONBLOCK) == 0 || errno != EWOULDBLOCK)
			errx(1, "round %ld: the driver was unloaded at work", round);
		/* fall through */
	case TERM:
		kill(child, SIGTERM);
		break;
	default:
		kill(child, how == KILL ? SIGKILL : SIGHUP);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		drain(terminal);
		snooze(1000);
	}
	if (terminal >= 0)
		close(terminal);
	if (stat_of("probes_enabled") != 0)
		errx(1, "round %ld, %s by %s: %lu probes enabled", round, program, ends[how], stat_of("probes_enabled"));
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (count < 1)
		errx(2, "usage: ends COUNT");
	signal(SIGHUP, SIG_IGN);
	/* Whatever the driver makes once and keeps. */
	end_of(0);
	unsigned long bytes = stat_of("memory_bytes"), blocks = stat_of("memory_blocks");

	for (long round = 0; round < count; round++) {
		end_of(round);
		if (stat_of("memory_bytes") != bytes || stat_of("memory_blocks") != blocks)
			errx(1, "round %ld, %s by %s: %lu bytes in %lu blocks, before %lu in %lu", round, programs[round % PROGRAMS],
				ends[round % ENDS], stat_of("memory_bytes"), stat_of("memory_blocks"), bytes, blocks);
	}
	printf("%ld ends\n", count);
	return 0;
}
