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
#include "image.h"

/* syscall:x64:getppid:entry { trace(arg0); @[pid] = count(); } */
static void sound(struct image *image)
{
	image_begin(image);
	image_clause(image, "syscall", "x64", "getppid", "entry", IMAGE_TRACE | IMAGE_COUNT);
	image_end(image);
}

static void read_file(struct image *image, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, image->bytes, IMAGE_ROOM);

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
		header->dofh_loadsz = below(2) ? image->size : below(IMAGE_ROOM);
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
