// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* as UID GID COMMAND...: runs a command as this user and group, and no other group. */
#define _GNU_SOURCE
#include <err.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(125, "usage: as UID GID COMMAND...");
	uid_t uid = (uid_t)atoi(argv[1]);
	gid_t gid = (gid_t)atoi(argv[2]);

	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		err(125, "uid %u", uid);
	execvp(argv[3], argv + 3);
	err(127, "%s", argv[3]);
}
