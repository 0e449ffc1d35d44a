/*
 * The ABI between the dtrace userland and the driver.
 *
 * Generated from driver/abi/src by cbindgen: change it there (include/cbindgen.toml says how).
 */
#ifndef _SYS_DTRACE_H
#define _SYS_DTRACE_H

#include <stdint.h>
#include <sys/dtrace_macros.h>

/* "dtr": the requests of `/dev/dtrace`. */
#define DTRACEIOC 0x64747200

/* A provider's attributes and privileges, by name (dtrace_providerdesc_t). */
#define DTRACEIOC_PROVIDER (DTRACEIOC | 1)

/* The first probe with this id or a greater one (dtrace_probedesc_t). */
#define DTRACEIOC_PROBES (DTRACEIOC | 2)

/* Snapshot of a CPU's principal buffer (dtrace_bufdesc_t). */
#define DTRACEIOC_BUFSNAP (DTRACEIOC | 4)

/* The first probe with this id or a greater one that matches (dtrace_probedesc_t). */
#define DTRACEIOC_PROBEMATCH (DTRACEIOC | 5)

/* Enable what a DOF image describes, or match retained enablings again when there is none. */
#define DTRACEIOC_ENABLE (DTRACEIOC | 6)

/* Snapshot of a CPU's aggregation buffer (dtrace_bufdesc_t). */
#define DTRACEIOC_AGGSNAP (DTRACEIOC | 7)

/* The records of an enabled probe id (dtrace_eprobedesc_t). */
#define DTRACEIOC_EPROBE (DTRACEIOC | 8)

/* The types of a probe's argument (dtrace_argdesc_t). */
#define DTRACEIOC_PROBEARG (DTRACEIOC | 9)

/* What the driver is (dtrace_conf_t). */
#define DTRACEIOC_CONF (DTRACEIOC | 10)

/* Drops, errors and state; feeds the deadman (dtrace_status_t). */
#define DTRACEIOC_STATUS (DTRACEIOC | 11)

/* Start tracing; gives the CPU that ran BEGIN. */
#define DTRACEIOC_GO (DTRACEIOC | 12)

/* Stop tracing; gives the CPU that ran END. */
#define DTRACEIOC_STOP (DTRACEIOC | 13)

/* The records of an aggregation (dtrace_aggdesc_t). */
#define DTRACEIOC_AGGDESC (DTRACEIOC | 15)

/* A format string (dtrace_fmtdesc_t). */
#define DTRACEIOC_FORMAT (DTRACEIOC | 16)

/* The options as a DOF image. */
#define DTRACEIOC_DOFGET (DTRACEIOC | 17)

/* Duplicate retained enablings for another probe description (dtrace_repldesc_t). */
#define DTRACEIOC_REPLICATE (DTRACEIOC | 18)

/* "dth": the requests of `/dev/dtrace_helper`. */
#define DTRACEHIOC 0x64746800

/* Add a helper; the argument is the DOF image itself (the old form). */
#define DTRACEHIOC_ADD (DTRACEHIOC | 1)

/* Remove the helper of a generation; the argument is the generation, by value. */
#define DTRACEHIOC_REMOVE (DTRACEHIOC | 2)

/* Add a helper (dof_helper_t). */
#define DTRACEHIOC_ADDDOF (DTRACEHIOC | 3)

/* "mrf": the requests of `/dev/fasttrap`. */
#define FASTTRAPIOC 0x6d726600

/* Make a pid probe (fasttrap_probe_spec_t). */
#define FASTTRAPIOC_MAKEPROBE (FASTTRAPIOC | 1)

/* The instruction byte that a tracepoint replaced (fasttrap_instr_query_t). */
#define FASTTRAPIOC_GETINSTR (FASTTRAPIOC | 2)

/* "ctl": the requests of `/dev/dtrace_ctl`. */
#define CTLIOC 0x63746c00

/* Read another process's memory (ctl_mem_t). */
#define CTLIOC_RDMEM (CTLIOC | 1)

/* Write another process's memory (ctl_mem_t). */
#define CTLIOC_WRMEM (CTLIOC | 2)

/* Ours alone. */
#define DTRACE_STABILITY_INTERNAL 0

/* Ours, seen by others of us. */
#define DTRACE_STABILITY_PRIVATE 1

/* On the way out. */
#define DTRACE_STABILITY_OBSOLETE 2

/* Somebody else's. */
#define DTRACE_STABILITY_EXTERNAL 3

/* May change at any time. */
#define DTRACE_STABILITY_UNSTABLE 4

/* May change with a minor release. */
#define DTRACE_STABILITY_EVOLVING 5

/* May change with a major release. */
#define DTRACE_STABILITY_STABLE 6

/* Follows a standard. */
#define DTRACE_STABILITY_STANDARD 7

/* The greatest of them. */
#define DTRACE_STABILITY_MAX 7

/* Nobody knows. */
#define DTRACE_CLASS_UNKNOWN 0

/* The processor's model. */
#define DTRACE_CLASS_CPU 1

/* The machine's model. */
#define DTRACE_CLASS_PLATFORM 2

/* The machine's family. */
#define DTRACE_CLASS_GROUP 3

/* The instruction set. */
#define DTRACE_CLASS_ISA 4

/* Nothing: it is everywhere. */
#define DTRACE_CLASS_COMMON 5

/* The greatest of them. */
#define DTRACE_CLASS_MAX 5

/* The kernel. */
#define DTRACE_PRIV_KERNEL 1

/* The caller's own processes. */
#define DTRACE_PRIV_USER 2

/* Any process. */
#define DTRACE_PRIV_PROC 4

/* The owner of what is traced. */
#define DTRACE_PRIV_OWNER 8

/* The owner's zone; Linux has none. */
#define DTRACE_PRIV_ZONEOWNER 0x10

/* Every bit. */
#define DTRACE_PRIV_ALL ((((DTRACE_PRIV_KERNEL | DTRACE_PRIV_USER) | DTRACE_PRIV_PROC) | DTRACE_PRIV_OWNER) | DTRACE_PRIV_ZONEOWNER)

/* Bytes of a provider name, with its NUL. */
#define DTRACE_PROVNAMELEN 64

/* Bytes of a module name, with its NUL. */
#define DTRACE_MODNAMELEN 64

/* Bytes of a function name, with its NUL. */
#define DTRACE_FUNCNAMELEN 128

/* Bytes of a probe name, with its NUL. */
#define DTRACE_NAMELEN 64

/* Bytes of `provider:module:function:name`, with the NUL. */
#define DTRACE_FULLNAMELEN 324

/* Bytes of an argument's type, with its NUL. */
#define DTRACE_ARGTYPELEN 128

/* No probe: ids begin at 1. */
#define DTRACE_IDNONE 0

/* No such argument, as the answer in an dtrace_argdesc_t. */
#define DTRACE_ARGNONE 0xffffffff

/* The id of a probe. */
typedef uint32_t dtrace_id_t;

