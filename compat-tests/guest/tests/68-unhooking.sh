# The end of the last hook on a system call's handler waits for every task of the machine. Nobody waits with it: neither who ends,
# nor who comes next, whose calls are counted, to the last one. And when the driver is unloaded nothing is left.
# limit: 120

functions=/sys/kernel/tracing/enabled_functions
# hooks NUMBER: waits until so many functions that handle getppid are hooked, up to ten seconds.
hooks() {
    local tries=0
    until [ "$(grep -c 'sys_getppid' $functions)" = "$1" ] || [ $tries = 100 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
    grep -c 'sys_getppid' $functions
}
# Ends with a hook in place, at once: by SIGKILL.
ended() {
    dtrace -q -n 'syscall:x64:getppid:entry, syscall:x32:getppid:entry' > /dev/null 2>&1 &
    local tracer=$!
    until_traced
    hooked=$(grep -c 'sys_getppid' $functions)
    [ -z "$1" ] || "$1"
    kill -KILL $tracer
    wait $tracer
}
count() { dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @ = count(); }' -c 'getppid 1000' | tr -d ' \n'; }

ended
if [ "$hooked" = 0 ]; then
    skip "nobody waits for a hook's end" "this kernel has no hooks on handlers"
    exit 0
fi
is "a hook is gone soon after who had it" "$(hooks 0)" 0
is "others come and go at once, each exact" "$(for n in 1 2 3 4 5; do count; done)" 10001000100010001000

# A processor that lets nobody else on it: the kernel's own thread there, which would say that no task is in the hook, does not run.
echo -1 > /proc/sys/kernel/sched_rt_runtime_us
taken() {
    occupy $(($(nproc) - 1)) 18 &
    occupant=$!
}
ended taken
ok "who ends does not wait for that processor" kill -0 $occupant
is "who comes next is exact" "$(count)" 1000
is "and so is who comes then" "$(count)" 1000
# The file of who ended last may be closed by a kernel thread on that processor: then the driver is in use as long.
removed() {
    local tries=0
    until rmmod dtracedrv 2> refused || [ $tries = 300 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
    ! driver_loaded
}
removed &
remover=$!
wait $occupant
wait $remover
is "the driver unloads, as soon as that processor is free" "$?" 0
echo 950000 > /proc/sys/kernel/sched_rt_runtime_us
is "no hook is left" "$(cat $functions)" ""
ok "the driver loads" load_driver
is "and counts" "$(count)" 1000
