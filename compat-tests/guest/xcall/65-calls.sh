# Every CPU calls every other, timers call from inside interrupts, probes fire and consumers come and go: nothing is lost.
# ROUNDS=n on the kernel's command line repeats it.
# limit: 1500

cpus=$(nproc)
proc=/proc/dtrace
rounds=$(sed -n 's/.*\bROUNDS=\([0-9]*\).*/\1/p' /proc/cmdline)
rounds=${rounds:-1}
stat() { sed -n "s/^$1=//p" $proc/stats; }

dtrace -q -n 'syscall:::entry { @[execname] = count(); }' > /dev/null 2>&1 &
tracer=$!
cpu=0
while [ $cpu -lt "$cpus" ]; do
    taskset -c $cpu sh -c 'for round in $(seq $1); do cat /proc/dtrace/torture-calls; done' - "$rounds" > calls.$cpu 2>&1 &
    callers="$callers $!"
    cpu=$((cpu + 1))
done
for round in $(seq "$rounds"); do cat $proc/torture-timers; done > timers &
timers=$!
# Consumers that come and go meanwhile.
for round in $(seq $((3 * rounds))); do
    dtrace -q -n 'profile-97 { @ = count(); } tick-1s { exit(0); }' > /dev/null 2>&1
done
wait $callers $timers
is "every call of every CPU is answered by every CPU, once" \
    "$(cat calls.* | sort -u)" "calls=300 answered=$((300 * cpus)) ran=$((300 * cpus)) incomplete=0"
comment "$(tail -n 1 timers)"
is "calls from timers, too" "$(grep -c '^ticks=[1-9][0-9]* failed=0$' timers)" "$rounds"
is "and probes fire still" "$(dtrace -q -n 'syscall::getppid:entry { @ = count(); }' -c 'getppid 1000' | tr -d ' \n')" 1000
kill $tracer
wait $tracer 2> /dev/null
is "no target was given up" "$(stat xcall_given_up)" 0
ok "interrupts were taken and counted" test "$(stat ipi1)" -gt 0
is "a call from within a call is answered by everyone" "$(cat $proc/torture-nested)" \
    "complete=true outer=$cpus inner=$cpus"
ok "nested calls are counted" test "$(stat 'xcall3(reentrant)')" -gt 0

# dtrace_sync 200 times in place of once, each time that one is due: while probes fire on every CPU, every CPU calls every other, and
# consumers come and go, nothing is lost and nothing is late.
cat $proc/torture-many > many
calls=20000
fast=$(stat 'xcall7(fast)')
for cpu in 0 $((cpus / 2)) $((cpus - 1)); do
    taskset -c $cpu sh -c 'for round in $(seq $1); do cat /proc/dtrace/torture-calls; done' - "$rounds" > synced.$cpu 2>&1 &
    syncers="$syncers $!"
done
for round in $(seq "$rounds"); do
    dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @e = count(); self->t = ++self->n; }
        syscall::getppid:return /self->t/ { @r = count(); self->t = 0; } END { printa("%@d ", @e); printa("%@d\n", @r); }' \
        -c "getppid $calls $cpus" 2>&1 | grep .
done > counts
wait $syncers
cat $proc/torture-one > one
is "dtrace_sync 200 times in place of once: every call is counted, and every return" "$(sort -u counts)" "$calls $calls"
is "calls go on, each answered" "$(cat synced.* | sort -u)" "calls=300 answered=$((300 * cpus)) ran=$((300 * cpus)) incomplete=0"
ok "so many looks at the counters there were" test $(($(stat 'xcall7(fast)') - fast)) -gt $((200 * cpus * rounds))
is "no target was given up" "$(stat xcall_given_up)" 0
is "the driver has said nothing" "$(kernel_log | grep dtracedrv)" ""
comment "$(grep -E '^(ipi|nmi|xcall)' $proc/stats)"
