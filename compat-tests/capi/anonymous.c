/*
 * Anonymous tracing: one process saves what the engine is to begin with, another claims it. Images of DOF, one behind the other.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define EDT_NOANON	1049
#define EDT_ISANON	1050

static void
save(FILE *file, dtrace_hdl_t *h, void *image)
{
	static const char padding[8];
	uint64_t size;

	WORKS(h, image != NULL);
	size = ((dof_hdr_t *)image)->dofh_loadsz;
	CHECK(fwrite(image, 1, size, file) == size);
	CHECK(fwrite(padding, 1, -size % 8, file) == -size % 8);
	dtrace_dof_destroy(h, image);
}

static void
saver(const char *path)
{
	static const char text[] =
	    "BEGIN { printf(\"%s %d,\", probename, 7); trace(8); @[\"key\"] = sum(9); } END { trace(10); }";
	dtrace_hdl_t *h = opened();
	dtrace_prog_t *p = dtrace_program_strcompile(h, text, DTRACE_PROBESPEC_NAME, 0, 0, NULL);
	FILE *file = fopen(path, "w");

	WORKS(h, p != NULL);
	save(file, h, dtrace_dof_create(h, p, DTRACE_D_STRIP));
	save(file, h, dtrace_geterr_dof(h));
	save(file, h, dtrace_getopt_dof(h));
	CHECK(fclose(file) == 0);
	dtrace_close(h);
}

static int
each_probe(const dtrace_probedata_t *data, void *arg)
{
	(void) data;
	++*(int *)arg;
	return (DTRACE_CONSUME_THIS);
}

static int
each_record(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg)
{
	(void) data, (void) arg;
	return (rec == NULL ? DTRACE_CONSUME_NEXT : DTRACE_CONSUME_THIS);
}

static int
each_aggregation(const dtrace_aggdata_t *data, void *arg)
{
	const dtrace_aggdesc_t *desc = data->dtada_desc;

	SAME(data->dtada_data + desc->dtagd_rec[1].dtrd_offset, "key");
	*(int64_t *)arg += *(int64_t *)(data->dtada_data + desc->dtagd_rec[2].dtrd_offset);
	return (DTRACE_AGGWALK_NEXT);
}

int
main(void)
{
	char path[] = "/tmp/capi-anonymous-XXXXXX";
	dtrace_hdl_t *h;
	FILE *out = tmpfile();
	int64_t sum = 0;
	int probes = 0, status;
	pid_t child;

	CHECK(close(mkstemp(path)) == 0);
	/* An engine begins once in a process. */
	child = fork();
	if (child == 0) {
		saver(path);
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(setenv("DTRACE_ANONYMOUS", path, 1) == 0);

	h = opened();
	CHECK(dtrace_setopt(h, "grabanon", NULL) == 0);
	enabled(h, "BEGIN");
	CHECK(dtrace_go(h) == -1 && dtrace_errno(h) == EDT_ISANON);
	dtrace_close(h);

	h = opened();
	CHECK(dtrace_setopt(h, "grabanon", NULL) == 0);
	WORKS(h, dtrace_go(h) == 0);
	WORKS(h, dtrace_stop(h) == 0);
	WORKS(h, dtrace_work(h, out, each_probe, each_record, &probes) == DTRACE_WORKSTATUS_DONE);
	CHECK(probes == 2);
	SAME(written(out), "BEGIN 7,        8       10");
	WORKS(h, dtrace_aggregate_walk(h, each_aggregation, &sum) == 0);
	CHECK(sum == 9);
	dtrace_close(h);

	h = opened();
	CHECK(dtrace_setopt(h, "grabanon", NULL) == 0);
	CHECK(dtrace_go(h) == -1 && dtrace_errno(h) == EDT_NOANON);
	dtrace_close(h);
	fclose(out);
	CHECK(unlink(path) == 0);
	return (0);
}
