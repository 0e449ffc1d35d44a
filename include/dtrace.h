/*
 * libdtrace: what C programs call.
 *
 * Generated from libdtrace-rs/capi/src by cbindgen: change it there (include/cbindgen.toml says how).
 */
#ifndef _DTRACE_H
#define _DTRACE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/dtrace.h>
#include <dtrace_macros.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the interface, for dtrace_open. */
#define DTRACE_VERSION 3

/* dtrace_open: open no device. */
#define DTRACE_O_NODEV 0x01

/* dtrace_open: leave the kernel's symbols alone. */
#define DTRACE_O_NOSYS 0x02

/* dtrace_open: programs of the 64-bit data model. */
#define DTRACE_O_LP64 0x04

/* dtrace_open: programs of the 32-bit data model. */
#define DTRACE_O_ILP32 0x08

/* dtrace_open: all flags. */
#define DTRACE_O_MASK 0x0f

/* dtrace_program_strcompile: list the code. */
#define DTRACE_C_DIFV 0x0001

/* Allow a program without clauses. */
#define DTRACE_C_EMPTY 0x0002

/* Allow descriptions that match no probe. */
#define DTRACE_C_ZDEFS 0x0004

/* Stability below the least is an error. */
#define DTRACE_C_EATTR 0x0008

/* Run the preprocessor. */
#define DTRACE_C_CPP 0x0010

/* Allow kernel symbols that are not defined. Accepted, without effect. */
#define DTRACE_C_KNODEF 0x0020

/* Allow symbols of processes that are not defined. Accepted, without effect. */
#define DTRACE_C_UNODEF 0x0040

/* A clause may be a description of any kind. Accepted, without effect. */
#define DTRACE_C_PSPEC 0x0080

/* Messages begin with the tags of the errors. */
#define DTRACE_C_ETAGS 0x0100

/* Macro arguments may stay unused. */
#define DTRACE_C_ARGREF 0x0200

/* Macro arguments that are missing are 0 or empty. */
#define DTRACE_C_DEFARG 0x0800

/* Leave the D libraries alone. */
#define DTRACE_C_NOLIBS 0x1000

/* Carry out control lines only. */
#define DTRACE_C_CTL 0x2000

/* A program: probe descriptions as -n has them. */
#define DTRACE_PROBESPEC_NONE (-1)

/* A bare word is a provider. */
#define DTRACE_PROBESPEC_PROVIDER 0

/* A bare word is a module. */
#define DTRACE_PROBESPEC_MOD 1

/* A bare word is a function. */
#define DTRACE_PROBESPEC_FUNC 2

/* A bare word is a name. */
#define DTRACE_PROBESPEC_NAME 3

/* dtrace_dof_create: leave out what is not needed to run it. */
#define DTRACE_D_STRIP 0x01

/* dtrace_dof_create: with the probes that dtrace_program_link has found in its objects. */
#define DTRACE_D_PROBES 0x02

/* dtrace_dof_create: all flags. */
#define DTRACE_D_MASK 0x03

/* dtrace_status: tracing has not begun, or it is not time to look. */
#define DTRACE_STATUS_NONE 0

/* Tracing goes on. */
#define DTRACE_STATUS_OKAY 1

/* The program has called exit(). */
#define DTRACE_STATUS_EXITED 2

/* A buffer with the fill policy is full. */
#define DTRACE_STATUS_FILLED 3

/* Tracing was stopped. */
#define DTRACE_STATUS_STOPPED 4

/* dtrace_work: an error. */
#define DTRACE_WORKSTATUS_ERROR (-1)

/* There may be more. */
#define DTRACE_WORKSTATUS_OKAY 0

/* Everything has been consumed. */
#define DTRACE_WORKSTATUS_DONE 1

/* A callback of dtrace_consume: an error. */
#define DTRACE_CONSUME_ERROR (-1)

/* Go on with this one. */
#define DTRACE_CONSUME_THIS 0

/* Leave it and go on with the next. */
#define DTRACE_CONSUME_NEXT 1

/* End. */
#define DTRACE_CONSUME_ABORT 2

/* A handler: end. */
#define DTRACE_HANDLE_ABORT (-1)

/* Go on. */
#define DTRACE_HANDLE_OK 0

/* Who walks aggregations: an error. */
#define DTRACE_AGGWALK_ERROR (-1)

/* Go on. */
#define DTRACE_AGGWALK_NEXT 0

/* End. */
#define DTRACE_AGGWALK_ABORT 1

/* Clear this one. */
#define DTRACE_AGGWALK_CLEAR 2

/* Normalize this one. */
#define DTRACE_AGGWALK_NORMALIZE 3

