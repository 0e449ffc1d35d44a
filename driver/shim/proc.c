// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* /proc/dtrace: a directory of seq_files whose text is Rust's. */
#include <linux/errno.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include "host.h"
#include "kernel.h"

static struct proc_dir_entry *root;

static uint32_t entry_of(const struct inode *inode)
{
	return (uint32_t)(unsigned long)pde_data(inode);
}

static int show(struct seq_file *seq, void *unused)
{
	rs_proc_show((uint32_t)(unsigned long)seq->private, (struct host_seq *)seq);
	return 0;
}

static int open(struct inode *inode, struct file *file)
{
	return single_open(file, show, (void *)(unsigned long)entry_of(inode));
}

static const struct proc_ops operations = {
	.proc_open = open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

asmlinkage int32_t host_proc_root(void)
{
	root = proc_mkdir("dtrace", NULL);
	return root ? 0 : -ENOMEM;
}

asmlinkage int32_t host_proc_add(const char *name, uint16_t mode, uint32_t entry)
{
	return proc_create_data(name, mode, root, &operations, (void *)(unsigned long)entry) ? 0 : -ENOMEM;
}

asmlinkage void host_proc_remove(void)
{
	proc_remove(root);
}

asmlinkage void host_seq_write(struct host_seq *seq, const uint8_t *text, size_t len)
{
	seq_write((struct seq_file *)seq, text, len);
}
