/*
 * Everything that needs no tracing: opening, options, programs and their statements, images, descriptions, types, symbols.
 */
#include <errno.h>
#include <unistd.h>

#include "check.h"

#define EDT_VERSION	1000
#define EDT_COMPILER	1005
#define EDT_NOMOD	1011
#define EDT_NOPROBE	1013
#define EDT_NOSYM	1014
#define EDT_NOSYMADDR	1015
#define EDT_NOTYPE	1016
#define EDT_BADSPEC	1020
#define EDT_BADID	1022
#define EDT_DATAMODEL	1025
#define EDT_BADOPTNAME	1039
#define EDT_BADOPTVAL	1040
#define EDT_OLDVERSION	1073

static void
opening(void)
{
	int err = 0;

	CHECK(dtrace_open(DTRACE_VERSION + 1, 0, &err) == NULL && err == EDT_VERSION);
	SAME(dtrace_errmsg(NULL, err), "Client requested version newer than library");
	CHECK(dtrace_open(DTRACE_VERSION - 1, 0, &err) == NULL && err == EDT_OLDVERSION);
	CHECK(dtrace_open(0, 0, &err) == NULL && err == EINVAL);
	CHECK(dtrace_open(DTRACE_VERSION, 0x10, &err) == NULL && err == EINVAL);
	CHECK(dtrace_open(DTRACE_VERSION, DTRACE_O_LP64 | DTRACE_O_ILP32, &err) == NULL && err == EINVAL);
	dtrace_typeinfo_t type;
	dtrace_hdl_t *narrow = dtrace_open(DTRACE_VERSION, DTRACE_O_NODEV | DTRACE_O_ILP32, &err);

	CHECK(narrow != NULL);
	/* The types are those of 32-bit programs. */
	WORKS(narrow, dtrace_type_strcompile(narrow, "struct { char c; long long ll; void *p; long l; }", &type) == 0);
	dtrace_close(narrow);
	dtrace_hdl_t *h = dtrace_open(DTRACE_VERSION, DTRACE_O_NODEV | DTRACE_O_NOSYS | DTRACE_O_LP64, &err);

	CHECK(h != NULL);
	CHECK(dtrace_ctlfd(h) == -1 && dtrace_errno(h) == EBADF);
	/* Nothing can be enabled, but programs without probes of the device can be compiled. */
	CHECK(dtrace_program_strcompile(h, "BEGIN", DTRACE_PROBESPEC_NAME, 0, 0, NULL) == NULL);
	WORKS(h, dtrace_program_strcompile(h, "BEGIN", DTRACE_PROBESPEC_NAME, DTRACE_C_ZDEFS, 0, NULL) != NULL);
	CHECK(dtrace_go(h) == -1);
	dtrace_update(h);
	dtrace_close(h);
	dtrace_close(NULL);
	CHECK(dtrace_go(NULL) == -1 && dtrace_errno(NULL) == -1);
	SAME(dtrace_errmsg(NULL, ENOENT), "No such file or directory");
	SAME(dtrace_errmsg(NULL, 1074), "Failed to enable probe");
	SAME(dtrace_errmsg(NULL, 4711), "Unknown error");
	SAME(dtrace_faultstr(NULL, DTRACEFLT_DIVZERO), "divide-by-zero");
	SAME(dtrace_faultstr(NULL, 4711), "unknown fault");
	SAME(dtrace_subrstr(NULL, DIF_SUBR_STRLEN), "strlen");
	SAME(dtrace_subrstr(NULL, 4711), "unknown");
	_dtrace_init();
	dtrace_list_options();
	_dtrace_debug = 0;
}

