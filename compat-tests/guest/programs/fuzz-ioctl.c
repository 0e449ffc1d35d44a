// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * fuzz-ioctl SECONDS SEED [IMAGE...]: what nobody in his right mind does with the driver's nodes. Several processes of several
 * threads each, over descriptors that they share, make requests in random order: every ioctl of /dev/dtrace, fasttrap,
 * dtrace_helper and dtrace_ctl, with arguments that are right, nearly right, at the limits or nonsense, at addresses that are
 * somebody else's, nobody's, or end where the argument does not; images that are sound, or damaged (those of the files, and
 * some of its own), one thread changing their headers while the driver reads them; reads and writes; the traced system calls
 * themselves. Some of it is done as a 32-bit program would do it. Processes are killed with SIGKILL in the middle of it, and
 * fork.
 *
 * Prints the seed, how often each request was answered and refused, and what answers the contract (section 2.1) does not
 * know; such an answer ends it with 1. The same seed makes the same requests, though not at the same moments.
 *
 * What an image may never get here is the option `destructive`: panic() and breakpoint() are allowed to do what they say.
 * For the same reason no memory but its own is written through dtrace_ctl.
 *
 * It knows 64 bits only.
 * build: fuzz-ioctl -m64 -pthread
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "image.h"

enum {
	WORKERS = 4,
	THREADS = 3,
	SLOTS = 10,
	IMAGES_MAX = 256,
	ARENA = 1 << 20,
	/* Behind the arena nothing is mapped: what is copied too far faults there, and hits nothing. */
	BEYOND = 256 << 20,
};

/* ---- the numbers ---- */

/* Marsaglia's xorshift64*. */
static _Thread_local uint64_t state;

