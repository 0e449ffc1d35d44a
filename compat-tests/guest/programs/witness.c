// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * witness PART: does something that D's variables can be asked about, and says what they should have said.
 *
 *   who      a second thread calls getppid; prints "pid tid ppid uid gid"
 *   time     between getpgid(1) and getpgid(2): sleeps 0.3 s and works 0.2 s; prints the milliseconds of CPU time of that
 *   calls N  between getpgid(1) and getpgid(2): N calls of getppid; prints the microseconds of CPU time of that
 *   regs     getpgid(7); prints the base of its fs segment in hexadecimal
 *   frames   getpgid(7) in one function of another; prints the range of the outer one, in hexadecimal
 *   errors   close(-1), then close of a descriptor that is open
 *   files    opens files of many kinds from descriptor 10 on, calls getpgid(7), and prints what /proc says their paths are
 *   wait     says "ready" and calls getppid every 10 ms, until somebody ends it
 *   memory   getcwd into a buffer of "----"; prints the first four bytes of it after the call
 *
 * It knows 64 bits only.
 * build: witness -m64 -pthread
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void *who(void *unused)
{
	pid_t parent = (pid_t)syscall(SYS_getppid);

	printf("%d %ld %d %d %d\n", getpid(), syscall(SYS_gettid), parent, getuid(), getgid());
	return unused;
}

#define FRAMED __attribute__((noinline, optimize("no-omit-frame-pointer", "no-optimize-sibling-calls")))

static FRAMED void nothing(void)
{
	asm volatile("");
}

/* It calls a function, so that it has a frame. */
static FRAMED long inner(void)
{
	long result;

	asm volatile("syscall" : "=a"(result) : "0"(SYS_getpgid), "D"(7) : "rcx", "r11", "memory");
	nothing();
	return result;
}

static FRAMED long outer(void)
{
	return inner() + 1;
}
static FRAMED long behind_outer(void)
{
	return outer() + 2;
}

static void name(int fd)
{
	char link[64], path[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	printf("%.*s\n", (int)(n < 0 ? 0 : n), path);
}

static void files(void)
{
	int pipes[2], next = 10;
	int from[] = {
		open("/etc/passwd", O_RDONLY), open("/proc/self/status", O_RDONLY), open("/", O_RDONLY),
		open("/dev/null", O_RDONLY), open("/tmp", O_RDONLY), open("/tmp/gone", O_CREAT | O_RDWR, 0600),
		socket(AF_UNIX, SOCK_STREAM, 0), eventfd(0, 0), open("/mnt/deep/er/file", O_CREAT | O_RDWR, 0600),
	};

	unlink("/tmp/gone");
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		dup2(from[i], next++);
	if (pipe(pipes) == 0)
		dup2(pipes[0], next++);
	syscall(SYS_getpgid, 7);
	for (int fd = 10; fd < next; fd++)
		name(fd);
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(part, "who")) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, who, NULL) != 0)
			errx(1, "no thread");
		pthread_join(thread, NULL);
	} else if (!strcmp(part, "time")) {
		long from, until;

		syscall(SYS_getpgid, 1);
		from = ns(CLOCK_THREAD_CPUTIME_ID);
		usleep(300000);
		for (until = ns(CLOCK_THREAD_CPUTIME_ID) + 200000000; ns(CLOCK_THREAD_CPUTIME_ID) < until;)
			;
		until = ns(CLOCK_THREAD_CPUTIME_ID);
		syscall(SYS_getpgid, 2);
		printf("%ld\n", (until - from) / 1000000);
	} else if (!strcmp(part, "calls") && argc > 2) {
		long from;

		syscall(SYS_getpgid, 1);
		from = ns(CLOCK_THREAD_CPUTIME_ID);
		for (long n = atol(argv[2]); n > 0; n--)
			syscall(SYS_getppid);
		from = ns(CLOCK_THREAD_CPUTIME_ID) - from;
		syscall(SYS_getpgid, 2);
		printf("%ld\n", from / 1000);
	} else if (!strcmp(part, "regs")) {
		syscall(SYS_getpgid, 7);
		printf("%lx\n", (unsigned long)pthread_self());
	} else if (!strcmp(part, "frames")) {
		behind_outer();
		printf("%lx %lx\n", (unsigned long)outer, (unsigned long)behind_outer);
	} else if (!strcmp(part, "errors")) {
		close(-1);
		close(0);
	} else if (!strcmp(part, "files")) {
		files();
	} else if (!strcmp(part, "wait")) {
		puts("ready");
		for (;;) {
			syscall(SYS_getppid);
			usleep(10000);
		}
	} else if (!strcmp(part, "memory")) {
		char buffer[256] = "----";

		syscall(SYS_getcwd, buffer, sizeof(buffer));
		printf("%.4s\n", buffer);
	} else {
		errx(2, "usage: witness PART");
	}
	return 0;
}
