/*
 * Tracing: what a client sees of probes, records, faults and options, and how it prints them itself.
 */
#include <errno.h>
#include <unistd.h>

#include "check.h"

#define EDT_ERRABORT	1055
#define EDT_DIRABORT	1057
#define EDT_BADRVAL	1058
#define EDT_NOBUFFERED	1068

static char directory[] = "/tmp/capi-XXXXXX";

/* Works until everything is consumed. */
static int
worked(dtrace_hdl_t *h, FILE *out, dtrace_consume_probe_f *probe, dtrace_consume_rec_f *rec, void *arg)
{
	int status;

	do {
		dtrace_sleep(h);
		status = dtrace_work(h, out, probe, rec, arg);
	} while (status == DTRACE_WORKSTATUS_OKAY);
	return (status);
}

static int
each_record(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg)
{
	(void) data, (void) arg;
	return (rec == NULL ? DTRACE_CONSUME_NEXT : DTRACE_CONSUME_THIS);
}

struct seen {
	int probes, records, ends, status;
};

static int
see_probe(const dtrace_probedata_t *data, void *arg)
{
	struct seen *seen = arg;

	SAME(data->dtpda_pdesc->dtpd_provider, "dtrace");
	SAME(data->dtpda_pdesc->dtpd_name, "BEGIN");
	CHECK(data->dtpda_handle != NULL && data->dtpda_cpu >= 0 && data->dtpda_flow == DTRACEFLOW_NONE);
	CHECK(data->dtpda_edesc->dtepd_nrecs == 3 && data->dtpda_edesc->dtepd_probeid == data->dtpda_pdesc->dtpd_id);
	CHECK(*(dtrace_epid_t *)data->dtpda_data == data->dtpda_edesc->dtepd_epid);
	CHECK(data->dtpda_prefix == NULL);
	seen->probes++;
	return (DTRACE_CONSUME_THIS);
}

static int
see_record(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg)
{
	struct seen *seen = arg;
	dtrace_hdl_t *h = data->dtpda_handle;
	dtrace_optval_t value;
	char text[64];

	if (rec == NULL) {
		seen->ends++;
		return (DTRACE_CONSUME_NEXT);
	}
	CHECK(rec == &data->dtpda_edesc->dtepd_rec[seen->records]);
	seen->records++;
	/* A callback looks things up, sets what may be set now, and is refused the rest. */
	WORKS(h, dtrace_getopt(h, "bufsize", &value) == 0 && value == 1 << 16);
	WORKS(h, dtrace_addr2str(h, 16, text, sizeof (text)) == 4);
	WORKS(h, dtrace_setopt(h, "rawbytes", "off") == 0);
	CHECK(dtrace_setopt(h, "bufsize", "1m") == -1);
	CHECK(dtrace_program_strcompile(h, "BEGIN", DTRACE_PROBESPEC_NAME, 0, 0, NULL) == NULL);
	CHECK(dtrace_errno(h) == EBUSY && dtrace_go(h) == -1 && dtrace_errno(h) == EBUSY);
	dtrace_close(h);
	if (rec->dtrd_action == DTRACEACT_EXIT) {
		seen->status = *(int *)data->dtpda_data;
		return (DTRACE_CONSUME_NEXT);
	}
	return (DTRACE_CONSUME_THIS);
}

static void
records(void)
{
	dtrace_hdl_t *h = opened();
	struct seen seen = { 0, 0, 0, 0 };
	FILE *out = tmpfile();

	CHECK(dtrace_status(h) == DTRACE_STATUS_NONE);
	enabled(h, "BEGIN { trace(42); trace(\"text\"); exit(3); }");
	WORKS(h, dtrace_go(h) == 0);
	CHECK(dtrace_go(h) == -1);
	WORKS(h, worked(h, out, see_probe, see_record, &seen) == DTRACE_WORKSTATUS_DONE);
	CHECK(seen.probes == 1 && seen.records == 3 && seen.ends == 1 && seen.status == 3);
	SAME(written(out), "       42  text                             ");
	CHECK(dtrace_status(h) == DTRACE_STATUS_STOPPED);
	fclose(out);
	dtrace_close(h);
}

static int
answer(const dtrace_probedata_t *data, void *arg)
{
	(void) data;
	return (*(int *)arg);
}

