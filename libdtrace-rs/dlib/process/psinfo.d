/*
 * Processes and threads without the driver: what the built-in variables tell of the one that fired the probe.
 */

#pragma D depends_on library procfs.d

translator psinfo_t < pid_t P > {
	pr_pid = P;
	pr_ppid = ppid;
	pr_uid = uid;
	pr_gid = gid;
	pr_fname = execname;
	pr_psargs = execargs;
};
inline psinfo_t *curpsinfo = xlate < psinfo_t * > (pid);

translator lwpsinfo_t < id_t T > {
	pr_lwpid = T;
	pr_state = SONPROC;
	pr_sname = 'O';
	pr_onpro = cpu;
	pr_name = threadname;
};
inline lwpsinfo_t *curlwpsinfo = xlate < lwpsinfo_t * > (tid);
