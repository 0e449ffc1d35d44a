// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The ABI as a 64-bit program (abi64) and as a 32-bit one (abi32) see it. No C library, so that both can be made anywhere.
 *
 * abi requests       issues every request to the four devices, and prints what it is answered: the same for both. Where a
 *                    32-bit pointer leaves half of 64 bits, that half is full of noise.
 * abi helper [WHAT]  brings a helper that calls every frame of a user stack "annotated", and calls getppid() in a function in
 *                    a function. WHAT is what it does between: "remove" takes the helper back, "fork" leaves the call to a
 *                    child, "exec" to another program; "bend COUNT SEED" brings damaged helpers before, and prints how many.
 * abi call           calls getppid().
 * abi read PID ADDRESS  reads four bytes of a process's memory through dtrace_ctl, and prints them or the error.
 *
 * build: abi64 -m64 -nostdlib -ffreestanding -no-pie -fno-pie -fno-stack-protector -fno-omit-frame-pointer
 * build: abi32 -m32 -nostdlib -ffreestanding -no-pie -fno-pie -fno-stack-protector -fno-omit-frame-pointer
 */
#include <stdint.h>
#include <sys/dtrace.h>
#include <sys/dtrace_ctl.h>
#include <sys/fasttrap.h>

typedef __SIZE_TYPE__ size_t;

#if defined(__x86_64__)
enum { WRITE = 1, OPEN = 2, CLOSE = 3, IOCTL = 16, NANOSLEEP = 35, GETPID = 39, FORK = 57, EXECVE = 59, WAIT4 = 61, GETPPID = 110,
	EXIT = 231 };

static long call(long number, long a, long b, long c, long d)
{
	long result;
	register long fourth __asm__("r10") = d;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
	return result;
}
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
enum { WRITE = 4, OPEN = 5, CLOSE = 6, IOCTL = 54, NANOSLEEP = 162, GETPID = 20, FORK = 2, EXECVE = 11, WAIT4 = 114, GETPPID = 64,
	EXIT = 252 };

static long call(long number, long a, long b, long c, long d)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return result;
}
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call start\n");
#endif

/* The compiler calls these of its own accord. */
void *memset(void *to, int byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile unsigned char *)to)[i] = (unsigned char)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

