/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "inline.h"

long
two(long n)
{
	WEB_MY_DONE();
	return (shared<long>(n));
}
