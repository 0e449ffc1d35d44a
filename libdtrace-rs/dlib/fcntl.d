/*
 * Files: the flags of open and its kin, and the types in a mode (x86).
 */

/* Flags of open, and of fi_oflags. */
inline int O_RDONLY = 0;
inline int O_WRONLY = 1;
inline int O_RDWR = 2;
inline int O_ACCMODE = 3;
inline int O_CREAT = 64;
inline int O_EXCL = 128;
inline int O_NOCTTY = 256;
inline int O_TRUNC = 512;
inline int O_APPEND = 1024;
inline int O_NONBLOCK = 2048;
inline int O_NDELAY = 2048;
inline int O_DSYNC = 4096;
inline int O_DIRECT = 16384;
inline int O_LARGEFILE = 32768;
inline int O_DIRECTORY = 65536;
inline int O_NOFOLLOW = 131072;
inline int O_NOATIME = 262144;
inline int O_CLOEXEC = 524288;
inline int O_SYNC = 1052672;
inline int O_PATH = 2097152;
inline int O_TMPFILE = 4259840;

/* Flags of the calls that end in at. */
inline int AT_FDCWD = -100;
inline int AT_SYMLINK_NOFOLLOW = 256;
inline int AT_REMOVEDIR = 512;
inline int AT_EACCESS = 512;
inline int AT_SYMLINK_FOLLOW = 1024;
inline int AT_EMPTY_PATH = 4096;

/* Types of file. */
inline int S_IFMT = 61440;
inline int S_IFSOCK = 49152;
inline int S_IFLNK = 40960;
inline int S_IFREG = 32768;
inline int S_IFBLK = 24576;
inline int S_IFDIR = 16384;
inline int S_IFCHR = 8192;
inline int S_IFIFO = 4096;