static uint64_t any(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static uint64_t below(uint64_t limit)
{
	return (any() >> 11) % limit;
}

static bool one_in(uint64_t n)
{
	return below(n) == 0;
}

static uint64_t number(void)
{
	static const uint64_t edges[] = { 0, 1, 2, 7, 8, 16, 0xff, 0x100, 0xfff, 0x1000, 0xffff, 0x10000, 0x40000, 0x7fffffff,
		0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL, ~1ULL };

	switch (below(4)) {
	case 0: return edges[below(sizeof(edges) / sizeof(edges[0]))];
	case 1: return any() >> below(64);
	default: return below(12);
	}
}

/* ---- addresses ---- */

static unsigned char *arena;
static const unsigned char *readable;

/* Where an argument of `size` bytes may stand: mostly where it should. */
static unsigned char *place(size_t size)
{
	switch (below(16)) {
	case 0: return arena + ARENA - below(size + 1);
	case 1: return (unsigned char *)readable + below(4096);
	case 2: {
		static const uint64_t nobody[] = { 0, 1, 8, 4096, 0x7ffffffff000, 0x7fffffffffff, 0x800000000000,
			0x8000000000000000, 0xffff800000000000, 0xffff888000000000, 0xffffffff81000000, 0xffffffffff600000, ~0ULL };

		return (unsigned char *)nobody[below(sizeof(nobody) / sizeof(nobody[0]))];
	}
	case 3: return arena + below(ARENA - size);
	default: return arena + below((ARENA - size) / 64) * 64;
	}
}

static bool is_in_arena(const unsigned char *at, size_t size)
{
	return (uintptr_t)at - (uintptr_t)arena <= ARENA - size;
}

/* ---- what there is to ask for ---- */

enum node { DTRACE, FASTTRAP, HELPER, CTL, NODES };

static const char *const nodes[NODES] = { "/dev/dtrace", "/dev/fasttrap", "/dev/dtrace_helper", "/dev/dtrace_ctl" };

/* What stands in a field of an argument. */
enum kind { END, NUMBER32, NUMBER64, COUNT32, CPU, ADDRESS, PROVIDER, MODULE, FUNCTION, NAME, IMAGE, PID, SELF, TEXT };

struct field {
	enum kind kind;
	unsigned offset;
};

struct request {
	const char *name;
	enum node node;
	uint32_t command;
	/* Bytes of the argument (contract 2.2), 0 where it is a number. */
	unsigned size;
	/* How often, beside the others. */
	unsigned weight;
	struct field fields[12];
};

static const struct request requests[] = {
	{ "PROVIDER", DTRACE, DTRACEIOC_PROVIDER, 92, 2, { { PROVIDER, 0 } } },
	{ "PROBES", DTRACE, DTRACEIOC_PROBES, 324, 2, { { NUMBER32, 0 } } },
	{ "BUFSNAP", DTRACE, DTRACEIOC_BUFSNAP, 40, 8, { { NUMBER64, 0 }, { CPU, 8 }, { ADDRESS, 24 } } },
	{ "PROBEMATCH", DTRACE, DTRACEIOC_PROBEMATCH, 324, 3, { { NUMBER32, 0 }, { PROVIDER, 4 }, { MODULE, 68 },
		{ FUNCTION, 132 }, { NAME, 260 } } },
	{ "ENABLE", DTRACE, DTRACEIOC_ENABLE, 0, 20, { { IMAGE, 0 } } },
	{ "AGGSNAP", DTRACE, DTRACEIOC_AGGSNAP, 40, 8, { { NUMBER64, 0 }, { CPU, 8 }, { ADDRESS, 24 } } },
	{ "EPROBE", DTRACE, DTRACEIOC_EPROBE, 24, 4, { { NUMBER32, 0 }, { COUNT32, 20 } } },
	{ "PROBEARG", DTRACE, DTRACEIOC_PROBEARG, 268, 2, { { NUMBER32, 0 }, { NUMBER32, 4 } } },
	{ "CONF", DTRACE, DTRACEIOC_CONF, 48, 1, { { END, 0 } } },
	{ "STATUS", DTRACE, DTRACEIOC_STATUS, 88, 3, { { END, 0 } } },
	{ "GO", DTRACE, DTRACEIOC_GO, 4, 8, { { END, 0 } } },
	{ "STOP", DTRACE, DTRACEIOC_STOP, 4, 3, { { END, 0 } } },
	{ "AGGDESC", DTRACE, DTRACEIOC_AGGDESC, 40, 4, { { NUMBER32, 20 }, { COUNT32, 32 } } },
	{ "FORMAT", DTRACE, DTRACEIOC_FORMAT, 16, 3, { { ADDRESS, 0 }, { COUNT32, 8 }, { NUMBER32, 12 } } },
	{ "DOFGET", DTRACE, DTRACEIOC_DOFGET, 64, 2, { { NUMBER64, 40 } } },
	{ "REPLICATE", DTRACE, DTRACEIOC_REPLICATE, 648, 3, { { NUMBER32, 0 }, { PROVIDER, 4 }, { MODULE, 68 },
		{ FUNCTION, 132 }, { NAME, 260 }, { NUMBER32, 324 }, { PROVIDER, 328 }, { MODULE, 392 }, { FUNCTION, 456 }, { NAME, 584 } } },
	{ "unknown", DTRACE, DTRACEIOC | 14, 64, 1, { { NUMBER64, 0 } } },
	{ "MAKEPROBE", FASTTRAP, FASTTRAPIOC_MAKEPROBE, 240, 8, { { PID, 0 }, { NUMBER32, 4 }, { NAME, 8 }, { NAME, 136 },
		{ TEXT, 200 }, { NUMBER64, 208 }, { COUNT32, 216 }, { NUMBER64, 224 }, { NUMBER64, 232 } } },
	{ "GETINSTR", FASTTRAP, FASTTRAPIOC_GETINSTR, 16, 3, { { TEXT, 0 }, { PID, 8 } } },
	{ "ADD", HELPER, DTRACEHIOC_ADD, 0, 6, { { IMAGE, 0 } } },
	{ "REMOVE", HELPER, DTRACEHIOC_REMOVE, 0, 4, { { NUMBER32, 0 } } },
	{ "ADDDOF", HELPER, DTRACEHIOC_ADDDOF, 80, 8, { { NAME, 0 }, { NUMBER64, 64 }, { IMAGE, 72 } } },
	{ "RDMEM", CTL, CTLIOC_RDMEM, 32, 4, { { PID, 0 }, { ADDRESS, 8 }, { ADDRESS, 16 }, { COUNT32, 24 } } },
	{ "WRMEM", CTL, CTLIOC_WRMEM, 32, 4, { { SELF, 0 }, { ADDRESS, 8 }, { ADDRESS, 16 }, { COUNT32, 24 } } },
};
enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

/* Shared by all processes. */
static struct shared {
	_Atomic unsigned long answered[REQUESTS], refused[REQUESTS];
	_Atomic int strange_request, strange_error;
	_Atomic unsigned long strange;
	_Atomic int workers[WORKERS];
} *shared;

/* ---- images ---- */

static struct {
	size_t size;
	unsigned char *bytes;
} files[IMAGES_MAX];
static int nfiles;

static void read_file(const char *path)
{
	struct stat info;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &info) < 0)
		err(2, "%s", path);
	if (nfiles < IMAGES_MAX && info.st_size > 0 && info.st_size <= IMAGE_ROOM) {
		files[nfiles].bytes = malloc((size_t)info.st_size);
		files[nfiles].size = (size_t)info.st_size;
		if (files[nfiles].bytes == NULL || read(fd, files[nfiles].bytes, files[nfiles].size) != info.st_size)
			err(2, "%s", path);
		nfiles++;
	}
	close(fd);
}

