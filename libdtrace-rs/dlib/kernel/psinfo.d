/*
 * Processes and threads, from the kernel's structures.
 */

#pragma D depends_on library procfs.d
#pragma D depends_on library task.d

translator psinfo_t < struct task_struct *T > {
	pr_nlwp = T->signal->nr_threads;
	pr_pid = T->tgid;
	pr_ppid = T->real_parent->tgid;
	pr_pgid = T->signal->pids[2]->numbers[0].nr;
	pr_sid = T->signal->pids[3]->numbers[0].nr;
	pr_uid = (uid_t)T->real_cred->uid.val;
	pr_euid = (uid_t)T->real_cred->euid.val;
	pr_gid = (gid_t)T->real_cred->gid.val;
	pr_egid = (gid_t)T->real_cred->egid.val;
	pr_addr = (uintptr_t)T->group_leader;
	pr_fname = stringof(T->group_leader->comm);
	pr_psargs = stringof(T->group_leader->comm);
	pr_dmodel = T->thread_info.status & 2 ? PR_MODEL_ILP32 : PR_MODEL_LP64;
};

/* The process that fired the probe. Its arguments are still in its memory. */
translator psinfo_t < uint64_t P > {
	pr_nlwp = ((struct task_struct *)P)->signal->nr_threads;
	pr_pid = pid;
	pr_ppid = ppid;
	pr_pgid = ((struct task_struct *)P)->signal->pids[2]->numbers[0].nr;
	pr_sid = ((struct task_struct *)P)->signal->pids[3]->numbers[0].nr;
	pr_uid = uid;
	pr_euid = (uid_t)((struct task_struct *)P)->real_cred->euid.val;
	pr_gid = gid;
	pr_egid = (gid_t)((struct task_struct *)P)->real_cred->egid.val;
	pr_addr = (uintptr_t)((struct task_struct *)P)->group_leader;
	pr_fname = stringof(((struct task_struct *)P)->group_leader->comm);
	pr_psargs = execargs;
	pr_dmodel = ((struct task_struct *)P)->thread_info.status & 2 ? PR_MODEL_ILP32 : PR_MODEL_LP64;
};
inline psinfo_t *curpsinfo = xlate < psinfo_t * > ((uint64_t)curthread);

translator lwpsinfo_t < struct task_struct *T > {
	pr_lwpid = T->pid;
	pr_addr = (uintptr_t)T;
	pr_state = T->on_cpu ? SONPROC : T->exit_state ? SZOMB : task_state[T] == 0 ? SRUN :
	    task_state[T] & 12 ? SSTOP : SSLEEP;
	pr_sname = T->on_cpu ? 'O' : T->exit_state ? 'Z' : task_state[T] == 0 ? 'R' :
	    task_state[T] & 12 ? 'T' : 'S';
	pr_pri = T->prio;
	pr_nice = T->static_prio - 120;
	pr_onpro = task_cpu[T];
	pr_name = stringof(T->comm);
};
inline lwpsinfo_t *curlwpsinfo = xlate < lwpsinfo_t * > (curthread);
