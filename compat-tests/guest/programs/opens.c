// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * opens COUNT PRESENT MISSING: opens a file that is there and one that is not, COUNT times each, and looks at every result: a
 * descriptor, which must be the lowest that is free, and ENOENT. Says what was wrong, if anything, and how often; exits with 0 if
 * nothing was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long wrong = 0;

	if (argc != 4)
		return 2;
	int lowest = dup(0);

	close(lowest);
	for (long count = atol(argv[1]); count > 0; count--) {
		int fd = open(argv[2], O_RDONLY);

		if (fd != lowest && wrong++ == 0)
			printf("%s: %d, error %d\n", argv[2], fd, errno);
		if (close(fd) != 0 && wrong++ == 0)
			printf("close: error %d\n", errno);
		errno = 0;
		fd = open(argv[3], O_RDONLY);
		if ((fd != -1 || errno != ENOENT) && wrong++ == 0)
			printf("%s: %d, error %d\n", argv[3], fd, errno);
	}
	if (wrong)
		printf("%ld wrong\n", wrong);
	return wrong != 0;
}
