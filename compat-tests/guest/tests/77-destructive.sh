# What changes the traced process, or the machine: it happens, with -w and not without it.
# limit: 180

state() { sed 's/.*) \(.\) .*/\1/' /proc/"$1"/stat 2> /dev/null; }
# Starts a process that makes calls until it is ended.
victim() {
    witness wait > ready &
    pid=$!
    until grep -q ready ready; do sleep 0.1; done
}
# Waits until a process is in a state.
becomes() {
    local n=0
    while [ "$(state "$1")" != "$2" ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
    state "$1"
}

output=$(dtrace -n 'BEGIN { raise(9); }' 2>&1)
is "without -w such a program is refused" $? 1
matches "with the reason" "$output" '[Dd]estructive'

victim
dtrace -q -w -n "syscall::getppid:entry /pid == $pid/ { stop(); exit(0); }"
is "stop() stops the process" "$(becomes $pid T)" T
kill -CONT $pid
is "which can be continued" "$(becomes $pid S | tr DR SS)" S
dtrace -q -w -n "syscall::getppid:return /pid == $pid/ { raise(10); exit(0); }"
wait $pid
is "raise() sends the signal to the process" $? $((128 + 10))

victim
dtrace -q -w -n "syscall::getppid:entry /pid == $pid/ { raise(15); stop(); } tick-1s { exit(0); }"
kill -CONT $pid 2> /dev/null
wait $pid
is "and several of them from one firing" $? $((128 + 15))

victim
output=$(dtrace -q -w -n "syscall::getppid:entry /pid == $pid/ { raise(500); } ERROR { printf(\"%d \", arg4); exit(0); }" 2> /dev/null)
is "what is no signal is an illegal operation" "$output" "3 "
is "and leaves the process alone" "$(becomes $pid S | tr DR SS)" S
kill $pid

output=$(dtrace -q -w -n 'syscall::getcwd:entry /pid == $target/ { self->b = arg0; }
    syscall::getcwd:return /self->b/ { copyoutstr("DTr", self->b, 4); self->b = 0; }' -c 'witness memory')
is "copyoutstr() writes the process's memory" "$output" "DTr"
output=$(dtrace -q -w -n 'syscall::getcwd:entry /pid == $target/ { self->b = arg0; }
    syscall::getcwd:return /self->b/ { this->x = (char *)alloca(4); this->x[0] = 65; this->x[1] = 66; copyout(this->x, self->b, 2); }' \
    -c 'witness memory' | cut -c 1-2)
is "copyout() too" "$output" "AB"

output=$(dtrace -q -w -n 'BEGIN { system("echo hello from %d", 7); exit(0); }')
is "system() runs a command" "$output" "hello from 7"
dtrace -q -w -n 'BEGIN { printf("before\n"); freopen("/tmp/test/elsewhere"); printf("there\n"); freopen(""); printf("after\n"); exit(0); }' > here
is "freopen() sends output elsewhere and back" "$(grep . here | tr '\n' ' ')$(cat elsewhere)" "before after there"

output=$(dtrace -q -w -n 'BEGIN { breakpoint(); } BEGIN { printf("alive "); exit(0); } ERROR { printf("%d", arg4); }' 2> /dev/null)
is "breakpoint() without a debugger is an illegal operation, and the machine runs on" "$output" "alive 3"
output=$(dtrace -q -w -n 'BEGIN { chill(400000000); } BEGIN { chill(200000000); } BEGIN { exit(0); } ERROR { printf("%d", arg4); }' 2> /dev/null)
is "chill() is limited to half a second in a second" "$output" 3

rmmod dtracedrv
ok "the module can be told to allow nothing of this" insmod /lib/modules/"$(uname -r)"/extra/dtracedrv.ko dtrace_destructive_disallow=1
output=$(dtrace -w -n 'BEGIN { exit(0); }' 2>&1)
is "then -w is refused" $? 1
matches "with the reason" "$output" '[Dd]estructive|[Pp]ermission|denied'
ok "and everything else is not" dtrace -q -n 'BEGIN { exit(0); }'
ok "the driver unloads" rmmod dtracedrv
load_driver
