/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A 32-bit program without a C library, so that none of 32 bits is needed: it is all that the code which registers images
 * wants, and says where the probe is. Status 0: the image arrived, and names that place.
 */
#include "provider.h"

typedef void (*function)(void);

extern function __init_array_start[], __init_array_end[];

static const unsigned char *brought;
static unsigned long long base;

static int
call(int number, int one)
{
	int result;

	__asm__ volatile ("int $0x80" : "=a" (result) : "a" (number), "b" (one) : "memory");
	return (result);
}

int open(const char *path, int flags, ...) { return (path[5] == 'd' ? 3 : -1); }
int close(int file) { return (0); }
long read(int file, void *buffer, unsigned long size) { return (0); }
long write(int file, const void *buffer, unsigned long size) { return (size); }
char *getenv(const char *name) { return ((char *)0); }
unsigned long getauxval(unsigned long which) { return ((void)which, 0); }

int
ioctl(int file, unsigned long request, const unsigned char *helper)
{
	base = *(const unsigned long long *)(helper + 64);
	brought = (const unsigned char *)*(const unsigned long *)(helper + 72);
	return (1);
}

void __attribute__((noinline))
probed(int n)
{
	WEB_REQUEST(n, (char *)0);
	__asm__ volatile ("");
}

void
_start(void)
{
	const unsigned char *section;
	int status = 1;

	for (function *f = __init_array_start; f < __init_array_end; f++)
		(*f)();
	probed(1);
	/* The headers of the sections follow that of the image. Section 1 has the probes, section 3 their places. */
	if (brought != (const unsigned char *)0 && brought[4] == 1) {
		section = brought + 64 + 32;
		if (*(const unsigned *)section == 16) {
			const unsigned char *probe = brought + *(const unsigned *)(section + 16);
			const unsigned char *places = brought + *(const unsigned *)(brought + 64 + 3 * 32 + 16);
			unsigned long long address = *(const unsigned long long *)probe + base;

			if (address == (unsigned long)probed)
				status = ((const unsigned char *)probed)[*(const unsigned *)places] == 0x90 ? 0 : 3;
			else
				status = 2;
		}
	}
	(void) call(1, status);
	for (;;)
		;
}