/* A probe, or a pattern for probes. */
typedef struct dtrace_probedesc {
  /* The probe's id, or DTRACE_IDNONE in a pattern. */
  dtrace_id_t dtpd_id;
  /* The provider. */
  char dtpd_provider[DTRACE_PROVNAMELEN];
  /* The module. */
  char dtpd_mod[DTRACE_MODNAMELEN];
  /* The function. */
  char dtpd_func[DTRACE_FUNCNAMELEN];
  /* The name. */
  char dtpd_name[DTRACE_NAMELEN];
} dtrace_probedesc_t;

/* Two probe descriptions: which enablings to duplicate, and for what. */
typedef struct dtrace_repldesc {
  /* The enablings to look for. */
  dtrace_probedesc_t dtrpd_match;
  /* What to enable instead. */
  dtrace_probedesc_t dtrpd_create;
} dtrace_repldesc_t;

/* The types of one argument of a probe. */
typedef struct dtrace_argdesc {
  /* The probe. */
  dtrace_id_t dtargd_id;
  /* Which of its arguments; DTRACE_ARGNONE in the answer when it has no such typed argument. */
  uint32_t dtargd_ndx;
  /* The native argument that this one is made from. */
  uint32_t dtargd_mapping;
  /* The type as the provider has it. */
  char dtargd_native[DTRACE_ARGTYPELEN];
  /* The type that it is translated to; empty when it is not. */
  char dtargd_xlate[DTRACE_ARGTYPELEN];
} dtrace_argdesc_t;

/* How stable an interface is. The values are those of DTRACE_STABILITY_* and DTRACE_CLASS_*. */
typedef struct dtrace_attribute {
  /* Stability of the name. */
  uint8_t dtat_name;
  /* Stability of the data. */
  uint8_t dtat_data;
  /* What the interface depends on. */
  uint8_t dtat_class;
} dtrace_attribute_t;

/* The attributes of a provider and of the parts of its probes' names. */
typedef struct dtrace_pattr {
  /* The provider itself. */
  dtrace_attribute_t dtpa_provider;
  /* The module part. */
  dtrace_attribute_t dtpa_mod;
  /* The function part. */
  dtrace_attribute_t dtpa_func;
  /* The name part. */
  dtrace_attribute_t dtpa_name;
  /* The arguments. */
  dtrace_attribute_t dtpa_args;
} dtrace_pattr_t;

/* What a provider asks of those who use it. */
typedef struct dtrace_ppriv {
  /* Bits of DTRACE_PRIV_*. */
  uint32_t dtpp_flags;
  /* The owner, where DTRACE_PRIV_OWNER asks for one. */
  uint32_t dtpp_uid;
  /* The owner's zone; Linux has none. */
  uint32_t dtpp_zoneid;
} dtrace_ppriv_t;

/* A provider. */
typedef struct dtrace_providerdesc {
  /* Its name. */
  char dtvd_name[DTRACE_PROVNAMELEN];
  /* Its attributes. */
  dtrace_pattr_t dtvd_attr;
  /* Zero. */
  uint8_t dtvd_pad;
  /* Its privileges. */
  dtrace_ppriv_t dtvd_priv;
} dtrace_providerdesc_t;

/* No action: an ECB that only says that it fired. */
#define DTRACEACT_NONE 0

/* Record the value of a DIF expression. */
#define DTRACEACT_DIFEXPR 1

/* Stop tracing. */
#define DTRACEACT_EXIT 2

/* Record the arguments of a `printf`. */
#define DTRACEACT_PRINTF 3

/* Print an aggregation. */
#define DTRACEACT_PRINTA 4

/* An action that the consumer's library carries out. */
#define DTRACEACT_LIBACT 5

/* Record memory of a constant size. */
#define DTRACEACT_TRACEMEM 6

/* The size of the memory to show, for the record before. */
#define DTRACEACT_TRACEMEM_DYNSIZE 7

/* Class of the actions on the current process. */
#define DTRACEACT_PROC 0x100

/* Record the user stack. */
#define DTRACEACT_USTACK (DTRACEACT_PROC + 1)

/* Record the user stack with helper strings. */
#define DTRACEACT_JSTACK (DTRACEACT_PROC + 2)

/* Record a user address to be shown as a symbol. */
#define DTRACEACT_USYM (DTRACEACT_PROC + 3)

/* Record a user address to be shown as its module. */
#define DTRACEACT_UMOD (DTRACEACT_PROC + 4)

/* Record a user address to be shown as symbol and offset. */
#define DTRACEACT_UADDR (DTRACEACT_PROC + 5)

/* Class of the actions that change the current process. */
#define DTRACEACT_PROC_DESTRUCTIVE 0x200

/* Stop the process. */
#define DTRACEACT_STOP (DTRACEACT_PROC_DESTRUCTIVE + 1)

/* Send the process a signal. */
#define DTRACEACT_RAISE (DTRACEACT_PROC_DESTRUCTIVE + 2)

/* Run a shell command in the consumer. */
#define DTRACEACT_SYSTEM (DTRACEACT_PROC_DESTRUCTIVE + 3)

/* Send the consumer's output elsewhere. */
#define DTRACEACT_FREOPEN (DTRACEACT_PROC_DESTRUCTIVE + 4)

/* Class of the actions that control processes; it has none. */
#define DTRACEACT_PROC_CONTROL 0x300

/* Class of the actions on the kernel. */
#define DTRACEACT_KERNEL 0x400

/* Record the kernel stack. */
#define DTRACEACT_STACK (DTRACEACT_KERNEL + 1)

/* Record a kernel address to be shown as a symbol. */
#define DTRACEACT_SYM (DTRACEACT_KERNEL + 2)

/* Record a kernel address to be shown as its module. */
#define DTRACEACT_MOD (DTRACEACT_KERNEL + 3)

/* An experiment of the Linux port: an eight byte record. */
#define DTRACEACT_TEST1 (DTRACEACT_KERNEL + 128)

/* An experiment of the Linux port: an eight byte record. */
#define DTRACEACT_TEST2 (DTRACEACT_KERNEL + 129)

/* Class of the actions that change the kernel. */
#define DTRACEACT_KERNEL_DESTRUCTIVE 0x500

/* Enter the kernel debugger. */
#define DTRACEACT_BREAKPOINT (DTRACEACT_KERNEL_DESTRUCTIVE + 1)

/* Panic. */
#define DTRACEACT_PANIC (DTRACEACT_KERNEL_DESTRUCTIVE + 2)

/* Spin for some time. */
#define DTRACEACT_CHILL (DTRACEACT_KERNEL_DESTRUCTIVE + 3)

/* Class of the actions on speculations. */
#define DTRACEACT_SPECULATIVE 0x600

/* Record the rest of the clause into a speculation. */
#define DTRACEACT_SPECULATE (DTRACEACT_SPECULATIVE + 1)

/* Copy a speculation into the principal buffer. */
#define DTRACEACT_COMMIT (DTRACEACT_SPECULATIVE + 2)

/* Throw a speculation away. */
#define DTRACEACT_DISCARD (DTRACEACT_SPECULATIVE + 3)

/* Class of the aggregations (DTRACEAGG_*). */
#define DTRACEACT_AGGREGATION 0x700

/* The bits of a kind that are its class. */
#define DTRACEACT_CLASS_MASK 0xff00

/* The bits of a stack action's argument that are the number of frames; the string size stands above them. */
#define DTRACE_USTACK_NFRAMES_MASK 0xffffffff

