/*
 * The requests of /dev/dtrace_ctl.
 *
 * Generated from driver/abi/src by cbindgen: change it there (include/cbindgen.toml says how).
 */
#ifndef _SYS_DTRACE_CTL_H
#define _SYS_DTRACE_CTL_H

#include <stdint.h>
#include <sys/dtrace.h>

/* Memory to move between the caller and another process. */
typedef struct ctl_mem {
  /* The other process. */
  int32_t c_pid;
  /* Zero. */
  DTRACE_LP64_PAD (c_pad0);
  /* From where. */
  void * c_src;
  /* To where. */
  void * c_dst;
  /* How many bytes. */
  int32_t c_len;
  /* Zero. */
  DTRACE_LP64_PAD (c_pad1);
} ctl_mem_t;

#endif
