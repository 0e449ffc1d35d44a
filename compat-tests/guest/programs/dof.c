// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * dof load FILE...: gives each file, a DOF image, to the driver, and prints "FILE: loads" or "FILE: <error>" for each.
 * dof bend COUNT SEED [FILE...]: gives the driver COUNT damaged images, made of the files or else of a small sound one:
 * truncated, with bytes or bits changed, or noise. What is not refused runs for a moment. Prints "N run, N refused"; an answer
 * that is neither success nor an error number of the contract (section 2.1) ends it with 1.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <sys/dtrace.h>

enum { ROOM = 256 * 1024 };

struct image {
	size_t size;
	_Alignas(8) unsigned char bytes[ROOM];
};

/* Appends a section and its contents, and answers its index. */
static uint32_t section(struct image *image, uint32_t type, uint32_t align, uint32_t entsize, const void *data, size_t size)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;
	dof_sec_t *sections = (dof_sec_t *)(image->bytes + sizeof(*header));

	image->size = (image->size + align - 1) / align * align;
	sections[header->dofh_secnum] = (dof_sec_t){ .dofs_type = type, .dofs_align = align, .dofs_flags = DOF_SECF_LOAD,
		.dofs_entsize = entsize, .dofs_offset = image->size, .dofs_size = size };
	memcpy(image->bytes + image->size, data, size);
	image->size += size;
	return header->dofh_secnum++;
}

/* syscall::getppid:entry { trace(7); } */
static void sound(struct image *image)
{
	static const char names[] = "\0syscall\0getppid\0entry";
	static const uint64_t integers[] = { 7 };
	const uint32_t text[] = { DIF_OP_SETX << 24 | 1, DIF_OP_RET << 24 | 1 };
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;

	memset(image, 0, sizeof(*image));
	memcpy(header->dofh_ident, (const unsigned char[DOF_ID_SIZE]){ DOF_MAG_MAG0, DOF_MAG_MAG1, DOF_MAG_MAG2, DOF_MAG_MAG3,
		DOF_MODEL_LP64, DOF_ENCODE_LSB, DOF_VERSION, 2, 8, 8 }, DOF_ID_SIZE);
	header->dofh_hdrsize = sizeof(dof_hdr_t);
	header->dofh_secsize = sizeof(dof_sec_t);
	header->dofh_secoff = sizeof(dof_hdr_t);
	image->size = sizeof(dof_hdr_t) + 7 * sizeof(dof_sec_t);

	uint32_t strings = section(image, DOF_SECT_STRTAB, 1, 0, names, sizeof(names));
	uint32_t probe = section(image, DOF_SECT_PROBEDESC, 4, 0, &(dof_probedesc_t){ .dofp_strtab = strings,
		.dofp_provider = 1, .dofp_func = 9, .dofp_name = 17 }, sizeof(dof_probedesc_t));
	uint32_t dif = section(image, DOF_SECT_DIF, 4, 4, text, sizeof(text));
	uint32_t ints = section(image, DOF_SECT_INTTAB, 8, 8, integers, sizeof(integers));
	struct {
		dtrace_diftype_t type;
		dof_secidx_t links[2];
	} difo = { .type = { .dtdt_kind = DIF_TYPE_CTF, .dtdt_ckind = 1, .dtdt_size = 8 }, .links = { dif, ints } };
	uint32_t expression = section(image, DOF_SECT_DIFOHDR, 4, 0, &difo, sizeof(difo));
	uint32_t action = section(image, DOF_SECT_ACTDESC, 8, sizeof(dof_actdesc_t), &(dof_actdesc_t){ .dofa_difo = expression,
		.dofa_strtab = DOF_SECIDX_NONE, .dofa_kind = DTRACEACT_DIFEXPR }, sizeof(dof_actdesc_t));

	section(image, DOF_SECT_ECBDESC, 8, 0, &(dof_ecbdesc_t){ .dofe_probes = probe, .dofe_pred = DOF_SECIDX_NONE,
		.dofe_actions = action }, sizeof(dof_ecbdesc_t));
	header->dofh_loadsz = header->dofh_filesz = image->size;
}

static void read_file(struct image *image, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, image->bytes, ROOM);

	if (n < 0)
		err(2, "%s", path);
	close(fd);
	image->size = (size_t)n;
}

static int consumer(void)
{
	int fd = open("/dev/dtrace", O_RDWR);

	if (fd < 0)
		err(2, "/dev/dtrace");
	return fd;
}

/* Marsaglia's xorshift64*: the same numbers for the same seed. */
static uint64_t state;

static uint64_t below(uint64_t limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d % limit;
}

static void bend(struct image *image)
{
	dof_hdr_t *header = (dof_hdr_t *)image->bytes;

	switch (below(8)) {
	case 0: /* A file that ends early, and says so. */
		image->size = below(image->size);
		header->dofh_loadsz = image->size;
		break;
	case 1: /* Noise behind a sound identification. */
		for (size_t i = DOF_ID_SIZE; i < image->size; i++)
			image->bytes[i] = (unsigned char)below(256);
		header->dofh_loadsz = below(2) ? image->size : below(ROOM);
		break;
	case 2: /* A word with a value that often is a limit. */
		for (uint64_t n = 1 + below(3); n > 0; n--) {
			static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x1000 };

			memcpy(image->bytes + below(image->size / 4) * 4, &values[below(7)], 4);
		}
		break;
	default: /* A few bits. */
		for (uint64_t n = 1 + below(4); n > 0; n--)
			image->bytes[below(image->size)] ^= (unsigned char)(1 << below(8));
	}
}

static int bend_all(long count, char **files, int nfiles)
{
	static struct image image;
	long ran = 0, refused = 0;

	for (long i = 0; i < count; i++) {
		int32_t cpu = 0;
		int fd = consumer();

		if (nfiles > 0)
			read_file(&image, files[below((uint64_t)nfiles)]);
		else
			sound(&image);
		bend(&image);
		if (ioctl(fd, DTRACEIOC_ENABLE, image.bytes) < 0) {
			switch (errno) {
			case EINVAL: case E2BIG: case EFAULT: case EBUSY: case EACCES: case ENOMEM: case ESRCH:
				refused++;
				break;
			default:
				err(1, "image %ld", i);
			}
		} else {
			ran++;
			/* Destructive actions and absurd buffers are refused here. */
			if (ioctl(fd, DTRACEIOC_GO, &cpu) == 0) {
				getppid();
				ioctl(fd, DTRACEIOC_STOP, &cpu);
			}
		}
		close(fd);
	}
	printf("%ld run, %ld refused\n", ran, refused);
	return 0;
}

int main(int argc, char **argv)
{
	static struct image image;

	if (argc > 2 && strcmp(argv[1], "load") == 0) {
		for (int i = 2; i < argc; i++) {
			int fd = consumer();

			read_file(&image, argv[i]);
			printf("%s: %s\n", argv[i], ioctl(fd, DTRACEIOC_ENABLE, image.bytes) < 0 ? strerror(errno) : "loads");
			close(fd);
		}
		return 0;
	}
	if (argc > 3 && strcmp(argv[1], "bend") == 0) {
		state = strtoull(argv[3], NULL, 0) | 1;
		return bend_all(strtol(argv[2], NULL, 0), argv + 4, argc - 4);
	}
	errx(2, "usage: dof load FILE... | dof bend COUNT SEED [FILE...]");
}
