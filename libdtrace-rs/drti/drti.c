/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What dtrace -G links into a program or library beside the image of its probes: the image is registered with the driver
 * when the program starts or the library is loaded, and taken back when it ends or is unloaded.
 *
 * What always holds: the program that carries this runs as if it were not there. No driver, no /proc, no permission: nothing
 * is registered, and nothing is said unless DTRACE_DOF_INIT_DEBUG asks for it.
 *
 * It is compiled for 64- and for 32-bit programs, position-independent, without headers, and uses a few functions of any C
 * library. Everything it defines is local: a program may contain several of these.
 *
 * The environment: DTRACE_DOF_INIT_DISABLE registers nothing, DTRACE_DOF_INIT_DEBUG says what happens on standard error,
 * DTRACE_DOF_INIT_DEVNAME is the device. A program that runs with privileges of another user's than its caller takes no device
 * from its caller.
 */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long word;

extern int open(const char *, int, ...);
extern int close(int);
extern int ioctl(int, unsigned long, ...);
extern long read(int, void *, unsigned long);
extern long write(int, const void *, unsigned long);
extern char *getenv(const char *);
extern unsigned long getauxval(unsigned long);

#define AT_SECURE 23
#define O_RDONLY 0
#define O_RDWR 2
#define O_CLOEXEC 02000000

#define HELPER_REMOVE 0x64746802UL
#define HELPER_ADDDOF 0x64746803UL

/* An image begins so; the rest of it is reached through these. */
struct header {
	u8 ident[16];
	u32 flags, hdrsize, secsize, secnum;
	u64 secoff, loadsz, filesz, pad;
};

struct section {
	u32 type, align, flags, entsize;
	u64 offset, size;
};

#define SECT_PROBES 16
#define SECT_URELHDR 12

struct relocations {
	u32 strtab, relsec, tgtsec;
};

struct relocation {
	u32 name, type;
	u64 offset, data;
};

#define RELO_NONE 0
#define RELO_SETX 1

struct probe {
	u64 address;
	u8 rest[40];
};

/* The argument of ADDDOF. */
struct helper {
	char module[64];
	u64 address, image;
};

/*
 * The image. dtrace -G puts it in the place of these bytes, and behind it a word that says how far away the address 0 is as
 * the link editor sees it.
 */
static u8 image[8] __attribute__((section(".SUNW_dof"), aligned(8), used));

static int generation;
static char module[64];
static const char *device;
static u8 debug;
/* Whether what the environment says is to be heard: not in a program with more power than its caller. */
static u8 own;

static void
say(const char *what, const char *more)
{
	char line[256];
	const char *parts[] = { "dtrace DOF ", module[0] != '\0' ? module : "?", ": ", what, more, "\n" };
	word n = 0;

	if (!debug)
		return;
	for (word part = 0; part < sizeof (parts) / sizeof (parts[0]); part++) {
		for (const char *from = parts[part]; *from != '\0' && n < sizeof (line); from++)
			line[n++] = *from;
	}
	if (write(2, line, n) < 0)
		return;
}

/* The file name of the mapping that an address is in becomes the module. The maps are read byte by byte, of any length. */
static void
find_module(word address)
{
	char buffer[512], name[sizeof (module)];
	int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	/* The bounds of the mapping, and which of them is being read; then, behind the last slash, its name. */
	word bounds[2] = { 0, 0 };
	word bound = 0, at = 0;
	long got;

	if (file < 0)
		return;
	while ((got = read(file, buffer, sizeof (buffer))) > 0) {
		for (long i = 0; i < got; i++) {
			char c = buffer[i];

			if (c == '\n') {
				if (bounds[0] <= address && address < bounds[1]) {
					name[at] = '\0';
					for (word n = 0; n <= at; n++)
						module[n] = name[n];
					(void) close(file);
					return;
				}
				bounds[0] = bounds[1] = bound = at = 0;
			} else if (bound < 2) {
				if (c >= '0' && c <= '9')
					bounds[bound] = bounds[bound] << 4 | (word)(c - '0');
				else if (c >= 'a' && c <= 'f')
					bounds[bound] = bounds[bound] << 4 | (word)(c - 'a' + 10);
				else
					bound++;
			} else if (c == '/') {
				bound = 3;
				at = 0;
			} else if (bound == 3 && at < sizeof (name) - 1) {
				name[at++] = c;
			}
		}
	}
	(void) close(file);
}