/* What a process says of its own frames. */
static void own_helper(struct image *image)
{
	image_begin(image);
	for (uint64_t n = 1 + below(3); n > 0; n--)
		image_clause(image, "dtrace", "helper", "ustack", "", one_in(4) ? (int)below(16) : IMAGE_EXECNAME);
	image_end(image);
}

static void own_image(struct image *image)
{
	static const char *const probes[][4] = { { "syscall", "x64", "getppid", "entry" }, { "syscall", "x64", "getppid", "" },
		{ "syscall", "", "", "entry" }, { "syscall", "", "", "" }, { "dtrace", "", "", "BEGIN" }, { "dtrace", "", "", "END" },
		{ "dtrace", "", "", "ERROR" }, { "profile", "", "", "tick-1000" }, { "profile", "", "", "profile-997" },
		{ "profile", "", "", "tick-1ns" }, { "", "", "*open*", "" }, { "", "", "", "" } };

	image_begin(image);
	for (uint64_t n = below(4); n > 0; n--) {
		const char *const *probe = probes[below(sizeof(probes) / sizeof(probes[0]))];

		image_clause(image, probe[0], probe[1], probe[2], probe[3], (int)below(16));
	}
	for (uint64_t n = below(5); n > 0; n--) {
		uint32_t option = (uint32_t)below(DTRACEOPT_MAX + 1);
		uint64_t value = number();

		/* Sizes that several consumers can have, mostly. */
		if ((option == DTRACEOPT_BUFSIZE || option == DTRACEOPT_AGGSIZE || option == DTRACEOPT_DYNVARSIZE ||
		     option == DTRACEOPT_SPECSIZE) && !one_in(20))
			value = below(1 << 18);
		image_option(image, option, value);
	}
	if (!one_in(4))
		image_option(image, DTRACEOPT_BUFSIZE, 16 + below(1 << 16));
	if (!one_in(4))
		image_option(image, DTRACEOPT_AGGSIZE, 1024 + below(1 << 16));
	image_end(image);
}