static void
options(dtrace_hdl_t *h)
{
	dtrace_optval_t value = 0;

	CHECK(dtrace_getopt(h, "strsize", &value) == 0 && value == -2);
	WORKS(h, dtrace_setopt(h, "strsize", "1k") == 0);
	CHECK(dtrace_getopt(h, "strsize", &value) == 0 && value == 1024);
	WORKS(h, dtrace_setopt(h, "quiet", NULL) == 0);
	CHECK(dtrace_getopt(h, "quiet", &value) == 0 && value != -2);
	CHECK(dtrace_setopt(h, "nosuch", "1") == -1 && dtrace_errno(h) == EDT_BADOPTNAME);
	CHECK(dtrace_setopt(h, "strsize", "a lot") == -1 && dtrace_errno(h) == EDT_BADOPTVAL);
	SAME(dtrace_errmsg(h, dtrace_errno(h)), "Invalid value for specified option");
	CHECK(dtrace_getopt(h, "nosuch", &value) == -1 && dtrace_errno(h) == EDT_BADOPTNAME);
	CHECK(dtrace_getopt(h, "zdefs", &value) == -1 && dtrace_errno(h) == EDT_BADOPTNAME);
	CHECK(dtrace_stop(h) == -1 && dtrace_errno(h) == EINVAL);
	CHECK(dtrace_program_strcompile(h, "BEGIN", DTRACE_PROBESPEC_NAME, 0x400, 0, NULL) == NULL &&
	    dtrace_errno(h) == EINVAL);
	CHECK(dtrace_setopt(h, NULL, NULL) == -1 && dtrace_errno(h) == EINVAL);
}

static int
count_stmts(dtrace_hdl_t *h, dtrace_prog_t *p, dtrace_stmtdesc_t *stmt, void *arg)
{
	int *counts = arg;
	dtrace_ecbdesc_t *ecb = stmt->dtsd_ecbdesc;

	CHECK(h != NULL && p != NULL);
	SAME(ecb->dted_probe.dtpd_name, counts[0] < 2 ? "BEGIN" : "END");
	CHECK((ecb->dted_pred.dtpdd_difo != NULL) == (counts[0] < 2));
	for (dtrace_actdesc_t *a = stmt->dtsd_action; a != NULL; a = a == stmt->dtsd_action_last ? NULL : a->dtad_next) {
		CHECK(a->dtad_difo == NULL || (a->dtad_difo->dtdo_len > 0 && a->dtad_difo->dtdo_buf[0] != 0));
		counts[1]++;
	}
	if (counts[0] == 1) {
		char format[64];

		CHECK(stmt->dtsd_action->dtad_kind == DTRACEACT_PRINTF);
		SAME((const char *)(uintptr_t)stmt->dtsd_action->dtad_arg, "%d %s\n");
		CHECK(stmt->dtsd_fmtdata != NULL);
		CHECK(dtrace_printf_format(h, stmt->dtsd_fmtdata, format, sizeof (format)) == 6);
		SAME(format, "%d %s\n");
	}
	counts[0]++;
	return (0);
}

static int
stop_at_first(dtrace_hdl_t *h, dtrace_prog_t *p, dtrace_stmtdesc_t *stmt, void *arg)
{
	(void) h, (void) p, (void) stmt, (void) arg;
	return (7);
}

/* How many sections of a type an image has. */
static int
sections(const dof_hdr_t *dof, uint32_t type)
{
	const dof_sec_t *section = (const void *)((const char *)dof + dof->dofh_secoff);
	int count = 0;

	for (uint32_t i = 0; i < dof->dofh_secnum; i++)
		count += section[i].dofs_type == type;
	return (count);
}