/* Denormalize this one. */
#define DTRACE_AGGWALK_DENORMALIZE 4

/* Remove this one. */
#define DTRACE_AGGWALK_REMOVE 5

/* Losses: records, for want of room in a principal buffer. */
#define DTRACEDROP_PRINCIPAL 0

/* Aggregation data. */
#define DTRACEDROP_AGGREGATION 1

/* Dynamic variables. */
#define DTRACEDROP_DYNAMIC 2

/* Dynamic variables, while free ones were rinsing. */
#define DTRACEDROP_DYNRINSE 3

/* Dynamic variables, while free ones were dirty. */
#define DTRACEDROP_DYNDIRTY 4

/* Speculative records. */
#define DTRACEDROP_SPEC 5

/* Speculations, all being busy. */
#define DTRACEDROP_SPECBUSY 6

/* Speculations, all being in use. */
#define DTRACEDROP_SPECUNAVAIL 7

/* Strings of a user stack. */
#define DTRACEDROP_STKSTROVERFLOW 8

/* Faults in dtrace:::ERROR itself. */
#define DTRACEDROP_DBLERROR 9

/* The flow: a function was entered. */
#define DTRACEFLOW_ENTRY 0

/* A function returned. */
#define DTRACEFLOW_RETURN 1

/* Neither. */
#define DTRACEFLOW_NONE 2

/* Buffered output: a part of an aggregation's key. */
#define DTRACE_BUFDATA_AGGKEY 0x0001

/* An aggregation's value. */
#define DTRACE_BUFDATA_AGGVAL 0x0002

/* Keys and values by a format. */
#define DTRACE_BUFDATA_AGGFORMAT 0x0004

/* What ends an aggregation's row. */
#define DTRACE_BUFDATA_AGGLAST 0x0008

/* No CPU in particular. */
#define DTRACE_CPUALL (-1)

/* An object of the kernel. */
#define DTRACE_OBJ_F_KERNEL 0x1

/* The kernel proper. */
#define DTRACE_OBJ_F_PRIMARY 0x2

/* Room for what dtrace_attr2str writes. */
#define DTRACE_ATTR2STR_MAX 64

/* The types of a handle, as a container. */
typedef struct ctf_file ctf_file_t;

/* An open library. */
typedef struct dtrace_hdl dtrace_hdl_t;

/* A program. */
typedef struct dtrace_prog dtrace_prog_t;

/* How a text counts as a probe description: one of DTRACE_PROBESPEC_*. */
typedef int dtrace_probespec_t;

/* A type in a container. */
typedef long ctf_id_t;

/* A loss: one of DTRACEDROP_*. */
typedef int dtrace_dropkind_t;

/* A place in the flow: one of DTRACEFLOW_*. */
typedef int dtrace_flowkind_t;

/* What a program asks of the consumer. */
typedef struct dtrace_proginfo {
  /* The least stability of its probe descriptions. */
  dtrace_attribute_t dpi_descattr;
  /* The least stability of its statements. */
  dtrace_attribute_t dpi_stmtattr;
  /* How many aggregations it feeds. */
  uint32_t dpi_aggregates;
  /* How many of its actions record data. */
  uint32_t dpi_recgens;
  /* How many probes it matched when it was enabled. */
  uint32_t dpi_matches;
  /* How many of its actions speculate. */
  uint32_t dpi_speculations;
} dtrace_proginfo_t;

/* A DIF object. */
typedef struct dtrace_difo {
  /* The instructions. */
  dif_instr_t *dtdo_buf;
  /* The integer table. */
  uint64_t *dtdo_inttab;
  /* The string table. */
  char *dtdo_strtab;
  /* The variables. */
  dtrace_difv_t *dtdo_vartab;
  /* How many instructions. */
  uint32_t dtdo_len;
  /* How many integers. */
  uint32_t dtdo_intlen;
  /* Bytes of strings. */
  uint32_t dtdo_strlen;
  /* How many variables. */
  uint32_t dtdo_varlen;
  /* What it returns. */
  dtrace_diftype_t dtdo_rtype;
  /* How many use it. */
  uint32_t dtdo_refcnt;
  /* Whether it calls a subroutine that changes a traced process. */
  uint32_t dtdo_destructive;
} dtrace_difo_t;

