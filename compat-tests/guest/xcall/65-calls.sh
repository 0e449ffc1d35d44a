# Every CPU calls every other, timers call from inside interrupts, probes fire and consumers come and go: nothing is lost.
# limit: 600

cpus=$(nproc)
proc=/proc/dtrace
stat() { sed -n "s/^$1=//p" $proc/stats; }

dtrace -q -n 'syscall:::entry { @[execname] = count(); }' > /dev/null 2>&1 &
tracer=$!
cpu=0
while [ $cpu -lt "$cpus" ]; do
    taskset -c $cpu cat $proc/torture-calls > calls.$cpu 2>&1 &
    callers="$callers $!"
    cpu=$((cpu + 1))
done
cat $proc/torture-timers > timers &
timers=$!
# Consumers that come and go meanwhile.
for round in 1 2 3; do
    dtrace -q -n 'profile-97 { @ = count(); } tick-1s { exit(0); }' > /dev/null 2>&1
done
wait $callers $timers
is "every call of every CPU is answered by every CPU, once" \
    "$(cat calls.* | sort -u)" "calls=300 answered=$((300 * cpus)) ran=$((300 * cpus)) incomplete=0"
comment "$(cat timers)"
matches "calls from timers, too" "$(cat timers)" '^ticks=[1-9][0-9]* failed=0$'
ok "dtrace_sync 200 times in place of once" cat $proc/torture-syncs
is "and probes fire still" "$(dtrace -q -n 'syscall::getppid:entry { @ = count(); }' -c 'getppid 1000' | tr -d ' \n')" 1000
kill $tracer
wait $tracer 2> /dev/null
is "no target was given up" "$(stat xcall_given_up)" 0
ok "interrupts were taken and counted" test "$(stat ipi1)" -gt 0
ok "calls were nested" test "$(stat 'xcall3(reentrant)')" -gt 0
comment "$(grep -E '^(ipi|nmi|xcall)' $proc/stats)"
