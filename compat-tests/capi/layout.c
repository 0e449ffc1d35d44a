/*
 * The layouts of libdtrace's structures and the values of its constants, as the existing clients were compiled with them
 * (contract 6.4). A compiler is all it needs; run, it says that it was compiled.
 */
#include <stddef.h>

#include "check.h"

#define SIZE(name, size)	_Static_assert(sizeof (name) == (size), #name " has another size")
#define MEMBER(name, member, offset)	\
	_Static_assert(offsetof(name, member) == (offset), #name "." #member " is elsewhere")
#define VALUE(name, value)	_Static_assert((name) == (value), #name " has another value")

SIZE(dtrace_proginfo_t, 24);
MEMBER(dtrace_proginfo_t, dpi_descattr, 0);
MEMBER(dtrace_proginfo_t, dpi_stmtattr, 3);
MEMBER(dtrace_proginfo_t, dpi_aggregates, 8);
MEMBER(dtrace_proginfo_t, dpi_recgens, 12);
MEMBER(dtrace_proginfo_t, dpi_matches, 16);
MEMBER(dtrace_proginfo_t, dpi_speculations, 20);

SIZE(dtrace_stmtdesc_t, 72);
MEMBER(dtrace_stmtdesc_t, dtsd_ecbdesc, 0);
MEMBER(dtrace_stmtdesc_t, dtsd_action, 8);
MEMBER(dtrace_stmtdesc_t, dtsd_action_last, 16);
MEMBER(dtrace_stmtdesc_t, dtsd_aggdata, 24);
MEMBER(dtrace_stmtdesc_t, dtsd_fmtdata, 32);
MEMBER(dtrace_stmtdesc_t, dtsd_strdata, 40);
MEMBER(dtrace_stmtdesc_t, dtsd_callback, 48);
MEMBER(dtrace_stmtdesc_t, dtsd_data, 56);
MEMBER(dtrace_stmtdesc_t, dtsd_descattr, 64);
MEMBER(dtrace_stmtdesc_t, dtsd_stmtattr, 67);

SIZE(dtrace_probedata_t, 64);
MEMBER(dtrace_probedata_t, dtpda_handle, 0);
MEMBER(dtrace_probedata_t, dtpda_edesc, 8);
MEMBER(dtrace_probedata_t, dtpda_pdesc, 16);
MEMBER(dtrace_probedata_t, dtpda_cpu, 24);
MEMBER(dtrace_probedata_t, dtpda_data, 32);
MEMBER(dtrace_probedata_t, dtpda_flow, 40);
MEMBER(dtrace_probedata_t, dtpda_prefix, 48);
MEMBER(dtrace_probedata_t, dtpda_indent, 56);

SIZE(dtrace_errdata_t, 56);
MEMBER(dtrace_errdata_t, dteda_handle, 0);
MEMBER(dtrace_errdata_t, dteda_edesc, 8);
MEMBER(dtrace_errdata_t, dteda_pdesc, 16);
MEMBER(dtrace_errdata_t, dteda_cpu, 24);
MEMBER(dtrace_errdata_t, dteda_action, 28);
MEMBER(dtrace_errdata_t, dteda_offset, 32);
MEMBER(dtrace_errdata_t, dteda_fault, 36);
MEMBER(dtrace_errdata_t, dteda_addr, 40);
MEMBER(dtrace_errdata_t, dteda_msg, 48);

SIZE(dtrace_dropdata_t, 40);
MEMBER(dtrace_dropdata_t, dtdda_handle, 0);
MEMBER(dtrace_dropdata_t, dtdda_cpu, 8);
MEMBER(dtrace_dropdata_t, dtdda_kind, 12);
MEMBER(dtrace_dropdata_t, dtdda_drops, 16);
MEMBER(dtrace_dropdata_t, dtdda_total, 24);
MEMBER(dtrace_dropdata_t, dtdda_msg, 32);

SIZE(dtrace_bufdata_t, 48);
MEMBER(dtrace_bufdata_t, dtbda_handle, 0);
MEMBER(dtrace_bufdata_t, dtbda_buffered, 8);
MEMBER(dtrace_bufdata_t, dtbda_probe, 16);
MEMBER(dtrace_bufdata_t, dtbda_recdesc, 24);
MEMBER(dtrace_bufdata_t, dtbda_aggdata, 32);
MEMBER(dtrace_bufdata_t, dtbda_flags, 40);

SIZE(dtrace_setoptdata_t, 40);
MEMBER(dtrace_setoptdata_t, dtsda_handle, 0);
MEMBER(dtrace_setoptdata_t, dtsda_probe, 8);
MEMBER(dtrace_setoptdata_t, dtsda_option, 16);
MEMBER(dtrace_setoptdata_t, dtsda_oldval, 24);
MEMBER(dtrace_setoptdata_t, dtsda_newval, 32);

SIZE(dtrace_aggdata_t, 80);
MEMBER(dtrace_aggdata_t, dtada_handle, 0);
MEMBER(dtrace_aggdata_t, dtada_desc, 8);
MEMBER(dtrace_aggdata_t, dtada_edesc, 16);
MEMBER(dtrace_aggdata_t, dtada_pdesc, 24);
MEMBER(dtrace_aggdata_t, dtada_data, 32);
MEMBER(dtrace_aggdata_t, dtada_normal, 40);
MEMBER(dtrace_aggdata_t, dtada_size, 48);
MEMBER(dtrace_aggdata_t, dtada_delta, 56);
MEMBER(dtrace_aggdata_t, dtada_percpu, 64);
MEMBER(dtrace_aggdata_t, dtada_percpu_delta, 72);

SIZE(dtrace_objinfo_t, 72);
MEMBER(dtrace_objinfo_t, dto_name, 0);
MEMBER(dtrace_objinfo_t, dto_file, 8);
MEMBER(dtrace_objinfo_t, dto_id, 16);
MEMBER(dtrace_objinfo_t, dto_flags, 20);
MEMBER(dtrace_objinfo_t, dto_text_va, 24);
MEMBER(dtrace_objinfo_t, dto_text_size, 32);
MEMBER(dtrace_objinfo_t, dto_data_va, 40);
MEMBER(dtrace_objinfo_t, dto_data_size, 48);
MEMBER(dtrace_objinfo_t, dto_bss_va, 56);
MEMBER(dtrace_objinfo_t, dto_bss_size, 64);

SIZE(dtrace_syminfo_t, 24);
MEMBER(dtrace_syminfo_t, dts_object, 0);
MEMBER(dtrace_syminfo_t, dts_name, 8);
MEMBER(dtrace_syminfo_t, dts_id, 16);

SIZE(dtrace_typeinfo_t, 24);
MEMBER(dtrace_typeinfo_t, dtt_object, 0);
MEMBER(dtrace_typeinfo_t, dtt_ctfp, 8);
MEMBER(dtrace_typeinfo_t, dtt_type, 16);

SIZE(dtrace_probeinfo_t, 24);
MEMBER(dtrace_probeinfo_t, dtp_attr, 0);
MEMBER(dtrace_probeinfo_t, dtp_arga, 3);
MEMBER(dtrace_probeinfo_t, dtp_argv, 8);
MEMBER(dtrace_probeinfo_t, dtp_argc, 16);

SIZE(dtrace_vector_t, 32);
MEMBER(dtrace_vector_t, dtv_ioctl, 0);
MEMBER(dtrace_vector_t, dtv_lookup_by_addr, 8);
MEMBER(dtrace_vector_t, dtv_status, 16);
MEMBER(dtrace_vector_t, dtv_sysconf, 24);

VALUE(DTRACE_VERSION, 3);
VALUE(DTRACE_O_NODEV, 1);
VALUE(DTRACE_O_NOSYS, 2);
VALUE(DTRACE_O_LP64, 4);
VALUE(DTRACE_O_ILP32, 8);
VALUE(DTRACE_STATUS_NONE, 0);
VALUE(DTRACE_STATUS_OKAY, 1);
VALUE(DTRACE_STATUS_EXITED, 2);
VALUE(DTRACE_STATUS_FILLED, 3);
VALUE(DTRACE_STATUS_STOPPED, 4);
VALUE(DTRACE_WORKSTATUS_ERROR, -1);
VALUE(DTRACE_WORKSTATUS_OKAY, 0);
VALUE(DTRACE_WORKSTATUS_DONE, 1);
VALUE(DTRACE_C_DIFV, 1);
VALUE(DTRACE_C_EMPTY, 2);
VALUE(DTRACE_C_ZDEFS, 4);
VALUE(DTRACE_C_EATTR, 8);
VALUE(DTRACE_C_CPP, 16);
VALUE(DTRACE_C_KNODEF, 32);
VALUE(DTRACE_C_UNODEF, 64);
VALUE(DTRACE_C_PSPEC, 128);
VALUE(DTRACE_C_ETAGS, 256);
VALUE(DTRACE_C_ARGREF, 512);
VALUE(DTRACE_C_DEFARG, 2048);
VALUE(DTRACE_C_NOLIBS, 4096);
VALUE(DTRACE_C_CTL, 8192);
VALUE(DTRACE_PROBESPEC_NONE, -1);
VALUE(DTRACE_PROBESPEC_PROVIDER, 0);
VALUE(DTRACE_PROBESPEC_MOD, 1);
VALUE(DTRACE_PROBESPEC_FUNC, 2);
VALUE(DTRACE_PROBESPEC_NAME, 3);
VALUE(DTRACE_D_STRIP, 1);
VALUE(DTRACE_D_PROBES, 2);
VALUE(DTRACEDROP_PRINCIPAL, 0);
VALUE(DTRACEDROP_AGGREGATION, 1);
VALUE(DTRACEDROP_DYNAMIC, 2);
VALUE(DTRACEDROP_DYNRINSE, 3);
VALUE(DTRACEDROP_DYNDIRTY, 4);
VALUE(DTRACEDROP_SPEC, 5);
VALUE(DTRACEDROP_SPECBUSY, 6);
VALUE(DTRACEDROP_SPECUNAVAIL, 7);
VALUE(DTRACEDROP_STKSTROVERFLOW, 8);
VALUE(DTRACEDROP_DBLERROR, 9);
VALUE(DTRACE_AGGWALK_ERROR, -1);
VALUE(DTRACE_AGGWALK_NEXT, 0);
VALUE(DTRACE_AGGWALK_ABORT, 1);
VALUE(DTRACE_AGGWALK_CLEAR, 2);
VALUE(DTRACE_AGGWALK_NORMALIZE, 3);
VALUE(DTRACE_AGGWALK_DENORMALIZE, 4);
VALUE(DTRACE_AGGWALK_REMOVE, 5);
VALUE(DTRACE_CONSUME_ERROR, -1);
VALUE(DTRACE_CONSUME_THIS, 0);
VALUE(DTRACE_CONSUME_NEXT, 1);
VALUE(DTRACE_CONSUME_ABORT, 2);
VALUE(DTRACE_HANDLE_ABORT, -1);
VALUE(DTRACE_HANDLE_OK, 0);
VALUE(DTRACEFLOW_ENTRY, 0);
VALUE(DTRACEFLOW_RETURN, 1);
VALUE(DTRACEFLOW_NONE, 2);
VALUE(DTRACE_BUFDATA_AGGKEY, 1);
VALUE(DTRACE_BUFDATA_AGGVAL, 2);
VALUE(DTRACE_BUFDATA_AGGFORMAT, 4);
VALUE(DTRACE_BUFDATA_AGGLAST, 8);
#define OBJ_EXEC 0
#define OBJ_RTLD 1
#define OBJ_CDEFS 2
#define OBJ_DDEFS 3
#define OBJ_EVERY -1
#define OBJ_KMODS -2
#define OBJ_UMODS -3

int
main(void)
{
	CHECK((long)DTRACE_OBJ_EXEC == OBJ_EXEC && (long)DTRACE_OBJ_RTLD == OBJ_RTLD);
	CHECK((long)DTRACE_OBJ_CDEFS == OBJ_CDEFS && (long)DTRACE_OBJ_DDEFS == OBJ_DDEFS);
	CHECK((long)DTRACE_OBJ_EVERY == OBJ_EVERY && (long)DTRACE_OBJ_KMODS == OBJ_KMODS);
	CHECK((long)DTRACE_OBJ_UMODS == OBJ_UMODS);
	SAME(_dtrace_version, "Sun D 1.9");
	return (0);
}
