// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * exact POLICY BUFSIZE CALLS CPUS: traces exactly CALLS getppid calls, the same number on each of CPUS processors, with
 * { trace(arg0); @[pid] = count(); } in a principal buffer of BUFSIZE bytes of policy switch, fill or ring; arg0 numbers the
 * calls of a processor from 0. Nothing else on the machine may call getppid meanwhile (a shell does when it starts).
 *
 * Exits with 0 if
 *   - every record is whole, the numbers in a processor's records grow, and no aggregation is dropped;
 *   - switch: records and drops are the calls, and the counts are the records: what finds no room is not counted either;
 *   - fill: the records are the first calls without a gap, the counts are the records, and where they are not all the calls
 *     STATUS says that the buffer is full;
 *   - ring: the records are the last calls without a gap, all or as many as there is room for, and the counts are the calls.
 * Prints what it found: "switch 65536: 200000 calls, 200000 counted, 150000 records, 50000 drops".
 *
 * It knows 64 bits only.
 * build: exact -m64 -pthread
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "image.h"

enum { CPUS_MAX = 64, RECORD = 16 };

static const char *const policies[] = { [DTRACEOPT_BUFPOLICY_RING] = "ring", [DTRACEOPT_BUFPOLICY_FILL] = "fill",
	[DTRACEOPT_BUFPOLICY_SWITCH] = "switch" };

static int device, cpus, wrong;
static uint64_t policy, calls, size, filled;
static unsigned char *data;
static pid_t children[CPUS_MAX];
static struct {
	uint64_t counted, records, drops, next, first;
} seen[CPUS_MAX];

#define complain(...) (wrong++ < 10 ? warnx(__VA_ARGS__) : (void)0)

/* The records of one stretch of a processor's buffer. */
static void records(int cpu, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to;) {
		uint32_t epid;
		uint64_t number;

		memcpy(&epid, data + at, sizeof(epid));
		if (epid == 0) {
			at += sizeof(epid);
			continue;
		}
		if (epid != 1 || at % 8 != 0 || at + RECORD > to) {
			complain("cpu %d: no record at %lu: epid %u", cpu, at, epid);
			return;
		}
		memcpy(&number, data + at + 8, sizeof(number));
		if (number >= calls || number < seen[cpu].next)
			complain("cpu %d: call %lu after %lu", cpu, number, seen[cpu].next);
		if (policy != DTRACEOPT_BUFPOLICY_SWITCH && seen[cpu].records > 0 && number != seen[cpu].next)
			complain("cpu %d: call %lu where %lu follows", cpu, number, seen[cpu].next);
		if (seen[cpu].records++ == 0)
			seen[cpu].first = number;
		seen[cpu].next = number + 1;
		at += RECORD;
	}
}

static void snapshot(int cpu)
{
	dtrace_bufdesc_t desc = { .dtbd_size = size, .dtbd_cpu = (uint32_t)cpu, .dtbd_data = (void *)data };

	if (ioctl(device, DTRACEIOC_BUFSNAP, &desc) < 0) {
		if (errno != ENOENT)
			err(1, "BUFSNAP of cpu %d", cpu);
		return;
	}
	records(cpu, desc.dtbd_oldest, desc.dtbd_size);
	records(cpu, 0, desc.dtbd_oldest);
	seen[cpu].drops += desc.dtbd_drops;
	if (desc.dtbd_errors != 0)
		complain("cpu %d: %u errors", cpu, desc.dtbd_errors);
}

static void aggregations(int cpu)
{
	dtrace_bufdesc_t desc = { .dtbd_size = size, .dtbd_cpu = (uint32_t)cpu, .dtbd_data = (void *)data };

	if (ioctl(device, DTRACEIOC_AGGSNAP, &desc) < 0) {
		if (errno != ENOENT)
			err(1, "AGGSNAP of cpu %d", cpu);
		return;
	}
	if (desc.dtbd_drops != 0)
		complain("cpu %d: %lu counts dropped", cpu, desc.dtbd_drops);
	for (uint64_t at = 0; at + 4 <= desc.dtbd_size;) {
		uint32_t id, pid;
		uint64_t count;
		int child = 0;

		memcpy(&id, data + at, sizeof(id));
		if (id == 0) {
			at += sizeof(id);
			continue;
		}
		memcpy(&pid, data + at + 4, sizeof(pid));
		memcpy(&count, data + at + 8, sizeof(count));
		while (child < cpus && children[child] != (pid_t)pid)
			child++;
		if (id != 1 || child == cpus || at + 16 > desc.dtbd_size) {
			complain("cpu %d: aggregation %u of process %u at %lu", cpu, id, pid, at);
			return;
		}
		if (child != cpu)
			complain("cpu %d: process %u does not run there", cpu, pid);
		seen[child].counted += count;
		at += 16;
	}
}

