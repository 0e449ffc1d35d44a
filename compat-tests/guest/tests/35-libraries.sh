# The D libraries, on the kernel's own structures.
# limit: 60

output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ {
    printf("%d %d %s|%s|%d %d", curpsinfo->pr_pid == pid, curpsinfo->pr_ppid == ppid, curpsinfo->pr_fname, curpsinfo->pr_psargs,
        curpsinfo->pr_nlwp, curpsinfo->pr_pgid == curpsinfo->pr_sid);
    exit(0); }' -c 'cost 5' 2>&1)
matches "curpsinfo is the process" "$output" '^1 1 cost[|]cost 5[|]1 1$'
output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ {
    printf("%d %d %c %d %s", curlwpsinfo->pr_lwpid == tid, curlwpsinfo->pr_state == SONPROC, curlwpsinfo->pr_sname,
        curlwpsinfo->pr_onpro == cpu, curlwpsinfo->pr_name);
    exit(0); }' -c 'cost 5' 2>&1)
matches "curlwpsinfo is the thread" "$output" '^1 1 O 1 cost$'
output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ {
    printf("%d %d %s", curthread->tgid == pid, curthread->pid == tid, stringof(curthread->comm)); exit(0); }' -c 'cost 5' 2>&1)
matches "curthread is the kernel's task" "$output" '^1 1 cost$'
output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ {
    printf("%d %d %d %d %s", getf(1) != NULL, getf(1)->f_flags == fds[1].fi_oflags, getf(-1) == NULL, getf(1000000) == NULL,
        fds[1000000].fi_pathname); exit(0); }' -c 'cost 5' 2>&1)
matches "fds[] and getf() are the open files" "$output" '^1 1 1 1 <none>$'
