# For half a minute, again and again: every system call, every processor's stack and every action of some kind while the machine is at work, the consumer
# killed in the middle, and the module asked to go while it is in use.
# limit: 150

workload > /dev/null 2>&1 &
workload=$!
dmesg -c > /dev/null
round=0 seen=0 refused=0
end=$(($(date +%s) + 30))
while [ "$(date +%s)" -lt $end ]; do
    dtrace -q -o seen.$round -n 'BEGIN { printf("begun\n"); }
        syscall:::entry { self->t = timestamp; @[probefunc, execname] = count(); }
        syscall:::return /self->t/ { @t[probefunc] = quantize(timestamp - self->t); self->t = 0; }
        syscall::openat:entry { printf("%s %s\n", execname, copyinstr(arg1)); @u[ustack(5)] = count(); }
        syscall::exit_group:entry { trace(vtimestamp); stack(); }
        profile-397 { @s[stack(10)] = count(); }' 2> /dev/null &
    tracer=$!
    tries=0
    until grep -q begun seen.$round 2> /dev/null || [ $tries = 600 ]; do
        usleep 50000
        tries=$((tries + 1))
    done
    rmmod dtracedrv 2> /dev/null || refused=$((refused + 1))
    usleep $((round * 37 % 10 * 50000 + 100000))
    kill -KILL $tracer
    wait $tracer 2> /dev/null
    ! grep -q begun seen.$round || seen=$((seen + 1))
    round=$((round + 1))
done
is "consumers have traced, been killed, and the next one traced: $round" "$([ $round -gt 1 ] && echo $seen)" $round
is "the module has not gone under one" "$refused" $round
is "no call has a probe any more" "$(grep -c '^x..\*' /proc/dtrace/syscall)" 0
ok "the machine is still at work" kill -0 $workload
kill $workload
is "the driver has said nothing; what the kernel complains of, the host sees" "$(kernel_log | grep dtracedrv)" ""
