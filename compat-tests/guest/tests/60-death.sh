# However dtrace ends, no probe is left and the driver unloads.
# limit: 120

# Starts it, and returns when it is at work.
enabled() {
    dtrace -q -n 'syscall:::entry { @[execname] = count(); }' > out 2> err &
    tracer=$!
    until_traced
}

# A background job of a script ignores SIGINT: timeout sends it to dtrace in the foreground.
timeout -s INT 6 dtrace -q -n 'syscall:::entry { @[execname] = count(); } END { printf("the end"); }' > out
matches "^C prints the aggregation" "$(cat out)" '^ +(sh|sleep|dtrace|timeout) +[0-9]+$'
matches "after END has fired" "$(cat out)" 'the end'
ok "and the driver unloads" rmmod dtracedrv
load_driver

for signal in TERM KILL; do
    enabled
    kill -$signal $tracer
    wait $tracer
    ok "after SIG$signal the driver unloads at once" rmmod dtracedrv
    load_driver
done

rmmod dtracedrv
output=$(DTRACE_DEV=/dev/dtrace dtrace -n 'syscall:::entry { exit(0); }' 2>&1)
is "without the driver, if it is asked for, dtrace fails" $? 1
matches "and says so" "$output" '^dtrace: failed to initialize dtrace: DTrace device not available on system$'
is "in one line" "$(echo "$output" | wc -l)" 1
output=$(dtrace -q -n 'syscall::getppid:entry { @ = count(); }' -c 'getppid 1000')
matches "else it traces a command by itself" "$output" '^ +1000$'
load_driver
output=$(su nobody -c "dtrace -n 'syscall:::entry { exit(0); }'" 2>&1)
is "without rights it fails" $? 1
is "with one line" "$(echo "$output" | wc -l)" 1