static void damage(struct image *image)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;

	switch (below(8)) {
	case 0: /* It ends early, and says so. */
		image->size = below(image->size + 1);
		header->dofh_loadsz = image->size;
		break;
	case 1: /* Noise behind a sound beginning. */
		for (size_t at = below(image->size + 1); at < image->size; at++)
			image->bytes[at] = (unsigned char)any();
		break;
	case 2: /* A size that is another. */
		header->dofh_loadsz = number();
		break;
	case 3: /* Words with a value that often is a limit. */
		for (uint64_t n = 1 + below(3); n > 0 && image->size >= 4; n--) {
			uint32_t value = (uint32_t)number();

			memcpy(image->bytes + below(image->size / 4) * 4, &value, sizeof(value));
		}
		break;
	default: /* Bits. */
		for (uint64_t n = 1 + below(4); n > 0 && image->size > 0; n--)
			image->bytes[below(image->size)] ^= (unsigned char)(1 << below(8));
	}
}

/* An option is its number and, four bytes on, "no string table"; anything else is refused. */
static void tame(struct image *image)
{
	for (size_t at = 0; at + 8 <= image->size; at += 4) {
		uint32_t words[2];

		memcpy(words, image->bytes + at, sizeof(words));
		if (words[0] == DTRACEOPT_DESTRUCTIVE && words[1] == DOF_SECIDX_NONE)
			image->bytes[at] = DTRACEOPT_QUIET;
	}
}

static void make_image(struct image *image, enum node node)
{
	memset(image->bytes, 0, sizeof(dof_hdr_t));
	if (node == HELPER && !one_in(8)) {
		own_helper(image);
	} else if (nfiles > 0 && one_in(2)) {
		int file = (int)below((uint64_t)nfiles);

		memcpy(image->bytes, files[file].bytes, files[file].size);
		image->size = files[file].size;
	} else {
		own_image(image);
	}
	if (one_in(2))
		damage(image);
	tame(image);
}

/* ---- one process ---- */

static _Atomic int descriptors[SLOTS];
static _Atomic(struct image *) being_read;

static enum node node_of(int slot)
{
	return slot < SLOTS - 4 ? DTRACE : slot == SLOTS - 4 ? FASTTRAP : slot == SLOTS - 1 ? CTL : HELPER;
}

static void reopen(int slot)
{
	int old = atomic_exchange(&descriptors[slot], open(nodes[node_of(slot)], O_RDWR | O_CLOEXEC));

	if (old >= 0)
		close(old);
}

static void write_name(unsigned char *to, enum kind kind)
{
	static const char *const nonsense[] = { "*", "[a-", "[!x]*", "\\", "????????????????", "a\x80\xff", "*a*b*c*d*e*f*g*h*i*j*k*l*" };
	static const char *const names[][8] = {
		[PROVIDER - PROVIDER] = { "", "", "syscall", "syscall", "dtrace", "profile", "*", "sys*" },
		[MODULE - PROVIDER] = { "", "", "", "x64", "x32", "x*", "[!y]*", "" },
		[FUNCTION - PROVIDER] = { "", "", "", "getppid", "open*", "*e*", "close", "" },
		[NAME - PROVIDER] = { "", "entry", "return", "*", "BEGIN", "tick-1ms", "profile-3ns", "tick-" },
	};

	if (one_in(16))
		for (int i = 0; i < 64; i++)
			to[i] = (unsigned char)(1 + below(255));
	else if (one_in(8))
		strcpy((char *)to, nonsense[below(sizeof(nonsense) / sizeof(nonsense[0]))]);
	else
		strcpy((char *)to, names[kind - PROVIDER][below(8)]);
}

static void fill(unsigned char *argument, const struct request *request, struct image *image)
{
	for (const struct field *field = request->fields; field->kind != END; field++) {
		unsigned char *to = argument + field->offset;
		uint64_t value = number();

		switch (field->kind) {
		case PROVIDER: case MODULE: case FUNCTION: case NAME:
			write_name(to, field->kind);
			continue;
		case NUMBER32:
			memcpy(to, &value, 4);
			continue;
		case COUNT32:
			value = one_in(4) ? value : below(100);
			memcpy(to, &value, 4);
			continue;
		case CPU:
			value = one_in(8) ? value : below(4);
			memcpy(to, &value, 4);
			continue;
		case PID:
			value = one_in(3) ? value : one_in(2) ? (uint64_t)getpid() : (uint64_t)shared->workers[below(WORKERS)];
			memcpy(to, &value, 4);
			continue;
		case SELF:
			value = (uint64_t)getpid();
			memcpy(to, &value, 4);
			continue;
		case ADDRESS:
			value = (uint64_t)place(4096);
			break;
		case TEXT:
			value = one_in(2) ? value : (uint64_t)&fill + below(64);
			break;
		case IMAGE:
			make_image(image, request->node);
			value = (uint64_t)image->bytes;
			break;
		default:
			break;
		}
		memcpy(to, &value, 8);
	}
}