/* The kind of an action as a record carries it. */
typedef uint16_t dtrace_actkind_t;

/* How often. */
#define DTRACEAGG_COUNT (DTRACEACT_AGGREGATION + 1)

/* The smallest value. */
#define DTRACEAGG_MIN (DTRACEACT_AGGREGATION + 2)

/* The greatest value. */
#define DTRACEAGG_MAX (DTRACEACT_AGGREGATION + 3)

/* The mean: count and sum. */
#define DTRACEAGG_AVG (DTRACEACT_AGGREGATION + 4)

/* The sum. */
#define DTRACEAGG_SUM (DTRACEACT_AGGREGATION + 5)

/* The standard deviation: count, sum, and a sum of squares of 128 bits. */
#define DTRACEAGG_STDDEV (DTRACEACT_AGGREGATION + 6)

/* Distribution over powers of two. */
#define DTRACEAGG_QUANTIZE (DTRACEACT_AGGREGATION + 7)

/* Distribution over equal steps. */
#define DTRACEAGG_LQUANTIZE (DTRACEACT_AGGREGATION + 8)

/* Distribution over equal steps within powers. */
#define DTRACEAGG_LLQUANTIZE (DTRACEACT_AGGREGATION + 9)

/* Buckets of a power-of-two distribution. */
#define DTRACE_QUANTIZE_NBUCKETS 127

/* The bucket of the value zero. */
#define DTRACE_QUANTIZE_ZEROBUCKET 63

/* Where the step stands in the argument of `lquantize`. */
#define DTRACE_LQUANTIZE_STEPSHIFT 48

/* Where the number of levels stands. */
#define DTRACE_LQUANTIZE_LEVELSHIFT 32

/* Where the base stands. */
#define DTRACE_LQUANTIZE_BASESHIFT 0

/* Where the factor stands in the argument of `llquantize`. */
#define DTRACE_LLQUANTIZE_FACTORSHIFT 48

/* Where the lowest magnitude stands. */
#define DTRACE_LLQUANTIZE_LOWSHIFT 32

/* Where the highest magnitude stands. */
#define DTRACE_LLQUANTIZE_HIGHSHIFT 16

/* Where the number of steps stands. */
#define DTRACE_LLQUANTIZE_NSTEPSHIFT 0

/* Bytes of a principal buffer. */
#define DTRACEOPT_BUFSIZE 0

/* What happens when a principal buffer is full (DTRACEOPT_BUFPOLICY_RING and so on). */
#define DTRACEOPT_BUFPOLICY 1

/* Bytes for dynamic variables. */
#define DTRACEOPT_DYNVARSIZE 2

/* Bytes of an aggregation buffer. */
#define DTRACEOPT_AGGSIZE 3

/* Bytes of a speculation buffer. */
#define DTRACEOPT_SPECSIZE 4

/* Number of speculations. */
#define DTRACEOPT_NSPEC 5

/* Bytes of a string. */
#define DTRACEOPT_STRSIZE 6

/* How often dynamic variables and speculations are cleaned. */
#define DTRACEOPT_CLEANRATE 7

/* The one CPU to trace on, or -1. */
#define DTRACEOPT_CPU 8

/* Whether a buffer may become smaller when memory is short (DTRACEOPT_BUFRESIZE_AUTO and so on). */
#define DTRACEOPT_BUFRESIZE 9

/* Take over the anonymous state. */
#define DTRACEOPT_GRABANON 10

/* Indent by entry and return. */
#define DTRACEOPT_FLOWINDENT 11

/* Print what is asked for and no more. */
#define DTRACEOPT_QUIET 12

/* Frames of a kernel stack. */
#define DTRACEOPT_STACKFRAMES 13

/* Frames of a user stack. */
#define DTRACEOPT_USTACKFRAMES 14

/* How often aggregations are read. */
#define DTRACEOPT_AGGRATE 15

/* How often buffers are switched. */
#define DTRACEOPT_SWITCHRATE 16

/* How often the status is read. */
#define DTRACEOPT_STATUSRATE 17

/* Whether destructive actions are allowed. */
#define DTRACEOPT_DESTRUCTIVE 18

/* Columns before a stack frame. */
#define DTRACEOPT_STACKINDENT 19

/* Print memory as bytes, always. */
#define DTRACEOPT_RAWBYTES 20

/* Frames of a `jstack`. */
#define DTRACEOPT_JSTACKFRAMES 21

/* Bytes for the strings of a `jstack`. */
#define DTRACEOPT_JSTACKSTRSIZE 22

/* Sort aggregations by key. */
#define DTRACEOPT_AGGSORTKEY 23

/* Sort aggregations downwards. */
#define DTRACEOPT_AGGSORTREV 24

/* Which of several aggregations to sort by. */
#define DTRACEOPT_AGGSORTPOS 25

/* Which key to sort by. */
#define DTRACEOPT_AGGSORTKEYPOS 26

/* Print stacks with symbols (the Linux port's own). */
#define DTRACEOPT_STACKSYMBOLS 27

/* Number of options. */
#define DTRACEOPT_MAX 28

/* The value of an option that nobody has set. */
#define DTRACEOPT_UNSET (-2)

/* The oldest records make room for the newest. */
#define DTRACEOPT_BUFPOLICY_RING 0

/* Tracing ends on a CPU when its buffer is full. */
#define DTRACEOPT_BUFPOLICY_FILL 1

/* Two buffers a CPU, read in turn. */
#define DTRACEOPT_BUFPOLICY_SWITCH 2

/* Smaller buffers are taken when memory is short. */
#define DTRACEOPT_BUFRESIZE_AUTO 0

/* Not enough memory is an error. */
#define DTRACEOPT_BUFRESIZE_MANUAL 1

/* The number of an option. */
typedef uint32_t dtrace_optid_t;

/* The value of an option. */
typedef int64_t dtrace_optval_t;

/* Something else. */
#define DTRACEFLT_UNKNOWN 0

/* A bad address. */
#define DTRACEFLT_BADADDR 1

/* A misaligned address. */
#define DTRACEFLT_BADALIGN 2

/* An illegal operation. */
#define DTRACEFLT_ILLOP 3

/* A division by zero. */
#define DTRACEFLT_DIVZERO 4

/* No scratch memory left. */
#define DTRACEFLT_NOSCRATCH 5

/* Kernel memory without the privilege. */
#define DTRACEFLT_KPRIV 6

/* User memory without the privilege. */
#define DTRACEFLT_UPRIV 7

/* The tuple stack is full. */
#define DTRACEFLT_TUPOFLOW 8

/* A bad stack. */
#define DTRACEFLT_BADSTACK 9

/* The first of the codes that the library has for itself. */
#define DTRACEFLT_LIBRARY 1000

/* No enabled probe: EPIDs begin at 1, and 0 is padding in a buffer. */
#define DTRACE_EPIDNONE 0

/* No aggregation: ids begin at 1, and 0 is padding in a buffer. */
#define DTRACE_AGGIDNONE 0

/* No aggregation variable. */
#define DTRACE_AGGVARIDNONE 0

/* The mark of aggregation data that the consumer prints, in the flags of an dtrace_aggdesc_t. */
#define DTRACE_AGD_PRINTED 1

