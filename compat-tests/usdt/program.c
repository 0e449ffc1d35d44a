/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A program with probes in every place where compilers put calls. It is C and C++. With an argument it waits for a line. */
#include <stdio.h>
#include "provider.h"

static char text[] = "text";

static int __attribute__((noinline))
asks(int n)
{
	if (WEB_REQUEST_ENABLED())
		WEB_REQUEST(n, text);
	return (n + 1);
}

int
last_is_a_question(void)
{
	return (WEB_MY_DONE_ENABLED());
}

void
last_is_a_probe(int n)
{
	WEB_REQUEST(n, text);
}

void
last_under_a_condition(int n)
{
	if (n > 0)
		WEB_REQUEST(n, text);
}

int
main(int argc, char *argv[])
{
	WEB_REQUEST(argc, argv[0]);
	printf("%d %d\n", asks(argc), last_is_a_question());
	last_is_a_probe(argc);
	last_under_a_condition(argc);
	if (argc > 1)
		(void) getchar();
	WEB_MY_DONE();
	return (0);
}
