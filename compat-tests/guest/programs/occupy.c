// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * occupy CPU SECONDS: keeps a processor to itself, as a program of real time that never sleeps. The kernel's limit for such programs
 * (sched_rt_runtime_us) must be off.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct sched_param parameter = { .sched_priority = 50 };
	cpu_set_t cpus;
	struct timespec now;

	if (argc != 3)
		return 2;
	CPU_ZERO(&cpus);
	CPU_SET(strtoul(argv[1], NULL, 10), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0 || sched_setscheduler(0, SCHED_FIFO, &parameter) != 0)
		err(1, "no processor");
	clock_gettime(CLOCK_MONOTONIC, &now);
	const time_t end = now.tv_sec + strtol(argv[2], NULL, 10);

	while (now.tv_sec < end)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return 0;
}