static bool is_known(int error)
{
	switch (error) {
	case EINVAL: case E2BIG: case EFAULT: case EBUSY: case EACCES: case ENOMEM: case ESRCH: case ENOENT: case ENOTTY: case EALREADY:
	case ENOSPC: case EFBIG: case EAGAIN: case EPERM: case ENODEV:
	case EBADF: /* Another thread has just closed it. */
		return true;
	default:
		return false;
	}
}

/* As a 32-bit program asks: the kernel takes what comes through this gate for its. */
static int ioctl32(int fd, uint32_t command, uint32_t argument)
{
	long result;

	__asm__ volatile("int $0x80"
		: "=a"(result)
		: "a"(54L), "b"((long)fd), "c"((long)command), "d"((long)argument)
		: "r8", "r9", "r10", "r11", "memory");
	if ((int)result < 0) {
		errno = -(int)result;
		return -1;
	}
	return (int)result;
}

static void ask(struct image *image)
{
	unsigned total = 0, at = 0;

	for (int i = 0; i < REQUESTS; i++)
		total += requests[i].weight;
	uint64_t chosen = below(total);

	while (chosen >= requests[at].weight)
		chosen -= requests[at++].weight;
	const struct request *request = &requests[at];
	int slot = (int)below(SLOTS);

	/* To the right node, mostly. */
	for (int tries = 0; node_of(slot) != request->node && tries < 64 && !one_in(256); tries++)
		slot = (int)below(SLOTS);
	uint64_t argument;
	uint32_t command = one_in(200) ? request->command ^ (1u << below(32)) : request->command;

	if (request->size == 0) {
		argument = number();
		if (request->fields[0].kind == IMAGE && !one_in(16)) {
			make_image(image, request->node);
			argument = (uint64_t)image->bytes;
		}
	} else {
		unsigned char *to = place(request->size);

		if (is_in_arena(to, request->size))
			fill(to, request, image);
		argument = (uint64_t)to;
	}
	atomic_store(&being_read, image);
	if ((one_in(4) ? ioctl32(descriptors[slot], command, (uint32_t)argument)
		       : ioctl(descriptors[slot], command, argument)) >= 0) {
		shared->answered[at]++;
	} else {
		shared->refused[at]++;
		if (!is_known(errno) && shared->strange++ == 0) {
			shared->strange_request = (int)at;
			shared->strange_error = errno;
		}
	}
	atomic_store(&being_read, NULL);
}

/* What is traced. */
static void live(void)
{
	static const char *const paths[] = { "/etc/hosts", "/no/such/file", "/proc/dtrace/stats", "/proc/dtrace/syscall",
		"/proc/dtrace/security", "/proc/dtrace/fasttrap", "/proc/dtrace/fbt", "/proc/dtrace/trace" };
	char text[4096];
	int fd = open(paths[below(sizeof(paths) / sizeof(paths[0]))], O_RDONLY | O_CLOEXEC);

	for (uint64_t n = below(4); fd >= 0 && n > 0; n--)
		if (read(fd, text, sizeof(text)) <= 0)
			break;
	close(fd);
	for (uint64_t n = below(50); n > 0; n--)
		syscall(SYS_getppid);
}

static void talk(void)
{
	int fd = descriptors[below(SLOTS)];
	static const char *const words[] = { "clear\n", "uid 65534 priv_user\n", "all priv_owner # all\n", "gid x\n", "\n", "here=1\n" };
	const char *word = words[below(sizeof(words) / sizeof(words[0]))];

	switch (below(3)) {
	case 0:
		if (write(fd, word, strlen(word)) < 0 && write(fd, place(100), below(70000)) < 0)
			return;
		break;
	case 1:
		if (read(fd, place(100), below(70000)) < 0)
			return;
		break;
	default:
		munmap(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), 0);
	}
}