/* The id of an enabled probe (an ECB), unique in its consumer state. */
typedef uint32_t dtrace_epid_t;

/* The id of an aggregating action, unique in its consumer state. */
typedef uint32_t dtrace_aggid_t;

/* The id of an aggregation variable, unique in its program. */
typedef int64_t dtrace_aggvarid_t;

/* One record: the data of one action. */
typedef struct dtrace_recdesc {
  /* The kind of the action (DTRACEACT_*, DTRACEAGG_*). */
  uint16_t dtrd_action;
  /* Zero. */
  uint16_t dtrd_pad;
  /* Bytes of data. */
  uint32_t dtrd_size;
  /* Where the data is, from the EPID (or aggregation id) word on. */
  uint32_t dtrd_offset;
  /* What the offset is a multiple of. */
  uint16_t dtrd_alignment;
  /* The format's id, beginning at 1; 0 for none. */
  uint16_t dtrd_format;
  /* The action's argument. */
  uint64_t dtrd_arg;
  /* What the program put there for its own use. */
  uint64_t dtrd_uarg;
} dtrace_recdesc_t;

/* An enabled probe and its records. */
typedef struct dtrace_eprobedesc {
  /* The enabled probe that is asked for. */
  dtrace_epid_t dtepd_epid;
  /* The probe. */
  dtrace_id_t dtepd_probeid;
  /* What the program put into the ECB for its own use. */
  uint64_t dtepd_uarg;
  /* Bytes of a record of this EPID. */
  uint32_t dtepd_size;
  /* Records: on the way in the room for them, on the way out how many there are. */
  uint32_t dtepd_nrecs;
  /* The first of the records. */
  dtrace_recdesc_t dtepd_rec[1];
} dtrace_eprobedesc_t;

/* An aggregation and its records: the keys, then the value. */
typedef struct dtrace_aggdesc {
  /* The consumer's own pointer to the name; the driver leaves it alone. */
  DTRACE_PTR (dtagd_name);
  /* The consumer's own; the driver leaves it alone. */
  dtrace_aggvarid_t dtagd_varid;
  /* The consumer's own; the driver leaves it alone. */
  uint32_t dtagd_flags;
  /* The aggregation that is asked for. */
  dtrace_aggid_t dtagd_id;
  /* The enabled probe that it belongs to. */
  dtrace_epid_t dtagd_epid;
  /* Bytes of a record, from the aggregation id word on. */
  uint32_t dtagd_size;
  /* Records: on the way in the room for them, on the way out how many there are. */
  uint32_t dtagd_nrecs;
  /* Zero. */
  uint32_t dtagd_pad;
  /* The first of the records. */
  dtrace_recdesc_t dtagd_rec[1];
} dtrace_aggdesc_t;

/* A format string. */
typedef struct dtrace_fmtdesc {
  /* Where to put it. */
  DTRACE_PTR (dtfd_string);
  /* The room there; on the way out, when it was too little, what is needed with the NUL. */
  int32_t dtfd_length;
  /* The format's id, beginning at 1. */
  uint16_t dtfd_format;
  /* Zero. */
  uint16_t dtfd_pad;
} dtrace_fmtdesc_t;

/* Every CPU, as the value of the `cpu` option. */
#define DTRACE_CPUALL (-1)

/* A CPU's buffer: which, where to copy it, and what was in it. */
typedef struct dtrace_bufdesc {
  /* Bytes copied. On the way in it is whatever the caller had there last, and no capacity. */
  uint64_t dtbd_size;
  /* The CPU. */
  uint32_t dtbd_cpu;
  /* Records given up because of a fault. */
  uint32_t dtbd_errors;
  /* Records given up for want of room. */
  uint64_t dtbd_drops;
  /* Where to copy the data. */
  DTRACE_PTR (dtbd_data);
  /* The offset of the oldest record, where the buffer is a ring. */
  uint64_t dtbd_oldest;
} dtrace_bufdesc_t;

/* What a consumer state has dropped, and whether it still lives. */
typedef struct dtrace_status {
  /* Dynamic variables dropped: no memory. */
  uint64_t dtst_dyndrops;
  /* Dynamic variables dropped: the free ones were rinsing. */
  uint64_t dtst_dyndrops_rinsing;
  /* Dynamic variables dropped: the free ones were dirty. */
  uint64_t dtst_dyndrops_dirty;
  /* Speculations dropped: no room. */
  uint64_t dtst_specdrops;
  /* Speculations refused: all busy being committed or discarded. */
  uint64_t dtst_specdrops_busy;
  /* Speculations refused: all in use. */
  uint64_t dtst_specdrops_unavail;
  /* Faults. */
  uint64_t dtst_errors;
  /* Buffers with the fill policy that are full. */
  uint64_t dtst_filled;
  /* Helper strings that did not fit into a stack's record. */
  uint64_t dtst_stkstroverflows;
  /* Faults in dtrace:::ERROR itself. */
  uint64_t dtst_dblerrors;
  /* 1 when the deadman has killed the state. */
  uint8_t dtst_killed;
  /* 1 when the program has called `exit`. */
  uint8_t dtst_exiting;
  /* Zero. */
  uint8_t dtst_pad[6];
} dtrace_status_t;

/* Types of an ILP32 kernel, as the data model of a dtrace_conf_t. */
#define CTF_MODEL_ILP32 1

/* Types of an LP64 kernel, as the data model of a dtrace_conf_t. */
#define CTF_MODEL_LP64 2

/* The DIF that the driver runs, and the data model of its types. */
typedef struct dtrace_conf {
  /* The version of DIF (DIF_VERSION). */
  uint32_t dtc_difversion;
  /* Integer registers. */
  uint32_t dtc_difintregs;
  /* Tuple registers. */
  uint32_t dtc_diftupregs;
  /* CTF_MODEL_LP64 or CTF_MODEL_ILP32. */
  uint32_t dtc_ctfmodel;
  /* Zero. */
  uint32_t dtc_pad[8];
} dtrace_conf_t;

/* The first version of DIF. */
#define DIF_VERSION_1 1

/* The version that everybody uses. */
#define DIF_VERSION_2 2

/* The newest version. */
#define DIF_VERSION DIF_VERSION_2

/* Integer registers. */
#define DIF_DIR_NREGS 8

/* Tuple registers. */
#define DIF_DTR_NREGS 8

/* The register that is always zero. */
#define DIF_REG_R0 0

/* The greatest index into an integer table. */
#define DIF_INTOFF_MAX 0xffff

/* The greatest offset into a string table. */
#define DIF_STROFF_MAX 0xffff

/* The greatest number that fits a register's place. */
#define DIF_REGISTER_MAX 0xff

/* The greatest id of a variable. */
#define DIF_VARIABLE_MAX 0xffff

/* The greatest number that fits a subroutine's place. */
#define DIF_SUBROUTINE_MAX 0xffff

/* The greatest label. */
#define DIF_LABEL_MAX 0xffffff

/* `or r1, r2, rd` */
#define DIF_OP_OR 1

/* `xor r1, r2, rd` */
#define DIF_OP_XOR 2

/* `and r1, r2, rd` */
#define DIF_OP_AND 3

