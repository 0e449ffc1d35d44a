#include "port.h"

#include <string.h>

/* Copies as much of a string as there is room for, and says how long all of it is. */
__attribute__((weak)) size_t
strlcpy(char *to, const char *from, size_t size)
{
	size_t length = strlen(from);

	if (size != 0) {
		size_t kept = length < size ? length : size - 1;

		memcpy(to, from, kept);
		to[kept] = '\0';
	}
	return (length);
}