static void *thread(void *seed)
{
	struct image *image = mmap(NULL, sizeof(*image), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (image == MAP_FAILED)
		return NULL;
	state = (uint64_t)seed * 0x9e3779b97f4a7c15 | 1;
	for (int i = 0; i < 8; i++)
		any();
	for (;;) {
		switch (below(64)) {
		case 0: case 1:
			reopen((int)below(SLOTS));
			break;
		case 2: case 3: case 4: case 5:
			live();
			break;
		case 6:
			talk();
			break;
		case 7: {
			/* A header that changes while it is read. */
			struct image *other = atomic_load(&being_read);

			if (other != NULL)
				for (uint64_t n = below(200); n > 0; n--)
					((dof_hdr_t *)other->bytes)->dofh_loadsz = number();
			break;
		}
		case 8:
			if (one_in(4)) {
				pid_t child = fork();

				if (child == 0) {
					for (uint64_t n = below(30); n > 0; n--)
						ask(image);
					_exit(0);
				}
				waitpid(child, NULL, 0);
			}
			break;
		default:
			ask(image);
		}
	}
}

static _Noreturn void worker(uint64_t seed)
{
	pthread_t other;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	arena = mmap(NULL, ARENA + BEYOND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT, -1, 0);
	readable = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (arena == MAP_FAILED || readable == MAP_FAILED || mprotect(arena, ARENA, PROT_READ | PROT_WRITE) < 0)
		err(1, "mmap");
	for (int slot = 0; slot < SLOTS; slot++) {
		descriptors[slot] = -1;
		reopen(slot);
	}
	for (uint64_t i = 1; i < THREADS; i++)
		pthread_create(&other, NULL, thread, (void *)(seed * THREADS + i));
	thread((void *)(seed * THREADS));
	_exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: fuzz-ioctl SECONDS SEED [IMAGE...]");
	double end = now() + strtod(argv[1], NULL);
	uint64_t seed = strtoull(argv[2], NULL, 0), next = seed * 1000003;
	unsigned long kills = 0;

	printf("seed %lu\n", seed);
	fflush(stdout);
	for (int i = 3; i < argc; i++)
		read_file(argv[i]);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(2, "mmap");
	state = seed | 1;
	while (now() < end) {
		for (int i = 0; i < WORKERS; i++) {
			int status;

			if (shared->workers[i] != 0 && waitpid(shared->workers[i], &status, WNOHANG) != shared->workers[i])
				continue;
			pid_t child = fork();

			next++;
			if (child == 0)
				worker(next);
			shared->workers[i] = child;
		}
		nanosleep(&(struct timespec){ .tv_nsec = (long)(20 + below(300)) * 1000000 }, NULL);
		int victim = shared->workers[below(WORKERS)];

		/* With all that it has forked. */
		if (victim > 0 && one_in(3) && kill(-victim, SIGKILL) == 0)
			kills++;
	}
	for (int i = 0; i < WORKERS; i++) {
		kill(-shared->workers[i], SIGKILL);
		kill(shared->workers[i], SIGKILL);
	}
	while (wait(NULL) > 0)
		;
	unsigned long answered = 0, refused = 0;

	for (int i = 0; i < REQUESTS; i++) {
		printf("%-10s %8lu answered %8lu refused\n", requests[i].name, shared->answered[i], shared->refused[i]);
		answered += shared->answered[i];
		refused += shared->refused[i];
	}
	printf("%lu requests, %lu answered, %lu kills\n", answered + refused, answered, kills);
	if (shared->strange != 0)
		printf("%lu answers that the contract does not know; the first: %s: %s\n", shared->strange,
			requests[shared->strange_request].name, strerror(shared->strange_error));
	return shared->strange != 0;
}
