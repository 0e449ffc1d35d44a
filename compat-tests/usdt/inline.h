/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A function that every object has a copy of; the link editor keeps one. */
#include "provider.h"

template <typename T> T __attribute__((noinline))
shared(T n)
{
	T sum = 0;

	for (T i = 0; i < n; i++)
		sum += i * n;
	WEB_REQUEST((int)sum, (char *)0);
	return (sum);
}
