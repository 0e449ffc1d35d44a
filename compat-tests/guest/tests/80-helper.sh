# Processes bring helpers, which name the frames of their user stacks; and dtrace_ctl moves memory for who may.
# limit: 180

# stack WHAT [BITS]: what jstack() shows of the process that abi helper WHAT ends as.
stack() {
    dtrace -q -n 'syscall::getppid:entry /progenyof($target)/ { jstack(5, 200); }' -c "/usr/local/bin/abi${2:-64} helper $1"
}
output=$(stack)
is "a helper names every frame: the call, two functions, and who called them" \
    "$(echo "$output" | grep -c '^ *annotated$')" "$(echo "$output" | grep -c '[^ ]')"
matches "there are frames" "$output" annotated
output=$(stack "" 32)
matches "a 32-bit process has helpers, too" "$output" '^ *annotated$'
output=$(stack remove)
matches "what was taken back names nothing: the frames are there" "$output" 'abi64`|0x'
is "without names" "$(echo "$output" | grep -c annotated)" 0
matches "a forked child has its parent's helpers" "$(stack fork)" '^ *annotated$'
output=$(stack exec)
matches "another program in the same process has frames" "$output" 'abi64`|0x'
is "and no helpers of the one before" "$(echo "$output" | grep -c annotated)" 0
output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ { @[ustack(3, 100)] = count(); }' -c 'abi64 helper')
matches "a stack with strings is a key of an aggregation" "$output" '^ *annotated$'
output=$(dtrace -q -n 'syscall::getppid:entry /pid == $target/ { ustack(3); }' -c 'abi64 helper')
is "ustack() without room for strings has none" "$(echo "$output" | grep -c annotated)" 0
output=$(dtrace -n 'syscall::getppid:entry /pid == $target/ { jstack(5, 8); }' -c 'abi64 helper' 2>&1)
matches "strings without room are told of" "$output" 'string table overflow'

# helpers: how many processes have some, as the driver counts them.
helpers() { sed -n 's/^helpers=//p' /proc/dtrace/stats; }
# gone: the same once there are none, or after twenty seconds: who was forked may end later than who is waited for.
gone() {
    local tries=0
    while [ "$(helpers)" != 0 ] && [ $tries -lt 200 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
    helpers
}
is "processes that ended have left nothing" "$(gone)" 0
dtrace -q -n 'syscall::getppid:entry /execname == "abi64" || execname == "abi32"/ { @[jstack(4, 100)] = count(); }
    tick-10s { exit(0); }' > out &
tracer=$!
sleep 2
is "a thousand damaged helpers are answered" "$(abi64 helper bend 1000 1)" "accepted and refused"
is "and a thousand of a 32-bit process" "$(abi32 helper bend 1000 2)" "accepted and refused"
i=0
while [ $i -lt 40 ]; do
    abi64 helper fork & abi64 helper exec & abi32 helper remove & abi64 helper bend 20 $i > /dev/null &
    i=$((i + 1))
    [ $((i % 8)) != 0 ] || wait $!
done
wait $tracer
is "the tracer ends well beside processes that come, fork, exec and go" $? 0
wait
is "and they leave nothing" "$(gone)" 0
is "no fork was overlooked" "$(sed -n 's/^helper_forks_lost=//p' /proc/dtrace/stats)" 0
matches "/proc/dtrace/fasttrap says that there are no tracepoints" "$(cat /proc/dtrace/fasttrap)" '^tpoints=0 procs=0 provs=0 total=0$'

# A process of ours, one of nobody's, and where each begins.
sleep 1000 & ours=$!
su nobody -s /bin/sh -c 'exec sleep 1000' & theirs=$!
sleep 1
start() { sed -n '1s/-.*//p' "/proc/$1/maps"; }
elf=" 4 7f 45 4c 46"
is "root reads any process" "$(abi64 read $theirs "$(start $theirs)")" "read$elf"
is "also as a 32-bit program, below 4 GiB" "$(abi32 requests | grep -c '^ctl RDMEM 7 memory$')" 1
nobody() { su nobody -s /bin/sh -c "abi64 read $1 $2"; }
at_ours=$(start $ours) at_theirs=$(start $theirs)
is "without a privilege one's own process is refused" "$(nobody $theirs "$at_theirs")" "read error 1 0 0 0 0"
echo "all priv_user" > /dev/dtrace
is "with priv_user one reads one's own" "$(nobody $theirs "$at_theirs")" "read$elf"
is "but not root's" "$(nobody $ours "$at_ours")" "read error 1 0 0 0 0"
printf 'clear\nall priv_proc\n' > /dev/dtrace
is "with priv_proc the kernel still refuses root's" "$(nobody $ours "$at_ours")" "read error 1 0 0 0 0"
echo clear > /dev/dtrace
kill $ours $theirs
wait $ours $theirs 2> /dev/null
is "a process that is gone" "$(abi64 read $ours "$at_ours")" "read error 3 0 0 0 0"
# One that is stopped when it has brought its helper, in the middle of its call.
sh -c 'kill -STOP $$; exec abi64 helper' & ours=$!
# stopped: waits until it is, up to half a minute.
stopped() {
    local tries=0
    until grep -q ') T ' /proc/$ours/stat || [ $tries = 300 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
}
stopped
dtrace -q -w -n "syscall::getppid:entry /pid == $ours/ { stop(); exit(0); }" > out & tracer=$!
until_traced
kill -CONT $ours
wait $tracer
stopped
is "a process with a helper is stopped" "$(helpers)" 1
ok "the driver unloads while processes with helpers live" rmmod dtracedrv
ok "it loads again" load_driver
kill -CONT $ours
wait $ours
is "and they go on" $? 0
