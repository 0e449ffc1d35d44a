// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * as UID GID [CAP] COMMAND...: runs a command as this user and group, and no other group; with the capability of this number (an ambient
 * one, so that any command keeps it).
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void keep(unsigned cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	caps[cap / 32].permitted = caps[cap / 32].inheritable = caps[cap / 32].effective = 1U << cap % 32;
	if (syscall(SYS_capset, &head, caps) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
		err(125, "capability %u", cap);
}

int main(int argc, char **argv)
{
	int capable = argc > 4 && isdigit(argv[3][0]);

	if (argc < 4)
		errx(125, "usage: as UID GID [CAP] COMMAND...");
	uid_t uid = (uid_t)atoi(argv[1]);
	gid_t gid = (gid_t)atoi(argv[2]);

	if (capable && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		err(125, "keeping capabilities");
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		err(125, "uid %u", uid);
	if (capable)
		keep((unsigned)atoi(argv[3]) & 63);
	argv += capable ? 4 : 3;
	execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}