/* An action. */
typedef struct dtrace_actdesc {
  /* The code whose result is recorded, if any. */
  dtrace_difo_t *dtad_difo;
  /* The next action. */
  struct dtrace_actdesc *dtad_next;
  /* DTRACEACT_* or DTRACEAGG_*. */
  dtrace_actkind_t dtad_kind;
  /* For an aggregating action: how many actions before it are its keys. */
  uint32_t dtad_ntuple;
  /* Its argument. Of a printf-like action: the address of its format. */
  uint64_t dtad_arg;
  /* What the client put there for its own use. */
  uint64_t dtad_uarg;
  /* How many use it. */
  int dtad_refcnt;
} dtrace_actdesc_t;

/* A predicate. */
typedef struct dtrace_preddesc {
  /* Its code; NULL for none. */
  dtrace_difo_t *dtpdd_difo;
  /* The driver's own. */
  void *dtpdd_predicate;
} dtrace_preddesc_t;

/* A clause for one probe description. */
typedef struct dtrace_ecbdesc {
  /* The first of its actions. */
  dtrace_actdesc_t *dted_action;
  /* The predicate. */
  dtrace_preddesc_t dted_pred;
  /* The probe description. */
  dtrace_probedesc_t dted_probe;
  /* What the client put there for its own use. */
  uint64_t dted_uarg;
  /* How many use it. */
  int dted_refcnt;
} dtrace_ecbdesc_t;

/* A statement. */
typedef struct dtrace_stmtdesc {
  /* Its clause. */
  dtrace_ecbdesc_t *dtsd_ecbdesc;
  /* The first of its actions. */
  dtrace_actdesc_t *dtsd_action;
  /* The last of its actions. */
  dtrace_actdesc_t *dtsd_action_last;
  /* The library's own. */
  void *dtsd_aggdata;
  /* Its format, as dtrace_printf_create makes them. */
  void *dtsd_fmtdata;
  /* The library's own. */
  void *dtsd_strdata;
  /* The client's own. */
  void *dtsd_callback;
  /* The client's own. */
  void *dtsd_data;
  /* The stability of its probe description. */
  dtrace_attribute_t dtsd_descattr;
  /* The stability of what it uses. */
  dtrace_attribute_t dtsd_stmtattr;
} dtrace_stmtdesc_t;

/* A firing. */
typedef struct dtrace_probedata {
  /* The handle. */
  dtrace_hdl_t *dtpda_handle;
  /* The enabled probe. */
  dtrace_eprobedesc_t *dtpda_edesc;
  /* The probe. */
  dtrace_probedesc_t *dtpda_pdesc;
  /* The CPU. */
  int dtpda_cpu;
  /* The data: of the firing from its EPID on, or of a record. */
  char *dtpda_data;
  /* Its place in the flow. */
  dtrace_flowkind_t dtpda_flow;
  /* What stands before the name where flow is followed; else NULL. */
  const char *dtpda_prefix;
  /* How many columns it is indented. */
  int dtpda_indent;
} dtrace_probedata_t;

/* A fault. */
typedef struct dtrace_errdata {
  /* The handle. */
  dtrace_hdl_t *dteda_handle;
  /* The enabled probe. */
  dtrace_eprobedesc_t *dteda_edesc;
  /* The probe. */
  dtrace_probedesc_t *dteda_pdesc;
  /* The CPU. */
  int dteda_cpu;
  /* Which action, from 1; 0 for the predicate. */
  int dteda_action;
  /* Where in its DIF; -1 when it was not in DIF. */
  int dteda_offset;
  /* DTRACEFLT_*. */
  int dteda_fault;
  /* The address, where the fault has one. */
  uint64_t dteda_addr;
  /* All that in words, with a newline. */
  const char *dteda_msg;
} dtrace_errdata_t;

/* A loss. */
typedef struct dtrace_dropdata {
  /* The handle. */
  dtrace_hdl_t *dtdda_handle;
  /* The CPU, or DTRACE_CPUALL. */
  int dtdda_cpu;
  /* What was lost. */
  dtrace_dropkind_t dtdda_kind;
  /* How often since the last report. */
  uint64_t dtdda_drops;
  /* How often in all. */
  uint64_t dtdda_total;
  /* All that in words, with a newline. */
  const char *dtdda_msg;
} dtrace_dropdata_t;

/* An entry of an aggregation. */
typedef struct dtrace_aggdata {
  /* The handle. */
  dtrace_hdl_t *dtada_handle;
  /* The aggregation, whose records say where keys and value are. */
  dtrace_aggdesc_t *dtada_desc;
  /* The enabled probe. */
  dtrace_eprobedesc_t *dtada_edesc;
  /* The probe. */
  dtrace_probedesc_t *dtada_pdesc;
  /* The data. */
  char *dtada_data;
  /* What the value is divided by. Who answers DTRACE_AGGWALK_NORMALIZE sets it. */
  uint64_t dtada_normal;
  /* Bytes of data. */
  size_t dtada_size;
  /* NULL: changes are not kept apart. */
  char *dtada_delta;
  /* The values of the CPUs, by number, with the option aggpercpu; else NULL. */
  char **dtada_percpu;
  /* NULL: changes are not kept apart. */
  char **dtada_percpu_delta;
} dtrace_aggdata_t;

