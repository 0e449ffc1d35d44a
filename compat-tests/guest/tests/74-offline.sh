# A processor that goes offline keeps nothing back: what it recorded is read, and its part of a speculation is committed.
# limit: 120

if ! [ -w /sys/devices/system/cpu/cpu1/online ]; then
    skip "a processor goes offline" "this guest has one processor, or the kernel cannot take it away"
    exit 0
fi
# profiled COUNT: the processors that profile-97 fires on, once it has on so many, or after half a minute.
profiled() {
    local tries=0
    dtrace -q -n 'profile-97 { printf("%d\n", cpu); }' > profiled &
    local tracer=$!
    until [ "$(sort -u profiled | grep -c .)" -ge "$1" ] || [ $tries = 300 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
    kill $tracer
    wait $tracer
    grep . profiled | sort -nu | tr '\n' ' '
}
all=$(seq 0 $(($(nproc) - 1)) | tr '\n' ' ')
# Two names for one program: one records on processor 1, the other commits on processor 0.
cp "$(command -v witness)" recorder && cp "$(command -v witness)" committer
timeout 60 dtrace -q -o out -n 'BEGIN { s = speculation(); printf("begun\n"); }
    syscall::getpgid:entry /execname == "recorder"/ { printf("plain on %d\n", cpu); }
    syscall::getpgid:entry /execname == "recorder"/ { speculate(s); printf("kept on %d\n", cpu); }
    syscall::getpgid:entry /execname == "committer"/ { commit(s); }
    syscall::getpgid:entry /execname == "committer"/ { printf("committed on %d\n", cpu); done++; }
    tick-1s /done && ++after == 3/ { exit(0); }' 2> err &
tracer=$!
tries=0
until grep -q begun out 2> /dev/null || [ $tries -gt 300 ]; do
    usleep 100000
    tries=$((tries + 1))
done
taskset 2 ./recorder regs > /dev/null
echo 0 > /sys/devices/system/cpu/cpu1/online
taskset 1 ./committer regs > /dev/null
wait $tracer
is "dtrace ends well" $? 0
is "all is there" "$(grep . out | sort | tr '\n' ' ')" "begun committed on 0 kept on 1 plain on 1 "
output=$(dtrace -q -n 'syscall::getppid:entry /execname == "getppid"/ { @ = count(); }' -c 'getppid 1000')
matches "tracing goes on without the processor" "$output" '^ +1000$'
is "profile fires on those that are there" "$(profiled $(nproc))" "$(echo "$all" | sed 's/1 //')"
timeout 10 dtrace -q -x cpu=1 -n 'BEGIN { exit(0); }' > /dev/null 2>&1
is "tracing on the missing one is refused" $? 1
echo 1 > /sys/devices/system/cpu/cpu1/online
is "and again on all when it is back" "$(profiled $(nproc))" "$all"
ok "the driver unloads" rmmod dtracedrv
load_driver
