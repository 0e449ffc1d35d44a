/*
 * What goes with <dtrace.h> and cbindgen, which makes the rest, has no words for. By hand.
 */
#ifndef _DTRACE_MACROS_H
#define _DTRACE_MACROS_H

#include <elf.h>
#include <string.h>
#include <sys/dtrace.h>

/* Symbols and addresses, as <gelf.h> has them, which clients get with this header where there is one. */
#ifdef __has_include
#if __has_include(<gelf.h>)
#include <gelf.h>
#endif
#endif
typedef Elf64_Sym GElf_Sym;
typedef Elf64_Addr GElf_Addr;

/* The words of Solaris, in which clients of this interface are written. */
typedef unsigned char uchar_t;
typedef unsigned int uint_t;
typedef int processorid_t;
typedef long long hrtime_t;
#define NANOSEC				1000000000

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