/* What a callback answers is what happens; one that is left out lets the probe pass, and prints no record. */
static void
answers(void)
{
	static const struct {
		int answer, result, error;
	} cases[] = {
		{ DTRACE_CONSUME_NEXT, DTRACE_WORKSTATUS_DONE, 0 },
		{ DTRACE_CONSUME_ABORT, DTRACE_WORKSTATUS_ERROR, EDT_DIRABORT },
		{ DTRACE_CONSUME_ERROR, DTRACE_WORKSTATUS_ERROR, EDT_BADRVAL },
		{ 17, DTRACE_WORKSTATUS_ERROR, EDT_BADRVAL },
	};

	for (size_t i = 0; i <= sizeof (cases) / sizeof (cases[0]); i++) {
		dtrace_hdl_t *h = opened();
		FILE *out = tmpfile();

		enabled(h, "BEGIN { trace(1); exit(0); }");
		WORKS(h, dtrace_go(h) == 0);
		if (i < sizeof (cases) / sizeof (cases[0])) {
			int given = cases[i].answer;

			CHECK(worked(h, out, answer, each_record, &given) == cases[i].result);
			CHECK(cases[i].error == 0 || dtrace_errno(h) == cases[i].error);
		} else {
			WORKS(h, worked(h, out, NULL, NULL, NULL) == DTRACE_WORKSTATUS_DONE);
		}
		SAME(written(out), "");
		fclose(out);
		dtrace_close(h);
	}
}

static FILE *printed;

/* Prints the records of printf("%d-%s\n") in its own ways. */
static int
print_record(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg)
{
	dtrace_hdl_t *h = data->dtpda_handle;
	char text[128], line[256];
	int *done = arg;

	if (rec == NULL || rec->dtrd_action == DTRACEACT_EXIT)
		return (DTRACE_CONSUME_NEXT);
	if ((*done)++ != 0)
		return (DTRACE_CONSUME_NEXT);
	const void *buf = data->dtpda_data - rec->dtrd_offset;
	size_t len = data->dtpda_edesc->dtepd_size;

	WORKS(h, dtrace_fprintf(h, printed, dtrace_printf_create(h, "%d=%s\n"), data, rec, 2, buf, len) == 2);
	WORKS(h, dtrace_fprintf(h, printed, dtrace_printf_create(h, "one %d\n"), data, rec, 2, buf, len) == 1);
	/* What comes before the mistake is printed: 5, and then a number of four letters. */
	CHECK(dtrace_fprintf(h, printed, dtrace_printf_create(h, "%d%d%d"), data, rec, 2, buf, len) == -1);
	CHECK(dtrace_fprintf(h, printed, dtrace_printf_create(h, "%d"), data, rec, 1, buf, 3) == -1);
	CHECK(dtrace_fprintf(h, printed, text, data, rec, 1, buf, len) == -1 && dtrace_errno(h) == EINVAL);

	snprintf(text, sizeof (text), "echo sys-%%d-%%s >%s/system", directory);
	WORKS(h, dtrace_system(h, printed, dtrace_printf_create(h, text), data, rec, 2, buf, len) == 2);
	snprintf(text, sizeof (text), "%s/system", directory);
	FILE *file = fopen(text, "r");

	CHECK(file != NULL && fgets(line, sizeof (line), file) != NULL);
	SAME(line, "sys-5-five\n");
	fclose(file);

	/* The stream goes elsewhere, with what the client itself writes to it, and comes back. */
	snprintf(text, sizeof (text), "%s/out-%%d-%%s", directory);
	WORKS(h, dtrace_freopen(h, printed, dtrace_printf_create(h, text), data, rec, 2, buf, len) == 2);
	fputs("elsewhere\n", printed);
	WORKS(h, dtrace_freopen(h, printed, dtrace_printf_create(h, ""), data, rec, 2, buf, len) == 1);
	fputs("back\n", printed);
	snprintf(text, sizeof (text), "%s/out-5-five", directory);
	file = fopen(text, "r");
	CHECK(file != NULL && fgets(line, sizeof (line), file) != NULL);
	SAME(line, "elsewhere\n");
	fclose(file);
	return (DTRACE_CONSUME_NEXT);
}

static void
printing(void)
{
	dtrace_hdl_t *h = opened();
	int done = 0;

	printed = tmpfile();
	enabled(h, "BEGIN { printf(\"%d-%s\\n\", 5, \"five\"); exit(0); }");
	WORKS(h, dtrace_go(h) == 0);
	WORKS(h, worked(h, printed, NULL, print_record, &done) == DTRACE_WORKSTATUS_DONE);
	CHECK(done == 2);
	SAME(written(printed), "5=five\none 5\n5back\n");
	fclose(printed);
	dtrace_close(h);
}

static int
fault(const dtrace_errdata_t *data, void *arg)
{
	CHECK(data->dteda_handle != NULL && data->dteda_fault == DTRACEFLT_DIVZERO && data->dteda_action == 1);
	SAME(data->dteda_pdesc->dtpd_name, "BEGIN");
	CHECK(data->dteda_edesc->dtepd_probeid == data->dteda_pdesc->dtpd_id && data->dteda_offset > 0);
	CHECK(strstr(data->dteda_msg, "divide-by-zero in action #1 at DIF offset") != NULL);
	CHECK(data->dteda_msg[strlen(data->dteda_msg) - 1] == '\n');
	++*(int *)arg;
	return (DTRACE_HANDLE_OK);
}

