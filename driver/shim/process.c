// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Processes, and the files that stand for their memory. */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include "host.h"

asmlinkage uint64_t notrace host_process_start(void)
{
	return current->group_leader->start_time;
}

asmlinkage int32_t host_process_threads(uint32_t pid, uint64_t *start)
{
	struct task_struct *task;
	int32_t threads = 0;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_TGID);
	if (task) {
		threads = host_threads_of(task);
		*start = task->start_time;
	}
	rcu_read_unlock();
	return threads;
}

/* A host_file is a struct file. */
static struct file *file_of(struct host_file *file)
{
	return (struct file *)file;
}

asmlinkage struct host_file *host_file_open(const char *path, bool write, int32_t *error)
{
	struct file *file = filp_open(path, write ? O_WRONLY : O_RDONLY, 0);

	*error = PTR_ERR_OR_ZERO(file);
	return IS_ERR(file) ? NULL : (struct host_file *)file;
}

asmlinkage void host_file_close(struct host_file *file)
{
	filp_close(file_of(file), NULL);
}

asmlinkage uint32_t host_file_owner(struct host_file *file)
{
	return __kuid_val(file_inode(file_of(file))->i_uid);
}

/* vfs_read() and vfs_write() are not for modules. As they do, these see to it that the memory is a user's: files rely on it. */
asmlinkage int64_t host_file_read(struct host_file *file, uint64_t at, uint64_t user, size_t len)
{
	loff_t offset = at;
	char __user *to = (char __user *)(unsigned long)user;
	const struct file_operations *operations = file_of(file)->f_op;

	if (!access_ok(to, len))
		return -EFAULT;
	return operations->read ? operations->read(file_of(file), to, len, &offset) : -EIO;
}

asmlinkage int64_t host_file_write(struct host_file *file, uint64_t at, uint64_t user, size_t len)
{
	loff_t offset = at;
	const char __user *from = (const char __user *)(unsigned long)user;
	const struct file_operations *operations = file_of(file)->f_op;

	if (!access_ok(from, len))
		return -EFAULT;
	return operations->write ? operations->write(file_of(file), from, len, &offset) : -EIO;
}
