// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * rounds COUNT: COUNT times a process opens /dev/dtrace, enables a program, begins to trace, makes system calls, and is killed
 * with SIGKILL in the middle of it. When the process is gone the driver must hold as much memory as before it came, to the
 * byte, and have no probe enabled, by its own account in /proc/dtrace/stats. Prints "COUNT rounds".
 *
 * The programs take turns: one probe, all system calls, a timer on every processor; with each policy of buffers.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "image.h"
#include "stats.h"

static struct image image;

static void program(long round)
{
	image_begin(&image);
	switch (round % 4) {
	case 0:
		image_clause(&image, "syscall", "", "getppid", "entry", IMAGE_TRACE | IMAGE_COUNT);
		break;
	case 1:
		image_clause(&image, "syscall", "", "", "entry", IMAGE_COUNT);
		image_clause(&image, "syscall", "", "", "return", IMAGE_TRACE);
		break;
	case 2:
		image_clause(&image, "profile", "", "", "profile-997", IMAGE_TRACE);
		image_clause(&image, "profile", "", "", "tick-1000", IMAGE_COUNT);
		break;
	default:
		image_clause(&image, "dtrace", "", "", "BEGIN", IMAGE_TRACE);
		image_clause(&image, "syscall", "", "getppid", "", IMAGE_TRACE);
		image_clause(&image, "dtrace", "", "", "END", IMAGE_TRACE);
	}
	image_option(&image, DTRACEOPT_BUFSIZE, 65536);
	image_option(&image, DTRACEOPT_AGGSIZE, 65536);
	image_option(&image, DTRACEOPT_BUFPOLICY, (uint64_t)round / 4 % 3);
	image_end(&image);
}

static _Noreturn void consumer(int say)
{
	int fd = open("/dev/dtrace", O_RDWR);
	int32_t cpu = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		err(1, "/dev/dtrace");
	if (ioctl(fd, DTRACEIOC_ENABLE, image.bytes) < 1)
		err(1, "ENABLE");
	if (ioctl(fd, DTRACEIOC_GO, &cpu) < 0)
		err(1, "GO");
	if (write(say, "g", 1) != 1)
		err(1, "pipe");
	for (;;)
		syscall(SYS_getppid);
}

static void round_of(long round)
{
	int pipes[2], status;
	char byte;

	program(round);
	if (pipe(pipes) < 0)
		err(1, "pipe");
	pid_t child = fork();

	if (child == 0) {
		close(pipes[0]);
		consumer(pipes[1]);
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		errx(1, "round %ld: the consumer ended", round);
	close(pipes[0]);
	nanosleep(&(struct timespec){ .tv_nsec = round * 7919 % 3000 * 1000 }, NULL);
	kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		errx(1, "round %ld: the consumer was not killed", round);
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (count < 1)
		errx(2, "usage: rounds COUNT");
	/* Whatever the driver makes once and keeps. */
	for (long round = 0; round < 4; round++)
		round_of(round);
	unsigned long bytes = stat_of("memory_bytes"), blocks = stat_of("memory_blocks");

	for (long round = 0; round < count; round++) {
		round_of(round);
		if (stat_of("memory_bytes") != bytes || stat_of("memory_blocks") != blocks)
			errx(1, "round %ld: %lu bytes in %lu blocks, before %lu in %lu", round, stat_of("memory_bytes"),
				stat_of("memory_blocks"), bytes, blocks);
		if (stat_of("probes_enabled") != 0)
			errx(1, "round %ld: %lu probes enabled", round, stat_of("probes_enabled"));
	}
	printf("%ld rounds\n", count);
	return 0;
}
