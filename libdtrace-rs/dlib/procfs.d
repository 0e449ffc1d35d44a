/*
 * Processes and threads: what curpsinfo and curlwpsinfo, and the arguments of probes, are.
 */

#pragma D depends_on library sched.d

/* Data models (pr_dmodel). */
inline char PR_MODEL_ILP32 = 1;
inline char PR_MODEL_LP64 = 2;

/* States of a thread (pr_state). */
inline int SSLEEP = 1;		/* waits for an event */
inline int SRUN = 2;		/* can run */
inline int SZOMB = 3;		/* has ended, and its parent has not asked for it yet */
inline int SSTOP = 4;		/* is stopped, by a signal or a debugger */
inline int SIDL = 5;		/* is being made */
inline int SONPROC = 6;		/* runs */

/* A process. */
typedef struct psinfo {
	int pr_nlwp;			/* how many threads it has */
	pid_t pr_pid;			/* its id */
	pid_t pr_ppid;			/* that of its parent */
	pid_t pr_pgid;			/* that of the leader of its group */
	pid_t pr_sid;			/* that of the leader of its session */
	uid_t pr_uid;			/* the real user */
	uid_t pr_euid;			/* the effective user */
	gid_t pr_gid;			/* the real group */
	gid_t pr_egid;			/* the effective group */
	uintptr_t pr_addr;		/* the address of its structure in the kernel */
	string pr_fname;		/* the name of what it runs */
	string pr_psargs;		/* its arguments, where they can be read; else as pr_fname */
	char pr_dmodel;			/* PR_MODEL_LP64 or PR_MODEL_ILP32 */
} psinfo_t;

/* A thread. */
typedef struct lwpsinfo {
	id_t pr_lwpid;			/* its id */
	uintptr_t pr_addr;		/* the address of its structure in the kernel */
	int pr_state;			/* SSLEEP, SRUN ... */
	char pr_sname;			/* the state as a letter, as ps shows it */
	int pr_pri;			/* its priority as the scheduler sees it: 0 to 139, lower is more urgent */
	int pr_nice;			/* -20 to 19 */
	processorid_t pr_onpro;		/* the processor that it last ran on */
	string pr_name;			/* its name */
} lwpsinfo_t;