/* Output. */
typedef struct dtrace_bufdata {
  /* The handle. */
  dtrace_hdl_t *dtbda_handle;
  /* The text. */
  const char *dtbda_buffered;
  /* The firing that it is of; NULL for none. */
  const dtrace_probedata_t *dtbda_probe;
  /* The record that it is of; NULL for none. */
  const dtrace_recdesc_t *dtbda_recdesc;
  /* The entry of an aggregation that it is of; NULL for none. */
  const dtrace_aggdata_t *dtbda_aggdata;
  /* DTRACE_BUFDATA_*. */
  uint32_t dtbda_flags;
} dtrace_bufdata_t;

/* An option that setopt() has changed. */
typedef struct dtrace_setoptdata {
  /* The handle. */
  dtrace_hdl_t *dtsda_handle;
  /* The firing that did it. */
  const dtrace_probedata_t *dtsda_probe;
  /* The option. */
  const char *dtsda_option;
  /* What it was. */
  int64_t dtsda_oldval;
  /* What it is. */
  int64_t dtsda_newval;
} dtrace_setoptdata_t;

/* An object with symbols. */
typedef struct dtrace_objinfo {
  /* Its name. */
  const char *dto_name;
  /* The file that its symbols were read from; empty for none. */
  const char *dto_file;
  /* Its number. */
  int dto_id;
  /* DTRACE_OBJ_F_*. */
  uint32_t dto_flags;
  /* Where its code is. */
  uint64_t dto_text_va;
  /* Bytes of code. */
  uint64_t dto_text_size;
  /* Where its data is; 0 when that is not known. */
  uint64_t dto_data_va;
  /* Bytes of data. */
  uint64_t dto_data_size;
  /* Where its zeroed data is; 0 when that is not known. */
  uint64_t dto_bss_va;
  /* Bytes of zeroed data. */
  uint64_t dto_bss_size;
} dtrace_objinfo_t;

/* A symbol: where it is from. */
typedef struct dtrace_syminfo {
  /* Its object. */
  const char *dts_object;
  /* Its name. */
  const char *dts_name;
  /* Its number. */
  uint32_t dts_id;
} dtrace_syminfo_t;

/* A type. */
typedef struct dtrace_typeinfo {
  /* The object that it is from; NULL for none. */
  const char *dtt_object;
  /* The container, for ctf_type_name; NULL for none. */
  ctf_file_t *dtt_ctfp;
  /* The type in the container; -1 for none. */
  ctf_id_t dtt_type;
} dtrace_typeinfo_t;

/* What is known of a probe. */
typedef struct dtrace_probeinfo {
  /* The stability of the probe. */
  dtrace_attribute_t dtp_attr;
  /* The stability of its arguments. */
  dtrace_attribute_t dtp_arga;
  /* The types of its arguments. */
  const dtrace_typeinfo_t *dtp_argv;
  /* How many arguments. */
  int dtp_argc;
} dtrace_probeinfo_t;

/* A device of the client's, for dtrace_vopen. */
typedef struct dtrace_vector {
  /* A request: its result, or -1 with errno. */
  int (*dtv_ioctl)(void *arg, int request, void *data);
  /* The symbol at an address: 0, or -1 when there is none. NULL: as this machine has it. */
  int (*dtv_lookup_by_addr)(void *arg, uint64_t addr, GElf_Sym *sym, dtrace_syminfo_t *info);
  /* Whether there is a CPU of this number: -1 if not. NULL: there is. */
  int (*dtv_status)(void *arg, int cpu);
  /* As sysconf(3): how many CPUs (_SC_NPROCESSORS_CONF). NULL: as this machine has it. */
  long (*dtv_sysconf)(void *arg, int name);
} dtrace_vector_t;


/* Before a firing's records are printed: one of DTRACE_CONSUME_*. */
typedef int dtrace_consume_probe_f(const dtrace_probedata_t *data, void *arg);

/* Before each record, and with NULL behind the last: one of DTRACE_CONSUME_*. */
typedef int dtrace_consume_rec_f(const dtrace_probedata_t *data, const dtrace_recdesc_t *rec, void *arg);

/* A fault in a clause: one of DTRACE_HANDLE_*. */
typedef int dtrace_handle_err_f(const dtrace_errdata_t *data, void *arg);