static void
programs(dtrace_hdl_t *h)
{
	const char *text = "BEGIN/pid != 0/{ @a[execname] = count(); printf(\"%d %s\\n\", 1, \"x\"); } END { trace(1); }";
	dtrace_prog_t *p = dtrace_program_strcompile(h, text, DTRACE_PROBESPEC_NONE, 0, 0, NULL);
	dtrace_proginfo_t info;
	int counts[2] = { 0, 0 };

	WORKS(h, p != NULL);
	memset(&info, 0xff, sizeof (info));
	dtrace_program_info(h, p, &info);
	CHECK(info.dpi_aggregates == 1 && info.dpi_matches == 0 && info.dpi_speculations == 0 && info.dpi_recgens >= 3);
	CHECK(info.dpi_stmtattr.dtat_name > 0);
	WORKS(h, dtrace_stmt_iter(h, p, count_stmts, counts) == 0);
	CHECK(counts[0] == 3 && counts[1] >= 4);
	CHECK(dtrace_stmt_iter(h, p, stop_at_first, NULL) == 7);
	CHECK(dtrace_stmt_iter(h, (dtrace_prog_t *)&info, stop_at_first, NULL) == -1 && dtrace_errno(h) == EINVAL);

	/* Errors in programs have words of their own, with tags when they are asked for. */
	CHECK(dtrace_program_strcompile(h, "BEGIN { x; }", DTRACE_PROBESPEC_NONE, 0, 0, NULL) == NULL);
	CHECK(dtrace_errno(h) == EDT_COMPILER);
	SAME(dtrace_errmsg(h, EDT_COMPILER), "line 1: failed to resolve x: Unknown variable name");
	SAME(dtrace_errmsg(NULL, EDT_COMPILER), "Error in D program compilation");
	CHECK(dtrace_program_strcompile(h, "BEGIN { x; }", DTRACE_PROBESPEC_NONE, DTRACE_C_ETAGS, 0, NULL) == NULL);
	CHECK(strncmp(dtrace_errmsg(h, EDT_COMPILER), "[D_IDENT_UNDEF] line 1", 22) == 0);

	/* Flags hold for one program. */
	CHECK(dtrace_program_strcompile(h, "", DTRACE_PROBESPEC_NONE, 0, 0, NULL) == NULL);
	WORKS(h, dtrace_program_strcompile(h, "", DTRACE_PROBESPEC_NONE, DTRACE_C_EMPTY, 0, NULL) != NULL);
	CHECK(dtrace_program_strcompile(h, "", DTRACE_PROBESPEC_NONE, 0, 0, NULL) == NULL);
	CHECK(dtrace_program_strcompile(h, "no:such:pro:be", DTRACE_PROBESPEC_NAME, 0, 0, NULL) == NULL);
	WORKS(h, dtrace_program_strcompile(h, "no:such:pro:be", DTRACE_PROBESPEC_NAME, DTRACE_C_ZDEFS, 0, NULL) != NULL);
	CHECK(dtrace_program_strcompile(h, "BEGIN", 4, 0, 0, NULL) == NULL && dtrace_errno(h) == EINVAL);

	/* Macro arguments, from a text and from a stream. */
	char *argv[] = { "prog", "17", "19" };
	FILE *file = tmpfile();

	CHECK(file != NULL);
	CHECK(dtrace_program_strcompile(h, "BEGIN { trace($1); }", DTRACE_PROBESPEC_NONE, 0, 3, argv) == NULL);
	WORKS(h, dtrace_program_strcompile(h, "BEGIN { trace($1); }", DTRACE_PROBESPEC_NONE, DTRACE_C_ARGREF, 3, argv) != NULL);
	fputs("BEGIN { trace($1 + $2); }\n", file);
	rewind(file);
	WORKS(h, dtrace_program_fcompile(h, file, 0, 3, argv) != NULL);
	rewind(file);
	CHECK(dtrace_program_fcompile(h, file, 0, 2, argv) == NULL);
	rewind(file);
	WORKS(h, dtrace_program_fcompile(h, file, DTRACE_C_DEFARG, 2, argv) != NULL);
	CHECK(dtrace_program_fcompile(h, NULL, 0, 0, NULL) == NULL && dtrace_errno(h) == EINVAL);
	fclose(file);

	/* Of control lines only. */
	dtrace_optval_t value = 0;

	WORKS(h, dtrace_program_strcompile(h, "#pragma D option nspec=3\nBEGIN { nonsense }",
	    DTRACE_PROBESPEC_NONE, DTRACE_C_CTL, 0, NULL) != NULL);
	CHECK(dtrace_getopt(h, "nspec", &value) == 0 && value == 3);

	/* The header and the object of a program that provides probes. */
	text = "provider shop { probe sold(int, string); };";
	p = dtrace_program_strcompile(h, text, DTRACE_PROBESPEC_NONE, 0, 0, NULL);
	WORKS(h, p != NULL);
	file = tmpfile();
	WORKS(h, dtrace_program_header(h, file, "shop.h") == 0);
	CHECK(strstr(written(file), "SHOP_SOLD") != NULL);
	fclose(file);
	char path[] = "/tmp/capi-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	p = dtrace_program_strcompile(h, "BEGIN { exit(0); }", DTRACE_PROBESPEC_NONE, 0, 0, NULL);
	WORKS(h, p != NULL);
	WORKS(h, dtrace_program_link(h, p, DTRACE_D_PROBES, path, 0, NULL) == 0);
	char magic[4];

	CHECK(read(fd, magic, sizeof (magic)) == 4 && memcmp(magic, "\177ELF", 4) == 0);
	close(fd);
	unlink(path);
	CHECK(dtrace_program_link(h, p, 0, "/nonexistent/x.o", 0, NULL) == -1 && dtrace_errno(h) == ENOENT);
	/* An object with a call of a probe: it is changed, and then the image of a program can have the probe. */
	char object[64], linked[64], command[256];
	char *objects[] = { object };
	char *missing[] = { "/nonexistent/y.o" };

	snprintf(object, sizeof (object), "%s.o", path);
	snprintf(linked, sizeof (linked), "%s.linked.o", path);
	snprintf(command, sizeof (command), "echo 'void __dtrace_shop___sold(int); void f(void) { __dtrace_shop___sold(1); }' | "
	    "cc -x c -c -O0 - -o %s", object);
	CHECK(system(command) == 0);
	WORKS(h, dtrace_program_link(h, p, DTRACE_D_PROBES, linked, 1, objects) == 0);
	CHECK(sections(dtrace_dof_create(h, p, DTRACE_D_PROBES), DOF_SECT_PROVIDER) == 1);
	CHECK(sections(dtrace_dof_create(h, p, 0), DOF_SECT_PROVIDER) == 0);
	CHECK(unlink(object) == 0 && unlink(linked) == 0);
	CHECK(dtrace_program_link(h, p, 0, "x.o", 1, missing) == -1 && dtrace_errno(h) == EDT_COMPILER);
	CHECK(strcmp(dtrace_errmsg(h, dtrace_errno(h)), "failed to open /nonexistent/y.o: No such file or directory") == 0);
	CHECK(dtrace_program_link(h, p, 0x100, "x.o", 0, NULL) == -1 && dtrace_errno(h) == EINVAL);
}

