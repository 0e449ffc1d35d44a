# The original's own userland on our driver: it lists, it runs a clause, it does the main job, it claims anonymous tracing, and it
# leaves nothing behind.
# limit: 180

PATH=/opt/original/bin:$PATH
output=$(timeout 60 dtrace -l 2>&1)
is "-l ends well" $? 0
matches "-l has its heading" "$output" '^ *ID +PROVIDER +MODULE +FUNCTION +NAME'
matches "-l lists BEGIN" "$output" '^ *1 +dtrace .* BEGIN'
matches "-l lists the entry of openat" "$output" '^ *[0-9]+ +syscall .* openat entry'

output=$(timeout 60 dtrace -q -n 'BEGIN { trace("hello"); exit(0); }' 2>&1)
is "BEGIN fires once and ends it" "$output" hello

workload &
output=$(timeout 60 dtrace -q -n 'syscall:::entry { @[execname] = count(); } tick-5s { exit(0); }' 2>&1)
is "the main job ends well" $? 0
matches "it counts the system calls of find" "$output" '^ +find +[0-9]+$'
matches "and those of dd" "$output" '^ +dd +[0-9]+$'

# Its -c has two races of its own. One thread makes the child, attaches to it and detaches; another attaches then, and is to let it
# go. A child that says PTRACE_TRACEME between these two belongs to the first, and is never let go; and between the two the
# child runs untraced. So the parent is held up behind its fork, until the child has asked to be traced, and the child before
# its first call of interest, until the other thread has it.
/usr/sbin/dtrace -qw -o held -n 'BEGIN { trace("ready"); }
    syscall::clone:return /execname == "dtrace" && pid != $pid && (int)arg1 > 0/ { chill(400000000); }
    syscall::arch_prctl:entry /execname == "getppid"/ { chill(400000000); }' &
holder=$!
for _ in $(seq 300); do
    ! grep -q ready held 2> /dev/null || break
    sleep 0.1
done
timeout 60 dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @ = count(); }' -c '/usr/local/bin/getppid 1000' > exact 2> /dev/null
is "-c ends well" $? 0
matches "it counts every call of a process that it started" "$(cat exact)" '^ +1000$'
kill -INT $holder
wait $holder
ok "nothing of it keeps the driver" rmmod dtracedrv

# Its -a takes an argument and does not look at it.
/usr/sbin/dtrace -A -n 'BEGIN { printf("begun"); } syscall::getppid:entry /execname == "getppid"/ { @ = count(); }
    END { printa("%@d calls", @); }' 2> /dev/null
load_driver
getppid 100
output=$(timeout 60 dtrace -a x -e 2> /dev/null)
is "-a claims what our -A has saved" $? 0
matches "from its beginning" "$output" 'BEGIN begun'
matches "to its end" "$output" 'END 100 calls'
/usr/sbin/dtrace -A 2> /dev/null
ok "and keeps nothing of it" rmmod dtracedrv