static void
faults(void)
{
	const char *text = "BEGIN { trace(1 / (pid - pid)); } BEGIN { exit(0); }";
	dtrace_hdl_t *h = opened();
	FILE *out = tmpfile();
	int count = 0;

	CHECK(dtrace_handle_err(h, fault, &count) == 0);
	CHECK(dtrace_handle_err(h, fault, &count) == -1 && dtrace_errno(h) == EALREADY);
	enabled(h, text);
	WORKS(h, dtrace_go(h) == 0);
	WORKS(h, worked(h, out, NULL, each_record, NULL) == DTRACE_WORKSTATUS_DONE);
	CHECK(count == 1);
	dtrace_close(h);

	/* Nobody hears of it: it ends consumption. */
	h = opened();
	enabled(h, text);
	WORKS(h, dtrace_go(h) == 0);
	CHECK(worked(h, out, NULL, each_record, NULL) == DTRACE_WORKSTATUS_ERROR && dtrace_errno(h) == EDT_ERRABORT);
	SAME(dtrace_errmsg(h, dtrace_errno(h)), "Abort due to error");
	fclose(out);
	dtrace_close(h);
}

static int
option(const dtrace_setoptdata_t *data, void *arg)
{
	SAME(data->dtsda_option, "quiet");
	CHECK(data->dtsda_handle != NULL && data->dtsda_oldval == -2 && data->dtsda_newval != -2);
	SAME(data->dtsda_probe->dtpda_pdesc->dtpd_name, "BEGIN");
	++*(int *)arg;
	return (DTRACE_HANDLE_OK);
}

static void
set_options(void)
{
	dtrace_hdl_t *h = opened();
	FILE *out = tmpfile();
	int count = 0;

	CHECK(dtrace_handle_setopt(h, option, &count) == 0);
	/* The second time it changes nothing. */
	enabled(h, "BEGIN { setopt(\"quiet\"); setopt(\"quiet\"); exit(0); }");
	WORKS(h, dtrace_go(h) == 0);
	WORKS(h, worked(h, out, NULL, each_record, NULL) == DTRACE_WORKSTATUS_DONE);
	CHECK(count == 1);
	fclose(out);
	dtrace_close(h);
}

static int
gather(const dtrace_bufdata_t *data, void *arg)
{
	char line[256];

	CHECK(data->dtbda_handle != NULL && data->dtbda_buffered[0] != '\0');
	CHECK((data->dtbda_flags != 0) == (data->dtbda_aggdata != NULL));
	snprintf(line, sizeof (line), "%x%s[%s]", data->dtbda_flags, data->dtbda_recdesc != NULL ? "r" : "",
	    data->dtbda_buffered);
	strcat(arg, line);
	return (DTRACE_HANDLE_OK);
}

static void
buffered(void)
{
	dtrace_hdl_t *h = opened();
	char text[1024] = "";

	enabled(h, "BEGIN { printf(\"%d\", 1); printf(\"%s\", \"two\"); @[\"key\"] = count(); exit(0); }");
	WORKS(h, dtrace_setopt(h, "quiet", NULL) == 0);
	WORKS(h, dtrace_go(h) == 0);
	CHECK(dtrace_work(h, NULL, NULL, each_record, NULL) == -1 && dtrace_errno(h) == EDT_NOBUFFERED);
	CHECK(dtrace_handle_buffered(h, gather, text) == 0);
	WORKS(h, worked(h, NULL, NULL, each_record, NULL) == DTRACE_WORKSTATUS_DONE);
	SAME(text, "0r[1]0r[two]");
	text[0] = '\0';
	WORKS(h, dtrace_aggregate_print(h, NULL, NULL) == 0);
	SAME(text, "1[  key                                               ]2[                1]8[\n]");
	dtrace_close(h);
}

/* The steps of dtrace_work one by one. */
static void
steps(void)
{
	dtrace_hdl_t *h = opened();
	FILE *out = tmpfile();

	WORKS(h, dtrace_setopt(h, "switchrate", "1ms") == 0);
	WORKS(h, dtrace_setopt(h, "statusrate", "1ms") == 0);
	enabled(h, "BEGIN { printf(\"begin \"); } END { printf(\"end\"); }");
	CHECK(dtrace_consume(h, out, NULL, each_record, NULL) == -1);
	WORKS(h, dtrace_go(h) == 0);
	CHECK(dtrace_status(h) == DTRACE_STATUS_OKAY);
	WORKS(h, dtrace_consume(h, out, NULL, each_record, NULL) == 0);
	WORKS(h, dtrace_stop(h) == 0);
	WORKS(h, dtrace_stop(h) == 0);
	CHECK(dtrace_status(h) == DTRACE_STATUS_STOPPED);
	WORKS(h, dtrace_aggregate_snap(h) == 0);
	WORKS(h, dtrace_consume(h, out, NULL, each_record, NULL) == 0);
	fflush(out);
	SAME(written(out), "begin end");
	fclose(out);
	dtrace_close(h);
}

