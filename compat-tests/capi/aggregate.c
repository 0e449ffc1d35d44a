/*
 * Aggregations: walked in every order, changed by who walks them, printed.
 */
#include <unistd.h>

#include "check.h"

#define EDT_DIRABORT	1057
#define EDT_BADRVAL	1058
#define EDT_BADNORMAL	1059

/* @a: x 3, y 1; @b: x 2. */
static const char program[] = "BEGIN { @a[\"x\"] = sum(1); @a[\"y\"] = sum(1); @b[\"x\"] = sum(2); }"
    "BEGIN { @a[\"x\"] = sum(2); } END { printa(\"%s is %@d\\n\", @a); }";

static const char *
key(const dtrace_aggdata_t *agg)
{
	return (agg->dtada_data + agg->dtada_desc->dtagd_rec[1].dtrd_offset);
}

static int64_t
value(const dtrace_aggdata_t *agg)
{
	const dtrace_aggdesc_t *desc = agg->dtada_desc;

	return (*(int64_t *)(agg->dtada_data + desc->dtagd_rec[desc->dtagd_nrecs - 1].dtrd_offset));
}

/* Notes the entries in the order in which they come. */
static int
note(const dtrace_aggdata_t *agg, void *arg)
{
	char line[64];

	CHECK(agg->dtada_handle != NULL && agg->dtada_desc->dtagd_nrecs == 3);
	CHECK(agg->dtada_desc->dtagd_varid == 1 || agg->dtada_desc->dtagd_varid == 2);
	CHECK(agg->dtada_edesc->dtepd_epid == agg->dtada_desc->dtagd_epid && agg->dtada_delta == NULL);
	CHECK(agg->dtada_size == agg->dtada_desc->dtagd_size);
	SAME(agg->dtada_pdesc->dtpd_name, "BEGIN");
	snprintf(line, sizeof (line), "%s%s%lld ", agg->dtada_desc->dtagd_name, key(agg), (long long)value(agg));
	strcat(arg, line);
	return (DTRACE_AGGWALK_NEXT);
}

/* What a walk gives, in its order. */
static const char *
order(dtrace_hdl_t *h, dtrace_aggregate_walk_f *walk)
{
	static char text[256];

	text[0] = '\0';
	WORKS(h, walk(h, note, text) == 0);
	return (text);
}

static void
orders(dtrace_hdl_t *h)
{
	CHECK(strlen(order(h, dtrace_aggregate_walk)) == strlen("ax3 ay1 bx2 "));
	SAME(order(h, dtrace_aggregate_walk_sorted), "ay1 ax3 bx2 ");
	SAME(order(h, dtrace_aggregate_walk_keysorted), "ax3 ay1 bx2 ");
	SAME(order(h, dtrace_aggregate_walk_valsorted), "ay1 ax3 bx2 ");
	SAME(order(h, dtrace_aggregate_walk_keyvarsorted), "ax3 bx2 ay1 ");
	SAME(order(h, dtrace_aggregate_walk_valvarsorted), "ay1 bx2 ax3 ");
	SAME(order(h, dtrace_aggregate_walk_keyrevsorted), "bx2 ay1 ax3 ");
	SAME(order(h, dtrace_aggregate_walk_valrevsorted), "bx2 ax3 ay1 ");
	SAME(order(h, dtrace_aggregate_walk_keyvarrevsorted), "ay1 bx2 ax3 ");
	SAME(order(h, dtrace_aggregate_walk_valvarrevsorted), "ax3 bx2 ay1 ");
	/* The options are those of the moment. */
	CHECK(dtrace_setopt(h, "aggsortkey", NULL) == 0 && dtrace_setopt(h, "aggsortrev", NULL) == 0);
	SAME(order(h, dtrace_aggregate_walk_sorted), "bx2 ay1 ax3 ");
	CHECK(dtrace_setopt(h, "aggsortkey", "off") == 0 && dtrace_setopt(h, "aggsortrev", "off") == 0);
}

static int
joined(const dtrace_aggdata_t **data, int count, void *arg)
{
	char line[64];

	CHECK(count == 3 && data[0] == data[1]);
	snprintf(line, sizeof (line), "%s:%lld,%lld ", key(data[0]), (long long)value(data[1]), (long long)value(data[2]));
	strcat(arg, line);
	return (DTRACE_AGGWALK_NEXT);
}

static int
answered(const dtrace_aggdata_t *agg, void *arg)
{
	int answer = *(int *)arg;

	if (answer == DTRACE_AGGWALK_NORMALIZE)
		((dtrace_aggdata_t *)agg)->dtada_normal = 10;
	if (answer == -2) {
		((dtrace_aggdata_t *)agg)->dtada_normal = 0;
		return (DTRACE_AGGWALK_NORMALIZE);
	}
	return (answer);
}

static int
normals(const dtrace_aggdata_t *agg, void *arg)
{
	*(uint64_t *)arg = *(uint64_t *)arg * 100 + agg->dtada_normal;
	return (DTRACE_AGGWALK_NEXT);
}

static int
remove_b(const dtrace_aggdata_t *agg, void *arg)
{
	(void) arg;
	return (agg->dtada_desc->dtagd_name[0] == 'b' ? DTRACE_AGGWALK_REMOVE : DTRACE_AGGWALK_NEXT);
}

