/*
 * Processors.
 */

typedef int processorid_t;

/* A processor, as the arguments of probes and curcpu describe it. */
typedef struct cpuinfo {
	processorid_t cpu_id;		/* the processor's number */
} cpuinfo_t;

translator cpuinfo_t < processorid_t C > {
	cpu_id = C;
};

/* The processor that fired the probe. */
inline cpuinfo_t *curcpu = xlate < cpuinfo_t * > ((processorid_t)cpu);