static size_t length(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void put(const char *text)
{
	call(WRITE, 1, (long)text, (long)length(text), 0);
}

/* A number in hexadecimal: decimal digits would want the compiler's library. */
static void hex(uint64_t value)
{
	char text[18];
	int at = 17;

	text[at] = 0;
	do {
		text[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	put(" ");
	put(text + at);
}

static void say(const char *what, long result)
{
	put(what);
	if (result < 0) {
		put(" error");
		hex((uint64_t)-result);
	} else {
		hex((uint64_t)result);
	}
}

static long control(int fd, unsigned long request, void *argument)
{
	return call(IOCTL, fd, (long)request, (long)argument, 0);
}

static int device(const char *path)
{
	return (int)call(OPEN, (long)path, 2, 0, 0);
}

static void snooze(long ms)
{
	long time[2] = { ms / 1000, ms % 1000 * 1000000 };

	call(NANOSLEEP, (long)time, 0, 0, 0);
}

/* ---- images ---- */

enum { ROOM = 16384 };

struct image {
	size_t size;
	_Alignas(8) unsigned char bytes[ROOM];
};

static void begin(struct image *image, uint32_t sections)
{
	static const unsigned char ident[DOF_ID_SIZE] = { DOF_MAG_MAG0, DOF_MAG_MAG1, DOF_MAG_MAG2, DOF_MAG_MAG3,
		sizeof(void *) == 8 ? DOF_MODEL_LP64 : DOF_MODEL_ILP32, DOF_ENCODE_LSB, DOF_VERSION, 2, 8, 8 };
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;

	memset(image, 0, sizeof(*image));
	memcpy(header->dofh_ident, ident, sizeof(ident));
	header->dofh_hdrsize = sizeof(dof_hdr_t);
	header->dofh_secsize = sizeof(dof_sec_t);
	header->dofh_secoff = sizeof(dof_hdr_t);
	image->size = sizeof(dof_hdr_t) + sections * sizeof(dof_sec_t);
}

/* Appends a section and its contents, and answers its index. */
static uint32_t section(struct image *image, uint32_t type, uint32_t align, uint32_t entsize, const void *data, size_t size)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;
	dof_sec_t *at = (dof_sec_t *)(image->bytes + sizeof(*header)) + header->dofh_secnum;

	image->size = (image->size + align - 1) & ~(size_t)(align - 1);
	*at = (dof_sec_t){ .dofs_type = type, .dofs_align = align, .dofs_flags = DOF_SECF_LOAD, .dofs_entsize = entsize,
		.dofs_offset = image->size, .dofs_size = size };
	memcpy(image->bytes + image->size, data, size);
	image->size += size;
	header->dofh_loadsz = header->dofh_filesz = image->size;
	return header->dofh_secnum++;
}

/* Code that answers integer 0 of its table, or else string 1. */
static uint32_t difo(struct image *image, const uint64_t *integer, uint32_t size, const char *strings, size_t len)
{
	const uint32_t text[] = { DIF_INSTR_FMT(integer ? DIF_OP_SETX : DIF_OP_SETS, 0, integer ? 0 : 1, 1), DIF_OP_RET << 24 | 1 };
	struct {
		dtrace_diftype_t type;
		dof_secidx_t links[2];
	} parts = { .type = { .dtdt_kind = DIF_TYPE_CTF, .dtdt_ckind = 1, .dtdt_size = size } };

	parts.links[0] = section(image, DOF_SECT_DIF, 4, 4, text, sizeof(text));
	parts.links[1] = integer ? section(image, DOF_SECT_INTTAB, 8, 8, integer, 8) :
		section(image, DOF_SECT_STRTAB, 1, 0, strings, len);
	return section(image, DOF_SECT_DIFOHDR, 4, 0, &parts, sizeof(parts));
}

static void ecb(struct image *image, dof_probedesc_t probe, const dof_actdesc_t *actions, uint32_t count)
{
	dof_ecbdesc_t clause = { .dofe_pred = DOF_SECIDX_NONE };

	clause.dofe_probes = section(image, DOF_SECT_PROBEDESC, 4, 0, &probe, sizeof(probe));
	clause.dofe_actions = section(image, DOF_SECT_ACTDESC, 8, sizeof(*actions), actions, count * sizeof(*actions));
	section(image, DOF_SECT_ECBDESC, 8, 0, &clause, sizeof(clause));
}

/* BEGIN { printf("n %d", 7); }  syscall::getppid:entry { @[7] = count(); }, with small buffers. */
static void program(struct image *image)
{
	static const char strings[] = "\0dtrace\0BEGIN\0syscall\0getppid\0entry\0n %d";
	static const uint64_t seven = 7, one = 1;
	const dof_optdesc_t options[] = { { DTRACEOPT_BUFSIZE, DOF_SECIDX_NONE, 65536 }, { DTRACEOPT_AGGSIZE, DOF_SECIDX_NONE, 65536 } };

	begin(image, 17);
	uint32_t table = section(image, DOF_SECT_STRTAB, 1, 0, strings, sizeof(strings));
	uint32_t value = difo(image, &seven, 8, 0, 0), variable = difo(image, &one, 8, 0, 0);
	const dof_actdesc_t print = { .dofa_difo = value, .dofa_strtab = table, .dofa_kind = DTRACEACT_PRINTF, .dofa_arg = 36 };
	const dof_actdesc_t counts[] = {
		{ .dofa_difo = variable, .dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEACT_DIFEXPR },
		{ .dofa_difo = value, .dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEACT_DIFEXPR },
		{ .dofa_difo = DOF_SECIDX_NONE, .dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEAGG_COUNT, .dofa_ntuple = 2 },
	};

	ecb(image, (dof_probedesc_t){ .dofp_strtab = table, .dofp_provider = 1, .dofp_name = 8 }, &print, 1);
	ecb(image, (dof_probedesc_t){ .dofp_strtab = table, .dofp_provider = 14, .dofp_func = 22, .dofp_name = 30 }, counts, 3);
	section(image, DOF_SECT_OPTDESC, 8, sizeof(*options), options, sizeof(options));
}

/* dtrace:helper:ustack: { "annotated" } */
static void helper(struct image *image)
{
	static const char names[] = "\0dtrace\0helper\0ustack", string[] = "\0annotated";

	begin(image, 7);
	uint32_t table = section(image, DOF_SECT_STRTAB, 1, 0, names, sizeof(names));
	const dof_actdesc_t action = { .dofa_difo = difo(image, 0, 0, string, sizeof(string)), .dofa_strtab = DOF_SECIDX_NONE,
		.dofa_kind = DTRACEACT_DIFEXPR };

	ecb(image, (dof_probedesc_t){ .dofp_strtab = table, .dofp_provider = 1, .dofp_mod = 8, .dofp_func = 15 }, &action, 1);
}

/* ---- requests ---- */

/* What is in the half of a 64-bit word that a 32-bit pointer leaves. */
#define NOISE UINT32_C(0xdeadbeef)
#if defined(__x86_64__)
#define MAKE_NOISE(name) ((void)0)
#define WORD(pointer) ((uint64_t)(pointer))
#else
#define MAKE_NOISE(name) (name##_pad = NOISE)
#define WORD(pointer) ((uint64_t)NOISE << 32 | (uint32_t)(pointer))
#endif

static void dump(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hex(bytes[i]);
}

static void record(const dtrace_recdesc_t *record)
{
	put("\n  record");
	hex(record->dtrd_action), hex(record->dtrd_size), hex(record->dtrd_offset), hex(record->dtrd_alignment);
	hex(record->dtrd_format), hex(record->dtrd_arg), hex(record->dtrd_uarg);
}

static long snapshot(int fd, unsigned long request, uint32_t cpu, unsigned char *data, uint64_t *size)
{
	dtrace_bufdesc_t buffer;

	memset(&buffer, 0, sizeof(buffer));
	buffer.dtbd_cpu = cpu;
	buffer.dtbd_data = (char *)data;
	MAKE_NOISE(buffer.dtbd_data);
	long result = control(fd, request, &buffer);
	*size = result < 0 ? 0 : buffer.dtbd_size;
	if (result >= 0 && buffer.dtbd_size != 0) {
		put("  drops"), hex(buffer.dtbd_drops), hex(buffer.dtbd_errors), hex(buffer.dtbd_oldest), put("\n");
	}
	return result;
}

static void trace(void)
{
	static struct image image;
	static unsigned char data[65536];
	int fd = device("/dev/dtrace"), cpu = -1;
	uint64_t size;

	dtrace_conf_t conf;
	memset(&conf, 0xff, sizeof(conf));
	say("CONF", control(fd, DTRACEIOC_CONF, &conf));
	dump((unsigned char *)&conf, sizeof(conf)), put("\n");

	dtrace_probedesc_t probe;
	memset(&probe, 0xee, sizeof(probe));
	probe.dtpd_id = 0;
	for (int i = 0; i < 4; i++) {
		say("PROBES", control(fd, DTRACEIOC_PROBES, &probe));
		hex(probe.dtpd_id), put(" "), put(probe.dtpd_provider), put(" "), put(probe.dtpd_name), put("\n");
		probe.dtpd_id++;
	}
	memset(&probe, 0, sizeof(probe));
	memcpy(probe.dtpd_func, "getppid", 8);
	for (int i = 0; i < 5; i++) {
		say("PROBEMATCH", control(fd, DTRACEIOC_PROBEMATCH, &probe));
		hex(probe.dtpd_id), put(" "), put(probe.dtpd_mod), put(" "), put(probe.dtpd_name), put("\n");
		memset(&probe.dtpd_provider, 0, sizeof(probe) - sizeof(probe.dtpd_id));
		memcpy(probe.dtpd_func, "getppid", 8);
		probe.dtpd_id++;
	}
	dtrace_providerdesc_t provider;
	memset(&provider, 0, sizeof(provider));
	memcpy(provider.dtvd_name, "syscall", 8);
	say("PROVIDER", control(fd, DTRACEIOC_PROVIDER, &provider));
	dump((unsigned char *)&provider, sizeof(provider)), put("\n");
	dtrace_argdesc_t argument;
	memset(&argument, 0, sizeof(argument));
	argument.dtargd_id = 1;
	say("PROBEARG", control(fd, DTRACEIOC_PROBEARG, &argument));
	dump((unsigned char *)&argument, 12), put("\n");

	dtrace_status_t status;
	say("STATUS before GO", control(fd, DTRACEIOC_STATUS, &status)), put("\n");
	program(&image);
	say("ENABLE", control(fd, DTRACEIOC_ENABLE, image.bytes)), put("\n");
	say("ENABLE of nothing", control(fd, DTRACEIOC_ENABLE, 0)), put("\n");
	say("ENABLE of a bad address", control(fd, DTRACEIOC_ENABLE, (void *)64)), put("\n");
	say("GO", control(fd, DTRACEIOC_GO, &cpu)), put("\n");
	say("GO again", control(fd, DTRACEIOC_GO, &cpu)), put("\n");
	int began = cpu;
	for (int i = 0; i < 10; i++)
		call(GETPPID, 0, 0, 0, 0);
	memset(&status, 0xff, sizeof(status));
	say("STATUS", control(fd, DTRACEIOC_STATUS, &status));
	dump((unsigned char *)&status, sizeof(status)), put("\n");

	uint64_t counted = 0;
	for (uint32_t n = 0; n < 64; n++) {
		if (snapshot(fd, DTRACEIOC_AGGSNAP, n, data, &size) >= 0)
			/* The identifier, the variable, the key, the value. */
			for (uint64_t at = 0; at + 32 <= size; at += 32)
				counted += *(uint64_t *)(data + at + 24);
	}
	put("AGGSNAP"), hex(counted), put("\n");
	say("BUFSNAP", snapshot(fd, DTRACEIOC_BUFSNAP, (uint32_t)began, data, &size));
	dump(data, (size_t)size), put("\n");
	say("BUFSNAP of no processor", snapshot(fd, DTRACEIOC_BUFSNAP, 99999, data, &size)), put("\n");

	struct {
		dtrace_eprobedesc_t head;
		dtrace_recdesc_t more[8];
	} enabled;
	memset(&enabled, 0, sizeof(enabled));
	enabled.head.dtepd_epid = 1;
	enabled.head.dtepd_nrecs = 8;
	say("EPROBE", control(fd, DTRACEIOC_EPROBE, &enabled));
	hex(enabled.head.dtepd_probeid), hex(enabled.head.dtepd_uarg), hex(enabled.head.dtepd_size), hex(enabled.head.dtepd_nrecs);
	record(enabled.head.dtepd_rec), put("\n");
	struct {
		dtrace_aggdesc_t head;
		dtrace_recdesc_t more[8];
	} aggregation;
	memset(&aggregation, 0, sizeof(aggregation));
	MAKE_NOISE(aggregation.head.dtagd_name);
	aggregation.head.dtagd_id = 1;
	aggregation.head.dtagd_nrecs = 8;
	say("AGGDESC", control(fd, DTRACEIOC_AGGDESC, &aggregation));
	hex(aggregation.head.dtagd_epid), hex(aggregation.head.dtagd_size), hex(aggregation.head.dtagd_nrecs);
	for (int i = 0; i < 3; i++)
		record(aggregation.head.dtagd_rec + i);
	put("\n");

	dtrace_fmtdesc_t format;
	char text[32];
	memset(&format, 0, sizeof(format));
	memset(text, 0, sizeof(text));
	format.dtfd_format = 1;
	say("FORMAT", control(fd, DTRACEIOC_FORMAT, &format));
	hex((uint64_t)format.dtfd_length), put("\n");
	format.dtfd_string = text;
	MAKE_NOISE(format.dtfd_string);
	say("FORMAT", control(fd, DTRACEIOC_FORMAT, &format));
	put(" "), put(text), put("\n");

	dof_hdr_t *options = (dof_hdr_t *)data;
	memset(data, 0, 4096);
	options->dofh_loadsz = sizeof(*options);
	say("DOFGET", control(fd, DTRACEIOC_DOFGET, data));
	hex(options->dofh_secnum), hex(options->dofh_loadsz), put("\n");
	say("DOFGET", control(fd, DTRACEIOC_DOFGET, data));
	dump(data + 96, 29 * 16), put("\n");

	say("STOP", control(fd, DTRACEIOC_STOP, &cpu)), put("\n");
	say("STOP again", control(fd, DTRACEIOC_STOP, &cpu)), put("\n");
	say("an unknown request", control(fd, DTRACEIOC | 3, 0)), put("\n");
	call(CLOSE, fd, 0, 0, 0);
}

static void others(void)
{
	static struct image image;
	int fd = device("/dev/dtrace_helper");

	helper(&image);
	long generation = control(fd, DTRACEHIOC_ADD, image.bytes);
	say("helper ADD", generation > 0), put("\n");
	say("helper REMOVE", control(fd, DTRACEHIOC_REMOVE, (void *)generation)), put("\n");
	dof_helper_t brought = { .dofhp_mod = "abi", .dofhp_addr = WORD(0), .dofhp_dof = WORD(image.bytes) };
	generation = control(fd, DTRACEHIOC_ADDDOF, &brought);
	say("helper ADDDOF", generation > 0), put("\n");
	say("helper REMOVE", control(fd, DTRACEHIOC_REMOVE, (void *)generation)), put("\n");
	say("helper REMOVE of nothing", control(fd, DTRACEHIOC_REMOVE, (void *)0)), put("\n");
	say("helper REMOVE of nothing", control(fd, DTRACEHIOC_REMOVE, (void *)-1L)), put("\n");
	say("helper ADD of a bad address", control(fd, DTRACEHIOC_ADD, (void *)64)), put("\n");
	image.bytes[0] = 0;
	say("helper ADD of no image", control(fd, DTRACEHIOC_ADD, image.bytes)), put("\n");
	say("helper, an unknown request", control(fd, DTRACEHIOC | 9, 0)), put("\n");
	call(CLOSE, fd, 0, 0, 0);

	fd = device("/dev/fasttrap");
	fasttrap_probe_spec_t probe;
	memset(&probe, 0, sizeof(probe));
	say("fasttrap MAKEPROBE", control(fd, FASTTRAPIOC_MAKEPROBE, &probe)), put("\n");
	fasttrap_instr_query_t query = { .ftiq_pid = 1 };
	say("fasttrap GETINSTR", control(fd, FASTTRAPIOC_GETINSTR, &query)), put("\n");
	say("fasttrap, an unknown request", control(fd, FASTTRAPIOC, 0)), put("\n");
	call(CLOSE, fd, 0, 0, 0);

	fd = device("/dev/dtrace_ctl");
	int own = (int)call(GETPID, 0, 0, 0, 0);
	char from[] = "memory", to[8] = "";
	ctl_mem_t memory = { .c_pid = own, .c_src = from, .c_dst = to, .c_len = sizeof(from) };
	say("ctl RDMEM", control(fd, CTLIOC_RDMEM, &memory));
	put(" "), put(to), put("\n");
	from[0] = 'M';
	say("ctl WRMEM", control(fd, CTLIOC_WRMEM, &memory));
	put(" "), put(to), put("\n");
	memory.c_src = (void *)64;
	say("ctl RDMEM of a bad address", control(fd, CTLIOC_RDMEM, &memory)), put("\n");
	memory.c_len = 0;
	say("ctl RDMEM of nothing", control(fd, CTLIOC_RDMEM, &memory)), put("\n");
	memory.c_len = 4, memory.c_pid = 0x3ffffff0;
	say("ctl RDMEM of nobody", control(fd, CTLIOC_RDMEM, &memory)), put("\n");
	say("ctl RDMEM of a bad argument", control(fd, CTLIOC_RDMEM, (void *)64)), put("\n");
	say("ctl, an unknown request", control(fd, CTLIOC, &memory)), put("\n");
	call(CLOSE, fd, 0, 0, 0);
}

/* ---- stacks ---- */

__attribute__((noinline)) static void inner(void)
{
	call(GETPPID, 0, 0, 0, 0);
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void outer(void)
{
	inner();
	__asm__ volatile("" ::: "memory");
}

static uint32_t number(const char *text)
{
	uint32_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint32_t)(*text++ - '0');
	return value;
}

static uint32_t state;

static uint32_t below(uint32_t limit)
{
	state ^= state << 13, state ^= state >> 17, state ^= state << 5;
	return state % limit;
}

/* Brings damaged helpers, calls getppid() beside some of them, and takes most of them back. */
static void bend(int fd, uint32_t count)
{
	static struct image image;
	uint32_t accepted = 0, refused = 0;

	for (uint32_t i = 0; i < count; i++) {
		helper(&image);
		for (uint32_t n = 1 + below(3); n > 0; n--) {
			if (below(3) == 0)
				*(uint32_t *)(image.bytes + below((uint32_t)image.size / 4) * 4) = (uint32_t)1 << below(32);
			else
				image.bytes[below((uint32_t)image.size)] ^= (unsigned char)(1 << below(8));
		}
		long generation = control(fd, DTRACEHIOC_ADD, image.bytes);
		if (generation > 0) {
			accepted++;
			outer();
			if (below(16) != 0)
				control(fd, DTRACEHIOC_REMOVE, (void *)generation);
		} else if (generation == -22 || generation == -7 || generation == -12 || generation == -14) {
			refused++;
		} else {
			say("unexpected", generation), put("\n");
		}
	}
	put(accepted ? "accepted" : "none accepted"), put(refused ? " and refused\n" : "\n");
}

static int stacks(char **words, char **environment)
{
	static struct image image;
	const char *what = words[2] ? words[2] : "";
	int fd = device("/dev/dtrace_helper");

	if (same(what, "bend") && words[3] && words[4]) {
		state = number(words[4]) | 1;
		bend(fd, number(words[3]));
		return 0;
	}
	helper(&image);
	long generation = control(fd, DTRACEHIOC_ADD, image.bytes);
	if (generation <= 0)
		return 1;
	if (same(what, "remove"))
		control(fd, DTRACEHIOC_REMOVE, (void *)generation);
	/* What was brought stays without the device. */
	call(CLOSE, fd, 0, 0, 0);
	if (same(what, "fork")) {
		long child = call(FORK, 0, 0, 0, 0);

		if (child != 0) {
			int status = 1;

			call(WAIT4, child, (long)&status, 0, 0);
			return status;
		}
		/* The driver makes the copy a moment later. */
		snooze(500);
	}
	if (same(what, "exec")) {
		char *next[] = { words[0], "call", 0 };

		call(EXECVE, (long)words[0], (long)next, (long)environment, 0);
		return 1;
	}
	outer();
	return 0;
}

static int peek(const char *pid, const char *address)
{
	unsigned char bytes[4] = { 0 };
	ctl_mem_t memory = { .c_pid = (int)number(pid), .c_dst = bytes, .c_len = 4 };
	size_t at = 0;

	for (; *address; address++)
		at = at << 4 | (size_t)(*address <= '9' ? *address - '0' : *address - 'a' + 10);
	memory.c_src = (void *)at;
	say("read", control(device("/dev/dtrace_ctl"), CTLIOC_RDMEM, &memory));
	dump(bytes, 4), put("\n");
	return 0;
}

static int run(int count, char **words)
{
	char **environment = words + count + 1;

	if (count == 2 && same(words[1], "requests")) {
		trace();
		others();
		return 0;
	}
	if (count >= 2 && same(words[1], "helper"))
		return stacks(words, environment);
	if (count == 2 && same(words[1], "call")) {
		outer();
		return 0;
	}
	if (count == 4 && same(words[1], "read"))
		return peek(words[2], words[3]);
	put("usage: abi requests | abi helper [remove | fork | exec | bend COUNT SEED] | abi call | abi read PID ADDRESS\n");
	return 2;
}

__attribute__((used)) void start(long *stack)
{
	call(EXIT, run((int)stack[0], (char **)(stack + 1)), 0, 0, 0);
	__builtin_unreachable();
}