/* `sll r1, r2, rd` */
#define DIF_OP_SLL 4

/* `srl r1, r2, rd` */
#define DIF_OP_SRL 5

/* `sub r1, r2, rd` */
#define DIF_OP_SUB 6

/* `add r1, r2, rd` */
#define DIF_OP_ADD 7

/* `mul r1, r2, rd` */
#define DIF_OP_MUL 8

/* `sdiv r1, r2, rd` */
#define DIF_OP_SDIV 9

/* `udiv r1, r2, rd` */
#define DIF_OP_UDIV 10

/* `srem r1, r2, rd` */
#define DIF_OP_SREM 11

/* `urem r1, r2, rd` */
#define DIF_OP_UREM 12

/* `not r1, rd` */
#define DIF_OP_NOT 13

/* `mov r1, rd` */
#define DIF_OP_MOV 14

/* `cmp r1, r2` */
#define DIF_OP_CMP 15

/* `tst r1` */
#define DIF_OP_TST 16

/* `ba label` */
#define DIF_OP_BA 17

/* `be label` */
#define DIF_OP_BE 18

/* `bne label` */
#define DIF_OP_BNE 19

/* `bg label` */
#define DIF_OP_BG 20

/* `bgu label` */
#define DIF_OP_BGU 21

/* `bge label` */
#define DIF_OP_BGE 22

/* `bgeu label` */
#define DIF_OP_BGEU 23

/* `bl label` */
#define DIF_OP_BL 24

/* `blu label` */
#define DIF_OP_BLU 25

/* `ble label` */
#define DIF_OP_BLE 26

/* `bleu label` */
#define DIF_OP_BLEU 27

/* `ldsb [r1], rd` */
#define DIF_OP_LDSB 28

/* `ldsh [r1], rd` */
#define DIF_OP_LDSH 29

/* `ldsw [r1], rd` */
#define DIF_OP_LDSW 30

/* `ldub [r1], rd` */
#define DIF_OP_LDUB 31

/* `lduh [r1], rd` */
#define DIF_OP_LDUH 32

/* `lduw [r1], rd` */
#define DIF_OP_LDUW 33

/* `ldx [r1], rd` */
#define DIF_OP_LDX 34

/* `ret rd` */
#define DIF_OP_RET 35

/* `nop` */
#define DIF_OP_NOP 36

/* `setx intindex, rd` */
#define DIF_OP_SETX 37

/* `sets strindex, rd` */
#define DIF_OP_SETS 38

/* `scmp r1, r2` */
#define DIF_OP_SCMP 39

/* `ldga var, ri, rd` */
#define DIF_OP_LDGA 40

/* `ldgs var, rd` */
#define DIF_OP_LDGS 41

/* `stgs var, rs` */
#define DIF_OP_STGS 42

/* `ldta var, ri, rd` */
#define DIF_OP_LDTA 43

/* `ldts var, rd` */
#define DIF_OP_LDTS 44

/* `stts var, rs` */
#define DIF_OP_STTS 45

/* `sra r1, r2, rd` */
#define DIF_OP_SRA 46

/* `call subr, rd` */
#define DIF_OP_CALL 47

/* `pushtr type, rs, rr` */
#define DIF_OP_PUSHTR 48

/* `pushtv type, rs, rv` */
#define DIF_OP_PUSHTV 49

/* `popts` */
#define DIF_OP_POPTS 50

/* `flushts` */
#define DIF_OP_FLUSHTS 51

/* `ldgaa var, rd` */
#define DIF_OP_LDGAA 52

/* `ldtaa var, rd` */
#define DIF_OP_LDTAA 53

/* `stgaa var, rs` */
#define DIF_OP_STGAA 54

/* `sttaa var, rs` */
#define DIF_OP_STTAA 55

/* `ldls var, rd` */
#define DIF_OP_LDLS 56

/* `stls var, rs` */
#define DIF_OP_STLS 57

/* `allocs r1, rd` */
#define DIF_OP_ALLOCS 58

/* `copys r1, r2, rd` */
#define DIF_OP_COPYS 59

/* `stb r1, [rd]` */
#define DIF_OP_STB 60

/* `sth r1, [rd]` */
#define DIF_OP_STH 61

/* `stw r1, [rd]` */
#define DIF_OP_STW 62

/* `stx r1, [rd]` */
#define DIF_OP_STX 63

/* `uldsb [r1], rd`: from user memory */
#define DIF_OP_ULDSB 64

/* `uldsh [r1], rd`: from user memory */
#define DIF_OP_ULDSH 65

/* `uldsw [r1], rd`: from user memory */
#define DIF_OP_ULDSW 66

/* `uldub [r1], rd`: from user memory */
#define DIF_OP_ULDUB 67

/* `ulduh [r1], rd`: from user memory */
#define DIF_OP_ULDUH 68

/* `ulduw [r1], rd`: from user memory */
#define DIF_OP_ULDUW 69

/* `uldx [r1], rd`: from user memory */
#define DIF_OP_ULDX 70

/* `rldsb [r1], rd`: checked against what the consumer may read */
#define DIF_OP_RLDSB 71

/* `rldsh [r1], rd`: checked */
#define DIF_OP_RLDSH 72

/* `rldsw [r1], rd`: checked */
#define DIF_OP_RLDSW 73

/* `rldub [r1], rd`: checked */
#define DIF_OP_RLDUB 74

/* `rlduh [r1], rd`: checked */
#define DIF_OP_RLDUH 75

/* `rlduw [r1], rd`: checked */
#define DIF_OP_RLDUW 76

/* `rldx [r1], rd`: checked */
#define DIF_OP_RLDX 77

/* `xlate xlrindex, rd`: resolved before the driver sees it */
#define DIF_OP_XLATE 78

/* `xlarg xlrindex, rd`: resolved before the driver sees it */
#define DIF_OP_XLARG 79

/* One instruction: opcode, then three bytes whose meaning the opcode gives. */
typedef uint32_t dif_instr_t;

/* The least id of an array. */
#define DIF_VAR_ARRAY_MIN 0

/* The least id of an array that a program defines. */
#define DIF_VAR_ARRAY_UBASE 0x80

/* The greatest id of an array. */
#define DIF_VAR_ARRAY_MAX 0xff

/* The least id of a scalar or associative array. */
#define DIF_VAR_OTHER_MIN 0x100

/* The least id of a scalar or associative array that a program defines. */
#define DIF_VAR_OTHER_UBASE 0x500

/* The greatest id of a scalar or associative array. */
#define DIF_VAR_OTHER_MAX 0xffff

/* `args[]` */
#define DIF_VAR_ARGS 0

/* `regs[]` */
#define DIF_VAR_REGS 1

/* `uregs[]` */
#define DIF_VAR_UREGS 2

/* `vmregs[]` */
#define DIF_VAR_VMREGS 3

/* `curthread` */
#define DIF_VAR_CURTHREAD 0x100

/* `timestamp` */
#define DIF_VAR_TIMESTAMP 0x101

/* `vtimestamp` */
#define DIF_VAR_VTIMESTAMP 0x102

/* `ipl` */
#define DIF_VAR_IPL 0x103

/* `epid` */
#define DIF_VAR_EPID 0x104