static int
see_flow(const dtrace_probedata_t *data, void *arg)
{
	CHECK(data->dtpda_flow == DTRACEFLOW_NONE && data->dtpda_indent == 0);
	SAME(data->dtpda_prefix, "| ");
	++*(int *)arg;
	return (DTRACE_CONSUME_THIS);
}

/* A statement that the client makes itself: trace(42). */
static void
made(void)
{
	dtrace_hdl_t *h = opened();
	dtrace_prog_t *p = dtrace_program_strcompile(h, "END { exit(0); }", DTRACE_PROBESPEC_NONE, 0, 0, NULL);
	dif_instr_t code[] = {
		DIF_INSTR_FMT(DIF_OP_SETX, 0, 0, 1),
		DIF_INSTR_FMT(DIF_OP_RET, 0, 0, 1),
	};
	uint64_t number = 42;
	dtrace_difo_t difo;
	dtrace_ecbdesc_t ecb;
	dtrace_proginfo_t info;
	FILE *out = tmpfile();
	int count = 0;

	WORKS(h, p != NULL);
	memset(&difo, 0, sizeof (difo));
	memset(&ecb, 0, sizeof (ecb));
	difo.dtdo_buf = code;
	difo.dtdo_len = 2;
	difo.dtdo_inttab = &number;
	difo.dtdo_intlen = 1;
	difo.dtdo_rtype.dtdt_kind = DIF_TYPE_CTF;
	difo.dtdo_rtype.dtdt_size = sizeof (number);
	strcpy(ecb.dted_probe.dtpd_provider, "dtrace");
	strcpy(ecb.dted_probe.dtpd_name, "BEGIN");
	dtrace_stmtdesc_t *stmt = dtrace_stmt_create(h, &ecb), *other;

	WORKS(h, stmt != NULL && stmt->dtsd_ecbdesc == &ecb && ecb.dted_refcnt == 1);
	dtrace_actdesc_t *action = dtrace_stmt_action(h, stmt);

	WORKS(h, action != NULL && stmt->dtsd_action == action && stmt->dtsd_action_last == action);
	action->dtad_kind = DTRACEACT_DIFEXPR;
	action->dtad_difo = &difo;
	action->dtad_uarg = 7;
	WORKS(h, dtrace_stmt_add(h, p, stmt) == 0);

	/* Another of the same clause, that is taken back. */
	other = dtrace_stmt_create(h, &ecb);
	WORKS(h, other != NULL && dtrace_stmt_action(h, other) != NULL && ecb.dted_refcnt == 2);
	CHECK(action->dtad_next == other->dtsd_action);
	WORKS(h, dtrace_stmt_add(h, p, other) == 0);
	dtrace_stmt_destroy(h, other);
	CHECK(action->dtad_next == NULL && ecb.dted_refcnt == 1);
	CHECK(dtrace_stmt_create(h, NULL) == NULL && dtrace_errno(h) == EINVAL);
	CHECK(dtrace_stmt_add(h, p, (dtrace_stmtdesc_t *)&ecb) == -1 && dtrace_errno(h) == EINVAL);
	CHECK(dtrace_stmt_action(h, (dtrace_stmtdesc_t *)&ecb) == NULL && dtrace_errno(h) == EINVAL);

	WORKS(h, dtrace_program_exec(h, p, &info) == 0);
	CHECK(info.dpi_matches == 2 && info.dpi_recgens == 2);
	WORKS(h, dtrace_setopt(h, "flowindent", NULL) == 0);
	WORKS(h, dtrace_go(h) == 0);
	WORKS(h, dtrace_stop(h) == 0);
	WORKS(h, dtrace_work(h, out, see_flow, each_record, &count) == DTRACE_WORKSTATUS_DONE);
	CHECK(count == 2);
	SAME(written(out), "               42");
	fclose(out);
	dtrace_close(h);
	CHECK(ecb.dted_refcnt == 1);
}

int
main(void)
{
	char command[64];

	CHECK(mkdtemp(directory) != NULL);
	records();
	answers();
	printing();
	faults();
	set_options();
	buffered();
	steps();
	made();
	snprintf(command, sizeof (command), "rm -r %s", directory);
	return (system(command) != 0);
}
