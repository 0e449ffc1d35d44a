# A return probe fires for a call that was made, once.
# limit: 60

output=$(dtrace -q -n 'syscall::clone:entry, syscall::fork:entry /execname == "getppid"/ { @e = count(); }
    syscall::clone:return, syscall::fork:return /execname == "getppid"/ { @r = count(); }
    END { printa("%@d ", @e); printa("%@d", @r); }' -c 'getppid 4 4')
is "four forks return four times, in the parent" "$(echo $output)" "4 4"

# The kernel starts this program itself when it looks for a file system's module. It makes no read.
echo /usr/local/bin/cost > /proc/sys/kernel/modprobe
dtrace -q -n 'syscall:::entry /execname == "cost"/ { @e[probefunc] = count(); }
    syscall:::return /execname == "cost"/ { @r[probefunc] = count(); } tick-4s { exit(0); }
    END { printa("%s entry %@d\n", @e); printa("%s return %@d\n", @r); }' > out &
tracer=$!
until_traced
mount -t nosuchfilesystem none /mnt 2> /dev/null
wait $tracer
matches "the program's own calls are seen" "$(cat out)" '^exit_group entry [1-9]'
is "none of read, which it does not make" "$(grep '^read ' out)" ""