static void
images(dtrace_hdl_t *h)
{
	dtrace_prog_t *p = dtrace_program_strcompile(h, "BEGIN { trace(1); }", DTRACE_PROBESPEC_NONE, 0, 0, NULL);
	dof_hdr_t *images[3];

	WORKS(h, p != NULL);
	images[0] = dtrace_dof_create(h, p, DTRACE_D_STRIP);
	images[1] = dtrace_getopt_dof(h);
	images[2] = dtrace_geterr_dof(h);
	for (int i = 0; i < 3; i++) {
		WORKS(h, images[i] != NULL);
		CHECK(memcmp(images[i]->dofh_ident, "\177DOF", 4) == 0 && images[i]->dofh_loadsz > sizeof (dof_hdr_t));
		CHECK(images[i]->dofh_secnum >= (i == 1 ? 1u : 5u));
		dtrace_dof_destroy(h, images[i]);
	}
	CHECK(dtrace_dof_create(h, p, 0x10) == NULL && dtrace_errno(h) == EINVAL);
	dtrace_dof_destroy(h, NULL);
}

static void
descriptions(dtrace_hdl_t *h)
{
	dtrace_probedesc_t d, begin;
	dtrace_attribute_t a;
	char text[DTRACE_FULLNAMELEN], *argv[] = { "prog", "open" };

	WORKS(h, dtrace_str2desc(h, DTRACE_PROBESPEC_NAME, "syscall::open:entry", &d) == 0);
	SAME(d.dtpd_provider, "syscall");
	SAME(d.dtpd_mod, "");
	SAME(d.dtpd_func, "open");
	SAME(d.dtpd_name, "entry");
	SAME(dtrace_desc2str(&d, text, sizeof (text)), "syscall::open:entry");
	SAME(dtrace_desc2str(&d, text, 8), "syscall");
	WORKS(h, dtrace_str2desc(h, DTRACE_PROBESPEC_FUNC, "m:f", &d) == 0);
	SAME(d.dtpd_mod, "m");
	SAME(d.dtpd_func, "f");
	WORKS(h, dtrace_xstr2desc(h, DTRACE_PROBESPEC_NAME, "syscall::$1:entry", 2, argv, &d) == 0);
	SAME(d.dtpd_func, "open");
	CHECK(dtrace_str2desc(h, DTRACE_PROBESPEC_PROVIDER, "a:b", &d) == -1 && dtrace_errno(h) == EDT_BADSPEC);
	WORKS(h, dtrace_id2desc(h, 1, &begin) == 0);
	SAME(begin.dtpd_provider, "dtrace");
	SAME(dtrace_desc2str(&begin, text, sizeof (text)), "1");
	CHECK(dtrace_id2desc(h, 0x7fffffff, &d) == -1 && dtrace_errno(h) == EDT_BADID);

	CHECK(dtrace_str2attr("Stable/Evolving/Common", &a) == 0);
	CHECK(a.dtat_name == DTRACE_STABILITY_STABLE && a.dtat_data == DTRACE_STABILITY_EVOLVING);
	CHECK(a.dtat_class == DTRACE_CLASS_COMMON && dtrace_str2attr("Firm", &a) == -1);
	SAME(dtrace_attr2str(a, text, sizeof (text)), "Stable/Evolving/Common");
	CHECK(dtrace_str2attr("Stable", &a) == 0);
	SAME(dtrace_attr2str(a, text, sizeof (text)), "Stable/Standard/Common");
	SAME(dtrace_stability_name(DTRACE_STABILITY_PRIVATE), "Private");
	SAME(dtrace_class_name(DTRACE_CLASS_ISA), "ISA");
	CHECK(dtrace_stability_name(99) == NULL && dtrace_class_name(99) == NULL);

	const char *modules[4];
	int count = dtrace_provider_modules(h, modules, 4);

	WORKS(h, count >= 0 && count == dtrace_provider_modules(h, NULL, 0));
}

