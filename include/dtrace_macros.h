/*
 * What goes with <dtrace.h> and cbindgen, which makes the rest, has no words for. By hand.
 */
#ifndef _DTRACE_MACROS_H
#define _DTRACE_MACROS_H

#include <elf.h>
#include <sys/dtrace.h>

/* Symbols and addresses, as <gelf.h> has them. */
typedef Elf64_Sym GElf_Sym;
typedef Elf64_Addr GElf_Addr;

/* A process that was created or grabbed. */
struct ps_prochandle;

/* Objects that are meant where the name of one is asked for. */
#define DTRACE_OBJ_EXEC			((const char *)0L)
#define DTRACE_OBJ_RTLD			((const char *)1L)
#define DTRACE_OBJ_CDEFS		((const char *)2L)
#define DTRACE_OBJ_DDEFS		((const char *)3L)
#define DTRACE_OBJ_EVERY		((const char *)-1L)
#define DTRACE_OBJ_KMODS		((const char *)-2L)
#define DTRACE_OBJ_UMODS		((const char *)-3L)

/* Room for what dtrace_desc2str writes. */
#define DTRACE_DESC2STR_MAX		DTRACE_FULLNAMELEN

#endif
