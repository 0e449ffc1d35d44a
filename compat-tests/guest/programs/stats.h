// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What the driver says of itself. */
#ifndef STATS_H
#define STATS_H

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A number of /proc/dtrace/stats. */
static unsigned long stat_of(const char *name)
{
	static char text[16384];
	int fd = open("/proc/dtrace/stats", O_RDONLY | O_CLOEXEC);
	size_t length = 0, prefix = strlen(name);
	ssize_t n;

	if (fd < 0)
		err(1, "/proc/dtrace/stats");
	while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	text[length] = '\0';
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, name, prefix) == 0 && line[prefix] == '=')
			return strtoul(line + prefix + 1, NULL, 10);
	}
	errx(1, "/proc/dtrace/stats has no %s", name);
}

#endif
