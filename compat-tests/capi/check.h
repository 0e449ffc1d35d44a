/*
 * What the test programs of the C interface have in common: a check that says where it failed.
 */
#ifndef CHECK_H
#define CHECK_H

#include <dtrace.h>
#include <libproc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)	\
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			exit(1); \
		} \
	} while (0)

/* A call that does not fail, with the handle's own words where it does. */
#define WORKS(h, call)	\
	do { \
		if (!(call)) { \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, dtrace_errmsg(h, dtrace_errno(h))); \
			exit(1); \
		} \
	} while (0)

#define SAME(a, b)	\
	do { \
		const char *first_ = (a), *second_ = (b); \
		if (strcmp(first_, second_) != 0) { \
			fprintf(stderr, "%s:%d: \"%s\" is not \"%s\"\n", __FILE__, __LINE__, first_, second_); \
			exit(1); \
		} \
	} while (0)

static inline dtrace_hdl_t *
opened(void)
{
	int err = 0;
	dtrace_hdl_t *h = dtrace_open(DTRACE_VERSION, 0, &err);

	if (h == NULL) {
		fprintf(stderr, "dtrace_open: %s\n", dtrace_errmsg(NULL, err));
		exit(1);
	}
	CHECK(dtrace_setopt(h, "bufsize", "64k") == 0);
	CHECK(dtrace_setopt(h, "aggsize", "64k") == 0);
	return (h);
}

/* What a stream holds from its beginning; it is read to its end. */
static inline const char *
written(FILE *file)
{
	static char text[1 << 16];
	size_t length;

	rewind(file);
	length = fread(text, 1, sizeof (text) - 1, file);
	text[length] = '\0';
	return (text);
}

/* Compiles and enables a text as -n does. */
static inline void
enabled(dtrace_hdl_t *h, const char *text)
{
	dtrace_proginfo_t info;
	dtrace_prog_t *p = dtrace_program_strcompile(h, text, DTRACE_PROBESPEC_NAME, 0, 0, NULL);

	WORKS(h, p != NULL);
	WORKS(h, dtrace_program_exec(h, p, &info) == 0);
	CHECK(info.dpi_matches > 0);
}

#endif
