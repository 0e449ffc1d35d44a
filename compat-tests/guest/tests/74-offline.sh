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
# rows NUMBER FROM: how often profile-97 has fired on a processor, from a row of its output on.
rows() { sed -n "$2,\$p" throughout | grep -c "^$1\$"; }
# until_rows NUMBER FROM: until it has at least once, for half a minute at most.
until_rows() {
    local tries=0
    until [ "$(rows "$1" "$2")" -gt 0 ] || [ $tries = 300 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
}
dtrace -q -n 'BEGIN { start = timestamp; } profile-97 { printf("%d\n", cpu); }
    END { printf("end %d\n", (timestamp - start) / 1000000); }' > throughout &
tracer=$!
until_rows 1 1
echo 0 > /sys/devices/system/cpu/cpu1/online
sleep 3
echo 1 > /sys/devices/system/cpu/cpu1/online
back=$(wc -l < throughout)
until_rows 1 $((back + 1))
kill -INT $tracer
wait $tracer
matches "profile fires again on one that has come back" "$(rows 1 $((back + 1)))" '^[1-9]'
most=$(awk '/^end/ { print int($2 * 97 / 1000) + 1 }' throughout)
is "and meanwhile on no other in its place: $most times at most" \
    "$(awk -v most="$most" 'NF == 1 { n[$1]++ } END { for (cpu in n) if (n[cpu] > most) print cpu, n[cpu] }' throughout)" ""

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
