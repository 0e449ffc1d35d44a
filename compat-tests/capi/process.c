/*
 * Processes: created, continued, watched to their ends, grabbed and let go.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define EDT_COMPILER	1005

static int told;

static void
ended(struct ps_prochandle *P, const char *msg, void *arg)
{
	CHECK(P == *(struct ps_prochandle **)arg && msg == NULL);
	CHECK(Pstate(P) == PS_UNDEAD);
	told++;
}

static int
value(const dtrace_aggdata_t *agg, void *arg)
{
	const dtrace_recdesc_t *rec = &agg->dtada_desc->dtagd_rec[agg->dtada_desc->dtagd_nrecs - 1];

	*(int64_t *)arg += *(int64_t *)(agg->dtada_data + rec->dtrd_offset);
	return (DTRACE_AGGWALK_NEXT);
}

static void
created(void)
{
	dtrace_hdl_t *h = opened();
	char *argv[] = { "sh", "-c", "exit 3", NULL }, name[SIG2STR_MAX];
	struct ps_prochandle *P = dtrace_proc_create(h, "/bin/sh", argv);
	int64_t calls = 0;
	int status = 0;

	WORKS(h, P != NULL);
	CHECK(Pstate(P) == PS_STOP && Pstatus(P)->pr_pid > 0 && Ppsinfo(P)->pr_pid == Pstatus(P)->pr_pid);
	CHECK(dtrace_handle_proc(h, ended, &P) == 0);
	CHECK(dtrace_handle_proc(h, ended, &P) == -1 && dtrace_errno(h) == EALREADY);
	enabled(h, "syscall::exit_group:entry/pid == $target/{ @ = count(); }");
	WORKS(h, dtrace_go(h) == 0);
	dtrace_proc_continue(h, P);
	while (told == 0 && status == 0) {
		dtrace_sleep(h);
		status = dtrace_work(h, stdout, NULL, NULL, NULL);
	}
	CHECK(status == DTRACE_WORKSTATUS_OKAY && told == 1);
	CHECK(Pstate(P) == PS_UNDEAD && WIFEXITED(Ppsinfo(P)->pr_wstat) && WEXITSTATUS(Ppsinfo(P)->pr_wstat) == 3);
	WORKS(h, dtrace_stop(h) == 0);
	WORKS(h, dtrace_work(h, stdout, NULL, NULL, NULL) == DTRACE_WORKSTATUS_DONE);
	WORKS(h, dtrace_aggregate_walk(h, value, &calls) == 0);
	CHECK(calls == 1);
	dtrace_proc_release(h, P);
	dtrace_proc_release(h, P);
	CHECK(dtrace_errno(h) == EINVAL && Pstate(NULL) == PS_LOST && Pstatus(NULL) == NULL && Ppsinfo(NULL) == NULL);
	CHECK(dtrace_proc_create(h, "/nonexistent/program", argv) == NULL && dtrace_errno(h) == EDT_COMPILER);
	SAME(dtrace_errmsg(h, EDT_COMPILER), "failed to execute /nonexistent/program: No such file or directory");
	SAME(proc_signame(SIGKILL, name, sizeof (name)), "SIGKILL");
	dtrace_close(h);
}

/* Words that are no text reach the process as they are. */
static void
words(void)
{
	dtrace_hdl_t *h = opened();
	char *argv[] = { "sh", "-c", "test \"$0\" = \"$(printf '\\377')\"", "\377", NULL };
	struct ps_prochandle *P = dtrace_proc_create(h, "/bin/sh", argv);

	WORKS(h, P != NULL);
	dtrace_proc_continue(h, P);
	while (Pstate(P) != PS_UNDEAD)
		usleep(1000);
	CHECK(WIFEXITED(Ppsinfo(P)->pr_wstat) && WEXITSTATUS(Ppsinfo(P)->pr_wstat) == 0);
	dtrace_close(h);
}

/* Process and frame of the last stack in a key. */
static int
frame(const dtrace_aggdata_t *agg, void *arg)
{
	memcpy(arg, agg->dtada_data + agg->dtada_desc->dtagd_rec[1].dtrd_offset, 2 * sizeof (uint64_t));
	return (DTRACE_AGGWALK_NEXT);
}

/* An address of a process that is gone, and was there for no time, has its name. */
static void
named(void)
{
	dtrace_hdl_t *h = opened();
	char *argv[] = { "true", NULL }, text[256];
	struct ps_prochandle *P = dtrace_proc_create(h, "true", argv);
	uint64_t words[2] = { 0, 0 };
	int status = 0;

	WORKS(h, P != NULL);
	CHECK(dtrace_handle_proc(h, ended, &P) == 0);
	enabled(h, "syscall::exit_group:entry/pid == $target/{ @[ustack(1)] = count(); }");
	WORKS(h, dtrace_go(h) == 0);
	dtrace_proc_continue(h, P);
	for (told = 0; told == 0 && status == 0;) {
		dtrace_sleep(h);
		status = dtrace_work(h, stdout, NULL, NULL, NULL);
	}
	WORKS(h, dtrace_stop(h) == 0);
	WORKS(h, dtrace_work(h, stdout, NULL, NULL, NULL) == DTRACE_WORKSTATUS_DONE);
	WORKS(h, dtrace_aggregate_walk(h, frame, words) == 0);
	CHECK(words[0] != 0 && words[1] != 0);
	CHECK(dtrace_uaddr2str(h, (pid_t)words[0], words[1], text, sizeof (text)) > 0);
	CHECK(strchr(text, '`') != NULL);
	dtrace_close(h);
}

/* A process that sleeps; it is the child of one that waits for it, not ours. */
static pid_t
stranger(pid_t *parent)
{
	int ends[2];
	pid_t pid = 0;

	CHECK(pipe(ends) == 0);
	*parent = fork();
	CHECK(*parent >= 0);
	if (*parent == 0) {
		pid = fork();
		if (pid == 0) {
			for (;;)
				pause();
		}
		_exit(write(ends[1], &pid, sizeof (pid)) != sizeof (pid) || waitpid(pid, NULL, 0) != pid);
	}
	CHECK(read(ends[0], &pid, sizeof (pid)) == sizeof (pid) && pid > 0);
	close(ends[0]);
	close(ends[1]);
	return (pid);
}

static void
grabbed(void)
{
	dtrace_hdl_t *h = opened();
	pid_t parent, pid = stranger(&parent);
	struct ps_prochandle *P = dtrace_proc_grab(h, pid, 0);
	int status = -1;

	WORKS(h, P != NULL);
	CHECK(Pstatus(P)->pr_pid == pid);
	dtrace_proc_continue(h, P);
	CHECK(Pstate(P) == PS_RUN);
	dtrace_proc_release(h, P);
	dtrace_close(h);
	/* It lives on. */
	CHECK(kill(pid, 0) == 0 && kill(pid, SIGKILL) == 0);
	CHECK(waitpid(parent, &status, 0) == parent && status == 0);

	h = opened();
	CHECK(dtrace_proc_grab(h, 0x3ffffff0, 0) == NULL && dtrace_errno(h) == EDT_COMPILER);
	SAME(dtrace_errmsg(h, EDT_COMPILER), "failed to grab pid 1073741808: no such process");
	CHECK(dtrace_proc_grab(h, -1, 0) == NULL && dtrace_errno(h) == ESRCH);
	dtrace_proc_continue(h, NULL);
	CHECK(dtrace_errno(h) == EINVAL);
	dtrace_close(h);
}

int
main(void)
{
	created();
	words();
	named();
	grabbed();
	return (0);
}