static int
count_probes(dtrace_hdl_t *h, const dtrace_probedesc_t *d, void *arg)
{
	CHECK(h != NULL && d->dtpd_id != 0);
	return (++*(int *)arg == 1000 ? 42 : 0);
}

static void
probes(dtrace_hdl_t *h)
{
	dtrace_probedesc_t d;
	dtrace_probeinfo_t info;
	int count = 0, all = 0;

	CHECK(dtrace_str2desc(h, DTRACE_PROBESPEC_NAME, "dtrace:::", &d) == 0);
	WORKS(h, dtrace_probe_iter(h, &d, count_probes, &count) == 0);
	CHECK(count == 3);
	int rv = dtrace_probe_iter(h, NULL, count_probes, &all);

	CHECK((rv == 0 && all > 3) || (rv == 42 && all == 1000));
	CHECK(dtrace_str2desc(h, DTRACE_PROBESPEC_NAME, "no:such::", &d) == 0);
	CHECK(dtrace_probe_iter(h, &d, count_probes, &count) == -1 && dtrace_errno(h) == EDT_NOPROBE);
	CHECK(dtrace_probe_info(h, &d, &info) == -1 && dtrace_errno(h) == EDT_NOPROBE);
	CHECK(dtrace_str2desc(h, DTRACE_PROBESPEC_NAME, "dtrace:::BEGIN", &d) == 0);
	WORKS(h, dtrace_probe_info(h, &d, &info) == 0);
	CHECK(info.dtp_argc == 0 && info.dtp_attr.dtat_name == DTRACE_STABILITY_STABLE);
}

