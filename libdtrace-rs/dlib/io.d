/*
 * Files, as fds[] and the arguments of probes describe them.
 */

#pragma D depends_on library fcntl.d

typedef struct fileinfo {
	string fi_name;			/* the last part of the path */
	string fi_dirname;		/* the path without it */
	string fi_pathname;		/* the path */
	uint64_t fi_offset;		/* where the next read or write begins */
	string fi_fs;			/* the type of the file system */
	int fi_oflags;			/* the flags of open, O_RDONLY ... */
} fileinfo_t;