/* A loss: one of DTRACE_HANDLE_*. */
typedef int dtrace_handle_drop_f(const dtrace_dropdata_t *data, void *arg);

/* A process has ended, or, with a message, something is wrong with it. */
typedef void dtrace_handle_proc_f(struct ps_prochandle *proc, const char *msg, void *arg);

/* Output: one of DTRACE_HANDLE_*. */
typedef int dtrace_handle_buffered_f(const dtrace_bufdata_t *data, void *arg);

/* setopt() has changed an option: one of DTRACE_HANDLE_*. */
typedef int dtrace_handle_setopt_f(const dtrace_setoptdata_t *data, void *arg);

/* An entry of an aggregation: one of DTRACE_AGGWALK_*. */
typedef int dtrace_aggregate_f(const dtrace_aggdata_t *data, void *arg);

/* A row of joined aggregations: the first is there for the key, the others are the aggregations in order. */
typedef int dtrace_aggregate_walk_joined_f(const dtrace_aggdata_t **data, int count, void *arg);

/* One of the functions that walk aggregations. */
typedef int dtrace_aggregate_walk_f(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* A statement of a program: anything but 0 ends it. */
typedef int dtrace_stmt_f(dtrace_hdl_t *dtp, dtrace_prog_t *program, dtrace_stmtdesc_t *stmt, void *arg);

/* An object: anything but 0 ends it. */
typedef int dtrace_obj_f(dtrace_hdl_t *dtp, const dtrace_objinfo_t *object, void *arg);

/* A probe: anything but 0 ends it. */
typedef int dtrace_probe_f(dtrace_hdl_t *dtp, const dtrace_probedesc_t *probe, void *arg);

/* Opens the library: the version is DTRACE_VERSION, the flags are DTRACE_O_*. NULL, with the reason in err, when that fails. */
dtrace_hdl_t *dtrace_open(int version,
                          int flags,
                          int *err);

/* Opens the library on a device of the caller's, with the argument that its functions get. */
dtrace_hdl_t *dtrace_vopen(int version, int flags, int *err, const dtrace_vector_t *vector, void *arg);

/*
 * Closes the library: its probes are disabled, and nothing that it gave may be used any more. In a callback of the handle it
 * does nothing.
 */
void dtrace_close(dtrace_hdl_t *dtp);

/* The number of the last error of a handle: an errno, or from 1000 on one of the library's. */
int dtrace_errno(dtrace_hdl_t *dtp);

/* An error in words. Of the last error in a D program, with a handle, they say what is wrong with it. */
const char *dtrace_errmsg(dtrace_hdl_t *dtp, int error);

/* A fault (DTRACEFLT_*) in words. */
const char *dtrace_faultstr(dtrace_hdl_t *dtp, int fault);

/* The name of a subroutine (DIF_SUBR_*). */
const char *dtrace_subrstr(dtrace_hdl_t *dtp, int subr);

/* Sets an option by its name. In a callback only those may be set that may change while tracing is active. */
int dtrace_setopt(dtrace_hdl_t *dtp, const char *option, const char *value);

/* The number of an option by its name; DTRACEOPT_UNSET when it is not set. */
int dtrace_getopt(dtrace_hdl_t *dtp, const char *option, dtrace_optval_t *value);

/* Compiles a text. The spec is one of DTRACE_PROBESPEC_*, the flags are DTRACE_C_*, the words are $0, $1 and so on. */
dtrace_prog_t *dtrace_program_strcompile(dtrace_hdl_t *dtp,
                                         const char *program,
                                         dtrace_probespec_t spec,
                                         unsigned int flags,
                                         int argc,
                                         char *const *argv);

/* Compiles what a stream holds. The flags are DTRACE_C_*, the words are $0, $1 and so on. */
dtrace_prog_t *dtrace_program_fcompile(dtrace_hdl_t *dtp,
                                       FILE *file,
                                       unsigned int flags,
                                       int argc,
                                       char *const *argv);

/* Enables a program. */
int dtrace_program_exec(dtrace_hdl_t *dtp, dtrace_prog_t *program, dtrace_proginfo_t *result);

/* What a program asks of the consumer. */
void dtrace_program_info(dtrace_hdl_t *dtp, dtrace_prog_t *program, dtrace_proginfo_t *result);

/* Writes the header of the providers that the programs so far declare. The name is what the header is to be called. */
int dtrace_program_header(dtrace_hdl_t *dtp,
                          FILE *out,
                          const char *name);

/*
 * Makes probes of the calls in objects, which are changed, and writes the object that a program is linked with beside them:
 * it tells the driver of the probes and of the program's clauses. The flags are DTRACE_D_*.
 */
int dtrace_program_link(dtrace_hdl_t *dtp,
                        dtrace_prog_t *program,
                        unsigned int flags,
                        const char *file,
                        int objc,
                        char *const *objv);


/* Makes a statement without actions for a clause. The clause stays the caller's, as long as the statement is there. */
dtrace_stmtdesc_t *dtrace_stmt_create(dtrace_hdl_t *dtp,
                                      dtrace_ecbdesc_t *ecbdesc);

/* Makes an action, the last of a statement's. */
dtrace_actdesc_t *dtrace_stmt_action(dtrace_hdl_t *dtp, dtrace_stmtdesc_t *stmt);

/* Adds a statement to a program. */
int dtrace_stmt_add(dtrace_hdl_t *dtp, dtrace_prog_t *program, dtrace_stmtdesc_t *stmt);

/* Calls a function for each statement of a program. */
int dtrace_stmt_iter(dtrace_hdl_t *dtp, dtrace_prog_t *program, dtrace_stmt_f *func, void *arg);

/* Destroys a statement that dtrace_stmt_create made, with its actions. */
void dtrace_stmt_destroy(dtrace_hdl_t *dtp, dtrace_stmtdesc_t *stmt);

/* The image of a program. The flags are DTRACE_D_*. */
void *dtrace_dof_create(dtrace_hdl_t *dtp, dtrace_prog_t *program, unsigned int flags);

/* Destroys an image that dtrace_dof_create, dtrace_getopt_dof or dtrace_geterr_dof made. */
void dtrace_dof_destroy(dtrace_hdl_t *dtp, void *image);

/* The image of the options that are set. */
void *dtrace_getopt_dof(dtrace_hdl_t *dtp);

/* The image of the library's own ERROR program. */
void *dtrace_geterr_dof(dtrace_hdl_t *dtp);






/* Who hears of faults in clauses. Without one, a fault ends consumption. */
int dtrace_handle_err(dtrace_hdl_t *dtp, dtrace_handle_err_f *func, void *arg);

/* Who hears of losses. Without one, a loss ends consumption. */
int dtrace_handle_drop(dtrace_hdl_t *dtp, dtrace_handle_drop_f *func, void *arg);

/* Who hears of the ends of processes, in dtrace_sleep. */
int dtrace_handle_proc(dtrace_hdl_t *dtp, dtrace_handle_proc_f *func, void *arg);

/* Who gets the output that has no stream. */
int dtrace_handle_buffered(dtrace_hdl_t *dtp, dtrace_handle_buffered_f *func, void *arg);

/* Who hears of options that setopt() has changed. */
int dtrace_handle_setopt(dtrace_hdl_t *dtp, dtrace_handle_setopt_f *func, void *arg);



/* Starts tracing what has been enabled. */
int dtrace_go(dtrace_hdl_t *dtp);

/* Stops tracing: END runs. */
int dtrace_stop(dtrace_hdl_t *dtp);

/* Waits until there is something to do: buffers to be read, a process that has ended, a signal. */
void dtrace_sleep(dtrace_hdl_t *dtp);

/* How tracing stands: one of DTRACE_STATUS_*. */
int dtrace_status(dtrace_hdl_t *dtp);

/*
 * Does what there is to do now: looks how tracing stands, reads buffers, prints. When tracing ends by itself it is stopped.
 * One of DTRACE_WORKSTATUS_*.
 */
int dtrace_work(dtrace_hdl_t *dtp,
                FILE *out,
                dtrace_consume_probe_f *probe,
                dtrace_consume_rec_f *record,
                void *arg);

/* Reads the buffers of records, if it is time, and prints what is in them. */
int dtrace_consume(dtrace_hdl_t *dtp,
                   FILE *out,
                   dtrace_consume_probe_f *probe,
                   dtrace_consume_rec_f *record,
                   void *arg);

/* Takes note that the kernel's modules may have changed. */
void dtrace_update(dtrace_hdl_t *dtp);

/* The descriptor of the device; -1 when there is none. */
int dtrace_ctlfd(dtrace_hdl_t *dtp);

/* Reads a format of printf(). It lives as long as the handle. */
void *dtrace_printf_create(dtrace_hdl_t *dtp, const char *format);

/* Reads a format of printa(). It lives as long as the handle. */
void *dtrace_printa_create(dtrace_hdl_t *dtp, const char *format);

/* Writes a format as text, as far as there is room. How long all of it is. */
size_t dtrace_printf_format(dtrace_hdl_t *dtp, void *format, char *buffer, size_t size);

/* Prints records by a format of dtrace_printf_create: how many it took. */
int dtrace_fprintf(dtrace_hdl_t *dtp,
                   FILE *out,
                   void *format,
                   const dtrace_probedata_t *data,
                   const dtrace_recdesc_t *records,
                   unsigned int count,
                   const void *buffer,
                   size_t size);

/* Lets the shell run what a format makes of records: how many it took. */
int dtrace_system(dtrace_hdl_t *dtp,
                  FILE *out,
                  void *format,
                  const dtrace_probedata_t *data,
                  const dtrace_recdesc_t *records,
                  unsigned int count,
                  const void *buffer,
                  size_t size);

/* Sends a stream to the file whose name a format makes of records, back when it is empty: how many it took. */
int dtrace_freopen(dtrace_hdl_t *dtp,
                   FILE *out,
                   void *format,
                   const dtrace_probedata_t *data,
                   const dtrace_recdesc_t *records,
                   unsigned int count,
                   const void *buffer,
                   size_t size);

/*
 * Prints the aggregations that records name, by a format of dtrace_printa_create or, with NULL, by none: how many records it
 * took.
 */
int dtrace_fprinta(dtrace_hdl_t *dtp,
                   FILE *out,
                   void *format,
                   const dtrace_probedata_t *data,
                   const dtrace_recdesc_t *records,
                   unsigned int count,
                   const void *buffer,
                   size_t size);

/* Prints data as a value of a type, as print() does. */
int dtrace_print(dtrace_hdl_t *dtp, FILE *out, const char *type_name, char *address, size_t size);




/* Reads the aggregation buffers, if it is time. */
int dtrace_aggregate_snap(dtrace_hdl_t *dtp);

/* Clears all aggregations: the keys stay. */
void dtrace_aggregate_clear(dtrace_hdl_t *dtp);

/* Walks all aggregations in the order in which their keys were first seen. */
int dtrace_aggregate_walk(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations, one behind the other, each as the options ask. */
int dtrace_aggregate_walk_sorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations, one behind the other, each by key. */
int dtrace_aggregate_walk_keysorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations, one behind the other, each by value. */
int dtrace_aggregate_walk_valsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations together, by key. */
int dtrace_aggregate_walk_keyvarsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations together, by value. */
int dtrace_aggregate_walk_valvarsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations as dtrace_aggregate_walk_keysorted, backwards. */
int dtrace_aggregate_walk_keyrevsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations as dtrace_aggregate_walk_valsorted, backwards. */
int dtrace_aggregate_walk_valrevsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations as dtrace_aggregate_walk_keyvarsorted, backwards. */
int dtrace_aggregate_walk_keyvarrevsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks all aggregations as dtrace_aggregate_walk_valvarsorted, backwards. */
int dtrace_aggregate_walk_valvarrevsorted(dtrace_hdl_t *dtp, dtrace_aggregate_f *func, void *arg);

/* Walks aggregations side by side, in the order of the options: for each key one row. */
int dtrace_aggregate_walk_joined(dtrace_hdl_t *dtp,
                                 const dtrace_aggvarid_t *variables,
                                 int count,
                                 dtrace_aggregate_walk_joined_f *func,
                                 void *arg);

/*
 * Prints the aggregations that the program has not printed itself, in the order of a walk; NULL: of
 * dtrace_aggregate_walk_sorted.
 */
int dtrace_aggregate_print(dtrace_hdl_t *dtp, FILE *out, dtrace_aggregate_walk_f *walker);

/* Starts a program with these words, which NULL ends: held before its first instruction until dtrace_proc_continue. */
struct ps_prochandle *dtrace_proc_create(dtrace_hdl_t *dtp,
                                         const char *file,
                                         char *const *argv);

/* Takes hold of a running process. */
struct ps_prochandle *dtrace_proc_grab(dtrace_hdl_t *dtp, pid_t pid, int _flags);

/* Lets go of a process. One that was created and never continued is killed. */
void dtrace_proc_release(dtrace_hdl_t *dtp, struct ps_prochandle *process);

/* Lets a process run. */
void dtrace_proc_continue(dtrace_hdl_t *dtp, struct ps_prochandle *process);


/* Calls a function for each object. What the function gave that ended it; else 0. */
int dtrace_object_iter(dtrace_hdl_t *dtp, dtrace_obj_f *func, void *arg);

/* What is known of an object, which is a name or one of DTRACE_OBJ_*. */
int dtrace_object_info(dtrace_hdl_t *dtp, const char *object, dtrace_objinfo_t *result);

/* Looks a symbol up by its name in an object, which is a name or one of DTRACE_OBJ_*. */
int dtrace_lookup_by_name(dtrace_hdl_t *dtp,
                          const char *object,
                          const char *name,
                          GElf_Sym *symbol,
                          dtrace_syminfo_t *result);

/* The symbol that an address is in. */
int dtrace_lookup_by_addr(dtrace_hdl_t *dtp, uint64_t address, GElf_Sym *symbol, dtrace_syminfo_t *result);

/* Writes the place of a kernel address: module`symbol+0x10. How long all of it is. */
int dtrace_addr2str(dtrace_hdl_t *dtp, uint64_t address, char *buffer, int size);

/* Writes the place of an address of a process. How long all of it is. */
int dtrace_uaddr2str(dtrace_hdl_t *dtp, pid_t pid, uint64_t address, char *buffer, int size);

/* Looks a type up by its name in an object, which is a name or one of DTRACE_OBJ_*. */
int dtrace_lookup_by_type(dtrace_hdl_t *dtp, const char *object, const char *name, dtrace_typeinfo_t *result);

/* The type of a symbol that dtrace_lookup_by_name or dtrace_lookup_by_addr has found. */
int dtrace_symbol_type(dtrace_hdl_t *dtp,
                       const GElf_Sym *symbol,
                       const dtrace_syminfo_t *info,
                       dtrace_typeinfo_t *result);

/* Compiles the name of a type. */
int dtrace_type_strcompile(dtrace_hdl_t *dtp, const char *name, dtrace_typeinfo_t *result);

/* Compiles the name of a type that a stream holds. */
int dtrace_type_fcompile(dtrace_hdl_t *dtp, FILE *file, dtrace_typeinfo_t *result);

/* Writes the name of a type of a dtrace_typeinfo. The buffer; NULL when there is no such type. */
char *ctf_type_name(ctf_file_t *container, ctf_id_t ty, char *buffer, size_t size);


/* Calls a function for each probe that matches; with NULL for all. What the function gave that ended it; else 0. */
int dtrace_probe_iter(dtrace_hdl_t *dtp,
                      const dtrace_probedesc_t *pattern,
                      dtrace_probe_f *func,
                      void *arg);

/* What is known of the probes that a description matches: an error if they may have nothing in common. */
int dtrace_probe_info(dtrace_hdl_t *dtp, const dtrace_probedesc_t *desc, dtrace_probeinfo_t *result);

/* Fills in the names of the providers that the system has a directory of, as many as there is room for: how many there are. */
int dtrace_provider_modules(dtrace_hdl_t *dtp,
                            const char **names,
                            int count);

/* Reads a probe description, in which the words are $0, $1 and so on. */
int dtrace_xstr2desc(dtrace_hdl_t *dtp,
                     dtrace_probespec_t spec,
                     const char *string,
                     int argc,
                     char *const *argv,
                     dtrace_probedesc_t *result);

/* Reads a probe description. */
int dtrace_str2desc(dtrace_hdl_t *dtp,
                    dtrace_probespec_t spec,
                    const char *string,
                    dtrace_probedesc_t *result);

/* The description of the probe with this id. */
int dtrace_id2desc(dtrace_hdl_t *dtp, dtrace_id_t id, dtrace_probedesc_t *result);

/* Writes a probe description as text: its four names, or its id if it has one. The buffer. */
char *dtrace_desc2str(const dtrace_probedesc_t *desc, char *buffer, size_t size);

/* Writes an attribute as text: Stable/Evolving/Common. The buffer. */
char *dtrace_attr2str(dtrace_attribute_t attribute, char *buffer, size_t size);

/* Reads an attribute: Stable/Evolving/Common; what is left out behind is the best there is. -1 for what is none. */
int dtrace_str2attr(const char *string,
                    dtrace_attribute_t *result);

/* The name of a stability (DTRACE_STABILITY_*); NULL for what is none. */
const char *dtrace_stability_name(uint8_t stability);

/* The name of a dependency class (DTRACE_CLASS_*); NULL for what is none. */
const char *dtrace_class_name(uint8_t class_);

/* The version of the language. */
extern const char *const _dtrace_version;

/* Not 0: the library says on standard error what it does. The variable DTRACE_DEBUG of the environment sets it. */
extern int _dtrace_debug;

/* For the parser generator of the original's: this parser has nothing to trace. */
extern int yydebug;

/* Reads the environment. dtrace_open does it too. */
void _dtrace_init(void);

/* Prints the names and numbers of all options to standard output. */
void dtrace_list_options(void);

#ifdef __cplusplus
}
#endif

#endif