static void
types(dtrace_hdl_t *h)
{
	dtrace_typeinfo_t t, again;
	char name[64];
	FILE *file = tmpfile(), *out = tmpfile();
	int number = 7;

	WORKS(h, dtrace_lookup_by_type(h, DTRACE_OBJ_EVERY, "int", &t) == 0);
	SAME(ctf_type_name(t.dtt_ctfp, t.dtt_type, name, sizeof (name)), "int");
	WORKS(h, dtrace_lookup_by_type(h, DTRACE_OBJ_CDEFS, "unsigned long", &t) == 0);
	SAME(t.dtt_object, "C");
	CHECK(dtrace_lookup_by_type(h, DTRACE_OBJ_DDEFS, "struct nosuch", &t) == -1 && dtrace_errno(h) == EDT_NOTYPE);
	CHECK(dtrace_lookup_by_type(h, "no_such_module", "int", &t) == -1 && dtrace_errno(h) == EDT_NOMOD);
	WORKS(h, dtrace_type_strcompile(h, "int [3]", &t) == 0);
	SAME(ctf_type_name(t.dtt_ctfp, t.dtt_type, name, sizeof (name)), "int [3]");
	CHECK(ctf_type_name(NULL, 1, name, sizeof (name)) == NULL && ctf_type_name(t.dtt_ctfp, -1, name, 64) == NULL);
	CHECK(dtrace_type_strcompile(h, "int int", &t) == -1 && dtrace_errno(h) == EDT_COMPILER);
	fputs("const char *", file);
	rewind(file);
	WORKS(h, dtrace_type_fcompile(h, file, &again) == 0);
	SAME(ctf_type_name(again.dtt_ctfp, again.dtt_type, name, sizeof (name)), "const char *");
	fclose(file);
	WORKS(h, dtrace_print(h, out, "int", (char *)&number, sizeof (number)) == 0);
	CHECK(strstr(written(out), "7") != NULL);
	CHECK(dtrace_print(h, out, "struct nosuch", (char *)&number, 4) == -1 && dtrace_errno(h) == EDT_NOTYPE);
	fclose(out);
}

static int
look_at_object(dtrace_hdl_t *h, const dtrace_objinfo_t *o, void *arg)
{
	dtrace_objinfo_t again;

	WORKS(h, dtrace_object_info(h, o->dto_name, &again) == 0);
	CHECK(again.dto_id == o->dto_id && again.dto_flags == o->dto_flags && again.dto_text_va == o->dto_text_va);
	CHECK(o->dto_file != NULL);
	++*(int *)arg;
	return (0);
}

