// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * stall: asks /dev/dtrace for its configuration, to be written to a page that nobody ever brings (userfaultfd), and /dev/dtrace_helper
 * to take an image from there. Prints "waiting" when both requests wait for the page, and goes on waiting until it is killed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

struct request {
	const char *device;
	unsigned long command;
	char *page;
};

static void *ask(void *arg)
{
	struct request *request = arg;
	int fd = open(request->device, O_RDWR);

	if (fd < 0)
		err(1, "%s", request->device);
	errx(1, "%s answered %d", request->device, ioctl(fd, request->command, request->page));
}

int main(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)pages, .len = 2 * PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING
	};

	if (fd < 0 || pages == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))
		err(77, "userfaultfd");
	struct request requests[] = {
		{ "/dev/dtrace", 0x6474720a, pages },
		{ "/dev/dtrace_helper", 0x64746801, pages + PAGE },
	};
	for (int i = 0; i < 2; i++) {
		pthread_t thread;
		struct uffd_msg message;

		if (pthread_create(&thread, NULL, ask, &requests[i]))
			errx(1, "no thread");
		if (read(fd, &message, sizeof(message)) != sizeof(message) || message.event != UFFD_EVENT_PAGEFAULT)
			errx(1, "no page fault");
	}
	puts("waiting");
	fflush(stdout);
	pause();
}
