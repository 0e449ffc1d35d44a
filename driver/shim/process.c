// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Processes: their beginnings and ends, and the memory of another one. */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include "host.h"

uint64_t notrace host_process_start(void)
{
	return current->group_leader->start_time;
}

bool host_process_lives(uint32_t pid, uint64_t *start)
{
	struct task_struct *task;
	bool lives;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_TGID);
	lives = task && atomic_read(&task->signal->live) > 0;
	*start = lives ? task->start_time : 0;
	rcu_read_unlock();
	return lives;
}

static void notrace on_exit(void *data, struct task_struct *task)
{
	rs_process_exit(atomic_read(&task->signal->live));
}

static void notrace on_exec(void *data)
{
	rs_process_exec();
}

static void notrace on_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	rs_process_fork(child->tgid, child->start_time, child->mm == parent->mm);
}

/* The kernel exports none of the tracepoints by symbol; they are found by name. */
static struct hook {
	const char *name;
	void *callback;
	struct tracepoint *tp;
} hooks[] = {
	{ "sched_process_exit", on_exit },
	{ "sched_process_exec", on_exec },
	{ "sched_process_fork", on_fork },
};

static void match(struct tracepoint *tp, void *arg)
{
	struct hook *hook = arg;

	if (!strcmp(tp->name, hook->name))
		hook->tp = tp;
}

int32_t host_process_watch(uint32_t which)
{
	struct hook *hook = &hooks[which];

	for_each_kernel_tracepoint(match, hook);
	return hook->tp ? tracepoint_probe_register(hook->tp, hook->callback, NULL) : -ENOENT;
}

void host_process_unwatch(uint32_t which)
{
	tracepoint_probe_unregister(hooks[which].tp, hooks[which].callback, NULL);
	tracepoint_synchronize_unregister();
}

/* A host_file is a struct file. */
static struct file *file_of(struct host_file *file)
{
	return (struct file *)file;
}

struct host_file *host_file_open(const char *path, bool write, int32_t *error)
{
	struct file *file = filp_open(path, write ? O_WRONLY : O_RDONLY, 0);

	*error = PTR_ERR_OR_ZERO(file);
	return IS_ERR(file) ? NULL : (struct host_file *)file;
}

void host_file_close(struct host_file *file)
{
	filp_close(file_of(file), NULL);
}

uint32_t host_file_owner(struct host_file *file)
{
	return __kuid_val(file_inode(file_of(file))->i_uid);
}

/* vfs_read() and vfs_write() are not for modules. As they do, these see to it that the memory is a user's: files rely on it. */
int64_t host_file_read(struct host_file *file, uint64_t at, uint64_t user, size_t len)
{
	loff_t offset = at;
	char __user *to = (char __user *)(unsigned long)user;
	const struct file_operations *operations = file_of(file)->f_op;

	if (!access_ok(to, len))
		return -EFAULT;
	return operations->read ? operations->read(file_of(file), to, len, &offset) : -EIO;
}

int64_t host_file_write(struct host_file *file, uint64_t at, uint64_t user, size_t len)
{
	loff_t offset = at;
	const char __user *from = (const char __user *)(unsigned long)user;
	const struct file_operations *operations = file_of(file)->f_op;

	if (!access_ok(from, len))
		return -EFAULT;
	return operations->write ? operations->write(file_of(file), from, len, &offset) : -EIO;
}
