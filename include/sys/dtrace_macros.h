/*
 * The macros with arguments that go with <sys/dtrace.h>. By hand: cbindgen, which makes the rest, has none.
 */
#ifndef _SYS_DTRACE_MACROS_H
#define _SYS_DTRACE_MACROS_H

#include <stdint.h>

/*
 * A pointer of the caller's in a structure that is the same for 32-bit and 64-bit callers: the kernel reads 64 bits, so
 * a 32-bit caller has its other half behind it (little-endian), to be left zero.
 */
#if UINTPTR_MAX == 0xffffffffffffffff
#define DTRACE_PTR(name)		char *name
#define DTRACE_LP64_PAD(name)		uint32_t name
#else
#define DTRACE_PTR(name)		char *name; uint32_t name##_pad
#define DTRACE_LP64_PAD(name)		unsigned int : 0
#endif

/* The parts of a DIF instruction, and instructions of parts. */
#define DIF_INSTR_OP(i)			(((i) >> 24) & 0xff)
#define DIF_INSTR_R1(i)			(((i) >> 16) & 0xff)
#define DIF_INSTR_R2(i)			(((i) >> 8) & 0xff)
#define DIF_INSTR_RD(i)			((i) & 0xff)
#define DIF_INSTR_RS(i)			((i) & 0xff)
#define DIF_INSTR_LABEL(i)		((i) & 0xffffff)
#define DIF_INSTR_VAR(i)		(((i) >> 8) & 0xffff)
#define DIF_INSTR_INTEGER(i)		(((i) >> 8) & 0xffff)
#define DIF_INSTR_STRING(i)		(((i) >> 8) & 0xffff)
#define DIF_INSTR_SUBR(i)		(((i) >> 8) & 0xffff)
#define DIF_INSTR_XLREF(i)		(((i) >> 8) & 0xffff)
#define DIF_INSTR_TYPE(i)		(((i) >> 16) & 0xff)
#define DIF_INSTR_FMT(op, r1, r2, d)	\
	((uint32_t)(op) << 24 | (uint32_t)(r1) << 16 | (uint32_t)(r2) << 8 | (uint32_t)(d))
#define DIF_INSTR_BRANCH(op, label)	((uint32_t)(op) << 24 | ((uint32_t)(label) & 0xffffff))

/* What kind of kind an action's is. */
#define DTRACEACT_CLASS(kind)		((kind) & DTRACEACT_CLASS_MASK)
#define DTRACEACT_ISDESTRUCTIVE(kind)	\
	(DTRACEACT_CLASS(kind) == DTRACEACT_PROC_DESTRUCTIVE || DTRACEACT_CLASS(kind) == DTRACEACT_KERNEL_DESTRUCTIVE)
#define DTRACEACT_ISSPECULATIVE(kind)	(DTRACEACT_CLASS(kind) == DTRACEACT_SPECULATIVE)
#define DTRACEACT_ISAGG(kind)		(DTRACEACT_CLASS(kind) == DTRACEACT_AGGREGATION)
#define DTRACEACT_ISPRINTFLIKE(kind)	\
	((kind) == DTRACEACT_PRINTF || (kind) == DTRACEACT_PRINTA || (kind) == DTRACEACT_SYSTEM || \
	(kind) == DTRACEACT_FREOPEN)

/* The packed arguments of actions. */
#define DTRACE_USTACK_NFRAMES(arg)	((uint32_t)((arg) & DTRACE_USTACK_NFRAMES_MASK))
#define DTRACE_USTACK_STRSIZE(arg)	((uint32_t)((uint64_t)(arg) >> 32))
#define DTRACE_USTACK_ARG(nframes, strsize)	((uint64_t)(strsize) << 32 | (uint32_t)(nframes))

#define DTRACE_LQUANTIZE_STEP(arg)	((uint16_t)((uint64_t)(arg) >> DTRACE_LQUANTIZE_STEPSHIFT))
#define DTRACE_LQUANTIZE_LEVELS(arg)	((uint16_t)((uint64_t)(arg) >> DTRACE_LQUANTIZE_LEVELSHIFT))
#define DTRACE_LQUANTIZE_BASE(arg)	((int32_t)((uint64_t)(arg) >> DTRACE_LQUANTIZE_BASESHIFT))

#define DTRACE_LLQUANTIZE_FACTOR(arg)	((uint16_t)((uint64_t)(arg) >> DTRACE_LLQUANTIZE_FACTORSHIFT))
#define DTRACE_LLQUANTIZE_LOW(arg)	((uint16_t)((uint64_t)(arg) >> DTRACE_LLQUANTIZE_LOWSHIFT))
#define DTRACE_LLQUANTIZE_HIGH(arg)	((uint16_t)((uint64_t)(arg) >> DTRACE_LLQUANTIZE_HIGHSHIFT))
#define DTRACE_LLQUANTIZE_NSTEP(arg)	((uint16_t)((uint64_t)(arg) >> DTRACE_LLQUANTIZE_NSTEPSHIFT))

/* The value of a quantize() bucket that is nearest to zero. */
#define DTRACE_QUANTIZE_BUCKETVAL(bucket)	\
	((bucket) < DTRACE_QUANTIZE_ZEROBUCKET ? -(INT64_C(1) << (DTRACE_QUANTIZE_ZEROBUCKET - 1 - (bucket))) : \
	(bucket) == DTRACE_QUANTIZE_ZEROBUCKET ? INT64_C(0) : \
	INT64_C(1) << ((bucket) - DTRACE_QUANTIZE_ZEROBUCKET - 1))

/* An attribute as DOF's word, and its parts. */
#define DOF_ATTR(name, data, class)	\
	((uint32_t)(name) << 24 | (uint32_t)(data) << 16 | (uint32_t)(class) << 8)
#define DOF_ATTR_NAME(word)		(((word) >> 24) & 0xff)
#define DOF_ATTR_DATA(word)		(((word) >> 16) & 0xff)
#define DOF_ATTR_CLASS(word)		(((word) >> 8) & 0xff)

/* Whether the driver must understand sections of a type. */
#define DOF_SEC_ISLOADABLE(type)	\
	((type) <= DOF_SECT_MAX && (type) != DOF_SECT_NONE && (type) != DOF_SECT_COMMENTS && \
	(type) != DOF_SECT_SOURCE && (type) != DOF_SECT_UTSNAME)

#endif