static void snapshots(bool principal)
{
	dtrace_status_t status;

	for (int cpu = 0; cpu < cpus; cpu++) {
		if (principal)
			snapshot(cpu);
		aggregations(cpu);
	}
	/* Who does not ask is taken for dead. */
	if (ioctl(device, DTRACEIOC_STATUS, &status) < 0)
		err(1, "STATUS");
	if (status.dtst_killed)
		errx(1, "killed");
	filled = status.dtst_filled;
}

/* One processor's calls. They begin when the pipe is closed. */
static _Noreturn void work(int cpu, int begin)
{
	cpu_set_t set;
	char byte;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		err(1, "processor %d", cpu);
	if (read(begin, &byte, 1) != 0)
		err(1, "pipe");
	for (uint64_t i = 0; i < calls; i++)
		syscall(SYS_getppid, i);
	_exit(0);
}

int main(int argc, char **argv)
{
	static struct image image;
	int32_t cpu = 0;
	int begin[2], running, status;

	if (argc != 5)
		errx(2, "usage: exact POLICY BUFSIZE CALLS CPUS");
	for (policy = 0; strcmp(policies[policy], argv[1]) != 0;) {
		if (++policy == sizeof(policies) / sizeof(policies[0]))
			errx(2, "%s is no policy", argv[1]);
	}
	size = strtoull(argv[2], NULL, 0);
	cpus = running = atoi(argv[4]);
	if (cpus < 1 || cpus > CPUS_MAX || strtoull(argv[3], NULL, 0) % (uint64_t)cpus != 0)
		errx(2, "%s calls cannot be shared by %d processors", argv[3], cpus);
	calls = strtoull(argv[3], NULL, 0) / (uint64_t)cpus;

	image_begin(&image);
	image_clause(&image, "syscall", "x64", "getppid", "entry", IMAGE_TRACE | IMAGE_COUNT);
	image_option(&image, DTRACEOPT_BUFPOLICY, policy);
	image_option(&image, DTRACEOPT_BUFSIZE, size);
	image_option(&image, DTRACEOPT_AGGSIZE, 65536);
	image_end(&image);
	if (size < 65536)
		data = malloc(65536);
	else
		data = malloc(size);
	device = open("/dev/dtrace", O_RDWR);
	if (device < 0 || data == NULL || pipe2(begin, O_CLOEXEC) < 0)
		err(2, "/dev/dtrace");
	for (int i = 0; i < cpus; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			close(begin[1]);
			work(i, begin[0]);
		}
	}
	if (ioctl(device, DTRACEIOC_ENABLE, image.bytes) != 1)
		err(1, "ENABLE");
	if (ioctl(device, DTRACEIOC_GO, &cpu) < 0)
		err(1, "GO");
	close(begin[1]);
	while (running > 0) {
		snapshots(policy == DTRACEOPT_BUFPOLICY_SWITCH);
		while (waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			wrong += status != 0;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	if (ioctl(device, DTRACEIOC_STOP, &cpu) < 0)
		err(1, "STOP");
	snapshots(true);

	uint64_t counted = 0, recorded = 0, drops = 0, full = 0;

	for (int i = 0; i < cpus; i++) {
		/* The place of the tuple behind the record must fit as well. */
		uint64_t room = (size - 8) / RECORD, all = seen[i].records + seen[i].drops;

		if (seen[i].counted != (policy == DTRACEOPT_BUFPOLICY_RING ? calls : seen[i].records))
			complain("cpu %d: %lu calls, %lu records, %lu counted", i, calls, seen[i].records, seen[i].counted);
		switch (policy) {
		case DTRACEOPT_BUFPOLICY_SWITCH:
			if (all != calls)
				complain("cpu %d: %lu calls, %lu records, %lu drops", i, calls, seen[i].records, seen[i].drops);
			break;
		case DTRACEOPT_BUFPOLICY_FILL:
			if (seen[i].first != 0 || all != (calls < room ? calls : room))
				complain("cpu %d: %lu records from %lu on, room for %lu", i, all, seen[i].first, room);
			break;
		default:
			if (seen[i].next != calls || all > calls || all + 1 < (calls < room ? calls : room))
				complain("cpu %d: %lu records up to %lu, room for %lu", i, all, seen[i].next, room);
		}
		full += seen[i].records < calls;
		counted += seen[i].counted;
		recorded += seen[i].records;
		drops += seen[i].drops;
	}
	if (policy == DTRACEOPT_BUFPOLICY_FILL && filled != full)
		complain("%lu buffers are full, STATUS says %lu", full, filled);
	printf("%s %lu: %lu calls, %lu counted, %lu records, %lu drops\n", argv[1], size, calls * (uint64_t)cpus, counted,
		recorded, drops);
	return wrong != 0;
}
