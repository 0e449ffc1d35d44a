// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * image FILE: enables a DOF image on processor 0, where ticks fire, makes some system calls that are the same each time, stops,
 * and prints what was recorded:
 *
 *   NAME: VALUE...           a record of a probe of this name
 *   @ID KEY... = WORD...     a line of an aggregation, the words of its value that are not 0 as INDEX:WORD
 *
 * A value of up to 8 bytes is a signed number, a stack is "stack" or "no-stack", an address of a process is "PID:address" with
 * "self" for its own PID, anything else is a text in brackets.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sys/dtrace.h>

enum { BUFFER = 1 << 20, RECORDS = 64 };

static _Alignas(8) unsigned char data[BUFFER];
static int dtrace, cpu;

/* The options: buffers, this processor, and destructive actions allowed. */
static void set_options(void)
{
	static const struct { uint32_t option; uint64_t value; } wanted[] = {
		{ DTRACEOPT_BUFSIZE, BUFFER }, { DTRACEOPT_AGGSIZE, BUFFER }, { DTRACEOPT_DESTRUCTIVE, 0 },
	};
	struct {
		dof_hdr_t header;
		dof_sec_t section;
		dof_optdesc_t options[4];
	} image = {
		.header = { .dofh_hdrsize = sizeof(dof_hdr_t), .dofh_secsize = sizeof(dof_sec_t), .dofh_secnum = 1,
			.dofh_secoff = sizeof(dof_hdr_t), .dofh_loadsz = sizeof(image), .dofh_filesz = sizeof(image) },
		.section = { .dofs_type = DOF_SECT_OPTDESC, .dofs_align = 8, .dofs_flags = DOF_SECF_LOAD,
			.dofs_entsize = sizeof(dof_optdesc_t), .dofs_offset = sizeof(dof_hdr_t) + sizeof(dof_sec_t),
			.dofs_size = sizeof(image.options) },
	};

	memcpy(image.header.dofh_ident, (const unsigned char[DOF_ID_SIZE]){ DOF_MAG_MAG0, DOF_MAG_MAG1, DOF_MAG_MAG2, DOF_MAG_MAG3,
		DOF_MODEL_LP64, DOF_ENCODE_LSB, DOF_VERSION, 2, 8, 8 }, DOF_ID_SIZE);
	for (int i = 0; i < 3; i++)
		image.options[i] = (dof_optdesc_t){ wanted[i].option, DOF_SECIDX_NONE, wanted[i].value };
	image.options[3] = (dof_optdesc_t){ DTRACEOPT_CPU, DOF_SECIDX_NONE, (uint64_t)cpu };
	if (ioctl(dtrace, DTRACEIOC_ENABLE, &image) < 0)
		err(1, "options");
}

static void print(const dtrace_recdesc_t *record, const unsigned char *base)
{
	const unsigned char *at = base + record->dtrd_offset;
	int64_t value = 0;

	switch (record->dtrd_action) {
	case DTRACEACT_STACK:
		memcpy(&value, at, 8);
		printf(value ? " stack" : " no-stack");
		return;
	case DTRACEACT_USTACK: case DTRACEACT_JSTACK: case DTRACEACT_USYM: case DTRACEACT_UMOD: case DTRACEACT_UADDR:
		memcpy(&value, at, 8);
		if (value == getpid())
			printf(" self:");
		else
			printf(" %lld:", (long long)value);
		memcpy(&value, at + 8, 8);
		printf(value ? "address" : "0");
		return;
	}
	switch (record->dtrd_size) {
	case 0:
		return;
	case 1:
		value = (int8_t)at[0];
		break;
	case 2:
		value = (int16_t)(at[0] | at[1] << 8);
		break;
	case 4: {
		int32_t narrow;

		memcpy(&narrow, at, 4);
		value = narrow;
		break;
	}
	case 8:
		memcpy(&value, at, 8);
		break;
	default:
		printf(" [%.*s]", (int)record->dtrd_size, at);
		return;
	}
	printf(" %lld", (long long)value);
}

static union {
	dtrace_eprobedesc_t probe;
	dtrace_aggdesc_t aggregation;
	unsigned char room[128 + RECORDS * sizeof(dtrace_recdesc_t)];
} desc;

