/*
 * The requests of /dev/fasttrap.
 *
 * Generated from driver/abi/src by cbindgen: change it there (include/cbindgen.toml says how).
 */
#ifndef _SYS_FASTTRAP_H
#define _SYS_FASTTRAP_H

#include <stdint.h>
#include <sys/dtrace.h>

/* No probe. */
#define DTFTP_NONE 0

/* The entry of a function. */
#define DTFTP_ENTRY 1

/* The returns of a function. */
#define DTFTP_RETURN 2

/* Offsets in a function. */
#define DTFTP_OFFSETS 3

/* Offsets in a function, fired after the instruction. */
#define DTFTP_POST_OFFSETS 4

/* A USDT is-enabled probe. */
#define DTFTP_IS_ENABLED 5

/* A pid probe to be made. */
typedef struct fasttrap_probe_spec {
  /* The process. */
  int32_t ftps_pid;
  /* What of the function (DTFTP_ENTRY and so on). */
  uint32_t ftps_type;
  /* The function. */
  char ftps_func[DTRACE_FUNCNAMELEN];
  /* The object that it is in. */
  char ftps_mod[DTRACE_MODNAMELEN];
  /* Its address. */
  uint64_t ftps_pc;
  /* Its size. */
  uint64_t ftps_size;
  /* How many offsets follow; at least 1. */
  uint64_t ftps_noffs;
  /* The first of the offsets. */
  uint64_t ftps_offs[1];
} fasttrap_probe_spec_t;

/* The question for the byte under a tracepoint. */
typedef struct fasttrap_instr_query {
  /* The address. */
  uint64_t ftiq_pc;
  /* The process. */
  int32_t ftiq_pid;
  /* The answer. */
  uint8_t ftiq_instr;
  /* Zero. */
  uint8_t ftiq_pad[3];
} fasttrap_instr_query_t;

#endif
