// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * getppid CALLS [CPUS]: exactly CALLS getppid system calls in all, made by one process on each of CPUS processors (default:
 * one), the same number on each. Nothing else in it makes this call, so probes on it can be counted to the last one.
 * Prints nothing; exits 0 when all were made.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: getppid CALLS [CPUS]");
	long calls = strtol(argv[1], NULL, 10);
	int cpus = argc > 2 ? atoi(argv[2]) : 1;

	if (calls < 0 || cpus < 1 || calls % cpus != 0)
		errx(2, "%ld calls cannot be shared by %d processors", calls, cpus);
	for (int cpu = 0; cpu < cpus; cpu++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			cpu_set_t set;

			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			if (sched_setaffinity(0, sizeof(set), &set) != 0)
				err(1, "processor %d", cpu);
			for (long i = 0; i < calls / cpus; i++)
				syscall(SYS_getppid);
			_exit(0);
		}
	}
	int failed = 0, status;

	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