/* `id` */
#define DIF_VAR_ID 0x105

/* `arg0` */
#define DIF_VAR_ARG0 0x106

/* `arg1` */
#define DIF_VAR_ARG1 0x107

/* `arg2` */
#define DIF_VAR_ARG2 0x108

/* `arg3` */
#define DIF_VAR_ARG3 0x109

/* `arg4` */
#define DIF_VAR_ARG4 0x10a

/* `arg5` */
#define DIF_VAR_ARG5 0x10b

/* `arg6` */
#define DIF_VAR_ARG6 0x10c

/* `arg7` */
#define DIF_VAR_ARG7 0x10d

/* `arg8` */
#define DIF_VAR_ARG8 0x10e

/* `arg9` */
#define DIF_VAR_ARG9 0x10f

/* `stackdepth` */
#define DIF_VAR_STACKDEPTH 0x110

/* `caller` */
#define DIF_VAR_CALLER 0x111

/* `probeprov` */
#define DIF_VAR_PROBEPROV 0x112

/* `probemod` */
#define DIF_VAR_PROBEMOD 0x113

/* `probefunc` */
#define DIF_VAR_PROBEFUNC 0x114

/* `probename` */
#define DIF_VAR_PROBENAME 0x115

/* `pid` */
#define DIF_VAR_PID 0x116

/* `tid` */
#define DIF_VAR_TID 0x117

/* `execname` */
#define DIF_VAR_EXECNAME 0x118

/* `zonename` */
#define DIF_VAR_ZONENAME 0x119

/* `walltimestamp` */
#define DIF_VAR_WALLTIMESTAMP 0x11a

/* `ustackdepth` */
#define DIF_VAR_USTACKDEPTH 0x11b

/* `ucaller` */
#define DIF_VAR_UCALLER 0x11c

/* `ppid` */
#define DIF_VAR_PPID 0x11d

/* `uid` */
#define DIF_VAR_UID 0x11e

/* `gid` */
#define DIF_VAR_GID 0x11f

/* `errno` */
#define DIF_VAR_ERRNO 0x120

/* `threadname`: beyond the original, under the number that illumos gives it. */
#define DIF_VAR_THREADNAME 0x121

/* `execargs`: beyond the original. */
#define DIF_VAR_EXECARGS 0x201

/* `cpu`: beyond the original, which has a symbol of the driver in its place. */
#define DIF_VAR_CPU 0x200

/* `rand()` */
#define DIF_SUBR_RAND 0

/* `mutex_owned()` */
#define DIF_SUBR_MUTEX_OWNED 1

/* `mutex_owner()` */
#define DIF_SUBR_MUTEX_OWNER 2

/* `mutex_type_adaptive()` */
#define DIF_SUBR_MUTEX_TYPE_ADAPTIVE 3

/* `mutex_type_spin()` */
#define DIF_SUBR_MUTEX_TYPE_SPIN 4

/* `rw_read_held()` */
#define DIF_SUBR_RW_READ_HELD 5

/* `rw_write_held()` */
#define DIF_SUBR_RW_WRITE_HELD 6

/* `rw_iswriter()` */
#define DIF_SUBR_RW_ISWRITER 7

/* `copyin()` */
#define DIF_SUBR_COPYIN 8

/* `copyinstr()` */
#define DIF_SUBR_COPYINSTR 9

/* `speculation()` */
#define DIF_SUBR_SPECULATION 10

/* `progenyof()` */
#define DIF_SUBR_PROGENYOF 11

/* `strlen()` */
#define DIF_SUBR_STRLEN 12

/* `copyout()` */
#define DIF_SUBR_COPYOUT 13

/* `copyoutstr()` */
#define DIF_SUBR_COPYOUTSTR 14

/* `alloca()` */
#define DIF_SUBR_ALLOCA 15

/* `bcopy()` */
#define DIF_SUBR_BCOPY 16

/* `copyinto()` */
#define DIF_SUBR_COPYINTO 17

/* `msgdsize()` */
#define DIF_SUBR_MSGDSIZE 18

/* `msgsize()` */
#define DIF_SUBR_MSGSIZE 19

/* `getmajor()` */
#define DIF_SUBR_GETMAJOR 20

/* `getminor()` */
#define DIF_SUBR_GETMINOR 21

/* `ddi_pathname()` */
#define DIF_SUBR_DDI_PATHNAME 22

/* `strjoin()` */
#define DIF_SUBR_STRJOIN 23

/* `lltostr()` */
#define DIF_SUBR_LLTOSTR 24

/* `basename()` */
#define DIF_SUBR_BASENAME 25

/* `dirname()` */
#define DIF_SUBR_DIRNAME 26

/* `cleanpath()` */
#define DIF_SUBR_CLEANPATH 27

/* `strchr()` */
#define DIF_SUBR_STRCHR 28

/* `strrchr()` */
#define DIF_SUBR_STRRCHR 29

/* `strstr()` */
#define DIF_SUBR_STRSTR 30

/* `strtok()` */
#define DIF_SUBR_STRTOK 31

/* `substr()` */
#define DIF_SUBR_SUBSTR 32

/* `index()` */
#define DIF_SUBR_INDEX 33

/* `rindex()` */
#define DIF_SUBR_RINDEX 34

/* `htons()` */
#define DIF_SUBR_HTONS 35

/* `htonl()` */
#define DIF_SUBR_HTONL 36

/* `htonll()` */
#define DIF_SUBR_HTONLL 37

/* `ntohs()` */
#define DIF_SUBR_NTOHS 38

/* `ntohl()` */
#define DIF_SUBR_NTOHL 39

/* `ntohll()` */
#define DIF_SUBR_NTOHLL 40

/* `inet_ntop()` */
#define DIF_SUBR_INET_NTOP 41

/* `inet_ntoa()` */
#define DIF_SUBR_INET_NTOA 42

/* `inet_ntoa6()` */
#define DIF_SUBR_INET_NTOA6 43

/* `toupper()` */
#define DIF_SUBR_TOUPPER 44

/* `tolower()` */
#define DIF_SUBR_TOLOWER 45

/* `d_path()` (the Linux port's own) */
#define DIF_SUBR_D_PATH 46

/* The greatest of those that the original has. */
#define DIF_SUBR_MAX DIF_SUBR_D_PATH

/* `json()`: beyond the original, under the number that illumos gives it. */
#define DIF_SUBR_JSON 47

/* `strtoll()`: beyond the original, under the number that illumos gives it. */
#define DIF_SUBR_STRTOLL 48

/* The index of a section. */
typedef uint32_t dof_secidx_t;

/* The offset of a string in its table. */
typedef uint32_t dof_stridx_t;

/* A dtrace_attribute_t as a word. */
typedef uint32_t dof_attr_t;

/* No section. */
#define DOF_SECIDX_NONE 0xffffffff

/* No string. */
#define DOF_STRIDX_NONE 0xffffffff

/* An integer, or a structure, of a CTF type. */
#define DIF_TYPE_CTF 0

/* A D string. */
#define DIF_TYPE_STRING 1

/* The value is the address of the data. */
#define DIF_TF_BYREF 1

/* An array variable. */
#define DIFV_KIND_ARRAY 0

/* A scalar variable. */
#define DIFV_KIND_SCALAR 1