static int
walked(dtrace_hdl_t *h, int answer)
{
	return (dtrace_aggregate_walk_keysorted(h, answered, &answer));
}

static void
changes(dtrace_hdl_t *h)
{
	uint64_t all = 0;

	CHECK(walked(h, DTRACE_AGGWALK_ABORT) == -1 && dtrace_errno(h) == EDT_DIRABORT);
	CHECK(walked(h, 17) == -1 && dtrace_errno(h) == EDT_BADRVAL);
	CHECK(walked(h, -2) == -1 && dtrace_errno(h) == EDT_BADNORMAL);
	CHECK(walked(h, DTRACE_AGGWALK_ERROR) == -1);
	CHECK(dtrace_aggregate_walk(h, NULL, NULL) == -1);
	WORKS(h, walked(h, DTRACE_AGGWALK_NORMALIZE) == 0);
	WORKS(h, dtrace_aggregate_walk(h, normals, &all) == 0);
	CHECK(all == 101010);
	WORKS(h, walked(h, DTRACE_AGGWALK_DENORMALIZE) == 0);
	all = 0;
	WORKS(h, dtrace_aggregate_walk(h, normals, &all) == 0);
	CHECK(all == 10101);
	WORKS(h, dtrace_aggregate_walk(h, remove_b, NULL) == 0);
	SAME(order(h, dtrace_aggregate_walk_sorted), "ay1 ax3 ");
	WORKS(h, walked(h, DTRACE_AGGWALK_CLEAR) == 0);
	SAME(order(h, dtrace_aggregate_walk_keysorted), "ax0 ay0 ");
}

/* Without a handler of its own for printa(), a client prints by the program's format; here it has one. */
static int
print_record(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg)
{
	dtrace_hdl_t *h = data->dtpda_handle;

	if (rec == NULL || rec->dtrd_action != DTRACEACT_PRINTA)
		return (DTRACE_CONSUME_NEXT);
	void *format = dtrace_printa_create(h, "%s->%@d\n");

	WORKS(h, format != NULL);
	WORKS(h, dtrace_fprinta(h, arg, format, data, rec, 1, data->dtpda_data - rec->dtrd_offset,
	    data->dtpda_edesc->dtepd_size) == 1);
	WORKS(h, dtrace_fprinta(h, arg, NULL, data, rec, 1, data->dtpda_data - rec->dtrd_offset,
	    data->dtpda_edesc->dtepd_size) == 1);
	return (DTRACE_CONSUME_THIS);
}

static int
per_cpu(const dtrace_aggdata_t *agg, void *arg)
{
	long cpus = *(long *)arg;
	int64_t sum = 0;

	CHECK(agg->dtada_percpu != NULL && agg->dtada_percpu_delta == NULL);
	for (long i = 0; i < cpus; i++)
		sum += agg->dtada_percpu[i] == NULL ? 0 : *(int64_t *)agg->dtada_percpu[i];
	CHECK(sum == value(agg));
	return (DTRACE_AGGWALK_NEXT);
}


int
main(void)
{
	dtrace_hdl_t *h = opened();
	FILE *out = tmpfile();
	char rows[64] = "";
	dtrace_aggvarid_t variables[] = { 1, 2 };
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	WORKS(h, dtrace_aggregate_walk(h, note, NULL) == 0);
	WORKS(h, dtrace_setopt(h, "aggpercpu", NULL) == 0);
	WORKS(h, dtrace_setopt(h, "quiet", NULL) == 0);
	enabled(h, program);
	WORKS(h, dtrace_go(h) == 0);
	WORKS(h, dtrace_stop(h) == 0);
	WORKS(h, dtrace_aggregate_snap(h) == 0);

	orders(h);
	WORKS(h, dtrace_aggregate_walk(h, per_cpu, &cpus) == 0);
	WORKS(h, dtrace_aggregate_walk_joined(h, variables, 2, joined, rows) == 0);
	SAME(rows, "y:1,0 x:3,2 ");
	CHECK(dtrace_aggregate_walk_joined(h, variables, 0, joined, rows) == -1);
	WORKS(h, dtrace_aggregate_print(h, out, dtrace_aggregate_walk_keysorted) == 0);
	SAME(written(out),
	    "  x                                                                 3\n"
	    "  y                                                                 1\n"
	    "  x                                                                 2\n");
	fclose(out);

	out = tmpfile();
	WORKS(h, dtrace_work(h, out, NULL, print_record, out) == DTRACE_WORKSTATUS_DONE);
	SAME(written(out), "y->1\nx->3\n"
	    "  y                                                                 1\n"
	    "  x                                                                 3\n"
	    "y is 1\nx is 3\n");
	fclose(out);

	/* What the program has printed itself is marked, and not printed again. */
	out = tmpfile();
	WORKS(h, dtrace_aggregate_print(h, out, NULL) == 0);
	SAME(written(out), "  x                                                                 2\n");
	fclose(out);

	changes(h);
	dtrace_aggregate_clear(h);
	SAME(order(h, dtrace_aggregate_walk_keysorted), "ax0 ay0 ");
	dtrace_close(h);
	return (0);
}
