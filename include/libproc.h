/*
 * What clients of libdtrace ask of the processes that they trace.
 *
 * Generated from libdtrace-rs/capi/src by cbindgen: change it there (include/cbindgen.toml says how).
 */
#ifndef _LIBPROC_H
#define _LIBPROC_H

#include <sys/types.h>
#include <dtrace.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pstate: it runs. */
#define PS_RUN 1

/* It is held. */
#define PS_STOP 2

/* It is no longer ours. */
#define PS_LOST 3

/* It has ended. */
#define PS_UNDEAD 4

/* Room for the name of a signal. */
#define SIG2STR_MAX 32

/* How a process stands. */
typedef struct pstatus {
  /* Its id. */
  pid_t pr_pid;
} pstatus_t;

/* What a process is. */
typedef struct psinfo {
  /* Its id. */
  pid_t pr_pid;
  /* Once it has ended, how: as wait(2) says it. */
  int pr_wstat;
} psinfo_t;

/* How a process stands: one of PS_*. */
int Pstate(struct ps_prochandle *process);

/* The id of a process; NULL for none. */
const pstatus_t *Pstatus(struct ps_prochandle *process);

/* The id of a process, and how it has ended if it has; NULL for none. */
const psinfo_t *Ppsinfo(struct ps_prochandle *process);

/* Writes the name of a signal: SIGKILL. The buffer. */
char *proc_signame(int signal, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