/* A global variable. */
#define DIFV_SCOPE_GLOBAL 0

/* A variable of the thread. */
#define DIFV_SCOPE_THREAD 1

/* A variable of the clause. */
#define DIFV_SCOPE_LOCAL 2

/* The DIFO reads the variable. */
#define DIFV_F_REF 1

/* The DIFO writes the variable. */
#define DIFV_F_MOD 2

/* The type of a value. */
typedef struct dtrace_diftype {
  /* DIF_TYPE_CTF or DIF_TYPE_STRING. */
  uint8_t dtdt_kind;
  /* The CTF kind. */
  uint8_t dtdt_ckind;
  /* DIF_TF_BYREF or nothing. */
  uint8_t dtdt_flags;
  /* Zero. */
  uint8_t dtdt_pad;
  /* Bytes. */
  uint32_t dtdt_size;
} dtrace_diftype_t;

/* A variable. */
typedef struct dtrace_difv {
  /* Its name, in the DIFO's string table. */
  dof_stridx_t dtdv_name;
  /* Its id. */
  uint32_t dtdv_id;
  /* DIFV_KIND_ARRAY or DIFV_KIND_SCALAR. */
  uint8_t dtdv_kind;
  /* DIFV_SCOPE_GLOBAL and so on. */
  uint8_t dtdv_scope;
  /* DIFV_F_REF and DIFV_F_MOD. */
  uint16_t dtdv_flags;
  /* Its type. */
  dtrace_diftype_t dtdv_type;
} dtrace_difv_t;

/* Bytes of the identification. */
#define DOF_ID_SIZE 16

/* The identification's first byte: DOF_MAG_MAG0. */
#define DOF_ID_MAG0 0

/* The identification's second byte: DOF_MAG_MAG1. */
#define DOF_ID_MAG1 1

/* The identification's third byte: DOF_MAG_MAG2. */
#define DOF_ID_MAG2 2

/* The identification's fourth byte: DOF_MAG_MAG3. */
#define DOF_ID_MAG3 3

/* The data model. */
#define DOF_ID_MODEL 4

/* The byte order. */
#define DOF_ID_ENCODING 5

/* The version of DOF. */
#define DOF_ID_VERSION 6

/* The version of DIF. */
#define DOF_ID_DIFVERS 7

/* Integer registers used. */
#define DOF_ID_DIFIREG 8

/* Tuple registers used. */
#define DOF_ID_DIFTREG 9

/* The first of the bytes that are zero. */
#define DOF_ID_PAD 10

/* 0x7f. */
#define DOF_MAG_MAG0 0x7f

/* `D`. */
#define DOF_MAG_MAG1 0x44

/* `O`. */
#define DOF_MAG_MAG2 0x4f

/* `F`. */
#define DOF_MAG_MAG3 0x46

/* No data model. */
#define DOF_MODEL_NONE 0

/* ILP32. */
#define DOF_MODEL_ILP32 1

/* LP64. */
#define DOF_MODEL_LP64 2

/* No byte order. */
#define DOF_ENCODE_NONE 0

/* Little-endian. */
#define DOF_ENCODE_LSB 1

/* Big-endian. */
#define DOF_ENCODE_MSB 2

/* The first version. */
#define DOF_VERSION_1 1

/* The version with is-enabled probes. */
#define DOF_VERSION_2 2

/* The newest version. */
#define DOF_VERSION DOF_VERSION_2

/* The flags that an image may have: none. */
#define DOF_FL_VALID 0

/* Nothing. */
#define DOF_SECT_NONE 0

/* Comments for people. */
#define DOF_SECT_COMMENTS 1

/* The program's text. */
#define DOF_SECT_SOURCE 2

/* dof_ecbdesc_t. */
#define DOF_SECT_ECBDESC 3

/* dof_probedesc_t, one or more. */
#define DOF_SECT_PROBEDESC 4

/* dof_actdesc_t, one or more. */
#define DOF_SECT_ACTDESC 5

/* dof_difohdr_t. */
#define DOF_SECT_DIFOHDR 6

/* dif_instr_t, one or more. */
#define DOF_SECT_DIF 7

/* Strings, each with its NUL. */
#define DOF_SECT_STRTAB 8

/* dtrace_difv_t, one or more. */
#define DOF_SECT_VARTAB 9

/* dof_relodesc_t, one or more. */
#define DOF_SECT_RELTAB 10

/* Types. */
#define DOF_SECT_TYPTAB 11

/* dof_relohdr_t of user relocations. */
#define DOF_SECT_URELHDR 12

/* dof_relohdr_t of kernel relocations. */
#define DOF_SECT_KRELHDR 13

/* dof_optdesc_t, one or more. */
#define DOF_SECT_OPTDESC 14

/* dof_provider_t. */
#define DOF_SECT_PROVIDER 15

/* dof_probe_t, one or more. */
#define DOF_SECT_PROBES 16

/* Argument mappings, a byte each. */
#define DOF_SECT_PRARGS 17

/* Probe offsets, a word each. */
#define DOF_SECT_PROFFS 18

/* Integers, eight bytes each. */
#define DOF_SECT_INTTAB 19

/* The `uname` of where it was made. */
#define DOF_SECT_UTSNAME 20

/* dof_xlref_t, one or more. */
#define DOF_SECT_XLTAB 21

/* dof_xlmember_t, one or more. */
#define DOF_SECT_XLMEMBERS 22

/* dof_xlator_t that is needed. */
#define DOF_SECT_XLIMPORT 23

/* dof_xlator_t that is offered. */
#define DOF_SECT_XLEXPORT 24

/* Exported objects. */
#define DOF_SECT_PREXPORT 25

/* Is-enabled offsets, a word each. */
#define DOF_SECT_PRENOFFS 26

/* The greatest type of a section. */
#define DOF_SECT_MAX DOF_SECT_PRENOFFS

/* The section is for the driver. */
#define DOF_SECF_LOAD 1

/* No relocation. */
#define DOF_RELO_NONE 0

/* Add the base address to an eight byte word. */
#define DOF_RELO_SETX 1

/* The header, at the start of an image. */
typedef struct dof_hdr {
  /* The identification (DOF_ID_MAG0 and so on). */
  uint8_t dofh_ident[DOF_ID_SIZE];
  /* DOF_FL_VALID. */
  uint32_t dofh_flags;
  /* Bytes of the header. */
  uint32_t dofh_hdrsize;
  /* Bytes of a section header. */
  uint32_t dofh_secsize;
  /* Sections. */
  uint32_t dofh_secnum;
  /* Where the section headers are. */
  uint64_t dofh_secoff;
  /* Bytes of what the driver needs. */
  uint64_t dofh_loadsz;
  /* Bytes of all. */
  uint64_t dofh_filesz;
  /* Zero. */
  uint64_t dofh_pad;
} dof_hdr_t;

/* A section header. */
typedef struct dof_sec {
  /* What the section is (DOF_SECT_ECBDESC and so on). */
  uint32_t dofs_type;
  /* A power of two that its offset is a multiple of. */
  uint32_t dofs_align;
  /* DOF_SECF_LOAD or nothing. */
  uint32_t dofs_flags;
  /* Bytes of an entry, where it is a table. */
  uint32_t dofs_entsize;
  /* Where it is. */
  uint64_t dofs_offset;
  /* Its bytes. */
  uint64_t dofs_size;
} dof_sec_t;