static void
symbols(dtrace_hdl_t *h)
{
	const char *names[] = { "kernel", "vmlinux", "linux", "unix", "genunix" };
	dtrace_objinfo_t o;
	dtrace_syminfo_t info, back;
	dtrace_typeinfo_t type;
	GElf_Sym sym;
	char text[256];
	int count = 0;

	WORKS(h, dtrace_object_iter(h, look_at_object, &count) == 0);
	/* The kernel and the two of the language. */
	CHECK(count >= 3);
	WORKS(h, dtrace_object_info(h, DTRACE_OBJ_EXEC, &o) == 0);
	CHECK(o.dto_flags == (DTRACE_OBJ_F_KERNEL | DTRACE_OBJ_F_PRIMARY));
	/* The kernel proper has one object under all its names. */
	for (size_t i = 0; i < sizeof (names) / sizeof (*names); i++) {
		WORKS(h, dtrace_object_info(h, names[i], &o) == 0);
		CHECK(o.dto_flags == (DTRACE_OBJ_F_KERNEL | DTRACE_OBJ_F_PRIMARY));
		CHECK(dtrace_lookup_by_name(h, names[i], "no_such_symbol", &sym, &info) == -1);
		CHECK(dtrace_errno(h) == EDT_NOSYM);
	}
	WORKS(h, dtrace_object_info(h, DTRACE_OBJ_DDEFS, &o) == 0);
	SAME(o.dto_name, "D");
	CHECK(dtrace_object_info(h, "no_such_module", &o) == -1 && dtrace_errno(h) == EDT_NOMOD);
	CHECK(dtrace_object_info(h, DTRACE_OBJ_EVERY, &o) == -1 && dtrace_errno(h) == EINVAL);

	CHECK(dtrace_lookup_by_name(h, DTRACE_OBJ_EVERY, "no_such_symbol", &sym, &info) == -1);
	CHECK(dtrace_errno(h) == EDT_NOSYM);
	CHECK(dtrace_lookup_by_name(h, "no_such_module", "x", &sym, &info) == -1 && dtrace_errno(h) == EDT_NOMOD);
	CHECK(dtrace_lookup_by_addr(h, 16, &sym, &info) == -1 && dtrace_errno(h) == EDT_NOSYMADDR);
	CHECK(dtrace_addr2str(h, 16, text, sizeof (text)) == 4);
	SAME(text, "0x10");
	/* Who may not see the kernel's addresses has no symbols. */
	if (dtrace_lookup_by_name(h, DTRACE_OBJ_EXEC, "vfs_read", &sym, &info) == 0) {
		SAME(info.dts_name, "vfs_read");
		WORKS(h, dtrace_lookup_by_addr(h, sym.st_value + 1, &sym, &back) == 0);
		CHECK(back.dts_id == info.dts_id && sym.st_size > 1);
		CHECK(dtrace_addr2str(h, sym.st_value + 1, text, sizeof (text)) == (int)strlen("kernel`vfs_read+0x1"));
		SAME(text, "kernel`vfs_read+0x1");
		CHECK(dtrace_addr2str(h, sym.st_value, text, 9) == (int)strlen("kernel`vfs_read"));
		SAME(text, "kernel`v");
		if (dtrace_symbol_type(h, &sym, &info, &type) == 0)
			CHECK(ctf_type_name(type.dtt_ctfp, type.dtt_type, text, sizeof (text)) == text);
	} else {
		puts("skipped: the kernel's addresses are hidden");
		info.dts_object = "kernel";
		info.dts_name = "no_such_symbol";
		CHECK(dtrace_symbol_type(h, NULL, &info, &type) == -1);
	}
	CHECK(dtrace_uaddr2str(h, getpid(), (uintptr_t)&opening, text, sizeof (text)) > 0);
	CHECK(strstr(text, "`opening") != NULL);
	CHECK(dtrace_uaddr2str(h, getpid(), 16, text, sizeof (text)) == 4);
}

static void
formats(dtrace_hdl_t *h)
{
	void *format = dtrace_printf_create(h, "%-5d %s%%\n");
	char text[32];

	WORKS(h, format != NULL);
	CHECK(dtrace_printf_format(h, format, text, sizeof (text)) == strlen("%-5d %s%%\n"));
	SAME(text, "%-5d %s%%\n");
	CHECK(dtrace_printf_format(h, format, text, 3) == strlen("%-5d %s%%\n"));
	SAME(text, "%-");
	format = dtrace_printa_create(h, "%s %@d\n");
	WORKS(h, format != NULL);
	CHECK(dtrace_printf_create(h, "%") == NULL && dtrace_errno(h) == 1053);
	CHECK(dtrace_printf_format(h, text, text, 3) == 0 && dtrace_errno(h) == EINVAL);
}

int
main(void)
{
	opening();
	dtrace_hdl_t *h = opened();

	options(h);
	programs(h);
	images(h);
	descriptions(h);
	probes(h);
	types(h);
	symbols(h);
	formats(h);
	dtrace_close(h);
	return (0);
}
