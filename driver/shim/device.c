// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The device nodes: misc devices with dynamic minors, whose operations all go to Rust with the node's number. */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "host.h"

/* One set of operations per node, so that an open file tells its node by the set it has; private_data is its slot. */
static struct miscdevice devices[HOST_NODES];
static struct file_operations operations[HOST_NODES];

static uint32_t node_of(const struct file *file)
{
	return file->f_op - operations;
}

static uint64_t slot_of(const struct file *file)
{
	return (unsigned long)file->private_data;
}

static int node_open(struct inode *inode, struct file *file)
{
	uint64_t slot = 0;
	int result = rs_open(node_of(file), &slot);

	file->private_data = (void *)(unsigned long)slot;
	return result;
}

static int node_release(struct inode *inode, struct file *file)
{
	rs_release(node_of(file), slot_of(file));
	return 0;
}

#ifdef CONFIG_X86_32
/* A thread has 8 KiB of stack here, of which some requests want most for themselves: they are served on one of their own. */
#define ROOM 32768

static long node_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct arguments {
		uint32_t node;
		uint64_t slot;
		uint32_t command;
		uint64_t arg;
		uint32_t compat;
	} __packed *arguments;
	char *stack = kmalloc(ROOM, GFP_KERNEL);
	int64_t result;

	if (!stack)
		return -ENOMEM;
	arguments = (struct arguments *)(stack + ROOM - ALIGN(sizeof(*arguments), 16));
	*arguments = (struct arguments){ node_of(file), slot_of(file), command, arg, true };
	asm volatile("movl %%esp, %%ebx; movl %[top], %%esp; call rs_ioctl; movl %%ebx, %%esp"
		     : "=A"(result)
		     : [top] "r"(arguments)
		     : "ebx", "ecx", "memory", "cc");
	kfree(stack);
	return result;
}
#else
static long node_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	return rs_ioctl(node_of(file), slot_of(file), command, arg, false);
}
#endif

#ifdef CONFIG_COMPAT
static long node_compat_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	return rs_ioctl(node_of(file), slot_of(file), command, (unsigned long)compat_ptr(arg), true);
}
#endif

static ssize_t node_read(struct file *file, char __user *buffer, size_t len, loff_t *offset)
{
	int64_t position = *offset;
	ssize_t result = rs_read(node_of(file), slot_of(file), (unsigned long)buffer, len, &position);

	*offset = position;
	return result;
}

static ssize_t node_write(struct file *file, const char __user *buffer, size_t len, loff_t *offset)
{
	return rs_write(node_of(file), slot_of(file), (unsigned long)buffer, len);
}

asmlinkage int32_t host_node_add(uint32_t node, const char *name, uint16_t mode)
{
	operations[node] = (struct file_operations){
		.owner = THIS_MODULE,
		.open = node_open,
		.release = node_release,
		.unlocked_ioctl = node_ioctl,
#ifdef CONFIG_COMPAT
		.compat_ioctl = node_compat_ioctl,
#endif
		.read = node_read,
		.write = node_write,
		.llseek = noop_llseek,
	};
	devices[node] = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = name,
		.mode = mode,
		.fops = &operations[node],
	};
	return misc_register(&devices[node]);
}

asmlinkage void host_node_remove(uint32_t node)
{
	misc_deregister(&devices[node]);
}