static uint64_t snapshot(unsigned long command)
{
	dtrace_bufdesc_t buffer = { .dtbd_cpu = (uint32_t)cpu };

	memcpy(&buffer.dtbd_data, &(void *){ data }, sizeof(void *));
	if (ioctl(dtrace, command, &buffer) < 0)
		err(1, "snapshot");
	if (buffer.dtbd_drops != 0)
		printf("%llu drops\n", (unsigned long long)buffer.dtbd_drops);
	return buffer.dtbd_size;
}

static void print_records(void)
{
	uint64_t size = snapshot(DTRACEIOC_BUFSNAP);

	for (uint64_t at = 0; at < size;) {
		uint32_t epid;
		dtrace_probedesc_t probe = { 0 };

		memcpy(&epid, data + at, 4);
		if (epid == 0) {
			at += 4;
			continue;
		}
		memset(&desc, 0, sizeof(desc));
		desc.probe.dtepd_epid = epid;
		desc.probe.dtepd_nrecs = RECORDS;
		if (ioctl(dtrace, DTRACEIOC_EPROBE, &desc) < 0)
			err(1, "EPID %u", epid);
		probe.dtpd_id = desc.probe.dtepd_probeid;
		if (ioctl(dtrace, DTRACEIOC_PROBES, &probe) < 0)
			err(1, "probe %u", probe.dtpd_id);
		printf("%s:", probe.dtpd_name);
		for (uint32_t i = 0; i < desc.probe.dtepd_nrecs; i++)
			print(&desc.probe.dtepd_rec[i], data + at);
		putchar('\n');
		at += desc.probe.dtepd_size;
	}
}

static void print_aggregations(void)
{
	uint64_t size = snapshot(DTRACEIOC_AGGSNAP);

	for (uint64_t at = 0; at < size;) {
		uint32_t id, last;

		memcpy(&id, data + at, 4);
		if (id == 0) {
			at += 4;
			continue;
		}
		memset(&desc, 0, sizeof(desc));
		desc.aggregation.dtagd_id = id;
		desc.aggregation.dtagd_nrecs = RECORDS;
		if (ioctl(dtrace, DTRACEIOC_AGGDESC, &desc) < 0)
			err(1, "aggregation %u", id);
		printf("@%u", id);
		last = desc.aggregation.dtagd_nrecs - 1;
		for (uint32_t i = 1; i < last; i++)
			print(&desc.aggregation.dtagd_rec[i], data + at);
		printf(" =");
		for (uint32_t i = 0; i < desc.aggregation.dtagd_rec[last].dtrd_size / 8; i++) {
			uint64_t word;

			memcpy(&word, data + at + desc.aggregation.dtagd_rec[last].dtrd_offset + 8 * i, 8);
			if (word != 0)
				printf(" %u:%llu", i, (unsigned long long)word);
		}
		putchar('\n');
		at += desc.aggregation.dtagd_size;
	}
}

/* What the images of system calls see of this process. */
static void calls(void)
{
	static const size_t sizes[] = { 1, 2, 3, 10 };
	int null = open("/dev/null", O_RDWR);
	char buffer[16] = "sixteen bytes ok";

	for (int i = 0; i < 4; i++)
		syscall(SYS_write, null, buffer, sizes[i]);
	syscall(SYS_read, null, buffer, sizeof(buffer));
	close((int)syscall(SYS_open, "/etc/passwd", O_RDONLY));
	syscall(SYS_open, "/no/such/file", O_RDONLY);
	pid_t child = fork();

	if (child == 0) {
		/* On the stack, which a child has from the beginning. */
		char path[] = "/no/such/program";

		syscall(SYS_execve, path, NULL, NULL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	static unsigned char image[256 * 1024];
	int fd, unused = 0;
	cpu_set_t set;

	if (argc != 2)
		errx(2, "usage: image FILE");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || read(fd, image, sizeof(image)) < 0)
		err(2, "%s", argv[1]);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	dtrace = open("/dev/dtrace", O_RDWR);
	if (dtrace < 0)
		err(2, "/dev/dtrace");
	if (ioctl(dtrace, DTRACEIOC_ENABLE, image) < 0)
		err(1, "%s", argv[1]);
	set_options();
	if (ioctl(dtrace, DTRACEIOC_GO, &unused) < 0)
		err(1, "GO");
	calls();
	usleep(400000);
	if (ioctl(dtrace, DTRACEIOC_STOP, &unused) < 0)
		err(1, "STOP");
	print_records();
	print_aggregations();
	return 0;
}