/* An enabling control block: probes, predicate, actions. */
typedef struct dof_ecbdesc {
  /* The DOF_SECT_PROBEDESC. */
  dof_secidx_t dofe_probes;
  /* The DOF_SECT_DIFOHDR of the predicate, or none. */
  dof_secidx_t dofe_pred;
  /* The DOF_SECT_ACTDESC, or none. */
  dof_secidx_t dofe_actions;
  /* Zero. */
  uint32_t dofe_pad;
  /* The program's own. */
  uint64_t dofe_uarg;
} dof_ecbdesc_t;

/* A probe description. */
typedef struct dof_probedesc {
  /* The DOF_SECT_STRTAB of the four names. */
  dof_secidx_t dofp_strtab;
  /* The provider. */
  dof_stridx_t dofp_provider;
  /* The module. */
  dof_stridx_t dofp_mod;
  /* The function. */
  dof_stridx_t dofp_func;
  /* The name. */
  dof_stridx_t dofp_name;
  /* The probe's id, or 0. */
  uint32_t dofp_id;
} dof_probedesc_t;

/* An action. */
typedef struct dof_actdesc {
  /* The DOF_SECT_DIFOHDR of its expression, or none. */
  dof_secidx_t dofa_difo;
  /* The DOF_SECT_STRTAB of its format, or none. */
  dof_secidx_t dofa_strtab;
  /* What it is (DTRACEACT_*, DTRACEAGG_*). */
  uint32_t dofa_kind;
  /* For an aggregation, how many of the actions before it are its keys. */
  uint32_t dofa_ntuple;
  /* Its argument; for an action with a format, the format's offset in the string table. */
  uint64_t dofa_arg;
  /* The program's own. */
  uint64_t dofa_uarg;
} dof_actdesc_t;

/* A DIFO: the type of its value, and the sections that make it. Their number follows from the section's size. */
typedef struct dof_difohdr {
  /* The type of the value. */
  dtrace_diftype_t dofd_rtype;
  /* The first of the sections. */
  dof_secidx_t dofd_links[1];
} dof_difohdr_t;

/* A set of relocations. */
typedef struct dof_relohdr {
  /* The DOF_SECT_STRTAB of the names. */
  dof_secidx_t dofr_strtab;
  /* The DOF_SECT_RELTAB. */
  dof_secidx_t dofr_relsec;
  /* What is relocated. */
  dof_secidx_t dofr_tgtsec;
} dof_relohdr_t;

/* A relocation. */
typedef struct dof_relodesc {
  /* The symbol. */
  dof_stridx_t dofr_name;
  /* DOF_RELO_NONE or DOF_RELO_SETX. */
  uint32_t dofr_type;
  /* Where in the target. */
  uint64_t dofr_offset;
  /* What is added. */
  uint64_t dofr_data;
} dof_relodesc_t;

/* An option. */
typedef struct dof_optdesc {
  /* Which (DTRACEOPT_*). */
  uint32_t dofo_option;
  /* DOF_SECIDX_NONE. */
  dof_secidx_t dofo_strtab;
  /* Its value, an dtrace_optval_t. */
  uint64_t dofo_value;
} dof_optdesc_t;

/* A USDT provider. An image of version 1 ends before its last member. */
typedef struct dof_provider {
  /* The DOF_SECT_STRTAB of the names. */
  dof_secidx_t dofpv_strtab;
  /* The DOF_SECT_PROBES. */
  dof_secidx_t dofpv_probes;
  /* The DOF_SECT_PRARGS. */
  dof_secidx_t dofpv_prargs;
  /* The DOF_SECT_PROFFS. */
  dof_secidx_t dofpv_proffs;
  /* The name. */
  dof_stridx_t dofpv_name;
  /* Stability of the provider. */
  dof_attr_t dofpv_provattr;
  /* Stability of the module part. */
  dof_attr_t dofpv_modattr;
  /* Stability of the function part. */
  dof_attr_t dofpv_funcattr;
  /* Stability of the name part. */
  dof_attr_t dofpv_nameattr;
  /* Stability of the arguments. */
  dof_attr_t dofpv_argsattr;
  /* The DOF_SECT_PRENOFFS, or none. */
  dof_secidx_t dofpv_prenoffs;
} dof_provider_t;

/* A USDT probe. In an image of version 1 everything after the number of offsets is zero. */
typedef struct dof_probe {
  /* The function's address, relative to the helper's base. */
  uint64_t dofpr_addr;
  /* The function. */
  dof_stridx_t dofpr_func;
  /* The name. */
  dof_stridx_t dofpr_name;
  /* The native arguments' types. */
  dof_stridx_t dofpr_nargv;
  /* The translated arguments' types. */
  dof_stridx_t dofpr_xargv;
  /* The first of the argument mappings. */
  uint32_t dofpr_argidx;
  /* The first of the offsets. */
  uint32_t dofpr_offidx;
  /* Native arguments. */
  uint8_t dofpr_nargc;
  /* Translated arguments. */
  uint8_t dofpr_xargc;
  /* Offsets. */
  uint16_t dofpr_noffs;
  /* The first of the is-enabled offsets. */
  uint32_t dofpr_enoffidx;
  /* Is-enabled offsets. */
  uint16_t dofpr_nenoffs;
  /* Zero. */
  uint16_t dofpr_pad1;
  /* Zero. */
  uint32_t dofpr_pad2;
} dof_probe_t;

/* A translator. */
typedef struct dof_xlator {
  /* The DOF_SECT_XLMEMBERS. */
  dof_secidx_t dofxl_members;
  /* The DOF_SECT_STRTAB of the names. */
  dof_secidx_t dofxl_strtab;
  /* The parameters' types. */
  dof_stridx_t dofxl_argv;
  /* Parameters. */
  uint32_t dofxl_argc;
  /* The type it makes. */
  dof_stridx_t dofxl_type;
  /* Its stability. */
  dof_attr_t dofxl_attr;
} dof_xlator_t;

/* A member of a translator. */
typedef struct dof_xlmember {
  /* The DOF_SECT_DIFOHDR that makes it. */
  dof_secidx_t dofxm_difo;
  /* Its name. */
  dof_stridx_t dofxm_name;
  /* Its type. */
  dtrace_diftype_t dofxm_type;
} dof_xlmember_t;

/* The use of a translator in a DIFO. */
typedef struct dof_xlref {
  /* The DOF_SECT_XLIMPORT or DOF_SECT_XLEXPORT. */
  dof_secidx_t dofxr_xlator;
  /* The member. */
  uint32_t dofxr_member;
  /* The argument. */
  uint32_t dofxr_argn;
} dof_xlref_t;

/* A process's helper image. */
typedef struct dof_helper {
  /* The module (executable or shared object) that it is for. */
  char dofhp_mod[DTRACE_MODNAMELEN];
  /* The address that relocations are relative to. */
  uint64_t dofhp_addr;
  /* The address of the DOF image. */
  uint64_t dofhp_dof;
} dof_helper_t;

#endif
