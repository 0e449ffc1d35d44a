// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * cost CALLS: makes CALLS getppid system calls and prints how many nanoseconds one took on average. In a guest whose clock
 * counts instructions (COUNTED=1), that is the number of instructions.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	if (calls < 1)
		errx(2, "usage: cost CALLS");
	/* The first calls touch what the later ones find in place. */
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	double start = now();

	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	printf("%.1f\n", (now() - start) / (double)calls);
	return 0;
}
