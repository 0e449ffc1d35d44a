/*
 * Files, from the kernel's structures.
 */

#pragma D depends_on library io.d

translator fileinfo_t < struct file *F > {
	fi_name = F == NULL ? "<none>" : basename((string)d_path(F));
	fi_dirname = F == NULL ? "<none>" : dirname((string)d_path(F));
	fi_pathname = F == NULL ? "<none>" : (string)d_path(F);
	fi_offset = F == NULL ? 0 : (uint64_t)F->f_pos;
	fi_fs = F == NULL ? "<none>" : stringof(F->f_inode->i_sb->s_type->name);
	fi_oflags = F == NULL ? 0 : (int)F->f_flags;
};

/*
 * The open file behind a descriptor of the process that fired the probe; NULL where there is none. It is read as the table of
 * descriptors stands there: what another thread closes meanwhile may be gone, and reading it is a fault then, as any other.
 */
inline struct file *getf[int fd] =
    fd >= 0 && fd < curthread->files->fdt->max_fds ? curthread->files->fdt->fd[fd] : (struct file *)NULL;

/* The open files of the process that fired the probe, by descriptor. */
inline fileinfo_t fds[int fd] = xlate < fileinfo_t > (getf(fd));
