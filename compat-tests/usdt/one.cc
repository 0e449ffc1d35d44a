/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdio.h>
#include "inline.h"

long two(long);

int
main(int argc, char *[])
{
	printf("%ld %ld\n", shared<long>(argc + 3), two(argc + 4));
	return (0);
}
