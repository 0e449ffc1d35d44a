# Instructions per getppid, and what each D program on it adds. In a guest whose clock counts instructions: a nanosecond is one.
# Every run of it prints the same, but for the last digit.

# What the kernel still does behind its start is over by then; virtual seconds cost nothing.
sleep 8
calls=100000
base=$(cost $calls)

# enabled CALLNUMBER: whether the driver has a probe on this 64-bit call.
enabled() { grep -q "^x64\* *$1 " /proc/dtrace/syscall; }

# row NAME CALLNUMBER PROGRAM: the cost with the program enabled; CALLNUMBER is a call that it enables.
row() {
    dtrace -q -x switchrate=1m -x aggrate=1m -n "$3" > /dev/null 2> /tmp/err &
    tracer=$!
    tries=0
    until enabled "$2"; do
        sleep 1
        tries=$((tries + 1))
        if [ $tries -gt 60 ]; then
            cat /tmp/err
            echo "$1: it does not get enabled"
            exit 1
        fi
    done
    # The consumer has printed and sleeps.
    sleep 2
    cost=$(cost $calls)
    kill -TERM $tracer
    wait $tracer
    awk "BEGIN { printf \"%-44s %8.1f %+8.1f\n\", \"$1\", $cost, $cost - $base }"
}

printf '%-44s %8s %8s\n' "getppid" instructions added
printf '%-44s %8.1f\n' "nothing enabled" "$base"
row "another call enabled" 39 'syscall:x64:getpid:entry {}'
row "empty clause" 110 'syscall:x64:getppid:entry {}'
row "empty clauses at entry and return" 110 'syscall:x64:getppid: {}'
row "false predicate, cacheable" 110 'syscall:x64:getppid:entry /pid == 1/ {}'
row "@ = count()" 110 'syscall:x64:getppid:entry { @ = count(); }'
row "@[execname] = count()" 110 'syscall:x64:getppid:entry { @[execname] = count(); }'
row "a 16-byte record: trace(arg0)" 110 'syscall:x64:getppid:entry { trace(arg0); }'
row "quantize of latency, entry and return" 110 'syscall:x64:getppid:entry { self->t = timestamp; } syscall:x64:getppid:return /self->t/ { @ = quantize(timestamp - self->t); self->t = 0; }'
printf '%-44s %8.1f\n' "nothing enabled any more" "$(cost $calls)"

# The peer, where it was brought along: the same probes by the tracepoints that it has.
peer() {
    bpftrace -e "$2" > /tmp/peer 2>&1 &
    tracer=$!
    tries=0
    until grep -q Attaching /tmp/peer 2> /dev/null; do
        sleep 1
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            cat /tmp/peer
            echo "bpftrace, $1: it does not get attached"
            exit 1
        fi
    done
    # It says so before it does.
    sleep 20
    cost=$(cost $calls)
    kill -INT $tracer
    wait $tracer
    awk "BEGIN { printf \"%-44s %8.1f %+8.1f\n\", \"bpftrace: $1\", $cost, $cost - $base }"
}
if command -v bpftrace > /dev/null; then
    peer "another call enabled" 'tracepoint:syscalls:sys_enter_getpid { @ = count(); }'
    peer "@ = count()" 'tracepoint:syscalls:sys_enter_getppid { @ = count(); }'
    peer "false predicate" 'tracepoint:syscalls:sys_enter_getppid /pid == 1/ { @ = count(); }'
    peer "@[comm] = count()" 'tracepoint:syscalls:sys_enter_getppid { @[comm] = count(); }'
    peer "hist of latency, entry and return" 'tracepoint:syscalls:sys_enter_getppid { @t[tid] = nsecs; } tracepoint:syscalls:sys_exit_getppid /@t[tid]/ { @ = hist(nsecs - @t[tid]); delete(@t[tid]); }'
fi
