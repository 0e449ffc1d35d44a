/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "provider.h"

int
in_a_library(int n)
{
	WEB_REQUEST(n, "library");
	return (n * 2);
}