/*
 * The addresses of functions are distances from the image: it needs no relocation when it is loaded. Here they become
 * addresses. A function of which the link editor kept another copy has the address 0 as it sees it; its probes are left out.
 */
static void
relocate(struct header *dof)
{
	struct section *sections = (struct section *)((u8 *)dof + dof->secoff);
	word *zero = (word *)((u8 *)dof + ((dof->filesz + 7) & ~7ULL));
	word nowhere = (word)zero + *zero;

	for (u32 i = 0; i < dof->secnum; i++) {
		struct relocations *head = (struct relocations *)((u8 *)dof + sections[i].offset);
		struct section *target, *table;
		struct relocation *list;
		word count;

		if (sections[i].type != SECT_URELHDR)
			continue;
		target = &sections[head->tgtsec];
		table = &sections[head->relsec];
		list = (struct relocation *)((u8 *)dof + table->offset);
		count = (word)table->size / sizeof (*list);
		for (word n = 0; n < count; n++) {
			u64 *place = (u64 *)((u8 *)dof + target->offset + list[n].offset);

			if (list[n].type == RELO_SETX)
				*place = (word)dof + (word)*place;
		}
		if (target->type != SECT_PROBES)
			continue;
		/* Relocation and probe of the same number belong together. */
		for (word n = count; n-- > 0; ) {
			struct probe *probes = (struct probe *)((u8 *)dof + target->offset);
			word last = (word)target->size / sizeof (*probes) - 1;

			if (*zero == 0 || probes[n].address != nowhere)
				continue;
			probes[n] = probes[last];
			target->size -= sizeof (*probes);
			list[last].type = RELO_NONE;
		}
	}
}

static int
open_device(void)
{
	int file = open(device, O_RDWR | O_CLOEXEC);

	if (file < 0 && !(own && getenv("DTRACE_DOF_INIT_DEVNAME") != (char *)0))
		file = open("/dev/dtrace/helper", O_RDWR | O_CLOEXEC);
	return (file);
}

static void __attribute__((constructor))
dtrace_dof_init(void)
{
	struct header *dof = (struct header *)image;
	struct helper helper;
	int file;

	/* The compiler knows these bytes, but they are not what it knows. */
	__asm__ volatile("" : "+r" (dof) : : "memory");
	if (getenv("DTRACE_DOF_INIT_DISABLE") != (char *)0)
		return;
	own = getauxval(AT_SECURE) == 0;
	debug = own && getenv("DTRACE_DOF_INIT_DEBUG") != (char *)0;
	device = own ? getenv("DTRACE_DOF_INIT_DEVNAME") : (char *)0;
	if (device == (char *)0)
		device = "/dev/dtrace_helper";
	if (dof->ident[0] != 0x7f || dof->ident[1] != 'D' || dof->ident[2] != 'O' || dof->ident[3] != 'F') {
		say("no image", "");
		return;
	}
	if ((file = open_device()) < 0) {
		say("cannot open ", device);
		return;
	}
	find_module((word)dof);
	relocate(dof);
	for (word n = 0; n < sizeof (module); n++)
		helper.module[n] = module[n];
	helper.address = 0;
	helper.image = (word)dof;
	generation = ioctl(file, HELPER_ADDDOF, &helper);
	say(generation > 0 ? "registered" : "the driver refuses the image", "");
	(void) close(file);
}

static void __attribute__((destructor))
dtrace_dof_fini(void)
{
	int file;

	if (generation <= 0)
		return;
	if ((file = open_device()) < 0) {
		say("cannot open ", device);
		return;
	}
	say(ioctl(file, HELPER_REMOVE, (word)generation) == 0 ? "taken back" : "the driver does not know the image", "");
	generation = 0;
	(void) close(file);
}
