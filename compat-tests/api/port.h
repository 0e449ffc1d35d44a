/*
 * What the original's own support library declares for its command, and glibc 2.36 does not have.
 */
#ifndef PORT_H
#define PORT_H

#include <stddef.h>

size_t strlcpy(char *to, const char *from, size_t size);

#endif
