// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Files, directory entries, mounts and locks of the kernel, read field by field without faulting and without any lock. */
#include <linux/build_bug.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "host.h"

static bool notrace read(void *to, const void *from, size_t len)
{
	return !copy_from_kernel_nofault(to, from, len);
}

/* What comes may be narrower than where it goes, which is zero before. */
#define LOAD(to, from)                                   \
	({                                               \
		BUILD_BUG_ON(sizeof(to) < sizeof(from)); \
		read(&(to), &(from), sizeof(from));      \
	})

/* What comes before the public part of the kernel's private struct mount, the same in every kernel since 3.3. */
struct mount {
	struct hlist_node hash;
	struct mount *parent;
	struct dentry *mountpoint;
	struct vfsmount public;
};

static bool notrace place(const struct path *from, struct host_place *to)
{
	struct path path;

	if (!LOAD(path, *from))
		return false;
	to->mount = (unsigned long)path.mnt;
	to->entry = (unsigned long)path.dentry;
	return true;
}

asmlinkage bool notrace host_file_place(uint64_t file, struct host_place *to)
{
	return place(&((const struct file *)(unsigned long)file)->f_path, to);
}

asmlinkage bool notrace host_root_place(struct host_place *to)
{
	const struct fs_struct *fs = READ_ONCE(current->fs);

	return fs && place(&fs->root, to);
}

asmlinkage bool notrace host_mount(uint64_t mount, struct host_mount *to)
{
	const struct mount *from = container_of((const struct vfsmount *)(unsigned long)mount, struct mount, public);
	struct mount *parent;
	struct dentry *mountpoint, *root;

	if (!LOAD(parent, from->parent) || !LOAD(mountpoint, from->mountpoint) || !LOAD(root, from->public.mnt_root))
		return false;
	to->root = (unsigned long)root;
	to->parent = (unsigned long)&parent->public;
	to->mountpoint = (unsigned long)mountpoint;
	return true;
}

asmlinkage bool notrace host_entry(uint64_t entry, struct host_entry *to)
{
	const struct dentry *from = (const struct dentry *)(unsigned long)entry;
	struct dentry *parent;
	struct super_block *sb;
	struct inode *inode;
	struct hlist_bl_node **hashed;
	struct qstr name;

	if (!LOAD(parent, from->d_parent) || !LOAD(name, from->d_name) || !LOAD(sb, from->d_sb) ||
	    !LOAD(inode, from->d_inode) || !LOAD(hashed, from->d_hash.pprev))
		return false;
	to->parent = (unsigned long)parent;
	to->name = (unsigned long)name.name;
	to->len = name.len;
	to->hashed = hashed != NULL;
	to->magic = 0;
	to->inode = 0;
	return LOAD(to->magic, sb->s_magic) && (!inode || LOAD(to->inode, inode->i_ino));
}

asmlinkage bool notrace host_realtime(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT);
}

asmlinkage bool notrace host_mutex_owner(uint64_t lock, uint64_t *owner)
{
	*owner = 0;
#ifdef CONFIG_PREEMPT_RT
	return LOAD(*owner, ((const struct mutex *)(unsigned long)lock)->rtmutex.owner);
#else
	return LOAD(*owner, ((const struct mutex *)(unsigned long)lock)->owner);
#endif
}

asmlinkage bool notrace host_rwsem(uint64_t lock, uint64_t *count, uint64_t *owner)
{
	const struct rw_semaphore *from = (const struct rw_semaphore *)(unsigned long)lock;
#ifdef CONFIG_PREEMPT_RT
	uint32_t readers = 0;
	bool known = LOAD(readers, from->rwbase.readers) && LOAD(*owner, from->rwbase.rtmutex.owner);

	*count = readers;
	return known;
#else
	*count = *owner = 0;
	return LOAD(*count, from->count) && LOAD(*owner, from->owner);
#endif
}
