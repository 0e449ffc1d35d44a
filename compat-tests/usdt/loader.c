/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Loads a library, calls it and unloads it, twice. */
#include <dlfcn.h>
#include <stdio.h>

int
main(int argc, char *argv[])
{
	for (int i = 0; i < 2; i++) {
		void *library = dlopen(argv[1], RTLD_NOW);
		int (*function)(int);

		if (library == NULL || (function = (int (*)(int))dlsym(library, "in_a_library")) == NULL) {
			fprintf(stderr, "%s\n", dlerror());
			return (1);
		}
		fprintf(stderr, "%d\n", function(argc));
		(void) dlclose(library);
	}
	return (0);
}
