# A consumer that is killed in mid-trace leaves no probe: at once nothing is enabled, system calls cost what they did, and the
# driver unloads.
# limit: 120

enabled() { grep -c '^x..\*' /proc/dtrace/syscall; }
# In this boot the clock counts instructions: the figures are the same in every run, whatever else the host does.
least() { for _ in 1 2 3; do cost 50000; done | sort -n | head -1; }

# What the kernel still does after booting would be counted too.
sleep 8
before=$(least)
dtrace -q -n 'syscall:::entry, syscall:::return { @[execname, probefunc] = count(); }' > /dev/null 2>&1 &
tracer=$!
tries=0
while [ "$(enabled)" -lt 700 ] && [ $tries -lt 100 ]; do
    usleep 100000
    tries=$((tries + 1))
done
is "every call is enabled" "$(enabled)" "$(grep -c '^x' /proc/dtrace/syscall)"
during=$(least)
kill -KILL $tracer
wait $tracer 2> /dev/null
is "at once none is" "$(enabled)" 0
after=$(least)
comment "instructions a getppid: before $before, traced $during, after $after"
ok "tracing costs something" awk "BEGIN { exit !($during > $before) }"
ok "after it calls cost what they did before" awk "BEGIN { exit !($after < $before + 1) }"
ok "the driver unloads" rmmod dtracedrv
ok "and loads" load_driver
