/* macros of the process: who runs the command */
#pragma D option quiet

BEGIN { printf("%d %d %d %d\n", $pid == pid, $target, $uid == uid, $ppid == ppid); exit(0); }
